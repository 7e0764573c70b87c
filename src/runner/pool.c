/* SPDX-License-Identifier: Apache-2.0 */
/* runner/pool.c - the loop of a worker: ask, start, watch, report, tell.
 *
 * One thread.  Leases are renewed also while a program is silent.  A result that cannot be stored (full
 * disk, storage locked) is kept and told again until it can, as long as the trial's lease lives.  When a
 * lease is lost the program is ended and its result dropped: the trial belongs to another worker. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "runner/pool.h"
#include "runner/trialdir.h"

static const int64_t second = 1000000000;
enum {
    RENEW_MAX_S = 15, /* renew at least this often: that is also how a stop request is seen */
    ASK_MIN_MS = 50,  /* pauses between asks while there is nothing to hand out */
    ASK_MAX_MS = 1000,
    RECLAIM_MS = 2000, /* between two looks for dead workers */
    PREEMPTED_MAX_S = 30,
    TELL_PAUSE_S = 1, /* between attempts to store a result */
    TELL_MAX_S = 60,  /* how long that is tried */
    TAIL_LINES = 20
};

int64_t hpo_pool_now(const hpo_pool *p)
{
    return p->ops->clock_ns ? p->ops->clock_ns(p->runner) : hpo_os_monotonic_ns();
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- events ------------------------------------------------------------------------------------------ */

static void send_event(hpo_pool *p, hpo_pool_event *e)
{
    if (p->o.on_event) p->o.on_event(p->o.ctx, e);
}

static hpo_pool_event event_of(hpo_pool_event_kind kind, const hpo_pool_job *j, const char *text)
{
    hpo_pool_event e = {.size = sizeof e, .kind = kind, .trial = -1, .step = (double)NAN, .text = text};
    if (j) {
        e.trial = j->number;
        e.attempt = j->attempt;
        e.dir = j->dir;
        e.seconds = j->ended ? j->exit.wall : 0;
    }
    return e;
}

void hpo_pool_emit(hpo_pool *p, hpo_pool_event_kind kind, const hpo_pool_job *j, const char *text)
{
    hpo_pool_event e = event_of(kind, j, text);
    send_event(p, &e);
}

void hpo_pool_note(hpo_pool *p, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    hpo_pool_emit(p, HPO_POOL_NOTE, NULL, text);
}

/* ---- the study's answers ------------------------------------------------------------------------------ */

static void lose(hpo_pool_job *j)
{
    j->lost = 1;
    if (!j->ended) j->pool->ops->stop(j->pool->runner, j->id, HPO_STEP_KILL);
}

/* A program that was told how far to go (HPO_STEP_MAX) and has got there ends by itself, after saving its
 * checkpoint: it is not disturbed, unless it goes on beyond that. */
static void obey(hpo_pool_job *j, hpo_decision d, double step)
{
    if (d == HPO_CONTINUE || j->told_to_stop) return;
    if (j->decision != HPO_STOP) j->decision = d;
    if (d == HPO_PAUSE && !(step > j->target * (1 + 1e-9))) {
        if (step >= j->target * (1 - 1e-9)) return;
        if (isnan(step) && !isnan(j->target)) return; /* a renewal: the report has been heard */
    }
    j->told_to_stop = 1;
    if (!j->ended) j->pool->ops->stop(j->pool->runner, j->id, HPO_STEP_REQUEST);
}

/* Trouble with the storage while a program runs is said once a trial; the final result is what counts. */
static void trouble(hpo_pool_job *j, const char *doing, const hpo_error *e)
{
    if (j->told_trouble) return;
    j->told_trouble = 1;
    hpo_pool_note(j->pool, "trial %" PRId64 ": cannot %s: %s", j->number, doing, e->msg);
}

static void plan_renewal(hpo_pool_job *j)
{
    double s = j->pool->lease / 3 < RENEW_MAX_S ? j->pool->lease / 3 : RENEW_MAX_S;
    j->renew_at = hpo_pool_now(j->pool) + (int64_t)(s * 1e9);
}

void hpo_pool_report(void *ctx, const hpo_report *r)
{
    hpo_pool_job *j = ctx;
    hpo_decision d = HPO_CONTINUE;
    hpo_error err;
    if (j->lost) return;
    hpo_report costed = *r;
    if (!j->capture.has_cost) { /* without a cost of its own the program costs its time */
        int64_t now = hpo_pool_now(j->pool);
        costed.cost = (double)(now - j->costed_at) * 1e-9;
        j->costed_at = now;
    }
    hpo_status rc = hpo_study_report(j->pool->study, j->trial, &costed, &d, &err);
    if (rc == HPO_ESTALE) {
        lose(j);
    } else if (rc != HPO_OK) {
        trouble(j, "store a report", &err);
    } else {
        plan_renewal(j);
        obey(j, d, r->step);
        hpo_pool_event e = event_of(HPO_POOL_REPORT, j, NULL);
        e.step = r->step;
        e.values = r->values;
        e.n_values = r->n_values;
        send_event(j->pool, &e);
    }
}

static void renew(hpo_pool_job *j)
{
    hpo_decision d = HPO_CONTINUE;
    hpo_error err;
    hpo_status rc = hpo_study_renew(j->pool->study, j->trial, &d, &err);
    plan_renewal(j);
    if (rc == HPO_ESTALE)
        lose(j);
    else if (rc != HPO_OK)
        trouble(j, "renew its lease", &err);
    else
        obey(j, d, (double)NAN);
}

/* ---- what the runner reports ---- */

static void read_metric_files(hpo_pool_job *j)
{
    hpo_pool *p = j->pool;
    for (size_t i = 0; i < p->metrics.n_rules; i++) {
        const char *key;
        const char *name = hpo_metrics_file(&p->metrics, i, &key);
        hpo_str path = {0};
        char *text = NULL;
        size_t n = 0;
        hpo_error err;
        if (!name) continue;
        if (name[0] != '/') hpo_str_addf(&path, "%s/", j->dir);
        hpo_str_add(&path, name);
        hpo_status rc =
            path.failed ? hpo_fail_memory(&err) : hpo_os_read_file(path.text, 64 << 20, &text, &n, &err);
        if (rc == HPO_OK) rc = hpo_capture_file(&j->capture, i, text, n, &err);
        if (rc != HPO_OK && j->exit.code == 0) hpo_pool_note(p, "trial %" PRId64 ": %s", j->number, err.msg);
        hpo_free(text);
        hpo_str_fini(&path);
    }
}

static void on_run_event(void *ctx, const hpo_run_event *e)
{
    static const hpo_stream streams[] = {HPO_STREAM_OUT, HPO_STREAM_ERR, HPO_STREAM_METRICS};
    hpo_pool *p = ctx;
    hpo_pool_job *j = NULL;
    for (size_t i = 0; i < p->n_jobs && !j; i++)
        if (p->jobs[i]->id == e->id) j = p->jobs[i];
    if (!j || j->ended) return;
    if (e->kind != HPO_RUN_EXIT) {
        hpo_capture_feed(&j->capture, streams[e->kind], e->data, e->n, hpo_pool_report, j);
        return;
    }
    j->ended = 1;
    j->exit = *e;
    j->exit.data = NULL;
    read_metric_files(j);
    hpo_capture_end(&j->capture, e->code, e->wall, hpo_pool_report, j);
}

/* ---- telling ---- */

/* Another attempt at a failed trial: 1 when the retry policy grants it.  The number of failures is kept with
 * the trial, since the next attempt may be another worker's; the picture of the last sync (reclaiming and
 * samplers make one) may be older than what that worker wrote, so this syncs again. */
static int grant_retry(hpo_pool_job *j)
{
    static const char key[] = "failures";
    hpo_trial_info t = {.size = sizeof t};
    int failures = 0;
    char text[16];
    hpo_error err;
    if (j->pool->command.retries < 1) return 0;
    if (hpo_study_sync(j->pool->study, NULL, &err) != HPO_OK) return 0;
    if (hpo_study_trial(j->pool->study, j->number, &t, &err) == HPO_OK && t.attributes) {
        struct json_object *root = json_tokener_parse(t.attributes);
        struct json_object *v;
        if (root && json_object_object_get_ex(root, key, &v)) failures = json_object_get_int(v);
        json_object_put(root);
    }
    if (failures >= j->pool->command.retries) return 0;
    (void)snprintf(text, sizeof text, "%d", failures + 1);
    return hpo_study_set_attr(j->pool->study, j->number, key, text, &err) == HPO_OK;
}

static void keep_metrics(hpo_pool_job *j)
{
    hpo_error err;
    if (!j->capture.extra) return;
    size_t n;
    const char *text = json_object_to_json_string_length(j->capture.extra, JSON_C_TO_STRING_PLAIN, &n);
    if (n <= HPO_MAX_EXTRA && hpo_study_set_attr(j->pool->study, j->number, "metrics", text, &err) != HPO_OK)
        trouble(j, "store its metrics", &err);
}

/* The first failure is shown with what the program wrote. */
static void explain(hpo_pool_job *j, const hpo_result *r)
{
    hpo_pool *p = j->pool;
    hpo_str s = {0};
    if (p->explained || r->state != HPO_STATE_FAILED) return;
    p->explained = 1;
    hpo_str_addf(&s, "trial %" PRId64 " failed: %s\n", j->number, r->reason ? r->reason : "");
    hpo_str_addf(&s, "the last lines of its output (all of it is in %s):\n", j->dir);
    size_t before = s.len;
    hpo_trialdir_tail(&s, j->dir, "stdout", TAIL_LINES);
    hpo_trialdir_tail(&s, j->dir, "stderr", TAIL_LINES);
    if (s.len == before) hpo_str_add(&s, "(it wrote nothing)\n");
    if (!s.failed) hpo_pool_emit(p, HPO_POOL_NOTE, NULL, s.text);
    hpo_str_fini(&s);
}

static void emit_told(hpo_pool_job *j, const hpo_result *r)
{
    hpo_pool_event e =
        event_of(r->state == HPO_STATE_WAITING ? HPO_POOL_RETURNED : HPO_POOL_FINISHED, j, r->reason);
    e.state = r->state;
    e.values = r->values;
    e.n_values = r->n_values;
    send_event(j->pool, &e);
}

/* Trials that come back at once must not turn the loop into a busy one. */
static void after_return(hpo_pool *p, hpo_pool_job *j, const hpo_result *r)
{
    if (r->state != HPO_STATE_WAITING || j->exit.wall > 1) {
        p->preempted = 0;
        p->ask_at = 0;
        p->ask_wait = 0;
        return;
    }
    int k = p->preempted < 9 ? p->preempted++ : 9;
    int64_t pause = earlier(((int64_t)1 << k) * (second / 10), PREEMPTED_MAX_S * second);
    p->ask_at = hpo_pool_now(p) + pause;
}

/* A scheduler may have made a pause of the end of a piece. */
static hpo_state as_it_stands(const hpo_pool_job *j, hpo_state told)
{
    hpo_trial_info t = {.size = sizeof t};
    hpo_error ignored;
    if (isnan(j->target) || told != HPO_STATE_COMPLETE) return told;
    return hpo_study_trial(j->pool->study, j->number, &t, &ignored) == HPO_OK ? t.state : told;
}

/* 1 when the job is done with; 0 when its result must be told again later. */
static int finish(hpo_pool *p, hpo_pool_job *j)
{
    hpo_result r;
    hpo_outcome_text text;
    hpo_error err;
    int abort = 0;
    hpo_str checkpoint = {0};
    if (j->lost) {
        hpo_pool_emit(p, HPO_POOL_DROPPED, j, "another worker holds the trial now");
        p->ask_at = 0;
        return 1;
    }
    hpo_job_outcome(j, &r, &text, &abort);
    if (j->capture.status != HPO_OK && r.state == HPO_STATE_COMPLETE) {
        r.state = HPO_STATE_FAILED; /* no memory: what was gathered may be wrong */
        r.values = NULL;
        r.reason = "out of memory in hpo while reading the program's output";
    }
    if (r.state == HPO_STATE_FAILED && !abort && grant_retry(j)) {
        explain(j, &r);
        r.state = HPO_STATE_WAITING;
        r.cost = 0;
    }
    if (r.state == HPO_STATE_PAUSED || r.state == HPO_STATE_COMPLETE) hpo_job_keep_checkpoint(j, &checkpoint);
    if (!checkpoint.failed && checkpoint.len) r.checkpoint = checkpoint.text;
    if (!j->tell_at) hpo_job_record(j, &r);
    if (!j->tell_at && r.state != HPO_STATE_WAITING) keep_metrics(j);
    hpo_status rc = hpo_study_tell(p->study, j->trial, &r, &err);
    hpo_str_fini(&checkpoint);
    r.checkpoint = NULL;
    if (rc == HPO_OK) r.state = as_it_stands(j, r.state);
    if (rc == HPO_EIO || rc == HPO_EBUSY || rc == HPO_ENOMEM) {
        int64_t now = hpo_pool_now(p);
        trouble(j, "store its result (trying again)", &err);
        if (!j->tell_at) j->give_up_at = now + (int64_t)(earlier(TELL_MAX_S, (int64_t)p->lease) * second);
        j->tell_at = now + TELL_PAUSE_S * second;
        if (now < j->give_up_at && atomic_load(&p->level) < 3) return 0;
    }
    if (rc == HPO_ESTALE || rc == HPO_ESTATE) {
        hpo_pool_emit(p, HPO_POOL_DROPPED, j, err.msg);
    } else if (rc != HPO_OK) {
        p->failed = 1;
        p->err = err;
        (void)hpo_fail_prefix(&p->err, rc,
                              "the result of trial %" PRId64 " could not be stored (it is in %s)", j->number,
                              j->dir);
    } else {
        emit_told(j, &r);
        hpo_pool_keep_quota(p, j);
        explain(j, &r);
        if (abort && hpo_study_stop(p->study, HPO_STOP_REASON_ABORT, text.reason, &err) != HPO_OK)
            hpo_pool_note(p, "cannot end the study: %s", err.msg);
    }
    after_return(p, j, &r);
    return 1;
}

static void finish_ended(hpo_pool *p)
{
    int64_t now = hpo_pool_now(p);
    for (size_t i = 0; i < p->n_jobs;) {
        hpo_pool_job *j = p->jobs[i];
        if (j->ended && now >= j->tell_at && finish(p, j)) {
            for (size_t k = i + 1; k < p->n_jobs; k++)
                p->jobs[k - 1] = p->jobs[k];
            p->n_jobs--;
            hpo_job_free(j);
            continue;
        }
        if (!j->lost && now >= j->renew_at) renew(j);
        i++;
    }
}

/* ---- asking ---- */

static size_t capacity(const hpo_pool *p)
{
    int32_t n = p->o.workers > 0 ? p->o.workers : 1;
    int32_t limit = p->ops->capacity ? p->ops->capacity(p->runner) : 0;
    int devices = hpo_slots_capacity(&p->slots);
    if (limit > 0 && limit < n) n = limit;
    if (devices >= 0 && devices < n) n = devices;
    return (size_t)n;
}

static int wants_more(hpo_pool *p)
{
    if (p->over || p->failed || atomic_load(&p->level) > 0) return 0;
    if (p->o.max_trials > 0 && p->n_started >= p->o.max_trials) return 0;
    return p->n_jobs < capacity(p);
}

static void pause_asking(hpo_pool *p, int64_t min_ms, int64_t max_ms)
{
    int64_t ms = p->ask_wait ? p->ask_wait * 3 / 2 : min_ms;
    p->ask_wait = ms < max_ms ? ms : max_ms;
    p->ask_at = hpo_pool_now(p) + p->ask_wait * 1000000;
}

static void give_up(hpo_pool *p, const hpo_error *err)
{
    p->failed = 1;
    p->err = *err;
}

/* Takes back what dead workers of this machine hold: at the start, and while there is nothing else to do. */
static hpo_status reclaim(hpo_pool *p, hpo_error *err)
{
    int64_t n = 0;
    if (!p->o.reclaim || hpo_pool_now(p) < p->reclaim_at) return HPO_OK;
    p->reclaim_at = hpo_pool_now(p) + RECLAIM_MS * INT64_C(1000000);
    HPO_TRY(hpo_pool_reclaim(p, &n, err));
    if (n)
        hpo_pool_note(p, "%" PRId64 " trial%s of workers that died %s back to the queue", n, hpo_plural(n),
                      n == 1 ? "goes" : "go");
    return HPO_OK;
}

static void ask_once(hpo_pool *p)
{
    hpo_ask_options o = {.size = sizeof o, .worker = p->worker, .queue_only = p->o.queue_only};
    hpo_trial *t = NULL;
    hpo_error err;
    hpo_status rc = hpo_study_ask_as(p->study, &o, &t, &err);
    if (rc == HPO_DONE) {
        p->over = 1;
    } else if (rc == HPO_WAIT) {
        pause_asking(p, ASK_MIN_MS, ASK_MAX_MS);
        if (reclaim(p, &err) != HPO_OK) hpo_pool_note(p, "%s: trying again", err.msg);
    } else if (rc == HPO_EBUSY) {
        hpo_pool_note(p, "%s: trying again", err.msg);
        pause_asking(p, 1000, 30000);
    } else if (rc != HPO_OK) {
        give_up(p, &err);
    } else {
        rc = hpo_job_start(p, t, &err);
        if (rc == HPO_OK) {
            p->ask_wait = 0;
            plan_renewal(p->jobs[p->n_jobs - 1]);
        } else if (rc == HPO_EBUSY) {
            hpo_pool_note(p, "%s: trying again", err.msg);
            pause_asking(p, 1000, 30000);
        } else {
            give_up(p, &err);
        }
    }
}

/* ---- the loop ---- */

static void carry_out_level(hpo_pool *p)
{
    int level = atomic_load(&p->level);
    if (level > 3) level = 3;
    if (level <= p->level_done) return;
    p->level_done = level;
    for (size_t i = 0; level >= 2 && i < p->n_jobs; i++) {
        hpo_pool_job *j = p->jobs[i];
        j->tell_at = j->tell_at ? 1 : 0; /* a result that waits is tried at once */
        if (j->ended) continue;
        j->interrupted = 1;
        p->ops->stop(p->runner, j->id, level == 2 ? HPO_STEP_TERMINATE : HPO_STEP_KILL);
    }
}

static int64_t wait_ms(hpo_pool *p)
{
    int64_t now = hpo_pool_now(p);
    int64_t due = p->tick_at;
    if (wants_more(p)) due = earlier(due, p->ask_at);
    for (size_t i = 0; i < p->n_jobs; i++) {
        due = earlier(due, p->jobs[i]->renew_at);
        if (p->jobs[i]->ended) due = earlier(due, p->jobs[i]->tell_at);
    }
    return due <= now ? 0 : (due - now + 999999) / 1000000;
}

static void tick(hpo_pool *p)
{
    int64_t now = hpo_pool_now(p);
    if (now < p->tick_at) return;
    p->tick_at = now + second / 2;
    hpo_pool_emit(p, HPO_POOL_TICK, NULL, NULL);
}

static hpo_status end_pool(hpo_pool *p, hpo_error *err)
{
    if (!p->failed) return p->over ? HPO_DONE : HPO_OK;
    if (err) *err = p->err;
    return p->err.code;
}

hpo_status hpo_pool_run(hpo_pool *p, hpo_error *err)
{
    if (!p) return hpo_fail(err, HPO_EINVAL, "pool is NULL");
    HPO_TRY(reclaim(p, err));
    for (;;) {
        hpo_error e;
        carry_out_level(p);
        while (wants_more(p) && hpo_pool_now(p) >= p->ask_at)
            ask_once(p);
        if (!p->n_jobs && !wants_more(p)) return end_pool(p, err);
        if (p->ops->poll(p->runner, wait_ms(p), on_run_event, p, &e) != HPO_OK) {
            if (err) *err = e;
            return e.code;
        }
        finish_ended(p);
        tick(p);
    }
}

int32_t hpo_pool_interrupt(hpo_pool *p)
{
    int level = atomic_fetch_add(&p->level, 1) + 1;
    p->ops->wake(p->runner);
    return level > 3 ? 3 : level;
}

int32_t hpo_pool_running(const hpo_pool *p)
{
    return (int32_t)p->n_jobs;
}

/* ---- making and freeing one ---- */

void hpo_pool_options_init_sized(hpo_pool_options *o, size_t size)
{
    hpo_pool_options all = {.size = sizeof all, .workers = 1};
    if (!o || size < sizeof o->size) return;
    memset(o, 0, size);
    memcpy(o, &all, size < sizeof all ? size : sizeof all);
    o->size = size;
}

/* Names that are set anew for every program are not inherited. */
static int is_ours(const char *entry)
{
    return !strncmp(entry, "HPO_", 4);
}

static int is_device(const char *entry)
{
    static const char *const names[] = {
        "CUDA_VISIBLE_DEVICES=", "ROCR_VISIBLE_DEVICES=", "ZE_AFFINITY_MASK=", "HIP_VISIBLE_DEVICES="};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!strncmp(entry, names[i], strlen(names[i]))) return 1;
    return 0;
}

