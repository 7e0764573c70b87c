/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/pbt.c - population-based training: bad members go on from copies of good ones, with parameters
 * that are perturbed or drawn anew.
 *
 * What comes out is a schedule of parameters, not one configuration: each clone is a trial with its parent's
 * checkpoint, and the schedule can be read off the parents.  See population.c for who is replaced by whom,
 * and explore.c for the change.  The random numbers of a clone are keyed by its trial number.
 *
 * Jaderberg, Dalibard, Osindero, Czarnecki, Donahue, Razavi, Vinyals, Green, Dunning, Simonyan, Fernando,
 * Kavukcuoglu: "Population based training of neural networks", arXiv:1711.09846, 2017. */
#include <string.h>

#include "base/error.h"
#include "math/rng.h"
#include "scheduler/builtin.h"
#include "scheduler/explore.h"
#include "scheduler/population.h"

typedef struct pbt_config {
    hpo_population_config population;
    double resample;
} pbt_config;

typedef struct pbt {
    hpo_population population;
    double resample;
} pbt;

static hpo_status pbt_init(void *state, const void *config, const hpo_sched_problem *p, hpo_error *err)
{
    pbt *s = state;
    const pbt_config *c = config;
    s->resample = c->resample;
    return hpo_population_init(&s->population, &c->population, p, err);
}

static hpo_status pbt_next(void *state, const hpo_sched_ask *ask, hpo_action *out, hpo_error *err)
{
    const pbt *s = state;
    const hpo_population *p = &s->population;
    int64_t parent;
    hpo_rng rng;
    HPO_TRY(hpo_population_next(p, ask, out, &parent, err));
    if (parent < 0) return HPO_OK;
    memcpy(out->u, p->u + (size_t)out->trial * p->n_dims, p->n_dims * sizeof *out->u);
    hpo_rng_init(&rng, p->seed, (uint64_t)ask->number, HPO_RNG_EXPLORE);
    int changed = 0;
    HPO_TRY(hpo_explore(p->space, p->fixed, s->resample, &rng, out->u, p->scratch, &changed, err));
    out->changed = changed;
    return HPO_OK;
}

static const hpo_option options[] = {
    HPO_POPULATION_OPTIONS(pbt_config, 10),
    {"resample",
     "probability with which a clone's parameter is drawn anew instead of multiplied by 0.8 or 1.2",
     HPO_OPT_REAL, offsetof(pbt_config, resample), 0.25, 0, 1, NULL},
};

const hpo_scheduler_ops hpo_scheduler_pbt = {
    .size = sizeof(hpo_scheduler_ops),
    .name = "pbt",
    .help = "Population-based training: bad members go on from copies of good ones with changed parameters; "
            "finds "
            "schedules, for programs that can go on from a checkpoint.",
    .reference = "Jaderberg, Dalibard, Osindero and others: Population based training of neural networks, "
                 "arXiv:1711.09846",
    .caps = HPO_SCHED_NEEDS_FIDELITY | HPO_SCHED_PAUSES | HPO_SCHED_CLONES | HPO_SCHED_POINTS,
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .config_size = sizeof(pbt_config),
    .state_size = sizeof(pbt),
    .init = pbt_init,
    .start = hpo_population_start,
    .report = hpo_population_report,
    .tell = hpo_population_tell,
    .next = pbt_next,
    .describe = hpo_population_describe,
    .fini = hpo_population_fini,
};
