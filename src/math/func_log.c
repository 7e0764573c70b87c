/* SPDX-License-Identifier: Apache-2.0 */
/* math/func_log.c - log, log1p, log2, log10, pow.
 *
 * x = 2^k z, z in about [0.7, 1.41); c the middle of the one of 128 intervals that holds z, with 1 in the
 * middle of an interval whose c is exactly 1 (Tang 1990, "Table-driven implementation of the logarithm", ACM
 * TOMS 16).  Then
 *
 *     log x = k ln 2 + log c + log(1 + r),   r = z/c - 1,  |r| <= 2^-8.
 *
 * 1/c has 20 bits, and z is split in two halves, so z/c - 1 is the exact sum of two doubles without an fma.
 * k ln 2 + log c is exact in its high part (both are multiples of 2^-42).  log(1 + r) by its Taylor series to
 * r^8.  Near x = 1 only r remains, with relative accuracy.
 *
 * log_dd carries r and r^2/2 as sums of two doubles and the series to r^10: relative error below 2^-67, which
 * pow needs because y log x reaches 745, and log2 and log10 use to be exact at powers of 2 and 10.
 *
 * pow: x^y = exp(y log x); the product in double-double.  Special cases: C17 Annex F.10.4.4.
 *
 * Measured (tests/unit/math/func.c): log, log1p, log2, log10 0.51 ulp, pow 0.52 ulp (1 ulp when the
 * result is subnormal). */
#include "math/func.h"

#include <math.h>

#include "math/func_internal.h"
#include "math/linalg.h"

#include "math/func_log.inc"

static const uint64_t OFF = 0x3fe6900000000000u;

/* The decomposition of a finite positive x. */
typedef struct parts {
    double r, r_lo;  /* r + r_lo = z/c - 1 exactly */
    double hi, lo;   /* hi + lo = k ln 2 + log c, hi exact */
    double k, scale; /* exponent; (1/c) 2^-k, how much a small change of x changes r (k within +-1000) */
} parts;

static inline parts decompose(uint64_t ix)
{
    uint64_t tmp = ix - OFF;
    unsigned i = (unsigned)(tmp >> 45) & 127u;
    int k = (int)((tmp >> 52) ^ 0x800u) - 0x800; /* signed: tmp may have wrapped */
    double z = hpo_double_of(ix - (tmp & ((uint64_t)0xfff << 52)));
    double z_hi = hpo_double_of(hpo_bits_of(z) & ~(uint64_t)0x7ffffff), z_lo = z - z_hi;
    const double *t = LOG_TABLE[i];
    hpo_dd r = hpo_two_sum(z_hi * t[0] - 1.0, z_lo * t[0]);
    double kd = (double)k;
    return (parts){r.hi, r.lo, kd * LN2_HI + t[1], kd * LN2_LO + t[2], kd, t[0]};
}

/* log(1 + r) - r, relative to what it is added to */
static inline double log_tail(double r)
{
    double r2 = r * r, r4 = r2 * r2;
    return r2 * ((-0.5 + r * (1.0 / 3.0)) + r2 * (-0.25 + r * 0.2) +
                 r4 * ((-1.0 / 6.0 + r * (1.0 / 7.0)) + r2 * -0.125));
}

static inline double combine(parts p)
{
    hpo_dd w = hpo_fast_two_sum(p.hi, p.r);
    return w.hi + (w.lo + (p.r_lo + p.lo) + log_tail(p.r));
}

/* Bits of x as if the exponent range were unbounded; x is positive and finite. */
static inline uint64_t normalised_bits(double x)
{
    uint64_t ix = hpo_bits_of(x);
    if (ix < (uint64_t)1 << 52) ix = hpo_bits_of(x * 0x1p52) - ((uint64_t)52 << 52);
    return ix;
}

/* log of anything that is not positive and finite */
static double log_special(double x)
{
    if (isnan(x)) return x + x;
    if (x == 0) return -HUGE_VAL;
    return x > 0 ? x : (double)NAN;
}

static inline int ordinary(double x)
{
    return x > 0 && x <= 0x1.fffffffffffffp1023;
}

double hpo_log(double x)
{
    if (!ordinary(x)) return log_special(x);
    return combine(decompose(normalised_bits(x)));
}

