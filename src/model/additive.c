/* SPDX-License-Identifier: Apache-2.0 */
/* model/additive.c - rows, condition and predictions of the additive Gaussian process (additive.h).
 *
 * Exact, by the Cholesky factor of K = sum_p v_p K_p + noise I: n^3 / 3 to condition, n A kernels and n^2 for
 * a prediction of A parts.  Distances that do not change sign need no care: s = sqrt 5 r / l enters every
 * derivative without a division by r, with q = r^2
 *
 *     dk/dq = -(5 / l^2) (1 + s) e^-s / 6. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "math/linalg.h"
#include "math/minimise.h"
#include "model/additive_internal.h"

static const double JITTER = 1e-9;

/* ---- lifetime --------------------------------------------------------------------------------------------
 */

static size_t list_parts(const hpo_embed *embed, hpo_additive_part *part)
{
    size_t n = 0;
    for (size_t i = 0; i < hpo_embed_n_axes(embed); i++) {
        const hpo_axis *a = hpo_embed_axis(embed, i);
        uint32_t items = a->kind == HPO_AXIS_SUBSET ? a->n_dims : 0;
        for (uint32_t k = 0; k < items; k++, n++)
            if (part != NULL)
                part[n] = (hpo_additive_part){(uint32_t)i, a->dim + k, 1, a->feature + k, 1, a->n_dims};
        if (items > 0) continue;
        if (part != NULL)
            part[n] = (hpo_additive_part){(uint32_t)i, a->dim, a->n_dims, a->feature, a->n_features, 1};
        n++;
    }
    return n;
}

hpo_status hpo_additive_create(const hpo_embed *embed, hpo_additive **out, hpo_error *err)
{
    *out = NULL;
    hpo_additive *m = hpo_calloc(1, sizeof *m);
    if (m == NULL) return hpo_fail_memory(err);
    m->embed = embed;
    m->n_dims = hpo_embed_n_dims(embed);
    m->n_features = hpo_embed_n_features(embed);
    m->n_parts = list_parts(embed, NULL);
    m->scale = 1;
    m->loo_correlation = (double)NAN;
    size_t p = m->n_parts, f = m->n_features;
    m->part = hpo_calloc(p + 1, sizeof *m->part);
    m->theta = hpo_calloc(2 * p + 1, sizeof(double));
    m->variance = hpo_calloc(2 * p + 1, sizeof(double));
    m->bounds = hpo_calloc(2 * (2 * p + 1), sizeof(double));
    m->lbfgs = hpo_alloc_array(hpo_lbfgsb_work(2 * p + 1, 8), sizeof(double));
    m->features = hpo_calloc((HPO_ADDITIVE_CHUNK + 2) * (f + 1), sizeof(double));
    if (!m->part || !m->theta || !m->variance || !m->bounds || !m->lbfgs || !m->features) {
        hpo_additive_free(m);
        return hpo_fail_memory(err);
    }
    m->rate = m->variance + p;
    (void)list_parts(embed, m->part);
    *out = m;
    return HPO_OK;
}

static void free_rows(hpo_additive_rows *r)
{
    hpo_free(r->column);
    hpo_free(r->y);
}

void hpo_additive_free(hpo_additive *m)
{
    if (m == NULL) return;
    free_rows(&m->rows);
    free_rows(&m->fit);
    double *const all[] = {m->theta,  m->variance, m->factor,   m->alpha,   m->distance,
                           m->kernel, m->slope,    m->matrix,   m->inverse, m->weight,
                           m->lbfgs,  m->bounds,   m->features, m->chunk,   m->row};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        hpo_free(all[i]);
    hpo_free(m->part);
    hpo_free(m);
}

size_t hpo_additive_n_parts(const hpo_additive *m)
{
    return m->n_parts;
}

const hpo_additive_part *hpo_additive_part_at(const hpo_additive *m, size_t i)
{
    return &m->part[i];
}

/* ---- rows and kernels ------------------------------------------------------------------------------------
 */

/* n rows out of `of`, evenly. */
hpo_status hpo_additive__take(hpo_additive *m, hpo_additive_rows *r, const double *u, const double *z,
                              size_t n, size_t of, hpo_error *err)
{
    size_t f = m->n_features, cap = n > r->cap ? n + n / 4 : r->cap;
    r->n = 0;
    HPO_TRY(hpo_reserve(&r->column, &r->cap_column, cap * f + 1, sizeof *r->column, err));
    HPO_TRY(hpo_reserve(&r->y, &r->cap_y, cap + 1, sizeof *r->y, err));
    r->cap = cap;
    r->n = n;
    for (size_t i = 0; i < n; i++) {
        size_t k = i * of / n;
        hpo_embed_features(m->embed, NULL, u + k * m->n_dims, 1, m->features);
        for (size_t j = 0; j < f; j++)
            r->column[j * cap + i] = m->features[j];
        r->y[i] = (z[k] - m->mean) / m->scale;
    }
    return HPO_OK;
}

