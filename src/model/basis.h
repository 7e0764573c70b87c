/* SPDX-License-Identifier: Apache-2.0 */
/* model/basis.h - adaptive-basis regression: a small network learns features, a Bayesian linear regression on
 * them gives mean and variance.  Linear in the number of rows; has gradients.  The mathematics:
 * model/basis.c. */
#ifndef MODEL_BASIS_H
#define MODEL_BASIS_H
#include "model/embed.h"
#include "model/posterior.h"

typedef enum hpo_basis_objective {
    HPO_BASIS_SQUARES, /* the network with a linear output fits y (DNGO) */
    HPO_BASIS_EVIDENCE /* its features maximise the evidence of the regression (ABLR) */
} hpo_basis_objective;

typedef struct hpo_basis_options {
    size_t width;  /* units of a layer; 0: 32 */
    size_t layers; /* 0: 2 */
    size_t steps;  /* of Adam; 0: 300 */
    double rate;   /* 0: 0.01 */
    double decay;  /* of the weights; 0: 1e-4 */
    hpo_basis_objective objective;
} hpo_basis_options;

typedef struct hpo_basis hpo_basis;
/* options may be NULL; the embedding must outlive the model. */
HPO_NODISCARD hpo_status hpo_basis_create(const hpo_embed *embed, const hpo_basis_options *options,
                                          uint64_t seed, hpo_basis **out, hpo_error *err);
void hpo_basis_free(hpo_basis *b);
/* Learns the features from n rows u and finite y, from the same first weights every time: a function of the
 * data and the seed. */
HPO_NODISCARD hpo_status hpo_basis_train(hpo_basis *b, const double *u, const double *y, size_t n,
                                         hpo_error *err);
/* Regression on n rows with the features as they are. */
HPO_NODISCARD hpo_status hpo_basis_condition(hpo_basis *b, const double *u, const double *y, size_t n,
                                             hpo_error *err);
hpo_posterior hpo_basis_posterior(const hpo_basis *b);
double hpo_basis_noise(const hpo_basis *b); /* variance */
double hpo_basis_log_evidence(const hpo_basis *b);
#endif
