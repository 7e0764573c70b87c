/* SPDX-License-Identifier: Apache-2.0 */
/* model/tree_internal.h - what tree.c (nodes), tree_order.c (rows in the order of each column) and tree_split.c
 * (the split of one node) share. */
#ifndef MODEL_TREE_INTERNAL_H
#define MODEL_TREE_INTERNAL_H
#include "model/tree.h"

enum { HPO_TREE_SAMPLE = 2048, HPO_TREE_INACTIVE = 0xFFFF };

/* Rows of one label. */
typedef struct hpo_tree_group {
    double label, w, sum, mean; /* label -1: inactive */
    uint32_t count;
} hpo_tree_group;

struct hpo_tree_grower {
    size_t n_columns;
    uint32_t *column; /* order in which columns are tried */
    /* up to HPO_TREE_SAMPLE rows that were loaded, by their index */
    uint32_t row[HPO_TREE_SAMPLE]; /* of the data */
    double w[HPO_TREE_SAMPLE], wy[HPO_TREE_SAMPLE];
    uint8_t side[HPO_TREE_SAMPLE];
    /* n_columns x HPO_TREE_SAMPLE: rank << 16 | index, each column in its order; equal values have equal ranks */
    uint32_t *order;
    uint32_t spare[HPO_TREE_SAMPLE];
    uint64_t key[HPO_TREE_SAMPLE], other[HPO_TREE_SAMPLE]; /* place in the order << 32 | index */
    hpo_tree_group groups[HPO_TREE_SAMPLE + 1];
    uint32_t labels[HPO_TREE_SAMPLE];
    size_t n_groups;
};

/* The node being split, or the sample of its rows: entries first .. first + n - 1 of each column's order. */
typedef struct hpo_tree_part {
    size_t first, n, min_leaf;
    double w, sum; /* of these */
} hpo_tree_part;

typedef struct hpo_tree_split {
    int found, is_label, inactive_right;
    size_t column;
    double score; /* S_l^2 / W_l + S_r^2 / W_r */
    double a, b;  /* a number: values next to the cut; a == b: cut exactly there */
    size_t cut;   /* labels: groups [0, cut) go left */
} hpo_tree_split;

/* Takes n <= HPO_TREE_SAMPLE rows and sorts them by each column. */
void hpo_tree__load(hpo_tree_grower *g, const hpo_tree_data *d, const uint32_t *rows, size_t n);
/* Parts entries first .. first + n - 1 of `n_columns` orders by g->side[index], those of side 0 first, each side
 * still in order. */
void hpo_tree__part(hpo_tree_grower *g, size_t first, size_t n, size_t n_columns);
/* Labels of the part with their sums in g->groups, ordered by mean response. */
void hpo_tree__group(hpo_tree_grower *g, const hpo_tree_data *d, const hpo_tree_part *p, size_t column);

/* The best split of a part, or found 0. */
void hpo_tree__choose(hpo_tree_grower *g, const hpo_tree_data *d, const hpo_tree_part *p,
                      const hpo_tree_rule *rule, hpo_rng *rng, hpo_tree_split *best);

static inline const uint32_t *hpo_tree__order(const hpo_tree_grower *g, const hpo_tree_part *p, size_t column)
{
    return g->order + column * HPO_TREE_SAMPLE + p->first;
}
#endif
