/* SPDX-License-Identifier: Apache-2.0 */
/* space/enumerate.c - all configurations of a finite space, and how many there are.
 *
 * Parameters are visited parents first, so that activity and dependent ranges are known when a parameter's
 * turn comes; a constraint is tested as soon as the last parameter that it reads has a value, and cuts the
 * whole subtree.  Counting splits the space into groups of parameters that no expression connects: the
 * number is the product over groups, and only groups with expressions inside are walked. */
#include "base/alloc.h"
#include "base/error.h"
#include "space/space.h"
#include <math.h>
#include <string.h>

typedef struct walk {
    const hpo_space *s;
    const uint32_t *steps; /* places in the program, ascending */
    size_t n_steps;
    const uint32_t
        *last; /* per constraint: index into steps after which it can be tested; UINT32_MAX: elsewhere */
    double *x;
    int (*visit)(void *ctx, const double *x);
    void *ctx;
    uint64_t visited, limit; /* limit 0: none */
    double found;
    int stopped;
} walk;

static int is_continuous(const hpo_param *p)
{
    if (p->kind == HPO_KIND_SIMPLEX) return 1;
    return (p->kind == HPO_KIND_FLOAT || p->kind == HPO_KIND_VECTOR) && p->step == 0 && !p->is_fidelity;
}

static int has_continuous(const hpo_space *s)
{
    for (size_t i = 0; i < s->n_params; i++)
        if (is_continuous(&s->params[i])) return 1;
    return 0;
}

/* ---- values of one parameter in order --------------------------------------------------------------- */

static int next_permutation(double *v, size_t n)
{
    size_t i = n - 1, j = n - 1;
    while (i > 0 && v[i - 1] > v[i])
        i--;
    if (i == 0) return 0;
    while (v[j] < v[i - 1])
        j--;
    double t = v[i - 1];
    v[i - 1] = v[j];
    v[j] = t;
    for (j = n - 1; i < j; i++, j--) {
        t = v[i];
        v[i] = v[j];
        v[j] = t;
    }
    return 1;
}

/* Binary counting, first item most significant, passing over sizes that are not allowed. */
static int next_subset(const hpo_param *p, double *v)
{
    for (;;) {
        size_t i = p->n_items, chosen = 0;
        while (i > 0 && v[i - 1] != 0)
            v[--i] = 0;
        if (i == 0) return 0;
        v[i - 1] = 1;
        for (size_t k = 0; k < p->n_items; k++)
            chosen += v[k] != 0;
        if (chosen >= p->min_size && chosen <= p->max_size) return 1;
    }
}

static double value_number(const hpo_scalar *k, double i)
{
    return hpo_scalar_decode(k, (i + 0.5) / k->n);
}

/* The range of a number; 0: none. */
static int number_range(const walk *w, const hpo_codec *c, hpo_scalar *k)
{
    if (c->op == HPO_CODEC_BOUNDS) return hpo_codec_bounds(w->s, c, w->x, k) == 1;
    *k = c->k;
    return 1;
}

/* Value number i of a number without the rounding of cells: exact on any scale. */
static double nth(const hpo_scalar *k, double i)
{
    hpo_scalar linear = *k;
    linear.scale = HPO_SCALE_LINEAR;
    return value_number(&linear, i);
}

static int first_value(const walk *w, const hpo_codec *c)
{
    const hpo_param *p = &w->s->params[c->param];
    double *v = w->x + c->column;
    hpo_scalar k;
    switch ((hpo_codec_op)c->op) {
    case HPO_CODEC_SCALAR:
    case HPO_CODEC_BOUNDS:
        if (!number_range(w, c, &k)) {
            int unknown = hpo_codec_bounds(w->s, c, w->x, &k) < 0;
            v[0] = HPO_UNKNOWN;
            return unknown;
        }
        v[0] = nth(&k, 0);
        return 1;
    case HPO_CODEC_VECTOR:
        for (size_t i = 0; i < c->n; i++)
            v[i] = nth(&c->k, 0);
        return 1;
    case HPO_CODEC_FIXED:
        v[0] = c->k.high;
        return 1;
    case HPO_CODEC_PERMUTATION:
        for (size_t i = 0; i < c->n; i++)
            v[i] = (double)i;
        return 1;
    case HPO_CODEC_SUBSET:
        memset(v, 0, c->n * sizeof *v);
        return p->min_size == 0 || next_subset(p, v);
    default:
        v[0] = 0;
        return 1;
    }
}

