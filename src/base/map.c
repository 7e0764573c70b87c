/* SPDX-License-Identifier: Apache-2.0 */
/* base/map.c - open addressing with linear probing, load at most 3/4; and the hash.
 *
 * hpo_hash_bytes folds 16 bytes at a time: h <- h ^ fold(a ^ P, b ^ h) with fold(x, y) the xor of the
 * two halves of the 128-bit product x * y, the idea behind the wyhash and xxh3 families.  Reads are
 * little-endian by definition, so the value does not depend on the machine.  Its values are stored
 * (configuration hashes): never change it; tests/unit/base/map.c holds constants.
 *
 * The constants are the first 128 fraction bits of pi and of e (lowest bit of each half set): nothing up
 * the sleeve, and about half of their bits are ones.
 */
#include "base/map.h"

#include <string.h>

#include "base/alloc.h"
#include "base/bits.h"
#include "base/error.h"

static const uint64_t PI_0 = UINT64_C(0x243F6A8885A308D3), PI_1 = UINT64_C(0x13198A2E03707345);
static const uint64_t E_0 = UINT64_C(0xB7E151628AED2A6B), E_1 = UINT64_C(0xBF7158809CF4F3C7);

static inline uint64_t fold(uint64_t a, uint64_t b)
{
    uint64_t high, low = hpo_mul64(a, b, &high);
    return low ^ high;
}

uint64_t hpo_hash_bytes(const void *data, size_t n, uint64_t seed)
{
    const unsigned char *p = data;
    uint64_t h = fold(seed ^ E_0, (uint64_t)n ^ PI_0) ^ seed;
    size_t left = n;
    for (; left > 16; left -= 16, p += 16)
        h ^= fold(hpo_read_le64(p) ^ PI_1, hpo_read_le64(p + 8) ^ h);
    /* The last 0..16 bytes as two words; reads may overlap, which the length above makes harmless. */
    uint64_t a = 0, b = 0;
    if (left >= 8) {
        a = hpo_read_le64(p);
        b = hpo_read_le64(p + left - 8);
    } else if (left >= 4) {
        a = hpo_read_le32(p);
        b = hpo_read_le32(p + left - 4);
    } else if (left > 0) {
        a = (uint64_t)p[0] | (uint64_t)p[left / 2] << 8 | (uint64_t)p[left - 1] << 16;
    }
    h ^= fold(a ^ E_1, b ^ h);
    return fold(h ^ PI_0, E_0);
}

/* ---- text -> index ------------------------------------------------------------------------- */

struct hpo_map_slot {
    char *key; /* NULL: free */
    uint64_t hash;
    int64_t value;
};

/* The slot that holds key, or the free slot where it would go; cap is a power of two and not full. */
static struct hpo_map_slot *find_slot(struct hpo_map_slot *slots, size_t cap, const char *key, uint64_t hash)
{
    size_t i = (size_t)hash & (cap - 1);
    while (slots[i].key != NULL && (slots[i].hash != hash || strcmp(slots[i].key, key) != 0))
        i = (i + 1) & (cap - 1);
    return &slots[i];
}

static hpo_status map_grow(hpo_map *m, hpo_error *err)
{
    size_t cap = m->cap != 0 ? 2 * m->cap : 16;
    struct hpo_map_slot *slots = hpo_calloc(cap, sizeof *slots);
    if (slots == NULL) return hpo_fail_memory(err);
    for (size_t i = 0; i < m->cap; i++) {
        const struct hpo_map_slot *old = &m->slots[i];
        if (old->key != NULL) *find_slot(slots, cap, old->key, old->hash) = *old;
    }
    hpo_free(m->slots);
    m->slots = slots;
    m->cap = cap;
    return HPO_OK;
}

hpo_status hpo_map_put(hpo_map *m, const char *key, int64_t value, hpo_error *err)
{
    uint64_t hash = hpo_hash_bytes(key, strlen(key), 0);
    if (m->cap != 0) {
        struct hpo_map_slot *slot = find_slot(m->slots, m->cap, key, hash);
        if (slot->key != NULL) {
            slot->value = value;
            return HPO_OK;
        }
    }
    if (4 * (m->n + 1) > 3 * m->cap) HPO_TRY(map_grow(m, err));
    char *copy = hpo_strdup(key);
    if (copy == NULL) return hpo_fail_memory(err);
    *find_slot(m->slots, m->cap, key, hash) = (struct hpo_map_slot){copy, hash, value};
    m->n++;
    return HPO_OK;
}

