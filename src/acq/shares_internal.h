/* SPDX-License-Identifier: Apache-2.0 */
/* acq/shares_internal.h - what the rules that choose configuration and share share. */
#ifndef ACQ_SHARES_INTERNAL_H
#define ACQ_SHARES_INTERNAL_H
#include "acq/search.h"
#include "acq/shares.h"

enum {
    HPO_SHARES_PLACES = 48,
    HPO_SHARES_DRAWS = 80,
    HPO_SHARES_NEAR = 32,
    HPO_SHARES_BEST = 16,
    HPO_SHARES_GROWN = 64,
    HPO_SHARES_POOL = HPO_SHARES_DRAWS + HPO_SHARES_NEAR + HPO_SHARES_BEST + 1 + HPO_SHARES_GROWN
};

#define HPO_SHARES_UNLIKELY (-1.3862943611198906) /* ln 1/4: of P(no failure), below which nothing is looked for */

struct hpo_shares {
    const hpo_space *space;
    const hpo_embed *embed;
    hpo_search *search;
    size_t n_dims;
    const hpo_shares_question *q;   /* the one at hand */
    double *pool;                   /* POOL + 1 points */
    int64_t *trial;                 /* that each is, or none, or what may not be chosen */
    double *cov, *log_cost, *score; /* of them: PLACES, 1, 3 each */
    double *places;                 /* POOL points, their means and covariances */
    double *pairs;                  /* 5 x (POOL + 1): moments of each at a level and in full */
    double *lines;                  /* 6 x (PLACES + 1) */
    double *x;                      /* a configuration */
    double *known;                  /* rows of u that no search may return */
    size_t cap_known;
    hpo_boca_level *level; /* of one point */
    size_t cap_level;
};

/* Cost with the overhead, from the logarithm of what the training takes. */
double hpo_shares__cost(const hpo_shares *s, double log_cost);
/* The rule of BOCA (boca.c). */
HPO_NODISCARD hpo_status hpo_shares__bound(hpo_shares *s, hpo_rng *rng, double *u_out, hpo_shares_answer *out,
                                           hpo_error *err);
#endif
