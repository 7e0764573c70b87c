/* SPDX-License-Identifier: Apache-2.0 */
/* model/gp.h - Gaussian-process regression on a search space: the surrogate of Bayesian optimisation.
 *
 *     y = f(u) + eps,  f ~ GP(m, s2 k(r)),  eps ~ N(0, n2 [+ se^2]),   everything in model units
 * (transform.h)
 *
 * Rows are added in the order of the study's clock; equal configurations are merged as replicates (exact:
 * sufficient statistics mean, count, within sum of squares).  Fitting finds the maximum a posteriori of
 *     theta = (ln l_1 .. ln l_g, ln s2, ln n2 [, rho, ln warp_a, ln warp_b])
 * The state after n rows is a function of those rows alone: hpo_gp_advance refits at scheduled counts
 * (schedule in gp_fit.c), starting cold at powers of two, else warm from the previous scheduled fit, whoever
 * asked in between.
 *
 * Rasmussen & Williams (2006), chapters 2 and 5; constants and their evidence: docs/models.md. */
#ifndef MODEL_GP_H
#define MODEL_GP_H
#include "hpo/sampler.h"
#include "model/embed.h"
#include "model/kernel.h"
#include "model/posterior.h"
#include "model/transform.h"
#include <stddef.h>
#include <stdint.h>

typedef enum hpo_gp_prior {
    HPO_GP_PRIOR_WALL,  /* sum_j 0.1 (l_j^2 + l_j^-2); s2 ~ Gamma(2, 1); n2 ~ Gamma(1.1, 30) */
    HPO_GP_PRIOR_DIM,   /* l_j ~ LogNormal(sqrt 2 + ln(g) / 2, sqrt 3) (Hvarfner et al. 2024) */
    HPO_GP_PRIOR_SPARSE /* 1 / l_j^2 ~ HalfCauchy(1) x tau, tau ~ HalfCauchy(0.1) (SAAS, Eriksson & Jankowiak
                           2021); tau fixed by `sparse_tau` */
} hpo_gp_prior;
#define HPO_GP_PRIOR_LABELS "wall", "dim", "sparse"

typedef enum hpo_gp_noise {
    HPO_GP_NOISE_LEARNED, /* n2 by evidence, floor noise_floor */
    HPO_GP_NOISE_FIXED    /* n2 = noise_floor */
} hpo_gp_noise;

typedef struct hpo_gp_options {
    hpo_kernel_family family; /* default Matern-3/2 */
    int32_t
        choose_family; /* try Matern-5/2 too at cold starts; kept when its LOO log score is > 2 nats better */
    hpo_gp_prior prior;
    double sparse_tau; /* HPO_GP_PRIOR_SPARSE */
    hpo_gp_noise noise;
    double noise_floor; /* 1e-6, of the transformed variance */
    double noise_power, noise_rate; /* prior of n2, up to a constant n2^power exp(-rate n2): 0.1, 30 */
    hpo_transform_kind transform;
    int32_t input_warp;      /* 1: on when n >= 5 d and LOO improves by > 2 nats */
    int32_t heteroscedastic; /* 1: a second GP on log squared residuals where a score test asks for it (n >=
                                20, p < 0.01) */
    int32_t fit_rho;         /* learn rho of the arc embedding */
    size_t max_rows;         /* exact up to so many distinct rows (0: 1000; 16 to 8192), then a subset
                                (gp_subset.c) */
    uint64_t seed;           /* random starts of the fit */
} hpo_gp_options;
hpo_gp_options hpo_gp_defaults(void);

typedef struct hpo_gp hpo_gp;

/* `embed` must outlive the model. */
HPO_NODISCARD hpo_status hpo_gp_create(const hpo_embed *embed, const hpo_gp_options *options, hpo_gp **out,
                                       hpo_error *err);
void hpo_gp_free(hpo_gp *gp);

/* ---- data ---- */
/* Adds rows first..n-1 of u (n x n_dims) with y (smaller is better, NaN: failed: kept out of the regression),
 * se (may be NULL or hold NaN: not reported), gradient (n x n_dims d y / d u, may be NULL or hold NaN; rows
 * of derivative observations), and refits where the schedule says so.  Calls with growing n on the same
 * arrays give the same state as one call with all. */
HPO_NODISCARD hpo_status hpo_gp_advance(hpo_gp *gp, const double *u, const double *y, const double *se,
                                        const double *gradient, size_t n, hpo_error *err);
/* 1 when enough finite rows are in (at least 2) and a factorisation stands. */
int hpo_gp_ready(const hpo_gp *gp);
size_t hpo_gp_n_rows(const hpo_gp *gp);                 /* finite rows told */
size_t hpo_gp_n_points(const hpo_gp *gp);               /* distinct configurations in the regression */
const double *hpo_gp_point(const hpo_gp *gp, size_t i); /* u of distinct configuration i */
/* Mean of the replicates in model units, their count. */
double hpo_gp_observed(const hpo_gp *gp, size_t i, double *count);

