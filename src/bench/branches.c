/* SPDX-License-Identifier: Apache-2.0 */
/* bench/branches.c - random tree-structured spaces: branches-iII.
 *
 * A root category of 2..4 labels; under each label 1..3 numbers and, for two labels of three, a second
 * category of 2..3 labels with 1..2 numbers under each; two numbers that are always active.  A number is
 * linear, logarithmic or whole, has a weight w and an optimum c; each label adds something:
 *
 *   y = 0.1 + sum over active labels of what they add + sum over active numbers of w ((T(x) - T(c)) /
 * range)^2
 *
 * so the optimum is the cheapest path through the tree with every number at its c. */
#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "bench/families.h"
#include "bench/make.h"
#include "hpo/sampler.h"
#include "math/func.h"
#include "math/rng.h"

enum {
    MAX_LABELS = 4,
    MAX_COLUMNS = 1 + 2 + MAX_LABELS * (3 + 1 + 3 * 2),
    LISTED = 8,
    MAX_INSTANCE = 1000,
    STREAM = 10 /* seed of the streams of instances */
};

typedef enum kind { LABELS, LINEAR, LOGARITHMIC, WHOLE } kind;
typedef struct column {
    kind kind;
    double centre, width, weight; /* width of the range, transformed */
    double adds[MAX_LABELS];
} column;

typedef struct state {
    column columns[MAX_COLUMNS];
    size_t n;
    double best_x[MAX_COLUMNS];
} state;

/* While a tree is drawn. */
typedef struct maker {
    hpo_rng rng;
    hpo_str text; /* the space */
    state *s;
} maker;

static double between(maker *m, double low, double high)
{
    return low + (high - low) * hpo_rng_uniform(&m->rng);
}

/* Adds a number that is active under `when` ("" always). */
static void add_number(maker *m, const char *when)
{
    column *c = &m->s->columns[m->s->n];
    size_t name = m->s->n++;
    c->kind = (kind)(LINEAR + (int)hpo_rng_below(&m->rng, 3));
    c->weight = between(m, 0.2, 2);
    double part = between(m, 0.1, 0.9);
    if (c->kind == LINEAR) {
        c->width = 2;
        c->centre = -1 + 2 * part;
        hpo_str_addf(&m->text, "x%zu: -1..1%s;", name, when);
    } else if (c->kind == LOGARITHMIC) {
        c->width = hpo_log(1e4);
        c->centre = hpo_exp(hpo_log(1e-4) + c->width * part);
        hpo_str_addf(&m->text, "x%zu: log 1e-4..1%s;", name, when);
    } else {
        c->width = 15;
        c->centre = floor(1 + 15 * part + 0.5);
        hpo_str_addf(&m->text, "x%zu: int 1..16%s;", name, when);
    }
    m->s->best_x[name] = c->centre; /* forgotten again where inactive */
}

/* Adds a category; the place of its cheapest label. */
static size_t add_labels(maker *m, size_t n, double most, const char *when)
{
    column *c = &m->s->columns[m->s->n];
    size_t best = 0;
    c->kind = LABELS;
    hpo_str_addf(&m->text, "x%zu: ", m->s->n++);
    for (size_t i = 0; i < n; i++) {
        c->adds[i] = between(m, 0, most);
        if (c->adds[i] < c->adds[best]) best = i;
        hpo_str_addf(&m->text, "%sl%zu", i > 0 ? "," : "", i);
    }
    hpo_str_addf(&m->text, "%s;", when);
    return best;
}

static void forget(state *s, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        s->best_x[i] = (double)NAN;
}

