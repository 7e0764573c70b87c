/* SPDX-License-Identifier: Apache-2.0 */
/* model/gp_predict.c - the posterior of a Gaussian process: moments, gradients, covariances.
 *
 *     mean(u) = k^T alpha,   var(u) = k(u, u) - |W k|^2,   cov(u, v) = k(u, v) - c_u^T k_v,  c = A^-1 k = W^T
 * W k d mean = (dk)^T alpha,   d var = d k(u, u) - 2 (dk)^T c_u
 *
 * (Rasmussen & Williams 2006, equations 2.25, 2.26.)  The variance is that of f: noise enters through A
 * alone. Models are read by several threads, so scratch is on the stack, in blocks of as many rows as fit
 * there; only a model too large for that takes memory, and predicts its prior when there is none. */
#include "base/alloc.h"
#include "math/linalg.h"
#include "model/gp_internal.h"

#include <string.h>

static const double SMALLEST = 1e-12; /* variance, of the prior's */

/* Features of one u over their lengthscales. */
void hpo_gp_scaled_features(const hpo_gp *gp, const double *u, double *a)
{
    hpo_embed_shape shape = hpo_gp_shape(gp);
    hpo_embed_features(gp->embed, &shape, u, 1, a);
    for (size_t f = 0; f < gp->n_features; f++)
        a[f] *= gp->inv_l[f];
}

/* Covariances of f at scaled features a with all entries; dk (n_points, may be NULL): derivatives w.r.t. the
 * pair values. */
void hpo_gp_covariances(const hpo_gp *gp, const double *a, double *k, double *dk)
{
    if (gp->n_slopes > 0) {
        hpo_gp_joint_row(gp, a, k);
        return;
    }
    hpo_gp_pairs(gp->family, gp->n_features, a, 1, gp->scaled, gp->cap, gp->n_points, k);
    hpo_gp_covary(gp->family, gp->s2, k, gp->n_points, k, dk);
}

static double clamped(double var, double prior)
{
    return var > SMALLEST * prior ? var : SMALLEST * prior;
}

/* c = A^-1 k; v = W k is left in scratch; returns |v|^2. */
double hpo_gp_solve(const hpo_gp *gp, const double *k, double *v, double *c)
{
    hpo_lower_products(gp->w, gp->n_entries, gp->cap, k, v, c);
    return hpo_dot(v, v, gp->n_entries);
}

/* ---- scratch ---------------------------------------------------------------------------------------- */

/* `need` doubles: the caller's stack when they fit, else memory; NULL when there is none. */
double *hpo_gp_borrow(double *stack, size_t need, double **heap)
{
    *heap = need > HPO_GP_STACK ? hpo_alloc_array(need, sizeof **heap) : NULL;
    return need > HPO_GP_STACK ? *heap : stack;
}

void hpo_gp_prior_moments(const hpo_gp *gp, size_t m, double *mean, double *var)
{
    for (size_t i = 0; i < m; i++) {
        mean[i] = 0;
        var[i] = gp->s2;
    }
}

/* ---- moments ---------------------------------------------------------------------------------------- */

/* One block of m rows: k is m x n, tile m x HPO_GP_TILE, a one row of features. */
void hpo_gp_block_moments(const hpo_gp *gp, const double *u, size_t m, double *a, double *k, double *tile,
                          double *mean, double *var)
{
    enum { STEP = 16 }; /* rows of W that are multiplied with equally many columns: W is lower triangular */
    size_t n = gp->n_entries;
    for (size_t i = 0; i < m; i++) {
        hpo_gp_scaled_features(gp, u + i * gp->n_dims, a);
        if (gp->n_slopes > 0)
            hpo_gp_joint_row(gp, a, k + i * n);
        else
            hpo_gp_pairs(gp->family, gp->n_features, a, 1, gp->scaled, gp->cap, n, k + i * n);
        var[i] = hpo_gp_prior_variance(gp->family, gp->s2, gp->n_features, a, 1);
    }
    if (gp->n_slopes == 0) hpo_gp_covary(gp->family, gp->s2, k, m * n, k, NULL); /* all in whole vectors */
    for (size_t i = 0; i < m; i++)
        mean[i] = hpo_dot(k + i * n, gp->alpha, n);
    for (size_t r = 0; r < n; r += HPO_GP_TILE) {
        size_t end = n - r < HPO_GP_TILE ? n : r + HPO_GP_TILE;
        for (size_t t = r; t < end; t += STEP) {
            size_t to = end - t < STEP ? end : t + STEP;
            hpo_gemm_nt(k, n, gp->w + t * gp->cap, gp->cap, tile + t - r, HPO_GP_TILE, m, to - t, to);
        }
        for (size_t i = 0; i < m; i++)
            var[i] -= hpo_dot(tile + i * HPO_GP_TILE, tile + i * HPO_GP_TILE, end - r);
    }
    for (size_t i = 0; i < m; i++)
        var[i] = clamped(var[i], gp->s2);
}

