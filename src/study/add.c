/* SPDX-License-Identifier: Apache-2.0 */
/* study/add.c - a trial that was made elsewhere, with its result: imports, copies of studies, results of a
 * colleague.
 *
 * It takes a number, no draw and nothing of the budget but its place in it, and counts like any other from
 * then on: models learn from it, it may be the best.  One transaction holds the trial and its reports. */
#include <math.h>

#include "base/error.h"
#include "space/space.h"
#include "study/study.h"

static hpo_status check(const hpo_study *s, const hpo_past_trial *p, hpo_error *err)
{
    if (!hpo_view__is_end((int32_t)p->result.state))
        return hpo_fail(err, HPO_EINVAL,
                        "a trial that is added must have ended: state %d is not COMPLETE, STOPPED, FAILED or "
                        "INFEASIBLE; enqueue it instead",
                        (int)p->result.state);
    if (p->n_reports > 0 && p->reports == NULL) return hpo_fail(err, HPO_EINVAL, "reports is NULL");
    for (size_t i = 0; i < p->n_reports; i++)
        if (p->reports[i].values == NULL || p->reports[i].n_values != s->shape.n_objectives ||
            isnan(p->reports[i].step))
            return hpo_fail(err, HPO_EINVAL, "report %zu of the added trial has no step or not %zu value(s)",
                            i, s->shape.n_objectives);
    return hpo_study__check_result(s, &p->result, err);
}

static hpo_status add_reports(hpo_study *s, hpo_study_header *h, const hpo_past_trial *p, int64_t number,
                              int64_t now, hpo_error *err)
{
    for (size_t i = 0; i < p->n_reports; i++) {
        const hpo_report *r = &p->reports[i];
        for (size_t j = 0; j < s->shape.n_objectives; j++)
            s->y[j] = r->values[j] * s->sign[j];
        hpo_report_record record = {.trial = number,
                                    .seq = hpo_study__event(h, now),
                                    .time_ms = p->ended_ms,
                                    .step = r->step,
                                    .cost = r->cost,
                                    .fold = r->fold,
                                    .attempt = 1,
                                    .y = s->y,
                                    .metrics = r->metrics};
        HPO_TRY(s->ops->insert_report(s->store, s->id, &record, err));
    }
    return HPO_OK;
}

static hpo_status add_in(hpo_study *s, hpo_study_header *h, const hpo_past_trial *p, int64_t *number,
                         hpo_error *err)
{
    const hpo_result *r = &p->result;
    int64_t now = hpo_study__now(s, h);
    int has_values = r->values != NULL && (r->state == HPO_STATE_COMPLETE || r->state == HPO_STATE_STOPPED);
    hpo_trial_record rec = {.number = h->next_number++,
                            .draw = -1,
                            .parent = -1,
                            .state = (int32_t)r->state,
                            .attempt = 1,
                            .flags = HPO_TRIAL_ENQUEUED,
                            .hash = hpo_space_hash(s->space, p->x),
                            .seq_from = h->seq,
                            .created_ms = p->started_ms > 0 ? p->started_ms : now,
                            .started_ms = p->started_ms,
                            .ended_ms = p->ended_ms > 0 ? p->ended_ms : now,
                            .cost = r->cost,
                            .x = p->x,
                            .outcome = r->outcomes,
                            .reason = r->reason,
                            .checkpoint = r->checkpoint,
                            .attributes = p->attributes};
    rec.seq = rec.seq_ask = rec.seq_tell = hpo_study__event(h, now);
    for (size_t i = 0; has_values && i < s->shape.n_objectives; i++)
        s->y[i] = r->values[i] * s->sign[i];
    rec.y = has_values ? s->y : NULL;
    rec.sem = has_values ? r->sems : NULL;
    hpo_study__count(h, -1, rec.state);
    h->cost += r->cost;
    hpo_study__finish(s, h, &rec);
    HPO_TRY(s->ops->insert_trial(s->store, s->id, &rec, err));
    *number = rec.number;
    return add_reports(s, h, p, rec.number, now, err);
}

hpo_status hpo_study__add(hpo_study *s, const hpo_past_trial *p, int64_t *number, hpo_error *err)
{
    hpo_study_header h;
    int64_t got = -1;
    HPO_TRY(check(s, p, err));
    if (p->attributes != NULL) HPO_TRY(hpo_study__check_object(p->attributes, "attributes", err));
    HPO_TRY(hpo_space_validate(s->space, p->x, err));
    HPO_TRY(hpo_study__begin_fresh(s, &h, err));
    HPO_TRY(hpo_study__commit_fresh(s, &h, add_in(s, &h, p, &got, err), err));
    if (number != NULL) *number = got;
    return HPO_OK;
}
