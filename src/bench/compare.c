/* SPDX-License-Identifier: Apache-2.0 */
/* bench/compare.c - the runner of comparisons.
 *
 * Runs are numbered with the seed as the slowest index, so that an interrupted comparison has about the same
 * number of seeds of everything.  Threads take the next number; each run has a memory study of its own and
 * collects its rows, which go to the file when it has ended. */
#include "bench/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/map.h"
#include "base/os.h"
#include "base/str.h"
#include "bench/simulate.h"

static const double CALL_TIMEOUT = 60;

typedef struct comparison {
    const hpo_compare_plan *c;
    hpo_results *results;
    atomic_llong next; /* run, or problem while preparing */
    atomic_int over;
    int64_t total, start_ns;
    hpo_mutex lock; /* guards what follows */
    hpo_compare_progress at;
    hpo_status status;
    hpo_error error;
} comparison;

/* ---- rows of one run ------------------------------------------------------------------------------- */

typedef struct collector {
    const hpo_problem *p;
    hpo_run_rows *rows;
    size_t n;
    hpo_status status;
    hpo_error *err;
} collector;

static void copy_columns(hpo_run_rows *to, const hpo_run_rows *from, size_t n)
{
    size_t m = from->m, k = from->k;
    memcpy(to->trial, from->trial, n * sizeof *to->trial);
    memcpy(to->recommended, from->recommended, n * sizeof *to->recommended);
    memcpy(to->state, from->state, n * sizeof *to->state);
    memcpy(to->resource, from->resource, n * sizeof *to->resource);
    memcpy(to->spent, from->spent, n * sizeof *to->spent);
    memcpy(to->time, from->time, n * sizeof *to->time);
    memcpy(to->decision, from->decision, n * sizeof *to->decision);
    memcpy(to->y, from->y, n * m * sizeof *to->y);
    memcpy(to->recommended_y, from->recommended_y, n * m * sizeof *to->y);
    memcpy(to->outcome, from->outcome, n * k * sizeof *to->y);
    memcpy(to->recommended_outcome, from->recommended_outcome, n * k * sizeof *to->y);
    memcpy(to->x, from->x, n * from->n_columns * sizeof *to->x);
}

static hpo_status grow(collector *c)
{
    hpo_run_rows *larger;
    if (c->rows != NULL && c->n < c->rows->n) return HPO_OK;
    HPO_TRY(hpo_run_rows_create(c->n == 0 ? 128 : 2 * c->n, c->p->n_objectives, c->p->n_outcomes,
                                hpo_space_n_columns(c->p->space), &larger, c->err));
    if (c->rows != NULL) copy_columns(larger, c->rows, c->n);
    hpo_free(c->rows);
    c->rows = larger;
    return HPO_OK;
}

static void copy_row(double *column, size_t i, const double *from, size_t n)
{
    if (from != NULL && n > 0) memcpy(column + i * n, from, n * sizeof *from);
}

