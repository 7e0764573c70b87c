/* SPDX-License-Identifier: Apache-2.0 */
/* The state machine of trials: a table of state x operation -> answer, on each storage, and the rules around
 * it. */
#include "fixture.h"

static const char *const SPACE = "x: 0..1; y: 0..1";

/* ---- the table ------------------------------------------------------------------------------------ */

enum { OK = HPO_OK, STATE = HPO_ESTATE, STALE = HPO_ESTALE };

typedef hpo_status (*operation)(fixture *f, hpo_trial *t);

static hpo_status tell(fixture *f, hpo_trial *t, hpo_state state, double value, int with_value)
{
    hpo_result r = hpo_result_init();
    r.state = state;
    r.values = with_value ? &value : NULL;
    r.n_values = 1;
    return hpo_study_tell(f->s, t, &r, &f->err);
}

static hpo_status tell_1(fixture *f, hpo_trial *t)
{
    return tell(f, t, HPO_STATE_COMPLETE, 1, 1);
}

static hpo_status tell_2(fixture *f, hpo_trial *t)
{
    return tell(f, t, HPO_STATE_COMPLETE, 2, 1);
}

static hpo_status tell_stopped(fixture *f, hpo_trial *t)
{
    return tell(f, t, HPO_STATE_STOPPED, 0, 0);
}

static hpo_status tell_failed(fixture *f, hpo_trial *t)
{
    return tell(f, t, HPO_STATE_FAILED, 0, 0);
}

static hpo_status tell_infeasible(fixture *f, hpo_trial *t)
{
    return tell(f, t, HPO_STATE_INFEASIBLE, 0, 0);
}

static hpo_status tell_paused(fixture *f, hpo_trial *t)
{
    return tell(f, t, HPO_STATE_PAUSED, 0, 0);
}

static hpo_status give_back(fixture *f, hpo_trial *t)
{
    return tell(f, t, HPO_STATE_WAITING, 0, 0);
}

static hpo_status report(fixture *f, hpo_trial *t)
{
    hpo_decision d;
    return hpo_trial_report(t, 1, 0.5, &d, &f->err);
}

static hpo_status renew(fixture *f, hpo_trial *t)
{
    return hpo_study_renew(f->s, t, NULL, &f->err);
}

static hpo_status request_stop(fixture *f, hpo_trial *t)
{
    return hpo_study_request_stop(f->s, t->number, &f->err);
}

static hpo_status requeue(fixture *f, hpo_trial *t)
{
    return hpo_study_requeue(f->s, t->number, &f->err);
}

static hpo_status attach(fixture *f, hpo_trial *t)
{
    hpo_trial *again;
    hpo_status status = hpo_study_attach(f->s, t->number, t->token, &again, &f->err);
    hpo_trial_free(again);
    return status;
}

static hpo_status stale_tell(fixture *f, hpo_trial *t)
{
    t->token ^= 1;
    return tell_1(f, t);
}

static hpo_status stale_report(fixture *f, hpo_trial *t)
{
    t->token ^= 1;
    return report(f, t);
}

static hpo_status stale_attach(fixture *f, hpo_trial *t)
{
    t->token ^= 1;
    return attach(f, t);
}

/* How to bring a running trial into each state. */
static const operation BRING[HPO_N_STATES] = {give_back,    NULL,        tell_paused,    tell_1,
                                              tell_stopped, tell_failed, tell_infeasible};

