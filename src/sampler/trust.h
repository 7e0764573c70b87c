/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/trust.h - a trust region around the best point, with a Gaussian process of its own: what "turbo"
 * and "baxus" are made of.
 *
 * The state is a fold over rows (u, y) in their order; who proposed a row is not known and does not matter.
 * A *life* of the region begins with `initial` rows anywhere; the best finite row is the centre, and the
 * process learns from the rows of this life.  A later row inside or near the region that is better than the
 * centre is a success and moves the centre, any other there a failure:
 *     `advance` successes in a row     length doubles, up to `longest`
 *     `patience` failures in a row     length halves; below `shortest` the life ends
 * The region is the box with sides length x l_j / geometric mean of l around the centre, over the numbers
 * with an order; l are the lengthscales of the process at the rows before.
 *
 * Reference: Eriksson, Pearce, Gardner, Turner & Poloczek, "Scalable global optimization via local Bayesian
 * optimization", NeurIPS 2019, arXiv 1910.01739. */
#ifndef SAMPLER_TRUST_H
#define SAMPLER_TRUST_H
#include "acq/search.h"
#include "model/embed.h"
#include "model/gp.h"

typedef enum hpo_trust_rule { HPO_TRUST_THOMPSON, HPO_TRUST_EI } hpo_trust_rule;
#define HPO_TRUST_RULE_LABELS "thompson", "ei"

typedef struct hpo_trust_options {
    size_t initial;    /* rows before there is a region */
    size_t patience;   /* failures before it shrinks */
    size_t candidates; /* points that a sample of the process is minimised over */
    size_t max_rows;   /* of the process; of more, a subset */
    double length, shortest;
    hpo_trust_rule rule;
} hpo_trust_options;
enum { HPO_TRUST_ADVANCE = 3 };

typedef struct hpo_trust {
    hpo_trust_options options;
    const hpo_space *space;
    const hpo_embed *embed;
    hpo_search *search; /* rule EI */
    size_t n_dims, n_axes;
    uint64_t seed;
    int plain; /* every u is feasible and its own normal form but for rounding */
    /* the fold */
    size_t n_rows, first;     /* rows seen; where this life begins */
    size_t n_lives, n_finite; /* lives that ended; finite rows of this one */
    int64_t center;           /* row, or -1 */
    double length, best, worst;
    size_t successes, failures; /* in a row */
    hpo_gp *gp;
    double *y; /* rows of this life; a failed one has the worst value before it */
    size_t cap_y;
    double *half; /* n_dims: half sides; of coordinates without an order 1 */
    /* scratch */
    double *lengthscales, *u, *value, *x;
    /* of the last proposal */
    double score;
} hpo_trust;

HPO_NODISCARD hpo_status hpo_trust_init(hpo_trust *t, const hpo_embed *embed, uint64_t seed,
                                        const hpo_trust_options *options, hpo_error *err);
void hpo_trust_fini(hpo_trust *t);
/* Takes rows up to n in: u n x n_dims, y with a stride (smaller is better, NaN: failed). */
HPO_NODISCARD hpo_status hpo_trust_fold(hpo_trust *t, const double *u, const double *y, size_t stride,
                                        size_t n, hpo_error *err);
/* Forgets all rows. */
HPO_NODISCARD hpo_status hpo_trust_reset(hpo_trust *t, hpo_error *err);
/* 1 as long as points anywhere are wanted. */
int hpo_trust_is_opening(const hpo_trust *t, size_t n_pending);
/* Proposes a point of the region: u as told; known: rows that must not come again (NULL: none); pending:
 * rows in progress.  HPO_DONE: nothing new was found. */
HPO_NODISCARD hpo_status hpo_trust_propose(hpo_trust *t, const double *u, const double *known, size_t n_known,
                                           const double *pending, size_t n_pending, hpo_rng *rng,
                                           double *u_out, hpo_error *err);
#endif
