/* SPDX-License-Identifier: Apache-2.0 */
/* base/alloc.c - the process-wide allocator and overflow-checked sizes. */
#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

/* `make msan` takes memory of malloc for initialised, since json-c, libyaml and SQLite, which are not
 * instrumented, fill theirs unseen.  Ours is marked here, and unmarked before it can become theirs. */
#ifdef __has_feature
#if __has_feature(memory_sanitizer)
#include <sanitizer/allocator_interface.h>
#include <sanitizer/msan_interface.h>
#define SIZE_OF(p) __sanitizer_get_allocated_size(p)
#define MARK(p, n) __msan_poison((p), (n))
#define UNMARK(p, n) __msan_unpoison((p), (n))
#endif
#endif
#ifndef MARK
#define SIZE_OF(p) ((size_t)0)
#define MARK(p, n) ((void)0)
#define UNMARK(p, n) ((void)0)
#endif

static void *default_allocate(void *ctx, size_t n)
{
    (void)ctx;
    void *p = malloc(n);
    if (p != NULL) MARK(p, n);
    return p;
}

static void *default_resize(void *ctx, void *p, size_t n)
{
    (void)ctx;
    if (p != NULL) UNMARK(p, SIZE_OF(p)); /* the old block may go elsewhere */
    return realloc(p, n);
}

static void default_release(void *ctx, void *p)
{
    (void)ctx;
    if (p != NULL) UNMARK(p, SIZE_OF(p));
    free(p);
}

/* The one mutable variable of the library: set before first use (hpo.h says so), read-only after. */
static hpo_allocator hooks = {sizeof(hpo_allocator), default_allocate, default_resize, default_release, NULL};

void hpo_set_allocator(const hpo_allocator *a)
{
    static const hpo_allocator standard = {sizeof(hpo_allocator), default_allocate, default_resize,
                                           default_release, NULL};
    if (a == NULL || a->size < sizeof(hpo_allocator))
        hooks = standard;
    else
        hooks = *a;
}

/* n * size, or 0 when that does not fit in half the address space (pointer differences must work). */
static size_t checked_size(size_t n, size_t size)
{
    if (size != 0 && n > (size_t)PTRDIFF_MAX / size) return 0;
    size_t total = n * size;
    return total != 0 ? total : 1;
}

void *hpo_alloc(size_t n)
{
    return hpo_alloc_array(n, 1);
}

void *hpo_alloc_array(size_t n, size_t size)
{
    size_t total = checked_size(n, size);
    return total != 0 ? hooks.allocate(hooks.ctx, total) : NULL;
}

void *hpo_calloc(size_t n, size_t size)
{
    size_t total = checked_size(n, size);
    if (total == 0) return NULL;
    void *p = hooks.allocate(hooks.ctx, total);
    if (p != NULL) memset(p, 0, total);
    return p;
}

void *hpo_realloc_array(void *p, size_t n, size_t size)
{
    size_t total = checked_size(n, size);
    return total != 0 ? hooks.resize(hooks.ctx, p, total) : NULL;
}

void hpo_free(void *p)
{
    if (p != NULL) hooks.release(hooks.ctx, p);
}

char *hpo_strdup(const char *s)
{
    return hpo_strndup(s, strlen(s));
}

char *hpo_strndup(const char *s, size_t n)
{
    const char *end = memchr(s, '\0', n);
    size_t len = end != NULL ? (size_t)(end - s) : n;
    char *copy = len < SIZE_MAX ? hpo_alloc(len + 1) : NULL;
    if (copy == NULL) return NULL;
    memcpy(copy, s, len);
    copy[len] = '\0';
    return copy;
}

hpo_status hpo_reserve(void *p_to_pointer, size_t *cap, size_t need, size_t size, hpo_error *err)
{
    if (need <= *cap) return HPO_OK;
    size_t want = *cap + *cap / 2;
    if (want < 8) want = 8;
    if (want < need) want = need;
    /* The caller's pointer has its own type: copying its bytes keeps within the aliasing rules. */
    void *old;
    memcpy(&old, p_to_pointer, sizeof old);
    void *grown = hpo_realloc_array(old, want, size);
    if (grown == NULL) return hpo_fail_memory(err);
    memcpy(p_to_pointer, &grown, sizeof grown);
    *cap = want;
    return HPO_OK;
}