int64_t hpo_map_get(const hpo_map *m, const char *key, int64_t missing)
{
    if (m->n == 0) return missing;
    const struct hpo_map_slot *slot = find_slot(m->slots, m->cap, key, hpo_hash_bytes(key, strlen(key), 0));
    return slot->key != NULL ? slot->value : missing;
}

void hpo_map_fini(hpo_map *m)
{
    for (size_t i = 0; i < m->cap; i++)
        hpo_free(m->slots[i].key);
    hpo_free(m->slots);
    *m = (hpo_map){0};
}

/* ---- 64-bit key -> value ------------------------------------------------------------------- */

static const int64_t FREE_SLOT = INT64_MIN;

/* Keys are often hashes, but may be counters: one multiplication spreads them. */
static size_t home(uint64_t key, size_t cap)
{
    return (size_t)fold(key ^ PI_0, E_0) & (cap - 1);
}

static size_t find_key(const uint64_t *keys, const int64_t *values, size_t cap, uint64_t key)
{
    size_t i = home(key, cap);
    while (values[i] != FREE_SLOT && keys[i] != key)
        i = (i + 1) & (cap - 1);
    return i;
}

static hpo_status u64map_grow(hpo_u64map *m, hpo_error *err)
{
    size_t cap = m->cap != 0 ? 2 * m->cap : 16;
    uint64_t *keys = hpo_alloc_array(cap, sizeof *keys);
    int64_t *values = hpo_alloc_array(cap, sizeof *values);
    if (keys == NULL || values == NULL) {
        hpo_free(keys);
        hpo_free(values);
        return hpo_fail_memory(err);
    }
    for (size_t i = 0; i < cap; i++)
        values[i] = FREE_SLOT;
    for (size_t i = 0; i < m->cap; i++) {
        if (m->values[i] == FREE_SLOT) continue;
        size_t j = find_key(keys, values, cap, m->keys[i]);
        keys[j] = m->keys[i];
        values[j] = m->values[i];
    }
    hpo_free(m->keys);
    hpo_free(m->values);
    m->keys = keys;
    m->values = values;
    m->cap = cap;
    return HPO_OK;
}

hpo_status hpo_u64map_put(hpo_u64map *m, uint64_t key, int64_t value, hpo_error *err)
{
    if (value == FREE_SLOT) return hpo_fail(err, HPO_EINVAL, "map value %lld is reserved", (long long)value);
    if (4 * (m->n + 1) > 3 * m->cap) HPO_TRY(u64map_grow(m, err));
    size_t i = find_key(m->keys, m->values, m->cap, key);
    if (m->values[i] == FREE_SLOT) m->n++;
    m->keys[i] = key;
    m->values[i] = value;
    return HPO_OK;
}

int64_t hpo_u64map_get(const hpo_u64map *m, uint64_t key, int64_t missing)
{
    if (m->n == 0) return missing;
    size_t i = find_key(m->keys, m->values, m->cap, key);
    return m->values[i] != FREE_SLOT ? m->values[i] : missing;
}

void hpo_u64map_remove(hpo_u64map *m, uint64_t key)
{
    if (m->n == 0) return;
    size_t hole = find_key(m->keys, m->values, m->cap, key);
    if (m->values[hole] == FREE_SLOT) return;
    /* Close the gap: move back every later entry of the run whose home is not after the hole. */
    size_t mask = m->cap - 1;
    for (size_t i = (hole + 1) & mask; m->values[i] != FREE_SLOT; i = (i + 1) & mask) {
        size_t distance_home = (i - home(m->keys[i], m->cap)) & mask, distance_hole = (i - hole) & mask;
        if (distance_home < distance_hole) continue;
        m->keys[hole] = m->keys[i];
        m->values[hole] = m->values[i];
        hole = i;
    }
    m->values[hole] = FREE_SLOT;
    m->n--;
}

void hpo_u64map_fini(hpo_u64map *m)
{
    hpo_free(m->keys);
    hpo_free(m->values);
    *m = (hpo_u64map){0};
}
