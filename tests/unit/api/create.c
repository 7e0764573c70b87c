/* SPDX-License-Identifier: Apache-2.0 */
/* Making and opening studies: everything comes back from the storage, and what does not fit is refused with
 * the remedy. */
#include "fixture.h"

static const char *const SPACE = "lr: log 1e-5..1 default 0.01; opt: sgd,adam; mom: 0..0.99 if opt == sgd";

static void everything_is_rebuilt(const char *url)
{
    fixture f;
    hpo_objective objectives[2] = {{sizeof(hpo_objective), "loss \"x\"", HPO_MINIMIZE},
                                   {sizeof(hpo_objective), "accuracy", HPO_MAXIMIZE}};
    hpo_outcome outcome = {sizeof outcome, "memory", 0.1};
    hpo_study_options o = hpo_study_options_init();
    o.name = "a b/c";
    o.seed = UINT64_MAX - 5;
    o.objectives = objectives;
    o.n_objectives = 2;
    o.outcomes = &outcome;
    o.n_outcomes = 1;
    o.sampler = "sobol";
    o.budget.trials = 100;
    o.budget.seconds = 0.1;
    o.noisy = 1;
    o.max_retries = 7;
    o.lag = 2;
    o.lease = HUGE_VAL;
    o.metadata = "{\"command\":[\"./train\"]}";
    fixture_open(&f, url, SPACE, &o);
    hpo_study *s;
    hpo_summary q = {.size = sizeof q};
    assert_ok(hpo_study_open(f.st, NULL, &s, &f.err), f.err);
    assert_ok(hpo_study_summary(s, &q, &f.err), f.err);
    assert_string_equal(q.name, "a b/c");
    assert_true(q.seed == o.seed);
    assert_string_equal(q.objectives[0].name, "loss \"x\"");
    assert_int_equal(q.objectives[1].direction, HPO_MAXIMIZE);
    assert_near(q.outcomes[0].max, 0.1, 0, 0);
    assert_string_equal(q.sampler, "sobol");
    assert_string_equal(q.scheduler, "none");
    assert_int_equal(q.budget.trials, 100);
    assert_near(q.budget.seconds, 0.1, 0, 0);
    assert_true(isnan(q.budget.target));
    assert_int_equal(q.noisy, 1);
    assert_int_equal(q.max_retries, 7);
    assert_int_equal(q.lag, 2);
    assert_true(isinf(q.lease));
    assert_string_equal(q.metadata, o.metadata);
    assert_int_equal(q.n_trials, 1); /* the default configuration is waiting */
    char *diff;
    assert_ok(hpo_space_diff(hpo_study_space(s), f.space, &diff, &f.err), f.err);
    assert_string_equal(diff, "");
    hpo_free(diff);
    hpo_study_free(s);
    fixture_close(&f);
}
ON_EACH_STORAGE(everything_is_rebuilt)

static void default_configuration_goes_first(const char *url)
{
    fixture f;
    hpo_study_options o = hpo_study_options_init();
    fixture_open(&f, url, SPACE, &o);
    hpo_trial *t = fixture_ask(&f);
    assert_near(hpo_trial_float(t, "lr"), 0.01, 1e-15, 0);
    assert_string_equal(hpo_trial_label(t, "opt"), "sgd");
    assert_null(hpo_trial_label(t, "lr"));
    assert_int_equal(hpo_trial_int(t, "opt"), 0);
    assert_int_equal(hpo_trial_int(t, "nothing"), INT64_MIN);
    assert_true(isnan(hpo_trial_float(t, "nothing")));
    hpo_trial_info i = fixture_trial(&f, 0);
    assert_int_equal(i.draw, -1);
    fixture_tell(&f, t, 1);
    t = fixture_ask(&f); /* an enqueued trial takes a number but no draw */
    assert_int_equal(fixture_trial(&f, 1).draw, 0);
    hpo_trial_free(t);
    fixture_close(&f);
    o.default_first = 0;
    fixture_open(&f, url, SPACE, &o);
    assert_int_equal(fixture_summary(&f).n_trials, 0);
    fixture_close(&f);
    o.default_first = 1;
    fixture_open(&f, url, "x: 0..1", &o); /* no default declared */
    assert_int_equal(fixture_summary(&f).n_trials, 0);
    fixture_close(&f);
}
ON_EACH_STORAGE(default_configuration_goes_first)

