/* SPDX-License-Identifier: Apache-2.0 */
/* runner/plan.c - the settings of a plan: one table gives names, arguments and help, and finds the function
 * that takes a value.  The command line and study files both go through it. */
#include "runner/plan.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/os.h"
#include "runner/placeholder.h"
#include "space/space.h"

/* ---- values ------------------------------------------------------------------------------------------ */

static hpo_status set_text(char **slot, const char *value, hpo_error *err)
{
    char *copy = hpo_strdup(value);
    if (!copy) return hpo_fail_memory(err);
    hpo_free(*slot);
    *slot = copy;
    return HPO_OK;
}

static hpo_status whole(const char *key, const char *value, int64_t min, int64_t max, int64_t *out,
                        hpo_error *err)
{
    if (!hpo_parse_int(value, out) || *out < min || *out > max)
        return hpo_fail(err, HPO_EINVAL, "%s '%.100s': must be a whole number from %lld to %lld", key, value,
                        (long long)min, (long long)max);
    return HPO_OK;
}

static hpo_status seconds(const char *key, const char *value, double *out, hpo_error *err)
{
    hpo_status rc = hpo_duration_parse(value, out, err);
    return rc == HPO_OK ? rc : hpo_fail_prefix(err, rc, "%s", key);
}

static hpo_status truth(const char *key, const char *value, int *out, hpo_error *err)
{
    if (!value || !strcmp(value, "true") || !strcmp(value, "1") || !strcmp(value, "yes"))
        *out = 1;
    else if (!strcmp(value, "false") || !strcmp(value, "0") || !strcmp(value, "no"))
        *out = 0;
    else
        return hpo_fail(err, HPO_EINVAL, "%s '%.100s': must be true or false", key, value);
    return HPO_OK;
}

/* ---- setters ----------------------------------------------------------------------------------------- */

static hpo_status set_name(hpo_plan *p, const char *v, hpo_error *err)
{
    return set_text(&p->name, v, err);
}

static hpo_status add_param(hpo_plan *p, const char *v, hpo_error *err)
{
    char name[256];
    const char *colon = strchr(v, ':');
    size_t n = colon ? (size_t)(colon - v) : 0;
    while (n && v[n - 1] == ' ')
        n--;
    if (!n || n >= sizeof name)
        return hpo_fail(err, HPO_EINVAL, "param '%.200s': write NAME:DOMAIN, as in 'lr:log 1e-5..1'", v);
    memcpy(name, v, n);
    name[n] = '\0';
    if (hpo_special_find(name, n) >= 0)
        return hpo_fail(err, HPO_EINVAL,
                        "param '%s': {%s} already stands for the trial's own %s: choose another name", name,
                        name, name);
    return hpo_space_add(p->space, name, colon + 1, err);
}

static hpo_status set_space(hpo_plan *p, const char *v, hpo_error *err)
{
    char *text = NULL;
    size_t n = 0;
    hpo_space *space = NULL;
    if (hpo_space_n_params(p->space))
        return hpo_fail(err, HPO_EINVAL,
                        "space '%.200s': there are parameters already: give the file first, once", v);
    hpo_status rc = hpo_os_read_file(v, (size_t)16 << 20, &text, &n, err);
    if (rc == HPO_OK) rc = hpo_space_load(text, &space, err);
    if (rc == HPO_OK) {
        hpo_space_free(p->space);
        p->space = space;
    } else {
        rc = hpo_fail_prefix(err, rc, "space '%.200s'", v);
    }
    hpo_free(text);
    return rc;
}

static hpo_status add_constraint(hpo_plan *p, const char *v, hpo_error *err)
{
    return hpo_space_add_constraint(p->space, v, err);
}

static hpo_status add_derived(hpo_plan *p, const char *v, hpo_error *err)
{
    char name[256];
    size_t n = hpo_placeholder_name(v);
    size_t at = n;
    while (v[at] == ' ')
        at++;
    if (!n || n >= sizeof name || v[at] != '=')
        return hpo_fail(err, HPO_EINVAL,
                        "derive '%.200s': write NAME=EXPRESSION, as in 'units=2 ** log2_units'", v);
    memcpy(name, v, n);
    name[n] = '\0';
    return hpo_space_add_derived(p->space, name, v + at + 1, err);
}

