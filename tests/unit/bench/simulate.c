/* SPDX-License-Identifier: Apache-2.0 */
/* bench/simulate: virtual time equals schedules worked by hand; accidents, schedulers and limits do what they
 * say; the order of events is a function of the seed. */
#include <stdatomic.h>

#include "base/error.h"
#include "base/map.h"
#include "base/os.h"
#include "bench/simulate.h"
#include "hpo/sampler.h"
#include "hpo/scheduler.h"
#include "t.h"

/* ---- a sampler that counts: draw n is the configuration x = n ------------------------------------ */

enum { N_CONFIGS = 100 };

static hpo_status count_ask(void *state, const hpo_view *view, uint64_t draw, hpo_rng *rng, double *u,
                            hpo_error *err)
{
    (void)state;
    (void)view;
    (void)rng;
    (void)err;
    if (draw >= N_CONFIGS) return HPO_DONE;
    *u = ((double)draw + 0.5) / N_CONFIGS;
    return HPO_OK;
}

static const hpo_sampler_ops COUNT = {.size = sizeof COUNT,
                                      .name = "t-count",
                                      .help = "counts",
                                      .reference = "none",
                                      .caps = HPO_CAP_DISCRETE | HPO_CAP_CONTINUOUS,
                                      .ask = count_ask};

/* ---- problems ------------------------------------------------------------------------------------- */

/* seconds and y by x, from tables that the test sets; a fidelity costs its resource. */
typedef struct tables {
    const double *seconds, *y;
    size_t n;
} tables;

static hpo_status table_evaluate(const hpo_problem *p, const hpo_problem_query *q, hpo_problem_answer *a,
                                 hpo_error *err)
{
    const tables *t = p->state;
    size_t i = (size_t)q->x[0];
    (void)err;
    if (isnan(p->full_resource)) {
        a->seconds = t->seconds[i % t->n];
        a->y[0] = t->y[i % t->n];
    } else {
        double r = isnan(q->resource) ? p->full_resource : q->resource;
        a->seconds = (r - q->from) * t->seconds[i % t->n];
        a->y[0] = t->y[i % t->n] + 1 / r;
    }
    if (p->noisy && !q->noise_free) a->y[0] += hpo_problem_normal(q, 1, 0);
    return HPO_OK;
}

static const hpo_problem_family FAMILY = {.name = "table", .evaluate = table_evaluate};

static hpo_problem make_problem(const tables *t, double full)
{
    hpo_error err;
    hpo_problem p = {.family = &FAMILY, .n_objectives = 1, .full_resource = full, .min_resource = 1};
    snprintf(p.name, sizeof p.name, "table");
    p.objective_names[0] = "y";
    assert_ok(
        hpo_space_parse(isnan(full) ? "x: int 0..99" : "x: int 0..99; r: fidelity 1..8", &p.space, &err),
        err);
    assert_ok(hpo_space_freeze(p.space, &err), err);
    p.resumable = !isnan(full);
    p.best[0] = p.typical = (double)NAN;
    p.state = (void *)(uintptr_t)t;
    return p;
}

/* ---- what happened ---------------------------------------------------------------------------------- */

enum { MAX_LOG = 4096 };
typedef struct event_log {
    size_t n;
    int64_t trial[MAX_LOG], recommended[MAX_LOG];
    int state[MAX_LOG];
    double time[MAX_LOG], resource[MAX_LOG], spent[MAX_LOG], y[MAX_LOG], truth[MAX_LOG], decision[MAX_LOG];
} event_log;

static void note(void *ctx, const hpo_evaluation *e)
{
    event_log *l = ctx;
    assert_int_equal(e->index, l->n);
    assert_true(l->n < MAX_LOG);
    l->trial[l->n] = e->trial;
    l->recommended[l->n] = e->recommended;
    l->state[l->n] = (int)e->state;
    l->time[l->n] = e->time;
    l->resource[l->n] = e->resource;
    l->spent[l->n] = e->spent;
    l->decision[l->n] = e->decision_seconds;
    l->y[l->n] = e->y != NULL ? e->y[0] : (double)NAN;
    l->truth[l->n] = e->recommended_true != NULL ? e->recommended_true[0] : (double)NAN;
    l->n++;
}

