/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/halving.c - successive halving, one bracket after the other.
 *
 * With a fixed reduction: n trials at r_0 = r_min, the best floor(n eta^-k) of them at level r_k, up to R.
 *
 * With a fixed budget B: L = ceil(log_eta n) rounds; in round k each of the n_k = max(1, floor(n eta^-k))
 * trials that are left runs for floor(B / (n_k L)) more, so that every round costs about the same: n = 8, B =
 * 96, eta = 2 gives 8 trials x 4, 4 x 8, 2 x 16.
 *
 * Jamieson, Talwalkar: "Non-stochastic best arm identification and hyperparameter optimization", AISTATS
 * 2016, Algorithm 1; Karnin, Koren, Somekh: "Almost optimal exploration in multi-armed bandits", ICML 2013.
 */
#include <math.h>

#include "base/error.h"
#include "math/func.h"
#include "scheduler/bracket.h"
#include "scheduler/builtin.h"

typedef struct halving_config {
    double eta, min, budget;
    int64_t n;
} halving_config;

static void plan_reduction(hpo_bracket_plan *p, const hpo_levels *l, size_t n, double eta)
{
    for (size_t k = 0; k < l->n && n > 0; k++) {
        p->resource[p->n] = l->at[k];
        p->size[p->n++] = n;
        n = hpo_rung_share(n, eta);
    }
}

static hpo_status plan_budget(hpo_bracket_plan *p, const halving_config *c, double n,
                              const hpo_sched_problem *q, hpo_error *err)
{
    double rounds = 0, reached = 0, left = n;
    for (double m = n; m > 1 + 1e-9; m /= c->eta)
        rounds++;
    for (double k = 0; k < rounds && reached < q->high; k++) {
        double more = c->budget / (left * rounds);
        reached += q->whole ? floor(more * (1 + 1e-12)) : more;
        if (reached < q->low || !(reached > 0))
            return hpo_fail(
                err, HPO_EINVAL,
                "halving: a budget of %g gives each of %g trials %g, below the fidelity's minimum %g: "
                "raise it or lower n",
                c->budget, n, reached, q->low);
        p->resource[p->n] = fmin(reached, q->high);
        p->size[p->n++] = (size_t)left;
        left = fmax(1, (double)hpo_rung_share((size_t)left, c->eta));
    }
    return HPO_OK;
}

static hpo_status halving_init(void *state, const void *config, const hpo_sched_problem *p, hpo_error *err)
{
    hpo_brackets *s = state;
    const halving_config *c = config;
    HPO_TRY(hpo_levels_init(&s->levels, p, c->min, c->eta, err));
    HPO_TRY(hpo_brackets_init(s, 1, err));
    size_t n = c->n > 0 ? (size_t)c->n : (size_t)ceil(hpo_pow(c->eta, (double)s->levels.n - 1) * (1 - 1e-9));
    if (c->budget > 0) {
        if (n < 2) n = 2;
        HPO_TRY(plan_budget(&s->plans[0], c, (double)n, p, err));
    } else {
        plan_reduction(&s->plans[0], &s->levels, n, c->eta);
    }
    for (size_t k = 0; k < s->plans[0].n; k++) /* samplers compare at the same rungs */
        s->levels.at[k] = s->plans[0].resource[k];
    s->levels.n = s->plans[0].n;
    return HPO_OK;
}

static const hpo_option options[] = {
    {"eta", "keep the best 1/eta at each rung; rungs are a factor eta apart", HPO_OPT_REAL,
     offsetof(halving_config, eta), 3, 1.2, 100, NULL},
    {"min", "resource of the lowest rung; 0: the fidelity's minimum", HPO_OPT_REAL,
     offsetof(halving_config, min), 0, 0, 1e300, NULL},
    {"n", "trials that a bracket begins with; 0: as many as leave one at the top", HPO_OPT_INT,
     offsetof(halving_config, n), 0, 0, 1e9, NULL},
    {"budget", "resource that a bracket may use in all, in equal parts a round; 0: rungs go by eta",
     HPO_OPT_REAL, offsetof(halving_config, budget), 0, 0, 1e300, NULL},
};

const hpo_scheduler_ops hpo_scheduler_halving = {
    .size = sizeof(hpo_scheduler_ops),
    .name = "halving",
    .help = "Successive halving in rounds: all trials of a rung are waited for, then the best 1/eta go on.",
    .reference =
        "Jamieson, Talwalkar: Non-stochastic best arm identification and hyperparameter optimization, "
        "AISTATS 2016, Algorithm 1; Karnin, Koren, Somekh, ICML 2013",
    .caps = HPO_SCHED_NEEDS_FIDELITY | HPO_SCHED_PAUSES,
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .config_size = sizeof(halving_config),
    .state_size = sizeof(hpo_brackets),
    .init = halving_init,
    .start = hpo_brackets_start,
    .report = hpo_brackets_report,
    .tell = hpo_brackets_tell,
    .next = hpo_brackets_next,
    .levels = hpo_levels_list,
    .describe = hpo_brackets_describe,
    .fini = hpo_brackets_fini,
};
