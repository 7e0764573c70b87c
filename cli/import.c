/* SPDX-License-Identifier: Apache-2.0 */
/* cli/import.c - `hpo import`: a study of Optuna, from its database or its journal, becomes one of ours.
 *
 * The space of the new study is learned from the trials and may go on growing under the Python package.  A
 * trial keeps its number. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/os.h"
#include "import.h"
#include "record.h"

/* ---- the study --------------------------------------------------------------------------------------------
 */

static int is_identifier(const char *name)
{
    return *name != '\0' &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789") == strlen(name) &&
           (*name < '0' || *name > '9');
}

/* The names that set_metric_names gave, where they can be ours; else value, or value_0 ... */
static void name_objectives(const optuna_study *s, struct json_object *given, hpo_objective *objectives,
                            char names[][16])
{
    int use =
        json_object_is_type(given, json_type_array) && json_object_array_length(given) == s->n_objectives;
    for (size_t i = 0; use && i < s->n_objectives; i++) {
        const char *name = json_object_get_string(json_object_array_get_idx(given, i));
        use = name != NULL && is_identifier(name);
        for (size_t j = 0; use && j < i; j++)
            use = strcmp(objectives[j].name, name) != 0;
        objectives[i].name = name;
    }
    for (size_t i = 0; i < s->n_objectives; i++) {
        (void)snprintf(names[i], sizeof names[i], s->n_objectives == 1 ? "value" : "value_%zu", i);
        if (!use) objectives[i].name = names[i];
        objectives[i].size = sizeof objectives[i];
        objectives[i].direction = s->maximise[i] ? HPO_MAXIMIZE : HPO_MINIMIZE;
    }
}

static hpo_status create(importer *im, const hpo_space *space, hpo_error *err)
{
    cli *c = im->c;
    optuna_study *s = im->source;
    hpo_study_options o = hpo_study_options_init();
    hpo_objective objectives[CLI_MAX_OBJECTIVES] = {{0}};
    hpo_outcome outcomes[CLI_MAX_OUTCOMES] = {{0}};
    char names[CLI_MAX_OBJECTIVES][16];
    struct json_object *given = NULL;
    int64_t seed = -1;
    (void)cli_get_int(c, "seed", 0, INT64_MAX, &seed);
    uint32_t random = 0;
    if (seed < 0) HPO_TRY(hpo_os_random(&random, sizeof random, err));
    o.seed = seed < 0 ? random : (uint64_t)seed; /* 32 bits: short enough to be typed again */
    const char *metric_names = optuna_get_attr(s->system, "study:metric_names");
    if (metric_names != NULL) {
        if (hpo_json_parse(metric_names, strlen(metric_names), "metric names", &given, NULL) != HPO_OK)
            given = NULL;
    }
    name_objectives(s, given, objectives, names);
    for (size_t i = 0; i < im->n_outcomes; i++)
        outcomes[i] = (hpo_outcome){.size = sizeof outcomes[i], .name = im->outcomes[i]};
    o.name = cli_get(c, "name", s->name);
    o.objectives = objectives;
    o.n_objectives = s->n_objectives;
    o.outcomes = outcomes;
    o.n_outcomes = im->n_outcomes;
    o.sampler = cli_get(c, "sampler", NULL);
    o.open_space = 1;
    hpo_status status = hpo_study_create(c->storage, space, &o, &c->study, err);
    json_object_put(given);
    return status;
}

/* ---- the command
 * ----------------------------------------------------------------------------------------------- */

static void importer_fini(importer *im)
{
    for (size_t j = 0; j < im->n_columns; j++) {
        column *k = &im->columns[j];
        for (size_t i = 0; i < k->n_labels; i++)
            hpo_free(k->labels[i]);
        hpo_free(k->labels);
        hpo_map_fini(&k->label_at);
        hpo_free(k->ours);
        hpo_free(k->when);
        hpo_free(k->x);
    }
    for (size_t i = 0; i < im->n_parsed; i++)
        optuna_distribution_fini(&im->parsed[i]);
    for (size_t i = 0; i < im->n_outcomes; i++)
        hpo_free(im->outcomes[i]);
    hpo_map_fini(&im->column_at);
    hpo_map_fini(&im->parsed_at);
    hpo_free(im->columns);
    hpo_free(im->parsed);
    hpo_free(im->row);
    hpo_free(im->values);
}

