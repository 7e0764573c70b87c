/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/population, explore, pbt: schedules worked by hand, what a perturbation does to each kind of
 * parameter, and failures. */
#include "drive.h"

#include "math/rng.h"
#include "scheduler/explore.h"

static hpo_space *make_space(const char *text)
{
    hpo_error err;
    hpo_space *s;
    assert_ok(hpo_space_parse(text, &s, &err), err);
    assert_ok(hpo_space_freeze(s, &err), err);
    return s;
}

static const char plain[] = "lr: log 1e-4..1; epochs: fidelity 1..6";

static double lr_of(const hpo_space *s, const double *u)
{
    double x[2];
    hpo_space_decode(s, u, x);
    return x[0];
}

/* What is next must be this, and is begun; the reason must be as given. */
static int64_t expect(drive *d, int64_t running, hpo_action_kind kind, int64_t trial, double resource,
                      const char *reason)
{
    d->reason[0] = '\0';
    d->u[0] = 0.1 + 0.2 * (double)d->n;
    hpo_action a = drive_next(d, running);
    assert_int_equal(a.kind, kind);
    if (kind == HPO_ACT_RESUME || kind == HPO_ACT_CLONE) assert_int_equal(a.trial, trial);
    assert_true(a.resource == resource);
    assert_string_equal(d->reason, reason);
    return drive_start(d, &a);
}

/* ---- schedules by hand ---- */

/* Four members, one worker, levels 2, 4, 6; the worst of four clones the best.
 *   level 2: 4 3 2 1         trial 0 is replaced by trial 4, a clone of trial 3
 *   level 4: .5 2.5 1.5 .8   the best one has come to its end when trial 1 is replaced: trial 3 is cloned */
static void test_one_worker(void **state)
{
    (void)state;
    static drive d;
    hpo_space *space = make_space(plain);
    drive_open_in(&d, "pbt:population=4,interval=2,resample=0", space, 1, 6, 7);
    for (int64_t t = 0; t < 4; t++) {
        assert_int_equal(expect(&d, 0, HPO_ACT_NEW, -1, 2, ""), t);
        drive_piece(&d, t, (double)(4 - t), 0);
        assert_int_equal(d.state[t], HPO_STATE_PAUSED);
    }
    assert_string_equal(d.reason, "rank 1 of 4 at 2");
    expect(&d, 0, HPO_ACT_CLONE, 3, 4, "clones trial 3 (rank 1 of 4 at 2) in place of trial 0 (rank 4)");
    double ratio = lr_of(space, d.point[4]) / lr_of(space, d.point[3]);
    assert_true(fabs(ratio - 1.2) < 1e-9 || fabs(ratio - 0.8) < 1e-9);
    drive_piece(&d, 4, 0.5, 0);
    expect(&d, 0, HPO_ACT_RESUME, 1, 4, "rank 3 of 4 at 2: goes on");
    drive_piece(&d, 1, 2.5, 0);
    expect(&d, 0, HPO_ACT_RESUME, 2, 4, "rank 2 of 4 at 2: goes on");
    drive_piece(&d, 2, 1.5, 0);
    expect(&d, 0, HPO_ACT_RESUME, 3, 4, "rank 1 of 4 at 2: goes on");
    drive_piece(&d, 3, 0.8, 0);
    assert_string_equal(d.reason, "rank 2 of 4 at 4");
    expect(&d, 0, HPO_ACT_RESUME, 4, 6, "rank 1 of 4 at 4: goes on");
    drive_piece(&d, 4, 0.3, 0);
    assert_int_equal(d.state[4], HPO_STATE_COMPLETE);
    expect(&d, 0, HPO_ACT_CLONE, 3, 6, "clones trial 3 (rank 2 of 4 at 4) in place of trial 1 (rank 4)");
    drive_piece(&d, 5, 0.6, 0);
    expect(&d, 0, HPO_ACT_RESUME, 2, 6, "rank 3 of 4 at 4: goes on");
    drive_piece(&d, 2, 0.7, 0);
    expect(&d, 0, HPO_ACT_RESUME, 3, 6, "rank 2 of 4 at 4: goes on");
    drive_piece(&d, 3, 0.9, 0);
    assert_true(d.spent == 4 * 6); /* as if nothing had been replaced */
    /* the next population; its first trial is the last that the budget allows */
    assert_int_equal(expect(&d, 0, HPO_ACT_NEW, -1, 2, ""), 6);
    drive_piece(&d, 6, 1, 0);
    expect(&d, 0, HPO_ACT_RESUME, 6, 4, "rank 1 of 1 at 2: goes on");
    drive_piece(&d, 6, 1, 0);
    expect(&d, 0, HPO_ACT_RESUME, 6, 6, "rank 1 of 1 at 4: goes on");
    drive_piece(&d, 6, 1, 0);
    hpo_action a = drive_next(&d, 0);
    assert_int_equal(drive_start(&d, &a), -1);
    drive_close(&d);
    hpo_space_free(space);
}

