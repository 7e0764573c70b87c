/* SPDX-License-Identifier: Apache-2.0 */
/* analysis/belief.c - what is known about the expected values of configurations that were evaluated.
 *
 * Part k: f ~ N(mu_k, v_k) in units z = T_k(y), a measurement is T_k^-1(f + N(0, n2_k)).  The expected value
 * of a configuration is m_k(f) = E T_k^-1(f + N(0, n2_k)), of which one knows
 *
 *     mean       sum_k w_k E T_k^-1(mu_k + N(0, v_k + n2_k))
 *     quantiles  of the mixture of the laws of m_k(f), by NODES equally likely values of each part
 *     draws      of whole parts, in proportion to their weights: m_k is increasing, so within a part values
 *                are compared by f */
#include "analysis/belief.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/dist.h"
#include "math/linalg.h"
#include "math/rng.h"

static const double UNMODELLED = 1.5625; /* 1.25^2 */

enum { NODES = 40, DRAWS = 4000, MOST_DRAWN = 64 };

hpo_status hpo_belief_init(hpo_belief *b, const hpo_space *space, const double *u, size_t n, hpo_error *err)
{
    b->n = n;
    b->n_dims = hpo_space_n_dims(space);
    b->u = hpo_alloc_array(n * b->n_dims + 1, sizeof *b->u);
    if (b->u == NULL) return hpo_fail_memory(err);
    memcpy(b->u, u, n * b->n_dims * sizeof *u);
    return hpo_embed_create(space, &b->embed, err);
}

void hpo_belief_fini(hpo_belief *b)
{
    hpo_free(b->u);
    hpo_free(b->mean);
    hpo_gp_blend_free(b->blend);
    hpo_forest_free(b->forest);
    hpo_embed_free(b->embed);
}

/* ---- parts ------------------------------------------------------------------------------------------- */

static hpo_status make_room(hpo_belief *b, size_t parts, hpo_error *err)
{
    b->mean = hpo_alloc_array(parts * b->n + 1, 3 * sizeof *b->mean);
    if (b->mean == NULL) return hpo_fail_memory(err);
    b->var = b->mean + parts * b->n;
    b->noise = b->var + parts * b->n;
    b->n_parts = parts;
    b->weight[0] = 1;
    b->shape[0] = &b->own;
    return HPO_OK;
}

/* Variances were learned together with p other parameters from n values and are too small by (n - p) / n, as
 * a residual variance is; p counts for half of the values at most, where the prior says more than they do.
 * UNMODELLED: objectives are rougher in places than a stationary process, most of all where a search ends;
 * with it 90 % intervals of recommended configurations hold in nine runs of ten (docs/models.md), without in
 * five of six. */
static double inflation(size_t n, size_t p)
{
    return UNMODELLED * (2 * p < n ? (double)n / (double)(n - p) : 2);
}

static void read_part(hpo_belief *b, size_t k, const hpo_posterior *p)
{
    p->ops->moments(p->model, b->u, b->n, b->mean + k * b->n, b->var + k * b->n);
    p->ops->noise(p->model, b->u, b->n, b->noise + k * b->n);
}

hpo_status hpo_belief_fit_gp(hpo_belief *b, const hpo_belief_rows *rows, uint64_t seed, int *ready,
                             hpo_error *err)
{
    hpo_gp_options o = hpo_gp_defaults();
    *ready = 0;
    o.seed = seed;
    hpo_status status =
        hpo_gp_blend_create(b->embed, &o, rows->u, rows->y, rows->sem, rows->n, &b->blend, err);
    if (status == HPO_ENUMERIC) return HPO_OK; /* there are other models */
    HPO_TRY(status);
    HPO_TRY(make_room(b, hpo_gp_blend_size(b->blend), err));
    double factor = inflation(rows->n, hpo_embed_n_axes(b->embed) + 2);
    for (size_t k = 0; k < b->n_parts; k++) {
        const hpo_gp *gp;
        HPO_TRY(hpo_gp_blend_use(b->blend, k, &gp, err));
        hpo_posterior p = hpo_gp_posterior(gp);
        read_part(b, k, &p);
        for (size_t i = 0; i < b->n; i++)
            b->var[k * b->n + i] *= factor;
        b->weight[k] = hpo_gp_blend_weight(b->blend, k);
        b->shape[k] = hpo_gp_transform(gp);
    }
    *ready = 1;
    return HPO_OK;
}

