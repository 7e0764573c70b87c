/* SPDX-License-Identifier: Apache-2.0 */
/* bench/constrained.c - problems with measured constraints whose optimum lies on the boundary.
 *
 * bbob-con-fFF-iII-dDD: a BBOB function h (minimum 0 at x*) made to fall where it must not go:
 *
 *   f(x) = h(x) + L n'(x - x*),   g_1 = -n'(x - x*),   g_k = a_k'(x - x*) - s_k,  k = 2..m,  m = min(12, 1 +
 * d/2)
 *
 * Where g_1 <= 0 both terms are >= 0, so x* is the best feasible point with f = 0, whatever h is; outside f
 * is lower, since L = 2 h(x* - n): -h(x* - n) at x* - n.  n and a_k are random unit vectors, turned so that
 * the origin is feasible; s_k = 0 for even k (active at x*), uniform in [0.5, 2.5] for odd k.
 *
 * The others are engineering problems and functions of the literature with published optima: g04, g06, g08,
 * g09 (Liang et al.: "Problem definitions ... CEC 2006 special session on constrained real-parameter
 * optimization"), pressure vessel, welded beam, tension spring (Coello Coello: "Use of a self-adaptive
 * penalty approach for engineering optimization problems", Computers in Industry 41, 2000). */
#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "bench/bbob.h"
#include "bench/families.h"
#include "bench/make.h"
#include "hpo/sampler.h"
#include "math/func.h"
#include "math/rng.h"

/* ---- BBOB with linear constraints ---------------------------------------------------------------- */

typedef struct linear_state {
    hpo_bbob *b;
    size_t m;
    double slope;   /* L */
    double *normal; /* m x d: n, then a_k */
    double slack[HPO_BENCH_MAX_OUTCOMES];
} linear_state;

static void linear_close(hpo_problem *p)
{
    linear_state *s = p->state;
    if (s == NULL) return;
    hpo_bbob_free(s->b);
    hpo_free(s->normal);
    hpo_free(s);
}

static double along(const linear_state *s, size_t k, const double *x)
{
    const double *n = s->normal + k * s->b->d;
    double v = 0;
    for (size_t i = 0; i < s->b->d; i++)
        v += n[i] * (x[i] - s->b->xopt[i]);
    return v;
}

/* Unit vectors; k = 0 points from x* to the side of the origin, the others away from it. */
static void draw_normals(linear_state *s, int function, int instance)
{
    size_t d = s->b->d;
    hpo_rng rng;
    double x[HPO_BENCH_MAX_DIM];
    hpo_rng_init(&rng, (uint64_t)function, (uint64_t)instance, HPO_RNG_USER);
    for (size_t k = 0; k < s->m; k++) {
        double *n = s->normal + k * d, square = 0, to_origin = 0;
        for (size_t i = 0; i < d; i++) {
            n[i] = hpo_rng_normal(&rng);
            square += n[i] * n[i];
            to_origin -= n[i] * s->b->xopt[i];
        }
        double scale = ((to_origin < 0) == (k == 0) ? -1 : 1) / sqrt(square);
        for (size_t i = 0; i < d; i++)
            n[i] *= scale;
        s->slack[k] = k % 2 == 0 && k > 0 ? 0.5 + 2 * hpo_rng_uniform(&rng) : 0;
    }
    for (size_t i = 0; i < d; i++)
        x[i] = s->b->xopt[i] - s->normal[i];
    s->slope = 2 * hpo_bbob_excess(s->b, x);
}

static const int linear_functions[] = {1, 2, 3, 8, 10, 11, 12, 14, 15, 17};
enum { N_LINEAR = sizeof linear_functions / sizeof *linear_functions };

static int linear_list(size_t i, const char *data, char *name, size_t cap)
{
    static const int dims[] = {2, 5, 10};
    (void)data;
    if (i >= N_LINEAR * sizeof dims / sizeof *dims) return 0;
    (void)snprintf(name, cap, "bbob-con-f%02d-i01-d%02d", linear_functions[i % N_LINEAR], dims[i / N_LINEAR]);
    return 1;
}

static hpo_status linear_open(hpo_problem *p, const char *data, hpo_error *err)
{
    int n[3];
    (void)data;
    if (!hpo_bench_match(p->name, "bbob-con-f#-i#-d#", n)) return HPO_ENOTFOUND;
    if (n[0] < 1 || n[0] > HPO_BBOB_FUNCTIONS)
        return hpo_bench_refuse(p, "function", n[0], 1, HPO_BBOB_FUNCTIONS, err);
    if (n[1] < 1 || n[1] > 1000) return hpo_bench_refuse(p, "instance", n[1], 1, 1000, err);
    if (n[2] < 2 || n[2] > HPO_BENCH_MAX_DIM)
        return hpo_bench_refuse(p, "dimension", n[2], 2, HPO_BENCH_MAX_DIM, err);
    linear_state *s = p->state = hpo_calloc(1, sizeof *s);
    if (s == NULL) return hpo_fail_memory(err);
    size_t d = (size_t)n[2], m = 1 + d / 2;
    s->m = m < HPO_BENCH_MAX_OUTCOMES ? m : HPO_BENCH_MAX_OUTCOMES;
    s->normal = hpo_alloc_array(s->m * d, sizeof *s->normal);
    if (s->normal == NULL) return hpo_fail_memory(err);
    HPO_TRY(hpo_bbob_create(n[0], n[1], d, 0, &s->b, err));
    draw_normals(s, n[0], n[1]);
    HPO_TRY(hpo_bench_box(p, d, -5, 5, err));
    hpo_bench_one(p, 0, s->b->xopt, HPO_SUITE_BIT(CONSTRAINED));
    p->n_outcomes = s->m;
    p->budget = 50 * (int64_t)d;
    return HPO_OK;
}

