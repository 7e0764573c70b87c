/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/mf_mes.c - multi-fidelity max-value entropy search: the configuration and the share of the data
 * that tell most, per cost, of the least value in full (acq/max_value.c, acq/shares.c); the rest is shares.c.
 *
 * The process is that of FABOLAS, where the paper has one of several outputs, a level each.  Trainings under
 * way count as if they had brought what is expected of them; the paper has an information gain given all of
 * their outcomes.
 *
 * Takeno, Fukuoka, Tsukada, Koyama, Shiga, Takeuchi & Karasuyama: "Multi-fidelity Bayesian optimization with
 * max-value entropy search and its parallelization", ICML 2020, arXiv 1901.08275, algorithm 1. */
#include "scheduler/builtin.h"
#include "scheduler/shares.h"

#include <stdio.h>

static void say(const hpo_sharing *s, const hpo_shares_answer *a, char *out, size_t size)
{
    hpo_sharing_say_gain(s, a, "tells", " nats of the least value in full", out, size);
}

static hpo_status mf_mes_init(void *state, const void *config, const hpo_sched_problem *p, hpo_error *err)
{
    hpo_sharing *s = state;
    s->name = hpo_scheduler_mf_mes.name;
    s->rule = HPO_SHARES_VALUE;
    s->say = say;
    return hpo_sharing_init(s, config, p, err);
}

const hpo_scheduler_ops hpo_scheduler_mf_mes = {
    .size = sizeof(hpo_scheduler_ops),
    .name = "mf-mes",
    .help =
        "Chooses configuration and resource together, by what they tell of the least value in full per cost: "
        "max-value entropy search over shares of the data.",
    .reference = "Takeno, Fukuoka, Tsukada, Koyama, Shiga, Takeuchi & Karasuyama: Multi-fidelity Bayesian "
                 "optimization "
                 "with max-value entropy search and its parallelization, ICML 2020, algorithm 1",
    .caps = HPO_SCHED_NEEDS_FIDELITY | HPO_SCHED_PAUSES | HPO_SCHED_POINTS,
    .options = hpo_sharing_options,
    .n_options = HPO_SHARING_N_OPTIONS,
    .config_size = sizeof(hpo_sharing_config),
    .state_size = sizeof(hpo_sharing),
    .init = mf_mes_init,
    .start = hpo_sharing_start,
    .report = hpo_sharing_report,
    .tell = hpo_sharing_tell,
    .next = hpo_sharing_next,
    .levels = hpo_levels_list,
    .describe = hpo_sharing_describe,
    .fini = hpo_sharing_fini,
};
