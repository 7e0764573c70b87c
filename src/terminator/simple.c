/* SPDX-License-Identifier: Apache-2.0 */
/* terminator/simple.c - rules that need no model: no improvement for a while, good enough.
 *
 * Both look at COMPLETE trials whose measured constraints hold, and read each row once. */
#include <math.h>

#include "base/error.h"
#include "terminator/builtin.h"

static int counts(const hpo_view *v, size_t row)
{
    if (v->state[row] != HPO_STATE_COMPLETE || isnan(v->y[row * v->n_objectives])) return 0;
    for (size_t i = 0; i < v->n_outcomes; i++)
        if (!(v->outcome[row * v->n_outcomes + i] <= 0)) return 0;
    return 1;
}

/* ---- stagnation ----------------------------------------------------------------------------------- */

typedef struct stagnation_config {
    int64_t trials;
    double eps, relative;
} stagnation_config;

typedef struct stagnation_state {
    const stagnation_config *config;
    size_t n_read;
    double best;     /* the value that a later one is compared with; NaN: none yet */
    int64_t number;  /* whose it is */
    size_t improved; /* rows read when it came */
} stagnation_state;

static const hpo_option stagnation_options[] = {
    {"trials", "how many finished trials in a row may bring no improvement", HPO_OPT_INT,
     offsetof(stagnation_config, trials), 30, 1, 1e9, NULL},
    {"eps", "an improvement is one of more than this", HPO_OPT_REAL, offsetof(stagnation_config, eps), 0, 0,
     HUGE_VAL, NULL},
    {"relative", "... and of more than this share of the best value's size", HPO_OPT_REAL,
     offsetof(stagnation_config, relative), 0, 0, 1, NULL},
};

static hpo_status stagnation_init(void *state, const void *config, const hpo_rule_problem *problem,
                                  hpo_error *err)
{
    stagnation_state *s = state;
    (void)problem, (void)err;
    s->config = config;
    s->best = (double)NAN;
    s->number = -1;
    return HPO_OK;
}

static hpo_status stagnation_judge(void *state, const hpo_view *v, hpo_ruling *out, hpo_error *err)
{
    stagnation_state *s = state;
    const stagnation_config *c = s->config;
    (void)err;
    for (; s->n_read < v->n_done; s->n_read++) {
        double y = counts(v, s->n_read) ? v->y[s->n_read] : (double)NAN;
        double least = fmax(c->eps, c->relative * fabs(s->best));
        int better = isnan(s->best) ? !isnan(y) : least > 0 ? y < s->best - least : y < s->best;
        if (!better) continue;
        s->best = y;
        s->number = v->number[s->n_read];
        s->improved = s->n_read + 1;
    }
    int64_t since = (int64_t)(v->n_done - s->improved);
    int stop = s->number >= 0 && since >= c->trials;
    if (s->number < 0)
        hpo_ruling_set(out, 0, "no trial has a feasible value yet");
    else if (c->eps > 0 || c->relative > 0)
        hpo_ruling_set(out, stop, "%lld finished trials without an improvement of more than %g (limit %lld)",
                       (long long)since, fmax(c->eps, c->relative * fabs(s->best)), (long long)c->trials);
    else
        hpo_ruling_set(out, stop, "%lld finished trials without improvement (limit %lld)", (long long)since,
                       (long long)c->trials);
    return HPO_OK;
}

const hpo_terminator_ops hpo_terminator_stagnation = {
    .size = sizeof(hpo_terminator_ops),
    .name = "stagnation",
    .help = "So many finished trials without an improvement: simple, needs no model, and blind to noise.",
    .reference = "Lorenz et al., arXiv 1610.03148 (2016)",
    .options = stagnation_options,
    .n_options = sizeof stagnation_options / sizeof stagnation_options[0],
    .config_size = sizeof(stagnation_config),
    .state_size = sizeof(stagnation_state),
    .init = stagnation_init,
    .judge = stagnation_judge,
};

/* ---- target --------------------------------------------------------------------------------------- */

typedef struct target_config {
    double value;
} target_config;

typedef struct target_state {
    const target_config *config;
    size_t n_read;
    double sign, best;
    int64_t number;
} target_state;

static const hpo_option target_options[] = {
    {"value", "good enough, in the unit of the objective (required)", HPO_OPT_REAL,
     offsetof(target_config, value), HUGE_VAL, -HUGE_VAL, HUGE_VAL, NULL},
};

static hpo_status target_init(void *state, const void *config, const hpo_rule_problem *problem,
                              hpo_error *err)
{
    target_state *s = state;
    s->config = config;
    s->sign = problem->sign;
    s->best = HUGE_VAL;
    s->number = -1;
    if (isinf(s->config->value))
        return hpo_fail(err, HPO_EINVAL, "target: its value is missing: write target:value=0.05");
    return HPO_OK;
}

static hpo_status target_judge(void *state, const hpo_view *v, hpo_ruling *out, hpo_error *err)
{
    target_state *s = state;
    (void)err;
    for (; s->n_read < v->n_done; s->n_read++) {
        if (!counts(v, s->n_read) || (s->number >= 0 && !(v->y[s->n_read] < s->best))) continue;
        s->best = v->y[s->n_read];
        s->number = v->number[s->n_read];
    }
    int stop = s->number >= 0 && s->best <= s->config->value * s->sign;
    if (s->number < 0)
        hpo_ruling_set(out, 0, "no trial has a feasible value yet");
    else
        hpo_ruling_set(out, stop, "the best value %g of trial %lld %s the target %g", s->best * s->sign,
                       (long long)s->number, stop ? "reaches" : "has not reached", s->config->value);
    return HPO_OK;
}

const hpo_terminator_ops hpo_terminator_target = {
    .size = sizeof(hpo_terminator_ops),
    .name = "target",
    .help = "The best value is good enough.",
    .reference = "the first hitting time of a target (Hansen et al., arXiv 1603.08785)",
    .options = target_options,
    .n_options = sizeof target_options / sizeof target_options[0],
    .config_size = sizeof(target_config),
    .state_size = sizeof(target_state),
    .init = target_init,
    .judge = target_judge,
};
