/* SPDX-License-Identifier: Apache-2.0 */
/* model/dyhpo.c - rows for DyHPO's surrogate.
 *
 * A trial's value at level k (level_values.h) is a row: configuration, k / (K - 1), the values at levels
 * below k, value.  All values go through one transform, fitted to the rows (AUTO of transform.h).
 *
 * The paper has a level for each epoch; here levels are the scheduler's, a factor apart, so that a trial has
 * a handful of rows and not one an epoch.
 *
 * The network learns at FIRST rows and whenever their number has grown by an eighth, always from the weights
 * it has: FIRST_STEPS steps and then STEPS each time, as the paper's program refines. */
#include "model/dyhpo.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "model/deep_gp.h"
#include "model/level_values.h"

enum { FIRST = 6, FIRST_STEPS = 200, STEPS = 50, CHUNK = 64, PENDING = 32, ROWS = HPO_DEEP_ROWS - PENDING };

struct hpo_dyhpo {
    const hpo_embed *embed;
    hpo_deep_gp *gp;
    size_t n_dims, n_levels, next_fit;
    hpo_level_values known;
    int trained;
    hpo_transform transform;
    double *u, *resource, *curve, *y, *scratch; /* HPO_DEEP_ROWS rows, in one block */
    uint32_t *length, *trial, *at;              /* ... */
};

hpo_status hpo_dyhpo_create(const hpo_embed *embed, const double *level, size_t n_levels, uint64_t seed,
                            hpo_dyhpo **out, hpo_error *err)
{
    size_t rows = HPO_DEEP_ROWS;
    *out = NULL;
    hpo_dyhpo *k = hpo_calloc(1, sizeof *k);
    if (k == NULL) return hpo_fail_memory(err);
    k->embed = embed;
    k->n_dims = hpo_embed_n_dims(embed);
    k->n_levels = n_levels;
    k->next_fit = FIRST;
    k->u = hpo_calloc(rows * (k->n_dims + n_levels + 5), sizeof *k->u);
    k->length = hpo_calloc(3 * rows, sizeof *k->length);
    hpo_status s = k->u == NULL || k->length == NULL
                       ? hpo_fail_memory(err)
                       : hpo_level_values_init(&k->known, level, n_levels, "dyhpo", err);
    if (s == HPO_OK) s = hpo_deep_gp_create(embed, n_levels, seed, &k->gp, err);
    if (s != HPO_OK) {
        hpo_dyhpo_free(k);
        return s;
    }
    k->resource = k->u + rows * k->n_dims;
    k->curve = k->resource + rows;
    k->y = k->curve + rows * n_levels;
    k->scratch = k->y + rows;
    k->trial = k->length + rows;
    k->at = k->trial + rows;
    *out = k;
    return HPO_OK;
}

void hpo_dyhpo_free(hpo_dyhpo *k)
{
    if (k == NULL) return;
    hpo_deep_gp_free(k->gp);
    hpo_level_values_fini(&k->known);
    hpo_free(k->u);
    hpo_free(k->length);
    hpo_free(k);
}

/* ---- rows ---------------------------------------------------------------------------------------------- */

static double share_of(const hpo_dyhpo *k, size_t level)
{
    return k->n_levels > 1 ? (double)level / (double)(k->n_levels - 1) : 0;
}

/* The row of a trial at a level into place i: its input, values of the curve as told. */
static void write_row(const hpo_dyhpo *k, size_t trial, size_t level, const double *u, size_t i)
{
    const double *v = hpo_level_values_of(&k->known, trial);
    double *curve = k->curve + i * k->n_levels;
    uint32_t n = 0;
    memcpy(k->u + i * k->n_dims, u + trial * k->n_dims, k->n_dims * sizeof *u);
    k->resource[i] = share_of(k, level);
    for (size_t j = 0; j < level; j++)
        if (!isnan(v[j])) curve[n++] = v[j];
    k->length[i] = n;
}

static void transform_curve(const hpo_dyhpo *k, size_t i)
{
    double *curve = k->curve + i * k->n_levels;
    for (size_t j = 0; j < k->length[i]; j++)
        curve[j] = hpo_transform_apply(&k->transform, curve[j]);
}

static size_t gather(const hpo_dyhpo *k, const double *u)
{
    size_t n = hpo_level_values_pick(&k->known, ROWS, k->trial, k->at);
    for (size_t i = 0; i < n; i++) {
        write_row(k, k->trial[i], k->at[i], u, i);
        k->y[i] = hpo_level_values_of(&k->known, k->trial[i])[k->at[i]];
    }
    return n;
}

