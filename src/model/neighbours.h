/* SPDX-License-Identifier: Apache-2.0 */
/* model/neighbours.h - nearest rows of a fixed set, by a k-d tree (Bentley 1975). */
#ifndef MODEL_NEIGHBOURS_H
#define MODEL_NEIGHBOURS_H
#include "hpo.h"
#include <stddef.h>
#include <stdint.h>

enum { HPO_NEIGHBOURS_MAX_WIDTH = 1024 };

typedef struct hpo_neighbours hpo_neighbours;
typedef struct hpo_neighbour {
    double q;     /* squared distance */
    uint32_t row; /* as given */
} hpo_neighbour;

/* n rows of k <= HPO_NEIGHBOURS_MAX_WIDTH numbers, copied. */
HPO_NODISCARD hpo_status hpo_neighbours_create(const double *rows, size_t n, size_t k, hpo_neighbours **out,
                                               hpo_error *err);
void hpo_neighbours_free(hpo_neighbours *t);
/* The `want` nearest of a, nearest first, equal distances by row; with rank (per row) only those whose rank
 * is below `limit`.  Returns how many there are. */
size_t hpo_neighbours_find(const hpo_neighbours *t, const double *a, size_t want, const uint32_t *rank,
                           uint32_t limit, hpo_neighbour *out);
#endif
