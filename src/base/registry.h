/* SPDX-License-Identifier: Apache-2.0 */
/* base/registry.h - a table of named ops structs: the built-ins, and what third parties add while the
 * process runs.  Samplers and schedulers each have one; every ops struct starts { size_t size; const
 * char *name; ... }, which is all that is known of it here. */
#ifndef BASE_REGISTRY_H
#define BASE_REGISTRY_H
#include <stddef.h>
#include "base/os.h"
#include "hpo.h"

/* The common first members of every ops struct. */
typedef struct hpo_ops_head {
    size_t size;
    const char *name;
} hpo_ops_head;

typedef struct hpo_ops_list {
    const char *noun; /* "sampler", for messages */
    size_t size;      /* sizeof the ops struct as this library knows it */
    const void *const *builtin;
    size_t n_builtin;
    hpo_mutex mutex; /* guards what follows */
    const void **added;
    size_t n_added, cap;
} hpo_ops_list;

/* Initialiser of a static list. */
#define HPO_OPS_LIST(noun, type, table)                                                                      \
    {noun, sizeof(type), table, sizeof(table) / sizeof((table)[0]), HPO_MUTEX_INIT, NULL, 0, 0}

/* Entry i, built-ins first, then the added ones in order; NULL behind the last. */
const void *hpo_ops_at(hpo_ops_list *l, size_t i);
/* By name; NULL when there is none. */
const void *hpo_ops_find(hpo_ops_list *l, const char *name);
/* By name; HPO_ENOTFOUND with "did you mean" or the list of names. */
HPO_NODISCARD hpo_status hpo_ops_lookup(hpo_ops_list *l, const char *name, const void **out, hpo_error *err);
/* Appends; checks size and name.  HPO_EINVAL, HPO_EEXIST, HPO_ENOMEM. */
HPO_NODISCARD hpo_status hpo_ops_add(hpo_ops_list *l, const void *ops, hpo_error *err);
#endif
