/* SPDX-License-Identifier: Apache-2.0 */
/* math/linalg_chol.c - Cholesky factor, triangular solves, inverse.
 *
 * Every element is what the textbook loop gives, bit for bit:
 *
 *     l_ij = (a_ij - l_i0 l_j0 - l_i1 l_j1 - ...) (1 / l_jj),      l_jj = sqrt(a_jj - l_j0^2 - ...)
 *
 * products subtracted one after the other, the division as a product with the reciprocal of the pivot.
 * Therefore neither the block size nor the way there shows: n appended rows give the factor of one
 * factorisation of all, and a solve for one right-hand side is that for many.
 *
 * Blocked, left-looking (Golub & Van Loan 2013, section 4.2.5): a block column is finished by one product
 * with all columns before it, the factor of its diagonal block and a triangular solve below. */
#include "math/linalg.h"

#include <math.h>
#include <string.h>

#include "math/func.h"
#include "math/linalg_tile.h"

enum { BLOCK = TILE_COLUMNS };

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static int good(double pivot)
{
    return pivot > 0 && pivot <= 0x1.fffffffffffffp1023;
}

/* The 4 x 4 triangle at t, a block's transposed lower triangle (stride BLOCK), which the columns before have
 * been subtracted from: what the rows of its block need. */
typedef struct corner {
    double l10, l20, l21, l30, l31, l32;
    double diagonal[TILE_ROWS], inverse[TILE_ROWS]; /* up to the first bad pivot */
} corner;

/* 0 or 1 + index of the bad pivot. */
HPO_INLINE size_t factor_corner(const double *t, corner *c)
{
    double s[TILE_ROWS][TILE_ROWS];
    size_t bad = 0;
    for (size_t i = 0; i < TILE_ROWS; i++)
        for (size_t j = 0; j <= i; j++)
            s[i][j] = t[j * BLOCK + i];
    for (size_t j = 0; j < TILE_ROWS; j++) {
        if (bad == 0 && !good(s[j][j])) bad = j + 1;
        c->diagonal[j] = bad == 0 ? sqrt(s[j][j]) : 1.0;
        c->inverse[j] = 1.0 / c->diagonal[j];
        for (size_t i = j + 1; i < TILE_ROWS; i++)
            s[i][j] *= c->inverse[j];
        for (size_t i = j + 1; i < TILE_ROWS; i++)
            for (size_t k = j + 1; k <= i; k++)
                s[i][k] -= s[i][j] * s[k][j];
    }
    c->l10 = s[1][0], c->l20 = s[2][0], c->l21 = s[2][1];
    c->l30 = s[3][0], c->l31 = s[3][1], c->l32 = s[3][2];
    return bad;
}

/* Factor of a block, transposed (u_ij = l_ji, stride BLOCK): rows are contiguous.  Left of the diagonal
 * stands scratch.  Four rows at a time; n is rounded up to that, with a unit diagonal.  0 or 1 + index of the
 * bad pivot. */
HPO_INLINE size_t factor_block(double *restrict u, size_t n)
{
    for (size_t i = 0; i < n; i += TILE_ROWS) {
        size_t first = i & ~(size_t)(HPO_LANES - 1), bad = 0;
        corner c = {0};
        for (size_t j = first; j < n; j += HPO_LANES) {
            double s0[HPO_LANES], s1[HPO_LANES], s2[HPO_LANES], s3[HPO_LANES];
            double *restrict to = u + i * BLOCK + j;
            LANES(l) s0[l] = to[l];
            LANES(l) s1[l] = to[BLOCK + l];
            LANES(l) s2[l] = to[2 * BLOCK + l];
            LANES(l) s3[l] = to[3 * BLOCK + l];
            for (size_t p = 0; p < i; p++) {
                const double *f = u + p * BLOCK + i, *b = u + p * BLOCK + j;
                double f0 = f[0], f1 = f[1], f2 = f[2], f3 = f[3];
                LANES(l) s0[l] -= f0 * b[l];
                LANES(l) s1[l] -= f1 * b[l];
                LANES(l) s2[l] -= f2 * b[l];
                LANES(l) s3[l] -= f3 * b[l];
            }
            if (j == first) {
                double t[TILE_ROWS * BLOCK]; /* the corner is in lanes i - first and on */
                LANES(l) t[l] = s0[l];
                LANES(l) t[BLOCK + l] = s1[l];
                LANES(l) t[2 * BLOCK + l] = s2[l];
                LANES(l) t[3 * BLOCK + l] = s3[l];
                bad = factor_corner(t + (i - first), &c);
            }
            LANES(l) s0[l] *= c.inverse[0];
            LANES(l) s1[l] = (s1[l] - c.l10 * s0[l]) * c.inverse[1];
            LANES(l) s2[l] = ((s2[l] - c.l20 * s0[l]) - c.l21 * s1[l]) * c.inverse[2];
            LANES(l) s3[l] = (((s3[l] - c.l30 * s0[l]) - c.l31 * s1[l]) - c.l32 * s2[l]) * c.inverse[3];
            LANES(l) to[l] = s0[l];
            LANES(l) to[BLOCK + l] = s1[l];
            LANES(l) to[2 * BLOCK + l] = s2[l];
            LANES(l) to[3 * BLOCK + l] = s3[l];
        }
        for (size_t r = 0; r < TILE_ROWS; r++)
            u[(i + r) * BLOCK + i + r] = c.diagonal[r];
        if (bad != 0) return i + bad;
    }
    return 0;
}

