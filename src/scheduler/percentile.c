/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/percentile.c - stops what is not among the best at the same step.
 *
 * At step s a trial stops when its best value so far is worse than the q-th percentile (of better values) of
 * what the others reported at s.  q = 50 compares with the median of values, where `median` compares with
 * averages.
 *
 * As the percentile pruner of Optuna (Akiba, Sano, Yanase, Ohta, Koyama, KDD 2019), with running trials
 * counted too. */
#include "base/error.h"
#include "scheduler/builtin.h"
#include "scheduler/steps.h"

typedef struct percentile_config {
    double keep, grace;
    int64_t others;
} percentile_config;

typedef struct percentile {
    hpo_steps steps; /* first; of values */
    percentile_config config;
    double sign;
} percentile;

static hpo_status percentile_init(void *state, const void *config, const hpo_sched_problem *p, hpo_error *err)
{
    percentile *s = state;
    (void)err;
    s->config = *(const percentile_config *)config;
    s->sign = p->sign[0];
    return HPO_OK;
}

static hpo_status percentile_report(void *state, const hpo_sched_report *r, hpo_sched_answer *out,
                                    hpo_error *err)
{
    percentile *s = state;
    hpo_ranking *at;
    HPO_TRY(hpo_sched_rows_need(&s->steps.rows, r->trial, err));
    hpo_sched_row *t = &s->steps.rows.row[r->trial];
    if (!hpo_sched_rows_report(t, r)) return HPO_OK;
    HPO_TRY(hpo_steps_find(&s->steps, r->step, &at, err));
    size_t n = hpo_ranking_size(at);
    if (r->step >= s->config.grace && n >= (size_t)s->config.others) {
        double bound = hpo_steps_quantile(at, s->config.keep / 100);
        if (t->best > bound) {
            out->decision = HPO_STOP;
            char *end = hpo_say_real(hpo_say(out->reason, "its best, "), t->best * s->sign);
            end = hpo_say_real(hpo_say(end, ", is not among the best "), s->config.keep);
            end = hpo_say_count(hpo_say(end, "% of "), n);
            end = hpo_say_real(hpo_say(end, " others at "), r->step);
            (void)hpo_say(hpo_say_real(hpo_say(end, " ("), bound * s->sign), ")");
        }
    }
    return hpo_ranking_add(at, r->y[0], r->trial, 0, 0, err);
}

static const hpo_option options[] = {
    {"keep", "percentage of the others that a trial must be as good as", HPO_OPT_REAL,
     offsetof(percentile_config, keep), 50, 0, 100, NULL},
    {"grace", "no trial stops before this step", HPO_OPT_REAL, offsetof(percentile_config, grace), 1, 0,
     1e300, NULL},
    {"others", "nor while fewer others have reported there", HPO_OPT_INT, offsetof(percentile_config, others),
     5, 1, 1e9, NULL},
};

const hpo_scheduler_ops hpo_scheduler_percentile = {
    .size = sizeof(hpo_scheduler_ops),
    .name = "percentile",
    .help = "Stops a trial whose best value is not among the best `keep` per cent of the others at the same "
            "step.",
    .reference = "Akiba, Sano, Yanase, Ohta, Koyama: Optuna, KDD 2019 (percentile pruner)",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .config_size = sizeof(percentile_config),
    .state_size = sizeof(percentile),
    .init = percentile_init,
    .report = percentile_report,
    .describe = hpo_steps_describe,
    .fini = hpo_steps_fini,
};
