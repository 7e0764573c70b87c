/* SPDX-License-Identifier: Apache-2.0 */
/* bench/recheck.h - is what a study says of its result true?  The configuration that each stored run would
 * recommend is evaluated again with fresh seeds, and so is the one that had the best single value. */
#ifndef BENCH_RECHECK_H
#define BENCH_RECHECK_H
#include <stdatomic.h>

#include "base/str.h"
#include "bench/results.h"

typedef struct hpo_recheck_row {
    const hpo_run_info *run;
    int64_t n;        /* values that the recommendation is based on; 0: none, and nothing else is known */
    double told;      /* the best single value */
    double claimed;   /* expected value of the recommended configuration ... */
    double low, high; /* ... and its 90 % interval: the epistemic part */
    double noise;     /* standard deviation of one measurement, as the model has it: the aleatoric part */
    int64_t repeats;  /* with a value, of the recommended configuration */
    double again, sem, sd; /* their mean, its standard error, their standard deviation */
    double told_again;     /* mean of the repeats of the configuration with the best single value */
    int covered;           /* the mean of the repeats agrees with the interval */
    int64_t inside;        /* repeats in the 90 % interval of one measurement: both parts */
} hpo_recheck_row;

typedef struct hpo_recheck {
    hpo_run_info *runs;
    hpo_recheck_row *rows; /* as hpo_results_runs has them, problems with one objective only */
    size_t n;
} hpo_recheck;

typedef struct hpo_recheck_options {
    const char *data;         /* the benchmark data folder or NULL */
    int64_t repeats;          /* of each configuration, 2 or more */
    int32_t threads;          /* 0: as many as there are cores */
    const atomic_int *cancel; /* nonzero: HPO_WAIT; may be NULL */
} hpo_recheck_options;

/* Which configuration and what is expected of it: hpo_recommend (analysis/recommend.h), for every method
 * alike, from the values told at full fidelity.  Repeat k of a run has a seed that follows from (problem,
 * seed of the run, k): the same for all methods. */
HPO_NODISCARD hpo_status hpo_recheck_runs(hpo_results *r, const hpo_recheck_options *o, hpo_recheck **out,
                                          hpo_error *err);
void hpo_recheck_free(hpo_recheck *c);
/* Rows first to last - 1, of one problem, as a picture: intervals, repeats and best single values. */
void hpo_recheck_svg(hpo_str *s, const hpo_recheck_row *rows, size_t n);
#endif
