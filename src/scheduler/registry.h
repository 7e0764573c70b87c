/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/registry.h - the table of schedulers, and a scheduler at work. */
#ifndef SCHEDULER_REGISTRY_H
#define SCHEDULER_REGISTRY_H
#include "hpo/scheduler.h"

/* The scheduler that leaves every trial alone, and the one that a study uses when its user names none but declares
 * a fidelity: by that he has said that trials may be run on less. */
#define HPO_NO_SCHEDULER "none"
#define HPO_DEFAULT_SCHEDULER "auto"

/* Scheduler i, built-ins first; NULL behind the last. */
const hpo_scheduler_ops *hpo_scheduler_at(size_t i);
const hpo_scheduler_ops *hpo_scheduler_find(const char *name); /* NULL: there is none */

typedef struct hpo_scheduler {
    const hpo_scheduler_ops *ops;
    void *config, *state;
} hpo_scheduler;

/* As hpo_sampler_open; spec NULL: none. */
HPO_NODISCARD hpo_status hpo_scheduler_open(const char *spec, const hpo_sched_problem *problem,
                                            hpo_scheduler *out, hpo_error *err);
void hpo_scheduler_close(hpo_scheduler *s);
/* HPO_SCHED_*; of joined schedulers what any part can do. */
uint32_t hpo_scheduler_caps(const hpo_scheduler *s);
/* Word of one HPO_SCHED_* bit ("needs-fidelity"), NULL for an unknown one. */
const char *hpo_scheduler_cap_name(uint32_t bit);
#endif
