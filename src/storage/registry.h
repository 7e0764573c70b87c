/* SPDX-License-Identifier: Apache-2.0 */
/* storage/registry.h - the table of storages. */
#ifndef STORAGE_REGISTRY_H
#define STORAGE_REGISTRY_H
#include "hpo/storage.h"
#include <stddef.h>

extern const hpo_storage_ops hpo_storage_mem;
extern const hpo_storage_ops hpo_storage_sqlite;

/* Entry i, built-ins first; NULL behind the last. */
const hpo_storage_ops *hpo_storage_at(size_t i);
/* The storage that a url names, and what stands behind its scheme.  NULL is "mem:"; a text without a
 * scheme ([a-z][a-z0-9+.-]+ before the first ':') is a path for SQLite.  HPO_EUNSUPPORTED lists the
 * known schemes. */
HPO_NODISCARD hpo_status hpo_storage_resolve(const char *url, const hpo_storage_ops **ops, const char **rest,
                                             hpo_error *err);
#endif
