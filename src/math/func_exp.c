/* SPDX-License-Identifier: Apache-2.0 */
/* math/func_exp.c - exp, expm1, tanh.
 *
 * exp(x) = 2^k T_i exp(r), with 128 k + i = round(128 x / ln 2) and |r| <= ln 2 / 256 (Tang 1989,
 * "Table-driven implementation of the exponential function", ACM TOMS 15, section 3).  T_i = 2^(i/128) is
 * kept as h (1 + e), so the result is h + h (e + p) with p = exp(r) - 1 of size 0.003: the last addition is
 * the only rounding that counts. exp(r) by its Taylor series to r^5: the next term is below 2^-60 of 1.
 *
 * expm1(x) = (2^k T_i - 1) + 2^k T_i p for |x| >= 2^-6, where the first part is at least four times the
 * second and exact but for the rounding of T_i, which is known; the Taylor series below.
 *
 * tanh(x) = t / (t + 2), t = expm1(2 |x|), for |x| < 1, else 1 - 2 / (t + 2).
 *
 * Measured (tests/unit/math/func.c): exp 0.51 ulp, 0.75 in the subnormal range; expm1 0.8 ulp; tanh 2.4 ulp.
 * Limits: rounding to nearest is assumed.  NaN in, NaN out. */
#include "math/func.h"

#include <math.h>

#include "math/func_internal.h"
#include "math/linalg.h"

#include "math/func_exp.inc"

static const double SHIFT = 0x1.8p52; /* adding it rounds to an integer, found in the low bits */

/* 2^n for -1022 <= n <= 1023 */
static inline double pow2(int n)
{
    return hpo_double_of((uint64_t)(n + 1023) << 52);
}

typedef struct reduced {
    double r;   /* |r| <= ln 2 / 256 */
    unsigned i; /* table index */
    int k;      /* exponent */
} reduced;

static inline reduced reduce(double x)
{
    double kd = x * INV_LN2_N + SHIFT;
    int n = (int)(int32_t)(uint32_t)hpo_bits_of(kd);
    kd -= SHIFT;
    unsigned i = (unsigned)n & 127u;
    return (reduced){(x - kd * LN2_HI_N) - kd * LN2_LO_N, i, (n - (int)i) / 128};
}

/* exp(r) - 1 */
static inline double exp_tail(double r)
{
    double r2 = r * r;
    return r + r2 * ((0.5 + r * (1.0 / 6.0)) + r2 * (1.0 / 24.0 + r * (1.0 / 120.0)));
}

/* y 2^k for y in [1, 2) where 2^k alone or the result may leave the normal range. */
static double scale_far(double y, int k)
{
    if (k > 1023) return k > 1024 ? HUGE_VAL : y * 0x1p1023 * 2.0;
    if (k >= -1022) return y * pow2(k);
    if (k < -1080) return 0.0;
    return y * pow2(k + 512) * 0x1p-512; /* the first product is exact: one rounding into the subnormals */
}

static inline double exp_sum(double x, double extra)
{
    reduced a = reduce(x);
    const double *t = EXP_TABLE[a.i];
    double y = t[0] + t[0] * (t[1] + exp_tail(a.r + extra));
    if (a.k >= -1021 && a.k <= 1022) return y * pow2(a.k);
    return scale_far(y, a.k);
}

double hpo_exp(double x)
{
    if (!(fabs(x) < 746.0)) { /* also NaN */
        if (isnan(x)) return x + x;
        return x > 0 ? HUGE_VAL : 0.0;
    }
    return exp_sum(x, 0.0);
}

/* A block of arguments, all with |x| < 707, so that results are normal: the steps of exp_sum one after the
 * other for all of them, which leaves only the look-up between two vectorised loops.  The bits of hpo_exp. */
