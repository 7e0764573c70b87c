/* SPDX-License-Identifier: Apache-2.0 */
/* Every sampler with every scheduler, through the public API: a small study with workers that pause, resume
 * and stop.  And the promise behind it: whoever opens the study anew at any moment decides the same. */
#include "hpo.h"

#include "base/str.h"
#include "sampler/registry.h"
#include "scheduler/registry.h"
#include "t.h"

enum { TRIALS = 10, EPOCHS = 9, WORKERS = 2, MAX_LOG = 4000 };

typedef struct work {
    int64_t number; /* -1: none */
    uint64_t token;
    double at, target;
} work;

typedef struct played {
    hpo_storage *storage;
    hpo_study *study;
    int reopen; /* before every call */
    int axes;   /* two fidelities: rows beside the epochs */
    work worker[WORKERS];
    double reached[TRIALS], rows[TRIALS];
    double log[MAX_LOG];
    size_t n_log;
    double spent;
} played;

static void note(played *p, double v)
{
    assert_true(p->n_log < MAX_LOG);
    p->log[p->n_log++] = v;
}

static void open_again(played *p)
{
    hpo_error err;
    if (!p->reopen) return;
    hpo_study_free(p->study);
    assert_ok(hpo_study_open(p->storage, "s", &p->study, &err), err);
}

static double loss(const played *p, const double *x, double epoch)
{
    double y = (x[0] - 0.3) * (x[0] - 0.3) + (x[1] == 1 ? 0.1 : 0) + 1 / (epoch + 10 * x[0]);
    return p->axes ? y + 10 / x[3] : y;
}

/* 0: nothing to do now. */
static int ask(played *p, work *w)
{
    hpo_trial *t = NULL;
    hpo_error err;
    open_again(p);
    hpo_status rc = hpo_study_ask(p->study, &t, &err);
    if (rc == HPO_WAIT || rc == HPO_DONE) return 0;
    assert_ok(rc, err);
    w->number = hpo_trial_number(t);
    w->token = hpo_trial_token(t);
    w->target = hpo_trial_x(t)[2];
    if (p->axes && hpo_trial_x(t)[3] != p->rows[w->number]) { /* other rows: it begins anew */
        p->rows[w->number] = hpo_trial_x(t)[3];
        p->reached[w->number] = 0;
        note(p, p->rows[w->number]);
    }
    w->at = p->reached[w->number];
    assert_true(w->target > w->at); /* nothing is trained twice */
    note(p, (double)w->number);
    note(p, hpo_trial_x(t)[0]);
    note(p, w->target);
    hpo_trial_free(t);
    return 1;
}

static void step(played *p, work *w)
{
    hpo_trial *t;
    hpo_error err;
    hpo_decision d;
    open_again(p);
    assert_ok(hpo_study_attach(p->study, w->number, w->token, &t, &err), err);
    w->at++;
    p->spent++;
    double y = loss(p, hpo_trial_x(t), w->at);
    hpo_report r = hpo_report_init();
    r.step = w->at;
    r.values = &y;
    r.n_values = 1;
    r.cost = 1;
    assert_ok(hpo_study_report(p->study, t, &r, &d, &err), err);
    note(p, (double)d);
    if (d == HPO_CONTINUE && w->at < w->target) {
        hpo_trial_free(t);
        return;
    }
    hpo_result end = hpo_result_init();
    p->reached[w->number] = w->at;
    end.state = d == HPO_PAUSE ? HPO_STATE_PAUSED : d == HPO_STOP ? HPO_STATE_STOPPED : HPO_STATE_COMPLETE;
    if (end.state == HPO_STATE_COMPLETE) {
        end.values = &y;
        end.n_values = 1;
    }
    assert_ok(hpo_study_tell(p->study, t, &end, &err), err);
    hpo_trial_free(t);
    w->number = -1;
}

