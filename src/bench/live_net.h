/* SPDX-License-Identifier: Apache-2.0 */
/* bench/live_net.h - a multi-layer perceptron trained on the handwritten digits, with every knob that live
 * problems turn. */
#ifndef BENCH_LIVE_NET_H
#define BENCH_LIVE_NET_H
#include "hpo.h"

enum { HPO_NET_INPUTS = 64, HPO_NET_CLASSES = 10, HPO_NET_MAX_DEPTH = 3 };
enum { HPO_NET_TRAIN = 1000, HPO_NET_VALIDATE = 500 };

typedef enum hpo_net_unit { HPO_NET_RELU, HPO_NET_LEAKY, HPO_NET_TANH } hpo_net_unit;
typedef enum hpo_net_schedule { HPO_NET_CONSTANT, HPO_NET_COSINE, HPO_NET_STEP } hpo_net_schedule;

typedef struct hpo_net_digits {
    float x[HPO_NET_TRAIN + HPO_NET_VALIDATE][HPO_NET_INPUTS];
    int32_t label[HPO_NET_TRAIN + HPO_NET_VALIDATE];
} hpo_net_digits;

typedef struct hpo_net_options {
    size_t depth, batch, width[HPO_NET_MAX_DEPTH];
    double dropout[HPO_NET_MAX_DEPTH];
    double input_dropout, input_noise; /* while training */
    hpo_net_unit unit;
    double scale; /* of the initial weights, in He's */
    int adam;
    double lr, decay;
    double momentum; /* SGD */
    int nesterov;
    double beta1, beta2, eps; /* Adam */
    hpo_net_schedule schedule;
    double final;     /* learning rate at the end, in lr */
    double warmup;    /* share of the planned epochs in which it rises to lr */
    double planned;   /* epochs that schedule and warm-up reckon with */
    double smoothing; /* of the labels */
    double clip;      /* norm of the gradient; 0: none */
    uint64_t seed;    /* initial weights, order, dropout, noise */
} hpo_net_options;

/* *out is freed with hpo_free. */
HPO_NODISCARD hpo_status hpo_net_read_digits(hpo_net_digits **out, const char *data, hpo_error *err);
/* Trains for so many epochs; share of wrong answers on what is left to validate, NaN when the network has
 * diverged.  A run of 20 epochs passes through what a run of 10 gives.  *seconds is a model, not the clock: 6
 * operations a weight and image at 1e9 a second, and 20 microseconds a batch, for the last `paid` epochs. */
HPO_NODISCARD hpo_status hpo_net_train(const hpo_net_options *o, const hpo_net_digits *d, double epochs,
                                       double paid, double *error, double *seconds, hpo_error *err);
#endif
