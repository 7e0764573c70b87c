/* SPDX-License-Identifier: Apache-2.0 */
/* Budgets are exact and global, the study ends once, with its reason stored; finite spaces end by themselves.
 */
#include "fixture.h"

static const char *const SPACE = "x: 0..1; y: 0..1";

static hpo_status ask(fixture *f, hpo_trial **t)
{
    return hpo_study_ask(f->s, t, &f->err);
}

static void assert_over(fixture *f, hpo_stop_reason why)
{
    hpo_trial *t;
    int64_t seq;
    assert_status(ask(f, &t), HPO_DONE);
    assert_null(t);
    hpo_summary q = fixture_summary(f);
    assert_int_equal(q.status, HPO_STUDY_STOPPED);
    assert_int_equal(q.stop_reason, why);
    assert_non_null(q.stop_text);
    seq = q.seq;
    assert_status(ask(f, &t), HPO_DONE);
    assert_int_equal(fixture_summary(f).seq, seq); /* stored at most once */
}

static void trials_are_reserved_when_handed_out(const char *url)
{
    fixture f;
    hpo_trial *t[3], *none;
    hpo_study_options o = hpo_study_options_init();
    o.budget.trials = 3;
    fixture_open(&f, url, SPACE, &o);
    for (int i = 0; i < 3; i++)
        t[i] = fixture_ask(&f);
    assert_status(ask(&f, &none), HPO_WAIT);
    fixture_tell(&f, t[0], 1);
    fixture_tell(&f, t[1], 1);
    assert_status(ask(&f, &none), HPO_WAIT);
    assert_int_equal(fixture_summary(&f).status, HPO_STUDY_ACTIVE);
    fixture_tell(&f, t[2], 1);
    assert_over(&f, HPO_STOP_REASON_TRIALS);
    assert_string_equal(fixture_summary(&f).stop_text, "the budget of 3 trials is spent");
    assert_fails(hpo_study_enqueue(f.s, NULL, NULL, &f.err), HPO_ESTATE, f.err, "3 trials");
    /* A larger budget lets the study go on. */
    hpo_budget b = o.budget;
    b.trials = 4;
    assert_ok(hpo_study_set_budget(f.s, &b, &f.err), f.err);
    hpo_summary q = fixture_summary(&f);
    assert_int_equal(q.status, HPO_STUDY_ACTIVE);
    assert_int_equal(q.stop_reason, HPO_STOP_REASON_NONE);
    assert_null(q.stop_text);
    fixture_tell(&f, fixture_ask(&f), 1);
    assert_over(&f, HPO_STOP_REASON_TRIALS);
    fixture_close(&f);
}
ON_EACH_STORAGE(trials_are_reserved_when_handed_out)

/* Only time with a trial running counts, and of a dead worker only what its lease covers. */
static void seconds_are_active_wall_time(const char *url)
{
    fixture f;
    hpo_trial *none;
    hpo_study_options o = hpo_study_options_init();
    o.budget.seconds = 10;
    o.lease = 8;
    fixture_open(&f, url, SPACE, &o);
    f.now += 1000000; /* idle */
    hpo_trial *t = fixture_ask(&f);
    f.now += 3000;
    assert_near(fixture_summary(&f).active_seconds, 3, 0, 0);
    fixture_tell(&f, t, 1);
    f.now += 1000000; /* idle */
    assert_near(fixture_summary(&f).active_seconds, 3, 0, 0);
    t = fixture_ask(&f);
    f.now += 6999;
    hpo_trial *other = fixture_ask(&f);
    f.now += 1;
    assert_status(ask(&f, &none), HPO_WAIT);
    fixture_tell(&f, t, 1);
    assert_status(ask(&f, &none), HPO_WAIT);
    assert_near(fixture_summary(&f).active_seconds, 10, 0, 0);
    hpo_trial_free(other); /* its worker dies: the study is over when the lease is */
    f.now += 7999;
    assert_status(ask(&f, &none), HPO_WAIT);
    f.now += 1;
    assert_over(&f, HPO_STOP_REASON_TIME);
    f.now += 1000000;
    assert_near(fixture_summary(&f).active_seconds, 17.999, 0, 0);
    fixture_close(&f);
}
ON_EACH_STORAGE(seconds_are_active_wall_time)

