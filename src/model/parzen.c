/* SPDX-License-Identifier: Apache-2.0 */
/* model/parzen.c - the Parzen estimator from scratch, in double precision (see parzen.h for the density).
 *
 * Component i of axis a has a place mu and a bandwidth sigma; a real kernel is
 * -(u - mu)^2 / 2 sigma^2 - log(sigma sqrt(2 pi) mass), the bracket kept in `constant`; a grid kernel is the
 * log mass of the cell less that of [0, 1]. */
#include "model/parzen.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/dist.h"
#include "math/func.h"
#include "math/linalg.h"

static const double HALF_LOG_2PI = 0x1.d67f1c864beb5p-1;

/* One of two sets of columns: a new fit is copied together from the old one. */
typedef struct components {
    int64_t *id;                   /* n */
    double *mu, *sigma, *constant; /* axis k from k * cap */
    double *keys;                  /* n x n_dims: rows as given */
    uint64_t *bits;                /* n x words */
} components;

struct hpo_parzen {
    const hpo_parzen_axes *axes;
    uint32_t *axis;
    size_t n_axes, n, cap, words; /* words: of all permutation axes */
    components now, next;
    uint32_t *order;        /* axis k from k * cap: its components by mu */
    uint32_t *n_order;      /* n_axes: how many are active there */
    uint32_t *from, *to;    /* n: where a component was (NEW: nowhere); where it went (NEW: gone) */
    double *log_weight;     /* n + 1, the prior last */
    double *work;           /* n + 1, three times: places and bandwidths in order; group kernels */
    double *exponent;       /* n + 1 */
    uint64_t *query;        /* words */
    double *theta, *log_z;  /* per axis: permutations; labels: log mass of the same, of another */
    double *share;          /* per axis: permutations: what theta was made for */
    hpo_parzen_width width; /* of the last fit */
    double log_prior;       /* weight */
    double log_total;
    uint32_t *items; /* for drawing permutations */
    struct by_place *sorted;
};

struct by_place {
    double mu;
    size_t i;
};

static const uint32_t NEW = UINT32_MAX;

static void free_components(components *c)
{
    hpo_free(c->id);
    hpo_free(c->mu);
    hpo_free(c->sigma);
    hpo_free(c->constant);
    hpo_free(c->keys);
    hpo_free(c->bits);
}

void hpo_parzen_free(hpo_parzen *p)
{
    if (p == NULL) return;
    hpo_free(p->axis);
    free_components(&p->now);
    free_components(&p->next);
    hpo_free(p->order);
    hpo_free(p->n_order);
    hpo_free(p->from);
    hpo_free(p->to);
    hpo_free(p->log_weight);
    hpo_free(p->work);
    hpo_free(p->exponent);
    hpo_free(p->query);
    hpo_free(p->theta);
    hpo_free(p->log_z);
    hpo_free(p->share);
    hpo_free(p->items);
    hpo_free(p->sorted);
    hpo_free(p);
}

hpo_status hpo_parzen_create(const hpo_parzen_axes *axes, const uint32_t *axis, size_t n_axes,
                             hpo_parzen **out, hpo_error *err)
{
    size_t items = 0;
    *out = NULL;
    hpo_parzen *p = hpo_calloc(1, sizeof *p);
    if (p == NULL) return hpo_fail_memory(err);
    p->axes = axes;
    p->n_axes = n_axes;
    p->axis = hpo_alloc_array(n_axes + 1, sizeof *p->axis);
    p->theta = hpo_calloc(n_axes + 1, sizeof *p->theta);
    p->log_z = hpo_calloc(n_axes + 1, sizeof *p->log_z);
    p->share = hpo_calloc(n_axes + 1, sizeof *p->share);
    p->n_order = hpo_calloc(n_axes + 1, sizeof *p->n_order);
    for (size_t k = 0; k < n_axes; k++) {
        const hpo_parzen_axis *a = &axes->axis[axis[k]];
        if (p->axis != NULL) p->axis[k] = axis[k];
        p->words += a->words;
        if (a->kind == HPO_PARZEN_ORDER && a->n_values > items) items = a->n_values;
    }
    p->query = hpo_alloc_array(p->words + 1, sizeof *p->query);
    p->items = hpo_alloc_array(2 * items + 1, sizeof *p->items);
    if (p->axis == NULL || p->theta == NULL || p->log_z == NULL || p->share == NULL || p->n_order == NULL ||
        p->query == NULL || p->items == NULL) {
        hpo_parzen_free(p);
        return hpo_fail_memory(err);
    }
    *out = p;
    return HPO_OK;
}

