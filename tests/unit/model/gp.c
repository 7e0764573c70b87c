/* SPDX-License-Identifier: Apache-2.0 */
/* Gaussian processes with the hyperparameters given: reference values, appending, replicates, gradients,
 * covariances, what degenerate data do. */
#include "t.h"

#include "gp_fixture.h"
#include "math/linalg.h"

/* ---- reference values ------------------------------------------------------------------------------- */

static const double FIVE_U[10] = {.1, .2, .4, .9, .6, .3, .8, .7, .95, .05};
static const double FIVE_Y[5] = {1.2, -.3, .5, -1.1, .8};

/* Evidence, moments, leave-one-out and gradients of five points by 40-digit arithmetic (mpmath). */
static void test_five_points(void **state)
{
    (void)state;
    hpo_error err;
    double theta[4] = {log(.3), log(.7), 0, log(.01)}, g[4], prior[4] = {0}, mean, var;
    static const double want_g[4] = {1.0973414858082, -2.3873117499157, 0.62141571655874, 0.024578055318107};
    static const double want_mean[5] = {0.12887430068446, 0.16837140326558, -0.27617282709483,
                                        0.3281232112694, -0.27638943894883};
    static const double want_var[5] = {0.89418319846898, 0.71671677939206, 0.54114812338333, 0.56763259690497,
                                       0.73360681169522};
    fixture f = fixture_create("x: float 0..1\ny: float 0..1\n", HPO_KERNEL_MATERN52);
    assert_ok(hpo_gp_advance(f.gp, FIVE_U, FIVE_Y, NULL, NULL, 5, &err), err);
    assert_ok(hpo_gp_set_theta(f.gp, theta, &err), err);
    hpo_gp_moments(f.gp, (double[]){.5, .5}, 1, &mean, &var);
    assert_near(mean, 0.2327700568316559, 1e-12, 0);
    assert_near(var, 0.1203477871371649, 1e-12, 0);
    double value = hpo_gp_objective(f.gp, theta, g);
    assert_near(hpo_gp_prior_value(f.gp, theta, prior) - value, -7.201755797891527, 1e-12, 0);
    for (size_t i = 0; i < 4; i++)
        assert_near(prior[i] - g[i], want_g[i], 0, 1e-12);
    double loo_mean[5], loo_var[5];
    hpo_gp_loo(f.gp, loo_mean, loo_var);
    assert_matrix_near(loo_mean, want_mean, 1, 5, 0, 1e-13);
    assert_matrix_near(loo_var, want_var, 1, 5, 0, 1e-13);
    size_t at;
    assert_near(hpo_gp_incumbent(f.gp, &at), -1.1 - (-1.1 - want_mean[3]) / want_var[3] * .01, 1e-12, 0);
    assert_int_equal(at, 3);
    fixture_free(&f);
}

/* Three points of one dimension, in closed form. */
static void test_three_points(void **state)
{
    (void)state;
    hpo_error err;
    double theta[3] = {log(.3), 0, log(.01)}, mean, var, noise, prior[3] = {0};
    fixture f = fixture_create("x: float 0..1\n", HPO_KERNEL_SE);
    assert_ok(hpo_gp_advance(f.gp, (double[]){0, .5, 1}, (double[]){1, 0, .5}, NULL, NULL, 3, &err), err);
    assert_ok(hpo_gp_set_theta(f.gp, theta, &err), err);
    hpo_gp_moments(f.gp, (double[]){.25}, 1, &mean, &var);
    hpo_gp_noise_at(f.gp, (double[]){.25}, 1, &noise);
    assert_near(mean, .5028674, 0, 5e-8);
    assert_near(var, .1967758, 0, 5e-8); /* of f alone */
    assert_near(var + noise, .2067758, 0, 5e-8);
    assert_near(hpo_gp_prior_value(f.gp, theta, prior) - hpo_gp_objective(f.gp, theta, NULL), -3.4006128, 0,
                5e-8);
    fixture_free(&f);
}

/* ---- the system ------------------------------------------------------------------------------------- */

