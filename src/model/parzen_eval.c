/* SPDX-License-Identifier: Apache-2.0 */
/* model/parzen_eval.c - density of a hpo_parzen_set (see parzen.h), and draws from its components.
 *
 * Every axis becomes one term of the exponents; parzen_lanes.c adds them up.  A branch first gives its own
 * density among the members that have it, which then stands in for the kernel of those that have not. */
#include <math.h>
#include <string.h>

#include "math/func.h"
#include "model/parzen_set.h"

enum { LANES = HPO_PARZEN_LANES };

/* The term of one axis at u; *prior gets the prior's log kernel added. */
static hpo_parzen_term term_of(hpo_parzen_set *s, size_t k, const double *u, double *prior)
{
    const hpo_parzen_axis *a = &s->axes->axis[k];
    hpo_parzen_lane *l = &s->lane[k];
    hpo_parzen_term t = {HPO_PARZEN_NORMAL, l->mu, l->scale, 0, 0, 0};
    u += a->dim;
    *prior += hpo_parzen_prior_log(a, u);
    switch (a->kind) {
    case HPO_PARZEN_REAL:
        t.v = (float)u[0];
        break;
    case HPO_PARZEN_GRID: {
        uint32_t v = hpo_parzen_value(a, u[0]);
        t.v = (float)a->place[v];
        if (l->table == NULL) break;
        t.part = HPO_PARZEN_ROW;
        t.a = l->table + v * s->stride;
        break;
    }
    case HPO_PARZEN_LABEL:
        hpo_parzen_lane_refresh(a, l);
        t = (hpo_parzen_term){HPO_PARZEN_MATCH, l->mu,          NULL, (float)hpo_parzen_value(a, u[0]),
                              (float)l->same,   (float)l->other};
        break;
    case HPO_PARZEN_ORDER: /* l->mu is free to hold the kernels */
        hpo_parzen_lane_refresh(a, l);
        hpo_parzen_order_bits(a, u, s->query);
        for (size_t i = 0; i < s->n; i++) {
            double d = hpo_parzen_order_distance(a, s->query, l->bits + i * a->words);
            l->mu[i] = (float)(-l->same * d - l->other);
        }
        t.part = HPO_PARZEN_ROW;
        break;
    }
    return t;
}

static size_t terms_of(hpo_parzen_set *s, size_t g, const double *u, double *prior)
{
    size_t first = s->axes->group_axis[g], n = s->axes->group_axis[g + 1] - first;
    *prior = 0;
    for (size_t i = 0; i < n; i++)
        s->term[i] = term_of(s, s->axes->member[first + i], u, prior);
    return n;
}

/* log of the weight of all members: asked for by every candidate, changed by tells alone. */
static double log_total(hpo_parzen_set *s)
{
    if (s->total[0] != s->logged) {
        s->logged = s->total[0];
        s->log_total = hpo_log(s->logged);
    }
    return s->log_total;
}

/* log(sum / total) with the prior's term. */
static double finish(hpo_parzen_sum r, double total)
{
    return r.max + hpo_log(r.sum / total);
}

/* The log kernels of group g into its row of s->part; returns the prior's. */
static double fill_group(hpo_parzen_set *s, size_t g, const double *u, size_t n)
{
    double prior;
    size_t n_terms = terms_of(s, g, u, &prior);
    hpo_parzen_fill_terms(s->term, n_terms, s->constant + g * s->stride, n, s->part + g * s->stride);
    return prior;
}

static int branch_active(const hpo_parzen_set *s, size_t g, const double *u)
{
    return !isnan(u[s->axes->axis[s->axes->member[s->axes->group_axis[g]]].dim]);
}

