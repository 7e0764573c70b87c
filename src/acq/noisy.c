/* SPDX-License-Identifier: Apache-2.0 */
/* acq/noisy.c - expected improvement when nobody knows what the best value so far is.
 *
 * Under noise the least observation is a lucky one, not a good one.  Joint draws f_k of the true values at
 * the observed points (the 32 with the least posterior mean: others are the best in no draw) and at those in
 * progress give in each draw an incumbent and a noise-free posterior:
 *     value(x) = ln (1/K) sum_k EI(mean_k(x), s_c(x); min f_k).
 * These are the anchors of internal.h with N = 0; the draws are quasi-random.
 *
 * Letham, Karrer, Ottoni & Bakshy (2019), "Constrained Bayesian optimization with noisy experiments", arXiv
 * 1706.07094, equation 5. */
#include "acq/internal.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

enum { OBSERVED = 32, DRAWS = 64 };

size_t hpo_acq__best_observed(const hpo_acq *a, double *mean, size_t *order, size_t k)
{
    size_t n = a->context.n_observed, found = 0;
    a->posterior.ops->moments(a->posterior.model, a->context.observed, n, mean, mean + n);
    for (size_t i = 0; i < n; i++) {
        if (isnan(mean[i])) continue;
        size_t at = found < k ? found : k;
        while (at > 0 && mean[order[at - 1]] > mean[i])
            at--;
        if (at >= k) continue;
        size_t last = found < k ? found : k - 1;
        memmove(order + at + 1, order + at, (last - at) * sizeof *order);
        order[at] = i;
        if (found < k) found++;
    }
    return found;
}

hpo_status hpo_acq__noisy_open(hpo_acq *a, hpo_rng *rng, hpo_error *err)
{
    int joint = a->rule == HPO_PENDING_FANTASY || a->rule == HPO_PENDING_BELIEVER;
    size_t n = a->context.n_observed, p = joint ? a->context.n_pending : 0;
    size_t d = a->n_dims, order[OBSERVED];
    if (n == 0) return hpo_fail(err, HPO_EINVAL, "noisy expected improvement needs observed points; use ei");
    double *mean = hpo_alloc_array(2 * n, sizeof *mean);
    double *u = hpo_alloc_array((OBSERVED + p) * d + 1, sizeof *u);
    hpo_status status = mean != NULL && u != NULL ? HPO_OK : hpo_fail_memory(err);
    if (status == HPO_OK) {
        size_t k = hpo_acq__best_observed(a, mean, order, OBSERVED);
        for (size_t i = 0; i < k; i++)
            memcpy(u + i * d, a->context.observed + order[i] * d, d * sizeof *u);
        if (p > 0) memcpy(u + k * d, a->context.pending, p * d * sizeof *u);
        status = hpo_acq__anchor(a, u, k + p, NULL, err);
    }
    if (status == HPO_OK)
        status = hpo_acq__draws(a, a->options.n_samples ? a->options.n_samples : DRAWS, rng, err);
    hpo_free(mean);
    hpo_free(u);
    return status;
}
