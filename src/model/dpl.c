/* SPDX-License-Identifier: Apache-2.0 */
/* model/dpl.c - rows for DPL's ensemble, and when it learns.
 *
 * A trial's value at level k (level_values.h) is a row: configuration, ln(r_k / R), value.  Values are moved
 * and scaled, nothing else, so that a power law stays one; values of more than three quartile distances above
 * the third quartile (trainings that diverge) count as if they stood there.
 *
 * The networks learn from FIRST rows on at every row, later whenever there is a part in PART more: the first
 * SCRATCH times from new weights, EPOCHS long, after that from the weights that are there, REFINE long, with
 * what is new in every batch, as in the authors' program.  They begin anew when PATIENCE full trainings'
 * worth of resource has brought no better value (the program's rule; here there must also be a fifth more
 * rows than at the last beginning), and when the scale of the values has changed.
 *
 * The paper has a row for each epoch, here levels are the scheduler's, a factor apart; a training ends after
 * a number of batches however many rows there are; failed trials are left out, where the program keeps what
 * they had reported. */
#include "model/dpl.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "math/stats.h"
#include "model/level_values.h"
#include "model/power_laws.h"

enum { FIRST = 6, SCRATCH = 10, EPOCHS = 250, REFINE = 20, ROWS = 256, CHUNK = 64, PART = 64 };
enum { EPOCHS_BATCHES = 500, REFINE_BATCHES = 32 }; /* most */
enum { MOST = ROWS + HPO_POWER_NEW };
static const double PATIENCE = 1.2;

typedef struct forecast {
    uint64_t training; /* that it was made after */
    double mean, var;
} forecast;

struct hpo_dpl {
    const hpo_embed *embed;
    hpo_power_laws *laws;
    hpo_level_values known;
    hpo_transform transform;
    size_t n_dims, n_in, next_fit, next_afresh, n_rows;
    uint64_t n_trainings;
    double least, waited; /* full trainings' worth since the least value was seen, or a new beginning */
    double *x, *ln_share, *y, *scratch; /* MOST rows, scratch 4 MOST */
    double *chunk;                      /* CHUNK x n_in: features of a query, then the same of u */
    uint32_t *trial, *at;               /* MOST */
    uint32_t new_trial[HPO_POWER_NEW],
        new_at[HPO_POWER_NEW]; /* rows since the last training, the newest ones */
    size_t n_new;
    forecast *forecasts; /* by trial */
    size_t n_forecasts, cap_forecasts;
};

/* ---- begin and end ------------------------------------------------------------------------------------- */

hpo_status hpo_dpl_create(const hpo_embed *embed, const double *level, size_t n_levels, uint64_t seed,
                          hpo_dpl **out, hpo_error *err)
{
    *out = NULL;
    hpo_dpl *k = hpo_calloc(1, sizeof *k);
    if (k == NULL) return hpo_fail_memory(err);
    k->embed = embed;
    k->n_dims = hpo_embed_n_dims(embed);
    k->n_in = hpo_embed_n_features(embed);
    k->next_fit = FIRST;
    k->least = (double)INFINITY;
    k->x = hpo_calloc(MOST * (k->n_in + 6) + CHUNK * (k->n_in + k->n_dims), sizeof *k->x);
    k->trial = hpo_calloc(2 * (size_t)MOST, sizeof *k->trial);
    hpo_status s = k->x == NULL || k->trial == NULL
                       ? hpo_fail_memory(err)
                       : hpo_level_values_init(&k->known, level, n_levels, "dpl", err);
    if (s == HPO_OK) s = hpo_power_laws_create(k->n_in, ROWS, seed, &k->laws, err);
    if (s != HPO_OK) {
        hpo_dpl_free(k);
        return s;
    }
    k->ln_share = k->x + MOST * k->n_in;
    k->y = k->ln_share + MOST;
    k->scratch = k->y + MOST;
    k->chunk = k->scratch + 4 * (size_t)MOST;
    k->at = k->trial + MOST;
    *out = k;
    return HPO_OK;
}

void hpo_dpl_free(hpo_dpl *k)
{
    if (k == NULL) return;
    hpo_power_laws_free(k->laws);
    hpo_level_values_fini(&k->known);
    hpo_free(k->forecasts);
    hpo_free(k->x);
    hpo_free(k->trial);
    hpo_free(k);
}

