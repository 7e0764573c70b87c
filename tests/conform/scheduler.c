/* SPDX-License-Identifier: Apache-2.0 */
/* One suite for every registered scheduler: the built-in ones and a third-party one that is registered here.
 */
#include "hpo/scheduler.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/options.h"
#include "scheduler/registry.h"
#include "t.h"

enum { TRIALS = 40, STEPS = 27, WORKERS = 3, SEED = 5 };

/* ---- a third party's scheduler: stops what is worse than a bound after a grace period --------------- */

typedef struct bound_config {
    double bound;
    int64_t grace;
} bound_config;
typedef struct bound_state {
    bound_config c;
    int64_t *stopped; /* how many so far, to have memory to lose */
} bound_state;

static const hpo_option bound_options[] = {
    {"bound", "stop what is worse", HPO_OPT_REAL, offsetof(bound_config, bound), 5, -100, 100, NULL},
    {"grace", "steps before anything is stopped", HPO_OPT_INT, offsetof(bound_config, grace), 3, 0, 100,
     NULL},
};

static hpo_status bound_init(void *state, const void *config, const hpo_sched_problem *problem,
                             hpo_error *err)
{
    (void)problem;
    bound_state *s = state;
    s->c = *(const bound_config *)config;
    s->stopped = hpo_calloc(1, sizeof *s->stopped);
    return s->stopped != NULL ? HPO_OK : hpo_fail_memory(err);
}

static hpo_status bound_report(void *state, const hpo_sched_report *r, hpo_sched_answer *out, hpo_error *err)
{
    (void)err;
    bound_state *s = state;
    out->decision = r->step > (double)s->c.grace && r->y[0] > s->c.bound ? HPO_STOP : HPO_CONTINUE;
    *s->stopped += out->decision == HPO_STOP;
    return HPO_OK;
}

static void bound_fini(void *state)
{
    hpo_free(((bound_state *)state)->stopped);
}

static const hpo_scheduler_ops bound = {
    .size = sizeof(hpo_scheduler_ops),
    .name = "test-bound",
    .help = "Stops what is worse than a bound, for tests.",
    .reference = "tests/conform/scheduler.c",
    .caps = HPO_SCHED_NEEDS_FIDELITY,
    .options = bound_options,
    .n_options = 2,
    .config_size = sizeof(bound_config),
    .state_size = sizeof(bound_state),
    .init = bound_init,
    .report = bound_report,
    .fini = bound_fini,
};

static hpo_space *make_space(int fidelity)
{
    hpo_error err;
    hpo_space *s;
    assert_ok(hpo_space_parse(fidelity ? "x: 0..1; epochs: fidelity 1..27" : "x: 0..1", &s, &err), err);
    assert_ok(hpo_space_freeze(s, &err), err);
    return s;
}

static double curve(int64_t trial, double step)
{
    return (double)(trial * 5 % TRIALS) + 3 / step;
}

#define EACH_SCHEDULER(ops, i)                                                                               \
    size_t i = 0;                                                                                            \
    (ops = hpo_scheduler_at(i)) != NULL;                                                                     \
    i++

static void test_describes_itself(void **state)
{
    (void)state;
    const hpo_scheduler_ops *ops;
    size_t n = 0;
    for (EACH_SCHEDULER(ops, i)) {
        hpo_error err;
        n++;
        assert_ptr_equal(hpo_scheduler_find(ops->name), ops);
        assert_non_null(ops->report);
        assert_true(strlen(ops->help) > 20 && ops->help[strlen(ops->help) - 1] == '.');
        assert_true(strlen(ops->reference) > 8);
        assert_ok(hpo_options_check(ops->options, ops->n_options, ops->name, ops->config_size, &err), err);
        for (uint32_t bit = 1; bit != 0; bit <<= 1)
            assert_true((ops->caps & bit) == 0 || hpo_scheduler_cap_name(bit) != NULL);
    }
    assert_true(n >= 2);
    assert_non_null(hpo_scheduler_find(HPO_DEFAULT_SCHEDULER));
    assert_non_null(hpo_scheduler_find(HPO_NO_SCHEDULER));
    for (uint32_t bit = HPO_SCHED_NEEDS_FIDELITY; bit <= HPO_SCHED_ALONG; bit <<= 1)
        assert_non_null(hpo_scheduler_cap_name(bit));
    assert_null(hpo_scheduler_cap_name(1u << 31));
}

