/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/asha, asha_cost, hyperband_async, pasha: who goes on, and when. */
#include "drive.h"

#include "scheduler/asha.h"

/* Trial i is worth i: the order of arrival is the order of merit. */
static void test_promotion(void **state)
{
    (void)state;
    static drive d;
    hpo_action a;
    drive_open(&d, "asha:eta=3", 1, 9, 100);
    for (int64_t i = 0; i < 3; i++) {
        a = drive_next(&d, 0);
        assert_int_equal(a.kind, HPO_ACT_NEW); /* 0, 1 or 2 entries: floor(n / 3) is 0 */
        assert_true(a.resource == 1);
        drive_piece(&d, drive_start(&d, &a), (double)i, 0);
    }
    a = drive_next(&d, 0); /* of three the best goes on */
    assert_int_equal(a.kind, HPO_ACT_RESUME);
    assert_int_equal(a.trial, 0);
    assert_true(a.resource == 3);
    assert_string_equal(a.reason, "rank 1 of 3 at rung 1: goes on to 3");
    assert_int_equal(drive_start(&d, &a), 0);
    a = drive_next(&d, 1); /* while it runs: nobody else may */
    assert_int_equal(a.kind, HPO_ACT_NEW);
    int64_t t = drive_start(&d, &a);
    drive_piece(&d, t, -5, 0); /* four entries, and the newest is the best of them */
    a = drive_next(&d, 1);
    assert_int_equal(a.kind, HPO_ACT_RESUME);
    assert_int_equal(a.trial, t);
    drive_close(&d);
}

/* Li and others: a rung holds at most 1/eta of the one below it, give or take what was promoted before better
 * ones came; the resource of the whole stays far below that of training everything. */
static void test_rungs_shrink(void **state)
{
    (void)state;
    static drive d;
    hpo_rng rng;
    drive_open(&d, "asha", 1, 81, 400);
    hpo_rng_init(&rng, t_rng_create().state, 1, 1000);
    for (;;) {
        hpo_action a = drive_next(&d, 0);
        int64_t t = drive_start(&d, &a);
        if (t < 0) break;
        drive_piece(&d, t, (double)(t * 37 % 400) + hpo_rng_uniform(&rng) / d.target[t], 0);
        assert_true(d.reached[t] <= 81);
    }
    const hpo_asha *s = d.s.state;
    for (size_t k = 0; k + 1 < s->levels.n; k++) {
        const hpo_rung *low = &s->rungs[k], *high = &s->rungs[k + 1];
        size_t n = hpo_ranking_size(&low->ranking);
        assert_int_equal(low->promoted, hpo_ranking_size(&high->ranking));
        assert_true(hpo_ranking_size(&high->ranking) >= n / 3);
        assert_true(hpo_ranking_size(&high->ranking) <= n / 3 + (size_t)sqrt((double)n) + 1);
    }
    assert_true(d.spent < 400 * 81 / 8);
    drive_close(&d);
}

static void test_stopping(void **state)
{
    (void)state;
    static drive d;
    drive_open(&d, "asha-stopping,eta=3", 1, 9, 100);
    /* the first two come to a rung with fewer than eta entries; then 2 of 3 is not within 3 / 3 */
    const double y[] = {1, 2, 1.5, 0.5, 3, 0.7};
    const hpo_decision wanted[] = {HPO_CONTINUE, HPO_CONTINUE, HPO_STOP,
                                   HPO_CONTINUE, HPO_STOP,     HPO_CONTINUE};
    for (int64_t i = 0; i < 6; i++) {
        hpo_action a = drive_next(&d, 0);
        assert_int_equal(a.kind, HPO_ACT_NEW);
        assert_true(a.resource == 9);
        hpo_sched_answer answer = drive_report(&d, drive_start(&d, &a), 1, y[i], 0);
        assert_int_equal(answer.decision, wanted[i]);
    }
    assert_string_equal(d.reason, "rank 5 of 5 at rung 1");
    /* between rungs nothing is decided, and a step that comes again changes nothing */
    assert_int_equal(drive_report(&d, 1, 2, 100, 0).decision, HPO_CONTINUE);
    assert_int_equal(drive_report(&d, 1, 1, -100, 0).decision, HPO_CONTINUE);
    /* a report behind two rungs counts for both: 1 of 1 at 3, and at 9 */
    assert_int_equal(drive_report(&d, 1, 9, 0.1, 0).decision, HPO_CONTINUE);
    char text[2000];
    hpo_error err;
    size_t n = 0;
    assert_ok(d.s.ops->describe(d.s.state, text, sizeof text - 1, &n, &err), err);
    text[n] = '\0';
    assert_string_equal(
        text, "{\"rungs\":["
              "{\"bracket\":0,\"resource\":1,\"size\":6,\"promoted\":1,\"best\":0.5,\"best_trial\":3},"
              "{\"bracket\":0,\"resource\":3,\"size\":1,\"promoted\":1,\"best\":0.1,\"best_trial\":1},"
              "{\"bracket\":0,\"resource\":9,\"size\":1,\"promoted\":0,\"best\":0.1,\"best_trial\":1}]}");
    drive_close(&d);
}

