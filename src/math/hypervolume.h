/* SPDX-License-Identifier: Apache-2.0 */
/* math/hypervolume.h - the volume that a set of points dominates. */
#ifndef MATH_HYPERVOLUME_H
#define MATH_HYPERVOLUME_H
#include <stddef.h>

#include "hpo.h"

/* Volume of { z : some point p <= z <= ref } for n points of m >= 1 objectives (rows of `points`), all
 * minimised. Points that are not below `ref` in every objective (or have a NaN) add nothing; duplicates and
 * dominated points are fine.  Exact: O(n log n) for m <= 2, a sweep for 3, the WFG algorithm above.  A
 * function of the set: the order of the rows changes the last bits at most. */
HPO_NODISCARD hpo_status hpo_hypervolume(const double *points, size_t n, size_t m, const double *ref,
                                         double *volume, hpo_error *err);
#endif
