/* SPDX-License-Identifier: Apache-2.0 */
/* Accuracy of the functions of func.h against the 80-bit long double ones of libm (64 bits of precision, so
 * the oracle's own error is below 0.001 ulp of a double), on random points of each range that takes another
 * path. The bounds are those of docs/numerics.md.  Where long double is no wider than double the tests are
 * skipped. */
#include <float.h>

#include "math/func.h"
#include "math/linalg.h"
#include "t.h"

/* Distance in units of the last place of the correct double result. */
static double ulps(double got, long double want)
{
    double w = (double)want;
    if (isnan(got) || isnan(w)) return isnan(got) && isnan(w) ? 0 : HUGE_VAL;
    if (isinf(got) || isinf(w) || w == 0) return got == w ? 0 : HUGE_VAL;
    int e;
    frexp(w, &e);
    if (e < -1021) e = -1021;
    return (double)(fabsl((long double)got - want) / ldexpl(1.0L, e - 53));
}

typedef enum spread { LINEAR, LOG } spread; /* LOG: of either sign when lo < 0 */
typedef struct range {
    const char *name;
    double (*fn)(double);
    long double (*ref)(long double);
    spread how;
    double lo, hi, shift, bound;
} range;

/* erfcx from its continued fraction (A&S 7.1.14), or the definition where that does not overflow */
static long double erfcx_ref(long double x)
{
    if (x < 9) return expl(x * x) * erfcl(x);
    long double f = x;
    for (int k = 300; k > 0; k--)
        f = x + 0.5L * (long double)k / f;
    return 0.564189583547756286948079451560772586L / f;
}

static const range ranges[] = {
    {"exp", hpo_exp, expl, LINEAR, -708.3, 709.78, 0, 0.53},
    {"exp to subnormal", hpo_exp, expl, LINEAR, -745.1, -708.3, 0, 1.0},
    {"exp near 0", hpo_exp, expl, LOG, -1e-20, 1, 0, 0.53},
    {"expm1", hpo_expm1, expm1l, LINEAR, -41, 709.7, 0, 1.0},
    {"expm1 near 0", hpo_expm1, expm1l, LOG, -1e-300, 1, 0, 1.1},
    {"log", hpo_log, logl, LOG, 5e-324, 1.7e308, 0, 0.51},
    {"log 0.5..2", hpo_log, logl, LINEAR, 0.5, 2, 0, 0.51},
    {"log near 1", hpo_log, logl, LOG, -1e-15, 0.5, 1, 0.51},
    {"log1p", hpo_log1p, log1pl, LOG, 1e-300, 1.7e308, 0, 0.52},
    {"log1p -1..2", hpo_log1p, log1pl, LINEAR, -1, 2, 0, 0.52},
    {"log1p near 0", hpo_log1p, log1pl, LOG, -1e-17, 0.999, 0, 0.52},
    {"log2", hpo_log2, log2l, LOG, 5e-324, 1.7e308, 0, 0.51},
    {"log2 near 1", hpo_log2, log2l, LOG, -1e-15, 0.5, 1, 0.51},
    {"log10", hpo_log10, log10l, LOG, 5e-324, 1.7e308, 0, 0.51},
    {"log10 near 1", hpo_log10, log10l, LOG, -1e-15, 0.5, 1, 0.51},
    {"tanh", hpo_tanh, tanhl, LOG, -1e-10, 23, 0, 2.5},
    {"sin", hpo_sin, sinl, LINEAR, -10, 10, 0, 0.85},
    {"sin 1e6", hpo_sin, sinl, LINEAR, -2e6, 2e6, 0, 0.85},
    {"sin huge", hpo_sin, sinl, LOG, -1e6, 1e308, 0, 0.85},
    {"sin near pi", hpo_sin, sinl, LOG, -1e-15, 0.1, 3.141592653589793, 0.85},
    {"cos", hpo_cos, cosl, LINEAR, -10, 10, 0, 0.85},
    {"cos huge", hpo_cos, cosl, LOG, -1e5, 1e308, 0, 0.85},
    {"atan", hpo_atan, atanl, LOG, -1e-10, 1e20, 0, 1.5},
    {"atan -2..2", hpo_atan, atanl, LINEAR, -2, 2, 0, 1.5},
    {"erf", hpo_erf, erfl, LOG, -1e-300, 7, 0, 1.9},
    {"erfc", hpo_erfc, erfcl, LINEAR, -6, 26.5, 0, 3.0},
    {"erfc subnormal", hpo_erfc, erfcl, LINEAR, 26.5, 27.5, 0, 3.0},
    {"erfcx", hpo_erfcx, erfcx_ref, LINEAR, -3, 9, 0, 2.2},
    {"erfcx right", hpo_erfcx, erfcx_ref, LOG, 9, 1e30, 0, 1.8},
    {"lgamma", hpo_lgamma, lgammal, LINEAR, 1e-3, 12, 0, 3.5},
    {"lgamma wide", hpo_lgamma, lgammal, LOG, 1e-300, 1e300, 0, 3.5},
    {"lgamma near 1", hpo_lgamma, lgammal, LOG, -1e-15, 0.5, 1, 3.5},
    {"lgamma near 2", hpo_lgamma, lgammal, LOG, -1e-15, 0.5, 2, 3.5},
};

