/* SPDX-License-Identifier: Apache-2.0 */
/* runner/planopen.c - from a plan to a study, and what a stored study tells of its command. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/os.h"
#include "math/rng.h"
#include "runner/plan.h"
#include "runner/pool.h"
#include "runner/process.h"
#include "runner/trialdir.h"

/* ---- filling the options ------------------------------------------------------------------------------- */

/* Without --minimize the one named metric is the objective; without any name it is "value". */
static hpo_status default_objective(hpo_plan *p, hpo_error *err)
{
    const char *name = "value";
    size_t len = 5;
    if (p->objectives.n) return HPO_OK;
    for (int list = 0; list < 2; list++) {
        const hpo_words *rules = list ? &p->command.metric_files : &p->command.metrics;
        for (size_t i = 0; i < rules->n; i++) {
            const char *rule = hpo_words_at(rules, i);
            size_t n = hpo_metric_name(rule);
            if (!n) continue;
            if (name != rule && len && strcmp(name, "value") != 0 && (n != len || memcmp(name, rule, n) != 0))
                return hpo_fail(err, HPO_EINVAL,
                                "several metrics are named: say with --minimize or --maximize which counts");
            name = rule;
            len = n;
        }
    }
    p->directions[0] = HPO_MINIMIZE;
    return hpo_words_add(&p->objectives, name, len, err);
}

static hpo_status fill_options(hpo_plan *p, hpo_error *err)
{
    hpo_study_options *o = &p->options;
    HPO_TRY(default_objective(p, err));
    for (size_t i = 0; i < p->objectives.n; i++)
        p->objective_list[i] =
            (hpo_objective){sizeof(hpo_objective), hpo_words_at(&p->objectives, i), p->directions[i]};
    for (size_t i = 0; i < p->outcomes.n; i++)
        p->outcome_list[i] = (hpo_outcome){sizeof(hpo_outcome), hpo_words_at(&p->outcomes, i), p->maxima[i]};
    o->name = hpo_plan_name(p);
    o->objectives = p->objective_list;
    o->n_objectives = p->objectives.n;
    o->outcomes = p->outcome_list;
    o->n_outcomes = p->outcomes.n;
    o->sampler = p->sampler;
    o->scheduler = p->scheduler;
    o->until = p->until;
    o->reuse = 1;
    if (!hpo_plan_given(p, "seed") && !p->seeded) {
        HPO_TRY(hpo_os_random(&o->seed, sizeof o->seed, err));
        o->seed >>= 32; /* short enough to be typed again */
        p->seeded = 1;
    }
    return HPO_OK;
}

/* Everything that a worker would stumble over is found here, before anything is stored. */
static hpo_status check_command(const hpo_plan *p, hpo_error *err)
{
    hpo_template t = {0};
    hpo_metrics m;
    hpo_metrics_init(&m, p->space, p->options.objectives, p->options.n_objectives, p->options.outcomes,
                     p->options.n_outcomes);
    hpo_status rc = hpo_command_compile(&p->command, p->space, &t, err);
    for (size_t i = 1; rc == HPO_OK && i < p->command.renders.n; i += 2)
        rc = hpo_template_add_file(&t, p->space, hpo_words_at(&p->command.renders, i), err);
    for (size_t i = 0; rc == HPO_OK && i < p->command.metrics.n; i++)
        rc = hpo_metrics_add(&m, hpo_words_at(&p->command.metrics, i), err);
    for (size_t i = 0; rc == HPO_OK && i < p->command.metric_files.n; i++)
        rc = hpo_metrics_add_file(&m, hpo_words_at(&p->command.metric_files, i), err);
    hpo_template_fini(&t);
    hpo_metrics_fini(&m);
    return rc;
}

