/* SPDX-License-Identifier: Apache-2.0 */
/* study/query.c - looking: the summary from the header alone, trials and reports from the columns.
 *
 * A storage that has the columns in memory is looked at directly, inside a transaction.  For all others the
 * study keeps a copy that grows by what is new.  Before the first sync, and for trials that are newer than
 * the last one, a single trial is read by itself: a short command on a long study must not read all of it.
 * Answers are copied into the study's own memory, which the next look overwrites. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "math/stats.h"
#include "study/study.h"

/* ---- summary ----------------------------------------------------------------------------------------- */

static void fill_summary(hpo_study *s, const hpo_study_header *h, hpo_summary *o)
{
    const hpo_study_spec *p = &s->spec;
    *o = (hpo_summary){.size = sizeof *o,
                       .name = s->name,
                       .sampler = p->sampler,
                       .scheduler = p->scheduler,
                       .metadata = s->metadata,
                       .attributes = s->attributes,
                       .seed = s->seed,
                       .objectives = p->objectives,
                       .n_objectives = p->n_objectives,
                       .outcomes = p->n_outcomes > 0 ? p->outcomes : NULL,
                       .n_outcomes = p->n_outcomes,
                       .budget = p->budget,
                       .status = (hpo_study_status)h->status,
                       .stop_reason = (hpo_stop_reason)h->stop_reason,
                       .stop_text = s->stop_text,
                       .n_trials = h->next_number,
                       .best = h->best_number,
                       .best_value = h->best_number >= 0 ? h->best_value * s->sign[0] : (double)NAN,
                       .since_best = h->since_best,
                       .active_seconds = (double)hpo_study__active(h, hpo_study__now(s, h)) / 1000,
                       .cost = h->cost,
                       .created_ms = s->created_ms,
                       .last_ms = h->last_ms,
                       .seq = h->seq,
                       .lease = p->lease,
                       .lag = p->lag,
                       .noisy = p->noisy,
                       .max_retries = p->max_retries,
                       .until = p->until,
                       .open_space = p->open_space,
                       .id = s->id};
    memcpy(o->n_by_state, h->n_by_state, sizeof o->n_by_state);
}

hpo_status hpo_study__summary(hpo_study *s, hpo_summary *out, hpo_error *err)
{
    hpo_study_header h;
    for (;;) {
        hpo_mutex_lock(&s->lock);
        hpo_status status = s->ops->read_header(s->store, s->id, &h, err);
        int current = status == HPO_OK && h.texts_seq == s->texts_seq;
        if (current) fill_summary(s, &h, out);
        hpo_mutex_unlock(&s->lock);
        if (status != HPO_OK || current) return status;
        HPO_TRY(hpo_study__refresh(s, err));
    }
}

/* ---- the columns --------------------------------------------------------------------------------------- */

typedef struct history_reader {
    hpo_study *s;
    hpo_error *err;
} history_reader;

static hpo_status put_trial(void *ctx, const hpo_trial_record *t)
{
    history_reader *r = ctx;
    return hpo_history_put_trial(&r->s->hist, t, r->err);
}

static hpo_status put_report(void *ctx, const hpo_report_record *rec)
{
    history_reader *r = ctx;
    if (rec->seq <= r->s->hist_report_seq)
        return HPO_OK; /* read before, by a reading that went beyond its bound */
    HPO_TRY(hpo_history_put_report(&r->s->hist, rec, r->err));
    r->s->hist_report_seq = rec->seq;
    return HPO_OK;
}

hpo_status hpo_study__sync(hpo_study *s, int64_t *changed, hpo_error *err)
{
    hpo_study_header h;
    HPO_TRY(s->ops->read_header(s->store, s->id, &h, err)); /* before reading: all up to here will be in */
    int64_t before = s->hist_seq;
    if (s->ops->peek == NULL && h.seq > before) {
        history_reader ctx = {s, err};
        hpo_reader reader = {put_trial, put_report, &ctx};
        HPO_TRY(s->ops->read_since(s->store, s->id, before, &reader, err));
    }
    s->hist_seq = h.seq;
    s->hist_synced = 1;
    if (changed != NULL) *changed = h.seq - before;
    return HPO_OK;
}

/* Columns on show are read inside a transaction, until leave(). */
static hpo_status begin_look(hpo_study *s, hpo_error *err)
{
    hpo_study_header h;
    return s->ops->peek != NULL ? hpo_study__begin(s, &h, err) : HPO_OK;
}

