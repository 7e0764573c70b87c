/* SPDX-License-Identifier: Apache-2.0 */
/* model/dpl.h - what a study knows, as DPL's ensemble of power laws (power_laws.h) sees it.  The rules:
 * model/dpl.c.
 *
 * A fold over reports in the study's order, smaller is better. */
#ifndef MODEL_DPL_H
#define MODEL_DPL_H
#include "model/embed.h"
#include "model/posterior.h"
#include "model/transform.h"

typedef struct hpo_dpl hpo_dpl;
/* level: n_levels resources > 0, ascending; the last one is the full resource.  `embed` must outlive it. */
HPO_NODISCARD hpo_status hpo_dpl_create(const hpo_embed *embed, const double *level, size_t n_levels,
                                        uint64_t seed, hpo_dpl **out, hpo_error *err);
void hpo_dpl_free(hpo_dpl *k);
/* A value that is not finite fails the trial for good.  u: configurations by trial (n x n_dims), known for
 * every trial that has reported; the networks learn when this report makes it due. */
HPO_NODISCARD hpo_status hpo_dpl_report(hpo_dpl *k, size_t trial, double resource, double value,
                                        const double *u, hpo_error *err);
int hpo_dpl_ready(const hpo_dpl *k); /* 0: there was too little to learn from; then none of what follows */
/* Model units: the value at the full resource of n trials that have reported. */
void hpo_dpl_forecast(hpo_dpl *k, const double *u, const uint32_t *trial, size_t n, double *mean,
                      double *var);
/* ... of new configurations, as a surrogate. */
hpo_posterior hpo_dpl_posterior(const hpo_dpl *k);
double hpo_dpl_best(const hpo_dpl *k); /* the least value seen at any level, model units */
const hpo_transform *hpo_dpl_transform(const hpo_dpl *k);
size_t hpo_dpl_n_rows(const hpo_dpl *k); /* that the networks have learned from */
#endif
