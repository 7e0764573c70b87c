/* SPDX-License-Identifier: Apache-2.0 */
/* model/forest.h - a random forest that knows what it does not know: the surrogate for large label sets,
 * conditional spaces and many trials.  The mathematics: model/forest.c.
 *
 * Rows are appended in O(1); hpo_forest_update then brings the trees up to date, and predictions refer to the
 * rows at that moment.  The forest after an update is a function of the rows (their order included), the last
 * hpo_forest_replace and the seed alone, however many updates came before. */
#ifndef MODEL_FOREST_H
#define MODEL_FOREST_H
#include "model/embed.h"
#include "model/posterior.h"
#include "model/tree.h"

typedef struct hpo_forest_options {
    size_t n_trees;  /* 0: 64; at most 1024, rounded up to a multiple of 8 */
    size_t min_leaf; /* rows; 0: 2, but 1 below 24 rows, and n / 4096 for many */
    size_t tries;    /* columns that compete for a split; 0: two thirds of them */
    int random_cut;  /* extremely randomised trees: one random cut a column */
    double far;      /* weight of what is unknown far from all rows; 0: 1; negative: none */
    double shrink;   /* pseudo rows of the parent's mean in a leaf; negative: none; 0: 1 */
} hpo_forest_options;

typedef struct hpo_forest hpo_forest;
/* options may be NULL; the embedding must outlive the forest. */
HPO_NODISCARD hpo_status hpo_forest_create(const hpo_embed *embed, const hpo_forest_options *options,
                                           uint64_t seed, hpo_forest **out, hpo_error *err);
void hpo_forest_free(hpo_forest *f);
void hpo_forest_clear(hpo_forest *f); /* no rows; keeps the memory */

/* One more row: u, response y (finite), weight w > 0. */
HPO_NODISCARD hpo_status hpo_forest_append(hpo_forest *f, const double *u, double y, double w,
                                           hpo_error *err);
/* New responses, and weights unless NULL, for all rows: every tree is grown anew. */
void hpo_forest_replace(hpo_forest *f, const double *y, const double *w);
HPO_NODISCARD hpo_status hpo_forest_update(hpo_forest *f, hpo_error *err);
size_t hpo_forest_n_rows(const hpo_forest *f);

/* Rows that are assumed for a while (trials that run): into the leaves of the trees as they stand.  retract
 * takes all of them back, to the bit. */
HPO_NODISCARD hpo_status hpo_forest_assume(hpo_forest *f, const double *u, double y, hpo_error *err);
void hpo_forest_retract(hpo_forest *f);

/* Valid while the forest lives; reads the trees of the last update.  No gradient, no covariance. */
hpo_posterior hpo_forest_posterior(const hpo_forest *f);
/* Mean and variance from an eighth of the trees, one of each block, without distance: for a first look. */
void hpo_forest_glance(const hpo_forest *f, const double *u, size_t m, double *mean, double *var);
/* Mean alone. */
void hpo_forest_means(const hpo_forest *f, const double *u, size_t m, double *mean);
/* Variance of an observation, over the whole space. */
double hpo_forest_noise(const hpo_forest *f);
/* What each axis of the embedding explains, sums to 1 (all 0 before the first split). */
void hpo_forest_importance(const hpo_forest *f, double *axis);

/* How well rows are predicted by the trees that were grown without them (each eighth of the trees leaves out
 * one block of rows; a configuration is always in the same block).  Over at most 256 rows. */
typedef struct hpo_forest_check {
    size_t n;         /* rows looked at; 0: too few, the rest is NaN */
    double log_score; /* mean log density of y */
    double rank;      /* rank correlation of prediction and y */
    double mse;       /* mean squared error */
} hpo_forest_check;
HPO_NODISCARD hpo_status hpo_forest_check_rows(const hpo_forest *f, hpo_forest_check *out, hpo_error *err);
#endif
