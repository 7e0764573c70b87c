/* SPDX-License-Identifier: Apache-2.0 */
/* study/view.c - the columns that a sampler sees, brought up to date by reading only what is new.
 *
 * Rows are finished trials in the order of seq_tell.  A row never changes once it is in: when a finished
 * trial goes back to the queue (requeue), the view and the sampler start again and replay what is stored, so
 * that the state is the same function of the stored events in every process.
 *
 * Orientation: y and sem times the objective's sign, outcomes minus their max, and gradients per unit-cube
 * coordinate, d y / d u = (d y / d x) (d x / d u).  With T of space/scalar.c and w = T(high) - T(low), dx/du
 * is high - low (linear),  w x (log),  w (c - x) (revlog),  w (x - a) (b - x) / (b - a) (logit) for
 * continuous parameters; all others have NaN. */
#include "study/study.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "space/space.h"

enum { NOWHERE = -1, PENDING = -2 };

int hpo_view__is_end(int32_t state)
{
    return state == HPO_STATE_COMPLETE || state == HPO_STATE_STOPPED || state == HPO_STATE_FAILED ||
           state == HPO_STATE_INFEASIBLE;
}

/* ---- memory ------------------------------------------------------------------------------------- */

static int grow(void *p_to_pointer, size_t rows, size_t width, size_t size)
{
    void *p;
    memcpy(&p, p_to_pointer, sizeof p);
    if (width == 0) rows = width = 1; /* never used, but C adds nothing to NULL, not even 0 */
    if (width > SIZE_MAX / size) return 0;
    p = hpo_realloc_array(p, rows, width * size);
    if (p == NULL) return 0;
    memcpy(p_to_pointer, &p, sizeof p);
    return 1;
}

hpo_status hpo_view__reserve(const hpo_study *s, hpo_study_view *w, size_t rows, hpo_error *err)
{
    if (rows <= w->cap_rows) return HPO_OK;
    size_t cap = w->cap_rows + w->cap_rows / 2 + 16, m = s->shape.n_objectives, d = s->n_dims;
    if (cap < rows) cap = rows;
    int ok = grow(&w->u, cap, d, sizeof(double)) && grow(&w->y, cap, m, sizeof(double)) &&
             grow(&w->sem, cap, m, sizeof(double)) &&
             grow(&w->outcome, cap, s->shape.n_outcomes, sizeof(double)) &&
             grow(&w->cost, cap, 1, sizeof(double)) && grow(&w->state, cap, 1, 1) &&
             grow(&w->number, cap, 1, sizeof(int64_t)) && grow(&w->seq_tell, cap, 1, sizeof(int64_t)) &&
             (!w->has_gradient || grow(&w->gradient, cap, d, sizeof(double)));
    if (!ok) return hpo_fail_memory(err);
    w->cap_rows = cap;
    return HPO_OK;
}

void hpo_view__clear(hpo_study_view *w)
{
    w->seq = w->report_seq = 0;
    w->n_rows = w->n_told = w->n_pending = w->n_place = w->n_reports_told = 0;
    w->dirty = w->has_gradient = 0;
    w->reports.n = w->held.n = w->pieces.n = 0;
    hpo_level__clear(&w->levels);
    hpo_u64map_fini(&w->seen);
    memset(&w->v, 0, sizeof w->v);
}

static void free_reports(struct hpo_report_columns *c)
{
    hpo_free(c->trial);
    hpo_free(c->seq);
    hpo_free(c->step);
    hpo_free(c->value);
    hpo_free(c->fold);
}

void hpo_view__fini(hpo_study_view *w)
{
    hpo_free(w->u);
    hpo_free(w->y);
    hpo_free(w->sem);
    hpo_free(w->outcome);
    hpo_free(w->gradient);
    hpo_free(w->cost);
    hpo_free(w->state);
    hpo_free(w->number);
    hpo_free(w->seq_tell);
    hpo_free(w->u_pending);
    hpo_free(w->number_pending);
    hpo_free(w->place);
    hpo_free(w->held_previous);
    hpo_free(w->held_last);
    free_reports(&w->reports);
    free_reports(&w->held);
    hpo_level__fini(&w->levels);
    hpo_pieces_fini(&w->pieces);
    hpo_u64map_fini(&w->seen);
    memset(w, 0, sizeof *w);
}

/* ---- one row ------------------------------------------------------------------------------------- */