/* Two members, two workers: trial 1 is two levels ahead, and judged by what it had where trial 0 is now. */
static void test_the_slow_are_judged_at_their_level(void **state)
{
    (void)state;
    static drive d;
    hpo_space *space = make_space(plain);
    drive_open_in(&d, "pbt:population=2,interval=1,quantile=0.5", space, 1, 6, 10);
    expect(&d, 0, HPO_ACT_NEW, -1, 1, "");
    expect(&d, 1, HPO_ACT_NEW, -1, 1, "");
    expect(&d, 2, HPO_ACT_WAIT, -1, 1, "");
    drive_piece(&d, 1, 3, 0);
    expect(&d, 1, HPO_ACT_RESUME, 1, 2, "rank 1 of 1 at 1: goes on"); /* nobody to compare with */
    drive_piece(&d, 1, 1, 0);
    expect(&d, 1, HPO_ACT_RESUME, 1, 3, "rank 1 of 1 at 2: goes on");
    drive_piece(&d, 0, 2, 0); /* better than 3, worse than 1 */
    expect(&d, 1, HPO_ACT_RESUME, 0, 2, "rank 1 of 2 at 1: goes on");
    drive_piece(&d, 0, 1.5, 0);
    /* worse than trial 1 at 2: goes on from its newest checkpoint, which is at 2: it runs to 3 */
    expect(&d, 1, HPO_ACT_CLONE, 1, 3, "clones trial 1 (rank 1 of 2 at 2) in place of trial 0 (rank 2)");
    drive_piece(&d, 1, 5, 0);
    /* trial 2 is better, but its checkpoint is at 2: nobody goes back */
    expect(&d, 1, HPO_ACT_RESUME, 1, 4, "rank 2 of 2 at 3: goes on");
    drive_close(&d);
    /* equal ones are not replaced */
    drive_open_in(&d, "pbt:population=2,interval=1,quantile=0.5", space, 1, 6, 10);
    for (int k = 0; k < 2; k++) {
        expect(&d, 0, HPO_ACT_NEW, -1, 1, "");
        drive_piece(&d, k, 1, 0);
    }
    expect(&d, 0, HPO_ACT_RESUME, 0, 2, "rank 1 of 2 at 1: goes on");
    expect(&d, 1, HPO_ACT_RESUME, 1, 2, "rank 2 of 2 at 1: goes on");
    drive_close(&d);
    hpo_space_free(space);
}

