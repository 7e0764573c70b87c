/* SPDX-License-Identifier: Apache-2.0 */
/* runner/job.c - starting the program of one trial: directory, command, environment.
 * What the program finds is documented in docs/program-contract.md. */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "runner/checkpoint.h"
#include "runner/pool.h"
#include "runner/trialdir.h"

enum { PARAMS_LIMIT = 64 << 20 };

hpo_status hpo_special_texts_init(hpo_special_texts *s, int64_t number, int32_t attempt, uint64_t seed,
                                  const char *dir, const char *study, hpo_error *err)
{
    size_t at[4];
    *s = (hpo_special_texts){0};
    at[0] = s->text.len;
    hpo_str_int(&s->text, number);
    hpo_str_addc(&s->text, '\0');
    at[1] = s->text.len;
    hpo_str_int(&s->text, attempt);
    hpo_str_addc(&s->text, '\0');
    at[2] = s->text.len;
    hpo_str_addf(&s->text, "%" PRIu64, seed);
    hpo_str_addc(&s->text, '\0');
    at[3] = s->text.len;
    hpo_str_add(&s->text, dir);
    hpo_str_add(&s->text, "/ckpt");
    if (s->text.failed) {
        hpo_str_fini(&s->text);
        return hpo_fail_memory(err);
    }
    s->list[HPO_SPECIAL_TRIAL] = s->text.text + at[0];
    s->list[HPO_SPECIAL_ATTEMPT] = s->text.text + at[1];
    s->list[HPO_SPECIAL_SEED] = s->text.text + at[2];
    s->list[HPO_SPECIAL_CKPT] = s->text.text + at[3];
    s->list[HPO_SPECIAL_DIR] = dir;
    s->list[HPO_SPECIAL_STUDY] = study;
    return HPO_OK;
}

/* ---- environment ------------------------------------------------------------------------------------- */

static hpo_status set_env(hpo_words *env, hpo_str *scratch, const char *name, const char *value,
                          hpo_error *err)
{
    hpo_str_clear(scratch);
    hpo_str_add(scratch, name);
    hpo_str_addc(scratch, '=');
    hpo_str_add(scratch, value);
    return scratch->failed ? hpo_fail_memory(err) : hpo_words_add(env, scratch->text, scratch->len, err);
}

/* HPO_PARAM_<NAME>: upper case, anything but letters and digits as '_'. */
static hpo_status set_param(hpo_words *env, hpo_str *scratch, const char *name, const char *value,
                            hpo_error *err)
{
    hpo_str_clear(scratch);
    hpo_str_add(scratch, "HPO_PARAM_");
    for (const char *c = name; *c; c++)
        hpo_str_addc(scratch, isalnum((unsigned char)*c) ? (char)toupper((unsigned char)*c) : '_');
    hpo_str_addc(scratch, '=');
    hpo_str_add(scratch, value);
    return scratch->failed ? hpo_fail_memory(err) : hpo_words_add(env, scratch->text, scratch->len, err);
}

/* How far the longest trial goes: what a learning-rate schedule plans by. */
static hpo_status set_full(hpo_words *env, hpo_str *scratch, double high, hpo_error *err)
{
    hpo_str_clear(scratch);
    hpo_str_add(scratch, "HPO_STEP_FULL=");
    hpo_str_double(scratch, high);
    return scratch->failed ? hpo_fail_memory(err) : hpo_words_add(env, scratch->text, scratch->len, err);
}

static hpo_status set_params(hpo_pool *p, const double *x, hpo_str *scratch, hpo_error *err)
{
    const hpo_space *space = hpo_study_space(p->study);
    for (size_t i = 0; i < hpo_space_n_params(space); i++) {
        hpo_param_info info = {.size = sizeof info};
        char *text = NULL;
        HPO_TRY(hpo_space_param(space, i, &info, err));
        hpo_status rc = hpo_space_value_text(space, x, i, &text, err);
        if (rc == HPO_ENOTFOUND) continue; /* inactive means absent */
        if (rc == HPO_OK) rc = set_param(&p->env, scratch, info.name, text, err);
        if (rc == HPO_OK && (int64_t)i == p->fidelity)
            rc = set_env(&p->env, scratch, "HPO_STEP_MAX", text, err);
        if (rc == HPO_OK && (int64_t)i == p->fidelity) rc = set_full(&p->env, scratch, info.high, err);
        hpo_free(text);
        HPO_TRY(rc);
    }
    for (size_t i = 0; i < hpo_space_n_derived(space); i++) {
        const char *name = NULL;
        char *text = NULL;
        hpo_status rc = hpo_space_derived_text(space, x, i, &name, &text, err);
        if (rc == HPO_ENOTFOUND) continue;
        if (rc == HPO_OK) rc = set_param(&p->env, scratch, name, text, err);
        hpo_free(text);
        HPO_TRY(rc);
    }
    return HPO_OK;
}

