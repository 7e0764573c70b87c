/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels over the resource: positive definite, derivatives, special cases with known answers; the process
 * built on them: gradients, against dense algebra, and what a cheap resource teaches. */
#include "t.h"

#include "math/linalg.h"
#include "model/fidelity_gp.h"
#include "model/gp_internal.h"

static const hpo_fidelity_family FAMILIES[] = {HPO_FIDELITY_INDEPENDENT, HPO_FIDELITY_TASKS,
                                               HPO_FIDELITY_DATA,        HPO_FIDELITY_LINEAR,
                                               HPO_FIDELITY_DECAY,       HPO_FIDELITY_AGE};
enum { N_FAMILIES = 6, N_TEACHING = 5, TASKS = 4 }; /* the newest result is all that an age knows */

static double random_resource(t_rng *r, hpo_fidelity_family f)
{
    return f <= HPO_FIDELITY_TASKS ? (double)t_int(r, 0, TASKS - 1) : 1 - .95 * t_uniform(r);
}

static void test_kernels(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    for (T_ROUNDS(round, 60)) {
        hpo_fidelity_family f = FAMILIES[round % N_FAMILIES];
        enum { N = 8 };
        double psi[HPO_FIDELITY_MAX_PSI], at[N], k[N * N], values[N], v[N * N], work[N],
            d[HPO_FIDELITY_MAX_PSI];
        size_t p = hpo_fidelity_n_psi(f, TASKS);
        for (size_t i = 0; i < p; i++)
            psi[i] = t_between(&r, -1.5, 1);
        for (size_t i = 0; i < N; i++)
            at[i] = random_resource(&r, f);
        for (int trend = 0; trend < 2; trend++) {
            double (*fn)(hpo_fidelity_family, size_t, const double *, double, double, double *) =
                trend ? hpo_fidelity_trend : hpo_fidelity_value;
            for (size_t i = 0; i < N * N; i++)
                k[i] = fn(f, TASKS, psi, at[i / N], at[i % N], NULL);
            for (size_t i = 0; i < p; i++) { /* central differences */
                double keep = psi[i], h = 1e-6;
                fn(f, TASKS, psi, at[0], at[1], d);
                psi[i] = keep + h;
                double up = fn(f, TASKS, psi, at[0], at[1], NULL);
                psi[i] = keep - h;
                double down = fn(f, TASKS, psi, at[0], at[1], NULL);
                psi[i] = keep;
                assert_near(d[i], (up - down) / (2 * h), 1e-6, 1e-8);
            }
            assert_int_equal(hpo_symmetric_eigen(k, N, N, values, v, work), 0);
            assert_true(values[0] >= -1e-10 * values[N - 1]);
        }
        double target = f <= HPO_FIDELITY_TASKS ? TASKS - 1 : 1;
        if (f != HPO_FIDELITY_DECAY)
            assert_near(hpo_fidelity_value(f, TASKS, psi, target, target, NULL), 1, 1e-12, 0);
    }
    /* alpha = beta = 1: 1/3 at (1, 1), 1/6 at (1, 4) */
    assert_near(hpo_fidelity_trend(HPO_FIDELITY_DECAY, 0, (double[]){0, 0, 0}, 1, 1, NULL), 1. / 3, 1e-14, 0);
    assert_near(hpo_fidelity_trend(HPO_FIDELITY_DECAY, 0, (double[]){0, 0, 0}, 1, 4, NULL), 1. / 6, 1e-14, 0);
    /* FABOLAS: (1, 0) at s = 1, (1, 1/4) at s = 1/2 with L = [1 0; 2 3] */
    assert_near(hpo_fidelity_value(HPO_FIDELITY_DATA, 0, (double[]){2, log(3)}, 0.5, 0.5, NULL),
                2.25 + 9. / 16, 1e-14, 0);
    /* w = 1/4: 3/4 at an age of 2, 9/16 at 4 */
    assert_near(hpo_fidelity_value(HPO_FIDELITY_AGE, 0, (double[]){log(-log(.75))}, 3, 5, NULL), .75, 1e-14,
                0);
    assert_near(hpo_fidelity_value(HPO_FIDELITY_AGE, 0, (double[]){log(-log(.75))}, 5, 1, NULL), .5625, 1e-14,
                0);
    /* two tasks, L = [1 0; 0.6 0.8]: correlation 0.6 */
    assert_near(hpo_fidelity_value(HPO_FIDELITY_TASKS, 2, (double[]){.6, log(.8)}, 0, 1, NULL), .6, 1e-14, 0);
    assert_near(hpo_fidelity_value(HPO_FIDELITY_TASKS, 2, (double[]){.6, log(.8)}, 0, 0, NULL), 1, 1e-14, 0);
}

