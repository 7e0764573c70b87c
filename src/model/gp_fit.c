/* SPDX-License-Identifier: Apache-2.0 */
/* model/gp_fit.c - hyperparameters of a Gaussian process: maximum a posteriori, and when.
 *
 * Schedule.  A fit at every row up to 50, then whenever rows have grown by a twentieth (whole rows, rounded
 * down); at powers of two it starts cold, from l = sqrt(g) / 2 and from a random point, and from nothing that
 * was before: so the state after n rows can be had by replaying from the last power of two.  Other fits start
 * from the last one, and cold too when the leave-one-out score fell by more than 0.3 nats a row since.  The
 * transform is fitted with them.  One fit is L-BFGS-B with at most 30 iterations until the projected gradient
 * is below 1e-2 or a step gains less than 1e-5 of the value: a fit that has not moved costs one evaluation.
 *
 * Rows.  Above 320 configurations hyperparameters are fitted to 320 of them (gp_subset.c: a quarter the best,
 * the rest evenly in the order they came), the regression then takes all: their evidence is that of fewer
 * observations of the same function.  From 400 to 1000 rows of search-like data (5 functions, 6 dimensions)
 * this took 1.0 s instead of 2.7 s and the slowest row 0.11 s instead of 0.35 s; the log density of held-out
 * observations changed by -0.05 to 0 (once -0.14, once +0.55).  A max-min design instead lost up to 0.8.
 *
 * The choice of the kernel (choose_family) and of input warping is made at cold starts, by the closed-form
 * leave-one-out score (Sundararajan & Keerthi 2001), the simpler model unless 2 nats are gained. */
#include "math/minimise.h"
#include "math/rng.h"
#include "model/gp_internal.h"

#include <math.h>
#include <string.h>

enum { ITERATIONS = 30 };

static double objective(void *ctx, const double *x, double *gradient)
{
    return hpo_gp_objective(ctx, x, gradient);
}

/* Minimises from fit_theta; keeps the result in fit_best when it is better than *value. */
static void descend(hpo_gp *gp, double *value)
{
    hpo_lbfgsb_options o = {.memory = HPO_GP_MEMORY,
                            .max_iterations = ITERATIONS,
                            .gradient_tolerance = 1e-2,
                            .value_tolerance = 1e-5};
    hpo_lbfgsb_result r;
    hpo_lbfgsb(objective, gp, gp->n_theta, gp->lower, gp->upper, gp->fit_theta, &o, gp->fit_work, &r);
    if (!(r.value < *value)) return;
    *value = r.value;
    memcpy(gp->fit_best, gp->fit_theta, gp->n_theta * sizeof *gp->fit_best);
}

/* From the cold start and a random one. */
static void descend_cold(hpo_gp *gp, double *value)
{
    hpo_rng rng;
    hpo_gp_start(gp, gp->fit_theta, NULL);
    descend(gp, value);
    hpo_rng_init(&rng, gp->options.seed, gp->n_used, HPO_RNG_GP);
    hpo_gp_start(gp, gp->fit_theta, &rng);
    descend(gp, value);
}

/* Takes fit_best over and factorises; the leave-one-out score of it goes to *score. */
static hpo_status adopt(hpo_gp *gp, double *score, hpo_error *err)
{
    gp->n_factored = 0;
    gp->full_first = gp->n_points;
    hpo_gp_unpack(gp, gp->fit_best);
    hpo_status s = hpo_gp_settle(gp, err);
    if (s == HPO_OK) *score = hpo_gp_loo_sum(gp, gp->fit_row2);
    return s;
}

