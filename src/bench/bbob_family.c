/* SPDX-License-Identifier: Apache-2.0 */
/* bench/bbob_family.c - the problems made of the BBOB functions.
 *
 * bbob         the 24 noiseless functions in [-5, 5]^d (RR-6829).
 * bbob-mixint  Tusar, Brockhoff, Hansen: "Mixed-integer benchmark problems for single- and bi-objective
 *              optimization", GECCO 2019: the first four fifths of the variables take 2, 4, 8, 16 values,
 *              which stand at even distances in [-4, 4], shifted so that one of them meets the optimum;
 *              values are scaled per function.
 * bbob-noisy   Finck, Hansen, Ros, Auger: "Real-Parameter Black-Box Optimization Benchmarking 2009: Noisy
 *              Functions Definitions", RR-6869: eight shapes under Gaussian, uniform and Cauchy noise. */
#include "bench/bbob.h"

#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "bench/families.h"
#include "bench/make.h"
#include "math/func.h"

enum { MAX_INSTANCE = 1000, LISTED_INSTANCES = 3, FIFTHS = 5, INTEGER_FIFTHS = 4 };

typedef struct state {
    hpo_bbob *b;
    double factor; /* of the values */
    /* mixed-integer: variable i < n_integers has inner value offset[i] + spacing[i] k; best_x */
    size_t n_integers;
    double *offset, *spacing, *best_x;
    int noisy_function; /* 101..130 */
} state;

static void close_state(hpo_problem *p)
{
    state *s = p->state;
    if (s == NULL) return;
    hpo_bbob_free(s->b);
    hpo_free(s->offset);
    hpo_free(s);
    p->state = NULL;
}

/* Checks the numbers in a name and makes the function. */
static hpo_status make(hpo_problem *p, int shape, int instance, int d, double condition, hpo_error *err)
{
    if (instance < 1 || instance > MAX_INSTANCE)
        return hpo_bench_refuse(p, "instance", instance, 1, MAX_INSTANCE, err);
    if (d < 2 || d > HPO_BENCH_MAX_DIM) return hpo_bench_refuse(p, "dimension", d, 2, HPO_BENCH_MAX_DIM, err);
    state *s = p->state = hpo_calloc(1, sizeof *s);
    if (s == NULL) return hpo_fail_memory(err);
    HPO_TRY(hpo_bbob_create(shape, instance, (size_t)d, condition, &s->b, err));
    s->factor = 1;
    return HPO_OK;
}

/* Problem i of a list that runs through instances fastest, then functions, then dimensions. */
static int list_next(size_t i, const char *prefix, int first_function, size_t n_functions, size_t n_instances,
                     const int *dims, size_t n_dims, char *name, size_t cap)
{
    if (i >= n_functions * n_instances * n_dims) return 0;
    int instance = (int)(i % n_instances) + 1;
    int function = first_function + (int)(i / n_instances % n_functions);
    (void)snprintf(name, cap, "%s-f%02d-i%02d-d%02d", prefix, function, instance,
                   dims[i / n_instances / n_functions]);
    return 1;
}

/* ---- noiseless --------------------------------------------------------------------------------- */

static int bbob_list(size_t i, const char *data, char *name, size_t cap)
{
    static const int dims[] = {2, 5, 10, 20};
    (void)data;
    return list_next(i, "bbob", 1, HPO_BBOB_FUNCTIONS, LISTED_INSTANCES, dims, 4, name, cap);
}

static hpo_status bbob_open(hpo_problem *p, const char *data, hpo_error *err)
{
    int n[3];
    (void)data;
    if (!hpo_bench_match(p->name, "bbob-f#-i#-d#", n)) return HPO_ENOTFOUND;
    if (n[0] < 1 || n[0] > HPO_BBOB_FUNCTIONS)
        return hpo_bench_refuse(p, "function", n[0], 1, HPO_BBOB_FUNCTIONS, err);
    HPO_TRY(make(p, n[0], n[1], n[2], 0, err));
    state *s = p->state;
    HPO_TRY(hpo_bench_box(p, s->b->d, -5, 5, err));
    hpo_bench_one(p, s->b->fopt, s->b->xopt, HPO_SUITE_BIT(BBOB));
    p->budget = 100 * (int64_t)s->b->d;
    return HPO_OK;
}

static hpo_status bbob_evaluate(const hpo_problem *p, const hpo_problem_query *q, hpo_problem_answer *a,
                                hpo_error *err)
{
    const state *s = p->state;
    (void)err;
    a->y[0] = hpo_bbob_excess(s->b, q->x) + s->b->fopt;
    return HPO_OK;
}

