/* SPDX-License-Identifier: Apache-2.0 */
/* model/quantile.h - quantiles of the response at u: boosted trees with the pinball loss, then a
 * split-conformal correction that makes their coverage right whatever the noise is like.  The mathematics:
 * model/quantile.c. */
#ifndef MODEL_QUANTILE_H
#define MODEL_QUANTILE_H
#include "model/embed.h"
#include "model/tree.h"

enum { HPO_QUANTILE_MAX_LEVELS = 31 };

typedef struct hpo_quantile_options {
    size_t n_levels; /* odd, at most HPO_QUANTILE_MAX_LEVELS; 0: 9.  Levels (i + 1) / (n + 1) */
    size_t rounds;   /* trees a level; 0: 30 */
    size_t depth;    /* of a tree; 0: 3 */
    double rate;     /* of learning; 0: 0.2 */
    double held_out; /* share of rows for the correction; 0: 0.15; negative: none */
} hpo_quantile_options;

typedef struct hpo_quantile_model hpo_quantile_model;
/* options may be NULL; the embedding must outlive the model. */
HPO_NODISCARD hpo_status hpo_quantile_create(const hpo_embed *embed, const hpo_quantile_options *options,
                                             uint64_t seed, hpo_quantile_model **out, hpo_error *err);
void hpo_quantile_free(hpo_quantile_model *q);
/* Replaces the data: n rows u, finite y; a function of them and the seed alone. */
HPO_NODISCARD hpo_status hpo_quantile_fit(hpo_quantile_model *q, const double *u, const double *y, size_t n,
                                          hpo_error *err);
size_t hpo_quantile_n_levels(const hpo_quantile_model *q);
const double *hpo_quantile_levels(const hpo_quantile_model *q);
/* Corrected quantiles, ascending, at m rows: m x n_levels. */
void hpo_quantile_predict(const hpo_quantile_model *q, const double *u, size_t m, double *out);
/* The value at probability p in between the levels of one row of predictions; outside: its first, last. */
double hpo_quantile_between(const hpo_quantile_model *q, const double *values, double p);
/* What the correction adds to the last level and takes from the first; NaN when there was none. */
double hpo_quantile_correction(const hpo_quantile_model *q);
#endif
