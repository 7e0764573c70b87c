/* SPDX-License-Identifier: Apache-2.0 */
/* space/sample.c - draws from the prior restricted to the feasible set. */
#include "base/alloc.h"
#include "base/error.h"
#include "math/rng.h"
#include "space/space.h"
#include <math.h>
#include <string.h>

hpo_status hpo_region_init(hpo_space *s, hpo_error *err)
{
    (void)err;
    s->region.mode = s->n_constraints || s->has_bounds ? HPO_DRAW_REJECT : HPO_DRAW_FREE;
    return HPO_OK;
}

void hpo_region_fini(hpo_region *r)
{
    memset(r, 0, sizeof *r);
}

static hpo_status draw(const hpo_space *s, hpo_rng *rng, double *u, double *x, hpo_error *err)
{
    for (size_t attempt = 0; attempt < 1000000; attempt++) {
        hpo_rng_uniforms(rng, u, s->n_dims);
        hpo_space_apply_prior(s, u, u);
        if (s->region.mode == HPO_DRAW_FREE && !x) return HPO_OK;
        hpo_space_decode(s, u, x);
        if (hpo_space_feasible(s, x)) {
            hpo_space_encode(s, x, u);
            return HPO_OK;
        }
    }
    return hpo_fail(err, HPO_EINVAL, "no feasible point found");
}

hpo_status hpo_space_draw(const hpo_space *s, hpo_rng *rng, double *u, hpo_error *err)
{
    double stack[HPO_STACK_COLUMNS], *x = stack;
    if (s->n_columns > HPO_STACK_COLUMNS) x = hpo_alloc_array(s->n_columns, sizeof *x);
    if (!x) return hpo_fail_memory(err);
    hpo_status status = draw(s, rng, u, x, err);
    if (x != stack) hpo_free(x);
    return status;
}

hpo_status hpo_space_sample(const hpo_space *s, uint64_t seed, size_t n, double *x, hpo_error *err)
{
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
