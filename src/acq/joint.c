/* SPDX-License-Identifier: Apache-2.0 */
/* acq/joint.c - joint entropy search: how much does an observation at x tell about where the minimum is and
 * how low?
 *
 * With L samples (x*, f*) of the minimum (entropy.c), m and s^2 the moments of f(x), sigma^2 the noise:
 *     c = cov(f(x), f(x*)),  v = var f(x*),  m_l = m + c (f* - m*) / v,  s_l^2 = s^2 - c^2 / v
 * are the moments given that f(x*) = f*.  As f* is the minimum, f(x) > f* besides: a normal distribution cut
 * off at g = (f* - m_l) / s_l below, of variance s_l^2 V(g), V = 1 - h (h - g), h = phi(g) / Phi(-g).  Taking
 * the observation for normal before and after (moment matching),
 *     value = ln 1/L sum_l 1/2 ln [(s^2 + sigma^2) / (s_l^2 V + sigma^2)]
 *           = ln 1/L sum_l -1/2 ln(1 - [c^2 / v + s_l^2 h (h - g)] / (s^2 + sigma^2)),
 * where nothing is lost to cancellation.  Trials in progress are believed to come in at their mean: variances
 * and covariances are those given them.
 *
 * Hvarfner, Hutter & Nardi (2022), "Joint entropy search for maximally-informed Bayesian optimization", arXiv
 * 2206.04771, equations 8 to 10; the same measure: Tu, Gandy, Kantas & Shafei (2022), arXiv 2210.02905. */
#include "acq/internal.h"

#include <math.h>
#include <string.h>

#include "acq/closed.h"
#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "math/linalg.h"

static const double LEAST = 1e-8; /* of variances, model units: a function has a spread of 1 */

/* V and 1 - V, and the slope of V.  Far out V = g^-2 - 6 g^-4 + 50 g^-6 - 518 g^-8. */
double hpo_acq_cut_variance(double g, double *rest, double *slope)
{
    if (g > 50) {
        double q = 1 / (g * g), v = q * (1 - q * (6 - q * (50 - 518 * q)));
        if (slope != NULL) *slope = -2 * q / g * (1 - q * (12 - q * (150 - 2072 * q)));
        if (rest != NULL) *rest = 1 - v;
        return v;
    }
    double h = hpo_acq__hazard(-g), grown = h * (h - g); /* d h / d g */
    if (slope != NULL) *slope = h + grown * (g - 2 * h);
    if (rest != NULL) *rest = grown;
    return 1 - grown;
}

/* ---- what is the same for every x --------------------------------------------------------------------- */

hpo_status hpo_acq__joint_open(hpo_acq *a, hpo_rng *rng, hpo_error *err)
{
    const hpo_posterior *p = &a->posterior;
    size_t d = a->n_dims, r = a->n_anchors, n;
    if (p->ops->covariance == NULL)
        return hpo_fail(err, HPO_EUNSUPPORTED,
                        "joint entropy search needs covariances, which this surrogate does not know; use ei");
    HPO_TRY(hpo_acq__entropy_open(a, rng, err));
    n = a->n_minima;
    a->line = hpo_alloc_array((n + r) * d + 1, sizeof *a->line);
    a->line_a = hpo_alloc_array(2 * n, sizeof *a->line_a);
    a->line_back = hpo_alloc_array(n * r + 1, sizeof *a->line_back);
    if (a->line == NULL || a->line_a == NULL || a->line_back == NULL) return hpo_fail_memory(err);
    memcpy(a->line, a->minimum_at, n * d * sizeof *a->line);
    if (r > 0) memcpy(a->line + n * d, a->anchor, r * d * sizeof *a->line);
    a->n_lines = n;
    for (size_t i = 0; i < n; i++) { /* line_a: (f* - m*) / v, then 1 / v */
        double mean, var, left, *back = a->line_back + i * r;
        p->ops->moments(p->model, a->line + i * d, 1, &mean, &var);
        left = var;
        if (r > 0) {
            p->ops->covariance(p->model, a->line + i * d, a->anchor, r, back, NULL);
            double *cov = a->anchor_mean + r; /* the variances there are not needed any more */
            memcpy(cov, back, r * sizeof *cov);
            hpo_cholesky_solve(a->chol, r, r, back);
            left -= hpo_dot(cov, back, r);
        }
        left = fmax(left, 0) + LEAST;
        a->line_a[i] = (a->minima[i] - mean) / left;
        a->line_a[n + i] = 1 / left;
    }
    return HPO_OK;
}

/* ---- at x ------------------------------------------------------------------------------------------------
 */

/* -1/2 ln(1 - told / all) of one sample; derivatives by m, s^2 and c. */
static double information(const hpo_acq *a, size_t i, double mean, double var, double c, double *by_mean,
                          double *by_var, double *by_cov)
{
    double pull = a->line_a[i], scale = a->line_a[a->n_lines + i];
    double noise = a->noise_sd * a->noise_sd + LEAST, all = var + noise;
    double known = c * c * scale, left = var - known, rest, slope;
    int floored = !(left > a->floor * var);
    if (floored) left = a->floor * var;
    double sd = sqrt(left), g = (a->minima[i] - mean - c * pull) / sd;
    double v = hpo_acq_cut_variance(g, &rest, &slope);
    double told = var - left + left * rest, after = left * v + noise;
    double by_left = -0.5 / after * (v - 0.5 * g * slope); /* g by left: -g / (2 left) */
    double by_m = 0.5 / after * sd * slope;                /* g by m_l: -1 / sd */
    *by_mean = by_m;
    *by_var = 0.5 / all + by_left * (floored ? a->floor : 1);
    *by_cov = by_m * pull - (floored ? 0 : 2 * by_left * c * scale);
    return -0.5 * hpo_log1p(-told / all);
}

double hpo_acq__joint(hpo_acq *a, double mean, double var, double *gradient)
{
    size_t d = a->n_dims, n = a->n_lines, r = a->n_anchors;
    const double *behind = a->cov + n;
    double sum = 0, by_mean = 0, by_var = 0;
    if (r > 0) var = hpo_acq__condition(a, behind, var);
    for (size_t i = 0; i < n; i++) {
        double dm, dv, c = a->cov[i] - hpo_dot(a->line_back + i * r, behind, r);
        sum += information(a, i, mean, var, c, &dm, &dv, &a->b[i]);
        by_mean += dm;
        by_var += dv;
    }
    double least = (double)n * 1e-300, value = hpo_log((sum + least) / (double)n), scale = 1 / (sum + least);
    if (gradient == NULL) return value;
    memset(a->coef, 0, r * sizeof *a->coef);
    for (size_t i = 0; i < n; i++) {
        hpo_axpy(d, scale * a->b[i], a->dcov + i * d, gradient);
        hpo_axpy(r, -scale * a->b[i], a->line_back + i * r, a->coef);
    }
    hpo_axpy(d, scale * by_mean, a->dmean, gradient);
    hpo_axpy(d, scale * by_var, a->dvar, gradient);
    hpo_axpy(r, -2 * scale * by_var, a->back, a->coef);
    for (size_t i = 0; i < r; i++)
        hpo_axpy(d, a->coef[i], a->dcov + (n + i) * d, gradient);
    return value;
}
