/* SPDX-License-Identifier: Apache-2.0 */
/* model/gp_factor.c - the linear system of a Gaussian process: memory, hyperparameters, factorisation.
 *
 *     A = K + diag(e) [+ jitter] = L L^T,   alpha = A^-1 z,   W = L^-1
 *
 * (Rasmussen & Williams 2006, algorithm 2.1.)  W is kept beside L: a block of predictions is then one matrix
 * product, |W k|^2 loses no digits to an explicit A^-1, and a new row of W costs O(n^2) like one of L:
 *     L' = [L 0; c^T d],   W' = [W 0; -c^T W / d, 1 / d].
 *
 * Which factorisation stands after n rows follows from the rows: one block for all points up to the last fit
 * or the last replicate of an older point, appended rows after that. */
#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "math/linalg.h"
#include "model/gp_internal.h"

#include <math.h>
#include <string.h>

/* ---- memory ----------------------------------------------------------------------------------------- */

static void move_rows(double *to, size_t ld_to, const double *from, size_t ld_from, size_t rows, int triangle,
                      size_t width)
{
    for (size_t i = 0; i < rows; i++)
        memcpy(to + i * ld_to, from + i * ld_from, (triangle ? i + 1 : width) * sizeof *to);
}

/* Arrays with one place per entry are cut out of two blocks: the matrices, the rest. */
hpo_status hpo_gp_room(hpo_gp *gp, size_t need, hpo_error *err)
{
    if (need <= gp->cap) return HPO_OK;
    size_t cap = gp->cap + gp->cap / 2, old = gp->cap, f = gp->n_features;
    if (cap < need) cap = need;
    cap = (cap + 15) / 8 * 8;
    uint32_t *point = hpo_alloc_array(cap, sizeof *point);
    double *l = hpo_calloc(2 * cap, cap * sizeof *l); /* W is read as a rectangle: zeros above */
    double *rest = hpo_alloc_array(cap, (2 * f + 5) * sizeof *rest);
    if (!point || !l || !rest) {
        hpo_free(point);
        hpo_free(l);
        hpo_free(rest);
        return hpo_fail_memory(err);
    }
    double *columns = rest + 2 * f * cap, *w = l + cap * cap;
    if (old > 0) {
        move_rows(l, cap, gp->l, old, gp->n_factored, 1, 0);
        move_rows(w, cap, gp->w, old, gp->n_factored, 1, 0);
        move_rows(rest, cap, gp->features, old, 2 * f, 0, gp->n_points);
        move_rows(columns, cap, gp->z, old, 5, 0, old);
        memcpy(point, gp->point, gp->n_points * sizeof *point);
    }
    hpo_free(gp->point);
    hpo_free(gp->l);
    hpo_free(gp->features);
    gp->cap = cap;
    gp->point = point;
    gp->l = l;
    gp->w = w;
    gp->features = rest;
    gp->scaled = rest + f * cap;
    gp->z = columns;
    gp->e = gp->z + cap;
    gp->alpha = gp->e + cap;
    gp->count = gp->alpha + cap;
    gp->h = gp->count + cap;
    return HPO_OK;
}

/* ---- hyperparameters -------------------------------------------------------------------------------- */

hpo_embed_shape hpo_gp_shape(const hpo_gp *gp)
{
    return (hpo_embed_shape){
        .rho = gp->rho, .warp_a = gp->warped ? gp->warp_a : NULL, .warp_b = gp->warped ? gp->warp_b : NULL};
}

void hpo_gp_features(const hpo_gp *gp, const hpo_embed_shape *shape, double *row, double *soa, size_t ld)
{
    for (size_t i = 0; i < gp->n_points; i++) {
        hpo_embed_features(gp->embed, shape, hpo_gp_point(gp, i), 1, row);
        for (size_t f = 0; f < gp->n_features; f++)
            soa[f * ld + i] = row[f];
    }
}

void hpo_gp_unpack(hpo_gp *gp, const double *theta)
{
    size_t g = gp->n_axes;
    if (theta != gp->theta) memcpy(gp->theta, theta, gp->n_theta * sizeof *theta);
    gp->s2 = hpo_exp(theta[g]);
    gp->n2 = hpo_exp(theta[g + 1]);
    for (size_t f = 0; f < gp->n_features; f++)
        gp->inv_l[f] = hpo_exp(-theta[gp->group_of[f]]);
    hpo_gp_read_shape(gp, theta, gp->rho, gp->warp_a, gp->warp_b);
    if (gp->n_points == 0) return;
    if (gp->n_theta > g + 2 || gp->features_stale) {
        hpo_embed_shape shape = hpo_gp_shape(gp);
        hpo_gp_features(gp, &shape, gp->feature_row, gp->features, gp->cap);
        gp->features_stale = gp->n_theta > g + 2;
        hpo_gp_refresh_slopes(gp);
    }
    for (size_t f = 0; f < gp->n_features; f++)
        for (size_t i = 0; i < gp->n_points; i++)
            gp->scaled[f * gp->cap + i] = gp->features[f * gp->cap + i] * gp->inv_l[f];
}

