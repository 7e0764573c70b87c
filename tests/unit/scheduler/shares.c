/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/shares: how fabolas, mf-mes, cf-kg and boca begin and end, that prices decide how large a share
 * is, that failures are avoided, and that a process which replays the events decides the same. */
#include "drive.h"

#include "space/space.h"

enum { HIGH = 64, DIMS = 2, EVENTS = 400, N_RULES = 4 };

/* What each says why it chose a pair; fabolas first. */
static const struct rule {
    const char *name, *says;
    int failures; /* of thirty, at most: the least loss is where they begin */
} rules[N_RULES] = {{"fabolas", "nats of where the minimum is", 15},
                    {"mf-mes", "nats of the least value in full", 24},
                    {"cf-kg", "is expected to lower the least loss", 24},
                    {"boca", "may be as good as", 15}};

static hpo_space *make_space(void)
{
    hpo_error err;
    hpo_space *s;
    assert_ok(hpo_space_parse("a: 0..1; b: 0..1", &s, &err), err);
    assert_ok(hpo_space_freeze(s, &err), err);
    return s;
}

static double loss(const double *u, double rows)
{
    double a = u[0] - 0.7, b = u[1] - 0.3 - 0.1 * log(HIGH / rows) / log(HIGH); /* shares mislead a little */
    return a * a + b * b + 0.1 / sqrt(rows);
}

static hpo_sched_problem make_problem(const hpo_space *space, size_t n_outcomes)
{
    return (hpo_sched_problem){.space = space,
                               .n_objectives = 1,
                               .sign = &drive_sign,
                               .seed = 7,
                               .low = 1,
                               .high = HIGH,
                               .whole = 1,
                               .n_outcomes = n_outcomes};
}

/* One piece: its cost is rows^power. */
static hpo_action play(drive *d, t_rng *r, double power)
{
    for (size_t j = 0; j < DIMS; j++)
        d->u[j] = t_uniform(r);
    hpo_action a = drive_next(d, 0);
    int64_t t = drive_start(d, &a);
    if (t < 0) {
        a.trial = -1;
        a.kind = HPO_ACT_WAIT;
        return a;
    }
    a.trial = t;
    drive_piece(d, t, loss(d->point[t], d->target[t]), pow(d->target[t], power));
    return a;
}

static void begins_and_ends(const struct rule *rule)
{
    static drive d;
    hpo_space *space = make_space();
    t_rng r = {4};
    int64_t n_new = 0, in_full = 0, best = -1;
    double least = 1;
    drive_open_in(&d, rule->name, space, 1, HIGH, 30);
    for (;;) {
        double before[DIMS];
        hpo_action a = play(&d, &r, 1);
        if (a.kind == HPO_ACT_WAIT) break;
        memcpy(before, d.point[a.trial], sizeof before);
        if (n_new < 8) { /* the four smallest in turn, where the sampler says */
            assert_int_equal(a.kind, HPO_ACT_NEW);
            assert_false(a.changed);
            assert_true(a.resource == (double)(1 << (n_new % 4))); /* 1 to 8 of 64 */
            assert_true(a.reason[0] == '\0');
        } else if (a.kind == HPO_ACT_NEW && a.changed) {
            assert_non_null(strstr(a.reason, rule->says));
        }
        n_new += a.kind == HPO_ACT_NEW;
    }
    for (int64_t i = 0; i < d.n; i++) {
        double y = loss(d.point[i], HIGH);
        in_full += d.state[i] == HPO_STATE_COMPLETE;
        if (y < least) {
            least = y;
            best = i;
        }
    }
    assert_int_equal(d.n, 30);
    assert_true(in_full >= 1);
    /* the best of those evaluated in full is nearly the best of all */
    double found = 1;
    for (int64_t i = 0; i < d.n; i++)
        if (d.state[i] == HPO_STATE_COMPLETE) found = fmin(found, loss(d.point[i], HIGH));
    print_message("# %s: found %.4f, trial %lld %.4f; %lld in full, %.1f spent\n", rule->name, found,
                  (long long)best, least, (long long)in_full, d.spent / HIGH);
    assert_true(found < least + 0.01);
    drive_close(&d);
    hpo_space_free(space);
}

static void test_begins_and_ends(void **state)
{
    (void)state;
    for (size_t k = 0; k < N_RULES; k++)
        begins_and_ends(&rules[k]);
}

