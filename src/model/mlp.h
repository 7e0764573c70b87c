/* SPDX-License-Identifier: Apache-2.0 */
/* model/mlp.h - a small network of layers of one width, its derivatives, and Adam. */
#ifndef MODEL_MLP_H
#define MODEL_MLP_H
#include "hpo.h"
#include <stddef.h>
#include <stdint.h>

typedef enum hpo_mlp_unit {
    HPO_MLP_TANH,
    HPO_MLP_LEAKY, /* max(x, x / 100) */
    HPO_MLP_LINEAR
} hpo_mlp_unit;

/* Layer l maps n_in (l 0) or width numbers to width: s(W x + b); W row-major (width x inputs), then b. */
typedef struct hpo_mlp {
    size_t n_in, width, n_layers, n_weights;
    hpo_mlp_unit unit; /* s; tanh until it is set */
    double *weight;
    double *transposed; /* scratch, as many */
} hpo_mlp;

HPO_NODISCARD hpo_status hpo_mlp_init(hpo_mlp *m, size_t n_in, size_t width, size_t n_layers, hpo_error *err);
void hpo_mlp_fini(hpo_mlp *m);
/* Glorot's uniform weights times `gain`, zero biases; a function of the seed. */
void hpo_mlp_reset(hpo_mlp *m, double gain, uint64_t seed);
/* Weights and biases of each layer uniform within 1 / sqrt(its inputs); a function of the seed. */
void hpo_mlp_reset_with_biases(hpo_mlp *m, uint64_t seed);
/* n rows x (n x n_in): out n_layers x n x width, the last layer last. */
void hpo_mlp_forward(const hpo_mlp *m, const double *x, size_t n, double *out);
/* Doubles of scratch for n rows. */
size_t hpo_mlp_work(const hpo_mlp *m, size_t n);
/* From d loss / d last layer (n x width, destroyed), adds to gradient (n_weights; NULL: not wanted) and
 * writes dx (n x n_in; NULL: not wanted). */
void hpo_mlp_backward(const hpo_mlp *m, const double *x, size_t n, const double *out, double *d_last,
                      double *gradient, double *dx, double *work);

/* Adam (Kingma & Ba 2015, algorithm 1) on n parameters; zero-initialise mean and square (n each), step. */
typedef struct hpo_adam {
    double rate;
    double power1, power2; /* beta^step; start at 1 */
} hpo_adam;
void hpo_adam_step(hpo_adam *a, size_t n, const double *gradient, double *mean, double *square, double *x);
#endif
