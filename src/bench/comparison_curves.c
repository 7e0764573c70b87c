/* SPDX-License-Identifier: Apache-2.0 */
/* bench/comparison_curves.c - curves over all contests: ranks, runtime distributions, performance profiles.
 */
#include <math.h>

#include "base/alloc.h"
#include "base/error.h"
#include "bench/comparison.h"
#include "math/func.h"
#include "math/stats.h"

/* The mean over seeds, then over contests; sums in methods[].rank_curve. */
static void sum_ranks(hpo_comparison *c, double *scratch, size_t *order)
{
    double *rank = scratch + c->n_methods;
    for (size_t i = 0; i < c->n_contests; i++) {
        const hpo_contest *k = &c->contests[i];
        for (size_t s = 0; s < k->n_seeds; s++)
            for (size_t f = 0; f < c->n_fractions && k->complete[s]; f++) {
                hpo_rank_seed(c, k, s, k->budget * c->fractions[f], scratch, order, rank);
                for (size_t m = 0; m < c->n_methods; m++)
                    c->methods[m].rank_curve[f] += rank[m] / (double)k->n_complete;
            }
    }
}

static hpo_status make_rank_curves(hpo_comparison *c, hpo_error *err)
{
    enum { PARTS = 40 };
    double used = 0;
    c->fractions = hpo_comparison_room(c, PARTS, sizeof *c->fractions);
    double *scratch = hpo_comparison_room(c, 2 * c->n_methods, sizeof *scratch);
    size_t *order = hpo_comparison_room(c, c->n_methods, sizeof *order);
    if (c->fractions == NULL || scratch == NULL || order == NULL) return hpo_fail_memory(err);
    c->n_fractions = PARTS;
    for (size_t i = 0; i < PARTS; i++)
        c->fractions[i] = (double)(i + 1) / PARTS;
    for (size_t m = 0; m < c->n_methods; m++) {
        c->methods[m].rank_curve = hpo_comparison_room(c, PARTS, sizeof(double));
        if (c->methods[m].rank_curve == NULL) return hpo_fail_memory(err);
    }
    sum_ranks(c, scratch, order);
    for (size_t i = 0; i < c->n_contests; i++)
        used += c->contests[i].n_complete > 0 ? 1 : 0;
    for (size_t m = 0; m < c->n_methods; m++)
        for (size_t f = 0; f < PARTS; f++)
            c->methods[m].rank_curve[f] /= used;
    return HPO_OK;
}

/* Target t of the ladder: from the typical point down, evenly on a log scale. */
static double target(const hpo_contest *k, size_t t)
{
    double decades = k->problem->best_is_exact && k->best_known ? 8 : 3;
    return hpo_exp(-hpo_log(10) * decades * (double)t / (HPO_COMPARISON_TARGETS - 1));
}

static double dims(const hpo_contest *k)
{
    return k->problem->n_dims > 0 ? (double)k->problem->n_dims : 1;
}

static hpo_status make_ecdf(hpo_comparison *c, hpo_error *err)
{
    enum { T = HPO_COMPARISON_TARGETS };
    double low = (double)INFINITY;
    double high = 0;
    c->ecdf_cut = (double)INFINITY;
    c->ecdf_at = hpo_comparison_room(c, c->options.points + 1, sizeof *c->ecdf_at);
    double *cost = hpo_alloc_array(c->n_blocks_complete * T + 1, sizeof *cost);
    size_t *order = hpo_alloc_array(c->n_blocks_complete * T + 1, sizeof *order);
    hpo_status rc = HPO_OK;
    if (c->ecdf_at == NULL || cost == NULL || order == NULL) {
        rc = hpo_fail_memory(err);
        goto done;
    }
    for (size_t i = 0; i < c->n_contests; i++) {
        const hpo_contest *k = &c->contests[i];
        if (k->n_complete == 0) continue;
        low = fmin(low, 1 / dims(k));
        high = fmax(high, k->budget / dims(k));
        c->ecdf_cut = fmin(c->ecdf_cut, k->budget / dims(k));
    }
    if (high > 0) c->n_ecdf = hpo_log_grid(low, high, c->options.points, 0, c->ecdf_at);
    for (size_t m = 0; m < c->n_methods; m++) {
        size_t n = 0;
        for (size_t i = 0; i < c->n_contests; i++) {
            const hpo_contest *k = &c->contests[i];
            for (size_t s = 0; s < k->n_seeds; s++)
                for (size_t t = 0; t < T && k->complete[s]; t++)
                    cost[n++] = hpo_stairs_reach(&k->entries[m].runs[s].spent, target(k, t)) / dims(k);
        }
        double *y = hpo_comparison_room(c, c->n_ecdf, sizeof *y);
        c->methods[m].ecdf = y;
        if (y == NULL) {
            rc = hpo_fail_memory(err);
            goto done;
        }
        hpo_argsort(cost, n, order);
        for (size_t i = 0, j = 0; i < c->n_ecdf; i++) {
            while (j < n && cost[order[j]] <= c->ecdf_at[i] * (1 + 1e-9))
                j++;
            y[i] = n > 0 ? (double)j / (double)n : (double)NAN;
        }
    }
done:
    hpo_free(cost);
    hpo_free(order);
    return rc;
}

