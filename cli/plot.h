/* SPDX-License-Identifier: Apache-2.0 */
/* cli/plot.h - a scatter plot with an optional step line, drawn as text or as SVG. */
#ifndef CLI_PLOT_H
#define CLI_PLOT_H

#include "cli.h"

typedef enum plot_scale { PLOT_LINEAR, PLOT_LOG, PLOT_LABELS } plot_scale;

typedef struct plot_axis {
    const char *title;
    plot_scale scale;
    double low, high;          /* set by plot_fit() */
    const char *const *labels; /* PLOT_LABELS: texts of 0, 1, ... */
    size_t n_labels;
} plot_axis;

typedef struct plot {
    const char *title;
    plot_axis x, y;
    const double *px, *py; /* n points */
    size_t n;
    const double *lx, *ly; /* n_line corners of a step line, ascending lx */
    size_t n_line;
    size_t n_outside; /* points that plot_fit() left out of the frame */
} plot;

/* Sets the ends of both axes.  With many points, far outliers on the side `worse` of y (+1: large values,
 * -1: small ones) stay outside the frame and are counted. */
void plot_fit(plot *p, int worse);
/* Where v stands on the axis: 0 at low, 1 at high. */
double plot_place(const plot_axis *a, double v);
/* Ticks for at most `most` labels: values into v (cap 16), returns how many. */
size_t plot_ticks(const plot_axis *a, size_t most, double v[16]);
/* Logarithm to base 10, good enough to draw. */
double plot_log10(double v);

/* Draws into width x height characters (frame and labels included), in braille patterns or in ASCII. */
void plot_text(hpo_str *s, const plot *p, int width, int height, int ascii);
void plot_svg(hpo_str *s, const plot *p);

/* The history of c->study as text: what `hpo plot history` prints; for the end of `hpo run`.  Exit status. */
int cli_plot_history(cli *c, FILE *f, int width, int height, int ascii);
/* 1 when the locale of the environment says UTF-8. */
int cli_is_utf8(void);
#endif
