/* SPDX-License-Identifier: Apache-2.0 */
/* The same bits everywhere: hashes over many outputs of every function of the math layer, compared with
 * constants.
 *
 * The constants are our own output and guard determinism only: gcc and clang, -O0 to -O3, any x86-64 CPU must
 * produce them.  They say nothing about correctness, which the other tests of this folder establish.  When a
 * function is changed on purpose, its line is replaced by the one printed, and CHANGELOG.md says under
 * "behaviour" that seeds now give other results. */
#include "math/dist.h"
#include "math/func.h"
#include "math/qmc.h"
#include "math/rng.h"
#include "math/stats.h"
#include "t.h"

static uint64_t mix(uint64_t h, double x)
{
    uint64_t u;
    if (isnan(x)) x = (double)NAN; /* the sign of a NaN means nothing */
    memcpy(&u, &x, sizeof u);
    if (isnan(x)) u = 0x7ff8000000000000u;
    h = (h ^ u) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

static int check(const char *name, uint64_t got, uint64_t want)
{
    if (got == want) return 1;
    print_message("# {\"%s\", 0x%016llxu} expected 0x%016llx\n", name, (unsigned long long)got,
                  (unsigned long long)want);
    return 0;
}

/* Arguments of all sizes, from the integer generator only: no function of libm. */
static double argument(hpo_rng *r)
{
    uint64_t v = hpo_rng_u64(r);
    double u = (double)(v >> 12) * 0x1p-52;
    switch (v & 7u) {
    case 0: { /* any bits */
        uint64_t w = hpo_rng_u64(r);
        double x;
        memcpy(&x, &w, sizeof x);
        return x;
    }
    case 1:
        return 1 + (u - 0.5) * 0x1p-8;
    case 2:
        return (u - 0.5) * 0x1p-20;
    case 3:
        return (u - 0.5) * 1500;
    case 4:
        return (u - 0.5) * 1e6;
    default:
        return (u - 0.5) * 20;
    }
}

static double pow_by_17(double x)
{
    return hpo_pow(fabs(x), 1.7);
}
static double pow_of_3(double x)
{
    return hpo_pow(3, x);
}
static double add_exp_1(double x)
{
    return hpo_log_add_exp(x, 1);
}
static double lognormal_q(double x)
{
    return hpo_lognormal_quantile(x - floor(x), 0.2, 1.5);
}
static double normal_q(double x)
{
    return hpo_normal_quantile(x - floor(x));
}
static double normal_q_log(double x)
{
    return hpo_normal_quantile_log(-fabs(x));
}

static const struct {
    const char *name;
    double (*fn)(double);
    uint64_t want;
} functions[] = {
    {"exp", hpo_exp, 0x3e691efa62c2aa81u},
    {"expm1", hpo_expm1, 0x86d7e3d97bba86b1u},
    {"log", hpo_log, 0x2e979ffbcf68198fu},
    {"log1p", hpo_log1p, 0x5cc639b4edffe15au},
    {"log2", hpo_log2, 0xd9a93a2471b8201eu},
    {"log10", hpo_log10, 0x223bd21bc358a3a0u},
    {"pow(x, 1.7)", pow_by_17, 0xac5a7dc5433bba11u},
    {"pow(3, x)", pow_of_3, 0x553ed2682c760fc6u},
    {"sin", hpo_sin, 0x99537aa7c51ecb4du},
    {"cos", hpo_cos, 0x0d12189316cbbb27u},
    {"tanh", hpo_tanh, 0xd40c32b3e1c1b5ddu},
    {"atan", hpo_atan, 0xf90f285788b4c609u},
    {"erf", hpo_erf, 0x8d7aa6481c3bdf5cu},
    {"erfc", hpo_erfc, 0xac6d6587f9d0fcadu},
    {"erfcx", hpo_erfcx, 0x5318f4fa9d01ec61u},
    {"lgamma", hpo_lgamma, 0x7d03b25f18da0019u},
    {"digamma", hpo_digamma, 0x13d6257fd63398a3u},
    {"log_add_exp", add_exp_1, 0xd4df801a9ba1a3b5u},
    {"log1mexp", hpo_log1mexp, 0x5b89445178764956u},
    {"normal_cdf", hpo_normal_cdf, 0xcd297abf85e0dc39u},
    {"normal_logcdf", hpo_normal_logcdf, 0xac49bb0f1320967bu},
    {"normal_quantile", normal_q, 0x5269a8fd27b3985eu},
    {"normal_quantile_log", normal_q_log, 0x63fd032e3b8686ceu},
    {"lognormal_quantile", lognormal_q, 0x4fa2f40b73372717u},
};

static void test_functions(void **state)
{
    (void)state;
    int good = 1;
    for (size_t k = 0; k < sizeof functions / sizeof functions[0]; k++) {
        hpo_rng r;
        uint64_t h = 0;
        hpo_rng_init(&r, 1, k, HPO_RNG_USER);
        for (int i = 0; i < 20000; i++)
            h = mix(h, functions[k].fn(argument(&r)));
        good &= check(functions[k].name, h, functions[k].want);
    }
    assert_true(good);
}

/* A number in [lo, hi] whose square root is spread evenly. */
static double shape(hpo_rng *r, double lo, double hi)
{
    double u = hpo_rng_uniform(r);
    return lo + (hi - lo) * u * u;
}

static uint64_t hash_truncnorm(hpo_rng *r)
{
    uint64_t h = 0;
    for (int i = 0; i < 3000; i++) {
        double a = shape(r, 0, 40) - 20, b = a + shape(r, 1e-3, 30), sd = shape(r, 0.01, 5),
               x = a + (b - a) * hpo_rng_uniform(r);
        h = mix(h, hpo_truncnorm_cdf(x, 0.5, sd, a, b));
        h = mix(h, hpo_truncnorm_logpdf(x, 0.5, sd, a, b));
        h = mix(h, hpo_truncnorm_draw(r, 0.5, sd, a, b));
    }
    return h;
}
static uint64_t hash_gamma(hpo_rng *r)
{
    uint64_t h = 0;
    for (int i = 0; i < 1000; i++) {
        double a = shape(r, 1e-3, 300), x = shape(r, 0, 300);
        h = mix(h, hpo_gamma_p(a, x));
        h = mix(h, hpo_gamma_q(a, x));
        h = mix(h, hpo_gamma_quantile(hpo_rng_uniform(r), a));
        h = mix(h, hpo_gamma_draw(r, a));
    }
    return h;
}
static uint64_t hash_beta(hpo_rng *r)
{
    uint64_t h = 0;
    for (int i = 0; i < 1000; i++) {
        double a = shape(r, 1e-2, 100), b = shape(r, 1e-2, 100);
        h = mix(h, hpo_beta_cdf(hpo_rng_uniform(r), a, b));
        h = mix(h, hpo_beta_logpdf(hpo_rng_uniform(r), a, b));
        h = mix(h, hpo_beta_quantile(hpo_rng_uniform(r), a, b));
        h = mix(h, hpo_beta_draw(r, a, b));
        h = mix(h, hpo_student_cdf(shape(r, -10, 10), a));
        h = mix(h, hpo_student_quantile(hpo_rng_uniform(r), a));
    }
    return h;
}
static uint64_t hash_rng(hpo_rng *r)
{
    uint64_t h = 0;
    uint32_t p[50];
    double x[3];
    for (int i = 0; i < 2000; i++) {
        h = mix(h, hpo_rng_uniform(r));
        h = mix(h, hpo_rng_normal(r));
        h = mix(h, (double)hpo_rng_below(r, (uint64_t)i * 1000003 + 1));
        hpo_rng_permutation(r, 50, p);
        h = mix(h, p[i % 50]);
        hpo_dirichlet_draw(r, (const double[]){0.3, 1, 2}, 3, x);
        h = mix(h, x[0]);
    }
    return h;
}
static uint64_t hash_sequences(hpo_rng *r)
{
    (void)r;
    uint64_t h = 0;
    hpo_error err;
    hpo_sobol *s;
    hpo_halton *l;
    hpo_rseq *q;
    double x[40];
    for (int kind = 0; kind < 3; kind++) {
        assert_ok(hpo_sobol_create(40, (hpo_scrambling)kind, 5, &s, &err), err);
        assert_ok(hpo_halton_create(40, kind > 0, 5, &l, &err), err);
        assert_ok(hpo_rseq_create(40, 5, kind > 0, &q, &err), err);
        for (uint64_t i = 0; i < 500; i++) {
            hpo_sobol_point(s, i * i * i, x);
            for (int j = 0; j < 40; j++)
                h = mix(h, x[j]);
            hpo_halton_point(l, i * i * i, x);
            for (int j = 0; j < 40; j++)
                h = mix(h, x[j]);
            hpo_rseq_point(q, i * i * i, x);
            for (int j = 0; j < 40; j++)
                h = mix(h, x[j]);
        }
        hpo_sobol_free(s);
        hpo_halton_free(l);
        hpo_rseq_free(q);
    }
    return h;
}
static uint64_t hash_designs(hpo_rng *r)
{
    (void)r;
    uint64_t h = 0;
    hpo_error err;
    double x[60];
    for (int kind = 0; kind < 4; kind++) {
        assert_ok(hpo_lhs((hpo_lhs_kind)kind, 20, 3, 6, x, &err), err);
        for (int i = 0; i < 60; i++)
            h = mix(h, x[i]);
        h = mix(h, hpo_centered_discrepancy(x, 20, 3));
    }
    return h;
}
static uint64_t hash_stats(hpo_rng *r)
{
    uint64_t h = 0;
    static double x[1000], y[1000];
    hpo_rng_uniforms(r, x, 1000);
    hpo_rng_uniforms(r, y, 1000);
    h = mix(h, hpo_sum(x, 1000));
    h = mix(h, hpo_variance(x, 1000));
    h = mix(h, hpo_correlation(x, y, 1000));
    return mix(h, hpo_quantile(x, 1000, 0.123));
}

static const struct {
    const char *name;
    uint64_t (*hash)(hpo_rng *r);
    uint64_t want;
} groups[] = {
    {"truncnorm", hash_truncnorm, 0xca80ba973aff7ca1u}, {"gamma", hash_gamma, 0x9e8778fc3925d6f2u},
    {"beta", hash_beta, 0xd8b84ecc2990b040u},           {"rng", hash_rng, 0x08383a341fdca4f9u},
    {"sequences", hash_sequences, 0x2ef924819ce6c21du}, {"designs", hash_designs, 0x3a67e57117c9e11fu},
    {"stats", hash_stats, 0x084654ab1f9e5276u},
};

static void test_groups(void **state)
{
    (void)state;
    int good = 1;
    for (size_t k = 0; k < sizeof groups / sizeof groups[0]; k++) {
        hpo_rng r;
        hpo_rng_init(&r, 2, k, HPO_RNG_USER);
        good &= check(groups[k].name, groups[k].hash(&r), groups[k].want);
    }
    assert_true(good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_functions), cmocka_unit_test(test_groups)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
