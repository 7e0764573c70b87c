/* SPDX-License-Identifier: Apache-2.0 */
/* The spec of a study: what is written is read back, what is damaged is refused. */
#include "base/json.h"
#include "study/study.h"
#include "t.h"

static void test_round_trip(void **state)
{
    (void)state;
    t_rng rng = t_rng_create();
    for (size_t round = 0; round < t_rounds(200); round++) {
        hpo_error err;
        hpo_study_spec a, b;
        char *one, *two;
        hpo_objective objectives[2] = {{sizeof(hpo_objective), "a\"\\\n\xC3\xA9", HPO_MAXIMIZE},
                                       {sizeof(hpo_objective), "b", HPO_MINIMIZE}};
        hpo_outcome outcome = {sizeof outcome, "c", t_odd_double(&rng)};
        hpo_study_options o = {
            .size = sizeof o, .objectives = objectives, .n_objectives = 1, .sampler = "x:y=1"};
        int several = (int)t_int(&rng, 0, 1);
        o.n_objectives = 1 + (size_t)several;
        o.outcomes = &outcome;
        o.n_outcomes = (size_t)t_int(&rng, 0, 1);
        o.budget = (hpo_budget){.size = sizeof o.budget,
                                .trials = t_int(&rng, 0, 1) * t_int(&rng, 0, INT64_MAX),
                                .seconds = fabs(t_odd_double(&rng)),
                                .cost = t_int(&rng, 0, 1) ? 0.1 : 0,
                                .target = several || t_int(&rng, 0, 1) ? (double)NAN : t_odd_double(&rng),
                                .stagnation = several ? 0 : t_int(&rng, 0, 3)};
        o.noisy = (int32_t)t_int(&rng, 0, 1);
        o.max_retries = (int32_t)t_int(&rng, 0, INT32_MAX);
        o.lag = t_int(&rng, 0, 100);
        o.lease = t_int(&rng, 0, 1) ? HUGE_VAL : 0.1;
        o.default_first = (int32_t)t_int(&rng, 0, 1);
        assert_ok(hpo_spec__from_options(&o, (int)t_int(&rng, 0, 1), &a, &err), err);
        a.draw_base = t_int(&rng, 0, INT64_MAX);
        assert_ok(hpo_spec__write(&a, &one, &err), err);
        assert_ok(hpo_spec__read(one, &b, &err), err);
        assert_ok(hpo_spec__write(&b, &two, &err), err);
        assert_string_equal(one, two);
        assert_int_equal(hpo_spec__budget_equal(&a.budget, &b.budget), 1);
        assert_ok(hpo_spec__same_problem(&a, &b, "s", &err), err);
        assert_int_equal(b.draw_base, a.draw_base);
        assert_true(b.lease == a.lease && b.lag == a.lag && b.max_retries == a.max_retries &&
                    b.noisy == a.noisy);
        hpo_free(one);
        hpo_free(two);
        hpo_spec__fini(&a);
        hpo_spec__fini(&b);
    }
}

static void test_damage_is_refused(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "",
        "[]",
        "{}",
        "{\"objectives\":[]}",
        "{\"objectives\":[{\"direction\":\"minimize\"}]}",
        "{\"objectives\":[{\"name\":\"a\"},{\"name\":\"a\"}]}",
        "{\"objectives\":[{\"name\":\"a\"}],\"from_the_future\":1}",
        "{\"objectives\":[{\"name\":\"a\"}],\"lease\":-1}",
        "{\"objectives\":[{\"name\":\"a\"}],\"lag\":\"x\"}",
        "{\"objectives\":[{\"name\":\"a\"}],\"budget\":{\"trials\":-1}}",
        "{\"objectives\":[{\"name\":\"a\",\"direction\":\"sideways\"}]}",
        "{\"objectives\":[{\"name\":\"a\"}],\"outcomes\":[{\"name\":\"b\"}]}",
    };
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        hpo_error err;
        hpo_study_spec s;
        hpo_status status = hpo_spec__read(BAD[i], &s, &err);
        hpo_spec__fini(&s);
        if (status != HPO_ECORRUPT) fail_msg("%s: %s", BAD[i], hpo_status_name(status));
    }
}

static void test_defaults(void **state)
{
    (void)state;
    hpo_error err;
    hpo_study_spec s;
    assert_ok(hpo_spec__read("{\"objectives\":[{\"name\":\"a\"}]}", &s, &err), err);
    assert_string_equal(s.sampler, HPO_DEFAULT_SAMPLER);
    assert_string_equal(s.scheduler, HPO_NO_SCHEDULER);
    assert_int_equal(hpo_spec__budget_is_empty(&s.budget), 1);
    assert_int_equal(s.max_retries, 3);
    assert_near(s.lease, 600, 0, 0);
    assert_int_equal(s.default_first, 1);
    hpo_spec__fini(&s);
}

/* A declared fidelity says that trials may be run on less: then, and where a scheduler can decide, it is
 * auto. */
static void test_default_scheduler(void **state)
{
    (void)state;
    static const struct {
        const char *named;
        size_t n_objectives;
        int64_t lag;
        int fidelity;
        const char *expect;
    } rows[] = {
        {NULL, 1, 0, 1, "auto"}, {NULL, 1, 0, 0, "none"},   {NULL, 2, 0, 1, "none"},
        {NULL, 1, 4, 1, "none"}, {"none", 1, 0, 1, "none"}, {"median", 1, 0, 0, "median"},
    };
    const hpo_objective objectives[2] = {{sizeof objectives[0], "a", HPO_MINIMIZE},
                                         {sizeof objectives[0], "b", HPO_MINIMIZE}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        hpo_error err;
        hpo_study_spec s;
        const hpo_study_options o = {.size = sizeof o,
                                     .objectives = objectives,
                                     .n_objectives = rows[i].n_objectives,
                                     .scheduler = rows[i].named,
                                     .lag = rows[i].lag,
                                     .budget.target = (double)NAN};
        assert_ok(hpo_spec__from_options(&o, rows[i].fidelity, &s, &err), err);
        assert_string_equal(s.scheduler, rows[i].expect);
        hpo_spec__fini(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_damage_is_refused),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_default_scheduler),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
