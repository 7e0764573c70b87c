/* SPDX-License-Identifier: Apache-2.0 */
/* math/stats.c - sums, moments, order statistics, ranks.
 *
 * Sum: pairwise (Higham 1993, "The accuracy of floating point summation", section 3): error O(log n) ulps,
 * in a fixed order: blocks of 64 are added in sequence, then halves.
 *
 * Variance: two passes with the correction term (Chan, Golub, LeVeque 1983, equation 1.7). Running
 * moments: Welford (1962).
 *
 * Selection: Hoare's quickselect, median of three; reorders its input; sorts by heap when the partitions
 * are bad, so that O(n log n) is the worst case. Quantile: type 7 of Hyndman & Fan (1996), linear
 * interpolation of the order statistics at (n - 1) q.
 *
 * Argsort: indices are compared by (value, index): no ties are left, so quicksort with a heapsort fallback
 * is stable and needs no memory (math/order.c).
 *
 * NaN: the largest value in every order. In sums, moments and correlation it spreads. */
#include "math/stats.h"

#include <math.h>

#include "math/order.h"

double hpo_sum(const double *x, size_t n)
{
    if (n <= 64) {
        double s = 0.0;
        for (size_t i = 0; i < n; i++)
            s += x[i];
        return s;
    }
    size_t half = (n / 2 + 63) / 64 * 64;
    return hpo_sum(x, half) + hpo_sum(x + half, n - half);
}

double hpo_mean(const double *x, size_t n)
{
    return n == 0 ? (double)NAN : hpo_sum(x, n) / (double)n;
}

double hpo_variance(const double *x, size_t n)
{
    if (n < 2) return (double)NAN;
    double mean = hpo_mean(x, n), squares = 0.0, rest = 0.0;
    for (size_t i = 0; i < n; i++) {
        double d = x[i] - mean;
        squares += d * d;
        rest += d;
    }
    double v = (squares - rest * rest / (double)n) / ((double)n - 1.0);
    return v < 0 ? 0.0 : v; /* rounding */
}

/* ---- selection ------------------------------------------------------------------------------ */

static inline int below(double a, double b)
{
    return a < b || (isnan(b) && !isnan(a));
}

static inline void swap_double(double *a, double *b)
{
    double t = *a;
    *a = *b;
    *b = t;
}

static void sift_down(double *x, size_t i, size_t n)
{
    for (;;) {
        size_t c = 2 * i + 1;
        if (c >= n) return;
        if (c + 1 < n && below(x[c], x[c + 1])) c++;
        if (!below(x[i], x[c])) return;
        swap_double(&x[i], &x[c]);
        i = c;
    }
}

static void heap_sort(double *x, size_t n)
{
    for (size_t i = n / 2; i-- > 0;)
        sift_down(x, i, n);
    for (size_t i = n; i-- > 1;) {
        swap_double(&x[0], &x[i]);
        sift_down(x, 0, i);
    }
}

/* Puts the k-th smallest (from 0) at x[k]; nothing larger before it, nothing smaller behind. */
static void select_kth(double *x, size_t n, size_t k)
{
    size_t lo = 0, hi = n - 1, bad = 0;
    while (lo < hi) {
        if (bad > 24) {
            heap_sort(x + lo, hi - lo + 1);
            return;
        }
        size_t mid = lo + (hi - lo) / 2;
        if (below(x[mid], x[lo])) swap_double(&x[mid], &x[lo]);
        if (below(x[hi], x[lo])) swap_double(&x[hi], &x[lo]);
        if (below(x[hi], x[mid])) swap_double(&x[hi], &x[mid]);
        double pivot = x[mid];
        size_t i = lo, j = hi;
        for (;;) {
            while (below(x[i], pivot))
                i++;
            while (below(pivot, x[j]))
                j--;
            if (i >= j) break;
            swap_double(&x[i], &x[j]);
            i++;
            j--;
        }
        size_t before = hi - lo;
        /* x[lo..i-1] <= pivot <= x[i..hi], both parts shorter than before */
        if (k < i) {
            hi = i - 1;
        } else {
            lo = i > lo ? i : lo + 1;
        }
        if (hi > lo && hi - lo > before - before / 8) bad++;
    }
}

double hpo_quantile(double *x, size_t n, double q)
{
    if (n == 0 || !(q >= 0.0 && q <= 1.0)) return (double)NAN;
    double h = (double)(n - 1) * q;
    size_t k = (size_t)h;
    if (k > n - 1) k = n - 1;
    select_kth(x, n, k);
    double a = x[k], f = h - (double)k;
    if (f <= 0 || k + 1 >= n) return a;
    double b = x[k + 1];
    for (size_t i = k + 2; i < n; i++) {
        if (below(x[i], b)) b = x[i];
    }
    if (a == b) return a; /* also two equal infinities */
    return a + f * (b - a);
}

double hpo_median(double *x, size_t n)
{
    return hpo_quantile(x, n, 0.5);
}

/* ---- ranks ---------------------------------------------------------------------------------- */

void hpo_argsort(const double *x, size_t n, size_t *order)
{
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    hpo_order_rows(x, 1, n, order);
}

void hpo_ranks(const double *x, size_t n, size_t *order, double *ranks)
{
    hpo_argsort(x, n, order);
    for (size_t i = 0; i < n;) {
        size_t j = i + 1;
        double v = x[order[i]];
        while (j < n && (x[order[j]] == v || (isnan(v) && isnan(x[order[j]]))))
            j++;
        double shared = 0.5 * (double)(i + 1 + j);
        for (; i < j; i++)
            ranks[order[i]] = shared;
    }
}

/* ---- moments -------------------------------------------------------------------------------- */

double hpo_correlation(const double *x, const double *y, size_t n)
{
    if (n < 2) return (double)NAN;
    double mx = hpo_mean(x, n), my = hpo_mean(y, n), xx = 0.0, yy = 0.0, xy = 0.0;
    for (size_t i = 0; i < n; i++) {
        double dx = x[i] - mx, dy = y[i] - my;
        xx += dx * dx;
        yy += dy * dy;
        xy += dx * dy;
    }
    double c = xy / (sqrt(xx) * sqrt(yy)); /* NaN for a constant */
    return c > 1.0 ? 1.0 : c < -1.0 ? -1.0 : c;
}

void hpo_moments_add(hpo_moments *m, double x)
{
    m->n++;
    double d = x - m->mean;
    m->mean += d / (double)m->n;
    m->m2 += d * (x - m->mean);
}

double hpo_moments_variance(const hpo_moments *m)
{
    return m->n < 2 ? (double)NAN : m->m2 / ((double)m->n - 1.0);
}