/* A block of positive, finite, normal arguments; see exp_block in func_exp.c.  The bits of hpo_log. */
enum { LOG_BLOCK = 64 };
HPO_INLINE void log_block(const double *x, double *y) /* y may be x: all is read before */
{
    double inverse[LOG_BLOCK], high[LOG_BLOCK], low[LOG_BLOCK];
    uint64_t index[LOG_BLOCK], bits[LOG_BLOCK];
    HPO_KEEP_LOOP for (size_t i = 0; i < LOG_BLOCK; i++)
    {
        bits[i] = hpo_bits_of(x[i]);
        index[i] = ((bits[i] - OFF) >> 45) & 127u;
    }
    for (size_t i = 0; i < LOG_BLOCK; i++) {
        const double *t = LOG_TABLE[index[i]];
        inverse[i] = t[0];
        high[i] = t[1];
        low[i] = t[2];
    }
    HPO_KEEP_LOOP for (size_t i = 0; i < LOG_BLOCK; i++)
    {
        uint64_t ix = bits[i], tmp = ix - OFF;
        /* the exponent, as a double without a conversion of 64-bit integers: 2^52 + 2^11 + k */
        double k = hpo_double_of(((tmp >> 52) ^ 0x800u) | (uint64_t)1075 << 52) - (0x1p52 + 0x1p11);
        double z = hpo_double_of(ix - (tmp & ((uint64_t)0xfff << 52)));
        double z_hi = hpo_double_of(hpo_bits_of(z) & ~(uint64_t)0x7ffffff), z_lo = z - z_hi;
        hpo_dd r = hpo_two_sum(z_hi * inverse[i] - 1.0, z_lo * inverse[i]);
        y[i] = combine((parts){r.hi, r.lo, k * LN2_HI + high[i], k * LN2_LO + low[i], k, inverse[i]});
    }
}

HPO_DISPATCH static void log_n_here(const double *x, size_t n, double *y)
{
    size_t first = 0;
    for (; first + LOG_BLOCK <= n; first += LOG_BLOCK) {
        const double *in = x + first;
        uint64_t far = 0;
        HPO_KEEP_LOOP for (size_t i = 0; i < LOG_BLOCK; i++) far |=
            (uint64_t)(!(in[i] >= 0x1p-1022 && in[i] <= 0x1.fffffffffffffp1023));
        if (far == 0) {
            log_block(in, y + first);
            continue;
        }
        for (size_t i = 0; i < LOG_BLOCK; i++)
            y[first + i] = hpo_log(in[i]);
    }
    if (first < n) {
        double in[LOG_BLOCK], out[LOG_BLOCK];
        int far = 0;
        memcpy(in, x + first, (n - first) * sizeof *in);
        for (size_t i = n - first; i < LOG_BLOCK; i++)
            in[i] = 1.0;
        for (size_t i = 0; i < n - first; i++)
            far |= !(in[i] >= 0x1p-1022 && in[i] <= 0x1.fffffffffffffp1023);
        if (!far && n - first >= LOG_BLOCK / 8) {
            log_block(in, out);
            memcpy(y + first, out, (n - first) * sizeof *y);
            return;
        }
        for (size_t i = 0; i < n - first; i++)
            y[first + i] = hpo_log(in[i]);
    }
}

void hpo_log_n(const double *x, size_t n, double *y)
{
    log_n_here(x, n, y);
}

double hpo_log1p(double x)
{
    if (!(x > -1.0 && x <= 0x1.fffffffffffffp1023)) {
        if (x == -1.0) return -HUGE_VAL;
        return log_special(x);
    }
    if (fabs(x) < 0x1p-54) return x;
    hpo_dd u = hpo_two_sum(1.0, x); /* 1 + x = u.hi + u.lo */
    parts p = decompose(hpo_bits_of(u.hi));
    /* Beyond 2^60 the 1 does not show any more; below, 2^-k is normal. */
    if (p.k < 60) {
        double c = u.lo * (p.scale * hpo_double_of((uint64_t)(1023 - (int)p.k) << 52));
        hpo_dd r = hpo_two_sum(p.r, c);
        p.r = r.hi;
        p.r_lo += r.lo;
    }
    return combine(p);
}