/* Advances one number; 0 when it was the last. */
static int next_number(const hpo_scalar *k, double *v)
{
    double i = floor((v[0] - k->low) / k->step + 0.5) + 1;
    if (i >= k->n) return 0;
    v[0] = nth(k, i);
    return 1;
}

static int next_value(const walk *w, const hpo_codec *c)
{
    double *v = w->x + c->column;
    hpo_scalar k;
    if (isnan(v[0])) return 0;
    switch ((hpo_codec_op)c->op) {
    case HPO_CODEC_SCALAR:
    case HPO_CODEC_BOUNDS:
        return number_range(w, c, &k) && next_number(&k, v);
    case HPO_CODEC_VECTOR:
        for (size_t i = c->n; i-- > 0;) {
            if (next_number(&c->k, v + i)) return 1;
            v[i] = nth(&c->k, 0);
        }
        return 0;
    case HPO_CODEC_FIXED:
        return 0;
    case HPO_CODEC_PERMUTATION:
        return next_permutation(v, c->n);
    case HPO_CODEC_SUBSET:
        return next_subset(&w->s->params[c->param], v);
    default:
        if (v[0] + 1 >= c->k.n) return 0;
        v[0] += 1;
        return 1;
    }
}

/* ---- the walk ---------------------------------------------------------------------------------------- */

static int holds_after(const walk *w, size_t step)
{
    for (size_t i = 0; i < w->s->n_constraints; i++)
        if (w->last[i] == step && hpo_expr_eval(w->s->constraints[i].expr, w->x) == 0) return 0;
    return 1;
}

static int start(walk *w, size_t step)
{
    const hpo_codec *c = &w->s->program[w->steps[step]];
    if (!c->when || hpo_expr_eval(c->when, w->x) == 1) return first_value(w, c);
    for (size_t i = 0; i < c->n; i++)
        w->x[c->column + i] = HPO_UNKNOWN;
    return 1;
}

/* Depth-first without recursion: `at` is the step whose value changes next. */
static void run(walk *w)
{
    size_t at = 0;
    int fresh = 1;
    for (;;) {
        int has = fresh ? start(w, at) : next_value(w, &w->s->program[w->steps[at]]);
        fresh = 0;
        if (!has) {
            if (at-- == 0) return;
            continue;
        }
        if (w->limit && ++w->visited > w->limit) {
            w->stopped = 1;
            return;
        }
        if (!holds_after(w, at)) continue;
        if (at + 1 < w->n_steps) {
            at++;
            fresh = 1;
            continue;
        }
        w->found++;
        if (w->visit && w->visit(w->ctx, w->x) != 0) return;
    }
}

/* For each constraint the last of the steps that it reads. */
static void find_last(const hpo_space *s, const uint32_t *steps, size_t n_steps, uint32_t *last)
{
    for (size_t i = 0; i < s->n_constraints; i++) {
        const hpo_expr *e = s->constraints[i].expr;
        last[i] = e->n_params == 0 ? 0 : UINT32_MAX;
        for (size_t j = 0; j < e->n_params; j++)
            for (size_t k = 0; k < n_steps; k++)
                if (steps[k] == s->position[e->params[j]] && (last[i] == UINT32_MAX || k > last[i]))
                    last[i] = (uint32_t)k;
    }
}

hpo_status hpo_space_enumerate(const hpo_space *s, int (*visit)(void *ctx, const double *x), void *ctx,
                               hpo_error *err)
{
    if (!s->frozen) return hpo_fail(err, HPO_ESTATE, "freeze the space before enumerating it");
    for (size_t i = 0; i < s->n_params; i++)
        if (is_continuous(&s->params[i]))
            return hpo_fail(err, HPO_EUNSUPPORTED,
                            "%s: is continuous and cannot be enumerated; give it a step", s->params[i].name);
    uint32_t *steps = hpo_alloc_array(s->n_params, sizeof *steps);
    uint32_t *last = hpo_alloc_array(s->n_constraints + 1, sizeof *last);
    double *x = hpo_alloc_array(s->n_columns, sizeof *x);
    hpo_status status = steps && last && x ? HPO_OK : hpo_fail_memory(err);
    if (status == HPO_OK) {
        for (size_t i = 0; i < s->n_params; i++)
            steps[i] = (uint32_t)i;
        find_last(s, steps, s->n_params, last);
        walk w = {
            .s = s, .steps = steps, .n_steps = s->n_params, .last = last, .x = x, .visit = visit, .ctx = ctx};
        run(&w);
    }
    hpo_free(steps);
    hpo_free(last);
    hpo_free(x);
    return status;
}

/* ---- counting ---------------------------------------------------------------------------------------- */