static void collect(void *ctx, const hpo_evaluation *e)
{
    collector *c = ctx;
    if (c->status == HPO_OK) c->status = grow(c);
    if (c->status != HPO_OK) return;
    hpo_run_rows *r = c->rows;
    size_t i = c->n++;
    r->trial[i] = e->trial;
    r->recommended[i] = e->recommended;
    r->state[i] = (int32_t)e->state;
    r->resource[i] = e->resource;
    r->spent[i] = e->spent;
    r->time[i] = e->time;
    r->decision[i] = e->decision_seconds;
    copy_row(r->y, i, e->y, r->m);
    copy_row(r->outcome, i, e->outcome, r->k);
    copy_row(r->recommended_y, i, e->recommended_true, r->m);
    copy_row(r->recommended_outcome, i, e->recommended_outcome, r->k);
    copy_row(r->x, i, e->x, r->n_columns);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Quantiles of the decision times by rank: the smallest value that at least that share does not exceed. */
static hpo_status measure(const collector *c, hpo_run_info *info, hpo_error *err)
{
    size_t n = c->n;
    info->n = (int64_t)n;
    info->decision_p50 = info->decision_p99 = (double)NAN;
    if (n == 0) return HPO_OK;
    double *t = hpo_alloc_array(n, sizeof *t);
    if (t == NULL) return hpo_fail_memory(err);
    memcpy(t, c->rows->decision, n * sizeof *t);
    qsort(t, n, sizeof *t, by_value);
    for (size_t i = 0; i < n; i++)
        info->decision_total += t[i];
    info->decision_p50 = t[(n - 1) / 2];
    info->decision_p99 = t[(n * 99 + 99) / 100 - 1];
    info->virtual_seconds = c->rows->time[n - 1];
    hpo_free(t);
    return HPO_OK;
}

static int cancelled(const comparison *s)
{
    return s->c->cancel != NULL && atomic_load(s->c->cancel);
}

/* ---- one run ------------------------------------------------------------------------------------------ */

uint64_t hpo_compare_seed(const char *problem, uint64_t s)
{
    return hpo_hash_bytes(problem, strlen(problem), s);
}

static void set_limits(const hpo_compare_plan *c, const hpo_problem *p, const hpo_run_key *key,
                       hpo_simulation *o)
{
    o->workers = key->workers;
    o->seed = hpo_compare_seed(p->name, key->seed);
    if (isnan(p->full_resource))
        o->max_evaluations = (int64_t)fmax(1, floor(key->budget));
    else
        o->max_resource = key->budget;
    o->straggler_rate = c->straggler_rate;
    o->straggler_factor = c->straggler_factor;
    o->failure_rate = c->failure_rate;
    o->preemption_rate = c->preemption_rate;
    o->charge_decisions = c->charge_decisions;
    o->report_every_step = c->every_step;
    o->data = c->data;
    o->host = c->host;
    o->call_timeout = c->call_timeout > 0 ? c->call_timeout : CALL_TIMEOUT;
    o->wall_timeout = c->run_timeout;
    o->cancel = c->cancel;
}

/* *stored: the run is in the file.  An interrupted run leaves nothing. */
static hpo_status run_one(comparison *s, const hpo_problem *p, hpo_run_info *info, hpo_error *why,
                          hpo_error *err)
{
    hpo_simulation o = {.method = info->key.method};
    collector c = {.p = p, .err = err};
    int64_t start = hpo_os_monotonic_ns();
    set_limits(s->c, p, &info->key, &o);
    why->msg[0] = '\0';
    hpo_status rc = hpo_simulate(p, &o, collect, &c, why);
    if (rc != HPO_OK && cancelled(s)) rc = HPO_WAIT; /* solvers get the user's signal too, and die of it */
    info->wall_seconds = (double)(hpo_os_monotonic_ns() - start) * 1e-9;
    info->ended_ms = hpo_os_unix_ms();
    info->error = rc == HPO_OK ? NULL : why->msg[0] != '\0' ? why->msg : hpo_status_text(rc);
    if (rc == HPO_WAIT || rc == HPO_ENOMEM) {
        if (err != NULL) *err = *why;
    } else {
        rc = c.status;
        if (rc == HPO_OK) rc = measure(&c, info, err);
        if (rc == HPO_OK) rc = hpo_results_add(s->results, info, c.rows, err);
    }
    hpo_free(c.rows);
    return rc;
}

static double budget_of(const hpo_compare_plan *c, const hpo_problem *p, size_t i)
{
    double b = c->n_budgets > 0 ? c->budgets[i] : 0;
    return b > 0 ? b : (double)(p->budget > 0 ? p->budget : 100);
}

/* Number `i` of the comparison: the seed changes slowest, the method fastest. */
static const hpo_problem *decode(const hpo_compare_plan *c, int64_t i, hpo_run_info *info)
{
    size_t n_budgets = c->n_budgets > 0 ? c->n_budgets : 1, n_workers = c->n_workers > 0 ? c->n_workers : 1;
    size_t j = (size_t)i;
    memset(info, 0, sizeof *info);
    info->key.method = c->methods[j % c->n_methods];
    j /= c->n_methods;
    const hpo_problem *p = c->problems[j % c->n_problems];
    j /= c->n_problems;
    info->key.problem = p->name;
    info->key.budget = budget_of(c, p, j % n_budgets);
    j /= n_budgets;
    info->key.workers = c->n_workers > 0 ? c->workers[j % n_workers] : 1;
    j /= n_workers;
    info->key.seed = (uint64_t)c->first_seed + j;
    info->key.charged = c->charge_decisions != 0;
    info->suite = c->suite != NULL ? c->suite : "";
    return p;
}

/* ---- threads ------------------------------------------------------------------------------------------ */

static void note(comparison *s, const hpo_run_info *info, int skipped)
{
    hpo_mutex_lock(&s->lock);
    s->at.done += !skipped;
    s->at.skipped += skipped;
    s->at.failed += !skipped && info->error != NULL;
    s->at.evaluations += info->n;
    s->at.problem = info->key.problem;
    s->at.method = info->key.method;
    s->at.error = info->error;
    s->at.seed = info->key.seed;
    s->at.seconds = (double)(hpo_os_monotonic_ns() - s->start_ns) * 1e-9;
    if (s->c->progress != NULL) s->c->progress(s->c->ctx, &s->at);
    hpo_mutex_unlock(&s->lock);
}

/* The first failure is the comparison's; the others stop at their next run. */
static void stop(comparison *s, hpo_status status, const hpo_error *err)
{
    hpo_mutex_lock(&s->lock);
    if (s->status == HPO_OK) {
        s->status = status;
        s->error = *err;
    }
    hpo_mutex_unlock(&s->lock);
    atomic_store(&s->over, 1);
}

static hpo_status do_run(comparison *s, int64_t i, hpo_error *err)
{
    hpo_run_info info;
    hpo_error why;
    int found;
    const hpo_problem *p = decode(s->c, i, &info);
    HPO_TRY(hpo_results_find(s->results, &info.key, &found, err));
    if (found == 1 || (found == 2 && !s->c->retry)) {
        note(s, &info, 1);
        return HPO_OK;
    }
    HPO_TRY(run_one(s, p, &info, &why, err));
    note(s, &info, 0);
    return HPO_OK;
}

static hpo_status do_problem(comparison *s, int64_t i, hpo_error *err)
{
    hpo_problem *p = s->c->problems[i];
    if (p->n_objectives != 1) return HPO_OK;
    return hpo_problem_find_typical(p, err);
}

typedef struct phase {
    comparison *s;
    int64_t n;
    hpo_status (*step)(comparison *s, int64_t i, hpo_error *err);
} phase;

static void *work(void *arg)
{
    const phase *f = arg;
    comparison *s = f->s;
    hpo_error err = {0};
    while (!atomic_load(&s->over)) {
        int64_t i = atomic_fetch_add(&s->next, 1);
        if (i >= f->n) break;
        hpo_status rc =
            cancelled(s) ? hpo_fail(&err, HPO_WAIT, "the comparison was interrupted") : f->step(s, i, &err);
        if (rc != HPO_OK) stop(s, rc, &err);
    }
    return NULL;
}

/* The calling thread is one of them; when one cannot be started the others carry on. */
static hpo_status work_all(phase *f, hpo_error *err)
{
    int32_t n = f->s->c->threads > 0 ? f->s->c->threads : hpo_os_cpu_count();
    hpo_thread *threads = hpo_alloc_array((size_t)n, sizeof *threads);
    if (threads == NULL) return hpo_fail_memory(err);
    int32_t started = 0;
    atomic_store(&f->s->next, 0);
    while (started + 1 < n && hpo_thread_start(&threads[started], work, f, NULL) == HPO_OK)
        started++;
    (void)work(f);
    for (int32_t i = 0; i < started; i++)
        hpo_thread_join(threads[i]);
    hpo_free(threads);
    if (f->s->status != HPO_OK && err != NULL) *err = f->s->error;
    return f->s->status;
}

/* ---- the whole ---- */

/* What the file knows already need not be computed again. */
static hpo_status use_stored(comparison *s, hpo_error *err)
{
    hpo_problem_info *stored;
    size_t n;
    HPO_TRY(hpo_results_problems(s->results, &stored, &n, err));
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < s->c->n_problems; j++)
            if (strcmp(stored[i].name, s->c->problems[j]->name) == 0 && isnan(s->c->problems[j]->typical))
                s->c->problems[j]->typical = stored[i].typical;
    hpo_free(stored);
    return HPO_OK;
}

