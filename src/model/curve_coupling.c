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
 * That is right as long as all trials have come about equally far, as in a forecast of running trials beside
 * complete ones.  A search makes it wrong twice.  Most of its trials are paused early, and their forecasts
 * are mostly the study's prior, N(e, s_e^2), which must not be learned from as if it had been seen: with firm
 * > 0 it is divided out, 1 / v_i -> p_i = 1 / v_i - 1 / s_e^2, m_i -> (m_i / v_i - e / s_e^2) / p_i.  And
 * what a short curve says is wrong in the same direction for all configurations that are alike (those that
 * learn slowly look bad), so that many of them outvote the few that were trained to the end: only forecasts
 * with p_i >= firm / s_e^2 are rows.
 *
 * This is freeze-thaw (Swersky, Snoek & Adams 2014) with the bank in place of the exponential decays, in one
 * pass of expectation propagation rather than jointly. */
#include "model/curve_coupling.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "model/gp_internal.h"

static const double LEAST = 0.05;
static const double SHARED = 0.3; /* of the mean variance */
enum {
    FEWEST = 4,   /* forecasts below which the study's own prior stands */
    FITTED = 200, /* configurations that hyperparameters are fitted to */
    MOST = 500    /* ... and that the process is conditioned on */
};

struct hpo_curve_coupling {
    const hpo_embed *embed;
    uint64_t seed;
    double firm;
    hpo_gp *gp; /* NULL: nothing learned */
    hpo_curve_prior study, *prior;
    size_t n, prior_cap;
    struct forecast { /* by trial, under the study's own prior */
        double mean, sd;
        size_t n, epoch; /* reports and scale that it follows from; n 0: none */
    } * forecasts;
    size_t n_forecasts, forecast_cap;
    double *u, *mean, *sd; /* of those that have a forecast, in one block */
    double shared;         /* variance of the errors that all forecasts have in common */
    double *theta;         /* learned last; NULL: nothing yet */
};

