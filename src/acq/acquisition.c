/* SPDX-License-Identifier: Apache-2.0 */
/* acq/acquisition.c - an acquisition function over the space, put together from its parts.
 *
 *   value(u) = utility(posterior at u, trials in progress)
 *            + ln P(no failure at u) + sum_i ln Phi((bound_i - mean_i) / s_i)
 *            - cost_exponent x E ln cost(u) + prior_exponent x ln prior density(u)
 *
 * Utilities that are expectations (EI, PI, entropies, KG, noisy EI) are logarithms, so that the rest
 * multiplies them; LCB, Thompson samples and the Pandora index are in model units, in which the objective has
 * a spread of about 1: there the rest is a penalty in spreads.
 *
 * Trials in progress: EI, PI and noisy EI are averaged over fantasies.  For the others the mean over
 * fantasies is what the kriging believer gives (LCB and the index are linear in the mean, entropy and
 * knowledge gradient take the variance), so FANTASY is BELIEVER there.  A Thompson sample needs nothing:
 * independent samples keep workers apart.  Under PENALTY a utility that is no logarithm first becomes
 * ln ln(1 + e^utility) (Gonzalez et al. 2016). */
#include "acq/acquisition.h"

#include <math.h>
#include <string.h>

#include "acq/closed.h"
#include "acq/internal.h"
#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "math/linalg.h"
#include "space/space.h"

enum { FANTASIES = 64, SCANNED = 16, FEATURES = 512 };

/* ---- what else weighs in ------------------------------------------------------------------------------ */

/* Moments of another surrogate at u, and slopes (in a->dmean, a->dvar) when asked for. */
static void other(hpo_acq *a, const hpo_posterior *p, const double *u, int slopes, double *mean, double *var)
{
    if (slopes)
        p->ops->gradient(p->model, u, mean, var, a->dmean, a->dvar);
    else
        p->ops->moments(p->model, u, 1, mean, var);
}

/* Adds to value and gradient; overwrites a->dmean, a->dvar, a->dpart. */
static double weigh(hpo_acq *a, const double *u, double *gradient)
{
    const hpo_acq_context *c = &a->context;
    size_t d = a->n_dims;
    double sum = 0, mean, var, dm, ds;
    if (c->success != NULL) {
        sum += hpo_success_log_probability(c->success, u, gradient != NULL ? a->dpart : NULL);
        if (gradient != NULL) hpo_axpy(d, 1, a->dpart, gradient);
    }
    for (size_t i = 0; i < c->n_outcomes; i++) {
        other(a, &c->outcomes[i], u, gradient != NULL, &mean, &var);
        double sd = sqrt(var);
        sum += hpo_acq_log_pi(mean, sd, c->outcome_bound[i], &dm, &ds);
        if (gradient == NULL) continue;
        hpo_axpy(d, dm, a->dmean, gradient);
        if (sd > 0) hpo_axpy(d, ds / (2 * sd), a->dvar, gradient);
    }
    if (c->log_cost != NULL && a->options.cost_exponent != 0 && a->options.kind != HPO_ACQ_PBGI) {
        other(a, c->log_cost, u, gradient != NULL, &mean, &var);
        sum -= a->options.cost_exponent * mean;
        if (gradient != NULL) hpo_axpy(d, -a->options.cost_exponent, a->dmean, gradient);
    }
    if (c->prior_exponent != 0)
        sum += c->prior_exponent * hpo_acq_prior_log(&a->prior, u, c->prior_exponent, gradient);
    return sum;
}

/* ---- utilities of one normal distribution ----------------------------------------------------------------
 */

static double log_improvement(const hpo_acq *a, double mean, double sd, double best, double *dm, double *ds)
{
    if (a->options.kind == HPO_ACQ_LOG_PI) return hpo_acq_log_pi(mean, sd, best, dm, ds);
    return hpo_acq_log_ei(mean, sd, best, dm, ds);
}

