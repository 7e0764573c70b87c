/* SPDX-License-Identifier: Apache-2.0 */
/* math/rng.c - counter-based random numbers: Philox4x32-10.
 *
 * Reference: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011; the block
 * function is that of the Random123 library.  A block of four 32-bit words is a keyed bijection of a 128-bit
 * counter, so any number of any stream is reached in O(1) and no state has to be stored.
 *
 * The layout, fixed for ever (stored studies are replayed through it):
 *
 *   key[0], key[1]   low and high half of the seed
 *   counter[0]       number of the block within the stream, 0, 1, 2, ...
 *   counter[1]       low 20 bits: purpose; high 12 bits: carry of counter[0]
 *   counter[2], [3]  low and high half of the index
 *
 * Distinct (seed, index, purpose) with purpose < 2^20 therefore never share a block within 2^44 blocks.  A
 * 64-bit number is word 0 (low half) and word 1 of a block, the next one words 2 and 3.
 *
 * uniform: the high 53 bits times 2^-53.  normal: Phi^-1 at (k + 1/2) 2^-52, k the high 52 bits, which is
 * symmetric and never infinite; |z| <= 8.21.  below(n): Lemire (2019), "Fast random integer generation in an
 * interval", ACM TOMACS 29(1), algorithm 5: multiply and reject, exactly uniform.
 *
 * Limits: not cryptographic. */
#include "math/rng.h"

/* Its internal check would bring assert(), which ends the process, into the library. */
#define R123_ASSERT(x) ((void)0)
#include <Random123/philox.h>

#include "math/bits.h"
#include "math/dist.h"
#include "math/dist_internal.h"

enum { PURPOSE_BITS = 20 };

void hpo_rng_init(hpo_rng *r, uint64_t seed, uint64_t index, uint32_t purpose)
{
    r->key[0] = (uint32_t)seed;
    r->key[1] = (uint32_t)(seed >> 32);
    r->counter[0] = 0;
    r->counter[1] = purpose;
    r->counter[2] = (uint32_t)index;
    r->counter[3] = (uint32_t)(index >> 32);
    r->block[0] = r->block[1] = r->block[2] = r->block[3] = 0;
    r->used = 4;
}

/* The block that the counter points at; moves the counter on. */
static inline philox4x32_ctr_t next_block(hpo_rng *r)
{
    philox4x32_ctr_t c = {{r->counter[0], r->counter[1], r->counter[2], r->counter[3]}};
    philox4x32_key_t k = {{r->key[0], r->key[1]}};
    if (++r->counter[0] == 0) r->counter[1] += 1u << PURPOSE_BITS;
    return philox4x32_R(10, c, k);
}

static inline uint64_t join(uint32_t low, uint32_t high)
{
    return (uint64_t)low | (uint64_t)high << 32;
}

/* The first number of a block comes straight from the computation, the second waits in r->block. */
static inline uint64_t next_u64(hpo_rng *r)
{
    if (r->used == 2) {
        r->used = 4;
        return join(r->block[2], r->block[3]);
    }
    philox4x32_ctr_t c = next_block(r);
    for (int i = 0; i < 4; i++)
        r->block[i] = c.v[i];
    r->used = 2;
    return join(c.v[0], c.v[1]);
}

static inline double to_unit(uint64_t v)
{
    return (double)(v >> 11) * 0x1p-53;
}

uint64_t hpo_rng_u64(hpo_rng *r)
{
    return next_u64(r);
}

double hpo_rng_uniform(hpo_rng *r)
{
    return to_unit(next_u64(r));
}

double hpo_rng_normal(hpo_rng *r)
{
    return hpo_normal_quantile(hpo_rng_open(r));
}

static inline uint64_t below(hpo_rng *r, uint64_t n)
{
    uint64_t high, low = hpo_mul64(next_u64(r), n, &high);
    if (low < n) {
        uint64_t reject = (0 - n) % n; /* 2^64 mod n: this many low parts would come once too often */
        while (low < reject)
            low = hpo_mul64(next_u64(r), n, &high);
    }
    return high;
}

uint64_t hpo_rng_below(hpo_rng *r, uint64_t n)
{
    return below(r, n);
}

void hpo_rng_uniforms(hpo_rng *r, double *out, size_t n)
{
    size_t i = 0;
    if (n > 0 && r->used == 2) out[i++] = to_unit(next_u64(r));
    for (; n - i >= 2; i += 2) { /* whole blocks, without a detour through memory */
        philox4x32_ctr_t c = next_block(r);
        out[i] = to_unit(join(c.v[0], c.v[1]));
        out[i + 1] = to_unit(join(c.v[2], c.v[3]));
    }
    if (i < n) out[i] = to_unit(next_u64(r));
}

void hpo_rng_permutation(hpo_rng *r, size_t n, uint32_t *out)
{
    /* "Inside-out" Fisher-Yates (Knuth, TAOCP 2, 3.4.2 P): element i goes to a random place of the first i+1.
     */
    for (size_t i = 0; i < n; i++) {
        size_t j = (size_t)below(r, i + 1);
        out[i] = out[j];
        out[j] = (uint32_t)i;
    }
}
