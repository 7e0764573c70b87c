/* SPDX-License-Identifier: Apache-2.0 */
/* bench/live_net.c - a multi-layer perceptron: mean cross entropy of a softmax, by backpropagation.
 *
 * Layers of rectified linear, leaky (slope 0.1) or tanh units, dropout after each (and on the inputs), then
 * softmax against labels of 1 - s + s/10 for the class and s/10 for the others (Szegedy et al. 2016).  SGD
 * with momentum, v <- m v - lr g, w <- w + v, or w + m v - lr g (Nesterov's), or Adam (Kingma & Ba 2015);
 * decoupled weight decay, w <- w (1 - lr wd) (Loshchilov & Hutter 2019); the gradient of a batch is scaled
 * down to the norm `clip` (Pascanu et al. 2013); uniform initial weights of He's variance times scale^2.
 *
 * With t from 0 to 1 over the planned epochs the learning rate is lr times min(1, t / warmup) times 1, or
 * final + (1 - final) (1 + cos pi t) / 2, or final^(floor(3 t) / 2). */
#include "bench/live_net.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "bench/live_data.h"
#include "math/func.h"
#include "math/rng.h"

enum {
    PIXELS = HPO_NET_INPUTS,
    CLASSES = HPO_NET_CLASSES,
    MAX_DEPTH = HPO_NET_MAX_DEPTH,
    TRAIN = HPO_NET_TRAIN,
    VALIDATE = HPO_NET_VALIDATE
};
static const double PI = 3.14159265358979323846;

/* Weights in x out, the bias as last row; their gradient and moments; for the image at hand: activation,
 * error, derivative of the activation times the factor of the dropout. */
typedef struct layer {
    size_t in, out, size;
    float *w, *g, *m, *s, *y, *delta, *mask;
} layer;

typedef struct network {
    const hpo_net_options *o;
    layer layers[MAX_DEPTH + 1];
    size_t n, step;        /* layers; batches so far */
    double lr;             /* now */
    double power1, power2; /* powers of Adam's decay rates so far */
    hpo_rng rng;
    float *memory;
    float input[PIXELS];
} network;

hpo_status hpo_net_read_digits(hpo_net_digits **out, const char *data, hpo_error *err)
{
    hpo_live_rows rows;
    HPO_TRY(hpo_live_read_digits(&rows, data, TRAIN + VALIDATE, err));
    hpo_net_digits *d = *out = hpo_alloc(sizeof *d);
    for (size_t i = 0; i < rows.n && d != NULL; i++) {
        for (size_t p = 0; p < PIXELS; p++)
            d->x[i][p] = (float)rows.x[i * PIXELS + p];
        d->label[i] = rows.label[i];
    }
    hpo_live_rows_free(&rows);
    return d == NULL ? hpo_fail_memory(err) : HPO_OK;
}

static int network_init(network *net, const hpo_net_options *o)
{
    size_t floats = 0;
    memset(net, 0, sizeof *net);
    net->o = o;
    net->n = o->depth + 1;
    net->power1 = net->power2 = 1;
    hpo_rng_init(&net->rng, o->seed, 1, HPO_RNG_USER);
    for (size_t l = 0; l < net->n; l++) {
        layer *a = &net->layers[l];
        a->in = l == 0 ? PIXELS : o->width[l - 1];
        a->out = l + 1 == net->n ? CLASSES : o->width[l];
        a->size = (a->in + 1) * a->out;
        floats += 4 * a->size + 3 * a->out;
    }
    net->memory = hpo_calloc(floats, sizeof *net->memory);
    if (net->memory == NULL) return 0;
    float *at = net->memory;
    for (size_t l = 0; l < net->n; l++) {
        layer *a = &net->layers[l];
        float **parts[] = {&a->w, &a->g, &a->m, &a->s, &a->y, &a->delta, &a->mask};
        for (size_t i = 0; i < 7; i++) {
            *parts[i] = at;
            at += i < 4 ? a->size : a->out;
        }
        double scale = sqrt(6 / (double)a->in) * o->scale;
        for (size_t i = 0; i < a->in * a->out; i++)
            a->w[i] = (float)((2 * hpo_rng_uniform(&net->rng) - 1) * scale);
    }
    return 1;
}

