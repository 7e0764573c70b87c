/* SPDX-License-Identifier: Apache-2.0 */
/* model/additive_internal.h - what additive.c (rows, posterior) and additive_fit.c (hyperparameters) share. */
#ifndef MODEL_ADDITIVE_INTERNAL_H
#define MODEL_ADDITIVE_INTERNAL_H
#include "model/additive.h"

/* Rows as features, one column after the other: column[f * cap + row]. */
typedef struct hpo_additive_rows {
    double *column, *y; /* standardised responses */
    size_t n, cap, cap_column, cap_y;
} hpo_additive_rows;

struct hpo_additive {
    const hpo_embed *embed;
    size_t n_dims, n_features, n_parts;
    hpo_additive_part *part;
    /* hyperparameters: logarithms of variances, lengthscales, noise; and what follows from them */
    double *theta, *variance, *rate; /* rate: sqrt 5 / l */
    double noise, mean, scale;       /* responses are (z - mean) / scale */
    double log_posterior, loo_correlation;
    size_t n_fit_rows;
    /* the condition */
    hpo_additive_rows rows;
    double *factor, *alpha; /* n x n, n */
    size_t cap_factor, cap_alpha;
    /* the fit: distances of pairs by part, their kernels and slopes; matrices */
    hpo_additive_rows fit;
    double *distance, *kernel, *slope, *matrix, *inverse, *weight, *lbfgs, *bounds;
    size_t cap_pairs, cap_kernel, cap_slope, cap_matrix, cap_inverse, cap_weight;
    /* scratch of predictions: a chunk of features, kernel rows, one row of each kind */
    double *features, *chunk, *row;
    size_t cap_chunk, cap_row;
};

enum { HPO_ADDITIVE_CHUNK = 32 };

/* Kernel k = (1 + s + s^2 / 3) e^-s of s = rate x distance, n of them; slope, if not NULL: dk / d ln l =
 * s^2 (1 + s) / 3 e^-s.  `kernel` may not alias `distance`. */
void hpo_additive__kernel(const double *distance, size_t n, double rate, double *kernel, double *slope);
HPO_NODISCARD hpo_status hpo_additive__take(hpo_additive *m, hpo_additive_rows *rows, const double *u,
                                            const double *z, size_t n, size_t of, hpo_error *err);
/* |phi_p - phi_p'| of one row of features against rows 0..n-1. */
void hpo_additive__distances(const hpo_additive *m, const hpo_additive_rows *rows, size_t part,
                             const double *features, size_t stride, size_t n, double *out);
void hpo_additive__use_theta(hpo_additive *m);
#endif
