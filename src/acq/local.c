/* SPDX-License-Identifier: Apache-2.0 */
/* acq/local.c - from a good candidate uphill.
 *
 * Continuous coordinates move together by L-BFGS-B, in z = u / l with the lengthscales l of the surrogate,
 * where its curvature is about the same in all directions; then the other axes one at a time, each to the
 * best of all its values (up to 16; else steps of 1 and 10 % and a few at random), permutations by swaps,
 * simplexes by moving mass between two parts, subsets by flips; again until nothing changes.  A change of a
 * label may switch branches: what becomes active gets its default (hpo_space_repair).  Points that violate a
 * constraint have value -inf: the line search shrinks its step until it is inside. */
#include "acq/search_internal.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "math/minimise.h"
#include "space/space.h"

enum { ROUNDS = 16, ITERATIONS = 50, MEMORY = 8 };
/* A climb that is so far below the best one after a whole round is given up: e^-2 of its improvement. */
static const double HOPELESS = 2;

/* ---- continuous ------------------------------------------------------------------------------------------
 */

static double descend(void *ctx, const double *z, double *gradient)
{
    hpo_search *s = ctx;
    for (size_t i = 0; i < s->n_free; i++) {
        double u = z[i] * s->scale[i];
        s->row[s->dim[i]] = u < s->low[i] ? s->low[i] : u > s->high[i] ? s->high[i] : u;
    }
    if (s->constrained) {
        hpo_space_decode(s->space, s->row, s->x);
        if (!hpo_space_feasible(s->space, s->x)) return HUGE_VAL;
    }
    double value = s->score->gradient(s->score->ctx, s->row, s->gradient);
    for (size_t i = 0; i < s->n_free && gradient != NULL; i++)
        gradient[i] = -s->gradient[s->dim[i]] * s->scale[i];
    return -value;
}

static void free_coordinates(hpo_search *s, const double *u)
{
    s->n_free = 0;
    for (size_t i = 0; i < s->n_axes; i++) {
        const hpo_axis *a = hpo_embed_axis(s->embed, i);
        if (a->kind != HPO_AXIS_REAL || isnan(u[a->dim])) continue;
        size_t k = s->n_free++;
        s->dim[k] = a->dim;
        s->scale[k] = fmin(fmax(hpo_search__length(s, i), 1e-3), 1e3);
        s->low[k] = 0;
        s->high[k] = 1;
        if (s->options.center != NULL && !isnan(s->options.center[a->dim])) {
            s->low[k] = fmax(0, s->options.center[a->dim] - s->options.half_width[a->dim]);
            s->high[k] = fmin(1, s->options.center[a->dim] + s->options.half_width[a->dim]);
        }
        s->z[k] = u[a->dim] / s->scale[k];
        s->z_low[k] = s->low[k] / s->scale[k];
        s->z_high[k] = s->high[k] / s->scale[k];
    }
}

static void climb_smoothly(hpo_search *s, double *u, double *value)
{
    if (s->score->gradient == NULL) return;
    free_coordinates(s, u);
    if (s->n_free == 0) return;
    memcpy(s->row, u, s->n_dims * sizeof *u);
    hpo_lbfgsb_options o = {.memory = MEMORY,
                            .max_iterations =
                                s->options.max_iterations ? s->options.max_iterations : ITERATIONS,
                            .gradient_tolerance = 1e-5,
                            .value_tolerance = 1e-9};
    hpo_lbfgsb_result result;
    hpo_lbfgsb(descend, s, s->n_free, s->z_low, s->z_high, s->z, &o, s->lbfgs, &result);
    if (!(-result.value > *value)) return;
    for (size_t i = 0; i < s->n_free; i++) {
        double v = s->z[i] * s->scale[i];
        s->row[s->dim[i]] = v < s->low[i] ? s->low[i] : v > s->high[i] ? s->high[i] : v;
    }
    if (!hpo_search__normalise(s, s->row)) return; /* rounding put it over a border */
    double now;
    s->score->values(s->score->ctx, s->row, 1, &now);
    if (!(now > *value)) return;
    memcpy(u, s->row, s->n_dims * sizeof *u);
    *value = now;
}

/* ---- one axis at a time
 * ------------------------------------------------------------------------------------ */

