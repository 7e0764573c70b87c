/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/tpe_plus.c - our own settings of the tree-structured Parzen estimator.
 *
 * tell   keeps the order of merit and two sets of kernels: the good (below) and all others (above).  A new
 * trial moves at most a few members between them. ask    adds the pending trials to the bad, draws candidates
 * from the good, scores them by
 *
 *            s(u) = log l(u) - log g(u),
 *
 *        climbs from the best few, returns the best, and takes the pending ones out again, which leaves the
 * sets as they were to the last bit.
 *
 * Weights of the good: w_i = max(y* - y_i, 1e-6 mean), y* the best value of the bad; the prior has their
 * mean. They are what expected improvement below y* would give each (Watanabe 2023); equal where the good are
 * not all complete or do not differ.  The bad weigh 1 each.
 *
 * Candidates come from one component each, or (share `recombine`) axis by axis from two of them: a product
 * kernel alone cannot join the good half of one trial with the good half of another.  Going down the program
 * of the space, parents first, each parameter is drawn when the values so far make it active; a component
 * that was not active in a branch hands over to one that was.  Candidates that violate a constraint, or in
 * spaces where points may coincide one that was tried, are drawn again. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "sampler/tpe.h"
#include "space/space.h"

enum {
    PENDING = 0x40000000, /* ids of pending trials begin here */
    MOST_BELOW = 32,
    TRIES = 8 /* a candidate that is refused is drawn again so many times at most, on average */
};

static const double NOISY_FLOOR = 0.1;

hpo_status hpo_tpe_plus_init(hpo_tpe *t, hpo_error *err)
{
    size_t d = t->space->n_dims + 1, c = (size_t)t->config->candidates;
    /* The good stand for the region around them, which half a gap covers; the bad for the whole space. */
    const hpo_parzen_width good = {HPO_PARZEN_PLUS, t->config->floor, 0.5};
    const hpo_parzen_width bad = {HPO_PARZEN_PLUS, t->config->floor, 1};
    HPO_TRY(hpo_parzen_set_create(t->axes, &good, &t->below, err));
    HPO_TRY(hpo_parzen_set_create(t->axes, &bad, &t->above, err));
    HPO_TRY(hpo_parzen_set_reserve(t->below, MOST_BELOW, err));
    t->work = hpo_alloc_array(2 * d, sizeof *t->work);
    t->pool = hpo_alloc_array(d * c, sizeof *t->pool);
    t->score = hpo_alloc_array(c, sizeof *t->score);
    t->turn = hpo_alloc_array(c, sizeof *t->turn);
    t->pick = hpo_alloc_array(2 * t->axes->n_groups, sizeof *t->pick);
    if (t->work == NULL || t->pool == NULL || t->score == NULL || t->turn == NULL || t->pick == NULL)
        return hpo_fail_memory(err);
    return HPO_OK;
}

void hpo_tpe_plus_fini(hpo_tpe *t)
{
    hpo_parzen_set_free(t->below);
    hpo_parzen_set_free(t->above);
    hpo_free(t->work);
    hpo_free(t->pool);
    hpo_free(t->score);
    hpo_free(t->turn);
    hpo_free(t->pick);
    hpo_free(t->pending);
}

/* ---- the two sets ---- */

static void weigh(hpo_tpe *t)
{
    double w[MOST_BELOW], mean = 0, limit;
    size_t n = t->n_below;
    const hpo_tpe_order *o = &t->order;
    if (n == 0) return;
    const hpo_tpe_rank *last = &o->rank[o->row[n - 1]];
    limit = n < o->n && o->rank[o->row[n]].kind == HPO_TPE_MEASURED ? o->rank[o->row[n]].first : last->first;
    for (size_t i = 0; i < n; i++) { /* places in the set are in the order of rows */
        uint32_t row = o->row[i];
        size_t at = 0;
        for (size_t j = 0; j < n; j++)
            at += o->row[j] < row;
        w[at] = limit - o->rank[row].first;
        mean += w[at] / (double)n;
    }
    if (last->kind != HPO_TPE_MEASURED || !(mean > 0) || !(mean < HUGE_VAL)) {
        hpo_parzen_set_weights(t->below, NULL);
        return;
    }
    for (size_t i = 0; i < n; i++)
        w[i] = fmax(w[i] / mean, 1e-6);
    hpo_parzen_set_weights(t->below, w);
}

