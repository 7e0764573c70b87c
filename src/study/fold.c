/* SPDX-License-Identifier: Apache-2.0 */
/* study/fold.c - feeds a scheduler the study's events in the order of the clock: pieces that begin, reports,
 * workers that let go, ends; and writes the log of what it did.
 *
 * A scheduler without state decides from the report alone and is never fed.  The others are brought up to
 * date inside the transaction of the report, tell or ask that needs them.  Only what stays stored is fed
 * (reports and the log, and ends that still stand), so a replay gives the same state; when a trial that had
 * ended goes back to the queue the scheduler starts again.  A report without any measured value is not fed.
 *
 * What this process does itself is fed at once, and `fold.seq` follows when the transaction commits
 * (hpo_fold__close): a worker that is alone never reads anything back. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "study/study.h"

enum { END = -1 }; /* item kinds beside HPO_LOG_* */
enum { AXES_SIZE = 200 };

int hpo_fold__needed(const hpo_study *s)
{
    return s->scheduler.ops->state_size > 0;
}

/* 1: hand-outs are logged.  Rules that look at reports alone need no log of them. */
static int logs_pieces(const hpo_study *s)
{
    return hpo_fold__needed(s) && (s->scheduler.ops->start != NULL || s->scheduler.ops->next != NULL);
}

static int wants_points(const hpo_study *s)
{
    return (s->scheduler.ops->caps & HPO_SCHED_POINTS) != 0;
}

void hpo_fold__fini(hpo_study_fold *f)
{
    hpo_free(f->ended_seq);
    hpo_free(f->parent);
    hpo_free(f->u);
    hpo_free(f->items);
    hpo_free(f->values);
    hpo_pieces_fini(&f->pieces);
    memset(f, 0, sizeof *f);
}

static int measured(const double *y, size_t n)
{
    int any = 0;
    for (size_t i = 0; y != NULL && i < n; i++)
        any |= !isnan(y[i]);
    return any;
}

/* ---- what is kept of each trial -------------------------------------------------------------------- */

static hpo_status know_trial(hpo_study *s, const hpo_trial_record *t, hpo_error *err)
{
    hpo_study_fold *f = &s->fold;
    size_t need = (size_t)t->number + 1, d = s->n_dims;
    HPO_TRY(hpo_reserve(&f->ended_seq, &f->cap_ended, need, sizeof *f->ended_seq, err));
    HPO_TRY(hpo_reserve(&f->parent, &f->cap_parent, need, sizeof *f->parent, err));
    if (wants_points(s)) HPO_TRY(hpo_reserve(&f->u, &f->cap_u, need * d + 1, sizeof *f->u, err));
    for (; f->n_ended < need; f->n_ended++) {
        f->ended_seq[f->n_ended] = 0;
        f->parent[f->n_ended] = -1;
    }
    f->parent[t->number] = t->parent;
    if (wants_points(s)) hpo_space_encode(s->space, t->x, f->u + (size_t)t->number * d);
    return HPO_OK;
}

/* ---- collecting what is new ---------------------------------------------------------------------- */

typedef struct fold_reader {
    hpo_study *s;
    hpo_error *err;
} fold_reader;

static hpo_status add_item(hpo_study *s, struct hpo_fold_item item, const double *y, hpo_error *err)
{
    hpo_study_fold *f = &s->fold;
    size_t m = s->shape.n_objectives;
    if (s->view.is_past && item.seq > s->view.past_seq) return HPO_OK;
    HPO_TRY(hpo_reserve(&f->items, &f->cap_items, f->n_items + 1, sizeof *f->items, err));
    item.y = SIZE_MAX;
    if (y != NULL) {
        HPO_TRY(hpo_reserve(&f->values, &f->cap_values, f->n_values + m, sizeof *f->values, err));
        memcpy(f->values + f->n_values, y, m * sizeof *y);
        item.y = f->n_values;
        f->n_values += m;
    }
    f->items[f->n_items++] = item;
    return HPO_OK;
}

static hpo_status read_report(void *ctx, const hpo_report_record *r)
{
    fold_reader *c = ctx;
    struct hpo_fold_item item = {
        .seq = r->seq, .trial = r->trial, .step = r->step, .cost = r->cost, .fold = r->fold, .kind = r->kind};
    switch (r->kind) {
    case HPO_LOG_REPORT:
        return measured(r->y, c->s->shape.n_objectives) ? add_item(c->s, item, r->y, c->err) : HPO_OK;
    case HPO_LOG_NEW:
    case HPO_LOG_RESUME:
    case HPO_LOG_CLONE:
    case HPO_LOG_PAUSED:
        return add_item(c->s, item, NULL, c->err);
    default: /* the decisions follow from the reports */
        return HPO_OK;
    }
}

