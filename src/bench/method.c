/* SPDX-License-Identifier: Apache-2.0 */
/* bench/method.c - a study of this library as a method: "SAMPLER[:options][+SCHEDULER[:options]]".
 *
 * Everything goes through the public API; only the clock is replaced, by the virtual time of the call. */
#include "bench/method.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "study/study.h"

typedef struct study_method {
    hpo_study *study;
    int64_t base_ms, now_ms; /* when the study was made; virtual time since */
    int quiet;
} study_method;

const hpo_method_ops *hpo_method_for(const char *spec)
{
    return spec[0] == '@' ? &hpo_method_solver : &hpo_method_study;
}

static int64_t virtual_clock(void *ctx)
{
    const study_method *m = ctx;
    return m->base_ms + m->now_ms;
}

static void set_now(study_method *m, double now)
{
    m->now_ms = now < 9e15 ? (int64_t)(now * 1000) : INT64_MAX / 2;
}

/* Where the scheduler begins: a '+' before a letter (1e+5 is a number). */
static const char *find_scheduler(const char *spec)
{
    for (const char *p = strchr(spec, '+'); p != NULL; p = strchr(p + 1, '+'))
        if (p[1] >= 'a' && p[1] <= 'z') return p;
    return NULL;
}

static hpo_status create_study(study_method *m, const hpo_method_setup *setup, const char *sampler,
                               const char *scheduler, hpo_error *err)
{
    const hpo_problem *p = setup->problem;
    hpo_objective objectives[HPO_BENCH_MAX_OBJECTIVES];
    hpo_outcome outcomes[HPO_BENCH_MAX_OUTCOMES];
    char names[HPO_BENCH_MAX_OUTCOMES][8];
    hpo_study_options o = hpo_study_options_init();
    for (size_t i = 0; i < p->n_objectives; i++)
        objectives[i] = (hpo_objective){sizeof *objectives, p->objective_names[i], HPO_MINIMIZE};
    if (p->n_objectives == 1 && p->objective_names[0] == NULL) objectives[0].name = "value";
    for (size_t i = 0; i < p->n_outcomes && i < HPO_BENCH_MAX_OUTCOMES; i++) {
        names[i][0] = 'c';
        names[i][1] = i < 10 ? (char)('0' + i) : (char)('a' + i - 10);
        names[i][2] = '\0';
        outcomes[i] = (hpo_outcome){sizeof *outcomes, names[i], 0};
    }
    o.name = "bench";
    o.seed = setup->seed;
    o.objectives = objectives;
    o.n_objectives = p->n_objectives;
    o.outcomes = outcomes;
    o.n_outcomes = p->n_outcomes;
    o.sampler = sampler;
    o.scheduler = scheduler;
    o.budget.trials = setup->max_trials;
    o.noisy = p->noisy;
    o.lag = setup->lag;
    o.lease = setup->lease;
    o.default_first = 0; /* the other methods do not know it */
    HPO_TRY(hpo_study_create(NULL, p->space, &o, &m->study, err));
    hpo_summary summary = {.size = sizeof summary};
    HPO_TRY(hpo_study_summary(m->study, &summary, err));
    m->base_ms = summary.created_ms;
    hpo_study__set_clock(m->study, virtual_clock, m);
    return HPO_OK;
}

static void study_close(void *self)
{
    study_method *m = self;
    if (m == NULL) return;
    hpo_study_free(m->study);
    hpo_free(m);
}

