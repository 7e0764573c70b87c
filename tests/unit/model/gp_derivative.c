/* SPDX-License-Identifier: Apache-2.0 */
/* Gaussian processes that see gradients: against ones that see close pairs of values, against what was
 * observed, and the gradient of the evidence by differences. */
#include "t.h"

#include "gp_fixture.h"

static const hpo_kernel_family families[] = {HPO_KERNEL_SE, HPO_KERNEL_MATERN52, HPO_KERNEL_MATERN32};
static const char *const TWO = "x: float 0..1\ny: float 0..1\n";
enum { N_FAMILIES = 3 };

static double wave(const double *u, double *du)
{
    double a = 3 * u[0] + u[1], b = 2 * u[1];
    if (du) {
        du[0] = 3 * cos(a);
        du[1] = cos(a) - 2 * sin(b);
    }
    return sin(a) + cos(b);
}

/* f' from two values of tiny distance and noise: the same posterior, as far as differences go. */
static void test_like_differences(void **state)
{
    (void)state;
    hpo_error err;
    t_rng r = t_rng_create();
    enum { N = 6 };
    for (size_t k = 0; k < 2; k++) { /* smooth enough for differences of the kernel */
        double u[2 * N], y[N], g[2 * N], pairs[6 * N], values[3 * N], h = 1e-3;
        for (size_t i = 0; i < N; i++) {
            u[2 * i] = t_between(&r, .05, .95);
            u[2 * i + 1] = t_between(&r, .05, .95);
            y[i] = wave(u + 2 * i, g + 2 * i);
            g[2 * i] += t_between(&r, -.1, .1); /* not what f says: both must believe it alike */
            memcpy(pairs + 6 * i, u + 2 * i, 2 * sizeof *u);
            memcpy(pairs + 6 * i + 2, u + 2 * i, 2 * sizeof *u);
            memcpy(pairs + 6 * i + 4, u + 2 * i, 2 * sizeof *u);
            pairs[6 * i + 2] += h;
            pairs[6 * i + 5] += h;
            values[3 * i] = y[i];
            values[3 * i + 1] = y[i] + h * g[2 * i];
            values[3 * i + 2] = y[i] + h * g[2 * i + 1];
        }
        double theta[4] = {log(.3), log(.4), 0, log(1e-6)};
        fixture a = fixture_create(TWO, families[k]), b = fixture_create(TWO, families[k]);
        assert_ok(hpo_gp_advance(a.gp, u, y, NULL, g, N, &err), err);
        assert_ok(hpo_gp_advance(b.gp, pairs, values, NULL, NULL, 3 * N, &err), err);
        assert_int_equal(a.gp->n_entries, 3 * N);
        assert_ok(hpo_gp_set_theta(a.gp, theta, &err), err);
        theta[3] = log(1e-12); /* noise of a difference: 2 n2 / h^2 */
        assert_ok(hpo_gp_set_theta(b.gp, theta, &err), err);
        for (size_t i = 0; i < 10; i++) {
            double v[2] = {t_uniform(&r), t_uniform(&r)}, mean[2], var[2];
            hpo_gp_moments(a.gp, v, 1, &mean[0], &var[0]);
            hpo_gp_moments(b.gp, v, 1, &mean[1], &var[1]);
            assert_near(mean[0], mean[1], 0, 2e-2);
            assert_near(var[0], var[1], 0.05, 1e-3);
        }
        fixture_free(&a);
        fixture_free(&b);
    }
}

/* Without noise the posterior has the values and slopes that were seen; also those of conditional and warped
 * axes and beside labels. */