void hpo_gp_moments(const hpo_gp *gp, const double *u, size_t m, double *mean, double *var)
{
    double stack[HPO_GP_STACK], *heap;
    size_t each = gp->n_entries + HPO_GP_TILE, block = 1;
    if (!gp->ready) {
        hpo_gp_prior_moments(gp, m, mean, var);
        return;
    }
    if (gp->n_features + each <= HPO_GP_STACK) block = (HPO_GP_STACK - gp->n_features) / each;
    if (block > 64) block = 64;
    double *a = hpo_gp_borrow(stack, gp->n_features + block * each, &heap);
    if (!a) {
        hpo_gp_prior_moments(gp, m, mean, var);
        return;
    }
    double *k = a + gp->n_features;
    for (size_t i = 0; i < m; i += block) {
        size_t rows = m - i < block ? m - i : block;
        hpo_gp_block_moments(gp, u + i * gp->n_dims, rows, a, k, k + block * gp->n_entries, mean + i,
                             var + i);
    }
    hpo_free(heap);
}

/* ---- gradient --------------------------------------------------------------------------------------- */

/* out (n_features) = sum_i weight_i d k(a, entry i) / d a, a scaled; product: scratch, n_points. */
void hpo_gp_pull_weights(const hpo_gp *gp, const double *a, const double *weight, const double *dk,
                         double *product, double *out)
{
    if (gp->n_slopes > 0) {
        hpo_gp_joint_pull(gp, a, weight, out);
        return;
    }
    size_t n = gp->n_points;
    for (size_t i = 0; i < n; i++)
        product[i] = weight[i] * dk[i];
    for (size_t f = 0; f < gp->n_features; f++)
        out[f] = gp->family == HPO_KERNEL_LINEAR
                     ? hpo_dot(product, gp->scaled + f * gp->cap, n)
                     : 2 * hpo_gp_weighted_differences(product, gp->scaled + f * gp->cap, a[f], n);
}

/* d / d scaled features to d / d u. */
void hpo_gp_to_coordinates(const hpo_gp *gp, const double *u, double *da, double *du)
{
    hpo_embed_shape shape = hpo_gp_shape(gp);
    for (size_t f = 0; f < gp->n_features; f++)
        da[f] *= gp->inv_l[f];
    for (size_t i = 0; i < gp->n_dims; i++)
        du[i] = 0;
    hpo_embed_pull(gp->embed, &shape, u, da, du);
}

void hpo_gp_gradient(const hpo_gp *gp, const double *u, double *mean, double *var, double *dmean,
                     double *dvar)
{
    double stack[HPO_GP_STACK], *heap = NULL, *a = NULL;
    size_t n = gp->n_entries, f = gp->n_features;
    if (gp->ready) a = hpo_gp_borrow(stack, 2 * f + 4 * n, &heap);
    if (!a) {
        hpo_gp_prior_moments(gp, 1, mean, var);
        for (size_t i = 0; i < gp->n_dims; i++)
            dmean[i] = dvar[i] = 0;
        return;
    }
    double *da = a + f, *k = da + f, *dk = k + n, *v = dk + n, *c = v + n;
    hpo_gp_scaled_features(gp, u, a);
    double prior = hpo_gp_prior_variance(gp->family, gp->s2, f, a, 1);
    hpo_gp_covariances(gp, a, k, dk);
    *mean = hpo_dot(k, gp->alpha, n);
    *var = clamped(prior - hpo_gp_solve(gp, k, v, c), gp->s2);
    hpo_gp_pull_weights(gp, a, gp->alpha, dk, v, da);
    hpo_gp_to_coordinates(gp, u, da, dmean);
    hpo_gp_pull_weights(gp, a, c, dk, v, da);
    for (size_t i = 0; i < f; i++)
        da[i] = (gp->family == HPO_KERNEL_LINEAR ? 2 * gp->s2 * a[i] : 0) - 2 * da[i];
    hpo_gp_to_coordinates(gp, u, da, dvar);
    hpo_free(heap);
}

