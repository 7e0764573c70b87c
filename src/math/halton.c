/* SPDX-License-Identifier: Apache-2.0 */
/* math/halton.c - Halton points, plain and with random digit scrambling.
 *
 * Halton (1960): coordinate j of point i is the radical inverse of i in the j-th prime b,
 *     phi_b(i) = sum_k d_k b^(-k-1),   d_k the base-b digits of i.
 * In large bases neighbouring coordinates are strongly correlated; scrambling cures it: digit k of dimension
 * j becomes pi_jk(d_k), pi_jk a random affine permutation d -> (a d + c) mod b, a in 1..b-1, c in 0..b-1 (b
 * is prime), independent for all j and k (Owen 2017, "A randomized Halton algorithm in R", arXiv 1706.02808,
 * with the affine subgroup of all permutations: two numbers a digit instead of b, still pairwise independent
 * and uniform; for b = 2 and 3 it is the whole group).  The infinitely many leading zero digits of i are
 * scrambled as well: their contribution from digit k on is the stored tail[k].
 *
 * All digits are collected in one integer over b^K, K the largest with b^K <= 2^62, and divided once: the
 * coordinate is within an ulp of the exact fraction.  Point 0 of the plain sequence is the origin.
 *
 * Limits: HPO_HALTON_MAX_DIMS dimensions; digits beyond K (index >= 2^49 at the earliest) do not show. */
#include "base/alloc.h"
#include "base/error.h"
#include "math/qmc.h"
#include "math/rng.h"

enum { MAX_DIGITS = 62 };

typedef struct digit {
    uint32_t mul, add; /* the affine permutation */
    uint64_t weight;   /* b^(K-1-k) */
    uint64_t tail;     /* what the digits k, k+1, ... contribute when they are all zero */
} digit;

typedef struct axis {
    uint32_t base, n_digits;
    size_t first; /* of its digits */
    double scale; /* b^K */
} axis;

struct hpo_halton {
    size_t dims;
    axis *axes;
    digit *digits;
};

static const double BELOW_ONE = 0x1.fffffffffffffp-1;

/* The first n primes by trial division. */
static void primes(axis *a, size_t n)
{
    size_t have = 0;
    for (uint32_t c = 2; have < n; c++) {
        int prime = 1;
        for (size_t i = 0; i < have && a[i].base * a[i].base <= c; i++) {
            if (c % a[i].base == 0) {
                prime = 0;
                break;
            }
        }
        if (prime) a[have++].base = c;
    }
}

/* The largest K with base^K <= 2^62. */
static uint32_t count_digits(uint32_t base, double *scale)
{
    uint64_t power = 1;
    uint32_t k = 0;
    while (power <= ((uint64_t)1 << 62) / base) {
        power *= base;
        k++;
    }
    *scale = (double)power;
    return k;
}

static void fill_digits(const axis *a, digit *d, int scrambled, hpo_rng *rng)
{
    uint64_t weight = 1, tail = 0;
    for (uint32_t k = 0; k < a->n_digits; k++) {
        d[k].mul = scrambled ? 1 + (uint32_t)hpo_rng_below(rng, a->base - 1) : 1;
        d[k].add = scrambled ? (uint32_t)hpo_rng_below(rng, a->base) : 0;
    }
    for (uint32_t k = a->n_digits; k-- > 0;) {
        d[k].weight = weight;
        tail += d[k].add * weight;
        d[k].tail = tail;
        weight *= a->base;
    }
}

hpo_status hpo_halton_create(size_t dims, int scrambled, uint64_t seed, hpo_halton **out, hpo_error *err)
{
    *out = NULL;
    if (dims < 1 || dims > HPO_HALTON_MAX_DIMS)
        return hpo_fail(err, HPO_EINVAL, "halton: %zu dimensions; must be 1..%d (use sobol or random beyond)",
                        dims, (int)HPO_HALTON_MAX_DIMS);
    hpo_status st = HPO_ENOMEM;
    hpo_halton *h = hpo_calloc(1, sizeof *h);
    if (!h) return hpo_fail_memory(err);
    h->dims = dims;
    h->axes = hpo_calloc(dims, sizeof *h->axes);
    if (!h->axes) goto done;
    primes(h->axes, dims);
    size_t total = 0;
    for (size_t j = 0; j < dims; j++) {
        axis *a = &h->axes[j];
        a->n_digits = count_digits(a->base, &a->scale);
        a->first = total;
        total += a->n_digits;
    }
    h->digits = hpo_calloc(total, sizeof *h->digits);
    if (!h->digits) goto done;
    for (size_t j = 0; j < dims; j++) {
        hpo_rng rng;
        hpo_rng_init(&rng, seed, j, HPO_RNG_SCRAMBLE);
        fill_digits(&h->axes[j], h->digits + h->axes[j].first, scrambled, &rng);
    }
    st = HPO_OK;
done:
    if (st != HPO_OK) {
        hpo_halton_free(h);
        return hpo_fail_memory(err);
    }
    *out = h;
    return HPO_OK;
}

static double coordinate(const axis *a, const digit *d, uint64_t index)
{
    uint64_t sum = 0;
    uint32_t k = 0, b = a->base;
    for (; index > 0xffffffffu && k < a->n_digits; k++) {
        uint64_t q = index / b;
        sum += (d[k].mul * (uint64_t)(index - q * b) + d[k].add) % b * d[k].weight;
        index = q;
    }
    /* The rest in 32-bit arithmetic: division is several times faster (mul * digit + add < 2^27). */
    uint32_t i = index > 0xffffffffu ? 0 : (uint32_t)index;
    for (; i > 0 && k < a->n_digits; k++) {
        uint32_t q = i / b;
        sum += (uint64_t)((d[k].mul * (i - q * b) + d[k].add) % b) * d[k].weight;
        i = q;
    }
    if (k < a->n_digits) sum += d[k].tail;
    double x = (double)sum / a->scale;
    return x < 1.0 ? x : BELOW_ONE;
}

void hpo_halton_point(const hpo_halton *h, uint64_t index, double *out)
{
    for (size_t j = 0; j < h->dims; j++)
        out[j] = coordinate(&h->axes[j], h->digits + h->axes[j].first, index);
}

void hpo_halton_free(hpo_halton *h)
{
    if (!h) return;
    hpo_free(h->axes);
    hpo_free(h->digits);
    hpo_free(h);
}

double hpo_radical_inverse(uint64_t index, uint32_t base)
{
    if (base < 2) return 0.0;
    uint64_t sum = 0, power = 1;
    while (index > 0 && power <= ((uint64_t)1 << 62) / base) {
        sum = sum * base + index % base;
        power *= base;
        index /= base;
    }
    double x = (double)sum / (double)power;
    return x < 1.0 ? x : BELOW_ONE;
}