static hpo_status add_objective(hpo_plan *p, const char *v, hpo_direction d, hpo_error *err)
{
    if (p->objectives.n == HPO_PLAN_MAX_OBJECTIVES)
        return hpo_fail(err, HPO_EINVAL, "objective '%.100s': more than %d objectives", v,
                        HPO_PLAN_MAX_OBJECTIVES);
    p->directions[p->objectives.n] = d;
    return hpo_words_add(&p->objectives, v, strlen(v), err);
}

static hpo_status add_minimize(hpo_plan *p, const char *v, hpo_error *err)
{
    return add_objective(p, v, HPO_MINIMIZE, err);
}

static hpo_status add_maximize(hpo_plan *p, const char *v, hpo_error *err)
{
    return add_objective(p, v, HPO_MAXIMIZE, err);
}

static hpo_status add_outcome(hpo_plan *p, const char *v, hpo_error *err)
{
    const char *op = strstr(v, "<=");
    size_t n = op ? (size_t)(op - v) : 0;
    double max;
    while (n && v[n - 1] == ' ')
        n--;
    const char *number = op ? op + 2 + strspn(op + 2, " ") : "";
    if (!n || !hpo_parse_double(number, &max) || !isfinite(max))
        return hpo_fail(err, HPO_EINVAL, "outcome '%.200s': write NAME<=MAX, as in 'mem_gb<=10'", v);
    if (p->outcomes.n == HPO_PLAN_MAX_OUTCOMES)
        return hpo_fail(err, HPO_EINVAL, "outcome '%.200s': more than %d outcomes", v, HPO_PLAN_MAX_OUTCOMES);
    p->maxima[p->outcomes.n] = max;
    return hpo_words_add(&p->outcomes, v, n, err);
}

static hpo_status set_sampler(hpo_plan *p, const char *v, hpo_error *err)
{
    return set_text(&p->sampler, v, err);
}

static hpo_status set_scheduler(hpo_plan *p, const char *v, hpo_error *err)
{
    return set_text(&p->scheduler, v, err);
}

static hpo_status set_until(hpo_plan *p, const char *v, hpo_error *err)
{
    return set_text(&p->until, v, err);
}

static hpo_status set_seed(hpo_plan *p, const char *v, hpo_error *err)
{
    uint64_t seed = 0;
    if (!*v) return hpo_fail(err, HPO_EINVAL, "seed is empty: give a whole number");
    for (const char *c = v; *c; c++) {
        uint64_t digit = (uint64_t)(*c - '0');
        if (*c < '0' || *c > '9' || seed > (UINT64_MAX - digit) / 10)
            return hpo_fail(err, HPO_EINVAL,
                            "seed '%.100s': must be a whole number from 0 to 18446744073709551615", v);
        seed = seed * 10 + digit;
    }
    p->options.seed = seed;
    return HPO_OK;
}

static hpo_status set_budget(hpo_plan *p, const char *v, hpo_error *err)
{
    return hpo_budget_parse(v, &p->options.budget, err);
}

static hpo_status set_noisy(hpo_plan *p, const char *v, hpo_error *err)
{
    return truth("noisy", v, &p->options.noisy, err);
}

static hpo_status set_lag(hpo_plan *p, const char *v, hpo_error *err)
{
    return whole("lag", v, 0, 1000000, &p->options.lag, err);
}

static hpo_status set_lease(hpo_plan *p, const char *v, hpo_error *err)
{
    HPO_TRY(seconds("lease", v, &p->options.lease, err));
    if (p->options.lease < 1) return hpo_fail(err, HPO_EINVAL, "lease '%.100s': must be at least 1 s", v);
    return HPO_OK;
}

static hpo_status set_max_retries(hpo_plan *p, const char *v, hpo_error *err)
{
    int64_t n;
    HPO_TRY(whole("max-retries", v, 0, 1000000, &n, err));
    p->options.max_retries = (int32_t)n;
    return HPO_OK;
}

static hpo_status set_retries(hpo_plan *p, const char *v, hpo_error *err)
{
    int64_t n;
    HPO_TRY(whole("retries", v, 0, 1000000, &n, err));
    p->command.retries = (int)n;
    return HPO_OK;
}

