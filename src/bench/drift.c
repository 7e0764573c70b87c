/* SPDX-License-Identifier: Apache-2.0 */
/* bench/drift.c - a learning rate whose best value changes while training goes on: drift-iII.
 *
 * Stochastic gradient descent on y = m / 2 with curvature 1 and gradient noise of variance s^2, in
 * expectation. Epoch t = 1 .. R with learning rate a_t:
 *
 *   m_t = (1 - a_t)^2 m_{t-1} + a_t^2 s^2,   R = 81
 *
 * The best a_t = m / (m + s^2) is near 1 at first and falls like 1 / t; with it 1 / m_t = 1 / m_{t-1} + 1 /
 * s^2, so that the best final value of all schedules is known: 1 / (2 (1 / m_0 + R / s^2)).  No constant rate
 * comes near: the noise that it leaves, a s^2 / (2 - a), and the start that it has not forgotten, (1 -
 * a)^{2R} m_0, are traded against each other.  An instance draws m_0 in 10..1000 and s^2 in 0.1..10.
 *
 * The best constant is what p->best says, so that methods which look for one have their usual regret; a
 * schedule may be better.  Values are measured with 2 % noise.  Training goes on where it stopped, from the
 * state that the pieces before have left.
 *
 * Schaul, Zhang, LeCun: "No more pesky learning rates", ICML 2013, section 3; Zhang, Li, Nado and others:
 * "Which algorithmic choices matter at which batch sizes? Insights from a noisy quadratic model", NeurIPS
 * 2019. */
#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "bench/families.h"
#include "bench/make.h"
#include "hpo/sampler.h"
#include "math/func.h"
#include "math/rng.h"

enum { EPOCHS = 81, LISTED_INSTANCES = 3, MAX_INSTANCE = 1000, GRID = 3000 };
static const double LOW = 1e-3, NOISE = 0.02;
static const char space_text[] = "lr: log 1e-3..1; epochs: fidelity 1..81";

typedef struct state {
    double start, variance;
    double at[2]; /* the best constant rate, with the fidelity */
} state;

static int drift_list(size_t i, const char *data, char *name, size_t cap)
{
    (void)data;
    if (i >= LISTED_INSTANCES) return 0;
    (void)snprintf(name, cap, "drift-i%02d", (int)i + 1);
    return 1;
}

/* From the state m through the epochs first+1 .. last. */
static double train(const state *s, double m, double rate, int first, int last)
{
    for (int t = first; t < last; t++)
        m = (1 - rate) * (1 - rate) * m + rate * rate * s->variance;
    return m;
}

/* The function of the rate is unimodal: a grid and a golden section around its best point. */
static double best_constant(state *s)
{
    const double width = -hpo_log(LOW), g = 0.6180339887498949;
    double best = (double)INFINITY, at = 0;
    for (int i = 0; i <= GRID; i++) {
        double l = -width * i / GRID, m = train(s, s->start, hpo_exp(l), 0, EPOCHS);
        if (m < best) best = m, at = l;
    }
    double low = at - width / GRID, high = fmin(at + width / GRID, 0);
    for (int i = 0; i < 60; i++) {
        double a = high - g * (high - low), b = low + g * (high - low);
        if (train(s, s->start, hpo_exp(a), 0, EPOCHS) < train(s, s->start, hpo_exp(b), 0, EPOCHS))
            high = b;
        else
            low = a;
    }
    s->at[0] = hpo_exp((low + high) / 2);
    s->at[1] = EPOCHS;
    return train(s, s->start, s->at[0], 0, EPOCHS) / 2;
}

static hpo_status drift_open(hpo_problem *p, const char *data, hpo_error *err)
{
    int instance = 0;
    hpo_rng rng;
    (void)data;
    if (!hpo_bench_match(p->name, "drift-i#", &instance)) return HPO_ENOTFOUND;
    if (instance < 1 || instance > MAX_INSTANCE)
        return hpo_bench_refuse(p, "instance", instance, 1, MAX_INSTANCE, err);
    state *s = p->state = hpo_calloc(1, sizeof *s);
    if (s == NULL) return hpo_fail_memory(err);
    hpo_rng_init(&rng, 17, (uint64_t)instance, HPO_RNG_USER);
    s->start = hpo_exp(hpo_log(10) + hpo_log(100) * hpo_rng_uniform(&rng));
    s->variance = hpo_exp(hpo_log(0.1) + hpo_log(100) * hpo_rng_uniform(&rng));
    double best = best_constant(s);
    hpo_bench_one(p, best, s->at, HPO_SUITE_BIT(MULTIFIDELITY));
    p->full_resource = EPOCHS;
    p->min_resource = 1;
    p->resumable = 1;
    p->noisy = 1;
    p->budget = 20;
    return hpo_space_parse(space_text, &p->space, err);
}

static hpo_status drift_evaluate(const hpo_problem *p, const hpo_problem_query *q, hpo_problem_answer *a,
                                 hpo_error *err)
{
    const state *s = p->state;
    double r = isnan(q->resource) ? EPOCHS : fmin(fmax(q->resource, 1), EPOCHS), m = s->start;
    int at = 0;
    (void)err;
    for (size_t i = 0; i < q->n_past; i++) {
        int until = (int)q->past[i].until;
        m = train(s, m, q->past[i].x[0], at, until);
        at = until;
    }
    m = train(s, m, q->x[0], at, (int)r);
    a->seconds = fmax(0, r - q->from);
    a->y[0] = m / 2;
    if (!q->noise_free) a->y[0] *= hpo_exp(NOISE * hpo_problem_normal(q, 1, (uint32_t)r));
    return HPO_OK;
}

static void drift_close(hpo_problem *p)
{
    hpo_free(p->state);
}

const hpo_problem_family hpo_drift_problems = {
    .name = "drift",
    .help =
        "a learning rate whose best value falls during training; the best schedule is known; drift-i01 ...",
    .reference = "Schaul, Zhang, LeCun, ICML 2013; Zhang, Li, Nado and others, NeurIPS 2019",
    .list = drift_list,
    .open = drift_open,
    .evaluate = drift_evaluate,
    .close = drift_close,
};
