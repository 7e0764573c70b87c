/* SPDX-License-Identifier: Apache-2.0 */
/* math/sobol.c - Sobol' points with optional scrambling.
 *
 * Sobol' (1967); direction numbers: Joe & Kuo (2008).  Coordinate j of point i is the binary fraction
 *
 *     x_ij = XOR over the set bits k of i of v_jk,      v_jk = m_jk 2^-k,
 *     m_jk = 2 a_1 m_j,k-1 ^ 4 a_2 m_j,k-2 ^ ... ^ 2^s m_j,k-s ^ m_j,k-s
 *
 * with a_1.. the inner coefficients of the primitive polynomial of dimension j (Joe & Kuo, equation 2).  This
 * is the natural order: point i depends on i alone and costs one XOR a set bit (the Gray code order of
 * Antonov & Saleev visits the same points in each block of 2^k).  Direction numbers have 64 bits, so all
 * 64-bit indices give distinct points and the coordinates are not confined to a grid of 2^-32.  Point 0 is
 * the origin when not scrambled.
 *
 * Scrambling.  SHIFT: one random XOR per dimension.  OWEN: nested uniform scrambling (Owen 1995): the flip of
 * bit k is a random function of bits 1..k-1.  It is a hash whose every step lets a bit depend only on lower
 * ones, applied to the bit-reversed fraction (Laine & Karras 2011; Burley 2020, "Practical hash-based Owen
 * scrambling", JCGT 9(4)): adding a random number, multiplying by a random odd one, and x ^= x * even.  Ours
 * works on 64 bits for the same reason as above; a 32-bit hash would leave the points of a study on a coarse
 * grid.  Direction numbers are kept reversed, so that one reversal per coordinate is saved.
 *
 * Every prefix of 2^k points is a (t,k,s)-net before and after scrambling.  Limit: HPO_SOBOL_MAX_DIMS. */
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/qmc.h"
#include "math/rng.h"

#include "math/sobol_table.inc"

enum { BITS = 64, GROUPS = BITS / 4, ENTRIES = GROUPS * 16 };

struct hpo_sobol {
    size_t dims;
    hpo_scrambling scrambling;
    uint64_t *add, *mul; /* per dimension: the random numbers of the scrambling */
    uint64_t v[]; /* [group of 4 bits][value of the group][dim], bit-reversed XORs of direction numbers */
};

static inline uint64_t reverse_bits(uint64_t x)
{
    x = ((x >> 1) & 0x5555555555555555u) | ((x & 0x5555555555555555u) << 1);
    x = ((x >> 2) & 0x3333333333333333u) | ((x & 0x3333333333333333u) << 2);
    x = ((x >> 4) & 0x0f0f0f0f0f0f0f0fu) | ((x & 0x0f0f0f0f0f0f0f0fu) << 4);
    /* bytes: written so that compilers see a byte swap */
    return x >> 56 | ((x >> 40) & 0xff00u) | ((x >> 24) & 0xff0000u) | ((x >> 8) & 0xff000000u) |
           ((x & 0xff000000u) << 8) | ((x & 0xff0000u) << 24) | ((x & 0xff00u) << 40) | x << 56;
}

/* Direction numbers of one dimension, most significant bit first.  `row`: polynomial and initial numbers. */
static void expand(const uint16_t *row, unsigned degree, uint64_t v[BITS])
{
    for (unsigned k = 0; k < degree; k++)
        v[k] = (uint64_t)row[1 + k] << (63 - k);
    for (unsigned k = degree; k < BITS; k++) {
        v[k] = v[k - degree] ^ (v[k - degree] >> degree);
        for (unsigned i = 1; i < degree; i++) {
            if (row[0] >> (degree - i) & 1u) v[k] ^= v[k - i];
        }
    }
}

/* table[(group * 16 + value) * stride]: XOR of the reversed direction numbers of that group that `value`
 * selects. */
static void tabulate(const uint64_t v[BITS], size_t stride, uint64_t *table)
{
    for (unsigned g = 0; g < GROUPS; g++) {
        uint64_t *t = table + (size_t)g * 16 * stride;
        t[0] = 0;
        for (unsigned value = 1; value < 16; value++) {
            unsigned top = value >= 8 ? 3 : value >= 4 ? 2 : value >= 2 ? 1 : 0;
            t[value * stride] = t[(value ^ (1u << top)) * stride] ^ reverse_bits(v[4 * g + top]);
        }
    }
}

