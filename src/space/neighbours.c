/* SPDX-License-Identifier: Apache-2.0 */
/* space/neighbours.c - configurations one move away.
 *
 * A move changes one parameter: a continuous number by +-delta in the unit cube, a discrete one to the next
 * value, an ordinal to the next label, a categorical to any other label, a permutation by one swap of
 * neighbours, a subset by one item, a simplex along one stick-breaking coordinate.  Children follow:
 * hpo_space_repair switches them on and off and keeps dependent values in range. */
#include "base/alloc.h"
#include "base/error.h"
#include "space/space.h"
#include <math.h>
#include <string.h>

typedef struct moves {
    const hpo_space *s;
    const double *x;
    double *y, *u, *w; /* the neighbour; scratch coordinates */
    double delta;
    int (*visit)(void *ctx, const double *x);
    void *ctx;
    int stop;
} moves;

/* Repairs, checks and hands out m->y, then restores it. */
static void offer(moves *m)
{
    const hpo_space *s = m->s;
    if (!m->stop) {
        hpo_space_repair(s, m->y);
        int same = 1;
        for (size_t i = 0; i < s->n_columns && same; i++)
            same = m->y[i] == m->x[i] || (isnan(m->y[i]) && isnan(m->x[i]));
        if (!same && hpo_space_feasible(s, m->y) && m->visit(m->ctx, m->y) != 0) m->stop = 1;
    }
    memcpy(m->y, m->x, s->n_columns * sizeof *m->y);
}

static void move_number(moves *m, const hpo_scalar *k, size_t column)
{
    double v = m->x[column];
    for (int sign = -1; sign <= 1; sign += 2) {
        double next;
        if (k->discrete) {
            double i = floor((v - k->low) / k->step + 0.5) + sign;
            if (i < 0 || i >= k->n) continue;
            hpo_scalar linear = *k;
            linear.scale = HPO_SCALE_LINEAR;
            next = hpo_scalar_decode(&linear, (i + 0.5) / k->n);
        } else {
            double u = hpo_scalar_place(k, v) + sign * m->delta;
            next = hpo_scalar_decode(k, u < 0 ? 0 : u > 1 ? 1 : u);
        }
        if (next == v) continue;
        m->y[column] = next;
        offer(m);
    }
}

static void move_label(moves *m, const hpo_codec *c, int ordered)
{
    double v = m->x[c->column];
    for (double i = 0; i < c->k.n && !m->stop; i++) {
        if (i == v || (ordered && fabs(i - v) > 1)) continue;
        m->y[c->column] = i;
        offer(m);
    }
}

static void move_permutation(moves *m, const hpo_codec *c)
{
    for (size_t i = 0; i + 1 < c->n && !m->stop; i++) {
        m->y[c->column + i] = m->x[c->column + i + 1];
        m->y[c->column + i + 1] = m->x[c->column + i];
        offer(m);
    }
}

static void move_subset(moves *m, const hpo_codec *c)
{
    const hpo_param *p = &m->s->params[c->param];
    size_t chosen = 0;
    for (size_t i = 0; i < c->n; i++)
        chosen += m->x[c->column + i] != 0;
    for (size_t i = 0; i < c->n && !m->stop; i++) {
        int on = m->x[c->column + i] != 0;
        size_t then = on ? chosen - 1 : chosen + 1;
        if (then < p->min_size || then > p->max_size) continue;
        m->y[c->column + i] = !on;
        offer(m);
    }
    if (p->min_size != p->max_size) return;
    for (size_t i = 0; i < c->n && !m->stop; i++) /* of fixed size: one in, one out */
        for (size_t j = 0; j < c->n && !m->stop; j++) {
            if (m->x[c->column + i] == 0 || m->x[c->column + j] != 0) continue;
            m->y[c->column + i] = 0;
            m->y[c->column + j] = 1;
            offer(m);
        }
}

static void move_simplex(moves *m, const hpo_codec *c)
{
    for (size_t i = 0; i < c->n_dims && !m->stop; i++)
        for (int sign = -1; sign <= 1; sign += 2) {
            double u = m->u[c->dim + i] + sign * m->delta;
            memcpy(m->w + c->dim, m->u + c->dim, c->n_dims * sizeof *m->w);
            m->w[c->dim + i] = u < 0 ? 0 : u > 1 ? 1 : u;
            hpo_codec plain = *c;
            plain.when = NULL;
            hpo_codec_decode(m->s, &plain, m->w, m->y);
            offer(m);
        }
}

static void move_param(moves *m, const hpo_codec *c)
{
    const hpo_param *p = &m->s->params[c->param];
    hpo_scalar k;
    switch ((hpo_codec_op)c->op) {
    case HPO_CODEC_UNIT:
    case HPO_CODEC_SCALAR:
        move_number(m, &c->k, c->column);
        return;
    case HPO_CODEC_BOUNDS:
        if (hpo_codec_bounds(m->s, c, m->x, &k) == 1) move_number(m, &k, c->column);
        return;
    case HPO_CODEC_CELLS:
        move_label(m, c, p->kind == HPO_KIND_ORDINAL);
        return;
    case HPO_CODEC_FIXED:
        return;
    case HPO_CODEC_PERMUTATION:
        move_permutation(m, c);
        return;
    case HPO_CODEC_SUBSET:
        move_subset(m, c);
        return;
    case HPO_CODEC_SIMPLEX:
        move_simplex(m, c);
        return;
    case HPO_CODEC_VECTOR:
        for (size_t i = 0; i < c->n && !m->stop; i++)
            move_number(m, &c->k, c->column + i);
        return;
    }
}

hpo_status hpo_space_neighbours(const hpo_space *s, const double *x, double delta,
                                int (*visit)(void *ctx, const double *x), void *ctx, hpo_error *err)
{
    if (!s->frozen) return hpo_fail(err, HPO_ESTATE, "freeze the space before moving in it");
    if (!(delta > 0 && delta <= 1)) return hpo_fail(err, HPO_EINVAL, "delta must be above 0 and at most 1");
    double *work = hpo_alloc_array(s->n_columns + 2 * s->n_dims + 1, sizeof *work);
    if (!work) return hpo_fail_memory(err);
    moves m = {.s = s, .x = x, .y = work, .delta = delta, .visit = visit, .ctx = ctx};
    m.u = work + s->n_columns;
    m.w = m.u + s->n_dims;
    memcpy(m.y, x, s->n_columns * sizeof *m.y);
    hpo_space_encode(s, x, m.u);
    for (size_t i = 0; i < s->n_params && !m.stop; i++)
        if (!isnan(x[s->program[i].column])) move_param(&m, &s->program[i]);
    hpo_free(work);
    return HPO_OK;
}
