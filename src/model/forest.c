/* SPDX-License-Identifier: Apache-2.0 */
/* model/forest.c - random forest regression: rows, the schedule of growing, leaves.  Predictions are in
 * forest_posterior.c, single trees in tree.c.
 *
 * Leaf.  With W = sum of weights, m = their mean response and p the mean of the parent node,
 *
 *     value = (W m + k p) / (W + k),   k = 1 pseudo row,
 *     what is unknown of it = v / (W + k),   v the variance in the parent (pooled: below),
 *
 * the posterior of a mean with prior N(p, v / k).  Variances within nodes are pooled with 2 pseudo rows of
 * the tree's average, so that a leaf of one row has one too.
 *
 * Law of total variance, split.  Over B trees with values m_b, unknown s_b^2 and leaf variances a_b
 *
 *     mean      = avg m_b
 *     epistemic = sum (m_b - mean)^2 / (B - 1)  +  avg s_b^2  +  c (1 - exp(-r / h))
 *     aleatoric = avg a_b
 *
 * The leaf variances are scaled to one level for the whole forest: splits were chosen to make them small, so
 * they are too small by a factor that grows with the number of columns tried.  The level is the larger of
 * their pool and of what left-out rows (below) show: mean squared error minus mean epistemic variance of
 * their predictions.
 *
 * r is the distance to the nearest box of training rows among the leaves that u falls into (8 trees keep
 * boxes), r^2 = sum_k w_k gap_k^2 with w_k the share of column k in all that splits explain, so that columns
 * that do not matter do not make everything look far.  c is the variance that left-out rows show beyond the
 * noise: trees extrapolate by constants and are sure of them, which is the known weakness of forests as
 * surrogates (Hutter, Hoos & Leyton-Brown 2011; Shahriari et al. 2016, section III.E).
 *
 * Blocks.  Each row belongs to block hash(configuration) mod 8; tree b grown on 16 rows or more leaves block
 * b mod 8 out.  That is what makes trees differ (a delete-1/8 jackknife in place of the bootstrap) and gives
 * honest predictions of every row at any time from 1/8 of the trees.
 *
 * Schedule.  Tree b is grown at counts n = s_b (mod P), s_b = floor(b P / B), with P = 8 up to 128 rows, 16
 * up to 256, and so on: 1/8 of the trees per row, later fewer, so that the work per row stays the same; below
 * 32 rows all trees at every count.  Between, rows go down the tree and update the sums on their way in
 * O(depth). Only the last growth of a tree matters, so that an update after many rows grows each tree once:
 * resuming a study costs the same as going on. */
#include "model/forest.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/map.h"
#include "math/rng.h"
#include "model/forest_internal.h"

enum { TREES = 64, MAX_TREES = 1024, EVERY_TIME = 32, SINGLE = 24, LEAVES = 4096, CHECKED = 256 };
static const double largest = 1e100; /* responses are clipped: their squares stay finite */

/* ---- lifetime ---- */

hpo_status hpo_forest_create(const hpo_embed *embed, const hpo_forest_options *options, uint64_t seed,
                             hpo_forest **out, hpo_error *err)
{
    *out = NULL;
    hpo_forest *f = hpo_calloc(1, sizeof *f);
    if (f == NULL) return hpo_fail_memory(err);
    f->embed = embed;
    f->seed = seed;
    if (options != NULL) f->options = *options;
    size_t b = f->options.n_trees == 0 ? TREES : f->options.n_trees;
    b = (b > MAX_TREES ? MAX_TREES : b) + HPO_FOREST_BLOCKS - 1;
    f->options.n_trees = b - b % HPO_FOREST_BLOCKS;
    if (f->options.far == 0) f->options.far = 1;
    if (f->options.far < 0) f->options.far = 0;
    if (f->options.shrink == 0) f->options.shrink = 1;
    if (f->options.shrink < 0) f->options.shrink = 0;
    hpo_status rc = hpo_columns_init(&f->columns, embed, err);
    if (rc != HPO_OK) goto done;
    size_t c = f->columns.n;
    if (f->options.tries == 0) f->options.tries = (2 * c + 2) / 3;
    rc = hpo_tree_grower_create(&f->columns, &f->grower, err);
    if (rc != HPO_OK) goto done;
    f->trees = hpo_calloc(f->options.n_trees, sizeof *f->trees);
    f->weight = hpo_calloc(c + 1, sizeof *f->weight);
    f->wide = hpo_calloc((size_t)HPO_FOREST_CHUNK * (2 * c + 1), sizeof *f->wide);
    f->narrow = hpo_calloc((size_t)HPO_FOREST_CHUNK * (c + 1), sizeof *f->narrow);
    int ok = f->trees != NULL && f->weight != NULL && f->wide != NULL && f->narrow != NULL;
    for (size_t i = 0; ok && i < f->options.n_trees; i++) {
        f->trees[i].gain = hpo_calloc(c + 1, sizeof(double));
        ok = f->trees[i].gain != NULL;
    }
    if (!ok) rc = hpo_fail_memory(err);
done:
    if (rc == HPO_OK) {
        f->epoch = 1;
        *out = f;
    } else {
        hpo_forest_free(f);
    }
    return rc;
}

