/* SPDX-License-Identifier: Apache-2.0 */
/* bench/comparison_stats.c - the numbers of a comparison: summaries of each contest, standings over all. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "bench/comparison.h"
#include "math/func.h"
#include "math/stats.h"

/* Scratch that all steps share. */
typedef struct work {
    hpo_comparison *c;
    uint16_t **counts; /* bootstrap tables by sample size, made when first needed */
    size_t max_seeds;
    double *scratch; /* rounds */
    double *sample;  /* max_seeds */
    double *block;   /* n_methods values of one block */
    double *rank;    /* n_methods */
    size_t *order;   /* n_methods */
} work;

double hpo_floored_regret(double regret)
{
    return fmax(regret, HPO_REGRET_FLOOR);
}

/* log10 a - log10 b; two infinite regrets are equal. */
static double log_difference(double a, double b)
{
    a = hpo_floored_regret(a);
    b = hpo_floored_regret(b);
    return a == b ? 0 : hpo_log10(a) - hpo_log10(b);
}

static double sorted_median(const double *x, size_t n)
{
    double a = x[(n - 1) / 2];
    double b = x[n / 2];
    return a == b ? a : (a + b) / 2;
}

static hpo_status counts_for(work *w, size_t n, const uint16_t **out, hpo_error *err)
{
    if (w->counts[n] == NULL)
        HPO_TRY(hpo_bootstrap_counts(n, w->c->options.rounds, w->c->options.seed, &w->counts[n], err));
    *out = w->counts[n];
    return HPO_OK;
}

/* Centre of the ascending sample with its interval. */
static hpo_status estimate(work *w, const double *x, size_t n, hpo_centre centre, hpo_estimate *out,
                           hpo_error *err)
{
    const uint16_t *counts = NULL;
    if (n == 0) {
        *out = (hpo_estimate){(double)NAN, (double)NAN, (double)NAN};
        return HPO_OK;
    }
    out->value = centre == HPO_CENTRE_MEDIAN ? sorted_median(x, n) : hpo_mean(x, n);
    out->low = out->high = out->value;
    if (x[0] == x[n - 1]) return HPO_OK; /* nothing varies */
    HPO_TRY(counts_for(w, n, &counts, err));
    hpo_bootstrap_interval(x, n, centre, counts, w->c->options.rounds, w->c->options.level, w->scratch,
                           &out->low, &out->high);
    return HPO_OK;
}

/* ---- grids -------------------------------------------------------------------------------------------- */

static hpo_status make_grids(hpo_comparison *c, hpo_contest *k, hpo_error *err)
{
    size_t points = c->options.points;
    double *budgets = hpo_comparison_room(c, points + 1, sizeof *budgets);
    double *times = hpo_comparison_room(c, points + 1, sizeof *times);
    if (budgets == NULL || times == NULL) return hpo_fail_memory(err);
    k->budgets = budgets;
    k->times = times;
    if (k->budget <= (double)points) {
        for (double b = 1; b < k->budget; b += 1)
            budgets[k->n_budgets++] = b;
        budgets[k->n_budgets++] = k->budget;
    } else {
        k->n_budgets = hpo_log_grid(1, k->budget, points, 1, budgets);
    }
    double first = (double)INFINITY;
    double last = 0;
    for (size_t m = 0; m < c->n_methods; m++)
        for (size_t s = 0; s < k->n_seeds; s++) {
            const hpo_contender_run *r = &k->entries[m].runs[s];
            if (r->info == NULL) continue;
            if (r->time.n > 0 && r->time.at[0] > 0) first = fmin(first, r->time.at[0]);
            if (r->time.n > 0) last = fmax(last, r->time.at[r->time.n - 1]);
            if (r->info->virtual_seconds > 0) last = fmax(last, r->info->virtual_seconds);
        }
    if (!isinf(first) && last > 0) k->n_times = hpo_log_grid(first, last, points, 0, times);
    return HPO_OK;
}

/* ---- one contest ---- */

