/* SPDX-License-Identifier: Apache-2.0 */
/* model/curve_shape.c - the prior over shapes of learning curves that FT-PFN was trained on (Rakotoarison et
 * al.: "In-context freeze-thaw Bayesian optimization for hyperparameter optimization", ICML 2024, appendix).
 *
 * A curve y(t) = A + (S - A) g(t) falls from S at the start towards its asymptote A.  g is a mixture of four
 * saturating functions, weights w ~ Dirichlet(1, 1, 1, 1), each of them 1 / P at t = T:
 *
 *     power        ((P^(1/a) - 1) t / T + 1)^-a                ln a ~ N(1, 1)
 *     exponential  P^-((t / T)^a)                              ln a ~ N(0, 1)
 *     logarithmic  ln a / ln((a^P - a) t / T + a)              ln (a - 1) ~ N(-4, 1)
 *     hill         1 / ((t / T)^a (P - 1) + 1)                 ln a ~ N(1/2, 1/2)
 *
 *     P = 10^U(0, 3),  T = Exp(1) 10^N(0, 1);  after T the time goes on at speed 1 - Exp(1): slower, or back,
 *     and then the curve gets worse again (never beyond where it began: t >= 0).
 *
 * t is the share of the full resource.  The two ends A and S are not part of the shape: curve_bank.c
 * integrates them out. */
#include "model/curve_shape.h"

#include <math.h>

#include "math/dist.h"
#include "math/func.h"

static const double LN10 = 0x1.26bb1bbb55516p+1;
static const double MOST = 600; /* exponents: keeps exp(x) finite */

static double normal_at(double u, double mean, double sd)
{
    return mean + sd * hpo_normal_quantile(fmin(fmax(u, 0x1p-40), 1 - 0x1p-40));
}

void hpo_curve_shape_from(const double *u, hpo_curve_shape *out)
{
    static const double mean[HPO_CURVE_KINDS] = {1, 0, -4, 0.5}, sd[HPO_CURVE_KINDS] = {1, 1, 1, 0.5};
    double total = 0;
    for (size_t k = 0; k < HPO_CURVE_KINDS; k++) { /* Dirichlet(1 ...): exponentials over their sum */
        out->weight[k] = -hpo_log1p(-fmin(u[k], 1 - 0x1p-40)) + 0x1p-60;
        total += out->weight[k];
        out->a[k] = hpo_exp(normal_at(u[HPO_CURVE_KINDS + k], mean[k], sd[k]));
    }
    for (size_t k = 0; k < HPO_CURVE_KINDS; k++)
        out->weight[k] /= total;
    u += (size_t)2 * HPO_CURVE_KINDS;
    out->factor = hpo_exp(3 * LN10 * u[0]);
    out->saturation = fmax(-hpo_log1p(-u[1]), 1e-9) * hpo_exp(LN10 * normal_at(u[2], 0, 1));
    out->speed = 1 + hpo_log1p(-fmin(u[3], 1 - 0x1p-40));
}

double hpo_curve_shape_value(const hpo_curve_shape *s, double t)
{
    double ln_p = hpo_log(s->factor), x = t / s->saturation;
    if (x > 1) x = fmax(0, 1 + (x - 1) * s->speed);
    if (!(x > 0)) return 1;
    double ln_x = hpo_log(x), a = s->a[HPO_CURVE_POWER];
    double value = s->weight[HPO_CURVE_POWER] * hpo_exp(-a * hpo_log1p(hpo_expm1(fmin(ln_p / a, MOST)) * x));
    a = s->a[HPO_CURVE_EXPONENTIAL];
    value += s->weight[HPO_CURVE_EXPONENTIAL] * hpo_exp(-ln_p * hpo_exp(fmin(a * ln_x, MOST)));
    /* a = 1 + e: ln a and a^P - a without cancellation */
    double e = s->a[HPO_CURVE_LOGARITHMIC], ln_a = hpo_log1p(e);
    double rise = hpo_expm1(fmin(s->factor * ln_a, MOST)) - e;
    value += s->weight[HPO_CURVE_LOGARITHMIC] * ln_a / hpo_log1p(rise * x + e);
    a = s->a[HPO_CURVE_HILL];
    value += s->weight[HPO_CURVE_HILL] / (hpo_exp(fmin(a * ln_x, MOST)) * (s->factor - 1) + 1);
    return value;
}
