/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/cf_kg.c - continuous-fidelity knowledge gradient: the configuration and the share of the data
 * whose observation is expected to lower the least expected loss in full most, per cost (acq/shares.c); the
 * rest is shares.c.
 *
 * The process is that of FABOLAS, the minimum is that over places instead of the whole space, in closed form.
 * Only the value at the end of a training is observed: what the trace-aware gradient of the paper has beside
 * that, the values on the way there, is not counted.  Trainings under way count as if they had brought what
 * is expected of them.
 *
 * Wu, Toscano-Palmerin, Frazier & Wilson: "Practical multi-fidelity Bayesian optimization for hyperparameter
 * tuning", UAI 2019, arXiv 1903.04703, cfKG; Frazier, Powell & Dayanik, "The knowledge-gradient policy for
 * correlated normal beliefs", INFORMS Journal on Computing 21, 2009, algorithm 1. */
#include "scheduler/builtin.h"
#include "scheduler/shares.h"

#include <stdio.h>

static void say(const hpo_sharing *s, const hpo_shares_answer *a, char *out, size_t size)
{
    hpo_sharing_say_gain(s, a, "is expected to lower the least loss in full by", " spreads of the results",
                         out, size);
}

static hpo_status cf_kg_init(void *state, const void *config, const hpo_sched_problem *p, hpo_error *err)
{
    hpo_sharing *s = state;
    s->name = hpo_scheduler_cf_kg.name;
    s->rule = HPO_SHARES_KNOWLEDGE;
    s->say = say;
    return hpo_sharing_init(s, config, p, err);
}

const hpo_scheduler_ops hpo_scheduler_cf_kg = {
    .size = sizeof(hpo_scheduler_ops),
    .name = "cf-kg",
    .help = "Chooses configuration and resource together, by how much they are expected to lower the least "
            "expected loss "
            "in full per cost: the knowledge gradient over shares of the data.",
    .reference = "Wu, Toscano-Palmerin, Frazier & Wilson: Practical multi-fidelity Bayesian optimization for "
                 "hyperparameter tuning, UAI 2019, cfKG",
    .caps = HPO_SCHED_NEEDS_FIDELITY | HPO_SCHED_PAUSES | HPO_SCHED_POINTS,
    .options = hpo_sharing_options,
    .n_options = HPO_SHARING_N_OPTIONS,
    .config_size = sizeof(hpo_sharing_config),
    .state_size = sizeof(hpo_sharing),
    .init = cf_kg_init,
    .start = hpo_sharing_start,
    .report = hpo_sharing_report,
    .tell = hpo_sharing_tell,
    .next = hpo_sharing_next,
    .levels = hpo_levels_list,
    .describe = hpo_sharing_describe,
    .fini = hpo_sharing_fini,
};
