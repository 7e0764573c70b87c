/* SPDX-License-Identifier: Apache-2.0 */
/* The block form of the freeze-thaw process against the joint Gaussian process over all reports, dense. */
#include "t.h"

#include "math/linalg.h"
#include "model/freeze_thaw.h"

static void test_kernel(void **state)
{
    (void)state;
    assert_near(hpo_freeze_thaw_decay(1, 1, 1, 1), 1. / 3, 1e-15, 0);
    assert_near(hpo_freeze_thaw_decay(1, 1, 1, 4), 1. / 6, 1e-15, 0);
    /* the mixture of exp(-lambda (t + t')) over Gamma(alpha, beta), by the trapezium rule */
    double alpha = 2.5, beta = .7, sum = 0, h = 1e-3;
    for (size_t i = 1; i < 40000; i++) {
        double l = h * (double)i;
        sum +=
            h * exp(-l * (.3 + .9)) * pow(beta, alpha) / tgamma(alpha) * pow(l, alpha - 1) * exp(-l * beta);
    }
    assert_near(hpo_freeze_thaw_decay(alpha, beta, .3, .9), sum, 1e-6, 0);
}

enum { CURVES = 6, MAX = 9, TOTAL = 64 };

typedef struct setup {
    hpo_space *space;
    hpo_embed *embed;
    hpo_freeze_thaw *m;
    double u[CURVES * 2], t[TOTAL], y[TOTAL], theta[8];
    size_t length[CURVES], who[TOTAL], total;
} setup;

static void set_up(setup *x, t_rng *r)
{
    hpo_error err;
    memset(x, 0, sizeof *x);
    assert_ok(hpo_space_parse("a: 0..1\nb: 0..1\n", &x->space, &err), err);
    assert_ok(hpo_space_freeze(x->space, &err), err);
    assert_ok(hpo_embed_create(x->space, &x->embed, &err), err);
    assert_ok(hpo_freeze_thaw_create(x->embed, &x->m, &err), err);
    assert_int_equal(hpo_freeze_thaw_n_theta(x->m), 8);
    for (size_t i = 0; i < CURVES; i++) {
        x->u[2 * i] = t_uniform(r);
        x->u[2 * i + 1] = t_uniform(r);
        x->length[i] = (size_t)t_int(r, 1, MAX);
        for (size_t k = 0; k < x->length[i]; k++, x->total++) {
            x->who[x->total] = i;
            x->t[x->total] = .1 * (double)(k + 1);
            x->y[x->total] = .2 + .5 * x->u[2 * i] + .4 * exp(-3 * x->t[x->total]) + .02 * t_uniform(r);
        }
    }
    const double low[8] = {-1, -1, -3, .2, -2, -1, -2, -6}, high[8] = {.5, .5, -1, .6, 0, 1, 0, -3};
    for (size_t i = 0; i < 8; i++)
        x->theta[i] = t_between(r, low[i], high[i]);
    assert_ok(hpo_freeze_thaw_condition(x->m, x->u, x->length, CURVES, x->t, x->y, &err), err);
    assert_ok(hpo_freeze_thaw_set_theta(x->m, x->theta, &err), err);
}

static void tear_down(setup *x)
{
    hpo_freeze_thaw_free(x->m);
    hpo_embed_free(x->embed);
    hpo_space_free(x->space);
}

static double over_space(const double *theta, const double *u, const double *v)
{
    double q = 0;
    for (size_t j = 0; j < 2; j++)
        q += (u[j] - v[j]) * (u[j] - v[j]) * exp(-2 * theta[j]);
    double r = sqrt(5 * q);
    return exp(theta[2]) * (1 + r + r * r / 3) * exp(-r);
}

static double over_time(const double *theta, double t, double other)
{
    return exp(theta[4]) * pow(exp(theta[6]) / (t + other + exp(theta[6])), exp(theta[5]));
}

/* Conditional moments of a value with covariances k with the reports and prior variance own. */
static void dense(const setup *x, const double *l, const double *k, double own, double *mean, double *var)
{
    double r[TOTAL], s[TOTAL];
    for (size_t i = 0; i < x->total; i++) {
        r[i] = x->y[i] - x->theta[3];
        s[i] = k[i];
    }
    hpo_solve_lower(l, x->total, TOTAL, r);
    hpo_solve_lower(l, x->total, TOTAL, s);
    *mean = x->theta[3] + hpo_dot(r, s, x->total);
    *var = own - hpo_dot(s, s, x->total);
}

