/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/asha_forecast: the threshold against closed forms and against sampling, and who goes on against
 * the same rule computed from the curves directly. */
#include "drive.h"

#include "math/rng.h"
#include "model/curves.h"
#include "scheduler/rung.h"

enum { HIGH = 81, LEVELS = 5, KEEP = 3, TRIALS = 60 };

static const double level_at[LEVELS] = {1, 3, 9, 27, 81};

static double normal_cdf(double z)
{
    return erfc(-z / sqrt(2)) / 2;
}

/* ---- the threshold ------------------------------------------------------------------------------------- */

static void test_threshold_closed_forms(void **state)
{
    (void)state;
    const double pair[] = {-0.3, 0.3}, same[] = {2, 2, 2, 2, 2}, one[] = {1, 1, 1, 1, 1}, half[] = {0.5, 0.5},
                 spread[] = {0.1, 1, 3, 0.2, 7};
    /* of two mirror images, the middle; equal beliefs, the quantile of any of them; equal means, the mean */
    assert_near(hpo_rung_threshold(pair, half, 2, 1), 0, 1e-9, 0);
    assert_near(normal_cdf(hpo_rung_threshold(same, one, 5, 2) - 2), 0.4, 1e-9, 0);
    assert_near(hpo_rung_threshold(same, spread, 5, 2.5), 2, 1e-9, 0);
    assert_true(isinf(hpo_rung_threshold(same, one, 5, 5)) && hpo_rung_threshold(same, one, 5, 5) > 0);
    assert_true(isinf(hpo_rung_threshold(same, one, 5, 0)) && hpo_rung_threshold(same, one, 5, 0) < 0);
    /* certainty: between the last that is kept and the first that is not */
    const double mean[] = {5, 1, 4, 2, 3}, sharp[] = {1e-4, 1e-4, 1e-4, 1e-4, 1e-4};
    double t = hpo_rung_threshold(mean, sharp, 5, 2);
    assert_true(t > 2 && t < 3);
}

/* The threshold makes of n trials `m` on average; with it the probability is close to that of being among the
 * best m of a draw of all, the closer the more trials there are. */
static void test_threshold_against_draws(void **state)
{
    (void)state;
    enum { N = 81, M = 27, DRAWS = 4000 };
    hpo_rng rng;
    double mean[N], sd[N], y[N], sum = 0, worst = 0;
    int among[N] = {0};
    hpo_rng_init(&rng, t_rng_create().state, 0, 1000);
    for (size_t i = 0; i < N; i++) {
        mean[i] = hpo_rng_uniform(&rng);
        sd[i] = 0.02 + 0.5 * hpo_rng_uniform(&rng);
    }
    for (int k = 0; k < DRAWS; k++) {
        for (size_t i = 0; i < N; i++)
            y[i] = mean[i] + sd[i] * hpo_rng_normal(&rng);
        for (size_t i = 0; i < N; i++) {
            int before = 0;
            for (size_t j = 0; j < N; j++)
                before += y[j] < y[i];
            among[i] += before < M;
        }
    }
    double t = hpo_rung_threshold(mean, sd, N, M);
    for (size_t i = 0; i < N; i++) {
        double p = normal_cdf((t - mean[i]) / sd[i]);
        sum += p;
        worst = fmax(worst, fabs(p - (double)among[i] / DRAWS));
    }
    assert_near(sum, M, 1e-8, 0);
    assert_true(worst < 0.05);
}

/* ---- the rule once more: every forecast made anew, all of a rung sorted ----------------------------------
 */

/* Even trials are quick and flat, odd ones slow; which end better is mixed. */
static double curve(int64_t t, double step)
{
    double end = 0.1 + 0.5 * (double)(t * 37 % 100) / 100, rate = t % 2 == 0 ? 2 : 14;
    return end + (1 - end) * exp(-step / rate) + 0.003 * sin(5 * step + (double)t);
}

static int level_of(double reached)
{
    int k = LEVELS - 1;
    while (k >= 0 && level_at[k] > reached)
        k--;
    return k;
}

/* z of every trial for the quota of a rung, by halving. */
static size_t judge(const drive *d, hpo_curves *c, int k, double *z)
{
    hpo_error err;
    double mean[DRIVE_MOST], sd[DRIVE_MOST], low = -50, high = 50;
    size_t n = 0;
    for (int64_t i = 0; i < d->n; i++) {
        if (level_of(d->reached[i]) < k) continue;
        n++;
        sd[i] = 1e-4;
        mean[i] = hpo_curves_to_units(c, curve(i, HIGH));
        if (d->reached[i] >= HIGH) continue;
        assert_ok(hpo_curves_focus(c, (size_t)i, NULL, &err), err);
        hpo_curves_latent(c, (double)INFINITY, &mean[i], &sd[i]);
        sd[i] = fmax(sd[i], 1e-4);
    }
    for (int round = 0; round < 100; round++) {
        double t = (low + high) / 2, sum = 0;
        for (int64_t i = 0; i < d->n; i++)
            if (level_of(d->reached[i]) >= k) sum += normal_cdf((t - mean[i]) / sd[i]);
        if (sum < (double)(n / KEEP))
            low = t;
        else
            high = t;
    }
    for (int64_t i = 0; i < d->n; i++)
        z[i] = level_of(d->reached[i]) >= k ? ((low + high) / 2 - mean[i]) / sd[i] : -(double)INFINITY;
    return n;
}