static uint64_t log_hash(const event_log *l)
{
    uint64_t h = hpo_hash_bytes(l->trial, l->n * sizeof *l->trial, 1);
    h = hpo_hash_bytes(l->state, l->n * sizeof *l->state, h);
    h = hpo_hash_bytes(l->time, l->n * sizeof *l->time, h);
    h = hpo_hash_bytes(l->spent, l->n * sizeof *l->spent, h);
    for (size_t i = 0; i < l->n; i++)
        if (!isnan(l->y[i])) h = hpo_hash_bytes(&l->y[i], sizeof l->y[i], h);
    return h;
}

static event_log simulate(const hpo_problem *p, const hpo_simulation *o)
{
    hpo_error err;
    event_log l = {0};
    assert_ok(hpo_simulate(p, o, note, &l, &err), err);
    return l;
}

static void assert_event(const event_log *l, size_t i, int64_t trial, double time, hpo_state state)
{
    assert_true(i < l->n);
    if (l->trial[i] != trial) print_error("event %zu is of trial %d\n", i, (int)l->trial[i]);
    assert_int_equal(l->trial[i], trial);
    assert_near(l->time[i], time, 0, 1e-9);
    assert_int_equal(l->state[i], state);
}

/* ---- schedules worked by hand -------------------------------------------------------------------------- */

/* Three workers, costs 3 2 4 1 5 2 3.
 *   w0: 0 in 0-3, 4 in 3-8     w1: 1 in 0-2, 3 in 2-3, 5 in 3-5     w2: 2 in 0-4, 6 in 4-7 */
static void test_three_workers(void **state)
{
    (void)state;
    const double seconds[] = {3, 2, 4, 1, 5, 2, 3}, y[] = {5, 7, 4, 6, 1, 4, 9};
    tables t = {seconds, y, 7};
    hpo_problem p = make_problem(&t, (double)NAN);
    hpo_simulation o = {.workers = 3, .sampler = "t-count", .max_evaluations = 7};
    event_log l = simulate(&p, &o);
    static const int64_t trials[] = {1, 0, 3, 2, 5, 6, 4}, best[] = {1, 0, 0, 2, 2, 2, 4};
    static const double times[] = {2, 3, 3, 4, 5, 7, 8};
    assert_int_equal(l.n, 7);
    for (size_t i = 0; i < 7; i++) {
        assert_event(&l, i, trials[i], times[i], HPO_STATE_COMPLETE);
        assert_int_equal(l.recommended[i], best[i]);
        assert_true(l.truth[i] == y[best[i]]);
        assert_true(l.spent[i] == (double)(i + 1));
    }
    hpo_space_free(p.space);
}

/* A limit of time cuts off what has not ended; a limit of resources stops new work only. */
static void test_limits(void **state)
{
    (void)state;
    const double seconds[] = {3, 2, 4, 1, 5, 2, 3}, y[] = {1};
    tables t = {seconds, y, 1};
    hpo_problem p = make_problem(&t, (double)NAN);
    t.n = 7;
    const double seven[] = {1, 1, 1, 1, 1, 1, 1};
    t.y = seven;
    hpo_simulation o = {.workers = 3, .sampler = "t-count", .max_seconds = 4.5};
    event_log l = simulate(&p, &o);
    assert_int_equal(l.n, 4);
    assert_event(&l, 3, 2, 4, HPO_STATE_COMPLETE);
    o = (hpo_simulation){.workers = 2, .sampler = "t-count", .max_resource = 3};
    l = simulate(&p, &o);
    assert_int_equal(l.n, 3);
    assert_event(&l, 0, 1, 2, HPO_STATE_COMPLETE);
    assert_event(&l, 1, 0, 3, HPO_STATE_COMPLETE);
    assert_event(&l, 2, 2, 6, HPO_STATE_COMPLETE);
    hpo_error err;
    o = (hpo_simulation){.workers = 2};
    assert_fails(hpo_simulate(&p, &o, note, &l, &err), HPO_EINVAL, err, "max_evaluations");
    o = (hpo_simulation){.max_evaluations = 1};
    assert_fails(hpo_simulate(&p, &o, note, &l, &err), HPO_EINVAL, err, "workers is 0");
    o = (hpo_simulation){.workers = 1, .max_evaluations = 1, .failure_rate = 1.5};
    assert_fails(hpo_simulate(&p, &o, note, &l, &err), HPO_EINVAL, err, "failure_rate is 1.5");
    hpo_space_free(p.space);
}

