/* SPDX-License-Identifier: Apache-2.0 */
/* Minimisers against known minima, the exact KKT points of quadratics in boxes, and functions that break; the
 * slice sampler against known distributions. */
#include "math/minimise.h"

#include "math/func.h"
#include "math/lbfgsb_model.h"
#include "math/linalg.h"
#include "math/rng.h"
#include "t.h"

enum { N_MAX = 60 };
static const double INF = HUGE_VAL;

typedef struct counted {
    size_t calls;
    const double *a, *b; /* quadratic: x' A x / 2 - b' x */
    size_t n;
    const double *lower, *upper;
    int outside; /* evaluations out of the box */
} counted;

static void watch(counted *c, const double *x)
{
    c->calls++;
    for (size_t i = 0; i < c->n && c->lower != NULL; i++)
        if (!(x[i] >= c->lower[i] && x[i] <= c->upper[i])) c->outside++;
}

static double rosenbrock(void *ctx, const double *x, double *g)
{
    counted *c = ctx;
    double f = 0;
    watch(c, x);
    for (size_t i = 0; g != NULL && i < c->n; i++)
        g[i] = 0;
    for (size_t i = 0; i + 1 < c->n; i++) {
        double u = x[i + 1] - x[i] * x[i], v = 1 - x[i];
        f += 100 * u * u + v * v;
        if (g == NULL) continue;
        g[i] += -400 * x[i] * u - 2 * v;
        g[i + 1] += 200 * u;
    }
    return f;
}

static double quadratic(void *ctx, const double *x, double *g)
{
    counted *c = ctx;
    double f = 0;
    watch(c, x);
    for (size_t i = 0; i < c->n; i++) {
        double t = hpo_dot(c->a + i * c->n, x, c->n);
        f += x[i] * (0.5 * t - c->b[i]);
        if (g != NULL) g[i] = t - c->b[i];
    }
    return f;
}

static hpo_lbfgsb_result run(hpo_value_fn fn, counted *c, const double *lower, const double *upper, double *x,
                             const hpo_lbfgsb_options *o)
{
    static double work[100000];
    hpo_lbfgsb_result r;
    size_t size = hpo_lbfgsb_work(c->n, o == NULL ? 0 : o->memory);
    assert_true(size + 1 < sizeof work / sizeof *work);
    work[size] = 12345; /* nothing is written beyond */
    c->lower = lower;
    c->upper = upper;
    hpo_lbfgsb(fn, c, c->n, lower, upper, x, o, work, &r);
    assert_true(work[size] == 12345);
    assert_int_equal(c->outside, 0);
    assert_int_equal(r.evaluations, c->calls);
    double again = fn(c, x, NULL);
    if (isfinite(r.value)) assert_same_doubles(&again, &r.value, 1);
    return r;
}

static void fill(double *v, size_t n, double value)
{
    for (size_t i = 0; i < n; i++)
        v[i] = value;
}

static void test_rosenbrock(void **state)
{
    (void)state;
    static const size_t sizes[] = {2, 3, 10, 40};
    for (size_t k = 0; k < 4; k++) {
        double x[N_MAX], lower[N_MAX], upper[N_MAX];
        size_t n = sizes[k];
        counted c = {.n = n};
        hpo_lbfgsb_options o = {.max_iterations = 500, .gradient_tolerance = 1e-9, .value_tolerance = 1e-30};
        for (size_t i = 0; i < n; i++) {
            x[i] = i % 2 == 0 ? -1.2 : 1;
            lower[i] = -INF;
            upper[i] = INF;
        }
        hpo_lbfgsb_result r = run(rosenbrock, &c, lower, upper, x, &o);
        /* from this start n >= 4 has a second local minimum near x_0 = -1 */
        assert_true(r.converged && r.projected_gradient <= 1e-9);
        for (size_t i = x[0] > 0 ? 0 : n; i < n; i++)
            assert_near(x[i], 1, 1e-8, 0);
        if (n == 2) assert_true(r.evaluations < 60 && x[0] > 0);
    }
    /* bound x0 <= 1/2: the minimum is at (1/2, 1/4), value 1/4 */
    double x[2] = {-1.2, 1}, lower[2] = {-2, -2}, upper[2] = {0.5, 2};
    counted c = {.n = 2};
    hpo_lbfgsb_result r = run(rosenbrock, &c, lower, upper, x, NULL);
    assert_true(r.converged && x[0] == 0.5);
    assert_near(x[1], 0.25, 1e-6, 0);
    assert_near(r.value, 0.25, 1e-9, 0);
}

