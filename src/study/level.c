/* SPDX-License-Identifier: Apache-2.0 */
/* study/level.c - the view of a study whose trials stop at different resources: one level of it at a time.
 *
 * Values at different resources are not the same quantity, so a sampler that learns is never shown a mixture.
 * It sees the highest level r_k that at least d + 3 trials have reached (d: dimensions), the rule by which
 * BOHB picks the budget of its model.  But a level below a ninth of the maximum is seen only when it orders
 * trials as the next one does: at least five have values at both, and nine of ten pairs of them (of the first
 * 32 trials) stand in the same order.  First epochs say what learns fast, and a sampler that learns from them
 * is worse than none (docs/benchmarks.md).  As long as there is no such level it sees the lowest one that is
 * not below a ninth, with the few rows that it has.  A trial's row holds
 * what it reported first at r_k or beyond; trials that were stopped or paused before have none.  At the
 * maximum the row is the result that was told, and only complete trials have one.  Failed and infeasible
 * trials have a row at every level.
 *
 * Levels are the scheduler's, else powers of 3 below the maximum.  The level in use follows from the events.
 * When it changes the sampler starts again with the rows of the new one, in the order of their events, so
 * that its state is the same in a process that replays everything.
 *
 * Falkner, Klein, Hutter: "BOHB", ICML 2018, section 4 (|D_b| >= N_min + 2 with N_min = d + 1). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "space/space.h"
#include "study/study.h"

static const double DEFAULT_ETA = 3, NEARLY = 1e-9, LOW_SHARE = 1. / 9, IN_ORDER = 0.9;
enum { NOWHERE = -1, PENDING = -2, MORE_THAN_DIMS = 3, DEFAULT_LEVELS = 5, LEAST_IN_ORDER = 5 };

void hpo_level__fini(hpo_study_levels *l)
{
    hpo_free(l->u);
    hpo_free(l->y);
    hpo_free(l->sem);
    hpo_free(l->outcome);
    hpo_free(l->cost);
    hpo_free(l->reached);
    hpo_free(l->newest);
    hpo_free(l->state);
    hpo_free(l->seq_tell);
    hpo_free(l->events);
    memset(l, 0, sizeof *l);
}

void hpo_level__clear(hpo_study_levels *l)
{
    l->n_trials = l->n_events = l->n_used = 0;
    l->in_use = SIZE_MAX;
    memset(l->count, 0, sizeof l->count);
    memset(l->order, 0, sizeof l->order);
}

void hpo_level__open(hpo_study *s)
{
    hpo_study_levels *l = &s->view.levels;
    hpo_level__clear(l);
    l->on = hpo_fold__needed(s) && s->fidelity_column >= 0;
    l->n = 0;
    if (!l->on) return;
    if (s->scheduler.ops->levels != NULL)
        l->n = s->scheduler.ops->levels(s->scheduler.state, l->at, HPO_STUDY_LEVELS);
    if (l->n > HPO_STUDY_LEVELS) l->n = HPO_STUDY_LEVELS;
    if (l->n == 0) { /* it has none */
        double r = s->fidelity_high;
        for (size_t i = DEFAULT_LEVELS; i-- > 0; r /= DEFAULT_ETA)
            l->at[i] = r;
        while (l->n < DEFAULT_LEVELS && l->at[l->n] < s->fidelity_low)
            l->n++;
        memmove(l->at, l->at + l->n, (DEFAULT_LEVELS - l->n) * sizeof *l->at);
        l->n = DEFAULT_LEVELS - l->n;
    }
    if (l->n == 0 || l->at[l->n - 1] < s->fidelity_high * (1 - NEARLY)) l->on = 0;
}

/* ---- taking in -------------------------------------------------------------------------------------------
 */

static void copy(double *to, const double *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = from != NULL ? from[i] : (double)NAN;
}

static hpo_status need_trial(const hpo_study *s, hpo_study_levels *l, int64_t number, hpo_error *err)
{
    size_t need = (size_t)number + 1, m = s->shape.n_objectives, q = s->shape.n_outcomes;
    HPO_TRY(hpo_reserve(&l->u, &l->cap_u, need * s->n_dims + 1, sizeof *l->u, err));
    HPO_TRY(hpo_reserve(&l->y, &l->cap_y, need * m, sizeof *l->y, err));
    HPO_TRY(hpo_reserve(&l->sem, &l->cap_sem, need * m, sizeof *l->sem, err));
    HPO_TRY(hpo_reserve(&l->outcome, &l->cap_outcome, need * q + 1, sizeof *l->outcome, err));
    HPO_TRY(hpo_reserve(&l->cost, &l->cap_cost, need, sizeof *l->cost, err));
    HPO_TRY(hpo_reserve(&l->reached, &l->cap_reached, need, sizeof *l->reached, err));
    HPO_TRY(hpo_reserve(&l->newest, &l->cap_newest, need, sizeof *l->newest, err));
    HPO_TRY(hpo_reserve(&l->state, &l->cap_state, need, sizeof *l->state, err));
    HPO_TRY(hpo_reserve(&l->seq_tell, &l->cap_seq, need, sizeof *l->seq_tell, err));
    for (; l->n_trials < need; l->n_trials++) {
        l->reached[l->n_trials] = -1;
        l->newest[l->n_trials] = (double)NAN;
        l->seq_tell[l->n_trials] = 0;
        l->state[l->n_trials] = HPO_STATE_WAITING;
        copy(l->u + l->n_trials * s->n_dims, NULL, s->n_dims);
    }
    return HPO_OK;
}