/* dx / du, x a value that k can take. */
static double slope(const hpo_scalar *k, double x)
{
    switch ((hpo_scale)k->scale) {
    case HPO_SCALE_LOG:
        return k->t_width * x;
    case HPO_SCALE_REVLOG:
        return k->t_width * (k->ref_b - x);
    case HPO_SCALE_LOGIT:
        return k->t_width * (x - k->ref_a) * (k->ref_b - x) / (k->ref_b - k->ref_a);
    default:
        return k->high - k->low;
    }
}

static void write_gradient(const hpo_study *s, double *out, const double *x, const double *gradient)
{
    const hpo_space *space = s->space;
    for (size_t i = 0; i < s->n_dims; i++)
        out[i] = (double)NAN;
    for (size_t i = 0; i < space->n_params; i++) {
        const hpo_codec *c = &space->program[i];
        hpo_scalar k = c->k;
        int per_column = c->op == HPO_CODEC_UNIT || c->op == HPO_CODEC_SCALAR || c->op == HPO_CODEC_BOUNDS ||
                         c->op == HPO_CODEC_VECTOR;
        if (!per_column || c->n_dims != c->n || isnan(x[c->column])) continue;
        if (c->op == HPO_CODEC_BOUNDS && !hpo_codec_bounds(space, c, x, &k)) continue;
        if (k.discrete || k.is_int || k.step > 0) continue;
        for (size_t j = 0; j < c->n; j++)
            out[c->dim + j] = gradient[c->column + j] * slope(&k, x[c->column + j]);
    }
}

/* The column of gradients appears with the first trial that has one. */
static hpo_status begin_gradients(const hpo_study *s, hpo_study_view *w, hpo_error *err)
{
    if (w->has_gradient) return HPO_OK;
    if (!grow(&w->gradient, w->cap_rows, s->n_dims, sizeof(double))) return hpo_fail_memory(err);
    w->has_gradient = 1;
    for (size_t i = 0; i < w->n_rows * s->n_dims; i++)
        w->gradient[i] = (double)NAN;
    return HPO_OK;
}

static void copy_row(double *to, const double *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = from != NULL ? from[i] : (double)NAN;
}

hpo_status hpo_view__write(const hpo_study *s, hpo_study_view *w, size_t row, const hpo_trial_record *t,
                           hpo_error *err)
{
    size_t m = s->shape.n_objectives, q = s->shape.n_outcomes, d = s->n_dims;
    if (t->gradient != NULL) HPO_TRY(begin_gradients(s, w, err));
    hpo_space_encode(s->space, t->x, w->u + row * d);
    copy_row(w->y + row * m, t->y, m);
    copy_row(w->sem + row * m, t->sem, m);
    copy_row(w->outcome + row * q, t->outcome, q);
    for (size_t i = 0; i < q; i++)
        w->outcome[row * q + i] -= s->spec.outcomes[i].max;
    if (w->has_gradient && t->gradient == NULL)
        copy_row(w->gradient + row * d, NULL, d);
    else if (w->has_gradient)
        write_gradient(s, w->gradient + row * d, t->x, t->gradient);
    w->cost[row] = t->cost;
    w->state[row] = (uint8_t)t->state;
    w->number[row] = t->number;
    w->seq_tell[row] = t->seq_tell;
    return HPO_OK;
}

/* ---- trials in progress --------------------------------------------------------------------------- */