/* Positive definite with condition number `condition`. */
static void random_matrix(t_rng *rng, size_t n, double condition, double *a)
{
    double q[N_MAX];
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            a[i * n + j] = i == j ? hpo_exp(hpo_log(condition) * t_uniform(rng)) : 0;
    for (size_t k = 0; k < 3; k++) { /* reflections on both sides */
        double norm = 0;
        for (size_t i = 0; i < n; i++) {
            q[i] = t_between(rng, -1, 1);
            norm += q[i] * q[i];
        }
        for (int side = 0; side < 2; side++) {
            for (size_t i = 0; i < n; i++) {
                double s = 0;
                for (size_t j = 0; j < n; j++)
                    s += (side ? a[j * n + i] : a[i * n + j]) * q[j];
                s *= 2 / norm;
                for (size_t j = 0; j < n; j++)
                    *(side ? &a[j * n + i] : &a[i * n + j]) -= s * q[j];
            }
        }
    }
    for (size_t i = 0; i < n; i++) /* exactly symmetric: the gradient is that of the value */
        for (size_t j = 0; j < i; j++)
            a[i * n + j] = a[j * n + i];
}

/* The KKT conditions of a strictly convex function in a box determine its minimum. */
static void test_quadratics(void **state)
{
    (void)state;
    t_rng rng = t_rng_create();
    static double a[N_MAX * N_MAX];
    for (T_ROUNDS(round, 200)) {
        size_t n = (size_t)t_int(&rng, 1, round % 10 == 0 ? N_MAX : 12), active = 0;
        double b[N_MAX], x[N_MAX], star[N_MAX], lower[N_MAX], upper[N_MAX];
        random_matrix(&rng, n, 1000, a);
        /* choose the solution and the multipliers, then b */
        for (size_t i = 0; i < n; i++) {
            lower[i] = t_between(&rng, -2, 1);
            upper[i] = lower[i] + t_between(&rng, 0.1, 2);
            int kind = (int)t_int(&rng, 0, 4);
            star[i] = kind == 0 ? lower[i] : kind == 1 ? upper[i] : t_between(&rng, lower[i], upper[i]);
            if (kind == 4) lower[i] = -INF;
            if (kind == 3) upper[i] = INF;
        }
        for (size_t i = 0; i < n; i++) {
            double gradient = 0;
            if (star[i] == lower[i]) gradient = t_between(&rng, 0.1, 3);
            if (star[i] == upper[i]) gradient = -t_between(&rng, 0.1, 3);
            active += gradient != 0;
            b[i] = hpo_dot(a + i * n, star, n) - gradient;
            x[i] = t_between(&rng, -5, 5);
        }
        counted c = {.n = n, .a = a, .b = b};
        hpo_lbfgsb_options o = {.max_iterations = 1000,
                                .gradient_tolerance = 1e-8,
                                .value_tolerance = 1e-30,
                                .memory = (size_t)t_int(&rng, 1, 20)};
        hpo_lbfgsb_result r = run(quadratic, &c, lower, upper, x, &o);
        assert_true(isfinite(r.value));
        for (size_t i = 0; i < n; i++)
            assert_near(x[i], star[i], 0, 1e-4); /* as far as the values can tell */
        if (active == n) assert_same_doubles(x, star, n);
    }
}

