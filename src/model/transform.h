/* SPDX-License-Identifier: Apache-2.0 */
/* model/transform.h - output transforms: observations y (smaller is better) to model units and back.
 *
 * A transform is fitted to the finite observations and then frozen until the next scheduled refit, so that
 * rows can be appended in O(n^2).  All are strictly increasing: order is kept.  After the shape step values
 * are standardised (mean 0, variance 1 over the fitted data; a constant column keeps scale 1). */
#ifndef MODEL_TRANSFORM_H
#define MODEL_TRANSFORM_H
#include "hpo.h"
#include <stddef.h>

typedef enum hpo_transform_kind {
    HPO_TRANSFORM_STANDARD,    /* (y - mean) / sd */
    HPO_TRANSFORM_YEO_JOHNSON, /* psi_lambda of standardised y, lambda in [-2, 1] by profile likelihood (Yeo &
                                  Johnson 2000) */
    HPO_TRANSFORM_LOG,       /* log y, or log(y - low + margin) when some y <= 0: for y that spans decades */
    HPO_TRANSFORM_HALF_RANK, /* the worse half by normal scores (Vizier), then Yeo-Johnson */
    HPO_TRANSFORM_BILOG,     /* sign(y) log(1 + |y|) of standardised y (Eriksson & Poloczek 2021) */
    HPO_TRANSFORM_AUTO       /* Yeo-Johnson; half-rank first when (max - median) > 20 (median - min) */
} hpo_transform_kind;
#define HPO_TRANSFORM_LABELS "standard", "yeo-johnson", "log", "half-rank", "bilog", "auto"

typedef struct hpo_transform {
    hpo_transform_kind kind; /* AUTO resolved */
    double center, scale;    /* before the shape step */
    double lambda;           /* Yeo-Johnson */
    double shift;            /* log: the same as center */
    double mean, sd;         /* after the shape step */
    /* half-rank: piecewise-linear map of the worse half through n_knots (x ascending) */
    double median, knot_x[64], knot_z[64];
    size_t n_knots;
    double y_min, y_max; /* of the fitted data */
    double z_min, z_max; /* beyond these the tails are logarithmic */
    double slope_low, slope_high; /* of the tangents beyond the data; 0: the shape goes on as it is */
} hpo_transform;

/* Fits to the n values of y that are finite (others ignored); scratch 3 n doubles.  Fewer than 2 finite
 * values, or all equal: the identity around them. */
void hpo_transform_fit(hpo_transform *t, hpo_transform_kind kind, const double *y, size_t n, double *scratch);
double hpo_transform_apply(const hpo_transform *t, double y);
/* The inverse; values beyond the image of the transform give its finite end. */
double hpo_transform_invert(const hpo_transform *t, double z);
/* d z / d y at y: gradients and standard errors are carried over by the delta method. */
double hpo_transform_slope(const hpo_transform *t, double y);
/* Mean of y when z ~ N(mean, var) (21-point Gauss-Hermite through the inverse, which is believed up to three
 * ranges beyond the fitted data). */
double hpo_transform_mean(const hpo_transform *t, double mean, double var);
/* Half the way from the value one standard deviation below the mean to that above it. */
double hpo_transform_sd(const hpo_transform *t, double mean, double var);
#endif
