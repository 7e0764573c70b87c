/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/random: the distribution of its draws, and the arithmetic of random search. */
#include "draws.h"

enum { N = 4000 };

static void test_marginals_are_uniform(void **state)
{
    (void)state;
    static double u[N * 3];
    hpo_space *space = space_of("a: 0..1; b: log 1e-5..1; c: -3..9", NULL);
    assert_int_equal(draw_points("random", space, SEED, N, u), N);
    for (size_t j = 0; j < 3; j++) /* sqrt(n) D > 1.95 has probability 0.001 */
        assert_true(sqrt(N) * ks_uniform(u, N, 3, j) < 1.95);
    /* and unrelated: correlations have standard deviation 1/sqrt(n) */
    for (size_t j = 0; j < 3; j++) {
        double sum = 0;
        for (size_t i = 0; i < N; i++)
            sum += (u[i * 3 + j] - 0.5) * (u[i * 3 + (j + 1) % 3] - 0.5) * 12;
        assert_near(sum / N, 0, 0, 4 / sqrt(N));
    }
    hpo_space_free(space);
}

static void test_priors_are_honoured(void **state)
{
    (void)state;
    static double x[N * 3];
    hpo_space *space =
        space_of("opt: sgd,adam,rms weights 1,2,5; m: -10..20 prior normal(3,2); n: int 1..4", NULL);
    assert_int_equal(draw_configs("random", space, SEED, N, x), N);
    double count[3] = {0}, whole[4] = {0}, mean = 0, var = 0, chi = 0;
    for (size_t i = 0; i < N; i++) {
        count[(size_t)x[i * 3]]++;
        whole[(size_t)x[i * 3 + 2] - 1]++;
        mean += x[i * 3 + 1] / N;
    }
    for (size_t i = 0; i < N; i++)
        var += (x[i * 3 + 1] - mean) * (x[i * 3 + 1] - mean) / (N - 1);
    const double weight[3] = {1.0 / 8, 2.0 / 8, 5.0 / 8};
    for (size_t k = 0; k < 3; k++)
        chi += (count[k] - N * weight[k]) * (count[k] - N * weight[k]) / (N * weight[k]);
    assert_true(chi < 13.8); /* chi^2 with 2 degrees of freedom: P = 0.001 */
    chi = 0;
    for (size_t k = 0; k < 4; k++)
        chi += (whole[k] - N / 4.0) * (whole[k] - N / 4.0) / (N / 4.0);
    assert_true(chi < 16.3); /* 3 degrees of freedom */
    /* the truncation at -6.5 and 8.5 standard deviations cannot be seen */
    assert_near(mean, 3, 0, 4 * 2 / sqrt(N));
    assert_near(sqrt(var), 2, 0, 4 * 2 / sqrt(2.0 * N));
    hpo_space_free(space);
}

/* METHODS: P(at least one of 60 draws in the best 5%) = 1 - .95^60 = .953930, and 59 draws suffice for 95%.
 */
static void test_probability_of_a_good_draw(void **state)
{
    (void)state;
    enum { STUDIES = 20000 };
    hpo_space *space = space_of("x: 0..1", NULL);
    hpo_sampler s;
    size_t hits60 = 0, hits20 = 0;
    open_sampler("random", space, SEED, &s);
    for (uint64_t k = 0; k < STUDIES; k++) {
        int best = 61;
        for (uint64_t i = 0; i < 60; i++) {
            double u;
            assert_int_equal(ask(&s, SEED + k, i, &u), HPO_OK);
            if (u < 0.05 && best > 60) best = (int)i + 1;
        }
        hits60 += best <= 60;
        hits20 += best <= 20;
    }
    double p60 = 0.953930, p20 = 1 - pow(0.95, 20);
    assert_near((double)hits60 / STUDIES, p60, 0, 4 * sqrt(p60 * (1 - p60) / STUDIES));
    assert_near((double)hits20 / STUDIES, p20, 0, 4 * sqrt(p20 * (1 - p20) / STUDIES));
    hpo_sampler_close(&s);
    hpo_space_free(space);
}

/* Draws are uniform on the feasible set: a triangle is cut by its median line into 3/4 and 1/4. */
static void test_feasible_part_is_uniform(void **state)
{
    (void)state;
    static double x[N * 2];
    hpo_space *space = space_of("a: 0..1; b: 0..1", "a + b <= 1");
    assert_int_equal(draw_configs("random", space, SEED, N, x), N);
    size_t low = 0;
    for (size_t i = 0; i < N; i++) {
        assert_true(x[i * 2] + x[i * 2 + 1] <= 1);
        low += x[i * 2] < 0.5;
    }
    assert_near((double)low / N, 0.75, 0, 4 * sqrt(0.75 * 0.25 / N));
    hpo_space_free(space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_marginals_are_uniform),
        cmocka_unit_test(test_priors_are_honoured),
        cmocka_unit_test(test_probability_of_a_good_draw),
        cmocka_unit_test(test_feasible_part_is_uniform),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