/* 0: this sampler cannot search the space. */
static int play_in(const char *text, played *p, const char *sampler, const char *scheduler, int reopen)
{
    hpo_error err;
    hpo_space *space;
    hpo_study_options o = hpo_study_options_init();
    memset(p, 0, sizeof *p);
    p->reopen = reopen;
    p->axes = strstr(text, "rows") != NULL;
    assert_ok(hpo_space_parse(text, &space, &err), err);
    assert_ok(hpo_storage_open(NULL, &p->storage, &err), err);
    o.name = "s";
    o.seed = 11;
    o.sampler = sampler;
    o.scheduler = scheduler;
    o.budget.trials = TRIALS;
    hpo_status rc = hpo_study_create(p->storage, space, &o, &p->study, &err);
    hpo_space_free(space);
    if (rc == HPO_EUNSUPPORTED) return 0;
    assert_ok(rc, err);
    for (size_t w = 0; w < WORKERS; w++)
        p->worker[w].number = -1;
    for (int busy = 1; busy;) {
        busy = 0;
        for (size_t w = 0; w < WORKERS; w++) {
            if (p->worker[w].number < 0 && !ask(p, &p->worker[w])) continue;
            busy = 1;
            step(p, &p->worker[w]);
        }
    }
    return 1;
}

static int play(played *p, const char *sampler, const char *scheduler, int reopen)
{
    return play_in("x: 0..1 step 0.001; c: a,b; epochs: fidelity 1..9", p, sampler, scheduler, reopen);
}

static void end(played *p)
{
    hpo_study_free(p->study);
    hpo_storage_free(p->storage);
}

static void check(played *p, const char *scheduler)
{
    hpo_error err;
    hpo_summary sum = {.size = sizeof sum};
    assert_ok(hpo_study_summary(p->study, &sum, &err), err);
    assert_int_equal(sum.n_trials, TRIALS);
    assert_int_equal(sum.n_by_state[HPO_STATE_RUNNING] + sum.n_by_state[HPO_STATE_WAITING], 0);
    assert_int_equal(sum.n_by_state[HPO_STATE_FAILED], 0);
    if (strcmp(scheduler, "threshold") != 0) assert_true(sum.best >= 0); /* somebody came to the end */
    char *rungs;
    assert_ok(hpo_study_rungs(p->study, &rungs, &err), err);
    assert_non_null(strstr(rungs, "\"rungs\":["));
    hpo_free(rungs);
}

static void test_every_pair(void **state)
{
    (void)state;
    static played p;
    size_t n = 0;
    for (size_t i = 0; hpo_sampler_at(i) != NULL; i++)
        for (size_t j = 0; hpo_scheduler_at(j) != NULL; j++) {
            const char *sampler = hpo_sampler_at(i)->name, *scheduler = hpo_scheduler_at(j)->name;
            if (T_INSTRUMENTED && (i + j) % 4 != 0) continue; /* models take long there */
            if (play(&p, sampler, scheduler, 0)) {
                check(&p, scheduler);
                n++;
            }
            end(&p);
        }
    assert_true(n >= (T_INSTRUMENTED ? 50 : 200));
}

/* Samplers are told where a trial begins, and so they are when a suggestion is computed again. */
static void test_beginnings(void **state)
{
    (void)state;
    static const struct {
        const char *scheduler;
        int higher; /* trials begin at higher rungs too */
    } cases[] = {
        {"asha", 0}, {"hyperband-async", 1}, {"hyperband", 1}, {"asha-stopping", 0}, {"hyper-tune", 1}};
    static played p;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hpo_error err;
        int above = 0;
        assert_true(play(&p, "priorband", cases[i].scheduler, 0));
        for (int64_t t = 0; t < TRIALS; t++) {
            char *json;
            assert_ok(hpo_study_explain(p.study, t, &json, &err), err);
            assert_contains(json, "\"recomputed\":true");
            above += strstr(json, "\"rung\":0") == NULL;
            hpo_free(json);
        }
        assert_int_equal(above > 0, cases[i].higher);
        end(&p);
    }
}

/* A point of the scheduler's own: its origin, its configuration, and why. */
static void test_chosen_points(void **state)
{
    (void)state;
    static played p;
    hpo_error err;
    int chosen = 0;
    assert_true(play(&p, "random", "dehb:eta=2", 0));
    for (int64_t t = 0; t < TRIALS; t++) {
        char *json, text[64], number[32];
        hpo_trial_info info = {.size = sizeof info};
        assert_ok(hpo_study_explain(p.study, t, &json, &err), err);
        assert_ok(hpo_study_trial(p.study, t, &info, &err), err);
        hpo_double_text(info.x[0], number);
        snprintf(text, sizeof text, "\"x\": %s,", number);
        if (strstr(json, text) == NULL) {
            snprintf(text, sizeof text, "\"x\":%s,", number);
            assert_contains(json, text);
        }
        if (strstr(json, "\"origin\":\"scheduler\"") != NULL) {
            assert_contains(json, "bred from");
            chosen++;
        }
        hpo_free(json);
    }
    assert_true(chosen > 0);
    end(&p);
}

