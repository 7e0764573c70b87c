/* SPDX-License-Identifier: Apache-2.0 */
/* bench/report_html.c - one page with everything: pictures inline, every number also in a table, no file
 * beside it, nothing fetched.  Columns sort at a click; without scripts the page is complete. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "bench/chart.h"
#include "bench/report.h"

static const char STYLE[] =
    ":root{color-scheme:light "
    "dark;--bg:#fff;--fg:#1a1a1a;--mu:#5c5c5c;--ln:#dcdcdc;--hd:#f5f5f3;--ac:#0072b2;"
    "--bad:#b00020}\n"
    "@media(prefers-color-scheme:dark){:root{--bg:#16181b;--fg:#ececec;--mu:#a8a8a8;--ln:#34373b;--hd:#"
    "1f2226;"
    "--ac:#4fb3ea;--bad:#ff8a80}}\n"
    "*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.5 "
    "system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif}\n"
    "main{max-width:1280px;margin:0 auto;padding:28px 24px 64px}h1{font-size:26px;line-height:1.25;margin:0 "
    "0 "
    "4px}"
    "h2{font-size:19px;margin:44px 0 6px}p{max-width:78ch;margin:6px 0 12px}.m{color:var(--mu)}"
    "nav a{margin-right:16px;color:var(--ac);text-decoration:none}nav{margin:14px 0}"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 18px;margin:14px 0;font-size:14px}"
    "dt{color:var(--mu)}dd{margin:0;overflow-wrap:anywhere}\n"
    ".w{overflow-x:auto;border:1px solid var(--ln);border-radius:8px;margin:10px 0 18px}"
    "table{border-collapse:collapse;width:100%;font-size:13.5px;font-variant-numeric:tabular-nums}"
    "th,td{padding:6px 9px;text-align:right;white-space:nowrap;border-bottom:1px solid var(--ln)}"
    "th{white-space:normal;background:var(--hd);font-weight:600;cursor:pointer;position:sticky;top:0;"
    "vertical-align:bottom}"
    "th:focus-visible{outline:2px solid var(--ac);outline-offset:-2px}"
    "td:first-child,th:first-child{position:sticky;left:0;z-index:1}td:first-child{background:var(--bg)}"
    "tbody tr:last-child td{border-bottom:0}td.t,th.t{text-align:left}td.e{white-space:normal;min-width:24em}"
    "th[aria-sort=ascending]::after{content:' \\25b4'}th[aria-sort=descending]::after{content:' \\25be'}"
    "small{color:var(--mu);font-size:12px}b{font-weight:650}.x{color:var(--bad)}"
    "i.k{display:inline-block;width:10px;height:10px;border-radius:3px;margin-right:7px}\n"
    ".g{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(520px,100%),1fr));gap:18px}"
    ".g svg{display:block;width:100%;height:auto}"
    "figure{margin:0;border:1px solid var(--ln);border-radius:8px;padding:8px}"
    "@media print{th{position:static}main{max-width:none}figure{break-inside:avoid}}\n";

/* A click on a head sorts by that column: numbers by data-v, texts as written. */
static const char SCRIPT[] =
    "<script>\n"
    "for(const h of document.querySelectorAll('th')){h.tabIndex=0;const f=()=>{\n"
    "const b=h.closest('table').tBodies[0],i=h.cellIndex,up=h.getAttribute('aria-sort')!=='ascending';\n"
    "const v=r=>{const c=r.cells[i],d=c.dataset.v;return d===undefined?c.textContent:d===''?NaN:Number(d)};\n"
    "for(const o of h.parentNode.cells)o.removeAttribute('aria-sort');\n"
    "h.setAttribute('aria-sort',up?'ascending':'descending');\n"
    "b.append(...[...b.rows].sort((p,q)=>{const x=v(p),y=v(q);\n"
    "if(typeof x==='string')return(up?1:-1)*x.localeCompare(y,'en',{numeric:true});\n"
    "if(x!==x||y!==y)return(x!==x)-(y!==y);return(up?1:-1)*(x<y?-1:x>y?1:0)}))};\n"
    "h.onclick=f;h.onkeydown=e=>{if(e.key==='Enter'||e.key===' '){e.preventDefault();f()}}}\n"
    "</script>\n";

