/* SPDX-License-Identifier: Apache-2.0 */
/* model/lcnet.h - LC-Net: a Bayesian neural network from configurations to learning curves.  Values are in
 * curve units (curve_units.h: 0 the best, 1 the bad end), times are shares of the full resource.  The
 * mathematics: model/lcnet.c. */
#ifndef MODEL_LCNET_H
#define MODEL_LCNET_H
#include "model/embed.h"

typedef struct hpo_lcnet_rows {
    const double *u; /* n x n_dims */
    const double *t; /* n, in (0, 1] */
    const double *y; /* n, finite */
    size_t n;
} hpo_lcnet_rows;

typedef struct hpo_lcnet hpo_lcnet;
/* The embedding must outlive the model. */
HPO_NODISCARD hpo_status hpo_lcnet_create(const hpo_embed *embed, uint64_t seed, hpo_lcnet **out,
                                          hpo_error *err);
void hpo_lcnet_free(hpo_lcnet *m);
/* New draws of the weights given the rows, n >= 1: `burn` steps that adapt, then those that are kept; 0: the
 * usual number, more at the first fit.  The chain goes on from where the last fit left it, so what comes out
 * is a function of all fits since it was made. */
HPO_NODISCARD hpo_status hpo_lcnet_fit(hpo_lcnet *m, const hpo_lcnet_rows *rows, size_t burn, hpo_error *err);
/* Draws there are; 0: no fit, or none that worked. */
size_t hpo_lcnet_n_draws(const hpo_lcnet *m);

typedef struct hpo_lcnet_forecast {
    double mean, var; /* of the curve: var is epistemic */
    double noise;     /* variance of an observation */
} hpo_lcnet_forecast;
/* The mixture over draws at configuration u and share t; needs draws. */
hpo_lcnet_forecast hpo_lcnet_predict(const hpo_lcnet *m, const double *u, double t);

/* ln(how good draw k says n rows of u are at the full resource), how good: 1 at best, 0 at worst. */
void hpo_lcnet_log_ends(const hpo_lcnet *m, size_t k, const double *u, size_t n, double *out);
double hpo_lcnet_log_end_gradient(const hpo_lcnet *m, size_t k, const double *u, double *du);

/* - ln of the joint density of the rows and the weights theta without its constant, and its gradient (NULL:
 * not wanted), theta stays as it is: for tests. */
size_t hpo_lcnet_n_free(const hpo_lcnet *m);
const double *hpo_lcnet_weights(const hpo_lcnet *m);
HPO_NODISCARD hpo_status hpo_lcnet_objective(hpo_lcnet *m, const hpo_lcnet_rows *rows, double *theta,
                                             double *value, double *gradient, hpo_error *err);
#endif
