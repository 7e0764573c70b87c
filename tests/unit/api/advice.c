/* SPDX-License-Identifier: Apache-2.0 */
/* What a study says of itself: when it stops by its rule, which configuration to use, what repeats say, how a
 * suggestion came about; the same on every storage, after a crash, and from any process. */
#include <json-c/json.h>

#include "fixture.h"

static const char *const SPACE = "x: 0..1; y: 0..1";

static double bowl(const hpo_trial *t)
{
    double a = hpo_trial_float(t, "x") - 0.3, b = hpo_trial_float(t, "y") - 0.6;
    return a * a + b * b;
}

/* ---- the stopping rule ------------------------------------------------------------------------------ */

static hpo_status ask(hpo_study *s, hpo_trial **t)
{
    hpo_error err;
    return hpo_study_ask(s, t, &err);
}

static void rule_ends_the_study_once(const char *url)
{
    fixture f;
    hpo_trial *t;
    hpo_study_options o = hpo_study_options_init();
    o.until = "stagnation:trials=3 or trials >= 100";
    fixture_open(&f, url, SPACE, &o);
    assert_string_equal(fixture_summary(&f).until, o.until);
    fixture_tell(&f, fixture_ask(&f), 1);
    for (int i = 0; i < 3; i++)
        fixture_tell(&f, fixture_ask(&f), 2);
    assert_int_equal(fixture_summary(&f).status, HPO_STUDY_ACTIVE); /* judged when somebody asks */
    assert_status(ask(f.s, &t), HPO_DONE);
    hpo_summary q = fixture_summary(&f);
    assert_int_equal(q.status, HPO_STUDY_STOPPED);
    assert_int_equal(q.stop_reason, HPO_STOP_REASON_UNTIL);
    assert_string_equal(q.stop_text, "3 finished trials without improvement (limit 3)");
    int64_t seq = q.seq;
    assert_status(ask(f.s, &t), HPO_DONE);
    assert_int_equal(fixture_summary(&f).seq, seq);
    /* another rule lets it go on; none too */
    assert_ok(hpo_study_set_until(f.s, "stagnation:trials=5", &f.err), f.err);
    assert_int_equal(fixture_summary(&f).status, HPO_STUDY_ACTIVE);
    fixture_tell(&f, fixture_ask(&f), 2);
    fixture_tell(&f, fixture_ask(&f), 2);
    assert_status(ask(f.s, &t), HPO_DONE);
    assert_ok(hpo_study_set_until(f.s, NULL, &f.err), f.err);
    assert_null(fixture_summary(&f).until);
    fixture_tell(&f, fixture_ask(&f), 2);
    assert_fails(hpo_study_set_until(f.s, "stagnation:", &f.err), HPO_OK, f.err, NULL);
    fixture_close(&f);
}

static void test_bad_rules_are_refused(void **state)
{
    (void)state;
    hpo_space *space;
    hpo_study *s;
    hpo_error err;
    hpo_study_options o = hpo_study_options_init();
    assert_ok(hpo_space_parse(SPACE, &space, &err), err);
    o.until = "trials > ";
    assert_fails(hpo_study_create(NULL, space, &o, &s, &err), HPO_EINVAL, err, "until");
    o.until = NULL;
    assert_ok(hpo_study_create(NULL, space, &o, &s, &err), err);
    assert_fails(hpo_study_set_until(s, "trials or", &err), HPO_EINVAL, err, "until");
    assert_ok(hpo_study_set_until(s, "", &err), err);
    hpo_study_free(s);
    hpo_space_free(space);
}