static void enqueued_go_first_in_order(const char *url)
{
    fixture f;
    int64_t number = -1;
    hpo_study_options o = hpo_study_options_init();
    o.default_first = 0;
    o.scheduler = "none";
    fixture_open(&f, url, "x: 0..1; n: int 1..8; e: fidelity 1..81", &o);
    hpo_trial *first = fixture_ask(&f);
    assert_near(hpo_trial_float(first, "e"), 81, 0, 0);
    assert_ok(hpo_study_enqueue(f.s, "{\"x\":0.25,\"n\":3}", &number, &f.err), f.err);
    assert_int_equal(number, 1);
    assert_ok(hpo_study_enqueue(f.s, "{\"x\":0.25,\"e\":9}", &number, &f.err), f.err);
    assert_fails(hpo_study_enqueue(f.s, "{\"x\":2}", NULL, &f.err), HPO_EINVAL, f.err, "x");
    assert_fails(hpo_study_enqueue(f.s, "{\"z\":2}", NULL, &f.err), HPO_EINVAL, f.err, "z");
    assert_fails(hpo_study_enqueue(f.s, "{", NULL, &f.err), HPO_EINVAL, f.err, NULL);
    hpo_trial *a = fixture_ask(&f), *b = fixture_ask(&f);
    assert_int_equal(a->number, 1);
    assert_int_equal(hpo_trial_int(a, "n"), 3);
    assert_near(hpo_trial_float(a, "e"), 81, 0, 0);
    assert_near(hpo_trial_float(b, "e"), 9, 0, 0);
    hpo_trial_free(first);
    hpo_trial_free(a);
    hpo_trial_free(b);
    fixture_close(&f);
}
ON_EACH_STORAGE(enqueued_go_first_in_order)

static void reuse_compares_the_problem(const char *url)
{
    fixture f;
    hpo_study *s;
    hpo_space *other;
    hpo_study_options o = hpo_study_options_init();
    o.budget.trials = 10;
    o.seed = 4;
    fixture_open(&f, url, SPACE, &o);
    assert_fails(hpo_study_create(f.st, f.space, &o, &s, &f.err), HPO_EEXIST, f.err, "'default'");
    assert_null(s);
    o.reuse = 1;
    o.seed = 5;
    o.budget.trials = 20;
    o.sampler = "sobol";
    assert_ok(hpo_study_create(f.st, f.space, &o, &s, &f.err), f.err);
    hpo_summary q = {.size = sizeof q};
    assert_ok(hpo_study_summary(s, &q, &f.err), f.err);
    assert_int_equal(q.budget.trials, 20);
    assert_string_equal(q.sampler, "sobol");
    assert_int_equal(q.seed, 4); /* the study keeps its seed */
    assert_int_equal(q.n_trials, 1);
    /* The other handle sees it at its next call. */
    q = fixture_summary(&f);
    assert_int_equal(q.budget.trials, 20);
    assert_string_equal(q.sampler, "sobol");
    hpo_study_free(s);
    /* Nothing given: nothing changes. */
    o.budget.trials = 0;
    o.sampler = NULL;
    assert_ok(hpo_study_create(f.st, f.space, &o, &s, &f.err), f.err);
    hpo_study_free(s);
    assert_int_equal(fixture_summary(&f).budget.trials, 20);
    assert_string_equal(fixture_summary(&f).sampler, "sobol");
    assert_ok(hpo_space_parse("lr: log 1e-5..2; opt: sgd,adam", &other, &f.err), f.err);
    assert_fails(hpo_study_create(f.st, other, &o, &s, &f.err), HPO_EEXIST, f.err, "another name");
    hpo_space_free(other);
    hpo_objective up = {sizeof up, "value", HPO_MAXIMIZE};
    o.objectives = &up;
    o.n_objectives = 1;
    assert_fails(hpo_study_create(f.st, f.space, &o, &s, &f.err), HPO_EEXIST, f.err, "minimizes 'value'");
    fixture_close(&f);
}
ON_EACH_STORAGE(reuse_compares_the_problem)