static hpo_status add_metric(hpo_plan *p, const char *v, hpo_error *err)
{
    return hpo_words_add(&p->command.metrics, v, strlen(v), err);
}

static hpo_status add_metric_file(hpo_plan *p, const char *v, hpo_error *err)
{
    return hpo_words_add(&p->command.metric_files, v, strlen(v), err);
}

/* "in:out": the text of `in` is kept with the study, so that workers elsewhere have it as well. */
static hpo_status add_render(hpo_plan *p, const char *v, hpo_error *err)
{
    const char *colon = strrchr(v, ':');
    const char *out = colon ? colon + 1 : "";
    char *path = colon ? hpo_strndup(v, (size_t)(colon - v)) : NULL;
    char *text = NULL;
    size_t n = 0;
    hpo_str defined = {0};
    hpo_status rc;
    if (!colon || colon == v || !*out || strchr(out, '/') || !strcmp(out, "..") || !strcmp(out, "."))
        rc = hpo_fail(err, HPO_EINVAL,
                      "render '%.200s': write TEMPLATE:NAME; NAME is a file in the trial's directory", v);
    else if (!path)
        rc = hpo_fail_memory(err);
    else
        rc = hpo_os_read_file(path, HPO_MAX_RENDER, &text, &n, err);
    if (rc == HPO_OK && memchr(text, '\0', n))
        rc = hpo_fail(err, HPO_EINVAL, "render '%.200s': it holds a NUL byte: only texts are rendered", path);
    if (rc == HPO_OK) rc = hpo_template_define_file(text, p->space, path, &defined, err);
    if (rc == HPO_OK) rc = hpo_words_add(&p->command.renders, out, strlen(out), err);
    if (rc == HPO_OK)
        rc = hpo_words_add(&p->command.renders, defined.text ? defined.text : "", defined.len, err);
    hpo_str_fini(&defined);
    hpo_free(path);
    hpo_free(text);
    return rc;
}

static hpo_status set_shell(hpo_plan *p, const char *v, hpo_error *err)
{
    return truth("shell", v, &p->command.shell, err);
}

static hpo_status add_env(hpo_plan *p, const char *v, hpo_error *err)
{
    if (!strchr(v, '=') || *v == '=') return hpo_fail(err, HPO_EINVAL, "env '%.200s': write NAME=VALUE", v);
    if (!strncmp(v, "HPO_", 4))
        return hpo_fail(err, HPO_EINVAL, "env '%.200s': names with HPO_ are ours: choose another", v);
    return hpo_words_add(&p->command.env, v, strlen(v), err);
}

static hpo_status set_trial_time(hpo_plan *p, const char *v, hpo_error *err)
{
    return seconds("trial-time", v, &p->command.limits.wall, err);
}

static hpo_status set_cpu_time(hpo_plan *p, const char *v, hpo_error *err)
{
    return seconds("cpu-time", v, &p->command.limits.cpu, err);
}

static hpo_status set_grace(hpo_plan *p, const char *v, hpo_error *err)
{
    return seconds("grace", v, &p->command.limits.grace, err);
}

static hpo_status set_memory(hpo_plan *p, const char *v, hpo_error *err)
{
    hpo_status rc = hpo_bytes_parse(v, &p->command.limits.memory, err);
    return rc == HPO_OK ? rc : hpo_fail_prefix(err, rc, "memory");
}

static hpo_status set_max_output(hpo_plan *p, const char *v, hpo_error *err)
{
    hpo_status rc = hpo_bytes_parse(v, &p->command.limits.output, err);
    return rc == HPO_OK ? rc : hpo_fail_prefix(err, rc, "max-output");
}

static hpo_status set_checkpoint_quota(hpo_plan *p, const char *v, hpo_error *err)
{
    hpo_status rc = hpo_bytes_parse(v, &p->command.checkpoint_quota, err);
    return rc == HPO_OK ? rc : hpo_fail_prefix(err, rc, "checkpoint-quota");
}

static hpo_status set_workers(hpo_plan *p, const char *v, hpo_error *err)
{
    int64_t n;
    HPO_TRY(whole("workers", v, 1, 100000, &n, err));
    p->workers = (int32_t)n;
    return HPO_OK;
}