enum { EXP_BLOCK = 64 };
HPO_INLINE void exp_block(const double *x, double *y) /* y may be x: all is read before */
{
    double r[EXP_BLOCK], scale[EXP_BLOCK], high[EXP_BLOCK], low[EXP_BLOCK];
    uint64_t index[EXP_BLOCK];
    HPO_KEEP_LOOP for (size_t i = 0; i < EXP_BLOCK; i++)
    {
        double kd = x[i] * INV_LN2_N + SHIFT;
        uint64_t n = hpo_bits_of(kd); /* modulo 2^51, in two's complement */
        kd -= SHIFT;
        index[i] = n & 127u;
        scale[i] = hpo_double_of(((n >> 7) + 1023u) << 52);
        r[i] = (x[i] - kd * LN2_HI_N) - kd * LN2_LO_N;
    }
    for (size_t i = 0; i < EXP_BLOCK; i++) {
        high[i] = EXP_TABLE[index[i]][0];
        low[i] = EXP_TABLE[index[i]][1];
    }
    HPO_KEEP_LOOP for (size_t i = 0; i < EXP_BLOCK; i++) y[i] =
        (high[i] + high[i] * (low[i] + exp_tail(r[i]))) * scale[i];
}

HPO_DISPATCH static void exp_n_here(const double *x, size_t n, double *y)
{
    size_t first = 0;
    for (; first + EXP_BLOCK <= n; first += EXP_BLOCK) {
        const double *in = x + first;
        uint64_t far = 0;
        HPO_KEEP_LOOP for (size_t i = 0; i < EXP_BLOCK; i++) far |= (uint64_t)(!(fabs(in[i]) < 707.0));
        if (far == 0) {
            exp_block(in, y + first);
            continue;
        }
        for (size_t i = 0; i < EXP_BLOCK; i++)
            y[first + i] = hpo_exp(in[i]);
    }
    if (first < n) {
        double in[EXP_BLOCK], out[EXP_BLOCK];
        int far = 0;
        memcpy(in, x + first, (n - first) * sizeof *in);
        for (size_t i = n - first; i < EXP_BLOCK; i++)
            in[i] = 0.0;
        for (size_t i = 0; i < n - first; i++)
            far |= !(fabs(in[i]) < 707.0);
        if (!far && n - first >= EXP_BLOCK / 8) {
            exp_block(in, out);
            memcpy(y + first, out, (n - first) * sizeof *y);
            return;
        }
        for (size_t i = 0; i < n - first; i++)
            y[first + i] = hpo_exp(in[i]);
    }
}

void hpo_exp_n(const double *x, size_t n, double *y)
{
    exp_n_here(x, n, y);
}

double hpo_exp_dd(hpo_dd x)
{
    if (!(fabs(x.hi) < 746.0)) {
        if (isnan(x.hi)) return x.hi;
        return x.hi > 0 ? HUGE_VAL : 0.0;
    }
    return exp_sum(x.hi, x.lo);
}

/* Taylor series to x^8 for |x| < 2^-6: the next term is below 2^-66 of x. */
static double expm1_small(double x)
{
    double x2 = x * x, x4 = x2 * x2;
    return x + x2 * ((0.5 + x * (1.0 / 6.0)) + x2 * (1.0 / 24.0 + x * (1.0 / 120.0)) +
                     x4 * ((1.0 / 720.0 + x * (1.0 / 5040.0)) + x2 * (1.0 / 40320.0)));
}

double hpo_expm1(double x)
{
    if (!(fabs(x) < 700.0)) {
        if (isnan(x)) return x + x;
        return x > 0 ? hpo_exp(x) : -1.0;
    }
    if (fabs(x) < 0x1p-54) return x; /* keeps the sign of zero and subnormals exact */
    if (x < -40.0) return -1.0;
    if (fabs(x) < 0x1p-6) return expm1_small(x);
    reduced a = reduce(x);
    double p = exp_tail(a.r);
    double s = EXP_TABLE[a.i][0] * pow2(a.k), e = EXP_TABLE[a.i][1];
    /* s (1 + e) (1 + p) - 1 = (s - 1) + s (e + p + e p); e p is below 2^-62. */
    hpo_dd d = hpo_two_sum(s, -1.0);
    return d.hi + (d.lo + s * (e + p));
}

double hpo_tanh(double x)
{
    double a = fabs(x), y;
    if (isnan(x)) return x + x;
    if (a < 0x1p-28) return x;
    if (a > 22.0) {
        y = 1.0;
    } else if (a < 1.0) {
        double t = hpo_expm1(2.0 * a);
        y = t / (t + 2.0);
    } else {
        y = 1.0 - 2.0 / (hpo_expm1(2.0 * a) + 2.0);
    }
    return copysign(y, x);
}
