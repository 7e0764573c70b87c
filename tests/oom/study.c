/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation of a study's life failed in turn: a clean HPO_ENOMEM, nothing leaked, and the study goes
 * on afterwards as if the failed call had not been made. */
#include "study/study.h"
#include "base/error.h"
#include "probe.h"

static const char *const SPACE = "x: 0..1 default 0.5; n: int 1..9; opt: sgd,adam; m: 0..1 if opt == sgd";

/* ---- whole lives: nothing leaks wherever memory ends ---- */

typedef struct life {
    const char *url, *sampler;
    int64_t lag;
} life;

static hpo_status live(hpo_study *s, hpo_error *err)
{
    for (int i = 0; i < 4; i++) {
        hpo_trial *t;
        double y = i, sem = 0.1, gradient[4] = {1, (double)NAN, (double)NAN, 2};
        hpo_result r = hpo_result_init();
        hpo_report p = hpo_report_init();
        hpo_ask_options o = {.size = sizeof o, .worker = "here:1"};
        HPO_TRY(hpo_study_ask_as(s, &o, &t, err));
        p.values = r.values = &y;
        p.n_values = r.n_values = 1;
        p.step = 1;
        p.metrics = "{\"a\":1}";
        r.sems = &sem;
        r.gradient = gradient;
        r.checkpoint = "c";
        r.reason = "because";
        r.state = i == 1 ? HPO_STATE_FAILED : HPO_STATE_COMPLETE;
        hpo_status status = hpo_study_report(s, t, &p, NULL, err);
        if (status == HPO_OK) status = hpo_study_tell(s, t, &r, err);
        if (status == HPO_OK) status = hpo_study_set_attr(s, i, "k", "[1]", err);
        hpo_trial_free(t);
        HPO_TRY(status);
    }
    hpo_trial_info info = {.size = sizeof info};
    hpo_summary q = {.size = sizeof q};
    int64_t best;
    HPO_TRY(hpo_study_requeue(s, 1, err));
    HPO_TRY(hpo_study_enqueue(s, "{\"x\":0.25}", NULL, err));
    HPO_TRY(hpo_study_set_metadata(s, "{}", err));
    HPO_TRY(hpo_study_set_sampler(s, "random", err));
    HPO_TRY(hpo_study_sync(s, NULL, err));
    HPO_TRY(hpo_study_trial(s, 0, &info, err));
    HPO_TRY(hpo_study_summary(s, &q, err));
    HPO_TRY(hpo_study_best(s, &best, 1, NULL, err));
    HPO_TRY(hpo_study_stop(s, HPO_STOP_REASON_USER, "enough", err));
    return HPO_OK;
}

static hpo_status whole_life(void *ctx, hpo_error *err)
{
    const life *l = ctx;
    hpo_storage *st = NULL;
    hpo_space *space = NULL;
    hpo_study *s = NULL, *again = NULL;
    hpo_study_options o = hpo_study_options_init();
    hpo_outcome outcome = {sizeof outcome, "memory", 1};
    o.sampler = l->sampler;
    o.lag = l->lag;
    o.metadata = "{\"a\":[1,2]}";
    o.budget.trials = 50;
    o.outcomes = &outcome;
    o.n_outcomes = 0;
    hpo_status status = hpo_storage_open(l->url, &st, err);
    if (status == HPO_OK) status = hpo_space_parse(SPACE, &space, err);
    if (status == HPO_OK) status = hpo_study_create(st, space, &o, &s, err);
    if (status == HPO_OK) status = live(s, err);
    if (status == HPO_OK) status = hpo_study_open(st, NULL, &again, err);
    hpo_study_free(again);
    hpo_study_free(s);
    hpo_space_free(space);
    hpo_storage_free(st);
    return status;
}

static void test_whole_lives(void **state)
{
    (void)state;
    life random = {"mem:", "random", 0}, probe = {"mem:", "probe", 0}, lagged = {"mem:", "probe", 2};
    assert_true(t_oom(whole_life, &random) > 50);
    assert_true(t_oom(whole_life, &probe) > 50);
    assert_true(t_oom(whole_life, &lagged) > 50);
}

/* ---- after a failure the study goes on ---- */

