/* SPDX-License-Identifier: Apache-2.0 */
/* acq/search_internal.h - what candidates.c, local.c and search.c share. */
#ifndef ACQ_SEARCH_INTERNAL_H
#define ACQ_SEARCH_INTERNAL_H
#include "acq/search.h"
#include "math/qmc.h"
#include <stdint.h>

enum {
    HPO_SEARCH_MOVES = 64,      /* one-axis moves tried at once */
    HPO_SEARCH_LISTED = 2048,   /* finite spaces up to this size are scored whole */
    HPO_SEARCH_EXHAUSTIVE = 16, /* values of an axis up to which a move tries all */
    HPO_SEARCH_MAX_STARTS = 64
};

struct hpo_search {
    const hpo_embed *embed;
    const hpo_space *space;
    size_t n_dims, n_axes, n_columns;
    int plain;       /* any u is feasible and near enough its own normal form to be scored as it is */
    int constrained; /* a point may be infeasible */
    hpo_sobol *sobol;
    double *listed; /* n_listed x n_dims: all configurations of a small finite space */
    size_t n_listed;
    int is_listed;

    /* the question at hand */
    const hpo_score *score;
    hpo_search_options options;
    const double *best, *exclude;
    size_t n_best, n_exclude;
    hpo_rng *rng;

    /* the best point so far that is not excluded */
    double *answer, answer_value;
    int found;

    /* scratch */
    double *u, *value; /* candidates */
    size_t n, cap_u, cap_value;
    double *moves, *move_value; /* HPO_SEARCH_MOVES rows */
    double *x, *row, *gradient; /* n_columns; n_dims each */
    double *z, *z_low, *z_high, *low, *high, *scale;
    uint32_t *dim; /* free coordinates of a descent */
    size_t n_free;
    double *lbfgs;
    size_t cap_lbfgs;
};

/* ---- points (candidates.c) ---- */
/* Puts u into decode-encode normal form.  0: it is infeasible or outside the trust region. */
int hpo_search__normalise(hpo_search *s, double *u);
/* The same by the configuration in s->x. */
int hpo_search__normalise_x(hpo_search *s, double *u);
/* 1 when u is inside the trust region. */
int hpo_search__inside(const hpo_search *s, const double *u);
/* Coordinates of inactive parameters (NaN) from a good point that has them, or random. */
void hpo_search__fill(hpo_search *s, double *u);
/* Changes each active axis with probability p, at least one; numbers with standard deviation sd.  Not
 * normalised. */
void hpo_search__perturb(hpo_search *s, const double *from, double p, double sd, double *u);
/* Fills s->u, s->value, s->n. */
HPO_NODISCARD hpo_status hpo_search__candidates(hpo_search *s, hpo_error *err);
int hpo_search__excluded(const hpo_search *s, const double *u);
double hpo_search__length(const hpo_search *s, size_t axis);

/* Takes u (valid, in normal form) for the answer when it is better and not excluded. */
void hpo_search__consider(hpo_search *s, const double *u, double value);

/* ---- improvement (local.c) ---- */
/* Moves u (feasible, normal form) uphill, also over excluded points; *value its score. */
void hpo_search__climb(hpo_search *s, double *u, double *value);
/* Random steps of shrinking size: along borders of the feasible set, and where there are no slopes. */
void hpo_search__wander(hpo_search *s, double *u, double *value);
#endif
