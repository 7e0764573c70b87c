/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/explore.c - perturbation of a configuration, in the units in which people think of it.
 *
 * A number x becomes 1.2 x or 0.8 x, each with probability 1/2: a step of the same size on a log scale.  On a
 * reversed log scale the distance to the upper end is what is divided (0.99 becomes 0.9917 or 0.9875), on a
 * logit scale the odds are multiplied.  On a linear range with 0 inside, or at 0, a factor would keep the
 * sign for ever: such a number moves by a tenth of its range.  Results are brought into the range and onto
 * the steps; a discrete number that would stay moves by one step.  A label becomes the next or the previous
 * one, a vector's entries and a simplex's shares are multiplied one by one (shares then sum to 1 again), a
 * permutation swaps two neighbours, a subset changes one item.
 *
 * Conditions and constraints are the space's: parameters that become active take their default or middle, and
 * what violates a constraint or changes a fixed parameter is thrown away and tried again.
 *
 * Jaderberg, Dalibard, Osindero and others: "Population based training of neural networks",
 * arXiv:1711.09846, section 4 (perturb, resample). */
#include "scheduler/explore.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "space/space.h"

static const double UP = 1.2, DOWN = 0.8, SHIFT = 0.1;
enum { TRIES = 64 };

static int coin(hpo_rng *rng)
{
    return hpo_rng_uniform(rng) < 0.5;
}

static double into(const hpo_scalar *k, double v)
{
    return fmin(fmax(v, k->low), k->high);
}

static double multiply(const hpo_scalar *k, double v, int up)
{
    double f = up ? UP : DOWN;
    switch ((hpo_scale)k->scale) {
    case HPO_SCALE_REVLOG:
        return k->ref_b - (k->ref_b - v) / f;
    case HPO_SCALE_LOGIT: {
        double odds = (v - k->ref_a) / (k->ref_b - v) * f;
        return (k->ref_a + k->ref_b * odds) / (1 + odds);
    }
    default:
        if (v == 0 || (k->low < 0 && k->high > 0)) return v + (up ? SHIFT : -SHIFT) * (k->high - k->low);
        return v * f;
    }
}

static double perturb_number(const hpo_scalar *k, double v, hpo_rng *rng)
{
    int up = coin(rng);
    double next = hpo_scalar_decode(k, hpo_scalar_place(k, into(k, multiply(k, v, up))));
    if (next != v || !k->discrete) return next;
    double i = floor((v - k->low) / k->step + 0.5) + (up ? 1 : -1);
    if (i < 0 || i >= k->n) return v;
    hpo_scalar linear = *k;
    linear.scale = HPO_SCALE_LINEAR;
    return hpo_scalar_decode(&linear, (i + 0.5) / k->n);
}

static void perturb_subset(const hpo_param *p, size_t n, double *x, hpo_rng *rng)
{
    size_t chosen = 0, i = (size_t)hpo_rng_below(rng, n), j = (size_t)hpo_rng_below(rng, n);
    for (size_t k = 0; k < n; k++)
        chosen += x[k] != 0;
    size_t then = x[i] != 0 ? chosen - 1 : chosen + 1;
    if (then >= p->min_size && then <= p->max_size) {
        x[i] = x[i] == 0;
    } else if (x[i] != x[j]) { /* one in, one out */
        double was = x[i];
        x[i] = x[j];
        x[j] = was;
    }
}

static void perturb_shares(double *x, size_t n, hpo_rng *rng)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i] *= coin(rng) ? UP : DOWN;
    for (size_t i = 0; i < n && sum > 0; i++)
        x[i] /= sum;
}

static void perturb(const hpo_space *s, const hpo_codec *c, double *row, hpo_rng *rng)
{
    double *x = row + c->column;
    hpo_scalar k;
    switch ((hpo_codec_op)c->op) {
    case HPO_CODEC_UNIT:
    case HPO_CODEC_SCALAR:
        *x = perturb_number(&c->k, *x, rng);
        return;
    case HPO_CODEC_BOUNDS:
        if (hpo_codec_bounds(s, c, row, &k)) *x = perturb_number(&k, into(&k, *x), rng);
        return;
    case HPO_CODEC_CELLS:
        *x = fmin(fmax(*x + (coin(rng) ? 1 : -1), 0), c->k.n - 1);
        return;
    case HPO_CODEC_FIXED:
        return;
    case HPO_CODEC_PERMUTATION: {
        if (c->n < 2) return;
        size_t i = (size_t)hpo_rng_below(rng, c->n - 1);
        double was = x[i];
        x[i] = x[i + 1];
        x[i + 1] = was;
        return;
    }
    case HPO_CODEC_SUBSET:
        perturb_subset(&s->params[c->param], c->n, x, rng);
        return;
    case HPO_CODEC_SIMPLEX:
        perturb_shares(x, c->n, rng);
        return;
    case HPO_CODEC_VECTOR:
        for (size_t i = 0; i < c->n; i++)
            x[i] = perturb_number(&c->k, x[i], rng);
        return;
    }
}

static int is_same(const double *a, const double *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (a[i] != b[i] && !(isnan(a[i]) && isnan(b[i]))) return 0;
    return 1;
}

/* Parents come before children in the program.  What is active now and was not takes the value drawn. */
static void make(const hpo_space *s, const uint8_t *fixed, double resample, hpo_rng *rng, double *x,
                 const double *drawn)
{
    for (size_t i = 0; i < s->n_params; i++) {
        const hpo_codec *c = &s->program[i];
        int anew = hpo_rng_uniform(rng) < resample;
        if ((fixed != NULL && fixed[c->param]) || isnan(x[c->column])) continue;
        if (!anew || isnan(drawn[c->column]))
            perturb(s, c, x, rng);
        else if (c->op != HPO_CODEC_FIXED)
            memcpy(x + c->column, drawn + c->column, c->n * sizeof *x);
    }
    hpo_space_repair(s, x);
}

static int keeps_fixed(const hpo_space *s, const uint8_t *fixed, const double *a, const double *b)
{
    for (size_t i = 0; fixed != NULL && i < s->n_params; i++) {
        const hpo_codec *c = &s->program[i];
        if (fixed[c->param] && !is_same(a + c->column, b + c->column, c->n)) return 0;
    }
    return 1;
}

hpo_status hpo_explore(const hpo_space *s, const uint8_t *fixed, double resample, hpo_rng *rng, double *u,
                       double *scratch, int *changed, hpo_error *err)
{
    double *x = scratch, *other = x + s->n_columns, *v = other + s->n_columns;
    *changed = 0;
    for (int k = 0; k < TRIES; k++) {
        HPO_TRY(hpo_space_draw(s, rng, v, err));
        hpo_space_decode(s, v, other);
        hpo_space_decode(s, u, x);
        make(s, fixed, resample, rng, x, other);
        hpo_space_encode(s, x, v);
        hpo_space_decode(s, v, x);
        hpo_space_decode(s, u, other);
        if (!hpo_space_feasible(s, x) || !keeps_fixed(s, fixed, x, other)) continue;
        memcpy(u, v, s->n_dims * sizeof *u);
        *changed = 1;
        return HPO_OK;
    }
    return HPO_OK;
}
