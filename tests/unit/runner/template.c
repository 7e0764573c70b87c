/* SPDX-License-Identifier: Apache-2.0 */
/* runner/template, define, words: placeholders in commands and files. */
#include "runner/template.h"

#include "hpo/sampler.h"
#include "t.h"

static const char *const specials[HPO_N_SPECIALS] = {"7", "/d", "/d/ckpt", "42", "st", "2"};

/* Defines the words, freezes, renders the configuration, and returns the words joined with '|'. */
static hpo_status fill(const char *const *words, size_t n, const char *json, char **out, hpo_error *err)
{
    hpo_space *s = NULL;
    hpo_words defined = {0}, argv = {0};
    hpo_template t = {0};
    hpo_str text = {0};
    double x[16];
    hpo_status rc = hpo_space_create(&s, err);
    for (size_t i = 0; i < n && rc == HPO_OK; i++)
        rc = hpo_template_define(words[i], s, &defined, err);
    if (rc == HPO_OK) rc = hpo_space_freeze(s, err);
    for (size_t i = 0; i < defined.n && rc == HPO_OK; i++)
        rc = hpo_template_add(&t, s, hpo_words_at(&defined, i), NULL, err);
    if (rc == HPO_OK) rc = hpo_space_config_from_json(s, json, x, err);
    if (rc == HPO_OK) rc = hpo_template_render(&t, s, x, specials, &argv, err);
    for (size_t i = 0; i < argv.n; i++) {
        if (i) hpo_str_addc(&text, '|');
        hpo_str_add(&text, hpo_words_at(&argv, i));
    }
    if (rc == HPO_OK) rc = hpo_str_steal(&text, out, err);
    hpo_str_fini(&text);
    hpo_template_fini(&t);
    hpo_words_fini(&argv);
    hpo_words_fini(&defined);
    hpo_space_free(s);
    return rc;
}

#define FILL(json, want, ...)                                                                                \
    do {                                                                                                     \
        const char *const words_[] = {__VA_ARGS__};                                                          \
        char *got_ = NULL;                                                                                   \
        hpo_error err_;                                                                                      \
        assert_ok(fill(words_, sizeof words_ / sizeof words_[0], json, &got_, &err_), err_);                 \
        assert_string_equal(got_, want);                                                                     \
        hpo_free(got_);                                                                                      \
    } while (0)

#define REFUSE(part, ...)                                                                                    \
    do {                                                                                                     \
        const char *const words_[] = {__VA_ARGS__};                                                          \
        char *got_ = NULL;                                                                                   \
        hpo_error err_;                                                                                      \
        assert_fails(fill(words_, sizeof words_ / sizeof words_[0], "{}", &got_, &err_), HPO_EINVAL, err_,   \
                     part);                                                                                  \
    } while (0)

static void test_values(void **state)
{
    (void)state;
    FILL("{\"lr\":0.001}", "./t|--lr|0.001", "./t", "--lr", "{lr:log 1e-5..1}");
    FILL("{\"lr\":1e-5,\"n\":3}", "a1e-05b3c|3", "a{lr:log 1e-5..1}b{n:int 1..9}c", "{n}");
    FILL("{\"o\":\"x y\"}", "--o=x y", "--o={o:'x y',z}");
    FILL("{\"n\":3}", "3|7|/d|/d/ckpt|42|st|2", "{n:int 1..9}", "{trial}", "{dir}", "{ckpt}", "{seed}",
         "{study}", "{attempt}");
}

static void test_braces(void **state)
{
    (void)state;
    FILL("{\"n\":3}", "{3}|{n}|}{", "{{{n:int 1..9}}}", "{{n}}", "}}{{");
    REFUSE("does not begin a placeholder", "{n:int 1..9}", "{\"a\":1}");
    REFUSE("closes nothing", "{n:int 1..9}", "a}");
    REFUSE("is not closed: end it with }", "{n:int 1..9");
    REFUSE("there is no parameter 'm'", "{n:int 1..9}", "{m}");
    REFUSE("already stands for", "{trial:int 1..9}");
    REFUSE("n", "{n:int 1..9}", "{n:int 1..9}"); /* defined twice */
    REFUSE("n", "{n:}");
}

static void test_inactive(void **state)
{
    (void)state;
#define WORDS                                                                                                \
    "t", "--opt", "{opt:sgd,adam}", "--mom", "{mom:0..1 if opt==sgd}", "--m={mom}", "x{mom}{opt}", "-v",     \
        "y{mom}"
    FILL("{\"opt\":\"sgd\",\"mom\":0.5}", "t|--opt|sgd|--mom|0.5|--m=0.5|x0.5sgd|-v|y0.5", WORDS);
    /* only the option word before a word that is nothing but the placeholder goes with it */
    FILL("{\"opt\":\"adam\"}", "t|--opt|adam|xadam|-v", WORDS);
#undef WORDS
    /* a word that is no option, and "--", stay */
    FILL("{\"opt\":\"adam\"}", "t|adam|set|--", "t", "{opt:sgd,adam}", "set", "{mom:0..1 if opt==sgd}", "--",
         "{mom}");
}

