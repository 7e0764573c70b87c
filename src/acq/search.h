/* SPDX-License-Identifier: Apache-2.0 */
/* acq/search.h - the maximiser of any score over a mixed, conditional, constrained space.
 *
 * Candidates (quasi-random over the feasible set, perturbations of the best known points, neighbours), then
 * local searches from the best few: bounded L-BFGS on the continuous coordinates alternating with exhaustive
 * or random one-parameter moves on discrete ones and on branches.  Every point returned satisfies the
 * constraints, is in decode-encode normal form, and differs from all excluded ones. */
#ifndef ACQ_SEARCH_H
#define ACQ_SEARCH_H
#include "hpo/sampler.h"
#include "model/embed.h"
#include <stddef.h>

/* What is maximised. */
typedef struct hpo_score {
    void *ctx;
    void (*values)(void *ctx, const double *u, size_t m, double *out);
    double (*gradient)(void *ctx, const double *u, double *gradient); /* value and d/du; NULL: no gradients */
} hpo_score;

typedef struct hpo_search_options {
    size_t n_uniform;           /* quasi-random candidates; 0: 512 */
    size_t n_local;             /* perturbations of the best known points; 0: 256 */
    size_t n_starts;            /* local searches; 0: 6 */
    size_t max_iterations;      /* of each L-BFGS; 0: 50 */
    const double *lengthscales; /* per axis, to precondition and to space starts; NULL: 0.3 each */
    /* a cheaper stand-in for the score's values, for the first look at all candidates; NULL: values */
    void (*scan)(void *ctx, const double *u, size_t m, double *out);
    const double *given; /* n_given rows of u that compete as candidates as they are (NaN: filled in) */
    size_t n_given;
    int32_t flat; /* 1: the best quasi-random candidate is the answer, nothing climbs */
    /* trust region: only u with |u_k - center_k| <= half_width[k] on REAL and GRID axes; NULL: the whole
     * space */
    const double *center, *half_width;
} hpo_search_options;

typedef struct hpo_search hpo_search; /* scratch that is kept between calls */
HPO_NODISCARD hpo_status hpo_search_create(const hpo_embed *embed, uint64_t seed, hpo_search **out,
                                           hpo_error *err);
void hpo_search_free(hpo_search *s);
/* The best point found: u_out (n_dims), *value its score.  best: n_best rows of u, best first (for
 * perturbation; may be 0); exclude: n_exclude rows that must not be proposed (in normal form; NULL when
 * repeats are allowed). HPO_DONE: every candidate was excluded (a finite space is used up). */
HPO_NODISCARD hpo_status hpo_search_maximise(hpo_search *s, const hpo_score *score,
                                             const hpo_search_options *options, const double *best,
                                             size_t n_best, const double *exclude, size_t n_exclude,
                                             hpo_rng *rng, double *u_out, double *value, hpo_error *err);
#endif