static void clock_jumping_back_changes_nothing(const char *url)
{
    fixture f;
    hpo_study_options o = hpo_study_options_init();
    fixture_open(&f, url, SPACE, &o);
    hpo_trial *t = fixture_ask(&f);
    f.now += 5000;
    assert_ok(hpo_trial_report(t, 1, 1, NULL, &f.err), f.err);
    hpo_summary before = fixture_summary(&f);
    f.now -= 100000;
    assert_ok(hpo_trial_report(t, 2, 1, NULL, &f.err), f.err);
    hpo_trial *other = fixture_ask(&f);
    hpo_summary after = fixture_summary(&f);
    assert_int_equal(after.last_ms, before.last_ms);
    assert_near(after.active_seconds, before.active_seconds, 0, 0);
    assert_int_equal(other->number, 1); /* no lease has ended */
    hpo_trial_info i = fixture_trial(&f, 1);
    assert_int_equal(i.created_ms, before.last_ms);
    hpo_trial_free(t);
    hpo_trial_free(other);
    fixture_close(&f);
}
ON_EACH_STORAGE(clock_jumping_back_changes_nothing)

static void cost_target_and_stagnation_end_the_study(const char *url)
{
    fixture f;
    hpo_result r = hpo_result_init();
    double y = 1;
    r.values = &y;
    r.n_values = 1;
    r.cost = 4;
    hpo_study_options o = hpo_study_options_init();
    o.budget.cost = 10;
    fixture_open(&f, url, SPACE, &o);
    for (int i = 0; i < 3; i++) {
        hpo_trial *t = fixture_ask(&f);
        assert_ok(hpo_study_tell(f.s, t, &r, &f.err), f.err);
        hpo_trial_free(t);
    }
    assert_over(&f, HPO_STOP_REASON_COST);
    fixture_close(&f);

    hpo_objective up = {sizeof up, "accuracy", HPO_MAXIMIZE};
    o = hpo_study_options_init();
    o.objectives = &up;
    o.n_objectives = 1;
    o.budget.target = 0.9;
    fixture_open(&f, url, SPACE, &o);
    fixture_tell(&f, fixture_ask(&f), 0.89);
    hpo_trial *a = fixture_ask(&f), *b = fixture_ask(&f), *none;
    assert_ok(hpo_study_enqueue(f.s, NULL, NULL, &f.err), f.err);
    fixture_tell(&f, a, 0.9);
    assert_status(ask(&f, &none), HPO_WAIT); /* nothing more is handed out, waiting or not */
    fixture_tell(&f, b, 0.95);
    assert_over(&f, HPO_STOP_REASON_TARGET);
    assert_int_equal(fixture_summary(&f).best, 2);
    assert_near(fixture_summary(&f).best_value, 0.95, 0, 0);
    fixture_close(&f);

    o = hpo_study_options_init();
    o.budget.stagnation = 3;
    fixture_open(&f, url, SPACE, &o);
    static const double values[] = {5, 6, 6, 4, 4, 5, 4};
    for (int i = 0; i < 7; i++)
        fixture_tell(&f, fixture_ask(&f), values[i]);
    assert_over(&f, HPO_STOP_REASON_STAGNATION);
    assert_int_equal(fixture_summary(&f).best, 3);
    fixture_close(&f);
}
ON_EACH_STORAGE(cost_target_and_stagnation_end_the_study)

/* Ties go to the lower number whatever the order of completion. */
static void incumbent_is_feasible_and_complete(const char *url)
{
    fixture f;
    hpo_trial *t[6];
    hpo_outcome outcome = {sizeof outcome, "memory", 4};
    hpo_study_options o = hpo_study_options_init();
    o.outcomes = &outcome;
    o.n_outcomes = 1;
    fixture_open(&f, url, SPACE, &o);
    for (int i = 0; i < 6; i++)
        t[i] = fixture_ask(&f);
    static const double used[] = {3, 5, 4, 1, 2, (double)NAN}, values[] = {3, 1, 3, 0, 9, 0};
    static const int order[] = {2, 1, 0, 3, 4, 5};
    for (int k = 0; k < 6; k++) {
        int i = order[k];
        hpo_result r = hpo_result_init();
        r.state = i == 3 ? HPO_STATE_STOPPED : HPO_STATE_COMPLETE;
        r.values = &values[i];
        r.n_values = 1;
        r.outcomes = i == 5 ? NULL : &used[i]; /* not measured is not feasible */
        r.n_outcomes = 1;
        assert_ok(hpo_study_tell(f.s, t[i], &r, &f.err), f.err);
        hpo_trial_free(t[i]);
    }
    int64_t best[2];
    size_t n;
    assert_ok(hpo_study_best(f.s, best, 2, &n, &f.err), f.err);
    assert_int_equal(n, 1);
    assert_int_equal(best[0], 0);
    assert_near(fixture_summary(&f).best_value, 3, 0, 0);
    fixture_close(&f);
}
ON_EACH_STORAGE(incumbent_is_feasible_and_complete)

