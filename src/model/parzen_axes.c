/* SPDX-License-Identifier: Apache-2.0 */
/* model/parzen_axes.c - the axes of a space for Parzen estimators: kinds, cells, groups, priors.
 *
 * A prior declared by the user takes the place of the default prior kernel.  It is known as a quantile
 * function Q (hpo_codec_prior).  A label or a grid value has the mass of the v in (0, 1) that Q sends into
 * its cell, counted at 4096 places; a real axis gets the density (1/m) / (Q((i+1)/m) - Q(i/m)), m = 256
 * cells. */
#include "model/parzen.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "math/rng.h"
#include "space/space.h"

enum { COUNTED = 4096 };

static void free_axis(hpo_parzen_axis *a)
{
    hpo_free(a->edge);
    hpo_free(a->place);
    hpo_free(a->centre);
    hpo_free(a->prior);
    hpo_free(a->prior_quantile);
    hpo_free(a->pair);
}

void hpo_parzen_axes_free(hpo_parzen_axes *a)
{
    if (a == NULL) return;
    for (size_t i = 0; a->axis != NULL && i < a->n_axes; i++)
        free_axis(&a->axis[i]);
    hpo_free(a->axis);
    hpo_free(a->group_axis);
    hpo_free(a->member);
    hpo_free(a->param_first);
    hpo_free(a);
}

uint32_t hpo_parzen_value(const hpo_parzen_axis *a, double v)
{
    uint32_t n = a->n_values;
    double at = floor(v * n);
    uint32_t i = !(at > 0) ? 0 : at >= n ? n - 1 : (uint32_t)at;
    if (a->kind != HPO_PARZEN_GRID) return i;
    while (i > 0 && v < a->edge[i])
        i--;
    while (i + 1 < n && v >= a->edge[i + 1])
        i++;
    return i;
}

double hpo_parzen_coordinate(const hpo_parzen_axis *a, uint32_t i)
{
    return a->kind == HPO_PARZEN_GRID ? a->centre[i] : (i + 0.5) / a->n_values;
}

/* ---- one axis ---- */

static hpo_status fill_grid(hpo_parzen_axis *a, const hpo_scalar *k, int labels, hpo_error *err)
{
    size_t n = a->n_values;
    a->edge = hpo_alloc_array(n + 1, sizeof *a->edge);
    a->place = hpo_alloc_array(n, sizeof *a->place);
    a->centre = hpo_alloc_array(n, sizeof *a->centre);
    if (a->edge == NULL || a->place == NULL || a->centre == NULL) return hpo_fail_memory(err);
    hpo_scalar linear = *k;
    linear.scale = HPO_SCALE_LINEAR;
    for (size_t i = 0; i < n; i++) {
        a->place[i] = a->centre[i] = ((double)i + 0.5) / (double)n;
        a->edge[i] = (double)i / (double)n;
        if (labels || k->scale == HPO_SCALE_LINEAR) continue;
        double x = hpo_scalar_decode(&linear, a->centre[i]);
        a->place[i] = hpo_scalar_place(k, x);
        a->centre[i] = hpo_scalar_encode(k, x);
        a->edge[i] = i > 0 ? hpo_scalar_place(k, x - k->step / 2) : 0;
    }
    a->edge[n] = 1;
    return HPO_OK;
}

/* Pairs of a permutation: all, or so many drawn from a fixed stream that a distance is good to a few per
 * cent. */
static hpo_status fill_pairs(hpo_parzen_axis *a, hpo_error *err)
{
    uint64_t n = a->n_values, all = n * (n - 1) / 2, at = 0;
    a->n_pairs = all < HPO_PARZEN_MAX_PAIRS ? (uint32_t)all : HPO_PARZEN_MAX_PAIRS;
    a->words = (a->n_pairs + 63) / 64;
    a->pair = hpo_alloc_array(2 * (size_t)a->n_pairs + 1, sizeof *a->pair);
    if (a->pair == NULL) return hpo_fail_memory(err);
    if (all == a->n_pairs) {
        for (uint32_t i = 0; i < n; i++)
            for (uint32_t j = i + 1; j < n; j++, at++) {
                a->pair[2 * at] = i;
                a->pair[2 * at + 1] = j;
            }
        return HPO_OK;
    }
    hpo_rng rng;
    hpo_rng_init(&rng, n, 0, HPO_RNG_SPACE);
    for (; at < a->n_pairs; at++) {
        uint32_t i = (uint32_t)hpo_rng_below(&rng, n), j = (uint32_t)hpo_rng_below(&rng, n - 1);
        a->pair[2 * at] = i;
        a->pair[2 * at + 1] = j + (j >= i);
    }
    return HPO_OK;
}

