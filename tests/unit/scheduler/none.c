/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/none: never stops anything, needs nothing, keeps nothing. */
#include "scheduler/registry.h"
#include "t.h"

static void test_never_stops(void **state)
{
    (void)state;
    hpo_error err;
    hpo_space *space;
    hpo_scheduler s;
    assert_ok(hpo_space_parse("x: 0..1", &space, &err), err);
    assert_ok(hpo_space_freeze(space, &err), err);
    assert_ok(hpo_scheduler_open("none", space, 3, 1, &s, &err), err);
    assert_int_equal(s.ops->state_size, 0);
    assert_null(s.ops->next); /* always a new trial at full resource */
    assert_null(s.ops->tell);
    const double values[] = {0, -1e300, 1e300, INFINITY, (double)NAN};
    for (size_t i = 0; i < 5; i++) {
        double y[3] = {values[i], values[i], values[i]};
        hpo_sched_report r = {.trial = (int64_t)i, .step = (double)i, .y = y, .n_objectives = 3, .fold = -1};
        hpo_decision d = HPO_STOP;
        assert_ok(s.ops->report(s.state, &r, &d, &err), err);
        assert_int_equal(d, HPO_CONTINUE);
    }
    hpo_scheduler_close(&s);
    hpo_space_free(space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_never_stops)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
