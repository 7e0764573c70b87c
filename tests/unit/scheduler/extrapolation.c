/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/extrapolation: the probability against a normal distribution that is known and against the model
 * asked directly; who stops and who does not; when nothing may stop. */
#include "drive.h"

#include "math/rng.h"
#include "model/curve_ensemble.h"
#include "model/curve_units.h"

enum { HIGH = 50 };

static double normal_cdf(double z)
{
    return erfc(-z / sqrt(2)) / 2;
}

static int64_t begin(drive *d)
{
    hpo_action a = drive_next(d, 0);
    return drive_start(d, &a);
}

/* Reports f(step, ctx) up to `last`; the step at which the trial was stopped, 0: it was not. */
static int run(drive *d, double (*f)(double step), int last, double scale, double shift)
{
    int64_t t = begin(d);
    double y = 0;
    for (int step = 1; step <= last; step++) {
        y = shift + scale * f(step);
        hpo_sched_answer a = drive_report(d, t, step, y, 0);
        if (a.decision == HPO_CONTINUE) continue;
        assert_int_equal(a.decision, HPO_STOP);
        assert_int_equal(a.complete, 0);
        drive_tell(d, t, HPO_STATE_STOPPED, NULL);
        return step;
    }
    drive_tell(d, t, HPO_STATE_COMPLETE, &y);
    return 0;
}

static double good(double step)
{
    return 0.2 + 0.8 * exp(-step / 8) + 0.004 * sin(37 * step);
}

static double hopeless(double step)
{
    return 0.35 + 0.65 * exp(-step / 8) + 0.004 * sin(41 * step);
}

/* A Hill curve, one of the families: .39 at step 25, where `hopeless` is at .38, and .13 at the end. */
static double slow(double step)
{
    return 1 - 0.93 * pow(step, 3) / (pow(20, 3) + pow(step, 3)) + 0.002 * sin(43 * step);
}

static void test_who_stops(void **state)
{
    (void)state;
    static drive d;
    drive_open(&d, "extrapolation:interval=25,samples=100", 1, HIGH, 100);
    assert_int_equal(run(&d, good, HIGH, 1, 0), 0);
    assert_int_equal(run(&d, slow, HIGH, 1, 0), 0);
    assert_int_equal(run(&d, hopeless, HIGH, 1, 0), 25);
    assert_contains(d.reason, "expected at step 50: 0.3");
    assert_contains(d.reason, " % to beat 0.1278 (trial 1)"); /* the end of `slow` */
    drive_close(&d);
    /* beside a rule that does not want it, or does */
    drive_open(&d, "extrapolation and threshold:upper=0.9,grace=20", 1, HIGH, 100);
    assert_int_equal(run(&d, good, HIGH, 1, 0), 0);
    assert_int_equal(run(&d, hopeless, HIGH, 1, 0), 0);
    drive_close(&d);
    drive_open(&d, "extrapolation and threshold:upper=0.3,grace=18", 1, HIGH, 100);
    assert_int_equal(run(&d, good, HIGH, 1, 0), 0);
    assert_int_equal(run(&d, hopeless, HIGH, 1, 0), 20);
    drive_close(&d);
}

/* Nearly the whole of a curve of one family: what is left is noise, and P(end < b) = Phi((b - m) / s) with
 * m = 0.5, s = 0.02. */
static double level(double step)
{
    return 0.5 + 0.4 * exp(-step / 4) + (fmod(step, 4) < 2 ? 0.02 : -0.02);
}

static void test_known_probability(void **state)
{
    (void)state;
    static const double bars[] = {0.475, 0.48, 0.4, 0.42};
    for (size_t i = 0; i < sizeof bars / sizeof *bars; i++) {
        static drive d;
        double p = normal_cdf((bars[i] - 0.5) / 0.02); /* .11, .16; 3e-7, 3e-5 */
        drive_open(&d, "extrapolation:interval=45,samples=200", 1, HIGH, 100);
        int64_t t = begin(&d);
        (void)drive_report(&d, t, 1, 0.9, 0);
        drive_tell(&d, t, HPO_STATE_COMPLETE, &bars[i]);
        assert_int_equal(run(&d, level, HIGH, 1, 0), p < 0.05 ? 45 : 0);
        drive_close(&d);
    }
}

