/* SPDX-License-Identifier: Apache-2.0 */
/* math/linalg_eigen.c - eigenvalues and eigenvectors of a symmetric matrix.
 *
 * 1. Householder reflections H_k = I - 2 w w^T turn A into a tridiagonal T = Q^T A Q, one column after the
 *    other (Golub & Van Loan 2013, algorithm 8.3.1); w of step k waits in row k of v.
 * 2. Q = H_0 H_1 ... is formed backwards, its transpose in v: row i of v becomes eigenvector i.
 * 3. T is diagonalised by implicit QL steps with Wilkinson's shift (Dubrulle, Martin & Wilkinson 1968;
 *    Golub & Van Loan, section 8.3.3); a rotation of two columns of Q is one of two rows of v.
 * 4. Selection sort, ascending.  Signs: the entry of largest size is positive, so that the same matrix gives
 *    the same vectors whatever the order of its rows did to the reflections.
 *
 * An off-diagonal entry is zero when it is below 2^-53 of its two diagonal neighbours, or of the whole
 * matrix's norm times 2^-106 (neighbours may both be zero). */
#include "math/linalg.h"

#include <math.h>
#include <string.h>

enum { SWEEPS = 60 }; /* per eigenvalue; 2 or 3 are usual */

static double hypotenuse(double a, double b)
{
    double x = fmax(fabs(a), fabs(b)), y = fmin(fabs(a), fabs(b));
    if (x == 0) return 0.0;
    double q = y / x;
    return x * sqrt(1.0 + q * q);
}

/* Reflection that maps column k of a, below the diagonal, to a multiple of the first unit vector: w (unit
 * length, n - k - 1 entries; 0 when nothing is to do), returns that multiple.  What is not above `negligible`
 * counts as zero: the rest of a matrix of low rank shrinks from step to step, and among subnormal numbers w
 * would not have unit length. */
static double reflector(const double *a, size_t n, size_t ld, size_t k, double negligible, double *w)
{
    size_t m = n - k - 1;
    double scale = 0.0, rest = 0.0, sum = 0.0;
    for (size_t i = 0; i < m; i++) {
        w[i] = a[(k + 1 + i) * ld + k];
        scale = fmax(scale, fabs(w[i]));
        if (i > 0) rest = fmax(rest, fabs(w[i]));
    }
    double alpha = w[0];
    if (scale <= negligible || rest == 0) {
        memset(w, 0, m * sizeof *w);
        return scale <= negligible ? 0.0 : alpha;
    }
    for (size_t i = 0; i < m; i++) {
        double t = w[i] / scale;
        sum += t * t;
    }
    double norm = scale * sqrt(sum), beta = alpha > 0 ? -norm : norm;
    /* |x - beta e|^2 = 2 norm (norm + |alpha|) */
    double length = sqrt(2.0 * (norm / scale) * (norm / scale + fabs(alpha) / scale)) * scale;
    w[0] = alpha - beta;
    for (size_t i = 0; i < m; i++)
        w[i] /= length;
    return beta;
}

/* S <- H S H, lower triangle only: S - w q^T - q w^T with p = S w, q = 2 (p - (p.w) w). */
static void reflect_both(double *s, size_t m, size_t ld, const double *w, double *p)
{
    memset(p, 0, m * sizeof *p);
    for (size_t i = 0; i < m; i++) {
        const double *row = s + i * ld;
        hpo_axpy(i, w[i], row, p);
        p[i] += hpo_dot(row, w, i) + row[i] * w[i];
    }
    hpo_axpy(m, -hpo_dot(p, w, m), w, p);
    for (size_t i = 0; i < m; i++)
        p[i] *= 2.0;
    for (size_t i = 0; i < m; i++) {
        hpo_axpy(i + 1, -w[i], p, s + i * ld);
        hpo_axpy(i + 1, -p[i], w, s + i * ld);
    }
}

/* v = Q^T; w of step k stands in row k, from column k + 1 on. */
static void form_vectors(size_t n, double *v)
{
    for (size_t k = n; k-- > 0;) { /* Q^T <- Q^T H_k on the part that is not yet the identity */
        double *w = v + k * n + k + 1;
        for (size_t i = k + 1; i < n; i++) {
            double *row = v + i * n;
            row[k] = 0.0;
            if (k + 2 < n) hpo_axpy(n - k - 1, -2.0 * hpo_dot(row + k + 1, w, n - k - 1), w, row + k + 1);
        }
        memset(v + k * n, 0, n * sizeof *v);
        v[k * n + k] = 1.0;
    }
}