/* ---- accidents ---- */

/* Lost at half (2 s), lease 10 s from the ask: back at 10.002, lost at 12.002, back at 20.004, ends
 * at 24.004. */
static void test_preemption(void **state)
{
    (void)state;
    const double four[] = {4}, y[] = {1};
    tables t = {four, y, 1};
    hpo_problem p = make_problem(&t, (double)NAN);
    hpo_simulation o = {
        .workers = 1, .sampler = "t-count", .max_evaluations = 1, .preemption_rate = 1, .lease = 10};
    event_log l = simulate(&p, &o);
    assert_int_equal(l.n, 1); /* counted once */
    assert_event(&l, 0, 0, 24.004, HPO_STATE_COMPLETE);
    assert_near(l.spent[0], 2, 1e-12, 0);

    o.max_evaluations = 20;
    o.workers = 3;
    l = simulate(&p, &o);
    assert_int_equal(l.n, 20);
    int seen[20] = {0};
    for (size_t i = 0; i < l.n; i++) {
        assert_int_equal(l.state[i], HPO_STATE_COMPLETE);
        assert_int_equal(seen[l.trial[i]]++, 0);
    }
    assert_near(l.spent[19], 40, 1e-12, 0);
    hpo_space_free(p.space);
}

/* A worker that lives keeps its trial however long that takes: renewals at every third of the lease. */
static void test_leases_are_renewed(void **state)
{
    (void)state;
    const double long_time[] = {1000}, y[] = {1};
    tables t = {long_time, y, 1};
    hpo_problem p = make_problem(&t, (double)NAN);
    hpo_simulation o = {
        .workers = 2, .sampler = "t-count", .max_evaluations = 4, .preemption_rate = 1e-300, .lease = 10};
    event_log l = simulate(&p, &o);
    assert_int_equal(l.n, 4);
    assert_event(&l, 3, 3, 2000, HPO_STATE_COMPLETE);
    hpo_space_free(p.space);
}

static void test_failures_and_stragglers(void **state)
{
    (void)state;
    const double four[] = {4}, y[] = {1};
    tables t = {four, y, 1};
    hpo_problem p = make_problem(&t, (double)NAN);
    hpo_simulation o = {.workers = 1, .sampler = "t-count", .max_evaluations = 3, .failure_rate = 1};
    event_log l = simulate(&p, &o);
    assert_int_equal(l.n, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_event(&l, i, (int64_t)i, 2 * (double)(i + 1), HPO_STATE_FAILED);
        assert_int_equal(l.recommended[i], -1);
        assert_true(isnan(l.truth[i]));
    }
    o = (hpo_simulation){.workers = 1,
                         .sampler = "t-count",
                         .max_evaluations = 50,
                         .straggler_rate = 0.5,
                         .straggler_factor = 3,
                         .seed = 5};
    l = simulate(&p, &o);
    int slow = 0;
    for (size_t i = 0; i < l.n; i++) {
        double took = l.time[i] - (i > 0 ? l.time[i - 1] : 0);
        assert_true(took == 4 || took == 12);
        slow += took == 12;
    }
    assert_in_range(slow, 15, 35);
    hpo_space_free(p.space);
}

static void test_order_follows_from_the_seed(void **state)
{
    (void)state;
    const double seconds[] = {3, 2, 4, 1, 5, 2, 3}, y[] = {5, 7, 4, 6, 1, 4, 9};
    tables t = {seconds, y, 7};
    hpo_problem p = make_problem(&t, (double)NAN);
    p.noisy = 1;
    p.exact_known = 1;
    hpo_simulation o = {.workers = 4,
                        .sampler = "random",
                        .max_evaluations = 60,
                        .straggler_rate = 0.2,
                        .straggler_factor = 4,
                        .failure_rate = 0.1,
                        .preemption_rate = 0.2,
                        .lease = 7,
                        .seed = 1};
    event_log a = simulate(&p, &o), b = simulate(&p, &o);
    assert_true(log_hash(&a) == log_hash(&b));
    for (size_t i = 0; i < a.n; i++) /* what is recommended is shown without its noise */
        if (!isnan(a.truth[i])) assert_true(a.truth[i] == floor(a.truth[i]));
    o.seed = 2;
    b = simulate(&p, &o);
    assert_true(log_hash(&a) != log_hash(&b));
    hpo_space_free(p.space);
}

