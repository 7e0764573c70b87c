/* SPDX-License-Identifier: Apache-2.0 */
/* runner/command.c - see command.h. */
#include "runner/command.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"

void hpo_command_init(hpo_command *c)
{
    *c = (hpo_command){.limits = {.size = sizeof(hpo_limits), .grace = 30, .output = (int64_t)64 << 20}};
}

void hpo_command_fini(hpo_command *c)
{
    hpo_words_fini(&c->words);
    hpo_words_fini(&c->conditions);
    hpo_words_fini(&c->metrics);
    hpo_words_fini(&c->metric_files);
    hpo_words_fini(&c->renders);
    hpo_words_fini(&c->env);
    hpo_free(c->cwd);
    hpo_free(c->dir);
    *c = (hpo_command){0};
}

/* ---- writing ------------------------------------------------------------------------------------- */

/* A JSON text, or HPO_EINVAL when bytes would be replaced: a command must come back as it was. */
static hpo_status add_text(hpo_str *s, const char *text, hpo_error *err)
{
    static const char replacement[] = "\xEF\xBF\xBD";
    size_t start = s->len;
    size_t before = 0;
    size_t after = 0;
    hpo_str_json(s, text);
    if (s->failed) return hpo_fail_memory(err);
    for (const char *p = text; (p = strstr(p, replacement)) != NULL; p += 3)
        before++;
    for (const char *p = s->text + start; (p = strstr(p, replacement)) != NULL; p += 3)
        after++;
    if (before == after) return HPO_OK;
    return hpo_fail(err, HPO_EINVAL,
                    "'%.100s' is not valid UTF-8 and cannot be stored with the study: rename it",
                    s->text + start);
}

static hpo_status add_list(hpo_str *s, const char *key, const hpo_words *w, hpo_error *err)
{
    if (!w->n) return HPO_OK;
    hpo_str_addf(s, ",\"%s\":[", key);
    for (size_t i = 0; i < w->n; i++) {
        if (i) hpo_str_addc(s, ',');
        HPO_TRY(add_text(s, hpo_words_at(w, i), err));
    }
    hpo_str_addc(s, ']');
    return HPO_OK;
}

static hpo_status add_words(hpo_str *s, const hpo_command *c, hpo_error *err)
{
    hpo_str_add(s, "{\"program\":{\"command\":[");
    for (size_t i = 0; i < c->words.n; i++) {
        const char *condition = hpo_words_at(&c->conditions, i);
        if (i) hpo_str_addc(s, ',');
        if (*condition) {
            hpo_str_add(s, "{\"if\":");
            HPO_TRY(add_text(s, condition, err));
            hpo_str_add(s, ",\"args\":[");
        }
        HPO_TRY(add_text(s, hpo_words_at(&c->words, i), err));
        if (*condition) hpo_str_add(s, "]}");
    }
    hpo_str_addc(s, ']');
    return HPO_OK;
}

static hpo_status write_all(hpo_str *s, const hpo_command *c, hpo_error *err)
{
    HPO_TRY(add_words(s, c, err));
    HPO_TRY(add_list(s, "metric", &c->metrics, err));
    HPO_TRY(add_list(s, "metric_file", &c->metric_files, err));
    HPO_TRY(add_list(s, "render", &c->renders, err));
    HPO_TRY(add_list(s, "env", &c->env, err));
    hpo_str_add(s, ",\"cwd\":");
    HPO_TRY(add_text(s, c->cwd, err));
    hpo_str_add(s, ",\"dir\":");
    HPO_TRY(add_text(s, c->dir, err));
    hpo_str_addf(s, ",\"shell\":%s,\"retries\":%d,\"gpus_per_trial\":", c->shell ? "true" : "false",
                 c->retries);
    hpo_str_json_double(s, c->gpus_per_trial);
    hpo_str_add(s, ",\"limits\":{\"trial_time\":");
    hpo_str_json_double(s, c->limits.wall);
    hpo_str_add(s, ",\"cpu_time\":");
    hpo_str_json_double(s, c->limits.cpu);
    hpo_str_add(s, ",\"grace\":");
    hpo_str_json_double(s, c->limits.grace);
    hpo_str_addf(s, ",\"memory\":%lld,\"max_output\":%lld,\"checkpoint_quota\":%lld}}}",
                 (long long)c->limits.memory, (long long)c->limits.output, (long long)c->checkpoint_quota);
    return HPO_OK;
}

