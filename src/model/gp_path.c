/* SPDX-License-Identifier: Apache-2.0 */
/* model/gp_path.c - functions drawn from the posterior, as functions.
 *
 * A draw of the prior, by random features, is turned into one of the posterior by Matheron's rule (Wilson,
 * Borovitskiy, Terenin, Mostowsky & Deisenroth 2020, arXiv 2002.09309):
 *
 *     f(u) = g(u) + k(u)^T A^-1 (z - g(X) - eps),   eps ~ N(0, diag e [+ jitter]).
 *
 * The prior, in scaled features a (Rahimi & Recht 2007): with m frequencies w_i from the kernel's spectral
 * density,
 *
 *     g(a) = sqrt(s2 / m) sum_i r_i cos(w_i . a + b_i),   r_i Rayleigh, b_i uniform on [0, 2 pi),
 *
 * which is c_i cos + d_i sin with c_i, d_i ~ N(0, 1) at the price of one function a frequency.  SE: w ~ N(0,
 * I); Matern-nu: multivariate t with 2 nu degrees of freedom, w ~ N(0, I) sqrt(2 nu / chi2_{2 nu}).
 * Conditional and label axes need nothing of their own: the embedding is Euclidean.  The linear kernel is
 * drawn exactly. Every path draws its own frequencies, so that means and covariances over paths are those of
 * the posterior exactly; a single path is a sum of m cosines before the update.  Derivative observations are
 * entries like others: the prior path is differentiated there. */
#include "base/alloc.h"
#include "base/error.h"
#include "math/dist.h"
#include "math/func.h"
#include "math/linalg.h"
#include "model/gp_internal.h"

#include <math.h>
#include <string.h>

enum { DEFAULT_FREQUENCIES = 512, MOST_FREQUENCIES = 65536, CHUNK = 256 };

static const double TWO_PI = 0x1.921fb54442d18p+2;

struct hpo_gp_path {
    const hpo_gp *gp;
    size_t m, k, n;                        /* frequencies, features, entries */
    double *frequency;                     /* k x m: lanes over frequencies; LINEAR: k weights and constant */
    double *radius, *phase;                /* m; radius with sqrt(s2 / m) */
    double *weight;                        /* n: A^-1 (z - g(X) - eps) */
    double *features, *slope, *pulled;     /* scratch: k each */
    double *angle, *cosine, *row, *row_dk; /* scratch: m, m, n, CHUNK */
};

/* ---- prior --------------------------------------------------------------------------------------------- */

/* g at scaled features a; its gradient there unless NULL. */
static double prior_value(const hpo_gp_path *p, const double *a, double *gradient)
{
    if (p->gp->family == HPO_KERNEL_LINEAR) {
        if (gradient) memcpy(gradient, p->frequency, p->k * sizeof *gradient);
        return p->frequency[p->k] + hpo_dot(p->frequency, a, p->k);
    }
    hpo_gemv_t(p->frequency, p->k, p->m, p->m, a, p->angle);
    hpo_axpy(p->m, 1, p->phase, p->angle);
    hpo_cos_sin_n(p->angle, p->m, p->cosine, gradient ? p->angle : NULL);
    double value = hpo_dot(p->radius, p->cosine, p->m);
    if (!gradient) return value;
    for (size_t i = 0; i < p->m; i++)
        p->angle[i] *= -p->radius[i];
    hpo_gemv(p->frequency, p->k, p->m, p->m, p->angle, gradient);
    return value;
}

static void draw_prior(hpo_gp_path *p, hpo_rng *rng)
{
    const hpo_gp *gp = p->gp;
    if (gp->family == HPO_KERNEL_LINEAR) {
        for (size_t f = 0; f <= p->k; f++)
            p->frequency[f] = sqrt(gp->s2) * hpo_rng_normal(rng);
        return;
    }
    double freedom = gp->family == HPO_KERNEL_MATERN32 ? 3 : gp->family == HPO_KERNEL_MATERN52 ? 5 : 0;
    double size = sqrt(gp->s2 / (double)p->m);
    for (size_t i = 0; i < p->m; i++) {
        double stretch = freedom > 0 ? sqrt(0.5 * freedom / hpo_gamma_draw(rng, 0.5 * freedom)) : 1;
        for (size_t f = 0; f < p->k; f++)
            p->frequency[f * p->m + i] = stretch * hpo_rng_normal(rng);
        p->radius[i] = size * sqrt(-2 * hpo_log1p(-hpo_rng_uniform(rng)));
        p->phase[i] = TWO_PI * hpo_rng_uniform(rng);
    }
}

/* ---- update -------------------------------------------------------------------------------------------- */

/* g at entry i: the value at a point, or one derivative of it. */
static double prior_entry(hpo_gp_path *p, size_t i)
{
    const hpo_gp *gp = p->gp;
    const hpo_gp_slope *s = i < gp->n_points ? NULL : &gp->slopes[i - gp->n_points];
    size_t point = s ? s->point : i;
    for (size_t f = 0; f < p->k; f++)
        p->features[f] = gp->scaled[f * gp->cap + point];
    double value = prior_value(p, p->features, s ? p->slope : NULL);
    if (!s) return value;
    const hpo_axis *axis = hpo_embed_axis(gp->embed, s->axis);
    value = 0;
    for (size_t c = 0; c < axis->n_features; c++)
        value += p->slope[s->feature + c] * gp->inv_l[s->feature + c] * s->jac[c];
    return value;
}

