/* SPDX-License-Identifier: Apache-2.0 */
/* acq/candidates.c - where the search for the best point starts.
 *
 *   uniform   scrambled Sobol' points through decode and encode (which snaps numbers to their steps and
 * leaves out what is inactive), the feasible ones; where few are, draws from the feasible set; in a trust
 *             region the points are scaled into it; with priors every second one follows the prior
 *   given     rows that the caller has found
 *   local     perturbations of the best points known: each axis with probability max(2/d, 0.3), numbers by a
 *             truncated normal step of 0.1 or 0.01, labels to another one, permutations by swaps, subsets by
 *             flips.  A parameter that a switched branch brings in takes its coordinate from a good point
 * that has it, or a random one.
 *
 * Sparse perturbation of incumbents: Regis & Shoemaker (2013), DYCORS; as "RAASP" in Rashidi et al. (2024).
 */
#include "acq/search_internal.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "space/space.h"

enum { UNIFORM = 512, LOCAL = 256, BASES = 5, TRIES = 4 };

/* ---- normal form --------------------------------------------------------------------------------------- */

int hpo_search__inside(const hpo_search *s, const double *u)
{
    const double *center = s->options.center, *half = s->options.half_width;
    if (center == NULL) return 1;
    for (size_t i = 0; i < s->n_axes; i++) {
        const hpo_axis *a = hpo_embed_axis(s->embed, i);
        if (a->kind != HPO_AXIS_REAL && a->kind != HPO_AXIS_GRID) continue;
        if (fabs(u[a->dim] - center[a->dim]) > half[a->dim] + 1e-12) return 0; /* NaN: not bounded */
    }
    return 1;
}

int hpo_search__normalise_x(hpo_search *s, double *u)
{
    if (s->constrained && !hpo_space_feasible(s->space, s->x)) return 0;
    hpo_space_encode(s->space, s->x, u);
    return hpo_search__inside(s, u);
}

int hpo_search__normalise(hpo_search *s, double *u)
{
    hpo_space_decode(s->space, u, s->x);
    return hpo_search__normalise_x(s, u);
}

int hpo_search__excluded(const hpo_search *s, const double *u)
{
    size_t d = s->n_dims;
    for (size_t i = 0; i < s->n_exclude; i++) {
        const double *e = s->exclude + i * d;
        size_t k = 0;
        while (k < d && (e[k] == u[k] || (isnan(e[k]) && isnan(u[k]))))
            k++;
        if (k == d) return 1;
    }
    return 0;
}

double hpo_search__length(const hpo_search *s, size_t axis)
{
    static const double usual = 0.3;
    return s->options.lengthscales != NULL ? s->options.lengthscales[axis] : usual;
}

void hpo_search__fill(hpo_search *s, double *u)
{
    for (size_t k = 0; k < s->n_dims; k++) {
        if (!isnan(u[k])) continue;
        double v = hpo_rng_uniform(s->rng);
        if (v < 0.5) { /* half of them; the same number then picks the first donor */
            for (size_t i = 0; i < s->n_best && i < BASES && isnan(u[k]); i++)
                u[k] = s->best[i * s->n_dims + k];
        }
        if (isnan(u[k])) u[k] = hpo_rng_uniform(s->rng);
    }
}

/* ---- perturbations ---------------------------------------------------------------------------------------
 */

/* Bounds of a number's coordinate. */
static void bounds_of(const hpo_search *s, size_t dim, double *low, double *high)
{
    *low = 0;
    *high = 1;
    if (s->options.center == NULL || isnan(s->options.center[dim])) return;
    *low = fmax(0, s->options.center[dim] - s->options.half_width[dim]);
    *high = fmin(1, s->options.center[dim] + s->options.half_width[dim]);
}