static hpo_status linear_evaluate(const hpo_problem *p, const hpo_problem_query *q, hpo_problem_answer *a,
                                  hpo_error *err)
{
    const linear_state *s = p->state;
    (void)err;
    double t = along(s, 0, q->x);
    a->y[0] = hpo_bbob_excess(s->b, q->x) + s->slope * t;
    a->outcome[0] = -t;
    for (size_t k = 1; k < s->m; k++)
        a->outcome[k] = along(s, k, q->x) - s->slack[k];
    return HPO_OK;
}

const hpo_problem_family hpo_bbob_constrained_problems = {
    .name = "bbob-con",
    .help = "BBOB functions with linear constraints active at the optimum: bbob-con-f01-i01-d05 ...",
    .reference = "libhpo, on INRIA RR-6829; docs/problems.md",
    .list = linear_list,
    .open = linear_open,
    .evaluate = linear_evaluate,
    .close = linear_close,
};

/* ---- problems of the literature ------------------------------------------------------------------ */

static double square(double x)
{
    return x * x;
}
static double cube(double x)
{
    return x * x * x;
}

static double g04(const double *x, double *g)
{
    double u = 85.334407 + 0.0056858 * x[1] * x[4] + 0.0006262 * x[0] * x[3] - 0.0022053 * x[2] * x[4];
    double v = 80.51249 + 0.0071317 * x[1] * x[4] + 0.0029955 * x[0] * x[1] + 0.0021813 * x[2] * x[2];
    double w = 9.300961 + 0.0047026 * x[2] * x[4] + 0.0012547 * x[0] * x[2] + 0.0019085 * x[2] * x[3];
    g[0] = u - 92;
    g[1] = -u;
    g[2] = v - 110;
    g[3] = 90 - v;
    g[4] = w - 25;
    g[5] = 20 - w;
    return 5.3578547 * x[2] * x[2] + 0.8356891 * x[0] * x[4] + 37.293239 * x[0] - 40792.141;
}

static double g06(const double *x, double *g)
{
    g[0] = 100 - square(x[0] - 5) - square(x[1] - 5);
    g[1] = square(x[0] - 6) + square(x[1] - 5) - 82.81;
    return cube(x[0] - 10) + cube(x[1] - 20);
}

static double g08(const double *x, double *g)
{
    double a = fmax(x[0], 1e-9); /* the value at 0 is a limit */
    g[0] = x[0] * x[0] - x[1] + 1;
    g[1] = 1 - x[0] + square(x[1] - 4);
    return -cube(hpo_sin(2 * HPO_PI * a) / a) * hpo_sin(2 * HPO_PI * x[1]) / (a + x[1]);
}

static double g09(const double *x, double *g)
{
    double p = x[0], q = x[1], r = x[2], s = x[3], t = x[4], u = x[5], v = x[6];
    g[0] = 2 * p * p + 3 * square(q * q) + r + 4 * s * s + 5 * t - 127;
    g[1] = 7 * p + 3 * q + 10 * r * r + s - t - 282;
    g[2] = 23 * p + q * q + 6 * u * u - 8 * v - 196;
    g[3] = 4 * p * p + q * q - 3 * p * q + 2 * r * r + 5 * u - 11 * v;
    return square(p - 10) + 5 * square(q - 12) + square(r * r) + 3 * square(s - 11) + 10 * square(cube(t)) +
           7 * u * u + square(v * v) - 4 * u * v - 10 * u - 8 * v;
}

/* Thicknesses in sixteenths of an inch. */
static double pressure_vessel(const double *x, double *g)
{
    double shell = 0.0625 * x[0], head = 0.0625 * x[1], r = x[2], l = x[3];
    g[0] = 0.0193 * r - shell;
    g[1] = 0.00954 * r - head;
    g[2] = 1 - (HPO_PI * r * r * l + 4.0 / 3 * HPO_PI * cube(r)) / 1296000;
    g[3] = l / 240 - 1;
    return 0.6224 * shell * r * l + 1.7781 * head * r * r + 3.1661 * shell * shell * l +
           19.84 * shell * shell * r;
}

