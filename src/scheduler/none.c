/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/none.c - every trial runs to its end: each report is answered with CONTINUE, each free worker
 * gets a new trial at full resource. */
#include "scheduler/builtin.h"

static hpo_status none_report(void *state, const hpo_sched_report *r, hpo_sched_answer *out, hpo_error *err)
{
    (void)state, (void)r, (void)out, (void)err;
    return HPO_OK;
}

const hpo_scheduler_ops hpo_scheduler_none = {
    .size = sizeof(hpo_scheduler_ops),
    .name = "none",
    .help = "Runs every trial to its end: right when results come only at the end, or when trials are cheap.",
    .reference = "the definition of black-box optimisation: Feurer & Hutter (2019), Hyperparameter "
                 "Optimization, section 1.2",
    .caps = HPO_SCHED_MULTI_OBJECTIVE,
    .report = none_report,
};