/* A study that every call finds closed, as after kill -9, goes the same way. */
static void test_anew_at_every_call(void **state)
{
    (void)state;
    static const char *const samplers[] = {"random", "tpe"};
    static played p, q;
    for (size_t i = 0; i < sizeof samplers / sizeof samplers[0]; i++)
        for (size_t j = 0; hpo_scheduler_at(j) != NULL; j++) {
            const char *scheduler = hpo_scheduler_at(j)->name;
            if (T_INSTRUMENTED && (i + j) % 2 != 0) continue;
            assert_true(play(&p, samplers[i], scheduler, 0));
            assert_true(play(&q, samplers[i], scheduler, 1));
            assert_int_equal(p.n_log, q.n_log);
            assert_memory_equal(p.log, q.log, p.n_log * sizeof *p.log);
            end(&p);
            end(&q);
        }
}

/* ---- two fidelities --------------------------------------------------------------------------------- */

static const char two_axes[] = "x: 0..1 step 0.001; c: a,b; epochs: fidelity 1..9; rows: fidelity 100..900";

/* Epochs and rows together, to thirds of a factor of sqrt(3) each. */
static int on_the_path(double epochs, double rows)
{
    static const double e[] = {1, 2, 3, 5, 9}, r[] = {100, 173, 300, 520, 900};
    for (size_t i = 0; i < sizeof e / sizeof *e; i++)
        if (epochs == e[i] && rows == r[i]) return 1;
    return 0;
}

/* Whatever the scheduler, complete is what has run with all rows and all epochs; what moves along one axis
 * has all rows from the start. */
static void test_two_axes(void **state)
{
    (void)state;
    static const char *const samplers[] = {"random", "mobster"};
    static played p, q;
    int moved = 0;
    for (size_t i = 0; i < sizeof samplers / sizeof samplers[0]; i++)
        for (size_t j = 0; hpo_scheduler_at(j) != NULL; j++) {
            const hpo_scheduler_ops *ops = hpo_scheduler_at(j);
            if (T_INSTRUMENTED && (i + j) % 2 != 0) continue;
            int along =
                (ops->caps & HPO_SCHED_PAUSES) == 0 || (ops->caps & (HPO_SCHED_CLONES | HPO_SCHED_ALONG));
            if (!play_in(two_axes, &p, samplers[i], ops->name, 0)) {
                end(&p);
                continue;
            }
            check(&p, ops->name);
            for (int64_t n = 0; n < TRIALS; n++) {
                hpo_error err;
                hpo_trial_info t = {.size = sizeof t};
                assert_ok(hpo_study_trial(p.study, n, &t, &err), err);
                if (t.state == HPO_STATE_COMPLETE) assert_true(t.x[2] == 9 && t.x[3] == 900);
                if (along) assert_true(t.x[3] == 900);
                if (strcmp(ops->name, "asha") == 0) assert_true(on_the_path(t.x[2], t.x[3]));
                moved += t.x[3] > 100 && t.x[3] < 900;
            }
            assert_true(play_in(two_axes, &q, samplers[i], ops->name, 1));
            assert_int_equal(p.n_log, q.n_log);
            assert_memory_equal(p.log, q.log, p.n_log * sizeof *p.log);
            end(&p);
            end(&q);
        }
    assert_true(moved > (T_INSTRUMENTED ? 5 : 20));
}

