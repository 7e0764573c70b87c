/* SPDX-License-Identifier: Apache-2.0 */
/* acq/acquisition.h - acquisition functions: how much is it worth to evaluate u next?
 *
 * All are *maximised*, on a log scale where that keeps far tails apart; observations are minimised.  z =
 * (best - mean) / s, s^2 the epistemic variance alone. */
#ifndef ACQ_ACQUISITION_H
#define ACQ_ACQUISITION_H
#include "acq/search.h"
#include "model/gp.h"
#include "model/posterior.h"
#include "model/success.h"
#include <stddef.h>

/* ---- closed forms at one point; derivatives w.r.t. mean and sd unless NULL (acq/closed.c) ---- */
double hpo_acq_log_h(double z); /* log(phi(z) + z Phi(z)), full relative accuracy for all z */
double hpo_acq_log_ei(double mean, double sd, double best, double *d_mean, double *d_sd);
double hpo_acq_log_pi(double mean, double sd, double best, double *d_mean, double *d_sd);
double hpo_acq_lcb(double mean, double sd, double beta, double *d_mean, double *d_sd); /* -(mean - beta sd) */
/* Max-value entropy search, one sampled minimum (Wang & Jegelka 2017). */
double hpo_acq_mes(double mean, double sd, const double *minima, size_t n, double *d_mean, double *d_sd);
double hpo_acq_log_mes(double mean, double sd, const double *minima, size_t n, double *d_mean, double *d_sd);
/* The same by what is correlated with f (Takeno et al. 2020): nats, on average over the minima (acq/max_value.c). */
double hpo_acq_mes_correlated(double mean, double sd, double correlation, const double *minima, size_t n);
/* Variance V of a standard normal variable above g, 1 - V, d V / d g (NULL: not wanted) (acq/joint.c). */
double hpo_acq_cut_variance(double g, double *rest, double *slope);
/* Gittins index of Pandora's box: g with EI(mean, sd; g) = lambda cost (Xie et al. 2024); returned as -g
 * (maximised). */
double hpo_acq_pbgi(double mean, double sd, double lambda_cost, double *d_mean, double *d_sd);
/* Augmented EI factor 1 - sigma / sqrt(s^2 + sigma^2), log (Huang et al. 2006). */
double hpo_acq_log_augment(double sd, double noise_sd, double *d_sd);
/* E[max_j (a_j + b_j Z)] - max_j a_j over m lines (Frazier et al. 2009); work 4 m. */
double hpo_acq_knowledge(const double *a, const double *b, size_t m, double *work);
/* Its logarithm, right where the value itself underflows; d_a, d_b: derivatives by each line, or NULL. */
double hpo_acq_log_knowledge(const double *a, const double *b, size_t m, double *d_a, double *d_b,
                             double *work);

/* ---- an acquisition over the space ---- */
typedef enum hpo_acq_kind {
    HPO_ACQ_LOG_EI,
    HPO_ACQ_LOG_PI,
    HPO_ACQ_LCB,
    HPO_ACQ_THOMPSON,
    HPO_ACQ_MES,
    HPO_ACQ_KNOWLEDGE,
    HPO_ACQ_NOISY_EI, /* EI integrated over joint draws at the best observed points (Letham et al. 2019) */
    HPO_ACQ_PBGI,
    HPO_ACQ_JOINT /* joint entropy search (Hvarfner et al. 2022) */
} hpo_acq_kind;
#define HPO_ACQ_LABELS "ei", "pi", "lcb", "thompson", "mes", "kg", "nei", "pbgi", "jes"

typedef enum hpo_pending_rule {
    HPO_PENDING_FANTASY,  /* exact: joint draws at the pending points, utility averaged in logs */
    HPO_PENDING_BELIEVER, /* kriging believer: variance as if the mean had been observed (Ginsbourger et al.
                             2010) */
    HPO_PENDING_PENALTY,  /* local penalisation (Gonzalez et al. 2016) */
    HPO_PENDING_PE, /* UCB-PE: pure exploration inside the region where UCB allows the optimum (Contal et al.
                       2013) */
    HPO_PENDING_IGNORE
} hpo_pending_rule;
#define HPO_PENDING_LABELS "fantasy", "believer", "penalty", "pe", "ignore"

typedef struct hpo_acq_options {
    hpo_acq_kind kind;
    hpo_pending_rule pending;
    double beta;      /* LCB: standard deviations; 0: the schedule sqrt(ln(t^(2 + d/2)) + ln(pi^2 / delta)) */
    size_t n_samples; /* fantasies, minima, joint draws; 0: what the kind takes by default */
    double cost_exponent; /* EI / cost^exponent, cooled by the caller; 0: cost not used */
    double lambda;        /* PBGI: price of one unit of cost, in model units */
    int32_t explore;      /* 1: pure exploration (the rule PE), also when nothing is in progress */
    int32_t augmented;    /* EI times 1 - sigma / sqrt(s^2 + sigma^2): repeats are worth less (Huang et al.
                             2006); sigma^2 the mean noise at the observed points */
} hpo_acq_options;

typedef struct hpo_acq hpo_acq;
/* What else weighs in; all optional (zero). */
typedef struct hpo_acq_context {
    const double *pending; /* n_pending rows of u */
    size_t n_pending;
    const double
        *observed; /* n_observed rows of u: where noisy EI and knowledge gradient look for the best */
    size_t n_observed;
    double best; /* the value to improve on, model units; +inf: nothing feasible is known, only the
                    chances of success and feasibility count (EI and PI kinds) */
    const hpo_success *success;    /* times P(no failure) */
    const hpo_posterior *log_cost; /* model of ln cost in natural units */
    double prior_exponent;         /* pi-BO: + exponent x ln prior density of u (Hvarfner et al. 2022) */
    const hpo_posterior
        *outcomes; /* n_outcomes models; feasible iff value <= outcome_bound[i] (Gardner et al. 2014) */
    const double *outcome_bound;
    size_t n_outcomes;
    const hpo_gp *gp; /* the model behind the posterior where paths are drawn (THOMPSON, MES, JOINT) */
    size_t n_told;    /* t of the LCB schedule */
} hpo_acq_context;
/* Prepares (fantasies, joint factors, minima); randomness only from rng.  Keeps pointers into `context`. */
HPO_NODISCARD hpo_status hpo_acq_create(const hpo_space *space, const hpo_posterior *posterior,
                                        const hpo_acq_options *options, const hpo_acq_context *context,
                                        hpo_rng *rng, hpo_acq **out, hpo_error *err);
void hpo_acq_free(hpo_acq *a);
/* Value at u; gradient (n_dims) unless NULL.  HPO_ACQ has_gradient 0: gradient must be NULL. */
double hpo_acq_value(hpo_acq *a, const double *u, double *gradient);
void hpo_acq_values(hpo_acq *a, const double *u, size_t m, double *out);
/* A cheaper stand-in for a first look at many points: fewer fantasies. */
void hpo_acq_scan(hpo_acq *a, const double *u, size_t m, double *out);
int hpo_acq_has_gradient(const hpo_acq *a);
/* The same as what hpo_search_maximise takes; the cheaper one is for its options. */
hpo_score hpo_acq_score(hpo_acq *a);
void hpo_acq_score_scan(void *acq, const double *u, size_t m, double *out);
#endif
