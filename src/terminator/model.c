/* SPDX-License-Identifier: Apache-2.0 */
/* terminator/model.c - the surrogate of the model-based rules: a Gaussian process on the best share of the
 * trials.
 *
 * The transform is linear (standardised values), so that a bound in model units is a bound in the unit of the
 * objective; what a linear transform cannot hold, trials that are far off, is left out by taking the best
 * share (Makarova et al. 2022 and its implementations take the best half). */
#include "terminator/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "math/rng.h"

static const double PI_SQUARED = 9.869604401089358;

double hpo_rule_beta(size_t d, size_t t, double delta)
{
    double n = (double)t;
    return 0.4 * hpo_log((double)(d > 0 ? d : 1) * n * n * PI_SQUARED / (6 * delta));
}

hpo_status hpo_rule_model_init(hpo_rule_model *m, const hpo_rule_problem *problem, hpo_error *err)
{
    *m = (hpo_rule_model){.problem = *problem};
    HPO_TRY(hpo_embed_create(problem->space, &m->embed, err));
    HPO_TRY(hpo_search_create(m->embed, problem->seed, &m->search, err));
    size_t d = hpo_embed_n_dims(m->embed);
    m->at = hpo_alloc_array(2 * d + 1, sizeof *m->at);
    if (m->at == NULL) return hpo_fail_memory(err);
    m->dvar = m->at + d;
    return HPO_OK;
}

void hpo_rule_model_fini(hpo_rule_model *m)
{
    hpo_gp_free(m->gp);
    hpo_search_free(m->search);
    hpo_embed_free(m->embed);
    hpo_free(m->u);
    hpo_free(m->y);
    hpo_free(m->se);
    hpo_free(m->row);
    hpo_free(m->mean);
    hpo_free(m->var);
    hpo_free(m->at);
    *m = (hpo_rule_model){0};
}

/* ---- rows ------------------------------------------------------------------------------------------- */

static int usable(const hpo_view *v, size_t row)
{
    return v->state[row] == HPO_STATE_COMPLETE && isfinite(v->y[row * v->n_objectives]);
}

size_t hpo_rule_model_rows(const hpo_view *v)
{
    size_t n = 0;
    for (size_t i = 0; i < v->n_done; i++)
        n += (size_t)usable(v, i);
    return n;
}

static int feasible(const hpo_view *v, size_t row)
{
    for (size_t i = 0; i < v->n_outcomes; i++)
        if (!(v->outcome[row * v->n_outcomes + i] <= 0)) return 0;
    return 1;
}

static int by_value(const void *a, const void *b)
{
    const double *p = a, *q = b; /* value, row */
    if (p[0] != q[0]) return (p[0] > q[0]) - (p[0] < q[0]);
    return (p[1] > q[1]) - (p[1] < q[1]);
}

static int by_row(const void *a, const void *b)
{
    const double *p = a, *q = b;
    return (p[1] > q[1]) - (p[1] < q[1]);
}

/* Pairs (value, row) of the rows that are taken, in the order of the rows; in m->u as scratch. */
static hpo_status choose(hpo_rule_model *m, const hpo_view *v, const hpo_rule_rows *which, hpo_error *err)
{
    size_t n = hpo_rule_model_rows(v), k = 0;
    m->n = 0;
    if (n < 2) return HPO_OK;
    HPO_TRY(hpo_reserve(&m->row, &m->cap_row, n, sizeof *m->row, err));
    HPO_TRY(hpo_reserve(&m->u, &m->cap_u, 2 * n, sizeof *m->u, err));
    double *pair = m->u;
    for (size_t i = 0; i < v->n_done; i++) {
        if (!usable(v, i)) continue;
        pair[2 * k] = v->y[i * v->n_objectives];
        pair[2 * k++ + 1] = (double)i;
    }
    size_t last = (size_t)pair[2 * n - 1];
    n -= which->skip_last != 0;
    size_t take = (size_t)ceil(which->share * (double)n);
    if (take > which->most) take = which->most;
    if (take > n) take = n;
    qsort(pair, n, 2 * sizeof *pair, by_value);
    qsort(pair, take, 2 * sizeof *pair, by_row);
    for (size_t i = 0; i < take; i++)
        m->row[i] = (size_t)pair[2 * i + 1];
    m->n = take;
    if (which->append_last) m->row[m->n++] = last;
    return HPO_OK;
}

