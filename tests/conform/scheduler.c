/* SPDX-License-Identifier: Apache-2.0 */
/* One suite for every registered scheduler: the built-in ones and a third-party one that is registered here.
 */
#include "hpo/scheduler.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/options.h"
#include "scheduler/registry.h"
#include "t.h"

enum { TRIALS = 12, STEPS = 9, SEED = 5 };

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

static hpo_status bound_init(void *state, const void *config, const hpo_space *space, size_t n_objectives,
                             uint64_t seed, hpo_error *err)
{
    (void)space, (void)n_objectives, (void)seed;
    bound_state *s = state;
    s->c = *(const bound_config *)config;
    s->stopped = hpo_calloc(1, sizeof *s->stopped);
    return s->stopped != NULL ? HPO_OK : hpo_fail_memory(err);
}

static hpo_status bound_report(void *state, const hpo_sched_report *r, hpo_decision *out, hpo_error *err)
{
    (void)err;
    bound_state *s = state;
    *out = r->step > (double)s->c.grace && r->y[0] > s->c.bound ? HPO_STOP : HPO_CONTINUE;
    *s->stopped += *out == HPO_STOP;
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
    assert_ok(hpo_space_parse(fidelity ? "x: 0..1; epochs: fidelity 1..9" : "x: 0..1", &s, &err), err);
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
    for (uint32_t bit = HPO_SCHED_NEEDS_FIDELITY; bit <= HPO_SCHED_MULTI_OBJECTIVE; bit <<= 1)
        assert_non_null(hpo_scheduler_cap_name(bit));
    assert_null(hpo_scheduler_cap_name(1u << 31));
}

/* Folds a whole study and notes each decision and action. */
static hpo_status play(hpo_scheduler *s, uint32_t caps, int *log, hpo_error *err)
{
    size_t k = 0;
    uint64_t draw = 0;
    int over[TRIALS] = {0};
    for (int64_t step = 1; step <= STEPS; step++) {
        for (int64_t trial = 0; trial < TRIALS; trial++) {
            if (step == 1 && s->ops->next != NULL) {
                hpo_action a = {HPO_ACT_NEW, -1, (double)NAN};
                hpo_status rc = s->ops->next(s->state, draw++, &a, err);
                if (rc < 0) return rc;
                assert_true(a.kind >= HPO_ACT_NEW && a.kind <= HPO_ACT_WAIT);
                assert_true(a.kind != HPO_ACT_CLONE || (caps & HPO_SCHED_CLONES) != 0);
                assert_true(a.kind != HPO_ACT_RESUME || (caps & HPO_SCHED_PAUSES) != 0);
                log[k++] = 100 + (int)a.kind;
            }
            if (over[trial]) continue;
            double y[2] = {curve(trial, (double)step), -(double)trial};
            hpo_sched_report r = {
                .trial = trial, .step = (double)step, .y = y, .n_objectives = 1, .fold = -1};
            hpo_decision d = (hpo_decision)99;
            hpo_status rc = s->ops->report(s->state, &r, &d, err);
            if (rc != HPO_OK) return rc;
            assert_true(d == HPO_CONTINUE || d == HPO_STOP ||
                        (d == HPO_PAUSE && (caps & HPO_SCHED_PAUSES) != 0));
            log[k++] = (int)d;
            over[trial] = d != HPO_CONTINUE;
            if (s->ops->tell == NULL || (!over[trial] && step < STEPS)) continue;
            hpo_state end = d == HPO_PAUSE  ? HPO_STATE_PAUSED
                            : d == HPO_STOP ? HPO_STATE_STOPPED
                                            : HPO_STATE_COMPLETE;
            rc = s->ops->tell(s->state, trial, end, y, err);
            if (rc != HPO_OK) return rc;
        }
    }
    log[k] = -1;
    return HPO_OK;
}

enum { LOG_MAX = TRIALS * STEPS + TRIALS + 1 };

static void test_decisions_follow_from_events(void **state)
{
    (void)state;
    hpo_space *space = make_space(1);
    const hpo_scheduler_ops *ops;
    for (EACH_SCHEDULER(ops, i)) {
        int first[LOG_MAX] = {0}, second[LOG_MAX] = {0};
        hpo_scheduler a, b;
        hpo_error err;
        assert_ok(hpo_scheduler_open(ops->name, space, 1, SEED, &a, &err), err);
        assert_ok(hpo_scheduler_open(ops->name, space, 1, SEED, &b, &err), err);
        assert_ok(play(&a, ops->caps, first, &err), err);
        assert_ok(play(&b, ops->caps, second, &err), err);
        assert_memory_equal(first, second, sizeof first);
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
    const hpo_scheduler_ops *ops;
    for (EACH_SCHEDULER(ops, i)) {
        hpo_scheduler s;
        hpo_error err;
        if ((ops->caps & HPO_SCHED_NEEDS_FIDELITY) != 0) {
            assert_fails(hpo_scheduler_open(ops->name, plain, 1, SEED, &s, &err), HPO_EUNSUPPORTED, err,
                         "fidelity");
        } else {
            assert_ok(hpo_scheduler_open(ops->name, plain, 1, SEED, &s, &err), err);
            hpo_scheduler_close(&s);
        }
        if ((ops->caps & HPO_SCHED_MULTI_OBJECTIVE) == 0)
            assert_fails(hpo_scheduler_open(ops->name, space, 2, SEED, &s, &err), HPO_EUNSUPPORTED, err,
                         "one objective");
    }
    hpo_scheduler s;
    hpo_error err;
    assert_ok(hpo_scheduler_open(NULL, plain, 1, SEED, &s, &err), err);
    assert_string_equal(s.ops->name, HPO_DEFAULT_SCHEDULER);
    hpo_scheduler_close(&s);
    assert_fails(hpo_scheduler_open("nome", plain, 1, SEED, &s, &err), HPO_ENOTFOUND, err,
                 "did you mean 'none'?");
    assert_fails(hpo_scheduler_open("none:x=1", plain, 1, SEED, &s, &err), HPO_EINVAL, err, "no options");
    hpo_space_free(plain);
    hpo_space_free(space);
}

typedef struct oom_case {
    const char *name;
    const hpo_space *space;
} oom_case;

static hpo_status oom_body(void *ctx, hpo_error *err)
{
    const oom_case *c = ctx;
    hpo_scheduler s;
    int log[LOG_MAX];
    hpo_status rc = hpo_scheduler_open(c->name, c->space, 1, SEED, &s, err);
    if (rc == HPO_OK) rc = play(&s, s.ops->caps, log, err);
    hpo_scheduler_close(&s);
    return rc;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    const hpo_scheduler_ops *ops;
    hpo_space *space = make_space(1);
    for (EACH_SCHEDULER(ops, i)) {
        oom_case c = {ops->name, space};
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