/* Mean share that is chosen after the opening, of what is not a full evaluation of the best. */
static double mean_share(const struct rule *rule, const char *overhead, double power)
{
    static drive d;
    char spec[64];
    hpo_space *space = make_space();
    t_rng r = {4};
    double sum = 0;
    int n = 0;
    (void)snprintf(spec, sizeof spec, "%s:full=0,overhead=%s", rule->name, overhead);
    drive_open_in(&d, spec, space, 1, HIGH, DRIVE_MOST);
    for (int i = 0; i < 40; i++) {
        hpo_action a = play(&d, &r, power);
        if (strstr(a.reason, rule->says) == NULL) continue;
        sum += a.resource / HIGH;
        n++;
    }
    assert_true(n > 20);
    drive_close(&d);
    hpo_space_free(space);
    return sum / n;
}

/* Where a small share costs as much as all, all is taken; where all is dear, little is.  BOCA takes the
 * cheapest that is worth while, however little it saves. */
static void test_prices(void **state)
{
    (void)state;
    for (size_t k = 0; k < N_RULES; k++) {
        double flat = mean_share(&rules[k], "1e6", 1), linear = mean_share(&rules[k], "0", 1),
               cubic = mean_share(&rules[k], "0", 3);
        print_message("# %s, shares: %.3f flat, %.3f linear, %.3f cubic\n", rules[k].name, flat, linear,
                      cubic);
        assert_true(cubic <= linear);
        if (rules[k].name[0] == 'b') continue;
        assert_true(flat > 0.5);
        assert_true(linear < 0.6 * flat && cubic < linear);
    }
}

/* The share of full evaluations of what is best. */
static void test_full(void **state)
{
    (void)state;
    static drive d;
    static const char *const specs[] = {"fabolas:full=0", "fabolas:full=0.5"};
    double share[2];
    for (int k = 0; k < 2; k++) {
        hpo_space *space = make_space();
        t_rng r = {4};
        double of_best = 0;
        drive_open_in(&d, specs[k], space, 1, HIGH, DRIVE_MOST);
        for (int i = 0; i < 60; i++) {
            hpo_action a = play(&d, &r, 1);
            if (strstr(a.reason, "evaluated in full") == NULL) continue;
            assert_int_equal(a.kind, HPO_ACT_RESUME);
            assert_true(a.resource == HIGH);
            of_best += HIGH;
        }
        share[k] = of_best / d.spent;
        drive_close(&d);
        hpo_space_free(space);
    }
    assert_true(share[0] == 0);
    assert_true(share[1] > 0.1 && share[1] <= 0.7);
}

static void avoids_failures(const struct rule *rule)
{
    static drive d;
    hpo_space *space = make_space();
    t_rng r = {8};
    int after = 0, failed = 0;
    drive_open_in(&d, rule->name, space, 1, HIGH, DRIVE_MOST);
    for (int i = 0; i < 60; i++) {
        for (size_t j = 0; j < DIMS; j++)
            d.u[j] = t_uniform(&r);
        hpo_action a = drive_next(&d, 0);
        int64_t t = drive_start(&d, &a);
        assert_true(a.kind != HPO_ACT_RESUME || d.state[t] == HPO_STATE_RUNNING);
        if (d.point[t][0] > 0.6) { /* where the loss is least */
            drive_tell(&d, t, HPO_STATE_FAILED, NULL);
            failed++;
            after += i >= 30;
        } else {
            drive_piece(&d, t, loss(d.point[t], d.target[t]), 0);
        }
    }
    print_message("# %s: %d failed, %d of the last 30\n", rule->name, failed, after);
    assert_true(failed > 0 && after <= rule->failures);
    drive_close(&d);
    hpo_space_free(space);
}

static void test_failures(void **state)
{
    (void)state;
    for (size_t k = 0; k < N_RULES; k++)
        avoids_failures(&rules[k]);
}

/* What happened, to be told to another process. */
typedef struct event {
    int what; /* 0 start, 1 report, 2 tell */
    hpo_action action;
    int64_t trial;
    double step, y;
    int state;
    double u[DIMS];
} event;

static void feed(hpo_scheduler *s, const event *e)
{
    hpo_error err;
    if (e->what == 0) {
        const hpo_sched_start start = {.kind = e->action.kind,
                                       .trial = e->trial,
                                       .parent = -1,
                                       .resource = e->action.resource,
                                       .u = e->u};
        assert_ok(s->ops->start(s->state, &start, &err), err);
    } else if (e->what == 1) {
        hpo_sched_answer answer = {.decision = HPO_CONTINUE};
        const hpo_sched_report report = {
            .trial = e->trial, .step = e->step, .y = &e->y, .n_objectives = 1, .fold = -1, .cost = e->step};
        assert_ok(s->ops->report(s->state, &report, &answer, &err), err);
    } else {
        assert_ok(s->ops->tell(s->state, e->trial, (hpo_state)e->state, isnan(e->y) ? NULL : &e->y, &err),
                  err);
    }
}

