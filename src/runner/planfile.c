/* SPDX-License-Identifier: Apache-2.0 */
/* runner/planfile.c - study files (docs/study-file.md, docs/study-file.schema.json).  Parameters and
 * constraints are read by the space; everything else becomes settings of the plan. */
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "runner/plan.h"

/* A scalar as the text that hpo_plan_set takes; NULL: it is none. */
static const char *scalar(struct json_object *v)
{
    if (!v || json_object_is_type(v, json_type_object) || json_object_is_type(v, json_type_array))
        return NULL;
    return json_object_get_string(v);
}

/* Gives every key of an object to the setting of the same meaning. */
typedef struct key_setting {
    const char *key, *setting;
} key_setting;

static hpo_status set_one(hpo_plan *p, const char *what, const char *key, const char *setting,
                          struct json_object *v, hpo_error *err)
{
    if (!v) return HPO_OK;
    if (json_object_is_type(v, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(v); i++) {
            const char *text = scalar(json_object_array_get_idx(v, i));
            if (!text)
                return hpo_fail(err, HPO_EINVAL, "%s.%s: entry %zu must be a text or a number", what, key, i);
            hpo_status rc = hpo_plan_set(p, setting, text, err);
            if (rc != HPO_OK) return hpo_fail_prefix(err, rc, "%s", what);
        }
        return HPO_OK;
    }
    const char *text = scalar(v);
    if (!text) return hpo_fail(err, HPO_EINVAL, "%s.%s: must be a text or a number", what, key);
    hpo_status rc = hpo_plan_set(p, setting, text, err);
    return rc == HPO_OK ? rc : hpo_fail_prefix(err, rc, "%s", what);
}

static hpo_status set_keys(hpo_plan *p, const char *what, struct json_object *o, const key_setting *keys,
                           hpo_error *err)
{
    for (; keys->key; keys++) {
        struct json_object *v = NULL;
        if (keys->setting && json_object_object_get_ex(o, keys->key, &v))
            HPO_TRY(set_one(p, what, keys->key, keys->setting, v, err));
    }
    return HPO_OK;
}

/* Unknown keys are errors: the table is also the list of known ones. */
static hpo_status check_keys(struct json_object *o, const char *what, const key_setting *keys, hpo_error *err)
{
    const char *names[40];
    size_t n = 0;
    for (; keys->key && n + 1 < sizeof names / sizeof names[0]; keys++)
        names[n++] = keys->key;
    names[n] = NULL;
    return hpo_json_check_keys(o, what, names, err);
}

static hpo_status section(hpo_plan *p, struct json_object *root, const char *file, const char *name,
                          const key_setting *keys, struct json_object **out, hpo_error *err)
{
    char what[300];
    struct json_object *o = NULL;
    hpo_str text = {0};
    hpo_str_addf(&text, "%.200s: %s", file, name);
    if (text.failed) return hpo_fail_memory(err);
    memcpy(what, text.text, text.len + 1);
    hpo_str_fini(&text);
    *out = NULL;
    HPO_TRY(hpo_json_get_object(root, file, name, &o, err));
    if (!o) return HPO_OK;
    HPO_TRY(check_keys(o, what, keys, err));
    *out = o;
    return set_keys(p, what, o, keys, err);
}

/* ---- study: {name, objectives, seed, ...} ---- */

static hpo_status read_objective(hpo_plan *p, struct json_object *o, const char *file, hpo_error *err)
{
    static const char *const allowed[] = {"name", "goal", NULL};
    const char *name = scalar(o);
    const char *goal = "min";
    if (!name) {
        if (!json_object_is_type(o, json_type_object))
            return hpo_fail(err, HPO_EINVAL,
                            "%s: study.objectives: an entry must be {name: NAME, goal: min or max}", file);
        if (json_object_object_get_ex(o, "threshold", NULL))
            return hpo_fail(err, HPO_EINVAL,
                            "%s: study.objectives: threshold is not supported: a limit is written as "
                            "outcome_constraints: "
                            "[{name: NAME, max: VALUE}]",
                            file);
        HPO_TRY(hpo_json_check_keys(o, "study.objectives", allowed, err));
        HPO_TRY(hpo_json_get_string(o, "study.objectives", "name", &name, err));
        HPO_TRY(hpo_json_get_string(o, "study.objectives", "goal", &goal, err));
    }
    if (!name) return hpo_fail(err, HPO_EINVAL, "%s: study.objectives: an entry has no name", file);
    if (!strncmp(goal, "min", 3)) return hpo_plan_set(p, "minimize", name, err);
    if (!strncmp(goal, "max", 3)) return hpo_plan_set(p, "maximize", name, err);
    return hpo_fail(err, HPO_EINVAL, "%s: study.objectives: goal '%.60s' of '%.100s': must be min or max",
                    file, goal, name);
}

