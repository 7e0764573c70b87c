/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/ranking.c - a treap with counts: a search tree by (value, trial), a heap by a hash of the trial.
 *
 * The hash is fixed, so the shape of the tree, and with it the order in which weights are summed, follows
 * from the entries alone: the same bits in every process and for every order of arrival.  Expected depth is
 * about 2 ln n.  Reference: Seidel, Aragon: "Randomized search trees", Algorithmica 16, 1996. */
#include "scheduler/ranking.h"

#include <math.h>

#include "base/alloc.h"
#include "base/error.h"

typedef struct hpo_ranking_node {
    double value, weight, sum; /* sum: of the weights of the subtree */
    int64_t trial;
    uint64_t priority;
    uint32_t left, right, size, n_open; /* of the subtree */
    int open;
} node;

void hpo_ranking_fini(hpo_ranking *r)
{
    hpo_free(r->nodes);
    *r = (hpo_ranking){0};
}

/* The finaliser of SplitMix64: a bijection, so priorities never tie. */
static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* NaN behind everything, -0 as 0. */
static int comes_before(double v, int64_t trial, double w, int64_t other)
{
    if (isnan(v) || isnan(w)) {
        if (isnan(v) && isnan(w)) return trial < other;
        return isnan(w);
    }
    return v < w || (v == w && trial < other);
}

static void update(node *t, uint32_t i)
{
    const node *l = &t[t[i].left], *r = &t[t[i].right];
    t[i].size = l->size + r->size + 1;
    t[i].n_open = l->n_open + r->n_open + (uint32_t)t[i].open;
    t[i].sum = l->sum + t[i].weight + r->sum;
}

/* Splits tree i into what comes before (value, trial) and the rest. */
static void split(node *t, uint32_t i, double value, int64_t trial, uint32_t *before, uint32_t *behind)
{
    if (i == 0) {
        *before = *behind = 0;
    } else if (comes_before(t[i].value, t[i].trial, value, trial)) {
        split(t, t[i].right, value, trial, &t[i].right, behind);
        *before = i;
        update(t, i);
    } else {
        split(t, t[i].left, value, trial, before, &t[i].left);
        *behind = i;
        update(t, i);
    }
}

static uint32_t join(node *t, uint32_t a, uint32_t b)
{
    if (a == 0 || b == 0) return a == 0 ? b : a;
    if (t[a].priority > t[b].priority) {
        t[a].right = join(t, t[a].right, b);
        update(t, a);
        return a;
    }
    t[b].left = join(t, a, t[b].left);
    update(t, b);
    return b;
}

static hpo_status take_node(hpo_ranking *r, uint32_t *out, hpo_error *err)
{
    if (r->unused != 0) {
        *out = r->unused;
        r->unused = r->nodes[r->unused].left;
        return HPO_OK;
    }
    size_t cap = r->cap, need = (size_t)r->n + 2;
    if (need > UINT32_MAX / 2) return hpo_fail_memory(err);
    HPO_TRY(hpo_reserve(&r->nodes, &cap, need, sizeof *r->nodes, err));
    r->cap = cap < UINT32_MAX ? (uint32_t)cap : UINT32_MAX;
    if (r->n == 0) r->nodes[0] = (node){0};
    *out = ++r->n;
    return HPO_OK;
}

/* Puts node `fresh` in: down by the keys until its priority is the higher one, there it splits what is below.
 */
static void put(node *t, uint32_t *at, uint32_t fresh)
{
    if (*at == 0 || t[fresh].priority > t[*at].priority) {
        split(t, *at, t[fresh].value, t[fresh].trial, &t[fresh].left, &t[fresh].right);
        *at = fresh;
    } else if (comes_before(t[fresh].value, t[fresh].trial, t[*at].value, t[*at].trial)) {
        put(t, &t[*at].left, fresh);
    } else {
        put(t, &t[*at].right, fresh);
    }
    update(t, *at);
}

