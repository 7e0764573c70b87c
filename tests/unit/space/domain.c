/* SPDX-License-Identifier: Apache-2.0 */
/* The inline grammar: every form, the spellings of other tools, and what its messages say. */
#include "t.h"

#include "base/alloc.h"
#include "space/space.h"

/* The JSON of a space with one parameter x. */
static char *json_of(const char *domain)
{
    hpo_space *s;
    hpo_error err;
    char *json;
    assert_ok(hpo_space_create(&s, &err), err);
    hpo_status status = hpo_space_add(s, "x", domain, &err);
    if (status != HPO_OK) fail_msg("%s: %s", domain, err.msg);
    assert_ok(hpo_space_to_json(s, &json, &err), err);
    hpo_space_free(s);
    return json;
}

static void test_forms(void **state)
{
    (void)state;
    static const struct {
        const char *domain, *json;
    } rows[] = {
        {"0..1", "{\"type\":\"float\",\"range\":[0,1]}"},
        {"-1.5e3..+2", "{\"type\":\"float\",\"range\":[-1500,2]}"},
        {" 0 .. 1 ", "{\"type\":\"float\",\"range\":[0,1]}"},
        {"log 1e-5..1", "{\"type\":\"float\",\"range\":[1e-05,1],\"scale\":\"log\"}"},
        {"1e-5..1 log", "{\"type\":\"float\",\"range\":[1e-05,1],\"scale\":\"log\"}"},
        {"revlog 0..0.999", "{\"type\":\"float\",\"range\":[0,0.999],\"scale\":\"revlog\"}"},
        {"logit 0.01..0.99", "{\"type\":\"float\",\"range\":[0.01,0.99],\"scale\":\"logit\"}"},
        {"int 1..8", "{\"type\":\"int\",\"range\":[1,8]}"},
        {"int log 8..256", "{\"type\":\"int\",\"range\":[8,256],\"scale\":\"log\"}"},
        {"int 8..256 log", "{\"type\":\"int\",\"range\":[8,256],\"scale\":\"log\"}"},
        {"int 0..100 step 10", "{\"type\":\"int\",\"range\":[0,100],\"step\":10}"},
        {"0..1 step 0.1", "{\"type\":\"float\",\"range\":[0,1],\"step\":0.1}"},
        {"sgd,adam", "{\"type\":\"categorical\",\"values\":[\"sgd\",\"adam\"]}"},
        {"sgd, adam , 'a b'", "{\"type\":\"categorical\",\"values\":[\"sgd\",\"adam\",\"a b\"]}"},
        {"\"it's\",'say \\'hi\\''", "{\"type\":\"categorical\",\"values\":[\"it's\",\"say 'hi'\"]}"},
        {"log,linear,int", "{\"type\":\"categorical\",\"values\":[\"log\",\"linear\",\"int\"]}"},
        {"1,2,4", "{\"type\":\"categorical\",\"values\":[1,2,4]}"},
        {"'1','2'", "{\"type\":\"categorical\",\"values\":[\"1\",\"2\"]}"},
        {"1.0,2.0", "{\"type\":\"categorical\",\"values\":[1,2]}"},
        {"3x3,5x5", "{\"type\":\"categorical\",\"values\":[\"3x3\",\"5x5\"]}"},
        {"ordinal 64,128,256", "{\"type\":\"ordinal\",\"values\":[64,128,256]}"},
        {"bool", "{\"type\":\"bool\"}"},
        {"bool default true", "{\"type\":\"bool\",\"default\":true}"},
        {"const 3", "{\"type\":\"const\",\"value\":3}"},
        {"const relu", "{\"type\":\"const\",\"value\":\"relu\"}"},
        {"perm 5", "{\"type\":\"permutation\",\"n\":5}"},
        {"perm a,b,c", "{\"type\":\"permutation\",\"values\":[\"a\",\"b\",\"c\"]}"},
        {"simplex 3", "{\"type\":\"simplex\",\"n\":3}"},
        {"subset a,b,c", "{\"type\":\"subset\",\"values\":[\"a\",\"b\",\"c\"]}"},
        {"subset a,b,c size 1..2", "{\"type\":\"subset\",\"values\":[\"a\",\"b\",\"c\"],\"size\":[1,2]}"},
        {"vector 3 0..1", "{\"type\":\"vector\",\"n\":3,\"range\":[0,1]}"},
        {"vector 3 log 0.1..1", "{\"type\":\"vector\",\"n\":3,\"range\":[0.1,1],\"scale\":\"log\"}"},
        {"fidelity 1..81", "{\"type\":\"int\",\"range\":[1,81],\"fidelity\":true}"},
        {"fidelity log 1..81", "{\"type\":\"int\",\"range\":[1,81],\"scale\":\"log\",\"fidelity\":true}"},
        {"fidelity resumable 1..81",
         "{\"type\":\"int\",\"range\":[1,81],\"fidelity\":true,\"resumable\":true}"},
        {"fidelity 1..81 resumable",
         "{\"type\":\"int\",\"range\":[1,81],\"fidelity\":true,\"resumable\":true}"},
        {"fidelity 0.1..1", "{\"type\":\"float\",\"range\":[0.1,1],\"fidelity\":true}"},
        {"fidelity float 1..81", "{\"type\":\"float\",\"range\":[1,81],\"fidelity\":true}"},
        {"0..1 default 0.25", "{\"type\":\"float\",\"range\":[0,1],\"default\":0.25}"},
        {"perm a,b,c default c,a,b",
         "{\"type\":\"permutation\",\"values\":[\"a\",\"b\",\"c\"],\"default\":[\"c\",\"a\",\"b\"]}"},
        {"a,b weights 1,2", "{\"type\":\"categorical\",\"values\":[\"a\",\"b\"],\"weights\":[1,2]}"},
        {"log 1e-5..1 prior 1e-3 medium", "{\"type\":\"float\",\"range\":[1e-05,1],\"scale\":\"log\","
                                          "\"prior\":{\"center\":0.001,\"confidence\":\"medium\"}}"},
        {"0..1 prior normal(0.1,0.02)",
         "{\"type\":\"float\",\"range\":[0,1],\"prior\":{\"normal\":[0.1,0.02]}}"},
        {"0..1 prior beta(2,5) default 0.5",
         "{\"type\":\"float\",\"range\":[0,1],\"default\":0.5,\"prior\":{\"beta\":[2,5]}}"},
        {"0..1 if opt == sgd", "{\"type\":\"float\",\"range\":[0,1],\"when\":\"opt == sgd\"}"},
        {"0..1 if opt == sgd default 0.5 ",
         "{\"type\":\"float\",\"range\":[0,1],\"default\":0.5,\"when\":\"opt == sgd\"}"},
        {"0..0.99 if opt==sgd", "{\"type\":\"float\",\"range\":[0,0.99],\"when\":\"opt==sgd\"}"},
        {"int 0..(epochs // 10)", "{\"type\":\"int\",\"range\":[0,\"epochs // 10\"]}"},
        {"int (a + 1)..b", "{\"type\":\"int\",\"range\":[\"a + 1\",\"b\"]}"},
        {"(2)..(3) step 0.5", "{\"type\":\"float\",\"range\":[2,3],\"step\":0.5}"},
        /* Orion */
        {"loguniform(1e-5,1)", "{\"type\":\"float\",\"range\":[1e-05,1],\"scale\":\"log\"}"},
        {"loguniform(1e-5, 1, default_value=0.1)",
         "{\"type\":\"float\",\"range\":[1e-05,1],\"scale\":\"log\",\"default\":0.1}"},
        {"uniform(0,1)", "{\"type\":\"float\",\"range\":[0,1]}"},
        {"uniform(1,8,discrete=True)", "{\"type\":\"int\",\"range\":[1,8]}"},
        {"normal(1,0.5)", "{\"type\":\"float\",\"range\":[-1,3],\"prior\":{\"normal\":[1,0.5]}}"},
        {"choices(['a','b'])", "{\"type\":\"categorical\",\"values\":[\"a\",\"b\"]}"},
        {"choices([1, 2])", "{\"type\":\"categorical\",\"values\":[1,2]}"},
        {"fidelity(1,81)", "{\"type\":\"int\",\"range\":[1,81],\"fidelity\":true}"},
        {"fidelity(1,81,base=3)", "{\"type\":\"int\",\"range\":[1,81],\"fidelity\":true}"},
        /* Guild */
        {"loguniform[1e-5:1]", "{\"type\":\"float\",\"range\":[1e-05,1],\"scale\":\"log\"}"},
        {"uniform[0:1]", "{\"type\":\"float\",\"range\":[0,1]}"},
        {"[1,2,3]", "{\"type\":\"categorical\",\"values\":[1,2,3]}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *json = json_of(rows[i].domain);
        char want[512];
        (void)snprintf(want, sizeof want, "{\"params\":{\"x\":%s}}", rows[i].json);
        assert_string_equal(json, want);
        hpo_free(json);
    }
}

static void test_messages(void **state)
{
    (void)state;
    static const struct {
        const char *domain, *part;
    } rows[] = {
        {"", "the domain is empty; write e.g. 0..1"},
        {"1..1e-5", "x: range 1..1e-05 is empty: low must be below high; write 1e-05..1"},
        {"2..2", "holds one value; write 'const 2'"},
        {"log 0..1", "x: low bound 0 on a log scale"},
        {"logit 0..1", "must lie inside 0..1"},
        {"revlog 0..1", "with high below 1"},
        {"int 0.5..3", "low bound 0.5 of an int is not whole; write 1"},
        {"int 1..9007199254740993e3", "integers are limited to +-2^53"},
        {"0..1 step 2", "step 2 is larger than the range"},
        {"0..1 step -1", "step must be a positive number"},
        {"0..inf", "bounds must be finite"},
        {"sgd", "x: 'sgd' alone is no choice; write 'const sgd'"},
        {"a,b,a", "label 'a' appears twice"},
        {"a,,b", "expected a label"},
        {"a,'b", "a quote is not closed"},
        {"0..", "expected a number"},
        {"0...1", "expected a number after '..'"},
        {"0..1 foo", "expected default, prior, weights, step, a scale, or if near 'foo'"},
        {"0..1 default 3", "x: 3 is outside 0..1"},
        {"a,b default c", "no label 'c'"},
        {"a,b weights 1", "1 weights for 2 labels"},
        {"a,b weights 0,0", "at least one weight must be positive"},
        {"0..1 weights 1,2", "weights need labels"},
        {"perm 1", "needs at least 2 items"},
        {"perm 2000", "at most 1000"},
        {"subset a,b size 3..4", "is not possible"},
        {"0..1 prior 5 high", "5 is outside 0..1"},
        {"0..1 prior beta(0,1)", "needs positive parameters"},
        {"0..(a prior 1 low", "a parenthesis is not closed"},
        {"0..(a +)", "expected a value"},
        {"0..1 if a ==", "x: condition: 'a ==': expected a value at the end"},
        {"fidelity 1..81 if a == 1", "no condition"},
        {"perm 3 prior 1 low", "a permutation takes no prior"},
        {"bool default maybe", "neither true nor false"},
    };
    hpo_error err;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hpo_space *s;
        assert_ok(hpo_space_create(&s, &err), err);
        if (hpo_space_add(s, "x", rows[i].domain, &err) == HPO_OK) fail_msg("accepted: %s", rows[i].domain);
        assert_contains(err.msg, rows[i].part);
        assert_null(strchr(err.msg, '\n'));
        assert_int_equal(hpo_space_n_params(s), 0);
        hpo_space_free(s);
    }
}