/* What a study tells a scheduler, with WORKERS workers that make one step each in turn. */
typedef struct played {
    int64_t limit; /* trials */
    double reached[TRIALS], target[TRIALS];
    int state[TRIALS];
    int64_t n, at[WORKERS]; /* the trial that a worker has, -1: none */
    double spent;
    int n_new, n_resumed, n_complete;
} played;

static const double one = 1;

static hpo_sched_problem problem_of(const hpo_space *space, size_t n_objectives, int fidelity)
{
    return (hpo_sched_problem){.space = space,
                               .n_objectives = n_objectives,
                               .sign = &one,
                               .seed = SEED,
                               .low = fidelity ? 1 : (double)NAN,
                               .high = fidelity ? STEPS : (double)NAN,
                               .whole = 1};
}

static hpo_status ask(hpo_scheduler *s, played *p, size_t worker, int *log, size_t *k, hpo_error *err)
{
    double u[2] = {0.5, 0.5};
    uint32_t caps = s->ops->caps;
    int64_t running = 0;
    for (size_t w = 0; w < WORKERS; w++)
        running += p->at[w] >= 0;
    hpo_action a = {.kind = HPO_ACT_NEW, .trial = -1, .resource = (double)NAN, .u = u};
    const hpo_sched_ask q = {.draw = (uint64_t)p->n,
                             .number = p->n,
                             .may_create = p->n < p->limit,
                             .n_running = running,
                             .planned = p->limit};
    if (s->ops->next != NULL) {
        hpo_action again = a;
        hpo_status rc = s->ops->next(s->state, &q, &a, err);
        if (rc < 0) return rc;
        rc = s->ops->next(s->state, &q, &again, err); /* asking changes nothing */
        if (rc < 0) return rc;
        assert_true(a.kind == again.kind && a.trial == again.trial);
    }
    assert_true(a.kind >= HPO_ACT_NEW && a.kind <= HPO_ACT_WAIT);
    assert_true(a.kind != HPO_ACT_CLONE || (caps & HPO_SCHED_CLONES) != 0);
    assert_true(a.kind != HPO_ACT_RESUME || (caps & HPO_SCHED_PAUSES) != 0);
    assert_true(a.kind != HPO_ACT_WAIT || running > 0);
    log[(*k)++] = 100 + (int)a.kind;
    if (a.kind == HPO_ACT_WAIT || (a.kind != HPO_ACT_RESUME && p->n >= p->limit)) return HPO_OK;
    int64_t trial = a.kind == HPO_ACT_RESUME ? a.trial : p->n++;
    double resource = isnan(a.resource) ? STEPS : a.resource;
    assert_true(trial >= 0 && trial < p->n && resource <= STEPS && resource >= 1);
    if (a.kind == HPO_ACT_RESUME) {
        assert_int_equal(p->state[trial], HPO_STATE_PAUSED);
        assert_true(resource > p->reached[trial]); /* nothing is trained twice */
        p->n_resumed++;
    } else {
        p->reached[trial] = a.kind == HPO_ACT_CLONE ? p->reached[a.trial] : 0;
        p->n_new++;
    }
    p->state[trial] = HPO_STATE_RUNNING;
    p->target[trial] = resource;
    p->at[worker] = trial;
    const hpo_sched_start e = {.kind = a.kind,
                               .trial = trial,
                               .parent = a.kind == HPO_ACT_CLONE ? a.trial : -1,
                               .resource = resource,
                               .u = (caps & HPO_SCHED_POINTS) != 0 ? u : NULL};
    return s->ops->start == NULL ? HPO_OK : s->ops->start(s->state, &e, err);
}

static hpo_status step(hpo_scheduler *s, played *p, size_t worker, int *log, size_t *k, hpo_error *err)
{
    int64_t trial = p->at[worker];
    double at = p->reached[trial] += 1, y = curve(trial, at);
    p->spent++;
    const hpo_sched_report r = {
        .trial = trial, .step = at, .y = &y, .n_objectives = 1, .fold = -1, .cost = 1};
    hpo_sched_answer d = {0};
    HPO_TRY(s->ops->report(s->state, &r, &d, err));
    if (at >= STEPS) d.decision = HPO_CONTINUE;
    assert_true(d.decision == HPO_CONTINUE || d.decision == HPO_STOP ||
                (d.decision == HPO_PAUSE && (s->ops->caps & HPO_SCHED_PAUSES) != 0));
    if (d.decision != HPO_CONTINUE) assert_true(s->ops == &bound || strlen(d.reason) > 10);
    log[(*k)++] = (int)d.decision;
    if (d.decision == HPO_CONTINUE && at < p->target[trial]) return HPO_OK;
    p->state[trial] = d.decision == HPO_PAUSE  ? HPO_STATE_PAUSED
                      : d.decision == HPO_STOP ? HPO_STATE_STOPPED
                                               : HPO_STATE_COMPLETE;
    p->n_complete += p->state[trial] == HPO_STATE_COMPLETE;
    p->at[worker] = -1;
    const double *told = p->state[trial] == HPO_STATE_PAUSED ? NULL : &y;
    return s->ops->tell == NULL ? HPO_OK
                                : s->ops->tell(s->state, trial, (hpo_state)p->state[trial], told, err);
}

