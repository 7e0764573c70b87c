/* SPDX-License-Identifier: Apache-2.0 */
/* bench/live.c - real training inside the process: a multi-layer perceptron on the UCI handwritten digits.
 *
 * digits-mlp: 1 000 images (8 x 8, 10 classes) to learn from, 500 to validate; value: share of wrong answers.
 * The network: `depth` layers of `hidden` rectified linear units with dropout after each, then softmax; mean
 * cross entropy; SGD with momentum, v <- m v - lr g, or Adam (Kingma & Ba 2015); decoupled weight decay, w <-
 * w (1 - lr wd) (Loshchilov & Hutter 2019); He's uniform initial weights.  Constant learning rate, so that a
 * run of 20 epochs passes through what a run of 10 gives: resumable (the answer is computed from the start
 * again).
 *
 * The seed of the query decides initial weights, order and dropout.  Seconds are a model, not the clock, so
 * that the order of events repeats: 6 operations a weight and image at 1e9 a second, and 20 microseconds a
 * batch. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/os.h"
#include "bench/families.h"
#include "math/func.h"
#include "math/rng.h"

#ifndef HPO_DIGITS_DATA
#define HPO_DIGITS_DATA "digits.txt"
#endif

enum {
    PIXELS = 64,
    CLASSES = 10,
    MAX_DEPTH = 2,
    TRAIN = 1000,
    VALIDATE = 500,
    EPOCHS = 20,
    MAX_FILE = 1 << 22
};
enum { LR, OPTIMISER, MOMENTUM, DECAY, HIDDEN, DEPTH, BATCH, DROPOUT };

static const char space_text[] = "lr: log 1e-4..1; opt: sgd,adam; momentum: revlog 0..0.99 if opt == sgd; "
                                 "weight_decay: log 1e-6..0.1; hidden: int log 8..64; depth: int 1..2; "
                                 "batch: ordinal 16,32,64,128; dropout: 0..0.6; epochs: fidelity 1..20";

typedef struct digits {
    float x[TRAIN + VALIDATE][PIXELS];
    int label[TRAIN + VALIDATE];
} digits;

/* Weights in x out, the bias as last row; their gradient and moments; for the image at hand: activation,
 * error, factors of the dropout. */
typedef struct layer {
    size_t in, out, size;
    float *w, *g, *m, *s, *y, *delta, *mask;
} layer;

typedef struct network {
    layer layers[MAX_DEPTH + 1];
    size_t n;
    double lr, momentum, decay, dropout, power1, power2; /* powers of Adam's decay rates so far */
    int adam;
    size_t batch;
    hpo_rng rng;
    float *memory;
} network;

/* ---- data -------------------------------------------------------------------------------------- */

static int pixel_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'g' ? c - 'a' + 10 : -1;
}

/* Lines "LABEL PIXELS", a pixel from 0 to g (16); the first TRAIN + VALIDATE of a fixed random order. */
static hpo_status read_digits(digits *d, const char *path, hpo_error *err)
{
    enum { LINE = 2 + PIXELS + 1, MOST = 4096 };
    char *text = NULL;
    uint32_t order[MOST];
    size_t size;
    HPO_TRY(hpo_os_read_file(path, MAX_FILE, &text, &size, err));
    size_t n = size / LINE;
    hpo_status rc =
        n < TRAIN + VALIDATE || n > MOST
            ? hpo_fail(err, HPO_EINVAL, "%s: %zu images; expected at least %d", path, n, TRAIN + VALIDATE)
            : HPO_OK;
    hpo_rng rng;
    hpo_rng_init(&rng, 1, 0, HPO_RNG_USER);
    if (rc == HPO_OK) hpo_rng_permutation(&rng, n, order);
    for (size_t i = 0; i < TRAIN + VALIDATE && rc == HPO_OK; i++) {
        const char *line = text + order[i] * (size_t)LINE;
        d->label[i] = line[0] - '0';
        int ok = d->label[i] >= 0 && d->label[i] < CLASSES && line[LINE - 1] == '\n';
        for (size_t p = 0; p < PIXELS; p++) {
            int v = pixel_of(line[2 + p]);
            ok &= v >= 0;
            d->x[i][p] = (float)v / 16.0f;
        }
        if (!ok) rc = hpo_fail(err, HPO_EINVAL, "%s: line %u is damaged", path, (unsigned)order[i] + 1);
    }
    hpo_free(text);
    return rc;
}

/* ---- the network ------------------------------------------------------------------------------- */

static int network_init(network *net, const double *x, uint64_t seed)
{
    static const double batches[] = {16, 32, 64, 128};
    size_t hidden = (size_t)x[HIDDEN], floats = 0;
    memset(net, 0, sizeof *net);
    net->n = (size_t)x[DEPTH] + 1;
    net->lr = x[LR];
    net->adam = x[OPTIMISER] > 0;
    net->momentum = isnan(x[MOMENTUM]) ? 0 : x[MOMENTUM];
    net->decay = x[DECAY];
    net->dropout = x[DROPOUT];
    net->batch = (size_t)batches[(size_t)x[BATCH]];
    net->power1 = net->power2 = 1;
    hpo_rng_init(&net->rng, seed, 1, HPO_RNG_USER);
    for (size_t l = 0; l < net->n; l++) {
        layer *a = &net->layers[l];
        a->in = l == 0 ? PIXELS : hidden;
        a->out = l + 1 == net->n ? CLASSES : hidden;
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
        double scale = sqrt(6 / (double)a->in);
        for (size_t i = 0; i < a->in * a->out; i++)
            a->w[i] = (float)((2 * hpo_rng_uniform(&net->rng) - 1) * scale);
    }
    return 1;
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
        for (size_t j = 0; j < a->out; j++) {
            int drop = training && net->dropout > 0 && hpo_rng_uniform(&net->rng) < net->dropout;
            a->mask[j] = drop ? 0 : training ? (float)(1 / (1 - net->dropout)) : 1;
            a->y[j] = a->y[j] > 0 ? a->y[j] * a->mask[j] : 0;
        }
        x = a->y;
    }
    return net->layers[net->n - 1].y;
}

