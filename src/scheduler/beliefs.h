/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/beliefs.h - what rules that look ahead keep: the curves of a study, and how each trial is
 * expected to end.  Internal to src/scheduler.
 *
 * A forecast is kept until the trial reports again or the scale of the curves changes. */
#ifndef SCHEDULER_BELIEFS_H
#define SCHEDULER_BELIEFS_H
#include "hpo/scheduler.h"
#include "model/curves.h"

/* The end of one trial's curve. */
typedef struct hpo_belief {
    size_t n, epoch; /* reports and scale that it follows from */
    double mean, sd; /* in curve units */
    double told;     /* the value; NaN: it has not ended in full */
    int failed;
} hpo_belief;

typedef struct hpo_beliefs {
    hpo_curves *curves;
    hpo_belief *of; /* by trial */
    size_t n, cap;
} hpo_beliefs;

HPO_NODISCARD hpo_status hpo_beliefs_init(hpo_beliefs *b, const hpo_sched_problem *p, hpo_error *err);
void hpo_beliefs_fini(hpo_beliefs *b);
/* Makes sure of a place for `trial`. */
HPO_NODISCARD hpo_status hpo_beliefs_need(hpo_beliefs *b, int64_t trial, hpo_error *err);
/* The trial's newest report; its place is there. */
HPO_NODISCARD hpo_status hpo_beliefs_report(hpo_beliefs *b, const hpo_sched_report *r, hpo_error *err);
void hpo_beliefs_tell(hpo_beliefs *b, int64_t trial, hpo_state end, const double *y);
/* The forecast as it is now; NULL: the trial has failed, or nothing is known. */
const hpo_belief *hpo_beliefs_end(hpo_beliefs *b, size_t trial);
#endif
