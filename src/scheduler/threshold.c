/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/threshold.c - stops what is worse than a bound, or better than one that cannot be right.
 *
 * A report after `grace` that is above `upper` or below `lower`, in the user's orientation, stops its trial:
 * a loss that has blown up, an accuracy that is still that of guessing. */
#include <math.h>
#include <stdio.h>

#include "scheduler/builtin.h"

typedef struct threshold_config {
    double lower, upper, grace;
} threshold_config;

typedef struct threshold {
    threshold_config config;
    double sign;
} threshold;

static hpo_status threshold_init(void *state, const void *config, const hpo_sched_problem *p, hpo_error *err)
{
    threshold *s = state;
    (void)err;
    s->config = *(const threshold_config *)config;
    s->sign = p->sign[0];
    return HPO_OK;
}

static hpo_status threshold_report(void *state, const hpo_sched_report *r, hpo_sched_answer *out,
                                   hpo_error *err)
{
    const threshold *s = state;
    double y = r->y[0] * s->sign;
    (void)err;
    if (r->step < s->config.grace || (y >= s->config.lower && y <= s->config.upper)) return HPO_OK;
    int above = y > s->config.upper;
    out->decision = HPO_STOP;
    (void)snprintf(out->reason, sizeof out->reason, "%.6g is %s %.6g at %.6g", y, above ? "above" : "below",
                   above ? s->config.upper : s->config.lower, r->step);
    return HPO_OK;
}

static const hpo_option options[] = {
    {"upper", "values above it stop the trial", HPO_OPT_REAL, offsetof(threshold_config, upper), 1e300,
     -1e300, 1e300, NULL},
    {"lower", "values below it stop the trial", HPO_OPT_REAL, offsetof(threshold_config, lower), -1e300,
     -1e300, 1e300, NULL},
    {"grace", "no trial stops before this step", HPO_OPT_REAL, offsetof(threshold_config, grace), 1, 0, 1e300,
     NULL},
};

const hpo_scheduler_ops hpo_scheduler_threshold = {
    .size = sizeof(hpo_scheduler_ops),
    .name = "threshold",
    .help = "Stops a trial whose values leave the bounds: a loss that has blown up, an accuracy of mere "
            "guessing.",
    .reference = "as the threshold pruner of Optuna: Akiba, Sano, Yanase, Ohta, Koyama, KDD 2019",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .config_size = sizeof(threshold_config),
    .state_size = sizeof(threshold),
    .init = threshold_init,
    .report = threshold_report,
};