/* ---- cells ---- */

static void add_number(hpo_str *s, double v)
{
    if (isnan(v))
        hpo_str_add(s, "\xe2\x80\x93");
    else if (isinf(v))
        hpo_str_add(s, v > 0 ? "\xe2\x88\x9e" : "\xe2\x88\x92\xe2\x88\x9e");
    else
        hpo_str_addf(s, "%.3g", v);
}

static void add_sort_key(hpo_str *s, double v)
{
    hpo_str_add(s, " data-v=\"");
    if (isinf(v))
        hpo_str_add(s, v > 0 ? "Infinity" : "-Infinity");
    else if (!isnan(v))
        hpo_str_double(s, v);
    hpo_str_add(s, "\">");
}

static void cell(hpo_str *s, double v)
{
    hpo_str_add(s, "<td");
    add_sort_key(s, v);
    add_number(s, v);
    hpo_str_add(s, "</td>");
}

static void cell_count(hpo_str *s, size_t n, int alarm)
{
    hpo_str_addf(s, "<td data-v=\"%zu\"%s>%zu</td>", n, alarm && n > 0 ? " class=\"x\"" : "", n);
}

static void cell_text(hpo_str *s, const char *text, const char *class)
{
    hpo_str_addf(s, "<td class=\"%s\">", class);
    hpo_xml_text(s, text);
    hpo_str_add(s, "</td>");
}

/* p below 0.001 is written as such: further digits say nothing. */
static void cell_p(hpo_str *s, double p, double alpha)
{
    hpo_str_add(s, "<td");
    add_sort_key(s, p);
    const char *on = p < alpha ? "<b>" : "";
    if (p < 0.001)
        hpo_str_addf(s, "%s&lt; 0.001%s", on, p < alpha ? "</b>" : "");
    else if (isnan(p))
        hpo_str_add(s, "\xe2\x80\x93");
    else
        hpo_str_addf(s, "%s%.3f%s", on, p, p < alpha ? "</b>" : "");
    hpo_str_add(s, "</td>");
}

static void add_interval(hpo_str *s, const hpo_estimate *e)
{
    add_number(s, e->value);
    if (isnan(e->value) || fabs(e->high - e->low) <= 1e-9 * fabs(e->value) || e->low == e->high) return;
    hpo_str_add(s, " <small>[");
    add_number(s, e->low);
    hpo_str_add(s, ", ");
    add_number(s, e->high);
    hpo_str_add(s, "]</small>");
}

static void cell_estimate(hpo_str *s, const hpo_estimate *e)
{
    hpo_str_add(s, "<td");
    add_sort_key(s, e->value);
    add_interval(s, e);
    hpo_str_add(s, "</td>");
}

static void cell_seconds(hpo_str *s, double v)
{
    static const char *const units[] = {"ns", "\xc2\xb5s", "ms", "s"};
    size_t u = 0;
    hpo_str_add(s, "<td");
    add_sort_key(s, v);
    if (isnan(v)) {
        hpo_str_add(s, "\xe2\x80\x93</td>");
        return;
    }
    double x = v * 1e9;
    for (; u < 3 && x >= 1000; u++)
        x /= 1000;
    hpo_str_addf(s, x >= 1000 ? "%.0f %s</td>" : "%.3g %s</td>", x, units[u]);
}

static void cell_method(hpo_str *s, const hpo_comparison *c, size_t m)
{
    hpo_str_addf(s, "<td class=\"t\"><i class=\"k b%zu\"></i>", m % HPO_CHART_COLOURS);
    hpo_xml_text(s, c->methods[m].name);
    hpo_str_add(s, "</td>");
}

