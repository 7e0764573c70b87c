/* SPDX-License-Identifier: Apache-2.0 */
/* bench/solvers.c - which solvers there are: the commands of others, from the file solvers.json in the folder
 * of adapters, and what our own samplers say they can do. */
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/options.h"
#include "base/os.h"
#include "bench/protocol.h"
#include "sampler/registry.h"

enum { MAX_REGISTRY = 1 << 20 };

/* ---- the command ------------------------------------------------------------------------------------ */

static hpo_status load_registry(const char *adapters, struct json_object **out, hpo_error *err)
{
    hpo_str path = {0};
    char *text = NULL;
    size_t n = 0;
    hpo_str_addf(&path, "%s/solvers.json", adapters);
    hpo_status rc = path.failed ? hpo_fail_memory(err) : HPO_OK;
    if (rc == HPO_OK) rc = hpo_os_read_file(path.text, MAX_REGISTRY, &text, &n, err);
    if (rc == HPO_OK) rc = hpo_json_parse(text, n, path.text, out, err);
    if (rc == HPO_OK && !json_object_is_type(*out, json_type_object)) {
        json_object_put(*out);
        rc = hpo_fail(err, HPO_EINVAL, "%s is not an object of solvers by name", path.text);
    }
    hpo_free(text);
    hpo_str_fini(&path);
    return rc;
}

/* One word of a registered command with every "{dir}" replaced. */
static hpo_status add_registered(hpo_words *argv, const char *word, const char *adapters, hpo_error *err)
{
    hpo_str s = {0};
    for (const char *at; (at = strstr(word, "{dir}")) != NULL; word = at + 5) {
        hpo_str_addn(&s, word, (size_t)(at - word));
        hpo_str_add(&s, adapters);
    }
    hpo_str_add(&s, word);
    hpo_status rc = s.failed ? hpo_fail_memory(err) : hpo_words_add(argv, s.text, s.len, err);
    hpo_str_fini(&s);
    return rc;
}

static hpo_status fail_name(struct json_object *registry, const char *name, const char *adapters,
                            hpo_error *err)
{
    const char *best = NULL;
    unsigned least = 256;
    json_object_object_foreach(registry, key, value)
    {
        unsigned d = hpo_edit_distance(name, key);
        if (value && d < least) {
            least = d;
            best = key;
        }
    }
    return hpo_fail(err, HPO_ENOTFOUND, "solver '@%s' is not in %s/solvers.json%s%s", name, adapters,
                    best ? "; the nearest is @" : "", best ? best : "");
}

static hpo_status add_from_registry(hpo_words *argv, const char *name, const char *adapters, hpo_error *err)
{
    struct json_object *registry = NULL, *entry = NULL, *command = NULL;
    if (!adapters)
        return hpo_fail(err, HPO_ENOTFOUND,
                        "solver '@%s': the folder of adapters is not known; give --adapters DIR or "
                        "HPO_BENCH_ADAPTERS, or a path with a '/'",
                        name);
    HPO_TRY(load_registry(adapters, &registry, err));
    hpo_status rc = HPO_OK;
    if (!json_object_object_get_ex(registry, name, &entry)) {
        rc = fail_name(registry, name, adapters, err);
    } else if (!json_object_is_type(entry, json_type_object) ||
               !json_object_object_get_ex(entry, "command", &command) ||
               !json_object_is_type(command, json_type_array) || !json_object_array_length(command)) {
        rc = hpo_fail(err, HPO_EINVAL, "%s/solvers.json: '%s' has no \"command\", an array of words",
                      adapters, name);
    }
    for (size_t i = 0; rc == HPO_OK && i < json_object_array_length(command); i++)
        rc = add_registered(argv, json_object_get_string(json_object_array_get_idx(command, i)), adapters,
                            err);
    json_object_put(registry);
    return rc;
}

hpo_status hpo_solver_command(const char *spec, const char *adapters, hpo_words *argv, hpo_error *err)
{
    const char *p = spec + (spec[0] == '@');
    hpo_words_clear(argv);
    for (int first = 1;; first = 0) {
        p += strspn(p, " \t");
        size_t n = strcspn(p, " \t");
        if (n == 0 && first) return hpo_fail(err, HPO_EINVAL, "method '%s' names no solver", spec);
        if (n == 0) return HPO_OK;
        if (first && !memchr(p, '/', n)) {
            char name[128];
            if (n >= sizeof name) return hpo_fail(err, HPO_ENOTFOUND, "solver '%.200s' is unknown", spec);
            memcpy(name, p, n);
            name[n] = '\0';
            HPO_TRY(add_from_registry(argv, name, adapters, err));
        } else {
            HPO_TRY(hpo_words_add(argv, p, n, err));
        }
        p += n;
    }
}

hpo_status hpo_solver_list(const char *adapters, hpo_words *out, hpo_error *err)
{
    struct json_object *registry = NULL;
    hpo_status rc = HPO_OK;
    hpo_str line = {0};
    hpo_words_clear(out);
    HPO_TRY(load_registry(adapters, &registry, err));
    json_object_object_foreach(registry, key, value)
    {
        struct json_object *help = NULL;
        if (rc != HPO_OK) break;
        if (json_object_is_type(value, json_type_object)) json_object_object_get_ex(value, "help", &help);
        hpo_str_clear(&line);
        hpo_str_addf(&line, "%s\t%s", key, help ? json_object_get_string(help) : "");
        rc = line.failed ? hpo_fail_memory(err) : hpo_words_add(out, line.text, line.len, err);
    }
    hpo_str_fini(&line);
    json_object_put(registry);
    return rc;
}

/* ---- our own ---------------------------------------------------------------------------------------- */

hpo_status hpo_solver_spec_cast(const char *sampler, hpo_str *out, hpo_error *err)
{
    static const struct {
        uint32_t bit;
        const char *words;
    } known[] = {
        {HPO_CAP_CONTINUOUS, "\"UNIFORM_CONTINUOUS\",\"LOG_UNIFORM_CONTINUOUS\","},
        {HPO_CAP_DISCRETE, "\"UNIFORM_DISCRETE\",\"LOG_UNIFORM_DISCRETE\",\"CATEGORICAL\","},
        {HPO_CAP_MULTI_OBJECTIVE, "\"MULTI_OBJECTIVE\","},
    };
    char name[64];
    const char *rest;
    if (!sampler) sampler = HPO_DEFAULT_SAMPLER;
    HPO_TRY(hpo_options_split(sampler, name, sizeof name, &rest, err));
    const hpo_sampler_ops *ops = hpo_sampler_find(name);
    if (!ops) return hpo_fail(err, HPO_ENOTFOUND, "there is no sampler '%s'; see `hpo samplers`", name);
    hpo_str_add(out, "{\"type\":\"SOLVER_SPEC_CAST\",\"spec\":{\"name\":");
    hpo_str_json(out, sampler);
    hpo_str_addf(out, ",\"attrs\":{\"version\":\"libhpo %s\",\"hpo.extensions\":\"%s%s\"},\"capabilities\":[",
                 hpo_version(), ops->caps & HPO_CAP_STRUCTURED ? "STRUCTURED " : "",
                 ops->caps & HPO_CAP_OUTCOMES ? "OUTCOMES" : "");
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (ops->caps & known[i].bit) hpo_str_add(out, known[i].words);
    hpo_str_add(out, "\"CONCURRENT\"]}}");
    return out->failed ? hpo_fail_memory(err) : HPO_OK;
}