/* ---- learning ------------------------------------------------------------------------------------------ */

/* The networks see the embedding's features moved to [-1, 1]. */
static void inputs_of(const hpo_dpl *k, const double *u, size_t n, double *x)
{
    hpo_embed_features(k->embed, NULL, u, n, x);
    for (size_t i = 0; i < n * k->n_in; i++)
        x[i] = 2 * x[i] - 1;
}

/* The rows picked and behind them the new ones, values as told. */
static void gather(hpo_dpl *k, const double *u, hpo_power_rows *rows)
{
    const hpo_level_values *l = &k->known;
    rows->n = hpo_level_values_pick(l, ROWS, k->trial, k->at);
    rows->n_new = 0;
    for (size_t i = 0; i < k->n_new; i++) {
        if (l->trials[k->new_trial[i]].failed) continue;
        k->trial[rows->n + rows->n_new] = k->new_trial[i];
        k->at[rows->n + rows->n_new++] = k->new_at[i];
    }
    for (size_t i = 0; i < rows->n + rows->n_new; i++) {
        inputs_of(k, u + k->trial[i] * k->n_dims, 1, k->x + i * k->n_in);
        k->ln_share[i] = hpo_log(l->level[k->at[i]] / l->level[l->n_levels - 1]);
        k->y[i] = hpo_level_values_of(l, k->trial[i])[k->at[i]];
    }
    rows->x = k->x;
    rows->ln_share = k->ln_share;
    rows->y = k->y;
}

/* Cuts the highest values off and moves all to [0, 1]: first predictions are near 0, so that learning begins
 * upwards, with falling curves. */
static void scale(hpo_dpl *k, size_t n, size_t total, hpo_transform *out)
{
    double low = (double)INFINITY, high = -(double)INFINITY;
    memcpy(k->scratch, k->y, n * sizeof *k->y);
    double q1 = hpo_quantile(k->scratch, n, 0.25), q3 = hpo_quantile(k->scratch, n, 0.75);
    double cut = q3 > q1 ? q3 + 3 * (q3 - q1) : (double)INFINITY;
    for (size_t i = 0; i < total; i++) {
        k->y[i] = fmin(k->y[i], cut);
        low = fmin(low, k->y[i]);
        high = fmax(high, k->y[i]);
    }
    hpo_transform_fit(out, HPO_TRANSFORM_STANDARD, &low, 1, k->scratch); /* y - low */
    if (high - low > 0 && isfinite(high - low)) out->scale = high - low;
}

/* The networks' units do not suit the values any more: by a factor of two, or by half their range. */
static int has_moved(const hpo_transform *t, const hpo_transform *now)
{
    double zero = hpo_transform_apply(t, hpo_transform_invert(now, 0));
    double one = hpo_transform_apply(t, hpo_transform_invert(now, 1)) - zero;
    return !(fabs(zero) <= 0.5 && one >= 0.5 && one <= 2);
}

static void learn(hpo_dpl *k, const double *u)
{
    hpo_power_rows rows;
    hpo_transform now;
    gather(k, u, &rows);
    if (rows.n < 2) return;
    scale(k, rows.n, rows.n + rows.n_new, &now);
    int stalled = k->waited >= PATIENCE && k->known.n_rows >= k->next_afresh;
    int afresh = k->n_trainings < SCRATCH || stalled || has_moved(&k->transform, &now);
    if (afresh) {
        k->next_afresh = k->known.n_rows + k->known.n_rows / 5 + 1;
        k->transform = now;
        k->waited = 0;
        rows.n_new = 0;
    }
    for (size_t i = 0; i < rows.n + rows.n_new; i++)
        k->y[i] = hpo_transform_apply(&k->transform, k->y[i]);
    if (afresh)
        hpo_power_laws_train(k->laws, &rows, EPOCHS, EPOCHS_BATCHES, 1);
    else
        hpo_power_laws_train(k->laws, &rows, REFINE, REFINE_BATCHES, 0);
    k->n_rows = rows.n;
    k->n_trainings++;
    k->n_new = 0;
}

/* ---- reports ------------------------------------------------------------------------------------------- */

