/* SPDX-License-Identifier: Apache-2.0 */
/* cli/export.c - `hpo export`, and trials as CSV and as tables.
 *
 * Trials are written one by one from the study's columns: no tree of the whole study is built. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "optuna.h"
#include "record.h"

/* ---- CSV ------------------------------------------------------------------------------------- */

static void head(hpo_str *s, const char *prefix, const char *name)
{
    hpo_str text = {0};
    hpo_str_addf(&text, "%s.%s", prefix, name);
    hpo_str_addc(s, ',');
    if (text.failed)
        s->failed = 1;
    else
        cli_csv_field(s, text.text);
    hpo_str_fini(&text);
}

/* The names of derived values are the same for every configuration. */
static hpo_status derived_heads(hpo_str *s, const hpo_space *space, hpo_error *err)
{
    size_t n = hpo_space_n_derived(space);
    size_t columns = hpo_space_n_columns(space);
    double *x;
    hpo_status st;
    if (!n) return HPO_OK;
    x = hpo_alloc_array(columns ? columns : 1, sizeof *x);
    if (!x) return hpo_fail_memory(err);
    st = hpo_space_config_from_json(space, "{}", x, err);
    for (size_t i = 0; i < n && st == HPO_OK; i++) {
        const char *name = NULL;
        char *text = NULL;
        st = hpo_space_derived_text(space, x, i, &name, &text, err);
        if (st == HPO_ENOTFOUND && name) st = HPO_OK;
        if (st == HPO_OK) head(s, "derived", name);
        hpo_free(text);
    }
    hpo_free(x);
    return st;
}

hpo_status cli_csv_header(hpo_str *s, const cli_shape *shape, hpo_error *err)
{
    hpo_str_add(s, "number,state");
    for (size_t i = 0; i < shape->n_objectives; i++)
        head(s, "values", shape->objectives[i].name);
    for (size_t i = 0; i < shape->n_params; i++) {
        hpo_param_info p = {.size = sizeof p};
        HPO_TRY(hpo_space_param(shape->space, i, &p, err));
        head(s, "params", p.name);
    }
    HPO_TRY(derived_heads(s, shape->space, err));
    for (size_t i = 0; i < shape->n_outcomes; i++)
        head(s, "outcomes", shape->outcomes[i].name);
    hpo_str_add(s, ",cost,attempt,created,started,ended,seconds,worker,reason\n");
    return HPO_OK;
}

static void number_field(hpo_str *s, double v)
{
    hpo_str_addc(s, ',');
    if (!isnan(v)) hpo_str_double(s, v);
}

static void text_field(hpo_str *s, const char *text)
{
    hpo_str_addc(s, ',');
    if (text) cli_csv_field(s, text);
}

static hpo_status param_field(hpo_str *s, const hpo_space *space, const hpo_param_info *p, size_t i,
                              const double *x, hpo_error *err)
{
    double v = x[p->column];
    char *text = NULL;
    if (isnan(v)) {
        hpo_str_addc(s, ',');
    } else if (p->kind == HPO_KIND_FLOAT || p->kind == HPO_KIND_INT) {
        number_field(s, v);
    } else if (p->kind == HPO_KIND_CATEGORICAL && p->labels && v >= 0 && v < (double)p->n_labels) {
        text_field(s, p->labels[(size_t)v]);
    } else {
        HPO_TRY(hpo_space_value_text(space, x, i, &text, err));
        text_field(s, text);
        hpo_free(text);
    }
    return HPO_OK;
}

