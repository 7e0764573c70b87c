/* SPDX-License-Identifier: Apache-2.0 */
/* The loop for C callers, on one and many threads, and ask-tell from many threads at once. */
#include <pthread.h>

#include "fixture.h"
#include "probe.h"

typedef struct calls {
    pthread_mutex_t lock;
    int n, running, most;
    int64_t end_at; /* EUSER at this trial; -1: never */
} calls;

static hpo_status sphere(hpo_trial *t, double *values, hpo_result *r, void *ctx)
{
    calls *c = ctx;
    const double *x = hpo_trial_x(t);
    int64_t number = hpo_trial_number(t);
    (void)pthread_mutex_lock(&c->lock);
    c->n++;
    c->running++;
    if (c->running > c->most) c->most = c->running;
    (void)pthread_mutex_unlock(&c->lock);
    values[0] = x[0] * x[0] + x[1] * x[1];
    if (number % 10 == 3) hpo_os_sleep_ms(1);
    (void)pthread_mutex_lock(&c->lock);
    c->running--;
    (void)pthread_mutex_unlock(&c->lock);
    if (number == c->end_at) return HPO_EUSER;
    if (number % 10 == 5) return HPO_ENUMERIC;
    if (number % 10 == 6) values[0] = (double)NAN;
    if (number % 10 == 7) r->state = HPO_STATE_INFEASIBLE;
    return HPO_OK;
}

static calls no_calls(void)
{
    calls c = {.end_at = -1};
    (void)pthread_mutex_init(&c.lock, NULL);
    return c;
}

static void budgets_are_exact(const char *url)
{
    static const int32_t threads[] = {0, 1, 2, 8};
    for (int k = 0; k < 4; k++) {
        fixture f;
        calls c = no_calls();
        hpo_study_options o = hpo_study_options_init();
        o.sampler = "random";
        o.budget.trials = 200;
        fixture_open(&f, url, "x: -1..1; y: -1..1", &o);
        hpo_study__set_clock(f.s, NULL, NULL);
        assert_ok(hpo_study_optimize(f.s, sphere, &c, threads[k], &f.err), f.err);
        assert_int_equal(c.n, 200);
        hpo_summary q = fixture_summary(&f);
        assert_int_equal(q.n_trials, 200);
        assert_int_equal(q.n_by_state[HPO_STATE_FAILED], 40);
        assert_int_equal(q.n_by_state[HPO_STATE_INFEASIBLE], 20);
        assert_int_equal(q.n_by_state[HPO_STATE_COMPLETE], 140);
        assert_int_equal(q.status, HPO_STUDY_STOPPED);
        assert_true(q.best_value < 0.1);
        assert_string_equal(fixture_trial(&f, 6).reason, "the objective returned NaN");
        assert_string_equal(fixture_trial(&f, 5).reason, hpo_status_text(HPO_ENUMERIC));
        assert_int_equal(f.s->live != NULL, 0); /* no handle is left in hand */
        fixture_close(&f);
    }
}
ON_EACH_STORAGE(budgets_are_exact)

static void test_user_ends_the_loop(void **state)
{
    (void)state;
    for (int32_t threads = 1; threads <= 4; threads += 3) {
        fixture f;
        calls c = no_calls();
        hpo_study_options o = hpo_study_options_init();
        o.sampler = "random";
        o.budget.trials = 100000;
        fixture_open(&f, "mem:", "x: -1..1; y: -1..1", &o);
        c.end_at = 12;
        assert_fails(hpo_study_optimize(f.s, sphere, &c, threads, &f.err), HPO_EUSER, f.err, "trial 12");
        assert_true(c.n < 1000);
        hpo_summary q = fixture_summary(&f);
        assert_int_equal(fixture_trial(&f, 12).state, HPO_STATE_FAILED);
        assert_int_equal(q.status, HPO_STUDY_ACTIVE);
        assert_int_equal(q.n_by_state[HPO_STATE_RUNNING], 0);
        fixture_close(&f);
    }
}

static void test_loops_that_never_end_are_refused(void **state)
{
    (void)state;
    fixture f;
    calls c = no_calls();
    fixture_open(&f, "mem:", "x: -1..1; y: -1..1", NULL);
    assert_fails(hpo_study_optimize(f.s, sphere, &c, 1, &f.err), HPO_EINVAL, f.err, "no budget");
    assert_fails(hpo_study_optimize(f.s, NULL, NULL, 1, &f.err), HPO_EINVAL, f.err, "NULL");
    assert_fails(hpo_study_optimize(f.s, sphere, &c, -1, &f.err), HPO_EINVAL, f.err, "n_threads is -1");
    fixture_close(&f);
    fixture_open(&f, "mem:", "x: int -3..3; y: int 0..2", NULL);
    assert_ok(hpo_study_optimize(f.s, sphere, &c, 3, &f.err), f.err);
    assert_int_equal(c.n, 21);
    assert_int_equal(fixture_summary(&f).stop_reason, HPO_STOP_REASON_EXHAUSTED);
    fixture_close(&f);
}

