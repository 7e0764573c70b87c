/* SPDX-License-Identifier: Apache-2.0 */
/* cli/bench_report.c - `hpo bench report`: stored comparisons as tables, CSV, JSON, pictures and a page. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/os.h"
#include "bench.h"
#include "bench/report.h"

/* ---- on the terminal ---------------------------------------------------------------------------------- */

static void cell_estimate(cli_table *t, const hpo_estimate *e)
{
    char buf[96], low[32], high[32];
    snprintf(low, sizeof low, "%.3g", e->low);
    snprintf(high, sizeof high, "%.3g", e->high);
    if (isnan(e->value))
        snprintf(buf, sizeof buf, "-");
    else if (strcmp(low, high) == 0)
        snprintf(buf, sizeof buf, "%.3g", e->value);
    else
        snprintf(buf, sizeof buf, "%.3g [%s, %s]", e->value, low, high);
    cli_table_cell(t, buf);
}

static void cell_p(cli_table *t, double p)
{
    char buf[32];
    if (isnan(p))
        snprintf(buf, sizeof buf, "-");
    else
        snprintf(buf, sizeof buf, p < 1e-9 ? "<1e-9" : p < 0.001 ? "%.0e" : "%.3f", p);
    cli_table_cell(t, buf);
}

static void cell_seconds(cli_table *t, double v)
{
    char buf[32];
    if (isnan(v))
        snprintf(buf, sizeof buf, "-");
    else if (v >= 1)
        cli_duration_text(v, buf);
    else
        snprintf(buf, sizeof buf, v >= 1e-3 ? "%.3g ms" : "%.3g us", v * (v >= 1e-3 ? 1e3 : 1e6));
    cli_table_cell(t, buf);
}

static int print_standings(cli *c, const hpo_comparison *x)
{
    static const char *const heads[] = {"method",     "rank", "area",   "won",     "lost",     "p seeds",
                                        "p problems", "runs", "failed", "missing", "decision", "wall"};
    cli_table *t = cli_table_new(CLI_COUNT(heads), heads);
    for (size_t m = 0; m < x->n_methods; m++) {
        const hpo_standing *s = &x->methods[m];
        cli_table_cell(t, s->name);
        cell_estimate(t, &s->rank);
        cell_estimate(t, &s->area);
        cli_table_int(t, (int64_t)s->wins);
        cli_table_int(t, (int64_t)s->losses);
        cell_p(t, s->p_seeds_adjusted);
        cell_p(t, s->p_contests_adjusted);
        cli_table_int(t, (int64_t)s->n_runs);
        cli_table_int(t, (int64_t)s->n_failed);
        cli_table_int(t, (int64_t)s->n_missing);
        cell_seconds(t, s->decision_p50);
        cell_seconds(t, s->wall);
    }
    return cli_table_print(c, t, stdout);
}

/* Median regrets: '*' the smallest of the row, '+' better and '-' worse than the control. */
static int print_problems(cli *c, const hpo_comparison *x)
{
    enum { BEFORE = 3 };
    const char **heads = hpo_calloc(BEFORE + x->n_methods, sizeof *heads);
    if (heads == NULL) return cli_fail_memory();
    heads[0] = "problem";
    heads[1] = "budget";
    heads[2] = "seeds";
    for (size_t m = 0; m < x->n_methods; m++)
        heads[BEFORE + m] = x->methods[m].name;
    cli_table *t = cli_table_new(BEFORE + x->n_methods, heads);
    hpo_free(heads);
    for (size_t i = 0; i < x->n_contests; i++) {
        const hpo_contest *k = &x->contests[i];
        double best = (double)INFINITY;
        for (size_t m = 0; m < x->n_methods; m++)
            if (k->entries[m].n_runs > 0) best = fmin(best, k->entries[m].median.value);
        cli_table_cell(t, k->label);
        cli_table_number(t, k->budget);
        cli_table_int(t, (int64_t)k->n_seeds);
        for (size_t m = 0; m < x->n_methods; m++) {
            const hpo_entry *e = &k->entries[m];
            char buf[48];
            if (isnan(e->median.value))
                snprintf(buf, sizeof buf, "-");
            else
                snprintf(buf, sizeof buf, "%.3g%s%s", e->median.value,
                         e->median.value == best && !isinf(best) ? "*" : "",
                         !(e->p_adjusted < x->options.alpha) ? ""
                         : e->wins > e->losses               ? "+"
                                                             : "-");
            cli_table_cell(t, buf);
        }
    }
    return cli_table_print(c, t, stdout);
}

static int same_failure(const hpo_run_info *a, const hpo_run_info *b)
{
    return strcmp(a->key.method, b->key.method) == 0 && strcmp(a->error, b->error) == 0;
}

