/* SPDX-License-Identifier: Apache-2.0 */
/* analysis/recommend.c - which configuration to use, and what to expect of it.
 *
 * Without noise the best value is the answer.  With noise it is a lucky one: of n configurations of equal
 * worth the best looks better by about sd sqrt(2 ln n).  Then the answer is the smallest posterior mean among
 * the configurations that were evaluated.  The mean and its interval concern the expected value: with a
 * transform g of the values and noise n2 in model units, m(f) = E g^-1(f + N(0, n2)), the mean is E m(f), the
 * interval m of the quantiles of f.
 *
 * Models, in this order: a Gaussian process on up to GP_ROWS trials; a random forest for more; and, when
 * neither can be fitted, James-Stein shrinkage of the configurations' means y_i towards their mean, w_i = t2
 * / (t2 + v_i / n_i),   E f_i = y + w_i (y_i - y),   Var f_i = w_i v_i / n_i, t2 the variance between
 * configurations (method of moments), v_i that of one measurement: from replicates, else from reported
 * standard errors.
 *
 * P(best) and P(better than the first) are frequencies in joint posterior draws (a forest's are independent).
 *
 * Efron & Morris, JASA 70 (1975); Smith & Winkler, "The Optimizer's Curse", Management Science 52 (2006);
 * overtuning: Schneider, Bischl & Feurer, arXiv 2506.19540 (2025). */
#include "analysis/recommend.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/map.h"
#include "math/func.h"
#include "math/linalg.h"
#include "math/rng.h"
#include "math/stats.h"
#include "model/forest.h"
#include "model/gp.h"

enum { GP_ROWS = 600, DRAWS = 4000 };
static const double Z90 = 1.6448536269514722; /* 95 % quantile of the normal distribution */

/* Evaluations of one configuration. */
typedef struct group {
    size_t first, best; /* rows */
    size_t n;
    double mean, m2;
    double precision, weighted; /* of rows with a standard error */
    size_t n_sem;
} group;

typedef struct work {
    const hpo_recommend_data *d;
    group *groups;
    size_t n;
    hpo_u64map index;
    double within;      /* pooled variance of one measurement from replicates; NaN: none */
    double sem2;        /* mean squared standard error; NaN: none reported */
    double *mean, *var; /* per group, unit of the model */
    hpo_embed *embed;
    hpo_gp *gp;
    hpo_forest *forest;
    hpo_transform transform;
    hpo_posterior posterior;
} work;

static void finish_work(work *w)
{
    hpo_free(w->groups);
    hpo_free(w->mean);
    hpo_u64map_fini(&w->index);
    hpo_gp_free(w->gp);
    hpo_forest_free(w->forest);
    hpo_embed_free(w->embed);
}

/* ---- replicates ------------------------------------------------------------------------------------- */

static hpo_status gather(work *w, hpo_error *err)
{
    const hpo_recommend_data *d = w->d;
    w->groups = hpo_alloc_array(d->n, sizeof *w->groups);
    w->mean = hpo_alloc_array(d->n, 2 * sizeof *w->mean);
    if (w->groups == NULL || w->mean == NULL) return hpo_fail_memory(err);
    w->var = w->mean + d->n;
    for (size_t i = 0; i < d->n; i++) {
        int64_t at = hpo_u64map_get(&w->index, d->hash[i], -1);
        if (at < 0) {
            at = (int64_t)w->n;
            HPO_TRY(hpo_u64map_put(&w->index, d->hash[i], at, err));
            w->groups[w->n++] = (group){.first = i, .best = i};
        }
        group *g = &w->groups[at];
        double step = d->y[i] - g->mean;
        g->n++;
        g->mean += step / (double)g->n;
        g->m2 += step * (d->y[i] - g->mean);
        if (d->y[i] < d->y[g->best]) g->best = i;
        if (!(d->sem[i] > 0)) continue;
        g->n_sem++;
        g->precision += 1 / (d->sem[i] * d->sem[i]);
        g->weighted += d->y[i] / (d->sem[i] * d->sem[i]);
    }
    return HPO_OK;
}

static void measure_noise(work *w)
{
    double m2 = 0, square = 0;
    size_t dof = 0, reported = 0;
    for (size_t i = 0; i < w->n; i++) {
        m2 += w->groups[i].m2;
        dof += w->groups[i].n - 1;
    }
    for (size_t i = 0; i < w->d->n; i++) {
        if (!(w->d->sem[i] > 0)) continue;
        square += w->d->sem[i] * w->d->sem[i];
        reported++;
    }
    w->within = dof > 0 ? m2 / (double)dof : (double)NAN;
    w->sem2 = reported > 0 ? square / (double)reported : (double)NAN;
}

/* Variance of a configuration's mean; `one` that of a single measurement. */
static double variance_of(const group *g, double one)
{
    return g->n_sem == g->n ? 1 / g->precision : one / (double)g->n;
}