/* An image as the network sees it while training. */
static const float *disturb(network *net, const float *x)
{
    const hpo_net_options *o = net->o;
    if (!(o->input_dropout > 0 || o->input_noise > 0)) return x;
    float keep = (float)(1 / (1 - o->input_dropout));
    for (size_t p = 0; p < PIXELS; p++) {
        double noise = o->input_noise > 0 ? o->input_noise * hpo_rng_normal(&net->rng) : 0;
        int drop = o->input_dropout > 0 && hpo_rng_uniform(&net->rng) < o->input_dropout;
        net->input[p] = drop ? 0 : (x[p] + (float)noise) * keep;
    }
    return net->input;
}

/* Unit j: its value from y, its derivative into mask; both times the factor of the dropout. */
static void activate(const network *net, layer *a, size_t j, float factor)
{
    float y = a->y[j];
    float slope = y > 0 ? 1.0f : 0.1f;
    a->mask[j] = factor;
    switch (net->o->unit) {
    case HPO_NET_RELU:
        a->y[j] = y > 0 ? y * factor : 0;
        break;
    case HPO_NET_LEAKY:
        a->y[j] = y * slope * factor;
        a->mask[j] = slope * factor;
        break;
    case HPO_NET_TANH:
        y = (float)hpo_tanh((double)y);
        a->y[j] = y * factor;
        a->mask[j] = (1 - y * y) * factor;
        break;
    }
}

/* Logits of an image; with dropout while training. */
static const float *forward(network *net, const float *x, int training)
{
    for (size_t l = 0; l < net->n; l++) {
        layer *a = &net->layers[l];
        memcpy(a->y, a->w + a->in * a->out, a->out * sizeof *a->y);
        for (size_t i = 0; i < a->in; i++) {
            const float xi = x[i], *row = a->w + i * a->out;
            if (xi == 0) continue; /* half of the pixels and of the units */
            for (size_t j = 0; j < a->out; j++)
                a->y[j] += xi * row[j];
        }
        if (l + 1 == net->n) break;
        double dropout = training ? net->o->dropout[l] : 0;
        float keep = (float)(1 / (1 - dropout));
        for (size_t j = 0; j < a->out; j++) {
            int drop = dropout > 0 && hpo_rng_uniform(&net->rng) < dropout;
            activate(net, a, j, drop ? 0 : keep);
        }
        x = a->y;
    }
    return net->layers[net->n - 1].y;
}

/* Adds the gradient of one image. */
static void backward(network *net, const float *x, int label)
{
    layer *last = &net->layers[net->n - 1];
    const double off = net->o->smoothing / CLASSES, on = 1 - net->o->smoothing;
    double top = (double)last->y[0], e[CLASSES], sum = 0;
    for (size_t c = 1; c < CLASSES; c++)
        top = fmax(top, (double)last->y[c]);
    for (size_t c = 0; c < CLASSES; c++)
        sum += e[c] = hpo_exp((double)last->y[c] - top);
    for (size_t c = 0; c < CLASSES; c++)
        last->delta[c] = (float)(e[c] / sum - on * ((int)c == label) - off);
    for (size_t l = net->n; l-- > 0;) {
        layer *a = &net->layers[l], *below = l > 0 ? a - 1 : NULL;
        const float *input = below != NULL ? below->y : x;
        for (size_t j = 0; j < a->out; j++)
            a->g[a->in * a->out + j] += a->delta[j];
        for (size_t i = 0; i < a->in; i++) {
            float *row = a->g + i * a->out, back = 0;
            const float *w = a->w + i * a->out;
            if (below != NULL) below->delta[i] = 0;
            if (input[i] == 0) continue; /* a unit that is off passes nothing on */
            for (size_t j = 0; j < a->out; j++) {
                row[j] += input[i] * a->delta[j];
                back += w[j] * a->delta[j];
            }
            if (below != NULL) below->delta[i] = back * below->mask[i];
        }
    }
}

