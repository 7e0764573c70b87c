/* SPDX-License-Identifier: Apache-2.0 */
/* bench/statistics.c - paired tests, ranks, critical differences, bootstrap, step curves.
 *
 *   F. Wilcoxon: Individual comparisons by ranking methods.  Biometrics Bulletin 1(6), 1945
 *   J. Pratt: Remarks on zeros and ties in the Wilcoxon signed rank procedures.  JASA 54, 1959
 *   S. Holm: A simple sequentially rejective multiple test procedure.  Scand. J. Statistics 6, 1979
 *   R. Iman, J. Davenport: Approximations of the critical region of the Friedman statistic.  1980
 *   J. Demsar: Statistical comparisons of classifiers over multiple data sets.  JMLR 7, 2006
 *   E. Dolan, J. More: Benchmarking optimization software with performance profiles.  Math. Prog. 91, 2002
 *   J. Dodge et al.: Show your work: improved reporting of experimental results.  EMNLP 2019 */
#include "bench/statistics.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "hpo/sampler.h"
#include "math/dist.h"
#include "math/func.h"
#include "math/stats.h"

/* Of streams for statistics; far from those of the library (math/rng.h). */
enum { PURPOSE_BOOTSTRAP = 900 };

/* ---- Wilcoxon ------------------------------------------------------------------------------------- */

enum {
    EXACT_MAX = 50,   /* 2^50 sign patterns are still counted without rounding */
    RANKED_MAX = 1000 /* keeps the table of sums small when there are many zeros */
};

/* Two-sided p of the smaller rank sum.  `doubled`: twice each rank (whole numbers also with ties).  ways[s]
 * counts the sign patterns whose positive ranks sum to s/2. */
static double exact_p(const unsigned *doubled, size_t n, unsigned smaller, double *ways, unsigned total)
{
    double below = 0;
    double all = 1;
    ways[0] = 1;
    for (unsigned s = 1; s <= total; s++)
        ways[s] = 0;
    unsigned reached = 0;
    for (size_t i = 0; i < n; i++) {
        reached += doubled[i];
        for (unsigned s = reached; s >= doubled[i]; s--)
            ways[s] += ways[s - doubled[i]];
        all *= 2;
    }
    for (unsigned s = 0; s <= smaller; s++)
        below += ways[s];
    return fmin(1, 2 * below / all);
}

/* The normal approximation.  Given which pairs are zero, the sum of the positive ranks has mean sum(r)/2 and
 * variance sum(r^2)/4 over the ranks that take part; with tied ranks the squares make the usual correction
 * for ties by themselves. */
static double normal_p(const double *rank, size_t n, double smaller)
{
    double sum = 0;
    double squares = 0;
    for (size_t i = 0; i < n; i++) {
        sum += rank[i];
        squares += rank[i] * rank[i];
    }
    double z = (smaller - sum / 2 + 0.5) / (sqrt(squares) / 2);
    return fmin(1, 2 * hpo_normal_cdf(fmin(z, 0)));
}

hpo_status hpo_wilcoxon(const double *d, size_t n, hpo_zeros zeros, hpo_wilcoxon_result *out, hpo_error *err)
{
    memset(out, 0, sizeof *out);
    out->n = n;
    out->p = 1;
    out->exact = 1;
    if (n == 0) return HPO_OK;
    hpo_status rc = HPO_OK;
    double *size = hpo_alloc_array(2 * n, sizeof *size);
    double *rank = size == NULL ? NULL : size + n;
    size_t *order = hpo_alloc_array(n, sizeof *order);
    unsigned *doubled = hpo_alloc_array(EXACT_MAX, sizeof *doubled);
    double *ways = NULL;
    size_t ranked = 0;
    if (size == NULL || order == NULL || doubled == NULL) {
        rc = hpo_fail_memory(err);
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        if (isnan(d[i])) {
            rc = hpo_fail(err, HPO_EINVAL, "difference %zu is not a number: leave such pairs out", i);
            goto done;
        }
        out->n_zero += d[i] == 0 ? 1 : 0;
        if (d[i] != 0 || zeros != HPO_ZEROS_DROP) size[ranked++] = fabs(d[i]);
    }
    hpo_ranks(size, ranked, order, rank);

    /* the ranks that take part move to the front of `size` */
    size_t used = 0;
    double split = 0;
    for (size_t i = 0, j = 0; i < n; i++) {
        if (d[i] == 0 && zeros == HPO_ZEROS_DROP) continue;
        double r = rank[j++];
        if (d[i] == 0) {
            if (zeros == HPO_ZEROS_SPLIT) split += r / 2;
            continue;
        }
        *(d[i] > 0 ? &out->plus : &out->minus) += r;
        size[used++] = r;
    }
    double smaller = fmin(out->plus, out->minus);
    out->plus += split;
    out->minus += split;
    if (used == 0) goto done;
    out->exact = used <= EXACT_MAX && n <= RANKED_MAX;
    if (!out->exact) {
        out->p = normal_p(size, used, smaller);
        goto done;
    }
    unsigned total = 0;
    for (size_t i = 0; i < used; i++)
        total += doubled[i] = (unsigned)(2 * size[i] + 0.5);
    ways = hpo_alloc_array((size_t)total + 1, sizeof *ways);
    if (ways == NULL)
        rc = hpo_fail_memory(err);
    else
        out->p = exact_p(doubled, used, (unsigned)(2 * smaller + 0.5), ways, total);
done:
    hpo_free(size);
    hpo_free(order);
    hpo_free(doubled);
    hpo_free(ways);
    return rc;
}

