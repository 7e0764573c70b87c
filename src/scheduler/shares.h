/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/shares.h - configuration and resource chosen together: the engine of fabolas, mf-mes, cf-kg and boca.
 * Internal to src/scheduler. */
#ifndef SCHEDULER_SHARES_H
#define SCHEDULER_SHARES_H
#include "acq/shares.h"
#include "scheduler/rung.h"

typedef struct hpo_sharing_config {
    double eta, min, overhead, full;
    int64_t initial;
} hpo_sharing_config;

typedef struct hpo_sharing {
    hpo_levels levels; /* first: hpo_levels_list */
    hpo_sharing_config config;
    /* what sets a scheduler apart, before hpo_sharing_init */
    const char *name;
    hpo_shares_rule rule;
    void (*say)(const struct hpo_sharing *s, const hpo_shares_answer *a, char *out, size_t size); /* why */

    const hpo_space *space;
    uint64_t seed, n_pieces, n_new, n_events;
    double sign;
    size_t n_dims;
    hpo_sched_rows rows;
    hpo_rung *rungs;
    hpo_embed *embed;
    hpo_fabolas *model;
    hpo_success *success;
    hpo_shares *shares;
    double *u;       /* by trial */
    uint8_t *status; /* by trial: how its newest piece stands */
    size_t cap_u, cap_status;
    size_t begun[HPO_MAX_LEVELS]; /* pieces, by level */
    size_t n_full, n_failed;
    /* for one decision */
    hpo_fabolas_pending *pending;
    double *mean, *var, *reached; /* by trial: loss in full; what it may go on from */
    double *ok_u;                 /* rows of the classifier */
    uint8_t *ok;
    size_t cap_pending, cap_mean, cap_ok_u, cap_ok;
    /* the last decision, good until the next event */
    uint64_t decided_at; /* of n_events, and whether a trial could be made; 0: none */
    hpo_action decided;
    double *decided_u;
} hpo_sharing;

/* A loss of the model in the user's units. */
double hpo_sharing_units(const hpo_sharing *s, double loss);
/* "<tells> 0.2< of what>, for a cost of 2; in full 0.3 for 62". */
void hpo_sharing_say_gain(const hpo_sharing *s, const hpo_shares_answer *a, const char *does, const char *of, char *out,
                          size_t size);

/* The slots of the ops struct. */
HPO_NODISCARD hpo_status hpo_sharing_init(hpo_sharing *s, const hpo_sharing_config *config,
                                          const hpo_sched_problem *p, hpo_error *err);
HPO_NODISCARD hpo_status hpo_sharing_start(void *state, const hpo_sched_start *e, hpo_error *err);
HPO_NODISCARD hpo_status hpo_sharing_report(void *state, const hpo_sched_report *r, hpo_sched_answer *out,
                                            hpo_error *err);
HPO_NODISCARD hpo_status hpo_sharing_tell(void *state, int64_t trial, hpo_state end, const double *y,
                                          hpo_error *err);
HPO_NODISCARD hpo_status hpo_sharing_next(void *state, const hpo_sched_ask *ask, hpo_action *out, hpo_error *err);
HPO_NODISCARD hpo_status hpo_sharing_describe(const void *state, char *buf, size_t cap, size_t *n_out,
                                              hpo_error *err);
void hpo_sharing_fini(void *state);

extern const hpo_option hpo_sharing_options[];
enum { HPO_SHARING_N_OPTIONS = 5 };
#endif