/* A move: s->row holds the changed coordinates; kept in s->moves when valid. */
static void offer(hpo_search *s, size_t *n)
{
    double *to = s->moves + *n * s->n_dims;
    if (*n >= HPO_SEARCH_MOVES) return;
    memcpy(to, s->row, s->n_dims * sizeof *to);
    for (size_t k = 0; k < s->n_dims; k++) /* decode wants numbers; repair decides what new parts become */
        if (isnan(to[k])) to[k] = 0.5;
    *n += (size_t)hpo_search__normalise(s, to);
}

/* Sets the label on the configuration, so that children get defaults. */
static void offer_label(hpo_search *s, const hpo_axis *a, const double *u, double to, size_t *n)
{
    double *row = s->moves + *n * s->n_dims;
    if (*n >= HPO_SEARCH_MOVES) return;
    memcpy(row, u, s->n_dims * sizeof *row);
    row[a->dim] = to;
    /* The configuration of u with this one value changed: decode with the old value for what is not read. */
    const hpo_codec *c = &s->space->program[s->space->position[a->param]];
    hpo_space_decode(s->space, u, s->x);
    hpo_codec_decode(s->space, c, row, s->x);
    hpo_space_repair(s->space, s->x);
    *n += (size_t)hpo_search__normalise_x(s, row);
}

static void move_values(hpo_search *s, const hpo_axis *a, const double *u, size_t *n)
{
    double m = a->n_values;
    int is_label = a->kind == HPO_AXIS_LABEL;
    if (a->n_values <= HPO_SEARCH_EXHAUSTIVE || (is_label && a->n_values <= HPO_SEARCH_MOVES)) {
        for (size_t i = 0; i < a->n_values; i++) {
            double v = is_label || a->places == NULL ? ((double)i + 0.5) / m : a->places[i];
            if (fabs(v - u[a->dim]) > 1e-9) offer_label(s, a, u, v, n);
        }
        return;
    }
    for (int i = 0; i < HPO_SEARCH_EXHAUSTIVE; i++) {
        double v = hpo_rng_uniform(s->rng);
        if (!is_label && i < 8) { /* +-1, +-2, +-5 %, +-10 % */
            double by = (i / 2 == 0   ? 1
                         : i / 2 == 1 ? 2
                         : i / 2 == 2 ? 0.05 * m
                                      : 0.1 * m) *
                        (i % 2 ? 1 : -1);
            double wide = a->places != NULL ? (a->places[a->n_values - 1] - a->places[0]) / (m - 1) : 1 / m;
            v = u[a->dim] + by * wide;
            if (a->places != NULL && i < 2) { /* the very next place */
                size_t k = 0;
                while (k + 1 < a->n_values && a->places[k] < u[a->dim] - 1e-12)
                    k++;
                if ((i == 0 && k == 0) || (i == 1 && k + 1 == a->n_values)) continue;
                v = a->places[i == 0 ? k - 1 : k + 1];
            }
            if (v < 0 || v > 1) continue;
        }
        offer_label(s, a, u, v, n);
    }
}

static void move_permutation(hpo_search *s, const hpo_axis *a, const double *u, size_t *n)
{
    size_t m = a->n_dims, pairs = m * (m - 1) / 2;
    for (size_t i = 0, j = 1, k = 0; k < HPO_SEARCH_MOVES && k < pairs; k++) {
        size_t p = i, q = j;
        if (pairs > HPO_SEARCH_MOVES) {
            p = hpo_rng_below(s->rng, m);
            q = (p + 1 + hpo_rng_below(s->rng, m - 1)) % m;
        } else if (++j == m) {
            j = ++i + 1;
        }
        memcpy(s->row, u, s->n_dims * sizeof *u);
        s->row[a->dim + p] = u[a->dim + q];
        s->row[a->dim + q] = u[a->dim + p];
        offer(s, n);
    }
}

static void move_subset(hpo_search *s, const hpo_axis *a, const double *u, size_t *n)
{
    size_t m = a->n_dims, flips = m < HPO_SEARCH_MOVES / 2 ? m : HPO_SEARCH_MOVES / 2;
    for (size_t k = 0; k < flips + HPO_SEARCH_MOVES / 4; k++) {
        size_t i = flips < m || k >= flips ? hpo_rng_below(s->rng, m) : k, j = hpo_rng_below(s->rng, m);
        memcpy(s->row, u, s->n_dims * sizeof *u);
        double *v = s->row + a->dim;
        v[i] = v[i] >= 0.5 ? 0.25 : 0.75;
        if (k >= flips && j != i) v[j] = v[j] >= 0.5 ? 0.25 : 0.75; /* in for out, where sizes are fixed */
        offer(s, n);
    }
}

