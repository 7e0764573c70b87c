/* SPDX-License-Identifier: Apache-2.0 */
/* model/gp_blend.c - a posterior that takes neither the noise nor the scale of the values for known.
 *
 * Without repeats, what a value has above its neighbours may be noise or signal; where parameters are many
 * and rows are few both explain the rows equally well, and one most probable n2 claims to know which.  And
 * noise of one size on the scale of the values is another model than noise of one size on their logarithms.
 * So
 *
 *     p(f | y) = sum_k w_k p(f | y, T_k, n2_k),   w_k ~ p(y | T_k, n2_k) p(n2_k)
 *
 * over transforms T (standard, Yeo-Johnson, logarithm), a grid of ln n2 in steps of 1 from the most probable
 * value for each T, and, there, lengthscales that are all half or twice as long.  Otherwise lengthscales and
 * signal variance follow the profile, their most probable values given T and n2, and the width of the peak
 * there counts (Laplace's approximation with a diagonal Hessian).  The evidence is that of the
 * values as they were told: of their images, times the Jacobian prod T'(y_i), so that transforms can be
 * compared (warped Gaussian processes: Snelson, Rasmussen & Ghahramani, NIPS 2003).  ln n2 has a density
 * ~ n2^(1/2) e^(-n2): noise of the size of the signal and of a thousandth of it are both believed, and rows
 * that cannot tell leave both in.  Weights are the square roots of posterior probabilities: none of the
 * processes is true, and then evidence of n rows is worth that of fewer (Gruenwald & van Ommen,
 * "Inconsistency of Bayesian inference for misspecified linear models", Bayesian Analysis 12 (2017)); what
 * each choice did to the coverage of intervals is in docs/models.md.
 *
 * A diverged trial presses all other values into a point: where the worst is GROSS times farther from the
 * median than the best, the transform is half-rank alone, whose Jacobian is no density to compare by.
 *
 * Hyperparameters are learned from at most LEARNED rows, evenly from first to last; predictions come from
 * all. */
#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "math/minimise.h"
#include "model/gp_internal.h"

#include <math.h>
#include <string.h>

enum { LEARNED = 128, ITERATIONS = 12, KINDS = 3, LEVELS = 16, SCALES = 3 };

static const double STEP = 1;                          /* of ln n2 */
static const double TEMPER = 0.5;                      /* power of the posterior probabilities */
static const double NEGLIGIBLE = 10;                   /* nats below the heaviest, before that power */
static const double FARTHER[SCALES - 1] = {-0.6, 0.6}; /* of all ln l */

typedef struct part {
    hpo_gp *gp; /* over all rows */
    double *theta;
    double weight;
} part;

struct hpo_gp_blend {
    const hpo_embed *embed;
    hpo_gp *full[KINDS]; /* one for each transform that is in */
    double *theta;       /* HPO_GP_BLEND_MAX rows */
    size_t n_theta, n;
    part parts[HPO_GP_BLEND_MAX];
};

void hpo_gp_blend_free(hpo_gp_blend *b)
{
    if (b == NULL) return;
    for (size_t k = 0; k < KINDS; k++)
        hpo_gp_free(b->full[k]);
    hpo_free(b->theta);
    hpo_free(b);
}

size_t hpo_gp_blend_size(const hpo_gp_blend *b)
{
    return b->n;
}

double hpo_gp_blend_weight(const hpo_gp_blend *b, size_t k)
{
    return b->parts[k].weight;
}

hpo_status hpo_gp_blend_use(hpo_gp_blend *b, size_t k, const hpo_gp **out, hpo_error *err)
{
    *out = b->parts[k].gp;
    return hpo_gp_set_theta(b->parts[k].gp, b->parts[k].theta, err);
}

/* ---- one transform ----------------------------------------------------------------------------------- */

typedef struct rows {
    const double *u, *y, *se;
    size_t n;
} rows;

/* Log of the Jacobian of the rows that the process is made of. */
static double log_jacobian(const hpo_gp *gp)
{
    double sum = 0;
    for (size_t r = 0; r < gp->n_used; r++)
        sum += hpo_log(fmax(hpo_transform_slope(&gp->transform, gp->rows[r].y), 1e-300));
    return sum;
}

static double objective(void *ctx, const double *x, double *gradient)
{
    return hpo_gp_objective(ctx, x, gradient);
}

/* The profile at one noise level from theta, which is moved there; its value. */
static double descend(hpo_gp *gp, double log_noise, double *theta, double *bounds)
{
    size_t n = gp->n_theta, at = gp->n_axes + 1;
    double *lower = bounds, *upper = bounds + n;
    hpo_lbfgsb_options o = {.memory = HPO_GP_MEMORY,
                            .max_iterations = ITERATIONS,
                            .gradient_tolerance = 3e-2,
                            .value_tolerance = 1e-4};
    hpo_lbfgsb_result r;
    memcpy(lower, gp->lower, n * sizeof *lower);
    memcpy(upper, gp->upper, n * sizeof *upper);
    lower[at] = upper[at] = theta[at] = log_noise;
    hpo_lbfgsb(objective, gp, n, lower, upper, theta, &o, gp->fit_work, &r);
    return r.value;
}

