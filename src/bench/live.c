/* SPDX-License-Identifier: Apache-2.0 */
/* bench/live.c - real training inside the process: a multi-layer perceptron on the UCI handwritten digits.
 *
 * 1 000 images (8 x 8, 10 classes) to learn from, 500 to validate; value: share of wrong answers; the network
 * is live_net.c's.  digits-mlp: the usual hyperparameters, constant learning rate.  digits-mlp-many: all that
 * people tune, 26 of them, half of which matter little: width and dropout of each layer, initial weights,
 * kind of units, both optimisers' own parameters, schedule, warm-up, label smoothing, clipping, noise.
 *
 * A run of 20 epochs passes through what a run of 10 gives: resumable (the answer is computed from the start
 * again).  The seed of the query decides initial weights, order, dropout and noise. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "bench/families.h"
#include "bench/live_data.h"
#include "bench/live_net.h"

enum { EPOCHS = 20 };
enum { LR, OPTIMISER, MOMENTUM, DECAY, HIDDEN, DEPTH, BATCH, DROPOUT };

static const char few_text[] = "lr: log 1e-4..1; opt: sgd,adam; momentum: revlog 0..0.99 if opt == sgd; "
                               "weight_decay: log 1e-6..0.1; hidden: int log 8..64; depth: int 1..2; "
                               "batch: ordinal 16,32,64,128; dropout: 0..0.6; epochs: fidelity 1..20";

/* Columns of many_text, in its order. */
enum many {
    M_LR,
    M_OPTIMISER,
    M_MOMENTUM,
    M_NESTEROV,
    M_BETA1,
    M_BETA2,
    M_EPS,
    M_DECAY,
    M_BATCH,
    M_DEPTH,
    M_WIDTH1,
    M_WIDTH2,
    M_WIDTH3,
    M_UNIT,
    M_INPUT_DROPOUT,
    M_DROPOUT1,
    M_DROPOUT2,
    M_DROPOUT3,
    M_SCALE,
    M_SCHEDULE,
    M_FINAL,
    M_WARMUP,
    M_SMOOTHING,
    M_CLIP,
    M_CLIP_NORM,
    M_INPUT_NOISE
};
static const char many_text[] =
    "lr: log 1e-4..1; opt: sgd,adam; momentum: revlog 0..0.99 if opt == sgd; nesterov: bool if opt == sgd; "
    "beta1: 0.5..0.99 if opt == adam; beta2: revlog 0.9..0.9999 if opt == adam; "
    "eps: log 1e-10..1e-2 if opt == adam; weight_decay: log 1e-6..0.1; batch: ordinal 16,32,64,128; "
    "depth: int 1..3; width1: int log 8..64; width2: int log 8..64 if depth >= 2; "
    "width3: int log 8..64 if depth >= 3; unit: relu,leaky,tanh; input_dropout: 0..0.5; dropout1: 0..0.6; "
    "dropout2: 0..0.6 if depth >= 2; dropout3: 0..0.6 if depth >= 3; init: log 0.1..3; "
    "schedule: constant,cosine,step; final: log 1e-3..1 if schedule != constant; warmup: 0..0.5; "
    "smoothing: 0..0.3; clip: bool; clip_norm: log 0.01..10 if clip; input_noise: 0..0.5; "
    "epochs: fidelity 1..20";

static size_t batch_size(double label)
{
    static const size_t sizes[] = {16, 32, 64, 128};
    return sizes[(size_t)label];
}

static double or_zero(double v)
{
    return isnan(v) ? 0 : v;
}

static hpo_net_options few_options(const double *x)
{
    hpo_net_options o = {
        .depth = (size_t)x[DEPTH],
        .batch = batch_size(x[BATCH]),
        .unit = HPO_NET_RELU,
        .scale = 1,
        .adam = x[OPTIMISER] > 0,
        .lr = x[LR],
        .decay = x[DECAY],
        .momentum = or_zero(x[MOMENTUM]),
        .beta1 = 0.9,
        .beta2 = 0.999,
        .eps = 1e-8,
        .planned = EPOCHS,
    };
    for (size_t l = 0; l < o.depth; l++) {
        o.width[l] = (size_t)x[HIDDEN];
        o.dropout[l] = x[DROPOUT];
    }
    return o;
}

