/* SPDX-License-Identifier: Apache-2.0 */
/* JSON and YAML: what is read, what is refused and where, access by key. */
#include "base/json.h"
#include "base/str.h"
#include "t.h"

static struct json_object *parse(const char *text)
{
    hpo_error err;
    struct json_object *o = NULL;
    assert_ok(hpo_json_parse(text, strlen(text), "x", &o, &err), err);
    return o;
}

static struct json_object *parse_yaml(const char *text)
{
    hpo_error err;
    struct json_object *o = NULL;
    assert_ok(hpo_yaml_parse(text, strlen(text), "x", &o, &err), err);
    return o;
}

/* The tree's text equals want (json-c's plain writer); releases the tree. */
static void assert_tree(struct json_object *o, const char *want)
{
    assert_string_equal(o != NULL ? json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN) : "null", want);
    json_object_put(o);
}

static void refused(const char *text, size_t n, const char *part)
{
    hpo_error err;
    struct json_object *o = NULL;
    if (hpo_json_parse(text, n, "file 'x'", &o, &err) == HPO_OK) fail_msg("%s must not be read", text);
    assert_int_equal(err.code, HPO_EINVAL);
    assert_contains(err.msg, "file 'x', line ");
    assert_contains(err.msg, part);
    assert_null(o);
}

static void yaml_refused(const char *text, const char *part)
{
    hpo_error err;
    struct json_object *o = NULL;
    if (hpo_yaml_parse(text, strlen(text), "file 'x'", &o, &err) == HPO_OK)
        fail_msg("%s must not be read", text);
    assert_int_equal(err.code, HPO_EINVAL);
    assert_contains(err.msg, "file 'x', ");
    assert_contains(err.msg, part);
    assert_null(o);
}

static void test_json_values(void **state)
{
    (void)state;
    assert_null(parse(" null "));
    assert_tree(parse("true"), "true");
    assert_tree(parse("[]"), "[]");
    assert_tree(parse("\xEF\xBB\xBF{ }"), "{}");
    assert_tree(parse(" { \"b\" : [ 1 , -2.50 , \"\" , null , false ] ,\n\t\"a\":{} } "),
                "{\"b\":[1,-2.5,\"\",null,false],\"a\":{}}"); /* order is kept */
    assert_tree(parse("\"\\u00e9\\ud83d\\ude00\\n\\/\\u0041\""), "\"\xC3\xA9\xF0\x9F\x98\x80\\n\\/A\"");
}

static void test_json_numbers(void **state)
{
    (void)state;
    assert_tree(parse("[9223372036854775807,-9223372036854775808,18446744073709551615]"),
                "[9223372036854775807,-9223372036854775808,18446744073709551615]");
    /* beyond 64 bits: a double, not a clamped integer; a double never turns into an integer */
    assert_tree(parse("[18446744073709551616,-9223372036854775809,3.0,1E2,-0,0.1,1e-7]"),
                "[1.8446744073709552e+19,-9.223372036854776e+18,3.0,100.0,-0.0,0.1,1e-07]");
    assert_tree(parse("[NaN,Infinity,-Infinity,1e999]"), "[NaN,1e999,-1e999,1e999]");
    struct json_object *o = parse("123456789.123456789");
    assert_true(json_object_get_double(o) == 123456789.123456789);
    json_object_put(o);
}

