/* SPDX-License-Identifier: Apache-2.0 */
/* bench/cliff.c - the learning-rate bowl with a divergence cliff.
 *
 * What makes learning rates hard: the loss improves with the step until training suddenly diverges, and the
 * best step lies close to that edge; momentum moves the edge, since the effective step is s = lr / (1 - m).
 * With e = log10(s / s*), s* = 0.2:
 *
 *   y = 0.1 + 2.2 (1 - exp(-e^2 / 2)) + [e > 0] e^2 + 0.05 log10((1 - m) / 0.1)^2 + 0.02 log10(wd / 1e-4)^2
 *
 * and the run fails, after a tenth of its time, when s > 0.5.  Far below s* the loss is flat, as it is for a
 * network that has not begun to learn.  The optimum is 0.1 at lr = 0.02, m = 0.9, wd = 1e-4.
 * In lr-bowl-noisy y has a standard deviation of 0.02 and the edge is uncertain: failure is certain above
 * s = 0.5, impossible below 0.25, and in between has a probability that rises linearly in log s. */
#include <math.h>
#include <string.h>

#include "bench/families.h"
#include "bench/make.h"
#include "math/func.h"

#define BEST_STEP 0.2
#define EDGE 0.5
#define NOISY_EDGE 0.25

static const char *const names[] = {"lr-bowl", "lr-bowl-noisy"};
static const double best_x[] = {0.02, 0.9, 1e-4};

static int cliff_list(size_t i, const char *data, char *name, size_t cap)
{
    (void)data;
    return i < 2 && hpo_bench_name(name, cap, names[i]);
}

static hpo_status cliff_open(hpo_problem *p, const char *data, hpo_error *err)
{
    (void)data;
    int noisy = strcmp(p->name, names[1]) == 0;
    if (!noisy && strcmp(p->name, names[0]) != 0) return HPO_ENOTFOUND;
    p->noisy = noisy;
    hpo_bench_one(p, 0.1, best_x, HPO_SUITE_BIT(QUICK) | (noisy ? HPO_SUITE_BIT(NOISY) : 0));
    p->budget = 60;
    return hpo_space_parse("lr: log 1e-6..10; momentum: revlog 0..0.99; wd: log 1e-6..1e-1", &p->space, err);
}

static int diverges(const hpo_problem *p, const hpo_problem_query *q, double step)
{
    if (step > EDGE * (1 + 1e-12)) return 1;
    if (!p->noisy || q->noise_free || step <= NOISY_EDGE) return 0;
    return hpo_problem_uniform(q, 3, 0) * hpo_log(EDGE / NOISY_EDGE) < hpo_log(step / NOISY_EDGE);
}

static hpo_status cliff_evaluate(const hpo_problem *p, const hpo_problem_query *q, hpo_problem_answer *a,
                                 hpo_error *err)
{
    double rest = 1 - q->x[1], step = q->x[0] / rest;
    (void)err;
    a->failed = diverges(p, q, step);
    if (a->failed) {
        a->seconds = 0.1;
        return HPO_OK;
    }
    double e = hpo_log10(step / BEST_STEP), m = hpo_log10(rest / 0.1), w = hpo_log10(q->x[2] / 1e-4);
    double y = 0.1 - 2.2 * hpo_expm1(-e * e / 2) + (e > 0 ? e * e : 0) + 0.05 * m * m + 0.02 * w * w;
    a->y[0] = p->noisy && !q->noise_free ? y + 0.02 * hpo_problem_normal(q, 3, 1) : y;
    return HPO_OK;
}

const hpo_problem_family hpo_cliff_problems = {
    .name = "cliff",
    .help = "a learning-rate bowl whose optimum lies close to the edge of divergence: lr-bowl, lr-bowl-noisy",
    .reference = "libhpo; docs/problems.md",
    .list = cliff_list,
    .open = cliff_open,
    .evaluate = cliff_evaluate,
};
