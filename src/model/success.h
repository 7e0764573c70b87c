/* SPDX-License-Identifier: Apache-2.0 */
/* model/success.h - the probability that a configuration does not fail: probit Gaussian-process
 * classification with the Laplace approximation (Rasmussen & Williams 2006, algorithms 3.1 and 3.2). */
#ifndef MODEL_SUCCESS_H
#define MODEL_SUCCESS_H
#include "hpo/sampler.h"
#include "model/embed.h"
typedef struct hpo_success hpo_success;
HPO_NODISCARD hpo_status hpo_success_create(const hpo_embed *embed, hpo_success **out, hpo_error *err);
void hpo_success_free(hpo_success *s);
/* Replaces the data: n rows u, ok[i] 1 or 0; a function of the data alone. */
HPO_NODISCARD hpo_status hpo_success_fit(hpo_success *s, const double *u, const uint8_t *ok, size_t n,
                                         hpo_error *err);
/* log P(ok) at u and its gradient (n_dims, may be NULL).  All rows ok, or none known: log of the Jeffreys
 * mean. */
double hpo_success_log_probability(const hpo_success *s, const double *u, double *gradient);
#endif