/* Rows i..i+3 of L against eight right-hand sides, x packed [k][8]; all in registers. */
HPO_INLINE void solve_rows4(const double *restrict l, size_t ld, size_t i, const double *restrict inverse,
                            double *restrict x)
{
    double s0[HPO_LANES], s1[HPO_LANES], s2[HPO_LANES], s3[HPO_LANES];
    const double *a0 = l + i * ld, *a1 = a0 + ld, *a2 = a1 + ld, *a3 = a2 + ld;
    double *restrict to = x + i * HPO_LANES;
    LANES(j) s0[j] = to[j];
    LANES(j) s1[j] = to[HPO_LANES + j];
    LANES(j) s2[j] = to[2 * HPO_LANES + j];
    LANES(j) s3[j] = to[3 * HPO_LANES + j];
    for (size_t k = 0; k < i; k++) {
        const double *b = x + k * HPO_LANES;
        double f0 = a0[k], f1 = a1[k], f2 = a2[k], f3 = a3[k];
        LANES(j) s0[j] -= f0 * b[j];
        LANES(j) s1[j] -= f1 * b[j];
        LANES(j) s2[j] -= f2 * b[j];
        LANES(j) s3[j] -= f3 * b[j];
    }
    double l10 = a1[i], l20 = a2[i], l21 = a2[i + 1], l30 = a3[i], l31 = a3[i + 1], l32 = a3[i + 2];
    double r0 = inverse[i], r1 = inverse[i + 1], r2 = inverse[i + 2], r3 = inverse[i + 3];
    LANES(j) s0[j] *= r0;
    LANES(j) s1[j] = (s1[j] - l10 * s0[j]) * r1;
    LANES(j) s2[j] = ((s2[j] - l20 * s0[j]) - l21 * s1[j]) * r2;
    LANES(j) s3[j] = (((s3[j] - l30 * s0[j]) - l31 * s1[j]) - l32 * s2[j]) * r3;
    LANES(j) to[j] = s0[j];
    LANES(j) to[HPO_LANES + j] = s1[j];
    LANES(j) to[2 * HPO_LANES + j] = s2[j];
    LANES(j) to[3 * HPO_LANES + j] = s3[j];
}

/* Rows of b (m x n) become L^-1 row, n <= BLOCK: eight rows at a time, which are the lanes. */
HPO_INLINE void solve_block(const double *l, size_t n, size_t ld, double *b, size_t m, size_t ldb)
{
    double inverse[BLOCK], x[BLOCK * HPO_LANES];
    for (size_t i = 0; i < n; i++)
        inverse[i] = 1.0 / l[i * ld + i];
    for (size_t r = 0; r < m; r += HPO_LANES) {
        size_t rows = min_size(m - r, HPO_LANES), i = 0;
        double *restrict p = b + r * ldb;
        tile_pack(p, ldb, rows, n, x);
        for (; i + TILE_ROWS <= n; i += TILE_ROWS)
            solve_rows4(l, ld, i, inverse, x);
        for (; i < n; i++) {
            tile_row1(-1, l + i * ld, x, i, x + i * HPO_LANES);
            LANES(j) x[i * HPO_LANES + j] *= inverse[i];
        }
        for (size_t j = 0; j < rows; j++)
            for (size_t k = 0; k < n; k++)
                p[j * ldb + k] = x[k * HPO_LANES + j];
    }
}

/* Rows and columns j0..j0+width-1. */
HPO_DISPATCH static size_t diagonal_block(double *a, size_t ld, size_t j0, size_t width)
{
    double u[BLOCK * BLOCK], *row = a + j0 * ld;
    size_t end = (width + HPO_LANES - 1) & ~(size_t)(HPO_LANES - 1);
    for (size_t i = 0; i < end; i++)
        memset(u + i * BLOCK, 0, end * sizeof *u);
    for (size_t i = 0; i < width; i++)
        for (size_t j = 0; j <= i; j++)
            u[j * BLOCK + i] = row[i * ld + j0 + j];
    for (size_t i = width; i < end; i++)
        u[i * BLOCK + i] = 1.0;
    hpo_tile_subtract(row, ld, row, ld, u, BLOCK, width, width, j0);
    size_t bad = factor_block(u, width);
    for (size_t i = 0; i < width; i++)
        for (size_t j = 0; j <= i; j++)
            row[i * ld + j0 + j] = u[j * BLOCK + i];
    return bad;
}

