/* SPDX-License-Identifier: Apache-2.0 */
/* With lag k, any number of workers up to k gets the same study whatever the order in which trials end. */
#include "probe.h"
#include "study/study.h"

enum { TRIALS = 40, MAX_WORKERS = 8 };

static hpo_study *create(hpo_storage *st, const char *sampler, const char *text, int64_t lag)
{
    hpo_error err;
    hpo_space *space;
    hpo_study *s;
    hpo_study_options o = hpo_study_options_init();
    o.sampler = sampler;
    o.lag = lag;
    o.seed = 7;
    o.budget.trials = TRIALS;
    assert_ok(hpo_space_parse(text, &space, &err), err);
    assert_ok(hpo_study_create(st, space, &o, &s, &err), err);
    hpo_space_free(space);
    return s;
}

/* What a trial's program does depends on the trial alone, not on when it runs: number % 3 reports, then the
 * end. */
static int go_on(hpo_study *s, hpo_trial *t, int *reported)
{
    hpo_error err;
    double x = hpo_trial_x(t)[0], y = x * x + (double)hpo_trial_number(t);
    hpo_result r = hpo_result_init();
    if (*reported < hpo_trial_number(t) % 3) {
        ++*reported;
        assert_ok(hpo_trial_report(t, *reported, y + *reported, NULL, &err), err);
        return 1;
    }
    r.state = hpo_trial_number(t) % 5 == 3 ? HPO_STATE_FAILED : HPO_STATE_COMPLETE;
    r.values = &y;
    r.n_values = 1;
    r.cost = x;
    assert_ok(hpo_study_tell(s, t, &r, &err), err);
    hpo_trial_free(t);
    *reported = 0;
    return 0;
}

/* `workers` at a time, in random order; the configurations in the order of numbers go to x. */
static void run(const char *sampler, const char *text, int64_t lag, int workers, t_rng *rng, double *x,
                int reopen)
{
    hpo_error err;
    hpo_storage *st;
    hpo_trial *held[MAX_WORKERS] = {0};
    int busy = 0, over = 0, reported[MAX_WORKERS] = {0};
    assert_ok(hpo_storage_open("mem:", &st, &err), err);
    hpo_study *s = create(st, sampler, text, lag);
    size_t n = hpo_space_n_columns(hpo_study_space(s));
    while (!over || busy > 0) {
        int k = (int)t_int(rng, 0, workers - 1);
        if (reopen && t_int(rng, 0, 5) == 0 && busy == 0) {
            hpo_study_free(s);
            assert_ok(hpo_study_open(st, NULL, &s, &err), err);
        }
        if (held[k] != NULL) {
            if (go_on(s, held[k], &reported[k])) continue;
            held[k] = NULL;
            busy--;
            continue;
        }
        hpo_status status = hpo_study_ask(s, &held[k], &err);
        if (status == HPO_WAIT) {
            assert_true(busy > 0); /* never a deadlock */
            continue;
        }
        over |= status == HPO_DONE;
        if (status == HPO_DONE) continue;
        assert_ok(status, err);
        busy++;
        memcpy(x + (size_t)hpo_trial_number(held[k]) * n, hpo_trial_x(held[k]), n * sizeof *x);
    }
    hpo_study_free(s);
    hpo_storage_free(st);
}

static void compare(const char *sampler, const char *text, int64_t lag)
{
    t_rng rng = t_rng_create();
    double want[TRIALS * 4], got[TRIALS * 4];
    memset(want, 0, sizeof want);
    run(sampler, text, lag, 1, &rng, want, 0);
    for (int workers = 1; workers <= lag; workers++)
        for (size_t round = 0; round < t_rounds(3); round++) {
            memset(got, 0, sizeof got);
            run(sampler, text, lag, workers, &rng, got, round == 1);
            assert_same_doubles(got, want, TRIALS * 4);
        }
}

static void test_same_study_for_any_worker_count(void **state)
{
    (void)state;
    static const int64_t lags[] = {1, 2, 3, 8};
    for (int i = 0; i < 4; i++)
        compare("probe", "x: 0..1; y: 0..1", lags[i]);
}

/* A small finite space: duplicates and failures come up all the time, up to the last configurations. */
static void test_same_study_in_a_finite_space(void **state)
{
    (void)state;
    compare("probe", "a: int 0..8; b: p,q,r,s,t", 4);
    compare("random", "a: int 0..8; b: p,q,r,s,t", 4);
}

/* The guard works: without lag the order of completion does matter to this sampler. */
static void test_without_lag_order_matters(void **state)
{
    (void)state;
    t_rng rng = t_rng_create();
    double a[TRIALS * 4] = {0}, b[TRIALS * 4] = {0};
    run("probe", "x: 0..1; y: 0..1", 0, 1, &rng, a, 0);
    run("probe", "x: 0..1; y: 0..1", 0, 4, &rng, b, 0);
    assert_true(memcmp(a, b, sizeof a) != 0);
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
        cmocka_unit_test(test_same_study_for_any_worker_count),
        cmocka_unit_test(test_same_study_in_a_finite_space),
        cmocka_unit_test(test_without_lag_order_matters),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
