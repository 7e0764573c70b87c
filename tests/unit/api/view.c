/* SPDX-License-Identifier: Apache-2.0 */
/* What a history-based sampler and a scheduler are shown: content, order, orientation, and that a replay from
 * the storage shows the same. */
#include "fixture.h"
#include "probe.h"
#include "storage/registry.h"

/* A sampler that keeps a copy of the last view. */
static struct {
    hpo_view v;
    double u[64], y[64], sem[64], outcome[64], gradient[64], u_pending[64], value[64];
    int64_t number[64], pending[64], trial[64];
    uint8_t state[64];
} seen;

static hpo_status keep_ask(void *state, const hpo_view *v, uint64_t draw, hpo_rng *rng, double *u_out,
                           hpo_error *err)
{
    (void)state, (void)draw, (void)err;
    seen.v = *v;
#define KEEP(to, from, n)                                                                                    \
    if ((n) > 0 && v->from != NULL) memcpy(seen.to, v->from, (n) * sizeof *v->from)
    KEEP(u, u, v->n_done * v->n_dims);
    KEEP(y, y, v->n_done * v->n_objectives);
    KEEP(sem, sem, v->n_done * v->n_objectives);
    KEEP(outcome, outcome, v->n_done * v->n_outcomes);
    KEEP(gradient, gradient, v->n_done * v->n_dims);
    KEEP(number, number, v->n_done);
    KEEP(state, state, v->n_done);
    KEEP(u_pending, u_pending, v->n_pending * v->n_dims);
    KEEP(pending, number_pending, v->n_pending);
    KEEP(trial, report_trial, v->n_reports);
    KEEP(value, report_value, v->n_reports * v->n_objectives);
#undef KEEP
    for (size_t i = 0; i < v->n_dims; i++)
        u_out[i] = hpo_rng_uniform(rng);
    return HPO_OK;
}

static const hpo_sampler_ops KEEP = {.size = sizeof KEEP,
                                     .name = "keep",
                                     .help = "Keeps what it is shown.",
                                     .reference = "none",
                                     .caps = 0x1FFu,
                                     .state_size = 1,
                                     .ask = keep_ask};

static void contents_of_the_view(const char *url)
{
    fixture f;
    hpo_objective up = {sizeof up, "accuracy", HPO_MAXIMIZE};
    hpo_outcome outcome = {sizeof outcome, "memory", 4};
    hpo_study_options o = hpo_study_options_init();
    o.objectives = &up;
    o.n_objectives = 1;
    o.outcomes = &outcome;
    o.n_outcomes = 1;
    o.sampler = "keep";
    fixture_open(&f, url, "x: 0..2; c: a,b; z: 0..1 if c == b", &o);
    hpo_trial *t[5];
    for (int i = 0; i < 5; i++)
        t[i] = fixture_ask(&f);
    assert_int_equal(seen.v.n_done, 0);
    assert_int_equal(seen.v.n_pending, 4);
    assert_ok(hpo_trial_report(t[3], 1, 0.5, NULL, &f.err), f.err);
    /* told: 2 (complete), 0 (failed), 3 (stopped: its report counts) */
    double y = 0.75, sem = 0.1, used = 5;
    hpo_result r = hpo_result_init();
    r.values = &y;
    r.n_values = 1;
    r.sems = &sem;
    r.outcomes = &used;
    r.n_outcomes = 1;
    assert_ok(hpo_study_tell(f.s, t[2], &r, &f.err), f.err);
    hpo_result failed = hpo_result_init();
    failed.state = HPO_STATE_FAILED;
    assert_ok(hpo_study_tell(f.s, t[0], &failed, &f.err), f.err);
    hpo_result stopped = hpo_result_init();
    stopped.state = HPO_STATE_STOPPED;
    assert_ok(hpo_study_tell(f.s, t[3], &stopped, &f.err), f.err);
    hpo_trial *last = fixture_ask(&f);
    assert_int_equal(seen.v.n_dims, 3);
    assert_int_equal(seen.v.n_done, 3);
    static const int64_t numbers[] = {2, 0, 3}, pending[] = {1, 4};
    static const uint8_t states[] = {HPO_STATE_COMPLETE, HPO_STATE_FAILED, HPO_STATE_STOPPED};
    const double want_y[] = {-0.75, (double)NAN, -0.5}, want_c[] = {1, (double)NAN, (double)NAN};
    assert_memory_equal(seen.number, numbers, sizeof numbers);
    assert_memory_equal(seen.state, states, sizeof states);
    assert_same_doubles(seen.y, want_y, 3);
    assert_same_doubles(seen.outcome, want_c, 3);
    assert_near(seen.sem[0], 0.1, 0, 0);
    assert_null(seen.v.gradient);
    assert_int_equal(seen.v.n_pending, 2);
    assert_memory_equal(seen.pending, pending, sizeof pending);
    assert_int_equal(seen.v.n_reports, 1);
    assert_int_equal(seen.trial[0], 3);
    assert_near(seen.value[0], -0.5, 0, 0);
    for (int i = 0; i < 3; i++) {
        double u[3];
        hpo_space_encode(f.s->space, t[numbers[i]]->x, u);
        assert_same_doubles(seen.u + 3 * i, u, 3);
    }
    hpo_trial_free(last);
    for (int i = 0; i < 5; i++)
        hpo_trial_free(t[i]);
    fixture_close(&f);
}
ON_EACH_STORAGE(contents_of_the_view)

