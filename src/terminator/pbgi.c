/* SPDX-License-Identifier: Apache-2.0 */
/* terminator/pbgi.c - stop when no trial is worth what it costs.
 *
 * With the expected improvement EI(x) over the incumbent, the expected cost c(x) of a trial and the price
 * lambda of one unit of cost (in units of the objective), the study stops when
 *
 *     max over x of ln EI(x) - ln(lambda c(x)) <= 0.
 *
 * That is the stopping rule of Pandora's box: with g(x) the index that solves EI(x; g) = lambda c(x), no box
 * has g(x) < best (Weitzman 1979).  Costs are modelled by a Gaussian process on ln c where they differ, else
 * they are the mean; unknown costs count 1 a trial.
 *
 * Xie et al., "Cost-aware Stopping for Bayesian Optimization", arXiv 2507.12453 (2025), section 3; index: Xie
 * et al., arXiv 2406.20062 (2024). */
#include <math.h>

#include "acq/acquisition.h"
#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "math/stats.h"
#include "terminator/builtin.h"
#include "terminator/model.h"

typedef struct pbgi_config {
    int64_t every, min_trials;
    double price, share;
} pbgi_config;

typedef struct pbgi_state {
    const pbgi_config *config;
    hpo_rule_model model;
    hpo_gp *cost;    /* of ln cost, NULL: all cost the same */
    double mean_log; /* ln of that */
    double best;     /* model units */
    double *log_cost, *dvar, *dmean;
    size_t cap_log_cost;
} pbgi_state;

enum { MOST_ROWS = 200, COST_ROWS = 5 };
/* Price of a trial of mean cost when none is given, in standard deviations of the values in the model. */
static const double DEFAULT_PRICE = 1e-3;
/* Costs that differ by less than this share need no model. */
static const double SAME_COST = 0.05;

static const hpo_option pbgi_options[] = {
    {"every", "judge when so many more trials have finished", HPO_OPT_INT, offsetof(pbgi_config, every), 5, 1,
     1e6, NULL},
    {"trials", "not before so many complete trials", HPO_OPT_INT, offsetof(pbgi_config, min_trials), 10, 4,
     1e6, NULL},
    {"price",
     "how much better a value must get for one unit of cost (of a trial where costs are not told); 0: a "
     "thousandth of "
     "the spread of the better values for a mean trial",
     HPO_OPT_REAL, offsetof(pbgi_config, price), 0, 0, HUGE_VAL, NULL},
    {"share", "share of the trials, the best ones, that the model is fitted to", HPO_OPT_REAL,
     offsetof(pbgi_config, share), 0.5, 0.05, 1, NULL},
};

static int64_t pbgi_every(const void *config)
{
    return ((const pbgi_config *)config)->every;
}

static hpo_status pbgi_init(void *state, const void *config, const hpo_rule_problem *problem, hpo_error *err)
{
    pbgi_state *s = state;
    s->config = config;
    HPO_TRY(hpo_rule_model_init(&s->model, problem, err));
    size_t d = hpo_embed_n_dims(s->model.embed);
    s->dvar = hpo_alloc_array(2 * d + 1, sizeof *s->dvar);
    if (s->dvar == NULL) return hpo_fail_memory(err);
    s->dmean = s->dvar + d;
    return HPO_OK;
}

/* ---- cost ------------------------------------------------------------------------------------------ */

static hpo_status fit_cost(pbgi_state *s, const hpo_view *v, hpo_error *err)
{
    hpo_rule_model *m = &s->model;
    hpo_gp_options o = hpo_gp_defaults();
    hpo_moments all = {0};
    double low = HUGE_VAL, high = 0;
    hpo_gp_free(s->cost);
    s->cost = NULL;
    s->mean_log = 0;
    HPO_TRY(hpo_reserve(&s->log_cost, &s->cap_log_cost, m->n, sizeof *s->log_cost, err));
    for (size_t i = 0; i < m->n; i++) {
        double c = v->cost[m->row[i]];
        s->log_cost[i] = c > 0 ? hpo_log(c) : (double)NAN;
        if (!(c > 0)) continue;
        hpo_moments_add(&all, c);
        low = fmin(low, c);
        high = fmax(high, c);
    }
    if (all.n == 0) return HPO_OK;
    s->mean_log = hpo_log(all.mean);
    if (all.n < COST_ROWS || high - low <= SAME_COST * high) return HPO_OK;
    o.transform = HPO_TRANSFORM_STANDARD;
    o.seed = m->problem.seed;
    HPO_TRY(hpo_gp_create(m->embed, &o, &s->cost, err));
    HPO_TRY(hpo_gp_advance(s->cost, m->u, s->log_cost, NULL, NULL, m->n, err));
    if (hpo_gp_ready(s->cost)) return HPO_OK;
    hpo_gp_free(s->cost);
    s->cost = NULL;
    return HPO_OK;
}

