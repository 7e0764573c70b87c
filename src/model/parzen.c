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

static const double HALF_LOG_2PI = 0x1.d67f1c864beb5p-1;

struct hpo_parzen {
    const hpo_parzen_axes *axes;
    uint32_t *axis;
    size_t n_axes, n, cap, words;  /* words: of all permutation axes */
    double *mu, *sigma, *constant; /* n x n_axes */
    double *keys;                  /* n x n_dims: rows as given */
    double *log_weight;            /* n + 1, the prior last */
    double *work;                  /* n + 1, twice; mu and sigma sorted */
    double *exponent;              /* n + 1 */
    uint64_t *bits;                /* n x words */
    uint64_t *query;               /* words */
    double *theta, *log_z;         /* per axis: permutations; labels: log mass of the same, of another */
    double log_prior;              /* weight */
    double log_total;
    uint32_t *items; /* for drawing permutations */
    struct by_place *sorted;
};

struct by_place {
    double mu;
    size_t i;
};

void hpo_parzen_free(hpo_parzen *p)
{
    if (p == NULL) return;
    hpo_free(p->axis);
    hpo_free(p->mu);
    hpo_free(p->sigma);
    hpo_free(p->constant);
    hpo_free(p->keys);
    hpo_free(p->log_weight);
    hpo_free(p->work);
    hpo_free(p->exponent);
    hpo_free(p->bits);
    hpo_free(p->query);
    hpo_free(p->theta);
    hpo_free(p->log_z);
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
    for (size_t k = 0; k < n_axes; k++) {
        const hpo_parzen_axis *a = &axes->axis[axis[k]];
        if (p->axis != NULL) p->axis[k] = axis[k];
        p->words += a->words;
        if (a->kind == HPO_PARZEN_ORDER && a->n_values > items) items = a->n_values;
    }
    p->query = hpo_alloc_array(p->words + 1, sizeof *p->query);
    p->items = hpo_alloc_array(2 * items + 1, sizeof *p->items);
    if (p->axis == NULL || p->theta == NULL || p->log_z == NULL || p->query == NULL || p->items == NULL) {
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

static hpo_status make_room(hpo_parzen *p, size_t n, hpo_error *err)
{
    if (n < p->cap && p->mu != NULL) return HPO_OK;
    size_t cap = n + n / 2 + 8, d = p->n_axes * sizeof(double);
    if (!resize(&p->mu, cap, d) || !resize(&p->sigma, cap, d) || !resize(&p->constant, cap, d) ||
        !resize(&p->keys, cap, p->axes->n_dims * sizeof(double)) ||
        !resize(&p->log_weight, cap, sizeof(double)) || !resize(&p->work, cap, 2 * sizeof(double)) ||
        !resize(&p->exponent, cap, sizeof(double)) || !resize(&p->bits, cap, p->words * sizeof(uint64_t)) ||
        !resize(&p->sorted, cap, sizeof(struct by_place)))
        return hpo_fail_memory(err);
    p->cap = cap;
    return HPO_OK;
}

static int compare_places(const void *a, const void *b)
{
    const struct by_place *p = a, *q = b;
    if (p->mu != q->mu) return p->mu < q->mu ? -1 : 1;
    return p->i < q->i ? -1 : p->i > q->i;
}

/* Mean and bandwidth of every component on axis k (of p); those that are inactive there get mu NaN. */
static void fit_number(hpo_parzen *p, const hpo_parzen_width *w, size_t k)
{
    const hpo_parzen_axis *a = &p->axes->axis[p->axis[k]];
    size_t m = 0, d = p->n_axes;
    for (size_t i = 0; i < p->n; i++) {
        double v = p->keys[i * p->axes->n_dims + a->dim];
        if (!isnan(v) && a->kind == HPO_PARZEN_GRID) v = a->place[hpo_parzen_value(a, v)];
        p->mu[i * d + k] = v;
        if (!isnan(v)) p->sorted[m++] = (struct by_place){v, i};
    }
    if (m > 1) qsort(p->sorted, m, sizeof *p->sorted, compare_places);
    double *mu = p->work, *sigma = p->work + p->n + 1;
    for (size_t i = 0; i < m; i++)
        mu[i] = p->sorted[i].mu;
    double step = a->kind == HPO_PARZEN_GRID ? 1.0 / a->n_values : 0;
    hpo_parzen_bandwidths(w, step, mu, m, sigma);
    for (size_t i = 0; i < m; i++) {
        size_t at = p->sorted[i].i * d + k;
        double mass = hpo_parzen_log_mass(mu[i], sigma[i], 0, 1);
        p->sigma[at] = sigma[i];
        p->constant[at] = a->kind == HPO_PARZEN_GRID ? -mass : -mass - hpo_log(sigma[i]) - HALF_LOG_2PI;
    }
}

static void fit_axis(hpo_parzen *p, const hpo_parzen_width *w, size_t k, size_t word)
{
    const hpo_parzen_axis *a = &p->axes->axis[p->axis[k]];
    size_t m = 0, d = p->n_axes;
    if (a->kind == HPO_PARZEN_REAL || a->kind == HPO_PARZEN_GRID) {
        fit_number(p, w, k);
        return;
    }
    for (size_t i = 0; i < p->n; i++) {
        const double *u = p->keys + i * p->axes->n_dims + a->dim;
        int active = !isnan(u[0]);
        m += (size_t)active;
        p->mu[i * d + k] = !active                       ? (double)NAN
                           : a->kind == HPO_PARZEN_LABEL ? (double)hpo_parzen_value(a, u[0])
                                                         : 0;
        if (active && a->kind == HPO_PARZEN_ORDER) hpo_parzen_order_bits(a, u, p->bits + i * p->words + word);
    }
    if (a->kind == HPO_PARZEN_LABEL)
        hpo_parzen_label(m, a->n_values, &p->theta[k], &p->log_z[k]);
    else
        p->theta[k] = hpo_parzen_mallows(a->n_values, hpo_parzen_order_share(a->n_values, m), &p->log_z[k]);
}

hpo_status hpo_parzen_fit(hpo_parzen *p, const hpo_parzen_width *w, const double *const *row,
                          const double *weight, size_t n, double prior_weight, hpo_error *err)
{
    size_t word = 0;
    HPO_TRY(make_room(p, n + 1, err));
    p->n = n;
    double total = prior_weight;
    for (size_t i = 0; i < n; i++) {
        memcpy(p->keys + i * p->axes->n_dims, row[i], p->axes->n_dims * sizeof(double));
        double share = weight != NULL ? weight[i] : 1;
        p->log_weight[i] = hpo_log(share);
        total += share;
    }
    p->log_weight[n] = hpo_log(prior_weight);
    p->log_total = hpo_log(total);
    for (size_t k = 0; k < p->n_axes; k++) {
        fit_axis(p, w, k, word);
        word += p->axes->axis[p->axis[k]].words;
    }
    return HPO_OK;
}

/* ---- density ---- */

static double kernel(const hpo_parzen *p, size_t i, size_t k, size_t word, const double *u)
{
    const hpo_parzen_axis *a = &p->axes->axis[p->axis[k]];
    size_t at = i * p->n_axes + k;
    if (i == p->n) return hpo_parzen_prior_log(a, u + a->dim);
    if (a->kind == HPO_PARZEN_REAL) {
        double z = (u[a->dim] - p->mu[at]) / p->sigma[at];
        return p->constant[at] - 0.5 * z * z;
    }
    if (a->kind == HPO_PARZEN_ORDER)
        return -p->theta[k] * hpo_parzen_order_distance(a, p->query + word, p->bits + i * p->words + word) -
               p->log_z[k];
    uint32_t v = hpo_parzen_value(a, u[a->dim]);
    if (a->kind == HPO_PARZEN_LABEL) return v == p->mu[at] ? p->theta[k] : p->log_z[k];
    return hpo_parzen_log_mass(p->mu[at], p->sigma[at], a->edge[v], a->edge[v + 1]) + p->constant[at];
}

/* Sum of the kernels of component i over the axes of group g; NaN: inactive there. */
static double group_kernel(const hpo_parzen *p, size_t i, uint32_t g, const double *u)
{
    double sum = 0;
    size_t word = 0;
    for (size_t k = 0; k < p->n_axes; k++) {
        const hpo_parzen_axis *a = &p->axes->axis[p->axis[k]];
        if (a->group == g) {
            if (i < p->n && isnan(p->mu[i * p->n_axes + k])) return (double)NAN;
            sum += kernel(p, i, k, word, u);
        }
        word += a->words;
    }
    return sum;
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
        double *have = p->work, *weight = p->work + p->n + 1;
        for (size_t i = 0; i <= p->n; i++) {
            double q = group_kernel(p, i, g, u);
            if (isnan(q)) continue;
            have[m] = q + p->log_weight[i];
            weight[m++] = p->log_weight[i];
        }
        double missing = hpo_log_sum_exp(have, m) - hpo_log_sum_exp(weight, m);
        for (size_t i = 0; i <= p->n; i++) {
            double q = group_kernel(p, i, g, u);
            p->exponent[i] += isnan(q) ? missing : q;
        }
    }
    return hpo_log_sum_exp(p->exponent, p->n + 1) - p->log_total;
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
        const double *centre = p->keys + i * p->axes->n_dims + a->dim;
        double *to = u + a->dim, v;
        size_t at = i * p->n_axes + k;
        if (i == p->n || isnan(p->mu[at])) {
            hpo_parzen_prior_draw(a, rng, to);
            continue;
        }
        switch (a->kind) {
        case HPO_PARZEN_REAL:
            to[0] = hpo_parzen_normal_draw(rng, p->mu[at], p->sigma[at]);
            break;
        case HPO_PARZEN_GRID:
            v = hpo_parzen_normal_draw(rng, p->mu[at], p->sigma[at]);
            to[0] = hpo_parzen_coordinate(a, hpo_parzen_value(a, v));
            break;
        case HPO_PARZEN_LABEL: {
            double same = hpo_exp(p->theta[k]) - hpo_exp(p->log_z[k]);
            uint32_t value = (uint32_t)p->mu[at];
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
