/* SPDX-License-Identifier: Apache-2.0 */
/* model/quadratic.h - a quadratic through the points around a centre, for trust-region steps. */
#ifndef MODEL_QUADRATIC_H
#define MODEL_QUADRATIC_H
#include "hpo.h"
#include <stddef.h>

typedef struct hpo_quadratic hpo_quadratic;
HPO_NODISCARD hpo_status hpo_quadratic_create(size_t n_dims, hpo_quadratic **out, hpo_error *err);
void hpo_quadratic_free(hpo_quadratic *q);
/* Fits to m rows s (n_dims each, of about unit size), values y, weights w in (0, 1].  The first `m_known`
 * have values; the rest (pending) count in the variance only.  HPO_EINVAL: no factorisation. */
HPO_NODISCARD hpo_status hpo_quadratic_fit(hpo_quadratic *q, const double *s, const double *y,
                                           const double *w, size_t m_known, size_t m, hpo_error *err);
/* Value in the unit of y and, unless NULL, its gradient. */
double hpo_quadratic_value(const hpo_quadratic *q, const double *s, double *gradient);
/* How little is known about the quadratic at s: variance of the prediction, in units of the variance of y. */
double hpo_quadratic_variance(hpo_quadratic *q, const double *s);
/* Residual variance relative to that of y which leave-one-out found best. */
double hpo_quadratic_noise(const hpo_quadratic *q);
#endif
