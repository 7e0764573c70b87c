/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions: values, unknowns, types, limits, and enclosures against sampled values. */
#include "t.h"

#include "base/alloc.h"
#include "math/rng.h"
#include "space/space.h"

/* a space with one of everything; x: a = 3, b = 0.5, opt = adam, flag = true, off inactive */
typedef struct fixture {
    hpo_space *s;
    double x[64];
} fixture;

static fixture make(void)
{
    fixture f = {0};
    hpo_error err;
    assert_ok(
        hpo_space_parse("a: int -10..10; b: 0..1; opt: sgd,adam; size: ordinal small,medium,large\n"
                        "w: ordinal 64,128,256; flag: bool; off: 0..1 if flag == false; p: perm x,y,z\n"
                        "m: simplex 3; f: subset u,v,w; vec: vector 2 0..10; k: const 7; e: fidelity 1..81\n"
                        "lr-decay: 0..1; opt2: adam,sgd,lbfgs",
                        &f.s, &err),
        err);
    assert_ok(hpo_space_add_derived(f.s, "units", "2 ** a", &err), err);
    assert_ok(hpo_space_freeze(f.s, &err), err);
    assert_ok(hpo_space_config_from_json(f.s,
                                         "{\"a\":3,\"b\":0.5,\"opt\":\"adam\",\"size\":\"medium\",\"w\":128,"
                                         "\"flag\":true,\"p\":[\"z\",\"x\",\"y\"],\"m\":[0.25,0.25,0.5],"
                                         "\"f\":[\"u\",\"w\"],\"vec\":[2,5],\"e\":9,\"lr-decay\":0.125,"
                                         "\"opt2\":\"sgd\"}",
                                         f.x, &err),
              err);
    return f;
}

static double value(const fixture *f, const char *text, hpo_expr_want want)
{
    hpo_expr *e;
    hpo_error err;
    assert_ok(hpo_expr_compile(f->s, text, want, "test", &e, &err), err);
    double v = hpo_expr_eval(e, f->x);
    hpo_expr_free(e);
    return v;
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
    } rows[] = {
        {"1 + 2 * 3", 7},
        {"(1 + 2) * 3", 9},
        {"2 ** 3 ** 2", 512},
        {"-2 ** 2", -4},
        {"7 // 2", 3},
        {"-7 // 2", -4},
        {"-7 % 3", 2},
        {"7 % -3", -2},
        {"a", 3},
        {"-a", -3},
        {"a * b", 1.5},
        {"w / 2", 64},
        {"k", 7},
        {"flag + 1", 2},
        {"min(a, 2, 5)", 2},
        {"max(a, b)", 3},
        {"abs(-a)", 3},
        {"sqrt(a + 1)", 2},
        {"log(exp(1))", 1},
        {"floor(2.7)", 2},
        {"ceil(2.2)", 3},
        {"round(2.5)", 2},
        {"round(3.5)", 4},
        {"round(-0.5)", 0},
        {"len(f)", 2},
        {"len(p)", 3},
        {"sum(vec)", 7},
        {"max(vec)", 5},
        {"min(m)", 0.25},
        {"vec[1]", 5},
        {"vec[a - 2]", 5},
        {"m[2]", 0.5},
        {"1 if a > 2 else 0", 1},
        {"10 if opt == sgd else 20 if opt == adam else 30", 20},
        {"units", 8},
        {"`lr-decay` * 8", 1},
        {"e", 81},
        {"sum(1, 2, a)", 6},
        {"1e-3 * 1000", 1},
        {".5 + .5", 1},
    };
    fixture f = make();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_near(value(&f, rows[i].text, HPO_WANT_NUMBER), rows[i].value, 1e-15, 0);
    hpo_space_free(f.s);
}

