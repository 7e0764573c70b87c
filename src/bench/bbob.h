/* SPDX-License-Identifier: Apache-2.0 */
/* bench/bbob.h - the 24 noiseless BBOB functions with COCO's instances, as values of points; the families of
 * problems (bbob, bbob-mixint, bbob-noisy) are made of them. */
#ifndef BENCH_BBOB_H
#define BENCH_BBOB_H
#include <stddef.h>

#include "hpo.h"

enum { HPO_BBOB_FUNCTIONS = 24 };

/* One function in one instance.  Immutable once made.  Matrices hold their columns one after another. */
typedef struct hpo_bbob {
    int function; /* 1..24 */
    size_t d;
    double fopt;
    const double *xopt;         /* d: a location of the optimum */
    double *scale;              /* d: what the function multiplies or raises coordinate i with */
    double *skew;               /* d: exponent factors of T_asy */
    double *first, *second;     /* d x d: the maps in the order they are applied */
    double penalty;             /* weight of sum max(0, |x_i| - 5)^2 */
    double constant;            /* the function's own: factor of Rosenbrock's coordinates, Lunacek's s */
    size_t n_peaks;             /* Gallagher: peaks ... */
    double *centre, *curvature; /* ... n_peaks x d, rotated coordinates */
    double *height;             /* ... logarithms of the weights */
    double *block;              /* all arrays */
} hpo_bbob;

/* condition 0: the published one (only f10 takes another, for the noisy ellipsoids).  d: 2..640. */
HPO_NODISCARD hpo_status hpo_bbob_create(int function, int instance, size_t d, double condition,
                                         hpo_bbob **out, hpo_error *err);
void hpo_bbob_free(hpo_bbob *b);
/* f(x) - fopt, x any point of R^d. */
double hpo_bbob_excess(const hpo_bbob *b, const double *x);
#endif
