/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/none: never stops anything, needs nothing, keeps nothing. */
#include "scheduler/registry.h"
#include "t.h"

static void test_never_stops(void **state)
{
    (void)state;
    hpo_error err;
    hpo_scheduler s;
    const double sign[3] = {1, 1, -1}, nan = (double)NAN;
    const hpo_sched_problem problem = {.n_objectives = 3, .sign = sign, .seed = 1, .low = nan, .high = nan};
    assert_ok(hpo_scheduler_open("none", &problem, &s, &err), err);
    assert_int_equal(s.ops->state_size, 0);
    assert_null(s.ops->next); /* always a new trial at full resource */
    assert_null(s.ops->tell);
    const double values[] = {0, -1e300, 1e300, INFINITY, (double)NAN};
    for (size_t i = 0; i < 5; i++) {
        double y[3] = {values[i], values[i], values[i]};
        hpo_sched_report r = {.trial = (int64_t)i, .step = (double)i, .y = y, .n_objectives = 3, .fold = -1};
        hpo_sched_answer d = {.decision = HPO_CONTINUE};
        assert_ok(s.ops->report(s.state, &r, &d, &err), err);
        assert_int_equal(d.decision, HPO_CONTINUE);
    }
    hpo_scheduler_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_never_stops)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