static const char *const MIXED = "x: float 0..1\nn: int 0..9\nk: a, b, c\nz: float 0..1 if k == a\n";
enum { MIXED_DIMS = 4, MIXED_THETA = 6 };

static void random_mixed(t_rng *r, double *u)
{
    int64_t k = t_int(r, 0, 2);
    u[0] = t_uniform(r);
    u[1] = .05 + .1 * (double)t_int(r, 0, 9);
    u[2] = ((double)k + .5) / 3;
    u[3] = k == 0 ? t_uniform(r) : (double)NAN;
}

static void random_theta(t_rng *r, double *theta, size_t g)
{
    for (size_t i = 0; i < g; i++)
        theta[i] = t_between(r, -1, 1);
    theta[g] = t_between(r, -.5, .5);
    theta[g + 1] = t_between(r, -9, -2);
}

/* A row at a time gives what all at once give. */
static void test_appending(void **state)
{
    (void)state;
    hpo_error err;
    t_rng r = t_rng_create();
    for (T_ROUNDS(round, 6)) {
        size_t n = (size_t)t_int(&r, 2, round == 0 ? 200 : 90);
        double *u = malloc(n * MIXED_DIMS * sizeof *u), *y = malloc(n * sizeof *y), theta[MIXED_THETA];
        double at[10 * MIXED_DIMS], mean[20], var[20];
        random_theta(&r, theta, MIXED_DIMS);
        for (size_t i = 0; i < n; i++) {
            random_mixed(&r, u + i * MIXED_DIMS);
            if (i > 0 && t_uniform(&r) < .1)
                memcpy(u + i * MIXED_DIMS, u + (size_t)t_int(&r, 0, (int64_t)i - 1) * MIXED_DIMS,
                       MIXED_DIMS * sizeof *u);
            y[i] = t_between(&r, -1, 1);
        }
        for (size_t i = 0; i < 10; i++)
            random_mixed(&r, at + i * MIXED_DIMS);
        fixture f = fixture_create(MIXED, round % 2 ? HPO_KERNEL_MATERN32 : HPO_KERNEL_LINEAR);
        assert_ok(hpo_gp_set_theta(f.gp, theta, &err), err);
        for (size_t i = 1; i <= n; i++)
            assert_ok(hpo_gp_advance(f.gp, u, y, NULL, NULL, i, &err), err);
        hpo_gp_moments(f.gp, at, 10, mean, var);
        assert_ok(hpo_gp_set_theta(f.gp, theta, &err), err); /* factorises anew */
        hpo_gp_moments(f.gp, at, 10, mean + 10, var + 10);
        assert_matrix_near(mean, mean + 10, 1, 10, 1e-9, 1e-9);
        assert_matrix_near(var, var + 10, 1, 10, 1e-9, 1e-10);
        free(u);
        free(y);
        fixture_free(&f);
    }
}

/* All rows in one dense system, replicates apart: mean, variance at `at`, and log evidence. */
static void dense(hpo_kernel_family family, const double *theta, const double *u, const double *y,
                  const double *se, size_t n, double at, double *out)
{
    double *k = calloc(n * n, sizeof *k), *a = malloc(n * sizeof *a), *cross = malloc(n * sizeof *a), x[1],
           v[1];
    double s2 = exp(theta[1]), l = exp(theta[0]);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++) {
            x[0] = u[i] / l;
            v[0] = u[j] / l;
            hpo_kernel_cross(family, s2, x, 1, v, 1, 1, &k[i * n + j], 1);
        }
        k[i * n + i] += exp(theta[2]) + (se && se[i] > 0 ? se[i] * se[i] : 0);
        x[0] = at / l;
        v[0] = u[i] / l;
        hpo_kernel_cross(family, s2, x, 1, v, 1, 1, &cross[i], 1);
        a[i] = y[i];
    }
    assert_int_equal(hpo_cholesky(k, n, n), 0);
    hpo_cholesky_solve(k, n, n, a);
    out[2] = -.5 * (hpo_dot(a, y, n) + hpo_cholesky_logdet(k, n, n) + (double)n * log(2 * acos(-1)));
    out[0] = hpo_dot(a, cross, n);
    memcpy(a, cross, n * sizeof *a);
    hpo_cholesky_solve(k, n, n, a);
    out[1] = s2 - hpo_dot(a, cross, n);
    free(k);
    free(a);
    free(cross);
}

