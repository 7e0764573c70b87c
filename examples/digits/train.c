/* SPDX-License-Identifier: Apache-2.0 */
/* train.c - a real training program: a multi-layer perceptron on the UCI digits, in plain C.
 *
 * It knows nothing of libhpo.  It reads its hyperparameters from the command line, prints one line of
 * JSON an epoch, and keeps a checkpoint when HPO_CKPT_DIR (or --checkpoint) names a folder:
 *
 *     ./train --lr 0.05 --hidden 64 --epochs 20
 *     {"step":1,"val_loss":0.61,"val_acc":0.83,...}
 *
 * The network: x in [0,1]^64 -> `depth` layers of `hidden` rectified linear units, dropout after each -> 10
 * logits. loss       mean over the batch of -log softmax(logits)[label] SGD        v <- momentum v - lr g;  w
 * <- w + v Adam       m <- b1 m + (1-b1) g;  s <- b2 s + (1-b2) g^2;  w <- w - lr mhat / (sqrt(shat) + 1e-8)
 *   decay      decoupled: w <- w (1 - lr wd)      (Loshchilov & Hutter 2019)
 *   schedule   lr times 1 (constant), (1 + cos(pi t/T))/2 (cosine), or .1 after each third of T (step)
 * Signals: USR1 (a tuner asks to stop) ends after the current epoch, exit status 0.  TERM (preemption)
 * ends after the current epoch with exit status 75 when the checkpoint was kept: "run me again". */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIXELS = 64, CLASSES = 10, MAX_IMAGES = 2000, MAX_DEPTH = 6, MAX_HIDDEN = 1024 };

typedef struct {
    double lr, momentum, weight_decay, dropout, label_smoothing;
    int hidden, depth, batch, epochs, adam, schedule;
    int planned; /* epochs that the schedule reckons with; 0: `epochs` */
    uint64_t seed;
    const char *data, *checkpoint;
} options;

typedef struct {
    int n;
    float x[MAX_IMAGES][PIXELS];
    int label[MAX_IMAGES];
} images;

/* One dense layer, weights as in x out so that the inner loops run along contiguous rows. */
typedef struct {
    int in, out;
    float *w, *g, *m, *s; /* (in + 1) x out: the last row is the bias; gradient; momentum; second moment */
    float *activation, *delta; /* out: for the sample at hand */
    float *mask;               /* out: dropout factors */
} layer;

typedef struct {
    layer layers[MAX_DEPTH + 1];
    int n;
    int64_t steps;
} network;

static volatile sig_atomic_t stop_asked, preempted;

static void on_signal(int sig)
{
    stop_asked = 1;
    if (sig == SIGTERM) preempted = 1;
}

static _Noreturn void die(const char *what, const char *value)
{
    fprintf(stderr, "train: %s '%s'\n", what, value);
    exit(2);
}