typedef struct setup {
    hpo_space *space;
    hpo_embed *embed;
    hpo_fidelity_gp *gp;
    double u[60 * 3], a[60], y[60];
    size_t n;
} setup;

static double truth(const double *u, double s)
{
    return (u[0] - .6) * (u[0] - .6) * 4 + .5 * (u[1] > .5) + (1 - s) * (.6 + .3 * u[0]);
}

static void set_up(setup *x, hpo_fidelity_family f, hpo_kernel_family kernel, size_t n, t_rng *r)
{
    hpo_error err;
    assert_ok(hpo_space_parse("x: 0..1\nk: a, b\nz: 0..1 if k == a\n", &x->space, &err), err);
    assert_ok(hpo_space_freeze(x->space, &err), err);
    assert_ok(hpo_embed_create(x->space, &x->embed, &err), err);
    hpo_fidelity_gp_options o = {.kernel = kernel, .family = f, .tasks = TASKS};
    assert_ok(hpo_fidelity_gp_create(x->embed, &o, &x->gp, &err), err);
    x->n = n;
    for (size_t i = 0; i < n; i++) {
        int64_t k = t_int(r, 0, 1);
        x->u[3 * i] = t_uniform(r);
        x->u[3 * i + 1] = k ? .75 : .25;
        x->u[3 * i + 2] = k ? (double)NAN : t_uniform(r);
        x->a[i] = random_resource(r, f);
        x->y[i] = truth(x->u + 3 * i, f <= HPO_FIDELITY_TASKS ? (x->a[i] + 1) / TASKS : x->a[i]) +
                  .01 * t_uniform(r);
    }
    assert_ok(hpo_fidelity_gp_condition(x->gp, x->u, x->a, x->y, n, &err), err);
}

static void tear_down(setup *x)
{
    hpo_fidelity_gp_free(x->gp);
    hpo_embed_free(x->embed);
    hpo_space_free(x->space);
}

static void random_theta(const hpo_fidelity_gp *gp, t_rng *r, double *theta)
{
    size_t p = hpo_fidelity_gp_n_theta(gp);
    for (size_t i = 0; i < p; i++)
        theta[i] = t_between(r, -1, .5);
    theta[4] = t_between(r, -6, -3);
}

/* Gradients of the objective, and of mean and variance, by central differences. */
static void test_gradients(void **state)
{
    (void)state;
    hpo_error err;
    t_rng r = t_rng_create();
    for (T_ROUNDS(round, 10)) {
        setup x;
        double theta[48], g[48], other[48];
        set_up(&x, FAMILIES[round % N_FAMILIES], round < 5 ? HPO_KERNEL_MATERN52 : HPO_KERNEL_MATERN32, 25,
               &r);
        size_t p = hpo_fidelity_gp_n_theta(x.gp);
        random_theta(x.gp, &r, theta);
        assert_true(isfinite(hpo_fidelity_gp_objective(x.gp, theta, g)));
        for (size_t i = 0; i < p; i++) {
            double keep = theta[i], h = 1e-5;
            theta[i] = keep + h;
            double up = hpo_fidelity_gp_objective(x.gp, theta, NULL);
            theta[i] = keep - h;
            double down = hpo_fidelity_gp_objective(x.gp, theta, other);
            theta[i] = keep;
            assert_near(g[i], (up - down) / (2 * h), 1e-5, 1e-5);
        }
        assert_ok(hpo_fidelity_gp_set_theta(x.gp, theta, &err), err);
        hpo_fidelity_slice slice = {x.gp, round % N_FAMILIES < 2 ? TASKS - 1 : 1};
        hpo_posterior post = hpo_fidelity_gp_posterior(&slice);
        double u[3] = {.37, .25, .81}, mean, var, dmean[3], dvar[3], m2, v2;
        post.ops->gradient(post.model, u, &mean, &var, dmean, dvar);
        post.ops->moments(post.model, u, 1, &m2, &v2);
        assert_near(mean, m2, 1e-9, 1e-9);
        assert_near(var, v2, 1e-8, 1e-9);
        for (size_t i = 0; i < 3; i += 2) {
            double keep = u[i], h = 1e-6, up_m, up_v, down_m, down_v;
            u[i] = keep + h;
            post.ops->moments(post.model, u, 1, &up_m, &up_v);
            u[i] = keep - h;
            post.ops->moments(post.model, u, 1, &down_m, &down_v);
            u[i] = keep;
            assert_near(dmean[i], (up_m - down_m) / (2 * h), 1e-4, 1e-5);
            assert_near(dvar[i], (up_v - down_v) / (2 * h), 1e-4, 1e-5);
        }
        tear_down(&x);
    }
}

/* Covariances between two resources: those of one where they are the same, the same from both sides, and what
 * an observation at one makes known at the other. */
