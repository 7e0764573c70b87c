/* SPDX-License-Identifier: Apache-2.0 */
/* Spaces and configurations as documents: there and back, other spellings, messages. */
#include "t.h"

#include "base/alloc.h"
#include "math/rng.h"
#include "space/space.h"

static const char *const spaces[] = {
    "lr: log 1e-5..1 default 0.1 prior 1e-3 medium; opt: sgd,adam default adam; mom: revlog 0..0.99 if opt "
    "== sgd",
    "a: int -5..5; b: int log 1..1000 step 3; c: 0..1 step 0.25; d: logit 0.01..0.99 prior beta(2,5)",
    "o: ordinal 64,128,256 default 128; p: ordinal s,m,'x l'; b: bool weights 1,3; k: const 3; l: const 'a "
    "b'",
    "p: perm 5; q: perm a,b,c default c,b,a; m: simplex 3; n: simplex x,y; s: subset a,b,c size 1..2 default "
    "b; t: subset 4",
    "v: vector 3 log 0.001..1 default 0.1,0.2,0.3; e: fidelity resumable 1..81; w: int 0..(e // 10); f: "
    "'1','2'; g: "
    "1.0,2.50",
    "x: 0..1; y: (x)..1; z: 0..(x * y + 0.5); constraint: x + y < 1.5; constraint: not (x > 0.9 and z > 0.1)",
    "c: 1e-3,1e-4 prior 1e-4 high; d: 'say \"hi\"','back\\\\slash','tab'; u: -1e-300..1e300; q: 0..3 prior "
    "normal(1,2)",
};

static void test_round_trip(void **state)
{
    (void)state;
    hpo_error err;
    for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++) {
        hpo_space *a, *b;
        char *json, *again, *diff;
        double x[32], y[32];
        assert_ok(hpo_space_parse(spaces[i], &a, &err), err);
        assert_ok(hpo_space_add_derived(a, "twice", "2 * 3", &err), err);
        assert_ok(hpo_space_to_json(a, &json, &err), err);
        assert_ok(hpo_space_load(json, &b, &err), err);
        assert_ok(hpo_space_to_json(b, &again, &err), err);
        assert_string_equal(json, again);
        assert_ok(hpo_space_diff(a, b, &diff, &err), err);
        assert_string_equal(diff, "");
        assert_ok(hpo_space_freeze(a, &err), err);
        assert_ok(hpo_space_freeze(b, &err), err);
        for (uint64_t k = 0; k < 200; k++) { /* and it is the same function */
            assert_ok(hpo_space_sample(a, k, 1, x, &err), err);
            assert_ok(hpo_space_sample(b, k, 1, y, &err), err);
            assert_same_doubles(x, y, hpo_space_n_columns(a));
            char *config;
            assert_ok(hpo_space_config_to_json(a, x, &config, &err), err);
            if (hpo_space_config_from_json(b, config, y, &err) != HPO_OK) fail_msg("%s: %s", config, err.msg);
            assert_same_doubles(x, y, hpo_space_n_columns(a));
            assert_true(hpo_space_hash(a, x) == hpo_space_hash(b, y));
            hpo_free(config);
        }
        hpo_free(json);
        hpo_free(again);
        hpo_free(diff);
        hpo_space_free(a);
        hpo_space_free(b);
    }
}