static void move(const hpo_view *view, uint32_t row, hpo_parzen_set *from, hpo_parzen_set *to)
{
    hpo_parzen_set_remove(from, row);
    hpo_parzen_set_add(to, row, view->u + (size_t)row * view->n_dims);
}

hpo_status hpo_tpe_plus_tell(hpo_tpe *t, const hpo_view *view, size_t row, hpo_error *err)
{
    size_t place, n = row + 1;
    const double *u = view->u + row * view->n_dims;
    HPO_TRY(hpo_parzen_set_reserve(t->above, n, err));
    if (!t->axes->any_real) {
        hpo_space_decode(t->space, u, t->x);
        HPO_TRY(hpo_u64map_put(&t->seen, hpo_space_hash(t->space, t->x), (int64_t)row, err));
    }
    if (row == 0 && view->noisy) {
        hpo_parzen_set_floor(t->below, fmax(t->config->floor, NOISY_FLOOR));
        hpo_parzen_set_floor(t->above, fmax(t->config->floor, NOISY_FLOOR));
    }
    HPO_TRY(hpo_tpe_order_add(&t->order, view, row, &place, err));
    size_t target = hpo_tpe_below(t->config->gamma, n), useful = n - t->order.n_failed;
    target = target < useful ? target : useful;
    int good = place < t->n_below, near = place <= t->n_below;
    hpo_parzen_set_add(good ? t->below : t->above, (uint32_t)row, u);
    t->n_below += (size_t)good;
    for (; t->n_below < target; t->n_below++)
        move(view, t->order.row[t->n_below], t->above, t->below);
    for (; t->n_below > target; t->n_below--)
        move(view, t->order.row[t->n_below - 1], t->below, t->above);
    if (near || place <= t->n_below) weigh(t);
    return HPO_OK;
}

/* ---- candidates ---- */

static uint32_t component(hpo_tpe *t, uint32_t *pick, size_t g, hpo_rng *rng)
{
    size_t n = hpo_parzen_set_size(t->below);
    if (pick[g] != UINT32_MAX) return pick[g];
    if (pick[0] < n && hpo_parzen_set_active(t->below, g, pick[0]))
        pick[g] = pick[0];
    else
        pick[g] = (uint32_t)hpo_parzen_set_pick(t->below, g, rng);
    return pick[g];
}

static void begin(hpo_tpe *t, uint32_t *pick, hpo_rng *rng)
{
    for (size_t g = 1; g < t->axes->n_groups; g++)
        pick[g] = UINT32_MAX;
    pick[0] = (uint32_t)hpo_parzen_set_pick(t->below, 0, rng);
}

static void set_inactive(const hpo_codec *c, double *u)
{
    for (size_t j = 0; j < c->n_dims; j++)
        u[c->dim + j] = HPO_UNKNOWN;
}

/* One candidate into u, with its configuration in t->x where that is needed. */
static void draw(hpo_tpe *t, int cross, hpo_rng *rng, double *u)
{
    const hpo_space *s = t->space;
    uint32_t *one = t->pick, *two = t->pick + t->axes->n_groups;
    uint64_t coins = 0;
    begin(t, one, rng);
    if (cross) begin(t, two, rng);
    for (size_t i = 0; i < s->n_params; i++) {
        const hpo_codec *c = &s->program[i];
        size_t first = t->axes->param_first[i], end = t->axes->param_first[i + 1];
        if (c->when != NULL && hpo_expr_eval(c->when, t->x) != 1) {
            set_inactive(c, u);
            hpo_codec_decode(s, c, u, t->x);
            continue;
        }
        for (size_t k = first; k < end; k++) {
            size_t g = t->axes->axis[k].group;
            if (k % 64 == 0 && cross) coins = hpo_rng_u64(rng);
            uint32_t *from = cross && (coins >> (k % 64) & 1) ? two : one;
            hpo_parzen_set_draw(t->below, k, component(t, from, g, rng), rng, u);
        }
        if (!t->needs_x) continue;
        hpo_codec_decode(s, c, u, t->x);
        if (c->op == HPO_CODEC_SUBSET) hpo_codec_encode(s, c, t->x, u);
        if (isnan(t->x[c->column])) set_inactive(c, u);
    }
}