static hpo_status find_complete(hpo_comparison *c, hpo_contest *k, hpo_error *err)
{
    int *complete = hpo_comparison_room(c, k->n_seeds, sizeof *complete);
    if (complete == NULL) return hpo_fail_memory(err);
    for (size_t s = 0; s < k->n_seeds; s++) {
        complete[s] = 1;
        for (size_t m = 0; m < c->n_methods; m++)
            complete[s] = complete[s] && k->entries[m].runs[s].info != NULL;
        k->n_complete += complete[s] ? 1 : 0;
    }
    k->complete = complete;
    return HPO_OK;
}

/* Median regret over the runs at each point of a grid. */
static hpo_status make_curve(work *w, const hpo_contest *k, const hpo_entry *e, int by_time,
                             hpo_estimate **out, hpo_error *err)
{
    size_t n_grid = by_time ? k->n_times : k->n_budgets;
    const double *grid = by_time ? k->times : k->budgets;
    double *values = hpo_alloc_array(n_grid * (e->n_runs + 1) + 1, sizeof *values);
    double *at = hpo_alloc_array(n_grid + 1, sizeof *at);
    hpo_estimate *curve = hpo_comparison_room(w->c, n_grid, sizeof *curve);
    hpo_status rc = HPO_OK;
    *out = curve;
    if (values == NULL || at == NULL || curve == NULL) {
        rc = hpo_fail_memory(err);
        goto done;
    }
    size_t n = 0;
    for (size_t s = 0; s < k->n_seeds; s++) {
        const hpo_contender_run *r = &e->runs[s];
        if (r->info == NULL) continue;
        hpo_stairs_on_grid(by_time ? &r->time : &r->spent, grid, n_grid, at);
        for (size_t i = 0; i < n_grid; i++)
            values[i * e->n_runs + n] = at[i];
        n++;
    }
    for (size_t i = 0; i < n_grid && rc == HPO_OK; i++) {
        double *x = values + i * e->n_runs;
        hpo_sort_values(x, n);
        if (i > 0 && memcmp(x, x - e->n_runs, n * sizeof *x) == 0)
            curve[i] = curve[i - 1];
        else
            rc = estimate(w, x, n, HPO_CENTRE_MEDIAN, &curve[i], err);
    }
done:
    hpo_free(values);
    hpo_free(at);
    return rc;
}

static hpo_status summarise_entry(work *w, hpo_contest *k, hpo_entry *e, hpo_error *err)
{
    static const size_t restarts[] = {2, 5, 10};
    size_t n = 0;
    e->sorted = hpo_comparison_room(w->c, e->n_runs, sizeof *e->sorted);
    if (e->sorted == NULL) return hpo_fail_memory(err);
    for (size_t s = 0; s < k->n_seeds; s++) {
        hpo_contender_run *r = &e->runs[s];
        if (r->info == NULL) continue;
        r->end = hpo_stairs_value(&r->spent, k->budget);
        r->area = hpo_stairs_area(&r->spent, k->budget);
        w->sample[n] = r->area;
        e->sorted[n++] = r->end;
    }
    hpo_sort_values(w->sample, n);
    HPO_TRY(estimate(w, w->sample, n, HPO_CENTRE_MEAN, &e->area, err));
    hpo_sort_values(e->sorted, n);
    HPO_TRY(estimate(w, e->sorted, n, HPO_CENTRE_MEDIAN, &e->median, err));
    HPO_TRY(estimate(w, e->sorted, n, HPO_CENTRE_MEAN, &e->mean, err));
    e->q25 = n > 0 ? hpo_sorted_quantile(e->sorted, n, 0.25) : (double)NAN;
    e->q75 = n > 0 ? hpo_sorted_quantile(e->sorted, n, 0.75) : (double)NAN;
    double plain = k->best + e->median.value * (k->typical - k->best);
    e->value = isinf(plain) ? (double)NAN : k->problem->n_objectives > 1 ? -plain : plain;
    for (size_t i = 0; i < 3; i++)
        e->best_of[i] = n >= restarts[i] ? hpo_best_of(e->sorted, n, restarts[i]) : (double)NAN;
    if (n == 0) return HPO_OK;
    HPO_TRY(make_curve(w, k, e, 0, &e->by_budget, err));
    return make_curve(w, k, e, 1, &e->by_time, err);
}

