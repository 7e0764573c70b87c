/* SPDX-License-Identifier: Apache-2.0 */
/* model/freeze_thaw.c - Swersky, Snoek & Adams: "Freeze-thaw Bayesian optimization", arXiv 1406.3896 (2014).
 *
 * Asymptotes f ~ N(m 1, K_x), K_x = s2 k(u, u') (Matern-5/2 over embedded configurations); given its
 * asymptote a curve of T_i reports is y_i ~ N(f_i 1, K_i), with exponential decays of all rates mixed by a
 * gamma density:
 *
 *     K_i(t, t') = c2 beta^alpha / (t + t' + beta)^alpha + n2 delta_tt'
 *
 * so the joint covariance of all reports is blockdiag(K_i) + O K_x O', O the 0/1 matrix of who reported.  It
 * is never formed.  With r_i = y_i - m and
 *
 *     v_i = K_i^-1 1,  Lambda = diag(1' v_i),  gamma_i = v_i' r_i,  B = I + Lambda^1/2 K_x Lambda^1/2,
 *     S = Lambda^1/2 B^-1 Lambda^1/2,  w = gamma - S K_x gamma,  mu = m + K_x w,  C = K_x - K_x S K_x
 *
 * mu, C are mean and covariance of the asymptotes (their equations 16 to 19), and
 *
 *     ln p(y) = -1/2 sum r_i' K_i^-1 r_i + 1/2 gamma' K_x w - 1/2 sum ln |K_i| - 1/2 ln |B| - N/2 ln 2 pi.
 *
 * At t, with k = K_i(t, .) without noise and omega = 1 - k' v_i:
 *     old curve   mean k' K_i^-1 y_i + omega mu_i,   variance c2 D(t, t) - k' K_i^-1 k + omega^2 C_ii
 *     new         mean m + k_x' w,                   variance s2 - k_x' S k_x + c2 D(t, t)
 *
 * Gradient: with a_i = K_i^-1 (r_i - 1 (mu_i - m)), d ln p = 1/2 tr((w w' - S) dK_x) + 1/2 sum_i [a_i' dK_i
 * a_i
 * - tr(K_i^-1 dK_i) + C_ii v_i' dK_i v_i], d/dm = sum w. */
#include "model/freeze_thaw.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "math/linalg.h"
#include "math/minimise.h"

enum { S2, MEAN, C2, ALPHA, BETA, NOISE, OTHERS, ITERATIONS = 40, MEMORY = 8 };

static const double LN_2PI = 0x1.d67f1c864beb5p+0;
/* Normal priors of what follows the lengthscales, and bounds: curve units, t in shares of the full resource.
 */
static const double CENTRE[OTHERS] = {-2.3, 0.4, -1.2, 0, -1.6, -7};
static const double SPREAD[OTHERS] = {1.5, 0.5, 1.5, 1, 1, 2};
static const double LOW[OTHERS] = {-9, -2, -9, -3, -5, -14}, HIGH[OTHERS] = {3, 3, 3, 3, 3, 0};

struct hpo_freeze_thaw {
    const hpo_embed *embed;
    size_t n_dims, n_features, n_axes, n_theta;
    double *theta, *lower, *upper, *start, *gradient, *fit_work; /* n_theta; fit_work: L-BFGS-B */
    double *inv_l;
    size_t n, total, longest;
    size_t *length, *first, *block; /* n: reports; of them, the first; where the factor begins */
    double *t, *r, *v, *a;          /* total: times, residuals or y, K^-1 1, K^-1 r */
    double *y;
    double *factor;              /* sum of squared lengths: Cholesky factors of the K_i */
    double *features, *scaled;   /* n x n_features */
    double *kx, *dk, *b, *s, *c; /* n x n; b: factor of B */
    double *lambda, *gamma, *w, *mu, *cii, *work, *work2; /* n, longest at least */
    double *inverse;                                      /* longest x longest */
    double *reports, *matrices;
    int ready;
};

double hpo_freeze_thaw_decay(double alpha, double beta, double t, double other)
{
    return hpo_exp(-alpha * hpo_log1p((t + other) / beta));
}

/* ---- life ------------------------------------------------------------------------------------------- */

static void cold_start(const hpo_freeze_thaw *m, double *theta)
{
    for (size_t j = 0; j < m->n_axes; j++)
        theta[j] = hpo_log(0.5 * sqrt((double)m->n_axes));
    memcpy(theta + m->n_axes, CENTRE, sizeof CENTRE);
}