static double pick(t_rng *r, const range *g)
{
    if (g->how == LINEAR) return t_between(r, g->lo, g->hi);
    double v = exp(t_between(r, log(fabs(g->lo)), log(g->hi)));
    return g->shift + (g->lo < 0 && t_u64(r) & 1u ? -v : v);
}

static void test_accuracy(void **state)
{
    (void)state;
    if (LDBL_MANT_DIG < 64) T_SKIP("long double is no better than double here");
    t_rng r = t_rng_create();
    for (size_t k = 0; k < sizeof ranges / sizeof ranges[0]; k++) {
        const range *g = &ranges[k];
        double worst = 0, at = 0;
        for (T_ROUNDS(i, 60000)) {
            double x = pick(&r, g), e = ulps(g->fn(x), g->ref((long double)x));
            if (e > worst) {
                worst = e;
                at = x;
            }
        }
        print_message("# %-18s %.3f ulp at %a\n", g->name, worst, at);
        if (worst > g->bound)
            fail_msg("%s: %.3f ulp at %a, at most %.2f promised", g->name, worst, at, g->bound);
    }
}

static void test_pow_accuracy(void **state)
{
    (void)state;
    if (LDBL_MANT_DIG < 64) T_SKIP("long double is no better than double here");
    t_rng r = t_rng_create();
    double worst = 0, worst_x = 0, worst_y = 0;
    for (T_ROUNDS(i, 300000)) {
        double x, y;
        switch (i % 4) {
        case 0: /* ordinary */
            x = t_between(&r, 0, 10);
            y = t_between(&r, -5, 5);
            break;
        case 1: /* near 1 with large exponents */
            x = 1 + t_between(&r, -1e-3, 1e-3) * pow(2, -(double)(t_u64(&r) % 40));
            y = t_between(&r, -700, 700) / log(x);
            break;
        case 2: /* anywhere, results anywhere (subnormal too) */
            x = exp(t_between(&r, -700, 700));
            y = t_between(&r, -744, 709) / log(x);
            break;
        default: /* negative base, integer exponent */
            x = -t_between(&r, 0, 10);
            y = (double)t_int(&r, -30, 30);
        }
        if (!(fabs(y) < 1e300)) continue;
        long double want = powl((long double)x, (long double)y);
        double e = ulps(hpo_pow(x, y), want), bound = fabsl(want) < 0x1p-1022L ? 1.0 : 0.55;
        if (e / bound > worst) {
            worst = e / bound;
            worst_x = x;
            worst_y = y;
        }
    }
    print_message("# pow: %.3f of its bound at %a, %a\n", worst, worst_x, worst_y);
    assert_true(worst <= 1);
}

/* The double that comes closest to a multiple of pi/2: 6381956970095103 2^797 (Muller et al., Handbook of
 * Floating-Point Arithmetic, section 10.2): the reduced argument is 4.7e-19, 61 bits cancel. */
static void test_hardest_reduction(void **state)
{
    (void)state;
    double x = ldexp(6381956970095103.0, 797);
    assert_ulps(hpo_cos(x), -4.6871659242546276e-19, 1);
    assert_near(fabs(hpo_sin(x)), 1, 0, 0);
    assert_ulps(hpo_sin(3.141592653589793), 1.2246467991473532e-16, 1);
    assert_ulps(hpo_sin(1e22), -0.8522008497671888, 1); /* a classic: Ng (1992) */
}

/* Exact results are exact. */
static void test_exact(void **state)
{
    (void)state;
    for (int k = -1074; k <= 1023; k++) {
        double p = ldexp(1, k);
        assert_true(hpo_log2(p) == k);
        if (k < 1023) assert_true(hpo_pow(2, k) == p);
    }
    double ten = 1;
    for (int k = 0; k <= 22; k++, ten *= 10) {
        assert_true(hpo_log10(ten) == k);
        assert_true(hpo_pow(10, k) == ten);
    }
    for (int i = 1; i <= 1000; i++) {
        assert_true(hpo_pow(i, 2) == (double)i * i);
        assert_true(hpo_pow((double)i * i, 0.5) == i);
        assert_true(hpo_pow(i, 1) == i);
    }
    assert_true(hpo_lgamma(1) == 0 && hpo_lgamma(2) == 0);
    for (int n = 3; n <= 18; n++)
        assert_near(hpo_exp(hpo_lgamma(n)), tgamma(n), 1e-13, 0);
}

