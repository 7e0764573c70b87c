/* SPDX-License-Identifier: Apache-2.0 */
/* bench/simulate.h - a study run in virtual time: w asynchronous workers, costs from the problem, no waiting.
 *
 * The whole order of events is a function of the options.  Everything goes through the public API (ask,
 * report, tell) with the study's clock replaced, so schedulers and population methods meet what they meet in
 * real life: pause, resume, promotion, clone, changed parameters, lost workers. */
#ifndef BENCH_SIMULATE_H
#define BENCH_SIMULATE_H
#include <stdatomic.h>

#include "bench/method.h"
#include "bench/problem.h"

/* Zero keeps the default of a field, but for `workers`. */
typedef struct hpo_simulation {
    int32_t workers;                 /* >= 1 */
    uint64_t seed;                   /* of study, noise and accidents */
    const char *sampler, *scheduler; /* specs; NULL: defaults */
    int64_t max_evaluations;         /* trials; 0: none */
    double max_resource;             /* total fidelity units in multiples of one full evaluation; 0: none */
    double max_seconds;              /* virtual; 0: none */
    int report_every_step; /* 1: reports at integer resources (curves); 0: at the rungs 1,2,4.. and the end */
    double straggler_rate, straggler_factor; /* with this probability a trial takes factor times as long */
    double failure_rate;                     /* ends FAILED half-way */
    double preemption_rate; /* the worker is lost half-way; the lease runs out, the trial returns */
    int charge_decisions;   /* 1: real time spent in ask/report counts as virtual time */
    int64_t lag;
    const char *method;          /* what is run: see method.h; NULL: a study of `sampler` and `scheduler` */
    const hpo_method_ops *ops;   /* who implements it; NULL: hpo_method_for(method) */
    const char *data;            /* for the method: the benchmark data folder, or NULL */
    const hpo_solver_host *host; /* for a method in another program, or NULL */
    double lease;                /* virtual seconds until a lost trial is handed out again; default 600 */
    double call_timeout;         /* real seconds that one call of a method in another program may take */
    double wall_timeout;         /* real seconds for the whole run, looked at between events */
    const atomic_int *cancel;    /* nonzero: the run ends with HPO_WAIT at the next event; may be NULL */
} hpo_simulation;

/* One finished (or stopped) piece of work. */
typedef struct hpo_evaluation {
    int64_t trial, index; /* index: 0,1,2,... in the order of telling */
    hpo_state state;
    const double *x;
    double resource;           /* reached */
    double spent;              /* resource units spent so far by all, in full evaluations */
    double time;               /* virtual seconds at the end of this piece */
    double decision_seconds;   /* real time of ask (and reports) for it */
    const double *y, *outcome; /* as told; NULL: none */
    int64_t recommended;       /* trial that the study recommends now, -1: none */
    const double
        *recommended_true; /* its noise-free values (exact_known), else its told values; NULL: none */
    const double *recommended_outcome;
} hpo_evaluation;

/* Runs until a limit is reached or the method has no more to propose.  A limit stops new work; work under way
 * is finished (but for max_seconds, which cuts it off).  HPO_EBUSY: a timeout; HPO_WAIT: cancelled. */
HPO_NODISCARD hpo_status hpo_simulate(const hpo_problem *p, const hpo_simulation *options,
                                      void (*on_evaluation)(void *ctx, const hpo_evaluation *e), void *ctx,
                                      hpo_error *err);
#endif
