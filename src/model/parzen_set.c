/* SPDX-License-Identifier: Apache-2.0 */
/* model/parzen_set.c - a Parzen estimator whose members come and go.
 *
 * Each number axis keeps its places sorted.  A new member changes its own bandwidth and those of its two
 * neighbours, no other, as long as the narrowest bandwidth allowed stays what it is (it depends on the number
 * of members only while that is below about six): O(log n) to find and a move of O(n) bytes.  Every stored
 * number is computed from the members alone, never updated by differences, so the set does not remember its
 * history. */
#include "model/parzen_set.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"

static const double HALF_LOG_2PI = 0x1.d67f1c864beb5p-1;
static const double SQRT1_2 = 0x1.6a09e667f3bcdp-1;

/* ---- memory ---- */

void hpo_parzen_set_free(hpo_parzen_set *s)
{
    if (s == NULL) return;
    hpo_free(s->block);
    hpo_free(s->lane);
    hpo_free(s->active);
    hpo_free(s->total);
    hpo_free(s->prior);
    hpo_free(s->term);
    hpo_free(s->query);
    hpo_free(s->items);
    hpo_free(s);
}

hpo_status hpo_parzen_set_create(const hpo_parzen_axes *axes, const hpo_parzen_width *w, hpo_parzen_set **out,
                                 hpo_error *err)
{
    size_t items = 0;
    *out = NULL;
    hpo_parzen_set *s = hpo_calloc(1, sizeof *s);
    if (s == NULL) return hpo_fail_memory(err);
    s->axes = axes;
    s->width = *w;
    for (size_t k = 0; k < axes->n_axes; k++) {
        s->words += axes->axis[k].words;
        if (axes->axis[k].kind == HPO_PARZEN_ORDER && axes->axis[k].n_values > items)
            items = axes->axis[k].n_values;
    }
    s->lane = hpo_calloc(axes->n_axes + 1, sizeof *s->lane);
    s->active = hpo_calloc(axes->n_groups, sizeof *s->active);
    s->total = hpo_calloc(axes->n_groups, sizeof *s->total);
    s->prior = hpo_calloc(axes->n_groups, sizeof *s->prior);
    s->term = hpo_alloc_array(axes->n_axes + 1, sizeof *s->term);
    s->query = hpo_alloc_array(s->words + 1, sizeof *s->query);
    s->items = hpo_alloc_array(2 * items + 1, sizeof *s->items);
    if (s->lane == NULL || s->active == NULL || s->total == NULL || s->prior == NULL || s->term == NULL ||
        s->query == NULL || s->items == NULL) {
        hpo_parzen_set_free(s);
        return hpo_fail_memory(err);
    }
    for (size_t g = 0; g < axes->n_groups; g++)
        s->total[g] = 1;
    *out = s;
    return HPO_OK;
}

void hpo_parzen_set_floor(hpo_parzen_set *s, double floor)
{
    s->width.floor = floor;
}

size_t hpo_parzen_set_size(const hpo_parzen_set *s)
{
    return s->n;
}

/* All arrays lie in one block, so that growing either succeeds as a whole or leaves everything as it was. */
typedef struct cursor {
    unsigned char *block; /* NULL: only count */
    size_t used, from, to;
} cursor;

/* `rows` rows of `from` elements of so many bytes become rows of `to`. */
static void take(cursor *c, void *p_to_pointer, size_t rows, size_t size)
{
    unsigned char *p, *q;
    if (c->block != NULL) {
        q = c->block + c->used;
        memcpy(&p, p_to_pointer, sizeof p);
        for (size_t i = 0; i < rows && c->from > 0; i++)
            memcpy(q + i * c->to * size, p + i * c->from * size, c->from * size);
        memcpy(p_to_pointer, &q, sizeof q);
    }
    c->used += (rows * c->to * size + 63) / 64 * 64;
}

static void take_lane(cursor *c, const hpo_parzen_axis *a, hpo_parzen_lane *l)
{
    take(c, &l->mu, 1, sizeof *l->mu);
    if (a->kind == HPO_PARZEN_LABEL) return;
    if (a->kind == HPO_PARZEN_ORDER) {
        take(c, &l->keys, 1, a->n_values * sizeof *l->keys);
        take(c, &l->bits, 1, a->words * sizeof *l->bits);
        return;
    }
    if (a->kind == HPO_PARZEN_GRID && a->n_values <= HPO_PARZEN_TABLE)
        take(c, &l->table, a->n_values, sizeof *l->table);
    take(c, &l->scale, 1, sizeof *l->scale);
    take(c, &l->constant, 1, sizeof *l->constant);
    take(c, &l->sigma, 1, sizeof *l->sigma);
    take(c, &l->place, 1, sizeof *l->place);
    take(c, &l->sorted, 1, sizeof *l->sorted);
    take(c, &l->who, 1, sizeof *l->who);
}