/* What stands under label k of the root; the least that its second category adds. */
static double add_branch(maker *m, size_t k)
{
    char when[64];
    (void)snprintf(when, sizeof when, " if x0 == l%zu", k);
    size_t numbers = 1 + (size_t)hpo_rng_below(&m->rng, 3);
    for (size_t i = 0; i < numbers; i++)
        add_number(m, when);
    if (hpo_rng_below(&m->rng, 3) == 0) return 0;
    size_t place = m->s->n, n = 2 + (size_t)hpo_rng_below(&m->rng, 2), best = add_labels(m, n, 0.3, when);
    m->s->best_x[place] = (double)best;
    for (size_t i = 0; i < n; i++) {
        size_t first = m->s->n;
        (void)snprintf(when, sizeof when, " if x%zu == l%zu", place, i);
        numbers = 1 + (size_t)hpo_rng_below(&m->rng, 2);
        for (size_t j = 0; j < numbers; j++)
            add_number(m, when);
        if (i != best) forget(m->s, first, m->s->n);
    }
    return m->s->columns[place].adds[best];
}

/* Draws the tree; its lowest value. */
static double draw_tree(maker *m)
{
    size_t n = 2 + (size_t)hpo_rng_below(&m->rng, 3), best = 0, first[MAX_LABELS + 1] = {0};
    double least = (double)INFINITY;
    (void)add_labels(m, n, 0.3, "");
    add_number(m, "");
    add_number(m, "");
    for (size_t k = 0; k < n; k++) {
        first[k] = m->s->n;
        double adds = m->s->columns[0].adds[k] + add_branch(m, k);
        if (adds < least) {
            least = adds;
            best = k;
        }
    }
    first[n] = m->s->n;
    for (size_t k = 0; k < n; k++)
        if (k != best) forget(m->s, first[k], first[k + 1]);
    m->s->best_x[0] = (double)best;
    return 0.1 + least;
}

static int branches_list(size_t i, const char *data, char *name, size_t cap)
{
    (void)data;
    if (i >= LISTED) return 0;
    (void)snprintf(name, cap, "branches-i%02d", (int)i + 1);
    return 1;
}

static hpo_status branches_open(hpo_problem *p, const char *data, hpo_error *err)
{
    int instance;
    (void)data;
    if (!hpo_bench_match(p->name, "branches-i#", &instance)) return HPO_ENOTFOUND;
    if (instance < 1 || instance > MAX_INSTANCE)
        return hpo_bench_refuse(p, "instance", instance, 1, MAX_INSTANCE, err);
    state *s = p->state = hpo_calloc(1, sizeof *s);
    if (s == NULL) return hpo_fail_memory(err);
    maker m = {.s = s};
    hpo_rng_init(&m.rng, STREAM, (uint64_t)instance, HPO_RNG_USER);
    hpo_bench_one(p, draw_tree(&m), s->best_x, HPO_SUITE_BIT(CONDITIONAL));
    p->budget = 200;
    hpo_status rc = m.text.failed ? hpo_fail_memory(err) : hpo_space_parse(m.text.text, &p->space, err);
    hpo_str_fini(&m.text);
    return rc;
}

static hpo_status branches_evaluate(const hpo_problem *p, const hpo_problem_query *q, hpo_problem_answer *a,
                                    hpo_error *err)
{
    const state *s = p->state;
    double y = 0.1;
    (void)err;
    for (size_t i = 0; i < s->n; i++) {
        const column *c = &s->columns[i];
        double x = q->x[i];
        if (isnan(x)) continue;
        if (c->kind == LABELS) {
            y += c->adds[(size_t)x];
            continue;
        }
        double e = (c->kind == LOGARITHMIC ? hpo_log(x / c->centre) : x - c->centre) / c->width;
        y += c->weight * e * e;
    }
    a->y[0] = y;
    return HPO_OK;
}

static void branches_close(hpo_problem *p)
{
    hpo_free(p->state);
}

const hpo_problem_family hpo_branches_problems = {
    .name = "branches",
    .help = "random tree-structured spaces with a bowl in every leaf: branches-i01 ...",
    .reference = "libhpo; docs/problems.md",
    .list = branches_list,
    .open = branches_open,
    .evaluate = branches_evaluate,
    .close = branches_close,
};