static hpo_status set_gpus(hpo_plan *p, const char *v, hpo_error *err)
{
    return set_text(&p->gpus, v, err);
}

static hpo_status set_gpus_per_trial(hpo_plan *p, const char *v, hpo_error *err)
{
    double share;
    if (!hpo_parse_double(v, &share) || !(share >= 0))
        return hpo_fail(err, HPO_EINVAL,
                        "gpus-per-trial '%.100s': give a whole number, or a share such as 0.5", v);
    p->command.gpus_per_trial = share;
    return HPO_OK;
}

static hpo_status set_dir(hpo_plan *p, const char *v, hpo_error *err)
{
    if (!*v) return hpo_fail(err, HPO_EINVAL, "dir is empty: name a folder");
    return set_text(&p->command.dir, v, err);
}

/* ---- the table --------------------------------------------------------------------------------------- */

typedef struct setting {
    const char *name, *argument, *help;
    hpo_status (*set)(hpo_plan *p, const char *value, hpo_error *err);
} setting;

static const setting settings[] = {
    {"name", "NAME", "the study; default: made from the command", set_name},
    {"param", "NAME:DOMAIN", "add a parameter, e.g. 'lr:log 1e-5..1'", add_param},
    {"space", "FILE", "read parameters and constraints from a JSON or YAML file", set_space},
    {"constraint", "EXPR", "a condition that every proposal must satisfy", add_constraint},
    {"derive", "NAME=EXPR", "a value computed from parameters, passed on but not searched", add_derived},
    {"minimize", "NAME", "an objective; several give a Pareto front", add_minimize},
    {"maximize", "NAME", "an objective to be made large", add_maximize},
    {"outcome", "NAME<=MAX", "a measured constraint: feasible when at most MAX", add_outcome},
    {"sampler", "SPEC", "NAME or NAME:key=value,...", set_sampler},
    {"scheduler", "SPEC", "NAME or NAME:key=value,...", set_scheduler},
    {"seed", "N", "seed of the study", set_seed},
    {"budget", "LIMITS", "when to end: 10min,200trials,cost=20,target=0.05,stagnation=50", set_budget},
    {"until", "RULE", "a stopping rule: 'regret or (stagnation:trials=30 and trials >= 50)'", set_until},
    {"noisy", NULL, "the same configuration may be evaluated again", set_noisy},
    {"lag", "K", "suggestion n uses exactly the results of trials before n-K+1", set_lag},
    {"lease", "TIME", "how long an unrenewed trial stays with its worker; default 10min", set_lease},
    {"max-retries", "N", "how often a lost trial returns to the queue; default 3", set_max_retries},
    {"retries", "N", "how often a failed trial is evaluated again; default 0", set_retries},
    {"metric", "RULE", "how to find the value: last, exit, time, or 'loss=val loss: {float}'", add_metric},
    {"metric-file", "FILE:KEY", "read the value from a JSON or YAML file: 'out.json:val.loss'",
     add_metric_file},
    {"render", "TEMPLATE:NAME", "fill in a copy of a file, put into the trial's directory", add_render},
    {"shell", NULL, "give the command to /bin/sh -c", set_shell},
    {"env", "NAME=VALUE", "set an environment variable of the program", add_env},
    {"trial-time", "TIME", "limit of wall time for one trial", set_trial_time},
    {"cpu-time", "TIME", "limit of processor time for one process", set_cpu_time},
    {"memory", "SIZE", "limit of memory resident in all processes of a trial", set_memory},
    {"max-output", "SIZE", "how much of stdout and of stderr is kept; default 64M", set_max_output},
    {"checkpoint-quota", "SIZE", "room for all checkpoints of the study: those of ended trials are removed",
     set_checkpoint_quota},
    {"grace", "TIME", "time between the steps of a stop (USR1, TERM, KILL); default 30s", set_grace},
    {"workers", "N", "how many programs run at once; default 1", set_workers},
    {"gpus", "LIST", "devices to hand out, e.g. 0,1; default: CUDA_VISIBLE_DEVICES, else those found",
     set_gpus},
    {"gpus-per-trial", "N", "devices of a trial: 1, 2 ... or a share such as 0.5", set_gpus_per_trial},
    {"dir", "FOLDER", "where the directories of trials are made; default: hpo-trials beside the storage",
     set_dir},
};
enum { N_SETTINGS = sizeof settings / sizeof settings[0] };
_Static_assert(N_SETTINGS <= 64, "hpo_plan.given has a bit for each setting");

