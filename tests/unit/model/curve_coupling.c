/* SPDX-License-Identifier: Apache-2.0 */
/* Curves joined over configurations: what others teach, and that a curve's own reports do not count twice. */
#include "t.h"

#include "math/linalg.h"
#include "model/curve_coupling.h"

enum { N = 24, R = 50 };

typedef struct setup {
    hpo_space *space;
    hpo_embed *embed;
    hpo_curves *c;
    hpo_curve_coupling *k;
    double u[N];
} setup;

static double end_of(double u)
{
    return .1 + .6 * (u - .3) * (u - .3);
}

static double value(double u, double r)
{
    return end_of(u) + (.9 - end_of(u)) * exp(-r / 8) + .004 * sin(7 * r + 50 * u);
}

/* Every third curve is complete, one has failed, the others have 8 of 50 reports. */
static setup set_up(size_t n)
{
    setup x;
    hpo_error err;
    t_rng r = {7};
    assert_ok(hpo_space_parse("a: 0..1\n", &x.space, &err), err);
    assert_ok(hpo_space_freeze(x.space, &err), err);
    assert_ok(hpo_embed_create(x.space, &x.embed, &err), err);
    assert_ok(hpo_curves_create(R, 1, &x.c, &err), err);
    assert_ok(hpo_curve_coupling_create(x.embed, 3, 0, &x.k, &err), err);
    for (size_t i = 0; i < n; i++) {
        x.u[i] = t_uniform(&r);
        for (size_t e = 1; e <= (i % 3 == 0 ? R : 8); e++)
            assert_ok(hpo_curves_report(x.c, i, (double)e,
                                        i == 5 && e == 4 ? (double)NAN : value(x.u[i], (double)e), &err),
                      err);
    }
    return x;
}

static void tear_down(setup *x)
{
    hpo_curve_coupling_free(x->k);
    hpo_curves_free(x->c);
    hpo_embed_free(x->embed);
    hpo_space_free(x->space);
}

static void test_teaching(void **state)
{
    (void)state;
    hpo_error err;
    setup x = set_up(N);
    double with = 0, without = 0, inside = 0;
    assert_ok(hpo_curve_coupling_learn(x.k, x.c, x.u, N, &err), err);
    hpo_curve_prior study = hpo_curves_prior(x.c);
    for (size_t i = 0; i < N; i++) {
        double truth = hpo_curves_to_units(x.c, value(x.u[i], R));
        hpo_curve_prior p = hpo_curve_coupling_trial(x.k, i);
        assert_near(p.start, study.start, 0, 0);
        if (i == 5) { /* failed: nothing learned of it */
            assert_near(p.end, study.end, 0, 0);
            continue;
        }
        with += fabs(p.end - truth);
        without += fabs(study.end - truth);
        inside += fabs(p.end - truth) < 2 * p.end_sd;
    }
    assert_true(with < .5 * without && inside >= N - 3);
    double best = HUGE_VAL, at = 0;
    for (double u = 0; u <= 1; u += .05) {
        hpo_curve_prior p = hpo_curve_coupling_new(x.k, &u);
        if (p.end < best) at = u;
        best = fmin(best, p.end);
    }
    assert_near(at, .3, 0, .16);
    /* the same again */
    hpo_curve_prior p = hpo_curve_coupling_trial(x.k, 2);
    assert_ok(hpo_curve_coupling_learn(x.k, x.c, x.u, N, &err), err);
    hpo_curve_prior q = hpo_curve_coupling_trial(x.k, 2);
    assert_same_doubles(&p.end, &q.end, 1);
    assert_same_doubles(&p.end_sd, &q.end_sd, 1);
    tear_down(&x);
}

/* A curve that ends where no other does keeps the prior that the others make. */
static void test_outlier(void **state)
{
    (void)state;
    hpo_error err;
    setup x = set_up(N - 1);
    x.u[N - 1] = .3;
    for (size_t e = 1; e <= R; e++)
        assert_ok(hpo_curves_report(x.c, N - 1, (double)e, .9 - .001 * (double)e, &err), err);
    assert_ok(hpo_curve_coupling_learn(x.k, x.c, x.u, N, &err), err);
    hpo_curve_prior p = hpo_curve_coupling_trial(x.k, N - 1);
    assert_true(p.end < hpo_curves_to_units(x.c, .35) && p.end + p.end_sd < hpo_curves_to_units(x.c, .85));
    tear_down(&x);
}

/* Few curves: the study's own prior. */
static void test_few(void **state)
{
    (void)state;
    hpo_error err;
    setup x = set_up(3);
    double u = .5;
    assert_ok(hpo_curve_coupling_learn(x.k, x.c, x.u, 3, &err), err);
    hpo_curve_prior study = hpo_curves_prior(x.c);
    assert_near(hpo_curve_coupling_trial(x.k, 1).end, study.end, 0, 0);
    assert_near(hpo_curve_coupling_trial(x.k, 99).end, study.end, 0, 0);
    assert_near(hpo_curve_coupling_new(x.k, &u).end, study.end, 0, 0);
    tear_down(&x);
}

static hpo_status without_memory(void *ctx, hpo_error *err)
{
    setup *x = ctx;
    hpo_curve_coupling *k;
    hpo_status s = hpo_curve_coupling_create(x->embed, 3, 0, &k, err);
    if (s != HPO_OK) return s;
    s = hpo_curve_coupling_learn(k, x->c, x->u, 6, err);
    hpo_curve_coupling_free(k);
    return s;
}

static void test_memory(void **state)
{
    (void)state;
    setup x = set_up(6);
    t_oom(without_memory, &x);
    tear_down(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_teaching),
        cmocka_unit_test(test_outlier),
        cmocka_unit_test(test_few),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
