/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/steps.h - one ranking for each step at which trials report: what median and percentile compare with.
 * First in their states.  Internal to src/scheduler. */
#ifndef SCHEDULER_STEPS_H
#define SCHEDULER_STEPS_H
#include "base/map.h"
#include "scheduler/rung.h"

typedef struct hpo_steps {
    hpo_ranking *at; /* in the order in which steps were first seen */
    double *step;
    size_t n, cap, cap_step;
    hpo_u64map index; /* bits of the step -> place in `at` */
    hpo_sched_rows rows;
} hpo_steps;

/* The ranking of a step, made when it is new. */
HPO_NODISCARD hpo_status hpo_steps_find(hpo_steps *s, double step, hpo_ranking **out, hpo_error *err);
/* Quantile q of the values of a ranking that is not empty, between entries linear (Hyndman & Fan's type 7). */
double hpo_steps_quantile(const hpo_ranking *r, double q);
/* Slots of the ops struct; described are the eight newest steps. */
HPO_NODISCARD hpo_status hpo_steps_describe(const void *state, char *buf, size_t cap, size_t *n_out,
                                            hpo_error *err);
void hpo_steps_fini(void *state);
#endif
