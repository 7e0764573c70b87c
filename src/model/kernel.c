/* SPDX-License-Identifier: Apache-2.0 */
/* model/kernel.c - covariance functions; the formulas are in kernel.h (Rasmussen & Williams 2006, ch. 4).
 *
 * Squared distances are sums of squared differences, feature by feature in ascending order, not
 * |a|^2 + |b|^2 - 2 a.b: that form loses all digits where rows are close, which is where Gram matrices are
 * decided, and gives no exact 0 for equal rows.  Tiles of ROWS x COLUMNS pairs are accumulated in the cache,
 * a column of the tile per lane, so that the compiler can use whatever vectors there are and every sum still
 * has the same order. */
#include "model/kernel.h"
#include "hpo/export.h"
#include "math/linalg.h"
#include <math.h>
#include <string.h>

enum { ROWS = 4, COLUMNS = 32, CHUNK = 128 };

/* Every profile has underflowed to 0 here; keeps (1 + r) e^-r from becoming inf x 0. */
static const double FAR = 4e6;
static const double SQRT3 = 0x1.bb67ae8584caap+0;
static const double SQRT5 = 0x1.1e3779b97f4a8p+1;

/* ---- profiles ---------------------------------------------------------------------------------------- */

/* t holds exp arguments, then their exponentials; r the scaled distances. */
static void radial_chunk(hpo_kernel_family family, const double *q, size_t n, double *m, double *dm)
{
    double r[CHUNK], t[CHUNK];
    int smooth = family == HPO_KERNEL_MATERN52, rough = family == HPO_KERNEL_MATERN32;
    for (size_t i = 0; i < n; i++)
        r[i] = q[i] > FAR ? FAR : q[i];
    if (smooth || rough) {
        double c = smooth ? SQRT5 : SQRT3;
        hpo_sqrt_n(r, n, r);
        for (size_t i = 0; i < n; i++) {
            r[i] *= c;
            t[i] = -r[i];
        }
    } else {
        for (size_t i = 0; i < n; i++)
            t[i] = -0.5 * r[i];
    }
    hpo_exp_n(t, n, t);
    for (size_t i = 0; smooth && i < n; i++)
        m[i] = (1 + r[i] + r[i] * r[i] / 3) * t[i];
    for (size_t i = 0; smooth && dm && i < n; i++)
        dm[i] = -5.0 / 6.0 * (1 + r[i]) * t[i];
    for (size_t i = 0; rough && i < n; i++)
        m[i] = (1 + r[i]) * t[i];
    for (size_t i = 0; rough && dm && i < n; i++)
        dm[i] = -1.5 * t[i];
    if (smooth || rough) return;
    memcpy(m, t, n * sizeof *m);
    for (size_t i = 0; dm && i < n; i++)
        dm[i] = -0.5 * t[i];
}

void hpo_kernel_radial(hpo_kernel_family family, const double *q, size_t n, double *m, double *dm)
{
    for (size_t i = 0; i < n; i += CHUNK)
        radial_chunk(family, q + i, n - i < CHUNK ? n - i : CHUNK, m + i, dm ? dm + i : NULL);
}

/* ---- distances --------------------------------------------------------------------------------------- */

static inline size_t at_most(size_t n, size_t limit)
{
    return n < limit ? n : limit;
}

/* sum[r][c] = |a_r - b_c|^2 for up to ROWS rows of a and COLUMNS rows of b. */
HPO_INLINE void distance_tile(const double *a, size_t m, const double *b, size_t n, size_t k,
                              double sum[ROWS][COLUMNS])
{
    double column[COLUMNS] = {0};
    for (size_t r = 0; r < ROWS; r++)
        for (size_t c = 0; c < COLUMNS; c++)
            sum[r][c] = 0;
    for (size_t f = 0; f < k; f++) {
        for (size_t c = 0; c < n; c++)
            column[c] = b[c * k + f];
        for (size_t r = 0; r < m; r++) {
            double x = a[r * k + f], *s = sum[r];
            HPO_KEEP_LOOP for (size_t c = 0; c < COLUMNS; c++)
            {
                double d = x - column[c];
                s[c] += d * d;
            }
        }
    }
}

/* triangle: only columns 0..i of row i. */
HPO_DISPATCH static void distances(const double *a, size_t m, const double *b, size_t n, size_t k,
                                   int triangle, double *out, size_t ldo)
{
    double sum[ROWS][COLUMNS];
    for (size_t i = 0; i < m; i += ROWS) {
        size_t rows = at_most(m - i, ROWS), width = triangle ? at_most(i + rows, n) : n;
        for (size_t j = 0; j < width; j += COLUMNS) {
            distance_tile(a + i * k, rows, b + j * k, at_most(n - j, COLUMNS), k, sum);
            for (size_t r = 0; r < rows; r++) {
                size_t end = triangle ? at_most(i + r + 1, n) : n;
                if (end > j)
                    memcpy(out + (i + r) * ldo + j, sum[r], at_most(end - j, COLUMNS) * sizeof **sum);
            }
        }
    }
}

void hpo_kernel_distances(const double *a, size_t m, const double *b, size_t n, size_t k, double *out,
                          size_t ldo)
{
    distances(a, m, b, n, k, 0, out, ldo);
}

/* ---- covariances ------------------------------------------------------------------------------------- */

static void covariance(hpo_kernel_family family, double variance, const double *a, size_t m, const double *b,
                       size_t n, size_t k, int triangle, double *out, size_t ldo)
{
    if (family != HPO_KERNEL_LINEAR) distances(a, m, b, n, k, triangle, out, ldo);
    for (size_t i = 0; i < m; i++) {
        double *row = out + i * ldo;
        size_t width = triangle ? i + 1 : n;
        if (family == HPO_KERNEL_LINEAR) {
            for (size_t j = 0; j < width; j++)
                row[j] = variance * (1 + hpo_dot(a + i * k, b + j * k, k));
            continue;
        }
        hpo_kernel_radial(family, row, width, row, NULL);
        for (size_t j = 0; j < width; j++)
            row[j] *= variance;
    }
}

void hpo_kernel_cross(hpo_kernel_family family, double variance, const double *a, size_t m, const double *b,
                      size_t n, size_t k, double *out, size_t ldo)
{
    covariance(family, variance, a, m, b, n, k, 0, out, ldo);
}

void hpo_kernel_gram(hpo_kernel_family family, double variance, const double *a, size_t n, size_t k,
                     double *out, size_t ldo)
{
    covariance(family, variance, a, n, a, n, k, 1, out, ldo);
}

void hpo_kernel_cross_gradient(hpo_kernel_family family, double variance, const double *a, const double *b,
                               size_t n, size_t k, double *kernel, double *out_dk)
{
    double slope[CHUNK];
    if (family == HPO_KERNEL_LINEAR) {
        for (size_t i = 0; i < n; i++)
            kernel[i] = variance * (1 + hpo_dot(a, b + i * k, k));
        for (size_t i = 0; i < n * k; i++)
            out_dk[i] = variance * b[i];
        return;
    }
    distances(a, 1, b, n, k, 0, kernel, n);
    for (size_t start = 0; start < n; start += CHUNK) {
        size_t count = at_most(n - start, CHUNK);
        hpo_kernel_radial(family, kernel + start, count, kernel + start, slope);
        for (size_t i = 0; i < count; i++) {
            const double *row = b + (start + i) * k;
            double *d = out_dk + (start + i) * k, c = 2 * variance * slope[i];
            kernel[start + i] *= variance;
            for (size_t f = 0; f < k; f++)
                d[f] = c * (a[f] - row[f]);
        }
    }
}
