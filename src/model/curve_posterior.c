/* SPDX-License-Identifier: Apache-2.0 */
/* model/curve_posterior.c - weights of the bank's particles given one curve, and forecasts; the formulas are
 * in curve_bank.c.
 *
 * A particle is a shape with a level of noise.  Those below exp(-9.2) of the largest weight are left out of
 * forecasts. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/dist.h"
#include "math/func.h"
#include "math/linalg.h"
#include "math/minimise.h"
#include "model/curve_bank_internal.h"

enum { CHUNK = 96 }; /* shapes at a time: scratch on the stack */

static const double LN_2PI = 0x1.d67f1c864beb5p+0;
static const double SPACING = 0.5;     /* in ln t: what a report counts for */
static const double NEGLIGIBLE = -9.2; /* ln of a weight over the largest */

struct hpo_curve_posterior {
    const hpo_curve_bank *bank;
    const hpo_curve *curve;
    hpo_curve_prior prior;
    double evidence, effective;
    double *log_weight;                     /* HPO_CURVE_LEVELS x n */
    double *shape_weight, *g;               /* n */
    size_t m;                               /* particles that count */
    uint32_t *particle;                     /* level n + shape */
    double *weight, *mean, *sd, *epistemic; /* m each */
};

/* ---- weights ---------------------------------------------------------------------------------------- */

hpo_status hpo_curve_posterior_create(const hpo_curve_bank *b, hpo_curve_posterior **out, hpo_error *err)
{
    hpo_curve_posterior *p = *out = hpo_calloc(1, sizeof *p);
    if (p == NULL) return hpo_fail_memory(err);
    p->bank = b;
    p->log_weight = hpo_alloc_array((5 * HPO_CURVE_LEVELS + 2) * b->n, sizeof *p->log_weight);
    p->particle = hpo_alloc_array(HPO_CURVE_LEVELS * b->n, sizeof *p->particle);
    if (p->log_weight == NULL || p->particle == NULL) {
        hpo_curve_posterior_free(p);
        *out = NULL;
        return hpo_fail_memory(err);
    }
    p->weight = p->log_weight + HPO_CURVE_LEVELS * b->n;
    p->mean = p->weight + HPO_CURVE_LEVELS * b->n;
    p->sd = p->mean + HPO_CURVE_LEVELS * b->n;
    p->epistemic = p->sd + HPO_CURVE_LEVELS * b->n;
    p->shape_weight = p->epistemic + HPO_CURVE_LEVELS * b->n;
    p->g = p->shape_weight + b->n;
    return HPO_OK;
}

void hpo_curve_posterior_free(hpo_curve_posterior *p)
{
    if (p == NULL) return;
    hpo_free(p->log_weight);
    hpo_free(p->particle);
    hpo_free(p);
}

/* Precisions and means of the three experts. */
typedef struct experts {
    double a, s, e, at_a, at_s, at_e; /* precision, precision x mean */
} experts;

static experts experts_of(const hpo_curve_prior *p)
{
    /* The asymptote lies beyond the end, weakly. */
    double a = 1, s = 1 / (p->start_sd * p->start_sd), e = 1 / (p->end_sd * p->end_sd);
    return (experts){a, s, e, a * (p->end - 0.1), s * p->start, e * p->end};
}

/* det and eta' Lambda^-1 eta of m shapes at precision w of the residuals (sums may be NULL: the prior). */
HPO_DISPATCH static void solve_chunk(const experts *x, const double *restrict last,
                                     const double *restrict sums, size_t stride, double w, size_t m,
                                     double *restrict det, double *restrict quad)
{
    const double *s11 = sums, *s12 = s11 + stride, *s22 = s12 + stride, *r1 = s22 + stride, *r2 = r1 + stride;
    for (size_t i = 0; i < m; i++) {
        double h2 = last[i], h1 = 1 - h2;
        double a = x->a + x->e * h1 * h1 + w * s11[i], b = x->e * h1 * h2 + w * s12[i];
        double c = x->s + x->e * h2 * h2 + w * s22[i];
        double u = x->at_a + x->at_e * h1 + w * r1[i], v = x->at_s + x->at_e * h2 + w * r2[i];
        double d = a * c - b * b;
        det[i] = d;
        quad[i] = (c * u * u - 2 * b * u * v + a * v * v) / d;
    }
}

/* lambda: what one report is worth. */
static double worth(const hpo_curve *c)
{
    double n = (double)c->n;
    return fmin(n, 1 + hpo_log(c->t / c->first) / SPACING) / n;
}