HPO_DISPATCH static void solve_panel(const double *l, size_t n, size_t ld, double *b, size_t m, size_t ldb)
{
    solve_block(l, n, ld, b, m, ldb);
}

size_t hpo_cholesky(double *a, size_t n, size_t ld)
{
    for (size_t j0 = 0; j0 < n; j0 += BLOCK) {
        size_t j1 = min_size(j0 + BLOCK, n);
        size_t bad = diagonal_block(a, ld, j0, j1 - j0);
        if (bad != 0) return j0 + bad;
        if (j1 == n) break;
        double *below = a + j1 * ld + j0;
        hpo_tile_subtract(a + j1 * ld, ld, a + j0 * ld, ld, below, ld, n - j1, j1 - j0, j0);
        solve_panel(a + j0 * ld + j0, j1 - j0, ld, below, n - j1, ld);
    }
    return 0;
}

HPO_DISPATCH static void solve_lower_here(const double *l, size_t n, size_t ld, double *b)
{
    size_t i = 0;
    for (; i + HPO_LANES <= n; i += HPO_LANES) {
        const double *row = l + i * ld;
        double s[HPO_LANES];
        for (size_t r = 0; r < HPO_LANES; r++)
            s[r] = b[i + r];
        tile_chains(-1, row, ld, b, i, s);
        for (size_t r = 0; r < HPO_LANES; r++) {
            b[i + r] = s[r] * (1.0 / row[r * ld + i + r]);
            for (size_t q = r + 1; q < HPO_LANES; q++)
                s[q] -= row[q * ld + i + r] * b[i + r];
        }
    }
    for (; i < n; i++) {
        double s = b[i];
        for (size_t k = 0; k < i; k++)
            s -= l[i * ld + k] * b[k];
        b[i] = s * (1.0 / l[i * ld + i]);
    }
}

void hpo_solve_lower(const double *l, size_t n, size_t ld, double *b)
{
    solve_lower_here(l, n, ld, b);
}

/* From the last row up, each row of L takes its part from all entries before it: contiguous, four rows at
 * once. */
HPO_DISPATCH static void solve_lower_t_here(const double *l, size_t n, size_t ld, double *b)
{
    size_t i = n;
    for (; i >= 4; i -= 4) {
        const double *restrict r0 = l + (i - 1) * ld, *restrict r1 = r0 - ld, *restrict r2 = r1 - ld,
                               *restrict r3 = r2 - ld;
        size_t k = 0, m = i - 4;
        double x0 = b[i - 1] * (1.0 / r0[i - 1]);
        double x1 = (b[i - 2] - r0[i - 2] * x0) * (1.0 / r1[i - 2]);
        double x2 = ((b[i - 3] - r0[i - 3] * x0) - r1[i - 3] * x1) * (1.0 / r2[i - 3]);
        double x3 = (((b[m] - r0[m] * x0) - r1[m] * x1) - r2[m] * x2) * (1.0 / r3[m]);
        b[i - 1] = x0, b[i - 2] = x1, b[i - 3] = x2, b[m] = x3;
        for (; k + HPO_LANES <= m; k += HPO_LANES) {
            double *restrict t = b + k;
            LANES(j)
            t[j] = (((t[j] - r0[k + j] * x0) - r1[k + j] * x1) - r2[k + j] * x2) - r3[k + j] * x3;
        }
        for (; k < m; k++)
            b[k] = (((b[k] - r0[k] * x0) - r1[k] * x1) - r2[k] * x2) - r3[k] * x3;
    }
    for (; i > 0; i--) {
        b[i - 1] *= 1.0 / l[(i - 1) * ld + i - 1];
        for (size_t k = 0; k + 1 < i; k++)
            b[k] -= l[(i - 1) * ld + k] * b[i - 1];
    }
}

void hpo_solve_lower_t(const double *l, size_t n, size_t ld, double *b)
{
    solve_lower_t_here(l, n, ld, b);
}

void hpo_cholesky_solve(const double *l, size_t n, size_t ld, double *b)
{
    hpo_solve_lower(l, n, ld, b);
    hpo_solve_lower_t(l, n, ld, b);
}

