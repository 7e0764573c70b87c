/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/dyhpo.c - DyHPO: whoever is expected to improve most in its next piece goes on.
 *
 * A Gaussian process with a deep kernel over configuration, resource and the curve so far (model/dyhpo.h)
 * predicts one value, that of the next level.  A free worker is given what has the largest
 *
 *     EI(x, j) = E max(0, y_j - f(x, j)),   y_j = the least value seen at level j (of all values, where
 * nobody has been there),
 *
 * over all paused trials at the level above their last, and new configurations at the lowest one (improve.h).
 *
 * A share of the decisions is ASHA's, `halving`: what is best one step ahead need not be what ends best.  The
 * paper has no such share; Syne Tune's version has a quarter.
 *
 * Wistuba, Kadra & Grabocka: "Supervising the multi-fidelity race of hyperparameter configurations", NeurIPS
 * 2022, algorithm 1. */
#include "model/dyhpo.h"
#include "scheduler/builtin.h"
#include "scheduler/improve.h"

static hpo_status create(const hpo_embed *embed, const double *level, size_t n_levels, uint64_t seed,
                         void **out, hpo_error *err)
{
    hpo_dyhpo *model;
    hpo_status s = hpo_dyhpo_create(embed, level, n_levels, seed, &model, err);
    *out = model;
    return s;
}

static void destroy(void *model)
{
    hpo_dyhpo_free(model);
}

static hpo_status report(void *model, size_t trial, double resource, double value, const double *u,
                         hpo_error *err)
{
    return hpo_dyhpo_report(model, trial, resource, value, u, err);
}

static hpo_posterior fresh(const void *model)
{
    return hpo_dyhpo_posterior(model);
}

static const hpo_transform *transform(const void *model)
{
    return hpo_dyhpo_transform(model);
}

static int update(void *model, const double *u)
{
    return hpo_dyhpo_update(model, u);
}

static void next(void *model, const double *u, const uint32_t *trial, size_t n, double *mean, double *var,
                 double *best)
{
    hpo_dyhpo_next(model, u, trial, n, mean, var, best);
}

static double best_new(const void *model)
{
    return hpo_dyhpo_best(model, 0);
}

static const hpo_improve_model dyhpo_model = {create, destroy,  report,    update, next,
                                              fresh,  best_new, transform, 0,      "there"};

static hpo_status dyhpo_init(void *state, const void *config, const hpo_sched_problem *p, hpo_error *err)
{
    return hpo_improve_init(state, &dyhpo_model, config, p, err);
}

static const hpo_option options[] = {
    {"eta", "rungs are a factor eta apart", HPO_OPT_REAL, offsetof(hpo_improve_config, eta), 3, 1.1, 100,
     NULL},
    {"min", "resource of the lowest rung; 0: the fidelity's minimum", HPO_OPT_REAL,
     offsetof(hpo_improve_config, min), 0, 0, 1e300, NULL},
    {"halving", "share of decisions that are ASHA's", HPO_OPT_REAL, offsetof(hpo_improve_config, halving),
     0.25, 0, 1, NULL},
};

const hpo_scheduler_ops hpo_scheduler_dyhpo = {
    .size = sizeof(hpo_scheduler_ops),
    .name = "dyhpo",
    .help = "Goes on with the trial that is expected to improve most in its next piece, or begins a new one, "
            "by a process with a deep kernel on learning curves.",
    .reference = "Wistuba, Kadra & Grabocka: Supervising the multi-fidelity race of hyperparameter "
                 "configurations, NeurIPS 2022, algorithm 1",
    .caps = HPO_SCHED_NEEDS_FIDELITY | HPO_SCHED_PAUSES | HPO_SCHED_POINTS | HPO_SCHED_ALONG,
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .config_size = sizeof(hpo_improve_config),
    .state_size = sizeof(hpo_improve),
    .init = dyhpo_init,
    .start = hpo_improve_start,
    .report = hpo_improve_report,
    .tell = hpo_improve_tell,
    .next = hpo_improve_next,
    .levels = hpo_levels_list,
    .describe = hpo_improve_describe,
    .fini = hpo_improve_fini,
};