/* The devices of a trial.  ROCm applies ROCR_VISIBLE_DEVICES first and renumbers what is left, so HIP's
 * own variable counts from 0 (AMD, "GPU isolation techniques"). */
static hpo_status set_devices(hpo_pool *p, const hpo_pool_job *j, hpo_str *scratch, hpo_error *err)
{
    static const char *const names[] = {"CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK",
                                        "HPO_GPUS"};
    hpo_str list = {0};
    hpo_str order = {0};
    for (int i = 0; i < p->slots.per_trial; i++) {
        if (i) hpo_str_addc(&list, ',');
        if (i) hpo_str_addc(&order, ',');
        hpo_str_add(&list, hpo_words_at(&p->slots.names, (size_t)j->devices[i]));
        hpo_str_int(&order, i);
    }
    hpo_status rc = list.failed || order.failed ? hpo_fail_memory(err) : HPO_OK;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && rc == HPO_OK; i++)
        rc = set_env(&p->env, scratch, names[i], list.text, err);
    if (rc == HPO_OK) rc = set_env(&p->env, scratch, "HIP_VISIBLE_DEVICES", order.text, err);
    hpo_str_fini(&list);
    hpo_str_fini(&order);
    return rc;
}

static hpo_status set_path(hpo_words *env, hpo_str *scratch, const char *name, const char *dir,
                           const char *file, hpo_error *err)
{
    hpo_str_clear(scratch);
    hpo_str_addf(scratch, "%s=%s/%s", name, dir, file);
    return scratch->failed ? hpo_fail_memory(err) : hpo_words_add(env, scratch->text, scratch->len, err);
}

/* Proves to `hpo report` and `hpo should-stop` in the program that the trial is still its own, without a
 * look through the study for the current holder. */
static hpo_status set_token(hpo_words *env, hpo_str *scratch, uint64_t token, hpo_error *err)
{
    hpo_str_clear(scratch);
    hpo_str_addf(scratch, "HPO_TOKEN=%016" PRIx64, token);
    return scratch->failed ? hpo_fail_memory(err) : hpo_words_add(env, scratch->text, scratch->len, err);
}

static hpo_status build_env(hpo_pool *p, const hpo_pool_job *j, const hpo_special_texts *s,
                            const char *params_json, hpo_str *scratch, hpo_error *err)
{
    hpo_words *env = &p->env;
    hpo_words_clear(env);
    for (size_t i = 0; i < p->base_env.n; i++) {
        const char *entry = hpo_words_at(&p->base_env, i);
        HPO_TRY(hpo_words_add(env, entry, strlen(entry), err));
    }
    HPO_TRY(set_env(env, scratch, "HPO_TRIAL", s->list[HPO_SPECIAL_TRIAL], err));
    HPO_TRY(set_token(env, scratch, hpo_trial_token(j->trial), err));
    HPO_TRY(set_env(env, scratch, "HPO_ATTEMPT", s->list[HPO_SPECIAL_ATTEMPT], err));
    HPO_TRY(set_env(env, scratch, "HPO_SEED", s->list[HPO_SPECIAL_SEED], err));
    HPO_TRY(set_env(env, scratch, "HPO_STUDY", p->study_name, err));
    HPO_TRY(set_env(env, scratch, "HPO_DIR", j->dir, err));
    HPO_TRY(set_env(env, scratch, "HPO_CKPT_DIR", s->list[HPO_SPECIAL_CKPT], err));
    HPO_TRY(set_env(env, scratch, "HPO_PARAMS_JSON", params_json, err));
    HPO_TRY(set_path(env, scratch, "HPO_PARAMS_FILE", j->dir, "params.json", err));
    HPO_TRY(set_path(env, scratch, "HPO_METRICS", j->dir, "metrics.jsonl", err));
    HPO_TRY(set_env(env, scratch, "HPO_METRICS_FD", "3", err));
    if (p->storage) HPO_TRY(set_env(env, scratch, "HPO_STORAGE", p->storage, err));
    if ((j->attempt > 1 || j->parent >= 0) && hpo_trialdir_has_checkpoint(j->dir))
        HPO_TRY(set_env(env, scratch, "HPO_RESUME", "1", err));
    HPO_TRY(set_params(p, hpo_trial_x(j->trial), scratch, err));
    return j->devices ? set_devices(p, j, scratch, err) : HPO_OK;
}

