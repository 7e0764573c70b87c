/* SPDX-License-Identifier: Apache-2.0 */
/* base/options: "name:key=value" by table. */
#include "base/options.h"

#include "t.h"

typedef struct config {
    double ratio;
    int64_t n;
    int32_t on, mode;
    double free;
} config;

static const char *const modes[] = {"fast", "slow", "best", NULL};
static const hpo_option table[] = {
    {"ratio", "a share", HPO_OPT_REAL, offsetof(config, ratio), 0.25, 0, 1, NULL},
    {"n", "a count", HPO_OPT_INT, offsetof(config, n), 16, 1, 1e15, NULL},
    {"on", "a switch", HPO_OPT_BOOL, offsetof(config, on), 1, 0, 1, NULL},
    {"mode", "a choice", HPO_OPT_ENUM, offsetof(config, mode), 2, 0, 2, modes},
    {"free", "any number", HPO_OPT_REAL, offsetof(config, free), -1, -HUGE_VAL, HUGE_VAL, NULL},
};
enum { N = sizeof table / sizeof table[0] };

static hpo_status read(const char *rest, config *c, hpo_error *err)
{
    memset(c, 0xEE, sizeof *c);
    return hpo_options_read(table, N, "algo", rest, c, err);
}

static void test_split(void **state)
{
    (void)state;
    hpo_error err;
    char name[16];
    const char *rest;
    assert_ok(hpo_options_split("asha:eta=3,x=1", name, sizeof name, &rest, &err), err);
    assert_string_equal(name, "asha");
    assert_string_equal(rest, "eta=3,x=1");
    assert_ok(hpo_options_split("asha,eta=3", name, sizeof name, &rest, &err), err);
    assert_string_equal(name, "asha");
    assert_string_equal(rest, "eta=3");
    assert_ok(hpo_options_split(" random ", name, sizeof name, &rest, &err), err);
    assert_string_equal(name, "random");
    assert_string_equal(rest, "");
    assert_ok(hpo_options_split("a123456789abcde", name, sizeof name, &rest, &err), err);
    assert_fails(hpo_options_split("a123456789abcdef", name, sizeof name, &rest, &err), HPO_EINVAL, err,
                 "too long");
    assert_fails(hpo_options_split("", name, sizeof name, &rest, &err), HPO_EINVAL, err,
                 "names no algorithm");
    assert_fails(hpo_options_split(":a=1", name, sizeof name, &rest, &err), HPO_EINVAL, err,
                 "names no algorithm");
    assert_fails(hpo_options_split(NULL, name, sizeof name, &rest, &err), HPO_EINVAL, err, "no algorithm");
}

static void test_defaults(void **state)
{
    (void)state;
    hpo_error err;
    config c;
    const char *const empty[] = {"", "  "};
    for (size_t i = 0; i < 2; i++) {
        assert_ok(read(empty[i], &c, &err), err);
        assert_true(c.ratio == 0.25 && c.n == 16 && c.on == 1 && c.mode == 2 && c.free == -1);
    }
    assert_ok(hpo_options_read(NULL, 0, "algo", "", NULL, &err), err);
}

static void test_values(void **state)
{
    (void)state;
    hpo_error err;
    config c;
    assert_ok(read("ratio=1e-3,n=1e3,on=no,mode=slow,free=-2.5e300", &c, &err), err);
    assert_true(c.ratio == 1e-3 && c.n == 1000 && c.on == 0 && c.mode == 1 && c.free == -2.5e300);
    assert_ok(read(" mode = fast , n = 7", &c, &err), err);
    assert_true(c.mode == 0 && c.n == 7 && c.ratio == 0.25);
    assert_status(read("n=1000000000000001", &c, &err), HPO_EINVAL); /* above the maximum */
    assert_ok(read("n=999999999999999", &c, &err), err);
    assert_true(c.n == 999999999999999);
    const struct {
        const char *text;
        int32_t on;
    } words[] = {{"on=true", 1}, {"on=false", 0}, {"on=yes", 1}, {"on=no", 0}, {"on=1", 1}, {"on=0", 0}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        assert_ok(read(words[i].text, &c, &err), err);
        assert_int_equal(c.on, words[i].on);
    }
    assert_ok(read("ratio=0,n=1", &c, &err), err);
    assert_ok(read("ratio=1,n=1e15", &c, &err), err);
}