int hpo_dyhpo_update(hpo_dyhpo *k, const double *u)
{
    hpo_deep_rows rows = {k->u, k->resource, k->curve, k->length};
    if (!k->trained) return 0;
    size_t n = gather(k, u);
    if (n < 2) return 0;
    hpo_transform_fit(&k->transform, HPO_TRANSFORM_AUTO, k->y, n, k->scratch);
    for (size_t i = 0; i < n; i++) {
        k->y[i] = hpo_transform_apply(&k->transform, k->y[i]);
        transform_curve(k, i);
    }
    return hpo_deep_gp_condition(k->gp, &rows, k->y, n);
}

int hpo_dyhpo_believe(hpo_dyhpo *k, const double *u, size_t n)
{
    hpo_deep_rows rows = {k->u, k->resource, k->curve, k->length};
    hpo_posterior p = hpo_dyhpo_posterior(k);
    size_t had = hpo_deep_gp_n_rows(k->gp), skip = n > PENDING ? n - PENDING : 0;
    if (n == 0) return 1;
    n -= skip;
    memcpy(k->u + had * k->n_dims, u + skip * k->n_dims, n * k->n_dims * sizeof *u);
    p.ops->moments(p.model, k->u + had * k->n_dims, n, k->y + had, k->scratch);
    memset(k->resource + had, 0, n * sizeof *k->resource);
    memset(k->length + had, 0, n * sizeof *k->length);
    return hpo_deep_gp_condition(k->gp, &rows, k->y, had + n);
}

/* ---- reports ------------------------------------------------------------------------------------------- */

hpo_status hpo_dyhpo_report(hpo_dyhpo *k, size_t trial, double resource, double value, const double *u,
                            hpo_error *err)
{
    int added;
    HPO_TRY(hpo_level_values_report(&k->known, trial, resource, value, &added, err));
    size_t n = k->known.n_rows;
    if (!added || n < k->next_fit) return HPO_OK;
    size_t steps = k->trained ? STEPS : FIRST_STEPS;
    k->trained = 1;
    k->next_fit = n + n / 8 + 1;
    if (hpo_dyhpo_update(k, u)) (void)hpo_deep_gp_train(k->gp, steps);
    return HPO_OK;
}

/* ---- predictions --------------------------------------------------------------------------------------- */

double hpo_dyhpo_best(const hpo_dyhpo *k, size_t level)
{
    double best = k->known.least[level];
    for (size_t j = 0; j < k->n_levels && !(k->known.least[level] < (double)INFINITY); j++)
        best = fmin(best, k->known.least[j]);
    return hpo_transform_apply(&k->transform, best);
}

void hpo_dyhpo_next(const hpo_dyhpo *k, const double *u, const uint32_t *trial, size_t n, double *mean,
                    double *var, double *best)
{
    hpo_deep_rows rows = {k->u, k->resource, k->curve, k->length};
    for (size_t from = 0; from < n; from += HPO_DEEP_ROWS) {
        size_t count = n - from < HPO_DEEP_ROWS ? n - from : HPO_DEEP_ROWS;
        for (size_t i = 0; i < count; i++) {
            size_t t = trial[from + i], level = k->known.trials[t].reached;
            write_row(k, t, level, u, i);
            transform_curve(k, i);
            best[from + i] = hpo_dyhpo_best(k, level);
        }
        hpo_deep_gp_moments(k->gp, &rows, count, mean + from, var + from);
    }
}

static void moments(const void *model, const double *u, size_t m, double *mean, double *var)
{
    static const double lowest[CHUNK] = {0};
    static const uint32_t none[CHUNK] = {0};
    const hpo_dyhpo *k = model;
    for (size_t i = 0; i < m; i += CHUNK) {
        hpo_deep_rows rows = {u + i * k->n_dims, lowest, k->curve, none};
        hpo_deep_gp_moments(k->gp, &rows, m - i < CHUNK ? m - i : CHUNK, mean + i, var + i);
    }
}

static void noise(const void *model, const double *u, size_t m, double *var)
{
    (void)u;
    for (size_t i = 0; i < m; i++)
        var[i] = hpo_deep_gp_noise(((const hpo_dyhpo *)model)->gp);
}

static const hpo_posterior_ops dyhpo_ops = {.moments = moments, .noise = noise};

hpo_posterior hpo_dyhpo_posterior(const hpo_dyhpo *k)
{
    return (hpo_posterior){&dyhpo_ops, k, k->n_dims};
}

double hpo_dyhpo_lowest(const hpo_dyhpo *k, size_t trial)
{
    if (trial >= k->known.n_trials || k->known.trials[trial].failed ||
        isnan(hpo_level_values_of(&k->known, trial)[0]))
        return (double)INFINITY;
    return hpo_transform_apply(&k->transform, hpo_level_values_of(&k->known, trial)[0]);
}

const hpo_transform *hpo_dyhpo_transform(const hpo_dyhpo *k)
{
    return &k->transform;
}

size_t hpo_dyhpo_n_rows(const hpo_dyhpo *k)
{
    return hpo_deep_gp_n_rows(k->gp);
}
