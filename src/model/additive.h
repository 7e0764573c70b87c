/* SPDX-License-Identifier: Apache-2.0 */
/* model/additive.h - a Gaussian process that is a sum of functions of one parameter each:
 *
 *     f(u) = m + sum_p f_p(u_p),   f_p ~ GP(0, v_p k(|phi_p(u) - phi_p(u')| / l_p)),   y = f + noise,
 *
 * k Matern-5/2, phi_p the features of one axis of embed.h (each item of a subset is a part of its own).  What
 * parameters do together is noise to it, and what each does by itself is learned from all trials: many valleys
 * along every axis are sorted out with results in proportion to the axes, not to their combinations.
 *
 * References: Duvenaud, Nickisch & Rasmussen, "Additive Gaussian processes", NIPS (2011); Kandasamy, Schneider &
 * Poczos, "High dimensional Bayesian optimisation and bandits via additive models", ICML (2015). */
#ifndef MODEL_ADDITIVE_H
#define MODEL_ADDITIVE_H
#include "hpo/sampler.h"
#include "model/embed.h"
#include "model/posterior.h"
#include <stddef.h>
#include <stdint.h>

typedef struct hpo_additive hpo_additive;

/* A term of the sum. */
typedef struct hpo_additive_part {
    uint32_t axis, dim, n_dims;    /* the axis and the coordinates of u that it reads */
    uint32_t feature, n_features;  /* of the embedding */
    double scale;                  /* of squared distances: 1, for an item of a subset their number */
} hpo_additive_part;

/* `embed` must outlive the model. */
HPO_NODISCARD hpo_status hpo_additive_create(const hpo_embed *embed, hpo_additive **out, hpo_error *err);
void hpo_additive_free(hpo_additive *m);
size_t hpo_additive_n_parts(const hpo_additive *m);
const hpo_additive_part *hpo_additive_part_at(const hpo_additive *m, size_t i);

/* Hyperparameters (v_p, l_p, noise) with the largest posterior density given n >= 2 rows of u with responses z,
 * from the same start each time: a function of the rows.  Of many rows a sample spread evenly over them.  Forgets
 * what it was conditioned on. */
HPO_NODISCARD hpo_status hpo_additive_fit(hpo_additive *m, const double *u, const double *z, size_t n,
                                          hpo_error *err);
/* The posterior given these rows, replacing those before.  HPO_ENUMERIC: the covariance cannot be factorised. */
HPO_NODISCARD hpo_status hpo_additive_condition(hpo_additive *m, const double *u, const double *z, size_t n,
                                                hpo_error *err);
/* Mean and epistemic variance of f in the units of z, and gradients; valid until the next condition. */
hpo_posterior hpo_additive_posterior(const hpo_additive *m);

typedef struct hpo_additive_summary {
    double noise_variance;        /* in units of z squared */
    double log_posterior;         /* of the fit, in units of standardised responses */
    double loo_correlation;       /* rank correlation of leave-one-out means with the rows of the fit, NaN: none */
    size_t n_fit_rows, n_rows;
} hpo_additive_summary;
void hpo_additive_describe(const hpo_additive *m, hpo_additive_summary *out);
/* Variance and lengthscale of each part (either may be NULL); variances in units of z squared. */
void hpo_additive_parts(const hpo_additive *m, double *variance, double *lengthscale);

/* ---- one part at a time, for searches along axes ---- */
/* k_p(u, x_i) for the rows x_i of the condition, n_rows doubles, in standardised units; only the part's
 * coordinates of u are read. */
void hpo_additive_part_row(const hpo_additive *m, size_t part, const double *u, double *row);
/* k_p(u, u): what the part adds to the prior variance. */
double hpo_additive_part_variance(const hpo_additive *m, size_t part);
/* The mean of f is mean + scale row . weights for the sum `row` of part rows; its variance scale^2 (sum of part
 * variances - |L^-1 row|^2). */
const double *hpo_additive_weights(const hpo_additive *m, double *mean, double *scale);
/* Rows become L^-1 row. */
void hpo_additive_whiten(const hpo_additive *m, double *rows, size_t n);

/* ---- tests ---- */
/* - log posterior density at theta = (ln v_p ..., ln l_p ..., ln noise) for the rows of the last fit, and its
 * gradient (may be NULL). */
double hpo_additive_objective(hpo_additive *m, const double *theta, double *gradient);
#endif
