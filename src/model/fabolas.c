/* SPDX-License-Identifier: Apache-2.0 */
/* model/fabolas.c - loss and cost of trainings on a share of the data.
 *
 * A training of configuration u up to resource r in [l, h] stands at
 *
 *     t = 1 + ln(r / h) / ln(h / l)    in [0, 1], 1: the whole
 *
 *     y = f(u, t) + noise,         k((u, t), (u', t')) = s2 m(u, u') phi(t)' Sigma phi(t'),  phi = (1, (1 -
 * t)^2)
 *
 * is its loss, and its cost c
 *
 *     ln(c / r) = g(u, t) + noise,  the same with phi = (1, t),
 *
 * each with a trend that all configurations share (fidelity.h).  The share enters by its logarithm, as in the
 * authors' program: a cost ~ r^p is then linear in t (and as long as little is known, p is near 1), and a
 * loss that falls with some power of the share is close to the form of phi; by the share itself (the text of
 * the paper) the smallest ones, on which most is seen, would all be one.
 *
 * Hyperparameters are the maximum a posteriori, where the paper averages over draws.  They are fitted, from a
 * cold start, to what was known when the number of results had last grown by a fifth: that is copied then and
 * fitted when a decision needs it, so that a process that replays a study fits once.  At most FITTED results,
 * evenly over all, are fitted to and MOST conditioned on: those of the largest resources, of these the
 * newest. */
#include "model/fabolas.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"

enum { FITTED = 80, MOST = 200, LEAST = 3 };
static const double COST_NOISE = 0.05;

typedef struct row {
    int64_t trial;
    double place, y, ln_cost; /* of a unit of the resource; NaN: unknown */
    size_t order;
} row;

/* Rows as a process takes them. */
typedef struct table {
    double *block; /* room x (n_dims + 2): u, place, value */
    size_t n, room, cap;
    double *u, *place, *y;
} table;

typedef struct process {
    hpo_fidelity_gp *gp;
    table known; /* when hyperparameters were last due */
    int fitted, ready;
} process;

struct hpo_fabolas {
    size_t n_dims;
    double high, ln_range; /* ln(high / low) */
    row *rows, *chosen;
    size_t n, cap, cap_chosen, next_fit;
    double ln_least, ln_most; /* costs of a unit: their range */
    process loss, cost;
    table all; /* scratch: what is conditioned on */
};

/* ---- life ---------------------------------------------------------------------------------------------- */

hpo_status hpo_fabolas_create(const hpo_embed *embed, double low, double high, size_t first,
                              hpo_fabolas **out, hpo_error *err)
{
    const hpo_fidelity_gp_options loss = {
        .kernel = HPO_KERNEL_MATERN52, .family = HPO_FIDELITY_DATA, .transform = HPO_TRANSFORM_AUTO};
    const hpo_fidelity_gp_options cost = {.kernel = HPO_KERNEL_MATERN52,
                                          .family = HPO_FIDELITY_LINEAR,
                                          .transform = HPO_TRANSFORM_STANDARD,
                                          .least_noise = COST_NOISE};
    *out = NULL;
    hpo_fabolas *f = hpo_calloc(1, sizeof *f);
    if (f == NULL) return hpo_fail_memory(err);
    f->n_dims = hpo_embed_n_dims(embed);
    f->high = high;
    f->ln_range = hpo_log(high / low);
    f->ln_least = (double)INFINITY;
    f->ln_most = -(double)INFINITY;
    f->next_fit = first > LEAST ? first : LEAST;
    hpo_status s = hpo_fidelity_gp_create(embed, &loss, &f->loss.gp, err);
    if (s == HPO_OK) s = hpo_fidelity_gp_create(embed, &cost, &f->cost.gp, err);
    if (s != HPO_OK) {
        hpo_fabolas_free(f);
        return s;
    }
    *out = f;
    return HPO_OK;
}

void hpo_fabolas_free(hpo_fabolas *f)
{
    if (f == NULL) return;
    hpo_fidelity_gp_free(f->loss.gp);
    hpo_fidelity_gp_free(f->cost.gp);
    hpo_free(f->loss.known.block);
    hpo_free(f->cost.known.block);
    hpo_free(f->all.block);
    hpo_free(f->rows);
    hpo_free(f->chosen);
    hpo_free(f);
}