/* d y / d u against a difference quotient of y(decode(u)), y = sum of w_i x_i. */
static void test_gradients_per_coordinate(void **state)
{
    (void)state;
    fixture f;
    hpo_study_options o = hpo_study_options_init();
    o.sampler = "keep";
    fixture_open(&f, "mem:",
                 "a: -3..5; b: log 1e-3..10; r: revlog 0.5..0.999; l: logit 0.01..0.9; i: int 1..9; "
                 "s: 0..1 step 0.1; c: p,q; d: 0..a if a > -100",
                 &o);
    hpo_trial *t = fixture_ask(&f);
    double g[8] = {1, -2, 3, 4, 5, 6, 7, -8}, y = 1, u[8], x[8];
    hpo_result r = hpo_result_init();
    r.values = &y;
    r.n_values = 1;
    r.gradient = g;
    assert_int_equal(hpo_space_n_columns(f.space), 8);
    assert_ok(hpo_study_tell(f.s, t, &r, &f.err), f.err);
    hpo_trial *next = fixture_ask(&f);
    assert_non_null(seen.v.gradient);
    hpo_space_encode(f.s->space, t->x, u);
    for (size_t k = 0; k < 8; k++) {
        if (k >= 4 && k <= 6) {
            assert_true(isnan(seen.gradient[k]));
            continue;
        }
        if (isnan(t->x[k])) continue;
        double h = 1e-3, up[8], low;
        memcpy(up, u, sizeof u);
        up[k] = u[k] + h;
        hpo_space_decode(f.s->space, up, x);
        double high = x[k];
        up[k] = u[k] - h;
        hpo_space_decode(f.s->space, up, x);
        low = x[k];
        assert_near(seen.gradient[k], g[k] * (high - low) / (2 * h), 1e-3, 0);
    }
    hpo_trial_free(t);
    hpo_trial_free(next);
    fixture_close(&f);
}

/* ---- folds ---- */

/* Some life: asks, reports, tells out of order, failures, attributes (which change a record after it was
 * told), requeues, give-backs.  The same for the same seed. */
