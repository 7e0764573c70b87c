/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/dpl.c - DPL, deep power laws: whoever is expected to improve most by the end goes on.
 *
 * An ensemble of networks gives each configuration a power law of the resource (model/dpl.h), and with it
 * mean and variance of its value at the full resource R.  A free worker is given what has the largest
 *
 *     EI(x, R) = E max(0, y - f(x, R)),   y = the least value seen at any resource,
 *
 * over all paused trials and new configurations (improve.h); the one chosen goes on by one step.  A step is
 * the way to the next level here, a factor eta above, where the paper has one epoch.
 *
 * Kadra, Janowski, Wistuba & Grabocka: "Scaling laws for hyperparameter optimization", NeurIPS 2023,
 * algorithm 1. */
#include "model/dpl.h"
#include "scheduler/builtin.h"
#include "scheduler/improve.h"

static hpo_status create(const hpo_embed *embed, const double *level, size_t n_levels, uint64_t seed,
                         void **out, hpo_error *err)
{
    hpo_dpl *model;
    hpo_status s = hpo_dpl_create(embed, level, n_levels, seed, &model, err);
    *out = model;
    return s;
}

static void destroy(void *model)
{
    hpo_dpl_free(model);
}

static hpo_status report(void *model, size_t trial, double resource, double value, const double *u,
                         hpo_error *err)
{
    return hpo_dpl_report(model, trial, resource, value, u, err);
}

static hpo_posterior fresh(const void *model)
{
    return hpo_dpl_posterior(model);
}

static const hpo_transform *transform(const void *model)
{
    return hpo_dpl_transform(model);
}

static int update(void *model, const double *u)
{
    (void)u;
    return hpo_dpl_ready(model);
}

static void next(void *model, const double *u, const uint32_t *trial, size_t n, double *mean, double *var,
                 double *best)
{
    hpo_dpl_forecast(model, u, trial, n, mean, var);
    for (size_t i = 0; i < n; i++)
        best[i] = hpo_dpl_best(model);
}

static double best_new(const void *model)
{
    return hpo_dpl_best(model);
}

static const hpo_improve_model dpl_model = {create, destroy,  report,    update, next,
                                            fresh,  best_new, transform, 1,      "so far"};

static hpo_status dpl_init(void *state, const void *config, const hpo_sched_problem *p, hpo_error *err)
{
    return hpo_improve_init(state, &dpl_model, config, p, err);
}

static const hpo_option options[] = {
    {"eta", "rungs are a factor eta apart", HPO_OPT_REAL, offsetof(hpo_improve_config, eta), 3, 1.1, 100,
     NULL},
    {"min", "resource of the lowest rung; 0: the fidelity's minimum", HPO_OPT_REAL,
     offsetof(hpo_improve_config, min), 0, 0, 1e300, NULL},
    {"halving", "share of decisions that are ASHA's", HPO_OPT_REAL, offsetof(hpo_improve_config, halving),
     0.25, 0, 1, NULL},
};

const hpo_scheduler_ops hpo_scheduler_dpl = {
    .size = sizeof(hpo_scheduler_ops),
    .name = "dpl",
    .help = "Goes on with the trial that is expected to improve most by the end of its training, or begins a "
            "new one, by "
            "networks that give each configuration a power law of the resource.",
    .reference =
        "Kadra, Janowski, Wistuba & Grabocka: Scaling laws for hyperparameter optimization, NeurIPS 2023, "
        "algorithm 1",
    .caps = HPO_SCHED_NEEDS_FIDELITY | HPO_SCHED_PAUSES | HPO_SCHED_POINTS | HPO_SCHED_ALONG,
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .config_size = sizeof(hpo_improve_config),
    .state_size = sizeof(hpo_improve),
    .init = dpl_init,
    .start = hpo_improve_start,
    .report = hpo_improve_report,
    .tell = hpo_improve_tell,
    .next = hpo_improve_next,
    .levels = hpo_levels_list,
    .describe = hpo_improve_describe,
    .fini = hpo_improve_fini,
};
