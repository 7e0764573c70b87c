/* SPDX-License-Identifier: Apache-2.0 */
/* model/parzen_set.h - the inside of hpo_parzen_set, shared by the files that keep and that evaluate it. */
#ifndef MODEL_PARZEN_SET_H
#define MODEL_PARZEN_SET_H
#include "model/parzen.h"
#include "model/parzen_lanes.h"

enum {
    HPO_PARZEN_LANES = 8,
    HPO_PARZEN_TABLE = 64 /* up to so many values of a grid have their masses in a table */
};
#define HPO_PARZEN_NOTHING (-1e30F) /* log weight of what is not there */

/* One axis of all members, in the order of their ids. */
typedef struct hpo_parzen_lane {
    float *mu, *scale; /* REAL: place, 1 / (sigma sqrt 2); LABEL: mu is the number of the label; ORDER:
                          scratch */
    float *constant;   /* -log(sigma sqrt(2 pi) mass) */
    float *table;      /* GRID: n_values rows of `stride` log masses; NULL: as REAL */
    double *sigma, *place;
    double *keys; /* ORDER: n_values a member */
    uint64_t *bits;
    double *sorted; /* REAL, GRID: places in ascending order, and whose */
    uint32_t *who;
    size_t n;           /* active members */
    size_t fitted;      /* LABEL, ORDER: the number of members that `same` ... stand for, plus 1 */
    double same, other; /* LABEL: log masses; ORDER: theta, log Z */
} hpo_parzen_lane;

struct hpo_parzen_set {
    const hpo_parzen_axes *axes;
    hpo_parzen_width width;
    size_t n, cap, stride; /* stride: cap, a multiple of HPO_PARZEN_LANES */
    uint32_t *id;
    float *log_weight; /* HPO_PARZEN_NOTHING from n on */
    double *weight;
    hpo_parzen_lane *lane;
    float *constant; /* n_groups x stride: sums over the axes of a group; HPO_PARZEN_NOTHING: inactive */
    size_t *active;  /* n_groups */
    double *total;   /* n_groups: weights of the active members and the prior */
    float *exponent, *part;   /* scratch: stride; n_groups x stride */
    double logged, log_total; /* memo: log_total = log(logged) */
    double *prior;            /* scratch: n_groups */
    unsigned char *block;     /* what all arrays above lie in */
    hpo_parzen_term *term;    /* n_axes + 1 */
    uint64_t *query;
    uint32_t *items;
    size_t words;
};

/* Labels and permutations: kernels depend on how many members there are. */
void hpo_parzen_lane_refresh(const hpo_parzen_axis *a, hpo_parzen_lane *l);
#endif
