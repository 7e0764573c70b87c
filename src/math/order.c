/* SPDX-License-Identifier: Apache-2.0 */
/* math/order.c - sorting row indices, and the Pareto front that follows from the order.
 *
 * Introsort (Musser 1997): quicksort with the median of three, heapsort below a depth of 2 log2 n, insertion
 * sort for short runs.  Because equal rows are told apart by their index the order is total: the result is
 * that of a stable sort, and does not depend on the method.
 *
 * Pareto front (Kung, Luccio, Preparata 1975): in lexicographic order a row can only be dominated by an
 * earlier one. m = 2: it is, exactly when its second value is not below the best so far (O(n log n)).  m > 2:
 * it is compared with the front found so far, which suffices because dominance is transitive (O(n |front|
 * m)). */
#include "math/order.h"

#include <math.h>

#include "math/stats.h"

enum { SHORT_RUN = 16 };

typedef struct rows {
    const double *y;
    size_t m;
} rows;

/* -1, 0, 1 */
static inline int compare_value(double a, double b)
{
    if (a < b) return -1;
    if (a > b) return 1;
    if (a == b) return 0;
    return (int)!!isnan(a) - (int)!!isnan(b);
}

static inline int before(rows r, size_t a, size_t b)
{
    const double *p = r.y + a * r.m, *q = r.y + b * r.m;
    for (size_t k = 0; k < r.m; k++) {
        int c = compare_value(p[k], q[k]);
        if (c) return c < 0;
    }
    return a < b;
}

static inline void swap_index(size_t *a, size_t *b)
{
    size_t t = *a;
    *a = *b;
    *b = t;
}

static void insertion(rows r, size_t *o, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        size_t v = o[i], j = i;
        for (; j > 0 && before(r, v, o[j - 1]); j--)
            o[j] = o[j - 1];
        o[j] = v;
    }
}

static void sift_down(rows r, size_t *o, size_t i, size_t n)
{
    for (;;) {
        size_t c = 2 * i + 1;
        if (c >= n) return;
        if (c + 1 < n && before(r, o[c], o[c + 1])) c++;
        if (!before(r, o[i], o[c])) return;
        swap_index(&o[i], &o[c]);
        i = c;
    }
}

static void heap_sort(rows r, size_t *o, size_t n)
{
    for (size_t i = n / 2; i-- > 0;)
        sift_down(r, o, i, n);
    for (size_t i = n; i-- > 1;) {
        swap_index(&o[0], &o[i]);
        sift_down(r, o, 0, i);
    }
}

static void introsort(rows r, size_t *o, size_t n, unsigned depth)
{
    while (n > SHORT_RUN) {
        if (depth-- == 0) {
            heap_sort(r, o, n);
            return;
        }
        size_t mid = n / 2;
        if (before(r, o[mid], o[0])) swap_index(&o[mid], &o[0]);
        if (before(r, o[n - 1], o[0])) swap_index(&o[n - 1], &o[0]);
        if (before(r, o[n - 1], o[mid])) swap_index(&o[n - 1], &o[mid]);
        size_t pivot = o[mid], i = 0, j = n - 1;
        for (;;) { /* o[0] <= pivot <= o[n-1]: both scans stop */
            while (before(r, o[i], pivot))
                i++;
            while (before(r, pivot, o[j]))
                j--;
            if (i >= j) break;
            swap_index(&o[i], &o[j]);
            i++;
            j--;
        }
        /* o[0..i-1] before o[i..n-1]; recurse into the shorter part */
        if (i < n - i) {
            introsort(r, o, i, depth);
            o += i;
            n -= i;
        } else {
            introsort(r, o + i, n - i, depth);
            n = i;
        }
    }
    insertion(r, o, n);
}

void hpo_order_rows(const double *y, size_t m, size_t n, size_t *order)
{
    unsigned depth = 2;
    for (size_t k = n; k > 1; k >>= 1)
        depth += 2;
    introsort((rows){y, m}, order, n, depth);
}

/* a is nowhere worse than b and somewhere better */
static int dominates(const double *a, const double *b, size_t m)
{
    int better = 0;
    for (size_t k = 0; k < m; k++) {
        if (a[k] > b[k]) return 0;
        better |= a[k] < b[k];
    }
    return better;
}

static int has_nan(const double *a, size_t m)
{
    for (size_t k = 0; k < m; k++) {
        if (isnan(a[k])) return 1;
    }
    return 0;
}

/* Keeps the front of the sorted candidates at the start of out. */
static size_t sweep(const double *y, size_t n, size_t m, size_t *out)
{
    size_t front = 0;
    for (size_t i = 0; i < n; i++) {
        const double *row = y + out[i] * m;
        int dominated = 0;
        if (m <= 2) {
            /* The last of the front has the smallest last value; equal rows are next to each other. */
            const double *last = front ? y + out[front - 1] * m : NULL;
            if (last)
                dominated =
                    m == 1 ? last[0] < row[0] : last[1] < row[1] || (last[1] == row[1] && last[0] < row[0]);
        } else {
            for (size_t j = 0; j < front && !dominated; j++)
                dominated = dominates(y + out[j] * m, row, m);
        }
        if (!dominated) out[front++] = out[i];
    }
    return front;
}

size_t hpo_pareto_front(const double *y, size_t n, size_t m, size_t *out)
{
    size_t valid = 0;
    for (size_t i = 0; i < n; i++) {
        if (!has_nan(y + i * m, m)) out[valid++] = i;
    }
    if (m == 0) return valid;
    hpo_order_rows(y, m, valid, out);
    size_t front = sweep(y, valid, m, out);
    /* ascending indices: a "row" of no columns compares by index alone */
    hpo_order_rows(y, 0, front, out);
    return front;
}
