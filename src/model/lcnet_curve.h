/* SPDX-License-Identifier: Apache-2.0 */
/* model/lcnet_curve.h - the learning curve layer of LC-Net: from the outputs of a network to the mean and the
 * noise of a rising curve at a time.  The mathematics: model/lcnet_curve.c. */
#ifndef MODEL_LCNET_CURVE_H
#define MODEL_LCNET_CURVE_H

enum {
    HPO_LCNET_SHAPES = 5,
    HPO_LCNET_THETA = 13,                                /* parameters of the shapes */
    HPO_LCNET_WEIGHT = HPO_LCNET_THETA,                  /* first of the shapes' weights */
    HPO_LCNET_END = HPO_LCNET_WEIGHT + HPO_LCNET_SHAPES, /* the value at t = 1 */
    HPO_LCNET_NOISE = HPO_LCNET_END + 1,
    HPO_LCNET_OUTPUTS = HPO_LCNET_NOISE + 1
};

typedef struct hpo_lcnet_point {
    double mean, sd; /* sd: of an observation */
} hpo_lcnet_point;

/* The curve of outputs o at share t in (0, 1], ln_t its logarithm. */
hpo_lcnet_point hpo_lcnet_curve(const double *o, double t, double ln_t);
/* - ln N(z; mean, sd^2) without the constant; d: its derivatives by the outputs (HPO_LCNET_OUTPUTS). */
double hpo_lcnet_curve_loss(const double *o, double t, double ln_t, double z, double *d);
/* What the curve comes to. */
double hpo_lcnet_curve_end(double o);
#endif