static hpo_status fill_prior(const hpo_space *s, const hpo_codec *c, hpo_parzen_axis *a, hpo_error *err)
{
    a->log_uniform = a->kind == HPO_PARZEN_ORDER   ? -hpo_lgamma((double)a->n_values + 1)
                     : a->kind == HPO_PARZEN_LABEL ? -hpo_log((double)a->n_values)
                                                   : 0;
    int declared = s->params[c->param].prior != HPO_PRIOR_NONE;
    if (a->kind == HPO_PARZEN_ORDER || (!declared && a->kind != HPO_PARZEN_GRID)) return HPO_OK;
    int real = a->kind == HPO_PARZEN_REAL;
    size_t n = real ? HPO_PARZEN_PRIOR : a->n_values;
    a->prior = hpo_calloc(n, sizeof *a->prior);
    if (a->prior != NULL && !declared) {
        double whole = hpo_parzen_log_mass(0.5, 1, 0, 1);
        for (size_t i = 0; i < n; i++)
            a->prior[i] = hpo_parzen_log_mass(0.5, 1, a->edge[i], a->edge[i + 1]) - whole;
        return HPO_OK;
    }
    a->prior_quantile = hpo_calloc(HPO_PARZEN_PRIOR + 1, sizeof *a->prior_quantile);
    if (a->prior == NULL || a->prior_quantile == NULL) return hpo_fail_memory(err);
    for (size_t i = 0; i <= HPO_PARZEN_PRIOR; i++)
        a->prior_quantile[i] = hpo_codec_prior(s, c, (double)i / HPO_PARZEN_PRIOR);
    if (!real) {
        for (size_t i = 0; i < COUNTED; i++)
            a->prior[hpo_parzen_value(a, hpo_codec_prior(s, c, ((double)i + 0.5) / COUNTED))] += 1;
        for (size_t i = 0; i < n; i++)
            a->prior[i] = hpo_log((a->prior[i] + 1e-3) / (COUNTED + 1e-3 * (double)n));
        return HPO_OK;
    }
    a->prior_quantile[0] = 0;
    a->prior_quantile[n] = 1;
    for (size_t i = 0; i < n; i++) {
        double lo = (double)i / (double)n, hi = (double)(i + 1) / (double)n, mass = 0;
        for (size_t k = 0; k < n; k++) { /* each quantile cell has mass 1/n, spread evenly */
            double p = a->prior_quantile[k], q = a->prior_quantile[k + 1];
            double overlap = fmin(hi, q) - fmax(lo, p);
            if (overlap > 0 && q > p) mass += overlap / (q - p) / (double)n;
        }
        a->prior[i] = hpo_log(mass * (double)n + 1e-6);
    }
    return HPO_OK;
}

/* ---- all of them ---- */

static size_t axes_of(const hpo_codec *c)
{
    return c->op == HPO_CODEC_PERMUTATION ? c->n_dims > 0 : c->n_dims;
}

static void describe(const hpo_space *s, const hpo_codec *c, hpo_parzen_axis *a)
{
    double n = c->k.n;
    switch ((hpo_codec_op)c->op) {
    case HPO_CODEC_UNIT:
    case HPO_CODEC_SCALAR:
    case HPO_CODEC_VECTOR:
        a->discrete = c->k.discrete;
        if (c->k.discrete && n <= HPO_PARZEN_MAX_GRID) a->kind = HPO_PARZEN_GRID;
        break;
    case HPO_CODEC_CELLS:
        a->kind = s->params[c->param].kind == HPO_KIND_ORDINAL && n <= HPO_PARZEN_MAX_GRID ? HPO_PARZEN_GRID
                                                                                           : HPO_PARZEN_LABEL;
        break;
    case HPO_CODEC_SUBSET:
        a->kind = HPO_PARZEN_LABEL;
        n = 2;
        break;
    case HPO_CODEC_PERMUTATION:
        a->kind = HPO_PARZEN_ORDER;
        a->n_dims = c->n_dims;
        n = c->n;
        break;
    case HPO_CODEC_BOUNDS:
        a->discrete = s->params[c->param].kind == HPO_KIND_INT || s->params[c->param].step > 0;
        break;
    case HPO_CODEC_SIMPLEX:
    case HPO_CODEC_FIXED:
        break;
    }
    a->n_values = a->kind == HPO_PARZEN_REAL ? 0 : (uint32_t)n;
}

