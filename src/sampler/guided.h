/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/guided.h - what samplers share that fit a model to the trials and maximise a score of it: the
 * opening, observations in model units, the search, the account of how a point came about. */
#ifndef SAMPLER_GUIDED_H
#define SAMPLER_GUIDED_H
#include "acq/search.h"
#include "base/str.h"
#include "model/embed.h"
#include "model/posterior.h"
#include "model/transform.h"
#include "sampler/opening.h"

typedef enum hpo_guided_origin {
    HPO_GUIDED_OPENING, /* quasi-random, before there is a model */
    HPO_GUIDED_RANDOM,  /* a draw from the prior in between */
    HPO_GUIDED_MODEL,
    HPO_GUIDED_USED_UP /* the search found nothing new: a draw from the prior */
} hpo_guided_origin;

/* First member of such a sampler's state. */
typedef struct hpo_guided {
    hpo_opening opening;
    const hpo_space *space;
    hpo_embed *embed;
    hpo_search *search;
    size_t n_dims, opening_size;
    hpo_transform_kind kind;
    size_t every_row, growth; /* the transform is fitted at every row up to so many, then at a growth by 1 / growth */
    /* rows: a function of the finished trials in their order */
    size_t n_rows, n_finite;
    size_t fitted;           /* rows that the transform was fitted to */
    uint64_t epoch;          /* changes when z of old rows does */
    hpo_transform transform; /* of the first `fitted` rows */
    double *z;               /* n_rows: model units; failed trials get the worst value before them, infeasible
                                ones more */
    uint8_t *failed;         /* n_rows: failed or infeasible */
    double *known;           /* n_rows x n_dims, then the pending ones: not to be proposed again */
    size_t best_row;         /* smallest z that did not fail */
    double *scratch, *widest; /* n_outcomes: largest violations */
    size_t cap_z, cap_failed, cap_known, cap_scratch, cap_widest;
    /* of the last ask */
    hpo_guided_origin origin;
    double value;
} hpo_guided;

/* opening: trials before the first model; negative: one more than dimensions, between 5 and 10. */
HPO_NODISCARD hpo_status hpo_guided_init(hpo_guided *g, const hpo_space *space, uint64_t seed,
                                         int64_t opening, hpo_transform_kind kind, hpo_error *err);
void hpo_guided_fini(hpo_guided *g);

/* Takes in the finished trials of the view. */
HPO_NODISCARD hpo_status hpo_guided_sync(hpo_guided *g, const hpo_view *view, hpo_error *err);
/* 1 while the opening lasts, or as long as there are not two values to learn from. */
int hpo_guided_is_opening(const hpo_guided *g, const hpo_view *view);
/* A point of the opening (the draw-th feasible Sobol' point under the prior). */
HPO_NODISCARD hpo_status hpo_guided_open(hpo_guided *g, uint64_t draw, hpo_rng *rng, double *u_out,
                                         hpo_error *err);
/* With probability `share` a draw from the prior: then *taken is 1. */
HPO_NODISCARD hpo_status hpo_guided_random(hpo_guided *g, double share, hpo_rng *rng, double *u_out,
                                           int *taken, hpo_error *err);
/* At most `most` rows with the smallest z that did not fail, best first; returns how many. */
size_t hpo_guided_best_rows(const hpo_guided *g, size_t *row, size_t most);
/* The best point of a score, unlike every known and pending one unless the study is noisy. */
HPO_NODISCARD hpo_status hpo_guided_maximise(hpo_guided *g, const hpo_view *view, const hpo_score *score,
                                             const hpo_search_options *options, hpo_rng *rng, double *u_out,
                                             hpo_error *err);

/* Log expected improvement on `best` under a posterior with gradients: ctx of the two functions of a score. */
typedef struct hpo_guided_ei {
    hpo_posterior posterior;
    double best;
    double *dmean, *dvar; /* scratch, n_dims each */
} hpo_guided_ei;
void hpo_guided_log_ei(void *ei, const double *u, size_t m, double *out);
double hpo_guided_log_ei_slope(void *ei, const double *u, double *gradient);

/* Begins the account {"model":NAME,"origin":...,"value":... and, when a posterior in model units was asked,
 * "mean" and "sd" in the unit of the objective; the caller goes on with ,"key":value and closes the brace. */
void hpo_guided_account(const hpo_guided *g, const char *model, const char *score, double mean, double var,
                        hpo_str *out);
#endif
