/* SPDX-License-Identifier: Apache-2.0 */
/* math/lbfgsb_model.h - the quadratic model of L-BFGS-B: see lbfgsb_model.c. */
#ifndef MATH_LBFGSB_MODEL_H
#define MATH_LBFGSB_MODEL_H
#include <stddef.h>

enum { LBFGSB_MEMORY_MAX = 32 };

/* B = theta I - W M W^T of the last `pairs` steps s and gradient changes y.  Vectors over pairs are padded
 * with zeros to `lanes`, a multiple of HPO_LANES. */
typedef struct lbfgsb_model {
    size_t n, memory, pairs, lanes;
    double theta;
    double *ys;                       /* n x 2 lanes: entry i of all y, oldest first, then of all s */
    double *ss, *low, *low_t;         /* lanes x lanes: s_i . s_j, L, L^T */
    double *j, *a, *x, *t, *h;        /* lanes x lanes: factors and what is between */
    double *d, *inverse_d;            /* lanes: D, 1 / D */
    double *inverse_j;                /* lanes: of the diagonal of J's factor */
    double *p, *c, *w, *mc, *mp, *mw; /* 2 lanes each */
    double *breaks, *order, *r;       /* n each */
} lbfgsb_model;

/* Doubles that lbfgsb_model_init takes of work. */
size_t lbfgsb_model_work(size_t n, size_t memory);
void lbfgsb_model_init(lbfgsb_model *m, size_t n, size_t memory, double *work);
/* Forgets all pairs: B = I. */
void lbfgsb_model_reset(lbfgsb_model *m);
/* Adds the pair; one without positive curvature is left out. */
void lbfgsb_model_update(lbfgsb_model *m, const double *s, const double *y);
/* The minimiser of the model at x (gradient g) within the box, approximately: generalised Cauchy point, then
 * the subspace of the variables that are free there.  0 when the model has become singular: reset it. */
int lbfgsb_model_minimise(lbfgsb_model *m, const double *x, const double *g, const double *lower,
                          const double *upper, double *target);
#endif