/* Adds the gradient of one image. */
static void backward(network *net, const float *x, int label)
{
    layer *last = &net->layers[net->n - 1];
    double top = (double)last->y[0], e[CLASSES], sum = 0;
    for (size_t c = 1; c < CLASSES; c++)
        top = fmax(top, (double)last->y[c]);
    for (size_t c = 0; c < CLASSES; c++)
        sum += e[c] = hpo_exp((double)last->y[c] - top);
    for (size_t c = 0; c < CLASSES; c++)
        last->delta[c] = (float)(e[c] / sum - ((int)c == label));
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

static void update(network *net, size_t batch)
{
    const double b1 = 0.9, b2 = 0.999, share = 1 / (double)batch;
    net->power1 *= b1;
    net->power2 *= b2;
    for (size_t l = 0; l < net->n; l++) {
        layer *a = &net->layers[l];
        for (size_t i = 0; i < a->size; i++) {
            double g = (double)a->g[i] * share, w = (double)a->w[i];
            if (i < a->in * a->out) w -= net->lr * net->decay * w;
            if (net->adam) {
                a->m[i] = (float)(b1 * (double)a->m[i] + (1 - b1) * g);
                a->s[i] = (float)(b2 * (double)a->s[i] + (1 - b2) * g * g);
                double m = (double)a->m[i] / (1 - net->power1), s = (double)a->s[i] / (1 - net->power2);
                w -= net->lr * m / (sqrt(s) + 1e-8);
            } else {
                a->m[i] = (float)(net->momentum * (double)a->m[i] - net->lr * g);
                w += (double)a->m[i];
            }
            a->w[i] = (float)w;
            a->g[i] = 0;
        }
    }
}

static void train_epoch(network *net, const digits *d)
{
    uint32_t order[TRAIN];
    hpo_rng_permutation(&net->rng, TRAIN, order);
    for (size_t i = 0; i < TRAIN; i += net->batch) {
        size_t end = i + net->batch < TRAIN ? i + net->batch : TRAIN;
        for (size_t k = i; k < end; k++) {
            (void)forward(net, d->x[order[k]], 1);
            backward(net, d->x[order[k]], d->label[order[k]]);
        }
        update(net, end - i);
    }
}

/* Share of wrong answers; NaN when the network has diverged. */
static double validation_error(network *net, const digits *d)
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

/* ---- the problem ------------------------------------------------------------------------------- */

static const char *digits_path(const char *data, char *buffer, size_t cap)
{
    (void)snprintf(buffer, cap, "%s/digits.txt", data == NULL ? "." : data);
    return data != NULL && hpo_os_exists(buffer) ? buffer : HPO_DIGITS_DATA;
}

static int list(size_t i, const char *data, char *name, size_t cap)
{
    char path[1024];
    if (i > 0 || !hpo_os_exists(digits_path(data, path, sizeof path))) return 0;
    (void)snprintf(name, cap, "digits-mlp");
    return 1;
}

static hpo_status open_problem(hpo_problem *p, const char *data, hpo_error *err)
{
    char path[1024];
    if (strcmp(p->name, "digits-mlp") != 0) return HPO_ENOTFOUND;
    digits *d = p->state = hpo_alloc(sizeof *d);
    if (d == NULL) return hpo_fail_memory(err);
    hpo_status rc = read_digits(d, digits_path(data, path, sizeof path), err);
    if (rc == HPO_ENOTFOUND) rc = hpo_fail(err, HPO_EIO, "digits-mlp: no digits.txt in the data folder");
    if (rc != HPO_OK) return rc;
    HPO_TRY(hpo_space_parse(space_text, &p->space, err));
    p->n_objectives = 1;
    p->objective_names[0] = "error";
    p->full_resource = EPOCHS;
    p->min_resource = 1;
    p->resumable = 1;
    p->noisy = 1;
    p->best[0] = 0;     /* a bound */
    p->typical = 0.264; /* median of 400 random configurations */
    p->budget = 100;
    p->suites = 1u << HPO_SUITE_HPO | 1u << HPO_SUITE_NOISY;
    return HPO_OK;
}

static hpo_status evaluate(const hpo_problem *p, const hpo_problem_query *q, hpo_problem_answer *a,
                           hpo_error *err)
{
    network net;
    double epochs = isnan(q->resource) ? EPOCHS : floor(q->resource), weights = 0;
    double from = q->from > 0 ? floor(q->from) : 0;
    if (!network_init(&net, q->x, q->seed)) return hpo_fail_memory(err);
    for (double e = 0; e < epochs; e++)
        train_epoch(&net, p->state);
    a->y[0] = validation_error(&net, p->state);
    a->failed = isnan(a->y[0]);
    for (size_t l = 0; l < net.n; l++)
        weights += (double)net.layers[l].size;
    a->seconds = fmax(0, epochs - from) * (6e-9 * weights * TRAIN + 20e-6 * ceil(TRAIN / (double)net.batch));
    hpo_free(net.memory);
    return HPO_OK;
}

static void close_problem(hpo_problem *p)
{
    hpo_free(p->state);
}

const hpo_problem_family hpo_live_problems = {
    .name = "live",
    .help = "real training inside the process: a perceptron on handwritten digits",
    .reference = "UCI Optical Recognition of Handwritten Digits (CC BY 4.0)",
    .list = list,
    .open = open_problem,
    .evaluate = evaluate,
    .close = close_problem,
};