static void test_spaces(void **state)
{
    (void)state;
    hpo_space *s;
    hpo_error err;
    assert_ok(
        hpo_space_parse(
            "# a comment\n lr: log 1e-5..1 # another\n\n opt: sgd,'a;b','c#d'; mom: 0..0.99 if opt == sgd;"
            "constraint: lr * mom < 0.5\r\n",
            &s, &err),
        err);
    assert_int_equal(hpo_space_n_params(s), 3);
    assert_int_equal(s->n_constraints, 1);
    assert_int_equal(hpo_space_find(s, "mom"), 2);
    assert_int_equal(hpo_space_find(s, "nope"), -1);
    assert_ok(hpo_space_freeze(s, &err), err);
    assert_ok(hpo_space_freeze(s, &err), err);
    assert_fails(hpo_space_add(s, "z", "0..1", &err), HPO_ESTATE, err, "cannot be changed");
    hpo_param_info info = hpo_param_info_init();
    assert_ok(hpo_space_param(s, 1, &info, &err), err);
    assert_string_equal(info.labels[1], "a;b");
    assert_string_equal(info.labels[2], "c#d");
    assert_ok(hpo_space_param(s, 2, &info, &err), err);
    assert_string_equal(info.when, "opt == sgd");
    assert_int_equal(hpo_space_param(s, 3, &info, &err), HPO_ENOTFOUND);
    hpo_space_free(s);

    static const struct {
        const char *text, *part;
    } rows[] = {
        {"lr", "expected 'name: domain'"},
        {"a: 0..1; a: 0..2", "a: is declared twice"},
        {"1a: 0..1", "a name begins with a letter"},
        {"and: 0..1", "is a word of the expression language"},
        {"a: fidelity 1..9; b: fidelity 0..9", "b: begins at 0; each of several fidelities"},
        {"a: fidelity 0..9; b: fidelity 1..9", "a: begins at 0; each of several fidelities"},
        {"a: 1..9 resumable", "a: only a fidelity is resumable"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_fails(hpo_space_parse(rows[i].text, &s, &err), HPO_EINVAL, err, rows[i].part);
    static const struct {
        const char *text, *part;
    } freeze[] = {
        {"a: 0..1 if b > 0; b: 0..1 if a > 0", "a: its condition or bounds depend on itself"},
        {"a: 0..(a)", "depend on itself"},
        {"a: 0..1; b: 0..1 if c > 0", "unknown name 'c'"},
        {"", "no parameter"},
    };
    for (size_t i = 0; i < sizeof freeze / sizeof *freeze; i++) {
        assert_ok(hpo_space_parse(freeze[i].text, &s, &err), err);
        assert_fails(hpo_space_freeze(s, &err), HPO_EINVAL, err, freeze[i].part);
        hpo_space_free(s);
    }
}

static void test_typed(void **state)
{
    (void)state;
    static const char *const labels[] = {"x", "y"};
    hpo_space *s;
    hpo_error err;
    assert_ok(hpo_space_create(&s, &err), err);
    assert_ok(hpo_space_add_float(s, "a", 1e-3, 1, HPO_SCALE_LOG, &err), err);
    assert_ok(hpo_space_add_int(s, "b", 1, 9, HPO_SCALE_LINEAR, &err), err);
    assert_ok(hpo_space_add_categorical(s, "c", labels, 2, &err), err);
    assert_fails(hpo_space_add_int(s, "d", 1, INT64_MAX, HPO_SCALE_LINEAR, &err), HPO_EINVAL, err, "2^53");
    assert_fails(hpo_space_add_float(s, "d", 1, 0, HPO_SCALE_LINEAR, &err), HPO_EINVAL, err, "empty");
    assert_fails(hpo_space_add_float(s, "d", HPO_UNKNOWN, 0, HPO_SCALE_LINEAR, &err), HPO_EINVAL, err,
                 "finite");
    assert_ok(hpo_space_freeze(s, &err), err);
    assert_int_equal(hpo_space_needs(s), HPO_CAP_CONTINUOUS | HPO_CAP_DISCRETE);
    hpo_space *t;
    assert_ok(hpo_space_frozen(s, &t, &err), err);
    assert_ptr_equal(s, t);
    hpo_space_free(s);
    assert_int_equal(hpo_space_n_dims(t), 3);
    hpo_space_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_spaces),
        cmocka_unit_test(test_typed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
