/* SPDX-License-Identifier: Apache-2.0 */
/* model/gp_data.c - rows of a Gaussian process: which are kept, which are replicates of which, and what they
 * are in model units.
 *
 * Failed rows (y not finite) stay out.  Configurations are equal when all their coordinates are (inactive
 * ones with each other); their rows are merged exactly, by sufficient statistics (gp_internal.h), so the
 * linear system has one row per distinct configuration.  A standard error is carried through the transform by
 * the delta method, se_z = se dz/dy. */
#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "model/gp_internal.h"

#include <math.h>
#include <string.h>

static const double FARTHEST = 1e3; /* |z| is cut here: only rows that came after the transform was fitted */
static const double LN_2PI = 0x1.d67f1c864beb5p+0;

/* ---- the pool of distinct configurations ------------------------------------------------------------ */

static int same_row(const double *a, const double *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(a[i] == b[i] || (isnan(a[i]) && isnan(b[i])))) return 0;
    return 1;
}

/* Equal rows have equal hashes: one NaN, no negative zero. */
static uint64_t hash_row(const double *u, size_t n)
{
    uint64_t h = 0;
    for (size_t i = 0; i < n; i++) {
        double x = isnan(u[i]) ? -1 : u[i] + 0.0;
        h = hpo_hash_bytes(&x, sizeof x, h);
    }
    return h;
}

static hpo_status find_configuration(hpo_gp *gp, const double *u, uint32_t *out, hpo_error *err)
{
    uint64_t key = hash_row(u, gp->n_dims);
    for (;; key++) {
        int64_t at = hpo_u64map_get(&gp->pool_by_hash, key, -1);
        if (at < 0) break;
        if (same_row(gp->pool_u + (size_t)at * gp->n_dims, u, gp->n_dims)) {
            *out = (uint32_t)at;
            return HPO_OK;
        }
    }
    if (gp->n_pool >= UINT32_MAX) return hpo_fail(err, HPO_EINVAL, "too many configurations for one model");
    hpo_status s =
        hpo_reserve(&gp->pool_u, &gp->pool_cap, gp->n_pool + 1, gp->n_dims * sizeof *gp->pool_u, err);
    if (s == HPO_OK) s = hpo_reserve(&gp->place, &gp->place_cap, gp->n_pool + 1, sizeof *gp->place, err);
    if (s == HPO_OK) s = hpo_u64map_put(&gp->pool_by_hash, key, (int64_t)gp->n_pool, err);
    if (s != HPO_OK) return s;
    memcpy(gp->pool_u + gp->n_pool * gp->n_dims, u, gp->n_dims * sizeof *u);
    gp->place[gp->n_pool] = 0;
    *out = (uint32_t)gp->n_pool++;
    return HPO_OK;
}

static int has_gradient(const double *g, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (isfinite(g[i])) return 1;
    return 0;
}

static hpo_status keep_gradient(hpo_gp *gp, const double *g, hpo_error *err)
{
    size_t known = gp->gradients ? gp->n_rows : 0;
    hpo_status s =
        hpo_reserve(&gp->gradients, &gp->gradient_cap, gp->n_rows + 1, gp->n_dims * sizeof *g, err);
    if (s != HPO_OK) return s;
    for (size_t i = known * gp->n_dims; i < gp->n_rows * gp->n_dims; i++)
        gp->gradients[i] = NAN; /* rows before the first that has one */
    for (size_t i = 0; i < gp->n_dims; i++)
        gp->gradients[gp->n_rows * gp->n_dims + i] = g ? g[i] : (double)NAN;
    return HPO_OK;
}

hpo_status hpo_gp_ingest(hpo_gp *gp, const double *u, const double *y, const double *se,
                         const double *gradient, size_t n, hpo_error *err)
{
    for (; gp->n_told < n; gp->n_told++) {
        size_t r = gp->n_told;
        uint32_t at;
        if (!isfinite(y[r])) continue;
        hpo_status s = hpo_reserve(&gp->rows, &gp->row_cap, gp->n_rows + 1, sizeof *gp->rows, err);
        if (s != HPO_OK) return s;
        const double *g = gradient ? gradient + r * gp->n_dims : NULL;
        if (gp->gradients || (g && has_gradient(g, gp->n_dims))) {
            s = keep_gradient(gp, g, err);
            if (s != HPO_OK) return s;
        }
        s = find_configuration(gp, u + r * gp->n_dims, &at, err);
        if (s != HPO_OK) return s;
        double e = se && se[r] > 0 && isfinite(se[r]) ? se[r] : 0;
        gp->rows[gp->n_rows++] = (hpo_gp_row){.y = y[r], .se = e, .pool = at};
    }
    return HPO_OK;
}

