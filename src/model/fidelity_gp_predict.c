/* SPDX-License-Identifier: Apache-2.0 */
/* model/fidelity_gp_predict.c - the posterior of a process over configurations and resources, at one
 * resource, or between two.
 *
 *     k_i = s2 m(q(u, u_i)) R(a, a_i) + T(a, a_i),  mean = k' alpha,  var = s2 R(a, a) + T(a, a) - |L^-1 k|^2
 *     cov(f(u, a), f(v, b)) = s2 m(q(u, v)) R(a, b) + T(a, b) - (L^-1 k)' L^-1 l,  l: k of (v, b)
 *     d mean = sum_i alpha_i s2 R(a, a_i) d m_i,    d var = -2 sum_i c_i s2 R(a, a_i) d m_i,  c = A^-1 k
 *
 * (Rasmussen & Williams 2006, equations 2.25, 2.26.)  Rows are solved for in blocks. */
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/linalg.h"
#include "model/fidelity_gp_internal.h"

enum { ROWS = 64 };

static const double SMALLEST = 1e-12; /* variance, of the prior's */

static const double *psi_of(const hpo_fidelity_gp *gp)
{
    return gp->theta + gp->n_axes + 2;
}

static double kernel(const hpo_fidelity_gp *gp, double a, double b)
{
    return hpo_fidelity_value(gp->options.family, gp->options.tasks, psi_of(gp), a, b, NULL);
}

static double trend(const hpo_fidelity_gp *gp, double a, double b)
{
    return hpo_fidelity_trend(gp->options.family, gp->options.tasks, psi_of(gp), a, b, NULL);
}

static double prior_variance(const hpo_fidelity_gp *gp, double a)
{
    return gp->s2 * kernel(gp, a, a) + trend(gp, a, a);
}

static void scaled_features(const hpo_fidelity_gp *gp, const double *u, size_t m, double *x)
{
    hpo_embed_features(gp->embed, NULL, u, m, x);
    for (size_t i = 0; i < m; i++)
        for (size_t f = 0; f < gp->n_features; f++)
            x[i * gp->n_features + f] *= gp->inv_l[f];
}

/* R and T of one resource with those of the data: r, t (n_levels each). */
static void levels(const hpo_fidelity_gp *gp, double a, double *r, double *t)
{
    for (size_t k = 0; k < gp->n_levels; k++) {
        r[k] = kernel(gp, a, gp->level[k]);
        t[k] = trend(gp, a, gp->level[k]);
    }
}

/* Covariances of m rows with the data: k m x n.  x: m x n_features, scaled. */
static void cross(const hpo_fidelity_gp *gp, const double *x, size_t m, const double *r, const double *t,
                  double *k)
{
    hpo_kernel_cross(gp->options.kernel, gp->s2, x, m, gp->scaled, gp->n, gp->n_features, k, gp->n);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < gp->n; j++)
            k[i * gp->n + j] = k[i * gp->n + j] * r[gp->level_of[j]] + t[gp->level_of[j]];
}

/* Moments of rows at one resource of prior variance `own`, and k = L^-1 of their covariances with the data.
 */
static void predict_rows(const hpo_fidelity_gp *gp, double own, const double *x, size_t rows, const double *r,
                         const double *t, double *k, double *mean, double *var)
{
    cross(gp, x, rows, r, t, k);
    for (size_t j = 0; j < rows; j++)
        mean[j] = hpo_dot(k + j * gp->n, gp->alpha, gp->n);
    hpo_solve_lower_rows(gp->l, gp->n, gp->n, k, rows, gp->n);
    for (size_t j = 0; j < rows; j++) {
        double v = own - hpo_dot(k + j * gp->n, k + j * gp->n, gp->n);
        var[j] = v > SMALLEST * own ? v : SMALLEST * own;
    }
}

static void prior_moments(double own, size_t m, double *mean, double *var)
{
    for (size_t i = 0; i < m; i++) {
        mean[i] = 0;
        var[i] = own;
    }
}

static void moments_or_prior(const hpo_fidelity_gp *gp, double *work, const double *u, size_t m,
                             double resource, double *mean, double *var)
{
    double own = prior_variance(gp, resource);
    prior_moments(own, m, mean, var);
    if (work == NULL) return;
    double *r = work, *t = r + gp->n_levels, *x = t + gp->n_levels, *k = x + ROWS * gp->n_features;
    levels(gp, resource, r, t);
    for (size_t i = 0; i < m; i += ROWS) {
        size_t rows = m - i < ROWS ? m - i : ROWS;
        scaled_features(gp, u + i * gp->n_dims, rows, x);
        predict_rows(gp, own, x, rows, r, t, k, mean + i, var + i);
    }
}

