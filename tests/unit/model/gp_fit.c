/* SPDX-License-Identifier: Apache-2.0 */
/* Fitting Gaussian processes: priors, optima, the schedule (the state follows from the rows), choices,
 * samples, subsets. */
#include "t.h"

#include "gp_fixture.h"
#include "math/stats.h"

static const char *const THREE = "x: float 0..1\ny: float 0..1\nz: float 0..1\n";

static double bowl(const double *u)
{
    double a = u[0] - .3, b = u[1] - .6, c = u[2] - .5;
    return 4 * a * a + b * b + .2 * c * c + .3 * sin(9 * u[0]);
}

static void rows_of(t_rng *r, size_t n, double noise, double *u, double *y)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t d = 0; d < 3; d++)
            u[3 * i + d] = t_uniform(r);
        if (i % 11 == 10) memcpy(u + 3 * i, u + 3 * (i - 7), 3 * sizeof *u);
        y[i] = bowl(u + 3 * i) + noise * t_between(r, -1, 1);
        if (i % 17 == 5) y[i] = (double)NAN;
    }
}

static hpo_gp *make(const fixture *f, const hpo_gp_options *o)
{
    hpo_gp *gp;
    hpo_error err;
    assert_ok(hpo_gp_create(f->embed, o, &gp, &err), err);
    return gp;
}

/* Mode and median of the prior that scales with dimension (Hvarfner et al. 2024), by the objective itself. */
static void test_priors(void **state)
{
    (void)state;
    static const double mode[3] = {0.2048, 0.6476, 2.0479}, median[3] = {4.1133, 13.0072, 41.1325};
    static const size_t dims[3] = {1, 10, 100};
    for (size_t k = 0; k < 3; k++) {
        size_t n = dims[k] + 2;
        char *text = calloc(dims[k], 40);
        for (size_t d = 0; d < dims[k]; d++)
            snprintf(text + strlen(text), 40, "x%zu: float 0..1\n", d);
        hpo_gp_options o = hpo_gp_defaults();
        o.prior = HPO_GP_PRIOR_DIM;
        fixture f = fixture_with(text, &o);
        double theta[102] = {0}, g[102] = {0};
        theta[0] = log(mode[k]);
        hpo_gp_prior_value(f.gp, theta, g);
        assert_near(g[0], 0, 0, 1e-4); /* the density of l is highest there */
        /* the density of ln l, which has the Jacobian l, is highest at the median */
        memset(g, 0, sizeof g);
        theta[0] = log(median[k]);
        hpo_gp_prior_value(f.gp, theta, g);
        assert_near(g[0], 1, 0, 1e-4);
        assert_int_equal(hpo_gp_n_theta(f.gp), n);
        free(text);
        fixture_free(&f);
    }
    hpo_gp_options o = hpo_gp_defaults();
    fixture f = fixture_with("x: float 0..1\n", &o);
    double theta[3] = {log(2.0), log(3.0), log(.01)}, g[3] = {0};
    double wall = .1 * (4 + .25) + 3 - log(3.0) + 30 * .01 - .1 * log(.01);
    assert_near(hpo_gp_prior_value(f.gp, theta, g), wall, 1e-14, 0);
    assert_near(g[0], .2 * (4 - .25), 1e-14, 0);
    assert_near(g[1], 2, 1e-14, 0);
    assert_near(g[2], .3 - .1, 1e-14, 0);
    fixture_free(&f);
}

