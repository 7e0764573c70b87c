/* SPDX-License-Identifier: Apache-2.0 */
/* model/vecchia.c - Gaussian-process predictions from nearest neighbours.
 *
 * At u, with N the m observations nearest in scaled features, A = K_NN + diag(e_N) = L L^T and k = k(u, N):
 *     mean = k^T A^-1 z_N,  var = s2 - k^T A^-1 k
 * - the predictive distribution of Vecchia's approximation with the prediction last (Vecchia 1988; Katzfuss,
 * Guinness, Gong & Zilber 2020).  The evidence is the product of the same conditionals over the observations,
 * each given the m nearest of those before it.  The order matters there: in max-min order every observation
 * has neighbours on all sides.  Exact max-min order costs O(n^2); after the first 1024, which span the
 * region, a random order is used, whose accuracy is nearly that of max-min (Guinness 2018, section 4).  With
 * m = n both are exact. */
#include "model/vecchia.h"

#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "math/linalg.h"
#include "math/rng.h"
#include "model/gp_internal.h"
#include "model/neighbours.h"

#include <math.h>
#include <string.h>

enum { M = HPO_VECCHIA_MAX_NEIGHBOURS, FIRST = 1024 };

static const double LN_2PI = 0x1.d67f1c864beb5p+0;
static const double SMALLEST = 1e-12;

struct hpo_vecchia {
    const hpo_embed *embed;
    hpo_vecchia_options options;
    size_t n, n_features, n_dims;
    double *inv_l; /* n_features */
    double *x;     /* n x n_features, scaled */
    double *z, *e; /* n */
    double noise;  /* mean of e - n2, at least 0: what standard errors add */
    hpo_neighbours *tree;
};

/* ---- building --------------------------------------------------------------------------------------- */

static void scaled(const hpo_vecchia *v, const double *u, double *a)
{
    hpo_embed_features(v->embed, &v->options.shape, u, 1, a);
    for (size_t f = 0; f < v->n_features; f++)
        a[f] *= v->inv_l[f];
}

static hpo_status fill(hpo_vecchia *v, const double *u, const double *z, const double *noise, hpo_error *err)
{
    size_t n = v->n, k = v->n_features;
    v->inv_l = hpo_alloc_array(k, sizeof *v->inv_l);
    v->x = hpo_alloc_array(n, k * sizeof *v->x);
    v->z = hpo_alloc_array(2 * n, sizeof *v->z);
    if (!v->inv_l || !v->x || !v->z) return hpo_fail_memory(err);
    v->e = v->z + n;
    for (size_t j = 0; j < hpo_embed_n_axes(v->embed); j++) {
        const hpo_axis *a = hpo_embed_axis(v->embed, j);
        for (size_t f = 0; f < a->n_features; f++)
            v->inv_l[a->feature + f] = 1 / v->options.lengthscales[j];
    }
    for (size_t i = 0; i < n; i++) {
        scaled(v, u + i * v->n_dims, v->x + i * k);
        v->z[i] = z[i];
        v->e[i] = noise ? noise[i] : v->options.n2;
    }
    return hpo_neighbours_create(v->x, n, k, &v->tree, err);
}

hpo_status hpo_vecchia_create(const hpo_embed *embed, const hpo_vecchia_options *options, const double *u,
                              const double *z, const double *noise, size_t n, hpo_vecchia **out,
                              hpo_error *err)
{
    *out = NULL;
    if (options->family == HPO_KERNEL_LINEAR)
        return hpo_fail(err, HPO_EUNSUPPORTED,
                        "nearest neighbours mean nothing to the linear kernel: take another");
    if (options->neighbours > HPO_VECCHIA_MAX_NEIGHBOURS)
        return hpo_fail(err, HPO_EINVAL, "neighbours must be at most %d, not %zu", HPO_VECCHIA_MAX_NEIGHBOURS,
                        options->neighbours);
    if (hpo_embed_n_features(embed) > HPO_VECCHIA_MAX_FEATURES)
        return hpo_fail(err, HPO_EUNSUPPORTED,
                        "%zu features are more than the %d that neighbours are sought in",
                        hpo_embed_n_features(embed), HPO_VECCHIA_MAX_FEATURES);
    hpo_vecchia *v = hpo_calloc(1, sizeof *v);
    if (!v) return hpo_fail_memory(err);
    v->embed = embed;
    v->options = *options;
    if (v->options.neighbours == 0) v->options.neighbours = HPO_VECCHIA_NEIGHBOURS;
    v->n = n;
    v->n_features = hpo_embed_n_features(embed);
    v->n_dims = hpo_embed_n_dims(embed);
    hpo_status s = fill(v, u, z, noise, err);
    if (s != HPO_OK) {
        hpo_vecchia_free(v);
        return s;
    }
    *out = v;
    return HPO_OK;
}