/* ---- ranks ---- */

void hpo_rank_seed(const hpo_comparison *c, const hpo_contest *k, size_t seed, double budget, double *scratch,
                   size_t *order, double *rank)
{
    for (size_t m = 0; m < c->n_methods; m++)
        scratch[m] = hpo_floored_regret(hpo_stairs_value(&k->entries[m].runs[seed].spent, budget));
    hpo_ranks(scratch, c->n_methods, order, rank);
}

/* Adds for one contest: ranks and areas by complete seed, to means and to the bootstrap sums
 * (sums: rounds x 2 x methods). */
static hpo_status add_contest_ranks(work *w, size_t index, double *sums, hpo_error *err)
{
    hpo_comparison *c = w->c;
    hpo_contest *k = &c->contests[index];
    size_t nm = c->n_methods;
    size_t n = k->n_complete;
    uint16_t *counts = NULL;
    if (n == 0) return HPO_OK;
    double *values = hpo_alloc_array(n * 2 * nm, sizeof *values);
    if (values == NULL) return hpo_fail_memory(err);
    size_t i = 0;
    for (size_t s = 0; s < k->n_seeds; s++) {
        if (!k->complete[s]) continue;
        hpo_rank_seed(c, k, s, k->budget, w->block, w->order, w->rank);
        for (size_t m = 0; m < nm; m++) {
            values[i * 2 * nm + m] = w->rank[m];
            values[i * 2 * nm + nm + m] = k->entries[m].runs[s].area;
            k->entries[m].mean_rank += w->rank[m] / (double)n;
            c->methods[m].rank.value += w->rank[m] / (double)n;
            c->methods[m].area.value += k->entries[m].runs[s].area / (double)n;
        }
        i++;
    }
    /* every contest is drawn by itself: its own stream */
    hpo_status rc = hpo_bootstrap_counts(n, c->options.rounds, c->options.seed + 1 + index, &counts, err);
    for (size_t b = 0; b < c->options.rounds && rc == HPO_OK; b++)
        for (i = 0; i < n; i++)
            if (counts[b * n + i] > 0)
                for (size_t j = 0; j < 2 * nm; j++)
                    sums[b * 2 * nm + j] += counts[b * n + i] * values[i * 2 * nm + j] / (double)n;
    hpo_free(counts);
    hpo_free(values);
    return rc;
}

static void interval_of(work *w, const double *sums, size_t stride, double n, hpo_estimate *e)
{
    size_t rounds = w->c->options.rounds;
    for (size_t b = 0; b < rounds; b++)
        w->scratch[b] = sums[b * stride] / n;
    e->value /= n;
    e->low = hpo_quantile(w->scratch, rounds, (1 - w->c->options.level) / 2);
    e->high = hpo_quantile(w->scratch, rounds, (1 + w->c->options.level) / 2);
}

static hpo_status find_ranks(work *w, hpo_error *err)
{
    hpo_comparison *c = w->c;
    size_t nm = c->n_methods;
    size_t used = 0;
    double *sums = hpo_calloc(c->options.rounds * 2 * nm, sizeof *sums);
    hpo_status rc = sums == NULL ? hpo_fail_memory(err) : HPO_OK;
    for (size_t i = 0; i < c->n_contests && rc == HPO_OK; i++) {
        rc = add_contest_ranks(w, i, sums, err);
        c->n_blocks_complete += c->contests[i].n_complete;
        used += c->contests[i].n_complete > 0 ? 1 : 0;
    }
    for (size_t m = 0; m < nm && rc == HPO_OK; m++) {
        interval_of(w, sums + m, 2 * nm, (double)used, &c->methods[m].rank);
        interval_of(w, sums + nm + m, 2 * nm, (double)used, &c->methods[m].area);
    }
    hpo_free(sums);
    return rc;
}

