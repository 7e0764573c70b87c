/* SPDX-License-Identifier: Apache-2.0 */
/* base/arena.h - scratch memory for one ask: bump allocation, freed all at once, grows to its peak
 * and then allocates nothing more.  Everything is aligned to 64 bytes. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H
#include <stddef.h>
#include "hpo.h"

typedef struct hpo_arena {
    struct hpo_arena_block *first, *current;
    size_t used, peak;
} hpo_arena; /* zero-initialised is empty */

HPO_NODISCARD void *hpo_arena_alloc(hpo_arena *a, size_t n, size_t size); /* NULL: no memory */
void hpo_arena_reset(hpo_arena *a); /* forgets everything; merges blocks so that the next round fits one */
void hpo_arena_fini(hpo_arena *a);
#endif
