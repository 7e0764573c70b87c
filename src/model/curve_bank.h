/* SPDX-License-Identifier: Apache-2.0 */
/* model/curve_bank.h - Bayesian extrapolation of learning curves with a bank of shapes drawn once.
 *
 * Values are in *curve units* (curves.h): smaller is better, most of what a study sees lies in [0, 1].  Times
 * are shares t in (0, 1] of the full resource; what lies below hpo_curve_bank_first counts as that.  The
 * mathematics: model/curve_bank.c. */
#ifndef MODEL_CURVE_BANK_H
#define MODEL_CURVE_BANK_H
#include <stddef.h>
#include <stdint.h>

#include "hpo.h"

typedef struct hpo_curve_bank hpo_curve_bank; /* immutable: any number of threads */
/* n_shapes: 0: 768; rounded up to a multiple of 24. */
HPO_NODISCARD hpo_status hpo_curve_bank_create(size_t n_shapes, uint64_t seed, hpo_curve_bank **out,
                                               hpo_error *err);
void hpo_curve_bank_free(hpo_curve_bank *b);
size_t hpo_curve_bank_n_shapes(const hpo_curve_bank *b);
double hpo_curve_bank_first(void);
/* g of shape i at t, as the bank's table has it. */
double hpo_curve_bank_shape(const hpo_curve_bank *b, size_t i, double t);

/* What is believed of a curve before it begins: independent normal experts. */
typedef struct hpo_curve_prior {
    double end, end_sd;     /* y(1): e.g. a regression of final values on configurations */
    double start, start_sd; /* y(0) */
} hpo_curve_prior;
hpo_curve_prior hpo_curve_prior_default(void);

/* ---- one curve: sums over its reports, a fold in ascending order of time ---- */
typedef struct hpo_curve hpo_curve;
HPO_NODISCARD hpo_status hpo_curve_create(const hpo_curve_bank *b, hpo_curve **out, hpo_error *err);
void hpo_curve_free(hpo_curve *c);
void hpo_curve_reset(hpo_curve *c);
/* Adds y at t > the last t; 0 when t is not larger (nothing is added).  O(n_shapes). */
int hpo_curve_add(hpo_curve *c, double t, double y);
size_t hpo_curve_n(const hpo_curve *c);

/* ---- the posterior of one curve: scratch that is reused, one per thread ---- */
typedef struct hpo_curve_posterior hpo_curve_posterior;
HPO_NODISCARD hpo_status hpo_curve_posterior_create(const hpo_curve_bank *b, hpo_curve_posterior **out,
                                                    hpo_error *err);
void hpo_curve_posterior_free(hpo_curve_posterior *p);
/* Weights of all shapes and noise levels given the curve (NULL: none yet).  It must stay until the last call
 * below. */
void hpo_curve_posterior_set(hpo_curve_posterior *p, const hpo_curve *c, const hpo_curve_prior *prior);
/* log density of all reports given the prior. */
double hpo_curve_posterior_evidence(const hpo_curve_posterior *p);
/* 1 / sum of squared weights of the shapes. */
double hpo_curve_posterior_effective(const hpo_curve_posterior *p);
/* Makes t the time of what is asked next: the value as it would be observed there.  Needed after every set. */
void hpo_curve_posterior_at(hpo_curve_posterior *p, double t);
void hpo_curve_posterior_moments(const hpo_curve_posterior *p, double *mean, double *var);
double hpo_curve_posterior_below(const hpo_curve_posterior *p, double y);    /* P(value < y) */
double hpo_curve_posterior_quantile(const hpo_curve_posterior *p, double q); /* 0 < q < 1 */
/* Expected improvement E max(0, best - value). */
double hpo_curve_posterior_improvement(const hpo_curve_posterior *p, double best);
/* Mean and epistemic variance of the value at t without the noise of an observation. */
void hpo_curve_posterior_latent(const hpo_curve_posterior *p, double *mean, double *var);
#endif
