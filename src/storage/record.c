/* SPDX-License-Identifier: Apache-2.0 */
/* storage/record.c - copies of study records. */
#include "storage/record.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

static const char *copy_text(const char *text, int *failed)
{
    if (text == NULL) return NULL;
    char *copy = hpo_strdup(text);
    if (copy == NULL) *failed = 1;
    return copy;
}

void hpo_record_free_text(const char *text)
{
    char *p;
    memcpy(&p, &text, sizeof p);
    hpo_free(p);
}

hpo_status hpo_study_record_copy(const hpo_study_record *in, hpo_study_record *out, hpo_error *err)
{
    int failed = 0;
    *out = *in;
    out->name = copy_text(in->name, &failed);
    out->space = copy_text(in->space, &failed);
    out->spec = copy_text(in->spec, &failed);
    out->metadata = copy_text(in->metadata, &failed);
    out->attributes = copy_text(in->attributes, &failed);
    out->stop_text = copy_text(in->stop_text, &failed);
    if (!failed) return HPO_OK;
    hpo_study_record_fini(out);
    return hpo_fail_memory(err);
}

void hpo_study_record_fini(hpo_study_record *r)
{
    hpo_record_free_text(r->name);
    hpo_record_free_text(r->space);
    hpo_record_free_text(r->spec);
    hpo_record_free_text(r->metadata);
    hpo_record_free_text(r->attributes);
    hpo_record_free_text(r->stop_text);
    memset(r, 0, sizeof *r);
}

hpo_status hpo_study_record_check(const hpo_study_record *r, hpo_error *err)
{
    if (r->name == NULL || r->name[0] == '\0')
        return hpo_fail(err, HPO_EINVAL, "study name: must not be empty");
    if (r->space == NULL || r->spec == NULL)
        return hpo_fail(err, HPO_EINVAL, "study '%s': space and spec are required", r->name);
    if (r->shape.n_objectives == 0)
        return hpo_fail(err, HPO_EINVAL, "study '%s': at least one objective is required", r->name);
    return HPO_OK;
}
