/* SPDX-License-Identifier: Apache-2.0 */
/* cli/space.c - `hpo space`: show, lint, diff and sample a search space. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/os.h"
#include "record.h"

static const cli_option space_options[] = {
    CLI_STUDY_OPTIONS,
    {"param", 'p', "NAME:DOMAIN", "add a parameter, e.g. 'lr:log 1e-5..1'", CLI_REPEAT, NULL},
    {"space", 0, "FILE", "read the space from a JSON or YAML file", 0, "@file"},
    {"constraint", 0, "EXPR", "a condition that every proposal must satisfy", CLI_REPEAT, NULL},
    {"derive", 0, "NAME=EXPR", "a value computed from parameters", CLI_REPEAT, NULL},
    {"count", 'k', "N", "sample: how many; default 10", 0, NULL},
    {"seed", 0, "N", "sample: seed; default 0", 0, NULL},
    CLI_FORMAT_OPTIONS,
};

/* A space from a file, given by its path. */
static int load_file(cli *c, const char *path, hpo_space **out)
{
    char *text = NULL;
    size_t n = 0;
    hpo_status st = hpo_os_read_file(path, (size_t)16 << 20, &text, &n, &c->err);
    if (st == HPO_OK) {
        st = hpo_space_load(text, out, &c->err);
        if (st != HPO_OK) st = hpo_fail_prefix(&c->err, st, "%s", path);
    }
    hpo_free(text);
    return st == HPO_OK ? CLI_OK : cli_fail(c);
}

/* The space meant: a FILE word, --param/--space, else that of the stored study.  *owned is freed by the
 * caller (NULL when the study owns it). */
static int find_space(cli *c, const char *file, const hpo_space **out, hpo_space **owned)
{
    int rc;
    *owned = NULL;
    if (file) {
        rc = load_file(c, file, owned);
    } else {
        rc = cli_space_read(c, owned);
    }
    if (rc != CLI_OK) return rc;
    if (*owned) {
        *out = *owned;
        if (hpo_space_freeze(*owned, &c->err) == HPO_OK) return CLI_OK;
        hpo_space_free(*owned);
        *owned = NULL;
        return cli_fail(c);
    }
    if ((rc = cli_open_study(c)) != CLI_OK) return rc;
    *out = hpo_study_space(c->study);
    return CLI_OK;
}

/* ---- show ------------------------------------------------------------------------------------------ */

static void range_text(hpo_str *s, const hpo_param_info *p)
{
    if (p->labels && p->n_labels) {
        for (size_t i = 0; i < p->n_labels; i++) {
            if (i) hpo_str_add(s, ",");
            hpo_str_add(s, p->labels[i]);
        }
        return;
    }
    if (p->kind == HPO_KIND_BOOL) {
        hpo_str_add(s, "false,true");
        return;
    }
    if (p->n_columns > 1) hpo_str_addf(s, "%zu x ", p->n_columns);
    if (isnan(p->low))
        hpo_str_add(s, "expr");
    else
        hpo_str_double(s, p->low);
    hpo_str_add(s, "..");
    if (isnan(p->high))
        hpo_str_add(s, "expr");
    else
        hpo_str_double(s, p->high);
    if (p->step > 0 && p->kind != HPO_KIND_INT) {
        hpo_str_add(s, " step ");
        hpo_str_double(s, p->step);
    }
}

static int show(cli *c, const hpo_space *space)
{
    static const char *const heads[] = {"parameter", "kind", "scale", "range", "when"};
    cli_table *t = cli_table_new(CLI_COUNT(heads), heads);
    hpo_str s = {0};
    double size = hpo_space_size(space, 1000000);
    char buf[32];
    int rc = CLI_OK;
    for (size_t i = 0; i < hpo_space_n_params(space) && rc == CLI_OK; i++) {
        hpo_param_info p = {.size = sizeof p};
        if (hpo_space_param(space, i, &p, &c->err) != HPO_OK) {
            cli_table_free(t);
            return cli_fail(c);
        }
        hpo_str_clear(&s);
        range_text(&s, &p);
        cli_table_cell(t, p.name);
        cli_table_cell(t, p.is_fidelity ? "fidelity" : hpo_kind_name(p.kind));
        cli_table_cell(t, hpo_scale_name(p.scale));
        cli_table_cell(t, s.text);
        cli_table_cell(t, p.when ? p.when : "");
    }
    hpo_str_fini(&s);
    rc = cli_table_print(c, t, stdout);
    if (rc != CLI_OK) return rc;
    if (isinf(size))
        printf("infinitely many configurations");
    else if (isnan(size))
        printf("more than a million configurations");
    else
        printf("%s configuration%s", cli_number_text(size, buf), size == 1 ? "" : "s");
    printf(", %zu dimension%s\n", hpo_space_n_dims(space), hpo_plural((int64_t)hpo_space_n_dims(space)));
    return CLI_OK;
}

static int show_json(cli *c, const hpo_space *space)
{
    char *json = NULL;
    if (hpo_space_to_json(space, &json, &c->err) != HPO_OK) return cli_fail(c);
    puts(json);
    hpo_free(json);
    return CLI_OK;
}

/* ---- sample ------------------------------------------------------------------------------------------ */