/* What the mean gradient of a batch is to be multiplied with, for its norm to be at most `clip`. */
static double clipping(const network *net, double share)
{
    double squares = 0;
    if (!(net->o->clip > 0)) return 1;
    for (size_t l = 0; l < net->n; l++)
        for (size_t i = 0; i < net->layers[l].size; i++)
            squares += (double)net->layers[l].g[i] * (double)net->layers[l].g[i];
    double norm = sqrt(squares) * share;
    return norm > net->o->clip ? net->o->clip / norm : 1;
}

static double rate(const network *net, double t)
{
    const hpo_net_options *o = net->o;
    double factor = 1;
    t = fmin(t, 1);
    if (o->schedule == HPO_NET_COSINE) factor = o->final + (1 - o->final) * (1 + hpo_cos(PI * t)) / 2;
    if (o->schedule == HPO_NET_STEP) factor = hpo_pow(o->final, floor(3 * t) / 2);
    return o->lr * factor * (t < o->warmup ? t / o->warmup : 1);
}

static void update_layer(network *net, layer *a, double share)
{
    const hpo_net_options *o = net->o;
    for (size_t i = 0; i < a->size; i++) {
        double g = (double)a->g[i] * share, w = (double)a->w[i];
        if (i < a->in * a->out) w -= net->lr * o->decay * w;
        if (o->adam) {
            a->m[i] = (float)(o->beta1 * (double)a->m[i] + (1 - o->beta1) * g);
            a->s[i] = (float)(o->beta2 * (double)a->s[i] + (1 - o->beta2) * g * g);
            double m = (double)a->m[i] / (1 - net->power1), s = (double)a->s[i] / (1 - net->power2);
            w -= net->lr * m / (sqrt(s) + o->eps);
        } else {
            a->m[i] = (float)(o->momentum * (double)a->m[i] - net->lr * g);
            w += o->nesterov ? o->momentum * (double)a->m[i] - net->lr * g : (double)a->m[i];
        }
        a->w[i] = (float)w;
        a->g[i] = 0;
    }
}

static void update(network *net, size_t batch)
{
    size_t full = net->o->batch > 0 ? net->o->batch : 1, batches = (TRAIN + full - 1) / full;
    double share = 1 / (double)batch;
    net->power1 *= net->o->beta1;
    net->power2 *= net->o->beta2;
    net->step++;
    net->lr = rate(net, (double)net->step / ((double)batches * net->o->planned));
    share *= clipping(net, share);
    for (size_t l = 0; l < net->n; l++)
        update_layer(net, &net->layers[l], share);
}

static void train_epoch(network *net, const hpo_net_digits *d)
{
    uint32_t order[TRAIN];
    hpo_rng_permutation(&net->rng, TRAIN, order);
    for (size_t i = 0; i < TRAIN; i += net->o->batch) {
        size_t end = i + net->o->batch < TRAIN ? i + net->o->batch : TRAIN;
        for (size_t k = i; k < end; k++) {
            const float *x = disturb(net, d->x[order[k]]);
            (void)forward(net, x, 1);
            backward(net, x, d->label[order[k]]);
        }
        update(net, end - i);
    }
}

/* Share of wrong answers; NaN when the network has diverged. */
static double validation_error(network *net, const hpo_net_digits *d)
{
    size_t wrong = 0;
    for (size_t i = TRAIN; i < TRAIN + VALIDATE; i++) {
        const float *y = forward(net, d->x[i], 0);
        int best = 0;
        for (int c = 0; c < CLASSES; c++) {
            if (!isfinite(y[c])) return (double)NAN;
            if (y[c] > y[best]) best = c;
        }
        wrong += best != d->label[i];
    }
    return (double)wrong / VALIDATE;
}

hpo_status hpo_net_train(const hpo_net_options *o, const hpo_net_digits *d, double epochs, double paid,
                         double *error, double *seconds, hpo_error *err)
{
    network net;
    double weights = 0;
    if (!network_init(&net, o)) return hpo_fail_memory(err);
    for (double e = 0; e < epochs; e++)
        train_epoch(&net, d);
    *error = validation_error(&net, d);
    for (size_t l = 0; l < net.n; l++)
        weights += (double)net.layers[l].size;
    *seconds = paid * (6e-9 * weights * TRAIN + 20e-6 * ceil(TRAIN / (double)o->batch));
    hpo_free(net.memory);
    return HPO_OK;
}