/* heads: separated by '|'; the first `texts` are left-aligned. */
static void open_table(hpo_str *s, const char *heads, size_t texts)
{
    hpo_str_add(s, "<div class=\"w\"><table><thead><tr>");
    for (size_t i = 0; *heads != '\0'; i++) {
        size_t n = strcspn(heads, "|");
        hpo_str_add(s, i < texts ? "<th class=\"t\" scope=\"col\">" : "<th scope=\"col\">");
        hpo_str_addn(s, heads, n);
        hpo_str_add(s, "</th>");
        heads += n + (heads[n] == '|');
    }
    hpo_str_add(s, "</tr></thead><tbody>\n");
}

static void close_table(hpo_str *s)
{
    hpo_str_add(s, "</tbody></table></div>\n");
}

/* ---- sections ---- */

static void add_fact(hpo_str *s, const char *name, const char *text)
{
    if (text == NULL || *text == '\0') return;
    hpo_str_addf(s, "<dt>%s</dt><dd>", name);
    hpo_xml_text(s, text);
    hpo_str_add(s, "</dd>");
}

static void add_top(hpo_str *s, const hpo_comparison *c, const hpo_report_facts *f)
{
    hpo_str title = {0};
    if (f->title != NULL)
        hpo_xml_text(&title, f->title);
    else
        hpo_str_addf(&title, "%zu method%s on %zu problem%s", c->n_methods, hpo_plural((int64_t)c->n_methods),
                     c->n_contests, hpo_plural((int64_t)c->n_contests));
    const char *text = title.failed ? "" : title.text;
    s->failed |= title.failed;
    hpo_str_addf(s,
                 "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
                 "content=\"width=device-width,initial-scale=1\">\n<title>%s</title>\n<style>\n",
                 text);
    hpo_str_add(s, STYLE);
    for (int dark = 0; dark < 2; dark++) {
        if (dark) hpo_str_add(s, "@media(prefers-color-scheme:dark){");
        hpo_chart_css(s, dark);
        if (dark) hpo_str_add(s, "}\n");
    }
    hpo_str_addf(s, "\n</style></head><body><main>\n<h1>%s</h1>\n", text);
    hpo_str_fini(&title);
    hpo_str_addf(
        s,
        "<p class=\"m\">%zu run%s, paired by seed; %zu of the (problem, seed) pairs were run by every "
        "method.%s</p>\n",
        c->n_runs, hpo_plural((int64_t)c->n_runs), c->n_blocks_complete,
        c->n_failures > 0 ? " <span class=\"x\">Some runs failed: see below.</span>" : "");
    hpo_str_add(s, "<nav><a href=\"#standings\">Standings</a><a href=\"#problems\">Problems</a><a "
                   "href=\"#curves\">Curves</a><a href=\"#numbers\">All numbers</a><a href=\"#failures\">"
                   "Failures</a><a href=\"#reading\">How to read</a></nav>\n<dl>");
    add_fact(s, "command", f->command);
    add_fact(s, "version", f->version);
    add_fact(s, "commit", f->commit);
    add_fact(s, "machine", f->machine);
    add_fact(s, "date", f->date);
    hpo_str_add(s, "</dl>\n");
}