static void pareto_set_of_several_objectives(const char *url)
{
    fixture f;
    hpo_objective objectives[2] = {{sizeof(hpo_objective), "loss", HPO_MINIMIZE},
                                   {sizeof(hpo_objective), "speed", HPO_MAXIMIZE}};
    hpo_study_options o = hpo_study_options_init();
    o.objectives = objectives;
    o.n_objectives = 2;
    fixture_open(&f, url, SPACE, &o);
    size_t n = 9;
    int64_t best[2];
    assert_fails(hpo_study_best(f.s, best, 2, &n, &f.err), HPO_ENOTFOUND, f.err, "no complete");
    assert_int_equal(n, 0);
    static const double values[][2] = {{1, 1}, {2, 5}, {3, 4}, {0, 0}, {2, 5}};
    for (int i = 0; i < 5; i++) {
        hpo_trial *t = fixture_ask(&f);
        hpo_result r = hpo_result_init();
        r.values = values[i];
        r.n_values = 2;
        assert_ok(hpo_study_tell(f.s, t, &r, &f.err), f.err);
        hpo_trial_free(t);
    }
    assert_ok(hpo_study_sync(f.s, NULL, &f.err), f.err);
    int64_t all[8];
    assert_ok(hpo_study_best(f.s, all, 8, &n, &f.err), f.err);
    assert_int_equal(n, 4);
    static const int64_t want[] = {0, 1, 3, 4};
    assert_memory_equal(all, want, sizeof want);
    assert_ok(hpo_study_best(f.s, best, 2, &n, &f.err), f.err); /* cap smaller than the set */
    assert_int_equal(n, 4);
    hpo_budget b = {.size = sizeof b, .target = 0.5};
    assert_fails(hpo_study_set_budget(f.s, &b, &f.err), HPO_EINVAL, f.err, "budget.target");
    fixture_close(&f);
}
ON_EACH_STORAGE(pareto_set_of_several_objectives)

/* ---- finite spaces ------------------------------------------------------------------------------------- */

/* Every configuration exactly once, whatever the sampler, then the end with that reason. */
static void finite_space_is_exhausted(const char *url)
{
    static const char *const samplers[] = {"random", "sobol", "halton", "grid"};
    for (int k = 0; k < 4; k++) {
        fixture f;
        int seen[12] = {0};
        hpo_study_options o = hpo_study_options_init();
        o.sampler = samplers[k];
        fixture_open(&f, url, "a: int 0..3; b: red,green,blue", &o);
        hpo_trial *t = NULL, *held = NULL;
        for (int i = 0; i < 12; i++) {
            t = fixture_ask(&f);
            int c = (int)t->x[0] * 3 + (int)t->x[1];
            assert_int_equal(seen[c]++, 0);
            if (i == 5)
                held = t; /* running ones count */
            else
                fixture_tell(&f, t, i);
        }
        assert_status(ask(&f, &t), HPO_WAIT);
        fixture_tell(&f, held, 1);
        assert_over(&f, HPO_STOP_REASON_EXHAUSTED);
        fixture_close(&f);
    }
}
ON_EACH_STORAGE(finite_space_is_exhausted)

static void failures_count_as_tried_in_a_finite_space(const char *url)
{
    fixture f;
    hpo_result failed = hpo_result_init();
    failed.state = HPO_STATE_FAILED;
    hpo_study_options o = hpo_study_options_init();
    fixture_open(&f, url, "a: int 1..5", &o);
    for (int i = 0; i < 5; i++) {
        hpo_trial *t = fixture_ask(&f);
        assert_ok(hpo_study_tell(f.s, t, &failed, &f.err), f.err);
        hpo_trial_free(t);
    }
    assert_over(&f, HPO_STOP_REASON_EXHAUSTED);
    fixture_close(&f);
}
ON_EACH_STORAGE(failures_count_as_tried_in_a_finite_space)

static void noisy_studies_repeat(const char *url)
{
    fixture f;
    hpo_study_options o = hpo_study_options_init();
    o.noisy = 1;
    o.budget.trials = 20;
    fixture_open(&f, url, "a: int 1..2", &o);
    for (int i = 0; i < 20; i++)
        fixture_tell(&f, fixture_ask(&f), i);
    assert_over(&f, HPO_STOP_REASON_TRIALS);
    fixture_close(&f);
}
ON_EACH_STORAGE(noisy_studies_repeat)

/* ---- stop, pause, resume ---- */

