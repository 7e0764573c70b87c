/* SPDX-License-Identifier: Apache-2.0 */
/* model/sghmc.c - Springenberg, Klein, Falkner & Hutter: "Bayesian optimization with robust Bayesian neural
 * networks", NIPS 2016, section 4; Chen, Fox & Guestrin: "Stochastic gradient Hamiltonian Monte Carlo", ICML
 * 2014.
 *
 * With g_t a gradient of U, M = V^(1/2) elementwise and e the step, a step is (equation 10)
 *
 *     v <- (1 - alpha) v - e^2 M^-1 g_t + N(0, 2 e^2 alpha M^-1 - e^4),   x <- x + v.
 *
 * -e^4 is the noise that gradients of mini-batches bring already, as large as V says; exact gradients bring
 * none.  In burn-in (equations 8, 9)
 *
 *     tau <- tau - tau g^2 / V + 1,   g <- g + (g_t - g) / tau',   V <- V + (g_t^2 - V) / tau',
 *
 * tau' = tau + 1 of before; afterwards V stays, so that the chain has a stationary distribution.
 *
 * That noise must be less than what is due, e^2 M <= 2 alpha; with steps that are too long for it the draws
 * lie too far apart.
 *
 * How far that is from exp(-U): for U = h x^2 / 2 and exact gradients x is an autoregression of order two,
 * with k = e^2 h / M of variance 1 / h times 1 / (1 - k / (2 (2 - alpha))) (tests/unit/model/lcnet.c). */
#include "model/sghmc.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

static const double TINY = 1e-16;

hpo_status hpo_sghmc_init(hpo_sghmc *s, size_t n, double step, double friction, hpo_error *err)
{
    *s = (hpo_sghmc){.n = n, .step = step, .friction = friction};
    s->momentum = hpo_calloc(4 * n + 1, sizeof *s->momentum);
    if (s->momentum == NULL) return hpo_fail_memory(err);
    s->window = s->momentum + n;
    s->mean = s->window + n;
    s->square = s->mean + n;
    hpo_sghmc_reset(s);
    return HPO_OK;
}

void hpo_sghmc_fini(hpo_sghmc *s)
{
    hpo_free(s->momentum);
    s->momentum = NULL;
}

void hpo_sghmc_reset(hpo_sghmc *s)
{
    memset(s->momentum, 0, s->n * sizeof *s->momentum);
    for (size_t i = 0; i < s->n; i++)
        s->window[i] = s->mean[i] = s->square[i] = 1;
}

static void learn(hpo_sghmc *s, const double *gradient)
{
    for (size_t i = 0; i < s->n; i++) {
        double g = s->mean[i], rate = 1 / (s->window[i] + 1), now = gradient[i];
        s->window[i] += 1 - s->window[i] * g * g / (s->square[i] + TINY);
        s->mean[i] += rate * (now - g);
        s->square[i] += rate * (now * now - s->square[i]);
    }
}

void hpo_sghmc_step(hpo_sghmc *s, const double *gradient, int adapt, hpo_rng *rng, double *x)
{
    double e2 = s->step * s->step, brought = s->exact ? 0 : e2 * e2;
    if (adapt) learn(s, gradient);
    for (size_t i = 0; i < s->n; i++) {
        double inverse = 1 / (sqrt(s->square[i]) + TINY);
        double noise = fmax(2 * e2 * s->friction * inverse - brought, 0);
        s->momentum[i] +=
            sqrt(noise) * hpo_rng_normal(rng) - e2 * inverse * gradient[i] - s->friction * s->momentum[i];
        x[i] += s->momentum[i];
    }
}
