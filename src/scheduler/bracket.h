/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/bracket.h - synchronous brackets: the engine of halving, hyperband and i-epoch.
 * Internal to src/scheduler. */
#ifndef SCHEDULER_BRACKET_H
#define SCHEDULER_BRACKET_H
#include "scheduler/rung.h"

/* One kind of bracket: n_0 trials run to r_0, the best n_1 of them to r_1 ... */
typedef struct hpo_bracket_plan {
    size_t n;
    double resource[HPO_MAX_LEVELS];
    size_t size[HPO_MAX_LEVELS]; /* size[0] HPO_BRACKET_OPEN: all trials that the budget allows */
} hpo_bracket_plan;
#define HPO_BRACKET_OPEN SIZE_MAX

typedef struct hpo_brackets {
    hpo_levels levels; /* first: hpo_levels_list */
    hpo_bracket_plan *plans; /* bracket j follows plan j mod n_plans */
    size_t n_plans;
    struct hpo_bracket *list;
    size_t n, cap, first; /* those before `first` are over */
    size_t promoting;     /* so many brackets promote; in later ones each rung is filled with new trials */
    hpo_sched_rows rows;
} hpo_brackets;

/* Where a new trial would go now: its bracket, the rung that is being filled, and the size of that. */
typedef struct hpo_brackets_opening {
    size_t bracket, rung, size;
} hpo_brackets_opening;
void hpo_brackets_find(const hpo_brackets *b, hpo_brackets_opening *out);
/* Room for n_plans plans, to be filled before the first event.  All brackets promote. */
HPO_NODISCARD hpo_status hpo_brackets_init(hpo_brackets *b, size_t n_plans, hpo_error *err);
/* Levels and plans of Hyperband (hyperband.c); table: as hpo_hyperband_size. */
HPO_NODISCARD hpo_status hpo_hyperband_plans(hpo_brackets *b, const hpo_sched_problem *p, double r_min, double eta,
                                             int table, hpo_error *err);
/* The slots of the ops struct, for a state that begins with its hpo_brackets. */
HPO_NODISCARD hpo_status hpo_brackets_start(void *state, const hpo_sched_start *e, hpo_error *err);
HPO_NODISCARD hpo_status hpo_brackets_report(void *state, const hpo_sched_report *r, hpo_sched_answer *out,
                                             hpo_error *err);
HPO_NODISCARD hpo_status hpo_brackets_tell(void *state, int64_t trial, hpo_state end, const double *y,
                                           hpo_error *err);
HPO_NODISCARD hpo_status hpo_brackets_next(void *state, const hpo_sched_ask *ask, hpo_action *out, hpo_error *err);
HPO_NODISCARD hpo_status hpo_brackets_describe(const void *state, char *buf, size_t cap, size_t *n_out,
                                               hpo_error *err);
void hpo_brackets_fini(void *state);
#endif