static hpo_status read_study(hpo_plan *p, struct json_object *root, const char *file, hpo_error *err)
{
    static const key_setting keys[] = {{"name", "name"},   {"objectives", NULL}, {"seed", "seed"},
                                       {"noisy", "noisy"}, {"lag", "lag"},       {NULL, NULL}};
    struct json_object *o;
    struct json_object *list = NULL;
    HPO_TRY(section(p, root, file, "study", keys, &o, err));
    if (o) HPO_TRY(hpo_json_get_array(o, "study", "objectives", &list, err));
    for (size_t i = 0; list && i < json_object_array_length(list); i++)
        HPO_TRY(read_objective(p, json_object_array_get_idx(list, i), file, err));
    return HPO_OK;
}

/* ---- command ---- */

static hpo_status add_word(hpo_plan *p, struct json_object *v, const char *condition, const char *file,
                           hpo_error *err)
{
    const char *text = scalar(v);
    if (!text) return hpo_fail(err, HPO_EINVAL, "%s: command: a word must be a text or a number", file);
    return hpo_plan_add_words(p, &text, 1, condition, err);
}

static hpo_status read_command(hpo_plan *p, struct json_object *root, const char *file, hpo_error *err)
{
    static const char *const allowed[] = {"if", "args", NULL};
    struct json_object *list = NULL;
    if (!json_object_object_get_ex(root, "command", &list)) return HPO_OK;
    if (json_object_is_type(list, json_type_string)) {
        if (!p->command.shell)
            return hpo_fail(err, HPO_EINVAL,
                            "%s: command is one text: write a list of words, or add 'shell: true'", file);
        return add_word(p, list, NULL, file, err);
    }
    if (!json_object_is_type(list, json_type_array))
        return hpo_fail(err, HPO_EINVAL, "%s: command must be a list of words", file);
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *item = json_object_array_get_idx(list, i);
        struct json_object *args = NULL;
        const char *condition = NULL;
        if (!json_object_is_type(item, json_type_object)) {
            HPO_TRY(add_word(p, item, NULL, file, err));
            continue;
        }
        HPO_TRY(hpo_json_check_keys(item, "command", allowed, err));
        HPO_TRY(hpo_json_get_string(item, "command", "if", &condition, err));
        HPO_TRY(hpo_json_get_array(item, "command", "args", &args, err));
        if (!condition || !args)
            return hpo_fail(err, HPO_EINVAL,
                            "%s: command: an entry with a condition is {if: EXPR, args: [WORDS]}", file);
        for (size_t k = 0; k < json_object_array_length(args); k++)
            HPO_TRY(add_word(p, json_object_array_get_idx(args, k), condition, file, err));
    }
    return HPO_OK;
}

/* ---- search ---- */

/* "asha:eta=3", or {asha: {eta: 3}}, as a spec; "auto" is the default. */
static hpo_status read_spec(hpo_plan *p, struct json_object *o, const char *key, const char *file,
                            hpo_error *err)
{
    struct json_object *v = NULL;
    hpo_str spec = {0};
    hpo_status rc = HPO_OK;
    if (!json_object_object_get_ex(o, key, &v) || !v) return HPO_OK;
    const char *text = scalar(v);
    if (text) return strcmp(text, "auto") ? hpo_plan_set(p, key, text, err) : HPO_OK;
    if (!json_object_is_type(v, json_type_object) || json_object_object_length(v) != 1)
        return hpo_fail(err, HPO_EINVAL, "%s: search.%s: write NAME, or {NAME: {option: value}}", file, key);
    json_object_object_foreach(v, name, options)
    {
        int n = 0;
        hpo_str_add(&spec, name);
        if (options && !json_object_is_type(options, json_type_object)) {
            rc = hpo_fail(err, HPO_EINVAL, "%s: search.%s.%.60s: must be an object of options", file, key,
                          name);
            break;
        }
        if (!options) continue;
        json_object_object_foreach(options, option, value)
        {
            const char *t = scalar(value);
            hpo_str_addf(&spec, "%c%s=%s", n++ ? ',' : ':', option, t ? t : "");
        }
    }
    if (rc == HPO_OK) rc = spec.failed ? hpo_fail_memory(err) : hpo_plan_set(p, key, spec.text, err);
    hpo_str_fini(&spec);
    return rc;
}

