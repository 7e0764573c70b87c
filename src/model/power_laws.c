/* SPDX-License-Identifier: Apache-2.0 */
/* model/power_laws.c - the surrogate of DPL, deep power laws (Kadra, Janowski, Wistuba & Grabocka, "Scaling
 * laws for hyperparameter optimization", NeurIPS 2023, section 3).
 *
 * A network maps the features x of a configuration to (alpha, s, t), and the value at the share b of the full
 * resource is
 *
 *     f(x, b) = alpha + beta b^(-gamma),   beta = s sigma(s),   gamma = t sigma(t),
 *
 * sigma the logistic function: a gate, as in the authors' program, which keeps beta and gamma above -0.28.
 * Each of MEMBERS networks has first weights of its own and goes through the rows in an order of its own, in
 * batches, with Adam on the batch's mean |f - y|:
 *
 *     d / d alpha = e,   d / d s = e b^(-gamma) g(s),   d / d t = - e beta b^(-gamma) ln b g(t),
 *     e = sign(f - y) / n,   g(s) = sigma(s) (1 + s (1 - sigma(s))).
 *
 * Mean and variance of a prediction are those of the members.  When learning goes on from weights that are
 * there, new rows are in every batch (the authors' program: the newest row).
 *
 * Unlike the paper's: two layers of WIDTH units (leaky ReLU; 128 there) with a greater rate, which anneals in
 * the last third, because a decision must not take a second; b^(-gamma) stays below e^CAP; and the first
 * biases of s and t are BEGIN higher.  There beta and gamma begin near 0 with either sign, and a network that
 * goes the wrong way stays at the gates' minimum, where the curve hardly bends: one to three of five did,
 * also with 128 units. */
#include "model/power_laws.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "math/linalg.h"
#include "math/rng.h"
#include "model/mlp.h"

enum {
    MEMBERS = HPO_POWER_MEMBERS,
    WIDTH = 32,
    LAYERS = 2,
    OUT = 3,
    ROOM = HPO_POWER_BATCH + HPO_POWER_NEW /* rows of a batch */
};
static const double RATE = 0.01, CAP = 30, BEGIN = 0.3;

typedef struct member {
    hpo_mlp body, head;
} member;

struct hpo_power_laws {
    size_t n_in, n_free;
    uint64_t seed, n_trainings;
    member members[MEMBERS];
    double *gradient, *adam;  /* n_free: body, then head; 2 n_free */
    double *x, *ln_share, *y; /* a batch */
    double *hidden, *raw;     /* ROOM x WIDTH x LAYERS, ROOM x OUT: what a pass leaves behind */
    double *d_raw, *d_hidden, *work;
    uint32_t *order; /* max_rows */
};

/* ---- begin and end ------------------------------------------------------------------------------------- */

static hpo_status take_memory(hpo_power_laws *m, hpo_error *err)
{
    size_t work = 0;
    for (size_t k = 0; k < MEMBERS; k++) {
        member *e = &m->members[k];
        HPO_TRY(hpo_mlp_init(&e->body, m->n_in, WIDTH, LAYERS, err));
        HPO_TRY(hpo_mlp_init(&e->head, WIDTH, OUT, 1, err));
        e->body.unit = HPO_MLP_LEAKY;
        e->head.unit = HPO_MLP_LINEAR;
        size_t a = hpo_mlp_work(&e->body, ROOM), b = hpo_mlp_work(&e->head, ROOM);
        work = a > b ? a : b;
        m->n_free = e->body.n_weights + e->head.n_weights;
    }
    size_t row = m->n_in + 2 + WIDTH * LAYERS + OUT + OUT + WIDTH;
    m->gradient = hpo_calloc(3 * m->n_free + ROOM * row + work, sizeof *m->gradient);
    if (m->gradient == NULL) return hpo_fail_memory(err);
    m->adam = m->gradient + m->n_free;
    m->x = m->adam + 2 * m->n_free;
    m->ln_share = m->x + ROOM * m->n_in;
    m->y = m->ln_share + ROOM;
    m->hidden = m->y + ROOM;
    m->raw = m->hidden + (size_t)(ROOM * WIDTH * LAYERS);
    m->d_raw = m->raw + (size_t)(ROOM * OUT);
    m->d_hidden = m->d_raw + (size_t)(ROOM * OUT);
    m->work = m->d_hidden + (size_t)(ROOM * WIDTH);
    return HPO_OK;
}

