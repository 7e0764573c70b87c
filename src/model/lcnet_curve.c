/* SPDX-License-Identifier: Apache-2.0 */
/* model/lcnet_curve.c - the learning curve layer of Klein, Falkner, Springenberg & Hutter (ICLR 2017),
 * section 3 and appendix.  Outputs o of the network; parameters a, b, c of each shape are logistic functions
 * s(o), in (0, 1), and t is the share of the full resource:
 *
 *     mean(t) = s(o_end) + sum_k w_k phi_k(t),   w = softmax(o_w),   sd = s(o_noise - 3) + 0.001
 *
 *     vapor pressure  exp(-a - b/10 / t - c/10 ln t) - exp(-a - b/10)
 *     pow             a (t^b - 1)
 *     log power       2 a (1 / (1 + exp(-c b/10)) - 1 / (1 + exp(c (ln t - b/10))))
 *     exponential     a (exp(-10 b) - exp(-10 b t))
 *     hill 3          a (1 / ((c / t)^b + 1) - 1 / (c^b + 1))
 *
 * Every phi_k(1) = 0, so that o_end alone says where the curve ends.  In the authors' program log power and
 * hill 3 miss 0 there by a bracket and a factor; here they are the families of Domhan et al. (2015) as meant.
 * The families of curve_ensemble.c have the same names, but rise from x = 1 to 100 towards asymptotes of
 * their own, in boxes instead of (0, 1), and without derivatives.  -3: a curve is noisy by some hundredths of
 * the range before anything is known. */
#include "model/lcnet_curve.h"

#include <math.h>

#include "math/func.h"
#include "math/linalg.h"

static const double NOISE_SHIFT = -3, NOISE_FLOOR = 1e-3, FAR = 30;
static const unsigned N_PARAMS[HPO_LCNET_SHAPES] = {3, 2, 3, 2, 3};

/* Logistic function of what comes as -x, from its exponential. */
static double logistic(double exp_minus_x)
{
    return 1 / (1 + exp_minus_x);
}

static double sigmoid(double x)
{
    return logistic(hpo_exp(-fmin(fmax(x, -FAR), FAR)));
}

double hpo_lcnet_curve_end(double o)
{
    return sigmoid(o);
}

/* ---- shapes: value, and derivatives by the parameters -------------------------------------------------- */

static double vapor_pressure(const double *p, double t, double ln_t, double *d)
{
    double here = hpo_exp(-p[0] - 0.1 * p[1] / t - 0.1 * p[2] * ln_t), end = hpo_exp(-p[0] - 0.1 * p[1]);
    d[0] = end - here;
    d[1] = 0.1 * (end - here / t);
    d[2] = -0.1 * ln_t * here;
    return here - end;
}

static double power(const double *p, double t, double ln_t, double *d)
{
    double at = hpo_exp(p[1] * ln_t);
    (void)t;
    d[0] = at - 1;
    d[1] = p[0] * at * ln_t;
    return p[0] * d[0];
}

static double log_power(const double *p, double t, double ln_t, double *d)
{
    double b = 0.1 * p[1], c = p[2];
    double end = logistic(hpo_exp(-c * b)), here = logistic(hpo_exp(c * (ln_t - b)));
    double slope_end = end * (1 - end), slope = here * (1 - here);
    (void)t;
    d[0] = 2 * (end - here);
    d[1] = 0.2 * p[0] * c * (slope_end - slope);
    d[2] = 2 * p[0] * (slope_end * b - slope * (b - ln_t));
    return p[0] * d[0];
}

static double exponential(const double *p, double t, double ln_t, double *d)
{
    double end = hpo_exp(-10 * p[1]), here = hpo_exp(-10 * p[1] * t);
    (void)ln_t;
    d[0] = end - here;
    d[1] = 10 * p[0] * (t * here - end);
    return p[0] * d[0];
}

