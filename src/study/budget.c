/* SPDX-License-Identifier: Apache-2.0 */
/* study/budget.c - when a study is over: O(1), from the header's counters alone.
 *
 * Two kinds of limit.  The number of trials limits creation only: waiting trials were counted when they were
 * created and are still evaluated.  Time, cost, target and stagnation end the whole study: nothing more is
 * handed out, waiting or not.  Either way the study is STOPPED when the last running trial has ended, and the
 * reason is stored once. */
#include <math.h>

#include "base/error.h"
#include "base/str.h"
#include "study/study.h"

hpo_stop_reason hpo_budget__spent(const hpo_study *s, const hpo_study_header *h, int64_t now)
{
    const hpo_budget *b = &s->spec.budget;
    if (b->seconds > 0 && (double)hpo_study__active(h, now) >= b->seconds * 1000) return HPO_STOP_REASON_TIME;
    if (b->cost > 0 && h->cost >= b->cost) return HPO_STOP_REASON_COST;
    if (!isnan(b->target) && h->best_value <= b->target * s->sign[0]) return HPO_STOP_REASON_TARGET;
    if (b->stagnation > 0 && h->since_best >= b->stagnation) return HPO_STOP_REASON_STAGNATION;
    return HPO_STOP_REASON_NONE;
}

int hpo_budget__may_create(const hpo_study *s, const hpo_study_header *h)
{
    return s->spec.budget.trials == 0 || h->next_number < s->spec.budget.trials;
}

static void describe(const hpo_study *s, hpo_stop_reason why, hpo_str *o)
{
    const hpo_budget *b = &s->spec.budget;
    switch (why) {
    case HPO_STOP_REASON_TRIALS:
        hpo_str_addf(o, "the budget of %lld trial%s is spent", (long long)b->trials, hpo_plural(b->trials));
        return;
    case HPO_STOP_REASON_TIME:
        hpo_str_addf(o, "the budget of %g active seconds is spent", b->seconds);
        return;
    case HPO_STOP_REASON_COST:
        hpo_str_addf(o, "the budget of cost %g is spent", b->cost);
        return;
    case HPO_STOP_REASON_TARGET:
        hpo_str_addf(o, "the target %g was reached", b->target);
        return;
    case HPO_STOP_REASON_STAGNATION:
        hpo_str_addf(o, "no improvement for %lld finished trial%s", (long long)b->stagnation,
                     hpo_plural(b->stagnation));
        return;
    default:
        hpo_str_add(o, "every configuration was tried");
    }
}

hpo_status hpo_budget__stop(hpo_study *s, hpo_study_header *h, int64_t now, hpo_stop_reason why,
                            const char *text, hpo_error *err)
{
    if (h->status == HPO_STUDY_STOPPED) return HPO_OK;
    h->status = HPO_STUDY_STOPPED;
    h->stop_reason = (int32_t)why;
    h->texts_seq = hpo_study__event(h, now);
    return s->ops->update_study(s->store, s->id, NULL, NULL, NULL, text != NULL ? text : "", err);
}

hpo_status hpo_budget__finish(hpo_study *s, hpo_study_header *h, int64_t now, hpo_stop_reason why,
                              hpo_error *err)
{
    /* After the last lease has ended nobody runs anything, whatever the counters say. */
    if (h->n_by_state[HPO_STATE_RUNNING] > 0 && now <= h->lease_max_ms) return HPO_WAIT;
    hpo_str text = {0};
    describe(s, why, &text);
    hpo_status status = text.failed ? hpo_fail_memory(err) : hpo_budget__stop(s, h, now, why, text.text, err);
    hpo_str_fini(&text);
    return status == HPO_OK ? HPO_DONE : status;
}

hpo_status hpo_budget__reopen(hpo_study *s, hpo_study_header *h, hpo_error *err)
{
    int for_lack = h->stop_reason == HPO_STOP_REASON_TRIALS || h->stop_reason == HPO_STOP_REASON_EXHAUSTED;
    if (h->status != HPO_STUDY_STOPPED || !for_lack) return HPO_OK;
    h->status = HPO_STUDY_ACTIVE;
    h->stop_reason = HPO_STOP_REASON_NONE;
    h->texts_seq = h->seq;
    return s->ops->update_study(s->store, s->id, NULL, NULL, NULL, "", err);
}