void hpo_vecchia_free(hpo_vecchia *v)
{
    if (!v) return;
    hpo_neighbours_free(v->tree);
    hpo_free(v->inv_l);
    hpo_free(v->x);
    hpo_free(v->z);
    hpo_free(v);
}

hpo_status hpo_vecchia_of(const hpo_gp *gp, size_t neighbours, hpo_vecchia **out, hpo_error *err)
{
    size_t n = 0;
    *out = NULL;
    for (size_t r = 0; r < gp->n_used; r++)
        if (gp->rows[r].pool >= n) n = gp->rows[r].pool + 1;
    double *z = hpo_calloc(2 * n + gp->n_axes, sizeof *z), *e = z ? z + n : NULL, *l = e ? e + n : NULL;
    if (!z) return hpo_fail_memory(err);
    for (size_t r = 0; r < gp->n_used; r++) { /* e: sum of weights */
        const hpo_gp_row *row = &gp->rows[r];
        double h = 1;
        if (gp->noise_gp) hpo_gp_noise_factor(gp, gp->pool_u + row->pool * gp->n_dims, 1, &h);
        double w = 1 / (gp->n2 * h + row->se2);
        z[row->pool] += w * row->z;
        e[row->pool] += w;
    }
    for (size_t i = 0; i < n; i++) {
        z[i] /= e[i];
        e[i] = 1 / e[i];
    }
    hpo_gp_lengthscales(gp, l);
    hpo_vecchia_options o = {.family = gp->family,
                             .lengthscales = l,
                             .shape = hpo_gp_shape(gp),
                             .s2 = gp->s2,
                             .n2 = gp->n2,
                             .neighbours = neighbours,
                             .seed = gp->options.seed};
    hpo_status s = hpo_vecchia_create(gp->embed, &o, gp->pool_u, z, e, n, out, err);
    if (s == HPO_OK) {
        (*out)->options.lengthscales = NULL;
        (*out)->noise = gp->se2_mean;
    }
    hpo_free(z);
    return s;
}

/* ---- one conditional -------------------------------------------------------------------------------- */

/* f given its neighbours: weights A^-1 z and A^-1 k beside the moments. */
typedef struct conditional {
    hpo_neighbour near[M];
    size_t m;
    double factor[M * M], k[M], dk[M], alpha[M], c[M];
    double mean, var;
} conditional;

static void condition(const hpo_vecchia *v, conditional *t)
{
    size_t m = t->m, k = v->n_features;
    const hpo_kernel_family family = v->options.family;
    for (size_t i = 0; i < m; i++) {
        const double *x = v->x + t->near[i].row * k;
        double *row = t->factor + i * M;
        for (size_t j = 0; j <= i; j++) {
            const double *y = v->x + t->near[j].row * k;
            row[j] = 0;
            for (size_t f = 0; f < k; f++)
                row[j] += (x[f] - y[f]) * (x[f] - y[f]);
        }
        hpo_gp_covary(family, v->options.s2, row, i + 1, row, NULL);
        row[i] += v->e[t->near[i].row];
        t->k[i] = t->near[i].q;
        t->alpha[i] = v->z[t->near[i].row];
    }
    hpo_gp_covary(family, v->options.s2, t->k, m, t->k, t->dk);
    t->mean = 0;
    t->var = v->options.s2;
    size_t bad = hpo_cholesky(t->factor, m, M);
    if (bad > 0) m = t->m = bad - 1; /* rounding spoilt a pivot: the nearest before it */
    hpo_cholesky_solve(t->factor, m, M, t->alpha);
    memcpy(t->c, t->k, m * sizeof *t->c);
    hpo_solve_lower(t->factor, m, M, t->c);
    t->mean = hpo_dot(t->k, t->alpha, m);
    t->var -= hpo_dot(t->c, t->c, m);
    if (!(t->var > SMALLEST * v->options.s2)) t->var = SMALLEST * v->options.s2;
}

/* ---- predicting ------------------------------------------------------------------------------------- */

void hpo_vecchia_moments(const hpo_vecchia *v, const double *u, size_t m, double *mean, double *var)
{
    double a[HPO_VECCHIA_MAX_FEATURES];
    conditional t;
    for (size_t i = 0; i < m; i++) {
        scaled(v, u + i * v->n_dims, a);
        t.m = hpo_neighbours_find(v->tree, a, v->options.neighbours, NULL, 0, t.near);
        condition(v, &t);
        mean[i] = t.mean;
        var[i] = t.var;
    }
}

