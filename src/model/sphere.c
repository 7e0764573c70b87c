/* SPDX-License-Identifier: Apache-2.0 */
/* model/sphere.c - Bayesian linear regression on a sphere.
 *
 * With A = Phi^T Phi + lambda I = L L^T, b = Phi^T y, m = A^-1 b and r = y^T y - b^T m, the noise variance g
 * under a weak inverse-gamma prior (one observation of variance 1/10) is at its mode about (r + 0.1) / (n +
 * 1), and
 *     log evidence = -(n + 1) / 2 ln(r + 0.1) - 1/2 [ln det A - D ln lambda] + const,
 *     w | y ~ N(m, g A^-1)
 * (Bishop 2006, section 3.3-3.5).
 *
 * The least value on the sphere under the box |z_k| <= c: with w = (a, v, .) and q = |z|^2,
 *     phi . w = v + const + (2 a . z - 2 v) / (1 + q),
 * a ratio, minimised by Dinkelbach's iteration (1967): for the ratio t reached so far minimise
 *     2 a . z - 2 v - t (1 + q)
 * which falls apart into coordinates: z_k = a_k / t cut to [-c, c] if t < 0 (convex), -c sign(a_k) else
 * (concave); t falls with each step and converges superlinearly. */
#include "model/sphere.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "math/linalg.h"
#include "math/rng.h"

enum { STRETCHES = 4, RATIOS = 4, CELLS = STRETCHES * RATIOS, STEPS = 100 };
static const double stretches[STRETCHES] = {1, 1.4142135623730951, 2, 2.8284271247461903};
static const double ratios[RATIOS] = {1e-3, 1e-2, 1e-1, 1};
static const double prior_variance = 0.1;

typedef struct cell {
    double *factor; /* L, n_weights x n_weights */
    double *mean;   /* m */
    double residual, log_evidence;
} cell;

struct hpo_sphere {
    const hpo_embed *embed;
    size_t n_dims, n_features, n_weights;
    uint8_t *centred; /* n_features: 1 for 2 f - 1 */
    size_t n_rows;
    double *rows;   /* n_rows x n_features: f */
    double *square; /* n_rows: |f|^2 */
    double *scaled; /* n_rows: scratch */
    size_t cap_rows, cap_square, cap_scaled;
    cell cells[CELLS];
    size_t top;                          /* of the highest evidence */
    double noise;                        /* g */
    double *feature, *phi, *work, *pull; /* scratch: n_features, n_weights, n_weights, n_features */
};

/* ---- life -----------------------------------------------------------------------------------------------
 */

static void forget(hpo_sphere *s)
{
    size_t n = s->n_weights;
    s->n_rows = 0;
    s->noise = 1;
    s->top = 0;
    for (size_t i = 0; i < CELLS; i++) {
        double *l = s->cells[i].factor;
        memset(l, 0, n * n * sizeof *l);
        for (size_t k = 0; k < n; k++)
            l[k * n + k] = sqrt(ratios[i % RATIOS]);
        memset(s->cells[i].mean, 0, n * sizeof *l);
        s->cells[i].residual = s->cells[i].log_evidence = 0;
    }
}

hpo_status hpo_sphere_create(const hpo_embed *embed, hpo_sphere **out, hpo_error *err)
{
    *out = NULL;
    hpo_sphere *s = hpo_calloc(1, sizeof *s);
    if (s == NULL) return hpo_fail_memory(err);
    s->embed = embed;
    s->n_dims = hpo_embed_n_dims(embed);
    s->n_features = hpo_embed_n_features(embed);
    s->n_weights = s->n_features + 2;
    size_t f = s->n_features, n = s->n_weights;
    s->centred = hpo_calloc(f + 1, 1);
    s->feature = hpo_calloc(2 * f + 2 * n, sizeof *s->feature);
    int ok = s->centred != NULL && s->feature != NULL;
    for (size_t i = 0; i < CELLS && ok; i++) {
        s->cells[i].factor = hpo_alloc_array(n + 1, n * sizeof *s->cells[i].factor);
        ok = s->cells[i].factor != NULL;
        if (ok) s->cells[i].mean = s->cells[i].factor + n * n;
    }
    if (!ok) {
        hpo_sphere_free(s);
        return hpo_fail_memory(err);
    }
    s->phi = s->feature + f;
    s->work = s->phi + n;
    s->pull = s->work + n;
    for (size_t i = 0; i < hpo_embed_n_axes(embed); i++) {
        const hpo_axis *a = hpo_embed_axis(embed, i);
        if ((a->kind == HPO_AXIS_REAL || a->kind == HPO_AXIS_GRID) && !a->conditional)
            s->centred[a->feature] = 1;
    }
    forget(s);
    *out = s;
    return HPO_OK;
}