hpo_status hpo_belief_fit_forest(hpo_belief *b, const hpo_belief_rows *rows, uint64_t seed, hpo_error *err)
{
    double *scratch = hpo_alloc_array(rows->n, 3 * sizeof *scratch);
    if (scratch == NULL) return hpo_fail_memory(err);
    hpo_transform_fit(&b->own, HPO_TRANSFORM_AUTO, rows->y, rows->n, scratch);
    hpo_free(scratch);
    HPO_TRY(hpo_forest_create(b->embed, NULL, seed, &b->forest, err));
    for (size_t i = 0; i < rows->n; i++)
        HPO_TRY(hpo_forest_append(b->forest, rows->u + i * b->n_dims,
                                  hpo_transform_apply(&b->own, rows->y[i]), 1, err));
    HPO_TRY(hpo_forest_update(b->forest, err));
    HPO_TRY(make_room(b, 1, err));
    hpo_posterior p = hpo_forest_posterior(b->forest);
    read_part(b, 0, &p);
    double common = 0; /* what single leaves say of the noise is noise, and would decide between neighbours */
    for (size_t i = 0; i < b->n; i++)
        common += b->noise[i] / (double)b->n;
    for (size_t i = 0; i < b->n; i++)
        b->noise[i] = common;
    return HPO_OK;
}

hpo_status hpo_belief_set(hpo_belief *b, const double *mean, const double *var, hpo_error *err)
{
    HPO_TRY(make_room(b, 1, err));
    memcpy(b->mean, mean, b->n * sizeof *mean);
    memcpy(b->var, var, b->n * sizeof *var);
    memset(b->noise, 0, b->n * sizeof *b->noise);
    b->own =
        (hpo_transform){.kind = HPO_TRANSFORM_STANDARD, .scale = 1, .sd = 1, .z_min = -1e300, .z_max = 1e300};
    return HPO_OK;
}

/* ---- one configuration --------------------------------------------------------------------------------- */

double hpo_belief_mean(const hpo_belief *b, size_t i)
{
    double sum = 0;
    for (size_t k = 0; k < b->n_parts; k++) {
        size_t at = k * b->n + i;
        sum += b->weight[k] * hpo_transform_mean(b->shape[k], b->mean[at], b->var[at] + b->noise[at]);
    }
    return sum;
}

double hpo_belief_noise(const hpo_belief *b, size_t i)
{
    double sum = 0;
    for (size_t k = 0; k < b->n_parts; k++) {
        size_t at = k * b->n + i;
        double slope = hpo_transform_slope(b->shape[k], hpo_transform_invert(b->shape[k], b->mean[at]));
        if (slope > 0) sum += b->weight[k] * b->noise[at] / (slope * slope);
    }
    return sum;
}

typedef struct node {
    double value, weight;
} node;

static int by_value(const void *a, const void *b)
{
    const node *p = a, *q = b;
    return (p->value > q->value) - (p->value < q->value);
}

size_t hpo_belief_scratch(const hpo_belief *b)
{
    return 2 * NODES * b->n_parts;
}

