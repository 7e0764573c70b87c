/* SPDX-License-Identifier: Apache-2.0 */
/* model/gp_objective.c - what fits of a Gaussian process minimise: minus the log posterior density of its
 * hyperparameters, and its gradient.
 *
 * A = K + diag(e), theta in logarithms (rho: as it is):
 *     1/2 z^T A^-1 z + sum ln L_ii + n/2 ln 2 pi - extra(n2) - log prior
 *     d / d theta_k = 1/2 tr(B dA / d theta_k) + alpha^T dz - d extra,  B = A^-1 - alpha alpha^T
 * (Rasmussen & Williams 2006, equation 5.9; extra: what replicates say beyond their means, gp_internal.h).
 * With the explicit inverse, all lengthscales come from one pass over the pairs i > j: with b_ij = B_ij
 * dk/dq_ij, d / d ln l_g = -2 sum_ij b_ij q_ij^(g),   q^(g): the part of q = r^2 that belongs to axis g, and
 * the signal variance from tr(B K) = n - z^T alpha - sum B_ii e_i. */
#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "math/linalg.h"
#include "math/minimise.h"
#include "model/gp_internal.h"

#include <math.h>
#include <string.h>

static const double LN_2PI = 0x1.d67f1c864beb5p+0;
static const double LN_SHORTEST = -5.298317366548036;   /* ln 0.005 */
static const double LN_LONGEST = 4.605170185988092;     /* ln 100 */
static const double LONGEST_SPARSE = 9.210340371976184; /* ln 1e4: a = 1e-8, an axis switched off */
static const double WARP_VARIANCE = 0.5625;             /* of ln a, ln b: 0.75^2 */

/* ---- layout of theta -------------------------------------------------------------------------------- */

static int is_number(const hpo_axis *a)
{
    return a->kind == HPO_AXIS_REAL || a->kind == HPO_AXIS_GRID;
}

static int has_rho(const hpo_gp *gp, size_t axis)
{
    const hpo_axis *a = hpo_embed_axis(gp->embed, axis);
    return gp->options.fit_rho && gp->family != HPO_KERNEL_LINEAR && is_number(a) && a->conditional;
}

static int has_warp(const hpo_gp *gp, size_t axis)
{
    return gp->warped && is_number(hpo_embed_axis(gp->embed, axis));
}

size_t hpo_gp_count_theta(const hpo_gp *gp)
{
    size_t n = gp->n_axes + 2;
    for (size_t j = 0; j < gp->n_axes; j++)
        n += (size_t)has_rho(gp, j) + 2 * (size_t)has_warp(gp, j);
    return n;
}

void hpo_gp_read_shape(const hpo_gp *gp, const double *theta, double *rho, double *warp_a, double *warp_b)
{
    size_t at = gp->n_axes + 2;
    for (size_t j = 0; j < gp->n_axes; j++) {
        rho[j] = has_rho(gp, j) ? theta[at++] : 0.5;
        int warp = has_warp(gp, j);
        warp_a[j] = warp ? hpo_exp(theta[at]) : 1;
        warp_b[j] = warp ? hpo_exp(theta[at + 1]) : 1;
        at += warp ? 2 : 0;
    }
}

void hpo_gp_bounds(hpo_gp *gp)
{
    size_t g = gp->n_axes, at = g + 2;
    double floor = hpo_log(gp->options.noise_floor);
    gp->n_theta = hpo_gp_count_theta(gp);
    for (size_t j = 0; j < g; j++) {
        gp->lower[j] = LN_SHORTEST;
        gp->upper[j] = gp->options.prior == HPO_GP_PRIOR_SPARSE ? LONGEST_SPARSE : LN_LONGEST;
    }
    gp->lower[g] = hpo_log(1e-3);
    gp->upper[g] = hpo_log(50.0);
    gp->lower[g + 1] = floor;
    gp->upper[g + 1] = gp->options.noise == HPO_GP_NOISE_FIXED ? floor : 0;
    for (size_t j = 0; j < g; j++) {
        if (has_rho(gp, j)) {
            gp->lower[at] = 0.05;
            gp->upper[at++] = 1;
        }
        for (int i = 0; has_warp(gp, j) && i < 2; i++) {
            gp->lower[at] = -2.5;
            gp->upper[at++] = 2.5;
        }
    }
}