hpo_status hpo_holm(const double *p, size_t n, double *adjusted, hpo_error *err)
{
    size_t *order = hpo_alloc_array(n, sizeof *order);
    if (order == NULL) return hpo_fail_memory(err);
    hpo_argsort(p, n, order); /* NaN last */
    size_t m = 0;
    for (size_t i = 0; i < n; i++)
        m += isnan(p[i]) ? 0 : 1;
    double largest = 0;
    for (size_t i = 0; i < n; i++) {
        if (i < m) largest = fmax(largest, fmin(1, (double)(m - i) * p[order[i]]));
        adjusted[order[i]] = i < m ? largest : (double)NAN;
    }
    hpo_free(order);
    return HPO_OK;
}

/* ---- several methods -------------------------------------------------------------------------------- */

hpo_status hpo_friedman(const double *values, size_t n, size_t k, double *mean_rank, hpo_friedman_result *out,
                        hpo_error *err)
{
    if (n == 0 || k == 0) return hpo_fail(err, HPO_EINVAL, "ranks need at least one block and one method");
    hpo_status rc = HPO_OK;
    size_t *order = hpo_alloc_array(k, sizeof *order);
    double *rank = hpo_alloc_array(k, sizeof *rank);
    double ties = 0; /* sum of t^3 - t over groups of t equal ranks */
    double sum_of_squares = 0;
    double dn = (double)n;
    double dk = (double)k;
    if (order == NULL || rank == NULL) {
        rc = hpo_fail_memory(err);
        goto done;
    }
    memset(mean_rank, 0, k * sizeof *mean_rank);
    for (size_t i = 0; i < n; i++) {
        hpo_ranks(values + i * k, k, order, rank);
        for (size_t j = 0; j < k; j++) {
            mean_rank[j] += rank[j];
            double equal = 0; /* every member of a group of t adds t^2 - 1: together t^3 - t */
            for (size_t l = 0; l < k; l++)
                equal += rank[l] == rank[j];
            ties += equal * equal - 1;
        }
    }
    for (size_t j = 0; j < k; j++) {
        mean_rank[j] /= dn;
        double off = mean_rank[j] - (dk + 1) / 2;
        sum_of_squares += off * off;
    }
    out->chi2_plain = k < 2 ? 0 : 12 * dn / (dk * (dk + 1)) * sum_of_squares;
    double correction = k < 2 ? 0 : 1 - ties / (dn * dk * (dk * dk - 1));
    out->chi2 = correction > 0 ? out->chi2_plain / correction : 0;
    out->p = k < 2 ? 1 : hpo_gamma_q((dk - 1) / 2, out->chi2 / 2);
    double rest = dn * (dk - 1) - out->chi2;
    out->f = k < 2 || n < 2 ? 0 : rest <= 0 ? (double)INFINITY : (dn - 1) * out->chi2 / rest;
    /* P(F > f) with a and b degrees of freedom: the incomplete beta function at b / (b + a f) */
    double a = dk - 1;
    double b = a * (dn - 1);
    out->p_f = k < 2 || n < 2 ? 1 : isinf(out->f) ? 0 : hpo_beta_cdf(b / (b + a * out->f), b / 2, a / 2);
done:
    hpo_free(order);
    hpo_free(rank);
    return rc;
}