/* ---- schedulers ---- */

/* New trials run to 1 and pause; of each two, the better one that has not yet gone on does so, to the end. */
typedef struct halving {
    int64_t at_one, promoted;
    double y[N_CONFIGS];
    int went_on[N_CONFIGS], let_go[N_CONFIGS];
} halving;

static hpo_status halving_report(void *state, const hpo_sched_report *r, hpo_sched_answer *out,
                                 hpo_error *err)
{
    halving *h = state;
    (void)err;
    if (r->step != 1) return HPO_OK;
    h->y[r->trial] = r->y[0];
    h->at_one++;
    out->decision = HPO_PAUSE;
    return HPO_OK;
}

static hpo_status halving_start(void *state, const hpo_sched_start *e, hpo_error *err)
{
    halving *h = state;
    (void)err;
    h->went_on[e->trial] = e->kind == HPO_ACT_RESUME;
    h->promoted += e->kind == HPO_ACT_RESUME;
    return HPO_OK;
}

static hpo_status halving_tell(void *state, int64_t trial, hpo_state end, const double *y, hpo_error *err)
{
    (void)y, (void)err;
    ((halving *)state)->let_go[trial] = end == HPO_STATE_PAUSED;
    return HPO_OK;
}

static hpo_status halving_next(void *state, const hpo_sched_ask *ask, hpo_action *out, hpo_error *err)
{
    const halving *h = state;
    int64_t best = -1;
    (void)ask;
    (void)err;
    out->resource = 1;
    if (h->at_one < 2 * (h->promoted + 1)) return HPO_OK;
    for (int64_t i = 0; i < h->at_one; i++)
        if (h->let_go[i] && !h->went_on[i] && (best < 0 || h->y[i] < h->y[best])) best = i;
    if (best < 0) return HPO_OK;
    out->kind = HPO_ACT_RESUME;
    out->trial = best;
    out->resource = 8;
    return HPO_OK;
}

static const hpo_scheduler_ops HALVING = {.size = sizeof HALVING,
                                          .name = "t-halving",
                                          .help = "pauses at 1",
                                          .reference = "none",
                                          .caps = HPO_SCHED_NEEDS_FIDELITY | HPO_SCHED_PAUSES,
                                          .state_size = sizeof(halving),
                                          .start = halving_start,
                                          .report = halving_report,
                                          .tell = halving_tell,
                                          .next = halving_next};

/* y: trial 0 and 1 pause at 1 and 2 s; the better, 1, goes on from 1 to 8 in 7 s; 2 and 3 pause at 10 and 11
 * s; 3 is the best left and ends at 18 s. */
static void test_pause_and_resume(void **state)
{
    (void)state;
    const double second[] = {1, 1, 1, 1, 1, 1}, y[] = {5, 3, 9, 4, 8, 7};
    tables t = {second, y, 6};
    hpo_problem p = make_problem(&t, 8);
    hpo_simulation o = {
        .workers = 1, .sampler = "t-count", .scheduler = "t-halving", .max_resource = 18.0 / 8};
    event_log l = simulate(&p, &o);
    assert_int_equal(l.n, 6);
    assert_event(&l, 0, 0, 1, HPO_STATE_PAUSED);
    assert_event(&l, 1, 1, 2, HPO_STATE_PAUSED);
    assert_int_equal(l.recommended[1], 1);      /* the best so far at the largest resource */
    assert_near(l.truth[1], 3 + 1.0 / 8, 0, 0); /* its value at full resource */
    assert_event(&l, 2, 1, 9, HPO_STATE_COMPLETE);
    assert_true(l.resource[2] == 8 && l.spent[2] == 9.0 / 8);
    assert_event(&l, 3, 2, 10, HPO_STATE_PAUSED);
    assert_event(&l, 4, 3, 11, HPO_STATE_PAUSED);
    assert_event(&l, 5, 3, 18, HPO_STATE_COMPLETE);
    assert_int_equal(l.recommended[5], 1);
    /* A problem that cannot go on starts again and pays for it. */
    p.resumable = 0;
    o.max_resource = 10.0 / 8;
    l = simulate(&p, &o);
    assert_event(&l, 2, 1, 10, HPO_STATE_COMPLETE);
    assert_true(l.spent[2] == 10.0 / 8);
    hpo_space_free(p.space);
}

