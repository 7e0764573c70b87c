/* SPDX-License-Identifier: Apache-2.0 */
/* space/region.h - what region.c, chain.c, sample.c and lint.c share. */
#ifndef SPACE_REGION_H
#define SPACE_REGION_H
#include "math/rng.h"
#include "space/space.h"

enum { HPO_POOL = 64 }; /* feasible points kept as starting points */

/* Over a box (bounds: low, high for all dimensions): -1 nowhere feasible (*culprit: constraint, or number of
 * constraints + place in the program of an empty range), 1 everywhere, 0 undecided.  columns: scratch. */
int hpo_region_state(const hpo_space *s, const double *bounds, hpo_range *columns, size_t *culprit);
/* First box whose cumulative volume is above t. */
size_t hpo_region_pick(const double *cumulative, size_t n, double t);
/* The place u of [0,1) in [lo, hi). */
double hpo_region_place(double lo, double hi, double u);
/* What stick breaking keeps at coordinate u with m entries to follow: u^(1/m). */
double hpo_simplex_keep(double u, double m);

/* chain.c: `sweeps` rounds of moves from the feasible point v (all dimensions, changed in place). */
void hpo_chain_walk(const hpo_space *s, const hpo_region *r, size_t sweeps, hpo_rng *rng, double *v,
                    double *x, double *work);
/* Fills the pool with points spread over the feasible set.  work: 4 x n_dims. */
void hpo_chain_spread(const hpo_space *s, hpo_region *r, hpo_rng *rng, double *x, double *work);
size_t hpo_chain_sweeps(const hpo_region *r);
#endif
