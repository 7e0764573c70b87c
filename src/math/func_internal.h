/* SPDX-License-Identifier: Apache-2.0 */
/* math/func_internal.h - what the files of func.h share: exp and log in more than double precision, lgamma near 1. */
#ifndef MATH_FUNC_INTERNAL_H
#define MATH_FUNC_INTERNAL_H
#include "math/bits.h"

/* exp(x.hi + x.lo), |x.lo| <= ulp(x.hi); at most 0.53 ulp beside the error of x. */
double hpo_exp_dd(hpo_dd x);
/* log(x) for finite x > 0 (subnormals too), relative error below 2^-67. */
hpo_dd hpo_log_dd(double x);
/* log Gamma(1 + x) with relative accuracy near 0. */
double hpo_lgamma1p(double x);
#endif