/* ASHA on 1..9 epochs of 10..90 rows: three trials of an epoch on 10 rows, each a second and 1/81 of a full
 * evaluation; the best goes on to 2 epochs on 17 rows: anew in 2 s and 3.4/81, from its checkpoint in 1 s
 * and 1.7/81. */
static void test_two_fidelities(void **state)
{
    (void)state;
    static const char *const rows[] = {"fidelity 10..90", "fidelity resumable 10..90"};
    const double second[] = {1}, y[] = {3, 2, 1, 9};
    tables t = {second, y, 1};
    for (int resumable = 0; resumable < 2; resumable++) {
        hpo_error err;
        char text[100];
        double epochs = resumable ? 1 : 2;
        hpo_problem p = make_problem(&t, 9);
        hpo_space_free(p.space);
        snprintf(text, sizeof text, "x: int 0..3; r: fidelity 1..9; rows: %s", rows[resumable]);
        assert_ok(hpo_space_parse(text, &p.space, &err), err);
        assert_ok(hpo_space_freeze(p.space, &err), err);
        hpo_simulation o = {.workers = 1, .sampler = "grid", .scheduler = "asha", .max_seconds = 3 + epochs};
        event_log l = simulate(&p, &o);
        for (size_t i = 0; i < 3; i++) {
            assert_event(&l, i, (int64_t)i, (double)(i + 1), HPO_STATE_PAUSED);
            assert_near(l.resource[i], 1 / 9.0, 1e-12, 0);
            assert_near(l.spent[i], (double)(i + 1) / 81, 1e-12, 0);
        }
        int64_t best = l.recommended[2];
        assert_event(&l, 3, best, 3 + epochs, HPO_STATE_PAUSED);
        assert_near(l.resource[3], 2 * 17 / 90.0, 1e-12, 0);
        assert_near(l.spent[3], (3 + epochs * 1.7) / 81, 1e-12, 0);
        assert_int_equal(l.recommended[3], best);
        hpo_space_free(p.space);
    }
}

/* Stops what is above 5 at step 2; counts the steps that it was shown. */
static hpo_status threshold_report(void *state, const hpo_sched_report *r, hpo_sched_answer *out,
                                   hpo_error *err)
{
    (void)state;
    (void)err;
    if (r->step == 2 && r->y[0] > 5) out->decision = HPO_STOP;
    return r->step == 1 || r->step == 2 || r->step == 4 || r->step == 8 ? HPO_OK : HPO_EUSER;
}

static const hpo_scheduler_ops THRESHOLD = {.size = sizeof THRESHOLD,
                                            .name = "t-threshold",
                                            .help = "stops at 2",
                                            .reference = "none",
                                            .report = threshold_report};

static void test_stop(void **state)
{
    (void)state;
    const double second[] = {1, 1, 1}, y[] = {3, 9, 4};
    tables t = {second, y, 3};
    hpo_problem p = make_problem(&t, 8);
    hpo_simulation o = {.workers = 1, .sampler = "t-count", .scheduler = "t-threshold", .max_evaluations = 3};
    event_log l = simulate(&p, &o);
    assert_int_equal(l.n, 3);
    assert_event(&l, 0, 0, 8, HPO_STATE_COMPLETE);
    assert_event(&l, 1, 1, 10, HPO_STATE_STOPPED);
    assert_true(l.resource[1] == 2 && l.y[1] == 9.5 && l.spent[1] == 10.0 / 8);
    assert_event(&l, 2, 2, 18, HPO_STATE_COMPLETE);
    assert_int_equal(l.recommended[2], 0);
    o.report_every_step = 1; /* now it is shown step 3, which it refuses: the error comes through */
    hpo_error err;
    l.n = 0;
    assert_status(hpo_simulate(&p, &o, note, &l, &err), HPO_EUSER);
    hpo_space_free(p.space);
}

