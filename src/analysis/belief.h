/* SPDX-License-Identifier: Apache-2.0 */
/* analysis/belief.h - what is known about the expected values of configurations that were evaluated.
 *
 * A mixture over parts, each a normal law of the value in the part's own units: the processes of a blend
 * (model/gp_blend.c), one forest, or James-Stein shrinkage.  All answers are in the units of the values. */
#ifndef ANALYSIS_BELIEF_H
#define ANALYSIS_BELIEF_H
#include "hpo/sampler.h"
#include "model/forest.h"
#include "model/gp.h"

enum { HPO_BELIEF_PARTS = HPO_GP_BLEND_MAX };

typedef struct hpo_belief {
    size_t n, n_dims, n_parts;
    double *u;                  /* n x n_dims: the configurations */
    double *mean, *var, *noise; /* n_parts x n, in the units of the part; noise: of one measurement */
    double weight[HPO_BELIEF_PARTS]; /* they sum to 1 */
    const hpo_transform *shape[HPO_BELIEF_PARTS];
    hpo_transform own; /* of what is no process */
    hpo_embed *embed;
    hpo_gp_blend *blend;
    hpo_forest *forest;
} hpo_belief;

/* Rows as told; y and sem have n, u n x n_dims of the space. */
typedef struct hpo_belief_rows {
    const double *u, *y, *sem;
    size_t n;
} hpo_belief_rows;

/* About n configurations u, copied.  Zeroed before; hpo_belief_fini after success and failure alike. */
HPO_NODISCARD hpo_status hpo_belief_init(hpo_belief *b, const hpo_space *space, const double *u, size_t n,
                                         hpo_error *err);
void hpo_belief_fini(hpo_belief *b);
/* By Gaussian processes.  *ready 0: none can be fitted. */
HPO_NODISCARD hpo_status hpo_belief_fit_gp(hpo_belief *b, const hpo_belief_rows *rows, uint64_t seed, int *ready,
                                           hpo_error *err);
HPO_NODISCARD hpo_status hpo_belief_fit_forest(hpo_belief *b, const hpo_belief_rows *rows, uint64_t seed,
                                               hpo_error *err);
/* Means and variances as given. */
HPO_NODISCARD hpo_status hpo_belief_set(hpo_belief *b, const double *mean, const double *var, hpo_error *err);

/* Expected value of configuration i, quantiles of it, variance of one measurement there. */
double hpo_belief_mean(const hpo_belief *b, size_t i);
/* p ascending; scratch: hpo_belief_scratch() doubles. */
void hpo_belief_quantiles(const hpo_belief *b, size_t i, const double *p, size_t n_p, double *out, double *scratch);
size_t hpo_belief_scratch(const hpo_belief *b);
double hpo_belief_noise(const hpo_belief *b, size_t i);
/* Joint draws of m configurations: how often each of the first `contenders` is the least of them, and the
 * first less than `other` (m: NaN). */
HPO_NODISCARD hpo_status hpo_belief_draw(hpo_belief *b, const size_t *at, size_t m, size_t other,
                                         size_t contenders, hpo_rng *rng, double *p_best, double *p_better,
                                         hpo_error *err);
#endif
