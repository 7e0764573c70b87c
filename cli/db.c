/* SPDX-License-Identifier: Apache-2.0 */
/* cli/db.c - `hpo db`: info, backup, verify, migrate. */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "record.h"

static const cli_option db_options[] = {
    CLI_STORAGE_OPTIONS,
    CLI_JSON_OPTION,
    {"names", 0, NULL, "info: only the names of the studies, one a line", 0, NULL},
};

static int print_info(cli *c, const char *json)
{
    static const char *const heads[] = {"study", "trials"};
    struct json_object *o = NULL;
    struct json_object *studies = NULL;
    cli_table *t = NULL;
    int names = cli_has(c, "names");
    if (hpo_json_parse(json, strlen(json), "storage info", &o, &c->err) != HPO_OK) return cli_fail(c);
    json_object_object_foreach(o, key, value)
    {
        if (!strcmp(key, "studies"))
            studies = value;
        else if (!names)
            printf("%-12s %s\n", key, value ? json_object_get_string(value) : "-");
    }
    if (!names) t = cli_table_new(CLI_COUNT(heads), heads);
    for (size_t i = 0; studies && i < json_object_array_length(studies); i++) {
        struct json_object *row = json_object_array_get_idx(studies, i);
        struct json_object *m = NULL;
        const char *name = "";
        if (json_object_object_get_ex(row, "name", &m)) name = json_object_get_string(m);
        if (names) {
            puts(name);
            continue;
        }
        cli_table_cell(t, name);
        m = NULL;
        if (json_object_object_get_ex(row, "trials", &m))
            cli_table_int(t, json_object_get_int64(m));
        else
            cli_table_cell(t, "-");
    }
    json_object_put(o);
    return names ? CLI_OK : cli_table_print(c, t, stdout);
}

static int run_info(cli *c)
{
    char *json = NULL;
    int rc = CLI_OK;
    if (hpo_storage_info(c->storage, &json, &c->err) != HPO_OK) return cli_fail(c);
    if (cli_has(c, "json"))
        puts(json);
    else
        rc = print_info(c, json);
    hpo_free(json);
    return rc;
}

/* {"storage":...,"NAME":"TEXT"} */
static int print_json(cli *c, const char *name, const char *text)
{
    hpo_str s = {0};
    int rc = CLI_OK;
    hpo_str_add(&s, "{\"storage\":");
    hpo_str_json(&s, cli_storage_url(c));
    hpo_str_addf(&s, ",\"%s\":", name);
    hpo_str_json(&s, text);
    hpo_str_addc(&s, '}');
    if (s.failed)
        rc = cli_fail_memory();
    else
        puts(s.text);
    hpo_str_fini(&s);
    return rc;
}

static int run_verify(cli *c)
{
    char *findings = NULL;
    hpo_status st = hpo_storage_verify(c->storage, &findings, &c->err);
    int rc = CLI_OK;
    if (cli_has(c, "json") && (st == HPO_OK || findings)) {
        rc = print_json(c, "findings", findings ? findings : "");
        if (rc == CLI_OK && st != HPO_OK) rc = cli_fail(c);
    } else if (st == HPO_OK) {
        printf("%s is sound\n", cli_storage_url(c));
    } else {
        if (findings && *findings) {
            fputs(findings, stdout);
            if (findings[strlen(findings) - 1] != '\n') putchar('\n');
        }
        rc = cli_fail(c);
    }
    hpo_free(findings);
    return rc;
}

static int run_migrate(cli *c)
{
    int32_t from = 0;
    int32_t to = 0;
    if (hpo_storage_migrate(c->storage, &from, &to, &c->err) != HPO_OK) return cli_fail(c);
    if (cli_has(c, "json"))
        printf("{\"from\":%d,\"to\":%d}\n", (int)from, (int)to);
    else if (from == to)
        printf("schema %d is up to date\n", (int)to);
    else
        printf("schema %d migrated to %d\n", (int)from, (int)to);
    return CLI_OK;
}

static int run_db(cli *c)
{
    const char *word = c->n_args ? c->args[0] : "info";
    int backup = !strcmp(word, "backup");
    int rc;
    if (strcmp(word, "info") != 0 && !backup && strcmp(word, "verify") != 0 && strcmp(word, "migrate") != 0)
        return cli_usage_error(c, "'%s' is not info, backup, verify or migrate", word);
    if (backup && c->n_args < 2)
        return cli_usage_error(c, "backup needs a file to write to: hpo db backup FILE");
    if ((rc = cli_expect_args(c, 0, backup ? 2 : 1)) != CLI_OK) return rc;
    if ((rc = cli_open_storage(c, 0)) != CLI_OK) return rc;
    if (!strcmp(word, "verify")) return run_verify(c);
    if (!strcmp(word, "migrate")) return run_migrate(c);
    if (!backup) return run_info(c);
    if (hpo_storage_backup(c->storage, c->args[1], &c->err) != HPO_OK) return cli_fail(c);
    if (cli_has(c, "json")) return print_json(c, "backup", c->args[1]);
    printf("%s copied to %s\n", cli_storage_url(c), c->args[1]);
    return CLI_OK;
}

const cli_command cli_db = {
    .name = "db",
    .group = "Study",
    .help = "look at, copy, check or migrate a storage",
    .usage = "info|backup FILE|verify|migrate",
    .about = "`backup` makes a consistent copy while others write, and never overwrites a file. `verify` "
             "checks the whole "
             "file; findings go to standard output with exit status 1.",
    .words = "info backup verify migrate",
    .options = db_options,
    .n_options = CLI_COUNT(db_options),
    .run = run_db,
};