/* ASHA decides by what was had at the end of a piece, and says where that is on both axes. */
static void test_two_axes_by_hand(void **state)
{
    (void)state;
    hpo_error err;
    hpo_space *space;
    hpo_study *s;
    hpo_trial *t;
    char *json;
    hpo_study_options o = hpo_study_options_init();
    hpo_decision d;
    hpo_decision_info info = {.size = sizeof info};
    int64_t n;
    o.scheduler = "asha:min=0.3";
    o.sampler = "random";
    assert_ok(hpo_space_parse("x: 0..1; epochs: fidelity 1..9; rows: fidelity 100..900", &space, &err), err);
    assert_ok(hpo_study_create(NULL, space, &o, &s, &err), err);
    for (int64_t i = 0; i < 3; i++) { /* 0.3 of 9 full epochs: 2 epochs of 164 rows */
        assert_ok(hpo_study_ask(s, &t, &err), err);
        assert_true(hpo_trial_x(t)[1] == 2 && hpo_trial_x(t)[2] == 164);
        assert_ok(hpo_trial_report(t, 1, i == 1 ? 0 : 9, &d, &err), err); /* on its way: nobody compares it */
        assert_int_equal(d, HPO_CONTINUE);
        assert_ok(hpo_trial_report(t, 2, (double)(9 - i), &d, &err), err);
        assert_int_equal(d, HPO_PAUSE);
        hpo_result r = hpo_result_init();
        r.state = HPO_STATE_PAUSED;
        assert_ok(hpo_study_tell(s, t, &r, &err), err);
        hpo_trial_free(t);
    }
    assert_ok(hpo_study_ask(s, &t, &err), err);
    assert_int_equal(hpo_trial_number(t), 2);
    assert_true(hpo_trial_x(t)[1] == 3 && hpo_trial_x(t)[2] == 285);
    assert_ok(hpo_study_trial_decision(s, 2, 3, &info, &err), err);
    assert_string_equal(info.reason, "rank 1 of 3 at rung 0.3: goes on to 0.9 (epochs 3, rows 285)");
    assert_true(info.step > 0.9 - 1e-12 && info.step < 0.9 + 1e-12);
    hpo_result lost = hpo_result_init();
    lost.state = HPO_STATE_WAITING; /* given back: the same piece again */
    assert_ok(hpo_study_tell(s, t, &lost, &err), err);
    hpo_trial_free(t);
    assert_ok(hpo_study_ask(s, &t, &err), err);
    assert_true(hpo_trial_number(t) == 2 && hpo_trial_x(t)[1] == 3 && hpo_trial_x(t)[2] == 285);
    assert_ok(hpo_study_tell_value(s, t, 0.5, &err), err); /* without a report */
    hpo_trial_free(t);
    assert_ok(hpo_study_rungs(s, &json, &err), err);
    assert_contains(json, "\"path\":[{\"resource\":0.3,\"epochs\":2,\"rows\":164},");
    assert_contains(json, "\"size\":1,\"promoted\":0,\"best\":0.5,\"best_trial\":2}");
    hpo_free(json);
    assert_ok(hpo_study_enqueue(s, "{\"x\":0.5}", &n, &err), err); /* all of both */
    assert_fails(
        hpo_study_enqueue(s, "{\"x\":0.5,\"epochs\":9,\"rows\":100}", &n, &err), HPO_EINVAL, err,
        "epochs 9, rows 100: fidelities grow together under scheduler 'asha:min=0.3', and as dear would be "
        "epochs 3, rows 300");
    assert_ok(hpo_study_enqueue(s, "{\"x\":0.6,\"epochs\":3,\"rows\":300}", &n, &err), err);
    assert_ok(hpo_study_ask(s, &t, &err), err);
    assert_true(hpo_trial_x(t)[0] == 0.5 && hpo_trial_x(t)[1] == 9 && hpo_trial_x(t)[2] == 900);
    assert_ok(hpo_trial_report(t, 3, 1, &d, &err), err);
    assert_int_equal(d, HPO_CONTINUE);
    assert_ok(hpo_study_tell_value(s, t, 0.7, &err), err);
    hpo_trial_free(t);
    assert_ok(hpo_study_ask(s, &t, &err), err);
    assert_true(hpo_trial_x(t)[0] == 0.6 && hpo_trial_x(t)[1] == 3 && hpo_trial_x(t)[2] == 300);
    assert_ok(hpo_trial_report(t, 3, 0.6, &d, &err), err);
    assert_int_equal(d, HPO_PAUSE);
    hpo_trial_free(t);
    hpo_study_free(s);
    hpo_space_free(space);
}