/* Merged replicates, with standard errors and without, say exactly what all rows say. */
static void test_replicates(void **state)
{
    (void)state;
    hpo_error err;
    t_rng r = t_rng_create();
    enum { N = 30 };
    for (T_ROUNDS(round, 8)) {
        double u[N], y[N], se[N], theta[3] = {log(.4), .3, log(.05)}, prior[3] = {0}, want[3], got[3];
        for (size_t i = 0; i < N; i++) {
            u[i] = .05 + .1 * (double)t_int(&r, 0, 6);
            y[i] = t_between(&r, -1, 1);
            se[i] = round % 2 && t_uniform(&r) < .7 ? t_between(&r, .01, .5) : (double)NAN;
        }
        fixture f = fixture_create("x: float 0..1\n", HPO_KERNEL_MATERN32);
        assert_ok(hpo_gp_advance(f.gp, u, y, se, NULL, N, &err), err);
        assert_ok(hpo_gp_set_theta(f.gp, theta, &err), err);
        dense(HPO_KERNEL_MATERN32, theta, u, y, se, N, .33, want);
        hpo_gp_moments(f.gp, (double[]){.33}, 1, &got[0], &got[1]);
        got[2] = hpo_gp_prior_value(f.gp, theta, prior) - hpo_gp_objective(f.gp, theta, NULL);
        assert_matrix_near(got, want, 1, 3, 1e-10, 1e-12);
        double count = 0, sum = 0;
        for (size_t i = 0; i < hpo_gp_n_points(f.gp); i++) {
            hpo_gp_observed(f.gp, i, &count);
            sum += count;
        }
        assert_true(sum == N && hpo_gp_n_rows(f.gp) == N && hpo_gp_n_points(f.gp) <= 7);
        fixture_free(&f);
    }
}

/* Many looks at one place: nothing left to learn there, and as noisy as ever. */
static void test_kinds_of_uncertainty(void **state)
{
    (void)state;
    hpo_error err;
    t_rng r = t_rng_create();
    enum { N = 2000 };
    double u[N + 1], y[N + 1], theta[3] = {log(.2), 0, log(.5)}, at[2] = {.5, .5001}, mean[2], var[2],
                               noise[2];
    for (size_t i = 0; i <= N; i++) {
        u[i] = i < N ? .5 : .9;
        y[i] = t_between(&r, -1.2, 1.2);
    }
    fixture f = fixture_create("x: float 0..1\n", HPO_KERNEL_MATERN32);
    assert_ok(hpo_gp_advance(f.gp, u, y, NULL, NULL, N + 1, &err), err);
    assert_ok(hpo_gp_set_theta(f.gp, theta, &err), err);
    hpo_gp_moments(f.gp, at, 2, mean, var);
    hpo_gp_noise_at(f.gp, at, 2, noise);
    assert_true(var[0] < .5 / N * 1.01 && var[1] < 2 * .5 / N);
    assert_near(noise[0], .5, 1e-12, 0);
    hpo_gp_posterior(f.gp).ops->noise(f.gp, at, 2, noise);
    assert_near(noise[1], .5, 1e-12, 0);
    fixture_free(&f);
}

/* ---- derivatives ------------------------------------------------------------------------------------ */

static void check_objective(fixture *f, const double *theta, size_t n)
{
    double g[32], up[32], down[32];
    hpo_gp_objective(f->gp, theta, g);
    for (size_t j = 0; j < n; j++) {
        double h = 1e-4;
        memcpy(up, theta, n * sizeof *up);
        memcpy(down, theta, n * sizeof *up);
        up[j] += h;
        down[j] -= h;
        double slope = (hpo_gp_objective(f->gp, up, NULL) - hpo_gp_objective(f->gp, down, NULL)) / (2 * h);
        assert_near(g[j], slope, 2e-6, 2e-6);
    }
}