/* splitmix64 (Steele, Lea & Flood 2014): small, seedable, good enough for initial weights and shuffling. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static double uniform(uint64_t *state)
{
    return (double)(next_random(state) >> 11) * 0x1p-53;
}

static void shuffle(int *order, int n, uint64_t *state)
{
    for (int i = n - 1; i > 0; i--) {
        int j = (int)(next_random(state) % (uint64_t)(i + 1));
        int t = order[i];
        order[i] = order[j];
        order[j] = t;
    }
}

static void load_images(const char *path, images *all)
{
    FILE *f = fopen(path, "r");
    char line[256];
    if (!f) die("cannot read the data file (use --data FILE)", path);
    all->n = 0;
    while (fgets(line, sizeof line, f) && all->n < MAX_IMAGES) {
        if (strlen(line) < 2 + PIXELS) die("damaged line in the data file", path);
        all->label[all->n] = line[0] - '0';
        for (int p = 0; p < PIXELS; p++) {
            char c = line[2 + p];
            all->x[all->n][p] = (float)(c <= '9' ? c - '0' : c - 'a' + 10) / 16.0f;
        }
        all->n++;
    }
    fclose(f);
    if (all->n < 100) die("too few images in", path);
}

static float *floats(size_t n)
{
    float *p = calloc(n, sizeof *p);
    if (!p) die("out of memory for", "the network");
    return p;
}

static void network_init(network *net, const options *o, uint64_t *rng)
{
    net->n = o->depth + 1;
    net->steps = 0;
    for (int l = 0; l < net->n; l++) {
        layer *a = &net->layers[l];
        a->in = l == 0 ? PIXELS : o->hidden;
        a->out = l == o->depth ? CLASSES : o->hidden;
        size_t size = (size_t)(a->in + 1) * (size_t)a->out;
        a->w = floats(size), a->g = floats(size), a->m = floats(size), a->s = floats(size);
        a->activation = floats((size_t)a->out), a->delta = floats((size_t)a->out),
        a->mask = floats((size_t)a->out);
        double scale = sqrt(6.0 / a->in); /* He et al. 2015, uniform */
        for (size_t i = 0; i < (size_t)a->in * (size_t)a->out; i++)
            a->w[i] = (float)((2 * uniform(rng) - 1) * scale);
    }
}

static void network_free(network *net)
{
    for (int l = 0; l < net->n; l++) {
        layer *a = &net->layers[l];
        free(a->w), free(a->g), free(a->m), free(a->s), free(a->activation), free(a->delta), free(a->mask);
    }
}

/* activation = mask * relu(W^T x + b); the last layer has neither mask nor relu.  Returns the logits. */
static const float *forward(network *net, const float *x, double dropout, uint64_t *rng)
{
    for (int l = 0; l < net->n; l++) {
        layer *a = &net->layers[l];
        float *y = a->activation;
        memcpy(y, a->w + (size_t)a->in * (size_t)a->out, sizeof *y * (size_t)a->out);
        for (int i = 0; i < a->in; i++) {
            const float xi = x[i], *row = a->w + (size_t)i * (size_t)a->out;
            if (xi == 0) continue; /* a third of the pixels and half of the units are zero */
            for (int j = 0; j < a->out; j++)
                y[j] += xi * row[j];
        }
        if (l == net->n - 1) return y;
        for (int j = 0; j < a->out; j++) {
            a->mask[j] = !rng ? 1.0f : uniform(rng) < dropout ? 0.0f : (float)(1 / (1 - dropout));
            y[j] = y[j] > 0 ? y[j] * a->mask[j] : 0;
        }
        x = y;
    }
    return x;
}

/* Turns logits into probabilities; returns -log p[label] computed from the logits (no underflow). */
static double softmax_loss(const float *logits, int label, float *p)
{
    double top = (double)logits[0], sum = 0;
    for (int c = 1; c < CLASSES; c++)
        top = fmax(top, (double)logits[c]);
    for (int c = 0; c < CLASSES; c++)
        sum += exp((double)logits[c] - top);
    for (int c = 0; c < CLASSES; c++)
        p[c] = (float)(exp((double)logits[c] - top) / sum);
    return log(sum) + top - (double)logits[label];
}

/* Adds this sample's gradient to every g; the deltas travel from the last layer to the first. */
static void backward(network *net, const float *x, const float *p, int label, double smoothing)
{
    layer *last = &net->layers[net->n - 1];
    for (int c = 0; c < CLASSES; c++)
        last->delta[c] = p[c] - (float)((c == label) * (1 - smoothing) + smoothing / CLASSES);
    for (int l = net->n - 1; l >= 0; l--) {
        layer *a = &net->layers[l], *below = l > 0 ? a - 1 : NULL;
        const float *input = below ? below->activation : x;
        for (int j = 0; j < a->out; j++)
            a->g[(size_t)a->in * (size_t)a->out + (size_t)j] += a->delta[j];
        for (int i = 0; i < a->in; i++) {
            float *row = a->g + (size_t)i * (size_t)a->out;
            const float *w = a->w + (size_t)i * (size_t)a->out;
            float back = 0;
            if (input[i] == 0) {
                if (below) below->delta[i] = 0; /* the unit was off: nothing flows through it */
                continue;
            }
            for (int j = 0; j < a->out; j++) {
                row[j] += input[i] * a->delta[j];
                back += w[j] * a->delta[j];
            }
            if (below) below->delta[i] = back * below->mask[i];
        }
    }
}

