/* SPDX-License-Identifier: Apache-2.0 */
/* bench/forecast.c - calibration and ranking of learning-curve forecasts.
 *
 * Random configurations, a report at every step of the fidelity.  The first n_complete curves are known as a
 * whole (they set the scale and the priors), the others up to a share of the full resource; the value at the
 * full resource is forecast and compared with what the curve has there, noise included.  Curves that fail are
 * left out.  The power law y = a + b t^-c is fitted by least squares, c from a grid; with fewer than four
 * reports it is the last value.  The ensemble draws 60 samples, as scheduler
 * `extrapolation` does. */
#include "bench/forecast.h"

#include <math.h>

#include "base/alloc.h"
#include "base/error.h"
#include "hpo/sampler.h"
#include "math/func.h"
#include "math/rng.h"
#include "math/stats.h"
#include "model/curve_coupling.h"
#include "model/curve_ensemble.h"

enum { MAX_STEPS = 256, SAMPLES = 60 };

static const double SHARES[HPO_FORECAST_SHARES] = {0.1, 0.3, 0.5};

typedef struct bench_curves {
    size_t n, n_complete, steps, n_columns, n_dims;
    double *x, *u, *y; /* n x n_columns, n x n_dims, n x steps: y[i * steps + r - 1] */
    int *failed;
    hpo_embed *embed;
    hpo_curve_ensemble *ensemble;
    double *forecast, *final; /* HPO_N_FORECASTERS x n, n */
    size_t *order;
    double *ranks; /* 2 n */
} bench_curves;

static void fini(bench_curves *b)
{
    void *blocks[] = {b->x, b->failed, b->order};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        hpo_free(blocks[i]);
    hpo_embed_free(b->embed);
    hpo_curve_ensemble_free(b->ensemble);
}

static hpo_status train(const hpo_problem *p, bench_curves *b, uint64_t seed, hpo_error *err)
{
    hpo_status s = hpo_space_sample(p->space, seed, b->n, b->x, err);
    for (size_t i = 0; s == HPO_OK && i < b->n; i++) {
        hpo_space_encode(p->space, b->x + i * b->n_columns, b->u + i * b->n_dims);
        for (size_t r = 1; s == HPO_OK && r <= b->steps && !b->failed[i]; r++) {
            hpo_problem_query q = {
                .x = b->x + i * b->n_columns, .resource = (double)r, .from = (double)r - 1, .seed = seed + 1};
            hpo_problem_answer a = {0};
            s = hpo_problem_evaluate(p, &q, &a, err);
            b->failed[i] = a.failed || !isfinite(a.y[0]);
            b->y[i * b->steps + r - 1] = a.y[0];
        }
    }
    return s;
}

static hpo_status init(const hpo_problem *p, bench_curves *b, uint64_t seed, hpo_error *err)
{
    if (!(p->full_resource >= 10 && p->full_resource <= MAX_STEPS) || !p->resumable || p->n_objectives != 1)
        return hpo_fail(err, HPO_EINVAL, "%s has no learning curves of 10 to %d steps", p->name, MAX_STEPS);
    b->steps = (size_t)p->full_resource;
    b->n_columns = hpo_space_n_columns(p->space);
    b->n_dims = hpo_space_n_dims(p->space);
    size_t each = b->n_columns + b->n_dims + b->steps + HPO_N_FORECASTERS + 3;
    b->x = hpo_alloc_array(b->n, each * sizeof *b->x);
    b->failed = hpo_calloc(b->n, sizeof *b->failed);
    b->order = hpo_alloc_array(b->n, sizeof *b->order);
    if (b->x == NULL || b->failed == NULL || b->order == NULL) return hpo_fail_memory(err);
    b->u = b->x + b->n * b->n_columns;
    b->y = b->u + b->n * b->n_dims;
    b->forecast = b->y + b->n * b->steps;
    b->final = b->forecast + b->n * HPO_N_FORECASTERS;
    b->ranks = b->final + b->n;
    hpo_status s = hpo_embed_create(p->space, &b->embed, err);
    if (s == HPO_OK) s = hpo_curve_ensemble_create(&b->ensemble, err);
    return s == HPO_OK ? train(p, b, seed, err) : s;
}

/* a + b t^-c at t = 1 by least squares. */
static double power_law(const double *y, size_t n, size_t steps)
{
    double least = INFINITY, value = y[n - 1];
    for (double c = 0.05; n >= 4 && c < 6; c *= 1.25) {
        double sx = 0, sy = 0, sxx = 0, sxy = 0, e = 0;
        for (size_t i = 0; i < n; i++) {
            double x = hpo_exp(-c * hpo_log((double)(i + 1) / (double)steps));
            sx += x;
            sy += y[i];
            sxx += x * x;
            sxy += x * y[i];
        }
        double d = (double)n * sxx - sx * sx;
        if (!(d > 1e-12 * sxx)) continue;
        double slope = ((double)n * sxy - sx * sy) / d, a = (sy - slope * sx) / (double)n;
        for (size_t i = 0; i < n; i++) {
            double r = y[i] - a - slope * hpo_exp(-c * hpo_log((double)(i + 1) / (double)steps));
            e += r * r;
        }
        if (!(e < least)) continue;
        least = e;
        value = a + slope;
    }
    return value;
}

/* One forecast into the sums of a row: j counts the curves of this forecaster. */
static void count(hpo_forecast_row *row, bench_curves *b, const hpo_curves *c, hpo_forecaster f, size_t j,
                  double forecast, double low, double high)
{
    double final = hpo_curves_to_units(c, b->final[j]);
    forecast = hpo_curves_to_units(c, forecast);
    b->forecast[(size_t)f * b->n + j] = forecast;
    row->error[f] += fabs(forecast - final);
    row->covered[f] += hpo_curves_to_units(c, low) <= final && final <= hpo_curves_to_units(c, high);
    row->width[f] += hpo_curves_to_units(c, high) - hpo_curves_to_units(c, low);
}