static double step(hpo_search *s, size_t dim, double u, double sd)
{
    double low, high;
    bounds_of(s, dim, &low, &high);
    for (int i = 0; i < 8; i++) {
        double v = u + sd * hpo_rng_normal(s->rng);
        if (v >= low && v <= high) return v;
    }
    return u < low ? low : u > high ? high : u;
}

static size_t place_of(const hpo_axis *a, double u)
{
    size_t lo = 0, hi = a->n_values - 1;
    while (lo < hi) { /* the first place that is not below u */
        size_t mid = (lo + hi) / 2;
        if (a->places[mid] < u)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo > 0 && u - a->places[lo - 1] < a->places[lo] - u) lo--;
    return lo;
}

static double step_on_grid(hpo_search *s, const hpo_axis *a, double u, double sd)
{
    if (a->places == NULL) return step(s, a->dim, u, fmax(sd, 2.0 / a->n_values));
    double n = a->n_values, by = floor(hpo_rng_normal(s->rng) * sd * n + 0.5);
    size_t at = place_of(a, u);
    if (by == 0) by = hpo_rng_uniform(s->rng) < 0.5 ? -1 : 1;
    double to = (double)at + by;
    if (to < 0 || to >= n) to = (double)at - by;
    return a->places[(size_t)fmax(0, fmin(n - 1, to))];
}

static void swap(double *a, double *b)
{
    double t = *a;
    *a = *b;
    *b = t;
}

static void perturb_axis(hpo_search *s, const hpo_axis *a, double sd, double *u)
{
    double *v = u + a->dim;
    size_t n = a->n_dims;
    switch (a->kind) {
    case HPO_AXIS_REAL:
        *v = step(s, a->dim, *v, sd);
        return;
    case HPO_AXIS_GRID:
        if (a->n_values > 1) *v = step_on_grid(s, a, *v, sd);
        return;
    case HPO_AXIS_LABEL:
        if (a->n_values > 1) {
            double label = floor(*v * a->n_values), other = (double)hpo_rng_below(s->rng, a->n_values - 1);
            *v = (other + (other >= label) + 0.5) / a->n_values;
        }
        return;
    case HPO_AXIS_PERMUTATION:
        do {
            swap(v + hpo_rng_below(s->rng, n), v + hpo_rng_below(s->rng, n));
        } while (hpo_rng_uniform(s->rng) < 5 * sd);
        return;
    case HPO_AXIS_SIMPLEX:
        for (size_t k = 0; k < n; k++)
            if (n == 1 || hpo_rng_uniform(s->rng) < 0.5) v[k] = step(s, a->dim + k, v[k], sd);
        return;
    case HPO_AXIS_SUBSET:
        do {
            size_t k = hpo_rng_below(s->rng, n);
            v[k] = v[k] >= 0.5 ? 0.25 : 0.75;
        } while (hpo_rng_uniform(s->rng) < 5 * sd);
        return;
    }
}

void hpo_search__perturb(hpo_search *s, const double *from, double p, double sd, double *u)
{
    size_t active = 0, forced;
    memcpy(u, from, s->n_dims * sizeof *u);
    for (size_t i = 0; i < s->n_axes; i++)
        active += isnan(u[hpo_embed_axis(s->embed, i)->dim]) ? 0 : 1;
    if (active == 0) return;
    forced = hpo_rng_below(s->rng, active);
    for (size_t i = 0; i < s->n_axes; i++) {
        const hpo_axis *a = hpo_embed_axis(s->embed, i);
        if (isnan(u[a->dim])) continue;
        int must = forced-- == 0; /* wraps around after its turn */
        if (hpo_rng_uniform(s->rng) < p || must) perturb_axis(s, a, sd, u);
    }
    if (!s->plain) hpo_search__fill(s, u);
}

/* ---- the list ---------------------------------------------------------------------------------------------
 */

