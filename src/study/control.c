/* SPDX-License-Identifier: Apache-2.0 */
/* study/control.c - changes of the study itself: budget, sampler, metadata; stop, pause, resume.
 *
 * Every change is one event.  What is kept as text carries its sequence number in header.texts_seq, so each
 * worker notices at its next call and reads the texts again. */
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "study/study.h"

static int ended_by_budget(const hpo_study_header *h)
{
    switch (h->stop_reason) {
    case HPO_STOP_REASON_TRIALS:
    case HPO_STOP_REASON_TIME:
    case HPO_STOP_REASON_COST:
    case HPO_STOP_REASON_TARGET:
    case HPO_STOP_REASON_STAGNATION:
        return h->status == HPO_STUDY_STOPPED;
    default:
        return 0;
    }
}

static void set_active(hpo_study_header *h)
{
    h->status = HPO_STUDY_ACTIVE;
    h->stop_reason = HPO_STOP_REASON_NONE;
}

static hpo_status store_spec(hpo_study *s, hpo_study_header *h, const hpo_study_spec *spec, hpo_error *err)
{
    char *json = NULL;
    HPO_TRY(hpo_spec__write(spec, &json, err));
    h->texts_seq = hpo_study__event(h, hpo_study__now(s, h));
    const char *stop_text = h->status == HPO_STUDY_ACTIVE && s->stop_text != NULL ? "" : NULL;
    hpo_status status = s->ops->update_study(s->store, s->id, json, NULL, NULL, stop_text, err);
    hpo_free(json);
    return status;
}

/* A study that ended because a budget was spent goes on when the new budget is not. */
static hpo_status set_budget_in(hpo_study *s, hpo_study_header *h, const hpo_budget *b, hpo_error *err)
{
    hpo_study_spec spec = s->spec; /* shallow: only written out */
    HPO_TRY(hpo_spec__check_budget(b, s->shape.n_objectives, err));
    spec.budget = *b;
    if (ended_by_budget(h)) {
        hpo_budget old = s->spec.budget;
        s->spec.budget = *b;
        int over = !hpo_budget__may_create(s, h) ||
                   hpo_budget__spent(s, h, hpo_study__now(s, h)) != HPO_STOP_REASON_NONE;
        s->spec.budget = old;
        if (!over) set_active(h);
    }
    return store_spec(s, h, &spec, err);
}

hpo_status hpo_study__set_budget(hpo_study *s, const hpo_budget *b, hpo_error *err)
{
    hpo_study_header h;
    HPO_TRY(hpo_study__begin_fresh(s, &h, err));
    return hpo_study__commit_fresh(s, &h, set_budget_in(s, &h, b, err), err);
}

/* The new sampler is opened first: what it cannot do is refused before anything is stored. */
static hpo_status set_sampler_in(hpo_study *s, hpo_study_header *h, const char *sampler, hpo_error *err)
{
    hpo_sampler trial = {0};
    hpo_study_spec spec = s->spec;
    HPO_TRY(hpo_study__open_sampler(s, sampler, s->space, &trial, err));
    hpo_sampler_close(&trial);
    char *text = hpo_strdup(sampler);
    if (text == NULL) return hpo_fail_memory(err);
    /* What was suggested before is explained by the sampler that did it. */
    spec.past = hpo_alloc_array(s->spec.n_past + 1, sizeof *spec.past);
    if (spec.past == NULL) {
        hpo_free(text);
        return hpo_fail_memory(err);
    }
    for (size_t i = 0; i < s->spec.n_past; i++)
        spec.past[i] = s->spec.past[i];
    if (h->next_draw > s->spec.draw_base)
        spec.past[spec.n_past++] = (hpo_past_sampler){s->spec.sampler, s->spec.draw_base, h->next_draw};
    spec.sampler = text;
    spec.draw_base = h->next_draw; /* a grid begins with its first point */
    if (h->status == HPO_STUDY_STOPPED && h->stop_reason == HPO_STOP_REASON_EXHAUSTED) set_active(h);
    hpo_status status = store_spec(s, h, &spec, err);
    hpo_free(spec.past);
    hpo_free(text);
    return status;
}

