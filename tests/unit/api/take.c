/* SPDX-License-Identifier: Apache-2.0 */
/* Which trial is handed out when the caller chooses: one from the queue by its number, a new one whatever
 * waits, a draw not below a number; on each storage. */
#include "fixture.h"

static const char *const SPACE = "x: 0..1; y: 0..1";
static const char *const STORAGES[] = {"mem:", NULL};

static int64_t enqueue(fixture *f, const char *json)
{
    int64_t number = -1;
    assert_ok(hpo_study_enqueue(f->s, json, &number, &f->err), f->err);
    return number;
}

static hpo_trial *ask(fixture *f, const hpo_ask_options *o)
{
    hpo_trial *t = NULL;
    assert_ok(hpo_study_ask_as(f->s, o, &t, &f->err), f->err);
    return t;
}

static void test_takes_by_number(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        fixture f;
        hpo_trial *t = NULL, *again = NULL;
        fixture_open(&f, STORAGES[i], SPACE, NULL);
        (void)enqueue(&f, "{\"x\":0.125}");
        int64_t second = enqueue(&f, "{\"x\":0.25}");
        const hpo_ask_options o = {.size = sizeof o, .worker = "me", .lease = 5};
        assert_ok(hpo_study_take(f.s, second, &o, &t, &f.err), f.err);
        assert_int_equal(hpo_trial_number(t), second);
        assert_true(hpo_trial_float(t, "x") == 0.25);
        assert_int_equal(hpo_study_take(f.s, second, &o, &again, &f.err), HPO_ESTATE);
        assert_null(again);
        assert_non_null(strstr(f.err.msg, "running"));
        hpo_trial_info info = {.size = sizeof info};
        assert_ok(hpo_study_trial(f.s, second, &info, &f.err), f.err);
        assert_string_equal(info.worker, "me");
        assert_int_equal(info.lease_ms, f.now + 5000);
        assert_ok(hpo_study_tell_value(f.s, t, 1, &f.err), f.err);
        hpo_trial_free(t);
        assert_int_equal(hpo_study_take(f.s, second, NULL, &again, &f.err), HPO_ESTATE);
        assert_int_equal(hpo_study_take(f.s, 2, NULL, &again, &f.err), HPO_ENOTFOUND);
        assert_int_equal(hpo_study_take(f.s, -1, NULL, &again, &f.err), HPO_ENOTFOUND);
        assert_ok(hpo_study_stop(f.s, HPO_STOP_REASON_USER, NULL, &f.err), f.err);
        assert_ok(hpo_study_take(f.s, 0, NULL, &t, &f.err), f.err); /* also when the study has ended */
        hpo_trial_free(t);
        assert_int_equal(fixture_summary(&f).n_by_state[HPO_STATE_RUNNING], 1);
        fixture_close(&f);
    }
}

static void test_makes_new_ones(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        fixture f;
        fixture_open(&f, STORAGES[i], SPACE, NULL);
        int64_t waiting = enqueue(&f, "{}");
        const hpo_ask_options fresh = {.size = sizeof fresh, .new_only = 1, .lease = 1},
                              any = {.size = sizeof any};
        hpo_trial *t = ask(&f, &fresh);
        assert_int_equal(hpo_trial_number(t), waiting + 1);
        hpo_trial_free(t);
        f.now += 10000; /* that one is lost: the queue comes first, then it */
        t = ask(&f, &fresh);
        assert_int_equal(hpo_trial_number(t), waiting + 2);
        hpo_trial_free(t);
        for (int64_t k = 0; k < 2; k++) {
            t = ask(&f, &any);
            assert_int_equal(hpo_trial_number(t), waiting + k);
            hpo_trial_free(t);
        }
        const hpo_ask_options both = {.size = sizeof both, .new_only = 1, .queue_only = 1};
        assert_int_equal(hpo_study_ask_as(f.s, &both, &t, &f.err), HPO_EINVAL);
        fixture_close(&f);
    }
}

/* Draw 7 is the same point whether six came before or none. */
static void test_begins_at_a_draw(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        fixture f, g;
        double x = 0;
        fixture_open(&f, STORAGES[i], SPACE, NULL);
        fixture_open(&g, STORAGES[i], SPACE, NULL);
        const hpo_ask_options plain = {.size = sizeof plain},
                              seventh = {.size = sizeof seventh, .draw_min = 7},
                              third = {.size = sizeof third, .draw_min = 3};
        for (int k = 0; k < 8; k++) {
            hpo_trial *t = ask(&f, &plain);
            x = hpo_trial_float(t, "x");
            assert_int_equal(hpo_trial_draw(t), k);
            hpo_trial_free(t);
        }
        hpo_trial *t = ask(&g, &seventh);
        assert_int_equal(hpo_trial_draw(t), 7);
        assert_int_equal(hpo_trial_number(t), 0);
        assert_true(hpo_trial_float(t, "x") == x);
        hpo_trial_free(t);
        t = ask(&g, &third); /* never back */
        assert_int_equal(hpo_trial_draw(t), 8);
        hpo_trial_free(t);
        assert_true(fixture_summary(&f).id > 0 || STORAGES[i] != NULL);
        fixture_close(&f);
        fixture_close(&g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_by_number),
        cmocka_unit_test(test_makes_new_ones),
        cmocka_unit_test(test_begins_at_a_draw),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
