/* SPDX-License-Identifier: Apache-2.0 */
/* acq/minimum: the information about where the minimum is, against formulas for two places and against nested
 * simulation for more. */
#include "acq/minimum.h"

#include "base/alloc.h"
#include "math/linalg.h"
#include "math/rng.h"
#include "t.h"

enum { MOST = 5 };

static double entropy_of_two(double p)
{
    return p > 0 && p < 1 ? -p * log(p) - (1 - p) * log(1 - p) : 0;
}

static double cdf(double x)
{
    return 0.5 * erfc(-x / sqrt(2));
}

/* Two places: all is a function of their difference. */
static double gain_of_two(const double *mean, const double *cov, const double *c, double var)
{
    enum { N = 4000 };
    double m = mean[1] - mean[0], s2 = cov[0] + cov[3] - 2 * cov[1], b = (c[1] - c[0]) / sqrt(var), after = 0;
    for (int i = 0; i < N; i++) {
        double z = -8 + 16 * (i + 0.5) / N, w = exp(-0.5 * z * z) / sqrt(2 * acos(-1)) * 16 / N;
        after += w * entropy_of_two(cdf((m + b * z) / sqrt(fmax(s2 - b * b, 1e-12))));
    }
    return entropy_of_two(cdf(m / sqrt(s2))) - after;
}

static double entropy_by_draws(const double *mean, const double *cov, size_t n, size_t draws, hpo_rng *rng)
{
    double l[MOST * MOST], count[MOST] = {0}, sum = 0;
    memcpy(l, cov, n * n * sizeof *l);
    for (size_t i = 0; i < n; i++)
        l[i * n + i] += 1e-10;
    assert_int_equal(hpo_cholesky(l, n, n), 0);
    for (size_t k = 0; k < draws; k++) {
        double e[MOST], least = (double)INFINITY;
        size_t who = 0;
        for (size_t i = 0; i < n; i++) {
            e[i] = hpo_rng_normal(rng);
            double v = mean[i];
            for (size_t j = 0; j <= i; j++)
                v += l[i * n + j] * e[j];
            if (v < least) {
                least = v;
                who = i;
            }
        }
        count[who]++;
    }
    for (size_t i = 0; i < n; i++)
        if (count[i] > 0) sum -= count[i] / (double)draws * log(count[i] / (double)draws);
    return sum;
}

/* Draws an outcome, conditions mean and covariance on it, draws from that: no rule in common. */
static double gain_by_draws(const double *mean, const double *cov, size_t n, const double *c, double var,
                            size_t outcomes, size_t draws, hpo_rng *rng)
{
    double after = 0, m[MOST], k[MOST * MOST];
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            k[i * n + j] = cov[i * n + j] - c[i] * c[j] / var;
    for (size_t o = 0; o < outcomes; o++) {
        double z = hpo_rng_normal(rng);
        for (size_t i = 0; i < n; i++)
            m[i] = mean[i] + c[i] / sqrt(var) * z;
        after += entropy_by_draws(m, k, n, draws, rng);
    }
    return entropy_by_draws(mean, cov, n, draws, rng) - after / (double)outcomes;
}

/* A random model of n places and one observation: A A'. */
static void make_model(t_rng *r, size_t n, double *mean, double *cov, double *c, double *var)
{
    double a[(MOST + 1) * (MOST + 1)];
    for (size_t i = 0; i < (n + 1) * (n + 1); i++)
        a[i] = t_between(r, -1, 1);
    for (size_t i = 0; i <= n; i++)
        for (size_t j = 0; j <= n; j++) {
            double v = hpo_dot(a + i * (n + 1), a + j * (n + 1), n + 1);
            if (i < n && j < n) cov[i * n + j] = v;
            if (i < n && j == n) c[i] = v;
            if (i == n && j == n) *var = v + 0.01;
        }
    for (size_t i = 0; i < n; i++)
        mean[i] = t_between(r, -0.5, 0.5);
}

static void test_gain(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    hpo_error err;
    hpo_rng rng;
    hpo_rng_init(&rng, 3, 0, HPO_RNG_USER);
    size_t samples = T_INSTRUMENTED ? 4000 : 40000;
    for (int round = 0; round < 12; round++) {
        size_t n = round < 8 ? 2 : MOST;
        double mean[MOST], cov[MOST * MOST], c[MOST], var = 1;
        hpo_minimum *m;
        make_model(&r, n, mean, cov, c, &var);
        assert_ok(hpo_minimum_create(mean, cov, n, samples, &rng, &m, &err), err);
        double gain = hpo_minimum_gain(m, c, var), sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += hpo_minimum_probability(m)[i];
        assert_near(sum, 1, 1e-12, 0);
        double expected = n == 2
                              ? gain_of_two(mean, cov, c, var)
                              : gain_by_draws(mean, cov, n, c, var, T_INSTRUMENTED ? 100 : 400, 4000, &rng);
        /* eight outcomes stand for all: up to a twentieth */
        assert_near(gain, expected, 0.06, T_INSTRUMENTED ? 0.03 : 0.012);
        double none[MOST] = {0};
        assert_true(hpo_minimum_gain(m, none, var) == 0);
        assert_true(hpo_minimum_gain(m, none, 0) == 0);
        /* the same for all places: nothing of where; what explains no difference is 0 too */
        double all[MOST];
        for (size_t i = 0; i < n; i++)
            all[i] = 0.1;
        assert_near(hpo_minimum_explained(m, all, var), 0, 0, 1e-15);
        hpo_minimum_free(m);
    }
}

/* One place, places twice, and what has no covariance at all. */
static void test_degenerate(void **state)
{
    (void)state;
    hpo_error err;
    hpo_rng rng;
    hpo_minimum *m;
    hpo_rng_init(&rng, 4, 0, HPO_RNG_USER);
    double mean[3] = {0.3, 0.3, 0.3}, cov[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1}, c[3] = {1, 1, 1};
    assert_ok(hpo_minimum_create(mean, cov, 1, 100, &rng, &m, &err), err);
    assert_true(hpo_minimum_entropy(m) == 0 && hpo_minimum_gain(m, c, 1) == 0);
    hpo_minimum_free(m);
    /* values: of one place its own, of two independent ones E min = -1 / sqrt(pi) */
    enum { DRAWS = 4000 };
    static double least[DRAWS];
    for (size_t n = 1; n <= 2; n++) {
        double sum = 0, apart[4] = {1, 0, 0, 1};
        assert_ok(hpo_minimum_create(mean, apart, n, DRAWS, &rng, &m, &err), err);
        hpo_minimum_values(m, least);
        for (size_t i = 0; i < DRAWS; i++)
            sum += least[i] / DRAWS;
        assert_near(sum, n == 1 ? 0.3 : 0.3 - 0.5641896, 0, 0.06);
        hpo_minimum_free(m);
    }
    assert_ok(hpo_minimum_create(mean, cov, 3, 1000, &rng, &m, &err), err);
    assert_true(isfinite(hpo_minimum_gain(m, c, 1.01)));
    hpo_minimum_free(m);
    memset(cov, 0, sizeof cov);
    assert_fails(hpo_minimum_create(mean, cov, 3, 100, &rng, &m, &err), HPO_ENUMERIC, err, "factorisation");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gain),
        cmocka_unit_test(test_degenerate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