static void test_dense(void **state)
{
    (void)state;
    hpo_error err;
    t_rng r = t_rng_create();
    for (T_ROUNDS(round, 20)) {
        setup x;
        static double l[TOTAL * TOTAL];
        double k[TOTAL], mean, var, m2, v2, res[TOTAL];
        set_up(&x, &r);
        for (size_t i = 0; i < x.total; i++) {
            for (size_t j = 0; j <= i; j++)
                l[i * TOTAL + j] = over_space(x.theta, x.u + 2 * x.who[i], x.u + 2 * x.who[j]) +
                                   (x.who[i] == x.who[j] ? over_time(x.theta, x.t[i], x.t[j]) : 0) +
                                   (i == j ? exp(x.theta[7]) : 0);
            res[i] = x.y[i] - x.theta[3];
        }
        assert_int_equal(hpo_cholesky(l, x.total, TOTAL), 0);
        hpo_solve_lower(l, x.total, TOTAL, res);
        double want = -.5 * (hpo_dot(res, res, x.total) + hpo_cholesky_logdet(l, x.total, TOTAL) +
                             (double)x.total * log(2 * acos(-1)));
        assert_near(hpo_freeze_thaw_evidence(x.m, x.theta), want, 1e-8, 1e-8);
        for (size_t i = 0; i < CURVES; i++) {
            for (size_t j = 0; j < x.total; j++)
                k[j] = over_space(x.theta, x.u + 2 * i, x.u + 2 * x.who[j]);
            dense(&x, l, k, exp(x.theta[2]), &m2, &v2);
            hpo_freeze_thaw_asymptote(x.m, i, &mean, &var);
            assert_near(mean, m2, 1e-8, 1e-8);
            assert_near(var, v2, 1e-7, 1e-9);
            for (size_t j = 0; j < x.total; j++)
                k[j] += x.who[j] == i ? over_time(x.theta, 1.3, x.t[j]) : 0;
            dense(&x, l, k, exp(x.theta[2]) + over_time(x.theta, 1.3, 1.3), &m2, &v2);
            assert_ok(hpo_freeze_thaw_at(x.m, i, 1.3, &mean, &var, &err), err);
            assert_near(mean, m2, 1e-8, 1e-8);
            assert_near(var, v2, 1e-7, 1e-9);
        }
        double u[2] = {t_uniform(&r), t_uniform(&r)};
        for (size_t j = 0; j < x.total; j++)
            k[j] = over_space(x.theta, u, x.u + 2 * x.who[j]);
        dense(&x, l, k, exp(x.theta[2]) + over_time(x.theta, .5, .5), &m2, &v2);
        assert_ok(hpo_freeze_thaw_new_at(x.m, u, .5, &mean, &var, &err), err);
        assert_near(mean, m2, 1e-8, 1e-8);
        assert_near(var, v2, 1e-7, 1e-9);
        tear_down(&x);
    }
}

static void test_gradient_and_fit(void **state)
{
    (void)state;
    hpo_error err;
    t_rng r = t_rng_create();
    for (T_ROUNDS(round, 5)) {
        setup x;
        double g[8], mean, var;
        set_up(&x, &r);
        double before = hpo_freeze_thaw_objective(x.m, x.theta, g);
        for (size_t i = 0; i < 8; i++) {
            double keep = x.theta[i], h = 1e-5;
            x.theta[i] = keep + h;
            double up = hpo_freeze_thaw_objective(x.m, x.theta, NULL);
            x.theta[i] = keep - h;
            double down = hpo_freeze_thaw_objective(x.m, x.theta, NULL);
            x.theta[i] = keep;
            assert_near(g[i], (up - down) / (2 * h), 1e-5, 1e-5);
        }
        assert_ok(hpo_freeze_thaw_fit(x.m, &err), err);
        double fitted[8];
        memcpy(fitted, hpo_freeze_thaw_theta(x.m), sizeof fitted);
        assert_true(hpo_freeze_thaw_objective(x.m, fitted, NULL) < before);
        assert_ok(hpo_freeze_thaw_at(x.m, 0, 1, &mean, &var, &err), err);
        assert_true(var > 0 && fabs(mean - (.2 + .5 * x.u[0] + .4 * exp(-3) + .01)) < .05 + 3 * sqrt(var));
        tear_down(&x);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    hpo_error err;
    t_rng r = t_rng_create();
    setup x;
    set_up(&x, &r);
    x.length[2] = 0;
    assert_fails(hpo_freeze_thaw_condition(x.m, x.u, x.length, CURVES, x.t, x.y, &err), HPO_EINVAL, err,
                 "curve 2");
    assert_fails(hpo_freeze_thaw_condition(x.m, x.u, x.length, 0, x.t, x.y, &err), HPO_EINVAL, err,
                 "a curve");
    tear_down(&x);
}

static hpo_status without_memory(void *ctx, hpo_error *err)
{
    setup *x = ctx;
    hpo_freeze_thaw *m;
    double mean, var;
    hpo_status s = hpo_freeze_thaw_create(x->embed, &m, err);
    if (s != HPO_OK) return s;
    s = hpo_freeze_thaw_condition(m, x->u, x->length, CURVES, x->t, x->y, err);
    if (s == HPO_OK) s = hpo_freeze_thaw_at(m, 1, 1, &mean, &var, err);
    if (s == HPO_OK) s = hpo_freeze_thaw_new_at(m, x->u, 1, &mean, &var, err);
    hpo_freeze_thaw_free(m);
    return s;
}

static void test_memory(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    setup x;
    set_up(&x, &r);
    t_oom(without_memory, &x);
    tear_down(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernel),           cmocka_unit_test(test_dense),
        cmocka_unit_test(test_gradient_and_fit), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
