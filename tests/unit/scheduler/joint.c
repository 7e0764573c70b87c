/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/joint: rules joined by `and` and `or`, against their truth tables; one part that pauses; what is
 * refused. */
#include "drive.h"

static int64_t begin(drive *d)
{
    hpo_action a = drive_next(d, 0);
    return drive_start(d, &a);
}

/* threshold:upper=k stops at values above k: parts a, b, c with bounds 1, 2, 4 and the value from 0 to 5. */
static void test_truth_tables(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        int stops[6];
    } cases[] = {
        {"threshold:upper=1 and threshold:upper=4", {0, 0, 0, 0, 0, 1}},
        {"threshold:upper=1 or threshold:upper=4", {0, 0, 1, 1, 1, 1}},
        {"threshold,upper=4 or threshold,upper=1 and threshold,upper=2",
         {0, 0, 0, 1, 1, 1}}, /* and binds closer */
        {"(threshold,upper=4 or threshold,upper=1) and threshold,upper=2", {0, 0, 0, 1, 1, 1}},
        {"(threshold,upper=1 or threshold,upper=2)and(threshold,upper=4)", {0, 0, 0, 0, 0, 1}},
        {"  ( threshold , upper = 2 )  ", {0, 0, 0, 1, 1, 1}},
        {"threshold,upper=4 and threshold,upper=1 or threshold,upper=2 and threshold,upper=1",
         {0, 0, 0, 1, 1, 1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int v = 0; v < 6; v++) {
            static drive d;
            drive_open(&d, cases[i].spec, 1, 9, 100);
            hpo_sched_answer a = drive_report(&d, begin(&d), 1, v, 0);
            assert_int_equal(a.decision, cases[i].stops[v] ? HPO_STOP : HPO_CONTINUE);
            drive_close(&d);
        }
}

static void test_reasons_and_completeness(void **state)
{
    (void)state;
    static drive d;
    static const double y[] = {5, 5, 5};
    for (int k = 0; k < 2; k++) { /* patience ends a trial as complete, a threshold does not */
        drive_open(&d, k ? "patience,patience=2" : "patience,patience=2 or threshold,upper=4,grace=3", 1, 9,
                   100);
        int64_t t = begin(&d);
        hpo_sched_answer a = {0};
        for (int i = 0; i < 3; i++)
            a = drive_report(&d, t, i + 1, y[i], 0);
        assert_int_equal(a.decision, HPO_STOP);
        assert_int_equal(a.complete, k);
        if (k == 0)
            assert_string_equal(a.reason,
                                "no improvement by more than 0 for 2 reports up to 3; 5 is above 4 at 3");
        drive_close(&d);
    }
}

/* ASHA pauses and resumes as it does alone; the other rule stops what it would only have paused. */
static void test_one_part_leads(void **state)
{
    (void)state;
    static drive d;
    drive_open(&d, "threshold:upper=100 or asha:eta=3", 1, 9, 100);
    for (int64_t i = 0; i < 3; i++) {
        hpo_action a = drive_next(&d, 0);
        assert_int_equal(a.kind, HPO_ACT_NEW);
        assert_true(a.resource == 1);
        drive_piece(&d, drive_start(&d, &a), (double)i, 0);
        assert_int_equal(d.state[i], HPO_STATE_PAUSED);
    }
    hpo_action a = drive_next(&d, 0);
    assert_int_equal(a.kind, HPO_ACT_RESUME);
    assert_int_equal(a.trial, 0);
    assert_string_equal(a.reason, "rank 1 of 3 at rung 1: goes on to 3");
    int64_t t = drive_start(&d, &a);
    assert_int_equal(drive_report(&d, t, 3, 101, 0).decision, HPO_STOP);
    double levels[8];
    assert_int_equal(d.s.ops->levels(d.s.state, levels, 8), 3);
    drive_close(&d);
}

static void test_what_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *text;
    } cases[] = {
        {"median and", "a scheduler should stand at ''"},
        {"and median", "unknown scheduler 'and median'"},
        {"(median or patience", "')' should stand at ''"},
        {"median) or patience", "'and', 'or' or the end should stand at ') or patience'"},
        {"median and asha", "'asha' decides what runs next and cannot be joined by 'and'"},
        {"asha or hyperband", "'asha' and 'hyperband' both decide"},
        {"median or (asha or patience) and patience", "cannot be joined by 'and'"},
        {"median or medlan", "did you mean 'median'"},
        {"median or patience:n=1", "unknown option 'n'"},
        {"((((((((((median))))))))))", "nested too deep"},
        {"a or a or a or a or a or a or a or a", "unknown scheduler 'a'"},
        {"none or none or none or none or none or none or none or none or none or none or none or none or "
         "none or none or "
         "none or none or none",
         "at most 16 parts"},
    };
    const hpo_sched_problem p = {.n_objectives = 1, .sign = &drive_sign, .low = 1, .high = 9, .whole = 1};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hpo_scheduler s;
        hpo_error err;
        hpo_status status = hpo_scheduler_open(cases[i].spec, &p, &s, &err);
        assert_true(status != HPO_OK);
        if (!strstr(err.msg, cases[i].text)) fail_msg("%s: %s", cases[i].spec, err.msg);
    }
}

static hpo_status oom_body(void *ctx, hpo_error *err)
{
    const hpo_sched_problem p = {.n_objectives = 1, .sign = &drive_sign, .low = 1, .high = 9, .whole = 1};
    hpo_scheduler s = {0};
    (void)ctx;
    hpo_status status = hpo_scheduler_open("median and (patience or plateau) or asha", &p, &s, err);
    hpo_scheduler_close(&s);
    return status;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    assert_true(t_oom(oom_body, NULL) > 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truth_tables),   cmocka_unit_test(test_reasons_and_completeness),
        cmocka_unit_test(test_one_part_leads), cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