hpo_status cli_csv_row(hpo_str *s, const cli_shape *shape, const hpo_trial_info *t, hpo_error *err)
{
    char buf[32];
    hpo_str_int(s, t->number);
    hpo_str_addc(s, ',');
    hpo_str_add(s, hpo_state_name(t->state));
    for (size_t i = 0; i < shape->n_objectives; i++)
        number_field(s, t->values ? t->values[i] : (double)NAN);
    for (size_t i = 0; i < shape->n_params; i++) {
        hpo_param_info p = {.size = sizeof p};
        HPO_TRY(hpo_space_param(shape->space, i, &p, err));
        HPO_TRY(param_field(s, shape->space, &p, i, t->x, err));
    }
    for (size_t i = 0; i < hpo_space_n_derived(shape->space); i++) {
        const char *name = NULL;
        char *text = NULL;
        hpo_status st = hpo_space_derived_text(shape->space, t->x, i, &name, &text, err);
        if (st != HPO_OK && st != HPO_ENOTFOUND) return st;
        text_field(s, st == HPO_OK ? text : NULL);
        hpo_free(st == HPO_OK ? text : NULL);
    }
    for (size_t i = 0; i < shape->n_outcomes; i++)
        number_field(s, t->outcomes ? t->outcomes[i] : (double)NAN);
    number_field(s, t->cost > 0 ? t->cost : (double)NAN);
    hpo_str_addc(s, ',');
    hpo_str_int(s, t->attempt);
    text_field(s, cli_utc_text(t->created_ms, buf));
    text_field(s, cli_utc_text(t->started_ms, buf));
    text_field(s, cli_utc_text(t->ended_ms, buf));
    number_field(s, t->started_ms && t->ended_ms ? (double)(t->ended_ms - t->started_ms) / 1e3 : (double)NAN);
    text_field(s, t->worker);
    text_field(s, t->reason);
    hpo_str_addc(s, '\n');
    return HPO_OK;
}

/* ---- lists of trials ----------------------------------------------------------------------------- */

static cli_table *trial_table(const cli_shape *shape, hpo_error *err)
{
    size_t n = shape->n_objectives + shape->n_params + 3;
    const char **heads = hpo_alloc_array(n, sizeof *heads);
    cli_table *t = NULL;
    size_t k = 0;
    if (!heads) return NULL;
    heads[k++] = "trial";
    for (size_t i = 0; i < shape->n_objectives; i++)
        heads[k++] = shape->objectives[i].name;
    heads[k++] = "state";
    for (size_t i = 0; i < shape->n_params; i++) {
        hpo_param_info p = {.size = sizeof p};
        if (hpo_space_param(shape->space, i, &p, err) != HPO_OK) goto done;
        heads[k++] = p.name;
    }
    heads[k] = "time";
    t = cli_table_new(n, heads);
done:
    hpo_free(heads);
    return t;
}

static hpo_status table_row(cli_table *table, const cli_shape *shape, const hpo_trial_info *t, hpo_error *err)
{
    char buf[32];
    cli_table_int(table, t->number);
    for (size_t i = 0; i < shape->n_objectives; i++)
        cli_table_number(table, t->values ? t->values[i] : (double)NAN);
    cli_table_cell(table, hpo_state_name(t->state));
    for (size_t i = 0; i < shape->n_params; i++) {
        hpo_param_info p = {.size = sizeof p};
        char *text = NULL;
        HPO_TRY(hpo_space_param(shape->space, i, &p, err));
        if (isnan(t->x[p.column])) {
            cli_table_cell(table, "-");
        } else if (p.kind == HPO_KIND_FLOAT) {
            cli_table_number(table, t->x[p.column]);
        } else {
            HPO_TRY(hpo_space_value_text(shape->space, t->x, i, &text, err));
            cli_table_cell(table, text);
            hpo_free(text);
        }
    }
    cli_table_cell(table, t->started_ms && t->ended_ms
                              ? cli_duration_text((double)(t->ended_ms - t->started_ms) / 1e3, buf)
                              : "-");
    return HPO_OK;
}

static hpo_status text_row(hpo_str *s, const cli_shape *shape, cli_format format, const hpo_trial_info *t,
                           size_t i, hpo_error *err)
{
    if (format == CLI_CSV) {
        if (i == 0) HPO_TRY(cli_csv_header(s, shape, err));
        return cli_csv_row(s, shape, t, err);
    }
    if (format == CLI_JSON) hpo_str_add(s, i ? ",\n " : "[");
    HPO_TRY(cli_trial_json(s, shape, t, 0, err));
    if (format == CLI_JSONL) hpo_str_addc(s, '\n');
    return HPO_OK;
}

