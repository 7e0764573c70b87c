/* SPDX-License-Identifier: Apache-2.0 */
/* bench/multiobjective.c - the family of synthetic problems with several objectives (functions: mo_*.c).
 *
 * Names: zdt1-d30, dtlz2-m03-d12, wfg4-m02-d24, c2dtlz2-m02-d12 with any number of objectives m and
 * parameters d that the problem allows; the others have no numbers.  The largest hypervolume is that of the
 * whole Pareto front: in closed form, or by numerical integration along the analytic front (marked
 * "integral"), or the best published (BoTorch). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "bench/families.h"
#include "bench/make.h"
#include "bench/mo.h"
#include "math/func.h"

/* How the largest hypervolume follows from m and the reference value r. */
typedef enum front {
    FRONT_GIVEN,    /* `volume`, for m = 2 */
    FRONT_SIMPLEX,  /* r^m minus the simplex of sum 1/2 */
    FRONT_SPHERE,   /* r^m minus the part of the unit ball */
    FRONT_CURVE,    /* the arc of DTLZ5 and 6, m = 2 and 3 */
    FRONT_ELLIPSOID /* prod (2i + 1) minus the part of the ellipsoid with axes 2i */
} front;

/* A problem of any size. */
typedef struct scalable {
    const char *name;
    mo_function *evaluate;
    int which;
    int m;        /* objectives: 2, or 0: from the name */
    int outcomes; /* -1: as many as objectives */
    double r;     /* every coordinate of the reference point; 0: 2i + 1 */
    front front;
    double volume;
    int m_list, d_list[2]; /* listed: m = 2 .. m_list with these d */
} scalable;

#define NONE ((double)NAN)

static const scalable scalables[] = {
    {"zdt1", hpo_mo_zdt, 1, 2, 0, 11, FRONT_GIVEN, 120 + 2.0 / 3, 2, {30, 0}},
    {"zdt2", hpo_mo_zdt, 2, 2, 0, 11, FRONT_GIVEN, 120 + 1.0 / 3, 2, {30, 0}},
    {"zdt3", hpo_mo_zdt, 3, 2, 0, 11, FRONT_GIVEN, 128.7781161306908, 2, {30, 0}},
    {"zdt4", hpo_mo_zdt, 4, 2, 0, 11, FRONT_GIVEN, 120 + 2.0 / 3, 2, {10, 0}},
    /* f1 >= a = 0.28077531882: 110 + 10 (1 - a) + (1 - a^3)/3 */
    {"zdt6", hpo_mo_zdt, 6, 2, 0, 11, FRONT_GIVEN, 117.5182018584, 2, {10, 0}},
    {"dtlz1", hpo_mo_dtlz, 1, 0, 0, 400, FRONT_SIMPLEX, 0, 3, {6, 7}},
    {"dtlz2", hpo_mo_dtlz, 2, 0, 0, 1.1, FRONT_SPHERE, 0, 3, {11, 12}},
    {"dtlz3", hpo_mo_dtlz, 3, 0, 0, 10000, FRONT_SPHERE, 0, 3, {11, 12}},
    {"dtlz4", hpo_mo_dtlz, 4, 0, 0, 1.1, FRONT_SPHERE, 0, 3, {11, 12}},
    {"dtlz5", hpo_mo_dtlz, 5, 0, 0, 10, FRONT_CURVE, 0, 3, {11, 12}},
    {"dtlz6", hpo_mo_dtlz, 6, 0, 0, 15, FRONT_CURVE, 0, 3, {11, 12}},
    {"dtlz7", hpo_mo_dtlz, 7, 0, 0, 15, FRONT_GIVEN, 189.430774, 3, {21, 22}}, /* integral */
    {"wfg1", hpo_mo_wfg, 1, 0, 0, 0, FRONT_GIVEN, 12.105722, 2, {24, 24}},     /* integral */
    {"wfg2", hpo_mo_wfg, 2, 0, 0, 0, FRONT_GIVEN, 11.471117, 2, {24, 24}},     /* integral */
    {"wfg3", hpo_mo_wfg, 3, 0, 0, 0, FRONT_GIVEN, 11, 2, {24, 24}},
    {"wfg4", hpo_mo_wfg, 4, 0, 0, 0, FRONT_ELLIPSOID, 0, 3, {24, 24}},
    {"wfg5", hpo_mo_wfg, 5, 0, 0, 0, FRONT_ELLIPSOID, 0, 3, {24, 24}},
    {"wfg6", hpo_mo_wfg, 6, 0, 0, 0, FRONT_ELLIPSOID, 0, 3, {24, 24}},
    {"wfg7", hpo_mo_wfg, 7, 0, 0, 0, FRONT_ELLIPSOID, 0, 3, {24, 24}},
    {"wfg8", hpo_mo_wfg, 8, 0, 0, 0, FRONT_ELLIPSOID, 0, 3, {24, 24}},
    {"wfg9", hpo_mo_wfg, 9, 0, 0, 0, FRONT_ELLIPSOID, 0, 3, {24, 24}},
    {"c1dtlz1", hpo_mo_c1dtlz, 1, 0, 1, 1, FRONT_SIMPLEX, 0, 3, {6, 7}},
    {"c1dtlz3", hpo_mo_c1dtlz, 3, 0, 1, 20, FRONT_SPHERE, 0, 3, {11, 12}},
    /* integral; NSGA-II runs of BoTorch reached 0.3996406 */
    {"c2dtlz2", hpo_mo_c2dtlz, 2, 0, 1, 1.1, FRONT_GIVEN, 0.400057, 3, {12, 12}},
    {"c3dtlz1", hpo_mo_c3dtlz, 1, 0, -1, 1.1, FRONT_GIVEN, 1.21 - 1.0 / 3, 3, {6, 7}},
    {"c3dtlz4", hpo_mo_c3dtlz, 4, 0, -1, 2.2, FRONT_GIVEN, 2.6257025644, 3, {11, 12}}, /* integral */
};