static void update(network *net, const options *o, double lr, int batch)
{
    const double b1 = 0.9, b2 = 0.999;
    net->steps++;
    const double c1 = 1 - pow(b1, (double)net->steps), c2 = 1 - pow(b2, (double)net->steps);
    for (int l = 0; l < net->n; l++) {
        layer *a = &net->layers[l];
        size_t weights = (size_t)a->in * (size_t)a->out, size = weights + (size_t)a->out;
        for (size_t i = 0; i < size; i++) {
            double g = (double)a->g[i] / batch, w = (double)a->w[i];
            if (i < weights) w -= lr * o->weight_decay * w;
            if (o->adam) {
                a->m[i] = (float)(b1 * (double)a->m[i] + (1 - b1) * g);
                a->s[i] = (float)(b2 * (double)a->s[i] + (1 - b2) * g * g);
                w -= lr * ((double)a->m[i] / c1) / (sqrt((double)a->s[i] / c2) + 1e-8);
            } else {
                a->m[i] = (float)(o->momentum * (double)a->m[i] - lr * g);
                w += (double)a->m[i];
            }
            a->w[i] = (float)w;
            a->g[i] = 0;
        }
    }
}

static void evaluate(network *net, const images *all, const int *rows, int n, double *loss, double *accuracy)
{
    float p[CLASSES];
    int right = 0;
    *loss = 0;
    for (int i = 0; i < n; i++) {
        const float *logits = forward(net, all->x[rows[i]], 0, NULL);
        int best = 0;
        for (int c = 1; c < CLASSES; c++)
            if (logits[c] > logits[best]) best = c;
        right += best == all->label[rows[i]];
        *loss += softmax_loss(logits, all->label[rows[i]], p);
    }
    *loss /= n;
    *accuracy = (double)right / n;
}

static double learning_rate(const options *o, double progress)
{
    if (o->schedule == 1) return o->lr * 0.5 * (1 + cos(3.14159265358979323846 * progress));
    if (o->schedule == 2) return o->lr * pow(0.1, floor(3 * progress));
    return o->lr;
}

/* ---- checkpoint: everything that the next epoch depends on, written beside and renamed ------------- */

typedef struct {
    char magic[8];
    int hidden, depth, adam, epoch;
    int64_t steps;
    uint64_t rng;
} checkpoint_head;

static int checkpoint_io(FILE *f, network *net, int write)
{
    for (int l = 0; l < net->n; l++) {
        layer *a = &net->layers[l];
        float *parts[] = {a->w, a->m, a->s};
        size_t size = (size_t)(a->in + 1) * (size_t)a->out;
        for (int k = 0; k < 3; k++)
            if ((write ? fwrite(parts[k], sizeof(float), size, f)
                       : fread(parts[k], sizeof(float), size, f)) != size)
                return -1;
    }
    return 0;
}

static int checkpoint_save(const options *o, network *net, int epoch, uint64_t rng)
{
    char path[4096], temporary[4096];
    if (snprintf(path, sizeof path, "%s/model.bin", o->checkpoint) >= (int)sizeof path) return -1;
    if (snprintf(temporary, sizeof temporary, "%s/model.tmp", o->checkpoint) >= (int)sizeof temporary)
        return -1;
    FILE *f = fopen(temporary, "wb");
    if (!f) return -1;
    checkpoint_head h;
    memset(&h, 0, sizeof h);
    memcpy(h.magic, "digits1", 8);
    h.hidden = o->hidden, h.depth = o->depth, h.adam = o->adam, h.epoch = epoch;
    h.steps = net->steps, h.rng = rng;
    int bad = fwrite(&h, sizeof h, 1, f) != 1 || checkpoint_io(f, net, 1) != 0;
    bad |= fclose(f) != 0;
    if (bad || rename(temporary, path) != 0) {
        remove(temporary);
        return -1;
    }
    return 0;
}