static void add_standings(hpo_str *s, const hpo_comparison *c)
{
    const char *control = c->methods[c->control].name;
    hpo_str_add(s, "<h2 id=\"standings\">Standings</h2>\n<p>Tests compare with <b>");
    hpo_xml_text(s, control);
    hpo_str_addf(s, "</b>%s. Bold p-values are below %.4g after Holm\xe2\x80\x99s correction.</p>\n",
                 c->options.against != NULL ? "" : ", the method of the best mean rank here",
                 c->options.alpha);
    open_table(
        s,
        "method|mean rank|area under curve|won|lost|p, these problems|p, problems like these|runs|failed|"
        "missing|decision|p99|total|wall clock",
        1);
    for (size_t m = 0; m < c->n_methods; m++) {
        const hpo_standing *x = &c->methods[m];
        hpo_str_add(s, "<tr>");
        cell_method(s, c, m);
        cell_estimate(s, &x->rank);
        cell_estimate(s, &x->area);
        cell_count(s, x->wins, 0);
        cell_count(s, x->losses, 0);
        cell_p(s, x->p_seeds_adjusted, c->options.alpha);
        cell_p(s, x->p_contests_adjusted, c->options.alpha);
        cell_count(s, x->n_runs, 0);
        cell_count(s, x->n_failed, 1);
        cell_count(s, x->n_missing, 1);
        cell_seconds(s, x->decision_p50);
        cell_seconds(s, x->decision_p99);
        cell_seconds(s, x->decision_total);
        cell_seconds(s, x->wall);
        hpo_str_add(s, "</tr>\n");
    }
    close_table(s);
    if (c->n_blocks < 2 || c->n_methods < 2) return;
    hpo_str_addf(
        s,
        "<p>Friedman test over %zu %s: \xcf\x87\xc2\xb2 = %.3g (%zu degrees of freedom), p = %.3g; Iman "
        "and Davenport: F = %.3g, p = %.3g.%s</p>\n",
        c->n_blocks, c->blocks_are_contests ? "problems (medians over seeds)" : "seeds", c->friedman.chi2,
        c->n_methods - 1, c->friedman.p, c->friedman.f, c->friedman.p_f,
        c->blocks_are_contests && c->n_blocks < 6
            ? " So few problems can hardly show a difference that holds beyond them."
            : "");
}

static void add_figure(hpo_str *s, const hpo_comparison *c, hpo_picture picture, size_t contest, int small)
{
    size_t before = s->len;
    hpo_str_add(s, "<figure>");
    if (hpo_report_picture(c, picture, contest, small, 0, s)) {
        hpo_str_add(s, "</figure>\n");
    } else if (!s->failed) {
        s->len = before;
        s->text[before] = '\0';
    }
}

static void add_overall(hpo_str *s, const hpo_comparison *c)
{
    hpo_str_add(s, "<div class=\"g\">\n");
    add_figure(s, c, HPO_PICTURE_RANKS, 0, 1);
    add_figure(s, c, HPO_PICTURE_RANK_CURVE, 0, 1);
    add_figure(s, c, HPO_PICTURE_ECDF, 0, 1);
    add_figure(s, c, HPO_PICTURE_PROFILE, 0, 1);
    hpo_str_add(s, "</div>\n");
}

static void add_notes(hpo_str *s, const hpo_contest *k)
{
    if (!k->best_known)
        hpo_str_add(s,
                    " <small title=\"the optimum is not known: best of these results\">\xe2\x80\xa0</small>");
    if (k->best_beaten)
        hpo_str_add(s, " <small title=\"the best known value was beaten\">\xe2\x80\xa1</small>");
    if (!k->typical_known)
        hpo_str_add(
            s, " <small title=\"scale from the first recommendations of these results\">\xc2\xa7</small>");
}