static void test_failures(void **state)
{
    (void)state;
    static drive d;
    hpo_space *space = make_space(plain);
    drive_open_in(&d, "pbt:population=2,interval=3", space, 1, 6, 10);
    for (int k = 0; k < 2; k++) { /* nobody has a checkpoint: it begins anew, in the same place */
        int64_t t = expect(&d, 0, HPO_ACT_NEW, -1, 3, "");
        drive_tell(&d, t, HPO_STATE_FAILED, NULL);
    }
    int64_t t = expect(&d, 0, HPO_ACT_NEW, -1, 3, "");
    drive_piece(&d, t, 1, 0);
    t = expect(&d, 0, HPO_ACT_NEW, -1, 3, "");
    drive_tell(&d, t, HPO_STATE_FAILED, NULL);
    t = expect(&d, 0, HPO_ACT_CLONE, 2, 6, "clones trial 2 (rank 1 of 1) in place of trial 3, which ended");
    drive_tell(&d, t, HPO_STATE_STOPPED, NULL); /* by hand */
    expect(&d, 0, HPO_ACT_CLONE, 2, 6, "clones trial 2 (rank 1 of 2) in place of trial 4, which ended");
    drive_piece(&d, 5, 1, 0);
    expect(&d, 0, HPO_ACT_RESUME, 2, 6, "rank 1 of 2 at 3: goes on");
    drive_tell(&d, 2, HPO_STATE_FAILED, NULL);
    expect(&d, 0, HPO_ACT_NEW, -1, 3, ""); /* the other one is complete: the next population */
    drive_piece(&d, 6, 1, 0);
    expect(&d, 0, HPO_ACT_NEW, -1, 3, "");
    drive_close(&d);
    hpo_space_free(space);
}

/* A program that had to begin anew reports again what it had reported; its value counts once. */
static void test_reports_again(void **state)
{
    (void)state;
    static drive d;
    hpo_space *space = make_space(plain);
    drive_open_in(&d, "pbt:population=2,interval=2,quantile=0.5", space, 1, 6, 4);
    int64_t t = expect(&d, 0, HPO_ACT_NEW, -1, 2, "");
    assert_int_equal(drive_report(&d, t, 1, 5, 1).decision, HPO_CONTINUE);
    assert_int_equal(drive_report(&d, t, 2, 3, 1).decision, HPO_PAUSE);
    drive_tell(&d, t, HPO_STATE_PAUSED, NULL);
    t = expect(&d, 0, HPO_ACT_NEW, -1, 2, "");
    drive_piece(&d, t, 1, 0);
    expect(&d, 0, HPO_ACT_CLONE, 1, 4, "clones trial 1 (rank 1 of 2 at 2) in place of trial 0 (rank 2)");
    assert_int_equal(drive_report(&d, 2, 1, 9, 1).decision, HPO_CONTINUE);
    assert_int_equal(drive_report(&d, 2, 2, 9, 1).decision, HPO_CONTINUE);
    assert_int_equal(drive_report(&d, 2, 4, 0.5, 1).decision, HPO_PAUSE);
    assert_string_equal(d.reason, "rank 1 of 2 at 4");
    drive_close(&d);
    hpo_space_free(space);
}

static void test_options(void **state)
{
    (void)state;
    hpo_error err;
    hpo_scheduler s;
    hpo_space *space = make_space(plain);
    const hpo_sched_problem p = {
        .space = space, .n_objectives = 1, .sign = &drive_sign, .low = 1, .high = 6, .whole = 1};
    assert_fails(hpo_scheduler_open("pbt:interval=7", &p, &s, &err), HPO_EINVAL, err, "interval is 7");
    assert_fails(hpo_scheduler_open("pbt:interval=1.5", &p, &s, &err), HPO_EINVAL, err, "integer");
    assert_fails(hpo_scheduler_open("pbt:fixed=lr+width", &p, &s, &err), HPO_EINVAL, err, "'width'");
    assert_ok(hpo_scheduler_open("pbt:fixed=lr", &p, &s, &err), err);
    hpo_scheduler_close(&s);
    hpo_space_free(space);
}

/* ---- exploring ---- */

static const char rich[] =
    "lr: log 1e-4..1; mom: revlog 0.5..0.999; p: logit 0.01..0.99; shift: -1..1; n: int 1..10; "
    "batch: ordinal 16,32,64,128; opt: sgd,adam,rms; nest: bool; depth: int 1..4 if opt == adam; "
    "epochs: fidelity 1..6; constraint: lr * n <= 2";

static int is_one_of(double v, double a, double b)
{
    return fabs(v - a) < 1e-9 * fabs(a) + 1e-12 || fabs(v - b) < 1e-9 * fabs(b) + 1e-12;
}

