/* SPDX-License-Identifier: Apache-2.0 */
/* model/gp.c - a Gaussian process over the rows of a study: its life, its factorisation, what it says about
 * itself.
 *
 *     A = K + diag(e) [+ jitter] = L L^T,   alpha = A^-1 z,   W = L^-1
 *
 * (Rasmussen & Williams 2006, algorithm 2.1.)  The prior mean is 0 in model units: observations are
 * standardised there, and a constant estimated by generalised least squares would differ from 0 by no more
 * than the fitted signal allows, at the price of a term in every formula.  W is kept beside L: a block of
 * predictions is then one matrix product, |W k|^2 loses no digits to an explicit A^-1, and a new row of W
 * costs O(n^2) like one of L:
 *     L' = [L 0; c^T d],   W' = [W 0; -c^T W / d, 1 / d].
 *
 * Which factorisation stands after n rows follows from the rows: one block for all points up to the last fit
 * or the last replicate of an older point, appended rows after that.  gp_fit.c decides when to fit. */
#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "math/linalg.h"
#include "math/stats.h"
#include "model/gp_internal.h"

#include <math.h>
#include <string.h>

static const double LN_2PI = 0x1.d67f1c864beb5p+0;

/* ---- life ------------------------------------------------------------------------------------------------
 */

hpo_gp_options hpo_gp_defaults(void)
{
    return (hpo_gp_options){
        .family = HPO_KERNEL_MATERN32,
        .prior = HPO_GP_PRIOR_WALL,
        .sparse_tau = 0.1,
        .noise = HPO_GP_NOISE_LEARNED,
        .noise_floor = 1e-6,
        .transform = HPO_TRANSFORM_AUTO,
        .max_rows = 1000,
    };
}

static hpo_status check_options(const hpo_embed *embed, hpo_gp_options *o, hpo_error *err)
{
    if (o->family == HPO_KERNEL_PERIODIC && !hpo_embed_periodic(embed))
        return hpo_fail(err, HPO_EINVAL,
                        "the periodic kernel needs an embedding of circles; create it with "
                        "hpo_embed_create_periodic");
    if (o->max_rows == 0) o->max_rows = 1000;
    if (o->max_rows < 16 || o->max_rows > HPO_GP_MAX_ROWS)
        return hpo_fail(err, HPO_EINVAL, "max_rows must be 0 or between 16 and %d, not %zu", HPO_GP_MAX_ROWS,
                        o->max_rows);
    if (!(o->noise_floor >= 1e-9 && o->noise_floor <= 1))
        return hpo_fail(err, HPO_EINVAL, "noise_floor must be between 1e-9 and 1, not %g", o->noise_floor);
    if (o->prior == HPO_GP_PRIOR_SPARSE && !(o->sparse_tau > 0 && isfinite(o->sparse_tau)))
        return hpo_fail(err, HPO_EINVAL, "sparse_tau must be positive, not %g", o->sparse_tau);
    return HPO_OK;
}

static hpo_status build(hpo_gp *gp, hpo_error *err)
{
    size_t g = gp->n_axes, f = gp->n_features, most = 4 * g + 2;
    gp->group_of = hpo_calloc(f, sizeof *gp->group_of);
    gp->theta = hpo_calloc(3 * most + 3 * g, sizeof *gp->theta);
    gp->inv_l = hpo_calloc(2 * f, sizeof *gp->inv_l);
    if (!gp->group_of || !gp->theta || !gp->inv_l) return hpo_fail_memory(err);
    gp->lower = gp->theta + most;
    gp->upper = gp->lower + most;
    gp->rho = gp->upper + most;
    gp->warp_a = gp->rho + g;
    gp->warp_b = gp->warp_a + g;
    gp->feature_row = gp->inv_l + f;
    for (size_t j = 0; j < g; j++) {
        const hpo_axis *a = hpo_embed_axis(gp->embed, j);
        for (size_t i = 0; i < a->n_features; i++)
            gp->group_of[a->feature + i] = (uint32_t)j;
    }
    hpo_gp_bounds(gp);
    hpo_gp_start(gp, gp->theta, NULL);
    hpo_gp_unpack(gp, gp->theta);
    return HPO_OK;
}