void hpo_fidelity_gp_moments(const hpo_fidelity_gp *gp, const double *u, size_t m, double resource,
                             double *mean, double *var)
{
    double *work = NULL;
    if (gp->ready) work = hpo_alloc_array(2 * gp->n_levels + ROWS * (gp->n_features + gp->n), sizeof *work);
    moments_or_prior(gp, work, u, m, resource, mean, var);
    hpo_free(work);
}

hpo_status hpo_fidelity_gp_joint(const hpo_fidelity_gp *gp, const double *u, size_t m, double resource,
                                 double *mean, double *cov, hpo_error *err)
{
    size_t n = gp->ready ? gp->n : 0, f = gp->n_features;
    double *work = hpo_alloc_array(2 * (gp->n_levels + 1) + m * (f + n), sizeof *work);
    if (work == NULL) return hpo_fail_memory(err);
    double *r = work, *t = r + gp->n_levels, *x = t + gp->n_levels, *k = x + m * f;
    double own = kernel(gp, resource, resource), shared = trend(gp, resource, resource);
    scaled_features(gp, u, m, x);
    hpo_kernel_cross(gp->options.kernel, gp->s2 * own, x, m, x, m, f, cov, m);
    for (size_t i = 0; i < m * m; i++)
        cov[i] += shared;
    memset(mean, 0, m * sizeof *mean);
    if (n > 0) {
        levels(gp, resource, r, t);
        cross(gp, x, m, r, t, k);
        for (size_t i = 0; i < m; i++)
            mean[i] = hpo_dot(k + i * n, gp->alpha, n);
        hpo_solve_lower_rows(gp->l, n, n, k, m, n);
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < m; j++)
                cov[i * m + j] -= hpo_dot(k + i * n, k + j * n, n);
    }
    hpo_free(work);
    return HPO_OK;
}

hpo_status hpo_fidelity_gp_between(const hpo_fidelity_gp *gp, const double *u, size_t m, double a,
                                   const double *v, size_t n_v, double b, double *mean, double *var,
                                   double *cov, hpo_error *err)
{
    size_t n = gp->ready ? gp->n : 0, f = gp->n_features, all = m + n_v;
    double *work = hpo_alloc_array(2 * (gp->n_levels + 1) + all * (f + n), sizeof *work);
    if (work == NULL) return hpo_fail_memory(err);
    double *r = work, *t = r + gp->n_levels, *x = t + gp->n_levels, *y = x + m * f, *k = y + n_v * f,
           *l = k + m * n, own = prior_variance(gp, a), shared = trend(gp, a, b);
    scaled_features(gp, u, m, x);
    scaled_features(gp, v, n_v, y);
    hpo_kernel_cross(gp->options.kernel, gp->s2 * kernel(gp, a, b), x, m, y, n_v, f, cov, n_v);
    for (size_t i = 0; i < m * n_v; i++)
        cov[i] += shared;
    if (n > 0) {
        levels(gp, a, r, t);
        cross(gp, x, m, r, t, k);
        levels(gp, b, r, t);
        cross(gp, y, n_v, r, t, l);
        for (size_t i = 0; i < m; i++)
            mean[i] = hpo_dot(k + i * n, gp->alpha, n);
        hpo_solve_lower_rows(gp->l, n, n, k, all, n);
    }
    for (size_t i = 0; i < m; i++) {
        double left = own - hpo_dot(k + i * n, k + i * n, n);
        if (n == 0) mean[i] = 0;
        var[i] = left > SMALLEST * own ? left : SMALLEST * own;
        for (size_t j = 0; j < n_v; j++)
            cov[i * n_v + j] -= hpo_dot(k + i * n, l + j * n, n);
    }
    hpo_free(work);
    return HPO_OK;
}