static hpo_status read_search(hpo_plan *p, struct json_object *root, const char *file, hpo_error *err)
{
    static const key_setting keys[] = {{"sampler", NULL}, {"scheduler", NULL}, {NULL, NULL}};
    struct json_object *o;
    HPO_TRY(section(p, root, file, "search", keys, &o, err));
    if (!o) return HPO_OK;
    HPO_TRY(read_spec(p, o, "sampler", file, err));
    return read_spec(p, o, "scheduler", file, err);
}

/* ---- budget, outcome constraints, env ---- */

static hpo_status read_budget(hpo_plan *p, struct json_object *root, const char *file, hpo_error *err)
{
    static const char *const keys[] = {"time", "trials", "cost", "target", "stagnation", NULL};
    struct json_object *v = NULL;
    if (!json_object_object_get_ex(root, "budget", &v) || !v) return HPO_OK;
    if (scalar(v)) return set_one(p, file, "budget", "budget", v, err);
    if (!json_object_is_type(v, json_type_object))
        return hpo_fail(err, HPO_EINVAL, "%s: budget: must be an object or a text such as '4h,500trials'",
                        file);
    HPO_TRY(hpo_json_check_keys(v, "budget", keys, err));
    json_object_object_foreach(v, key, value)
    {
        const char *text = scalar(value);
        hpo_str part = {0};
        if (!text) return hpo_fail(err, HPO_EINVAL, "%s: budget.%s: must be a text or a number", file, key);
        hpo_str_addf(&part, "%s=%s", key, text);
        hpo_status rc = part.failed ? hpo_fail_memory(err) : hpo_plan_set(p, "budget", part.text, err);
        hpo_str_fini(&part);
        if (rc != HPO_OK) return hpo_fail_prefix(err, rc, "%s", file);
    }
    return HPO_OK;
}

static hpo_status read_outcomes(hpo_plan *p, struct json_object *root, const char *file, hpo_error *err)
{
    static const char *const keys[] = {"name", "max", NULL};
    struct json_object *list = NULL;
    HPO_TRY(hpo_json_get_array(root, file, "outcome_constraints", &list, err));
    for (size_t i = 0; list && i < json_object_array_length(list); i++) {
        struct json_object *o = json_object_array_get_idx(list, i);
        struct json_object *max = NULL;
        const char *name = NULL;
        const char *limit = "0";
        hpo_str part = {0};
        if (!json_object_is_type(o, json_type_object))
            return hpo_fail(err, HPO_EINVAL,
                            "%s: outcome_constraints: an entry must be {name: NAME, max: VALUE}", file);
        HPO_TRY(hpo_json_check_keys(o, "outcome_constraints", keys, err));
        HPO_TRY(hpo_json_get_string(o, "outcome_constraints", "name", &name, err));
        if (json_object_object_get_ex(o, "max", &max)) limit = scalar(max);
        hpo_str_addf(&part, "%s<=%s", name ? name : "", limit ? limit : "");
        hpo_status rc = part.failed ? hpo_fail_memory(err) : hpo_plan_set(p, "outcome", part.text, err);
        hpo_str_fini(&part);
        if (rc != HPO_OK) return hpo_fail_prefix(err, rc, "%s", file);
    }
    return HPO_OK;
}

static hpo_status read_env(hpo_plan *p, struct json_object *root, const char *file, hpo_error *err)
{
    struct json_object *o = NULL;
    HPO_TRY(hpo_json_get_object(root, file, "env", &o, err));
    if (!o) return HPO_OK;
    json_object_object_foreach(o, key, value)
    {
        const char *text = scalar(value);
        hpo_str part = {0};
        if (!text) return hpo_fail(err, HPO_EINVAL, "%s: env.%.100s: must be a text or a number", file, key);
        hpo_str_addf(&part, "%s=%s", key, text);
        hpo_status rc = part.failed ? hpo_fail_memory(err) : hpo_plan_set(p, "env", part.text, err);
        hpo_str_fini(&part);
        HPO_TRY(rc);
    }
    return HPO_OK;
}