static void leave(hpo_study *s)
{
    if (s->ops->peek != NULL) s->ops->rollback(s->store, s->id);
}

/* ---- copies for the caller ---- */

static int copy_values(hpo_study *s, const double *from, const double *sign, size_t n, const double **to)
{
    *to = NULL;
    if (from == NULL) return 1;
    double *copy = hpo_arena_alloc(&s->answer, n + 1, sizeof *copy);
    if (copy == NULL) return 0;
    for (size_t i = 0; i < n; i++)
        copy[i] = sign != NULL ? from[i] * sign[i] : from[i];
    *to = copy;
    return 1;
}

static int copy_text(hpo_study *s, const char *from, const char **to)
{
    *to = NULL;
    if (from == NULL) return 1;
    size_t n = strlen(from) + 1;
    char *copy = hpo_arena_alloc(&s->answer, n, 1);
    if (copy == NULL) return 0;
    memcpy(copy, from, n);
    *to = copy;
    return 1;
}

static int copy_gradient(hpo_study *s, const double *from, const double **to)
{
    if (!copy_values(s, from, NULL, s->shape.n_columns, to)) return 0;
    for (size_t i = 0; i < s->shape.n_columns && from != NULL; i++)
        s->gradient[i] = from[i] * s->sign[0];
    return from == NULL || copy_values(s, s->gradient, NULL, s->shape.n_columns, to);
}

static hpo_status copy_trial(hpo_study *s, const hpo_trial_record *t, hpo_trial_info *o, hpo_error *err)
{
    size_t m = s->shape.n_objectives;
    *o = (hpo_trial_info){.size = sizeof *o,
                          .number = t->number,
                          .state = (hpo_state)t->state,
                          .attempt = t->attempt,
                          .stop_requested = (t->flags & HPO_TRIAL_STOP_REQUESTED) != 0,
                          .cost = t->cost,
                          .created_ms = t->created_ms,
                          .started_ms = t->started_ms,
                          .ended_ms = t->ended_ms,
                          .lease_ms = t->lease_ms,
                          .token = t->token,
                          .hash = t->hash,
                          .parent = t->parent,
                          .draw = t->draw,
                          .seq_ask = t->seq_ask,
                          .seq_from = t->seq_from,
                          .seq_tell = t->seq_tell,
                          .seq = t->seq,
                          .last_step = (double)NAN,
                          .repeat = (t->flags & HPO_TRIAL_REPEAT) != 0};
    int ok = copy_values(s, t->x, NULL, s->shape.n_columns, &o->x) &&
             copy_values(s, t->y, s->sign, m, &o->values) && copy_values(s, t->sem, NULL, m, &o->sems) &&
             copy_values(s, t->outcome, NULL, s->shape.n_outcomes, &o->outcomes) &&
             copy_gradient(s, t->gradient, &o->gradient) && copy_text(s, t->worker, &o->worker) &&
             copy_text(s, t->reason, &o->reason) && copy_text(s, t->checkpoint, &o->checkpoint) &&
             copy_text(s, t->attributes, &o->attributes);
    return ok ? HPO_OK : hpo_fail_memory(err);
}

static int exists(const hpo_history *h, int64_t number)
{
    return number >= 0 && (size_t)number < h->n && h->state[number] < HPO_N_STATES;
}

static hpo_status fail_number(const hpo_study *s, int64_t number, hpo_error *err)
{
    return hpo_fail(err, HPO_ENOTFOUND, "study '%s' has no trial %lld", s->name, (long long)number);
}

/* ---- one trial ---------------------------------------------------------------------------------------- */

static hpo_status look_at_trial(void *ctx, const hpo_trial_record *t)
{
    history_reader *r = ctx;
    hpo_trial_record row = *t;
    row.number = 0;
    return hpo_history_put_trial(&r->s->look, &row, r->err);
}

static hpo_status look_at_report(void *ctx, const hpo_report_record *rec)
{
    history_reader *r = ctx;
    hpo_report_record row = *rec;
    row.trial = 0;
    return hpo_history_put_report(&r->s->look, &row, r->err);
}

static hpo_status read_one(hpo_study *s, int64_t number, hpo_error *err)
{
    history_reader ctx = {s, err};
    hpo_reader reader = {look_at_trial, look_at_report, &ctx};
    s->look_number = -1;
    hpo_history_truncate(&s->look, 0, 0, 0);
    hpo_status status =
        number < 0 ? HPO_ENOTFOUND : s->ops->read_reports(s->store, s->id, number, &reader, err);
    if (status == HPO_ENOTFOUND) return fail_number(s, number, err);
    if (status == HPO_OK) s->look_number = number;
    return status;
}

