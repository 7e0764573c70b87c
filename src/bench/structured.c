/* SPDX-License-Identifier: Apache-2.0 */
/* bench/structured.c - conditional and tree-structured spaces.
 *
 * jenatton    Jenatton, Archambeau, Gonzalez, Seeger: "Bayesian optimization with tree-structured
 * dependencies", ICML 2017: three switches, four leaves, a number at each leaf and one at each side of the
 * root. jenatton-shifted  the same with the optimum of every number moved off the centre and off the bound.
 * cash        which learner, and its parameters: six branches, two of them with branches inside.  Every
 *             branch is a bowl y = floor + (0.5 - floor) (1 - exp(-q)), q a weighted square distance in
 *             transformed coordinates, plus what its categories add; the floors are close to each other.
 * cash-noisy  the same with a standard deviation of 0.01.
 * network     a number of layers with parameters for each layer, and an optimiser with its own. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "bench/families.h"
#include "bench/make.h"
#include "math/func.h"

#define ABSENT ((double)NAN)

/* ---- Jenatton's tree ------------------------------------------------------------------------------ */

enum { LEAVES = 4 };
static const char jenatton_space[] = "x1: bool; x2: bool if not x1; x3: bool if x1;"
                                     "x4: -1..1 if not x1 and not x2; x5: -1..1 if not x1 and x2;"
                                     "x6: -1..1 if x1 and not x3; x7: -1..1 if x1 and x3;"
                                     "r8: 0..1 if not x1; r9: 0..1 if x1";

/* Column 3..6 holds the leaf's number, 7..8 the side's. */
static double tree(const double *x, const double leaf_centre[LEAVES], const double side_centre[2])
{
    size_t side = x[0] != 0, leaf = 2 * side + (x[1 + side] != 0);
    double a = x[3 + leaf] - leaf_centre[leaf], b = fabs(x[7 + side] - side_centre[side]);
    return a * a + 0.1 * (double)(leaf + 1) + b;
}

static double jenatton(const double *x)
{
    static const double leaves[LEAVES] = {0}, sides[2] = {0};
    return tree(x, leaves, sides);
}

static const double shifted_leaves[LEAVES] = {0.31, -0.62, 0.47, -0.18};
static const double shifted_sides[2] = {0.7, 0.2};

static double jenatton_shifted(const double *x)
{
    return tree(x, shifted_leaves, shifted_sides);
}

static const double jenatton_at[] = {0, 0, ABSENT, 0, ABSENT, ABSENT, ABSENT, 0, ABSENT};
static const double jenatton_shifted_at[] = {0, 0, ABSENT, 0.31, ABSENT, ABSENT, ABSENT, 0.7, ABSENT};

/* ---- algorithm selection with parameters ----------------------------------------------------------- */

enum { FOREST, BOOSTING, SVM, KNN, MLP, LINEAR, BRANCHES };
static const double floors[BRANCHES] = {0.100, 0.080, 0.095, 0.160, 0.090, 0.200};

static const char cash_space[] =
    "model: forest,boosting,svm,knn,mlp,linear;"
    "trees: int log 10..1000 if model == forest; features: 0.1..1 if model == forest;"
    "leaf: int 1..20 if model == forest;"
    "rate: log 1e-3..1 if model == boosting; rounds: int log 10..1000 if model == boosting;"
    "depth: int 1..12 if model == boosting; subsample: 0.3..1 if model == boosting;"
    "cost: log 1e-3..1e3 if model == svm; kernel: rbf,poly,linear if model == svm;"
    "gamma: log 1e-4..10 if kernel in [rbf, poly]; degree: int 2..5 if kernel == poly;"
    "neighbours: int log 1..100 if model == knn; weights: distance,uniform if model == knn;"
    "lr: log 1e-5..1 if model == mlp; solver: sgd,adam if model == mlp;"
    "momentum: revlog 0..0.99 if solver == sgd; layers: int 1..4 if model == mlp;"
    "units: int log 8..512 if model == mlp; decay: log 1e-6..1e-1 if model == mlp;"
    "penalty: l2,l1 if model == linear; alpha: log 1e-6..1e2 if model == linear";