/* ---- the whole ---- */

static hpo_status read_space(hpo_plan *p, struct json_object *root, const char *text, const char *file,
                             hpo_error *err)
{
    hpo_space *space = NULL;
    int has = json_object_object_get_ex(root, "params", NULL) ||
              json_object_object_get_ex(root, "constraints", NULL) ||
              json_object_object_get_ex(root, "derived", NULL);
    if (!has) return HPO_OK; /* they stand in the command */
    if (hpo_space_n_params(p->space))
        return hpo_fail(err, HPO_EINVAL, "%s: there are parameters already: give the file first, once", file);
    if (!json_object_object_get_ex(root, "params", NULL))
        return hpo_fail(err, HPO_EINVAL, "%s: constraints and derived values need 'params'", file);
    hpo_status rc = hpo_space_load(text, &space, err);
    if (rc != HPO_OK) return hpo_fail_prefix(err, rc, "%s", file);
    hpo_space_free(p->space);
    p->space = space;
    return HPO_OK;
}

static hpo_status read_root(hpo_plan *p, struct json_object *root, const char *text, const char *file,
                            hpo_error *err)
{
    static const key_setting top[] = {{"study", NULL},      {"command", NULL},
                                      {"params", NULL},     {"constraints", NULL},
                                      {"derived", NULL},    {"outcome_constraints", NULL},
                                      {"search", NULL},     {"budget", NULL},
                                      {"limits", NULL},     {"resources", NULL},
                                      {"env", NULL},        {"metric", "metric"},
                                      {"render", "render"}, {"metric_file", "metric-file"},
                                      {"shell", "shell"},   {"dir", "dir"},
                                      {"until", "until"},   {NULL, NULL}};
    static const key_setting limits[] = {{"trial_time", "trial-time"},
                                         {"cpu_time", "cpu-time"},
                                         {"memory", "memory"},
                                         {"max_output", "max-output"},
                                         {"checkpoint_quota", "checkpoint-quota"},
                                         {"grace", "grace"},
                                         {"retries", "retries"},
                                         {"max_retries", "max-retries"},
                                         {"lease", "lease"},
                                         {NULL, NULL}};
    static const key_setting resources[] = {
        {"workers", "workers"}, {"gpus", "gpus"}, {"gpus_per_trial", "gpus-per-trial"}, {NULL, NULL}};
    struct json_object *o;
    if (!json_object_is_type(root, json_type_object))
        return hpo_fail(err, HPO_EINVAL, "%s: a study file is an object with study, command, params ...",
                        file);
    HPO_TRY(check_keys(root, file, top, err));
    HPO_TRY(read_space(p, root, text, file, err));
    HPO_TRY(set_keys(p, file, root, top, err));
    HPO_TRY(read_study(p, root, file, err));
    HPO_TRY(read_command(p, root, file, err));
    HPO_TRY(read_search(p, root, file, err));
    HPO_TRY(read_budget(p, root, file, err));
    HPO_TRY(read_outcomes(p, root, file, err));
    HPO_TRY(read_env(p, root, file, err));
    HPO_TRY(section(p, root, file, "limits", limits, &o, err));
    return section(p, root, file, "resources", resources, &o, err);
}

/* The space reads the document itself; "study" or "command" tells it that other keys are not its own. */
hpo_status hpo_plan_load(hpo_plan *p, const char *text, size_t n, const char *what, hpo_error *err)
{
    struct json_object *root = NULL;
    if (!p || !text) return hpo_fail(err, HPO_EINVAL, "plan or text is NULL");
    if (memchr(text, '\0', n))
        return hpo_fail(err, HPO_EINVAL, "%s: it holds a NUL byte: a study file is a text", what);
    char *copy = hpo_strndup(text, n);
    if (!copy) return hpo_fail_memory(err);
    p->reading_file = 1;
    hpo_status rc = hpo_document_parse(copy, n, what, &root, err);
    if (rc == HPO_OK) {
        rc = read_root(p, root, copy, what, err);
        if (rc != HPO_OK && err && strncmp(err->msg, what, strlen(what)) != 0)
            rc = hpo_fail_prefix(err, rc, "%s", what);
    }
    p->reading_file = 0;
    json_object_put(root);
    hpo_free(copy);
    return rc;
}