static void changes_reach_the_other_handle(const char *url)
{
    fixture f;
    hpo_study *other;
    hpo_study_options o = hpo_study_options_init();
    fixture_open(&f, url, "a: int 0..9", &o);
    assert_ok(hpo_study_open(f.st, "default", &other, &f.err), f.err);
    fixture_tell(&f, fixture_ask(&f), 1);
    assert_ok(hpo_study_set_sampler(other, "grid", &f.err), f.err);
    assert_fails(hpo_study_set_sampler(other, "no-such", &f.err), HPO_ENOTFOUND, f.err, "no-such");
    assert_ok(hpo_study_set_metadata(other, "{\"k\":1}", &f.err), f.err);
    assert_fails(hpo_study_set_metadata(other, "[1]", &f.err), HPO_EINVAL, f.err, "metadata");
    hpo_budget b = {.size = sizeof b, .target = (double)NAN, .trials = 3};
    assert_ok(hpo_study_set_budget(other, &b, &f.err), f.err);
    int64_t seen = (int64_t)fixture_trial(&f, 0).x[0];
    hpo_trial *t = fixture_ask(&f), *none;
    assert_int_equal(hpo_trial_int(t, "a"), seen == 0 ? 1 : 0); /* the grid begins with its first point */
    hpo_trial *u = fixture_ask(&f);
    assert_status(hpo_study_ask(f.s, &none, &f.err), HPO_WAIT);
    hpo_summary q = fixture_summary(&f);
    assert_string_equal(q.sampler, "grid");
    assert_string_equal(q.metadata, "{\"k\":1}");
    b.trials = -1;
    assert_fails(hpo_study_set_budget(f.s, &b, &f.err), HPO_EINVAL, f.err, "budget.trials is -1");
    hpo_trial_free(t);
    hpo_trial_free(u);
    hpo_study_free(other);
    fixture_close(&f);
}
ON_EACH_STORAGE(changes_reach_the_other_handle)

/* ---- refusals ---- */

static void refuse(const char *space, const hpo_study_options *o, hpo_status code, const char *part)
{
    hpo_space *sp;
    hpo_study *s = (hpo_study *)&s;
    hpo_error err = {0};
    assert_ok(hpo_space_parse(space, &sp, &err), err);
    assert_fails(hpo_study_create(NULL, sp, o, &s, &err), code, err, part);
    assert_null(s);
    hpo_space_free(sp);
}

static void test_bad_options_are_refused(void **state)
{
    (void)state;
    hpo_objective two[2] = {{sizeof(hpo_objective), "a", HPO_MINIMIZE},
                            {sizeof(hpo_objective), "a", HPO_MINIMIZE}};
#define WITH(change, part)                                                                                   \
    do {                                                                                                     \
        hpo_study_options o = hpo_study_options_init();                                                      \
        change;                                                                                              \
        refuse("x: 0..1", &o, HPO_EINVAL, part);                                                             \
    } while (0)
    WITH((o.objectives = two, o.n_objectives = 2), "'a'");
    WITH((o.objectives = two, o.n_objectives = 0), "n_objectives");
    WITH((o.n_outcomes = 1), "outcomes is NULL");
    WITH(o.name = "", "name");
    WITH(o.name = "a\nb", "control character");
    WITH(o.lease = -1, "lease is -1");
    WITH(o.lag = -1, "lag is -1");
    WITH(o.max_retries = -2, "max_retries is -2");
    WITH(o.budget.seconds = -1, "budget.seconds");
    WITH(o.budget.cost = (double)NAN, "budget.cost");
    WITH(o.budget.stagnation = -4, "budget.stagnation");
    WITH(o.metadata = "3", "metadata");
    WITH(o.size = 0, "hpo_study_options.size is 0");
    WITH(o.sampler = "sobol:no=1", "no");
#undef WITH
    hpo_study_options o = hpo_study_options_init();
    o.scheduler = "no-such";
    refuse("x: 0..1", &o, HPO_ENOTFOUND, "no-such");
}

