/* SPDX-License-Identifier: Apache-2.0 */
/* math/linalg_update.c - the Cholesky factor of a matrix that changed by one row or one rank.
 *
 * L L^T + x x^T by plane rotations from the left column to the right; L L^T - x x^T by hyperbolic rotations
 * in Chambers' mixed form, the stable one (Golub & Van Loan 2013, section 6.5.4; Bojanczyk, Brent, Van Dooren
 * & de Hoog 1987):
 *
 *     r = sqrt(l^2 +- x_k^2),  c = r / l,  s = x_k / l
 *     l_ik <- (l_ik +- s x_i) / c,   x_i <- c x_i - s l_ik (new)
 *
 * The rotations of a block of columns are found first (they need only its diagonal block), then applied to
 * each row below: rows are contiguous, and independent of each other.
 *
 * Without row and column k: the rows below lose an entry each, whose outer product is added to the factor of
 * the trailing part. */
#include "math/linalg.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 32 };

/* A rotation kept as 1/c, c, s. */
typedef struct rotation {
    double inverse, c, s;
} rotation;

HPO_INLINE double rotate_row(double sign, const rotation *q, size_t n, double *row, double x)
{
    for (size_t k = 0; k < n; k++) {
        double t = (row[k] + sign * (q[k].s * x)) * q[k].inverse;
        row[k] = t;
        x = q[k].c * x - q[k].s * t;
    }
    return x;
}

/* Four rows side by side: each is a chain of dependent steps. */
HPO_INLINE void rotate_rows4(double sign, const rotation *restrict q, size_t n, double *restrict l, size_t ld,
                             double *restrict x)
{
    double *l1 = l + ld, *l2 = l + 2 * ld, *l3 = l + 3 * ld;
    double x0 = x[0], x1 = x[1], x2 = x[2], x3 = x[3];
    for (size_t k = 0; k < n; k++) {
        double s = q[k].s, c = q[k].c, f = q[k].inverse, g = sign * s;
        double t0 = (l[k] + g * x0) * f, t1 = (l1[k] + g * x1) * f;
        double t2 = (l2[k] + g * x2) * f, t3 = (l3[k] + g * x3) * f;
        l[k] = t0, l1[k] = t1, l2[k] = t2, l3[k] = t3;
        x0 = c * x0 - s * t0;
        x1 = c * x1 - s * t1;
        x2 = c * x2 - s * t2;
        x3 = c * x3 - s * t3;
    }
    x[0] = x0, x[1] = x1, x[2] = x2, x[3] = x3;
}

/* sqrt(l^2 +- x^2) without overflow; NaN or 0 when it vanishes. */
static double pivot(double sign, double l, double x)
{
    if (sign < 0) return sqrt(l - x) * sqrt(l + x);
    double a = fmax(fabs(l), fabs(x)), b = fmin(fabs(l), fabs(x)), q = b / a;
    return a * sqrt(1.0 + q * q);
}

static size_t modify(double sign, double *l, size_t n, size_t ld, double *x)
{
    rotation q[BLOCK];
    for (size_t k0 = 0; k0 < n; k0 += BLOCK) {
        size_t width = n - k0 < BLOCK ? n - k0 : BLOCK, i = k0;
        for (; i < k0 + width; i++) {
            double *row = l + i * ld + k0, *diagonal = row + (i - k0);
            double v = rotate_row(sign, q, i - k0, row, x[i]);
            double r = pivot(sign, *diagonal, v);
            if (!(r > 0 && r <= 0x1.fffffffffffffp1023)) return i + 1;
            q[i - k0] = (rotation){*diagonal / r, r / *diagonal, v / *diagonal};
            *diagonal = r;
        }
        for (; i + 4 <= n; i += 4)
            rotate_rows4(sign, q, width, l + i * ld + k0, ld, x + i);
        for (; i < n; i++)
            x[i] = rotate_row(sign, q, width, l + i * ld + k0, x[i]);
    }
    return 0;
}

void hpo_cholesky_update(double *l, size_t n, size_t ld, double *x)
{
    (void)modify(1.0, l, n, ld, x);
}

size_t hpo_cholesky_downdate(double *l, size_t n, size_t ld, double *x)
{
    return modify(-1.0, l, n, ld, x);
}

void hpo_cholesky_remove(double *l, size_t n, size_t ld, size_t k, double *work)
{
    for (size_t i = k + 1; i < n; i++) {
        const double *row = l + i * ld;
        double *to = l + (i - 1) * ld;
        work[i - k - 1] = row[k];
        memcpy(to, row, k * sizeof *to);
        memcpy(to + k, row + k + 1, (i - k) * sizeof *to);
    }
    if (k + 1 < n) hpo_cholesky_update(l + k * ld + k, n - k - 1, ld, work);
}
