/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/joint.h - several schedulers joined by `and` and `or`.  Internal to src/scheduler. */
#ifndef SCHEDULER_JOINT_H
#define SCHEDULER_JOINT_H
#include "scheduler/registry.h"

/* 1: the text joins schedulers, or has parentheses. */
int hpo_joint_is(const char *spec);
/* As hpo_scheduler_open. */
HPO_NODISCARD hpo_status hpo_joint_open(const char *spec, const hpo_sched_problem *problem, hpo_scheduler *out,
                                        hpo_error *err);
/* 1: s is one of these; *caps then has what its parts can do. */
int hpo_joint_caps(const hpo_scheduler *s, uint32_t *caps);
#endif