static hpo_status study_open(const hpo_method_setup *setup, void **self, hpo_error *err)
{
    const char *plus = find_scheduler(setup->spec);
    char *sampler = plus != NULL ? hpo_strndup(setup->spec, (size_t)(plus - setup->spec)) : NULL;
    study_method *m = hpo_calloc(1, sizeof *m);
    hpo_status rc = m == NULL || (plus != NULL && sampler == NULL) ? hpo_fail_memory(err) : HPO_OK;
    if (rc == HPO_OK) {
        const char *scheduler = plus != NULL ? plus + 1 : HPO_NO_SCHEDULER;
        m->quiet = strcmp(scheduler, HPO_NO_SCHEDULER) == 0 && !setup->every_step;
        rc = create_study(m, setup, sampler != NULL ? sampler : setup->spec, scheduler, err);
    }
    hpo_free(sampler);
    if (rc != HPO_OK) {
        study_close(m);
        return rc;
    }
    *self = m;
    return HPO_OK;
}

static hpo_status study_ask(void *self, double now, hpo_method_trial *out, hpo_error *err)
{
    study_method *m = self;
    hpo_trial *t;
    set_now(m, now);
    HPO_TRY(hpo_study_ask(m->study, &t, err));
    *out = (hpo_method_trial){.number = hpo_trial_number(t),
                              .parent = -1,
                              .attempt = hpo_trial_attempt(t),
                              .quiet = m->quiet,
                              .x = hpo_trial_x(t),
                              .resource = (double)NAN,
                              .handle = t};
    if (m->study->fidelity_column >= 0) out->resource = out->x[m->study->fidelity_column];
    if (!m->quiet) { /* only schedulers make clones */
        hpo_trial_info info = {.size = sizeof info};
        hpo_status rc = hpo_study_trial(m->study, out->number, &info, err);
        if (rc != HPO_OK) {
            hpo_trial_free(t);
            return rc;
        }
        out->parent = info.parent;
    }
    return HPO_OK;
}

static hpo_status study_report(void *self, const hpo_method_trial *t, double now, double step,
                               const double *y, double cost, hpo_decision *decision, hpo_error *err)
{
    study_method *m = self;
    hpo_report r = hpo_report_init();
    set_now(m, now);
    r.step = step;
    r.values = y;
    r.n_values = m->study->shape.n_objectives;
    r.cost = cost;
    return hpo_study_report(m->study, t->handle, &r, decision, err);
}

static hpo_status study_renew(void *self, const hpo_method_trial *t, double now, hpo_error *err)
{
    study_method *m = self;
    hpo_decision ignored; /* nobody asks for a stop from outside */
    set_now(m, now);
    return hpo_study_renew(m->study, t->handle, &ignored, err);
}

static hpo_status study_tell(void *self, hpo_method_trial *t, const hpo_method_result *r, double now,
                             hpo_error *err)
{
    study_method *m = self;
    hpo_result result = hpo_result_init();
    set_now(m, now);
    result.state = r->state;
    if (r->state != HPO_STATE_FAILED) {
        result.values = r->y;
        result.n_values = r->y != NULL ? m->study->shape.n_objectives : 0;
    }
    result.outcomes = r->outcome;
    result.n_outcomes = r->outcome != NULL ? m->study->shape.n_outcomes : 0;
    result.cost = r->cost;
    result.reason = r->state == HPO_STATE_FAILED ? "the evaluation failed" : NULL;
    hpo_status rc = hpo_study_tell(m->study, t->handle, &result, err);
    if (rc == HPO_OK) hpo_trial_free(t->handle);
    return rc;
}

static void study_abandon(void *self, hpo_method_trial *t)
{
    (void)self;
    hpo_trial_free(t->handle);
}

static hpo_status study_recommend(void *self, int64_t *number, hpo_error *err)
{
    study_method *m = self;
    hpo_summary summary = {.size = sizeof summary};
    HPO_TRY(hpo_study_summary(m->study, &summary, err));
    *number = summary.best;
    return HPO_OK;
}

const hpo_method_ops hpo_method_study = {
    .name = "study",
    .open = study_open,
    .ask = study_ask,
    .report = study_report,
    .tell = study_tell,
    .renew = study_renew,
    .abandon = study_abandon,
    .recommend = study_recommend,
    .close = study_close,
};