static void draw_update(hpo_gp_path *p, hpo_rng *rng)
{
    const hpo_gp *gp = p->gp;
    for (size_t i = 0; i < p->n; i++) {
        double eps = sqrt(gp->e[i] + gp->jitter) * hpo_rng_normal(rng);
        p->weight[i] = gp->z[i] - prior_entry(p, i) - eps;
    }
    hpo_cholesky_solve(gp->l, p->n, gp->cap, p->weight);
}

/* sum_i weight_i k(a, entry i); d / d a added to gradient unless NULL. */
static double update_value(const hpo_gp_path *p, const double *a, double *gradient)
{
    const hpo_gp *gp = p->gp;
    double sum = 0;
    if (gp->n_slopes > 0) {
        hpo_gp_joint_row(gp, a, p->row);
        if (gradient) {
            memset(p->pulled, 0, p->k * sizeof *p->pulled);
            hpo_gp_joint_pull(gp, a, p->weight, p->pulled);
            hpo_axpy(p->k, 1, p->pulled, gradient);
        }
        return hpo_dot(p->weight, p->row, p->n);
    }
    for (size_t start = 0; start < p->n; start += CHUNK) {
        size_t count = p->n - start < CHUNK ? p->n - start : CHUNK;
        double *k = p->row + start, *dk = p->row_dk;
        hpo_gp_pairs(gp->family, p->k, a, 1, gp->scaled + start, gp->cap, count, k);
        hpo_gp_covary(gp->family, gp->s2, k, count, k, gradient ? dk : NULL);
        sum += hpo_dot(p->weight + start, k, count);
        if (!gradient) continue;
        for (size_t i = 0; i < count; i++)
            dk[i] *= p->weight[start + i];
        for (size_t f = 0; f < p->k; f++) {
            const double *x = gp->scaled + f * gp->cap + start;
            gradient[f] += gp->family == HPO_KERNEL_LINEAR
                               ? hpo_dot(dk, x, count)
                               : 2 * hpo_gp_weighted_differences(dk, x, a[f], count);
        }
    }
    return sum;
}

/* ---- paths --------------------------------------------------------------------------------------------- */

hpo_status hpo_gp_path_draw(const hpo_gp *gp, hpo_rng *rng, size_t n_features, hpo_gp_path **out,
                            hpo_error *err)
{
    *out = NULL;
    if (!gp->ready)
        return hpo_fail(err, HPO_EINVAL, "a model of %zu rows has no paths; tell at least 2 finite values",
                        gp->n_rows);
    if (n_features == 0) n_features = DEFAULT_FREQUENCIES;
    if (n_features > MOST_FREQUENCIES)
        return hpo_fail(err, HPO_EINVAL, "%zu features for one path are too many; %d at most", n_features,
                        (int)MOST_FREQUENCIES);
    hpo_gp_path *p = hpo_calloc(1, sizeof *p);
    if (!p) return hpo_fail_memory(err);
    int linear = gp->family == HPO_KERNEL_LINEAR;
    size_t m = linear ? 0 : n_features, k = gp->n_features, n = gp->n_entries;
    size_t n_frequency = linear ? k + 1 : m * k;
    *p = (hpo_gp_path){.gp = gp, .m = m, .k = k, .n = n};
    p->frequency = hpo_alloc_array(n_frequency + 4 * m + 2 * n + 3 * k + CHUNK, sizeof *p->frequency);
    if (!p->frequency) {
        hpo_gp_path_free(p);
        return hpo_fail_memory(err);
    }
    p->radius = p->frequency + n_frequency;
    p->phase = p->radius + m;
    p->angle = p->phase + m;
    p->cosine = p->angle + m;
    p->weight = p->cosine + m;
    p->row = p->weight + n;
    p->features = p->row + n;
    p->slope = p->features + k;
    p->pulled = p->slope + k;
    p->row_dk = p->pulled + k;
    draw_prior(p, rng);
    draw_update(p, rng);
    *out = p;
    return HPO_OK;
}

double hpo_gp_path_value(const hpo_gp_path *p, const double *u, double *gradient)
{
    const hpo_gp *gp = p->gp;
    hpo_embed_shape shape = hpo_gp_shape(gp);
    double *a = p->features, *da = gradient ? p->slope : NULL;
    hpo_embed_features(gp->embed, &shape, u, 1, a);
    for (size_t f = 0; f < p->k; f++)
        a[f] *= gp->inv_l[f];
    double value = prior_value(p, a, da) + update_value(p, a, da);
    if (!gradient) return value;
    for (size_t f = 0; f < p->k; f++)
        da[f] *= gp->inv_l[f];
    memset(gradient, 0, gp->n_dims * sizeof *gradient);
    hpo_embed_pull(gp->embed, &shape, u, da, gradient);
    return value;
}

void hpo_gp_path_values(const hpo_gp_path *p, const double *u, size_t m, double *out)
{
    for (size_t i = 0; i < m; i++)
        out[i] = hpo_gp_path_value(p, u + i * p->gp->n_dims, NULL);
}

void hpo_gp_path_free(hpo_gp_path *p)
{
    if (!p) return;
    hpo_free(p->frequency);
    hpo_free(p);
}