hpo_status hpo_freeze_thaw_create(const hpo_embed *embed, hpo_freeze_thaw **out, hpo_error *err)
{
    hpo_freeze_thaw *m = *out = hpo_calloc(1, sizeof *m);
    if (m == NULL) return hpo_fail_memory(err);
    m->embed = embed;
    m->n_dims = hpo_embed_n_dims(embed);
    m->n_features = hpo_embed_n_features(embed);
    m->n_axes = hpo_embed_n_axes(embed);
    size_t p = m->n_theta = m->n_axes + OTHERS;
    m->theta = hpo_calloc(5 * p + m->n_features + hpo_lbfgsb_work(p, MEMORY), sizeof *m->theta);
    if (m->theta == NULL) {
        hpo_free(m);
        *out = NULL;
        return hpo_fail_memory(err);
    }
    m->lower = m->theta + p;
    m->upper = m->lower + p;
    m->start = m->upper + p;
    m->gradient = m->start + p;
    m->inv_l = m->gradient + p;
    m->fit_work = m->inv_l + m->n_features;
    for (size_t j = 0; j < m->n_axes; j++) {
        m->lower[j] = hpo_log(0.005);
        m->upper[j] = hpo_log(100.0);
    }
    memcpy(m->lower + m->n_axes, LOW, sizeof LOW);
    memcpy(m->upper + m->n_axes, HIGH, sizeof HIGH);
    cold_start(m, m->theta);
    return HPO_OK;
}

static void forget(hpo_freeze_thaw *m)
{
    hpo_free(m->length);
    hpo_free(m->reports);
    hpo_free(m->matrices);
    m->length = NULL;
    m->reports = m->matrices = NULL;
    m->n = 0;
    m->ready = 0;
}

void hpo_freeze_thaw_free(hpo_freeze_thaw *m)
{
    if (m == NULL) return;
    forget(m);
    hpo_free(m->theta);
    hpo_free(m);
}

/* Room for n curves of the lengths given. */
static hpo_status room(hpo_freeze_thaw *m, const size_t *length, size_t n, hpo_error *err)
{
    size_t squares = 0, f = m->n_features;
    forget(m);
    m->total = m->longest = 0;
    m->length = hpo_alloc_array(3 * n, sizeof *m->length);
    if (m->length == NULL) return hpo_fail_memory(err);
    m->first = m->length + n;
    m->block = m->first + n;
    for (size_t i = 0; i < n; i++) {
        m->length[i] = length[i];
        m->first[i] = m->total;
        m->block[i] = squares;
        m->total += length[i];
        squares += length[i] * length[i];
        m->longest = length[i] > m->longest ? length[i] : m->longest;
    }
    size_t wide = n > m->longest ? n : m->longest;
    m->reports = hpo_alloc_array(5 * m->total + squares + m->longest * m->longest, sizeof *m->reports);
    m->matrices = hpo_alloc_array(5 * n * n + 2 * n * f + 5 * n + 2 * wide, sizeof *m->matrices);
    if (m->reports == NULL || m->matrices == NULL) {
        forget(m);
        return hpo_fail_memory(err);
    }
    m->t = m->reports;
    m->y = m->t + m->total;
    m->r = m->y + m->total;
    m->v = m->r + m->total;
    m->a = m->v + m->total;
    m->factor = m->a + m->total;
    m->inverse = m->factor + squares;
    m->kx = m->matrices;
    m->dk = m->kx + n * n;
    m->b = m->dk + n * n;
    m->s = m->b + n * n;
    m->c = m->s + n * n;
    m->features = m->c + n * n;
    m->scaled = m->features + n * f;
    m->lambda = m->scaled + n * f;
    m->gamma = m->lambda + n;
    m->w = m->gamma + n;
    m->mu = m->w + n;
    m->cii = m->mu + n;
    m->work = m->cii + n;
    m->work2 = m->work + wide;
    m->n = n;
    return HPO_OK;
}

/* ---- factorisation ---------------------------------------------------------------------------------- */

