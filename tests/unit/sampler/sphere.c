/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/sphere. */
#include "guided.h"
#include "wide.h"

static void beats_random(void **state)
{
    (void)state;
    wide_beats_random("sphere", 0.4);
    wide_beats_random("sphere:acquisition=ei", 0.8);
}

static void is_a_fold(void **state)
{
    (void)state;
    guided_is_a_fold("sphere");
    guided_is_a_fold("sphere:acquisition=ei");
}

static void spreads_pending(void **state)
{
    (void)state;
    guided_spreads_pending("sphere");
    guided_spreads_pending("sphere:acquisition=ei");
}

static void survives(void **state)
{
    (void)state;
    guided_survives("sphere");
}

static void lists_finite(void **state)
{
    (void)state;
    guided_lists_finite("sphere");
}

static void keeps_constraints(void **state)
{
    (void)state;
    wide_keeps_constraints("sphere");
}

static void explains(void **state)
{
    (void)state;
    guided_explains("sphere", "\"stretch\":");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beats_random), cmocka_unit_test(is_a_fold),    cmocka_unit_test(spreads_pending),
        cmocka_unit_test(survives),     cmocka_unit_test(lists_finite), cmocka_unit_test(keeps_constraints),
        cmocka_unit_test(explains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
