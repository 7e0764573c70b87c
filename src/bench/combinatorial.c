/* SPDX-License-Identifier: Apache-2.0 */
/* bench/combinatorial.c - permutations, subsets and mixtures.
 *
 * Data are drawn from a stream of their own for each problem (row in the table); small problems find their
 * optimum by enumeration when they are opened (a few milliseconds), the others have it by construction:
 *
 *   tsp-nNN         a closed tour through n random cities of the unit square; its length
 *   tsp-circle-n15  cities on a circle: the tour along the circle is the shortest (points in convex position)
 *   qap-n08         sum_ij flow_ij distance(p_i, p_j), places on a grid two wide, flows 0..9
 *   flowshop-n08    makespan of n jobs on five machines in the same order, times 1..99
 *   knapsack-n14    value left behind, or all of it and the excess weight where the bag is too heavy
 *   qubo-n14        sum_{i<=j} Q_ij z_i z_j, z in {0,1}^n, Q whole numbers -9..9
 *   mixture-dNN     |M (x - c)|^2 / d + sum_{c_i = 0} g_i x_i on the simplex, g > 0: 0 at c, which lies on a
 *                   face (a quarter of its shares are 0) */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "bench/families.h"
#include "bench/make.h"
#include "hpo/sampler.h"
#include "math/func.h"
#include "math/rng.h"

enum { MAX_N = 16, MACHINES = 5, GRID_WIDTH = 2 };

typedef struct state {
    size_t n;
    double a[MAX_N * MAX_N], b[MAX_N * MAX_N]; /* n x n or rows of n, as each problem says */
    double capacity;
    double best_x[MAX_N];
    double (*f)(const struct state *s, const double *x);
} state;

/* ---- values ------------------------------------------------------------------------------------------ */

/* a: distances */
static double tour(const state *s, const double *x)
{
    double length = 0;
    size_t from = (size_t)x[s->n - 1];
    for (size_t i = 0; i < s->n; i++) {
        size_t to = (size_t)x[i];
        length += s->a[from * s->n + to];
        from = to;
    }
    return length;
}

/* a: flows between items, b: distances between places; x: the item at each place */
static double assignment(const state *s, const double *x)
{
    double cost = 0;
    for (size_t i = 0; i < s->n; i++)
        for (size_t j = 0; j < s->n; j++)
            cost += s->a[(size_t)x[i] * s->n + (size_t)x[j]] * s->b[i * s->n + j];
    return cost;
}

/* a: times, one row a machine */
static double makespan(const state *s, const double *x)
{
    double done[MACHINES] = {0};
    for (size_t i = 0; i < s->n; i++) {
        double ready = 0;
        for (size_t m = 0; m < MACHINES; m++) {
            done[m] = fmax(done[m], ready) + s->a[m * s->n + (size_t)x[i]];
            ready = done[m];
        }
    }
    return done[MACHINES - 1];
}

/* a: values, then weights */
static double knapsack(const state *s, const double *x)
{
    double left = 0, all = 0, weight = 0;
    for (size_t i = 0; i < s->n; i++) {
        all += s->a[i];
        left += x[i] != 0 ? 0 : s->a[i];
        weight += x[i] != 0 ? s->a[s->n + i] : 0;
    }
    return weight <= s->capacity ? left : all + (weight - s->capacity);
}

/* a: upper triangle */
static double qubo(const state *s, const double *x)
{
    double v = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (x[i] == 0) continue;
        for (size_t j = i; j < s->n; j++)
            v += x[j] != 0 ? s->a[i * s->n + j] : 0;
    }
    return v;
}

/* a: M; b: prices of the shares that are 0 at the optimum, 0 for the others */
static double mixture(const state *s, const double *x)
{
    double v = 0;
    for (size_t i = 0; i < s->n; i++) {
        double along = 0;
        for (size_t j = 0; j < s->n; j++)
            along += s->a[i * s->n + j] * (x[j] - s->best_x[j]);
        v += along * along / (double)s->n + s->b[i] * x[i];
    }
    return v;
}

/* ---- optima by enumeration ---------------------------------------------------------------------------- */