/* One more, from theta; its weight is a logarithm. */
static part *add_part(hpo_gp_blend *b, hpo_gp *full, const double *theta)
{
    part *p = &b->parts[b->n];
    *p = (part){.gp = full, .theta = b->theta + b->n * b->n_theta};
    memcpy(p->theta, theta, b->n_theta * sizeof *theta);
    return p;
}

/* With all lengthscales shorter or longer. */
static void add_scales(hpo_gp_blend *b, hpo_gp *gp, hpo_gp *full, const double *theta, double jacobian)
{
    for (size_t k = 0; k < SCALES - 1; k++) {
        part *p = add_part(b, full, theta);
        for (size_t j = 0; j < gp->n_axes; j++)
            p->theta[j] = fmin(fmax(theta[j] + FARTHER[k], gp->lower[j]), gp->upper[j]);
        p->weight = jacobian - hpo_gp_objective(gp, p->theta, NULL);
        b->n += isfinite(p->weight) ? 1 : 0;
    }
}

/* 1/2 sum ln of the second derivatives along all but the noise, at the profile: a narrow peak holds less
 * probability than a broad one as high (Laplace's approximation, diagonal). */
static double half_log_curvature(hpo_gp *gp, const double *theta, double *gradients)
{
    static const double step = 0.05, least = 0.1; /* of the priors, about */
    size_t n = gp->n_theta;
    double *here = gradients, *there = gradients + n, *x = gradients + 2 * n, sum = 0;
    memcpy(x, theta, n * sizeof *x);
    (void)hpo_gp_objective(gp, x, here);
    for (size_t j = 0; j < n; j++) {
        if (j == gp->n_axes + 1) continue;
        x[j] = theta[j] + step;
        if (isfinite(hpo_gp_objective(gp, x, there)))
            sum += 0.5 * hpo_log(fmax((there[j] - here[j]) / step, least));
        x[j] = theta[j];
    }
    return sum;
}

/* Adds the noise levels of one transform; scratch 3 n_theta. */
static void walk(hpo_gp_blend *b, hpo_gp *gp, hpo_gp *full, double *scratch)
{
    size_t at = gp->n_axes + 1, levels = 0;
    double jacobian = log_jacobian(gp), top = gp->theta[at], most = -INFINITY, width;
    const double *from = gp->theta;
    const part *peak = &b->parts[b->n]; /* the first that is added */
    for (int side = 1; side >= -1; side -= 2) {
        double level = side > 0 ? top : top - STEP;
        if (side < 0 && levels > 0) from = peak->theta;
        for (; levels < LEVELS && level >= gp->lower[at] && level <= gp->upper[at]; level += side * STEP) {
            part *p = add_part(b, full, from);
            p->weight = jacobian - descend(gp, level, p->theta, scratch);
            if (!isfinite(p->weight)) break;
            levels++;
            b->n++;
            from = p->theta;
            most = fmax(most, p->weight);
            if (p->weight < most - 2 * NEGLIGIBLE) break;
            p->weight -= width = half_log_curvature(gp, from, scratch);
            add_scales(b, gp, full, from, jacobian - width);
        }
    }
}

/* `learn` over some rows, fitted; `full` over all with the same transform. */
static hpo_status open_pair(const hpo_gp_blend *b, const hpo_gp_options *o, const rows *some, const rows *all,
                            const double *start, hpo_gp **learn, hpo_gp **full, hpo_error *err)
{
    HPO_TRY(hpo_gp_create(b->embed, o, full, err));
    hpo_gp_hold(*full, 1);
    HPO_TRY(hpo_gp_ingest(*full, all->u, all->y, all->se, NULL, all->n, err));
    HPO_TRY(hpo_gp_restart(*full, (*full)->n_rows, (*full)->options.max_rows, err));
    HPO_TRY(hpo_gp_create(b->embed, o, learn, err));
    hpo_gp_fix_transform(*learn, &(*full)->transform);
    HPO_TRY(hpo_gp_ingest(*learn, some->u, some->y, some->se, NULL, some->n, err));
    HPO_TRY(hpo_gp_restart(*learn, (*learn)->n_rows, (*learn)->options.max_rows, err));
    if (start != NULL) memcpy((*learn)->theta, start, (*learn)->n_theta * sizeof *start);
    if (start != NULL) hpo_gp_unpack(*learn, start);
    return hpo_gp_fit(*learn, start == NULL, err);
}