/* After a fit no small step in any direction is better, and the answer is far better than the start. */
static void test_optimum(void **state)
{
    (void)state;
    hpo_error err;
    t_rng r = t_rng_create();
    enum { N = 32 };
    double u[3 * N], y[N], g[5], theta[5];
    rows_of(&r, N, .02, u, y);
    for (size_t i = 0; i < N; i++)
        if (isnan(y[i])) y[i] = bowl(u + 3 * i);
    hpo_gp_options o = hpo_gp_defaults();
    fixture f = fixture_with(THREE, &o);
    double start[5] = {log(.866), log(.866), log(.866), 0, log(1e-3)};
    assert_ok(hpo_gp_advance(f.gp, u, y, NULL, NULL, N, &err), err);
    memcpy(theta, f.gp->theta, sizeof theta);
    double value = hpo_gp_objective(f.gp, theta, g);
    hpo_gp_summary about;
    hpo_gp_describe(f.gp, &about);
    assert_near(-about.log_posterior, value, 1e-9, 1e-9);
    assert_true(value < hpo_gp_objective(f.gp, start, NULL) - 1);
    for (size_t j = 0; j < 5; j++) {
        assert_true(theta[j] >= f.gp->lower[j] && theta[j] <= f.gp->upper[j]);
        if (theta[j] > f.gp->lower[j] && theta[j] < f.gp->upper[j]) assert_true(fabs(g[j]) < .1);
    }
    assert_true(about.loo_correlation > .8);
    /* what matters most has the shortest lengthscale */
    double l[3];
    hpo_gp_lengthscales(f.gp, l);
    assert_true(l[0] < l[1] && l[0] < l[2]);
    fixture_free(&f);
}

static void same_state(const hpo_gp *a, const hpo_gp *b)
{
    double at[12] = {.1, .2, .3, .9, .8, .1, .5, .5, .5, .31, .62, .5}, mean[8], var[8];
    assert_int_equal(hpo_gp_ready(a), hpo_gp_ready(b));
    assert_int_equal(hpo_gp_n_points(a), hpo_gp_n_points(b));
    hpo_gp_moments(a, at, 4, mean, var);
    hpo_gp_moments(b, at, 4, mean + 4, var + 4);
    assert_same_doubles(mean, mean + 4, 4);
    assert_same_doubles(var, var + 4, 4);
    assert_int_equal(hpo_gp_n_theta(a), hpo_gp_n_theta(b));
    assert_same_doubles(a->theta, b->theta, hpo_gp_n_theta(a));
    assert_int_equal(a->family, b->family);
    assert_int_equal(a->warped, b->warped);
}

/* One call with n rows, n calls, calls of any size: the same bits. */
static void test_follows_from_rows(void **state)
{
    (void)state;
    hpo_error err;
    t_rng r = t_rng_create();
    enum { N = 96 };
    double u[3 * N], y[N];
    rows_of(&r, N, .05, u, y);
    for (size_t i = 60; i < 63; i++)
        y[i] = 1e3 * (double)(i + 1); /* what the transform has not seen */
    hpo_gp_options o = hpo_gp_defaults();
    o.choose_family = o.input_warp = 1;
    o.heteroscedastic = 1;
    o.max_rows = 48;
    fixture f = fixture_with(THREE, &o);
    hpo_gp *by_some = make(&f, &o);
    for (size_t n = 1, some = 0; n <= N; n++) {
        assert_ok(hpo_gp_advance(f.gp, u, y, NULL, NULL, n, &err), err);
        if (t_uniform(&r) < .2) {
            some = n;
            assert_ok(hpo_gp_advance(by_some, u, y, NULL, NULL, n, &err), err);
            same_state(f.gp, by_some);
        }
        if (n != some || t_uniform(&r) < .7) continue;
        hpo_gp *at_once = make(&f, &o);
        assert_ok(hpo_gp_advance(at_once, u, y, NULL, NULL, n, &err), err);
        same_state(f.gp, at_once);
        hpo_gp_free(at_once);
    }
    hpo_gp_free(by_some);
    fixture_free(&f);
}

