/* SPDX-License-Identifier: Apache-2.0 */
/* Ranking losses and weights of rungs by hand and in the limit; BOHB's sizes. */
#include "t.h"

#include "math/rng.h"
#include "math/stats.h"
#include "model/rungs.h"

static void test_loss(void **state)
{
    (void)state;
    const double y[] = {1, 2, 3, 4};
    assert_near(hpo_ranking_loss(y, y, 4), 0, 0, 0);
    assert_near(hpo_ranking_loss((double[]){4, 3, 2, 1}, y, 4), 6, 0, 0);
    assert_near(hpo_ranking_loss((double[]){2, 1, 3, 4}, y, 4), 1, 0, 0);
    assert_near(hpo_ranking_loss((double[]){0, 0, 0, 0}, y, 4), 3, 0, 0);
    assert_near(hpo_ranking_loss(y, (double[]){1, 1, 1, 1}, 4), 0, 0, 0);
    assert_near(hpo_ranking_loss(y, y, 1), 0, 0, 0);
}

static void test_weights(void **state)
{
    (void)state;
    double w[3], out[4];
    const double y[] = {1, 2, 3};
    /* draw 1: rung 0 alone is right; draw 2: both are; draw 3: rung 1 */
    const double a[] = {1, 2, 3, 5, 6, 7, 3, 2, 1}, b[] = {3, 2, 1, 0, 1, 2, 1, 3, 2};
    const double *draws[] = {a, b};
    hpo_rung_weights(draws, 2, 3, y, 3, w);
    assert_near(w[0], .5, 1e-12, 0);
    assert_near(w[1], .5, 1e-12, 0);
    hpo_rung_weights(draws, 2, 1, y, 3, w);
    assert_near(w[0], 1, 1e-12, 0);
    hpo_rung_weights(draws, 2, 3, y, 1, w);
    assert_near(w[1], .5, 1e-12, 0);
    /* .2 : .8 over resources 1 : 9 of the 0.6 that the first two have */
    const double usual[] = {.4, .2, .3, .1}, resource[] = {1, 9, 27, 81};
    hpo_bracket_weights((double[]){.2, .8}, resource, usual, 2, 4, out);
    assert_near(out[0], .6 * .2 / (.2 + .8 / 9), 1e-12, 0);
    assert_near(out[0] + out[1] + out[2] + out[3], 1, 1e-12, 0);
    assert_near(out[3], .1, 1e-12, 0);
    hpo_bracket_weights((double[]){0, 0}, resource, usual, 2, 4, out);
    assert_near(out[0], .4, 1e-12, 0);
}

/* The more noise a rung's values have, the less it weighs. */
static void test_noise(void **state)
{
    (void)state;
    enum { N = 12, S = 2000 };
    static double draws[3][N * S];
    const double *of[] = {draws[0], draws[1], draws[2]}, noise[] = {2, .4, .8};
    double y[N], w[3];
    hpo_rng rng;
    hpo_rng_init(&rng, 3, 0, HPO_RNG_USER);
    for (size_t i = 0; i < N; i++)
        y[i] = hpo_rng_normal(&rng);
    for (size_t r = 0; r < 3; r++)
        for (size_t i = 0; i < N * S; i++)
            draws[r][i] = y[i % N] + noise[r] * hpo_rng_normal(&rng);
    hpo_rung_weights(of, 3, S, y, N, w);
    assert_near(w[0] + w[1] + w[2], 1, 1e-9, 0);
    assert_true(w[1] > .8 && w[1] > w[2] && w[2] > w[0]);
}

static void test_bohb(void **state)
{
    (void)state;
    size_t good, bad;
    assert_int_equal(hpo_bohb_rung((size_t[]){40, 12, 6, 2}, 4, 4), 1); /* 7 are needed */
    assert_int_equal(hpo_bohb_rung((size_t[]){40, 12, 7, 2}, 4, 4), 2);
    assert_int_equal(hpo_bohb_rung((size_t[]){6, 0}, 2, 4), 2);
    hpo_bohb_split(7, 4, .15, &good, &bad);
    assert_int_equal(good, 5);
    assert_int_equal(bad, 5);
    hpo_bohb_split(100, 4, .15, &good, &bad);
    assert_int_equal(good, 15);
    assert_int_equal(bad, 85);
    hpo_bohb_split(3, 4, .15, &good, &bad);
    assert_int_equal(good, 3);
    assert_int_equal(bad, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loss),
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_noise),
        cmocka_unit_test(test_bohb),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
