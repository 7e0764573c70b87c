/* SPDX-License-Identifier: Apache-2.0 */
/* model/posterior.h - what acquisition functions need of a surrogate: one interface for Gaussian processes,
 * forests, Bayesian linear models ...
 *
 * Values are in *model units* (transformed and standardised observations, smaller is better).  The variance
 * is epistemic only: what is unknown about f, never the noise of an observation (METHODS: "Uncertainty"); the
 * noise variance has its own function. */
#ifndef MODEL_POSTERIOR_H
#define MODEL_POSTERIOR_H
#include <stddef.h>

typedef struct hpo_posterior_ops {
    /* Mean and epistemic variance (> 0) at m rows of u (stride n_dims). */
    void (*moments)(const void *model, const double *u, size_t m, double *mean, double *var);
    /* At one u, with d mean / d u and d var / d u (n_dims; 0 for discrete and inactive coordinates).
     * NULL: the surrogate has no gradients. */
    void (*gradient)(const void *model, const double *u, double *mean, double *var, double *dmean,
                     double *dvar);
    /* Posterior covariance of f at u with f at r rows v: cov (r); dcov (r x n_dims, may be NULL).  NULL: not
     * known. */
    void (*covariance)(const void *model, const double *u, const double *v, size_t r, double *cov,
                       double *dcov);
    /* Aleatoric variance of one observation at m rows of u. */
    void (*noise)(const void *model, const double *u, size_t m, double *var);
    /* Moments together with the covariances with r points v that stay the same over many calls: `anchor` computes
     * what depends on v alone (NULL: no memory; the caller gives it to hpo_free; r >= 1), `anchored` writes cov
     * m x r, `anchored_gradient` what `gradient` and `covariance` do.  All three NULL: use those. */
    void *(*anchor)(const void *model, const double *v, size_t r);
    void (*anchored)(const void *model, const void *anchor, const double *u, size_t m, double *mean, double *var,
                     double *cov);
    void (*anchored_gradient)(const void *model, const void *anchor, const double *u, double *mean, double *var,
                              double *dmean, double *dvar, double *cov, double *dcov);
} hpo_posterior_ops;

typedef struct hpo_posterior {
    const hpo_posterior_ops *ops;
    const void *model;
    size_t n_dims;
} hpo_posterior;
#endif
