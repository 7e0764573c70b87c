/* SPDX-License-Identifier: Apache-2.0 */
/* math/func_trig.c - sin, cos, atan.
 *
 * Reduction: x = n pi/2 + r, |r| <= pi/4, r as a sum of two doubles.
 *
 * |x| < 2^20: Cody & Waite (1980), pi/2 in three parts of 33 bits, n times each is exact, and a fourth
 * part; 152 bits of pi/2 in all, and no double is nearer than 2^-61 to a multiple of pi/2.
 *
 * Beyond: Payne & Hanek (1983), the 53-bit significand of x times the 192 bits of 2/pi that matter for its
 * exponent, in integers; whole turns fall out, 126 bits of fraction remain.
 *
 * Then sin r = r + r^3 P(r^2) and cos r = 1 - r^2/2 + r^4 Q(r^2), with the low part of r to first order.
 *
 * atan: x in [0, 1]: c = round(16 x)/16 (0 below 3/64), atan x = atan c + atan t, t = (x - c)/(1 + c x),
 * |t| <= 3/64, Taylor to t^13. x > 1: pi/2 - atan(1/x).
 *
 * hpo_cos_sin_n: the steps of reduce() one after the other for a block of arguments, all |x| < 2^20, then
 * both kernels and a choice: no branches, the same bits.
 *
 * Measured (tests/unit/math/func.c): sin, cos 0.8 ulp for all finite x; atan 0.9 ulp. */
#include "math/func.h"

#include <math.h>
#include <string.h>

#include "math/func_internal.h"
#include "math/linalg.h"

#include "math/func_trig.inc"

/* Bits [at, at + 64) of 2/pi, counted from the binary point; zero in front of it. */
static uint64_t two_over_pi_word(int at)
{
    if (at <= -64) return 0;
    if (at < 0) return TWO_OVER_PI_BITS[0] >> -at;
    unsigned word = (unsigned)at / 64, shift = (unsigned)at % 64;
    uint64_t high = TWO_OVER_PI_BITS[word];
    return shift == 0 ? high : (high << shift) | (TWO_OVER_PI_BITS[word + 1] >> (64 - shift));
}

/* r for |x| >= 2^20; returns n mod 4. */
static unsigned reduce_huge(double x, hpo_dd *r)
{
    uint64_t ix = hpo_bits_of(fabs(x));
    int e = (int)(ix >> 52) - 1075; /* |x| = m 2^e */
    uint64_t m = (ix & (((uint64_t)1 << 52) - 1)) | (uint64_t)1 << 52;
    /* Bits of 2/pi from position e - 2 on: what lies before contributes multiples of 4 to x 2/pi. */
    uint64_t w0 = two_over_pi_word(e - 2), w1 = two_over_pi_word(e + 62), w2 = two_over_pi_word(e + 126);
    uint64_t h1, h2, l0 = m * w0, l1 = hpo_mul64(m, w1, &h1);
    (void)hpo_mul64(m, w2, &h2); /* its low half is below the last bit kept */
    uint64_t mid = l1 + h2;
    uint64_t top = l0 + h1 + (mid < l1);
    /* x 2/pi mod 4 = top : mid, two integer bits and 126 of fraction. */
    unsigned n = (unsigned)(top >> 62);
    uint64_t f1 = (top << 2) | (mid >> 62), f0 = mid << 2;
    int negative = (int)(f1 >> 63); /* fraction >= 1/2: to the next integer */
    if (negative) {
        n++;
        f0 = 0 - f0;
        f1 = ~f1 + (f0 == 0);
    }
    /* (f1 : f0) 2^-128 as a sum of doubles: pieces of 43 bits are exact. */
    double a = (double)(f1 >> 21) * 0x1p-43, b = (double)(((f1 & 0x1fffff) << 22) | (f0 >> 42)) * 0x1p-86;
    double c = (double)(f0 & (((uint64_t)1 << 42) - 1)) * 0x1p-128;
    hpo_dd f = hpo_two_sum(a, b);
    f = hpo_fast_two_sum(f.hi, f.lo + c);
    hpo_dd p = hpo_two_prod(f.hi, HALF_PI_HI);
    p = hpo_fast_two_sum(p.hi, p.lo + (f.hi * HALF_PI_LO + f.lo * HALF_PI_HI));
    if (negative) p = (hpo_dd){-p.hi, -p.lo};
    if (x < 0) {
        p = (hpo_dd){-p.hi, -p.lo};
        n = 0u - n;
    }
    *r = p;
    return n & 3u;
}

static unsigned reduce(double x, hpo_dd *r)
{
    if (fabs(x) <= 0x1.921fb54442d18p-1) {
        *r = (hpo_dd){x, 0.0};
        return 0;
    }
    if (fabs(x) >= 0x1p20) return reduce_huge(x, r);
    const double shift = 0x1.8p52;
    double n = (x * TWO_OVER_PI + shift) - shift;
    hpo_dd a = hpo_two_sum(x - n * HALF_PI_1, -(n * HALF_PI_2));
    hpo_dd b = hpo_two_sum(a.hi, -(n * HALF_PI_3));
    hpo_dd c = hpo_fast_two_sum(b.hi, a.lo + b.lo);
    *r = hpo_fast_two_sum(c.hi, c.lo - n * HALF_PI_4);
    return (unsigned)(int)n & 3u;
}

HPO_INLINE double poly7(const double *p, double t)
{
    double t2 = t * t;
    return (p[0] + p[1] * t) + t2 * ((p[2] + p[3] * t) + t2 * ((p[4] + p[5] * t) + t2 * p[6]));
}

