/* SPDX-License-Identifier: Apache-2.0 */
/* model/basis, model/blr, model/mlp: evidence and predictions against dense formulas, every derivative
 * against differences, learning. */
#include "model/basis.h"

#include "math/linalg.h"
#include "math/rng.h"
#include "model/blr.h"
#include "model/mlp.h"
#include "space/space.h"
#include "t.h"

enum { N = 12, D = 4 };

/* ln N(y; 0, Phi Phi^T / alpha + I / beta), by elimination. */
static double dense_evidence(const double *phi, const double *y, double alpha, double beta)
{
    double c[N * N], v[N], sum = 0;
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j++) {
            c[i * N + j] = i == j ? 1 / beta : 0;
            for (size_t k = 0; k < D; k++)
                c[i * N + j] += phi[i * D + k] * phi[j * D + k] / alpha;
        }
    memcpy(v, y, sizeof v);
    for (size_t k = 0; k < N; k++) {
        sum -= 0.5 * (log(6.283185307179586 * c[k * N + k]) + v[k] * v[k] / c[k * N + k]);
        for (size_t i = k + 1; i < N; i++) {
            double f = c[i * N + k] / c[k * N + k];
            for (size_t j = k; j < N; j++)
                c[i * N + j] -= f * c[k * N + j];
            v[i] -= f * v[k];
        }
    }
    return sum;
}

static void regression_data(double *phi, double *y, uint64_t seed)
{
    hpo_rng r;
    hpo_rng_init(&r, seed, 0, HPO_RNG_USER);
    for (size_t i = 0; i < N; i++) {
        double x = 2 * hpo_rng_uniform(&r) - 1;
        for (size_t k = 0; k < D; k++)
            phi[i * D + k] = k == 0 ? 1 : pow(x, (double)k);
        y[i] = 0.5 + x - 2 * x * x + 0.2 * hpo_rng_normal(&r);
    }
}

/* The evidence is the dense one, and no neighbour of (alpha, beta) has more. */
static void evidence_is_maximal(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 8; seed++) {
        double phi[N * D], y[N], scratch[N * D];
        hpo_error err;
        hpo_blr b = {0};
        regression_data(phi, y, seed);
        assert_ok(hpo_blr_init(&b, D, &err), err);
        assert_ok(hpo_blr_fit(&b, phi, y, N, scratch, &err), err);
        assert_near(b.log_evidence, dense_evidence(phi, y, b.alpha, b.beta), 1e-9, 1e-9);
        for (int i = -1; i <= 1; i++)
            for (int j = -1; j <= 1; j++)
                assert_true(dense_evidence(phi, y, b.alpha * exp(0.1 * i), b.beta * exp(0.1 * j)) <=
                            b.log_evidence + 1e-6);
        hpo_blr_fini(&b);
    }
}

/* Mean and variance by the function-space formulas k^T C^-1 y and k(x,x) - k^T C^-1 k. */
static void predictions_agree_with_function_space(void **state)
{
    (void)state;
    double phi[N * D], y[N], scratch[N * D], c[N * N], k[N], w[N], at[D] = {1, 0.3, 0.09, 0.027};
    hpo_error err;
    hpo_blr b = {0};
    regression_data(phi, y, 3);
    assert_ok(hpo_blr_init(&b, D, &err), err);
    assert_ok(hpo_blr_fit(&b, phi, y, N, scratch, &err), err);
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < N; j++)
            c[i * N + j] = hpo_dot(phi + i * D, phi + j * D, D) / b.alpha + (i == j ? 1 / b.beta : 0);
        k[i] = hpo_dot(phi + i * D, at, D) / b.alpha;
    }
    assert_int_equal(hpo_cholesky(c, N, N), 0);
    double mean, var, dmean[D], dvar[D];
    memcpy(w, y, sizeof w);
    hpo_cholesky_solve(c, N, N, w);
    hpo_blr_predict(&b, at, &mean, &var, dmean, dvar);
    assert_near(mean, hpo_dot(k, w, N), 1e-8, 1e-10);
    memcpy(w, k, sizeof w);
    hpo_cholesky_solve(c, N, N, w);
    assert_near(var, hpo_dot(at, at, D) / b.alpha - hpo_dot(k, w, N), 1e-7, 1e-10);
    for (size_t i = 0; i < D; i++) {
        double h = 1e-5, m[2], v[2], p[D];
        for (int s = 0; s < 2; s++) {
            memcpy(p, at, sizeof p);
            p[i] += s ? h : -h;
            hpo_blr_predict(&b, p, &m[s], &v[s], NULL, NULL);
        }
        assert_near(dmean[i], (m[1] - m[0]) / (2 * h), 1e-6, 1e-8);
        assert_near(dvar[i], (v[1] - v[0]) / (2 * h), 1e-6, 1e-8);
    }
    hpo_blr_fini(&b);
}