/* Nothing stops before a trial is complete, before `first` reports, before `grace`, nor at the last step. */
static void test_when(void **state)
{
    (void)state;
    static drive d;
    drive_open(&d, "extrapolation", 1, HIGH, 100);
    int64_t a = begin(&d), b = begin(&d);
    double y = good(HIGH);
    for (int step = 1; step <= 20; step++) {
        assert_int_equal(drive_report(&d, a, step, good(step), 0).decision, HPO_CONTINUE);
        assert_int_equal(drive_report(&d, b, step, hopeless(step), 0).decision, HPO_CONTINUE);
    }
    drive_tell(&d, b, HPO_STATE_FAILED, NULL);
    assert_int_equal(run(&d, hopeless, 20, 1, 0), 0); /* it ends there: complete */
    drive_tell(&d, a, HPO_STATE_COMPLETE, &y);
    assert_int_equal(run(&d, hopeless, HIGH, 1, 0), 5);
    drive_close(&d);

    drive_open(&d, "extrapolation:first=12", 1, HIGH, 100);
    (void)run(&d, good, HIGH, 1, 0);
    assert_int_equal(run(&d, hopeless, HIGH, 1, 0), 15);
    drive_close(&d);
    drive_open(&d, "extrapolation:grace=33", 1, HIGH, 100);
    (void)run(&d, good, HIGH, 1, 0);
    assert_int_equal(run(&d, hopeless, HIGH, 1, 0), 35);
    drive_close(&d);
    drive_open(&d, "extrapolation:interval=50", 1, HIGH, 100);
    (void)run(&d, good, HIGH, 1, 0);
    assert_int_equal(run(&d, hopeless, HIGH, 1, 0), 0);
    drive_close(&d);
}

/* Without a fidelity the last step is an option, or that of the longest complete trial. */
static void test_last_step(void **state)
{
    (void)state;
    static drive d;
    const double nan = (double)NAN;
    drive_open(&d, "extrapolation", nan, nan, 100);
    assert_int_equal(run(&d, good, 30, 1, 0), 0);
    assert_int_equal(run(&d, hopeless, 30, 1, 0), 6);
    assert_contains(d.reason, "expected at step 30:");
    drive_close(&d);
    drive_open(&d, "extrapolation:max=80", nan, nan, 100);
    assert_int_equal(run(&d, good, 30, 1, 0), 0);
    int stopped = run(&d, hopeless, 80, 1, 0);
    assert_true(stopped > 0 && stopped < 80 && stopped % 8 == 0);
    assert_contains(d.reason, "expected at step 80:");
    drive_close(&d);
}

/* Accuracies, and other scales: the same decisions; words in the user's orientation. */
static void test_orientation_and_scale(void **state)
{
    (void)state;
    static drive d;
    drive_open(&d, "extrapolation", 1, HIGH, 100);
    assert_int_equal(run(&d, good, HIGH, 1024, -4096), 0);
    assert_int_equal(run(&d, hopeless, HIGH, 1024, -4096), 5);
    drive_close(&d);

    static const double sign = -1;
    const hpo_sched_problem p = {
        .n_objectives = 1, .sign = &sign, .seed = 7, .low = 1, .high = HIGH, .whole = 1};
    hpo_error err;
    hpo_scheduler s;
    assert_ok(hpo_scheduler_open("extrapolation", &p, &s, &err), err);
    for (int64_t t = 0; t < 2; t++) { /* accuracy 1 - f: comes as f - 1 */
        double y = 0;
        for (int step = 1; step <= HIGH; step++) {
            y = (t == 0 ? good(step) : hopeless(step)) - 1;
            hpo_sched_answer a = {0};
            const hpo_sched_report r = {.trial = t, .step = step, .y = &y, .n_objectives = 1, .fold = -1};
            assert_ok(s.ops->report(s.state, &r, &a, &err), err);
            if (t == 0) continue;
            assert_int_equal(a.decision, step == 5 ? HPO_STOP : HPO_CONTINUE);
            if (step < 5) continue;
            assert_contains(a.reason, "to beat 0.79");
            break;
        }
        if (t == 0) assert_ok(s.ops->tell(s.state, t, HPO_STATE_COMPLETE, &y, &err), err);
    }
    hpo_scheduler_close(&s);
}

