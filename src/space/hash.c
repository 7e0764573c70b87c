/* SPDX-License-Identifier: Apache-2.0 */
/* space/hash.c - the hash of a configuration.  It is stored with every trial: never change it.
 *
 * Over the columns in the order of declaration, fidelities left out: the 64 bits of the value, -0 as 0, every
 * NaN (inactive) as one fixed pattern, chained through the finaliser of MurmurHash3 (Appleby 2011): h = mix(h
 * xor bits) + 2^64 / golden ratio. */
#include "space/space.h"
#include <math.h>
#include <string.h>

static uint64_t mix(uint64_t h)
{
    h ^= h >> 33;
    h *= UINT64_C(0xff51afd7ed558ccd);
    h ^= h >> 33;
    h *= UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ (h >> 33);
}

static uint64_t bits_of(double v)
{
    uint64_t bits;
    if (v == 0) return 0;
    if (isnan(v)) return UINT64_C(0x7ff8000000000000);
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

/* Their columns, ascending; then n_columns. */
static size_t next_fidelity(const hpo_space *s, size_t *k)
{
    return *k < s->n_fidelities ? s->params[s->fidelity[(*k)++]].column : s->n_columns;
}

uint64_t hpo_space_hash(const hpo_space *s, const double *x)
{
    if (!s || !x) return 0;
    uint64_t h = UINT64_C(0x9e3779b97f4a7c15);
    size_t k = 0, skip = next_fidelity(s, &k);
    for (size_t i = 0; i < s->n_columns; i++) {
        if (i == skip) {
            skip = next_fidelity(s, &k);
            continue;
        }
        h = mix(h ^ bits_of(x[i])) + UINT64_C(0x9e3779b97f4a7c15);
    }
    return mix(h);
}
