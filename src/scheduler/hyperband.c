/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/hyperband.c - Hyperband: brackets of successive halving from "many trials, short" to "few trials,
 * long".
 *
 * s_max + 1 is the number of levels.  Bracket s = s_max, ..., 0 begins with n = ceil((s_max + 1) eta^s / (s +
 * 1)) trials at r = R eta^-s and keeps floor(n eta^-i) of them at r eta^i.  For R = 81, eta = 3: 81, 34, 15,
 * 8, 5 (Algorithm 1).  The printed Table 1, as the authors' program, has n = floor((s_max + 1) / (s + 1))
 * eta^s: 81, 27, 9, 6, 5; `sizes=table` takes those.  After bracket 0 it begins again.
 *
 * Li, Jamieson, DeSalvo, Rostamizadeh, Talwalkar: "Hyperband: a novel bandit-based approach to hyperparameter
 * optimization", JMLR 18, 2018, Algorithm 1 and Table 1. */
#include "base/error.h"
#include "math/func.h"
#include "scheduler/bracket.h"
#include "scheduler/builtin.h"

typedef struct hyperband_config {
    double eta, min;
    int32_t table;
} hyperband_config;

hpo_status hpo_hyperband_plans(hpo_brackets *b, const hpo_sched_problem *p, double r_min, double eta,
                               int table, hpo_error *err)
{
    HPO_TRY(hpo_levels_init(&b->levels, p, r_min, eta, err));
    size_t n_levels = b->levels.n;
    HPO_TRY(hpo_brackets_init(b, n_levels, err));
    for (size_t j = 0; j < n_levels; j++) {
        size_t s = n_levels - 1 - j, n = hpo_hyperband_size(n_levels, s, eta, table);
        hpo_bracket_plan *plan = &b->plans[j];
        for (size_t i = 0; i <= s; i++) {
            size_t keep = hpo_rung_share(n, hpo_pow(eta, (double)i));
            plan->resource[plan->n] = b->levels.at[j + i];
            plan->size[plan->n++] = keep > 0 ? keep : 1;
        }
    }
    return HPO_OK;
}

static hpo_status hyperband_init(void *state, const void *config, const hpo_sched_problem *p, hpo_error *err)
{
    const hyperband_config *c = config;
    return hpo_hyperband_plans(state, p, c->min, c->eta, c->table, err);
}

static const char *const sizes[] = {"algorithm", "table", NULL};
static const hpo_option options[] = {
    {"eta", "keep the best 1/eta at each rung; rungs are a factor eta apart", HPO_OPT_REAL,
     offsetof(hyperband_config, eta), 3, 1.2, 100, NULL},
    {"min", "resource of the lowest rung; 0: the fidelity's minimum", HPO_OPT_REAL,
     offsetof(hyperband_config, min), 0, 0, 1e300, NULL},
    {"sizes", "numbers of trials as in the paper's Algorithm 1 or as in its Table 1", HPO_OPT_ENUM,
     offsetof(hyperband_config, table), 0, 0, 1, sizes},
};

const hpo_scheduler_ops hpo_scheduler_hyperband = {
    .size = sizeof(hpo_scheduler_ops),
    .name = "hyperband",
    .help =
        "Brackets of successive halving in rounds, from many short trials to few long ones: the published "
        "algorithm.",
    .reference = "Li, Jamieson, DeSalvo, Rostamizadeh, Talwalkar: Hyperband, JMLR 18, 2018, Algorithm 1",
    .caps = HPO_SCHED_NEEDS_FIDELITY | HPO_SCHED_PAUSES,
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .config_size = sizeof(hyperband_config),
    .state_size = sizeof(hpo_brackets),
    .init = hyperband_init,
    .start = hpo_brackets_start,
    .report = hpo_brackets_report,
    .tell = hpo_brackets_tell,
    .next = hpo_brackets_next,
    .levels = hpo_levels_list,
    .describe = hpo_brackets_describe,
    .fini = hpo_brackets_fini,
};