/* ---- fitting ---- */

static int resize(void *p_to_pointer, size_t n, size_t width)
{
    void *p;
    memcpy(&p, p_to_pointer, sizeof p);
    p = hpo_realloc_array(p, n, width + 8);
    if (p == NULL) return 0;
    memcpy(p_to_pointer, &p, sizeof p);
    return 1;
}

/* Columns of axes move apart when cap grows, so what was fitted is forgotten. */
static hpo_status make_room(hpo_parzen *p, size_t n, hpo_error *err)
{
    if (n < p->cap) return HPO_OK;
    size_t cap = n + n / 2 + 8, d = p->n_axes * sizeof(double);
    p->n = 0;
    memset(p->n_order, 0, p->n_axes * sizeof *p->n_order);
    for (int i = 0; i < 2; i++) {
        components *c = i == 0 ? &p->now : &p->next;
        if (!resize(&c->id, cap, sizeof(int64_t)) || !resize(&c->mu, cap, d) || !resize(&c->sigma, cap, d) ||
            !resize(&c->constant, cap, d) || !resize(&c->keys, cap, p->axes->n_dims * sizeof(double)) ||
            !resize(&c->bits, cap, p->words * sizeof(uint64_t)))
            return hpo_fail_memory(err);
    }
    if (!resize(&p->order, cap, p->n_axes * sizeof(uint32_t)) || !resize(&p->from, cap, sizeof(uint32_t)) ||
        !resize(&p->to, cap, sizeof(uint32_t)) || !resize(&p->log_weight, cap, sizeof(double)) ||
        !resize(&p->work, cap, 3 * sizeof(double)) || !resize(&p->exponent, cap, sizeof(double)) ||
        !resize(&p->sorted, cap, sizeof(struct by_place)))
        return hpo_fail_memory(err);
    p->cap = cap;
    return HPO_OK;
}

/* from, to by merging two ascending lists of ids; a row that is not what it was is new. */
static void match(hpo_parzen *p, const int64_t *id, const double *const *row, size_t n)
{
    size_t j = 0, width = p->axes->n_dims;
    for (size_t i = 0; i < n; i++) {
        while (j < p->n && p->now.id[j] < id[i])
            p->to[j++] = NEW;
        p->from[i] = NEW;
        if (j == p->n || p->now.id[j] != id[i] ||
            memcmp(p->now.keys + j * width, row[i], width * sizeof(double)) != 0)
            continue;
        p->from[i] = (uint32_t)j;
        p->to[j++] = (uint32_t)i;
    }
    while (j < p->n)
        p->to[j++] = NEW;
}

static int compare_places(const void *a, const void *b)
{
    const struct by_place *p = a, *q = b;
    if (p->mu != q->mu) return p->mu < q->mu ? -1 : 1;
    return p->i < q->i ? -1 : p->i > q->i;
}

/* The order of axis k: what stays keeps its order, what is new is sorted
 * and merged into it. */
static void put_in_order(hpo_parzen *p, size_t k, size_t n)
{
    uint32_t *order = p->order + k * p->cap;
    const double *mu = p->next.mu + k * p->cap;
    size_t kept = 0, m = 0;
    for (size_t r = 0; r < p->n_order[k]; r++)
        if (p->to[order[r]] != NEW) order[kept++] = p->to[order[r]];
    for (size_t i = 0; i < n; i++)
        if (p->from[i] == NEW && !isnan(mu[i])) p->sorted[m++] = (struct by_place){mu[i], i};
    if (m > 1) qsort(p->sorted, m, sizeof *p->sorted, compare_places);
    p->n_order[k] = (uint32_t)(kept + m);
    for (size_t at = kept + m; m > 0;) { /* from the end: in place */
        struct by_place last = p->sorted[m - 1];
        int old = kept > 0 && (mu[order[kept - 1]] > last.mu ||
                               (mu[order[kept - 1]] == last.mu && order[kept - 1] > last.i));
        order[--at] = old ? order[--kept] : (uint32_t)p->sorted[--m].i;
    }
}