hpo_status hpo_gp_create(const hpo_embed *embed, const hpo_gp_options *options, hpo_gp **out, hpo_error *err)
{
    *out = NULL;
    hpo_gp_options o = options ? *options : hpo_gp_defaults();
    hpo_status s = check_options(embed, &o, err);
    if (s != HPO_OK) return s;
    hpo_gp *gp = hpo_calloc(1, sizeof *gp);
    if (!gp) return hpo_fail_memory(err);
    gp->embed = embed;
    gp->options = o;
    gp->family = o.family;
    gp->n_dims = hpo_embed_n_dims(embed);
    gp->n_features = hpo_embed_n_features(embed);
    gp->n_axes = hpo_embed_n_axes(embed);
    gp->transform.scale = gp->transform.sd = 1;
    gp->loo_score = gp->log_posterior = gp->log_evidence = NAN;
    s = build(gp, err);
    if (s != HPO_OK) {
        hpo_gp_free(gp);
        return s;
    }
    *out = gp;
    return HPO_OK;
}

void hpo_gp_free(hpo_gp *gp)
{
    if (!gp) return;
    hpo_gp_free(gp->noise_gp);
    hpo_u64map_fini(&gp->pool_by_hash);
    void *blocks[] = {gp->group_of, gp->theta,     gp->inv_l,   gp->rows,     gp->gradients,
                      gp->pool_u,   gp->place,     gp->point,   gp->l,        gp->features,
                      gp->slopes,   gp->slope_row, gp->scratch, gp->fit_block};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        hpo_free(blocks[i]);
    hpo_free(gp);
}

void hpo_gp_hold(hpo_gp *gp, int on)
{
    gp->hold = on;
}

/* ---- memory ----------------------------------------------------------------------------------------------
 */

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

/* ---- hyperparameters -------------------------------------------------------------------------------------
 */

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

/* ---- factorisation ---------------------------------------------------------------------------------------
 */

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
    hpo_cholesky_inverse(gp->l, n, gp->cap, gp->fit_inv, gp->fit_d, gp->fit_cap);
    move_rows(gp->w, gp->cap, gp->fit_d, gp->fit_cap, n, 1, 0);
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

/* ---- advancing -------------------------------------------------------------------------------------------
 */

/* Rows between fits: a twentieth of those there are, one at a time below 40 (gp_fit.c). */
static size_t next_fit(size_t n)
{
    size_t next = n + (n < 50 || n / 20 < 1 ? 1 : n / 20), power = 2;
    while (power <= n)
        power *= 2;
    return next < power ? next : power;
}

static hpo_status fit_at(hpo_gp *gp, size_t n, int cold, hpo_error *err)
{
    hpo_status s = hpo_gp_restart(gp, n, err);
    if (s == HPO_OK && !gp->hold) s = hpo_gp_fit(gp, cold, err);
    if (s == HPO_OK && !gp->hold && gp->options.heteroscedastic) s = hpo_gp_fit_noise(gp, err);
    gp->next_fit = next_fit(n);
    return s;
}

/* Later fits forget what was before a power of two: replaying starts at the last one. */
static hpo_status catch_up(hpo_gp *gp, hpo_error *err)
{
    size_t power = 2;
    while (power <= gp->n_rows / 2)
        power *= 2;
    hpo_status s = HPO_OK;
    if (gp->hold && gp->n_used == 0) s = hpo_gp_restart(gp, 1, err);
    if (!gp->hold && power > gp->n_used) s = fit_at(gp, power, 1, err);
    while (s == HPO_OK && gp->n_used < gp->n_rows) {
        s = hpo_gp_absorb(gp, err);
        if (s != HPO_OK || gp->hold) continue;
        double z = fabs(gp->rows[gp->n_used - 1].z);
        if (gp->n_used == gp->next_fit)
            s = fit_at(gp, gp->n_used, (gp->n_used & (gp->n_used - 1)) == 0, err);
        else if (z > 8 && z > 2 * gp->widest) /* the transform does not know such values */
            s = fit_at(gp, gp->n_used, 0, err);
    }
    return s == HPO_OK ? hpo_gp_settle(gp, err) : s;
}

hpo_status hpo_gp_advance(hpo_gp *gp, const double *u, const double *y, const double *se,
                          const double *gradient, size_t n, hpo_error *err)
{
    size_t before = gp->n_rows;
    hpo_status s = hpo_gp_ingest(gp, u, y, se, gradient, n, err);
    if (s == HPO_OK && gp->n_rows == before && gp->ready) return HPO_OK;
    if (s == HPO_OK && gp->n_rows < 2) return HPO_OK;
    if (s == HPO_OK) s = catch_up(gp, err);
    if (s != HPO_OK) { /* replay when there is memory again */
        gp->n_used = gp->n_points = gp->n_factored = 0;
        gp->ready = 0;
    }
    return s;
}

