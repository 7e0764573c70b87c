/* SPDX-License-Identifier: Apache-2.0 */
/* model/forest_internal.h - the parts of a forest: forest.c grows, forest_posterior.c predicts. */
#ifndef MODEL_FOREST_INTERNAL_H
#define MODEL_FOREST_INTERNAL_H
#include "model/forest.h"

enum {
    HPO_FOREST_BLOCKS = 8,    /* groups of trees, and of rows that they leave out */
    HPO_FOREST_LEAVE_OUT = 16 /* trees grown on so many rows leave their block out */
};

/* What a tree says to a row that falls into this node. */
typedef struct hpo_forest_leaf {
    double mean, var; /* shrunk mean of the responses, and what is unknown of it */
} hpo_forest_leaf;

typedef struct hpo_forest_tree {
    hpo_tree tree;
    hpo_forest_leaf *leaf; /* per node; filled for leaves */
    size_t cap_leaf;
    double *box; /* per node low, high of each column; labels: two halves of a mask.  NULL: not kept */
    size_t cap_box;
    double *gain;         /* per column */
    double pool, dof;     /* variance within leaves, and on how many degrees of freedom */
    double near;          /* variance within the parents of leaves */
    size_t grown, n_rows; /* grown on the first `grown` rows, the others put into its leaves */
    uint64_t epoch;
    int left_out; /* its block was left out */
} hpo_forest_tree;

/* What assume changed. */
typedef struct hpo_forest_undo {
    uint32_t tree, node;
    hpo_tree_stat stat;
    hpo_forest_leaf leaf;
} hpo_forest_undo;

struct hpo_forest {
    const hpo_embed *embed;
    hpo_columns columns;
    hpo_forest_options options;
    uint64_t seed, epoch;
    hpo_tree_grower *grower;
    hpo_forest_tree *trees;
    size_t n, replaced; /* rows; how many there were at the last replace */
    double *z, *y, *w;  /* rows x columns, responses, weights */
    size_t cap_z, cap_y, cap_w;
    uint8_t *block; /* of each row */
    size_t cap_block;
    uint32_t *order; /* scratch of growing */
    size_t cap_order;
    int weighted;
    /* after an update */
    double *weight;  /* per column: share of what is explained; of distances */
    double total;    /* variance of the responses */
    double unfit;    /* variance that predictions leave beside the noise: the floor far from data */
    double noise;    /* variance of an observation */
    double within;   /* pooled variance within leaves, too small */
    double *assumed; /* columns of assumed rows */
    size_t n_assumed, cap_assumed;
    hpo_forest_undo *undo;
    size_t n_undo, cap_undo;
    int64_t *wide;  /* scratch of predicting: HPO_FOREST_CHUNK wide rows */
    double *narrow; /* and rows */
};

enum { HPO_FOREST_CHUNK = 64 };

static inline int hpo_forest__keeps_boxes(size_t b)
{
    return b < 64 && b % 9 == 0; /* 0, 9, ..., 63: one of each block, of different age */
}
/* Prediction of the trees of one block, for its own rows: mean, variance. */
void hpo_forest__left_out(const hpo_forest *f, const double *z, size_t block, double *mean, double *var);
#endif
