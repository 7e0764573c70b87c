/* SPDX-License-Identifier: Apache-2.0 */
/* model/gp_noise.c - noise that differs from place to place: a second Gaussian process over its logarithm.
 *
 * Noise variance at u: n2 h(u).  What the data say about h comes as *probes* x = (variance seen) / (variance
 * expected for h = 1), of nu degrees of freedom each:
 *   every point       x = d^2 / v, nu = 1, with d and v residual and variance of leaving the point out; only
 * the share w = e / v of v is noise, so E x = 1 + w (h - 1) replicated point  x = within sum of squares / (nu
 * n2), nu = replicates - 1, w = 1
 *
 * Whether.  A score test of x against place, one regressor at a time: the features of the embedding and the
 * leave-one-out mean (noise that grows with the level is the common case).  With weights nu w^2, c the fitted
 * common excess and g the regressor centred by the weights,
 *     t = sum nu w g (x - 1 - c w) / sqrt(s2 sum nu w^2 g^2),   s2 = mean nu (x - 1 - c w)^2,
 * is about Student's t with n - 2 degrees of freedom when noise is the same everywhere, also for residuals
 * that are not normal (Breusch & Pagan 1979, studentised by Koenker 1981).  Noise is modelled when the
 * smallest of the k p-values is below 0.01 / k, for at least 20 points and when no standard errors were
 * reported, which know better.
 *
 * What.  ln x has mean ln(1 + w (h - 1)) ~ w ln h beyond m(nu) = digamma(nu/2) - ln(nu/2) and variance
 * trigamma(nu/2): each probe with w >= 0.1 is an observation (ln x - m(nu)) / w of ln h with the standard
 * error sqrt(trigamma(nu/2)) / w.  Those are rows of the second process (Matern-5/2, lengthscale prior scaled
 * with dimension, no noise of its own).  ln h(u) is half of what its posterior mean has above its average
 * over the points - shrunk towards the constant because what is left over are logarithms of chi-squares
 * (Kersting, Plagemann, Pfaff & Burgard 2007 iterate the same regression without it).  h stays within
 * 50 times of 1.
 *
 * The test always starts from h = 1 and the second process from nothing: what it says follows from the rows
 * and the hyperparameters of the first. */
#include "base/alloc.h"
#include "base/error.h"
#include "math/dist.h"
#include "math/func.h"
#include "model/gp_internal.h"

#include <math.h>
#include <string.h>

enum { LEAST_PROBES = 20, TILE = 32 };

static const double LEVEL = 0.01;
static const double SHRINK = 0.5;
static const double LEAST_SHARE = 0.1;
static const double LEAST_RATIO = 1e-3;            /* a residual of 0 says no more than a small one */
static const double LN_WIDEST = 3.912023005428146; /* ln 50 */

typedef struct probe {
    double x, w, nu;
    uint32_t point;
} probe;

typedef struct probes {
    probe *list;
    double *mean, *var, *within, *regressor; /* per point */
    double *u, *y, *se;                      /* rows of the second process */
    size_t n;
} probes;

/* ---- what the data say --------------------------------------------------------------------------------- */

static double trigamma_half(double nu)
{
    double x = 0.5 * nu, sum = 0;
    for (; x < 12; x += 1)
        sum += 1 / (x * x);
    double r = 1 / (x * x); /* Abramowitz & Stegun 6.4.12 */
    return sum + 1 / x + r / 2 + r / x * (1.0 / 6 - r * (1.0 / 30 - r / 42));
}

static hpo_status open_probes(const hpo_gp *gp, probes *p, double **block, hpo_error *err)
{
    size_t n = gp->n_points;
    p->list = hpo_alloc_array(2 * n, sizeof *p->list);
    *block = hpo_alloc_array(n, (2 * gp->n_dims + 8) * sizeof **block);
    if (!p->list || !*block) return hpo_fail_memory(err);
    p->mean = *block;
    p->var = p->mean + n;
    p->within = p->var + n;
    p->regressor = p->within + n;
    p->y = p->regressor + n;
    p->se = p->y + 2 * n;
    p->u = p->se + 2 * n;
    return HPO_OK;
}

