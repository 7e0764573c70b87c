/* SPDX-License-Identifier: Apache-2.0 */
/* math/dist_normal.c - normal and log-normal distributions.
 *
 * Phi(z) = erfc(-z / sqrt 2) / 2. In the left tail Phi(z) = exp(-z^2/2) erfcx(-z / sqrt 2) / 2 with z^2
 * exact as a sum of two doubles, so that neither the square nor z / sqrt 2 costs accuracy; log Phi from
 * the same two factors, which holds as far as z^2 is finite.
 *
 * Phi^-1: Wichura (1988), "Algorithm AS 241: the percentage points of the normal distribution", Applied
 * Statistics 37(3), PPND16: rational functions of (p - 1/2)^2 in the middle, of sqrt(-log p) in the tails.
 * They are fitted for sqrt(-log p) <= 27, which is all p that a double can hold.
 *
 * Phi^-1 from log p: the same tails, which need log p only; below log p = -700 the leading terms of its
 * asymptotic expansion and Newton's rule on log Phi, whose slope is the hazard phi/Phi = sqrt(2/pi) /
 * erfcx(-z / sqrt 2).
 *
 * Measured (tests/unit/math/dist.c): Phi 6e-16 relative in both tails; log Phi 1e-15; Phi^-1 8e-16
 * relative (p from the smallest normal number to 1 - 2^-53). */
#include "math/dist.h"

#include <math.h>

#include "math/dist_internal.h"
#include "math/func.h"
#include "math/func_internal.h"

static const double HALF_LOG_2PI = 0x1.d67f1c864beb5p-1;
static const double INV_SQRT2 = 0x1.6a09e667f3bcdp-1;
static const double SQRT_2_OVER_PI = 0x1.9884533d43651p-1;
static const double LOG2 = 0x1.62e42fefa39efp-1;

double hpo_normal_logpdf(double z)
{
    return -0.5 * z * z - HALF_LOG_2PI;
}

/* exp(-z^2/2), the rounding of z^2 taken into account */
double hpo_half_square_exp(double z)
{
    if (!(fabs(z) < 40.0)) return isnan(z) ? z : 0.0;
    hpo_dd s = hpo_two_square(z);
    return hpo_exp_dd((hpo_dd){-0.5 * s.hi, -0.5 * s.lo});
}

double hpo_normal_cdf(double z)
{
    if (z < -0.5) return 0.5 * (hpo_half_square_exp(z) * hpo_erfcx(-z * INV_SQRT2));
    if (z <= 0.5) return 0.5 + 0.5 * hpo_erf(z * INV_SQRT2);
    return 1.0 - 0.5 * (hpo_half_square_exp(z) * hpo_erfcx(z * INV_SQRT2));
}

double hpo_normal_logcdf(double z)
{
    if (z < -1.0) return hpo_log(hpo_erfcx(-z * INV_SQRT2)) - LOG2 - 0.5 * z * z;
    if (z < 0.0) return hpo_log(hpo_normal_cdf(z));
    return hpo_log1p(-0.5 * hpo_half_square_exp(z) * hpo_erfcx(z * INV_SQRT2));
}

static inline double ratio7(const double *a, const double *b, double r)
{
    double n = a[7], d = b[6];
    for (int i = 6; i >= 0; i--)
        n = n * r + a[i];
    for (int i = 5; i >= 0; i--)
        d = d * r + b[i];
    return n / (d * r + 1.0);
}

/* AS 241, tables of PPND16 */
static const double CENTRE_A[8] = {
    3.3871328727963666080e0,  1.3314166789178437745e+2, 1.9715909503065514427e+3, 1.3731693765509461125e+4,
    4.5921953931549871457e+4, 6.7265770927008700853e+4, 3.3430575583588128105e+4, 2.5090809287301226727e+3};
static const double CENTRE_B[7] = {
    4.2313330701600911252e+1, 6.8718700749205790830e+2, 5.3941960214247511077e+3, 2.1213794301586595867e+4,
    3.9307895800092710610e+4, 2.8729085735721942674e+4, 5.2264952788528545610e+3};
