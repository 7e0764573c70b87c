/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/wilcoxon.c - stops a trial that is worse than the best one on the same instances, by a paired
 * test.
 *
 * The trial's values and those of the best complete trial on common instances are compared with the one-sided
 * signed-rank test.  The trial stops when p < `p` - unless its mean is better than the best trial's: a few
 * large improvements may outweigh many small losses, and the mean is what counts in the end.
 *
 * As the Wilcoxon pruner of Optuna 3.6 (2024); the test: race.c.  A report costs O(k log k) for k instances.
 */
#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "scheduler/builtin.h"
#include "scheduler/race.h"

typedef struct wilcoxon_config {
    double p;
    int64_t first;
} wilcoxon_config;

typedef struct wilcoxon {
    wilcoxon_config config;
    hpo_race race;
    double *scratch;
    size_t cap;
} wilcoxon;

static hpo_status wilcoxon_init(void *state, const void *config, const hpo_sched_problem *p, hpo_error *err)
{
    wilcoxon *s = state;
    (void)p, (void)err;
    s->config = *(const wilcoxon_config *)config;
    hpo_race_init(&s->race);
    return HPO_OK;
}

static hpo_status wilcoxon_report(void *state, const hpo_sched_report *r, hpo_sched_answer *out,
                                  hpo_error *err)
{
    wilcoxon *s = state;
    hpo_race *race = &s->race;
    size_t n = 0;
    int is_new;
    HPO_TRY(hpo_race_add(race, r, &is_new, err));
    if (!is_new || race->best < 0 || race->best == r->trial) return HPO_OK;
    HPO_TRY(hpo_reserve(&s->scratch, &s->cap, 5 * race->n_instances, sizeof *s->scratch, err));
    const double *mine = hpo_race_row(race, r->trial), *best = hpo_race_row(race, race->best);
    for (size_t i = 0; i < race->n_instances; i++)
        if (!isnan(mine[i]) && !isnan(best[i])) s->scratch[n++] = mine[i] - best[i];
    if (n < (size_t)s->config.first) return HPO_OK;
    double p = hpo_signed_rank_p(s->scratch, n, s->scratch + race->n_instances);
    if (!(p < s->config.p) || hpo_race_mean(race, r->trial) < hpo_race_mean(race, race->best)) return HPO_OK;
    out->decision = HPO_STOP;
    (void)snprintf(out->reason, sizeof out->reason,
                   "worse than trial %lld on %zu common instances (signed-rank test, p = %.3g)",
                   (long long)race->best, n, p);
    return HPO_OK;
}

static hpo_status wilcoxon_tell(void *state, int64_t trial, hpo_state end, const double *y, hpo_error *err)
{
    (void)y, (void)err;
    if (end == HPO_STATE_COMPLETE) hpo_race_complete(&((wilcoxon *)state)->race, trial);
    return HPO_OK;
}

static void wilcoxon_fini(void *state)
{
    wilcoxon *s = state;
    hpo_race_fini(&s->race);
    hpo_free(s->scratch);
}

static const hpo_option options[] = {
    {"p", "stop when the probability of such a difference by chance is below this", HPO_OPT_REAL,
     offsetof(wilcoxon_config, p), 0.1, 0, 1, NULL},
    {"first", "not before so many common instances", HPO_OPT_INT, offsetof(wilcoxon_config, first), 2, 1, 1e9,
     NULL},
};

const hpo_scheduler_ops hpo_scheduler_wilcoxon = {
    .size = sizeof(hpo_scheduler_ops),
    .name = "wilcoxon",
    .help =
        "Stops a trial that is worse than the best one on the same folds, seeds or instances, by a paired "
        "signed-rank test.",
    .reference = "Wilcoxon, Biometrics Bulletin 1, 1945; as the Wilcoxon pruner of Optuna 3.6, 2024",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .config_size = sizeof(wilcoxon_config),
    .state_size = sizeof(wilcoxon),
    .init = wilcoxon_init,
    .report = wilcoxon_report,
    .tell = wilcoxon_tell,
    .fini = wilcoxon_fini,
};