void hpo_additive__distances(const hpo_additive *m, const hpo_additive_rows *rows, size_t part,
                             const double *features, size_t stride, size_t n, double *out)
{
    const hpo_additive_part *p = &m->part[part];
    if (p->n_features == 1) {
        const double *column = rows->column + p->feature * rows->cap;
        double at = features[p->feature * stride], by = sqrt(p->scale);
        for (size_t i = 0; i < n; i++)
            out[i] = by * fabs(at - column[i]);
        return;
    }
    memset(out, 0, n * sizeof *out);
    for (size_t f = p->feature; f < p->feature + p->n_features; f++) {
        const double *column = rows->column + f * rows->cap;
        double at = features[f * stride];
        for (size_t i = 0; i < n; i++)
            out[i] += (at - column[i]) * (at - column[i]);
    }
    hpo_sqrt_n(out, n, out);
}

void hpo_additive__kernel(const double *distance, size_t n, double rate, double *kernel, double *slope)
{
    for (size_t i = 0; i < n; i++)
        kernel[i] = -rate * distance[i];
    hpo_exp_n(kernel, n, kernel);
    if (slope != NULL)
        for (size_t i = 0; i < n; i++) {
            double s = rate * distance[i];
            slope[i] = s * s * (1 + s) * (1.0 / 3) * kernel[i];
        }
    for (size_t i = 0; i < n; i++) {
        double s = rate * distance[i];
        kernel[i] *= 1 + s + s * s * (1.0 / 3);
    }
}

void hpo_additive__use_theta(hpo_additive *m)
{
    size_t p = m->n_parts;
    for (size_t i = 0; i < p; i++) {
        m->variance[i] = hpo_exp(m->theta[i]);
        m->rate[i] = sqrt(5.0) * hpo_exp(-m->theta[p + i]);
    }
    m->noise = hpo_exp(m->theta[2 * p]);
}

/* ---- condition -------------------------------------------------------------------------------------------
 */

hpo_status hpo_additive_condition(hpo_additive *m, const double *u, const double *z, size_t n, hpo_error *err)
{
    HPO_TRY(hpo_additive__take(m, &m->rows, u, z, n, n, err));
    m->rows.n = 0;
    HPO_TRY(hpo_reserve(&m->factor, &m->cap_factor, n * n + 1, sizeof *m->factor, err));
    HPO_TRY(hpo_reserve(&m->alpha, &m->cap_alpha, n + 1, sizeof *m->alpha, err));
    HPO_TRY(hpo_reserve(&m->row, &m->cap_row, 3 * n + 1, sizeof *m->row, err));
    HPO_TRY(hpo_reserve(&m->chunk, &m->cap_chunk, (HPO_ADDITIVE_CHUNK + 1) * n + 1, sizeof *m->chunk, err));
    double most = m->noise;
    for (size_t p = 0; p < m->n_parts; p++)
        most += m->variance[p];
    for (size_t i = 0; i < n; i++) {
        double *k = m->factor + i * n;
        memset(k, 0, (i + 1) * sizeof *k);
        for (size_t p = 0; p < m->n_parts; p++) {
            hpo_additive__distances(m, &m->rows, p, m->rows.column + i, m->rows.cap, i, m->row);
            hpo_additive__kernel(m->row, i, m->rate[p], m->row + n, NULL);
            hpo_axpy(i, m->variance[p], m->row + n, k);
        }
        k[i] = most + JITTER * most;
    }
    if (n > 0 && hpo_cholesky(m->factor, n, n) != 0)
        return hpo_fail(err, HPO_ENUMERIC, "the covariance of the additive process cannot be factorised");
    memcpy(m->alpha, m->rows.y, n * sizeof *m->alpha);
    if (n > 0) hpo_cholesky_solve(m->factor, n, n, m->alpha);
    m->rows.n = n;
    return HPO_OK;
}

/* ---- predictions -----------------------------------------------------------------------------------------
 */

static double prior_variance(const hpo_additive *m)
{
    double v = 0;
    for (size_t p = 0; p < m->n_parts; p++)
        v += m->variance[p];
    return v;
}

/* sum_p v_p k_p against all rows. */
static void covary(const hpo_additive *m, const double *features, double *out)
{
    size_t n = m->rows.n;
    memset(out, 0, n * sizeof *out);
    for (size_t p = 0; p < m->n_parts; p++) {
        hpo_additive__distances(m, &m->rows, p, features, 1, n, m->row);
        hpo_additive__kernel(m->row, n, m->rate[p], m->row + n, NULL);
        hpo_axpy(n, m->variance[p], m->row + n, out);
    }
}

static double floor_of(double prior)
{
    return 1e-12 * prior + 1e-300;
}

static void moments(const void *model, const double *u, size_t count, double *mean, double *var)
{
    const hpo_additive *m = model;
    size_t n = m->rows.n;
    double prior = prior_variance(m), square = m->scale * m->scale;
    for (size_t i = 0; i < count; i += HPO_ADDITIVE_CHUNK) {
        size_t k = count - i < HPO_ADDITIVE_CHUNK ? count - i : HPO_ADDITIVE_CHUNK;
        hpo_embed_features(m->embed, NULL, u + i * m->n_dims, k, m->features);
        for (size_t j = 0; j < k; j++) {
            covary(m, m->features + j * m->n_features, m->chunk + j * n);
            mean[i + j] = m->mean + m->scale * hpo_dot(m->chunk + j * n, m->alpha, n);
        }
        hpo_solve_lower_rows(m->factor, n, n, m->chunk, k, n);
        for (size_t j = 0; j < k; j++) {
            double v = prior - hpo_dot(m->chunk + j * n, m->chunk + j * n, n);
            var[i + j] = square * (v > floor_of(prior) ? v : floor_of(prior));
        }
    }
}

