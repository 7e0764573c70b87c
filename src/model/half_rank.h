/* SPDX-License-Identifier: Apache-2.0 */
/* model/half_rank.h - the half-rank step of output transforms (half_rank.c), and arithmetic that it shares
 * with transform.c. */
#ifndef MODEL_HALF_RANK_H
#define MODEL_HALF_RANK_H
#include "model/transform.h"
#include <float.h>
#include <math.h>

/* Median and knots from n ascending observations, whose order above the median is lost. */
void hpo_half_rank_fit(hpo_transform *t, double *sorted, size_t n);
double hpo_half_rank_apply(const hpo_transform *t, double y);
double hpo_half_rank_invert(const hpo_transform *t, double z);
double hpo_half_rank_slope(const hpo_transform *t, double y);
/* Median of n ascending numbers. */
double hpo_middle(const double *sorted, size_t n);

static inline double hpo_limit(double x, double most)
{
    return x > most ? most : x < -most ? -most : x;
}

/* (a - b) / c without overflow in the difference. */
static inline double hpo_ratio(double a, double b, double c)
{
    double d = a - b;
    return isfinite(d) ? d / c : a / c - b / c;
}

/* a + b c, at most DBL_MAX. */
static inline double hpo_along(double a, double b, double c)
{
    return hpo_limit(a + b * c, DBL_MAX);
}
#endif