static void live(fixture *f, hpo_study *s, t_rng *rng, int steps, uint64_t *hash)
{
    hpo_trial *held[4] = {0};
    hpo_result r = hpo_result_init();
    for (int i = 0; i < steps; i++) {
        int k = (int)t_int(rng, 0, 3), what = (int)t_int(rng, 0, 9);
        if (held[k] == NULL) {
            assert_ok(hpo_study_ask(s, &held[k], &f->err), f->err);
            *hash = probe_mix_doubles(*hash, held[k]->x, hpo_space_n_columns(s->space));
            *hash = probe_mix(*hash, &held[k]->number, sizeof held[k]->number);
            continue;
        }
        int64_t number = held[k]->number;
        double y = t_uniform(rng);
        if (what < 3) {
            assert_ok(hpo_trial_report(held[k], i, y, NULL, &f->err), f->err);
            continue;
        }
        r.state = what == 3 ? HPO_STATE_FAILED : what == 4 ? HPO_STATE_STOPPED : HPO_STATE_COMPLETE;
        if (what == 5) r.state = HPO_STATE_WAITING;
        r.values = &y;
        r.n_values = 1;
        assert_ok(hpo_study_tell(s, held[k], &r, &f->err), f->err);
        /* Later changes of earlier trials: one that is no result, and one that takes a result back. */
        int64_t earlier = t_int(rng, 0, number);
        if (what >= 6) assert_ok(hpo_study_set_attr(s, earlier, "k", "1", &f->err), f->err);
        hpo_state state = fixture_trial(f, earlier).state;
        if (what == 9 && (state == HPO_STATE_FAILED || state == HPO_STATE_STOPPED))
            assert_ok(hpo_study_requeue(s, earlier, &f->err), f->err);
        hpo_trial_free(held[k]);
        held[k] = NULL;
    }
    for (int k = 0; k < 4; k++)
        hpo_trial_free(held[k]);
}

/* A handle that has followed the whole study and one opened now suggest the same: the view and the sampler's
 * state are functions of what is stored, and ask has changed nothing. */
static void contract_2_state_is_a_fold(const char *url)
{
    t_rng rng = t_rng_create();
    for (size_t round = 0; round < t_rounds(20); round++) {
        fixture f;
        uint64_t hash = 0;
        hpo_study_options o = hpo_study_options_init();
        o.sampler = "probe";
        o.scheduler = "chronicle";
        o.seed = round;
        fixture_open(&f, url, "x: 0..1; n: int 1..100000", &o);
        live(&f, f.s, &rng, 60, &hash);
        hpo_study *fresh;
        assert_ok(hpo_study_open(f.st, NULL, &fresh, &f.err), f.err);
        hpo_study_header h;
        assert_ok(f.s->ops->read_header(f.s->store, f.s->id, &h, &f.err), f.err);
        assert_ok(hpo_view__sync(f.s, h.seq, &f.err), f.err);
        assert_ok(hpo_view__sync(fresh, h.seq - 5, &f.err),
                  f.err); /* a bound that others have passed since */
        assert_ok(hpo_view__sync(fresh, h.seq, &f.err), f.err);
        for (uint64_t draw = 100; draw < 103; draw++) {
            double a[2], b[2], c[2];
            hpo_rng r1, r2, r3;
            hpo_rng_init(&r1, 1, draw, 1000);
            r2 = r3 = r1;
            assert_ok(probe_ask(f.s->sampler.state, &f.s->view.v, draw, &r1, a, &f.err), f.err);
            assert_ok(probe_ask(fresh->sampler.state, &fresh->view.v, draw, &r2, b, &f.err), f.err);
            assert_ok(probe_ask(f.s->sampler.state, &f.s->view.v, draw, &r3, c, &f.err), f.err);
            assert_same_doubles(a, b, 2);
            assert_same_doubles(a, c, 2);
        }
        assert_true(chronicle_of(f.s) == chronicle_of(fresh));
        hpo_study_free(fresh);
        fixture_close(&f);
    }
}
ON_EACH_STORAGE(contract_2_state_is_a_fold)

