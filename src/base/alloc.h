/* SPDX-License-Identifier: Apache-2.0 */
/* base/alloc.h - the only caller of malloc.  Sizes are overflow-checked; NULL means no memory. */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H
#include <stddef.h>
#include "hpo.h"

HPO_NODISCARD void *hpo_alloc(size_t n);                          /* uninitialised; n 0 gives a unique pointer */
HPO_NODISCARD void *hpo_alloc_array(size_t n, size_t size);       /* n * size, checked, uninitialised */
HPO_NODISCARD void *hpo_calloc(size_t n, size_t size);            /* zeroed */
HPO_NODISCARD void *hpo_realloc_array(void *p, size_t n, size_t size); /* p survives failure */
HPO_NODISCARD char *hpo_strdup(const char *s);
HPO_NODISCARD char *hpo_strndup(const char *s, size_t n);
/* hpo_free is public (hpo.h). */

/* Makes room for `need` elements in the growable array *p (capacity *cap, element size `size`): grows
 * by half at least.  HPO_ENOMEM leaves *p and *cap as they were. */
HPO_NODISCARD hpo_status hpo_reserve(void *p_to_pointer, size_t *cap, size_t need, size_t size, hpo_error *err);
#endif