HPO_INLINE double poly6(const double *p, double t)
{
    double t2 = t * t;
    return (p[0] + p[1] * t) + t2 * ((p[2] + p[3] * t) + t2 * (p[4] + p[5] * t));
}

HPO_INLINE double sin_kernel(hpo_dd r)
{
    double s = r.hi * r.hi;
    return r.hi + (r.hi * s * poly7(SIN_POLY, s) + r.lo * (1.0 - 0.5 * s));
}

HPO_INLINE double cos_kernel(hpo_dd r)
{
    double s = r.hi * r.hi, h = 0.5 * s, w = 1.0 - h;
    return w + (((1.0 - w) - h) + (s * s * poly6(COS_POLY, s) - r.hi * r.lo));
}

double hpo_sin(double x)
{
    if (!isfinite(x)) return (double)NAN;
    if (fabs(x) < 0x1p-27) return x;
    hpo_dd r;
    unsigned n = reduce(x, &r);
    double y = n & 1u ? cos_kernel(r) : sin_kernel(r);
    return n & 2u ? -y : y;
}

double hpo_cos(double x)
{
    if (!isfinite(x)) return (double)NAN;
    hpo_dd r;
    unsigned n = reduce(x, &r);
    double y = n & 1u ? sin_kernel(r) : cos_kernel(r);
    return (n + 1u) & 2u ? -y : y;
}

/* Quarter turns n and the rest: reduce() without its branches, |x| < 2^20. */
enum { TRIG_BLOCK = 64 };
HPO_INLINE void cos_sin_block(const double *restrict x, double *restrict cosine, double *restrict sine)
{
    const double shift = 0x1.8p52;
    HPO_KEEP_LOOP for (size_t i = 0; i < TRIG_BLOCK; i++)
    {
        double v = x[i], near = fabs(v) <= 0x1.921fb54442d18p-1 ? 0.0 : 1.0;
        double k = (v * near) * TWO_OVER_PI + shift, n = k - shift;
        uint64_t turns = hpo_bits_of(k), flip = (turns & 2u) << 62, flop = ((turns + 1u) & 2u) << 62;
        uint64_t odd = 0u - (turns & 1u);
        hpo_dd a = hpo_two_sum(v - n * HALF_PI_1, -(n * HALF_PI_2));
        hpo_dd b = hpo_two_sum(a.hi, -(n * HALF_PI_3));
        hpo_dd c = hpo_fast_two_sum(b.hi, a.lo + b.lo);
        hpo_dd r = hpo_fast_two_sum(c.hi, c.lo - n * HALF_PI_4);
        uint64_t s = hpo_bits_of(sin_kernel(r)), t = hpo_bits_of(cos_kernel(r));
        cosine[i] = hpo_double_of(((t & ~odd) | (s & odd)) ^ flop);
        sine[i] = hpo_double_of(((s & ~odd) | (t & odd)) ^ flip);
    }
}

HPO_DISPATCH static void cos_sin_n_here(const double *x, size_t n, double *cosine, double *sine)
{
    double in[TRIG_BLOCK], c[TRIG_BLOCK], s[TRIG_BLOCK];
    for (size_t first = 0; first < n; first += TRIG_BLOCK) {
        size_t count = n - first < TRIG_BLOCK ? n - first : TRIG_BLOCK;
        int far = 0;
        memcpy(in, x + first, count * sizeof *in);
        for (size_t i = count; i < TRIG_BLOCK; i++)
            in[i] = 1.0;
        for (size_t i = 0; i < TRIG_BLOCK; i++)
            far |= !(fabs(in[i]) < 0x1p20 && fabs(in[i]) >= 0x1p-27);
        if (!far) cos_sin_block(in, c, s);
        for (size_t i = 0; far && i < count; i++) {
            c[i] = hpo_cos(in[i]);
            s[i] = hpo_sin(in[i]);
        }
        memcpy(cosine + first, c, count * sizeof *c);
        if (sine) memcpy(sine + first, s, count * sizeof *s);
    }
}

void hpo_cos_sin_n(const double *x, size_t n, double *cosine, double *sine)
{
    cos_sin_n_here(x, n, cosine, sine);
}

double hpo_atan(double x)
{
    if (isnan(x)) return x + x;
    double a = fabs(x);
    if (a < 0x1p-27) return x;
    int inverse = a > 1.0;
    if (inverse) a = 1.0 / a;
    int i = a < 0x1.8p-5 ? 0 : (int)(a * 16.0 + 0.5); /* below 3/64 the difference from 1/16 would cancel */
    double c = (double)i * 0.0625, t = i == 0 ? a : (a - c) / (1.0 + c * a), t2 = t * t, t4 = t2 * t2;
    double tail = t * t2 *
                  (((-1.0 / 3.0) + t2 * 0.2) +
                   t4 * ((-1.0 / 7.0 + t2 * (1.0 / 9.0)) + t4 * (-1.0 / 11.0 + t2 * (1.0 / 13.0))));
    hpo_dd s = hpo_fast_two_sum(ATAN_TABLE[i][0], t);
    double lo = s.lo + (ATAN_TABLE[i][1] + tail);
    double y;
    if (inverse) {
        hpo_dd u = hpo_two_sum(HALF_PI_HI, -s.hi);
        y = u.hi + (u.lo + (HALF_PI_LO - lo));
    } else {
        y = s.hi + lo;
    }
    return copysign(y, x);
}
