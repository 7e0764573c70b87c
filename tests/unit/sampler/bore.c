/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/bore. */
#include "guided.h"

static void beats_random(void **state)
{
    (void)state;
    guided_beats_random("bore", 0.7, 9);
}

static void is_a_fold(void **state)
{
    (void)state;
    guided_is_a_fold("bore");
    guided_is_a_fold("bore:loss=bore");
}

static void spreads_pending(void **state)
{
    (void)state;
    guided_spreads_pending("bore");
}

static void survives(void **state)
{
    (void)state;
    guided_survives("bore");
}

static void lists_finite(void **state)
{
    (void)state;
    guided_lists_finite("bore");
}

static void explains(void **state)
{
    (void)state;
    guided_explains("bore:random=0", "\"threshold\":");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beats_random), cmocka_unit_test(is_a_fold),    cmocka_unit_test(spreads_pending),
        cmocka_unit_test(survives),     cmocka_unit_test(lists_finite), cmocka_unit_test(explains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