static void test_json_refusals(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "line 1, column 1: the text ends"},
        {"{", "expected a key"},
        {"[1,\n 2,\n  x]", "line 3, column 3: expected a value"},
        {"[1 2]", "expected ',' or ']'"},
        {"[1,]", "expected a value"},
        {"{\"a\":1,}", "expected a key"},
        {"{\"a\" 1}", "expected ':'"},
        {"{\"a\":1 \"b\":2}", "expected ',' or '}'"},
        {"{a:1}", "expected a key"},
        {"'a'", "expected a value"},
        {"1 2", "column 3: text after the end"},
        {"01", "must not start with 0"},
        {"1.", "after '.'"},
        {".5", "expected a value"},
        {"1e", "exponent"},
        {"+1", "expected a value"},
        {"-", "expected a value"},
        {"\"a", "ends inside a string"},
        {"\"\\", "ends inside a string"},
        {"\"\\x\"", "unknown escape"},
        {"\"\\u12\"", "unknown escape"},
        {"\"\\ud800\"", "surrogate"},
        {"\"\\udc00\"", "surrogate"},
        {"\"\\ud800\\u0041\"", "surrogate"},
        {"\"\\ud800\\ue000\"", "surrogate"},
        {"\"a\nb\"", "control character"},
        {"\"\xFF\"", "not UTF-8"},
        {"{\"a\":1,\n\"b\":2,\n\"\\u0061\":3}", "line 3, column 1: key 'a' appears twice"},
        {"{\"\\u0000\":1}", "must not contain"},
        {"tru", "expected a value"},
        {"nulls", "after the end"},
        {"/* c */ 1", "expected a value"},
        {"[1] // c", "after the end"},
        {"\"a\" \"b\"", "after the end"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        refused(cases[i][0], strlen(cases[i][0]), cases[i][1]);
    refused("1\0", 2, "after the end"); /* no C string: the length counts */
}

static void test_json_does_not_read_past_its_end(void **state)
{
    (void)state;
    hpo_error err;
    struct json_object *o = NULL;
    char *block = malloc(3);
    assert_non_null(block);
    memcpy(block, "123", 3);
    assert_ok(hpo_json_parse(block, 3, "x", &o, &err), err);
    assert_tree(o, "123");
    memcpy(block, "1e5", 3);
    assert_ok(hpo_json_parse(block, 3, "x", &o, &err), err);
    assert_tree(o, "100000.0");
    free(block);
}

static void test_depth(void **state)
{
    (void)state;
    char text[200];
    for (int depth = 63; depth <= 65; depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        text[2 * depth] = '\0';
        if (depth <= 64) {
            json_object_put(parse(text));
            json_object_put(parse_yaml(text));
        } else {
            refused(text, strlen(text), "64 levels");
            yaml_refused(text, "64 levels");
        }
    }
}

static void test_round_trip(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    hpo_str s = {0};
    for (T_ROUNDS(i, 5000)) {
        double v = t_odd_double(&r);
        char bytes[12];
        size_t n = (size_t)t_int(&r, 0, 12);
        for (size_t k = 0; k < n; k++)
            bytes[k] = (char)t_int(&r, 0, 127);
        hpo_str_clear(&s);
        hpo_str_addc(&s, '[');
        hpo_str_json_double(&s, v);
        hpo_str_addc(&s, ',');
        hpo_str_jsonn(&s, bytes, n);
        hpo_str_addc(&s, ']');
        struct json_object *o = parse(s.text), *text = json_object_array_get_idx(o, 1);
        double back = json_object_get_double(json_object_array_get_idx(o, 0));
        assert_true(back == v);
        assert_int_equal(json_object_get_string_len(text), n);
        assert_memory_equal(json_object_get_string(text), bytes, n);
        json_object_put(o);
    }
    hpo_str_fini(&s);
}

static void test_yaml_core_schema(void **state)
{
    (void)state;
    assert_tree(parse_yaml("- ~\n- null\n- Null\n- \n- nULL\n"), "[null,null,null,null,\"nULL\"]");
    assert_tree(parse_yaml("[true, True, FALSE, tRue, yes, no, on, y]"),
                "[true,true,false,\"tRue\",\"yes\",\"no\",\"on\",\"y\"]");
    assert_tree(parse_yaml("[0, 12, -3, +4, 010, 0o17, 0x1F, 0xff, 0x, 0o8, 1_000]"),
                "[0,12,-3,4,10,15,31,255,\"0x\",\"0o8\",\"1_000\"]");
    assert_tree(parse_yaml("[1e-5, 1., .5, -2.5E+3, +1.0, ., -, 1e, e5, 1.2.3]"),
                "[1e-05,1.0,0.5,-2500.0,1.0,\".\",\"-\",\"1e\",\"e5\",\"1.2.3\"]");
    assert_tree(parse_yaml("[.inf, -.Inf, +.INF, .nan, .NaN, -.nan, inf, nan]"),
                "[1e999,-1e999,1e999,NaN,NaN,\"-.nan\",\"inf\",\"nan\"]");
    assert_tree(parse_yaml("['1', \"true\", \"~\", '']"), "[\"1\",\"true\",\"~\",\"\"]");
    assert_tree(parse_yaml("[18446744073709551615, 18446744073709551616, 0xFFFFFFFFFFFFFFFF]"),
                "[18446744073709551615,1.8446744073709552e+19,18446744073709551615]");
    assert_tree(parse_yaml("lr: log 1e-5..1\nopt: {type: categorical, values: [sgd, adam]}\n3: x\n"),
                "{\"lr\":\"log "
                "1e-5..1\",\"opt\":{\"type\":\"categorical\",\"values\":[\"sgd\",\"adam\"]},\"3\":\"x\"}");
    assert_tree(parse_yaml("a: |\n  two\n  lines\nb: >\n  one\n  line\n"),
                "{\"a\":\"two\\nlines\\n\",\"b\":\"one line\\n\"}");
    assert_null(parse_yaml(""));
    assert_null(parse_yaml("# only a comment\n"));
}

