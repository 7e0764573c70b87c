/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/cqr. */
#include "guided.h"

static void beats_random(void **state)
{
    (void)state;
    guided_beats_random("cqr", 0.6, 5);
}

static void is_a_fold(void **state)
{
    (void)state;
    guided_is_a_fold("cqr");
}

static void spreads_pending(void **state)
{
    (void)state;
    guided_spreads_pending("cqr");
}

static void survives(void **state)
{
    (void)state;
    guided_survives("cqr");
}

static void lists_finite(void **state)
{
    (void)state;
    guided_lists_finite("cqr");
}

static void explains(void **state)
{
    (void)state;
    guided_explains("cqr:random=0", "\"level\":");
}

static void heeds_outcomes(void **state)
{
    (void)state;
    guided_heeds_outcomes("cqr");
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
