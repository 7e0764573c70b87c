/* SPDX-License-Identifier: Apache-2.0 */
/* model/tree.c - growing a regression tree, and walking down it.
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
 * Labels that the node has not seen all go to one side, chosen by a coin: over many trees that says
 * "unknown".
 *
 * Numbers are compared by their first 16 bits while a cut is sought (a radix sort), so values nearer than
 * 2^-16 of the range are never parted.  Above SAMPLE rows a node chooses its split from a sample of them: the
 * error of the choice is then far below that of the leaves, and a level costs one pass. */
#include "model/tree.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

enum { SAMPLE = 2048, BITS = 8, BUCKETS = 1 << BITS, INSERTION = 40, STACK = 64 };

typedef struct group {
    double label, w, sum, mean; /* label -1: inactive */
    uint32_t count;
} group;

struct hpo_tree_grower {
    size_t n_columns;
    uint32_t *column; /* order in which columns are tried */
    double v[SAMPLE], y[SAMPLE], w[SAMPLE];
    uint64_t key[SAMPLE], other[SAMPLE]; /* place in the order << 32 | index */
    group groups[SAMPLE + 1];
    uint32_t labels[SAMPLE];
    size_t n_groups;
};

/* The node being split, or the sample of its rows. */
typedef struct part {
    const uint32_t *rows;
    size_t n, min_leaf;
    double w, sum; /* of the sample */
} part;

typedef struct split {
    int found, is_label, inactive_right;
    size_t column;
    double score; /* S_l^2 / W_l + S_r^2 / W_r */
    double a, b;  /* a number: values next to the cut; a == b: cut exactly there */
    size_t cut;   /* labels: groups [0, cut) go left */
} split;

hpo_status hpo_tree_grower_create(const hpo_columns *columns, hpo_tree_grower **out, hpo_error *err)
{
    *out = hpo_calloc(1, sizeof **out);
    if (*out == NULL) return hpo_fail_memory(err);
    (*out)->n_columns = columns->n;
    (*out)->column = hpo_calloc(columns->n, sizeof *(*out)->column);
    if ((*out)->column != NULL) return HPO_OK;
    hpo_tree_grower_free(*out);
    *out = NULL;
    return hpo_fail_memory(err);
}

void hpo_tree_grower_free(hpo_tree_grower *g)
{
    if (g == NULL) return;
    hpo_free(g->column);
    hpo_free(g);
}

void hpo_tree_fini(hpo_tree *t)
{
    hpo_free(t->node);
    hpo_free(t->stat);
    hpo_free(t->labels);
    memset(t, 0, sizeof *t);
}

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

static void sort_groups(group *g, size_t n)
{
    static const size_t gaps[] = {701, 301, 132, 57, 23, 10, 4, 1}; /* Ciura's */
    for (size_t k = 0; k < sizeof gaps / sizeof gaps[0]; k++)
        for (size_t i = gaps[k]; i < n; i++) {
            group x = g[i];
            size_t j = i;
            for (; j >= gaps[k]; j -= gaps[k]) {
                const group *p = &g[j - gaps[k]];
                if (p->mean < x.mean || (p->mean == x.mean && p->label <= x.label)) break;
                g[j] = *p;
            }
            g[j] = x;
        }
}

/* ---- one column ---- */

/* The column of the sample into g->v; returns how many are inactive. */
static size_t fetch(hpo_tree_grower *g, const hpo_tree_data *d, const part *p, size_t column, double *low,
                    double *high)
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

static double score(double wl, double sl, const part *p)
{
    double wr = p->w - wl, sr = p->sum - sl;
    return wl > 0 && wr > 0 ? sl * sl / wl + sr * sr / wr : -(double)INFINITY;
}

/* Keeps a cut with the inactive on one side: `left` rows, wl, sl on the left. */
static int consider(split *best, const part *p, size_t left, double wl, double sl)
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
static void consider_cut(split *best, const part *p, size_t column, sums in, sums out, double a, double b)
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

static sums inactive_sums(const hpo_tree_grower *g, const part *p)
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

static void number_random(hpo_tree_grower *g, const part *p, size_t column, double low, double high, sums out,
                          hpo_rng *rng, split *best)
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

static void number_best(hpo_tree_grower *g, const part *p, size_t column, sums out, split *best)
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