hpo_status hpo_study__set_sampler(hpo_study *s, const char *sampler, hpo_error *err)
{
    hpo_study_header h;
    if (sampler == NULL) sampler = HPO_DEFAULT_SAMPLER;
    HPO_TRY(hpo_study__begin_fresh(s, &h, err));
    return hpo_study__commit_fresh(s, &h, set_sampler_in(s, &h, sampler, err), err);
}

static hpo_status set_until_in(hpo_study *s, hpo_study_header *h, const char *until, hpo_error *err)
{
    hpo_study_spec spec = s->spec;
    spec.until = hpo_strdup(until);
    if (spec.until == NULL) return hpo_fail_memory(err);
    char *text = spec.until;
    if (*text == '\0') spec.until = NULL;
    if (h->status == HPO_STUDY_STOPPED && h->stop_reason == HPO_STOP_REASON_UNTIL) set_active(h);
    hpo_status status = store_spec(s, h, &spec, err);
    hpo_free(text);
    return status;
}

hpo_status hpo_study__set_until(hpo_study *s, const char *until, hpo_error *err)
{
    hpo_study_header h;
    hpo_until *tried = NULL;
    if (until == NULL) until = "";
    if (*until != '\0' && hpo_space_n_params(s->space) >
                              0) { /* a rule that cannot be read is refused before anything is stored */
        const hpo_rule_problem problem = {s->space, s->shape.n_objectives, s->seed, s->sign[0]};
        HPO_TRY(hpo_until_open(until, &problem, &tried, err));
        hpo_until_free(tried);
    }
    HPO_TRY(hpo_study__begin_fresh(s, &h, err));
    return hpo_study__commit_fresh(s, &h, set_until_in(s, &h, until, err), err);
}

hpo_status hpo_study__check_object(const char *json, const char *what, hpo_error *err)
{
    struct json_object *root = NULL;
    HPO_TRY(hpo_json_parse(json, strlen(json), what, &root, err));
    int ok = json_object_is_type(root, json_type_object);
    json_object_put(root);
    return ok ? HPO_OK : hpo_fail(err, HPO_EINVAL, "%s is not a JSON object: write {\"key\":value}", what);
}

hpo_status hpo_study__set_metadata(hpo_study *s, const char *json, hpo_error *err)
{
    hpo_study_header h;
    if (json == NULL) json = "{}";
    HPO_TRY(hpo_study__check_object(json, "metadata", err));
    HPO_TRY(hpo_study__begin_fresh(s, &h, err));
    h.texts_seq = hpo_study__event(&h, hpo_study__now(s, &h));
    hpo_status status = s->ops->update_study(s->store, s->id, NULL, json, NULL, NULL, err);
    return hpo_study__commit_fresh(s, &h, status, err);
}

/* ---- stop, pause, resume --------------------------------------------------------------------------- */

hpo_status hpo_study__stop(hpo_study *s, hpo_stop_reason why, const char *text, hpo_error *err)
{
    hpo_study_header h;
    HPO_TRY(hpo_study__begin_fresh(s, &h, err));
    hpo_status status = hpo_budget__stop(s, &h, hpo_study__now(s, &h), why, text, err);
    return hpo_study__commit_fresh(s, &h, status, err);
}

static hpo_status rest_in(hpo_study *s, hpo_study_header *h, hpo_study_status to, hpo_error *err)
{
    if (h->status == (int32_t)to) return HPO_OK;
    if (to == HPO_STUDY_PAUSED && h->status == HPO_STUDY_STOPPED)
        return hpo_fail(err, HPO_ESTATE, "study '%s' is stopped (%s): resume it first", s->name,
                        hpo_stop_reason_name((hpo_stop_reason)h->stop_reason));
    set_active(h);
    h->status = (int32_t)to;
    h->texts_seq = hpo_study__event(h, hpo_study__now(s, h));
    return s->ops->update_study(s->store, s->id, NULL, NULL, NULL, "", err);
}

hpo_status hpo_study__rest(hpo_study *s, hpo_study_status to, hpo_error *err)
{
    hpo_study_header h;
    HPO_TRY(hpo_study__begin_fresh(s, &h, err));
    return hpo_study__commit_fresh(s, &h, rest_in(s, &h, to, err), err);
}