/* L = sum of c_ij a_ij over the last layer: weights and inputs by central differences. */
static void network_has_right_derivatives(void **state)
{
    (void)state;
    enum { IN = 3, WIDTH = 4, ROWS = 5 };
    for (size_t layers = 1; layers <= 3; layers++) {
        hpo_error err;
        hpo_mlp m = {0};
        hpo_rng r;
        double x[ROWS * IN], c[ROWS * WIDTH], out[3 * ROWS * WIDTH], d[ROWS * WIDTH], dx[ROWS * IN];
        assert_ok(hpo_mlp_init(&m, IN, WIDTH, layers, &err), err);
        hpo_mlp_reset(&m, 1, 5);
        hpo_rng_init(&r, layers, 0, HPO_RNG_USER);
        for (size_t i = 0; i < ROWS * IN; i++)
            x[i] = hpo_rng_normal(&r);
        for (size_t i = 0; i < ROWS * WIDTH; i++)
            c[i] = d[i] = hpo_rng_normal(&r);
        for (size_t i = 0; i < m.n_weights; i++)
            m.weight[i] += 0.1 * hpo_rng_normal(&r);
        double *gradient = calloc(m.n_weights, sizeof *gradient);
        double *work = calloc(hpo_mlp_work(&m, ROWS), sizeof *work);
        assert_true(gradient != NULL && work != NULL);
        hpo_mlp_forward(&m, x, ROWS, out);
        hpo_mlp_backward(&m, x, ROWS, out, d, gradient, dx, work);
        for (size_t i = 0; i < m.n_weights + ROWS * IN; i++) {
            double *at = i < m.n_weights ? &m.weight[i] : &x[i - m.n_weights], keep = *at, l[2], h = 1e-6;
            for (int s = 0; s < 2; s++) {
                *at = keep + (s ? h : -h);
                hpo_mlp_forward(&m, x, ROWS, out);
                l[s] = hpo_dot(c, out + (layers - 1) * ROWS * WIDTH, ROWS * WIDTH);
            }
            *at = keep;
            assert_near(i < m.n_weights ? gradient[i] : dx[i - m.n_weights], (l[1] - l[0]) / (2 * h), 1e-6,
                        1e-8);
        }
        free(gradient);
        free(work);
        hpo_mlp_fini(&m);
    }
}

static void adam_finds_a_minimum(void **state)
{
    (void)state;
    double x[2] = {3, -2}, g[2], mean[2] = {0}, square[2] = {0};
    hpo_adam a = {0.05, 1, 1};
    /* the first step is the rate, whatever the gradient */
    g[0] = 1e3;
    g[1] = -1e-3;
    hpo_adam_step(&a, 2, g, mean, square, x);
    assert_near(x[0], 2.95, 0, 1e-6);
    assert_near(x[1], -1.95, 0, 1e-6);
    a = (hpo_adam){0.05, 1, 1};
    memset(mean, 0, sizeof mean);
    memset(square, 0, sizeof square);
    for (size_t i = 0; i < 2000; i++) {
        g[0] = 2 * (x[0] - 1);
        g[1] = 20 * (x[1] - 0.5);
        hpo_adam_step(&a, 2, g, mean, square, x);
    }
    assert_near(x[0], 1, 0, 1e-3);
    assert_near(x[1], 0.5, 0, 1e-3);
}

/* ---- the model ---- */

typedef struct bed {
    hpo_space *space;
    hpo_embed *embed;
    hpo_basis *basis;
    double u[200 * 4], y[200];
} bed;

static double truth(const double *u)
{
    return sin(5 * u[0]) + (u[1] > 0.5 ? 1 : 0) * u[2];
}

static bed *make(const char *space, const hpo_basis_options *o, size_t n, double noise)
{
    hpo_error err;
    hpo_rng r;
    double x[8];
    bed *b = calloc(1, sizeof *b);
    assert_non_null(b);
    assert_ok(hpo_space_parse(space, &b->space, &err), err);
    assert_ok(hpo_space_freeze(b->space, &err), err);
    assert_ok(hpo_embed_create(b->space, &b->embed, &err), err);
    assert_ok(hpo_basis_create(b->embed, o, 3, &b->basis, &err), err);
    hpo_rng_init(&r, 8, 0, HPO_RNG_USER);
    size_t d = hpo_embed_n_dims(b->embed);
    for (size_t i = 0; i < n; i++) {
        double *u = b->u + i * d;
        assert_ok(hpo_space_draw(b->space, &r, u, &err), err);
        hpo_space_decode(b->space, u, x);
        hpo_space_encode(b->space, x, u);
        b->y[i] = truth(u) + noise * hpo_rng_normal(&r);
    }
    assert_ok(hpo_basis_train(b->basis, b->u, b->y, n, &err), err);
    assert_ok(hpo_basis_condition(b->basis, b->u, b->y, n, &err), err);
    return b;
}

static void drop(bed *b)
{
    hpo_basis_free(b->basis);
    hpo_embed_free(b->embed);
    hpo_space_free(b->space);
    free(b);
}

static const char space_text[] = "x: 0..1; k: a,b; z: 0..1";

