/* SPDX-License-Identifier: Apache-2.0 */
/* analysis/recommend.c - which configuration to use, and what to expect of it.
 *
 * Without noise the best value is the answer.  With noise it is a lucky one: of n configurations of equal
 * worth the best looks better by about sd sqrt(2 ln n).  Then the answer is the smallest posterior mean among
 * the configurations that were evaluated; mean and interval concern the expected value.
 *
 * What is believed (belief.c) comes, in this order, from Gaussian processes on up to GP_ROWS configurations,
 * which take neither the noise nor the scale of the values for known (model/gp_blend.c); a random forest for
 * more; and, when neither can be fitted, James-Stein shrinkage of the configurations' means y_i towards their
 * mean, w_i = t2 / (t2 + v_i / n_i),   E f_i = y + w_i (y_i - y),   Var f_i = w_i v_i / n_i, t2 the variance
 * between configurations (method of moments), v_i that of one measurement: from replicates, else from
 * reported standard errors.  A posterior knows of all values and not only of the best: given the right model,
 * choosing by it calls for no further correction.
 *
 * P(best) and P(better than the first) are frequencies in joint posterior draws (a forest's are independent).
 *
 * Efron & Morris, JASA 70 (1975); Smith & Winkler, "The Optimizer's Curse", Management Science 52 (2006);
 * overtuning: Schneider, Bischl & Feurer, arXiv 2506.19540 (2025). */
#include "analysis/recommend.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/belief.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/map.h"
#include "math/func.h"
#include "math/rng.h"

enum { GP_ROWS = 600 };

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
    double *mean, *var; /* per group: what shrinkage makes of them */
    double *expected;   /* per group, units of the values */
    double *u;          /* per group */
    hpo_belief belief;
} work;

static void finish_work(work *w)
{
    hpo_free(w->groups);
    hpo_free(w->mean);
    hpo_u64map_fini(&w->index);
    hpo_belief_fini(&w->belief);
}

/* ---- replicates ------------------------------------------------------------------------------------- */

static hpo_status gather(work *w, hpo_error *err)
{
    const hpo_recommend_data *d = w->d;
    w->groups = hpo_alloc_array(d->n, sizeof *w->groups);
    w->mean = hpo_alloc_array(d->n, (d->n_dims + 3) * sizeof *w->mean);
    if (w->groups == NULL || w->mean == NULL) return hpo_fail_memory(err);
    w->var = w->mean + d->n;
    w->expected = w->var + d->n;
    w->u = w->expected + d->n;
    for (size_t i = 0; i < d->n; i++) {
        int64_t at = hpo_u64map_get(&w->index, d->hash[i], -1);
        if (at < 0) {
            at = (int64_t)w->n;
            HPO_TRY(hpo_u64map_put(&w->index, d->hash[i], at, err));
            memcpy(w->u + w->n * d->n_dims, d->u + i * d->n_dims, d->n_dims * sizeof *w->u);
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
    hpo_belief *b = &w->belief;
    hpo_belief_rows rows = {d->u, d->y, d->sem, d->n};
    int ready = 0;
    *method = HPO_RECOMMEND_SHRUNK;
    HPO_TRY(hpo_belief_init(b, d->space, w->u, w->n, err));
    if (w->n >= 3) {
        if (w->n <= GP_ROWS) HPO_TRY(hpo_belief_fit_gp(b, &rows, d->seed, &ready, err));
        if (ready) *method = HPO_RECOMMEND_GP;
        if (!ready && w->n > GP_ROWS) {
            HPO_TRY(hpo_belief_fit_forest(b, &rows, d->seed, err));
            *method = HPO_RECOMMEND_FOREST;
        }
    }
    if (*method == HPO_RECOMMEND_SHRUNK) {
        shrink(w);
        HPO_TRY(hpo_belief_set(b, w->mean, w->var, err));
    }
    for (size_t i = 0; i < w->n; i++)
        w->expected[i] = hpo_belief_mean(b, i);
    return HPO_OK;
}

static void describe(const work *w, size_t g, double *scratch, hpo_choice *out)
{
    static const double ends[] = {0.05, 0.95};
    const group *p = &w->groups[g];
    double one = !isnan(w->within) ? w->within : w->sem2, interval[2];
    *out = (hpo_choice){.row = p->first, .n = p->n, .observed = observed_of(p), .best = w->d->y[p->best]};
    out->sem = sqrt(variance_of(p, one));
    out->mean = w->expected[g];
    hpo_belief_quantiles(&w->belief, g, ends, 2, interval, scratch);
    out->low = fmin(interval[0], out->mean);
    out->high = fmax(interval[1], out->mean);
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
        order[i] = (ranked){w->expected[i], i};
    qsort(order, w->n, sizeof *order, by_key);
    for (size_t i = 0; i < m; i++)
        at[i] = order[i].group;
    hpo_free(order);
    while (first < m && at[first] != 0) /* group 0 holds the first trial */
        first++;
    at[m] = 0;
    size_t all = first == m ? m + 1 : m;
    hpo_rng rng;
    hpo_rng_init(&rng, w->d->seed, w->d->index, HPO_RNG_ANALYSIS);
    HPO_TRY(hpo_belief_draw(&w->belief, at, all, first == 0 ? all : first, m, &rng, p, &out->p_better, err));
    double *scratch = hpo_alloc_array(hpo_belief_scratch(&w->belief), sizeof *scratch);
    if (scratch == NULL) return hpo_fail_memory(err);
    for (size_t i = 0; i < m; i++) {
        describe(w, at[i], scratch, &out->choices[i]);
        out->choices[i].p_best = p[i];
    }
    hpo_free(scratch);
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
    out->best_mean = w->expected[best];
    out->first_mean = w->expected[0];
    double one = w->within > 0 ? w->within : w->sem2;
    if (isnan(one) && out->method != HPO_RECOMMEND_SHRUNK) one = hpo_belief_noise(&w->belief, best);
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