/* ln of the mean over fantasies; *dm, *ds by mean and sd, a->coef += by the covariances with the anchors. */
static double over_draws(hpo_acq *a, double mean, double sd, double *dm, double *ds)
{
    size_t n = a->n_draws, r = a->n_anchors;
    double top = -HUGE_VAL, sum = 0;
    hpo_gemv(a->draw, n, r, r, a->cov, a->draw_value);
    for (size_t k = 0; k < n; k++) {
        a->draw_value[k] = log_improvement(a, mean + a->draw_value[k], sd, a->best[k], a->draw_slope + k,
                                           a->draw_slope + n + k);
        if (a->draw_value[k] > top) top = a->draw_value[k];
    }
    *dm = *ds = 0;
    if (top == -HUGE_VAL) return top;
    for (size_t k = 0; k < n; k++)
        sum += a->draw_value[k] = hpo_exp(a->draw_value[k] - top);
    for (size_t k = 0; k < n; k++) {
        double w = a->draw_value[k] / sum, by_mean = w * a->draw_slope[k];
        *dm += by_mean;
        *ds += w * a->draw_slope[n + k];
        a->draw_slope[k] = by_mean;
    }
    return top + hpo_log(sum / (double)n);
}

/* Pandora's index at u: the cost is part of it.  *by_cost: derivative by ln cost. */
static double index_at(hpo_acq *a, double mean, double sd, double log_cost, double *dm, double *ds,
                       double *by_cost)
{
    double p, c, value = hpo_acq_pbgi(mean, sd, a->options.lambda * hpo_exp(log_cost), dm, ds);
    (void)hpo_acq__log_h((-value - mean) / sd, &p, &c);
    *by_cost = -sd / c;
    return value;
}

static double plain(hpo_acq *a, const double *u, double mean, double sd, double *dm, double *ds,
                    double *gradient)
{
    switch (a->options.kind) {
    case HPO_ACQ_LCB:
        return hpo_acq_lcb(mean, sd, a->beta, dm, ds);
    case HPO_ACQ_MES:
        return hpo_acq_log_mes(mean, sd, a->minima, a->n_minima, dm, ds);
    case HPO_ACQ_PBGI: {
        double log_cost = 0, var, by_cost;
        if (a->context.log_cost == NULL) return index_at(a, mean, sd, 0, dm, ds, &by_cost);
        const hpo_posterior *p = a->context.log_cost;
        if (gradient == NULL) {
            p->ops->moments(p->model, u, 1, &log_cost, &var);
            return index_at(a, mean, sd, log_cost, dm, ds, &by_cost);
        }
        p->ops->gradient(p->model, u, &log_cost, &var, a->dpart, gradient); /* variance not needed */
        double value = index_at(a, mean, sd, log_cost, dm, ds, &by_cost);
        for (size_t k = 0; k < a->n_dims; k++)
            gradient[k] = by_cost * a->dpart[k];
        return value;
    }
    default: /* nothing feasible yet: only the chances count */
        *dm = *ds = 0;
        if (!isfinite(a->context.best)) return 0;
        return log_improvement(a, mean, sd, a->context.best, dm, ds);
    }
}

static int is_logarithm(const hpo_acq *a)
{
    hpo_acq_kind k = a->options.kind;
    return k != HPO_ACQ_LCB && k != HPO_ACQ_THOMPSON && k != HPO_ACQ_PBGI;
}

/* ---- the utility at a point
 * -------------------------------------------------------------------------------- */

/* From the moments at u and, in a->cov, the covariances; with a gradient (zeroed) also a->dmean, a->dvar,
 * a->dcov. */