/* Where trial `number` stands until leave(), which follows in any case: the row of a history.  fresh: a trial
 * that is looked up by itself is read again. */
static hpo_status find_trial(hpo_study *s, int64_t number, int fresh, const hpo_history **h, size_t *row,
                             hpo_error *err)
{
    *row = (size_t)number;
    if (s->ops->peek == NULL && !(s->hist_synced && exists(&s->hist, number))) {
        *h = &s->look;
        *row = 0;
        return fresh || s->look_number != number ? read_one(s, number, err) : HPO_OK;
    }
    *h = s->ops->peek != NULL ? s->ops->peek(s->store, s->id) : &s->hist;
    return exists(*h, number) ? HPO_OK : fail_number(s, number, err);
}

static int is_report(const hpo_history *h, int32_t i)
{
    return h->r_kind[i] == HPO_LOG_REPORT;
}

/* Its reports, or the other rows of its log. */
static size_t count_log(const hpo_history *h, size_t row, int reports)
{
    size_t n = 0;
    for (int32_t i = h->last_report[row]; i >= 0; i = h->r_previous[i])
        n += is_report(h, i) == reports;
    return n;
}

/* Row `back` of those, from the newest one; there is one. */
static size_t find_log(const hpo_history *h, size_t row, int reports, size_t back)
{
    int32_t i = h->last_report[row];
    for (;; i = h->r_previous[i])
        if (is_report(h, i) == reports && back-- == 0) return (size_t)i;
}

static hpo_status trial_in(hpo_study *s, int64_t number, hpo_trial_info *out, hpo_error *err)
{
    const hpo_history *h;
    hpo_trial_record t;
    size_t row;
    HPO_TRY(find_trial(s, number, 1, &h, &row, err));
    hpo_history_get(h, (int64_t)row, &t);
    t.number = number;
    HPO_TRY(copy_trial(s, &t, out, err));
    out->n_reports = (int64_t)count_log(h, row, 1);
    out->n_decisions = (int64_t)count_log(h, row, 0);
    if (out->n_reports > 0) out->last_step = h->r_step[find_log(h, row, 1, 0)];
    return HPO_OK;
}

hpo_status hpo_study__trial(hpo_study *s, int64_t number, hpo_trial_info *out, hpo_error *err)
{
    hpo_arena_reset(&s->answer);
    HPO_TRY(begin_look(s, err));
    hpo_status status = trial_in(s, number, out, err);
    leave(s);
    return status;
}

static hpo_status copy_report(hpo_study *s, const hpo_report_record *r, hpo_report *o, int64_t *time_ms,
                              hpo_error *err)
{
    *o = (hpo_report){.size = sizeof *o,
                      .step = r->step,
                      .n_values = s->shape.n_objectives,
                      .fold = r->fold,
                      .cost = r->cost};
    if (time_ms != NULL) *time_ms = r->time_ms;
    int ok = copy_values(s, r->y, s->sign, s->shape.n_objectives, &o->values) &&
             copy_text(s, r->metrics, &o->metrics);
    return ok ? HPO_OK : hpo_fail_memory(err);
}

/* Row i of the trial's reports, or of its other rows.  They are only ever added: those that were read with
 * the trial are still right. */
static hpo_status log_in(hpo_study *s, int64_t number, size_t i, int reports, hpo_report_record *out,
                         hpo_error *err)
{
    const hpo_history *h;
    size_t row;
    HPO_TRY(find_trial(s, number, 0, &h, &row, err));
    size_t n = count_log(h, row, reports);
    if (i >= n && h == &s->look) {
        HPO_TRY(find_trial(s, number, 1, &h, &row, err));
        n = count_log(h, row, reports);
    }
    if (i >= n)
        return hpo_fail(err, HPO_ENOTFOUND, "trial %lld has %zu %s%s: there is no %s %zu", (long long)number,
                        n, reports ? "report" : "decision", hpo_plural((int64_t)n),
                        reports ? "report" : "decision", i);
    hpo_history_get_report(h, find_log(h, row, reports, n - 1 - i), out);
    return HPO_OK;
}

static hpo_status report_in(hpo_study *s, int64_t number, size_t i, hpo_report *out, int64_t *time_ms,
                            hpo_error *err)
{
    hpo_report_record r;
    HPO_TRY(log_in(s, number, i, 1, &r, err));
    return copy_report(s, &r, out, time_ms, err);
}