/* The model is settled with h = 1. */
static void collect(const hpo_gp *gp, probes *p)
{
    size_t n = gp->n_points;
    hpo_gp_loo(gp, p->mean, p->var);
    memset(p->within, 0, n * sizeof *p->within);
    for (size_t r = 0; r < gp->n_used; r++) {
        if (gp->place[gp->rows[r].pool] == 0) continue;
        size_t i = gp->place[gp->rows[r].pool] - 1;
        double d = gp->rows[r].z - gp->z[i];
        p->within[i] += d * d;
    }
    p->n = 0;
    for (size_t i = 0; i < n; i++) {
        double d = gp->z[i] - p->mean[i];
        p->list[p->n++] =
            (probe){.x = d * d / p->var[i], .w = gp->e[i] / p->var[i], .nu = 1, .point = (uint32_t)i};
        if (gp->count[i] < 2) continue;
        double nu = gp->count[i] - 1;
        p->list[p->n++] = (probe){.x = p->within[i] / (nu * gp->n2), .w = 1, .nu = nu, .point = (uint32_t)i};
    }
}

/* ---- whether ------------------------------------------------------------------------------------------- */

/* |t| for one regressor (per point); 0 when it does not vary. */
static double score(const probes *p, const double *g)
{
    double sw = 0, swx = 0, swg = 0, top = 0, bottom = 0, s2 = 0;
    for (size_t i = 0; i < p->n; i++) {
        const probe *q = &p->list[i];
        sw += q->nu * q->w * q->w;
        swx += q->nu * q->w * (q->x - 1);
        swg += q->nu * q->w * q->w * g[q->point];
    }
    if (p->n <= 2 || !(sw > 0)) return 0;
    for (size_t i = 0; i < p->n; i++) {
        const probe *q = &p->list[i];
        double rest = q->x - 1 - q->w * (swx / sw), at = g[q->point] - swg / sw;
        top += q->nu * q->w * at * rest;
        bottom += q->nu * q->w * q->w * at * at;
        s2 += q->nu * rest * rest / ((double)p->n - 2);
    }
    return bottom > 1e-12 * sw && s2 > 0 ? fabs(top) / sqrt(s2 * bottom) : 0;
}

/* Of "the same everywhere", Bonferroni over the regressors. */
static double p_value(const hpo_gp *gp, probes *p)
{
    double most = score(p, p->mean), tests = 1;
    for (size_t f = 0; f < gp->n_features; f++) {
        memcpy(p->regressor, gp->features + f * gp->cap, gp->n_points * sizeof *p->regressor);
        double t = score(p, p->regressor);
        tests += t > 0;
        most = fmax(most, t);
    }
    return p->n > 2 ? 2 * tests * hpo_student_cdf(-most, (double)p->n - 2) : 1;
}

/* ---- what ---------------------------------------------------------------------------------------------- */

static size_t fill_rows(const hpo_gp *gp, probes *p)
{
    size_t n = 0, d = gp->n_dims;
    for (size_t i = 0; i < p->n; i++) {
        const probe *q = &p->list[i];
        if (!(q->w >= LEAST_SHARE)) continue;
        double half = 0.5 * q->nu, x = fmax(q->x, LEAST_RATIO);
        p->y[n] = (hpo_log(x) - (hpo_digamma(half) - hpo_log(half))) / q->w;
        p->se[n] = sqrt(trigamma_half(q->nu)) / q->w;
        memcpy(p->u + n * d, hpo_gp_point(gp, q->point), d * sizeof *p->u);
        n++;
    }
    return n;
}