/* -1 in `to`: the state does not change when the answer is OK. */
static const struct row {
    const char *name;
    operation run;
    hpo_status answer[HPO_N_STATES]; /* waiting running paused complete stopped failed infeasible */
    int to;
} TABLE[] = {
    {"complete 1", tell_1, {STATE, OK, STATE, OK, STATE, STATE, STATE}, HPO_STATE_COMPLETE},
    {"complete 2", tell_2, {STATE, OK, STATE, STATE, STATE, STATE, STATE}, HPO_STATE_COMPLETE},
    {"stopped", tell_stopped, {STATE, OK, STATE, STATE, OK, STATE, STATE}, HPO_STATE_STOPPED},
    {"failed", tell_failed, {STATE, OK, STATE, STATE, STATE, OK, STATE}, HPO_STATE_FAILED},
    {"infeasible", tell_infeasible, {STATE, OK, STATE, STATE, STATE, STATE, OK}, HPO_STATE_INFEASIBLE},
    {"paused", tell_paused, {STATE, OK, OK, STATE, STATE, STATE, STATE}, HPO_STATE_PAUSED},
    {"give back", give_back, {OK, OK, STATE, STATE, STATE, STATE, STATE}, HPO_STATE_WAITING},
    {"report", report, {STATE, OK, STATE, STATE, STATE, STATE, STATE}, -1},
    {"renew", renew, {STATE, OK, STATE, STATE, STATE, STATE, STATE}, -1},
    {"request stop", request_stop, {STATE, OK, STATE, STATE, STATE, STATE, STATE}, -1},
    {"requeue", requeue, {STATE, OK, OK, STATE, OK, OK, STATE}, HPO_STATE_WAITING},
    {"attach", attach, {OK, OK, OK, OK, OK, OK, OK}, -1},
    {"stale tell", stale_tell, {STALE, STALE, STALE, STALE, STALE, STALE, STALE}, -1},
    {"stale report", stale_report, {STALE, STALE, STALE, STALE, STALE, STALE, STALE}, -1},
    {"stale attach", stale_attach, {STALE, STALE, STALE, STALE, STALE, STALE, STALE}, -1},
};

static void try_one(const char *url, const struct row *row, int from)
{
    fixture f;
    hpo_study_options o = hpo_study_options_init();
    fixture_open(&f, url, SPACE, &o);
    hpo_trial *t = fixture_ask(&f);
    if (BRING[from] != NULL) assert_ok(BRING[from](&f, t), f.err);
    assert_int_equal(fixture_summary(&f).n_by_state[from], 1);
    int64_t seq = fixture_summary(&f).seq;
    hpo_status got = row->run(&f, t);
    if (got != row->answer[from])
        fail_msg("%s of a trial that is %s: %s, not %s (%s)", row->name, hpo_state_name((hpo_state)from),
                 hpo_status_name(got), hpo_status_name(row->answer[from]), f.err.msg);
    int to = got == HPO_OK && row->to >= 0 ? row->to : from;
    hpo_summary q = fixture_summary(&f);
    assert_int_equal(q.n_by_state[to], 1);
    assert_int_equal(fixture_trial(&f, 0).state, to);
    /* A change is one event; a refusal and a repeated tell are none. */
    int changed = got == HPO_OK && (from == HPO_STATE_RUNNING || row->run == requeue) && row->run != attach;
    assert_int_equal(q.seq, seq + changed);
    hpo_trial_free(t);
    fixture_close(&f);
}

static void every_transition(const char *url)
{
    for (size_t i = 0; i < sizeof TABLE / sizeof TABLE[0]; i++)
        for (int from = 0; from < HPO_N_STATES; from++)
            try_one(url, &TABLE[i], from);
}
ON_EACH_STORAGE(every_transition)

/* ---- leases ----------------------------------------------------------------------------------------- */

/* An expired lease goes to the next asker with a new token, and the first worker is refused. */
static void contract_4_expired_lease_is_fenced(const char *url)
{
    fixture f;
    hpo_study_options o = hpo_study_options_init();
    o.lease = 10;
    fixture_open(&f, url, SPACE, &o);
    hpo_trial *a = fixture_ask(&f);
    f.now += 10000; /* not yet: the lease ends behind this moment */
    hpo_trial *other = fixture_ask(&f);
    assert_int_equal(other->number, 1);
    f.now += 1;
    hpo_trial *b = fixture_ask(&f);
    assert_int_equal(b->number, a->number);
    assert_int_equal(b->attempt, 2);
    assert_true(b->token != a->token);
    assert_memory_equal(b->x, a->x, 2 * sizeof(double));
    assert_int_equal(hpo_trial_seed(a), hpo_trial_seed(b));
    assert_fails(hpo_study_tell_value(f.s, a, 1, &f.err), HPO_ESTALE, f.err, "trial 0");
    assert_fails(report(&f, a), HPO_ESTALE, f.err, "attempt 2");
    assert_fails(renew(&f, a), HPO_ESTALE, f.err, "trial 0");
    assert_ok(hpo_study_tell_value(f.s, b, 2, &f.err), f.err);
    assert_fails(hpo_study_tell_value(f.s, a, 1, &f.err), HPO_ESTALE, f.err, NULL);
    assert_near(fixture_trial(&f, 0).values[0], 2, 0, 0);
    hpo_trial_free(a);
    hpo_trial_free(b);
    hpo_trial_free(other);
    fixture_close(&f);
}
ON_EACH_STORAGE(contract_4_expired_lease_is_fenced)

