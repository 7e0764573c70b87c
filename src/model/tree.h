/* SPDX-License-Identifier: Apache-2.0 */
/* model/tree.h - one regression tree on the columns of model/columns.h: how it is grown and how a row finds
 * its leaf.  Forests (model/forest.h) and boosted quantiles (model/quantile.h) are made of these. */
#ifndef MODEL_TREE_H
#define MODEL_TREE_H
#include "hpo/sampler.h"
#include "model/columns.h"
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    HPO_TREE_LABELS = 63,     /* labels of a mask; bit 63: inactive */
    HPO_TREE_MASK = 1 << 28,  /* node asks for a label, one bit each (at most HPO_TREE_LABELS) */
    HPO_TREE_LIST = 1 << 29,  /* node asks for a label, a sorted list of them */
    HPO_TREE_RIGHT = 1 << 30, /* lists only: inactive goes right */
    HPO_TREE_COLUMN = (1 << 28) - 1
};

/* Inner node: a row goes to `left` or to left + 1.  Leaf: left is the node itself and the question is never
 * true, so that walking on changes nothing.  A number goes right when it is > t, both as integers in the
 * order of doubles (hpo_tree_place); its column is counted in a wide row (below), so that the side of the
 * inactive needs no question of its own. */
typedef struct hpo_tree_node {
    union {
        int64_t t;
        uint64_t mask; /* bit l: label l goes right; bit 63: so do the inactive */
        struct {
            uint32_t first, count; /* labels[first ..]: these go right */
        } list;
    } cut;
    uint32_t left, key;
} hpo_tree_node;

/* What fell into a node. */
typedef struct hpo_tree_stat {
    double w, sum, square; /* weights, w y, w y^2 */
    uint32_t count, parent;
} hpo_tree_stat;

typedef struct hpo_tree {
    hpo_tree_node *node;
    hpo_tree_stat *stat;
    size_t n_nodes, cap_nodes, cap_stats;
    uint32_t *labels;
    size_t n_labels, cap_labels;
    int has_lists; /* some node asks with a list */
} hpo_tree;

typedef struct hpo_tree_data {
    const hpo_columns *columns;
    const double *z; /* rows x columns->n */
    const double *y; /* finite */
    const double *w; /* > 0; NULL: all 1 */
} hpo_tree_data;

typedef struct hpo_tree_rule {
    size_t min_leaf;  /* rows in a leaf, at least 1 */
    size_t tries;     /* columns that compete for a split */
    size_t max_depth; /* 0: no limit */
    int random_cut;   /* 1: one random cut a column (extremely randomised trees); 0: the best of all cuts */
} hpo_tree_rule;

/* Scratch for growing, kept between trees. */
typedef struct hpo_tree_grower hpo_tree_grower;
HPO_NODISCARD hpo_status hpo_tree_grower_create(const hpo_columns *columns, hpo_tree_grower **out,
                                                hpo_error *err);
void hpo_tree_grower_free(hpo_tree_grower *g);

void hpo_tree_fini(hpo_tree *t);
/* Replaces *t by a tree grown on data rows[0..n-1] (reordered: rows of one leaf stand together).  gain, if
 * not NULL, gets the sum of squares that each column's splits took away added to it. */
HPO_NODISCARD hpo_status hpo_tree_grow(hpo_tree *t, hpo_tree_grower *g, const hpo_tree_data *data,
                                       uint32_t *rows, size_t n, const hpo_tree_rule *rule, hpo_rng *rng,
                                       double *gain, hpo_error *err);

static inline int hpo_tree_is_leaf(const hpo_tree *t, size_t i)
{
    return t->node[i].left == i;
}

/* An integer that is ordered as the double is (not NaN), and back. */
static inline int64_t hpo_tree_place(double v)
{
    int64_t i;
    v += 0.0; /* -0 becomes 0 */
    memcpy(&i, &v, sizeof i);
    return i >= 0 ? i : INT64_MIN - i - 1;
}

static inline double hpo_tree_value(int64_t i)
{
    double v;
    if (i < 0) i = INT64_MIN - i - 1;
    memcpy(&v, &i, sizeof v);
    return v;
}

/* Which side (0, 1) a label takes in a list, v negative when inactive. */
uint32_t hpo_tree_list_side(const hpo_tree *t, const hpo_tree_node *n, int64_t v);

/* The child that a row z of columns (NaN: inactive) goes to. */
uint32_t hpo_tree_child(const hpo_tree *t, size_t node, const double *z, size_t n_columns);

/* A wide row, 2 n entries (at least 1).  Numbers: their place, with the inactive at -infinity, and once more
 * with them at +infinity.  Labels: one bit (at most HPO_TREE_LABELS), or the index with the inactive at -1.
 */
void hpo_tree_widen(const hpo_columns *c, const double *z, int64_t *wide);

static inline uint32_t hpo_tree_step(const hpo_tree *t, uint32_t i, const int64_t *wide)
{
    const hpo_tree_node *n = &t->node[i];
    int64_t v = wide[n->key & HPO_TREE_COLUMN];
    if (n->key & HPO_TREE_LIST) return n->left + hpo_tree_list_side(t, n, v);
    return n->left + (n->key & HPO_TREE_MASK ? ((uint64_t)v & n->cut.mask) != 0 : v > n->cut.t);
}

/* Leaves of m wide rows, `stride` entries apart. */
void hpo_tree_leaves(const hpo_tree *t, const int64_t *wide, size_t stride, size_t m, uint32_t *leaf);
#endif
