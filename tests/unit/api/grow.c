/* SPDX-License-Identifier: Apache-2.0 */
/* Spaces that are learned while trials run: growing, old handles, values at first sight. */
#include "fixture.h"

#include "hpo/sampler.h"

static hpo_space *make_space(const char *text)
{
    hpo_error err = {0};
    hpo_space *space;
    if (*text == '\0')
        assert_ok(hpo_space_create(&space, &err), err);
    else
        assert_ok(hpo_space_parse(text, &space, &err), err);
    return space;
}

static hpo_study *open_study(hpo_storage *st, const char *sampler, uint64_t seed)
{
    hpo_error err = {0};
    hpo_study *s;
    hpo_space *space = make_space("");
    hpo_study_options o = hpo_study_options_init();
    o.open_space = 1;
    o.sampler = sampler;
    o.seed = seed;
    assert_ok(hpo_study_create(st, space, &o, &s, &err), err);
    hpo_space_free(space);
    return s;
}

static hpo_study *grow(hpo_storage *st, hpo_study *s, const char *text)
{
    hpo_error err = {0};
    hpo_space *space = make_space(text);
    hpo_study *grown;
    assert_ok(hpo_study_grow(s, space, &err), err);
    assert_ok(hpo_study_open(st, NULL, &grown, &err), err);
    hpo_space_free(space);
    return grown;
}

static const char *const URLS[] = {"mem:", "grow.db"};

static hpo_storage *open_storage(size_t i)
{
    hpo_error err = {0};
    hpo_storage *st;
    char name[32];
    static int files;
    snprintf(name, sizeof name, "%d-%s", files++, URLS[i]);
    assert_ok(hpo_storage_open(i == 0 ? "mem:" : t_temp_path(name), &st, &err), err);
    return st;
}

/* An empty study hands out trials; it grows; rows follow; the old handle tells and may not ask. */
static void rows_follow(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        hpo_error err = {0};
        hpo_storage *st = open_storage(i);
        hpo_study *s = open_study(st, "random", 1), *s2, *s3;
        hpo_trial *t, *t2, *t3;
        assert_ok(hpo_study_ask(s, &t, &err), err);
        assert_ok(hpo_study_ask(s, &t2, &err), err); /* an empty configuration is no duplicate */
        s2 = grow(st, s, "x: 0..1; k: a,b");
        assert_fails(hpo_study_ask(s, &t3, &err), HPO_EOUTDATED, err, "open it again");
        double x[3] = {0.25, 1, 0};
        assert_ok(hpo_study_set_config(s2, 0, hpo_trial_token(t), x, NULL, &err), err);
        assert_ok(hpo_study_tell_value(s, t, 3, &err), err); /* by the old handle */
        assert_status(hpo_study_set_config(s2, 0, hpo_trial_token(t) + 1, x, NULL, NULL), HPO_ESTALE);
        hpo_trial_info info = {.size = sizeof info};
        assert_ok(hpo_study_sync(s2, NULL, &err), err);
        assert_ok(hpo_study_trial(s2, 0, &info, &err), err);
        assert_same_doubles(info.x, x, 2);
        assert_int_equal(info.state, HPO_STATE_COMPLETE);
        /* trial 1 has not said what it used: it holds a draw from the prior */
        assert_ok(hpo_study_trial(s2, 1, &info, &err), err);
        assert_true(info.x[0] >= 0 && info.x[0] <= 1 && (info.x[1] == 0 || info.x[1] == 1));
        assert_string_equal(info.attributes, "{\"hpo:unasked\":[\"x\",\"k\"]}");
        /* a label behind the others, a wider range, a conditional parameter */
        s3 = grow(st, s2, "x: -1..2; k: a,b,c; y: 5..6 if k == b; z: 7..8 if k == a");
        assert_ok(hpo_study_trial(s3, 0, &info, &err), err);
        assert_same_doubles(info.x, x, 2);
        assert_true(info.x[2] >= 5 && info.x[2] <= 6 && isnan(info.x[3])); /* k is b: y active, z absent */
        assert_string_equal(info.attributes, "{\"hpo:unasked\":[\"y\"]}"); /* it had ended with x and k */
        assert_true(info.hash == hpo_space_hash(hpo_study_space(s3), info.x));
        assert_ok(hpo_study_ask(s3, &t3, &err), err);
        assert_int_equal(hpo_trial_number(t3), 2);
        assert_ok(hpo_space_validate(hpo_study_space(s3), hpo_trial_x(t3), &err), err);
        assert_ok(hpo_study_tell_value(s3, t3, 1, &err), err);
        assert_ok(hpo_study_tell_value(s, t2, 2, &err), err);
        /* one value becomes a range */
        hpo_study *s4 =
                      grow(st, s3, "x: -1..2; k: a,b,c; y: 5..6 if k == b; z: 7..8 if k == a; one: const 3"),
                  *s5 = grow(st, s4, "x: -1..2; k: a,b,c; y: 5..6 if k == b; z: 7..8 if k == a; one: 1..9");
        assert_ok(hpo_study_trial(s5, 0, &info, &err), err);
        assert_true(info.x[4] == 3 && info.hash == hpo_space_hash(hpo_study_space(s5), info.x));
        hpo_study_free(s4);
        hpo_study_free(s5);
        /* the oldest handle still reads what it knows of */
        assert_ok(hpo_study_sync(s2, NULL, &err), err);
        assert_ok(hpo_study_trial(s2, 0, &info, &err), err);
        assert_same_doubles(info.x, x, 2);
        hpo_trial_free(t);
        hpo_trial_free(t2);
        hpo_trial_free(t3);
        char *findings = NULL;
        if (i == 1) {
            assert_ok(hpo_storage_verify(st, &findings, &err), err);
            hpo_free(findings);
        }
        hpo_study_free(s);
        hpo_study_free(s2);
        hpo_study_free(s3);
        hpo_storage_free(st);
    }
}