/* Waiting trials are handed out before the rule is asked; a running one does not hold the end up. */
static void rule_stops_new_suggestions_only(const char *url)
{
    fixture f;
    hpo_trial *t;
    hpo_study_options o = hpo_study_options_init();
    o.until = "trials >= 1";
    fixture_open(&f, url, SPACE, &o);
    hpo_trial *running = fixture_ask(&f);
    fixture_tell(&f, fixture_ask(&f), 1);
    assert_ok(hpo_study_enqueue(f.s, "{\"x\":0.5}", NULL, &f.err), f.err);
    fixture_tell(&f, fixture_ask(&f), 1); /* the enqueued one */
    assert_status(ask(f.s, &t), HPO_DONE);
    fixture_tell(&f, running, 1); /* its result still counts */
    assert_int_equal(fixture_summary(&f).n_by_state[HPO_STATE_COMPLETE], 3);
    fixture_close(&f);
}

/* The rule's answer follows from what is stored: a process that comes later ends the study at the same trial.
 */
static void test_two_processes_agree_on_the_end(void **state)
{
    (void)state;
    int64_t ended_at[2];
    for (int way = 0; way < 2; way++) {
        fixture f;
        hpo_study_options o = hpo_study_options_init();
        o.seed = 5;
        o.until = "regret:error=0.05,every=4 or stagnation:trials=60";
        fixture_open(&f, NULL, SPACE, &o);
        hpo_status status = HPO_OK;
        for (int i = 0; i < 100 && status == HPO_OK; i++) {
            hpo_study *other = NULL, *s = f.s;
            hpo_trial *t = NULL;
            if (way == 1) { /* each ask by a process of its own */
                assert_ok(hpo_study_open(f.st, NULL, &other, &f.err), f.err);
                s = other;
            }
            status = ask(s, &t);
            if (status == HPO_OK) {
                assert_ok(hpo_study_tell_value(s, t, bowl(t), &f.err), f.err);
                hpo_trial_free(t);
            }
            hpo_study_free(other);
        }
        assert_int_equal(status, HPO_DONE);
        hpo_summary q = fixture_summary(&f);
        printf("# %lld trials: %s\n", (long long)q.n_trials, q.stop_text);
        ended_at[way] = q.n_trials;
        fixture_close(&f);
    }
    assert_int_equal(ended_at[0], ended_at[1]);
}

/* With lag, trials may end in any order: the study ends at the same one. */
static void test_lag_makes_the_end_independent_of_order(void **state)
{
    (void)state;
    int64_t ended_at[2];
    for (int way = 0; way < 2; way++) {
        fixture f;
        hpo_study_options o = hpo_study_options_init();
        hpo_trial *hand[3];
        size_t n = 0;
        o.lag = 3;
        o.seed = 3;
        o.until = "stagnation:trials=8";
        fixture_open(&f, "mem:", SPACE, &o);
        for (;;) {
            hpo_trial *t = NULL;
            hpo_status status = n < 3 ? ask(f.s, &t) : HPO_WAIT;
            if (status == HPO_DONE) break;
            if (status == HPO_OK) {
                hand[n++] = t;
                continue;
            }
            assert_true(n > 0);
            size_t k = way == 0 ? 0 : n - 1; /* the oldest first, or the newest */
            t = hand[k];
            n--;
            memmove(hand + k, hand + k + 1, (n - k) * sizeof *hand);
            double y = bowl(t);
            fixture_tell(&f, t, y);
        }
        for (size_t i = 0; i < n; i++)
            hpo_trial_free(hand[i]);
        ended_at[way] = fixture_summary(&f).n_trials;
        fixture_close(&f);
    }
    assert_int_equal(ended_at[0], ended_at[1]);
}

/* ---- recommendation and repeats ------------------------------------------------------------------------ */

/* Four folds around the mean: s / sqrt 4, s^2 = 4 d^2 / 3; the last report of a fold counts, and a standard
 * error that was told counts more than any. */