typedef hpo_status (*call)(hpo_study *s, hpo_trial **t, hpo_error *err);

static hpo_status do_ask(hpo_study *s, hpo_trial **t, hpo_error *err)
{
    return hpo_study_ask(s, t, err);
}

static hpo_status do_report(hpo_study *s, hpo_trial **t, hpo_error *err)
{
    double y = 1;
    hpo_report p = hpo_report_init();
    p.values = &y;
    p.n_values = 1;
    p.step = 1;
    p.metrics = "{\"b\":2}";
    return hpo_study_report(s, *t, &p, NULL, err);
}

static hpo_status do_tell(hpo_study *s, hpo_trial **t, hpo_error *err)
{
    double y = 2, sem = 1;
    hpo_result r = hpo_result_init();
    r.values = &y;
    r.sems = &sem;
    r.n_values = 1;
    r.reason = "fine";
    return hpo_study_tell(s, *t, &r, err);
}

static hpo_status do_best(hpo_study *s, hpo_trial **t, hpo_error *err)
{
    int64_t best;
    hpo_trial_info info = {.size = sizeof info};
    (void)t;
    HPO_TRY(hpo_study_sync(s, NULL, err));
    HPO_TRY(hpo_study_best(s, &best, 1, NULL, err));
    return hpo_study_trial(s, best, &info, err);
}

/* Repeats the call with its 1st, 2nd, ... allocation failing; a failed call has changed nothing that is
 * stored. */
static void persist(hpo_study *s, hpo_trial **t, call f)
{
    hpo_error err;
    for (size_t fail_at = 1;; fail_at++) {
        hpo_summary before = {.size = sizeof before}, after = {.size = sizeof after};
        assert_ok(hpo_study_summary(s, &before, &err), err);
        t_alloc_install(fail_at, 0);
        hpo_status status = f(s, t, &err);
        t_alloc_remove();
        if (status == HPO_OK) return;
        assert_int_equal(status, HPO_ENOMEM);
        assert_ok(hpo_study_summary(s, &after, &err), err);
        assert_int_equal(before.seq, after.seq);
        assert_int_equal(before.n_trials, after.n_trials);
        assert_true(fail_at < 1000);
    }
}

/* The same study without any failure suggests the same: half-read views are read again. */
static void goes_on(const char *url, const char *sampler)
{
    hpo_error err;
    double got[2][40][4];
    for (int with_failures = 0; with_failures < 2; with_failures++) {
        hpo_storage *st;
        hpo_space *space;
        hpo_study *s;
        hpo_study_options o = hpo_study_options_init();
        char path[64];
        snprintf(path, sizeof path, "oom-%s-%d.db", sampler, with_failures);
        o.sampler = sampler;
        o.scheduler = "chronicle";
        assert_ok(hpo_storage_open(url != NULL ? url : t_temp_path(path), &st, &err), err);
        assert_ok(hpo_space_parse(SPACE, &space, &err), err);
        assert_ok(hpo_study_create(st, space, &o, &s, &err), err);
        for (int i = 0; i < 40; i++) {
            static const call calls[] = {do_ask, do_report, do_tell, do_best};
            hpo_trial *t = NULL;
            for (int k = 0; k < 4; k++) {
                if (with_failures)
                    persist(s, &t, calls[k]);
                else
                    assert_ok(calls[k](s, &t, &err), err);
            }
            memcpy(got[with_failures][i], hpo_trial_x(t), sizeof got[0][0]);
            hpo_trial_free(t);
        }
        hpo_study *fresh;
        assert_ok(hpo_study_open(st, NULL, &fresh, &err), err);
        assert_true(chronicle_of(s) == chronicle_of(fresh));
        hpo_study_free(fresh);
        hpo_study_free(s);
        hpo_space_free(space);
        hpo_storage_free(st);
    }
    assert_same_doubles(&got[0][0][0], &got[1][0][0], 160);
}

static void test_study_goes_on_after_failures(void **state)
{
    (void)state;
    goes_on("mem:", "random");
    goes_on("mem:", "probe");
    goes_on(NULL, "random");
    goes_on(NULL, "probe");
}

static int setup(void **state)
{
    (void)state;
    probe_register();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_lives),
        cmocka_unit_test(test_study_goes_on_after_failures),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