/* log x = k ln 2 + value; see the top. */
static hpo_dd log_dd_parts(parts p)
{
    double r = p.r;
    hpo_dd q = hpo_two_square(r); /* r^2 */
    double r2 = q.hi, r4 = r2 * r2;
    double tail = r * r2 *
                  (((1.0 / 3.0 + r * -0.25) + r2 * (0.2 + r * (-1.0 / 6.0))) +
                   r4 * ((1.0 / 7.0 + r * -0.125) + r2 * (1.0 / 9.0 + r * -0.1)));
    hpo_dd s = hpo_fast_two_sum(p.hi, r);
    hpo_dd t = hpo_two_sum(s.hi, -0.5 * q.hi);
    double lo = (s.lo + t.lo) + ((p.r_lo - 0.5 * q.lo) - r * p.r_lo + p.lo) + tail;
    return hpo_fast_two_sum(t.hi, lo);
}

hpo_dd hpo_log_dd(double x)
{
    return log_dd_parts(decompose(normalised_bits(x)));
}

/* (a.hi + a.lo) (b_hi + b_lo) rounded to a double plus k */
static double product_plus(hpo_dd a, double b_hi, double b_lo, double k)
{
    hpo_dd p = hpo_two_prod(a.hi, b_hi);
    p.lo += a.hi * b_lo + a.lo * b_hi;
    hpo_dd s = hpo_two_sum(k, p.hi);
    return s.hi + (s.lo + p.lo);
}

double hpo_log2(double x)
{
    if (!ordinary(x)) return log_special(x);
    parts p = decompose(normalised_bits(x));
    p.hi -= p.k * LN2_HI; /* exact: what remains is log c */
    p.lo -= p.k * LN2_LO;
    return product_plus(log_dd_parts(p), INV_LN2_HI, INV_LN2_LO, p.k);
}

double hpo_log10(double x)
{
    if (!ordinary(x)) return log_special(x);
    return product_plus(hpo_log_dd(x), INV_LN10_HI, INV_LN10_LO, 0.0);
}

/* 0: y is not an integer, 1: odd, 2: even */
static int integer_kind(double y)
{
    double a = fabs(y);
    if (a >= 0x1p53) return 2;
    if (a != floor(a)) return 0;
    return fmod(a, 2.0) == 1.0 ? 1 : 2;
}

/* x or y is zero, infinite or NaN, or x is 1.  Annex F.10.4.4, in its order of precedence. */
static double pow_special(double x, double y)
{
    if (y == 0 || x == 1) return 1.0;
    if (isnan(x) || isnan(y)) return x + y;
    if (isinf(y)) {
        double a = fabs(x);
        if (a == 1) return 1.0;
        return (a > 1) == (y > 0) ? HUGE_VAL : 0.0;
    }
    /* x is 0 or infinite */
    double size = (x == 0) == (y > 0) ? 0.0 : HUGE_VAL;
    return signbit(x) && integer_kind(y) == 1 ? -size : size;
}

double hpo_pow(double x, double y)
{
    if (x == 1 || x == 0 || y == 0 || !isfinite(x) || !isfinite(y)) return pow_special(x, y);
    double sign = 1.0, a = fabs(x);
    if (x < 0) {
        int kind = integer_kind(y);
        if (kind == 0) return (double)NAN;
        if (kind == 1) sign = -1.0;
        if (a == 1) return sign;
    }
    /* |log a| >= 2^-54: beyond |y| = 2^65 the result is out of range, below 2^-65 it is 1. */
    if (fabs(y) >= 0x1p65) return (a > 1) == (y > 0) ? sign * HUGE_VAL : sign * 0.0;
    if (fabs(y) < 0x1p-65) return sign;
    hpo_dd l = log_dd_parts(decompose(normalised_bits(a)));
    hpo_dd p = hpo_two_prod(y, l.hi);
    p.lo += y * l.lo;
    return sign * hpo_exp_dd(p);
}

/* The placement of OFF: 1 lies in the middle of its interval. */
_Static_assert(((0x3ff0000000000000u - 0x3fe6900000000000u) & (((uint64_t)1 << 45) - 1)) == (uint64_t)1 << 44,
               "x = 1 must be the middle of an interval");