static void folds_are_a_standard_error(const char *url)
{
    fixture f;
    hpo_recommendation r = {.size = sizeof r};
    hpo_study_options o = hpo_study_options_init();
    fixture_open(&f, url, SPACE, &o);
    for (int i = 0; i < 12; i++) {
        hpo_trial *t = fixture_ask(&f);
        double mean = bowl(t), sem = 0.03;
        for (int k = 0; k < 5; k++) {
            static const double sign[] = {1, -1, 1, -1};
            hpo_decision d;
            hpo_report report = hpo_report_init();
            double v = k == 0 ? 7 : mean + 0.03 * sqrt(3) * sign[k - 1];
            report.step = k;
            report.fold = k == 0 ? 2 : k - 1;
            report.values = &v;
            report.n_values = 1;
            assert_ok(hpo_study_report(f.s, t, &report, &d, &f.err), f.err);
        }
        hpo_result result = hpo_result_init();
        result.values = &mean;
        result.n_values = 1;
        if (i == 0) {
            sem = 0.5;
            result.sems = &sem;
        }
        assert_ok(hpo_study_tell(f.s, t, &result, &f.err), f.err);
        hpo_trial_free(t);
    }
    assert_ok(hpo_study_recommend(f.s, &r, &f.err), f.err);
    assert_true(r.noisy);
    assert_int_equal(r.n_candidates, 12);
    for (size_t i = 0; i < r.n_candidates; i++)
        assert_near(r.candidates[i].sem, r.candidates[i].number == 0 ? 0.5 : 0.03, 1e-9, 0);
    fixture_close(&f);
}

static void recommendation_follows_the_values(const char *url)
{
    fixture f;
    hpo_recommendation r = {.size = sizeof r};
    const hpo_objective up = {sizeof up, "score", HPO_MAXIMIZE};
    hpo_study_options o = hpo_study_options_init();
    o.objectives = &up;
    o.n_objectives = 1;
    fixture_open(&f, url, SPACE, &o);
    assert_fails(hpo_study_recommend(f.s, &r, &f.err), HPO_ENOTFOUND, f.err, "no complete");
    static const double y[] = {1, 7, 3, 5};
    for (int i = 0; i < 4; i++)
        fixture_tell(&f, fixture_ask(&f), y[i]);
    assert_ok(hpo_study_recommend(f.s, &r, &f.err), f.err);
    assert_int_equal(r.number, 1);
    assert_int_equal(r.observed_best, 1);
    assert_string_equal(r.method, "observed");
    assert_near(r.candidates[0].mean, 7, 0, 0);
    assert_near(r.candidates[3].mean, 1, 0, 0);
    assert_null(r.warning);
    assert_contains(r.text, "trial 1 has the best score, 7, of 4 configurations");
    /* the best one, measured again, is worse: noise, and the interval points the right way */
    int64_t repeat;
    assert_ok(hpo_study_repeat(f.s, 1, &repeat, &f.err), f.err);
    assert_int_equal(repeat, 4);
    hpo_trial *t = fixture_ask(&f);
    assert_int_equal(hpo_trial_number(t), 4);
    assert_true(hpo_trial_x(t)[0] == fixture_trial(&f, 1).x[0]);
    fixture_tell(&f, t, 2);
    assert_ok(hpo_study_recommend(f.s, &r, &f.err), f.err);
    assert_int_equal(r.noisy, 1);
    assert_true(r.candidates[0].low <= r.candidates[0].mean && r.candidates[0].mean <= r.candidates[0].high);
    assert_true(r.corrected < r.observed_value);
    for (size_t i = 1; i < r.n_candidates; i++)
        assert_true(r.candidates[i].mean <= r.candidates[i - 1].mean + 1e-9);
    hpo_trial_info info = fixture_trial(&f, 4);
    assert_int_equal(info.repeat, 1);
    assert_int_equal(info.parent, 1);
    assert_int_equal(fixture_trial(&f, 1).repeat, 0);
    fixture_close(&f);
}

