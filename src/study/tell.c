/* SPDX-License-Identifier: Apache-2.0 */
/* study/tell.c - the end of a trial: who may tell, what is stored, what it does to the counters.
 *
 *   record \ told      COMPLETE STOPPED FAILED INFEASIBLE   PAUSED      WAITING (give back)
 *   RUNNING, holder    stored, counted                      PAUSED      WAITING, or FAILED above max_retries
 *   ended, holder      the same again: OK, nothing changes; another state or value: HPO_ESTATE
 *   PAUSED, WAITING    HPO_ESTATE, but the same state again is OK
 *   any, not holder    HPO_ESTALE
 *
 * A scheduler that lets trials end at different resources takes the value of COMPLETE for a report, where the
 * program has reported none there, and turns some ends into others.  COMPLETE below the fidelity's maximum
 * ends a piece: what the scheduler has answered, or answers to that value, makes it PAUSED, STOPPED or
 * COMPLETE.  STOPPED becomes COMPLETE when the trial was stopped because more would not help.
 *
 * An expired lease that nobody has taken up still belongs to its holder. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "space/space.h"
#include "study/study.h"

/* ---- checks without the lock: they need only the shape --------------------------------------- */

static hpo_status check_values(const hpo_study *s, const hpo_result *r, hpo_error *err)
{
    size_t n = s->shape.n_objectives;
    int needed = r->state == HPO_STATE_COMPLETE;
    if (r->values == NULL && !needed) return HPO_OK;
    if (r->values == NULL || r->n_values != n)
        return hpo_fail(err, HPO_EINVAL, "%zu values were told, the study has %zu objective%s",
                        r->values == NULL ? (size_t)0 : r->n_values, n, hpo_plural((int64_t)n));
    for (size_t i = 0; i < n && needed; i++)
        if (isnan(r->values[i]))
            return hpo_fail(err, HPO_EINVAL,
                            "the value of '%s' is NaN: tell state FAILED instead of COMPLETE",
                            s->spec.objectives[i].name);
    return HPO_OK;
}

hpo_status hpo_study__check_result(const hpo_study *s, const hpo_result *r, hpo_error *err)
{
    if ((int)r->state < 0 || r->state >= HPO_N_STATES || r->state == HPO_STATE_RUNNING)
        return hpo_fail(err, HPO_EINVAL,
                        "state %d cannot be told: use COMPLETE, STOPPED, PAUSED, FAILED, "
                        "INFEASIBLE, or WAITING to give the trial back",
                        (int)r->state);
    HPO_TRY(check_values(s, r, err));
    if (r->outcomes != NULL && r->n_outcomes != s->shape.n_outcomes)
        return hpo_fail(err, HPO_EINVAL, "%zu outcomes were told, the study has %zu", r->n_outcomes,
                        s->shape.n_outcomes);
    if (!(r->cost >= 0))
        return hpo_fail(err, HPO_EINVAL, "cost is %g: must be 0 (unknown) or positive", r->cost);
    for (size_t i = 0; r->sems != NULL && r->values != NULL && i < r->n_values; i++)
        if (r->sems[i] < 0)
            return hpo_fail(err, HPO_EINVAL, "the standard error of '%s' is %g: must not be negative",
                            s->spec.objectives[i].name, r->sems[i]);
    return HPO_OK;
}

/* 1: trials end at different resources. */
static int has_pieces(const hpo_study *s)
{
    return (s->scheduler.ops->caps & HPO_SCHED_PAUSES) != 0 && s->fidelity_column >= 0;
}

/* 1: its piece ends below the fidelity's maximum, under a scheduler that may want more of it. */
static int below_full(const hpo_study *s, const hpo_trial_record *t)
{
    if (!has_pieces(s)) return 0;
    return s->axes.on ? hpo_axes_below(&s->axes, t->x) : t->x[s->fidelity_column] < s->fidelity_high;
}

/* ---- what was told ---------------------------------------------------------------------------- */

static int same_numbers(const double *a, const double *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double p = a != NULL ? a[i] : (double)NAN, q = b != NULL ? b[i] : (double)NAN;
        if (!(p == q || (isnan(p) && isnan(q)))) return 0;
    }
    return 1;
}

