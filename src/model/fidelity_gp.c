/* SPDX-License-Identifier: Apache-2.0 */
/* model/fidelity_gp.c - Gaussian-process regression on (configuration, resource).
 *
 *     y_i = f(u_i, a_i) + eps,  cov f = s2 m(q_ij) R(a_i, a_j) + T(a_i, a_j),  eps ~ N(0, n2),  A = K + n2 I
 *
 * q: squared distance of embedded configurations over lengthscales (embed.h), m: kernel.h, R and T:
 * fidelity.h. Minus the log posterior and its gradient (Rasmussen & Williams 2006, equation 5.9), B = A^-1 -
 * alpha alpha':
 *
 *     1/2 y' A^-1 y + sum ln L_ii + n/2 ln 2 pi - log prior
 *     d / d ln l_g = -2 sum_{i>j} B_ij s2 m'(q_ij) R_ij q_ij^(g),   d / d ln s2 = 1/2 sum B_ij s2 m_ij R_ij
 *     d / d psi    = 1/2 sum B_ij (s2 m_ij dR_ij + dT_ij),          d / d ln n2 = 1/2 n2 tr B
 *
 * Resources take few values, so R, T and their derivatives are tables over distinct ones, and the sums for
 * psi are first collected per pair of values.  Priors of lengthscales, s2 and n2 are those of the process
 * without a resource (gp_objective.c), the one of psi is in fidelity.h.
 *
 * This is a model of its own and not an axis of gp.c: there one covariance function of one distance is read
 * in eleven files (appended rows, derivative observations, random features, anchors), none of which a product
 * kernel with a trend would leave as it is. */
#include "model/fidelity_gp_internal.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "math/linalg.h"
#include "math/minimise.h"

enum { ITERATIONS = 40, MEMORY = 8 };

static const double LN_2PI = 0x1.d67f1c864beb5p+0;

/* ---- life ------------------------------------------------------------------------------------------- */

static void cold_start(const hpo_fidelity_gp *gp, double *theta)
{
    size_t g = gp->n_axes;
    for (size_t j = 0; j < g; j++)
        theta[j] = hpo_log(0.5 * sqrt((double)g));
    theta[g] = 0;
    theta[g + 1] = fmax(hpo_log(1e-3), gp->lower[g + 1]);
    hpo_fidelity_start(gp->options.family, gp->options.tasks, theta + g + 2);
}

static void unpack(hpo_fidelity_gp *gp, const double *theta)
{
    size_t g = gp->n_axes;
    if (theta != gp->theta) memcpy(gp->theta, theta, gp->n_theta * sizeof *theta);
    gp->s2 = hpo_exp(theta[g]);
    gp->n2 = hpo_exp(theta[g + 1]);
    for (size_t j = 0; j < g; j++) {
        const hpo_axis *a = hpo_embed_axis(gp->embed, j);
        for (size_t i = 0; i < a->n_features; i++)
            gp->inv_l[a->feature + i] = hpo_exp(-theta[j]);
    }
}

static hpo_status build(hpo_fidelity_gp *gp, hpo_error *err)
{
    size_t p = gp->n_theta;
    gp->theta = hpo_calloc(4 * p + hpo_lbfgsb_work(p, MEMORY), sizeof *gp->theta);
    gp->inv_l = hpo_calloc(2 * gp->n_features, sizeof *gp->inv_l);
    if (!gp->theta || !gp->inv_l) return hpo_fail_memory(err);
    gp->lower = gp->theta + p;
    gp->upper = gp->lower + p;
    gp->start = gp->upper + p;
    gp->fit_work = gp->start + p;
    gp->row = gp->inv_l + gp->n_features;
    for (size_t i = 0; i < p; i++) {
        gp->lower[i] = i < gp->n_axes ? hpo_log(0.005) : -5;
        gp->upper[i] = i < gp->n_axes ? hpo_log(100.0) : 5;
    }
    gp->lower[gp->n_axes] = hpo_log(1e-3);
    gp->upper[gp->n_axes] = hpo_log(50.0);
    gp->lower[gp->n_axes + 1] = hpo_log(fmax(gp->options.least_noise, 1e-6));
    gp->upper[gp->n_axes + 1] = 0;
    cold_start(gp, gp->theta);
    unpack(gp, gp->theta);
    return HPO_OK;
}

