/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/ranking.c - a treap with counts: a search tree by (value, trial), a heap by a hash of the trial.
 *
 * The hash is fixed, so the shape of the tree, and with it the order in which weights are summed, follows
 * from the entries alone: the same bits in every process and for every order of arrival.  Expected depth is
 * about 2 ln n.  Reference: Seidel, Aragon: "Randomized search trees", Algorithmica 16, 1996.
 *
 * A node counts its left subtree only.  So whoever goes down reads one node of 32 bytes a level and never a
 * sibling, which in a large tree would be a miss in the cache, and one way down finds both the place and the
 * rank of a new entry.  (Comparing without branches makes a report of ASHA at 100 000 trials half as dear
 * again: the guess which way to go is what fetches the next node early.)  Sums of weights lie apart and are
 * kept up only once a weight is not 0. */
#include "scheduler/ranking.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

typedef struct hpo_ranking_node {
    double value;
    uint32_t left, right;
    int64_t trial;
    uint32_t n_left; /* entries of the left subtree */
    uint32_t open;   /* twice the open ones of them, plus 1 when this one is */
} node;

typedef struct hpo_ranking_weight {
    double own, sum; /* sum: of the subtree */
} weight;

/* What a part of a tree holds. */
typedef struct part {
    uint32_t n, n_open;
} part;

static const uint32_t ONE_LESS = UINT32_MAX; /* counts are modulo 2^32 */

void hpo_ranking_fini(hpo_ranking *r)
{
    hpo_free(r->nodes);
    hpo_free(r->weights);
    *r = (hpo_ranking){0};
}