static hpo_status read_trial(void *ctx, const hpo_trial_record *t)
{
    fold_reader *c = ctx;
    hpo_study_fold *f = &c->s->fold;
    HPO_TRY(know_trial(c->s, t, c->err));
    int64_t now = hpo_view__is_end(t->state) ? t->seq_tell : 0, before = f->ended_seq[t->number];
    if (now == before) return HPO_OK;
    if (before != 0) f->broken = 1;
    f->ended_seq[t->number] = now;
    struct hpo_fold_item item = {.seq = now, .trial = t->number, .kind = END, .state = t->state};
    return now == 0 ? HPO_OK : add_item(c->s, item, t->y, c->err);
}

/* ---- feeding -------------------------------------------------------------------------------------- */

static int by_seq(const void *a, const void *b)
{
    int64_t p = ((const struct hpo_fold_item *)a)->seq, q = ((const struct hpo_fold_item *)b)->seq;
    return (p > q) - (p < q);
}

static hpo_status feed_start(hpo_study *s, int64_t trial, int32_t kind, double resource, hpo_error *err)
{
    hpo_study_fold *f = &s->fold;
    if (s->axes.on) HPO_TRY(hpo_pieces_note(&f->pieces, &s->axes, trial, resource, err));
    if (s->scheduler.ops->start == NULL) return HPO_OK;
    const hpo_sched_start e = {.kind = kind == HPO_LOG_NEW      ? HPO_ACT_NEW
                                       : kind == HPO_LOG_RESUME ? HPO_ACT_RESUME
                                                                : HPO_ACT_CLONE,
                               .trial = trial,
                               .parent = f->parent[trial],
                               .resource = resource,
                               .u = wants_points(s) ? f->u + (size_t)trial * s->n_dims : NULL};
    return s->scheduler.ops->start(s->scheduler.state, &e, err);
}

static hpo_status feed_tell(hpo_study *s, int64_t trial, int32_t state, const double *y, hpo_error *err)
{
    const hpo_scheduler_ops *ops = s->scheduler.ops;
    return ops->tell == NULL ? HPO_OK : ops->tell(s->scheduler.state, trial, (hpo_state)state, y, err);
}

/* out NULL: a stored event. */
static hpo_status feed_report(hpo_study *s, int64_t trial, double step, const double *y, int32_t fold,
                              double cost, hpo_sched_answer *out, hpo_error *err)
{
    hpo_sched_answer ignored = {.decision = HPO_CONTINUE};
    if (s->axes.on && !hpo_pieces_report(&s->fold.pieces, trial, &step, &cost)) return HPO_OK;
    const hpo_sched_report r = {trial, step, y, s->shape.n_objectives, fold, cost, out == NULL};
    HPO_TRY(s->scheduler.ops->report(s->scheduler.state, &r, out != NULL ? out : &ignored, err));
    if (out == NULL) return HPO_OK;
    /* A program that has reached its last step has ended, whatever the scheduler would have liked. */
    if (s->fidelity_column >= 0 && step >= s->fidelity_high) out->decision = HPO_CONTINUE;
    return HPO_OK;
}

static hpo_status feed(hpo_study *s, const struct hpo_fold_item *item, hpo_error *err)
{
    const double *y = item->y == SIZE_MAX ? NULL : s->fold.values + item->y;
    if (item->kind == END) return feed_tell(s, item->trial, item->state, y, err);
    if (item->kind == HPO_LOG_PAUSED) return feed_tell(s, item->trial, HPO_STATE_PAUSED, NULL, err);
    if (item->kind != HPO_LOG_REPORT) return feed_start(s, item->trial, item->kind, item->step, err);
    return feed_report(s, item->trial, item->step, y, item->fold, item->cost, NULL, err);
}

static hpo_status collect(hpo_study *s, hpo_error *err)
{
    fold_reader ctx = {s, err};
    hpo_reader reader = {read_trial, read_report, &ctx};
    s->fold.n_items = s->fold.n_values = 0;
    return s->ops->read_since(s->store, s->id, s->fold.seq, &reader, err);
}

static hpo_status start_again(hpo_study *s, hpo_error *err)
{
    hpo_scheduler fresh = {0};
    const hpo_sched_problem problem = hpo_study__sched_problem(s);
    HPO_TRY(hpo_scheduler_open(s->spec.scheduler, &problem, &fresh, err));
    hpo_scheduler_close(&s->scheduler);
    s->scheduler = fresh;
    hpo_fold__forget(&s->fold);
    return HPO_OK;
}