static int is_set(const hpo_words *env, const char *entry)
{
    size_t n = strcspn(entry, "=");
    for (size_t i = 0; i < env->n; i++)
        if (!strncmp(hpo_words_at(env, i), entry, n) && hpo_words_at(env, i)[n] == '=') return 1;
    return 0;
}

static hpo_status make_base_env(hpo_pool *p, hpo_error *err)
{
    for (size_t i = 0; p->o.envp && p->o.envp[i]; i++) {
        const char *entry = p->o.envp[i];
        if (is_ours(entry) || is_set(&p->command.env, entry) || (p->slots.per_trial && is_device(entry)))
            continue;
        HPO_TRY(hpo_words_add(&p->base_env, entry, strlen(entry), err));
    }
    for (size_t i = 0; i < p->command.env.n; i++) {
        const char *entry = hpo_words_at(&p->command.env, i);
        HPO_TRY(hpo_words_add(&p->base_env, entry, strlen(entry), err));
    }
    return HPO_OK;
}

/* Is `name` one of the schedulers that the text joins? */
static int is_named(const char *text, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = strstr(text, name); at != NULL; at = strstr(at + n, name)) {
        int begins = at == text || strchr(" \t(", at[-1]) != NULL;
        if (begins && strchr(" \t):,", at[n]) != NULL) return 1; /* the end of the text too */
    }
    return 0;
}

