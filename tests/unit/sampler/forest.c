/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/forest. */
#include "guided.h"

static void beats_random(void **state)
{
    (void)state;
    guided_beats_random("forest", 0.5, 9);
}

static void is_a_fold(void **state)
{
    (void)state;
    guided_is_a_fold("forest");
}

static void spreads_pending(void **state)
{
    (void)state;
    guided_spreads_pending("forest");
}

static void survives(void **state)
{
    (void)state;
    guided_survives("forest");
}

static void lists_finite(void **state)
{
    (void)state;
    guided_lists_finite("forest");
}

static void explains(void **state)
{
    (void)state;
    guided_explains("forest:random=0", "\"importance\":");
}

static void heeds_outcomes(void **state)
{
    (void)state;
    guided_heeds_outcomes("forest");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beats_random), cmocka_unit_test(is_a_fold),    cmocka_unit_test(spreads_pending),
        cmocka_unit_test(survives),     cmocka_unit_test(lists_finite), cmocka_unit_test(heeds_outcomes),
        cmocka_unit_test(explains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