void hpo_fold__forget(hpo_study_fold *f)
{
    f->seq = 0;
    f->n_ended = f->pieces.n = 0;
    f->broken = f->fed = 0;
}

int hpo_fold__in_sync(const hpo_study *s, const hpo_study_header *h)
{
    return s->fold.seq == h->seq && !s->fold.broken;
}

hpo_status hpo_fold__sync(hpo_study *s, const hpo_study_header *h, hpo_error *err)
{
    hpo_study_fold *f = &s->fold;
    if (hpo_fold__in_sync(s, h)) return HPO_OK;
    if (f->broken) HPO_TRY(start_again(s, err));
    hpo_status status = collect(s, err);
    if (status == HPO_OK && f->broken) {
        status = start_again(s, err);
        if (status == HPO_OK) status = collect(s, err);
    }
    if (status == HPO_OK && f->n_items > 1) qsort(f->items, f->n_items, sizeof *f->items, by_seq);
    for (size_t i = 0; i < f->n_items && status == HPO_OK; i++)
        status = feed(s, &f->items[i], err);
    f->seq = h->seq;
    f->broken |= status != HPO_OK;
    return status;
}

void hpo_fold__close(hpo_study *s, const hpo_study_header *h, hpo_status status)
{
    hpo_study_fold *f = &s->fold;
    if (!f->fed) return;
    f->fed = 0;
    if (status == HPO_OK)
        f->seq = h->seq;
    else
        f->broken = 1; /* it was told what is not stored */
}

/* ---- the events of this process -------------------------------------------------------------------- */

hpo_status hpo_fold__report(hpo_study *s, const hpo_report_record *r, hpo_sched_answer *out, hpo_error *err)
{
    *out = (hpo_sched_answer){.decision = HPO_CONTINUE};
    if (!measured(r->y, s->shape.n_objectives)) return HPO_OK;
    s->fold.fed |= hpo_fold__needed(s);
    return feed_report(s, r->trial, r->step, r->y, r->fold, r->cost, out, err);
}

hpo_status hpo_fold__log(hpo_study *s, hpo_study_header *h, const hpo_trial_record *t, int32_t kind,
                         double step, const char *reason, int64_t now, hpo_error *err)
{
    for (size_t i = 0; i < s->shape.n_objectives; i++)
        s->y_log[i] = (double)NAN;
    const hpo_report_record row = {.trial = t->number,
                                   .seq = hpo_study__event(h, now),
                                   .time_ms = now,
                                   .step = step,
                                   .fold = -1,
                                   .attempt = t->attempt,
                                   .y = s->y_log,
                                   .metrics = reason != NULL && reason[0] != '\0' ? reason : NULL,
                                   .kind = kind};
    return s->ops->insert_report(s->store, s->id, &row, err);
}

/* The scheduler's reason for a piece, if it gave one, and where the resource lies on the axes. */
static const char *with_axes(const hpo_study *s, const hpo_trial_record *t, const char *reason, char *out,
                             size_t cap)
{
    char axes[AXES_SIZE - 4];
    if (reason == NULL || reason[0] == '\0') return NULL;
    hpo_axes_text(&s->axes, s->space, t->x, axes, sizeof axes);
    (void)snprintf(out, cap, "%s (%s)", reason, axes);
    return out;
}

/* Of all axes: what the scheduler asked for, what the trial's piece had before it was lost, or what its
 * configuration says. */
static double whole_resource(const hpo_study *s, const hpo_trial_record *t, double asked)
{
    double known = isnan(asked) ? hpo_pieces_resource(&s->fold.pieces, t->number) : asked;
    if (isnan(known)) (void)hpo_axes_resource(&s->axes, t->x, &known);
    return fmin(fmax(known, s->fidelity_low), s->fidelity_high);
}

hpo_status hpo_fold__piece(hpo_study *s, hpo_study_header *h, const hpo_trial_record *t, double resource,
                           const char *reason, int64_t now, hpo_error *err)
{
    if (!hpo_fold__needed(s)) return HPO_OK;
    s->fold.fed = 1; /* an ask begins in sync, and this is all that it adds */
    if (!logs_pieces(s)) return HPO_OK;
    if (s->axes.on)
        resource = whole_resource(s, t, resource);
    else
        resource = s->fidelity_column < 0 ? (double)NAN : t->x[s->fidelity_column];
    /* Without a fidelity a hand-out says nothing that the trial's row does not. */
    if (isnan(resource) && (reason == NULL || *reason == '\0')) return HPO_OK;
    int32_t kind = t->attempt > 1                                         ? HPO_LOG_RESUME
                   : t->parent >= 0 && (t->flags & HPO_TRIAL_REPEAT) == 0 ? HPO_LOG_CLONE
                                                                          : HPO_LOG_NEW;
    char text[HPO_REASON_SIZE + AXES_SIZE];
    if (s->axes.on) reason = with_axes(s, t, reason, text, sizeof text);
    HPO_TRY(know_trial(s, t, err));
    HPO_TRY(hpo_fold__log(s, h, t, kind, resource, reason, now, err));
    return feed_start(s, t->number, kind, resource, err);
}

