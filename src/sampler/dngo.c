/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/dngo.c - Bayesian optimisation with a learned basis.
 *
 * model/basis.h: a network learns features of the configuration, a Bayesian linear regression on them
 * predicts; log expected improvement with gradients through both, maximised by acq/search.h.  Time grows
 * linearly with the number of trials, which is what the method is for.
 *
 * The network is trained from the same first weights at 2, 3, ..., 8, 9, ..., 16, 18, 20, 22, ... trials,
 * each time an eighth more; the regression takes in every trial.  Trials that run are added to the regression
 * at their predicted value.
 *
 * References: Snoek et al., ICML 2015, arXiv 1502.05700; objective=evidence: Perrone et al., NeurIPS 2018,
 * arXiv 1712.02902. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "model/basis.h"
#include "sampler/builtin.h"
#include "sampler/guided.h"

typedef struct dngo_config {
    int64_t initial, width, layers, steps;
    double random;
    int32_t objective, transform;
} dngo_config;

typedef struct dngo_state {
    hpo_guided guided;
    const dngo_config *config;
    hpo_basis *basis;
    hpo_guided_ei ei;
    size_t trained;          /* on the first rows; 0: not yet */
    double *u, *y, *scratch; /* rows that did not fail, then pending ones */
    size_t cap_u, cap_y, cap_scratch;
} dngo_state;

static const char *const objective_labels[] = {"squares", "evidence", NULL};
static const char *const transform_labels[] = {HPO_TRANSFORM_LABELS, NULL};

static const hpo_option dngo_options[] = {
    {"initial", "quasi-random trials before the first model; -1: dimensions + 1, between 5 and 10",
     HPO_OPT_INT, offsetof(dngo_config, initial), -1, -1, 1 << 20, NULL},
    {"width", "units in a layer of the network", HPO_OPT_INT, offsetof(dngo_config, width), 32, 2, 256, NULL},
    {"layers", "layers of the network", HPO_OPT_INT, offsetof(dngo_config, layers), 2, 1, 5, NULL},
    {"steps", "steps of training", HPO_OPT_INT, offsetof(dngo_config, steps), 300, 1, 100000, NULL},
    {"objective", "what trains the network: squares (DNGO) or the evidence of the regression (ABLR)",
     HPO_OPT_ENUM, offsetof(dngo_config, objective), HPO_BASIS_SQUARES, 0, 1, objective_labels},
    {"random", "share of proposals that are drawn from the prior instead", HPO_OPT_REAL,
     offsetof(dngo_config, random), 0.05, 0, 1, NULL},
    {"transform", "of the objective's values before the model sees them", HPO_OPT_ENUM,
     offsetof(dngo_config, transform), HPO_TRANSFORM_AUTO, 0, 5, transform_labels},
};

static hpo_status dngo_init(void *state, const void *config, const hpo_space *space, uint64_t seed,
                            hpo_error *err)
{
    dngo_state *s = state;
    s->config = config;
    HPO_TRY(hpo_guided_init(&s->guided, space, seed, s->config->initial,
                            (hpo_transform_kind)s->config->transform, err));
    hpo_basis_options o = {.width = (size_t)s->config->width,
                           .layers = (size_t)s->config->layers,
                           .steps = (size_t)s->config->steps,
                           .objective = (hpo_basis_objective)s->config->objective};
    HPO_TRY(hpo_basis_create(s->guided.embed, &o, seed, &s->basis, err));
    s->ei.posterior = hpo_basis_posterior(s->basis);
    s->ei.dmean = hpo_calloc(2 * s->guided.n_dims + 1, sizeof *s->ei.dmean);
    if (s->ei.dmean == NULL) return hpo_fail_memory(err);
    s->ei.dvar = s->ei.dmean + s->guided.n_dims;
    return HPO_OK;
}

static void dngo_fini(void *state)
{
    dngo_state *s = state;
    hpo_basis_free(s->basis);
    hpo_free(s->u);
    hpo_free(s->y);
    hpo_free(s->scratch);
    hpo_free(s->ei.dmean);
    hpo_guided_fini(&s->guided);
}

/* ---- the model ---- */

static size_t last_training(size_t n)
{
    size_t r = 2;
    while (r + (r < 16 ? 1 : r / 8) <= n)
        r += r < 16 ? 1 : r / 8;
    return r < n ? r : n;
}

/* Rows of the first n trials that did not fail, with responses from z (n of them); returns how many. */
static size_t gather(dngo_state *s, const double *z, size_t n)
{
    const hpo_guided *g = &s->guided;
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        if (g->failed[i]) continue;
        memcpy(s->u + m * g->n_dims, g->known + i * g->n_dims, g->n_dims * sizeof *s->u);
        s->y[m++] = z[i];
    }
    return m;
}