static void try_number(hpo_tree_grower *g, const part *p, const hpo_tree_rule *rule, size_t column,
                       double low, double high, size_t inactive, hpo_rng *rng, split *best)
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
static void group_labels(hpo_tree_grower *g, const part *p, uint32_t n_labels)
{
    for (size_t i = 0; i < p->n; i++)
        g->key[i] = (uint64_t)(isnan(g->v[i]) ? 0 : g->v[i] + 1) << 32 | i;
    sort_keys(g->key, g->other, p->n, (uint64_t)n_labels + 1);
    g->n_groups = 0;
    for (size_t i = 0; i < p->n; i++) {
        size_t k = (uint32_t)g->key[i];
        if (i == 0 || g->key[i] >> 32 != g->key[i - 1] >> 32)
            g->groups[g->n_groups++] = (group){.label = (double)(g->key[i] >> 32) - 1};
        group *q = &g->groups[g->n_groups - 1];
        q->count++;
        q->w += g->w[k];
        q->sum += g->w[k] * g->y[k];
    }
    for (size_t i = 0; i < g->n_groups; i++)
        g->groups[i].mean = g->groups[i].sum / g->groups[i].w;
    sort_groups(g->groups, g->n_groups);
}

static void try_label(hpo_tree_grower *g, const part *p, const hpo_tree_rule *rule, size_t column,
                      uint32_t n_labels, hpo_rng *rng, split *best)
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

static void choose(hpo_tree_grower *g, const hpo_tree_data *d, const part *p, const hpo_tree_rule *rule,
                   hpo_rng *rng, split *best)
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

/* ---- nodes ---- */

static hpo_status add_nodes(hpo_tree *t, size_t n, hpo_error *err)
{
    HPO_TRY(hpo_reserve(&t->node, &t->cap_nodes, t->n_nodes + n, sizeof *t->node, err));
    HPO_TRY(hpo_reserve(&t->stat, &t->cap_stats, t->n_nodes + n, sizeof *t->stat, err));
    for (size_t i = 0; i < n; i++, t->n_nodes++) {
        t->node[t->n_nodes] = (hpo_tree_node){.cut.t = INT64_MAX, .left = (uint32_t)t->n_nodes, .key = 0};
        t->stat[t->n_nodes] = (hpo_tree_stat){0};
    }
    return HPO_OK;
}

static void sort_labels(uint32_t *x, size_t n)
{
    for (size_t gap = n / 2; gap > 0; gap /= 2)
        for (size_t i = gap; i < n; i++) {
            uint32_t v = x[i];
            size_t j = i;
            for (; j >= gap && x[j - gap] > v; j -= gap)
                x[j] = x[j - gap];
            x[j] = v;
        }
}

/* v: label, or negative or NaN when inactive. */
static uint64_t mask_bit(double v)
{
    return (uint64_t)1 << (v >= 0 ? (unsigned)v : HPO_TREE_LABELS);
}

/* The question of a split by labels.  A coin says where labels go that were not seen here. */
static hpo_status ask_label(hpo_tree *t, hpo_tree_grower *g, const hpo_tree_data *d, const part *p,
                            const split *s, hpo_rng *rng, hpo_tree_node *node, hpo_error *err)
{
    double low, high;
    uint32_t labels = d->columns->column[s->column].n_labels;
    int unseen_right = (int)hpo_rng_below(rng, 2), inactive_right = unseen_right;
    (void)fetch(g, d, p, s->column, &low, &high);
    group_labels(g, p, labels);
    for (size_t i = 0; i < g->n_groups; i++)
        if (g->groups[i].label < 0) inactive_right = i >= s->cut;
    uint32_t side = inactive_right ? (uint32_t)HPO_TREE_RIGHT : 0;
    if (labels <= HPO_TREE_LABELS) {
        node->cut.mask = unseen_right ? UINT64_MAX : 0;
        for (size_t i = 0; i < g->n_groups; i++) {
            uint64_t bit = mask_bit(g->groups[i].label);
            node->cut.mask = i >= s->cut ? node->cut.mask | bit : node->cut.mask & ~bit;
        }
        node->key = (uint32_t)s->column | HPO_TREE_MASK;
        return HPO_OK;
    }
    /* the list holds labels of the side that the unseen do not take; its first entry says which side that is
     */
    size_t n = 0;
    for (size_t i = 0; i < g->n_groups; i++)
        if (g->groups[i].label >= 0 && (i >= s->cut) != unseen_right)
            g->labels[n++] = (uint32_t)g->groups[i].label;
    sort_labels(g->labels, n);
    HPO_TRY(hpo_reserve(&t->labels, &t->cap_labels, t->n_labels + n + 1, sizeof *t->labels, err));
    t->has_lists = 1;
    node->cut.list.first = (uint32_t)t->n_labels;
    node->cut.list.count = (uint32_t)n;
    t->labels[t->n_labels++] = !unseen_right;
    memcpy(t->labels + t->n_labels, g->labels, n * sizeof *g->labels);
    t->n_labels += n;
    node->key = (uint32_t)s->column | HPO_TREE_LIST | side;
    return HPO_OK;
}

