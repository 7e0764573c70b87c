/* SPDX-License-Identifier: Apache-2.0 */
/* model/gp.c - a Gaussian process over the rows of a study: its life, its factorisation, what it says about
 * itself.
 *
 * The prior mean is 0 in model units: observations are standardised there, and a constant estimated by
 * generalised least squares would differ from 0 by no more than the fitted signal allows, at the price of a
 * term in every formula.  gp_data.c: rows; gp_factor.c: the linear system; gp_objective.c, gp_fit.c: its
 * hyperparameters; gp_predict.c: the posterior. */
#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "math/stats.h"
#include "model/gp_internal.h"

#include <math.h>

static const double LN_2PI = 0x1.d67f1c864beb5p+0;

/* ---- life ------------------------------------------------------------------------------------------- */

hpo_gp_options hpo_gp_defaults(void)
{
    return (hpo_gp_options){
        .family = HPO_KERNEL_MATERN32,
        .prior = HPO_GP_PRIOR_WALL,
        .sparse_tau = 0.1,
        .noise = HPO_GP_NOISE_LEARNED,
        .noise_floor = 1e-6,
        .transform = HPO_TRANSFORM_AUTO,
        .max_rows = 1000,
    };
}

static hpo_status check_options(const hpo_embed *embed, hpo_gp_options *o, hpo_error *err)
{
    if (o->family == HPO_KERNEL_PERIODIC && !hpo_embed_periodic(embed))
        return hpo_fail(err, HPO_EINVAL,
                        "the periodic kernel needs an embedding of circles; create it with "
                        "hpo_embed_create_periodic");
    if (o->max_rows == 0) o->max_rows = 1000;
    if (o->max_rows < 16 || o->max_rows > HPO_GP_MAX_ROWS)
        return hpo_fail(err, HPO_EINVAL, "max_rows must be 0 or between 16 and %d, not %zu", HPO_GP_MAX_ROWS,
                        o->max_rows);
    if (!(o->noise_floor >= 1e-9 && o->noise_floor <= 1))
        return hpo_fail(err, HPO_EINVAL, "noise_floor must be between 1e-9 and 1, not %g", o->noise_floor);
    if (o->prior == HPO_GP_PRIOR_SPARSE && !(o->sparse_tau > 0 && isfinite(o->sparse_tau)))
        return hpo_fail(err, HPO_EINVAL, "sparse_tau must be positive, not %g", o->sparse_tau);
    return HPO_OK;
}

static hpo_status build(hpo_gp *gp, hpo_error *err)
{
    size_t g = gp->n_axes, f = gp->n_features, most = 4 * g + 2;
    gp->group_of = hpo_calloc(f, sizeof *gp->group_of);
    gp->theta = hpo_calloc(3 * most + 3 * g, sizeof *gp->theta);
    gp->inv_l = hpo_calloc(2 * f, sizeof *gp->inv_l);
    if (!gp->group_of || !gp->theta || !gp->inv_l) return hpo_fail_memory(err);
    gp->lower = gp->theta + most;
    gp->upper = gp->lower + most;
    gp->rho = gp->upper + most;
    gp->warp_a = gp->rho + g;
    gp->warp_b = gp->warp_a + g;
    gp->feature_row = gp->inv_l + f;
    for (size_t j = 0; j < g; j++) {
        const hpo_axis *a = hpo_embed_axis(gp->embed, j);
        for (size_t i = 0; i < a->n_features; i++)
            gp->group_of[a->feature + i] = (uint32_t)j;
    }
    hpo_gp_bounds(gp);
    hpo_gp_start(gp, gp->theta, NULL);
    hpo_gp_unpack(gp, gp->theta);
    return HPO_OK;
}

hpo_status hpo_gp_create(const hpo_embed *embed, const hpo_gp_options *options, hpo_gp **out, hpo_error *err)
{
    *out = NULL;
    hpo_gp_options o = options ? *options : hpo_gp_defaults();
    hpo_status s = check_options(embed, &o, err);
    if (s != HPO_OK) return s;
    hpo_gp *gp = hpo_calloc(1, sizeof *gp);
    if (!gp) return hpo_fail_memory(err);
    gp->embed = embed;
    gp->options = o;
    gp->family = o.family;
    gp->n_dims = hpo_embed_n_dims(embed);
    gp->n_features = hpo_embed_n_features(embed);
    gp->n_axes = hpo_embed_n_axes(embed);
    gp->transform.scale = gp->transform.sd = 1;
    gp->loo_score = gp->log_posterior = gp->log_evidence = NAN;
    s = build(gp, err);
    if (s != HPO_OK) {
        hpo_gp_free(gp);
        return s;
    }
    *out = gp;
    return HPO_OK;
}

