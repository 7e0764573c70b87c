/* SPDX-License-Identifier: Apache-2.0 */
/* bench/chart.c - curves with bands, direct labels and log axes; critical-difference diagrams. */
#include "bench/chart.h"

#include <math.h>
#include <string.h>

#include "math/func.h"

/* ---- text and colours ------------------------------------------------------------------------------- */

void hpo_xml_text(hpo_str *s, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '<')
            hpo_str_add(s, "&lt;");
        else if (*text == '>')
            hpo_str_add(s, "&gt;");
        else if (*text == '&')
            hpo_str_add(s, "&amp;");
        else if (*text == '"')
            hpo_str_add(s, "&quot;");
        else
            hpo_str_addc(s, (unsigned char)*text < 0x20 ? ' ' : *text);
    }
}

/* Characters, roughly the width in em/2. */
static size_t characters(const char *text)
{
    size_t n = 0;
    for (; *text != '\0'; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80 ? 1 : 0;
    return n;
}

/* At most `max` characters; what is cut ends in an ellipsis. */
static void add_cut(hpo_str *s, const char *text, size_t max)
{
    size_t length = strlen(text);
    if (characters(text) <= max) {
        hpo_xml_text(s, text);
        return;
    }
    char part[256];
    size_t n = 0;
    size_t seen = 0;
    while (n < length && n + 8 < sizeof part) {
        if (((unsigned char)text[n] & 0xc0) != 0x80 && ++seen == max) break;
        part[n] = text[n];
        n++;
    }
    part[n] = '\0';
    hpo_xml_text(s, part);
    hpo_str_add(s, "\xe2\x80\xa6");
}

static const char *const light[HPO_CHART_COLOURS] = {"#0072b2", "#c94f00", "#00815e", "#aa4499",
                                                     "#946c00", "#111111", "#7d7d7d", "#882255"};
static const char *const dark[HPO_CHART_COLOURS] = {"#4fb3ea", "#ff9450", "#2fd0a0", "#e690cc",
                                                    "#f0c23c", "#ffffff", "#9a9a9a", "#ee8aa8"};

void hpo_chart_css(hpo_str *s, int is_dark)
{
    hpo_str_addf(s,
                 ".fg{fill:%s}.mu{fill:%s}.ax{stroke:%s;fill:none}.gr{stroke:%s;fill:none}.gs{stroke:%s;"
                 "stroke-width:6;stroke-linecap:round}",
                 is_dark ? "#eee" : "#1a1a1a", is_dark ? "#a8a8a8" : "#5c5c5c", is_dark ? "#888" : "#777",
                 is_dark ? "#333" : "#e4e4e4", is_dark ? "#ddd" : "#333");
    for (size_t i = 0; i < HPO_CHART_COLOURS; i++) {
        const char *colour = is_dark ? dark[i] : light[i];
        hpo_str_addf(s, ".l%zu{stroke:%s;fill:none}.f%zu{fill:%s}.b%zu{background:%s}", i, colour, i, colour,
                     i, colour);
    }
    hpo_str_addc(s, '\n');
}

static const char *dashes(size_t style)
{
    static const char *const patterns[] = {"", " stroke-dasharray=\"7 3\"", " stroke-dasharray=\"2 3\""};
    size_t k = style / HPO_CHART_COLOURS;
    return patterns[k < 3 ? k : 2];
}

static void open_svg(hpo_str *s, double width, double height, const char *title, int standalone)
{
    hpo_str_addf(s, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\"", width, height);
    if (standalone) hpo_str_addf(s, " width=\"%.0f\" height=\"%.0f\"", width, height);
    hpo_str_add(s,
                " role=\"img\" font-family=\"system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif\" "
                "font-size=\"12\">\n<title>");
    hpo_xml_text(s, title);
    hpo_str_add(s, "</title>\n");
    if (!standalone) return;
    hpo_str_add(s, "<style>");
    hpo_chart_css(s, 0);
    hpo_str_add(s, "</style>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n");
}

static void add_heading(hpo_str *s, const char *title, const char *note)
{
    hpo_str_add(s, "<text class=\"fg\" x=\"12\" y=\"22\" font-size=\"15\" font-weight=\"600\">");
    hpo_xml_text(s, title);
    hpo_str_add(s, "</text>\n");
    if (note == NULL) return;
    hpo_str_add(s, "<text class=\"mu\" x=\"12\" y=\"39\">");
    hpo_xml_text(s, note);
    hpo_str_add(s, "</text>\n");
}

/* ---- axes ---- */

typedef struct axis {
    double low, high;
    int log;
    double from, to; /* where low and high stand, in user units */
} axis;

static double place(const axis *a, double v)
{
    double t = a->log ? hpo_log(v / a->low) / hpo_log(a->high / a->low) : (v - a->low) / (a->high - a->low);
    return a->from + fmin(1, fmax(0, t)) * (a->to - a->from);
}

enum { MAX_TICKS = 40 };
typedef struct ticks {
    double at[MAX_TICKS];
    int strong[MAX_TICKS]; /* with a number */
    size_t n;
} ticks;

static double power_of_ten(int e)
{
    double v = 1;
    for (int i = 0; i < e; i++)
        v *= 10;
    for (int i = 0; i > e; i--)
        v /= 10;
    return v;
}

static void add_tick(ticks *t, const axis *a, double v, int strong)
{
    double slack = a->log ? v * 1e-9 : (a->high - a->low) * 1e-9;
    if (t->n == MAX_TICKS || v < a->low - slack || v > a->high + slack) return;
    t->at[t->n] = v;
    t->strong[t->n++] = strong;
}

static void linear_ticks(const axis *a, size_t wanted, ticks *t)
{
    double raw = (a->high - a->low) / (double)wanted;
    double unit = power_of_ten((int)floor(hpo_log10(raw)));
    double step = raw <= unit ? unit : raw <= 2 * unit ? 2 * unit : raw <= 5 * unit ? 5 * unit : 10 * unit;
    for (double k = ceil(a->low / step - 1e-9); k * step <= a->high + 1e-9 * step; k += 1)
        add_tick(t, a, k == 0 ? 0 : k * step, 1);
}

static void make_ticks(const axis *a, size_t wanted, ticks *t)
{
    t->n = 0;
    double decades = a->log ? hpo_log10(a->high / a->low) : 0;
    if (!a->log || decades < 0.7) {
        linear_ticks(a, wanted, t);
        return;
    }
    int from = (int)floor(hpo_log10(a->low) + 1e-9);
    int to = (int)ceil(hpo_log10(a->high) - 1e-9);
    int every = (int)ceil(decades / (double)(wanted + 1));
    for (int e = from; e <= to; e++) {
        double unit = power_of_ten(e);
        int named = decades > 3 ? 0 : decades > 1.6 ? 2 : 5;
        add_tick(t, a, unit, e % every == 0);
        for (int k = 2; k < 10 && decades <= 3; k++)
            add_tick(t, a, k * unit, (named == 5 && (k == 2 || k == 5)) || (named == 2 && k == 3));
    }
}

/* 0.01, 300, 10 to the minus 5 with raised digits, 2e-6 for the rest. */
static void add_number(hpo_str *s, const axis *a, double v)
{
    static const char *const raised[] = {"\xe2\x81\xb0", "\xc2\xb9",     "\xc2\xb2",     "\xc2\xb3",
                                         "\xe2\x81\xb4", "\xe2\x81\xb5", "\xe2\x81\xb6", "\xe2\x81\xb7",
                                         "\xe2\x81\xb8", "\xe2\x81\xb9"};
    int e = v > 0 ? (int)floor(hpo_log10(v) + 0.5) : 0;
    if (!a->log || (e > -4 && e < 5) || fabs(v / power_of_ten(e) - 1) > 1e-6) {
        hpo_str_addf(s, "%.4g", fabs(v) < 1e-12 && !a->log ? 0.0 : v);
        return;
    }
    hpo_str_add(s, e < 0 ? "10\xe2\x81\xbb" : "10");
    unsigned u = (unsigned)(e < 0 ? -e : e);
    if (u >= 10) hpo_str_add(s, raised[u / 10 % 10]);
    hpo_str_add(s, raised[u % 10]);
}

static void add_axes(hpo_str *s, const hpo_chart *c, const axis *x, const axis *y)
{
    ticks t;
    make_ticks(y, (size_t)(fabs(y->to - y->from) / 45), &t);
    for (size_t i = 0; i < t.n; i++) {
        double at = place(y, t.at[i]);
        if (!t.strong[i]) continue;
        hpo_str_addf(s, "<path class=\"gr\" d=\"M%.1f %.1fH%.1f\"/>", x->from, at, x->to);
        hpo_str_addf(s, "<text class=\"mu\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">", x->from - 7, at + 4);
        add_number(s, y, t.at[i]);
        hpo_str_add(s, "</text>\n");
    }
    make_ticks(x, (size_t)((x->to - x->from) / 75), &t);
    for (size_t i = 0; i < t.n; i++) {
        double at = place(x, t.at[i]);
        hpo_str_addf(s, "<path class=\"ax\" d=\"M%.1f %.1fv%d\"/>", at, y->from, t.strong[i] ? 5 : 3);
        if (!t.strong[i]) continue;
        hpo_str_addf(s, "<text class=\"mu\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">", at, y->from + 19);
        add_number(s, x, t.at[i]);
        hpo_str_add(s, "</text>\n");
    }
    hpo_str_addf(s, "<path class=\"ax\" d=\"M%.1f %.1fH%.1f\"/>\n", x->from, y->from, x->to);
    hpo_str_addf(s, "<text class=\"fg\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">", (x->from + x->to) / 2,
                 y->from + 39);
    hpo_xml_text(s, c->x_label);
    hpo_str_addf(s,
                 "</text>\n<text class=\"fg\" text-anchor=\"middle\" transform=\"translate(16 %.1f) "
                 "rotate(-90)\">",
                 (y->from + y->to) / 2);
    hpo_xml_text(s, c->y_label);
    hpo_str_add(s, "</text>\n");
}

/* ---- range ---- */

static int drawable(double v, int log)
{
    return !isnan(v) && !isinf(v) && (!log || v > 0);
}

static void widen(double v, int log, double floor_, double *low, double *high)
{
    if (log && floor_ > 0 && v < floor_) v = floor_;
    if (!drawable(v, log)) return;
    *low = fmin(*low, v);
    *high = fmax(*high, v);
}

static void find_ranges(const hpo_chart *c, axis *x, axis *y)
{
    x->log = c->log_x;
    y->log = c->log_y;
    x->low = y->low = (double)INFINITY;
    x->high = y->high = -(double)INFINITY;
    for (size_t k = 0; k < c->n; k++) {
        const hpo_chart_series *r = &c->series[k];
        for (size_t i = 0; i < r->n; i++) {
            widen(r->x[i], c->log_x, 0, &x->low, &x->high);
            if (isinf(r->y[i]) || isnan(r->y[i])) continue;
            widen(r->y[i], c->log_y, c->floor, &y->low, &y->high);
            if (r->low != NULL) widen(r->low[i], c->log_y, c->floor, &y->low, &y->high);
            if (r->high != NULL) widen(r->high[i], c->log_y, c->floor, &y->low, &y->high);
        }
    }
    if (!isnan(c->y_low)) y->low = c->y_low;
    if (!isnan(c->y_high)) y->high = c->y_high;
    axis *both[] = {x, y};
    for (size_t i = 0; i < 2; i++) {
        axis *a = both[i];
        if (!(a->high >= a->low)) { /* nothing to draw */
            a->low = a->log ? 0.1 : 0;
            a->high = 1;
        }
        if (a->high > a->low) continue;
        a->low = a->log ? a->low / 2 : a->low - 0.5;
        a->high = a->log ? a->high * 2 : a->high + 0.5;
    }
    if (isnan(c->y_low) && y->log) y->low /= hpo_pow(y->high / y->low, 0.03);
    if (isnan(c->y_high) && y->log) y->high *= hpo_pow(y->high / y->low, 0.03);
}

/* ---- curves ---- */

static double y_place(const hpo_chart *c, const axis *y, double v)
{
    if (c->log_y) v = fmax(v, c->floor > 0 ? c->floor : y->low);
    return place(y, v);
}

/* A run of drawable points from *i on: first..last (last excluded); 0 at the end. */
static int next_piece(const hpo_chart *c, const hpo_chart_series *r, size_t *i, size_t *first, size_t *last)
{
    while (*i < r->n && (isnan(r->y[*i]) || isinf(r->y[*i]) || !drawable(r->x[*i], c->log_x)))
        ++*i;
    *first = *i;
    while (*i < r->n && !isnan(r->y[*i]) && !isinf(r->y[*i]) && drawable(r->x[*i], c->log_x))
        ++*i;
    *last = *i;
    return *last > *first;
}

static void add_points(hpo_str *s, const hpo_chart *c, const axis *x, const axis *y, const double *at,
                       const double *v, size_t first, size_t last, int backwards)
{
    for (size_t k = first; k < last; k++) {
        size_t i = backwards ? last - 1 - (k - first) : k;
        double py = y_place(c, y, v[i]);
        if (c->steps && !backwards && k > first) hpo_str_addf(s, "H%.1f", place(x, at[i]));
        if (c->steps && backwards && k > first) hpo_str_addf(s, "V%.1f", py);
        hpo_str_addf(s, "%c%.1f %.1f", k == first && !backwards ? 'M' : 'L', place(x, at[i]), py);
    }
}

static void add_series(hpo_str *s, const hpo_chart *c, const axis *x, const axis *y,
                       const hpo_chart_series *r, int band)
{
    size_t i = 0;
    size_t first, last;
    while (next_piece(c, r, &i, &first, &last)) {
        if (band) {
            hpo_str_addf(s, "<path class=\"f%zu\" fill-opacity=\"%s\" d=\"", r->style % HPO_CHART_COLOURS,
                         c->n > 5 ? ".06" : ".14");
            add_points(s, c, x, y, r->x, r->low, first, last, 0);
            add_points(s, c, x, y, r->x, r->high, first, last, 1);
            hpo_str_add(s, "Z\"/>\n");
        } else {
            hpo_str_addf(s, "<path class=\"l%zu\" stroke-width=\"2\" stroke-linejoin=\"round\"%s d=\"",
                         r->style % HPO_CHART_COLOURS, dashes(r->style));
            add_points(s, c, x, y, r->x, r->y, first, last, 0);
            hpo_str_add(s, "\"/>\n");
        }
    }
}

enum { MAX_LABELS = 64, LABEL_HEIGHT = 15 };

/* Names beside the last points, moved apart where they would overlap, in the order of the curves' ends. */
static void add_labels(hpo_str *s, const hpo_chart *c, const axis *x, const axis *y, size_t cut)
{
    size_t order[MAX_LABELS];
    double end[MAX_LABELS], at[MAX_LABELS];
    size_t n = 0;
    for (size_t k = 0; k < c->n && n < MAX_LABELS; k++) {
        const hpo_chart_series *r = &c->series[k];
        size_t last = r->n;
        while (last > 0 && (isnan(r->y[last - 1]) || isinf(r->y[last - 1])))
            last--;
        if (last == 0) continue;
        size_t i = n++;
        double v = y_place(c, y, r->y[last - 1]);
        for (; i > 0 && end[i - 1] > v; i--) {
            end[i] = end[i - 1];
            order[i] = order[i - 1];
        }
        end[i] = v;
        order[i] = k;
    }
    for (size_t i = 0; i < n; i++)
        at[i] = i > 0 ? fmax(end[i], at[i - 1] + LABEL_HEIGHT) : end[i];
    double low = y->from; /* pushed up again from the bottom, then down from the top */
    for (size_t i = n; i-- > 0; low = at[i] - LABEL_HEIGHT)
        at[i] = fmin(at[i], low);
    double high = y->to - 8;
    for (size_t i = 0; i < n; i++, high = at[i - 1] + LABEL_HEIGHT)
        at[i] = fmax(at[i], high);
    for (size_t i = 0; i < n; i++) {
        const hpo_chart_series *r = &c->series[order[i]];
        size_t colour = r->style % HPO_CHART_COLOURS;
        hpo_str_addf(s, "<path class=\"l%zu\" stroke-opacity=\".6\" d=\"M%.1f %.1fL%.1f %.1f\"/>", colour,
                     x->to + 2, end[i], x->to + 14, at[i]);
        hpo_str_addf(s, "<text class=\"f%zu\" x=\"%.1f\" y=\"%.1f\" font-weight=\"600\">", colour, x->to + 18,
                     at[i] + 4);
        add_cut(s, r->name, cut);
        hpo_str_add(s, "</text>\n");
    }
}

hpo_chart hpo_chart_init(void)
{
    return (hpo_chart){.title = "",
                       .x_label = "",
                       .y_label = "",
                       .y_low = (double)NAN,
                       .y_high = (double)NAN,
                       .mark = (double)NAN,
                       .width = 760,
                       .height = 440};
}

void hpo_chart_svg(hpo_str *s, const hpo_chart *c, int standalone)
{
    axis x, y;
    size_t longest = 4;
    enum { MOST = 26 };
    for (size_t k = 0; k < c->n; k++) {
        size_t n = characters(c->series[k].name);
        if (n > longest) longest = n;
    }
    if (longest > MOST) longest = MOST;
    find_ranges(c, &x, &y);
    x.from = 66;
    x.to = c->width - 28 - 7.4 * (double)longest;
    y.from = c->height - 50;
    y.to = c->note != NULL ? 54 : 38;
    open_svg(s, c->width, c->height, c->title, standalone);
    add_heading(s, c->title, c->note);
    add_axes(s, c, &x, &y);
    if (!isnan(c->mark) && c->mark > x.low && c->mark < x.high) {
        double at = place(&x, c->mark);
        hpo_str_addf(s, "<path class=\"ax\" stroke-dasharray=\"3 3\" d=\"M%.1f %.1fV%.1f\"/>", at, y.from,
                     y.to);
        hpo_str_addf(s, "<text class=\"mu\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">", at - 5, y.to + 10);
        hpo_xml_text(s, c->mark_label);
        hpo_str_add(s, "</text>\n");
    }
    for (int pass = 0; pass < 2; pass++) /* all bands lie below all curves */
        for (size_t k = 0; k < c->n; k++)
            if (pass == 1 || (c->series[k].low != NULL && c->series[k].high != NULL))
                add_series(s, c, &x, &y, &c->series[k], pass == 0);
    add_labels(s, c, &x, &y, longest);
    hpo_str_add(s, "</svg>\n");
}

/* ---- critical-difference diagram ---- */

void hpo_rank_chart_svg(hpo_str *s, const hpo_rank_chart *c, int standalone)
{
    enum { ROW = 22, AXIS = 104, GROUP = 9, CUT = 24, NARROW = 18 };
    size_t left = (c->n + 1) / 2; /* the better half is written on the left */
    double bars = AXIS + 16 + GROUP * (double)c->n_groups;
    double height = bars + ROW * (double)left + 22;
    double margin = c->width < 700 ? 160 : 200;
    axis a = {1, (double)c->n, 0, margin, c->width - margin};
    if (c->n < 2) a.high = 2;
    open_svg(s, c->width, height, c->title, standalone);
    add_heading(s, c->title, c->note);

    double span = fmin((a.to - a.from) * c->difference / (a.high - a.low), a.to - a.from);
    if (!isnan(span)) {
        hpo_str_addf(s, "<path class=\"ax\" stroke-width=\"1.5\" d=\"M%.1f 66v8m0 -4H%.1fm0 -4v8\"/>", a.from,
                     a.from + span);
        hpo_str_addf(s, "<text class=\"mu\" x=\"%.1f\" y=\"74\">critical difference %.2f%s</text>\n",
                     a.from + span + 8, c->difference,
                     c->difference > a.high - a.low ? " (longer than the scale)" : "");
    }
    hpo_str_addf(s, "<path class=\"ax\" d=\"M%.1f %dH%.1f\"/>\n", a.from, (int)AXIS, a.to);
    for (size_t r = 1; r <= (size_t)a.high; r++) {
        double x = place(&a, (double)r);
        hpo_str_addf(s, "<path class=\"ax\" d=\"M%.1f %dv-5\"/>", x, (int)AXIS);
        hpo_str_addf(s, "<text class=\"mu\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%zu</text>\n", x,
                     AXIS - 9, r);
    }
    for (size_t i = 0; i < c->n; i++) {
        int is_left = i < left;
        size_t row = is_left ? i : c->n - 1 - i;
        double x = place(&a, c->ranks[i]);
        double y = bars + ROW * ((double)row + 0.7);
        double end = is_left ? a.from - 12 : a.to + 12;
        size_t colour = c->styles[i] % HPO_CHART_COLOURS;
        hpo_str_addf(s, "<path class=\"l%zu\" stroke-width=\"1.5\" d=\"M%.1f %dV%.1fH%.1f\"/>", colour, x,
                     (int)AXIS, y, end);
        hpo_str_addf(s, "<circle class=\"f%zu\" cx=\"%.1f\" cy=\"%d\" r=\"4\"/>", colour, x, (int)AXIS);
        hpo_str_addf(s, "<text class=\"f%zu\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" font-weight=\"600\">",
                     colour, is_left ? end - 5 : end + 5, y + 4, is_left ? "end" : "start");
        if (!is_left) hpo_str_addf(s, "%.2f  ", c->ranks[i]);
        add_cut(s, c->names[i], c->width < 700 ? NARROW : CUT);
        if (is_left) hpo_str_addf(s, "  %.2f", c->ranks[i]);
        hpo_str_add(s, "</text>\n");
    }
    for (size_t g = 0; g < c->n_groups; g++) {
        double y = AXIS + 12 + GROUP * (double)g;
        hpo_str_addf(s, "<path class=\"gs\" d=\"M%.1f %.1fH%.1f\"/>\n", place(&a, c->ranks[c->first[g]]) - 3,
                     y, place(&a, c->ranks[c->last[g]]) + 3);
    }
    hpo_str_add(s, "</svg>\n");
}