HPO_DISPATCH static void rotate(double *a, double *b, size_t n, double c, double s)
{
    double *restrict p = a, *restrict q = b;
    for (size_t i = 0; i < n; i++) {
        double x = p[i], y = q[i];
        p[i] = c * x - s * y;
        q[i] = s * x + c * y;
    }
}

/* One implicit QL sweep on rows low..high of T (diagonal d, e[i] between i and i + 1). */
static void sweep(double *d, double *e, size_t low, size_t high, double *v, size_t n)
{
    double g = (d[low + 1] - d[low]) / (2.0 * e[low]), r = hypotenuse(g, 1.0);
    double c = 1.0, s = 1.0, p = 0.0;
    g = d[high] - d[low] + e[low] / (g + copysign(r, g));
    for (size_t i = high; i-- > low;) {
        double f = s * e[i], b = c * e[i];
        r = hypotenuse(f, g);
        e[i + 1] = r; /* e[high] is scratch */
        if (r == 0) { /* the matrix split on the way */
            d[i + 1] -= p;
            e[high] = 0.0;
            return;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1] - p;
        r = (d[i] - g) * s + 2.0 * c * b;
        p = s * r;
        d[i + 1] = g + p;
        g = c * r - b;
        rotate(v + i * n, v + (i + 1) * n, n, c, s);
    }
    d[low] -= p;
    e[low] = g;
    e[high] = 0.0;
}

static int diagonalise(double *d, double *e, size_t n, double *v)
{
    double norm = 0.0;
    for (size_t i = 0; i < n; i++)
        norm = fmax(norm, fabs(d[i]) + fabs(e[i]));
    for (size_t low = 0; low < n; low++) {
        for (int round = 0;; round++) {
            size_t high = low;
            while (high + 1 < n && fabs(e[high]) > 0x1p-53 * (fabs(d[high]) + fabs(d[high + 1])) &&
                   fabs(e[high]) > 0x1p-106 * norm)
                high++;
            if (high == low) break;
            if (round == SWEEPS) return 1;
            sweep(d, e, low, high, v, n);
        }
    }
    return 0;
}

static void sort_and_orient(double *values, double *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t best = i;
        for (size_t j = i + 1; j < n; j++)
            if (values[j] < values[best]) best = j;
        double t = values[i];
        values[i] = values[best];
        values[best] = t;
        for (size_t j = 0; j < n && best != i; j++) {
            t = v[i * n + j];
            v[i * n + j] = v[best * n + j];
            v[best * n + j] = t;
        }
        size_t largest = 0;
        for (size_t j = 1; j < n; j++)
            if (fabs(v[i * n + j]) > fabs(v[i * n + largest])) largest = j;
        for (size_t j = 0; j < n && v[i * n + largest] < 0; j++) {
            if (j != largest) v[i * n + j] = -v[i * n + j];
        }
        v[i * n + largest] = fabs(v[i * n + largest]);
    }
}

int hpo_symmetric_eigen(double *a, size_t n, size_t ld, double *values, double *v, double *work)
{
    if (n == 0) return 0;
    double largest = 0.0;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++) {
            if (!isfinite(a[i * ld + j])) return 1;
            largest = fmax(largest, fabs(a[i * ld + j]));
        }
    }
    for (size_t k = 0; k + 2 < n; k++) {
        double *w = v + k * n + k + 1;
        work[k] = reflector(a, n, ld, k, 0x1p-106 * largest, w);
        reflect_both(a + (k + 1) * ld + k + 1, n - k - 1, ld, w, values); /* values is still free */
    }
    if (n >= 2) work[n - 2] = a[(n - 1) * ld + n - 2];
    work[n - 1] = 0.0;
    for (size_t i = 0; i < n; i++)
        values[i] = a[i * ld + i];
    form_vectors(n, v);
    if (diagonalise(values, work, n, v) != 0) return 1;
    sort_and_orient(values, v, n);
    return 0;
}