void hpo_gp_free(hpo_gp *gp)
{
    if (!gp) return;
    hpo_gp_free(gp->noise_gp);
    hpo_u64map_fini(&gp->pool_by_hash);
    void *blocks[] = {gp->group_of, gp->theta,     gp->inv_l,   gp->rows,     gp->gradients,
                      gp->pool_u,   gp->place,     gp->point,   gp->l,        gp->features,
                      gp->slopes,   gp->slope_row, gp->scratch, gp->fit_block};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        hpo_free(blocks[i]);
    hpo_free(gp);
}

void hpo_gp_hold(hpo_gp *gp, int on)
{
    gp->hold = on;
}

/* ---- advancing -------------------------------------------------------------------------------------- */

/* When to fit again after n rows (powers of two: catch_up). */
static size_t next_fit(size_t n)
{
    return n + (n < 50 ? 1 : n / 20);
}

static hpo_status fit_at(hpo_gp *gp, size_t n, int cold, hpo_error *err)
{
    size_t most = gp->options.max_rows, few = gp->hold || most < HPO_GP_FIT_ROWS ? most : HPO_GP_FIT_ROWS;
    hpo_status s = hpo_gp_restart(gp, n, few, err);
    if (s == HPO_OK && !gp->hold) s = hpo_gp_fit(gp, cold, err);
    if (s == HPO_OK && gp->subset && few < most) {
        s = hpo_gp_place(gp, most, err);
        if (s == HPO_OK) s = hpo_gp_settle(gp, err);
    }
    if (s == HPO_OK && !gp->hold && gp->options.heteroscedastic) s = hpo_gp_fit_noise(gp, err);
    gp->next_fit = next_fit(n);
    return s;
}

/* A regression on a subset chooses it anew each time an eighth of max_rows has been added; what was chosen
 * before does not matter, so a replay goes to the last such count at once.  0: none that is due. */
static size_t next_choice(const hpo_gp *gp)
{
    size_t last = gp->n_rows < gp->next_fit ? gp->n_rows : gp->next_fit - 1, every = gp->options.max_rows / 8;
    return gp->subset ? gp->n_chosen + (last - gp->n_chosen) / every * every : 0;
}

/* Later fits forget what was before a power of two: replaying starts at the last one. */
static hpo_status catch_up(hpo_gp *gp, hpo_error *err)
{
    size_t power = 2;
    while (power <= gp->n_rows / 2)
        power *= 2;
    hpo_status s = HPO_OK;
    if (gp->hold && gp->n_used == 0) s = hpo_gp_restart(gp, 1, gp->options.max_rows, err);
    if (!gp->hold && power > gp->n_used) s = fit_at(gp, power, 1, err);
    while (s == HPO_OK && gp->n_used < gp->n_rows) {
        size_t choose = gp->hold ? 0 : next_choice(gp);
        s = choose > gp->n_used ? hpo_gp_choose_again(gp, choose, err) : hpo_gp_absorb(gp, err);
        if (s != HPO_OK || gp->hold) continue;
        /* A surprise is a value that the transform does not know. */
        if (gp->n_used == gp->next_fit || hpo_gp_surprised(gp)) s = fit_at(gp, gp->n_used, 0, err);
    }
    return s == HPO_OK ? hpo_gp_settle(gp, err) : s;
}

hpo_status hpo_gp_advance(hpo_gp *gp, const double *u, const double *y, const double *se,
                          const double *gradient, size_t n, hpo_error *err)
{
    size_t before = gp->n_rows;
    hpo_status s = hpo_gp_ingest(gp, u, y, se, gradient, n, err);
    if (s == HPO_OK && gp->n_rows == before && gp->ready) return HPO_OK;
    if (s == HPO_OK && gp->n_rows < 2) return HPO_OK;
    if (s == HPO_OK) s = catch_up(gp, err);
    if (s != HPO_OK) { /* replay when there is memory again */
        gp->n_used = gp->n_points = gp->n_factored = 0;
        gp->ready = 0;
    }
    return s;
}