/* A problem of one size. */
typedef struct fixed {
    const char *name;
    mo_function *evaluate;
    int m, d, outcomes;
    double reference[4], volume;
    double bounds[7][2];
} fixed;

static const fixed fixeds[] = {
    {"branin-currin", hpo_mo_branin_currin, 2, 2, 0, {18, 6}, 59.36011874867746, {{0, 1}, {0, 1}}},
    {"branin-currin-disk", hpo_mo_branin_currin_disk, 2, 2, 1, {80, 12}, 608.4004237022673, {{0, 1}, {0, 1}}},
    {"bnh", hpo_mo_bnh, 2, 2, 2, {140, 50}, 5285.33299, {{0, 5}, {0, 3}}},          /* integral */
    {"srn", hpo_mo_srn, 2, 2, 2, {250, 0}, 30300.1016, {{-20, 20}, {-20, 20}}},     /* integral */
    {"tnk", hpo_mo_tnk, 2, 2, 2, {1.2, 1.2}, 0.655062, {{0, HPO_PI}, {0, HPO_PI}}}, /* integral */
    {"osy", hpo_mo_osy, 2, 6, 6, {-75, 75}, NONE, {{0, 10}, {0, 10}, {1, 5}, {0, 6}, {1, 5}, {0, 10}}},
    {"vehicle-safety",
     hpo_mo_vehicle_safety,
     3,
     5,
     0,
     {1864.72022, 11.81993945, 0.2903999384},
     246.81607081187002,
     {{1, 3}, {1, 3}, {1, 3}, {1, 3}, {1, 3}}},
    {"car-side-impact",
     hpo_mo_car_side_impact,
     4,
     7,
     0,
     {45.4872, 4.5114, 13.3394, 10.3942},
     484.72654347642793,
     {{0.5, 1.5}, {0.45, 1.35}, {0.5, 1.5}, {0.5, 1.5}, {0.875, 2.625}, {0.4, 1.2}, {0.4, 1.2}}},
};

enum { N_SCALABLES = sizeof scalables / sizeof *scalables, N_FIXEDS = sizeof fixeds / sizeof *fixeds };

