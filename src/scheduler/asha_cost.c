/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/asha_cost.c - ASHA that shares out cost instead of counting trials: the rule stands in asha.c.
 * Costs are those of the reports (`_cost`, else wall time), a program that had to begin again included. */
#include "scheduler/asha.h"
#include "scheduler/builtin.h"

static hpo_status cost_init(void *state, const void *config, const hpo_sched_problem *p, hpo_error *err)
{
    hpo_asha *s = state;
    s->by_cost = 1;
    return hpo_asha_init(s, config, p, err);
}

static const hpo_option options[] = {
    HPO_ASHA_ETA,
    HPO_ASHA_MIN,
    HPO_ASHA_BRACKETS,
    HPO_ASHA_FINISH,
};

const hpo_scheduler_ops hpo_scheduler_asha_cost = {
    .size = sizeof(hpo_scheduler_ops),
    .name = "asha-cost",
    .help =
        "ASHA by cost: at each rung the best trials that together cost 1/eta of what the rung has cost go "
        "on; right when some configurations are far dearer than others.",
    .reference = "Salinas, Seeger, Klein and others: Syne Tune, AutoML 2022, cost-promotion; rungs: Li and "
                 "others, MLSys 2020",
    .caps = HPO_SCHED_NEEDS_FIDELITY | HPO_SCHED_PAUSES,
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .config_size = sizeof(hpo_asha_config),
    .state_size = sizeof(hpo_asha),
    .init = cost_init,
    .start = hpo_asha_start,
    .report = hpo_asha_report,
    .tell = hpo_asha_tell,
    .next = hpo_asha_next,
    .levels = hpo_levels_list,
    .describe = hpo_asha_describe,
    .fini = hpo_asha_fini,
};