/* P(range <= q) = k * integral of density(z) [cdf(z) - cdf(z - q)]^(k-1) dz, z being the largest number.  The
 * integrand is smooth and vanishes with all derivatives at both ends, so the trapezium rule converges faster
 * than any power of the step: 1/32 gives full precision. */
double hpo_studentised_range_cdf(double q, size_t k)
{
    if (!(q > 0)) return 0;
    if (k < 2) return 1;
    double sum = 0;
    enum { PER_UNIT = 32, FROM = -9, TO = 9 };
    double top = fmin(q, 40);
    int last = TO * PER_UNIT;
    for (int i = FROM * PER_UNIT; i <= last; i++) {
        double z = (double)i / PER_UNIT;
        double width = hpo_normal_cdf(z) - hpo_normal_cdf(z - top);
        double power = 1; /* width^(k-1) by repeated multiplication */
        double base = width;
        for (size_t e = k - 1; e > 0; e >>= 1) {
            if (e & 1) power *= base;
            base *= base;
        }
        sum += hpo_exp(hpo_normal_logpdf(z)) * power;
    }
    return fmin(1, (double)k * sum / PER_UNIT);
}

double hpo_studentised_range_quantile(double p, size_t k)
{
    if (!(p > 0) || k < 2) return 0;
    if (p >= 1) return (double)INFINITY;
    double low = 0;
    double high = 20;
    for (int i = 0; i < 60; i++) {
        double mid = (low + high) / 2;
        if (hpo_studentised_range_cdf(mid, k) < p)
            low = mid;
        else
            high = mid;
    }
    return (low + high) / 2;
}

double hpo_nemenyi_difference(size_t n, size_t k, double alpha)
{
    if (n == 0 || k < 2) return (double)INFINITY;
    double q = hpo_studentised_range_quantile(1 - alpha, k) / sqrt(2);
    return q * sqrt((double)k * ((double)k + 1) / (6 * (double)n));
}

size_t hpo_rank_groups(const double *sorted, size_t k, double difference, size_t *first, size_t *last)
{
    size_t n = 0;
    for (size_t i = 0; i < k; i++) {
        size_t j = i;
        while (j + 1 < k && sorted[j + 1] - sorted[i] <= difference)
            j++;
        if (j == i || (n > 0 && last[n - 1] >= j)) continue; /* alone, or part of the group before */
        first[n] = i;
        last[n++] = j;
    }
    return n;
}

/* ---- one sample -------------------------------------------------------------------------------------- */

hpo_status hpo_bootstrap_counts(size_t n, size_t rounds, uint64_t seed, uint16_t **out, hpo_error *err)
{
    *out = NULL;
    if (n == 0 || n > UINT16_MAX || rounds == 0)
        return hpo_fail(err, HPO_EINVAL, "bootstrap of %zu values: give 1 to %d and at least one round", n,
                        UINT16_MAX);
    uint16_t *c = hpo_calloc(n * rounds, sizeof *c);
    if (c == NULL) return hpo_fail_memory(err);
    for (size_t b = 0; b < rounds; b++) {
        hpo_rng r;
        hpo_rng_init(&r, seed, b, PURPOSE_BOOTSTRAP);
        for (size_t i = 0; i < n; i++)
            c[b * n + hpo_rng_below(&r, n)]++;
    }
    *out = c;
    return HPO_OK;
}

/* The median of a sample that holds x[i] count[i] times, n values in all. */
static double counted_median(const double *x, const uint16_t *count, size_t n)
{
    size_t low = (n - 1) / 2; /* the places of the two middle values (the same for odd n) */
    size_t high = n / 2;
    size_t seen = 0;
    size_t i = 0;
    while (seen + count[i] <= low)
        seen += count[i++];
    double a = x[i];
    while (seen + count[i] <= high)
        seen += count[i++];
    return a == x[i] ? a : (a + x[i]) / 2;
}

static double counted_mean(const double *x, const uint16_t *count, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        if (count[i] > 0) sum += count[i] * x[i];
    return sum / (double)n;
}

double hpo_sorted_quantile(const double *x, size_t n, double q)
{
    double h = (double)(n - 1) * q;
    size_t i = (size_t)h;
    if (i + 1 >= n) return x[n - 1];
    if (h == (double)i || x[i] == x[i + 1]) return x[i];
    return x[i] + (h - (double)i) * (x[i + 1] - x[i]);
}