/* The scheduler made another end of what was told. */
static int was_turned(const hpo_study *s, const hpo_trial_record *t, const hpo_result *r)
{
    if (r->state == HPO_STATE_STOPPED)
        return t->state == HPO_STATE_COMPLETE && (t->flags & HPO_TRIAL_CONVERGED) != 0;
    return r->state == HPO_STATE_COMPLETE && below_full(s, t) &&
           (t->state == HPO_STATE_PAUSED || t->state == HPO_STATE_STOPPED);
}

/* Values count for COMPLETE and STOPPED only; a STOPPED trial told without values took them from its reports.
 */
static int same_result(const hpo_study *s, const hpo_trial_record *t, const hpo_result *r, const double *y)
{
    if (r->state == HPO_STATE_WAITING && t->state == HPO_STATE_FAILED) return t->lost > s->spec.max_retries;
    if (t->state != (int32_t)r->state) return t->token == 0 ? 0 : was_turned(s, t, r);
    if (r->state != HPO_STATE_COMPLETE && r->state != HPO_STATE_STOPPED) return 1;
    if (r->values != NULL && !same_numbers(t->y, y, s->shape.n_objectives)) return 0;
    return r->outcomes == NULL || same_numbers(t->outcome, r->outcomes, s->shape.n_outcomes);
}

static hpo_status refuse(const hpo_trial_record *t, const hpo_result *r, hpo_error *err)
{
    const char *is = hpo_state_name((hpo_state)t->state), *told = hpo_state_name(r->state);
    if (t->state == (int32_t)r->state)
        return hpo_fail(err, HPO_ESTATE,
                        "trial %lld was already told as %s with other values: the first result stands",
                        (long long)t->number, is);
    return hpo_fail(err, HPO_ESTATE, "trial %lld is %s and cannot be told as %s: only a running trial ends",
                    (long long)t->number, is, told);
}

hpo_status hpo_study__check_holder(const hpo_trial_record *t, uint64_t token, hpo_error *err)
{
    if (t->token != token)
        return hpo_fail(err, HPO_ESTALE,
                        "trial %lld: the lease was lost and attempt %d now counts: drop this result",
                        (long long)t->number, (int)t->attempt);
    if (t->state != HPO_STATE_RUNNING)
        return hpo_fail(err, HPO_ESTATE, "trial %lld is %s: only a running trial can be reported on",
                        (long long)t->number, hpo_state_name((hpo_state)t->state));
    return HPO_OK;
}

/* ---- the trial's own reports ------------------------------------------------------------------ */

typedef struct sum_of_reports {
    double *y; /* NULL: not wanted */
    size_t n;
    int any;
    int32_t attempt; /* costs of earlier attempts were told with them */
    double cost;
} sum_of_reports;

static hpo_status add_report(void *ctx, const hpo_report_record *r)
{
    sum_of_reports *sum = ctx;
    if (r->kind != HPO_LOG_REPORT) return HPO_OK;
    if (r->attempt == sum->attempt) sum->cost += r->cost;
    int measured = 0;
    for (size_t i = 0; r->y != NULL && i < sum->n; i++)
        measured |= !isnan(r->y[i]);
    if (sum->y == NULL || !measured) return HPO_OK;
    memcpy(sum->y, r->y, sum->n * sizeof *sum->y);
    sum->any = 1;
    return HPO_OK;
}

/* The last measured report is the value of a trial STOPPED without one; reported costs stand in for a cost
 * that was not told.  Plain trials have no reports and nothing is read. */
static hpo_status use_reports(hpo_study *s, const hpo_trial *t, const hpo_result *r, const double **y,
                              double *cost, hpo_error *err)
{
    int need_y = r->state == HPO_STATE_STOPPED && r->values == NULL;
    int need_cost = r->cost == 0 && t->attached;
    *cost = r->cost > 0 ? r->cost : t->reported_cost;
    if (!need_y && !need_cost) return HPO_OK;
    sum_of_reports sum = {need_y ? s->y : NULL, s->shape.n_objectives, 0, t->attempt, 0};
    hpo_reader reader = {NULL, add_report, &sum};
    HPO_TRY(s->ops->read_reports(s->store, s->id, t->number, &reader, err));
    if (sum.any) *y = s->y;
    if (need_cost) *cost = sum.cost;
    return HPO_OK;
}

