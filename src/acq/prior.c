/* SPDX-License-Identifier: Apache-2.0 */
/* acq/prior.c - the user's belief where the optimum lies, as a density over the unit cube.
 *
 * piBO multiplies the acquisition by density^(beta / n), which in logarithms is alpha(u) + (beta / n) ln
 * p(u). p is the density of what hpo_space_apply_prior maps uniform coordinates to: for a coordinate u with
 * value x(u) on the parameter's scale, centre        truncated normal around the coordinate of the centre
 *     normal(m, s)  N(x; m, s^2) |dx/du| / mass      (x' of each scale: see study's view of gradients)
 *     beta(a, b)    of the coordinate
 *     weights       n w_i
 * Parameters that are inactive, or without a prior, contribute nothing.
 *
 * Hvarfner et al. (2022), "piBO: augmenting acquisition functions with user beliefs", arXiv 2204.11051. */
#include "acq/prior.h"

#include <math.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/dist.h"
#include "math/func.h"
#include "space/space.h"

hpo_status hpo_acq_prior_open(hpo_acq_prior *p, const hpo_space *space, hpo_error *err)
{
    p->space = space;
    p->n = 0;
    p->codec = hpo_alloc_array(space->n_params + 1, sizeof *p->codec);
    if (p->codec == NULL) return hpo_fail_memory(err);
    for (size_t i = 0; i < space->n_params; i++) {
        const hpo_codec *c = &space->program[i];
        if (space->params[c->param].prior != HPO_PRIOR_NONE && c->n_dims > 0) p->codec[p->n++] = (uint32_t)i;
    }
    return HPO_OK;
}

void hpo_acq_prior_close(hpo_acq_prior *p)
{
    hpo_free(p->codec);
    p->codec = NULL;
}

/* dx/du and d ln(dx/du) / du of a continuous value x. */
static double jacobian(const hpo_scalar *k, double x, double *log_slope)
{
    double w = k->t_width;
    switch ((hpo_scale)k->scale) {
    case HPO_SCALE_LOG:
        *log_slope = w;
        return w * x;
    case HPO_SCALE_REVLOG:
        *log_slope = -w;
        return w * (k->ref_b - x);
    case HPO_SCALE_LOGIT:
        *log_slope = w * (k->ref_a + k->ref_b - 2 * x) / (k->ref_b - k->ref_a);
        return w * (x - k->ref_a) * (k->ref_b - x) / (k->ref_b - k->ref_a);
    default:
        *log_slope = 0;
        return k->high - k->low;
    }
}

static double log_beta(double u, double a, double b, double *slope)
{
    double t = u < 1e-12       ? 1e-12
               : u > 1 - 1e-12 ? 1 - 1e-12
                               : u; /* the ends may have density 0 or infinity */
    *slope = t == u ? (a - 1) / u - (b - 1) / (1 - u) : 0;
    return hpo_beta_logpdf(t, a, b);
}

static double log_density(const hpo_acq_prior *p, const hpo_codec *c, double u, double *slope)
{
    static const double spread[] = {0.5, 0.25, 0.125}; /* of hpo_codec_prior */
    const hpo_param *param = &p->space->params[c->param];
    const hpo_scalar *k = &c->k;
    *slope = 0;
    if (param->cumulative != NULL) {
        double n = k->n; /* a bool has no list of labels */
        size_t i = (size_t)fmin(floor(u * n), n - 1);
        return hpo_log(fmax(n * (param->cumulative[i + 1] - param->cumulative[i]), 1e-300));
    }
    switch (param->prior) {
    case HPO_PRIOR_CENTER: {
        double sd = spread[param->confidence];
        double centre =
            c->op == HPO_CODEC_CELLS ? (param->prior_a + 0.5) / k->n : hpo_scalar_place(k, param->prior_a);
        *slope = (centre - u) / (sd * sd);
        return hpo_truncnorm_logpdf(u, centre, sd, 0, 1);
    }
    case HPO_PRIOR_NORMAL: {
        double x = hpo_scalar_decode(k, u), edge = k->discrete ? k->step / 2 : 0, log_slope;
        double dx = jacobian(k, x, &log_slope), sd = param->prior_b;
        *slope = (param->prior_a - x) / (sd * sd) * dx + log_slope;
        return hpo_truncnorm_logpdf(x, param->prior_a, sd, k->low - edge, k->high + edge) + hpo_log(dx);
    }
    case HPO_PRIOR_BETA:
        return log_beta(u, param->prior_a, param->prior_b, slope);
    default:
        return 0;
    }
}

double hpo_acq_prior_log(const hpo_acq_prior *p, const double *u, double scale, double *gradient)
{
    double sum = 0;
    for (size_t i = 0; i < p->n; i++) {
        const hpo_codec *c = &p->space->program[p->codec[i]];
        for (size_t j = c->dim; j < c->dim + c->n_dims; j++) {
            double slope;
            if (isnan(u[j])) continue;
            sum += log_density(p, c, u[j], &slope);
            if (gradient != NULL && !c->k.discrete && c->op != HPO_CODEC_CELLS) gradient[j] += scale * slope;
        }
    }
    return sum;
}
