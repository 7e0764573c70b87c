/* SPDX-License-Identifier: Apache-2.0 */
/* cli/create.c - `hpo create` and `hpo delete`. */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "record.h"

static const cli_option create_options[] = {
    {"name", 'n', "NAME", "name of the new study; default 'default'", 0, NULL},
    CLI_STORAGE_OPTIONS,
    CLI_PROBLEM_OPTIONS,
    {"reuse", 0, NULL, "an existing study of this name is fine if it is the same problem", 0, NULL},
    {"no-default-first", 0, NULL, "do not begin with the default configuration", 0, NULL},
    {"metadata", 0, "JSON", "a JSON object kept with the study", 0, NULL},
    CLI_JSON_OPTION,
};

static void print_lint(cli *c, const hpo_space *space)
{
    char *lint = NULL;
    if (hpo_space_lint(space, &lint, NULL) != HPO_OK) return;
    for (const char *p = lint; *p;) {
        size_t n = strcspn(p, "\n");
        if (n) cli_note("hint: %.*s", (int)n, p);
        p += n + (p[n] == '\n');
    }
    hpo_free(lint);
    (void)c;
}

static int print_created(cli *c)
{
    hpo_summary sum;
    hpo_str s = {0};
    int rc = cli_summary(c, &sum);
    if (rc != CLI_OK) return rc;
    if (cli_has(c, "json")) {
        if (cli_summary_json(&s, c->study, &sum, &c->err) != HPO_OK) rc = cli_fail(c);
        if (rc == CLI_OK && s.failed) rc = cli_fail_memory();
        if (rc == CLI_OK) puts(s.text);
        hpo_str_fini(&s);
        return rc;
    }
    for (size_t i = 0; i < sum.n_objectives; i++)
        hpo_str_addf(&s, "%s%s %s", i ? ", " : "",
                     sum.objectives[i].direction == HPO_MAXIMIZE ? "maximize" : "minimize",
                     sum.objectives[i].name);
    hpo_str_add(&s, "; budget ");
    cli_budget_text(&s, &sum.budget);
    if (s.failed) {
        rc = cli_fail_memory();
    } else {
        size_t n = hpo_space_n_params(hpo_study_space(c->study));
        printf("study %s in %s: %zu parameter%s, %s, sampler %s, seed %" PRIu64 "\n", sum.name,
               cli_storage_url(c), n, hpo_plural((int64_t)n), s.text, sum.sampler, sum.seed);
    }
    hpo_str_fini(&s);
    return rc;
}

static int run_create(cli *c)
{
    cli_problem p;
    int rc = cli_expect_args(c, 0, 0);
    if (rc != CLI_OK) return rc;
    if ((rc = cli_problem_read(c, &p)) != CLI_OK) return rc;
    if (!p.space) {
        rc = cli_usage_error(c, "no parameters: add --param 'lr:log 1e-5..1' or --space FILE");
        goto done;
    }
    p.options.reuse = cli_has(c, "reuse");
    p.options.default_first = !cli_has(c, "no-default-first");
    p.options.metadata = cli_get(c, "metadata", NULL);
    if (c->tty_err) print_lint(c, p.space);
    if ((rc = cli_open_storage(c, 1)) != CLI_OK) goto done;
    if (hpo_study_create(c->storage, p.space, &p.options, &c->study, &c->err) != HPO_OK) {
        rc = cli_fail(c);
        goto done;
    }
    rc = print_created(c);
done:
    cli_problem_free(&p);
    return rc;
}

const cli_command cli_create = {
    .name = "create",
    .group = "Ask and tell",
    .help = "make a study whose trials are handed out with ask and tell",
    .usage = "-n NAME --param 'NAME:DOMAIN'... [OPTION]...",
    .about = "Makes a study in the storage (and the storage when it is not there yet). A parameter is "
             "written as in "
             "--param 'lr:log 1e-5..1', 'layers:int 1..8', 'opt:sgd,adam' or 'mom:0..0.99 if opt == sgd'; "
             "hpo-space(5) "
             "has the whole grammar.\n\n"
             "Without --minimize or --maximize there is one objective, `value`, to be made small.\n\n"
             "  hpo create -n demo --param 'x:0..1' --param 'lr:log 1e-5..1' --minimize loss -b 100trials",
    .options = create_options,
    .n_options = CLI_COUNT(create_options),
    .run = run_create,
};

static const cli_option delete_options[] = {
    {"name", 'n', "NAME", "the study to remove", 0, "@study"},
    CLI_STORAGE_OPTIONS,
    {"yes", 'y', NULL, "really do it", 0, NULL},
    CLI_JSON_OPTION,
};

static int run_delete(cli *c)
{
    const char *name = cli_get(c, "name", NULL);
    int rc = cli_expect_args(c, 0, 0);
    if (rc != CLI_OK) return rc;
    if (!name) return cli_usage_error(c, "name the study to remove: -n NAME");
    if ((rc = cli_open_storage(c, 0)) != CLI_OK) return rc;
    if (!cli_has(c, "yes")) {
        hpo_summary sum;
        if ((rc = cli_open_study(c)) != CLI_OK || (rc = cli_summary(c, &sum)) != CLI_OK) return rc;
        return cli_usage_error(c, "this removes study '%s' with its %" PRId64 " trial%s for ever: add --yes",
                               name, sum.n_trials, hpo_plural(sum.n_trials));
    }
    if (hpo_storage_delete_study(c->storage, name, &c->err) != HPO_OK) return cli_fail(c);
    hpo_str s = {0};
    hpo_str_add(&s, "{\"removed\":");
    hpo_str_json(&s, name);
    hpo_str_add(&s, "}");
    if (s.failed)
        rc = cli_fail_memory();
    else if (cli_has(c, "json"))
        puts(s.text);
    else
        printf("study %s removed\n", name);
    hpo_str_fini(&s);
    return rc;
}

const cli_command cli_delete = {
    .name = "delete",
    .group = "Study",
    .help = "remove a study and all its trials",
    .usage = "-n NAME --yes [--json]",
    .options = delete_options,
    .n_options = CLI_COUNT(delete_options),
    .run = run_delete,
};
