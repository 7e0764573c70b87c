/* SPDX-License-Identifier: Apache-2.0 */
/* runner/plan.h - a plan between its files: plan.c (settings), planfile.c (study files), planopen.c (the
 * study it makes). */
#ifndef RUNNER_PLAN_H
#define RUNNER_PLAN_H
#include "hpo/runner.h"
#include "runner/command.h"

enum { HPO_PLAN_MAX_OBJECTIVES = 32, HPO_PLAN_MAX_OUTCOMES = 32 };

struct hpo_plan {
    hpo_space *space;
    hpo_study_options options; /* the texts in it are the words below */
    char *name, *sampler, *scheduler, *until, *gpus;
    hpo_words objectives, outcomes; /* names */
    hpo_direction directions[HPO_PLAN_MAX_OBJECTIVES];
    double maxima[HPO_PLAN_MAX_OUTCOMES];
    hpo_objective objective_list[HPO_PLAN_MAX_OBJECTIVES];
    hpo_outcome outcome_list[HPO_PLAN_MAX_OUTCOMES];
    hpo_command command;
    int32_t workers;
    uint64_t given;     /* bit i: setting i was set */
    uint64_t from_file; /* bit i: its entries come from a study file, a setting replaces them */
    int reading_file, seeded;
    char guess[80]; /* a name made from the command */
};

/* 1 when the setting of this name was given. */
int hpo_plan_given(const hpo_plan *p, const char *key);
/* Appends command words with an optional condition. */
HPO_NODISCARD hpo_status hpo_plan_add_words(hpo_plan *p, const char *const *words, size_t n,
                                            const char *condition, hpo_error *err);
#endif