/* Every event takes the next number, and a record carries the number of its last change. */
static void contract_3_one_clock(const char *url)
{
    fixture f;
    hpo_study_options o = hpo_study_options_init();
    o.sampler = "probe";
    fixture_open(&f, url, "x: 0..1", &o);
    int64_t want = 0;
    hpo_trial *t = fixture_ask(&f);
    assert_int_equal(fixture_summary(&f).seq, ++want);
    assert_int_equal(fixture_trial(&f, 0).seq_from, 0);
    assert_int_equal(fixture_trial(&f, 0).seq_ask, 1);
    assert_ok(hpo_trial_report(t, 1, 1, NULL, &f.err), f.err);
    assert_int_equal(fixture_summary(&f).seq, ++want);
    assert_ok(hpo_study_tell_value(f.s, t, 1, &f.err), f.err);
    assert_int_equal(fixture_summary(&f).seq, ++want);
    assert_int_equal(fixture_trial(&f, 0).seq_tell, 3);
    hpo_trial *u = fixture_ask(&f);
    assert_int_equal(fixture_summary(&f).seq, ++want);
    assert_int_equal(fixture_trial(&f, 1).seq_from, 3);
    assert_ok(hpo_study_request_stop(f.s, 1, &f.err), f.err);
    assert_int_equal(fixture_summary(&f).seq, ++want);
    assert_ok(hpo_study_requeue(f.s, 1, &f.err), f.err);
    assert_int_equal(fixture_summary(&f).seq, ++want);
    assert_ok(hpo_study_set_attr(f.s, 0, "a", "1", &f.err), f.err);
    assert_int_equal(fixture_summary(&f).seq, ++want);
    assert_ok(hpo_study_enqueue(f.s, NULL, NULL, &f.err), f.err);
    assert_int_equal(fixture_summary(&f).seq, ++want);
    assert_ok(hpo_study_pause(f.s, &f.err), f.err);
    assert_int_equal(fixture_summary(&f).seq, ++want);
    int64_t changed = 0;
    assert_ok(hpo_study_sync(f.s, NULL, &f.err), f.err);
    assert_ok(hpo_study_sync(f.s, &changed, &f.err), f.err);
    assert_int_equal(changed, 0);
    hpo_trial_free(t);
    hpo_trial_free(u);
    fixture_close(&f);
}
ON_EACH_STORAGE(contract_3_one_clock)

/* ---- work is proportional to what is new ---- */

/* The memory storage without its columns on show, counting what is read from it. */
static struct {
    hpo_storage_ops ops;
    const hpo_reader *reader;
    size_t rows;
} counting;

static hpo_status count_trial(void *ctx, const hpo_trial_record *t)
{
    (void)ctx;
    counting.rows++;
    return counting.reader->trial(counting.reader->ctx, t);
}

static hpo_status count_report(void *ctx, const hpo_report_record *r)
{
    (void)ctx;
    counting.rows++;
    return counting.reader->report(counting.reader->ctx, r);
}

static hpo_status count_read_since(void *self, int64_t study, int64_t seq, const hpo_reader *reader,
                                   hpo_error *err)
{
    hpo_reader own = {count_trial, reader->report != NULL ? count_report : NULL, NULL};
    counting.reader = reader;
    return hpo_storage_mem.read_since(self, study, seq, &own, err);
}

static size_t rows_read(const char *sampler, int n)
{
    fixture f;
    hpo_study_options o = hpo_study_options_init();
    o.sampler = sampler;
    counting.rows = 0;
    fixture_open(&f, "counting:", "x: 0..1", &o);
    for (int i = 0; i < n; i++) {
        hpo_trial *t = fixture_ask(&f);
        assert_ok(hpo_trial_report(t, 1, 1, NULL, &f.err), f.err);
        fixture_tell(&f, t, i);
    }
    fixture_summary(&f);
    fixture_close(&f);
    return counting.rows;
}

