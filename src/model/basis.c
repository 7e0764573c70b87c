/* SPDX-License-Identifier: Apache-2.0 */
/* model/basis.c - adaptive-basis regression.
 *
 * Features phi(u) = (last layer of a tanh network on the embedding's features, 1).  Given phi, model/blr.h:
 *     mean = m^T phi,   epistemic variance = phi^T A^-1 phi,   noise = 1 / beta.
 *
 * Learning phi, by Adam from fixed first weights, on batches of at most BATCH rows:
 *   squares    sum (y - v^T phi)^2 / n with an output layer v that is thrown away (Snoek et al. 2015)
 *   evidence   - ln p(y | phi, alpha, beta) of the batch, alpha and beta learned along.  With A = alpha I +
 * beta Phi^T Phi, m = beta A^-1 Phi^T y, r = y - Phi m: d / d Phi      = beta (Phi A^-1 - r m^T) d / d ln
 * alpha = - D/2 + alpha/2 (|m|^2 + tr A^-1) d / d ln beta  = - n/2 + beta/2 (|r|^2 + tr(A^-1 Phi^T Phi))
 *              (Perrone et al. 2018, equation 4 in its D-dimensional form; here for one task)
 * both with decay |w|^2 / 2.
 *
 * References: Snoek et al., ICML 2015, arXiv 1502.05700; Perrone, Jenatton, Seeger & Archambeau, NeurIPS
 * 2018, arXiv 1712.02902. */
#include "model/basis.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "math/linalg.h"
#include "math/rng.h"
#include "model/blr.h"
#include "model/mlp.h"

enum { WIDTH = 32, LAYERS = 2, STEPS = 300, BATCH = 128, CHUNK = 64 };
static const double first_gain = 1.5; /* more than Glorot's 1: functions of the unit cube bend */

struct hpo_basis {
    const hpo_embed *embed;
    hpo_basis_options options;
    uint64_t seed;
    hpo_mlp net;
    hpo_blr blr;
    size_t n_dims, n_in, n_phi;
    /* training: weights and output layer (or ln alpha, ln beta) in one vector */
    size_t n_free;
    double *free_, *gradient, *mean, *square;
    /* scratch by rows */
    double *x, *out, *phi, *work;
    size_t cap_x, cap_out, cap_phi, cap_work;
    double *batch, *target, *d_phi; /* BATCH rows */
    double *a, *inverse, *vector;   /* n_phi x n_phi, n_phi x n_phi, 4 n_phi */
    uint32_t *order;
    size_t cap_order;
    double *one; /* one row: features, derivatives */
};

hpo_status hpo_basis_create(const hpo_embed *embed, const hpo_basis_options *options, uint64_t seed,
                            hpo_basis **out, hpo_error *err)
{
    *out = NULL;
    hpo_basis *b = hpo_calloc(1, sizeof *b);
    if (b == NULL) return hpo_fail_memory(err);
    if (options != NULL) b->options = *options;
    hpo_basis_options *o = &b->options;
    if (o->width == 0) o->width = WIDTH;
    if (o->layers == 0) o->layers = LAYERS;
    if (o->steps == 0) o->steps = STEPS;
    if (!(o->rate > 0)) o->rate = 0.01;
    if (!(o->decay > 0)) o->decay = 1e-4;
    b->embed = embed;
    b->seed = seed;
    b->n_dims = hpo_embed_n_dims(embed);
    b->n_in = hpo_embed_n_features(embed);
    b->n_phi = o->width + 1;
    hpo_status rc = hpo_mlp_init(&b->net, b->n_in, o->width, o->layers, err);
    if (rc == HPO_OK) rc = hpo_blr_init(&b->blr, b->n_phi, err);
    if (rc == HPO_OK) {
        size_t p = b->n_phi, w = hpo_mlp_work(&b->net, BATCH);
        b->n_free = b->net.n_weights + p + 2;
        b->free_ = hpo_calloc(4 * b->n_free, sizeof(double));
        b->batch =
            hpo_calloc((size_t)BATCH * (b->n_in + 1 + p + o->width * o->layers + p) + w, sizeof(double));
        b->a = hpo_calloc(2 * p * p + 4 * p, sizeof(double));
        b->one =
            hpo_calloc(2 * b->n_in + 8 * p + o->width * o->layers + hpo_mlp_work(&b->net, 1), sizeof(double));
        if (b->free_ == NULL || b->batch == NULL || b->a == NULL || b->one == NULL) {
            rc = hpo_fail_memory(err);
        } else {
            b->gradient = b->free_ + b->n_free;
            b->mean = b->gradient + b->n_free;
            b->square = b->mean + b->n_free;
            b->target = b->batch + BATCH * b->n_in;
            b->d_phi = b->target + BATCH;
            b->inverse = b->a + p * p;
            b->vector = b->inverse + p * p;
            hpo_mlp_reset(&b->net, first_gain, seed);
        }
    }
    if (rc == HPO_OK)
        *out = b;
    else
        hpo_basis_free(b);
    return rc;
}

