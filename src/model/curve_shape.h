/* SPDX-License-Identifier: Apache-2.0 */
/* model/curve_shape.h - random shapes of learning curves: how much of the improvement is still to come after a
 * share t of the resource.  The mathematics: model/curve_shape.c. */
#ifndef MODEL_CURVE_SHAPE_H
#define MODEL_CURVE_SHAPE_H
#include <stddef.h>

enum {
    HPO_CURVE_POWER,
    HPO_CURVE_EXPONENTIAL,
    HPO_CURVE_LOGARITHMIC,
    HPO_CURVE_HILL,
    HPO_CURVE_KINDS,
    HPO_CURVE_SHAPE_DIMS = 2 * HPO_CURVE_KINDS + 4 /* random numbers a shape is made of */
};

typedef struct hpo_curve_shape {
    double weight[HPO_CURVE_KINDS]; /* sum 1 */
    double a[HPO_CURVE_KINDS];      /* exponents; LOGARITHMIC: a - 1 */
    double saturation;              /* T: share of the full resource at which 1 / left_at of it is left */
    double factor;                  /* P = how many times less is left there than at the start, >= 1 */
    double speed;                   /* of time after T, at most 1; negative: the curve turns back */
} hpo_curve_shape;

/* The shape at u, HPO_CURVE_SHAPE_DIMS coordinates in [0, 1): uniform u give the prior. */
void hpo_curve_shape_from(const double *u, hpo_curve_shape *out);
/* g(t) in (0, 1] for t >= 0: 1 at the start, 1 / P at T. */
double hpo_curve_shape_value(const hpo_curve_shape *s, double t);
#endif