/* A sampler that reads no history makes the study read none; for the others each event is read once or twice:
 * a trial as it starts and as it ends, and its report. */
static void test_contract_3_reads_only_what_is_new(void **state)
{
    (void)state;
    assert_int_equal(rows_read("random", 500), 0);
    assert_int_equal(rows_read("sobol", 500), 0);
    size_t rows = rows_read("probe", 500);
    assert_in_range(rows, 900, 1500);
}

/* Without a sync each look is fresh and reads one trial; after it all looks show one picture, except for what
 * is newer; and the best is always the best of now, in a state that says so. */
static void looks_are_fresh_or_one_picture(const char *url)
{
    fixture f;
    hpo_trial_info i = {.size = sizeof i};
    hpo_report r = hpo_report_init();
    int64_t best = -1;
    size_t n = 0;
    counting.rows = 0;
    fixture_open(&f, url, "x: 0..1", NULL);
    hpo_trial *t = fixture_ask(&f), *u = fixture_ask(&f);
    int peek = url != NULL && strcmp(url, "mem:") == 0; /* its columns are the picture */
    assert_ok(hpo_study_trial(f.s, 1, &i, &f.err), f.err);
    assert_int_equal(i.number, 1);
    assert_int_equal(i.state, HPO_STATE_RUNNING);
    assert_int_equal(i.n_reports, 0);
    assert_same_doubles(i.x, hpo_trial_x(u), 1);
    for (int k = 0; k < 3; k++)
        assert_ok(hpo_trial_report(u, k, 10 + k, NULL, &f.err), f.err);
    assert_ok(hpo_study_trial_report(f.s, 1, 1, &r, NULL, &f.err),
              f.err); /* more than when it was looked at */
    assert_near(r.values[0], 11, 0, 0);
    assert_fails(hpo_study_trial_report(f.s, 1, 3, &r, NULL, &f.err), HPO_ENOTFOUND, f.err, "3 reports");
    assert_fails(hpo_study_trial(f.s, 2, &i, &f.err), HPO_ENOTFOUND, f.err, "no trial 2");
    assert_fails(hpo_study_trial(f.s, -1, &i, &f.err), HPO_ENOTFOUND, f.err, "no trial -1");
    assert_ok(hpo_study_tell_value(f.s, t, 5, &f.err), f.err);
    assert_ok(hpo_study_best(f.s, &best, 1, &n, &f.err), f.err);
    assert_ok(hpo_study_trial(f.s, best, &i, &f.err), f.err);
    assert_int_equal(i.state, HPO_STATE_COMPLETE);
    assert_near(i.values[0], 5, 0, 0);
    assert_int_equal(counting.rows, 0); /* of changes */

    assert_ok(hpo_study_sync(f.s, NULL, &f.err), f.err);
    assert_ok(hpo_study_tell_value(f.s, u, 4, &f.err), f.err);
    assert_ok(hpo_study_trial(f.s, 1, &i, &f.err), f.err);
    assert_int_equal(i.state, peek ? HPO_STATE_COMPLETE : HPO_STATE_RUNNING);
    assert_int_equal(i.n_reports, 3);
    hpo_trial *v = fixture_ask(&f);
    assert_ok(hpo_study_trial(f.s, 2, &i, &f.err), f.err);
    assert_int_equal(i.state, HPO_STATE_RUNNING);
    assert_ok(hpo_study_best(f.s, &best, 1, &n, &f.err), f.err);
    assert_int_equal(best, 1);
    assert_ok(hpo_study_trial(f.s, 1, &i, &f.err), f.err);
    assert_int_equal(i.state, HPO_STATE_COMPLETE);
    hpo_trial_free(t);
    hpo_trial_free(u);
    hpo_trial_free(v);
    fixture_close(&f);
}

static void test_looks(void **state)
{
    (void)state;
    looks_are_fresh_or_one_picture("mem:");
    looks_are_fresh_or_one_picture("counting:");
    looks_are_fresh_or_one_picture(NULL);
}

