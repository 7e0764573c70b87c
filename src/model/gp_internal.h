/* SPDX-License-Identifier: Apache-2.0 */
/* model/gp_internal.h - the state of a Gaussian process, shared by the files gp*.c.
 *
 * Two sets of configurations: the *pool* (all distinct ones told) and the *points* (those in the regression:
 * the whole pool up to options.max_rows, else a subset of it).  The linear system has one *entry* per point
 * and, with derivative observations, one more per observed component of a gradient (gp_derivative.c).
 *
 * Noise of entry i at noise level n2, exact for replicates r with standard errors s_r and multiplier h_i
 * (Rasmussen & Williams, exercise 2.9.7 in spirit; Binois, Gramacy & Ludkovski 2018, lemma 3.1):
 *     w_r = 1 / (n2 h_i + s_r^2),  W = sum w_r,  z_i = sum w_r z_r / W,  e_i = 1 / W
 *     log p(z_1..z_a | f) = log N(z_i; f, e_i) - 1/2 [sum ln(2 pi / w_r) - ln(2 pi e_i) + sum w_r (z_r -
 * z_i)^2] */
#ifndef MODEL_GP_INTERNAL_H
#define MODEL_GP_INTERNAL_H
#include "base/map.h"
#include "model/gp.h"

enum {
    HPO_GP_STACK = 16384,   /* doubles of scratch a prediction takes from the stack: 128 KiB */
    HPO_GP_MEMORY = 8,      /* pairs that L-BFGS-B keeps */
    HPO_GP_TILE = 64,       /* rows of L^-1 multiplied at a time */
    HPO_GP_FIT_ROWS = 320,  /* hyperparameters are fitted to so many configurations (gp_fit.c) */
    HPO_GP_MAX_ROWS = 8192, /* largest options.max_rows */
    HPO_GP_ENTRIES = 1500   /* largest joint system of values and derivatives */
};

typedef struct hpo_gp_row {
    double y, se;  /* as told; se NaN or <= 0: not reported */
    double z, se2; /* model units: value, squared standard error (0: not reported) */
    uint32_t pool; /* which configuration */
} hpo_gp_row;

/* One derivative observation: d f / d u_dim at a point. */
typedef struct hpo_gp_slope {
    uint32_t point, dim, axis, feature; /* feature: first of the axis */
    double jac[2];                      /* d z_feature.. / d u_dim (unscaled features) */
    double value, count;                /* mean over replicates, model units */
} hpo_gp_slope;

/* What depends on the noise level, per entry, and its derivatives w.r.t. ln n2. */
typedef struct hpo_gp_noise_terms {
    double *z, *e;   /* mean of the replicates and its noise variance */
    double *count;   /* replicates */
    double *dz, *de; /* derivatives; NULL: not wanted */
    double extra;    /* log density beyond N(z; f, diag e) */
    double d_extra;
} hpo_gp_noise_terms;

struct hpo_gp {
    const hpo_embed *embed;
    hpo_gp_options options;
    size_t n_dims, n_features, n_axes;
    uint32_t *group_of; /* n_features: axis of each feature */

    /* ---- rows told ---- */
    size_t n_told;          /* rows read from the caller's arrays */
    size_t n_rows, row_cap; /* those with finite y */
    hpo_gp_row *rows;
    double *gradients; /* row_cap x n_dims, NULL while no row has one */
    size_t gradient_cap;
    size_t n_pool, pool_cap; /* distinct configurations */
    double *pool_u;
    hpo_u64map pool_by_hash;
    uint32_t *place; /* pool: 1 + index of the point, 0: not in the regression */
    size_t place_cap;

    /* ---- regression ---- */
    int ready, hold, fixed_transform;
    size_t n_used;   /* rows in the regression */
    size_t next_fit; /* n_used of the next scheduled fit */
    hpo_transform transform;
    int subset;      /* the points are a subset of the pool */
    size_t n_chosen; /* n_used when the points were last chosen */
    double widest;   /* largest |z| at the last fit */
    double se2_mean; /* mean squared standard error of the rows used, model units */
    size_t n_points, n_entries, n_factored, cap;
    size_t full_first;                 /* entries that the next factorisation must take in one block */
    uint32_t *point;                   /* pool index of each point */
    double *features;                  /* n_features x cap: unscaled, feature f of point i at f * cap + i */
    double *scaled;                    /* the same, each over its lengthscale */
    double *l, *w;                     /* Cholesky factor and its inverse, cap x cap, lower triangles */
    double *z, *e, *alpha, *count, *h; /* cap each; h: noise multiplier of a point */
    double jitter;
    hpo_gp_slope *slopes; /* n_entries - n_points */
    size_t slope_cap, n_slopes;
    double *slope_row; /* scratch: n_features + n_dims */

    /* ---- hyperparameters ---- */
    hpo_kernel_family family;
    int warped;
    size_t n_theta;
    double *theta;                 /* n_axes * 4 + 2 at most */
    double *lower, *upper;         /* the same size */
    double *rho, *warp_a, *warp_b; /* n_axes each */
    double *inv_l, *feature_row;   /* n_features */
    double s2, n2;
    int features_stale; /* shape of the embedding changed: unscaled features to be computed again */

