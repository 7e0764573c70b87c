/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/tpe_optuna.c - the tree-structured Parzen estimator with the settings of Optuna 5.
 *
 * n finished trials, failures left out: the best min(ceil(gamma n), 25) are good; running ones are bad
 * (constant liar).  In each set, in the order of their numbers, the newest 25 weigh 1 and the older ones rise
 * linearly from 1/m to 1, m trials in the set; the prior weighs 1.  Bandwidths: HPO_PARZEN_OPTUNA5.  24
 * candidates from l; the one with the largest log l - log g is taken.
 *
 * Blocks of parameters are modelled jointly and sampled one after another.  multivariate: those that are
 * always active are one block, every other parameter is its own.  multivariate and group: each set of
 * parameters that are active together is a block.  Neither: every parameter by itself.  A block is fitted to
 * the trials in which it was active; kernels that are what they were for the last suggestion are kept.
 *
 * What differs: the random numbers; constraints between parameters, which Optuna does not have, are kept by
 * drawing again; permutations, simplexes and subsets have the kernels of model/parzen.h.
 *
 * References: optuna/samplers/_tpe (version 5.0); Bergstra et al., NeurIPS 2011; Falkner, Klein, Hutter, ICML
 * 2018 (multivariate). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "sampler/tpe.h"
#include "space/space.h"

enum { FLAT = 25, TRIES = 16 };

struct hpo_tpe_row {
    const double *u;
    int64_t number;
};

/* ---- blocks ---- */

static hpo_status add_block(hpo_tpe *t, const uint32_t *axis, size_t n, hpo_error *err)
{
    hpo_tpe_block *b = &t->block[t->n_blocks];
    b->first = axis[0];
    t->n_blocks++;
    HPO_TRY(hpo_parzen_create(t->axes, axis, n, &b->l, err));
    return hpo_parzen_create(t->axes, axis, n, &b->g, err);
}

static int by_first_axis(const void *a, const void *b)
{
    uint32_t p = ((const hpo_tpe_block *)a)->first, q = ((const hpo_tpe_block *)b)->first;
    return (p > q) - (p < q);
}

hpo_status hpo_tpe_optuna_init(hpo_tpe *t, hpo_error *err)
{
    const hpo_parzen_axes *x = t->axes;
    int joint = t->config->multivariate, group = joint && t->config->group;
    t->block = hpo_calloc(x->n_axes + 1, sizeof *t->block);
    t->pool = hpo_alloc_array(2 * (t->space->n_dims + 1), sizeof *t->pool);
    if (t->block == NULL || t->pool == NULL) return hpo_fail_memory(err);
    for (uint32_t g = 0; g < x->n_groups; g++) {
        const uint32_t *member = x->member + x->group_axis[g];
        size_t n = x->group_axis[g + 1] - x->group_axis[g];
        if (n > 0 && (group || (joint && g == 0))) {
            HPO_TRY(add_block(t, member, n, err));
            continue;
        }
        for (size_t i = 0; i < n; i++)
            HPO_TRY(add_block(t, member + i, 1, err));
    }
    if (t->n_blocks > 1) qsort(t->block, t->n_blocks, sizeof *t->block, by_first_axis);
    return HPO_OK;
}

void hpo_tpe_optuna_fini(hpo_tpe *t)
{
    for (size_t i = 0; i < t->n_blocks; i++) {
        hpo_parzen_free(t->block[i].l);
        hpo_parzen_free(t->block[i].g);
    }
    hpo_free(t->block);
    hpo_free(t->good);
    hpo_free(t->bad);
    hpo_free(t->row);
    hpo_free(t->weight);
    hpo_free(t->id);
    hpo_free(t->verdict);
}

/* ---- the two sets ---- */

static int by_number(const void *a, const void *b)
{
    int64_t p = ((const struct hpo_tpe_row *)a)->number, q = ((const struct hpo_tpe_row *)b)->number;
    return (p > q) - (p < q);
}

static void sort_by_number(struct hpo_tpe_row *r, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (r[i - 1].number > r[i].number) {
            qsort(r, n, sizeof *r, by_number);
            return;
        }
}

static hpo_status split(hpo_tpe *t, const hpo_view *view, hpo_error *err)
{
    const hpo_tpe_order *o = &t->order;
    size_t n = o->n - o->n_failed, most = o->n + view->n_pending + 1;
    if (t->cap_rows < most) { /* all six or none: their size is kept once */
        size_t cap = most + most / 2, six[6] = {0};
        HPO_TRY(hpo_reserve(&t->good, &six[0], cap, sizeof *t->good, err));
        HPO_TRY(hpo_reserve(&t->bad, &six[1], cap, sizeof *t->bad, err));
        HPO_TRY(hpo_reserve(&t->row, &six[2], cap, sizeof *t->row, err));
        HPO_TRY(hpo_reserve(&t->weight, &six[3], cap, sizeof *t->weight, err));
        HPO_TRY(hpo_reserve(&t->id, &six[4], cap, sizeof *t->id, err));
        HPO_TRY(hpo_reserve(&t->verdict, &six[5], cap, sizeof *t->verdict, err));
        t->cap_rows = cap;
    }
    t->n_good = hpo_tpe_below(t->config->gamma, n);
    enum { BAD, GOOD, FAILED };
    memset(t->verdict, BAD, o->n);
    for (size_t i = 0; i < t->n_good; i++)
        t->verdict[o->row[i]] = GOOD;
    for (size_t i = n; i < o->n; i++)
        t->verdict[o->row[i]] = FAILED;
    size_t n_good = 0;
    t->n_bad = 0;
    for (size_t row = 0; row < o->n; row++) { /* nearly in the order of numbers */
        struct hpo_tpe_row r = {view->u + row * view->n_dims, view->number[row]};
        if (t->verdict[row] == GOOD) t->good[n_good++] = r;
        if (t->verdict[row] == BAD) t->bad[t->n_bad++] = r;
    }
    for (size_t i = 0; i < view->n_pending && t->config->liar; i++)
        t->bad[t->n_bad++] =
            (struct hpo_tpe_row){view->u_pending + i * view->n_dims, view->number_pending[i]};
    sort_by_number(t->good, t->n_good);
    sort_by_number(t->bad, t->n_bad);
    return HPO_OK;
}