/* The same for a population small enough that its members are replaced. */
static void test_clones_anew(void **state)
{
    (void)state;
    static const char spec[] = "pbt:population=3,interval=1,quantile=0.4";
    static played p, q;
    hpo_error err;
    int clones = 0;
    assert_true(play(&p, "random", spec, 0));
    assert_true(play(&q, "random", spec, 1));
    assert_int_equal(p.n_log, q.n_log);
    assert_memory_equal(p.log, q.log, p.n_log * sizeof *p.log);
    check(&p, spec);
    for (int64_t i = 0; i < TRIALS; i++) {
        hpo_trial_info t = {.size = sizeof t};
        hpo_decision_info d = {.size = sizeof d};
        assert_ok(hpo_study_trial(q.study, i, &t, &err), err);
        if (t.parent < 0) continue;
        clones++;
        assert_ok(hpo_study_trial_decision(q.study, i, 0, &d, &err), err);
        assert_string_equal(d.what, "clone");
        assert_non_null(strstr(d.reason, "in place of trial"));
    }
    assert_true(clones >= 4);
    end(&p);
    end(&q);
}

/* A piece of a schedule that is laid into the queue: a clone of a trial that has ended and left its
 * checkpoint. */
static void test_clones_in_the_queue(void **state)
{
    (void)state;
    hpo_error err;
    hpo_space *space;
    hpo_study *s;
    hpo_trial *t;
    hpo_study_options o = hpo_study_options_init();
    int64_t n;
    o.sampler = "random";
    assert_ok(hpo_space_parse("x: 0..1; epochs: fidelity 1..9", &space, &err), err);
    assert_ok(hpo_study_create(NULL, space, &o, &s, &err), err);
    assert_fails(hpo_study_enqueue_clone(s, 0, NULL, NULL, &err), HPO_ENOTFOUND, err, "0");
    assert_fails(hpo_study_enqueue_clone(s, -1, NULL, NULL, &err), HPO_EINVAL, err, "parent is -1");
    for (int k = 0; k < 2; k++) { /* trial 0 leaves no checkpoint, trial 1 does */
        assert_ok(hpo_study_ask(s, &t, &err), err);
        assert_int_equal(hpo_trial_parent(t), -1);
        assert_fails(hpo_study_enqueue_clone(s, k, NULL, NULL, &err), HPO_ESTATE, err,
                     "only a paused or complete");
        double y = 1;
        hpo_result r = hpo_result_init();
        r.values = &y, r.n_values = 1, r.checkpoint = k == 1 ? "/some/where" : NULL;
        assert_ok(hpo_study_tell(s, t, &r, &err), err);
        hpo_trial_free(t);
    }
    assert_fails(hpo_study_enqueue_clone(s, 0, NULL, NULL, &err), HPO_ESTATE, err, "left no checkpoint");
    assert_ok(hpo_study_enqueue_clone(s, 1, "{\"x\":0.25,\"epochs\":4}", &n, &err), err);
    assert_int_equal(n, 2);
    assert_ok(hpo_study_ask(s, &t, &err), err);
    assert_int_equal(hpo_trial_number(t), 2);
    assert_int_equal(hpo_trial_parent(t), 1);
    assert_true(hpo_trial_x(t)[0] == 0.25 && hpo_trial_x(t)[1] == 4);
    hpo_trial_info info = {.size = sizeof info};
    assert_ok(hpo_study_trial(s, 2, &info, &err), err);
    assert_true(info.parent == 1 && strcmp(info.checkpoint, "/some/where") == 0);
    hpo_trial_free(t);
    hpo_study_free(s);
    hpo_space_free(space);
}

/* A value below the maximum ends a piece, whoever tells it: no report was made. */
static void test_told_without_reports(void **state)
{
    (void)state;
    hpo_error err;
    hpo_space *space;
    hpo_study *s;
    hpo_trial *t;
    hpo_study_options o = hpo_study_options_init();
    hpo_trial_info info = {.size = sizeof info};
    o.scheduler = "asha";
    o.sampler = "random";
    assert_ok(hpo_space_parse("x: 0..1; rows: fidelity 1..9", &space, &err), err);
    assert_ok(hpo_study_create(NULL, space, &o, &s, &err), err);
    for (int64_t i = 0; i < 3; i++) {
        assert_ok(hpo_study_ask(s, &t, &err), err);
        assert_ok(hpo_study_tell_value(s, t, (double)(3 - i), &err), err);
        assert_ok(hpo_study_tell_value(s, t, (double)(3 - i), &err), err); /* again: accepted */
        hpo_trial_free(t);
        assert_ok(hpo_study_trial(s, i, &info, &err), err);
        assert_int_equal(info.state, HPO_STATE_PAUSED);
        assert_int_equal(info.n_reports, 1);
    }
    assert_ok(hpo_study_ask(s, &t, &err), err);
    assert_int_equal(hpo_trial_number(t), 2);
    assert_true(hpo_trial_x(t)[1] == 3);
    hpo_decision_info d = {.size = sizeof d};
    assert_ok(hpo_study_trial_decision(s, 2, 3, &d, &err), err);
    assert_string_equal(d.what, "resume");
    assert_string_equal(d.reason, "rank 1 of 3 at rung 1: goes on to 3");
    assert_fails(hpo_study_trial_decision(s, 2, 4, &d, &err), HPO_ENOTFOUND, err, "there is no decision 4");
    hpo_trial_free(t);
    hpo_study_free(s);
    hpo_space_free(space);
}