static double moments_utility(hpo_acq *a, const double *u, double mean, double var, double *gradient)
{
    size_t d = a->n_dims, r = a->n_anchors;
    int averaged = a->n_draws > 0;
    double left = r > 0 ? hpo_acq__condition(a, a->cov, var) : var, sd = sqrt(left), dm, ds, by_var = 0,
           value;
    if (a->rule == HPO_PENDING_PE) {
        double before = sqrt(var), d_before;
        value = sd + hpo_acq__explore(a, mean, before, &dm, &d_before);
        ds = 1;
        by_var = d_before / (2 * before);
    } else if (averaged) {
        value = over_draws(a, mean, sd, &dm, &ds);
    } else {
        value = plain(a, u, mean, sd, &dm, &ds, gradient);
    }
    if (a->options.augmented && a->options.kind == HPO_ACQ_LOG_EI && a->rule != HPO_PENDING_PE) {
        double more;
        value += hpo_acq_log_augment(sd, a->noise_sd, &more);
        ds += more;
    }
    if (gradient == NULL) return value;
    by_var += sd > 0 ? ds / (2 * sd) : 0;
    hpo_axpy(d, dm, a->dmean, gradient);
    hpo_axpy(d, by_var, a->dvar, gradient);
    if (r == 0) return value;
    double by_left = sd > 0 ? ds / (2 * sd) : 0;
    for (size_t i = 0; i < r; i++)
        a->coef[i] = -2 * by_left * a->back[i];
    for (size_t k = 0; k < a->n_draws && averaged; k++)
        hpo_axpy(r, a->draw_slope[k], a->draw + k * r, a->coef);
    for (size_t i = 0; i < r; i++)
        hpo_axpy(d, a->coef[i], a->dcov + i * d, gradient);
    return value;
}

/* From the moments and what moments_utility needs. */
static double utility(hpo_acq *a, const double *u, double mean, double var, double *gradient)
{
    if (a->options.kind == HPO_ACQ_JOINT && a->n_lines > 0) return hpo_acq__joint(a, mean, var, gradient);
    if (a->n_lines > 0) return hpo_acq__knowledge(a, mean, var, gradient);
    return moments_utility(a, u, mean, var, gradient);
}

/* Moments of n <= HPO_ACQ_BLOCK points into a->mean, a->var, covariances with the fixed ones into a->covs. */
static void predict(hpo_acq *a, const double *u, size_t n)
{
    const hpo_posterior *p = &a->posterior;
    if (a->anchored != NULL) {
        p->ops->anchored(p->model, a->anchored, u, n, a->mean, a->var, a->covs);
        return;
    }
    p->ops->moments(p->model, u, n, a->mean, a->var);
    for (size_t i = 0; i < n && a->n_fixed > 0; i++)
        p->ops->covariance(p->model, u + i * a->n_dims, a->fixed, a->n_fixed, a->covs + i * a->n_fixed, NULL);
}

/* The same with slopes, for one point. */
static void predict_slopes(hpo_acq *a, const double *u)
{
    const hpo_posterior *p = &a->posterior;
    if (a->anchored != NULL) {
        p->ops->anchored_gradient(p->model, a->anchored, u, a->mean, a->var, a->dmean, a->dvar, a->covs,
                                  a->dcov);
        return;
    }
    p->ops->gradient(p->model, u, a->mean, a->var, a->dmean, a->dvar);
    if (a->n_fixed > 0) p->ops->covariance(p->model, u, a->fixed, a->n_fixed, a->covs, a->dcov);
}

/* ln ln(1 + e^v) and its slope. */
static double soften(double v, double *slope)
{
    double e = hpo_exp(-fabs(v)), t = hpo_log1p(e) + (v > 0 ? v : 0),
           sigmoid = v > 0 ? 1 / (1 + e) : e / (1 + e);
    if (v < -30) { /* ln(1 + e^v) = e^v */
        *slope = 1;
        return v;
    }
    *slope = sigmoid / t;
    return hpo_log(t);
}

/* Utility (its gradient in `gradient`) to value. */
static double finish(hpo_acq *a, const double *u, double value, double *gradient)
{
    if (a->rule == HPO_PENDING_PENALTY) {
        if (!is_logarithm(a)) {
            double slope;
            value = soften(value, &slope);
            for (size_t k = 0; k < a->n_dims && gradient != NULL; k++)
                gradient[k] *= slope;
        }
        value += hpo_acq__penalty(a, u, gradient);
    }
    return value + weigh(a, u, gradient);
}

