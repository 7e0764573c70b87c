/* SPDX-License-Identifier: Apache-2.0 */
/* model/curve_bank.c - curve-bank freeze-thaw: importance weights over B shapes drawn once, everything else
 * in closed form.
 *
 * Shapes g_b, b < B, come from curve_shape.c at scrambled Sobol' points.  A curve is
 *
 *     y(t) = phi_b(t)' beta + r(t),  phi_b = (1 - g_b, g_b),  beta = (A, S): asymptote and start,
 *
 * with residuals r of standard deviation s_k, k < K, either independent or, as real curves wander, an
 * Ornstein-Uhlenbeck process in ln t: corr(r(t), r(t')) = exp(-|ln t / t'| / L_c), c = b mod 3, L = 0, 2, 10.
 * The last of these makes "it stays where it is" one of the hypotheses.
 *
 * Prior of beta: a product of experts on A, on S and on the final value E = y(1) = h' beta, h = phi_b(1):
 *     Lambda_0 = diag(1/s_A^2, 1/s_S^2) + h h' / s_E^2.
 * That process is Markov, so reports are whitened one at a time: with rho = exp(-ln(t_i / t_{i-1}) / L) and
 * v = 1 - rho^2, x~ = (x_i - rho x_{i-1}) / sqrt v for x = y and phi.  The sums S = sum phi~ phi~',
 * R = sum phi~ y~, Y = sum y~^2 per shape are all there is to keep, O(B) a report, whatever s_k and the prior
 * are.  Weights (Rao-Blackwellised importance sampling; constant 2 pi left out), w = lambda / s_k^2:
 *
 *     Lambda = Lambda_0 + w S,  eta = eta_0 + w R,  Q = eta' Lambda^-1 eta
 *     ln weight_bk = ln p_k - lambda (n ln s_k + 1/2 sum ln v) - 1/2 ln(|Lambda| / |Lambda_0|)
 *                    - 1/2 (w Y + Q_0 - Q)
 *
 * lambda <= 1 is the power of the likelihood.  No bank holds the true curve, and a shape that fits the
 * reports to the last digit says little about what comes; with lambda = 1, 90 % intervals held 74 % of the
 * final values of real curves.  So reports count as if there were at most 1 + ln(t_n / t_1) / 0.5 of them:
 * two for each e-fold of time, however densely a program reports (power posteriors: Gruenwald 2012).
 *
 * and the forecast is a mixture of normals, psi = phi(t) - rho phi(t_n), rho over ln(t / t_n):
 *
 *     mean rho y_n + psi' Lambda^-1 eta,  variance psi' Lambda^-1 psi + s_k^2 (1 - rho^2).
 *
 * ln s_k has the masses of N(-5, 1) between the levels' geometric means (the noise of the same prior). */
#include "model/curve_bank.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/dist.h"
#include "math/func.h"
#include "math/linalg.h"
#include "math/minimise.h"
#include "math/qmc.h"
#include "model/curve_shape.h"

enum {
    SHAPES = 768,
    TIMES = 161, /* of the table, even in ln t */
    LEVELS = 4,  /* of noise */
    CLASSES = 3, /* of correlation */
    SUMS = 6,    /* S11, S12, S22, R1, R2, Y */
    BLOCK = 24,  /* shapes: all lanes of a vector, all classes */
    CHUNK = 96   /* shapes at a time: scratch on the stack */
};

static const double FIRST = 0x1p-10; /* the first time of the table */
static const double LN_2PI = 0x1.d67f1c864beb5p+0;
static const double NOISE[LEVELS] = {0.004, 0.012, 0.04, 0.13};
static const double LENGTH[CLASSES] = {0, 2, 10};
static const double SPACING = 0.5;     /* in ln t: what a report counts for */
static const double NEGLIGIBLE = -9.2; /* ln of a weight over the largest */

struct hpo_curve_bank {
    size_t n;             /* shapes, a multiple of BLOCK */
    double *table, *last; /* TIMES x n; its last row: t = 1 */
    double log_prior[LEVELS];
};

