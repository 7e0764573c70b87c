/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/bracket, halving, hyperband, iepoch: the published tables, and what happens when trials fail or
 * end. */
#include "drive.h"

#include "scheduler/bracket.h"

static void expect_plan(const drive *d, size_t j, const double *resource, const size_t *size, size_t n)
{
    const hpo_brackets *b = d->s.state;
    assert_int_equal(b->plans[j].n, n);
    for (size_t i = 0; i < n; i++) {
        assert_true(b->plans[j].resource[i] == resource[i]);
        assert_int_equal(b->plans[j].size[i], size[i]);
    }
}

/* JMLR 18, 2018, Table 1: R = 81, eta = 3. */
static void test_tables(void **state)
{
    (void)state;
    static drive d;
    const double r4[] = {1, 3, 9, 27, 81}, r3[] = {3, 9, 27, 81}, r2[] = {9, 27, 81}, r1[] = {27, 81},
                 r0[] = {81};
    const size_t t4[] = {81, 27, 9, 3, 1}, t3[] = {27, 9, 3, 1}, t2[] = {9, 3, 1}, t1[] = {6, 2}, t0[] = {5};
    drive_open(&d, "hyperband:sizes=table", 1, 81, 10);
    expect_plan(&d, 0, r4, t4, 5);
    expect_plan(&d, 1, r3, t3, 4);
    expect_plan(&d, 2, r2, t2, 3);
    expect_plan(&d, 3, r1, t1, 2);
    expect_plan(&d, 4, r0, t0, 1);
    drive_close(&d);
    const size_t a3[] = {34, 11, 3, 1}, a2[] = {15, 5, 1}, a1[] = {8, 2};
    drive_open(&d, "hyperband", 1, 81, 10);
    expect_plan(&d, 0, r4, t4, 5);
    expect_plan(&d, 1, r3, a3, 4);
    expect_plan(&d, 2, r2, a2, 3);
    expect_plan(&d, 3, r1, a1, 2);
    expect_plan(&d, 4, r0, t0, 1);
    /* what the brackets cost when every rung begins at 0: 405, 363, 351, 378, 405, in all 1902 */
    const hpo_brackets *b = d.s.state;
    const double cost[] = {405, 363, 351, 378, 405};
    for (size_t j = 0; j < 5; j++) {
        double sum = 0;
        for (size_t i = 0; i < b->plans[j].n; i++)
            sum += (double)b->plans[j].size[i] * b->plans[j].resource[i];
        assert_true(sum == cost[j]);
    }
    drive_close(&d);
}

/* Jamieson and Talwalkar: n = 8, B = 96: 8 x 4, 4 x 8, 2 x 16 more. */
static void test_budget_form(void **state)
{
    (void)state;
    static drive d;
    const double r[] = {4, 12, 28};
    const size_t n[] = {8, 4, 2};
    drive_open(&d, "halving:eta=2,n=8,budget=96", 1, 100, 10);
    expect_plan(&d, 0, r, n, 3);
    drive_close(&d);
    hpo_scheduler s;
    hpo_error err;
    const hpo_sched_problem p = {.n_objectives = 1, .sign = &drive_sign, .low = 5, .high = 100, .whole = 1};
    assert_fails(hpo_scheduler_open("halving:eta=2,n=8,budget=96", &p, &s, &err), HPO_EINVAL, err,
                 "raise it");
}

/* Runs everything, one piece after the other; trial t is worth (31 t mod 1000). */
static void run_all(drive *d)
{
    for (;;) {
        hpo_action a = drive_next(d, 0);
        int64_t t = drive_start(d, &a);
        if (t < 0) return;
        drive_piece(d, t, (double)(t * 31 % 1000), 0);
    }
}

static void test_a_round_of_hyperband(void **state)
{
    (void)state;
    static drive d;
    int at[5] = {0};
    const double level[] = {1, 3, 9, 27, 81};
    drive_open(&d, "hyperband", 1, 81, 81 + 34 + 15 + 8 + 5);
    run_all(&d);
    for (int64_t t = 0; t < d.n; t++)
        for (size_t k = 0; k < 5; k++)
            at[k] += d.reached[t] == level[k];
    assert_int_equal(at[4], 1 + 1 + 1 + 2 + 5);
    assert_int_equal(at[0], 81 - 27);
    assert_int_equal(at[1], 27 - 9 + 34 - 11);
    /* the work of going on instead of beginning anew */
    double work = 0;
    const hpo_brackets *b = d.s.state;
    for (size_t j = 0; j < 5; j++)
        for (size_t i = 0; i < b->plans[j].n; i++)
            work += (double)b->plans[j].size[i] *
                    (b->plans[j].resource[i] - (i > 0 ? b->plans[j].resource[i - 1] : 0));
    assert_true(d.spent == work);
    /* the best of the first bracket is the one that runs to the end */
    int64_t best = 0;
    for (int64_t t = 0; t < 81; t++)
        if (t * 31 % 1000 < best * 31 % 1000) best = t;
    assert_true(d.reached[best] == 81);
    drive_close(&d);
}