static void log_weights(hpo_curve_posterior *p, const experts *x)
{
    static const double none[HPO_CURVE_SUMS * CHUNK] = {0};
    const hpo_curve_bank *b = p->bank;
    const hpo_curve *c = p->curve;
    double det0[CHUNK], quad0[CHUNK], det[CHUNK], quad[CHUNK], lambda = worth(c), n = lambda * (double)c->n;
    for (size_t start = 0; start < b->n; start += CHUNK) {
        size_t m = b->n - start < CHUNK ? b->n - start : CHUNK;
        solve_chunk(x, b->last + start, none, CHUNK, 0, m, det0, quad0);
        for (size_t k = 0; k < HPO_CURVE_LEVELS; k++) {
            double *lw = p->log_weight + k * b->n + start,
                   w = lambda / (hpo_curve_noise[k] * hpo_curve_noise[k]), shift[HPO_CURVE_BLOCK];
            const double *yy = c->sums + 5 * b->n + start;
            for (size_t i = 0; i < HPO_CURVE_BLOCK; i++)
                shift[i] = b->log_prior[k] - n * hpo_log(hpo_curve_noise[k]) -
                           0.5 * lambda * c->log_v[i % HPO_CURVE_CLASSES];
            solve_chunk(x, b->last + start, c->sums + start, b->n, w, m, det, quad);
            for (size_t i = 0; i < m; i++)
                det[i] /= det0[i];
            hpo_log_n(det, m, det);
            for (size_t j = 0; j < m; j += HPO_CURVE_BLOCK)
                for (size_t i = j; i < j + HPO_CURVE_BLOCK; i++)
                    lw[i] = shift[i - j] - 0.5 * (det[i] + w * yy[i] + quad0[i] - quad[i]);
        }
    }
}

static void prior_weights(hpo_curve_posterior *p)
{
    size_t n = p->bank->n;
    for (size_t k = 0; k < HPO_CURVE_LEVELS; k++)
        for (size_t i = 0; i < n; i++)
            p->log_weight[k * n + i] = p->bank->log_prior[k];
}

void hpo_curve_posterior_set(hpo_curve_posterior *p, const hpo_curve *c, const hpo_curve_prior *prior)
{
    size_t n = p->bank->n, all = HPO_CURVE_LEVELS * n;
    p->curve = c;
    p->prior = *prior;
    experts x = experts_of(prior);
    if (c == NULL || c->n == 0)
        prior_weights(p);
    else
        log_weights(p, &x);
    double most = -INFINITY, total = 0, squares = 0;
    for (size_t i = 0; i < all; i++)
        most = p->log_weight[i] > most ? p->log_weight[i] : most;
    memset(p->shape_weight, 0, n * sizeof *p->shape_weight);
    p->m = 0;
    for (size_t i = 0; i < all; i++) {
        double d = p->log_weight[i] - most;
        p->weight[p->m] = d;
        p->particle[p->m] = (uint32_t)i;
        p->m += d > NEGLIGIBLE;
    }
    hpo_exp_n(p->weight, p->m, p->weight);
    for (size_t i = 0; i < p->m; i++) {
        total += p->weight[i];
        p->shape_weight[p->particle[i] % n] += p->weight[i];
    }
    for (size_t i = 0; i < n; i++)
        squares += p->shape_weight[i] * p->shape_weight[i];
    p->effective = total * total / squares;
    p->evidence =
        most + hpo_log(total) - (c == NULL || c->n == 0 ? 0 : 0.5 * worth(c) * (double)c->n * LN_2PI);
    for (size_t i = 0; i < p->m; i++)
        p->weight[i] /= total;
}

double hpo_curve_posterior_evidence(const hpo_curve_posterior *p)
{
    return p->evidence;
}

double hpo_curve_posterior_effective(const hpo_curve_posterior *p)
{
    return p->effective;
}

/* ---- forecasts -------------------------------------------------------------------------------------- */