/* One row a column: a number with its best value, or a category with what each label adds. */
typedef enum part_kind { PLAIN, LOG, REVLOG, LABEL } part_kind;
typedef struct part {
    part_kind kind;
    double centre, width, weight; /* width: of the range, transformed */
    double adds[3];
} part;

#define DECADES(n) ((n)*2.302585092994046)
static const part parts[] = {
    {LABEL, 0, 0, 0, {0, 0, 0}}, /* model */
    {LOG, 500, DECADES(2), 2, {0}},
    {PLAIN, 0.4, 0.9, 3, {0}},
    {PLAIN, 2, 19, 2, {0}},
    {LOG, 0.07, DECADES(3), 12, {0}}, /* boosting */
    {LOG, 300, DECADES(2), 4, {0}},
    {PLAIN, 5, 11, 5, {0}},
    {PLAIN, 0.8, 0.7, 1, {0}},
    {LOG, 20, DECADES(6), 8, {0}}, /* svm */
    {LABEL, 0, 0, 0, {0, 0.02, 0.05}},
    {LOG, 0.05, DECADES(5), 20, {0}},
    {PLAIN, 3, 3, 2, {0}},
    {LOG, 9, DECADES(2), 4, {0}}, /* knn */
    {LABEL, 0, 0, 0, {0, 0.01, 0}},
    {LOG, 3e-3, DECADES(5), 25, {0}}, /* mlp */
    {LABEL, 0, 0, 0, {0, 0.004, 0}},
    {REVLOG, 0.9, DECADES(2), 2, {0}},
    {PLAIN, 2, 3, 1, {0}},
    {LOG, 128, 4.1588830833596715, 2, {0}},
    {LOG, 1e-4, DECADES(5), 2, {0}},
    {LABEL, 0, 0, 0, {0, 0.01, 0}}, /* linear */
    {LOG, 1e-2, DECADES(8), 6, {0}},
};
enum { N_PARTS = sizeof parts / sizeof *parts };

static const double cash_at[N_PARTS] = {BOOSTING, ABSENT, ABSENT, ABSENT, 0.07,   300,    5,      0.8,
                                        ABSENT,   ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT,
                                        ABSENT,   ABSENT, ABSENT, ABSENT, ABSENT, ABSENT};

static double distance(const part *p, double x)
{
    double e = p->kind == PLAIN ? x - p->centre
               : p->kind == LOG ? hpo_log(x / p->centre)
                                : hpo_log((1 - x) / (1 - p->centre));
    return p->weight * (e / p->width) * (e / p->width);
}

static double cash(const double *x)
{
    double q = 0, added = 0, bottom = floors[(size_t)x[0]];
    for (size_t i = 1; i < N_PARTS; i++) {
        if (isnan(x[i])) continue;
        if (parts[i].kind == LABEL)
            added += parts[i].adds[(size_t)x[i]];
        else
            q += distance(&parts[i], x[i]);
    }
    return bottom + added - (0.5 - bottom) * hpo_expm1(-q);
}

/* ---- a network layer by layer ---------------------------------------------------------------------- */

enum { MAX_LAYERS = 6, FIRST_LAYER = 4 };
static const char network_space[] =
    "layers: int 1..6; lr: log 1e-5..1; optimizer: sgd,adam; momentum: revlog 0..0.99 if optimizer == sgd;"
    "units1: int log 8..1024; dropout1: 0..0.8;"
    "units2: int log 8..1024 if layers >= 2; dropout2: 0..0.8 if layers >= 2;"
    "units3: int log 8..1024 if layers >= 3; dropout3: 0..0.8 if layers >= 3;"
    "units4: int log 8..1024 if layers >= 4; dropout4: 0..0.8 if layers >= 4;"
    "units5: int log 8..1024 if layers >= 5; dropout5: 0..0.8 if layers >= 5;"
    "units6: int log 8..1024 if layers >= 6; dropout6: 0..0.8 if layers >= 6";

static const double network_at[] = {3,  0.03, 0,      0.9,    128,    0.1,    64,     0.2,
                                    32, 0.3,  ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT};

static double square(double x)
{
    return x * x;
}

