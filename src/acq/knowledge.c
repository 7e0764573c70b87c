/* SPDX-License-Identifier: Apache-2.0 */
/* acq/knowledge.c - knowledge gradient: how much lower will the least posterior mean be after one more
 * observation at x?
 *
 * The least mean is looked for among the m observed points with the lowest means, those in progress, and x
 * itself.  An observation at x moves the mean at x_j by cov(x_j, x) / sqrt(s^2(x) + sigma^2) times one
 * standard normal Z, so that with
 *     a_j = -mean_j,   b_j = -cov(x_j, x) / q,   a_x = -mean(x),   b_x = -s^2(x) / q,   q^2 = s^2(x) +
 * sigma^2 the value is ln(E max_j (a_j + b_j Z) - max_j a_j) (closed.c).  Pending points are believed to come
 * in at their mean: covariances and s^2 are those conditional on them.
 *
 * Frazier, Powell & Dayanik (2009), "The knowledge-gradient policy for correlated normal beliefs"; Scott,
 * Frazier & Powell (2011) for x among the points. */
#include "acq/internal.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/linalg.h"

enum { OBSERVED = 64 };

static hpo_status fill_lines(hpo_acq *a, double *mean, hpo_error *err)
{
    size_t d = a->n_dims, r = a->n_anchors, order[OBSERVED], k = 0;
    if (a->context.n_observed > 0) k = hpo_acq__best_observed(a, mean, order, OBSERVED);
    for (size_t i = 0; i < k; i++) {
        memcpy(a->line + i * d, a->context.observed + order[i] * d, d * sizeof *a->line);
        a->line_a[i] = -mean[order[i]];
    }
    for (size_t i = 0; i < r; i++) {
        memcpy(a->line + (k + i) * d, a->anchor + i * d, d * sizeof *a->line);
        a->line_a[k + i] = -a->anchor_mean[i];
    }
    a->n_lines = k + r;
    if (r > 0) memcpy(a->line + a->n_lines * d, a->anchor, r * d * sizeof *a->line);
    a->line_back = hpo_alloc_array(a->n_lines * r + 1, sizeof *a->line_back);
    if (a->line_back == NULL) return hpo_fail_memory(err);
    for (size_t i = 0; i < a->n_lines && r > 0; i++) {
        double *back = a->line_back + i * r;
        a->posterior.ops->covariance(a->posterior.model, a->line + i * d, a->anchor, r, back, NULL);
        hpo_cholesky_solve(a->chol, r, r, back);
    }
    return HPO_OK;
}

hpo_status hpo_acq__knowledge_open(hpo_acq *a, hpo_error *err)
{
    size_t d = a->n_dims, n = a->context.n_observed, r = a->n_anchors;
    if (a->posterior.ops->covariance == NULL)
        return hpo_fail(
            err, HPO_EUNSUPPORTED,
            "the knowledge gradient needs covariances, which this surrogate does not know; use ei");
    double *mean = hpo_alloc_array(2 * n + 1, sizeof *mean);
    a->line = hpo_alloc_array((OBSERVED + 2 * r) * d + 1, sizeof *a->line);
    a->line_a = hpo_alloc_array(OBSERVED + r, sizeof *a->line_a);
    int ok = mean != NULL && a->line != NULL && a->line_a != NULL;
    hpo_status status = ok ? fill_lines(a, mean, err) : hpo_fail_memory(err);
    hpo_free(mean);
    return status;
}

/* Chain rule: through b_j = -c_j / q with c_j = cov_j - back_j . cov_anchors, and through q. */
static void pull(hpo_acq *a, double q, double *gradient)
{
    size_t d = a->n_dims, m = a->n_lines, r = a->n_anchors;
    double by_q = -a->d_b[m] * a->b[m] / q; /* d b_j / d q = -b_j / q */
    memset(a->coef, 0, r * sizeof *a->coef);
    for (size_t j = 0; j < m; j++) {
        double by_cov = -a->d_b[j] / q;
        by_q -= a->d_b[j] * a->b[j] / q;
        if (by_cov == 0) continue;
        hpo_axpy(d, by_cov, a->dcov + j * d, gradient);
        hpo_axpy(r, -by_cov, a->line_back + j * r, a->coef);
    }
    double by_var = -a->d_b[m] / q + by_q / (2 * q);
    hpo_axpy(d, -a->d_a[m], a->dmean, gradient);
    hpo_axpy(d, by_var, a->dvar, gradient);
    hpo_axpy(r, -2 * by_var, a->back, a->coef);
    for (size_t i = 0; i < r; i++)
        hpo_axpy(d, a->coef[i], a->dcov + (m + i) * d, gradient);
}

double hpo_acq__knowledge(hpo_acq *a, double mean, double var, double *gradient)
{
    size_t m = a->n_lines, r = a->n_anchors;
    const double *behind = a->cov + m;
    if (r > 0) var = hpo_acq__condition(a, behind, var);
    double q = sqrt(var + a->noise_sd * a->noise_sd);
    memcpy(a->a, a->line_a, m * sizeof *a->a);
    for (size_t j = 0; j < m; j++)
        a->b[j] = -(a->cov[j] - hpo_dot(a->line_back + j * r, behind, r)) / q;
    a->a[m] = -mean;
    a->b[m] = -var / q;
    double value = hpo_acq_log_knowledge(a->a, a->b, m + 1, gradient ? a->d_a : NULL,
                                         gradient ? a->d_b : NULL, a->line_work);
    if (gradient != NULL) pull(a, q, gradient);
    return value;
}
