/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/local.c - model-based local search: a quadratic in a trust region around the best point.
 *
 * After `initial` quasi-random points the best trial is the centre c of a box of half-width D (in the unit
 * cube, all numeric parameters).  Each ask fits a quadratic (model/quadratic.h) to the nearest trials,
 * minimises it in the box, and proposes the minimiser, when it lies apart from what is known or pending (> D
 * / 50), else the place of the box where the quadratic is least determined. Centre, D and what becomes of a
 * valley that is done with are a fold over the results, sampler/descent.h. Parameters without an order
 * (labels, permutations, ...) keep the centre's value, or make one random move in a share of the asks.
 *
 * Strong where smooth valleys have to be followed to the end; knows little of the rest of the space, which
 * is why `auto` uses it as one member of several.
 *
 * References: Powell, Math. Program. 100 (2004); Conn, Scheinberg & Vicente, "Introduction to Derivative-Free
 * Optimization" (2009), chapters 10-11. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "math/minimise.h"
#include "math/rng.h"
#include "math/stats.h"
#include "model/quadratic.h"
#include "sampler/builtin.h"
#include "sampler/descent.h"
#include "sampler/opening.h"
#include "space/space.h"

enum { MAX_ROWS = 120, TRIALS = 96, STARTS = 3, MOVES = 16 };

typedef struct local_config {
    int64_t initial;
    double moves;
    hpo_descent_options descent;
} local_config;

typedef struct local_state {
    const local_config *config;
    hpo_descent descent; /* the fold */
    hpo_opening opening;
    hpo_quadratic *quadratic;
    size_t n_dims, n_numeric;
    /* scratch */
    double *u, *s, *y, *w, *lower, *upper, *step, *best_step, *work;
    double predicted; /* of the last ask; NaN: not from the model */
    const char *origin;
} local_state;

static const hpo_option local_options[] = {
    {"initial", "quasi-random points before the first model; -1: dimensions + 1, between 5 and 10",
     HPO_OPT_INT, offsetof(local_config, initial), -1, -1, 1 << 20, NULL},
    {"patience",
     "results near the centre without improvement before the box shrinks; -1: 4, from 8 dimensions on half "
     "of them",
     HPO_OPT_INT, offsetof(local_config, descent.patience), -1, -1, 1 << 20, NULL},
    {"width", "half-width of the box at the start, in parts of the range", HPO_OPT_REAL,
     offsetof(local_config, descent.width), 0.2, 0.001, 0.5, NULL},
    {"shrink", "factor of the half-width when patience is over", HPO_OPT_REAL,
     offsetof(local_config, descent.shrink), 0.6, 0.1, 0.95, NULL},
    {"tolerance", "half-width of the box, in parts of the range, below which it is made wide again",
     HPO_OPT_REAL, offsetof(local_config, descent.tolerance), 1e-6, 1e-12, 0.1, NULL},
    {"flat",
     "at the floor of a valley, which is then left, results near the centre differ by less than this part of "
     "the height of all results",
     HPO_OPT_REAL, offsetof(local_config, descent.flat), 0.03, 0, 1, NULL},
    {"moves", "share of the asks that change a parameter without an order", HPO_OPT_REAL,
     offsetof(local_config, moves), 0.4, 0, 1, NULL},
};

/* ---- setting up --------------------------------------------------------------------------------- */

static hpo_status local_init(void *state, const void *config, const hpo_space *space, uint64_t seed,
                             hpo_error *err)
{
    local_state *s = state;
    s->config = config;
    s->n_dims = hpo_space_n_dims(space);
    s->origin = "design";
    size_t d = s->n_dims + 1;
    HPO_TRY(hpo_descent_init(&s->descent, &s->config->descent, space, err));
    s->n_numeric = s->descent.map.n_numeric;
    HPO_TRY(hpo_quadratic_create(s->n_numeric, &s->quadratic, err));
    HPO_TRY(hpo_opening_init(&s->opening, space, seed, err));
    s->u = hpo_alloc_array(5 * d, sizeof(double));
    s->s = hpo_alloc_array((MAX_ROWS + 1) * d, sizeof(double));
    s->y = hpo_alloc_array(2 * (size_t)MAX_ROWS, sizeof(double));
    s->work = hpo_alloc_array(hpo_lbfgsb_work(s->n_numeric, 8) + 1, sizeof(double));
    if (s->u == NULL || s->s == NULL || s->y == NULL || s->work == NULL) return hpo_fail_memory(err);
    s->w = s->y + MAX_ROWS;
    s->lower = s->u + d;
    s->upper = s->lower + d;
    s->step = s->upper + d;
    s->best_step = s->step + d;
    return HPO_OK;
}