/* Methods in order of mean rank, then by name; entries follow.  c->control: as asked for, else the first. */
static hpo_status order_methods(work *w, hpo_error *err)
{
    hpo_comparison *c = w->c;
    size_t nm = c->n_methods;
    hpo_standing *methods = hpo_comparison_room(c, nm, sizeof *methods);
    hpo_entry *entries = hpo_comparison_room(c, nm, sizeof *entries);
    if (methods == NULL || entries == NULL) return hpo_fail_memory(err);
    for (size_t i = 0; i < nm; i++) {
        w->order[i] = i;
        for (size_t j = i; j > 0; j--) {
            const hpo_standing *a = &c->methods[w->order[j - 1]];
            const hpo_standing *b = &c->methods[w->order[j]];
            double ra = isnan(a->rank.value) ? 1e300 : a->rank.value;
            double rb = isnan(b->rank.value) ? 1e300 : b->rank.value;
            if (ra < rb || (ra == rb && strcmp(a->name, b->name) < 0)) break;
            size_t t = w->order[j];
            w->order[j] = w->order[j - 1];
            w->order[j - 1] = t;
        }
    }
    for (size_t i = 0; i < nm; i++)
        methods[i] = c->methods[w->order[i]];
    for (size_t k = 0; k < c->n_contests; k++) {
        memcpy(entries, c->contests[k].entries, nm * sizeof *entries);
        for (size_t i = 0; i < nm; i++)
            c->contests[k].entries[i] = entries[w->order[i]];
    }
    c->methods = methods;
    if (c->options.against == NULL) return HPO_OK;
    for (c->control = 0; c->control < nm; c->control++)
        if (strcmp(methods[c->control].name, c->options.against) == 0) return HPO_OK;
    c->control = 0;
    return hpo_fail(err, HPO_ENOTFOUND, "no run of a method '%s' to test against: give one of those compared",
                    c->options.against);
}

/* ---- tests ---- */

/* Method m against the control in one contest: appends the differences of complete seeds. */
static size_t differences(const hpo_comparison *c, hpo_contest *k, size_t m, double *d)
{
    size_t n = 0;
    hpo_entry *e = &k->entries[m];
    for (size_t s = 0; s < k->n_seeds; s++) {
        if (!k->complete[s]) continue;
        d[n] = log_difference(e->runs[s].end, k->entries[c->control].runs[s].end);
        e->wins += d[n] < 0 ? 1 : 0;
        e->losses += d[n] > 0 ? 1 : 0;
        n++;
    }
    return n;
}

static double median_of_complete(work *w, const hpo_contest *k, size_t m)
{
    size_t n = 0;
    for (size_t s = 0; s < k->n_seeds; s++)
        if (k->complete[s]) w->sample[n++] = hpo_floored_regret(k->entries[m].runs[s].end);
    hpo_sort_values(w->sample, n);
    return sorted_median(w->sample, n);
}

/* p: per contest and method, then per method twice; NaN where nothing is tested. */
static hpo_status test_method(work *w, size_t m, double *p, double *d, hpo_error *err)
{
    hpo_comparison *c = w->c;
    hpo_standing *s = &c->methods[m];
    hpo_wilcoxon_result r;
    size_t n = 0;
    size_t n_medians = 0;
    double *medians = d + c->n_blocks_complete; /* one a contest */
    for (size_t i = 0; i < c->n_contests; i++) {
        hpo_contest *k = &c->contests[i];
        size_t here = differences(c, k, m, d + n);
        if (here > 0) {
            HPO_TRY(hpo_wilcoxon(d + n, here, HPO_ZEROS_PRATT, &r, err));
            p[i] = r.p;
            medians[n_medians++] =
                log_difference(median_of_complete(w, k, m), median_of_complete(w, k, c->control));
        }
        s->wins += k->entries[m].wins;
        s->losses += k->entries[m].losses;
        n += here;
    }
    if (n > 0) {
        HPO_TRY(hpo_wilcoxon(d, n, HPO_ZEROS_PRATT, &r, err));
        s->p_seeds = r.p;
    }
    if (n_medians > 1) {
        HPO_TRY(hpo_wilcoxon(medians, n_medians, HPO_ZEROS_PRATT, &r, err));
        s->p_contests = r.p;
    }
    return HPO_OK;
}

