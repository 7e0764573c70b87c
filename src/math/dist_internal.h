/* SPDX-License-Identifier: Apache-2.0 */
/* math/dist_internal.h - what the files of dist.h share. */
#ifndef MATH_DIST_INTERNAL_H
#define MATH_DIST_INTERNAL_H
#include "hpo/sampler.h"

/* Phi^-1(1/2 + q) for |q| <= 0.425, relative accuracy in q. */
double hpo_normal_quantile_centred(double q);
/* exp(-z^2/2), the rounding of z^2 taken into account. */
double hpo_half_square_exp(double z);
/* A uniform number in (0, 1): (k + 1/2) 2^-52, symmetric about 1/2. */
static inline double hpo_rng_open(hpo_rng *r)
{
    return ((double)(hpo_rng_u64(r) >> 12) + 0.5) * 0x1p-52;
}
/* log(1 + x) - x, relative accuracy near 0. */
double hpo_log1pmx(double x);
/* log Gamma(a + 1) - (a + 1/2) log a + a - log(2 pi)/2, a > 0: about 1/(12 a). */
double hpo_stirling_error(double a);
/* Gamma(a) for 0 < a <= 10. */
double hpo_gamma_small(double a);
/* Logarithm of a gamma draw of this shape: does not underflow for small shapes. */
double hpo_log_gamma_draw(hpo_rng *r, double shape);
#endif
