/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/race.h - trials by instances: the table that races and paired tests read.  An instance is the fold of a
 * report (a cross-validation fold, a seed, a data set), or its step when it has no fold.
 * Internal to src/scheduler. */
#ifndef SCHEDULER_RACE_H
#define SCHEDULER_RACE_H
#include "base/map.h"
#include "scheduler/rung.h"

typedef struct hpo_race {
    double *value; /* n_trials x cap_instances; NaN: not measured */
    size_t n_trials, cap_rows, n_instances, cap_instances, cap_value;
    double *sum;    /* by trial */
    int64_t *count; /* by trial */
    size_t cap_sum, cap_count;
    hpo_u64map index; /* instance -> column */
    int64_t best;     /* the complete trial with the best mean, -1: none */
} hpo_race;

void hpo_race_init(hpo_race *r);
void hpo_race_fini(hpo_race *r);
/* 0 in *is_new: this trial has had the instance before; nothing changes. */
HPO_NODISCARD hpo_status hpo_race_add(hpo_race *r, const hpo_sched_report *report, int *is_new, hpo_error *err);
/* The trial has ended well: it may be the best one. */
void hpo_race_complete(hpo_race *r, int64_t trial);
double hpo_race_mean(const hpo_race *r, int64_t trial);
static inline const double *hpo_race_row(const hpo_race *r, int64_t trial)
{
    return r->value + (size_t)trial * r->cap_instances;
}
/* P(T >= t) of the signed-rank statistic T of n differences d under the hypothesis that they are symmetric about 0:
 * small when they are mostly positive.  Zeros share their ranks out (Pratt's zsplit).  Exact, given ranks and zeros,
 * for n <= 25; normal beyond.  scratch: 4 n doubles. */
double hpo_signed_rank_p(const double *d, size_t n, double *scratch);
#endif