/* Medians, methods as columns; the best of a row is bold. */
static void add_problems(hpo_str *s, const hpo_comparison *c)
{
    hpo_str heads = {0};
    hpo_str_add(&heads, "problem|budget|seeds");
    for (size_t m = 0; m < c->n_methods; m++) {
        hpo_str_addc(&heads, '|');
        for (const char *p = c->methods[m].name; *p != '\0'; p++) /* '|' divides the heads */
            hpo_xml_text(&heads, *p == '|' ? "/" : (char[]){*p, '\0'});
    }
    hpo_str_addf(
        s,
        "<h2 id=\"problems\">Median regret by problem</h2>\n<p>Normalised regret of the recommended point "
        "at the end of the budget: 0 is the optimum, 1 a typical random point; %.4g %% bootstrap interval "
        "of the median. Bold: the smallest median of the row. \xe2\x96\xb2 better, \xe2\x96\xbc worse than "
        "<b>",
        100 * c->options.level);
    hpo_xml_text(s, c->methods[c->control].name);
    hpo_str_addf(s, "</b> over the seeds (Wilcoxon, Holm over the whole table, level %.4g).</p>\n",
                 c->options.alpha);
    open_table(s, heads.failed ? "" : heads.text, 1);
    s->failed |= heads.failed;
    hpo_str_fini(&heads);
    for (size_t i = 0; i < c->n_contests; i++) {
        const hpo_contest *k = &c->contests[i];
        double best = (double)INFINITY;
        for (size_t m = 0; m < c->n_methods; m++)
            if (k->entries[m].n_runs > 0) best = fmin(best, k->entries[m].median.value);
        hpo_str_add(s, "<tr><td class=\"t\">");
        hpo_xml_text(s, k->label);
        add_notes(s, k);
        hpo_str_add(s, "</td>");
        cell(s, k->budget);
        cell_count(s, k->n_seeds, 0);
        for (size_t m = 0; m < c->n_methods; m++) {
            const hpo_entry *e = &k->entries[m];
            int is_best = e->median.value == best && !isinf(best);
            hpo_str_add(s, "<td");
            add_sort_key(s, e->median.value);
            if (is_best) hpo_str_add(s, "<b>");
            if (e->p_adjusted < c->options.alpha)
                hpo_str_add(s, e->wins > e->losses ? "\xe2\x96\xb2 " : "\xe2\x96\xbc ");
            add_interval(s, &e->median);
            hpo_str_add(s, is_best ? "</b></td>" : "</td>");
        }
        hpo_str_add(s, "</tr>\n");
    }
    close_table(s);
    hpo_str_add(
        s,
        "<p class=\"m\">\xe2\x80\xa0 optimum not known: the best value of these results counts as 0. "
        "\xe2\x80\xa1 a run was better than the best known value, and counts as 0. \xc2\xa7 the value of a "
        "typical point is not known: the median first recommendation counts as 1.</p>\n");
}

static void add_curves(hpo_str *s, const hpo_comparison *c)
{
    hpo_str_add(
        s, "<h2 id=\"curves\">Anytime curves</h2>\n<p>Regret of the point that would be recommended at each "
           "moment, by budget and by virtual time.</p>\n<div class=\"g\">\n");
    for (size_t i = 0; i < c->n_contests; i++) {
        add_figure(s, c, HPO_PICTURE_BUDGET, i, 1);
        add_figure(s, c, HPO_PICTURE_TIME, i, 1);
    }
    hpo_str_add(s, "</div>\n");
}

static void add_numbers(hpo_str *s, const hpo_comparison *c)
{
    hpo_str_add(s, "<h2 id=\"numbers\">All numbers</h2>\n");
    open_table(
        s,
        "problem|method|runs|failed|objective, median|regret, median|quartiles|mean|best of 2|of 5|of 10|"
        "area under curve|mean rank|wins|losses|p|p, Holm",
        2);
    for (size_t i = 0; i < c->n_contests; i++) {
        const hpo_contest *k = &c->contests[i];
        for (size_t m = 0; m < c->n_methods; m++) {
            const hpo_entry *e = &k->entries[m];
            hpo_str_add(s, "<tr>");
            cell_text(s, k->label, "t");
            cell_method(s, c, m);
            cell_count(s, e->n_runs, 0);
            cell_count(s, e->n_failed, 1);
            hpo_str_add(s, "<td");
            add_sort_key(s, e->value);
            if (isnan(e->value) || isinf(e->value))
                add_number(s, e->value);
            else
                hpo_str_addf(s, "%.6g", e->value);
            hpo_str_add(s, "</td>");
            cell_estimate(s, &e->median);
            hpo_str_add(s, "<td");
            add_sort_key(s, e->q75);
            add_number(s, e->q25);
            hpo_str_add(s, " \xe2\x80\xa6 ");
            add_number(s, e->q75);
            hpo_str_add(s, "</td>");
            cell_estimate(s, &e->mean);
            for (size_t j = 0; j < 3; j++)
                cell(s, e->best_of[j]);
            cell_estimate(s, &e->area);
            cell(s, k->n_complete > 0 ? e->mean_rank : (double)NAN);
            cell_count(s, e->wins, 0);
            cell_count(s, e->losses, 0);
            cell_p(s, e->p, 0);
            cell_p(s, e->p_adjusted, c->options.alpha);
            hpo_str_add(s, "</tr>\n");
        }
    }
    close_table(s);
}

