/* SPDX-License-Identifier: Apache-2.0 */
/* api/trial.c - looking at a trial in hand, and letting it go. */
#include <math.h>

#include "base/alloc.h"
#include "math/rng.h"
#include "study/study.h"

void hpo_trial_free(hpo_trial *t)
{
    if (t == NULL) return;
    hpo_study *s = t->study;
    if (s == NULL) {
        hpo_free(t); /* its study was freed first */
        return;
    }
    hpo_mutex_lock(&s->lock);
    hpo_study__return_handle(s, t);
    hpo_mutex_unlock(&s->lock);
}

int64_t hpo_trial_number(const hpo_trial *t)
{
    return t == NULL ? -1 : t->number;
}

int64_t hpo_trial_draw(const hpo_trial *t)
{
    return t == NULL ? -1 : t->draw;
}

uint64_t hpo_trial_token(const hpo_trial *t)
{
    return t == NULL ? 0 : t->token;
}

int32_t hpo_trial_attempt(const hpo_trial *t)
{
    return t == NULL ? 0 : t->attempt;
}

int64_t hpo_trial_parent(const hpo_trial *t)
{
    return t == NULL ? -1 : t->parent;
}

uint64_t hpo_trial_seed(const hpo_trial *t)
{
    hpo_rng rng;
    if (t == NULL) return 0;
    hpo_rng_init(&rng, t->study_seed, (uint64_t)t->number, HPO_RNG_PROGRAM);
    return hpo_rng_u64(&rng);
}

const double *hpo_trial_x(const hpo_trial *t)
{
    return t == NULL ? NULL : t->x;
}

const hpo_space *hpo_trial_space(const hpo_trial *t)
{
    return t == NULL || t->study == NULL ? NULL : t->study->space;
}

/* The parameter's description and first value; 0 when it is unknown or inactive. */
static int find(const hpo_trial *t, const char *name, hpo_param_info *info, double *value)
{
    const hpo_space *space = hpo_trial_space(t);
    if (space == NULL || name == NULL) return 0;
    int64_t i = hpo_space_find(space, name);
    info->size = sizeof *info;
    if (i < 0 || hpo_space_param(space, (size_t)i, info, NULL) != HPO_OK) return 0;
    *value = t->x[info->column];
    return !isnan(*value);
}

double hpo_trial_float(const hpo_trial *t, const char *name)
{
    hpo_param_info info;
    double value;
    return find(t, name, &info, &value) ? value : (double)NAN;
}

int64_t hpo_trial_int(const hpo_trial *t, const char *name)
{
    hpo_param_info info;
    double value;
    if (!find(t, name, &info, &value) || !(fabs(value) <= 9007199254740992.0)) return INT64_MIN; /* 2^53 */
    return (int64_t)value;
}

const char *hpo_trial_label(const hpo_trial *t, const char *name)
{
    hpo_param_info info;
    double value;
    if (!find(t, name, &info, &value) || info.labels == NULL) return NULL;
    int single =
        info.kind == HPO_KIND_CATEGORICAL || info.kind == HPO_KIND_ORDINAL || info.kind == HPO_KIND_CONST;
    return single && value >= 0 && value < (double)info.n_labels ? info.labels[(size_t)value] : NULL;
}