/* The cold start, or with rng a random one. */
void hpo_gp_start(const hpo_gp *gp, double *theta, hpo_rng *rng)
{
    size_t g = gp->n_axes, at = g + 2;
    double l = hpo_log(0.5 * sqrt((double)g));
    for (size_t j = 0; j < g; j++)
        theta[j] = l + (rng ? hpo_rng_normal(rng) : 0);
    theta[g] = rng ? 0.5 * hpo_rng_normal(rng) : 0;
    theta[g + 1] = hpo_log(rng ? hpo_exp(-2.0 - 8.0 * hpo_rng_uniform(rng)) : 1e-3);
    for (size_t j = 0; j < g; j++) {
        if (has_rho(gp, j)) theta[at++] = 0.5;
        for (int i = 0; has_warp(gp, j) && i < 2; i++)
            theta[at++] = 0;
    }
    for (size_t k = 0; k < g + 2; k++) {
        if (!(theta[k] > gp->lower[k]) && gp->lower[k] < gp->upper[k]) theta[k] = gp->lower[k];
        if (!(theta[k] < gp->upper[k]) && gp->lower[k] < gp->upper[k]) theta[k] = gp->upper[k];
    }
    if (gp->options.noise == HPO_GP_NOISE_FIXED) theta[g + 1] = hpo_log(gp->options.noise_floor);
}

/* ---- prior ------------------------------------------------------------------------------------------ */

/* - log density of a lengthscale at x = ln l, and its derivative.  WALL penalises x itself; DIM and SPARSE
 * are densities of l and of a = 1 / l^2, as their authors maximise them. */
static double lengthscale_prior(const hpo_gp *gp, double x, double *d)
{
    if (gp->options.prior == HPO_GP_PRIOR_WALL) {
        double l2 = hpo_exp(2 * x), a = 1 / l2;
        *d = 0.2 * (l2 - a);
        return 0.1 * (l2 + a);
    }
    if (gp->options.prior == HPO_GP_PRIOR_DIM) {
        double mu = sqrt(2.0) + 0.5 * hpo_log((double)gp->n_axes), t = (x - mu) / 3;
        *d = 1 + t;
        return x + 1.5 * t * t;
    }
    double a = hpo_exp(-2 * x) / gp->options.sparse_tau;
    *d = -4 * a * a / (1 + a * a);
    return hpo_log1p(a * a);
}

double hpo_gp_prior_value(const hpo_gp *gp, const double *theta, double *gradient)
{
    size_t g = gp->n_axes, at = g + 2;
    double sum = 0, d, s2 = hpo_exp(theta[g]), n2 = hpo_exp(theta[g + 1]);
    for (size_t j = 0; j < g; j++) {
        sum += lengthscale_prior(gp, theta[j], &d);
        if (gradient) gradient[j] += d;
    }
    sum += s2 - theta[g]; /* Gamma(2, 1) */
    double rate = gp->options.noise_rate, power = gp->options.noise_power;
    sum += rate * n2 - power * theta[g + 1]; /* Gamma(1.1, 30) unless told otherwise */
    if (gradient) {
        gradient[g] += s2 - 1;
        gradient[g + 1] += rate * n2 - power;
    }
    for (size_t j = 0; j < g; j++) {
        at += (size_t)has_rho(gp, j); /* uniform */
        for (int i = 0; has_warp(gp, j) && i < 2; i++, at++) {
            sum += 0.5 * theta[at] * theta[at] / WARP_VARIANCE;
            if (gradient) gradient[at] += theta[at] / WARP_VARIANCE;
        }
    }
    return sum;
}

/* ---- memory ----------------------------------------------------------------------------------------- */

