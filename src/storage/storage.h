/* SPDX-License-Identifier: Apache-2.0 */
/* storage/storage.h - what stands behind the opaque hpo_storage: the operations and their state. */
#ifndef STORAGE_STORAGE_H
#define STORAGE_STORAGE_H
#include "hpo/storage.h"

struct hpo_storage {
    const hpo_storage_ops *ops;
    void *self;
};
#endif