static void test_slopes_are_met(void **state)
{
    (void)state;
    hpo_error err;
    t_rng r = t_rng_create();
    enum { N = 8 };
    for (size_t k = 0; k < N_FAMILIES; k++) {
        fixture f =
            fixture_create("x: float 0..1\nk: a, b, c\nz: float 0..1 if k == a\nn: int 0..9\n", families[k]);
        double u[4 * N], y[N], g[4 * N], theta[6] = {log(.5), log(.8), log(.4), log(.7), .3, log(1e-9)};
        assert_int_equal(f.n_dims, 4);
        for (size_t i = 0; i < N; i++) {
            u[4 * i] = t_uniform(&r);
            u[4 * i + 1] = i % 2 ? .5 : .1;
            u[4 * i + 2] = i % 2 ? (double)NAN : t_uniform(&r);
            u[4 * i + 3] = .05 + .1 * (double)i;
            y[i] = t_between(&r, -1, 1);
            for (size_t d = 0; d < 4; d++)
                g[4 * i + d] = i == 5 ? (double)NAN : t_between(&r, -1, 1);
        }
        assert_ok(hpo_gp_advance(f.gp, u, y, NULL, g, N, &err), err);
        assert_ok(hpo_gp_set_theta(f.gp, theta, &err), err);
        assert_int_equal(f.gp->n_entries, N + 7 + 4); /* x of all but one, z where active */
        for (size_t i = 0; i < N; i++) {
            double mean, var, dmean[4], dvar[4];
            hpo_gp_gradient(f.gp, u + 4 * i, &mean, &var, dmean, dvar);
            assert_near(mean, y[i], 0, 1e-5);
            if (i == 5) continue;
            assert_near(dmean[0], g[4 * i], 0, 1e-4);
            assert_near(dmean[2], i % 2 ? 0 : g[4 * i + 2], 0, 1e-4);
            assert_true(dmean[1] == 0 && dmean[3] == 0);
        }
        fixture_free(&f);
    }
}

/* Gradient of the evidence and of the posterior by central differences. */
static void test_gradients(void **state)
{
    (void)state;
    hpo_error err;
    t_rng r = t_rng_create();
    enum { N = 7 };
    for (size_t k = 0; k < N_FAMILIES; k++) {
        fixture f = fixture_create("x: float 0..1\nk: a, b\ny: float 0..1 if k == a\n", families[k]);
        double u[3 * N], y[N], g[3 * N], theta[5] = {log(.5), log(.8), log(.6), .3, log(.02)}, d[5];
        for (size_t i = 0; i < N; i++) {
            u[3 * i] = i == 6 ? u[0] : t_uniform(&r); /* the last repeats the first */
            u[3 * i + 1] = i % 2 ? .75 : .25;
            u[3 * i + 2] = i == 6 ? u[2] : i % 2 ? (double)NAN : t_uniform(&r);
            y[i] = t_between(&r, -1, 1);
            for (size_t j = 0; j < 3; j++)
                g[3 * i + j] = t_between(&r, -1, 1);
        }
        assert_ok(hpo_gp_advance(f.gp, u, y, NULL, g, N, &err), err);
        assert_int_equal(f.gp->n_points, N - 1);
        assert_ok(hpo_gp_set_theta(f.gp, theta, &err), err);
        hpo_gp_objective(f.gp, theta, d);
        for (size_t j = 0; j < 5; j++) {
            double h = 1e-5, up[5], down[5];
            memcpy(up, theta, sizeof up);
            memcpy(down, theta, sizeof down);
            up[j] += h;
            down[j] -= h;
            double slope = (hpo_gp_objective(f.gp, up, NULL) - hpo_gp_objective(f.gp, down, NULL)) / (2 * h);
            assert_near(d[j], slope, 1e-6, 1e-6);
        }
        double at[3] = {.37, .2, .61}, mean, var, dmean[3], dvar[3], m[2], v[2];
        hpo_gp_gradient(f.gp, at, &mean, &var, dmean, dvar);
        for (size_t j = 0; j < 3; j += 2) {
            double h = 1e-5, both[6];
            memcpy(both, at, sizeof at);
            memcpy(both + 3, at, sizeof at);
            both[j] += h;
            both[3 + j] -= h;
            hpo_gp_moments(f.gp, both, 2, m, v);
            assert_near(dmean[j], (m[0] - m[1]) / (2 * h), 1e-6, 1e-6);
            assert_near(dvar[j], (v[0] - v[1]) / (2 * h), 1e-6, 1e-6);
        }
        fixture_free(&f);
    }
}