/* Another process (here: another connection) notices that rows became longer, whatever it does first. */
static void other_connections(void **state)
{
    (void)state;
    hpo_error err = {0};
    const char *path = t_temp_path("two.db");
    hpo_storage *a, *b;
    hpo_study *theirs, *ours, *grown;
    hpo_trial *t, *u;
    hpo_trial_info info = {.size = sizeof info};
    assert_ok(hpo_storage_open(path, &a, &err), err);
    assert_ok(hpo_storage_open(path, &b, &err), err);
    ours = open_study(a, "tpe", 3);
    assert_ok(hpo_study_open(b, NULL, &theirs, &err), err);
    assert_ok(hpo_study_ask(theirs, &t, &err), err);
    grown = grow(a, ours, "x: 0..1");
    assert_ok(hpo_study_trial(theirs, 0, &info, &err), err);
    assert_ok(hpo_trial_report(t, 1, 0.5, NULL, &err), err);
    assert_status(hpo_study_enqueue(theirs, NULL, NULL, NULL), HPO_EOUTDATED);
    assert_ok(hpo_study_tell_value(theirs, t, 1, &err), err);
    hpo_space *other = make_space("y: 0..1");
    assert_status(hpo_study_grow(theirs, other, NULL), HPO_EOUTDATED);
    assert_fails(hpo_study_grow(grown, other, &err), HPO_EINVAL, err, "keeps its parameters");
    hpo_space_free(other);
    other = make_space("x: int 0..1");
    assert_fails(hpo_study_grow(grown, other, &err), HPO_EINVAL, err, "another type");
    hpo_space_free(other);
    assert_ok(hpo_study_ask(grown, &u, &err), err);
    assert_int_equal(hpo_trial_number(u), 1);
    hpo_trial_free(t);
    hpo_trial_free(u);
    hpo_study_free(theirs);
    hpo_study_free(ours);
    hpo_study_free(grown);
    hpo_storage_free(a);
    hpo_storage_free(b);
}