static void late_tell_without_a_claim_counts(const char *url)
{
    fixture f;
    hpo_study_options o = hpo_study_options_init();
    o.lease = 10;
    fixture_open(&f, url, SPACE, &o);
    hpo_trial *t = fixture_ask(&f);
    f.now += 1000000;
    fixture_tell(&f, t, 3);
    assert_int_equal(fixture_summary(&f).n_by_state[HPO_STATE_COMPLETE], 1);
    fixture_close(&f);
}
ON_EACH_STORAGE(late_tell_without_a_claim_counts)

static void reports_and_renewals_extend_the_lease(const char *url)
{
    fixture f;
    hpo_study_options o = hpo_study_options_init();
    o.lease = 10;
    fixture_open(&f, url, SPACE, &o);
    hpo_trial *t = fixture_ask(&f);
    for (int i = 0; i < 10; i++) {
        f.now += 9000;
        assert_ok(i % 2 ? renew(&f, t) : report(&f, t), f.err);
        assert_int_equal(fixture_trial(&f, 0).lease_ms, f.now + 10000);
    }
    hpo_trial *next = fixture_ask(&f);
    assert_int_equal(next->number, 1);
    hpo_trial_free(t);
    hpo_trial_free(next);
    fixture_close(&f);
}
ON_EACH_STORAGE(reports_and_renewals_extend_the_lease)

static void lost_too_often_is_failed(const char *url)
{
    fixture f;
    hpo_study_options o = hpo_study_options_init();
    o.lease = 1;
    o.max_retries = 2;
    o.budget.trials = 1;
    fixture_open(&f, url, SPACE, &o);
    for (int i = 0; i < 3; i++) {
        hpo_trial *t = fixture_ask(&f);
        assert_int_equal(t->number, 0);
        assert_int_equal(t->attempt, i + 1);
        hpo_trial_free(t);
        f.now += 1001;
    }
    hpo_trial *t;
    assert_status(hpo_study_ask(f.s, &t, &f.err), HPO_DONE);
    assert_null(t);
    hpo_trial_info i = fixture_trial(&f, 0);
    assert_int_equal(i.state, HPO_STATE_FAILED);
    assert_string_equal(i.reason, "lost 3 times");
    assert_int_equal(fixture_summary(&f).stop_reason, HPO_STOP_REASON_TRIALS);
    fixture_close(&f);
}
ON_EACH_STORAGE(lost_too_often_is_failed)

static void giving_back_counts_when_asked_to(const char *url)
{
    fixture f;
    hpo_study_options o = hpo_study_options_init();
    o.max_retries = 1;
    fixture_open(&f, url, SPACE, &o);
    hpo_result r = hpo_result_init();
    r.state = HPO_STATE_WAITING;
    r.reason = "preempted";
    for (int i = 0; i < 5; i++) { /* preempted: never counts */
        hpo_trial *t = fixture_ask(&f);
        assert_int_equal(t->number, 0);
        assert_ok(hpo_study_tell(f.s, t, &r, &f.err), f.err);
        assert_ok(hpo_study_tell(f.s, t, &r, &f.err), f.err);
        hpo_trial_free(t);
    }
    r.count_retry = 1;
    for (int i = 0; i < 2; i++) {
        hpo_trial *t = fixture_ask(&f);
        assert_int_equal(t->number, 0);
        assert_ok(hpo_study_tell(f.s, t, &r, &f.err), f.err);
        assert_ok(hpo_study_tell(f.s, t, &r, &f.err),
                  f.err); /* the same again, also when it made it FAILED */
        hpo_trial_free(t);
    }
    assert_int_equal(fixture_trial(&f, 0).state, HPO_STATE_FAILED);
    assert_string_equal(fixture_trial(&f, 0).reason, "lost 2 times");
    fixture_close(&f);
}
ON_EACH_STORAGE(giving_back_counts_when_asked_to)

