/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/dngo. */
#include "guided.h"

static void beats_random(void **state)
{
    (void)state;
    guided_beats_random("dngo", 0.6, 5);
    guided_beats_random("dngo:objective=evidence", 0.8, 5);
}

static void is_a_fold(void **state)
{
    (void)state;
    guided_is_a_fold("dngo");
}

static void spreads_pending(void **state)
{
    (void)state;
    guided_spreads_pending("dngo");
}

static void survives(void **state)
{
    (void)state;
    guided_survives("dngo");
}

static void lists_finite(void **state)
{
    (void)state;
    guided_lists_finite("dngo");
}

static void explains(void **state)
{
    (void)state;
    guided_explains("dngo:random=0", "\"log_evidence\":");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beats_random), cmocka_unit_test(is_a_fold),    cmocka_unit_test(spreads_pending),
        cmocka_unit_test(survives),     cmocka_unit_test(lists_finite), cmocka_unit_test(explains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