static double network(const double *x)
{
    static const double log2_units[MAX_LAYERS] = {7, 6, 5, 4, 4, 4};
    static const double dropout[MAX_LAYERS] = {0.1, 0.2, 0.3, 0.3, 0.3, 0.3};
    int sgd = x[2] == 0;
    double y = 0.05 + 0.01 * square(x[0] - 3) + 0.05 * square(hpo_log10(x[1] / (sgd ? 0.03 : 0.002))),
           layers = 0;
    y += sgd ? 0.04 * square(hpo_log10((1 - x[3]) / 0.1)) : 0.005;
    for (size_t k = 0; k < (size_t)x[0]; k++) {
        const double *l = x + FIRST_LAYER + 2 * k;
        layers += 0.02 * square(hpo_log2(l[0]) - log2_units[k]) + 0.2 * square(l[1] - dropout[k]);
    }
    return y + layers / x[0];
}

/* ---- the family ------------------------------------------------------------------------------------- */

typedef struct row {
    const char *name, *space;
    double (*f)(const double *x);
    double best;
    const double *at;
    double noise; /* standard deviation */
    uint32_t suites;
    int64_t budget;
} row;

static const row rows[] = {
    {"jenatton", jenatton_space, jenatton, 0.1, jenatton_at, 0, HPO_SUITE_BIT(CONDITIONAL), 60},
    {"jenatton-shifted", jenatton_space, jenatton_shifted, 0.1, jenatton_shifted_at, 0,
     HPO_SUITE_BIT(CONDITIONAL) | HPO_SUITE_BIT(QUICK), 60},
    {"cash", cash_space, cash, 0.08, cash_at, 0, HPO_SUITE_BIT(CONDITIONAL) | HPO_SUITE_BIT(QUICK), 200},
    {"cash-noisy", cash_space, cash, 0.08, cash_at, 0.01, HPO_SUITE_BIT(CONDITIONAL) | HPO_SUITE_BIT(NOISY),
     200},
    {"network", network_space, network, 0.05, network_at, 0, HPO_SUITE_BIT(CONDITIONAL), 200},
};
enum { N_ROWS = sizeof rows / sizeof *rows };

static const row *row_of(const hpo_problem *p)
{
    int i = hpo_bench_row(p->name, rows, N_ROWS, sizeof *rows);
    return i < 0 ? NULL : &rows[i];
}

static int structured_list(size_t i, const char *data, char *name, size_t cap)
{
    (void)data;
    return i < N_ROWS && hpo_bench_name(name, cap, rows[i].name);
}

static hpo_status structured_open(hpo_problem *p, const char *data, hpo_error *err)
{
    const row *r = row_of(p);
    (void)data;
    if (r == NULL) return HPO_ENOTFOUND;
    hpo_bench_one(p, r->best, r->at, r->suites);
    p->budget = r->budget;
    p->noisy = r->noise > 0;
    return hpo_space_parse(r->space, &p->space, err);
}

/* NaN has many bit patterns, but noise must be a function of the configuration: absent entries become -1. */
static double noise_at(const hpo_problem_query *q)
{
    double x[N_PARTS];
    for (size_t i = 0; i < N_PARTS; i++)
        x[i] = isnan(q->x[i]) ? -1 : q->x[i];
    hpo_problem_query clean = *q;
    clean.x = x;
    return hpo_problem_normal(&clean, N_PARTS, 0);
}

static hpo_status structured_evaluate(const hpo_problem *p, const hpo_problem_query *q, hpo_problem_answer *a,
                                      hpo_error *err)
{
    const row *r = row_of(p);
    (void)err;
    a->y[0] = r->f(q->x);
    if (p->noisy && !q->noise_free) a->y[0] += r->noise * noise_at(q);
    return HPO_OK;
}

const hpo_problem_family hpo_structured_problems = {
    .name = "structured",
    .help = "conditional spaces: trees, algorithm selection with parameters, networks layer by layer",
    .reference = "Jenatton et al., ICML 2017; libhpo, docs/problems.md",
    .list = structured_list,
    .open = structured_open,
    .evaluate = structured_evaluate,
};
