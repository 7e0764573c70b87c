/* SPDX-License-Identifier: Apache-2.0 */
/* model/tree_split.c - the best split of one node of a regression tree.
 *
 * A split of a node with weight W and sum S into (W_l, S_l) and (W_r, S_r) takes
 *
 *     gain = S_l^2 / W_l + S_r^2 / W_r - S^2 / W
 *
 * off the sum of squares.  For a number the cuts between neighbouring values compete; the threshold of the
 * one chosen is then uniform between its two neighbours, which over many trees turns the staircase into an
 * interpolation (Hutter, Hoos, Leyton-Brown & Murphy 2014, section 4.3).  With `random_cut` there is only one
 * cut a column, at a place uniform over the node's range (Geurts, Ernst & Wehenkel 2006).  Labels are ordered
 * by their mean response in the node and cut like a number: among all 2^(L-1) - 1 partitions the best for
 * squared error is of that form (Fisher 1958; Breiman et al. 1984, theorem 4.5).  Inactive rows go to the
 * left or to the right as a whole, whichever gains more, or are split off alone; among labels, inactive is
 * one more label.
 *
 * Numbers are compared by their first 16 bits while a cut is sought (a radix sort), so values nearer than
 * 2^-16 of the range are never parted.  Above HPO_TREE_SAMPLE rows a node chooses its split from a sample of
 * them: the error of the choice is then far below that of the leaves, and a level costs one pass. */
#include "model/tree_internal.h"

#include <math.h>
#include <string.h>

enum { BITS = 8, BUCKETS = 1 << BITS, INSERTION = 40 };

/* ---- order ---- */

static void sort_keys(uint64_t *key, uint64_t *other, size_t n, uint64_t top)
{
    if (n <= INSERTION) {
        for (size_t i = 1; i < n; i++) {
            uint64_t k = key[i];
            size_t j = i;
            for (; j > 0 && key[j - 1] > k; j--)
                key[j] = key[j - 1];
            key[j] = k;
        }
        return;
    }
    /* stable by digits: keys start in ascending order of index */
    for (unsigned shift = 32; top > 0; shift += BITS, top >>= BITS) {
        size_t start[BUCKETS + 1] = {0};
        for (size_t i = 0; i < n; i++)
            start[((key[i] >> shift) & (BUCKETS - 1)) + 1]++;
        for (size_t i = 0; i < BUCKETS; i++)
            start[i + 1] += start[i];
        for (size_t i = 0; i < n; i++)
            other[start[(key[i] >> shift) & (BUCKETS - 1)]++] = key[i];
        memcpy(key, other, n * sizeof *key);
    }
}

static void sort_groups(hpo_tree_group *g, size_t n)
{
    static const size_t gaps[] = {701, 301, 132, 57, 23, 10, 4, 1}; /* Ciura's */
    for (size_t k = 0; k < sizeof gaps / sizeof gaps[0]; k++)
        for (size_t i = gaps[k]; i < n; i++) {
            hpo_tree_group x = g[i];
            size_t j = i;
            for (; j >= gaps[k]; j -= gaps[k]) {
                const hpo_tree_group *p = &g[j - gaps[k]];
                if (p->mean < x.mean || (p->mean == x.mean && p->label <= x.label)) break;
                g[j] = *p;
            }
            g[j] = x;
        }
}

/* ---- one column ---- */

/* The column of the sample into g->v; returns how many are inactive. */
static size_t fetch(hpo_tree_grower *g, const hpo_tree_data *d, const hpo_tree_part *p, size_t column,
                    double *low, double *high)
{
    size_t inactive = 0, stride = d->columns->n;
    *low = (double)INFINITY;
    *high = -(double)INFINITY;
    for (size_t i = 0; i < p->n; i++) {
        double v = d->z[p->rows[i] * stride + column];
        g->v[i] = v;
        if (isnan(v)) {
            inactive++;
            continue;
        }
        if (v < *low) *low = v;
        if (v > *high) *high = v;
    }
    return inactive;
}

