/* SPDX-License-Identifier: Apache-2.0 */
/* terminator/model.h - the Gaussian process that the model-based rules look through, and the statistical
 * error of one trial's value. */
#ifndef TERMINATOR_MODEL_H
#define TERMINATOR_MODEL_H
#include "acq/search.h"
#include "model/embed.h"
#include "model/gp.h"
#include "terminator/terminator.h"

typedef struct hpo_rule_model {
    hpo_rule_problem problem;
    hpo_embed *embed;
    hpo_search *search;
    /* of the last fit */
    hpo_gp *gp;
    size_t n;     /* rows of the regression, in the order of the view */
    size_t best;  /* among them: the smallest value that is feasible; SIZE_MAX: none */
    double slope; /* model units per unit of the objective: the transform is linear */
    double *u, *y, *se;
    size_t *row; /* of the view */
    size_t cap_u, cap_y, cap_se, cap_row;
    double *mean, *var; /* scratch, n each */
    size_t cap_mean, cap_var;
    double *at;   /* n_dims: where the last search ended */
    double *dvar; /* n_dims of scratch */
} hpo_rule_model;

HPO_NODISCARD hpo_status hpo_rule_model_init(hpo_rule_model *m, const hpo_rule_problem *problem,
                                             hpo_error *err);
void hpo_rule_model_fini(hpo_rule_model *m);
/* Which rows: the best `share` of the COMPLETE ones with a finite value, at most `most` (of equal ones the
 * earlier), in the order of the view. */
typedef struct hpo_rule_rows {
    double share;
    size_t most;
    int skip_last;   /* 1: the newest such row does not take part in this ... */
    int append_last; /* ... but is added behind the others */
} hpo_rule_rows;
/* Fits to those rows.  *ready 0: too few, or none feasible. */
HPO_NODISCARD hpo_status hpo_rule_model_fit(hpo_rule_model *m, const hpo_view *view,
                                            const hpo_rule_rows *which, int *ready, hpo_error *err);
/* COMPLETE rows with a finite value. */
size_t hpo_rule_model_rows(const hpo_view *view);
/* The largest score over the space, in model units, and where it is (m->at); stream (seed, n, purpose). */
HPO_NODISCARD hpo_status hpo_rule_model_maximise(hpo_rule_model *m, const hpo_score *score, double *value,
                                                 hpo_error *err);
/* min over rows of (mean + k sd) - min over the space of (mean - k sd), model units. */
HPO_NODISCARD hpo_status hpo_rule_model_regret(hpo_rule_model *m, double k, double *out, hpo_error *err);

/* beta_t = (2/5) ln(d t^2 pi^2 / (6 delta)): the confidence of the bounds (Srinivas et al. 2010, with d in
 * the place of the size of the domain and divided by 5, as Makarova et al. 2022 use it). */
double hpo_rule_beta(size_t d, size_t t, double delta);

/* How far the value of row `row` may be from the truth, unit of the objective: from folds (var / k + var / (k
 * - 1), Nadeau & Bengio 2003), else a reported standard error, else replicates of its configuration.  NaN:
 * nothing is known.  *kind names the source, *count the folds or replicates. */
double hpo_rule_error(const hpo_view *view, size_t row, const char **kind, size_t *count);
#endif
