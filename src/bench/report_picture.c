/* SPDX-License-Identifier: Apache-2.0 */
/* bench/report_picture.c - which curves of a comparison stand in which chart. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "bench/chart.h"
#include "bench/report.h"

static void size_chart(hpo_chart *h, int small)
{
    if (!small) return;
    h->width = 600;
    h->height = 340;
}

/* A chart of one curve a method over a common grid. */
static int overall_curves(const hpo_comparison *c, hpo_picture picture, hpo_chart *h,
                          hpo_chart_series *series)
{
    const double *x = picture == HPO_PICTURE_ECDF      ? c->ecdf_at
                      : picture == HPO_PICTURE_PROFILE ? c->ratios
                                                       : c->fractions;
    size_t n = picture == HPO_PICTURE_ECDF      ? c->n_ecdf
               : picture == HPO_PICTURE_PROFILE ? c->n_ratios
                                                : c->n_fractions;
    if (c->n_blocks_complete == 0 || n < 2) return 0;
    for (size_t m = 0; m < c->n_methods; m++) {
        const hpo_standing *s = &c->methods[m];
        series[m] = (hpo_chart_series){.name = s->name, .style = m, .n = n, .x = x};
        series[m].y = picture == HPO_PICTURE_ECDF      ? s->ecdf
                      : picture == HPO_PICTURE_PROFILE ? s->profile
                                                       : s->rank_curve;
    }
    h->series = series;
    h->n = c->n_methods;
    return 1;
}

static int contest_curves(const hpo_comparison *c, const hpo_contest *k, int by_time, hpo_chart *h,
                          hpo_chart_series *series, double *values)
{
    size_t n = by_time ? k->n_times : k->n_budgets;
    int any = 0;
    if (n < 2) return 0;
    for (size_t m = 0; m < c->n_methods; m++) {
        const hpo_entry *e = &k->entries[m];
        double *v = values + m * 3 * n;
        if (e->n_runs == 0) continue;
        const hpo_estimate *curve = by_time ? e->by_time : e->by_budget;
        for (size_t i = 0; i < n; i++) {
            v[i] = curve[i].value;
            v[n + i] = curve[i].low;
            v[2 * n + i] = fmin(curve[i].high, 1e3); /* an endless band ends above every chart */
            any |= !isinf(v[i]);
        }
        series[h->n++] = (hpo_chart_series){.name = c->methods[m].name,
                                            .style = m,
                                            .n = n,
                                            .x = by_time ? k->times : k->budgets,
                                            .y = v,
                                            .low = v + n,
                                            .high = v + 2 * n};
    }
    h->series = series;
    return any;
}

/* The top of a regret chart: no band may flatten the curves. */
static double regret_top(const hpo_chart *h)
{
    double top = 0;
    for (size_t k = 0; k < h->n; k++)
        for (size_t i = 0; i < h->series[k].n; i++) {
            if (!isinf(h->series[k].y[i])) top = fmax(top, h->series[k].y[i]);
            if (!isinf(h->series[k].y[i]) && h->series[k].high[i] < 1e3)
                top = fmax(top, h->series[k].high[i]);
        }
    return top > 0 ? top * 1.15 : 1;
}

static int picture_contest(const hpo_comparison *c, const hpo_contest *k, int by_time, int small,
                           int standalone, hpo_str *s)
{
    size_t n = by_time ? k->n_times : k->n_budgets;
    hpo_chart_series *series = hpo_calloc(c->n_methods, sizeof *series);
    double *values = hpo_calloc(c->n_methods * 3 * (n + 1), sizeof *values);
    hpo_chart h = hpo_chart_init();
    hpo_str note = {0};
    int drawn = 0;
    if (series == NULL || values == NULL) {
        s->failed = 1;
        goto done;
    }
    if (!contest_curves(c, k, by_time, &h, series, values)) goto done;
    size_chart(&h, small);
    h.title = k->label;
    hpo_str_addf(&note, "median of %zu seed%s, %.4g %% bootstrap interval", k->n_seeds,
                 hpo_plural((int64_t)k->n_seeds), 100 * c->options.level);
    h.note = note.failed ? NULL : note.text;
    h.x_label = by_time ? "virtual time, seconds" : "budget spent, full evaluations";
    h.y_label = k->problem->n_objectives > 1 ? "hypervolume regret" : "normalised regret";
    h.log_x = h.log_y = h.steps = 1;
    h.floor = HPO_REGRET_FLOOR;
    h.y_high = regret_top(&h);
    hpo_chart_svg(s, &h, standalone);
    drawn = 1;
done:
    hpo_str_fini(&note);
    hpo_free(series);
    hpo_free(values);
    return drawn;
}

/* The top of the runtime distributions: few of the targets are within reach of a small budget. */
static double share_top(const hpo_comparison *c)
{
    double top = 0;
    for (size_t m = 0; m < c->n_methods; m++)
        top = fmax(top, c->methods[m].ecdf[c->n_ecdf - 1]);
    return top > 0 ? fmin(1, ceil(top * 12) / 10) : 1;
}