/* ---- counting --------------------------------------------------------------------------------- */

int hpo_study__feasible(const hpo_study *s, const double *outcome)
{
    for (size_t i = 0; i < s->shape.n_outcomes; i++)
        if (outcome == NULL || !(outcome[i] <= s->spec.outcomes[i].max))
            return 0; /* not measured: not shown to hold */
    return 1;
}

/* Only COMPLETE trials become the incumbent: a STOPPED one was measured at less than full resource.  Equal
 * values go to the lower number, so the end of a study does not depend on the order of completion. */
void hpo_study__finish(const hpo_study *s, hpo_study_header *h, const hpo_trial_record *t)
{
    h->since_best++;
    if (t->state != HPO_STATE_COMPLETE || s->shape.n_objectives != 1 || t->y == NULL) return;
    if (!hpo_study__feasible(s, t->outcome)) return;
    double y = t->y[0];
    if (h->best_number >= 0 && y == h->best_value && t->number < h->best_number) h->best_number = t->number;
    if (h->best_number >= 0 && !(y < h->best_value)) return;
    h->best_value = y;
    h->best_number = t->number;
    h->since_best = 0;
}

/* ---- the transitions --------------------------------------------------------------------------- */

static const double *orient_gradient(hpo_study *s, const double *gradient)
{
    if (gradient == NULL) return NULL;
    for (size_t i = 0; i < s->shape.n_columns; i++)
        s->gradient[i] = gradient[i] * s->sign[0];
    return s->gradient;
}

static hpo_status end_trial(hpo_study *s, hpo_study_header *h, const hpo_trial *t, const hpo_result *r,
                            hpo_trial_record *rec, int64_t now, hpo_error *err)
{
    const double *y = r->values != NULL ? s->y : NULL;
    double cost;
    HPO_TRY(use_reports(s, t, r, &y, &cost, err));
    int has_values = r->state == HPO_STATE_COMPLETE || r->state == HPO_STATE_STOPPED;
    int over = hpo_view__is_end((int32_t)r->state), paused = r->state == HPO_STATE_PAUSED;
    rec->seq = hpo_study__event(h, now);
    rec->seq_tell = over || paused ? rec->seq : 0;
    rec->state = (int32_t)r->state;
    rec->y = has_values ? y : NULL;
    rec->sem = has_values && r->values != NULL ? r->sems : NULL;
    rec->outcome = r->outcomes;
    rec->gradient = has_values ? orient_gradient(s, r->gradient) : NULL;
    rec->ended_ms = over ? now : 0;
    rec->reason = r->reason;
    if (r->checkpoint != NULL) rec->checkpoint = r->checkpoint;
    rec->cost += cost;
    h->cost += cost;
    hpo_study__count(h, HPO_STATE_RUNNING, rec->state);
    if (over) hpo_study__finish(s, h, rec);
    if (over || paused) HPO_TRY(hpo_fold__tell(s, rec, err)); /* before the storage's own rows move */
    HPO_TRY(s->ops->update_trial(s->store, s->id, rec, HPO_UPDATE_STATE | HPO_UPDATE_RESULT, err));
    if (!paused || !hpo_fold__needed(s)) return HPO_OK;
    const hpo_trial_record who = {.number = t->number, .attempt = t->attempt};
    return hpo_fold__log(s, h, &who, HPO_LOG_PAUSED, (double)NAN, NULL, now, err);
}

typedef struct end_reports {
    sum_of_reports told;
    double end; /* a report from this step on is one of the end */
    int reported;
} end_reports;

static hpo_status look_for_end(void *ctx, const hpo_report_record *r)
{
    end_reports *e = ctx;
    e->reported |= r->kind == HPO_LOG_REPORT && r->attempt == e->told.attempt && r->step >= e->end;
    return add_report(&e->told, r);
}