/* Heap sort: no scratch, no worst case. */
static void sift(double *x, size_t i, size_t n)
{
    double v = x[i];
    for (size_t c; (c = 2 * i + 1) < n; i = c) {
        if (c + 1 < n && x[c + 1] > x[c]) c++;
        if (x[c] <= v) break;
        x[i] = x[c];
    }
    x[i] = v;
}

void hpo_sort_values(double *x, size_t n)
{
    for (size_t i = n / 2; i-- > 0;)
        sift(x, i, n);
    for (size_t m = n; m > 1; m--) {
        double v = x[0];
        x[0] = x[m - 1];
        x[m - 1] = v;
        sift(x, 0, m - 1);
    }
}

void hpo_bootstrap_interval(const double *x, size_t n, hpo_centre centre, const uint16_t *counts,
                            size_t rounds, double level, double *scratch, double *low, double *high)
{
    for (size_t b = 0; b < rounds; b++)
        scratch[b] = centre == HPO_CENTRE_MEDIAN ? counted_median(x, counts + b * n, n)
                                                 : counted_mean(x, counts + b * n, n);
    hpo_sort_values(scratch, rounds);
    *low = hpo_sorted_quantile(scratch, rounds, (1 - level) / 2);
    *high = hpo_sorted_quantile(scratch, rounds, (1 + level) / 2);
}

double hpo_best_of(const double *x, size_t n, size_t k)
{
    double sum = 0;
    double before = 1; /* P(the best of k is x_i or worse) */
    for (size_t i = 0; i < n; i++) {
        double after = hpo_pow((double)(n - i - 1) / (double)n, (double)k);
        if (before > after) sum += x[i] * (before - after);
        before = after;
    }
    return n == 0 ? (double)NAN : sum;
}

size_t hpo_log_grid(double low, double high, size_t points, int whole, double *out)
{
    size_t n = 0;
    if (!(high > low) || points < 2) {
        out[0] = high;
        return 1;
    }
    double ratio = hpo_log(high / low);
    for (size_t i = 0; i < points; i++) {
        double v = low * hpo_exp(ratio * (double)i / (double)(points - 1));
        if (whole) v = floor(v + 0.5);
        if (i == points - 1) v = high;
        if (n == 0 || v > out[n - 1]) out[n++] = v;
    }
    return n;
}

/* ---- step curves -------------------------------------------------------------------------------------- */

/* Budgets are sums of fractions: 99.99999999999 is 100. */
static int reached(double at, double budget)
{
    return at <= budget * (1 + 1e-9);
}

double hpo_stairs_value(const hpo_stairs *s, double budget)
{
    size_t low = 0; /* how many steps are surely reached */
    size_t high = s->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (reached(s->at[mid], budget))
            low = mid + 1;
        else
            high = mid;
    }
    return low == 0 ? (double)INFINITY : s->value[low - 1];
}

double hpo_stairs_reach(const hpo_stairs *s, double target)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->value[i] <= target) return s->at[i];
    return (double)INFINITY;
}

double hpo_stairs_area(const hpo_stairs *s, double end)
{
    double area = 0;
    double from = 0;
    double value = 1;
    for (size_t i = 0; i < s->n && s->at[i] < end; i++) {
        area += value * (s->at[i] - from);
        from = s->at[i];
        value = fmin(1, fmax(0, s->value[i]));
    }
    return (area + value * (end - from)) / end;
}

void hpo_stairs_on_grid(const hpo_stairs *s, const double *grid, size_t n, double *out)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        while (k < s->n && reached(s->at[k], grid[i]))
            k++;
        out[i] = k == 0 ? (double)INFINITY : s->value[k - 1];
    }
}

double hpo_share_within(const double *sorted, size_t n, double x)
{
    size_t low = 0;
    size_t high = n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (sorted[mid] <= x && !isinf(sorted[mid]))
            low = mid + 1;
        else
            high = mid;
    }
    return n == 0 ? 0 : (double)low / (double)n;
}

void hpo_performance_ratios(const double *cost, size_t n, size_t k, double *ratio)
{
    for (size_t i = 0; i < n; i++) {
        double best = (double)INFINITY;
        for (size_t j = 0; j < k; j++)
            best = fmin(best, cost[i * k + j]);
        for (size_t j = 0; j < k; j++) {
            double c = cost[i * k + j];
            ratio[i * k + j] = isinf(c)   ? (double)INFINITY
                               : best > 0 ? c / best
                               : c > 0    ? (double)INFINITY
                                          : 1;
        }
    }
}