/* ---- covariance ------------------------------------------------------------------------------------- */

/* k(a, b) and, unless NULL, its derivative w.r.t. a. */
double hpo_gp_one_covariance(const hpo_gp *gp, const double *a, const double *b, double *da)
{
    double q, k, dk;
    hpo_gp_pairs(gp->family, gp->n_features, a, 1, b, 1, 1, &q);
    hpo_gp_covary(gp->family, gp->s2, &q, 1, &k, &dk);
    for (size_t f = 0; da && f < gp->n_features; f++)
        da[f] = gp->family == HPO_KERNEL_LINEAR ? dk * b[f] : 2 * dk * (a[f] - b[f]);
    return k;
}

void hpo_gp_covariance(const hpo_gp *gp, const double *u, const double *v, size_t r, double *cov,
                       double *dcov)
{
    double stack[HPO_GP_STACK], *heap = NULL, *a = NULL;
    size_t n = gp->n_entries, f = gp->n_features;
    if (gp->ready) a = hpo_gp_borrow(stack, 4 * f + 6 * n, &heap);
    if (!a) {
        memset(cov, 0, r * sizeof *cov);
        if (dcov) memset(dcov, 0, r * gp->n_dims * sizeof *dcov);
        return;
    }
    double *b = a + f, *da = b + f, *pulled = da + f;
    double *k = pulled + f, *dk = k + n, *c = dk + n, *kv = c + n, *cv = kv + n, *t = cv + n;
    hpo_gp_scaled_features(gp, u, a);
    hpo_gp_covariances(gp, a, k, dk);
    hpo_gp_solve(gp, k, t, c);
    for (size_t j = 0; j < r; j++) {
        hpo_gp_scaled_features(gp, v + j * gp->n_dims, b);
        hpo_gp_covariances(gp, b, kv, NULL);
        cov[j] = hpo_gp_one_covariance(gp, a, b, dcov ? da : NULL) - hpo_dot(c, kv, n);
        if (!dcov) continue;
        hpo_gp_solve(gp, kv, t, cv);
        hpo_gp_pull_weights(gp, a, cv, dk, t, pulled);
        for (size_t i = 0; i < f; i++)
            da[i] -= pulled[i];
        hpo_gp_to_coordinates(gp, u, da, dcov + j * gp->n_dims);
    }
    hpo_free(heap);
}

/* ---- noise ------------------------------------------------------------------------------------------ */

void hpo_gp_noise_at(const hpo_gp *gp, const double *u, size_t m, double *var)
{
    for (size_t i = 0; i < m; i++)
        var[i] = 1;
    if (gp->noise_gp) hpo_gp_noise_factor(gp, u, m, var);
    for (size_t i = 0; i < m; i++)
        var[i] = gp->n2 * var[i] + gp->se2_mean;
}

/* ---- the interface ---------------------------------------------------------------------------------- */

static void moments(const void *gp, const double *u, size_t m, double *mean, double *var)
{
    hpo_gp_moments(gp, u, m, mean, var);
}

static void gradient(const void *gp, const double *u, double *mean, double *var, double *dmean, double *dvar)
{
    hpo_gp_gradient(gp, u, mean, var, dmean, dvar);
}

static void covariance(const void *gp, const double *u, const double *v, size_t r, double *cov, double *dcov)
{
    hpo_gp_covariance(gp, u, v, r, cov, dcov);
}

static void noise(const void *gp, const double *u, size_t m, double *var)
{
    hpo_gp_noise_at(gp, u, m, var);
}

const hpo_posterior_ops hpo_gp_posterior_ops = {.moments = moments,
                                                .gradient = gradient,
                                                .covariance = covariance,
                                                .noise = noise,
                                                .anchor = hpo_gp_anchor,
                                                .anchored = hpo_gp_anchored,
                                                .anchored_gradient = hpo_gp_anchored_gradient};

hpo_posterior hpo_gp_posterior(const hpo_gp *gp)
{
    return (hpo_posterior){&hpo_gp_posterior_ops, gp, gp->n_dims};
}
