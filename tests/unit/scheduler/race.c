/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/race, wilcoxon, hoeffding, friedman. */
#include "drive.h"

#include "hpo/sampler.h"
#include "scheduler/race.h"

/* P(T >= t) by going through all signs of the nonzero differences. */
static double enumerate(const double *d, size_t n)
{
    double rank[20], nonzero[20], t = 0;
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        double below = 0, same = 0;
        for (size_t j = 0; j < n; j++) {
            below += fabs(d[j]) < fabs(d[i]);
            same += fabs(d[j]) == fabs(d[i]);
        }
        rank[i] = below + (same + 1) / 2;
        if (d[i] == 0) continue;
        t += d[i] > 0 ? rank[i] : 0;
        nonzero[m++] = rank[i];
    }
    size_t hits = 0;
    for (size_t signs = 0; signs < (size_t)1 << m; signs++) {
        double sum = 0;
        for (size_t i = 0; i < m; i++)
            if (signs >> i & 1) sum += nonzero[i];
        hits += sum >= t - 1e-9;
    }
    return (double)hits / (double)((size_t)1 << m);
}

static void test_signed_rank(void **state)
{
    (void)state;
    hpo_rng rng;
    double d[60], scratch[240];
    hpo_rng_init(&rng, t_rng_create().state, 2, 1000);
    /* Published: n = 5, all positive: 1/32; n = 8, T = 33: 5/256 (Hollander, Wolfe, table A.4). */
    for (size_t i = 0; i < 5; i++)
        d[i] = (double)i + 1;
    assert_true(fabs(hpo_signed_rank_p(d, 5, scratch) - 1.0 / 32) < 1e-15);
    for (size_t i = 0; i < 8; i++)
        d[i] = i == 2 ? -3 : (double)i + 1; /* T+ = 36 - 3 */
    assert_true(fabs(hpo_signed_rank_p(d, 8, scratch) - 5.0 / 256) < 1e-15);
    for (int round = 0; round < 60; round++) {
        size_t n = 1 + (size_t)hpo_rng_below(&rng, 14);
        for (size_t i = 0; i < n; i++) /* with ties and zeros */
            d[i] = (double)hpo_rng_below(&rng, 9) - 3;
        assert_true(fabs(hpo_signed_rank_p(d, n, scratch) - enumerate(d, n)) < 1e-12);
    }
    /* beyond 25 it is the normal distribution's: near the exact one, by counting subsets of 1..40 by their
     * sum */
    double p[821] = {1}, t = 0, exact = 0;
    for (size_t r = 1; r <= 40; r++) {
        d[r - 1] = r % 3 == 0 ? -(double)r : (double)r;
        t += d[r - 1] > 0 ? (double)r : 0;
        for (size_t sum = 821; sum-- > 0;)
            p[sum] = p[sum] / 2 + (sum >= r ? p[sum - r] / 2 : 0);
    }
    for (size_t sum = 821; sum-- > (size_t)t;)
        exact += p[sum];
    assert_true(fabs(hpo_signed_rank_p(d, 40, scratch) - exact) < 0.03 * exact);
}

static hpo_sched_answer tell_fold(drive *d, int64_t trial, int32_t fold, double y)
{
    hpo_error err;
    hpo_sched_answer a = {.decision = HPO_CONTINUE};
    const hpo_sched_report r = {.trial = trial, .step = fold + 1, .y = &y, .n_objectives = 1, .fold = fold};
    assert_ok(d->s.ops->report(d->s.state, &r, &a, &err), err);
    if (a.reason[0] != '\0') memcpy(d->reason, a.reason, sizeof d->reason);
    return a;
}

