/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: expressions.  Any text is either compiled, and then its values lie in its enclosures, or
 * refused with one line. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "math/rng.h"
#include "space/space.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int good)
{
    if (!good) abort();
}

static void run(const hpo_space *s, const char *text, hpo_expr_want want)
{
    hpo_expr *e = NULL;
    hpo_error err = {HPO_OK, ""};
    double bounds[64], u[32], x[32];
    hpo_range columns[32];
    hpo_rng r;
    if (hpo_expr_compile(s, text, want, "fuzz", &e, &err) != HPO_OK) {
        check(e == NULL && err.code == HPO_EINVAL && err.msg[0] != '\0' && strchr(err.msg, '\n') == NULL);
        return;
    }
    hpo_rng_init(&r, strlen(text), 0, HPO_RNG_USER);
    for (int round = 0; round < 4; round++) {
        for (size_t i = 0; i < s->n_dims; i++) {
            double a = hpo_rng_uniform(&r), width = hpo_rng_uniform(&r) * (1 - a);
            bounds[2 * i] = round == 0 ? 0 : a;
            bounds[2 * i + 1] = round == 0 ? 1 : a + width;
            u[i] = bounds[2 * i] + (bounds[2 * i + 1] - bounds[2 * i]) * 0.999 * hpo_rng_uniform(&r);
        }
        hpo_region_columns(s, bounds, columns);
        hpo_range range = hpo_expr_interval(e, columns);
        hpo_space_decode(s, u, x);
        double v = hpo_expr_eval(e, x);
        check(isnan(v) ? range.unknown : v >= range.lo && v <= range.hi);
        if (want == HPO_WANT_TRUTH) check(isnan(v) || v == 0 || v == 1);
    }
    hpo_expr_free(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hpo_space *s = NULL;
    hpo_error err = {HPO_OK, ""};
    char *text = malloc(size + 1);
    if (text == NULL) return 0;
    if (size > 0) memcpy(text, data, size);
    text[size] = '\0';
    if (hpo_space_parse(
            "a: -2..3; n: int 0..9; opt: sgd,adam; w: ordinal 1,2,4; p: perm x,y,z; m: simplex 3; b: bool\n"
            "f: subset u,v; g: log 0.1..1 if b; vec: vector 2 -1..1; k: const 3; e: fidelity 1..9",
            &s, &err) == HPO_OK &&
        hpo_space_add_derived(s, "d", "a * 2 + n", &err) == HPO_OK && hpo_space_freeze(s, &err) == HPO_OK) {
        run(s, text, HPO_WANT_TRUTH);
        run(s, text, HPO_WANT_NUMBER);
        run(s, text, HPO_WANT_ANY);
    }
    hpo_space_free(s);
    free(text);
    return 0;
}