/* The epoch to go on after, or 0 when there is no checkpoint of this network. */
static int checkpoint_load(const options *o, network *net, uint64_t *rng)
{
    char path[4096];
    checkpoint_head h;
    if (snprintf(path, sizeof path, "%s/model.bin", o->checkpoint) >= (int)sizeof path) return 0;
    FILE *f = fopen(path, "rb");
    if (!f) return 0;
    int ok = fread(&h, sizeof h, 1, f) == 1 && memcmp(h.magic, "digits1", 8) == 0 && h.hidden == o->hidden &&
             h.depth == o->depth && h.adam == o->adam && checkpoint_io(f, net, 0) == 0;
    fclose(f);
    if (!ok) die("the checkpoint does not belong to these hyperparameters; delete", path);
    net->steps = h.steps;
    *rng = h.rng;
    return h.epoch;
}

/* One line of JSON for the tuner; 0 when the network has diverged. */
static int print_epoch(network *net, const images *all, const int *val, int n_val, const int *test,
                       int n_test, int epoch, double train_loss)
{
    double val_loss, val_acc, test_loss, test_acc;
    evaluate(net, all, val, n_val, &val_loss, &val_acc);
    evaluate(net, all, test, n_test, &test_loss, &test_acc);
    if (isfinite(val_loss)) {
        printf("{\"step\":%d,\"val_loss\":%.6g,\"val_acc\":%.6g,\"test_acc\":%.6g", epoch, val_loss, val_acc,
               test_acc);
        if (isfinite(train_loss)) printf(",\"train_loss\":%.6g", train_loss);
        printf("}\n");
    } else {
        printf("{\"_status\":\"fail\",\"_reason\":\"diverged in epoch %d\"}\n", epoch);
    }
    fflush(stdout);
    return isfinite(val_loss);
}

/* ---- command line ---------------------------------------------------------------------------------- */

static double number(const char *name, const char *text, double low, double high)
{
    char *end;
    errno = 0;
    double v = strtod(text, &end);
    if (end == text || *end || errno || !(v >= low && v <= high)) {
        fprintf(stderr, "train: %s: '%s' is not a number in %g..%g\n", name, text, low, high);
        exit(2);
    }
    return v;
}

static int choice(const char *name, const char *text, const char *const *labels)
{
    for (int i = 0; labels[i]; i++)
        if (strcmp(text, labels[i]) == 0) return i;
    die(name, text);
}

