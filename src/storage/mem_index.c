/* SPDX-License-Identifier: Apache-2.0 */
/* storage/mem_index.c - see mem_index.h.
 *
 * The heaps are indexed: a renewed lease or an ended trial moves or removes its one entry in O(log n) of
 * the trials now running, so they hold exactly the rows that can be handed out again.
 *
 * The hash table has open addressing with linear probing; a slot holds only a row number, the hash is
 * looked up in the history.  Nearly every look is for a configuration that nobody has had, and a byte a slot
 * tells that, dense enough to stay in a near cache when the slots (2 MB at 100 000 trials) are in none.  Rows
 * with the same hash form a ring from the highest back to the lowest, so that appending and looking at the
 * lowest are O(1).  Failed rows are dropped from the front of their ring when a search meets them there, and
 * come back when they leave that state: a configuration that failed a thousand times costs each row one step
 * in all. */
#include "storage/mem_index.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

static const uint32_t NONE = UINT32_MAX;

void hpo_mem_index_fini(hpo_mem_index *ix)
{
    hpo_free(ix->waiting.entries);
    hpo_free(ix->leases.entries);
    hpo_free(ix->place);
    hpo_free(ix->same);
    hpo_free(ix->slots);
    hpo_free(ix->tags);
    memset(ix, 0, sizeof *ix);
}

size_t hpo_mem_index_bytes(const hpo_mem_index *ix)
{
    return (ix->waiting.cap + ix->leases.cap) * sizeof *ix->waiting.entries + ix->cap * 2 * sizeof *ix->same +
           ix->n_slots * (sizeof *ix->slots + sizeof *ix->tags);
}

/* ---- heaps --------------------------------------------------------------------------------- */

static int before(const struct hpo_row_heap_entry *a, const struct hpo_row_heap_entry *b)
{
    return a->key < b->key || (a->key == b->key && a->row < b->row);
}

static void put_at(hpo_row_heap *heap, uint32_t *place, size_t i, struct hpo_row_heap_entry e)
{
    heap->entries[i] = e;
    place[e.row] = (uint32_t)i;
}

