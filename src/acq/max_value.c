/* SPDX-License-Identifier: Apache-2.0 */
/* acq/max_value.c - multi-fidelity max-value entropy search: what does the value of a cheap version of the
 * function tell of its minimum's value?
 *
 * f: the function in full at a point, N(mean, s^2); g: its cheap version there, or an observation of that,
 * correlated with f by r.  That the minimum is m says f >= m, and so of g, in units of its own standard
 * deviation, x (z = (mean - m) / s):
 *
 *     p(x given f >= m) = phi(x) Phi(y) / Phi(z),  y = (z + r x) / c,  c^2 = 1 - r^2
 *     I(z) = H(g) - H(g given f >= m)
 *          = r^2 z l / 2 - ln Phi(z) + E_x Phi(y) ln Phi(y) / Phi(z),  l = phi(z) / Phi(z)
 *
 * the lemma's one-dimensional integral.  It is taken along t, where (x, y) = (c t - r z, r t + c z) turns (t,
 * z) about the origin: phi(x) phi(y) = phi(t) phi(z), dx = c dt, so that with w = Phi ln Phi / phi
 *
 *     I(z) = l [r^2 z / 2 - w(z) + c E_t w(c z + r t)],  t ~ N(0, 1),
 *
 * which loses nothing in the right tail, is 0 for r = 0 and the closed form of max-value entropy search for
 * |r| = 1.  w is smooth and grows no faster than |y|: the trapezoidal rule with step 5/8 on [-9, 9] is right
 * to 1e-10.
 *
 * Takeno, Fukuoka, Tsukada, Koyama, Shiga, Takeuchi & Karasuyama: "Multi-fidelity Bayesian optimization with
 * max-value entropy search and its parallelization", ICML 2020, arXiv 1901.08275: equation 4 (in full),
 * equation 5 and lemma 3.1 (cheaper), for maxima; there Gauss-Legendre along x. */
#include <math.h>

#include "acq/acquisition.h"
#include "acq/closed.h"
#include "math/dist.h"
#include "math/func.h"

enum { HALF = 14, NODES = 2 * HALF + 1 };
static const double STEP = 0.625;
static const double INV_SQRT2 = 0.70710678118654752440;
static const double SQRT_HALF_PI = 1.2533141373155002512;

/* w(y) = Phi(y) ln Phi(y) / phi(y). */
static double weighed_log(double y)
{
    double mills = SQRT_HALF_PI * hpo_erfcx(fabs(y) * INV_SQRT2); /* of the tail beyond |y| */
    if (y < 0) return mills * hpo_normal_logcdf(y);
    double phi = hpo_exp(hpo_normal_logpdf(y)), q = phi * mills, cdf = 1 - q;
    return q > 1e-8 ? cdf * hpo_log1p(-q) / phi : -cdf * mills * (1 + 0.5 * q);
}

double hpo_acq_mes_correlated(double mean, double sd, double correlation, const double *minima, size_t n)
{
    double r = fmin(fabs(correlation), 1), c = sqrt((1 - r) * (1 + r)), sum = 0, weight[NODES];
    if (r >= 1) return hpo_acq_mes(mean, sd, minima, n, NULL, NULL);
    for (int k = 0; k < NODES; k++)
        weight[k] = c * STEP * hpo_exp(hpo_normal_logpdf((k - HALF) * STEP));
    for (size_t i = 0; i < n; i++) {
        double z = (mean - minima[i]) / sd, inner = 0.5 * r * r * z - weighed_log(z);
        for (int k = 0; k < NODES; k++)
            inner += weight[k] * weighed_log(c * z + r * ((k - HALF) * STEP));
        sum += hpo_acq__hazard(z) * fmax(inner, 0);
    }
    return sum / (double)n;
}
