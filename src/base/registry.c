/* SPDX-License-Identifier: Apache-2.0 */
/* base/registry.c - see registry.h.  The lock is held only while the list of added entries is looked at;
 * entries themselves are constant and live as long as the process. */
#include "base/registry.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"

static const char *name_of(const void *ops)
{
    return ((const hpo_ops_head *)ops)->name;
}

/* The caller holds the lock. */
static const void *at_locked(const hpo_ops_list *l, size_t i)
{
    if (i < l->n_builtin) return l->builtin[i];
    return i - l->n_builtin < l->n_added ? l->added[i - l->n_builtin] : NULL;
}

static const void *find_locked(const hpo_ops_list *l, const char *name)
{
    const void *ops;
    for (size_t i = 0; (ops = at_locked(l, i)) != NULL; i++)
        if (strcmp(name_of(ops), name) == 0) return ops;
    return NULL;
}

const void *hpo_ops_at(hpo_ops_list *l, size_t i)
{
    hpo_mutex_lock(&l->mutex);
    const void *ops = at_locked(l, i);
    hpo_mutex_unlock(&l->mutex);
    return ops;
}

const void *hpo_ops_find(hpo_ops_list *l, const char *name)
{
    hpo_mutex_lock(&l->mutex);
    const void *ops = find_locked(l, name);
    hpo_mutex_unlock(&l->mutex);
    return ops;
}

hpo_status hpo_ops_lookup(hpo_ops_list *l, const char *name, const void **out, hpo_error *err)
{
    char list[256] = "";
    size_t used = 0;
    const void *ops;
    const char *near = NULL;
    unsigned best = 3; /* further away is no slip of the fingers */
    *out = hpo_ops_find(l, name);
    if (*out != NULL) return HPO_OK;
    for (size_t i = 0; (ops = hpo_ops_at(l, i)) != NULL; i++) {
        size_t n = strlen(name_of(ops));
        if (used + n + 3 < sizeof list) {
            if (used > 0) memcpy(list + used, ", ", 2);
            used += used > 0 ? 2 : 0;
            memcpy(list + used, name_of(ops), n + 1);
            used += n;
        }
        unsigned d = strlen(name) < 64 ? hpo_edit_distance(name, name_of(ops)) : 255;
        if (d < best && d < n) {
            best = d;
            near = name_of(ops);
        }
    }
    if (near != NULL)
        return hpo_fail(err, HPO_ENOTFOUND, "unknown %s '%s': did you mean '%s'?", l->noun, name, near);
    return hpo_fail(err, HPO_ENOTFOUND, "unknown %s '%.64s': known are %s", l->noun, name, list);
}

/* Names stand in command lines and stored specs: lower-case letters, digits, '-' and '_'. */
static int name_is_good(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_");
    return n > 0 && n < 32 && name[n] == '\0' && name[0] >= 'a' && name[0] <= 'z';
}

hpo_status hpo_ops_add(hpo_ops_list *l, const void *ops, hpo_error *err)
{
    if (ops == NULL) return hpo_fail(err, HPO_EINVAL, "registering a %s: ops is NULL", l->noun);
    size_t size = ((const hpo_ops_head *)ops)->size;
    if (size != l->size)
        return hpo_fail(
            err, HPO_EINVAL,
            "registering a %s: its size is %zu, this library expects %zu: set size to sizeof the struct and "
            "compile against the headers of libhpo %s",
            l->noun, size, l->size, HPO_VERSION);
    const char *name = name_of(ops);
    if (name == NULL || !name_is_good(name))
        return hpo_fail(err, HPO_EINVAL,
                        "registering a %s: name '%.64s': must be 1 to 31 lower-case letters, digits, '-' or "
                        "'_' and start "
                        "with a letter",
                        l->noun, name == NULL ? "(null)" : name);
    hpo_mutex_lock(&l->mutex);
    hpo_status rc;
    if (find_locked(l, name) != NULL) {
        rc = hpo_fail(err, HPO_EEXIST, "a %s '%s' is already registered: choose another name", l->noun, name);
    } else {
        rc = hpo_reserve(&l->added, &l->cap, l->n_added + 1, sizeof *l->added, err);
        if (rc == HPO_OK) l->added[l->n_added++] = ops;
    }
    hpo_mutex_unlock(&l->mutex);
    return rc;
}
