/* SPDX-License-Identifier: Apache-2.0 */
/* base/json.h - reading JSON (json-c) and YAML (libyaml) into one tree.  Writing is in str.h.
 *
 * Objects are json-c's, reference-counted: json_object_put() what you own. */
#ifndef BASE_JSON_H
#define BASE_JSON_H
#include <json-c/json.h>
#include <stddef.h>
#include "hpo.h"

/* Reads one complete JSON document; trailing text, duplicate keys and depth over 64 are errors.  `what`
 * names the source in messages ("space file 'x.json'").  *out is yours (NULL for the JSON null). */
HPO_NODISCARD hpo_status hpo_json_parse(const char *text, size_t n, const char *what, struct json_object **out,
                                        hpo_error *err);
/* One YAML document as the same tree (core schema: null, true/false, int, float incl. 1e-5, .inf, .nan; anchors
 * are resolved with a bound on expansion; duplicate keys, tags and merge keys are errors). */
HPO_NODISCARD hpo_status hpo_yaml_parse(const char *text, size_t n, const char *what, struct json_object **out,
                                        hpo_error *err);
/* JSON when the first non-blank character is { or [, else YAML. */
HPO_NODISCARD hpo_status hpo_document_parse(const char *text, size_t n, const char *what, struct json_object **out,
                                            hpo_error *err);

/* Members by key.  Missing and null: *out untouched, HPO_OK.  Wrong type: HPO_EINVAL naming what.key. */
HPO_NODISCARD hpo_status hpo_json_get_string(struct json_object *o, const char *what, const char *key, const char **out, hpo_error *err);
HPO_NODISCARD hpo_status hpo_json_get_double(struct json_object *o, const char *what, const char *key, double *out, hpo_error *err);
HPO_NODISCARD hpo_status hpo_json_get_int(struct json_object *o, const char *what, const char *key, int64_t *out, hpo_error *err);
HPO_NODISCARD hpo_status hpo_json_get_bool(struct json_object *o, const char *what, const char *key, int *out, hpo_error *err);
HPO_NODISCARD hpo_status hpo_json_get_array(struct json_object *o, const char *what, const char *key, struct json_object **out, hpo_error *err);
HPO_NODISCARD hpo_status hpo_json_get_object(struct json_object *o, const char *what, const char *key, struct json_object **out, hpo_error *err);
/* HPO_EINVAL naming the first key of o that is not in the NULL-terminated list, with "did you mean". */
HPO_NODISCARD hpo_status hpo_json_check_keys(struct json_object *o, const char *what, const char *const *allowed, hpo_error *err);
#endif