/* What is not part of a run's key must be the same for the whole file, or runs would count as made that were
 * made differently. */
static hpo_status check_conditions(const comparison *s, hpo_error *err)
{
    const hpo_compare_plan *c = s->c;
    hpo_str now = {0};
    char *before = NULL;
    hpo_str_addf(&now, "stragglers %g x %g, failures %g, preemptions %g, reports %s", c->straggler_rate,
                 c->straggler_rate > 0 ? c->straggler_factor : 1, c->failure_rate, c->preemption_rate,
                 c->every_step ? "every step" : "at rungs");
    hpo_status rc =
        now.failed ? hpo_fail_memory(err) : hpo_results_get_meta(s->results, "conditions", &before, err);
    if (rc == HPO_OK && before == NULL) rc = hpo_results_set_meta(s->results, "conditions", now.text, err);
    if (rc == HPO_OK && before != NULL && strcmp(before, now.text) != 0)
        rc = hpo_fail(err, HPO_EINVAL,
                      "the folder has runs under other conditions (%s; now %s): use another one", before,
                      now.text);
    hpo_free(before);
    hpo_str_fini(&now);
    return rc;
}

static hpo_status prepare(comparison *s, hpo_error *err)
{
    HPO_TRY(check_conditions(s, err));
    phase f = {s, (int64_t)s->c->n_problems, do_problem};
    HPO_TRY(use_stored(s, err));
    HPO_TRY(work_all(&f, err));
    for (size_t i = 0; i < s->c->n_problems; i++)
        HPO_TRY(hpo_results_add_problem(s->results, s->c->problems[i], err));
    return HPO_OK;
}