void hpo_forest_free(hpo_forest *f)
{
    if (f == NULL) return;
    for (size_t i = 0; f->trees != NULL && i < f->options.n_trees; i++) {
        hpo_tree_fini(&f->trees[i].tree);
        hpo_free(f->trees[i].leaf);
        hpo_free(f->trees[i].box);
        hpo_free(f->trees[i].gain);
    }
    hpo_free(f->trees);
    hpo_tree_grower_free(f->grower);
    hpo_columns_fini(&f->columns);
    hpo_free(f->z);
    hpo_free(f->y);
    hpo_free(f->w);
    hpo_free(f->block);
    hpo_free(f->order);
    hpo_free(f->weight);
    hpo_free(f->assumed);
    hpo_free(f->undo);
    hpo_free(f->wide);
    hpo_free(f->narrow);
    hpo_free(f);
}

/* ---- rows ---- */

/* The same for equal configurations, whatever the bits of their NaN. */
static uint8_t block_of(const hpo_forest *f, const double *z)
{
    uint64_t h = f->seed;
    for (size_t i = 0; i < f->columns.n; i++) {
        double v = isnan(z[i]) ? -1 : z[i] + 0.0;
        h = hpo_hash_bytes(&v, sizeof v, h);
    }
    return (uint8_t)((h >> 32) % HPO_FOREST_BLOCKS);
}

static double clip(double y)
{
    return y > largest ? largest : y > -largest ? y : -largest; /* NaN becomes the smallest: never pass it */
}

void hpo_forest_clear(hpo_forest *f)
{
    hpo_forest_retract(f);
    f->n = f->replaced = 0;
    f->weighted = 0;
    f->epoch++;
}

hpo_status hpo_forest_append(hpo_forest *f, const double *u, double y, double w, hpo_error *err)
{
    size_t c = f->columns.n, n = f->n + 1;
    HPO_TRY(hpo_reserve(&f->z, &f->cap_z, n * c + 1, sizeof *f->z, err));
    HPO_TRY(hpo_reserve(&f->y, &f->cap_y, n, sizeof *f->y, err));
    HPO_TRY(hpo_reserve(&f->w, &f->cap_w, n, sizeof *f->w, err));
    HPO_TRY(hpo_reserve(&f->block, &f->cap_block, n, sizeof *f->block, err));
    hpo_columns_row(&f->columns, u, f->z + f->n * c);
    f->block[f->n] = block_of(f, f->z + f->n * c);
    f->y[f->n] = clip(y);
    f->w[f->n] = w;
    f->weighted |= w != 1;
    f->n = n;
    return HPO_OK;
}

void hpo_forest_replace(hpo_forest *f, const double *y, const double *w)
{
    hpo_forest_retract(f);
    for (size_t i = 0; i < f->n; i++) {
        f->y[i] = clip(y[i]);
        if (w == NULL) continue;
        f->w[i] = w[i];
        f->weighted |= w[i] != 1;
    }
    f->replaced = f->n;
    f->epoch++;
}

size_t hpo_forest_n_rows(const hpo_forest *f)
{
    return f->n;
}

/* ---- when a tree is grown ---- */

