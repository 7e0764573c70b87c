/* SPDX-License-Identifier: Apache-2.0 */
/* math/func_logspace.c - sums and differences of numbers that are known by their logarithms.
 *
 * log(e^a + e^b) = max + log1p(exp(-|a - b|)).  log(1 - e^x) = log(-expm1(x)) for x > -log 2 and
 * log1p(-exp(x)) below (Maechler 2012, "Accurately computing log(1 - exp(-|a|))", equation 7).  Infinities:
 * -inf is the logarithm of 0; +inf wins. */
#include "math/func.h"

#include <math.h>

double hpo_log_add_exp(double a, double b)
{
    if (isnan(a) || isnan(b)) return a + b;
    double high = a > b ? a : b, low = a > b ? b : a;
    if (isinf(high)) return high; /* also -inf + -inf */
    return high + hpo_log1p(hpo_exp(low - high));
}

double hpo_log1mexp(double x)
{
    if (x > -0x1.62e42fefa39efp-1) return hpo_log(-hpo_expm1(x));
    return hpo_log1p(-hpo_exp(x));
}

double hpo_log_sub_exp(double a, double b)
{
    if (isnan(a) || isnan(b)) return a + b;
    if (b == -HUGE_VAL) return a;
    if (a == b) return -HUGE_VAL;
    if (isinf(a)) return a;
    return a + hpo_log1mexp(b - a);
}

double hpo_log_sum_exp(const double *a, unsigned long n)
{
    double high = -HUGE_VAL, sum = 0.0;
    for (unsigned long i = 0; i < n; i++) {
        if (isnan(a[i])) return a[i];
        if (a[i] > high) high = a[i];
    }
    if (isinf(high)) return high;
    for (unsigned long i = 0; i < n; i++)
        sum += hpo_exp(a[i] - high);
    return high + hpo_log(sum);
}