/* ---- files ------------------------------------------------------------------------------------------- */

static hpo_status write_renders(hpo_pool *p, const hpo_pool_job *j, const hpo_special_texts *s,
                                hpo_error *err)
{
    for (size_t i = 0; i < p->n_renders; i++) {
        hpo_words text = {0};
        const char *name = hpo_words_at(&p->command.renders, 2 * i);
        hpo_status rc = hpo_template_render(&p->renders[i], hpo_study_space(p->study), hpo_trial_x(j->trial),
                                            s->list, &text, err);
        if (rc == HPO_OK)
            rc = hpo_trialdir_write(j->dir, name, text.n ? hpo_words_at(&text, 0) : "",
                                    text.n ? text.bytes.len - 1 : 0, err);
        hpo_words_fini(&text);
        HPO_TRY(rc);
    }
    return HPO_OK;
}

static hpo_status write_files(hpo_pool *p, const hpo_pool_job *j, const hpo_special_texts *s,
                              const char *params_json, hpo_str *scratch, hpo_error *err)
{
    const char *const *env;
    HPO_TRY(hpo_trialdir_write(j->dir, "params.json", params_json, strlen(params_json), err));
    hpo_str_clear(scratch);
    hpo_command_line(&p->command, &p->argv, scratch);
    hpo_str_addc(scratch, '\n');
    if (scratch->failed) return hpo_fail_memory(err);
    HPO_TRY(hpo_trialdir_write(j->dir, "cmd", scratch->text, scratch->len, err));
    HPO_TRY(hpo_words_list(&p->env, &env, err));
    hpo_str_clear(scratch);
    hpo_trialdir_env(scratch, env);
    if (scratch->failed) return hpo_fail_memory(err);
    HPO_TRY(hpo_trialdir_write(j->dir, "env", scratch->text, scratch->len, err));
    return write_renders(p, j, s, err);
}

/* ---- checkpoints ------------------------------------------------------------------------------------- */

/* A clone begins with a copy of its parent's checkpoint, taken once: its own attempts go on from there. */
static hpo_status take_parents(hpo_pool_job *j, hpo_error *err)
{
    hpo_trial_info t = {.size = sizeof t};
    hpo_str own = {0};
    j->parent = hpo_trial_parent(j->trial);
    if (j->parent < 0) return HPO_OK;
    HPO_TRY(hpo_study_trial(j->pool->study, j->number, &t, err));
    if (!t.checkpoint || hpo_trialdir_has_checkpoint(j->dir)) return HPO_OK;
    hpo_str_addf(&own, "%s/ckpt", j->dir);
    hpo_status rc = own.failed ? hpo_fail_memory(err) : hpo_checkpoint_copy(t.checkpoint, own.text, err);
    if (rc ==
        HPO_ENOTFOUND) { /* it wrote none, or it is gone: the clone begins at the start, and pays for it */
        hpo_pool_note(j->pool,
                      "trial %" PRId64 ": the checkpoint of trial %" PRId64 " is not there: it begins anew",
                      j->number, j->parent);
        rc = HPO_OK;
    }
    hpo_str_fini(&own);
    return rc;
}

/* 1: a fidelity of the trial, other than the one that counts steps and those declared resumable, has another
 * value than in its last piece: what is in the checkpoint was trained on other rows, with another width ...
 */