static void test_foreign(void **state)
{
    (void)state;
    FILL("{\"lr\":0.5}", "--lr|0.5", "--lr~loguniform(1e-5,1)");
    FILL("{\"lr\":0.5}", "lr=0.5", "lr~loguniform(1e-5,1)");
    FILL("{\"lr\":0.5}", "--lr=0.5", "--lr=uniform[0:1]");
    FILL("{\"n\":3}", "-n|3|{lr}", "-n~uniform(1,8,discrete=True)", "{{lr}}");
    FILL("{\"x\":0.5}", "a~b|c=[1,2]|0.5", "a~b", "c=[1,2]", "{x:0..1}"); /* ordinary words */
    REFUSE("x", "--x~nonsense(1,2)");
}

static void test_condition(void **state)
{
    (void)state;
    hpo_error err;
    hpo_space *s = NULL;
    hpo_template t = {0};
    hpo_words argv = {0};
    double x[4];
    assert_ok(hpo_space_parse("opt: sgd,adam; n: int 1..9", &s, &err), err);
    assert_ok(hpo_space_freeze(s, &err), err);
    assert_ok(hpo_template_add(&t, s, "a", NULL, &err), err);
    assert_ok(hpo_template_add(&t, s, "--sgd={n}", "opt == 'sgd' and n > 3", &err), err);
    assert_fails(hpo_template_add(&t, s, "b", "opt ==", &err), HPO_EINVAL, err, "command: if");
    assert_ok(hpo_space_config_from_json(s, "{\"opt\":\"sgd\",\"n\":4}", x, &err), err);
    assert_ok(hpo_template_render(&t, s, x, specials, &argv, &err), err);
    assert_int_equal(argv.n, 2);
    assert_string_equal(hpo_words_at(&argv, 1), "--sgd=4");
    hpo_words_clear(&argv);
    assert_ok(hpo_space_config_from_json(s, "{\"opt\":\"sgd\",\"n\":3}", x, &err), err);
    assert_ok(hpo_template_render(&t, s, x, specials, &argv, &err), err);
    assert_int_equal(argv.n, 1);
    hpo_words_fini(&argv);
    hpo_template_fini(&t);
    hpo_space_free(s);
}

static void test_file(void **state)
{
    (void)state;
    static const char in[] = "a: {lr}\nb: {\"x\": {y: 1}}\nc: {{lr}} {other} {w:1..2}\n{lr}}";
    hpo_error err;
    hpo_space *s = NULL;
    hpo_template t = {0};
    hpo_str defined = {0};
    hpo_words out = {0};
    double x[4];
    assert_ok(hpo_space_parse("lr: 0..1", &s, &err), err);
    assert_ok(hpo_template_define_file(in, s, "f", &defined, &err), err);
    assert_ok(hpo_space_freeze(s, &err), err);
    assert_int_equal(hpo_space_find(s, "w"), 1);
    assert_ok(hpo_template_add_file(&t, s, defined.text, &err), err);
    assert_ok(hpo_space_config_from_json(s, "{\"lr\":0.25,\"w\":1.5}", x, &err), err);
    assert_ok(hpo_template_render(&t, s, x, specials, &out, &err), err);
    assert_string_equal(hpo_words_at(&out, 0), "a: 0.25\nb: {\"x\": {y: 1}}\nc: {lr} {other} 1.5\n0.25}");
    hpo_words_fini(&out);
    hpo_str_fini(&defined);
    hpo_template_fini(&t);
    hpo_space_free(s);
}

static void test_quote(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"plain-1.5e+3_/x", "plain-1.5e+3_/x"},
                                           {"", "''"},
                                           {"a b", "'a b'"},
                                           {"it's", "'it'\\''s'"},
                                           {"$x;`y`", "'$x;`y`'"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        hpo_str s = {0};
        hpo_shell_quote(&s, pairs[i][0]);
        assert_string_equal(s.text, pairs[i][1]);
        hpo_str_fini(&s);
    }
}

static hpo_status body(void *ctx, hpo_error *err)
{
    static const char *const words[] = {"./t", "--lr~loguniform(1e-5,1)", "{o:a,b}", "{{x}}",
                                        "{m:0..1 if o==a}"};
    char *out = NULL;
    (void)ctx;
    hpo_status rc = fill(words, 5, "{\"o\":\"b\"}", &out, err);
    hpo_free(out);
    return rc;
}

static void test_memory(void **state)
{
    (void)state;
    assert_true(t_oom(body, NULL) > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),  cmocka_unit_test(test_braces),    cmocka_unit_test(test_inactive),
        cmocka_unit_test(test_foreign), cmocka_unit_test(test_condition), cmocka_unit_test(test_file),
        cmocka_unit_test(test_quote),   cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