hpo_status hpo_command_write(const hpo_command *c, char **json, hpo_error *err)
{
    hpo_str s = {0};
    hpo_status rc = write_all(&s, c, err);
    if (rc == HPO_OK) rc = hpo_str_steal(&s, json, err);
    hpo_str_fini(&s);
    return rc;
}

/* ---- reading ------------------------------------------------------------------------------------- */

static hpo_status read_list(struct json_object *o, const char *what, const char *key, hpo_words *out,
                            hpo_error *err)
{
    struct json_object *list = NULL;
    HPO_TRY(hpo_json_get_array(o, what, key, &list, err));
    for (size_t i = 0; list && i < json_object_array_length(list); i++) {
        struct json_object *item = json_object_array_get_idx(list, i);
        if (!json_object_is_type(item, json_type_string))
            return hpo_fail(err, HPO_ECORRUPT, "%s.%s: entry %zu is not a text", what, key, i);
        HPO_TRY(hpo_words_add(out, json_object_get_string(item), strlen(json_object_get_string(item)), err));
    }
    return HPO_OK;
}

static hpo_status read_word(struct json_object *item, const char *condition, hpo_command *c, hpo_error *err)
{
    if (!json_object_is_type(item, json_type_string))
        return hpo_fail(err, HPO_ECORRUPT, "program.command: a word is not a text");
    const char *text = json_object_get_string(item);
    HPO_TRY(hpo_words_add(&c->words, text, strlen(text), err));
    return hpo_words_add(&c->conditions, condition, strlen(condition), err);
}

static hpo_status read_words(struct json_object *o, hpo_command *c, hpo_error *err)
{
    struct json_object *list = NULL;
    HPO_TRY(hpo_json_get_array(o, "program", "command", &list, err));
    for (size_t i = 0; list && i < json_object_array_length(list); i++) {
        struct json_object *item = json_object_array_get_idx(list, i);
        const char *condition = "";
        struct json_object *args = NULL;
        if (!json_object_is_type(item, json_type_object)) {
            HPO_TRY(read_word(item, "", c, err));
            continue;
        }
        HPO_TRY(hpo_json_get_string(item, "program.command", "if", &condition, err));
        HPO_TRY(hpo_json_get_array(item, "program.command", "args", &args, err));
        for (size_t j = 0; args && j < json_object_array_length(args); j++)
            HPO_TRY(read_word(json_object_array_get_idx(args, j), condition, c, err));
    }
    return HPO_OK;
}

static hpo_status read_text(struct json_object *o, const char *key, char **out, hpo_error *err)
{
    const char *text = NULL;
    HPO_TRY(hpo_json_get_string(o, "program", key, &text, err));
    if (!text) return hpo_fail(err, HPO_ECORRUPT, "program.%s is missing in the study's metadata", key);
    *out = hpo_strdup(text);
    return *out ? HPO_OK : hpo_fail_memory(err);
}

static hpo_status read_program(struct json_object *o, hpo_command *c, hpo_error *err)
{
    struct json_object *limits = NULL;
    int64_t retries = 0;
    HPO_TRY(read_words(o, c, err));
    HPO_TRY(read_list(o, "program", "metric", &c->metrics, err));
    HPO_TRY(read_list(o, "program", "metric_file", &c->metric_files, err));
    HPO_TRY(read_list(o, "program", "render", &c->renders, err));
    HPO_TRY(read_list(o, "program", "env", &c->env, err));
    HPO_TRY(read_text(o, "cwd", &c->cwd, err));
    HPO_TRY(read_text(o, "dir", &c->dir, err));
    HPO_TRY(hpo_json_get_bool(o, "program", "shell", &c->shell, err));
    HPO_TRY(hpo_json_get_int(o, "program", "retries", &retries, err));
    HPO_TRY(hpo_json_get_double(o, "program", "gpus_per_trial", &c->gpus_per_trial, err));
    HPO_TRY(hpo_json_get_object(o, "program", "limits", &limits, err));
    c->retries = retries < 0 ? 0 : retries > 1000000 ? 1000000 : (int)retries;
    if (!limits) return HPO_OK;
    HPO_TRY(hpo_json_get_double(limits, "program.limits", "trial_time", &c->limits.wall, err));
    HPO_TRY(hpo_json_get_double(limits, "program.limits", "cpu_time", &c->limits.cpu, err));
    HPO_TRY(hpo_json_get_double(limits, "program.limits", "grace", &c->limits.grace, err));
    HPO_TRY(hpo_json_get_int(limits, "program.limits", "memory", &c->limits.memory, err));
    HPO_TRY(hpo_json_get_int(limits, "program.limits", "checkpoint_quota", &c->checkpoint_quota, err));
    return hpo_json_get_int(limits, "program.limits", "max_output", &c->limits.output, err);
}