static hpo_status add_kind(hpo_gp_blend *b, const hpo_gp_options *o, const rows *some, const rows *all,
                           size_t kind, double *start, hpo_error *err)
{
    hpo_gp *learn = NULL;
    hpo_status status = open_pair(b, o, some, all, b->n > 0 ? start : NULL, &learn, &b->full[kind], err);
    if (status == HPO_OK && b->theta == NULL) {
        b->n_theta = learn->n_theta;
        b->theta = hpo_alloc_array(HPO_GP_BLEND_MAX, b->n_theta * sizeof *b->theta);
        if (b->theta == NULL) status = hpo_fail_memory(err);
    }
    double *scratch = status == HPO_OK ? hpo_alloc_array(3 * b->n_theta, sizeof *scratch) : NULL;
    if (status == HPO_OK && scratch == NULL) status = hpo_fail_memory(err);
    if (status == HPO_OK) {
        memcpy(start, learn->theta, b->n_theta * sizeof *start);
        walk(b, learn, b->full[kind], scratch);
    }
    hpo_free(scratch);
    hpo_gp_free(learn);
    return status;
}

/* ---- all of them ------------------------------------------------------------------------------------- */

static void normalise(hpo_gp_blend *b)
{
    double most = -INFINITY, sum = 0;
    size_t n = 0;
    for (size_t k = 0; k < b->n; k++)
        most = fmax(most, b->parts[k].weight);
    for (size_t k = 0; k < b->n; k++) {
        if (!(b->parts[k].weight > most - NEGLIGIBLE)) continue;
        b->parts[n] = b->parts[k];
        b->parts[n].weight = hpo_exp(TEMPER * (b->parts[n].weight - most));
        sum += b->parts[n++].weight;
    }
    b->n = n;
    for (size_t k = 0; k < n; k++)
        b->parts[k].weight /= sum;
}

/* Every (n / most)-th row: some of all ages, whatever their values. */
static hpo_status thin(const rows *all, size_t most, size_t d, double **block, rows *some, hpo_error *err)
{
    *some = *all;
    if (all->n <= most) return HPO_OK;
    double *u = *block = hpo_alloc_array(most, (d + 2) * sizeof *u);
    if (u == NULL) return hpo_fail_memory(err);
    double *y = u + most * d, *se = y + most;
    for (size_t k = 0; k < most; k++) {
        size_t i = k * all->n / most;
        memcpy(u + k * d, all->u + i * d, d * sizeof *u);
        y[k] = all->y[i];
        se[k] = all->se != NULL ? all->se[i] : (double)NAN;
    }
    *some = (rows){u, y, se, most};
    return HPO_OK;
}

static hpo_status fill(hpo_gp_blend *b, const hpo_gp_options *base, const rows *all, const rows *some,
                       hpo_error *err)
{
    static const hpo_transform_kind kinds[KINDS] = {HPO_TRANSFORM_AUTO, HPO_TRANSFORM_LOG,
                                                    HPO_TRANSFORM_STANDARD};
    double *start = hpo_alloc_array(4 * hpo_embed_n_axes(b->embed) + 2, sizeof *start);
    hpo_status status = start == NULL ? hpo_fail_memory(err) : HPO_OK;
    hpo_gp_options o = base != NULL ? *base : hpo_gp_defaults();
    o.noise = HPO_GP_NOISE_LEARNED;
    o.noise_power = 0.5;
    o.noise_rate = 1;
    o.choose_family = o.input_warp = o.heteroscedastic = 0;
    for (size_t k = 0; k < KINDS && status == HPO_OK; k++) {
        o.transform = kinds[k];
        status = add_kind(b, &o, some, all, k, start, err);
        if (status == HPO_ENUMERIC) status = HPO_OK; /* the others remain */
        if (k == 0 && b->full[0] != NULL && b->full[0]->transform.kind == HPO_TRANSFORM_HALF_RANK) break;
    }
    hpo_free(start);
    if (status == HPO_OK && b->n == 0) return hpo_fail(err, HPO_ENUMERIC, "no process fits the values");
    if (status == HPO_OK) normalise(b);
    return status;
}

hpo_status hpo_gp_blend_create(const hpo_embed *embed, const hpo_gp_options *base, const double *u,
                               const double *y, const double *se, size_t n, hpo_gp_blend **out,
                               hpo_error *err)
{
    *out = NULL;
    rows all = {u, y, se, n}, some;
    double *block = NULL;
    size_t finite = 0;
    for (size_t i = 0; i < n; i++)
        finite += isfinite(y[i]) ? 1 : 0;
    if (finite < 3)
        return hpo_fail(err, HPO_ENUMERIC, "%zu values are too few for a model: it takes 3", finite);
    hpo_gp_blend *b = hpo_calloc(1, sizeof *b);
    if (b == NULL) return hpo_fail_memory(err);
    b->embed = embed;
    hpo_status status = thin(&all, LEARNED, hpo_embed_n_dims(embed), &block, &some, err);
    if (status == HPO_OK) status = fill(b, base, &all, &some, err);
    hpo_free(block);
    if (status != HPO_OK) {
        hpo_gp_blend_free(b);
        return status;
    }
    *out = b;
    return HPO_OK;
}