/* What a trial was run with is neither grown away nor lost while it runs. */
static void nothing_is_lost(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        hpo_error err = {0};
        hpo_storage *st = open_storage(i);
        hpo_study *s = open_study(st, "random", 1), *s2, *s3, *s4;
        hpo_space *lossy = make_space("k: a,b; x: 0..1 if k == b");
        hpo_trial *t[4];
        hpo_trial_info info = {.size = sizeof info};
        const double x[2] = {0, 0.25}, other[2] = {1, 0.5};
        s2 = grow(st, s, "k: a,b; x: 0..1");
        for (int j = 0; j < 4; j++)
            assert_ok(hpo_study_ask(s2, &t[j], &err), err);
        /* ended with x, although k is a */
        assert_ok(hpo_study_set_config(s2, 0, hpo_trial_token(t[0]), x, NULL, &err), err);
        assert_ok(hpo_study_tell_value(s2, t[0], 1, &err), err);
        assert_fails(hpo_study_grow(s2, lossy, &err), HPO_EINVAL, err, "x: trial 0 was run with it");
        /* x was not asked for: it may go */
        assert_ok(hpo_study_set_config(s2, 1, hpo_trial_token(t[1]), x, (const double[]){0, NAN}, &err), err);
        assert_ok(hpo_study_tell_value(s2, t[1], 1, &err), err);
        hpo_space_free(lossy);
        lossy = make_space("k: a,b; x: 0..1 if k == b or k == a");
        assert_ok(hpo_study_grow(s2, lossy, &err), err);
        assert_ok(hpo_study_open(st, NULL, &s3, &err), err);
        /* running, and has said what it uses */
        assert_ok(hpo_study_set_config(s3, 2, hpo_trial_token(t[2]), x, NULL, &err), err);
        hpo_space_free(lossy);
        lossy = make_space("k: a,b; x: 0..1 if k == b; y: 0..1");
        assert_fails(hpo_study_grow(s3, lossy, &err), HPO_EINVAL, err, "was run with it");
        hpo_space_free(lossy);
        hpo_trial_free(t[0]);
        hpo_trial_free(t[1]);
        hpo_trial_free(t[2]);
        hpo_trial_free(t[3]);
        hpo_study_free(s);
        hpo_study_free(s2);
        hpo_study_free(s3);
        hpo_storage_free(st);
        /* running as it was proposed: it may lose x, and says so when it ends */
        st = open_storage(i);
        s = open_study(st, "random", 1);
        s2 = grow(st, s, "k: a,b; x: 0..1");
        assert_ok(hpo_study_ask(s2, &t[0], &err), err);
        const int is_a = hpo_trial_x(t[0])[0] == 0;
        s3 = grow(st, s2, is_a ? "k: a,b; x: 0..1 if k == b" : "k: a,b; x: 0..1 if k == a");
        assert_fails(hpo_study_tell_value(s2, t[0], 3, &err), HPO_EOUTDATED, err, "has lost x");
        s4 = grow(st, s3, "k: a,b; x: 0..1"); /* another value stands there now */
        assert_fails(hpo_study_tell_value(s2, t[0], 3, &err), HPO_EOUTDATED, err, "has lost x");
        assert_ok(hpo_study_set_config(s4, 0, hpo_trial_token(t[0]), other, NULL, &err), err);
        assert_ok(hpo_study_tell_value(s2, t[0], 3, &err), err);
        assert_ok(hpo_study_trial(s4, 0, &info, &err), err);
        assert_same_doubles(info.x, other, 2);
        assert_true(info.state == HPO_STATE_COMPLETE && info.values[0] == 3);
        /* what it said counts for one evaluation */
        assert_ok(hpo_study_ask(s4, &t[1], &err), err);
        assert_ok(hpo_study_set_config(s4, 1, hpo_trial_token(t[1]), x, NULL, &err), err);
        assert_ok(hpo_study_requeue(s4, 1, &err), err);
        assert_ok(hpo_study_ask(s4, &t[2], &err), err);
        assert_int_equal(hpo_trial_number(t[2]), 1);
        lossy = make_space("k: a,b; x: 0..1 if k == b");
        assert_ok(hpo_study_grow(s4, lossy, &err), err);
        hpo_space_free(lossy);
        for (int j = 0; j < 3; j++)
            hpo_trial_free(t[j]);
        hpo_study_free(s);
        hpo_study_free(s2);
        hpo_study_free(s3);
        hpo_study_free(s4);
        hpo_storage_free(st);
    }
}

