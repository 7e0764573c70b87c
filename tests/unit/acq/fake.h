/* SPDX-License-Identifier: Apache-2.0 */
/* A surrogate whose every number can be checked by hand: Gaussian-process regression with a squared
 * exponential kernel of one lengthscale on numeric coordinates, by Gauss-Jordan, with no care for speed. */
#ifndef TESTS_ACQ_FAKE_H
#define TESTS_ACQ_FAKE_H
#include "math/func.h"
#include "model/posterior.h"
#include "t.h"

enum { FAKE_POINTS = 12, FAKE_DIMS = 4 };

typedef struct fake {
    size_t n, d;
    double u[FAKE_POINTS * FAKE_DIMS], y[FAKE_POINTS], inverse[FAKE_POINTS * FAKE_POINTS];
    double length, variance, noise, offset;
} fake;

static inline double fake_kernel(const fake *f, const double *u, const double *v)
{
    double q = 0;
    for (size_t k = 0; k < f->d; k++)
        q += (u[k] - v[k]) * (u[k] - v[k]);
    return f->variance * hpo_exp(-q / (2 * f->length * f->length));
}

/* After u, y, n have changed. */
static inline void fake_fit(fake *f)
{
    size_t n = f->n;
    double a[FAKE_POINTS][2 * FAKE_POINTS] = {{0}};
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++)
            a[i][j] = fake_kernel(f, f->u + i * f->d, f->u + j * f->d) + (i == j ? f->noise : 0);
        a[i][n + i] = 1;
    }
    for (size_t c = 0; c < n; c++) {
        double pivot = a[c][c];
        for (size_t j = 0; j < 2 * n; j++)
            a[c][j] /= pivot;
        for (size_t i = 0; i < n; i++) {
            double by = a[i][c];
            for (size_t j = 0; i != c && j < 2 * n; j++)
                a[i][j] -= by * a[c][j];
        }
    }
    for (size_t i = 0; i < n; i++)
        memcpy(f->inverse + i * n, a[i] + n, n * sizeof(double));
}

static inline double fake_covariance(const fake *f, const double *u, const double *v)
{
    double sum = fake_kernel(f, u, v);
    for (size_t i = 0; i < f->n; i++)
        for (size_t j = 0; j < f->n; j++)
            sum -= fake_kernel(f, u, f->u + i * f->d) * f->inverse[i * f->n + j] *
                   fake_kernel(f, v, f->u + j * f->d);
    return sum;
}

static inline double fake_mean(const fake *f, const double *u)
{
    double sum = f->offset;
    for (size_t i = 0; i < f->n; i++)
        for (size_t j = 0; j < f->n; j++)
            sum += fake_kernel(f, u, f->u + i * f->d) * f->inverse[i * f->n + j] * (f->y[j] - f->offset);
    return sum;
}

static inline void fake_moments(const void *model, const double *u, size_t m, double *mean, double *var)
{
    const fake *f = model;
    for (size_t i = 0; i < m; i++) {
        mean[i] = fake_mean(f, u + i * f->d);
        var[i] = fmax(fake_covariance(f, u + i * f->d, u + i * f->d), 1e-14);
    }
}

/* d kernel(u, v) / d u_k = -kernel (u_k - v_k) / l^2 */
static inline void fake_gradient(const void *model, const double *u, double *mean, double *var, double *dmean,
                                 double *dvar)
{
    const fake *f = model;
    fake_moments(model, u, 1, mean, var);
    for (size_t k = 0; k < f->d; k++) {
        dmean[k] = dvar[k] = 0;
        for (size_t i = 0; i < f->n; i++) {
            const double *v = f->u + i * f->d;
            double by = -fake_kernel(f, u, v) * (u[k] - v[k]) / (f->length * f->length);
            for (size_t j = 0; j < f->n; j++) {
                dmean[k] += by * f->inverse[i * f->n + j] * (f->y[j] - f->offset);
                dvar[k] -= 2 * by * f->inverse[i * f->n + j] * fake_kernel(f, u, f->u + j * f->d);
            }
        }
    }
}

static inline void fake_covariances(const void *model, const double *u, const double *v, size_t r,
                                    double *cov, double *dcov)
{
    const fake *f = model;
    double l2 = f->length * f->length;
    for (size_t p = 0; p < r; p++) {
        const double *w = v + p * f->d;
        cov[p] = fake_covariance(f, u, w);
        for (size_t k = 0; k < f->d && dcov != NULL; k++) {
            double sum = -fake_kernel(f, u, w) * (u[k] - w[k]) / l2;
            for (size_t i = 0; i < f->n; i++) {
                const double *x = f->u + i * f->d;
                double by = -fake_kernel(f, u, x) * (u[k] - x[k]) / l2;
                for (size_t j = 0; j < f->n; j++)
                    sum -= by * f->inverse[i * f->n + j] * fake_kernel(f, w, f->u + j * f->d);
            }
            dcov[p * f->d + k] = sum;
        }
    }
}

static inline void fake_noise(const void *model, const double *u, size_t m, double *var)
{
    (void)u;
    for (size_t i = 0; i < m; i++)
        var[i] = ((const fake *)model)->noise;
}

static const hpo_posterior_ops fake_ops = {
    .moments = fake_moments, .gradient = fake_gradient, .covariance = fake_covariances, .noise = fake_noise};

static inline hpo_posterior fake_posterior(const fake *f)
{
    return (hpo_posterior){&fake_ops, f, f->d};
}

/* n points of [0,1]^d at random; y a bowl around 0.3 plus waves. */
static inline void fake_init(fake *f, t_rng *r, size_t n, size_t d, double noise)
{
    *f = (fake){.n = n, .d = d, .length = 0.35, .variance = 1.3, .noise = noise, .offset = 0.2};
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < d; k++) {
            double t = f->u[i * d + k] = t_uniform(r);
            f->y[i] += 2 * (t - 0.3) * (t - 0.3) + 0.3 * hpo_sin(7 * t + (double)k);
        }
    }
    fake_fit(f);
}

/* A standard normal draw. */
static inline double t_normal(t_rng *r)
{
    double a = 1 - t_uniform(r), b = t_uniform(r);
    return sqrt(-2 * hpo_log(a)) * hpo_cos(6.283185307179586 * b);
}
#endif