/* ---- prediction (model units; thread-safe on a const model; before it is ready: the prior) ---- */
extern const hpo_posterior_ops hpo_gp_posterior_ops;
hpo_posterior hpo_gp_posterior(const hpo_gp *gp);
void hpo_gp_moments(const hpo_gp *gp, const double *u, size_t m, double *mean, double *var);
void hpo_gp_gradient(const hpo_gp *gp, const double *u, double *mean, double *var, double *dmean,
                     double *dvar);
void hpo_gp_covariance(const hpo_gp *gp, const double *u, const double *v, size_t r, double *cov,
                       double *dcov);
void hpo_gp_noise_at(const hpo_gp *gp, const double *u, size_t m, double *var);
const hpo_transform *hpo_gp_transform(const hpo_gp *gp);

/* ---- what acquisition and explanation ask ---- */
/* Best value to improve on: observed best (noise < 1e-3 of the signal), else the smallest posterior mean at
 * the points observed.  *point: index of that configuration. */
double hpo_gp_incumbent(const hpo_gp *gp, size_t *point);
typedef struct hpo_gp_summary {
    hpo_kernel_family family;
    double signal_variance, noise_variance, mean;
    double log_posterior, log_evidence; /* at the last fit */
    double loo_log_score;               /* mean leave-one-out log predictive density */
    double loo_correlation;             /* rank correlation of leave-one-out means with observations */
    size_t n_fits, n_fit_rows;          /* fits so far, rows at the last */
    int warped, heteroscedastic;
} hpo_gp_summary;
void hpo_gp_describe(const hpo_gp *gp, hpo_gp_summary *out);
/* Lengthscale of each axis (embed order), hpo_embed_n_axes doubles. */
void hpo_gp_lengthscales(const hpo_gp *gp, double *out);
/* Leave-one-out predictive mean and variance (with noise) of each distinct point, closed form (Sundararajan &
 * Keerthi 2001): mean = y_i - a_i / Kinv_ii, var = 1 / Kinv_ii. */
void hpo_gp_loo(const hpo_gp *gp, double *mean, double *var);

/* ---- with the hyperparameters given (tests, model averaging) ---- */
/* theta: ln l (n_axes), ln s2, ln n2.  Refactorises.  HPO_EINVAL when it fails. */
HPO_NODISCARD hpo_status hpo_gp_set_theta(hpo_gp *gp, const double *theta, hpo_error *err);
/* -log posterior density (evidence and prior, without constants of the prior) and its gradient at theta. */
double hpo_gp_objective(hpo_gp *gp, const double *theta, double *gradient);
size_t hpo_gp_n_theta(const hpo_gp *gp);
/* k samples of theta by slice sampling, from the mode; rows of out (k x n_theta). */
HPO_NODISCARD hpo_status hpo_gp_sample_theta(hpo_gp *gp, hpo_rng *rng, size_t k, double *out, hpo_error *err);

/* ---- several processes, weighted (gp_blend.c) ---- */
/* What rows say about f when neither the size of the noise nor the scale of the values is taken for known:
 * processes that differ in both, each with a posterior probability.  For few looks at finished data, not for
 * every ask. */
typedef struct hpo_gp_blend hpo_gp_blend;
/* Rows as for hpo_gp_advance, which are copied.  base (NULL: the defaults): kernel, prior of lengthscales,
 * floor, seed, max_rows.
 * HPO_ENUMERIC: there is nothing to fit to (fewer than 3 finite rows), or no fit succeeds. */
HPO_NODISCARD hpo_status hpo_gp_blend_create(const hpo_embed *embed, const hpo_gp_options *base,
                                             const double *u, const double *y, const double *se, size_t n,
                                             hpo_gp_blend **out, hpo_error *err);
void hpo_gp_blend_free(hpo_gp_blend *b);
size_t hpo_gp_blend_size(const hpo_gp_blend *b);             /* 1 to HPO_GP_BLEND_MAX */
double hpo_gp_blend_weight(const hpo_gp_blend *b, size_t k); /* they sum to 1 */
/* Process k, factorised over all rows; good until the next call. */
HPO_NODISCARD hpo_status hpo_gp_blend_use(hpo_gp_blend *b, size_t k, const hpo_gp **out, hpo_error *err);
enum { HPO_GP_BLEND_MAX = 144 };

/* ---- sample paths (gp_path.c) ---- */
/* A function drawn from the posterior (Wilson et al. 2020: prior by random features, update by Matheron's
 * rule).  It reads the model: it is good until the model advances or is freed, and for one thread at a time
 * (it owns its scratch).  n_features: random frequencies, 0: 512. */
typedef struct hpo_gp_path hpo_gp_path;
HPO_NODISCARD hpo_status hpo_gp_path_draw(const hpo_gp *gp, hpo_rng *rng, size_t n_features,
                                          hpo_gp_path **out, hpo_error *err);
/* Value at u, gradient (n_dims) unless NULL. */
double hpo_gp_path_value(const hpo_gp_path *p, const double *u, double *gradient);
void hpo_gp_path_values(const hpo_gp_path *p, const double *u, size_t m, double *out);
void hpo_gp_path_free(hpo_gp_path *p);
#endif