/* Eight gradients of a function of ten variables say more than eight values. */
static void test_gradients_help(void **state)
{
    (void)state;
    hpo_error err;
    t_rng r = t_rng_create();
    enum { N = 12, D = 6, M = 100 };
    char text[256] = "";
    for (size_t d = 0; d < D; d++)
        snprintf(text + strlen(text), 32, "x%zu: float 0..1\n", d);
    double u[N * D], y[N], g[N * D], error[2] = {0};
    for (size_t i = 0; i < N; i++) {
        y[i] = 0;
        for (size_t d = 0; d < D; d++) {
            double c = (u[i * D + d] = t_uniform(&r)) - .4;
            y[i] += (1 + (double)d) * c * c;
            g[i * D + d] = 2 * (1 + (double)d) * c;
        }
    }
    for (size_t with = 0; with < 2; with++) {
        hpo_gp_options o = hpo_gp_defaults();
        o.family = HPO_KERNEL_MATERN52;
        fixture f = fixture_with(text, &o);
        assert_ok(hpo_gp_advance(f.gp, u, y, NULL, with ? g : NULL, N, &err), err);
        t_rng same = {12345};
        for (size_t i = 0; i < M; i++) {
            double v[D], want = 0, mean, var;
            for (size_t d = 0; d < D; d++) {
                double c = (v[d] = t_uniform(&same)) - .4;
                want += (1 + (double)d) * c * c;
            }
            hpo_gp_moments(f.gp, v, 1, &mean, &var);
            error[with] += fabs(hpo_transform_invert(hpo_gp_transform(f.gp), mean) - want) / M;
        }
        fixture_free(&f);
    }
    assert_true(error[1] < 0.5 * error[0]);
}

/* The cap keeps the newest; appending equals starting again. */
static void test_many(void **state)
{
    (void)state;
    hpo_error err;
    t_rng r = t_rng_create();
    enum { N = 40 };
    double u[2 * N], y[N], g[2 * N], theta[4] = {log(.4), log(.6), 0, log(1e-4)}, at[2] = {.4, .7};
    double one[2], two[2];
    for (size_t i = 0; i < N; i++) {
        u[2 * i] = t_uniform(&r);
        u[2 * i + 1] = t_uniform(&r);
        y[i] = wave(u + 2 * i, g + 2 * i);
        if (i < 10) g[2 * i] = g[2 * i + 1] = (double)NAN;
    }
    fixture a = fixture_create(TWO, HPO_KERNEL_SE), b = fixture_create(TWO, HPO_KERNEL_SE);
    assert_ok(hpo_gp_set_theta(a.gp, theta, &err), err);
    assert_ok(hpo_gp_set_theta(b.gp, theta, &err), err);
    assert_ok(hpo_gp_advance(a.gp, u, y, NULL, g, N, &err), err);
    for (size_t i = 1; i <= N; i++)
        assert_ok(hpo_gp_advance(b.gp, u, y, NULL, g, i, &err), err);
    assert_int_equal(a.gp->n_slopes, 2 * (N - 10));
    assert_int_equal(b.gp->n_slopes, a.gp->n_slopes);
    hpo_gp_moments(a.gp, at, 1, &one[0], &one[1]);
    hpo_gp_moments(b.gp, at, 1, &two[0], &two[1]);
    assert_same_doubles(one, two, 2);
    fixture_free(&a);
    fixture_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_like_differences),
        cmocka_unit_test(test_slopes_are_met),
        cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_gradients_help),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