/* Does the scheduler go on from other trials' checkpoints? */
static hpo_status find_clones(hpo_pool *p, const char *scheduler, hpo_error *err)
{
    const char *name;
    for (size_t i = 0; scheduler && (name = hpo_registry_name(HPO_SCHEDULERS, i)); i++) {
        char *text = NULL;
        if (!is_named(scheduler, name)) continue;
        HPO_TRY(hpo_registry_describe(HPO_SCHEDULERS, name, &text, err));
        p->clones |= strstr(text, "\"clones\"") != NULL;
        hpo_free(text);
    }
    return HPO_OK;
}

static hpo_status read_study(hpo_pool *p, hpo_error *err)
{
    const hpo_space *space = hpo_study_space(p->study);
    hpo_summary sum = {.size = sizeof sum};
    HPO_TRY(hpo_study_summary(p->study, &sum, err));
    p->lease = sum.lease;
    p->study_name = hpo_strdup(sum.name);
    if (!p->study_name) return hpo_fail_memory(err);
    hpo_metrics_init(&p->metrics, space, sum.objectives, sum.n_objectives, sum.outcomes, sum.n_outcomes);
    HPO_TRY(hpo_command_read(sum.metadata, p->study_name, &p->command, err));
    HPO_TRY(hpo_command_compile(&p->command, space, &p->template, err));
    p->n_renders = p->command.renders.n / 2;
    p->renders = hpo_calloc(p->n_renders ? p->n_renders : 1, sizeof *p->renders);
    if (!p->renders) return hpo_fail_memory(err);
    for (size_t i = 0; i < p->n_renders; i++)
        HPO_TRY(
            hpo_template_add_file(&p->renders[i], space, hpo_words_at(&p->command.renders, 2 * i + 1), err));
    for (size_t i = 0; i < p->command.metrics.n; i++)
        HPO_TRY(hpo_metrics_add(&p->metrics, hpo_words_at(&p->command.metrics, i), err));
    for (size_t i = 0; i < p->command.metric_files.n; i++)
        HPO_TRY(hpo_metrics_add_file(&p->metrics, hpo_words_at(&p->command.metric_files, i), err));
    HPO_TRY(find_clones(p, sum.scheduler, err));
    p->fidelity = -1;
    for (size_t i = 0; i < hpo_space_n_params(space); i++) {
        hpo_param_info info = {.size = sizeof info};
        HPO_TRY(hpo_space_param(space, i, &info, err));
        if (info.is_fidelity && p->fidelity < 0) p->fidelity = (int64_t)i; /* the first counts steps */
        p->n_fidelities += info.is_fidelity != 0;
    }
    return HPO_OK;
}

