/* SPDX-License-Identifier: Apache-2.0 */
/* model/quadratic: exact on quadratics, least curvature with few points, smooth under noise. */
#include "model/quadratic.h"

#include "t.h"

enum { N = 4, FULL = (N + 1) * (N + 2) / 2 };

typedef struct truth {
    double c, g[N], h[N][N];
} truth;

static truth random_truth(t_rng *r)
{
    truth t = {.c = t_between(r, -5, 5)};
    for (size_t i = 0; i < N; i++) {
        t.g[i] = t_between(r, -1, 1);
        for (size_t j = 0; j <= i; j++)
            t.h[i][j] = t.h[j][i] = t_between(r, -1, 1);
    }
    return t;
}

static double value(const truth *t, const double *s)
{
    double v = t->c;
    for (size_t i = 0; i < N; i++) {
        v += t->g[i] * s[i];
        for (size_t j = 0; j < N; j++)
            v += t->h[i][j] * s[i] * s[j] / 2;
    }
    return v;
}

static void points(t_rng *r, size_t m, double *s)
{
    for (size_t i = 0; i < m * N; i++)
        s[i] = t_between(r, -1, 1);
}

static hpo_quadratic *fitted(const double *s, const double *y, size_t m_known, size_t m)
{
    hpo_error err;
    hpo_quadratic *q;
    double w[64];
    for (size_t i = 0; i < m; i++)
        w[i] = 1;
    assert_ok(hpo_quadratic_create(N, &q, &err), err);
    assert_ok(hpo_quadratic_fit(q, s, y, w, m_known, m, &err), err);
    return q;
}

static void recovers_a_quadratic(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    for (T_ROUNDS(round, 20)) {
        truth t = random_truth(&r);
        double s[(FULL + 4) * N], y[FULL + 4], at[N];
        points(&r, FULL + 4, s);
        for (size_t i = 0; i < FULL + 4; i++)
            y[i] = value(&t, s + i * N);
        hpo_quadratic *q = fitted(s, y, FULL + 4, FULL + 4);
        points(&r, 1, at);
        assert_near(hpo_quadratic_value(q, at, NULL), value(&t, at), 0, 2e-3);
        assert_true(hpo_quadratic_noise(q) <= 1e-6);
        hpo_quadratic_free(q);
    }
}

static void interpolates_with_fewer_points(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    truth t = random_truth(&r);
    double s[(N + 3) * N], y[N + 3], linear[(N + 3)];
    points(&r, N + 3, s);
    for (size_t i = 0; i < N + 3; i++) {
        y[i] = value(&t, s + i * N);
        linear[i] = 3 + s[i * N] - 2 * s[i * N + 1];
    }
    /* a plane through the points has no curvature: least norm finds it */
    hpo_quadratic *q = fitted(s, linear, N + 3, N + 3);
    double at[N] = {0.3, -0.2, 0.5, 0.9};
    assert_near(hpo_quadratic_value(q, at, NULL), 3 + 0.3 + 0.4, 0, 0.05);
    hpo_quadratic_free(q);
    q = fitted(s, y, N + 3, N + 3);
    if (hpo_quadratic_noise(q) <= 1e-6)
        for (size_t i = 0; i < N + 3; i++)
            assert_near(hpo_quadratic_value(q, s + i * N, NULL), y[i], 0, 1e-3);
    hpo_quadratic_free(q);
}

static void gradient_is_the_slope(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    truth t = random_truth(&r);
    double s[FULL * N], y[FULL], g[N], at[N] = {0.1, 0.2, -0.3, 0.4};
    points(&r, FULL, s);
    for (size_t i = 0; i < FULL; i++)
        y[i] = 1e3 * value(&t, s + i * N);
    hpo_quadratic *q = fitted(s, y, FULL, FULL);
    hpo_quadratic_value(q, at, g);
    for (size_t j = 0; j < N; j++) {
        double keep = at[j], h = 1e-5;
        at[j] = keep + h;
        double up = hpo_quadratic_value(q, at, NULL);
        at[j] = keep - h;
        double down = hpo_quadratic_value(q, at, NULL);
        at[j] = keep;
        assert_near(g[j], (up - down) / (2 * h), 1e-6, 1e-3);
    }
    hpo_quadratic_free(q);
}

static void noise_is_smoothed(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    truth t = random_truth(&r);
    double s[60 * N], y[60], worst = 0, at[N] = {0};
    points(&r, 60, s);
    for (size_t i = 0; i < 60; i++)
        y[i] = value(&t, s + i * N) + t_between(&r, -0.5, 0.5);
    hpo_quadratic *q = fitted(s, y, 60, 60);
    assert_true(hpo_quadratic_noise(q) >= 1e-2);
    for (size_t i = 0; i < 60; i++)
        worst = fmax(worst, fabs(hpo_quadratic_value(q, s + i * N, NULL) - y[i]));
    assert_true(worst > 0.2); /* it does not chase the noise */
    assert_near(hpo_quadratic_value(q, at, NULL), t.c, 0, 0.5);
    hpo_quadratic_free(q);
}

static void variance_knows_pending_points(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    truth t = random_truth(&r);
    double s[9 * N], y[9];
    points(&r, 9, s);
    for (size_t i = 0; i < 9; i++)
        y[i] = value(&t, s + i * N);
    hpo_quadratic *q = fitted(s, y, 8, 8);
    double before = hpo_quadratic_variance(q, s + 8 * N);
    hpo_quadratic_free(q);
    q = fitted(s, y, 8, 9);
    double after = hpo_quadratic_variance(q, s + 8 * N);
    hpo_quadratic_free(q);
    assert_true(before > 0.01 && after < before / 2);
}

static void degenerate_data(void **state)
{
    (void)state;
    double s[3 * N] = {0}, y[3] = {2, 2, 2}, at[N] = {1, 1, 1, 1};
    hpo_quadratic *q = fitted(s, y, 3, 3); /* three times the same point */
    assert_near(hpo_quadratic_value(q, at, NULL), 2, 0, 1e-9);
    hpo_quadratic_free(q);
    q = fitted(s, y, 1, 1);
    assert_near(hpo_quadratic_value(q, at, NULL), 2, 0, 1e-9);
    hpo_quadratic_free(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recovers_a_quadratic),          cmocka_unit_test(interpolates_with_fewer_points),
        cmocka_unit_test(gradient_is_the_slope),         cmocka_unit_test(noise_is_smoothed),
        cmocka_unit_test(variance_knows_pending_points), cmocka_unit_test(degenerate_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