static void requeue_revokes_the_lease(const char *url)
{
    fixture f;
    hpo_study_options o = hpo_study_options_init();
    fixture_open(&f, url, SPACE, &o);
    hpo_trial *a = fixture_ask(&f);
    assert_ok(hpo_study_requeue(f.s, 0, &f.err), f.err);
    assert_fails(hpo_study_tell_value(f.s, a, 1, &f.err), HPO_ESTALE, f.err, NULL);
    hpo_trial *b = fixture_ask(&f);
    assert_int_equal(b->number, 0);
    assert_fails(hpo_study_tell_value(f.s, a, 1, &f.err), HPO_ESTALE, f.err, NULL);
    fixture_tell(&f, b, 2);
    hpo_trial_free(a);
    assert_fails(hpo_study_requeue(f.s, 17, &f.err), HPO_ENOTFOUND, f.err, "no trial 17");
    assert_fails(hpo_study_request_stop(f.s, -1, &f.err), HPO_ENOTFOUND, f.err, "no trial -1");
    fixture_close(&f);
}
ON_EACH_STORAGE(requeue_revokes_the_lease)

static void stop_request_reaches_the_next_report(const char *url)
{
    fixture f;
    hpo_decision d = HPO_CONTINUE;
    hpo_study_options o = hpo_study_options_init();
    fixture_open(&f, url, SPACE, &o);
    hpo_trial *t = fixture_ask(&f);
    assert_ok(hpo_trial_report(t, 1, 5, &d, &f.err), f.err);
    assert_int_equal(d, HPO_CONTINUE);
    assert_ok(hpo_study_request_stop(f.s, 0, &f.err), f.err);
    assert_ok(hpo_trial_report(t, 2, 4, &d, &f.err), f.err);
    assert_int_equal(d, HPO_STOP);
    assert_ok(hpo_study_renew(f.s, t, &d, &f.err), f.err);
    assert_int_equal(d, HPO_STOP);
    assert_int_equal(fixture_trial(&f, 0).stop_requested, 1);
    /* STOPPED without a value: the last report counts, but it does not become the incumbent. */
    assert_ok(tell_stopped(&f, t), f.err);
    assert_near(fixture_trial(&f, 0).values[0], 4, 0, 0);
    assert_int_equal(fixture_summary(&f).best, -1);
    assert_fails(report(&f, t), HPO_ESTATE, f.err, "stopped");
    /* back in the queue the request is forgotten */
    assert_ok(hpo_study_requeue(f.s, 0, &f.err), f.err);
    hpo_trial *again = fixture_ask(&f);
    assert_ok(hpo_study_renew(f.s, again, &d, &f.err), f.err);
    assert_int_equal(d, HPO_CONTINUE);
    hpo_trial_free(t);
    hpo_trial_free(again);
    fixture_close(&f);
}
ON_EACH_STORAGE(stop_request_reaches_the_next_report)

/* ---- what a tell stores ------------------------------------------------------------------------------- */

