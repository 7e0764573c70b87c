/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/additive. */
#include "guided.h"
#include "wide.h"

static void beats_random(void **state)
{
    (void)state;
    wide_beats_random("additive", 0.7);
}

static void is_a_fold(void **state)
{
    (void)state;
    guided_is_a_fold("additive");
}

static void spreads_pending(void **state)
{
    (void)state;
    guided_spreads_pending("additive");
}

static void survives(void **state)
{
    (void)state;
    guided_survives("additive");
}

static void lists_finite(void **state)
{
    (void)state;
    guided_lists_finite("additive");
}

static void keeps_constraints(void **state)
{
    (void)state;
    wide_keeps_constraints("additive");
}

static void explains(void **state)
{
    (void)state;
    guided_explains("additive", "\"variance\":{");
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