hpo_status hpo_curve_coupling_create(const hpo_embed *embed, uint64_t seed, double firm,
                                     hpo_curve_coupling **out, hpo_error *err)
{
    hpo_curve_coupling *k = *out = hpo_calloc(1, sizeof *k);
    if (k == NULL) return hpo_fail_memory(err);
    k->embed = embed;
    k->seed = seed;
    k->firm = firm;
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
    hpo_free(k->forecasts);
    hpo_free(k->theta);
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

/* Forecasts of all trials that have reports; those that have not changed are kept. */
static hpo_status forecast(hpo_curve_coupling *k, hpo_curves *c, size_t n, hpo_error *err)
{
    HPO_TRY(hpo_reserve(&k->forecasts, &k->forecast_cap, n, sizeof *k->forecasts, err));
    for (; k->n_forecasts < n; k->n_forecasts++)
        k->forecasts[k->n_forecasts] = (struct forecast){.n = 0};
    for (size_t i = 0; i < n; i++) {
        hpo_error unused; /* failed, or no scale yet: no forecast */
        struct forecast *f = &k->forecasts[i];
        size_t reports = hpo_curves_n_reports(c, i), epoch = hpo_curves_epoch(c);
        if (f->n > 0 && f->n == reports && f->epoch == epoch && !hpo_curves_failed(c, i)) continue;
        f->n = reports > 0 && hpo_curves_focus(c, i, NULL, &unused) == HPO_OK ? reports : 0;
        f->epoch = epoch;
        if (f->n > 0) hpo_curves_latent(c, (double)INFINITY, &f->mean, &f->sd);
    }
    return HPO_OK;
}

/* The prior of the end divided out of a forecast; 0: what is left is not firm. */
static int divide(const hpo_curve_prior *p, double firm, double *mean, double *sd)
{
    double before = 1 / (p->end_sd * p->end_sd), now = 1 / (*sd * *sd), own = now - before;
    if (!(own >= firm * before)) return 0;
    *mean = (*mean * now - p->end * before) / own;
    *sd = sqrt(1 / own);
    return 1;
}

/* The rows of the process: those that have a forecast. */
static hpo_status gather(hpo_curve_coupling *k, const double *u, size_t n, size_t *who, size_t *m_out,
                         hpo_error *err)
{
    size_t d = hpo_embed_n_dims(k->embed), m = 0;
    k->u = hpo_alloc_array(n, (d + 2) * sizeof *k->u);
    if (k->u == NULL) return hpo_fail_memory(err);
    k->mean = k->u + n * d;
    k->sd = k->mean + n;
    k->shared = 0;
    for (size_t i = 0; i < n; i++) {
        const struct forecast *f = &k->forecasts[i];
        if (f->n == 0) continue;
        double mean = f->mean, sd = f->sd;
        if (k->firm > 0 && !divide(&k->study, k->firm, &mean, &sd)) continue;
        memcpy(k->u + m * d, u + i * d, d * sizeof *u);
        k->mean[m] = mean;
        k->sd[m] = sd;
        k->shared += SHARED * sd * sd;
        who[m++] = i;
    }
    if (m > 0) k->shared /= (double)m;
    *m_out = m;
    return HPO_OK;
}

static hpo_status keep_theta(hpo_curve_coupling *k, hpo_error *err)
{
    size_t p = hpo_gp_n_theta(k->gp);
    if (k->theta == NULL) k->theta = hpo_alloc_array(p, sizeof *k->theta);
    if (k->theta == NULL) return hpo_fail_memory(err);
    memcpy(k->theta, k->gp->theta, p * sizeof *k->theta);
    return HPO_OK;
}

static hpo_status condition(hpo_curve_coupling *k, size_t m, int fit, hpo_error *err)
{
    hpo_gp_options o = hpo_gp_defaults();
    o.transform = HPO_TRANSFORM_STANDARD;
    o.seed = k->seed;
    o.max_rows = MOST;
    HPO_TRY(hpo_gp_create(k->embed, &o, &k->gp, err));
    hpo_gp_hold(k->gp, 1);
    HPO_TRY(hpo_gp_ingest(k->gp, k->u, k->mean, k->sd, NULL, m, err));
    fit |= k->theta == NULL;
    HPO_TRY(hpo_gp_restart(k->gp, k->gp->n_rows, fit ? FITTED : MOST, err));
    if (fit) {
        HPO_TRY(hpo_gp_fit(k->gp, 1, err));
        HPO_TRY(keep_theta(k, err));
        if (!k->gp->subset) return HPO_OK;
        HPO_TRY(hpo_gp_place(k->gp, MOST, err));
    }
    return hpo_gp_set_theta(k->gp, k->theta, err);
}

static hpo_status take_in(hpo_curve_coupling *k, hpo_curves *c, const double *u, size_t n, int fit,
                          hpo_error *err)
{
    size_t m = 0;
    forget(k);
    k->study = hpo_curves_prior(c);
    HPO_TRY(hpo_reserve(&k->prior, &k->prior_cap, n, sizeof *k->prior, err));
    HPO_TRY(forecast(k, c, n, err));
    k->n = n;
    for (size_t i = 0; i < n; i++)
        k->prior[i] = k->study;
    size_t *who = hpo_alloc_array(n, sizeof *who);
    hpo_status s = who == NULL ? hpo_fail_memory(err) : gather(k, u, n, who, &m, err);
    if (s == HPO_OK && m >= FEWEST) s = condition(k, m, fit, err);
    if (s == HPO_OK && m >= FEWEST) s = leave_out(k, who, err);
    hpo_free(who);
    if (s != HPO_OK) forget(k);
    return s;
}

hpo_status hpo_curve_coupling_learn(hpo_curve_coupling *k, hpo_curves *c, const double *u, size_t n,
                                    hpo_error *err)
{
    return take_in(k, c, u, n, 1, err);
}

hpo_status hpo_curve_coupling_update(hpo_curve_coupling *k, hpo_curves *c, const double *u, size_t n,
                                     hpo_error *err)
{
    return take_in(k, c, u, n, 0, err);
}

const hpo_gp *hpo_curve_coupling_process(const hpo_curve_coupling *k)
{
    return k->gp;
}

double hpo_curve_coupling_forecast(const hpo_curve_coupling *k, size_t i)
{
    return i < k->n_forecasts && k->forecasts[i].n > 0 ? k->forecasts[i].mean : (double)INFINITY;
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
