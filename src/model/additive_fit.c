/* SPDX-License-Identifier: Apache-2.0 */
/* model/additive_fit.c - hyperparameters of the additive Gaussian process.
 *
 * theta = (ln v_p, ln l_p, ln noise) minimises, for standardised responses y,
 *
 *     1/2 y^T K^-1 y + sum ln L_ii + n/2 ln 2 pi - log prior(theta),
 *     d / d theta_k = -1/2 sum_ij (alpha_i alpha_j - K^-1_ij) dK_ij / d theta_k - d log prior
 *
 * (Rasmussen & Williams 2006, equation 5.9) with normal priors on the logarithms: v_p around 1 / parts, l_p
 * around 0.25 of the range, noise around 0.01.  Distances of the pairs are computed once a fit; an evaluation
 * costs a kernel for each pair and part, and n^3.  Hence at most MOST rows, spread evenly over those given.
 *
 * The leave-one-out means of those rows are y_i - alpha_i / K^-1_ii (Sundararajan & Keerthi 2001). */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "math/linalg.h"
#include "math/minimise.h"
#include "math/stats.h"
#include "model/additive_internal.h"

enum { MOST = 160, FEWER = 96, MANY_PARTS = 40, ITERATIONS = 30 };
static const double LN_2PI = 0x1.d67f1c864beb5p+0;

/* Mean and standard deviation of the prior of each kind of entry, and its bounds. */
static const struct {
    double mean, sd, low, high;
} prior[3] = {{0, 1.5, -12, 4}, {-1.3862943611198906, 1, -4.5, 2}, {-4.605170185988091, 2, -14, 1}};

static int kind_of(const hpo_additive *m, size_t i)
{
    return i < m->n_parts ? 0 : i < 2 * m->n_parts ? 1 : 2;
}

static double prior_mean(const hpo_additive *m, size_t i)
{
    int kind = kind_of(m, i);
    return kind == 0 ? -hpo_log((double)m->n_parts) : prior[kind].mean;
}

/* ---- the objective ---------------------------------------------------------------------------------------
 */

static double log_prior(const hpo_additive *m, const double *theta, double *gradient)
{
    double sum = 0;
    for (size_t i = 0; i < 2 * m->n_parts + 1; i++) {
        double sd = prior[kind_of(m, i)].sd, t = (theta[i] - prior_mean(m, i)) / sd;
        sum -= 0.5 * t * t;
        if (gradient != NULL) gradient[i] = t / sd; /* of minus the logarithm */
    }
    return sum;
}

/* The covariance into m->matrix; kernels and slopes of the pairs into m->kernel and m->slope. */
static void fill_covariance(hpo_additive *m, const double *theta)
{
    size_t n = m->fit.n, pairs = n * (n - 1) / 2;
    double diagonal = hpo_exp(theta[2 * m->n_parts]);
    for (size_t i = 0; i < n; i++)
        memset(m->matrix + i * n, 0, (i + 1) * sizeof(double));
    for (size_t p = 0; p < m->n_parts; p++) {
        double v = hpo_exp(theta[p]), rate = sqrt(5.0) * hpo_exp(-theta[m->n_parts + p]);
        double *k = m->kernel + p * pairs;
        hpo_additive__kernel(m->distance + p * pairs, pairs, rate, k, m->slope + p * pairs);
        for (size_t i = 1; i < n; i++)
            hpo_axpy(i, v, k + i * (i - 1) / 2, m->matrix + i * n);
        diagonal += v;
    }
    for (size_t i = 0; i < n; i++)
        m->matrix[i * n + i] = diagonal;
}

/* alpha_i alpha_j - K^-1_ij of the pairs, into m->weight; returns the trace of that matrix. */
static double weigh_pairs(hpo_additive *m, const double *alpha)
{
    size_t n = m->fit.n;
    double trace = 0;
    for (size_t i = 0; i < n; i++) {
        const double *row = m->inverse + i * n;
        double *w = m->weight + i * (i - 1) / 2;
        for (size_t j = 0; j < i; j++)
            w[j] = alpha[i] * alpha[j] - row[j];
        trace += alpha[i] * alpha[i] - row[i];
    }
    return trace;
}