static int has_other_axes(const hpo_pool_job *j, const char *before, hpo_error *err)
{
    const hpo_space *space = hpo_study_space(j->pool->study);
    const double *x = hpo_trial_x(j->trial);
    double *old = hpo_alloc_array(hpo_space_n_columns(space) + 1, sizeof *old);
    int other = 0;
    if (old != NULL && hpo_space_config_from_json(space, before, old, err) == HPO_OK)
        for (size_t i = 0; i < hpo_space_n_params(space) && !other; i++) {
            hpo_param_info info = {.size = sizeof info};
            if (hpo_space_param(space, i, &info, err) != HPO_OK) break;
            other = info.is_fidelity == 1 && (int64_t)i != j->pool->fidelity &&
                    old[info.column] != x[info.column];
        }
    hpo_free(old);
    return other;
}

/* A piece at another place of such an axis begins anew, with an empty folder.  (params.json is still that of
 * the piece before: a worker that is killed here leaves it so, and the next one comes here again.) */
static hpo_status drop_checkpoint(hpo_pool_job *j, hpo_error *err)
{
    hpo_error ignored;
    hpo_str path = {0};
    char *before = NULL;
    size_t n = 0;
    if (j->pool->n_fidelities < 2 || j->attempt < 2 || !hpo_trialdir_has_checkpoint(j->dir)) return HPO_OK;
    hpo_str_addf(&path, "%s/params.json", j->dir);
    hpo_status rc = path.failed ? hpo_fail_memory(err) : HPO_OK;
    if (rc == HPO_OK && hpo_os_read_file(path.text, PARAMS_LIMIT, &before, &n, &ignored) == HPO_OK &&
        has_other_axes(j, before, &ignored)) {
        hpo_str_clear(&path);
        hpo_str_addf(&path, "%s/ckpt", j->dir);
        rc = path.failed ? hpo_fail_memory(err) : hpo_checkpoint_remove(path.text, err);
        if (rc == HPO_OK) rc = hpo_os_mkdirs(path.text, err);
    }
    hpo_free(before);
    hpo_str_fini(&path);
    return rc;
}

/* The folder that is told as the trial's checkpoint.  Where clones are made it is set aside under the number
 * of the attempt, since the trial itself may go on and change its own; the one but last is dropped. */
void hpo_job_keep_checkpoint(const hpo_pool_job *j, hpo_str *path)
{
    hpo_str own = {0};
    hpo_error err;
    if (!hpo_trialdir_has_checkpoint(j->dir)) return;
    hpo_str_addf(&own, "%s/ckpt", j->dir);
    hpo_str_addf(path, "%s/ckpt", j->dir);
    if (j->pool->clones && !own.failed) {
        hpo_str_addf(path, ".%d", (int)j->attempt);
        if (path->failed || hpo_checkpoint_copy(own.text, path->text, &err) != HPO_OK) {
            hpo_pool_note(j->pool, "trial %" PRId64 ": its checkpoint cannot be set aside: %s", j->number,
                          path->failed ? "out of memory" : err.msg);
            hpo_str_clear(path);
        }
        hpo_str_clear(&own);
        hpo_str_addf(&own, "%s/ckpt.%d", j->dir, (int)j->attempt - 2);
        if (!own.failed && j->attempt > 2 && hpo_checkpoint_remove(own.text, &err) != HPO_OK)
            hpo_pool_note(j->pool, "%s", err.msg);
    }
    hpo_str_fini(&own);
}

/* ---- start ------------------------------------------------------------------------------------------- */

static hpo_status launch(hpo_pool *p, hpo_pool_job *j, hpo_error *err)
{
    hpo_job job = {
        .size = sizeof job, .id = j->id, .cwd = p->command.cwd, .dir = j->dir, .limits = p->command.limits};
    HPO_TRY(hpo_words_list(&p->argv, &job.argv, err));
    HPO_TRY(hpo_words_list(&p->env, &job.envp, err));
    return p->ops->start(p->runner, &job, err);
}

