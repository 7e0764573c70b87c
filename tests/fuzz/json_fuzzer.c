/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: JSON texts.  What is read can be written and reads back as the same text; what is refused
 * leaves one line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hpo_error err = {HPO_OK, ""};
    struct json_object *tree = NULL, *again = NULL;
    if (hpo_json_parse((const char *)data, size, "input", &tree, &err) != HPO_OK) {
        if (err.code == HPO_OK || err.msg[0] == '\0' || strchr(err.msg, '\n') != NULL) abort();
        return 0;
    }
    const char *text = tree != NULL ? json_object_to_json_string_ext(tree, JSON_C_TO_STRING_PLAIN) : "null";
    if (text == NULL || hpo_json_parse(text, strlen(text), "own text", &again, &err) != HPO_OK) abort();
    const char *text_again =
        again != NULL ? json_object_to_json_string_ext(again, JSON_C_TO_STRING_PLAIN) : "null";
    if (text_again == NULL || strcmp(text, text_again) != 0) abort();
    json_object_put(again);
    json_object_put(tree);
    return 0;
}
