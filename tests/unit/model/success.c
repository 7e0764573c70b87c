/* SPDX-License-Identifier: Apache-2.0 */
/* Probit Gaussian process: the mode's equations, evidence and predictions against numerical integration, the
 * evidence's gradient by differences, and the model of failures on top: bounds, gradients, what it learns. */
#include "t.h"

#include "math/dist.h"
#include "math/linalg.h"
#include "model/laplace.h"
#include "model/success.h"
#include "space/space.h"

/* ---- Laplace's approximation --------------------------------------------------------------------------- */

enum { MOST = 24 };

typedef struct problem {
    hpo_laplace p;
    double y[MOST], k[MOST * MOST], l[MOST * MOST], h[MOST], a[MOST], root_w[MOST], work[4 * MOST];
} problem;

static void wire(problem *q, size_t n, double mean)
{
    q->p = (hpo_laplace){.n = n,
                         .mean = mean,
                         .y = q->y,
                         .k = q->k,
                         .l = q->l,
                         .h = q->h,
                         .a = q->a,
                         .root_w = q->root_w,
                         .work = q->work};
}

/* Points on a line, SE covariance. */
static void line(problem *q, size_t n, double s2, double length, double mean, t_rng *r)
{
    double x[MOST];
    for (size_t i = 0; i < n; i++) {
        x[i] = t_between(r, 0, 1);
        q->y[i] = t_uniform(r) < 0.6 ? 1 : -1;
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            q->k[i * n + j] = s2 * exp(-0.5 * pow((x[i] - x[j]) / length, 2));
    wire(q, n, mean);
}

static void test_hazard(void **state)
{
    (void)state;
    assert_near(hpo_probit_hazard(0), sqrt(2 / 3.14159265358979323846), 1e-15, 0);
    assert_near(hpo_probit_hazard(5),
                exp(-12.5) / sqrt(2 * 3.14159265358979323846) / (1 - 2.866515718791939e-7), 1e-14, 0);
    assert_near(hpo_probit_hazard(-1e4), 1e4 + 1e-4 - 2e-12, 1e-15, 0); /* -z - 1/z + ... */
    assert_near(hpo_probit_hazard(-1e150), 1e150, 1e-15, 0);
    assert_true(hpo_probit_hazard(1e10) == 0);
}

/* h = K a and a = gradient of the log-likelihood at the mode. */
static void test_mode(void **state)
{
    (void)state;
    static problem q;
    t_rng r = t_rng_create();
    for (T_ROUNDS(round, 100)) {
        size_t n = (size_t)t_int(&r, 1, MOST);
        line(&q, n, exp(t_between(&r, -3, 6)), exp(t_between(&r, -4, 3)), t_between(&r, -2, 2), &r);
        assert_int_equal(hpo_laplace_mode(&q.p), 0);
        for (size_t i = 0; i < n; i++) {
            double f = q.p.mean + q.h[i];
            assert_near(q.h[i], hpo_dot(q.k + i * n, q.a, n), 1e-9, 1e-9);
            assert_near(q.a[i], q.y[i] * hpo_probit_hazard(q.y[i] * f), 1e-4, 1e-5);
        }
    }
    q.k[0] = NAN;
    assert_int_equal(hpo_laplace_mode(&q.p), 1);
}

/* For one and two points everything by quadrature on a grid. */
static void test_integration(void **state)
{
    (void)state;
    static problem q;
    static const double s2s[] = {0.25, 1, 4}, rhos[] = {0, 0.5, 0.95}, means[] = {0, 1};
    for (size_t c = 0; c < 36; c++) {
        double s2 = s2s[c % 3], rho = rhos[c / 3 % 3], mean = means[c / 9 % 2], sd = sqrt(s2);
        double signs[] = {1, c / 18 ? -1.0 : 1.0}, evidence = 0, later = 0, first = 0;
        q.k[0] = q.k[3] = s2;
        q.k[1] = q.k[2] = rho * s2;
        q.y[0] = signs[0];
        q.y[1] = signs[1];
        wire(&q, 2, mean);
        assert_int_equal(hpo_laplace_mode(&q.p), 0);
        /* h1 = sd u, h2 = sd (rho u + sqrt(1 - rho^2) v), u, v ~ N(0, 1) */
        double step = 0.05;
        for (double u = -7; u <= 7; u += step)
            for (double v = -7; v <= 7; v += step) {
                double w = step * step * exp(-0.5 * (u * u + v * v)) / (2 * 3.14159265358979323846);
                double f1 = mean + sd * u, f2 = mean + sd * (rho * u + sqrt(1 - rho * rho) * v);
                w *= hpo_normal_cdf(signs[0] * f1) * hpo_normal_cdf(signs[1] * f2);
                evidence += w;
                first += w * f1;
                later += w * hpo_normal_cdf(f2);
            }
        assert_near(q.p.log_evidence, log(evidence), 0, 0.03 + 0.03 * s2);
        assert_near(mean + q.h[0], first / evidence, 0, 0.03 + 0.3 * sd);
        /* probability of another success at the second point: mean f, variance s2 - k W^1/2 B^-1 W^1/2 k */
        double v[2] = {q.root_w[0] * q.k[2], q.root_w[1] * q.k[3]};
        hpo_solve_lower(q.l, 2, 2, v);
        double var = s2 - hpo_dot(v, v, 2);
        assert_near(hpo_normal_cdf((mean + q.h[1]) / sqrt(1 + var)), later / evidence, 0, 0.01 + 0.015 * s2);
    }
}

/* d log_evidence = sum m_ij d k_ij */
static void test_weights(void **state)
{
    (void)state;
    static problem q;
    static double m[MOST * MOST], inverse[MOST * MOST], d[MOST * MOST], k[MOST * MOST];
    t_rng r = t_rng_create();
    for (T_ROUNDS(round, 30)) {
        size_t n = (size_t)t_int(&r, 2, MOST);
        line(&q, n, exp(t_between(&r, -1, 3)), exp(t_between(&r, -3, 0)), t_between(&r, -1, 1), &r);
        memcpy(k, q.k, sizeof k);
        assert_int_equal(hpo_laplace_mode(&q.p), 0);
        hpo_laplace_weights(&q.p, m, inverse);
        double slope = 0, h = 1e-4;
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j <= i; j++)
                d[i * n + j] = d[j * n + i] = (i == j ? 1 : t_between(&r, -0.3, 0.3) / (double)n);
        for (size_t i = 0; i < n * n; i++)
            slope += m[i] * d[i];
        for (size_t i = 0; i < n * n; i++)
            q.k[i] = k[i] + h * d[i];
        assert_int_equal(hpo_laplace_mode(&q.p), 0);
        double up = q.p.log_evidence;
        for (size_t i = 0; i < n * n; i++)
            q.k[i] = k[i] - h * d[i];
        assert_int_equal(hpo_laplace_mode(&q.p), 0);
        assert_near(slope, (up - q.p.log_evidence) / (2 * h), 1e-3, 1e-4);
    }
}

