/* SPDX-License-Identifier: Apache-2.0 */
/* Advice and differences: every rule speaks where it should, and is silent where it should be. */
#include "t.h"

#include "base/alloc.h"
#include "space/space.h"

static char *lint(const char *text)
{
    hpo_space *s;
    hpo_error err;
    char *out;
    assert_ok(hpo_space_parse(text, &s, &err), err);
    assert_ok(hpo_space_lint(s, &out, &err), err);
    hpo_space_free(s);
    return out;
}

static void test_rules(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
    } rows[] = {
        {"lr: 1e-5..1", "lr: 1e-05..1 spans 5 decades: use 'log 1e-05..1'"},
        {"n: int 1..1000", "use 'int log 1..1000'"},
        {"a: 0..1000", "starts at 0"},
        {"a: 5..5.001", "varies by less than 0.1%"},
        {"a: log 1e-20..1", "spans 20 decades"},
        {"l: 1..8", "write 'int 1..8' if whole numbers are meant"},
        {"a: 0..1 step 0.3", "does not reach the high bound: the last value is 0.9"},
        {"dropout: 0..1.5", "sounds like a value of [0, 1)"},
        {"momentum: 0..0.99", "use 'revlog 0..0.99'"},
        {"epochs: int 1..81", "write 'fidelity 1..81'"},
        {"w: 16,32,64,128", "use 'ordinal 16,32,64,128' or 'int log 16..128'"},
        {"w: 10,20,30,40", "'int 10..40 step 10'"},
        {"w: 0.1,0.2,0.3", "or '0.1..0.3 step"},
        {"a: ReLU,re_lu,tanh", "labels 'ReLU' and 're_lu' look the same"},
        {"a: 0..1 default 1", "the default 1 is the high bound"},
        {"a: 0..1; b: 0..1 if a > 2", "b: is never active: 'a > 2' cannot hold"},
        {"a: 0..1; b: 0..1 if a < 2", "b: is always active"},
        {"a: 0..1; b: 0..1 if a < 1e-9", "was not active in any of 10000 draws"},
        {"a: 0..1; constraint: a < 2", "can never fail"},
        {"a: 0..1; b: 0..1; constraint: a * b < 1e-5", "less than 1% of the ranges"},
        {"a: 0..1; b: 0..1 default 0.9; constraint: a + b < 0.5", "the default configuration is not valid"},
        {"k: const 3", "nothing to search"},
        {"x: 0..1; y: 0..1; z: 0..1; constraint: x > y; constraint: y > z; constraint: z > x",
         "no feasible configuration"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *out = lint(rows[i].text);
        if (!strstr(out, rows[i].part)) fail_msg("%s: '%s' is not in '%s'", rows[i].text, rows[i].part, out);
        hpo_free(out);
    }
}

static void test_silence(void **state)
{
    (void)state;
    static const char *const good[] = {
        "lr: log 1e-5..1 default 0.1; opt: sgd,adam; mom: revlog 0..0.99 if opt == sgd; w: ordinal 16,32,64",
        "n: int 1..9; w: int log 8..1024; epochs: fidelity 1..81; d: 0..0.5 step 0.1; constraint: n * w < 99",
        "p: perm 5; m: simplex 3; f: subset a,b,c; prob: 0..1; v: vector 3 0..1; r: x,y",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char *out = lint(good[i]);
        assert_string_equal(out, "");
        hpo_free(out);
    }
}

static void test_many_labels(void **state)
{
    (void)state;
    hpo_space *s;
    hpo_error err;
    char names[60][8], *out;
    const char *labels[60];
    for (int i = 0; i < 60; i++) {
        (void)snprintf(names[i], sizeof names[i], "v%c%c", 'a' + i / 8, 'a' + i % 8);
        labels[i] = names[i];
    }
    assert_ok(hpo_space_create(&s, &err), err);
    assert_ok(hpo_space_add_categorical(s, "c", labels, 60, &err), err);
    assert_ok(hpo_space_lint(s, &out, &err), err);
    assert_contains(out, "c: 60 labels without order");
    hpo_free(out);
    hpo_space_free(s);
}

static void test_diff(void **state)
{
    (void)state;
    hpo_space *a, *b;
    hpo_error err;
    char *out;
    assert_ok(
        hpo_space_parse(
            "lr: log 1e-5..1; opt: sgd,adam; gone: 0..1; n: int 1..9; m: 0..1; p: perm 3; w: 0..1 if n > 2\n"
            "constraint: n < 5; s: subset a,b,c size 1..2; q: a,b weights 1,2",
            &a, &err),
        err);
    assert_ok(
        hpo_space_parse("lr: 1e-6..1 default 0.5; opt: sgd,lion,rms; n: int 1..9 step 2; m: bool; p: perm 4; "
                        "w: 0..1 if n > 3\n"
                        "constraint: n < 6; s: subset a,b,c size 1..3; q: a,b weights 1,3; new: int 1..3",
                        &b, &err),
        err);
    assert_ok(hpo_space_add_derived(b, "u", "2 ** n", &err), err);
    assert_ok(hpo_space_diff(a, b, &out, &err), err);
    assert_string_equal(out, "lr: range 1e-05..1 -> 1e-06..1\n"
                             "lr: scale log -> linear\n"
                             "lr: default none -> 0.5\n"
                             "opt: labels added: lion, rms\n"
                             "opt: labels removed: adam\n"
                             "gone: removed\n"
                             "n: step 1 -> 2\n"
                             "m: type float -> bool\n"
                             "p: items 3 -> 4\n"
                             "w: condition n > 2 -> n > 3\n"
                             "s: size 1..2 -> 1..3\n"
                             "q: prior changed\n"
                             "new: added: int 1..3\n"
                             "constraint removed: n < 5\n"
                             "constraint added: n < 6\n"
                             "u: derived value added: 2 ** n");
    hpo_free(out);
    assert_ok(hpo_space_diff(a, a, &out, &err), err);
    assert_string_equal(out, "");
    hpo_free(out);
    hpo_space_free(a);
    hpo_space_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_many_labels),
        cmocka_unit_test(test_diff),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