static hpo_status prepare(hpo_pool *p, hpo_pool_job *j, hpo_error *err)
{
    const hpo_space *space = hpo_study_space(p->study);
    const double *x = hpo_trial_x(j->trial);
    hpo_special_texts s;
    char *params_json = NULL;
    hpo_str scratch = {0};
    HPO_TRY(hpo_special_texts_init(&s, j->number, j->attempt, hpo_trial_seed(j->trial), j->dir, p->study_name,
                                   err));
    hpo_words_clear(&p->argv);
    hpo_status rc = hpo_trialdir_make(j->dir, j->attempt, err);
    if (rc == HPO_OK) rc = take_parents(j, err);
    if (rc == HPO_OK) rc = drop_checkpoint(j, err);
    if (rc == HPO_OK) rc = hpo_space_config_to_json(space, x, &params_json, err);
    if (rc == HPO_OK) rc = hpo_command_argv(&p->command, &p->template, space, x, s.list, &p->argv, err);
    if (rc == HPO_OK) rc = build_env(p, j, &s, params_json, &scratch, err);
    if (rc == HPO_OK) rc = write_files(p, j, &s, params_json, &scratch, err);
    if (rc == HPO_OK) rc = hpo_capture_init(&j->capture, &p->metrics, err);
    hpo_free(params_json);
    hpo_str_fini(&scratch);
    hpo_str_fini(&s.text);
    return rc;
}

void hpo_job_free(hpo_pool_job *j)
{
    if (!j) return;
    if (j->devices) hpo_slots_give(&j->pool->slots, j->devices);
    hpo_free(j->devices);
    if (j->capture.m) hpo_capture_fini(&j->capture);
    hpo_trial_free(j->trial);
    hpo_free(j->dir);
    hpo_free(j);
}

static hpo_status take_devices(hpo_pool *p, hpo_pool_job *j, hpo_error *err)
{
    if (!p->slots.per_trial) return HPO_OK;
    int *list = hpo_alloc_array((size_t)p->slots.per_trial, sizeof *list);
    if (!list) return hpo_fail_memory(err);
    if (!hpo_slots_take(&p->slots, list)) {
        hpo_free(list);
        return hpo_fail(err, HPO_EBUSY, "no device is free");
    }
    j->devices = list;
    return HPO_OK;
}

static size_t fidelity_column(const hpo_pool *p)
{
    hpo_param_info info = {.size = sizeof info};
    hpo_status rc = hpo_space_param(hpo_study_space(p->study), (size_t)p->fidelity, &info, NULL);
    return rc == HPO_OK ? info.column : 0;
}

hpo_status hpo_job_start(hpo_pool *p, hpo_trial *t, hpo_error *err)
{
    hpo_str dir = {0};
    hpo_status rc = HPO_OK;
    hpo_pool_job *j = hpo_calloc(1, sizeof *j);
    if (!j) {
        hpo_trial_free(t);
        return hpo_fail_memory(err);
    }
    j->pool = p;
    j->trial = t;
    j->id = p->next_id++;
    j->number = hpo_trial_number(t);
    j->attempt = hpo_trial_attempt(t);
    j->parent = -1;
    j->target = (double)NAN;
    if (p->fidelity >= 0) j->target = hpo_trial_x(t)[fidelity_column(p)];
    j->costed_at = hpo_pool_now(p);
    hpo_trialdir_path(&dir, p->command.dir, p->study_name, j->number);
    rc = hpo_str_steal(&dir, &j->dir, err);
    if (rc == HPO_OK) rc = hpo_reserve(&p->jobs, &p->cap_jobs, p->n_jobs + 1, sizeof *p->jobs, err);
    if (rc == HPO_OK) rc = take_devices(p, j, err);
    if (rc == HPO_OK) rc = prepare(p, j, err);
    if (rc == HPO_OK) rc = launch(p, j, err);
    if (rc != HPO_OK) {
        hpo_result back = hpo_result_init();
        hpo_error ignored; /* when even this fails the lease brings the trial back */
        back.state = HPO_STATE_WAITING;
        if (hpo_study_tell(p->study, t, &back, &ignored) == HPO_OK)
            hpo_pool_emit(p, HPO_POOL_RETURNED, j, err ? err->msg : "");
        hpo_job_free(j);
        return rc;
    }
    p->jobs[p->n_jobs++] = j;
    p->n_started++;
    hpo_pool_emit(p, HPO_POOL_STARTED, j, NULL);
    return HPO_OK;
}
