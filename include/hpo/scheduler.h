/* SPDX-License-Identifier: Apache-2.0 */
/* hpo/scheduler.h - for those who write a scheduler.  Stable through a minor version.
 *
 * A scheduler decides how long each trial runs.  Like a sampler it is a fold over the study's ordered
 * events: `report` and `tell` advance its state, decisions follow from the state alone. */
#ifndef HPO_SCHEDULER_H
#define HPO_SCHEDULER_H

#include "hpo/sampler.h"

HPO_BEGIN_DECLS

enum {
    HPO_SCHED_NEEDS_FIDELITY = 1u << 0, /* the space must mark a fidelity parameter */
    HPO_SCHED_PAUSES = 1u << 1,         /* may answer PAUSE and later resume */
    HPO_SCHED_CLONES = 1u << 2,         /* copies checkpoints between trials */
    HPO_SCHED_MULTI_OBJECTIVE = 1u << 3
};

/* One report as the scheduler sees it: minimise-oriented. */
typedef struct hpo_sched_report {
    int64_t trial;
    double step;
    const double *y; /* n_objectives */
    size_t n_objectives;
    int32_t fold;
} hpo_sched_report;

/* What a free worker should do. */
typedef enum hpo_action_kind { HPO_ACT_NEW = 0, HPO_ACT_RESUME = 1, HPO_ACT_CLONE = 2, HPO_ACT_WAIT = 3 } hpo_action_kind;
typedef struct hpo_action {
    hpo_action_kind kind;
    int64_t trial;   /* RESUME, CLONE: the paused or cloned trial */
    double resource; /* how far to run: the value of the fidelity parameter; NaN: its maximum */
} hpo_action;

typedef struct hpo_scheduler_ops {
    size_t size;
    const char *name, *help, *reference; /* REQUIRED, as for samplers */
    uint32_t caps;
    const hpo_option *options;
    size_t n_options;
    size_t config_size, state_size;
    /* optional */
    hpo_status (*init)(void *state, const void *config, const hpo_space *space, size_t n_objectives, uint64_t seed,
                       hpo_error *err);
    /* REQUIRED: folds one report and decides.  When events are replayed the decision is ignored. */
    hpo_status (*report)(void *state, const hpo_sched_report *r, hpo_decision *out, hpo_error *err);
    /* optional: a trial ended (a pause is no end: it follows from report); y is NULL unless it has values. */
    hpo_status (*tell)(void *state, int64_t trial, hpo_state end, const double *y, hpo_error *err);
    /* optional: NULL = always HPO_ACT_NEW at full resource. */
    hpo_status (*next)(void *state, uint64_t draw, hpo_action *out, hpo_error *err);
    void (*fini)(void *state); /* optional */
} hpo_scheduler_ops;

/* As hpo_sampler_register. */
HPO_API HPO_NODISCARD hpo_status hpo_scheduler_register(const hpo_scheduler_ops *ops, hpo_error *err);

HPO_END_DECLS
#endif
