/* SPDX-License-Identifier: Apache-2.0 */
/* base/map.h - two open-addressing hash maps: text -> index and 64-bit key -> value. */
#ifndef BASE_MAP_H
#define BASE_MAP_H
#include <stddef.h>
#include <stdint.h>
#include "hpo.h"

typedef struct hpo_map {
    struct hpo_map_slot *slots;
    size_t n, cap;
} hpo_map; /* zero-initialised is empty; keys are copied */
HPO_NODISCARD hpo_status hpo_map_put(hpo_map *m, const char *key, int64_t value, hpo_error *err);
int64_t hpo_map_get(const hpo_map *m, const char *key, int64_t missing);
void hpo_map_fini(hpo_map *m);

typedef struct hpo_u64map {
    uint64_t *keys;
    int64_t *values; /* INT64_MIN marks a free slot */
    size_t n, cap;
} hpo_u64map;
HPO_NODISCARD hpo_status hpo_u64map_put(hpo_u64map *m, uint64_t key, int64_t value, hpo_error *err);
int64_t hpo_u64map_get(const hpo_u64map *m, uint64_t key, int64_t missing);
void hpo_u64map_remove(hpo_u64map *m, uint64_t key);
void hpo_u64map_fini(hpo_u64map *m);

/* 64-bit mixing hash of bytes; fixed for ever (it is stored). */
uint64_t hpo_hash_bytes(const void *data, size_t n, uint64_t seed);
#endif
