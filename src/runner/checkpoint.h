/* SPDX-License-Identifier: Apache-2.0 */
/* runner/checkpoint.h - copies of checkpoint folders, and how much they take. */
#ifndef RUNNER_CHECKPOINT_H
#define RUNNER_CHECKPOINT_H
#include <stdint.h>

#include "hpo.h"

/* Makes `to` a copy of the folder `from`, whole or not at all: it is built beside it and renamed.  What stood at `to`
 * is replaced.  HPO_ENOTFOUND: there is no `from`. */
HPO_NODISCARD hpo_status hpo_checkpoint_copy(const char *from, const char *to, hpo_error *err);
/* Removes a folder and everything in it; what is not there is fine. */
HPO_NODISCARD hpo_status hpo_checkpoint_remove(const char *path, hpo_error *err);
/* Bytes that its files take (shared blocks counted in each); 0: there is none. */
int64_t hpo_checkpoint_bytes(const char *path);
#endif
