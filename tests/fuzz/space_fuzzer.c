/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: spaces as text and as documents.  What is accepted survives the way through JSON, and what is
 * drawn from it is valid and comes back from its coordinates; what is refused is refused in one line. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "space/space.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int good)
{
    if (!good) abort();
}

static void check_error(const hpo_error *err)
{
    check(err->code != HPO_OK && err->msg[0] != '\0' && strchr(err->msg, '\n') == NULL);
}

static void check_draws(const hpo_space *s)
{
    size_t n = s->n_columns, d = s->n_dims;
    double x[64], y[64], u[64];
    hpo_error err = {HPO_OK, ""};
    if (n > 64 || d > 64) return;
    for (uint64_t i = 0; i < 4; i++) {
        if (hpo_space_sample(s, i, 1, x, &err) != HPO_OK) {
            check_error(&err);
            return;
        }
        check(hpo_space_validate(s, x, &err) == HPO_OK);
        hpo_space_encode(s, x, u);
        hpo_space_decode(s, u, y);
        check(hpo_space_hash(s, x) == hpo_space_hash(s, y));
    }
}

static void run(hpo_space *s)
{
    hpo_error err = {HPO_OK, ""};
    hpo_space *copy = NULL;
    char *json = NULL, *diff = NULL;
    check(hpo_space_to_json(s, &json, &err) == HPO_OK);
    check(hpo_space_load(json, &copy, &err) == HPO_OK);
    check(hpo_space_diff(s, copy, &diff, &err) == HPO_OK && diff[0] == '\0');
    if (s->n_params > 20) goto done;
    if (hpo_space_freeze(s, &err) == HPO_OK)
        check_draws(s);
    else
        check_error(&err);
done:
    hpo_free(json);
    hpo_free(diff);
    hpo_space_free(copy);
    hpo_space_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hpo_space *s = NULL;
    hpo_error err = {HPO_OK, ""};
    char *text = malloc(size + 1);
    if (text == NULL) return 0;
    if (size > 0) memcpy(text, data, size);
    text[size] = '\0';
    if (size < 2000) {
        if (hpo_space_parse(text, &s, &err) == HPO_OK)
            run(s);
        else
            check_error(&err);
        if (hpo_space_load(text, &s, &err) == HPO_OK)
            run(s);
        else
            check_error(&err);
    }
    free(text);
    return 0;
}
