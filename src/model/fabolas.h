/* SPDX-License-Identifier: Apache-2.0 */
/* model/fabolas.h - what trainings on shares of the data say of the loss and of the cost: FABOLAS's two processes over
 * configuration and share (Klein, Falkner, Bartels, Hennig & Hutter, AISTATS 2017).  The mathematics: fabolas.c. */
#ifndef MODEL_FABOLAS_H
#define MODEL_FABOLAS_H
#include "model/fidelity_gp.h"

typedef struct hpo_fabolas hpo_fabolas;
/* low < high or both the same: the range of the resource.  `first`: results at which hyperparameters are fitted first.
 * `embed` must outlive the model. */
HPO_NODISCARD hpo_status hpo_fabolas_create(const hpo_embed *embed, double low, double high, size_t first,
                                            hpo_fabolas **out, hpo_error *err);
void hpo_fabolas_free(hpo_fabolas *f);
/* Where a resource lies: 0 at low, 1 at high, linear in its logarithm; the resource of such a place. */
double hpo_fabolas_place(const hpo_fabolas *f, double resource);
double hpo_fabolas_resource(const hpo_fabolas *f, double place);

/* A training of `trial` up to `resource` has ended with loss y (finite).  cost: of coming there from the start, 0:
 * unknown.  u: points of all trials, by number. */
HPO_NODISCARD hpo_status hpo_fabolas_add(hpo_fabolas *f, int64_t trial, double resource, double y, double cost,
                                         const double *u, hpo_error *err);
/* The loss of the trial's newest training becomes y. */
void hpo_fabolas_correct(hpo_fabolas *f, int64_t trial, double y);
size_t hpo_fabolas_size(const hpo_fabolas *f);

/* A training under way. */
typedef struct hpo_fabolas_pending {
    int64_t trial;
    double resource;
} hpo_fabolas_pending;
/* Learns from all trainings, and takes the pending ones for ended with the loss that is expected of them.  HPO_WAIT:
 * there is too little to learn from.  A function of what was added. */
HPO_NODISCARD hpo_status hpo_fabolas_update(hpo_fabolas *f, const double *u, const hpo_fabolas_pending *pending,
                                            size_t n_pending, hpo_error *err);
/* After an update: the process of the loss, whose resources are places. */
const hpo_fidelity_gp *hpo_fabolas_loss(const hpo_fabolas *f);
/* ln of the expected cost of trainings of m rows of u at a place; in units of the resource (no cost is known) or of what
 * was reported. */
void hpo_fabolas_log_cost(const hpo_fabolas *f, const double *u, size_t m, double place, double *out);
/* 1: costs were reported, and log_cost speaks of these. */
int hpo_fabolas_knows_cost(const hpo_fabolas *f);
#endif
