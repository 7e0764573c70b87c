/* SPDX-License-Identifier: Apache-2.0 */
/* model/dyhpo.h - what a study knows, as DyHPO's surrogate (deep_gp.h) sees it: values of trials at the levels of
 * resource, each with the curve before it.  The rules: model/dyhpo.c.
 *
 * A fold over reports in the study's order, smaller is better. */
#ifndef MODEL_DYHPO_H
#define MODEL_DYHPO_H
#include "model/embed.h"
#include "model/posterior.h"
#include "model/transform.h"

typedef struct hpo_dyhpo hpo_dyhpo;
/* level: n_levels resources, ascending.  `embed` must outlive it. */
HPO_NODISCARD hpo_status hpo_dyhpo_create(const hpo_embed *embed, const double *level, size_t n_levels, uint64_t seed,
                                          hpo_dyhpo **out, hpo_error *err);
void hpo_dyhpo_free(hpo_dyhpo *k);
/* A value that is not finite fails the trial for good.  u: configurations by trial (n x n_dims), known for every
 * trial that has reported; the network learns when this report makes it due. */
HPO_NODISCARD hpo_status hpo_dyhpo_report(hpo_dyhpo *k, size_t trial, double resource, double value, const double *u,
                                          hpo_error *err);
/* Conditions on everything reported; 0: there is too little to learn from. */
int hpo_dyhpo_update(hpo_dyhpo *k, const double *u);
/* After an update: n new configurations that run count as if their expected values at the lowest level had been seen
 * (of many the last 32).  0 as above. */
int hpo_dyhpo_believe(hpo_dyhpo *k, const double *u, size_t n);
/* After an update, model units: one value of each of n trials at the level above its last (not the highest), the
 * least value seen there (of all values where nobody has been there). */
void hpo_dyhpo_next(const hpo_dyhpo *k, const double *u, const uint32_t *trial, size_t n, double *mean, double *var,
                    double *best);
/* ... and the lowest level's value of new configurations, as a surrogate. */
hpo_posterior hpo_dyhpo_posterior(const hpo_dyhpo *k);
double hpo_dyhpo_best(const hpo_dyhpo *k, size_t level); /* model units */
/* The trial's value at the lowest level, model units; INFINITY: none. */
double hpo_dyhpo_lowest(const hpo_dyhpo *k, size_t trial);
const hpo_transform *hpo_dyhpo_transform(const hpo_dyhpo *k);
size_t hpo_dyhpo_n_rows(const hpo_dyhpo *k); /* that the surrogate is conditioned on */
#endif
