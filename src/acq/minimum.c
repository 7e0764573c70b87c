/* SPDX-License-Identifier: Apache-2.0 */
/* acq/minimum.c - entropy search over places z_1 .. z_N.
 *
 *     f_k = mu + L e_k,  e_k ~ N(0, I),  L L' = Sigma          S joint draws
 *     p_j = share of the draws that are least at z_j,  H(p) = -sum_j p_j ln p_j
 *
 * An observation y of variance v has covariances c with f.  Beside each draw of f stands one of y (its mean
 * does not matter and is taken for 0),
 *
 *     y_k = a' e_k + sqrt(v - a'a) h_k,  a = L^-1 c,  h_k ~ N(0, 1),
 *
 * and given that y is y*, f is distributed as f_k + c (y* - y_k) / v (Matheron's rule): all S draws serve for
 * every outcome, however much it tells, and no matrix is factorised again.  The gain is
 *
 *     H(p) - 1/Q sum_q H(p given y*_q),  y*_q = sqrt(v) Phi^-1((q + 1/2) / Q).
 *
 * The draws are the same for all observations, so that one is compared with another without the noise of
 * sampling, and what says nothing (c = 0) gains nothing to the bit.
 *
 * Hennig & Schuler: "Entropy search for information-efficient global optimization", JMLR 13, 2012, where the
 * probabilities come from expectation propagation and the measure of the places appears in the entropy; it
 * falls out of an expected difference, since the expectation of p given y is p. */
#include "acq/minimum.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/dist.h"
#include "math/func.h"
#include "math/linalg.h"
#include "math/rng.h"

enum { OUTCOMES = 8, TRIES = 12 };
static const double JITTER = 1e-10; /* of the largest variance, at first */

struct hpo_minimum {
    size_t n, s;
    double *l;           /* N x N */
    double *e, *h;       /* S x N; S */
    double *f;           /* N x S: draws side by side */
    double *p, *q, *a;   /* N */
    double *y, *t;       /* S */
    double *least, *who; /* S */
    double entropy, outcome[OUTCOMES];
};

void hpo_minimum_free(hpo_minimum *m)
{
    if (m == NULL) return;
    hpo_free(m->l);
    hpo_free(m);
}

/* What covariances lack to be positive definite is rounding, for places that lie close together. */
static int factorise(hpo_minimum *m, const double *cov)
{
    size_t n = m->n;
    double most = 0, jitter = JITTER;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, cov[i * n + i]);
    if (!(most > 0) || isinf(most)) return 0;
    for (int i = 0; i < TRIES; i++, jitter *= 10) {
        memcpy(m->l, cov, n * n * sizeof *m->l);
        for (size_t k = 0; k < n; k++)
            m->l[k * n + k] += jitter * most;
        if (hpo_cholesky(m->l, n, n) == 0) return 1;
    }
    return 0;
}

/* f + step t is least at place who: one place for all draws after the other. */
HPO_DISPATCH static void take_least(size_t s, double place, double step, const double *restrict f,
                                    const double *restrict t, double *restrict least, double *restrict who)
{
    for (size_t k = 0; k < s; k++) {
        double v = f[k] + step * t[k];
        int below = v < least[k];
        who[k] = below ? place : who[k];
        least[k] = below ? v : least[k];
    }
}

/* Shares of the places in the draws f_k + c t_k, and their entropy. */
static double shares(hpo_minimum *m, const double *c, double *p)
{
    double sum = 0;
    for (size_t k = 0; k < m->s; k++) {
        m->least[k] = (double)INFINITY;
        m->who[k] = 0;
    }
    for (size_t j = 0; j < m->n; j++)
        take_least(m->s, (double)j, c != NULL ? c[j] : 0, m->f + j * m->s, m->t, m->least, m->who);
    for (size_t j = 0; j < m->n; j++)
        p[j] = 0;
    for (size_t k = 0; k < m->s; k++)
        p[(size_t)m->who[k]] += 1;
    for (size_t j = 0; j < m->n; j++) {
        p[j] /= (double)m->s;
        if (p[j] > 0) sum -= p[j] * hpo_log(p[j]);
    }
    return sum;
}

