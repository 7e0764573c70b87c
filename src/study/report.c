/* SPDX-License-Identifier: Apache-2.0 */
/* study/report.c - intermediate results: store, renew the lease, ask the scheduler; renewing alone; taking up
 * a running trial again. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "study/study.h"

static hpo_status check_report(const hpo_study *s, const hpo_report *r, hpo_error *err)
{
    if (isnan(r->step))
        return hpo_fail(err, HPO_EINVAL, "the report's step is NaN: give the epoch, fold or resource");
    if (r->values != NULL && r->n_values != s->shape.n_objectives)
        return hpo_fail(err, HPO_EINVAL, "%zu values were reported, the study has %zu objective%s",
                        r->n_values, s->shape.n_objectives, hpo_plural((int64_t)s->shape.n_objectives));
    if (!(r->cost >= 0))
        return hpo_fail(err, HPO_EINVAL, "the report's cost is %g: must be 0 (unknown) or positive", r->cost);
    if (r->fold < -1)
        return hpo_fail(err, HPO_EINVAL, "the report's fold is %d: -1 means none", (int)r->fold);
    return HPO_OK;
}

/* The lease grows only: a shorter one asked for later takes nothing away. */
static void extend_lease(hpo_study_header *h, hpo_trial_record *rec, const hpo_trial *t, int64_t now)
{
    int64_t end = hpo_study__lease(h, now, t->lease);
    if (end > rec->lease_ms) rec->lease_ms = end;
}

/* What the trial's record keeps of an answer. */
static int32_t decision_flags(const hpo_sched_answer *a)
{
    if (a->decision == HPO_PAUSE) return HPO_TRIAL_PAUSE_REQUESTED;
    if (a->decision != HPO_STOP) return 0;
    return HPO_TRIAL_STOP_REQUESTED | (a->complete ? HPO_TRIAL_CONVERGED : 0);
}

hpo_decision hpo_study__requested(int32_t flags)
{
    return flags & HPO_TRIAL_STOP_REQUESTED    ? HPO_STOP
           : flags & HPO_TRIAL_PAUSE_REQUESTED ? HPO_PAUSE
                                               : HPO_CONTINUE;
}

static hpo_status report_in(hpo_study *s, hpo_study_header *h, hpo_trial *t, const hpo_report *r,
                            hpo_decision *out, hpo_error *err)
{
    hpo_trial_record rec;
    size_t m = s->shape.n_objectives;
    if (hpo_fold__needed(s)) HPO_TRY(hpo_fold__sync(s, h, err));
    HPO_TRY(hpo_study__get(s, t->number, &rec, err)); /* valid until the next call of the storage */
    HPO_TRY(hpo_study__check_holder(&rec, t->token, err));
    for (size_t i = 0; i < m; i++)
        s->y[i] = r->values != NULL ? r->values[i] * s->sign[i] : (double)NAN;
    int64_t now = hpo_study__now(s, h);
    hpo_report_record report = {.trial = t->number,
                                .seq = hpo_study__event(h, now),
                                .time_ms = now,
                                .step = r->step,
                                .cost = r->cost,
                                .fold = r->fold,
                                .attempt = rec.attempt,
                                .y = s->y,
                                .metrics = r->metrics};
    hpo_sched_answer answer;
    uint32_t parts = HPO_UPDATE_LEASE;
    HPO_TRY(hpo_fold__report(s, &report, &answer, err));
    int32_t flags = rec.flags | decision_flags(&answer);
    *out = hpo_study__requested(flags);
    if (flags != rec.flags) parts |= HPO_UPDATE_STATE; /* whoever looks next gets the same answer */
    int decided = flags != rec.flags;
    rec.flags = flags;
    rec.seq = report.seq;
    extend_lease(h, &rec, t, now);
    HPO_TRY(s->ops->update_trial(s->store, s->id, &rec, parts, err));
    HPO_TRY(s->ops->insert_report(s->store, s->id, &report, err));
    if (!decided) return HPO_OK;
    const hpo_trial_record who = {.number = t->number, .attempt = t->attempt};
    return hpo_fold__log(s, h, &who, answer.decision == HPO_STOP ? HPO_LOG_STOP : HPO_LOG_PAUSE, r->step,
                         answer.reason, now, err);
}

hpo_status hpo_study__report(hpo_study *s, hpo_trial *t, const hpo_report *r, hpo_decision *out,
                             hpo_error *err)
{
    hpo_study_header h;
    HPO_TRY(check_report(s, r, err));
    HPO_TRY(hpo_study__begin(s, &h, err));
    hpo_status status = hpo_study__end(s, &h, report_in(s, &h, t, r, out, err), err);
    hpo_fold__close(s, &h, status);
    if (status == HPO_OK) t->reported_cost += r->cost;
    return status;
}

static hpo_status renew_in(hpo_study *s, hpo_study_header *h, const hpo_trial *t, hpo_decision *out,
                           hpo_error *err)
{
    hpo_trial_record rec;
    HPO_TRY(hpo_study__get(s, t->number, &rec, err));
    HPO_TRY(hpo_study__check_holder(&rec, t->token, err));
    int64_t now = hpo_study__now(s, h);
    rec.seq = hpo_study__event(h, now);
    extend_lease(h, &rec, t, now);
    *out = hpo_study__requested(rec.flags);
    return s->ops->update_trial(s->store, s->id, &rec, HPO_UPDATE_LEASE, err);
}

hpo_status hpo_study__renew(hpo_study *s, hpo_trial *t, hpo_decision *out, hpo_error *err)
{
    hpo_study_header h;
    HPO_TRY(hpo_study__begin(s, &h, err));
    return hpo_study__end(s, &h, renew_in(s, &h, t, out, err), err);
}

/* A trial that has ended can be taken up too: telling its result again must stay possible from another
 * process. */
static hpo_status attach_in(hpo_study *s, int64_t number, uint64_t token, hpo_trial *t, hpo_error *err)
{
    hpo_trial_record rec;
    HPO_TRY(hpo_study__get(s, number, &rec, err));
    if (token == 0 || rec.token != token)
        return hpo_fail(err, HPO_ESTALE,
                        "trial %lld is %s in attempt %d and this token is not its current one",
                        (long long)number, hpo_state_name((hpo_state)rec.state), (int)rec.attempt);
    t->number = number;
    t->draw = rec.draw;
    t->token = token;
    t->attempt = rec.attempt;
    t->parent = hpo_study__cloned_from(&rec);
    t->attached = 1;
    t->lease = s->spec.lease;
    if (s->shape.n_columns > 0) memcpy(t->x, rec.x, s->shape.n_columns * sizeof *rec.x);
    return HPO_OK;
}

hpo_status hpo_study__attach(hpo_study *s, int64_t number, uint64_t token, hpo_trial **out, hpo_error *err)
{
    hpo_study_header h;
    hpo_trial *t = NULL;
    HPO_TRY(hpo_study__take_handle(s, &t, err));
    hpo_status status = hpo_study__begin(s, &h, err);
    if (status == HPO_OK) {
        status = attach_in(s, number, token, t, err);
        s->ops->rollback(s->store, s->id);
    }
    if (status != HPO_OK) {
        hpo_study__return_handle(s, t);
        return status;
    }
    *out = t;
    return HPO_OK;
}