static void everything_told_is_kept(const char *url)
{
    fixture f;
    hpo_objective objectives[2] = {{sizeof(hpo_objective), "loss", HPO_MINIMIZE},
                                   {sizeof(hpo_objective), "accuracy", HPO_MAXIMIZE}};
    hpo_outcome outcome = {sizeof outcome, "memory", 0.3};
    hpo_study_options o = hpo_study_options_init();
    o.objectives = objectives;
    o.n_objectives = 2;
    o.outcomes = &outcome;
    o.n_outcomes = 1;
    fixture_open(&f, url, SPACE, &o);
    hpo_trial *t = fixture_ask(&f);
    double values[2] = {0.1, 0.9}, sems[2] = {0.01, 0.02}, used = 0.1, gradient[2] = {-3, (double)NAN};
    hpo_result r = hpo_result_init();
    r.values = values;
    r.n_values = 2;
    r.sems = sems;
    r.outcomes = &used;
    r.n_outcomes = 1;
    r.gradient = gradient;
    r.cost = 12.5;
    r.checkpoint = "ckpt/0";
    f.now += 5000;
    assert_ok(hpo_study_tell(f.s, t, &r, &f.err), f.err);
    assert_ok(hpo_study_set_attr(f.s, 0, "host", "\"a1\"", &f.err), f.err);
    assert_ok(hpo_study_set_attr(f.s, 0, "n", "3.5", &f.err), f.err);
    assert_ok(hpo_study_set_attr(f.s, -1, "note", "{\"a\":[1]}", &f.err), f.err);
    assert_fails(hpo_study_set_attr(f.s, 0, "n", "3.5.", &f.err), HPO_EINVAL, f.err, NULL);
    hpo_trial_info i = fixture_trial(&f, 0);
    assert_same_doubles(i.values, values, 2);
    assert_same_doubles(i.sems, sems, 2);
    assert_same_doubles(i.outcomes, &used, 1);
    assert_same_doubles(i.gradient, gradient, 2);
    assert_near(i.cost, 12.5, 0, 0);
    assert_string_equal(i.checkpoint, "ckpt/0");
    assert_string_equal(i.attributes, "{\"host\":\"a1\",\"n\":3.5}");
    assert_int_equal(i.ended_ms - i.started_ms, 5000);
    hpo_summary q = fixture_summary(&f);
    assert_near(q.cost, 12.5, 0, 0);
    assert_near(q.active_seconds, 5, 0, 0);
    assert_string_equal(q.attributes, "{\"note\":{\"a\":[1]}}");
    hpo_trial_free(t);
    fixture_close(&f);
}
ON_EACH_STORAGE(everything_told_is_kept)

static void bad_results_are_refused(const char *url)
{
    fixture f;
    hpo_study_options o = hpo_study_options_init();
    fixture_open(&f, url, SPACE, &o);
    hpo_trial *t = fixture_ask(&f);
    hpo_result r = hpo_result_init();
    double values[2] = {1, 2}, nan = (double)NAN;
    assert_fails(hpo_study_tell(f.s, t, &r, &f.err), HPO_EINVAL, f.err, "0 values");
    r.values = values;
    r.n_values = 2;
    assert_fails(hpo_study_tell(f.s, t, &r, &f.err), HPO_EINVAL, f.err,
                 "2 values were told, the study has 1");
    r.n_values = 1;
    r.cost = -1;
    assert_fails(hpo_study_tell(f.s, t, &r, &f.err), HPO_EINVAL, f.err, "cost is -1");
    r.cost = 0;
    r.state = HPO_STATE_RUNNING;
    assert_fails(hpo_study_tell(f.s, t, &r, &f.err), HPO_EINVAL, f.err, "state 1");
    r.state = (hpo_state)99;
    assert_fails(hpo_study_tell(f.s, t, &r, &f.err), HPO_EINVAL, f.err, "state 99");
    r.state = HPO_STATE_COMPLETE;
    r.outcomes = values;
    r.n_outcomes = 2;
    assert_fails(hpo_study_tell(f.s, t, &r, &f.err), HPO_EINVAL, f.err, "2 outcomes");
    assert_fails(hpo_study_tell_value(f.s, t, nan, &f.err), HPO_EINVAL, f.err, "FAILED");
    assert_fails(hpo_trial_report(t, nan, 1, NULL, &f.err), HPO_EINVAL, f.err, "step");
    assert_int_equal(fixture_summary(&f).seq, 1);
    assert_ok(hpo_study_tell_value(f.s, t, HUGE_VAL, &f.err), f.err);
    hpo_trial_free(t);
    fixture_close(&f);
}
ON_EACH_STORAGE(bad_results_are_refused)