static hpo_status import_study(importer *im, hpo_error *err)
{
    hpo_space *space = NULL;
    HPO_TRY(import_find_outcomes(im, err));
    hpo_status status = import_make_space(im, &space, err);
    if (status == HPO_OK) status = create(im, space, err);
    hpo_space_free(space);
    HPO_TRY(status);
    im->row = hpo_alloc_array(im->n_columns + 1, sizeof *im->row);
    im->values = hpo_alloc_array(im->source->n_objectives + 1, sizeof *im->values);
    status = im->row != NULL && im->values != NULL ? import_add_all(im, err) : hpo_fail_memory(err);
    if (status != HPO_OK) { /* half a study is none */
        hpo_study_free(im->c->study);
        im->c->study = NULL;
        hpo_status gone =
            hpo_storage_delete_study(im->c->storage, cli_get(im->c, "name", im->source->name), NULL);
        (void)gone; /* the first error is the one to be told */
    }
    return status;
}

static int print_result(importer *im, const char *path)
{
    cli *c = im->c;
    hpo_summary sum;
    hpo_str s = {0};
    int rc = cli_summary(c, &sum);
    if (rc != CLI_OK) return rc;
    if (im->n_gone > 0)
        cli_note("%zu discarded trial(s) were left out: those behind them have lower numbers", im->n_gone);
    if (cli_has(c, "json")) {
        if (cli_summary_json(&s, c->study, &sum, &c->err) != HPO_OK) rc = cli_fail(c);
    } else {
        hpo_str_addf(&s, "study %s in %s: %lld trial%s from %s", sum.name, cli_storage_url(c),
                     (long long)sum.n_trials, hpo_plural(sum.n_trials), path);
        for (int i = 0, n = 0; i < HPO_N_STATES; i++)
            if (sum.n_by_state[i] > 0)
                hpo_str_addf(&s, "%s%lld %s", n++ > 0 ? ", " : ": ", (long long)sum.n_by_state[i],
                             hpo_state_name((hpo_state)i));
    }
    if (rc == CLI_OK && s.failed) rc = cli_fail_memory();
    if (rc == CLI_OK) puts(s.text);
    hpo_str_fini(&s);
    return rc;
}

static const cli_option import_options[] = {
    {"from", 0, "STUDY", "the study in the file; may be left out when it holds only one", 0, NULL},
    {"name", 'n', "NAME", "name of the new study; default: as in the file", 0, NULL},
    CLI_STORAGE_OPTIONS,
    {"sampler", 0, "SPEC", "NAME or NAME:key=value,... for further trials; see `hpo samplers`", 0,
     "@sampler"},
    {"seed", 0, "N", "seed of the study; default: random, shown and stored", 0, NULL},
    CLI_JSON_OPTION,
};

static int run_import(cli *c)
{
    optuna_study source = {0};
    importer im = {.c = c, .source = &source};
    int64_t seed = 0;
    int rc = cli_expect_args(c, 1, 1);
    if (rc != CLI_OK || (rc = cli_get_int(c, "seed", 0, INT64_MAX, &seed)) != CLI_OK) return rc;
    const char *path = c->args[0];
    if (strncmp(path, "optuna:", 7) == 0) path += 7;
    path = cli_url_path(path);
    if (path == NULL || !hpo_os_exists(path))
        return cli_error("there is no file '%s'", path != NULL ? path : c->args[0]);
    optuna_format format = optuna_sniff(path);
    if (format == OPTUNA_NONE)
        return cli_error("'%s' is neither a database (SQLite) nor a journal of Optuna", path);
    hpo_status status = format == OPTUNA_RDB
                            ? optuna_rdb_read(path, cli_get(c, "from", NULL), &source, &c->err)
                            : optuna_journal_read(path, cli_get(c, "from", NULL), &source, &c->err);
    if (status != HPO_OK) return cli_fail(c);
    if ((rc = cli_open_storage(c, 1)) == CLI_OK) {
        rc = import_study(&im, &c->err) == HPO_OK ? CLI_OK : cli_fail(c);
        if (rc == CLI_OK) rc = print_result(&im, path);
    }
    importer_fini(&im);
    optuna_study_fini(&source);
    return rc;
}

const cli_command cli_import = {
    .name = "import",
    .group = "Study",
    .help = "take over a study of Optuna, from its database or its journal",
    .usage = "FILE [--from STUDY] [-n NAME]",
    .about = "FILE is a SQLite database of Optuna (its tables since 2.4) or a journal file; which of "
             "them, its first "
             "bytes tell. States, values, parameters with their distributions, intermediate values, "
             "attributes, times and "
             "constraints are kept; the space, with its conditions, is learned from the trials, so that any "
             "sampler can go "
             "on. `hpo export --optuna FILE` is the way back.\n\n"
             "Running trials stay running and are held for ever, as in Optuna; `hpo retry` puts one into the "
             "queue.\n\n"
             "  hpo import optuna.db --from mnist -n mnist",
    .words = "@file",
    .options = import_options,
    .n_options = CLI_COUNT(import_options),
    .run = run_import,
};
