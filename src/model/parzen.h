/* SPDX-License-Identifier: Apache-2.0 */
/* model/parzen.h - Parzen estimators over the unit cube: what the tree-structured Parzen estimator (TPE)
 * multiplies, adds, samples and divides.
 *
 * An axis is one coordinate of the cube (a permutation: all of its coordinates) with a kernel
 *
 *   real    k(u) = N(u; mu, sigma) / mass on [0, 1]
 *   grid    the integral of that over the cell of each value (integers, steps, ordinals)
 *   label   (1/m + [same label]) / (1 + K/m), m = number of observations + 1, K labels
 *   order   Mallows' law  k(p) = exp(-theta d(p, p0)) / Z(theta) on permutations, d = Kendall's number of
 *           inverted pairs, Z = prod_i (1 - q^i) / (1 - q), q = exp(-theta)
 *
 * Simplexes are taken as their stick-breaking coordinates, in which the uniform law of the simplex is uniform
 * (real axes); subsets as independent bits (labels); vectors as their entries.
 *
 * Axes that are switched on and off by the same condition make a group; group 0 is always on.  A component i
 * (a trial) has a kernel on the axes of the groups A(i) that were active in it.  The density of a
 * configuration u with active groups A(u) is
 *
 *   p(u) = sum_i w_i  prod_{g in A(u) and A(i)} k_ig(u)  prod_{g in A(u) not in A(i)} p_g(u)  /  sum_i w_i,
 *   p_g(u) = sum_{i: g in A(i)} w_i k_ig(u) / sum_{i: g in A(i)} w_i,
 *
 * one mixture over whole trials, joint within and across branches, in which a trial that knows nothing of a
 * branch hands over to the estimator of that branch: a proper density on the tree, as the labels that decide
 * are axes of the mixture themselves.  One component more, the prior, has every group.
 *
 * hpo_parzen builds all from scratch in double precision.  hpo_parzen_set keeps the same estimator up to date
 * while trials come and go and evaluates it in single precision, four lanes at a time.
 *
 * References: Bergstra, Bardenet, Bengio, Kegl, NeurIPS 2011 (TPE); Watanabe, arXiv 2304.11127 (what the
 * settings do); Mallows, Biometrika 44 (1957); Doignon, Pekec, Regenwetter, Psychometrika 69 (2004) (repeated
 * insertion). */
#ifndef MODEL_PARZEN_H
#define MODEL_PARZEN_H
#include "hpo/sampler.h"
#include <stddef.h>
#include <stdint.h>

typedef enum hpo_parzen_kind {
    HPO_PARZEN_REAL,
    HPO_PARZEN_GRID,
    HPO_PARZEN_LABEL,
    HPO_PARZEN_ORDER
} hpo_parzen_kind;

enum {
    HPO_PARZEN_MAX_GRID = 256,  /* more values than that: a real axis */
    HPO_PARZEN_PRIOR = 256,     /* cells in which the prior of a real axis is tabulated */
    HPO_PARZEN_MAX_PAIRS = 2048 /* of a permutation; with more, that many chosen ones stand for all */
};

typedef struct hpo_parzen_axis {
    hpo_parzen_kind kind;
    uint32_t dim, n_dims, n_values; /* n_values: GRID, LABEL values; ORDER items; REAL 0 */
    uint32_t param, group;
    uint32_t discrete;  /* a real axis whose values are many steps */
    double *edge;       /* GRID: n_values + 1, from 0 to 1 */
    double *place;      /* GRID: where the kernel of a value stands */
    double *centre;     /* GRID: the coordinate that encode gives */
    double *prior;      /* GRID, LABEL: log mass of each value; REAL: log density in each of HPO_PARZEN_PRIOR
                           cells;      NULL: the default */
    double log_uniform; /* LABEL, ORDER: of one value when all are equal */
    double *prior_quantile;  /* with `prior`, REAL: its HPO_PARZEN_PRIOR + 1 quantiles */
    uint32_t n_pairs, words; /* ORDER: pairs compared, 64-bit words that hold them */
    uint32_t *pair;          /* 2 n_pairs items */
} hpo_parzen_axis;