hpo_status hpo_ranking_add(hpo_ranking *r, double value, int64_t trial, double weight, int open,
                           hpo_error *err)
{
    uint32_t i;
    HPO_TRY(take_node(r, &i, err));
    r->nodes[i] = (node){.value = value,
                         .weight = weight,
                         .trial = trial,
                         .priority = mix((uint64_t)trial + 0x9E3779B97F4A7C15u),
                         .open = open != 0};
    put(r->nodes, &r->root, i);
    return HPO_OK;
}

static void drop(hpo_ranking *r, uint32_t *at, double value, int64_t trial)
{
    node *t = r->nodes;
    uint32_t i = *at;
    if (i == 0) return;
    if (comes_before(value, trial, t[i].value, t[i].trial)) {
        drop(r, &t[i].left, value, trial);
        update(t, i);
    } else if (comes_before(t[i].value, t[i].trial, value, trial)) {
        drop(r, &t[i].right, value, trial);
        update(t, i);
    } else {
        *at = join(t, t[i].left, t[i].right);
        t[i].left = r->unused;
        r->unused = i;
    }
}

void hpo_ranking_remove(hpo_ranking *r, double value, int64_t trial)
{
    if (r->nodes != NULL) drop(r, &r->root, value, trial);
}

static void mark(node *t, uint32_t i, double value, int64_t trial, int open)
{
    if (i == 0) return;
    if (comes_before(value, trial, t[i].value, t[i].trial))
        mark(t, t[i].left, value, trial, open);
    else if (comes_before(t[i].value, t[i].trial, value, trial))
        mark(t, t[i].right, value, trial, open);
    else
        t[i].open = open;
    update(t, i);
}

void hpo_ranking_set_open(hpo_ranking *r, double value, int64_t trial, int open)
{
    if (r->nodes != NULL) mark(r->nodes, r->root, value, trial, open != 0);
}

size_t hpo_ranking_size(const hpo_ranking *r)
{
    return r->root == 0 ? 0 : r->nodes[r->root].size;
}

double hpo_ranking_weight(const hpo_ranking *r)
{
    return r->root == 0 ? 0 : r->nodes[r->root].sum;
}

size_t hpo_ranking_before(const hpo_ranking *r, double value, int64_t trial)
{
    size_t n = 0;
    for (uint32_t i = r->root; i != 0;) {
        const node *t = &r->nodes[i];
        int before = comes_before(t->value, t->trial, value, trial);
        if (before) n += r->nodes[t->left].size + 1;
        i = before ? t->right : t->left;
    }
    return n;
}

size_t hpo_ranking_below(const hpo_ranking *r, double value)
{
    return hpo_ranking_before(r, value, INT64_MIN);
}

static void show(const node *t, size_t rank, hpo_ranked *out)
{
    *out = (hpo_ranked){
        .value = t->value, .weight = t->weight, .trial = t->trial, .rank = rank, .open = t->open};
}

int hpo_ranking_at(const hpo_ranking *r, size_t k, hpo_ranked *out)
{
    const size_t rank = k;
    for (uint32_t i = r->root; i != 0;) {
        const node *t = &r->nodes[i];
        size_t left = r->nodes[t->left].size;
        if (k == left) {
            show(t, rank, out);
            return 1;
        }
        i = k < left ? t->left : t->right;
        k -= k < left ? 0 : left + 1;
    }
    return 0;
}

int hpo_ranking_first_open(const hpo_ranking *r, hpo_ranked *out)
{
    size_t rank = 0;
    for (uint32_t i = r->root; i != 0;) {
        const node *t = &r->nodes[i], *left = &r->nodes[t->left];
        if (left->n_open > 0) {
            i = t->left;
            continue;
        }
        rank += left->size;
        if (t->open) {
            show(t, rank, out);
            return 1;
        }
        rank++;
        i = r->nodes[t->right].n_open > 0 ? t->right : 0;
    }
    return 0;
}

double hpo_ranking_weight_of(const hpo_ranking *r, size_t k)
{
    double sum = 0;
    for (uint32_t i = r->root; i != 0 && k > 0;) {
        const node *t = &r->nodes[i], *left = &r->nodes[t->left];
        if (k <= left->size) {
            i = t->left;
            continue;
        }
        sum += left->sum + t->weight;
        k -= (size_t)left->size + 1;
        i = t->right;
    }
    return sum;
}