static int64_t choose(const drive *d, hpo_curves *c)
{
    double z[DRIVE_MOST];
    if (hpo_curves_epoch(c) == 0) return -1;
    for (int k = LEVELS - 2; k >= 0; k--) {
        size_t n = judge(d, c, k, z), rank = 0;
        int64_t best = -1;
        if (n < KEEP) continue;
        for (int64_t i = 0; i < d->n; i++)
            if (d->state[i] == HPO_STATE_PAUSED && level_of(d->reached[i]) == k &&
                (best < 0 || z[i] > z[best]))
                best = i;
        for (int64_t i = 0; best >= 0 && i < d->n; i++)
            rank += z[i] > z[best];
        if (best >= 0 && rank < n / KEEP) return best;
    }
    return -1;
}

static void run_piece(drive *d, int64_t t)
{
    hpo_sched_answer a = {.decision = HPO_CONTINUE};
    double y = 0;
    for (double step = d->reached[t] + 1; step <= d->target[t]; step++) {
        y = curve(t, step);
        a = drive_report(d, t, step, y, 1);
        assert_int_equal(a.decision, step < d->target[t] || step >= HIGH ? HPO_CONTINUE : HPO_PAUSE);
    }
    d->reached[t] = d->target[t];
    int full = d->target[t] >= HIGH;
    drive_tell(d, t, full ? HPO_STATE_COMPLETE : HPO_STATE_PAUSED, full ? &y : NULL);
}

static void test_rule(void **state)
{
    (void)state;
    static drive d;
    hpo_error err;
    hpo_curves *c;
    int resumed = 0, complete = 0;
    drive_open(&d, "asha-forecast", 1, HIGH, TRIALS);
    assert_ok(hpo_curves_create(HIGH, 7, &c, &err), err);
    for (;;) {
        int64_t wanted = choose(&d, c);
        if (wanted < 0 && d.n == TRIALS) break;
        hpo_action a = drive_next(&d, 0);
        assert_int_equal(a.kind == HPO_ACT_RESUME ? a.trial : -1, wanted);
        if (wanted >= 0) assert_non_null(strstr(a.reason, "of ending among the best"));
        int64_t t = drive_start(&d, &a);
        assert_true(d.target[t] == level_at[level_of(d.reached[t]) + 1]);
        for (double step = d.reached[t] + 1; step <= d.target[t]; step++)
            assert_ok(hpo_curves_report(c, (size_t)t, step, curve(t, step), &err), err);
        run_piece(&d, t);
        resumed += a.kind == HPO_ACT_RESUME;
        complete += d.state[t] == HPO_STATE_COMPLETE;
        if (d.state[t] == HPO_STATE_PAUSED && d.n > 1) assert_non_null(strstr(d.reason, "probability"));
    }
    assert_true(resumed > 10 && complete > 0);
    hpo_curves_free(c);
    drive_close(&d);
}

/* All values equal: nothing can be forecast, so that it is ASHA; failed trials never go on. */
static void test_nothing_to_forecast(void **state)
{
    (void)state;
    static drive d, asha;
    drive_open(&d, "asha-forecast", 1, HIGH, 12);
    drive_open(&asha, "asha", 1, HIGH, 12);
    for (;;) {
        hpo_action a = drive_next(&d, 0), b = drive_next(&asha, 0);
        assert_true(a.kind == b.kind && a.trial == b.trial && a.resource == b.resource);
        int64_t t = drive_start(&d, &a), u = drive_start(&asha, &b);
        assert_int_equal(t, u);
        if (t < 0) break;
        double y = t % 4 == 1 ? (double)NAN : 0.5;
        drive_piece(&d, t, y, 1);
        drive_piece(&asha, t, y, 1);
        assert_string_equal(d.reason, asha.reason);
    }
    for (int64_t t = 1; t < 12; t += 4)
        assert_true(d.reached[t] == 1);
    drive_close(&d);
    drive_close(&asha);
}

/* Two trials only, fewer than eta: when they are spent, the one that is expected to end better runs to the
 * end. */
static void test_finish(void **state)
{
    (void)state;
    static drive d;
    drive_open(&d, "asha-forecast", 1, HIGH, 2);
    for (;;) {
        hpo_action a = drive_next(&d, 0);
        int64_t t = drive_start(&d, &a);
        if (t < 0) break;
        run_piece(&d, t);
    }
    assert_true(d.reached[0] == 1 || d.reached[1] == 1);
    assert_true(d.reached[0] == HIGH || d.reached[1] == HIGH);
    drive_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threshold_closed_forms),
        cmocka_unit_test(test_threshold_against_draws),
        cmocka_unit_test(test_rule),
        cmocka_unit_test(test_finish),
        cmocka_unit_test(test_nothing_to_forecast),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