static size_t find_setting(const char *key)
{
    size_t i = 0;
    while (i < N_SETTINGS && strcmp(settings[i].name, key) != 0)
        i++;
    return i;
}

const char *hpo_plan_setting(size_t i, const char **argument, const char **help)
{
    if (i >= N_SETTINGS) return NULL;
    if (argument) *argument = settings[i].argument;
    if (help) *help = settings[i].help;
    return settings[i].name;
}

int hpo_plan_given(const hpo_plan *p, const char *key)
{
    return (int)(p->given >> find_setting(key) & 1u);
}

static uint64_t bit_of(const char *key)
{
    return UINT64_C(1) << find_setting(key);
}

/* Objectives and metric rules of a study file give way to those of the command line. */
static void replace_entries(hpo_plan *p, size_t i)
{
    const uint64_t objectives = bit_of("minimize") | bit_of("maximize");
    const uint64_t metrics = bit_of("metric") | bit_of("metric-file");
    uint64_t bit = UINT64_C(1) << i;
    if (bit & objectives & p->from_file) {
        hpo_words_clear(&p->objectives);
        p->from_file &= ~objectives;
    }
    if (bit & metrics & p->from_file) {
        hpo_words_clear(&p->command.metrics);
        hpo_words_clear(&p->command.metric_files);
        p->from_file &= ~metrics;
    }
}

/* Bits that share a fate: what a file says about one speaks for all of them. */
static uint64_t family(size_t i)
{
    const uint64_t objectives = bit_of("minimize") | bit_of("maximize");
    const uint64_t metrics = bit_of("metric") | bit_of("metric-file");
    uint64_t bit = UINT64_C(1) << i;
    return bit & objectives ? objectives : bit & metrics ? metrics : bit;
}

hpo_status hpo_plan_set(hpo_plan *p, const char *key, const char *value, hpo_error *err)
{
    if (!p || !key) return hpo_fail(err, HPO_EINVAL, "plan or key is NULL");
    size_t i = find_setting(key);
    if (i == N_SETTINGS) return hpo_fail(err, HPO_EINVAL, "unknown setting '%.100s'", key);
    if (!value && settings[i].argument)
        return hpo_fail(err, HPO_EINVAL, "%s needs a value: %s", key, settings[i].argument);
    if (p->reading_file)
        p->from_file |= family(i);
    else
        replace_entries(p, i);
    HPO_TRY(settings[i].set(p, value, err));
    p->given |= UINT64_C(1) << i;
    return HPO_OK;
}

/* ---- the rest ---------------------------------------------------------------------------------------- */

hpo_status hpo_plan_create(hpo_plan **out, hpo_error *err)
{
    if (!out) return hpo_fail(err, HPO_EINVAL, "out is NULL");
    *out = NULL;
    hpo_plan *p = hpo_calloc(1, sizeof *p);
    if (!p) return hpo_fail_memory(err);
    p->options = hpo_study_options_init();
    hpo_command_init(&p->command);
    hpo_status rc = hpo_space_create(&p->space, err);
    if (rc != HPO_OK) {
        hpo_plan_free(p);
        return rc;
    }
    *out = p;
    return HPO_OK;
}

void hpo_plan_free(hpo_plan *p)
{
    if (!p) return;
    hpo_space_free(p->space);
    hpo_command_fini(&p->command);
    hpo_words_fini(&p->objectives);
    hpo_words_fini(&p->outcomes);
    hpo_free(p->name);
    hpo_free(p->sampler);
    hpo_free(p->scheduler);
    hpo_free(p->until);
    hpo_free(p->gpus);
    hpo_free(p);
}