/* Mean and bandwidth of every component on axis k (of p); those that are inactive there have mu NaN.  A
 * kernel that is as wide as before keeps its constant. */
static void fit_number(hpo_parzen *p, size_t k, size_t n)
{
    const hpo_parzen_axis *a = &p->axes->axis[p->axis[k]];
    double *at_mu = p->next.mu + k * p->cap, *at_sigma = p->next.sigma + k * p->cap;
    double *constant = p->next.constant + k * p->cap;
    const uint32_t *order = p->order + k * p->cap;
    for (size_t i = 0; i < n; i++) {
        if (p->from[i] != NEW) continue;
        double v = p->next.keys[i * p->axes->n_dims + a->dim];
        if (!isnan(v) && a->kind == HPO_PARZEN_GRID) v = a->place[hpo_parzen_value(a, v)];
        at_mu[i] = v;
        at_sigma[i] = 0;
    }
    put_in_order(p, k, n);
    size_t m = p->n_order[k];
    double *mu = p->work, *sigma = p->work + n + 1;
    for (size_t r = 0; r < m; r++)
        mu[r] = at_mu[order[r]];
    double step = a->kind == HPO_PARZEN_GRID ? 1.0 / a->n_values : 0;
    hpo_parzen_bandwidths(&p->width, step, mu, m, sigma);
    for (size_t r = 0; r < m; r++) {
        size_t i = order[r];
        if (at_sigma[i] == sigma[r]) continue;
        double mass = hpo_parzen_log_mass(mu[r], sigma[r], 0, 1);
        at_sigma[i] = sigma[r];
        constant[i] = a->kind == HPO_PARZEN_GRID ? -mass : -mass - hpo_log(sigma[r]) - HALF_LOG_2PI;
    }
}

static void fit_axis(hpo_parzen *p, size_t k, size_t word, size_t n)
{
    const hpo_parzen_axis *a = &p->axes->axis[p->axis[k]];
    size_t m = 0;
    if (a->kind == HPO_PARZEN_REAL || a->kind == HPO_PARZEN_GRID) {
        fit_number(p, k, n);
        return;
    }
    double *mu = p->next.mu + k * p->cap;
    for (size_t i = 0; i < n; i++) {
        const double *u = p->next.keys + i * p->axes->n_dims + a->dim;
        int active = !isnan(u[0]);
        m += (size_t)active;
        if (p->from[i] != NEW) continue;
        mu[i] = !active ? (double)NAN : a->kind == HPO_PARZEN_LABEL ? (double)hpo_parzen_value(a, u[0]) : 0;
        if (active && a->kind == HPO_PARZEN_ORDER)
            hpo_parzen_order_bits(a, u, p->next.bits + i * p->words + word);
    }
    if (a->kind == HPO_PARZEN_LABEL) {
        hpo_parzen_label(m, a->n_values, &p->theta[k], &p->log_z[k]);
        return;
    }
    double share = hpo_parzen_order_share(a->n_values, m);
    if (share != p->share[k]) p->theta[k] = hpo_parzen_mallows(a->n_values, share, &p->log_z[k]);
    p->share[k] = share;
}

/* What components keep, from `now` to `next`. */
static void carry_over(hpo_parzen *p, const double *const *row, size_t n)
{
    size_t d = p->axes->n_dims, cap = p->cap;
    const components *c = &p->now;
    for (size_t k = 0; k < p->n_axes; k++)
        for (size_t i = 0; i < n; i++) {
            if (p->from[i] == NEW) continue;
            size_t to = k * cap + i, from = k * cap + p->from[i];
            p->next.mu[to] = c->mu[from];
            p->next.sigma[to] = c->sigma[from];
            p->next.constant[to] = c->constant[from];
        }
    for (size_t i = 0; i < n; i++) {
        size_t j = p->from[i];
        memcpy(p->next.keys + i * d, j == NEW ? row[i] : c->keys + j * d, d * sizeof(double));
        if (j != NEW && p->words > 0)
            memcpy(p->next.bits + i * p->words, c->bits + j * p->words, p->words * sizeof(uint64_t));
    }
}