static hpo_status open_runner(hpo_pool *p, hpo_error *err)
{
    const char *spec = p->o.runner ? p->o.runner : "local";
    char name[32];
    size_t n = strcspn(spec, ":");
    if (n >= sizeof name) return hpo_fail(err, HPO_EINVAL, "unknown runner '%.100s'", spec);
    memcpy(name, spec, n);
    name[n] = '\0';
    p->ops = hpo_runner_find(name);
    if (!p->ops)
        return hpo_fail(err, HPO_ENOTFOUND,
                        "unknown runner '%s': known are those of `hpo samplers --runners`", name);
    return p->ops->open(spec[n] ? spec + n + 1 : "", &p->runner, err);
}

static hpo_status setup(hpo_pool *p, hpo_error *err)
{
    char name[256];
    hpo_error ignored;
    HPO_TRY(read_study(p, err));
    HPO_TRY(hpo_slots_init(&p->slots, p->o.gpus,
                           p->o.gpus_per_trial > 0 ? p->o.gpus_per_trial : p->command.gpus_per_trial, err));
    HPO_TRY(make_base_env(p, err));
    if (p->o.worker) {
        (void)snprintf(name, sizeof name, "%s", p->o.worker);
    } else {
        hpo_os_worker_name(name, sizeof name);
    }
    p->worker = hpo_strdup(name);
    if (!p->worker) return hpo_fail_memory(err);
    if (p->o.storage) {
        p->storage = hpo_strdup(p->o.storage);
        if (!p->storage) return hpo_fail_memory(err);
    }
    if (hpo_pool_lock(p, &ignored) != HPO_OK && !p->worker)
        return hpo_fail_memory(err); /* without: leases decide */
    return open_runner(p, err);
}

