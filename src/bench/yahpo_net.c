/* SPDX-License-Identifier: Apache-2.0 */
/* bench/yahpo_net.c - evaluates the surrogate nets of YAHPO Gym (Pfisterer et al. 2022) from .yhp files.
 *
 * The net, with BN(x) = s x + t (batch normalisation, folded) and d channels:
 *
 *     x <- W0 [embedding of each category, transformed numbers] + b0
 *     in every block   [a | b] = W1 BN(x) + b1,   x <- x + W2 (a max(b, 0)) + b2          (gated ReLU)
 *     y = sigmoid(Wh max(BN(x), 0) + bh), then a chain of scalar operations for each output.
 *
 * Weights and activations are float32.  About half of the gates b are closed, so b is computed first, a only
 * where b > 0, and W2 (stored transposed) is read only at those rows: two thirds of the work.  Sums run in
 * sixteen strands that are added in a fixed order, which compilers turn into vector code and which gives the
 * same bits everywhere. */
#include "bench/yahpo_net.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/os.h"
#include "math/func.h"

enum { LANES = 16, MAX_WIDTH = 512, MAX_HIDDEN = 2048, MAX_CHAIN = 64, MAX_BLOCKS = 64, MAX_FILE = 1 << 28 };

typedef struct chain {
    size_t n;
    const int32_t *op;
    const float *c;
} chain;

typedef struct block {
    size_t hidden;
    const float *scale, *shift; /* width */
    const float *wa, *wb;       /* hidden x width */
    const float *ba, *bb;       /* hidden */
    const float *w2;            /* hidden x width: transposed */
    const float *b2;            /* width */
} block;

struct hpo_net {
    float *weights; /* one allocation that all the pointers point into */
    size_t n_categories, n_numbers, n_outputs, n_blocks;
    size_t n_inputs; /* embeddings and numbers */
    size_t width;    /* channels, rounded up to whole LANES; the surplus stays 0 */
    const float *embedding[HPO_NET_MAX_INPUTS];
    size_t codes[HPO_NET_MAX_INPUTS], embedding_size[HPO_NET_MAX_INPUTS];
    chain number[HPO_NET_MAX_INPUTS], output[HPO_NET_MAX_OUTPUTS];
    const float *w0, *b0; /* n_inputs x width (transposed), width */
    block blocks[MAX_BLOCKS];
    const float *scale, *shift; /* width */
    const float *wh, *bh;       /* n_outputs x width, n_outputs */
};

/* ---- reading -------------------------------------------------------------------------------- */

/* Reads the file front to back; what lies beyond its end reads as 0 and sets `bad`. */
typedef struct reader {
    const unsigned char *p, *end;
    float *to; /* where the next weights go */
    int bad;
} reader;

static uint32_t read_word(reader *r)
{
    if (r->end - r->p < 4) {
        r->bad = 1;
        return 0;
    }
    const unsigned char *p = r->p;
    r->p += 4;
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* A count that must lie in low..high. */
static size_t read_count(reader *r, size_t low, size_t high)
{
    uint32_t v = read_word(r);
    if (v < low || v > high) r->bad = 1;
    return r->bad ? low : (size_t)v;
}

static float read_float(reader *r)
{
    uint32_t bits = read_word(r);
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* rows x columns numbers, every row filled up with zeros to `padded`. */
static const float *read_matrix(reader *r, size_t rows, size_t columns, size_t padded)
{
    float *w = r->to;
    if (r->bad || (size_t)(r->end - r->p) / 4 < rows * columns) {
        r->bad = 1;
        return w;
    }
    r->to += rows * padded;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < padded; j++)
            w[i * padded + j] = j < columns ? read_float(r) : 0.0f;
    return w;
}

/* The file has rows x columns; the result is columns x rows, rows filled up to `padded`. */
static const float *read_transposed(reader *r, size_t rows, size_t columns, size_t padded)
{
    float *w = r->to;
    if (r->bad || (size_t)(r->end - r->p) / 4 < rows * columns) {
        r->bad = 1;
        return w;
    }
    r->to += columns * padded;
    memset(w, 0, columns * padded * sizeof *w);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++)
            w[j * padded + i] = read_float(r);
    return w;
}

