/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/boca.c - BOCA: the configuration of least confidence bound in full, on the cheapest share of the
 * data at which enough is unknown of it (acq/boca.c); the rest is shares.c.
 *
 * The process is that of FABOLAS.  Trainings under way count as if they had brought what is expected of them;
 * the paper has one after the other.
 *
 * Kandasamy, Dasarathy, Schneider & Poczos: "Multi-fidelity Bayesian optimisation with continuous
 * approximations", ICML 2017, arXiv 1703.06240, algorithm 1. */
#include "scheduler/builtin.h"
#include "scheduler/shares.h"

#include <stdio.h>

static void say(const hpo_sharing *s, const hpo_shares_answer *a, char *out, size_t size)
{
    double bound = hpo_sharing_units(s, a->bound);
    if (a->level + 1 < s->levels.n)
        (void)snprintf(out, size,
                       "may be as good as %.4g in full; unknown by %.3g here, worth while above %.3g, for a "
                       "cost of %.4g",
                       bound, a->sd, a->threshold, a->cost);
    else
        (void)snprintf(
            out, size,
            "may be as good as %.4g in full; no cheaper resource is worth while, for a cost of %.4g", bound,
            a->cost);
}

static hpo_status boca_init(void *state, const void *config, const hpo_sched_problem *p, hpo_error *err)
{
    hpo_sharing *s = state;
    s->name = hpo_scheduler_boca.name;
    s->rule = HPO_SHARES_BOUND;
    s->say = say;
    return hpo_sharing_init(s, config, p, err);
}

const hpo_scheduler_ops hpo_scheduler_boca = {
    .size = sizeof(hpo_scheduler_ops),
    .name = "boca",
    .help = "Chooses the configuration by its confidence bound in full, and the cheapest resource at which "
            "enough is "
            "unknown of it: for programs that train on a share of the data.",
    .reference =
        "Kandasamy, Dasarathy, Schneider & Poczos: Multi-fidelity Bayesian optimisation with continuous "
        "approximations, ICML 2017, algorithm 1",
    .caps = HPO_SCHED_NEEDS_FIDELITY | HPO_SCHED_PAUSES | HPO_SCHED_POINTS,
    .options = hpo_sharing_options,
    .n_options = HPO_SHARING_N_OPTIONS,
    .config_size = sizeof(hpo_sharing_config),
    .state_size = sizeof(hpo_sharing),
    .init = boca_init,
    .start = hpo_sharing_start,
    .report = hpo_sharing_report,
    .tell = hpo_sharing_tell,
    .next = hpo_sharing_next,
    .levels = hpo_levels_list,
    .describe = hpo_sharing_describe,
    .fini = hpo_sharing_fini,
};