static void test_truths(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int value; /* -1: unknown */
    } rows[] = {
        {"a == 3", 1},
        {"a != 3", 0},
        {"1 < a < 4", 1},
        {"1 < a < 3", 0},
        {"0 < b <= 0.5 < a", 1},
        {"opt == adam", 1},
        {"opt == 'sgd'", 0},
        {"opt != \"sgd\"", 1},
        {"'adam' == opt", 1},
        {"opt in [sgd, adam]", 1},
        {"opt in {sgd}", 0},
        {"opt not in ['sgd']", 1},
        {"opt == opt2", 0},
        {"a in [1, 2, 3]", 1},
        {"a in [b, 2 * b, 6 * b]", 1},
        {"a in []", 0},
        {"-a in [-3]", 1},
        {"size > small", 1},
        {"size >= large", 0},
        {"medium <= size", 1},
        {"small < size < large", 1},
        {"w == 128", 1},
        {"w > 64", 1},
        {"w in [64, 128]", 1},
        {"w == '128'", 1},
        {"flag", 1},
        {"not flag", 0},
        {"flag == true", 1},
        {"flag and a == 3", 1},
        {"u in f", 1},
        {"v in f", 0},
        {"'v' not in f", 1},
        {"f['w'] and f['u']", 1},
        {"p[0] == z", 1},
        {"p[1] == 'x' and p[2] == y", 1},
        {"active(off)", 0},
        {"active(a)", 1},
        {"not active(off) or off > 1", 1},
        {"off > 0", -1},
        {"off > 0 and a == 0", 0},
        {"off > 0 and a == 3", -1},
        {"off > 0 or a == 3", 1},
        {"not (off > 0)", -1},
        {"log(-1) > 0", -1},
        {"1 / 0 > 0", -1},
        {"vec[9 - 0 * a] > 0", -1},
        {"e == 81", 1},
        {"true or off > 0", 1},
        {"a == 3 if flag else off > 0", 1},
    };
    fixture f = make();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double v = value(&f, rows[i].text, HPO_WANT_TRUTH);
        int got = isnan(v) ? -1 : (int)v;
        if (got != rows[i].value) print_message("# %s\n", rows[i].text);
        assert_int_equal(got, rows[i].value);
    }
    hpo_space_free(f.s);
}

static void test_messages(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
    } rows[] = {
        {"a ==", "expected a value at the end"},
        {"a = 3", "write '=='"},
        {"a && b", "write 'and', 'or'"},
        {"!flag", "write 'not'"},
        {"(a > 3", "expected ')'"},
        {"a > 3 4", "should end here"},
        {"opt == adm", "opt has no label 'adm'; did you mean 'adam'?"},
        {"opt == 'zzzzzz'", "its labels begin with 'sgd'"},
        {"opt < adam", "no order"},
        {"opt > 3", "opt has labels, not numbers"},
        {"aa > 3", "unknown name 'aa'; did you mean 'a'?"},
        {"nonsense > 3", "declare it as a parameter"},
        {"a", "a condition (true or false) is needed"},
        {"p == 3", "take one entry, as in p[0]"},
        {"p[7] == x", "entries 0 to 2"},
        {"foo(a) > 1", "unknown function 'foo'"},
        {"sqrt(a, b) > 1", "takes one value"},
        {"a in opt", "'in' needs a list"},
        {"'abc' > 'b'", "only be compared with a label"},
        {"a if flag", "expected 'else'"},
        {"'abc", "a quote is not closed"},
        {"active(3)", "takes the name"},
        {"lr - decay > 1", "unknown name 'lr'"},
    };
    fixture f = make();
    hpo_error err;
    hpo_expr *e;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_fails(hpo_expr_compile(f.s, rows[i].text, HPO_WANT_TRUTH, "c", &e, &err), HPO_EINVAL, err,
                     rows[i].part);
        assert_null(e);
        assert_null(strchr(err.msg, '\n'));
    }
    hpo_space_free(f.s);
}

/* Text of n times `part` with `open` before and `close` behind; the caller frees. */
static char *repeat(const char *part, size_t n, const char *end)
{
    hpo_str s = {0};
    hpo_error err;
    char *out;
    for (size_t i = 0; i < n; i++)
        hpo_str_add(&s, part);
    hpo_str_add(&s, end);
    assert_ok(hpo_str_steal(&s, &out, &err), err);
    return out;
}

static void test_limits(void **state)
{
    (void)state;
    fixture f = make();
    hpo_error err;
    hpo_expr *e;
    char *text = repeat("(", 1000, "a");
    assert_fails(hpo_expr_compile(f.s, text, HPO_WANT_NUMBER, "c", &e, &err), HPO_EINVAL, err, "nested");
    hpo_free(text);
    text = repeat("not ", 1000, "flag");
    assert_fails(hpo_expr_compile(f.s, text, HPO_WANT_TRUTH, "c", &e, &err), HPO_EINVAL, err, "nested");
    hpo_free(text);
    text = repeat("a + ", 1500, "a");
    assert_ok(hpo_expr_compile(f.s, text, HPO_WANT_NUMBER, "c", &e, &err), err);
    assert_near(hpo_expr_eval(e, f.x), 4503, 0, 0);
    hpo_expr_free(e);
    hpo_free(text);
    text = repeat("a + ", 3000, "a");
    assert_fails(hpo_expr_compile(f.s, text, HPO_WANT_NUMBER, "c", &e, &err), HPO_EINVAL, err, "more than");
    hpo_free(text);
    text = repeat("a + ", 30000, "a");
    assert_fails(hpo_expr_compile(f.s, text, HPO_WANT_NUMBER, "c", &e, &err), HPO_EINVAL, err, "longer than");
    hpo_free(text);
    /* a chain mentions its middle twice: 40 levels would be 2^40 */
    text = repeat("(0 < ", 40, "a");
    hpo_str s = {0};
    hpo_str_add(&s, text);
    for (int i = 0; i < 40; i++)
        hpo_str_add(&s, " < 2)");
    assert_int_equal(hpo_expr_compile(f.s, s.text, HPO_WANT_TRUTH, "c", &e, &err), HPO_EINVAL);
    hpo_str_fini(&s);
    hpo_free(text);
    hpo_space_free(f.s);
}