static double scaled(void *ctx, const double *x, double *g)
{
    counted *c = ctx;
    double f = 0, weight = 1;
    watch(c, x);
    for (size_t i = 0; i < c->n; i++, weight *= 100) { /* 1 ... 1e10 */
        f += 0.5 * weight * (x[i] - 1) * (x[i] - 1);
        if (g != NULL) g[i] = weight * (x[i] - 1);
    }
    return f;
}

static void test_scaled(void **state)
{
    (void)state;
    double x[6] = {0}, lower[6], upper[6];
    fill(lower, 6, -1e6);
    fill(upper, 6, 1e6);
    counted c = {.n = 6};
    hpo_lbfgsb_options o = {.max_iterations = 500, .gradient_tolerance = 1e-6, .value_tolerance = 1e-40};
    hpo_lbfgsb_result r = run(scaled, &c, lower, upper, x, &o);
    assert_true(r.converged && r.iterations < 200);
    for (size_t i = 0; i < 6; i++)
        assert_near(x[i], 1, 2e-6, 0);
    /* tiny gradients need long steps: a function 1e-9 as high */
    double y[2] = {0.1, 0.2}, b[2] = {1e-9, -1e-9}, a[4] = {1e-9, 0, 0, 1e-9};
    counted d = {.n = 2, .a = a, .b = b};
    o = (hpo_lbfgsb_options){.gradient_tolerance = 1e-16, .value_tolerance = 1e-40};
    r = run(quadratic, &d, lower, upper, y, &o);
    assert_true(r.evaluations < 30);
    assert_near(y[0], 1, 1e-6, 0);
    assert_near(y[1], -1, 1e-6, 0);
}

