/* SPDX-License-Identifier: Apache-2.0 */
/* bench/classic.c - the test functions that everybody quotes, and sparse ones of many dimensions.
 *
 * Where the usual domain has the optimum in its centre (Ackley, Griewank, Rastrigin) it is moved to one side:
 * a search that begins in the centre would have solved the problem with its first point.
 *
 * Sparse: the unit cube of many dimensions, few of which matter, at places without a pattern
 * (Wang, Hutter, Zoghi, Matheson, de Freitas: "Bayesian optimization in a billion dimensions via random
 * embeddings", JAIR 55, 2016; Eriksson, Jankowiak: "High-dimensional Bayesian optimization with sparse
 * axis-aligned subspaces", UAI 2021). */
#include "bench/classic.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "bench/families.h"
#include "bench/make.h"
#include "math/func.h"

enum { MAX_ACTIVE = 10 };

/* ---- the functions ------------------------------------------------------------------------------ */

double hpo_branin(const double *x, double b, double c, double t)
{
    double v = x[1] - b * x[0] * x[0] + c * x[0] - 6;
    return v * v + 10 * (1 - t) * hpo_cos(x[0]) + 10;
}

const double hpo_hartmann_alpha[4] = {1, 1.2, 3, 3.2};

double hpo_hartmann6(const double *x, const double alpha[4])
{
    static const double a[4][6] = {{10, 3, 17, 3.5, 1.7, 8},
                                   {0.05, 10, 17, 0.1, 8, 14},
                                   {3, 3.5, 1.7, 10, 17, 8},
                                   {17, 8, 0.05, 10, 0.1, 14}};
    static const double p[4][6] = {{0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886},
                                   {0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991},
                                   {0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650},
                                   {0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381}};
    double s = 0;
    for (size_t i = 0; i < 4; i++) {
        double q = 0;
        for (size_t j = 0; j < 6; j++)
            q += a[i][j] * (x[j] - p[i][j]) * (x[j] - p[i][j]);
        s += alpha[i] * hpo_exp(-q);
    }
    return -s;
}

static double hartmann3(const double *x, size_t n)
{
    static const double a[4][3] = {{3, 10, 30}, {0.1, 10, 35}, {3, 10, 30}, {0.1, 10, 35}};
    static const double p[4][3] = {{0.3689, 0.1170, 0.2673},
                                   {0.4699, 0.4387, 0.7470},
                                   {0.1091, 0.8732, 0.5547},
                                   {0.03815, 0.5743, 0.8828}};
    double s = 0;
    for (size_t i = 0; i < 4; i++) {
        double q = 0;
        for (size_t j = 0; j < n; j++)
            q += a[i][j] * (x[j] - p[i][j]) * (x[j] - p[i][j]);
        s += hpo_hartmann_alpha[i] * hpo_exp(-q);
    }
    return -s;
}

static double branin(const double *x, size_t n)
{
    (void)n;
    return hpo_branin(x, HPO_BRANIN_B, HPO_BRANIN_C, HPO_BRANIN_T);
}

static double hartmann6(const double *x, size_t n)
{
    (void)n;
    return hpo_hartmann6(x, hpo_hartmann_alpha);
}

static double six_hump_camel(const double *x, size_t n)
{
    double a = x[0] * x[0], b = x[1] * x[1];
    (void)n;
    return (4 - 2.1 * a + a * a / 3) * a + x[0] * x[1] + (4 * b - 4) * b;
}

static double ackley(const double *x, size_t n)
{
    double squares = 0, waves = 0;
    for (size_t i = 0; i < n; i++) {
        squares += x[i] * x[i];
        waves += hpo_cos(2 * HPO_PI * x[i]);
    }
    /* 20 - 20 exp(-r/5) + e - exp(mean wave), the constants taken inside so that the optimum is 0 exactly */
    double far = -20 * hpo_expm1(-0.2 * sqrt(squares / (double)n));
    return far - 2.718281828459045 * hpo_expm1(waves / (double)n - 1);
}

static double levy(const double *x, size_t n)
{
    double s = 0, first = 1 + (x[0] - 1) / 4, last = 1 + (x[n - 1] - 1) / 4;
    for (size_t i = 0; i + 1 < n; i++) {
        double w = 1 + (x[i] - 1) / 4, v = hpo_sin(HPO_PI * w + 1);
        s += (w - 1) * (w - 1) * (1 + 10 * v * v);
    }
    /* sin^2(pi w) and sin^2(2 pi w) do not change when w does by 1 */
    double a = hpo_sin(HPO_PI * (first - 1)), b = hpo_sin(2 * HPO_PI * (last - 1));
    return a * a + s + (last - 1) * (last - 1) * (1 + b * b);
}

static double styblinski_tang(const double *x, size_t n)
{
    double s = 0;
    for (size_t i = 0; i < n; i++) {
        double a = x[i] * x[i];
        s += (a - 16) * a + 5 * x[i];
    }
    return s / 2;
}