hpo_status hpo_fidelity_gp_create(const hpo_embed *embed, const hpo_fidelity_gp_options *options,
                                  hpo_fidelity_gp **out, hpo_error *err)
{
    *out = NULL;
    int discrete = options->family <= HPO_FIDELITY_TASKS;
    if (options->kernel == HPO_KERNEL_LINEAR || options->kernel == HPO_KERNEL_PERIODIC)
        return hpo_fail(err, HPO_EINVAL, "kernel must be matern32, matern52 or se");
    if (discrete && (options->tasks < 1 || options->tasks > HPO_FIDELITY_MAX_TASKS))
        return hpo_fail(err, HPO_EINVAL, "tasks must be between 1 and %d, not %zu", HPO_FIDELITY_MAX_TASKS,
                        options->tasks);
    hpo_fidelity_gp *gp = hpo_calloc(1, sizeof *gp);
    if (!gp) return hpo_fail_memory(err);
    gp->embed = embed;
    gp->options = *options;
    gp->n_dims = hpo_embed_n_dims(embed);
    gp->n_features = hpo_embed_n_features(embed);
    gp->n_axes = hpo_embed_n_axes(embed);
    gp->n_psi = hpo_fidelity_n_psi(options->family, options->tasks);
    gp->n_theta = gp->n_axes + 2 + gp->n_psi;
    hpo_status s = build(gp, err);
    if (s != HPO_OK) {
        hpo_fidelity_gp_free(gp);
        return s;
    }
    *out = gp;
    return HPO_OK;
}

void hpo_fidelity_gp_free(hpo_fidelity_gp *gp)
{
    if (!gp) return;
    hpo_free(gp->theta);
    hpo_free(gp->inv_l);
    hpo_free(gp->features);
    hpo_free(gp->level_of);
    hpo_free(gp->r);
    hpo_free(gp);
}

/* ---- data ------------------------------------------------------------------------------------------- */

static hpo_status room(hpo_fidelity_gp *gp, size_t n, hpo_error *err)
{
    if (n <= gp->cap) return HPO_OK;
    size_t cap = n + n / 4, f = gp->n_features;
    double *block = hpo_alloc_array(cap, (2 * f + 3 + 4 * cap) * sizeof *block);
    uint32_t *level_of = hpo_alloc_array(cap, sizeof *level_of);
    if (!block || !level_of) {
        hpo_free(block);
        hpo_free(level_of);
        return hpo_fail_memory(err);
    }
    hpo_free(gp->features);
    hpo_free(gp->level_of);
    gp->cap = cap;
    gp->features = block;
    gp->scaled = block + f * cap;
    gp->z = gp->scaled + f * cap;
    gp->alpha = gp->z + cap;
    gp->level = gp->alpha + cap;
    gp->l = gp->level + cap;
    gp->k = gp->l + cap * cap;
    gp->dk = gp->k + cap * cap;
    gp->inverse = gp->dk + cap * cap;
    gp->level_of = level_of;
    return HPO_OK;
}

static hpo_status find_levels(hpo_fidelity_gp *gp, const double *resource, size_t n, hpo_error *err)
{
    gp->n_levels = 0;
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;
        while (k < gp->n_levels && gp->level[k] != resource[i])
            k++;
        if (k == gp->n_levels) gp->level[gp->n_levels++] = resource[i];
        gp->level_of[i] = (uint32_t)k;
    }
    size_t m = gp->n_levels * gp->n_levels;
    HPO_TRY(hpo_reserve(&gp->r, &gp->cap_r, 4 * m, sizeof *gp->r, err));
    gp->t = gp->r + m;
    gp->weight_r = gp->t + m;
    gp->weight_t = gp->weight_r + m;
    return HPO_OK;
}

