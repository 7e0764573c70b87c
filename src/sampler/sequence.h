/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/sequence.h - what the samplers built on a fixed sequence of points share: Sobol', Halton,
 * R-sequence, Latin hypercubes. */
#ifndef SAMPLER_SEQUENCE_H
#define SAMPLER_SEQUENCE_H
#include "hpo/sampler.h"

/* First member of such a sampler's state. */
typedef struct hpo_sequence {
    const hpo_space *space;
    size_t n_dims;
    /* Point `index` of the sequence, n_dims numbers in [0,1): a pure function of index. */
    hpo_status (*point)(void *state, uint64_t index, double *v, hpo_error *err);
    double *x; /* n_columns, scratch; NULL: no constraints, draw n is point n */
    uint64_t draw, start,
        previous; /* the search for draw number `draw` (`draw` - 1) begins at point start (previous) */
} hpo_sequence;

/* After so many infeasible points in a row a draw is made by hpo_space_draw instead. */
enum { HPO_SEQUENCE_TRIES = 4096 };

HPO_NODISCARD hpo_status hpo_sequence_init(hpo_sequence *s, const hpo_space *space,
                                           hpo_status (*point)(void *, uint64_t, double *, hpo_error *),
                                           hpo_error *err);
/* The ask of a sampler whose state begins with *s. */
HPO_NODISCARD hpo_status hpo_sequence_ask(hpo_sequence *s, uint64_t draw, hpo_rng *rng, double *u_out,
                                          hpo_error *err);
void hpo_sequence_fini(hpo_sequence *s);
#endif
