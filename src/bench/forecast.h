/* SPDX-License-Identifier: Apache-2.0 */
/* bench/forecast.h - are forecasts of learning curves right?  Final values of curves stopped early, by the curve
 * bank alone and coupled over configurations, a power law, the ensemble of parametric curves and the last value.
 * The protocol: bench/forecast.c. */
#ifndef BENCH_FORECAST_H
#define BENCH_FORECAST_H
#include "bench/problem.h"

typedef enum hpo_forecaster {
    HPO_FORECAST_BANK,
    HPO_FORECAST_COUPLED,
    HPO_FORECAST_ENSEMBLE,
    HPO_FORECAST_POWER,
    HPO_FORECAST_LAST,
    HPO_N_FORECASTERS
} hpo_forecaster;
#define HPO_FORECASTER_LABELS "bank", "coupled", "ensemble", "power law", "last value"

typedef struct hpo_forecast_row {
    double seen;      /* share of the curve */
    size_t n;         /* curves forecast; the ensemble: n_ensemble */
    size_t n_ensemble;
    double rank[HPO_N_FORECASTERS];    /* Spearman's correlation of forecast and final value */
    double error[HPO_N_FORECASTERS];   /* mean absolute error, in curve units */
    double covered[HPO_N_FORECASTERS]; /* share of final values in 90 % intervals; NaN: gives none */
    double width[HPO_N_FORECASTERS];   /* of these, curve units, mean */
} hpo_forecast_row;

enum { HPO_FORECAST_SHARES = 3 };
/* rows: HPO_FORECAST_SHARES of them, 10, 30 and 50 % seen.  n_complete whole curves are known, n_cut others are
 * forecast, the first n_ensemble of them by the ensemble too (a second each).  HPO_EINVAL: the problem has no
 * curves that go on. */
HPO_NODISCARD hpo_status hpo_forecast_measure(const hpo_problem *p, size_t n_complete, size_t n_cut, size_t n_ensemble,
                                              uint64_t seed, hpo_forecast_row *rows, hpo_error *err);
#endif
