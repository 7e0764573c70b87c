/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/opening.c - scrambled Sobol' points for the first trials of a sampler that learns.
 *
 * They cover the space evenly from the first point on, whatever number of them is used (Owen, J. Complexity
 * 14, 1998). The direction numbers end at HPO_SOBOL_MAX_DIMS dimensions: beyond, draws from the prior are as
 * good, since a handful of points covers nothing evenly there. */
#include "sampler/opening.h"

static hpo_status point(void *state, uint64_t index, double *v, hpo_error *err)
{
    (void)err;
    hpo_sobol_point(((const hpo_opening *)state)->points, index, v);
    return HPO_OK;
}

hpo_status hpo_opening_init(hpo_opening *o, const hpo_space *space, uint64_t seed, hpo_error *err)
{
    size_t d = hpo_space_n_dims(space);
    hpo_status status = hpo_sequence_init(&o->sequence, space, point, err);
    if (status != HPO_OK || d == 0 || d > HPO_SOBOL_MAX_DIMS) return status;
    return hpo_sobol_create(d, HPO_SCRAMBLE_OWEN, seed, &o->points, err);
}

hpo_status hpo_opening_ask(hpo_opening *o, uint64_t draw, hpo_rng *rng, double *u_out, hpo_error *err)
{
    if (o->points == NULL) return hpo_space_draw(o->sequence.space, rng, u_out, err);
    return hpo_sequence_ask(&o->sequence, draw, rng, u_out, err);
}

void hpo_opening_fini(hpo_opening *o)
{
    hpo_sobol_free(o->points);
    hpo_sequence_fini(&o->sequence);
}

size_t hpo_opening_size(size_t n, int64_t wanted)
{
    if (wanted >= 0) return (size_t)wanted;
    return n < 4 ? 5 : n < 9 ? n + 1 : 10;
}
