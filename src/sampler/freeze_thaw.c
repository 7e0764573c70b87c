/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/freeze_thaw.c - Bayesian optimisation on forecasts: every trial counts with what its learning curve
 * says about its end, however far it has come.
 *
 * A bank of curves (model/curves.h) forecasts the value at full resource of each trial from its own reports,
 * mean m_i and variance v_i; a Gaussian process over configurations takes them as observations with errors of
 * that size (model/curve_coupling.c),
 *
 *     m_i = f(u_i) + e_i,   e_i ~ N(0, v_i + n2),
 *
 * and the next configuration has the largest expected improvement of f (resource.c).  So nothing is thrown
 * away that a scheduler has paused early, and no level of resource has to be chosen: this is the global part
 * of freeze-thaw Bayesian optimisation, with the bank in place of exponential decays.  Which trial goes on,
 * and for how long, is the scheduler's business: `freeze-thaw` there decides by the same forecasts, and every
 * other scheduler that pauses or stops trials works too.
 *
 * Hyperparameters are fitted when the number of trials with reports has grown by a tenth, at the report that
 * makes it so; between two fits the process is conditioned on the newest forecasts.
 *
 * Swersky, Snoek & Adams: "Freeze-thaw Bayesian optimization", arXiv 1406.3896 (2014); the prior of the bank:
 * Rakotoarison and others, arXiv 2404.16795 (2024). */
#include <math.h>

#include "base/error.h"
#include "model/curve_coupling.h"
#include "sampler/builtin.h"
#include "sampler/resource.h"
#include "space/space.h"

static const double FIRM = 4; /* the reports must halve the standard deviation, and a bit more */

typedef struct freeze_thaw_config {
    int64_t initial;
    double random;
} freeze_thaw_config;

typedef struct freeze_thaw {
    hpo_resource r; /* first */
    uint64_t seed;
    hpo_curves *curves; /* NULL: before the first report */
    hpo_curve_coupling *coupling;
    const freeze_thaw_config *config;
    int at_random;   /* the last ask */
    size_t next_fit; /* trials with reports at which the next fit is due */
} freeze_thaw;

static hpo_status freeze_thaw_init(void *state, const void *config, const hpo_space *space, uint64_t seed,
                                   hpo_error *err)
{
    freeze_thaw *s = state;
    s->seed = seed;
    s->config = config;
    HPO_TRY(hpo_resource_init(&s->r, space, seed, s->config->initial, err));
    s->next_fit = s->r.opening_size > 4 ? s->r.opening_size : 4;
    return hpo_curve_coupling_create(s->r.embed, seed, FIRM, &s->coupling, err);
}

static void freeze_thaw_fini(void *state)
{
    freeze_thaw *s = state;
    hpo_curve_coupling_free(s->coupling);
    hpo_curves_free(s->curves);
    hpo_resource_fini(&s->r);
}

static hpo_status take(void *ctx, size_t trial, double share, double y, hpo_error *err)
{
    freeze_thaw *s = ctx;
    if (s->curves == NULL) HPO_TRY(hpo_curves_create(1, s->seed, &s->curves, err));
    HPO_TRY(hpo_curves_report(s->curves, trial, share, y, err));
    if (s->r.n_seen < s->next_fit) return HPO_OK;
    s->next_fit = s->r.n_seen + s->r.n_seen / 10 + 1;
    return hpo_curve_coupling_learn(s->coupling, s->curves, s->r.u, s->r.n_trials, err);
}

/* The process for this ask; NULL: there is nothing to learn from yet. */
static hpo_status model_now(freeze_thaw *s, const hpo_gp **out, hpo_error *err)
{
    *out = NULL;
    if (s->curves == NULL) return HPO_OK;
    HPO_TRY(hpo_curve_coupling_update(s->coupling, s->curves, s->r.u, s->r.n_trials, err));
    const hpo_gp *gp = hpo_curve_coupling_process(s->coupling);
    if (gp != NULL && hpo_gp_ready(gp)) *out = gp;
    for (size_t i = 0; i < s->r.n_trials; i++)
        s->r.score[i] = hpo_curve_coupling_forecast(s->coupling, i);
    return HPO_OK;
}