static hpo_status bank(hpo_forecast_row *row, bench_curves *b, hpo_curves *c, hpo_forecaster f, size_t i,
                       size_t j, const hpo_curve_prior *prior, hpo_error *err)
{
    hpo_curves_forecast at;
    hpo_status s = hpo_curves_focus(c, i, prior, err);
    if (s != HPO_OK) return s;
    hpo_curves_forecast_at(c, (double)b->steps, &at);
    count(row, b, c, f, j, at.median, at.low, at.high);
    return HPO_OK;
}

static hpo_status ensemble(hpo_forecast_row *row, bench_curves *b, const hpo_curves *c, size_t i, size_t j,
                           size_t seen, hpo_error *err)
{
    double t[MAX_STEPS], y[MAX_STEPS], mean[SAMPLES], sd[SAMPLES], q[3];
    static const double levels[3] = {0.05, 0.5, 0.95};
    hpo_rng rng;
    for (size_t r = 0; r < seen; r++) {
        t[r] = (double)(r + 1) / (double)b->steps;
        y[r] = hpo_curves_to_units(c, b->y[i * b->steps + r]);
    }
    hpo_rng_init(&rng, i, seen, HPO_RNG_USER);
    hpo_status s = hpo_curve_ensemble_sample(b->ensemble, t, y, seen, &rng, SAMPLES, mean, sd, err);
    if (s != HPO_OK) return s;
    for (size_t k = 0; k < 3; k++)
        q[k] = hpo_curves_from_units(c, hpo_curve_samples_quantile(mean, sd, SAMPLES, levels[k]));
    count(row, b, c, HPO_FORECAST_ENSEMBLE, j, q[1], q[0], q[2]);
    return HPO_OK;
}

static void finish(hpo_forecast_row *row, bench_curves *b, const hpo_curves *c)
{
    for (size_t j = 0; j < row->n; j++)
        b->final[j] = hpo_curves_to_units(c, b->final[j]);
    for (size_t f = 0; f < HPO_N_FORECASTERS; f++) {
        size_t n = f == HPO_FORECAST_ENSEMBLE ? row->n_ensemble : row->n;
        hpo_ranks(b->forecast + f * b->n, n, b->order, b->ranks);
        hpo_ranks(b->final, n, b->order, b->ranks + b->n);
        row->rank[f] = n > 1 ? hpo_correlation(b->ranks, b->ranks + b->n, n) : (double)NAN;
        row->error[f] = n > 0 ? row->error[f] / (double)n : (double)NAN;
        int interval = f <= HPO_FORECAST_ENSEMBLE && n > 0;
        row->covered[f] = interval ? row->covered[f] / (double)n : (double)NAN;
        row->width[f] = interval ? row->width[f] / (double)n : (double)NAN;
    }
}

static hpo_status measure_share(bench_curves *b, double share, size_t n_ensemble, uint64_t seed,
                                hpo_forecast_row *row, hpo_error *err)
{
    hpo_curves *c = NULL;
    hpo_curve_coupling *k = NULL;
    size_t seen = (size_t)ceil(share * (double)b->steps - 1e-9);
    *row = (hpo_forecast_row){.seen = share};
    hpo_status s = hpo_curves_create((double)b->steps, seed, &c, err);
    if (s == HPO_OK) s = hpo_curve_coupling_create(b->embed, seed, 0, &k, err);
    for (size_t i = 0; s == HPO_OK && i < b->n; i++) {
        size_t end = i < b->n_complete ? b->steps : seen;
        for (size_t r = 0; s == HPO_OK && !b->failed[i] && r < end; r++)
            s = hpo_curves_report(c, i, (double)(r + 1), b->y[i * b->steps + r], err);
    }
    if (s == HPO_OK) s = hpo_curve_coupling_learn(k, c, b->u, b->n, err);
    for (size_t i = b->n_complete; s == HPO_OK && i < b->n; i++) {
        if (b->failed[i]) continue;
        const double *y = b->y + i * b->steps;
        hpo_curve_prior prior = hpo_curve_coupling_trial(k, i);
        size_t j = row->n++;
        b->final[j] = y[b->steps - 1];
        s = bank(row, b, c, HPO_FORECAST_BANK, i, j, NULL, err);
        if (s == HPO_OK) s = bank(row, b, c, HPO_FORECAST_COUPLED, i, j, &prior, err);
        double law = power_law(y, seen, b->steps);
        count(row, b, c, HPO_FORECAST_POWER, j, law, law, law);
        count(row, b, c, HPO_FORECAST_LAST, j, y[seen - 1], y[seen - 1], y[seen - 1]);
        if (s == HPO_OK && row->n_ensemble < n_ensemble)
            s = ensemble(row, b, c, i, row->n_ensemble++, seen, err);
    }
    if (s == HPO_OK) finish(row, b, c);
    hpo_curve_coupling_free(k);
    hpo_curves_free(c);
    return s;
}

hpo_status hpo_forecast_measure(const hpo_problem *p, size_t n_complete, size_t n_cut, size_t n_ensemble,
                                uint64_t seed, hpo_forecast_row *rows, hpo_error *err)
{
    bench_curves b = {.n = n_complete + n_cut, .n_complete = n_complete};
    hpo_status s = init(p, &b, seed, err);
    for (size_t i = 0; s == HPO_OK && i < HPO_FORECAST_SHARES; i++)
        s = measure_share(&b, SHARES[i], n_ensemble, seed, &rows[i], err);
    fini(&b);
    return s;
}