hpo_status hpo_gp_fit_room(hpo_gp *gp, hpo_error *err)
{
    size_t n = gp->cap, f = gp->n_features, g = gp->n_axes;
    if (n <= gp->fit_cap) return HPO_OK;
    size_t vectors = 2 * f + 4 * g + 9, small = 4 * g + 2;
    size_t total = 3 * n * n + vectors * n + 3 * small + 3 * g + f + hpo_lbfgsb_work(small, HPO_GP_MEMORY);
    double *block = hpo_alloc_array(total, sizeof *block), *at = block;
    if (!block) return hpo_fail_memory(err);
    hpo_free(gp->fit_block);
    gp->fit_block = block;
    gp->fit_cap = n;
    struct {
        double **p;
        size_t size;
    } parts[] = {
        {&gp->fit_k, n * n},
        {&gp->fit_d, n * n},
        {&gp->fit_inv, n * n},
        {&gp->fit_scaled, f * n},
        {&gp->fit_features, f * n},
        {&gp->fit_shape, 4 * g * n},
        {&gp->fit_z, n},
        {&gp->fit_e, n},
        {&gp->fit_dz, n},
        {&gp->fit_de, n},
        {&gp->fit_alpha, n},
        {&gp->fit_count, n},
        {&gp->fit_row, n},
        {&gp->fit_row2, 2 * n},
        {&gp->fit_theta, small},
        {&gp->fit_best, small},
        {&gp->fit_keep, small},
        {&gp->fit_rho, 3 * g},
        {&gp->fit_inv_l, f},
        {&gp->fit_work, hpo_lbfgsb_work(small, HPO_GP_MEMORY)},
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        *parts[i].p = at;
        at += parts[i].size;
    }
    return HPO_OK;
}

/* ---- objective -------------------------------------------------------------------------------------- */

/* Scaled features for theta; with rho or warping among theta also d scaled features / d each of those. */
static void features_at(hpo_gp *gp, const double *theta)
{
    size_t n = gp->n_points, g = gp->n_axes, ld = gp->fit_cap, at = 0;
    const double *from = gp->features;
    size_t ld_from = gp->cap;
    if (gp->n_theta > g + 2) {
        double *a = gp->fit_rho + g, *b = a + g;
        hpo_gp_read_shape(gp, theta, gp->fit_rho, a, b);
        hpo_embed_shape shape = {gp->fit_rho, gp->warped ? a : NULL, gp->warped ? b : NULL};
        hpo_gp_features(gp, &shape, gp->feature_row, gp->fit_features, ld);
        from = gp->fit_features;
        ld_from = ld;
        for (size_t j = 0; j < g; j++) {
            int rho = has_rho(gp, j), warp = has_warp(gp, j);
            const hpo_axis *axis = hpo_embed_axis(gp->embed, j);
            if (!rho && !warp) continue;
            double scale = hpo_exp(-theta[j]);
            for (size_t i = 0; i < n; i++) {
                double d[3][2] = {{0}}; /* numbers have one feature or two */
                hpo_embed_shape_derivatives(gp->embed, &shape, j, hpo_gp_point(gp, i), d[1], d[2], d[0]);
                for (size_t p = 0, k = at; p < 3; p++) {
                    if (!(p == 0 ? rho : warp)) continue;
                    for (size_t f = 0; f < axis->n_features; f++)
                        gp->fit_shape[(2 * k + f) * ld + i] = d[p][f] * scale;
                    k++;
                }
            }
            at += (size_t)rho + 2 * (size_t)warp;
        }
    }
    for (size_t f = 0; f < gp->n_features; f++) {
        double scale = hpo_exp(-theta[gp->group_of[f]]);
        for (size_t i = 0; i < n; i++)
            gp->fit_scaled[f * ld + i] = from[f * ld_from + i] * scale;
    }
}

/* sum_j b_j (x_i - x_j)(dx_i - dx_j) over j < i. */
static double weighted_products(const double *b, const double *x, const double *dx, size_t i)
{
    double sum = 0;
    for (size_t j = 0; j < i; j++)
        sum += b[j] * (x[i] - x[j]) * (dx[i] - dx[j]);
    return sum;
}

/* Adds 2 sum_j b_j (x_i - x_j)(dx_i - dx_j) for rho and warping of all axes. */
static void shape_row(const hpo_gp *gp, const double *b, size_t i, double *gradient)
{
    size_t at = 0, g = gp->n_axes;
    for (size_t j = 0; j < g; j++) {
        const hpo_axis *axis = hpo_embed_axis(gp->embed, j);
        size_t count = (size_t)has_rho(gp, j) + 2 * (size_t)has_warp(gp, j);
        for (size_t p = 0; p < count; p++, at++)
            for (size_t f = 0; f < axis->n_features; f++)
                gradient[g + 2 + at] +=
                    2 * weighted_products(b, gp->fit_scaled + (axis->feature + f) * gp->fit_cap,
                                          gp->fit_shape + (2 * at + f) * gp->fit_cap, i);
    }
}

