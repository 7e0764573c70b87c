/* SPDX-License-Identifier: Apache-2.0 */
/* cli/bench_recheck.c - `hpo bench recheck`: stored results measured again. */
#include "bench/recheck.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/os.h"
#include "bench.h"

/* ---- a line for each run ------------------------------------------------------------------------------ */

static int print_row(const hpo_recheck_row *row)
{
    hpo_str s = {0};
    hpo_str_add(&s, "{\"problem\":");
    hpo_str_json(&s, row->run->key.problem);
    hpo_str_add(&s, ",\"method\":");
    hpo_str_json(&s, row->run->key.method);
    hpo_str_addf(&s, ",\"seed\":%llu", (unsigned long long)row->run->key.seed);
    hpo_str_json_member(&s, "budget", row->run->key.budget);
    hpo_str_addf(&s, ",\"n\":%lld,\"repeats\":%lld", (long long)row->n, (long long)row->repeats);
    if (row->repeats > 0) {
        hpo_str_json_member(&s, "best_told", row->told);
        hpo_str_json_member(&s, "best_again", row->told_again);
        hpo_str_json_member(&s, "expected", row->claimed);
        hpo_str_json_member(&s, "low", row->low);
        hpo_str_json_member(&s, "high", row->high);
        hpo_str_json_member(&s, "noise_sd", row->noise);
        hpo_str_json_member(&s, "again", row->again);
        hpo_str_json_member(&s, "again_sem", row->sem);
        hpo_str_json_member(&s, "again_sd", row->sd);
        hpo_str_addf(&s, ",\"covered\":%s,\"inside\":%lld", row->covered ? "true" : "false",
                     (long long)row->inside);
    }
    hpo_str_add(&s, "}\n");
    int rc = s.failed ? cli_fail_memory() : CLI_OK;
    if (rc == CLI_OK) fputs(s.text, stdout);
    hpo_str_fini(&s);
    return rc;
}

/* ---- a line for each method on each problem -------------------------------------------------------------
 */

static int same_group(const hpo_recheck_row *a, const hpo_recheck_row *b, int method)
{
    const hpo_run_key *k = &a->run->key, *l = &b->run->key;
    return strcmp(k->problem, l->problem) == 0 &&
           (!method || (strcmp(k->method, l->method) == 0 && k->budget == l->budget &&
                        k->workers == l->workers && k->charged == l->charged));
}

static size_t group_end(const hpo_recheck *x, size_t first, int method)
{
    size_t end = first + 1;
    while (end < x->n && same_group(&x->rows[first], &x->rows[end], method))
        end++;
    return end;
}

static void share_cell(cli_table *t, int64_t part, int64_t whole)
{
    char buf[48];
    snprintf(buf, sizeof buf, "%.0f %%", 100 * (double)part / fmax(1, (double)whole));
    cli_table_cell(t, whole > 0 ? buf : "-");
}

static void print_group(cli_table *t, const hpo_recheck_row *rows, size_t n)
{
    double told = 0, told_again = 0, expected = 0, again = 0, epistemic = 0, noise = 0, sd = 0;
    int64_t k = 0, covered = 0, inside = 0, repeats = 0;
    for (size_t i = 0; i < n; i++) {
        const hpo_recheck_row *r = &rows[i];
        if (r->repeats == 0) continue;
        double width = (r->high - r->low) / (2 * 1.6448536269514722);
        k++;
        told += r->told;
        told_again += r->told_again;
        expected += r->claimed;
        again += r->again;
        epistemic += width * width;
        noise += isnan(r->noise) ? 0 : r->noise * r->noise;
        sd += isnan(r->sd) ? 0 : r->sd * r->sd;
        covered += r->covered;
        inside += r->inside;
        repeats += r->repeats;
    }
    double m = (double)k;
    cli_table_cell(t, rows[0].run->key.problem);
    cli_table_cell(t, rows[0].run->key.method);
    cli_table_number(t, rows[0].run->key.budget);
    cli_table_int(t, (int64_t)n);
    const double cells[] = {told / m,        told_again / m, expected / m, again / m, sqrt(epistemic / m),
                            sqrt(noise / m), sqrt(sd / m)};
    for (size_t i = 0; i < CLI_COUNT(cells); i++)
        cli_table_number(t, k > 0 ? cells[i] : (double)NAN);
    share_cell(t, covered, k);
    share_cell(t, inside, repeats);
}

static int print_groups(cli *c, const hpo_recheck *x)
{
    static const char *const heads[] = {"problem",  "method",   "budget", "runs",        "best told",
                                        "again",    "expected", "again",  "interval sd", "noise sd",
                                        "again sd", "covered",  "inside"};
    cli_table *t = cli_table_new(CLI_COUNT(heads), heads);
    if (t == NULL) return cli_fail_memory();
    for (size_t i = 0, end; i < x->n; i = end) {
        end = group_end(x, i, 1);
        print_group(t, x->rows + i, end - i);
    }
    return cli_table_print(c, t, stdout);
}

static int write_pictures(cli *c, const hpo_recheck *x, const char *dir)
{
    hpo_status rc = hpo_os_mkdirs(dir, &c->err);
    for (size_t i = 0, end; i < x->n && rc == HPO_OK; i = end) {
        hpo_str path = {0}, svg = {0};
        end = group_end(x, i, 0);
        hpo_str_addf(&path, "%s/uncertainty-%s.svg", dir, x->rows[i].run->key.problem);
        hpo_recheck_svg(&svg, x->rows + i, end - i);
        rc =
            path.failed || svg.failed ? HPO_ENOMEM : hpo_os_write_file(path.text, svg.text, svg.len, &c->err);
        hpo_str_fini(&path);
        hpo_str_fini(&svg);
    }
    return rc == HPO_OK ? CLI_OK : rc == HPO_ENOMEM ? cli_fail_memory() : cli_fail(c);
}

int bench_recheck(cli *c)
{
    hpo_results *r = NULL;
    hpo_recheck *x = NULL;
    int64_t threads = 0;
    const char *set = getenv("HPO_BENCH_DATA");
    const char *pictures = cli_get(c, "svg-dir", NULL);
    hpo_recheck_options o = {.data = cli_get(c, "data", set != NULL && set[0] != '\0' ? set : NULL),
                             .repeats = 20};
    int rc = cli_expect_args(c, 1, 2);
    if (rc == CLI_OK) rc = cli_get_int(c, "repeats", 2, 1000000, &o.repeats);
    if (rc == CLI_OK) rc = cli_get_int(c, "jobs", 1, 1024, &threads);
    if (rc != CLI_OK) return rc;
    o.threads = (int32_t)threads;
    const char *dir = c->n_args > 1 ? c->args[1] : cli_get(c, "out", "hpo-bench");
    hpo_status status = hpo_results_open(dir, 0, &r, &c->err);
    if (status == HPO_OK) status = hpo_recheck_runs(r, &o, &x, &c->err);
    rc = status == HPO_OK ? CLI_OK : cli_fail(c);
    if (x != NULL && rc == CLI_OK && pictures != NULL) rc = write_pictures(c, x, pictures);
    if (x != NULL && rc == CLI_OK && !cli_has(c, "json")) rc = print_groups(c, x);
    for (size_t i = 0; x != NULL && rc == CLI_OK && cli_has(c, "json") && i < x->n; i++)
        rc = print_row(&x->rows[i]);
    hpo_recheck_free(x);
    hpo_results_free(r);
    return rc;
}
