/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/tpe_split.c - finished trials in order of merit, and how many of them are good.
 *
 * Complete and feasible trials by value; then those stopped early, by the last step they reached (longest
 * first) and the value there; then infeasible ones by the sum of violations; then failures.  This is the
 * feasibility-ordered split of Optuna 5; equal ones stand in the order of their ends.  A trial goes to its
 * place by bisection: O(log n) comparisons and a move of 4 n bytes. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "sampler/tpe.h"

enum { MOST_BELOW = 25 };

size_t hpo_tpe_below(double gamma, size_t n)
{
    double k = ceil(gamma * (double)n - 1e-12 * (double)n); /* 0.1 * 30 is a little above 3 */
    return k < MOST_BELOW ? (size_t)k : MOST_BELOW;
}

void hpo_tpe_order_fini(hpo_tpe_order *o)
{
    hpo_free(o->rank);
    hpo_free(o->row);
}

/* The last report of a trial, looked for from the newest on: a trial that ends has reported lately. */
static void last_report(const hpo_view *v, int64_t number, double *step, double *value)
{
    *step = -HUGE_VAL;
    *value = HUGE_VAL;
    for (size_t i = v->n_reports; i-- > 0;) {
        if (v->report_trial[i] != number) continue;
        if (v->report_step[i] > *step) {
            *step = v->report_step[i];
            *value = v->report_value[i * v->n_objectives];
        }
        return;
    }
}

static hpo_tpe_rank rank_of(const hpo_view *v, size_t row)
{
    double y = v->y[row * v->n_objectives], violation = 0;
    int unknown = 0;
    for (size_t i = 0; i < v->n_outcomes; i++) {
        double c = v->outcome[row * v->n_outcomes + i];
        if (isnan(c))
            unknown = 1;
        else if (c > 0)
            violation += c;
    }
    if (v->state[row] == HPO_STATE_FAILED) return (hpo_tpe_rank){HPO_TPE_FAILED, 0, 0};
    if (v->state[row] == HPO_STATE_INFEASIBLE || violation > 0 || unknown)
        return (hpo_tpe_rank){HPO_TPE_INFEASIBLE,
                              unknown || !(violation > 0 && violation < HUGE_VAL) ? HUGE_VAL : violation, 0};
    if (v->state[row] == HPO_STATE_STOPPED) {
        double step, value;
        last_report(v, v->number[row], &step, &value);
        if (!isnan(y)) value = y;
        return (hpo_tpe_rank){HPO_TPE_STOPPED, -step, isnan(value) ? HUGE_VAL : value};
    }
    if (!isfinite(y) && !(y < 0)) return (hpo_tpe_rank){HPO_TPE_FAILED, 0, 0}; /* NaN, +inf */
    return (hpo_tpe_rank){HPO_TPE_MEASURED, y, 0};
}

static int before(const hpo_tpe_rank *a, const hpo_tpe_rank *b)
{
    if (a->kind != b->kind) return a->kind < b->kind;
    if (a->first != b->first) return a->first < b->first;
    return a->second < b->second;
}

hpo_status hpo_tpe_order_add(hpo_tpe_order *o, const hpo_view *view, size_t row, size_t *place,
                             hpo_error *err)
{
    HPO_TRY(hpo_reserve(&o->rank, &o->cap_rank, row + 1, sizeof *o->rank, err));
    HPO_TRY(hpo_reserve(&o->row, &o->cap_row, o->n + 1, sizeof *o->row, err));
    hpo_tpe_rank rank = rank_of(view, row);
    size_t low = 0, high = o->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (before(&rank, &o->rank[o->row[middle]]))
            high = middle;
        else
            low = middle + 1;
    }
    memmove(o->row + low + 1, o->row + low, (o->n - low) * sizeof *o->row);
    o->row[low] = (uint32_t)row;
    o->rank[row] = rank;
    o->n_failed += rank.kind == HPO_TPE_FAILED;
    o->n++;
    *place = low;
    return HPO_OK;
}
