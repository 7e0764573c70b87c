/* SPDX-License-Identifier: Apache-2.0 */
/* math/linalg.c - products of vectors and matrices.
 *
 * dot and gemv: eight partial sums, lane j takes the elements j, j + 8, j + 16 ..., then
 * ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7)).  gemm_nt: each element sums over k in order, columns are
 * the lanes (linalg_tile.h).  gemv_t: each element sums over the rows in order. */
#include "math/linalg.h"

#include <math.h>
#include <string.h>

#include "math/linalg_tile.h"

HPO_INLINE double tree(const double *s)
{
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

HPO_INLINE double dot(const double *restrict a, const double *restrict b, size_t n)
{
    double s[HPO_LANES] = {0};
    size_t i = 0;
    for (; i + HPO_LANES <= n; i += HPO_LANES)
        LANES(j) s[j] += a[i + j] * b[i + j];
    for (size_t j = 0; i + j < n; j++)
        s[j] += a[i + j] * b[i + j];
    return tree(s);
}

HPO_DISPATCH static double dot_here(const double *a, const double *b, size_t n)
{
    return dot(a, b, n);
}

double hpo_dot(const double *a, const double *b, size_t n)
{
    return dot_here(a, b, n);
}

HPO_INLINE void axpy(size_t n, double a, const double *restrict x, double *restrict y)
{
    size_t i = 0;
    for (; i + HPO_LANES <= n; i += HPO_LANES)
        LANES(j) y[i + j] += a * x[i + j];
    for (; i < n; i++)
        y[i] += a * x[i];
}

HPO_DISPATCH static void axpy_here(size_t n, double a, const double *x, double *y)
{
    axpy(n, a, x, y);
}

void hpo_axpy(size_t n, double a, const double *x, double *y)
{
    axpy_here(n, a, x, y);
}

/* Four rows at once: x is loaded once for them. */
HPO_INLINE void dots4(const double *restrict a, size_t ld, size_t n, const double *restrict x,
                      double *restrict y)
{
    double s0[HPO_LANES] = {0}, s1[HPO_LANES] = {0}, s2[HPO_LANES] = {0}, s3[HPO_LANES] = {0};
    const double *a1 = a + ld, *a2 = a + 2 * ld, *a3 = a + 3 * ld;
    size_t i = 0;
    for (; i + HPO_LANES <= n; i += HPO_LANES) {
        LANES(j) s0[j] += a[i + j] * x[i + j];
        LANES(j) s1[j] += a1[i + j] * x[i + j];
        LANES(j) s2[j] += a2[i + j] * x[i + j];
        LANES(j) s3[j] += a3[i + j] * x[i + j];
    }
    for (size_t j = 0; i + j < n; j++) {
        s0[j] += a[i + j] * x[i + j];
        s1[j] += a1[i + j] * x[i + j];
        s2[j] += a2[i + j] * x[i + j];
        s3[j] += a3[i + j] * x[i + j];
    }
    y[0] = tree(s0);
    y[1] = tree(s1);
    y[2] = tree(s2);
    y[3] = tree(s3);
}

HPO_DISPATCH static void gemv_here(const double *a, size_t m, size_t n, size_t ld, const double *x, double *y)
{
    size_t i = 0;
    for (; i + 4 <= m; i += 4)
        dots4(a + i * ld, ld, n, x, y + i);
    for (; i < m; i++)
        y[i] = dot(a + i * ld, x, n);
}

void hpo_gemv(const double *a, size_t m, size_t n, size_t ld, const double *x, double *y)
{
    gemv_here(a, m, n, ld, x, y);
}

HPO_DISPATCH static void gemv_t_here(const double *a, size_t m, size_t n, size_t ld, const double *x,
                                     double *y)
{
    size_t i = 0;
    for (size_t j = 0; j < n; j++)
        y[j] = 0.0;
    for (; i + 4 <= m; i += 4) { /* four rows at once: y is loaded and stored once for them */
        const double *restrict r = a + i * ld;
        double x0 = x[i], x1 = x[i + 1], x2 = x[i + 2], x3 = x[i + 3];
        size_t j = 0;
        for (; j + HPO_LANES <= n; j += HPO_LANES) {
            double *restrict t = y + j;
            const double *restrict q = r + j;
            LANES(l)
            t[l] = (((t[l] + q[l] * x0) + q[ld + l] * x1) + q[2 * ld + l] * x2) + q[3 * ld + l] * x3;
        }
        for (; j < n; j++)
            y[j] = (((y[j] + r[j] * x0) + r[ld + j] * x1) + r[2 * ld + j] * x2) + r[3 * ld + j] * x3;
    }
    for (; i < m; i++)
        axpy(n, x[i], a + i * ld, y);
}

void hpo_gemv_t(const double *a, size_t m, size_t n, size_t ld, const double *x, double *y)
{
    gemv_t_here(a, m, n, ld, x, y);
}

HPO_DISPATCH static void lower_products_here(const double *l, size_t n, size_t ld, const double *x,
                                             double *lx, double *ltlx)
{
    for (size_t i = 0; i < n; i++) {
        lx[i] = dot(l + i * ld, x, i + 1);
        ltlx[i] = 0;
    }
    for (size_t i = 0; i < n; i++)
        axpy(i + 1, lx[i], l + i * ld, ltlx);
}

void hpo_lower_products(const double *l, size_t n, size_t ld, const double *x, double *lx, double *ltlx)
{
    lower_products_here(l, n, ld, x, lx, ltlx);
}

/* Eight columns or less (n < 8: through a copy of that part of c). */
HPO_INLINE void strip(int sign, const double *a, size_t lda, const double *packed, size_t k, double *c,
                      size_t ldc, size_t m, size_t n)
{
    size_t i = 0;
    if (n == HPO_LANES) {
        for (; i + TILE_ROWS <= m; i += TILE_ROWS)
            tile_rows4(sign, a + i * lda, lda, packed, k, c + i * ldc, ldc);
        for (; i < m; i++)
            tile_row1(sign, a + i * lda, packed, k, c + i * ldc);
        return;
    }
    for (; i < m; i += TILE_ROWS) {
        double t[TILE_ROWS * HPO_LANES] = {0};
        size_t rows = m - i < TILE_ROWS ? m - i : TILE_ROWS;
        for (size_t r = 0; r < rows; r++)
            for (size_t j = 0; j < n; j++)
                t[r * HPO_LANES + j] = c[(i + r) * ldc + j];
        if (rows == TILE_ROWS) {
            tile_rows4(sign, a + i * lda, lda, packed, k, t, HPO_LANES);
        } else {
            for (size_t r = 0; r < rows; r++)
                tile_row1(sign, a + (i + r) * lda, packed, k, t + r * HPO_LANES);
        }
        for (size_t r = 0; r < rows; r++)
            for (size_t j = 0; j < n; j++)
                c[(i + r) * ldc + j] = t[r * HPO_LANES + j];
    }
}

/* Few rows: packing b would cost as much as the product. */
HPO_INLINE void thin(int sign, const double *a, const double *b, size_t ldb, double *c, size_t n, size_t k)
{
    size_t j = 0;
    for (; j + HPO_LANES <= n; j += HPO_LANES)
        tile_chains(sign, b + j * ldb, ldb, a, k, c + j);
    for (; j < n; j++) {
        double s = c[j];
        for (size_t p = 0; p < k; p++)
            s += sign > 0 ? a[p] * b[j * ldb + p] : -(a[p] * b[j * ldb + p]);
        c[j] = s;
    }
}

HPO_INLINE void product(int sign, const double *a, size_t lda, const double *b, size_t ldb, double *c,
                        size_t ldc, size_t m, size_t n, size_t k)
{
    double packed[TILE_DEPTH * TILE_COLUMNS];
    if (m < 3) {
        for (size_t i = 0; i < m; i++)
            thin(sign, a + i * lda, b, ldb, c + i * ldc, n, k);
        return;
    }
    for (size_t j0 = 0; j0 < n; j0 += TILE_COLUMNS) {
        size_t columns = n - j0 < TILE_COLUMNS ? n - j0 : TILE_COLUMNS;
        for (size_t p0 = 0; p0 < k; p0 += TILE_DEPTH) {
            size_t depth = k - p0 < TILE_DEPTH ? k - p0 : TILE_DEPTH;
            for (size_t j = 0; j < columns; j += HPO_LANES)
                tile_pack(b + (j0 + j) * ldb + p0, ldb, columns - j < HPO_LANES ? columns - j : HPO_LANES,
                          depth, packed + j * depth);
            for (size_t i = 0; i < m; i += TILE_ROWS)
                for (size_t j = 0; j < columns; j += HPO_LANES)
                    strip(sign, a + i * lda + p0, lda, packed + j * depth, depth, c + i * ldc + j0 + j, ldc,
                          m - i < TILE_ROWS ? m - i : TILE_ROWS,
                          columns - j < HPO_LANES ? columns - j : HPO_LANES);
        }
    }
}

HPO_DISPATCH static void tile_add_here(const double *a, size_t lda, const double *b, size_t ldb, double *c,
                                       size_t ldc, size_t m, size_t n, size_t k)
{
    product(1, a, lda, b, ldb, c, ldc, m, n, k);
}

void hpo_tile_add(const double *a, size_t lda, const double *b, size_t ldb, double *c, size_t ldc, size_t m,
                  size_t n, size_t k)
{
    tile_add_here(a, lda, b, ldb, c, ldc, m, n, k);
}

HPO_DISPATCH static void tile_subtract_here(const double *a, size_t lda, const double *b, size_t ldb,
                                            double *c, size_t ldc, size_t m, size_t n, size_t k)
{
    product(-1, a, lda, b, ldb, c, ldc, m, n, k);
}

void hpo_tile_subtract(const double *a, size_t lda, const double *b, size_t ldb, double *c, size_t ldc,
                       size_t m, size_t n, size_t k)
{
    tile_subtract_here(a, lda, b, ldb, c, ldc, m, n, k);
}

void hpo_gemm_nt(const double *a, size_t lda, const double *b, size_t ldb, double *c, size_t ldc, size_t m,
                 size_t n, size_t k)
{
    for (size_t i = 0; i < m && n > 0; i++)
        memset(c + i * ldc, 0, n * sizeof *c);
    hpo_tile_add(a, lda, b, ldb, c, ldc, m, n, k);
}

HPO_DISPATCH static void sqrt_n_here(const double *x, size_t n, double *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = sqrt(x[i]);
}

void hpo_sqrt_n(const double *x, size_t n, double *y)
{
    sqrt_n_here(x, n, y);
}
