/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/explore.h - a configuration near another one, for a clone that goes on from its checkpoint.
 * Internal to src/scheduler. */
#ifndef SCHEDULER_EXPLORE_H
#define SCHEDULER_EXPLORE_H
#include "hpo/sampler.h"

/* Each parameter that is active and not fixed (by parameter, may be NULL) is drawn anew with probability `resample`,
 * else perturbed.  u: n_dims, in: the old point, out: the new one, feasible.  0: no feasible one was found, u is as it
 * was.  scratch: 2 columns + dims. */
HPO_NODISCARD hpo_status hpo_explore(const hpo_space *space, const uint8_t *fixed, double resample, hpo_rng *rng,
                                     double *u, double *scratch, int *changed, hpo_error *err);
#endif
