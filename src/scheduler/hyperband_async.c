/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/hyperband_async.c - asynchronous Hyperband: ASHA in as many brackets as there are levels, each of
 * which gets the same resource; see asha.c.  With draw, 6 levels and eta 3 trials join them as 243 : 98 : 41
 * : 18 : 9 : 6, as published. */
#include "scheduler/asha.h"
#include "scheduler/builtin.h"

static hpo_status async_init(void *state, const void *config, const hpo_sched_problem *p, hpo_error *err)
{
    return hpo_asha_init(state, config, p, err);
}

static const hpo_option options[] = {
    HPO_ASHA_ETA,
    HPO_ASHA_MIN,
    HPO_ASHA_ALL_BRACKETS,
    {"draw", "draw the bracket of each trial by Hyperband's sizes, instead of by what each has spent",
     HPO_OPT_BOOL, offsetof(hpo_asha_config, draw), 0, 0, 1, NULL},
    HPO_ASHA_FINISH,
};

const hpo_scheduler_ops hpo_scheduler_hyperband_async = {
    .size = sizeof(hpo_scheduler_ops),
    .name = "hyperband-async",
    .help = "Hyperband without waiting: ASHA in several brackets at once; when it is not known how early bad "
            "trials show.",
    .reference = "Klein, Tiao, Lienart, Archambeau, Seeger: Model-based asynchronous hyperparameter and "
                 "architecture search, arXiv:2003.10865, section 3.1; Li and others, JMLR 18, 2018",
    .caps = HPO_SCHED_NEEDS_FIDELITY | HPO_SCHED_PAUSES,
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .config_size = sizeof(hpo_asha_config),
    .state_size = sizeof(hpo_asha),
    .init = async_init,
    .start = hpo_asha_start,
    .report = hpo_asha_report,
    .tell = hpo_asha_tell,
    .next = hpo_asha_next,
    .levels = hpo_levels_list,
    .describe = hpo_asha_describe,
    .fini = hpo_asha_fini,
};