const hpo_problem_family hpo_bbob_problems = {
    .name = "bbob",
    .help = "the 24 noiseless BBOB functions with COCO's instances: bbob-f01-i01-d02 ...",
    .reference = "Hansen, Finck, Ros, Auger 2009, INRIA RR-6829",
    .list = bbob_list,
    .open = bbob_open,
    .evaluate = bbob_evaluate,
    .close = close_state,
};

/* ---- mixed-integer ----------------------------------------------------------------------------- */

static const double mixint_factors[HPO_BBOB_FUNCTIONS] = {1,    1e-3, 0.1,  0.1,  1,   1e-2, 1,   1e-2,
                                                          1e-2, 1e-3, 1e-2, 1e-4, 0.1, 1,    0.1, 1,
                                                          10,   1,    10,   0.1,  1,   1,    10,  0.1};

static int mixint_list(size_t i, const char *data, char *name, size_t cap)
{
    static const int dims[] = {5, 10, 20};
    (void)data;
    return list_next(i, "bbob-mixint", 1, HPO_BBOB_FUNCTIONS, 1, dims, 3, name, cap);
}

/* Values 0..n-1 of a variable stand at low + 8 (k + 1) / (n + 1), low = -4, moved so that the value nearest
 * to the optimum's coordinate meets it. */
static void place_values(state *s)
{
    size_t d = s->b->d;
    for (size_t i = 0; i < d; i++) {
        double optimum = s->best_x[i] = s->b->xopt[i];
        if (i >= s->n_integers) continue;
        double n = (double)(2 << (i / (d / FIFTHS))), step = 8 / (n + 1), first = -4 + step;
        double k = fmin(fmax(floor((optimum - first) / step + 0.5), 0), n - 1);
        s->best_x[i] = k;
        s->spacing[i] = step;
        s->offset[i] = optimum - step * k;
    }
}

static hpo_status mixint_space(hpo_problem *p, const state *s, hpo_error *err)
{
    HPO_TRY(hpo_space_create(&p->space, err));
    size_t d = s->b->d;
    for (size_t i = 0; i < d; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "x%zu", i + 1);
        if (i < s->n_integers)
            HPO_TRY(
                hpo_space_add_int(p->space, name, 0, (2 << (i / (d / FIFTHS))) - 1, HPO_SCALE_LINEAR, err));
        else
            HPO_TRY(hpo_space_add_float(p->space, name, -5, 5, HPO_SCALE_LINEAR, err));
    }
    return HPO_OK;
}

static hpo_status mixint_open(hpo_problem *p, const char *data, hpo_error *err)
{
    int n[3];
    (void)data;
    if (!hpo_bench_match(p->name, "bbob-mixint-f#-i#-d#", n)) return HPO_ENOTFOUND;
    if (n[0] < 1 || n[0] > HPO_BBOB_FUNCTIONS)
        return hpo_bench_refuse(p, "function", n[0], 1, HPO_BBOB_FUNCTIONS, err);
    if (n[2] % FIFTHS != 0)
        return hpo_fail(err, HPO_EINVAL, "problem '%s': dimension %d is not a multiple of 5", p->name, n[2]);
    HPO_TRY(make(p, n[0], n[1], n[2], 0, err));
    state *s = p->state;
    size_t d = s->b->d;
    s->factor = mixint_factors[n[0] - 1];
    s->n_integers = d / FIFTHS * INTEGER_FIFTHS;
    s->offset = hpo_alloc_array(3 * d, sizeof *s->offset);
    if (s->offset == NULL) return hpo_fail_memory(err);
    s->spacing = s->offset + d;
    s->best_x = s->spacing + d;
    place_values(s);
    HPO_TRY(mixint_space(p, s, err));
    int quick = n[0] == 3 && n[1] == 1 && n[2] == 5;
    hpo_bench_one(p, s->factor * s->b->fopt, s->best_x,
                  HPO_SUITE_BIT(MIXED) | (quick ? HPO_SUITE_BIT(QUICK) : 0));
    p->budget = 100 * (int64_t)d;
    return HPO_OK;
}

static hpo_status mixint_evaluate(const hpo_problem *p, const hpo_problem_query *q, hpo_problem_answer *a,
                                  hpo_error *err)
{
    const state *s = p->state;
    double x[HPO_BENCH_MAX_DIM];
    (void)err;
    for (size_t i = 0; i < s->b->d; i++)
        x[i] = i < s->n_integers ? s->offset[i] + s->spacing[i] * q->x[i] : q->x[i];
    a->y[0] = s->factor * (hpo_bbob_excess(s->b, x) + s->b->fopt);
    return HPO_OK;
}