hpo_status hpo_plan_check_program(const hpo_plan *p, const char *cwd, const char *const *envp, hpo_error *err)
{
    char path[4096];
    if (!p || !cwd || !envp) return hpo_fail(err, HPO_EINVAL, "an argument is NULL");
    const hpo_command *c = &p->command;
    if (!c->words.n || c->shell) return HPO_OK;
    const char *name = hpo_words_at(&c->words, 0);
    if (strchr(name, '{') || strchr(name, '}') || hpo_words_at(&c->conditions, 0)[0]) return HPO_OK;
    for (size_t i = 0; i < c->env.n; i++) /* --env PATH=... is where the runner will look */
        if (!strncmp(hpo_words_at(&c->env, i), "PATH=", 5)) return HPO_OK;
    int code = hpo_process_find(name, envp, cwd, path, sizeof path);
    return code ? hpo_process_fail(code, name, cwd, err) : HPO_OK;
}

static hpo_status absolute(const char *path, const char *cwd, char **out, hpo_error *err)
{
    hpo_str s = {0};
    if (path[0] != '/') hpo_str_addf(&s, "%s/", cwd);
    hpo_str_add(&s, path);
    return hpo_str_steal(&s, out, err);
}

static hpo_status place(hpo_plan *p, const char *cwd, const char *dir, hpo_error *err)
{
    char *given = p->command.dir;
    char *full = NULL;
    HPO_TRY(absolute(given ? given : dir, cwd, &full, err));
    hpo_free(given);
    p->command.dir = full;
    hpo_free(p->command.cwd);
    p->command.cwd = hpo_strdup(cwd);
    return p->command.cwd ? HPO_OK : hpo_fail_memory(err);
}

/* ---- a study that exists ---- */

static hpo_status copy_words(hpo_words *to, const hpo_words *from, hpo_error *err)
{
    hpo_words_clear(to);
    for (size_t i = 0; i < from->n; i++)
        HPO_TRY(hpo_words_add(to, hpo_words_at(from, i), strlen(hpo_words_at(from, i)), err));
    return HPO_OK;
}

/* The stored command with what this plan sets anew. */
static hpo_status merge(const hpo_plan *p, hpo_command *c, hpo_error *err)
{
    const hpo_command *n = &p->command;
    if (hpo_plan_given(p, "metric")) HPO_TRY(copy_words(&c->metrics, &n->metrics, err));
    if (hpo_plan_given(p, "metric-file")) HPO_TRY(copy_words(&c->metric_files, &n->metric_files, err));
    if (hpo_plan_given(p, "render")) HPO_TRY(copy_words(&c->renders, &n->renders, err));
    if (hpo_plan_given(p, "env")) HPO_TRY(copy_words(&c->env, &n->env, err));
    if (hpo_plan_given(p, "retries")) c->retries = n->retries;
    if (hpo_plan_given(p, "gpus-per-trial")) c->gpus_per_trial = n->gpus_per_trial;
    if (hpo_plan_given(p, "trial-time")) c->limits.wall = n->limits.wall;
    if (hpo_plan_given(p, "cpu-time")) c->limits.cpu = n->limits.cpu;
    if (hpo_plan_given(p, "memory")) c->limits.memory = n->limits.memory;
    if (hpo_plan_given(p, "max-output")) c->limits.output = n->limits.output;
    if (hpo_plan_given(p, "checkpoint-quota")) c->checkpoint_quota = n->checkpoint_quota;
    if (hpo_plan_given(p, "grace")) c->limits.grace = n->limits.grace;
    return HPO_OK;
}

