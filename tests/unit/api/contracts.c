/* SPDX-License-Identifier: Apache-2.0 */
/* The contracts that ARCHITECTURE.md makes, as far as a study shows them.  1: tools/check_core.sh and the
 * first test here; 2, 3: view.c; 4: states.c; the rest here. */
#include "fixture.h"
#include "hpo/sampler.h"

/* Asking, reporting and telling call nothing of the user's: there is nothing that could be called. */
static void test_contract_1_ask_report_tell(void **state)
{
    (void)state;
    fixture f;
    hpo_decision d;
    fixture_open(&f, "mem:", "x: 0..1", NULL);
    for (int i = 0; i < 10; i++) {
        hpo_trial *t = fixture_ask(&f);
        double x = hpo_trial_float(t, "x");
        assert_ok(hpo_trial_report(t, 1, x, &d, &f.err), f.err);
        fixture_tell(&f, t, x);
    }
    assert_int_equal(fixture_summary(&f).n_by_state[HPO_STATE_COMPLETE], 10);
    fixture_close(&f);
}

/* ---- 5: capabilities are compared before anything runs ---- */

static hpo_status nothing_ask(void *state, const hpo_view *view, uint64_t draw, hpo_rng *rng, double *u,
                              hpo_error *err)
{
    (void)state, (void)view, (void)draw;
    (void)err;
    for (size_t i = 0; i < view->n_dims; i++)
        u[i] = hpo_rng_uniform(rng);
    return HPO_OK;
}

typedef struct humble_config {
    int64_t n;
    double rate;
    int32_t fast, mode;
} humble_config;

static const char *const MODES[] = {"slow", "quick", NULL};
static const hpo_option OPTIONS[] = {
    {"n", "how many", HPO_OPT_INT, offsetof(humble_config, n), 5, 1, 10, NULL},
    {"rate", "how much", HPO_OPT_REAL, offsetof(humble_config, rate), 0.5, 0, 1, NULL},
    {"fast", "whether", HPO_OPT_BOOL, offsetof(humble_config, fast), 1, 0, 1, NULL},
    {"mode", "which", HPO_OPT_ENUM, offsetof(humble_config, mode), 0, 0, 1, MODES},
};
static humble_config last_config;

static hpo_status humble_init(void *state, const void *config, const hpo_space *space, uint64_t seed,
                              hpo_error *err)
{
    (void)state, (void)space, (void)seed, (void)err;
    memcpy(&last_config, config, sizeof last_config);
    return HPO_OK;
}

static const hpo_sampler_ops HUMBLE = {.size = sizeof HUMBLE,
                                       .name = "humble",
                                       .help = "Continuous, unconditional, one objective.",
                                       .reference = "none",
                                       .caps = HPO_CAP_CONTINUOUS,
                                       .options = OPTIONS,
                                       .n_options = 4,
                                       .config_size = sizeof(humble_config),
                                       .init = humble_init,
                                       .ask = nothing_ask};

static void test_contract_5_capabilities_are_compared_first(void **state)
{
    (void)state;
    hpo_error err;
    hpo_objective two[2] = {{sizeof(hpo_objective), "a", HPO_MINIMIZE},
                            {sizeof(hpo_objective), "b", HPO_MINIMIZE}};
    hpo_outcome outcome = {sizeof outcome, "memory", 1};
    static const struct {
        const char *space, *word;
        size_t n_objectives, n_outcomes;
    } CASES[] = {
        {"x: 0..1", NULL, 1, 0},
        {"x: log 1e-3..1; y: -2..2", NULL, 1, 0},
        {"x: 0..1; c: a,b", "discrete", 1, 0},
        {"x: 0..1; y: 0..1 if x > 0.5", "conditional", 1, 0},
        {"x: 0..1; y: 0..x", "dependent", 1, 0},
        {"x: simplex 3", "structured", 1, 0},
        {"x: 0..1", "objective", 2, 0},
        {"x: 0..1", "outcome", 1, 1},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        hpo_space *space;
        hpo_study *s;
        hpo_study_options o = hpo_study_options_init();
        o.sampler = "humble";
        o.objectives = two;
        o.n_objectives = CASES[i].n_objectives;
        o.outcomes = &outcome;
        o.n_outcomes = CASES[i].n_outcomes;
        assert_ok(hpo_space_parse(CASES[i].space, &space, &err), err);
        hpo_status status = hpo_study_create(NULL, space, &o, &s, &err);
        if (CASES[i].word == NULL) {
            assert_ok(status, err);
            hpo_study_free(s);
        } else {
            assert_int_equal(status, HPO_EUNSUPPORTED);
            assert_contains(err.msg, "humble");
            assert_contains(err.msg, "random"); /* what to choose instead */
        }
        hpo_space_free(space);
    }
}