/* A value told at the maximum is a report as well, for rungs and samplers that read those; not a second one.
 */
static void test_told_in_full(void **state)
{
    (void)state;
    hpo_error err;
    hpo_space *space;
    hpo_study *s;
    hpo_trial *t;
    hpo_decision decision;
    hpo_study_options o = hpo_study_options_init();
    hpo_trial_info info = {.size = sizeof info};
    hpo_report last = {.size = sizeof last};
    o.scheduler = "asha";
    o.sampler = "random";
    assert_ok(hpo_space_parse("x: 0..1; rows: fidelity 1..3", &space, &err), err);
    assert_ok(hpo_study_create(NULL, space, &o, &s, &err), err);
    for (int k = 0; k < 6; k++) { /* trials 0, 1, 2; 2 goes on; 3, which goes on too */
        static const int64_t number[] = {0, 1, 2, 2, 3, 3};
        const double y = 6 - k;
        assert_ok(hpo_study_ask(s, &t, &err), err);
        assert_int_equal(hpo_trial_number(t), number[k]);
        const int reports = k == 5;
        if (reports) assert_ok(hpo_trial_report(t, 3, y, &decision, &err), err);
        if (reports) assert_int_equal(decision, HPO_CONTINUE);
        assert_ok(hpo_study_tell_value(s, t, y, &err), err);
        hpo_trial_free(t);
        assert_ok(hpo_study_trial(s, number[k], &info, &err), err);
        const size_t in_full = k == 3 || k == 5;
        assert_int_equal(info.state, in_full ? HPO_STATE_COMPLETE : HPO_STATE_PAUSED);
        assert_int_equal(info.n_reports, 1 + in_full);
        assert_ok(hpo_study_trial_report(s, number[k], in_full, &last, NULL, &err), err);
        assert_true(last.step == (in_full ? 3 : 1) && last.values[0] == y);
    }
    hpo_study_free(s);
    hpo_space_free(space);
}

/* ---- which level a sampler sees -------------------------------------------------------------------------
 */

/* Draws at random and keeps what it was shown: how many rows, and the thousands of their values. */
static struct {
    size_t n_rows;
    double level;
} shown;

static hpo_status witness_ask(void *state, const hpo_view *view, uint64_t draw, hpo_rng *rng, double *u,
                              hpo_error *err)
{
    (void)state, (void)draw, (void)err;
    shown.n_rows = view->n_done;
    shown.level = view->n_done > 0 ? floor(view->y[0] / 1000) : -1;
    for (size_t i = 1; i < view->n_done; i++)
        assert_true(floor(view->y[i] / 1000) == shown.level); /* never two levels at once */
    for (size_t i = 0; i < view->n_dims; i++)
        u[i] = hpo_rng_uniform(rng);
    return HPO_OK;
}

static hpo_status witness_tell(void *state, const hpo_view *view, size_t row, hpo_error *err)
{
    (void)state, (void)view, (void)row, (void)err;
    return HPO_OK;
}

static const hpo_sampler_ops WITNESS = {.size = sizeof WITNESS,
                                        .name = "test-witness",
                                        .help = "keeps what it is shown",
                                        .reference = "none",
                                        .caps = HPO_CAP_CONTINUOUS | HPO_CAP_DISCRETE | HPO_CAP_HISTORY,
                                        .ask = witness_ask,
                                        .tell = witness_tell};

/* Values are 1000 k at level k and what x adds.  misleads: the lowest level orders trials at random, else all
 * order them by x.  With levels 1, 3, 9, 27, 81 and one parameter four trials are enough; 9 is a ninth of the
 * maximum. */