double hpo_acq_value(hpo_acq *a, const double *u, double *gradient)
{
    double value;
    if (gradient != NULL) memset(gradient, 0, a->n_dims * sizeof *gradient);
    if (a->path != NULL) {
        value = -hpo_gp_path_value(a->path, u, gradient);
        for (size_t k = 0; k < a->n_dims && gradient != NULL; k++)
            gradient[k] = -gradient[k];
        return finish(a, u, value, gradient);
    }
    if (gradient != NULL)
        predict_slopes(a, u);
    else
        predict(a, u, 1);
    a->cov = a->covs;
    value = utility(a, u, a->mean[0], a->var[0], gradient);
    return finish(a, u, value, gradient);
}

void hpo_acq_values(hpo_acq *a, const double *u, size_t m, double *out)
{
    if (a->path != NULL) {
        hpo_gp_path_values(a->path, u, m, out);
        for (size_t i = 0; i < m; i++)
            out[i] = finish(a, u + i * a->n_dims, -out[i], NULL);
        return;
    }
    for (size_t first = 0; first < m; first += HPO_ACQ_BLOCK) {
        size_t n = m - first < HPO_ACQ_BLOCK ? m - first : HPO_ACQ_BLOCK;
        const double *row = u + first * a->n_dims;
        predict(a, row, n);
        for (size_t i = 0; i < n; i++, row += a->n_dims) {
            a->cov = a->covs + i * a->n_fixed;
            out[first + i] = finish(a, row, utility(a, row, a->mean[i], a->var[i], NULL), NULL);
        }
    }
}

void hpo_acq_scan(hpo_acq *a, const double *u, size_t m, double *out)
{
    size_t all = a->n_draws;
    if (all > SCANNED) a->n_draws = SCANNED;
    hpo_acq_values(a, u, m, out);
    a->n_draws = all;
}

int hpo_acq_has_gradient(const hpo_acq *a)
{
    const hpo_acq_context *c = &a->context;
    int yes = a->path != NULL || a->posterior.ops->gradient != NULL;
    for (size_t i = 0; i < c->n_outcomes; i++)
        yes &= c->outcomes[i].ops->gradient != NULL;
    return yes && (c->log_cost == NULL || c->log_cost->ops->gradient != NULL);
}

static void score_values(void *ctx, const double *u, size_t m, double *out)
{
    hpo_acq_values(ctx, u, m, out);
}

static double score_gradient(void *ctx, const double *u, double *gradient)
{
    return hpo_acq_value(ctx, u, gradient);
}

hpo_score hpo_acq_score(hpo_acq *a)
{
    return (hpo_score){a, score_values, hpo_acq_has_gradient(a) ? score_gradient : NULL};
}

void hpo_acq_score_scan(void *acq, const double *u, size_t m, double *out)
{
    hpo_acq_scan(acq, u, m, out);
}

/* ---- setting up
 * --------------------------------------------------------------------------------------------- */

/* The rule that makes sense for this kind (see the top). */
static hpo_pending_rule rule_of(const hpo_acq *a)
{
    hpo_acq_kind kind = a->options.kind;
    hpo_pending_rule rule = a->options.pending;
    if (a->options.explore) return HPO_PENDING_PE;
    if (a->context.n_pending == 0) return HPO_PENDING_IGNORE;
    if (kind == HPO_ACQ_THOMPSON && rule != HPO_PENDING_PENALTY) return HPO_PENDING_IGNORE;
    int expectation = kind == HPO_ACQ_LOG_EI || kind == HPO_ACQ_LOG_PI || kind == HPO_ACQ_NOISY_EI;
    return rule == HPO_PENDING_FANTASY && !expectation ? HPO_PENDING_BELIEVER : rule;
}

static hpo_status mean_noise(hpo_acq *a, hpo_error *err)
{
    const hpo_posterior *p = &a->posterior;
    size_t n = a->context.n_observed;
    if (p->ops->noise == NULL || n == 0) return HPO_OK;
    double sum = 0, *noise = hpo_alloc_array(n, sizeof *noise);
    if (noise == NULL) return hpo_fail_memory(err);
    p->ops->noise(p->model, a->context.observed, n, noise);
    for (size_t i = 0; i < n; i++)
        sum += noise[i];
    a->noise_sd = sqrt(sum / (double)n);
    hpo_free(noise);
    return HPO_OK;
}