static void local_fini(void *state)
{
    local_state *s = state;
    hpo_descent_fini(&s->descent);
    hpo_opening_fini(&s->opening);
    hpo_quadratic_free(s->quadratic);
    hpo_free(s->u);
    hpo_free(s->s);
    hpo_free(s->y);
    hpo_free(s->work);
}

static const double *row_of(const hpo_view *v, size_t row)
{
    return v->u + row * v->n_dims;
}

static double value_of(const hpo_view *v, size_t row)
{
    return v->y[row * v->n_objectives];
}

static double distance(const local_state *s, const double *a, const double *b)
{
    return hpo_valleys_distance(&s->descent.map, a, b);
}

static hpo_status local_tell(void *state, const hpo_view *view, size_t row, hpo_error *err)
{
    return hpo_descent_tell(&((local_state *)state)->descent, view, row, err);
}

/* ---- the model -------------------------------------------------------------------------------------- */

/* Row of u as a step from the centre in units of the width. */
static void to_step(const local_state *s, const double *center, const double *u, double *step)
{
    for (size_t i = 0; i < s->n_numeric; i++) {
        double d = u[s->descent.map.numeric[i]] - center[s->descent.map.numeric[i]];
        step[i] = isnan(d) ? 0 : d / s->descent.width;
    }
}

/* The nearest rows, at most about twice as many as a full quadratic has coefficients, none farther than 10
 * widths when enough are nearer; then the pending ones.  Returns how many have values; *m: with pending. */
static hpo_status gather(local_state *s, const hpo_view *v, const double *center, size_t *m_known, size_t *m,
                         hpo_error *err)
{
    size_t n = v->n_done, d = s->n_numeric, full = (d + 1) * (d + 2), take = 0,
           most = full < MAX_ROWS - 20 ? full : MAX_ROWS - 20;
    HPO_TRY(hpo_valleys_reserve(&s->descent.map, n, err));
    for (size_t i = 0; i < n; i++)
        s->descent.map.key[i] = isnan(value_of(v, i)) ? (double)NAN : distance(s, row_of(v, i), center);
    hpo_argsort(s->descent.map.key, n, s->descent.map.order);
    double best = value_of(v, (size_t)s->descent.center);
    for (size_t k = 0; k < n && take < most; k++) {
        size_t i = s->descent.map.order[k];
        double r = s->descent.map.key[i] / s->descent.width;
        if (!isfinite(r) || (r > 10 && take > d + 2)) break;
        to_step(s, center, row_of(v, i), s->s + take * d);
        s->y[take] = value_of(v, i);
        s->w[take++] = 1 / (1 + r * r * r / 8);
    }
    double middle = 0; /* values far above the centre's say little about its surroundings */
    for (size_t i = 0; i < take; i++)
        middle += (s->y[i] - best) / (double)take;
    for (size_t i = 0; i < take && middle > 0; i++) {
        double t = (s->y[i] - best) / middle;
        s->w[i] = fmax(s->w[i] / (1 + t * t), 1e-6);
    }
    *m_known = take;
    for (size_t i = 0; i < v->n_pending && take < MAX_ROWS; i++) {
        const double *p = v->u_pending + i * v->n_dims;
        if (!(distance(s, p, center) <= 3 * s->descent.width)) continue;
        to_step(s, center, p, s->s + take * d);
        s->w[take++] = 1;
    }
    *m = take;
    return HPO_OK;
}

static double model_value(void *ctx, const double *step, double *gradient)
{
    return hpo_quadratic_value(((local_state *)ctx)->quadratic, step, gradient);
}

/* Whether the step leads apart from everything that is known or pending, not only from the rows of the model.
 */
