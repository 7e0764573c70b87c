/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/patience.c - early stopping of each trial by itself.
 *
 * A trial ends when its best value has not become better by more than `delta` for `patience` reports.  More
 * would not help it: it counts as complete with the last value that it reported.
 *
 * Prechelt: "Early stopping - but when?", Neural Networks: Tricks of the Trade, 1998 (the class of criteria
 * UP). */
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "scheduler/builtin.h"
#include "scheduler/rung.h"

typedef struct patience_config {
    int64_t patience;
    double delta, grace;
} patience_config;

typedef struct patience {
    patience_config config;
    hpo_sched_rows rows; /* entry: the best value that was enough better; since: reports since then */
} patience;

static hpo_status patience_init(void *state, const void *config, const hpo_sched_problem *p, hpo_error *err)
{
    (void)p, (void)err;
    ((patience *)state)->config = *(const patience_config *)config;
    return HPO_OK;
}

static hpo_status patience_report(void *state, const hpo_sched_report *r, hpo_sched_answer *out,
                                  hpo_error *err)
{
    patience *s = state;
    HPO_TRY(hpo_sched_rows_need(&s->rows, r->trial, err));
    hpo_sched_row *t = &s->rows.row[r->trial];
    int64_t since = t->since;
    if (!hpo_sched_rows_report(t, r)) return HPO_OK;
    t->since = since + 1;
    if (!(t->entry - r->y[0] <= s->config.delta)) { /* also the first */
        t->entry = r->y[0];
        t->since = 0;
    }
    if (t->since < s->config.patience || r->step < s->config.grace) return HPO_OK;
    out->decision = HPO_STOP;
    out->complete = 1;
    (void)snprintf(out->reason, sizeof out->reason,
                   "no improvement by more than %.6g for %lld reports up to %.6g", s->config.delta,
                   (long long)t->since, r->step);
    return HPO_OK;
}

static void patience_fini(void *state)
{
    hpo_sched_rows_fini(&((patience *)state)->rows);
}

static const hpo_option options[] = {
    {"patience", "reports without improvement that are waited for", HPO_OPT_INT,
     offsetof(patience_config, patience), 10, 1, 1e9, NULL},
    {"delta", "what counts as an improvement must be more than this", HPO_OPT_REAL,
     offsetof(patience_config, delta), 0, 0, 1e300, NULL},
    {"grace", "no trial stops before this step", HPO_OPT_REAL, offsetof(patience_config, grace), 1, 0, 1e300,
     NULL},
};

const hpo_scheduler_ops hpo_scheduler_patience = {
    .size = sizeof(hpo_scheduler_ops),
    .name = "patience",
    .help =
        "Ends a trial that has not improved for so many reports; it counts as complete with its last value.",
    .reference = "Prechelt: Early stopping - but when?, Neural Networks: Tricks of the Trade, 1998",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .config_size = sizeof(patience_config),
    .state_size = sizeof(patience),
    .init = patience_init,
    .report = patience_report,
    .fini = patience_fini,
};