/* Lower triangles: k gets s2 m(q), dk (may be NULL) s2 m'(q), l the whole of A. */
static void gram(hpo_fidelity_gp *gp, int derivatives)
{
    size_t n = gp->n, f = gp->n_features, m = gp->n_levels;
    const double *psi = gp->theta + gp->n_axes + 2;
    for (size_t a = 0; a < m; a++)
        for (size_t b = 0; b < m; b++) {
            gp->r[a * m + b] = hpo_fidelity_value(gp->options.family, gp->options.tasks, psi, gp->level[a],
                                                  gp->level[b], NULL);
            gp->t[a * m + b] = hpo_fidelity_trend(gp->options.family, gp->options.tasks, psi, gp->level[a],
                                                  gp->level[b], NULL);
        }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < f; j++)
            gp->scaled[i * f + j] = gp->features[i * f + j] * gp->inv_l[j];
    for (size_t i = 0; i < n; i++) {
        double *k = gp->k + i * n, *dk = gp->dk + i * n, *l = gp->l + i * n;
        const double *r = gp->r + gp->level_of[i] * m, *t = gp->t + gp->level_of[i] * m;
        hpo_kernel_distances(gp->scaled + i * f, 1, gp->scaled, i + 1, f, k, n);
        hpo_kernel_radial(gp->options.kernel, k, i + 1, k, derivatives ? dk : NULL);
        for (size_t j = 0; j <= i; j++) {
            k[j] *= gp->s2;
            if (derivatives) dk[j] *= gp->s2;
            l[j] = k[j] * r[gp->level_of[j]] + t[gp->level_of[j]];
        }
        l[i] += gp->n2;
    }
}

/* Factor and alpha for the theta in use; 1 when there is none. */
static int settle(hpo_fidelity_gp *gp, int derivatives)
{
    gram(gp, derivatives);
    gp->ready = 0;
    if (hpo_cholesky(gp->l, gp->n, gp->n) != 0) return 1;
    memcpy(gp->alpha, gp->z, gp->n * sizeof *gp->z);
    hpo_cholesky_solve(gp->l, gp->n, gp->n, gp->alpha);
    gp->ready = 1;
    return 0;
}

static hpo_status refused(const hpo_fidelity_gp *gp, hpo_error *err)
{
    return hpo_fail(err, HPO_EINVAL, "the covariance matrix of %zu results has no factorisation", gp->n);
}

hpo_status hpo_fidelity_gp_condition(hpo_fidelity_gp *gp, const double *u, const double *resource,
                                     const double *y, size_t n, hpo_error *err)
{
    if (n < 2) return hpo_fail(err, HPO_EINVAL, "a regression needs two results, not %zu", n);
    gp->ready = 0;
    hpo_status s = room(gp, n, err);
    if (s == HPO_OK) s = find_levels(gp, resource, n, err);
    if (s != HPO_OK) return s;
    gp->n = n;
    hpo_embed_features(gp->embed, NULL, u, n, gp->features);
    hpo_transform_fit(&gp->transform, gp->options.transform, y, n, gp->k); /* n^2 >= 3 n but for n 2 */
    for (size_t i = 0; i < n; i++)
        gp->z[i] = hpo_transform_apply(&gp->transform, y[i]);
    return settle(gp, 0) ? refused(gp, err) : HPO_OK;
}

/* ---- hyperparameters -------------------------------------------------------------------------------- */

static double prior(const hpo_fidelity_gp *gp, double *gradient)
{
    size_t g = gp->n_axes;
    double sum = gp->s2 - gp->theta[g] + 30 * gp->n2 - 0.1 * gp->theta[g + 1];
    for (size_t j = 0; j < g; j++) {
        double l2 = hpo_exp(2 * gp->theta[j]);
        sum += 0.1 * (l2 + 1 / l2);
        if (gradient) gradient[j] += 0.2 * (l2 - 1 / l2);
    }
    if (gradient) {
        gradient[g] += gp->s2 - 1;
        gradient[g + 1] += 30 * gp->n2 - 0.1;
    }
    return sum + hpo_fidelity_prior(gp->options.family, gp->options.tasks, gp->theta + g + 2,
                                    gradient ? gradient + g + 2 : NULL);
}