enum { LOG_MAX = 2 * TRIALS * STEPS + WORKERS * TRIALS * STEPS + 8 };

/* Plays a study to its end and notes each decision and action. */
static hpo_status play(hpo_scheduler *s, played *p, int64_t limit, int *log, hpo_error *err)
{
    size_t k = 0;
    *p = (played){.limit = limit};
    for (size_t w = 0; w < WORKERS; w++)
        p->at[w] = -1;
    for (int busy = 1; busy;) {
        busy = 0;
        for (size_t w = 0; w < WORKERS; w++) {
            assert_true(k + 2 < LOG_MAX);
            if (p->at[w] < 0) HPO_TRY(ask(s, p, w, log, &k, err));
            if (p->at[w] < 0) continue;
            busy = 1;
            HPO_TRY(step(s, p, w, log, &k, err));
        }
    }
    log[k] = -1;
    return HPO_OK;
}

static void check_describe(const hpo_scheduler *s)
{
    static char buf[1 << 16];
    hpo_error err;
    size_t n = 0;
    if (s->ops->describe == NULL) return;
    assert_ok(s->ops->describe(s->state, buf, sizeof buf - 1, &n, &err), err);
    assert_true(n < sizeof buf);
    buf[n] = '\0';
    assert_ptr_equal(strstr(buf, "{\"rungs\":["), buf);
    assert_int_equal(buf[n - 1], '}');
}

static void test_decisions_follow_from_events(void **state)
{
    (void)state;
    hpo_space *space = make_space(1);
    const hpo_sched_problem problem = problem_of(space, 1, 1);
    const hpo_scheduler_ops *ops;
    for (EACH_SCHEDULER(ops, i)) {
        static int first[LOG_MAX], second[LOG_MAX];
        played p, q;
        memset(first, 0, sizeof first);
        memset(second, 0, sizeof second);
        hpo_scheduler a, b;
        hpo_error err;
        assert_ok(hpo_scheduler_open(ops->name, &problem, &a, &err), err);
        assert_ok(hpo_scheduler_open(ops->name, &problem, &b, &err), err);
        assert_ok(play(&a, &p, TRIALS, first, &err), err);
        assert_ok(play(&b, &q, TRIALS, second, &err), err);
        assert_memory_equal(first, second, sizeof first);
        assert_int_equal(p.n_new, TRIALS);
        assert_true(p.spent <= TRIALS * STEPS);
        if (strcmp(ops->name, "threshold") != 0) assert_true(p.n_complete > 0);
        check_describe(&a);
        hpo_scheduler_close(&a);
        hpo_scheduler_close(&b);
        hpo_scheduler_close(&b);
    }
    hpo_space_free(space);
}

static void test_needs_are_compared(void **state)
{
    (void)state;
    hpo_space *plain = make_space(0), *space = make_space(1);
    const hpo_sched_problem none = problem_of(plain, 1, 0), two = problem_of(space, 2, 1);
    const hpo_scheduler_ops *ops;
    for (EACH_SCHEDULER(ops, i)) {
        hpo_scheduler s;
        hpo_error err;
        if ((ops->caps & HPO_SCHED_NEEDS_FIDELITY) != 0) {
            assert_fails(hpo_scheduler_open(ops->name, &none, &s, &err), HPO_EUNSUPPORTED, err, "fidelity");
        } else {
            assert_ok(hpo_scheduler_open(ops->name, &none, &s, &err), err);
            hpo_scheduler_close(&s);
        }
        if ((ops->caps & HPO_SCHED_MULTI_OBJECTIVE) == 0)
            assert_fails(hpo_scheduler_open(ops->name, &two, &s, &err), HPO_EUNSUPPORTED, err,
                         "one objective");
    }
    hpo_scheduler s;
    hpo_error err;
    assert_ok(hpo_scheduler_open(NULL, &none, &s, &err), err);
    assert_string_equal(s.ops->name, HPO_NO_SCHEDULER);
    hpo_scheduler_close(&s);
    assert_fails(hpo_scheduler_open("nome", &none, &s, &err), HPO_ENOTFOUND, err, "did you mean 'none'?");
    assert_fails(hpo_scheduler_open("none:x=1", &none, &s, &err), HPO_EINVAL, err, "no options");
    hpo_space_free(plain);
    hpo_space_free(space);
}