static void costs_of_reports_stand_in(const char *url)
{
    fixture f;
    hpo_study_options o = hpo_study_options_init();
    fixture_open(&f, url, SPACE, &o);
    hpo_report p = hpo_report_init();
    double value = 1;
    p.values = &value;
    p.n_values = 1;
    p.cost = 2;
    p.metrics = "{\"lr\":1}";
    hpo_trial *t = fixture_ask(&f), *other;
    for (int i = 0; i < 3; i++) {
        p.step = i;
        p.fold = i;
        f.now += 7;
        assert_ok(hpo_study_report(f.s, t, &p, NULL, &f.err), f.err);
    }
    assert_ok(hpo_study_attach(f.s, 0, t->token, &other, &f.err), f.err);
    fixture_tell(&f, other, 1); /* through a handle that has seen none of the reports */
    assert_near(fixture_summary(&f).cost, 6, 0, 0);
    hpo_trial_info i = fixture_trial(&f, 0);
    assert_int_equal(i.n_reports, 3);
    assert_near(i.last_step, 2, 0, 0);
    hpo_report back = {.size = sizeof back};
    int64_t when;
    assert_ok(hpo_study_trial_report(f.s, 0, 1, &back, &when, &f.err), f.err);
    assert_near(back.step, 1, 0, 0);
    assert_int_equal(back.fold, 1);
    assert_int_equal(when, f.t0 + 14);
    assert_string_equal(back.metrics, "{\"lr\":1}");
    assert_fails(hpo_study_trial_report(f.s, 0, 3, &back, &when, &f.err), HPO_ENOTFOUND, f.err,
                 "no report 3");
    hpo_trial_free(t);
    fixture_close(&f);
}
ON_EACH_STORAGE(costs_of_reports_stand_in)

/* Whoever changes a study from elsewhere must not pull names from under those who hold them (a pool does). */
static void test_lists_stay_when_others_change_the_study(void **state)
{
    (void)state;
    fixture f;
    hpo_objective objective = {sizeof objective, "loss", HPO_MINIMIZE};
    hpo_outcome outcome = {sizeof outcome, "mem", 3};
    hpo_study_options o = hpo_study_options_init();
    hpo_budget larger;
    hpo_study *other;
    hpo_trial *t;
    o.objectives = &objective;
    o.n_objectives = 1;
    o.outcomes = &outcome;
    o.n_outcomes = 1;
    o.budget.trials = 5;
    fixture_open(&f, NULL, "x: 0..1", &o);
    hpo_summary held = fixture_summary(&f);
    assert_ok(hpo_study_open(f.st, held.name, &other, &f.err), f.err);
    larger = held.budget;
    larger.trials = 50;
    assert_ok(hpo_study_set_budget(other, &larger, &f.err), f.err);
    assert_ok(hpo_study_set_sampler(other, "sobol", &f.err), f.err);
    assert_ok(hpo_study_ask(f.s, &t, &f.err), f.err); /* notices */
    hpo_trial_free(t);
    hpo_summary now = fixture_summary(&f);
    assert_int_equal(now.budget.trials, 50);
    assert_ptr_equal(now.objectives, held.objectives);
    assert_ptr_equal(now.outcomes, held.outcomes);
    assert_string_equal(held.objectives[0].name, "loss");
    assert_string_equal(held.outcomes[0].name, "mem");
    hpo_study_free(other);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists_stay_when_others_change_the_study),
        cmocka_unit_test(test_every_transition),
        cmocka_unit_test(test_contract_4_expired_lease_is_fenced),
        cmocka_unit_test(test_late_tell_without_a_claim_counts),
        cmocka_unit_test(test_reports_and_renewals_extend_the_lease),
        cmocka_unit_test(test_lost_too_often_is_failed),
        cmocka_unit_test(test_giving_back_counts_when_asked_to),
        cmocka_unit_test(test_requeue_revokes_the_lease),
        cmocka_unit_test(test_stop_request_reaches_the_next_report),
        cmocka_unit_test(test_everything_told_is_kept),
        cmocka_unit_test(test_bad_results_are_refused),
        cmocka_unit_test(test_costs_of_reports_stand_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
