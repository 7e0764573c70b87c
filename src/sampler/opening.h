/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/opening.h - the quasi-random trials that a sampler which learns begins with. */
#ifndef SAMPLER_OPENING_H
#define SAMPLER_OPENING_H
#include "math/qmc.h"
#include "sampler/sequence.h"

typedef struct hpo_opening {
    hpo_sequence sequence; /* must stay first */
    hpo_sobol *points;     /* NULL: no dimension, or more than there are Sobol' points for */
} hpo_opening;

HPO_NODISCARD hpo_status hpo_opening_init(hpo_opening *o, const hpo_space *space, uint64_t seed, hpo_error *err);
/* The draw-th feasible scrambled Sobol' point under the prior; above HPO_SOBOL_MAX_DIMS dimensions a draw from the
 * prior. */
HPO_NODISCARD hpo_status hpo_opening_ask(hpo_opening *o, uint64_t draw, hpo_rng *rng, double *u_out, hpo_error *err);
void hpo_opening_fini(hpo_opening *o);
/* How many: `wanted`, or when that is negative one more than n parameters, between 5 and 10. */
size_t hpo_opening_size(size_t n, int64_t wanted);
#endif