static const double NEAR_A[8] = {1.42343711074968357734e0,  4.63033784615654529590e0,
                                 5.76949722146069140550e0,  3.64784832476320460504e0,
                                 1.27045825245236838258e0,  2.41780725177450611770e-1,
                                 2.27238449892691845833e-2, 7.74545014278341407640e-4};
static const double NEAR_B[7] = {2.05319162663775882187e0,  1.67638483018380384940e0,
                                 6.89767334985100004550e-1, 1.48103976427480074590e-1,
                                 1.51986665636164571966e-2, 5.47593808499534494600e-4,
                                 1.05075007164441684324e-9};
static const double FAR_A[8] = {6.65790464350110377720e0,  5.46378491116411436990e0,
                                1.78482653991729133580e0,  2.96560571828504891230e-1,
                                2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                2.71155556874348757815e-5, 2.01033439929228813265e-7};
static const double FAR_B[7] = {5.99832206555887937690e-1, 1.36929880922735805310e-1,
                                1.48753612908506148525e-2, 7.86869131145613259100e-4,
                                1.84631831751005468180e-5, 1.42151175831644588870e-7,
                                2.04426310338993978564e-15};

/* -Phi^-1(p) from r = sqrt(-log p), p < 0.075 */
static inline double tail_quantile(double r)
{
    return r <= 5.0 ? ratio7(NEAR_A, NEAR_B, r - 1.6) : ratio7(FAR_A, FAR_B, r - 5.0);
}

double hpo_normal_quantile_centred(double q)
{
    return q * ratio7(CENTRE_A, CENTRE_B, 0.180625 - q * q);
}

double hpo_normal_quantile(double p)
{
    double q = p - 0.5;
    if (fabs(q) <= 0.425) return q * ratio7(CENTRE_A, CENTRE_B, 0.180625 - q * q);
    if (!(p > 0.0 && p < 1.0)) {
        if (p == 0.0) return -HUGE_VAL;
        return p == 1.0 ? HUGE_VAL : (double)NAN;
    }
    double z = tail_quantile(sqrt(-hpo_log(q < 0 ? p : 1.0 - p)));
    return q < 0 ? -z : z;
}

/* Phi(z) = e^logp for logp < -700 */
static double deep_quantile(double logp)
{
    if (logp < -0x1p1000)
        return -sqrt(-logp) * 0x1.6a09e667f3bcdp+0; /* the square would overflow; log z is lost in it */
    double l = -2.0 * logp;
    double z = -sqrt(l - hpo_log(l) - 2.0 * HALF_LOG_2PI);
    for (int i = 0; i < 3; i++) {
        double slope = SQRT_2_OVER_PI / hpo_erfcx(-z * INV_SQRT2);
        double step = (hpo_normal_logcdf(z) - logp) / slope;
        z -= step;
        if (fabs(step) <= 1e-16 * -z) break;
    }
    return z;
}

double hpo_normal_quantile_log(double logp)
{
    if (!(logp <= 0.0)) return (double)NAN;
    if (logp == 0.0) return HUGE_VAL;
    if (isinf(logp)) return -HUGE_VAL;
    if (logp < -700.0) return deep_quantile(logp);
    if (logp < -2.6) return -tail_quantile(sqrt(-logp)); /* p < 0.0743 */
    double upper = -hpo_expm1(logp);                     /* 1 - p, accurate when small */
    return upper < 0.5 ? -hpo_normal_quantile(upper) : hpo_normal_quantile(hpo_exp(logp));
}

double hpo_lognormal_logpdf(double x, double mu, double sd)
{
    if (isnan(x)) return x;
    if (x <= 0.0 || isinf(x)) return -HUGE_VAL;
    double l = hpo_log(x);
    return hpo_normal_logpdf((l - mu) / sd) - hpo_log(sd) - l;
}

double hpo_lognormal_cdf(double x, double mu, double sd)
{
    if (x <= 0.0) return 0.0;
    return hpo_normal_cdf((hpo_log(x) - mu) / sd);
}

double hpo_lognormal_quantile(double p, double mu, double sd)
{
    if (p == 0.0) return 0.0;
    return hpo_exp(mu + sd * hpo_normal_quantile(p));
}