/* d objective / d theta by central differences: kernels, priors, replicates, standard errors, rho, warping.
 */
static void test_objective(void **state)
{
    (void)state;
    hpo_error err;
    t_rng r = t_rng_create();
    enum { N = 25 };
    for (size_t family = 0; family <= HPO_KERNEL_LINEAR; family++)
        for (size_t prior = 0; prior <= HPO_GP_PRIOR_SPARSE; prior++) {
            hpo_gp_options o = hpo_gp_defaults();
            double u[N * MIXED_DIMS], y[N], se[N], theta[32];
            o.family = (hpo_kernel_family)family;
            o.prior = (hpo_gp_prior)prior;
            o.fit_rho = 1;
            fixture f = fixture_with(MIXED, &o);
            hpo_gp_hold(f.gp, 1);
            for (size_t i = 0; i < N; i++) {
                random_mixed(&r, u + i * MIXED_DIMS);
                if (i % 5 == 4) memcpy(u + i * MIXED_DIMS, u, MIXED_DIMS * sizeof *u);
                y[i] = t_between(&r, -1, 1);
                se[i] = prior == 1 ? t_between(&r, .05, .2) : (double)NAN;
            }
            assert_ok(hpo_gp_advance(f.gp, u, y, se, NULL, N, &err), err);
            if (family != HPO_KERNEL_LINEAR) f.gp->warped = 1;
            f.gp->features_stale = 1;
            hpo_gp_bounds(f.gp);
            size_t n = hpo_gp_n_theta(f.gp);
            assert_int_equal(n, MIXED_THETA + (family == HPO_KERNEL_LINEAR ? 0 : 1 + 6));
            random_theta(&r, theta, MIXED_DIMS);
            for (size_t i = MIXED_THETA; i < n; i++)
                theta[i] = t_between(&r, .2, .9);
            assert_ok(hpo_gp_set_theta(f.gp, theta, &err), err);
            check_objective(&f, theta, n);
            fixture_free(&f);
        }
}

/* Gradients of moments and covariances by central differences; cov(u, u) is the variance; blocks of rows give
 * what single rows give, to the bit. */