/* Two workers; at each decision a process that has only read the events decides the same to the bit. */
static void replays(const struct rule *rule)
{
    static event log[EVENTS];
    hpo_space *space = make_space();
    const hpo_sched_problem p = make_problem(space, 0);
    hpo_scheduler s;
    hpo_error err;
    t_rng r = {6};
    size_t n = 0;
    int64_t n_trials = 0, running[2] = {-1, -1};
    double target[EVENTS], point[EVENTS][DIMS];
    int compared = 0, rounds = T_INSTRUMENTED ? 24 : 60;
    char spec[32];
    (void)snprintf(spec, sizeof spec, "%s:initial=5", rule->name);
    assert_ok(hpo_scheduler_open(spec, &p, &s, &err), err);
    for (int round = 0; round < rounds; round++) {
        int w = round % 2;
        int64_t t = running[w];
        if (t >= 0) { /* ends: its report, and what is told of it */
            double y = loss(point[t], target[t]);
            event report = {.what = 1, .trial = t, .step = target[t], .y = y};
            int full = target[t] >= HIGH;
            event tell = {.what = 2,
                          .trial = t,
                          .y = full ? y + 0.001 : (double)NAN,
                          .state = full ? HPO_STATE_COMPLETE : HPO_STATE_PAUSED};
            feed(&s, &report);
            feed(&s, &tell);
            log[n++] = report;
            log[n++] = tell;
        }
        double u[DIMS] = {t_uniform(&r), t_uniform(&r)}, v[DIMS];
        memcpy(v, u, sizeof v);
        const hpo_sched_ask ask = {.number = n_trials, .may_create = 1, .n_running = 1};
        hpo_action a = {.trial = -1, .u = u}, b = {.trial = -1, .u = v};
        assert_ok(s.ops->next(s.state, &ask, &a, &err), err);
        if (round % 3 == 0) {
            hpo_scheduler fresh;
            assert_ok(hpo_scheduler_open(spec, &p, &fresh, &err), err);
            for (size_t i = 0; i < n; i++)
                feed(&fresh, &log[i]);
            assert_ok(fresh.ops->next(fresh.state, &ask, &b, &err), err);
            assert_int_equal(a.kind, b.kind);
            assert_int_equal(a.trial, b.trial);
            assert_same_doubles(&a.resource, &b.resource, 1);
            assert_same_doubles(u, v, DIMS);
            assert_string_equal(a.reason, b.reason);
            /* and again, when asked twice */
            hpo_action c = {.trial = -1, .u = v};
            memset(v, 0, sizeof v);
            assert_ok(fresh.ops->next(fresh.state, &ask, &c, &err), err);
            assert_true(c.u == v && c.changed == a.changed);
            if (a.changed) assert_same_doubles(u, v, DIMS);
            compared += a.changed;
            hpo_scheduler_close(&fresh);
        }
        t = a.kind == HPO_ACT_RESUME ? a.trial : n_trials++;
        if (a.kind != HPO_ACT_RESUME) memcpy(point[t], u, sizeof u);
        target[t] = a.resource;
        event start = {.what = 0, .action = a, .trial = t};
        memcpy(start.u, point[t], sizeof start.u);
        feed(&s, &start);
        log[n++] = start;
        running[w] = t;
    }
    assert_true(compared > 3);
    hpo_scheduler_close(&s);
    hpo_space_free(space);
}

static void test_replay(void **state)
{
    (void)state;
    for (size_t k = 0; k < N_RULES; k++)
        replays(&rules[k]);
}

static void test_refuses(void **state)
{
    (void)state;
    hpo_space *space = make_space();
    const hpo_sched_problem p = make_problem(space, 1);
    hpo_scheduler s;
    hpo_error err;
    for (size_t k = 0; k < N_RULES; k++) {
        assert_fails(hpo_scheduler_open(rules[k].name, &p, &s, &err), HPO_EUNSUPPORTED, err,
                     "measured constraints");
        assert_non_null(strstr(err.msg, rules[k].name));
    }
    hpo_space_free(space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_begins_and_ends), cmocka_unit_test(test_prices), cmocka_unit_test(test_full),
        cmocka_unit_test(test_failures),        cmocka_unit_test(test_replay), cmocka_unit_test(test_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