/* ---- what it holds ---------------------------------------------------------------------------------------
 */

int hpo_gp_ready(const hpo_gp *gp)
{
    return gp->ready;
}

size_t hpo_gp_n_rows(const hpo_gp *gp)
{
    return gp->n_rows;
}

size_t hpo_gp_n_points(const hpo_gp *gp)
{
    return gp->n_points;
}

const double *hpo_gp_point(const hpo_gp *gp, size_t i)
{
    return gp->pool_u + (size_t)gp->point[i] * gp->n_dims;
}

double hpo_gp_observed(const hpo_gp *gp, size_t i, double *count)
{
    if (count) *count = gp->count[i];
    return gp->z[i];
}

const hpo_transform *hpo_gp_transform(const hpo_gp *gp)
{
    return &gp->transform;
}

double hpo_gp_incumbent(const hpo_gp *gp, size_t *point)
{
    size_t best = 0;
    double lowest = INFINITY;
    int noisy = !(gp->n2 + gp->se2_mean < 1e-3 * gp->s2);
    for (size_t i = 0; i < gp->n_points; i++) {
        /* posterior mean at a point of the regression: K alpha = z - diag(e + jitter) alpha */
        double v = noisy ? gp->z[i] - (gp->e[i] + gp->jitter) * gp->alpha[i] : gp->z[i];
        if (v < lowest) {
            lowest = v;
            best = i;
        }
    }
    if (point) *point = best;
    return gp->n_points > 0 ? lowest : 0;
}

void hpo_gp_lengthscales(const hpo_gp *gp, double *out)
{
    for (size_t j = 0; j < gp->n_axes; j++)
        out[j] = hpo_exp(gp->theta[j]);
}

void hpo_gp_loo(const hpo_gp *gp, double *mean, double *var)
{
    for (size_t i = 0; i < gp->n_points; i++)
        var[i] = 0;
    for (size_t r = 0; r < gp->n_entries; r++) { /* diagonal of A^-1 = W^T W */
        const double *row = gp->w + r * gp->cap;
        size_t end = r + 1 < gp->n_points ? r + 1 : gp->n_points;
        for (size_t i = 0; i < end; i++)
            var[i] += row[i] * row[i];
    }
    for (size_t i = 0; i < gp->n_points; i++) {
        var[i] = 1 / var[i];
        mean[i] = gp->z[i] - gp->alpha[i] * var[i];
    }
}

double hpo_gp_loo_sum(const hpo_gp *gp, double *scratch)
{
    double *mean = scratch, *var = scratch + gp->n_points, sum = 0;
    hpo_gp_loo(gp, mean, var);
    for (size_t i = 0; i < gp->n_points; i++) {
        double d = gp->z[i] - mean[i];
        sum -= 0.5 * (LN_2PI + hpo_log(var[i]) + d * d / var[i]);
    }
    return sum;
}

void hpo_gp_describe(const hpo_gp *gp, hpo_gp_summary *out)
{
    size_t n = gp->n_points;
    *out = (hpo_gp_summary){.family = gp->family,
                            .signal_variance = gp->s2,
                            .noise_variance = gp->n2,
                            .log_posterior = gp->log_posterior,
                            .log_evidence = gp->log_evidence,
                            .loo_log_score = NAN,
                            .loo_correlation = NAN,
                            .n_fits = gp->n_fits,
                            .n_fit_rows = gp->n_fit_rows,
                            .warped = gp->warped,
                            .heteroscedastic = gp->noise_gp != NULL};
    if (!gp->ready || n < 2) return;
    double *scratch = hpo_alloc_array(4 * n, sizeof *scratch);
    size_t *order = hpo_alloc_array(n, sizeof *order);
    if (scratch && order) {
        out->loo_log_score = hpo_gp_loo_sum(gp, scratch) / (double)n;
        hpo_ranks(scratch, n, order, scratch + 2 * n);
        hpo_ranks(gp->z, n, order, scratch + 3 * n);
        out->loo_correlation = hpo_correlation(scratch + 2 * n, scratch + 3 * n, n);
    }
    hpo_free(scratch);
    hpo_free(order);
}
