/* SPDX-License-Identifier: Apache-2.0 */
/* model/neighbours.c - a k-d tree: each node halves its rows along the feature in which they spread most,
 * down to leaves of a few rows that lie side by side.  A search goes to the near half first and to the far
 * one only when its box is nearer than the worst row found; distances to boxes are kept up one coordinate at
 * a time (Arya & Mount 1993).  Ties are broken by row everywhere: the answer does not depend on the tree. */
#include "model/neighbours.h"

#include "base/alloc.h"
#include "base/error.h"

#include <math.h>
#include <string.h>

enum { LEAF = 16 };

typedef struct node {
    double split;
    uint32_t feature, low, high; /* rows low..high-1 of the tree's order */
    uint32_t right;              /* the left child is the next node; 0: leaf */
} node;

struct hpo_neighbours {
    size_t n, k, n_nodes;
    node *nodes;
    uint32_t *row; /* tree order -> row as given */
    double *x;     /* rows in tree order */
};

/* ---- building --------------------------------------------------------------------------------------- */

typedef struct builder {
    hpo_neighbours *t;
    const double *rows;
    size_t f;
} builder;

static int before(const builder *b, uint32_t i, uint32_t j)
{
    double x = b->rows[i * b->t->k + b->f], y = b->rows[j * b->t->k + b->f];
    return x < y || (x == y && i < j);
}

static void swap(uint32_t *a, uint32_t *b)
{
    uint32_t t = *a;
    *a = *b;
    *b = t;
}

/* Rows low..high-1 arranged so that place `mid` holds what sorting would put there (Hoare's selection, median
 * of three). */
static void select_place(const builder *b, uint32_t *row, size_t low, size_t high, size_t mid)
{
    while (high - low > 2) {
        size_t last = high - 1, centre = low + (high - low) / 2;
        if (before(b, row[centre], row[low])) swap(&row[centre], &row[low]);
        if (before(b, row[last], row[low])) swap(&row[last], &row[low]);
        if (before(b, row[last], row[centre])) swap(&row[last], &row[centre]);
        uint32_t pivot = row[centre];
        size_t i = low, j = last;
        while (i <= j) {
            while (before(b, row[i], pivot))
                i++;
            while (before(b, pivot, row[j]))
                j--;
            if (i > j) break;
            swap(&row[i++], &row[j--]);
        }
        if (mid <= j)
            high = j + 1;
        else if (mid >= i)
            low = i;
        else
            return;
    }
    if (high - low == 2 && before(b, row[low + 1], row[low])) swap(&row[low], &row[low + 1]);
}

static size_t widest(const builder *b, size_t low, size_t high)
{
    size_t best = 0;
    double spread = -1;
    for (size_t f = 0; f < b->t->k; f++) {
        double least = INFINITY, most = -(double)INFINITY;
        for (size_t i = low; i < high; i++) {
            double x = b->rows[b->t->row[i] * b->t->k + f];
            least = fmin(least, x);
            most = fmax(most, x);
        }
        if (most - least > spread) {
            spread = most - least;
            best = f;
        }
    }
    return best;
}

/* As deep as log2(n / LEAF). */
static void grow(builder *b, size_t low, size_t high)
{
    hpo_neighbours *t = b->t;
    size_t self = t->n_nodes++;
    t->nodes[self] = (node){.low = (uint32_t)low, .high = (uint32_t)high};
    if (high - low <= LEAF) return;
    size_t mid = low + (high - low) / 2, f = b->f = widest(b, low, high);
    select_place(b, t->row, low, high, mid);
    t->nodes[self].feature = (uint32_t)f;
    t->nodes[self].split = b->rows[t->row[mid] * t->k + f];
    grow(b, low, mid);
    t->nodes[self].right = (uint32_t)t->n_nodes;
    grow(b, mid, high);
}