static void add_failures(hpo_str *s, const hpo_comparison *c)
{
    hpo_str_add(s, "<h2 id=\"failures\">Failures</h2>\n");
    if (c->n_failures == 0) {
        hpo_str_add(s, "<p>No run ended in an error.</p>\n");
        return;
    }
    hpo_str_add(
        s, "<p>These runs ended in an error. They count with what they had recommended until then; a run "
           "without a recommendation ranks last.</p>\n");
    open_table(s, "problem|method|error|seed|evaluations", 3);
    for (size_t i = 0; i < c->n_failures; i++) {
        const hpo_run_info *r = c->failures[i];
        hpo_str_add(s, "<tr>");
        cell_text(s, r->key.problem, "t");
        cell_text(s, r->key.method, "t");
        cell_text(s, r->error, "t e");
        cell(s, (double)r->key.seed);
        cell(s, (double)r->n);
        hpo_str_add(s, "</tr>\n");
    }
    close_table(s);
}

static void add_reading(hpo_str *s, const hpo_comparison *c)
{
    hpo_str_add(
        s,
        "<h2 id=\"reading\">How to read</h2>\n<dl>"
        "<dt>regret</dt><dd>(value \xe2\x88\x92 best) / (typical \xe2\x88\x92 best) of the recommended "
        "point, at its "
        "noise-free value where the problem knows it; typical is the median of random points. Several "
        "objectives: "
        "the share of the best hypervolume that is missing.</dd>"
        "<dt>mean rank</dt><dd>1 is best; mean over problems of the mean over seeds that every method ran; "
        "the "
        "interval resamples seeds within problems. Regrets below 10\xe2\x81\xbb\xe2\x81\xb8 count as "
        "equal.</dd>"
        "<dt>area under curve</dt><dd>mean regret over the whole budget, cut at 1: rewards being early.</dd>"
        "<dt>p, these problems</dt><dd>Wilcoxon signed-rank over all (problem, seed) pairs: whether the "
        "difference "
        "is more than luck of the seeds, on these problems only.</dd>"
        "<dt>p, problems like these</dt><dd>the same over problems (medians over seeds): needs at least six "
        "problems to go below 0.05.</dd>"
        "<dt>best of n</dt><dd>expected regret of the best of n runs drawn from these.</dd>"
        "<dt>decision</dt><dd>real time in the method per evaluation (ask and reports); evaluations cost "
        "virtual "
        "time only.</dd>"
        "<dt>intervals</dt><dd>");
    hpo_str_addf(
        s, "%.4g %% percentile bootstrap, %zu rounds, over seeds: they say nothing about other problems.",
        100 * c->options.level, c->options.rounds);
    hpo_str_add(
        s, "</dd></dl>\n<p class=\"m\">Not claimed: that a method that is best here is best elsewhere, or "
           "that methods without a significant difference are equal.</p>\n");
}

hpo_status hpo_report_html(const hpo_comparison *c, const hpo_report_facts *facts, char **out, hpo_error *err)
{
    hpo_str s = {0};
    add_top(&s, c, facts);
    add_standings(&s, c);
    add_overall(&s, c);
    add_problems(&s, c);
    add_curves(&s, c);
    add_numbers(&s, c);
    add_failures(&s, c);
    add_reading(&s, c);
    hpo_str_add(&s, SCRIPT);
    hpo_str_add(&s, "</main></body></html>\n");
    hpo_status rc = hpo_str_steal(&s, out, err);
    hpo_str_fini(&s);
    return rc;
}