static int allowed(const hpo_tpe *t, const hpo_view *view)
{
    if (!t->needs_x) return 1;
    if ((t->space->n_constraints > 0 || t->space->has_bounds) && !hpo_space_feasible(t->space, t->x))
        return 0;
    if (t->axes->any_real || view->noisy) return 1;
    uint64_t hash = hpo_space_hash(t->space, t->x);
    for (size_t i = 0; i < view->n_pending; i++)
        if (t->pending[i] == hash) return 0;
    return hpo_u64map_get(&t->seen, hash, -1) < 0;
}

static double score(hpo_tpe *t, const double *u)
{
    return hpo_parzen_set_logpdf(t->below, u) - hpo_parzen_set_logpdf(t->above, u);
}

/* ---- climbing ---- */

/* The configuration of u, all in line; 0: not allowed, or other parameters active than in `from`. */
static int settle(hpo_tpe *t, const hpo_view *view, double *u)
{
    const hpo_space *s = t->space;
    if (!t->needs_x) return 1;
    for (size_t i = 0; i < s->n_params; i++) {
        const hpo_codec *c = &s->program[i];
        int active = c->when == NULL || hpo_expr_eval(c->when, t->x) == 1;
        hpo_codec_decode(s, c, u, t->x);
        if (c->n_dims == 0) continue;
        int there = !isnan(u[c->dim]), known = !isnan(t->x[c->column]);
        if (there != known || there > active || (there < active && c->op != HPO_CODEC_BOUNDS)) return 0;
        if (c->op == HPO_CODEC_SUBSET) hpo_codec_encode(s, c, t->x, u);
    }
    return allowed(t, view);
}

typedef struct climb {
    hpo_tpe *t;
    const hpo_view *view;
    double *u, *v; /* here; a try */
    double here;
    size_t left; /* evaluations */
} climb;

/* Tries v; moves there when it is better. */
static int attempt(climb *c)
{
    size_t n = c->t->space->n_dims;
    int better = 0;
    if (settle(c->t, c->view, c->v)) {
        double there = score(c->t, c->v);
        c->left--;
        if (there > c->here) {
            c->here = there;
            memcpy(c->u, c->v, n * sizeof *c->u);
            better = 1;
        }
    }
    if (!better) memcpy(c->v, c->u, n * sizeof *c->v);
    return better;
}

static int climb_axis(climb *c, const hpo_parzen_axis *a, double step)
{
    double at = c->u[a->dim];
    int moved = 0;
    if (isnan(at)) return 0;
    if (a->kind == HPO_PARZEN_REAL) {
        for (int sign = -1; sign <= 1 && c->left > 0 && !moved; sign += 2) {
            double to = at + sign * step;
            to = to < 0 ? 0 : to > 1 ? 1 : to;
            if (to == at) continue;
            c->v[a->dim] = to;
            moved = attempt(c);
        }
        return moved;
    }
    if (a->kind == HPO_PARZEN_ORDER || (a->kind == HPO_PARZEN_LABEL && a->n_values > 8)) return 0;
    uint32_t value = hpo_parzen_value(a, at);
    for (uint32_t i = 0; i < a->n_values && c->left > 0 && !moved; i++) {
        uint32_t far = i > value ? i - value : value - i;
        if (far == 0 || (a->kind == HPO_PARZEN_GRID && far > 1)) continue;
        c->v[a->dim] = hpo_parzen_coordinate(a, i);
        moved = attempt(c);
    }
    return moved;
}

/* Axis by axis, with steps that halve when no axis has moved. */
static double ascend(hpo_tpe *t, const hpo_view *view, double *u, double from, size_t evaluations)
{
    size_t n = t->space->n_dims;
    climb c = {t, view, u, t->work, from, evaluations};
    memcpy(c.v, u, n * sizeof *u);
    for (double step = 0.03; step > 0.002 && c.left > 0;) {
        int moved = 0;
        for (size_t k = 0; k < t->axes->n_axes && c.left > 0; k++)
            moved |= climb_axis(&c, &t->axes->axis[k], step);
        if (!moved) step *= 0.5;
    }
    return c.here;
}

