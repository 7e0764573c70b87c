/* SPDX-License-Identifier: Apache-2.0 */
/* storage/registry.c - the built-in storages, those that others register, and how a url finds its own. */
#include "storage/registry.h"

#include <string.h>

#include "base/error.h"
#include "base/registry.h"

static const void *const BUILTIN[] = {&hpo_storage_mem, &hpo_storage_sqlite};
static hpo_ops_list storages = HPO_OPS_LIST("storage", hpo_storage_ops, BUILTIN);

const hpo_storage_ops *hpo_storage_at(size_t i)
{
    return hpo_ops_at(&storages, i);
}

/* The first slot that a storage must fill and does not, or NULL. */
static const char *missing_slot(const hpo_storage_ops *o)
{
    if (o->help == NULL) return "help";
    if (o->open == NULL || o->close == NULL) return "open or close";
    if (o->create_study == NULL || o->load_study == NULL || o->free_study == NULL)
        return "create/load/free_study";
    if (o->delete_study == NULL || o->list_studies == NULL) return "delete_study or list_studies";
    if (o->begin == NULL || o->commit == NULL || o->rollback == NULL) return "begin, commit or rollback";
    if (o->insert_trial == NULL || o->update_trial == NULL || o->insert_report == NULL)
        return "insert/update of records";
    if (o->update_study == NULL || o->get_trial == NULL) return "update_study or get_trial";
    if (o->next_ready == NULL || o->find_hash == NULL) return "next_ready or find_hash";
    if (o->read_since == NULL || o->read_header == NULL || o->read_reports == NULL) return "read_*";
    if ((o->lock_ask == NULL) != (o->unlock_ask == NULL)) return "lock_ask or unlock_ask";
    return NULL;
}

hpo_status hpo_storage_register(const hpo_storage_ops *ops, hpo_error *err)
{
    if (ops != NULL && ops->size == sizeof *ops) {
        const char *missing = missing_slot(ops);
        if (missing != NULL)
            return hpo_fail(err, HPO_EINVAL, "registering a storage: %s is NULL and is required", missing);
    }
    return hpo_ops_add(&storages, ops, err);
}

/* Length of the scheme before ':', or 0 when the text is a path. */
static size_t scheme_length(const char *url)
{
    size_t n = strspn(url, "abcdefghijklmnopqrstuvwxyz0123456789+.-_");
    return n >= 2 && url[n] == ':' && url[0] >= 'a' && url[0] <= 'z' ? n : 0;
}

hpo_status hpo_storage_resolve(const char *url, const hpo_storage_ops **ops, const char **rest,
                               hpo_error *err)
{
    char name[32], known[192] = "";
    if (url == NULL) url = "mem:";
    size_t n = scheme_length(url), used = 0;
    *rest = n == 0 ? url : url + n + 1;
    if (n < sizeof name) {
        memcpy(name, n == 0 ? "sqlite" : url, n == 0 ? sizeof "sqlite" : n);
        if (n > 0) name[n] = '\0';
        *ops = hpo_ops_find(&storages, name);
        if (*ops != NULL) return HPO_OK;
    }
    for (size_t i = 0; hpo_storage_at(i) != NULL; i++) {
        const char *scheme = hpo_storage_at(i)->scheme;
        size_t length = strlen(scheme);
        if (used + length + 4 > sizeof known) break;
        if (used > 0) {
            memcpy(known + used, ", ", 2);
            used += 2;
        }
        memcpy(known + used, scheme, length);
        used += length;
        known[used++] = ':';
        known[used] = '\0';
    }
    return hpo_fail(
        err, HPO_EUNSUPPORTED,
        "storage '%.200s': unknown scheme: known are %s; a file whose name contains ':' is written './NAME'",
        url, known);
}
