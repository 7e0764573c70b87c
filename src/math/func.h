/* SPDX-License-Identifier: Apache-2.0 */
/* math/func.h - elementary and special functions with the same bits on every x86-64 CPU and compiler.
 *
 * glibc's exp, log, pow, sin, tan, erf, lgamma, tanh differ in the last bit between CPUs with and without
 * FMA (STYLE, "what breaks bit-for-bit reproducibility"); one bit turns a sampler's choice into another
 * configuration.  These use only + - * / sqrt in a fixed order (-ffp-contract=off).  Accuracy against
 * correctly rounded results is in each comment and in tests/unit/math. */
#ifndef MATH_FUNC_H
#define MATH_FUNC_H

double hpo_exp(double x);   /* <= 1 ulp */
double hpo_expm1(double x);
double hpo_log(double x);   /* <= 1 ulp */
double hpo_log1p(double x);
double hpo_log2(double x);
double hpo_log10(double x);
double hpo_pow(double x, double y); /* <= 1 ulp; IEEE special cases */
double hpo_sin(double x);
double hpo_cos(double x);
double hpo_tanh(double x);
double hpo_atan(double x);
double hpo_erf(double x);
double hpo_erfc(double x);
double hpo_erfcx(double x); /* exp(x^2) erfc(x), no overflow in the right tail */
double hpo_lgamma(double x); /* log |Gamma(x)| */
double hpo_digamma(double x);
/* log space */
double hpo_log_add_exp(double a, double b);               /* log(e^a + e^b) */
double hpo_log_sub_exp(double a, double b);               /* log(e^a - e^b), a >= b */
double hpo_log_sum_exp(const double *a, unsigned long n); /* n 0: -inf */
double hpo_log1mexp(double x);                            /* log(1 - e^x), x <= 0 */
#endif
