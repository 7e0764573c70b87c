/* SPDX-License-Identifier: Apache-2.0 */
/* model/deep_gp.c - the surrogate of DyHPO (Wistuba, Kadra & Grabocka, NeurIPS 2022, section 3.2).
 *
 * A row is a configuration u with features z(u) (embed.h, moved to [-1, 1]), a resource r, the curve
 * c_1 .. c_l that was seen before r, and the value y at r.  Features phi and the covariance of values:
 *
 *     a = tanh(W_1 (z, r) + b_1),   v_k = max_p (w_k . (c_p, c_p+1, c_p+2) + d_k),   k < CHANNELS,
 *     phi = tanh(W_2 (a, v) + b_2),
 *     K_ij = s2 exp(-|phi_i - phi_j|^2 / (2 l^2)) + (n2 + FLOOR) [i = j].
 *
 * v is a convolution of the curve and its maximum over places; a curve of less than three values goes on with
 * zeros.  All weights and s2, l, n2 minimise - log p(y) by Adam.  With alpha = K^-1 y, G = (K^-1 - alpha
 * alpha^T) / 2 and C_ij = G_ij K_ij (its diagonal without the noise):
 *
 *     d / d phi_i = -2 / l^2 sum_j C_ij (phi_i - phi_j),     d / d ln s2 = sum_ij C_ij,
 *     d / d ln l = sum_ij C_ij |phi_i - phi_j|^2 / l^2,      d / d ln n2 = n2 sum_i G_ii,
 *
 * and from d / d phi back through the networks (mlp.h); the maximum passes it on to the place where it was.
 *
 * Smaller than in the paper (layers of 32 and 16 units; 64 and 128 there, which a few hundred rows do not
 * need), tanh for leaky ReLU and batch normalisation, so that the kernel is smooth and a row's features do
 * not depend on the others. */
#include "model/deep_gp.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "math/linalg.h"
#include "math/rng.h"
#include "model/mlp.h"

enum { WIDTH = 32, FEATURES = 16, CHANNELS = 4, KERNEL = 3, JOINED = WIDTH + CHANNELS, CHUNK = 64 };
enum { LN_SCALE, LN_LENGTH, LN_NOISE, N_LOGS };
static const double FLOOR = 1e-4; /* of the noise's variance, as in the paper's program */
static const double RATE = 0.01, LN_2PI = 0x1.d67f1c864beb5p+0;

/* What one pass through the networks leaves behind, for as many rows as it has room. */
typedef struct pass {
    double *x, *curve;                 /* rows x n_in, rows x n_curve */
    double *a, *joined, *phi, *square; /* WIDTH, JOINED, FEATURES, 1 a row */
    uint32_t *length, *peak;           /* 1, CHANNELS a row */
    double *block;
    uint32_t *whole;
} pass;

struct hpo_deep_gp {
    const hpo_embed *embed;
    size_t n_dims, n_in, n_curve, n_free;
    hpo_mlp first, second;
    double *theta, *gradient, *adam; /* n_free, n_free, 2 n_free */
    double logs[N_LOGS];
    double *filter; /* CHANNELS x (KERNEL + 1): weights, then the constant; inside theta */
    size_t n;       /* rows; 0: no data */
    pass data, query;
    double *y, *alpha;            /* HPO_DEEP_ROWS */
    double *k, *inverse, *factor; /* HPO_DEEP_ROWS squared */
    double *d_phi, *d_joined, *d_a, *work;
};

/* ---- begin and end ------------------------------------------------------------------------------------- */

static int pass_init(pass *p, const hpo_deep_gp *m, size_t rows)
{
    p->block = hpo_calloc(rows * (m->n_in + m->n_curve + WIDTH + JOINED + FEATURES + 1), sizeof *p->block);
    p->whole = hpo_calloc(rows * (1 + CHANNELS), sizeof *p->whole);
    if (p->block == NULL || p->whole == NULL) return 0;
    p->x = p->block;
    p->curve = p->x + rows * m->n_in;
    p->a = p->curve + rows * m->n_curve;
    p->joined = p->a + rows * WIDTH;
    p->phi = p->joined + rows * JOINED;
    p->square = p->phi + rows * FEATURES;
    p->length = p->whole;
    p->peak = p->length + rows;
    return 1;
}

static void pass_fini(pass *p)
{
    hpo_free(p->block);
    hpo_free(p->whole);
}

/* theta into the networks. */
static void load(hpo_deep_gp *m, const double *theta)
{
    memcpy(m->first.weight, theta, m->first.n_weights * sizeof *theta);
    theta += m->first.n_weights;
    memcpy(m->second.weight, theta, m->second.n_weights * sizeof *theta);
    theta += m->second.n_weights;
    memcpy(m->filter, theta, (CHANNELS * (KERNEL + 1)) * sizeof *theta);
    memcpy(m->logs, theta + CHANNELS * (KERNEL + 1), sizeof m->logs);
}

