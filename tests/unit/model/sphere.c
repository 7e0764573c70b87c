/* SPDX-License-Identifier: Apache-2.0 */
/* model/sphere: against dense normal equations, finite differences, a general minimiser, and its own draws.
 */
#include "model/sphere.h"

#include "math/linalg.h"
#include "math/minimise.h"
#include "math/rng.h"
#include "model/embed.h"
#include "space/space.h"
#include "t.h"

enum { MOST = 64 };

typedef struct setup {
    hpo_space *space;
    hpo_embed *embed;
    hpo_sphere *model;
    size_t d, n;
    double u[MOST * 16], z[MOST];
} setup;

static void open_setup(setup *s, const char *text, size_t n, uint64_t seed)
{
    hpo_error err;
    hpo_rng rng;
    assert_ok(hpo_space_parse(text, &s->space, &err), err);
    assert_ok(hpo_space_freeze(s->space, &err), err);
    assert_ok(hpo_embed_create(s->space, &s->embed, &err), err);
    assert_ok(hpo_sphere_create(s->embed, &s->model, &err), err);
    s->d = hpo_space_n_dims(s->space);
    s->n = n;
    hpo_rng_init(&rng, seed, 0, HPO_RNG_USER);
    for (size_t i = 0; i < n; i++) {
        assert_ok(hpo_space_draw(s->space, &rng, s->u + i * s->d, &err), err);
        s->z[i] = hpo_rng_normal(&rng);
        for (size_t k = 0; k < s->d; k++)
            s->z[i] += isnan(s->u[i * s->d + k]) ? 0 : (double)(k % 3) * s->u[i * s->d + k];
    }
    assert_ok(hpo_sphere_condition(s->model, s->u, s->z, n, &err), err);
}

static void close_setup(setup *s)
{
    hpo_sphere_free(s->model);
    hpo_embed_free(s->embed);
    hpo_space_free(s->space);
}

/* The map as the paper has it, for a cube. */
static void map(const double *u, size_t d, double stretch, double *phi)
{
    double q = 0;
    for (size_t k = 0; k < d; k++) {
        phi[k] = stretch * (2 * u[k] - 1) / sqrt((double)d);
        q += phi[k] * phi[k];
    }
    for (size_t k = 0; k < d; k++)
        phi[k] *= 2 / (1 + q);
    phi[d] = (q - 1) / (q + 1);
    phi[d + 1] = 1;
}

/* x = A^-1 b, A k x k positive definite, by elimination; both are destroyed. */
static void solve(double *a, double *b, size_t k, double *x)
{
    for (size_t c = 0; c < k; c++)
        for (size_t r = c + 1; r < k; r++) {
            double f = a[r * k + c] / a[c * k + c];
            for (size_t j = c; j < k; j++)
                a[r * k + j] -= f * a[c * k + j];
            b[r] -= f * b[c];
        }
    for (size_t c = k; c-- > 0;) {
        x[c] = b[c];
        for (size_t j = c + 1; j < k; j++)
            x[c] -= a[c * k + j] * x[j];
        x[c] /= a[c * k + c];
    }
}

/* phi^T (Phi^T Phi + lambda I)^-1 r; r: Phi^T z when NULL. */
static double dense(const setup *s, const hpo_sphere_summary *about, const double *phi, const double *right)
{
    double a[16 * 16] = {0}, b[16] = {0}, x[16], row[16], sum = 0;
    size_t k = s->d + 2;
    for (size_t i = 0; i < s->n; i++) {
        map(s->u + i * s->d, s->d, about->stretch, row);
        for (size_t p = 0; p < k; p++) {
            for (size_t q = 0; q < k; q++)
                a[p * k + q] += row[p] * row[q];
            b[p] += row[p] * s->z[i];
        }
    }
    for (size_t p = 0; p < k; p++)
        a[p * k + p] += about->noise_ratio;
    if (right != NULL) memcpy(b, right, k * sizeof *b);
    solve(a, b, k, x);
    for (size_t p = 0; p < k; p++)
        sum += phi[p] * x[p];
    return sum;
}

