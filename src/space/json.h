/* SPDX-License-Identifier: Apache-2.0 */
/* space/json.h - parts of the space that meet json-c's tree. */
#ifndef SPACE_JSON_H
#define SPACE_JSON_H
#include "base/json.h"
#include "space/space.h"

/* Columns x of p from a JSON value: number, text, true/false, or an array of entries. */
HPO_NODISCARD hpo_status hpo_param_value_from_json(const hpo_param *p, struct json_object *v, double *x,
                                                   hpo_error *err);
#endif