static hpo_status copy_rows(hpo_rule_model *m, const hpo_view *v, hpo_error *err)
{
    size_t d = v->n_dims, q = v->n_objectives;
    HPO_TRY(hpo_reserve(&m->u, &m->cap_u, m->n * d, sizeof *m->u, err));
    HPO_TRY(hpo_reserve(&m->y, &m->cap_y, m->n, sizeof *m->y, err));
    HPO_TRY(hpo_reserve(&m->se, &m->cap_se, m->n, sizeof *m->se, err));
    HPO_TRY(hpo_reserve(&m->mean, &m->cap_mean, m->n, sizeof *m->mean, err));
    HPO_TRY(hpo_reserve(&m->var, &m->cap_var, m->n, sizeof *m->var, err));
    m->best = SIZE_MAX;
    for (size_t i = 0; i < m->n; i++) {
        size_t row = m->row[i];
        memcpy(m->u + i * d, v->u + row * d, d * sizeof *m->u);
        m->y[i] = v->y[row * q];
        m->se[i] = v->sem != NULL ? v->sem[row * q] : (double)NAN;
        if (feasible(v, row) && (m->best == SIZE_MAX || m->y[i] < m->y[m->best])) m->best = i;
    }
    return HPO_OK;
}

hpo_status hpo_rule_model_fit(hpo_rule_model *m, const hpo_view *v, const hpo_rule_rows *which, int *ready,
                              hpo_error *err)
{
    hpo_gp_options o = hpo_gp_defaults();
    *ready = 0;
    hpo_gp_free(m->gp);
    m->gp = NULL;
    HPO_TRY(choose(m, v, which, err));
    if (m->n < 2) return HPO_OK;
    HPO_TRY(copy_rows(m, v, err));
    o.transform = HPO_TRANSFORM_STANDARD;
    o.seed = m->problem.seed;
    HPO_TRY(hpo_gp_create(m->embed, &o, &m->gp, err));
    HPO_TRY(hpo_gp_advance(m->gp, m->u, m->y, m->se, NULL, m->n, err));
    if (!hpo_gp_ready(m->gp)) return HPO_OK;
    m->slope = hpo_transform_slope(hpo_gp_transform(m->gp), m->y[0]);
    *ready = m->best != SIZE_MAX && m->slope > 0 && isfinite(m->slope);
    return HPO_OK;
}

/* ---- searching the space --------------------------------------------------------------------------- */

hpo_status hpo_rule_model_maximise(hpo_rule_model *m, const hpo_score *score, double *value, hpo_error *err)
{
    hpo_rng rng;
    hpo_search_options o = {0};
    size_t d = hpo_embed_n_dims(m->embed);
    hpo_rng_init(&rng, m->problem.seed, m->n, HPO_RNG_TERMINATOR);
    hpo_status status =
        hpo_search_maximise(m->search, score, &o, m->u + m->best * d, 1, NULL, 0, &rng, m->at, value, err);
    return status == HPO_DONE ? HPO_OK : status;
}

typedef struct lower_bound {
    hpo_rule_model *m;
    double k;
} lower_bound;

static void lower_values(void *ctx, const double *u, size_t n, double *out)
{
    const lower_bound *b = ctx;
    double mean[64], var[64];
    size_t d = hpo_embed_n_dims(b->m->embed);
    for (size_t first = 0; first < n; first += 64) {
        size_t count = n - first < 64 ? n - first : 64;
        hpo_gp_moments(b->m->gp, u + first * d, count, mean, var);
        for (size_t i = 0; i < count; i++)
            out[first + i] = b->k * sqrt(var[i]) - mean[i];
    }
}