/* A new trial to 4, then its clone from there to 8. */
static hpo_status clone_report(void *state, const hpo_sched_report *r, hpo_sched_answer *out, hpo_error *err)
{
    (void)state, (void)r, (void)out, (void)err;
    return HPO_OK;
}

static hpo_status clone_next(void *state, const hpo_sched_ask *ask, hpo_action *out, hpo_error *err)
{
    (void)state, (void)err;
    out->kind = ask->draw == 0 ? HPO_ACT_NEW : HPO_ACT_CLONE;
    out->trial = ask->draw == 0 ? -1 : 0;
    out->resource = ask->draw == 0 ? 4 : 8;
    return HPO_OK;
}

static const hpo_scheduler_ops CLONE = {.size = sizeof CLONE,
                                        .name = "t-clone",
                                        .help = "clones",
                                        .reference = "none",
                                        .caps = HPO_SCHED_NEEDS_FIDELITY | HPO_SCHED_CLONES,
                                        .report = clone_report,
                                        .next = clone_next};

static void test_clone(void **state)
{
    (void)state;
    const double second[] = {1}, y[] = {3};
    tables t = {second, y, 1};
    hpo_problem p = make_problem(&t, 8);
    hpo_simulation o = {.workers = 1, .sampler = "t-count", .scheduler = "t-clone", .max_resource = 1.5};
    event_log l = simulate(&p, &o);
    assert_int_equal(l.n, 3);
    assert_event(&l, 0, 0, 4, HPO_STATE_COMPLETE);
    assert_event(&l, 1, 1, 8, HPO_STATE_COMPLETE);
    assert_event(&l, 2, 2, 12, HPO_STATE_COMPLETE);
    assert_true(l.resource[0] == 4 && l.resource[1] == 8);
    hpo_space_free(p.space);
}

/* ---- a method that is no study ---- */

typedef struct slow_method {
    double x[64], resource[64]; /* resource 0: full */
    int64_t same;               /* 1: always the same trial, taken up again with another x */
    int64_t next;
    hpo_status fail;
} slow_method;

static hpo_status slow_open(const hpo_method_setup *setup, void **self, hpo_error *err)
{
    (void)err;
    *self = (void *)(uintptr_t)setup->data; /* the test passes its own */
    return HPO_OK;
}

static hpo_status slow_ask(void *self, double now, hpo_method_trial *out, hpo_error *err)
{
    slow_method *m = self;
    (void)now;
    if (m->fail != HPO_OK) {
        return hpo_fail(err, m->fail, "it broke");
    }
    hpo_os_sleep_ms(5);
    m->x[m->next] = (double)m->next;
    double r = m->resource[m->next];
    *out = (hpo_method_trial){.number = m->same ? 7 : 1000 - m->next,
                              .parent = -1,
                              .attempt = 1,
                              .x = &m->x[m->next],
                              .resource = r > 0 ? r : (double)NAN};
    m->next++;
    return HPO_OK;
}

static hpo_status slow_tell(void *self, hpo_method_trial *t, const hpo_method_result *r, double now,
                            hpo_error *err)
{
    (void)self;
    (void)t;
    (void)r;
    (void)now;
    (void)err;
    return HPO_OK;
}

static void slow_close(void *self)
{
    (void)self;
}

static const hpo_method_ops SLOW = {
    .name = "slow", .open = slow_open, .ask = slow_ask, .tell = slow_tell, .close = slow_close};