static double hill3(const double *p, double t, double ln_t, double *d)
{
    double b = p[1], ln_c = hpo_log(p[2]);
    double here = logistic(hpo_exp(b * (ln_c - ln_t))), end = logistic(hpo_exp(b * ln_c));
    double slope = here * (1 - here), slope_end = end * (1 - end);
    (void)t;
    d[0] = here - end;
    d[1] = p[0] * (slope_end * ln_c - slope * (ln_c - ln_t));
    d[2] = p[0] * b / p[2] * (slope_end - slope);
    return p[0] * d[0];
}

static double (*const shapes[HPO_LCNET_SHAPES])(const double *p, double t, double ln_t, double *d) = {
    vapor_pressure, power, log_power, exponential, hill3};

/* ---- the layer ----------------------------------------------------------------------------------------- */

typedef struct layer {
    double e[HPO_LCNET_OUTPUTS]; /* logistic functions of the outputs; of the weights, the softmax */
    double phi[HPO_LCNET_SHAPES], slope[HPO_LCNET_THETA];
    double rest; /* sum of w phi */
    hpo_lcnet_point at;
} layer;

static void squash(const double *o, double *e)
{
    double most = o[HPO_LCNET_WEIGHT], total = 0;
    for (int k = 1; k < HPO_LCNET_SHAPES; k++)
        most = fmax(most, o[HPO_LCNET_WEIGHT + k]);
    for (int i = 0; i < HPO_LCNET_OUTPUTS; i++) {
        double shift = i == HPO_LCNET_NOISE ? NOISE_SHIFT : 0;
        e[i] = -fmin(fmax(o[i] + shift, -FAR), FAR);
    }
    for (int k = HPO_LCNET_WEIGHT; k < HPO_LCNET_END; k++)
        e[k] = o[k] - most;
    hpo_exp_n(e, HPO_LCNET_OUTPUTS, e);
    for (int k = HPO_LCNET_WEIGHT; k < HPO_LCNET_END; k++)
        total += e[k];
    for (int i = 0; i < HPO_LCNET_OUTPUTS; i++)
        e[i] = i >= HPO_LCNET_WEIGHT && i < HPO_LCNET_END ? e[i] / total : logistic(e[i]);
}

static void forward(const double *o, double t, double ln_t, layer *l)
{
    unsigned first = 0;
    squash(o, l->e);
    l->rest = 0;
    for (int k = 0; k < HPO_LCNET_SHAPES; k++) {
        l->phi[k] = shapes[k](l->e + first, t, ln_t, l->slope + first);
        l->rest += l->e[HPO_LCNET_WEIGHT + k] * l->phi[k];
        first += N_PARAMS[k];
    }
    l->at.mean = l->e[HPO_LCNET_END] + l->rest;
    l->at.sd = l->e[HPO_LCNET_NOISE] + NOISE_FLOOR;
}

hpo_lcnet_point hpo_lcnet_curve(const double *o, double t, double ln_t)
{
    layer l;
    forward(o, t, ln_t, &l);
    return l.at;
}

double hpo_lcnet_curve_loss(const double *o, double t, double ln_t, double z, double *d)
{
    layer l;
    unsigned i = 0;
    forward(o, t, ln_t, &l);
    double sd = l.at.sd, gap = (l.at.mean - z) / sd, by_mean = gap / sd, by_sd = (1 - gap * gap) / sd;
    for (int k = 0; k < HPO_LCNET_SHAPES; k++) {
        double w = l.e[HPO_LCNET_WEIGHT + k];
        for (unsigned stop = i + N_PARAMS[k]; i < stop; i++)
            d[i] = by_mean * w * l.slope[i] * l.e[i] * (1 - l.e[i]);
        d[HPO_LCNET_WEIGHT + k] = by_mean * w * (l.phi[k] - l.rest);
    }
    d[HPO_LCNET_END] = by_mean * l.e[HPO_LCNET_END] * (1 - l.e[HPO_LCNET_END]);
    d[HPO_LCNET_NOISE] = by_sd * l.e[HPO_LCNET_NOISE] * (1 - l.e[HPO_LCNET_NOISE]);
    return hpo_log(sd) + 0.5 * gap * gap;
}