/* With branches.  The members that have all of them give a lower bound: often that is enough. */
static double on_tree(hpo_parzen_set *s, const double *u, double limit)
{
    size_t n = (s->n + LANES - 1) / LANES * LANES;
    double prior = fill_group(s, 0, u, n);
    hpo_parzen_sum r;
    memcpy(s->exponent, s->part, n * sizeof *s->exponent);
    for (size_t g = 1; g < s->axes->n_groups; g++) {
        if (!branch_active(s, g, u)) continue;
        s->prior[g] = fill_group(s, g, u, n);
        prior += s->prior[g];
        hpo_parzen_merge(s->part + g * s->stride, HPO_PARZEN_NOTHING, n, s->exponent);
    }
    limit += log_total(s);
    if (limit < HUGE_VAL) {
        r = (hpo_parzen_sum){prior, 1};
        hpo_parzen_sum_terms(NULL, 0, s->exponent, s->log_weight, n, limit, &r);
        if (r.max + hpo_log(r.sum) > limit) return finish(r, s->total[0]);
    }
    memcpy(s->exponent, s->part, n * sizeof *s->exponent);
    for (size_t g = 1; g < s->axes->n_groups; g++) {
        if (!branch_active(s, g, u)) continue;
        const float *part = s->part + g * s->stride;
        r = (hpo_parzen_sum){s->prior[g], 1};
        hpo_parzen_sum_terms(NULL, 0, part, s->log_weight, n, HUGE_VAL, &r);
        hpo_parzen_merge(part, (float)finish(r, s->total[g]), n, s->exponent);
    }
    r = (hpo_parzen_sum){prior, 1};
    hpo_parzen_sum_terms(NULL, 0, s->exponent, s->log_weight, n, limit, &r);
    return finish(r, s->total[0]);
}

double hpo_parzen_set_logpdf_until(hpo_parzen_set *s, const double *u, double limit)
{
    size_t n = (s->n + LANES - 1) / LANES * LANES;
    double prior;
    if (s->axes->n_groups > 1) return on_tree(s, u, limit);
    size_t n_terms = terms_of(s, 0, u, &prior);
    hpo_parzen_sum r = {prior, 1};
    hpo_parzen_sum_terms(s->term, n_terms, s->constant, s->log_weight, n, limit + log_total(s), &r);
    return finish(r, s->total[0]);
}

double hpo_parzen_set_logpdf(hpo_parzen_set *s, const double *u)
{
    return hpo_parzen_set_logpdf_until(s, u, HUGE_VAL);
}

/* ---- draws ---- */

size_t hpo_parzen_set_pick(const hpo_parzen_set *s, size_t group, hpo_rng *rng)
{
    double left = hpo_rng_uniform(rng) * s->total[group];
    for (size_t i = 0; i < s->n; i++) {
        if (!hpo_parzen_set_active(s, group, i)) continue;
        left -= s->weight[i];
        if (left < 0) return i;
    }
    return s->n;
}

void hpo_parzen_set_draw(hpo_parzen_set *s, size_t axis, size_t place, hpo_rng *rng, double *u)
{
    const hpo_parzen_axis *a = &s->axes->axis[axis];
    hpo_parzen_lane *l = &s->lane[axis];
    u += a->dim;
    if (place >= s->n) {
        hpo_parzen_prior_draw(a, rng, u);
        return;
    }
    switch (a->kind) {
    case HPO_PARZEN_REAL:
        u[0] = hpo_parzen_normal_draw(rng, l->place[place], l->sigma[place]);
        break;
    case HPO_PARZEN_GRID:
        u[0] = hpo_parzen_coordinate(
            a, hpo_parzen_value(a, hpo_parzen_normal_draw(rng, l->place[place], l->sigma[place])));
        break;
    case HPO_PARZEN_LABEL: {
        hpo_parzen_lane_refresh(a, l);
        uint32_t v = (uint32_t)l->mu[place];
        if (hpo_rng_uniform(rng) >= hpo_exp(l->same) - hpo_exp(l->other))
            v = (uint32_t)hpo_rng_below(rng, a->n_values);
        u[0] = hpo_parzen_coordinate(a, v);
        break;
    }
    case HPO_PARZEN_ORDER:
        hpo_parzen_lane_refresh(a, l);
        hpo_parzen_order_draw(a, l->keys + place * a->n_values, l->same, rng, s->items, u);
        break;
    }
}