double hpo_fabolas_place(const hpo_fabolas *f, double resource)
{
    if (!(resource < f->high) || !(f->ln_range > 0)) return 1;
    return fmax(1 + hpo_log(resource / f->high) / f->ln_range, 0);
}

double hpo_fabolas_resource(const hpo_fabolas *f, double place)
{
    return f->high * hpo_exp((place - 1) * f->ln_range);
}

/* ---- rows ---------------------------------------------------------------------------------------------- */

static hpo_status table_open(table *t, size_t room, size_t d, hpo_error *err)
{
    HPO_TRY(hpo_reserve(&t->block, &t->cap, room * (d + 2), sizeof *t->block, err));
    t->room = room;
    t->u = t->block;
    t->place = t->u + room * d;
    t->y = t->place + room;
    t->n = 0;
    return HPO_OK;
}

static void table_add(table *t, size_t d, const double *u, double place, double y)
{
    memcpy(t->u + t->n * d, u, d * sizeof *u);
    t->place[t->n] = place;
    t->y[t->n++] = y;
}

/* The rows that hyperparameters are learned from, as they are now. */
static hpo_status keep(hpo_fabolas *f, process *p, int costs, const double *u, hpo_error *err)
{
    size_t n = f->n < FITTED ? f->n : FITTED;
    HPO_TRY(table_open(&p->known, n, f->n_dims, err));
    for (size_t i = 0; i < n; i++) {
        const row *r = &f->rows[i * f->n / n];
        double value = costs ? r->ln_cost : r->y;
        if (!isnan(value)) table_add(&p->known, f->n_dims, u + (size_t)r->trial * f->n_dims, r->place, value);
    }
    p->fitted = 0;
    return HPO_OK;
}

hpo_status hpo_fabolas_add(hpo_fabolas *f, int64_t trial, double resource, double y, double cost,
                           const double *u, hpo_error *err)
{
    HPO_TRY(hpo_reserve(&f->rows, &f->cap, f->n + 1, sizeof *f->rows, err));
    f->rows[f->n] = (row){.trial = trial,
                          .place = hpo_fabolas_place(f, resource),
                          .y = y,
                          .ln_cost = cost > 0 ? hpo_log(cost / resource) : (double)NAN,
                          .order = f->n};
    if (cost > 0) {
        f->ln_least = fmin(f->ln_least, f->rows[f->n].ln_cost);
        f->ln_most = fmax(f->ln_most, f->rows[f->n].ln_cost);
    }
    f->n++;
    if (f->n < f->next_fit) return HPO_OK;
    f->next_fit = f->n + f->n / 5 + 1;
    HPO_TRY(keep(f, &f->loss, 0, u, err));
    return keep(f, &f->cost, 1, u, err);
}

void hpo_fabolas_correct(hpo_fabolas *f, int64_t trial, double y)
{
    for (size_t i = f->n; i-- > 0;) {
        if (f->rows[i].trial != trial) continue;
        f->rows[i].y = y;
        return;
    }
}

size_t hpo_fabolas_size(const hpo_fabolas *f)
{
    return f->n;
}

/* ---- learning ------------------------------------------------------------------------------------------ */

static hpo_status learn(process *p, hpo_error *err)
{
    if (p->fitted || p->known.n < LEAST) return HPO_OK;
    HPO_TRY(hpo_fidelity_gp_condition(p->gp, p->known.u, p->known.place, p->known.y, p->known.n, err));
    HPO_TRY(hpo_fidelity_gp_fit(p->gp, 1, err));
    p->fitted = 1;
    return HPO_OK;
}

static int by_worth(const void *a, const void *b)
{
    const row *p = a, *q = b;
    if (p->place != q->place) return p->place < q->place ? 1 : -1;
    return p->order < q->order ? 1 : -1;
}

static int by_order(const void *a, const void *b)
{
    const row *p = a, *q = b;
    return (p->order > q->order) - (p->order < q->order);
}

