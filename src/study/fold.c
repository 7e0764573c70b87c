/* SPDX-License-Identifier: Apache-2.0 */
/* study/fold.c - feeds a scheduler the study's reports and ends of trials in the order of the clock.
 *
 * A scheduler without state decides from the report alone and is never fed.  The others are brought up to
 * date inside the transaction of the report or ask that needs them.  Only what stays stored is fed (reports,
 * and ends that still stand), so a replay gives the same state; when a trial that had ended goes back to the
 * queue the scheduler starts again.  A report without any measured value is not fed. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "study/study.h"

enum { REPORT = -1 };

int hpo_fold__needed(const hpo_study *s)
{
    return s->scheduler.ops->state_size > 0;
}

void hpo_fold__fini(hpo_study_fold *f)
{
    hpo_free(f->ended_seq);
    hpo_free(f->items);
    hpo_free(f->values);
    memset(f, 0, sizeof *f);
}

static int measured(const double *y, size_t n)
{
    int any = 0;
    for (size_t i = 0; y != NULL && i < n; i++)
        any |= !isnan(y[i]);
    return any;
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
    if (!measured(r->y, c->s->shape.n_objectives)) return HPO_OK;
    struct hpo_fold_item item = {
        .seq = r->seq, .trial = r->trial, .step = r->step, .fold = r->fold, .state = REPORT};
    return add_item(c->s, item, r->y, c->err);
}

static hpo_status read_trial(void *ctx, const hpo_trial_record *t)
{
    fold_reader *c = ctx;
    hpo_study_fold *f = &c->s->fold;
    size_t need = (size_t)t->number + 1;
    HPO_TRY(hpo_reserve(&f->ended_seq, &f->cap_ended, need, sizeof *f->ended_seq, c->err));
    for (; f->n_ended < need; f->n_ended++)
        f->ended_seq[f->n_ended] = 0;
    int64_t now = hpo_view__is_end(t->state) ? t->seq_tell : 0, before = f->ended_seq[t->number];
    if (now == before) return HPO_OK;
    if (before != 0) f->broken = 1;
    f->ended_seq[t->number] = now;
    struct hpo_fold_item item = {.seq = now, .trial = t->number, .state = t->state};
    return now == 0 ? HPO_OK : add_item(c->s, item, t->y, c->err);
}

/* ---- feeding -------------------------------------------------------------------------------------- */

static int by_seq(const void *a, const void *b)
{
    int64_t p = ((const struct hpo_fold_item *)a)->seq, q = ((const struct hpo_fold_item *)b)->seq;
    return (p > q) - (p < q);
}

static hpo_status feed(hpo_study *s, const struct hpo_fold_item *item, hpo_error *err)
{
    const hpo_scheduler_ops *ops = s->scheduler.ops;
    const double *y = item->y == SIZE_MAX ? NULL : s->fold.values + item->y;
    if (item->state != REPORT)
        return ops->tell == NULL ? HPO_OK
                                 : ops->tell(s->scheduler.state, item->trial, (hpo_state)item->state, y, err);
    hpo_decision ignored;
    hpo_sched_report r = {item->trial, item->step, y, s->shape.n_objectives, item->fold};
    return ops->report(s->scheduler.state, &r, &ignored, err);
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
    HPO_TRY(hpo_scheduler_open(s->spec.scheduler, s->space, s->shape.n_objectives, s->seed, &fresh, err));
    hpo_scheduler_close(&s->scheduler);
    s->scheduler = fresh;
    s->fold.seq = 0;
    s->fold.n_ended = 0;
    s->fold.broken = 0;
    return HPO_OK;
}

hpo_status hpo_fold__sync(hpo_study *s, const hpo_study_header *h, hpo_error *err)
{
    hpo_study_fold *f = &s->fold;
    if (f->seq == h->seq && !f->broken) return HPO_OK;
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

hpo_status hpo_fold__report(hpo_study *s, const hpo_report_record *r, hpo_decision *out, hpo_error *err)
{
    *out = HPO_CONTINUE;
    if (!measured(r->y, s->shape.n_objectives)) return HPO_OK;
    hpo_sched_report report = {r->trial, r->step, r->y, s->shape.n_objectives, r->fold};
    hpo_status status = s->scheduler.ops->report(s->scheduler.state, &report, out, err);
    if (!hpo_fold__needed(s)) return status;
    s->fold.seq = r->seq;
    s->fold.broken |= status != HPO_OK;
    return status;
}