/* The finaliser of SplitMix64: a bijection, so priorities never tie. */
static uint64_t priority(int64_t trial)
{
    uint64_t z = (uint64_t)trial + 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* NaN behind everything, -0 as 0. */
static int comes_before(double v, int64_t trial, double w, int64_t other)
{
    if (v < w) return 1;
    if (v > w) return 0;
    if (isnan(v) || isnan(w)) {
        if (isnan(v) && isnan(w)) return trial < other;
        return isnan(w);
    }
    return trial < other;
}

/* ---- sums of weights ------------------------------------------------------------------------------------
 */

static void add_up(const hpo_ranking *r, uint32_t i)
{
    weight *w = r->weights;
    if (w != NULL) w[i].sum = w[r->nodes[i].left].sum + w[i].own + w[r->nodes[i].right].sum;
}

/* From (value, trial), whose own subtree is right, or from where it would stand, up to i. */
static void add_up_to(const hpo_ranking *r, uint32_t i, double value, int64_t trial)
{
    const node *t = &r->nodes[i];
    if (r->weights == NULL || i == 0) return;
    if (comes_before(value, trial, t->value, t->trial))
        add_up_to(r, t->left, value, trial);
    else if (comes_before(t->value, t->trial, value, trial))
        add_up_to(r, t->right, value, trial);
    add_up(r, i);
}

/* ---- parts of trees ---------------------------------------------------------------------------------------
 */

/* Splits tree i into what comes before (value, trial) and the rest; returns what the first part holds. */
static part split(const hpo_ranking *r, uint32_t i, double value, int64_t trial, uint32_t *before,
                  uint32_t *behind)
{
    node *t = &r->nodes[i];
    part p = {0, 0};
    if (i == 0) {
        *before = *behind = 0;
    } else if (comes_before(t->value, t->trial, value, trial)) {
        p = split(r, t->right, value, trial, &t->right, behind);
        *before = i;
        p.n += t->n_left + 1;
        p.n_open += t->open / 2 + t->open % 2;
        add_up(r, i);
    } else {
        p = split(r, t->left, value, trial, before, &t->left);
        *behind = i;
        t->n_left -= p.n;
        t->open -= 2 * p.n_open;
        add_up(r, i);
    }
    return p;
}

/* a, which holds `p`, comes before b. */
static uint32_t join(const hpo_ranking *r, uint32_t a, part p, uint32_t b)
{
    if (a == 0 || b == 0) return a == 0 ? b : a;
    node *s = &r->nodes[a], *t = &r->nodes[b];
    if (priority(s->trial) > priority(t->trial)) {
        p.n -= s->n_left + 1;
        p.n_open -= s->open / 2 + s->open % 2;
        s->right = join(r, s->right, p, b);
        add_up(r, a);
        return a;
    }
    t->left = join(r, a, p, t->left);
    t->n_left += p.n;
    t->open += 2 * p.n_open;
    add_up(r, b);
    return b;
}

/* ---- entries ----------------------------------------------------------------------------------------------
 */

static hpo_status take_node(hpo_ranking *r, int weighted, uint32_t *out, hpo_error *err)
{
    size_t cap = r->cap, need = (size_t)r->n + 2;
    if (need > UINT32_MAX / 2) return hpo_fail_memory(err);
    if (r->unused == 0) HPO_TRY(hpo_reserve(&r->nodes, &cap, need, sizeof *r->nodes, err));
    r->cap = cap < UINT32_MAX ? (uint32_t)cap : UINT32_MAX;
    if (weighted || r->weights != NULL) {
        size_t had = r->weight_cap;
        HPO_TRY(hpo_reserve(&r->weights, &r->weight_cap, r->cap, sizeof *r->weights, err));
        memset(r->weights + had, 0, (r->weight_cap - had) * sizeof *r->weights);
    }
    if (r->n == 0) r->nodes[0] = (node){0};
    if (r->unused != 0) {
        *out = r->unused;
        r->unused = r->nodes[r->unused].left;
    } else {
        *out = ++r->n;
    }
    return HPO_OK;
}

/* Puts node `fresh` in: down by the keys until its priority is the higher one, there it splits what is below.
 */
static void put(hpo_ranking *r, uint32_t fresh)
{
    node *t = r->nodes, *f = &t[fresh];
    const double value = f->value;
    const int64_t trial = f->trial;
    const uint64_t mine = priority(trial);
    const uint32_t own = f->open;
    uint32_t *at = &r->root;
    size_t rank = 0;
    while (*at != 0 && priority(t[*at].trial) > mine) {
        node *i = &t[*at];
        if (comes_before(value, trial, i->value, i->trial)) {
            i->n_left++;
            i->open += 2 * own;
            at = &i->left;
        } else {
            rank += i->n_left + 1u;
            at = &i->right;
        }
    }
    part p = split(r, *at, value, trial, &f->left, &f->right);
    f->n_left = p.n;
    f->open = own + 2 * p.n_open;
    *at = fresh;
    r->newest = rank + p.n;
}

hpo_status hpo_ranking_add(hpo_ranking *r, double value, int64_t trial, double own, int open, hpo_error *err)
{
    uint32_t i;
    HPO_TRY(take_node(r, own != 0, &i, err));
    r->nodes[i] = (node){.value = value, .trial = trial, .open = open != 0};
    if (r->weights != NULL) r->weights[i].own = own;
    put(r, i);
    r->size++;
    r->n_open += open != 0;
    add_up_to(r, r->root, value, trial);
    return HPO_OK;
}

/* The node of an entry; 0: there is none. */
static uint32_t find(const hpo_ranking *r, double value, int64_t trial)
{
    uint32_t i = r->root;
    while (i != 0) {
        const node *t = &r->nodes[i];
        if (comes_before(value, trial, t->value, t->trial))
            i = t->left;
        else if (comes_before(t->value, t->trial, value, trial))
            i = t->right;
        else
            break;
    }
    return i;
}

/* Goes down to node `i`, adding to the counts of what it stands left of; returns where it hangs. */
static uint32_t *down_to(hpo_ranking *r, uint32_t i, uint32_t n, uint32_t n_open)
{
    const node *e = &r->nodes[i];
    uint32_t *at = &r->root;
    while (*at != i) {
        node *t = &r->nodes[*at];
        if (comes_before(e->value, e->trial, t->value, t->trial)) {
            t->n_left += n;
            t->open += 2 * n_open;
            at = &t->left;
        } else {
            at = &t->right;
        }
    }
    return at;
}

void hpo_ranking_remove(hpo_ranking *r, double value, int64_t trial)
{
    uint32_t i = find(r, value, trial);
    if (i == 0) return;
    node *t = &r->nodes[i];
    const part left = {t->n_left, t->open / 2};
    const uint32_t own = t->open % 2;
    uint32_t *at = down_to(r, i, ONE_LESS, own ? ONE_LESS : 0);
    *at = join(r, t->left, left, t->right);
    r->size--;
    r->n_open -= own;
    t->left = r->unused;
    r->unused = i;
    add_up_to(r, r->root, value, trial);
}

void hpo_ranking_set_open(hpo_ranking *r, double value, int64_t trial, int open)
{
    uint32_t i = find(r, value, trial);
    if (i == 0 || r->nodes[i].open % 2 == (open != 0)) return;
    (void)down_to(r, i, 0, open ? 1 : ONE_LESS);
    r->nodes[i].open ^= 1;
    r->n_open += open ? 1 : ONE_LESS;
}

/* ---- questions --------------------------------------------------------------------------------------------
 */

size_t hpo_ranking_size(const hpo_ranking *r)
{
    return r->size;
}

size_t hpo_ranking_newest(const hpo_ranking *r)
{
    return r->newest;
}

double hpo_ranking_weight(const hpo_ranking *r)
{
    return r->weights == NULL ? 0 : r->weights[r->root].sum;
}

size_t hpo_ranking_before(const hpo_ranking *r, double value, int64_t trial)
{
    size_t n = 0;
    for (uint32_t i = r->root; i != 0;) {
        const node *t = &r->nodes[i];
        int before = comes_before(t->value, t->trial, value, trial);
        if (before) n += t->n_left + 1u;
        i = before ? t->right : t->left;
    }
    return n;
}

size_t hpo_ranking_below(const hpo_ranking *r, double value)
{
    return hpo_ranking_before(r, value, INT64_MIN);
}

static void show(const hpo_ranking *r, uint32_t i, size_t rank, hpo_ranked *out)
{
    const node *t = &r->nodes[i];
    *out = (hpo_ranked){.value = t->value,
                        .weight = r->weights == NULL ? 0 : r->weights[i].own,
                        .trial = t->trial,
                        .rank = rank,
                        .open = t->open % 2};
}

int hpo_ranking_at(const hpo_ranking *r, size_t k, hpo_ranked *out)
{
    const size_t rank = k;
    for (uint32_t i = r->root; i != 0;) {
        const node *t = &r->nodes[i];
        if (k == t->n_left) {
            show(r, i, rank, out);
            return 1;
        }
        i = k < t->n_left ? t->left : t->right;
        k -= k < t->n_left ? 0 : t->n_left + 1u;
    }
    return 0;
}

int hpo_ranking_first_open(const hpo_ranking *r, hpo_ranked *out)
{
    size_t rank = 0;
    if (r->n_open == 0) return 0;
    for (uint32_t i = r->root; i != 0;) {
        const node *t = &r->nodes[i];
        if (t->open > 1) {
            i = t->left;
            continue;
        }
        rank += t->n_left;
        if (t->open) {
            show(r, i, rank, out);
            return 1;
        }
        rank++;
        i = t->right;
    }
    return 0;
}

double hpo_ranking_weight_of(const hpo_ranking *r, size_t k)
{
    double sum = 0;
    for (uint32_t i = r->weights == NULL ? 0 : r->root; i != 0 && k > 0;) {
        const node *t = &r->nodes[i];
        if (k <= t->n_left) {
            i = t->left;
            continue;
        }
        sum += r->weights[t->left].sum + r->weights[i].own;
        k -= t->n_left + 1u;
        i = t->right;
    }
    return sum;
}