static void first_weights(hpo_deep_gp *m, uint64_t seed)
{
    hpo_rng rng;
    double *at = m->theta;
    hpo_mlp_reset(&m->first, 1.5, seed); /* functions of the unit cube bend */
    hpo_mlp_reset(&m->second, 1, seed + 1);
    memcpy(at, m->first.weight, m->first.n_weights * sizeof *at);
    at += m->first.n_weights;
    memcpy(at, m->second.weight, m->second.n_weights * sizeof *at);
    at += m->second.n_weights;
    hpo_rng_init(&rng, seed, 1000, HPO_RNG_BASIS);
    for (size_t i = 0; i < CHANNELS * (KERNEL + 1); i++)
        *at++ = i % (KERNEL + 1) < KERNEL ? 2 * hpo_rng_uniform(&rng) - 1 : 0;
    at[LN_SCALE] = 0;
    at[LN_LENGTH] = 0; /* features lie a few units apart */
    at[LN_NOISE] = -4;
    load(m, m->theta);
}

hpo_status hpo_deep_gp_create(const hpo_embed *embed, size_t n_curve, uint64_t seed, hpo_deep_gp **out,
                              hpo_error *err)
{
    hpo_deep_gp *m = *out = hpo_calloc(1, sizeof *m);
    size_t n = HPO_DEEP_ROWS, filters = CHANNELS * (KERNEL + 1);
    if (m == NULL) return hpo_fail_memory(err);
    m->embed = embed;
    m->n_dims = hpo_embed_n_dims(embed);
    m->n_in = hpo_embed_n_features(embed) + 1;
    m->n_curve = n_curve;
    hpo_status s = hpo_mlp_init(&m->first, m->n_in, WIDTH, 1, err);
    if (s == HPO_OK) s = hpo_mlp_init(&m->second, JOINED, FEATURES, 1, err);
    if (s == HPO_OK) {
        size_t w1 = hpo_mlp_work(&m->first, n), w2 = hpo_mlp_work(&m->second, n);
        m->n_free = m->first.n_weights + m->second.n_weights + filters + N_LOGS;
        m->theta = hpo_calloc(4 * m->n_free + filters, sizeof *m->theta);
        m->y = hpo_calloc(2 * n + 3 * n * n + n * (FEATURES + JOINED + WIDTH) + (w1 > w2 ? w1 : w2),
                          sizeof *m->y);
        if (m->theta == NULL || m->y == NULL || !pass_init(&m->data, m, n) || !pass_init(&m->query, m, CHUNK))
            s = hpo_fail_memory(err);
    }
    if (s != HPO_OK) {
        hpo_deep_gp_free(m);
        *out = NULL;
        return s;
    }
    m->gradient = m->theta + m->n_free;
    m->adam = m->gradient + m->n_free;
    m->filter = m->adam + 2 * m->n_free;
    m->alpha = m->y + n;
    m->k = m->alpha + n;
    m->inverse = m->k + n * n;
    m->factor = m->inverse + n * n;
    m->d_phi = m->factor + n * n;
    m->d_joined = m->d_phi + n * FEATURES;
    m->d_a = m->d_joined + n * JOINED;
    m->work = m->d_a + n * WIDTH;
    first_weights(m, seed);
    return HPO_OK;
}

void hpo_deep_gp_free(hpo_deep_gp *m)
{
    if (m == NULL) return;
    hpo_mlp_fini(&m->first);
    hpo_mlp_fini(&m->second);
    pass_fini(&m->data);
    pass_fini(&m->query);
    hpo_free(m->theta);
    hpo_free(m->y);
    hpo_free(m);
}

size_t hpo_deep_gp_n_rows(const hpo_deep_gp *m)
{
    return m->n;
}

double hpo_deep_gp_noise(const hpo_deep_gp *m)
{
    return hpo_exp(m->logs[LN_NOISE]) + FLOOR;
}

size_t hpo_deep_gp_n_free(const hpo_deep_gp *m)
{
    return m->n_free;
}

const double *hpo_deep_gp_free_parameters(const hpo_deep_gp *m)
{
    return m->theta;
}

/* ---- features ------------------------------------------------------------------------------------------ */