/* The value at the end of a piece as a report. */
static hpo_status report_end(hpo_study *s, hpo_study_header *h, const hpo_trial *t, double resource,
                             double cost, int64_t now, hpo_sched_answer *answer, hpo_error *err)
{
    const hpo_report_record report = {.trial = t->number,
                                      .seq = hpo_study__event(h, now),
                                      .time_ms = now,
                                      .step = resource,
                                      .cost = fmax(cost, 0), /* what no report told */
                                      .fold = -1,
                                      .attempt = t->attempt,
                                      .y = s->y};
    HPO_TRY(hpo_fold__report(s, &report, answer, err));
    return s->ops->insert_report(s->store, s->id, &report, err);
}

/* The piece of a trial has ended well below the maximum: its value is a report, unless the scheduler has
 * answered already.  *state: how the trial stands now. */
static hpo_status end_of_piece(hpo_study *s, hpo_study_header *h, const hpo_trial *t, double cost,
                               hpo_trial_record *rec, int64_t now, hpo_state *state, hpo_error *err)
{
    hpo_decision asked = hpo_study__requested(rec->flags);
    if (asked == HPO_CONTINUE) {
        hpo_sched_answer answer;
        const double resource = rec->x[s->fidelity_column];
        sum_of_reports told = {.attempt = rec->attempt};
        hpo_reader reader = {NULL, add_report, &told};
        if (cost > 0) HPO_TRY(s->ops->read_reports(s->store, s->id, t->number, &reader, err));
        HPO_TRY(report_end(s, h, t, resource, cost - told.cost, now, &answer, err));
        asked = answer.decision;
        if (asked == HPO_STOP && answer.complete) asked = HPO_CONTINUE;
        const hpo_trial_record who = {.number = t->number, .attempt = t->attempt};
        if (asked != HPO_CONTINUE)
            HPO_TRY(hpo_fold__log(s, h, &who, asked == HPO_STOP ? HPO_LOG_STOP : HPO_LOG_PAUSE, resource,
                                  answer.reason, now, err));
        HPO_TRY(hpo_study__get(s, t->number, rec, err)); /* the storage has moved */
    }
    *state = asked == HPO_PAUSE  ? HPO_STATE_PAUSED
             : asked == HPO_STOP ? HPO_STATE_STOPPED
                                 : HPO_STATE_COMPLETE;
    return HPO_OK;
}

/* The trial has ended at the maximum.  Whoever compares resources reads reports: its value is one, unless the
 * program has reported there. */
static hpo_status end_in_full(hpo_study *s, hpo_study_header *h, const hpo_trial *t, double cost,
                              hpo_trial_record *rec, int64_t now, hpo_error *err)
{
    const double resource = rec->x[s->fidelity_column];
    end_reports seen = {{.attempt = rec->attempt}, resource * (1 - 1e-9), 0};
    hpo_reader reader = {NULL, look_for_end, &seen};
    hpo_sched_answer nothing_to_stop;
    HPO_TRY(s->ops->read_reports(s->store, s->id, t->number, &reader, err));
    if (!seen.reported)
        HPO_TRY(report_end(s, h, t, resource, cost - seen.told.cost, now, &nothing_to_stop, err));
    return hpo_study__get(s, t->number, rec, err);
}

/* What becomes of a result under a scheduler. */
static hpo_status turn(hpo_study *s, hpo_study_header *h, const hpo_trial *t, hpo_result *r,
                       hpo_trial_record *rec, int64_t now, hpo_error *err)
{
    if (r->state == HPO_STATE_COMPLETE && below_full(s, rec)) {
        HPO_TRY(end_of_piece(s, h, t, r->cost, rec, now, &r->state, err));
    } else if (r->state == HPO_STATE_COMPLETE && has_pieces(s)) {
        HPO_TRY(end_in_full(s, h, t, r->cost, rec, now, err));
    } else if (r->state == HPO_STATE_STOPPED && (rec->flags & HPO_TRIAL_CONVERGED) != 0) {
        double cost;
        const double *y = r->values != NULL ? s->y : NULL;
        HPO_TRY(use_reports(s, t, r, &y, &cost, err));
        if (y != NULL) {
            r->state = HPO_STATE_COMPLETE;
            r->values = s->y; /* oriented already: end_trial takes them from there */
            r->n_values = s->shape.n_objectives;
        }
        HPO_TRY(hpo_study__get(s, t->number, rec, err));
    }
    return HPO_OK;
}

