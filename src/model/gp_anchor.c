/* SPDX-License-Identifier: Apache-2.0 */
/* model/gp_anchor.c - covariances with points that stay the same: trials in progress, the points that a
 * knowledge gradient looks at.
 *
 *     cov(u, v_j) = k(u, v_j) - k_u . c_j,   c_j = A^-1 k(X, v_j)
 *
 * with c_j computed once.  Then a point costs O(n) for each v_j on top of its own moments, and blocks of
 * points are one matrix product. */
#include <string.h>

#include "base/alloc.h"
#include "math/linalg.h"
#include "model/gp_internal.h"

enum { ROWS = 64 };

typedef struct gp_anchor {
    size_t r;
    double *features; /* r x n_features, scaled */
    double *columns;  /* n_features x r: the same, feature by feature */
    double *c;        /* r x n_entries */
    double place[];
} gp_anchor;

void *hpo_gp_anchor(const void *model, const double *v, size_t r)
{
    const hpo_gp *gp = model;
    size_t n = gp->ready ? gp->n_entries : 0, f = gp->n_features;
    double *work = hpo_alloc_array(2 * n + 1, sizeof *work);
    gp_anchor *x = hpo_alloc_array(1, sizeof *x + r * (2 * f + n) * sizeof(double));
    if (work == NULL || x == NULL) {
        hpo_free(work);
        hpo_free(x);
        return NULL;
    }
    x->r = r;
    x->features = x->place;
    x->columns = x->features + r * f;
    x->c = x->columns + r * f;
    for (size_t j = 0; j < r && gp->ready; j++) {
        double *a = x->features + j * f;
        hpo_gp_scaled_features(gp, v + j * gp->n_dims, a);
        for (size_t i = 0; i < f; i++)
            x->columns[i * r + j] = a[i];
        hpo_gp_covariances(gp, a, work, NULL);
        (void)hpo_gp_solve(gp, work, work + n, x->c + j * n);
    }
    hpo_free(work);
    return x;
}

/* k(a, v_j) for all j. */
static void prior_covariances(const hpo_gp *gp, const gp_anchor *x, const double *a, double *out)
{
    hpo_gp_pairs(gp->family, gp->n_features, a, 1, x->columns, x->r, x->r, out);
    hpo_gp_covary(gp->family, gp->s2, out, x->r, out, NULL);
}

void hpo_gp_anchored(const void *model, const void *anchor, const double *u, size_t m, double *mean,
                     double *var, double *cov)
{
    const hpo_gp *gp = model;
    const gp_anchor *x = anchor;
    double stack[HPO_GP_STACK], *heap = NULL, *a = NULL;
    size_t n = gp->n_entries, f = gp->n_features, r = x->r, each = n + HPO_GP_TILE + r, block = 1;
    if (f + each <= HPO_GP_STACK) block = (HPO_GP_STACK - f) / each;
    if (block > ROWS) block = ROWS;
    if (gp->ready) a = hpo_gp_borrow(stack, f + block * each, &heap);
    if (a == NULL) {
        hpo_gp_prior_moments(gp, m, mean, var);
        memset(cov, 0, m * r * sizeof *cov);
        return;
    }
    double *k = a + f, *tile = k + block * n, *known = tile + block * HPO_GP_TILE;
    for (size_t first = 0; first < m; first += block) {
        size_t rows = m - first < block ? m - first : block;
        const double *v = u + first * gp->n_dims;
        hpo_gp_block_moments(gp, v, rows, a, k, tile, mean + first, var + first);
        hpo_gemm_nt(k, n, x->c, n, known, r, rows, r, n);
        for (size_t i = 0; i < rows; i++) {
            double *out = cov + (first + i) * r;
            hpo_gp_scaled_features(gp, v + i * gp->n_dims, a);
            prior_covariances(gp, x, a, out);
            for (size_t j = 0; j < r; j++)
                out[j] -= known[i * r + j];
        }
    }
    hpo_free(heap);
}

void hpo_gp_anchored_gradient(const void *model, const void *anchor, const double *u, double *mean,
                              double *var, double *dmean, double *dvar, double *cov, double *dcov)
{
    const hpo_gp *gp = model;
    const gp_anchor *x = anchor;
    double stack[HPO_GP_STACK], *heap = NULL, *a = NULL;
    size_t n = gp->n_entries, f = gp->n_features, r = x->r, d = gp->n_dims;
    hpo_gp_gradient(gp, u, mean, var, dmean, dvar);
    if (gp->ready) a = hpo_gp_borrow(stack, 3 * f + 3 * n, &heap);
    if (a == NULL) {
        memset(cov, 0, r * sizeof *cov);
        memset(dcov, 0, r * d * sizeof *dcov);
        return;
    }
    double *da = a + f, *pulled = da + f, *k = pulled + f, *dk = k + n, *product = dk + n;
    hpo_gp_scaled_features(gp, u, a);
    hpo_gp_covariances(gp, a, k, dk);
    for (size_t j = 0; j < r; j++) {
        const double *c = x->c + j * n;
        cov[j] = hpo_gp_one_covariance(gp, a, x->features + j * f, da) - hpo_dot(k, c, n);
        hpo_gp_pull_weights(gp, a, c, dk, product, pulled);
        for (size_t i = 0; i < f; i++)
            da[i] -= pulled[i];
        hpo_gp_to_coordinates(gp, u, da, dcov + j * d);
    }
    hpo_free(heap);
}
