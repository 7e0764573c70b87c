/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/dyhpo.c - DyHPO's new configurations: the largest expected improvement at the lowest level of
 * resource.
 *
 * The surrogate is a Gaussian process with a deep kernel over configuration, resource and the curve so far
 * (model/dyhpo.h), which learns from all levels.  A new configuration has no curve yet: it is worth
 *
 *     EI(x, 0) = E max(0, y_0 - f(x, 0)),   y_0 = the least expected value of a trial there (resource.c),
 *
 * what the scheduler `dyhpo` compares with the next pieces of trials that have begun.  Other schedulers that
 * pause trials will do, but for them the lowest level is seldom what counts.  Trials without a report yet
 * count as if their expected value had been seen (kriging believer).
 *
 * Wistuba, Kadra & Grabocka: "Supervising the multi-fidelity race of hyperparameter configurations", NeurIPS
 * 2022; there the candidates are a finite set. */
#include <math.h>

#include "base/error.h"
#include "model/dyhpo.h"
#include "sampler/builtin.h"
#include "sampler/resource.h"

typedef struct dyhpo_config {
    int64_t initial;
} dyhpo_config;

typedef struct dyhpo {
    hpo_resource r; /* first */
    const dyhpo_config *config;
    uint64_t seed;
    hpo_dyhpo *model; /* NULL: before the first ask */
} dyhpo;

static hpo_status dyhpo_init(void *state, const void *config, const hpo_space *space, uint64_t seed,
                             hpo_error *err)
{
    dyhpo *s = state;
    s->config = config;
    s->seed = seed;
    return hpo_resource_init(&s->r, space, seed, s->config->initial, err);
}

static void dyhpo_fini(void *state)
{
    dyhpo *s = state;
    hpo_dyhpo_free(s->model);
    hpo_resource_fini(&s->r);
}

/* The levels are those of the scheduler; without one there are only full trainings. */
static hpo_status begin(dyhpo *s, const hpo_view *view, hpo_error *err)
{
    double level[HPO_RESOURCE_LEVELS];
    if (s->model != NULL) return HPO_OK;
    size_t n = hpo_resource_level_shares(view, level);
    return hpo_dyhpo_create(s->r.embed, level, n, s->seed, &s->model, err);
}

static hpo_status take(void *ctx, size_t trial, double share, double y, hpo_error *err)
{
    dyhpo *s = ctx;
    return hpo_dyhpo_report(s->model, trial, share, y, s->r.u, err);
}

static hpo_status dyhpo_ask(void *state, const hpo_view *view, uint64_t draw, hpo_rng *rng, double *u_out,
                            hpo_error *err)
{
    dyhpo *s = state;
    int taken;
    size_t n_pending;
    const double *pending;
    HPO_TRY(begin(s, view, err));
    HPO_TRY(hpo_resource_look(&s->r, view, take, s, err));
    HPO_TRY(hpo_resource_open(&s->r, draw, rng, u_out, &taken, err));
    if (taken) return HPO_OK;
    HPO_TRY(hpo_resource_pending(&s->r, view, &pending, &n_pending, err));
    if (!hpo_dyhpo_update(s->model, s->r.u) || !hpo_dyhpo_believe(s->model, pending, n_pending)) {
        s->r.is_opening = 1;
        return hpo_opening_ask(&s->r.opening, draw, rng, u_out, err);
    }
    for (size_t i = 0; i < s->r.n_trials; i++)
        s->r.score[i] = hpo_dyhpo_lowest(s->model, i);
    hpo_posterior model = hpo_dyhpo_posterior(s->model);
    return hpo_resource_maximise(&s->r, view, &model, NULL, NULL, rng, u_out, err);
}

static hpo_status dyhpo_explain(void *state, const hpo_view *view, const double *u, char *buf, size_t cap,
                                size_t *n_out, hpo_error *err)
{
    dyhpo *s = state;
    hpo_str out = {0};
    (void)view;
    hpo_resource_account(&s->r, "dyhpo", "ei", &out);
    if (!s->r.is_opening) {
        hpo_posterior p = hpo_dyhpo_posterior(s->model);
        const hpo_transform *t = hpo_dyhpo_transform(s->model);
        double mean, var;
        p.ops->moments(p.model, u, 1, &mean, &var);
        hpo_str_addf(&out, ",\"rows\":%zu", hpo_dyhpo_n_rows(s->model));
        hpo_str_json_member(&out, "mean", hpo_transform_invert(t, mean));
        hpo_str_json_member(&out, "sd", hpo_transform_sd(t, mean, var));
    }
    hpo_str_addc(&out, '}');
    return hpo_str_hand_out(&out, buf, cap, n_out, err);
}

static const hpo_option options[] = {
    {"initial", "quasi-random trials before the first model; -1: parameters + 1, between 5 and 10",
     HPO_OPT_INT, offsetof(dyhpo_config, initial), -1, -1, 1 << 20, NULL},
};

const hpo_sampler_ops hpo_sampler_dyhpo = {
    .size = sizeof(hpo_sampler_ops),
    .name = "dyhpo",
    .help = "A Gaussian process with a deep kernel on configuration, resource and learning curve: for the "
            "scheduler of this name.",
    .reference = "Wistuba, Kadra & Grabocka: Supervising the multi-fidelity race of hyperparameter "
                 "configurations, NeurIPS 2022",
    .caps = HPO_CAP_DISCRETE | HPO_CAP_CONDITIONAL | HPO_CAP_CONSTRAINTS | HPO_CAP_STRUCTURED |
            HPO_CAP_HISTORY | HPO_CAP_CONTINUOUS | HPO_CAP_DEPENDENT,
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .config_size = sizeof(dyhpo_config),
    .state_size = sizeof(dyhpo),
    .init = dyhpo_init,
    .ask = dyhpo_ask,
    .fini = dyhpo_fini,
    .explain = dyhpo_explain,
};
