/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/valleys.h - the valleys that a local search has found, and where another one may be. */
#ifndef SAMPLER_VALLEYS_H
#define SAMPLER_VALLEYS_H

#include "hpo/sampler.h"
#include "model/embed.h"
#include "space/space.h"

/* A valley that was left: its best row and the half-width of the search's box there. */
typedef struct hpo_valley {
    size_t row;
    double width;
} hpo_valley;

typedef struct hpo_valleys {
    const hpo_space *space;
    hpo_embed *embed;
    size_t n_dims, n_numeric, n_other; /* dims, numeric dims, axes without an order */
    uint32_t *numeric;                 /* the numeric dims */
    size_t *other;                     /* axes without an order */
    hpo_valley *left;
    size_t n_left, cap_left;
    /* the root that is being looked into */
    int64_t root;   /* row; -1: none */
    int sure;       /* it differs in labels from all valleys: nothing to try */
    double *middle; /* n_dims: the point to try */
    size_t n_tried, asked_at;
    size_t *refused, n_refused, cap_refused; /* roots that stand in a known valley */
    /* scratch */
    double *x, *key;
    size_t *order, cap_rows;
} hpo_valleys;

HPO_NODISCARD hpo_status hpo_valleys_init(hpo_valleys *v, const hpo_space *space, hpo_error *err);
void hpo_valleys_fini(hpo_valleys *v);

/* Largest difference over the numeric parameters; infinite when anything else differs. */
double hpo_valleys_distance(const hpo_valleys *v, const double *a, const double *b);
/* Makes key and order large enough for n rows. */
HPO_NODISCARD hpo_status hpo_valleys_reserve(hpo_valleys *v, size_t n, hpo_error *err);
/* u to the configuration it stands for and back; 1 when that satisfies the constraints. */
int hpo_valleys_settle(hpo_valleys *v, double *u);

/* Index of the valley left that u is nearest to, n_left when there is none; its distance in *apart. */
size_t hpo_valleys_nearest(const hpo_valleys *v, const hpo_view *view, const double *u, double *apart);
/* Adds a valley that is left. */
HPO_NODISCARD hpo_status hpo_valleys_leave(hpo_valleys *v, size_t row, double width, hpo_error *err);
/* Upper quartile of the first n results minus the best. */
HPO_NODISCARD hpo_status hpo_valleys_height(hpo_valleys *v, const hpo_view *view, size_t n, double *height, hpo_error *err);

/* Looks for a root among the first n rows that stands in none of the valleys left nor in that around `center`; root is -1
 * when there is none. `afresh`: a search that begins now; else one that goes on after a refusal. */
HPO_NODISCARD hpo_status hpo_valleys_look(hpo_valleys *v, const hpo_view *view, size_t n, size_t center, int afresh,
                                          hpo_error *err);
/* Makes `row`, where the search is now, the root in doubt: does it still stand in a valley of its own? root stays -1 when
 * there is nothing to try. */
void hpo_valleys_doubt(hpo_valleys *v, const hpo_view *view, size_t n, size_t row);
/* What row says about the root: 1, there is a ridge between it and the known valleys; -1, there is none; 0, nothing. */
int hpo_valleys_judge(const hpo_valleys *v, const hpo_view *view, size_t row);
/* The root stands in a known valley. */
HPO_NODISCARD hpo_status hpo_valleys_refuse(hpo_valleys *v, hpo_error *err);
#endif
