/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/fabolas.c - FABOLAS: the configuration and the share of the data that tell most, per cost, of
 * where the minimum in full is (acq/shares.c); the rest is shares.c.
 *
 * Klein, Falkner, Bartels, Hennig & Hutter: "Fast Bayesian optimization of machine learning hyperparameters
 * on large datasets", AISTATS 2017, algorithm 2.  There hyperparameters are averaged over. */
#include "scheduler/builtin.h"
#include "scheduler/shares.h"

#include <stdio.h>

static void say(const hpo_sharing *s, const hpo_shares_answer *a, char *out, size_t size)
{
    char of[64];
    (void)snprintf(of, sizeof of, " of %.3g nats of where the minimum is", a->entropy);
    hpo_sharing_say_gain(s, a, "tells", of, out, size);
}

static hpo_status fabolas_init(void *state, const void *config, const hpo_sched_problem *p, hpo_error *err)
{
    hpo_sharing *s = state;
    s->name = hpo_scheduler_fabolas.name;
    s->rule = HPO_SHARES_PLACE;
    s->say = say;
    return hpo_sharing_init(s, config, p, err);
}

const hpo_scheduler_ops hpo_scheduler_fabolas = {
    .size = sizeof(hpo_scheduler_ops),
    .name = "fabolas",
    .help =
        "Chooses configuration and resource together, by what they tell of the minimum in full per cost: for "
        "programs that train on a share of the data.",
    .reference = "Klein, Falkner, Bartels, Hennig & Hutter: Fast Bayesian optimization of machine learning "
                 "hyperparameters on large datasets, AISTATS 2017, algorithm 2",
    .caps = HPO_SCHED_NEEDS_FIDELITY | HPO_SCHED_PAUSES | HPO_SCHED_POINTS,
    .options = hpo_sharing_options,
    .n_options = HPO_SHARING_N_OPTIONS,
    .config_size = sizeof(hpo_sharing_config),
    .state_size = sizeof(hpo_sharing),
    .init = fabolas_init,
    .start = hpo_sharing_start,
    .report = hpo_sharing_report,
    .tell = hpo_sharing_tell,
    .next = hpo_sharing_next,
    .levels = hpo_levels_list,
    .describe = hpo_sharing_describe,
    .fini = hpo_sharing_fini,
};