/* First place in number_pending that is not below `number`. */
static size_t find_pending(const hpo_study_view *w, int64_t number)
{
    size_t low = 0, high = w->n_pending;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (w->number_pending[middle] < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

hpo_status hpo_view__reserve_pending(const hpo_study *s, hpo_study_view *w, size_t rows, hpo_error *err)
{
    if (rows <= w->cap_pending) return HPO_OK;
    size_t cap = w->cap_pending + w->cap_pending / 2 + 16;
    if (!grow(&w->u_pending, cap, s->n_dims, sizeof(double)) ||
        !grow(&w->number_pending, cap, 1, sizeof(int64_t)))
        return hpo_fail_memory(err);
    w->cap_pending = cap;
    return HPO_OK;
}

static hpo_status add_pending(const hpo_study *s, hpo_study_view *w, const hpo_trial_record *t,
                              hpo_error *err)
{
    size_t d = s->n_dims, at = find_pending(w, t->number);
    HPO_TRY(hpo_view__reserve_pending(s, w, w->n_pending + 1, err));
    size_t behind = w->n_pending - at;
    memmove(w->number_pending + at + 1, w->number_pending + at, behind * sizeof *w->number_pending);
    if (d > 0) memmove(w->u_pending + (at + 1) * d, w->u_pending + at * d, behind * d * sizeof(double));
    w->number_pending[at] = t->number;
    hpo_space_encode(s->space, t->x, w->u_pending + at * d);
    w->n_pending++;
    return HPO_OK;
}

static void remove_pending(const hpo_study *s, hpo_study_view *w, int64_t number)
{
    size_t d = s->n_dims, at = find_pending(w, number), behind = w->n_pending - at - 1;
    memmove(w->number_pending + at, w->number_pending + at + 1, behind * sizeof *w->number_pending);
    if (d > 0) memmove(w->u_pending + at * d, w->u_pending + (at + 1) * d, behind * d * sizeof(double));
    w->n_pending--;
}

/* ---- reading what is new --------------------------------------------------------------------------- */

typedef struct view_reader {
    hpo_study *s;
    hpo_error *err;
} view_reader;

static hpo_status reserve_place(hpo_study_view *w, int64_t number, hpo_error *err)
{
    size_t need = (size_t)number + 1;
    HPO_TRY(hpo_reserve(&w->place, &w->cap_place, need, sizeof *w->place, err));
    for (; w->n_place < need; w->n_place++)
        w->place[w->n_place] = NOWHERE;
    return HPO_OK;
}

static hpo_status note_seen(const hpo_study *s, hpo_study_view *w, const hpo_trial_record *t, hpo_error *err)
{
    if (s->spec.noisy || hpo_u64map_get(&w->seen, t->hash, -1) >= 0) return HPO_OK;
    return hpo_u64map_put(&w->seen, t->hash, t->number, err);
}

static hpo_status add_row(const hpo_study *s, hpo_study_view *w, const hpo_trial_record *t, hpo_error *err)
{
    HPO_TRY(hpo_view__reserve(s, w, w->n_rows + 1, err));
    HPO_TRY(hpo_view__write(s, w, w->n_rows, t, err));
    w->place[t->number] = (int64_t)w->n_rows++;
    return HPO_OK;
}

static hpo_status read_trial(void *ctx, const hpo_trial_record *t)
{
    view_reader *r = ctx;
    hpo_study *s = r->s;
    hpo_study_view *w = &s->view;
    hpo_trial_record then;
    if (w->is_past) {
        then = *t;
        if (!hpo_past__trial(w, &then)) return HPO_OK;
        t = &then;
    }
    HPO_TRY(note_seen(s, w, t, r->err));
    if (w->lagged) return hpo_lag__trial(s, t, r->err);
    if (w->levels.on) return hpo_level__trial(s, t, r->err);
    HPO_TRY(reserve_place(w, t->number, r->err));
    int64_t place = w->place[t->number];
    int ended = hpo_view__is_end(t->state);
    int in_progress = t->state == HPO_STATE_RUNNING || t->state == HPO_STATE_WAITING;
    if (place >= 0) { /* only a result that is no longer the same one matters */
        w->dirty |= !ended || w->seq_tell[place] != t->seq_tell;
        return HPO_OK;
    }
    if (place == PENDING) {
        remove_pending(s, w, t->number);
        w->place[t->number] = NOWHERE;
    }
    if (in_progress) {
        HPO_TRY(add_pending(s, w, t, r->err));
        w->place[t->number] = PENDING;
    }
    return ended ? add_row(s, w, t, r->err) : HPO_OK;
}

hpo_status hpo_view__add_report(struct hpo_report_columns *c, size_t m, const hpo_report_record *r,
                                hpo_error *err)
{
    if (c->n == c->cap) {
        size_t cap = c->cap + c->cap / 2 + 16;
        if (!grow(&c->trial, cap, 1, sizeof *c->trial) || !grow(&c->seq, cap, 1, sizeof *c->seq) ||
            !grow(&c->step, cap, 1, sizeof *c->step) || !grow(&c->value, cap, m, sizeof *c->value) ||
            !grow(&c->fold, cap, 1, sizeof *c->fold))
            return hpo_fail_memory(err);
        c->cap = cap;
    }
    c->trial[c->n] = r->trial;
    c->seq[c->n] = r->seq;
    c->step[c->n] = r->step;
    c->fold[c->n] = r->fold;
    copy_row(c->value + c->n * m, r->y, m);
    c->n++;
    return HPO_OK;
}

/* With several axes: the ends of pieces, at their resource.  0: it is none of these. */
static int at_end_of_piece(hpo_study *s, hpo_report_record *rec)
{
    double cost = 0;
    return !s->axes.on || hpo_pieces_report(&s->view.pieces, rec->trial, &rec->step, &cost);
}

static int begins_piece(int32_t kind)
{
    return kind == HPO_LOG_NEW || kind == HPO_LOG_RESUME || kind == HPO_LOG_CLONE;
}

static hpo_status read_report(void *ctx, const hpo_report_record *stored)
{
    view_reader *r = ctx;
    hpo_study_view *w = &r->s->view;
    hpo_report_record copy = *stored, *rec = &copy;
    if (r->s->axes.on && begins_piece(rec->kind))
        return hpo_pieces_note(&w->pieces, &r->s->axes, rec->trial, rec->step, r->err);
    if (rec->kind != HPO_LOG_REPORT) return HPO_OK;
    if (rec->seq <= w->report_seq) return HPO_OK; /* read before, with a bound that was too low */
    if (w->is_past && !hpo_past__report(w, rec)) return HPO_OK;
    if (!at_end_of_piece(r->s, rec)) return HPO_OK;
    hpo_status status = w->lagged ? hpo_lag__report(r->s, rec, r->err)
                                  : hpo_view__add_report(&w->reports, r->s->shape.n_objectives, rec, r->err);
    if (status == HPO_OK && w->levels.on) status = hpo_level__report(r->s, w->reports.n - 1, r->err);
    if (status == HPO_OK) w->report_seq = rec->seq;
    return status;
}

/* ---- order ------------------------------------------------------------------------------------------ */

typedef struct told_row {
    int64_t seq;
    size_t row;
} told_row;

static int by_seq(const void *a, const void *b)
{
    int64_t p = ((const told_row *)a)->seq, q = ((const told_row *)b)->seq;
    return (p > q) - (p < q);
}

static void gather(void *column, size_t first, size_t n, size_t bytes, const told_row *order, char *scratch)
{
    char *base = (char *)column + first * bytes;
    if (bytes == 0) return;
    for (size_t i = 0; i < n; i++)
        memcpy(scratch + i * bytes, base + (order[i].row - first) * bytes, bytes);
    memcpy(base, scratch, n * bytes);
}

/* Records come in the order of their last change; a later change that is no result (an attribute) puts a
 * trial behind others that were told after it. */
static hpo_status sort_new_rows(const hpo_study *s, hpo_study_view *w, size_t first, hpo_error *err)
{
    size_t n = w->n_rows - first, widest = s->n_dims, sorted = 1;
    for (size_t i = first + 1; i < w->n_rows; i++)
        sorted += w->seq_tell[i - 1] < w->seq_tell[i];
    if (n < 2 || sorted == n) return HPO_OK;
    if (widest < s->shape.n_objectives) widest = s->shape.n_objectives;
    if (widest < s->shape.n_outcomes) widest = s->shape.n_outcomes;
    told_row *order = hpo_alloc_array(n, sizeof *order);
    char *scratch = hpo_alloc_array(n, (widest + 1) * sizeof(double));
    if (order == NULL || scratch == NULL) {
        hpo_free(order);
        hpo_free(scratch);
        return hpo_fail_memory(err);
    }
    for (size_t i = 0; i < n; i++)
        order[i] = (told_row){w->seq_tell[first + i], first + i};
    qsort(order, n, sizeof *order, by_seq);
    gather(w->u, first, n, s->n_dims * sizeof(double), order, scratch);
    gather(w->y, first, n, s->shape.n_objectives * sizeof(double), order, scratch);
    gather(w->sem, first, n, s->shape.n_objectives * sizeof(double), order, scratch);
    gather(w->outcome, first, n, s->shape.n_outcomes * sizeof(double), order, scratch);
    if (w->has_gradient) gather(w->gradient, first, n, s->n_dims * sizeof(double), order, scratch);
    gather(w->cost, first, n, sizeof(double), order, scratch);
    gather(w->state, first, n, 1, order, scratch);
    gather(w->number, first, n, sizeof(int64_t), order, scratch);
    gather(w->seq_tell, first, n, sizeof(int64_t), order, scratch);
    for (size_t i = first; i < w->n_rows; i++)
        w->place[w->number[i]] = (int64_t)i;
    hpo_free(order);
    hpo_free(scratch);
    return HPO_OK;
}

/* ---- the whole ---------------------------------------------------------------------------------------- */

void hpo_view__publish(const hpo_study *s, hpo_study_view *w, size_t n_done)
{
    size_t lag_from = n_done * s->n_dims;
    w->v =
        (hpo_view){.size = sizeof w->v,
                   .n_done = n_done,
                   .n_pending = w->n_pending,
                   .n_dims = s->n_dims,
                   .n_objectives = s->shape.n_objectives,
                   .n_outcomes = s->shape.n_outcomes,
                   .u = w->u,
                   .y = w->y,
                   .sem = w->sem,
                   .outcome = w->outcome,
                   .gradient = w->has_gradient ? w->gradient : NULL,
                   .cost = w->cost,
                   .state = w->state,
                   .number = w->number,
                   .u_pending = w->lagged && w->u != NULL ? w->u + lag_from : w->u_pending,
                   .number_pending = w->lagged && w->number != NULL ? w->number + n_done : w->number_pending,
                   .n_reports = w->reports.n,
                   .report_trial = w->reports.trial,
                   .report_step = w->reports.step,
                   .report_value = w->reports.value,
                   .report_fold = w->reports.fold,
                   .planned = s->spec.budget.trials,
                   .noisy = s->spec.noisy};
    if (!w->levels.on) return;
    w->v.n_trials = w->levels.n_trials;
    w->v.u_trial = w->levels.u;
    w->v.n_levels = w->levels.n;
    w->v.level = w->levels.at;
}

hpo_status hpo_view__tell_next(hpo_study *s, hpo_study_view *w, hpo_error *err)
{
    const hpo_sampler_ops *ops = s->sampler.ops;
    size_t row = w->n_told;
    if (s->history && ops->tell != NULL) {
        const struct hpo_report_columns *c = &w->reports;
        while (w->n_reports_told < c->n && (w->lagged || c->seq[w->n_reports_told] < w->seq_tell[row]))
            w->n_reports_told++;
        /* What was known when this row came in, and no more: batches must not matter. */
        hpo_view__publish(s, w, row + 1);
        w->v.n_pending = 0;
        w->v.n_reports = w->n_reports_told;
        hpo_status status = ops->tell(s->sampler.state, &w->v, row, err);
        if (status != HPO_OK) {
            w->dirty = 1; /* the sampler may have taken half of it: replay */
            return status;
        }
    }
    w->n_told++;
    return HPO_OK;
}

/* A sampler and a rule in their first state. */
static hpo_status forget_rows(hpo_study *s, hpo_error *err)
{
    hpo_sampler fresh = {0};
    if (s->history) {
        HPO_TRY(hpo_sampler_open(s->spec.sampler, s->space, s->shape.n_objectives, s->shape.n_outcomes,
                                 s->seed, &fresh, err));
        hpo_sampler old = s->sampler;
        s->sampler.config = fresh.config; /* ops are the same, and others may be reading them */
        s->sampler.state = fresh.state;
        hpo_sampler_close(&old);
    }
    return hpo_until_restart(s->until, err);
}

/* ... and an empty view. */
static hpo_status start_again(hpo_study *s, hpo_error *err)
{
    HPO_TRY(forget_rows(s, err));
    hpo_view__clear(&s->view);
    hpo_suggest__forget(s);
    return HPO_OK;
}

static hpo_status read_new(hpo_study *s, int64_t seq, hpo_error *err)
{
    hpo_study_view *w = &s->view;
    view_reader ctx = {s, err};
    hpo_reader reader = {read_trial, read_report, &ctx};
    size_t first = w->n_rows;
    HPO_TRY(s->ops->read_since(s->store, s->id, w->seq, &reader, err));
    int again = 0;
    if (w->levels.on && !w->dirty)
        HPO_TRY(hpo_level__settle(s, &again, err));
    else if (!w->lagged && !w->dirty)
        HPO_TRY(sort_new_rows(s, w, first, err));
    w->seq = seq;
    return again ? forget_rows(s, err) : HPO_OK;
}

hpo_status hpo_view__sync(hpo_study *s, int64_t seq, hpo_error *err)
{
    hpo_study_view *w = &s->view;
    if (w->dirty) HPO_TRY(start_again(s, err));
    if (seq <= w->seq && w->v.size != 0) return HPO_OK;
    hpo_status status = read_new(s, seq, err);
    if (status == HPO_OK && w->dirty) {
        status = start_again(s, err);
        if (status == HPO_OK) status = read_new(s, seq, err);
    }
    while (status == HPO_OK && !w->lagged && w->n_told < w->n_rows)
        status = hpo_view__tell_next(s, w, err);
    if (status != HPO_OK) {
        w->dirty = 1; /* half read: begin anew next time */
        return status;
    }
    if (!w->lagged) hpo_view__publish(s, w, w->n_rows);
    return HPO_OK;
}