/* ---- model units ------------------------------------------------------------------------------------ */

void hpo_gp_fix_transform(hpo_gp *gp, const hpo_transform *t)
{
    gp->transform = *t;
    gp->fixed_transform = 1;
}

static void to_model_units(const hpo_gp *gp, hpo_gp_row *row)
{
    double z = hpo_transform_apply(&gp->transform, row->y);
    row->z = z > FARTHEST ? FARTHEST : z > -FARTHEST ? z : -FARTHEST;
    row->se2 = 0;
    if (row->se > 0) {
        double s = row->se * fabs(hpo_transform_slope(&gp->transform, row->y));
        row->se2 = s < FARTHEST ? s * s : FARTHEST * FARTHEST;
    }
}

static hpo_status fit_transform(hpo_gp *gp, size_t n, hpo_error *err)
{
    hpo_status s = hpo_reserve(&gp->scratch, &gp->scratch_cap, 4 * n, sizeof *gp->scratch, err);
    if (s != HPO_OK) return s;
    for (size_t r = 0; r < n; r++)
        gp->scratch[r] = gp->rows[r].y;
    if (!gp->fixed_transform)
        hpo_transform_fit(&gp->transform, gp->options.transform, gp->scratch, n, gp->scratch + n);
    gp->widest = 0;
    gp->se2_mean = 0;
    for (size_t r = 0; r < n; r++) {
        to_model_units(gp, &gp->rows[r]);
        gp->widest = fmax(gp->widest, fabs(gp->rows[r].z));
        gp->se2_mean += gp->rows[r].se2 / (double)n;
    }
    return HPO_OK;
}

/* ---- points ----------------------------------------------------------------------------------------- */

/* Features of point i from its configuration, unscaled and scaled. */
static void place_features(hpo_gp *gp, size_t i)
{
    hpo_embed_shape shape = hpo_gp_shape(gp);
    hpo_embed_features(gp->embed, &shape, hpo_gp_point(gp, i), 1, gp->feature_row);
    for (size_t f = 0; f < gp->n_features; f++) {
        gp->features[f * gp->cap + i] = gp->feature_row[f];
        gp->scaled[f * gp->cap + i] = gp->feature_row[f] * gp->inv_l[f];
    }
}

static void add_point(hpo_gp *gp, uint32_t pool)
{
    size_t i = gp->n_points++;
    gp->point[i] = pool;
    gp->place[pool] = (uint32_t)i + 1;
    gp->h[i] = 1;
    if (gp->noise_gp) hpo_gp_noise_factor(gp, hpo_gp_point(gp, i), 1, &gp->h[i]);
    place_features(gp, i);
}

/* The best configurations, the newest and those far from all others: gp_subset.c. */
static hpo_status choose_points(hpo_gp *gp, size_t n_pool, size_t keep, hpo_error *err)
{
    double *value = hpo_calloc(2 * n_pool, sizeof *value), *count = value ? value + n_pool : NULL;
    uint32_t *chosen = hpo_alloc_array(keep, sizeof *chosen);
    hpo_status s = HPO_OK;
    if (!value || !chosen) {
        s = hpo_fail_memory(err);
        goto done;
    }
    for (size_t r = 0; r < gp->n_used; r++) {
        value[gp->rows[r].pool] += gp->rows[r].z;
        count[gp->rows[r].pool]++;
    }
    for (size_t p = 0; p < n_pool; p++)
        value[p] /= count[p];
    s = keep < gp->options.max_rows ? hpo_gp_choose_sample(value, n_pool, keep, chosen, err)
                                    : hpo_gp_choose_subset(gp, value, n_pool, keep, chosen, err);
    for (size_t i = 0; s == HPO_OK && i < keep; i++)
        add_point(gp, chosen[i]);
done:
    hpo_free(value);
    hpo_free(chosen);
    return s;
}

hpo_status hpo_gp_place(hpo_gp *gp, size_t most, hpo_error *err)
{
    size_t n_pool = 0;
    for (size_t r = 0; r < gp->n_used; r++)
        if (gp->rows[r].pool >= n_pool) n_pool = gp->rows[r].pool + 1;
    for (size_t p = 0; p < gp->n_pool; p++)
        gp->place[p] = 0;
    gp->n_points = gp->n_slopes = gp->n_factored = 0;
    gp->subset = n_pool > most;
    gp->n_chosen = gp->n_used;
    hpo_status s = hpo_gp_room(gp, gp->subset ? most : n_pool, err);
    if (s == HPO_OK && gp->subset) s = choose_points(gp, n_pool, most, err);
    for (size_t p = 0; s == HPO_OK && !gp->subset && p < n_pool; p++)
        add_point(gp, (uint32_t)p);
    if (s == HPO_OK && gp->gradients) s = hpo_gp_collect_slopes(gp, err);
    gp->full_first = gp->n_points;
    return s;
}