/* One row for each method and error; where it was met first. */
static int print_failures(cli *c, const hpo_comparison *x)
{
    static const char *const heads[] = {"failed", "runs", "first on", "seed", "error"};
    cli_table *t = cli_table_new(CLI_COUNT(heads), heads);
    for (size_t i = 0; i < x->n_failures; i++) {
        const hpo_run_info *r = x->failures[i];
        int64_t n = 0;
        int seen = 0;
        for (size_t j = 0; j < x->n_failures; j++) {
            int same = same_failure(r, x->failures[j]);
            seen = seen || (same && j < i);
            n += same;
        }
        if (seen) continue;
        cli_table_cell(t, r->key.method);
        cli_table_int(t, n);
        cli_table_cell(t, r->key.problem);
        cli_table_int(t, (int64_t)r->key.seed);
        cli_table_cell(t, r->error);
    }
    return cli_table_print(c, t, stdout);
}

static int print_report(cli *c, const hpo_comparison *x)
{
    int rc = print_problems(c, x);
    if (rc != CLI_OK) return rc;
    printf("median normalised regret of the recommended point (inf: nothing feasible); * smallest");
    if (x->n_methods > 1)
        printf("; + better, - worse than %s at level %g", x->methods[x->control].name, x->options.alpha);
    printf("\n\n");
    rc = print_standings(c, x);
    if (rc != CLI_OK) return rc;
    if (x->n_methods > 1)
        printf("p against %s%s, Holm: over %zu (problem, seed) pairs; over problems\n",
               x->methods[x->control].name, x->options.against != NULL ? "" : " (best mean rank)",
               x->n_blocks_complete);
    size_t pairs = 0;
    for (size_t i = 0; i < x->n_contests; i++)
        pairs += x->contests[i].n_seeds;
    if (x->n_blocks_complete < pairs)
        printf("ranks and tests leave out %zu (problem, seed) pairs that not every method has run\n",
               pairs - x->n_blocks_complete);
    if (!isnan(x->critical_difference))
        printf("Friedman over %zu %s: p = %.3g; critical difference of mean ranks %.3g\n", x->n_blocks,
               x->blocks_are_contests ? "problems" : "seeds", x->friedman.p_f, x->critical_difference);
    if (x->n_failures == 0) return CLI_OK;
    printf("\n");
    return print_failures(c, x);
}

/* ---- files ---- */

static hpo_status write_text(const char *path, const char *text, hpo_error *err)
{
    return hpo_os_write_file(path, text, strlen(text), err);
}

static hpo_status write_csv(cli *c, hpo_results *r, const hpo_comparison *x, const char *dir)
{
    static const char *const names[] = {"evaluations", "summary", "curves"};
    hpo_status rc = HPO_OK;
    for (size_t i = 0; i < CLI_COUNT(names) && rc == HPO_OK; i++) {
        hpo_str path = {0};
        char *text = NULL;
        hpo_str_addf(&path, "%s/%s.csv", dir, names[i]);
        if (path.failed)
            rc = hpo_fail_memory(&c->err);
        else if (i == 0)
            rc = hpo_results_export_csv(r, path.text, &c->err);
        else
            rc = i == 1 ? hpo_report_csv(x, &text, &c->err) : hpo_report_curves_csv(x, &text, &c->err);
        if (rc == HPO_OK && i > 0) rc = write_text(path.text, text, &c->err);
        hpo_free(text);
        hpo_str_fini(&path);
    }
    return rc;
}

static hpo_status write_pictures(cli *c, const hpo_comparison *x, const char *dir)
{
    hpo_status rc = hpo_os_mkdirs(dir, &c->err);
    for (size_t i = 0; i < hpo_report_n_pictures(x) && rc == HPO_OK; i++) {
        char name[256];
        char *text = NULL;
        hpo_str path = {0};
        rc = hpo_report_picture_file(x, i, name, sizeof name, &text, &c->err);
        if (rc == HPO_OK && text != NULL) {
            hpo_str_addf(&path, "%s/%s", dir, name);
            rc = path.failed ? hpo_fail_memory(&c->err) : write_text(path.text, text, &c->err);
        }
        hpo_free(text);
        hpo_str_fini(&path);
    }
    return rc;
}

/* ---- the origin ---- */

typedef struct origin {
    hpo_report_facts facts;
    char *stored[4];
} origin;

/* What the file says of where it comes from; --commit, --machine and --date say more. */
static hpo_status read_origin(cli *c, hpo_results *r, origin *o)
{
    static const char *const keys[] = {"command", "version", "commit", "machine"};
    for (size_t i = 0; i < CLI_COUNT(keys); i++)
        HPO_TRY(hpo_results_get_meta(r, keys[i], &o->stored[i], &c->err));
    o->facts.title = cli_get(c, "title", NULL);
    o->facts.command = o->stored[0];
    o->facts.version = o->stored[1];
    o->facts.commit = cli_get(c, "commit", o->stored[2]);
    o->facts.machine = cli_get(c, "machine", o->stored[3]);
    o->facts.date = cli_get(c, "date", NULL);
    return HPO_OK;
}

static void origin_free(origin *o)
{
    for (size_t i = 0; i < CLI_COUNT(o->stored); i++)
        hpo_free(o->stored[i]);
}

/* ---- the command ---- */