#define NAN_ ((double)NAN)
#define INF HUGE_VAL

/* C17 Annex F.10: f(x) for zeros, infinities, NaN, limits.  Zeros with their sign. */
static void test_special_values(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double (*fn)(double);
        double x, want;
    } rows[] = {
        {"exp", hpo_exp, 0, 1},
        {"exp", hpo_exp, -0.0, 1},
        {"exp", hpo_exp, INF, INF},
        {"exp", hpo_exp, -INF, 0},
        {"exp", hpo_exp, 709.79, INF},
        {"exp", hpo_exp, -746, 0},
        {"exp", hpo_exp, -745.1332191019411, 5e-324},
        {"exp", hpo_exp, 1e300, INF},
        {"exp", hpo_exp, -1e300, 0},
        {"exp", hpo_exp, NAN_, NAN_},
        {"expm1", hpo_expm1, 0, 0},
        {"expm1", hpo_expm1, -0.0, -0.0},
        {"expm1", hpo_expm1, INF, INF},
        {"expm1", hpo_expm1, -INF, -1},
        {"expm1", hpo_expm1, 5e-324, 5e-324},
        {"expm1", hpo_expm1, 710, INF},
        {"log", hpo_log, 0, -INF},
        {"log", hpo_log, -0.0, -INF},
        {"log", hpo_log, 1, 0},
        {"log", hpo_log, -1, NAN_},
        {"log", hpo_log, INF, INF},
        {"log", hpo_log, -INF, NAN_},
        {"log", hpo_log, NAN_, NAN_},
        {"log1p", hpo_log1p, 0, 0},
        {"log1p", hpo_log1p, -0.0, -0.0},
        {"log1p", hpo_log1p, -1, -INF},
        {"log1p", hpo_log1p, -1.5, NAN_},
        {"log1p", hpo_log1p, INF, INF},
        {"log1p", hpo_log1p, 5e-324, 5e-324},
        {"log2", hpo_log2, 0, -INF},
        {"log2", hpo_log2, -2, NAN_},
        {"log2", hpo_log2, INF, INF},
        {"log10", hpo_log10, 0, -INF},
        {"log10", hpo_log10, 1, 0},
        {"log10", hpo_log10, INF, INF},
        {"sin", hpo_sin, 0, 0},
        {"sin", hpo_sin, -0.0, -0.0},
        {"sin", hpo_sin, INF, NAN_},
        {"cos", hpo_cos, 0, 1},
        {"cos", hpo_cos, -INF, NAN_},
        {"cos", hpo_cos, NAN_, NAN_},
        {"sin", hpo_sin, 5e-324, 5e-324},
        {"tanh", hpo_tanh, 0, 0},
        {"tanh", hpo_tanh, -0.0, -0.0},
        {"tanh", hpo_tanh, INF, 1},
        {"tanh", hpo_tanh, -INF, -1},
        {"tanh", hpo_tanh, NAN_, NAN_},
        {"atan", hpo_atan, -0.0, -0.0},
        {"atan", hpo_atan, INF, 1.5707963267948966},
        {"atan", hpo_atan, -INF, -1.5707963267948966},
        {"atan", hpo_atan, 1, 0.7853981633974483},
        {"erf", hpo_erf, -0.0, -0.0},
        {"erf", hpo_erf, INF, 1},
        {"erf", hpo_erf, -INF, -1},
        {"erf", hpo_erf, NAN_, NAN_},
        {"erfc", hpo_erfc, INF, 0},
        {"erfc", hpo_erfc, -INF, 2},
        {"erfc", hpo_erfc, 0, 1},
        {"erfcx", hpo_erfcx, 0, 1},
        {"erfcx", hpo_erfcx, INF, 0},
        {"erfcx", hpo_erfcx, -INF, INF},
        {"lgamma", hpo_lgamma, 0, INF},
        {"lgamma", hpo_lgamma, -3, INF},
        {"lgamma", hpo_lgamma, INF, INF},
        {"lgamma", hpo_lgamma, -INF, INF},
        {"lgamma", hpo_lgamma, NAN_, NAN_},
        {"digamma", hpo_digamma, 0, NAN_},
        {"digamma", hpo_digamma, -2, NAN_},
        {"digamma", hpo_digamma, INF, INF},
        {"log1mexp", hpo_log1mexp, 0, -INF},
        {"log1mexp", hpo_log1mexp, -INF, -0.0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        double got = rows[i].fn(rows[i].x);
        int same =
            isnan(rows[i].want) ? isnan(got) : got == rows[i].want && !signbit(got) == !signbit(rows[i].want);
        if (!same) fail_msg("%s(%a) is %a, not %a", rows[i].name, rows[i].x, got, rows[i].want);
    }
}