hpo_status hpo_gp_restart(hpo_gp *gp, size_t n, size_t most, hpo_error *err)
{
    hpo_status s = fit_transform(gp, n, err);
    if (s != HPO_OK) return s;
    gp->n_used = n;
    gp->ready = 0;
    hpo_gp_forget_noise(gp);
    return hpo_gp_place(gp, most, err);
}

/* The next row's value is read; its configuration is not placed yet. */
static hpo_gp_row *read_row(hpo_gp *gp)
{
    hpo_gp_row *row = &gp->rows[gp->n_used++];
    to_model_units(gp, row);
    gp->se2_mean += (row->se2 - gp->se2_mean) / (double)gp->n_used;
    return row;
}

int hpo_gp_surprised(const hpo_gp *gp)
{
    double z = fabs(gp->rows[gp->n_used - 1].z);
    return z > 8 && z > 2 * gp->widest;
}

hpo_status hpo_gp_absorb(hpo_gp *gp, hpo_error *err)
{
    uint32_t pool = read_row(gp)->pool;
    if (gp->place[pool] == 0) {
        hpo_status s = hpo_gp_room(gp, gp->n_points + 1, err);
        if (s != HPO_OK) return s;
        add_point(gp, pool);
    } else { /* the noise of an older point changes: no appending */
        gp->n_factored = 0;
        gp->full_first = gp->n_points;
    }
    if (!gp->gradients) return HPO_OK;
    gp->n_factored = 0;
    return hpo_gp_collect_slopes(gp, err);
}

hpo_status hpo_gp_choose_again(hpo_gp *gp, size_t n, hpo_error *err)
{
    while (gp->n_used < n) {
        read_row(gp);
        if (hpo_gp_surprised(gp)) return HPO_OK;
    }
    return hpo_gp_place(gp, gp->options.max_rows, err);
}

void hpo_gp_noise_terms_at(const hpo_gp *gp, double n2, hpo_gp_noise_terms *t)
{
    size_t n = gp->n_points;
    double log_weights = 0, squares = 0, log_e = 0, d_log_weights = 0, d_squares = 0, d_log_e = 0;
    for (size_t i = 0; i < n; i++)
        t->z[i] = t->e[i] = t->count[i] = 0;
    for (size_t r = 0; r < gp->n_used; r++) {
        const hpo_gp_row *row = &gp->rows[r];
        if (gp->place[row->pool] == 0) continue;
        size_t i = gp->place[row->pool] - 1;
        double w = 1 / (n2 * gp->h[i] + row->se2);
        t->e[i] += w;
        t->z[i] += w * row->z;
        t->count[i]++;
    }
    for (size_t i = 0; i < n; i++) {
        t->z[i] /= t->e[i];
        t->e[i] = 1 / t->e[i];
        if (t->de) t->dz[i] = t->de[i] = 0;
    }
    for (size_t r = 0; r < gp->n_used; r++) {
        const hpo_gp_row *row = &gp->rows[r];
        if (gp->place[row->pool] == 0) continue;
        size_t i = gp->place[row->pool] - 1;
        if (t->count[i] <= 1) { /* nothing beyond N(z; f, e) */
            if (t->de) t->de[i] = n2 * gp->h[i];
            continue;
        }
        double s = n2 * gp->h[i], w = 1 / (s + row->se2), d = row->z - t->z[i];
        log_weights -= hpo_log(w);
        squares += w * d * d;
        if (!t->de) continue;
        double dw = -w * w * s;
        d_log_weights += w * s;
        d_squares += dw * d * d;
        t->de[i] -= dw * t->e[i] * t->e[i];
        t->dz[i] += dw * d * t->e[i];
    }
    size_t groups = 0, grouped = 0;
    for (size_t i = 0; i < n; i++) {
        if (t->count[i] <= 1) continue;
        groups++;
        grouped += (size_t)t->count[i];
        log_e += hpo_log(t->e[i]);
        if (t->de) d_log_e += t->de[i] / t->e[i];
    }
    t->extra = -0.5 * ((double)(grouped - groups) * LN_2PI + log_weights - log_e + squares);
    t->d_extra = -0.5 * (d_log_weights - d_log_e + d_squares);
}
