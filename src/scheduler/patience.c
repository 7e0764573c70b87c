/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/patience.c - early stopping of each trial by itself.
 *
 * A trial ends when its best value has not become better by more than `delta` for `patience` reports.  More
 * would not help it: it counts as complete with the last value that it reported.
 *
 * rule=worse waits until it gets worse: with w values in all, y_1 .. y_w, w > patience + 1,
 *
 *   min(y_1 .. y_m) + delta < min(y_{m+1} .. y_w),   m = w - patience - 1
 *
 * and the trial is stopped, not complete: for use with other rules ("patience,rule=worse and median"), as the
 * patient pruner of Optuna (Akiba and others, KDD 2019).
 *
 * Prechelt: "Early stopping - but when?", Neural Networks: Tricks of the Trade, 1998 (the class of criteria
 * UP). */
#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "scheduler/builtin.h"
#include "scheduler/rung.h"

typedef struct patience_config {
    int64_t patience;
    double delta, grace;
    int32_t worse;
} patience_config;

typedef struct patience {
    patience_config config;
    /* entry: the best value that was enough better (worse: the best before the newest ones); since: reports
     * since then */
    hpo_sched_rows rows;
    double *last; /* worse: the newest patience + 1 values of each trial, in a ring */
    size_t cap;
} patience;

enum { LONGEST_RING = 10000 };

static hpo_status patience_init(void *state, const void *config, const hpo_sched_problem *p, hpo_error *err)
{
    const patience_config *c = config;
    (void)p;
    ((patience *)state)->config = *c;
    if (!c->worse && c->patience < 1)
        return hpo_fail(err, HPO_EINVAL,
                        "patience: option patience=0: must be at least 1, or use rule=worse");
    if (c->worse && c->patience > LONGEST_RING)
        return hpo_fail(err, HPO_EINVAL, "patience: option patience=%lld: must be at most %d with rule=worse",
                        (long long)c->patience, LONGEST_RING);
    return HPO_OK;
}

/* A new value of a trial that has reported t->n with it. */
static hpo_status report_worse(patience *s, hpo_sched_row *t, const hpo_sched_report *r,
                               hpo_sched_answer *out, hpo_error *err)
{
    size_t w = (size_t)s->config.patience + 1, n = (size_t)t->n;
    HPO_TRY(hpo_reserve(&s->last, &s->cap, s->rows.n * w, sizeof *s->last, err));
    double *ring = s->last + (size_t)r->trial * w, recent = r->y[0];
    if (n > w) t->entry = fmin(t->entry, ring[(n - 1) % w]);
    ring[(n - 1) % w] = r->y[0];
    for (size_t i = 0; i < w && i < n; i++)
        recent = fmin(recent, ring[i]);
    if (n <= w || r->step < s->config.grace || !(t->entry + s->config.delta < recent)) return HPO_OK;
    out->decision = HPO_STOP;
    (void)snprintf(out->reason, sizeof out->reason,
                   "its best before the last %zu reports is better by %.6g at %.6g", w, recent - t->entry,
                   r->step);
    return HPO_OK;
}

static hpo_status patience_report(void *state, const hpo_sched_report *r, hpo_sched_answer *out,
                                  hpo_error *err)
{
    patience *s = state;
    HPO_TRY(hpo_sched_rows_need(&s->rows, r->trial, err));
    hpo_sched_row *t = &s->rows.row[r->trial];
    int64_t since = t->since, n = t->n;
    if (!hpo_sched_rows_report(t, r)) return HPO_OK;
    if (s->config.worse) return t->n > n ? report_worse(s, t, r, out, err) : HPO_OK;
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
    patience *s = state;
    hpo_sched_rows_fini(&s->rows);
    hpo_free(s->last);
}

static const char *const rules[] = {"better", "worse", NULL};
static const hpo_option options[] = {
    {"patience", "reports without improvement that are waited for", HPO_OPT_INT,
     offsetof(patience_config, patience), 10, 0, 1e9, NULL},
    {"delta", "what counts as an improvement must be more than this", HPO_OPT_REAL,
     offsetof(patience_config, delta), 0, 0, 1e300, NULL},
    {"rule",
     "better: wait for an improvement; worse: until the best of the last patience + 1 is worse by delta",
     HPO_OPT_ENUM, offsetof(patience_config, worse), 0, 0, 1, rules},
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