static void test_derived_circle(void **state)
{
    (void)state;
    hpo_space *s;
    hpo_error err;
    assert_ok(hpo_space_parse("a: 0..1", &s, &err), err);
    assert_ok(hpo_space_add_derived(s, "u", "v + 1", &err), err);
    assert_ok(hpo_space_add_derived(s, "v", "u + 1", &err), err);
    assert_fails(hpo_space_freeze(s, &err), HPO_EINVAL, err, "depends on itself");
    hpo_space_free(s);
}

/* Every value of an expression over a box lies in the enclosure over that box. */
static void test_enclosures(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "a * b - c / (d + 2)",
        "a ** 2 + b ** 3",
        "abs(a) ** b",
        "(a + 3) ** c",
        "log(a + 2) * exp(b)",
        "sqrt(b) // c",
        "a % 3",
        "n % 4 + n // 3",
        "min(a, b) * max(c, d)",
        "1 if a < b else c",
        "round(a * 3) + floor(b) - ceil(c)",
        "(a < b) + (c <= d) * 2 + (n == 3) * 4",
        "b if opt == y else a",
        "sum(m) + max(m) - min(m)",
        "m[0] * m[1]",
        "n in [1, 2, 5]",
        "opt in [x, z]",
        "len(f) + (u in f)",
        "w * n",
        "g + 1",
        "1 / a",
        "a / a",
        "(opt == y) or (g > 0.5)",
        "not (g > 0.5 and a > 0)",
        "active(g) + 0",
        "vec[0] - vec[n - n]",
        "0 ** n",
        "(a * 1e9 + 1e12) % 0.3", /* a quotient that is exact nowhere */
        "(a + 1e9) % 0.001",
        "1e999 % n",
        "a % 1e999",
    };
    hpo_space *s;
    hpo_error err;
    assert_ok(hpo_space_parse(
                  "a: -2..2; b: 0..3; c: -1..5; d: log 0.01..10; n: int 0..7; opt: x,y,z; m: simplex 3\n"
                  "f: subset u,v; w: ordinal 1,10,100; g: 0..1 if opt == x; vec: vector 2 -1..1",
                  &s, &err),
              err);
    assert_ok(hpo_space_freeze(s, &err), err);
    size_t nd = hpo_space_n_dims(s), nc = hpo_space_n_columns(s), can_fail = 0;
    t_rng r = t_rng_create();
    double bounds[64], u[32], x[32];
    hpo_range columns[32];
    assert_true(nd <= 32 && nc <= 32);
    for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
        hpo_expr *e;
        assert_ok(hpo_expr_compile(s, texts[k], HPO_WANT_ANY, "c", &e, &err), err);
        for (T_ROUNDS(i, 300)) {
            double width = i % 3 == 0 ? 1 : i % 3 == 1 ? 0.2 : 0.01;
            for (size_t j = 0; j < nd; j++) {
                bounds[2 * j] = t_between(&r, 0, 1 - width);
                bounds[2 * j + 1] = bounds[2 * j] + width;
            }
            hpo_region_columns(s, bounds, columns);
            hpo_range range = hpo_expr_interval(e, columns);
            for (int t = 0; t < 20; t++) {
                for (size_t j = 0; j < nd; j++) {
                    u[j] = t == 0 ? bounds[2 * j] : t_between(&r, bounds[2 * j], bounds[2 * j + 1]);
                    if (u[j] >= bounds[2 * j + 1]) u[j] = bounds[2 * j];
                }
                hpo_space_decode(s, u, x);
                for (size_t j = 0; j < nc; j++)
                    assert_true(isnan(x[j]) ? columns[j].unknown
                                            : x[j] >= columns[j].lo && x[j] <= columns[j].hi);
                double v = hpo_expr_eval(e, x);
                int inside = isnan(v) ? range.unknown : v >= range.lo && v <= range.hi;
                if (!inside)
                    print_message("# %s = %.17g not in [%.17g, %.17g]\n", texts[k], v, range.lo, range.hi);
                assert_true(inside);
            }
            can_fail += range.lo == range.hi || range.lo > -1e300;
        }
        hpo_expr_free(e);
    }
    assert_true(can_fail > 1000); /* the enclosures are not all the whole line */
    hpo_space_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),        cmocka_unit_test(test_truths),
        cmocka_unit_test(test_messages),       cmocka_unit_test(test_limits),
        cmocka_unit_test(test_derived_circle), cmocka_unit_test(test_enclosures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