/* The largest count <= n at which tree b is grown. */
static size_t scheduled(const hpo_forest *f, size_t b, size_t n)
{
    while (n >= EVERY_TIME) {
        size_t period = HPO_FOREST_BLOCKS, start = EVERY_TIME;
        for (size_t end = 128; n >= end; end *= 2) {
            period *= 2;
            start = end;
        }
        size_t slot = b * period / f->options.n_trees, back = (n + period - slot) % period;
        if (n - start >= back) return n - back;
        n = start - 1;
    }
    return n;
}

static size_t min_leaf(const hpo_forest *f, size_t n)
{
    if (f->options.min_leaf > 0) return f->options.min_leaf;
    return n < SINGLE ? 1 : n / LEAVES > 2 ? n / LEAVES : 2;
}

/* ---- leaves ---- */

static double within(const hpo_tree_stat *s)
{
    double v = s->w > 0 ? s->square - s->sum * s->sum / s->w : 0;
    return v > 0 ? v : 0;
}

static double pooled(const hpo_tree_stat *s, double pool)
{
    double dof = s->w > 1 ? s->w - 1 : 0;
    return (within(s) + 2 * pool) / (dof + 2);
}

static void refresh_leaf(const hpo_forest *f, hpo_forest_tree *t, uint32_t i)
{
    const hpo_tree_stat *s = &t->tree.stat[i], *p = &t->tree.stat[s->parent]; /* the root's parent: itself */
    double k = f->options.shrink, parent = p->w > 0 ? p->sum / p->w : 0;
    double w = s->w + k > 0 ? s->w + k : 1;
    t->leaf[i].mean = (s->sum + k * parent) / w;
    t->leaf[i].var = pooled(p, t->near) / w;
}

static void refresh_children(const hpo_forest *f, hpo_forest_tree *t, uint32_t i)
{
    uint32_t l = t->tree.node[i].left;
    if (l == i) return;
    if (hpo_tree_is_leaf(&t->tree, l)) refresh_leaf(f, t, l);
    if (hpo_tree_is_leaf(&t->tree, l + 1)) refresh_leaf(f, t, l + 1);
}

/* The variance within leaves and within their parents, over the whole tree. */
static void pool_leaves(hpo_forest_tree *t)
{
    double leaf = 0, parent = 0, parent_dof = 0;
    t->dof = 0;
    for (uint32_t i = 0; i < t->tree.n_nodes; i++) {
        const hpo_tree_stat *s = &t->tree.stat[i];
        uint32_t l = t->tree.node[i].left;
        double dof = s->w > 1 ? s->w - 1 : 0;
        if (l == i) {
            leaf += within(s);
            t->dof += dof;
        } else if (hpo_tree_is_leaf(&t->tree, l) || hpo_tree_is_leaf(&t->tree, l + 1)) {
            parent += within(s);
            parent_dof += dof;
        }
    }
    if (!(parent_dof > 0)) { /* nothing but a root */
        parent = leaf;
        parent_dof = t->dof > 0 ? t->dof : 1;
    }
    t->near = parent / parent_dof;
    t->pool = t->dof > 0 ? leaf / t->dof : t->near / 2;
}

static void stretch_box(const hpo_forest *f, double *box, const double *z)
{
    for (size_t k = 0; k < f->columns.n; k++) {
        double *low = &box[2 * k], *high = low + 1;
        if (isnan(z[k])) continue;
        if (f->columns.column[k].n_labels >
            0) { /* labels modulo 64, in two halves that doubles hold exactly */
            uint32_t bit = (uint32_t)z[k] % 64;
            double *half = bit < 32 ? low : high;
            *half = (double)((uint32_t)*half | (uint32_t)1 << (bit % 32));
            continue;
        }
        *low = fmin(*low, z[k]);
        *high = fmax(*high, z[k]);
    }
}

static void empty_box(const hpo_forest *f, double *box)
{
    for (size_t k = 0; k < f->columns.n; k++) {
        int label = f->columns.column[k].n_labels > 0;
        box[2 * k] = label ? 0 : (double)INFINITY;
        box[2 * k + 1] = label ? 0 : -(double)INFINITY;
    }
}

/* One more row goes down the tree: sums on its way, and the leaves beside it, whose parents changed.
 * Returns its leaf. */
