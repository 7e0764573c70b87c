/* SPDX-License-Identifier: Apache-2.0 */
/* bench/comparison.h - stored runs, turned into the numbers of a report.
 *
 * A *contest* is one problem with one budget, one number of workers and one way of charging decisions: what
 * methods are compared within.  Its runs are paired by seed.
 *
 * The value of a run at a moment is that of the point recommended then: noise-free where the problem knows
 * it, else as told; +infinity while there is none, or when the recommended one is infeasible.  With several
 * objectives it is minus the hypervolume of all feasible values told at full fidelity so far.
 *
 *   normalised regret = (value - best) / (typical - best)       0: the optimum, 1: a typical random point
 *
 * with best and typical from the problem; see hpo_contest for what happens when they are not known.  Ranks
 * and tests treat regrets below HPO_REGRET_FLOOR as equal; tests and log axes use log10 of it.
 * docs/benchmarks.md explains each number to the reader of a report. */
#ifndef BENCH_COMPARISON_H
#define BENCH_COMPARISON_H
#include "base/arena.h"
#include "bench/results.h"
#include "bench/statistics.h"

#define HPO_REGRET_FLOOR 1e-8 /* the last target of COCO's runtime distributions */

enum { HPO_COMPARISON_TARGETS = 51 };

typedef struct hpo_comparison_options {
    const char *suite;   /* only runs that were made for it; NULL: all */
    const char *against; /* the method that the others are tested against; NULL: that of the best mean rank */
    double alpha;        /* of tests and critical differences */
    double level;        /* of intervals */
    size_t rounds;       /* of the bootstrap */
    uint64_t seed;       /* of the bootstrap */
    size_t points;       /* of a curve, at most */
} hpo_comparison_options;
hpo_comparison_options hpo_comparison_options_init(void); /* 0.05, 0.95, 1000, 1, 60 */

/* Where runs come from: hpo_results, or a test. */
typedef struct hpo_comparison_source {
    const hpo_problem_info *problems;
    size_t n_problems;
    const hpo_run_info *runs;
    size_t n_runs;
    /* Rows of runs[i]; freed with hpo_free. */
    hpo_status (*rows)(void *ctx, size_t i, hpo_run_rows **out, hpo_error *err);
    void *ctx;
} hpo_comparison_source;

/* An estimate over the runs with its interval. */
typedef struct hpo_estimate {
    double value, low, high;
} hpo_estimate;

/* One run. */
typedef struct hpo_contender_run {
    const hpo_run_info *info; /* NULL: there is no such run */
    hpo_stairs spent, time;   /* normalised regret by budget and by virtual time */
    double end;               /* regret at the end of the budget */
    double area;              /* mean of min(regret, 1) over the budget */
} hpo_contender_run;

/* One method in one contest. */
typedef struct hpo_entry {
    hpo_contender_run *runs; /* by seed: n_seeds of the contest */
    size_t n_runs, n_failed;
    double *sorted;         /* regrets at the end, ascending: n_runs */
    double q25, q75, value; /* of the regret; median of the plain values (objective, or hypervolume) */
    hpo_estimate median, mean, area;
    double best_of[3];    /* expected regret of the best of 2, 5, 10 runs; NaN: fewer runs than that */
    double mean_rank;     /* over complete seeds */
    size_t wins, losses;  /* pairs won and lost against the control */
    double p, p_adjusted; /* against the control over seeds; adjusted over all contests; NaN: not tested */
    hpo_estimate *by_budget, *by_time; /* median regret at the contest's grids */
} hpo_entry;

typedef struct hpo_contest {
    const char *label; /* the problem's name, and what sets it apart from other contests on the problem */
    const hpo_problem_info *problem;
    double budget;
    int32_t workers, charged;
    double best, typical;       /* in use */
    int best_known;             /* 1: from the problem; 0: the best value of these results */
    int best_beaten;            /* 1: the problem's best known value was beaten: the better one is in use */
    int typical_known;          /* 1: from the problem; 0: the median first recommendation of these results */
    size_t n_seeds, n_complete; /* complete: every method has a run with that seed */
    const uint64_t *seeds;
    const int *complete; /* by seed */
    size_t n_budgets, n_times;
    const double *budgets, *times;
    hpo_entry *entries; /* by method */
} hpo_contest;

