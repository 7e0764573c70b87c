/* SPDX-License-Identifier: Apache-2.0 */
/* acq/internal.h - what the files of an acquisition function share.
 *
 * Anchors are the r points at which the posterior is conditioned before it is used: trials in progress, and
 * for noisy EI the best points observed.  With C their posterior covariance, N the noise of what is assumed
 * to be observed there, and L L^T = C + N,
 *
 *     w(u) = L^-1 c(u),       c(u) = cov(f(u), f(anchors))
 *     s_c^2(u) = s^2(u) - |w|^2
 *     mean_k(u) = mean(u) + w . z_k = mean(u) + c . t_k,     t_k = L^-T z_k,    z_k ~ N(0, I)
 *
 * so that the k-th joint draw never has to be added to the model.  All is linear in c, and so are the
 * gradients: d s_c^2 = d s^2 - 2 (L^-T w) . dc,  d mean_k = d mean + t_k . dc. */
#ifndef ACQ_INTERNAL_H
#define ACQ_INTERNAL_H
#include "acq/acquisition.h"
#include "acq/prior.h"

enum { HPO_ACQ_BLOCK = 64 };

struct hpo_acq {
    const hpo_space *space;
    hpo_posterior posterior;
    hpo_acq_options options;
    hpo_acq_context context;
    size_t n_dims;
    hpo_pending_rule rule; /* the one in force: options.pending, FANTASY replaced where nothing is averaged */
    double beta, noise_sd; /* LCB; mean noise */
    double floor;          /* prior-free lower bound of a conditional variance, as a share of the variance */

    /* anchors (pending.c, noisy.c) */
    double *anchor; /* n_anchors x n_dims */
    size_t n_anchors;
    double *chol, *anchor_mean; /* L, means */
    double *draw, *best;        /* n_draws x n_anchors: t_k; n_draws: the value to improve on in draw k */
    size_t n_draws;

    /* knowledge gradient: lines at n_lines points, the anchors behind them (knowledge.c); joint entropy: the
     * same for the sampled minima, line_a otherwise used (joint.c) */
    double *line; /* (n_lines + n_anchors) x n_dims */
    size_t n_lines;
    double *line_a, *line_back; /* -mean; n_lines x n_anchors: C_a^-1 cov(anchors, line) */

    double *minima, *minimum_at; /* entropy.c: n_minima; n_minima x n_dims */
    size_t n_minima;
    hpo_gp_path *path; /* THOMPSON */

    /* penalty: slope bound and labels; pe: the level below which the optimum may lie */
    double lipschitz, level;
    double *pending_mean, *pending_sd;
    unsigned char *is_label; /* n_dims */
    hpo_acq_prior prior;

    /* points whose covariances with u are needed: the lines' or the anchors */
    const double *fixed;
    size_t n_fixed;
    void *anchored; /* the surrogate's own preparation for them */

    double *scratch;
    /* slices of scratch */
    double *mean, *var;                        /* HPO_ACQ_BLOCK */
    double *covs, *dcov;                       /* HPO_ACQ_BLOCK x n_fixed, n_fixed x n_dims */
    double *cov, *w, *back, *coef;             /* n_fixed: the row of covs in use; n_anchors each */
    double *dmean, *dvar, *dpart, *draw_value; /* n_dims each; n_draws */
    double *draw_slope;                        /* 2 n_draws: by mean, by sd */
    double *a, *b, *d_a, *d_b, *line_work;     /* n_lines + 1, 4 times that */
};

/* ---- anchors (pending.c) ---- */
/* Takes the anchors (copied; n x n_dims), the noise variance assumed at each (NULL: none), and factorises. */
HPO_NODISCARD hpo_status hpo_acq__anchor(hpo_acq *a, const double *u, size_t n, const double *noise,
                                         hpo_error *err);
/* n joint draws (a power of two is best), each with its own value to improve on: the least of `best` and
 * what is believed of the anchors in that draw. */
HPO_NODISCARD hpo_status hpo_acq__draws(hpo_acq *a, size_t n, hpo_rng *rng, hpo_error *err);
/* w, back = L^-T w, and the conditional variance from c (in a->cov + offset). */
double hpo_acq__condition(hpo_acq *a, const double *cov, double var);
/* Local penalisation: what it needs; sum_j ln Phi(...) and its gradient (added, unless NULL). */
HPO_NODISCARD hpo_status hpo_acq__penalty_open(hpo_acq *a, hpo_rng *rng, hpo_error *err);
double hpo_acq__penalty(const hpo_acq *a, const double *u, double *gradient);
/* The level of pure exploration. */
HPO_NODISCARD hpo_status hpo_acq__explore_open(hpo_acq *a, hpo_error *err);
/* What is taken off at a point of this mean and (unconditional) sd; 0 inside the region. */
double hpo_acq__explore(const hpo_acq *a, double mean, double sd, double *d_mean, double *d_sd);

/* ---- methods with something to prepare ---- */
HPO_NODISCARD hpo_status hpo_acq__noisy_open(hpo_acq *a, hpo_rng *rng, hpo_error *err);
HPO_NODISCARD hpo_status hpo_acq__entropy_open(hpo_acq *a, hpo_rng *rng, hpo_error *err);
HPO_NODISCARD hpo_status hpo_acq__knowledge_open(hpo_acq *a, hpo_error *err);
/* ln KG at u; a->cov (and a->dcov when gradient is not NULL) hold the covariances with a->line. */
double hpo_acq__knowledge(hpo_acq *a, double mean, double var, double *gradient);

/* The same for joint entropy search. */
HPO_NODISCARD hpo_status hpo_acq__joint_open(hpo_acq *a, hpo_rng *rng, hpo_error *err);
double hpo_acq__joint(hpo_acq *a, double mean, double var, double *gradient);

/* Indices of the (at most) k observed points with the smallest posterior mean, ascending; their number. */
size_t hpo_acq__best_observed(const hpo_acq *a, double *mean, size_t *order, size_t k);
#endif
