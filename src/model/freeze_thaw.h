/* SPDX-License-Identifier: Apache-2.0 */
/* model/freeze_thaw.h - the freeze-thaw Gaussian process: learning curves whose asymptotes are a function of the
 * configuration (Swersky, Snoek & Adams 2014).  The mathematics: model/freeze_thaw.c. */
#ifndef MODEL_FREEZE_THAW_H
#define MODEL_FREEZE_THAW_H
#include "model/embed.h"
#include "model/kernel.h"

typedef struct hpo_freeze_thaw hpo_freeze_thaw;
/* `embed` must outlive the model. */
HPO_NODISCARD hpo_status hpo_freeze_thaw_create(const hpo_embed *embed, hpo_freeze_thaw **out, hpo_error *err);
void hpo_freeze_thaw_free(hpo_freeze_thaw *m);
/* Replaces the data: n >= 1 curves, configurations u (n x n_dims), length[i] >= 1 reports each; all reports of
 * curve 0, then of curve 1 ... in t (ascending within a curve, > 0) and y (curve units, curves.h).  Factorises
 * with the hyperparameters as they are.  O(sum length^3 + n^3). */
HPO_NODISCARD hpo_status hpo_freeze_thaw_condition(hpo_freeze_thaw *m, const double *u, const size_t *length,
                                                   size_t n, const double *t, const double *y, hpo_error *err);
/* Maximum a posteriori of the hyperparameters, from the fixed start: a function of the data. */
HPO_NODISCARD hpo_status hpo_freeze_thaw_fit(hpo_freeze_thaw *m, hpo_error *err);

/* Predictions without the noise of an observation.  Asymptote of an existing curve, of a new configuration: */
void hpo_freeze_thaw_asymptote(const hpo_freeze_thaw *m, size_t curve, double *mean, double *var);
HPO_NODISCARD hpo_status hpo_freeze_thaw_new_asymptote(const hpo_freeze_thaw *m, const double *u, double *mean,
                                                       double *var, hpo_error *err);
/* Value at a time t of an existing curve, of a new configuration. */
HPO_NODISCARD hpo_status hpo_freeze_thaw_at(const hpo_freeze_thaw *m, size_t curve, double t, double *mean,
                                            double *var, hpo_error *err);
HPO_NODISCARD hpo_status hpo_freeze_thaw_new_at(const hpo_freeze_thaw *m, const double *u, double t, double *mean,
                                                double *var, hpo_error *err);
double hpo_freeze_thaw_noise(const hpo_freeze_thaw *m); /* variance of an observation */

/* ---- with the hyperparameters given: ln l (n_axes), ln s2, mean, ln c2, ln alpha, ln beta, ln n2 ---- */
size_t hpo_freeze_thaw_n_theta(const hpo_freeze_thaw *m);
const double *hpo_freeze_thaw_theta(const hpo_freeze_thaw *m);
HPO_NODISCARD hpo_status hpo_freeze_thaw_set_theta(hpo_freeze_thaw *m, const double *theta, hpo_error *err);
/* Log evidence of the data in use at theta. */
double hpo_freeze_thaw_evidence(hpo_freeze_thaw *m, const double *theta);
/* -evidence - log prior and its gradient (NULL: not wanted). */
double hpo_freeze_thaw_objective(hpo_freeze_thaw *m, const double *theta, double *gradient);
/* The kernel over time, c2 = 1: beta^alpha / (t + t' + beta)^alpha. */
double hpo_freeze_thaw_decay(double alpha, double beta, double t, double other);
#endif