const hpo_problem_family hpo_bbob_mixint_problems = {
    .name = "bbob-mixint",
    .help = "BBOB functions with four fifths of the variables integer: bbob-mixint-f01-i01-d05 ...",
    .reference = "Tusar, Brockhoff, Hansen, GECCO 2019",
    .list = mixint_list,
    .open = mixint_open,
    .evaluate = mixint_evaluate,
    .close = close_state,
};

/* ---- noisy ------------------------------------------------------------------------------------- */

enum { FIRST_NOISY = 101, LAST_NOISY = 130, MODERATE = 6, NOISE_KINDS = 3 };

/* f101..f106 moderate, then severe: three kinds of noise for each shape. */
static const int noisy_shapes[] = {1, 8, 1, 8, 7, 10, 14, 17, 19, 21};

static int noisy_list(size_t i, const char *data, char *name, size_t cap)
{
    static const int dims[] = {5, 10};
    (void)data;
    return list_next(i, "bbob-noisy", FIRST_NOISY, LAST_NOISY - FIRST_NOISY + 1, 1, dims, 2, name, cap);
}

static hpo_status noisy_open(hpo_problem *p, const char *data, hpo_error *err)
{
    int n[3];
    (void)data;
    if (!hpo_bench_match(p->name, "bbob-noisy-f#-i#-d#", n)) return HPO_ENOTFOUND;
    if (n[0] < FIRST_NOISY || n[0] > LAST_NOISY)
        return hpo_bench_refuse(p, "function", n[0], FIRST_NOISY, LAST_NOISY, err);
    HPO_TRY(make(p, noisy_shapes[(n[0] - FIRST_NOISY) / NOISE_KINDS], n[1], n[2], 1e4, err));
    state *s = p->state;
    s->noisy_function = n[0];
    if (s->b->function == 19) s->factor = 0.1; /* the noisy suite's Griewank-Rosenbrock has no factor 10 */
    HPO_TRY(hpo_bench_box(p, s->b->d, -5, 5, err));
    hpo_bench_one(p, s->b->fopt, s->b->xopt, HPO_SUITE_BIT(NOISY));
    p->noisy = 1;
    p->budget = 100 * (int64_t)s->b->d;
    return HPO_OK;
}

/* f times, or plus, noise; below 1e-8 there is none, so that the optimum stays the optimum. */
static double with_noise(const state *s, const hpo_problem_query *q, double f)
{
    const double tiny = 1e-99, target = 1e-8;
    size_t d = s->b->d;
    int which = s->noisy_function - FIRST_NOISY, severe = which >= MODERATE;
    double noisy;
    if (f < target) return f;
    if (which % NOISE_KINDS == 0) {
        noisy = f * hpo_exp((severe ? 1 : 0.01) * hpo_problem_normal(q, d, 0));
    } else if (which % NOISE_KINDS == 1) {
        double alpha = (severe ? 1 : 0.01) * (0.49 + 1 / (double)d), beta = severe ? 1 : 0.01;
        double u = hpo_problem_uniform(q, d, 0), v = hpo_problem_uniform(q, d, 1);
        noisy = hpo_pow(u, beta) * f * fmax(1, hpo_pow(1e9 / (f + tiny), alpha * v));
    } else {
        double size = severe ? 1 : 0.01, rate = severe ? 0.2 : 0.05, cauchy = 0;
        if (hpo_problem_uniform(q, d, 0) < rate)
            cauchy = hpo_problem_normal(q, d, 1) / (fabs(hpo_problem_normal(q, d, 2)) + tiny);
        noisy = f + size * fmax(0, 1000 + cauchy);
    }
    return noisy + 1.01 * target;
}

static hpo_status noisy_evaluate(const hpo_problem *p, const hpo_problem_query *q, hpo_problem_answer *a,
                                 hpo_error *err)
{
    const state *s = p->state;
    (void)err;
    double f = s->factor * hpo_bbob_excess(s->b, q->x);
    a->y[0] = (q->noise_free ? f : with_noise(s, q, f)) + s->b->fopt;
    return HPO_OK;
}

const hpo_problem_family hpo_bbob_noisy_problems = {
    .name = "bbob-noisy",
    .help = "BBOB functions f101..f130 under moderate and severe noise: bbob-noisy-f101-i01-d05 ...",
    .reference = "Finck, Hansen, Ros, Auger 2009, INRIA RR-6869",
    .list = noisy_list,
    .open = noisy_open,
    .evaluate = noisy_evaluate,
    .close = close_state,
};