static void test_low_levels(void **state)
{
    (void)state;
    hpo_error err;
    static int registered;
    if (!registered) assert_ok(hpo_sampler_register(&WITNESS, &err), err);
    registered = 1;
    for (int misleads = 0; misleads < 2; misleads++) {
        hpo_space *space;
        hpo_study *s;
        size_t count[5] = {0}, saw_lowest = 0, saw_second = 0;
        t_rng rng = t_rng_create();
        hpo_study_options o = hpo_study_options_init();
        o.scheduler = "asha";
        o.sampler = "test-witness";
        assert_ok(hpo_space_parse("x: 0..1; epochs: fidelity 1..81", &space, &err), err);
        assert_ok(hpo_study_create(NULL, space, &o, &s, &err), err);
        shown.n_rows = 0;
        for (int i = 0; i < 120; i++) {
            hpo_trial *t;
            size_t k = 0, enough = 5, n_new = count[0];
            assert_ok(hpo_study_ask(s, &t, &err), err);
            for (double at = hpo_trial_x(t)[1]; at > 1; at /= 3)
                k++;
            for (size_t j = 2; j < 5; j++) /* the highest that four trials have reached */
                if (count[j] >= 4) enough = j;
            if (k == 0) { /* a new trial: the witness was asked */
                if (enough < 5) {
                    assert_true(shown.level == (double)enough && shown.n_rows == count[enough]);
                } else if (shown.level >= 0 && shown.level < 2) {
                    saw_lowest += shown.level == 0;
                    saw_second += shown.level == 1;
                    assert_true(count[(size_t)shown.level + 1] >= 5 &&
                                shown.n_rows == count[(size_t)shown.level]);
                } else {
                    assert_true(shown.n_rows == count[2]);
                    assert_true(n_new < 15 || misleads);
                }
            }
            double y = misleads && k == 0 ? t_uniform(&rng) : hpo_trial_x(t)[0];
            assert_ok(hpo_study_tell_value(s, t, 1000 * (double)k + y, &err), err);
            count[k]++;
            hpo_trial_free(t);
        }
        assert_true(count[2] >= 4);
        assert_true(misleads ? saw_lowest == 0 : saw_lowest > 3 && saw_second == 0);
        hpo_study_free(s);
        hpo_space_free(space);
    }
}

/* What converged counts as complete, and may be the best. */
static void test_converged(void **state)
{
    (void)state;
    hpo_error err;
    hpo_space *space;
    hpo_study *s;
    hpo_trial *t;
    hpo_decision d = HPO_CONTINUE;
    hpo_study_options o = hpo_study_options_init();
    hpo_summary sum = {.size = sizeof sum};
    hpo_objective objective = {sizeof objective, "accuracy", HPO_MAXIMIZE};
    o.scheduler = "patience:patience=2";
    o.objectives = &objective;
    o.n_objectives = 1;
    assert_ok(hpo_space_parse("x: 0..1; epochs: fidelity 1..99", &space, &err), err);
    assert_ok(hpo_study_create(NULL, space, &o, &s, &err), err);
    assert_ok(hpo_study_ask(s, &t, &err), err);
    const double y[] = {0.5, 0.7, 0.6, 0.7};
    for (int i = 0; i < 4; i++)
        assert_ok(hpo_trial_report(t, i + 1, y[i], &d, &err), err);
    assert_int_equal(d, HPO_STOP);
    hpo_result r = hpo_result_init();
    r.state = HPO_STATE_STOPPED;
    assert_ok(hpo_study_tell(s, t, &r, &err), err);
    assert_ok(hpo_study_tell(s, t, &r, &err), err);
    hpo_trial_free(t);
    assert_ok(hpo_study_summary(s, &sum, &err), err);
    assert_int_equal(sum.n_by_state[HPO_STATE_COMPLETE], 1);
    assert_true(sum.best_value == 0.7);
    hpo_study_free(s);
    hpo_space_free(space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_pair),          cmocka_unit_test(test_beginnings),
        cmocka_unit_test(test_anew_at_every_call),  cmocka_unit_test(test_clones_anew),
        cmocka_unit_test(test_clones_in_the_queue), cmocka_unit_test(test_told_without_reports),
        cmocka_unit_test(test_told_in_full),        cmocka_unit_test(test_low_levels),
        cmocka_unit_test(test_converged),           cmocka_unit_test(test_two_axes),
        cmocka_unit_test(test_two_axes_by_hand),    cmocka_unit_test(test_chosen_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