/* Number of values of a parameter that nothing else influences. */
static double count_values(const hpo_param *p, const hpo_codec *c)
{
    double count = 1;
    switch ((hpo_codec_op)c->op) {
    case HPO_CODEC_FIXED:
        return 1;
    case HPO_CODEC_PERMUTATION:
        for (size_t i = 2; i <= c->n; i++)
            count *= (double)i;
        return count;
    case HPO_CODEC_SUBSET: {
        double binomial = 1, sum = 0; /* n over k, k = 0, 1, ... */
        for (size_t k = 0; k <= p->max_size; k++) {
            if (k >= p->min_size) sum += binomial;
            binomial = binomial * (double)(p->n_items - k) / (double)(k + 1);
        }
        return sum;
    }
    case HPO_CODEC_VECTOR:
        for (size_t i = 0; i < c->n; i++)
            count *= c->k.n;
        return count;
    default:
        return c->k.n;
    }
}

static uint32_t root_of(uint32_t *group, uint32_t i)
{
    while (group[i] != i)
        i = group[i] = group[group[i]];
    return i;
}

static void join(uint32_t *group, const hpo_expr *e, uint32_t with)
{
    for (size_t i = 0; e && i < e->n_params; i++)
        group[root_of(group, e->params[i])] = root_of(group, with);
}

/* Parameters that share a condition, bound or constraint get the same root. */
static void find_groups(const hpo_space *s, uint32_t *group)
{
    for (uint32_t i = 0; i < s->n_params; i++)
        group[i] = i;
    for (uint32_t i = 0; i < s->n_params; i++) {
        join(group, s->params[i].when_expr, i);
        join(group, s->params[i].low_expr, i);
        join(group, s->params[i].high_expr, i);
    }
    for (size_t i = 0; i < s->n_constraints; i++) {
        const hpo_expr *e = s->constraints[i].expr;
        if (e->n_params) join(group, e, e->params[0]);
    }
}

/* 1 when some expression reads a parameter of the group of i, or i is conditional itself. */
static int is_tied(const hpo_space *s, uint32_t *group, uint32_t root)
{
    for (uint32_t i = 0; i < s->n_params; i++)
        if (root_of(group, i) == root &&
            (s->params[i].when || s->params[i].low_text || s->params[i].high_text))
            return 1;
    for (size_t i = 0; i < s->n_constraints; i++) {
        const hpo_expr *e = s->constraints[i].expr;
        if (e->n_params && root_of(group, e->params[0]) == root) return 1;
    }
    return 0;
}

static double count(const hpo_space *s, uint64_t limit, uint32_t *group, uint32_t *steps, uint32_t *last,
                    double *x)
{
    double total = 1;
    uint64_t used = 0;
    find_groups(s, group);
    for (uint32_t i = 0; i < s->n_params; i++) {
        if (root_of(group, i) != i) continue;
        if (!is_tied(s, group, i)) {
            for (size_t j = 0; j < s->n_params; j++)
                if (root_of(group, (uint32_t)j) == i)
                    total *= count_values(&s->params[j], &s->program[s->position[j]]);
            continue;
        }
        size_t n = 0;
        for (size_t j = 0; j < s->n_params; j++)
            if (root_of(group, s->program[j].param) == i) steps[n++] = (uint32_t)j;
        find_last(s, steps, n, last);
        if (used >= limit) return HPO_UNKNOWN;
        walk w = {.s = s, .steps = steps, .n_steps = n, .last = last, .x = x, .limit = limit - used};
        run(&w);
        if (w.stopped) return HPO_UNKNOWN;
        used += w.visited;
        total *= w.found;
    }
    for (size_t i = 0; i < s->n_constraints; i++) /* constraints without parameters */
        if (s->constraints[i].expr->n_params == 0 && hpo_expr_eval(s->constraints[i].expr, x) == 0) return 0;
    return total;
}

double hpo_space_size(const hpo_space *s, uint64_t limit)
{
    if (!s || !s->frozen) return HPO_UNKNOWN;
    if (has_continuous(s)) return HUGE_VAL;
    uint32_t *work = hpo_alloc_array(2 * s->n_params + s->n_constraints + 1, sizeof *work);
    double *x = hpo_alloc_array(s->n_columns, sizeof *x);
    double n = HPO_UNKNOWN;
    if (work && x) {
        for (size_t i = 0; i < s->n_columns; i++)
            x[i] = HPO_UNKNOWN;
        n = count(s, limit, work, work + s->n_params, work + 2 * s->n_params, x);
    }
    hpo_free(work);
    hpo_free(x);
    return n;
}