/* A change to a sampler that cannot do it is refused too, and changes nothing. */
static void test_contract_5_also_when_the_sampler_changes(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, "mem:", "x: 0..1; c: a,b", NULL);
    int64_t seq = fixture_summary(&f).seq;
    assert_fails(hpo_study_set_sampler(f.s, "humble", &f.err), HPO_EUNSUPPORTED, f.err, "humble");
    assert_int_equal(fixture_summary(&f).seq, seq);
    assert_string_equal(fixture_summary(&f).sampler, "random");
    fixture_close(&f);
}

/* ---- 6: one option table ---- */

static void test_contract_6_one_option_table(void **state)
{
    (void)state;
    fixture f;
    hpo_study *s;
    hpo_study_options o = hpo_study_options_init();
    o.sampler = "humble";
    fixture_open(&f, "mem:", "x: 0..1", &o);
    assert_int_equal(last_config.n, 5);
    assert_near(last_config.rate, 0.5, 0, 0);
    assert_int_equal(last_config.fast, 1);
    assert_ok(hpo_study_set_sampler(f.s, "humble:n=7,mode=quick,fast=false", &f.err), f.err);
    assert_int_equal(last_config.n, 7);
    assert_int_equal(last_config.mode, 1);
    assert_int_equal(last_config.fast, 0);
    memset(&last_config, 0, sizeof last_config);
    assert_ok(hpo_study_open(f.st, NULL, &s, &f.err), f.err); /* options are stored with the study */
    assert_int_equal(last_config.n, 7);
    hpo_study_free(s);
    assert_fails(hpo_study_set_sampler(f.s, "humble:n=11", &f.err), HPO_EINVAL, f.err, "11");
    assert_fails(hpo_study_set_sampler(f.s, "humble:rat=1", &f.err), HPO_EINVAL, f.err, "rate");
    fixture_close(&f);
}

/* ---- 7: expressions are data ---- */

static void test_contract_7_expressions_are_data(void **state)
{
    (void)state;
    static const char *const EVIL[] = {
        "system('true')", "__import__('os')", "`id`",  "$(id)", "x; rm -rf /", "x = 1", "x.y",
        "x[0]",           "lambda: 1",        "f'{x}'"};
    hpo_error err;
    hpo_space *space;
    assert_ok(hpo_space_parse("x: 0..1; y: 0..1", &space, &err), err);
    for (size_t i = 0; i < sizeof EVIL / sizeof EVIL[0]; i++) {
        hpo_status status = hpo_space_add_constraint(space, EVIL[i], &err);
        if (status == HPO_OK) status = hpo_space_freeze(space, &err);
        assert_int_equal(status, HPO_EINVAL);
    }
    hpo_space_free(space);
}

static int setup(void **state)
{
    hpo_error err;
    (void)state;
    assert_ok(hpo_sampler_register(&HUMBLE, &err), err);
    return 0;
}

static hpo_status silent_ask(void *self, const hpo_view *view, uint64_t draw, hpo_rng *rng, double *u,
                             hpo_error *err)
{
    (void)self, (void)view, (void)rng, (void)u, (void)err;
    return draw == 0 ? HPO_ENUMERIC : HPO_WAIT; /* no text; and a status that only the study may give */
}

static void test_a_silent_sampler_is_named(void **state)
{
    (void)state;
    static const hpo_sampler_ops ops = {.size = sizeof ops,
                                        .name = "silent",
                                        .help = "fails",
                                        .reference = "none",
                                        .caps = HPO_CAP_CONTINUOUS,
                                        .ask = silent_ask};
    fixture f;
    hpo_trial *t = NULL;
    hpo_study_options o = hpo_study_options_init();
    assert_ok(hpo_sampler_register(&ops, &f.err), f.err);
    o.sampler = "silent";
    fixture_open(&f, NULL, "x: 0..1", &o);
    assert_int_equal(hpo_study_ask(f.s, &t, &f.err), HPO_ENUMERIC);
    assert_non_null(strstr(f.err.msg, "sampler 'silent'"));
    fixture_close(&f);
    o.n_objectives = 3; /* without a list */
    hpo_space *space;
    hpo_study *s = NULL;
    assert_ok(hpo_space_parse("x: 0..1", &space, &f.err), f.err);
    assert_int_equal(hpo_study_create(NULL, space, &o, &s, &f.err), HPO_EINVAL);
    assert_non_null(strstr(f.err.msg, "n_objectives is 3"));
    assert_null(s);
    hpo_space_free(space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contract_1_ask_report_tell),
        cmocka_unit_test(test_contract_5_capabilities_are_compared_first),
        cmocka_unit_test(test_contract_5_also_when_the_sampler_changes),
        cmocka_unit_test(test_contract_6_one_option_table),
        cmocka_unit_test(test_contract_7_expressions_are_data),
        cmocka_unit_test(test_a_silent_sampler_is_named),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