    /* ---- second process for the log of the noise (gp_noise.c) ---- */
    struct hpo_gp *noise_gp;
    double noise_mean; /* mean of ln h over the points */

    /* ---- about the last fit ---- */
    double log_posterior, log_evidence, loo_score;
    size_t n_fits, n_fit_rows;

    /* ---- scratch of fitting ---- */
    size_t fit_cap;
    double *fit_k, *fit_d, *fit_inv;   /* fit_cap x fit_cap */
    double *fit_block;                 /* what all below are parts of */
    double *fit_scaled, *fit_features; /* n_features x fit_cap */
    double *fit_shape;                 /* 4 n_axes x fit_cap: d scaled features / d rho, ln a, ln b */
    double *fit_z, *fit_e, *fit_dz, *fit_de, *fit_alpha, *fit_count, *fit_row, *fit_row2; /* fit_cap */
    double *fit_theta, *fit_best, *fit_keep, *fit_rho, *fit_inv_l, *fit_work;
    size_t scratch_cap;
    double *scratch; /* 3 n_rows: for the transform */
};

/* ---- gp_data.c: rows, replicates, transform, features ---- */
HPO_NODISCARD hpo_status hpo_gp_ingest(hpo_gp *gp, const double *u, const double *y, const double *se,
                                       const double *gradient, size_t n, hpo_error *err);
/* Makes room for n points and e entries in the regression; keeps what is there. */
HPO_NODISCARD hpo_status hpo_gp_room(hpo_gp *gp, size_t n, hpo_error *err);
/* Takes rows 0..n-1 into the regression from nothing: transform, points (`most` of them), features. */
HPO_NODISCARD hpo_status hpo_gp_restart(hpo_gp *gp, size_t n, size_t most, hpo_error *err);
/* Places the points of the rows in use from nothing: all configurations, or a subset of `most`. */
HPO_NODISCARD hpo_status hpo_gp_place(hpo_gp *gp, size_t most, hpo_error *err);
/* Takes the next row in, transform and hyperparameters as they are. */
HPO_NODISCARD hpo_status hpo_gp_absorb(hpo_gp *gp, hpo_error *err);
/* The value just taken in is far outside what the transform was fitted to. */
int hpo_gp_surprised(const hpo_gp *gp);
/* Takes rows in up to n, or the first surprise, and then chooses the points anew. */
HPO_NODISCARD hpo_status hpo_gp_choose_again(hpo_gp *gp, size_t n, hpo_error *err);
/* Replicates and noise of all points at noise level n2. */
void hpo_gp_noise_terms_at(const hpo_gp *gp, double n2, hpo_gp_noise_terms *t);
/* Uses this transform from now on instead of fitting one (tests). */
void hpo_gp_fix_transform(hpo_gp *gp, const hpo_transform *t);
/* With on: hpo_gp_advance never fits; hyperparameters stay as set. */
void hpo_gp_hold(hpo_gp *gp, int on);

/* ---- gp.c ---- */
/* Writes theta into s2, n2, inv_l and the shape of the embedding; recomputes the scaled features. */
void hpo_gp_unpack(hpo_gp *gp, const double *theta);
/* Brings factor, inverse and alpha up to date with the points. */
HPO_NODISCARD hpo_status hpo_gp_settle(hpo_gp *gp, hpo_error *err);
/* Sum of the leave-one-out log predictive densities; scratch 2 n_points. */
double hpo_gp_loo_sum(const hpo_gp *gp, double *scratch);
hpo_embed_shape hpo_gp_shape(const hpo_gp *gp);
/* Unscaled features of all points into soa; row: scratch, n_features. */
void hpo_gp_features(const hpo_gp *gp, const hpo_embed_shape *shape, double *row, double *soa, size_t ld);

/* ---- gp_kernel.c: covariances in structure-of-arrays form ---- */
/* out[j] = pair value of point a (features stride stride_a) with points 0..n-1 of soa (stride ld): the
 * squared distance, or for the linear kernel the inner product. */
void hpo_gp_pairs(hpo_kernel_family family, size_t n_features, const double *a, size_t stride_a,
                  const double *soa, size_t ld, size_t n, double *out);
/* Pair values to covariances k and derivatives of k w.r.t. the pair value (dk may be NULL); k may be q. */
void hpo_gp_covary(hpo_kernel_family family, double s2, const double *q, size_t n, double *k, double *dk);
/* Prior variance of f at scaled features a (stride). */
double hpo_gp_prior_variance(hpo_kernel_family family, double s2, size_t n_features, const double *a,
                             size_t stride);
/* sum_j w_j (x0 - x_j)^2 with HPO_LANES partial sums. */
double hpo_gp_weighted_squares(const double *w, const double *x, double x0, size_t n);
/* sum_j w_j (x0 - x_j) */
double hpo_gp_weighted_differences(const double *w, const double *x, double x0, size_t n);

