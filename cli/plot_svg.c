/* SPDX-License-Identifier: Apache-2.0 */
/* cli/plot_svg.c - a plot as one self-contained SVG document. */
#include <math.h>

#include "plot.h"

enum { WIDTH = 720, HEIGHT = 440, LEFT = 80, RIGHT = 20, TOP = 40, BOTTOM = 60 };

static void add_xml(hpo_str *s, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '<':
            hpo_str_add(s, "&lt;");
            break;
        case '>':
            hpo_str_add(s, "&gt;");
            break;
        case '&':
            hpo_str_add(s, "&amp;");
            break;
        case '"':
            hpo_str_add(s, "&quot;");
            break;
        default: /* control characters are not allowed in XML */
            hpo_str_addc(s, (unsigned char)*text < 0x20 ? ' ' : *text);
        }
    }
}

static double x_of(const plot *p, double v)
{
    return LEFT + plot_place(&p->x, v) * (WIDTH - LEFT - RIGHT);
}

static double y_of(const plot *p, double v)
{
    return HEIGHT - BOTTOM - plot_place(&p->y, v) * (HEIGHT - TOP - BOTTOM);
}

static void add_tick_text(hpo_str *s, const plot_axis *a, double v)
{
    char buf[32];
    if (a->scale == PLOT_LABELS) {
        add_xml(s, v >= 0 && v < (double)a->n_labels ? a->labels[(size_t)v] : "");
    } else {
        snprintf(buf, sizeof buf, "%.4g", v == 0 ? 0.0 : v);
        hpo_str_add(s, buf);
    }
}

static void add_axes(hpo_str *s, const plot *p)
{
    double v[16];
    size_t n = plot_ticks(&p->x, 8, v);
    for (size_t i = 0; i < n; i++) {
        double x = x_of(p, v[i]);
        hpo_str_addf(s, "<line class=\"g\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\"/>", x, (int)TOP, x,
                     HEIGHT - BOTTOM);
        hpo_str_addf(s, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">", x, HEIGHT - BOTTOM + 18);
        add_tick_text(s, &p->x, v[i]);
        hpo_str_add(s, "</text>\n");
    }
    n = plot_ticks(&p->y, 7, v);
    for (size_t i = 0; i < n; i++) {
        double y = y_of(p, v[i]);
        hpo_str_addf(s, "<line class=\"g\" x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\"/>", (int)LEFT, y,
                     WIDTH - RIGHT, y);
        hpo_str_addf(s, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">", LEFT - 6, y + 4);
        add_tick_text(s, &p->y, v[i]);
        hpo_str_add(s, "</text>\n");
    }
    hpo_str_addf(s, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">", (LEFT + WIDTH - RIGHT) / 2,
                 HEIGHT - 16);
    add_xml(s, p->x.title);
    hpo_str_addf(s,
                 "</text>\n<text x=\"16\" y=\"%d\" text-anchor=\"middle\" transform=\"rotate(-90 16 %d)\">",
                 (TOP + HEIGHT - BOTTOM) / 2, (TOP + HEIGHT - BOTTOM) / 2);
    add_xml(s, p->y.title);
    hpo_str_add(s, "</text>\n");
}

static double within(double v, double low, double high)
{
    return v < low ? low : v > high ? high : v;
}

static void add_data(hpo_str *s, const plot *p)
{
    for (size_t i = 0; i < p->n; i++) {
        double x = plot_place(&p->x, p->px[i]);
        double y = plot_place(&p->y, p->py[i]);
        if (!(x >= 0 && x <= 1 && y >= 0 && y <= 1)) continue;
        hpo_str_addf(s, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/>\n", x_of(p, p->px[i]), y_of(p, p->py[i]));
    }
    if (!p->n_line) return;
    hpo_str_add(s, "<polyline points=\"");
    for (size_t i = 0; i < p->n_line; i++) {
        double y = within(y_of(p, p->ly[i]), TOP, HEIGHT - BOTTOM);
        double x = x_of(p, p->lx[i]);
        if (i) hpo_str_addf(s, "%.1f,%.1f ", x, within(y_of(p, p->ly[i - 1]), TOP, HEIGHT - BOTTOM));
        hpo_str_addf(s, "%.1f,%.1f ", x, y);
    }
    hpo_str_add(s, "\"/>\n");
}

void plot_svg(hpo_str *s, const plot *p)
{
    hpo_str_addf(s,
                 "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" "
                 "font-family=\"sans-serif\" font-size=\"12\">\n",
                 (int)WIDTH, (int)HEIGHT, (int)WIDTH, (int)HEIGHT);
    hpo_str_add(s, "<style>.g{stroke:#ddd}circle{fill:#2a6fb0;fill-opacity:.55}"
                   "polyline{fill:none;stroke:#c1432e;stroke-width:2}text{fill:#333}</style>\n"
                   "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n");
    hpo_str_addf(s, "<text x=\"%d\" y=\"24\" text-anchor=\"middle\" font-size=\"15\">", (int)WIDTH / 2);
    add_xml(s, p->title);
    hpo_str_add(s, "</text>\n");
    add_axes(s, p);
    add_data(s, p);
    if (p->n_outside)
        hpo_str_addf(s,
                     "<text x=\"%d\" y=\"%d\" text-anchor=\"end\" font-size=\"10\">%zu of %zu points "
                     "outside</text>\n",
                     WIDTH - RIGHT, TOP - 4, p->n_outside, p->n);
    hpo_str_add(s, "</svg>\n");
}