static void test_corners(void **state)
{
    (void)state;
    double a1[1] = {2}, b1[1] = {2}, x[N_MAX], lower[N_MAX], upper[N_MAX];
    counted c = {.n = 1, .a = a1, .b = b1};
    /* n = 1: the minimum of x^2 - 2 x is at 1; inside, at a bound, from a bound, from outside */
    static const double cases[][4] = {{-5, 5, 3, 1}, {-5, 0.5, -1, 0.5}, {2, 5, 5, 2},   {2, 5, 2, 2},
                                      {1, 1, 7, 1},  {-5, 5, -5, 1},     {-5, 5, 99, 1}, {-INF, INF, 0, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        x[0] = cases[i][2];
        c.calls = 0;
        hpo_lbfgsb_result r = run(quadratic, &c, &cases[i][0], &cases[i][1], x, NULL);
        assert_true(r.converged);
        assert_near(x[0], cases[i][3], 0, 1e-6);
    }
    c = (counted){.n = 0};
    hpo_lbfgsb_result r = run(rosenbrock, &c, lower, upper, x, NULL);
    assert_true(r.converged && r.value == 0);
    /* every other variable is fixed */
    static double a[36];
    double b[6];
    t_rng rng = t_rng_create();
    random_matrix(&rng, 6, 100, a);
    for (size_t i = 0; i < 6; i++) {
        b[i] = t_between(&rng, -1, 1);
        lower[i] = i % 2 == 0 ? 0.3 : -INF;
        upper[i] = i % 2 == 0 ? 0.3 : INF;
        x[i] = 0;
    }
    c = (counted){.n = 6, .a = a, .b = b};
    hpo_lbfgsb_options o = {.gradient_tolerance = 1e-9, .value_tolerance = 1e-40};
    assert_true(run(quadratic, &c, lower, upper, x, &o).converged);
    double g[6];
    quadratic(&c, x, g);
    for (size_t i = 0; i < 6; i++) {
        if (i % 2 == 0)
            assert_true(x[i] == 0.3);
        else
            assert_near(g[i], 0, 0, 1e-8);
    }
    /* all fixed */
    fill(lower, 6, 0.25);
    c.calls = 0;
    r = run(quadratic, &c, lower, lower, x, NULL);
    assert_true(r.converged && r.evaluations == 1 && x[5] == 0.25);
    /* limits are kept */
    o = (hpo_lbfgsb_options){.max_iterations = 3};
    fill(x, 6, 0);
    fill(lower, 6, -10);
    fill(upper, 6, 10);
    x[0] = -1.2;
    c = (counted){.n = 6};
    r = run(rosenbrock, &c, lower, upper, x, &o);
    assert_true(r.iterations == 3 && !r.converged);
    o = (hpo_lbfgsb_options){.max_evaluations = 7};
    fill(x, 6, 0);
    c = (counted){.n = 6};
    r = run(rosenbrock, &c, lower, upper, x, &o);
    assert_true(r.evaluations <= 7 && !r.converged && r.value < 5);
}

/* -log x + x: NaN for x <= 0, minimum 1 at 1; with a wall of +inf beyond 4. */
static double barrier(void *ctx, const double *x, double *g)
{
    counted *c = ctx;
    double f = 0;
    watch(c, x);
    for (size_t i = 0; i < c->n; i++) {
        if (x[i] > 4) return HUGE_VAL;
        f += x[i] - hpo_log(x[i]);
        if (g != NULL) g[i] = 1 - 1 / x[i];
    }
    return f;
}

static double nowhere(void *ctx, const double *x, double *g)
{
    watch(ctx, x);
    if (g != NULL) g[0] = NAN;
    return x[0] * x[0];
}

static double linear(void *ctx, const double *x, double *g)
{
    counted *c = ctx;
    double f = 0;
    watch(c, x);
    for (size_t i = 0; i < c->n; i++) {
        f -= x[i];
        if (g != NULL) g[i] = -1;
    }
    return f;
}

static double absolute(void *ctx, const double *x, double *g)
{
    counted *c = ctx;
    double f = 0;
    watch(c, x);
    for (size_t i = 0; i < c->n; i++) {
        f += fabs(x[i] - 0.3);
        if (g != NULL) g[i] = x[i] > 0.3 ? 1 : -1;
    }
    return f;
}

static void test_trouble(void **state)
{
    (void)state;
    double x[3] = {3.9, 1e-3, 2}, lower[3], upper[3];
    fill(lower, 3, -10);
    fill(upper, 3, 10);
    counted c = {.n = 3};
    hpo_lbfgsb_options o = {.gradient_tolerance = 1e-7, .value_tolerance = 1e-40};
    hpo_lbfgsb_result r = run(barrier, &c, lower, upper, x, &o);
    assert_true(r.converged);
    for (size_t i = 0; i < 3; i++)
        assert_near(x[i], 1, 1e-6, 0);
    x[1] = -1; /* NaN at the start */
    c.calls = 0;
    r = run(barrier, &c, lower, upper, x, NULL);
    assert_true(!r.converged && !isfinite(r.value) && r.evaluations == 1);
    c = (counted){.n = 1};
    r = run(nowhere, &c, lower, upper, x, NULL);
    assert_true(!r.converged && !isfinite(r.value));
    /* a linear function ends in the corner, and an unbounded one ends too */
    fill(x, 3, 0);
    c = (counted){.n = 3};
    r = run(linear, &c, lower, upper, x, NULL);
    assert_true(r.converged && x[0] == 10 && x[1] == 10 && x[2] == 10);
    fill(lower, 3, -INF);
    fill(upper, 3, INF);
    fill(x, 3, 0);
    c = (counted){.n = 3};
    r = run(linear, &c, lower, upper, x, NULL);
    assert_true(r.value < -1e6 && isfinite(r.value));
    /* a kink: no gradient vanishes and a search may end in any crease, but from most places it comes near */
    t_rng rng = t_rng_create();
    size_t rounds = 0, near = 0;
    for (T_ROUNDS(round, 300)) {
        for (size_t i = 0; i < 3; i++)
            x[i] = t_between(&rng, -5, 5);
        c = (counted){.n = 3};
        r = run(absolute, &c, lower, upper, x, NULL);
        rounds++;
        near += r.value < 0.5;
    }
    assert_true(4 * near > 3 * rounds);
}

/* ---- the model against dense matrices ---- */

enum { D = 6 };

/* B after all pairs: the BFGS recursion from theta I. */
static void dense_bfgs(const double *s, const double *y, size_t pairs, double theta, double b[D][D])
{
    for (size_t i = 0; i < D; i++)
        for (size_t j = 0; j < D; j++)
            b[i][j] = i == j ? theta : 0;
    for (size_t k = 0; k < pairs; k++, s += D, y += D) {
        double bs[D], sbs = 0, sy = 0;
        for (size_t i = 0; i < D; i++) {
            bs[i] = hpo_dot(b[i], s, D);
            sbs += s[i] * bs[i];
            sy += s[i] * y[i];
        }
        for (size_t i = 0; i < D; i++)
            for (size_t j = 0; j < D; j++)
                b[i][j] += y[i] * y[j] / sy - bs[i] * bs[j] / sbs;
    }
}

/* g.z + z'Bz/2 at z = to - x */
static double dense_model(double b[D][D], const double *g, const double *x, const double *to)
{
    double f = 0, z[D];
    for (size_t i = 0; i < D; i++)
        z[i] = to[i] - x[i];
    for (size_t i = 0; i < D; i++)
        f += z[i] * (g[i] + 0.5 * hpo_dot(b[i], z, D));
    return f;
}

/* The first local minimiser of the model on the bent path: its definition, segment by segment. */
static void dense_cauchy(double b[D][D], const double *x, const double *g, const double *lower,
                         const double *upper, double *to)
{
    double time = 0;
    memcpy(to, x, D * sizeof *to);
    for (;;) {
        double d[D], z[D], next = HUGE_VAL, slope = 0, curvature = 0;
        for (size_t i = 0; i < D; i++) {
            double end = g[i] < 0 ? (x[i] - upper[i]) / g[i] : g[i] > 0 ? (x[i] - lower[i]) / g[i] : 0;
            d[i] = end > time ? -g[i] : 0;
            if (end > time && end < next) next = end;
            to[i] = end > time ? x[i] - time * g[i] : g[i] < 0 ? upper[i] : g[i] > 0 ? lower[i] : x[i];
            z[i] = to[i] - x[i];
        }
        for (size_t i = 0; i < D; i++) {
            slope += d[i] * (g[i] + hpo_dot(b[i], z, D));
            curvature += d[i] * hpo_dot(b[i], d, D);
        }
        if (slope >= 0) return;
        double step = -slope / curvature;
        if (step < next - time) {
            for (size_t i = 0; i < D; i++)
                to[i] += step * d[i];
            return;
        }
        time = next;
    }
}

/* Minimum of the model over the variables strictly inside at `to`, the others held: r. */
static void dense_subspace(double b[D][D], const double *x, const double *g, const double *lower,
                           const double *upper, const double *to, double *r)
{
    double a[D * D], z[D];
    for (size_t i = 0; i < D; i++)
        z[i] = to[i] - x[i];
    for (size_t i = 0; i < D; i++) {
        int free = to[i] > lower[i] && to[i] < upper[i];
        r[i] = free ? -(g[i] + hpo_dot(b[i], z, D)) : 0;
        for (size_t j = 0; j < D; j++)
            a[i * D + j] = i == j ? 1 : 0;
        for (size_t j = 0; j < D && free; j++)
            if (to[j] > lower[j] && to[j] < upper[j]) a[i * D + j] = b[i][j];
    }
    assert_int_equal(hpo_cholesky(a, D, D), 0);
    hpo_cholesky_solve(a, D, D, r);
}

static void test_model(void **state)
{
    (void)state;
    t_rng rng = t_rng_create();
    static double work[4000];
    assert_true(lbfgsb_model_work(D, 8) < 4000);
    size_t projected = 0, shortened = 0, interior = 0;
    for (T_ROUNDS(round, 3000)) {
        lbfgsb_model m;
        size_t memory = (size_t)t_int(&rng, 1, 8), told = (size_t)t_int(&rng, 0, 12);
        double a[D * D], s[12 * D], y[12 * D], b[D][D];
        double x[D], g[D], lower[D], upper[D], got[D], want[D], r[D], box[D];
        random_matrix(&rng, D, 100, a);
        lbfgsb_model_init(&m, D, memory, work);
        for (size_t k = 0; k < told; k++) {
            for (size_t i = 0; i < D; i++)
                s[k * D + i] = t_between(&rng, -1, 1);
            for (size_t i = 0; i < D; i++)
                y[k * D + i] = hpo_dot(a + i * D, s + k * D, D) * t_between(&rng, 0.9, 1.1);
            if (hpo_dot(s + k * D, y + k * D, D) < 0.05) {
                k--;
                continue;
            }
            lbfgsb_model_update(&m, s + k * D, y + k * D);
        }
        size_t kept = told < memory ? told : memory;
        assert_int_equal(m.pairs, kept);
        dense_bfgs(s + (told - kept) * D, y + (told - kept) * D, kept, m.theta, b);
        for (size_t i = 0; i < D; i++) {
            x[i] = t_between(&rng, -1, 1);
            lower[i] = t_int(&rng, 0, 3) == 0 ? x[i] : x[i] - t_between(&rng, 0, 3);
            upper[i] = t_int(&rng, 0, 3) == 0 ? x[i] : x[i] + t_between(&rng, 0, 3);
            if (round % 4 == 0) lower[i] = -HUGE_VAL, upper[i] = HUGE_VAL;
            g[i] = t_int(&rng, 0, 9) == 0 ? 0 : t_between(&rng, -20, 20);
        }
        assert_int_equal(lbfgsb_model_minimise(&m, x, g, lower, upper, got), 1);
        dense_cauchy(b, x, g, lower, upper, want);
        double cauchy = dense_model(b, g, x, want), longest = 1;
        memset(r, 0, sizeof r);
        if (kept > 0) dense_subspace(b, x, g, lower, upper, want, r);
        for (size_t i = 0; i < D; i++) {
            double room = r[i] > 0 ? upper[i] - want[i] : lower[i] - want[i];
            if (r[i] != 0) longest = fmin(longest, room / r[i]);
            box[i] = fmin(fmax(want[i] + r[i], lower[i]), upper[i]);
        }
        double change = dense_model(b, g, x, box), slope = 0;
        for (size_t i = 0; i < D; i++)
            slope += g[i] * (box[i] - x[i]);
        if (fabs(change - cauchy) < 1e-9 * fabs(cauchy) && longest < 1) continue; /* a tie: either is right */
        int shorten = !(change <= cauchy && slope < 0);
        for (size_t i = 0; i < D; i++)
            want[i] = shorten ? want[i] + longest * r[i] : box[i];
        interior += longest == 1;
        projected += longest < 1 && !shorten;
        shortened += longest < 1 && shorten;
        assert_matrix_near(got, want, 1, D, 1e-7, 1e-7);
    }
    assert_true(interior > 100 && projected > 100 && shortened > 10); /* all three ways were taken */
}

/* ---- one variable ---- */

static double parabola(void *ctx, double x)
{
    ++*(size_t *)ctx;
    return (x - 0.3) * (x - 0.3) + 2;
}

static double quartic(void *ctx, double x) /* flat minimum */
{
    ++*(size_t *)ctx;
    return (x - 1) * (x - 1) * (x - 1) * (x - 1);
}

static double wavy(void *ctx, double x)
{
    ++*(size_t *)ctx;
    return x < 0 ? (double)NAN : -hpo_sin(x); /* minimum at pi/2 */
}

static double falling(void *ctx, double x)
{
    ++*(size_t *)ctx;
    return -x;
}

static void test_brent_minimise(void **state)
{
    (void)state;
    size_t calls = 0;
    double value, x = hpo_brent_minimise(parabola, &calls, -10, 10, 1e-8, 100, &value);
    assert_near(x, 0.3, 0, 1e-7);
    assert_near(value, 2, 1e-14, 0);
    assert_true(calls < 20);
    x = hpo_brent_minimise(quartic, &calls, -3, 10, 1e-8, 200, NULL);
    assert_near(x, 1, 0, 1e-3);
    x = hpo_brent_minimise(wavy, &calls, -2, 4, 1e-9, 100, &value);
    assert_near(x, 1.5707963267948966, 0, 1e-7);
    x = hpo_brent_minimise(falling, &calls, 2, 4, 1e-6, 100, &value); /* at the end of the interval */
    assert_true(x <= 4);
    assert_near(x, 4, 0, 1e-5);
    calls = 0;
    hpo_brent_minimise(quartic, &calls, -3, 10, 1e-12, 7, NULL);
    assert_int_equal(calls, 7);
}

static double cosine(void *ctx, double x)
{
    ++*(size_t *)ctx;
    return hpo_cos(x) - x; /* root 0.7390851332151607 */
}

static double steep(void *ctx, double x)
{
    ++*(size_t *)ctx;
    return hpo_expm1(50 * (x - 0.123));
}

static double triple_root(void *ctx, double x)
{
    ++*(size_t *)ctx;
    return (x - 2) * (x - 2) * (x - 2);
}

static void test_brent_root(void **state)
{
    (void)state;
    size_t calls = 0;
    assert_near(hpo_brent_root(cosine, &calls, 0, 1, 0, 100), 0.7390851332151607, 4e-16, 0);
    assert_true(calls < 12);
    calls = 0;
    assert_near(hpo_brent_root(steep, &calls, -1, 3, 0, 200), 0.123, 1e-14, 0);
    assert_near(hpo_brent_root(steep, &calls, 3, -1, 0, 200), 0.123, 1e-14, 0);
    assert_near(hpo_brent_root(triple_root, &calls, -1, 7, 1e-10, 500), 2, 1e-5, 0);
    assert_true(hpo_brent_root(triple_root, &calls, 2, 7, 0, 100) == 2);
    assert_true(hpo_brent_root(triple_root, &calls, -3, 2, 0, 100) == 2);
    calls = 0;
    hpo_brent_root(steep, &calls, -1, 3, 0, 9);
    assert_int_equal(calls, 9);
}

/* ---- Nelder-Mead ---- */

static double worn(void *ctx, const double *x, double *g)
{
    (void)g;
    return x[0] < -1 ? (double)NAN : rosenbrock(ctx, x, NULL);
}

static void test_nelder_mead(void **state)
{
    (void)state;
    static double work[61 * 61 + 240 + 1];
    double x[N_MAX], lower[N_MAX], upper[N_MAX];
    fill(lower, N_MAX, -5);
    fill(upper, N_MAX, 5);
    for (size_t n = 2; n <= 6; n += 2) {
        counted c = {.n = n, .lower = lower, .upper = upper};
        fill(x, n, 0);
        size_t size = (n + 1) * (n + 1) + 4 * n;
        work[size] = 12345;
        double f = hpo_nelder_mead(rosenbrock, &c, n, lower, upper, x, 0.5, 20000, 1e-14, work);
        assert_true(work[size] == 12345 && c.outside == 0 && c.calls <= 20000);
        assert_near(f, rosenbrock(&c, x, NULL), 0, 0);
        assert_true(f < 1e-10);
    }
    /* minimum on the boundary; a fixed variable; NaN on the way; n = 1; evaluations kept */
    counted c = {.n = 2, .lower = lower, .upper = upper};
    fill(x, 2, 0);
    upper[0] = 0.5;
    assert_near(hpo_nelder_mead(rosenbrock, &c, 2, lower, upper, x, 0.5, 5000, 1e-14, work), 0.25, 1e-9, 0);
    assert_true(x[0] == 0.5);
    lower[0] = 0.5;
    fill(x, 2, -3);
    assert_near(hpo_nelder_mead(rosenbrock, &c, 2, lower, upper, x, 0.5, 5000, 1e-14, work), 0.25, 1e-9, 0);
    fill(lower, 2, -5);
    fill(upper, 2, 5);
    x[0] = -0.99, x[1] = 3;
    assert_true(hpo_nelder_mead(worn, &c, 2, lower, upper, x, 0.5, 5000, 1e-14, work) < 1e-10);
    double a = 2, b = 2;
    c = (counted){.n = 1, .a = &a, .b = &b, .lower = lower, .upper = upper};
    assert_near(hpo_nelder_mead(quadratic, &c, 1, lower, upper, x, 0.5, 500, 1e-12, work), -1, 1e-11, 0);
    assert_near(x[0], 1, 0, 1e-5);
    c.calls = 0;
    x[0] = -4;
    hpo_nelder_mead(quadratic, &c, 1, lower, upper, x, 0.5, 9, 1e-12, work);
    assert_int_equal(c.calls, 9);
}

/* ---- slice sampling ---- */

/* x0 normal (1, 2), x1 exponential on [0, 3] with rate 1, x2 normal truncated to [1, inf), correlated parts
 * none; x3 fixed. */
static double mixture(void *ctx, const double *x, double *g)
{
    (void)ctx;
    (void)g;
    if (x[1] > 2.9999) return (double)NAN;
    return -0.125 * (x[0] - 1) * (x[0] - 1) - x[1] - 0.5 * x[2] * x[2];
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double cdf(size_t which, double x)
{
    if (which == 0) return 0.5 * hpo_erfc(-(x - 1) / 2 * 0.7071067811865476);
    if (which == 1) return hpo_expm1(-x) / hpo_expm1(-3);
    return 1 - hpo_erfc(x * 0.7071067811865476) / hpo_erfc(0.7071067811865476);
}

static void test_slice(void **state)
{
    (void)state;
    enum { SWEEPS = 20000, THIN = 4, N = SWEEPS / THIN };
    static double kept[3][N];
    double lower[4] = {-INF, 0, 1, 0.5}, upper[4] = {INF, 3, INF, 0.5}, width[4] = {1, 1, 10, 1};
    double x[4] = {5, 0.1, 1, 0.5}, logp = mixture(NULL, x, NULL);
    hpo_rng rng;
    hpo_rng_init(&rng, 1, 0, HPO_RNG_USER);
    for (size_t i = 0; i < 50 + SWEEPS; i++) {
        hpo_slice_sweep(mixture, NULL, 4, lower, upper, width, &rng, x, &logp);
        double again = mixture(NULL, x, NULL);
        assert_same_doubles(&logp, &again, 1);
        assert_true(x[1] >= 0 && x[1] <= 3 && x[2] >= 1 && x[3] == 0.5);
        for (size_t k = 0; k < 3 && i >= 50; k++)
            kept[k][(i - 50) / THIN] = x[k];
    }
    double mean = 0;
    for (size_t i = 0; i < N; i++)
        mean += kept[0][i] / N;
    assert_near(mean, 1, 0, 0.12);
    for (size_t k = 0; k < 3; k++) { /* Kolmogorov-Smirnov; every fourth sweep is nearly independent */
        double most = 0;
        qsort(kept[k], N, sizeof(double), ascending);
        for (size_t i = 0; i < N; i++) {
            double p = cdf(k, kept[k][i]);
            most = fmax(most, fmax(fabs(p - (double)i / N), fabs(p - (double)(i + 1) / N)));
        }
        assert_true(most < 1.95 / sqrt((double)N)); /* p = 0.001 */
    }
    /* from a place without density it finds the way; a density that is nowhere leaves x alone */
    x[1] = 2.99995;
    logp = -INF;
    hpo_slice_sweep(mixture, NULL, 4, lower, upper, width, &rng, x, &logp);
    assert_true(isfinite(logp));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rosenbrock),     cmocka_unit_test(test_quadratics),
        cmocka_unit_test(test_scaled),         cmocka_unit_test(test_corners),
        cmocka_unit_test(test_trouble),        cmocka_unit_test(test_model),
        cmocka_unit_test(test_brent_minimise), cmocka_unit_test(test_brent_root),
        cmocka_unit_test(test_nelder_mead),    cmocka_unit_test(test_slice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