static void take_all(cursor *c, hpo_parzen_set *s)
{
    for (size_t k = 0; k < s->axes->n_axes; k++)
        take_lane(c, &s->axes->axis[k], &s->lane[k]);
    take(c, &s->id, 1, sizeof *s->id);
    take(c, &s->log_weight, 1, sizeof *s->log_weight);
    take(c, &s->weight, 1, sizeof *s->weight);
    take(c, &s->constant, s->axes->n_groups, sizeof *s->constant);
    take(c, &s->exponent, 1, sizeof *s->exponent);
    take(c, &s->part, s->axes->n_groups, sizeof *s->part);
}

hpo_status hpo_parzen_set_reserve(hpo_parzen_set *s, size_t n, hpo_error *err)
{
    if (n <= s->cap) return HPO_OK;
    size_t cap = s->cap + s->cap / 2 > n ? s->cap + s->cap / 2 : n;
    cap = (cap + HPO_PARZEN_LANES - 1) / HPO_PARZEN_LANES * HPO_PARZEN_LANES;
    cursor c = {NULL, 0, s->stride, cap};
    take_all(&c, s);
    unsigned char *old = s->block;
    c.block = hpo_calloc(1, c.used);
    if (c.block == NULL) return hpo_fail_memory(err);
    c.used = 0;
    take_all(&c, s);
    hpo_free(old);
    s->block = c.block;
    for (size_t i = s->n; i < cap; i++) {
        s->log_weight[i] = HPO_PARZEN_NOTHING;
        for (size_t g = 0; g < s->axes->n_groups; g++)
            s->constant[g * cap + i] = HPO_PARZEN_NOTHING;
    }
    s->cap = s->stride = cap;
    return HPO_OK;
}

/* ---- places in the order of ids ---- */

