/* SPDX-License-Identifier: Apache-2.0 */
/* math/bits.h - the bits of a double, 64 x 64 -> 128 products, and sums and products of doubles with
 * their rounding errors.  Portable C17: no __int128, no fma.
 *
 * two_sum: Knuth, TAOCP 2, section 4.2.2 theorem B.  two_prod: Dekker (1971), Veltkamp splitting; exact
 * while no partial product over- or underflows, |a|, |b| < 2^995. */
#ifndef MATH_BITS_H
#define MATH_BITS_H
#include <stdint.h>
#include <string.h>

static inline uint64_t hpo_bits_of(double x)
{
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static inline double hpo_double_of(uint64_t u)
{
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
}

/* High and low 64 bits of a * b. */
static inline uint64_t hpo_mul64(uint64_t a, uint64_t b, uint64_t *low)
{
    uint64_t a0 = a & 0xffffffffu, a1 = a >> 32, b0 = b & 0xffffffffu, b1 = b >> 32;
    uint64_t p00 = a0 * b0, p01 = a0 * b1, p10 = a1 * b0, p11 = a1 * b1;
    uint64_t mid = (p00 >> 32) + (p01 & 0xffffffffu) + (p10 & 0xffffffffu);
    *low = (mid << 32) | (p00 & 0xffffffffu);
    return p11 + (p01 >> 32) + (p10 >> 32) + (mid >> 32);
}

/* An unevaluated sum hi + lo with |lo| <= ulp(hi) / 2. */
typedef struct hpo_dd {
    double hi, lo;
} hpo_dd;

static inline hpo_dd hpo_two_sum(double a, double b)
{
    double s = a + b, t = s - a;
    return (hpo_dd){s, (a - (s - t)) + (b - t)};
}

/* |a| >= |b| or a == 0. */
static inline hpo_dd hpo_fast_two_sum(double a, double b)
{
    double s = a + b;
    return (hpo_dd){s, b - (s - a)};
}

static inline hpo_dd hpo_two_prod(double a, double b)
{
    const double split = 134217729.0; /* 2^27 + 1 */
    double p = a * b, t = split * a, u = split * b;
    double ah = t - (t - a), bh = u - (u - b), al = a - ah, bl = b - bh;
    return (hpo_dd){p, ((ah * bh - p) + ah * bl + al * bh) + al * bl};
}

/* a^2 / 1, exact. */
static inline hpo_dd hpo_two_square(double a)
{
    const double split = 134217729.0;
    double p = a * a, t = split * a, h = t - (t - a), l = a - h;
    return (hpo_dd){p, ((h * h - p) + 2.0 * (h * l)) + l * l};
}
#endif