/* A trial has come to a level: what that has cost, and whether anything has been as good. */
static void count_row(hpo_dpl *k, size_t trial, size_t before)
{
    const hpo_level_values *l = &k->known;
    size_t level = l->trials[trial].reached - 1;
    double full = l->level[l->n_levels - 1], y = hpo_level_values_of(l, trial)[level];
    k->waited += (l->level[level] - (before > 0 ? l->level[before - 1] : 0)) / full;
    if (y < k->least) {
        k->least = y;
        k->waited = 0;
    }
    if (k->n_new == HPO_POWER_NEW) { /* the oldest one goes */
        memmove(k->new_trial, k->new_trial + 1, (HPO_POWER_NEW - 1) * sizeof *k->new_trial);
        memmove(k->new_at, k->new_at + 1, (HPO_POWER_NEW - 1) * sizeof *k->new_at);
        k->n_new--;
    }
    k->new_trial[k->n_new] = (uint32_t)trial;
    k->new_at[k->n_new++] = (uint32_t)level;
}

hpo_status hpo_dpl_report(hpo_dpl *k, size_t trial, double resource, double value, const double *u,
                          hpo_error *err)
{
    int added;
    size_t before = trial < k->known.n_trials ? k->known.trials[trial].reached : 0;
    HPO_TRY(hpo_level_values_report(&k->known, trial, resource, value, &added, err));
    HPO_TRY(hpo_reserve(&k->forecasts, &k->cap_forecasts, k->known.n_trials, sizeof *k->forecasts, err));
    for (; k->n_forecasts < k->known.n_trials; k->n_forecasts++)
        k->forecasts[k->n_forecasts].training = 0;
    if (!added) return HPO_OK;
    count_row(k, trial, before);
    size_t n = k->known.n_rows;
    if (n < k->next_fit) return HPO_OK;
    k->next_fit = n + n / PART + 1;
    learn(k, u);
    return HPO_OK;
}

/* ---- predictions --------------------------------------------------------------------------------------- */

int hpo_dpl_ready(const hpo_dpl *k)
{
    return k->n_trainings > 0;
}

double hpo_dpl_best(const hpo_dpl *k)
{
    return hpo_transform_apply(&k->transform, k->least);
}

static void moments(const void *model, const double *u, size_t m, double *mean, double *var)
{
    const hpo_dpl *k = model;
    for (size_t i = 0; i < m; i += CHUNK) {
        size_t count = m - i < CHUNK ? m - i : CHUNK;
        inputs_of(k, u + i * k->n_dims, count, k->chunk);
        hpo_power_laws_moments(k->laws, k->chunk, 0, count, mean + i, var + i);
    }
}

void hpo_dpl_forecast(hpo_dpl *k, const double *u, const uint32_t *trial, size_t n, double *mean, double *var)
{
    double *rows = k->chunk + CHUNK * k->n_in, m[CHUNK], v[CHUNK];
    for (size_t from = 0; from < n;) { /* those that no forecast of the present networks is known of */
        uint32_t who[CHUNK];
        size_t count = 0;
        for (; from < n && count < CHUNK; from++) {
            if (k->forecasts[trial[from]].training == k->n_trainings) continue;
            memcpy(rows + count * k->n_dims, u + trial[from] * k->n_dims, k->n_dims * sizeof *u);
            who[count++] = trial[from];
        }
        moments(k, rows, count, m, v);
        for (size_t i = 0; i < count; i++)
            k->forecasts[who[i]] = (forecast){k->n_trainings, m[i], v[i]};
    }
    for (size_t i = 0; i < n; i++) {
        mean[i] = k->forecasts[trial[i]].mean;
        var[i] = k->forecasts[trial[i]].var;
    }
}

static void noise(const void *model, const double *u, size_t m, double *var)
{
    (void)model;
    (void)u;
    for (size_t i = 0; i < m; i++)
        var[i] = 1e-6; /* the ensemble has no idea of it */
}

static const hpo_posterior_ops dpl_ops = {.moments = moments, .noise = noise};

hpo_posterior hpo_dpl_posterior(const hpo_dpl *k)
{
    return (hpo_posterior){&dpl_ops, k, k->n_dims};
}

const hpo_transform *hpo_dpl_transform(const hpo_dpl *k)
{
    return &k->transform;
}

size_t hpo_dpl_n_rows(const hpo_dpl *k)
{
    return k->n_rows;
}
