/* SPDX-License-Identifier: Apache-2.0 */
/* model/rungs.c - precision of rungs by ranking loss, brackets by precision per cost, BOHB's choice of a
 * rung.
 *
 *     L(f) = sum_{i < j} [f_i < f_j] xor [y_i < y_j],   theta_r = 1/S sum_s [r = argmin L(f_r^s)]
 *     bracket r: theta_r / R_r, normalised over the rungs that have a theta */
#include "model/rungs.h"

double hpo_ranking_loss(const double *predicted, const double *seen, size_t n)
{
    double loss = 0;
    for (size_t i = 1; i < n; i++)
        for (size_t j = 0; j < i; j++) {
            if (seen[i] == seen[j]) continue;
            if (predicted[i] == predicted[j])
                loss += 0.5;
            else
                loss += (predicted[i] < predicted[j]) != (seen[i] < seen[j]);
        }
    return loss;
}

void hpo_rung_weights(const double *const *draws, size_t n_rungs, size_t n_draws, const double *seen,
                      size_t n, double *weights)
{
    double loss[HPO_RUNGS_MAX];
    int nothing = n < 2 || n_draws == 0;
    for (size_t r = 0; r < n_rungs; r++)
        weights[r] = nothing ? 1 / (double)n_rungs : 0;
    for (size_t s = 0; !nothing && s < n_draws; s++) {
        double least = 0;
        size_t ties = 0;
        for (size_t r = 0; r < n_rungs; r++) {
            loss[r] = hpo_ranking_loss(draws[r] + s * n, seen, n);
            if (r == 0 || loss[r] < least) {
                least = loss[r];
                ties = 0;
            }
            ties += loss[r] == least;
        }
        for (size_t r = 0; r < n_rungs; r++)
            if (loss[r] == least) weights[r] += 1 / (double)(ties * n_draws);
    }
}

void hpo_bracket_weights(const double *weights, const double *resource, const double *usual,
                         size_t n_weighted, size_t n_rungs, double *out)
{
    double share = 0, total = 0;
    for (size_t r = 0; r < n_weighted; r++) {
        share += usual[r];
        total += weights[r] / resource[r];
    }
    for (size_t r = 0; r < n_rungs; r++)
        out[r] = r < n_weighted && total > 0 ? share * (weights[r] / resource[r]) / total : usual[r];
}

size_t hpo_bohb_rung(const size_t *n_results, size_t n_rungs, size_t n_params)
{
    for (size_t r = n_rungs; r-- > 0;)
        if (n_results[r] >= n_params + 3) return r;
    return n_rungs;
}

void hpo_bohb_split(size_t n, size_t n_params, double share, size_t *good, size_t *bad)
{
    size_t least = n_params + 1, best = (size_t)(share * (double)n);
    *good = best > least ? best : least;
    if (*good > n) *good = n;
    *bad = n - *good > least ? n - *good : least;
    if (*bad > n) *bad = n;
}
