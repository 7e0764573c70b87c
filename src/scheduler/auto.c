/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/auto.c - chooses the scheduler by the study, and by what its program turns out to do.
 *
 * With a fidelity and one objective: hyperband-async, which pauses and resumes.  A resumed program that
 * reports steps again has begun anew; once that was so for two trials and for most of those resumed,
 * asha-stopping in as many brackets, which pauses nothing that begins from then on.
 *
 * Without a fidelity and with one objective: wilcoxon for reports that name a fold, seed or instance, median
 * for all others.
 *
 * With several objectives nothing is stopped.
 *
 * Both of a pair see every event, so that the second knows all that was before it took over; nothing but the
 * events decides which of them answers.  A piece that was handed out to end below the maximum still ends with
 * a pause. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "scheduler/builtin.h"
#include "scheduler/registry.h"
#include "scheduler/rung.h"

enum { FIRST, SECOND, PARTS, ENOUGH = 2 };

typedef struct automatic {
    hpo_scheduler part[PARTS]; /* ops NULL: none */
    double high;               /* NaN: no fidelity */
    hpo_sched_rows rows;       /* since 1: resumed, and has not reported since */
    int64_t n_resumed, n_anew; /* resumed trials that have reported; of them those that began anew */
    int began_anew;            /* the second of the pair answers */
    int saw_folds;
} automatic;

static hpo_status auto_init(void *state, const void *config, const hpo_sched_problem *p, hpo_error *err)
{
    automatic *s = state;
    (void)config;
    s->high = p->high;
    if (p->n_objectives > 1) return HPO_OK;
    int by_resource = !isnan(p->high);
    HPO_TRY(hpo_scheduler_open(by_resource ? "hyperband-async" : "median", p, &s->part[FIRST], err));
    return hpo_scheduler_open(by_resource ? "asha-stopping:brackets=0" : "wilcoxon", p, &s->part[SECOND],
                              err);
}

static void auto_fini(void *state)
{
    automatic *s = state;
    for (int i = 0; i < PARTS; i++)
        hpo_scheduler_close(&s->part[i]);
    hpo_sched_rows_fini(&s->rows);
}

/* ---- events ------------------------------------------------------------------------------------------- */

static hpo_status auto_start(void *state, const hpo_sched_start *e, hpo_error *err)
{
    automatic *s = state;
    HPO_TRY(hpo_sched_rows_need(&s->rows, e->trial, err));
    hpo_sched_row *t = &s->rows.row[e->trial];
    t->since = e->kind == HPO_ACT_RESUME && e->resource > t->target; /* not one that was lost */
    t->target = e->resource;
    for (int i = 0; i < PARTS; i++)
        if (s->part[i].ops != NULL && s->part[i].ops->start != NULL)
            HPO_TRY(s->part[i].ops->start(s->part[i].state, e, err));
    return HPO_OK;
}

static void look_for_restarts(automatic *s, hpo_sched_row *t, double step)
{
    if (!t->since) return;
    t->since = 0;
    if (step == t->step) return; /* its first step again, or what its checkpoint says: nobody knows */
    s->n_resumed++;
    s->n_anew += step < t->step;
    s->began_anew |= s->n_anew >= ENOUGH && 2 * s->n_anew > s->n_resumed;
}

static hpo_status auto_report(void *state, const hpo_sched_report *r, hpo_sched_answer *out, hpo_error *err)
{
    automatic *s = state;
    hpo_sched_answer answer[PARTS] = {{.decision = HPO_CONTINUE}, {.decision = HPO_CONTINUE}};
    if (s->part[FIRST].ops == NULL) return HPO_OK;
    HPO_TRY(hpo_sched_rows_need(&s->rows, r->trial, err));
    hpo_sched_row *t = &s->rows.row[r->trial];
    look_for_restarts(s, t, r->step);
    if (!(t->step >= r->step)) t->step = r->step;
    s->saw_folds |= r->fold >= 0;
    for (int i = 0; i < PARTS; i++)
        HPO_TRY(s->part[i].ops->report(s->part[i].state, r, &answer[i], err));
    int second = isnan(s->high) ? r->fold >= 0 : s->began_anew && !(t->target < s->high);
    *out = answer[second ? SECOND : FIRST];
    return HPO_OK;
}