static int load(cli *c, hpo_results *r, hpo_comparison **out)
{
    hpo_comparison_options o = hpo_comparison_options_init();
    o.suite = cli_get(c, "suite", NULL);
    o.against = cli_get(c, "against", NULL);
    int rc = cli_get_double(c, "level", &o.alpha);
    if (rc != CLI_OK) return rc;
    if (!(o.alpha > 0 && o.alpha < 1))
        return cli_usage_error(c, "--level %g: give a number in (0, 1)", o.alpha);
    return hpo_comparison_load(r, &o, out, &c->err) == HPO_OK ? CLI_OK : cli_fail(c);
}

/* One line of JSON. */
static int print_line(const hpo_contest *k, const char *method, const hpo_entry *e)
{
    hpo_str s = {0};
    hpo_str_add(&s, "{\"problem\":");
    hpo_str_json(&s, k->problem->name);
    hpo_str_add(&s, ",\"method\":");
    hpo_str_json(&s, method);
    hpo_str_addf(&s, ",\"budget\":%g,\"workers\":%d,\"charged\":%s,\"runs\":%zu,\"failed\":%zu", k->budget,
                 (int)k->workers, k->charged ? "true" : "false", e->n_runs, e->n_failed);
    const struct {
        const char *name;
        double value;
    } numbers[] = {{"median_regret", e->median.value}, {"low", e->median.low},  {"high", e->median.high},
                   {"median_value", e->value},         {"area", e->area.value}, {"mean_rank", e->mean_rank}};
    for (size_t i = 0; i < CLI_COUNT(numbers); i++) {
        hpo_str_addf(&s, ",\"%s\":", numbers[i].name);
        hpo_str_json_double(&s, numbers[i].value);
    }
    hpo_str_add(&s, "}\n");
    int failed = s.failed;
    if (!failed) fputs(s.text, stdout);
    hpo_str_fini(&s);
    return failed ? cli_fail_memory() : CLI_OK;
}

/* A line for each method on each problem, both by name. */
static int print_lines(const hpo_comparison *x)
{
    int rc = CLI_OK;
    for (size_t i = 0; i < x->n_contests; i++) {
        const char *last = "";
        for (size_t j = 0; j < x->n_methods && rc == CLI_OK; j++) {
            size_t next = x->n_methods;
            for (size_t m = 0; m < x->n_methods; m++)
                if (strcmp(x->methods[m].name, last) > 0 &&
                    (next == x->n_methods || strcmp(x->methods[m].name, x->methods[next].name) < 0))
                    next = m;
            if (next == x->n_methods) break;
            last = x->methods[next].name;
            if (x->contests[i].entries[next].n_runs > 0)
                rc = print_line(&x->contests[i], last, &x->contests[i].entries[next]);
        }
    }
    return rc;
}

int bench_report_print(cli *c, hpo_results *r)
{
    hpo_comparison_options o = hpo_comparison_options_init();
    hpo_comparison *x = NULL;
    if (hpo_comparison_load(r, &o, &x, &c->err) != HPO_OK) return cli_fail(c);
    int rc = cli_has(c, "json") ? print_lines(x) : print_report(c, x);
    hpo_comparison_free(x);
    return rc;
}

static int write_files(cli *c, hpo_results *r, const hpo_comparison *x, const origin *o, const char *dir)
{
    const char *html = cli_get(c, "html", NULL);
    const char *pictures = cli_get(c, "svg-dir", NULL);
    hpo_status rc = HPO_OK;
    char *text = NULL;
    if (cli_has(c, "csv")) rc = write_csv(c, r, x, dir);
    if (rc == HPO_OK && pictures != NULL) rc = write_pictures(c, x, pictures);
    if (rc == HPO_OK && html != NULL) rc = hpo_report_html(x, &o->facts, &text, &c->err);
    if (rc == HPO_OK && html != NULL) rc = write_text(html, text, &c->err);
    hpo_free(text);
    return rc == HPO_OK ? CLI_OK : cli_fail(c);
}

static int print_json(cli *c, const hpo_comparison *x, const origin *o)
{
    char *json = NULL;
    if (hpo_report_json(x, &o->facts, &json, &c->err) != HPO_OK) return cli_fail(c);
    fputs(json, stdout);
    hpo_free(json);
    return CLI_OK;
}

static int show_and_write(cli *c, hpo_results *r, const hpo_comparison *x, const char *dir)
{
    origin o = {0};
    int rc = read_origin(c, r, &o) == HPO_OK ? write_files(c, r, x, &o, dir) : cli_fail(c);
    if (rc == CLI_OK) rc = cli_has(c, "json") ? print_json(c, x, &o) : print_report(c, x);
    origin_free(&o);
    return rc;
}

int bench_report(cli *c)
{
    hpo_results *r = NULL;
    hpo_comparison *x = NULL;
    int rc = cli_expect_args(c, 1, 2);
    if (rc != CLI_OK) return rc;
    const char *dir = c->n_args > 1 ? c->args[1] : cli_get(c, "out", "hpo-bench");
    if (hpo_results_open(dir, 0, &r, &c->err) != HPO_OK) return cli_fail(c);
    rc = load(c, r, &x);
    if (x != NULL) rc = show_and_write(c, r, x, dir);
    hpo_comparison_free(x);
    hpo_results_free(r);
    return rc;
}