static void gradient(const void *model, const double *u, double *mean, double *var, double *dmean,
                     double *dvar)
{
    const hpo_additive *m = model;
    size_t n = m->rows.n, f = m->n_features;
    double prior = prior_variance(m), square = m->scale * m->scale;
    double *z = m->features, *k = m->chunk, *beta = m->chunk + n, *dm = z + f, *dv = z + 2 * f;
    hpo_embed_features(m->embed, NULL, u, 1, z);
    covary(m, z, k);
    memcpy(beta, k, n * sizeof *k);
    hpo_solve_lower(m->factor, n, n, beta);
    double v = prior - hpo_dot(beta, beta, n);
    hpo_solve_lower_t(m->factor, n, n, beta); /* K^-1 k */
    *mean = m->mean + m->scale * hpo_dot(k, m->alpha, n);
    *var = square * (v > floor_of(prior) ? v : floor_of(prior));
    for (size_t p = 0; p < m->n_parts; p++) {
        const hpo_additive_part *a = &m->part[p];
        double rate = m->rate[p],
               by = -rate * rate * m->variance[p] * a->scale / 3; /* 2 dk/dq without e^-s (1 + s) */
        double *s = m->row, *e = m->row + n;
        hpo_additive__distances(m, &m->rows, p, z, 1, n, s);
        for (size_t i = 0; i < n; i++)
            e[i] = -rate * s[i];
        hpo_exp_n(e, n, e);
        for (size_t i = 0; i < n; i++)
            e[i] *= by * (1 + rate * s[i]);
        for (size_t j = a->feature; j < a->feature + a->n_features; j++) {
            const double *column = m->rows.column + j * m->rows.cap;
            double gm = 0, gv = 0;
            for (size_t i = 0; i < n; i++) {
                double d = e[i] * (z[j] - column[i]);
                gm += d * m->alpha[i];
                gv += d * beta[i];
            }
            dm[j] = m->scale * gm;
            dv[j] = -2 * square * gv;
        }
    }
    memset(dmean, 0, m->n_dims * sizeof *dmean);
    memset(dvar, 0, m->n_dims * sizeof *dvar);
    hpo_embed_pull(m->embed, NULL, u, dm, dmean);
    hpo_embed_pull(m->embed, NULL, u, dv, dvar);
}

static void noise(const void *model, const double *u, size_t count, double *var)
{
    const hpo_additive *m = model;
    (void)u;
    for (size_t i = 0; i < count; i++)
        var[i] = m->noise * m->scale * m->scale;
}

static const hpo_posterior_ops ops = {.moments = moments, .gradient = gradient, .noise = noise};

hpo_posterior hpo_additive_posterior(const hpo_additive *m)
{
    return (hpo_posterior){&ops, m, m->n_dims};
}

/* ---- what it says of itself ------------------------------------------------------------------------------
 */

void hpo_additive_describe(const hpo_additive *m, hpo_additive_summary *out)
{
    *out = (hpo_additive_summary){.noise_variance = m->noise * m->scale * m->scale,
                                  .log_posterior = m->log_posterior,
                                  .loo_correlation = m->loo_correlation,
                                  .n_fit_rows = m->n_fit_rows,
                                  .n_rows = m->rows.n};
}

void hpo_additive_parts(const hpo_additive *m, double *variance, double *lengthscale)
{
    for (size_t p = 0; p < m->n_parts; p++) {
        if (variance != NULL) variance[p] = m->variance[p] * m->scale * m->scale;
        if (lengthscale != NULL) lengthscale[p] = sqrt(5.0) / m->rate[p];
    }
}

/* ---- one part at a time ----------------------------------------------------------------------------------
 */

void hpo_additive_part_row(const hpo_additive *m, size_t part, const double *u, double *row)
{
    size_t n = m->rows.n;
    hpo_embed_features(m->embed, NULL, u, 1, m->features);
    hpo_additive__distances(m, &m->rows, part, m->features, 1, n, m->row);
    hpo_additive__kernel(m->row, n, m->rate[part], row, NULL);
    for (size_t i = 0; i < n; i++)
        row[i] *= m->variance[part];
}

double hpo_additive_part_variance(const hpo_additive *m, size_t part)
{
    return m->variance[part];
}

const double *hpo_additive_weights(const hpo_additive *m, double *mean, double *scale)
{
    *mean = m->mean;
    *scale = m->scale;
    return m->alpha;
}

void hpo_additive_whiten(const hpo_additive *m, double *rows, size_t n)
{
    hpo_solve_lower_rows(m->factor, m->rows.n, m->rows.n, rows, n, m->rows.n);
}