void hpo_belief_quantiles(const hpo_belief *b, size_t i, const double *p, size_t n_p, double *out,
                          double *scratch)
{
    node *list = (node *)(void *)scratch;
    double z[NODES], below = 0;
    size_t n = 0, at = 0;
    for (size_t j = 0; j < NODES; j++)
        z[j] = hpo_normal_quantile(((double)j + 0.5) / NODES);
    for (size_t k = 0; k < b->n_parts; k++) {
        double mean = b->mean[k * b->n + i], sd = sqrt(b->var[k * b->n + i]), noise = b->noise[k * b->n + i];
        for (size_t j = 0; j < NODES; j++)
            list[n++] =
                (node){hpo_transform_mean(b->shape[k], mean + sd * z[j], noise), b->weight[k] / NODES};
    }
    qsort(list, n, sizeof *list, by_value);
    for (size_t q = 0; q < n_p; q++) { /* node k stands at the middle of its weight */
        while (at + 1 < n && below + list[at].weight / 2 < p[q])
            below += list[at++].weight;
        double here = below + list[at].weight / 2;
        out[q] = list[at].value;
        if (at == 0 || here <= p[q]) continue;
        double before = below - list[at - 1].weight / 2;
        out[q] += (p[q] - here) / (here - before) * (list[at].value - list[at - 1].value);
    }
}

/* ---- joint draws --------------------------------------------------------------------------------------- */

/* Covariance of part k at m configurations, factorised; the diagonal alone where nothing else is known. */
static void factorise(const hpo_belief *b, size_t k, const hpo_posterior *p, const size_t *at, size_t m,
                      double *l)
{
    const double *var = b->var + k * b->n;
    double scale = 0;
    for (size_t i = 0; i < m; i++)
        scale = fmax(scale, var[at[i]]);
    for (double jitter = 1e-10; jitter < 1e-2; jitter *= 100) {
        for (size_t i = 0; i < m; i++) {
            for (size_t j = 0; j < i; j++) {
                double c = 0;
                if (p != NULL && p->ops->covariance != NULL)
                    p->ops->covariance(p->model, b->u + at[i] * b->n_dims, b->u + at[j] * b->n_dims, 1, &c,
                                       NULL);
                l[i * m + j] = c;
            }
            l[i * m + i] = var[at[i]] + jitter * scale;
        }
        if (hpo_cholesky(l, m, m) == 0) return;
    }
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < i; j++)
            l[i * m + j] = 0;
        l[i * m + i] = sqrt(var[at[i]]);
    }
}

hpo_status hpo_belief_draw(hpo_belief *b, const size_t *at, size_t m, size_t other, size_t contenders,
                           hpo_rng *rng, double *p_best, double *p_better, hpo_error *err)
{
    double z[MOST_DRAWN], f[MOST_DRAWN], share = 0;
    size_t better = 0, drawn = 0, wins[MOST_DRAWN] = {0};
    double *l = hpo_alloc_array(m * m, sizeof *l);
    if (l == NULL) return hpo_fail_memory(err);
    hpo_status status = HPO_OK;
    for (size_t k = 0; k < b->n_parts && status == HPO_OK; k++) {
        hpo_posterior p;
        const hpo_gp *gp;
        share += b->weight[k];
        size_t until = k + 1 == b->n_parts ? DRAWS : (size_t)(share * DRAWS + 0.5);
        if (until <= drawn) continue;
        if (b->blend != NULL) status = hpo_gp_blend_use(b->blend, k, &gp, err);
        if (status != HPO_OK) break;
        if (b->blend != NULL) p = hpo_gp_posterior(gp);
        factorise(b, k, b->blend != NULL ? &p : NULL, at, m, l);
        for (; drawn < until; drawn++) {
            size_t best = 0;
            for (size_t i = 0; i < m; i++) {
                z[i] = hpo_rng_normal(rng);
                f[i] = b->mean[k * b->n + at[i]] + hpo_dot(l + i * m, z, i + 1);
                if (i < contenders && f[i] < f[best]) best = i;
            }
            wins[best]++;
            better += other < m && f[0] < f[other];
        }
    }
    for (size_t i = 0; i < contenders; i++)
        p_best[i] = (double)wins[i] / DRAWS;
    *p_better = other < m ? (double)better / DRAWS : (double)NAN;
    hpo_free(l);
    return status;
}
