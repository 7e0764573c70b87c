/* SPDX-License-Identifier: Apache-2.0 */
/* model/curve_ensemble.h - extrapolation of one learning curve by a weighted sum of eleven parametric families,
 * the reference method (Domhan, Springenberg & Hutter 2015).  The mathematics: model/curve_ensemble.c. */
#ifndef MODEL_CURVE_ENSEMBLE_H
#define MODEL_CURVE_ENSEMBLE_H
#include <stddef.h>

#include "hpo/sampler.h"

enum { HPO_CURVE_FAMILIES = 11, HPO_CURVE_MAX_PARAMS = 4 };

/* Name of family i, its number of parameters, the box they lie in. */
typedef struct hpo_curve_family {
    const char *name;
    size_t n_params;
    double low[HPO_CURVE_MAX_PARAMS], high[HPO_CURVE_MAX_PARAMS];
} hpo_curve_family;
extern const hpo_curve_family hpo_curve_families[HPO_CURVE_FAMILIES];
/* Rising curve i at x >= 1 with parameters p. */
double hpo_curve_family_value(size_t i, const double *p, double x);

typedef struct hpo_curve_ensemble hpo_curve_ensemble;
HPO_NODISCARD hpo_status hpo_curve_ensemble_create(hpo_curve_ensemble **out, hpo_error *err);
void hpo_curve_ensemble_free(hpo_curve_ensemble *e);
/* n >= 2 reports: t ascending in (0, 1], y in curve units (curve_units.h; smaller is better).  Draws k samples of
 * the value at t = 1, each normal given the sample: mean and sd (k each).  It costs k + 50 sweeps, each of about 300
 * evaluations of one family at 18 points at most.  HPO_EINVAL: too few reports. */
HPO_NODISCARD hpo_status hpo_curve_ensemble_sample(hpo_curve_ensemble *e, const double *t, const double *y,
                                                   size_t n, hpo_rng *rng, size_t k, double *mean, double *sd,
                                                   hpo_error *err);
/* P(value < y) and quantiles of k such samples. */
double hpo_curve_samples_below(const double *mean, const double *sd, size_t k, double y);
double hpo_curve_samples_quantile(const double *mean, const double *sd, size_t k, double q);
#endif