hpo_status hpo_pool_create(hpo_study *study, const hpo_pool_options *o, hpo_pool **out, hpo_error *err)
{
    if (!out) return hpo_fail(err, HPO_EINVAL, "out is NULL");
    *out = NULL;
    if (!study) return hpo_fail(err, HPO_EINVAL, "study is NULL");
    hpo_pool *p = hpo_calloc(1, sizeof *p);
    if (!p) return hpo_fail_memory(err);
    p->study = study;
    hpo_pool_options_init_sized(&p->o, sizeof p->o);
    if (o) memcpy(&p->o, o, o->size < sizeof p->o ? o->size : sizeof p->o);
    p->lock.fd = -1;
    hpo_status rc = setup(p, err);
    if (rc != HPO_OK) {
        hpo_pool_free(p);
        return rc;
    }
    *out = p;
    return HPO_OK;
}

void hpo_pool_free(hpo_pool *p)
{
    if (!p) return;
    if (p->runner) p->ops->close(p->runner);
    for (size_t i = 0; i < p->n_jobs; i++)
        hpo_job_free(p->jobs[i]);
    hpo_pool_unlock(p);
    for (size_t i = 0; p->renders && i < p->n_renders; i++)
        hpo_template_fini(&p->renders[i]);
    hpo_free(p->renders);
    hpo_free(p->jobs);
    hpo_metrics_fini(&p->metrics);
    hpo_template_fini(&p->template);
    hpo_command_fini(&p->command);
    hpo_slots_fini(&p->slots);
    hpo_words_fini(&p->base_env);
    hpo_words_fini(&p->argv);
    hpo_words_fini(&p->env);
    hpo_free(p->worker);
    hpo_free(p->storage);
    hpo_free(p->study_name);
    hpo_free(p);
}