static void test_posterior(void **state)
{
    (void)state;
    hpo_error err;
    t_rng r = t_rng_create();
    enum { N = 70, M = 90, R = 3 };
    for (size_t family = 0; family <= HPO_KERNEL_LINEAR; family++) {
        fixture f = fixture_create(MIXED, (hpo_kernel_family)family);
        double u[M * MIXED_DIMS], y[N], theta[MIXED_THETA], mean[M], var[M], one_mean[M], one_var[M];
        for (size_t i = 0; i < M; i++)
            random_mixed(&r, u + i * MIXED_DIMS);
        for (size_t i = 0; i < N; i++)
            y[i] = t_between(&r, -1, 1);
        random_theta(&r, theta, MIXED_DIMS);
        assert_ok(hpo_gp_advance(f.gp, u, y, NULL, NULL, N, &err), err);
        assert_ok(hpo_gp_set_theta(f.gp, theta, &err), err);
        hpo_gp_moments(f.gp, u, M, mean, var);
        for (size_t i = 0; i < M; i++)
            hpo_gp_moments(f.gp, u + i * MIXED_DIMS, 1, &one_mean[i], &one_var[i]);
        assert_same_doubles(mean, one_mean, M);
        assert_same_doubles(var, one_var, M);
        for (size_t i = N; i < N + 8; i++) {
            double *at = u + i * MIXED_DIMS, m, v, dm[4], dv[4], cov[R], dcov[R * MIXED_DIMS], mm[2], vv[2],
                   cc[2 * R];
            if (!isnan(at[3])) at[3] = .1 + .8 * at[3];
            at[0] = .1 + .8 * at[0];
            const double *fixed = u + (N + 8) * MIXED_DIMS;
            hpo_gp_gradient(f.gp, at, &m, &v, dm, dv);
            hpo_gp_moments(f.gp, at, 1, mm, vv);
            assert_near(m, mm[0], 1e-10, 1e-12);
            assert_near(v, vv[0], 1e-10, 1e-12);
            hpo_gp_covariance(f.gp, at, at, 1, cov, NULL);
            assert_near(cov[0], v, 1e-9, 1e-11);
            hpo_gp_covariance(f.gp, at, fixed, R, cov, dcov);
            for (size_t d = 0; d < MIXED_DIMS; d++) {
                double both[2 * MIXED_DIMS], h = 1e-5;
                if (d == 1 || d == 2 || isnan(at[d])) {
                    assert_true(dm[d] == 0 && dv[d] == 0 && dcov[d] == 0);
                    continue;
                }
                memcpy(both, at, MIXED_DIMS * sizeof *at);
                memcpy(both + MIXED_DIMS, at, MIXED_DIMS * sizeof *at);
                both[d] += h;
                both[MIXED_DIMS + d] -= h;
                hpo_gp_moments(f.gp, both, 2, mm, vv);
                assert_near(dm[d], (mm[0] - mm[1]) / (2 * h), 1e-5, 1e-5);
                assert_near(dv[d], (vv[0] - vv[1]) / (2 * h), 1e-5, 1e-5);
                hpo_gp_covariance(f.gp, both, fixed, R, cc, NULL);
                hpo_gp_covariance(f.gp, both + MIXED_DIMS, fixed, R, cc + R, NULL);
                for (size_t j = 0; j < R; j++)
                    assert_near(dcov[j * MIXED_DIMS + d], (cc[j] - cc[R + j]) / (2 * h), 1e-5, 1e-5);
            }
        }
        fixture_free(&f);
    }
}

/* ---- odd data --------------------------------------------------------------------------------------- */

/* Whatever rows come: finite moments, a variance above 0, or not ready. */
static void check_sane(const char *text, const double *u, const double *y, const double *se, size_t n)
{
    hpo_error err;
    hpo_gp_options o = hpo_gp_defaults();
    for (size_t transform = 0; transform <= HPO_TRANSFORM_AUTO; transform++) {
        o.transform = (hpo_transform_kind)transform;
        fixture f = fixture_with(text, &o);
        size_t finite = 0;
        for (size_t i = 0; i < n; i++)
            finite += isfinite(y[i]) != 0;
        assert_ok(hpo_gp_advance(f.gp, u, y, se, NULL, n, &err), err);
        assert_int_equal(hpo_gp_ready(f.gp), finite >= 2);
        double mean[3], var[3], at[3] = {0, .31, 1}, noise[3], dm, dv;
        hpo_gp_summary about;
        hpo_gp_moments(f.gp, at, 3, mean, var);
        hpo_gp_noise_at(f.gp, at, 3, noise);
        hpo_gp_gradient(f.gp, at + 1, mean, var, &dm, &dv);
        hpo_gp_describe(f.gp, &about);
        for (size_t i = 0; i < 3; i++)
            assert_true(isfinite(mean[i]) && var[i] > 0 && isfinite(var[i]) && noise[i] >= 0 &&
                        isfinite(noise[i]));
        assert_true(isfinite(dm) && isfinite(dv) && isfinite(hpo_gp_incumbent(f.gp, NULL)));
        fixture_free(&f);
    }
}

