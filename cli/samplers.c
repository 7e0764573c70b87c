/* SPDX-License-Identifier: Apache-2.0 */
/* cli/samplers.c - `hpo samplers`: what is built in, from the option tables. */
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "record.h"

static const cli_option samplers_options[] = {
    {"schedulers", 0, NULL, "schedulers instead of samplers", 0, NULL},
    {"storages", 0, NULL, "storages", 0, NULL},
    {"runners", 0, NULL, "runners", 0, NULL},
    {"terminators", 0, NULL, "stopping rules (for --until)", 0, NULL},
    {"names", 0, NULL, "only the names, one a line", 0, NULL},
    {"json", 0, NULL, "print JSON, one object a line", 0, NULL},
};

static const char *member(struct json_object *o, const char *key)
{
    struct json_object *m = NULL;
    if (!json_object_object_get_ex(o, key, &m) || !m) return "";
    return json_object_get_string(m);
}

static void caps_text(hpo_str *s, struct json_object *o)
{
    struct json_object *caps = NULL;
    if (!json_object_object_get_ex(o, "capabilities", &caps) || !json_object_is_type(caps, json_type_array))
        return;
    for (size_t i = 0; i < json_object_array_length(caps); i++) {
        if (i) hpo_str_add(s, ", ");
        hpo_str_add(s, json_object_get_string(json_object_array_get_idx(caps, i)));
    }
}

static int describe_options(cli *c, struct json_object *o)
{
    static const char *const heads[] = {"option", "type", "default", "min", "max", "meaning"};
    struct json_object *list = NULL;
    cli_table *t;
    if (!json_object_object_get_ex(o, "options", &list) || !json_object_array_length(list)) {
        puts("no options");
        return CLI_OK;
    }
    t = cli_table_new(CLI_COUNT(heads), heads);
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *row = json_object_array_get_idx(list, i);
        cli_table_cell(t, member(row, "name"));
        cli_table_cell(t, member(row, "type"));
        cli_table_cell(t, member(row, "default"));
        cli_table_cell(t, member(row, "min"));
        cli_table_cell(t, member(row, "max"));
        cli_table_cell(t, member(row, "help"));
    }
    return cli_table_print(c, t, stdout);
}

static int describe(cli *c, const char *json)
{
    struct json_object *o = NULL;
    hpo_str caps = {0};
    int rc;
    if (hpo_json_parse(json, strlen(json), "description", &o, &c->err) != HPO_OK) return cli_fail(c);
    caps_text(&caps, o);
    printf("%s: %s\n", member(o, "name"), member(o, "help"));
    if (*member(o, "reference")) printf("reference: %s\n", member(o, "reference"));
    if (caps.len) printf("handles: %s\n", caps.text);
    rc = describe_options(c, o);
    hpo_str_fini(&caps);
    json_object_put(o);
    return rc;
}

static int list(cli *c, hpo_registry registry)
{
    static const char *const heads[] = {"name", "use"};
    cli_table *t = NULL;
    const char *name;
    int rc = CLI_OK;
    if (!cli_has(c, "names") && !cli_has(c, "json")) t = cli_table_new(CLI_COUNT(heads), heads);
    for (size_t i = 0; (name = hpo_registry_name(registry, i)) != NULL && rc == CLI_OK; i++) {
        char *json = NULL;
        struct json_object *o = NULL;
        if (cli_has(c, "names")) {
            puts(name);
            continue;
        }
        if (hpo_registry_describe(registry, name, &json, &c->err) != HPO_OK) {
            rc = cli_fail(c);
        } else if (!t) {
            puts(json);
        } else if (hpo_json_parse(json, strlen(json), "description", &o, &c->err) != HPO_OK) {
            rc = cli_fail(c);
        } else {
            cli_table_cell(t, name);
            cli_table_cell(t, member(o, "help"));
            json_object_put(o);
        }
        hpo_free(json);
    }
    if (t && rc == CLI_OK) return cli_table_print(c, t, stdout);
    cli_table_free(t);
    return rc;
}

static int run_samplers(cli *c)
{
    hpo_registry registry = HPO_SAMPLERS;
    char *json = NULL;
    int rc = cli_expect_args(c, 0, 1);
    if (rc != CLI_OK) return rc;
    if (cli_has(c, "schedulers") + cli_has(c, "storages") + cli_has(c, "runners") +
            cli_has(c, "terminators") >
        1)
        return cli_usage_error(
            c, "--schedulers, --storages, --runners and --terminators exclude each other: give one");
    if (cli_has(c, "schedulers")) registry = HPO_SCHEDULERS;
    if (cli_has(c, "storages")) registry = HPO_STORAGES;
    if (cli_has(c, "runners")) registry = HPO_RUNNERS;
    if (cli_has(c, "terminators")) registry = HPO_TERMINATORS;
    if (!c->n_args) return list(c, registry);
    if (hpo_registry_describe(registry, c->args[0], &json, &c->err) != HPO_OK) return cli_fail(c);
    if (cli_has(c, "json"))
        puts(json);
    else
        rc = describe(c, json);
    hpo_free(json);
    return rc;
}

const cli_command cli_samplers = {
    .name = "samplers",
    .group = "Tools",
    .help = "list the samplers, schedulers, storages, runners and stopping rules, or describe one with its "
            "options",
    .usage = "[--schedulers|--storages|--runners|--terminators] [NAME]",
    .words = "@sampler",
    .options = samplers_options,
    .n_options = CLI_COUNT(samplers_options),
    .run = run_samplers,
};
