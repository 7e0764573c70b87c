/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/sphere.c - Bayesian optimisation with a linear model on a sphere (model/sphere.h).
 *
 * Each ask draws the weights from their posterior and takes the point where the function drawn is least:
 * exactly and in closed form in a space of continuous numbers, by search (acq/search.h) in any other.  Trials
 * in progress need no care, as every ask draws anew.  acquisition=ei maximises the expected improvement
 * instead; with trials in progress it draws, too.
 *
 * Reference: Doumont et al., arXiv 2512.00170; Thompson, Biometrika 25 (1933). */
#include "model/sphere.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "sampler/builtin.h"
#include "sampler/guided.h"
#include "space/space.h"

enum { THOMPSON = 0, EI = 1 };

typedef struct sphere_config {
    int64_t initial;
    int32_t acquisition, transform;
} sphere_config;

typedef struct sphere_state {
    hpo_guided guided; /* must stay first */
    const sphere_config *config;
    hpo_sphere *model;
    hpo_guided_ei ei;
    int plain, drawn; /* the space is a cube; the last ask was a draw */
    size_t n_rows;    /* rows that the model knows, */
    uint64_t epoch;   /* and in which units */
    double *x;        /* n_columns */
    double *weights;
} sphere_state;

static const char *const acquisition_labels[] = {"thompson", "ei", NULL};
static const char *const transform_labels[] = {HPO_TRANSFORM_LABELS, NULL};

static const hpo_option sphere_options[] = {
    {"initial", "quasi-random trials before the first model; -1: dimensions + 1, between 5 and 10",
     HPO_OPT_INT, offsetof(sphere_config, initial), -1, -1, 1 << 20, NULL},
    {"acquisition", "minimum of a function drawn from the model, or expected improvement", HPO_OPT_ENUM,
     offsetof(sphere_config, acquisition), THOMPSON, 0, 1, acquisition_labels},
    {"transform", "of the objective's values before the model sees them", HPO_OPT_ENUM,
     offsetof(sphere_config, transform), HPO_TRANSFORM_AUTO, 0, 5, transform_labels},
};

static hpo_status sphere_init(void *state, const void *config, const hpo_space *space, uint64_t seed,
                              hpo_error *err)
{
    sphere_state *s = state;
    s->config = config;
    HPO_TRY(hpo_guided_init(&s->guided, space, seed, s->config->initial,
                            (hpo_transform_kind)s->config->transform, err));
    s->plain = (hpo_space_needs(space) & ~(uint32_t)HPO_CAP_CONTINUOUS) == 0;
    if (s->guided.n_dims == 0) return HPO_OK;
    HPO_TRY(hpo_sphere_create(s->guided.embed, &s->model, err));
    s->ei.posterior = hpo_sphere_posterior(s->model);
    hpo_sphere_summary about;
    hpo_sphere_describe(s->model, &about);
    s->weights = hpo_calloc(about.n_weights + 2 * s->guided.n_dims, sizeof *s->weights);
    s->x = hpo_calloc(hpo_space_n_columns(space) + 1, sizeof *s->x);
    if (s->weights == NULL || s->x == NULL) return hpo_fail_memory(err);
    s->ei.dmean = s->weights + about.n_weights;
    s->ei.dvar = s->ei.dmean + s->guided.n_dims;
    return HPO_OK;
}

static void sphere_fini(void *state)
{
    sphere_state *s = state;
    hpo_sphere_free(s->model);
    hpo_free(s->x);
    hpo_free(s->weights);
    hpo_guided_fini(&s->guided);
}

/* ---- scores ---------------------------------------------------------------------------------------------
 */

static void drawn_values(void *ctx, const double *u, size_t m, double *out)
{
    const sphere_state *s = ctx;
    for (size_t i = 0; i < m; i++)
        out[i] = -hpo_sphere_value(s->model, s->weights, u + i * s->guided.n_dims, NULL);
}

static double drawn_slope(void *ctx, const double *u, double *gradient)
{
    const sphere_state *s = ctx;
    double value = -hpo_sphere_value(s->model, s->weights, u, gradient);
    for (size_t k = 0; k < s->guided.n_dims; k++)
        gradient[k] = -gradient[k];
    return value;
}

