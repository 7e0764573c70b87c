/* SPDX-License-Identifier: Apache-2.0 */
/* cli/plot.c - `hpo plot`: the history of a study, and slices through it, as text or SVG. */
#include "plot.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/os.h"
#include "record.h"

static const cli_option plot_options[] = {
    CLI_STUDY_OPTIONS,
    {"by", 0, "NAME", "the objective; default: the first", 0, NULL},
    {"log", 0, NULL, "logarithmic scale for the objective", 0, NULL},
    {"ascii", 0, NULL, "draw with ASCII characters only", 0, NULL},
    {"unicode", 0, NULL, "draw with braille patterns whatever the locale says", 0, NULL},
    {"width", 0, "N", "columns; default: those of the terminal", 0, NULL},
    {"height", 0, "N", "lines; default 16", 0, NULL},
    {"svg", 0, "FILE", "write an SVG picture instead", 0, "@file"},
};

int cli_is_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < CLI_COUNT(names); i++) {
        const char *v = getenv(names[i]);
        if (v && *v)
            return strstr(v, "UTF-8") || strstr(v, "utf8") || strstr(v, "UTF8") || strstr(v, "utf-8");
    }
    return 0;
}

typedef struct series {
    double *x, *y, *lx, *ly;
    size_t n, n_line;
} series;

static void series_fini(series *s)
{
    hpo_free(s->x);
    hpo_free(s->y);
    hpo_free(s->lx);
    hpo_free(s->ly);
}

static hpo_status series_init(series *s, int64_t cap, hpo_error *err)
{
    size_t n = cap > 0 ? (size_t)cap + 1 : 1;
    memset(s, 0, sizeof *s);
    s->x = hpo_alloc_array(n, sizeof *s->x);
    s->y = hpo_alloc_array(n, sizeof *s->y);
    s->lx = hpo_alloc_array(n, sizeof *s->lx);
    s->ly = hpo_alloc_array(n, sizeof *s->ly);
    if (s->x && s->y && s->lx && s->ly) return HPO_OK;
    series_fini(s);
    memset(s, 0, sizeof *s);
    return hpo_fail_memory(err);
}

static int counts(const cli_shape *shape, const hpo_trial_info *t, size_t by, int log)
{
    if ((t->state != HPO_STATE_COMPLETE && t->state != HPO_STATE_STOPPED) || !t->values) return 0;
    (void)shape;
    return isfinite(t->values[by]) && (!log || t->values[by] > 0);
}

/* Points (number, value) and the line of the best so far; with `column` points (parameter, value). */
static hpo_status collect(cli *c, const cli_shape *shape, int64_t n_trials, size_t by, int log,
                          int64_t column, series *out)
{
    double sign = shape->objectives[by].direction == HPO_MAXIMIZE ? -1 : 1;
    double best = (double)INFINITY;
    for (int64_t i = 0; i < n_trials; i++) {
        hpo_trial_info t = {.size = sizeof t};
        double v;
        HPO_TRY(hpo_study_trial(c->study, i, &t, &c->err));
        if (!counts(shape, &t, by, log)) continue;
        v = t.values[by];
        if (column >= 0 && isnan(t.x[column])) continue;
        out->x[out->n] = column >= 0 ? t.x[column] : (double)i;
        out->y[out->n++] = v;
        if (column < 0 && t.state == HPO_STATE_COMPLETE && cli_feasible(shape, &t) && sign * v < best) {
            best = sign * v;
            out->lx[out->n_line] = (double)i;
            out->ly[out->n_line++] = v;
        }
    }
    if (out->n_line && out->n) { /* the line goes on to the newest point */
        out->lx[out->n_line] = out->x[out->n - 1];
        out->ly[out->n_line] = out->ly[out->n_line - 1];
        out->n_line++;
    }
    return HPO_OK;
}

typedef struct request {
    size_t by;
    int64_t width, height;
    int log, ascii;
    const char *svg;
} request;

typedef struct point {
    double x, y;
} point;

static int by_x(const void *a, const void *b)
{
    double p = ((const point *)a)->x, q = ((const point *)b)->x;
    return (p > q) - (p < q);
}