/* The second process, fitted once; NULL when there is too little to fit it to. */
static hpo_status build(const hpo_gp *gp, probes *p, hpo_gp **out, hpo_error *err)
{
    hpo_gp_options o = hpo_gp_defaults();
    size_t n = fill_rows(gp, p);
    *out = NULL;
    if (n < LEAST_PROBES) return HPO_OK;
    o.family = HPO_KERNEL_MATERN52;
    o.prior = HPO_GP_PRIOR_DIM;
    o.noise = HPO_GP_NOISE_FIXED;
    o.transform = HPO_TRANSFORM_STANDARD;
    o.max_rows = gp->options.max_rows;
    o.seed = gp->options.seed;
    HPO_TRY(hpo_gp_create(gp->embed, &o, out, err));
    hpo_status s = hpo_gp_ingest(*out, p->u, p->y, p->se, NULL, n, err);
    if (s == HPO_OK) s = hpo_gp_restart(*out, (*out)->n_rows, HPO_GP_FIT_ROWS, err);
    if (s == HPO_OK) s = hpo_gp_fit(*out, 1, err);
    if (s != HPO_OK) {
        hpo_gp_free(*out);
        *out = NULL;
    }
    return s;
}

/* Posterior mean of ln h, before centring and shrinking. */
static void log_factor(const hpo_gp *noise, const double *u, size_t m, double *out)
{
    double var[TILE];
    for (size_t i = 0; i < m; i += TILE) {
        size_t count = m - i < TILE ? m - i : TILE;
        hpo_gp_moments(noise, u + i * noise->n_dims, count, out + i, var);
    }
    for (size_t i = 0; i < m; i++)
        out[i] = hpo_transform_invert(&noise->transform, out[i]);
}

void hpo_gp_noise_factor(const hpo_gp *gp, const double *u, size_t m, double *h)
{
    log_factor(gp->noise_gp, u, m, h);
    for (size_t i = 0; i < m; i++) {
        double v = SHRINK * (h[i] - gp->noise_mean);
        h[i] = hpo_exp(v > LN_WIDEST ? LN_WIDEST : v < -LN_WIDEST ? -LN_WIDEST : v);
    }
}

void hpo_gp_forget_noise(hpo_gp *gp)
{
    hpo_gp_free(gp->noise_gp);
    gp->noise_gp = NULL;
    for (size_t i = 0; i < gp->n_points; i++)
        gp->h[i] = 1;
}

/* Factors of the points in, then everything that depends on them. */
static hpo_status settle_with(hpo_gp *gp, hpo_error *err)
{
    gp->noise_mean = 0;
    for (size_t i = 0; gp->noise_gp && i < gp->n_points; i++) {
        log_factor(gp->noise_gp, hpo_gp_point(gp, i), 1, &gp->h[i]);
        gp->noise_mean += (gp->h[i] - gp->noise_mean) / (double)(i + 1);
    }
    for (size_t i = 0; gp->noise_gp && i < gp->n_points; i++)
        hpo_gp_noise_factor(gp, hpo_gp_point(gp, i), 1, &gp->h[i]);
    gp->n_factored = 0;
    gp->full_first = gp->n_points;
    return hpo_gp_settle(gp, err);
}

hpo_status hpo_gp_fit_noise(hpo_gp *gp, hpo_error *err)
{
    probes p;
    double *block = NULL;
    int had = gp->noise_gp != NULL;
    hpo_gp_forget_noise(gp);
    hpo_status s = had ? settle_with(gp, err) : HPO_OK;
    if (s != HPO_OK || gp->se2_mean > 0 || gp->n_points < LEAST_PROBES) return s;
    s = open_probes(gp, &p, &block, err);
    if (s == HPO_OK) {
        collect(gp, &p);
        if (p_value(gp, &p) < LEVEL) s = build(gp, &p, &gp->noise_gp, err);
    }
    hpo_free(p.list);
    hpo_free(block);
    if (s == HPO_OK && gp->noise_gp) s = settle_with(gp, err);
    return s == HPO_OK && gp->noise_gp ? hpo_gp_fit(gp, 0, err) : s; /* n2 and the rest, h given */
}