hpo_status hpo_minimum_create(const double *mean, const double *cov, size_t n, size_t n_samples, hpo_rng *rng,
                              hpo_minimum **out, hpo_error *err)
{
    *out = NULL;
    hpo_minimum *m = hpo_calloc(1, sizeof *m);
    if (m == NULL) return hpo_fail_memory(err);
    m->n = n;
    m->s = n_samples;
    m->l = hpo_calloc(n * n + 2 * n * n_samples + 5 * n_samples + 3 * n, sizeof *m->l);
    if (m->l == NULL) {
        hpo_free(m);
        return hpo_fail_memory(err);
    }
    m->e = m->l + n * n;
    m->f = m->e + n * n_samples;
    m->h = m->f + n * n_samples;
    m->y = m->h + n_samples;
    m->t = m->y + n_samples;
    m->least = m->t + n_samples;
    m->who = m->least + n_samples;
    m->p = m->who + n_samples;
    m->q = m->p + n;
    m->a = m->q + n;
    if (!factorise(m, cov)) {
        hpo_minimum_free(m);
        return hpo_fail(err, HPO_ENUMERIC, "the covariances of %zu places have no factorisation", n);
    }
    for (size_t k = 0; k < n_samples; k++) {
        double *e = m->e + k * n;
        for (size_t j = 0; j < n; j++)
            e[j] = hpo_rng_normal(rng);
        m->h[k] = hpo_rng_normal(rng);
        for (size_t j = 0; j < n; j++)
            m->f[j * n_samples + k] = mean[j] + hpo_dot(m->l + j * n, e, j + 1);
    }
    for (size_t q = 0; q < OUTCOMES; q++)
        m->outcome[q] = hpo_normal_quantile(((double)q + 0.5) / OUTCOMES);
    m->entropy = shares(m, NULL, m->p);
    *out = m;
    return HPO_OK;
}

const double *hpo_minimum_probability(const hpo_minimum *m)
{
    return m->p;
}

double hpo_minimum_entropy(const hpo_minimum *m)
{
    return m->entropy;
}

void hpo_minimum_values(const hpo_minimum *m, double *out)
{
    for (size_t k = 0; k < m->s; k++) {
        out[k] = m->f[k];
        for (size_t j = 1; j < m->n; j++)
            out[k] = fmin(out[k], m->f[j * m->s + k]);
    }
}

double hpo_minimum_gain(hpo_minimum *m, const double *cov, double var)
{
    double sum = 0;
    if (!(var > 0)) return 0;
    memcpy(m->a, cov, m->n * sizeof *m->a);
    hpo_solve_lower(m->l, m->n, m->n, m->a);
    double rest = sqrt(fmax(var - hpo_dot(m->a, m->a, m->n), 0)), sd = sqrt(var);
    hpo_gemv(m->e, m->s, m->n, m->n, m->a, m->y);
    hpo_axpy(m->s, rest, m->h, m->y);
    for (size_t q = 0; q < OUTCOMES; q++) {
        for (size_t k = 0; k < m->s; k++)
            m->t[k] = (sd * m->outcome[q] - m->y[k]) / var;
        sum += m->entropy - shares(m, cov, m->q);
    }
    return sum / OUTCOMES;
}

double hpo_minimum_explained(const hpo_minimum *m, const double *cov, double var)
{
    double mean = 0, sum = 0;
    for (size_t j = 0; j < m->n; j++)
        mean += m->p[j] * cov[j];
    for (size_t j = 0; j < m->n; j++)
        sum += m->p[j] * (cov[j] - mean) * (cov[j] - mean);
    return var > 0 ? sum / var : 0;
}
