/* SPDX-License-Identifier: Apache-2.0 */
/* math/linalg_tile.h - the register tiles under products, triangular solves and the Cholesky factor.
 *
 * The one operation is  s_rj = s_rj +- sum_p a_rp b_jp,  p ascending, one rounding per product and one per
 * sum: what the textbook loop gives, whatever the blocking.  Lanes are columns j: eight rows of b are packed
 * as [p][8], a_rp is broadcast (Goto & van de Geijn 2008, "Anatomy of high-performance matrix
 * multiplication", ACM TOMS 34). */
#ifndef MATH_LINALG_TILE_H
#define MATH_LINALG_TILE_H
#include "math/linalg.h"

/* A loop over the lanes of a vector. */
/* NOLINTNEXTLINE(bugprone-macro-parentheses): a declaration takes none */
#define LANES(j) HPO_KEEP_LOOP for (size_t j = 0; j < HPO_LANES; j++)

enum {
    TILE_ROWS = 4,
    TILE_DEPTH = 128, /* p packed at a time */
    TILE_COLUMNS = 32 /* columns packed at a time: 32 KiB with the depth above */
};

/* c (4 x 8, stride ldc) +- a (4 x k, stride lda) times b (k x 8). */
HPO_INLINE void tile_rows4(int sign, const double *restrict a, size_t lda, const double *restrict b, size_t k,
                           double *restrict c, size_t ldc)
{
    double s0[HPO_LANES], s1[HPO_LANES], s2[HPO_LANES], s3[HPO_LANES];
    LANES(j) s0[j] = c[j];
    LANES(j) s1[j] = c[ldc + j];
    LANES(j) s2[j] = c[2 * ldc + j];
    LANES(j) s3[j] = c[3 * ldc + j];
    for (size_t p = 0; p < k; p++, b += HPO_LANES) {
        double a0 = a[p], a1 = a[lda + p], a2 = a[2 * lda + p], a3 = a[3 * lda + p];
        if (sign > 0) {
            LANES(j) s0[j] += a0 * b[j];
            LANES(j) s1[j] += a1 * b[j];
            LANES(j) s2[j] += a2 * b[j];
            LANES(j) s3[j] += a3 * b[j];
        } else {
            LANES(j) s0[j] -= a0 * b[j];
            LANES(j) s1[j] -= a1 * b[j];
            LANES(j) s2[j] -= a2 * b[j];
            LANES(j) s3[j] -= a3 * b[j];
        }
    }
    LANES(j) c[j] = s0[j];
    LANES(j) c[ldc + j] = s1[j];
    LANES(j) c[2 * ldc + j] = s2[j];
    LANES(j) c[3 * ldc + j] = s3[j];
}

HPO_INLINE void tile_row1(int sign, const double *restrict a, const double *restrict b, size_t k,
                          double *restrict c)
{
    double s[HPO_LANES];
    LANES(j) s[j] = c[j];
    for (size_t p = 0; p < k; p++, b += HPO_LANES) {
        if (sign > 0) {
            LANES(j) s[j] += a[p] * b[j];
        } else {
            LANES(j) s[j] -= a[p] * b[j];
        }
    }
    LANES(j) c[j] = s[j];
}

/* Up to eight rows of b, k columns, as [p][8]; missing rows become zeros. */
HPO_INLINE void tile_pack(const double *restrict b, size_t ldb, size_t rows, size_t k, double *restrict out)
{
    if (rows == HPO_LANES) {
        for (size_t p = 0; p < k; p++, out += HPO_LANES)
            for (size_t j = 0; j < HPO_LANES; j++)
                out[j] = b[j * ldb + p];
        return;
    }
    for (size_t p = 0; p < k; p++, out += HPO_LANES)
        for (size_t j = 0; j < HPO_LANES; j++)
            out[j] = j < rows ? b[j * ldb + p] : 0.0;
}

/* s_r +- sum_p a_rp x_p for eight rows of a at once: eight chains hide the latency of one. */
HPO_INLINE void tile_chains(int sign, const double *restrict a, size_t lda, const double *restrict x,
                            size_t k, double *restrict s)
{
    const double *a0 = a, *a1 = a + lda, *a2 = a + 2 * lda, *a3 = a + 3 * lda;
    const double *a4 = a + 4 * lda, *a5 = a + 5 * lda, *a6 = a + 6 * lda, *a7 = a + 7 * lda;
    double s0 = s[0], s1 = s[1], s2 = s[2], s3 = s[3], s4 = s[4], s5 = s[5], s6 = s[6], s7 = s[7];
    for (size_t p = 0; p < k; p++) {
        double v = sign > 0 ? x[p] : -x[p]; /* s - a x and s + a (-x) are the same */
        s0 += a0[p] * v;
        s1 += a1[p] * v;
        s2 += a2[p] * v;
        s3 += a3[p] * v;
        s4 += a4[p] * v;
        s5 += a5[p] * v;
        s6 += a6[p] * v;
        s7 += a7[p] * v;
    }
    s[0] = s0, s[1] = s1, s[2] = s2, s[3] = s3, s[4] = s4, s[5] = s5, s[6] = s6, s[7] = s7;
}

/* c (m x n) +- a (m x k) b^T (b n x k).  The start of every sum is what c holds. */
void hpo_tile_add(const double *a, size_t lda, const double *b, size_t ldb, double *c, size_t ldc, size_t m,
                  size_t n, size_t k);
void hpo_tile_subtract(const double *a, size_t lda, const double *b, size_t ldb, double *c, size_t ldc,
                       size_t m, size_t n, size_t k);
#endif