hpo_status hpo_parzen_refit(hpo_parzen *p, const hpo_parzen_width *w, const int64_t *id,
                            const double *const *row, const double *weight, size_t n, double prior_weight,
                            hpo_error *err)
{
    size_t word = 0;
    HPO_TRY(make_room(p, n + 1, err));
    if (p->width.rule != w->rule || p->width.floor != w->floor || p->width.spread != w->spread) p->n = 0;
    p->width = *w;
    match(p, id, row, n);
    carry_over(p, row, n);
    memcpy(p->next.id, id, n * sizeof *id);
    double total = prior_weight;
    for (size_t i = 0; i < n; i++) {
        p->exponent[i] = weight != NULL ? weight[i] : 1;
        total += p->exponent[i];
    }
    hpo_log_n(p->exponent, n, p->log_weight);
    p->log_weight[n] = hpo_log(prior_weight);
    p->log_total = hpo_log(total);
    if (p->n == 0) memset(p->n_order, 0, p->n_axes * sizeof *p->n_order);
    for (size_t k = 0; k < p->n_axes; k++) {
        fit_axis(p, k, word, n);
        word += p->axes->axis[p->axis[k]].words;
    }
    components swap = p->now;
    p->now = p->next;
    p->next = swap;
    p->n = n;
    return HPO_OK;
}

hpo_status hpo_parzen_fit(hpo_parzen *p, const hpo_parzen_width *w, const double *const *row,
                          const double *weight, size_t n, double prior_weight, hpo_error *err)
{
    HPO_TRY(make_room(p, n + 1, err));
    p->n = 0;
    int64_t *id = hpo_alloc_array(n + 1, sizeof *id);
    if (id == NULL) return hpo_fail_memory(err);
    for (size_t i = 0; i < n; i++)
        id[i] = (int64_t)i;
    hpo_status s = hpo_parzen_refit(p, w, id, row, weight, n, prior_weight, err);
    hpo_free(id);
    return s;
}

/* ---- density ---- */

HPO_DISPATCH static void add_normals(const double *restrict mu, const double *restrict sigma,
                                     const double *restrict constant, double u, size_t n, double *restrict q)
{
    for (size_t i = 0; i < n; i++) {
        double z = (u - mu[i]) / sigma[i];
        q[i] += constant[i] - 0.5 * z * z;
    }
}

/* hpo_log_sum_exp, the exponentials several at a time; a is destroyed. */
static double log_sum_exp(double *a, size_t n)
{
    double high = -HUGE_VAL, sum = 0;
    for (size_t i = 0; i < n; i++)
        high = a[i] > high ? a[i] : high;
    if (isinf(high)) return high;
    for (size_t i = 0; i < n; i++)
        a[i] -= high;
    hpo_exp_n(a, n, a);
    for (size_t i = 0; i < n; i++)
        sum += a[i];
    return high + hpo_log(sum);
}

/* Adds the kernels of all components on axis k at u to q; NaN where one is inactive. */
static void add_kernels(const hpo_parzen *p, size_t k, size_t word, const double *u, double *q)
{
    const hpo_parzen_axis *a = &p->axes->axis[p->axis[k]];
    const double *mu = p->now.mu + k * p->cap, *sigma = p->now.sigma + k * p->cap;
    const double *constant = p->now.constant + k * p->cap;
    uint32_t v =
        a->kind == HPO_PARZEN_LABEL || a->kind == HPO_PARZEN_GRID ? hpo_parzen_value(a, u[a->dim]) : 0;
    switch (a->kind) {
    case HPO_PARZEN_REAL:
        add_normals(mu, sigma, constant, u[a->dim], p->n, q);
        break;
    case HPO_PARZEN_LABEL:
        for (size_t i = 0; i < p->n; i++)
            q[i] += isnan(mu[i]) ? mu[i] : v == mu[i] ? p->theta[k] : p->log_z[k];
        break;
    case HPO_PARZEN_GRID:
        for (size_t i = 0; i < p->n; i++)
            q[i] += isnan(mu[i])
                        ? mu[i]
                        : hpo_parzen_log_mass(mu[i], sigma[i], a->edge[v], a->edge[v + 1]) + constant[i];
        break;
    case HPO_PARZEN_ORDER:
        for (size_t i = 0; i < p->n; i++)
            q[i] += isnan(mu[i]) ? mu[i]
                                 : -p->theta[k] * hpo_parzen_order_distance(
                                                      a, p->query + word, p->now.bits + i * p->words + word) -
                                       p->log_z[k];
        break;
    }
    q[p->n] += hpo_parzen_prior_log(a, u + a->dim);
}