/* inverse: A^-1.  The pass over pairs; off the diagonal a pair stands for two entries. */
static void gradient_pass(hpo_fidelity_gp *gp, double *gradient)
{
    size_t n = gp->n, f = gp->n_features, g = gp->n_axes, m = gp->n_levels;
    memset(gp->weight_r, 0, 2 * m * m * sizeof *gp->weight_r);
    double trace = 0, signal = 0;
    for (size_t i = 0; i < n; i++) {
        const double *x = gp->scaled + i * f;
        for (size_t j = 0; j <= i; j++) {
            size_t at = gp->level_of[i] * m + gp->level_of[j];
            double b = (gp->inverse[i * n + j] - gp->alpha[i] * gp->alpha[j]) * (j < i ? 1 : 0.5);
            double part = b * gp->k[i * n + j];
            gp->weight_r[at] += part;
            gp->weight_t[at] += b;
            signal += part * gp->r[at];
            if (i == j) trace += b;
            double c = 2 * b * gp->dk[i * n + j] * gp->r[at];
            for (size_t a = 0, k = 0; j < i && a < g; a++) {
                double q = 0;
                for (size_t end = k + hpo_embed_axis(gp->embed, a)->n_features; k < end; k++) {
                    double d = x[k] - gp->scaled[j * f + k];
                    q += d * d;
                }
                gradient[a] -= c * q;
            }
        }
    }
    gradient[g] += signal;
    gradient[g + 1] += gp->n2 * trace;
    double d[HPO_FIDELITY_MAX_PSI], e[HPO_FIDELITY_MAX_PSI];
    for (size_t at = 0; at < m * m; at++) {
        double a = gp->level[at / m], b = gp->level[at % m];
        const double *psi = gp->theta + g + 2;
        hpo_fidelity_value(gp->options.family, gp->options.tasks, psi, a, b, d);
        hpo_fidelity_trend(gp->options.family, gp->options.tasks, psi, a, b, e);
        for (size_t i = 0; i < gp->n_psi; i++)
            gradient[g + 2 + i] += gp->weight_r[at] * d[i] + gp->weight_t[at] * e[i];
    }
}

double hpo_fidelity_gp_objective(hpo_fidelity_gp *gp, const double *theta, double *gradient)
{
    size_t n = gp->n;
    for (size_t i = 0; i < gp->n_theta; i++) {
        if (!isfinite(theta[i])) return INFINITY;
        if (gradient) gradient[i] = 0;
    }
    unpack(gp, theta);
    if (settle(gp, gradient != NULL)) return INFINITY;
    double value =
        0.5 * (hpo_dot(gp->z, gp->alpha, n) + hpo_cholesky_logdet(gp->l, n, n) + (double)n * LN_2PI);
    if (gradient) {
        hpo_cholesky_inverse(gp->l, n, n, gp->inverse, NULL, n);
        gradient_pass(gp, gradient);
    }
    return value + prior(gp, gradient);
}

static double objective(void *ctx, const double *x, double *gradient)
{
    return hpo_fidelity_gp_objective(ctx, x, gradient);
}

hpo_status hpo_fidelity_gp_fit(hpo_fidelity_gp *gp, int cold, hpo_error *err)
{
    hpo_lbfgsb_options o = {
        .memory = MEMORY, .max_iterations = ITERATIONS, .gradient_tolerance = 1e-2, .value_tolerance = 1e-5};
    hpo_lbfgsb_result r;
    if (gp->n < 2) return hpo_fail(err, HPO_EINVAL, "a fit needs data");
    if (cold)
        cold_start(gp, gp->start);
    else
        memcpy(gp->start, gp->theta, gp->n_theta * sizeof *gp->start);
    hpo_lbfgsb(objective, gp, gp->n_theta, gp->lower, gp->upper, gp->start, &o, gp->fit_work, &r);
    if (!isfinite(r.value)) cold_start(gp, gp->start);
    return hpo_fidelity_gp_set_theta(gp, gp->start, err);
}

size_t hpo_fidelity_gp_n_theta(const hpo_fidelity_gp *gp)
{
    return gp->n_theta;
}

const double *hpo_fidelity_gp_theta(const hpo_fidelity_gp *gp)
{
    return gp->theta;
}

hpo_status hpo_fidelity_gp_set_theta(hpo_fidelity_gp *gp, const double *theta, hpo_error *err)
{
    for (size_t i = 0; i < gp->n_theta; i++)
        if (!isfinite(theta[i]))
            return hpo_fail(err, HPO_EINVAL, "theta[%zu] is %g; it must be finite", i, theta[i]);
    unpack(gp, theta);
    return gp->n > 0 && settle(gp, 0) ? refused(gp, err) : HPO_OK;
}

const hpo_transform *hpo_fidelity_gp_transform(const hpo_fidelity_gp *gp)
{
    return &gp->transform;
}

double hpo_fidelity_gp_noise(const hpo_fidelity_gp *gp)
{
    return gp->n2;
}
