/* SPDX-License-Identifier: Apache-2.0 */
/* acq/minimum.h - entropy search: what would an observation tell about where the minimum is?
 *
 * The minimum is looked for among finitely many places, and the observation may be of anything that is jointly normal
 * with the function there: of the function elsewhere, or of a cheap version of it. */
#ifndef ACQ_MINIMUM_H
#define ACQ_MINIMUM_H
#include "hpo/sampler.h"
#include <stddef.h>

typedef struct hpo_minimum hpo_minimum;
/* mean (n) and covariance (n x n, row-major) of the function at n >= 1 places; n_samples joint draws from rng. */
HPO_NODISCARD hpo_status hpo_minimum_create(const double *mean, const double *cov, size_t n, size_t n_samples,
                                            hpo_rng *rng, hpo_minimum **out, hpo_error *err);
void hpo_minimum_free(hpo_minimum *m);
/* Probabilities (n) that each place has the least value; their entropy in nats. */
const double *hpo_minimum_probability(const hpo_minimum *m);
double hpo_minimum_entropy(const hpo_minimum *m);
/* The least value of each draw (n_samples). */
void hpo_minimum_values(const hpo_minimum *m, double *out);
/* By how much that entropy is expected to fall when y is observed: its variance (noise included) and its covariances
 * (n) with the function at the places.  0 when y says nothing; errors of sampling may make it negative. */
double hpo_minimum_gain(hpo_minimum *m, const double *cov, double var);
/* A rough measure of the same: how much of the differences between the places it explains, sum_j p_j (cov_j - c)^2 / var
 * with c = sum_j p_j cov_j. */
double hpo_minimum_explained(const hpo_minimum *m, const double *cov, double var);
#endif