/* A fit at each count up to 50, and a twentieth apart from there on. */
static void test_schedule(void **state)
{
    (void)state;
    hpo_error err;
    enum { N = 130 };
    double u[3 * N], y[N];
    t_rng r = t_rng_create();
    for (size_t i = 0; i < N; i++) {
        for (size_t d = 0; d < 3; d++)
            u[3 * i + d] = t_uniform(&r);
        y[i] = bowl(u + 3 * i);
    }
    hpo_gp_options o = hpo_gp_defaults();
    fixture f = fixture_with(THREE, &o);
    hpo_gp_summary about;
    size_t last = 1;
    for (size_t n = 2; n <= N; n++) {
        assert_ok(hpo_gp_advance(f.gp, u, y, NULL, NULL, n, &err), err);
        hpo_gp_describe(f.gp, &about);
        if (n <= 50 || (n & (n - 1)) == 0) assert_int_equal(about.n_fit_rows, n);
        assert_true(about.n_fit_rows > n - 1 - n / 20);
        if (about.n_fit_rows == n && n > 50 && (n & (n - 1))) assert_true(n - last >= last / 20);
        last = about.n_fit_rows;
    }
    assert_true(about.n_fits < 49 + 25);
    fixture_free(&f);
}

/* n2 is learned where there is noise and on its floor where there is none; FIXED leaves it there. */
static void test_noise(void **state)
{
    (void)state;
    hpo_error err;
    enum { N = 64 };
    double u[3 * N], y[N];
    t_rng r = t_rng_create();
    for (size_t k = 0; k < 3; k++) {
        for (size_t i = 0; i < N; i++) {
            for (size_t d = 0; d < 3; d++)
                u[3 * i + d] = t_uniform(&r);
            y[i] = bowl(u + 3 * i) + (k > 0 ? t_between(&r, -.6, .6) : 0);
        }
        hpo_gp_options o = hpo_gp_defaults();
        o.family = HPO_KERNEL_MATERN52;
        if (k == 2) o.noise = HPO_GP_NOISE_FIXED;
        fixture f = fixture_with(THREE, &o);
        assert_ok(hpo_gp_advance(f.gp, u, y, NULL, NULL, N, &err), err);
        hpo_gp_summary about;
        hpo_gp_describe(f.gp, &about);
        if (k == 0) assert_true(about.noise_variance < 3e-3);
        if (k == 1) assert_true(about.noise_variance > .05);
        if (k == 2) assert_near(about.noise_variance, 1e-6, 1e-12, 0);
        fixture_free(&f);
    }
}

/* A scale that should have been logarithmic is warped; a smooth function takes the smoother kernel; a sparse
 * prior finds what matters. */
static void test_choices(void **state)
{
    (void)state;
    hpo_error err;
    enum { N = 64, D = 12 };
    double u[D * N], y[N];
    t_rng r = t_rng_create();
    for (size_t i = 0; i < N; i++) {
        u[i] = t_uniform(&r);
        y[i] = sin(1.5 * log(u[i] + 1e-3));
    }
    hpo_gp_options o = hpo_gp_defaults();
    o.transform = HPO_TRANSFORM_STANDARD;
    o.input_warp = 1;
    fixture f = fixture_with("x: float 0..1\n", &o);
    assert_ok(hpo_gp_advance(f.gp, u, y, NULL, NULL, N, &err), err);
    assert_true(f.gp->warped && f.gp->warp_a[0] < .8);
    fixture_free(&f);
    o.input_warp = 0;
    o.choose_family = 1;
    for (size_t i = 0; i < N; i++) {
        for (size_t d = 0; d < D; d++)
            u[D * i + d] = t_uniform(&r);
        y[i] = sin(4 * u[D * i + 2]) + cos(3 * u[D * i + 7]);
    }
    char text[32 * D] = "";
    for (size_t d = 0; d < D; d++)
        snprintf(text + strlen(text), 32, "x%zu: float 0..1\n", d);
    o.prior = HPO_GP_PRIOR_SPARSE;
    o.sparse_tau = .1;
    f = fixture_with(text, &o);
    assert_ok(hpo_gp_advance(f.gp, u, y, NULL, NULL, N, &err), err);
    double l[D];
    hpo_gp_lengthscales(f.gp, l);
    assert_int_equal(f.gp->family, HPO_KERNEL_MATERN52);
    for (size_t d = 0; d < D; d++)
        if (d != 2 && d != 7) assert_true(l[d] > 5 * l[2] && l[d] > 5 * l[7]);
    fixture_free(&f);
}