/* Back to the queue.  The token stays, so that giving back twice is seen as the same tell. */
static hpo_status give_back(hpo_study *s, hpo_study_header *h, const hpo_trial *t, const hpo_result *r,
                            hpo_trial_record *rec, int64_t now, hpo_error *err)
{
    hpo_result failed = *r;
    hpo_str text = {0};
    rec->lost += r->count_retry != 0;
    if (rec->lost <= s->spec.max_retries) return end_trial(s, h, t, r, rec, now, err);
    hpo_str_addf(&text, "lost %d time%s", (int)rec->lost, hpo_plural(rec->lost));
    failed.state = HPO_STATE_FAILED;
    failed.values = NULL;
    failed.reason = text.text;
    hpo_status status = text.failed ? hpo_fail_memory(err) : end_trial(s, h, t, &failed, rec, now, err);
    hpo_str_fini(&text);
    return status;
}

/* The space has grown since the trial was handed out.  Its row may have lost a value by that, unless the row
 * is what the trial has said itself. */
static hpo_status check_row(const hpo_study *s, const hpo_trial *t, const hpo_trial_record *rec,
                            hpo_error *err)
{
    if ((rec->flags & HPO_TRIAL_SETTLED) != 0) return HPO_OK;
    for (size_t i = 0; i < s->space->n_params; i++) {
        const hpo_param *p = &s->space->params[i];
        const double had = t->x[p->column], has = rec->x[p->column];
        if (!isnan(had) && (isnan(has) || (has != had && p->kind != HPO_KIND_CONST)))
            return hpo_fail(
                err, HPO_EOUTDATED,
                "trial %lld: the space has grown and its row has lost %s: say what it was run with "
                "(hpo_study_set_config)",
                (long long)t->number, p->name);
    }
    return HPO_OK;
}

static hpo_status tell_in(hpo_study *s, hpo_study_header *h, hpo_trial *t, const hpo_result *r, int *changed,
                          hpo_error *err)
{
    const int grown = s->spec.open_space && h->texts_seq != s->texts_seq;
    hpo_trial_record rec;
    /* A gradient has one entry a column: it needs the columns that the storage has. */
    if (r->gradient != NULL && grown)
        return hpo_fail(err, HPO_EOUTDATED,
                        "trial %lld: its gradient belongs to an older space: attach to it anew",
                        (long long)t->number);
    HPO_TRY(hpo_study__get(s, t->number, &rec, err));
    for (size_t i = 0; r->values != NULL && i < s->shape.n_objectives; i++)
        s->y[i] = r->values[i] * s->sign[i];
    if (rec.token != t->token) return hpo_study__check_holder(&rec, t->token, err);
    *changed = rec.state == HPO_STATE_RUNNING;
    if (!*changed) return same_result(s, &rec, r, s->y) ? HPO_OK : refuse(&rec, r, err);
    if (grown && hpo_view__is_end((int32_t)r->state)) HPO_TRY(check_row(s, t, &rec, err));
    int64_t now = hpo_study__now(s, h);
    hpo_result turned = *r;
    if (hpo_fold__needed(s)) {
        if (!hpo_fold__in_sync(s, h)) { /* reading moves what the record points to */
            HPO_TRY(hpo_fold__sync(s, h, err));
            HPO_TRY(hpo_study__get(s, t->number, &rec, err));
        }
        HPO_TRY(turn(s, h, t, &turned, &rec, now, err));
    }
    if (r->state == HPO_STATE_WAITING) return give_back(s, h, t, r, &rec, now, err);
    return end_trial(s, h, t, &turned, &rec, now, err);
}

hpo_status hpo_study__tell(hpo_study *s, hpo_trial *t, const hpo_result *r, hpo_error *err)
{
    hpo_study_header h;
    int changed = 0;
    HPO_TRY(hpo_study__check_result(s, r, err));
    HPO_TRY(hpo_study__begin(s, &h, err));
    hpo_status status = tell_in(s, &h, t, r, &changed, err);
    if (status == HPO_OK && !changed) {
        s->ops->rollback(s->store, s->id);
        return HPO_OK;
    }
    status = hpo_study__end(s, &h, status, err);
    hpo_fold__close(s, &h, status);
    return status;
}