static double rosenbrock(const double *x, size_t n)
{
    double s = 0;
    for (size_t i = 0; i + 1 < n; i++) {
        double a = x[i + 1] - x[i] * x[i], b = 1 - x[i];
        s += 100 * a * a + b * b;
    }
    return s;
}

static double griewank(const double *x, size_t n)
{
    double squares = 0, product = 1;
    for (size_t i = 0; i < n; i++) {
        squares += x[i] * x[i];
        product *= hpo_cos(x[i] / sqrt((double)i + 1));
    }
    return squares / 4000 + (1 - product);
}

static double rastrigin(const double *x, size_t n)
{
    double s = 0;
    for (size_t i = 0; i < n; i++)
        s += x[i] * x[i] + 10 * (1 - hpo_cos(2 * HPO_PI * x[i]));
    return s;
}

/* ---- their table -------------------------------------------------------------------------------- */

const double hpo_branin_at[2] = {HPO_PI, 2.275};
const double hpo_hartmann6_at[6] = {0.20168951100670543, 0.15001069182345797, 0.47687397422189700,
                                    0.27533243049405607, 0.31165161660011325, 0.65730053406562031};
static const double hartmann3_at[] = {0.11461433858967198, 0.55564884997185693, 0.85254695352086579};
static const double camel_at[] = {0.089842013100318062, -0.71265640302073963};
static const double zero[] = {0}, one[] = {1}, styblinski_at[] = {-2.9035340277711771};

typedef struct shape {
    const char *name;
    size_t n; /* 0: as many as the name says, "ackley-d05" */
    double (*f)(const double *x, size_t n);
    double low[2], high[2]; /* of the first, and of all other coordinates */
    const double *at;       /* n coordinates of an optimum, or one for all */
    double best;            /* n 0: for each dimension */
    uint32_t suites;
    int quick_d; /* the dimension that stands in the suite `quick` */
} shape;

enum { BRANIN = 0, HARTMANN6 = 3, LEVY = 5 }; /* rows that the sparse problems name */
static const shape shapes[] = {
    {"branin", 2, branin, {-5, 0}, {10, 15}, hpo_branin_at, HPO_BRANIN_BEST, HPO_SUITE_BIT(QUICK), 0},
    {"six-hump-camel", 2, six_hump_camel, {-3, -2}, {3, 2}, camel_at, -1.0316284534898774, 0, 0},
    {"hartmann3", 3, hartmann3, {0, 0}, {1, 1}, hartmann3_at, -3.8627821478207553, 0, 0},
    {"hartmann6",
     6,
     hartmann6,
     {0, 0},
     {1, 1},
     hpo_hartmann6_at,
     HPO_HARTMANN6_BEST,
     HPO_SUITE_BIT(QUICK),
     0},
    {"ackley", 0, ackley, {-5, -5}, {10, 10}, zero, 0, 0, 5},
    {"levy", 0, levy, {-10, -10}, {10, 10}, one, 0, 0, 0},
    {"styblinski-tang", 0, styblinski_tang, {-5, -5}, {5, 5}, styblinski_at, -39.166165703771415, 0, 0},
    {"rosenbrock", 0, rosenbrock, {-5, -5}, {10, 10}, one, 0, 0, 5},
    {"griewank", 0, griewank, {-300, -300}, {600, 600}, zero, 0, 0, 0},
    {"rastrigin", 0, rastrigin, {-4, -4}, {6, 6}, zero, 0, 0, 0},
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

static double low_of(const shape *s, size_t i)
{
    return s->low[i > 0];
}
static double high_of(const shape *s, size_t i)
{
    return s->high[i > 0];
}
static double at_of(const shape *s, size_t i)
{
    return s->n > 0 ? s->at[i] : s->at[0];
}

typedef struct sparse {
    const char *name;
    size_t shape;           /* in shapes */
    size_t d, n;            /* dimensions of the problem and of the function */
    int active[MAX_ACTIVE]; /* where the function's coordinates stand */
} sparse;

static const sparse sparses[] = {
    {"sparse-branin-d60", BRANIN, 60, 2, {17, 40}},
    {"sparse-hartmann6-d60", HARTMANN6, 60, 6, {4, 13, 24, 31, 42, 56}},
    {"sparse-hartmann6-d100", HARTMANN6, 100, 6, {6, 22, 37, 54, 70, 93}},
    {"sparse-levy10-d200", LEVY, 200, 10, {3, 30, 41, 59, 84, 97, 123, 148, 166, 191}},
};
enum { N_SPARSE = sizeof sparses / sizeof *sparses };

/* ---- the family --------------------------------------------------------------------------------- */

typedef struct state {
    const shape *shape;
    const sparse *sparse; /* or NULL */
    size_t n;             /* of the function */
    double at[];
} state;

/* Fixed names, then the dimensions of the others, then many dimensions. */
static int classic_list(size_t i, const char *data, char *name, size_t cap)
{
    static const int dims[] = {2, 5, 10, 20};
    static const char *const high[] = {"ackley-d100", "rosenbrock-d100", "rastrigin-d100"};
    (void)data;
    for (size_t k = 0; k < N_SHAPES; k++) {
        size_t n = shapes[k].n > 0 ? 1 : sizeof dims / sizeof *dims;
        if (i >= n) {
            i -= n;
            continue;
        }
        if (shapes[k].n > 0) return hpo_bench_name(name, cap, shapes[k].name);
        (void)snprintf(name, cap, "%s-d%02d", shapes[k].name, dims[i]);
        return 1;
    }
    if (i < N_SPARSE) return hpo_bench_name(name, cap, sparses[i].name);
    i -= N_SPARSE;
    return i < sizeof high / sizeof *high && hpo_bench_name(name, cap, high[i]);
}

/* The shape whose name this is, with *d from "-d05"; or NULL. */
static const shape *find_shape(const char *name, int *d)
{
    for (size_t k = 0; k < N_SHAPES; k++) {
        size_t length = strlen(shapes[k].name);
        if (strncmp(name, shapes[k].name, length) != 0) continue;
        if (shapes[k].n > 0 && name[length] == '\0') return &shapes[k];
        if (shapes[k].n == 0 && hpo_bench_match(name + length, "-d#", d)) return &shapes[k];
    }
    return NULL;
}

static hpo_status open_box(hpo_problem *p, const shape *s, size_t n, hpo_error *err)
{
    HPO_TRY(hpo_space_create(&p->space, err));
    for (size_t i = 0; i < n; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "x%zu", i + 1);
        HPO_TRY(hpo_space_add_float(p->space, name, low_of(s, i), high_of(s, i), HPO_SCALE_LINEAR, err));
    }
    return HPO_OK;
}