/* Without a fidelity and without `min` nothing is judged before a trial has ended: at step 250, so that rungs
 * stand at 2, 6, 18, ...; the first at a rung goes on only if it is the best so far. */
static void test_no_known_end(void **state)
{
    (void)state;
    static drive d;
    const double nan = (double)NAN, y = 0;
    drive_open(&d, "asha-stopping:first=compete", nan, nan, 100);
    for (int64_t i = 0; i < 3; i++) {
        hpo_action a = drive_next(&d, 0);
        assert_int_equal(drive_start(&d, &a), i);
    }
    assert_int_equal(drive_report(&d, 0, 250, 5, 0).decision, HPO_CONTINUE);
    assert_int_equal(drive_report(&d, 1, 240, 50, 0).decision, HPO_CONTINUE);
    drive_tell(&d, 0, HPO_STATE_COMPLETE, &y);
    assert_int_equal(drive_report(&d, 2, 1, 7, 0).decision, HPO_CONTINUE); /* below the lowest rung */
    assert_int_equal(drive_report(&d, 2, 2, 7, 0).decision, HPO_CONTINUE); /* 1 of 1 */
    assert_int_equal(drive_report(&d, 1, 241, 8, 0).decision, HPO_STOP);   /* 2 of 2 */
    assert_string_equal(d.reason, "rank 2 of 2 at rung 2");
    assert_int_equal(drive_report(&d, 2, 1e6, 7, 0).decision, HPO_CONTINUE); /* alone at all the others */
    drive_close(&d);

    /* bootstrap: the first two at each rung stop, then the best third goes on, ties with it too */
    static const double v[] = {3, 3, 3, 4, 3, 2};
    drive_open(&d, "asha-stopping:min=1,bootstrap=2", nan, nan, 100);
    for (int64_t i = 0; i < 6; i++) {
        hpo_action a = drive_next(&d, 0);
        int goes_on = i != 3 && i >= 2;
        assert_int_equal(drive_report(&d, drive_start(&d, &a), 1, v[i], 0).decision,
                         goes_on ? HPO_CONTINUE : HPO_STOP);
    }
    drive_close(&d);
}

/* Brackets as Hyperband for 81 steps: five, chosen as 81 : 34 : 15 : 8 : 5. */
static void test_stopping_brackets(void **state)
{
    (void)state;
    static drive d;
    enum { N = 1000 };
    const double nan = (double)NAN, size[] = {81, 34, 15, 8, 5}, step[] = {1, 3, 9, 27, 81};
    drive_open(&d, "asha-stopping:min=1,max=81,brackets=0,draw=yes", nan, nan, N);
    for (int i = 0; i < N; i++) {
        hpo_action a = drive_next(&d, 0);
        int64_t t = drive_start(&d, &a);
        for (int k = 0; k < 5; k++)
            if (drive_report(&d, t, step[k], i, 0).decision == HPO_STOP) break;
    }
    char text[6000];
    hpo_error err;
    size_t n = 0;
    assert_ok(d.s.ops->describe(d.s.state, text, sizeof text - 1, &n, &err), err);
    text[n] = '\0';
    for (int b = 0; b < 5; b++) { /* everybody of a bracket is at its lowest rung */
        char part[80];
        long long at;
        snprintf(part, sizeof part, "{\"bracket\":%d,\"resource\":%g,\"size\":", b, step[b]);
        const char *found = strstr(text, part);
        assert_non_null(found);
        assert_int_equal(sscanf(found + strlen(part), "%lld", &at), 1);
        double p = size[b] / 143;
        assert_true(fabs((double)at - N * p) < 4 * sqrt(N * p * (1 - p)));
    }
    assert_null(strstr(text, "\"bracket\":5"));
    drive_close(&d);
}

/* Costs by order of value 5, 1, 1, 1, 1, 1 and eta 3: 10 / 3 < 5, nobody may go on; with 1, 1, ... two may.
 */
static void test_by_cost(void **state)
{
    (void)state;
    for (int dear = 0; dear < 2; dear++) {
        static drive d;
        drive_open(&d, "asha-cost:eta=3", 1, 9, 6);
        for (int64_t i = 0; i < 6; i++) { /* one after the other is better, so that none goes on on the way */
            hpo_action a = {.kind = HPO_ACT_NEW, .resource = 1};
            drive_piece(&d, drive_start(&d, &a), (double)-i, i == 5 && dear ? 5 : 1);
        }
        hpo_action a = drive_next(&d, 1);
        assert_int_equal(a.kind, dear ? HPO_ACT_NEW : HPO_ACT_RESUME);
        if (!dear) assert_int_equal(a.trial, 5);
        drive_close(&d);
    }
}

