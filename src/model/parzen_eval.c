/* SPDX-License-Identifier: Apache-2.0 */
/* model/parzen_eval.c - density of a hpo_parzen_set, and draws from its components.
 *
 * Exponents e_i = log w_i + sum of log kernels are summed axis by axis over all members, then
 *
 *     log p = M + log(sum_i exp(e_i - M)) - log W,
 *
 * M the largest so far, in eight partial sums added in one fixed order.  Eight terms that are all below
 * M - 24 are left out: with n members that is a relative error below n e^-24 = 4e-8 for n = 1000.  In single
 * precision the exponents, up to some hundreds, are good to about 1e-5, which is what log p is good to: far
 * below any difference between candidates that means something.
 *
 * exp: 2^k e^r with k = round(x / ln 2) taken from the low bits of x / ln 2 + 3 2^22, e^r by a polynomial of
 * degree 5: relative error 3e-7. */
#include <math.h>
#include <string.h>

#include "math/bits.h"
#include "math/func.h"
#include "model/parzen_set.h"

enum { LANES = HPO_PARZEN_LANES };

static const double LOG_CUT = 24;

static inline float exp_lane(float x)
{
    const float big = 12582912.0F;
    float t, r, p, y;
    uint32_t bits;
    x = x < -87.0F ? -87.0F : x;
    t = x * 1.44269504F + big;
    memcpy(&bits, &t, sizeof bits);
    t -= big;
    r = (x - t * 0.693359375F) + t * 2.12194440e-4F;
    p = 1.0F + r * (1.0F + r * (0.5F + r * (0.16666667F + r * (0.041666667F + r * 0.0083333333F))));
    bits = (bits << 23) + 0x3f800000u; /* 0x4b400000 << 23 is 0 */
    memcpy(&y, &bits, sizeof y);
    return p * y;
}

/* A running sum of exponentials. */
typedef struct running {
    double max, sum;
} running;

static void lift(running *r, double e)
{
    if (e <= r->max) return;
    r->sum = r->sum > 0 ? r->sum * hpo_exp(r->max - e) : 0;
    r->max = e;
}

/* Adds exp(e[i]) of n (a multiple of LANES) exponents. */
static void add_exps(running *r, const float *restrict e, size_t n)
{
    float top[LANES], sum[LANES] = {0};
    for (size_t j = 0; j < LANES; j++)
        top[j] = HPO_PARZEN_NOTHING;
    for (size_t i = 0; i < n; i += LANES)
        for (size_t j = 0; j < LANES; j++)
            top[j] = e[i + j] > top[j] ? e[i + j] : top[j];
    float max = top[0];
    for (size_t j = 1; j < LANES; j++)
        max = top[j] > max ? top[j] : max;
    if (max > HPO_PARZEN_NOTHING / 2) lift(r, (double)max);
    float shift = (float)r->max, least = (float)(r->max - LOG_CUT);
    for (size_t i = 0; i < n; i += LANES) {
        float here[LANES];
        float high = e[i];
        for (size_t j = 1; j < LANES; j++)
            high = e[i + j] > high ? e[i + j] : high;
        if (high < least) continue;
        for (size_t j = 0; j < LANES; j++)
            here[j] = exp_lane(e[i + j] - shift);
        for (size_t j = 0; j < LANES; j++)
            sum[j] += here[j];
    }
    float a = (sum[0] + sum[4]) + (sum[2] + sum[6]), b = (sum[1] + sum[5]) + (sum[3] + sum[7]);
    r->sum += (double)(a + b) * hpo_exp((double)shift - r->max);
}

static void add_normal(const hpo_parzen_lane *l, float v, float *restrict e, size_t n)
{
    const float *restrict mu = l->mu, *restrict scale = l->scale;
    for (size_t i = 0; i < n; i += LANES)
        for (size_t j = 0; j < LANES; j++) {
            float z = (v - mu[i + j]) * scale[i + j];
            e[i + j] -= z * z;
        }
}

static void add_table(const float *restrict row, float *restrict e, size_t n)
{
    for (size_t i = 0; i < n; i += LANES)
        for (size_t j = 0; j < LANES; j++)
            e[i + j] += row[i + j];
}