/* C17 Annex F.10.4.4, line by line. */
static void test_pow_special(void **state)
{
    (void)state;
    static const struct {
        double x, y, want;
    } rows[] = {
        {0, -3, INF},
        {-0.0, -3, -INF},
        {0, -2, INF},
        {-0.0, -2, INF},
        {-0.0, -2.5, INF},
        {0, -INF, INF},
        {-0.0, -INF, INF},
        {0, 3, 0},
        {-0.0, 3, -0.0},
        {-0.0, 2, 0},
        {-0.0, 0.5, 0},
        {-1, INF, 1},
        {-1, -INF, 1},
        {1, NAN_, 1},
        {1, INF, 1},
        {NAN_, 0, 1},
        {INF, -0.0, 1},
        {-2, 0.5, NAN_},
        {0.5, -INF, INF},
        {-0.5, -INF, INF},
        {2, -INF, 0},
        {-2, -INF, 0},
        {0.5, INF, 0},
        {2, INF, INF},
        {-INF, -3, -0.0},
        {-INF, -2, 0},
        {-INF, 3, -INF},
        {-INF, 2, INF},
        {INF, -1, 0},
        {INF, 1, INF},
        {NAN_, 1, NAN_},
        {2, NAN_, NAN_},
        {2, 1024, INF},
        {2, -1075, 0},
        {-2, 1025, -INF},
        {-2, -1077, -0.0},
        {2, -1074, 5e-324},
        {1.0000000000000002, 1e300, INF},
        {0.9999999999999999, 1e300, 0},
        {0.9999999999999999, -1e300, INF},
        {3, 1e-300, 1},
        {-1, 1e300, 1},
        {-1, 9007199254740991.0, -1},
        {-3, 1e18, INF},
        {5e-324, 1, 5e-324},
        {5e-324, -1, INF},
        {1.7976931348623157e308, 1, 1.7976931348623157e308},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        double got = hpo_pow(rows[i].x, rows[i].y), want = rows[i].want;
        int same = isnan(want) ? isnan(got) : got == want && !signbit(got) == !signbit(want);
        if (!same) fail_msg("pow(%a, %a) is %a, not %a", rows[i].x, rows[i].y, got, want);
    }
}

/* Values: scipy 1.10.1, [float(scipy.special.digamma(x)) for x in ...]; psi(1) = -Euler's constant and
 * psi(1/2) = psi(1) - 2 log 2 are A&S 6.3.2 and 6.3.3. */
