/* SPDX-License-Identifier: Apache-2.0 */
/* bench/statistics.h - what a comparison of methods needs: paired tests, ranks, intervals, step curves.
 *
 * Everything is minimised: smaller values are better.  +infinity is a legal value, the worst one ("nothing to
 * recommend"); NaN is not.  No function has state; random ones follow from the seed. */
#ifndef BENCH_STATISTICS_H
#define BENCH_STATISTICS_H
#include "hpo.h"
#include <stddef.h>
#include <stdint.h>

/* ---- paired test of two methods ---- */

/* What happens to pairs without a difference. */
typedef enum hpo_zeros {
    HPO_ZEROS_PRATT, /* ranked with the others, then left out of both sums (Pratt 1959) */
    HPO_ZEROS_SPLIT, /* ranked with the others, half of each rank to either sum (Demsar 2006) */
    HPO_ZEROS_DROP   /* left out before ranking (Wilcoxon 1945) */
} hpo_zeros;

typedef struct hpo_wilcoxon_result {
    size_t n;           /* pairs */
    size_t n_zero;      /* of them without a difference */
    double plus, minus; /* sums of the ranks of positive and of negative differences */
    double p;           /* two-sided; 1 when no pair differs */
    int exact;          /* 1: from the exact distribution, 0: normal approximation */
} hpo_wilcoxon_result;
/* Signed-rank test of the differences d (n of them).  Up to 50 differences the permutation distribution given
 * the ranks, ties included, is computed exactly; above that the normal approximation with corrections for
 * ties and continuity. */
HPO_NODISCARD hpo_status hpo_wilcoxon(const double *d, size_t n, hpo_zeros zeros, hpo_wilcoxon_result *out,
                                      hpo_error *err);
/* Holm's step-down adjustment (1979) of n p-values; NaN entries are left out and stay NaN. */
HPO_NODISCARD hpo_status hpo_holm(const double *p, size_t n, double *adjusted, hpo_error *err);

/* ---- several methods ---- */

typedef struct hpo_friedman_result {
    double chi2;       /* with the correction for ties, k - 1 degrees of freedom */
    double chi2_plain; /* without it, as in Demsar 2006 */
    double p;          /* of chi2 */
    double f, p_f;     /* Iman and Davenport's statistic from chi2, k - 1 and (k - 1)(n - 1) degrees */
} hpo_friedman_result;
/* values: n blocks x k methods.  mean_rank gets k numbers (1 is best, ties share). */
HPO_NODISCARD hpo_status hpo_friedman(const double *values, size_t n, size_t k, double *mean_rank,
                                      hpo_friedman_result *out, hpo_error *err);
/* Distribution of the range of k independent standard normal numbers (infinite degrees of freedom). */
double hpo_studentised_range_cdf(double q, size_t k);
double hpo_studentised_range_quantile(double p, size_t k);
/* Nemenyi's critical difference of mean ranks: two methods differ at level alpha when their mean ranks over n
 * blocks are further apart. */
double hpo_nemenyi_difference(size_t n, size_t k, double alpha);
/* Groups of methods that do not differ: maximal runs of the sorted mean ranks within `difference`, of two
 * methods or more.  `sorted` ascending; first[g]..last[g] (room for k); returns how many. */
size_t hpo_rank_groups(const double *sorted, size_t k, double difference, size_t *first, size_t *last);

/* ---- one sample ---- */

/* Ascending, in place. */
void hpo_sort_values(double *x, size_t n);
/* Quantile of type 7 of ascending values that may be infinite. */
double hpo_sorted_quantile(const double *x, size_t n, double q);
/* At most `points` numbers from low to high, ascending, evenly on a log scale, the last one `high`; whole
 * numbers when `whole`.  Returns how many; only `high` when there is nothing between. */
size_t hpo_log_grid(double low, double high, size_t points, int whole, double *out);

typedef enum hpo_centre { HPO_CENTRE_MEDIAN, HPO_CENTRE_MEAN } hpo_centre;
/* How often each of n positions is drawn in each of `rounds` bootstrap samples: rounds x n, freed with
 * hpo_free.  One table serves all samples of that size. */
HPO_NODISCARD hpo_status hpo_bootstrap_counts(size_t n, size_t rounds, uint64_t seed, uint16_t **out,
                                              hpo_error *err);
/* Percentile interval of the centre of x (n, ascending) at confidence `level`; scratch: rounds numbers. */
void hpo_bootstrap_interval(const double *x, size_t n, hpo_centre centre, const uint16_t *counts,
                            size_t rounds, double level, double *scratch, double *low, double *high);
/* Expectation of the best (smallest) of k draws with replacement from x (n, ascending):
 * sum_i x_i [((n-i+1)/n)^k - ((n-i)/n)^k], i = 1..n (Dodge et al. 2019). */
double hpo_best_of(const double *x, size_t n, size_t k);

/* ---- a run as a step function of its budget ---- */

/* The value is infinite before at[0] and value[i] from at[i] on; at ascends. */
typedef struct hpo_stairs {
    size_t n;
    const double *at, *value;
} hpo_stairs;
/* A budget that is reached but for rounding counts as reached. */
double hpo_stairs_value(const hpo_stairs *s, double budget);
/* The first budget at which the value is at most `target`; infinite: never. */
double hpo_stairs_reach(const hpo_stairs *s, double target);
/* Mean over (0, end] of the value cut to [0, 1] (1 before the first): area under the anytime curve. */
double hpo_stairs_area(const hpo_stairs *s, double end);
/* out[i] for grid[i], ascending; n of them. */
void hpo_stairs_on_grid(const hpo_stairs *s, const double *grid, size_t n, double *out);
/* Shares of n costs (infinite: never) that are at most x. */
double hpo_share_within(const double *sorted, size_t n, double x);
/* Performance profiles (Dolan and More 2002): cost is n instances x k methods; ratio[i*k+j] becomes
 * cost / smallest cost of instance i, infinite where the method, or every method, failed. */
void hpo_performance_ratios(const double *cost, size_t n, size_t k, double *ratio);
#endif