/* Lag makes threads wait for each other; the loop must come to its end all the same. */
static void test_lag_with_threads(void **state)
{
    (void)state;
    double first = 0;
    for (int32_t threads = 1; threads <= 4; threads++) {
        fixture f;
        calls c = no_calls();
        hpo_study_options o = hpo_study_options_init();
        o.sampler = "probe";
        o.lag = 4;
        o.budget.trials = 60;
        fixture_open(&f, "mem:", "x: -1..1; y: -1..1", &o);
        assert_ok(hpo_study_optimize(f.s, sphere, &c, threads, &f.err), f.err);
        double last = fixture_trial(&f, 59).x[0];
        if (threads == 1) first = last;
        assert_same_doubles(&last, &first, 1);
        fixture_close(&f);
    }
}

/* ---- many threads, many handles ---- */

typedef struct worker {
    hpo_storage *st;
    hpo_study *s;
    uint64_t seed;
    int64_t told, failed;
} worker;

static void *work(void *arg)
{
    worker *w = arg;
    t_rng rng = {w->seed};
    hpo_trial *t;
    hpo_status status;
    while ((status = hpo_study_ask(w->s, &t, NULL)) != HPO_DONE) {
        if (status == HPO_WAIT) {
            hpo_os_sleep_ms(1);
            continue;
        }
        w->failed += status != HPO_OK;
        if (status != HPO_OK) break;
        hpo_summary q = {.size = sizeof q};
        int64_t dice = t_int(&rng, 0, 9);
        if (dice == 0) w->failed += hpo_trial_report(t, 1, 1, NULL, NULL) != HPO_OK;
        if (dice == 1) w->failed += hpo_study_summary(w->s, &q, NULL) != HPO_OK;
        if (dice == 2) w->failed += hpo_study_set_metadata(w->s, "{\"a\":1}", NULL) != HPO_OK;
        if (dice == 3) w->failed += hpo_study_set_attr(w->s, hpo_trial_number(t), "k", "2", NULL) != HPO_OK;
        hpo_result r = hpo_result_init();
        double y = t_uniform(&rng);
        r.values = &y;
        r.n_values = 1;
        r.state = dice == 4 ? HPO_STATE_WAITING : HPO_STATE_COMPLETE;
        w->failed += hpo_study_tell(w->s, t, &r, NULL) != HPO_OK;
        w->told += dice != 4;
        hpo_trial_free(t);
    }
    return NULL;
}

/* Eight threads, on two handles of one study: no trial lost or doubled. */
static void many_threads_two_handles(const char *url)
{
    static const char *const samplers[] = {"random", "pensive"};
    for (int k = 0; k < 2; k++) {
        fixture f;
        hpo_study *other;
        pthread_t threads[8];
        worker w[8];
        int64_t told = 0;
        hpo_study_options o = hpo_study_options_init();
        o.sampler = samplers[k];
        o.budget.trials = 300;
        fixture_open(&f, url, "x: -1..1; y: -1..1", &o);
        hpo_study__set_clock(f.s, NULL, NULL);
        assert_ok(hpo_study_open(f.st, NULL, &other, &f.err), f.err);
        for (int i = 0; i < 8; i++) {
            w[i] = (worker){.st = f.st, .s = i % 2 ? other : f.s, .seed = (uint64_t)i};
            assert_int_equal(pthread_create(&threads[i], NULL, work, &w[i]), 0);
        }
        for (int i = 0; i < 8; i++) {
            (void)pthread_join(threads[i], NULL);
            told += w[i].told;
            assert_int_equal(w[i].failed, 0);
        }
        assert_int_equal(told, 300);
        hpo_summary q = fixture_summary(&f);
        assert_int_equal(q.n_by_state[HPO_STATE_COMPLETE], 300);
        char drawn[400] = {0}; /* each draw was used once */
        for (int i = 0; i < 300; i++) {
            int64_t draw = fixture_trial(&f, i).draw;
            assert_in_range(draw, 0, 399);
            assert_int_equal(drawn[draw]++, 0);
        }
        hpo_study_free(other);
        fixture_close(&f);
    }
}
ON_EACH_STORAGE(many_threads_two_handles)

/* The probe, taking its time: others get in between the two transactions of an ask. */
static hpo_status pensive_ask(void *state, const hpo_view *view, uint64_t draw, hpo_rng *rng, double *u,
                              hpo_error *err)
{
    hpo_os_sleep_ms(1);
    return probe_ask(state, view, draw, rng, u, err);
}

static hpo_sampler_ops pensive;

static int setup(void **state)
{
    hpo_error err;
    (void)state;
    probe_register();
    pensive = PROBE;
    pensive.name = "pensive";
    pensive.ask = pensive_ask;
    assert_ok(hpo_sampler_register(&pensive, &err), err);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_budgets_are_exact),
        cmocka_unit_test(test_user_ends_the_loop),
        cmocka_unit_test(test_loops_that_never_end_are_refused),
        cmocka_unit_test(test_lag_with_threads),
        cmocka_unit_test(test_many_threads_two_handles),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
