/* SPDX-License-Identifier: Apache-2.0 */
/* model/gp_sample.c - hyperparameters drawn from their posterior: model averaging where there are few rows.
 *
 * Univariate slice sampling (Neal 2003; for Gaussian processes Murray & Adams 2010) over theta, from the mode
 * that the last fit found.  The objective is the density the mode is of: of s2, n2, l, a = 1 / l^2 where a
 * prior is stated for them.  Samples are of their logarithms, so the densities get the Jacobians
 *     d s2 / d ln s2 = s2,  d n2 / d ln n2 = n2,  DIM: dl / d ln l = l,  SPARSE: |da / d ln l| = 2 / l^2;
 * WALL is a density of ln l itself. */
#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "math/minimise.h"
#include "model/gp_internal.h"

#include <math.h>
#include <string.h>

enum { BURN_IN = 4, SWEEPS = 2 }; /* before the first sample; for each */

static double log_density(void *ctx, const double *theta, double *gradient)
{
    hpo_gp *gp = ctx;
    (void)gradient;
    double log_jacobian = theta[gp->n_axes] + theta[gp->n_axes + 1];
    for (size_t j = 0; j < gp->n_axes; j++) {
        if (gp->options.prior == HPO_GP_PRIOR_DIM) log_jacobian += theta[j];
        if (gp->options.prior == HPO_GP_PRIOR_SPARSE) log_jacobian -= 2 * theta[j];
    }
    return log_jacobian - hpo_gp_objective(gp, theta, NULL);
}

hpo_status hpo_gp_sample_theta(hpo_gp *gp, hpo_rng *rng, size_t k, double *out, hpo_error *err)
{
    size_t n = gp->n_theta;
    if (!gp->ready)
        return hpo_fail(err, HPO_EINVAL, "hyperparameters have no posterior after %zu finite rows: tell 2",
                        gp->n_rows);
    double *x = hpo_alloc_array(2 * n, sizeof *x), *width = x ? x + n : NULL;
    if (!x) return hpo_fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        x[i] = fmin(fmax(gp->theta[i], gp->lower[i]), gp->upper[i]);
        width[i] = fmin(1, 0.5 * (gp->upper[i] - gp->lower[i]));
    }
    double logp = log_density(gp, x, NULL);
    hpo_status s =
        isfinite(logp)
            ? HPO_OK
            : hpo_fail(err, HPO_EINVAL, "the posterior density is 0 at the mode: %zu points", gp->n_points);
    for (size_t i = 0; s == HPO_OK && i < BURN_IN; i++)
        hpo_slice_sweep(log_density, gp, n, gp->lower, gp->upper, width, rng, x, &logp);
    for (size_t i = 0; s == HPO_OK && i < k; i++) {
        for (size_t j = 0; j < SWEEPS; j++)
            hpo_slice_sweep(log_density, gp, n, gp->lower, gp->upper, width, rng, x, &logp);
        memcpy(out + i * n, x, n * sizeof *x);
    }
    hpo_free(x);
    return s;
}
