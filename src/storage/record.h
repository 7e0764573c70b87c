/* SPDX-License-Identifier: Apache-2.0 */
/* storage/record.h - copies of study records. */
#ifndef STORAGE_RECORD_H
#define STORAGE_RECORD_H
#include "hpo/storage.h"

/* *out gets everything, the texts as copies of its own. */
HPO_NODISCARD hpo_status hpo_study_record_copy(const hpo_study_record *in, hpo_study_record *out,
                                               hpo_error *err);
/* Frees the texts of a copy and zeroes it. */
void hpo_study_record_fini(hpo_study_record *r);
/* Frees one text that a record shows as const but owns. */
void hpo_record_free_text(const char *text);
/* HPO_EINVAL unless a record can be stored: name, space and spec present, at least one objective. */
HPO_NODISCARD hpo_status hpo_study_record_check(const hpo_study_record *r, hpo_error *err);
#endif