static uint32_t put_row(const hpo_forest *f, hpo_forest_tree *t, const double *z, double y, double w)
{
    uint32_t at = 0;
    for (;; at = hpo_tree_child(&t->tree, at, z, f->columns.n)) {
        hpo_tree_stat *s = &t->tree.stat[at];
        s->w += w;
        s->sum += w * y;
        s->square += w * y * y;
        s->count++;
        if (hpo_tree_is_leaf(&t->tree, at)) break;
    }
    refresh_leaf(f, t, at);
    for (uint32_t i = at; i != 0;) {
        i = t->tree.stat[i].parent;
        refresh_children(f, t, i);
    }
    return at;
}

/* ---- growing ---- */

static int is_left_out(const hpo_forest *f, size_t b, size_t row)
{
    return f->trees[b].left_out && f->block[row] == b % HPO_FOREST_BLOCKS;
}

static hpo_status grow(hpo_forest *f, size_t b, size_t n, hpo_error *err)
{
    hpo_forest_tree *t = &f->trees[b];
    hpo_tree_data data = {&f->columns, f->z, f->y, f->weighted ? f->w : NULL};
    hpo_tree_rule rule = {
        .min_leaf = min_leaf(f, n), .tries = f->options.tries, .random_cut = f->options.random_cut};
    hpo_rng rng;
    size_t m = 0;
    t->left_out = n >= HPO_FOREST_LEAVE_OUT;
    for (size_t i = 0; i < n; i++)
        if (!is_left_out(f, b, i)) f->order[m++] = (uint32_t)i;
    hpo_rng_init(&rng, f->seed ^ (uint64_t)n << 20, b, HPO_RNG_FOREST);
    memset(t->gain, 0, f->columns.n * sizeof *t->gain);
    t->epoch = 0; /* until all is well */
    HPO_TRY(hpo_tree_grow(&t->tree, f->grower, &data, f->order, m, &rule, &rng, t->gain, err));
    HPO_TRY(hpo_reserve(&t->leaf, &t->cap_leaf, t->tree.n_nodes, sizeof *t->leaf, err));
    pool_leaves(t);
    for (uint32_t i = 0; i < t->tree.n_nodes; i++)
        if (hpo_tree_is_leaf(&t->tree, i)) refresh_leaf(f, t, i);
    if (hpo_forest__keeps_boxes(b)) {
        size_t width = 2 * f->columns.n;
        HPO_TRY(hpo_reserve(&t->box, &t->cap_box, t->tree.n_nodes * width + 1, sizeof *t->box, err));
        for (size_t i = 0; i < t->tree.n_nodes; i++)
            empty_box(f, t->box + i * width);
        for (size_t i = 0; i < m; i++) {
            const double *z = f->z + f->order[i] * f->columns.n;
            uint32_t at = 0;
            while (!hpo_tree_is_leaf(&t->tree, at))
                at = hpo_tree_child(&t->tree, at, z, f->columns.n);
            stretch_box(f, t->box + at * width, z);
        }
    }
    t->grown = t->n_rows = n;
    t->epoch = f->epoch;
    return HPO_OK;
}

/* ---- what holds for the whole forest ---- */

static void weigh_columns(hpo_forest *f)
{
    double all = 0;
    for (size_t k = 0; k < f->columns.n; k++) {
        f->weight[k] = 0;
        for (size_t b = 0; b < f->options.n_trees; b++)
            f->weight[k] += f->trees[b].gain[k];
        all += f->weight[k];
    }
    for (size_t k = 0; k < f->columns.n; k++)
        f->weight[k] = all > 0 ? f->weight[k] / all : 1 / (double)f->columns.n;
}

/* Rows that are looked at for how well they are predicted: at most CHECKED, evenly over time. */
static size_t check_stride(const hpo_forest *f)
{
    return (f->n + CHECKED - 1) / CHECKED;
}