/* Every report as (step, value), and the line of the best value at each step or before it. */
static hpo_status collect_reports(cli *c, const cli_shape *shape, int64_t n_trials, const request *q,
                                  series *out)
{
    double sign = shape->objectives[q->by].direction == HPO_MAXIMIZE ? -1 : 1;
    int64_t total = 0;
    memset(out, 0, sizeof *out);
    for (int64_t i = 0; i < n_trials; i++) {
        hpo_trial_info t = {.size = sizeof t};
        HPO_TRY(hpo_study_trial(c->study, i, &t, &c->err));
        total += t.n_reports;
    }
    HPO_TRY(series_init(out, total, &c->err));
    for (int64_t i = 0; i < n_trials; i++) {
        hpo_trial_info t = {.size = sizeof t};
        HPO_TRY(hpo_study_trial(c->study, i, &t, &c->err));
        int64_t n = t.n_reports;
        for (int64_t k = 0; k < n && out->n < (size_t)total; k++) {
            hpo_report r = hpo_report_init();
            HPO_TRY(hpo_study_trial_report(c->study, i, (size_t)k, &r, NULL, &c->err));
            double v = r.values ? r.values[q->by] : (double)NAN;
            if (!isfinite(v) || (q->log && !(v > 0))) continue;
            out->x[out->n] = r.step;
            out->y[out->n++] = v;
        }
    }
    if (!out->n) return HPO_OK;
    point *list = hpo_alloc_array(out->n, sizeof *list);
    if (!list) return hpo_fail_memory(&c->err);
    for (size_t i = 0; i < out->n; i++)
        list[i] = (point){out->x[i], out->y[i]};
    qsort(list, out->n, sizeof *list, by_x);
    for (size_t i = 0; i < out->n; i++) {
        if (out->n_line && !(sign * list[i].y < sign * out->ly[out->n_line - 1])) continue;
        out->lx[out->n_line] = list[i].x;
        out->ly[out->n_line++] = list[i].y;
    }
    if (out->n_line < out->n) { /* the line goes on to the last step */
        out->lx[out->n_line] = list[out->n - 1].x;
        out->ly[out->n_line] = out->ly[out->n_line - 1];
        out->n_line++;
    }
    hpo_free(list);
    return HPO_OK;
}

static void fill(plot *p, const series *s, int worse)
{
    p->px = s->x;
    p->py = s->y;
    p->n = s->n;
    p->lx = s->lx;
    p->ly = s->ly;
    p->n_line = s->n_line;
    plot_fit(p, worse);
}

static int print_text(const plot *p, FILE *f, int width, int height, int ascii)
{
    hpo_str s = {0};
    int rc = CLI_OK;
    plot_text(&s, p, width, height, ascii);
    if (s.failed)
        rc = cli_fail_memory();
    else
        fwrite(s.text, 1, s.len, f);
    hpo_str_fini(&s);
    return rc;
}

static int write_svg(cli *c, const plot *p, const char *path)
{
    hpo_str s = {0};
    int rc = CLI_OK;
    plot_svg(&s, p);
    if (s.failed)
        rc = cli_fail_memory();
    else if (hpo_os_write_file(path, s.text, s.len, &c->err) != HPO_OK)
        rc = cli_fail(c);
    else
        printf("%s written\n", path);
    hpo_str_fini(&s);
    return rc;
}

int cli_plot_history(cli *c, FILE *f, int width, int height, int ascii)
{
    hpo_summary sum;
    cli_shape shape;
    series data;
    plot p = {0};
    char title[300];
    int rc;
    if (hpo_study_sync(c->study, NULL, &c->err) != HPO_OK) return cli_fail(c);
    if ((rc = cli_summary(c, &sum)) != CLI_OK) return rc;
    cli_shape_of(c->study, &sum, &shape);
    snprintf(title, sizeof title, "%s by trial; line: best so far", shape.objectives[0].name);
    if (series_init(&data, sum.n_trials, &c->err) != HPO_OK ||
        collect(c, &shape, sum.n_trials, 0, 0, -1, &data) != HPO_OK) {
        rc = cli_fail(c);
    } else if (data.n) {
        p.title = title;
        p.x.title = "trial";
        p.y.title = shape.objectives[0].name;
        fill(&p, &data, shape.objectives[0].direction == HPO_MAXIMIZE ? -1 : 1);
        rc = print_text(&p, f, width, height, ascii);
    }
    series_fini(&data);
    return rc;
}

/* What is on the x axis of a slice. */
static hpo_status slice_axis(cli *c, const cli_shape *shape, const char *name, plot_axis *x, int64_t *column)
{
    hpo_param_info p = {.size = sizeof p};
    int64_t i = hpo_space_find(shape->space, name);
    if (i < 0)
        return hpo_fail(&c->err, HPO_EINVAL, "'%s' names no parameter of the study: see `hpo space show`",
                        name);
    HPO_TRY(hpo_space_param(shape->space, (size_t)i, &p, &c->err));
    if (p.n_columns != 1)
        return hpo_fail(&c->err, HPO_EINVAL, "'%s' is a %s: a slice needs a parameter with one value", name,
                        hpo_kind_name(p.kind));
    *column = (int64_t)p.column;
    x->title = p.name;
    if (p.labels && p.n_labels) {
        x->scale = PLOT_LABELS;
        x->labels = p.labels;
        x->n_labels = p.n_labels;
    } else {
        x->scale = p.scale == HPO_SCALE_LOG ? PLOT_LOG : PLOT_LINEAR;
    }
    return HPO_OK;
}

