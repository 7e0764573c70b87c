/* SPDX-License-Identifier: Apache-2.0 */
/* analysis/recommend.h - which configuration to use, and what to expect of it.
 *
 * Values are minimise-oriented.  Trials of one configuration (equal hashes) are replicates.  What is chosen
 * and the formulas: recommend.c. */
#ifndef ANALYSIS_RECOMMEND_H
#define ANALYSIS_RECOMMEND_H
#include "hpo/sampler.h"

typedef struct hpo_recommend_data {
    const hpo_space *space; /* frozen */
    size_t n, n_dims;       /* finished trials with a value that compete, ascending number */
    const double *u;        /* n x n_dims */
    const double *y;        /* n */
    const double *sem;      /* n, NaN: not reported */
    const uint64_t *hash;   /* n */
    const int64_t *number;  /* n */
    int noisy;              /* declared */
    uint64_t seed, index;   /* of the joint draws */
} hpo_recommend_data;

typedef enum hpo_recommend_method {
    HPO_RECOMMEND_OBSERVED, /* no noise: the best value */
    HPO_RECOMMEND_SHRUNK,   /* James-Stein over configurations, no model of the space */
    HPO_RECOMMEND_FOREST,
    HPO_RECOMMEND_GP
} hpo_recommend_method;
#define HPO_RECOMMEND_LABELS "observed", "shrinkage", "forest", "gp"

typedef struct hpo_choice {
    size_t row;             /* the first trial of this configuration */
    size_t n;               /* its evaluations */
    double observed, best;  /* mean and best of the values */
    double sem;             /* of `observed`; NaN: unknown */
    double mean, low, high; /* expected value: posterior mean, 90 % interval */
    double p_best;          /* among the choices */
} hpo_choice;

enum { HPO_MAX_CHOICES = 32 };

typedef struct hpo_recommend_result {
    hpo_recommend_method method;
    int noisy;
    size_t n_configurations;
    hpo_choice choices[HPO_MAX_CHOICES]; /* best expected value first; the first is recommended */
    size_t n_choices;
    size_t best_row;  /* the best single value */
    double best_mean; /* ... and what is expected of that configuration */
    double noise_sd;  /* of one measurement; NaN: unknown */
    double optimism;  /* sd x sqrt(2 ln n): how much the best of n equal ones looks better; 0 without noise */
    size_t first_row; /* the first trial */
    double first_mean;
    double p_better; /* that the recommended one is better than the first; NaN: it is the first */
} hpo_recommend_result;

/* HPO_ENOTFOUND when n is 0. */
HPO_NODISCARD hpo_status hpo_recommend(const hpo_recommend_data *data, hpo_recommend_result *out,
                                       hpo_error *err);
#endif