static void measure_fit(hpo_forest *f)
{
    double w = 0, sum = 0, square = 0, error = 0, unknown = 0, leaf = 0, dof = 0;
    size_t stride = check_stride(f), checked = 0;
    for (size_t i = 0; i < f->n; i++) {
        w += f->w[i];
        sum += f->w[i] * f->y[i];
    }
    double mean = w > 0 ? sum / w : 0;
    for (size_t i = 0; i < f->n; i++)
        square += f->w[i] * (f->y[i] - mean) * (f->y[i] - mean);
    f->total = w > 0 ? square / w : 1;
    for (size_t b = 0; b < f->options.n_trees; b++) {
        leaf += f->trees[b].dof > 0 ? f->trees[b].pool * f->trees[b].dof : f->trees[b].pool;
        dof += f->trees[b].dof > 0 ? f->trees[b].dof : 1;
    }
    f->within = f->noise = dof > 0 ? leaf / dof : 0;
    for (size_t i = 0; f->n >= HPO_FOREST_LEAVE_OUT && i < f->n; i += stride) {
        double m, v;
        hpo_forest__left_out(f, f->z + i * f->columns.n, f->block[i], &m, &v);
        if (isnan(m)) continue;
        error += (f->y[i] - m) * (f->y[i] - m);
        unknown += v;
        checked++;
    }
    if (checked > 0) f->noise = fmax(f->noise, (error - unknown) / (double)checked);
    f->unfit = checked > 0 ? error / (double)checked - f->noise : f->total;
    if (!(f->unfit < f->total)) f->unfit = f->total;
    if (!(f->unfit > 0.01 * f->total)) f->unfit = 0.01 * f->total;
}

hpo_status hpo_forest_update(hpo_forest *f, hpo_error *err)
{
    int changed = 0;
    hpo_forest_retract(f);
    HPO_TRY(hpo_reserve(&f->order, &f->cap_order, f->n + 1, sizeof *f->order, err));
    for (size_t b = 0; b < f->options.n_trees; b++) {
        hpo_forest_tree *t = &f->trees[b];
        size_t at = scheduled(f, b, f->n);
        if (at < f->replaced) at = f->replaced;
        if (t->epoch != f->epoch || t->grown != at) {
            HPO_TRY(grow(f, b, at, err));
            changed = 1;
        }
        for (; t->n_rows < f->n; t->n_rows++) {
            changed = 1;
            if (is_left_out(f, b, t->n_rows)) continue;
            const double *z = f->z + t->n_rows * f->columns.n;
            uint32_t leaf = put_row(f, t, z, f->y[t->n_rows], f->w[t->n_rows]);
            if (t->box != NULL) stretch_box(f, t->box + leaf * 2 * f->columns.n, z);
        }
    }
    if (!changed) return HPO_OK;
    weigh_columns(f);
    measure_fit(f);
    return HPO_OK;
}

/* ---- assumed rows ---- */

static hpo_status remember(hpo_forest *f, size_t b, uint32_t node, hpo_error *err)
{
    HPO_TRY(hpo_reserve(&f->undo, &f->cap_undo, f->n_undo + 1, sizeof *f->undo, err));
    hpo_forest_tree *t = &f->trees[b];
    f->undo[f->n_undo++] = (hpo_forest_undo){(uint32_t)b, node, t->tree.stat[node], t->leaf[node]};
    return HPO_OK;
}

hpo_status hpo_forest_assume(hpo_forest *f, const double *u, double y, hpo_error *err)
{
    size_t c = f->columns.n;
    HPO_TRY(hpo_reserve(&f->assumed, &f->cap_assumed, (f->n_assumed + 1) * c + 1, sizeof *f->assumed, err));
    double *z = f->assumed + f->n_assumed * c;
    hpo_columns_row(&f->columns, u, z);
    f->n_assumed++;
    for (size_t b = 0; b < f->options.n_trees; b++) {
        const hpo_tree *t = &f->trees[b].tree;
        if (t->n_nodes == 0) continue;
        HPO_TRY(remember(f, b, 0, err));
        for (uint32_t i = 0; !hpo_tree_is_leaf(t, i);) { /* the path and the leaves beside it */
            HPO_TRY(remember(f, b, t->node[i].left, err));
            HPO_TRY(remember(f, b, t->node[i].left + 1, err));
            i = hpo_tree_child(t, i, z, c);
        }
        (void)put_row(f, &f->trees[b], z, clip(y), 1);
    }
    return HPO_OK;
}

void hpo_forest_retract(hpo_forest *f)
{
    while (f->n_undo > 0) {
        const hpo_forest_undo *x = &f->undo[--f->n_undo];
        f->trees[x->tree].tree.stat[x->node] = x->stat;
        f->trees[x->tree].leaf[x->node] = x->leaf;
    }
    f->n_assumed = 0;
}