static void is_ridge_regression(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 40; n += 13) {
        setup s;
        hpo_sphere_summary about;
        open_setup(&s, "a: 0..1; b: 0..1; c: 0..1", n, n);
        hpo_sphere_describe(s.model, &about);
        assert_int_equal(about.n_weights, 5);
        hpo_posterior p = hpo_sphere_posterior(s.model);
        const double at[] = {0.1, 0.9, 0.4};
        double phi[16], mean, var;
        map(at, 3, about.stretch, phi);
        p.ops->moments(p.model, at, 1, &mean, &var);
        assert_near(mean, dense(&s, &about, phi, NULL), 1e-9, 1e-11);
        assert_near(var, about.noise_variance * dense(&s, &about, phi, phi), 1e-9, 1e-14);
        close_setup(&s);
    }
}

/* The noise variance is what was put in. */
static void finds_the_noise(void **state)
{
    (void)state;
    setup s;
    hpo_sphere_summary about;
    open_setup(&s, "a: 0..1; b: 0..1; c: 0..1", MOST, 3);
    hpo_sphere_describe(s.model, &about);
    assert_near(about.noise_variance, 1, 0.35, 0);
    close_setup(&s);
}

static void check_slopes(const setup *s, const double *weights, double *u)
{
    double slope[16], dmean[16], dvar[16], mean, var, h = 1e-6;
    hpo_posterior p = hpo_sphere_posterior(s->model);
    (void)hpo_sphere_value(s->model, weights, u, slope);
    p.ops->gradient(p.model, u, &mean, &var, dmean, dvar);
    for (size_t a = 0; a < hpo_embed_n_axes(s->embed); a++) {
        const hpo_axis *axis = hpo_embed_axis(s->embed, a);
        size_t k = axis->dim;
        if (axis->kind != HPO_AXIS_REAL || isnan(u[k])) continue;
        double f[2], m[2], v[2], was = u[k];
        for (int side = 0; side < 2; side++) {
            u[k] = was + (side ? h : -h);
            f[side] = hpo_sphere_value(s->model, weights, u, NULL);
            p.ops->moments(p.model, u, 1, &m[side], &v[side]);
        }
        u[k] = was;
        assert_near(slope[k], (f[1] - f[0]) / (2 * h), 1e-5, 1e-7);
        assert_near(dmean[k], (m[1] - m[0]) / (2 * h), 1e-5, 1e-7);
        assert_near(dvar[k], (v[1] - v[0]) / (2 * h), 1e-5, 1e-7);
    }
}

static void has_gradients(void **state)
{
    (void)state;
    static const char *const spaces[] = {
        "a: 0..1; b: 0..1; c: 0..1; d: 0..1",
        "a: 0..1; k: p,q,r; b: 0..1 if k == p; n: int 1..9; some: subset x,y,z; c: 0..1"};
    for (size_t i = 0; i < 2; i++) {
        setup s;
        hpo_sphere_summary about;
        hpo_rng rng;
        double weights[64];
        open_setup(&s, spaces[i], 30, 7);
        hpo_sphere_describe(s.model, &about);
        assert_true(about.n_weights <= 64);
        hpo_rng_init(&rng, 5, 0, HPO_RNG_USER);
        hpo_sphere_draw(s.model, &rng, weights);
        for (size_t row = 0; row < 6; row++)
            check_slopes(&s, weights, s.u + row * s.d);
        close_setup(&s);
    }
}

typedef struct problem {
    const setup *s;
    const double *weights;
} problem;

static double value(void *ctx, const double *u, double *gradient)
{
    const problem *p = ctx;
    return hpo_sphere_value(p->s->model, p->weights, u, gradient);
}

enum { D = 6, STARTS = 20 };

/* The least value of all corners and of descents from many starts. */
static double least(const setup *s, const double *weights, hpo_rng *rng)
{
    static double work[4096];
    double x[D], low[D] = {0}, high[D], best = (double)INFINITY;
    problem p = {s, weights};
    assert_true(hpo_lbfgsb_work(D, 8) <= sizeof work / sizeof *work);
    for (unsigned corner = 0; corner < 1u << D; corner++) {
        for (int k = 0; k < D; k++)
            x[k] = corner >> k & 1;
        best = fmin(best, hpo_sphere_value(s->model, weights, x, NULL));
    }
    for (int i = 0; i < STARTS; i++) {
        const hpo_lbfgsb_options o = {.max_iterations = 200, .gradient_tolerance = 1e-12};
        hpo_lbfgsb_result r;
        for (int k = 0; k < D; k++) {
            x[k] = hpo_rng_uniform(rng);
            high[k] = 1;
        }
        hpo_lbfgsb(value, &p, D, low, high, x, &o, work, &r);
        best = fmin(best, r.value);
    }
    return best;
}

