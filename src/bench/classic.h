/* SPDX-License-Identifier: Apache-2.0 */
/* bench/classic.h - test functions that the classical, sparse and multi-fidelity problems share. */
#ifndef BENCH_CLASSIC_H
#define BENCH_CLASSIC_H
#include <stddef.h>

/* Branin's function (x2 - b x1^2 + c x1 - 6)^2 + 10 (1 - t) cos x1 + 10; published: b = 5.1 / (4 pi^2),
 * c = 5 / pi, t = 1 / (8 pi). */
#define HPO_BRANIN_B 0.12918450914398066
#define HPO_BRANIN_C 1.5915494309189535
#define HPO_BRANIN_T 0.039788735772973836
double hpo_branin(const double *x, double b, double c, double t);
/* -sum_i alpha_i exp(-sum_j A_ij (x_j - P_ij)^2) in [0, 1]^6; published: alpha = 1, 1.2, 3, 3.2. */
double hpo_hartmann6(const double *x, const double alpha[4]);
extern const double hpo_hartmann_alpha[4];

/* Optima. */
#define HPO_BRANIN_BEST 0.39788735772973816
#define HPO_HARTMANN6_BEST (-3.3223680114155147)
extern const double hpo_branin_at[2], hpo_hartmann6_at[6];
#endif