static void add_local(hpo_search *s, size_t n)
{
    size_t d = s->n_dims, bases = s->n_best < BASES ? s->n_best : BASES;
    double p = s->n_axes > 0 ? fmax(2.0 / (double)s->n_axes, 0.3) : 1;
    if (bases == 0 || d == 0) return;
    for (size_t i = 0; i < n; i++) {
        double *u = s->u + s->n * d;
        for (int attempt = 0; attempt < TRIES; attempt++) {
            hpo_search__perturb(s, s->best + (i % bases) * d, p, (i / bases) % 2 == 0 ? 0.1 : 0.01, u);
            if ((s->plain && hpo_search__inside(s, u)) || (!s->plain && hpo_search__normalise(s, u))) {
                s->n++;
                break;
            }
        }
    }
}

static void add_given(hpo_search *s)
{
    for (size_t i = 0; i < s->options.n_given; i++) {
        double *u = s->u + s->n * s->n_dims;
        memcpy(u, s->options.given + i * s->n_dims, s->n_dims * sizeof *u);
        if (!s->plain) hpo_search__fill(s, u);
        s->n += s->plain ? (size_t)hpo_search__inside(s, u) : (size_t)hpo_search__normalise(s, u);
    }
}

static void into_region(const hpo_search *s, double *u)
{
    for (size_t i = 0; i < s->n_axes && s->options.center != NULL; i++) {
        const hpo_axis *a = hpo_embed_axis(s->embed, i);
        if (a->kind != HPO_AXIS_REAL && a->kind != HPO_AXIS_GRID) continue;
        double low, high;
        bounds_of(s, a->dim, &low, &high);
        u[a->dim] = low + (high - low) * u[a->dim];
    }
}

static void add_uniform(hpo_search *s, size_t n)
{
    size_t d = s->n_dims, block = 1;
    while (block < n)
        block *= 2;
    uint64_t first = hpo_rng_below(s->rng, (uint64_t)1 << 16) * block % ((uint64_t)1 << 31);
    for (size_t i = 0; i < n; i++) {
        double *u = s->u + s->n * d;
        if (s->sobol != NULL)
            hpo_sobol_point(s->sobol, first + i, u);
        else
            for (size_t k = 0; k < d; k++)
                u[k] = hpo_rng_uniform(s->rng);
        if (i % 2 == 1 && s->space->has_prior) hpo_space_apply_prior(s->space, u, u);
        into_region(s, u);
        s->n += s->plain || hpo_search__normalise(s, u) ? 1 : 0;
    }
}

static hpo_status add_draws(hpo_search *s, size_t n, hpo_error *err)
{
    for (size_t i = 0; i < n; i++) {
        double *u = s->u + s->n * s->n_dims;
        HPO_TRY(hpo_space_draw(s->space, s->rng, u, err));
        s->n += (size_t)hpo_search__normalise(s, u);
    }
    return HPO_OK;
}

hpo_status hpo_search__candidates(hpo_search *s, hpo_error *err)
{
    size_t uniform = s->options.n_uniform ? s->options.n_uniform : UNIFORM;
    size_t local = s->options.n_local ? s->options.n_local : LOCAL, total = uniform + local;
    total += s->options.n_given;
    HPO_TRY(hpo_reserve(&s->u, &s->cap_u, (total + 1) * s->n_dims + 1, sizeof *s->u, err));
    HPO_TRY(hpo_reserve(&s->value, &s->cap_value, total + 1, sizeof *s->value, err));
    s->n = 0;
    add_given(s);
    add_local(s, local);
    size_t before = s->n;
    add_uniform(s, uniform);
    if (s->n - before < uniform / 8) {
        size_t room = uniform / 4 < total - s->n ? uniform / 4 : total - s->n;
        HPO_TRY(add_draws(s, room, err));
    }
    void (*look)(void *, const double *, size_t, double *) =
        s->options.scan != NULL ? s->options.scan : s->score->values;
    if (s->n > 0) look(s->score->ctx, s->u, s->n, s->value);
    return HPO_OK;
}
