/* SPDX-License-Identifier: Apache-2.0 */
/* cli/bench_forecast.c - `hpo bench forecast`: are forecasts of learning curves right? */
#include "bench/forecast.h"

#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "bench.h"

enum { COMPLETE = 20, CUT = 100 };

static const char *const forecasters[HPO_N_FORECASTERS] = {HPO_FORECASTER_LABELS};

static void add_numbers(hpo_str *s, const char *key, const double *v)
{
    hpo_str_addf(s, ",\"%s\":{", key);
    for (int f = 0; f < HPO_N_FORECASTERS; f++) {
        hpo_str_addf(s, "%s\"%s\":", f == 0 ? "" : ",", forecasters[f]);
        hpo_str_json_double(s, v[f]);
    }
    hpo_str_add(s, "}");
}

static int print_json(const char *problem, const hpo_forecast_row *row)
{
    hpo_str s = {0};
    hpo_str_add(&s, "{\"problem\":");
    hpo_str_json(&s, problem);
    hpo_str_addf(&s, ",\"seen\":%g,\"n\":%zu", row->seen, row->n);
    add_numbers(&s, "rank", row->rank);
    add_numbers(&s, "error", row->error);
    add_numbers(&s, "covered", row->covered);
    add_numbers(&s, "width", row->width);
    hpo_str_add(&s, "}\n");
    int rc = s.failed ? cli_fail_memory() : CLI_OK;
    if (rc == CLI_OK) fputs(s.text, stdout);
    hpo_str_fini(&s);
    return rc;
}

static void cell(cli_table *t, double v, const char *format)
{
    char buf[32];
    (void)snprintf(buf, sizeof buf, format, v);
    cli_table_cell(t, isnan(v) ? "-" : buf);
}

static void print_row(cli_table *t, const char *problem, const hpo_forecast_row *row)
{
    cli_table_cell(t, problem);
    cell(t, 100 * row->seen, "%.0f %%");
    cli_table_int(t, (int64_t)row->n);
    for (int f = 0; f < HPO_N_FORECASTERS; f++)
        cell(t, row->rank[f], "%.2f");
    for (int f = 0; f <= HPO_FORECAST_ENSEMBLE; f++)
        cell(t, 100 * row->covered[f], "%.0f %%");
    for (int f = 0; f < HPO_N_FORECASTERS; f++)
        cell(t, row->error[f], "%.3f");
}

/* Means over problems, by share. */
typedef struct total {
    hpo_forecast_row sum;
    size_t n, with_ensemble;
} total;

static void add(total *all, const hpo_forecast_row *row)
{
    all->sum.seen = row->seen;
    all->sum.n += row->n;
    all->n++;
    all->with_ensemble += row->n_ensemble > 0;
    for (int f = 0; f < HPO_N_FORECASTERS; f++) {
        if (f == HPO_FORECAST_ENSEMBLE && row->n_ensemble == 0) continue;
        all->sum.rank[f] += row->rank[f];
        all->sum.error[f] += row->error[f];
        all->sum.covered[f] += row->covered[f];
    }
}

static void print_total(cli_table *t, total *all)
{
    if (all->n == 0) return;
    for (int f = 0; f < HPO_N_FORECASTERS; f++) {
        double n = (double)(f == HPO_FORECAST_ENSEMBLE ? all->with_ensemble : all->n);
        all->sum.rank[f] /= n;
        all->sum.error[f] /= n;
        all->sum.covered[f] /= n;
    }
    print_row(t, "mean", &all->sum);
}

/* Is the name fitted by --problems, or is there none?  Lists by commas, patterns as for `run`. */
static int is_wanted(const cli *c, const char *name)
{
    char word[128];
    size_t at = 0;
    const char *v, *only = cli_get(c, "only", NULL);
    if (only != NULL && strstr(name, only) == NULL) return 0;
    if (!cli_has(c, "problems")) return 1;
    while ((v = cli_next(c, "problems", &at)) != NULL)
        while (*v != '\0') {
            size_t n = strcspn(v, ",");
            (void)snprintf(word, sizeof word, "%.*s", (int)n, v);
            if (fnmatch(word, name, 0) == 0) return 1;
            v += n + (v[n] == ',');
        }
    return 0;
}

static int measure_one(cli *c, const char *name, int64_t n_ensemble, cli_table *t, total *all)
{
    hpo_problem *p = NULL;
    hpo_forecast_row rows[HPO_FORECAST_SHARES];
    const char *data = cli_get(c, "data", getenv("HPO_BENCH_DATA"));
    hpo_status s = hpo_problem_open(name, data, &p, &c->err);
    if (s != HPO_OK) return cli_fail(c);
    s = hpo_forecast_measure(p, COMPLETE, CUT, (size_t)n_ensemble, 77, rows, &c->err);
    int skipped = s == HPO_EINVAL; /* no curves */
    for (size_t i = 0; s == HPO_OK && i < HPO_FORECAST_SHARES; i++) {
        add(&all[i], &rows[i]);
        if (t != NULL)
            print_row(t, name, &rows[i]);
        else if (print_json(name, &rows[i]) != CLI_OK)
            s = HPO_ENOMEM;
    }
    hpo_problem_free(p);
    return s == HPO_OK || skipped ? CLI_OK : cli_fail(c);
}

int bench_forecast(cli *c)
{
    static const char *const heads[] = {
        "problem",    "seen",    "n",        "rank bank",  "coupled", "ensemble", "power law", "last",
        "cover bank", "coupled", "ensemble", "error bank", "coupled", "ensemble", "power law", "last"};
    char **names = NULL;
    size_t n = 0, n_wanted = 0;
    int64_t n_ensemble = 0;
    total all[HPO_FORECAST_SHARES] = {{{0}, 0, 0}};
    cli_table *t = NULL;
    int rc = cli_expect_args(c, 1, 1);
    if (rc == CLI_OK) rc = cli_get_int(c, "ensemble", 0, CUT, &n_ensemble);
    if (rc != CLI_OK) return rc;
    if (hpo_problem_names(HPO_SUITE_MULTIFIDELITY, cli_get(c, "data", getenv("HPO_BENCH_DATA")), &names, &n,
                          &c->err) != HPO_OK)
        return cli_fail(c);
    if (!cli_has(c, "json") && (t = cli_table_new(CLI_COUNT(heads), heads)) == NULL) rc = cli_fail_memory();
    for (size_t i = 0; rc == CLI_OK && i < n; i++)
        if (is_wanted(c, names[i])) {
            rc = measure_one(c, names[i], n_ensemble, t, all);
            n_wanted++;
        }
    if (rc == CLI_OK && n_wanted == 0 && cli_has(c, "problems"))
        rc = cli_error("--problems: none of the suite multifidelity fits: see `hpo bench problems --suite "
                       "multifidelity`");
    for (size_t i = 0; t != NULL && i < HPO_FORECAST_SHARES; i++)
        print_total(t, &all[i]);
    hpo_free(names);
    if (t != NULL && rc == CLI_OK) return cli_table_print(c, t, stdout);
    return rc;
}
