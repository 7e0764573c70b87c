/* SPDX-License-Identifier: Apache-2.0 */
/* model/curve_coupling.h - what the other curves of a study say about where one will end: a Gaussian process over
 * configurations on the forecasts of final values.  The mathematics: model/curve_coupling.c. */
#ifndef MODEL_CURVE_COUPLING_H
#define MODEL_CURVE_COUPLING_H
#include "model/curves.h"
#include "model/embed.h"
#include "model/gp.h"

typedef struct hpo_curve_coupling hpo_curve_coupling;
/* `embed` must outlive it.  firm: how much the reports of a curve must say about its end, as a multiple of what the
 * study's prior says, to count, with the prior divided out; 0: every forecast counts as it is. */
HPO_NODISCARD hpo_status hpo_curve_coupling_create(const hpo_embed *embed, uint64_t seed, double firm,
                                                   hpo_curve_coupling **out, hpo_error *err);
void hpo_curve_coupling_free(hpo_curve_coupling *k);
/* Learns anew from the reports in c of trials 0 .. n - 1 with configurations u (n x n_dims); those that have no
 * reports or have failed are left out.  A function of c, u and the seed.  Good until the scale of c changes
 * (hpo_curves_epoch).  Costs a forecast a trial that has changed since, and a fit: milliseconds. */
HPO_NODISCARD hpo_status hpo_curve_coupling_learn(hpo_curve_coupling *k, hpo_curves *c, const double *u, size_t n,
                                                  hpo_error *err);
/* The same without a fit: with the hyperparameters that were learned last.  O(n^3). */
HPO_NODISCARD hpo_status hpo_curve_coupling_update(hpo_curve_coupling *k, hpo_curves *c, const double *u, size_t n,
                                                   hpo_error *err);
/* The process itself, a function of the configuration in curve units (its transform is linear); NULL: too little
 * is known. */
const hpo_gp *hpo_curve_coupling_process(const hpo_curve_coupling *k);
/* Mean of the forecast end of trial i by its own reports alone, curve units; INFINITY: there is none. */
double hpo_curve_coupling_forecast(const hpo_curve_coupling *k, size_t i);
/* The prior of a curve (hpo_curves_focus) given all others: trial i of those learned from, without its own
 * reports; or a configuration u. */
hpo_curve_prior hpo_curve_coupling_trial(const hpo_curve_coupling *k, size_t i);
hpo_curve_prior hpo_curve_coupling_new(const hpo_curve_coupling *k, const double *u);
#endif