/* The cost of a (contest, seed) is the budget until 90 % of the way from a typical point to the best value
 * that any method found in the contest is behind (More and Wild 2009, tau = 0.1). */
static void profile_costs(const hpo_comparison *c, double *cost)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n_contests; i++) {
        const hpo_contest *k = &c->contests[i];
        double best = (double)INFINITY;
        for (size_t m = 0; m < c->n_methods; m++)
            if (k->entries[m].n_runs > 0) best = fmin(best, k->entries[m].sorted[0]);
        double goal = isinf(best) ? -1 : best + 0.1 * fmax(0, 1 - best);
        for (size_t s = 0; s < k->n_seeds; s++) {
            if (!k->complete[s]) continue;
            for (size_t m = 0; m < c->n_methods; m++)
                cost[n * c->n_methods + m] = hpo_stairs_reach(&k->entries[m].runs[s].spent, goal);
            n++;
        }
    }
}

static hpo_status make_profiles(hpo_comparison *c, hpo_error *err)
{
    size_t nm = c->n_methods;
    size_t n = c->n_blocks_complete;
    double largest = 1;
    double *cost = hpo_alloc_array(n * nm + 1, sizeof *cost);
    double *one = hpo_alloc_array(n + 1, sizeof *one);
    size_t *order = hpo_alloc_array(n + 1, sizeof *order);
    hpo_status rc = HPO_OK;
    c->ratios = hpo_comparison_room(c, c->options.points + 1, sizeof *c->ratios);
    if (c->ratios == NULL || cost == NULL || one == NULL || order == NULL) {
        rc = hpo_fail_memory(err);
        goto done;
    }
    profile_costs(c, cost);
    hpo_performance_ratios(cost, n, nm, cost);
    for (size_t i = 0; i < n * nm; i++)
        if (!isinf(cost[i])) largest = fmax(largest, cost[i]);
    c->n_ratios = hpo_log_grid(1, largest, c->options.points, 0, c->ratios);
    for (size_t m = 0; m < nm; m++) {
        double *y = hpo_comparison_room(c, c->n_ratios, sizeof *y);
        c->methods[m].profile = y;
        if (y == NULL) {
            rc = hpo_fail_memory(err);
            goto done;
        }
        for (size_t i = 0; i < n; i++)
            one[i] = cost[i * nm + m];
        hpo_argsort(one, n, order);
        for (size_t i = 0, j = 0; i < c->n_ratios; i++) {
            while (j < n && one[order[j]] <= c->ratios[i] * (1 + 1e-9))
                j++;
            y[i] = n > 0 ? (double)j / (double)n : (double)NAN;
        }
    }
done:
    hpo_free(cost);
    hpo_free(one);
    hpo_free(order);
    return rc;
}

hpo_status hpo_comparison_curves(hpo_comparison *c, hpo_error *err)
{
    HPO_TRY(make_rank_curves(c, err));
    HPO_TRY(make_ecdf(c, err));
    return make_profiles(c, err);
}