/* Samples follow the density: with hardly any data, that of the prior in closed form. */
static void test_samples(void **state)
{
    (void)state;
    hpo_error err;
    enum { K = 1500 };
    double theta[3 * K], y[2] = {0, 0}, u[2] = {.2, .8}, mean = 0, square = 0;
    hpo_gp_options o = hpo_gp_defaults();
    o.noise = HPO_GP_NOISE_FIXED;
    o.noise_floor = 1;
    o.prior = HPO_GP_PRIOR_DIM;
    fixture f = fixture_with("x: float 0..1\n", &o);
    assert_ok(hpo_gp_advance(f.gp, u, y, NULL, NULL, 2, &err), err);
    hpo_rng rng;
    hpo_rng_init(&rng, 3, 4, 1000);
    assert_ok(hpo_gp_sample_theta(f.gp, &rng, K, theta, &err), err);
    for (size_t i = 0; i < K; i++)
        mean += theta[3 * i] / K;
    for (size_t i = 0; i < K; i++)
        square += (theta[3 * i] - mean) * (theta[3 * i] - mean) / K;
    /* LogNormal(sqrt 2, sqrt 3) cut at the bounds and tilted a little by two observations of 0 */
    assert_near(mean, sqrt(2.0), 0, .45);
    assert_near(sqrt(square), sqrt(3.0), 0, .35);
    for (size_t i = 0; i < K; i++)
        assert_true(theta[3 * i + 2] == f.gp->lower[2]);
    fixture_free(&f);
}

/* Above max_rows a subset: its size, the best and the newest among it, and still a fair model. */
static void test_subset(void **state)
{
    (void)state;
    hpo_error err;
    enum { N = 300 }; /* fits at 256, 268, 281, 295 */
    double *u = malloc(3 * N * sizeof *u), *y = malloc(N * sizeof *y);
    t_rng r = t_rng_create();
    size_t best = 0;
    for (size_t i = 0; i < N; i++) {
        for (size_t d = 0; d < 3; d++)
            u[3 * i + d] = t_uniform(&r);
        y[i] = i == 250 ? -1 : bowl(u + 3 * i);
        if (i < 256 && y[i] < y[best]) best = i;
    }
    hpo_gp_options o = hpo_gp_defaults();
    o.max_rows = 64;
    fixture f = fixture_with(THREE, &o);
    assert_ok(hpo_gp_advance(f.gp, u, y, NULL, NULL, 256, &err), err);
    assert_int_equal(hpo_gp_n_points(f.gp), 64);
    assert_int_equal(hpo_gp_n_rows(f.gp), 256);
    int has_best = 0;
    size_t newest = 0; /* a quarter, beside the best */
    for (size_t i = 0; i < 64; i++) {
        has_best |= memcmp(hpo_gp_point(f.gp, i), u + 3 * best, 3 * sizeof *u) == 0;
        for (size_t k = 240; k < 256; k++)
            newest += memcmp(hpo_gp_point(f.gp, i), u + 3 * k, 3 * sizeof *u) == 0;
    }
    assert_true(has_best && newest == 16);
    assert_ok(hpo_gp_advance(f.gp, u, y, NULL, NULL, N, &err), err);
    assert_true(hpo_gp_n_points(f.gp) < 64 + 8);
    /* the same however it got there, choosing anew in between */
    hpo_gp *by_one = make(&f, &o);
    for (size_t n = 256; n <= N; n++)
        assert_ok(hpo_gp_advance(by_one, u, y, NULL, NULL, n, &err), err);
    same_state(f.gp, by_one);
    hpo_gp_free(by_one);
    hpo_gp_summary about;
    hpo_gp_describe(f.gp, &about);
    assert_true(about.loo_correlation > .8);
    free(u);
    free(y);
    fixture_free(&f);
}

