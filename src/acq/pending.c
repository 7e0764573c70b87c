/* SPDX-License-Identifier: Apache-2.0 */
/* acq/pending.c - trials in progress: what is not known yet but soon will be.
 *
 * Fantasies.  Joint draws of the pending observations, y_k ~ N(mu, C + N), and for each the posterior as if
 * they had come in (see internal.h).  What a further point x adds to a batch is E[max(0, best_k - f(x))] with
 * best_k = min(best, E[f(anchors) | y_k]); what the batch gains by itself does not depend on x.  Averaged in
 * logarithms over k.  The draws are scrambled Sobol' points through the normal quantile.
 *
 * Kriging believer: the variance as above, the mean left alone (as if y = mu had come in).
 *
 * Local penalisation: ln Phi((L |x - x_j| - (mu_j - best)) / s_j) is added for each pending x_j: the chance
 * that x lies outside the ball around x_j that cannot hold the optimum if f has slopes of at most L.
 *
 * Pure exploration: the largest s_c among the points where the optimum may lie, those with
 * mean - beta s <= level, level the least posterior mean known; beyond, 10 times the excess is taken off.
 *
 * Snoek et al. (2012), section 3.2; Ginsbourger, Le Riche & Carraro (2010), section 4; Gonzalez et al.
 * (2016), arXiv 1505.08052; Contal et al. (2013), arXiv 1304.5350. */
#include "acq/internal.h"

#include <math.h>
#include <string.h>

#include "acq/closed.h"
#include "base/alloc.h"
#include "base/error.h"
#include "math/dist.h"
#include "math/linalg.h"
#include "math/qmc.h"
#include "space/space.h"

/* ---- conditioning ------------------------------------------------------------------------------------ */

static hpo_status factorise(hpo_acq *a, const double *noise, hpo_error *err)
{
    size_t r = a->n_anchors;
    double mean_variance = 0;
    const hpo_posterior *p = &a->posterior;
    double *c = hpo_alloc_array(r * r, sizeof *c);
    if (c == NULL) return hpo_fail_memory(err);
    for (size_t i = 0; i < r; i++) {
        p->ops->covariance(p->model, a->anchor + i * a->n_dims, a->anchor, r, c + i * r, NULL);
        mean_variance += c[i * r + i] / (double)r;
    }
    hpo_status status = HPO_EINVAL;
    for (double jitter = 1e-10; jitter < 1e-2 && status != HPO_OK; jitter *= 100) {
        memcpy(a->chol, c, r * r * sizeof *c);
        for (size_t i = 0; i < r; i++)
            a->chol[i * r + i] += (noise != NULL ? noise[i] : 0) + jitter * mean_variance + 1e-300;
        if (hpo_cholesky(a->chol, r, r) == 0) status = HPO_OK;
    }
    hpo_free(c);
    return status == HPO_OK ? HPO_OK
                            : hpo_fail(err, HPO_EINVAL,
                                       "the covariance of %zu pending points is not positive definite; use "
                                       "pending=penalty",
                                       r);
}

hpo_status hpo_acq__anchor(hpo_acq *a, const double *u, size_t n, const double *noise, hpo_error *err)
{
    if (n == 0) return HPO_OK;
    if (a->posterior.ops->covariance == NULL)
        return hpo_fail(err, HPO_EUNSUPPORTED,
                        "this surrogate knows no covariances between points; use pending=penalty or ignore");
    size_t d = a->n_dims;
    a->anchor = hpo_alloc_array(n * d + 1, sizeof *a->anchor);
    a->chol = hpo_alloc_array(n * n, sizeof *a->chol);
    a->anchor_mean = hpo_alloc_array(2 * n, sizeof *a->anchor_mean);
    if (a->anchor == NULL || a->chol == NULL || a->anchor_mean == NULL) return hpo_fail_memory(err);
    a->n_anchors = n;
    memcpy(a->anchor, u, n * d * sizeof *u);
    a->posterior.ops->moments(a->posterior.model, a->anchor, n, a->anchor_mean, a->anchor_mean + n);
    return factorise(a, noise, err);
}

