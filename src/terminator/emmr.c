/* SPDX-License-Identifier: Apache-2.0 */
/* terminator/emmr.c - stop when one more trial hardly changes the expected minimum simple regret.
 *
 * Minimising, with x_t the best configuration of t trials, mu_t and s_t^2 the posterior, D =
 * mu_{t-1}(x_{t-1}) - mu_t(x_t) and v^2 the posterior variance of f(x_t) - f(x_{t-1}),
 *
 *     dR_t <= v h(-D / v) + kappa_{t-1} sqrt(KL / 2),        h(z) = phi(z) + z Phi(z)
 *     KL = (ln(1 + a) - a / (1 + a) + a e^2 / (n2 (1 + a)^2)) / 2,   a = s_{t-1}^2(new) / n2,  e = y_t -
 * mu_{t-1}(new)
 *
 * where kappa is the regret bound of regret.c, n2 the noise variance, and KL how much the new row has moved
 * the posterior.  (v h(-D/v) is E max(0, N(-D, v^2)): the paper's v phi(g) + v g Phi(g) and |D| in one,
 * without cancellation.)  The study stops when dR_t falls below `ratio` of its median over the first `first`
 * judgements.
 *
 * Ishibashi et al., "A stopping criterion for Bayesian optimization by the gap of expected minimum simple
 * regrets", AISTATS 2023, theorem 1, equation 4, algorithm 1. */
#include <math.h>

#include "acq/acquisition.h"
#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "math/stats.h"
#include "terminator/builtin.h"
#include "terminator/model.h"

typedef struct emmr_config {
    int64_t every, warm_up, first;
    double ratio, delta;
} emmr_config;

typedef struct emmr_state {
    const emmr_config *config;
    hpo_rule_model now, before; /* on all rows; without the last one */
    double *initial;            /* `first` gaps */
    size_t n_initial;
    double threshold;
    double *theta;
} emmr_state;

enum { MOST_ROWS = 200 };

static const hpo_option emmr_options[] = {
    {"every", "judge when so many more trials have finished", HPO_OPT_INT, offsetof(emmr_config, every), 5, 1,
     1e6, NULL},
    {"warm_up", "complete trials before the first gap is measured", HPO_OPT_INT,
     offsetof(emmr_config, warm_up), 10, 3, 1e6, NULL},
    {"first", "how many gaps after the warm-up make the scale", HPO_OPT_INT, offsetof(emmr_config, first), 10,
     1, 100, NULL},
    {"ratio", "stop below this share of their median", HPO_OPT_REAL, offsetof(emmr_config, ratio), 0.01, 1e-9,
     1, NULL},
    {"delta", "probability that a bound may fail", HPO_OPT_REAL, offsetof(emmr_config, delta), 0.1, 1e-9, 0.5,
     NULL},
};

static int64_t emmr_every(const void *config)
{
    return ((const emmr_config *)config)->every;
}

static hpo_status emmr_init(void *state, const void *config, const hpo_rule_problem *problem, hpo_error *err)
{
    emmr_state *s = state;
    s->config = config;
    HPO_TRY(hpo_rule_model_init(&s->now, problem, err));
    HPO_TRY(hpo_rule_model_init(&s->before, problem, err));
    s->initial = hpo_alloc_array((size_t)s->config->first, sizeof *s->initial);
    s->theta = hpo_alloc_array(hpo_embed_n_axes(s->now.embed) + 2, sizeof *s->theta);
    return s->initial == NULL || s->theta == NULL ? hpo_fail_memory(err) : HPO_OK;
}

/* The kernel of both posteriors must be one for KL to be what the new row has moved. */
static hpo_status share_kernel(emmr_state *s, hpo_error *err)
{
    hpo_gp_summary summary;
    size_t g = hpo_embed_n_axes(s->now.embed);
    hpo_gp_describe(s->now.gp, &summary);
    hpo_gp_lengthscales(s->now.gp, s->theta);
    for (size_t i = 0; i < g; i++)
        s->theta[i] = hpo_log(s->theta[i]);
    s->theta[g] = hpo_log(summary.signal_variance);
    s->theta[g + 1] = hpo_log(summary.noise_variance);
    return hpo_gp_set_theta(s->before.gp, s->theta, err);
}