/* n rows, from `from` on, into p. */
static void take_rows(const hpo_deep_gp *m, pass *p, const hpo_deep_rows *rows, size_t from, size_t n)
{
    size_t z = m->n_in - 1;
    hpo_embed_features(m->embed, NULL, rows->u + from * m->n_dims, n, p->x);
    for (size_t i = n; i-- > 0;) { /* moved apart from the end on */
        double *x = p->x + i * m->n_in;
        for (size_t k = z; k-- > 0;)
            x[k] = 2 * p->x[i * z + k] - 1;
        x[z] = 2 * rows->resource[from + i] - 1;
        p->length[i] = rows->length[from + i];
        memcpy(p->curve + i * m->n_curve, rows->curve + (from + i) * m->n_curve,
               p->length[i] * sizeof *p->curve);
    }
}

/* Convolution and maximum of one curve. */
static void convolve(const hpo_deep_gp *m, const double *c, size_t length, double *out, uint32_t *peak)
{
    size_t places = length > KERNEL ? length - KERNEL + 1 : 1;
    for (size_t k = 0; k < CHANNELS; k++) {
        const double *w = m->filter + k * (KERNEL + 1);
        out[k] = -(double)INFINITY;
        for (size_t p = 0; p < places; p++) {
            double v = w[KERNEL];
            for (size_t q = 0; q < KERNEL && p + q < length; q++)
                v += w[q] * c[p + q];
            if (p > 0 && !(v > out[k])) continue;
            out[k] = v;
            peak[k] = (uint32_t)p;
        }
    }
}

static void forward(const hpo_deep_gp *m, pass *p, size_t n)
{
    hpo_mlp_forward(&m->first, p->x, n, p->a);
    for (size_t i = 0; i < n; i++) {
        double *j = p->joined + i * JOINED;
        memcpy(j, p->a + i * WIDTH, WIDTH * sizeof *j);
        convolve(m, p->curve + i * m->n_curve, p->length[i], j + WIDTH, p->peak + i * CHANNELS);
    }
    hpo_mlp_forward(&m->second, p->joined, n, p->phi);
    for (size_t i = 0; i < n; i++)
        p->square[i] = hpo_dot(p->phi + i * FEATURES, p->phi + i * FEATURES, FEATURES);
}

/* s2 exp(-|phi - phi'|^2 / (2 l^2)) of the rows of a and those of b, na x nb with row stride ld. */
static void covariance(const hpo_deep_gp *m, const pass *a, size_t na, const pass *b, size_t nb, double *k,
                       size_t ld)
{
    double s2 = hpo_exp(m->logs[LN_SCALE]), c = -0.5 * hpo_exp(-2 * m->logs[LN_LENGTH]);
    hpo_gemm_nt(a->phi, FEATURES, b->phi, FEATURES, k, ld, na, nb, FEATURES);
    for (size_t i = 0; i < na; i++) {
        double *row = k + i * ld;
        for (size_t j = 0; j < nb; j++)
            row[j] = c * fmax(a->square[i] + b->square[j] - 2 * row[j], 0);
        hpo_exp_n(row, nb, row);
        for (size_t j = 0; j < nb; j++)
            row[j] *= s2;
    }
}

/* Features, K without noise, its factor with it, alpha; the minus log likelihood. */
static double evidence(hpo_deep_gp *m)
{
    size_t n = m->n;
    double noise = hpo_deep_gp_noise(m);
    forward(m, &m->data, n);
    covariance(m, &m->data, n, &m->data, n, m->k, n);
    memcpy(m->factor, m->k, n * n * sizeof *m->k);
    for (size_t i = 0; i < n; i++)
        m->factor[i * n + i] += noise;
    if (hpo_cholesky(m->factor, n, n) != 0) return (double)INFINITY;
    memcpy(m->alpha, m->y, n * sizeof *m->y);
    hpo_cholesky_solve(m->factor, n, n, m->alpha);
    return 0.5 * (hpo_dot(m->y, m->alpha, n) + hpo_cholesky_logdet(m->factor, n, n) + (double)n * LN_2PI);
}

/* ---- learning ------------------------------------------------------------------------------------------ */

/* d / d (a, v) into the weights of the first network and of the filters. */
static void backward_inputs(hpo_deep_gp *m, double *gradient)
{
    double *filter = gradient + m->first.n_weights + m->second.n_weights;
    for (size_t i = 0; i < m->n; i++) {
        const double *d = m->d_joined + i * JOINED, *c = m->data.curve + i * m->n_curve;
        memcpy(m->d_a + i * WIDTH, d, WIDTH * sizeof *d);
        for (size_t k = 0; k < CHANNELS; k++) {
            size_t p = m->data.peak[i * CHANNELS + k];
            double *w = filter + k * (KERNEL + 1);
            for (size_t q = 0; q < KERNEL && p + q < m->data.length[i]; q++)
                w[q] += d[WIDTH + k] * c[p + q];
            w[KERNEL] += d[WIDTH + k];
        }
    }
    hpo_mlp_backward(&m->first, m->data.x, m->n, m->data.a, m->d_a, gradient, NULL, m->work);
}

