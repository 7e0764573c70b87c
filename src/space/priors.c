/* SPDX-License-Identifier: Apache-2.0 */
/* space/priors.c - a space with other priors: the same parameters, conditions and constraints, so that points
 * of the cube mean the same in both.  A copy is made through JSON, as everywhere. */
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "space/space.h"

static int takes_centre(const hpo_param *p)
{
    int number = p->kind == HPO_KIND_FLOAT || p->kind == HPO_KIND_INT;
    int label = p->kind == HPO_KIND_CATEGORICAL || p->kind == HPO_KIND_ORDINAL || p->kind == HPO_KIND_BOOL;
    return (number && p->low_text == NULL && p->high_text == NULL && !p->is_fidelity) || label;
}

static int changes(const hpo_param *p, hpo_priors how)
{
    return how == HPO_PRIORS_PLAIN ? p->prior != HPO_PRIOR_NONE
                                   : p->prior == HPO_PRIOR_NONE && p->fallback != NULL && takes_centre(p);
}

static void remove_prior(hpo_param *p)
{
    hpo_free(p->prior_text);
    hpo_free(p->weights);
    hpo_free(p->cumulative);
    p->prior_text = NULL;
    p->weights = p->cumulative = NULL;
    p->n_weights = p->cap_weights = 0;
    p->prior = HPO_PRIOR_NONE;
}

static hpo_status believe_default(hpo_param *p, hpo_error *err)
{
    hpo_str text = {0};
    hpo_param_value_text(p, p->fallback, &text);
    HPO_TRY(hpo_str_steal(&text, &p->prior_text, err));
    p->prior = HPO_PRIOR_CENTER;
    p->confidence = HPO_CONFIDENCE_MEDIUM;
    return hpo_param_finish(p, err);
}

static hpo_status change(hpo_space *s, hpo_priors how, hpo_error *err)
{
    for (size_t i = 0; i < s->n_params; i++) {
        hpo_param *p = &s->params[i];
        if (!changes(p, how)) continue;
        if (how == HPO_PRIORS_PLAIN)
            remove_prior(p);
        else
            HPO_TRY(believe_default(p, err));
    }
    return hpo_space_freeze_any(s, err);
}

hpo_status hpo_space_with_priors(const hpo_space *s, hpo_priors how, hpo_space **out, hpo_error *err)
{
    char *json = NULL;
    int any = 0;
    *out = NULL;
    for (size_t i = 0; i < s->n_params; i++)
        any |= changes(&s->params[i], how);
    if (!any) {
        *out = hpo_space_retain(s);
        return HPO_OK;
    }
    hpo_status status = hpo_space_to_json(s, &json, err);
    if (status == HPO_OK) status = hpo_space_load(json, out, err);
    if (status == HPO_OK) status = change(*out, how, err);
    if (status != HPO_OK) {
        hpo_space_free(*out);
        *out = NULL;
    }
    hpo_free(json);
    return status;
}