/* Load 6000 lb on a bar of 14 in; shear 13600 and bending 30000 psi, deflection 0.25 in at most. */
static double welded_beam(const double *x, double *g)
{
    double h = x[0], l = x[1], t = x[2], b = x[3], load = 6000, length = 14, e = 30e6, shear = 12e6;
    double primary = load / (sqrt(2) * h * l), quarter = l * l / 4 + square((h + t) / 2), r = sqrt(quarter);
    double polar = 2 * sqrt(2) * h * l * (l * l / 12 + square((h + t) / 2));
    double secondary = load * (length + l / 2) * r / polar;
    double tau = sqrt(primary * primary + primary * secondary * l / r + secondary * secondary);
    double sigma = 6 * load * length / (b * t * t), sag = 4 * load * cube(length) / (e * cube(t) * b);
    double buckling =
        4.013 * e * t * cube(b) / (6 * length * length) * (1 - t / (2 * length) * sqrt(e / (4 * shear)));
    g[0] = tau / 13600 - 1;
    g[1] = sigma / 30000 - 1;
    g[2] = h - b;
    g[3] = 0.10471 * h * h + 0.04811 * t * b * (14 + l) - 5;
    g[4] = 0.125 - h;
    g[5] = sag - 0.25;
    g[6] = 1 - buckling / load;
    return 1.10471 * h * h * l + 0.04811 * t * b * (14 + l);
}

static double tension_spring(const double *x, double *g)
{
    double d = x[0], coil = x[1], n = x[2];
    g[0] = 1 - cube(coil) * n / (71785 * square(d * d));
    g[1] = (4 * coil * coil - d * coil) / (12566 * (coil * cube(d) - square(d * d))) + 1 / (5108 * d * d) - 1;
    g[2] = 1 - 140.45 * d / (coil * coil * n);
    g[3] = (d + coil) / 1.5 - 1;
    return (n + 2) * coil * d * d;
}

typedef struct design {
    const char *name;
    double (*f)(const double *x, double *g);
    const char *space;
    size_t m;
    double best;
    double at[7];
    uint32_t suites;
} design;

static const design designs[] = {
    {"g04",
     g04,
     "x1: 78..102; x2: 33..45; x3: 27..45; x4: 27..45; x5: 27..45",
     6,
     -30665.538671783317,
     {78, 33, 29.995256025681599, 45, 36.775812905788205},
     0},
    {"g06", g06, "x1: 13..100; x2: 0..100", 2, -6961.8138755801393, {14.095, 0.84296078921547818}, 0},
    {"g08",
     g08,
     "x1: 0..10; x2: 0..10",
     2,
     -0.09582504141803582,
     {1.2279713527638443, 4.2453733664584182},
     0},
    {"g09",
     g09,
     "x: vector 7 -10..10",
     4,
     680.63005737440215,
     {2.3304993728795700, 1.9513723728968890, -0.47754139238887163, 4.3657262336558102, -0.62448697052681741,
      1.0381310186079583, 1.5942267116118685},
     0},
    {"pressure-vessel",
     pressure_vessel,
     "shell: int 1..99; head: int 1..99; radius: 10..200; length: 10..200",
     4,
     6059.7143350484354,
     {13, 7, 42.098445595854922, 176.63659584243938},
     HPO_SUITE_BIT(MIXED)},
    {"welded-beam",
     welded_beam,
     "h: 0.1..2; l: 0.1..10; t: 0.1..10; b: 0.1..2",
     7,
     1.7248523085973650,
     {0.20572963978607946, 3.4704886656280020, 9.0366239103576337, 0.20572963978607946},
     0},
    {"tension-spring",
     tension_spring,
     "wire: 0.05..2; coil: 0.25..1.3; turns: 2..15",
     4,
     0.012665232788319417,
     {0.051689061082763456, 0.35671773979944084, 11.288965751613340},
     HPO_SUITE_BIT(QUICK)},
};
enum { N_DESIGNS = sizeof designs / sizeof *designs };

static int design_list(size_t i, const char *data, char *name, size_t cap)
{
    (void)data;
    return i < N_DESIGNS && hpo_bench_name(name, cap, designs[i].name);
}

static const design *design_of(const hpo_problem *p)
{
    int row = hpo_bench_row(p->name, designs, N_DESIGNS, sizeof *designs);
    return row < 0 ? NULL : &designs[row];
}

static hpo_status design_open(hpo_problem *p, const char *data, hpo_error *err)
{
    const design *d = design_of(p);
    (void)data;
    if (d == NULL) return HPO_ENOTFOUND;
    hpo_bench_one(p, d->best, d->at, d->suites | HPO_SUITE_BIT(CONSTRAINED));
    p->n_outcomes = d->m;
    p->budget = 200;
    return hpo_space_parse(d->space, &p->space, err);
}

static hpo_status design_evaluate(const hpo_problem *p, const hpo_problem_query *q, hpo_problem_answer *a,
                                  hpo_error *err)
{
    const design *d = design_of(p);
    (void)err;
    a->y[0] = d->f(q->x, a->outcome);
    return HPO_OK;
}

const hpo_problem_family hpo_design_problems = {
    .name = "design",
    .help = "constrained problems of the literature: g04, g06, g08, g09, pressure vessel, welded beam, "
            "tension spring",
    .reference = "Liang et al., CEC 2006; Coello Coello, Computers in Industry 41, 2000",
    .list = design_list,
    .open = design_open,
    .evaluate = design_evaluate,
};