/* Parameters under the same condition are active together; dependent bounds may be unknown by themselves. */
static uint32_t group_of(const hpo_parzen_axes *x, size_t place, uint32_t *group)
{
    const hpo_space *s = x->space;
    const hpo_codec *c = &s->program[place];
    const char *when = s->params[c->param].when;
    if (c->op != HPO_CODEC_BOUNDS && when == NULL) return 0;
    for (size_t i = 0; i < place && c->op != HPO_CODEC_BOUNDS; i++) {
        const char *other = s->params[s->program[i].param].when;
        if (s->program[i].op != HPO_CODEC_BOUNDS && other != NULL && axes_of(&s->program[i]) > 0 &&
            strcmp(other, when) == 0)
            return group[i];
    }
    return UINT32_MAX;
}

static hpo_status fill(hpo_parzen_axes *x, uint32_t *group, hpo_error *err)
{
    const hpo_space *s = x->space;
    size_t at = 0;
    x->n_groups = 1;
    for (size_t i = 0; i < s->n_params; i++) {
        const hpo_codec *c = &s->program[i];
        x->param_first[i] = (uint32_t)at;
        group[i] = group_of(x, i, group);
        size_t n = axes_of(c);
        if (group[i] == UINT32_MAX && n > 0) group[i] = (uint32_t)x->n_groups++;
        for (size_t j = 0; j < n; j++, at++) {
            hpo_parzen_axis *a = &x->axis[at];
            *a = (hpo_parzen_axis){
                .dim = c->dim + (uint32_t)j, .n_dims = 1, .param = c->param, .group = group[i]};
            describe(s, c, a);
            if (a->kind == HPO_PARZEN_GRID) HPO_TRY(fill_grid(a, &c->k, c->op == HPO_CODEC_CELLS, err));
            if (a->kind == HPO_PARZEN_ORDER) HPO_TRY(fill_pairs(a, err));
            HPO_TRY(fill_prior(s, c, a, err));
            if (a->group == 0 && a->kind == HPO_PARZEN_REAL && !a->discrete) x->any_real = 1;
        }
    }
    x->param_first[s->n_params] = (uint32_t)at;
    return HPO_OK;
}

hpo_status hpo_parzen_axes_create(const hpo_space *space, hpo_parzen_axes **out, hpo_error *err)
{
    hpo_status status = HPO_ENOMEM;
    hpo_parzen_axes *x = hpo_calloc(1, sizeof *x);
    uint32_t *group = hpo_alloc_array(space->n_params + 1, sizeof *group);
    *out = NULL;
    if (x == NULL || group == NULL) goto no_memory;
    x->space = space;
    x->n_dims = space->n_dims;
    for (size_t i = 0; i < space->n_params; i++)
        x->n_axes += axes_of(&space->program[i]);
    x->axis = hpo_calloc(x->n_axes + 1, sizeof *x->axis);
    x->member = hpo_alloc_array(x->n_axes + 1, sizeof *x->member);
    x->param_first = hpo_alloc_array(space->n_params + 1, sizeof *x->param_first);
    if (x->axis == NULL || x->member == NULL || x->param_first == NULL) goto no_memory;
    status = fill(x, group, err);
    if (status != HPO_OK) goto done;
    x->group_axis = hpo_calloc(x->n_groups + 1, sizeof *x->group_axis);
    if (x->group_axis == NULL) goto no_memory;
    uint32_t at = 0;
    for (uint32_t g = 0; g < x->n_groups; g++) {
        x->group_axis[g] = at;
        for (uint32_t i = 0; i < x->n_axes; i++)
            if (x->axis[i].group == g) x->member[at++] = i;
    }
    x->group_axis[x->n_groups] = at;
    status = HPO_OK;
    goto done;
no_memory:
    status = hpo_fail_memory(err);
done:
    hpo_free(group);
    if (status == HPO_OK)
        *out = x;
    else
        hpo_parzen_axes_free(x);
    return status;
}