static double observed_of(const group *g)
{
    return g->n_sem == g->n ? g->weighted / g->precision : g->mean;
}

/* ---- models ------------------------------------------------------------------------------------------ */

/* All rows, or the better half of the quota and every k-th of the rest, so that noise picks few of them. */
static size_t choose_rows(const hpo_recommend_data *d, size_t most, size_t *rows, size_t *order)
{
    size_t n = 0;
    if (d->n <= most) {
        for (size_t i = 0; i < d->n; i++)
            rows[i] = i;
        return d->n;
    }
    hpo_argsort(d->y, d->n, order);
    size_t rest = most - most / 2;
    for (size_t i = 0; i < most / 2; i++)
        rows[n++] = order[i];
    for (size_t k = 0; k < rest; k++)
        rows[n++] = order[most / 2 + k * (d->n - most / 2) / rest];
    return n;
}

static int by_size(const void *a, const void *b)
{
    size_t p = *(const size_t *)a, q = *(const size_t *)b;
    return (p > q) - (p < q);
}

static hpo_status fit_gp(work *w, int *ready, hpo_error *err)
{
    const hpo_recommend_data *d = w->d;
    size_t most = d->n < GP_ROWS ? d->n : GP_ROWS, k = d->n_dims;
    size_t *rows = hpo_alloc_array(most + d->n, sizeof *rows);
    double *u = hpo_alloc_array(most, (k + 2) * sizeof *u);
    hpo_status status = rows == NULL || u == NULL ? hpo_fail_memory(err) : HPO_OK;
    hpo_gp_options o = hpo_gp_defaults();
    *ready = 0;
    o.seed = d->seed;
    if (status == HPO_OK) {
        double *y = u + most * k, *se = y + most;
        size_t n = choose_rows(d, most, rows, rows + most);
        qsort(rows, n, sizeof *rows, by_size);
        for (size_t i = 0; i < n; i++) {
            memcpy(u + i * k, d->u + rows[i] * k, k * sizeof *u);
            y[i] = d->y[rows[i]];
            se[i] = d->sem[rows[i]];
        }
        status = hpo_gp_create(w->embed, &o, &w->gp, err);
        if (status == HPO_OK) status = hpo_gp_advance(w->gp, u, y, se, NULL, n, err);
    }
    hpo_free(rows);
    hpo_free(u);
    if (status == HPO_ENUMERIC) return HPO_OK; /* there are other models */
    HPO_TRY(status);
    *ready = hpo_gp_ready(w->gp);
    if (!*ready) return HPO_OK;
    w->transform = *hpo_gp_transform(w->gp);
    w->posterior = hpo_gp_posterior(w->gp);
    return HPO_OK;
}

static hpo_status fit_forest(work *w, hpo_error *err)
{
    const hpo_recommend_data *d = w->d;
    double *scratch = hpo_alloc_array(d->n, 3 * sizeof *scratch);
    if (scratch == NULL) return hpo_fail_memory(err);
    hpo_transform_fit(&w->transform, HPO_TRANSFORM_AUTO, d->y, d->n, scratch);
    hpo_free(scratch);
    HPO_TRY(hpo_forest_create(w->embed, NULL, d->seed, &w->forest, err));
    for (size_t i = 0; i < d->n; i++)
        HPO_TRY(hpo_forest_append(w->forest, d->u + i * d->n_dims,
                                  hpo_transform_apply(&w->transform, d->y[i]), 1, err));
    HPO_TRY(hpo_forest_update(w->forest, err));
    w->posterior = hpo_forest_posterior(w->forest);
    return HPO_OK;
}

static void shrink(work *w)
{
    double one = !isnan(w->within) ? w->within
                 : !isnan(w->sem2) ? w->sem2
                                   : 0,
           between, noise = 0, mean = 0, m2 = 0;
    for (size_t i = 0; i < w->n; i++) {
        double y = observed_of(&w->groups[i]), step = y - mean;
        mean += step / (double)(i + 1);
        m2 += step * (y - mean);
        noise += variance_of(&w->groups[i], one) / (double)w->n;
    }
    between = w->n > 1 ? fmax(m2 / (double)(w->n - 1) - noise, 0) : 0;
    for (size_t i = 0; i < w->n; i++) {
        double v = variance_of(&w->groups[i], one), weight = v > 0 ? between / (between + v) : 1;
        if (w->n < 3) weight = 1; /* nothing to shrink to */
        w->mean[i] = mean + weight * (observed_of(&w->groups[i]) - mean);
        w->var[i] = weight * v;
    }
}

