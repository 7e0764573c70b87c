/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/resource.h - what samplers share that model the resource beside the configuration: every report of every
 * trial as one list, the opening, failures, the search. */
#ifndef SAMPLER_RESOURCE_H
#define SAMPLER_RESOURCE_H
#include "acq/search.h"
#include "base/str.h"
#include "model/embed.h"
#include "model/gp.h"
#include "model/success.h"
#include "sampler/opening.h"

typedef enum hpo_resource_kind {
    HPO_RESOURCE_UNKNOWN, /* the view does not show its configuration yet */
    HPO_RESOURCE_PENDING, /* no report yet */
    HPO_RESOURCE_SEEN,
    HPO_RESOURCE_FAILED
} hpo_resource_kind;

/* First member of such a sampler's state. */
typedef struct hpo_resource {
    hpo_opening opening; /* first */
    const hpo_space *space;
    hpo_embed *embed;
    hpo_search *search;
    hpo_success *success;
    size_t n_dims, n_axes, opening_size;
    /* of the view, by hpo_resource_look */
    double high;     /* maximum of the resource */
    size_t n_trials; /* by number; without a scheduler that pauses: by row */
    const double *u; /* n_trials x n_dims */
    uint8_t *kind;   /* n_trials, hpo_resource_kind */
    double *score;   /* n_trials: smaller is better; the sampler fills it, INFINITY: not worth a look */
    size_t n_reports, n_rows, n_seen, n_failed;
    size_t cap_kind, cap_score;
    /* before hpo_resource_maximise, where a sampler wants something else than it does by itself */
    double target; /* value to improve on, model units, whatever `score` says; NAN: the least mean at trials */
    size_t n_flat; /* > 0: the best of so many quasi-random candidates instead of a search that climbs */
    int penalise;  /* local penalisation at pending trials that are not in the model */
    /* scratch */
    double *list;
    uint8_t *ok;
    size_t cap_list, cap_ok;
    double *lengthscales; /* n_axes */
    /* of the last ask */
    int is_opening, used_up;
    double value;
} hpo_resource;

/* opening: trials before the first model; negative: one more than parameters, between 5 and 10. */
HPO_NODISCARD hpo_status hpo_resource_init(hpo_resource *r, const hpo_space *space, uint64_t seed, int64_t opening,
                                           hpo_error *err);
void hpo_resource_fini(hpo_resource *r);

/* One report: share of the full resource, in (0, 1]; y may be NaN or infinite: the trial has failed. */
typedef hpo_status (*hpo_resource_take)(void *ctx, size_t trial, double share, double y, hpo_error *err);
/* Takes in what is new in the view, in its order. */
HPO_NODISCARD hpo_status hpo_resource_look(hpo_resource *r, const hpo_view *view, hpo_resource_take take, void *ctx,
                                           hpo_error *err);
/* The levels of the view as shares of the maximum, ascending; one, the maximum, where it has none.  How many there are
 * is returned, at most HPO_RESOURCE_LEVELS of them are in `level`. */
size_t hpo_resource_level_shares(const hpo_view *view, double *level);
/* Values of trials at levels: the first report of each at r_k or beyond, in the order of the reports. */
enum { HPO_RESOURCE_LEVELS = 64 };
typedef struct hpo_level_row {
    size_t trial, level;
    double y;
} hpo_level_row;
typedef struct hpo_level_rows {
    size_t n_levels;
    double level[HPO_RESOURCE_LEVELS]; /* shares of the maximum */
    size_t count[HPO_RESOURCE_LEVELS]; /* trials that have come to each */
    hpo_level_row *rows;
    size_t n_rows, cap_rows;
    size_t *next; /* by trial: level that its next row is of */
    size_t n_next, cap_next;
} hpo_level_rows;
/* The levels of the view, once; one level, the maximum, where it has none.  `name` of the sampler: for an error. */
HPO_NODISCARD hpo_status hpo_level_rows_begin(hpo_level_rows *l, const hpo_view *view, const char *name,
                                              hpo_error *err);
void hpo_level_rows_fini(hpo_level_rows *l);
/* What hpo_resource_look brings, of a finite value.  *added: a row was. */
HPO_NODISCARD hpo_status hpo_level_rows_take(hpo_level_rows *l, size_t trial, double share, double y, int *added,
                                             hpo_error *err);

/* 1: too few trials have reported; then a point of the opening is in u_out. */
HPO_NODISCARD hpo_status hpo_resource_open(hpo_resource *r, uint64_t draw, hpo_rng *rng, double *u_out, int *taken,
                                           hpo_error *err);
/* Trials without a report: rows of u, good until the next call. */
HPO_NODISCARD hpo_status hpo_resource_pending(hpo_resource *r, const hpo_view *view, const double **u, size_t *n,
                                              hpo_error *err);
/* The configuration of largest log expected improvement of `model` over its least mean at the trials of smallest
 * score (r->target instead where it is set), unlike all known ones unless the study is noisy.  gp: the process behind it, for joint fantasies at the
 * pending trials; NULL: they are in the model already. lengthscales: as in search.h. */
HPO_NODISCARD hpo_status hpo_resource_maximise(hpo_resource *r, const hpo_view *view, const hpo_posterior *model,
                                               const hpo_gp *gp, const double *lengthscales, hpo_rng *rng,
                                               double *u_out, hpo_error *err);
/* The configuration of largest score, near the trials of smallest `score` among others; with failed trials,
 * `success` has learnt from them before the first look. */
HPO_NODISCARD hpo_status hpo_resource_search(hpo_resource *r, const hpo_view *view, const hpo_score *score,
                                             hpo_rng *rng, double *u_out, hpo_error *err);
/* Begins the account of the last ask, {"model":NAME,"origin":...; the caller goes on and closes the brace. */
void hpo_resource_account(const hpo_resource *r, const char *model, const char *acquisition, hpo_str *out);
#endif