/* Puts e where the hole at i is, moved up or down as its key asks. */
static void settle(hpo_row_heap *heap, uint32_t *place, size_t i, struct hpo_row_heap_entry e)
{
    while (i > 0 && before(&e, &heap->entries[(i - 1) / 2])) {
        put_at(heap, place, i, heap->entries[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    for (size_t child = 2 * i + 1; child < heap->n; child = 2 * i + 1) {
        if (child + 1 < heap->n && before(&heap->entries[child + 1], &heap->entries[child])) child++;
        if (!before(&heap->entries[child], &e)) break;
        put_at(heap, place, i, heap->entries[child]);
        i = child;
    }
    put_at(heap, place, i, e);
}

static void heap_add(hpo_row_heap *heap, uint32_t *place, int64_t key, uint32_t row)
{
    struct hpo_row_heap_entry e = {key, row};
    settle(heap, place, heap->n++, e);
}

static void heap_remove(hpo_row_heap *heap, uint32_t *place, uint32_t row)
{
    size_t i = place[row];
    struct hpo_row_heap_entry last = heap->entries[--heap->n];
    place[row] = NONE;
    if (last.row != row) settle(heap, place, i, last);
}

/* The heap in which a row belongs by what the history says of it, or NULL. */
static hpo_row_heap *home(hpo_mem_index *ix, const hpo_history *h, uint32_t row)
{
    if (h->state[row] == HPO_STATE_WAITING) return &ix->waiting;
    if (h->state[row] == HPO_STATE_RUNNING && h->lease_ms[row] < INT64_MAX) return &ix->leases;
    return NULL;
}

int64_t hpo_mem_index_ready(const hpo_mem_index *ix, int64_t now_ms)
{
    if (ix->waiting.n > 0) return ix->waiting.entries[0].row;
    if (ix->leases.n > 0 && ix->leases.entries[0].key < now_ms) return ix->leases.entries[0].row;
    return -1;
}

/* ---- hashes -------------------------------------------------------------------------------- */

/* Fibonacci hashing: the stored hash may be any 64 bits that a storage is given. */
static uint64_t mix(uint64_t hash)
{
    return (hash ^ hash >> 32) * UINT64_C(0x9E3779B97F4A7C15);
}

static uint64_t slot_of(uint64_t mixed, uint32_t row)
{
    return (mixed & ~UINT64_C(0xFFFFFFFF)) | row;
}

/* The bits that are furthest from those that make the place. */
static uint8_t tag_of(uint64_t mixed)
{
    return (uint8_t)(mixed >> 56 | 1);
}

/* The slot that holds the ring of `hash`, or the free one where it would stand.  The half of the hash in
 * the slot spares nearly every look into the history.  The place comes from bits that the half has too,
 * so that slots can be moved without it. */
static size_t find_slot(const hpo_mem_index *ix, const hpo_history *h, uint64_t hash)
{
    const uint64_t m = mix(hash);
    const size_t mask = ix->n_slots - 1;
    const uint8_t tag = tag_of(m);
    size_t i = (size_t)(m >> 32) & mask;
    for (; ix->tags[i] != 0; i = (i + 1) & mask)
        if (ix->tags[i] == tag && (ix->slots[i] ^ m) >> 32 == 0 && h->hash[(uint32_t)ix->slots[i]] == hash)
            break;
    return i;
}

/* Puts a slot that is known to be new. */
static void move_slot(hpo_mem_index *ix, uint64_t slot)
{
    const size_t mask = ix->n_slots - 1;
    size_t i = (size_t)(slot >> 32) & mask;
    while (ix->tags[i] != 0)
        i = (i + 1) & mask;
    ix->slots[i] = slot;
    ix->tags[i] = tag_of(slot);
}

/* Frees slot i and moves up what stood behind it, so that no search stops too early. */
static void free_slot(hpo_mem_index *ix, size_t i)
{
    const size_t mask = ix->n_slots - 1;
    ix->tags[i] = 0;
    ix->n_used--;
    for (size_t j = (i + 1) & mask; ix->tags[j] != 0; j = (j + 1) & mask) {
        ix->tags[j] = 0;
        move_slot(ix, ix->slots[j]);
    }
}

static hpo_status grow_slots(hpo_mem_index *ix, hpo_error *err)
{
    size_t old_n = ix->n_slots, n = old_n == 0 ? 64 : 2 * old_n;
    uint64_t *old = ix->slots, *slots = hpo_alloc_array(n, sizeof *slots);
    uint8_t *old_tags = ix->tags, *tags = hpo_calloc(n, sizeof *tags);
    if (slots == NULL || tags == NULL) {
        hpo_free(slots);
        hpo_free(tags);
        return hpo_fail_memory(err);
    }
    ix->slots = slots;
    ix->tags = tags;
    ix->n_slots = n;
    for (size_t i = 0; i < old_n; i++)
        if (old_tags[i] != 0) move_slot(ix, old[i]);
    hpo_free(old);
    hpo_free(old_tags);
    return HPO_OK;
}

static void link_row(hpo_mem_index *ix, const hpo_history *h, uint32_t row)
{
    const size_t i = find_slot(ix, h, h->hash[row]);
    uint64_t *slot = &ix->slots[i];
    if (ix->tags[i] == 0) {
        *slot = slot_of(mix(h->hash[row]), row);
        ix->tags[i] = tag_of(*slot);
        ix->same[row] = row;
        ix->n_used++;
        return;
    }
    uint32_t tail = (uint32_t)*slot, previous = tail;
    if (row < tail)
        while (ix->same[previous] < row)
            previous = ix->same[previous];
    ix->same[row] = ix->same[previous];
    ix->same[previous] = row;
    if (row > tail) *slot = slot_of(*slot, row);
}

static void unlink_row(hpo_mem_index *ix, const hpo_history *h, uint32_t row)
{
    size_t slot = find_slot(ix, h, h->hash[row]);
    uint32_t tail = (uint32_t)ix->slots[slot], previous = tail;
    while (ix->same[previous] != row)
        previous = ix->same[previous];
    if (previous == row) {
        free_slot(ix, slot);
    } else {
        ix->same[previous] = ix->same[row];
        if (tail == row) ix->slots[slot] = slot_of(ix->slots[slot], previous);
    }
    ix->same[row] = NONE;
}

int64_t hpo_mem_index_find(hpo_mem_index *ix, const hpo_history *h, uint64_t hash)
{
    if (ix->n_slots == 0) return -1;
    size_t slot = find_slot(ix, h, hash);
    HPO_PREFETCH_WRITE(&ix->slots[slot]); /* whoever finds nothing inserts the hash a moment later */
    while (ix->tags[slot] != 0) {
        uint32_t tail = (uint32_t)ix->slots[slot], lowest = ix->same[tail];
        if (h->state[lowest] != HPO_STATE_FAILED) return lowest;
        ix->same[tail] = ix->same[lowest];
        ix->same[lowest] = NONE;
        if (lowest == tail) {
            free_slot(ix, slot);
            break;
        }
    }
    return -1;
}

/* ---- changes ------------------------------------------------------------------------------- */

static hpo_status grow_rows(hpo_mem_index *ix, const hpo_history *h, hpo_error *err)
{
    size_t cap = h->n + (h->n < 16384 ? h->n / 2 : h->n / 8) + 16; /* as the columns of the history */
    uint32_t *p = hpo_realloc_array(ix->place, cap, sizeof *p);
    if (p == NULL) return hpo_fail_memory(err);
    ix->place = p;
    p = hpo_realloc_array(ix->same, cap, sizeof *p);
    if (p == NULL) return hpo_fail_memory(err);
    ix->same = p;
    ix->cap = cap;
    return HPO_OK;
}

static hpo_status reserve_heap(hpo_row_heap *heap, hpo_error *err)
{
    if (heap->n < heap->cap) return HPO_OK;
    return hpo_reserve(&heap->entries, &heap->cap, heap->n + 1, sizeof *heap->entries, err);
}

hpo_status hpo_mem_index_reserve(hpo_mem_index *ix, const hpo_history *h, hpo_error *err)
{
    if (ix->cap <= h->n) HPO_TRY(grow_rows(ix, h, err));
    HPO_TRY(reserve_heap(&ix->waiting, err));
    HPO_TRY(reserve_heap(&ix->leases, err));
    return 4 * (ix->n_used + 1) > 3 * ix->n_slots ? grow_slots(ix, err) : HPO_OK;
}

void hpo_mem_index_add(hpo_mem_index *ix, uint32_t row)
{
    ix->place[row] = ix->same[row] = NONE;
}

void hpo_mem_index_leave(hpo_mem_index *ix, const hpo_history *h, uint32_t row, int hash_changes)
{
    if (ix->place[row] != NONE) heap_remove(home(ix, h, row), ix->place, row);
    if (hash_changes && ix->same[row] != NONE) unlink_row(ix, h, row);
}

void hpo_mem_index_enter(hpo_mem_index *ix, const hpo_history *h, uint32_t row)
{
    if (h->state[row] == HPO_STATE_WAITING)
        heap_add(&ix->waiting, ix->place, row, row);
    else if (h->state[row] == HPO_STATE_RUNNING && h->lease_ms[row] < INT64_MAX)
        heap_add(&ix->leases, ix->place, h->lease_ms[row], row);
    if (ix->same[row] == NONE && h->state[row] != HPO_STATE_FAILED) link_row(ix, h, row);
}