static hpo_status fit(work *w, hpo_recommend_method *method, hpo_error *err)
{
    const hpo_recommend_data *d = w->d;
    int ready = 0;
    *method = HPO_RECOMMEND_SHRUNK;
    if (w->n >= 3) {
        HPO_TRY(hpo_embed_create(d->space, &w->embed, err));
        if (w->n <= GP_ROWS) HPO_TRY(fit_gp(w, &ready, err));
        if (ready) *method = HPO_RECOMMEND_GP;
        if (!ready && w->n > GP_ROWS) {
            HPO_TRY(fit_forest(w, err));
            *method = HPO_RECOMMEND_FOREST;
        }
    }
    if (*method == HPO_RECOMMEND_SHRUNK) {
        shrink(w);
        return HPO_OK;
    }
    for (size_t i = 0; i < w->n; i++)
        w->posterior.ops->moments(w->posterior.model, d->u + w->groups[i].first * d->n_dims, 1, &w->mean[i],
                                  &w->var[i]);
    return HPO_OK;
}

/* ---- from model units ------------------------------------------------------------------------------- */

static double noise_at(const work *w, size_t g)
{
    double var = 0;
    if (w->posterior.ops == NULL) return var;
    w->posterior.ops->noise(w->posterior.model, w->d->u + w->groups[g].first * w->d->n_dims, 1, &var);
    return var;
}

static double expected(const work *w, hpo_recommend_method method, size_t g)
{
    if (method == HPO_RECOMMEND_SHRUNK) return w->mean[g];
    return hpo_transform_mean(&w->transform, w->mean[g], w->var[g] + noise_at(w, g));
}

static void describe(const work *w, hpo_recommend_method method, size_t g, hpo_choice *out)
{
    const group *p = &w->groups[g];
    double sd = sqrt(w->var[g]), one = !isnan(w->within) ? w->within : w->sem2;
    *out = (hpo_choice){.row = p->first, .n = p->n, .observed = observed_of(p), .best = w->d->y[p->best]};
    out->sem = sqrt(variance_of(p, one));
    out->mean = expected(w, method, g);
    if (method == HPO_RECOMMEND_SHRUNK) {
        out->low = out->mean - Z90 * sd;
        out->high = out->mean + Z90 * sd;
    } else {
        double noise = noise_at(w, g);
        out->low = hpo_transform_mean(&w->transform, w->mean[g] - Z90 * sd, noise);
        out->high = hpo_transform_mean(&w->transform, w->mean[g] + Z90 * sd, noise);
    }
}

/* ---- joint draws -------------------------------------------------------------------------------------- */

/* Covariance of the posterior at m configurations, factorised; the diagonal alone where nothing else is
 * known. */
static void factorise(const work *w, const size_t *at, size_t m, double *l)
{
    const hpo_recommend_data *d = w->d;
    const hpo_posterior_ops *ops = w->posterior.ops;
    double scale = 0;
    for (size_t i = 0; i < m; i++)
        scale = fmax(scale, w->var[at[i]]);
    for (double jitter = 1e-10; jitter < 1e-2; jitter *= 100) {
        for (size_t i = 0; i < m; i++) {
            for (size_t j = 0; j < i; j++) {
                double c = 0;
                if (ops != NULL && ops->covariance != NULL)
                    ops->covariance(w->posterior.model, d->u + w->groups[at[i]].first * d->n_dims,
                                    d->u + w->groups[at[j]].first * d->n_dims, 1, &c, NULL);
                l[i * m + j] = c;
            }
            l[i * m + i] = w->var[at[i]] + jitter * scale;
        }
        if (hpo_cholesky(l, m, m) == 0) return;
    }
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < i; j++)
            l[i * m + j] = 0;
        l[i * m + i] = sqrt(w->var[at[i]]);
    }
}

/* How often each of m is the smallest, and 0 smaller than `other` (m: none). */
static hpo_status draw(const work *w, const size_t *at, size_t m, size_t other, size_t contenders,
                       double *p_best, double *p_better, hpo_error *err)
{
    hpo_rng rng;
    double z[HPO_MAX_CHOICES + 1], f[HPO_MAX_CHOICES + 1];
    size_t better = 0, wins[HPO_MAX_CHOICES + 1] = {0};
    double *l = hpo_alloc_array(m * m, sizeof *l);
    if (l == NULL) return hpo_fail_memory(err);
    factorise(w, at, m, l);
    hpo_rng_init(&rng, w->d->seed, w->d->index, HPO_RNG_ANALYSIS);
    for (int k = 0; k < DRAWS; k++) {
        size_t best = 0;
        for (size_t i = 0; i < m; i++) {
            z[i] = hpo_rng_normal(&rng);
            f[i] = w->mean[at[i]] + hpo_dot(l + i * m, z, i + 1);
            if (i < contenders && f[i] < f[best]) best = i;
        }
        wins[best]++;
        better += other < m && f[0] < f[other];
    }
    for (size_t i = 0; i < contenders; i++)
        p_best[i] = (double)wins[i] / DRAWS;
    *p_better = other < m ? (double)better / DRAWS : (double)NAN;
    hpo_free(l);
    return HPO_OK;
}

