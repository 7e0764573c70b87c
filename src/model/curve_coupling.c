/* SPDX-License-Identifier: Apache-2.0 */
/* model/curve_coupling.c - curves of one study, joined over configurations.
 *
 * The bank forecasts from a curve's own reports the mean m_i and variance v_i of its value at the full
 * resource. These are observations of a function of the configuration with known errors,
 *
 *     m_i = f(u_i) + e_i,  e_i ~ N(0, v_i + n2),  f ~ GP  (gp.h; n2: what u does not explain),
 *
 * and the expert for the end of a curve (curve_bank.c) is the prediction of f: for a new configuration the
 * posterior, for trial i the posterior given all others, so that its own reports are not counted twice:
 * leaving one out in closed form (Sundararajan & Keerthi 2001) has variance 1 / [A^-1]_ii, less e_i's for f
 * alone.  The expert's variance has n2 added again, and 0.3 of the mean v_i: forecasts of one study err in
 * the same direction, which errors taken to be independent would average away.  Its standard deviation is
 * 0.05 at least.
 *
 * This is freeze-thaw (Swersky, Snoek & Adams 2014) with the bank in place of the exponential decays, in one
 * pass of expectation propagation rather than jointly. */
#include "model/curve_coupling.h"

#include <math.h>

#include "base/alloc.h"
#include "base/error.h"
#include "model/gp_internal.h"

static const double LEAST = 0.05;
static const double SHARED = 0.3; /* of the mean variance */
enum { FEWEST = 4 };              /* forecasts below which the study's own prior stands */

struct hpo_curve_coupling {
    const hpo_embed *embed;
    uint64_t seed;
    hpo_gp *gp; /* NULL: nothing learned */
    hpo_curve_prior study, *prior;
    size_t n, prior_cap;
    double *u, *mean, *sd; /* of those that have a forecast, in one block */
    double shared;         /* variance of the errors that all forecasts have in common */
};

hpo_status hpo_curve_coupling_create(const hpo_embed *embed, uint64_t seed, hpo_curve_coupling **out,
                                     hpo_error *err)
{
    hpo_curve_coupling *k = *out = hpo_calloc(1, sizeof *k);
    if (k == NULL) return hpo_fail_memory(err);
    k->embed = embed;
    k->seed = seed;
    k->study = hpo_curve_prior_default();
    return HPO_OK;
}

static void forget(hpo_curve_coupling *k)
{
    hpo_gp_free(k->gp);
    hpo_free(k->u);
    k->gp = NULL;
    k->u = NULL;
    k->n = 0;
}

void hpo_curve_coupling_free(hpo_curve_coupling *k)
{
    if (k == NULL) return;
    forget(k);
    hpo_free(k->prior);
    hpo_free(k);
}

/* An expert from mean and variance of f in model units of the process. */
static hpo_curve_prior expert(const hpo_curve_coupling *k, double mean, double var)
{
    const hpo_transform *t = hpo_gp_transform(k->gp);
    double scale = t->scale * t->sd; /* HPO_TRANSFORM_STANDARD is linear */
    hpo_curve_prior p = k->study;
    p.end = hpo_transform_invert(t, mean);
    p.end_sd = fmax(scale * sqrt(fmax(var, 0) + k->gp->n2 + k->shared / (scale * scale)), LEAST);
    return p;
}

/* Priors of the trials that the process has, by leaving each out; row j of it is trial who[j]. */
static hpo_status leave_out(hpo_curve_coupling *k, const size_t *who, hpo_error *err)
{
    size_t m = hpo_gp_n_points(k->gp);
    double *mean = hpo_alloc_array(2 * m, sizeof *mean);
    if (mean == NULL) return hpo_fail_memory(err);
    hpo_gp_loo(k->gp, mean, mean + m);
    for (size_t j = 0; j < k->gp->n_rows; j++) {
        uint32_t place = k->gp->place[k->gp->rows[j].pool];
        if (place == 0) continue; /* not in a regression on a subset */
        k->prior[who[j]] = expert(k, mean[place - 1], mean[m + place - 1] - k->gp->e[place - 1]);
    }
    hpo_free(mean);
    return HPO_OK;
}

hpo_status hpo_curve_coupling_learn(hpo_curve_coupling *k, hpo_curves *c, const double *u, size_t n,
                                    hpo_error *err)
{
    size_t d = hpo_embed_n_dims(k->embed), m = 0, *who = NULL;
    forget(k);
    k->study = hpo_curves_prior(c);
    hpo_status s = hpo_reserve(&k->prior, &k->prior_cap, n, sizeof *k->prior, err);
    if (s != HPO_OK) return s;
    k->n = n;
    for (size_t i = 0; i < n; i++)
        k->prior[i] = k->study;
    who = hpo_alloc_array(n, sizeof *who);
    k->u = hpo_alloc_array(n, (d + 2) * sizeof *k->u);
    if (who == NULL || k->u == NULL) {
        hpo_free(who);
        forget(k);
        return hpo_fail_memory(err);
    }
    k->mean = k->u + n * d;
    k->sd = k->mean + n;
    for (size_t i = 0; i < n; i++) {
        hpo_error unused; /* failed, or no scale yet: no forecast */
        if (hpo_curves_n_reports(c, i) == 0 || hpo_curves_focus(c, i, NULL, &unused) != HPO_OK) continue;
        hpo_curves_latent(c, INFINITY, &k->mean[m], &k->sd[m]);
        for (size_t j = 0; j < d; j++)
            k->u[m * d + j] = u[i * d + j];
        who[m++] = i;
    }
    k->shared = 0;
    for (size_t i = 0; i < m; i++)
        k->shared += SHARED * k->sd[i] * k->sd[i] / (double)m;
    if (m >= FEWEST) {
        hpo_gp_options o = hpo_gp_defaults();
        o.transform = HPO_TRANSFORM_STANDARD;
        o.seed = k->seed;
        s = hpo_gp_create(k->embed, &o, &k->gp, err);
        if (s == HPO_OK) s = hpo_gp_advance(k->gp, k->u, k->mean, k->sd, NULL, m, err);
        if (s == HPO_OK) s = leave_out(k, who, err);
    }
    hpo_free(who);
    if (s != HPO_OK) forget(k);
    return s;
}

hpo_curve_prior hpo_curve_coupling_trial(const hpo_curve_coupling *k, size_t i)
{
    return i < k->n ? k->prior[i] : k->study;
}

hpo_curve_prior hpo_curve_coupling_new(const hpo_curve_coupling *k, const double *u)
{
    double mean, var;
    if (k->gp == NULL || !hpo_gp_ready(k->gp)) return k->study;
    hpo_gp_moments(k->gp, u, 1, &mean, &var);
    return expert(k, mean, var);
}