static options read_options(int argc, char **argv)
{
    static const char *const optimisers[] = {"sgd", "adam", NULL};
    static const char *const schedules[] = {"constant", "cosine", "step", NULL};
    options o = {.lr = 0.05, .momentum = 0.9, .hidden = 64, .depth = 1, .batch = 32, .epochs = 20, .seed = 1};
    o.data = getenv("DIGITS_DATA") ? getenv("DIGITS_DATA") : DIGITS_DATA;
    o.checkpoint = getenv("HPO_CKPT_DIR");
    if (getenv("HPO_STEP_FULL")) o.planned = atoi(getenv("HPO_STEP_FULL"));
    if (getenv("HPO_SEED")) o.seed = strtoull(getenv("HPO_SEED"), NULL, 10);
    for (int i = 1; i < argc; i += 2) {
        const char *k = argv[i], *v = i + 1 < argc ? argv[i + 1] : NULL;
        if (!v) die("an option without a value:", k);
        if (strcmp(k, "--lr") == 0)
            o.lr = number(k, v, 0, 1e6);
        else if (strcmp(k, "--momentum") == 0)
            o.momentum = number(k, v, 0, 1);
        else if (strcmp(k, "--weight-decay") == 0)
            o.weight_decay = number(k, v, 0, 1e6);
        else if (strcmp(k, "--dropout") == 0)
            o.dropout = number(k, v, 0, 0.99);
        else if (strcmp(k, "--label-smoothing") == 0)
            o.label_smoothing = number(k, v, 0, 1);
        else if (strcmp(k, "--hidden") == 0)
            o.hidden = (int)number(k, v, 1, MAX_HIDDEN);
        else if (strcmp(k, "--depth") == 0)
            o.depth = (int)number(k, v, 0, MAX_DEPTH);
        else if (strcmp(k, "--batch") == 0)
            o.batch = (int)number(k, v, 1, 1e6);
        else if (strcmp(k, "--epochs") == 0)
            o.epochs = (int)number(k, v, 1, 1e6);
        else if (strcmp(k, "--seed") == 0)
            o.seed = strtoull(v, NULL, 10);
        else if (strcmp(k, "--opt") == 0)
            o.adam = choice("--opt is sgd or adam, not", v, optimisers);
        else if (strcmp(k, "--schedule") == 0)
            o.schedule = choice("--schedule is constant, cosine or step, not", v, schedules);
        else if (strcmp(k, "--data") == 0)
            o.data = v;
        else if (strcmp(k, "--checkpoint") == 0)
            o.checkpoint = v;
        else
            die("unknown option", k);
    }
    return o;
}

int main(int argc, char **argv)
{
    static images all;
    static int order[MAX_IMAGES], shuffled[MAX_IMAGES];
    static network net;
    options o = read_options(argc, argv);
    load_images(o.data, &all);
    signal(SIGUSR1, on_signal);
    signal(SIGTERM, on_signal);

    /* The split never changes: every configuration is judged on the same validation images. */
    uint64_t split_rng = 20241030, rng = o.seed;
    for (int i = 0; i < all.n; i++)
        order[i] = i;
    shuffle(order, all.n, &split_rng);
    const int n_train = all.n * 6 / 10, n_val = all.n * 2 / 10, n_test = all.n - n_train - n_val;
    const int *val = order + n_train, *test = val + n_val;

    network_init(&net, &o, &rng);
    int epoch = o.checkpoint ? checkpoint_load(&o, &net, &rng) : 0;
    float p[CLASSES];
    if (epoch >= o.epochs) /* trained to the end before, but perhaps the tuner never heard of it */
        return print_epoch(&net, &all, val, n_val, test, n_test, epoch, (double)NAN) ? 0 : 1;
    while (epoch < o.epochs && !stop_asked) {
        double train_loss = 0;
        int in_batch = 0;
        memcpy(shuffled, order,
               sizeof shuffled); /* from the same start, so that a resumed run is the same run */
        shuffle(shuffled, n_train, &rng);
        for (int i = 0; i < n_train; i++) {
            const float *x = all.x[shuffled[i]];
            int label = all.label[shuffled[i]];
            train_loss += softmax_loss(forward(&net, x, o.dropout, &rng), label, p);
            backward(&net, x, p, label, o.label_smoothing);
            if (++in_batch == o.batch || i == n_train - 1) {
                double progress = (epoch + (double)i / n_train) / (o.planned > 0 ? o.planned : o.epochs);
                update(&net, &o, learning_rate(&o, progress), in_batch);
                in_batch = 0;
            }
        }
        epoch++;
        if (o.checkpoint && checkpoint_save(&o, &net, epoch, rng) != 0)
            fprintf(stderr, "train: cannot write the checkpoint in '%s'\n", o.checkpoint);
        if (!print_epoch(&net, &all, val, n_val, test, n_test, epoch, train_loss / n_train)) return 1;
    }
    network_free(&net);
    return preempted && o.checkpoint && epoch < o.epochs ? 75 : 0;
}
