/* SPDX-License-Identifier: Apache-2.0 */
/* model/tree_internal.h - what tree.c (nodes) and tree_split.c (the split of one node) share. */
#ifndef MODEL_TREE_INTERNAL_H
#define MODEL_TREE_INTERNAL_H
#include "model/tree.h"

enum { HPO_TREE_SAMPLE = 2048 };

/* Rows of one label. */
typedef struct hpo_tree_group {
    double label, w, sum, mean; /* label -1: inactive */
    uint32_t count;
} hpo_tree_group;

struct hpo_tree_grower {
    size_t n_columns;
    uint32_t *column; /* order in which columns are tried */
    double v[HPO_TREE_SAMPLE], y[HPO_TREE_SAMPLE], w[HPO_TREE_SAMPLE];
    uint64_t key[HPO_TREE_SAMPLE], other[HPO_TREE_SAMPLE]; /* place in the order << 32 | index */
    hpo_tree_group groups[HPO_TREE_SAMPLE + 1];
    uint32_t labels[HPO_TREE_SAMPLE];
    size_t n_groups;
};

/* The node being split, or the sample of its rows. */
typedef struct hpo_tree_part {
    const uint32_t *rows;
    size_t n, min_leaf;
    double w, sum; /* of the sample */
} hpo_tree_part;

typedef struct hpo_tree_split {
    int found, is_label, inactive_right;
    size_t column;
    double score; /* S_l^2 / W_l + S_r^2 / W_r */
    double a, b;  /* a number: values next to the cut; a == b: cut exactly there */
    size_t cut;   /* labels: groups [0, cut) go left */
} hpo_tree_split;

/* The best split of a part (its responses and weights in g->y, g->w), or found 0. */
void hpo_tree__choose(hpo_tree_grower *g, const hpo_tree_data *d, const hpo_tree_part *p,
                      const hpo_tree_rule *rule, hpo_rng *rng, hpo_tree_split *best);
/* Labels of the part with their sums in g->groups, ordered by mean response. */
void hpo_tree__group(hpo_tree_grower *g, const hpo_tree_data *d, const hpo_tree_part *p, size_t column);
#endif