/* A study that has ended stays so; its repeats are handed out to those who ask for the queue alone. */
static void repeats_of_an_ended_study(const char *url)
{
    fixture f;
    hpo_trial *t;
    hpo_study_options o = hpo_study_options_init();
    o.budget.trials = 3;
    fixture_open(&f, url, SPACE, &o);
    for (int i = 0; i < 3; i++)
        fixture_tell(&f, fixture_ask(&f), i);
    assert_status(ask(f.s, &t), HPO_DONE);
    assert_ok(hpo_study_repeat(f.s, 0, NULL, &f.err), f.err);
    assert_ok(hpo_study_repeat(f.s, 2, NULL, &f.err), f.err);
    assert_status(ask(f.s, &t), HPO_DONE);
    const hpo_ask_options queue = {.size = sizeof queue, .queue_only = 1};
    for (int i = 0; i < 2; i++) {
        assert_ok(hpo_study_ask_as(f.s, &queue, &t, &f.err), f.err);
        assert_int_equal(hpo_trial_number(t), 3 + i);
        fixture_tell(&f, t, 10);
    }
    assert_status(hpo_study_ask_as(f.s, &queue, &t, &f.err), HPO_DONE);
    hpo_summary q = fixture_summary(&f);
    assert_int_equal(q.status, HPO_STUDY_STOPPED);
    assert_int_equal(q.stop_reason, HPO_STOP_REASON_TRIALS);
    assert_int_equal(q.n_trials, 5);
    assert_fails(hpo_study_repeat(f.s, 99, NULL, &f.err), HPO_ENOTFOUND, f.err, "no trial 99");
    /* the repeats alone are compared */
    const int64_t numbers[2] = {0, 2};
    hpo_confirmed c[2];
    assert_ok(hpo_study_confirmed(f.s, numbers, 2, 2, c, &f.err), f.err);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(c[i].n, 1);
        assert_int_equal(c[i].next, 1);
        assert_near(c[i].mean, 10, 0, 0);
    }
    fixture_close(&f);
}

/* ---- explanations ------------------------------------------------------------------------------------ */

static struct json_object *explain(hpo_study *s, int64_t number)
{
    hpo_error err;
    char *json = NULL;
    assert_ok(hpo_study_explain(s, number, &json, &err), err);
    struct json_object *o = json_tokener_parse(json);
    assert_non_null(o);
    hpo_free(json);
    return o;
}

static struct json_object *member(struct json_object *o, const char *key)
{
    struct json_object *m = NULL;
    assert_true(json_object_object_get_ex(o, key, &m));
    return m;
}

/* Three workers, results in an order of their own: every suggestion comes out again, also after the sampler
 * was changed and the study opened anew. */
static void suggestions_are_recomputed(const char *url)
{
    fixture f;
    hpo_trial *hand[3];
    size_t n = 0;
    t_rng rng = t_rng_create();
    hpo_study_options o = hpo_study_options_init();
    o.seed = 11;
    o.sampler = "forest";
    fixture_open(&f, url, SPACE, &o);
    for (int told = 0; told < 30;) {
        if (told == 20 && n == 0) assert_ok(hpo_study_set_sampler(f.s, "tpe", &f.err), f.err);
        if (told == 12 && n == 1)
            assert_ok(hpo_study_enqueue(f.s, "{\"x\":0.25,\"y\":0.5}", NULL, &f.err), f.err);
        if (n < 3 && (n == 0 || t_uniform(&rng) < 0.6) && !(told > 17 && told < 20)) {
            hand[n++] = fixture_ask(&f);
            continue;
        }
        if (n == 0) {
            hand[n++] = fixture_ask(&f);
            continue;
        }
        size_t k = (size_t)t_int(&rng, 0, (int64_t)n - 1);
        hpo_trial *t = hand[k];
        hand[k] = hand[--n];
        fixture_tell(&f, t, bowl(t));
        told++;
    }
    for (size_t i = 0; i < n; i++)
        hpo_trial_free(hand[i]);
    int64_t trials = fixture_summary(&f).n_trials;
    for (int64_t i = 0; i < trials; i++) {
        struct json_object *e = explain(f.s, i);
        const char *origin = json_object_get_string(member(e, "origin"));
        if (strcmp(origin, "suggestion") == 0) {
            if (!json_object_get_boolean(member(e, "recomputed")))
                fail_msg("trial %lld: %s", (long long)i, json_object_to_json_string(e));
        } else {
            assert_string_equal(origin, "enqueued");
        }
        json_object_put(e);
    }
    struct json_object *e = explain(f.s, -1);
    assert_string_equal(json_object_get_string(member(e, "study")), "default");
    (void)member(member(e, "next"), "params");
    json_object_put(e);
    hpo_error err;
    char *json;
    assert_fails(hpo_study_explain(f.s, 1000, &json, &err), HPO_ENOTFOUND, err, "no trial 1000");
    assert_fails(hpo_study_explain(f.s, -2, &json, &err), HPO_EINVAL, err, "-2");
    fixture_close(&f);
}