static double score(double wl, double sl, const hpo_tree_part *p)
{
    double wr = p->w - wl, sr = p->sum - sl;
    return wl > 0 && wr > 0 ? sl * sl / wl + sr * sr / wr : -(double)INFINITY;
}

/* Keeps a cut with the inactive on one side: `left` rows, wl, sl on the left. */
static int consider(hpo_tree_split *best, const hpo_tree_part *p, size_t left, double wl, double sl)
{
    if (left < p->min_leaf || p->n - left < p->min_leaf) return 0;
    double s = score(wl, sl, p);
    if (!(s > best->score)) return 0;
    best->score = s;
    best->found = 1;
    return 1;
}

typedef struct sums {
    size_t n;
    double w, sum;
} sums;

/* Both sides for the inactive `out` of a cut with `in` on the left, between a and b. */
static void consider_cut(hpo_tree_split *best, const hpo_tree_part *p, size_t column, sums in, sums out,
                         double a, double b)
{
    for (int right = 1; right >= (out.n > 0 ? 0 : 1); right--) {
        size_t n = in.n + (right ? 0 : out.n);
        double w = in.w + (right ? 0 : out.w), s = in.sum + (right ? 0 : out.sum);
        if (!consider(best, p, n, w, s)) continue;
        best->column = column;
        best->is_label = 0;
        best->inactive_right = right;
        best->a = a;
        best->b = b;
    }
}

static sums inactive_sums(const hpo_tree_grower *g, const hpo_tree_part *p)
{
    sums s = {0, 0, 0};
    for (size_t i = 0; i < p->n; i++)
        if (isnan(g->v[i])) {
            s.n++;
            s.w += g->w[i];
            s.sum += g->w[i] * g->y[i];
        }
    return s;
}

static void number_random(hpo_tree_grower *g, const hpo_tree_part *p, size_t column, double low, double high,
                          sums out, hpo_rng *rng, hpo_tree_split *best)
{
    double t = low + (high - low) * hpo_rng_uniform(rng);
    if (t >= high) t = low;
    sums in = {0, 0, 0};
    for (size_t i = 0; i < p->n; i++)
        if (g->v[i] <= t) {
            in.n++;
            in.w += g->w[i];
            in.sum += g->w[i] * g->y[i];
        }
    consider_cut(best, p, column, in, out, t, t);
}

static void number_best(hpo_tree_grower *g, const hpo_tree_part *p, size_t column, sums out,
                        hpo_tree_split *best)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++)
        if (!isnan(g->v[i])) {
            double k = g->v[i] * 65535.0;
            g->key[n++] = (uint64_t)(k <= 0 ? 0 : k >= 65535.0 ? 65535.0 : k) << 32 | i;
        }
    sort_keys(g->key, g->other, n, 65535);
    sums in = {0, 0, 0};
    double top = -(double)INFINITY; /* largest value on the left */
    for (size_t i = 0; i + 1 < n; i++) {
        size_t k = (uint32_t)g->key[i];
        in.n++;
        in.w += g->w[k];
        in.sum += g->w[k] * g->y[k];
        if (g->v[k] > top) top = g->v[k];
        if (g->key[i] >> 32 == g->key[i + 1] >> 32) continue;
        /* the smallest value on the right is found only for a cut that is kept */
        double before = best->score;
        consider_cut(best, p, column, in, out, top, top);
        if (best->score == before) continue;
        double next = (double)INFINITY;
        for (size_t j = i + 1; j < n && g->key[j] >> 32 == g->key[i + 1] >> 32; j++)
            next = fmin(next, g->v[(uint32_t)g->key[j]]);
        best->b = next;
    }
}