/* d / d phi, and d / d the logs. */
static void backward_kernel(hpo_deep_gp *m, double *d_logs)
{
    size_t n = m->n;
    double inv_l2 = hpo_exp(-2 * m->logs[LN_LENGTH]), trace = 0;
    hpo_cholesky_inverse(m->factor, n, n, m->inverse, NULL, n);
    memset(m->d_phi, 0, n * FEATURES * sizeof *m->d_phi);
    for (size_t i = 0; i < n; i++) {
        const double *phi = m->data.phi + i * FEATURES;
        double *d = m->d_phi + i * FEATURES, total = 0;
        for (size_t j = 0; j < n; j++) {
            const double *other = m->data.phi + j * FEATURES;
            double g = 0.5 * (m->inverse[i * n + j] - m->alpha[i] * m->alpha[j]), c = g * m->k[i * n + j];
            trace += i == j ? g : 0;
            total += c;
            hpo_axpy(FEATURES, 2 * inv_l2 * c, other, d);
            double r2 = m->data.square[i] + m->data.square[j] - 2 * hpo_dot(phi, other, FEATURES);
            d_logs[LN_LENGTH] += i == j ? 0 : c * r2 * inv_l2;
        }
        hpo_axpy(FEATURES, -2 * inv_l2 * total, phi, d);
        d_logs[LN_SCALE] += total;
    }
    d_logs[LN_NOISE] += hpo_exp(m->logs[LN_NOISE]) * trace;
}

double hpo_deep_gp_objective(hpo_deep_gp *m, const double *theta, double *gradient)
{
    load(m, theta);
    double value = evidence(m);
    if (gradient == NULL || !isfinite(value)) return value;
    memset(gradient, 0, m->n_free * sizeof *gradient);
    backward_kernel(m, gradient + m->n_free - N_LOGS);
    hpo_mlp_backward(&m->second, m->data.joined, m->n, m->data.phi, m->d_phi, gradient + m->first.n_weights,
                     m->d_joined, m->work);
    backward_inputs(m, gradient);
    return value;
}

int hpo_deep_gp_condition(hpo_deep_gp *m, const hpo_deep_rows *rows, const double *y, size_t n)
{
    m->n = n;
    take_rows(m, &m->data, rows, 0, n);
    memcpy(m->y, y, n * sizeof *y);
    load(m, m->theta);
    if (isfinite(evidence(m))) return 1;
    m->n = 0;
    return 0;
}

int hpo_deep_gp_train(hpo_deep_gp *m, size_t steps)
{
    hpo_adam adam = {RATE, 1, 1};
    if (m->n == 0) return 0;
    memset(m->adam, 0, 2 * m->n_free * sizeof *m->adam);
    for (size_t k = 0; k < steps; k++) {
        double left =
            3 * (double)(steps - k) / (double)steps; /* the last third anneals: the weights settle */
        if (!isfinite(hpo_deep_gp_objective(m, m->theta, m->gradient))) break;
        for (size_t i = 0; i < m->n_free; i++)
            m->gradient[i] /= (double)m->n;
        adam.rate = RATE * fmin(left, 1);
        hpo_adam_step(&adam, m->n_free, m->gradient, m->adam, m->adam + m->n_free, m->theta);
    }
    load(m, m->theta);
    if (isfinite(evidence(m))) return 1;
    m->n = 0;
    return 0;
}

/* ---- predictions --------------------------------------------------------------------------------------- */

void hpo_deep_gp_moments(const hpo_deep_gp *m, const hpo_deep_rows *rows, size_t n, double *mean, double *var)
{
    pass q = m->query;
    double *k = m->inverse, s2 = hpo_exp(m->logs[LN_SCALE]); /* CHUNK x rows: scratch of training */
    for (size_t from = 0; from < n; from += CHUNK) {
        size_t count = n - from < CHUNK ? n - from : CHUNK;
        take_rows(m, &q, rows, from, count);
        forward(m, &q, count);
        covariance(m, &q, count, &m->data, m->n, k, m->n);
        for (size_t i = 0; i < count; i++)
            mean[from + i] = hpo_dot(k + i * m->n, m->alpha, m->n);
        hpo_solve_lower_rows(m->factor, m->n, m->n, k, count, m->n);
        for (size_t i = 0; i < count; i++)
            var[from + i] = fmax(s2 - hpo_dot(k + i * m->n, k + i * m->n, m->n), 1e-12 * s2);
    }
}
