/* SPDX-License-Identifier: Apache-2.0 */
/* storage/mem_index.h - the two lookups of the memory storage beside its columns: who is next in line,
 * and who has a given configuration hash.  Both hold row numbers of one history and read the rest there.
 *
 * Costs a row: 8 bytes, and 9 bytes a slot of the hash table (filled between 3/8 and 3/4). */
#ifndef STORAGE_MEM_INDEX_H
#define STORAGE_MEM_INDEX_H
#include "storage/history.h"
#include <stddef.h>
#include <stdint.h>

/* A binary heap of (key, row), smallest first, that knows where each row stands. */
typedef struct hpo_row_heap {
    struct hpo_row_heap_entry {
        int64_t key;
        uint32_t row;
    } * entries;
    size_t n, cap;
} hpo_row_heap;

typedef struct hpo_mem_index {
    hpo_row_heap waiting; /* WAITING rows by number */
    hpo_row_heap leases;  /* RUNNING rows by lease end; those that never expire are not in it */
    uint32_t *place;      /* row -> its position in the heap that holds it, or UINT32_MAX */
    uint32_t
        *same;  /* row -> next row with the same hash, in a ring of ascending numbers; UINT32_MAX: in none */
    size_t cap; /* of place and same */
    uint64_t *slots; /* upper half: of the mixed hash; lower: highest row of the ring */
    uint8_t *tags;   /* by slot: some bits of the mixed hash, or 0: the slot is free */
    size_t n_slots, n_used;
} hpo_mem_index; /* zero-initialised is empty */

void hpo_mem_index_fini(hpo_mem_index *ix);
size_t hpo_mem_index_bytes(const hpo_mem_index *ix);
/* Takes the memory for one more row (and any change of a row): nothing below can fail after this. */
HPO_NODISCARD hpo_status hpo_mem_index_reserve(hpo_mem_index *ix, const hpo_history *h, hpo_error *err);

/* A change of row r is: leave, change the history, enter.  leave also when a new row is taken back. */
void hpo_mem_index_add(hpo_mem_index *ix, uint32_t row); /* first a new row is made known */
void hpo_mem_index_leave(hpo_mem_index *ix, const hpo_history *h, uint32_t row, int hash_changes);
void hpo_mem_index_enter(hpo_mem_index *ix, const hpo_history *h, uint32_t row);

/* As in hpo_storage_ops. */
int64_t hpo_mem_index_ready(const hpo_mem_index *ix, int64_t now_ms);
int64_t hpo_mem_index_find(hpo_mem_index *ix, const hpo_history *h, uint64_t hash);
#endif