static const char *const objective_names[HPO_BENCH_MAX_OBJECTIVES] = {"f1", "f2", "f3", "f4",  "f5",  "f6",
                                                                      "f7", "f8", "f9", "f10", "f11", "f12"};

/* Name of the scalable problem with these numbers. */
static void scalable_name(const scalable *s, int m, int d, char *name, size_t cap)
{
    if (s->m == 0)
        (void)snprintf(name, cap, "%s-m%02d-d%02d", s->name, m, d);
    else
        (void)snprintf(name, cap, "%s-d%02d", s->name, d);
}

static int list(size_t i, const char *data, char *name, size_t cap)
{
    (void)data;
    for (size_t k = 0; k < N_SCALABLES; k++)
        for (int m = 2; m <= scalables[k].m_list; m++) {
            if (i-- > 0) continue;
            scalable_name(&scalables[k], m, scalables[k].d_list[m - 2], name, cap);
            return 1;
        }
    return i < N_FIXEDS ? hpo_bench_name(name, cap, fixeds[i].name) : 0;
}

/* ---- the largest hypervolume ------------------------------------------------------------------- */

static double largest_volume(const scalable *s, size_t m, const double *reference)
{
    double box = 1, axes = 1, n = (double)m;
    for (size_t i = 0; i < m; i++) {
        box *= reference[i];
        axes *= s->front == FRONT_ELLIPSOID ? 2 * (double)(i + 1) : 1;
    }
    switch (s->front) {
    case FRONT_SIMPLEX:
        return box - hpo_exp(-n * hpo_log(2) - hpo_lgamma(n + 1));
    case FRONT_SPHERE:
    case FRONT_ELLIPSOID:
        return box - axes * hpo_exp(n / 2 * hpo_log(HPO_PI) - hpo_lgamma(n / 2 + 1) - n * hpo_log(2));
    case FRONT_CURVE:
        if (m == 2) return box - HPO_PI / 4;
        /* f1 = f2 = t <= 1/sqrt 2, f3 = h(t) = sqrt(1 - 2 t^2): r^3 - 2 r int h + 2 int t h */
        return m == 3 ? box - s->r * HPO_PI / (2 * sqrt(2)) + 1.0 / 3 : NONE;
    default:
        return m == 2 ? s->volume : NONE;
    }
}

/* ---- opening ----------------------------------------------------------------------------------- */

/* What evaluate needs, owned by nobody: both are static tables. */
typedef struct mo_state {
    mo_function *evaluate;
    mo_shape shape;
} mo_state;

static hpo_status open_scalable(hpo_problem *p, const scalable *s, int m, int d, mo_state *state,
                                hpo_error *err)
{
    int wfg = s->evaluate == hpo_mo_wfg, zdt = s->evaluate == hpo_mo_zdt, k = m == 2 ? 4 : 2 * (m - 1);
    int fewest = zdt ? 2 : wfg ? k + 2 : m;
    if (m < 2 || m > HPO_BENCH_MAX_OBJECTIVES)
        return hpo_bench_refuse(p, "number of objectives", m, 2, HPO_BENCH_MAX_OBJECTIVES, err);
    if (d < fewest || d > HPO_BENCH_MAX_DIM)
        return hpo_bench_refuse(p, "dimension", d, fewest, HPO_BENCH_MAX_DIM, err);
    if (wfg && (s->which == 2 || s->which == 3) && (d - k) % 2 != 0)
        return hpo_fail(err, HPO_EINVAL,
                        "problem '%s': dimension %d: take one more or less, distances come in pairs", p->name,
                        d);
    HPO_TRY(hpo_space_create(&p->space, err));
    for (int i = 0; i < d; i++) {
        char name[32];
        double low = zdt && s->which == 4 && i > 0 ? -5 : 0, high = wfg ? 2.0 * (i + 1) : low < 0 ? 5 : 1;
        (void)snprintf(name, sizeof name, "x%d", i + 1);
        HPO_TRY(hpo_space_add_float(p->space, name, low, high, HPO_SCALE_LINEAR, err));
    }
    p->n_objectives = (size_t)m;
    p->n_outcomes = (size_t)(s->outcomes < 0 ? m : s->outcomes);
    for (int i = 0; i < m; i++)
        p->reference_point[i] = s->r > 0 ? s->r : 2 * i + 3;
    p->best_hypervolume = largest_volume(s, (size_t)m, p->reference_point);
    *state = (mo_state){s->evaluate, {.m = (size_t)m, .d = (size_t)d, .which = s->which}};
    return HPO_OK;
}