static chain read_chain(reader *r)
{
    chain c = {.n = read_count(r, 0, MAX_CHAIN)};
    int32_t *op = (int32_t *)(void *)r->to;
    float *value = r->to + c.n;
    c.op = op;
    c.c = value;
    r->to += 2 * c.n;
    for (size_t i = 0; i < c.n; i++) {
        op[i] = (int32_t)read_count(r, 1, 12);
        value[i] = read_float(r);
    }
    return c;
}

static void read_block(reader *r, block *b, size_t d, size_t width)
{
    size_t h = b->hidden = read_count(r, 1, MAX_HIDDEN);
    b->scale = read_matrix(r, 1, d, width);
    b->shift = read_matrix(r, 1, d, width);
    b->wa = read_matrix(r, h, d, width);
    b->wb = read_matrix(r, h, d, width);
    b->ba = read_matrix(r, 1, h, h);
    b->bb = read_matrix(r, 1, h, h);
    b->w2 = read_transposed(r, d, h, width);
    b->b2 = read_matrix(r, 1, d, width);
}

static void read_net(reader *r, hpo_net *n)
{
    n->n_categories = read_count(r, 0, HPO_NET_MAX_INPUTS);
    n->n_numbers = read_count(r, 0, HPO_NET_MAX_INPUTS);
    n->n_outputs = read_count(r, 1, HPO_NET_MAX_OUTPUTS);
    size_t d = read_count(r, 1, MAX_WIDTH);
    n->n_blocks = read_count(r, 0, MAX_BLOCKS);
    n->width = (d + LANES - 1) / LANES * LANES;
    n->n_inputs = n->n_numbers;
    for (size_t i = 0; i < n->n_categories; i++) {
        n->codes[i] = read_count(r, 1, 1 << 20);
        n->embedding_size[i] = read_count(r, 1, MAX_WIDTH);
        n->embedding[i] = read_matrix(r, n->codes[i], n->embedding_size[i], n->embedding_size[i]);
        n->n_inputs += n->embedding_size[i];
    }
    for (size_t i = 0; i < n->n_numbers; i++)
        n->number[i] = read_chain(r);
    n->w0 = read_transposed(r, d, n->n_inputs, n->width);
    n->b0 = read_matrix(r, 1, d, n->width);
    for (size_t i = 0; i < n->n_blocks; i++)
        read_block(r, &n->blocks[i], d, n->width);
    n->scale = read_matrix(r, 1, d, n->width);
    n->shift = read_matrix(r, 1, d, n->width);
    n->wh = read_matrix(r, n->n_outputs, d, n->width);
    n->bh = read_matrix(r, 1, n->n_outputs, n->n_outputs);
    for (size_t i = 0; i < n->n_outputs; i++)
        n->output[i] = read_chain(r);
}

/* Room for everything: the file's numbers, with rows of d filled up by a factor of at most LANES. */
static size_t room_for(const unsigned char *bytes, size_t size)
{
    reader r = {.p = bytes + 4 + 12, .end = bytes + size};
    size_t d = read_count(&r, 1, MAX_WIDTH), width = (d + LANES - 1) / LANES * LANES;
    return (size / 4 + 1) * ((width + d - 1) / d) + 2 * MAX_CHAIN; /* a chain may be cut off */
}

hpo_status hpo_net_load(hpo_net **out, const char *path, hpo_error *err)
{
    char *bytes = NULL;
    size_t size;
    *out = NULL;
    HPO_TRY(hpo_os_read_file(path, MAX_FILE, &bytes, &size, err));
    hpo_net *n = hpo_calloc(1, sizeof *n);
    hpo_status rc = n == NULL ? hpo_fail_memory(err) : HPO_OK;
    if (rc == HPO_OK && (size < 24 || memcmp(bytes, "YHP1", 4) != 0))
        rc = hpo_fail(err, HPO_EINVAL, "%s: no net in the format YHP1", path);
    if (rc == HPO_OK) {
        n->weights = hpo_alloc_array(room_for((const unsigned char *)bytes, size), sizeof *n->weights);
        if (n->weights == NULL) rc = hpo_fail_memory(err);
    }
    if (rc == HPO_OK) {
        reader r = {.p = (const unsigned char *)bytes + 4,
                    .end = (const unsigned char *)bytes + size,
                    .to = n->weights};
        read_net(&r, n);
        if (r.bad || r.p != r.end)
            rc = hpo_fail(err, HPO_EINVAL, "%s: damaged, %s; copy it again", path,
                          r.bad ? "it ends too early or has a size out of range" : "bytes are left over");
    }
    hpo_free(bytes);
    if (rc == HPO_OK)
        *out = n;
    else
        hpo_net_free(n);
    return rc;
}

