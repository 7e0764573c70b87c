/* SPDX-License-Identifier: Apache-2.0 */
/* space/chain.c - a Markov chain on the feasible set, for sets too thin for rejection.
 *
 * Each move picks a line through the current point: along one coordinate, along a random direction
 * (hit-and-run, Smith 1984), or along the difference of two points of the fixed pool, which follows thin
 * shapes.  On the line a uniform point of the chord within the cube is proposed; an infeasible one becomes
 * the new end of the chord on its side (shrinkage of the slice sampler, Neal 2003, figure 5), so that every
 * move ends at a feasible point and the uniform law on the feasible set, of whatever shape, is invariant. */
#include "space/region.h"
#include <math.h>
#include <string.h>

static int feasible(const hpo_space *s, const double *v, double *x, double *u)
{
    hpo_space_apply_prior(s, v, u);
    hpo_space_decode(s, u, x);
    return hpo_space_feasible(s, x);
}

/* Largest a <= 0 <= b with v + t d in [0,1) for t in [a, b]. */
static void chord(const hpo_region *r, const double *v, const double *d, double *a, double *b)
{
    *a = -HUGE_VAL;
    *b = HUGE_VAL;
    for (size_t i = 0; i < r->n_dims; i++) {
        double step = d[i], at = v[r->dims[i]];
        if (step == 0) continue;
        double low = (0 - at) / step, high = (1 - at) / step;
        *a = fmax(*a, fmin(low, high));
        *b = fmin(*b, fmax(low, high));
    }
    if (!(*a > -1e6)) *a = -1e6;
    if (!(*b < 1e6)) *b = 1e6;
}

static void direction(const hpo_space *s, const hpo_region *r, size_t turn, hpo_rng *rng, double *d)
{
    size_t n = r->n_dims, kind = turn % 3;
    memset(d, 0, n * sizeof *d);
    if (kind == 1 && n > 1) {
        for (size_t i = 0; i < n; i++)
            d[i] = hpo_rng_normal(rng);
        return;
    }
    if (kind == 2 && r->n_pool > 1) {
        const double *p = r->pool + hpo_rng_below(rng, r->n_pool) * s->n_dims;
        const double *q = r->pool + hpo_rng_below(rng, r->n_pool) * s->n_dims;
        double size = 0;
        for (size_t i = 0; i < n; i++)
            size += fabs(d[i] = p[r->dims[i]] - q[r->dims[i]]);
        if (size > 0) return;
    }
    d[hpo_rng_below(rng, n)] = 1;
}

/* One move along d; v stays feasible. */
static void move(const hpo_space *s, const hpo_region *r, const double *d, hpo_rng *rng, double *v, double *x,
                 double *w, double *u)
{
    double a, b;
    chord(r, v, d, &a, &b);
    for (int i = 0; i < 100 && a < b; i++) {
        double t = a + (b - a) * hpo_rng_uniform(rng);
        int inside = 1;
        memcpy(w, v, s->n_dims * sizeof *w);
        for (size_t k = 0; k < r->n_dims; k++) {
            double *at = &w[r->dims[k]];
            *at += t * d[k];
            if (*at < 0 && *at > -1e-9) *at = 0;
            if (*at >= 1 && *at < 1 + 1e-9) *at = 1 - 0x1p-53;
            inside &= *at >= 0 && *at < 1;
        }
        if (inside && feasible(s, w, x, u)) {
            memcpy(v, w, s->n_dims * sizeof *v);
            return;
        }
        if (t < 0)
            a = t;
        else
            b = t;
    }
}

void hpo_chain_walk(const hpo_space *s, const hpo_region *r, size_t sweeps, hpo_rng *rng, double *v,
                    double *x, double *work)
{
    double *d = work, *w = work + s->n_dims, *u = w + s->n_dims;
    for (size_t i = 0; i < sweeps * r->n_dims; i++) {
        direction(s, r, i, rng, d);
        move(s, r, d, rng, v, x, w, u);
    }
}

size_t hpo_chain_sweeps(const hpo_region *r)
{
    return 20 + 2 * r->n_dims;
}

void hpo_chain_spread(const hpo_space *s, hpo_region *r, hpo_rng *rng, double *x, double *work)
{
    size_t found = r->n_pool, sweeps = hpo_chain_sweeps(r);
    double *v = work + 3 * s->n_dims;
    for (size_t i = found; i < HPO_POOL; i++) { /* new points walk away from the old ones */
        memcpy(v, r->pool + (i % found) * s->n_dims, s->n_dims * sizeof *v);
        hpo_chain_walk(s, r, sweeps, rng, v, x, work);
        memcpy(r->pool + i * s->n_dims, v, s->n_dims * sizeof *v);
        r->n_pool = i + 1;
    }
    for (size_t i = 0; i < r->n_pool; i++) { /* then all walk, with the directions of the whole pool */
        memcpy(v, r->pool + i * s->n_dims, s->n_dims * sizeof *v);
        hpo_chain_walk(s, r, sweeps, rng, v, x, work);
        memcpy(r->pool + i * s->n_dims, v, s->n_dims * sizeof *v);
    }
}