static void add_label(const float *restrict label, float v, float same, float other, float *restrict e,
                      size_t n)
{
    for (size_t i = 0; i < n; i += LANES)
        for (size_t j = 0; j < LANES; j++)
            e[i + j] += label[i + j] == v ? same : other;
}

/* Adds the log kernels of one axis of n members; returns the prior's. */
static double add_axis(hpo_parzen_set *s, size_t k, const double *u, float *e, size_t n)
{
    const hpo_parzen_axis *a = &s->axes->axis[k];
    hpo_parzen_lane *l = &s->lane[k];
    u += a->dim;
    switch (a->kind) {
    case HPO_PARZEN_REAL:
        add_normal(l, (float)u[0], e, n);
        break;
    case HPO_PARZEN_GRID: {
        uint32_t v = hpo_parzen_value(a, u[0]);
        if (l->table != NULL)
            add_table(l->table + v * s->stride, e, n);
        else
            add_normal(l, (float)a->place[v], e, n);
        break;
    }
    case HPO_PARZEN_LABEL:
        hpo_parzen_lane_refresh(a, l);
        add_label(l->mu, (float)hpo_parzen_value(a, u[0]), (float)l->same, (float)l->other, e, n);
        break;
    case HPO_PARZEN_ORDER:
        hpo_parzen_lane_refresh(a, l);
        hpo_parzen_order_bits(a, u, s->query);
        for (size_t i = 0; i < s->n; i++)
            e[i] -=
                (float)(l->same * hpo_parzen_order_distance(a, s->query, l->bits + i * a->words) + l->other);
        break;
    }
    return hpo_parzen_prior_log(a, u);
}

static double add_group(hpo_parzen_set *s, size_t g, const double *u, float *e, size_t n)
{
    double prior = 0;
    for (size_t i = s->axes->group_axis[g]; i < s->axes->group_axis[g + 1]; i++)
        prior += add_axis(s, s->axes->member[i], u, e, n);
    return prior;
}

static double finish(running *r, double prior, double total)
{
    lift(r, prior);
    r->sum += hpo_exp(prior - r->max);
    return r->max + hpo_log(r->sum / total);
}

/* One branch: its density among those who have it goes to the members that have not. */
static double branch(hpo_parzen_set *s, size_t g, const double *u, size_t n)
{
    float *restrict e = s->exponent, *restrict q = s->part;
    const float *restrict constant = s->constant + g * s->stride;
    running r = {-HUGE_VAL, 0};
    memcpy(q, constant, n * sizeof *q);
    double prior = add_group(s, g, u, q, n);
    float *restrict mixed = s->mixed;
    const float *restrict weight = s->log_weight;
    for (size_t i = 0; i < n; i += LANES)
        for (size_t j = 0; j < LANES; j++)
            mixed[i + j] =
                constant[i + j] > HPO_PARZEN_NOTHING / 2 ? q[i + j] + weight[i + j] : HPO_PARZEN_NOTHING;
    add_exps(&r, mixed, n);
    double missing = finish(&r, prior, s->total[g]);
    for (size_t i = 0; i < n; i++)
        e[i] += constant[i] > HPO_PARZEN_NOTHING / 2 ? q[i] : (float)missing;
    return prior;
}

double hpo_parzen_set_logpdf(hpo_parzen_set *s, const double *u)
{
    size_t n = (s->n + LANES - 1) / LANES * LANES;
    running r = {-HUGE_VAL, 0};
    float *restrict e = s->exponent;
    const float *restrict constant = s->constant, *restrict weight = s->log_weight;
    for (size_t i = 0; i < n; i += LANES)
        for (size_t j = 0; j < LANES; j++)
            e[i + j] = constant[i + j] + weight[i + j];
    double prior = add_group(s, 0, u, e, n);
    for (size_t g = 1; g < s->axes->n_groups; g++)
        if (!isnan(u[s->axes->axis[s->axes->member[s->axes->group_axis[g]]].dim]))
            prior += branch(s, g, u, n);
    add_exps(&r, e, n);
    return finish(&r, prior, s->total[0]);
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