/* ---- asking ---- */

static hpo_status add_pending(hpo_tpe *t, const hpo_view *view, hpo_error *err)
{
    HPO_TRY(hpo_parzen_set_reserve(t->above, hpo_parzen_set_size(t->above) + view->n_pending, err));
    if (!t->axes->any_real) {
        HPO_TRY(hpo_reserve(&t->pending, &t->cap_pending, view->n_pending, sizeof *t->pending, err));
        for (size_t i = 0; i < view->n_pending; i++) {
            hpo_space_decode(t->space, view->u_pending + i * view->n_dims, t->x);
            t->pending[i] = hpo_space_hash(t->space, t->x);
        }
    }
    for (size_t i = 0; i < view->n_pending && t->config->liar; i++)
        hpo_parzen_set_add(t->above, (uint32_t)(PENDING + i), view->u_pending + i * view->n_dims);
    return HPO_OK;
}

static void remove_pending(hpo_tpe *t, const hpo_view *view)
{
    for (size_t i = view->n_pending; i-- > 0 && t->config->liar;)
        hpo_parzen_set_remove(t->above, (uint32_t)(PENDING + i));
}

/* The best of the pool that is left; its score becomes -inf. */
static size_t take_best(hpo_tpe *t, size_t n, double *value)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (t->score[i] > t->score[best]) best = i;
    *value = t->score[best];
    t->score[best] = -HUGE_VAL;
    return best;
}

/* From log l in t->score to log l - log g.  Unless several are to be polished only the largest is wanted: in
 * the order of log l, the bad ones of a candidate are summed no further than until it cannot win. */
static void rate(hpo_tpe *t, size_t n)
{
    size_t d = t->space->n_dims;
    double best = -HUGE_VAL;
    for (size_t i = 0; i < n; i++) { /* t->turn: candidates by falling log l */
        size_t j = i;
        for (; j > 0 && t->score[t->turn[j - 1]] < t->score[i]; j--)
            t->turn[j] = t->turn[j - 1];
        t->turn[j] = (uint32_t)i;
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t k = t->turn[i];
        double l = t->score[k], limit = t->config->polish > 1 ? HUGE_VAL : l - best;
        t->score[k] = l - hpo_parzen_set_logpdf_until(t->above, t->pool + k * d, limit);
        if (t->score[k] > best) best = t->score[k];
    }
}

hpo_status hpo_tpe_plus_ask(hpo_tpe *t, const hpo_view *view, hpo_rng *rng, double *u, hpo_error *err)
{
    size_t d = t->space->n_dims, want = (size_t)t->config->candidates, n = 0;
    size_t crossed = (size_t)(t->config->recombine * (double)want);
    if (t->n_below == 0) return hpo_space_draw(t->space, rng, u, err);
    HPO_TRY(add_pending(t, view, err));
    for (size_t i = 0; i < TRIES * want && n < want; i++) {
        double *v = t->pool + n * d;
        draw(t, n < crossed, rng, v);
        if (allowed(t, view)) t->score[n++] = hpo_parzen_set_logpdf(t->below, v);
    }
    double best = -HUGE_VAL;
    size_t chosen = SIZE_MAX;
    rate(t, n);
    for (int64_t i = 0; n > 0 && (i == 0 || (i < t->config->polish && (size_t)i < n)); i++) {
        double value;
        size_t k = take_best(t, n, &value);
        if (t->config->polish > 0) value = ascend(t, view, t->pool + k * d, value, 8 * t->axes->n_axes);
        if (chosen == SIZE_MAX || value > best) {
            best = value;
            chosen = k;
        }
    }
    remove_pending(t, view);
    if (n == 0) return hpo_space_draw(t->space, rng, u, err);
    memcpy(u, t->pool + chosen * d, d * sizeof *u);
    return HPO_OK;
}

hpo_status hpo_tpe_plus_ratio(hpo_tpe *t, const hpo_view *view, const double *u, double *out, hpo_error *err)
{
    HPO_TRY(add_pending(t, view, err));
    *out = score(t, u);
    remove_pending(t, view);
    return HPO_OK;
}
