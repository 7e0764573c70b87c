/* SPDX-License-Identifier: Apache-2.0 */
/* model/curves.h - the learning curves of a study: one model for pruning, forecasts and plots.
 *
 * Values as told, smaller is better; resources in the user's units, up to max_resource.  A fold over reports in
 * the study's order: the same reports give the same bits.  The mathematics: model/curves.c. */
#ifndef MODEL_CURVES_H
#define MODEL_CURVES_H
#include "model/curve_bank.h"

typedef struct hpo_curves hpo_curves;
/* max_resource > 0.  Not thread-safe: one thread at a time, forecasts too (they share scratch). */
HPO_NODISCARD hpo_status hpo_curves_create(double max_resource, uint64_t seed, hpo_curves **out, hpo_error *err);
void hpo_curves_free(hpo_curves *c);
/* Adds a report of a trial (any number; memory is proportional to the largest).  A value that is not finite
 * fails the trial for good; a resource that is not beyond the trial's last one changes nothing. */
HPO_NODISCARD hpo_status hpo_curves_report(hpo_curves *c, size_t trial, double resource, double value,
                                           hpo_error *err);
/* No more reports of this trial are expected: gives back what forecasts of it need (they are rebuilt, to the
 * bit, when asked for). */
void hpo_curves_close(hpo_curves *c, size_t trial);
size_t hpo_curves_n_reports(const hpo_curves *c, size_t trial);
int hpo_curves_failed(const hpo_curves *c, size_t trial);

typedef struct hpo_curves_forecast {
    double median, low, high;       /* of the value as it would be observed; 5 % and 95 % */
    double mean, sd;                /* in curve units, without the noise of an observation */
    double effective;               /* shapes that carry the forecast */
    double evidence;                /* log density of the trial's reports, in curve units */
} hpo_curves_forecast;

/* Chooses the trial that is asked about next; prior of it in curve units, or NULL: the study's.  A trial
 * without reports is all right.  HPO_EINVAL: the trial has failed, or the study has no two different values
 * yet. */
HPO_NODISCARD hpo_status hpo_curves_focus(hpo_curves *c, size_t trial, const hpo_curve_prior *prior,
                                          hpo_error *err);
/* Of the trial in focus, at a resource (never before its last report). */
void hpo_curves_forecast_at(hpo_curves *c, double resource, hpo_curves_forecast *out);
double hpo_curves_below(hpo_curves *c, double resource, double value);             /* P(value there < value) */
/* Mean and standard deviation in curve units without the noise of an observation: cheaper than a forecast. */
void hpo_curves_latent(hpo_curves *c, double resource, double *mean, double *sd);
double hpo_curves_quantile(hpo_curves *c, double resource, double q);              /* user's units */
double hpo_curves_improvement(hpo_curves *c, double resource, double best);        /* curve units */

/* ---- curve units: 0 is the best value of the study, 1 the bad end ---- */
double hpo_curves_to_units(const hpo_curves *c, double value);
double hpo_curves_from_units(const hpo_curves *c, double y);
hpo_curve_prior hpo_curves_prior(const hpo_curves *c);
/* Times the scale has changed: what was computed in curve units before is void. */
size_t hpo_curves_epoch(const hpo_curves *c);
#endif