/* ---- schedulers ---- */

/* Stops a trial whose report is not better than the best report so far; pauses at step 5 and resumes at 81.
 */
typedef struct strict_state {
    double best;
    int any;
    int64_t paused;
    uint64_t hash;
} strict_state;

static hpo_status strict_report(void *state, const hpo_sched_report *r, hpo_sched_answer *out, hpo_error *err)
{
    strict_state *s = state;
    (void)err;
    out->decision = s->any && r->y[0] > s->best ? HPO_STOP : HPO_CONTINUE;
    if (r->step == 5) out->decision = HPO_PAUSE;
    if (!s->any || r->y[0] < s->best) s->best = r->y[0];
    s->any = 1;
    s->hash = probe_mix(s->hash, &r->trial, sizeof r->trial);
    s->hash = probe_mix_doubles(s->hash, &r->step, 1);
    s->hash = probe_mix_doubles(s->hash, r->y, r->n_objectives);
    return HPO_OK;
}

static hpo_status strict_tell(void *state, int64_t trial, hpo_state end, const double *y, hpo_error *err)
{
    strict_state *s = state;
    int32_t e = (int32_t)end;
    (void)err;
    s->hash = probe_mix(s->hash, &trial, sizeof trial);
    s->hash = probe_mix(s->hash, &e, sizeof e);
    s->hash = probe_mix_doubles(s->hash, y, y != NULL);
    s->paused = end == HPO_STATE_PAUSED ? trial + 1 : s->paused == trial + 1 ? 0 : s->paused;
    return HPO_OK;
}

static hpo_status strict_start(void *state, const hpo_sched_start *e, hpo_error *err)
{
    strict_state *s = state;
    (void)err;
    s->hash = probe_mix(s->hash, &e->trial, sizeof e->trial);
    s->hash = probe_mix_doubles(s->hash, &e->resource, 1);
    if (s->paused == e->trial + 1) s->paused = 0;
    return HPO_OK;
}

static hpo_status strict_next(void *state, const hpo_sched_ask *ask, hpo_action *out, hpo_error *err)
{
    const strict_state *s = state;
    (void)ask, (void)err;
    out->resource = s->paused > 0 ? 81 : 9;
    if (s->paused > 0) out->kind = HPO_ACT_RESUME;
    out->trial = s->paused - 1;
    return HPO_OK;
}

static const hpo_scheduler_ops STRICT = {.size = sizeof STRICT,
                                         .name = "strict",
                                         .help = "Stops whatever is not the best so far.",
                                         .reference = "none",
                                         .caps = HPO_SCHED_NEEDS_FIDELITY | HPO_SCHED_PAUSES,
                                         .state_size = sizeof(strict_state),
                                         .start = strict_start,
                                         .report = strict_report,
                                         .tell = strict_tell,
                                         .next = strict_next};