hpo_status hpo_neighbours_create(const double *rows, size_t n, size_t k, hpo_neighbours **out, hpo_error *err)
{
    *out = NULL;
    if (k == 0 || k > HPO_NEIGHBOURS_MAX_WIDTH || n >= UINT32_MAX)
        return hpo_fail(err, HPO_EUNSUPPORTED, "%zu rows of %zu features: at most 2^32 - 2 of 1 to %d", n, k,
                        HPO_NEIGHBOURS_MAX_WIDTH);
    hpo_neighbours *t = hpo_calloc(1, sizeof *t);
    if (!t) return hpo_fail_memory(err);
    t->n = n;
    t->k = k;
    /* leaves of a split set have LEAF / 2 rows at least, and there is one inner node less */
    t->nodes = hpo_alloc_array(2 * (n / (LEAF / 2)) + 1, sizeof *t->nodes);
    t->row = hpo_alloc_array(n, sizeof *t->row);
    t->x = hpo_alloc_array(n, k * sizeof *t->x);
    if (!t->nodes || !t->row || !t->x) {
        hpo_neighbours_free(t);
        return hpo_fail_memory(err);
    }
    for (size_t i = 0; i < n; i++)
        t->row[i] = (uint32_t)i;
    builder b = {.t = t, .rows = rows};
    grow(&b, 0, n);
    for (size_t i = 0; i < n; i++)
        memcpy(t->x + i * k, rows + t->row[i] * k, k * sizeof *rows);
    *out = t;
    return HPO_OK;
}

void hpo_neighbours_free(hpo_neighbours *t)
{
    if (!t) return;
    hpo_free(t->nodes);
    hpo_free(t->row);
    hpo_free(t->x);
    hpo_free(t);
}

/* ---- searching -------------------------------------------------------------------------------------- */

typedef struct search {
    const hpo_neighbours *t;
    const double *a;
    const uint32_t *rank;
    uint32_t limit;
    size_t want, found;
    hpo_neighbour *out; /* ascending */
    double offset[HPO_NEIGHBOURS_MAX_WIDTH];
} search;

static void offer(search *s, double q, uint32_t row)
{
    size_t i = s->found < s->want ? s->found++ : s->want - 1;
    for (; i > 0 && (q < s->out[i - 1].q || (q == s->out[i - 1].q && row < s->out[i - 1].row)); i--)
        s->out[i] = s->out[i - 1];
    s->out[i] = (hpo_neighbour){q, row};
}

static int worse(const search *s, double q, uint32_t row)
{
    const hpo_neighbour *last = &s->out[s->want - 1];
    return s->found == s->want && (q > last->q || (q == last->q && row > last->row));
}

static void look_at_leaf(search *s, const node *leaf)
{
    const hpo_neighbours *t = s->t;
    for (size_t i = leaf->low; i < leaf->high; i++) {
        const double *x = t->x + i * t->k;
        double q = 0;
        if (s->rank && s->rank[t->row[i]] >= s->limit) continue;
        for (size_t f = 0; f < t->k; f++)
            q += (s->a[f] - x[f]) * (s->a[f] - x[f]);
        if (!worse(s, q, t->row[i])) offer(s, q, t->row[i]);
    }
}

/* box: squared distance of a to the node's box. */
static void visit(search *s, size_t at, double box)
{
    const node *here = &s->t->nodes[at];
    if (here->right == 0) {
        look_at_leaf(s, here);
        return;
    }
    double d = s->a[here->feature] - here->split, old = s->offset[here->feature];
    size_t near = d < 0 ? at + 1 : here->right, far = d < 0 ? here->right : at + 1;
    visit(s, near, box);
    double beyond = box - old * old + d * d;
    /* A margin for rounding in what is added and taken away. */
    if (s->found == s->want && beyond * (1 - 1e-12) > s->out[s->want - 1].q) return;
    s->offset[here->feature] = d;
    visit(s, far, beyond);
    s->offset[here->feature] = old;
}

size_t hpo_neighbours_find(const hpo_neighbours *t, const double *a, size_t want, const uint32_t *rank,
                           uint32_t limit, hpo_neighbour *out)
{
    search s;
    s.t = t;
    s.a = a;
    s.rank = rank;
    s.limit = limit;
    s.want = want;
    s.found = 0;
    s.out = out;
    memset(s.offset, 0, t->k * sizeof *s.offset);
    if (want > 0 && t->n > 0) visit(&s, 0, 0);
    return s.found;
}