/* Reports that say nothing change nothing; those that come again, neither; a replay decides the same. */
static void test_events(void **state)
{
    (void)state;
    static drive d;
    char reason[HPO_REASON_SIZE];
    hpo_error err;
    drive_open(&d, "extrapolation", 1, HIGH, 100);
    (void)run(&d, good, HIGH, 1, 0);
    assert_int_equal(run(&d, hopeless, HIGH, 1, 0), 5);
    memcpy(reason, d.reason, sizeof reason);
    drive_close(&d);

    drive_open(&d, "extrapolation", 1, HIGH, 100);
    int64_t t = begin(&d);
    double y = good(HIGH);
    for (int step = 1; step <= HIGH; step++) {
        double v = good(step);
        hpo_sched_answer a = {.decision = HPO_CONTINUE};
        const hpo_sched_report r = {
            .trial = t, .step = step, .y = &v, .n_objectives = 1, .fold = -1, .past = 1};
        assert_ok(d.s.ops->report(d.s.state, &r, &a, &err), err);
    }
    drive_tell(&d, t, HPO_STATE_COMPLETE, &y);
    t = begin(&d);
    for (int step = 1; step < 5; step++) {
        (void)drive_report(&d, t, step, hopeless(step), 0);
        (void)drive_report(&d, t, step, 0, 0);
        assert_int_equal(drive_report(&d, t, step + 0.5, (double)NAN, 0).decision, HPO_CONTINUE);
        assert_int_equal(drive_report(&d, t, step + 0.7, (double)INFINITY, 0).decision, HPO_CONTINUE);
    }
    assert_int_equal(drive_report(&d, t, 5, hopeless(5), 0).decision, HPO_STOP);
    assert_string_equal(d.reason, reason);
    drive_close(&d);
}

/* Against the model asked directly, with units computed from all values. */
static void test_against_the_model(void **state)
{
    (void)state;
    static drive d;
    hpo_error err;
    hpo_curve_units units = {0};
    hpo_curve_ensemble *e;
    enum { N = 40, SEED = 7 };
    double t[10], y[10], mean[N], sd[N], first = 0.3;
    int stopped = 0;
    assert_ok(hpo_curve_ensemble_create(&e, &err), err);
    drive_open(&d, "extrapolation:interval=10,samples=40,threshold=0.3", 1, HIGH, 100);
    int64_t done = begin(&d);
    (void)drive_report(&d, done, 1, 1, 0);
    assert_ok(hpo_curve_units_add(&units, 1, &err), err);
    drive_tell(&d, done, HPO_STATE_COMPLETE, &first);
    for (int k = 0; k < (T_INSTRUMENTED ? 3 : 8); k++) {
        int64_t trial = begin(&d);
        int got = HPO_CONTINUE;
        for (int i = 0; i < 10; i++) {
            t[i] = (i + 1) / (double)HIGH;
            y[i] = 0.15 + 0.04 * k + 0.8 * exp(-(i + 1) / 6.0);
            assert_ok(hpo_curve_units_add(&units, y[i], &err), err);
            got = (int)drive_report(&d, trial, i + 1, y[i], 0).decision;
        }
        hpo_rng rng;
        hpo_rng_init(&rng, SEED ^ (10ull << 32), (uint64_t)trial, HPO_RNG_EXTRAPOLATION);
        for (int i = 0; i < 10; i++)
            y[i] = hpo_curve_units_to(&units, y[i]);
        assert_ok(hpo_curve_ensemble_sample(e, t, y, 10, &rng, N, mean, sd, &err), err);
        double p = 0, bar = hpo_curve_units_to(&units, first);
        for (int i = 0; i < N; i++)
            p += normal_cdf((bar - mean[i]) / sd[i]) / N;
        assert_int_equal(got, p < 0.3 ? HPO_STOP : HPO_CONTINUE);
        stopped += got == HPO_STOP;
        drive_tell(&d, trial, HPO_STATE_FAILED, NULL);
    }
    assert_true(T_INSTRUMENTED || (stopped > 0 && stopped < 8));
    hpo_curve_units_fini(&units);
    hpo_curve_ensemble_free(e);
    drive_close(&d);
}

/* Curves of trials that ended are used again: a thousand reports more ask for memory a few times, a check
 * never. */
static void test_memory(void **state)
{
    (void)state;
    static drive d;
    t_alloc_install(0, 0);
    drive_open(&d, "extrapolation:interval=25", 1, HIGH, 100);
    for (int i = 0; i < 20; i++)
        (void)run(&d, good, 24, 1, 0);
    size_t before = t_alloc_count();
    for (int i = 0; i < 40; i++)
        (void)run(&d, good, 24, 1, 0);
    assert_true(t_alloc_count() - before <= 4);
    before = t_alloc_count();
    assert_int_equal(run(&d, hopeless, HIGH, 1, 1), 25);
    assert_true(t_alloc_count() - before <= 4); /* a curve of 25 reports */
    drive_close(&d);
    assert_int_equal(t_alloc_live(), 0);
    t_alloc_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_stops),
        cmocka_unit_test(test_known_probability),
        cmocka_unit_test(test_when),
        cmocka_unit_test(test_last_step),
        cmocka_unit_test(test_orientation_and_scale),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_against_the_model),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
