/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/freeze_thaw: who goes on, against ASHA at first, then against the same rule computed from the
 * curves directly. */
#include "drive.h"

#include "math/func.h"
#include "math/rng.h"
#include "model/curves.h"
#include "scheduler/rung.h"

enum { HIGH = 64, LEVELS = 7, NEWEST = 32 };

static const double level_at[LEVELS] = {1, 2, 4, 8, 16, 32, 64};

static double curve(int64_t t, double step)
{
    double end = 0.1 + 0.7 * (double)(t * 37 % 100) / 100, rate = 2 + (double)(t * 13 % 7);
    return end + (1 - end) * exp(-step / rate) + 0.003 * sin(5 * step + (double)t);
}

/* A piece with a report at every step; at the end as a program does. */
static void run_piece(drive *d, int64_t t)
{
    hpo_sched_answer a = {.decision = HPO_CONTINUE};
    double y = 0;
    for (double step = d->reached[t] + 1; step <= d->target[t]; step++) {
        y = curve(t, step);
        a = drive_report(d, t, step, y, 1);
        assert_int_equal(a.decision, step < d->target[t] || step >= HIGH ? HPO_CONTINUE : HPO_PAUSE);
    }
    d->spent += d->target[t] - d->reached[t];
    d->reached[t] = d->target[t];
    int full = d->target[t] >= HIGH;
    drive_tell(d, t, full ? HPO_STATE_COMPLETE : HPO_STATE_PAUSED, full ? &y : NULL);
}

/* ---- the rule once more, straight from its definition: every curve folded anew, everyone looked at ---- */

typedef struct oracle {
    hpo_curves *c;
    double best;
    uint64_t pieces;
} oracle;

static double price(double at, double p)
{
    size_t first = 0;
    double sum = 0, alive = 1;
    while (first < LEVELS && level_at[first] <= at)
        first++;
    for (size_t k = first; k < LEVELS; k++) {
        sum += alive * (level_at[k] - at);
        at = level_at[k];
        alive *= pow(p, 1 / (double)(LEVELS - first));
    }
    return sum;
}

/* *rates: of every trial, and at d->n of a new one. */
static int64_t choose(const drive *d, oracle *o, double *rates)
{
    hpo_error err;
    hpo_rng rng;
    double mean[DRIVE_MOST], sd[DRIVE_MOST], best = (double)INFINITY, sum = 0, squares = 0;
    for (int64_t i = 0; i <= d->n; i++)
        rates[i] = 0;
    for (int64_t i = 0; i < d->n; i++) {
        assert_ok(hpo_curves_focus(o->c, (size_t)i, NULL, &err), err);
        hpo_curves_latent(o->c, HIGH, &mean[i], &sd[i]);
        best = fmin(best, mean[i]);
    }
    if (o->best < (double)INFINITY) best = hpo_curves_to_units(o->c, o->best);
    hpo_rng_init(&rng, 7, o->pieces, HPO_RNG_SCHEDULER);
    (void)hpo_rng_uniform(&rng); /* not a matter of halving */
    double margin = pow(10, -4 + 3 * hpo_rng_uniform(&rng));
    double threshold = hpo_curves_from_units(o->c, best - margin);
    int64_t newest = d->n < NEWEST ? d->n : NEWEST, answer = -1;
    for (int64_t i = d->n - newest; i < d->n; i++) {
        sum += mean[i] / (double)newest;
        squares += (mean[i] * mean[i] + sd[i] * sd[i]) / (double)newest;
    }
    hpo_curve_prior p = hpo_curves_prior(o->c);
    p.end = sum;
    p.end_sd = sqrt(squares - sum * sum);
    assert_ok(hpo_curves_focus(o->c, DRIVE_MOST, &p, &err), err);
    double chance = hpo_curves_below(o->c, HIGH, threshold), most = rates[d->n] = chance / price(0, chance);
    for (int64_t i = 0; i < d->n; i++) {
        if (d->state[i] != HPO_STATE_PAUSED) continue;
        assert_ok(hpo_curves_focus(o->c, (size_t)i, NULL, &err), err);
        chance = hpo_curves_below(o->c, HIGH, threshold);
        rates[i] = chance / price(d->reached[i], chance);
        if (rates[i] > most) answer = i;
        most = fmax(most, rates[i]);
    }
    return answer;
}