hpo_status hpo_fidelity_gp_pairs(const hpo_fidelity_gp *gp, const double *u, size_t m, double a, double b,
                                 double *out, hpo_error *err)
{
    size_t n = gp->n, q = gp->n_levels;
    double own[2] = {prior_variance(gp, a), prior_variance(gp, b)}, *cov = out + 4 * m;
    for (size_t i = 0; i < m; i++)
        cov[i] = gp->s2 * kernel(gp, a, b) + trend(gp, a, b);
    prior_moments(own[0], m, out, out + m);
    prior_moments(own[1], m, out + 2 * m, out + 3 * m);
    if (!gp->ready) return HPO_OK;
    double *work = hpo_alloc_array(4 * q + ROWS * (gp->n_features + 2 * n), sizeof *work);
    if (work == NULL) return hpo_fail_memory(err);
    double *r = work, *t = r + 2 * q, *x = t + 2 * q, *k = x + ROWS * gp->n_features, *l = k + ROWS * n;
    levels(gp, a, r, t);
    levels(gp, b, r + q, t + q);
    for (size_t i = 0; i < m; i += ROWS) {
        size_t rows = m - i < ROWS ? m - i : ROWS;
        scaled_features(gp, u + i * gp->n_dims, rows, x);
        predict_rows(gp, own[0], x, rows, r, t, k, out + i, out + m + i);
        predict_rows(gp, own[1], x, rows, r + q, t + q, l, out + 2 * m + i, out + 3 * m + i);
        for (size_t j = 0; j < rows; j++)
            cov[i + j] -= hpo_dot(k + j * n, l + j * n, n);
    }
    hpo_free(work);
    return HPO_OK;
}

double hpo_fidelity_gp_prior(const hpo_fidelity_gp *gp, double a, double b)
{
    return gp->s2 * kernel(gp, a, b);
}

/* ---- the interface ---------------------------------------------------------------------------------- */

static void slice_moments(const void *model, const double *u, size_t m, double *mean, double *var)
{
    const hpo_fidelity_slice *s = model;
    hpo_fidelity_gp_moments(s->gp, u, m, s->resource, mean, var);
}

/* du = (d features / d u)' sum_i w_i d k_i */
static void pull(const hpo_fidelity_gp *gp, const double *u, const double *dk, const double *w, double *dx,
                 double *du)
{
    memset(dx, 0, gp->n_features * sizeof *dx);
    for (size_t i = 0; i < gp->n; i++)
        hpo_axpy(gp->n_features, w[i], dk + i * gp->n_features, dx);
    for (size_t f = 0; f < gp->n_features; f++)
        dx[f] *= gp->inv_l[f];
    memset(du, 0, gp->n_dims * sizeof *du);
    hpo_embed_pull(gp->embed, NULL, u, dx, du);
}

static void slice_gradient(const void *model, const double *u, double *mean, double *var, double *dmean,
                           double *dvar)
{
    const hpo_fidelity_slice *s = model;
    const hpo_fidelity_gp *gp = s->gp;
    size_t n = gp->n, f = gp->n_features;
    double *work = NULL, own = prior_variance(gp, s->resource);
    if (gp->ready) work = hpo_alloc_array(2 * gp->n_levels + 2 * f + n * (f + 3), sizeof *work);
    *mean = 0;
    *var = own;
    memset(dmean, 0, gp->n_dims * sizeof *dmean);
    memset(dvar, 0, gp->n_dims * sizeof *dvar);
    if (work == NULL) return;
    double *r = work, *t = r + gp->n_levels, *x = t + gp->n_levels, *dx = x + f, *k = dx + f, *c = k + n,
           *w = c + n, *dk = w + n;
    levels(gp, s->resource, r, t);
    scaled_features(gp, u, 1, x);
    hpo_kernel_cross_gradient(gp->options.kernel, gp->s2, x, gp->scaled, n, f, k, dk);
    for (size_t i = 0; i < n; i++) {
        k[i] = k[i] * r[gp->level_of[i]] + t[gp->level_of[i]];
        w[i] = gp->alpha[i] * r[gp->level_of[i]];
    }
    memcpy(c, k, n * sizeof *c);
    hpo_cholesky_solve(gp->l, n, n, c);
    *mean = hpo_dot(k, gp->alpha, n);
    double v = own - hpo_dot(k, c, n);
    *var = v > SMALLEST * own ? v : SMALLEST * own;
    pull(gp, u, dk, w, dx, dmean);
    for (size_t i = 0; i < n; i++)
        w[i] = -2 * c[i] * r[gp->level_of[i]];
    pull(gp, u, dk, w, dx, dvar);
    hpo_free(work);
}

static void slice_noise(const void *model, const double *u, size_t m, double *var)
{
    const hpo_fidelity_slice *s = model;
    (void)u;
    for (size_t i = 0; i < m; i++)
        var[i] = s->gp->n2;
}

static const hpo_posterior_ops slice_ops = {
    .moments = slice_moments, .gradient = slice_gradient, .noise = slice_noise};

hpo_posterior hpo_fidelity_gp_posterior(const hpo_fidelity_slice *slice)
{
    return (hpo_posterior){&slice_ops, slice, slice->gp->n_dims};
}