void hpo_net_free(hpo_net *n)
{
    if (n == NULL) return;
    hpo_free(n->weights);
    hpo_free(n);
}

size_t hpo_net_n_categories(const hpo_net *n)
{
    return n->n_categories;
}

size_t hpo_net_n_numbers(const hpo_net *n)
{
    return n->n_numbers;
}

size_t hpo_net_n_outputs(const hpo_net *n)
{
    return n->n_outputs;
}

size_t hpo_net_codes(const hpo_net *n, size_t i)
{
    return n->codes[i];
}

/* ---- evaluation ----------------------------------------------------------------------------- */

/* The inner loops have a constant count and neither side overlaps: vector code at -O2. */
static float dot(const float *restrict a, const float *restrict b, size_t n)
{
    float s[LANES] = {0};
    for (size_t i = 0; i < n; i += LANES)
        for (size_t j = 0; j < LANES; j++)
            s[j] += a[i + j] * b[i + j];
    for (size_t half = LANES / 2; half > 0; half /= 2)
        for (size_t j = 0; j < half; j++)
            s[j] += s[j + half];
    return s[0];
}

/* y += a x */
static void add_scaled(float *restrict y, const float *restrict x, float a, size_t n)
{
    for (size_t i = 0; i < n; i += LANES)
        for (size_t j = 0; j < LANES; j++)
            y[i + j] += a * x[i + j];
}

static double run_chain(const chain *c, double x)
{
    for (size_t i = 0; i < c->n; i++) {
        double v = (double)c->c[i];
        switch (c->op[i]) {
        case 1:
            x += v;
            break;
        case 2:
            x -= v;
            break;
        case 3:
            x *= v;
            break;
        case 4:
            x /= v;
            break;
        case 5:
            x = hpo_log(x);
            break;
        case 6:
            x = hpo_exp(x);
            break;
        case 7:
            x = -x;
            break;
        case 8:
            x = rint(x);
            break;
        case 9:
            x = x < v ? v : x;
            break;
        case 10:
            x = x > v ? v : x;
            break;
        case 11:
            x = v - x;
            break;
        default:
            x = v / x;
            break;
        }
    }
    return x;
}

/* x = W0 [embeddings, numbers] + b0 */
static void first_layer(const hpo_net *n, const int32_t *category, const double *number, float *x)
{
    const float *w = n->w0;
    memcpy(x, n->b0, n->width * sizeof *x);
    for (size_t i = 0; i < n->n_categories; i++) {
        const float *e = n->embedding[i] + (size_t)category[i] * n->embedding_size[i];
        for (size_t k = 0; k < n->embedding_size[i]; k++, w += n->width)
            add_scaled(x, w, e[k], n->width);
    }
    for (size_t i = 0; i < n->n_numbers; i++, w += n->width)
        add_scaled(x, w, (float)run_chain(&n->number[i], (double)(float)number[i]), n->width);
}

static void residual_block(const block *b, float *restrict x, size_t width)
{
    float z[MAX_WIDTH];
    for (size_t i = 0; i < width; i++)
        z[i] = x[i] * b->scale[i] + b->shift[i];
    for (size_t i = 0; i < width; i++)
        x[i] += b->b2[i];
    for (size_t j = 0; j < b->hidden; j++) {
        float gate = dot(b->wb + j * width, z, width) + b->bb[j];
        if (!(gate > 0.0f)) continue;
        float a = dot(b->wa + j * width, z, width) + b->ba[j];
        add_scaled(x, b->w2 + j * width, a * gate, width);
    }
}

void hpo_net_evaluate(const hpo_net *n, const int32_t *category, const double *number, double *output)
{
    float x[MAX_WIDTH];
    first_layer(n, category, number, x);
    for (size_t i = 0; i < n->n_blocks; i++)
        residual_block(&n->blocks[i], x, n->width);
    for (size_t i = 0; i < n->width; i++) {
        float v = x[i] * n->scale[i] + n->shift[i];
        x[i] = v > 0.0f ? v : 0.0f;
    }
    for (size_t i = 0; i < n->n_outputs; i++) {
        double z = (double)(dot(n->wh + i * n->width, x, n->width) + n->bh[i]);
        output[i] = run_chain(&n->output[i], 1 / (1 + hpo_exp(-z)));
    }
}