/* No corner, and no descent from any of many starts, gets below the closed form. */
static void minimises(void **state)
{
    (void)state;
    setup s;
    int inside = 0, corners = 0;
    open_setup(&s, "a: 0..1; b: 0..1; c: 0..1; d: 0..1; e: 0..1; f: 0..1", 25, 11);
    for (uint64_t draw = 0; draw < 40; draw++) {
        hpo_rng rng;
        double weights[D + 2], u[D];
        int at_border = 0;
        hpo_rng_init(&rng, 17, draw, HPO_RNG_USER);
        hpo_sphere_draw(s.model, &rng, weights);
        if (draw % 4 == 0) weights[D] = 5;  /* least inside */
        if (draw % 4 == 1) weights[D] = -5; /* in a corner */
        for (int k = 0; k < D && draw % 8 == 2; k++)
            weights[k] = 0;
        hpo_sphere_minimise(s.model, weights, u);
        for (int k = 0; k < D; k++) {
            assert_true(u[k] >= 0 && u[k] <= 1);
            at_border += u[k] <= 0 || u[k] >= 1;
        }
        inside += at_border == 0;
        corners += at_border == D;
        double found = hpo_sphere_value(s.model, weights, u, NULL), best = least(&s, weights, &rng);
        assert_true(found <= best + 1e-9 * (1 + fabs(best)));
    }
    assert_true(inside > 0 && corners > 0 && inside + corners < 40);
    close_setup(&s);
}

static void draws_follow_the_posterior(void **state)
{
    (void)state;
    enum { DRAWS = 4000 };
    setup s;
    const double at[] = {0.2, 0.7, 0.9};
    double weights[8], sum = 0, square = 0, mean, var;
    open_setup(&s, "a: 0..1; b: 0..1; c: 0..1", 20, 2);
    hpo_posterior p = hpo_sphere_posterior(s.model);
    p.ops->moments(p.model, at, 1, &mean, &var);
    for (uint64_t i = 0; i < DRAWS; i++) {
        hpo_rng rng;
        hpo_rng_init(&rng, 23, i, HPO_RNG_USER);
        hpo_sphere_draw(s.model, &rng, weights);
        double v = hpo_sphere_value(s.model, weights, at, NULL);
        sum += v;
        square += (v - mean) * (v - mean);
    }
    assert_near(sum / DRAWS, mean, 0, 4 * sqrt(var / DRAWS));
    assert_near(square / DRAWS, var, 4 * sqrt(2.0 / DRAWS), 0);
    close_setup(&s);
}

/* Row by row or all at once, and with fewer rows again: the same bits. */
static void is_a_fold(void **state)
{
    (void)state;
    setup s, t;
    hpo_error err;
    double mean[2], var[2];
    open_setup(&s, "a: 0..1; b: 0..1; k: p,q,r", 30, 4);
    open_setup(&t, "a: 0..1; b: 0..1; k: p,q,r", 30, 4);
    assert_ok(hpo_sphere_condition(t.model, t.u, t.z, 3, &err), err);
    for (size_t n = 4; n <= 30; n += 2)
        assert_ok(hpo_sphere_condition(t.model, t.u, t.z, n, &err), err);
    hpo_posterior p = hpo_sphere_posterior(s.model), q = hpo_sphere_posterior(t.model);
    p.ops->moments(p.model, s.u, 1, &mean[0], &var[0]);
    q.ops->moments(q.model, s.u, 1, &mean[1], &var[1]);
    assert_same_doubles(&mean[0], &mean[1], 1);
    assert_same_doubles(&var[0], &var[1], 1);
    close_setup(&s);
    close_setup(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_ridge_regression),
        cmocka_unit_test(finds_the_noise),
        cmocka_unit_test(has_gradients),
        cmocka_unit_test(minimises),
        cmocka_unit_test(draws_follow_the_posterior),
        cmocka_unit_test(is_a_fold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