/* Six rungs: brackets that are drawn come as 243 : 98 : 41 : 18 : 9 : 6. */
static void test_bracket_shares(void **state)
{
    (void)state;
    static drive d;
    static const double levels[] = {1, 3, 9, 27, 81, 200}, share[] = {243, 98, 41, 18, 9, 6};
    int count[6] = {0};
    enum { N = 20000 };
    drive_open(&d, "hyperband-async:draw=yes", 1, 200, INT64_MAX);
    for (d.n = 0; d.n < N; d.n++) {
        hpo_action a = drive_next(&d, 0);
        for (size_t k = 0; k < 6; k++)
            count[k] += a.resource == levels[k];
    }
    for (size_t k = 0; k < 6; k++) {
        double p = share[k] / 415, sd = sqrt(N * p * (1 - p));
        assert_true(fabs(count[k] - N * p) < 5 * sd);
    }
    drive_close(&d);
}

/* Brackets that are not drawn get the same resource each, and a trial that begins at rung b comes only when a
 * sixth of all that was spent pays for it.  Values are random: what a rung says is worth nothing. */
static void test_brackets_share(void **state)
{
    (void)state;
    static drive d;
    static const double levels[] = {1, 3, 9, 27, 81, 200};
    static int bracket[DRIVE_MOST];
    t_rng rng = t_rng_create();
    double spent[6] = {0}, total = 0;
    drive_open(&d, "hyperband-async", 1, 200, INT64_MAX);
    while (d.n < DRIVE_MOST) {
        hpo_action a = drive_next(&d, 0);
        int64_t t = drive_start(&d, &a);
        assert_true(t >= 0);
        double more = d.target[t] - d.reached[t];
        if (a.kind == HPO_ACT_NEW) {
            bracket[t] = 0;
            while (levels[bracket[t]] < a.resource)
                bracket[t]++;
            if (bracket[t] > 0) assert_true(6 * (spent[bracket[t]] + a.resource) <= total);
        }
        spent[bracket[t]] += more;
        total += more;
        drive_piece(&d, t, t_uniform(&rng), 0);
    }
    for (int b = 0; b < 6; b++)
        assert_true(fabs(spent[b] / total - 1. / 6) < 0.03);
    drive_close(&d);

    double ran[5] = {0}, all = 0; /* the same where trials only stop */
    const double nan = (double)NAN;
    drive_open(&d, "asha-stopping:min=1,max=81,brackets=0", nan, nan, DRIVE_MOST);
    for (int i = 0; i < DRIVE_MOST; i++) {
        hpo_action a = drive_next(&d, 0);
        int64_t t = drive_start(&d, &a);
        int b = 4;
        while (b > 0 && 5 * (ran[b] + levels[b]) > all)
            b--;
        double y = t_uniform(&rng), step = 0;
        for (hpo_sched_answer r = {.decision = HPO_CONTINUE}; r.decision == HPO_CONTINUE && step < 81;)
            r = drive_report(&d, t, ++step, y, 0);
        assert_true(step >= levels[b]); /* not judged below its rung */
        ran[b] += step;
        all += step;
    }
    for (int b = 0; b < 5; b++)
        assert_true(fabs(ran[b] / all - .2) < 0.03);
    drive_close(&d);
}

/* When the trials are spent and none has run to the end, the best one does. */
static void test_finish(void **state)
{
    (void)state;
    for (int finish = 0; finish < 2; finish++) {
        static drive d;
        drive_open(&d, finish ? "asha" : "asha:finish=no", 1, 81, 4);
        int complete = 0;
        for (;;) {
            hpo_action a = drive_next(&d, 0);
            int64_t t = drive_start(&d, &a);
            if (t < 0) break;
            drive_piece(&d, t, (double)t, 0);
            complete += d.state[t] == HPO_STATE_COMPLETE;
        }
        assert_int_equal(complete, finish);
        if (finish) assert_int_equal(d.state[0], HPO_STATE_COMPLETE);
        drive_close(&d);
    }
}

/* Curves that never cross: the rankings agree, and nothing goes beyond level 2.  Curves that do: higher rungs
 * open. */
static void test_pasha_opens_when_rankings_disagree(void **state)
{
    (void)state;
    for (int cross = 0; cross < 2; cross++) {
        static drive d;
        double most = 0;
        drive_open(&d, "pasha:finish=no", 1, 81, 200);
        for (;;) {
            hpo_action a = drive_next(&d, 0);
            int64_t t = drive_start(&d, &a);
            if (t < 0) break;
            double r = d.target[t], v = (double)(t * 71 % 200);
            drive_piece(&d, t, cross ? fabs(v - 10 * r) : v, 0);
            if (r > most) most = r;
        }
        if (cross)
            assert_true(most > 9);
        else
            assert_true(most == 9);
        drive_close(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_promotion),
        cmocka_unit_test(test_rungs_shrink),
        cmocka_unit_test(test_stopping),
        cmocka_unit_test(test_no_known_end),
        cmocka_unit_test(test_stopping_brackets),
        cmocka_unit_test(test_by_cost),
        cmocka_unit_test(test_bracket_shares),
        cmocka_unit_test(test_brackets_share),
        cmocka_unit_test(test_finish),
        cmocka_unit_test(test_pasha_opens_when_rankings_disagree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