double hpo_acq__condition(hpo_acq *a, const double *cov, double var)
{
    size_t r = a->n_anchors;
    memcpy(a->w, cov, r * sizeof *cov);
    hpo_solve_lower(a->chol, r, r, a->w);
    double left = var - hpo_dot(a->w, a->w, r);
    memcpy(a->back, a->w, r * sizeof *cov);
    hpo_solve_lower_t(a->chol, r, r, a->back);
    if (left > a->floor * var) return left;
    memset(a->back, 0, r * sizeof *cov); /* at an anchor: no slope to speak of */
    return a->floor * var;
}

/* ---- joint draws -------------------------------------------------------------------------------------- */

static hpo_status normals(size_t n, size_t r, hpo_rng *rng, double *z, hpo_error *err)
{
    hpo_sobol *sobol = NULL;
    uint64_t seed = hpo_rng_u64(rng);
    if (r > HPO_SOBOL_MAX_DIMS) {
        for (size_t i = 0; i < n * r; i++)
            z[i] = hpo_rng_normal(rng);
        return HPO_OK;
    }
    HPO_TRY(hpo_sobol_create(r, HPO_SCRAMBLE_OWEN, seed, &sobol, err));
    for (size_t k = 0; k < n; k++) {
        hpo_sobol_point(sobol, k, z + k * r);
        for (size_t i = 0; i < r; i++) /* the smallest coordinate is 0 */
            z[k * r + i] = hpo_normal_quantile(fmax(z[k * r + i], 0x1p-54));
    }
    hpo_sobol_free(sobol);
    return HPO_OK;
}

hpo_status hpo_acq__draws(hpo_acq *a, size_t n, hpo_rng *rng, hpo_error *err)
{
    size_t r = a->n_anchors;
    const hpo_posterior *p = &a->posterior;
    double start = a->options.kind == HPO_ACQ_NOISY_EI ? HUGE_VAL : a->context.best;
    a->draw = hpo_alloc_array(n * r, sizeof *a->draw);
    a->best = hpo_alloc_array(n, sizeof *a->best);
    double *c = hpo_alloc_array(r, sizeof *c);
    hpo_status status = a->draw != NULL && a->best != NULL && c != NULL ? HPO_OK : hpo_fail_memory(err);
    if (status == HPO_OK) status = normals(n, r, rng, a->draw, err);
    if (status == HPO_OK) {
        a->n_draws = n;
        for (size_t k = 0; k < n; k++) {
            hpo_solve_lower_t(a->chol, r, r, a->draw + k * r);
            a->best[k] = start;
        }
        for (size_t i = 0; i < r; i++) {
            p->ops->covariance(p->model, a->anchor + i * a->n_dims, a->anchor, r, c, NULL);
            for (size_t k = 0; k < n; k++)
                a->best[k] = fmin(a->best[k], a->anchor_mean[i] + hpo_dot(c, a->draw + k * r, r));
        }
    }
    hpo_free(c);
    return status;
}

/* ---- local penalisation ------------------------------------------------------------------------------- */

/* Squared distance in the cube; labels and activity that differ count 1. */
static double distance(const hpo_acq *a, const double *u, const double *v)
{
    double sum = 0;
    for (size_t k = 0; k < a->n_dims; k++) {
        if (isnan(u[k]) || isnan(v[k])) {
            sum += isnan(u[k]) != isnan(v[k]);
            continue;
        }
        double t = u[k] - v[k];
        sum += a->is_label[k] ? fabs(t) > 1e-9 : t * t;
    }
    return sqrt(sum);
}

static double slope_at(const hpo_acq *a, const double *u)
{
    const hpo_posterior *p = &a->posterior;
    double mean, var, sum = 0;
    p->ops->gradient(p->model, u, &mean, &var, a->dmean, a->dvar);
    for (size_t k = 0; k < a->n_dims; k++)
        sum += a->dmean[k] * a->dmean[k];
    return sqrt(sum);
}