static void test_between(void **state)
{
    (void)state;
    hpo_error err;
    t_rng r = t_rng_create();
    for (T_ROUNDS(round, 12)) {
        setup x;
        hpo_fidelity_family f = FAMILIES[round % N_FAMILIES];
        double theta[48], u[12] = {.2, .25, .4, .9, .75, NAN, .5, .25, .1, .6, .75, NAN};
        double mean[4], var[4], m2[4], v2[4], v3[4], cov[16], other[16];
        double a = f <= HPO_FIDELITY_TASKS ? 1 : .3, b = f <= HPO_FIDELITY_TASKS ? TASKS - 1 : 1;
        set_up(&x, f, HPO_KERNEL_MATERN52, 20, &r);
        random_theta(x.gp, &r, theta);
        assert_ok(hpo_fidelity_gp_set_theta(x.gp, theta, &err), err);
        assert_ok(hpo_fidelity_gp_joint(x.gp, u, 4, a, mean, other, &err), err);
        assert_ok(hpo_fidelity_gp_between(x.gp, u, 4, a, u, 4, a, m2, var, cov, &err), err);
        assert_matrix_near(mean, m2, 1, 4, 1e-10, 1e-12);
        assert_matrix_near(cov, other, 4, 4, 1e-9, 1e-10);
        for (size_t i = 0; i < 4; i++)
            assert_near(var[i], other[5 * i], 1e-8, 1e-10);
        assert_ok(hpo_fidelity_gp_between(x.gp, u + 3, 3, b, u, 1, a, m2, v2, other, &err), err);
        assert_ok(hpo_fidelity_gp_between(x.gp, u, 1, a, u + 3, 3, b, mean, var, cov, &err), err);
        assert_matrix_near(cov, other, 1, 3, 1e-9, 1e-10);
        double pairs[20], one;
        assert_ok(hpo_fidelity_gp_pairs(x.gp, u, 4, a, b, pairs, &err), err);
        for (size_t i = 0; i < 4; i++) { /* the same, row by row */
            assert_ok(hpo_fidelity_gp_between(x.gp, u + 3 * i, 1, a, u + 3 * i, 1, b, m2, v3, &one, &err),
                      err);
            hpo_fidelity_gp_moments(x.gp, u + 3 * i, 1, b, m2 + 1, v3 + 1);
            assert_near(pairs[i], m2[0], 1e-10, 1e-12);
            assert_near(pairs[4 + i], v3[0], 1e-8, 1e-10);
            assert_near(pairs[8 + i], m2[1], 1e-10, 1e-12);
            assert_near(pairs[12 + i], v3[1], 1e-8, 1e-10);
            assert_near(pairs[16 + i], one, 1e-8, 1e-10);
        }
        memcpy(x.u + 3 * x.n, u, 3 * sizeof *u);
        x.a[x.n] = a;
        x.y[x.n] = x.y[0];
        assert_ok(hpo_fidelity_gp_condition(x.gp, x.u, x.a, x.y, x.n + 1, &err), err);
        hpo_fidelity_gp_moments(x.gp, u + 3, 3, b, m2, v3);
        for (size_t i = 0; i < 3; i++)
            assert_near(v3[i], v2[i] - cov[i] * cov[i] / (var[0] + hpo_fidelity_gp_noise(x.gp)), 1e-6, 1e-8);
        tear_down(&x);
    }
}

/* With all results at the target, R = 1 there and no trend: the process of gp.c.  Tasks have a constant with
 * variance 1 in addition: a dense solve. */
static void test_one_resource(void **state)
{
    (void)state;
    hpo_error err;
    t_rng r = t_rng_create();
    setup x;
    hpo_gp *plain;
    set_up(&x, HPO_FIDELITY_DATA, HPO_KERNEL_MATERN32, 30, &r);
    for (size_t i = 0; i < x.n; i++)
        x.a[i] = 1;
    assert_ok(hpo_fidelity_gp_condition(x.gp, x.u, x.a, x.y, x.n, &err), err);
    hpo_gp_options o = hpo_gp_defaults();
    assert_ok(hpo_gp_create(x.embed, &o, &plain, &err), err);
    hpo_gp_fix_transform(plain, hpo_fidelity_gp_transform(x.gp));
    hpo_gp_hold(plain, 1);
    assert_ok(hpo_gp_advance(plain, x.u, x.y, NULL, NULL, x.n, &err), err);
    double theta[7] = {-.5, .2, .1, .3, -5, .4, -.3}, mean[4], var[4], m2[4], v2[4], cov[16];
    assert_ok(hpo_fidelity_gp_set_theta(x.gp, theta, &err), err);
    assert_ok(hpo_gp_set_theta(plain, theta, &err), err);
    double u[12] = {.2, .25, .4, .9, .75, NAN, .5, .25, .1, .6, .75, NAN};
    hpo_fidelity_gp_moments(x.gp, u, 4, 1, mean, var);
    hpo_gp_moments(plain, u, 4, m2, v2);
    assert_matrix_near(mean, m2, 1, 4, 1e-9, 1e-9);
    assert_matrix_near(var, v2, 1, 4, 1e-8, 1e-10);
    assert_ok(hpo_fidelity_gp_joint(x.gp, u, 4, 1, mean, cov, &err), err);
    double row[4];
    hpo_gp_covariance(plain, u, u, 4, row, NULL);
    assert_matrix_near(cov, row, 1, 4, 1e-8, 1e-9);
    assert_matrix_near(mean, m2, 1, 4, 1e-9, 1e-9);
    double prior[7] = {0};
    assert_near(hpo_fidelity_gp_objective(x.gp, theta, NULL) -
                    hpo_fidelity_prior(HPO_FIDELITY_DATA, 0, theta + 5, prior),
                hpo_gp_objective(plain, theta, NULL), 1e-9, 1e-9);
    hpo_gp_free(plain);
    tear_down(&x);
}

