/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: one configuration as JSON, for a space with every kind of parameter.  What is accepted is
 * valid and survives the way back. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "hpo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int good)
{
    if (!good) abort();
}

static const char *const SPACE =
    "lr: log 1e-5..1; n: int 1..64 log; opt: sgd,adam,none; m: 0..0.99 if opt == sgd; big: bool;\n"
    "size: ordinal small,middle,large; order: perm 4; mix: simplex 3; some: subset a,b,c; v: vector 2 0..1;\n"
    "st: 0..1 step 0.25; epochs: fidelity 1..27; k: int 0..n";

static const hpo_space *space_once(void)
{
    static hpo_space *space;
    hpo_error err;
    if (space == NULL) {
        check(hpo_space_parse(SPACE, &space, &err) == HPO_OK);
        check(hpo_space_add_constraint(space, "lr * n <= 32", &err) == HPO_OK);
        check(hpo_space_freeze(space, &err) == HPO_OK);
    }
    return space;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const hpo_space *s = space_once();
    hpo_error err = {HPO_OK, ""};
    double x[32], y[32];
    char *again = NULL;
    check(hpo_space_n_columns(s) <= 32);
    char *text = malloc(size + 1);
    if (text == NULL) return 0;
    if (size > 0) memcpy(text, data, size);
    text[size] = '\0';
    hpo_status rc = hpo_space_config_from_json(s, text, x, &err);
    if (rc == HPO_OK) {
        check(hpo_space_validate(s, x, &err) == HPO_OK);
        check(hpo_space_config_to_json(s, x, &again, &err) == HPO_OK);
        check(hpo_space_config_from_json(s, again, y, &err) == HPO_OK);
        check(hpo_space_hash(s, x) == hpo_space_hash(s, y));
        hpo_free(again);
    } else {
        check(err.code == rc && err.msg[0] != '\0' && strchr(err.msg, '\n') == NULL);
    }
    free(text);
    return 0;
}
