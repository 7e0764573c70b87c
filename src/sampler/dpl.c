/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/dpl.c - DPL's new configurations: the largest expected improvement at the full resource R.
 *
 * An ensemble of networks gives each configuration a power law of the resource (model/dpl.h) and learns from
 * all levels.  A new configuration is worth
 *
 *     EI(x, R) = E max(0, y - f(x, R)),   y = the least value seen at any resource,
 *
 * what the scheduler `dpl` compares with trials that have begun.  Under other schedulers that pause trials it
 * means the same.  The paper has one worker; here local penalisation keeps trials side by side apart.
 *
 * Kadra, Janowski, Wistuba & Grabocka: "Scaling laws for hyperparameter optimization", NeurIPS 2023,
 * algorithm 1; there the candidates are a finite set. */
#include <math.h>

#include "base/error.h"
#include "model/dpl.h"
#include "sampler/builtin.h"
#include "sampler/resource.h"

enum { CANDIDATES = 512 };

typedef struct dpl_config {
    int64_t initial;
} dpl_config;

typedef struct dpl {
    hpo_resource r; /* first */
    const dpl_config *config;
    uint64_t seed;
    hpo_dpl *model; /* NULL: before the first ask */
} dpl;

static hpo_status dpl_init(void *state, const void *config, const hpo_space *space, uint64_t seed,
                           hpo_error *err)
{
    dpl *s = state;
    s->config = config;
    s->seed = seed;
    return hpo_resource_init(&s->r, space, seed, s->config->initial, err);
}

static void dpl_fini(void *state)
{
    dpl *s = state;
    hpo_dpl_free(s->model);
    hpo_resource_fini(&s->r);
}

/* The levels are those of the scheduler; without one there are only full trainings. */
static hpo_status begin(dpl *s, const hpo_view *view, hpo_error *err)
{
    double level[HPO_RESOURCE_LEVELS];
    if (s->model != NULL) return HPO_OK;
    size_t n = hpo_resource_level_shares(view, level);
    return hpo_dpl_create(s->r.embed, level, n, s->seed, &s->model, err);
}

static hpo_status take(void *ctx, size_t trial, double share, double y, hpo_error *err)
{
    dpl *s = ctx;
    return hpo_dpl_report(s->model, trial, share, y, s->r.u, err);
}

static hpo_status dpl_ask(void *state, const hpo_view *view, uint64_t draw, hpo_rng *rng, double *u_out,
                          hpo_error *err)
{
    dpl *s = state;
    int taken;
    HPO_TRY(begin(s, view, err));
    HPO_TRY(hpo_resource_look(&s->r, view, take, s, err));
    HPO_TRY(hpo_resource_open(&s->r, draw, rng, u_out, &taken, err));
    if (taken) return HPO_OK;
    if (!hpo_dpl_ready(s->model)) {
        s->r.is_opening = 1;
        return hpo_opening_ask(&s->r.opening, draw, rng, u_out, err);
    }
    s->r.target = hpo_dpl_best(s->model);
    s->r.penalise = 1;
    s->r.n_flat = CANDIDATES;
    hpo_posterior model = hpo_dpl_posterior(s->model);
    return hpo_resource_maximise(&s->r, view, &model, NULL, NULL, rng, u_out, err);
}

static hpo_status dpl_explain(void *state, const hpo_view *view, const double *u, char *buf, size_t cap,
                              size_t *n_out, hpo_error *err)
{
    dpl *s = state;
    hpo_str out = {0};
    (void)view;
    hpo_resource_account(&s->r, "dpl", "ei", &out);
    if (!s->r.is_opening) {
        hpo_posterior p = hpo_dpl_posterior(s->model);
        const hpo_transform *t = hpo_dpl_transform(s->model);
        double mean, var;
        p.ops->moments(p.model, u, 1, &mean, &var);
        hpo_str_addf(&out, ",\"rows\":%zu", hpo_dpl_n_rows(s->model));
        hpo_str_json_member(&out, "mean", hpo_transform_invert(t, mean));
        hpo_str_json_member(&out, "sd", hpo_transform_sd(t, mean, var));
    }
    hpo_str_addc(&out, '}');
    return hpo_str_hand_out(&out, buf, cap, n_out, err);
}

static const hpo_option options[] = {
    {"initial", "quasi-random trials before the first model; -1: parameters + 1, between 5 and 10",
     HPO_OPT_INT, offsetof(dpl_config, initial), -1, -1, 1 << 20, NULL},
};

const hpo_sampler_ops hpo_sampler_dpl = {
    .size = sizeof(hpo_sampler_ops),
    .name = "dpl",
    .help =
        "Networks that give each configuration a power law of the resource: for the scheduler of this name.",
    .reference =
        "Kadra, Janowski, Wistuba & Grabocka: Scaling laws for hyperparameter optimization, NeurIPS 2023",
    .caps = HPO_CAP_DISCRETE | HPO_CAP_CONDITIONAL | HPO_CAP_CONSTRAINTS | HPO_CAP_STRUCTURED |
            HPO_CAP_HISTORY | HPO_CAP_CONTINUOUS | HPO_CAP_DEPENDENT,
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .config_size = sizeof(dpl_config),
    .state_size = sizeof(dpl),
    .init = dpl_init,
    .ask = dpl_ask,
    .fini = dpl_fini,
    .explain = dpl_explain,
};