static hpo_status test_all(work *w, hpo_error *err)
{
    hpo_comparison *c = w->c;
    size_t nm = c->n_methods;
    size_t nc = c->n_contests;
    size_t n = nm * nc;
    double *p = hpo_alloc_array(2 * (n + 2 * nm), sizeof *p);
    double *d = hpo_alloc_array(c->n_blocks_complete + nc, sizeof *d);
    double *adjusted = p == NULL ? NULL : p + n + 2 * nm;
    hpo_status rc = HPO_OK;
    if (p == NULL || d == NULL) {
        rc = hpo_fail_memory(err);
        goto done;
    }
    for (size_t i = 0; i < n + 2 * nm; i++)
        p[i] = (double)NAN;
    for (size_t m = 0; m < nm && rc == HPO_OK; m++) {
        c->methods[m].p_seeds = c->methods[m].p_contests = (double)NAN;
        if (m == c->control) continue;
        rc = test_method(w, m, p + m * nc, d, err);
        p[n + m] = c->methods[m].p_seeds;
        p[n + nm + m] = c->methods[m].p_contests;
    }
    if (rc == HPO_OK) rc = hpo_holm(p, n, adjusted, err);
    if (rc == HPO_OK) rc = hpo_holm(p + n, nm, adjusted + n, err);
    if (rc == HPO_OK) rc = hpo_holm(p + n + nm, nm, adjusted + n + nm, err);
    for (size_t m = 0; m < nm && rc == HPO_OK; m++) {
        c->methods[m].p_seeds_adjusted = adjusted[n + m];
        c->methods[m].p_contests_adjusted = adjusted[n + nm + m];
        for (size_t i = 0; i < nc; i++) {
            c->contests[i].entries[m].p = p[m * nc + i];
            c->contests[i].entries[m].p_adjusted = adjusted[m * nc + i];
        }
    }
done:
    hpo_free(p);
    hpo_free(d);
    return rc;
}

/* Blocks of the Friedman test: contests when there are several, else seeds. */
static void fill_blocks(work *w, double *v)
{
    hpo_comparison *c = w->c;
    size_t n = 0;
    for (size_t i = 0; i < c->n_contests; i++) {
        const hpo_contest *k = &c->contests[i];
        if (k->n_complete == 0) continue;
        for (size_t s = 0; s < k->n_seeds && !c->blocks_are_contests; s++) {
            if (!k->complete[s]) continue;
            for (size_t m = 0; m < c->n_methods; m++)
                v[n * c->n_methods + m] = hpo_floored_regret(k->entries[m].runs[s].end);
            n++;
        }
        for (size_t m = 0; m < c->n_methods && c->blocks_are_contests; m++)
            v[n * c->n_methods + m] = median_of_complete(w, k, m);
        n += c->blocks_are_contests ? 1 : 0;
    }
    c->n_blocks = n;
}