static void test_yaml_anchors(void **state)
{
    (void)state;
    assert_tree(parse_yaml("a: &x {k: 1}\nb: *x\nc: [*x, *x]\n"),
                "{\"a\":{\"k\":1},\"b\":{\"k\":1},\"c\":[{\"k\":1},{\"k\":1}]}");
    assert_tree(parse_yaml("[&x 1, *x, &x 2, *x, &n ~, *n]"), "[1,1,2,2,null,null]");
    yaml_refused("&x [*x]", "names no finished anchor");
    yaml_refused("[*nobody]", "line 1, column 2: this alias");
    /* a billion laughs */
    hpo_str s = {0};
    hpo_str_add(&s, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 9; i++) {
        hpo_str_addf(&s, "a%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++)
            hpo_str_addf(&s, "%s*a%d", k != 0 ? ", " : "", i - 1);
        hpo_str_add(&s, "]\n");
    }
    yaml_refused(s.text, "more than 1000000 nodes");
    /* depth through aliases */
    hpo_str_clear(&s);
    hpo_str_add(&s, "- &a0 [x]\n");
    for (int i = 1; i < 70; i++)
        hpo_str_addf(&s, "- &a%d [*a%d]\n", i, i - 1);
    yaml_refused(s.text, "64 levels");
    hpo_str_fini(&s);
}

static void test_yaml_refusals(void **state)
{
    (void)state;
    yaml_refused("a: 1\nb: 2\na: 3\n", "line 3, column 1: key 'a' appears twice");
    yaml_refused("a: !!str 1", "tags");
    yaml_refused("a: !mine {b: 1}", "tags");
    yaml_refused("!!str a: 1", "tags");
    yaml_refused("<<: {a: 1}", "merge keys");
    yaml_refused("? [a]\n: 1", "a key must be");
    yaml_refused("&k a: 1", "anchor");
    yaml_refused("a: 1\n---\nb: 1\n", "only one document");
    yaml_refused("a: [1, 2\n", "line 2");
    yaml_refused("a: b: c\n", "line 1");
    yaml_refused("a: \xFF\n", "byte");
    yaml_refused("\ta: 1\n", "line 1");
}

static void test_document_chooses(void **state)
{
    (void)state;
    hpo_error err;
    struct json_object *o = NULL;
    assert_ok(hpo_document_parse(" \n{\"a\":1}", 9, "x", &o, &err), err);
    assert_tree(o, "{\"a\":1}");
    assert_ok(hpo_document_parse("a: 1", 4, "x", &o, &err), err);
    assert_tree(o, "{\"a\":1}");
    assert_fails(hpo_document_parse("{a: 1}", 6, "x", &o, &err), HPO_EINVAL, err, "expected a key");
    assert_ok(hpo_document_parse("", 0, "x", &o, &err), err);
    assert_null(o);
}

static void test_access(void **state)
{
    (void)state;
    hpo_error err;
    struct json_object *o =
        parse("{\"s\":\"text\",\"i\":7,\"d\":0.5,\"w\":1e3,\"b\":true,\"a\":[1],\"o\":{\"k\":1},\"n\":null,"
              "\"big\":18446744073709551615,\"z\":\"a\\u0000b\"}");
    struct json_object *child = NULL;
    const char *s = "default";
    double d = -1;
    int64_t i = -1;
    int b = -1;
    assert_ok(hpo_json_get_string(o, "x", "s", &s, &err), err);
    assert_string_equal(s, "text");
    assert_ok(hpo_json_get_int(o, "x", "i", &i, &err), err);
    assert_int_equal(i, 7);
    assert_ok(hpo_json_get_int(o, "x", "w", &i, &err), err);
    assert_int_equal(i, 1000);
    assert_ok(hpo_json_get_double(o, "x", "i", &d, &err), err);
    assert_true(d == 7);
    assert_ok(hpo_json_get_double(o, "x", "big", &d, &err), err);
    assert_true(d == 18446744073709551616.0);
    assert_ok(hpo_json_get_bool(o, "x", "b", &b, &err), err);
    assert_int_equal(b, 1);
    assert_ok(hpo_json_get_array(o, "x", "a", &child, &err), err);
    assert_int_equal(json_object_array_length(child), 1);
    assert_ok(hpo_json_get_object(o, "x", "o", &child, &err), err);
    assert_true(json_object_is_type(child, json_type_object));
    /* missing and null leave the default */
    s = "default";
    assert_ok(hpo_json_get_string(o, "x", "none", &s, &err), err);
    assert_ok(hpo_json_get_string(o, "x", "n", &s, &err), err);
    assert_string_equal(s, "default");
    assert_fails(hpo_json_get_string(o, "space", "i", &s, &err), HPO_EINVAL, err,
                 "space.i must be a string, not 7");
    assert_fails(hpo_json_get_string(o, "x", "z", &s, &err), HPO_EINVAL, err, "x.z");
    assert_fails(hpo_json_get_int(o, "x", "d", &i, &err), HPO_EINVAL, err, "x.d must be an integer, not 0.5");
    assert_fails(hpo_json_get_int(o, "x", "s", &i, &err), HPO_EINVAL, err, "x.s must be an integer");
    assert_fails(hpo_json_get_int(o, "x", "big", &i, &err), HPO_EINVAL, err, "below 2^63");
    assert_fails(hpo_json_get_double(o, "x", "b", &d, &err), HPO_EINVAL, err, "a number, not true");
    assert_fails(hpo_json_get_bool(o, "x", "i", &b, &err), HPO_EINVAL, err, "true or false");
    assert_fails(hpo_json_get_array(o, "x", "o", &child, &err), HPO_EINVAL, err, "an array");
    assert_fails(hpo_json_get_object(o, "x", "a", &child, &err), HPO_EINVAL, err, "an object");
    assert_fails(hpo_json_get_object(NULL, "x", "a", &child, &err), HPO_EINVAL, err, "x must be an object");
    json_object_put(o);
}

static void test_check_keys(void **state)
{
    (void)state;
    hpo_error err;
    static const char *const allowed[] = {"type", "low", "high", NULL}, *const nothing[] = {NULL};
    struct json_object *o = parse("{\"low\":1,\"hihg\":2}"), *fine = parse("{\"low\":1,\"type\":2}"),
                       *far = parse("{\"q\":1}");
    assert_ok(hpo_json_check_keys(fine, "x", allowed, &err), err);
    assert_fails(hpo_json_check_keys(o, "lr", allowed, &err), HPO_EINVAL, err,
                 "lr: unknown key 'hihg', did you mean 'high'?");
    assert_fails(hpo_json_check_keys(far, "lr", allowed, &err), HPO_EINVAL, err, "unknown key 'q'");
    assert_null(strstr(err.msg, "did you mean"));
    assert_fails(hpo_json_check_keys(far, "lr", nothing, &err), HPO_EINVAL, err, "unknown key 'q'");
    assert_fails(hpo_json_check_keys(NULL, "lr", allowed, &err), HPO_EINVAL, err, "lr must be an object");
    json_object_put(o);
    json_object_put(fine);
    json_object_put(far);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_values),
        cmocka_unit_test(test_json_numbers),
        cmocka_unit_test(test_json_refusals),
        cmocka_unit_test(test_json_does_not_read_past_its_end),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_yaml_core_schema),
        cmocka_unit_test(test_yaml_anchors),
        cmocka_unit_test(test_yaml_refusals),
        cmocka_unit_test(test_document_chooses),
        cmocka_unit_test(test_access),
        cmocka_unit_test(test_check_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