static void test_odd_data(void **state)
{
    (void)state;
    enum { N = 40 };
    t_rng r = t_rng_create();
    double u[N], y[N], se[N];
    const char *text = "x: float 0..1\n";
    for (size_t i = 0; i < N; i++)
        u[i] = t_uniform(&r);
    for (size_t i = 0; i < N; i++)
        y[i] = 3;
    check_sane(text, u, y, NULL, 0);
    check_sane(text, u, y, NULL, 1);
    check_sane(text, u, y, NULL, 2);
    check_sane(text, u, y, NULL, N); /* all equal */
    for (size_t i = 0; i < N; i++)
        y[i] = i % 3 ? t_between(&r, -1, 1) : (double)NAN;
    check_sane(text, u, y, NULL, N);
    y[0] = (double)NAN;
    check_sane(text, u, y, NULL, 1);
    for (size_t i = 0; i < N; i++)
        se[i] = i % 2 ? 1e300 : i % 4 ? 0 : (double)INFINITY;
    check_sane(text, u, y, se, N);
    for (size_t i = 0; i < N; i++)
        y[i] = i % 2 ? 1e300 : -1e300;
    check_sane(text, u, y, NULL, N);
    y[7] = (double)INFINITY;
    y[8] = -(double)INFINITY;
    for (size_t i = 0; i < N; i++)
        y[i] *= 1e-300 * (i == 20 ? 1e12 : 1);
    check_sane(text, u, y, NULL, N);
    for (size_t i = 0; i < N; i++) {
        u[i] = .5;
        y[i] = t_odd_double(&r);
    }
    check_sane(text, u, y, NULL, N); /* one configuration */
    for (size_t i = 0; i < N; i++)
        u[i] = i % 2 ? .5 : nextafter(.5, (double)i);
    check_sane(text, u, y, NULL, N); /* two that are hardly apart */
}

static hpo_status run_short_of_memory(void *ctx, hpo_error *err)
{
    fixture *f = ctx;
    hpo_gp *gp;
    double u[24], y[24], theta[6];
    hpo_rng rng;
    hpo_gp_options o = hpo_gp_defaults();
    o.max_rows = 16;
    o.input_warp = o.choose_family = 1;
    for (size_t i = 0; i < 24; i++) {
        u[i] = (double)i / 24;
        y[i] = sin(6 * u[i]);
    }
    hpo_status s = hpo_gp_create(f->embed, &o, &gp, err);
    if (s == HPO_OK) s = hpo_gp_advance(gp, u, y, NULL, NULL, 12, err);
    if (s == HPO_OK) s = hpo_gp_advance(gp, u, y, NULL, NULL, 24, err);
    hpo_rng_init(&rng, 1, 1, 1000);
    if (s == HPO_OK) s = hpo_gp_sample_theta(gp, &rng, 1, theta, err);
    hpo_gp_free(gp);
    return s;
}

static void test_short_of_memory(void **state)
{
    (void)state;
    fixture f = fixture_create("x: float 0..1\n", HPO_KERNEL_MATERN32);
    t_oom(run_short_of_memory, &f);
    fixture_free(&f);
}

static void test_refusals(void **state)
{
    (void)state;
    hpo_error err;
    fixture f = fixture_create("x: float 0..1\n", HPO_KERNEL_MATERN32);
    hpo_gp *gp;
    hpo_gp_options o = hpo_gp_defaults();
    double theta[3] = {0, 0, (double)NAN};
    assert_fails(hpo_gp_set_theta(f.gp, theta, &err), HPO_EINVAL, err, "theta[2]");
    o.noise_floor = 0;
    assert_fails(hpo_gp_create(f.embed, &o, &gp, &err), HPO_EINVAL, err, "noise_floor");
    o = hpo_gp_defaults();
    o.max_rows = 1;
    assert_fails(hpo_gp_create(f.embed, &o, &gp, &err), HPO_EINVAL, err, "max_rows");
    o = hpo_gp_defaults();
    o.prior = HPO_GP_PRIOR_SPARSE;
    o.sparse_tau = 0;
    assert_fails(hpo_gp_create(f.embed, &o, &gp, &err), HPO_EINVAL, err, "sparse_tau");
    assert_null(gp);
    hpo_gp_free(NULL);
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_five_points),
        cmocka_unit_test(test_three_points),
        cmocka_unit_test(test_appending),
        cmocka_unit_test(test_replicates),
        cmocka_unit_test(test_kinds_of_uncertainty),
        cmocka_unit_test(test_objective),
        cmocka_unit_test(test_posterior),
        cmocka_unit_test(test_odd_data),
        cmocka_unit_test(test_short_of_memory),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