/* First weights of a member; `run` tells one training from scratch from the next. */
static void first_weights(hpo_power_laws *m, size_t k, uint64_t run)
{
    uint64_t seed = m->seed + 2 * (run * MEMBERS + k);
    hpo_mlp_reset_with_biases(&m->members[k].body, seed);
    hpo_mlp_reset_with_biases(&m->members[k].head, seed + 1);
    double *bias = m->members[k].head.weight + (size_t)(OUT * WIDTH);
    bias[1] += BEGIN;
    bias[2] += BEGIN;
}

hpo_status hpo_power_laws_create(size_t n_in, size_t max_rows, uint64_t seed, hpo_power_laws **out,
                                 hpo_error *err)
{
    *out = NULL;
    hpo_power_laws *m = hpo_calloc(1, sizeof *m);
    if (m == NULL) return hpo_fail_memory(err);
    m->n_in = n_in;
    m->seed = seed;
    hpo_status s = take_memory(m, err);
    m->order = hpo_alloc_array(max_rows, sizeof *m->order);
    if (s == HPO_OK && m->order == NULL) s = hpo_fail_memory(err);
    if (s != HPO_OK) {
        hpo_power_laws_free(m);
        return s;
    }
    for (size_t k = 0; k < MEMBERS; k++)
        first_weights(m, k, 0);
    *out = m;
    return HPO_OK;
}

void hpo_power_laws_free(hpo_power_laws *m)
{
    if (m == NULL) return;
    for (size_t k = 0; k < MEMBERS; k++) {
        hpo_mlp_fini(&m->members[k].body);
        hpo_mlp_fini(&m->members[k].head);
    }
    hpo_free(m->gradient);
    hpo_free(m->order);
    hpo_free(m);
}

double *hpo_power_laws_weights(hpo_power_laws *m, size_t k, int part, size_t *n)
{
    hpo_mlp *net = part == 0 ? &m->members[k].body : &m->members[k].head;
    *n = net->n_weights;
    return net->weight;
}

/* ---- the power law ------------------------------------------------------------------------------------- */

/* s sigma(s), and its slope. */
static double gate(double s, double *slope)
{
    double p = 1 / (1 + hpo_exp(-fmin(fmax(s, -700), 700)));
    *slope = p * (1 + s * (1 - p));
    return s * p;
}

/* The value at one row of the last layer, and d value / d row. */
static double law(const double *raw, double ln_share, double d[OUT])
{
    double slope_s, slope_t, beta = gate(raw[1], &slope_s), gamma = gate(raw[2], &slope_t);
    double exponent = -gamma * ln_share, power = hpo_exp(fmin(exponent, CAP));
    d[0] = 1;
    d[1] = power * slope_s;
    d[2] = exponent < CAP ? -beta * power * ln_share * slope_t : 0;
    return raw[0] + beta * power;
}

/* n rows through a member: hidden and raw. */
static void forward(const hpo_power_laws *m, const member *e, const double *x, size_t n)
{
    hpo_mlp_forward(&e->body, x, n, m->hidden);
    hpo_mlp_forward(&e->head, m->hidden + (LAYERS - 1) * n * WIDTH, n, m->raw);
}

void hpo_power_laws_parameters(const hpo_power_laws *m, size_t k, const double *x, size_t n, double *out)
{
    double slope;
    for (size_t from = 0; from < n; from += ROOM) {
        size_t count = n - from < ROOM ? n - from : ROOM;
        forward(m, &m->members[k], x + from * m->n_in, count);
        for (size_t i = 0; i < count; i++) {
            double *p = out + (from + i) * OUT;
            const double *raw = m->raw + i * OUT;
            p[0] = raw[0];
            p[1] = gate(raw[1], &slope);
            p[2] = gate(raw[2], &slope);
        }
    }
}

void hpo_power_laws_moments(const hpo_power_laws *m, const double *x, double ln_share, size_t n, double *mean,
                            double *var)
{
    static const double floor_of_variance = 1e-12;
    double d[OUT];
    for (size_t from = 0; from < n; from += ROOM) {
        size_t count = n - from < ROOM ? n - from : ROOM;
        double *value = m->work; /* MEMBERS x count */
        for (size_t k = 0; k < MEMBERS; k++) {
            forward(m, &m->members[k], x + from * m->n_in, count);
            for (size_t i = 0; i < count; i++)
                value[k * count + i] = law(m->raw + i * OUT, ln_share, d);
        }
        for (size_t i = 0; i < count; i++) {
            double sum = 0, squares = 0;
            for (size_t k = 0; k < MEMBERS; k++)
                sum += value[k * count + i];
            sum /= MEMBERS;
            for (size_t k = 0; k < MEMBERS; k++)
                squares += (value[k * count + i] - sum) * (value[k * count + i] - sum);
            mean[from + i] = sum;
            var[from + i] = fmax(squares / MEMBERS, floor_of_variance);
        }
    }
}

