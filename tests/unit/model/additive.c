/* SPDX-License-Identifier: Apache-2.0 */
/* model/additive: against dense formulas, finite differences, leaving rows out by hand, and a sum that it
 * must take apart. */
#include "model/additive.h"

#include "math/linalg.h"
#include "math/rng.h"
#include "model/embed.h"
#include "space/space.h"
#include "t.h"

enum { MOST = 64, PARTS = 16 };

static const char mixed[] = "a: 0..1; b: log 1e-4..1; kind: x,y,z; n: int 1..9; depth: 0..1 if kind == x; "
                            "on: subset 3";
static const char cube[] = "a: 0..1; b: 0..1; c: 0..1";

typedef struct setup {
    hpo_space *space;
    hpo_embed *embed;
    hpo_additive *model;
    size_t d, n, parts;
    double u[MOST * 16], z[MOST], variance[PARTS], length[PARTS];
    hpo_additive_summary about;
} setup;

static double sum_of_waves(const double *u, size_t d)
{
    double sum = 0;
    for (size_t k = 0; k < d; k++)
        sum += isnan(u[k]) ? 0.3 : sin(4 * u[k] + (double)k) + (double)(k % 3) * u[k];
    return sum;
}

static void open_setup(setup *s, const char *text, size_t n, uint64_t seed, double noise)
{
    hpo_error err;
    hpo_rng rng;
    assert_ok(hpo_space_parse(text, &s->space, &err), err);
    assert_ok(hpo_space_freeze(s->space, &err), err);
    assert_ok(hpo_embed_create(s->space, &s->embed, &err), err);
    assert_ok(hpo_additive_create(s->embed, &s->model, &err), err);
    s->d = hpo_space_n_dims(s->space);
    s->n = n;
    s->parts = hpo_additive_n_parts(s->model);
    assert_true(s->parts <= PARTS);
    hpo_rng_init(&rng, seed, 0, HPO_RNG_USER);
    double x[32];
    assert_true(hpo_space_n_columns(s->space) <= 32);
    for (size_t i = 0; i < n; i++) {
        double *u = s->u + i * s->d;
        assert_ok(hpo_space_draw(s->space, &rng, u, &err), err);
        hpo_space_decode(s->space, u, x);
        hpo_space_encode(s->space, x, u);
        s->z[i] = 5 + 3 * sum_of_waves(u, s->d) + noise * hpo_rng_normal(&rng);
    }
    assert_ok(hpo_additive_fit(s->model, s->u, s->z, n, &err), err);
    assert_ok(hpo_additive_condition(s->model, s->u, s->z, n, &err), err);
    hpo_additive_describe(s->model, &s->about);
    hpo_additive_parts(s->model, s->variance, s->length);
}

static void close_setup(setup *s)
{
    hpo_additive_free(s->model);
    hpo_embed_free(s->embed);
    hpo_space_free(s->space);
}

/* ---- the same by other means -----------------------------------------------------------------------------
 */