/* Rows i = 0..n-1 are trials numbers[i], or i itself when numbers is NULL. */
static int print_rows(cli *c, const cli_shape *shape, cli_format format, const int64_t *numbers, int64_t n)
{
    cli_table *table = NULL;
    hpo_str s = {0};
    int rc = CLI_OK;
    if (format == CLI_TABLE && !(table = trial_table(shape, &c->err))) return cli_fail_memory();
    if (format == CLI_CSV && n == 0 && cli_csv_header(&s, shape, &c->err) != HPO_OK) rc = cli_fail(c);
    for (int64_t i = 0; i < n && rc == CLI_OK; i++) {
        hpo_trial_info t = {.size = sizeof t};
        hpo_status st = hpo_study_trial(c->study, numbers ? numbers[i] : i, &t, &c->err);
        if (st == HPO_OK)
            st = format == CLI_TABLE ? table_row(table, shape, &t, &c->err)
                                     : text_row(&s, shape, format, &t, (size_t)i, &c->err);
        if (st != HPO_OK) {
            rc = cli_fail(c);
        } else if (s.len > 65536) {
            if (fwrite(s.text, 1, s.len, stdout) != s.len) break; /* main() reports the failed write */
            hpo_str_clear(&s);
        }
    }
    if (rc == CLI_OK && format == CLI_JSON) hpo_str_add(&s, n ? "]\n" : "[]\n");
    if (rc == CLI_OK && s.failed) rc = cli_fail_memory();
    if (rc == CLI_OK && s.len) fwrite(s.text, 1, s.len, stdout);
    hpo_str_fini(&s);
    if (table) {
        int printed = cli_table_print(c, table, stdout);
        if (rc == CLI_OK) rc = printed;
    }
    return rc;
}

int cli_print_trials(cli *c, const cli_shape *shape, cli_format format, const int64_t *numbers, size_t n)
{
    return print_rows(c, shape, format, numbers, (int64_t)n);
}

/* ---- export ------------------------------------------------------------------------------------------ */

static const cli_option export_options[] = {
    CLI_STUDY_OPTIONS,
    CLI_FORMAT_OPTIONS,
    {"optuna", 0, "FILE", "add the study to a SQLite database of Optuna, made when absent", 0, "@file"},
    {"optuna-journal", 0, "FILE", "write a new journal file of Optuna", 0, "@file"},
    {"as", 0, "NAME", "name of the study there; default: as here", 0, NULL},
};

static int run_export(cli *c)
{
    cli_format format;
    hpo_summary sum;
    cli_shape shape;
    int rc = cli_expect_args(c, 0, 0);
    const char *database = cli_get(c, "optuna", NULL), *journal = cli_get(c, "optuna-journal", NULL);
    if (rc != CLI_OK || (rc = cli_get_format(c, CLI_CSV, &format)) != CLI_OK) return rc;
    if (database && journal) return cli_usage_error(c, "--optuna and --optuna-journal exclude each other");
    if ((rc = cli_open_study(c)) != CLI_OK) return rc;
    if (database || journal) return optuna_export(c, database ? database : journal, journal != NULL);
    if (hpo_study_sync(c->study, NULL, &c->err) != HPO_OK) return cli_fail(c);
    if ((rc = cli_summary(c, &sum)) != CLI_OK) return rc;
    cli_shape_of(c->study, &sum, &shape);
    return print_rows(c, &shape, format, NULL, sum.n_trials);
}

const cli_command cli_export = {
    .name = "export",
    .group = "Look",
    .help = "write all trials as CSV, JSON, JSON lines, or for Optuna",
    .usage = "[-n NAME] [--csv|--json|--jsonl|--optuna FILE|--optuna-journal FILE]",
    .about =
        "CSV has the columns number, state, values.NAME, params.NAME, derived.NAME, outcomes.NAME, "
        "cost, attempt, "
        "created, started, ended, seconds, worker, reason; an inactive parameter is an empty field. "
        "Times are UTC.\n\n"
        "--optuna and --optuna-journal write a study that Optuna opens: trials, parameters, intermediate "
        "values, "
        "attributes, constraints. What Optuna has no word for is left out or spread: see docs/optuna.md.",
    .options = export_options,
    .n_options = CLI_COUNT(export_options),
    .run = run_export,
};