struct hpo_curve {
    const hpo_curve_bank *bank;
    size_t n;
    double first, t, y;        /* time of the first report; last report */
    double log_v[CLASSES];     /* sum ln v */
    double *sums, *g, *g_next; /* SUMS x n; n: shapes at t, scratch */
};

struct hpo_curve_posterior {
    const hpo_curve_bank *bank;
    const hpo_curve *curve;
    hpo_curve_prior prior;
    double evidence, effective;
    double *log_weight;                     /* LEVELS x n */
    double *shape_weight, *g;               /* n */
    size_t m;                               /* particles that count */
    uint32_t *particle;                     /* level n + shape */
    double *weight, *mean, *sd, *epistemic; /* m each */
};

/* ---- the bank --------------------------------------------------------------------------------------- */

static size_t whole_blocks(size_t n)
{
    return (n + BLOCK - 1) / BLOCK * BLOCK;
}

static void fill_table(hpo_curve_bank *b, const hpo_sobol *s)
{
    double u[HPO_CURVE_SHAPE_DIMS];
    for (size_t i = 0; i < b->n; i++) {
        hpo_curve_shape shape;
        hpo_sobol_point(s, i, u);
        hpo_curve_shape_from(u, &shape);
        for (size_t k = 0; k < TIMES; k++) {
            double t = hpo_exp(hpo_log(FIRST) * (1 - (double)k / (TIMES - 1)));
            b->table[k * b->n + i] = hpo_curve_shape_value(&shape, t);
        }
    }
    for (size_t k = 0; k < LEVELS; k++) {
        double low = k == 0 ? -HUGE_VAL : 0.5 * hpo_log(NOISE[k - 1] * NOISE[k]);
        double high = k + 1 == LEVELS ? HUGE_VAL : 0.5 * hpo_log(NOISE[k] * NOISE[k + 1]);
        b->log_prior[k] = hpo_log((hpo_normal_cdf(high + 5) - hpo_normal_cdf(low + 5)) / (double)b->n);
    }
}

hpo_status hpo_curve_bank_create(size_t n_shapes, uint64_t seed, hpo_curve_bank **out, hpo_error *err)
{
    hpo_sobol *sobol = NULL;
    *out = NULL;
    if (n_shapes > 65536)
        return hpo_fail(err, HPO_EINVAL, "n_shapes must be at most 65536, not %zu", n_shapes);
    hpo_curve_bank *b = hpo_calloc(1, sizeof *b);
    if (b == NULL) return hpo_fail_memory(err);
    b->n = whole_blocks(n_shapes == 0 ? SHAPES : n_shapes);
    b->table = hpo_alloc_array(TIMES * b->n, sizeof *b->table);
    hpo_status s = b->table == NULL
                       ? hpo_fail_memory(err)
                       : hpo_sobol_create(HPO_CURVE_SHAPE_DIMS, HPO_SCRAMBLE_OWEN, seed, &sobol, err);
    if (s != HPO_OK) {
        hpo_curve_bank_free(b);
        return s;
    }
    b->last = b->table + (TIMES - 1) * b->n;
    fill_table(b, sobol);
    hpo_sobol_free(sobol);
    *out = b;
    return HPO_OK;
}

void hpo_curve_bank_free(hpo_curve_bank *b)
{
    if (b == NULL) return;
    hpo_free(b->table);
    hpo_free(b);
}

size_t hpo_curve_bank_n_shapes(const hpo_curve_bank *b)
{
    return b->n;
}

double hpo_curve_bank_first(void)
{
    return FIRST;
}

/* Place of t in the table: row and how far to the next. */
static size_t locate(double t, double *part)
{
    double x = t > FIRST ? (1 - hpo_log(t) / hpo_log(FIRST)) * (TIMES - 1) : 0;
    size_t row = x < TIMES - 2 ? (size_t)x : TIMES - 2;
    *part = fmin(x - (double)row, 1);
    return row;
}

HPO_DISPATCH static void interpolate(const double *a, const double *b, double part, size_t n,
                                     double *restrict out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = a[i] + part * (b[i] - a[i]);
}