void hpo_basis_free(hpo_basis *b)
{
    if (b == NULL) return;
    hpo_mlp_fini(&b->net);
    hpo_blr_fini(&b->blr);
    hpo_free(b->free_);
    hpo_free(b->x);
    hpo_free(b->out);
    hpo_free(b->phi);
    hpo_free(b->work);
    hpo_free(b->batch);
    hpo_free(b->a);
    hpo_free(b->order);
    hpo_free(b->one);
    hpo_free(b);
}

/* ---- features ---- */

/* The network sees the embedding's features moved to [-1, 1]. */
static void inputs_of(const hpo_basis *b, const double *u, size_t n, double *x)
{
    hpo_embed_features(b->embed, NULL, u, n, x);
    for (size_t i = 0; i < n * b->n_in; i++)
        x[i] = 2 * x[i] - 1;
}

/* Last layer and the constant, n x n_phi. */
static void append_constant(const hpo_basis *b, const double *last, size_t n, double *phi)
{
    size_t w = b->options.width;
    for (size_t i = 0; i < n; i++) {
        memcpy(phi + i * b->n_phi, last + i * w, w * sizeof *phi);
        phi[i * b->n_phi + w] = 1;
    }
}

static const double *last_layer(const hpo_basis *b, const double *out, size_t n)
{
    return out + (b->options.layers - 1) * n * b->options.width;
}

/* ---- learning ---- */

/* d loss / d phi of the batch into d_phi; d of the free parameters behind the weights into gradient. */
static void squares(hpo_basis *b, const double *phi, size_t n, double *d_phi)
{
    const double *v = b->free_ + b->net.n_weights;
    double *dv = b->gradient + b->net.n_weights;
    for (size_t i = 0; i < n; i++) {
        const double *p = phi + i * b->n_phi;
        double e = 2 * (hpo_dot(p, v, b->n_phi) - b->target[i]) / (double)n;
        for (size_t j = 0; j < b->n_phi; j++) {
            d_phi[i * b->n_phi + j] = e * v[j];
            dv[j] += e * p[j];
        }
    }
}