static int sample(cli *c, const hpo_space *space, cli_format format)
{
    int64_t n = 10;
    int64_t seed = 0;
    size_t columns = hpo_space_n_columns(space);
    double *x = NULL;
    hpo_str s = {0};
    int rc = cli_get_int(c, "count", 1, 10000000, &n);
    if (rc != CLI_OK || (rc = cli_get_int(c, "seed", INT64_MIN, INT64_MAX, &seed)) != CLI_OK) return rc;
    x = hpo_alloc_array((size_t)n * (columns ? columns : 1), sizeof *x);
    if (!x) return cli_fail_memory();
    if (hpo_space_sample(space, (uint64_t)seed, (size_t)n, x, &c->err) != HPO_OK) {
        hpo_free(x);
        return cli_fail(c);
    }
    for (int64_t i = 0; i < n && rc == CLI_OK; i++) {
        const double *row = x + (size_t)i * columns;
        char *json = NULL;
        hpo_status st;
        if (format == CLI_TABLE) {
            st = cli_params_text(&s, space, row, &c->err);
        } else {
            st = hpo_space_config_to_json(space, row, &json, &c->err);
            if (format == CLI_JSON) hpo_str_add(&s, i ? ",\n " : "[");
            if (st == HPO_OK) hpo_str_add(&s, json);
            hpo_free(json);
        }
        if (format != CLI_JSON) hpo_str_addc(&s, '\n');
        if (st != HPO_OK) rc = cli_fail(c);
        if (rc == CLI_OK && s.len > 65536) {
            if (fwrite(s.text, 1, s.len, stdout) != s.len) break;
            hpo_str_clear(&s);
        }
    }
    if (format == CLI_JSON) hpo_str_add(&s, "]\n");
    if (rc == CLI_OK && s.failed) rc = cli_fail_memory();
    if (rc == CLI_OK && s.len) fwrite(s.text, 1, s.len, stdout);
    hpo_str_fini(&s);
    hpo_free(x);
    return rc;
}

/* ---- lint, diff ---------------------------------------------------------------------------------------- */

static int lint(cli *c, const hpo_space *space)
{
    char *text = NULL;
    if (hpo_space_lint(space, &text, &c->err) != HPO_OK) return cli_fail(c);
    fputs(*text ? text : "nothing to say: the space looks fine\n", stdout);
    if (*text && text[strlen(text) - 1] != '\n') putchar('\n');
    hpo_free(text);
    return CLI_OK;
}

static int diff(cli *c)
{
    hpo_space *a = NULL;
    hpo_space *b_owned = NULL;
    const hpo_space *b = NULL;
    char *text = NULL;
    int rc;
    if (c->n_args < 2)
        return cli_usage_error(c, "diff compares FILE with FILE, or with the study: give one or two files");
    if (c->n_args == 3) {
        if ((rc = load_file(c, c->args[1], &a)) != CLI_OK) return rc;
        rc = find_space(c, c->args[2], &b, &b_owned);
    } else { /* from what the study has to what the file says */
        rc = load_file(c, c->args[1], &b_owned);
        if (rc == CLI_OK) rc = cli_open_study(c);
        b = b_owned;
    }
    if (rc == CLI_OK && a && hpo_space_freeze(a, &c->err) != HPO_OK) rc = cli_fail(c);
    if (rc == CLI_OK && b_owned && hpo_space_freeze(b_owned, &c->err) != HPO_OK) rc = cli_fail(c);
    if (rc == CLI_OK && hpo_space_diff(a ? a : hpo_study_space(c->study), b, &text, &c->err) != HPO_OK)
        rc = cli_fail(c);
    if (rc == CLI_OK) {
        fputs(text, stdout);
        if (*text && text[strlen(text) - 1] != '\n') putchar('\n');
        rc = *text ? CLI_FAIL : CLI_OK;
    }
    hpo_free(text);
    hpo_space_free(a);
    hpo_space_free(b_owned);
    return rc;
}

static int run_space(cli *c)
{
    const char *word = c->n_args ? c->args[0] : "show";
    const hpo_space *space = NULL;
    hpo_space *owned = NULL;
    cli_format format;
    int rc = cli_get_format(c, CLI_TABLE, &format);
    if (rc != CLI_OK) return rc;
    if (strcmp(word, "show") != 0 && strcmp(word, "lint") != 0 && strcmp(word, "sample") != 0 &&
        strcmp(word, "diff") != 0)
        return cli_usage_error(c, "'%s' is not show, lint, diff or sample", word);
    if ((rc = cli_expect_args(c, 0, strcmp(word, "diff") ? 2 : 3)) != CLI_OK) return rc;
    if (!strcmp(word, "diff")) return diff(c);
    if ((rc = find_space(c, c->n_args > 1 ? c->args[1] : NULL, &space, &owned)) != CLI_OK) return rc;
    if (!strcmp(word, "lint"))
        rc = lint(c, space);
    else if (!strcmp(word, "sample"))
        rc = sample(c, space, format);
    else
        rc = format == CLI_JSON || format == CLI_JSONL ? show_json(c, space) : show(c, space);
    hpo_space_free(owned);
    return rc;
}

const cli_command cli_space = {
    .name = "space",
    .group = "Study",
    .help = "show, check, compare or sample a search space",
    .usage = "show|lint|sample [FILE], or diff FILE [FILE]",
    .about = "The space is that of FILE (JSON or YAML), of --param and --space, or of the stored study.\n\n"
             "`lint` gives advice, one finding a line. `diff` prints what changes from the first file (or "
             "the study) to the "
             "second, one line a difference, with exit status 1 when there is one. `sample` draws "
             "configurations from the "
             "prior.",
    .words = "show lint diff sample",
    .options = space_options,
    .n_options = CLI_COUNT(space_options),
    .run = run_space,
};