static hpo_status auto_tell(void *state, int64_t trial, hpo_state end, const double *y, hpo_error *err)
{
    automatic *s = state;
    for (int i = 0; i < PARTS; i++)
        if (s->part[i].ops != NULL && s->part[i].ops->tell != NULL)
            HPO_TRY(s->part[i].ops->tell(s->part[i].state, trial, end, y, err));
    return HPO_OK;
}

/* ---- the choice, in words ------------------------------------------------------------------------------ */

static const char *choice(const automatic *s, const char **why)
{
    if (s->part[FIRST].ops == NULL) {
        *why = "several objectives: no rule compares them, every trial runs to its end";
        return "none";
    }
    if (!isnan(s->high)) {
        *why = s->began_anew ? "the space declares a fidelity, and resumed trials have begun anew"
                             : "the space declares a fidelity";
        return s->began_anew ? "asha-stopping" : "hyperband-async";
    }
    *why = s->saw_folds ? "no fidelity is declared, and reports name folds: a paired test compares them"
                        : "no fidelity is declared: reports at the same step are compared";
    return s->saw_folds ? "wilcoxon" : "median";
}

static hpo_status auto_next(void *state, const hpo_sched_ask *ask, hpo_action *out, hpo_error *err)
{
    const automatic *s = state;
    const hpo_scheduler *first = &s->part[FIRST];
    int stops_only = s->began_anew && ask->may_create;
    if (first->ops != NULL && first->ops->next != NULL && !stops_only)
        HPO_TRY(first->ops->next(first->state, ask, out, err));
    if (out->kind == HPO_ACT_NEW && ask->number == 0) {
        const char *why, *name = choice(s, &why);
        (void)snprintf(out->reason, sizeof out->reason, "%s: %s", name, why);
    }
    return HPO_OK;
}

static size_t auto_levels(const void *state, double *out, size_t cap)
{
    const hpo_scheduler *s = &((const automatic *)state)->part[FIRST];
    return s->ops == NULL || s->ops->levels == NULL ? 0 : s->ops->levels(s->state, out, cap);
}

/* The table of the one that answers, and the choice. */
static hpo_status auto_describe(const void *state, char *buf, size_t cap, size_t *n_out, hpo_error *err)
{
    const automatic *s = state;
    const char *why, *name = choice(s, &why);
    const hpo_scheduler *p = &s->part[s->began_anew ? SECOND : FIRST];
    hpo_str o = {0};
    if (p->ops != NULL && p->ops->describe != NULL) {
        size_t n = 0;
        HPO_TRY(p->ops->describe(p->state, buf, 0, &n, err));
        char *table = hpo_alloc(n + 1);
        hpo_status status =
            table == NULL ? hpo_fail_memory(err) : p->ops->describe(p->state, table, n, &n, err);
        if (status == HPO_OK) {
            table[n - 1] = '\0'; /* without its last brace */
            hpo_str_add(&o, table);
        }
        hpo_free(table);
        if (status != HPO_OK) {
            hpo_str_fini(&o);
            return status;
        }
    } else {
        hpo_str_add(&o, "{\"rungs\":[]");
    }
    hpo_str_add(&o, ",\"choice\":");
    hpo_str_json(&o, name);
    hpo_str_add(&o, ",\"why\":");
    hpo_str_json(&o, why);
    hpo_str_addc(&o, '}');
    return hpo_sched_describe_end(&o, buf, cap, n_out, err);
}

const hpo_scheduler_ops hpo_scheduler_auto = {
    .size = sizeof(hpo_scheduler_ops),
    .name = "auto",
    .help =
        "Chooses: with a fidelity hyperband-async, or asha-stopping when programs turn out to begin anew; "
        "without one median, or wilcoxon for reports by fold.",
    .reference = "docs/schedulers.md; the parts: Li and others, MLSys 2020; Klein and others, "
                 "arXiv:2003.10865; Golovin and others, KDD 2017",
    .caps = HPO_SCHED_PAUSES | HPO_SCHED_MULTI_OBJECTIVE,
    .state_size = sizeof(automatic),
    .init = auto_init,
    .start = auto_start,
    .report = auto_report,
    .tell = auto_tell,
    .next = auto_next,
    .levels = auto_levels,
    .describe = auto_describe,
    .fini = auto_fini,
};
