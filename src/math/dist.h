/* SPDX-License-Identifier: Apache-2.0 */
/* math/dist.h - distributions: (log) density, (log) cumulative, quantile, draw.  Accurate in both tails.
 * Quantiles take p in [0,1]; draws are by inversion so that one draw uses one uniform (gamma and beta:
 * as documented at each). */
#ifndef MATH_DIST_H
#define MATH_DIST_H
#include <stddef.h>
#include "hpo/sampler.h"

double hpo_normal_logpdf(double z);
double hpo_normal_cdf(double z);
double hpo_normal_logcdf(double z);     /* right down to z = -1e8 */
double hpo_normal_quantile(double p);
double hpo_normal_quantile_log(double logp);

/* Normal(mu, sd) restricted to [a, b]; a or b may be infinite; a < b. */
double hpo_truncnorm_logpdf(double x, double mu, double sd, double a, double b);
double hpo_truncnorm_cdf(double x, double mu, double sd, double a, double b);
double hpo_truncnorm_quantile(double p, double mu, double sd, double a, double b);
double hpo_truncnorm_draw(hpo_rng *r, double mu, double sd, double a, double b);

double hpo_lognormal_logpdf(double x, double mu, double sd);
double hpo_lognormal_cdf(double x, double mu, double sd);
double hpo_lognormal_quantile(double p, double mu, double sd);

double hpo_gamma_p(double a, double x); /* regularised lower incomplete gamma */
double hpo_gamma_q(double a, double x);
double hpo_gamma_quantile(double p, double shape); /* scale 1 */
double hpo_gamma_draw(hpo_rng *r, double shape);

double hpo_beta_logpdf(double x, double a, double b);
double hpo_beta_cdf(double x, double a, double b); /* regularised incomplete beta */
double hpo_beta_quantile(double p, double a, double b);
double hpo_beta_draw(hpo_rng *r, double a, double b);

double hpo_student_cdf(double t, double df);
double hpo_student_quantile(double p, double df);
double hpo_chi2_cdf(double x, double df);
double hpo_chi2_quantile(double p, double df);

void hpo_dirichlet_draw(hpo_rng *r, const double *alpha, size_t n, double *out);
double hpo_dirichlet_logpdf(const double *x, const double *alpha, size_t n);
double hpo_exponential_quantile(double p);
/* Index i with probability w[i] / sum w (w >= 0, not all zero), by inversion at p. */
size_t hpo_discrete_quantile(double p, const double *w, size_t n);
#endif