static void shapes_at(const hpo_curve_bank *b, double t, double *out)
{
    double part;
    const double *row = b->table + locate(t, &part) * b->n;
    interpolate(row, row + b->n, part, b->n, out);
}

double hpo_curve_bank_shape(const hpo_curve_bank *b, size_t i, double t)
{
    double part;
    const double *at = b->table + locate(t, &part) * b->n + i;
    return at[0] + part * (at[b->n] - at[0]);
}

hpo_curve_prior hpo_curve_prior_default(void)
{
    return (hpo_curve_prior){.end = 0.4, .end_sd = 0.4, .start = 0.9, .start_sd = 0.4};
}

/* ---- one curve -------------------------------------------------------------------------------------- */

hpo_status hpo_curve_create(const hpo_curve_bank *b, hpo_curve **out, hpo_error *err)
{
    hpo_curve *c = *out = hpo_calloc(1, sizeof *c);
    if (c == NULL) return hpo_fail_memory(err);
    c->bank = b;
    c->sums = hpo_calloc((SUMS + 2) * b->n, sizeof *c->sums);
    if (c->sums == NULL) {
        hpo_free(c);
        *out = NULL;
        return hpo_fail_memory(err);
    }
    c->g = c->sums + SUMS * b->n;
    c->g_next = c->g + b->n;
    return HPO_OK;
}

void hpo_curve_free(hpo_curve *c)
{
    if (c == NULL) return;
    hpo_free(c->sums);
    hpo_free(c);
}

void hpo_curve_reset(hpo_curve *c)
{
    memset(c->sums, 0, SUMS * c->bank->n * sizeof *c->sums);
    memset(c->log_v, 0, sizeof c->log_v);
    c->n = 0;
    c->t = c->y = 0;
}

size_t hpo_curve_n(const hpo_curve *c)
{
    return c->n;
}

/* Correlation of residuals at two times, by class. */
static double correlation(size_t kind, double t, double before)
{
    return kind == 0 ? 0 : hpo_exp(-hpo_log(t / before) / LENGTH[kind]);
}

/* One whitened report into the sums; scale, rho: of one block. */
HPO_DISPATCH static void add_report(size_t n, const double *restrict g, const double *restrict before,
                                    const double *rho, const double *scale, double y, double y_before,
                                    double *restrict sums)
{
    double *s11 = sums, *s12 = s11 + n, *s22 = s12 + n, *r1 = s22 + n, *r2 = r1 + n, *yy = r2 + n;
    for (size_t j = 0; j < n; j += BLOCK)
        HPO_KEEP_LOOP for (size_t k = 0; k < BLOCK; k++)
        {
            size_t i = j + k;
            double c = scale[k], p = rho[k];
            double two = c * (g[i] - p * before[i]), one = c * (1 - p) - two, v = c * (y - p * y_before);
            s11[i] += one * one;
            s12[i] += one * two;
            s22[i] += two * two;
            r1[i] += one * v;
            r2[i] += two * v;
            yy[i] += v * v;
        }
}

int hpo_curve_add(hpo_curve *c, double t, double y)
{
    const hpo_curve_bank *b = c->bank;
    double rho[BLOCK] = {0}, scale[BLOCK];
    t = fmin(fmax(t, FIRST), 1);
    if (c->n > 0 && !(t > c->t)) return 0;
    for (size_t i = 0; i < BLOCK; i++) {
        rho[i] = c->n > 0 ? correlation(i % CLASSES, t, c->t) : 0;
        double v = 1 - rho[i] * rho[i];
        scale[i] = 1 / sqrt(v);
        if (i < CLASSES) c->log_v[i] += hpo_log(v);
    }
    shapes_at(b, t, c->g_next);
    add_report(b->n, c->g_next, c->g, rho, scale, y, c->y, c->sums);
    double *swap = c->g;
    c->g = c->g_next;
    c->g_next = swap;
    if (c->n == 0) c->first = t;
    c->t = t;
    c->y = y;
    c->n++;
    return 1;
}