/* dR_t in the unit of the objective; NaN: no model yet. */
static hpo_status gap(emmr_state *s, const hpo_view *v, double *out, hpo_error *err)
{
    hpo_rule_model *m = &s->now, *p = &s->before;
    size_t d = v->n_dims;
    int ready, ready_before;
    *out = (double)NAN;
    const hpo_rule_rows with = {.share = 1, .most = MOST_ROWS, .skip_last = 1, .append_last = 1};
    const hpo_rule_rows without = {.share = 1, .most = MOST_ROWS, .skip_last = 1};
    HPO_TRY(hpo_rule_model_fit(m, v, &with, &ready, err));
    HPO_TRY(hpo_rule_model_fit(p, v, &without, &ready_before, err));
    if (!ready || !ready_before) return HPO_OK;
    HPO_TRY(share_kernel(s, err));
    const double *now = m->u + m->best * d, *then = p->u + p->best * d, *last = m->u + (m->n - 1) * d;
    double mean_now, var_now, mean_then, var_then, mean_old, var_old, covariance, mean_last, var_last, noise,
        kappa;
    hpo_gp_moments(m->gp, now, 1, &mean_now, &var_now);
    hpo_gp_moments(m->gp, then, 1, &mean_then, &var_then);
    hpo_gp_covariance(m->gp, now, then, 1, &covariance, NULL);
    hpo_gp_moments(p->gp, then, 1, &mean_old, &var_old);
    hpo_gp_moments(p->gp, last, 1, &mean_last, &var_last);
    hpo_gp_noise_at(p->gp, last, 1, &noise);
    double beta = hpo_rule_beta(hpo_embed_n_axes(m->embed), p->n, s->config->delta);
    HPO_TRY(hpo_rule_model_regret(p, sqrt(beta), &kappa, err));
    /* from here on in the unit of the objective: the two models have each their own standardisation */
    const hpo_transform *t = hpo_gp_transform(m->gp), *t_old = hpo_gp_transform(p->gp);
    double D = hpo_transform_invert(t_old, mean_old) - hpo_transform_invert(t, mean_now);
    double v2 = (var_now - 2 * covariance + var_then) / (m->slope * m->slope), sd = sqrt(fmax(v2, 0));
    double change = sd > 1e-12 * fabs(D) && sd > 0 ? sd * hpo_exp(hpo_acq_log_h(-D / sd)) : fmax(-D, 0);
    double e = hpo_transform_apply(t_old, m->y[m->n - 1]) - mean_last, a = var_last / noise;
    double kl = 0.5 * (hpo_log1p(a) - a / (1 + a) + a * e * e / (noise * (1 + a) * (1 + a)));
    *out = change + kappa / p->slope * sqrt(fmax(kl, 0) / 2);
    return HPO_OK;
}

/* The scale: gaps at the rows where the number of complete trials reaches warm_up + 1, warm_up + 2 ... */
static hpo_status measure_scale(emmr_state *s, const hpo_view *v, hpo_error *err)
{
    size_t complete = 0, first = (size_t)s->config->first;
    for (size_t row = 0; row < v->n_done && s->n_initial < first; row++) {
        if (v->state[row] != HPO_STATE_COMPLETE || !isfinite(v->y[row])) continue;
        if (++complete <= (size_t)s->config->warm_up + s->n_initial) continue;
        hpo_view past = *v;
        past.n_done = row + 1;
        HPO_TRY(gap(s, &past, &s->initial[s->n_initial], err));
        s->n_initial++;
    }
    if (s->n_initial < first) return HPO_OK;
    size_t n = 0;
    for (size_t i = 0; i < first; i++)
        if (isfinite(s->initial[i])) s->initial[n++] = s->initial[i];
    s->threshold = n > 0 ? s->config->ratio * hpo_median(s->initial, n) : 0;
    return HPO_OK;
}

static hpo_status emmr_judge(void *state, const hpo_view *v, hpo_ruling *out, hpo_error *err)
{
    emmr_state *s = state;
    size_t first = (size_t)s->config->first, n = hpo_rule_model_rows(v);
    double now;
    if (s->n_initial < first) HPO_TRY(measure_scale(s, v, err));
    if (s->n_initial < first || n <= (size_t)s->config->warm_up + first) {
        hpo_ruling_set(out, 0, "%zu complete trials: judged from %zu on", n,
                       (size_t)s->config->warm_up + first + 1);
        return HPO_OK;
    }
    HPO_TRY(gap(s, v, &now, err));
    int stop = now < s->threshold;
    if (isnan(now))
        hpo_ruling_set(out, 0, "%zu complete trials: not enough different, feasible values for a model", n);
    else
        hpo_ruling_set(out, stop, "a trial moves the expected regret by at most %.3g, %s the limit %.3g", now,
                       stop ? "less than" : "more than", s->threshold);
    return HPO_OK;
}

static void emmr_fini(void *state)
{
    emmr_state *s = state;
    hpo_rule_model_fini(&s->now);
    hpo_rule_model_fini(&s->before);
    hpo_free(s->initial);
    hpo_free(s->theta);
}

const hpo_terminator_ops hpo_terminator_emmr = {
    .size = sizeof(hpo_terminator_ops),
    .name = "emmr",
    .help = "One more trial hardly moves the expected minimum regret: for objectives without noise, or of "
            "unknown "
            "noise.",
    .reference = "Ishibashi et al., AISTATS 2023, theorem 1",
    .options = emmr_options,
    .n_options = sizeof emmr_options / sizeof emmr_options[0],
    .config_size = sizeof(emmr_config),
    .state_size = sizeof(emmr_state),
    .every = emmr_every,
    .init = emmr_init,
    .judge = emmr_judge,
    .fini = emmr_fini,
};
