/* SPDX-License-Identifier: Apache-2.0 */
/* math/bits.h - the bits of a double, and sums and products of doubles with their rounding errors.
 * Portable C17: no fma.
 *
 * two_sum: Knuth, TAOCP 2, section 4.2.2 theorem B.  two_prod: Dekker (1971), Veltkamp splitting; exact
 * while no partial product over- or underflows, |a|, |b| < 2^995. */
#ifndef MATH_BITS_H
#define MATH_BITS_H
#include <stdint.h>
#include <string.h>

#include "base/bits.h"

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

/* a^2 */
static inline hpo_dd hpo_two_square(double a)
{
    const double split = 134217729.0;
    double p = a * a, t = split * a, h = t - (t - a), l = a - h;
    return (hpo_dd){p, ((h * h - p) + 2.0 * (h * l)) + l * l};
}
#endif