/* A rule is one also before the space is known. */
static void rules_of_an_empty_space(void **state)
{
    (void)state;
    hpo_error err = {0};
    hpo_study *s;
    hpo_space *none = make_space("");
    hpo_study_options o = hpo_study_options_init();
    o.open_space = 1;
    o.until = "regrett";
    assert_fails(hpo_study_create(NULL, none, &o, &s, &err), HPO_ENOTFOUND, err, "did you mean");
    o.until = "regret or stagnation:trials=50";
    assert_ok(hpo_study_create(NULL, none, &o, &s, &err), err);
    hpo_study_free(s);
    hpo_space_free(none);
}

/* First draws, one parameter more each time, make the first trial of the declared study. */
static void first_draws_are_the_declared_trial(void **state)
{
    (void)state;
    static const char *const samplers[] = {"auto", "random", "sobol", "halton", "tpe", "gp", "rsequence"};
    static const char *const spaces[] = {"a: log 1e-3..1", "a: log 1e-3..1; b: int 1..9",
                                         "a: log 1e-3..1; b: int 1..9; c: p,q,r"};
    for (size_t i = 0; i < sizeof samplers / sizeof samplers[0]; i++) {
        hpo_error err = {0};
        hpo_storage *st = open_storage(0);
        hpo_study *s = open_study(st, samplers[i], 11), *declared;
        double x[3] = {0}, first[3];
        hpo_trial *t;
        for (size_t j = 0; j < 3; j++) {
            hpo_space *space = make_space(spaces[j]);
            assert_ok(hpo_study_first_draw(s, space, 0, 0, first, &err), err);
            x[j] = first[j];
            hpo_space_free(space);
        }
        hpo_space *space = make_space(spaces[2]);
        hpo_study_options o = hpo_study_options_init();
        o.sampler = samplers[i];
        o.seed = 11;
        assert_ok(hpo_study_create(NULL, space, &o, &declared, &err), err);
        assert_ok(hpo_study_ask(declared, &t, &err), err);
        if (strcmp(samplers[i], "rsequence") != 0) /* its steps depend on the number of dimensions */
            assert_same_doubles(x, hpo_trial_x(t), 3);
        assert_ok(hpo_study_first_draw(s, space, -1, 4, first, &err), err);
        assert_ok(hpo_space_validate(hpo_study_space(declared), first, &err), err);
        hpo_trial_free(t);
        hpo_space_free(space);
        hpo_study_free(declared);
        hpo_study_free(s);
        hpo_storage_free(st);
    }
}

/* Finite: every configuration once, then again. */
static void repeats_when_none_is_left(void **state)
{
    (void)state;
    hpo_error err = {0};
    hpo_storage *st = open_storage(0);
    hpo_study *s = open_study(st, "random", 5), *g = grow(st, s, "k: a,b,c");
    int seen[3] = {0};
    for (int i = 0; i < 9; i++) {
        hpo_trial *t;
        assert_ok(hpo_study_ask(g, &t, &err), err);
        seen[(int)hpo_trial_x(t)[0]]++;
        if (i == 2) assert_true(seen[0] == 1 && seen[1] == 1 && seen[2] == 1);
        assert_ok(hpo_study_tell_value(g, t, 0, &err), err);
        hpo_trial_free(t);
    }
    hpo_study_free(s);
    hpo_study_free(g);
    hpo_storage_free(st);
}