static double objective(void *ctx, const double *theta, double *gradient)
{
    hpo_additive *m = ctx;
    size_t n = m->fit.n, pairs = n * (n - 1) / 2, parts = m->n_parts;
    double *alpha = m->weight + pairs;
    fill_covariance(m, theta);
    if (hpo_cholesky(m->matrix, n, n) != 0) return HUGE_VAL;
    memcpy(alpha, m->fit.y, n * sizeof *alpha);
    hpo_cholesky_solve(m->matrix, n, n, alpha);
    double value = 0.5 * hpo_dot(m->fit.y, alpha, n) + 0.5 * hpo_cholesky_logdet(m->matrix, n, n) +
                   0.5 * (double)n * LN_2PI - log_prior(m, theta, gradient);
    hpo_cholesky_inverse(m->matrix, n, n, m->inverse, NULL, n);
    double trace = weigh_pairs(m, alpha);
    if (gradient == NULL) return value;
    for (size_t p = 0; p < parts; p++) { /* pairs stand for both of their entries */
        double v = hpo_exp(theta[p]);
        gradient[p] -= v * (hpo_dot(m->weight, m->kernel + p * pairs, pairs) + 0.5 * trace);
        gradient[parts + p] -= v * hpo_dot(m->weight, m->slope + p * pairs, pairs);
    }
    gradient[2 * parts] -= 0.5 * hpo_exp(theta[2 * parts]) * trace;
    return value;
}

double hpo_additive_objective(hpo_additive *m, const double *theta, double *gradient)
{
    return objective(m, theta, gradient);
}

/* ---- the fit ---------------------------------------------------------------------------------------------
 */

static void standardise(hpo_additive *m, const double *z, size_t n)
{
    double sum = 0, square = 0;
    for (size_t i = 0; i < n; i++)
        sum += z[i];
    m->mean = sum / (double)n;
    for (size_t i = 0; i < n; i++)
        square += (z[i] - m->mean) * (z[i] - m->mean);
    m->scale = square > 0 ? sqrt(square / (double)n) : 1;
}

static hpo_status prepare(hpo_additive *m, const double *u, const double *z, size_t n, hpo_error *err)
{
    size_t most = m->n_parts <= MANY_PARTS ? MOST : FEWER, k = n < most ? n : most, pairs = k * (k - 1) / 2;
    standardise(m, z, n);
    HPO_TRY(hpo_additive__take(m, &m->fit, u, z, k, n, err));
    HPO_TRY(hpo_reserve(&m->distance, &m->cap_pairs, m->n_parts * pairs + 1, sizeof(double), err));
    HPO_TRY(hpo_reserve(&m->kernel, &m->cap_kernel, m->n_parts * pairs + 1, sizeof(double), err));
    HPO_TRY(hpo_reserve(&m->slope, &m->cap_slope, m->n_parts * pairs + 1, sizeof(double), err));
    HPO_TRY(hpo_reserve(&m->matrix, &m->cap_matrix, k * k, sizeof(double), err));
    HPO_TRY(hpo_reserve(&m->inverse, &m->cap_inverse, k * k, sizeof(double), err));
    HPO_TRY(hpo_reserve(&m->weight, &m->cap_weight, pairs + 5 * k + 1, sizeof(double), err));
    for (size_t p = 0; p < m->n_parts; p++)
        for (size_t i = 1; i < k; i++)
            hpo_additive__distances(m, &m->fit, p, m->fit.column + i, m->fit.cap, i,
                                    m->distance + p * pairs + i * (i - 1) / 2);
    return HPO_OK;
}

/* After an evaluation at theta: how the rows' leave-one-out means go with the rows. */
static void leave_one_out(hpo_additive *m)
{
    size_t n = m->fit.n, order[MOST];
    double *alpha = m->weight + n * (n - 1) / 2, *mean = alpha + n, *rank = mean + n;
    for (size_t i = 0; i < n; i++)
        mean[i] = m->fit.y[i] - alpha[i] / m->inverse[i * n + i];
    hpo_ranks(mean, n, order, rank);
    hpo_ranks(m->fit.y, n, order, mean);
    m->loo_correlation = hpo_correlation(rank, mean, n);
}

hpo_status hpo_additive_fit(hpo_additive *m, const double *u, const double *z, size_t n, hpo_error *err)
{
    size_t k = 2 * m->n_parts + 1;
    m->rows.n = 0;
    HPO_TRY(prepare(m, u, z, n, err));
    for (size_t i = 0; i < k; i++) {
        m->theta[i] = prior_mean(m, i);
        m->bounds[i] = prior[kind_of(m, i)].low;
        m->bounds[k + i] = prior[kind_of(m, i)].high;
    }
    const hpo_lbfgsb_options options = {
        .memory = 8, .max_iterations = ITERATIONS, .gradient_tolerance = 1e-2, .value_tolerance = 1e-5};
    hpo_lbfgsb_result result;
    hpo_lbfgsb(objective, m, k, m->bounds, m->bounds + k, m->theta, &options, m->lbfgs, &result);
    m->log_posterior = -objective(m, m->theta, NULL);
    m->n_fit_rows = m->fit.n;
    if (isfinite(m->log_posterior)) leave_one_out(m);
    hpo_additive__use_theta(m);
    return HPO_OK;
}
