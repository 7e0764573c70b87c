/* SPDX-License-Identifier: Apache-2.0 */
/* model/mlp.c - layers a_l = s(W_l a_{l-1} + b_l).  With D_l = dL/da_l and E_l = D_l s' (from a_l: 1 - a_l^2
 * for tanh):
 *
 *     dL/dW_l = E_l^T a_{l-1},   dL/db_l = column sums of E_l,   D_{l-1} = E_l W_l.
 *
 * tanh x = 1 - 2 / (exp(2x) + 1): the array version of exp makes it cheap; its error near 0 (1e-16 absolute)
 * does not matter to a network. */
#include "model/mlp.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/linalg.h"
#include "math/rng.h"

hpo_status hpo_mlp_init(hpo_mlp *m, size_t n_in, size_t width, size_t n_layers, hpo_error *err)
{
    m->n_in = n_in;
    m->width = width;
    m->n_layers = n_layers;
    m->unit = HPO_MLP_TANH;
    m->n_weights = width * (n_in + 1) + (n_layers - 1) * width * (width + 1);
    m->weight = hpo_calloc(m->n_weights, sizeof *m->weight);
    m->transposed = hpo_calloc(m->n_weights, sizeof *m->transposed);
    if (m->weight != NULL && m->transposed != NULL) return HPO_OK;
    return hpo_fail_memory(err);
}

void hpo_mlp_fini(hpo_mlp *m)
{
    hpo_free(m->weight);
    hpo_free(m->transposed);
    memset(m, 0, sizeof *m);
}

/* Inputs of layer l, and where its weights begin. */
static size_t inputs(const hpo_mlp *m, size_t l)
{
    return l == 0 ? m->n_in : m->width;
}

static size_t begin(const hpo_mlp *m, size_t l)
{
    return l == 0 ? 0 : m->width * (m->n_in + 1) + (l - 1) * m->width * (m->width + 1);
}

void hpo_mlp_reset(hpo_mlp *m, double gain, uint64_t seed)
{
    for (size_t l = 0; l < m->n_layers; l++) {
        hpo_rng rng;
        size_t k = inputs(m, l);
        double *w = m->weight + begin(m, l), bound = gain * sqrt(6 / (double)(k + m->width));
        hpo_rng_init(&rng, seed, l, HPO_RNG_BASIS);
        for (size_t i = 0; i < m->width * k; i++)
            w[i] = bound * (2 * hpo_rng_uniform(&rng) - 1);
        memset(w + m->width * k, 0, m->width * sizeof *w);
    }
}

void hpo_mlp_reset_with_biases(hpo_mlp *m, uint64_t seed)
{
    for (size_t l = 0; l < m->n_layers; l++) {
        hpo_rng rng;
        size_t k = inputs(m, l);
        double *w = m->weight + begin(m, l), bound = 1 / sqrt((double)k);
        hpo_rng_init(&rng, seed, l, HPO_RNG_BASIS);
        for (size_t i = 0; i < m->width * (k + 1); i++)
            w[i] = bound * (2 * hpo_rng_uniform(&rng) - 1);
    }
}

static const double LEAK = 0.01;

static void tanh_n(double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] *= 2;
    hpo_exp_n(x, n, x);
    for (size_t i = 0; i < n; i++)
        x[i] = 1 - 2 / (x[i] + 1);
}

static void apply_unit(const hpo_mlp *m, double *x, size_t n)
{
    if (m->unit == HPO_MLP_TANH) tanh_n(x, n);
    if (m->unit != HPO_MLP_LEAKY) return;
    for (size_t i = 0; i < n; i++)
        x[i] = x[i] > 0 ? x[i] : LEAK * x[i];
}

/* d *= s', which the outputs a tell. */
static void unit_slopes(const hpo_mlp *m, const double *a, size_t n, double *d)
{
    for (size_t i = 0; i < n && m->unit == HPO_MLP_TANH; i++)
        d[i] *= 1 - a[i] * a[i];
    for (size_t i = 0; i < n && m->unit == HPO_MLP_LEAKY; i++)
        d[i] *= a[i] > 0 ? 1 : LEAK;
}

void hpo_mlp_forward(const hpo_mlp *m, const double *x, size_t n, double *out)
{
    for (size_t l = 0; l < m->n_layers; l++) {
        size_t k = inputs(m, l);
        const double *w = m->weight + begin(m, l), *b = w + m->width * k;
        double *a = out + l * n * m->width;
        hpo_gemm_nt(x, k, w, k, a, m->width, n, m->width, k);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < m->width; j++)
                a[i * m->width + j] += b[j];
        apply_unit(m, a, n * m->width);
        x = a;
    }
}

size_t hpo_mlp_work(const hpo_mlp *m, size_t n)
{
    size_t k = m->n_in > m->width ? m->n_in : m->width;
    return n * (k + 2 * m->width) + m->width * k;
}

static void transpose(const double *a, size_t rows, size_t cols, double *out)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++)
            out[j * rows + i] = a[i * cols + j];
}

void hpo_mlp_backward(const hpo_mlp *m, const double *x, size_t n, const double *out, double *d_last,
                      double *gradient, double *dx, double *work)
{
    size_t w = m->width, wide = m->n_in > w ? m->n_in : w;
    double *before = work, *e = before + n * wide, *product = e + n * w, *d = d_last;
    double *next = product + w * wide; /* n x width */
    for (size_t l = m->n_layers; l-- > 0;) {
        size_t k = inputs(m, l);
        const double *a = out + l * n * w, *input = l == 0 ? x : a - n * w, *weight = m->weight + begin(m, l);
        unit_slopes(m, a, n * w, d);
        if (gradient != NULL) {
            double *g = gradient + begin(m, l), *bias = g + w * k;
            transpose(input, n, k, before);
            transpose(d, n, w, e);
            hpo_gemm_nt(e, n, before, n, product, k, w, k, n);
            for (size_t i = 0; i < w * k; i++)
                g[i] += product[i];
            for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < w; j++)
                    bias[j] += d[i * w + j];
        }
        if (l == 0 && dx == NULL) break;
        transpose(weight, w, k, m->transposed);
        double *to = l == 0 ? dx : next;
        hpo_gemm_nt(d, w, m->transposed, w, to, k, n, k, w);
        if (l > 0) memcpy(d, next, n * w * sizeof *d);
    }
}

void hpo_adam_step(hpo_adam *a, size_t n, const double *gradient, double *mean, double *square, double *x)
{
    static const double beta1 = 0.9, beta2 = 0.999, tiny = 1e-8;
    a->power1 *= beta1;
    a->power2 *= beta2;
    double scale1 = 1 / (1 - a->power1), scale2 = 1 / (1 - a->power2);
    for (size_t i = 0; i < n; i++) {
        mean[i] = beta1 * mean[i] + (1 - beta1) * gradient[i];
        square[i] = beta2 * square[i] + (1 - beta2) * gradient[i] * gradient[i];
        x[i] -= a->rate * mean[i] * scale1 / (sqrt(square[i] * scale2) + tiny);
    }
}