static hpo_net_options many_options(const double *x)
{
    hpo_net_options o = {
        .depth = (size_t)x[M_DEPTH],
        .batch = batch_size(x[M_BATCH]),
        .input_dropout = x[M_INPUT_DROPOUT],
        .input_noise = x[M_INPUT_NOISE],
        .unit = (hpo_net_unit)x[M_UNIT],
        .scale = x[M_SCALE],
        .adam = x[M_OPTIMISER] > 0,
        .lr = x[M_LR],
        .decay = x[M_DECAY],
        .momentum = or_zero(x[M_MOMENTUM]),
        .nesterov = x[M_NESTEROV] > 0,
        .beta1 = or_zero(x[M_BETA1]),
        .beta2 = or_zero(x[M_BETA2]),
        .eps = or_zero(x[M_EPS]),
        .schedule = (hpo_net_schedule)x[M_SCHEDULE],
        .final = isnan(x[M_FINAL]) ? 1 : x[M_FINAL],
        .warmup = x[M_WARMUP],
        .planned = EPOCHS,
        .smoothing = x[M_SMOOTHING],
        .clip = or_zero(x[M_CLIP_NORM]),
    };
    for (size_t l = 0; l < o.depth; l++) {
        o.width[l] = (size_t)x[M_WIDTH1 + l];
        o.dropout[l] = x[M_DROPOUT1 + l];
    }
    return o;
}

/* ---- the problems ------------------------------------------------------------------------------ */

typedef struct kind {
    const char *name, *space;
    double typical; /* median of 400 random configurations */
    uint32_t suites;
    hpo_net_options (*options)(const double *x);
} kind;

static const kind kinds[] = {
    {"digits-mlp", few_text, 0.264, 1u << HPO_SUITE_HPO | 1u << HPO_SUITE_NOISY, few_options},
    {"digits-mlp-many", many_text, 0.622,
     1u << HPO_SUITE_HPO | 1u << HPO_SUITE_NOISY | 1u << HPO_SUITE_CONDITIONAL | 1u << HPO_SUITE_HIGHDIM,
     many_options},
};

typedef struct state {
    const kind *kind;
    hpo_net_digits *digits;
} state;

static int list(size_t i, const char *data, char *name, size_t cap)
{
    if (i >= sizeof kinds / sizeof *kinds || !hpo_live_has_digits(data)) return 0;
    (void)snprintf(name, cap, "%s", kinds[i].name);
    return 1;
}

static hpo_status open_problem(hpo_problem *p, const char *data, hpo_error *err)
{
    const kind *k = NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(p->name, kinds[i].name) == 0) k = &kinds[i];
    if (k == NULL) return HPO_ENOTFOUND;
    state *s = p->state = hpo_calloc(1, sizeof *s);
    if (s == NULL) return hpo_fail_memory(err);
    s->kind = k;
    HPO_TRY(hpo_net_read_digits(&s->digits, data, err));
    HPO_TRY(hpo_space_parse(k->space, &p->space, err));
    p->n_objectives = 1;
    p->objective_names[0] = "error";
    p->full_resource = EPOCHS;
    p->min_resource = 1;
    p->resumable = 1;
    p->noisy = 1;
    p->best[0] = 0; /* a bound */
    p->typical = k->typical;
    p->budget = 100;
    p->suites = k->suites;
    return HPO_OK;
}

static hpo_status evaluate(const hpo_problem *p, const hpo_problem_query *q, hpo_problem_answer *a,
                           hpo_error *err)
{
    const state *s = p->state;
    hpo_net_options o = s->kind->options(q->x);
    double epochs = isnan(q->resource) ? EPOCHS : floor(q->resource);
    double from = q->from > 0 ? floor(q->from) : 0;
    o.seed = q->seed;
    HPO_TRY(hpo_net_train(&o, s->digits, epochs, fmax(0, epochs - from), &a->y[0], &a->seconds, err));
    a->failed = isnan(a->y[0]);
    return HPO_OK;
}

static void close_problem(hpo_problem *p)
{
    state *s = p->state;
    if (s == NULL) return;
    hpo_free(s->digits);
    hpo_free(s);
}

const hpo_problem_family hpo_live_problems = {
    .name = "live",
    .help = "real training inside the process: perceptrons on handwritten digits",
    .reference = "UCI Optical Recognition of Handwritten Digits (CC BY 4.0)",
    .list = list,
    .open = open_problem,
    .evaluate = evaluate,
    .close = close_problem,
};