/* The table of rungs outlasts the brackets, also where the rule is one of several. */
static void test_the_table_when_all_is_over(void **state)
{
    (void)state;
    static const char *const specs[] = {"halving:eta=2,n=4", "halving:eta=2,n=4 or threshold:upper=1000",
                                        "threshold:upper=1000 or (median or halving:eta=2,n=4)"};
    for (size_t i = 0; i < 3; i++) {
        static drive d;
        char text[1024];
        size_t n;
        hpo_error err;
        drive_open(&d, specs[i], 1, 4, 8);
        run_all(&d);
        assert_ok(d.s.ops->describe(d.s.state, text, sizeof text - 1, &n, &err), err);
        text[n] = '\0';
        assert_string_equal(
            text, /* of the second bracket, trials 4 to 7 */
            "{\"rungs\":["
            "{\"bracket\":1,\"resource\":1,\"size\":4,\"promoted\":2,\"best\":124,\"best_trial\":4},"
            "{\"bracket\":1,\"resource\":2,\"size\":2,\"promoted\":1,\"best\":124,\"best_trial\":4},"
            "{\"bracket\":1,\"resource\":4,\"size\":1,\"promoted\":0,\"best\":124,\"best_trial\":4}]}");
        drive_close(&d);
    }
}

/* A rung that waits holds nobody up: the next bracket begins. */
static void test_nobody_waits(void **state)
{
    (void)state;
    static drive d;
    drive_open(&d, "halving:eta=2,n=4", 1, 4, 100);
    int64_t t[4];
    for (size_t i = 0; i < 4; i++) {
        hpo_action a = drive_next(&d, (int64_t)i);
        assert_int_equal(a.kind, HPO_ACT_NEW);
        t[i] = drive_start(&d, &a);
    }
    for (size_t i = 0; i < 3; i++)
        drive_piece(&d, t[i], (double)i, 0);
    hpo_action a = drive_next(&d, 1);
    assert_int_equal(a.kind, HPO_ACT_NEW);        /* of the second bracket */
    drive_tell(&d, t[3], HPO_STATE_FAILED, NULL); /* the rung is full, one has failed: the best two go on */
    for (int64_t want = 0; want < 2; want++) {
        a = drive_next(&d, 0);
        assert_int_equal(a.kind, HPO_ACT_RESUME);
        assert_int_equal(a.trial, want);
        assert_true(a.resource == 2);
        assert_int_equal(drive_start(&d, &a), want);
    }
    drive_close(&d);
}

/* The budget ends in the middle of rung 0: what is there is decided. */
static void test_too_few_trials(void **state)
{
    (void)state;
    static drive d;
    int complete = 0;
    drive_open(&d, "hyperband", 1, 81, 20);
    run_all(&d);
    for (int64_t t = 0; t < d.n; t++)
        complete += d.state[t] == HPO_STATE_COMPLETE;
    assert_int_equal(d.n, 20);
    assert_int_equal(complete, 1);
    drive_close(&d);
}

static void test_all_fail(void **state)
{
    (void)state;
    static drive d;
    drive_open(&d, "halving:eta=3,n=9", 1, 9, 30);
    for (;;) {
        hpo_action a = drive_next(&d, 0);
        int64_t t = drive_start(&d, &a);
        if (t < 0) break;
        drive_tell(&d, t, HPO_STATE_FAILED, NULL);
    }
    assert_int_equal(d.n, 30);
    drive_close(&d);
}

static void test_iepoch(void **state)
{
    (void)state;
    static drive d;
    int at1 = 0, at81 = 0;
    drive_open(&d, "i-epoch:keep=4", 1, 81, 50);
    run_all(&d);
    for (int64_t t = 0; t < d.n; t++) {
        at1 += d.reached[t] == 1;
        at81 += d.reached[t] == 81;
    }
    assert_int_equal(at1, 46);
    assert_int_equal(at81, 4);
    drive_close(&d);
    drive_open(&d, "i-epoch", 1, 81, INT64_MAX);
    const hpo_sched_ask q = {.may_create = 1, .planned = 0};
    hpo_action a = {.kind = HPO_ACT_NEW};
    hpo_error err;
    assert_fails(d.s.ops->next(d.s.state, &q, &a, &err), HPO_EINVAL, err, "budget of trials");
    drive_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_budget_form),
        cmocka_unit_test(test_a_round_of_hyperband),
        cmocka_unit_test(test_the_table_when_all_is_over),
        cmocka_unit_test(test_nobody_waits),
        cmocka_unit_test(test_too_few_trials),
        cmocka_unit_test(test_all_fail),
        cmocka_unit_test(test_iepoch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