static size_t find_id(const hpo_parzen_set *s, uint32_t id)
{
    size_t low = 0, high = s->n;
    if (high > 0 && s->id[high - 1] < id) return high;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (s->id[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void shift(void *p, size_t at, size_t n, size_t size, int up)
{
    unsigned char *b = p;
    if (p == NULL) return;
    if (up)
        memmove(b + (at + 1) * size, b + at * size, (n - at) * size);
    else
        memmove(b + at * size, b + (at + 1) * size, (n - at) * size);
}

/* Opens or closes a gap at place `at` of n members. */
static void shift_all(hpo_parzen_set *s, size_t at, size_t n, int up)
{
    for (size_t k = 0; k < s->axes->n_axes; k++) {
        const hpo_parzen_axis *a = &s->axes->axis[k];
        hpo_parzen_lane *l = &s->lane[k];
        shift(l->mu, at, n, sizeof(float), up);
        shift(l->scale, at, n, sizeof(float), up);
        shift(l->constant, at, n, sizeof(float), up);
        for (size_t v = 0; l->table != NULL && v < a->n_values; v++)
            shift(l->table + v * s->stride, at, n, sizeof(float), up);
        shift(l->sigma, at, n, sizeof(double), up);
        shift(l->place, at, n, sizeof(double), up);
        shift(l->keys, at, n, a->n_values * sizeof(double), up);
        shift(l->bits, at, n, a->words * sizeof(uint64_t), up);
    }
    shift(s->id, at, n, sizeof *s->id, up);
    shift(s->log_weight, at, n, sizeof(float), up);
    shift(s->weight, at, n, sizeof(double), up);
    for (size_t g = 0; g < s->axes->n_groups; g++)
        shift(s->constant + g * s->stride, at, n, sizeof(float), up);
}

/* ---- kernels ---- */

static void fill_table(const hpo_parzen_axis *a, float *table, size_t stride, double mu, double sigma,
                       double mass)
{
    size_t n = a->n_values;
    double z = (0 - mu) / sigma, erf = hpo_erf(z * SQRT1_2);
    double far = -hpo_log(sigma) - HALF_LOG_2PI;
    for (size_t v = 0; v < n; v++) {
        double next = (a->edge[v + 1] - mu) / sigma, log_mass;
        if ((z > 4.5 && next > 4.5) || (z < -4.5 && next < -4.5)) { /* the middle of the cell stands for it */
            double middle = 0.5 * (z + next);
            if (next < 0) erf = -1;
            log_mass = far - 0.5 * middle * middle + hpo_log((next - z) * sigma);
        } else {
            double to = hpo_erf(next * SQRT1_2);
            log_mass = hpo_log(fmax(0.5 * (to - erf), 1e-300));
            erf = to;
        }
        z = next;
        table[v * stride] = (float)fmax(log_mass - mass, -1e4);
    }
}

static double step_of(const hpo_parzen_axis *a)
{
    return a->kind == HPO_PARZEN_GRID ? 1.0 / a->n_values : 0;
}

/* The bandwidth of the member that stands at place r of the sorted list, and all that follows from it. */
static size_t refit(hpo_parzen_set *s, size_t k, size_t r)
{
    const hpo_parzen_axis *a = &s->axes->axis[k];
    hpo_parzen_lane *l = &s->lane[k];
    size_t at = find_id(s, l->who[r]);
    double least = hpo_parzen_narrowest(&s->width, step_of(a), l->n);
    double mu = l->sorted[r], left = r > 0 ? l->sorted[r - 1] : 0,
           right = r + 1 < l->n ? l->sorted[r + 1] : 1;
    double sigma = hpo_parzen_bandwidth(&s->width, least, left, mu, right);
    if (sigma == l->sigma[at] && mu == l->place[at]) return at;
    double mass = hpo_parzen_log_mass(mu, sigma, 0, 1);
    l->sigma[at] = sigma;
    l->place[at] = mu;
    l->mu[at] = (float)mu;
    l->scale[at] = (float)(SQRT1_2 / sigma);
    l->constant[at] = l->table != NULL ? 0
                                       : (float)(-mass - hpo_log(sigma) - HALF_LOG_2PI +
                                                 (a->kind == HPO_PARZEN_GRID ? hpo_log(step_of(a)) : 0));
    if (l->table != NULL) fill_table(a, l->table + at, s->stride, mu, sigma, mass);
    return at;
}

/* Sum of constants of member `at` over the axes of a group. */
static void sum_constants(hpo_parzen_set *s, size_t g, size_t at)
{
    float sum = 0;
    for (size_t i = s->axes->group_axis[g]; i < s->axes->group_axis[g + 1]; i++) {
        const hpo_parzen_lane *l = &s->lane[s->axes->member[i]];
        if (l->constant != NULL) sum += l->constant[at];
    }
    s->constant[g * s->stride + at] = sum;
}

static size_t find_sorted(const hpo_parzen_lane *l, double mu, uint32_t id)
{
    size_t low = 0, high = l->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (l->sorted[middle] < mu || (l->sorted[middle] == mu && l->who[middle] < id))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Bandwidths around place r after a change of the list. */
static void refit_around(hpo_parzen_set *s, size_t k, size_t r, size_t before)
{
    const hpo_parzen_axis *a = &s->axes->axis[k];
    hpo_parzen_lane *l = &s->lane[k];
    double step = step_of(a), was = hpo_parzen_narrowest(&s->width, step, before);
    int all = was != hpo_parzen_narrowest(&s->width, step, l->n);
    size_t first = all || r == 0 ? 0 : r - 1, end = all || r + 2 > l->n ? l->n : r + 2;
    for (size_t i = first; i < end; i++)
        sum_constants(s, a->group, refit(s, k, i));
}

void hpo_parzen_lane_refresh(const hpo_parzen_axis *a, hpo_parzen_lane *l)
{
    if (l->fitted == l->n + 1) return;
    l->fitted = l->n + 1;
    if (a->kind == HPO_PARZEN_LABEL)
        hpo_parzen_label(l->n, a->n_values, &l->same, &l->other);
    else if (a->kind == HPO_PARZEN_ORDER)
        l->same = hpo_parzen_mallows(a->n_values, hpo_parzen_order_share(a->n_values, l->n), &l->other);
}

/* ---- members ---- */

static void add_axis(hpo_parzen_set *s, size_t k, size_t at, uint32_t id, const double *u)
{
    const hpo_parzen_axis *a = &s->axes->axis[k];
    hpo_parzen_lane *l = &s->lane[k];
    if (a->kind == HPO_PARZEN_LABEL) {
        l->mu[at] = (float)hpo_parzen_value(a, u[a->dim]);
        l->n++;
    } else if (a->kind == HPO_PARZEN_ORDER) {
        memcpy(l->keys + at * a->n_values, u + a->dim, a->n_values * sizeof *u);
        hpo_parzen_order_bits(a, u + a->dim, l->bits + at * a->words);
        l->n++;
    } else {
        double mu = a->kind == HPO_PARZEN_GRID ? a->place[hpo_parzen_value(a, u[a->dim])] : u[a->dim];
        size_t r = find_sorted(l, mu, id);
        shift(l->sorted, r, l->n, sizeof *l->sorted, 1);
        shift(l->who, r, l->n, sizeof *l->who, 1);
        l->sorted[r] = mu;
        l->who[r] = id;
        l->sigma[at] = -1;
        l->n++;
        refit_around(s, k, r, l->n - 1);
    }
}

static int is_active(const hpo_parzen_set *s, size_t g, const double *u)
{
    size_t first = s->axes->group_axis[g];
    return first < s->axes->group_axis[g + 1] && !isnan(u[s->axes->axis[s->axes->member[first]].dim]);
}

void hpo_parzen_set_add(hpo_parzen_set *s, uint32_t id, const double *u)
{
    size_t at = find_id(s, id);
    shift_all(s, at, s->n, 1);
    s->n++;
    s->id[at] = id;
    s->weight[at] = 1;
    s->log_weight[at] = 0;
    for (size_t k = 0; k < s->axes->n_axes; k++) { /* an inactive axis adds nothing, whatever stood here */
        hpo_parzen_lane *l = &s->lane[k];
        l->mu[at] = 0;
        if (l->scale != NULL) l->scale[at] = l->constant[at] = 0;
        if (l->sigma != NULL) l->sigma[at] = l->place[at] = 0;
        for (size_t v = 0; l->table != NULL && v < s->axes->axis[k].n_values; v++)
            l->table[v * s->stride + at] = 0;
    }
    for (size_t g = 0; g < s->axes->n_groups; g++) {
        s->constant[g * s->stride + at] = HPO_PARZEN_NOTHING;
        int active = is_active(s, g, u);
        for (size_t i = s->axes->group_axis[g]; active && i < s->axes->group_axis[g + 1]; i++)
            add_axis(s, s->axes->member[i], at, id, u);
        if (!active && g > 0) continue;
        sum_constants(s, g, at);
        s->active[g]++;
        s->total[g] += 1;
    }
}

void hpo_parzen_set_remove(hpo_parzen_set *s, uint32_t id)
{
    size_t at = find_id(s, id);
    for (size_t g = 0; g < s->axes->n_groups; g++) {
        if (!hpo_parzen_set_active(s, g, at)) continue;
        s->active[g]--;
        for (size_t i = s->axes->group_axis[g]; i < s->axes->group_axis[g + 1]; i++) {
            size_t k = s->axes->member[i];
            hpo_parzen_lane *l = &s->lane[k];
            if (l->sorted == NULL) {
                l->n--;
                continue;
            }
            size_t r = find_sorted(l, l->place[at], id);
            l->n--;
            shift(l->sorted, r, l->n, sizeof *l->sorted, 0);
            shift(l->who, r, l->n, sizeof *l->who, 0);
            if (l->n > 0) refit_around(s, k, r, l->n + 1);
        }
    }
    s->n--;
    shift_all(s, at, s->n, 0);
    s->log_weight[s->n] = HPO_PARZEN_NOTHING;
    for (size_t g = 0; g < s->axes->n_groups; g++) {
        s->constant[g * s->stride + s->n] = HPO_PARZEN_NOTHING;
        s->total[g] = 1 + (double)s->active[g];
    }
}

void hpo_parzen_set_weights(hpo_parzen_set *s, const double *weight)
{
    for (size_t g = 0; g < s->axes->n_groups; g++)
        s->total[g] = 1;
    for (size_t i = 0; i < s->n; i++) {
        s->weight[i] = weight != NULL ? weight[i] : 1;
        s->log_weight[i] = weight != NULL ? (float)hpo_log(weight[i]) : 0;
        for (size_t g = 0; g < s->axes->n_groups; g++)
            if (hpo_parzen_set_active(s, g, i)) s->total[g] += s->weight[i];
    }
}

int hpo_parzen_set_active(const hpo_parzen_set *s, size_t group, size_t place)
{
    return group == 0 || s->constant[group * s->stride + place] > HPO_PARZEN_NOTHING / 2;
}

double hpo_parzen_set_bandwidth(const hpo_parzen_set *s, size_t axis, size_t place)
{
    return s->lane[axis].sigma != NULL && place < s->n ? s->lane[axis].sigma[place] : 1;
}
