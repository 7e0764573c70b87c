/* SPDX-License-Identifier: Apache-2.0 */
/* median, percentile, threshold, patience, plateau: each against its definition by hand. */
#include "drive.h"

static int64_t begin(drive *d)
{
    hpo_action a = drive_next(d, 0);
    return drive_start(d, &a);
}

/* Averages of the others up to step 3: 4, 5, 6, 7, 8; median 6. */
static void test_median(void **state)
{
    (void)state;
    static drive d;
    drive_open(&d, "median:others=5,grace=3", 1, 9, 100);
    for (int64_t i = 0; i < 5; i++) {
        int64_t t = begin(&d);
        for (int step = 1; step <= 3; step++)
            assert_int_equal(drive_report(&d, t, step, 6 + (double)i - step, 0).decision, HPO_CONTINUE);
    }
    int64_t good = begin(&d), bad = begin(&d);
    for (int step = 1; step <= 2; step++) { /* bad, but within grace */
        assert_int_equal(drive_report(&d, good, step, 100, 0).decision, HPO_CONTINUE);
        assert_int_equal(drive_report(&d, bad, step, 100, 0).decision, HPO_CONTINUE);
    }
    assert_int_equal(drive_report(&d, bad, 3, 6.01, 0).decision, HPO_STOP);
    assert_string_equal(d.reason,
                        "its best, 6.01, is worse than the median 6 of the averages of 5 others at 3");
    /* now six others, with 68.67 among them: median 6.5 */
    assert_int_equal(drive_report(&d, good, 3, 6.49, 0).decision, HPO_CONTINUE);
    drive_close(&d);
}

static void test_percentile(void **state)
{
    (void)state;
    static drive d;
    drive_open(&d, "percentile:keep=25,others=4", 1, 9, 100);
    for (int64_t i = 0; i < 5; i++) /* 0, 1, 2, 3, 4: the first three come to fewer than four others */
        (void)drive_report(&d, begin(&d), 1, (double)i, 0);
    /* the quartile of 0..4 is 1 */
    assert_int_equal(drive_report(&d, begin(&d), 1, 1, 0).decision, HPO_CONTINUE);
    assert_int_equal(drive_report(&d, begin(&d), 1, 1.01, 0).decision, HPO_STOP);
    drive_close(&d);
}

/* Bounds are the user's: an accuracy below 0.2 stops. */
static void test_threshold(void **state)
{
    (void)state;
    hpo_scheduler s;
    hpo_error err;
    const double sign = -1, nan = (double)NAN;
    const hpo_sched_problem p = {.n_objectives = 1, .sign = &sign, .low = nan, .high = nan};
    assert_ok(hpo_scheduler_open("threshold:lower=0.2,grace=2", &p, &s, &err), err);
    const double step[] = {1, 2, 3}, accuracy[] = {0.1, 0.3, 0.1};
    for (size_t i = 0; i < 3; i++) {
        double y = -accuracy[i];
        hpo_sched_answer a = {0};
        const hpo_sched_report r = {.trial = 0, .step = step[i], .y = &y, .n_objectives = 1, .fold = -1};
        assert_ok(s.ops->report(s.state, &r, &a, &err), err);
        assert_int_equal(a.decision, i == 2 ? HPO_STOP : HPO_CONTINUE);
        if (i == 2) assert_string_equal(a.reason, "0.1 is below 0.2 at 3");
    }
    hpo_scheduler_close(&s);
}

static void test_patience(void **state)
{
    (void)state;
    static drive d;
    const double y[] = {5, 4, 4.5, 3.95, 4.2, 4.3};
    drive_open(&d, "patience:patience=3,delta=0.1", 1, 100, 10);
    int64_t t = begin(&d);
    for (int i = 0; i < 6; i++) { /* 3.95 is better than 4 by less than 0.1: no improvement */
        hpo_sched_answer a = drive_report(&d, t, i + 1, y[i], 0);
        assert_int_equal(a.decision, i >= 4 ? HPO_STOP : HPO_CONTINUE);
        assert_int_equal(a.complete, i >= 4);
    }
    drive_close(&d);
}

/* Against the definition, on random values with ties. */
static void test_patience_until_worse(void **state)
{
    (void)state;
    t_rng rng = t_rng_create();
    for (T_ROUNDS(round, 40)) {
        enum { N = 30 };
        static drive d;
        char spec[80];
        double y[N], delta = (double)t_int(&rng, 0, 2) * 0.5;
        int wait = (int)t_int(&rng, 0, 4), stopped = 0, wanted = 0;
        snprintf(spec, sizeof spec, "patience:rule=worse,patience=%d,delta=%g", wait, delta);
        drive_open(&d, spec, 1, 100, 10);
        (void)begin(&d);
        int64_t t = begin(&d);
        for (int i = 0; i < N && !stopped; i++) {
            y[i] = (double)t_int(&rng, 0, 12) * 0.5;
            double before = (double)INFINITY, recent = (double)INFINITY;
            for (int k = 0; k <= i; k++)
                if (k < i - wait)
                    before = fmin(before, y[k]);
                else
                    recent = fmin(recent, y[k]);
            wanted = i > wait && before + delta < recent;
            hpo_sched_answer a = drive_report(&d, t, i + 1, y[i], 0);
            stopped = a.decision == HPO_STOP;
            assert_int_equal(stopped, wanted);
            assert_int_equal(a.complete, 0);
        }
        drive_close(&d);
    }
    hpo_scheduler s;
    hpo_error err;
    const hpo_sched_problem p = {
        .n_objectives = 1, .sign = &drive_sign, .low = (double)NAN, .high = (double)NAN};
    assert_fails(hpo_scheduler_open("patience:patience=0", &p, &s, &err), HPO_EINVAL, err, "at least 1");
    assert_fails(hpo_scheduler_open("patience:rule=worse,patience=100000", &p, &s, &err), HPO_EINVAL, err,
                 "10000");
}

static void test_plateau(void **state)
{
    (void)state;
    static drive d;
    const double y[] = {5, 1.0002, 1.0001, 1, 1.0001};
    drive_open(&d, "plateau:window=3,spread=2e-4", 1, 100, 10);
    int64_t t = begin(&d);
    for (int i = 0; i < 5; i++)
        assert_int_equal(drive_report(&d, t, i + 1, y[i], 0).decision, i >= 3 ? HPO_STOP : HPO_CONTINUE);
    drive_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_median),
        cmocka_unit_test(test_percentile),
        cmocka_unit_test(test_threshold),
        cmocka_unit_test(test_patience),
        cmocka_unit_test(test_patience_until_worse),
        cmocka_unit_test(test_plateau),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
