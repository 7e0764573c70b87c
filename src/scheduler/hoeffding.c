/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/hoeffding.c - the Hoeffding race: a trial stops when its mean is worse than another's for sure.
 *
 * After n instances with values within a range R the mean differs from the expected value by more than
 *     h(n) = R sqrt(ln(2 / delta) / (2 n))
 * with probability at most delta.  A trial stops when its mean - h is above the smallest mean + h of all
 * trials, running, complete or stopped.  Those bounds stand in one ranking: a report costs O(log n).
 *
 * Hoeffding, JASA 58, 1963; Maron, Moore: "Hoeffding races: accelerating model selection search for
 * classification and function approximation", NIPS 1993. */
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "math/func.h"
#include "scheduler/builtin.h"
#include "scheduler/race.h"

typedef struct hoeffding_config {
    double delta, range;
    int64_t first;
} hoeffding_config;

typedef struct hoeffding {
    hoeffding_config config;
    double sign, scale; /* h(n) = scale / sqrt(n) */
    hpo_race race;
    hpo_ranking bounds; /* mean + h by trial */
} hoeffding;

static hpo_status hoeffding_init(void *state, const void *config, const hpo_sched_problem *p, hpo_error *err)
{
    hoeffding *s = state;
    (void)err;
    s->config = *(const hoeffding_config *)config;
    s->sign = p->sign[0];
    s->scale = s->config.range * sqrt(hpo_log(2 / s->config.delta) / 2);
    hpo_race_init(&s->race);
    return HPO_OK;
}

static double half_width(const hoeffding *s, int64_t n)
{
    return s->scale / sqrt((double)n);
}

static hpo_status hoeffding_report(void *state, const hpo_sched_report *r, hpo_sched_answer *out,
                                   hpo_error *err)
{
    hoeffding *s = state;
    int is_new;
    hpo_ranked best;
    int known = (size_t)r->trial < s->race.n_trials;
    int64_t n = known ? s->race.count[r->trial] : 0;
    double old = n > 0 ? hpo_race_mean(&s->race, r->trial) + half_width(s, n) : 0;
    HPO_TRY(hpo_race_add(&s->race, r, &is_new, err));
    if (!is_new) return HPO_OK;
    if (n > 0) hpo_ranking_remove(&s->bounds, old, r->trial);
    double mean = hpo_race_mean(&s->race, r->trial), h = half_width(s, ++n);
    HPO_TRY(hpo_ranking_add(&s->bounds, mean + h, r->trial, 0, 0, err));
    if (n < s->config.first || !hpo_ranking_at(&s->bounds, 0, &best) || !(mean - h > best.value))
        return HPO_OK;
    out->decision = HPO_STOP;
    (void)snprintf(out->reason, sizeof out->reason,
                   "mean %.6g +- %.3g of %lld instances is worse than trial %lld's bound %.6g",
                   mean * s->sign, h, (long long)n, (long long)best.trial, best.value * s->sign);
    return HPO_OK;
}

static void hoeffding_fini(void *state)
{
    hoeffding *s = state;
    hpo_race_fini(&s->race);
    hpo_ranking_fini(&s->bounds);
}

static const hpo_option options[] = {
    {"range", "largest minus smallest value that an instance can give", HPO_OPT_REAL,
     offsetof(hoeffding_config, range), 1, 1e-300, 1e300, NULL},
    {"delta", "probability that a bound is wrong", HPO_OPT_REAL, offsetof(hoeffding_config, delta), 0.05,
     1e-12, 1, NULL},
    {"first", "not before so many instances", HPO_OPT_INT, offsetof(hoeffding_config, first), 2, 1, 1e9,
     NULL},
};

const hpo_scheduler_ops hpo_scheduler_hoeffding = {
    .size = sizeof(hpo_scheduler_ops),
    .name = "hoeffding",
    .help = "Races over instances with a guarantee: stops a trial whose mean is worse than another's "
            "whatever the "
            "distribution within the range.",
    .reference = "Maron, Moore: Hoeffding races, NIPS 1993",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .config_size = sizeof(hoeffding_config),
    .state_size = sizeof(hoeffding),
    .init = hoeffding_init,
    .report = hoeffding_report,
    .fini = hoeffding_fini,
};