typedef struct oom_case {
    int64_t trials;
    const char *name;
    const hpo_space *space;
} oom_case;

static hpo_status oom_body(void *ctx, hpo_error *err)
{
    const oom_case *c = ctx;
    const hpo_sched_problem problem = problem_of(c->space, 1, 1);
    hpo_scheduler s;
    static int log[LOG_MAX];
    played p;
    hpo_status rc = hpo_scheduler_open(c->name, &problem, &s, err);
    if (rc == HPO_OK) rc = play(&s, &p, c->trials, log, err);
    hpo_scheduler_close(&s);
    return rc;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    const hpo_scheduler_ops *ops;
    hpo_space *space = make_space(1);
    for (EACH_SCHEDULER(ops, i)) {
        char few[48];
        (void)snprintf(few, sizeof few, "%s:initial=3", ops->name);
        /* few clones: each one's model is fitted anew; a bank of curves costs milliseconds, so does a
         * network or an extrapolation, for each allocation that fails */
        int extrapolates = strcmp(ops->name, "extrapolation") == 0;
        int model = strcmp(ops->name, "fabolas") == 0 || strcmp(ops->name, "mf-mes") == 0 ||
                    strcmp(ops->name, "cf-kg") == 0 || strcmp(ops->name, "boca") == 0;
        int dear = strcmp(ops->name, "freeze-thaw") == 0 || strcmp(ops->name, "asha-forecast") == 0 ||
                   strcmp(ops->name, "dyhpo") == 0 || strcmp(ops->name, "dpl") == 0 || extrapolates;
        oom_case c = {model  ? 5
                      : dear ? 12
                             : TRIALS,
                      strcmp(ops->name, "pb2") == 0 ? "pb2:population=34"
                      : extrapolates                ? "extrapolation:samples=10,interval=13"
                      : model                       ? few
                                                    : ops->name,
                      space};
        assert_true(t_oom(oom_body, &c) > 0);
    }
    hpo_space_free(space);
}

static void test_register_checks(void **state)
{
    (void)state;
    hpo_error err;
    hpo_scheduler_ops ops = bound;
    assert_fails(hpo_scheduler_register(&bound, &err), HPO_EEXIST, err, "test-bound");
    ops.name = "test-broken", ops.report = NULL;
    assert_fails(hpo_scheduler_register(&ops, &err), HPO_EINVAL, err, "report");
    ops = bound, ops.name = "test-broken", ops.reference = NULL;
    assert_fails(hpo_scheduler_register(&ops, &err), HPO_EINVAL, err, "reference");
    ops = bound, ops.name = "test-broken", ops.config_size = 8;
    assert_fails(hpo_scheduler_register(&ops, &err), HPO_EINVAL, err, "grace");
    ops = bound, ops.name = "test-broken", ops.size = 1;
    assert_fails(hpo_scheduler_register(&ops, &err), HPO_EINVAL, err, "size");
    assert_fails(hpo_scheduler_register(NULL, &err), HPO_EINVAL, err, "NULL");
    assert_null(hpo_scheduler_find("test-broken"));
}

/* A section `## name` for each built-in. */
static void test_is_documented(void **state)
{
    (void)state;
    FILE *f = fopen(t_source_path("docs/schedulers.md"), "rb");
    assert_non_null(f);
    static char docs[1 << 18];
    size_t n = fread(docs, 1, sizeof docs - 1, f);
    fclose(f);
    docs[n] = '\0';
    const hpo_scheduler_ops *ops;
    for (EACH_SCHEDULER(ops, i)) {
        char text[80];
        if (ops == &bound) continue;
        snprintf(text, sizeof text, "\n## %s\n", ops->name);
        if (strstr(docs, text) == NULL) fail_msg("docs/schedulers.md has no section '## %s'", ops->name);
    }
}

int main(void)
{
    hpo_error err;
    if (hpo_scheduler_register(&bound, &err) != HPO_OK) return 99;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_describes_itself),   cmocka_unit_test(test_decisions_follow_from_events),
        cmocka_unit_test(test_needs_are_compared), cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_register_checks),    cmocka_unit_test(test_is_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
