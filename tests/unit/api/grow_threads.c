/* SPDX-License-Identifier: Apache-2.0 */
/* A space that grows under several threads: what the Python package does with n_jobs.  One handle asks for
 * all; whoever finds it outdated opens the next one; trials end by the handle that they came from.  The
 * thread sanitiser watches. */
#include <pthread.h>

#include "base/error.h"
#include "fixture.h"

enum { THREADS = 4, TRIALS = 10, GROWTHS = 8 };

typedef struct shared {
    hpo_storage *st;
    pthread_mutex_t lock;             /* guards handles and n_handles */
    hpo_study *handles[16 * GROWTHS]; /* the last one is the newest; the others still report and tell */
    size_t n_handles;
    uint8_t used[THREADS * TRIALS]; /* trial -> number of parameters that it was run with */
} shared;

typedef struct worker {
    shared *all;
    int id, failed;
    hpo_error err;
} worker;

static hpo_study *newest(shared *s)
{
    (void)pthread_mutex_lock(&s->lock);
    hpo_study *h = s->handles[s->n_handles - 1];
    (void)pthread_mutex_unlock(&s->lock);
    return h;
}

/* Puts a new handle in the place of `old`, unless another thread has. */
static hpo_status reopen(shared *s, const hpo_study *old, hpo_error *err)
{
    hpo_status status = HPO_OK;
    (void)pthread_mutex_lock(&s->lock);
    if (s->handles[s->n_handles - 1] == old) {
        do /* it may grow while it is opened */
            status = hpo_study_open(s->st, "s", &s->handles[s->n_handles], err);
        while (status == HPO_EOUTDATED);
        if (status == HPO_OK) s->n_handles++;
    }
    (void)pthread_mutex_unlock(&s->lock);
    return status;
}

/* p0 ... p(n-1), the odd ones only where the one before is above a half */
static hpo_status make_space(size_t n, hpo_space **out, hpo_error *err)
{
    char text[1024];
    int at = 0;
    for (size_t i = 0; i < n; i++)
        at += i % 2 == 1
                  ? snprintf(text + at, sizeof text - (size_t)at, "p%zu: 0..1 if p%zu >= 0.5; ", i, i - 1)
                  : snprintf(text + at, sizeof text - (size_t)at, "p%zu: 0..1; ", i);
    return hpo_space_parse(text, out, err);
}

static hpo_status grow_by_one(shared *s, hpo_error *err)
{
    for (;;) {
        hpo_study *h = newest(s);
        size_t n = hpo_space_n_params(hpo_study_space(h));
        hpo_space *space = NULL;
        if (n >= GROWTHS) return HPO_OK;
        HPO_TRY(make_space(n + 1, &space, err));
        hpo_status status = hpo_study_grow(h, space, err);
        hpo_space_free(space);
        if (status != HPO_OK && status != HPO_EOUTDATED) return status;
        HPO_TRY(reopen(s, h, err));
        if (status == HPO_OK) return HPO_OK;
    }
}

/* Records what the trial was run with: all parameters of the newest space, number / 1000 and above a half. */
static hpo_status record(shared *s, const hpo_trial *t, hpo_error *err)
{
    for (;;) {
        hpo_study *h = newest(s);
        size_t n = hpo_space_n_columns(hpo_study_space(h));
        double x[GROWTHS];
        for (size_t i = 0; i < n; i++)
            x[i] = 0.5 + (double)hpo_trial_number(t) / 1000;
        hpo_status status = hpo_study_set_config(h, hpo_trial_number(t), hpo_trial_token(t), x, NULL, err);
        if (status == HPO_OK) s->used[hpo_trial_number(t)] = (uint8_t)n;
        if (status != HPO_EOUTDATED) return status;
        HPO_TRY(reopen(s, h, err));
    }
}

static hpo_status ask(shared *s, hpo_study **from, hpo_trial **t, hpo_error *err)
{
    for (;;) {
        *from = newest(s);
        hpo_status status = hpo_study_ask(*from, t, err);
        if (status != HPO_EOUTDATED) return status;
        HPO_TRY(reopen(s, *from, err));
    }
}

/* What a program shows meanwhile, by a handle of its own. */
static hpo_status look(shared *s, hpo_error *err)
{
    hpo_study *h = NULL;
    hpo_summary sum = {.size = sizeof sum};
    hpo_trial_info info = {.size = sizeof info};
    hpo_status status = hpo_study_open(s->st, "s", &h, err);
    if (status == HPO_OK) status = hpo_study_summary(h, &sum, err);
    if (status == HPO_OK) status = hpo_study_sync(h, NULL, err);
    for (int64_t i = 0; status == HPO_OK && i < sum.n_trials; i++)
        status = hpo_study_trial(h, i, &info, err);
    hpo_study_free(h);
    return status == HPO_EOUTDATED ? HPO_OK : status; /* grown in between */
}

