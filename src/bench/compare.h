/* SPDX-License-Identifier: Apache-2.0 */
/* bench/compare.h - the runner of comparisons: every method on every problem with every seed, budget and
 * number of workers, in parallel, into a results file.
 *
 * Paired: the run of seed s on a problem has one 64-bit seed, a function of the problem's name and s alone.
 * All methods get it, and so does the noise: trial number n of two methods that evaluate the same
 * configuration gets the same value. */
#ifndef BENCH_COMPARE_H
#define BENCH_COMPARE_H
#include <stdatomic.h>

#include "bench/method.h"
#include "bench/problem.h"
#include "bench/results.h"

typedef struct hpo_compare_progress {
    int64_t done, skipped, failed, total; /* runs; skipped: were in the file already */
    int64_t evaluations;                  /* made now */
    double seconds;                       /* since the start */
    const char *problem, *method;         /* of the run that has just ended; NULL: preparing */
    const char *error;                    /* of that run, or NULL */
    uint64_t seed;
} hpo_compare_progress;

typedef struct hpo_compare_plan {
    const char *suite;      /* stored with each run; NULL: none */
    hpo_problem **problems; /* open; their `typical` is filled here */
    const char **methods;
    const double *budgets;  /* full evaluations; NULL: each problem's own */
    const int32_t *workers; /* NULL: one */
    size_t n_problems, n_methods, n_budgets, n_workers;
    int64_t first_seed, n_seeds;
    int charge_decisions, every_step;
    int retry; /* run again what ended in an error */
    double straggler_rate, straggler_factor, failure_rate, preemption_rate;
    double run_timeout;          /* real seconds a run; 0: no limit */
    double call_timeout;         /* real seconds that a method in another program may take to answer; 0: 60 */
    const char *data;            /* the benchmark data folder or NULL */
    const hpo_solver_host *host; /* for methods in other programs, or NULL */
    int32_t threads;             /* 0: as many as there are cores */
    const atomic_int *cancel;    /* nonzero: runs under way are dropped; may be NULL */
    void (*progress)(void *ctx, const hpo_compare_progress *p); /* one thread at a time; may be NULL */
    void *ctx;
} hpo_compare_plan;

/* The seed of all runs of seed `s` on that problem. */
uint64_t hpo_compare_seed(const char *problem, uint64_t s);
/* HPO_WAIT: cancelled; what has ended is stored.  A method that fails is no failure of the comparison: its
 * run is stored with the error.  *out (may be NULL) gets the final counts. */
HPO_NODISCARD hpo_status hpo_compare(const hpo_compare_plan *c, hpo_results *results,
                                     hpo_compare_progress *out, hpo_error *err);
#endif