static void test_rule(void **state)
{
    (void)state;
    static drive d, asha;
    hpo_error err;
    static double rates[DRIVE_MOST];
    int resumed = 0, complete = 0, same = 0, early = 0, rounds = T_INSTRUMENTED ? 100 : 180;
    drive_open(&d, "freeze-thaw:eta=2,halving=0", 1, HIGH, DRIVE_MOST);
    drive_open(&asha, "asha:eta=2", 1, HIGH, DRIVE_MOST);
    oracle o = {.best = (double)INFINITY};
    assert_ok(hpo_curves_create(HIGH, 7, &o.c, &err), err);
    for (int round = 0; round < rounds; round++) {
        int halves = d.spent < 2 * HIGH;
        int64_t wanted = halves ? -1 : choose(&d, &o, rates);
        hpo_action a = drive_next(&d, 0);
        int64_t got = a.kind == HPO_ACT_RESUME ? a.trial : -1;
        /* The shortlist is made by an approximation: of many that are worth nearly the same, it may miss the
         * best. */
        if (halves) {
            hpo_action b = drive_next(&asha, 0);
            assert_int_equal(a.kind, b.kind);
            if (got >= 0) assert_int_equal(a.trial, b.trial);
            run_piece(&asha, drive_start(&asha, &b));
            early++;
        } else {
            same += got == wanted;
            assert_true(rates[got < 0 ? d.n : got] >= 0.9 * rates[wanted < 0 ? d.n : wanted]);
            if (got >= 0) assert_true(strstr(a.reason, "of a new best, a new trial's") != NULL);
        }
        int64_t t = drive_start(&d, &a);
        assert_true(t >= 0);
        assert_true(d.target[t] == (got < 0 ? 1 : 2 * d.reached[t]));
        for (double step = d.reached[t] + 1; step <= d.target[t]; step++)
            assert_ok(hpo_curves_report(o.c, (size_t)t, step, curve(t, step), &err), err);
        run_piece(&d, t);
        resumed += a.kind == HPO_ACT_RESUME;
        o.pieces++;
        if (d.state[t] != HPO_STATE_COMPLETE) continue;
        complete++;
        o.best = fmin(o.best, curve(t, HIGH));
    }
    print_message("# %d resumed, %d early, %d of %d as wanted\n", resumed, early, same, rounds - early);
    assert_true(early < rounds - 10 && resumed > 5 && same > 0.7 * (rounds - early));
    if (!T_INSTRUMENTED) assert_true(complete > 0 && d.spent < HIGH * (double)d.n / 3);
    assert_true(strncmp(d.reason, "forecast ", 9) == 0);
    hpo_curves_free(o.c);
    drive_close(&d);
    drive_close(&asha);
}

/* The best of 60 is found and trained to the end, at a small part of the price of all. */
static void test_finds_the_best(void **state)
{
    (void)state;
    static drive d;
    double best = (double)INFINITY, found = (double)INFINITY;
    drive_open(&d, "freeze-thaw", 1, HIGH, 60);
    for (;;) {
        hpo_action a = drive_next(&d, 0);
        int64_t t = drive_start(&d, &a);
        if (t < 0) break;
        run_piece(&d, t);
    }
    for (int64_t t = 0; t < d.n; t++) {
        best = fmin(best, curve(t, HIGH));
        if (d.state[t] == HPO_STATE_COMPLETE) found = fmin(found, curve(t, HIGH));
    }
    assert_near(found, best, 0.02, 0);
    assert_true(d.spent < 0.4 * 60 * HIGH);
    drive_close(&d);
}

/* All values equal: nothing can be forecast, and yet one trial runs to the end.  Failed trials never do. */
static void test_nothing_to_forecast(void **state)
{
    (void)state;
    static drive d;
    int complete = 0;
    drive_open(&d, "freeze-thaw", 1, HIGH, 4);
    for (;;) {
        hpo_action a = drive_next(&d, 0);
        int64_t t = drive_start(&d, &a);
        if (t < 0) break;
        drive_piece(&d, t, t == 0 ? (double)INFINITY : 0.5, 0);
        assert_true(t > 0 || d.reached[t] == 1);
        complete += d.state[t] == HPO_STATE_COMPLETE;
    }
    assert_int_equal(complete, 1);
    drive_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rule),
        cmocka_unit_test(test_finds_the_best),
        cmocka_unit_test(test_nothing_to_forecast),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
