/* SPDX-License-Identifier: Apache-2.0 */
/* model/tree.c - growing a regression tree, and walking down it.  How a node is split: tree_split.c; rows in
 * order: tree_order.c.
 *
 * Labels that the node has not seen all go to one side, chosen by a coin: over many trees that says
 * "unknown". */
#include "model/tree_internal.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

enum { STACK = 64 };

hpo_status hpo_tree_grower_create(const hpo_columns *columns, hpo_tree_grower **out, hpo_error *err)
{
    *out = hpo_calloc(1, sizeof **out);
    if (*out == NULL) return hpo_fail_memory(err);
    (*out)->n_columns = columns->n;
    (*out)->column = hpo_calloc(columns->n + 1, sizeof *(*out)->column);
    (*out)->order = hpo_calloc((columns->n + 1) * HPO_TREE_SAMPLE, sizeof *(*out)->order);
    if ((*out)->column != NULL && (*out)->order != NULL) return HPO_OK;
    hpo_tree_grower_free(*out);
    *out = NULL;
    return hpo_fail_memory(err);
}

void hpo_tree_grower_free(hpo_tree_grower *g)
{
    if (g == NULL) return;
    hpo_free(g->column);
    hpo_free(g->order);
    hpo_free(g);
}

void hpo_tree_fini(hpo_tree *t)
{
    hpo_free(t->node);
    hpo_free(t->stat);
    hpo_free(t->labels);
    memset(t, 0, sizeof *t);
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
static hpo_status ask_label(hpo_tree *t, hpo_tree_grower *g, const hpo_tree_data *d, const hpo_tree_part *p,
                            const hpo_tree_split *s, hpo_rng *rng, hpo_tree_node *node, hpo_error *err)
{
    uint32_t labels = d->columns->column[s->column].n_labels;
    int unseen_right = (int)hpo_rng_below(rng, 2), inactive_right = unseen_right;
    hpo_tree__group(g, d, p, s->column);
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

static hpo_status ask(hpo_tree *t, hpo_tree_grower *g, const hpo_tree_data *d, const hpo_tree_part *p,
                      const hpo_tree_split *s, hpo_rng *rng, hpo_tree_node *node, hpo_error *err)
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

/* The same for a part of the loaded rows: where each one goes is noted in g->side. */
static size_t find_sides(const hpo_tree *t, size_t node, const hpo_tree_data *d, hpo_tree_grower *g,
                         const hpo_tree_part *p)
{
    const uint32_t *order = hpo_tree__order(g, p, 0);
    size_t left = 0, stride = d->columns->n;
    for (size_t i = 0; i < p->n; i++) {
        size_t k = order[i] & 0xFFFF;
        uint32_t child = hpo_tree_child(t, node, d->z + g->row[k] * stride, stride);
        g->side[k] = (uint8_t)(child != t->node[node].left);
        left += 1 - (size_t)g->side[k];
    }
    return left;
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

/* The rows that choose the split: all, or HPO_TREE_SAMPLE of them evenly over their present (arbitrary)
 * order. */
static hpo_tree_part load(hpo_tree_grower *g, const hpo_tree_data *d, const uint32_t *rows, size_t n,
                          size_t min_leaf, uint32_t *sample)
{
    hpo_tree_part p = {.n = n, .min_leaf = min_leaf};
    if (n > HPO_TREE_SAMPLE) {
        for (size_t i = 0; i < HPO_TREE_SAMPLE; i++)
            sample[i] = rows[i * n / HPO_TREE_SAMPLE];
        p = (hpo_tree_part){.n = HPO_TREE_SAMPLE, .min_leaf = min_leaf * HPO_TREE_SAMPLE / n + 1};
        rows = sample;
    }
    hpo_tree__load(g, d, rows, p.n);
    for (size_t i = 0; i < p.n; i++) {
        p.w += g->w[i];
        p.sum += g->wy[i];
    }
    return p;
}

typedef struct job {
    uint32_t node, first, n, depth;
    int64_t base; /* row of the first one loaded, -1: not loaded */
} job;

hpo_status hpo_tree_grow(hpo_tree *t, hpo_tree_grower *g, const hpo_tree_data *data, uint32_t *rows, size_t n,
                         const hpo_tree_rule *rule, hpo_rng *rng, double *gain, hpo_error *err)
{
    job stack[STACK];
    uint32_t sample[HPO_TREE_SAMPLE];
    size_t depth = 0, least = rule->min_leaf > 1 ? 2 * rule->min_leaf : 2;
    t->n_nodes = t->n_labels = 0;
    t->has_lists = 0;
    for (size_t i = 0; i < g->n_columns; i++)
        g->column[i] = (uint32_t)i;
    HPO_TRY(add_nodes(t, 1, err));
    stack[depth++] = (job){0, 0, (uint32_t)n, 0, -1};
    while (depth > 0) {
        job j = stack[--depth];
        uint32_t *mine = rows + j.first;
        hpo_tree_stat *stat = &t->stat[j.node];
        hpo_tree_part p = {
            .first = j.base < 0 ? 0 : j.first - (size_t)j.base, .n = j.n, .min_leaf = rule->min_leaf};
        if (j.base >= 0) { /* all that stand here, and only they, are still the node's */
            const uint32_t *order = hpo_tree__order(g, &p, 0);
            for (size_t i = 0; i < j.n; i++)
                mine[i] = g->row[order[i] & 0xFFFF];
        }
        int constant = measure(stat, data, mine, j.n);
        if (constant || j.n < least || g->n_columns == 0) continue;
        if (rule->max_depth > 0 && j.depth >= rule->max_depth) continue;
        p.w = stat->w;
        p.sum = stat->sum;
        if (j.base < 0) p = load(g, data, mine, j.n, rule->min_leaf, sample);
        if (j.base < 0 && j.n <= HPO_TREE_SAMPLE) j.base = j.first;
        hpo_tree_split best = {.score = -(double)INFINITY};
        hpo_tree__choose(g, data, &p, rule, rng, &best);
        if (!best.found) continue;
        HPO_TRY(add_nodes(t, 2, err));
        hpo_tree_node question = {.left = (uint32_t)t->n_nodes - 2};
        HPO_TRY(ask(t, g, data, &p, &best, rng, &question, err));
        t->node[j.node] = question;
        size_t left = j.base < 0 ? divide(t, j.node, data, mine, j.n) : find_sides(t, j.node, data, g, &p);
        if (left == 0 || left == j.n) { /* a sample may mislead: then this is a leaf */
            t->n_nodes -= 2;
            t->node[j.node] = (hpo_tree_node){.cut.t = INT64_MAX, .left = j.node, .key = 0};
            continue;
        }
        /* children that are not split need no order but one */
        if (j.base >= 0)
            hpo_tree__part(g, p.first, p.n, left < least && j.n - left < least ? 1 : g->n_columns);
        t->stat[question.left].parent = t->stat[question.left + 1].parent = j.node;
        if (gain != NULL) gain[best.column] += (best.score - p.sum * p.sum / p.w) * t->stat[j.node].w / p.w;
        job l = {question.left, j.first, (uint32_t)left, j.depth + 1, j.base};
        job r = {question.left + 1, j.first + (uint32_t)left, j.n - (uint32_t)left, j.depth + 1, j.base};
        /* the smaller one next: the stack then holds at most log2 n jobs; what is loaded is used up before
         * other rows are */
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
