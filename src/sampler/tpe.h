/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/tpe.h - what the files of the tree-structured Parzen estimator share. */
#ifndef SAMPLER_TPE_H
#define SAMPLER_TPE_H
#include "base/map.h"
#include "hpo/sampler.h"
#include "model/parzen.h"
#include <stddef.h>
#include <stdint.h>

typedef enum hpo_tpe_mode { HPO_TPE_DEFAULT, HPO_TPE_OPTUNA5 } hpo_tpe_mode;

typedef struct hpo_tpe_config {
    int32_t mode, multivariate, group, liar;
    int64_t initial, candidates, polish;
    double gamma, floor, recombine;
} hpo_tpe_config;

/* ---- which trials are good (tpe_split.c) ---- */

/* How a trial compares: class first, then key, then row. */
typedef enum hpo_tpe_class {
    HPO_TPE_MEASURED,   /* complete and feasible: by value */
    HPO_TPE_STOPPED,    /* stopped early: by last step, longest first, then value */
    HPO_TPE_INFEASIBLE, /* by sum of violations */
    HPO_TPE_FAILED
} hpo_tpe_class;

typedef struct hpo_tpe_rank {
    hpo_tpe_class kind;
    double first, second;
} hpo_tpe_rank;

/* Finished trials in the order of their merit. */
typedef struct hpo_tpe_order {
    hpo_tpe_rank *rank; /* by row */
    size_t cap_rank;
    uint32_t *row; /* rows, best first */
    size_t cap_row;
    size_t n, n_failed;
} hpo_tpe_order;

void hpo_tpe_order_fini(hpo_tpe_order *o);
/* Adds row `row` (the next one) of the view; *place: where it stands now. */
HPO_NODISCARD hpo_status hpo_tpe_order_add(hpo_tpe_order *o, const hpo_view *view, size_t row, size_t *place,
                                           hpo_error *err);
/* Size of the good set among n trials: min(ceil(gamma n), 25). */
size_t hpo_tpe_below(double gamma, size_t n);

/* ---- state ---- */

/* Parameters modelled jointly (Optuna's mode). */
typedef struct hpo_tpe_block {
    uint32_t first; /* axis */
    hpo_parzen *l, *g;
} hpo_tpe_block;

typedef struct hpo_tpe {
    const hpo_space *space;
    const hpo_tpe_config *config;
    hpo_parzen_axes *axes;
    hpo_tpe_order order;
    /* default mode */
    hpo_parzen_set *below, *above;
    size_t n_below;
    hpo_u64map seen;   /* spaces in which two draws may coincide: hashes of all configurations */
    double *x;         /* n_columns */
    double *work;      /* 2 n_dims */
    double *pool;      /* candidates x n_dims */
    double *score;     /* candidates */
    uint32_t *turn;    /* candidates in the order in which they are rated */
    uint32_t *pick;    /* component of each group, twice */
    uint64_t *pending; /* hashes of the pending trials */
    size_t cap_pending;
    int needs_x; /* a candidate's configuration must be known */
    /* Optuna's mode */
    hpo_tpe_block *block;
    size_t n_blocks, n_good, n_bad, cap_rows;
    struct hpo_tpe_row *good, *bad;
    const double **row;
    int64_t *id;
    double *weight;
    uint8_t *verdict; /* by row of the view */
} hpo_tpe;

/* ---- one suggestion ---- */
/* Default mode (tpe_plus.c). */
HPO_NODISCARD hpo_status hpo_tpe_plus_init(hpo_tpe *t, hpo_error *err);
HPO_NODISCARD hpo_status hpo_tpe_plus_tell(hpo_tpe *t, const hpo_view *view, size_t row, hpo_error *err);
HPO_NODISCARD hpo_status hpo_tpe_plus_ask(hpo_tpe *t, const hpo_view *view, hpo_rng *rng, double *u,
                                          hpo_error *err);
/* log l - log g at u, pending trials counted. */
HPO_NODISCARD hpo_status hpo_tpe_plus_ratio(hpo_tpe *t, const hpo_view *view, const double *u, double *out,
                                            hpo_error *err);
void hpo_tpe_plus_fini(hpo_tpe *t);
/* Optuna's mode (tpe_optuna.c). */
HPO_NODISCARD hpo_status hpo_tpe_optuna_init(hpo_tpe *t, hpo_error *err);
HPO_NODISCARD hpo_status hpo_tpe_optuna_ask(hpo_tpe *t, const hpo_view *view, hpo_rng *rng, double *u,
                                            hpo_error *err);
HPO_NODISCARD hpo_status hpo_tpe_optuna_fit(hpo_tpe *t, const hpo_view *view, hpo_error *err);
/* log l - log g at u after hpo_tpe_optuna_fit. */
double hpo_tpe_optuna_ratio(hpo_tpe *t, const double *u);
void hpo_tpe_optuna_fini(hpo_tpe *t);
#endif
