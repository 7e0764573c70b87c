/* SPDX-License-Identifier: Apache-2.0 */
/* math/stats.h - descriptive statistics and order statistics. */
#ifndef MATH_STATS_H
#define MATH_STATS_H
#include <stddef.h>
#include "hpo.h"

double hpo_sum(const double *x, size_t n);  /* pairwise summation */
double hpo_mean(const double *x, size_t n); /* NaN for n 0 */
double hpo_variance(const double *x, size_t n); /* unbiased, two passes; NaN for n < 2 */
double hpo_median(double *x, size_t n);         /* reorders x */
/* Quantile type 7 (linear interpolation, Hyndman & Fan 1996); reorders x; q in [0,1]. */
double hpo_quantile(double *x, size_t n, double q);
/* Average ranks 1..n with ties shared.  order: n indices of scratch. */
void hpo_ranks(const double *x, size_t n, size_t *order, double *ranks);
/* order[i]: index of the i-th smallest, stable, NaN last. */
void hpo_argsort(const double *x, size_t n, size_t *order);
double hpo_correlation(const double *x, const double *y, size_t n);
/* Running mean and variance (Welford). */
typedef struct hpo_moments {
    size_t n;
    double mean, m2;
} hpo_moments;
void hpo_moments_add(hpo_moments *m, double x);
double hpo_moments_variance(const hpo_moments *m);
/* Indices of the non-dominated rows (minimise) of y, n x m, ascending; returns how many; duplicates all kept. */
size_t hpo_pareto_front(const double *y, size_t n, size_t m, size_t *out);
#endif