/* ---- where configurations fail ------------------------------------------------------------------------- */

typedef struct fixture {
    hpo_space *space;
    hpo_embed *embed;
    hpo_success *model;
    size_t d;
} fixture;

static fixture open_model(const char *text)
{
    fixture f;
    hpo_error err;
    assert_ok(hpo_space_parse(text, &f.space, &err), err);
    assert_ok(hpo_space_freeze(f.space, &err), err);
    assert_ok(hpo_embed_create(f.space, &f.embed, &err), err);
    assert_ok(hpo_success_create(f.embed, &f.model, &err), err);
    f.d = hpo_embed_n_dims(f.embed);
    return f;
}

static void close_model(fixture *f)
{
    hpo_success_free(f->model);
    hpo_embed_free(f->embed);
    hpo_space_free(f->space);
}

static void random_rows(const fixture *f, t_rng *r, double *u, size_t n)
{
    double x[32];
    for (size_t i = 0; i < n; i++, u += f->d) {
        for (size_t j = 0; j < f->d; j++)
            u[j] = t_uniform(r);
        hpo_space_decode(f->space, u, x);
        hpo_space_encode(f->space, x, u);
    }
}

static void test_one_outcome(void **state)
{
    (void)state;
    fixture f = open_model("a: 0..1; b: 0..1");
    hpo_error err;
    double u[20], at[2] = {0.3, 0.3}, g[2] = {5, 5};
    uint8_t ok[10] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    t_rng r = t_rng_create();
    random_rows(&f, &r, u, 10);
    assert_near(hpo_success_log_probability(f.model, at, g), log(0.5), 1e-15, 0);
    for (size_t n = 0; n <= 10; n++) {
        assert_ok(hpo_success_fit(f.model, u, ok, n, &err), err);
        assert_near(hpo_success_log_probability(f.model, at, g), log(((double)n + 0.5) / ((double)n + 1)),
                    1e-14, 0);
        assert_true(g[0] == 0 && g[1] == 0);
    }
    memset(ok, 0, sizeof ok);
    assert_ok(hpo_success_fit(f.model, u, ok, 10, &err), err);
    assert_near(hpo_success_log_probability(f.model, at, NULL), log(0.5 / 11), 1e-14, 0);
    close_model(&f);
}

/* Failures where a > 0.7, whatever the other seven do. */
static void test_learns(void **state)
{
    (void)state;
    enum { N = 60 };
    fixture f = open_model("a: 0..1; b: 0..1; c: 0..1; d: int 1..9; e: x,y,z; g: 0..1; h: 0..1; i: 0..1");
    hpo_error err;
    static double u[N * 8], v[400 * 8];
    uint8_t ok[N];
    t_rng r = t_rng_create();
    random_rows(&f, &r, u, N);
    for (size_t i = 0; i < N; i++)
        ok[i] = u[i * 8] <= 0.7;
    assert_ok(hpo_success_fit(f.model, u, ok, N, &err), err);
    random_rows(&f, &r, v, 400);
    size_t right = 0;
    for (size_t i = 0; i < 400; i++)
        right += (hpo_success_log_probability(f.model, v + i * 8, NULL) > log(0.5)) == (v[i * 8] <= 0.7);
    assert_true(right >= 370);
    v[0] = 0.05;
    assert_true(hpo_success_log_probability(f.model, v, NULL) > log(0.85));
    v[0] = 0.98;
    assert_true(hpo_success_log_probability(f.model, v, NULL) < log(0.2));
    close_model(&f);
}

