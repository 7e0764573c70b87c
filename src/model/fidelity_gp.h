/* SPDX-License-Identifier: Apache-2.0 */
/* model/fidelity_gp.h - a Gaussian process over configurations and resources: MOBSTER, multi-task, FABOLAS.
 * The kernels: fidelity.h; the mathematics: model/fidelity_gp.c. */
#ifndef MODEL_FIDELITY_GP_H
#define MODEL_FIDELITY_GP_H
#include "model/embed.h"
#include "model/fidelity.h"
#include "model/kernel.h"
#include "model/posterior.h"
#include "model/transform.h"

typedef struct hpo_fidelity_gp_options {
    hpo_kernel_family kernel; /* over configurations; not linear; default (0): Matern-3/2 */
    hpo_fidelity_family family;
    size_t tasks;             /* independent, tasks: how many, the last is the target */
    hpo_transform_kind transform;
    double least_noise; /* variance, model units; default (0): 1e-6.  More where the kernel can not follow the data */
} hpo_fidelity_gp_options;

typedef struct hpo_fidelity_gp hpo_fidelity_gp;
/* `embed` must outlive the model. */
HPO_NODISCARD hpo_status hpo_fidelity_gp_create(const hpo_embed *embed, const hpo_fidelity_gp_options *options,
                                                hpo_fidelity_gp **out, hpo_error *err);
void hpo_fidelity_gp_free(hpo_fidelity_gp *gp);
/* Replaces the data: n >= 2 rows of u (n x n_dims), their resources (task numbers 0 .. tasks - 1, or shares in
 * (0, 1]) and finite values (smaller is better), and factorises with the hyperparameters as they are.  O(n^3). */
HPO_NODISCARD hpo_status hpo_fidelity_gp_condition(hpo_fidelity_gp *gp, const double *u, const double *resource,
                                                   const double *y, size_t n, hpo_error *err);
/* Maximum a posteriori of the hyperparameters; cold: from the fixed start, so that the result is a function of
 * the data; else from those in use.  Needs data. */
HPO_NODISCARD hpo_status hpo_fidelity_gp_fit(hpo_fidelity_gp *gp, int cold, hpo_error *err);

/* Moments of f (model units, without noise) at m rows of u, all at one resource. */
void hpo_fidelity_gp_moments(const hpo_fidelity_gp *gp, const double *u, size_t m, double resource, double *mean,
                             double *var);
/* The process at one resource as a surrogate for acquisition functions (moments, gradient, noise; no
 * covariance). */
typedef struct hpo_fidelity_slice {
    const hpo_fidelity_gp *gp;
    double resource;
} hpo_fidelity_slice;
hpo_posterior hpo_fidelity_gp_posterior(const hpo_fidelity_slice *slice);
/* Joint posterior covariance (m x m, row-major) of f at m rows at one resource: for draws. */
HPO_NODISCARD hpo_status hpo_fidelity_gp_joint(const hpo_fidelity_gp *gp, const double *u, size_t m, double resource,
                                               double *mean, double *cov, hpo_error *err);
/* Moments of f at m rows of u, all at resource a, and its posterior covariances (m x n_v, row-major) with f at
 * n_v rows of v, all at resource b. */
HPO_NODISCARD hpo_status hpo_fidelity_gp_between(const hpo_fidelity_gp *gp, const double *u, size_t m, double a,
                                                 const double *v, size_t n_v, double b, double *mean, double *var,
                                                 double *cov, hpo_error *err);
/* Moments of f at m rows of u at resources a and b: the means at a, the variances there, the same at b, and the posterior
 * covariance of the two values of each row: out 5 x m. */
HPO_NODISCARD hpo_status hpo_fidelity_gp_pairs(const hpo_fidelity_gp *gp, const double *u, size_t m, double a, double b,
                                               double *out, hpo_error *err);
/* s2 R(a, b): the prior covariance of one row's values, without the trend that all rows share. */
double hpo_fidelity_gp_prior(const hpo_fidelity_gp *gp, double a, double b);
const hpo_transform *hpo_fidelity_gp_transform(const hpo_fidelity_gp *gp);
double hpo_fidelity_gp_noise(const hpo_fidelity_gp *gp); /* variance, model units */

/* ---- with the hyperparameters given ---- */
/* theta: ln l (n_axes), ln s2, ln n2, psi. */
size_t hpo_fidelity_gp_n_theta(const hpo_fidelity_gp *gp);
const double *hpo_fidelity_gp_theta(const hpo_fidelity_gp *gp);
HPO_NODISCARD hpo_status hpo_fidelity_gp_set_theta(hpo_fidelity_gp *gp, const double *theta, hpo_error *err);
/* -log evidence - log prior, and its gradient (may be NULL). */
double hpo_fidelity_gp_objective(hpo_fidelity_gp *gp, const double *theta, double *gradient);
#endif
