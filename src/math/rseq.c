/* SPDX-License-Identifier: Apache-2.0 */
/* math/rseq.c - the R_d sequence: an additive recurrence (Kronecker sequence) in any dimension.
 *
 * Roberts (2018), "The unreasonable effectiveness of quasirandom sequences": x_ij = frac(s_j + i alpha_j),
 * alpha_j = phi_d^-(j+1), phi_d > 1 the root of x^(d+1) = x + 1 (d = 1: the golden ratio).
 *
 * With y = 1/phi_d the equation is y^d + y^(d+1) = 1, y in (1/2, 1); its left side grows with y, so the root
 * is found by bisection on 128-bit fixed-point numbers, whose truncation errors (d 2^-127) are far below the
 * 64 bits that are kept.  alpha_j is 64 bits of y^(j+1) and i alpha_j is computed mod 2^64: point i is exact
 * for these alphas, nothing accumulates, and the distance from the sequence with the irrational alphas is
 * below i 2^-64.  s_j is 1/2, or random.
 *
 * Limit: HPO_RSEQ_MAX_DIMS; the quality of the two-dimensional projections fades beyond some ten dimensions.
 */
#include "base/alloc.h"
#include "base/error.h"
#include "math/bits.h"
#include "math/qmc.h"
#include "math/rng.h"

enum { HPO_RSEQ_MAX_DIMS = 1024 };

struct hpo_rseq {
    size_t dims;
    uint64_t *shift;
    uint64_t alpha[];
};

/* A fraction in [0, 1): hi 2^-64 + lo 2^-128. */
typedef struct fraction {
    uint64_t hi, lo;
} fraction;

/* a b, truncated; the neglected partial products are below 2^-126. */
static fraction times(fraction a, fraction b)
{
    uint64_t top, m1, m2, low = hpo_mul64(a.hi, b.hi, &top);
    (void)hpo_mul64(a.hi, b.lo, &m1);
    (void)hpo_mul64(a.lo, b.hi, &m2);
    uint64_t sum = low + m1;
    top += sum < low;
    uint64_t all = sum + m2;
    top += all < sum;
    return (fraction){top, all};
}

/* y^n, n >= 1 */
static fraction power(fraction y, size_t n)
{
    fraction result = y;
    size_t top = 1;
    while (n >> 1 >= top)
        top <<= 1;
    for (size_t bit = top >> 1; bit; bit >>= 1) {
        result = times(result, result);
        if (n & bit) result = times(result, y);
    }
    return result;
}

/* 1 when y^d + y^(d+1) >= 1 */
static int beyond_root(fraction y, size_t d)
{
    fraction p = power(y, d), q = times(p, y);
    uint64_t lo = p.lo + q.lo, carry = lo < p.lo, hi = p.hi + q.hi;
    if (hi < p.hi) return 1;
    return hi + carry < carry;
}

static fraction inverse_root(size_t d)
{
    fraction y = {0, 0};
    for (unsigned bit = 0; bit < 128; bit++) {
        fraction t = y;
        if (bit < 64) {
            t.hi |= (uint64_t)1 << (63 - bit);
        } else {
            t.lo |= (uint64_t)1 << (127 - bit);
        }
        if (!beyond_root(t, d)) y = t;
    }
    return y;
}

hpo_status hpo_rseq_create(size_t dims, uint64_t seed, int shifted, hpo_rseq **out, hpo_error *err)
{
    *out = NULL;
    if (dims < 1 || dims > HPO_RSEQ_MAX_DIMS)
        return hpo_fail(err, HPO_EINVAL, "rseq: %zu dimensions; must be 1..%d (use sobol or random beyond)",
                        dims, (int)HPO_RSEQ_MAX_DIMS);
    hpo_rseq *r = hpo_alloc(sizeof *r + 2 * dims * sizeof r->alpha[0]);
    if (!r) return hpo_fail_memory(err);
    r->dims = dims;
    r->shift = r->alpha + dims;
    fraction y = inverse_root(dims), p = y;
    for (size_t j = 0; j < dims; j++) {
        r->alpha[j] = p.hi + (p.lo >> 63); /* rounded */
        p = times(p, y);
        hpo_rng rng;
        hpo_rng_init(&rng, seed, j, HPO_RNG_SCRAMBLE);
        r->shift[j] = shifted ? hpo_rng_u64(&rng) : (uint64_t)1 << 63;
    }
    *out = r;
    return HPO_OK;
}

void hpo_rseq_point(const hpo_rseq *r, uint64_t index, double *out)
{
    for (size_t j = 0; j < r->dims; j++)
        out[j] = (double)((r->shift[j] + index * r->alpha[j]) >> 11) * 0x1p-53;
}

void hpo_rseq_free(hpo_rseq *r)
{
    hpo_free(r);
}
