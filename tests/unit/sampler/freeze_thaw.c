/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/freeze_thaw: what every sampler with a model must do, and that short curves of fast beginners do
 * not lead it away from what ends well. */
#include "resource.h"

static void beats_random(void **state)
{
    (void)state;
    guided_beats_random("freeze-thaw", 0.6, 3);
}

static void is_a_fold(void **state)
{
    (void)state;
    guided_is_a_fold("freeze-thaw");
    rungs_is_a_fold("freeze-thaw");
}

static void spreads_pending(void **state)
{
    (void)state;
    guided_spreads_pending("freeze-thaw:random=0");
}

static void survives(void **state)
{
    (void)state;
    guided_survives("freeze-thaw");
}

static void lists_finite(void **state)
{
    (void)state;
    guided_lists_finite("freeze-thaw");
}

static void explains(void **state)
{
    (void)state;
    guided_explains("freeze-thaw:random=0", "\"mean\":");
}

static void ends_count(void **state)
{
    (void)state;
    assert_true(rungs_distance("freeze-thaw:random=0", 3) < .15);
    double mixed = rungs_distance("freeze-thaw:random=1", 30);
    assert_true(mixed > .3); /* draws from the prior: half a square away on average */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beats_random), cmocka_unit_test(is_a_fold),    cmocka_unit_test(spreads_pending),
        cmocka_unit_test(survives),     cmocka_unit_test(lists_finite), cmocka_unit_test(explains),
        cmocka_unit_test(ends_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