void hpo_curve_posterior_at(hpo_curve_posterior *p, double t)
{
    const hpo_curve_bank *b = p->bank;
    const hpo_curve *c = p->curve;
    experts x = experts_of(&p->prior);
    int empty = c == NULL || c->n == 0;
    double rho[HPO_CURVE_CLASSES] = {0}, y = empty ? 0 : c->y, lambda = empty ? 1 : worth(c);
    t = fmin(fmax(t, HPO_CURVE_FIRST), 1);
    if (!empty && t < c->t) t = c->t;
    for (size_t i = 1; !empty && i < HPO_CURVE_CLASSES; i++)
        rho[i] = hpo_curve_correlation(i, t, c->t);
    hpo_curve_shapes_at(b, t, p->g);
    for (size_t j = 0; j < p->m; j++) {
        size_t i = p->particle[j] % b->n, k = p->particle[j] / b->n;
        double w = lambda / (hpo_curve_noise[k] * hpo_curve_noise[k]), h2 = b->last[i], h1 = 1 - h2,
               r = rho[i % HPO_CURVE_CLASSES];
        double l11 = x.a + x.e * h1 * h1, l12 = x.e * h1 * h2, l22 = x.s + x.e * h2 * h2;
        double u = x.at_a + x.at_e * h1, v = x.at_s + x.at_e * h2;
        double two = p->g[i] - (empty ? 0 : r * c->g[i]), one = 1 - r - two;
        if (!empty) {
            const double *s = c->sums + i;
            l11 += w * s[0];
            l12 += w * s[b->n];
            l22 += w * s[2 * b->n];
            u += w * s[3 * b->n];
            v += w * s[4 * b->n];
        }
        double d = l11 * l22 - l12 * l12;
        p->mean[j] = r * y + ((l22 * u - l12 * v) * one + (l11 * v - l12 * u) * two) / d;
        p->epistemic[j] = (l22 * one * one - 2 * l12 * one * two + l11 * two * two) / d;
        p->sd[j] = sqrt(p->epistemic[j] + (1 - r * r) * hpo_curve_noise[k] * hpo_curve_noise[k]);
        /* wandering residuals are part of the value, independent ones of its observation */
        if (i % HPO_CURVE_CLASSES != 0) p->epistemic[j] = p->sd[j] * p->sd[j];
    }
}

static void mixture_moments(size_t m, const double *weight, const double *mean, const double *var,
                            double *out, double *out_var)
{
    double sum = 0, between = 0;
    for (size_t j = 0; j < m; j++)
        sum += weight[j] * mean[j];
    for (size_t j = 0; j < m; j++)
        between += weight[j] * (var[j] + (mean[j] - sum) * (mean[j] - sum));
    *out = sum;
    *out_var = between;
}

void hpo_curve_posterior_latent(const hpo_curve_posterior *p, double *mean, double *var)
{
    mixture_moments(p->m, p->weight, p->mean, p->epistemic, mean, var);
}

void hpo_curve_posterior_moments(const hpo_curve_posterior *p, double *mean, double *var)
{
    double noise = 0;
    mixture_moments(p->m, p->weight, p->mean, p->epistemic, mean, var);
    for (size_t j = 0; j < p->m; j++)
        noise += p->weight[j] * (p->sd[j] * p->sd[j] - p->epistemic[j]);
    *var += noise;
}

double hpo_curve_posterior_below(const hpo_curve_posterior *p, double y)
{
    double sum = 0;
    for (size_t j = 0; j < p->m; j++)
        if (p->sd[j] > 0)
            sum += p->weight[j] * hpo_normal_cdf((y - p->mean[j]) / p->sd[j]);
        else if (p->mean[j] < y)
            sum += p->weight[j];
    return fmin(sum, 1);
}

typedef struct target {
    const hpo_curve_posterior *p;
    double q;
} target;

static double excess(void *ctx, double y)
{
    const target *t = ctx;
    return hpo_curve_posterior_below(t->p, y) - t->q;
}

double hpo_curve_posterior_quantile(const hpo_curve_posterior *p, double q)
{
    target t = {p, q};
    double z = hpo_normal_quantile(q), low = INFINITY, high = -INFINITY;
    for (size_t j = 0; j < p->m; j++) { /* between the components' own quantiles */
        low = fmin(low, p->mean[j] + z * p->sd[j]);
        high = fmax(high, p->mean[j] + z * p->sd[j]);
    }
    if (!(low < high)) return low;
    return hpo_brent_root(excess, &t, low - 1e-12, high + 1e-12, 1e-7, 60);
}

double hpo_curve_posterior_improvement(const hpo_curve_posterior *p, double best)
{
    double sum = 0;
    for (size_t j = 0; j < p->m; j++) {
        double d = best - p->mean[j], z = p->sd[j] > 0 ? d / p->sd[j] : 0;
        sum += p->weight[j] *
               (p->sd[j] > 0 ? d * hpo_normal_cdf(z) + p->sd[j] * hpo_exp(hpo_normal_logpdf(z)) : fmax(d, 0));
    }
    return sum;
}