static void test_perturbation(void **state)
{
    (void)state;
    hpo_error err;
    hpo_space *s = make_space(rich);
    size_t n = hpo_space_n_columns(s), d = hpo_space_n_dims(s);
    double from[16], x[16], u[16], scratch[64];
    uint8_t fixed[16] = {0};
    int moved[16] = {0}, changed;
    assert_true(n <= 16 && 2 * n + d <= 64);
    assert_ok(
        hpo_space_config_from_json(s,
                                   "{\"lr\":0.01,\"mom\":0.99,\"p\":0.5,\"shift\":0,\"n\":5,\"batch\":32,"
                                   "\"opt\":\"adam\",\"nest\":true,\"depth\":2}",
                                   from, &err),
        err);
    hpo_space_encode(s, from, u); /* the nearest configuration that a sampler can propose */
    hpo_space_decode(s, u, from);
    for (uint64_t k = 0; k < 400; k++) {
        hpo_rng rng;
        hpo_rng_init(&rng, 1, k, HPO_RNG_USER);
        hpo_space_encode(s, from, u);
        assert_ok(hpo_explore(s, fixed, 0, &rng, u, scratch, &changed, &err), err);
        assert_true(changed);
        hpo_space_decode(s, u, x);
        assert_true(hpo_space_feasible(s, x));
        assert_true(is_one_of(x[0], 0.012, 0.008));
        assert_true(is_one_of(x[1], 1 - 0.01 / 1.2, 1 - 0.01 / 0.8));
        assert_true(is_one_of(x[2], 1.2 / 2.2, 0.8 / 1.8));
        assert_true(is_one_of(x[3], 0.2, -0.2));
        assert_true(x[4] == 6 || x[4] == 4);
        assert_true(x[5] == 0 || x[5] == 2);
        assert_true(x[6] == 0 || x[6] == 2);
        assert_true(x[7] == 0 || x[7] == 1);
        assert_true(isnan(x[8])); /* adam is gone, and depth with it */
        for (size_t i = 0; i < 8; i++)
            moved[i] += x[i] > from[i];
    }
    for (size_t i = 0; i < 7; i++) /* each way half of the time: 5 standard deviations */
        assert_true(moved[i] > 150 && moved[i] < 250);
    /* fixed ones stay; the others are drawn from the whole space */
    fixed[0] = fixed[6] = 1;
    int far = 0;
    for (uint64_t k = 0; k < 200; k++) {
        hpo_rng rng;
        hpo_rng_init(&rng, 2, k, HPO_RNG_USER);
        hpo_space_encode(s, from, u);
        assert_ok(hpo_explore(s, fixed, 1, &rng, u, scratch, &changed, &err), err);
        hpo_space_decode(s, u, x);
        assert_true(x[0] == from[0] && x[6] == from[6] && hpo_space_feasible(s, x));
        far += fabs(x[3]) > 0.5;
    }
    assert_true(far > 65 && far < 135);
    hpo_space_free(s);
}

/* Shares keep their sum, permutations stay permutations, subsets keep to their sizes, entries to their range.
 */
static void test_structures(void **state)
{
    (void)state;
    hpo_error err;
    hpo_space *s = make_space("w: simplex a,b,c; o: perm p,q,r; k: subset u,v,w size 1..2; z: vector 3 0..1; "
                              "epochs: fidelity 1..6");
    size_t n = hpo_space_n_columns(s);
    double x[16], u[16], scratch[64];
    int changed;
    assert_true(n == 13);
    hpo_rng rng;
    hpo_rng_init(&rng, 3, 0, HPO_RNG_USER);
    assert_ok(hpo_space_draw(s, &rng, u, &err), err);
    for (int k = 0; k < 300; k++) {
        assert_ok(hpo_explore(s, NULL, 0.1, &rng, u, scratch, &changed, &err), err);
        hpo_space_decode(s, u, x);
        x[n - 1] = 6;
        assert_ok(hpo_space_validate(s, x, &err), err);
    }
    hpo_space_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_worker), cmocka_unit_test(test_the_slow_are_judged_at_their_level),
        cmocka_unit_test(test_failures),   cmocka_unit_test(test_reports_again),
        cmocka_unit_test(test_options),    cmocka_unit_test(test_perturbation),
        cmocka_unit_test(test_structures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
