/* SPDX-License-Identifier: Apache-2.0 */
/* model/curves.c - learning curves of a study in common units (curve_units.c), each with its state in the
 * bank (curve_bank.c).
 *
 * When the scale changes the states are folded again, lazily, from the reports that are kept: O(1) a report
 * in the mean.
 *
 * The study's prior: experts for the start and the end of a curve (curve_bank.c) are normal with the mean and
 * spread of the first values and of the values of complete curves in this study, two curves' worth of the
 * defaults added.  Complete curves were chosen for being good: their spread counts as 0.3 at least. */
#include "model/curves.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/stats.h"
#include "model/curve_units.h"

static const double COMPLETE = 0.9; /* share of the resource from which a last value is a final one */

typedef struct trial {
    double *t, *y; /* as reported; t in shares */
    size_t n, t_cap, y_cap;
    hpo_curve *state; /* NULL: to be folded from the reports */
    size_t epoch;     /* scale of the state */
    int failed, closed;
} trial;

struct hpo_curves {
    double max_resource;
    hpo_curve_bank *bank;
    hpo_curve_posterior *posterior;
    trial *trials;
    size_t n, cap;
    hpo_curve_units units;
    hpo_curve_prior prior;
    hpo_curve *scratch; /* of closed trials */
    hpo_curve **spare;  /* states that closed trials gave back; room for all there are */
    size_t n_spare, n_states, spare_cap;
};

/* ---- life ------------------------------------------------------------------------------------------- */

hpo_status hpo_curves_create(double max_resource, uint64_t seed, hpo_curves **out, hpo_error *err)
{
    *out = NULL;
    if (!(max_resource > 0 && isfinite(max_resource)))
        return hpo_fail(err, HPO_EINVAL, "max_resource must be positive, not %g", max_resource);
    hpo_curves *c = hpo_calloc(1, sizeof *c);
    if (c == NULL) return hpo_fail_memory(err);
    c->max_resource = max_resource;
    c->prior = hpo_curve_prior_default();
    hpo_status s = hpo_curve_bank_create(0, seed, &c->bank, err);
    if (s == HPO_OK) s = hpo_curve_posterior_create(c->bank, &c->posterior, err);
    if (s == HPO_OK) s = hpo_curve_create(c->bank, &c->scratch, err);
    if (s != HPO_OK) {
        hpo_curves_free(c);
        return s;
    }
    *out = c;
    return HPO_OK;
}

void hpo_curves_free(hpo_curves *c)
{
    if (c == NULL) return;
    for (size_t i = 0; i < c->n; i++) {
        hpo_free(c->trials[i].t);
        hpo_free(c->trials[i].y);
        hpo_curve_free(c->trials[i].state);
    }
    for (size_t i = 0; i < c->n_spare; i++)
        hpo_curve_free(c->spare[i]);
    hpo_free(c->spare);
    hpo_curve_free(c->scratch);
    hpo_curve_posterior_free(c->posterior);
    hpo_curve_bank_free(c->bank);
    hpo_free(c->trials);
    hpo_curve_units_fini(&c->units);
    hpo_free(c);
}

/* ---- units ------------------------------------------------------------------------------------------ */

double hpo_curves_to_units(const hpo_curves *c, double value)
{
    return hpo_curve_units_to(&c->units, value);
}

double hpo_curves_from_units(const hpo_curves *c, double y)
{
    return hpo_curve_units_from(&c->units, y);
}

size_t hpo_curves_epoch(const hpo_curves *c)
{
    return c->units.epoch;
}

hpo_curve_prior hpo_curves_prior(const hpo_curves *c)
{
    return c->prior;
}

/* A normal expert from observed values, two of the default among them. */
static void expert(const hpo_moments *m, double least, double *mean, double *sd)
{
    double n = (double)m->n, w = n / (n + 2), d = n > 0 ? m->mean - *mean : 0;
    double var = (1 - w) * *sd * *sd + w * (n > 1 ? hpo_moments_variance(m) : 0) + w * (1 - w) * d * d;
    *mean += w * d;
    *sd = fmax(sqrt(var), least);
}

static void learn_prior(hpo_curves *c)
{
    hpo_moments first = {0}, last = {0};
    for (size_t i = 0; i < c->n; i++) {
        const trial *r = &c->trials[i];
        if (r->n == 0) continue;
        hpo_moments_add(&first, hpo_curves_to_units(c, r->y[0]));
        if (r->t[r->n - 1] >= COMPLETE) hpo_moments_add(&last, hpo_curves_to_units(c, r->y[r->n - 1]));
    }
    c->prior = hpo_curve_prior_default();
    expert(&first, 0.1, &c->prior.start, &c->prior.start_sd);
    expert(&last, 0.3, &c->prior.end, &c->prior.end_sd);
}

/* ---- reports ---------------------------------------------------------------------------------------- */

static hpo_status take_state(hpo_curves *c, trial *r, hpo_error *err)
{
    if (c->n_spare > 0) {
        r->state = c->spare[--c->n_spare];
        r->epoch = SIZE_MAX; /* what it holds is another trial's */
        return HPO_OK;
    }
    hpo_status s = hpo_reserve(&c->spare, &c->spare_cap, c->n_states + 1, sizeof *c->spare, err);
    if (s == HPO_OK) s = hpo_curve_create(c->bank, &r->state, err);
    c->n_states += s == HPO_OK;
    return s;
}