void hpo_solve_lower_rows(const double *l, size_t n, size_t ld, double *b, size_t m, size_t ldb)
{
    if (m < 3) {
        for (size_t r = 0; r < m; r++)
            hpo_solve_lower(l, n, ld, b + r * ldb);
        return;
    }
    for (size_t j0 = 0; j0 < n; j0 += BLOCK) {
        size_t width = min_size(n - j0, BLOCK);
        hpo_tile_subtract(b, ldb, l + j0 * ld, ld, b + j0, ldb, m, width, j0);
        solve_panel(l + j0 * ld + j0, width, ld, b + j0, m, ldb);
    }
}

size_t hpo_cholesky_append(double *l, size_t n, size_t ld, const double *row)
{
    double *x = l + n * ld;
    memmove(x, row, (n + 1) * sizeof *x); /* row may be where the factor's row goes */
    hpo_solve_lower(l, n, ld, x);
    double pivot = x[n];
    for (size_t k = 0; k < n; k++)
        pivot -= x[k] * x[k];
    if (!good(pivot)) return n + 1;
    x[n] = sqrt(pivot);
    return 0;
}

/* The pivots' product, rescaled before it can leave the range: one logarithm for many pivots would round
 * worse than it saves, so one each. */
double hpo_cholesky_logdet(const double *l, size_t n, size_t ld)
{
    double s = 0.0;
    for (size_t i = 0; i < n; i++)
        s += hpo_log(l[i * ld + i]);
    return 2.0 * s;
}

/* c_i +- sum_p y_ip b_p for the rows i and columns p of `first`..end-1, where row i of y begins with its own
 * block; width columns of c. */
static void triangle_product(int sign, const double *y, size_t ldy, const double *b, size_t ldb, double *c,
                             size_t ldc, size_t first, size_t end, size_t width)
{
    void (*add)(const double *, size_t, const double *, size_t, double *, size_t, size_t, size_t, size_t) =
        sign > 0 ? hpo_tile_add : hpo_tile_subtract;
    for (size_t p0 = first; p0 < end; p0 += TILE_DEPTH) {
        size_t p1 = min_size(p0 + TILE_DEPTH, end);
        add(y + first * ldy + p0, ldy, b + p0, ldb, c + first * ldc, ldc, p0 - first, width, p1 - p0);
        for (size_t i = p0; i < p1; i += BLOCK)
            add(y + i * ldy + i, ldy, b + i, ldb, c + i * ldc, ldc, min_size(p1 - i, BLOCK), width, p1 - i);
    }
}

/* Rows of Y = L^-T are the columns of L^-1: each is zero in front of its diagonal; the columns of Y follow
 * one block after the other.  Then K^-1 = Y Y^T into the lower triangle, where nothing of Y is stored, the
 * diagonal blocks last. */
static void lower_inverse_t(const double *l, size_t n, size_t ld, double *inv, size_t ldi)
{
    for (size_t i = 0; i < n; i++) {
        memset(inv + i * ldi, 0, n * sizeof *inv);
        inv[i * ldi + i] = 1.0;
    }
    for (size_t j = 0; j < n; j += BLOCK) {
        size_t width = min_size(n - j, BLOCK);
        triangle_product(-1, inv, ldi, l + j * ld, ld, inv + j, ldi, 0, j, width);
        solve_panel(l + j * ld + j, width, ld, inv + j, j + width, ldi);
    }
}

void hpo_lower_inverse(const double *l, size_t n, size_t ld, double *linv, size_t ldi, double *work)
{
    lower_inverse_t(l, n, ld, work, n);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++)
            linv[i * ldi + j] = work[j * n + i];
}

void hpo_cholesky_inverse(const double *l, size_t n, size_t ld, double *inv, double *linv, size_t ldi)
{
    double d[BLOCK * BLOCK];
    lower_inverse_t(l, n, ld, inv, ldi);
    for (size_t i = 0; linv != NULL && i < n; i++) {
        for (size_t j = 0; j <= i; j++)
            linv[i * ldi + j] = inv[j * ldi + i];
        memset(linv + i * ldi + i + 1, 0, (n - i - 1) * sizeof *linv);
    }
    for (size_t j = 0; j + BLOCK < n; j += BLOCK)
        triangle_product(1, inv, ldi, inv + j * ldi, ldi, inv + j, ldi, j + BLOCK, n, BLOCK);
    for (size_t i = 0; i < n; i += BLOCK) {
        size_t rows = min_size(n - i, BLOCK);
        double *y = inv + i * ldi + i;
        hpo_gemm_nt(y, ldi, y, ldi, d, BLOCK, rows, rows, n - i);
        for (size_t r = 0; r < rows; r++)
            memcpy(y + r * ldi, d + r * BLOCK, rows * sizeof *d);
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            inv[i * ldi + j] = inv[j * ldi + i];
}
