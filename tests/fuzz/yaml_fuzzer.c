/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: YAML texts (and JSON ones, as hpo_document_parse takes both).  What is read can be walked
 * through in bounded time; what is refused leaves one line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t walk(struct json_object *o, int depth)
{
    size_t n = 1;
    if (depth > 64) abort();
    if (json_object_is_type(o, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(o); i++)
            n += walk(json_object_array_get_idx(o, i), depth + 1);
    } else if (json_object_is_type(o, json_type_object)) {
        struct json_object_iterator i = json_object_iter_begin(o), end = json_object_iter_end(o);
        for (; !json_object_iter_equal(&i, &end); json_object_iter_next(&i))
            n += walk(json_object_iter_peek_value(&i), depth + 1);
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hpo_error err = {HPO_OK, ""};
    struct json_object *tree = NULL;
    hpo_status (*const readers[])(const char *, size_t, const char *, struct json_object **,
                                  hpo_error *) = {hpo_yaml_parse, hpo_document_parse};
    for (size_t i = 0; i < 2; i++) {
        tree = NULL;
        if (readers[i]((const char *)data, size, "input", &tree, &err) == HPO_OK) {
            if (walk(tree, 0) > 1000001) abort();
            json_object_put(tree);
        } else if (err.code == HPO_OK || err.msg[0] == '\0' || strchr(err.msg, '\n') != NULL) {
            abort();
        }
    }
    return 0;
}
