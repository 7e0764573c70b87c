/* SPDX-License-Identifier: Apache-2.0 */
/* model/rungs.h - how far each rung of a multi-fidelity study is to be believed, and on which to model.
 *
 * Hyper-Tune (Li, Shen, Jiang, Zhang, Yang, Zhang & Cui: "Hyper-Tune: towards efficient hyper-parameter tuning at
 * scale", VLDB 2022): a rung is as precise as its surrogate ranks the results of the highest rung.  BOHB (Falkner,
 * Klein & Hutter: "BOHB: robust and efficient hyperparameter optimization at scale", ICML 2018). */
#ifndef MODEL_RUNGS_H
#define MODEL_RUNGS_H
#include <stddef.h>

enum { HPO_RUNGS_MAX = 32 };

/* Pairs of n values that predicted and seen order differently; a pair of equal seen values does not count, equal
 * predictions of a pair that differs count one half.  O(n^2). */
double hpo_ranking_loss(const double *predicted, const double *seen, size_t n);
/* weights[r] = share of the n_draws draws in which rung r of n_rungs (at most HPO_RUNGS_MAX) has the least ranking
 * loss; rungs that tie share a draw.  draws[r]: n_draws x n predictions at the n results of the highest rung,
 * drawn from the posterior of rung r's surrogate; for the highest rung itself from leave-one-out predictions (an
 * interpolating model would rank its own data perfectly).  n < 2 or no draws: equal weights. */
void hpo_rung_weights(const double *const *draws, size_t n_rungs, size_t n_draws, const double *seen, size_t n,
                      double *weights);
/* Probabilities of starting a bracket at each of n_rungs resources: the first n_weighted, for which there are
 * weights, share what `usual` gives them by weight / resource (a precise and cheap rung is worth most); the others
 * keep what `usual` gives.  All n_weighted weights 0: usual.  out may be usual. */
void hpo_bracket_weights(const double *weights, const double *resource, const double *usual, size_t n_weighted,
                         size_t n_rungs, double *out);

/* BOHB: the highest rung (ascending order) with at least N_min + 2 results, N_min = n_params + 1; n_rungs: none. */
size_t hpo_bohb_rung(const size_t *n_results, size_t n_rungs, size_t n_params);
/* Sizes of its good and bad set of n results: max(N_min, share n) best and max(N_min, n - good) worst; both at most
 * n, and they may overlap. */
void hpo_bohb_split(size_t n, size_t n_params, double share, size_t *good, size_t *bad);
#endif