static hpo_status freeze_thaw_ask(void *state, const hpo_view *view, uint64_t draw, hpo_rng *rng,
                                  double *u_out, hpo_error *err)
{
    freeze_thaw *s = state;
    const hpo_gp *gp;
    int taken;
    HPO_TRY(hpo_resource_look(&s->r, view, take, s, err));
    HPO_TRY(hpo_resource_open(&s->r, draw, rng, u_out, &taken, err));
    if (taken) return HPO_OK;
    s->at_random = hpo_rng_uniform(rng) < s->config->random;
    if (s->at_random) return hpo_space_draw(s->r.space, rng, u_out, err);
    HPO_TRY(model_now(s, &gp, err));
    if (gp == NULL) { /* all values are the same */
        s->r.is_opening = 1;
        return hpo_opening_ask(&s->r.opening, draw, rng, u_out, err);
    }
    hpo_posterior model = hpo_gp_posterior(gp);
    hpo_gp_lengthscales(gp, s->r.lengthscales);
    return hpo_resource_maximise(&s->r, view, &model, gp, s->r.lengthscales, rng, u_out, err);
}

static hpo_status freeze_thaw_explain(void *state, const hpo_view *view, const double *u, char *buf,
                                      size_t cap, size_t *n_out, hpo_error *err)
{
    freeze_thaw *s = state;
    const hpo_gp *gp = hpo_curve_coupling_process(s->coupling);
    hpo_str out = {0};
    (void)view;
    hpo_resource_account(&s->r, "freeze-thaw", "ei", &out);
    if (!s->r.is_opening && gp != NULL) {
        hpo_curve_prior p = hpo_curve_coupling_new(s->coupling, u);
        double mean = hpo_curves_from_units(s->curves, p.end);
        hpo_str_json_member(&out, "mean", mean);
        hpo_str_json_member(&out, "sd",
                            (hpo_curves_from_units(s->curves, p.end + p.end_sd) -
                             hpo_curves_from_units(s->curves, p.end - p.end_sd)) /
                                2);
    }
    hpo_str_addc(&out, '}');
    return hpo_str_hand_out(&out, buf, cap, n_out, err);
}

static const hpo_option options[] = {
    {"initial", "quasi-random trials before the first model; -1: parameters + 1, between 5 and 10",
     HPO_OPT_INT, offsetof(freeze_thaw_config, initial), -1, -1, 1 << 20, NULL},
    {"random", "share of draws from the prior in between, which no early forecast can mislead", HPO_OPT_REAL,
     offsetof(freeze_thaw_config, random), 0.25, 0, 1, NULL},
};

const hpo_sampler_ops hpo_sampler_freeze_thaw = {
    .size = sizeof(hpo_sampler_ops),
    .name = "freeze-thaw",
    .help = "A Gaussian process on the forecast ends of all learning curves: for trials that report often "
            "and a scheduler that pauses them.",
    .reference = "Swersky, Snoek & Adams, arXiv 1406.3896; Rakotoarison, Adriaensen, Mallik and others, "
                 "arXiv 2404.16795",
    .caps = HPO_CAP_DISCRETE | HPO_CAP_CONDITIONAL | HPO_CAP_CONSTRAINTS | HPO_CAP_STRUCTURED |
            HPO_CAP_HISTORY | HPO_CAP_CONTINUOUS | HPO_CAP_DEPENDENT,
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .config_size = sizeof(freeze_thaw_config),
    .state_size = sizeof(freeze_thaw),
    .init = freeze_thaw_init,
    .ask = freeze_thaw_ask,
    .fini = freeze_thaw_fini,
    .explain = freeze_thaw_explain,
};