static void people_stop_pause_and_resume(const char *url)
{
    fixture f;
    hpo_trial *none;
    hpo_study_options o = hpo_study_options_init();
    fixture_open(&f, url, SPACE, &o);
    hpo_trial *t = fixture_ask(&f);
    assert_ok(hpo_study_pause(f.s, &f.err), f.err);
    assert_ok(hpo_study_pause(f.s, &f.err), f.err);
    assert_status(ask(&f, &none), HPO_WAIT);
    assert_ok(hpo_trial_report(t, 1, 1, NULL, &f.err), f.err); /* running trials go on */
    assert_ok(hpo_study_resume(f.s, &f.err), f.err);
    hpo_trial *second = fixture_ask(&f);
    assert_ok(hpo_study_stop(f.s, HPO_STOP_REASON_USER, "lunch", &f.err), f.err);
    assert_ok(hpo_study_stop(f.s, HPO_STOP_REASON_ABORT, "too late", &f.err), f.err);
    assert_status(ask(&f, &none), HPO_DONE);
    fixture_tell(&f, t, 1);
    hpo_summary q = fixture_summary(&f);
    assert_int_equal(q.stop_reason, HPO_STOP_REASON_USER);
    assert_string_equal(q.stop_text, "lunch");
    assert_fails(hpo_study_pause(f.s, &f.err), HPO_ESTATE, f.err, "user");
    assert_fails(hpo_study_stop(f.s, HPO_STOP_REASON_NONE, NULL, &f.err), HPO_EINVAL, f.err, NULL);
    assert_ok(hpo_study_resume(f.s, &f.err), f.err);
    assert_null(fixture_summary(&f).stop_text);
    fixture_tell(&f, fixture_ask(&f), 1);
    hpo_trial_free(second);
    fixture_close(&f);
}
ON_EACH_STORAGE(people_stop_pause_and_resume)

/* A study that is over for lack of trials goes on when one comes back, and ends again after it. */
static void requeue_reopens(const char *url)
{
    fixture f;
    hpo_study_options o = hpo_study_options_init();
    hpo_result failed = hpo_result_init();
    hpo_trial *t = NULL;
    o.budget.trials = 2;
    fixture_open(&f, url, "x: 0..1", &o);
    failed.state = HPO_STATE_FAILED;
    for (int i = 0; i < 2; i++) {
        t = fixture_ask(&f);
        assert_ok(hpo_study_tell(f.s, t, &failed, &f.err), f.err);
        hpo_trial_free(t);
    }
    assert_int_equal(hpo_study_ask(f.s, &t, &f.err), HPO_DONE);
    assert_int_equal(fixture_summary(&f).status, HPO_STUDY_STOPPED);
    assert_ok(hpo_study_requeue(f.s, 1, &f.err), f.err);
    hpo_summary sum = fixture_summary(&f);
    assert_int_equal(sum.status, HPO_STUDY_ACTIVE);
    assert_int_equal(sum.stop_reason, HPO_STOP_REASON_NONE);
    assert_true(sum.stop_text == NULL || sum.stop_text[0] == '\0');
    t = fixture_ask(&f);
    assert_int_equal(hpo_trial_number(t), 1);
    assert_int_equal(hpo_trial_attempt(t), 2);
    fixture_tell(&f, t, 3);
    assert_int_equal(hpo_study_ask(f.s, &t, &f.err), HPO_DONE);
    assert_int_equal(fixture_summary(&f).stop_reason, HPO_STOP_REASON_TRIALS);
    assert_ok(hpo_study_resume(f.s, &f.err), f.err);
    assert_ok(hpo_study_stop(f.s, HPO_STOP_REASON_USER, "enough", &f.err), f.err);
    assert_ok(hpo_study_requeue(f.s, 0, &f.err), f.err);
    assert_int_equal(fixture_summary(&f).status, HPO_STUDY_STOPPED); /* a person's word stands */
    fixture_close(&f);
}
ON_EACH_STORAGE(requeue_reopens)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trials_are_reserved_when_handed_out),
        cmocka_unit_test(test_seconds_are_active_wall_time),
        cmocka_unit_test(test_clock_jumping_back_changes_nothing),
        cmocka_unit_test(test_cost_target_and_stagnation_end_the_study),
        cmocka_unit_test(test_incumbent_is_feasible_and_complete),
        cmocka_unit_test(test_pareto_set_of_several_objectives),
        cmocka_unit_test(test_finite_space_is_exhausted),
        cmocka_unit_test(test_failures_count_as_tried_in_a_finite_space),
        cmocka_unit_test(test_noisy_studies_repeat),
        cmocka_unit_test(test_people_stop_pause_and_resume),
        cmocka_unit_test(test_requeue_reopens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
