/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/ranking.h - an ordered set of (value, trial) that knows ranks: what a rung is made of.
 *
 * Entries are ordered by value, equal ones by trial number; NaN stands behind everything.  Each has a weight (a
 * cost) and may be open (it waits to be promoted).  All operations are O(log n). */
#ifndef SCHEDULER_RANKING_H
#define SCHEDULER_RANKING_H
#include <stddef.h>
#include <stdint.h>

#include "hpo.h"

typedef struct hpo_ranking {
    struct hpo_ranking_node *nodes;     /* node 0 is the empty tree */
    struct hpo_ranking_weight *weights; /* NULL: all are 0 */
    uint32_t n, cap, root, unused;      /* n nodes are taken; unused: chain of removed ones */
    uint32_t size, n_open;
    size_t weight_cap, newest;
} hpo_ranking; /* zero-initialised is empty */

/* One entry as it is found. */
typedef struct hpo_ranked {
    double value, weight;
    int64_t trial;
    size_t rank; /* 0: the best */
    int open;
} hpo_ranked;

void hpo_ranking_fini(hpo_ranking *r);
size_t hpo_ranking_size(const hpo_ranking *r);
double hpo_ranking_weight(const hpo_ranking *r); /* the sum */
/* Adds an entry that is not there yet. */
HPO_NODISCARD hpo_status hpo_ranking_add(hpo_ranking *r, double value, int64_t trial, double weight, int open,
                                         hpo_error *err);
/* The rank at which the entry was put that was added last. */
size_t hpo_ranking_newest(const hpo_ranking *r);
void hpo_ranking_remove(hpo_ranking *r, double value, int64_t trial);
void hpo_ranking_set_open(hpo_ranking *r, double value, int64_t trial, int open);
/* How many entries stand before (value, trial), which need not be one. */
size_t hpo_ranking_before(const hpo_ranking *r, double value, int64_t trial);
/* How many have a smaller value. */
size_t hpo_ranking_below(const hpo_ranking *r, double value);
/* Entry of rank k; 0: there is none. */
int hpo_ranking_at(const hpo_ranking *r, size_t k, hpo_ranked *out);
/* The best open entry; 0: there is none. */
int hpo_ranking_first_open(const hpo_ranking *r, hpo_ranked *out);
/* The sum of the weights of the first k entries. */
double hpo_ranking_weight_of(const hpo_ranking *r, size_t k);
#endif