static hpo_status condition_on_pending(hpo_acq *a, hpo_error *err)
{
    const hpo_posterior *p = &a->posterior;
    size_t n = a->context.n_pending;
    double *noise = hpo_alloc_array(n, sizeof *noise);
    if (noise == NULL) return hpo_fail_memory(err);
    memset(noise, 0, n * sizeof *noise);
    if (p->ops->noise != NULL) p->ops->noise(p->model, a->context.pending, n, noise);
    hpo_status status = hpo_acq__anchor(a, a->context.pending, n, noise, err);
    hpo_free(noise);
    return status;
}

static hpo_status prepare_pending(hpo_acq *a, hpo_rng *rng, hpo_error *err)
{
    size_t fantasies = a->options.n_samples ? a->options.n_samples : FANTASIES;
    if (a->rule == HPO_PENDING_PENALTY) return hpo_acq__penalty_open(a, rng, err);
    if (a->rule == HPO_PENDING_IGNORE) return HPO_OK;
    if (a->rule != HPO_PENDING_PE && a->options.kind == HPO_ACQ_NOISY_EI) return HPO_OK; /* see noisy.c */
    HPO_TRY(condition_on_pending(a, err));
    if (a->rule == HPO_PENDING_PE) return hpo_acq__explore_open(a, err);
    if (a->rule == HPO_PENDING_FANTASY && isfinite(a->context.best)) {
        HPO_TRY(hpo_acq__draws(a, fantasies, rng, err));
    } else if (a->context.best < HUGE_VAL) {
        for (size_t i = 0; i < a->n_anchors; i++)
            a->context.best = fmin(a->context.best, a->anchor_mean[i]);
    }
    return HPO_OK;
}

static hpo_status prepare_kind(hpo_acq *a, hpo_rng *rng, hpo_error *err)
{
    if (a->rule == HPO_PENDING_PE) return HPO_OK;
    switch (a->options.kind) {
    case HPO_ACQ_THOMPSON:
        if (a->context.gp == NULL)
            return hpo_fail(
                err, HPO_EUNSUPPORTED,
                "Thompson samples are drawn from a Gaussian process, and this surrogate is none; use ei");
        return hpo_gp_path_draw(a->context.gp, rng, FEATURES, &a->path, err);
    case HPO_ACQ_MES:
        return hpo_acq__entropy_open(a, rng, err);
    case HPO_ACQ_JOINT:
        return hpo_acq__joint_open(a, rng, err);
    case HPO_ACQ_KNOWLEDGE:
        return hpo_acq__knowledge_open(a, err);
    case HPO_ACQ_NOISY_EI:
        return hpo_acq__noisy_open(a, rng, err);
    case HPO_ACQ_PBGI:
        if (!(a->options.lambda > 0))
            return hpo_fail(err, HPO_EINVAL, "lambda is %g; the price of a unit of cost must be positive",
                            a->options.lambda);
        return HPO_OK;
    default:
        return HPO_OK;
    }
}

/* The points whose covariances every evaluation needs. */
static hpo_status fix_points(hpo_acq *a, hpo_error *err)
{
    const hpo_posterior *p = &a->posterior;
    a->fixed = a->n_lines > 0 ? a->line : a->anchor;
    a->n_fixed = a->n_lines + a->n_anchors;
    if (a->n_fixed == 0 || p->ops->anchor == NULL) return HPO_OK;
    a->anchored = p->ops->anchor(p->model, a->fixed, a->n_fixed);
    return a->anchored != NULL ? HPO_OK : hpo_fail_memory(err);
}