/* Results at small resources teach the target where it was never seen, once the fit has found how they belong
 * together; a kernel that shares nothing knows the trend of the target at best. */
static void test_transfer(void **state)
{
    (void)state;
    hpo_error err;
    t_rng r = {3};
    double loss[N_TEACHING];
    for (size_t f = 0; f < N_TEACHING; f++) {
        setup x;
        set_up(&x, FAMILIES[f], HPO_KERNEL_MATERN32, 60, &r);
        for (size_t i = 0; i < x.n; i++) {
            double s = i < 6 ? 1 : .25;
            x.a[i] = FAMILIES[f] <= HPO_FIDELITY_TASKS ? (i < 6 ? TASKS - 1 : 0) : s;
            x.y[i] = truth(x.u + 3 * i, s);
        }
        assert_ok(hpo_fidelity_gp_condition(x.gp, x.u, x.a, x.y, x.n, &err), err);
        assert_ok(hpo_fidelity_gp_fit(x.gp, 1, &err), err);
        loss[f] = 0;
        for (size_t i = 0; i < 50; i++) {
            double u[3] = {t_uniform(&r), .75, NAN}, mean, var;
            hpo_fidelity_gp_moments(x.gp, u, 1, FAMILIES[f] <= HPO_FIDELITY_TASKS ? TASKS - 1 : 1, &mean,
                                    &var);
            double d = hpo_transform_invert(hpo_fidelity_gp_transform(x.gp), mean) - truth(u, 1);
            loss[f] += sqrt(d * d) / 50;
        }
        tear_down(&x);
    }
    for (size_t f = 1; f < N_TEACHING; f++)
        assert_true(loss[f] < 0.08 && loss[f] < 0.6 * loss[0]);
}

static void test_refusals(void **state)
{
    (void)state;
    hpo_error err;
    setup x;
    t_rng r = t_rng_create();
    set_up(&x, HPO_FIDELITY_TASKS, HPO_KERNEL_SE, 5, &r);
    hpo_fidelity_gp *gp;
    hpo_fidelity_gp_options o = {.kernel = HPO_KERNEL_LINEAR};
    assert_fails(hpo_fidelity_gp_create(x.embed, &o, &gp, &err), HPO_EINVAL, err, "matern32");
    o = (hpo_fidelity_gp_options){.family = HPO_FIDELITY_TASKS, .tasks = 9};
    assert_fails(hpo_fidelity_gp_create(x.embed, &o, &gp, &err), HPO_EINVAL, err, "tasks");
    assert_fails(hpo_fidelity_gp_condition(x.gp, x.u, x.a, x.y, 1, &err), HPO_EINVAL, err, "two results");
    tear_down(&x);
}

static hpo_status without_memory(void *ctx, hpo_error *err)
{
    setup *x = ctx;
    hpo_fidelity_gp *gp;
    hpo_fidelity_gp_options o = {.family = HPO_FIDELITY_DECAY};
    hpo_status s = hpo_fidelity_gp_create(x->embed, &o, &gp, err);
    if (s != HPO_OK) return s;
    s = hpo_fidelity_gp_condition(gp, x->u, x->a, x->y, x->n, err);
    if (s == HPO_OK) s = hpo_fidelity_gp_fit(gp, 1, err);
    hpo_fidelity_gp_free(gp);
    return s;
}

static void test_memory(void **state)
{
    (void)state;
    setup x;
    t_rng r = t_rng_create();
    set_up(&x, HPO_FIDELITY_DECAY, HPO_KERNEL_MATERN32, 8, &r);
    t_oom(without_memory, &x);
    tear_down(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernels),  cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_between),  cmocka_unit_test(test_one_resource),
        cmocka_unit_test(test_transfer), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
