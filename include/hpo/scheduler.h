/* SPDX-License-Identifier: Apache-2.0 */
/* hpo/scheduler.h - for those who write a scheduler.  Stable through a minor version.
 *
 * A scheduler decides how long each trial runs and what a free worker does.  Like a sampler it is a fold over
 * the study's ordered events: `start`, `report` and `tell` advance its state, and every decision follows from
 * the state alone, so that a process that replays the stored events decides the same.  The study stores every
 * hand-out and every decision with its reason (HPO_LOG_*, hpo/storage.h).
 *
 * A trial runs in pieces.  A piece goes up to a resource, the value of the fidelity parameter in the trial's
 * configuration.  At its end the trial is paused, to be taken up again with a larger resource (promotion), or
 * a new trial goes on from its checkpoint with other parameters (clone), or it has ended.  Instances, folds
 * and seeds are resources too: their number is the fidelity parameter.
 *
 * With several fidelity parameters (epochs, rows) a scheduler that pauses, and has neither CLONES nor ALONG, is
 * given one resource for all: the cost of a trial in steps of the first at the maximum of the others.  The study
 * moves all of them together (docs/schedulers.md), and feeds reports at the end of a piece only. */
#ifndef HPO_SCHEDULER_H
#define HPO_SCHEDULER_H

#include "hpo/sampler.h"

HPO_BEGIN_DECLS

enum {
    HPO_SCHED_NEEDS_FIDELITY = 1u << 0, /* the space must mark a fidelity parameter */
    HPO_SCHED_PAUSES = 1u << 1,         /* may answer PAUSE and later resume */
    HPO_SCHED_CLONES = 1u << 2,         /* copies checkpoints between trials */
    HPO_SCHED_MULTI_OBJECTIVE = 1u << 3,
    HPO_SCHED_POINTS = 1u << 4, /* start gets the trial's point; without it `u` is NULL */
    HPO_SCHED_ALONG = 1u << 5   /* reads reports on the way, not only at the end of a piece: of several fidelities it
                                   moves the first, the others stand at their maximum (as with CLONES) */
};

/* What stays the same through a study. */
typedef struct hpo_sched_problem {
    const hpo_space *space; /* frozen; outlives the state */
    size_t n_objectives;
    const double *sign; /* n_objectives: values as seen here times this are the user's; outlives the state */
    uint64_t seed;
    double low, high; /* of the resource: the fidelity parameter's; NaN: there is none */
    int32_t whole;    /* it is an integer */
    size_t n_outcomes; /* measured constraints */
} hpo_sched_problem;

enum { HPO_REASON_SIZE = 160 }; /* of a reason, its end included; one line, cut where it does not fit */

/* What a free worker should do. */
typedef enum hpo_action_kind { HPO_ACT_NEW = 0, HPO_ACT_RESUME = 1, HPO_ACT_CLONE = 2, HPO_ACT_WAIT = 3 } hpo_action_kind;
typedef struct hpo_action {
    hpo_action_kind kind;
    int64_t trial;   /* RESUME: the paused trial; CLONE: the trial whose checkpoint the new one begins with */
    double resource; /* how far to run: a value of the fidelity parameter; NaN: its maximum */
    double *u;       /* n_dims of room: a CLONE with other parameters than its parent's is written here, or a NEW
                        that is not to be the sampler's */
    int32_t changed; /* ... and then this is 1.  A clone must be feasible (hpo_space_decode, hpo_space_feasible); a
                        NEW that is not, or that is known already, is left to the sampler */
    char reason[HPO_REASON_SIZE]; /* why; mostly "" for NEW */
} hpo_action;

/* What next may know beside the state: it must not change what start, report or tell do. */
typedef struct hpo_sched_ask {
    uint64_t draw;      /* of the suggestion that NEW would get */
    int64_t number;     /* of the trial that NEW or CLONE would make */
    int32_t may_create; /* 0: the budget of trials is spent; only RESUME is of use */
    int64_t n_running;  /* trials running now */
    int64_t planned;    /* trials that the study's budget allows; 0: no limit known */
} hpo_sched_ask;

/* A piece of a trial begins. */
typedef struct hpo_sched_start {
    hpo_action_kind kind;  /* NEW, RESUME, CLONE; RESUME also when a lost or requeued trial is handed out again */
    int64_t trial, parent; /* parent -1: none */
    double resource;       /* up to where; NaN: there is no fidelity parameter */
    const double *u;       /* n_dims, with HPO_SCHED_POINTS; else NULL */
} hpo_sched_start;

/* One report as the scheduler sees it: minimise-oriented. */
typedef struct hpo_sched_report {
    int64_t trial;
    double step;
    const double *y; /* n_objectives */
    size_t n_objectives;
    int32_t fold;
    double cost; /* since the trial's report before it; 0: unknown.  A program that cannot resume pays again for
                    steps that it had reported before: such reports come again, with their cost */
    int32_t past; /* 1: a stored event is fed again; the answer is not looked at, a rule may leave it out */
} hpo_sched_report;

typedef struct hpo_sched_answer {
    hpo_decision decision;
    int32_t complete; /* with STOP: more would not help; the last value counts as final */
    char reason[HPO_REASON_SIZE]; /* why it pauses or stops */
} hpo_sched_answer;

typedef struct hpo_scheduler_ops {
    size_t size;
    const char *name, *help, *reference; /* REQUIRED, as for samplers */
    uint32_t caps;
    const hpo_option *options;
    size_t n_options;
    size_t config_size, state_size; /* state_size 0: decides from the report alone, and is told nothing else */
    /* optional; fini runs also after a failed init. */
    hpo_status (*init)(void *state, const void *config, const hpo_sched_problem *problem, hpo_error *err);
    /* optional: a piece of a trial begins.  What next returned comes back here, if it was carried out; trials
     * that users enqueued come too. */
    hpo_status (*start)(void *state, const hpo_sched_start *e, hpo_error *err);
    /* REQUIRED: folds one report and decides.  When events are replayed the decision is ignored; *out is
     * CONTINUE before the call.  The study goes on whatever is answered at the fidelity's maximum. */
    hpo_status (*report)(void *state, const hpo_sched_report *r, hpo_sched_answer *out, hpo_error *err);
    /* optional: a trial ended, or was let go by its worker (PAUSED: it may be resumed or cloned from now on).  y
     * is NULL unless it has values. */
    hpo_status (*tell)(void *state, int64_t trial, hpo_state end, const double *y, hpo_error *err);
    /* optional: NULL = always HPO_ACT_NEW at full resource.  Changes nothing.  WAIT is allowed only while
     * trials run. */
    hpo_status (*next)(void *state, const hpo_sched_ask *ask, hpo_action *out, hpo_error *err);
    /* optional: resources at which results of different trials are compared, ascending; returns how many there
     * are and writes at most cap.  Samplers are shown one of them at a time.  NULL: powers of 3 below the
     * maximum. */
    size_t (*levels)(const void *state, double *out, size_t cap);
    /* optional: the state for people, one JSON object: {"rungs":[{"bracket","resource","size","promoted","best",
     * ...},...]}.  Writes at most cap bytes, *n_out gets the size needed. */
    hpo_status (*describe)(const void *state, char *buf, size_t cap, size_t *n_out, hpo_error *err);
    void (*fini)(void *state); /* optional */
} hpo_scheduler_ops;

/* As hpo_sampler_register. */
HPO_API HPO_NODISCARD hpo_status hpo_scheduler_register(const hpo_scheduler_ops *ops, hpo_error *err);

HPO_END_DECLS
#endif