void hpo_sphere_free(hpo_sphere *s)
{
    if (s == NULL) return;
    for (size_t i = 0; i < CELLS; i++)
        hpo_free(s->cells[i].factor);
    hpo_free(s->centred);
    hpo_free(s->feature);
    hpo_free(s->rows);
    hpo_free(s->square);
    hpo_free(s->scaled);
    hpo_free(s);
}

/* ---- the map --------------------------------------------------------------------------------------------
 */

/* f of u; returns |f|^2. */
static double features_of(const hpo_sphere *s, const double *u, double *f)
{
    double by = 1 / sqrt((double)s->n_features);
    hpo_embed_features(s->embed, NULL, u, 1, f);
    for (size_t k = 0; k < s->n_features; k++)
        f[k] = by * (s->centred[k] ? 2 * f[k] - 1 : f[k]);
    return hpo_dot(f, f, s->n_features);
}

static void to_sphere(const hpo_sphere *s, double stretch, const double *f, double square, double *phi)
{
    double q = stretch * stretch * square, by = 2 * stretch / (1 + q);
    for (size_t k = 0; k < s->n_features; k++)
        phi[k] = by * f[k];
    phi[s->n_features] = (q - 1) / (q + 1);
    phi[s->n_features + 1] = 1;
}

/* ---- learning -------------------------------------------------------------------------------------------
 */

static hpo_status add_rows(hpo_sphere *s, const double *u, size_t n, hpo_error *err)
{
    size_t f = s->n_features, w = s->n_weights;
    HPO_TRY(hpo_reserve(&s->rows, &s->cap_rows, n * f + 1, sizeof *s->rows, err));
    HPO_TRY(hpo_reserve(&s->square, &s->cap_square, n + 1, sizeof *s->square, err));
    HPO_TRY(hpo_reserve(&s->scaled, &s->cap_scaled, n + 1, sizeof *s->scaled, err));
    for (; s->n_rows < n; s->n_rows++) {
        double *row = s->rows + s->n_rows * f;
        s->square[s->n_rows] = features_of(s, u + s->n_rows * s->n_dims, row);
        for (size_t i = 0; i < CELLS; i++) {
            to_sphere(s, stretches[i / RATIOS], row, s->square[s->n_rows], s->phi);
            hpo_cholesky_update(s->cells[i].factor, w, w, s->phi);
        }
    }
    return HPO_OK;
}

/* Phi^T z for one stretch. */
static void project(hpo_sphere *s, double stretch, const double *z, double *b)
{
    size_t n = s->n_rows, f = s->n_features;
    b[f] = b[f + 1] = 0;
    for (size_t i = 0; i < n; i++) {
        double q = stretch * stretch * s->square[i];
        s->scaled[i] = z[i] * 2 * stretch / (1 + q);
        b[f] += z[i] * (q - 1) / (q + 1);
        b[f + 1] += z[i];
    }
    hpo_gemv_t(s->rows, n, f, f, s->scaled, b);
}

hpo_status hpo_sphere_condition(hpo_sphere *s, const double *u, const double *z, size_t n, hpo_error *err)
{
    size_t w = s->n_weights;
    if (n < s->n_rows) forget(s);
    HPO_TRY(add_rows(s, u, n, err));
    double all = hpo_dot(z, z, n);
    for (size_t i = 0; i < CELLS; i++) {
        cell *c = &s->cells[i];
        if (i % RATIOS == 0) project(s, stretches[i / RATIOS], z, s->work);
        memcpy(c->mean, s->work, w * sizeof *c->mean);
        hpo_cholesky_solve(c->factor, w, w, c->mean);
        c->residual = fmax(all - hpo_dot(c->mean, s->work, w), 0) + prior_variance;
        c->log_evidence =
            -0.5 * ((double)(n + 1) * hpo_log(c->residual) + hpo_cholesky_logdet(c->factor, w, w) -
                    (double)w * hpo_log(ratios[i % RATIOS]));
        if (i == 0 || c->log_evidence > s->cells[s->top].log_evidence) s->top = i;
    }
    s->noise = s->cells[s->top].residual / (double)(n + 1);
    return HPO_OK;
}

void hpo_sphere_describe(const hpo_sphere *s, hpo_sphere_summary *out)
{
    *out = (hpo_sphere_summary){.stretch = stretches[s->top / RATIOS],
                                .noise_ratio = ratios[s->top % RATIOS],
                                .noise_variance = s->noise,
                                .log_evidence = s->cells[s->top].log_evidence,
                                .n_weights = s->n_weights};
}

/* ---- prediction -----------------------------------------------------------------------------------------
 */

