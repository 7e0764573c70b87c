/* SPDX-License-Identifier: Apache-2.0 */
/* bench/axes.c - training on fewer rows for fewer epochs: axes-iII, two fidelities.
 *
 * Three hyperparameters in unit coordinates: a (learning rate), b (weight decay), c (dropout).  A share s of
 * the rows and e of E = 27 epochs, with l = ln(1 / s) / ln 27 in [0, 1], give the error
 *
 *   y = y* + A (a - a*)^2                     a good rate
 *          + B (b - b* - 0.3 l)^2 + C (c - c* - 0.2 l)^2   fewer rows want more regularisation
 *          + 0.2 (s^-0.5 - 1) / (27^0.5 - 1)  and are worth less, whatever is done
 *          + 0.5 (g(e) - g(E)),  g(e) = 1 / (1 + k e),  k = 0.1 * 10^(2 (a - a*)):  high rates learn fast
 *
 * so that at full rows and epochs y* at (a*, b*, c*) is the least.  Few rows mislead about b and c by a bias
 * that vanishes like ln(1/s), few epochs about a.  Without noise.  An epoch takes 4 s seconds and half a
 * second more; training goes on where it stopped, on the same rows.
 *
 * The shapes are those of Klein, Falkner, Bartels, Hennig, Hutter: "Fast Bayesian optimization of machine
 * learning hyperparameters on large datasets", AISTATS 2017 (regularisation drifts with the size of the
 * data), and of Domhan, Springenberg, Hutter, IJCAI 2015 (epochs). */
#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "bench/families.h"
#include "bench/make.h"
#include "hpo/sampler.h"
#include "math/func.h"
#include "math/rng.h"

#define EPOCHS 27
#define ROWS 54000
#define LOG_27 3.295836866004329

enum { LR, DECAY, DROPOUT, AT_EPOCHS, AT_ROWS, N_COLUMNS, LISTED_INSTANCES = 3, MAX_INSTANCE = 1000 };

static const char space_text[] = "lr: log 1e-4..1; decay: log 1e-6..1e-2; dropout: 0..1; epochs: fidelity "
                                 "1..27; rows: fidelity 2000..54000";

typedef struct state {
    double best, unit[3], weight[3]; /* unit: a*, b*, c* */
    double at[N_COLUMNS];
} state;

static int axes_list(size_t i, const char *data, char *name, size_t cap)
{
    (void)data;
    if (i >= LISTED_INSTANCES) return 0;
    (void)snprintf(name, cap, "axes-i%02d", (int)i + 1);
    return 1;
}

static double between(hpo_rng *rng, double low, double high)
{
    return low + (high - low) * hpo_rng_uniform(rng);
}

/* The coordinates are those of the optimum as a configuration holds it, so that its error is y* to the bit.
 */
static void draw_instance(state *s, int instance)
{
    hpo_rng rng;
    hpo_rng_init(&rng, 41, (uint64_t)instance, HPO_RNG_USER);
    s->at[LR] = hpo_exp(between(&rng, hpo_log(1e-3), hpo_log(0.1)));
    s->at[DECAY] = hpo_exp(between(&rng, hpo_log(3e-6), hpo_log(2e-4)));
    s->at[DROPOUT] = between(&rng, 0.1, 0.6);
    s->at[AT_EPOCHS] = EPOCHS;
    s->at[AT_ROWS] = ROWS;
    s->best = between(&rng, 0.03, 0.1);
    s->weight[LR] = between(&rng, 1, 3);
    s->weight[DECAY] = between(&rng, 0.5, 2);
    s->weight[DROPOUT] = between(&rng, 0.3, 1);
}

static void to_unit(const double *x, double u[3])
{
    u[0] = hpo_log(x[LR] / 1e-4) / 9.210340371976184;
    u[1] = hpo_log(x[DECAY] / 1e-6) / 9.210340371976184;
    u[2] = x[DROPOUT];
}

static hpo_status axes_open(hpo_problem *p, const char *data, hpo_error *err)
{
    int instance = 0;
    (void)data;
    if (!hpo_bench_match(p->name, "axes-i#", &instance)) return HPO_ENOTFOUND;
    if (instance < 1 || instance > MAX_INSTANCE)
        return hpo_bench_refuse(p, "instance", instance, 1, MAX_INSTANCE, err);
    state *s = p->state = hpo_calloc(1, sizeof *s);
    if (s == NULL) return hpo_fail_memory(err);
    draw_instance(s, instance);
    to_unit(s->at, s->unit);
    hpo_bench_one(p, s->best, s->at, HPO_SUITE_BIT(MULTIFIDELITY));
    p->full_resource = EPOCHS;
    p->min_resource = 1;
    p->resumable = 1;
    p->budget = 50;
    return hpo_space_parse(space_text, &p->space, err);
}

static double learnt(double rate, double epochs)
{
    return 1 / (1 + rate * epochs);
}

static hpo_status axes_evaluate(const hpo_problem *p, const hpo_problem_query *q, hpo_problem_answer *a,
                                hpo_error *err)
{
    const state *s = p->state;
    int full = isnan(q->resource);
    double u[3], e = full ? EPOCHS : fmin(q->resource, EPOCHS), share = full ? 1 : q->x[AT_ROWS] / ROWS;
    double l = share < 1 ? -hpo_log(share) / LOG_27 : 0;
    (void)err;
    to_unit(q->x, u);
    double da = u[0] - s->unit[0], db = u[1] - s->unit[1] - 0.3 * l, dc = u[2] - s->unit[2] - 0.2 * l;
    double rate = 0.1 * hpo_exp(4.605170185988092 * da); /* 2 ln 10 */
    a->y[0] = s->best + s->weight[0] * da * da + s->weight[1] * db * db + s->weight[2] * dc * dc +
              0.2 * (1 / sqrt(share) - 1) / (sqrt(27) - 1) + 0.5 * (learnt(rate, e) - learnt(rate, EPOCHS));
    a->seconds = (e - fmin(q->from, e)) * (4 * share + 0.5);
    return HPO_OK;
}

static void axes_close(hpo_problem *p)
{
    hpo_free(p->state);
}

const hpo_problem_family hpo_axes_problems = {
    .name = "axes",
    .help = "training on fewer rows for fewer epochs, two fidelities: axes-i01 ...",
    .reference = "shapes after Klein et al., AISTATS 2017; Domhan et al., IJCAI 2015",
    .list = axes_list,
    .open = axes_open,
    .evaluate = axes_evaluate,
    .close = axes_close,
};