size_t hpo_gp_n_theta(const hpo_gp *gp)
{
    return gp->n_theta;
}

hpo_status hpo_gp_set_theta(hpo_gp *gp, const double *theta, hpo_error *err)
{
    for (size_t i = 0; i < gp->n_theta; i++)
        if (!isfinite(theta[i]))
            return hpo_fail(err, HPO_EINVAL, "theta[%zu] is %g; it must be finite", i, theta[i]);
    hpo_gp_unpack(gp, theta);
    gp->n_factored = 0;
    gp->full_first = gp->n_points;
    if (gp->n_points == 0) return HPO_OK;
    return hpo_gp_settle(gp, err);
}

/* ---- factorisation ---------------------------------------------------------------------------------- */

/* Lower triangle of K of the first n entries, without noise. */
static void gram(const hpo_gp *gp, size_t n, double *k, size_t ld)
{
    if (gp->n_slopes > 0) {
        hpo_gp_joint_gram(gp, k, ld);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        double *row = k + i * ld;
        hpo_gp_pairs(gp->family, gp->n_features, gp->scaled + i, gp->cap, gp->scaled, gp->cap, i + 1, row);
        hpo_gp_covary(gp->family, gp->s2, row, i + 1, row, NULL);
    }
}

/* All of the first n entries at once.  The noise floor keeps A well away from singular; where rounding still
 * spoils a pivot, jitter grows from 1e-10 of the signal by tens. */
static hpo_status factor(hpo_gp *gp, size_t n, hpo_error *err)
{
    hpo_status s = hpo_gp_fit_room(gp, err);
    if (s != HPO_OK) return s;
    for (double jitter = gp->jitter;; jitter = jitter > 0 ? 10 * jitter : 1e-10 * gp->s2) {
        gram(gp, n, gp->l, gp->cap);
        for (size_t i = 0; i < n; i++)
            gp->l[i * gp->cap + i] += gp->e[i] + jitter;
        if (hpo_cholesky(gp->l, n, gp->cap) == 0) {
            gp->jitter = jitter;
            break;
        }
        if (!(jitter < gp->s2))
            return hpo_fail(err, HPO_EINVAL,
                            "the covariance matrix of %zu configurations has no factorisation", n);
    }
    hpo_lower_inverse(gp->l, n, gp->cap, gp->w, gp->cap, gp->fit_inv);
    gp->n_factored = n;
    return HPO_OK;
}

/* Entry n_factored from its covariances with those before it: 1 when its pivot is not positive. */
static int append(hpo_gp *gp)
{
    size_t i = gp->n_factored, ld = gp->cap;
    double *row = gp->l + i * ld, *inverse = gp->w + i * ld;
    hpo_gp_pairs(gp->family, gp->n_features, gp->scaled + i, ld, gp->scaled, ld, i + 1, inverse);
    hpo_gp_covary(gp->family, gp->s2, inverse, i + 1, inverse, NULL);
    inverse[i] += gp->e[i] + gp->jitter;
    if (hpo_cholesky_append(gp->l, i, ld, inverse) != 0) return 1;
    for (size_t j = 0; j < i; j++)
        inverse[j] = 0;
    for (size_t r = 0; r < i; r++)
        hpo_axpy(r + 1, -row[r] / row[i], gp->w + r * ld, inverse);
    inverse[i] = 1 / row[i];
    gp->n_factored++;
    return 0;
}

hpo_status hpo_gp_settle(hpo_gp *gp, hpo_error *err)
{
    size_t n = gp->n_points;
    hpo_status s = hpo_gp_room(gp, n + gp->n_slopes, err);
    if (s != HPO_OK) return s;
    hpo_gp_noise_terms t = {.z = gp->z, .e = gp->e, .count = gp->count};
    gp->ready = 0;
    gp->n_entries = n + gp->n_slopes;
    hpo_gp_noise_terms_at(gp, gp->n2, &t);
    for (size_t k = 0; k < gp->n_slopes; k++) {
        gp->z[n + k] = gp->slopes[k].value;
        gp->e[n + k] = gp->n2 / gp->slopes[k].count;
    }
    if (gp->n_slopes > 0) {
        gp->n_factored = 0;
        gp->full_first = gp->n_entries;
    }
    if (gp->n_factored == 0) {
        gp->jitter = 0;
        s = factor(gp, gp->full_first, err);
    }
    while (s == HPO_OK && gp->n_factored < gp->n_entries)
        if (append(gp) != 0) s = factor(gp, gp->n_factored + 1, err);
    if (s != HPO_OK) {
        gp->n_factored = 0;
        return s;
    }
    memcpy(gp->alpha, gp->z, gp->n_entries * sizeof *gp->z);
    hpo_cholesky_solve(gp->l, gp->n_entries, gp->cap, gp->alpha);
    gp->ready = 1;
    return HPO_OK;
}
