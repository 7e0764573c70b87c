/* SPDX-License-Identifier: Apache-2.0 */
/* acq/boca: the rule for the share, on posteriors that are made by hand. */
#include "acq/shares.h"

#include "t.h"

enum { LEVELS = 4 };

/* Four levels of cost 1, 4, 16, 64 in two dimensions: q = 1 / (1 + 2 + 2). */
static hpo_boca make(hpo_boca_level *level)
{
    static const double gap[LEVELS] = {0.8, 0.6, 0.3, 0};
    for (size_t k = 0; k < LEVELS; k++)
        level[k] = (hpo_boca_level){.sd = 1, .prior = 2, .gap = gap[k], .cost = pow(4, (double)k)};
    return (hpo_boca){.n = LEVELS, .width = 4, .exponent = 0.2, .level = level};
}

static void test_gap(void **state)
{
    (void)state;
    double phi = exp(-0.5 * 0.3 * 0.3); /* squared exponential, stationary: sqrt(1 - phi^2) */
    assert_near(hpo_boca_gap(2.5, 2.5 * phi, 2.5), sqrt(1 - phi * phi), 0, 1e-12);
    assert_true(hpo_boca_gap(2, 2, 2) == 0);
    assert_true(hpo_boca_gap(2, 0, 3) == 1);
}

static void test_rule(void **state)
{
    (void)state;
    hpo_boca_level level[LEVELS];
    hpo_boca b = make(level);
    /* gamma = 2 gap (cost / 64)^(1/5) */
    assert_near(hpo_boca_threshold(&b, 0), 2 * 0.8 * pow(1.0 / 64, 0.2), 0, 1e-12); /* 0.696 */
    assert_near(hpo_boca_threshold(&b, 1), 2 * 0.6 * pow(1.0 / 16, 0.2), 0, 1e-12); /* 0.689 */
    assert_near(hpo_boca_threshold(&b, 2), 2 * 0.3 * pow(1.0 / 4, 0.2), 0, 1e-12);  /* 0.455 */
    assert_int_equal(hpo_boca_choose(&b, 0), 0);
    level[0].sd = 0.69; /* known well enough */
    assert_int_equal(hpo_boca_choose(&b, 0), 1);
    level[1].sd = 0.68;
    assert_int_equal(hpo_boca_choose(&b, 0), 2);
    level[2].sd = 0.45;
    assert_int_equal(hpo_boca_choose(&b, 0), 3);
    level[3].sd = 0; /* the whole, whatever is known of it */
    assert_int_equal(hpo_boca_choose(&b, 0), 3);
}

static void test_bounds(void **state)
{
    (void)state;
    hpo_boca_level level[LEVELS];
    hpo_boca b = make(level);
    assert_int_equal(hpo_boca_choose(&b, 2), 2); /* a trial that has reached level 1 */
    assert_int_equal(hpo_boca_choose(&b, 3), 3);
    level[0].sd = level[1].sd = 0;
    assert_int_equal(hpo_boca_choose(&b, 0), 2); /* gap 0.3 > 0.8 / 4 */
    b.width = 2;                                 /* but not 0.8 / 2 */
    assert_int_equal(hpo_boca_choose(&b, 0), 3);
    /* the cheapest, not the smallest; nothing that costs as much as all */
    b = make(level);
    level[0].cost = 64;
    level[1].cost = 20;
    assert_int_equal(hpo_boca_choose(&b, 0), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gap),
        cmocka_unit_test(test_rule),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
