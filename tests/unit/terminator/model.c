/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that look through a model: published numbers, folds, what noise and price do, the same answer whoever
 * asks. */
#include <stdio.h>

#include "acq/acquisition.h"
#include "math/func.h"
#include "rules.h"
#include "terminator/model.h"

/* ALGORITHMS (ii) row 32: d = 5, 50 trials, delta = 0.1. */
static void test_confidence_of_the_bounds(void **state)
{
    (void)state;
    assert_near(hpo_rule_beta(5, 50, 0.1), 4.893508, 1e-6, 0);
    assert_near(hpo_rule_beta(1, 2, 0.5), 0.4 * log(4 * 9.869604401089358 / 3), 1e-12, 0);
    assert_true(hpo_rule_beta(5, 51, 0.1) > hpo_rule_beta(5, 50, 0.1));
}

static void add_fold(rules *r, int64_t trial, int fold, double y)
{
    size_t i = r->view.n_reports++;
    r->report_trial[i] = trial;
    r->report_fold[i] = fold;
    r->report_value[i] = y;
}

/* sqrt((1/k + 1/(k-1)) s^2) over the last value of each fold; else the standard error; else replicates. */
static void test_error_of_a_value(void **state)
{
    (void)state;
    rules r;
    const char *kind;
    size_t count;
    rules_open(&r, "x: 0..1");
    rules_add(&r, &(double){0.1}, 1);
    rules_add(&r, &(double){0.2}, 2);
    assert_true(isnan(hpo_rule_error(&r.view, 0, &kind, &count)));
    rules_add(&r, &(double){0.1}, 3);
    assert_near(hpo_rule_error(&r.view, 0, &kind, &count), sqrt(2 / 2.0), 1e-12,
                0); /* s^2 = 2, two of them */
    assert_string_equal(kind, "replicates");
    r.sem[0] = 0.25;
    assert_near(hpo_rule_error(&r.view, 0, &kind, &count), 0.25, 0, 0);
    add_fold(&r, 0, 0, 100);
    for (int fold = 0; fold < 5; fold++) {
        add_fold(&r, 0, fold, 1 + fold); /* s^2 = 2.5; fold 0 had a value before */
        add_fold(&r, 1, fold, 7);
    }
    assert_near(hpo_rule_error(&r.view, 0, &kind, &count), sqrt((0.2 + 0.25) * 2.5), 1e-12, 0);
    assert_string_equal(kind, "folds");
    assert_int_equal(count, 5);
    rules_close(&r);
}

/* The bound is one: min UCB - min LCB is at least what the incumbent is away from the bottom, and shrinks. */
static void test_regret_bound_covers_the_regret(void **state)
{
    (void)state;
    rules r;
    hpo_rule_model m;
    double before = HUGE_VAL;
    rules_open(&r, "x: 0..1; y: 0..1");
    assert_ok(hpo_rule_model_init(&m, &r.problem, &r.err), r.err);
    for (size_t n = 20; n <= 80; n += 30) {
        int ready;
        double bound, least = HUGE_VAL;
        r.view.n_done = 0;
        rules_search(&r, n, 0, 3);
        for (size_t i = 0; i < n; i++)
            least = fmin(least, r.y[i]);
        assert_ok(
            hpo_rule_model_fit(&m, &r.view, &(hpo_rule_rows){.share = 0.5, .most = 200}, &ready, &r.err),
            r.err);
        assert_true(ready);
        assert_int_equal(m.n, n / 2);
        assert_ok(hpo_rule_model_regret(&m, sqrt(hpo_rule_beta(2, m.n, 0.1)), &bound, &r.err), r.err);
        printf("# %zu trials: regret %.3g, bound %.3g\n", n, least, bound / m.slope);
        assert_true(bound / m.slope >= least);
        assert_true(bound / m.slope < before);
        before = bound / m.slope;
    }
    hpo_rule_model_fini(&m);
    rules_close(&r);
}

/* A large error of measurement ends the search, a small one does not; the text has the numbers. */
static void test_regret_weighs_gain_against_error(void **state)
{
    (void)state;
    rules r;
    rules_open(&r, "x: 0..1; y: 0..1");
    rules_search(&r, 60, 0, 3);
    hpo_ruling loose = rules_judge(&r, "regret:error=1"), strict = rules_judge(&r, "regret:error=1e-9");
    assert_true(loose.stop);
    assert_contains(loose.reason, "less than the error 1 of the best trial (as given)");
    assert_false(strict.stop);
    assert_contains(strict.reason, "can still be gained, more than");
    r.view.n_done = 15;
    hpo_ruling early = rules_judge(&r, "regret:error=1");
    assert_false(early.stop);
    assert_contains(early.reason, "judged from 20 on");
    rules_close(&r);
}

/* With the error of its values known, a noisy search ends by itself. */
static void test_regret_stops_in_noise(void **state)
{
    (void)state;
    rules r;
    rules_open(&r, "x: 0..1; y: 0..1");
    rules_search(&r, 120, 0.2, 5);
    hpo_ruling seen = rules_judge(&r, "regret");
    assert_contains(seen.reason, "(noise that the model sees)");
    for (size_t i = 0; i < r.view.n_done; i++)
        r.sem[i] = 0.2;
    hpo_ruling told = rules_judge(&r, "regret");
    printf("# %s\n# %s\n", seen.reason, told.reason);
    assert_contains(told.reason, "error 0.2 of the best trial (standard error)");
    assert_true(told.stop);
    rules_close(&r);
}