static hpo_status fit(hpo_tpe *t, hpo_parzen *p, uint32_t dim, const struct hpo_tpe_row *rows, size_t n,
                      hpo_error *err)
{
    static const hpo_parzen_width width = {HPO_PARZEN_OPTUNA5, 0, 1};
    size_t m = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(rows[i].u[dim])) {
            t->id[m] = rows[i].number;
            t->row[m++] = rows[i].u;
        }
    for (size_t i = 0; i < m; i++) {
        size_t ramp = m > FLAT ? m - FLAT : 0;
        double one = 1.0 / (double)m;
        t->weight[i] = i >= ramp ? 1 : ramp == 1 ? one : one + (1 - one) * (double)i / (double)(ramp - 1);
    }
    return hpo_parzen_refit(p, &width, t->id, t->row, t->weight, m, 1, err);
}

/* ---- one suggestion ---- */

static int block_active(const hpo_tpe *t, const hpo_tpe_block *b)
{
    const hpo_space *s = t->space;
    const hpo_codec *c = &s->program[s->position[t->axes->axis[b->first].param]];
    hpo_scalar k;
    if (c->when != NULL && hpo_expr_eval(c->when, t->x) != 1) return 0;
    return c->op != HPO_CODEC_BOUNDS || hpo_codec_bounds(s, c, t->x, &k) >= 0;
}

/* Brings t->x in line with the coordinates known so far; those of inactive parameters are NaN. */
static void decode(hpo_tpe *t, double *u)
{
    for (size_t i = 0; i < t->space->n_params; i++)
        hpo_codec_decode(t->space, &t->space->program[i], u, t->x);
}

static void suggest(hpo_tpe *t, hpo_rng *rng, double *u)
{
    size_t d = t->space->n_dims;
    double *v = t->pool, *best = t->pool + d;
    for (size_t i = 0; i < d; i++)
        u[i] = HPO_UNKNOWN;
    for (size_t i = 0; i < t->n_blocks; i++) {
        hpo_tpe_block *b = &t->block[i];
        double top = -HUGE_VAL;
        if (t->needs_x) decode(t, u);
        if (!block_active(t, b)) continue;
        memcpy(v, u, d * sizeof *v);
        memcpy(best, u, d * sizeof *v);
        for (int64_t k = 0; k < t->config->candidates; k++) {
            hpo_parzen_draw(b->l, rng, v);
            double value = hpo_parzen_logpdf(b->l, v) - hpo_parzen_logpdf(b->g, v);
            if (value > top || k == 0) {
                top = value;
                memcpy(best, v, d * sizeof *v);
            }
        }
        memcpy(u, best, d * sizeof *u);
    }
}

double hpo_tpe_optuna_ratio(hpo_tpe *t, const double *u)
{
    double sum = 0;
    for (size_t i = 0; i < t->n_blocks; i++) {
        const hpo_tpe_block *b = &t->block[i];
        if (isnan(u[t->axes->axis[b->first].dim])) continue;
        sum += hpo_parzen_logpdf(b->l, u) - hpo_parzen_logpdf(b->g, u);
    }
    return sum;
}

hpo_status hpo_tpe_optuna_fit(hpo_tpe *t, const hpo_view *view, hpo_error *err)
{
    HPO_TRY(split(t, view, err));
    for (size_t i = 0; i < t->n_blocks; i++) {
        uint32_t dim = t->axes->axis[t->block[i].first].dim;
        HPO_TRY(fit(t, t->block[i].l, dim, t->good, t->n_good, err));
        HPO_TRY(fit(t, t->block[i].g, dim, t->bad, t->n_bad, err));
    }
    return HPO_OK;
}

hpo_status hpo_tpe_optuna_ask(hpo_tpe *t, const hpo_view *view, hpo_rng *rng, double *u, hpo_error *err)
{
    HPO_TRY(hpo_tpe_optuna_fit(t, view, err));
    for (int i = 0; i < TRIES; i++) {
        suggest(t, rng, u);
        if (t->space->n_constraints == 0 && !t->space->has_bounds) return HPO_OK;
        hpo_space_decode(t->space, u, t->x);
        if (hpo_space_feasible(t->space, t->x)) return HPO_OK;
    }
    return hpo_space_draw(t->space, rng, u, err);
}