static int draw(cli *c, const cli_shape *shape, const hpo_summary *sum, const request *q, const char *param,
                int curves)
{
    plot p = {0};
    series data;
    char title[600];
    int64_t column = -1;
    int rc;
    p.x.title = curves ? "step" : "trial";
    if (param && slice_axis(c, shape, param, &p.x, &column) != HPO_OK) return cli_fail(c);
    if (param)
        snprintf(title, sizeof title, "%s by %s", shape->objectives[q->by].name, param);
    else
        snprintf(title, sizeof title,
                 curves ? "%s by step, all reports; line: best up to it" : "%s by trial; line: best so far",
                 shape->objectives[q->by].name);
    p.title = title;
    p.y.title = shape->objectives[q->by].name;
    p.y.scale = q->log ? PLOT_LOG : PLOT_LINEAR;
    hpo_status st = curves ? collect_reports(c, shape, sum->n_trials, q, &data)
                           : series_init(&data, sum->n_trials, &c->err);
    if (st == HPO_OK && !curves) st = collect(c, shape, sum->n_trials, q->by, q->log, column, &data);
    if (st != HPO_OK) {
        rc = cli_fail(c);
    } else if (!data.n) {
        rc = cli_error("study '%s' has nothing to plot yet: %" PRId64 " trial%s, none with a value%s",
                       sum->name, sum->n_trials, hpo_plural(sum->n_trials), q->log ? " above 0" : "");
    } else {
        fill(&p, &data, shape->objectives[q->by].direction == HPO_MAXIMIZE ? -1 : 1);
        rc = q->svg ? write_svg(c, &p, q->svg)
                    : print_text(&p, stdout, (int)q->width, (int)q->height, q->ascii);
    }
    series_fini(&data);
    return rc;
}

static int run_plot(cli *c)
{
    const char *what = c->n_args ? c->args[0] : "history";
    const char *name = cli_get(c, "by", NULL);
    request q = {.width = c->width, .height = 16, .svg = cli_get(c, "svg", NULL), .log = cli_has(c, "log")};
    hpo_summary sum;
    cli_shape shape;
    int slice = !strcmp(what, "slice");
    int curves = !strcmp(what, "curves");
    int rc;
    if (!slice && !curves && strcmp(what, "history") != 0)
        return cli_usage_error(c, "'%s' is not history, curves or slice", what);
    if (!slice && (rc = cli_expect_args(c, 0, 1)) != CLI_OK) return rc;
    if ((rc = cli_get_int(c, "width", 20, 1000, &q.width)) != CLI_OK) return rc;
    if ((rc = cli_get_int(c, "height", 4, 60, &q.height)) != CLI_OK) return rc;
    q.ascii = cli_has(c, "ascii") || (!cli_has(c, "unicode") && !cli_is_utf8());
    if ((rc = cli_open_study(c)) != CLI_OK) return rc;
    if (hpo_study_sync(c->study, NULL, &c->err) != HPO_OK) return cli_fail(c);
    if ((rc = cli_summary(c, &sum)) != CLI_OK) return rc;
    cli_shape_of(c->study, &sum, &shape);
    while (name && q.by < shape.n_objectives && strcmp(shape.objectives[q.by].name, name) != 0)
        q.by++;
    if (q.by >= shape.n_objectives)
        return cli_usage_error(c, "--by: '%s' is no objective of study '%s'", name, sum.name);
    if (!slice) return draw(c, &shape, &sum, &q, NULL, curves);
    if (q.svg && c->n_args != 2) return cli_usage_error(c, "--svg draws one slice: name one parameter");
    for (size_t i = 1; i < c->n_args && rc == CLI_OK; i++)
        rc = draw(c, &shape, &sum, &q, c->args[i], 0);
    for (size_t i = 0; i < shape.n_params && c->n_args == 1 && rc == CLI_OK;
         i++) { /* all that can be drawn */
        hpo_param_info p = {.size = sizeof p};
        if (hpo_space_param(shape.space, i, &p, &c->err) != HPO_OK) return cli_fail(c);
        if (p.n_columns == 1 && p.kind != HPO_KIND_CONST && !p.is_fidelity)
            rc = draw(c, &shape, &sum, &q, p.name, 0);
    }
    return rc;
}

const cli_command cli_plot = {
    .name = "plot",
    .group = "Look",
    .help = "draw the history of a study, its learning curves, or the objective by a parameter",
    .usage = "history | curves | slice [PARAM]... [OPTION]...",
    .about = "Points are finished trials; the line of the history is the best feasible value so far. A few "
             "results far worse "
             "than the others are left outside the frame, and counted below it.",
    .words = "history curves slice",
    .options = plot_options,
    .n_options = CLI_COUNT(plot_options),
    .run = run_plot,
};
