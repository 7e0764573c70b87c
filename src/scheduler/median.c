/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/median.c - the median stopping rule.
 *
 * At step s a trial stops when its best value so far is worse than the median over the other trials of their
 * running averages (1/s_j) sum of the values up to s.  The averages are those of all trials that have
 * reported at s, also of running and stopped ones.  Nothing stops before `grace` steps, nor while fewer than
 * `others` have come to s.
 *
 * Golovin, Solnik, Moitra, Kochanski, Karro, Sculley: "Google Vizier: a service for black-box optimization",
 * KDD 2017, section 3.2.2. */
#include "base/error.h"
#include "scheduler/builtin.h"
#include "scheduler/steps.h"

typedef struct median_config {
    double grace;
    int64_t others;
} median_config;

typedef struct median {
    hpo_steps steps; /* first; of running averages */
    median_config config;
    double sign;
} median;

static hpo_status median_init(void *state, const void *config, const hpo_sched_problem *p, hpo_error *err)
{
    median *s = state;
    (void)err;
    s->config = *(const median_config *)config;
    s->sign = p->sign[0];
    return HPO_OK;
}

static hpo_status median_report(void *state, const hpo_sched_report *r, hpo_sched_answer *out, hpo_error *err)
{
    median *s = state;
    hpo_ranking *at;
    HPO_TRY(hpo_sched_rows_need(&s->steps.rows, r->trial, err));
    hpo_sched_row *t = &s->steps.rows.row[r->trial];
    if (!hpo_sched_rows_report(t, r)) return HPO_OK;
    HPO_TRY(hpo_steps_find(&s->steps, r->step, &at, err));
    size_t n = hpo_ranking_size(at);
    if (r->step >= s->config.grace && n >= (size_t)s->config.others) {
        double m = hpo_steps_quantile(at, 0.5);
        if (t->best > m) {
            out->decision = HPO_STOP;
            char *end = hpo_say_real(hpo_say(out->reason, "its best, "), t->best * s->sign);
            end = hpo_say_real(hpo_say(end, ", is worse than the median "), m * s->sign);
            end = hpo_say_count(hpo_say(end, " of the averages of "), n);
            (void)hpo_say_real(hpo_say(end, " others at "), r->step);
        }
    }
    return hpo_ranking_add(at, t->sum / (double)t->n, r->trial, 0, 0, err);
}

static const hpo_option options[] = {
    {"grace", "no trial stops before this step", HPO_OPT_REAL, offsetof(median_config, grace), 1, 0, 1e300,
     NULL},
    {"others", "nor while fewer others have reported there", HPO_OPT_INT, offsetof(median_config, others), 5,
     1, 1e9, NULL},
};

const hpo_scheduler_ops hpo_scheduler_median = {
    .size = sizeof(hpo_scheduler_ops),
    .name = "median",
    .help = "Stops a trial whose best value is worse than the median of the others' averages up to the same "
            "step: "
            "cautious, for any program that reports.",
    .reference = "Golovin, Solnik, Moitra and others: Google Vizier, KDD 2017, section 3.2.2",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .config_size = sizeof(median_config),
    .state_size = sizeof(median),
    .init = median_init,
    .report = median_report,
    .describe = hpo_steps_describe,
    .fini = hpo_steps_fini,
};