/* Moves a share of what part i has to part j. */
static void move_simplex(hpo_search *s, const hpo_axis *a, const double *u, size_t *n)
{
    static const double share[] = {1, 0.3, 0.1, 0.01};
    const hpo_codec *c = &s->space->program[s->space->position[a->param]];
    size_t m = c->n, all = m * (m - 1) * 4;
    for (size_t k = 0; k < all && k < HPO_SEARCH_MOVES && *n < HPO_SEARCH_MOVES; k++) {
        size_t pick = all > HPO_SEARCH_MOVES ? hpo_rng_below(s->rng, all) : k;
        size_t i = pick / 4 / (m - 1), j = pick / 4 % (m - 1);
        j += j >= i;
        hpo_space_decode(s->space, u, s->x);
        double *part = s->x + c->column, mass = part[i] * share[pick % 4];
        part[i] -= mass;
        part[j] += mass;
        double *row = s->moves + *n * s->n_dims;
        hpo_space_encode(s->space, s->x, row);
        *n += (size_t)hpo_search__normalise(s, row);
    }
}

static int climb_axis(hpo_search *s, const hpo_axis *a, double *u, double *value)
{
    size_t n = 0, top = 0;
    switch (a->kind) {
    case HPO_AXIS_REAL:
        return 0;
    case HPO_AXIS_GRID:
    case HPO_AXIS_LABEL:
        move_values(s, a, u, &n);
        break;
    case HPO_AXIS_PERMUTATION:
        move_permutation(s, a, u, &n);
        break;
    case HPO_AXIS_SIMPLEX:
        move_simplex(s, a, u, &n);
        break;
    case HPO_AXIS_SUBSET:
        move_subset(s, a, u, &n);
        break;
    }
    if (n == 0) return 0;
    s->score->values(s->score->ctx, s->moves, n, s->move_value);
    for (size_t i = 0; i < n; i++) {
        if (s->move_value[i] > s->move_value[top]) top = i;
        if (s->n_exclude > 0) hpo_search__consider(s, s->moves + i * s->n_dims, s->move_value[i]);
    }
    if (!(s->move_value[top] > *value + 1e-12 * fabs(*value))) return 0;
    *value = s->move_value[top];
    memcpy(u, s->moves + top * s->n_dims, s->n_dims * sizeof *u);
    return 1;
}

void hpo_search__climb(hpo_search *s, double *u, double *value)
{
    for (int round = 0; round < ROUNDS; round++) {
        int moved = 0;
        climb_smoothly(s, u, value);
        for (size_t i = 0; i < s->n_axes; i++) {
            const hpo_axis *a = hpo_embed_axis(s->embed, i);
            if (!isnan(u[a->dim])) moved |= climb_axis(s, a, u, value);
        }
        if (!moved) return;
        if (s->found && *value < s->answer_value - HOPELESS) return;
    }
}

void hpo_search__wander(hpo_search *s, double *u, double *value)
{
    enum { BATCH = 32, REPEATS = 8 };
    static const double sizes[] = {0.1, 0.03, 0.01, 0.003, 0.001};
    double p = s->n_axes > 0 ? fmax(2.0 / (double)s->n_axes, 0.3) : 1;
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        for (int again = 0; again < REPEATS; again++) {
            size_t n = 0, top = 0;
            for (int i = 0; i < BATCH; i++) {
                double *row = s->moves + n * s->n_dims;
                hpo_search__perturb(s, u, p, sizes[k], row);
                n += (size_t)hpo_search__normalise(s, row);
            }
            if (n == 0) break;
            s->score->values(s->score->ctx, s->moves, n, s->move_value);
            for (size_t i = 1; i < n; i++)
                if (s->move_value[i] > s->move_value[top]) top = i;
            if (!(s->move_value[top] > *value)) break;
            *value = s->move_value[top];
            memcpy(u, s->moves + top * s->n_dims, s->n_dims * sizeof *u);
        }
    }
}
