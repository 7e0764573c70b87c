/* SPDX-License-Identifier: Apache-2.0 */
/* base/arena.c - bump allocation in a chain of blocks.
 *
 * A round that needed several blocks is followed, at reset, by one block of the size of the round's
 * peak: from then on the same round is a pointer increment per request. */
#include "base/arena.h"

#include <stdint.h>

#include "base/alloc.h"

enum { ALIGNMENT = 64, FIRST_BLOCK = 4096 };

typedef struct hpo_arena_block {
    struct hpo_arena_block *next;
    size_t cap, used;
    unsigned char *data; /* aligned, inside this very allocation */
} hpo_arena_block;

static hpo_arena_block *block_create(size_t cap)
{
    if (cap > (size_t)PTRDIFF_MAX - sizeof(hpo_arena_block) - ALIGNMENT) return NULL;
    hpo_arena_block *b = hpo_alloc(sizeof *b + ALIGNMENT + cap);
    if (b == NULL) return NULL;
    unsigned char *start = (unsigned char *)(b + 1);
    size_t skew = (size_t)((uintptr_t)start % ALIGNMENT);
    *b = (hpo_arena_block){NULL, cap, 0, start + (skew != 0 ? ALIGNMENT - skew : 0)};
    return b;
}

static void free_blocks(hpo_arena_block *b)
{
    while (b != NULL) {
        hpo_arena_block *next = b->next;
        hpo_free(b);
        b = next;
    }
}

void *hpo_arena_alloc(hpo_arena *a, size_t n, size_t size)
{
    if (size != 0 && n > ((size_t)PTRDIFF_MAX - ALIGNMENT) / size) return NULL;
    size_t bytes = n * size;
    bytes = bytes != 0 ? (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT : ALIGNMENT;
    hpo_arena_block *b = a->current;
    if (b == NULL || b->cap - b->used < bytes) {
        size_t cap = b != NULL ? 2 * b->cap : FIRST_BLOCK;
        b = block_create(cap > bytes ? cap : bytes);
        if (b == NULL) return NULL;
        if (a->current != NULL)
            a->current->next = b;
        else
            a->first = b;
        a->current = b;
    }
    void *p = b->data + b->used;
    b->used += bytes;
    a->used += bytes;
    if (a->used > a->peak) a->peak = a->used;
    return p;
}

void hpo_arena_reset(hpo_arena *a)
{
    a->used = 0;
    if (a->first == NULL) return;
    if (a->first->next == NULL) {
        a->first->used = 0;
        return;
    }
    /* Several blocks: one of the peak size takes their place.  Without memory for it, keep the first. */
    hpo_arena_block *merged = block_create(a->peak);
    if (merged != NULL) {
        free_blocks(a->first);
        a->first = merged;
    } else {
        free_blocks(a->first->next);
        a->first->next = NULL;
        a->first->used = 0;
    }
    a->current = a->first;
}

void hpo_arena_fini(hpo_arena *a)
{
    free_blocks(a->first);
    *a = (hpo_arena){0};
}
