/* SPDX-License-Identifier: Apache-2.0 */
/* bench/fidelity.c - test functions with cheap approximations: mf-branin, mf-hartmann6, mf-currin,
 * mf-borehole.
 *
 * Fidelity z = resource / 27 in (0, 1]; z = 1 is the function itself.
 *   Branin, Hartmann 6   parameters that drift with z (Kandasamy, Dasarathy, Schneider, Poczos:
 * "Multi-fidelity Bayesian optimisation with continuous approximations", ICML 2017; their several fidelities
 * moved together): b(z) = b - 0.01 (1 - z), c(z) = c - 0.1 (1 - z), t(z) = t + 0.05 (1 - z); alpha_i(z) =
 * alpha_i - 0.1 (1 - z) Currin, borehole     z f + (1 - z) f_low with the low-fidelity functions of Xiong,
 * Qian, Wu: "Sequential design and analysis of high-accuracy and low-accuracy computer codes", Technometrics
 * 55, 2013; both maximised there, so negated here Time: 100 (0.05 + 0.95 z^p) seconds, p = 2, 3, 2, 1.5; a
 * higher fidelity begins again from nothing. */
#include <math.h>

#include "bench/classic.h"
#include "bench/families.h"
#include "bench/make.h"
#include "math/func.h"

#define FULL 27

static double mf_branin(const double *x, double z)
{
    return hpo_branin(x, HPO_BRANIN_B - 0.01 * (1 - z), HPO_BRANIN_C - 0.1 * (1 - z),
                      HPO_BRANIN_T + 0.05 * (1 - z));
}

static double mf_hartmann6(const double *x, double z)
{
    double alpha[4];
    for (int i = 0; i < 4; i++)
        alpha[i] = hpo_hartmann_alpha[i] - 0.1 * (1 - z);
    return hpo_hartmann6(x, alpha);
}

/* (1 - exp(-1 / (2 x2))) (2300 x1^3 + 1900 x1^2 + 2092 x1 + 60) / (100 x1^3 + 500 x1^2 + 4 x1 + 20) */
static double currin(double x1, double x2)
{
    double edge = x2 > 0 ? -hpo_expm1(-0.5 / x2) : 1;
    return edge * (((2300 * x1 + 1900) * x1 + 2092) * x1 + 60) / (((100 * x1 + 500) * x1 + 4) * x1 + 20);
}

static double mf_currin(const double *x, double z)
{
    double high = currin(x[0], x[1]), below = fmax(0, x[1] - 0.05);
    if (z >= 1) return -high;
    double low = 0.25 * (currin(x[0] + 0.05, x[1] + 0.05) + currin(x[0] + 0.05, below) +
                         currin(x[0] - 0.05, x[1] + 0.05) + currin(x[0] - 0.05, below));
    return -(z * high + (1 - z) * low);
}

/* Flow through a borehole: radii of borehole and influence, transmissivity and head of the upper aquifer, of
 * the lower one, length, conductivity.  (factor, one) is (2 pi, 1), in the cheap version (5, 1.5). */
static double borehole(const double *x, double factor, double one)
{
    double rw = x[0], r = x[1], tu = x[2], hu = x[3], tl = x[4], hl = x[5], length = x[6], kw = x[7];
    double l = hpo_log(r / rw);
    return factor * tu * (hu - hl) / (l * (one + 2 * length * tu / (l * rw * rw * kw) + tu / tl));
}

static double mf_borehole(const double *x, double z)
{
    double high = borehole(x, 2 * HPO_PI, 1);
    return z >= 1 ? -high : -(z * high + (1 - z) * borehole(x, 5, 1.5));
}

typedef struct row {
    const char *name, *space; /* the fidelity is the last parameter */
    double (*f)(const double *x, double z);
    double power, best;
    double at[9];
    uint32_t suites;
} row;

static const row rows[] = {
    {"mf-branin",
     "x1: -5..10; x2: 0..15; resource: fidelity float 1..27",
     mf_branin,
     2,
     HPO_BRANIN_BEST,
     {HPO_PI, 2.275, FULL},
     HPO_SUITE_BIT(QUICK)},
    {"mf-hartmann6",
     "x1: 0..1; x2: 0..1; x3: 0..1; x4: 0..1; x5: 0..1; x6: 0..1; resource: fidelity float 1..27",
     mf_hartmann6,
     3,
     HPO_HARTMANN6_BEST,
     {0.20168951100670543, 0.15001069182345797, 0.47687397422189700, 0.27533243049405607, 0.31165161660011325,
      0.65730053406562031, FULL},
     0},
    {"mf-currin",
     "x1: 0..1; x2: 0..1; resource: fidelity float 1..27",
     mf_currin,
     2,
     -13.798722044728435,
     {0.21666666666666667, 0, FULL},
     0},
    {"mf-borehole",
     "rw: 0.05..0.15; r: 100..50000; tu: 63070..115600; hu: 990..1110; tl: 63.1..116; hl: 700..820;"
     "length: 1120..1680; kw: 9855..12045; resource: fidelity float 1..27",
     mf_borehole,
     1.5,
     -309.57558766040798,
     {0.15, 100, 115600, 1110, 116, 700, 1120, 12045, FULL},
     0},
};
enum { N_ROWS = sizeof rows / sizeof *rows };

static const row *row_of(const hpo_problem *p)
{
    int i = hpo_bench_row(p->name, rows, N_ROWS, sizeof *rows);
    return i < 0 ? NULL : &rows[i];
}

static int fidelity_list(size_t i, const char *data, char *name, size_t cap)
{
    (void)data;
    return i < N_ROWS && hpo_bench_name(name, cap, rows[i].name);
}

static hpo_status fidelity_open(hpo_problem *p, const char *data, hpo_error *err)
{
    const row *r = row_of(p);
    (void)data;
    if (r == NULL) return HPO_ENOTFOUND;
    hpo_bench_one(p, r->best, r->at, r->suites | HPO_SUITE_BIT(MULTIFIDELITY));
    p->full_resource = FULL;
    p->min_resource = 1;
    p->budget = 50;
    return hpo_space_parse(r->space, &p->space, err);
}

static hpo_status fidelity_evaluate(const hpo_problem *p, const hpo_problem_query *q, hpo_problem_answer *a,
                                    hpo_error *err)
{
    const row *r = row_of(p);
    double z = isnan(q->resource) ? 1 : fmin(fmax(q->resource, 1), FULL) / FULL;
    (void)err;
    a->y[0] = r->f(q->x, z);
    a->seconds = 100 * (0.05 + 0.95 * hpo_pow(z, r->power));
    return HPO_OK;
}

const hpo_problem_family hpo_fidelity_problems = {
    .name = "fidelity",
    .help = "test functions with cheap approximations: mf-branin, mf-hartmann6, mf-currin, mf-borehole",
    .reference = "Kandasamy et al., ICML 2017; Xiong, Qian, Wu, Technometrics 55, 2013",
    .list = fidelity_list,
    .open = fidelity_open,
    .evaluate = fidelity_evaluate,
};