static hpo_status rank_blocks(work *w, hpo_error *err)
{
    hpo_comparison *c = w->c;
    size_t nm = c->n_methods;
    size_t used = 0;
    for (size_t i = 0; i < c->n_contests; i++)
        used += c->contests[i].n_complete > 0 ? 1 : 0;
    c->blocks_are_contests = used > 1;
    c->critical_difference = (double)NAN;
    c->block_order = hpo_comparison_room(c, 3 * nm, sizeof *c->block_order);
    double *v = hpo_alloc_array((c->n_blocks_complete + 1) * nm, sizeof *v);
    hpo_status rc = HPO_OK;
    if (c->block_order == NULL || v == NULL) {
        rc = hpo_fail_memory(err);
        goto done;
    }
    c->group_first = c->block_order + nm;
    c->group_last = c->group_first + nm;
    fill_blocks(w, v);
    for (size_t m = 0; m < nm; m++)
        w->rank[m] = (double)NAN;
    if (c->n_blocks > 0) rc = hpo_friedman(v, c->n_blocks, nm, w->rank, &c->friedman, err);
    if (rc != HPO_OK) goto done;
    for (size_t m = 0; m < nm; m++)
        c->methods[m].block_rank = w->rank[m];
    hpo_argsort(w->rank, nm, c->block_order);
    if (c->n_blocks < 2 || nm < 2) goto done;
    c->critical_difference = hpo_nemenyi_difference(c->n_blocks, nm, c->options.alpha);
    for (size_t m = 0; m < nm; m++)
        w->block[m] = w->rank[c->block_order[m]];
    c->n_groups = hpo_rank_groups(w->block, nm, c->critical_difference, c->group_first, c->group_last);
done:
    hpo_free(v);
    return rc;
}

/* ---- all together ---- */

static void count_missing(hpo_comparison *c)
{
    for (size_t m = 0; m < c->n_methods; m++)
        for (size_t i = 0; i < c->n_contests; i++)
            c->methods[m].n_missing += c->contests[i].n_seeds - c->contests[i].entries[m].n_runs;
}

static hpo_status compute(work *w, hpo_error *err)
{
    hpo_comparison *c = w->c;
    for (size_t i = 0; i < c->n_contests; i++) {
        hpo_contest *k = &c->contests[i];
        HPO_TRY(make_grids(c, k, err));
        HPO_TRY(find_complete(c, k, err));
        for (size_t m = 0; m < c->n_methods; m++)
            HPO_TRY(summarise_entry(w, k, &k->entries[m], err));
    }
    HPO_TRY(find_ranks(w, err));
    HPO_TRY(order_methods(w, err));
    count_missing(c);
    HPO_TRY(test_all(w, err));
    HPO_TRY(rank_blocks(w, err));
    return hpo_comparison_curves(c, err);
}

hpo_status hpo_comparison_compute(hpo_comparison *c, hpo_error *err)
{
    const hpo_comparison_options *o = &c->options;
    if (o->rounds < 1 || !(o->alpha > 0 && o->alpha < 1) || !(o->level > 0 && o->level < 1) || o->points < 2)
        return hpo_fail(err, HPO_EINVAL, "comparison: rounds >= 1, points >= 2, alpha and level in (0, 1)");
    work w = {.c = c};
    hpo_status rc;
    for (size_t i = 0; i < c->n_contests; i++)
        if (c->contests[i].n_seeds > w.max_seeds) w.max_seeds = c->contests[i].n_seeds;
    w.counts = hpo_calloc(w.max_seeds + 1, sizeof *w.counts);
    w.scratch = hpo_alloc_array(o->rounds, sizeof *w.scratch);
    w.sample = hpo_alloc_array(w.max_seeds + 1, sizeof *w.sample);
    w.block = hpo_alloc_array(2 * c->n_methods, sizeof *w.block);
    w.order = hpo_alloc_array(c->n_methods, sizeof *w.order);
    if (w.counts != NULL && w.scratch != NULL && w.sample != NULL && w.block != NULL && w.order != NULL) {
        w.rank = w.block + c->n_methods;
        rc = compute(&w, err);
    } else {
        rc = hpo_fail_memory(err);
    }
    if (w.counts != NULL)
        for (size_t n = 0; n <= w.max_seeds; n++)
            hpo_free(w.counts[n]);
    hpo_free(w.counts);
    hpo_free(w.scratch);
    hpo_free(w.sample);
    hpo_free(w.block);
    hpo_free(w.order);
    return rc;
}
