/* SPDX-License-Identifier: Apache-2.0 */
/* storage/storage.c - the public functions on a storage. */
#include "storage/storage.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "storage/registry.h"

hpo_status hpo_storage_open(const char *url, hpo_storage **out, hpo_error *err)
{
    const hpo_storage_ops *ops;
    const char *rest;
    if (out == NULL) return hpo_fail(err, HPO_EINVAL, "hpo_storage_open: out is NULL");
    *out = NULL;
    HPO_TRY(hpo_storage_resolve(url, &ops, &rest, err));
    hpo_storage *st = hpo_calloc(1, sizeof *st);
    if (st == NULL) return hpo_fail_memory(err);
    st->ops = ops;
    hpo_status rc = ops->open(rest, &st->self, err);
    if (rc != HPO_OK) {
        hpo_free(st);
        return rc;
    }
    *out = st;
    return HPO_OK;
}

void hpo_storage_free(hpo_storage *st)
{
    if (st == NULL) return;
    st->ops->close(st->self);
    hpo_free(st);
}

static const char *status_word(int32_t status)
{
    return status == HPO_STUDY_ACTIVE ? "active" : status == HPO_STUDY_PAUSED ? "paused" : "stopped";
}

#define STATE_WORD(name, word) word,
static const char *const STATE_WORDS[] = {HPO_STATE_LIST(STATE_WORD)};
#undef STATE_WORD

typedef struct list_text {
    hpo_str text;
    size_t n;
} list_text;

static int add_study(void *ctx, const char *name, const hpo_study_header *h)
{
    list_text *l = ctx;
    hpo_str_add(&l->text, l->n++ == 0 ? "{\"name\":" : ",{\"name\":");
    hpo_str_json(&l->text, name);
    hpo_str_addf(&l->text, ",\"status\":\"%s\",\"trials\":%lld", status_word(h->status),
                 (long long)h->next_number);
    for (int i = 0; i < HPO_N_STATES; i++)
        hpo_str_addf(&l->text, ",\"%s\":%lld", STATE_WORDS[i], (long long)h->n_by_state[i]);
    hpo_str_addf(&l->text, ",\"last_ms\":%lld,\"seq\":%lld}", (long long)h->last_ms, (long long)h->seq);
    return 0;
}

hpo_status hpo_storage_info(hpo_storage *st, char **out, hpo_error *err)
{
    char *own = NULL;
    list_text l = {{0}, 0};
    if (st == NULL || out == NULL) return hpo_fail(err, HPO_EINVAL, "hpo_storage_info: NULL argument");
    *out = NULL;
    hpo_status rc = st->ops->describe != NULL ? st->ops->describe(st->self, &own, err) : HPO_OK;
    if (rc != HPO_OK) goto done;
    hpo_str_addf(&l.text, "{\"storage\":\"%s\"", st->ops->scheme);
    if (own != NULL && own[0] == '{' && own[1] != '}') { /* its members join ours */
        hpo_str_addc(&l.text, ',');
        hpo_str_add(&l.text, own + 1);
        if (!l.text.failed) l.text.text[--l.text.len] = '\0';
    }
    hpo_str_add(&l.text, ",\"studies\":[");
    rc = st->ops->list_studies(st->self, add_study, &l, err);
    if (rc != HPO_OK) goto done;
    hpo_str_add(&l.text, "]}");
    rc = hpo_str_steal(&l.text, out, err);
done:
    hpo_free(own);
    hpo_str_fini(&l.text);
    return rc;
}

static hpo_status unsupported(const hpo_storage *st, const char *what, hpo_error *err)
{
    return hpo_fail(err, HPO_EUNSUPPORTED, "storage '%s:' cannot be %s", st->ops->scheme, what);
}

hpo_status hpo_storage_verify(hpo_storage *st, char **out, hpo_error *err)
{
    if (st == NULL || out == NULL) return hpo_fail(err, HPO_EINVAL, "hpo_storage_verify: NULL argument");
    *out = NULL;
    return st->ops->verify != NULL ? st->ops->verify(st->self, out, err) : unsupported(st, "verified", err);
}

hpo_status hpo_storage_backup(hpo_storage *st, const char *path, hpo_error *err)
{
    if (st == NULL || path == NULL || path[0] == '\0')
        return hpo_fail(err, HPO_EINVAL, "hpo_storage_backup: storage and path are required");
    return st->ops->backup != NULL ? st->ops->backup(st->self, path, err) : unsupported(st, "backed up", err);
}

hpo_status hpo_storage_migrate(hpo_storage *st, int32_t *from, int32_t *to, hpo_error *err)
{
    int32_t ignored;
    if (st == NULL) return hpo_fail(err, HPO_EINVAL, "hpo_storage_migrate: NULL storage");
    if (st->ops->migrate == NULL) return unsupported(st, "migrated", err);
    return st->ops->migrate(st->self, from != NULL ? from : &ignored, to != NULL ? to : &ignored, err);
}

hpo_status hpo_storage_delete_study(hpo_storage *st, const char *name, hpo_error *err)
{
    if (st == NULL || name == NULL)
        return hpo_fail(err, HPO_EINVAL, "hpo_storage_delete_study: NULL argument");
    return st->ops->delete_study(st->self, name, err);
}