/* What was predicted stands beside what came, in the user's orientation. */
static void test_predictions_are_compared(void **state)
{
    (void)state;
    for (int way = 0; way < 2; way++) {
        fixture f;
        const hpo_objective one = {sizeof one, "score", way ? HPO_MAXIMIZE : HPO_MINIMIZE};
        hpo_study_options o = hpo_study_options_init();
        o.objectives = &one;
        o.n_objectives = 1;
        o.sampler = "forest";
        fixture_open(&f, "mem:", SPACE, &o);
        for (int i = 0; i < 25; i++) {
            hpo_trial *t = fixture_ask(&f);
            fixture_tell(&f, t, way ? 10 - bowl(t) : 10 + bowl(t));
        }
        struct json_object *e = explain(f.s, 24), *p = member(e, "predicted");
        double mean = json_object_get_double(member(p, "mean")), sd = json_object_get_double(member(p, "sd"));
        double y = json_object_get_double(member(e, "observed")), z = json_object_get_double(member(e, "z"));
        assert_near(mean, 10, 0, 1);
        assert_near(z, (y - mean) / sd, 1e-9, 0);
        json_object_put(e);
        fixture_close(&f);
    }
}

static void test_lagged_suggestions_are_recomputed(void **state)
{
    (void)state;
    fixture f;
    hpo_study_options o = hpo_study_options_init();
    o.lag = 2;
    o.sampler = "forest";
    fixture_open(&f, NULL, SPACE, &o);
    hpo_trial *a = fixture_ask(&f);
    for (int i = 0; i < 20; i++) {
        hpo_trial *b = fixture_ask(&f);
        fixture_tell(&f, a, bowl(a));
        a = b;
    }
    hpo_trial_free(a);
    for (int64_t i = 0; i < 20; i++) {
        struct json_object *e = explain(f.s, i);
        assert_true(json_object_get_boolean(member(e, "recomputed")));
        json_object_put(e);
    }
    fixture_close(&f);
}

ON_EACH_STORAGE(rule_ends_the_study_once)
ON_EACH_STORAGE(rule_stops_new_suggestions_only)
ON_EACH_STORAGE(recommendation_follows_the_values)
ON_EACH_STORAGE(folds_are_a_standard_error)
ON_EACH_STORAGE(repeats_of_an_ended_study)
ON_EACH_STORAGE(suggestions_are_recomputed)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rule_ends_the_study_once),
        cmocka_unit_test(test_bad_rules_are_refused),
        cmocka_unit_test(test_rule_stops_new_suggestions_only),
        cmocka_unit_test(test_two_processes_agree_on_the_end),
        cmocka_unit_test(test_lag_makes_the_end_independent_of_order),
        cmocka_unit_test(test_recommendation_follows_the_values),
        cmocka_unit_test(test_folds_are_a_standard_error),
        cmocka_unit_test(test_repeats_of_an_ended_study),
        cmocka_unit_test(test_suggestions_are_recomputed),
        cmocka_unit_test(test_predictions_are_compared),
        cmocka_unit_test(test_lagged_suggestions_are_recomputed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