static hpo_status choose(hpo_fabolas *f, size_t *n, hpo_error *err)
{
    HPO_TRY(hpo_reserve(&f->chosen, &f->cap_chosen, f->n + 1, sizeof *f->chosen, err));
    if (f->n > 0) memcpy(f->chosen, f->rows, f->n * sizeof *f->rows);
    *n = f->n;
    if (f->n <= MOST) return HPO_OK;
    *n = MOST;
    qsort(f->chosen, f->n, sizeof *f->chosen, by_worth);
    qsort(f->chosen, MOST, sizeof *f->chosen, by_order);
    return HPO_OK;
}

static hpo_status condition(hpo_fabolas *f, process *p, int costs, size_t n, size_t more, const double *u,
                            hpo_error *err)
{
    p->ready = 0;
    HPO_TRY(table_open(&f->all, n + more + 1, f->n_dims, err));
    for (size_t i = 0; i < n; i++) {
        const row *r = &f->chosen[i];
        double value = costs ? r->ln_cost : r->y;
        if (!isnan(value)) table_add(&f->all, f->n_dims, u + (size_t)r->trial * f->n_dims, r->place, value);
    }
    if (!p->fitted || f->all.n < LEAST) return HPO_OK;
    p->ready = 1;
    return hpo_fidelity_gp_condition(p->gp, f->all.u, f->all.place, f->all.y, f->all.n, err);
}

static hpo_status believe(hpo_fabolas *f, const double *u, const hpo_fabolas_pending *pending, size_t n,
                          hpo_error *err)
{
    const hpo_fidelity_gp *gp = f->loss.gp;
    double var, mean;
    if (n == 0) return HPO_OK;
    for (size_t i = 0; i < n; i++) {
        const double *at = u + (size_t)pending[i].trial * f->n_dims,
                     place = hpo_fabolas_place(f, pending[i].resource);
        hpo_fidelity_gp_moments(gp, at, 1, place, &mean, &var);
        table_add(&f->all, f->n_dims, at, place, hpo_transform_invert(hpo_fidelity_gp_transform(gp), mean));
    }
    return hpo_fidelity_gp_condition(f->loss.gp, f->all.u, f->all.place, f->all.y, f->all.n, err);
}

hpo_status hpo_fabolas_update(hpo_fabolas *f, const double *u, const hpo_fabolas_pending *pending,
                              size_t n_pending, hpo_error *err)
{
    size_t n;
    HPO_TRY(learn(&f->loss, err));
    HPO_TRY(learn(&f->cost, err));
    HPO_TRY(choose(f, &n, err));
    HPO_TRY(condition(f, &f->cost, 1, n, 0, u, err));
    HPO_TRY(condition(f, &f->loss, 0, n, n_pending, u, err));
    return f->loss.ready ? believe(f, u, pending, n_pending, err) : HPO_WAIT;
}

const hpo_fidelity_gp *hpo_fabolas_loss(const hpo_fabolas *f)
{
    return f->loss.gp;
}

int hpo_fabolas_knows_cost(const hpo_fabolas *f)
{
    return f->cost.ready;
}

void hpo_fabolas_log_cost(const hpo_fabolas *f, const double *u, size_t m, double place, double *out)
{
    enum { BLOCK = 64 };
    const hpo_fidelity_gp *gp = f->cost.gp;
    double var[BLOCK], ln_resource = hpo_log(hpo_fabolas_resource(f, place)),
                       reach = f->ln_most - f->ln_least;
    for (size_t i = 0; i < m; i += BLOCK) {
        size_t n = m - i < BLOCK ? m - i : BLOCK;
        if (f->cost.ready) hpo_fidelity_gp_moments(gp, u + i * f->n_dims, n, place, out + i, var);
        for (size_t j = i; j < i + n; j++) {
            double v = f->cost.ready ? hpo_transform_invert(hpo_fidelity_gp_transform(gp), out[j]) : 0;
            if (f->cost.ready) v = fmin(fmax(v, f->ln_least - reach), f->ln_most + reach);
            out[j] = v + ln_resource;
        }
    }
}
