/* SPDX-License-Identifier: Apache-2.0 */
/* bench/problem.h - a problem of the benchmark: a space, an objective and what is known of its optimum.
 *
 * Everything is minimised inside the benchmark: accuracies are turned into errors when a problem is opened.
 * A problem is immutable once open, so many threads may evaluate it at the same time; all noise follows from
 * the seed in the query.  Problems come in families; one family is one file and one row in families.c. */
#ifndef BENCH_PROBLEM_H
#define BENCH_PROBLEM_H
#include "hpo.h"
#include <stddef.h>
#include <stdint.h>

enum { HPO_BENCH_MAX_OBJECTIVES = 12, HPO_BENCH_MAX_OUTCOMES = 12 };

/* Suites a problem belongs to (a problem may be in several). */
#define HPO_SUITE_LIST(X)                                                                                    \
    X(QUICK, "quick")                                                                                        \
    X(BBOB, "bbob")                                                                                          \
    X(MIXED, "mixed")                                                                                        \
    X(CONDITIONAL, "conditional")                                                                            \
    X(NOISY, "noisy")                                                                                        \
    X(HPO, "hpo")                                                                                            \
    X(MULTIFIDELITY, "multifidelity")                                                                        \
    X(MULTIOBJECTIVE, "multiobjective")                                                                      \
    X(CONSTRAINED, "constrained")                                                                            \
    X(HIGHDIM, "highdim")
typedef enum hpo_suite {
#define HPO_SUITE_ENUM(name, word) HPO_SUITE_##name,
    HPO_SUITE_LIST(HPO_SUITE_ENUM)
#undef HPO_SUITE_ENUM
        HPO_N_SUITES
} hpo_suite;

/* A stretch of training with other parameters. */
typedef struct hpo_problem_piece {
    const double *x; /* n_columns */
    double until;    /* resource at which it ended */
} hpo_problem_piece;

typedef struct hpo_problem_query {
    const double *x; /* n_columns, own units, valid in the space */
    double resource; /* value of the fidelity; NaN: full */
    double from;     /* resource already spent on x (a resumed trial); 0: start */
    const hpo_problem_piece *past; /* n_past pieces before x took over (a clone), in order; problems whose values
                                      do not depend on the way there ignore them */
    size_t n_past;
    uint64_t seed;   /* replicate: same seed, same noise */
    int noise_free;  /* 1: the expected value, where the problem knows it (exact_known) */
} hpo_problem_query;

typedef struct hpo_problem_answer {
    double y[HPO_BENCH_MAX_OBJECTIVES];
    double outcome[HPO_BENCH_MAX_OUTCOMES]; /* measured constraints, feasible iff <= 0 */
    double seconds;                         /* virtual time from `from` to `resource` */
    int failed;                             /* 1: crash, divergence: no values; seconds still count */
} hpo_problem_answer;

typedef struct hpo_problem_family hpo_problem_family;

typedef struct hpo_problem {
    char name[96];
    const hpo_problem_family *family;
    hpo_space *space; /* frozen; owned */
    size_t n_objectives, n_outcomes;
    const char *objective_names[HPO_BENCH_MAX_OBJECTIVES]; /* static or owned by state */
    double full_resource;                                  /* the fidelity's maximum, NaN: no fidelity */
    double min_resource;
    int resumable;                         /* a trial can go on from `from` */
    int noisy;                             /* values depend on the seed */
    int exact_known;                       /* noise_free is honoured */
    double best[HPO_BENCH_MAX_OBJECTIVES]; /* one objective: the optimum or best-known value; NaN: unknown */
    int best_is_exact;                     /* 1: proven or published optimum, 0: best known */
    const double *best_x;                  /* a location of the optimum (n_columns), or NULL */
    double typical; /* median of random configurations; NaN until hpo_problem_find_typical;
                       normalised regret = (y - best) / (typical - best) */
    double reference_point[HPO_BENCH_MAX_OBJECTIVES]; /* for hypervolume */
    double best_hypervolume;                          /* with that reference point; NaN: unknown */
    int64_t budget;                                   /* recommended number of full evaluations */
    uint32_t suites;                                  /* bits 1u << hpo_suite */
    void *state;
} hpo_problem;

struct hpo_problem_family {
    const char *name;      /* "bbob" */
    const char *help;      /* one sentence */
    const char *reference; /* paper or data source with licence */
    int needs_data;        /* 1: reads files under the data folder */
    /* Name of problem i of this family (0,1,2,...); 0 when there is no further one.  data may be NULL. */
    int (*list)(size_t i, const char *data, char *name, size_t cap);
    /* Fills p (zeroed, name and family set).  HPO_ENOTFOUND: not one of ours. */
    hpo_status (*open)(hpo_problem *p, const char *data, hpo_error *err);
    /* x is valid.  Thread-safe. */
    hpo_status (*evaluate)(const hpo_problem *p, const hpo_problem_query *q, hpo_problem_answer *a,
                           hpo_error *err);
    void (*close)(hpo_problem *p); /* optional: frees state */
};

/* The built-in families; NULL-terminated. */
extern const hpo_problem_family *const hpo_problem_families[];

/* Opens by name ("branin", "bbob-f03-i02-d05", "yahpo-lcbench-167168" ...).  `data` is the folder of
 * benchmark data or NULL.  HPO_ENOTFOUND has the nearest names, or says that --data is needed. */
HPO_NODISCARD hpo_status hpo_problem_open(const char *name, const char *data, hpo_problem **out,
                                          hpo_error *err);
void hpo_problem_free(hpo_problem *p);
/* Computes p->typical where the family gave none (4096 evaluations).  Before other threads use p. */
HPO_NODISCARD hpo_status hpo_problem_find_typical(hpo_problem *p, hpo_error *err);
HPO_NODISCARD hpo_status hpo_problem_evaluate(const hpo_problem *p, const hpo_problem_query *q,
                                              hpo_problem_answer *a, hpo_error *err);
/* Names of all problems of a suite (HPO_N_SUITES: of all), to be freed with hpo_free (one block). */
HPO_NODISCARD hpo_status hpo_problem_names(hpo_suite suite, const char *data, char ***names, size_t *n,
                                           hpo_error *err);
/* For noise: a standard normal / uniform number that follows from (seed, x, k) only. */
double hpo_problem_normal(const hpo_problem_query *q, size_t n_columns, uint32_t k);
double hpo_problem_uniform(const hpo_problem_query *q, size_t n_columns, uint32_t k);
#endif
