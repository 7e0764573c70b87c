/* SPDX-License-Identifier: Apache-2.0 */
/* space/encode.c - configurations to and from the unit cube, by the flat program of the frozen space.
 *
 * labels        n equal cells of [0,1]; encode gives the middle
 * permutation   random keys: position j holds the item with the j-th smallest coordinate; encode gives
 *               (rank + 1/2) / n (Bean 1994)
 * simplex       stick breaking: of what is left, s_i, entry i leaves s_{i+1} = s_i u^(1/(n-1-i)), so that
 * uniform coordinates give the uniform law on the simplex, Dirichlet(1,...,1).  The s_i lie on the grid
 *               2^-44: entries are exact differences, sum to exactly 1, and the s_i are recovered exactly
 * subset        item chosen iff u >= 1/2; too few: those nearest below 1/2 are added, too many: those nearest
 *               above are dropped
 * vector        n numbers */
#include "base/alloc.h"
#include "base/error.h"
#include "math/dist.h"
#include "math/func.h"
#include "space/region.h"
#include "space/space.h"
#include <math.h>
#include <string.h>

static const double simplex_grid = 17592186044416.0; /* 2^44 */

/* ---- items ----------------------------------------------------------------------------------------- */

/* order: indices 0..n-1 by ascending key, equal keys by index. */
static void sort_keys(const double *key, size_t n, uint16_t *order)
{
    for (size_t i = 0; i < n; i++) {
        size_t lo = 0, hi = i;
        while (lo < hi) {
            size_t mid = (lo + hi) / 2;
            if (key[order[mid]] <= key[i])
                lo = mid + 1;
            else
                hi = mid;
        }
        memmove(order + lo + 1, order + lo, (i - lo) * sizeof *order);
        order[lo] = (uint16_t)i;
    }
}

static void decode_permutation(const hpo_codec *c, const double *u, double *x)
{
    uint16_t order[HPO_MAX_ITEMS];
    sort_keys(u, c->n, order);
    for (size_t i = 0; i < c->n; i++)
        x[i] = order[i];
}

static void encode_permutation(const hpo_codec *c, const double *x, double *u)
{
    for (size_t i = 0; i < c->n; i++)
        u[(size_t)x[i]] = ((double)i + 0.5) / c->n;
}

double hpo_simplex_keep(double u, double m)
{
    return m == 1 ? u : hpo_pow(u, 1 / m);
}

static void decode_simplex(const hpo_codec *c, const double *u, double *x)
{
    double left = 1;
    for (size_t i = 0; i + 1 < c->n; i++) {
        size_t m = c->n - 1 - i;
        double keep = hpo_simplex_keep(u[i], (double)m);
        double next = floor(left * keep * simplex_grid + 0.5) / simplex_grid;
        x[i] = left - next;
        left = next;
    }
    x[c->n - 1] = left;
}

static void encode_simplex(const hpo_codec *c, const double *x, double *u)
{
    /* Sums from the end: s_i = x_i + x_{i+1} + ...; exact for what decode gives. */
    double left = x[c->n - 1];
    for (size_t i = c->n - 1; i-- > 0;) {
        double next = left, m = (double)(c->n - 1 - i);
        left = next + x[i];
        double keep = left > 0 ? next / left : 0.5;
        u[i] = m == 1 ? keep : hpo_pow(keep, m);
    }
}

static void decode_subset(const hpo_param *p, const hpo_codec *c, const double *u, double *x)
{
    size_t chosen = 0;
    for (size_t i = 0; i < c->n; i++) {
        x[i] = u[i] >= 0.5;
        chosen += x[i] != 0;
    }
    while (chosen < p->min_size || chosen > p->max_size) {
        int add = chosen < p->min_size;
        size_t best = c->n;
        for (size_t i = 0; i < c->n; i++)
            if ((x[i] == 0) == add && (best == c->n || (add ? u[i] > u[best] : u[i] < u[best]))) best = i;
        x[best] = add;
        chosen = add ? chosen + 1 : chosen - 1;
    }
}

/* ---- one parameter --------------------------------------------------------------------------------- */