/* The next permutation in lexicographic order; 0 after the last. */
static int next_permutation(double *x, size_t n)
{
    size_t i = n - 1, j = n - 1;
    while (i > 0 && x[i - 1] >= x[i])
        i--;
    if (i == 0) return 0;
    while (x[j] <= x[i - 1])
        j--;
    double swapped = x[i - 1];
    x[i - 1] = x[j];
    x[j] = swapped;
    for (j = n - 1; i < j; i++, j--) {
        swapped = x[i];
        x[i] = x[j];
        x[j] = swapped;
    }
    return 1;
}

/* The next choice, counted in binary; 0 after the last. */
static int next_subset(double *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = 1 - x[i];
        if (x[i] != 0) return 1;
    }
    return 0;
}

static double enumerate(state *s, int (*next)(double *x, size_t n), int identity)
{
    double x[MAX_N] = {0}, best = (double)INFINITY;
    for (size_t i = 0; i < s->n && identity; i++)
        x[i] = (double)i;
    do {
        double v = s->f(s, x);
        if (v >= best) continue;
        best = v;
        memcpy(s->best_x, x, s->n * sizeof *x);
    } while (next(x, s->n));
    return best;
}

/* ---- data ---------------------------------------------------------------------------------------------- */

static void distances(const double *px, const double *py, size_t n, double *out)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            out[i * n + j] = sqrt((px[i] - px[j]) * (px[i] - px[j]) + (py[i] - py[j]) * (py[i] - py[j]));
}

static double make_tsp(state *s, hpo_rng *rng)
{
    double px[MAX_N] = {0}, py[MAX_N] = {0};
    for (size_t i = 0; i < s->n; i++) {
        px[i] = hpo_rng_uniform(rng);
        py[i] = hpo_rng_uniform(rng);
    }
    distances(px, py, s->n, s->a);
    s->f = tour;
    return enumerate(s, next_permutation, 1);
}

/* City order[k] stands at the k-th place of the circle; places are uneven. */
static double make_circle(state *s, hpo_rng *rng)
{
    double px[MAX_N] = {0}, py[MAX_N] = {0};
    uint32_t order[MAX_N];
    hpo_rng_permutation(rng, s->n, order);
    for (size_t k = 0; k < s->n; k++) {
        double angle = 2 * HPO_PI * ((double)k + 0.8 * hpo_rng_uniform(rng)) / (double)s->n;
        px[order[k]] = hpo_cos(angle);
        py[order[k]] = hpo_sin(angle);
        s->best_x[k] = (double)order[k];
    }
    distances(px, py, s->n, s->a);
    s->f = tour;
    return tour(s, s->best_x);
}

static double make_qap(state *s, hpo_rng *rng)
{
    for (size_t i = 0; i < s->n; i++)
        for (size_t j = 0; j <= i; j++) {
            double flow = i == j ? 0 : (double)hpo_rng_below(rng, 10);
            s->a[i * s->n + j] = s->a[j * s->n + i] = flow;
            size_t row_i = i / GRID_WIDTH, row_j = j / GRID_WIDTH;
            double dx = fabs((double)(i % GRID_WIDTH) - (double)(j % GRID_WIDTH));
            double dy = fabs((double)row_i - (double)row_j);
            s->b[i * s->n + j] = s->b[j * s->n + i] = dx + dy;
        }
    s->f = assignment;
    return enumerate(s, next_permutation, 1);
}

static double make_flowshop(state *s, hpo_rng *rng)
{
    for (size_t i = 0; i < MACHINES * s->n; i++)
        s->a[i] = 1 + (double)hpo_rng_below(rng, 99);
    s->f = makespan;
    return enumerate(s, next_permutation, 1);
}

static double make_knapsack(state *s, hpo_rng *rng)
{
    double weight = 0;
    for (size_t i = 0; i < 2 * s->n; i++)
        s->a[i] = 10 + (double)hpo_rng_below(rng, 90);
    for (size_t i = 0; i < s->n; i++)
        weight += s->a[s->n + i];
    s->capacity = floor(weight / 2);
    s->f = knapsack;
    return enumerate(s, next_subset, 0);
}

static double make_qubo(state *s, hpo_rng *rng)
{
    for (size_t i = 0; i < s->n * s->n; i++)
        s->a[i] = (double)hpo_rng_below(rng, 19) - 9;
    s->f = qubo;
    return enumerate(s, next_subset, 0);
}

