/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/rsequence: the recurrence by hand, the shift, evenness. */
#include "draws.h"

#include "math/qmc.h"

static double frac(double x)
{
    return x - floor(x);
}

/* One dimension: steps of the golden ratio's inverse; two: of the plastic number's. */
static void test_recurrence(void **state)
{
    (void)state;
    enum { N = 100 };
    double u[N * 2];
    const double golden_ratio = 1.6180339887498948482, plastic = 1.3247179572447460260;
    hpo_space *space = space_of("a: 0..1", NULL);
    assert_int_equal(draw_points("rsequence:shift=no", space, SEED, N, u), N);
    for (size_t i = 1; i < N; i++)
        assert_near(frac(u[i] - u[i - 1] + 1e-13), frac(1 / golden_ratio), 0, 1e-12);
    hpo_space_free(space);
    space = space_of("a: 0..1; b: 0..1", NULL);
    assert_int_equal(draw_points("rsequence", space, SEED, N, u), N);
    for (size_t i = 1; i < N; i++) {
        assert_near(frac(u[i * 2] - u[i * 2 - 2] + 1e-13), 1 / plastic, 0, 1e-12);
        assert_near(frac(u[i * 2 + 1] - u[i * 2 - 1] + 1e-13), 1 / (plastic * plastic), 0, 1e-12);
    }
    double later[2];
    assert_int_equal(draw_points("rsequence:skip=42", space, SEED, 1, later), 1);
    assert_same_doubles(later, u + 84, 2);
    hpo_space_free(space);
}

static void test_shift_by_seed(void **state)
{
    (void)state;
    double a[2], b[2];
    hpo_space *space = space_of("a: 0..1; b: 0..1", NULL);
    draw_points("rsequence", space, 1, 1, a);
    draw_points("rsequence", space, 2, 1, b);
    assert_true(a[0] != b[0] && a[1] != b[1]);
    draw_points("rsequence:shift=no", space, 1, 1, a);
    draw_points("rsequence:shift=no", space, 2, 1, b);
    assert_same_doubles(a, b, 2);
    hpo_space_free(space);
}

static void test_more_even_than_random(void **state)
{
    (void)state;
    enum { N = 200, DIMS = 3, SEEDS = 5 };
    static double u[N * DIMS];
    hpo_space *space = space_of("a: 0..1; b: 0..1; c: 0..1", NULL);
    double random = 1e9, worst = 0, apart = 1e9, random_apart = 0;
    for (uint64_t k = 0; k < SEEDS; k++) {
        draw_points("random", space, SEED + k, N, u);
        random = fmin(random, hpo_centered_discrepancy(u, N, DIMS));
        random_apart = fmax(random_apart, hpo_min_distance(u, N, DIMS));
        draw_points("rsequence", space, SEED + k, N, u);
        worst = fmax(worst, hpo_centered_discrepancy(u, N, DIMS));
        apart = fmin(apart, hpo_min_distance(u, N, DIMS));
    }
    assert_true(worst < random / 1.5);
    assert_true(apart > 1.5 * random_apart);
    hpo_space_free(space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recurrence),
        cmocka_unit_test(test_shift_by_seed),
        cmocka_unit_test(test_more_even_than_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
