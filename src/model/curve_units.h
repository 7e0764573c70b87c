/* SPDX-License-Identifier: Apache-2.0 */
/* model/curve_units.h - common units for the learning curves of a study: 0 is its best value, 1 the bad end. */
#ifndef MODEL_CURVE_UNITS_H
#define MODEL_CURVE_UNITS_H
#include <stddef.h>

#include "hpo/sampler.h"

/* Zero to begin with. */
typedef struct hpo_curve_units {
    double *values; /* all, in any order */
    size_t n, cap, next; /* next: number of values from which the scale is made anew */
    double best, range;  /* range 0: no scale yet */
    size_t epoch;        /* times that the scale has changed */
} hpo_curve_units;
/* One more value, finite; smaller is better. */
HPO_NODISCARD hpo_status hpo_curve_units_add(hpo_curve_units *u, double value, hpo_error *err);
void hpo_curve_units_fini(hpo_curve_units *u);
/* With range > 0. */
double hpo_curve_units_to(const hpo_curve_units *u, double value);
double hpo_curve_units_from(const hpo_curve_units *u, double x);
#endif
