/* SPDX-License-Identifier: Apache-2.0 */
/* base/tree.h - what the JSON and the YAML reader share: making json-c nodes without losing values. */
#ifndef BASE_TREE_H
#define BASE_TREE_H
#include "hpo.h"
#include <json-c/json.h>
#include <stdint.h>

enum { HPO_TREE_DEPTH = 64 };

/* A double that prints as its shortest text ("1e999" for infinity).  NULL: no memory. */
HPO_NODISCARD struct json_object *hpo_tree_double(double v);
/* sign and decimal digits as int64, as uint64 when that does not hold it, else as a double. */
HPO_NODISCARD struct json_object *hpo_tree_integer(const char *text);
/* Moves value into the object / array; on failure value is released. */
HPO_NODISCARD hpo_status hpo_tree_add(struct json_object *object, const char *key, struct json_object *value,
                                      hpo_error *err);
HPO_NODISCARD hpo_status hpo_tree_append(struct json_object *array, struct json_object *value,
                                         hpo_error *err);
#endif
