/* SPDX-License-Identifier: Apache-2.0 */
/* model/blr.c - Bayesian linear regression in the eigenbasis of G = Phi^T Phi = V diag(l) V^T.
 *
 * With A = alpha I + beta G, c = V^T Phi^T y, m_i = beta c_i / (alpha + beta l_i), R = |y - Phi m|^2, M =
 * |m|^2,
 *
 *     ln p(y) = D/2 ln alpha + n/2 ln beta - beta/2 R - alpha/2 M - 1/2 sum ln(alpha + beta l_i) - n/2 ln 2
 * pi, d / d ln alpha = D/2 - alpha/2 M - 1/2 sum alpha / (alpha + beta l_i), d / d ln beta  = n/2 - beta/2 R
 * - 1/2 sum beta l_i / (alpha + beta l_i)
 *
 * (Bishop 2006, section 3.5; R and M are stationary in m).  One decomposition makes every trial of (alpha,
 * beta) O(D), so both are found by a quasi-Newton search in logarithms from three starts. */
#include "model/blr.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "math/linalg.h"
#include "math/minimise.h"

static const double log_2pi = 1.8378770664093453;

typedef struct evidence {
    const hpo_blr *b;
    double n, yy;
} evidence;

hpo_status hpo_blr_init(hpo_blr *b, size_t n_features, hpo_error *err)
{
    size_t d = n_features;
    b->n_features = d;
    b->eigen = hpo_calloc(4 * d + d * d + d * d + hpo_lbfgsb_work(2, 8), sizeof(double));
    if (b->eigen == NULL) return hpo_fail_memory(err);
    b->mean = b->eigen + d;
    b->projected = b->mean + d;
    b->vectors = b->projected + d;
    b->work = b->vectors + d * d; /* d x d, d, and that of the search */
    b->alpha = b->beta = 1;
    for (size_t i = 0; i < d; i++)
        b->vectors[i * d + i] = 1;
    return HPO_OK;
}

void hpo_blr_fini(hpo_blr *b)
{
    hpo_free(b->eigen);
    memset(b, 0, sizeof *b);
}

/* Minus the log evidence at (ln alpha, ln beta). */
static double misfit(void *ctx, const double *x, double *gradient)
{
    const evidence *e = ctx;
    const hpo_blr *b = e->b;
    double alpha = hpo_exp(x[0]), beta = hpo_exp(x[1]), r = e->yy, m2 = 0, logdet = 0, known = 0;
    double d = (double)b->n_features;
    for (size_t i = 0; i < b->n_features; i++) {
        double l = b->eigen[i], a = alpha + beta * l, m = beta * b->projected[i] / a;
        r += m * (l * m - 2 * b->projected[i]);
        m2 += m * m;
        logdet += hpo_log(a);
        known += beta * l / a; /* number of weights that the data determine */
    }
    if (r < 0) r = 0;
    if (gradient != NULL) {
        gradient[0] = -0.5 * d + 0.5 * alpha * m2 + 0.5 * (d - known);
        gradient[1] = -0.5 * e->n + 0.5 * beta * r + 0.5 * known;
    }
    return -0.5 * d * x[0] - 0.5 * e->n * x[1] + 0.5 * beta * r + 0.5 * alpha * m2 + 0.5 * logdet +
           0.5 * e->n * log_2pi;
}

hpo_status hpo_blr_fit(hpo_blr *b, const double *phi, const double *y, size_t n, double *scratch,
                       hpo_error *err)
{
    /* noise between 1/1000 and 10 of the unit of y */
    static const double lower[] = {-9, -4.7}, upper[] = {14, 13.9};
    static const double starts[][2] = {{0, 3}, {0, 0}, {3, 7}};
    size_t d = b->n_features;
    double *g = b->work, *work = g + d * d;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++)
            scratch[j * n + i] = phi[i * d + j];
    hpo_gemm_nt(scratch, n, scratch, n, g, d, d, d, n);
    if (hpo_symmetric_eigen(g, d, d, b->eigen, b->vectors, work) != 0)
        return hpo_fail(
            err, HPO_ENUMERIC,
            "the features of the regression have no eigenvalues: use another sampler for this data");
    for (size_t j = 0; j < d; j++)
        work[j] = hpo_dot(scratch + j * n, y, n);
    hpo_gemv(b->vectors, d, d, d, work, b->projected);
    for (size_t i = 0; i < d; i++)
        if (!(b->eigen[i] > 0)) {
            b->eigen[i] = 0;
            b->projected[i] = 0; /* a direction without data */
        }
    evidence e = {b, (double)n, hpo_dot(y, y, n)};
    double best = (double)INFINITY;
    for (size_t s = 0; s < sizeof starts / sizeof starts[0]; s++) {
        double x[2] = {starts[s][0], starts[s][1]};
        hpo_lbfgsb_result result;
        hpo_lbfgsb(misfit, &e, 2, lower, upper, x, NULL, work + d, &result);
        if (!(result.value < best)) continue;
        best = result.value;
        b->alpha = hpo_exp(x[0]);
        b->beta = hpo_exp(x[1]);
    }
    b->log_evidence = -best;
    for (size_t i = 0; i < d; i++)
        work[i] = b->beta * b->projected[i] / (b->alpha + b->beta * b->eigen[i]);
    hpo_gemv_t(b->vectors, d, d, d, work, b->mean);
    return HPO_OK;
}

void hpo_blr_predict(const hpo_blr *b, const double *phi, double *mean, double *var, double *dmean,
                     double *dvar)
{
    size_t d = b->n_features;
    *mean = hpo_dot(phi, b->mean, d);
    *var = 0;
    if (dmean != NULL) memcpy(dmean, b->mean, d * sizeof *dmean);
    if (dvar != NULL) memset(dvar, 0, d * sizeof *dvar);
    for (size_t i = 0; i < d; i++) {
        const double *v = b->vectors + i * d;
        double p = hpo_dot(v, phi, d), a = 1 / (b->alpha + b->beta * b->eigen[i]);
        *var += p * p * a;
        if (dvar != NULL) hpo_axpy(d, 2 * p * a, v, dvar);
    }
}