static hpo_status merged_metadata(hpo_plan *p, hpo_study *stored, char **json, hpo_error *err)
{
    hpo_summary sum = {.size = sizeof sum};
    hpo_command c;
    HPO_TRY(hpo_study_summary(stored, &sum, err));
    hpo_status rc = hpo_command_read(sum.metadata, sum.name, &c, err);
    if (rc == HPO_ENOTFOUND && p->command.words.n)
        return hpo_command_write(&p->command, json, err); /* `hpo create` */
    if (rc != HPO_OK) return rc;
    if (p->command.words.n && !hpo_command_same(&p->command, &c)) {
        hpo_str line = {0};
        hpo_command_line(&c, &c.words, &line);
        rc = hpo_fail(err, HPO_EEXIST,
                      "study '%s' exists with another command (%.200s): choose another name with -n, or "
                      "leave the command "
                      "away to go on with that one",
                      sum.name, line.failed ? "" : line.text);
        hpo_str_fini(&line);
    }
    if (rc == HPO_OK) rc = merge(p, &c, err);
    if (rc == HPO_OK) rc = hpo_command_write(&c, json, err);
    hpo_command_fini(&c);
    return rc;
}

/* A budget given again changes only what it names. */
static void merge_budget(hpo_plan *p, hpo_study *stored)
{
    hpo_summary sum = {.size = sizeof sum};
    hpo_budget *b = &p->options.budget;
    if (hpo_study_summary(stored, &sum, NULL) != HPO_OK) return;
    if (!b->trials) b->trials = sum.budget.trials;
    if (!(b->seconds > 0)) b->seconds = sum.budget.seconds;
    if (!(b->cost > 0)) b->cost = sum.budget.cost;
    if (isnan(b->target)) b->target = sum.budget.target;
    if (!b->stagnation) b->stagnation = sum.budget.stagnation;
}

/* `hpo run -n NAME` without a command: the stored study, with new limits and budget. */
static hpo_status go_on(hpo_plan *p, hpo_study *stored, const char *json, hpo_error *err)
{
    hpo_summary sum = {.size = sizeof sum};
    HPO_TRY(hpo_study_summary(stored, &sum, err));
    if (hpo_plan_given(p, "budget")) HPO_TRY(hpo_study_set_budget(stored, &p->options.budget, err));
    if (p->sampler && strcmp(p->sampler, sum.sampler ? sum.sampler : "") != 0)
        HPO_TRY(hpo_study_set_sampler(stored, p->sampler, err));
    if (p->until && strcmp(p->until, sum.until ? sum.until : "") != 0)
        HPO_TRY(hpo_study_set_until(stored, p->until, err));
    HPO_TRY(hpo_study_summary(stored, &sum, err));
    if (sum.metadata && !strcmp(sum.metadata, json)) return HPO_OK;
    return hpo_study_set_metadata(stored, json, err);
}

/* A study that was ended by hand or by exit status 78 goes on when it is run again. */
static hpo_status wake(hpo_study *s, hpo_error *err)
{
    hpo_summary sum = {.size = sizeof sum};
    HPO_TRY(hpo_study_summary(s, &sum, err));
    int ended = sum.status == HPO_STUDY_STOPPED &&
                (sum.stop_reason == HPO_STOP_REASON_USER || sum.stop_reason == HPO_STOP_REASON_ABORT);
    return ended || sum.status == HPO_STUDY_PAUSED ? hpo_study_resume(s, err) : HPO_OK;
}