static hpo_status check(const hpo_compare_plan *c, hpo_error *err)
{
    if (c->n_problems == 0) return hpo_fail(err, HPO_EINVAL, "there is no problem to run on");
    if (c->n_methods == 0) return hpo_fail(err, HPO_EINVAL, "there is no method to run");
    if (c->n_seeds < 1)
        return hpo_fail(err, HPO_EINVAL, "seeds is %lld: must be 1 or more", (long long)c->n_seeds);
    for (size_t i = 0; i < c->n_workers; i++)
        if (c->workers[i] < 1)
            return hpo_fail(err, HPO_EINVAL, "workers is %d: must be 1 or more", (int)c->workers[i]);
    for (size_t i = 0; i < c->n_budgets; i++)
        if (!(c->budgets[i] >= 0 && c->budgets[i] <= 1e9))
            return hpo_fail(err, HPO_EINVAL, "budget is %g: must be in 1..1e9 full evaluations",
                            c->budgets[i]);
    return HPO_OK;
}

hpo_status hpo_compare(const hpo_compare_plan *c, hpo_results *results, hpo_compare_progress *out,
                       hpo_error *err)
{
    HPO_TRY(check(c, err));
    comparison s = {.c = c, .results = results, .start_ns = hpo_os_monotonic_ns()};
    size_t per_seed = c->n_methods * c->n_problems * (c->n_budgets > 0 ? c->n_budgets : 1) *
                      (c->n_workers > 0 ? c->n_workers : 1);
    s.at.total = (int64_t)per_seed * c->n_seeds;
    HPO_TRY(hpo_mutex_init(&s.lock, err));
    if (c->progress != NULL) c->progress(c->ctx, &s.at);
    hpo_status rc = prepare(&s, err);
    phase f = {&s, s.at.total, do_run};
    if (rc == HPO_OK) rc = work_all(&f, err);
    s.at.seconds = (double)(hpo_os_monotonic_ns() - s.start_ns) * 1e-9;
    if (out != NULL) *out = s.at;
    hpo_mutex_fini(&s.lock);
    return rc;
}