/* ---- what it holds ---------------------------------------------------------------------------------- */

int hpo_gp_ready(const hpo_gp *gp)
{
    return gp->ready;
}

size_t hpo_gp_n_rows(const hpo_gp *gp)
{
    return gp->n_rows;
}

size_t hpo_gp_n_points(const hpo_gp *gp)
{
    return gp->n_points;
}

const double *hpo_gp_point(const hpo_gp *gp, size_t i)
{
    return gp->pool_u + (size_t)gp->point[i] * gp->n_dims;
}

double hpo_gp_observed(const hpo_gp *gp, size_t i, double *count)
{
    if (count) *count = gp->count[i];
    return gp->z[i];
}

const hpo_transform *hpo_gp_transform(const hpo_gp *gp)
{
    return &gp->transform;
}

double hpo_gp_incumbent(const hpo_gp *gp, size_t *point)
{
    size_t best = 0;
    double lowest = INFINITY;
    int noisy = !(gp->n2 + gp->se2_mean < 1e-3 * gp->s2);
    for (size_t i = 0; i < gp->n_points; i++) {
        /* posterior mean at a point of the regression: K alpha = z - diag(e + jitter) alpha */
        double v = noisy ? gp->z[i] - (gp->e[i] + gp->jitter) * gp->alpha[i] : gp->z[i];
        if (v < lowest) {
            lowest = v;
            best = i;
        }
    }
    if (point) *point = best;
    return gp->n_points > 0 ? lowest : 0;
}

void hpo_gp_lengthscales(const hpo_gp *gp, double *out)
{
    for (size_t j = 0; j < gp->n_axes; j++)
        out[j] = hpo_exp(gp->theta[j]);
}

void hpo_gp_loo(const hpo_gp *gp, double *mean, double *var)
{
    for (size_t i = 0; i < gp->n_points; i++)
        var[i] = 0;
    for (size_t r = 0; r < gp->n_entries; r++) { /* diagonal of A^-1 = W^T W */
        const double *row = gp->w + r * gp->cap;
        size_t end = r + 1 < gp->n_points ? r + 1 : gp->n_points;
        for (size_t i = 0; i < end; i++)
            var[i] += row[i] * row[i];
    }
    for (size_t i = 0; i < gp->n_points; i++) {
        var[i] = 1 / var[i];
        mean[i] = gp->z[i] - gp->alpha[i] * var[i];
    }
}

double hpo_gp_loo_sum(const hpo_gp *gp, double *scratch)
{
    double *mean = scratch, *var = scratch + gp->n_points, sum = 0;
    hpo_gp_loo(gp, mean, var);
    for (size_t i = 0; i < gp->n_points; i++) {
        double d = gp->z[i] - mean[i];
        sum -= 0.5 * (LN_2PI + hpo_log(var[i]) + d * d / var[i]);
    }
    return sum;
}

void hpo_gp_describe(const hpo_gp *gp, hpo_gp_summary *out)
{
    size_t n = gp->n_points;
    *out = (hpo_gp_summary){.family = gp->family,
                            .signal_variance = gp->s2,
                            .noise_variance = gp->n2,
                            .log_posterior = gp->log_posterior,
                            .log_evidence = gp->log_evidence,
                            .loo_log_score = NAN,
                            .loo_correlation = NAN,
                            .n_fits = gp->n_fits,
                            .n_fit_rows = gp->n_fit_rows,
                            .warped = gp->warped,
                            .heteroscedastic = gp->noise_gp != NULL};
    if (!gp->ready || n < 2) return;
    double *scratch = hpo_alloc_array(4 * n, sizeof *scratch);
    size_t *order = hpo_alloc_array(n, sizeof *order);
    if (scratch && order) {
        out->loo_log_score = hpo_gp_loo_sum(gp, scratch) / (double)n;
        hpo_ranks(scratch, n, order, scratch + 2 * n);
        hpo_ranks(gp->z, n, order, scratch + 3 * n);
        out->loo_correlation = hpo_correlation(scratch + 2 * n, scratch + 3 * n, n);
    }
    hpo_free(scratch);
    hpo_free(order);
}