/* ---- gp_fit.c ---- */
HPO_NODISCARD hpo_status hpo_gp_fit(hpo_gp *gp, int cold, hpo_error *err);
/* Scratch for n entries. */
HPO_NODISCARD hpo_status hpo_gp_fit_room(hpo_gp *gp, hpo_error *err);
/* n_theta and bounds for the family and warping in use. */
void hpo_gp_bounds(hpo_gp *gp);
/* The cold start or, with rng, a random one. */
void hpo_gp_start(const hpo_gp *gp, double *theta, hpo_rng *rng);
/* rho and warping of all axes from theta (1/2, 1, 1 where not learned). */
void hpo_gp_read_shape(const hpo_gp *gp, const double *theta, double *rho, double *warp_a, double *warp_b);
/* - log prior of theta; gradient (added to) may be NULL. */
double hpo_gp_prior_value(const hpo_gp *gp, const double *theta, double *gradient);
/* Number of hyperparameters for the shape now in use. */
size_t hpo_gp_count_theta(const hpo_gp *gp);

/* ---- gp_derivative.c ---- */
double hpo_gp_joint_objective(hpo_gp *gp, const double *theta, double *gradient);
/* Covariances of f at one u (unscaled features z, scaled a) with all entries. */
void hpo_gp_joint_row(const hpo_gp *gp, const double *a, double *k);
void hpo_gp_joint_gram(const hpo_gp *gp, double *k, size_t ld);
/* Adds sum over entries of weight[e] d cov(f(u), entry e) / d a (scaled features of u) to out. */
void hpo_gp_joint_pull(const hpo_gp *gp, const double *a, const double *weight, double *out);
HPO_NODISCARD hpo_status hpo_gp_collect_slopes(hpo_gp *gp, hpo_error *err);
/* After a change of the embedding's shape. */
void hpo_gp_refresh_slopes(hpo_gp *gp);

/* ---- gp_subset.c ---- */
/* Chooses `keep` < n_pool of the pool's first n_pool configurations for the regression: ascending pool
 * indices into out.  value: what was observed, smaller is better. */
HPO_NODISCARD hpo_status hpo_gp_choose_subset(hpo_gp *gp, const double *value, size_t n_pool, size_t keep,
                                              uint32_t *out, hpo_error *err);

/* The same for fitting hyperparameters: a quarter the best, the rest evenly from the others in the order in
 * which they came, so that pairs at all distances are among them as in the whole. */
HPO_NODISCARD hpo_status hpo_gp_choose_sample(const double *value, size_t n_pool, size_t keep, uint32_t *out,
                                              hpo_error *err);

/* ---- gp_noise.c ---- */
/* Noise multipliers h at m rows of u. */
void hpo_gp_noise_factor(const hpo_gp *gp, const double *u, size_t m, double *h);
HPO_NODISCARD hpo_status hpo_gp_fit_noise(hpo_gp *gp, hpo_error *err);
/* The same noise everywhere again. */
void hpo_gp_forget_noise(hpo_gp *gp);

/* ---- gp_predict.c: parts that gp_anchor.c shares ---- */
/* `need` doubles: the caller's stack (HPO_GP_STACK of them) when they fit, else memory; NULL: there is none.
 */
double *hpo_gp_borrow(double *stack, size_t need, double **heap);
void hpo_gp_prior_moments(const hpo_gp *gp, size_t m, double *mean, double *var);
/* Features of one u over their lengthscales. */
void hpo_gp_scaled_features(const hpo_gp *gp, const double *u, double *a);
/* Covariances of f at scaled features a with all entries; dk (n_points, may be NULL): derivatives w.r.t. the
 * pair values. */
void hpo_gp_covariances(const hpo_gp *gp, const double *a, double *k, double *dk);
/* c = A^-1 k; W k is left in v; returns |v|^2. */
double hpo_gp_solve(const hpo_gp *gp, const double *k, double *v, double *c);
/* Moments of m rows; k (m x n_entries) is left with their covariances with the entries.  a: n_features, tile:
 * m x HPO_GP_TILE. */
void hpo_gp_block_moments(const hpo_gp *gp, const double *u, size_t m, double *a, double *k, double *tile,
                          double *mean, double *var);
/* out (n_features) = sum_i weight_i d k(a, entry i) / d a; product: scratch, n_points. */
void hpo_gp_pull_weights(const hpo_gp *gp, const double *a, const double *weight, const double *dk,
                         double *product, double *out);
/* d / d scaled features (destroyed) to d / d u. */
void hpo_gp_to_coordinates(const hpo_gp *gp, const double *u, double *da, double *du);
/* k(a, b) and, unless NULL, its derivative w.r.t. a. */
double hpo_gp_one_covariance(const hpo_gp *gp, const double *a, const double *b, double *da);

/* ---- gp_anchor.c ---- */
void *hpo_gp_anchor(const void *model, const double *v, size_t r);
void hpo_gp_anchored(const void *model, const void *anchor, const double *u, size_t m, double *mean,
                     double *var, double *cov);
void hpo_gp_anchored_gradient(const void *model, const void *anchor, const double *u, double *mean,
                              double *var, double *dmean, double *dvar, double *cov, double *dcov);
#endif
