/* SPDX-License-Identifier: Apache-2.0 */
/* The space with each allocation failed in turn.  (json-c allocates by itself and is not part of this.) */
#include "space/space.h"
#include "base/alloc.h"
#include "base/error.h"
#include "math/rng.h"
#include "t.h"

static const char *const text =
    "lr: log 1e-5..1 default 0.1 prior 1e-3 high; opt: sgd,'a b',rms weights 1,2,3\n"
    "mom: 0..0.99 if opt == sgd; w: ordinal 1,2,4 prior 2 low; p: perm a,b,c; m: simplex 3\n"
    "f: subset 4 size 1..2; n: int 1..9; d: int 0..(n); k: const x\n"
    "constraint: mom + lr < 1.5 and n != 3 or 'b' == p[0]; c: bool";

static hpo_status build(hpo_space **s, hpo_error *err)
{
    HPO_TRY(hpo_space_parse(text, s, err));
    hpo_status status = hpo_space_add_derived(*s, "u", "'big' if n > 4 else opt", err);
    if (status == HPO_OK) status = hpo_space_freeze(*s, err);
    if (status == HPO_OK) return HPO_OK;
    hpo_space_free(*s);
    *s = NULL;
    return status;
}

static hpo_status use_parse(void *ctx, hpo_error *err)
{
    (void)ctx;
    hpo_space *s = NULL;
    hpo_status status = build(&s, err);
    hpo_space_free(s);
    return status;
}

/* A space whose feasible part needs boxes, and one that needs a search. */
static hpo_status use_region(void *ctx, hpo_error *err)
{
    hpo_space *s = NULL;
    HPO_TRY(hpo_space_parse(ctx, &s, err));
    hpo_status status = hpo_space_freeze(s, err);
    double u[8];
    hpo_rng r;
    hpo_rng_init(&r, 1, 1, HPO_RNG_USER);
    if (status == HPO_OK) status = hpo_space_draw(s, &r, u, err);
    hpo_space_free(s);
    return status;
}

static int ignore(void *ctx, const double *x)
{
    (void)ctx;
    (void)x;
    return 0;
}

static hpo_status use_all(void *ctx, hpo_error *err)
{
    (void)ctx;
    hpo_space *s = NULL, *copy = NULL;
    char *out = NULL;
    double x[64], u[64];
    hpo_rng r;
    hpo_status status = build(&s, err);
    if (status != HPO_OK) return status;
    hpo_rng_init(&r, 1, 1, HPO_RNG_USER);
    status = hpo_space_sample(s, 1, 3, x, err);
    if (status == HPO_OK) status = hpo_space_draw(s, &r, u, err);
    if (status == HPO_OK) status = hpo_space_config_to_json(s, x, &out, err);
    hpo_free(out);
    out = NULL;
    if (status == HPO_OK) status = hpo_space_value_text(s, x, 4, &out, err);
    hpo_free(out);
    out = NULL;
    if (status == HPO_OK) status = hpo_space_neighbours(s, x, 0.1, ignore, NULL, err);
    if (status == HPO_OK) status = hpo_space_lint(s, &out, err);
    hpo_free(out);
    out = NULL;
    if (status == HPO_OK) status = hpo_space_diff(s, s, &out, err);
    hpo_free(out);
    out = NULL;
    if (status == HPO_OK) status = hpo_space_to_json(s, &out, err);
    if (status == HPO_OK) status = hpo_space_load(out, &copy, err);
    hpo_free(out);
    hpo_space_free(copy);
    hpo_space_free(s);
    return status;
}

static void test_parse(void **state)
{
    (void)state;
    assert_true(t_oom(use_parse, NULL) > 50);
}

static void test_region(void **state)
{
    (void)state;
    static char boxes[] =
        "a: 0..1; b: 0..1; c: 0..1; d: 0..1; constraint: a < b < c < d; constraint: d < 0.3";
    assert_true(t_oom(use_region, boxes) > 20);
}

static void test_all(void **state)
{
    (void)state;
    assert_true(t_oom(use_all, NULL) > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_region),
        cmocka_unit_test(test_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
