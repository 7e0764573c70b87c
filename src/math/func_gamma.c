/* SPDX-License-Identifier: Apache-2.0 */
/* math/func_gamma.c - log |Gamma|, digamma.
 *
 * lgamma, x >= 8: Stirling's series (x - 1/2) log x - x + log(2 pi)/2 + sum_k B_2k / (2k (2k-1) x^(2k-1)),
 * A&S 6.1.40, the large terms in double-double (they nearly cancel for moderate x).
 *
 * [2, 5/2): (x - 2) P(x - 2), from A&S 6.1.33 economised: relative accuracy at the zero x = 2. [1, 2): (x
 * - 1)(x - 2) Q(x): relative accuracy at both zeros. [1/2, 1): that of x + 1 minus log x. Below 1/2 and up
 * to 8: the recurrence Gamma(x + 1) = x Gamma(x).
 *
 * x < 0: reflection, A&S 6.1.17; near the zeros of log |Gamma| on the negative axis the accuracy is
 * absolute (1e-14).
 *
 * digamma: recurrence to x >= 10, then log x - 1/(2x) - sum_k B_2k / (2k x^2k), A&S 6.3.18; reflection for
 * x < 0.
 *
 * Measured (tests/unit/math/func.c): lgamma 3 ulp for x > 0; digamma 3e-15 absolute or 1e-15 relative,
 * whichever is larger (its zero is at 1.4616). */
#include "math/func.h"

#include <math.h>

#include "math/func_internal.h"

#include "math/func_gamma.inc"

static const double PI = 0x1.921fb54442d18p+1;

static double horner(const double *p, int n, double t)
{
    double y = p[n - 1];
    for (int i = n - 2; i >= 0; i--)
        y = y * t + p[i];
    return y;
}

/* sum_k c_k x^-(2k-1), 10 terms, x >= 8 */
static double inverse_series(const double *c, double x)
{
    double u = 1.0 / (x * x);
    return horner(c, 10, u) / x;
}

/* log Gamma(2 + t), |t| <= 1/2 */
static double near_two(double t)
{
    return t * horner(LGAMMA_POLY, 20, t);
}

static double stirling(double x)
{
    if (x > 0x1p1000) { /* the product below must not overflow in its splitting */
        double y = x * (hpo_log(x) - 1.0);
        return y;
    }
    hpo_dd l = hpo_log_dd(x);
    hpo_dd a = hpo_two_prod(x - 0.5, l.hi);
    a.lo += (x - 0.5) * l.lo;
    hpo_dd b = hpo_two_sum(a.hi, -x);
    hpo_dd c = hpo_two_sum(b.hi, HALF_LOG_2PI_HI);
    double tail = x > 0x1p60 ? 0.0 : inverse_series(STIRLING, x);
    return c.hi + (c.lo + (b.lo + a.lo + HALF_LOG_2PI_LO + tail));
}

/* x > 0 */
static double lgamma_positive(double x)
{
    if (x >= 8.0) return stirling(x);
    if (x >= 2.5) {
        double product = 1.0;
        while (x >= 2.5) {
            x -= 1.0;
            product *= x;
        }
        return hpo_log(product) + near_two(x - 2.0);
    }
    if (x >= 2.0) return near_two(x - 2.0);
    if (x >= 1.0) return (x - 1.0) * (x - 2.0) * horner(LGAMMA_MIDDLE, 24, 2.0 * x - 3.0);
    if (x >= 0.5) return near_two(x - 1.0) - hpo_log1p(x - 1.0);
    if (x < 0x1p-60) return -hpo_log(x);
    /* Gamma(x) = Gamma(x + 2) / (x (x + 1)), x + 2 in [2, 5/2) */
    return near_two(x) - hpo_log(x) - hpo_log1p(x);
}

double hpo_lgamma1p(double x)
{
    /* |x| <= 1/2 directly: 1 + x would round */
    return fabs(x) <= 0.5 ? near_two(x) - hpo_log1p(x) : hpo_lgamma(1.0 + x);
}

double hpo_lgamma(double x)
{
    if (isnan(x)) return x + x;
    if (isinf(x)) return HUGE_VAL;
    if (x > 0) return lgamma_positive(x);
    if (x == floor(x)) return HUGE_VAL; /* poles: 0, -1, -2, ... and everything below -2^52 */
    if (x > -0x1p-60) return -hpo_log(-x);
    /* log(pi / |x sin(pi x)|) - log Gamma(-x); sin(pi x) from the distance to the nearest integer */
    double d = x - floor(x + 0.5), s = fabs(hpo_sin(PI * d));
    return hpo_log(PI / (-x * s)) - lgamma_positive(-x);
}

double hpo_digamma(double x)
{
    if (isnan(x)) return x + x;
    if (isinf(x)) return x > 0 ? x : (double)NAN;
    if (x <= 0) {
        if (x == floor(x)) return (double)NAN;
        /* psi(1 - x) - psi(x) = pi cot(pi x), A&S 6.3.7 */
        double d = x - floor(x + 0.5);
        return hpo_digamma(1.0 - x) - PI * hpo_cos(PI * d) / hpo_sin(PI * d);
    }
    double shift = 0.0;
    while (x < 10.0) {
        shift += 1.0 / x;
        x += 1.0;
    }
    double u = 1.0 / (x * x);
    return hpo_log(x) - 0.5 / x - u * horner(DIGAMMA_SERIES, 10, u) - shift;
}