static double lower_gradient(void *ctx, const double *u, double *gradient)
{
    const lower_bound *b = ctx;
    size_t d = hpo_embed_n_dims(b->m->embed);
    double mean, var, *dvar = b->m->dvar;
    hpo_gp_gradient(b->m->gp, u, &mean, &var, gradient, dvar);
    double sd = sqrt(var);
    for (size_t i = 0; i < d; i++)
        gradient[i] = b->k * dvar[i] / (2 * sd) - gradient[i];
    return b->k * sd - mean;
}

hpo_status hpo_rule_model_regret(hpo_rule_model *m, double k, double *out, hpo_error *err)
{
    lower_bound ctx = {m, k};
    const hpo_score score = {&ctx, lower_values, lower_gradient};
    double best_upper = HUGE_VAL, least_lower = HUGE_VAL, found;
    hpo_gp_moments(m->gp, m->u, m->n, m->mean, m->var);
    for (size_t i = 0; i < m->n; i++) {
        double wide = k * sqrt(m->var[i]);
        best_upper = fmin(best_upper, m->mean[i] + wide);
        least_lower = fmin(least_lower, m->mean[i] - wide);
    }
    HPO_TRY(hpo_rule_model_maximise(m, &score, &found, err));
    *out = best_upper - fmin(least_lower, -found);
    return HPO_OK;
}

/* ---- the error of one value ----------------------------------------------------------------------- */

enum { MAX_FOLDS = 256 };

/* The last value of each fold of one trial. */
static size_t folds_of(const hpo_view *v, int64_t number, double *sum, double *square)
{
    double value[MAX_FOLDS];
    uint8_t has[MAX_FOLDS] = {0};
    size_t k = 0;
    for (size_t i = 0; i < v->n_reports; i++) {
        double y = v->report_value[i * v->n_objectives];
        int32_t fold = v->report_fold[i];
        if (v->report_trial[i] != number || fold < 0 || fold >= MAX_FOLDS || !isfinite(y)) continue;
        k += !has[fold];
        has[fold] = 1;
        value[fold] = y;
    }
    double mean = 0, m2 = 0, n = 0;
    for (size_t i = 0; i < MAX_FOLDS; i++) {
        if (!has[i]) continue;
        double step = value[i] - mean;
        n += 1;
        mean += step / n;
        m2 += step * (value[i] - mean);
    }
    *sum = mean;
    *square = m2;
    return k;
}

static int same_point(const hpo_view *v, size_t a, size_t b)
{
    const double *p = v->u + a * v->n_dims, *q = v->u + b * v->n_dims;
    for (size_t i = 0; i < v->n_dims; i++)
        if (!(p[i] == q[i] || (isnan(p[i]) && isnan(q[i])))) return 0;
    return 1;
}

double hpo_rule_error(const hpo_view *v, size_t row, const char **kind, size_t *count)
{
    double mean, m2, sem = v->sem != NULL ? v->sem[row * v->n_objectives] : (double)NAN;
    size_t k = folds_of(v, v->number[row], &mean, &m2);
    *count = k;
    *kind = "folds";
    if (k >= 2) {
        double n = (double)k;
        return sqrt((1 / n + 1 / (n - 1)) * m2 / (n - 1));
    }
    *kind = "standard error";
    *count = 1;
    if (sem > 0) return sem;
    *kind = "replicates";
    mean = m2 = 0;
    k = 0;
    for (size_t i = 0; i < v->n_done; i++) {
        if (!usable(v, i) || !same_point(v, i, row)) continue;
        double y = v->y[i * v->n_objectives], step = y - mean;
        k++;
        mean += step / (double)k;
        m2 += step * (y - mean);
    }
    *count = k;
    if (k >= 2 && m2 > 0) return sqrt(m2 / (double)(k - 1) / (double)k);
    *kind = "nothing";
    return (double)NAN;
}