static hpo_status one(worker *w, int i)
{
    shared *s = w->all;
    hpo_study *h;
    hpo_trial *t;
    HPO_TRY(ask(s, &h, &t, &w->err));
    hpo_status status = hpo_trial_report(t, 1, 0.5, NULL, &w->err);
    if (status == HPO_OK && i % 3 == w->id % 3) status = grow_by_one(s, &w->err);
    if (status == HPO_OK) status = record(s, t, &w->err);
    if (status == HPO_OK) status = look(s, &w->err);
    if (status == HPO_OK) status = hpo_study_tell_value(h, t, (double)hpo_trial_number(t), &w->err);
    hpo_trial_free(t);
    return status;
}

static void *work(void *arg)
{
    worker *w = arg;
    for (int i = 0; i < TRIALS && !w->failed; i++)
        w->failed = one(w, i) != HPO_OK;
    return NULL;
}

/* Every trial holds what it was run with; what it was not run with is listed. */
static void check_trial(hpo_study *h, const shared *s, int64_t number)
{
    hpo_error err = {0};
    hpo_trial_info info = {.size = sizeof info};
    size_t n = s->used[number];
    assert_ok(hpo_study_trial(h, number, &info, &err), err);
    assert_int_equal(info.state, HPO_STATE_COMPLETE);
    assert_true(info.values[0] == (double)number);
    assert_ok(hpo_space_validate(hpo_study_space(h), info.x, &err), err);
    assert_true(info.hash == hpo_space_hash(hpo_study_space(h), info.x));
    for (size_t i = 0; i < GROWTHS; i++) {
        char quoted[16];
        snprintf(quoted, sizeof quoted, "\"p%zu\"", i);
        int listed = info.attributes != NULL && strstr(info.attributes, quoted) != NULL;
        if (i < n)
            assert_true(info.x[i] == 0.5 + (double)number / 1000 && !listed);
        else
            assert_int_equal(listed, isnan(info.x[i]) ? 0 : 1);
    }
}

static void run(const char *url, const char *sampler)
{
    hpo_error err = {0};
    hpo_space *space;
    shared s = {.n_handles = 1};
    hpo_study_options o = hpo_study_options_init();
    pthread_t threads[THREADS];
    worker w[THREADS];
    o.name = "s";
    o.open_space = 1;
    o.sampler = sampler;
    o.seed = 3;
    assert_ok(hpo_storage_open(url, &s.st, &err), err);
    assert_ok(hpo_space_create(&space, &err), err);
    assert_ok(hpo_study_create(s.st, space, &o, &s.handles[0], &err), err);
    hpo_space_free(space);
    (void)pthread_mutex_init(&s.lock, NULL);
    for (int i = 0; i < THREADS; i++) {
        w[i] = (worker){.all = &s, .id = i};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &w[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS; i++) {
        if (w[i].failed) print_error("thread %d: %s\n", i, w[i].err.msg);
        assert_false(w[i].failed);
    }
    hpo_study *h;
    hpo_summary sum = {.size = sizeof sum};
    assert_ok(hpo_study_open(s.st, "s", &h, &err), err);
    assert_ok(hpo_study_summary(h, &sum, &err), err);
    assert_int_equal(sum.n_trials, THREADS * TRIALS);
    assert_int_equal(hpo_space_n_params(hpo_study_space(h)), GROWTHS);
    assert_ok(hpo_study_sync(h, NULL, &err), err);
    for (int64_t i = 0; i < sum.n_trials; i++)
        check_trial(h, &s, i);
    hpo_study_free(h);
    for (size_t i = 0; i < s.n_handles; i++)
        hpo_study_free(s.handles[i]);
    (void)pthread_mutex_destroy(&s.lock);
    hpo_storage_free(s.st);
}

static void in_memory(void **state)
{
    (void)state;
    run("mem:", "random");
    run("mem:", "tpe:initial=5");
}

static void in_a_file(void **state)
{
    (void)state;
    run(t_temp_path("grow.db"), "random");
    run(t_temp_path("grow-tpe.db"), "tpe:initial=5");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_memory),
        cmocka_unit_test(in_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
