/* SPDX-License-Identifier: Apache-2.0 */
/* model/curve_coupling.h - what the other curves of a study say about where one will end: a Gaussian process over
 * configurations on the forecasts of final values.  The mathematics: model/curve_coupling.c. */
#ifndef MODEL_CURVE_COUPLING_H
#define MODEL_CURVE_COUPLING_H
#include "model/curves.h"
#include "model/embed.h"

typedef struct hpo_curve_coupling hpo_curve_coupling;
/* `embed` must outlive it. */
HPO_NODISCARD hpo_status hpo_curve_coupling_create(const hpo_embed *embed, uint64_t seed, hpo_curve_coupling **out,
                                                   hpo_error *err);
void hpo_curve_coupling_free(hpo_curve_coupling *k);
/* Learns anew from the reports in c of trials 0 .. n - 1 with configurations u (n x n_dims); those that have no
 * reports or have failed are left out.  A function of c, u and the seed.  Good until the scale of c changes
 * (hpo_curves_epoch).  Costs a forecast a trial and a fit: milliseconds. */
HPO_NODISCARD hpo_status hpo_curve_coupling_learn(hpo_curve_coupling *k, hpo_curves *c, const double *u, size_t n,
                                                  hpo_error *err);
/* The prior of a curve (hpo_curves_focus) given all others: trial i of those learned from, without its own
 * reports; or a configuration u. */
hpo_curve_prior hpo_curve_coupling_trial(const hpo_curve_coupling *k, size_t i);
hpo_curve_prior hpo_curve_coupling_new(const hpo_curve_coupling *k, const double *u);
#endif
