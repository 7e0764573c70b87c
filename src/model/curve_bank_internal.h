/* SPDX-License-Identifier: Apache-2.0 */
/* model/curve_bank_internal.h - what the bank and the posterior of a curve share. */
#ifndef MODEL_CURVE_BANK_INTERNAL_H
#define MODEL_CURVE_BANK_INTERNAL_H
#include "model/curve_bank.h"

enum {
    HPO_CURVE_LEVELS = 4,  /* of noise */
    HPO_CURVE_CLASSES = 3, /* of correlation: shape i has class i mod 3 */
    HPO_CURVE_SUMS = 6,    /* S11, S12, S22, R1, R2, Y */
    HPO_CURVE_BLOCK = 24   /* shapes: all lanes of a vector, all classes */
};
#define HPO_CURVE_FIRST 0x1p-10 /* the first time of the table */

struct hpo_curve_bank {
    size_t n;             /* shapes, a multiple of HPO_CURVE_BLOCK */
    double *table, *last; /* TIMES x n; its last row: t = 1 */
    double log_prior[HPO_CURVE_LEVELS];
};

struct hpo_curve {
    const hpo_curve_bank *bank;
    size_t n;
    double first, t, y;        /* time of the first report; last report */
    double log_v[HPO_CURVE_CLASSES];     /* sum ln v */
    double *sums, *g, *g_next; /* HPO_CURVE_SUMS x n; n: shapes at t, scratch */
};

extern const double hpo_curve_noise[HPO_CURVE_LEVELS]; /* standard deviations */
/* Correlation of residuals at two times, by class. */
double hpo_curve_correlation(size_t kind, double t, double before);
/* All shapes at t: out has as many. */
void hpo_curve_shapes_at(const hpo_curve_bank *b, double t, double *out);
#endif