static void test_other_methods(void **state)
{
    (void)state;
    const double seconds[] = {3, 2, 4}, y[] = {5, 2, 2};
    tables t = {seconds, y, 3};
    slow_method m = {.next = 0};
    hpo_problem p = make_problem(&t, (double)NAN);
    hpo_simulation o = {
        .workers = 1, .method = "slow", .ops = &SLOW, .max_evaluations = 3, .data = (const char *)&m};
    event_log l = simulate(&p, &o);
    assert_int_equal(l.n, 3);
    assert_event(&l, 2, 998, 9, HPO_STATE_COMPLETE);
    assert_int_equal(l.recommended[2], 999); /* of equals the first */
    for (size_t i = 0; i < 3; i++)
        assert_true(l.decision[i] >= 0.005 && l.decision[i] < 5);
    m.next = 0;
    o.charge_decisions = 1;
    l = simulate(&p, &o);
    assert_true(l.time[2] >= 9.015 && l.time[2] < 20);

    /* A better value at a small resource does not displace one at full resource. */
    hpo_problem fidelity = make_problem(&t, 8);
    m = (slow_method){.resource = {1, 0, 1}};
    o.charge_decisions = 0;
    l = simulate(&fidelity, &o);
    assert_int_equal(l.n, 3);
    assert_int_equal(l.recommended[0], 1000);
    assert_near(l.truth[0], 5 + 1.0 / 8, 0, 0);
    assert_int_equal(l.recommended[1], 999);
    assert_int_equal(l.recommended[2], 999);
    assert_near(l.time[2], 3 + 16 + 4, 0, 1e-12);
    /* A trial whose parameter changes on the way: from 0 to 4 with x 0, on to 8 with x 1, whose steps cost 2.
     */
    m = (slow_method){.resource = {4, 8}, .same = 1};
    o.max_resource = 1;
    o.max_evaluations = 0;
    l = simulate(&fidelity, &o);
    assert_int_equal(l.n, 2);
    assert_event(&l, 0, 7, 4 * 3, HPO_STATE_COMPLETE);
    assert_event(&l, 1, 7, 4 * 3 + 4 * 2, HPO_STATE_COMPLETE);
    assert_true(l.y[0] == 5 + 1.0 / 4 && l.y[1] == 2 + 1.0 / 8 && l.resource[1] == 8);
    assert_true(l.spent[0] == 0.5 && l.spent[1] == 1);
    hpo_space_free(fidelity.space);
    o.max_resource = 0;
    o.max_evaluations = 3;

    hpo_error err;
    atomic_int cancel = 1;
    m.next = 0;
    o.cancel = &cancel;
    l.n = 0;
    assert_fails(hpo_simulate(&p, &o, note, &l, &err), HPO_WAIT, err, "interrupted");
    assert_int_equal(l.n, 0);
    m.next = 0;
    o.cancel = NULL;
    o.wall_timeout = 0.001;
    assert_fails(hpo_simulate(&p, &o, note, &l, &err), HPO_EBUSY, err, "0.001 s");
    m.fail = HPO_EUSER;
    assert_fails(hpo_simulate(&p, &o, note, &l, &err), HPO_EUSER, err, "it broke");
    hpo_space_free(p.space);
}

/* ---- memory ---- */

static hpo_status run_short_of_memory(void *ctx, hpo_error *err)
{
    event_log l = {0};
    hpo_simulation o = {.workers = 3,
                        .sampler = "t-count",
                        .scheduler = "t-halving",
                        .max_resource = 3,
                        .preemption_rate = 0.2,
                        .seed = 3};
    return hpo_simulate(ctx, &o, note, &l, err);
}

static void test_memory(void **state)
{
    (void)state;
    const double second[] = {1, 1, 1, 1, 1, 1}, y[] = {5, 3, 9, 4, 8, 7};
    tables t = {second, y, 6};
    hpo_problem p = make_problem(&t, 8);
    assert_true(t_oom(run_short_of_memory, &p) > 10);
    hpo_space_free(p.space);
}

int main(void)
{
    hpo_error err;
    if (hpo_sampler_register(&COUNT, &err) != HPO_OK || hpo_scheduler_register(&HALVING, &err) != HPO_OK ||
        hpo_scheduler_register(&THRESHOLD, &err) != HPO_OK || hpo_scheduler_register(&CLONE, &err) != HPO_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_three_workers),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_preemption),
        cmocka_unit_test(test_leases_are_renewed),
        cmocka_unit_test(test_failures_and_stragglers),
        cmocka_unit_test(test_order_follows_from_the_seed),
        cmocka_unit_test(test_pause_and_resume),
        cmocka_unit_test(test_two_fidelities),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_clone),
        cmocka_unit_test(test_other_methods),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