/* Factor of K_i, v_i, a_i = K_i^-1 r_i; 1 when there is none. */
static int settle_curve(hpo_freeze_thaw *m, size_t i)
{
    const double *o = m->theta + m->n_axes, *t = m->t + m->first[i];
    double c2 = hpo_exp(o[C2]), alpha = hpo_exp(o[ALPHA]), beta = hpo_exp(o[BETA]), n2 = hpo_exp(o[NOISE]);
    double *l = m->factor + m->block[i], *v = m->v + m->first[i], *a = m->a + m->first[i];
    size_t k = m->length[i];
    for (size_t p = 0; p < k; p++) {
        for (size_t q = 0; q <= p; q++)
            l[p * k + q] = c2 * hpo_freeze_thaw_decay(alpha, beta, t[p], t[q]);
        l[p * k + p] += n2;
        v[p] = 1;
        a[p] = m->r[m->first[i] + p] = m->y[m->first[i] + p] - o[MEAN];
    }
    if (hpo_cholesky(l, k, k) != 0) return 1;
    hpo_cholesky_solve(l, k, k, v);
    hpo_cholesky_solve(l, k, k, a);
    m->lambda[i] = m->gamma[i] = 0;
    for (size_t p = 0; p < k; p++) {
        m->lambda[i] += v[p];
        m->gamma[i] += a[p];
    }
    return !(m->lambda[i] > 0);
}

/* Everything at theta; the log evidence, or -inf. */
static double settle(hpo_freeze_thaw *m)
{
    size_t n = m->n, f = m->n_features;
    double s2 = hpo_exp(m->theta[m->n_axes + S2]), sum = 0;
    m->ready = 0;
    for (size_t j = 0; j < m->n_axes; j++) {
        const hpo_axis *x = hpo_embed_axis(m->embed, j);
        for (size_t k = 0; k < x->n_features; k++)
            m->inv_l[x->feature + k] = hpo_exp(-m->theta[j]);
    }
    for (size_t i = 0; i < n; i++) {
        if (settle_curve(m, i)) return -HUGE_VAL;
        for (size_t k = 0; k < f; k++)
            m->scaled[i * f + k] = m->features[i * f + k] * m->inv_l[k];
        sum -= hpo_dot(m->r + m->first[i], m->a + m->first[i], m->length[i]) +
               hpo_cholesky_logdet(m->factor + m->block[i], m->length[i], m->length[i]);
    }
    hpo_kernel_distances(m->scaled, n, m->scaled, n, f, m->kx, n);
    hpo_kernel_radial(HPO_KERNEL_MATERN52, m->kx, n * n, m->kx, m->dk);
    for (size_t i = 0; i < n * n; i++) {
        m->kx[i] *= s2;
        m->dk[i] *= s2;
        m->b[i] = sqrt(m->lambda[i / n]) * m->kx[i] * sqrt(m->lambda[i % n]) + (i / n == i % n);
    }
    if (hpo_cholesky(m->b, n, n) != 0) return -HUGE_VAL;
    hpo_cholesky_inverse(m->b, n, n, m->s, NULL, n);
    for (size_t i = 0; i < n * n; i++)
        m->s[i] *= sqrt(m->lambda[i / n]) * sqrt(m->lambda[i % n]);
    hpo_gemv(m->kx, n, n, n, m->gamma, m->work);
    hpo_gemv(m->s, n, n, n, m->work, m->w);
    for (size_t i = 0; i < n; i++)
        m->w[i] = m->gamma[i] - m->w[i];
    hpo_gemv(m->kx, n, n, n, m->w, m->mu); /* less m */
    sum += hpo_dot(m->gamma, m->mu, n) - hpo_cholesky_logdet(m->b, n, n) - (double)m->total * LN_2PI;
    hpo_gemm_nt(m->kx, n, m->s, n, m->c, n, n, n, n); /* K_x S */
    for (size_t i = 0; i < n; i++)
        m->cii[i] = fmax(m->kx[i * n + i] - hpo_dot(m->c + i * n, m->kx + i * n, n), 0);
    m->ready = 1;
    return 0.5 * sum;
}

hpo_status hpo_freeze_thaw_condition(hpo_freeze_thaw *m, const double *u, const size_t *length, size_t n,
                                     const double *t, const double *y, hpo_error *err)
{
    if (n < 1) return hpo_fail(err, HPO_EINVAL, "there must be a curve");
    for (size_t i = 0; i < n; i++)
        if (length[i] < 1) return hpo_fail(err, HPO_EINVAL, "curve %zu has no reports: leave it out", i);
    hpo_status s = room(m, length, n, err);
    if (s != HPO_OK) return s;
    memcpy(m->t, t, m->total * sizeof *t);
    memcpy(m->y, y, m->total * sizeof *y);
    hpo_embed_features(m->embed, NULL, u, n, m->features);
    if (isfinite(settle(m))) return HPO_OK;
    return hpo_fail(err, HPO_EINVAL, "the covariance of %zu curves has no factorisation", n);
}

