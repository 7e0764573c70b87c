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
 * Above HPO_TREE_SAMPLE rows a node chooses its split from a sample of them: the error of the choice is then
 * far below that of the leaves. */
#include <math.h>

#include "model/tree_internal.h"

typedef struct sums {
    size_t n;
    double w, sum;
} sums;

static double score(double wl, double sl, const hpo_tree_part *p)
{
    double wr = p->w - wl, sr = p->sum - sl;
    return wl > 0 && wr > 0 ? sl * sl / wl + sr * sr / wr : -(double)INFINITY;
}

static int consider(hpo_tree_split *best, const hpo_tree_part *p, sums left)
{
    if (left.n < p->min_leaf || p->n - left.n < p->min_leaf) return 0;
    double s = score(left.w, left.sum, p);
    if (!(s > best->score)) return 0;
    best->score = s;
    best->found = 1;
    return 1;
}

/* Both sides for the inactive `out` of a cut with `in` on the left; 1 when it is kept. */
static int consider_cut(hpo_tree_split *best, const hpo_tree_part *p, sums in, sums out)
{
    int kept = 0;
    for (int right = 1; right >= (out.n > 0 ? 0 : 1); right--) {
        sums left = right ? in : (sums){in.n + out.n, in.w + out.w, in.sum + out.sum};
        if (!consider(best, p, left)) continue;
        best->inactive_right = right;
        kept = 1;
    }
    return kept;
}

static sums sum_of(const hpo_tree_grower *g, const uint32_t *order, size_t n)
{
    sums s = {n, 0, 0};
    for (size_t i = 0; i < n; i++) {
        s.w += g->w[order[i] & 0xFFFF];
        s.sum += g->wy[order[i] & 0xFFFF];
    }
    return s;
}

/* ---- numbers ---------------------------------------------------------------------------------------------
 */

/* Smallest and largest value of the rank that entry i of n has. */
static void range_at(const hpo_tree_grower *g, const hpo_tree_data *d, size_t column, const uint32_t *order,
                     size_t n, size_t i, double *low, double *high)
{
    size_t from = i, to = i + 1, stride = d->columns->n;
    while (from > 0 && order[from - 1] >> 16 == order[i] >> 16)
        from--;
    while (to < n && order[to] >> 16 == order[i] >> 16)
        to++;
    *low = (double)INFINITY;
    *high = -(double)INFINITY;
    for (i = from; i < to; i++) {
        double v = d->z[g->row[order[i] & 0xFFFF] * stride + column];
        *low = fmin(*low, v);
        *high = fmax(*high, v);
    }
}

static int number_random(const hpo_tree_grower *g, const hpo_tree_data *d, const hpo_tree_part *p,
                         size_t column, const uint32_t *order, size_t n, sums out, hpo_rng *rng,
                         hpo_tree_split *best)
{
    double low, high, other;
    range_at(g, d, column, order, n, 0, &low, &other);
    range_at(g, d, column, order, n, n - 1, &other, &high);
    double t = low + (high - low) * hpo_rng_uniform(rng);
    if (t >= high) t = low;
    sums in = {0, 0, 0};
    for (size_t i = 0; i < n; i++) { /* values of one rank stand in any order */
        size_t k = order[i] & 0xFFFF;
        if (!(d->z[g->row[k] * d->columns->n + column] <= t)) continue;
        in.n++;
        in.w += g->w[k];
        in.sum += g->wy[k];
    }
    if (!consider_cut(best, p, in, out)) return 0;
    best->a = best->b = t;
    return 1;
}

static int number_best(const hpo_tree_grower *g, const hpo_tree_data *d, const hpo_tree_part *p,
                       size_t column, const uint32_t *order, size_t n, sums out, hpo_tree_split *best)
{
    sums in = {0, 0, 0};
    size_t at = n;
    for (size_t i = 0; i + 1 < n; i++) {
        size_t k = order[i] & 0xFFFF;
        in.n++;
        in.w += g->w[k];
        in.sum += g->wy[k];
        if (order[i] >> 16 != order[i + 1] >> 16 && consider_cut(best, p, in, out)) at = i;
    }
    if (at == n) return 0;
    double other;
    range_at(g, d, column, order, n, at, &other, &best->a);
    range_at(g, d, column, order, n, at + 1, &best->b, &other);
    return 1;
}

/* 0: the column tells nothing apart here. */
static int try_number(const hpo_tree_grower *g, const hpo_tree_data *d, const hpo_tree_part *p,
                      const hpo_tree_rule *rule, size_t column, hpo_rng *rng, hpo_tree_split *best)
{
    const uint32_t *order = hpo_tree__order(g, p, column);
    size_t n = p->n;
    while (n > 0 && order[n - 1] >> 16 == HPO_TREE_INACTIVE)
        n--;
    sums out = sum_of(g, order + n, p->n - n);
    int varies = n > 0 && order[0] >> 16 != order[n - 1] >> 16, kept = 0;
    if (n == 0 || (out.n == 0 && !varies)) return 0;
    if (varies && rule->random_cut) kept = number_random(g, d, p, column, order, n, out, rng, best);
    if (varies && !rule->random_cut) kept = number_best(g, d, p, column, order, n, out, best);
    /* the active against the inactive */
    sums all = {n, p->w - out.w, p->sum - out.sum};
    if (out.n > 0 && consider(best, p, all)) {
        best->inactive_right = kept = 1;
        best->a = best->b = (double)INFINITY;
    }
    if (kept) {
        best->column = column;
        best->is_label = 0;
    }
    return 1;
}

/* ---- labels ----------------------------------------------------------------------------------------------
 */

static int try_label(hpo_tree_grower *g, const hpo_tree_data *d, const hpo_tree_part *p,
                     const hpo_tree_rule *rule, size_t column, hpo_rng *rng, hpo_tree_split *best)
{
    const uint32_t *order = hpo_tree__order(g, p, column);
    if (order[0] >> 16 == order[p->n - 1] >> 16) return 0;
    hpo_tree__group(g, d, p, column);
    size_t only = rule->random_cut ? 1 + (size_t)hpo_rng_below(rng, g->n_groups - 1) : 0;
    sums in = {0, 0, 0};
    for (size_t i = 0; i + 1 < g->n_groups; i++) {
        in.n += g->groups[i].count;
        in.w += g->groups[i].w;
        in.sum += g->groups[i].sum;
        if (only != 0 && i + 1 != only) continue;
        if (!consider(best, p, in)) continue;
        best->column = column;
        best->is_label = 1;
        best->cut = i + 1;
    }
    return 1;
}

void hpo_tree__choose(hpo_tree_grower *g, const hpo_tree_data *d, const hpo_tree_part *p,
                      const hpo_tree_rule *rule, hpo_rng *rng, hpo_tree_split *best)
{
    size_t n = g->n_columns, tried = 0;
    for (size_t i = 0; i < n && (tried < rule->tries || !best->found); i++) {
        size_t j = i + (size_t)hpo_rng_below(rng, n - i);
        uint32_t c = g->column[j];
        g->column[j] = g->column[i];
        g->column[i] = c;
        tried += (size_t)(d->columns->column[c].n_labels > 0 ? try_label(g, d, p, rule, c, rng, best)
                                                             : try_number(g, d, p, rule, c, rng, best));
    }
}