hpo_status hpo_plan_open(hpo_plan *p, hpo_storage *st, const char *cwd, const char *dir, hpo_study **out,
                         int32_t *existed, hpo_error *err)
{
    hpo_study *stored = NULL;
    char *json = NULL;
    if (!p || !st || !cwd || !dir || !out || !existed)
        return hpo_fail(err, HPO_EINVAL, "an argument is NULL");
    *out = NULL;
    *existed = 0;
    HPO_TRY(fill_options(p, err));
    HPO_TRY(place(p, cwd, dir, err));
    if (p->command.words.n && hpo_space_n_params(p->space)) {
        HPO_TRY(hpo_space_freeze(p->space, err));
        HPO_TRY(check_command(p, err));
    }
    hpo_status rc = hpo_study_open(st, p->options.name, &stored, err);
    if (rc == HPO_OK) {
        *existed = 1;
        merge_budget(p, stored);
        rc = merged_metadata(p, stored, &json, err);
        if (rc == HPO_OK && !hpo_space_n_params(p->space)) {
            rc = go_on(p, stored, json, err);
            if (rc == HPO_OK) rc = wake(stored, err);
            if (rc == HPO_OK) {
                *out = stored;
                stored = NULL;
            }
            goto done;
        }
    } else if (rc == HPO_ENOTFOUND || (rc == HPO_EINVAL && !p->options.name)) {
        if (!p->command.words.n)
            rc = p->options.name
                     ? hpo_fail(err, HPO_ENOTFOUND,
                                "there is no study '%s' and no command was given: write it behind --, as in "
                                "`hpo run -n %s -- ./train --lr '{lr:log 1e-5..1}'`",
                                p->options.name, p->options.name)
                     : rc;
        else if (!hpo_space_n_params(p->space))
            rc = hpo_fail(err, HPO_EINVAL,
                          "the command has no parameter: write its range at its first place, as in --lr "
                          "'{lr:log 1e-5..1}', or "
                          "add --param NAME:DOMAIN");
        else
            rc = hpo_command_write(&p->command, &json, err);
    }
    if (rc != HPO_OK) goto done;
    p->options.metadata = json;
    rc = hpo_study_create(st, p->space, &p->options, out, err);
    p->options.metadata = NULL;
    if (rc == HPO_OK && *existed) rc = wake(*out, err);
done:
    if (rc != HPO_OK && *out) {
        hpo_study_free(*out);
        *out = NULL;
    }
    hpo_study_free(stored);
    hpo_free(json);
    return rc;
}

/* ---- commands as text ---- */

typedef struct program {
    hpo_command command;
    hpo_template template;
    const hpo_space *space;
    char *study;
    uint64_t seed;
} program;

/* What hpo_trial_seed() gives to whoever holds the trial. */
static uint64_t program_seed(const program *g, int64_t number)
{
    hpo_rng rng;
    hpo_rng_init(&rng, g->seed, (uint64_t)number, HPO_RNG_PROGRAM);
    return hpo_rng_u64(&rng);
}

static void close_program(program *g)
{
    hpo_template_fini(&g->template);
    hpo_command_fini(&g->command);
    hpo_free(g->study);
}

static hpo_status open_program(hpo_study *s, program *g, hpo_error *err)
{
    hpo_summary sum = {.size = sizeof sum};
    *g = (program){.space = hpo_study_space(s)};
    HPO_TRY(hpo_study_summary(s, &sum, err));
    g->seed = sum.seed;
    g->study = hpo_strdup(sum.name);
    hpo_status rc =
        g->study ? hpo_command_read(sum.metadata, sum.name, &g->command, err) : hpo_fail_memory(err);
    if (rc == HPO_OK) rc = hpo_command_compile(&g->command, g->space, &g->template, err);
    if (rc != HPO_OK) close_program(g);
    return rc;
}

static hpo_status command_text(const program *g, int64_t number, int32_t attempt, uint64_t seed,
                               const double *x, hpo_str *out, hpo_error *err)
{
    hpo_special_texts s;
    hpo_words argv = {0};
    hpo_str dir = {0};
    hpo_trialdir_path(&dir, g->command.dir, g->study, number);
    hpo_status rc = dir.failed ? hpo_fail_memory(err)
                               : hpo_special_texts_init(&s, number, attempt, seed, dir.text, g->study, err);
    if (rc == HPO_OK) {
        rc = hpo_command_argv(&g->command, &g->template, g->space, x, s.list, &argv, err);
        if (rc == HPO_OK) hpo_command_line(&g->command, &argv, out);
        hpo_str_fini(&s.text);
    }
    hpo_words_fini(&argv);
    hpo_str_fini(&dir);
    return rc;
}