static hpo_status add_event(hpo_study_levels *l, int64_t seq, int64_t trial, size_t report, hpo_error *err)
{
    HPO_TRY(hpo_reserve(&l->events, &l->cap_events, l->n_events + 1, sizeof *l->events, err));
    l->events[l->n_events++] = (struct hpo_level_event){seq, trial, report};
    return HPO_OK;
}

hpo_status hpo_level__trial(hpo_study *s, const hpo_trial_record *t, hpo_error *err)
{
    hpo_study_view *w = &s->view;
    hpo_study_levels *l = &w->levels;
    size_t i = (size_t)t->number, m = s->shape.n_objectives, q = s->shape.n_outcomes;
    HPO_TRY(need_trial(s, l, t->number, err));
    int ended = hpo_view__is_end(t->state);
    int64_t now = ended ? t->seq_tell : 0;
    w->dirty |= l->seq_tell[i] != 0 && l->seq_tell[i] != now; /* a result that is no longer the same */
    hpo_space_encode(s->space, t->x, l->u + i * s->n_dims);
    l->state[i] = (uint8_t)t->state;
    if (!ended || l->seq_tell[i] == now) return HPO_OK;
    l->seq_tell[i] = now;
    l->cost[i] = t->cost;
    copy(l->y + i * m, t->y, m);
    copy(l->sem + i * m, t->sem, m);
    copy(l->outcome + i * q, t->outcome, q);
    for (size_t k = 0; k < q; k++)
        l->outcome[i * q + k] -= s->spec.outcomes[k].max;
    return add_event(l, now, t->number, SIZE_MAX, err);
}

hpo_status hpo_level__report(hpo_study *s, size_t report, hpo_error *err)
{
    const struct hpo_report_columns *c = &s->view.reports;
    hpo_study_levels *l = &s->view.levels;
    HPO_TRY(need_trial(s, l, c->trial[report], err));
    return add_event(l, c->seq[report], c->trial[report], report, err);
}

/* ---- rows
 * --------------------------------------------------------------------------------------------------- */

static double resource_of(const hpo_study *s, const struct hpo_level_event *e)
{
    const hpo_study_levels *l = &s->view.levels;
    if (e->report != SIZE_MAX) {
        /* The value at the maximum is what is told. */
        double step = s->view.reports.step[e->report];
        return fmin(step, s->fidelity_high * (1 - 2 * NEARLY));
    }
    return l->state[e->trial] == HPO_STATE_COMPLETE ? s->fidelity_high : -1;
}

/* A trial with values at a level and at the next. */
static void compare(hpo_level_order *o, double low, double high)
{
    if (o->n == HPO_LEVEL_PAIRS_OF || isnan(low) || isnan(high)) return;
    for (size_t i = 0; i < o->n; i++) {
        double same = (low - o->low[i]) * (high - o->high[i]);
        o->agree += same > 0 ? 1 : same == 0 ? 0.5 : 0;
    }
    o->low[o->n] = low;
    o->high[o->n++] = high;
}

static void count(hpo_study *s, const struct hpo_level_event *e)
{
    hpo_study_levels *l = &s->view.levels;
    double r = resource_of(s, e), before = l->reached[e->trial];
    if (!(r > before)) return;
    size_t from = 0, to = 0; /* how many levels it has reached before, and now */
    while (from < l->n && before >= l->at[from] * (1 - NEARLY))
        from++;
    for (to = from; to < l->n && r >= l->at[to] * (1 - NEARLY); to++)
        l->count[to]++;
    l->reached[e->trial] = r;
    if (to == from) return;
    const double *values = e->report != SIZE_MAX ? s->view.reports.value : l->y;
    double y = values[(e->report != SIZE_MAX ? e->report : (size_t)e->trial) * s->shape.n_objectives];
    if (from > 0 && to == from + 1) compare(&l->order[from - 1], l->newest[e->trial], y);
    l->newest[e->trial] = y;
}

static int is_low(const hpo_study *s, size_t level)
{
    return s->view.levels.at[level] < s->fidelity_high * LOW_SHARE * (1 - NEARLY);
}

static int foretells(const hpo_level_order *o)
{
    return o->n >= LEAST_IN_ORDER && o->agree >= 0.5 * IN_ORDER * (double)(o->n * (o->n - 1));
}

