/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/lcnet: what every sampler with a model must do; it sees from early reports which trials end well.
 */
#include "resource.h"

/* Labels and a condition; what it does without a fidelity on smooth functions is no better than random by
 * much (docs/known-limits.md). */
static void beats_random(void **state)
{
    (void)state;
    size_t n = T_INSTRUMENTED ? 25 : 60, seeds = T_INSTRUMENTED ? 1 : 5;
    double found = guided_median("lcnet", guided_branches_space, guided_branches, n, seeds);
    double random = guided_median("random", guided_branches_space, guided_branches, n, seeds);
    print_message("# %.4g against %.4g of random\n", found, random);
    assert_true(T_INSTRUMENTED || found < 0.4 * random);
}

static void is_a_fold(void **state)
{
    (void)state;
    guided_is_a_fold("lcnet");
    rungs_is_a_fold("lcnet");
}

static void spreads_pending(void **state)
{
    (void)state;
    guided_spreads_pending("lcnet");
}

static void survives(void **state)
{
    (void)state;
    guided_survives("lcnet");
}

static void lists_finite(void **state)
{
    (void)state;
    guided_lists_finite("lcnet");
}

static void explains(void **state)
{
    (void)state;
    guided_explains("lcnet", "\"draw\":");
}

/* Slow learners end best: what is suggested lies near them, not near those that lead at the first level. */
static void looks_at_the_end(void **state)
{
    (void)state;
    double near = rungs_distance("lcnet", 12), drawn = rungs_distance("random", 100);
    print_message("# %.3f, random %.3f\n", near, drawn);
    assert_true(near < 0.5 * drawn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beats_random),     cmocka_unit_test(is_a_fold),    cmocka_unit_test(spreads_pending),
        cmocka_unit_test(survives),         cmocka_unit_test(lists_finite), cmocka_unit_test(explains),
        cmocka_unit_test(looks_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