/* The pass over pairs: fit_d holds dk/dq, fit_inv the inverse. */
static void gradient_pass(hpo_gp *gp, double s2, const hpo_gp_noise_terms *t, double *gradient)
{
    size_t n = gp->n_points, g = gp->n_axes, ld = gp->fit_cap;
    int linear = gp->family == HPO_KERNEL_LINEAR;
    double *b = gp->fit_row, trace = 0;
    for (size_t i = 0; i < n; i++) {
        const double *inv = gp->fit_inv + i * ld, *d = gp->fit_d + i * ld;
        double alpha = gp->fit_alpha[i], diagonal = inv[i] - alpha * alpha;
        for (size_t j = 0; j < i; j++)
            b[j] = (inv[j] - alpha * gp->fit_alpha[j]) * d[j];
        for (size_t f = 0; f < gp->n_features; f++) {
            const double *x = gp->fit_scaled + f * ld;
            gradient[gp->group_of[f]] -= linear ? 2 * x[i] * hpo_dot(b, x, i) + diagonal * s2 * x[i] * x[i]
                                                : 2 * hpo_gp_weighted_squares(b, x, x[i], i);
        }
        if (gp->n_theta > g + 2) shape_row(gp, b, i, gradient);
        trace += diagonal * t->e[i];
        gradient[g + 1] += 0.5 * diagonal * t->de[i] + alpha * t->dz[i];
    }
    gradient[g] += 0.5 * ((double)n - hpo_dot(t->z, gp->fit_alpha, n) - trace);
    gradient[g + 1] -= t->d_extra;
}

double hpo_gp_objective(hpo_gp *gp, const double *theta, double *gradient)
{
    size_t n = gp->n_points, g = gp->n_axes, ld;
    for (size_t k = 0; gradient && k < gp->n_theta; k++)
        gradient[k] = 0;
    for (size_t k = 0; k < gp->n_theta; k++)
        if (!isfinite(theta[k])) return INFINITY;
    hpo_error ignored;
    if (n == 0 || hpo_gp_fit_room(gp, &ignored) != HPO_OK) return INFINITY;
    if (gp->n_slopes > 0) return hpo_gp_joint_objective(gp, theta, gradient);
    ld = gp->fit_cap;
    double s2 = hpo_exp(theta[g]);
    hpo_gp_noise_terms t = {.z = gp->fit_z,
                            .e = gp->fit_e,
                            .count = gp->fit_count,
                            .dz = gp->fit_dz,
                            .de = gradient ? gp->fit_de : NULL};
    hpo_gp_noise_terms_at(gp, hpo_exp(theta[g + 1]), &t);
    features_at(gp, theta);
    for (size_t i = 0; i < n; i++) {
        double *k = gp->fit_k + i * ld, *d = gp->fit_d + i * ld;
        hpo_gp_pairs(gp->family, gp->n_features, gp->fit_scaled + i, ld, gp->fit_scaled, ld, i + 1, k);
        hpo_gp_covary(gp->family, s2, k, i + 1, k, gradient ? d : NULL);
        k[i] += t.e[i];
    }
    if (hpo_cholesky(gp->fit_k, n, ld) != 0) return INFINITY;
    memcpy(gp->fit_alpha, t.z, n * sizeof *t.z);
    hpo_cholesky_solve(gp->fit_k, n, ld, gp->fit_alpha);
    double evidence = t.extra - 0.5 * (hpo_dot(t.z, gp->fit_alpha, n) +
                                       hpo_cholesky_logdet(gp->fit_k, n, ld) + (double)n * LN_2PI);
    if (gradient) {
        hpo_cholesky_inverse(gp->fit_k, n, ld, gp->fit_inv, NULL, ld);
        gradient_pass(gp, s2, &t, gradient);
    }
    return hpo_gp_prior_value(gp, theta, gradient) - evidence;
}