hpo_status hpo_command_read(const char *metadata, const char *name, hpo_command *out, hpo_error *err)
{
    struct json_object *root = NULL;
    struct json_object *program = NULL;
    hpo_status rc = HPO_OK;
    hpo_command_init(out);
    if (metadata) rc = hpo_json_parse(metadata, strlen(metadata), "the study's metadata", &root, err);
    if (rc == HPO_OK && root) rc = hpo_json_get_object(root, "metadata", "program", &program, err);
    if (rc == HPO_OK && program) rc = read_program(program, out, err);
    if (rc == HPO_OK && !out->words.n)
        rc = hpo_fail(err, HPO_ENOTFOUND,
                      "study '%s' has no command: it was made by `hpo create` or a program; give one with "
                      "`hpo run -n %s "
                      "-- COMMAND`",
                      name, name);
    json_object_put(root);
    if (rc != HPO_OK) hpo_command_fini(out);
    return rc;
}

static int same_words(const hpo_words *a, const hpo_words *b)
{
    if (a->n != b->n) return 0;
    for (size_t i = 0; i < a->n; i++)
        if (strcmp(hpo_words_at(a, i), hpo_words_at(b, i)) != 0) return 0;
    return 1;
}

int hpo_command_same(const hpo_command *a, const hpo_command *b)
{
    return a->shell == b->shell && same_words(&a->words, &b->words) &&
           same_words(&a->conditions, &b->conditions);
}

/* ---- use ------------------------------------------------------------------------------------------ */

hpo_status hpo_command_compile(const hpo_command *c, const hpo_space *space, hpo_template *out,
                               hpo_error *err)
{
    out->quote = c->shell;
    for (size_t i = 0; i < c->words.n; i++) {
        const char *condition = hpo_words_at(&c->conditions, i);
        HPO_TRY(hpo_template_add(out, space, hpo_words_at(&c->words, i), *condition ? condition : NULL, err));
    }
    return HPO_OK;
}

hpo_status hpo_command_argv(const hpo_command *c, const hpo_template *t, const hpo_space *space,
                            const double *x, const char *const *specials, hpo_words *out, hpo_error *err)
{
    if (!c->shell) {
        HPO_TRY(hpo_template_render(t, space, x, specials, out, err));
        return out->n ? HPO_OK : hpo_fail(err, HPO_EINVAL, "the command is empty");
    }
    /* The shell sees the user's words as they are; what is filled in is quoted (template.h). */
    hpo_words words = {0};
    hpo_str line = {0};
    hpo_status rc = hpo_template_render(t, space, x, specials, &words, err);
    for (size_t i = 0; i < words.n; i++) {
        if (i) hpo_str_addc(&line, ' ');
        hpo_str_add(&line, hpo_words_at(&words, i));
    }
    if (rc == HPO_OK && line.failed) rc = hpo_fail_memory(err);
    if (rc == HPO_OK) rc = hpo_words_add(out, "/bin/sh", 7, err);
    if (rc == HPO_OK) rc = hpo_words_add(out, "-c", 2, err);
    if (rc == HPO_OK) rc = hpo_words_add(out, line.text ? line.text : "", line.len, err);
    hpo_words_fini(&words);
    hpo_str_fini(&line);
    return rc;
}

void hpo_command_line(const hpo_command *c, const hpo_words *argv, hpo_str *out)
{
    if (c->shell && argv->n == 3) {
        hpo_str_add(out, hpo_words_at(argv, 2));
        return;
    }
    for (size_t i = 0; i < argv->n; i++) {
        if (i) hpo_str_addc(out, ' ');
        hpo_shell_quote(out, hpo_words_at(argv, i));
    }
}