/* A trial made elsewhere counts like any other. */
static void added_trials(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        hpo_error err = {0};
        hpo_storage *st = open_storage(i);
        hpo_study *s;
        hpo_space *space = make_space("x: 0..1");
        hpo_study_options o = hpo_study_options_init();
        o.objectives = (hpo_objective[]){{sizeof(hpo_objective), "score", HPO_MAXIMIZE}};
        o.n_objectives = 1;
        assert_ok(hpo_study_create(st, space, &o, &s, &err), err);
        double x = 0.5, y = 7, curve[2] = {3, 5};
        hpo_report reports[2] = {hpo_report_init(), hpo_report_init()};
        for (int j = 0; j < 2; j++) {
            reports[j].step = j + 1;
            reports[j].values = &curve[j];
            reports[j].n_values = 1;
        }
        hpo_past_trial p = {.size = sizeof p,
                            .x = &x,
                            .result = hpo_result_init(),
                            .started_ms = 1000,
                            .ended_ms = 3000,
                            .reports = reports,
                            .n_reports = 2,
                            .attributes = "{\"who\":\"me\"}"};
        p.result.values = &y;
        p.result.n_values = 1;
        int64_t number = -1;
        assert_ok(hpo_study_add(s, &p, &number, &err), err);
        assert_int_equal(number, 0);
        hpo_trial_info info = {.size = sizeof info};
        assert_ok(hpo_study_trial(s, 0, &info, &err), err);
        assert_true(info.state == HPO_STATE_COMPLETE && info.values[0] == 7 && info.n_reports == 2);
        assert_true(info.started_ms == 1000 && info.ended_ms == 3000);
        assert_string_equal(info.attributes, "{\"who\":\"me\"}");
        hpo_summary sum = {.size = sizeof sum};
        assert_ok(hpo_study_summary(s, &sum, &err), err);
        assert_true(sum.best == 0 && sum.best_value == 7 && sum.n_trials == 1);
        p.result.state = HPO_STATE_RUNNING;
        assert_status(hpo_study_add(s, &p, NULL, NULL), HPO_EINVAL);
        p.result.state = HPO_STATE_COMPLETE;
        x = 2;
        assert_status(hpo_study_add(s, &p, NULL, NULL), HPO_EINVAL);
        hpo_study_free(s);
        hpo_space_free(space);
        hpo_storage_free(st);
    }
}

static void refusals(void **state)
{
    (void)state;
    hpo_error err = {0};
    hpo_study *s;
    hpo_space *space = make_space("x: 0..1"), *none = make_space("");
    hpo_study_options o = hpo_study_options_init();
    assert_status(hpo_study_create(NULL, none, &o, &s, NULL), HPO_EINVAL);
    assert_ok(hpo_study_create(NULL, space, &o, &s, &err), err);
    assert_fails(hpo_study_grow(s, space, &err), HPO_ESTATE, err, "declared space");
    assert_status(hpo_study_grow(NULL, space, NULL), HPO_EINVAL);
    assert_status(hpo_study_grow(s, NULL, NULL), HPO_EINVAL);
    hpo_study_free(s);
    o.open_space = 1;
    o.lag = 2;
    assert_status(hpo_study_create(NULL, none, &o, &s, NULL), HPO_EUNSUPPORTED);
    o.lag = 0;
    o.sampler = "nosuch";
    assert_status(hpo_study_create(NULL, none, &o, &s, NULL), HPO_ENOTFOUND);
    hpo_space_free(space);
    hpo_space_free(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_follow),
        cmocka_unit_test(other_connections),
        cmocka_unit_test(nothing_is_lost),
        cmocka_unit_test(rules_of_an_empty_space),
        cmocka_unit_test(first_draws_are_the_declared_trial),
        cmocka_unit_test(repeats_when_none_is_left),
        cmocka_unit_test(added_trials),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