typedef struct hpo_parzen_axes {
    const hpo_space *space;
    hpo_parzen_axis *axis; /* parents before children */
    size_t n_axes, n_dims, n_groups;
    uint32_t *group_axis;  /* n_groups + 1: where each group's axes begin in `member` */
    uint32_t *member;      /* n_axes: axes by group */
    uint32_t *param_first; /* per place in the space's program + 1: its first axis */
    int any_real;          /* an always active real axis: two draws never coincide */
} hpo_parzen_axes;

/* The axes of a frozen space, which must outlive them. */
HPO_NODISCARD hpo_status hpo_parzen_axes_create(const hpo_space *space, hpo_parzen_axes **out,
                                                hpo_error *err);
void hpo_parzen_axes_free(hpo_parzen_axes *a);
/* Number of the value (GRID, LABEL) whose cell holds coordinate v. */
uint32_t hpo_parzen_value(const hpo_parzen_axis *a, double v);
/* Coordinates of value i of GRID or LABEL as encode gives them. */
double hpo_parzen_coordinate(const hpo_parzen_axis *a, uint32_t i);

/* ---- bandwidths ---- */

typedef enum hpo_parzen_rule {
    HPO_PARZEN_OPTUNA5, /* larger gap to the neighbours; the two outermost look inwards only; no prior mean
                           among them; at least 1 / min(100, n + 2), at most 1 */
    HPO_PARZEN_PLUS     /* `spread` times the larger gap, with 0, 1 and the prior's mean 1/2 among the
                           neighbours; at least max(floor, (n + 2)^-2), and half a cell on a grid */
} hpo_parzen_rule;

typedef struct hpo_parzen_width {
    hpo_parzen_rule rule;
    double floor, spread; /* PLUS */
} hpo_parzen_width;

/* Bandwidths sigma of n observations mu in ascending order; step: width of the narrowest cell, 0: none. */
void hpo_parzen_bandwidths(const hpo_parzen_width *w, double step, const double *mu, size_t n, double *sigma);
/* The narrowest bandwidth among n observations. */
double hpo_parzen_narrowest(const hpo_parzen_width *w, double step, size_t n);
/* Bandwidth of mu (rule PLUS) between its neighbours, at least `least`. */
double hpo_parzen_bandwidth(const hpo_parzen_width *w, double least, double left, double mu, double right);

/* ---- kernels ---- */

/* log of the mass of N(mu, sigma) in [a, b], right in both tails. */
double hpo_parzen_log_mass(double mu, double sigma, double a, double b);
/* Log mass of the same and of any other label; n observations of k labels. */
void hpo_parzen_label(size_t n, size_t k, double *same, double *other);
/* theta of Mallows' law on n items at which the expected share of inverted pairs is `share` < 1/2; *log_z. */
double hpo_parzen_mallows(size_t n, double share, double *log_z);
/* The share for a mixture of n observations: n^-1/2 / 2, at least one pair; n rounded down to 3 bits. */
double hpo_parzen_order_share(size_t n_items, size_t n);
/* Bits of the pairs of permutation axis a that stand in order in the keys u (of the axis). */
void hpo_parzen_order_bits(const hpo_parzen_axis *a, const double *u, uint64_t *bits);
/* Inverted pairs between two such, scaled to all pairs. */
double hpo_parzen_order_distance(const hpo_parzen_axis *a, const uint64_t *x, const uint64_t *y);
/* A permutation from Mallows' law around the keys `around`; work: 2 n_values numbers; u may be `around`. */
void hpo_parzen_order_draw(const hpo_parzen_axis *a, const double *around, double theta, hpo_rng *rng,
                           uint32_t *work, double *u);
/* The prior: log density at u (coordinates of the axis), and a draw. */
double hpo_parzen_prior_log(const hpo_parzen_axis *a, const double *u);
void hpo_parzen_prior_draw(const hpo_parzen_axis *a, hpo_rng *rng, double *u);
/* N(mu, sigma) on [0, 1]. */
double hpo_parzen_normal_draw(hpo_rng *rng, double mu, double sigma);

