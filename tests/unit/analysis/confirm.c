/* SPDX-License-Identifier: Apache-2.0 */
/* Ranking by repeats: intervals and chances against what they promise, OCBA against its own paper. */
#include "analysis/confirm.h"
#include "math/dist.h"
#include "math/rng.h"
#include "t.h"

static void measure(hpo_arm *a, double y)
{
    double step = y - a->mean;
    a->n++;
    a->mean += step / (double)a->n;
    a->m2 += step * (y - a->mean);
}

static void ask(hpo_arm *arms, size_t n, size_t more)
{
    hpo_error err;
    assert_ok(hpo_confirm(arms, n, more, 3, 5, &err), err);
}

/* Two arms of equal, well-known variance: P(best) = Phi(d / sqrt(2 s^2 / n)). */
static void test_chances_are_those_of_a_t_test(void **state)
{
    (void)state;
    hpo_arm arms[2] = {{.n = 400, .mean = 1, .m2 = 399 * 4.0}, {.n = 400, .mean = 1.2, .m2 = 399 * 4.0}};
    ask(arms, 2, 0);
    assert_near(arms[0].sd, 2, 1e-12, 0);
    assert_near(arms[0].p_best, hpo_normal_cdf(0.2 / sqrt(2 * 4.0 / 400)), 0, 0.03);
    assert_near(arms[0].p_best + arms[1].p_best, 1, 0, 1e-9);
    assert_near(arms[0].high - arms[0].low, 2 * 1.645 * 2 / 20, 0.01, 0);
}

/* 90 % intervals of arms that were measured a few times hold the truth in 90 % of the cases. */
static void test_intervals_cover(void **state)
{
    (void)state;
    hpo_rng rng;
    size_t inside = 0, rounds = t_rounds(400);
    hpo_rng_init(&rng, 11, 0, HPO_RNG_USER);
    for (size_t k = 0; k < rounds; k++) {
        hpo_arm arms[3] = {{0}, {0}, {0}};
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++)
                measure(&arms[i], i + hpo_rng_normal(&rng));
        ask(arms, 3, 0);
        inside += arms[1].low <= 1 && 1 <= arms[1].high;
    }
    assert_near((double)inside / (double)rounds, 0.9, 0, 0.04);
}

/* Chen et al. (2000): n_i / n_j = ((s_i / d_i) / (s_j / d_j))^2, n_b = s_b sqrt(sum n_i^2 / s_i^2). */
static void test_allocation_is_ocba(void **state)
{
    (void)state;
    const double mean[4] = {0, 1, 2, 4}, sd = 3;
    hpo_arm arms[4];
    double w[4], sum = 0, total = 4 * 50 + 100000;
    for (int i = 0; i < 4; i++)
        arms[i] = (hpo_arm){.n = 50, .mean = mean[i], .m2 = 49 * sd * sd};
    ask(arms, 4, 100000);
    for (int i = 1; i < 4; i++)
        w[i] = 1 / (mean[i] * mean[i]);
    w[0] = sqrt(w[1] * w[1] + w[2] * w[2] + w[3] * w[3]);
    for (int i = 0; i < 4; i++)
        sum += w[i];
    size_t given = 0;
    for (int i = 0; i < 4; i++) {
        assert_near((double)(arms[i].n + arms[i].next), w[i] / sum * total, 0, 1.01);
        given += arms[i].next;
    }
    assert_int_equal(given, 100000);
}

static void test_first_everyone_runs_twice(void **state)
{
    (void)state;
    hpo_arm arms[3] = {{.n = 5, .mean = 1, .m2 = 4}, {.n = 1, .mean = 0}, {0}};
    ask(arms, 3, 2);
    assert_int_equal(arms[0].next, 0);
    assert_int_equal(arms[1].next, 1);
    assert_int_equal(arms[2].next, 1);
    assert_true(isnan(arms[0].p_best)); /* nothing is known of the third */
    assert_true(isinf(arms[2].low) && isinf(arms[2].high));
    hpo_arm fresh[2] = {{0}, {0}};
    ask(fresh, 2, 7);
    assert_int_equal(fresh[0].next + fresh[1].next, 7);
    assert_true(fresh[0].next >= 3 && fresh[1].next >= 3);
}

/* Values that repeat exactly: certain, and nobody needs more than the others. */
static void test_no_noise(void **state)
{
    (void)state;
    hpo_arm arms[2] = {{.n = 2, .mean = 1}, {.n = 2, .mean = 2}};
    ask(arms, 2, 4);
    assert_near(arms[0].p_best, 1, 0, 1e-9);
    assert_near(arms[0].low, 1, 0, 0);
    assert_near(arms[0].high, 1, 0, 0);
    assert_int_equal(arms[0].next, 2);
    hpo_arm equal[3] = {
        {.n = 3, .mean = 1, .m2 = 2}, {.n = 3, .mean = 1, .m2 = 2}, {.n = 3, .mean = 1, .m2 = 2}};
    ask(equal, 3, 30);
    assert_int_equal(equal[0].next + equal[1].next + equal[2].next, 30);
}

/* To tell the best from the others, OCBA needs fewer runs than equal shares. */
static void test_allocation_pays(void **state)
{
    (void)state;
    size_t right[2] = {0, 0}, rounds = t_rounds(120);
    for (int way = 0; way < 2; way++) {
        for (size_t k = 0; k < rounds; k++) {
            hpo_rng rng;
            hpo_arm arms[6];
            memset(arms, 0, sizeof arms);
            hpo_rng_init(&rng, 17, k, HPO_RNG_USER);
            for (int round = 0; round < 6; round++) {
                ask(arms, 6, 12);
                for (int i = 0; i < 6; i++)
                    for (size_t j = way == 0 ? arms[i].next : 2; j > 0; j--)
                        measure(&arms[i], 0.4 * i + hpo_rng_normal(&rng));
            }
            int best = 0;
            for (int i = 1; i < 6; i++)
                if (arms[i].mean < arms[best].mean) best = i;
            right[way] += best == 0;
        }
    }
    printf("# right choice: OCBA %zu, equal %zu of %zu\n", right[0], right[1], rounds);
    assert_true(right[0] > right[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chances_are_those_of_a_t_test),
        cmocka_unit_test(test_intervals_cover),
        cmocka_unit_test(test_allocation_is_ocba),
        cmocka_unit_test(test_first_everyone_runs_twice),
        cmocka_unit_test(test_no_noise),
        cmocka_unit_test(test_allocation_pays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