/* "./train.py" -> train; "python3 -u train.py" -> train. */
static void guess_name(hpo_plan *p)
{
    static const char *const interpreters[] = {"python", "sh",   "bash", "zsh",    "node", "Rscript", "julia",
                                               "perl",   "ruby", "env",  "octave", "java", "lua",     "nice"};
    size_t i = 0;
    const char *base = "";
    for (; i < p->command.words.n; i++) {
        const char *word = hpo_words_at(&p->command.words, i);
        const char *slash = strrchr(word, '/');
        int skip = 0;
        if (word[0] == '-' || strchr(word, '{') || strchr(word, '=')) continue;
        base = slash ? slash + 1 : word;
        for (size_t k = 0; k < sizeof interpreters / sizeof interpreters[0]; k++) {
            size_t len = strlen(interpreters[k]);
            if (!strncmp(base, interpreters[k], len) && !base[len + strspn(base + len, "0123456789.")])
                skip = 1;
        }
        if (!skip) break;
    }
    size_t n = 0;
    for (; base[n] && base[n] != ' ' && n + 1 < sizeof p->guess; n++)
        p->guess[n] = base[n];
    p->guess[n] = '\0';
    char *dot = strrchr(p->guess, '.');
    if (dot && dot != p->guess) *dot = '\0';
}

hpo_status hpo_plan_add_words(hpo_plan *p, const char *const *words, size_t n, const char *condition,
                              hpo_error *err)
{
    if (!condition) condition = "";
    for (size_t i = 0; i < n; i++) {
        HPO_TRY(hpo_template_define(words[i], p->space, &p->command.words, err));
        while (p->command.conditions.n < p->command.words.n)
            HPO_TRY(hpo_words_add(&p->command.conditions, condition, strlen(condition), err));
    }
    guess_name(p);
    return HPO_OK;
}

hpo_status hpo_plan_command(hpo_plan *p, const char *const *words, size_t n, hpo_error *err)
{
    if (!p || (n && !words)) return hpo_fail(err, HPO_EINVAL, "plan or words is NULL");
    if (!n || !words[0][0]) return hpo_fail(err, HPO_EINVAL, "the command is empty: write it behind --");
    hpo_words_clear(&p->command.words); /* it replaces that of a study file */
    hpo_words_clear(&p->command.conditions);
    return hpo_plan_add_words(p, words, n, NULL, err);
}

int32_t hpo_plan_has_command(const hpo_plan *p)
{
    return p->command.words.n > 0;
}

const char *hpo_plan_name(const hpo_plan *p)
{
    if (p->name) return p->name;
    return p->guess[0] ? p->guess : NULL;
}

int32_t hpo_plan_workers(const hpo_plan *p)
{
    return p->workers > 0 ? p->workers : 1;
}

const char *hpo_plan_gpus(const hpo_plan *p, double *per_trial)
{
    if (per_trial) *per_trial = p->command.gpus_per_trial;
    return p->gpus;
}

hpo_space *hpo_plan_space(hpo_plan *p)
{
    return p->space;
}

hpo_status hpo_plan_describe(const hpo_plan *p, char **out, hpo_error *err)
{
    hpo_str s = {0};
    size_t width = 0;
    if (!p || !out) return hpo_fail(err, HPO_EINVAL, "an argument is NULL");
    for (size_t i = 0; i < p->space->n_params; i++) {
        size_t n = strlen(p->space->params[i].name);
        if (n > width && n <= 24) width = n;
    }
    for (size_t i = 0; i < p->space->n_params; i++) {
        hpo_str_addf(&s, "%-*s  ", (int)width, p->space->params[i].name);
        hpo_param_describe(&p->space->params[i], &s);
        hpo_str_addc(&s, '\n');
    }
    for (size_t i = 0; i < p->space->n_constraints; i++)
        hpo_str_addf(&s, "such that %s\n", p->space->constraints[i].text);
    for (size_t i = 0; i < p->objectives.n; i++)
        hpo_str_addf(&s, "%s %s\n", p->directions[i] == HPO_MAXIMIZE ? "maximize" : "minimize",
                     hpo_words_at(&p->objectives, i));
    for (size_t i = 0; i < p->outcomes.n; i++) {
        hpo_str_addf(&s, "%s <= ", hpo_words_at(&p->outcomes, i));
        hpo_str_double(&s, p->maxima[i]);
        hpo_str_addc(&s, '\n');
    }
    return hpo_str_steal(&s, out, err);
}