/* Of many configurations some are fitted to and all are in the regression; however the rows came in. */
static void test_fitted_to_some(void **state)
{
    (void)state;
    enum { N = 420 };
    if (T_INSTRUMENTED) return;
    static double u[N * 3], y[N];
    t_rng r = t_rng_create();
    hpo_error err;
    for (size_t i = 0; i < N; i++) {
        for (size_t d = 0; d < 3; d++)
            u[3 * i + d] = t_uniform(&r);
        y[i] = bowl(u + 3 * i) + 0.01 * t_between(&r, -1, 1);
    }
    hpo_gp_options o = hpo_gp_defaults();
    fixture f = fixture_with(THREE, &o);
    hpo_gp *other = make(&f, &o), *small = make(&f, &o);
    assert_ok(hpo_gp_advance(f.gp, u, y, NULL, NULL, N, &err), err);
    for (size_t n = 300; n <= N; n += 15)
        assert_ok(hpo_gp_advance(other, u, y, NULL, NULL, n, &err), err);
    assert_int_equal(hpo_gp_n_points(f.gp), N);
    assert_same_doubles(f.gp->theta, other->theta, f.gp->n_theta);
    assert_same_doubles(f.gp->alpha, other->alpha, N);
    /* the sample: a quarter the best, no place twice, evenly from the others */
    uint32_t chosen[HPO_GP_FIT_ROWS];
    size_t fitted = f.gp->n_fit_rows, late = 0;
    assert_true(fitted > HPO_GP_FIT_ROWS && fitted <= N);
    assert_ok(hpo_gp_choose_sample(y, fitted, HPO_GP_FIT_ROWS, chosen, &err), err);
    size_t found = 0, order[N];
    hpo_argsort(y, fitted, order);
    for (size_t i = 0; i < HPO_GP_FIT_ROWS; i++) {
        if (i > 0) assert_true(chosen[i] > chosen[i - 1]);
        late += chosen[i] >= fitted / 2;
    }
    for (size_t i = 0; i < HPO_GP_FIT_ROWS / 4; i++)
        for (size_t k = 0; k < HPO_GP_FIT_ROWS; k++)
            found += chosen[k] == order[i];
    assert_int_equal(found, HPO_GP_FIT_ROWS / 4);
    assert_in_range(late, HPO_GP_FIT_ROWS / 2 - 24, HPO_GP_FIT_ROWS / 2 + 24);
    /* the hyperparameters are where the evidence of those rows is largest */
    static double su[HPO_GP_FIT_ROWS * 3], sy[HPO_GP_FIT_ROWS];
    double g[5];
    for (size_t i = 0; i < HPO_GP_FIT_ROWS; i++) {
        memcpy(su + 3 * i, u + 3 * chosen[i], 3 * sizeof *su);
        sy[i] = y[chosen[i]];
    }
    hpo_gp_fix_transform(small, hpo_gp_transform(f.gp));
    hpo_gp_hold(small, 1);
    assert_ok(hpo_gp_advance(small, su, sy, NULL, NULL, HPO_GP_FIT_ROWS, &err), err);
    assert_true(isfinite(hpo_gp_objective(small, f.gp->theta, g)));
    for (size_t k = 0; k < 5; k++) /* a step that gains less than 1e-5 of the value ends a fit */
        if (f.gp->theta[k] > f.gp->lower[k] && f.gp->theta[k] < f.gp->upper[k]) assert_near(g[k], 0, 0, 2);
    hpo_gp_free(other);
    hpo_gp_free(small);
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_priors),
        cmocka_unit_test(test_optimum),
        cmocka_unit_test(test_follows_from_rows),
        cmocka_unit_test(test_schedule),
        cmocka_unit_test(test_noise),
        cmocka_unit_test(test_choices),
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_fitted_to_some),
        cmocka_unit_test(test_subset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