static void test_digamma(void **state)
{
    (void)state;
    static const double rows[][2] = {
        {1e-05, -100000.57719921567}, {0.1, -10.423754940411076},  {0.5, -1.9635100260214235},
        {1.0, -0.5772156649015329},   {1.4, -0.06138454458511624}, {2.0, 0.42278433509846713},
        {10.0, 2.251752589066721},    {100.0, 4.600161852738088},  {1e10, 23.025850929890456},
        {-0.5, 0.03648997397857651},  {-1.3, 2.8825405488661677},  {-20.7, 0.7715931850825064},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_near(hpo_digamma(rows[i][0]), rows[i][1], 1e-15, 3e-15);
    t_rng r = t_rng_create();
    for (T_ROUNDS(i, 3000)) { /* duplication, A&S 6.3.8 */
        double x = t_between(&r, 0.01, 40);
        double want = 0.5 * hpo_digamma(x) + 0.5 * hpo_digamma(x + 0.5) + 0.6931471805599453;
        assert_near(hpo_digamma(2 * x), want, 2e-15, 3e-15);
    }
}

/* Reflection and duplication hold left of zero and across the branches. */
static void test_lgamma_identities(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    for (T_ROUNDS(i, 20000)) {
        double x = t_between(&r, 0.01, 60);
        double want =
            hpo_lgamma(x) + hpo_lgamma(x + 0.5) + (2 * x - 1) * 0.6931471805599453 - 0.5723649429247001;
        assert_near(hpo_lgamma(2 * x), want, 2e-15, 4e-15);
        double n = -t_between(&r, 0.01, 20); /* Gamma(n + 1) = n Gamma(n) */
        if (fabs(n - floor(n + 0.5)) < 1e-3) continue;
        assert_near(hpo_lgamma(n + 1), hpo_lgamma(n) + hpo_log(-n > 0 ? -n : n), 1e-14, 2e-14);
    }
}

static void test_log_space(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    for (T_ROUNDS(i, 20000)) {
        double a = t_between(&r, -30, 30), b = t_between(&r, -30, 30), hi = a > b ? a : b, lo = a > b ? b : a;
        assert_near(hpo_log_add_exp(a, b), (double)logl(expl((long double)a) + expl((long double)b)), 4e-16,
                    2e-16);
        assert_near(hpo_log_sub_exp(hi, lo),
                    (double)((long double)hi + logl(-expm1l((long double)lo - (long double)hi))), 4e-16,
                    1e-14);
        double x = -exp(t_between(&r, -40, 6));
        assert_near(hpo_log1mexp(x),
                    (double)(x > -0.5 ? logl(-expm1l((long double)x)) : log1pl(-expl((long double)x))), 4e-16,
                    0);
    }
    assert_true(hpo_log_add_exp(-INF, -INF) == -INF);
    assert_true(hpo_log_add_exp(-INF, 3) == 3 && hpo_log_add_exp(3, -INF) == 3);
    assert_true(hpo_log_add_exp(INF, -INF) == INF && hpo_log_add_exp(INF, INF) == INF);
    assert_true(isnan(hpo_log_add_exp(NAN_, 1)));
    assert_true(hpo_log_add_exp(-1e5, -1e5) == -1e5 + 0.6931471805599453);
    assert_true(hpo_log_sub_exp(2, 2) == -INF && hpo_log_sub_exp(2, -INF) == 2);
    assert_true(isnan(hpo_log_sub_exp(1, 2)));
    assert_true(hpo_log_sum_exp(NULL, 0) == -INF);
    double v[] = {-1000, -1000, -1000, -1000};
    assert_near(hpo_log_sum_exp(v, 4), -1000 + 1.3862943611198906, 1e-15, 0);
    double w[] = {-INF, 1, NAN_};
    assert_true(isnan(hpo_log_sum_exp(w, 3)) && hpo_log_sum_exp(w, 2) == 1 && hpo_log_sum_exp(w, 1) == -INF);
}

/* Many at a time: the bits of one at a time, also on the borders of quadrants, in place, far away. */
static void test_cos_sin_arrays(void **state)
{
    (void)state;
    enum { MOST = 200 };
    static double x[MOST], cosine[MOST], sine[MOST], want_cos[MOST], want_sin[MOST];
    t_rng r = t_rng_create();
    for (T_ROUNDS(round, 3000)) {
        size_t n = (size_t)t_int(&r, 0, MOST);
        double reach = exp(t_between(&r, -25, 16));
        for (size_t i = 0; i < n; i++) {
            x[i] = t_between(&r, -reach, reach);
            if (round % 3 == 1) { /* a few units in the last place around multiples of pi/4 */
                x[i] = (double)t_int(&r, -9, 9) * 0.78539816339744831;
                for (int64_t k = t_int(&r, -3, 3); k != 0; k += k < 0 ? 1 : -1)
                    x[i] = nextafter(x[i], k < 0 ? -INF : INF);
            }
            if (round % 7 == 2 && i == n / 2) x[i] = t_odd_double(&r);
            if (round % 50 == 3 && i == n / 2) x[i] = i % 2 ? INF : NAN_;
        }
        for (size_t i = 0; i < n; i++) {
            want_cos[i] = hpo_cos(x[i]);
            want_sin[i] = hpo_sin(x[i]);
        }
        hpo_cos_sin_n(x, n, cosine, sine);
        assert_same_doubles(cosine, want_cos, n);
        assert_same_doubles(sine, want_sin, n);
        if (round % 2)
            hpo_cos_sin_n(x, n, x, NULL);
        else
            hpo_cos_sin_n(x, n, cosine, x);
        assert_same_doubles(x, round % 2 ? want_cos : want_sin, n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accuracy),          cmocka_unit_test(test_pow_accuracy),
        cmocka_unit_test(test_hardest_reduction), cmocka_unit_test(test_exact),
        cmocka_unit_test(test_special_values),    cmocka_unit_test(test_pow_special),
        cmocka_unit_test(test_digamma),           cmocka_unit_test(test_lgamma_identities),
        cmocka_unit_test(test_log_space),         cmocka_unit_test(test_cos_sin_arrays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
