/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/improve.h - schedulers that go on with whom a surrogate expects the largest improvement of: what
 * is the same in them whatever the surrogate.  The rule: scheduler/improve.c. */
#ifndef SCHEDULER_IMPROVE_H
#define SCHEDULER_IMPROVE_H
#include "model/embed.h"
#include "model/posterior.h"
#include "model/transform.h"
#include "scheduler/rung.h"

/* The surrogate, a fold over reports; u: configurations by trial.  Predictions are in model units. */
typedef struct hpo_improve_model {
    hpo_status (*create)(const hpo_embed *embed, const double *level, size_t n_levels, uint64_t seed,
                         void **out, hpo_error *err);
    void (*free)(void *model); /* NULL is all right */
    hpo_status (*report)(void *model, size_t trial, double resource, double value, const double *u,
                         hpo_error *err);
    int (*update)(void *model, const double *u); /* before a decision; 0: there is too little to learn from */
    /* What counts of n paused trials, and the value that each is to improve on. */
    void (*next)(void *model, const double *u, const uint32_t *trial, size_t n, double *mean, double *var,
                 double *best);
    hpo_posterior (*fresh)(const void *model); /* ... of new configurations */
    double (*best)(const void *model);         /* ... and of those */
    const hpo_transform *(*transform)(const void *model);
    int at_end;         /* it predicts the value at the full resource; 0: at the next level */
    const char *rivals; /* what `best` is best among, for reasons: "there" */
} hpo_improve_model;

typedef struct hpo_improve_config {
    double eta, min, halving;
} hpo_improve_config;

typedef struct hpo_improve {
    hpo_levels levels; /* first: hpo_levels_list */
    hpo_improve_config config;
    const hpo_improve_model *ops;
    const hpo_space *space;
    uint64_t seed, n_pieces;
    double sign;
    size_t n_dims;
    hpo_sched_rows rows;
    hpo_rung *rungs;
    hpo_embed *embed;
    void *model;
    double *u; /* by trial */
    size_t cap_u;
    int64_t n_complete;
    /* for one look at all paused trials */
    uint32_t *paused;
    double *moments; /* mean, variance, best, of each */
    size_t cap_paused, cap_moments;
    double *draws; /* HPO_IMPROVE_DRAWS x n_dims, then their moments */
} hpo_improve;

enum { HPO_IMPROVE_DRAWS = 128 };

/* The scheduler's members of the same names, over a state that is one of these. */
HPO_NODISCARD hpo_status hpo_improve_init(hpo_improve *s, const hpo_improve_model *ops,
                                          const hpo_improve_config *config, const hpo_sched_problem *p,
                                          hpo_error *err);
void hpo_improve_fini(void *state);
hpo_status hpo_improve_start(void *state, const hpo_sched_start *e, hpo_error *err);
hpo_status hpo_improve_report(void *state, const hpo_sched_report *r, hpo_sched_answer *out, hpo_error *err);
hpo_status hpo_improve_tell(void *state, int64_t trial, hpo_state end, const double *y, hpo_error *err);
hpo_status hpo_improve_next(void *state, const hpo_sched_ask *ask, hpo_action *out, hpo_error *err);
hpo_status hpo_improve_describe(const void *state, char *buf, size_t cap, size_t *n_out, hpo_error *err);
#endif