static void test_wilcoxon(void **state)
{
    (void)state;
    static drive d;
    drive_open(&d, "wilcoxon", 1, 10, 100);
    for (int32_t k = 0; k < 10; k++)
        assert_int_equal(tell_fold(&d, 0, k, k).decision, HPO_CONTINUE); /* nothing to compare with */
    double mean = 4.5;
    drive_tell(&d, 0, HPO_STATE_COMPLETE, &mean);
    /* worse on every fold: 1/8 after three, 1/16 < 0.1 after four */
    for (int32_t k = 0; k < 4; k++)
        assert_int_equal(tell_fold(&d, 1, 9 - k, 9 - k + 0.1).decision, k == 3 ? HPO_STOP : HPO_CONTINUE);
    assert_non_null(strstr(d.reason, "worse than trial 0 on 4 common instances"));
    /* worse on each, but on the easy folds: its mean is better than the best trial's whole mean */
    for (int32_t k = 0; k < 4; k++)
        assert_int_equal(tell_fold(&d, 2, k, k + 0.1).decision, HPO_CONTINUE);
    /* a fold that comes again counts once */
    assert_int_equal(tell_fold(&d, 2, 0, 100).decision, HPO_CONTINUE);
    drive_close(&d);
}

/* h(n) = sqrt(ln(2 / 0.05) / (2 n)): two trials at 0 and 1 part when 1 - h(n) > h(n), from n = 8 on. */
static void test_hoeffding(void **state)
{
    (void)state;
    static drive d;
    drive_open(&d, "hoeffding", 1, 10, 100);
    for (int32_t k = 0; k < 9; k++) {
        assert_int_equal(tell_fold(&d, 0, k, 0).decision, HPO_CONTINUE);
        double h = sqrt(log(40) / (2 * (k + 1)));
        assert_int_equal(tell_fold(&d, 1, k, 1).decision, 1 - h > h ? HPO_STOP : HPO_CONTINUE);
        assert_int_equal(1 - h > h, k + 1 >= 8);
    }
    drive_close(&d);
}

/* Conover (1999), section 5.8, example 1 has 12 blocks of 4 treatments (grasses by home owners): T = 8.097
 * with three degrees of freedom, significant at 0.05; rank sums 38, 23.5, 24.5, 34; treatments differ by more
 * than 11.5 or so. As losses (ranks as values) treatment 1 is worse than 2 and 3. */
static void test_friedman(void **state)
{
    (void)state;
    static const double rank[12][4] = {{4, 3, 2, 1},     {4, 2, 3, 1}, {3, 1.5, 1.5, 4}, {3, 1, 2, 4},
                                       {4, 2, 1, 3},     {2, 2, 2, 4}, {1, 3, 2, 4},     {2, 4, 1, 3},
                                       {3.5, 1, 2, 3.5}, {4, 1, 3, 2}, {4, 2, 3, 1},     {3.5, 1, 2, 3.5}};
    static drive d;
    drive_open(&d, "friedman:first=12", 1, 12, 100);
    for (int64_t t = 1; t < 4; t++)
        for (int32_t k = 0; k < 12; k++)
            (void)tell_fold(&d, t, k, rank[k][t]);
    for (int32_t k = 0; k < 12; k++)
        assert_int_equal(tell_fold(&d, 0, k, rank[k][0]).decision, k == 11 ? HPO_STOP : HPO_CONTINUE);
    assert_non_null(strstr(d.reason, "mean rank 3.17 of 4 trials on 12 instances, trial 1 has 1.96"));
    drive_close(&d);
}

/* Trials that are all alike are seldom stopped: the level is 5 per cent. */
static void test_friedman_level(void **state)
{
    (void)state;
    hpo_rng rng;
    int stopped = 0;
    hpo_rng_init(&rng, 12, 3, 1000);
    for (int round = 0; round < 200; round++) {
        static drive d;
        drive_open(&d, "friedman:first=8", 1, 12, 100);
        for (int64_t t = 0; t < 5; t++)
            for (int32_t k = 0; k < 8; k++)
                stopped += tell_fold(&d, t, k, hpo_rng_normal(&rng)).decision == HPO_STOP && t == 4;
        drive_close(&d);
    }
    assert_true(stopped < 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signed_rank),    cmocka_unit_test(test_wilcoxon),
        cmocka_unit_test(test_hoeffding),      cmocka_unit_test(test_friedman),
        cmocka_unit_test(test_friedman_level),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