static size_t choose(const hpo_study *s)
{
    const hpo_study_levels *l = &s->view.levels;
    size_t k = l->n;
    while (k-- > 0)
        if (l->count[k] >= s->n_dims + MORE_THAN_DIMS && (!is_low(s, k) || foretells(&l->order[k]))) return k;
    for (k = 0; is_low(s, k); k++) {
    }
    return k;
}

static hpo_status add_row(hpo_study *s, const struct hpo_level_event *e, hpo_error *err)
{
    hpo_study_view *w = &s->view;
    const hpo_study_levels *l = &w->levels;
    size_t d = s->n_dims, m = s->shape.n_objectives, q = s->shape.n_outcomes, i = (size_t)e->trial;
    int by_report = e->report != SIZE_MAX;
    HPO_TRY(hpo_view__reserve(s, w, w->n_rows + 1, err));
    size_t row = w->n_rows++;
    if (d > 0) memcpy(w->u + row * d, l->u + i * d, d * sizeof *w->u);
    copy(w->y + row * m, by_report ? w->reports.value + e->report * m : l->y + i * m, m);
    copy(w->sem + row * m, by_report ? NULL : l->sem + i * m, m);
    copy(w->outcome + row * q, l->seq_tell[i] != 0 ? l->outcome + i * q : NULL, q);
    w->cost[row] = by_report ? 0 : l->cost[i];
    w->state[row] = by_report ? HPO_STATE_COMPLETE : l->state[i];
    w->number[row] = e->trial;
    w->seq_tell[row] = e->seq;
    w->place[e->trial] = (int64_t)row;
    return HPO_OK;
}

/* One event at the level in use: a row, unless its trial has one. */
static hpo_status use(hpo_study *s, const struct hpo_level_event *e, hpo_error *err)
{
    const hpo_study_levels *l = &s->view.levels;
    int bad = e->report == SIZE_MAX &&
              (l->state[e->trial] == HPO_STATE_FAILED || l->state[e->trial] == HPO_STATE_INFEASIBLE);
    if (s->view.place[e->trial] >= 0) return HPO_OK;
    if (!bad && resource_of(s, e) < l->at[l->in_use] * (1 - NEARLY)) return HPO_OK;
    return add_row(s, e, err);
}

size_t hpo_level__begins(const hpo_study *s, double resource)
{
    const hpo_study_levels *l = &s->view.levels;
    size_t k = l->on && !isnan(resource) ? l->n - 1 : 0;
    while (k > 0 && !(resource >= l->at[k] * (1 - NEARLY)))
        k--;
    return k;
}

static int by_seq(const void *a, const void *b)
{
    int64_t p = ((const struct hpo_level_event *)a)->seq, q = ((const struct hpo_level_event *)b)->seq;
    return (p > q) - (p < q);
}

static hpo_status list_pending(hpo_study *s, hpo_error *err)
{
    hpo_study_view *w = &s->view;
    const hpo_study_levels *l = &w->levels;
    size_t d = s->n_dims;
    w->n_pending = 0;
    for (size_t i = 0; i < l->n_trials; i++) {
        if (w->place[i] >= 0 || (l->state[i] != HPO_STATE_RUNNING && l->state[i] != HPO_STATE_WAITING))
            continue;
        HPO_TRY(hpo_view__reserve_pending(s, w, w->n_pending + 1, err));
        w->number_pending[w->n_pending] = (int64_t)i;
        if (d > 0) memcpy(w->u_pending + w->n_pending * d, l->u + i * d, d * sizeof *w->u_pending);
        w->n_pending++;
    }
    return HPO_OK;
}

hpo_status hpo_level__settle(hpo_study *s, int *again, hpo_error *err)
{
    hpo_study_view *w = &s->view;
    hpo_study_levels *l = &w->levels;
    HPO_TRY(hpo_reserve(&w->place, &w->cap_place, l->n_trials, sizeof *w->place, err));
    for (; w->n_place < l->n_trials; w->n_place++)
        w->place[w->n_place] = NOWHERE;
    if (l->n_events > l->n_used) /* a later change of a record puts its end behind newer events */
        qsort(l->events + l->n_used, l->n_events - l->n_used, sizeof *l->events, by_seq);
    for (size_t i = l->n_used; i < l->n_events; i++)
        count(s, &l->events[i]);
    size_t level = choose(s), from = l->n_used;
    *again = l->in_use != SIZE_MAX && level != l->in_use && w->n_rows > 0;
    if (level != l->in_use) {
        for (size_t i = 0; i < w->n_place; i++)
            w->place[i] = NOWHERE;
        w->n_rows = w->n_told = w->n_reports_told = from = 0;
        l->in_use = level;
    }
    for (size_t i = from; i < l->n_events; i++)
        HPO_TRY(use(s, &l->events[i], err));
    l->n_used = l->n_events;
    return list_pending(s, err);
}