/* ---- hyperparameters -------------------------------------------------------------------------------- */

/* x' dK x - tr(K^-1 dK) + cii v' dK v over the three shapes of K_i, and the noise. */
static void time_gradient(hpo_freeze_thaw *m, size_t i, double *g)
{
    const double *o = m->theta + m->n_axes, *t = m->t + m->first[i], *v = m->v + m->first[i];
    double c2 = hpo_exp(o[C2]), alpha = hpo_exp(o[ALPHA]), beta = hpo_exp(o[BETA]), n2 = hpo_exp(o[NOISE]);
    size_t k = m->length[i];
    double *x = m->work;
    for (size_t p = 0; p < k; p++)
        x[p] = m->a[m->first[i] + p] - v[p] * m->mu[i];
    hpo_cholesky_inverse(m->factor + m->block[i], k, k, m->inverse, NULL, k);
    for (size_t p = 0; p < k; p++)
        for (size_t q = 0; q <= p; q++) {
            double weight = x[p] * x[q] - m->inverse[p * k + q] + m->cii[i] * v[p] * v[q];
            if (p == q) {
                weight *= 0.5;
                g[NOISE] += weight * n2;
            }
            double z = (t[p] + t[q]) / beta, ln = hpo_log1p(z), d = weight * c2 * hpo_exp(-alpha * ln);
            g[C2] += d;
            g[ALPHA] -= d * alpha * ln;
            g[BETA] += d * alpha * z / (1 + z);
        }
}

static double objective(void *ctx, const double *theta, double *gradient)
{
    hpo_freeze_thaw *m = ctx;
    size_t n = m->n, g = m->n_axes, f = m->n_features;
    memcpy(m->theta, theta, m->n_theta * sizeof *theta);
    double value = -settle(m);
    for (size_t j = 0; j < m->n_theta; j++)
        m->gradient[j] = 0; /* of the log evidence */
    for (size_t i = 0; m->ready && gradient && i < n; i++) {
        time_gradient(m, i, m->gradient + g);
        m->gradient[g + MEAN] += m->w[i];
        for (size_t j = 0; j <= i; j++) {
            double weight = (m->w[i] * m->w[j] - m->s[i * n + j]) * (i == j ? 0.5 : 1);
            m->gradient[g + S2] += weight * m->kx[i * n + j];
            for (size_t a = 0, k = 0; a < g; a++) {
                double q = 0;
                for (size_t end = k + hpo_embed_axis(m->embed, a)->n_features; k < end; k++) {
                    double d = m->scaled[i * f + k] - m->scaled[j * f + k];
                    q += d * d;
                }
                m->gradient[a] -= 2 * weight * m->dk[i * n + j] * q;
            }
        }
    }
    for (size_t j = 0; gradient && j < m->n_theta; j++)
        gradient[j] = -m->gradient[j];
    for (size_t j = 0; j < g; j++) {
        double l2 = hpo_exp(2 * theta[j]);
        value += 0.1 * (l2 + 1 / l2);
        if (gradient) gradient[j] += 0.2 * (l2 - 1 / l2);
    }
    for (size_t j = 0; j < OTHERS; j++) {
        double d = (theta[g + j] - CENTRE[j]) / SPREAD[j];
        value += 0.5 * d * d;
        if (gradient) gradient[g + j] += d / SPREAD[j];
    }
    return value;
}

hpo_status hpo_freeze_thaw_fit(hpo_freeze_thaw *m, hpo_error *err)
{
    hpo_lbfgsb_options o = {
        .memory = MEMORY, .max_iterations = ITERATIONS, .gradient_tolerance = 1e-2, .value_tolerance = 1e-5};
    hpo_lbfgsb_result r;
    if (m->n == 0) return hpo_fail(err, HPO_EINVAL, "a fit needs data");
    cold_start(m, m->start);
    hpo_lbfgsb(objective, m, m->n_theta, m->lower, m->upper, m->start, &o, m->fit_work, &r);
    if (!isfinite(r.value)) cold_start(m, m->start);
    return hpo_freeze_thaw_set_theta(m, m->start, err);
}

