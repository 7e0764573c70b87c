/* SPDX-License-Identifier: Apache-2.0 */
/* Doubles and texts: every written text reads back as the same bits and is the shortest that does; every
 * text reads as strtod (C locale) reads it. */
#include <locale.h>

#include "base/str.h"
#include "t.h"

static uint64_t bits_of(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static double from_bits(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* Significant digits of a text that hpo_double_text wrote. */
static int significant_digits(const char *text)
{
    int n = 0, zeros = 0, started = 0;
    for (const char *p = text; *p != '\0' && *p != 'e'; p++) {
        if (*p < '0' || *p > '9') continue;
        started |= *p != '0';
        if (!started) continue;
        zeros = *p == '0' ? zeros + 1 : 0;
        n++;
    }
    return n - zeros;
}

static void check(double v)
{
    char buf[32], other[64];
    double back = -1;
    size_t n = hpo_double_text(v, buf);
    assert_int_equal(n, strlen(buf));
    assert_true(n < 26);
    if (bits_of(strtod(buf, NULL)) != bits_of(v)) fail_msg("%.17g is written as %s", v, buf);
    if (!hpo_parse_double(buf, &back) || bits_of(back) != bits_of(v))
        fail_msg("%s reads as %.17g", buf, back);
    /* 17 and 26 digits: the product decides; the tail makes digits that are cut. */
    (void)snprintf(other, sizeof other, "%.16e", v);
    if (!hpo_parse_double(other, &back) || bits_of(back) != bits_of(v))
        fail_msg("%s reads as %.17g", other, back);
    (void)snprintf(other, sizeof other, "%.25e", v);
    if (!hpo_parse_double(other, &back) || bits_of(back) != bits_of(v))
        fail_msg("%s reads as %.17g", other, back);
    /* Shortest: the nearest decimal with one digit less is another double. */
    int digits = significant_digits(buf);
    assert_true(digits <= 17);
    if (digits < 2) return;
    (void)snprintf(other, sizeof other, "%.*e", digits - 2, v);
    if (strtod(other, NULL) == v) fail_msg("%s is shorter than %s", other, buf);
    /* And of those with as many digits, it is the nearest. */
    (void)snprintf(other, sizeof other, "%.*e", digits - 1, v);
    if (fabs(v) >= 0x1p-1022 && strtod(other, NULL) == v && bits_of(strtod(other, NULL)) == bits_of(v)) {
        char *end;
        long double a = strtold(buf, &end), b = strtold(other, &end);
        long double da = a > v ? a - v : v - a, db = b > v ? b - v : v - b;
        if (da > db) fail_msg("%s is nearer to %.17g than %s", other, v, buf);
    }
}

static void check_with_neighbours(double v)
{
    check(v);
    check(-v);
    if (v > 0) check(nextafter(v, 0));
    if (v < 1.7e308) check(nextafter(v, HUGE_VAL));
}

static void test_powers(void **state)
{
    (void)state;
    for (int e = -1074; e < 1024; e++)
        check_with_neighbours(ldexp(1, e));
    for (int e = -323; e <= 308; e++) {
        char text[16];
        (void)snprintf(text, sizeof text, "1e%d", e);
        check_with_neighbours(strtod(text, NULL));
        (void)snprintf(text, sizeof text, "5e%d", e);
        check_with_neighbours(strtod(text, NULL));
    }
}

static void test_random_bits(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    for (T_ROUNDS(i, 100000)) {
        double v = from_bits(t_u64(&r));
        if (isfinite(v)) check(v);
        check(t_uniform(&r));
        check(t_odd_double(&r));
    }
}

static void test_subnormals_halves_and_integers(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    for (uint64_t i = 1; i < 2000; i++) {
        check(from_bits(i));
        check((double)i / 2);
        check((double)i * 1e14);
        check(0x1p53 - (double)i);
        check(0x1p53 + 2 * (double)i);
        check(from_bits(t_u64(&r) >> 12));
    }
}

static void test_layout(void **state)
{
    (void)state;
    static const struct {
        double v;
        const char *text;
    } cases[] = {
        /* as Python 3 repr() writes them, integers without ".0" */
        {0.1, "0.1"},
        {1e-5, "1e-05"},
        {0.0001, "0.0001"},
        {0.00012345, "0.00012345"},
        {12, "12"},
        {100, "100"},
        {1e15, "1000000000000000"},
        {9999999999999998.0, "9999999999999998"},
        {1e16, "1e+16"},
        {12345678901234567890.0, "1.2345678901234567e+19"},
        {1e22, "1e+22"},
        {1e23, "1e+23"},
        {1.5e300, "1.5e+300"},
        {5e-324, "5e-324"},
        {2.2250738585072014e-308, "2.2250738585072014e-308"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {0, "0"},
        {-0.0, "-0"},
        {-2.5, "-2.5"},
        {123456.789, "123456.789"},
        {1.0 / 3, "0.3333333333333333"},
        {2.0 / 3, "0.6666666666666666"},
        {9007199254740993.0, "9007199254740992"},
        {HUGE_VAL, "inf"},
        {-HUGE_VAL, "-inf"},
    };
    char buf[32];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(hpo_double_text(cases[i].v, buf), strlen(cases[i].text));
        assert_string_equal(buf, cases[i].text);
    }
    assert_int_equal(hpo_double_text((double)NAN, buf), 3);
    assert_string_equal(buf, "nan");
}

static void test_parse_special(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double v;
        size_t used;
    } cases[] = {
        {"1", 1, 1},
        {"-1.5e3x", -1500, 6},
        {"+.5", 0.5, 3},
        {"5.", 5, 2},
        {"1e", 1, 1},
        {"1e+", 1, 1},
        {"1.e2", 100, 4},
        {"0x10", 0, 1},
        {"inf", HUGE_VAL, 3},
        {"-Infinity", -HUGE_VAL, 9},
        {"+INFxx", HUGE_VAL, 4},
        {"1e400", HUGE_VAL, 5},
        {"-1e-400", -0.0, 7},
        {"1e99999999999999999999", HUGE_VAL, 22},
        {"0e99999999999999999999", 0, 22},
        {"1e-99999999999999999999", 0, 23},
        {"0.0000000000000000000000000000000000000001", 1e-40, 42},
        /* decided by the exact comparison: half-way points, and one digit beside them */
        {"9007199254740993", 9007199254740992.0, 16},
        {"9007199254740995", 9007199254740996.0, 16},
        {"9007199254740993.00000000000000000000000000000000001", 9007199254740994.0, 52},
        {"2.4703282292062327208e-324", 0, 26},
        {"2.4703282292062328e-324", 5e-324, 23},
        {"1.7976931348623158e308", 1.7976931348623157e308, 22},
        {"1.797693134862315808e308", HUGE_VAL, 24},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double v = -7;
        const char *end = hpo_double_parse(cases[i].text, &v);
        if ((size_t)(end - cases[i].text) != cases[i].used || bits_of(v) != bits_of(cases[i].v))
            fail_msg("%s: %.17g, %zu bytes", cases[i].text, v, (size_t)(end - cases[i].text));
    }
    static const char *const none[] = {"", "-", "+", ".", "-.", "e5", ".e5", " 1", "x", "--1", "in", "na"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        double v = -7;
        assert_ptr_equal(hpo_double_parse(none[i], &v), none[i]);
        assert_true(v == -7);
    }
    double v = 0;
    assert_ptr_not_equal(hpo_double_parse("NaN", &v), NULL);
    assert_true(isnan(v));
    assert_false(hpo_parse_double("1 ", &v));
    assert_false(hpo_parse_double("", &v));
    assert_true(hpo_parse_double("1", &v));
}

static void test_parse_like_strtod(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    for (T_ROUNDS(i, 100000)) {
        char text[1000];
        int n = 0;
        int64_t len = i % 200 == 0 ? t_int(&r, 700, 900) : t_int(&r, 1, 40), point = t_int(&r, 0, len);
        for (int64_t k = 0; k < len; k++) {
            if (k == point) text[n++] = '.';
            text[n++] = (char)t_int(&r, '0', '9');
        }
        (void)snprintf(text + n, sizeof text - (size_t)n, "e%d", (int)t_int(&r, -360, 330));
        double ours = -1, reference = strtod(text, NULL);
        assert_true(hpo_parse_double(text, &ours));
        if (bits_of(ours) != bits_of(reference)) fail_msg("%s: %.17g, not %.17g", text, ours, reference);
    }
}

/* The points exactly between two doubles, written in full, go to the even one; a trace above, to the upper.
 */
static void test_halfway(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    for (T_ROUNDS(i, 3000)) {
        double low = ldexp(1 + t_uniform(&r), (int)t_int(&r, -60, 60)), high = nextafter(low, HUGE_VAL),
               v = 0;
        char text[400];
        /* exact in 64 bits of long double here; %.150Lf prints all digits of such numbers */
        long double middle = ((long double)low + (long double)high) / 2;
        if (sizeof(long double) < 16) return;
        (void)snprintf(text, sizeof text, "%.150Lf", middle);
        assert_true(hpo_parse_double(text, &v));
        assert_true(v == (bits_of(low) % 2 == 0 ? low : high));
        (void)strncat(text, "1", sizeof text - strlen(text) - 1);
        assert_true(hpo_parse_double(text, &v));
        assert_true(v == high);
    }
}

/* More digits than are compared: the tail beyond them still decides. */
static void test_very_long_texts(void **state)
{
    (void)state;
    char text[1400];
    double v = -1;
    assert_true(snprintf(text, sizeof text, "%.1200Lf", ldexpl(1, -1075)) >
                1200); /* half the smallest double */
    assert_true(hpo_parse_double(text, &v) && bits_of(v) == 0);
    (void)strncat(text, "1", sizeof text - strlen(text) - 1);
    assert_true(hpo_parse_double(text, &v) && v == 5e-324);
    /* halfway between the largest double and 2^1024, and one digit in the 400th place below */
    long double limit = ldexpl(0x1.fffffffffffff8p0L, 1023);
    assert_true(snprintf(text, sizeof text, "%.0Lf", limit) == 309);
    assert_true(hpo_parse_double(text, &v) && v == HUGE_VAL);
    text[308] = (char)(text[308] - 1);
    assert_true(hpo_parse_double(text, &v) && v == 1.7976931348623157e308);
    memset(text, '0', 1300);
    text[1] = '.';
    text[1299] = '7';
    text[1300] = '\0';
    assert_true(hpo_parse_double(text, &v) && v == 0);
    memcpy(text + 1300, "e1299", 6);
    assert_true(hpo_parse_double(text, &v) && v == 70);
}

static void test_integers(void **state)
{
    (void)state;
    int64_t v = 5;
    assert_true(hpo_parse_int("9223372036854775807", &v) && v == INT64_MAX);
    assert_true(hpo_parse_int("-9223372036854775808", &v) && v == INT64_MIN);
    assert_true(hpo_parse_int("+7", &v) && v == 7);
    assert_true(hpo_parse_int("-0", &v) && v == 0);
    assert_true(hpo_parse_int("007", &v) && v == 7);
    static const char *const bad[] = {"",
                                      "-",
                                      "+",
                                      "1.0",
                                      "1e3",
                                      " 1",
                                      "1 ",
                                      "0x1",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "99999999999999999999999",
                                      "--1"};
    v = 5;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(hpo_parse_int(bad[i], &v));
        assert_int_equal(v, 5);
    }
}

static void test_any_locale(void **state)
{
    (void)state;
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "nl_NL.UTF-8", "de_DE"};
    const char *found = NULL;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && found == NULL; i++)
        found = setlocale(LC_ALL, names[i]);
    double v = 0;
    char buf[32];
    hpo_double_text(0.5, buf);
    int good = hpo_parse_double("0.25", &v) && v == 0.25 && strcmp(buf, "0.5") == 0;
    (void)setlocale(LC_ALL, "C");
    assert_true(good);
    if (found == NULL) T_SKIP("no locale with a decimal comma is installed: tested in the C locale only");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_powers),
        cmocka_unit_test(test_random_bits),
        cmocka_unit_test(test_subnormals_halves_and_integers),
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_parse_special),
        cmocka_unit_test(test_parse_like_strtod),
        cmocka_unit_test(test_halfway),
        cmocka_unit_test(test_very_long_texts),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_any_locale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