static hpo_status decision_in(hpo_study *s, int64_t number, size_t i, hpo_decision_info *out, hpo_error *err)
{
    hpo_report_record r;
    HPO_TRY(log_in(s, number, i, 0, &r, err));
    *out = (hpo_decision_info){.size = sizeof *out,
                               .what = hpo_log_name(r.kind),
                               .step = r.step,
                               .attempt = r.attempt,
                               .time_ms = r.time_ms,
                               .seq = r.seq};
    return copy_text(s, r.metrics, &out->reason) ? HPO_OK : hpo_fail_memory(err);
}

hpo_status hpo_study__trial_decision(hpo_study *s, int64_t number, size_t i, hpo_decision_info *out,
                                     hpo_error *err)
{
    hpo_arena_reset(&s->answer);
    HPO_TRY(begin_look(s, err));
    hpo_status status = decision_in(s, number, i, out, err);
    leave(s);
    return status;
}

hpo_status hpo_study__trial_report(hpo_study *s, int64_t number, size_t i, hpo_report *out, int64_t *time_ms,
                                   hpo_error *err)
{
    hpo_arena_reset(&s->answer);
    HPO_TRY(begin_look(s, err));
    hpo_status status = report_in(s, number, i, out, time_ms, err);
    leave(s);
    return status;
}

/* ---- the best ---- */

static hpo_status best_one(hpo_study *s, int64_t *numbers, size_t cap, size_t *n, hpo_error *err)
{
    hpo_study_header h;
    if (s->hist_synced)
        HPO_TRY(hpo_study__sync(s, NULL, err)); /* a look at it will show why it is the best */
    HPO_TRY(s->ops->read_header(s->store, s->id, &h, err));
    *n = h.best_number >= 0;
    if (*n > 0 && cap > 0) numbers[0] = h.best_number;
    return HPO_OK;
}

/* Rows that compete: COMPLETE and feasible.  s->front gets their numbers, s->front_y their values. */
static hpo_status gather_front(hpo_study *s, const hpo_history *h, size_t *count, hpo_error *err)
{
    size_t m = s->shape.n_objectives, n = 0;
    *count = 0;
    for (size_t i = 0; i < h->n; i++)
        n += h->state[i] == HPO_STATE_COMPLETE;
    HPO_TRY(hpo_reserve(&s->front, &s->cap_front, 2 * n, sizeof *s->front, err));
    HPO_TRY(hpo_reserve(&s->front_y, &s->cap_front_y, n * m, sizeof *s->front_y, err));
    for (size_t i = 0; i < h->n; i++) {
        const double *outcome = s->shape.n_outcomes > 0 ? h->outcome + i * s->shape.n_outcomes : NULL;
        if (h->state[i] != HPO_STATE_COMPLETE || !hpo_study__feasible(s, outcome)) continue;
        memcpy(s->front_y + *count * m, h->y + i * m, m * sizeof(double));
        s->front[(*count)++] = i;
    }
    return HPO_OK;
}

static hpo_status best_many(hpo_study *s, int64_t *numbers, size_t cap, size_t *n, hpo_error *err)
{
    size_t count = 0;
    if (s->ops->peek == NULL) HPO_TRY(hpo_study__sync(s, NULL, err));
    HPO_TRY(begin_look(s, err));
    const hpo_history *h = s->ops->peek != NULL ? s->ops->peek(s->store, s->id) : &s->hist;
    hpo_status status = gather_front(s, h, &count, err);
    leave(s);
    HPO_TRY(status);
    size_t *rows = s->front + count;
    *n = count == 0 ? 0 : hpo_pareto_front(s->front_y, count, s->shape.n_objectives, rows);
    for (size_t i = 0; i < *n && i < cap; i++)
        numbers[i] = (int64_t)s->front[rows[i]];
    return HPO_OK;
}

hpo_status hpo_study__best(hpo_study *s, int64_t *numbers, size_t cap, size_t *n, hpo_error *err)
{
    HPO_TRY(s->shape.n_objectives == 1 ? best_one(s, numbers, cap, n, err)
                                       : best_many(s, numbers, cap, n, err));
    if (*n > 0) return HPO_OK;
    return hpo_fail(err, HPO_ENOTFOUND, "study '%s' has no complete%s trial yet", s->name,
                    s->shape.n_outcomes > 0 ? ", feasible" : "");
}
