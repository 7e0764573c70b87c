/* SPDX-License-Identifier: Apache-2.0 */
/* model/blr.h - Bayesian linear regression y = phi^T w + noise with w ~ N(0, 1 / alpha), noise ~ N(0, 1 /
 * beta), both precisions by maximal evidence.  O(n D^2 + D^3). */
#ifndef MODEL_BLR_H
#define MODEL_BLR_H
#include "hpo.h"
#include <stddef.h>

typedef struct hpo_blr {
    size_t n_features;
    double alpha, beta, log_evidence;
    double *eigen, *vectors; /* of Phi^T Phi: values ascending, vectors in rows */
    double *mean;            /* of the weights */
    double *projected;       /* of Phi^T y on the vectors */
    double *work;
} hpo_blr;

HPO_NODISCARD hpo_status hpo_blr_init(hpo_blr *b, size_t n_features, hpo_error *err);
void hpo_blr_fini(hpo_blr *b);
/* Fits n rows phi (n x n_features) and y; scratch n x n_features. */
HPO_NODISCARD hpo_status hpo_blr_fit(hpo_blr *b, const double *phi, const double *y, size_t n,
                                     double *scratch, hpo_error *err);
/* Mean and epistemic variance of phi^T w; dmean, dvar: derivatives by phi (n_features), or NULL. */
void hpo_blr_predict(const hpo_blr *b, const double *phi, double *mean, double *var, double *dmean,
                     double *dvar);
#endif