static int is_new(local_state *s, const hpo_view *v, const double *center, const double *step)
{
    memcpy(s->u, center, s->n_dims * sizeof(double));
    for (size_t i = 0; i < s->n_numeric; i++)
        s->u[s->descent.map.numeric[i]] += s->descent.width * step[i];
    for (size_t i = 0; i < v->n_done; i++)
        if (distance(s, s->u, row_of(v, i)) < 0.02 * s->descent.width) return 0;
    for (size_t i = 0; i < v->n_pending; i++)
        if (distance(s, s->u, v->u_pending + i * v->n_dims) < 0.02 * s->descent.width) return 0;
    return 1;
}

static void random_step(const local_state *s, hpo_rng *rng, double *step)
{
    for (size_t i = 0; i < s->n_numeric; i++)
        step[i] = s->lower[i] + (s->upper[i] - s->lower[i]) * hpo_rng_uniform(rng);
}

/* The step to take from the centre, in best_step; its kind in s->origin. */
static void choose_step(local_state *s, const hpo_view *v, const double *center, hpo_rng *rng)
{
    size_t d = s->n_numeric;
    double best = (double)INFINITY;
    const hpo_lbfgsb_options options = {.max_iterations = 60, .gradient_tolerance = 1e-10};
    for (size_t k = 0; k < STARTS; k++) {
        hpo_lbfgsb_result result;
        if (k == 0)
            memset(s->step, 0, d * sizeof(double));
        else
            random_step(s, rng, s->step);
        hpo_lbfgsb(model_value, s, d, s->lower, s->upper, s->step, &options, s->work, &result);
        if (!(result.value < best)) continue;
        best = result.value;
        memcpy(s->best_step, s->step, d * sizeof(double));
    }
    s->predicted = best;
    s->origin = "minimum of the quadratic";
    if (isfinite(best) && is_new(s, v, center, s->best_step)) return;
    double most = -1;
    s->origin = "least determined place of the quadratic";
    for (size_t k = 0; k < TRIALS; k++) {
        random_step(s, rng, s->step);
        double variance = hpo_quadratic_variance(s->quadratic, s->step);
        if (!(variance > most)) continue;
        most = variance;
        memcpy(s->best_step, s->step, d * sizeof(double));
    }
    s->predicted = hpo_quadratic_value(s->quadratic, s->best_step, NULL);
}

/* ---- asking ---------------------------------------------------------------------------------------------
 */

/* One random move of a parameter without an order; parameters that become active get random values. */
static int move_other(local_state *s, hpo_rng *rng, double *u)
{
    const hpo_axis *a = hpo_embed_axis(s->descent.map.embed,
                                       s->descent.map.other[hpo_rng_below(rng, s->descent.map.n_other)]);
    if (isnan(u[a->dim])) return 0;
    if (a->kind == HPO_AXIS_LABEL || a->kind == HPO_AXIS_GRID) {
        u[a->dim] = hpo_rng_uniform(rng);
    } else if (a->kind == HPO_AXIS_PERMUTATION && a->n_dims > 1) {
        size_t i = hpo_rng_below(rng, a->n_dims), j = hpo_rng_below(rng, a->n_dims);
        double t = u[a->dim + i];
        u[a->dim + i] = u[a->dim + j];
        u[a->dim + j] = t;
    } else {
        size_t i = a->dim + hpo_rng_below(rng, a->n_dims);
        u[i] = a->kind == HPO_AXIS_SUBSET ? (u[i] < 0.5 ? 0.75 : 0.25) : hpo_rng_uniform(rng);
    }
    for (size_t k = 0; k < s->n_dims; k++)
        if (isnan(u[k]))
            u[k] = hpo_rng_uniform(rng); /* decode makes it inactive again where it does not apply */
    return hpo_valleys_settle(&s->descent.map, u);
}

static hpo_status design_point(local_state *s, uint64_t draw, hpo_rng *rng, double *u, hpo_error *err)
{
    s->origin = "design";
    s->predicted = (double)NAN;
    return hpo_opening_ask(&s->opening, draw, rng, u, err);
}

static int is_pending(const local_state *s, const hpo_view *v, const double *u)
{
    for (size_t i = 0; i < v->n_pending; i++)
        if (distance(s, v->u_pending + i * v->n_dims, u) == 0) return 1;
    return 0;
}