/* ---- weights ---------------------------------------------------------------------------------------- */

hpo_status hpo_curve_posterior_create(const hpo_curve_bank *b, hpo_curve_posterior **out, hpo_error *err)
{
    hpo_curve_posterior *p = *out = hpo_calloc(1, sizeof *p);
    if (p == NULL) return hpo_fail_memory(err);
    p->bank = b;
    p->log_weight = hpo_alloc_array((5 * LEVELS + 2) * b->n, sizeof *p->log_weight);
    p->particle = hpo_alloc_array(LEVELS * b->n, sizeof *p->particle);
    if (p->log_weight == NULL || p->particle == NULL) {
        hpo_curve_posterior_free(p);
        *out = NULL;
        return hpo_fail_memory(err);
    }
    p->weight = p->log_weight + LEVELS * b->n;
    p->mean = p->weight + LEVELS * b->n;
    p->sd = p->mean + LEVELS * b->n;
    p->epistemic = p->sd + LEVELS * b->n;
    p->shape_weight = p->epistemic + LEVELS * b->n;
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
    static const double none[SUMS * CHUNK] = {0};
    const hpo_curve_bank *b = p->bank;
    const hpo_curve *c = p->curve;
    double det0[CHUNK], quad0[CHUNK], det[CHUNK], quad[CHUNK], lambda = worth(c), n = lambda * (double)c->n;
    for (size_t start = 0; start < b->n; start += CHUNK) {
        size_t m = b->n - start < CHUNK ? b->n - start : CHUNK;
        solve_chunk(x, b->last + start, none, CHUNK, 0, m, det0, quad0);
        for (size_t k = 0; k < LEVELS; k++) {
            double *lw = p->log_weight + k * b->n + start, w = lambda / (NOISE[k] * NOISE[k]), shift[BLOCK];
            const double *yy = c->sums + 5 * b->n + start;
            for (size_t i = 0; i < BLOCK; i++)
                shift[i] = b->log_prior[k] - n * hpo_log(NOISE[k]) - 0.5 * lambda * c->log_v[i % CLASSES];
            solve_chunk(x, b->last + start, c->sums + start, b->n, w, m, det, quad);
            for (size_t i = 0; i < m; i++)
                det[i] /= det0[i];
            hpo_log_n(det, m, det);
            for (size_t j = 0; j < m; j += BLOCK)
                for (size_t i = j; i < j + BLOCK; i++)
                    lw[i] = shift[i - j] - 0.5 * (det[i] + w * yy[i] + quad0[i] - quad[i]);
        }
    }
}

static void prior_weights(hpo_curve_posterior *p)
{
    size_t n = p->bank->n;
    for (size_t k = 0; k < LEVELS; k++)
        for (size_t i = 0; i < n; i++)
            p->log_weight[k * n + i] = p->bank->log_prior[k];
}

void hpo_curve_posterior_set(hpo_curve_posterior *p, const hpo_curve *c, const hpo_curve_prior *prior)
{
    size_t n = p->bank->n, all = LEVELS * n;
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
    double rho[CLASSES] = {0}, y = empty ? 0 : c->y, lambda = empty ? 1 : worth(c);
    t = fmin(fmax(t, FIRST), 1);
    if (!empty && t < c->t) t = c->t;
    for (size_t i = 1; !empty && i < CLASSES; i++)
        rho[i] = correlation(i, t, c->t);
    shapes_at(b, t, p->g);
    for (size_t j = 0; j < p->m; j++) {
        size_t i = p->particle[j] % b->n, k = p->particle[j] / b->n;
        double w = lambda / (NOISE[k] * NOISE[k]), h2 = b->last[i], h1 = 1 - h2, r = rho[i % CLASSES];
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
        p->sd[j] = sqrt(p->epistemic[j] + (1 - r * r) * NOISE[k] * NOISE[k]);
        /* wandering residuals are part of the value, independent ones of its observation */
        if (i % CLASSES != 0) p->epistemic[j] = p->sd[j] * p->sd[j];
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