/* ---- asking ---------------------------------------------------------------------------------------------
 */

static hpo_status learn(sphere_state *s, hpo_error *err)
{
    const hpo_guided *g = &s->guided;
    size_t n = g->n_rows, d = g->n_dims;
    if (s->epoch == g->epoch && s->n_rows == n) return HPO_OK;
    s->n_rows = n;
    s->epoch = g->epoch;
    s->ei.best = (double)INFINITY;
    HPO_TRY(hpo_sphere_condition(s->model, g->known, g->z, n, err));
    for (size_t i = 0; i < n; i++) { /* the linear model never meets its data: improve on what it believes */
        double mean, var;
        if (g->failed[i]) continue;
        s->ei.posterior.ops->moments(s->model, g->known + i * d, 1, &mean, &var);
        s->ei.best = fmin(s->ei.best, mean);
    }
    return HPO_OK;
}

static hpo_status sphere_ask(void *state, const hpo_view *view, uint64_t draw, hpo_rng *rng, double *u_out,
                             hpo_error *err)
{
    sphere_state *s = state;
    hpo_guided *g = &s->guided;
    HPO_TRY(hpo_guided_sync(g, view, err));
    if (hpo_guided_is_opening(g, view)) return hpo_guided_open(g, draw, rng, u_out, err);
    HPO_TRY(learn(s, err));
    s->drawn = s->config->acquisition == THOMPSON || view->n_pending > 0;
    hpo_score score = {&s->ei, hpo_guided_log_ei, hpo_guided_log_ei_slope};
    if (s->drawn) score = (hpo_score){s, drawn_values, drawn_slope};
    if (s->drawn) hpo_sphere_draw(s->model, rng, s->weights);
    if (s->drawn && s->plain) {
        hpo_sphere_minimise(s->model, s->weights, u_out);
        g->origin = HPO_GUIDED_MODEL;
        g->value = -hpo_sphere_value(s->model, s->weights, u_out, NULL);
        hpo_space_decode(g->space, u_out, s->x);
        hpo_space_encode(g->space, s->x, u_out);
        return HPO_OK;
    }
    hpo_search_options options = {0};
    return hpo_guided_maximise(g, view, &score, &options, rng, u_out, err);
}

static hpo_status sphere_explain(void *state, const hpo_view *view, const double *u, char *buf, size_t cap,
                                 size_t *n_out, hpo_error *err)
{
    sphere_state *s = state;
    hpo_str text = {0};
    double mean = (double)NAN, var = (double)NAN;
    (void)view;
    int model = s->guided.origin == HPO_GUIDED_MODEL && s->model != NULL;
    if (model) s->ei.posterior.ops->moments(s->model, u, 1, &mean, &var);
    hpo_guided_account(&s->guided, "linear on a sphere", s->drawn ? "thompson" : "log_ei", mean, var, &text);
    if (model) {
        hpo_sphere_summary about;
        hpo_sphere_describe(s->model, &about);
        hpo_str_json_member(&text, "stretch", about.stretch);
        hpo_str_json_member(&text, "noise_sd", sqrt(about.noise_variance));
    }
    hpo_str_addf(&text, "}");
    return hpo_str_hand_out(&text, buf, cap, n_out, err);
}

const hpo_sampler_ops hpo_sampler_sphere = {
    .size = sizeof(hpo_sampler_ops),
    .name = "sphere",
    .help = "Bayesian optimisation with a linear model on a sphere: hundreds of parameters, thousands of "
            "trials, microseconds each.",
    .reference = "Doumont et al., arXiv 2512.00170; Thompson, Biometrika 25 (1933)",
    .caps = HPO_CAP_DISCRETE | HPO_CAP_CONDITIONAL | HPO_CAP_CONSTRAINTS | HPO_CAP_STRUCTURED |
            HPO_CAP_CONTINUOUS | HPO_CAP_DEPENDENT | HPO_CAP_HISTORY,
    .options = sphere_options,
    .n_options = sizeof sphere_options / sizeof sphere_options[0],
    .config_size = sizeof(sphere_config),
    .state_size = sizeof(sphere_state),
    .init = sphere_init,
    .ask = sphere_ask,
    .fini = sphere_fini,
    .explain = sphere_explain,
};