/* sum_i weight_i d k_i / d u */
static void pull(const hpo_vecchia *v, const double *u, const double *a, const conditional *t,
                 const double *weight, double factor, double *du)
{
    double da[HPO_VECCHIA_MAX_FEATURES];
    for (size_t f = 0; f < v->n_features; f++) {
        da[f] = 0;
        for (size_t i = 0; i < t->m; i++)
            da[f] += weight[i] * t->dk[i] * (a[f] - v->x[t->near[i].row * v->n_features + f]);
        da[f] *= 2 * factor * v->inv_l[f];
    }
    memset(du, 0, v->n_dims * sizeof *du);
    hpo_embed_pull(v->embed, &v->options.shape, u, da, du);
}

void hpo_vecchia_gradient(const hpo_vecchia *v, const double *u, double *mean, double *var, double *dmean,
                          double *dvar)
{
    double a[HPO_VECCHIA_MAX_FEATURES];
    conditional t;
    scaled(v, u, a);
    t.m = hpo_neighbours_find(v->tree, a, v->options.neighbours, NULL, 0, t.near);
    condition(v, &t);
    *mean = t.mean;
    *var = t.var;
    hpo_solve_lower_t(t.factor, t.m, M, t.c);
    pull(v, u, a, &t, t.alpha, 1, dmean);
    pull(v, u, a, &t, t.c, -2, dvar);
}

void hpo_vecchia_noise_at(const hpo_vecchia *v, const double *u, size_t m, double *var)
{
    (void)u;
    for (size_t i = 0; i < m; i++)
        var[i] = v->options.n2 + v->noise;
}

static void moments(const void *v, const double *u, size_t m, double *mean, double *var)
{
    hpo_vecchia_moments(v, u, m, mean, var);
}

static void gradient(const void *v, const double *u, double *mean, double *var, double *dmean, double *dvar)
{
    hpo_vecchia_gradient(v, u, mean, var, dmean, dvar);
}

static void noise(const void *v, const double *u, size_t m, double *var)
{
    hpo_vecchia_noise_at(v, u, m, var);
}

const hpo_posterior_ops hpo_vecchia_posterior_ops = {
    .moments = moments, .gradient = gradient, .noise = noise};

hpo_posterior hpo_vecchia_posterior(const hpo_vecchia *v)
{
    return (hpo_posterior){&hpo_vecchia_posterior_ops, v, v->n_dims};
}

/* ---- evidence --------------------------------------------------------------------------------------- */

/* rank[i]: place of row i in the order; order: the inverse. */
static void arrange(const hpo_vecchia *v, uint32_t *order, uint32_t *rank, double *distance)
{
    size_t n = v->n, k = v->n_features, first = n < FIRST ? n : FIRST;
    hpo_rng rng;
    hpo_rng_init(&rng, v->options.seed, n, HPO_RNG_GP);
    hpo_rng_permutation(&rng, n, order);
    for (size_t i = 0; i < n; i++)
        distance[i] = (double)INFINITY;
    for (size_t p = 0; p < first; p++) {
        size_t far = p;
        for (size_t i = p + 1; i < n; i++) /* distance[i] belongs to order[i] */
            if (distance[i] > distance[far]) far = i;
        uint32_t row = order[far];
        order[far] = order[p];
        distance[far] = distance[p];
        order[p] = row;
        for (size_t i = p + 1; i < n; i++) {
            double q = 0;
            for (size_t f = 0; f < k; f++) {
                double d = v->x[row * k + f] - v->x[order[i] * k + f];
                q += d * d;
            }
            distance[i] = fmin(distance[i], q);
        }
    }
    for (size_t p = 0; p < n; p++)
        rank[order[p]] = (uint32_t)p;
}

hpo_status hpo_vecchia_evidence(const hpo_vecchia *v, double *out, hpo_error *err)
{
    size_t n = v->n;
    uint32_t *order = hpo_alloc_array(2 * n, sizeof *order), *rank = order ? order + n : NULL;
    double *distance = hpo_alloc_array(n, sizeof *distance), sum = 0;
    hpo_status s = HPO_OK;
    conditional t;
    if (!order || !distance) {
        s = hpo_fail_memory(err);
        goto done;
    }
    arrange(v, order, rank, distance);
    for (size_t p = 0; p < n; p++) {
        size_t i = order[p];
        const double *a = v->x + i * v->n_features;
        t.m = hpo_neighbours_find(v->tree, a, v->options.neighbours, rank, (uint32_t)p, t.near);
        condition(v, &t);
        double var = t.var + v->e[i], d = v->z[i] - t.mean;
        sum -= 0.5 * (LN_2PI + hpo_log(var) + d * d / var);
    }
    *out = sum;
done:
    hpo_free(order);
    hpo_free(distance);
    return s;
}