static void test_yaml(void **state)
{
    (void)state;
    hpo_space *s;
    hpo_error err;
    char *json;
    assert_ok(
        hpo_space_load("study: {name: cifar, seed: 1}\n"
                       "command: [python, train.py]\n"
                       "params:\n"
                       "  lr:     {type: float, range: [1e-5, 1], scale: log, prior: {center: 1e-3, "
                       "confidence: medium}}\n"
                       "  opt:    {type: cat, values: [sgd, adam], default: sgd}\n"
                       "  mom:    {type: float, range: [0, 0.99], scale: revlog, when: \"opt == 'sgd'\"}\n"
                       "  layers: {type: int, range: [1, 8], step: 1}\n"
                       "  width:  {type: ordinal, values: [64, 128, 256]}\n"
                       "  warm:   {type: int, range: [0, \"epochs // 10\"]}\n"
                       "  order:  {type: perm, n: 5}\n"
                       "  mix:    {type: simplex, n: 3}\n"
                       "  epochs: {type: fidelity, range: [1, 81]}\n"
                       "  wd: log 1e-6..1e-2\n"
                       "constraints: [\"layers * width <= 1024\", \"not (opt == 'adam' and lr > 0.1)\"]\n"
                       "derived: {units: 2 ** layers}\n"
                       "budget: {trials: 500}\n",
                       &s, &err),
        err);
    assert_ok(hpo_space_freeze(s, &err), err);
    assert_int_equal(hpo_space_n_params(s), 10);
    assert_ok(hpo_space_to_json(s, &json, &err), err);
    assert_string_equal(
        json,
        "{\"params\":{\"lr\":{\"type\":\"float\",\"range\":[1e-05,1],\"scale\":\"log\",\"prior\":{\"center\":"
        "0.001,"
        "\"confidence\":\"medium\"}},\"opt\":{\"type\":\"categorical\",\"values\":[\"sgd\",\"adam\"],"
        "\"default\":\"sgd\"},"
        "\"mom\":{\"type\":\"float\",\"range\":[0,0.99],\"scale\":\"revlog\",\"when\":\"opt == 'sgd'\"},"
        "\"layers\":{\"type\":\"int\",\"range\":[1,8]},\"width\":{\"type\":\"ordinal\",\"values\":[64,128,"
        "256]},"
        "\"warm\":{\"type\":\"int\",\"range\":[0,\"epochs // "
        "10\"]},\"order\":{\"type\":\"permutation\",\"n\":5},"
        "\"mix\":{\"type\":\"simplex\",\"n\":3},\"epochs\":{\"type\":\"int\",\"range\":[1,81],\"fidelity\":"
        "true},"
        "\"wd\":{\"type\":\"float\",\"range\":[1e-06,0.01],\"scale\":\"log\"}},"
        "\"constraints\":[\"layers * width <= 1024\",\"not (opt == 'adam' and lr > 0.1)\"],"
        "\"derived\":{\"units\":\"2 ** layers\"}}");
    hpo_free(json);
    hpo_space_free(s);
}

static void test_load_messages(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
    } rows[] = {
        {"[]", "must be an object"},
        {"{}", "'params' is missing"},
        {"{\"parms\":{}}", "did you mean 'params'"},
        {"{\"params\":{\"a\":3}}", "a: must be an object or a domain in quotes"},
        {"{\"params\":{\"a\":\"1..0\"}}", "a: range 1..0 is empty"},
        {"{\"params\":{\"a\":{\"type\":\"flota\"}}}", "a: unknown type 'flota'; did you mean 'float'?"},
        {"{\"params\":{\"a\":{\"type\":\"float\"}}}", "a: needs a range"},
        {"{\"params\":{\"a\":{\"type\":\"float\",\"rnage\":[0,1]}}}", "did you mean 'range'"},
        {"{\"params\":{\"a\":{\"type\":\"float\",\"range\":[0]}}}", "range has two entries"},
        {"{\"params\":{\"a\":{\"type\":\"float\",\"range\":[0,true]}}}",
         "a bound is a number or an expression"},
        {"{\"params\":{\"a\":{\"type\":\"float\",\"range\":[0,\"b +\"]}}}", "a: bound"},
        {"{\"params\":{\"a\":{\"type\":\"float\",\"range\":[0,1],\"scale\":\"lgo\"}}}",
         "unknown scale 'lgo'"},
        {"{\"params\":{\"a\":{\"type\":\"int\",\"range\":[0,9],\"default\":1.5}}}",
         "1.5 is not a whole number"},
        {"{\"params\":{\"a\":{\"values\":[[1]]}}}", "value 0 is not a text"},
        {"{\"params\":{\"a\":{\"values\":[\"x\",\"y\"],\"default\":\"z\"}}}", "no label 'z'"},
        {"{\"params\":{\"a\":{\"type\":\"float\",\"range\":[0,1],\"prior\":{\"center\":0.5,\"confidence\":"
         "\"huge\"}}}}",
         "use low, medium or high"},
        {"{\"params\":{\"a\":\"0..1\"},\"constraints\":[3]}", "constraint 0 is not a text"},
        {"{\"params\":{\"a\":\"0..1\"},\"constraints\":[\"a <\"]}", "constraint: 'a <'"},
        {"{\"params\":{\"a\":\"0..1\"},\"derived\":{\"a\":\"1\"}}", "a: is declared twice"},
    };
    hpo_error err;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hpo_space *s = NULL;
        assert_fails(hpo_space_load(rows[i].text, &s, &err), HPO_EINVAL, err, rows[i].part);
        assert_null(s);
    }
}

static hpo_space *make(const char *text)
{
    hpo_space *s;
    hpo_error err;
    assert_ok(hpo_space_parse(text, &s, &err), err);
    return s;
}