static hpo_status local_ask(void *state, const hpo_view *view, uint64_t draw, hpo_rng *rng, double *u_out,
                            hpo_error *err)
{
    local_state *s = state;
    size_t d = s->n_dims, initial = hpo_opening_size(d, s->config->initial);
    if (s->descent.center < 0 || view->n_done + view->n_pending < initial)
        return design_point(s, draw, rng, u_out, err);
    const double *center = row_of(view, (size_t)s->descent.center);
    s->predicted = (double)NAN;
    int only_moves = s->n_numeric == 0;
    if (s->descent.map.n_other > 0 && (only_moves || hpo_rng_uniform(rng) < s->config->moves)) {
        s->origin = "move of a parameter without an order";
        for (int k = 0; k < MOVES; k++) {
            memcpy(u_out, center, d * sizeof(double));
            if (move_other(s, rng, u_out) && (distance(s, u_out, center) > 0)) return HPO_OK;
        }
        if (only_moves) return design_point(s, draw, rng, u_out, err);
    }
    if (s->descent.map.root >= 0 && !is_pending(s, view, s->descent.map.middle)) {
        s->origin = "between two valleys";
        memcpy(u_out, s->descent.map.middle, d * sizeof(double));
        return HPO_OK;
    }
    size_t m_known, m;
    for (size_t i = 0; i < s->n_numeric; i++) {
        double c = center[s->descent.map.numeric[i]];
        s->lower[i] = isnan(c) ? 0 : fmax(-1, -c / s->descent.width);
        s->upper[i] = isnan(c) ? 0 : fmin(1, (1 - c) / s->descent.width);
    }
    HPO_TRY(gather(s, view, center, &m_known, &m, err));
    if (hpo_quadratic_fit(s->quadratic, s->s, s->y, s->w, m_known, m, NULL) == HPO_OK) {
        choose_step(s, view, center, rng);
    } else {
        s->origin = "random place of the box";
        random_step(s, rng, s->best_step);
    }
    double length = 1;
    for (int k = 0; k < 10; k++, length /= 2) { /* back towards the centre until the constraints hold */
        memcpy(u_out, center, d * sizeof(double));
        for (size_t i = 0; i < s->n_numeric; i++)
            if (!isnan(u_out[s->descent.map.numeric[i]]))
                u_out[s->descent.map.numeric[i]] = fmin(
                    fmax(u_out[s->descent.map.numeric[i]] + length * s->descent.width * s->best_step[i], 0),
                    1);
        if (hpo_valleys_settle(&s->descent.map, u_out)) return HPO_OK;
    }
    return design_point(s, draw, rng, u_out, err);
}

static hpo_status local_explain(void *state, const hpo_view *view, const double *u, char *buf, size_t cap,
                                size_t *n_out, hpo_error *err)
{
    (void)u;
    const local_state *s = state;
    hpo_str text = {0};
    hpo_str_addf(&text, "{\"model\":\"quadratic\",\"origin\":\"%s\",\"half_width\":%.6g", s->origin,
                 s->descent.width);
    if (s->descent.center >= 0)
        hpo_str_addf(&text, ",\"center\":%lld", (long long)view->number[s->descent.center]);
    if (!isnan(s->predicted)) hpo_str_addf(&text, ",\"mean\":%.17g", s->predicted);
    hpo_str_addf(&text, "}");
    return hpo_str_hand_out(&text, buf, cap, n_out, err);
}

const hpo_sampler_ops hpo_sampler_local = {
    .size = sizeof(hpo_sampler_ops),
    .name = "local",
    .help = "Local search with a quadratic model in a trust region: quick and exact on smooth valleys, blind "
            "to the rest.",
    .reference = "Powell, Math. Program. 100 (2004); Conn, Scheinberg & Vicente (2009), chapters 10-11",
    .caps = HPO_CAP_DISCRETE | HPO_CAP_CONDITIONAL | HPO_CAP_CONSTRAINTS | HPO_CAP_STRUCTURED |
            HPO_CAP_CONTINUOUS | HPO_CAP_DEPENDENT | HPO_CAP_HISTORY,
    .options = local_options,
    .n_options = sizeof local_options / sizeof local_options[0],
    .config_size = sizeof(local_config),
    .state_size = sizeof(local_state),
    .init = local_init,
    .ask = local_ask,
    .tell = local_tell,
    .fini = local_fini,
    .explain = local_explain,
};
