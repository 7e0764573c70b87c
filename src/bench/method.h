/* SPDX-License-Identifier: Apache-2.0 */
/* bench/method.h - what is compared: something that proposes configurations for a problem and is told
 * results.
 *
 * The simulated runner (simulate.c) owns the virtual clock, the workers, the costs and the accidents; a
 * method only answers.  One implementation is a study of this library (method.c: "random",
 * "sobol:scramble=shift", "random+SCHEDULER:key=value"), the other a solver in another program ("@NAME" or
 * "@path", protocol.c). */
#ifndef BENCH_METHOD_H
#define BENCH_METHOD_H
#include "bench/problem.h"

/* What a solver in another program needs from its surroundings (protocol.c); filled by the command, which may
 * read the environment. */
typedef struct hpo_solver_host {
    const char *adapters;    /* the folder with solvers.json, or NULL: only "@path" works */
    const char *const *envp; /* the solver's environment, ends in NULL; NULL: an empty one */
} hpo_solver_host;

typedef struct hpo_method_setup {
    const hpo_problem *problem; /* outlives the method */
    const char *spec;           /* the whole text, e.g. "sobol:scramble=shift" or "@optuna-tpe" */
    uint64_t seed;              /* the method's only source of randomness */
    int32_t workers;            /* trials out at the same time */
    double budget;              /* full evaluations that will be paid for; 0: not known */
    int64_t max_trials; /* so many trials are asked for at most, resumed ones not counted; 0: no limit */
    int every_step;     /* reports come at every integer resource: make none of them quiet */
    int64_t lag;        /* hpo_study_options.lag */
    double lease;       /* virtual seconds; infinite: workers are never lost */
    double timeout;     /* real seconds that one call may take; 0: no limit */
    const char *data;   /* the benchmark data folder or NULL */
    const hpo_solver_host *host; /* for "@..." methods; NULL: no adapters, empty environment */
} hpo_method_setup;

/* A piece of work.  The method fills everything; the runner hands the same object back in report, tell and
 * abandon. */
typedef struct hpo_method_trial {
    int64_t number;  /* the method's number; the same when a trial is resumed or handed out again */
    int64_t parent;  /* -1, or the trial whose state this one continues (clone) */
    int32_t attempt; /* 1, and one more each time it is handed out */
    const double *x; /* n_columns, valid in the space, until tell or abandon */
    int quiet;       /* 1: intermediate results are of no use to the method: none will be reported */
    double resource; /* run up to this value of the fidelity; NaN: to its maximum (or there is none) */
    void *handle;    /* for the method's own use */
} hpo_method_trial;

/* How a piece of work ended. */
typedef struct hpo_method_result {
    hpo_state state;       /* COMPLETE, STOPPED, PAUSED, FAILED */
    const double *y;       /* n_objectives, minimised; NULL: none */
    const double *outcome; /* n_outcomes, feasible iff <= 0; NULL: none */
    double resource;       /* reached (1 without a fidelity) */
    double cost;           /* virtual seconds of this piece */
} hpo_method_result;

typedef struct hpo_method_ops {
    const char *name; /* what implements it, for messages: "study", "solver" */
    /* HPO_EUNSUPPORTED and the like: this method cannot do this problem; the run is reported as failed. */
    hpo_status (*open)(const hpo_method_setup *setup, void **self, hpo_error *err);
    /* `now` is the virtual time in seconds.  HPO_WAIT: nothing before the next event; HPO_DONE: never again.
     */
    hpo_status (*ask)(void *self, double now, hpo_method_trial *out, hpo_error *err);
    /* optional: an intermediate result; NULL: CONTINUE always, and the runner makes no reports. */
    hpo_status (*report)(void *self, const hpo_method_trial *t, double now, double step, const double *y,
                         double cost, hpo_decision *decision, hpo_error *err);
    hpo_status (*tell)(void *self, hpo_method_trial *t, const hpo_method_result *r, double now,
                       hpo_error *err);
    /* optional: the worker still lives (called every third of a lease). */
    hpo_status (*renew)(void *self, const hpo_method_trial *t, double now, hpo_error *err);
    /* optional: the worker has vanished without a word: drop the handle.  When the method cannot notice
     * such a loss (NULL), the runner tells FAILED in its place. */
    void (*abandon)(void *self, hpo_method_trial *t);
    /* optional: number of the trial that the method recommends now, -1: none.  NULL: the runner takes the
     * best feasible value that was told (of equals the first). */
    hpo_status (*recommend)(void *self, int64_t *number, hpo_error *err);
    void (*close)(void *self);
} hpo_method_ops;

/* Who implements a spec: the solver protocol when it begins with '@', else a study. */
const hpo_method_ops *hpo_method_for(const char *spec);

extern const hpo_method_ops hpo_method_study;  /* method.c */
extern const hpo_method_ops hpo_method_solver; /* protocol.c */
#endif
