/* SPDX-License-Identifier: Apache-2.0 */
/* math/minimise.h - minimisers and a one-dimensional sampler.  Deterministic; no allocation: scratch comes
 * from the caller; objective functions may return NaN or +inf (treated as "worse than anything"). */
#ifndef MATH_MINIMISE_H
#define MATH_MINIMISE_H
#include "hpo/sampler.h"
#include <stddef.h>

/* Value at x (n) and, when gradient is not NULL, the gradient. */
typedef double (*hpo_value_fn)(void *ctx, const double *x, double *gradient);

typedef struct hpo_lbfgsb_options {
    size_t memory;             /* pairs kept; 0: 8 */
    size_t max_iterations;     /* 0: 100 */
    size_t max_evaluations;    /* 0: 3 x max_iterations + 20 */
    double gradient_tolerance; /* stop when the largest projected gradient entry is at most this; 0: 1e-6 */
    double value_tolerance;    /* stop when (f_k - f_{k+1}) <= this * max(|f_k|, |f_{k+1}|, 1); 0: 1e-12 */
} hpo_lbfgsb_options;
typedef struct hpo_lbfgsb_result {
    double value, projected_gradient;
    size_t iterations, evaluations;
    int converged; /* a tolerance was met (not a limit) */
} hpo_lbfgsb_result;
/* Doubles of scratch for n variables and `memory` pairs. */
size_t hpo_lbfgsb_work(size_t n, size_t memory);
/* Limited-memory BFGS within box bounds (Byrd, Lu, Nocedal & Zhu 1995; subspace step of Morales & Nocedal
 * 2011): minimises from x (clipped to the box), best point found is left in x.  lower[i] == upper[i] fixes
 * x[i]; infinite bounds are fine. */
void hpo_lbfgsb(hpo_value_fn fn, void *ctx, size_t n, const double *lower, const double *upper, double *x,
                const hpo_lbfgsb_options *options, double *work, hpo_lbfgsb_result *result);

/* Minimum of a function of one variable in [a, b] (Brent 1973); returns the place, *value its value. */
double hpo_brent_minimise(double (*fn)(void *ctx, double x), void *ctx, double a, double b, double tolerance,
                          size_t max_evaluations, double *value);
/* Root in [a, b] with f(a) f(b) <= 0 (Brent's zeroin); returns the root. */
double hpo_brent_root(double (*fn)(void *ctx, double x), void *ctx, double a, double b, double tolerance,
                      size_t max_evaluations);
/* Nelder-Mead in a box (adaptive coefficients of Gao & Han 2012); work (n + 1)(n + 1) + 4 n. */
double hpo_nelder_mead(hpo_value_fn fn, void *ctx, size_t n, const double *lower, const double *upper,
                       double *x, double step, size_t max_evaluations, double tolerance, double *work);

/* One sweep of univariate slice sampling (Neal 2003, stepping out and shrinkage) over all n coordinates of x
 * within the box; log_density(ctx, x, NULL) unnormalised; *logp holds its value at x and is updated. */
void hpo_slice_sweep(hpo_value_fn log_density, void *ctx, size_t n, const double *lower, const double *upper,
                     const double *width, hpo_rng *rng, double *x, double *logp);
#endif