static hpo_status open_fixed(hpo_problem *p, const fixed *f, mo_state *state, hpo_error *err)
{
    HPO_TRY(hpo_space_create(&p->space, err));
    for (int i = 0; i < f->d; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "x%d", i + 1);
        HPO_TRY(hpo_space_add_float(p->space, name, f->bounds[i][0], f->bounds[i][1], HPO_SCALE_LINEAR, err));
    }
    p->n_objectives = (size_t)f->m;
    p->n_outcomes = (size_t)f->outcomes;
    memcpy(p->reference_point, f->reference, (size_t)f->m * sizeof *f->reference);
    p->best_hypervolume = f->volume;
    *state = (mo_state){f->evaluate, {.m = (size_t)f->m, .d = (size_t)f->d}};
    return HPO_OK;
}

/* The row whose problem has this name, with its numbers. */
static const scalable *find_scalable(const char *name, int *m, int *d)
{
    for (size_t i = 0; i < N_SCALABLES; i++) {
        const scalable *s = &scalables[i];
        size_t n = strlen(s->name);
        int numbers[2];
        if (strncmp(name, s->name, n) != 0) continue;
        if (!hpo_bench_match(name + n, s->m == 0 ? "-m#-d#" : "-d#", numbers)) continue;
        *m = s->m == 0 ? numbers[0] : s->m;
        *d = numbers[s->m == 0];
        return s;
    }
    return NULL;
}

static hpo_status open_problem(hpo_problem *p, const char *data, hpo_error *err)
{
    int m = 0, d = 0, row = hpo_bench_row(p->name, fixeds, N_FIXEDS, sizeof *fixeds);
    const scalable *s = find_scalable(p->name, &m, &d);
    (void)data;
    if (s == NULL && row < 0) return HPO_ENOTFOUND;
    mo_state *state = hpo_calloc(1, sizeof *state);
    if (state == NULL) return hpo_fail_memory(err);
    p->state = state;
    HPO_TRY(s != NULL ? open_scalable(p, s, m, d, state, err) : open_fixed(p, &fixeds[row], state, err));
    for (size_t i = 0; i < p->n_objectives; i++)
        p->objective_names[i] = objective_names[i];
    p->exact_known = 1;
    p->budget = p->n_outcomes > 0 || s == NULL ? 200 : 300;
    /* WFG in its two-objective form, DTLZ with three: one of each is enough for a suite. */
    if (s == NULL || s->m == 2 || s->outcomes != 0 ? m <= 2 : m == (s->evaluate == hpo_mo_wfg ? 2 : 3))
        p->suites = HPO_SUITE_BIT(MULTIOBJECTIVE);
    return HPO_OK;
}

static void close_problem(hpo_problem *p)
{
    hpo_free(p->state);
}

static hpo_status evaluate(const hpo_problem *p, const hpo_problem_query *q, hpo_problem_answer *a,
                           hpo_error *err)
{
    const mo_state *state = p->state;
    (void)err;
    state->evaluate(&state->shape, q->x, a->y, a->outcome);
    return HPO_OK;
}

const hpo_problem_family hpo_multiobjective_problems = {
    .name = "multiobjective",
    .help = "ZDT, DTLZ, WFG, their constrained relatives and engineering models with several objectives",
    .reference =
        "Zitzler et al. 2000; Deb et al. 2005; Huband et al. 2006; Jain & Deb 2014; Tanabe & Ishibuchi 2020",
    .list = list,
    .open = open_problem,
    .evaluate = evaluate,
    .close = close_problem,
};