hpo_status hpo_fold__tell(hpo_study *s, const hpo_trial_record *t, hpo_error *err)
{
    if (!hpo_fold__needed(s)) return HPO_OK;
    HPO_TRY(know_trial(s, t, err));
    s->fold.fed = 1;
    if (hpo_view__is_end(t->state)) s->fold.ended_seq[t->number] = t->seq_tell;
    return feed_tell(s, t->number, t->state, hpo_view__is_end(t->state) ? t->y : NULL, err);
}

/* ---- for people ------------------------------------------------------------------------------------- */

const char *hpo_log_name(int32_t kind)
{
    static const char *const names[] = {"report", "new", "resume", "clone", "pause", "stop", "paused"};
    return kind >= 0 && (size_t)kind < sizeof names / sizeof names[0] ? names[kind] : "?";
}

static hpo_status describe(hpo_study *s, hpo_str *o, hpo_error *err)
{
    const hpo_scheduler_ops *ops = s->scheduler.ops;
    size_t cap = 0, need = 4096;
    char *buf = NULL;
    hpo_status status = HPO_OK;
    while (ops->describe != NULL && status == HPO_OK && need > cap) {
        hpo_free(buf);
        cap = need;
        buf = hpo_alloc(cap + 1);
        status = buf == NULL ? hpo_fail_memory(err) : ops->describe(s->scheduler.state, buf, cap, &need, err);
    }
    if (status == HPO_OK && buf != NULL) {
        buf[need] = '\0';
        hpo_str_addc(o, ',');
        hpo_str_add(o, buf + 1); /* behind its brace */
    } else if (status == HPO_OK) {
        hpo_str_add(o, ",\"rungs\":[]}");
    }
    hpo_free(buf);
    return status;
}

/* Where the levels lie on several axes: "path":[{"resource":..,"epochs":..,"rows":..},...]. */
static hpo_status describe_path(const hpo_study *s, hpo_str *o, hpo_error *err)
{
    double at[HPO_STUDY_LEVELS];
    size_t n = s->scheduler.ops->levels == NULL
                   ? 0
                   : s->scheduler.ops->levels(s->scheduler.state, at, HPO_STUDY_LEVELS);
    double *x = hpo_alloc_array(s->shape.n_columns + 1, sizeof *x);
    if (x == NULL) return hpo_fail_memory(err);
    hpo_str_add(o, ",\"path\":[");
    for (size_t k = 0; k < n && k < HPO_STUDY_LEVELS; k++) {
        hpo_str_add(o, k > 0 ? ",{\"resource\":" : "{\"resource\":");
        hpo_str_json_double(o, at[k]);
        hpo_axes_place(&s->axes, at[k], x);
        for (size_t i = 0; i < s->axes.n; i++) {
            hpo_str_addc(o, ',');
            hpo_str_json(o, s->space->params[s->axes.axis[i].param].name);
            hpo_str_addc(o, ':');
            hpo_str_json_double(o, x[s->axes.axis[i].column]);
        }
        hpo_str_addc(o, '}');
    }
    hpo_str_addc(o, ']');
    hpo_free(x);
    return HPO_OK;
}

hpo_status hpo_study__rungs(hpo_study *s, char **json, hpo_error *err)
{
    hpo_study_header h;
    hpo_str o = {0};
    HPO_TRY(hpo_study__begin(s, &h, err));
    hpo_status status = hpo_fold__needed(s) ? hpo_fold__sync(s, &h, err) : HPO_OK;
    s->ops->rollback(s->store, s->id);
    hpo_str_add(&o, "{\"scheduler\":");
    hpo_str_json(&o, s->spec.scheduler);
    if (status == HPO_OK && s->axes.on) status = describe_path(s, &o, err);
    if (status == HPO_OK) status = describe(s, &o, err);
    if (status == HPO_OK) status = hpo_str_steal(&o, json, err);
    hpo_str_fini(&o);
    return status;
}