static int minus_evidence(hpo_basis *b, const double *phi, size_t n, double *d_phi)
{
    size_t p = b->n_phi;
    double *logs = b->free_ + b->net.n_weights + p, *d_logs = b->gradient + b->net.n_weights + p;
    double *m = b->vector, *c = m + p, *row = c + p, scale = 1 / (double)n;
    logs[0] = fmin(fmax(logs[0], -7), 10); /* within what doubles can factor */
    logs[1] = fmin(fmax(logs[1], -4), 11);
    double alpha = hpo_exp(logs[0]), beta = hpo_exp(logs[1]), trace = 0, trace_g = 0, r2 = 0;
    memset(b->a, 0, p * p * sizeof *b->a);
    memset(c, 0, p * sizeof *c);
    for (size_t i = 0; i < n; i++) {
        const double *f = phi + i * p;
        for (size_t j = 0; j < p; j++)
            hpo_axpy(j + 1, beta * f[j], f, b->a + j * p);
        hpo_axpy(p, beta * b->target[i], f, c);
    }
    for (size_t j = 0; j < p; j++)
        b->a[j * p + j] += alpha;
    if (hpo_cholesky(b->a, p, p) != 0) return 0;
    memcpy(m, c, p * sizeof *m);
    hpo_cholesky_solve(b->a, p, p, m);
    hpo_cholesky_inverse(b->a, p, p, b->inverse, NULL, p);
    for (size_t j = 0; j < p; j++)
        trace += b->inverse[j * p + j];
    for (size_t i = 0; i < n; i++) {
        const double *f = phi + i * p;
        double r = b->target[i] - hpo_dot(f, m, p);
        hpo_gemv(b->inverse, p, p, p, f, row);
        trace_g += hpo_dot(f, row, p);
        r2 += r * r;
        for (size_t j = 0; j < p; j++)
            d_phi[i * p + j] = scale * beta * (row[j] - r * m[j]);
    }
    d_logs[0] = scale * (-0.5 * (double)p + 0.5 * alpha * (hpo_dot(m, m, p) + trace));
    d_logs[1] = scale * (-0.5 * (double)n + 0.5 * beta * (r2 + trace_g));
    return 1;
}

/* One step on the rows b->batch, b->target. */
static void step(hpo_basis *b, hpo_adam *adam, size_t n)
{
    size_t w = b->options.width, p = b->n_phi;
    double *phi = b->d_phi + BATCH * p, *out = phi + BATCH * p, *work = out + BATCH * w * b->options.layers;
    memcpy(b->net.weight, b->free_, b->net.n_weights * sizeof(double));
    memset(b->gradient, 0, b->n_free * sizeof *b->gradient);
    hpo_mlp_forward(&b->net, b->batch, n, out);
    append_constant(b, last_layer(b, out, n), n, phi);
    if (b->options.objective == HPO_BASIS_EVIDENCE) {
        if (!minus_evidence(b, phi, n, b->d_phi)) return;
    } else {
        squares(b, phi, n, b->d_phi);
    }
    for (size_t i = 0; i < n; i++) /* without the constant's column */
        memmove(b->d_phi + i * w, b->d_phi + i * p, w * sizeof *b->d_phi);
    hpo_mlp_backward(&b->net, b->batch, n, out, b->d_phi, b->gradient, NULL, work);
    for (size_t i = 0; i < b->net.n_weights; i++)
        b->gradient[i] += b->options.decay * b->free_[i];
    hpo_adam_step(adam, b->n_free, b->gradient, b->mean, b->square, b->free_);
}

hpo_status hpo_basis_train(hpo_basis *b, const double *u, const double *y, size_t n, hpo_error *err)
{
    size_t batch = n < BATCH ? n : BATCH, at = n;
    HPO_TRY(hpo_reserve(&b->x, &b->cap_x, n * b->n_in + 1, sizeof *b->x, err));
    HPO_TRY(hpo_reserve(&b->order, &b->cap_order, n + 1, sizeof *b->order, err));
    hpo_mlp_reset(&b->net, first_gain, b->seed);
    if (n == 0) return HPO_OK;
    inputs_of(b, u, n, b->x);
    memset(b->free_, 0, 4 * b->n_free * sizeof *b->free_);
    memcpy(b->free_, b->net.weight, b->net.n_weights * sizeof *b->free_);
    b->free_[b->n_free - 1] = 2; /* ln beta: a noise of a third of the spread */
    hpo_rng rng;
    hpo_rng_init(&rng, b->seed, 1000, HPO_RNG_BASIS);
    hpo_adam adam = {b->options.rate, 1, 1};
    for (size_t k = 0; k < b->options.steps; k++) {
        if (at + batch > n) {
            hpo_rng_permutation(&rng, n, b->order);
            at = 0;
        }
        for (size_t i = 0; i < batch; i++) {
            size_t row = b->order[at + i];
            memcpy(b->batch + i * b->n_in, b->x + row * b->n_in, b->n_in * sizeof *b->x);
            b->target[i] = y[row];
        }
        at += batch;
        /* the last third anneals: the weights settle */
        double left = (double)(b->options.steps - k) / (double)b->options.steps * 3;
        adam.rate = b->options.rate * (left < 1 ? left : 1);
        step(b, &adam, batch);
    }
    memcpy(b->net.weight, b->free_, b->net.n_weights * sizeof(double));
    return HPO_OK;
}