static double make_mixture(state *s, hpo_rng *rng)
{
    double sum = 0;
    for (size_t i = 0; i < s->n * s->n; i++)
        s->a[i] = hpo_rng_normal(rng);
    for (size_t i = 0; i < s->n; i++) {
        int idle = i % 4 == 3;
        s->best_x[i] = idle ? 0 : -hpo_log(1 - hpo_rng_uniform(rng));
        s->b[i] = idle ? 0.5 + hpo_rng_uniform(rng) : 0;
        sum += s->best_x[i];
    }
    for (size_t i = 0; i < s->n; i++)
        s->best_x[i] /= sum;
    s->f = mixture;
    return 0;
}

/* ---- the family ---- */

typedef struct row {
    const char *name;
    size_t n;
    double (*make)(state *s, hpo_rng *rng); /* fills the state; the optimum */
    const char *kind;                       /* first word of the domain */
    uint32_t suites;
} row;

static const row rows[] = {
    {"tsp-n08", 8, make_tsp, "perm", HPO_SUITE_BIT(MIXED)},
    {"tsp-circle-n15", 15, make_circle, "perm", HPO_SUITE_BIT(MIXED)},
    {"qap-n08", 8, make_qap, "perm", HPO_SUITE_BIT(MIXED) | HPO_SUITE_BIT(QUICK)},
    {"flowshop-n08", 8, make_flowshop, "perm", HPO_SUITE_BIT(MIXED)},
    {"knapsack-n14", 14, make_knapsack, "subset", HPO_SUITE_BIT(MIXED)},
    {"qubo-n14", 14, make_qubo, "subset", HPO_SUITE_BIT(MIXED)},
    {"mixture-d04", 4, make_mixture, "simplex", HPO_SUITE_BIT(MIXED)},
    {"mixture-d08", 8, make_mixture, "simplex", HPO_SUITE_BIT(MIXED)},
};
enum { N_ROWS = sizeof rows / sizeof *rows };

static int combinatorial_list(size_t i, const char *data, char *name, size_t cap)
{
    (void)data;
    return i < N_ROWS && hpo_bench_name(name, cap, rows[i].name);
}

static hpo_status make_space(hpo_problem *p, const row *r, hpo_error *err)
{
    HPO_TRY(hpo_space_create(&p->space, err));
    hpo_str domain = {0};
    hpo_str_addf(&domain, "%s ", r->kind);
    for (size_t i = 0; i < r->n; i++)
        hpo_str_addf(&domain, "%si%zu", i > 0 ? "," : "", i + 1);
    hpo_status rc = domain.failed ? hpo_fail_memory(err) : hpo_space_add(p->space, "x", domain.text, err);
    hpo_str_fini(&domain);
    return rc;
}

static hpo_status combinatorial_open(hpo_problem *p, const char *data, hpo_error *err)
{
    int i = hpo_bench_row(p->name, rows, N_ROWS, sizeof *rows);
    (void)data;
    if (i < 0) return HPO_ENOTFOUND;
    state *s = p->state = hpo_calloc(1, sizeof *s);
    if (s == NULL) return hpo_fail_memory(err);
    hpo_rng rng;
    hpo_rng_init(&rng, 2, (uint64_t)i, HPO_RNG_USER);
    s->n = rows[i].n;
    double best = rows[i].make(s, &rng);
    hpo_bench_one(p, best, s->best_x, rows[i].suites);
    p->budget = 200;
    return make_space(p, &rows[i], err);
}

static hpo_status combinatorial_evaluate(const hpo_problem *p, const hpo_problem_query *q,
                                         hpo_problem_answer *a, hpo_error *err)
{
    const state *s = p->state;
    (void)err;
    a->y[0] = s->f(s, q->x);
    return HPO_OK;
}

static void combinatorial_close(hpo_problem *p)
{
    hpo_free(p->state);
}

const hpo_problem_family hpo_combinatorial_problems = {
    .name = "combinatorial",
    .help = "permutations, subsets and mixtures: tours, assignments, flow shops, knapsacks, shares",
    .reference = "libhpo; docs/problems.md",
    .list = combinatorial_list,
    .open = combinatorial_open,
    .evaluate = combinatorial_evaluate,
    .close = combinatorial_close,
};
