/* SPDX-License-Identifier: Apache-2.0 */
/* model/rung_models.h - one forest a rung, weighed by how well each ranks the results of the reference rung, and
 * joined to one posterior.  The mathematics: model/rung_models.c. */
#ifndef MODEL_RUNG_MODELS_H
#define MODEL_RUNG_MODELS_H
#include "model/embed.h"
#include "model/posterior.h"
#include "model/rungs.h"
#include "model/transform.h"

enum { HPO_RUNG_MODELS_LEAST = 6 }; /* results that make a rung the reference */

typedef struct hpo_rung_models hpo_rung_models;
/* n_rungs: at most HPO_RUNGS_MAX.  The embedding must outlive them. */
HPO_NODISCARD hpo_status hpo_rung_models_create(const hpo_embed *embed, size_t n_rungs, uint64_t seed,
                                                hpo_rung_models **out, hpo_error *err);
void hpo_rung_models_free(hpo_rung_models *m);
/* One more result: u (n_dims), y finite. */
HPO_NODISCARD hpo_status hpo_rung_models_add(hpo_rung_models *m, size_t rung, const double *u, double y, hpo_error *err);
size_t hpo_rung_models_size(const hpo_rung_models *m, size_t rung);

/* Brings the forests up to date and finds the weights (n_rungs, sum 1; 0 above *reference).  *reference n_rungs: no rung
 * has HPO_RUNG_MODELS_LEAST results; then all weights are 0.  A function of the results, their order and rng. */
HPO_NODISCARD hpo_status hpo_rung_models_weigh(hpo_rung_models *m, hpo_rng *rng, double *weights, size_t *reference,
                                               hpo_error *err);
/* The joint posterior with the weights of the last weigh (a reference was found), in model units, which each
 * rung has of its own.  Valid until the next add. */
hpo_posterior hpo_rung_models_posterior(const hpo_rung_models *m);
/* What makes values of a rung the numbers that its forest sees; of the last weigh. */
const hpo_transform *hpo_rung_models_transform(const hpo_rung_models *m, size_t rung);
/* A trial that runs counts at every rung as its median, until the next weigh. */
HPO_NODISCARD hpo_status hpo_rung_models_assume(hpo_rung_models *m, const double *u, hpo_error *err);
#endif