static hpo_status classic_open(hpo_problem *p, const char *data, hpo_error *err)
{
    int number = 0, row = hpo_bench_row(p->name, sparses, N_SPARSE, sizeof *sparses);
    const sparse *few = row >= 0 ? &sparses[row] : NULL;
    const shape *s = few != NULL ? &shapes[few->shape] : find_shape(p->name, &number);
    (void)data;
    if (s == NULL) return HPO_ENOTFOUND;
    if (few == NULL && s->n == 0 && (number < 2 || number > HPO_BENCH_MAX_DIM))
        return hpo_bench_refuse(p, "dimension", number, 2, HPO_BENCH_MAX_DIM, err);
    size_t n = few != NULL ? few->n : s->n > 0 ? s->n : (size_t)number, d = few != NULL ? few->d : n;
    state *t = p->state = hpo_alloc(sizeof *t + d * sizeof *t->at);
    if (t == NULL) return hpo_fail_memory(err);
    *t = (state){.shape = s, .sparse = few, .n = n};
    for (size_t i = 0; i < d; i++)
        t->at[i] = few != NULL ? 0.5 : at_of(s, i);
    for (size_t i = 0; few != NULL && i < n; i++)
        t->at[few->active[i]] = (at_of(s, i) - low_of(s, i)) / (high_of(s, i) - low_of(s, i));
    HPO_TRY(few != NULL ? hpo_bench_box(p, d, 0, 1, err) : open_box(p, s, n, err));
    uint32_t suites = s->suites;
    if (few != NULL || d >= 50) suites = HPO_SUITE_BIT(HIGHDIM);
    if (few == NULL && (size_t)s->quick_d == d) suites |= HPO_SUITE_BIT(QUICK);
    hpo_bench_one(p, s->n > 0 ? s->best : s->best * (double)n, t->at, suites);
    p->budget = d >= 50 ? 500 : 20 * (int64_t)d;
    return HPO_OK;
}

static hpo_status classic_evaluate(const hpo_problem *p, const hpo_problem_query *q, hpo_problem_answer *a,
                                   hpo_error *err)
{
    const state *t = p->state;
    double x[MAX_ACTIVE];
    (void)err;
    if (t->sparse == NULL) {
        a->y[0] = t->shape->f(q->x, t->n);
        return HPO_OK;
    }
    for (size_t i = 0; i < t->n; i++) {
        double low = low_of(t->shape, i);
        x[i] = low + (high_of(t->shape, i) - low) * q->x[t->sparse->active[i]];
    }
    a->y[0] = t->shape->f(x, t->n);
    return HPO_OK;
}

static void classic_close(hpo_problem *p)
{
    hpo_free(p->state);
}

const hpo_problem_family hpo_classic_problems = {
    .name = "classic",
    .help = "Branin, Hartmann, Ackley, Levy ... in any dimension (ackley-d05), and sparse ones of up to 200",
    .reference = "Surjanovic, Bingham: Virtual Library of Simulation Experiments; docs/problems.md",
    .list = classic_list,
    .open = classic_open,
    .evaluate = classic_evaluate,
    .close = classic_close,
};