/* One block for everything that evaluation writes to. */
static hpo_status open_scratch(hpo_acq *a, hpo_error *err)
{
    size_t d = a->n_dims, r = a->n_anchors, m = a->n_lines, n = a->n_draws, c = m + r;
    size_t total = HPO_ACQ_BLOCK * (2 + c) + c * d + 3 * r + 3 * d + 3 * n + 8 * (m + 1) + 8;
    double *p = a->scratch = hpo_calloc(total, sizeof *p);
    if (p == NULL) return hpo_fail_memory(err);
    a->mean = p, p += HPO_ACQ_BLOCK;
    a->var = p, p += HPO_ACQ_BLOCK;
    a->cov = a->covs = p, p += HPO_ACQ_BLOCK * c;
    a->dcov = p, p += c * d;
    a->w = p, p += r;
    a->back = p, p += r;
    a->coef = p, p += r;
    a->dmean = p, p += d;
    a->dvar = p, p += d;
    a->dpart = p, p += d;
    a->draw_value = p, p += n;
    a->draw_slope = p, p += 2 * n;
    a->a = p, p += m + 1;
    a->b = p, p += m + 1;
    a->d_a = p, p += m + 1;
    a->d_b = p, p += m + 1;
    a->line_work = p;
    return HPO_OK;
}

/* kappa of HEBO: Srinivas et al. (2010) as in Cowen-Rivers et al. (2022), upsilon 1/2, delta 1/100. */
static double scheduled_beta(const hpo_acq *a)
{
    const double pi = 3.14159265358979323846, delta = 0.01;
    double t = (double)(a->context.n_told > 0 ? a->context.n_told : 1), d = (double)a->n_dims;
    return sqrt((2 + d / 2) * hpo_log(t) + hpo_log(pi * pi / delta));
}

static hpo_status open_acq(hpo_acq *a, hpo_rng *rng, hpo_error *err)
{
    a->rule = rule_of(a);
    a->beta = a->options.beta > 0 ? a->options.beta : scheduled_beta(a);
    a->floor = 1e-10;
    /* preparing needs slopes before the sizes of the rest are known */
    a->dmean = hpo_calloc(2 * a->n_dims + 1, sizeof *a->dmean);
    if (a->dmean == NULL) return hpo_fail_memory(err);
    a->dvar = a->dmean + a->n_dims;
    double *first = a->dmean;
    hpo_status status = mean_noise(a, err);
    if (status == HPO_OK && a->context.prior_exponent != 0)
        status = hpo_acq_prior_open(&a->prior, a->space, err);
    if (status == HPO_OK) status = prepare_pending(a, rng, err);
    if (status == HPO_OK) status = prepare_kind(a, rng, err);
    if (status == HPO_OK) status = fix_points(a, err);
    if (status == HPO_OK) status = open_scratch(a, err);
    hpo_free(first);
    return status;
}

hpo_status hpo_acq_create(const hpo_space *space, const hpo_posterior *posterior,
                          const hpo_acq_options *options, const hpo_acq_context *context, hpo_rng *rng,
                          hpo_acq **out, hpo_error *err)
{
    *out = NULL;
    hpo_acq *a = hpo_calloc(1, sizeof *a);
    if (a == NULL) return hpo_fail_memory(err);
    a->space = space;
    a->posterior = *posterior;
    a->options = *options;
    a->context = *context;
    a->n_dims = hpo_space_n_dims(space);
    hpo_status status = open_acq(a, rng, err);
    if (status == HPO_OK)
        *out = a;
    else
        hpo_acq_free(a);
    return status;
}

void hpo_acq_free(hpo_acq *a)
{
    if (a == NULL) return;
    hpo_acq_prior_close(&a->prior);
    if (a->path != NULL) hpo_gp_path_free(a->path);
    hpo_free(a->anchor);
    hpo_free(a->chol);
    hpo_free(a->anchor_mean);
    hpo_free(a->pending_mean);
    hpo_free(a->draw);
    hpo_free(a->best);
    hpo_free(a->line);
    hpo_free(a->line_a);
    hpo_free(a->line_back);
    hpo_free(a->minima);
    hpo_free(a->minimum_at);
    hpo_free(a->is_label);
    hpo_free(a->anchored);
    hpo_free(a->scratch);
    hpo_free(a);
}