/* Sum of the kernels of each component over the axes of group g; NaN: inactive there. */
static void group_kernels(const hpo_parzen *p, uint32_t g, const double *u, double *q)
{
    size_t word = 0;
    for (size_t i = 0; i <= p->n; i++)
        q[i] = 0;
    for (size_t k = 0; k < p->n_axes; k++) {
        const hpo_parzen_axis *a = &p->axes->axis[p->axis[k]];
        if (a->group == g) add_kernels(p, k, word, u, q);
        word += a->words;
    }
}

static int group_active(const hpo_parzen *p, uint32_t g, const double *u)
{
    for (size_t k = 0; k < p->n_axes; k++)
        if (p->axes->axis[p->axis[k]].group == g) return !isnan(u[p->axes->axis[p->axis[k]].dim]);
    return 0;
}

double hpo_parzen_logpdf(hpo_parzen *p, const double *u)
{
    size_t word = 0;
    for (size_t k = 0; k < p->n_axes; k++) {
        const hpo_parzen_axis *a = &p->axes->axis[p->axis[k]];
        if (a->kind == HPO_PARZEN_ORDER && !isnan(u[a->dim]))
            hpo_parzen_order_bits(a, u + a->dim, p->query + word);
        word += a->words;
    }
    memcpy(p->exponent, p->log_weight, (p->n + 1) * sizeof *p->exponent);
    for (uint32_t g = 0; g < p->axes->n_groups; g++) {
        if (!group_active(p, g, u)) continue;
        size_t m = 0;
        double *have = p->work, *weight = have + p->n + 1, *q = weight + p->n + 1, missing = 0;
        group_kernels(p, g, u, q);
        for (size_t i = 0; i <= p->n; i++) {
            if (isnan(q[i])) continue;
            have[m] = q[i] + p->log_weight[i];
            weight[m++] = p->log_weight[i];
        }
        if (m <= p->n) missing = log_sum_exp(have, m) - log_sum_exp(weight, m);
        for (size_t i = 0; i <= p->n; i++)
            p->exponent[i] += isnan(q[i]) ? missing : q[i];
    }
    return log_sum_exp(p->exponent, p->n + 1) - p->log_total;
}

/* ---- drawing ---- */

void hpo_parzen_draw(hpo_parzen *p, hpo_rng *rng, double *u)
{
    double left = hpo_rng_uniform(rng) * hpo_exp(p->log_total);
    size_t i = 0;
    while (i < p->n && (left -= hpo_exp(p->log_weight[i])) >= 0)
        i++;
    for (size_t k = 0; k < p->n_axes; k++) {
        const hpo_parzen_axis *a = &p->axes->axis[p->axis[k]];
        const double *centre = p->now.keys + i * p->axes->n_dims + a->dim;
        double *to = u + a->dim, v;
        size_t at = k * p->cap + i;
        if (i == p->n || isnan(p->now.mu[at])) {
            hpo_parzen_prior_draw(a, rng, to);
            continue;
        }
        switch (a->kind) {
        case HPO_PARZEN_REAL:
            to[0] = hpo_parzen_normal_draw(rng, p->now.mu[at], p->now.sigma[at]);
            break;
        case HPO_PARZEN_GRID:
            v = hpo_parzen_normal_draw(rng, p->now.mu[at], p->now.sigma[at]);
            to[0] = hpo_parzen_coordinate(a, hpo_parzen_value(a, v));
            break;
        case HPO_PARZEN_LABEL: {
            double same = hpo_exp(p->theta[k]) - hpo_exp(p->log_z[k]);
            uint32_t value = (uint32_t)p->now.mu[at];
            if (hpo_rng_uniform(rng) >= same) value = (uint32_t)hpo_rng_below(rng, a->n_values);
            to[0] = hpo_parzen_coordinate(a, value);
            break;
        }
        case HPO_PARZEN_ORDER:
            hpo_parzen_order_draw(a, centre, p->theta[k], rng, p->items, to);
            break;
        }
    }
}
