/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/halton: the published points, skip and leap, evenness. */
#include "draws.h"

#include "math/qmc.h"

/* METHODS section 6: Halton(2,3), i = 1..6. */
static const double golden[6][2] = {{.5, 1.0 / 3},   {.25, 2.0 / 3},  {.75, 1.0 / 9},
                                    {.125, 4.0 / 9}, {.625, 7.0 / 9}, {.375, 2.0 / 9}};

static void test_plain_points(void **state)
{
    (void)state;
    double u[12];
    hpo_space *space = space_of("a: 0..1; b: 0..1", NULL);
    assert_int_equal(draw_points("halton:scramble=no,skip=1", space, SEED, 6, u), 6);
    assert_matrix_near(u, &golden[0][0], 6, 2, 1e-15, 0);
    assert_int_equal(draw_points("halton:scramble=no,skip=1,leap=2", space, SEED, 2, u), 2);
    assert_matrix_near(u, &golden[0][0], 1, 2, 1e-15, 0);
    assert_matrix_near(u + 2, &golden[3][0], 1, 2, 1e-15, 0);
    assert_int_equal(draw_points("halton:scramble=no", space, SEED, 2, u), 2);
    assert_true(u[0] == 0 && u[1] == 0);
    assert_matrix_near(u + 2, &golden[0][0], 1, 2, 1e-15, 0);
    hpo_space_free(space);
}

/* Scrambling permutes digits, so b^k points still put one into each of b^k intervals of an axis. */
static void test_scrambling_keeps_strata(void **state)
{
    (void)state;
    enum { N = 108 }; /* 4 * 27: whole periods of both bases below */
    static double u[N * 2];
    hpo_space *space = space_of("a: 0..1; b: 0..1", NULL);
    assert_int_equal(draw_points("halton", space, SEED, N, u), N);
    int by4[4] = {0}, by27[27] = {0};
    for (size_t i = 0; i < N; i++) {
        by4[(int)(u[i * 2] * 4)]++;
        by27[(int)(u[i * 2 + 1] * 27)]++;
    }
    for (size_t k = 0; k < 4; k++)
        assert_int_equal(by4[k], N / 4);
    for (size_t k = 0; k < 27; k++)
        assert_int_equal(by27[k], N / 27);
    hpo_space_free(space);
}

static void test_more_even_than_random(void **state)
{
    (void)state;
    enum { N = 200, DIMS = 4, SEEDS = 5 };
    static double u[N * DIMS];
    hpo_space *space = space_of("a: 0..1; b: 0..1; c: 0..1; d: 0..1", NULL);
    double random = 1e9, worst = 0;
    for (uint64_t k = 0; k < SEEDS; k++) {
        draw_points("random", space, SEED + k, N, u);
        random = fmin(random, hpo_centered_discrepancy(u, N, DIMS));
        draw_points("halton", space, SEED + k, N, u);
        worst = fmax(worst, hpo_centered_discrepancy(u, N, DIMS));
    }
    assert_true(worst < random / 1.5);
    hpo_space_free(space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_points),
        cmocka_unit_test(test_scrambling_keeps_strata),
        cmocka_unit_test(test_more_even_than_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
