/* SPDX-License-Identifier: Apache-2.0 */
/* bench/chart.h - curves and rank diagrams as SVG.
 *
 * A chart in a page leaves colours to the page's style sheet (hpo_chart_css); one that stands alone brings
 * the light colours with it.  Curves carry their names at their right ends: no legend has to be matched by
 * colour. The palette keeps apart for the common kinds of colour blindness (Okabe and Ito 2008, darkened to
 * be legible as text); from the ninth curve on dashes tell apart. */
#ifndef BENCH_CHART_H
#define BENCH_CHART_H
#include "base/str.h"

enum { HPO_CHART_COLOURS = 8 };

typedef struct hpo_chart_series {
    const char *name;
    size_t style; /* colour and dashes: the same number for the same method everywhere */
    size_t n;
    const double *x, *y;      /* what is not finite is not drawn */
    const double *low, *high; /* a band around it, or NULL */
} hpo_chart_series;

typedef struct hpo_chart {
    const char *title, *note; /* note: a smaller second line, or NULL */
    const char *x_label, *y_label;
    int log_x, log_y;
    int steps;            /* values hold until the next x */
    double y_low, y_high; /* NaN: from the data */
    double floor;         /* of a log y axis: smaller values are drawn there; 0: none */
    double mark;          /* a vertical line at this x with mark_label; NaN: none */
    const char *mark_label;
    const hpo_chart_series *series;
    size_t n;
    double width, height; /* user units (pixels at full size) */
} hpo_chart;
hpo_chart hpo_chart_init(void);

/* Running out of memory sets s->failed. */
void hpo_chart_svg(hpo_str *s, const hpo_chart *c, int standalone);

/* Demsar's diagram: mean ranks on a line, bars over groups that do not differ. */
typedef struct hpo_rank_chart {
    const char *title, *note;
    const char *const *names; /* ascending by rank */
    const double *ranks;
    const size_t *styles;
    size_t n;
    double difference;
    const size_t *first, *last; /* groups */
    size_t n_groups;
    double width;
} hpo_rank_chart;
void hpo_rank_chart_svg(hpo_str *s, const hpo_rank_chart *c, int standalone);

/* Rules for charts in a page: colours of series (.l lines, .f areas and text, .b boxes beside a name) and of
 * axes, in the light or the dark theme. */
void hpo_chart_css(hpo_str *s, int dark);
/* Text with the characters that XML reserves written as entities; control characters become spaces. */
void hpo_xml_text(hpo_str *s, const char *text);
#endif