static void scheduler_stops_pauses_and_resumes(const char *url)
{
    fixture f;
    hpo_study_options o = hpo_study_options_init();
    o.scheduler = "strict";
    o.budget.trials = 2;
    fixture_open(&f, url, "x: 0..1; e: fidelity 1..81", &o);
    hpo_decision d;
    hpo_trial *a = fixture_ask(&f), *b = fixture_ask(&f);
    assert_near(hpo_trial_float(a, "e"), 9, 0, 0);
    assert_ok(hpo_trial_report(a, 1, 0.5, &d, &f.err), f.err);
    assert_int_equal(d, HPO_CONTINUE);
    assert_ok(hpo_trial_report(b, 1, 0.6, &d, &f.err), f.err);
    assert_int_equal(d, HPO_STOP);
    assert_ok(hpo_study_renew(f.s, b, &d, &f.err), f.err);
    assert_int_equal(d, HPO_STOP); /* whoever looks again gets the same answer */
    assert_ok(hpo_trial_report(a, 5, 0.4, &d, &f.err), f.err);
    assert_int_equal(d, HPO_PAUSE);
    hpo_trial *none;
    assert_status(hpo_study_ask(f.s, &none, &f.err), HPO_WAIT); /* it is not paused yet */
    hpo_result r = hpo_result_init();
    r.state = HPO_STATE_PAUSED;
    r.checkpoint = "a.ckpt";
    assert_ok(hpo_study_tell(f.s, a, &r, &f.err), f.err);
    hpo_trial *again = fixture_ask(&f); /* the budget of trials is spent, but this is no new one */
    assert_int_equal(again->number, a->number);
    assert_int_equal(again->attempt, 2);
    assert_near(hpo_trial_float(again, "e"), 81, 0, 0);
    assert_string_equal(fixture_trial(&f, 0).checkpoint, "a.ckpt");
    assert_fails(hpo_study_tell_value(f.s, a, 1, &f.err), HPO_ESTALE, f.err, NULL);
    fixture_tell(&f, again, 0.3);
    r.state = HPO_STATE_STOPPED;
    assert_ok(hpo_study_tell(f.s, b, &r, &f.err), f.err);
    assert_status(hpo_study_ask(f.s, &none, &f.err), HPO_DONE);
    /* A second handle replays to the same state. */
    hpo_study *fresh;
    hpo_study_header h;
    assert_ok(hpo_study_open(f.st, NULL, &fresh, &f.err), f.err);
    assert_ok(hpo_study__begin(f.s, &h, &f.err), f.err);
    assert_ok(hpo_fold__sync(f.s, &h, &f.err), f.err);
    f.s->ops->rollback(f.s->store, f.s->id);
    assert_ok(hpo_study__begin(fresh, &h, &f.err), f.err);
    assert_ok(hpo_fold__sync(fresh, &h, &f.err), f.err);
    fresh->ops->rollback(fresh->store, fresh->id);
    const strict_state *p = f.s->scheduler.state, *q = fresh->scheduler.state;
    assert_true(p->hash == q->hash);
    assert_near(p->best, q->best, 0, 0);
    hpo_study_free(fresh);
    hpo_trial_free(a);
    hpo_trial_free(b);
    fixture_close(&f);
}
ON_EACH_STORAGE(scheduler_stops_pauses_and_resumes)

static void test_lag_refuses_schedulers(void **state)
{
    (void)state;
    hpo_error err;
    hpo_space *space;
    hpo_study *s;
    hpo_study_options o = hpo_study_options_init();
    o.scheduler = "strict";
    o.lag = 4;
    assert_ok(hpo_space_parse("x: 0..1; e: fidelity 1..81", &space, &err), err);
    assert_fails(hpo_study_create(NULL, space, &o, &s, &err), HPO_EUNSUPPORTED, err, "scheduler 'none'");
    hpo_space_free(space);
}

static int setup(void **state)
{
    hpo_error err;
    (void)state;
    probe_register();
    counting.ops = hpo_storage_mem;
    counting.ops.scheme = "counting";
    counting.ops.read_since = count_read_since;
    counting.ops.peek = NULL;
    assert_ok(hpo_storage_register(&counting.ops, &err), err);
    assert_ok(hpo_sampler_register(&KEEP, &err), err);
    assert_ok(hpo_scheduler_register(&STRICT, &err), err);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contents_of_the_view),
        cmocka_unit_test(test_gradients_per_coordinate),
        cmocka_unit_test(test_contract_2_state_is_a_fold),
        cmocka_unit_test(test_contract_3_one_clock),
        cmocka_unit_test(test_contract_3_reads_only_what_is_new),
        cmocka_unit_test(test_looks),
        cmocka_unit_test(test_scheduler_stops_pauses_and_resumes),
        cmocka_unit_test(test_lag_refuses_schedulers),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