static void test_refused(void **state)
{
    (void)state;
    const struct {
        const char *text, *part;
    } rows[] = {
        {"ratio=1.1", "ratio=1.1: must be a number from 0 to 1"},
        {"ratio=nan", "ratio=nan"},
        {"free=nan", "free=nan"},
        {"ratio=", "no value"},
        {"ratio", "write ratio=VALUE"},
        {"ratio=0.5x", "ratio=0.5x"},
        {"ratio=0x1p-1", "ratio"},
        {"n=0", "n=0: must be an integer from 1"},
        {"n=1.5", "must be an integer"},
        {"n=1e16", "n=1e16"},
        {"on=maybe", "yes or no"},
        {"on=2", "yes or no"},
        {"mode=fats", "one of fast, slow, best"},
        {"mode=1", "one of"},
        {"ration=1", "did you mean 'ratio'?"},
        {"colour=1", "known are ratio, n, on, mode, free"},
        {"n=3,n=3", "given twice"},
        {"n=3,", "empty option"},
        {",n=3", "empty option"},
        {"n=3,,on=1", "empty option"},
        {"=3", "empty option"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        hpo_error err;
        config c;
        assert_fails(read(rows[i].text, &c, &err), HPO_EINVAL, err, rows[i].part);
        assert_contains(err.msg, "algo");
        assert_null(strchr(err.msg, '\n'));
    }
}

static void test_long_texts_are_cut(void **state)
{
    (void)state;
    hpo_error err;
    config c;
    char text[4096];
    memset(text, 'k', sizeof text);
    memcpy(text + 2000, "=1", 3);
    assert_fails(read(text, &c, &err), HPO_EINVAL, err, "unknown option");
    memset(text, '9', sizeof text);
    memcpy(text, "n=", 2);
    text[4000] = '\0';
    assert_fails(read(text, &c, &err), HPO_EINVAL, err, "must be an integer");
    assert_status(read("n=0", &c, NULL), HPO_EINVAL);
}

/* A list of names that does not fit into a message ends in "...". */
static void test_many_options(void **state)
{
    (void)state;
    enum { MANY = 40 };
    static char names[MANY][24];
    hpo_option many[MANY];
    for (size_t i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "a-rather-long-name-%02zu", i);
        many[i] = table[0];
        many[i].name = names[i];
        many[i].offset = 0;
    }
    hpo_error err;
    config c;
    assert_fails(hpo_options_read(many, MANY, "algo", "zzz=1", &c, &err), HPO_EINVAL, err,
                 "known are a-rather-long-name-00, ");
    assert_string_equal(err.msg + strlen(err.msg) - 5, ", ...");
}

typedef struct words {
    char names[HPO_OPTION_TEXT];
} words;

static void test_texts(void **state)
{
    (void)state;
    static const hpo_option row[] = {
        {"names", "a list", HPO_OPT_TEXT, offsetof(words, names), 0, 0, 0, NULL}};
    hpo_error err;
    words w;
    char longest[HPO_OPTION_TEXT + 16] = "names=";
    memset(&w, 0xEE, sizeof w);
    assert_ok(hpo_options_read(row, 1, "algo", "", &w, &err), err);
    assert_string_equal(w.names, "");
    assert_ok(hpo_options_read(row, 1, "algo", "names = a+b c ", &w, &err), err);
    assert_string_equal(w.names, "a+b c");
    memset(longest + 6, 'x', HPO_OPTION_TEXT - 1);
    assert_ok(hpo_options_read(row, 1, "algo", longest, &w, &err), err);
    assert_int_equal(strlen(w.names), HPO_OPTION_TEXT - 1);
    longest[6 + HPO_OPTION_TEXT - 1] = 'x';
    assert_fails(hpo_options_read(row, 1, "algo", longest, &w, &err), HPO_EINVAL, err,
                 "at most 255 characters");
    assert_ok(hpo_options_check(row, 1, "algo", sizeof w, &err), err);
    assert_fails(hpo_options_check(row, 1, "algo", sizeof w - 1, &err), HPO_EINVAL, err,
                 "outside the config");
}

static void test_tables_are_checked(void **state)
{
    (void)state;
    hpo_error err;
    assert_ok(hpo_options_check(table, N, "algo", sizeof(config), &err), err);
    assert_ok(hpo_options_check(NULL, 0, "algo", 0, &err), err);
    assert_fails(hpo_options_check(NULL, 1, "algo", 0, &err), HPO_EINVAL, err, "no table");
    assert_fails(hpo_options_check(table, N, "algo", sizeof(config) - 1, &err), HPO_EINVAL, err, "outside");
    hpo_option o = table[0];
    o.def = 2;
    assert_fails(hpo_options_check(&o, 1, "algo", sizeof(config), &err), HPO_EINVAL, err, "default");
    o = table[3];
    o.def = 3;
    assert_fails(hpo_options_check(&o, 1, "algo", sizeof(config), &err), HPO_EINVAL, err, "default");
    o.labels = NULL;
    assert_fails(hpo_options_check(&o, 1, "algo", sizeof(config), &err), HPO_EINVAL, err, "lacks");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_long_texts_are_cut),
        cmocka_unit_test(test_many_options),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_tables_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