size_t hpo_freeze_thaw_n_theta(const hpo_freeze_thaw *m)
{
    return m->n_theta;
}

const double *hpo_freeze_thaw_theta(const hpo_freeze_thaw *m)
{
    return m->theta;
}

hpo_status hpo_freeze_thaw_set_theta(hpo_freeze_thaw *m, const double *theta, hpo_error *err)
{
    if (theta != m->theta) memcpy(m->theta, theta, m->n_theta * sizeof *theta);
    if (m->n == 0 || isfinite(settle(m))) return HPO_OK;
    return hpo_fail(err, HPO_EINVAL, "the covariance of %zu curves has no factorisation", m->n);
}

double hpo_freeze_thaw_evidence(hpo_freeze_thaw *m, const double *theta)
{
    memcpy(m->theta, theta, m->n_theta * sizeof *theta);
    return settle(m);
}

double hpo_freeze_thaw_objective(hpo_freeze_thaw *m, const double *theta, double *gradient)
{
    return objective(m, theta, gradient);
}

/* ---- predictions ------------------------------------------------------------------------------------ */

double hpo_freeze_thaw_noise(const hpo_freeze_thaw *m)
{
    return hpo_exp(m->theta[m->n_axes + NOISE]);
}

static double decayed(const hpo_freeze_thaw *m, double t, double other)
{
    const double *o = m->theta + m->n_axes;
    return hpo_exp(o[C2]) * hpo_freeze_thaw_decay(hpo_exp(o[ALPHA]), hpo_exp(o[BETA]), t, other);
}

void hpo_freeze_thaw_asymptote(const hpo_freeze_thaw *m, size_t curve, double *mean, double *var)
{
    *mean = m->theta[m->n_axes + MEAN] + m->mu[curve];
    *var = m->cii[curve];
}

hpo_status hpo_freeze_thaw_new_asymptote(const hpo_freeze_thaw *m, const double *u, double *mean, double *var,
                                         hpo_error *err)
{
    size_t n = m->n, f = m->n_features;
    double s2 = hpo_exp(m->theta[m->n_axes + S2]);
    double *x = hpo_alloc_array(f + 2 * n, sizeof *x), *k = x == NULL ? NULL : x + f;
    if (x == NULL) return hpo_fail_memory(err);
    hpo_embed_features(m->embed, NULL, u, 1, x);
    for (size_t i = 0; i < f; i++)
        x[i] *= m->inv_l[i];
    hpo_kernel_cross(HPO_KERNEL_MATERN52, s2, x, 1, m->scaled, n, f, k, n);
    hpo_gemv(m->s, n, n, n, k, k + n);
    *mean = m->theta[m->n_axes + MEAN] + hpo_dot(k, m->w, n);
    *var = fmax(s2 - hpo_dot(k, k + n, n), 1e-12 * s2);
    hpo_free(x);
    return HPO_OK;
}

hpo_status hpo_freeze_thaw_at(const hpo_freeze_thaw *m, size_t curve, double t, double *mean, double *var,
                              hpo_error *err)
{
    size_t n = m->length[curve], first = m->first[curve];
    double *k = hpo_alloc_array(n, sizeof *k), centre = m->theta[m->n_axes + MEAN];
    if (k == NULL) return hpo_fail_memory(err);
    for (size_t p = 0; p < n; p++)
        k[p] = decayed(m, t, m->t[first + p]);
    double omega = 1 - hpo_dot(k, m->v + first, n);
    *mean = centre + hpo_dot(k, m->a + first, n) + omega * m->mu[curve];
    hpo_solve_lower(m->factor + m->block[curve], n, n, k);
    *var = fmax(decayed(m, t, t) - hpo_dot(k, k, n), 0) + omega * omega * m->cii[curve];
    hpo_free(k);
    return HPO_OK;
}

hpo_status hpo_freeze_thaw_new_at(const hpo_freeze_thaw *m, const double *u, double t, double *mean,
                                  double *var, hpo_error *err)
{
    hpo_status s = hpo_freeze_thaw_new_asymptote(m, u, mean, var, err);
    if (s == HPO_OK) *var += decayed(m, t, t);
    return s;
}
