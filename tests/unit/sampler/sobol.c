/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/sobol: balance, priors, skip, and the n-th feasible point. */
#include "draws.h"

#include "math/qmc.h"

/* The first 2^k points, also scrambled, put exactly one into each of 2^k equal intervals of every axis, and
 * one into each elementary box of the first two (their t is 0). */
static void test_balance(void **state)
{
    (void)state;
    enum { K = 6, N = 1 << K, DIMS = 5 };
    static double u[N * DIMS];
    const char *const specs[] = {"sobol", "sobol:scramble=shift", "sobol:scramble=none", "sobol:skip=64"};
    hpo_space *space = space_of("a: 0..1; b: 0..1; c: 0..1; d: 0..1; e: 0..1", NULL);
    for (size_t k = 0; k < 4; k++) {
        assert_int_equal(draw_points(specs[k], space, SEED, N, u), N);
        for (size_t j = 0; j < DIMS; j++) {
            int seen[N] = {0};
            for (size_t i = 0; i < N; i++)
                assert_int_equal(seen[(size_t)(u[i * DIMS + j] * N)]++, 0);
        }
        for (int cut = 0; cut <= K; cut++) {
            int seen[N] = {0};
            for (size_t i = 0; i < N; i++) {
                size_t a = (size_t)(u[i * DIMS] * (1 << cut)),
                       b = (size_t)(u[i * DIMS + 1] * (1 << (K - cut)));
                assert_int_equal(seen[a << (K - cut) | b]++, 0);
            }
        }
    }
    hpo_space_free(space);
}

/* Without scrambling the first coordinate is van der Corput's sequence in Gray or natural order: the set of
 * the first four points is {0, 1/4, 1/2, 3/4}, the second point is the centre. */
static void test_plain_points(void **state)
{
    (void)state;
    double u[8];
    hpo_space *space = space_of("a: 0..1; b: 0..1", NULL);
    assert_int_equal(draw_points("sobol:scramble=none", space, SEED, 4, u), 4);
    assert_true(u[0] == 0 && u[1] == 0 && u[2] == 0.5 && u[3] == 0.5);
    assert_true(u[4] + u[6] == 1 && u[5] + u[7] == 1);
    double v[2];
    assert_int_equal(draw_points("sobol:scramble=none,skip=3", space, SEED, 1, v), 1);
    assert_same_doubles(v, u + 6, 2);
    hpo_space_free(space);
}

static void test_more_even_than_random(void **state)
{
    (void)state;
    enum { N = 256, DIMS = 4, SEEDS = 5 };
    static double u[N * DIMS];
    hpo_space *space = space_of("a: 0..1; b: 0..1; c: 0..1; d: 0..1", NULL);
    double random = 1e9, worst = 0;
    for (uint64_t k = 0; k < SEEDS; k++) {
        draw_points("random", space, SEED + k, N, u);
        random = fmin(random, hpo_centered_discrepancy(u, N, DIMS));
        draw_points("sobol", space, SEED + k, N, u);
        worst = fmax(worst, hpo_centered_discrepancy(u, N, DIMS));
    }
    assert_true(worst < random / 2);
    hpo_space_free(space);
}

/* A prior is applied by its inverse CDF: 2^k points put exactly the right number on each label. */
static void test_prior_is_stratified(void **state)
{
    (void)state;
    enum { N = 256 };
    static double x[N * 2];
    hpo_space *space = space_of("opt: sgd,adam,rms weights 1,2,5; m: -10..20 prior normal(3,2)", NULL);
    assert_int_equal(draw_configs("sobol", space, SEED, N, x), N);
    int count[3] = {0};
    double mean = 0;
    for (size_t i = 0; i < N; i++) {
        count[(int)x[i * 2]]++;
        mean += x[i * 2 + 1] / N;
    }
    assert_int_equal(count[0], N / 8);
    assert_int_equal(count[1], N / 4);
    assert_int_equal(count[2], N * 5 / 8);
    assert_near(mean, 3, 0, 0.02); /* random draws: 0.125 */
    hpo_space_free(space);
}

/* Draw n is the n-th feasible point of the unconstrained sequence. */
static void test_feasible_subsequence(void **state)
{
    (void)state;
    enum { ALL = 4096, DRAWS = 200 };
    static double all[ALL * 2], u[DRAWS * 2];
    hpo_space *free_space = space_of("a: 0..1; b: 0..1", NULL),
              *space = space_of("a: 0..1; b: 0..1", "a * b > 0.5");
    draw_points("sobol", free_space, SEED, ALL, all);
    assert_int_equal(draw_points("sobol", space, SEED, DRAWS, u), DRAWS);
    size_t n = 0;
    for (size_t i = 0; i < ALL && n < DRAWS; i++)
        if (all[i * 2] * all[i * 2 + 1] > 0.5) {
            assert_same_doubles(u + n * 2, all + i * 2, 2);
            n++;
        }
    assert_int_equal(n, DRAWS);
    hpo_space_free(free_space);
    hpo_space_free(space);
}

/* Where 4096 points in a row are infeasible the draw still is feasible, and still pure. */
static void test_tiny_feasible_region(void **state)
{
    (void)state;
    enum { DRAWS = 12 };
    double x[DRAWS * 2], again[2];
    hpo_space *space = space_of("a: 0..1; b: 0..1", "abs(a - b) < 1e-6");
    assert_int_equal(draw_configs("sobol", space, SEED, DRAWS, x), DRAWS);
    for (size_t i = 0; i < DRAWS; i++) {
        assert_true(fabs(x[i * 2] - x[i * 2 + 1]) < 1e-6);
        for (size_t j = 0; j < i; j++)
            assert_true(x[i * 2] != x[j * 2]);
    }
    hpo_sampler s;
    open_sampler("sobol", space, SEED, &s);
    double u[2];
    assert_int_equal(ask(&s, SEED, 7, u), HPO_OK);
    hpo_space_decode(space, u, again);
    assert_same_doubles(again, x + 14, 2);
    hpo_sampler_close(&s);
    hpo_space_free(space);
}

static void test_too_many_dimensions(void **state)
{
    (void)state;
    hpo_space *space = space_of("v: vector 1000 0..1; w: vector 200 0..1", NULL);
    hpo_sampler s;
    hpo_error err;
    assert_fails(hpo_sampler_open("sobol", space, 1, 0, SEED, &s, &err), HPO_EUNSUPPORTED, err, "1200");
    assert_fails(hpo_sampler_open("halton", space, 1, 0, SEED, &s, &err), HPO_EUNSUPPORTED, err, "1200");
    hpo_space_free(space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_balance),
        cmocka_unit_test(test_plain_points),
        cmocka_unit_test(test_more_even_than_random),
        cmocka_unit_test(test_prior_is_stratified),
        cmocka_unit_test(test_feasible_subsequence),
        cmocka_unit_test(test_tiny_feasible_region),
        cmocka_unit_test(test_too_many_dimensions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