static hpo_status room(hpo_curves *c, size_t i, hpo_error *err)
{
    size_t had = c->cap;
    hpo_status s = hpo_reserve(&c->trials, &c->cap, i + 1, sizeof *c->trials, err);
    if (s != HPO_OK) return s;
    memset(c->trials + had, 0, (c->cap - had) * sizeof *c->trials);
    if (i >= c->n) c->n = i + 1;
    trial *r = &c->trials[i];
    s = hpo_reserve(&r->t, &r->t_cap, r->n + 1, sizeof *r->t, err);
    if (s == HPO_OK) s = hpo_reserve(&r->y, &r->y_cap, r->n + 1, sizeof *r->y, err);
    if (s == HPO_OK && r->state == NULL && !r->closed) s = take_state(c, r, err);
    return s;
}

/* Folds reports that the state lacks, all of them after a change of the scale. */
static const hpo_curve *fold(const hpo_curves *c, trial *r)
{
    hpo_curve *state = r->state != NULL ? r->state : c->scratch;
    if (r->state == NULL || r->epoch != c->units.epoch) hpo_curve_reset(state);
    r->epoch = c->units.epoch;
    for (size_t k = hpo_curve_n(state); k < r->n; k++)
        hpo_curve_add(state, r->t[k], hpo_curves_to_units(c, r->y[k]));
    return state;
}

hpo_status hpo_curves_report(hpo_curves *c, size_t i, double resource, double value, hpo_error *err)
{
    if (!(resource >= 0)) return hpo_fail(err, HPO_EINVAL, "resource must be 0 or more, not %g", resource);
    hpo_status s = room(c, i, err);
    if (s != HPO_OK) return s;
    trial *r = &c->trials[i];
    double t = fmin(fmax(resource / c->max_resource, hpo_curve_bank_first()), 1);
    if (!isfinite(value)) r->failed = 1;
    if (r->failed || (r->n > 0 && !(t > r->t[r->n - 1]))) return HPO_OK;
    size_t epoch = c->units.epoch;
    HPO_TRY(hpo_curve_units_add(&c->units, value, err));
    r->t[r->n] = t;
    r->y[r->n++] = value;
    if (c->units.epoch != epoch) learn_prior(c);
    return HPO_OK;
}

void hpo_curves_close(hpo_curves *c, size_t i)
{
    if (i >= c->n) return;
    trial *r = &c->trials[i];
    if (r->state != NULL) c->spare[c->n_spare++] = r->state;
    r->state = NULL;
    r->closed = 1;
}

size_t hpo_curves_n_reports(const hpo_curves *c, size_t i)
{
    return i < c->n ? c->trials[i].n : 0;
}

int hpo_curves_failed(const hpo_curves *c, size_t i)
{
    return i < c->n && c->trials[i].failed;
}

/* ---- forecasts -------------------------------------------------------------------------------------- */

hpo_status hpo_curves_focus(hpo_curves *c, size_t i, const hpo_curve_prior *prior, hpo_error *err)
{
    if (!(c->units.range > 0))
        return hpo_fail(err, HPO_EINVAL, "no forecast before two different values are known");
    if (i < c->n && c->trials[i].failed) return hpo_fail(err, HPO_EINVAL, "trial %zu has failed", i);
    const hpo_curve *state = i < c->n ? fold(c, &c->trials[i]) : NULL;
    hpo_curve_posterior_set(c->posterior, state, prior != NULL ? prior : &c->prior);
    return HPO_OK;
}

static void look_at(hpo_curves *c, double resource)
{
    hpo_curve_posterior_at(c->posterior, resource / c->max_resource);
}

void hpo_curves_forecast_at(hpo_curves *c, double resource, hpo_curves_forecast *out)
{
    double var;
    look_at(c, resource);
    hpo_curve_posterior_latent(c->posterior, &out->mean, &var);
    out->sd = sqrt(var);
    out->median = hpo_curves_from_units(c, hpo_curve_posterior_quantile(c->posterior, 0.5));
    out->low = hpo_curves_from_units(c, hpo_curve_posterior_quantile(c->posterior, 0.05));
    out->high = hpo_curves_from_units(c, hpo_curve_posterior_quantile(c->posterior, 0.95));
    out->effective = hpo_curve_posterior_effective(c->posterior);
    out->evidence = hpo_curve_posterior_evidence(c->posterior);
}

void hpo_curves_latent(hpo_curves *c, double resource, double *mean, double *sd)
{
    look_at(c, resource);
    hpo_curve_posterior_latent(c->posterior, mean, sd);
    *sd = sqrt(*sd);
}

double hpo_curves_below(hpo_curves *c, double resource, double value)
{
    look_at(c, resource);
    return hpo_curve_posterior_below(c->posterior, hpo_curves_to_units(c, value));
}

double hpo_curves_quantile(hpo_curves *c, double resource, double q)
{
    look_at(c, resource);
    return hpo_curves_from_units(c, hpo_curve_posterior_quantile(c->posterior, q));
}

double hpo_curves_improvement(hpo_curves *c, double resource, double best)
{
    look_at(c, resource);
    return hpo_curve_posterior_improvement(c->posterior, hpo_curves_to_units(c, best));
}
