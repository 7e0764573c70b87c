/* SPDX-License-Identifier: Apache-2.0 */
/* space/sample.c - draws from the prior restricted to the feasible set, in the way that region.c found.
 *
 * A draw is a function of the space and the random stream alone.  Whatever is handed out was tested. */
#include "base/alloc.h"
#include "base/error.h"
#include "space/region.h"
#include <math.h>
#include <string.h>

enum { MAX_TRIES = 1000000 };

size_t hpo_region_pick(const double *cumulative, size_t n, double t)
{
    size_t lo = 0, hi = n - 1;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (cumulative[mid] > t)
            hi = mid;
        else
            lo = mid + 1;
    }
    return lo;
}

double hpo_region_place(double lo, double hi, double u)
{
    double v = lo + (hi - lo) * u;
    return v < hi ? v : nextafter(hi, lo);
}

static hpo_status fail_nothing(const hpo_space *s, const hpo_region *r, hpo_error *err)
{
    if (s->n_constraints == 0)
        return hpo_fail(err, HPO_EINVAL, "no configuration found whose dependent ranges are all non-empty");
    return hpo_fail(
        err, HPO_EINVAL,
        "no feasible configuration found; the constraint hardest to satisfy is '%.300s' (it holds in %d of "
        "1000 draws); relax it",
        s->constraints[r->hardest].text, (int)(1000 * r->hardest_share));
}

/* Uniform v in the cover, one try. */
static void draw_box(const hpo_space *s, const hpo_region *r, hpo_rng *rng, double *v)
{
    size_t box =
        hpo_region_pick(r->cumulative, r->n_boxes, hpo_rng_uniform(rng) * r->cumulative[r->n_boxes - 1]);
    const double *b = r->boxes + box * 2 * r->n_dims;
    hpo_rng_uniforms(rng, v, s->n_dims);
    for (size_t i = 0; i < r->n_dims; i++)
        v[r->dims[i]] = hpo_region_place(b[2 * i], b[2 * i + 1], v[r->dims[i]]);
}

static int test(const hpo_space *s, double *u, double *x)
{
    hpo_space_apply_prior(s, u, u);
    hpo_space_decode(s, u, x);
    return hpo_space_feasible(s, x);
}

static hpo_status draw_chain(const hpo_space *s, const hpo_region *r, hpo_rng *rng, double *u, double *x,
                             hpo_error *err)
{
    double *work = hpo_alloc_array(5 * s->n_dims, sizeof *work);
    if (!work) return hpo_fail_memory(err);
    double *v = work + 3 * s->n_dims, *fresh = work + 4 * s->n_dims;
    memcpy(v, r->pool + hpo_rng_below(rng, r->n_pool) * s->n_dims, s->n_dims * sizeof *v);
    hpo_chain_walk(s, r, hpo_chain_sweeps(r), rng, v, x, work);
    hpo_rng_uniforms(rng, fresh, s->n_dims); /* dimensions that no constraint reads */
    for (size_t i = 0; i < r->n_dims; i++)
        fresh[r->dims[i]] = v[r->dims[i]];
    memcpy(u, fresh, s->n_dims * sizeof *u);
    if (!test(s, u, x)) { /* not reached: feasibility depends on r->dims alone */
        memcpy(u, v, s->n_dims * sizeof *u);
        (void)test(s, u, x);
    }
    hpo_free(work);
    return HPO_OK;
}

/* u gets the coordinates, x (n_columns) the configuration. */
static hpo_status draw(const hpo_space *s, hpo_rng *rng, double *u, double *x, hpo_error *err)
{
    const hpo_region *r;
    HPO_TRY(hpo_region_get(s, &r, err));
    switch (r->mode) {
    case HPO_DRAW_FREE:
        hpo_rng_uniforms(rng, u, s->n_dims);
        hpo_space_apply_prior(s, u, u);
        hpo_space_decode(s, u, x);
        return HPO_OK;
    case HPO_DRAW_REJECT:
        for (size_t i = 0; i < MAX_TRIES; i++) {
            hpo_rng_uniforms(rng, u, s->n_dims);
            if (test(s, u, x)) return HPO_OK;
        }
        break;
    case HPO_DRAW_BOXES:
        for (size_t i = 0; i < MAX_TRIES; i++) {
            draw_box(s, r, rng, u);
            if (test(s, u, x)) return HPO_OK;
        }
        break;
    case HPO_DRAW_CHAIN:
        return draw_chain(s, r, rng, u, x, err);
    case HPO_DRAW_NONE:
        break;
    }
    return fail_nothing(s, r, err);
}

/* Coordinates of inactive parameters are NaN. */
static void mark_inactive(const hpo_space *s, const double *x, double *u)
{
    for (size_t i = 0; i < s->n_params; i++) {
        const hpo_codec *c = &s->program[i];
        if (!isnan(x[c->column])) continue;
        for (size_t j = 0; j < c->n_dims; j++)
            u[c->dim + j] = HPO_UNKNOWN;
    }
}

hpo_status hpo_space_draw(const hpo_space *s, hpo_rng *rng, double *u, hpo_error *err)
{
    double stack[HPO_STACK_COLUMNS], *x = stack;
    if (!s->frozen) return hpo_fail(err, HPO_ESTATE, "freeze the space before drawing from it");
    if (s->n_constraints == 0 && !s->has_bounds && !s->has_when) {
        hpo_rng_uniforms(rng, u, s->n_dims);
        hpo_space_apply_prior(s, u, u);
        return HPO_OK;
    }
    if (s->n_columns > HPO_STACK_COLUMNS) x = hpo_alloc_array(s->n_columns, sizeof *x);
    if (!x) return hpo_fail_memory(err);
    hpo_status status = draw(s, rng, u, x, err);
    if (status == HPO_OK) mark_inactive(s, x, u);
    if (x != stack) hpo_free(x);
    return status;
}

hpo_status hpo_space_sample(const hpo_space *s, uint64_t seed, size_t n, double *x, hpo_error *err)
{
    if (!s || (n && !x)) return hpo_fail(err, HPO_EINVAL, "%s: an argument is NULL", __func__);
    double stack[HPO_STACK_COLUMNS], *u = stack;
    hpo_status status = HPO_OK;
    if (!s->frozen) return hpo_fail(err, HPO_ESTATE, "freeze the space before sampling from it");
    if (s->n_dims > HPO_STACK_COLUMNS) u = hpo_alloc_array(s->n_dims, sizeof *u);
    if (!u) return hpo_fail_memory(err);
    for (size_t i = 0; i < n && status == HPO_OK; i++) {
        hpo_rng rng;
        hpo_rng_init(&rng, seed, i, HPO_RNG_SPACE);
        status = draw(s, &rng, u, x + i * s->n_columns, err);
    }
    if (u != stack) hpo_free(u);
    return status;
}