static void test_null_arguments_are_refused(void **state)
{
    (void)state;
    hpo_error e = {0};
    hpo_study *s;
    hpo_trial *t;
    hpo_summary q = {0};
    assert_fails(hpo_study_create(NULL, NULL, NULL, &s, &e), HPO_EINVAL, e, "space is NULL");
    assert_fails(hpo_study_create(NULL, NULL, NULL, NULL, &e), HPO_EINVAL, e, "out is NULL");
    assert_fails(hpo_study_open(NULL, NULL, &s, &e), HPO_EINVAL, e, "storage is NULL");
    assert_fails(hpo_study_ask(NULL, &t, &e), HPO_EINVAL, e, "study is NULL");
    assert_fails(hpo_study_tell_value(NULL, NULL, 1, &e), HPO_EINVAL, e, "study is NULL");
    assert_fails(hpo_study_summary(NULL, &q, &e), HPO_EINVAL, e, "study is NULL");
    assert_fails(hpo_study_optimize(NULL, NULL, NULL, 1, &e), HPO_EINVAL, e, "study is NULL");
    assert_fails(hpo_trial_report(NULL, 1, 1, NULL, &e), HPO_EINVAL, e, "NULL");
    hpo_study_free(NULL);
    hpo_trial_free(NULL);
    fixture f;
    fixture_open(&f, "mem:", "x: 0..1", NULL);
    assert_fails(hpo_study_ask(f.s, NULL, &e), HPO_EINVAL, e, "out is NULL");
    assert_fails(hpo_study_summary(f.s, &q, &e), HPO_EINVAL, e, "hpo_summary.size is 0");
    assert_fails(hpo_study_tell(f.s, NULL, NULL, &e), HPO_EINVAL, e, "trial is NULL");
    t = fixture_ask(&f);
    assert_fails(hpo_study_tell(f.s, t, NULL, &e), HPO_EINVAL, e, "result is NULL");
    assert_fails(hpo_study_report(f.s, t, NULL, NULL, &e), HPO_EINVAL, e, "report is NULL");
    assert_fails(hpo_study_set_attr(f.s, 0, NULL, "1", &e), HPO_EINVAL, e, "key");
    assert_fails(hpo_study_set_attr(f.s, -2, "a", "1", &e), HPO_EINVAL, e, "-2");
    assert_status(hpo_study_tell_value(f.s, t, 1, NULL), HPO_OK); /* err may be NULL */
    assert_status(hpo_study_tell_value(f.s, t, 2, NULL), HPO_ESTATE);
    hpo_study *s2;
    assert_ok(hpo_study_open(f.st, NULL, &s2, &e), e);
    assert_fails(hpo_study_tell_value(s2, t, 1, &e), HPO_EINVAL, e, "another handle");
    hpo_study_free(s2);
    hpo_study_free(f.s); /* a trial may outlive its study */
    f.s = NULL;
    assert_int_equal(hpo_trial_number(t), 0);
    assert_null(hpo_trial_space(t));
    assert_true(isnan(hpo_trial_float(t, "x")));
    hpo_trial_free(t);
    fixture_close(&f);
}

static void test_opening_needs_a_name_when_there_are_two(void **state)
{
    (void)state;
    fixture f;
    hpo_study *s;
    hpo_study_options o = hpo_study_options_init();
    o.name = "one";
    fixture_open(&f, "mem:", "x: 0..1", &o);
    o.name = "two";
    assert_ok(hpo_study_create(f.st, f.space, &o, &s, &f.err), f.err);
    hpo_study_free(s);
    assert_fails(hpo_study_open(f.st, NULL, &s, &f.err), HPO_EINVAL, f.err, "one, two");
    assert_fails(hpo_study_open(f.st, "three", &s, &f.err), HPO_ENOTFOUND, f.err, "three");
    fixture_close(&f);
    hpo_storage *empty;
    assert_ok(hpo_storage_open("mem:", &empty, &f.err), f.err);
    assert_fails(hpo_study_open(empty, NULL, &s, &f.err), HPO_ENOTFOUND, f.err, "no study");
    hpo_storage_free(empty);
}

/* ---- structs of older and newer callers ---- */

static void test_structs_of_other_sizes(void **state)
{
    (void)state;
    struct {
        hpo_result r;
        double added_later;
    } newer;
    fixture f;
    fixture_open(&f, "mem:", "x: 0..1", NULL);
    hpo_result_init_sized(&newer.r, sizeof newer);
    assert_near(newer.added_later, 0, 0, 0);
    double y = 3;
    newer.r.values = &y;
    newer.r.n_values = 1;
    newer.added_later = 7;
    hpo_trial *t = fixture_ask(&f);
    assert_ok(hpo_study_tell(f.s, t, &newer.r, &f.err), f.err);
    hpo_trial_free(t);
    /* An older caller's summary ended before the last fields: they are not written. */
    hpo_summary q;
    memset(&q, 0x5A, sizeof q);
    q.size = offsetof(hpo_summary, best);
    assert_ok(hpo_study_summary(f.s, &q, &f.err), f.err);
    assert_int_equal(q.n_trials, 1);
    assert_int_equal(q.best, 0x5A5A5A5A5A5A5A5A);
    hpo_result old;
    hpo_result_init_sized(&old, offsetof(hpo_result, sems));
    old.values = &y;
    old.n_values = 1;
    memset((char *)&old + offsetof(hpo_result, sems), 0x5A, sizeof old - offsetof(hpo_result, sems));
    t = fixture_ask(&f);
    assert_ok(hpo_study_tell(f.s, t, &old, &f.err), f.err);
    hpo_trial_free(t);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_is_rebuilt),
        cmocka_unit_test(test_default_configuration_goes_first),
        cmocka_unit_test(test_enqueued_go_first_in_order),
        cmocka_unit_test(test_reuse_compares_the_problem),
        cmocka_unit_test(test_changes_reach_the_other_handle),
        cmocka_unit_test(test_bad_options_are_refused),
        cmocka_unit_test(test_null_arguments_are_refused),
        cmocka_unit_test(test_opening_needs_a_name_when_there_are_two),
        cmocka_unit_test(test_structs_of_other_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