/* ---- learning ------------------------------------------------------------------------------------------ */

/* Mean |f - y| of n rows of the batch; its gradient is added to m->gradient when wanted. */
static double loss(hpo_power_laws *m, member *e, size_t n, int wanted)
{
    double sum = 0;
    forward(m, e, m->x, n);
    for (size_t i = 0; i < n; i++) {
        double *d = m->d_raw + i * OUT, r = law(m->raw + i * OUT, m->ln_share[i], d) - m->y[i];
        double sign = r > 0 ? 1 : r < 0 ? -1 : 0;
        sum += fabs(r);
        for (size_t j = 0; j < OUT; j++)
            d[j] *= sign / (double)n;
    }
    if (wanted) {
        const double *last = m->hidden + (LAYERS - 1) * n * WIDTH;
        hpo_mlp_backward(&e->head, last, n, m->raw, m->d_raw, m->gradient + e->body.n_weights, m->d_hidden,
                         m->work);
        hpo_mlp_backward(&e->body, m->x, n, m->hidden, m->d_hidden, m->gradient, NULL, m->work);
    }
    return sum / (double)n;
}

static void take_row(hpo_power_laws *m, const hpo_power_rows *rows, size_t from, size_t to)
{
    memcpy(m->x + to * m->n_in, rows->x + from * m->n_in, m->n_in * sizeof *m->x);
    m->ln_share[to] = rows->ln_share[from];
    m->y[to] = rows->y[from];
}

double hpo_power_laws_loss(hpo_power_laws *m, size_t k, const hpo_power_rows *rows, double *gradient)
{
    for (size_t i = 0; i < rows->n; i++)
        take_row(m, rows, i, i);
    memset(m->gradient, 0, m->n_free * sizeof *m->gradient);
    double value = loss(m, &m->members[k], rows->n, gradient != NULL);
    if (gradient != NULL) memcpy(gradient, m->gradient, m->n_free * sizeof *gradient);
    return value;
}

/* One batch: rows from m->order + from on, and all new ones. */
static void step(hpo_power_laws *m, member *e, const hpo_power_rows *rows, size_t from, hpo_adam adam[2])
{
    size_t n = rows->n - from < HPO_POWER_BATCH ? rows->n - from : HPO_POWER_BATCH, body = e->body.n_weights;
    for (size_t i = 0; i < n; i++)
        take_row(m, rows, m->order[from + i], i);
    for (size_t i = 0; i < rows->n_new; i++)
        take_row(m, rows, rows->n + i, n++);
    memset(m->gradient, 0, m->n_free * sizeof *m->gradient);
    (void)loss(m, e, n, 1);
    hpo_adam_step(&adam[0], body, m->gradient, m->adam, m->adam + m->n_free, e->body.weight);
    hpo_adam_step(&adam[1], m->n_free - body, m->gradient + body, m->adam + body, m->adam + m->n_free + body,
                  e->head.weight);
}

static void train_member(hpo_power_laws *m, size_t k, const hpo_power_rows *rows, size_t steps)
{
    hpo_rng rng;
    hpo_adam adam[2] = {{RATE, 1, 1}, {RATE, 1, 1}};
    hpo_rng_init(&rng, m->seed, m->n_trainings * MEMBERS + k, HPO_RNG_BATCH);
    memset(m->adam, 0, 2 * m->n_free * sizeof *m->adam);
    for (size_t i = 0, from = rows->n; i < steps; i++, from += HPO_POWER_BATCH) {
        double left =
            3 * (double)(steps - i) / (double)steps; /* the last third anneals: the weights settle */
        if (from >= rows->n) {
            hpo_rng_permutation(&rng, rows->n, m->order);
            from = 0;
        }
        adam[0].rate = adam[1].rate = RATE * fmin(left, 1);
        step(m, &m->members[k], rows, from, adam);
    }
}

void hpo_power_laws_train(hpo_power_laws *m, const hpo_power_rows *rows, size_t epochs, size_t most,
                          int afresh)
{
    size_t steps = epochs * ((rows->n + HPO_POWER_BATCH - 1) / HPO_POWER_BATCH);
    m->n_trainings++;
    for (size_t k = 0; k < MEMBERS; k++) {
        if (afresh) first_weights(m, k, m->n_trainings);
        train_member(m, k, rows, steps < most ? steps : most);
    }
}