/* ---- the answer --------------------------------------------------------------------------------------- */

typedef struct ranked {
    double key;
    size_t group;
} ranked;

static int by_key(const void *a, const void *b)
{
    const ranked *p = a, *q = b;
    if (p->key != q->key) return (p->key > q->key) - (p->key < q->key);
    return (p->group > q->group) - (p->group < q->group);
}

static hpo_status rank_choices(work *w, hpo_recommend_result *out, hpo_error *err)
{
    size_t at[HPO_MAX_CHOICES + 1], first = 0, m = w->n < HPO_MAX_CHOICES ? w->n : HPO_MAX_CHOICES;
    double p[HPO_MAX_CHOICES + 1];
    ranked *order = hpo_alloc_array(w->n, sizeof *order);
    if (order == NULL) return hpo_fail_memory(err);
    for (size_t i = 0; i < w->n; i++)
        order[i] = (ranked){w->mean[i], i};
    qsort(order, w->n, sizeof *order, by_key);
    for (size_t i = 0; i < m; i++)
        at[i] = order[i].group;
    hpo_free(order);
    while (first < m && at[first] != 0) /* group 0 holds the first trial */
        first++;
    at[m] = 0;
    size_t all = first == m ? m + 1 : m;
    HPO_TRY(draw(w, at, all, first == 0 ? all : first, m, p, &out->p_better, err));
    for (size_t i = 0; i < m; i++) {
        describe(w, out->method, at[i], &out->choices[i]);
        out->choices[i].p_best = p[i];
    }
    out->n_choices = m;
    return HPO_OK;
}

/* Values as they are: nothing is uncertain. */
static void plain_choices(work *w, hpo_recommend_result *out)
{
    size_t n = 0;
    for (size_t i = 0; i < w->n; i++) { /* insertion into a short list */
        const group *g = &w->groups[i];
        if (n == HPO_MAX_CHOICES && !(g->mean < out->choices[n - 1].mean)) continue;
        n += n < HPO_MAX_CHOICES;
        size_t k = n - 1;
        for (; k > 0 && g->mean < out->choices[k - 1].mean; k--)
            out->choices[k] = out->choices[k - 1];
        out->choices[k] = (hpo_choice){.row = g->first,
                                       .n = g->n,
                                       .observed = g->mean,
                                       .best = g->mean,
                                       .sem = (double)NAN,
                                       .mean = g->mean,
                                       .low = g->mean,
                                       .high = g->mean};
    }
    out->choices[0].p_best = 1;
    out->n_choices = n;
    out->p_better = w->n > 1 && out->choices[0].row != w->groups[0].first ? 1 : (double)NAN;
}

static hpo_status answer(work *w, hpo_recommend_result *out, hpo_error *err)
{
    const hpo_recommend_data *d = w->d;
    for (size_t i = 1; i < d->n; i++)
        if (d->y[i] < d->y[out->best_row]) out->best_row = i;
    out->n_configurations = w->n;
    out->noisy = d->noisy || w->within > 0 || w->sem2 > 0;
    if (!out->noisy) {
        plain_choices(w, out);
        out->best_mean = d->y[out->best_row];
        out->first_mean = d->y[0];
        return HPO_OK;
    }
    HPO_TRY(fit(w, &out->method, err));
    HPO_TRY(rank_choices(w, out, err));
    size_t best = (size_t)hpo_u64map_get(&w->index, d->hash[out->best_row], 0);
    out->best_mean = expected(w, out->method, best);
    out->first_mean = expected(w, out->method, 0);
    double one = w->within > 0 ? w->within : w->sem2;
    if (isnan(one) && out->method != HPO_RECOMMEND_SHRUNK) {
        double slope = hpo_transform_slope(&w->transform, out->best_mean);
        one = noise_at(w, best) / (slope * slope);
    }
    out->noise_sd = sqrt(one);
    out->optimism = one > 0 && w->n > 1 ? out->noise_sd * sqrt(2 * hpo_log((double)w->n)) : 0;
    return HPO_OK;
}

hpo_status hpo_recommend(const hpo_recommend_data *data, hpo_recommend_result *out, hpo_error *err)
{
    work w = {.d = data};
    memset(out, 0, sizeof *out);
    out->noise_sd = (double)NAN;
    out->p_better = (double)NAN;
    if (data->n == 0) return hpo_fail(err, HPO_ENOTFOUND, "no complete, feasible trial to recommend yet");
    hpo_status status = gather(&w, err);
    if (status == HPO_OK) measure_noise(&w);
    if (status == HPO_OK) status = answer(&w, out, err);
    finish_work(&w);
    return status;
}
