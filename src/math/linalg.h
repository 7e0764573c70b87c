/* SPDX-License-Identifier: Apache-2.0 */
/* math/linalg.h - dense linear algebra for small and medium matrices (n up to a few thousand).
 *
 * Matrices are row-major with a row stride `ld` (in doubles, ld >= columns), so that a matrix can grow inside
 * a larger block.  Lower factors leave what is above the diagonal unread and untouched unless said otherwise.
 * Same bits on every x86-64 CPU: every sum has a fixed order (HPO_LANES partial sums, then a fixed tree) that
 * does not depend on the vector width, and nothing is contracted to FMA (docs/numerics.md).  No function
 * allocates; none reads NaN specially (they propagate).  Pointers must not overlap unless said otherwise. */
#ifndef MATH_LINALG_H
#define MATH_LINALG_H
#include "hpo/export.h"
#include <stddef.h>

enum { HPO_LANES = 8 };

double hpo_dot(const double *a, const double *b, size_t n);
void hpo_axpy(size_t n, double a, const double *x, double *y); /* y += a x */
/* y = A x, A m x n;  y = A^T x (x m, y n). */
void hpo_gemv(const double *a, size_t m, size_t n, size_t ld, const double *x, double *y);
void hpo_gemv_t(const double *a, size_t m, size_t n, size_t ld, const double *x, double *y);
/* lx = L x and ltlx = L^T L x, L n x n lower triangular: hpo_dot and hpo_axpy of its rows. */
void hpo_lower_products(const double *l, size_t n, size_t ld, const double *x, double *lx, double *ltlx);
/* C = A B^T: A m x k, B n x k, C m x n.  The one product that Gram matrices and block predictions need. */
void hpo_gemm_nt(const double *a, size_t lda, const double *b, size_t ldb, double *c, size_t ldc, size_t m,
                 size_t n, size_t k);

/* Lower Cholesky factor in place (blocked).  0, or 1 + the index of the first pivot that is not positive and
 * finite (rows before it hold the factor). */
size_t hpo_cholesky(double *a, size_t n, size_t ld);
/* Row n of the factor from row n of the matrix: row[0..n-1] and row[n] = diagonal; written into a's row n.
 * 0, or n + 1 when the pivot is not positive.  O(n^2). */
size_t hpo_cholesky_append(double *l, size_t n, size_t ld, const double *row);
/* L L^T +- x x^T; x is destroyed.  Downdate: 0, or 1 + index of the pivot that vanished (factor then
 * unusable). */
void hpo_cholesky_update(double *l, size_t n, size_t ld, double *x);
size_t hpo_cholesky_downdate(double *l, size_t n, size_t ld, double *x);
/* Removes row and column k from the factor of an n x n matrix (the result is (n-1) x (n-1)); work n. */
void hpo_cholesky_remove(double *l, size_t n, size_t ld, size_t k, double *work);
double hpo_cholesky_logdet(const double *l, size_t n, size_t ld);         /* log det of L L^T */
void hpo_solve_lower(const double *l, size_t n, size_t ld, double *b);    /* b = L^-1 b */
void hpo_solve_lower_t(const double *l, size_t n, size_t ld, double *b);  /* b = L^-T b */
void hpo_cholesky_solve(const double *l, size_t n, size_t ld, double *b); /* b = (L L^T)^-1 b */
/* m right-hand sides at once, each a row of b (m x n, stride ldb): rows become L^-1 row. */
void hpo_solve_lower_rows(const double *l, size_t n, size_t ld, double *b, size_t m, size_t ldb);
/* linv = L^-1, the lower triangle alone (stride ldi); work n x n. */
void hpo_lower_inverse(const double *l, size_t n, size_t ld, double *linv, size_t ldi, double *work);
/* inv = (L L^T)^-1, full symmetric, n x n with stride ldi; may not alias l.  linv (may be NULL, stride ldi)
 * gets L^-1 (lower, zeros above). */
void hpo_cholesky_inverse(const double *l, size_t n, size_t ld, double *inv, double *linv, size_t ldi);

/* Eigenvalues (ascending) and eigenvectors (rows of v, n x n) of a symmetric matrix a (n x n, stride ld,
 * destroyed): Householder tridiagonalisation and implicit QL.  work n.  0, or 1 when QL did not converge. */
int hpo_symmetric_eigen(double *a, size_t n, size_t ld, double *values, double *v, double *work);

/* ---- elementwise functions over arrays: the bits of hpo_exp etc. of math/func.h, several lanes at a time
 * ---- */
void hpo_exp_n(const double *x, size_t n, double *y);  /* y may be x */
void hpo_log_n(const double *x, size_t n, double *y);  /* y may be x */
void hpo_sqrt_n(const double *x, size_t n, double *y); /* y may be x */
/* cos and sin (may be NULL); either may be x. */
void hpo_cos_sin_n(const double *x, size_t n, double *cosine, double *sine);
#endif
