/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/plateau.c - ends a trial whose curve has become flat.
 *
 * When the standard deviation of the last `window` values is at most `spread`, more would not change the
 * result: the trial counts as complete with its last value.  The mean and the sum of squares of the window
 * are taken anew for each report: `window` operations.
 *
 * As the trial plateau stopper of Ray Tune (Liaw, Liang, Nishihara, Moritz, Gonzalez, Stoica,
 * arXiv:1807.05118). */
#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/stats.h"
#include "scheduler/builtin.h"
#include "scheduler/rung.h"

typedef struct plateau_config {
    int64_t window;
    double spread, grace;
} plateau_config;

typedef struct plateau {
    plateau_config config;
    hpo_sched_rows rows;
    double *last; /* `window` values a trial, in a ring */
    size_t cap;
} plateau;

static hpo_status plateau_init(void *state, const void *config, const hpo_sched_problem *p, hpo_error *err)
{
    (void)p, (void)err;
    ((plateau *)state)->config = *(const plateau_config *)config;
    return HPO_OK;
}

static hpo_status plateau_report(void *state, const hpo_sched_report *r, hpo_sched_answer *out,
                                 hpo_error *err)
{
    plateau *s = state;
    size_t w = (size_t)s->config.window;
    HPO_TRY(hpo_sched_rows_need(&s->rows, r->trial, err));
    HPO_TRY(hpo_reserve(&s->last, &s->cap, s->rows.n * w, sizeof *s->last, err));
    hpo_sched_row *t = &s->rows.row[r->trial];
    double *ring = s->last + (size_t)r->trial * w;
    int64_t before = t->n;
    if (!hpo_sched_rows_report(t, r) || t->n == before) return HPO_OK;
    ring[(size_t)before % w] = r->y[0];
    if (t->n < s->config.window || r->step < s->config.grace) return HPO_OK;
    double sd = sqrt(hpo_variance(ring, w));
    if (!(sd <= s->config.spread)) return HPO_OK;
    out->decision = HPO_STOP;
    out->complete = 1;
    (void)snprintf(out->reason, sizeof out->reason, "its last %zu values up to %.6g differ by %.3g only", w,
                   r->step, sd);
    return HPO_OK;
}

static void plateau_fini(void *state)
{
    plateau *s = state;
    hpo_sched_rows_fini(&s->rows);
    hpo_free(s->last);
}

static const hpo_option options[] = {
    {"window", "so many values are looked at", HPO_OPT_INT, offsetof(plateau_config, window), 5, 2, 1000,
     NULL},
    {"spread", "a standard deviation up to this is flat", HPO_OPT_REAL, offsetof(plateau_config, spread),
     1e-3, 0, 1e300, NULL},
    {"grace", "no trial stops before this step", HPO_OPT_REAL, offsetof(plateau_config, grace), 1, 0, 1e300,
     NULL},
};

const hpo_scheduler_ops hpo_scheduler_plateau = {
    .size = sizeof(hpo_scheduler_ops),
    .name = "plateau",
    .help = "Ends a trial whose last values hardly differ; it counts as complete with its last value.",
    .reference = "as in Ray Tune: Liaw, Liang, Nishihara, Moritz, Gonzalez, Stoica, arXiv:1807.05118",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .config_size = sizeof(plateau_config),
    .state_size = sizeof(plateau),
    .init = plateau_init,
    .report = plateau_report,
    .fini = plateau_fini,
};