/* The network, on the first n trials in units of their own: a function of these trials alone. */
static hpo_status train(dngo_state *s, const hpo_view *view, size_t n, hpo_error *err)
{
    hpo_transform t;
    double *y = s->scratch, *work = y + n;
    if (s->trained == n) return HPO_OK;
    s->trained = 0;
    for (size_t i = 0; i < n; i++)
        y[i] = view->y[i * view->n_objectives];
    hpo_transform_fit(&t, s->guided.kind, y, n, work);
    for (size_t i = 0; i < n; i++)
        y[i] = hpo_transform_apply(&t, y[i]);
    size_t m = gather(s, y, n);
    HPO_TRY(hpo_basis_train(s->basis, s->u, s->y, m, err));
    s->trained = n;
    return HPO_OK;
}

static hpo_status learn(dngo_state *s, const hpo_view *view, hpo_error *err)
{
    const hpo_guided *g = &s->guided;
    size_t n = g->n_rows, all = n + view->n_pending, d = g->n_dims;
    HPO_TRY(hpo_reserve(&s->u, &s->cap_u, all * d + 1, sizeof *s->u, err));
    HPO_TRY(hpo_reserve(&s->y, &s->cap_y, all + 1, sizeof *s->y, err));
    HPO_TRY(hpo_reserve(&s->scratch, &s->cap_scratch, 4 * n + all + 1, sizeof *s->scratch, err));
    HPO_TRY(train(s, view, last_training(n), err));
    size_t m = gather(s, g->z, n);
    HPO_TRY(hpo_basis_condition(s->basis, s->u, s->y, m, err));
    if (view->n_pending > 0) {
        double *var = s->scratch;
        memcpy(s->u + m * d, view->u_pending, view->n_pending * d * sizeof *s->u);
        s->ei.posterior.ops->moments(s->basis, s->u + m * d, view->n_pending, s->y + m, var);
        HPO_TRY(hpo_basis_condition(s->basis, s->u, s->y, m + view->n_pending, err));
    }
    s->ei.best = g->z[g->best_row];
    if (!view->noisy) return HPO_OK;
    double *mean = s->scratch, *var = mean + m;
    s->ei.posterior.ops->moments(s->basis, s->u, m, mean, var);
    s->ei.best = (double)INFINITY;
    for (size_t i = 0; i < m; i++)
        s->ei.best = fmin(s->ei.best, mean[i]);
    return HPO_OK;
}

static hpo_status dngo_ask(void *state, const hpo_view *view, uint64_t draw, hpo_rng *rng, double *u_out,
                           hpo_error *err)
{
    dngo_state *s = state;
    hpo_guided *g = &s->guided;
    int taken;
    HPO_TRY(hpo_guided_sync(g, view, err));
    if (hpo_guided_is_opening(g, view)) return hpo_guided_open(g, draw, rng, u_out, err);
    HPO_TRY(hpo_guided_random(g, s->config->random, rng, u_out, &taken, err));
    if (taken) return HPO_OK;
    HPO_TRY(learn(s, view, err));
    hpo_score score = {&s->ei, hpo_guided_log_ei, hpo_guided_log_ei_slope};
    hpo_search_options options = {0};
    return hpo_guided_maximise(g, view, &score, &options, rng, u_out, err);
}

static hpo_status dngo_explain(void *state, const hpo_view *view, const double *u, char *buf, size_t cap,
                               size_t *n_out, hpo_error *err)
{
    dngo_state *s = state;
    hpo_str text = {0};
    double mean = (double)NAN, var = (double)NAN;
    (void)view;
    int model = s->guided.origin == HPO_GUIDED_MODEL;
    if (model) s->ei.posterior.ops->moments(s->basis, u, 1, &mean, &var);
    hpo_guided_account(&s->guided, "learned basis", "log_ei", mean, var, &text);
    if (model) {
        hpo_str_json_member(&text, "noise_sd", sqrt(hpo_basis_noise(s->basis)));
        hpo_str_json_member(&text, "log_evidence", hpo_basis_log_evidence(s->basis));
        hpo_str_addf(&text, ",\"trained_rows\":%zu", s->trained);
    }
    hpo_str_addf(&text, "}");
    return hpo_str_hand_out(&text, buf, cap, n_out, err);
}

const hpo_sampler_ops hpo_sampler_dngo = {
    .size = sizeof(hpo_sampler_ops),
    .name = "dngo",
    .help = "Bayesian optimisation on features that a small network learns: smooth objectives, thousands of "
            "trials.",
    .reference = "Snoek et al., ICML 2015, arXiv 1502.05700; Perrone et al., NeurIPS 2018, arXiv 1712.02902",
    .caps = HPO_CAP_DISCRETE | HPO_CAP_CONDITIONAL | HPO_CAP_CONSTRAINTS | HPO_CAP_STRUCTURED |
            HPO_CAP_CONTINUOUS | HPO_CAP_DEPENDENT | HPO_CAP_HISTORY,
    .options = dngo_options,
    .n_options = sizeof dngo_options / sizeof dngo_options[0],
    .config_size = sizeof(dngo_config),
    .state_size = sizeof(dngo_state),
    .init = dngo_init,
    .ask = dngo_ask,
    .fini = dngo_fini,
    .explain = dngo_explain,
};