/* 1: *k holds the range; 0: it is empty; -1: it is unknown, because a parameter in it is inactive. */
static int dependent_range(const hpo_space *s, const hpo_codec *c, const double *x, hpo_scalar *k)
{
    const hpo_param *p = &s->params[c->param];
    double low = p->low_expr ? hpo_expr_eval(p->low_expr, x) : p->low;
    double high = p->high_expr ? hpo_expr_eval(p->high_expr, x) : p->high;
    int is_int = p->kind == HPO_KIND_INT;
    if (isnan(low) || isnan(high)) return -1;
    if (is_int) {
        low = ceil(low);
        high = floor(high);
    }
    if (low <= high && isfinite(high - low) &&
        (!is_int || (fabs(low) <= HPO_MAX_INT && fabs(high) <= HPO_MAX_INT)) &&
        hpo_scalar_init(k, low, high, p->step, p->scale, is_int))
        return 1;
    k->low = isfinite(low) ? low : 0;
    return 0;
}

int hpo_codec_bounds(const hpo_space *s, const hpo_codec *c, const double *x, hpo_scalar *k)
{
    return dependent_range(s, c, x, k);
}

static void set_inactive(const hpo_codec *c, double *x)
{
    for (size_t i = 0; i < c->n; i++)
        x[c->column + i] = HPO_UNKNOWN;
}

static double decode_dependent(const hpo_space *s, const hpo_codec *c, double u, const double *x)
{
    hpo_scalar k;
    int ok = dependent_range(s, c, x, &k);
    if (ok < 0) return HPO_UNKNOWN;
    return ok ? hpo_scalar_decode(&k, u) : k.low;
}

static inline double decode_unit(const hpo_scalar *k, double u)
{
    double v = k->low + u * k->t_width;
    v = v < k->low ? k->low : v;
    return u >= 1 || v > k->high ? k->high : v;
}

void hpo_codec_decode(const hpo_space *s, const hpo_codec *c, const double *u, double *x)
{
    const hpo_scalar *k = &c->k;
    double v;
    if (c->when && hpo_expr_eval(c->when, x) != 1) {
        set_inactive(c, x);
        return;
    }
    u += c->dim;
    switch ((hpo_codec_op)c->op) {
    case HPO_CODEC_UNIT:
        x[c->column] = decode_unit(k, u[0]);
        break;
    case HPO_CODEC_SCALAR:
        x[c->column] = hpo_scalar_decode(k, u[0]);
        break;
    case HPO_CODEC_CELLS:
        v = floor(u[0] * k->n);
        x[c->column] = v >= k->n ? k->n - 1 : v > 0 ? v : 0;
        break;
    case HPO_CODEC_FIXED:
        x[c->column] = k->high;
        break;
    case HPO_CODEC_BOUNDS:
        x[c->column] = decode_dependent(s, c, u[0], x);
        break;
    case HPO_CODEC_PERMUTATION:
        decode_permutation(c, u, x + c->column);
        break;
    case HPO_CODEC_SIMPLEX:
        decode_simplex(c, u, x + c->column);
        break;
    case HPO_CODEC_SUBSET:
        decode_subset(&s->params[c->param], c, u, x + c->column);
        break;
    case HPO_CODEC_VECTOR:
        for (size_t i = 0; i < c->n; i++)
            x[c->column + i] = hpo_scalar_decode(k, u[i]);
        break;
    }
}

void hpo_codec_encode(const hpo_space *s, const hpo_codec *c, const double *x, double *u)
{
    hpo_scalar k;
    const double *v = x + c->column;
    u += c->dim;
    if (c->n_dims == 0) return;
    if (isnan(v[0])) {
        for (size_t i = 0; i < c->n_dims; i++)
            u[i] = HPO_UNKNOWN;
        return;
    }
    switch ((hpo_codec_op)c->op) {
    case HPO_CODEC_UNIT:
    case HPO_CODEC_SCALAR:
        u[0] = hpo_scalar_encode(&c->k, v[0]);
        break;
    case HPO_CODEC_CELLS:
        u[0] = (v[0] + 0.5) / c->k.n;
        break;
    case HPO_CODEC_BOUNDS:
        u[0] = dependent_range(s, c, x, &k) == 1 ? hpo_scalar_encode(&k, v[0]) : 0.5;
        break;
    case HPO_CODEC_PERMUTATION:
        encode_permutation(c, v, u);
        break;
    case HPO_CODEC_SIMPLEX:
        encode_simplex(c, v, u);
        break;
    case HPO_CODEC_SUBSET:
        for (size_t i = 0; i < c->n; i++)
            u[i] = v[i] != 0 ? 0.75 : 0.25;
        break;
    case HPO_CODEC_VECTOR:
        for (size_t i = 0; i < c->n; i++)
            u[i] = hpo_scalar_encode(&c->k, v[i]);
        break;
    case HPO_CODEC_FIXED:
        break;
    }
}