hpo_status hpo_basis_condition(hpo_basis *b, const double *u, const double *y, size_t n, hpo_error *err)
{
    size_t w = b->options.width;
    HPO_TRY(hpo_reserve(&b->x, &b->cap_x, n * b->n_in + 1, sizeof *b->x, err));
    HPO_TRY(hpo_reserve(&b->out, &b->cap_out, n * w * b->options.layers + 1, sizeof *b->out, err));
    HPO_TRY(hpo_reserve(&b->phi, &b->cap_phi, n * b->n_phi + 1, sizeof *b->phi, err));
    HPO_TRY(hpo_reserve(&b->work, &b->cap_work, n * b->n_phi + 1, sizeof *b->work, err));
    inputs_of(b, u, n, b->x);
    hpo_mlp_forward(&b->net, b->x, n, b->out);
    append_constant(b, last_layer(b, b->out, n), n, b->phi);
    return hpo_blr_fit(&b->blr, b->phi, y, n, b->work, err);
}

/* ---- predictions ---- */

static const double smallest = 1e-14;

static void moments(const void *model, const double *u, size_t m, double *mean, double *var)
{
    const hpo_basis *b = model;
    double *out = b->d_phi, *phi = b->one; /* CHUNK <= BATCH rows; scratch of training */
    for (size_t i = 0; i < m; i += CHUNK) {
        size_t k = m - i < CHUNK ? m - i : CHUNK;
        inputs_of(b, u + i * b->n_dims, k, b->batch);
        hpo_mlp_forward(&b->net, b->batch, k, out);
        for (size_t j = 0; j < k; j++) {
            append_constant(b, last_layer(b, out, k) + j * b->options.width, 1, phi);
            hpo_blr_predict(&b->blr, phi, &mean[i + j], &var[i + j], NULL, NULL);
            var[i + j] += smallest;
        }
    }
}

/* d / d u of a function of phi, through the network and the embedding. */
static void pull(const hpo_basis *b, const double *u, const double *x, const double *out, double *d_phi,
                 double *dx, double *work, double *du)
{
    memset(du, 0, b->n_dims * sizeof *du);
    hpo_mlp_backward(&b->net, x, 1, out, d_phi, NULL, dx, work);
    for (size_t i = 0; i < b->n_in; i++)
        dx[i] *= 2;
    hpo_embed_pull(b->embed, NULL, u, dx, du);
}

static void gradient(const void *model, const double *u, double *mean, double *var, double *dmean,
                     double *dvar)
{
    const hpo_basis *b = model;
    size_t p = b->n_phi;
    double *phi = b->one, *d1 = phi + p, *d2 = d1 + p, *x = d2 + p, *dx = x + b->n_in, *out = dx + b->n_in;
    double *work = out + b->options.width * b->options.layers;
    inputs_of(b, u, 1, x);
    hpo_mlp_forward(&b->net, x, 1, out);
    append_constant(b, last_layer(b, out, 1), 1, phi);
    hpo_blr_predict(&b->blr, phi, mean, var, d1, d2);
    *var += smallest;
    pull(b, u, x, out, d1, dx, work, dmean);
    pull(b, u, x, out, d2, dx, work, dvar);
}

static void noise(const void *model, const double *u, size_t m, double *var)
{
    (void)u;
    for (size_t i = 0; i < m; i++)
        var[i] = hpo_basis_noise(model);
}

static const hpo_posterior_ops basis_ops = {.moments = moments, .gradient = gradient, .noise = noise};

hpo_posterior hpo_basis_posterior(const hpo_basis *b)
{
    return (hpo_posterior){&basis_ops, b, b->n_dims};
}

double hpo_basis_noise(const hpo_basis *b)
{
    return 1 / b->blr.beta;
}

double hpo_basis_log_evidence(const hpo_basis *b)
{
    return b->blr.log_evidence;
}
