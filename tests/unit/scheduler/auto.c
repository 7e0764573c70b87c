/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/auto: what it chooses by the study, and that it follows what the program does. */
#include "drive.h"

static void expect_choice(const drive *d, const char *choice, const char *why)
{
    static char text[1 << 14];
    char wanted[200];
    hpo_error err;
    size_t n = 0;
    assert_ok(d->s.ops->describe(d->s.state, text, sizeof text - 1, &n, &err), err);
    text[n] = '\0';
    assert_ptr_equal(strstr(text, "{\"rungs\":["), text);
    snprintf(wanted, sizeof wanted, ",\"choice\":\"%s\",\"why\":\"%s\"}", choice, why);
    assert_string_equal(strstr(text, ",\"choice\""), wanted);
}

static const char declared[] = "the space declares a fidelity";

/* A program that goes on: all answers and actions are those of hyperband-async. */
static void test_resumes(void **state)
{
    (void)state;
    static drive a, b;
    t_rng rng = t_rng_create();
    drive_open(&a, "auto", 1, 27, 60);
    drive_open(&b, "hyperband-async", 1, 27, 60);
    hpo_action x = drive_next(&a, 0);
    assert_string_equal(x.reason, "hyperband-async: the space declares a fidelity");
    for (int first = 1;; first = 0) {
        x = drive_next(&a, 0);
        hpo_action y = drive_next(&b, 0);
        assert_true(x.kind == y.kind && x.trial == y.trial && x.resource == y.resource);
        if (!first) assert_string_equal(x.reason, y.reason);
        int64_t t = drive_start(&a, &x);
        assert_int_equal(drive_start(&b, &y), t);
        if (t < 0) break;
        double v = t_uniform(&rng);
        drive_piece(&a, t, v, 0);
        drive_piece(&b, t, v, 0);
        assert_int_equal(a.state[t], b.state[t]);
    }
    expect_choice(&a, "hyperband-async", declared);
    double levels[8];
    assert_int_equal(a.s.ops->levels(a.s.state, levels, 8), 4);
    drive_close(&a);
    drive_close(&b);
}

/* A program that reports every step and begins anew each time: after two that were seen to, trials run
 * through and are stopped. */
static void test_gives_up_resuming(void **state)
{
    (void)state;
    static drive d;
    drive_open(&d, "auto", 1, 27, 200);
    int through = 0, stopped = 0, paused_after = 0;
    for (int64_t n = 0; n < 120; n++) {
        hpo_action a = drive_next(&d, 0);
        int64_t t = drive_start(&d, &a);
        if (t < 0) break;
        hpo_sched_answer answer = {.decision = HPO_CONTINUE};
        double y = (double)((t * 37) % 100);
        for (double step = 1; step <= d.target[t] && answer.decision == HPO_CONTINUE; step++)
            answer = drive_report(&d, t, step, y, 1);
        through += a.kind == HPO_ACT_NEW && a.resource == 27;
        stopped += answer.decision == HPO_STOP;
        paused_after += through > 0 && answer.decision == HPO_PAUSE;
        hpo_state end = answer.decision == HPO_PAUSE  ? HPO_STATE_PAUSED
                        : answer.decision == HPO_STOP ? HPO_STATE_STOPPED
                                                      : HPO_STATE_COMPLETE;
        drive_tell(&d, t, end, &y);
    }
    assert_true(through > 50 && stopped > 20 && paused_after == 0);
    expect_choice(&d, "asha-stopping", "the space declares a fidelity, and resumed trials have begun anew");
    drive_close(&d);
}

/* A trial that was lost and handed out again is no sign, nor is one restart among many. */
static void test_lost_trials_say_nothing(void **state)
{
    (void)state;
    static drive d;
    drive_open(&d, "auto", 1, 27, 200);
    for (int k = 0; k < 5; k++) {
        hpo_action a = drive_next(&d, 0);
        int64_t t = drive_start(&d, &a);
        d.target[t] = 9;
        a = (hpo_action){.kind = HPO_ACT_RESUME, .trial = t, .resource = a.resource};
        (void)drive_start(&d, &a); /* the same piece once more */
        drive_piece(&d, t, k, 0);
    }
    expect_choice(&d, "hyperband-async", declared);
    drive_close(&d);
}

static void test_without_a_fidelity(void **state)
{
    (void)state;
    static drive d;
    const double nan = (double)NAN;
    hpo_error err;
    drive_open(&d, "auto", nan, nan, 100);
    expect_choice(&d, "median", "no fidelity is declared: reports at the same step are compared");
    for (int i = 0; i < 8; i++) { /* the median of five others: the sixth stops when it is worse */
        hpo_action a = drive_next(&d, 0);
        assert_int_equal(a.kind, HPO_ACT_NEW);
        hpo_sched_answer answer = drive_report(&d, drive_start(&d, &a), 1, i, 0);
        assert_int_equal(answer.decision, i < 5 ? HPO_CONTINUE : HPO_STOP);
    }
    double y = 1;
    hpo_sched_answer answer = {.decision = HPO_CONTINUE};
    const hpo_sched_report r = {.trial = 9, .step = 1, .y = &y, .n_objectives = 1, .fold = 0};
    assert_ok(d.s.ops->report(d.s.state, &r, &answer, &err), err);
    expect_choice(&d, "wilcoxon",
                  "no fidelity is declared, and reports name folds: a paired test compares them");
    drive_close(&d);

    const double sign[] = {1, 1};
    const hpo_sched_problem two = {.n_objectives = 2, .sign = sign, .low = 1, .high = 9, .whole = 1};
    d = (drive){.high = 9};
    assert_ok(hpo_scheduler_open("auto", &two, &d.s, &err), err);
    expect_choice(&d, "none", "several objectives: no rule compares them, every trial runs to its end");
    drive_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resumes),
        cmocka_unit_test(test_gives_up_resuming),
        cmocka_unit_test(test_lost_trials_say_nothing),
        cmocka_unit_test(test_without_a_fidelity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