/* ---- the score --------------------------------------------------------------------------------------- */

static void score_values(void *ctx, const double *u, size_t n, double *out)
{
    const pbgi_state *s = ctx;
    size_t d = hpo_embed_n_dims(s->model.embed);
    for (size_t i = 0; i < n; i++) {
        double mean, var, log_cost = s->mean_log;
        hpo_gp_moments(s->model.gp, u + i * d, 1, &mean, &var);
        out[i] = hpo_acq_log_ei(mean, sqrt(var), s->best, NULL, NULL);
        if (s->cost != NULL) {
            hpo_gp_moments(s->cost, u + i * d, 1, &mean, &var);
            log_cost = hpo_transform_invert(hpo_gp_transform(s->cost), mean);
        }
        out[i] -= log_cost;
    }
}

static double score_gradient(void *ctx, const double *u, double *gradient)
{
    pbgi_state *s = ctx;
    size_t d = hpo_embed_n_dims(s->model.embed);
    double mean, var, d_mean, d_sd, log_cost = s->mean_log;
    hpo_gp_gradient(s->model.gp, u, &mean, &var, gradient, s->dvar);
    double sd = sqrt(var), value = hpo_acq_log_ei(mean, sd, s->best, &d_mean, &d_sd);
    for (size_t i = 0; i < d; i++)
        gradient[i] = d_mean * gradient[i] + d_sd * s->dvar[i] / (2 * sd);
    if (s->cost != NULL) {
        const hpo_transform *t = hpo_gp_transform(s->cost);
        hpo_gp_gradient(s->cost, u, &mean, &var, s->dmean, s->dvar);
        log_cost = hpo_transform_invert(t, mean);
        double slope = hpo_transform_slope(t, log_cost);
        for (size_t i = 0; i < d && slope > 0; i++)
            gradient[i] -= s->dmean[i] / slope;
    }
    return value - log_cost;
}

static double price_of(const pbgi_state *s)
{
    if (s->config->price > 0) return s->config->price;
    double spread = sqrt(hpo_variance(s->model.y, s->model.n));
    return DEFAULT_PRICE * spread / hpo_exp(s->mean_log);
}

static hpo_status pbgi_judge(void *state, const hpo_view *v, hpo_ruling *out, hpo_error *err)
{
    pbgi_state *s = state;
    hpo_rule_model *m = &s->model;
    size_t n = hpo_rule_model_rows(v), point;
    int ready;
    double worth;
    if (n < (size_t)s->config->min_trials) {
        hpo_ruling_set(out, 0, "%zu complete trials: judged from %lld on", n,
                       (long long)s->config->min_trials);
        return HPO_OK;
    }
    HPO_TRY(hpo_rule_model_fit(m, v, &(hpo_rule_rows){.share = s->config->share, .most = MOST_ROWS}, &ready,
                               err));
    if (!ready) {
        hpo_ruling_set(out, 0, "%zu complete trials: not enough different, feasible values for a model", n);
        return HPO_OK;
    }
    HPO_TRY(fit_cost(s, v, err));
    s->best = hpo_gp_incumbent(m->gp, &point);
    const hpo_score score = {s, score_values, score_gradient};
    HPO_TRY(hpo_rule_model_maximise(m, &score, &worth, err));
    double price = price_of(s), gain = hpo_exp(worth) / m->slope;
    int stop = gain <= price;
    hpo_ruling_set(out, stop,
                   "the best next trial is expected to gain %.3g for each unit of cost, %s the price %.3g",
                   gain, stop ? "not more than" : "more than", price);
    return HPO_OK;
}

static void pbgi_fini(void *state)
{
    pbgi_state *s = state;
    hpo_rule_model_fini(&s->model);
    hpo_gp_free(s->cost);
    hpo_free(s->log_cost);
    hpo_free(s->dvar);
}

const hpo_terminator_ops hpo_terminator_pbgi = {
    .size = sizeof(hpo_terminator_ops),
    .name = "pbgi",
    .help = "No trial is expected to gain what it costs: when the price of a trial is known.",
    .reference = "Xie et al., arXiv 2507.12453 (2025)",
    .options = pbgi_options,
    .n_options = sizeof pbgi_options / sizeof pbgi_options[0],
    .config_size = sizeof(pbgi_config),
    .state_size = sizeof(pbgi_state),
    .every = pbgi_every,
    .init = pbgi_init,
    .judge = pbgi_judge,
    .fini = pbgi_fini,
};