/* The largest slope of the mean over points drawn and observed; without gradients, between neighbours. */
static hpo_status bound_slopes(hpo_acq *a, hpo_rng *rng, hpo_error *err)
{
    enum { DRAWN = 256 };
    size_t d = a->n_dims, n = a->context.n_observed, total = DRAWN + n;
    const hpo_posterior *p = &a->posterior;
    double *u = hpo_alloc_array(total * (d + 2) + 1, sizeof *u);
    if (u == NULL) return hpo_fail_memory(err);
    double *mean = u + total * d, *var = mean + total;
    hpo_status status = HPO_OK;
    for (size_t i = 0; i < DRAWN && status == HPO_OK; i++)
        status = hpo_space_draw(a->space, rng, u + i * d, err);
    if (n > 0) memcpy(u + DRAWN * d, a->context.observed, n * d * sizeof *u);
    if (status == HPO_OK && p->ops->gradient != NULL) {
        for (size_t i = 0; i < total; i++)
            a->lipschitz = fmax(a->lipschitz, slope_at(a, u + i * d));
    } else if (status == HPO_OK) {
        p->ops->moments(p->model, u, total, mean, var);
        for (size_t i = 1; i < total; i++) {
            double r = distance(a, u + i * d, u + (i - 1) * d);
            if (r > 1e-6) a->lipschitz = fmax(a->lipschitz, fabs(mean[i] - mean[i - 1]) / r);
        }
    }
    if (!(a->lipschitz > 1e-7)) a->lipschitz = 10; /* a flat mean says nothing (GPyOpt's choice) */
    hpo_free(u);
    return status;
}

hpo_status hpo_acq__penalty_open(hpo_acq *a, hpo_rng *rng, hpo_error *err)
{
    size_t d = a->n_dims, n = a->context.n_pending;
    a->is_label = hpo_calloc(d + 1, 1);
    a->pending_mean = hpo_alloc_array(2 * n, sizeof *a->pending_mean);
    if (a->is_label == NULL || a->pending_mean == NULL) return hpo_fail_memory(err);
    for (size_t i = 0; i < a->space->n_params; i++) {
        const hpo_codec *c = &a->space->program[i];
        if (c->op == HPO_CODEC_CELLS && a->space->params[c->param].kind == HPO_KIND_CATEGORICAL)
            memset(a->is_label + c->dim, 1, c->n_dims);
    }
    a->pending_sd = a->pending_mean + n;
    a->posterior.ops->moments(a->posterior.model, a->context.pending, n, a->pending_mean, a->pending_sd);
    for (size_t j = 0; j < n; j++)
        a->pending_sd[j] = sqrt(fmax(a->pending_sd[j], 1e-12));
    return bound_slopes(a, rng, err);
}

double hpo_acq__penalty(const hpo_acq *a, const double *u, double *gradient)
{
    double sum = 0, best = isfinite(a->context.best) ? a->context.best : 0;
    for (size_t j = 0; j < a->context.n_pending; j++) {
        const double *v = a->context.pending + j * a->n_dims;
        double r = distance(a, u, v), s = a->pending_sd[j];
        double z = (a->lipschitz * r - fmax(a->pending_mean[j] - best, 0)) / s;
        sum += hpo_normal_logcdf(z);
        if (gradient == NULL || r == 0) continue;
        double scale = hpo_acq__hazard(z) * a->lipschitz / (s * r);
        for (size_t k = 0; k < a->n_dims; k++)
            if (!a->is_label[k] && !isnan(u[k]) && !isnan(v[k])) gradient[k] += scale * (u[k] - v[k]);
    }
    return sum;
}

/* ---- pure exploration ---------------------------------------------------------------------------------- */

hpo_status hpo_acq__explore_open(hpo_acq *a, hpo_error *err)
{
    size_t n = a->context.n_observed;
    a->level = HUGE_VAL;
    for (size_t i = 0; i < a->n_anchors; i++)
        a->level = fmin(a->level, a->anchor_mean[i]);
    if (n == 0) return HPO_OK;
    double *mean = hpo_alloc_array(2 * n, sizeof *mean);
    if (mean == NULL) return hpo_fail_memory(err);
    a->posterior.ops->moments(a->posterior.model, a->context.observed, n, mean, mean + n);
    for (size_t i = 0; i < n; i++)
        a->level = fmin(a->level, mean[i]);
    hpo_free(mean);
    return HPO_OK;
}

double hpo_acq__explore(const hpo_acq *a, double mean, double sd, double *d_mean, double *d_sd)
{
    static const double weight = 10;
    double excess = mean - a->beta * sd - a->level;
    int outside = excess > 0;
    *d_mean = outside ? -weight : 0;
    *d_sd = outside ? weight * a->beta : 0;
    return outside ? -weight * excess : 0;
}