static void try_number(hpo_tree_grower *g, const hpo_tree_part *p, const hpo_tree_rule *rule, size_t column,
                       double low, double high, size_t inactive, hpo_rng *rng, hpo_tree_split *best)
{
    sums out = inactive > 0 ? inactive_sums(g, p) : (sums){0, 0, 0};
    if (low < high) {
        if (rule->random_cut)
            number_random(g, p, column, low, high, out, rng, best);
        else
            number_best(g, p, column, out, best);
    }
    if (inactive == 0 || inactive == p->n) return;
    /* the active against the inactive */
    sums all = {p->n - inactive, p->w - out.w, p->sum - out.sum};
    if (!consider(best, p, all.n, all.w, all.sum)) return;
    best->column = column;
    best->is_label = 0;
    best->inactive_right = 1;
    best->a = best->b = (double)INFINITY;
}

/* Labels of the sample with their sums, ordered by mean response. */
static void group_labels(hpo_tree_grower *g, const hpo_tree_part *p, uint32_t n_labels)
{
    for (size_t i = 0; i < p->n; i++)
        g->key[i] = (uint64_t)(isnan(g->v[i]) ? 0 : g->v[i] + 1) << 32 | i;
    sort_keys(g->key, g->other, p->n, (uint64_t)n_labels + 1);
    g->n_groups = 0;
    for (size_t i = 0; i < p->n; i++) {
        size_t k = (uint32_t)g->key[i];
        if (i == 0 || g->key[i] >> 32 != g->key[i - 1] >> 32)
            g->groups[g->n_groups++] = (hpo_tree_group){.label = (double)(g->key[i] >> 32) - 1};
        hpo_tree_group *q = &g->groups[g->n_groups - 1];
        q->count++;
        q->w += g->w[k];
        q->sum += g->w[k] * g->y[k];
    }
    for (size_t i = 0; i < g->n_groups; i++)
        g->groups[i].mean = g->groups[i].sum / g->groups[i].w;
    sort_groups(g->groups, g->n_groups);
}

static void try_label(hpo_tree_grower *g, const hpo_tree_part *p, const hpo_tree_rule *rule, size_t column,
                      uint32_t n_labels, hpo_rng *rng, hpo_tree_split *best)
{
    group_labels(g, p, n_labels);
    size_t only = rule->random_cut ? 1 + (size_t)hpo_rng_below(rng, g->n_groups - 1) : 0;
    sums in = {0, 0, 0};
    for (size_t i = 0; i + 1 < g->n_groups; i++) {
        in.n += g->groups[i].count;
        in.w += g->groups[i].w;
        in.sum += g->groups[i].sum;
        if (only != 0 && i + 1 != only) continue;
        if (!consider(best, p, in.n, in.w, in.sum)) continue;
        best->column = column;
        best->is_label = 1;
        best->cut = i + 1;
    }
}

void hpo_tree__choose(hpo_tree_grower *g, const hpo_tree_data *d, const hpo_tree_part *p,
                      const hpo_tree_rule *rule, hpo_rng *rng, hpo_tree_split *best)
{
    size_t n = g->n_columns, tried = 0;
    for (size_t i = 0; i < n && (tried < rule->tries || !best->found); i++) {
        size_t j = i + (size_t)hpo_rng_below(rng, n - i);
        uint32_t c = g->column[j];
        double low, high;
        g->column[j] = g->column[i];
        g->column[i] = c;
        size_t inactive = fetch(g, d, p, c, &low, &high);
        if (inactive == p->n || (inactive == 0 && !(low < high))) continue; /* nothing to tell apart */
        tried++;
        uint32_t labels = d->columns->column[c].n_labels;
        if (labels > 0)
            try_label(g, p, rule, c, labels, rng, best);
        else
            try_number(g, p, rule, c, low, high, inactive, rng, best);
    }
}

void hpo_tree__group(hpo_tree_grower *g, const hpo_tree_data *d, const hpo_tree_part *p, size_t column)
{
    double low, high;
    (void)fetch(g, d, p, column, &low, &high);
    group_labels(g, p, d->columns->column[column].n_labels);
}
