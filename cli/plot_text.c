/* SPDX-License-Identifier: Apache-2.0 */
/* cli/plot_text.c - a plot in characters.
 *
 * A cell of a terminal holds 2 x 4 dots of a braille pattern (U+2800 + bits), so a plot of 70 x 15 cells
 * has 140 x 60 dots.  In ASCII a cell is a point 'o', a part of the line '-', or both '*'. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "plot.h"

typedef struct canvas {
    int width, height; /* cells */
    int ascii;
    uint8_t *dots; /* braille bits; in ASCII 1 point, 2 line */
} canvas;

/* Bits of the dots by row and column: U+2800 counts down the left column, then the right, then the lowest
 * row. */
static const uint8_t dot_bits[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};

static int dots_x(const canvas *c)
{
    return c->ascii ? c->width : c->width * 2;
}

static int dots_y(const canvas *c)
{
    return c->ascii ? c->height : c->height * 4;
}

/* x from the left, y from the top, in dots. */
static void set_dot(canvas *c, int x, int y, uint8_t ascii)
{
    if (x < 0 || y < 0 || x >= dots_x(c) || y >= dots_y(c)) return;
    if (c->ascii)
        c->dots[y * c->width + x] |= ascii;
    else
        c->dots[y / 4 * c->width + x / 2] |= dot_bits[y % 4][x % 2];
}

static int to_dot(double place, int n)
{
    return (int)floor(place * (n - 1) + 0.5);
}

static void draw_line(canvas *c, const plot *p)
{
    int px = 0;
    int py = 0;
    for (size_t i = 0; i < p->n_line; i++) {
        double fy = plot_place(&p->y, p->ly[i]);
        int x = to_dot(plot_place(&p->x, p->lx[i]), dots_x(c));
        int y = dots_y(c) - 1 - to_dot(fy < 0 ? 0 : fy > 1 ? 1 : fy, dots_y(c));
        for (int k = px; i && k <= x; k++)
            set_dot(c, k, py, 2);
        for (int k = py < y ? py : y; i && k <= (py < y ? y : py); k++)
            set_dot(c, x, k, 2);
        px = x;
        py = y;
    }
}

static void draw_points(canvas *c, const plot *p)
{
    for (size_t i = 0; i < p->n; i++) {
        double x = plot_place(&p->x, p->px[i]);
        double y = plot_place(&p->y, p->py[i]);
        if (!(x >= 0 && x <= 1 && y >= 0 && y <= 1)) continue;
        set_dot(c, to_dot(x, dots_x(c)), dots_y(c) - 1 - to_dot(y, dots_y(c)), 1);
    }
}

static void add_cell(hpo_str *s, const canvas *c, int x, int y)
{
    uint8_t bits = c->dots[y * c->width + x];
    if (c->ascii) {
        hpo_str_addc(s, " o-*"[bits & 3]);
    } else if (!bits) {
        hpo_str_addc(s, ' ');
    } else {
        char utf8[4] = {(char)0xe2, (char)(0xa0 | bits >> 6), (char)(0x80 | (bits & 0x3f)), '\0'};
        hpo_str_add(s, utf8);
    }
}

static const char *tick_text(const plot_axis *a, double v, char buf[32])
{
    if (a->scale == PLOT_LABELS) return v >= 0 && v < (double)a->n_labels ? a->labels[(size_t)v] : "";
    snprintf(buf, 32, "%.4g", v == 0 ? 0.0 : v);
    return buf;
}

/* The row of cells under the frame: texts where their ticks are, as far as they do not touch. */
static void add_x_ticks(hpo_str *s, const plot *p, int margin, int width)
{
    double v[16];
    char buf[32];
    size_t n = plot_ticks(&p->x, (size_t)(width / 10), v);
    int at = 0;
    hpo_str_addf(s, "%*s", margin + 1, "");
    for (size_t i = 0; i < n; i++) {
        const char *text = tick_text(&p->x, v[i], buf);
        int len = (int)cli_text_width(text);
        int from = to_dot(plot_place(&p->x, v[i]), width) - len / 2;
        if (from + len > width) from = width - len;
        if (from < 0) from = 0;
        if (from < at + (at > 0) || from + len > width) continue;
        hpo_str_addf(s, "%*s%s", from - at, "", text);
        at = from + len;
    }
    hpo_str_addc(s, '\n');
}

void plot_text(hpo_str *s, const plot *p, int width, int height, int ascii)
{
    double v[16];
    char buf[32];
    const char *label[64] = {0};
    char texts[16][32];
    int margin = 0;
    canvas c = {.height = height < 4 ? 4 : height > 60 ? 60 : height, .ascii = ascii};
    size_t n = plot_ticks(&p->y, (size_t)(c.height / 3), v);
    for (size_t i = 0; i < n; i++) {
        int row = c.height - 1 - to_dot(plot_place(&p->y, v[i]), c.height);
        if (row < 0 || row >= c.height) continue;
        snprintf(texts[i], sizeof texts[i], "%s", tick_text(&p->y, v[i], buf));
        label[row] = texts[i];
        if ((int)cli_text_width(texts[i]) > margin) margin = (int)cli_text_width(texts[i]);
    }
    c.width = width - margin - 2 < 10 ? 10 : width - margin - 2;
    c.dots = hpo_calloc((size_t)c.width * (size_t)c.height, 1);
    if (!c.dots) {
        s->failed = 1;
        return;
    }
    draw_line(&c, p);
    draw_points(&c, p);
    hpo_str_addf(s, "%s\n", p->title);
    for (int y = 0; y < c.height; y++) {
        hpo_str_addf(s, "%*s", margin - (label[y] ? (int)cli_text_width(label[y]) : 0), "");
        hpo_str_add(s, label[y] ? label[y] : "");
        hpo_str_add(s, ascii ? "|" : label[y] ? "\xe2\x94\xa4" : "\xe2\x94\x82");
        for (int x = 0; x < c.width; x++)
            add_cell(s, &c, x, y);
        while (s->len && !s->failed && s->text[s->len - 1] == ' ')
            s->text[--s->len] = '\0';
        hpo_str_addc(s, '\n');
    }
    hpo_str_addf(s, "%*s%s", margin, "", ascii ? "+" : "\xe2\x94\x94");
    for (int x = 0; x < c.width; x++)
        hpo_str_add(s, ascii ? "-" : "\xe2\x94\x80");
    hpo_str_addc(s, '\n');
    add_x_ticks(s, p, margin, c.width);
    hpo_str_addf(s, "%*s%s", margin + 1, "", p->x.title);
    if (p->n_outside) hpo_str_addf(s, " (%zu of %zu points outside the frame)", p->n_outside, p->n);
    hpo_str_addc(s, '\n');
    hpo_free(c.dots);
}