static unsigned degree_of(uint16_t polynomial)
{
    unsigned d = 0;
    while (polynomial >> (d + 1))
        d++;
    return d;
}

hpo_status hpo_sobol_create(size_t dims, hpo_scrambling scrambling, uint64_t seed, hpo_sobol **out,
                            hpo_error *err)
{
    *out = NULL;
    if (dims < 1 || dims > HPO_SOBOL_MAX_DIMS)
        return hpo_fail(err, HPO_EINVAL, "sobol: %zu dimensions; must be 1..%d (use a random sampler beyond)",
                        dims, (int)HPO_SOBOL_MAX_DIMS);
    hpo_sobol *s = hpo_alloc(sizeof *s + (ENTRIES + 2) * dims * sizeof s->v[0]);
    if (!s) return hpo_fail_memory(err);
    s->dims = dims;
    s->scrambling = scrambling;
    s->add = s->v + ENTRIES * dims;
    s->mul = s->add + dims;
    const uint16_t *row = SOBOL_TABLE;
    for (size_t j = 0; j < dims; j++) {
        uint64_t v[BITS];
        if (j == 0) {
            for (unsigned k = 0; k < BITS; k++)
                v[k] = (uint64_t)1 << (63 - k);
        } else {
            unsigned degree = degree_of(row[0]);
            expand(row, degree, v);
            row += 1 + degree;
        }
        tabulate(v, dims, s->v + j);
        hpo_rng rng;
        hpo_rng_init(&rng, seed, j, HPO_RNG_SCRAMBLE);
        s->add[j] = hpo_rng_u64(&rng);
        s->mul[j] = hpo_rng_u64(&rng) | 1u;
    }
    *out = s;
    return HPO_OK;
}

/* Bit b of the result is bit b of x flipped by a function of the lower bits: even factors, random odd factor,
 * carries go up only. */
static inline uint64_t nested_hash(uint64_t x, uint64_t add, uint64_t mul)
{
    x ^= x * 0x9e6c63d0876a9a62u;
    x += add;
    x *= mul;
    x ^= x * 0xb7c9a1f8d3e45716u;
    x += add >> 32 | add << 32;
    x ^= x * 0xa24baed4963ee406u;
    return x;
}

static inline double to_unit(uint64_t reversed)
{
    return (double)(reverse_bits(reversed) >> 11) * 0x1p-53;
}

/* Fractions of dimensions from..from+n-1 (n <= 8), bit-reversed. */
static inline void accumulate(const uint64_t *v, size_t stride, uint64_t index, size_t n, uint64_t x[8])
{
    const uint64_t *t = v + (index & 15u) * stride;
    for (size_t j = 0; j < n; j++)
        x[j] = t[j];
    while (index >>= 4) {
        v += 16 * stride;
        t = v + (index & 15u) * stride;
        for (size_t j = 0; j < n; j++)
            x[j] ^= t[j];
    }
}

void hpo_sobol_point(const hpo_sobol *s, uint64_t index, double *out)
{
    for (size_t from = 0; from < s->dims; from += 8) {
        size_t n = s->dims - from < 8 ? s->dims - from : 8;
        uint64_t x[8];
        accumulate(s->v + from, s->dims, index, n, x);
        const uint64_t *add = s->add + from, *mul = s->mul + from;
        switch (s->scrambling) {
        case HPO_SCRAMBLE_OWEN:
            for (size_t j = 0; j < n; j++)
                out[from + j] = to_unit(nested_hash(x[j], add[j], mul[j]));
            break;
        case HPO_SCRAMBLE_SHIFT:
            for (size_t j = 0; j < n; j++)
                out[from + j] = to_unit(x[j] ^ add[j]);
            break;
        case HPO_SCRAMBLE_NONE:
            for (size_t j = 0; j < n; j++)
                out[from + j] = to_unit(x[j]);
            break;
        }
    }
}

void hpo_sobol_free(hpo_sobol *s)
{
    hpo_free(s);
}