static void test_config(void **state)
{
    (void)state;
    hpo_space *s = make(
        "lr: log 1e-4..1; opt: sgd,adam; mom: 0..0.9 if opt == sgd; n: int 1..9; w: ordinal 64,128,256\n"
        "p: perm a,b,c; m: simplex 2; f: subset u,v; b: bool; e: fidelity 1..27; d: int 0..(n) default 7\n"
        "constraint: n != 5");
    hpo_error err;
    assert_ok(hpo_space_add_derived(s, "size", "'big' if n > 4 else 'small'", &err), err);
    assert_ok(hpo_space_add_derived(s, "units", "2 ** n", &err), err);
    assert_ok(hpo_space_add_derived(s, "warm", "e / 3", &err), err);
    assert_ok(hpo_space_add_derived(s, "half", "mom / 2", &err), err);
    assert_ok(hpo_space_freeze(s, &err), err);
    double x[32];
    char *text;
    /* defaults and middles */
    assert_fails(hpo_space_config_from_json(s, "{}", x, &err), HPO_EINVAL, err,
                 "constraint 'n != 5' does not hold");
    assert_ok(hpo_space_config_from_json(s, "{\"n\":4}", x, &err), err);
    assert_ok(hpo_space_config_to_json(s, x, &text, &err), err);
    assert_string_equal(
        text, "{\"lr\":0.01,\"opt\":\"sgd\",\"mom\":0.45,\"n\":4,\"w\":64,\"p\":[\"a\",\"b\",\"c\"],"
              "\"m\":[0.5,0.5],\"f\":[],\"b\":false,\"e\":27,\"d\":4,\"size\":\"small\",\"units\":16,"
              "\"warm\":9,\"half\":0.225}");
    hpo_free(text);
    assert_ok(hpo_space_config_from_json(
                  s,
                  "{\"n\":6,\"opt\":\"adam\",\"p\":[\"c\",\"a\",\"b\"],\"f\":[\"v\"],\"b\":true,"
                  "\"m\":[0.25,0.75],\"w\":256,\"e\":9,\"mom\":null}",
                  x, &err),
              err);
    static const char *const want[] = {"0.01",      "adam", NULL,   "6", "256", "c,a,b",
                                       "0.25,0.75", "v",    "true", "9", "6"};
    for (size_t i = 0; i < 11; i++) {
        if (!want[i]) {
            assert_fails(hpo_space_value_text(s, x, i, &text, &err), HPO_ENOTFOUND, err, "mom: is inactive");
            continue;
        }
        assert_ok(hpo_space_value_text(s, x, i, &text, &err), err);
        assert_string_equal(text, want[i]);
        hpo_free(text);
    }
    static const char *const derived[] = {"big", "64", "3", NULL};
    for (size_t i = 0; i < 4; i++) {
        const char *name;
        hpo_status status = hpo_space_derived_text(s, x, i, &name, &text, &err);
        assert_int_equal(status, derived[i] ? HPO_OK : HPO_ENOTFOUND);
        if (derived[i]) assert_string_equal(text, derived[i]);
        hpo_free(text);
    }
    assert_near(hpo_space_number(s, x, 4), 256, 0, 0);
    static const struct {
        const char *text, *part;
    } rows[] = {
        {"{\"n\":6,\"oops\":1}", "oops: unknown parameter"},
        {"{\"n\":6,\"optt\":\"sgd\"}", "did you mean 'opt'?"},
        {"{\"n\":6,\"opt\":\"adm\"}", "opt: no label 'adm'; did you mean 'adam'?"},
        {"{\"n\":6,\"opt\":\"adam\",\"mom\":0.5}", "mom: is inactive here ('opt == sgd' does not hold)"},
        {"{\"n\":10}", "n: 10 is outside 1..9"},
        {"{\"n\":2.5}", "n: 2.5 is not a whole number"},
        {"{\"n\":\"many\"}", "n: 'many' is not a number"},
        {"{\"n\":6,\"d\":7}", "d: 7 is outside 0..6"},
        {"{\"n\":6,\"p\":[\"a\",\"b\"]}", "p: 2 entries; 3 are needed"},
        {"{\"n\":6,\"p\":[\"a\",\"b\",\"b\"]}", "every item must stand in exactly one place"},
        {"{\"n\":6,\"m\":[0.5,0.6]}", "m: the shares must sum to 1"},
        {"{\"n\":6,\"m\":{}}", "is not a value"},
        {"{\"n\":6,\"w\":100}", "w: no label '100'"},
        {"[1]", "is a JSON object"},
        {"{", "configuration"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_fails(hpo_space_config_from_json(s, rows[i].text, x, &err), HPO_EINVAL, err, rows[i].part);
    hpo_space_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_yaml),
        cmocka_unit_test(test_load_messages),
        cmocka_unit_test(test_config),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