/* Chain rule: d / d phi to d / d u, at features f with squared length `square`.  g: n_weights. */
static void pull_back(const hpo_sphere *s, const double *u, const double *f, double square, const double *g,
                      double *gradient)
{
    size_t n = s->n_features;
    double t = stretches[s->top / RATIOS], q = t * t * square, by = 1 / sqrt((double)n);
    double along = 2 * t * hpo_dot(g, f, n); /* sum_k g_k d phi_k / d q x -(1 + q)^2 */
    double dq = (2 * g[n] - along) / ((1 + q) * (1 + q));
    for (size_t k = 0; k < n; k++)
        s->pull[k] = by * (s->centred[k] ? 2 : 1) * (g[k] * 2 * t / (1 + q) + dq * 2 * t * t * f[k]);
    memset(gradient, 0, s->n_dims * sizeof *gradient);
    hpo_embed_pull(s->embed, NULL, u, s->pull, gradient);
}

double hpo_sphere_value(const hpo_sphere *s, const double *weights, const double *u, double *gradient)
{
    double square = features_of(s, u, s->feature);
    to_sphere(s, stretches[s->top / RATIOS], s->feature, square, s->phi);
    if (gradient != NULL) pull_back(s, u, s->feature, square, weights, gradient);
    return hpo_dot(s->phi, weights, s->n_weights);
}

static void moments(const void *model, const double *u, size_t m, double *mean, double *var)
{
    const hpo_sphere *s = model;
    const cell *c = &s->cells[s->top];
    for (size_t i = 0; i < m; i++) {
        mean[i] = hpo_sphere_value(s, c->mean, u + i * s->n_dims, NULL);
        hpo_solve_lower(c->factor, s->n_weights, s->n_weights, s->phi);
        var[i] = s->noise * hpo_dot(s->phi, s->phi, s->n_weights);
    }
}

static void gradient(const void *model, const double *u, double *mean, double *var, double *dmean,
                     double *dvar)
{
    const hpo_sphere *s = model;
    const cell *c = &s->cells[s->top];
    size_t n = s->n_weights;
    *mean = hpo_sphere_value(s, c->mean, u, dmean);
    memcpy(s->work, s->phi, n * sizeof *s->work);
    hpo_cholesky_solve(c->factor, n, n, s->work);
    *var = s->noise * hpo_dot(s->work, s->phi, n);
    for (size_t k = 0; k < n; k++)
        s->work[k] *= 2 * s->noise;
    pull_back(s, u, s->feature, hpo_dot(s->feature, s->feature, s->n_features), s->work, dvar);
}

static void noise(const void *model, const double *u, size_t m, double *var)
{
    (void)u;
    for (size_t i = 0; i < m; i++)
        var[i] = ((const hpo_sphere *)model)->noise;
}

const hpo_posterior_ops hpo_sphere_posterior_ops = {.moments = moments, .gradient = gradient, .noise = noise};

hpo_posterior hpo_sphere_posterior(const hpo_sphere *s)
{
    return (hpo_posterior){&hpo_sphere_posterior_ops, s, s->n_dims};
}

/* ---- samples --------------------------------------------------------------------------------------------
 */

void hpo_sphere_draw(const hpo_sphere *s, hpo_rng *rng, double *weights)
{
    const cell *c = &s->cells[s->top];
    size_t n = s->n_weights;
    double sd = sqrt(s->noise);
    for (size_t k = 0; k < n; k++)
        weights[k] = sd * hpo_rng_normal(rng);
    hpo_solve_lower_t(c->factor, n, n, weights);
    hpo_axpy(n, 1, c->mean, weights);
}

void hpo_sphere_minimise(const hpo_sphere *s, const double *weights, double *u)
{
    size_t n = s->n_features;
    double v = weights[n], c = stretches[s->top / RATIOS] / sqrt((double)n), t = -2 * v;
    double *z = s->feature;
    memset(z, 0, n * sizeof *z);
    for (int step = 0; step < STEPS; step++) {
        double inner = 0, q = 0;
        for (size_t k = 0; k < n; k++) {
            double a = weights[k], x = t < 0 ? fmin(fmax(a / t, -c), c) : a > 0 ? -c : c;
            s->phi[k] = x;
            inner += a * x;
            q += x * x;
        }
        double now = (2 * inner - 2 * v) / (1 + q);
        if (!(now < t) && step > 0) break;
        memcpy(z, s->phi, n * sizeof *z);
        if (!(now < t)) break;
        t = now;
    }
    for (size_t i = 0; i < hpo_embed_n_axes(s->embed); i++) {
        const hpo_axis *a = hpo_embed_axis(s->embed, i);
        u[a->dim] = 0.5 + 0.5 * z[a->feature] / c;
    }
}