/* One method over all contests. */
typedef struct hpo_standing {
    const char *name;
    size_t n_runs, n_failed, n_missing; /* missing: a seed that other methods ran and this one did not */
    hpo_estimate rank;                  /* mean over contests of the mean rank over complete seeds */
    double block_rank;                  /* mean rank over the blocks of the Friedman test */
    hpo_estimate area;                  /* mean over contests of the mean area */
    size_t wins, losses;
    double p_seeds, p_seeds_adjusted;                  /* pairs are (contest, seed): about these problems */
    double p_contests, p_contests_adjusted;            /* pairs are contests: about problems like these */
    double decision_p50, decision_p99, decision_total; /* real seconds, over all evaluations */
    double decision_mean;
    int64_t n_evaluations;
    double wall, virtual_time;
    double *rank_curve; /* n_fractions: mean rank at that part of the budget */
    double *ecdf;       /* n_ecdf: share of (contest, seed, target) reached */
    double *profile;    /* n_ratios */
} hpo_standing;

typedef struct hpo_comparison {
    hpo_comparison_options options;
    size_t n_methods, n_contests, n_failures;
    hpo_standing *methods;            /* in order of mean rank */
    hpo_contest *contests;            /* by label */
    const hpo_run_info **failures;    /* runs that ended in an error, in the order of the source */
    size_t control;                   /* index of the method tested against */
    size_t n_runs, n_blocks_complete; /* (contest, seed) that every method ran */
    /* Friedman and Nemenyi: one block a contest when there are several, else one a seed. */
    size_t n_blocks;
    int blocks_are_contests;
    hpo_friedman_result friedman;
    double critical_difference;                 /* NaN: fewer than two methods or blocks */
    size_t n_groups, *group_first, *group_last; /* indices into block_order */
    size_t *block_order;                        /* methods by block_rank */
    size_t n_fractions, n_ecdf, n_ratios;
    double *fractions, *ecdf_at, *ratios;
    double ecdf_cut; /* the smallest budget per dimension: further right not all runs take part */
    hpo_arena memory;
    hpo_problem_info *owned_problems; /* of hpo_comparison_load */
    hpo_run_info *owned_runs;
} hpo_comparison;

/* The problems and runs of the source are kept by reference: they must outlive the comparison. */
HPO_NODISCARD hpo_status hpo_comparison_create(const hpo_comparison_source *source,
                                               const hpo_comparison_options *options, hpo_comparison **out,
                                               hpo_error *err);
/* Of a results file; nothing of it is needed afterwards. */
HPO_NODISCARD hpo_status hpo_comparison_load(hpo_results *r, const hpo_comparison_options *options,
                                             hpo_comparison **out, hpo_error *err);
void hpo_comparison_free(hpo_comparison *c);

/* ---- between comparison.c, comparison_stats.c and comparison_curves.c ---- */

/* Every number that follows from the runs; then the curves over all contests. */
HPO_NODISCARD hpo_status hpo_comparison_compute(hpo_comparison *c, hpo_error *err);
HPO_NODISCARD hpo_status hpo_comparison_curves(hpo_comparison *c, hpo_error *err);
/* What ranks and tests see of a regret. */
double hpo_floored_regret(double regret);
/* Ranks of all methods with one seed (its index) at a budget; scratch, order, rank: one for each method. */
void hpo_rank_seed(const hpo_comparison *c, const hpo_contest *k, size_t seed, double budget, double *scratch,
                   size_t *order, double *rank);
/* n zeroed elements that live as long as the comparison, or NULL. */
void *hpo_comparison_room(hpo_comparison *c, size_t n, size_t size);
#endif
