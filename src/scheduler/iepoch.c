/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/iepoch.c - the i-epoch baseline: every trial runs for i epochs, the best few run to the end.
 *
 * As good as far more elaborate rules when curves seldom cross, and the first thing to compare them with.
 *
 * Egele, Guyon, Sun, Balaprakash: "Is one epoch all you need for multi-fidelity hyperparameter
 * optimization?", ESANN 2023, arXiv:2307.15422; i epochs: arXiv:2404.04111. */
#include <math.h>

#include "base/error.h"
#include "scheduler/bracket.h"
#include "scheduler/builtin.h"

typedef struct iepoch_config {
    double epochs;
    int64_t keep, n;
} iepoch_config;

static hpo_status iepoch_init(void *state, const void *config, const hpo_sched_problem *p, hpo_error *err)
{
    hpo_brackets *s = state;
    const iepoch_config *c = config;
    double first = fmin(fmax(c->epochs, p->low), p->high);
    HPO_TRY(hpo_brackets_init(s, 1, err));
    hpo_bracket_plan *plan = &s->plans[0];
    if (first < p->high) {
        plan->resource[0] = first;
        plan->size[0] = c->n > 0 ? (size_t)c->n : HPO_BRACKET_OPEN;
        plan->n = 1;
    }
    plan->resource[plan->n] = p->high;
    plan->size[plan->n] = plan->n == 0 && c->n > 0 ? (size_t)c->n : (size_t)c->keep;
    plan->n++;
    s->levels.n = plan->n;
    for (size_t k = 0; k < plan->n; k++)
        s->levels.at[k] = plan->resource[k];
    return HPO_OK;
}

static hpo_status iepoch_next(void *state, const hpo_sched_ask *ask, hpo_action *out, hpo_error *err)
{
    const hpo_brackets *s = state;
    if (s->plans[0].size[0] == HPO_BRACKET_OPEN && ask->planned == 0)
        return hpo_fail(
            err, HPO_EINVAL,
            "i-epoch does not know when the short trials end: give the study a budget of trials, or "
            "i-epoch:n=100");
    return hpo_brackets_next(state, ask, out, err);
}

static const hpo_option options[] = {
    {"epochs", "how far every trial runs, as a value of the fidelity", HPO_OPT_REAL,
     offsetof(iepoch_config, epochs), 1, 0, 1e300, NULL},
    {"keep", "how many run to the end", HPO_OPT_INT, offsetof(iepoch_config, keep), 3, 1, 1e9, NULL},
    {"n",
     "after so many short trials the best are run to the end, then it begins again; 0: all that the budget "
     "allows",
     HPO_OPT_INT, offsetof(iepoch_config, n), 0, 0, 1e9, NULL},
};

const hpo_scheduler_ops hpo_scheduler_iepoch = {
    .size = sizeof(hpo_scheduler_ops),
    .name = "i-epoch",
    .help = "Every trial runs for a few epochs, then the best few run to the end: a baseline that is hard to "
            "beat "
            "where curves seldom cross.",
    .reference =
        "Egele, Guyon, Sun, Balaprakash: Is one epoch all you need for multi-fidelity hyperparameter "
        "optimization?, arXiv:2307.15422",
    .caps = HPO_SCHED_NEEDS_FIDELITY | HPO_SCHED_PAUSES,
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .config_size = sizeof(iepoch_config),
    .state_size = sizeof(hpo_brackets),
    .init = iepoch_init,
    .start = hpo_brackets_start,
    .report = hpo_brackets_report,
    .tell = hpo_brackets_tell,
    .next = iepoch_next,
    .levels = hpo_levels_list,
    .describe = hpo_brackets_describe,
    .fini = hpo_brackets_fini,
};
