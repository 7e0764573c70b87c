/* SPDX-License-Identifier: Apache-2.0 */
/* model/level_values.c - a trial's value at level k is its first report at r_k or beyond; levels that were
 * jumped over stay unknown.  Each value is a row, until its trial fails.
 *
 * Of more rows than are wanted each level has an equal share, the highest ones first, what they leave over
 * goes to those below; of one level the newest trials. */
#include "model/level_values.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

hpo_status hpo_level_values_init(hpo_level_values *l, const double *level, size_t n_levels, const char *name,
                                 hpo_error *err)
{
    memset(l, 0, sizeof *l);
    if (n_levels > HPO_LEVEL_VALUES_MOST)
        return hpo_fail(err, HPO_EUNSUPPORTED, "%s takes at most %d levels, not %zu: choose a larger eta",
                        name, (int)HPO_LEVEL_VALUES_MOST, n_levels);
    l->n_levels = n_levels;
    memcpy(l->level, level, n_levels * sizeof *level);
    for (size_t i = 0; i < n_levels; i++)
        l->least[i] = (double)INFINITY;
    return HPO_OK;
}

void hpo_level_values_fini(hpo_level_values *l)
{
    hpo_free(l->trials);
    hpo_free(l->values);
}

const double *hpo_level_values_of(const hpo_level_values *l, size_t trial)
{
    return l->values + trial * l->n_levels;
}

static hpo_status room(hpo_level_values *l, size_t trial, hpo_error *err)
{
    HPO_TRY(hpo_reserve(&l->trials, &l->cap_trials, trial + 1, sizeof *l->trials, err));
    HPO_TRY(hpo_reserve(&l->values, &l->cap_values, (trial + 1) * l->n_levels, sizeof *l->values, err));
    for (; l->n_trials <= trial; l->n_trials++) {
        l->trials[l->n_trials] = (hpo_level_trial){0, 0};
        for (size_t j = 0; j < l->n_levels; j++)
            l->values[l->n_trials * l->n_levels + j] = (double)NAN;
    }
    return HPO_OK;
}

/* A failed trial is no row any more. */
static void fail(hpo_level_values *l, size_t trial)
{
    if (l->trials[trial].failed) return;
    l->trials[trial].failed = 1;
    for (size_t j = 0; j < l->n_levels; j++) {
        size_t known = (size_t)!isnan(hpo_level_values_of(l, trial)[j]);
        l->count[j] -= known;
        l->n_rows -= known;
    }
}

hpo_status hpo_level_values_report(hpo_level_values *l, size_t trial, double resource, double value,
                                   int *added, hpo_error *err)
{
    *added = 0;
    HPO_TRY(room(l, trial, err));
    hpo_level_trial *t = &l->trials[trial];
    if (!isfinite(value)) fail(l, trial);
    size_t level = t->reached;
    while (level < l->n_levels && l->level[level] <= resource * (1 + 1e-9))
        level++;
    if (level == t->reached || t->failed) return HPO_OK;
    t->reached = (uint32_t)level--;
    l->values[trial * l->n_levels + level] = value;
    l->least[level] = fmin(l->least[level], value);
    l->count[level]++;
    l->n_rows++;
    *added = 1;
    return HPO_OK;
}

size_t hpo_level_values_pick(const hpo_level_values *l, size_t most, uint32_t *trial, uint32_t *level)
{
    size_t n = 0;
    for (size_t k = l->n_levels; k-- > 0;) {
        size_t quota = (most - n) / (k + 1), taken = 0;
        for (size_t t = l->n_trials; t-- > 0 && taken < quota && taken < l->count[k];) {
            if (isnan(hpo_level_values_of(l, t)[k]) || l->trials[t].failed) continue;
            trial[n] = (uint32_t)t;
            level[n++] = (uint32_t)k;
            taken++;
        }
    }
    return n;
}
