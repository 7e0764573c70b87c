/* SPDX-License-Identifier: Apache-2.0 */
/* model/sghmc.h - scale-adapted stochastic gradient Hamiltonian Monte Carlo: draws from exp(-U(x)) by noisy
 * or exact gradients of U.  The mathematics: model/sghmc.c. */
#ifndef MODEL_SGHMC_H
#define MODEL_SGHMC_H
#include "hpo/sampler.h"

typedef struct hpo_sghmc {
    size_t n;
    double step;     /* epsilon */
    double friction; /* alpha, in (0, 1): the share of momentum that a step loses */
    int exact;       /* gradients have no noise: none is taken off the noise that is added */
    double *momentum, *window, *mean, *square; /* v, tau, g, V: n each, one block */
} hpo_sghmc;

HPO_NODISCARD hpo_status hpo_sghmc_init(hpo_sghmc *s, size_t n, double step, double friction, hpo_error *err);
void hpo_sghmc_fini(hpo_sghmc *s);
/* No momentum, scale 1 in all directions. */
void hpo_sghmc_reset(hpo_sghmc *s);
/* One step of x (n) with the gradient of U there; adapt: the scales learn from it (burn-in). */
void hpo_sghmc_step(hpo_sghmc *s, const double *gradient, int adapt, hpo_rng *rng, double *x);
#endif