/* ---- the estimator from scratch ---- */

typedef struct hpo_parzen hpo_parzen;
/* On n_axes of the axes (indices in ascending order, copied). */
HPO_NODISCARD hpo_status hpo_parzen_create(const hpo_parzen_axes *axes, const uint32_t *axis, size_t n_axes,
                                           hpo_parzen **out, hpo_error *err);
void hpo_parzen_free(hpo_parzen *p);
/* n rows of the cube (NaN: inactive) with weights above 0 (NULL: 1), and the prior with its own. */
HPO_NODISCARD hpo_status hpo_parzen_fit(hpo_parzen *p, const hpo_parzen_width *w, const double *const *row,
                                        const double *weight, size_t n, double prior_weight, hpo_error *err);
/* The same rows and weights, told apart by ascending ids: what was fitted to those of the last call is kept
 * where it is the same.  Costs O(n) copies and the kernels that changed; gives the bits of hpo_parzen_fit. */
HPO_NODISCARD hpo_status hpo_parzen_refit(hpo_parzen *p, const hpo_parzen_width *w, const int64_t *id,
                                          const double *const *row, const double *weight, size_t n,
                                          double prior_weight, hpo_error *err);
/* Log density at u.  Scratch in p is written: one thread at a time. */
double hpo_parzen_logpdf(hpo_parzen *p, const double *u);
/* One draw, written into u's coordinates of the axes of p.  Every row must be active on all of them. */
void hpo_parzen_draw(hpo_parzen *p, hpo_rng *rng, double *u);

/* ---- the estimator kept up to date ---- */

typedef struct hpo_parzen_set hpo_parzen_set;
HPO_NODISCARD hpo_status hpo_parzen_set_create(const hpo_parzen_axes *axes, const hpo_parzen_width *w,
                                               hpo_parzen_set **out, hpo_error *err);
void hpo_parzen_set_free(hpo_parzen_set *s);
/* A floor other than before takes effect for what is added later: set it while the set is empty. */
void hpo_parzen_set_floor(hpo_parzen_set *s, double floor);
size_t hpo_parzen_set_size(const hpo_parzen_set *s);
/* Room for n members: adds up to there cannot fail. */
HPO_NODISCARD hpo_status hpo_parzen_set_reserve(hpo_parzen_set *s, size_t n, hpo_error *err);
/* Members are told apart by id; their order is that of the ids.  What the set holds is a function of its
 * members alone, to the last bit.  u: a row of the cube.  Room must be there. */
void hpo_parzen_set_add(hpo_parzen_set *s, uint32_t id, const double *u);
void hpo_parzen_set_remove(hpo_parzen_set *s, uint32_t id);
/* Weights in the order of the ids, relative to the prior's, which is 1; NULL: 1. */
void hpo_parzen_set_weights(hpo_parzen_set *s, const double *weight);
/* Log density at u. */
double hpo_parzen_set_logpdf(hpo_parzen_set *s, const double *u);
/* The same, or any number above `limit` when it is above. */
double hpo_parzen_set_logpdf_until(hpo_parzen_set *s, const double *u, double limit);
/* Place in the order of ids of a component drawn by weight; size: the prior.  group > 0: among those active
 * in it. */
size_t hpo_parzen_set_pick(const hpo_parzen_set *s, size_t group, hpo_rng *rng);
int hpo_parzen_set_active(const hpo_parzen_set *s, size_t group, size_t place);
/* Draws the coordinates of one axis from the kernel of a component (`size`: the prior) into u (a whole row).
 */
void hpo_parzen_set_draw(hpo_parzen_set *s, size_t axis, size_t place, hpo_rng *rng, double *u);
/* Bandwidth of a component on a real or grid axis. */
double hpo_parzen_set_bandwidth(const hpo_parzen_set *s, size_t axis, size_t place);
#endif