/* ---- whole configurations -------------------------------------------------------------------------- */

void hpo_space_decode(const hpo_space *s, const double *u, double *x)
{
    for (size_t i = 0; i < s->n_params; i++) {
        const hpo_codec *c = &s->program[i];
        if (c->op == HPO_CODEC_UNIT && c->when == NULL) /* the most common one, without a call */
            x[c->column] = decode_unit(&c->k, u[c->dim]);
        else
            hpo_codec_decode(s, c, u, x);
    }
}

void hpo_space_encode(const hpo_space *s, const double *x, double *u)
{
    for (size_t i = 0; i < s->n_params; i++)
        hpo_codec_encode(s, &s->program[i], x, u);
}

int64_t hpo_space_violated(const hpo_space *s, const double *x)
{
    hpo_scalar k;
    for (size_t i = 0; s->has_bounds && i < s->n_params; i++) {
        const hpo_codec *c = &s->program[i];
        double v = x[c->column];
        if (c->op != HPO_CODEC_BOUNDS || isnan(v)) continue;
        if (dependent_range(s, c, x, &k) != 1 || v < k.low || v > k.high)
            return (int64_t)(s->n_constraints + i);
    }
    for (size_t i = 0; i < s->n_constraints; i++)
        if (hpo_expr_eval(s->constraints[i].expr, x) == 0) return (int64_t)i;
    return -1;
}

int32_t hpo_space_feasible(const hpo_space *s, const double *x)
{
    return hpo_space_violated(s, x) < 0;
}

/* ---- defaults -------------------------------------------------------------------------------------- */

/* v to 12 significant digits: 0.01 instead of 0.009999999999999787 for the middle of a log range. */
static double nice(const hpo_scalar *k, double v)
{
    double scale = 1e11, size = fabs(v);
    if (k->discrete || !(size >= 1e-11 && size < 1e11)) return v;
    for (; size >= 10; size /= 10)
        scale /= 10;
    for (; size < 1; size *= 10)
        scale *= 10;
    double rounded = floor(v * scale + 0.5) / scale;
    return rounded >= k->low && rounded <= k->high ? rounded : v;
}

void hpo_codec_default(const hpo_space *s, const hpo_codec *c, double *x)
{
    const hpo_param *p = &s->params[c->param];
    double *v = x + c->column;
    hpo_scalar k;
    if (p->fallback) {
        memcpy(v, p->fallback, c->n * sizeof *v);
        if (c->op != HPO_CODEC_BOUNDS) return;
        int ok = dependent_range(s, c, x, &k);
        if (ok < 0)
            v[0] = HPO_UNKNOWN;
        else if (ok)
            v[0] = v[0] < k.low ? k.low : v[0] > k.high ? k.high : v[0];
        return;
    }
    switch ((hpo_codec_op)c->op) {
    case HPO_CODEC_CELLS:
        v[0] = 0;
        break;
    case HPO_CODEC_FIXED:
        v[0] = c->k.high;
        break;
    case HPO_CODEC_UNIT:
    case HPO_CODEC_SCALAR:
        v[0] = nice(&c->k, hpo_scalar_decode(&c->k, 0.5));
        break;
    case HPO_CODEC_BOUNDS:
        v[0] = decode_dependent(s, c, 0.5, x);
        break;
    case HPO_CODEC_PERMUTATION:
        for (size_t i = 0; i < c->n; i++)
            v[i] = (double)i;
        break;
    case HPO_CODEC_SIMPLEX:
        for (size_t i = 0; i < c->n; i++)
            v[i] = (floor(simplex_grid * (double)(i + 1) / c->n) - floor(simplex_grid * (double)i / c->n)) /
                   simplex_grid;
        break;
    case HPO_CODEC_SUBSET:
        for (size_t i = 0; i < c->n; i++)
            v[i] = i < p->min_size;
        break;
    case HPO_CODEC_VECTOR:
        for (size_t i = 0; i < c->n; i++)
            v[i] = nice(&c->k, hpo_scalar_decode(&c->k, 0.5));
        break;
    }
}