static void test_gradient(void **state)
{
    (void)state;
    enum { N = 40 };
    fixture f = open_model("a: 0..1; m: bool; b: log 1e-3..1 if m; c: x,y,z; d: 0..1");
    hpo_error err;
    double u[N * 5], g[5];
    uint8_t ok[N];
    t_rng r = t_rng_create();
    random_rows(&f, &r, u, N);
    for (size_t i = 0; i < N; i++)
        ok[i] = u[i * 5] + u[i * 5 + 4] < 1.2 || t_uniform(&r) < 0.1;
    assert_ok(hpo_success_fit(f.model, u, ok, N, &err), err);
    for (T_ROUNDS(round, 50)) {
        double at[5];
        random_rows(&f, &r, at, 1);
        double value = hpo_success_log_probability(f.model, at, g);
        assert_true(value < 0);
        assert_true(value == hpo_success_log_probability(f.model, at, NULL));
        for (size_t j = 0; j < 5; j++) {
            if (j == 1 || j == 3 || isnan(at[j])) {
                assert_true(g[j] == 0);
                continue;
            }
            double x = at[j], h = 1e-5;
            at[j] = x + h;
            double up = hpo_success_log_probability(f.model, at, NULL);
            at[j] = x - h;
            double down = hpo_success_log_probability(f.model, at, NULL);
            at[j] = x;
            assert_near(g[j], (up - down) / (2 * h), 1e-5, 1e-6);
        }
    }
    close_model(&f);
}

/* The same rows give the same bits, whatever was fitted before; also beyond the number of rows kept. */
static void test_function_of_data(void **state)
{
    (void)state;
    enum { N = 330 };
    static double u[N * 3];
    static uint8_t ok[N];
    fixture f = open_model("a: 0..1; b: 0..1; c: x,y");
    hpo_error err;
    t_rng r = t_rng_create();
    random_rows(&f, &r, u, N);
    for (size_t i = 0; i < N; i++)
        ok[i] = u[i * 3] > 0.1 || u[i * 3 + 1] > 0.5;
    static const size_t sizes[] = {5, 17, 18, 40, 39, 130, 299, 330, 330, 21};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        hpo_success *fresh;
        double at[3], g[3], fresh_g[3];
        assert_ok(hpo_success_fit(f.model, u, ok, sizes[s], &err), err);
        assert_ok(hpo_success_create(f.embed, &fresh, &err), err);
        assert_ok(hpo_success_fit(fresh, u, ok, sizes[s], &err), err);
        random_rows(&f, &r, at, 1);
        double a = hpo_success_log_probability(f.model, at, g);
        double b = hpo_success_log_probability(fresh, at, fresh_g);
        assert_same_doubles(&a, &b, 1);
        assert_same_doubles(g, fresh_g, 3);
        hpo_success_free(fresh);
    }
    close_model(&f);
}

/* Duplicates, contradictions, a thousand equal rows. */
static void test_duplicates(void **state)
{
    (void)state;
    enum { N = 1000 };
    static double u[N];
    static uint8_t ok[N];
    fixture f = open_model("a: 0..1");
    hpo_error err;
    for (size_t i = 0; i < N; i++) {
        u[i] = 0.5;
        ok[i] = i % 4 != 0;
    }
    assert_ok(hpo_success_fit(f.model, u, ok, N, &err), err);
    double at = 0.5, p = exp(hpo_success_log_probability(f.model, &at, NULL));
    assert_true(p > 0.4 && p < 0.85); /* rows kept are half failures */
    u[3] = NAN;
    u[N - 1] = INFINITY;
    assert_fails(hpo_success_fit(f.model, u, ok, N, &err), HPO_EINVAL, err, "[0, 1]");
    u[N - 1] = 0.5;
    assert_ok(hpo_success_fit(f.model, u, ok, N, &err), err);
    close_model(&f);
}

static hpo_status create(void *ctx, hpo_error *err)
{
    hpo_success *s;
    hpo_status status = hpo_success_create(ctx, &s, err);
    hpo_success_free(s);
    return status;
}

static void test_memory(void **state)
{
    (void)state;
    fixture f = open_model("a: 0..1; b: x,y");
    assert_true(t_oom(create, f.embed) >= 3);
    close_model(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hazard),      cmocka_unit_test(test_mode),
        cmocka_unit_test(test_integration), cmocka_unit_test(test_weights),
        cmocka_unit_test(test_one_outcome), cmocka_unit_test(test_learns),
        cmocka_unit_test(test_gradient),    cmocka_unit_test(test_function_of_data),
        cmocka_unit_test(test_duplicates),  cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
