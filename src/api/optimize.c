/* SPDX-License-Identifier: Apache-2.0 */
/* api/optimize.c - the loop for C callers: ask, call, tell, on one or many threads. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/os.h"
#include "study/study.h"

typedef struct optimize_loop {
    hpo_study *study;
    hpo_objective_fn fn;
    void *ctx;
    hpo_mutex lock; /* guards what follows */
    int over;       /* no thread asks again */
    hpo_status status;
    hpo_error error;
} optimize_loop;

static int is_over(optimize_loop *l)
{
    hpo_mutex_lock(&l->lock);
    int over = l->over;
    hpo_mutex_unlock(&l->lock);
    return over;
}

/* The first failure of any thread is the loop's. */
static void finish(optimize_loop *l, hpo_status status, const hpo_error *err)
{
    hpo_mutex_lock(&l->lock);
    if (!l->over && status != HPO_DONE) {
        l->status = status;
        l->error = *err;
    }
    l->over = 1;
    hpo_mutex_unlock(&l->lock);
}

static int any_nan(const double *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (isnan(values[i])) return 1;
    return 0;
}

/* What the callback left behind, made fit to be told. */
static void judge(hpo_result *r, hpo_status status)
{
    if (status != HPO_OK) {
        r->state = HPO_STATE_FAILED;
        if (r->reason == NULL) r->reason = hpo_status_text(status);
    } else if (r->state == HPO_STATE_COMPLETE && r->values != NULL && any_nan(r->values, r->n_values)) {
        r->state = HPO_STATE_FAILED;
        if (r->reason == NULL) r->reason = "the objective returned NaN";
    }
    if (r->state == HPO_STATE_FAILED) r->values = NULL;
}

static hpo_status evaluate(optimize_loop *l, hpo_trial *t, double *values, hpo_error *err)
{
    size_t n = l->study->shape.n_objectives;
    hpo_result r = hpo_result_init();
    for (size_t i = 0; i < n; i++)
        values[i] = (double)NAN;
    r.values = values;
    r.n_values = n;
    hpo_status called = l->fn(t, values, &r, l->ctx);
    judge(&r, called);
    hpo_status told = hpo_study_tell(l->study, t, &r, err);
    if (told == HPO_ESTALE)
        told = HPO_OK; /* the lease ran out and somebody else has it: not lost, not doubled */
    if (told == HPO_OK && called == HPO_EUSER)
        return hpo_fail(err, HPO_EUSER, "the objective function ended the loop at trial %lld",
                        (long long)t->number);
    return told;
}

/* Waiting is for others' trials, whose end nobody announces across processes: look again, ever more rarely.
 */
static int64_t next_wait(int64_t ms)
{
    return ms < 50 ? ms + 1 + ms / 2 : 50;
}

static void *work(void *arg)
{
    optimize_loop *l = arg;
    hpo_error err = {0};
    int64_t wait_ms = 0;
    double *values = hpo_alloc_array(l->study->shape.n_objectives, sizeof *values);
    if (values == NULL) {
        finish(l, hpo_fail_memory(&err), &err);
        return NULL;
    }
    while (!is_over(l)) {
        hpo_trial *t;
        hpo_status status = hpo_study_ask(l->study, &t, &err);
        if (status == HPO_OK) {
            wait_ms = 0;
            status = evaluate(l, t, values, &err);
            hpo_trial_free(t);
        } else if (status == HPO_WAIT) {
            wait_ms = next_wait(wait_ms);
            hpo_os_sleep_ms(wait_ms);
            status = HPO_OK;
        }
        if (status != HPO_OK) finish(l, status, &err);
    }
    hpo_free(values);
    return NULL;
}

/* Starts n - 1 helpers; the calling thread is the n-th.  When a thread cannot be started the others carry on:
 * the result is the same, later. */
static hpo_status run(optimize_loop *l, size_t n, hpo_error *err)
{
    hpo_thread *threads = hpo_alloc_array(n, sizeof *threads);
    if (threads == NULL) return hpo_fail_memory(err);
    size_t started = 0;
    while (started + 1 < n && hpo_thread_start(&threads[started], work, l, NULL) == HPO_OK)
        started++;
    (void)work(l);
    for (size_t i = 0; i < started; i++)
        hpo_thread_join(threads[i]);
    hpo_free(threads);
    return HPO_OK;
}

static hpo_status check_end(hpo_study *s, hpo_error *err)
{
    hpo_mutex_lock(&s->lock);
    const hpo_budget *b = &s->spec.budget;
    int ends = !hpo_spec__budget_is_empty(b) || (!s->spec.noisy && hpo_suggest__enumerable(s));
    hpo_mutex_unlock(&s->lock);
    if (ends) return HPO_OK;
    return hpo_fail(err, HPO_EINVAL,
                    "study '%s' has no budget and would never end: set budget.trials, seconds, cost, "
                    "target or stagnation",
                    s->name);
}

hpo_status hpo_study_optimize(hpo_study *s, hpo_objective_fn fn, void *ctx, int32_t n_threads, hpo_error *err)
{
    if (s == NULL) return hpo_fail(err, HPO_EINVAL, "study is NULL: create or open one first");
    if (fn == NULL) return hpo_fail(err, HPO_EINVAL, "the objective function is NULL: pass what to evaluate");
    if (n_threads < 0 || n_threads > 4096)
        return hpo_fail(err, HPO_EINVAL, "n_threads is %d: must be in 0..4096", (int)n_threads);
    HPO_TRY(check_end(s, err));
    optimize_loop l = {.study = s, .fn = fn, .ctx = ctx, .status = HPO_OK};
    HPO_TRY(hpo_mutex_init(&l.lock, err));
    hpo_status status = run(&l, n_threads > 1 ? (size_t)n_threads : 1, err);
    hpo_mutex_fini(&l.lock);
    if (status != HPO_OK) return status;
    if (l.status != HPO_OK && err != NULL) *err = l.error;
    return l.status;
}