static double covariance(const setup *s, const double *u, const double *v)
{
    double z[2][64], sum = 0;
    hpo_embed_features(s->embed, NULL, u, 1, z[0]);
    hpo_embed_features(s->embed, NULL, v, 1, z[1]);
    for (size_t p = 0; p < s->parts; p++) {
        const hpo_additive_part *a = hpo_additive_part_at(s->model, p);
        double q = 0;
        for (size_t f = a->feature; f < a->feature + a->n_features; f++)
            q += a->scale * (z[0][f] - z[1][f]) * (z[0][f] - z[1][f]);
        double r = sqrt(5 * q) / s->length[p];
        sum += s->variance[p] * (1 + r + r * r / 3) * exp(-r);
    }
    return sum;
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

/* Posterior at u from all rows but `without`, by elimination; the mean of the prior is that of all rows. */
static void dense(const setup *s, const double *u, size_t without, double *mean, double *var)
{
    static double a[2][MOST * MOST], k[MOST], y[MOST], b[2][MOST], x[MOST];
    size_t n = 0;
    double middle = 0;
    for (size_t i = 0; i < s->n; i++)
        middle += s->z[i] / (double)s->n;
    for (size_t i = 0; i < s->n; i++) {
        if (i == without) continue;
        k[n] = covariance(s, u, s->u + i * s->d);
        y[n++] = s->z[i] - middle;
    }
    for (size_t i = 0, p = 0; i < s->n; i++) {
        if (i == without) continue;
        for (size_t j = 0, q = 0; j < s->n; j++) {
            if (j == without) continue;
            double c = covariance(s, s->u + i * s->d, s->u + j * s->d);
            a[0][p * n + q] = a[1][p * n + q] = c + (i == j ? s->about.noise_variance : 0);
            q++;
        }
        b[0][p] = y[p];
        b[1][p] = k[p];
        p++;
    }
    *mean = middle;
    *var = covariance(s, u, u);
    solve(a[0], b[0], n, x);
    for (size_t i = 0; i < n; i++)
        *mean += k[i] * x[i];
    solve(a[1], b[1], n, x);
    for (size_t i = 0; i < n; i++)
        *var -= k[i] * x[i];
}

static void agrees_with_dense_formulas(void **state)
{
    (void)state;
    const char *const text[] = {cube, mixed};
    for (size_t t = 0; t < 2; t++) {
        setup s;
        open_setup(&s, text[t], 40, 7 + t, 0.1);
        hpo_posterior p = hpo_additive_posterior(s.model);
        double mean[40], var[40], m, v;
        p.ops->moments(p.model, s.u, 40, mean, var);
        for (size_t i = 0; i < 40; i += 3) {
            dense(&s, s.u + i * s.d, SIZE_MAX, &m, &v);
            assert_near(mean[i], m, 1e-6, 1e-6);
            assert_near(var[i], v, 1e-5, 1e-7);
        }
        double at[16];
        for (size_t k = 0; k < s.d; k++)
            at[k] = isnan(s.u[k]) ? s.u[k] : 0.5 * (s.u[k] + 0.37);
        p.ops->moments(p.model, at, 1, mean, var);
        dense(&s, at, SIZE_MAX, &m, &v);
        assert_near(mean[0], m, 1e-6, 1e-6);
        assert_near(var[0], v, 1e-5, 1e-7);
        close_setup(&s);
    }
}

static void leaves_rows_out(void **state)
{
    (void)state;
    setup s;
    open_setup(&s, mixed, 30, 3, 0.5);
    double mean[30], rank[2][30], v;
    for (size_t i = 0; i < 30; i++)
        dense(&s, s.u + i * s.d, i, &mean[i], &v);
    double sum[3] = {0};
    for (size_t i = 0; i < 30; i++) {
        rank[0][i] = rank[1][i] = -14.5;
        for (size_t j = 0; j < 30; j++) {
            rank[0][i] += mean[j] < mean[i];
            rank[1][i] += s.z[j] < s.z[i];
        }
        sum[0] += rank[0][i] * rank[1][i];
        sum[1] += rank[0][i] * rank[0][i];
        sum[2] += rank[1][i] * rank[1][i];
    }
    assert_near(s.about.loo_correlation, sum[0] / sqrt(sum[1] * sum[2]), 1e-6, 0);
    close_setup(&s);
}

static void has_true_slopes(void **state)
{
    (void)state;
    setup s;
    open_setup(&s, mixed, 30, 5, 0.2);
    hpo_posterior p = hpo_additive_posterior(s.model);
    size_t checked = 0;
    for (size_t i = 0; i < 10; i++) {
        double u[16], mean, var, dmean[16], dvar[16], m[2], v[2], h = 1e-5;
        memcpy(u, s.u + i * s.d, s.d * sizeof *u);
        for (size_t k = 0; k < 2; k++)
            u[k] = 0.1 + 0.8 * u[k];
        p.ops->gradient(p.model, u, &mean, &var, dmean, dvar);
        for (size_t k = 0; k < s.d; k++) {
            const hpo_axis *a = hpo_embed_axis(s.embed, hpo_embed_axis_of(s.embed, k));
            if (a->kind != HPO_AXIS_REAL || isnan(u[k])) {
                assert_true(dmean[k] == 0 && dvar[k] == 0);
                continue;
            }
            double keep = u[k];
            for (int side = 0; side < 2; side++) {
                u[k] = keep + (side ? h : -h);
                p.ops->moments(p.model, u, 1, &m[side], &v[side]);
            }
            u[k] = keep;
            assert_near(dmean[k], (m[1] - m[0]) / (2 * h), 1e-4, 1e-4);
            assert_near(dvar[k], (v[1] - v[0]) / (2 * h), 1e-3, 1e-3);
            checked++;
        }
    }
    assert_true(checked >= 20);
    close_setup(&s);
}

static void fits_by_true_slopes(void **state)
{
    (void)state;
    setup s;
    open_setup(&s, mixed, 30, 11, 0.2);
    size_t k = 2 * s.parts + 1;
    double theta[2 * PARTS + 1], slope[2 * PARTS + 1];
    for (size_t i = 0; i < k; i++)
        theta[i] = -0.3 - 0.05 * (double)i;
    (void)hpo_additive_objective(s.model, theta, slope);
    for (size_t i = 0; i < k; i++) {
        double h = 1e-5, keep = theta[i];
        theta[i] = keep + h;
        double up = hpo_additive_objective(s.model, theta, NULL);
        theta[i] = keep - h;
        double down = hpo_additive_objective(s.model, theta, NULL);
        theta[i] = keep;
        assert_near(slope[i], (up - down) / (2 * h), 1e-5, 1e-5);
    }
    close_setup(&s);
}

/* 60 points of a sum of three functions foretell others, where a process over all three at once could not
 * know enough; a product is not foretold. */
static void takes_sums_apart(void **state)
{
    (void)state;
    setup s;
    open_setup(&s, cube, 60, 13, 0);
    hpo_posterior p = hpo_additive_posterior(s.model);
    hpo_rng rng;
    hpo_rng_init(&rng, 1, 0, HPO_RNG_USER);
    for (int i = 0; i < 50; i++) {
        double u[3], mean, var;
        for (int k = 0; k < 3; k++)
            u[k] = 0.05 + 0.9 * hpo_rng_uniform(&rng);
        p.ops->moments(p.model, u, 1, &mean, &var);
        assert_near(mean, 5 + 3 * sum_of_waves(u, 3), 0, 0.1);
    }
    assert_true(s.about.loo_correlation > 0.99);
    close_setup(&s);
}

/* What searches along axes add up is the posterior. */
static void adds_up(void **state)
{
    (void)state;
    setup s;
    open_setup(&s, mixed, 30, 17, 0.2);
    double mean, scale, prior = 0, m, v, row[MOST], sum[MOST] = {0};
    const double *weights = hpo_additive_weights(s.model, &mean, &scale), *u = s.u + 4 * s.d;
    for (size_t p = 0; p < s.parts; p++) {
        hpo_additive_part_row(s.model, p, u, row);
        hpo_axpy(30, 1, row, sum);
        prior += hpo_additive_part_variance(s.model, p);
    }
    double own = mean + scale * hpo_dot(sum, weights, 30);
    hpo_additive_whiten(s.model, sum, 1);
    hpo_posterior p = hpo_additive_posterior(s.model);
    p.ops->moments(p.model, u, 1, &m, &v);
    assert_near(own, m, 1e-10, 0);
    assert_near(scale * scale * (prior - hpo_dot(sum, sum, 30)), v, 1e-8, 1e-10);
    close_setup(&s);
}

/* Rows that say nothing, twice the same row, one value only. */
static void survives(void **state)
{
    (void)state;
    setup s;
    hpo_error err;
    double mean, var;
    open_setup(&s, cube, 12, 19, 0);
    for (size_t i = 0; i < 12; i++) {
        s.z[i] = 2;
        memcpy(s.u + i * s.d, s.u, s.d * sizeof *s.u);
    }
    assert_ok(hpo_additive_fit(s.model, s.u, s.z, 12, &err), err);
    assert_ok(hpo_additive_condition(s.model, s.u, s.z, 12, &err), err);
    hpo_posterior p = hpo_additive_posterior(s.model);
    p.ops->moments(p.model, s.u, 1, &mean, &var);
    assert_near(mean, 2, 1e-6, 0);
    assert_true(var > 0 && isfinite(var));
    close_setup(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_dense_formulas),
        cmocka_unit_test(leaves_rows_out),
        cmocka_unit_test(has_true_slopes),
        cmocka_unit_test(fits_by_true_slopes),
        cmocka_unit_test(takes_sums_apart),
        cmocka_unit_test(adds_up),
        cmocka_unit_test(survives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