void hpo_space_default(const hpo_space *s, double *x)
{
    for (size_t i = 0; i < s->n_params; i++) {
        const hpo_codec *c = &s->program[i];
        if (c->when && hpo_expr_eval(c->when, x) != 1)
            set_inactive(c, x);
        else
            hpo_codec_default(s, c, x);
    }
}

void hpo_space_repair(const hpo_space *s, double *x)
{
    hpo_scalar k;
    for (size_t i = 0; i < s->n_params; i++) {
        const hpo_codec *c = &s->program[i];
        double *v = x + c->column;
        if (c->when && hpo_expr_eval(c->when, x) != 1) {
            set_inactive(c, x);
        } else if (isnan(v[0])) {
            hpo_codec_default(s, c, x);
        } else if (c->op == HPO_CODEC_BOUNDS) {
            int ok = dependent_range(s, c, x, &k);
            if (ok < 0)
                v[0] = HPO_UNKNOWN;
            else if (ok)
                v[0] = hpo_scalar_decode(&k, hpo_scalar_encode(&k, v[0] < k.low    ? k.low
                                                                   : v[0] > k.high ? k.high
                                                                                   : v[0]));
        }
    }
}

/* ---- priors ---------------------------------------------------------------------------------------- */

static double clamp01(double u)
{
    return u > 0 ? (u < 1 ? u : 1) : 0;
}

/* Cell j of the cumulative weights becomes cell j of equal width. */
static double prior_cells(const double *cumulative, size_t n, double v)
{
    size_t lo = 0, hi = n - 1;
    while (lo < hi) { /* the last cell that begins at or below v and is not empty */
        size_t mid = (lo + hi + 1) / 2;
        if (cumulative[mid] <= v)
            lo = mid;
        else
            hi = mid - 1;
    }
    while (lo > 0 && cumulative[lo + 1] <= cumulative[lo])
        lo--;
    double width = cumulative[lo + 1] - cumulative[lo];
    double inside = width > 0 ? (v - cumulative[lo]) / width : 0.5;
    if (!(inside < 1)) inside = 1 - 0x1p-20; /* stay in the cell whatever the rounding */
    return ((double)lo + inside) / (double)n;
}

double hpo_codec_prior(const hpo_space *s, const hpo_codec *c, double v)
{
    /* Width of the prior in the unit cube, after Souza et al. 2021 and Mallik et al. 2023 (PriorBand). */
    static const double spread[] = {0.5, 0.25, 0.125};
    const hpo_param *p = &s->params[c->param];
    const hpo_scalar *k = &c->k;
    if (isnan(v)) return v;
    if (p->cumulative) return prior_cells(p->cumulative, (size_t)k->n, v);
    double edge = k->discrete ? k->step / 2 : 0;
    switch (p->prior) {
    case HPO_PRIOR_CENTER: {
        double centre =
            c->op == HPO_CODEC_CELLS ? (p->prior_a + 0.5) / k->n : hpo_scalar_place(k, p->prior_a);
        return clamp01(hpo_truncnorm_quantile(v, centre, spread[p->confidence], 0, 1));
    }
    case HPO_PRIOR_NORMAL:
        return clamp01(hpo_scalar_place(
            k, hpo_truncnorm_quantile(v, p->prior_a, p->prior_b, k->low - edge, k->high + edge)));
    case HPO_PRIOR_BETA:
        return clamp01(hpo_beta_quantile(v, p->prior_a, p->prior_b));
    default:
        return v;
    }
}

void hpo_space_apply_prior(const hpo_space *s, const double *v, double *u)
{
    if (u != v) memmove(u, v, s->n_dims * sizeof *u);
    if (!s->has_prior) return;
    for (size_t i = 0; i < s->n_params; i++) {
        const hpo_codec *c = &s->program[i];
        if (s->params[c->param].prior == HPO_PRIOR_NONE) continue;
        for (size_t j = 0; j < c->n_dims; j++)
            u[c->dim + j] = hpo_codec_prior(s, c, u[c->dim + j]);
    }
}
