/* SPDX-License-Identifier: Apache-2.0 */
/* Growable texts, JSON strings, edit distance. */
#include "base/str.h"
#include "base/alloc.h"
#include "t.h"

static void test_adding(void **state)
{
    (void)state;
    hpo_error err;
    hpo_str s = {0};
    hpo_str_add(&s, "a");
    hpo_str_addn(&s, "bcd", 2);
    hpo_str_addc(&s, '-');
    hpo_str_addf(&s, "%d/%s/%.3f", 7, "x", 0.5);
    hpo_str_addc(&s, ' ');
    hpo_str_int(&s, INT64_MIN);
    hpo_str_addc(&s, ' ');
    hpo_str_int(&s, INT64_MAX);
    hpo_str_addc(&s, ' ');
    hpo_str_int(&s, 0);
    hpo_str_addc(&s, ' ');
    hpo_str_double(&s, 1e-5);
    char *text = NULL;
    assert_ok(hpo_str_steal(&s, &text, &err), err);
    assert_string_equal(text, "abc-7/x/0.500 -9223372036854775808 9223372036854775807 0 1e-05");
    hpo_free(text);
    assert_null(s.text);
    assert_ok(hpo_str_steal(&s, &text, &err), err);
    assert_string_equal(text, "");
    hpo_free(text);
}

static void test_clear_keeps_memory(void **state)
{
    (void)state;
    hpo_str s = {0};
    hpo_str_clear(&s);
    for (int i = 0; i < 1000; i++)
        hpo_str_add(&s, "0123456789");
    assert_int_equal(s.len, 10000);
    size_t cap = s.cap;
    hpo_str_clear(&s);
    assert_int_equal(s.len, 0);
    assert_int_equal(s.cap, cap);
    assert_string_equal(s.text, "");
    hpo_str_fini(&s);
}

static void test_failure_is_sticky(void **state)
{
    (void)state;
    hpo_error err;
    hpo_str s = {0};
    t_alloc_install(1, 0);
    hpo_str_add(&s, "lost");
    hpo_str_add(&s, "lost too, though there would be memory");
    t_alloc_remove();
    assert_true(s.failed);
    assert_int_equal(s.len, 0);
    char untouched[] = "untouched", *text = untouched;
    assert_fails(hpo_str_steal(&s, &text, &err), HPO_ENOMEM, err, NULL);
    assert_string_equal(text, "untouched");
    assert_false(s.failed);
    hpo_str_addn(&s, "", SIZE_MAX - 1);
    assert_true(s.failed);
    hpo_str_fini(&s);
}

static void check_json(const char *in, size_t n, const char *want)
{
    hpo_str s = {0};
    hpo_str_jsonn(&s, in, n);
    assert_string_equal(s.text, want);
    hpo_str_fini(&s);
}

static void test_json_strings(void **state)
{
    (void)state;
    check_json("", 0, "\"\"");
    check_json("plain", 5, "\"plain\"");
    check_json("a\"b\\c\n\r\t\x01\x1f\x7f", 11, "\"a\\\"b\\\\c\\n\\r\\t\\u0001\\u001f\\u007f\"");
    check_json("nul\0in", 6, "\"nul\\u0000in\"");
    check_json("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", 9, "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"");
    /* not UTF-8: a lone continuation, an overlong form, a surrogate, above U+10FFFF, a cut character */
    check_json("\x80", 1, "\"\xEF\xBF\xBD\"");
    check_json("\xC0\xAF", 2, "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
    check_json("\xE0\x9F\xBF", 3, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
    check_json("\xED\xA0\x80", 3, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
    check_json("\xF4\x90\x80\x80", 4, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
    check_json("x\xE2\x82", 3, "\"x\xEF\xBF\xBD\xEF\xBF\xBD\"");
    check_json("\xF0\x8F\xBF\xBFz", 5, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz\"");
}

static void test_json_numbers(void **state)
{
    (void)state;
    hpo_str s = {0};
    const double values[] = {0.5, (double)NAN, HUGE_VAL, -HUGE_VAL, -0.0, 3};
    for (size_t i = 0; i < 6; i++) {
        hpo_str_json_double(&s, values[i]);
        hpo_str_addc(&s, ' ');
    }
    assert_string_equal(s.text, "0.5 null 1e999 -1e999 -0 3 ");
    hpo_str_clear(&s);
    hpo_str_json_member(&s, "a", 0.5);
    hpo_str_json_member(&s, "b", (double)NAN);
    assert_string_equal(s.text, ",\"a\":0.5,\"b\":null");
    hpo_str_fini(&s);
}

/* Levenshtein's recursion, straight from the definition. */
static unsigned distance_by_definition(const char *a, const char *b)
{
    if (*a == '\0') return (unsigned)strlen(b);
    if (*b == '\0') return (unsigned)strlen(a);
    if (*a == *b) return distance_by_definition(a + 1, b + 1);
    unsigned x = distance_by_definition(a + 1, b), y = distance_by_definition(a, b + 1);
    unsigned z = distance_by_definition(a + 1, b + 1), least = x < y ? x : y;
    return 1 + (least < z ? least : z);
}

static void test_edit_distance(void **state)
{
    (void)state;
    assert_int_equal(hpo_edit_distance("kitten", "sitting"), 3);
    assert_int_equal(hpo_edit_distance("", "abc"), 3);
    t_rng r = t_rng_create();
    for (T_ROUNDS(i, 2000)) {
        char a[8] = "", b[8] = "";
        for (int64_t k = t_int(&r, 0, 6); k > 0; k--)
            a[k - 1] = (char)t_int(&r, 'a', 'c');
        for (int64_t k = t_int(&r, 0, 6); k > 0; k--)
            b[k - 1] = (char)t_int(&r, 'a', 'c');
        assert_int_equal(hpo_edit_distance(a, b), distance_by_definition(a, b));
    }
    char longer[400];
    memset(longer, 'x', sizeof longer);
    longer[399] = '\0';
    assert_int_equal(hpo_edit_distance(longer, "x"), 255);
    longer[254] = '\0';
    assert_int_equal(hpo_edit_distance(longer, "x"), 253);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adding),
        cmocka_unit_test(test_clear_keeps_memory),
        cmocka_unit_test(test_failure_is_sticky),
        cmocka_unit_test(test_json_strings),
        cmocka_unit_test(test_json_numbers),
        cmocka_unit_test(test_edit_distance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