static int picture_overall(const hpo_comparison *c, hpo_picture picture, int small, int standalone,
                           hpo_str *s)
{
    hpo_chart_series *series = hpo_calloc(c->n_methods, sizeof *series);
    hpo_chart h = hpo_chart_init();
    hpo_str note = {0};
    int drawn = 0;
    if (series == NULL) {
        s->failed = 1;
        return 0;
    }
    if (!overall_curves(c, picture, &h, series)) goto done;
    size_chart(&h, small);
    h.y_low = 0;
    h.y_high = 1;
    h.log_x = h.steps = 1;
    if (picture == HPO_PICTURE_ECDF) {
        h.title = "Runtime distribution";
        hpo_str_addf(&note, "%d targets a problem; higher is better", (int)HPO_COMPARISON_TARGETS);
        h.x_label = "budget spent per dimension";
        h.y_label = "share of (problem, seed, target) reached";
        h.y_high = share_top(c);
        if (c->ecdf_cut < c->ecdf_at[c->n_ecdf - 1] * (1 - 1e-9)) {
            h.mark = c->ecdf_cut;
            h.mark_label = "first budgets end";
        }
    } else if (picture == HPO_PICTURE_PROFILE) {
        h.title = "Performance profile";
        hpo_str_add(&note, "to within 10 % of the best found by any; higher is better");
        h.x_label = "budget needed, multiple of the fastest method's";
        h.y_label = "share of (problem, seed)";
    } else {
        h.title = "Mean rank over the budget";
        hpo_str_add(&note, "over problems and seeds; lower is better");
        h.x_label = "part of the budget spent";
        h.y_label = "mean rank";
        h.log_x = 0;
        h.y_low = 1;
        h.y_high = c->n_methods > 1 ? (double)c->n_methods : 2;
    }
    h.note = note.failed ? NULL : note.text;
    hpo_chart_svg(s, &h, standalone);
    drawn = 1;
done:
    hpo_str_fini(&note);
    hpo_free(series);
    return drawn;
}

static int picture_ranks(const hpo_comparison *c, int small, int standalone, hpo_str *s)
{
    size_t n = c->n_methods;
    const char **names = hpo_calloc(n, sizeof *names);
    double *ranks = hpo_calloc(n, sizeof *ranks);
    hpo_str note = {0};
    int drawn = 0;
    if (names == NULL || ranks == NULL) {
        s->failed = 1;
        goto done;
    }
    if (isnan(c->critical_difference)) goto done;
    for (size_t i = 0; i < n; i++) {
        names[i] = c->methods[c->block_order[i]].name;
        ranks[i] = c->methods[c->block_order[i]].block_rank;
    }
    hpo_str_addf(&note, "mean rank over %zu %s; bars join methods that do not differ at level %.4g (Nemenyi)",
                 c->n_blocks, c->blocks_are_contests ? "problems" : "seeds", c->options.alpha);
    hpo_rank_chart h = {.title = "Critical differences",
                        .note = note.failed ? NULL : note.text,
                        .names = names,
                        .ranks = ranks,
                        .styles = c->block_order,
                        .n = n,
                        .difference = c->critical_difference,
                        .first = c->group_first,
                        .last = c->group_last,
                        .n_groups = c->n_groups,
                        .width = small ? 600 : 760};
    hpo_rank_chart_svg(s, &h, standalone);
    drawn = 1;
done:
    hpo_str_fini(&note);
    hpo_free(names);
    hpo_free(ranks);
    return drawn;
}

int hpo_report_picture(const hpo_comparison *c, hpo_picture picture, size_t contest, int small,
                       int standalone, hpo_str *s)
{
    if (picture == HPO_PICTURE_RANKS) return picture_ranks(c, small, standalone, s);
    if (picture == HPO_PICTURE_BUDGET || picture == HPO_PICTURE_TIME)
        return picture_contest(c, &c->contests[contest], picture == HPO_PICTURE_TIME, small, standalone, s);
    return picture_overall(c, picture, small, standalone, s);
}

size_t hpo_report_n_pictures(const hpo_comparison *c)
{
    return 4 + 2 * c->n_contests;
}

hpo_status hpo_report_picture_file(const hpo_comparison *c, size_t i, char *name, size_t cap, char **out,
                                   hpo_error *err)
{
    static const struct {
        hpo_picture picture;
        const char *name;
    } overall[] = {{HPO_PICTURE_RANKS, "critical-difference"},
                   {HPO_PICTURE_RANK_CURVE, "mean-rank"},
                   {HPO_PICTURE_ECDF, "runtime-distribution"},
                   {HPO_PICTURE_PROFILE, "performance-profile"}};
    hpo_str s = {0};
    hpo_str file = {0};
    *out = NULL;
    size_t contest = i < 4 ? 0 : (i - 4) / 2;
    hpo_picture picture = i < 4              ? overall[i].picture
                          : (i - 4) % 2 == 0 ? HPO_PICTURE_BUDGET
                                             : HPO_PICTURE_TIME;
    hpo_str_add(&file, i < 4 ? overall[i].name : picture == HPO_PICTURE_BUDGET ? "budget-" : "time-");
    for (const char *p = i < 4 ? "" : c->contests[contest].label; *p != '\0'; p++)
        hpo_str_addc(&file, strchr(" /\\:\"'<>|*?", *p) != NULL || (unsigned char)*p < 0x20 ? '-' : *p);
    hpo_str_add(&file, ".svg");
    hpo_status rc = HPO_OK;
    if (file.failed)
        rc = hpo_fail_memory(err);
    else if (file.len >= cap)
        rc = hpo_fail(err, HPO_EINVAL, "%s: the file name is too long", file.text);
    else
        memcpy(name, file.text, file.len + 1);
    if (rc == HPO_OK && hpo_report_picture(c, picture, contest, 0, 1, &s)) rc = hpo_str_steal(&s, out, err);
    if (rc == HPO_OK && s.failed) rc = hpo_fail_memory(err);
    hpo_str_fini(&s);
    hpo_str_fini(&file);
    return rc;
}
