/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/gp.h - the models behind the sampler "gp" (gp_models.c), and the sampler itself (gp.c). */
#ifndef SAMPLER_GP_H
#define SAMPLER_GP_H
#include "acq/acquisition.h"
#include "acq/search.h"
#include "model/embed.h"
#include "model/gp.h"
#include "model/success.h"

/* Option `prior`: one of HPO_GP_PRIOR_LABELS after "auto", or several processes (gp_rivals.c). */
enum { HPO_GP_AUTO, HPO_GP_SPARSE = HPO_GP_PRIOR_SPARSE + 1, HPO_GP_MIXED, HPO_GP_RIVALS = 4 };
typedef enum hpo_gp_cost { HPO_GP_COST_NO, HPO_GP_COST_PER, HPO_GP_COST_COOLED } hpo_gp_cost;

typedef struct hpo_gp_config {
    int64_t initial, candidates, starts, quality, max_rows;
    int32_t acquisition, pending, kernel, prior, transform, noise, warp, cost, failures;
    double beta, belief, price, noise_floor, explore;
} hpo_gp_config;

/* A linear view of another process in other units: value = offset + factor x model units. */
typedef struct hpo_gp_units {
    hpo_posterior inner;
    double offset, factor;
} hpo_gp_units;

/* Everything that is learned from the finished trials; a function of them and the seed. */
typedef struct hpo_gp_models {
    const hpo_gp_config *config;
    const hpo_embed *embed;
    uint64_t seed;
    size_t n_dims, n_outcomes;
    int noisy;     /* the study was declared noisy */
    size_t n_rows; /* rows of the view that are in */
    int broken;    /* learning failed half-way (no memory): start again */
    hpo_gp *objective;
    hpo_gp **outcome; /* n_outcomes */
    hpo_gp *cost;     /* of ln cost; NULL: not used */
    hpo_success *success;
    size_t n_failed;
    size_t n_costs; /* trials that told their cost */
    /* with prior=sparse or mixed: the objective's process under other priors (gp_rivals.c) */
    hpo_gp *rival[HPO_GP_RIVALS];
    size_t n_rivals;
    const hpo_gp *leader; /* the process that predicts best; the objective's where there is one */
    /* what acquisitions are averaged over: in quality mode the objective's process under sampled
     * hyperparameters, with rivals those that weigh something; none: the objective's alone */
    hpo_gp **member;
    double *member_weight; /* logarithms; they sum to 1 */
    size_t n_members;
    /* columns that the models read */
    double *column; /* n_outcomes + 2 columns of cap_rows: outcomes, ln cost, objective */
    uint8_t *ok;
    size_t cap_rows, cap_ok;
    double *theta;
    size_t cap_theta;
    /* posteriors handed to acquisitions */
    hpo_posterior *outcome_posterior;
    double *outcome_bound;
    hpo_gp_units cost_units;
    hpo_posterior cost_posterior;
} hpo_gp_models;

HPO_NODISCARD hpo_status hpo_gp_models_open(hpo_gp_models *m, const hpo_gp_config *config,
                                            const hpo_embed *embed, size_t n_outcomes, int noisy,
                                            uint64_t seed, hpo_error *err);
void hpo_gp_models_close(hpo_gp_models *m);
/* Takes in the finished trials of the view, and refits on schedule. */
HPO_NODISCARD hpo_status hpo_gp_models_learn(hpo_gp_models *m, const hpo_view *view, hpo_error *err);
/* ---- gp_rivals.c ---- */
/* Prior of the objective's own process. */
void hpo_gp_rivals_base(const hpo_gp_models *m, hpo_gp_options *o);
HPO_NODISCARD hpo_status hpo_gp_rivals_open(hpo_gp_models *m, const hpo_gp_options *base, hpo_error *err);
void hpo_gp_rivals_close(hpo_gp_models *m);
/* Takes in what the objective's process has, and chooses members and leader. */
HPO_NODISCARD hpo_status hpo_gp_rivals_learn(hpo_gp_models *m, const hpo_view *view, const double *y,
                                             hpo_error *err);

/* The value to improve on: the incumbent of the process; with outcomes the best feasible one, +inf if none.
 */
double hpo_gp_models_best(const hpo_gp_models *m, const hpo_view *view, const hpo_gp *gp);
/* 1 when u is the configuration of a trial that failed. */
int hpo_gp_models_failed_at(const hpo_gp_models *m, const hpo_view *view, const double *u);
/* 1 when a failure model should weigh in. */
int hpo_gp_models_may_fail(const hpo_gp_models *m);
#endif