int32_t hpo_study_has_command(hpo_study *s)
{
    hpo_summary sum = {.size = sizeof sum};
    hpo_command c;
    if (!s || hpo_study_summary(s, &sum, NULL) != HPO_OK ||
        hpo_command_read(sum.metadata, sum.name, &c, NULL) != HPO_OK)
        return 0;
    hpo_command_fini(&c);
    return 1;
}

hpo_status hpo_study_trial_dir(hpo_study *s, int64_t number, char **out, hpo_error *err)
{
    program g;
    hpo_str path = {0};
    if (!s || !out) return hpo_fail(err, HPO_EINVAL, "an argument is NULL");
    *out = NULL;
    HPO_TRY(open_program(s, &g, err));
    hpo_trialdir_path(&path, g.command.dir, g.study, number);
    close_program(&g);
    return hpo_str_steal(&path, out, err);
}

hpo_status hpo_study_trial_command(hpo_study *s, int64_t number, char **out, hpo_error *err)
{
    program g;
    hpo_trial_info t = {.size = sizeof t};
    hpo_str line = {0};
    if (!s || !out) return hpo_fail(err, HPO_EINVAL, "an argument is NULL");
    *out = NULL;
    HPO_TRY(open_program(s, &g, err));
    hpo_status rc = hpo_study_trial(s, number, &t, err);
    if (rc == HPO_OK) rc = command_text(&g, number, t.attempt, program_seed(&g, number), t.x, &line, err);
    if (rc == HPO_OK) rc = hpo_str_steal(&line, out, err);
    hpo_str_fini(&line);
    close_program(&g);
    return rc;
}

/* ---- preview ---- */

static hpo_status preview_one(hpo_study *s, const program *g, hpo_str *out, hpo_error *err)
{
    hpo_trial *t = NULL;
    hpo_result done = hpo_result_init();
    HPO_TRY(hpo_study_ask(s, &t, err));
    hpo_status rc = command_text(g, hpo_trial_number(t), 1, hpo_trial_seed(t), hpo_trial_x(t), out, err);
    hpo_str_addc(out, '\n');
    done.state = HPO_STATE_FAILED; /* nothing was measured; samplers go on as if it had been */
    if (rc == HPO_OK) rc = hpo_study_tell(s, t, &done, err);
    hpo_trial_free(t);
    return rc;
}

hpo_status hpo_plan_preview(hpo_plan *p, const char *cwd, const char *dir, size_t n, char **out,
                            hpo_error *err)
{
    hpo_study *s = NULL;
    char *json = NULL;
    program g;
    hpo_str text = {0};
    int opened = 0;
    if (!p || !cwd || !dir || !out) return hpo_fail(err, HPO_EINVAL, "an argument is NULL");
    *out = NULL;
    if (!p->command.words.n) return hpo_fail(err, HPO_EINVAL, "there is no command: write it behind --");
    HPO_TRY(fill_options(p, err));
    HPO_TRY(place(p, cwd, dir, err));
    HPO_TRY(hpo_space_freeze(p->space, err));
    HPO_TRY(check_command(p, err));
    HPO_TRY(hpo_command_write(&p->command, &json, err));
    hpo_study_options o = p->options;
    o.metadata = json;
    o.budget = hpo_study_options_init().budget;
    hpo_status rc = hpo_study_create(NULL, p->space, &o, &s, err);
    if (rc == HPO_OK) rc = open_program(s, &g, err);
    opened = rc == HPO_OK;
    for (size_t i = 0; i < n && rc == HPO_OK; i++)
        rc = preview_one(s, &g, &text, err);
    if (rc == HPO_DONE || rc == HPO_WAIT) rc = HPO_OK; /* a small space has fewer */
    if (rc == HPO_OK) rc = hpo_str_steal(&text, out, err);
    hpo_str_fini(&text);
    if (opened) close_program(&g);
    hpo_study_free(s);
    hpo_free(json);
    return rc;
}