/* One way to model: cold fit with this family and warping. */
static hpo_status try_shape(hpo_gp *gp, hpo_kernel_family family, int warped, double *value, double *score,
                            hpo_error *err)
{
    *value = INFINITY;
    gp->family = family;
    gp->features_stale |= gp->warped || warped;
    gp->warped = warped;
    hpo_gp_bounds(gp);
    hpo_gp_start(gp, gp->fit_theta, NULL);
    hpo_gp_unpack(gp, gp->fit_theta); /* gradients are read in the shape of the embedding in use */
    descend_cold(gp, value);
    if (!isfinite(*value)) hpo_gp_start(gp, gp->fit_best, NULL);
    return adopt(gp, score, err);
}

/* What try_shape found, set aside. */
typedef struct choice {
    hpo_kernel_family family;
    int warped;
    double value, score;
} choice;

static void keep(hpo_gp *gp, choice *best, double value, double score)
{
    *best = (choice){gp->family, gp->warped, value, score};
    memcpy(gp->fit_keep, gp->theta, gp->n_theta * sizeof *gp->theta);
}

static hpo_status fit_cold(hpo_gp *gp, double *value, double *score, hpo_error *err)
{
    const hpo_gp_options *o = &gp->options;
    choice best;
    hpo_status s = try_shape(gp, o->family, 0, value, score, err);
    if (s != HPO_OK) return s;
    keep(gp, &best, *value, *score);
    if (o->choose_family && gp->n_points >= 5) {
        hpo_kernel_family other =
            o->family == HPO_KERNEL_MATERN52 ? HPO_KERNEL_MATERN32 : HPO_KERNEL_MATERN52;
        s = try_shape(gp, other, 0, value, score, err);
        if (s == HPO_OK && *score > best.score + 2) keep(gp, &best, *value, *score);
    }
    if (s == HPO_OK && o->input_warp && best.family != HPO_KERNEL_LINEAR && gp->n_slopes == 0 &&
        gp->n_points >= 5 * gp->n_axes) {
        s = try_shape(gp, best.family, 1, value, score, err);
        if (s == HPO_OK && *score > best.score + 2) keep(gp, &best, *value, *score);
    }
    *value = best.value;
    if (s != HPO_OK || (gp->family == best.family && gp->warped == best.warped)) return s;
    gp->features_stale |= gp->warped || best.warped;
    gp->family = best.family;
    gp->warped = best.warped;
    hpo_gp_bounds(gp);
    memcpy(gp->fit_best, gp->fit_keep, gp->n_theta * sizeof *gp->fit_best);
    return adopt(gp, score, err);
}

static hpo_status fit_warm(hpo_gp *gp, double *value, double *score, hpo_error *err)
{
    double was = gp->loo_score, now;
    hpo_status s = hpo_gp_settle(gp, err);
    if (s != HPO_OK) return s;
    now = hpo_gp_loo_sum(gp, gp->fit_row2) / (double)gp->n_points;
    memcpy(gp->fit_theta, gp->theta, gp->n_theta * sizeof *gp->theta);
    descend(gp, value);
    if (!(now > was - 0.3)) descend_cold(gp, value);
    if (!isfinite(*value)) memcpy(gp->fit_best, gp->theta, gp->n_theta * sizeof *gp->theta);
    return adopt(gp, score, err);
}

hpo_status hpo_gp_fit(hpo_gp *gp, int cold, hpo_error *err)
{
    double value = INFINITY, score = NAN;
    gp->n_entries = gp->n_points + gp->n_slopes;
    hpo_status s = hpo_gp_room(gp, gp->n_entries, err);
    if (s == HPO_OK) s = hpo_gp_fit_room(gp, err);
    if (gp->n_slopes > 0 && gp->warped) cold = 1; /* warping goes when gradients come */
    if (s == HPO_OK) s = cold ? fit_cold(gp, &value, &score, err) : fit_warm(gp, &value, &score, err);
    if (s != HPO_OK) return s;
    gp->loo_score = score / (double)gp->n_points;
    gp->log_posterior = -value;
    gp->log_evidence = hpo_gp_prior_value(gp, gp->theta, NULL) - value;
    gp->n_fits++;
    gp->n_fit_rows = gp->n_used;
    return HPO_OK;
}
