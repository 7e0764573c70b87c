/* SPDX-License-Identifier: Apache-2.0 */
/* math/func_erf.c - erf, erfc, erfcx.
 *
 * erf x = x (2/sqrt(pi) + x^2 P(x^2)) for |x| <= 1/2 (Abramowitz & Stegun 7.1.5 economised).
 *
 * erfcx(x) = exp(x^2) erfc(x) is smooth and behaves like 1/(x sqrt(pi)): for x in [1/4, 64) a polynomial of
 * degree 11 on each of 8 parts of every binade (the place in a part is exact, so the argument adds no error);
 * beyond 64 the asymptotic series A&S 7.1.23; below 1/4 and for negative x it follows from erf and from
 * erfcx(-x) = 2 exp(x^2) - erfcx(x).
 *
 * erfc(x) = exp(-x^2) erfcx(x) for x >= 1/2, with x^2 as an exact sum of two doubles: its rounding error,
 * multiplied by the slope of exp, would cost x^2 ulps.
 *
 * Measured (tests/unit/math/func.c): erf 1.7 ulp, erfc 2.7 ulp (down to the subnormals), erfcx
 * 2 ulp. */
#include "math/func.h"

#include <math.h>

#include "math/func_internal.h"

#include "math/func_erf.inc"

/* erf on |x| <= 1/2 */
static double erf_small(double x)
{
    const double *p = ERF_POLY;
    double t = x * x, t2 = t * t, t4 = t2 * t2;
    double q = ((p[0] + p[1] * t) + t2 * (p[2] + p[3] * t)) +
               t4 * ((p[4] + p[5] * t) + t2 * (p[6] + p[7] * t) + t4 * p[8]);
    hpo_dd m = hpo_two_prod(x, TWO_OVER_SQRT_PI_HI);
    return m.hi + (m.lo + x * (TWO_OVER_SQRT_PI_LO + t * q));
}

/* erfcx on [1/4, 64) */
static double erfcx_table(double x)
{
    uint64_t ix = hpo_bits_of(x);
    unsigned i = (unsigned)((ix >> 49) - ((uint64_t)(1023 - 2) << 3));
    double mid = hpo_double_of((ix & ~(((uint64_t)1 << 49) - 1)) | (uint64_t)1 << 48);
    double inverse_half = hpo_double_of((uint64_t)(2046 + 4 - (int)(ix >> 52)) << 52); /* 2^4 / 2^exponent */
    const double *p = ERFCX_POLY[i];
    double t = (x - mid) * inverse_half, t2 = t * t, t4 = t2 * t2;
    double low = (p[1] + p[2] * t) + t2 * (p[3] + p[4] * t);
    double high = (p[5] + p[6] * t) + t2 * (p[7] + p[8] * t) + t4 * (p[9] + t * (p[10] + t * p[11]));
    return p[0] + t * (low + t4 * high);
}

/* x >= 1/4 */
static double erfcx_right(double x)
{
    if (x < 64.0) return erfcx_table(x);
    if (x > 0x1p40) return INV_SQRT_PI / x;
    double y = INV_SQRT_PI / x, u = 0.5 / (x * x);
    return y - y * (u * (1.0 - u * (3.0 - u * (15.0 - u * (105.0 - u * 945.0)))));
}

static hpo_dd negated(hpo_dd a)
{
    return (hpo_dd){-a.hi, -a.lo};
}

double hpo_erf(double x)
{
    if (isnan(x)) return x + x;
    double a = fabs(x);
    if (a <= 0.5) return a < 0x1p-900 ? x * TWO_OVER_SQRT_PI_HI : erf_small(x);
    double y = a > 6.0 ? 1.0 : 1.0 - hpo_exp_dd(negated(hpo_two_square(a))) * erfcx_right(a);
    return copysign(y, x);
}

double hpo_erfc(double x)
{
    if (isnan(x)) return x + x;
    if (fabs(x) <= 0.5) return 1.0 - erf_small(x);
    if (x > 27.3) return 0.0;
    if (x < -6.0) return 2.0;
    double a = fabs(x), y = hpo_exp_dd(negated(hpo_two_square(a))) * erfcx_right(a);
    return x > 0 ? y : 2.0 - y;
}

double hpo_erfcx(double x)
{
    if (isnan(x)) return x + x;
    if (x >= 0.25) return erfcx_right(x);
    if (x < -27.0) return HUGE_VAL; /* overflows from -26.7 on */
    double e = hpo_exp_dd(hpo_two_square(x));
    if (x >= -0.5) return e * (1.0 - erf_small(x));
    return 2.0 * e - erfcx_right(-x);
}