/* Every rule says the same in a process that followed the study and in one that joins late. */
static void same_for_all(const char *text, double noise)
{
    rules r;
    hpo_until *u = NULL;
    rules_open(&r, "x: 0..1; y: 0..1");
    rules_search(&r, 70, noise, 9);
    assert_ok(hpo_until_open(text, &r.problem, &u, &r.err), r.err);
    for (size_t n = 1; n <= 70; n++) {
        hpo_ruling followed;
        const hpo_until_facts facts = {(double)n, 0, 0, 0};
        r.view.n_done = n;
        assert_ok(hpo_until_judge(u, &r.view, &facts, &followed, &r.err), r.err);
        if (n % 10 != 5) continue;
        hpo_ruling joined = rules_judge(&r, text);
        assert_int_equal(followed.stop, joined.stop);
        assert_string_equal(followed.reason, joined.reason);
    }
    hpo_until_free(u);
    rules_close(&r);
}

static void test_late_processes_agree(void **state)
{
    (void)state;
    same_for_all("regret", 0.05);
    same_for_all("regret:error=0.01", 0);
    same_for_all("emmr", 0.05);
    same_for_all("pbgi", 0);
    same_for_all("stagnation:trials=5", 0.05);
    same_for_all("target:value=0.01", 0);
}

/* The gap shrinks in the course of a search, so that the rule holds at last, and not before its scale is
 * known. */
static void test_emmr_stops_when_nothing_moves(void **state)
{
    (void)state;
    rules r;
    rules_open(&r, "x: 0..1; y: 0..1");
    rules_search(&r, 20, 0, 3);
    assert_contains(rules_judge(&r, "emmr").reason, "judged from 21 on");
    r.view.n_done = 0;
    rules_search(&r, 200, 0, 3);
    int stopped = 0;
    for (size_t n = 25; n <= 200 && !stopped; n += 25) {
        r.view.n_done = n;
        hpo_ruling q = rules_judge(&r, "emmr:ratio=0.05");
        printf("# %zu: %s\n", n, q.reason);
        stopped = q.stop;
    }
    assert_true(stopped);
    rules_close(&r);
}

/* ALGORITHMS (ii) row 33: the rule is "no index beats the incumbent". */
static void test_price_rule_is_pandoras(void **state)
{
    (void)state;
    t_rng rng = t_rng_create();
    for (T_ROUNDS(i, 2000)) {
        double mean = t_between(&rng, -2, 2), sd = t_between(&rng, 0.01, 2), best = t_between(&rng, -2, 2);
        double cost = hpo_exp(t_between(&rng, -12, 1));
        double worth = hpo_acq_log_ei(mean, sd, best, NULL, NULL) - hpo_log(cost);
        double index = -hpo_acq_pbgi(mean, sd, cost, NULL, NULL);
        if (fabs(worth) < 1e-9) continue;
        assert_int_equal(worth <= 0, index >= best);
        /* the index solves EI(index) = cost */
        assert_near(hpo_acq_log_ei(mean, sd, index, NULL, NULL), hpo_log(cost), 0, 1e-9);
    }
}

static void test_price_decides(void **state)
{
    (void)state;
    rules r;
    rules_open(&r, "x: 0..1; y: 0..1");
    rules_search(&r, 60, 0, 3);
    assert_true(rules_judge(&r, "pbgi:price=1").stop);
    assert_false(rules_judge(&r, "pbgi:price=1e-12").stop);
    /* trials that cost a thousand times as much are worth it a thousand times less often */
    for (size_t i = 0; i < r.view.n_done; i++)
        r.cost[i] = 1e12;
    assert_true(rules_judge(&r, "pbgi:price=1e-12").stop);
    for (size_t i = 0; i < r.view.n_done; i++)
        r.cost[i] = 1 + 10 * r.u[2 * i]; /* a model of cost */
    assert_true(rules_judge(&r, "pbgi:price=1").stop);
    assert_false(rules_judge(&r, "pbgi:price=1e-12").stop);
    rules_close(&r);
}

/* Nothing to see: no trial, failures only, one value over and over, huge values. */
static void test_odd_data_do_not_stop_a_study(void **state)
{
    (void)state;
    static const char *const texts[] = {"regret:trials=4,every=1", "emmr:warm_up=3,first=1,every=1",
                                        "pbgi:trials=4,every=1"};
    for (size_t k = 0; k < 3; k++) {
        rules r;
        rules_open(&r, "x: 0..1; c: a,b,c");
        assert_false(rules_judge(&r, texts[k]).stop);
        for (int i = 0; i < 10; i++)
            rules_add(&r, (double[]){0.05 * i, 0.5}, (double)NAN);
        assert_false(rules_judge(&r, texts[k]).stop);
        for (int i = 0; i < 10; i++)
            rules_add(&r, (double[]){0.5, 0.5}, (double)INFINITY);
        assert_false(rules_judge(&r, texts[k]).stop);
        for (int i = 0; i < 10; i++)
            rules_add(&r, (double[]){0.5, 0.5}, i % 2 ? 1e300 : -1e300);
        (void)rules_judge(&r, texts[k]);
        for (int i = 0; i < 10; i++)
            rules_add(&r, (double[]){0.09 * i, 0.5}, 1);
        (void)rules_judge(&r, texts[k]);
        rules_close(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_confidence_of_the_bounds),
        cmocka_unit_test(test_error_of_a_value),
        cmocka_unit_test(test_regret_bound_covers_the_regret),
        cmocka_unit_test(test_regret_weighs_gain_against_error),
        cmocka_unit_test(test_regret_stops_in_noise),
        cmocka_unit_test(test_late_processes_agree),
        cmocka_unit_test(test_emmr_stops_when_nothing_moves),
        cmocka_unit_test(test_price_rule_is_pandoras),
        cmocka_unit_test(test_price_decides),
        cmocka_unit_test(test_odd_data_do_not_stop_a_study),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