static hpo_status ask(hpo_tree *t, hpo_tree_grower *g, const hpo_tree_data *d, const part *p, const split *s,
                      hpo_rng *rng, hpo_tree_node *node, hpo_error *err)
{
    if (s->is_label) return ask_label(t, g, d, p, s, rng, node, err);
    double threshold = s->a;
    if (s->a < s->b) {
        threshold = s->a + (s->b - s->a) * hpo_rng_uniform(rng);
        if (!(threshold < s->b)) threshold = s->a;
    }
    /* all active left: no coordinate is above 2, and the inactive at +infinity are */
    if (isinf(threshold)) threshold = 2;
    node->cut.t = hpo_tree_place(threshold);
    node->key = (uint32_t)(s->column + (s->inactive_right ? d->columns->n : 0));
    return HPO_OK;
}

/* Rows of the left child first; returns how many. */
static size_t divide(const hpo_tree *t, size_t node, const hpo_tree_data *d, uint32_t *rows, size_t n)
{
    size_t i = 0, j = n, stride = d->columns->n;
    while (i < j) {
        if (hpo_tree_child(t, node, d->z + rows[i] * stride, stride) == t->node[node].left) {
            i++;
            continue;
        }
        uint32_t r = rows[i];
        rows[i] = rows[--j];
        rows[j] = r;
    }
    return i;
}

/* Sums of a node; 1 when all responses are equal. */
static int measure(hpo_tree_stat *s, const hpo_tree_data *d, const uint32_t *rows, size_t n)
{
    double low = (double)INFINITY, high = -(double)INFINITY;
    s->count = (uint32_t)n;
    for (size_t i = 0; i < n; i++) {
        double y = d->y[rows[i]], w = d->w != NULL ? d->w[rows[i]] : 1;
        s->w += w;
        s->sum += w * y;
        s->square += w * y * y;
        if (y < low) low = y;
        if (y > high) high = y;
    }
    return !(low < high);
}

/* The rows that choose the split: all, or SAMPLE of them evenly over their present (arbitrary) order. */
static part take_sample(hpo_tree_grower *g, const hpo_tree_data *d, const uint32_t *rows, size_t n,
                        size_t min_leaf, uint32_t *sample)
{
    part p = {.rows = rows, .n = n, .min_leaf = min_leaf};
    if (n > SAMPLE) {
        for (size_t i = 0; i < SAMPLE; i++)
            sample[i] = rows[i * n / SAMPLE];
        p = (part){.rows = sample, .n = SAMPLE, .min_leaf = min_leaf * SAMPLE / n + 1};
    }
    for (size_t i = 0; i < p.n; i++) {
        g->y[i] = d->y[p.rows[i]];
        g->w[i] = d->w != NULL ? d->w[p.rows[i]] : 1;
        p.w += g->w[i];
        p.sum += g->w[i] * g->y[i];
    }
    return p;
}

typedef struct job {
    uint32_t node, first, n, depth;
} job;

hpo_status hpo_tree_grow(hpo_tree *t, hpo_tree_grower *g, const hpo_tree_data *data, uint32_t *rows, size_t n,
                         const hpo_tree_rule *rule, hpo_rng *rng, double *gain, hpo_error *err)
{
    job stack[STACK];
    uint32_t sample[SAMPLE];
    size_t depth = 0;
    t->n_nodes = t->n_labels = 0;
    t->has_lists = 0;
    for (size_t i = 0; i < g->n_columns; i++)
        g->column[i] = (uint32_t)i;
    HPO_TRY(add_nodes(t, 1, err));
    stack[depth++] = (job){0, 0, (uint32_t)n, 0};
    while (depth > 0) {
        job j = stack[--depth];
        uint32_t *mine = rows + j.first;
        int constant = measure(&t->stat[j.node], data, mine, j.n);
        if (constant || j.n < 2 * rule->min_leaf || j.n < 2) continue;
        if (rule->max_depth > 0 && j.depth >= rule->max_depth) continue;
        part p = take_sample(g, data, mine, j.n, rule->min_leaf, sample);
        split best = {.score = -(double)INFINITY};
        choose(g, data, &p, rule, rng, &best);
        if (!best.found) continue;
        HPO_TRY(add_nodes(t, 2, err));
        hpo_tree_node question = {.left = (uint32_t)t->n_nodes - 2};
        HPO_TRY(ask(t, g, data, &p, &best, rng, &question, err));
        t->node[j.node] = question;
        size_t left = divide(t, j.node, data, mine, j.n);
        if (left == 0 || left == j.n) { /* a sample may mislead: then this is a leaf */
            t->n_nodes -= 2;
            t->node[j.node] = (hpo_tree_node){.cut.t = INT64_MAX, .left = j.node, .key = 0};
            continue;
        }
        t->stat[question.left].parent = t->stat[question.left + 1].parent = j.node;
        if (gain != NULL) gain[best.column] += (best.score - p.sum * p.sum / p.w) * t->stat[j.node].w / p.w;
        job l = {question.left, j.first, (uint32_t)left, j.depth + 1};
        job r = {question.left + 1, j.first + (uint32_t)left, j.n - (uint32_t)left, j.depth + 1};
        /* the smaller one next: the stack then holds at most log2 n jobs */
        stack[depth++] = l.n > r.n ? l : r;
        stack[depth++] = l.n > r.n ? r : l;
    }
    return HPO_OK;
}