static void learns_both_ways(void **state)
{
    (void)state;
    double evidence[2];
    for (int objective = 0; objective < 2; objective++) {
        hpo_basis_options o = {.objective = (hpo_basis_objective)objective};
        bed *b = make(space_text, &o, 120, 0.1);
        hpo_posterior p = hpo_basis_posterior(b->basis);
        double error = 0, sum = 0, square = 0;
        hpo_rng r;
        hpo_rng_init(&r, 9, 0, HPO_RNG_USER);
        for (size_t i = 0; i < 200; i++) {
            double u[3] = {hpo_rng_uniform(&r), i % 2 ? 0.25 : 0.75, hpo_rng_uniform(&r)}, m, v, f = truth(u);
            p.ops->moments(p.model, u, 1, &m, &v);
            assert_true(v > 0 && isfinite(m));
            error += (m - f) * (m - f);
            sum += f;
            square += f * f;
        }
        double fit = 1 - error / (square - sum * sum / 200);
        print_message("# objective %d: fit %.4f, noise sd %.3f, evidence %.2f\n", objective, fit,
                      sqrt(hpo_basis_noise(b->basis)), hpo_basis_log_evidence(b->basis));
        assert_true(fit > 0.95);
        assert_near(sqrt(hpo_basis_noise(b->basis)), 0.1, 0.4, 0);
        evidence[objective] = hpo_basis_log_evidence(b->basis);
        drop(b);
    }
    assert_true(evidence[HPO_BASIS_EVIDENCE] > evidence[HPO_BASIS_SQUARES]); /* it is what was asked for */
}

/* Through regression, network and embedding, with an inactive coordinate. */
static void posterior_has_right_gradient(void **state)
{
    (void)state;
    bed *b = make("x: 0..1; k: a,b; z: 0..1; w: 0..1 if k == b", NULL, 60, 0.1);
    hpo_posterior p = hpo_basis_posterior(b->basis);
    const double at[2][4] = {{0.3, 0.75, 0.6, 0.2}, {0.8, 0.25, 0.1, (double)NAN}};
    for (size_t k = 0; k < 2; k++) {
        double m, v, dm[4], dv[4], m0, v0;
        p.ops->gradient(p.model, at[k], &m, &v, dm, dv);
        p.ops->moments(p.model, at[k], 1, &m0, &v0);
        assert_near(m, m0, 1e-12, 1e-14);
        assert_near(v, v0, 1e-12, 1e-14);
        for (size_t i = 0; i < 4; i++) {
            double u[4], ms[2], vs[2], h = 1e-5;
            if (i == 1 || isnan(at[k][i])) {
                assert_true(dm[i] == 0 && dv[i] == 0);
                continue;
            }
            for (int s = 0; s < 2; s++) {
                memcpy(u, at[k], sizeof u);
                u[i] += s ? h : -h;
                p.ops->moments(p.model, u, 1, &ms[s], &vs[s]);
            }
            assert_near(dm[i], (ms[1] - ms[0]) / (2 * h), 1e-5, 1e-7);
            assert_near(dv[i], (vs[1] - vs[0]) / (2 * h), 1e-5, 1e-7);
        }
    }
    drop(b);
}

/* Twice the same data: the same bits, also after other data in between. */
static void training_is_a_function_of_the_data(void **state)
{
    (void)state;
    bed *a = make(space_text, NULL, 150, 0.1), *b = make(space_text, NULL, 30, 0.1);
    hpo_error err;
    double m[2], v[2];
    assert_ok(hpo_basis_train(b->basis, a->u, a->y, 150, &err), err);
    assert_ok(hpo_basis_condition(b->basis, a->u, a->y, 150, &err), err);
    for (int i = 0; i < 2; i++) {
        hpo_posterior p = hpo_basis_posterior(i ? b->basis : a->basis);
        p.ops->moments(p.model, a->u, 1, &m[i], &v[i]);
    }
    assert_same_doubles(&m[0], &m[1], 1);
    assert_same_doubles(&v[0], &v[1], 1);
    drop(a);
    drop(b);
}

static void survives_little_data(void **state)
{
    (void)state;
    for (int objective = 0; objective < 2; objective++)
        for (size_t n = 0; n < 4; n++) {
            hpo_basis_options o = {.objective = (hpo_basis_objective)objective, .steps = 20};
            bed *b = make(space_text, &o, n, 0);
            hpo_posterior p = hpo_basis_posterior(b->basis);
            double u[3] = {0.5, 0.25, 0.5}, m, v;
            p.ops->moments(p.model, u, 1, &m, &v);
            assert_true(isfinite(m) && isfinite(v) && v > 0);
            drop(b);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evidence_is_maximal),
        cmocka_unit_test(predictions_agree_with_function_space),
        cmocka_unit_test(network_has_right_derivatives),
        cmocka_unit_test(adam_finds_a_minimum),
        cmocka_unit_test(learns_both_ways),
        cmocka_unit_test(posterior_has_right_gradient),
        cmocka_unit_test(training_is_a_function_of_the_data),
        cmocka_unit_test(survives_little_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
