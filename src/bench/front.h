/* SPDX-License-Identifier: Apache-2.0 */
/* bench/front.h - the non-dominated points seen so far and their hypervolume. */
#ifndef BENCH_FRONT_H
#define BENCH_FRONT_H
#include "hpo.h"
#include <stddef.h>

typedef struct hpo_front {
    size_t m;                /* objectives, minimised */
    const double *reference; /* what is not better in every objective does not count; borrowed */
    double *y;               /* n x m */
    size_t n, cap;
    double hypervolume;
} hpo_front; /* m and reference are set by the caller, the rest starts at zero */

HPO_NODISCARD hpo_status hpo_front_add(hpo_front *f, const double *y, hpo_error *err);
void hpo_front_fini(hpo_front *f);
#endif