/* ---- walking ---- */

uint32_t hpo_tree_list_side(const hpo_tree *t, const hpo_tree_node *n, int64_t v)
{
    const uint32_t *labels = t->labels + n->cut.list.first;
    uint32_t side = *labels++, want = (uint32_t)v;
    size_t low = 0, high = n->cut.list.count;
    if (v < 0) return (n->key & HPO_TREE_RIGHT) != 0;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (labels[middle] < want)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n->cut.list.count && labels[low] == want ? side : !side;
}

uint32_t hpo_tree_child(const hpo_tree *t, size_t node, const double *z, size_t n_columns)
{
    const hpo_tree_node *n = &t->node[node];
    size_t column = n->key & HPO_TREE_COLUMN;
    if (n->key & HPO_TREE_MASK) return n->left + ((mask_bit(z[column]) & n->cut.mask) != 0);
    if (n->key & HPO_TREE_LIST)
        return n->left + hpo_tree_list_side(t, n, isnan(z[column]) ? -1 : (int64_t)z[column]);
    int inactive_right = column >= n_columns;
    double v = z[column - (inactive_right ? n_columns : 0)];
    return n->left + (isnan(v) ? (uint32_t)inactive_right : hpo_tree_place(v) > n->cut.t);
}

void hpo_tree_widen(const hpo_columns *c, const double *z, int64_t *wide)
{
    if (c->n == 0) wide[0] = 0;
    for (size_t i = 0; i < c->n; i++) {
        uint32_t labels = c->column[i].n_labels;
        if (labels > HPO_TREE_LABELS) {
            wide[i] = wide[c->n + i] = isnan(z[i]) ? -1 : (int64_t)z[i];
        } else if (labels > 0) {
            uint64_t bit = mask_bit(z[i]);
            memcpy(&wide[i], &bit, sizeof bit);
            wide[c->n + i] = wide[i];
        } else {
            wide[i] = hpo_tree_place(isnan(z[i]) ? -(double)INFINITY : z[i]);
            wide[c->n + i] = hpo_tree_place(isnan(z[i]) ? (double)INFINITY : z[i]);
        }
    }
}

/* Eight lanes wait for each other, so that their loads overlap; no branch depends on the data. */
enum { LANES = 8 };

static void walk(const hpo_tree *t, const int64_t *wide, size_t stride, uint32_t *leaf)
{
    const hpo_tree_node *node = t->node;
    uint32_t at[LANES] = {0}, moved;
    do {
        moved = 0;
        for (size_t k = 0; k < LANES; k++) {
            const hpo_tree_node *n = &node[at[k]];
            uint32_t key = n->key;
            int64_t v = wide[k * stride + (key & HPO_TREE_COLUMN)];
            uint32_t above = v > n->cut.t, in = ((uint64_t)v & n->cut.mask) != 0, label = key / HPO_TREE_MASK;
            uint32_t next = n->left + (above ^ ((above ^ in) & label));
            moved |= next ^ at[k];
            at[k] = next;
        }
    } while (moved != 0);
    memcpy(leaf, at, sizeof at);
}

void hpo_tree_leaves(const hpo_tree *t, const int64_t *wide, size_t stride, size_t m, uint32_t *leaf)
{
    size_t i = 0;
    for (; !t->has_lists && i + LANES <= m; i += LANES)
        walk(t, wide + i * stride, stride, leaf + i);
    for (; i < m; i++) {
        uint32_t at = 0, next;
        while ((next = hpo_tree_step(t, at, wide + i * stride)) != at)
            at = next;
        leaf[i] = at;
    }
}
