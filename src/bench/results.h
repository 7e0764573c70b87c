/* SPDX-License-Identifier: Apache-2.0 */
/* bench/results.h - the results of comparisons: one SQLite file, DIR/results.sqlite, and its CSV export.
 *
 *   meta(key, value)    "schema" (1), "version" of the library, "machine", "command" (of all who wrote),
 *                       "finished" (time of the last), "conditions" (accidents and reports, one for the file)
 *   problem             one row a problem: what is known of its optimum, so that a report needs no data
 *   run                 one row a run: (problem, method, seed, budget, workers, charged) is its key
 *   evaluation          one row a piece of work, in the order of telling
 *
 * A run is written with all its evaluations in one transaction when it has ended, well or not: the file never
 * holds half a run, and what it holds is not run again.  Everything is minimised.  Infinite numbers are
 * +-1e999 in JSON; NaN is NULL.  docs/benchmarks.md describes the columns. */
#ifndef BENCH_RESULTS_H
#define BENCH_RESULTS_H
#include "bench/problem.h"

enum { HPO_RESULTS_SCHEMA = 1 };

typedef struct hpo_results hpo_results;

/* What identifies a run. */
typedef struct hpo_run_key {
    const char *problem, *method;
    uint64_t seed; /* 0, 1, 2, ... as in --seeds: paired across methods */
    double budget; /* full evaluations */
    int32_t workers;
    int32_t charged; /* decision time counts as virtual time */
} hpo_run_key;

typedef struct hpo_run_info {
    hpo_run_key key;
    int64_t id;        /* in the file */
    const char *suite; /* the suite that was asked for, or "" */
    const char
        *error; /* NULL: ended well; else why the method or problem failed (rows up to then are kept) */
    int64_t n;  /* evaluations */
    double virtual_seconds, wall_seconds;              /* of the whole run */
    double decision_p50, decision_p99, decision_total; /* real seconds of ask + report, per evaluation */
    int64_t ended_ms;
} hpo_run_info;

/* The rows of one run by column; m = n_objectives, k = n_outcomes of the problem.  One block: free with
 * hpo_free(rows). */
typedef struct hpo_run_rows {
    size_t n, m, k, n_columns;
    int64_t *trial, *recommended; /* recommended: trial number, -1: none yet */
    int32_t *state;               /* hpo_state: COMPLETE, STOPPED, PAUSED, FAILED */
    double *resource;             /* reached by this trial */
    double *spent;                /* by all so far, in full evaluations */
    double *time;                 /* virtual seconds */
    double *decision;             /* real seconds */
    double *y;                    /* n x m as told; NaN: none */
    double *outcome;              /* n x k as told; NaN: none */
    double *recommended_y;        /* n x m: noise-free at full resource where known; NaN: none */
    double *recommended_outcome;  /* n x k */
    double *x;                    /* n x n_columns, own units */
} hpo_run_rows;

/* What the file knows of a problem. */
typedef struct hpo_problem_info {
    const char *name;
    uint32_t suites;
    size_t n_columns, n_dims, n_objectives, n_outcomes;
    double full_resource; /* NaN: no fidelity */
    int noisy, exact_known, best_is_exact;
    double best[HPO_BENCH_MAX_OBJECTIVES];
    double typical; /* NaN: several objectives or not known */
    double reference_point[HPO_BENCH_MAX_OBJECTIVES], best_hypervolume;
    int64_t budget;
} hpo_problem_info;

/* Opens DIR/results.sqlite; folder and file are made when absent and `write`.  One writer at a time
 * (HPO_EBUSY names the file).  Threads: calls are serialised inside. */
HPO_NODISCARD hpo_status hpo_results_open(const char *dir, int write, hpo_results **out, hpo_error *err);
void hpo_results_free(hpo_results *r);
/* *out is NULL when the key is absent; else free it with hpo_free. */
HPO_NODISCARD hpo_status hpo_results_get_meta(hpo_results *r, const char *key, char **out, hpo_error *err);
HPO_NODISCARD hpo_status hpo_results_set_meta(hpo_results *r, const char *key, const char *value,
                                              hpo_error *err);

/* ---- writing ---- */
/* Records the problem; once recorded its row stays (HPO_EINVAL when it now says something else). */
HPO_NODISCARD hpo_status hpo_results_add_problem(hpo_results *r, const hpo_problem *p, hpo_error *err);
/* 0: there is no such run; 1: ended well; 2: ended in an error. */
HPO_NODISCARD hpo_status hpo_results_find(hpo_results *r, const hpo_run_key *key, int *found, hpo_error *err);
/* One run with its rows, in one transaction; an earlier run of that key is replaced. */
HPO_NODISCARD hpo_status hpo_results_add(hpo_results *r, const hpo_run_info *run, const hpo_run_rows *rows,
                                         hpo_error *err);

/* ---- reading ---- */
/* All problems by name; all runs by problem, method, budget, workers, charged, seed.  One block each, texts
 * included: hpo_free. */
HPO_NODISCARD hpo_status hpo_results_problems(hpo_results *r, hpo_problem_info **out, size_t *n,
                                              hpo_error *err);
HPO_NODISCARD hpo_status hpo_results_runs(hpo_results *r, hpo_run_info **out, size_t *n, hpo_error *err);
/* Rows of the run with that id.  with_x 0: x is NULL. */
HPO_NODISCARD hpo_status hpo_results_rows(hpo_results *r, int64_t id, int with_x, hpo_run_rows **out,
                                          hpo_error *err);
/* Room for n rows, all numbers NaN / -1: one block, hpo_free. */
HPO_NODISCARD hpo_status hpo_run_rows_create(size_t n, size_t m, size_t k, size_t n_columns,
                                             hpo_run_rows **out, hpo_error *err);
/* All evaluations as CSV at `path` (written atomically): problem, suite, method, seed, budget, workers,
 * charged, index, trial, state, resource, spent, time, decision_seconds, y0.., outcome0.., recommended,
 * recommended_y0.., recommended_outcome0.., params (a JSON array of the columns of x). */
HPO_NODISCARD hpo_status hpo_results_export_csv(hpo_results *r, const char *path, hpo_error *err);
#endif
