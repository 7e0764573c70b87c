/* SPDX-License-Identifier: Apache-2.0 */
/* model/deep_gp.h - a Gaussian process with a learned kernel over configuration, resource and the learning curve
 * so far.  The mathematics: model/deep_gp.c. */
#ifndef MODEL_DEEP_GP_H
#define MODEL_DEEP_GP_H
#include "model/embed.h"

enum { HPO_DEEP_ROWS = 200 }; /* most that it learns from */

/* Rows of input, one after the other. */
typedef struct hpo_deep_rows {
    const double *u;        /* n x n_dims */
    const double *resource; /* n numbers in [0, 1] */
    const double *curve;    /* n x n_curve: values before, model units; those beyond the length are not read */
    const uint32_t *length; /* n, at most n_curve */
} hpo_deep_rows;

typedef struct hpo_deep_gp hpo_deep_gp;
/* n_curve: most values that a curve has.  `embed` must outlive the model.  All memory is taken here. */
HPO_NODISCARD hpo_status hpo_deep_gp_create(const hpo_embed *embed, size_t n_curve, uint64_t seed, hpo_deep_gp **out,
                                            hpo_error *err);
void hpo_deep_gp_free(hpo_deep_gp *m);
/* Replaces the data by n rows, 1 to HPO_DEEP_ROWS, with finite values y (model units: about standardised), and
 * factorises with the kernel as it is: O(n^3).  0: the covariance has no factor, and the model no data. */
int hpo_deep_gp_condition(hpo_deep_gp *m, const hpo_deep_rows *rows, const double *y, size_t n);
/* Steps of Adam on the marginal likelihood of the data, from the weights as they are, and conditions again. */
int hpo_deep_gp_train(hpo_deep_gp *m, size_t steps);
size_t hpo_deep_gp_n_rows(const hpo_deep_gp *m);
double hpo_deep_gp_noise(const hpo_deep_gp *m); /* variance */
/* Mean and variance of the value without noise at n rows.  Not thread-safe: scratch is shared. */
void hpo_deep_gp_moments(const hpo_deep_gp *m, const hpo_deep_rows *rows, size_t n, double *mean, double *var);

/* ---- with the parameters given: weights of the networks, ln of scale, lengthscale, noise ---- */
size_t hpo_deep_gp_n_free(const hpo_deep_gp *m);
const double *hpo_deep_gp_free_parameters(const hpo_deep_gp *m);
/* - log marginal likelihood of the data, and its gradient (n_free; may be NULL).  INFINITY: no factor. */
double hpo_deep_gp_objective(hpo_deep_gp *m, const double *theta, double *gradient);
#endif
