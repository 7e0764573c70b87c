/* SPDX-License-Identifier: Apache-2.0 */
/* cli/plot_axis.c - the ends and the ticks of axes. */
#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "plot.h"

/* log10 v = log10(2) e + (2 atanh t) / ln 10 with v = m 2^e, t = (m-1)/(m+1): four terms are exact to 1e-8.
 */
double plot_log10(double v)
{
    int e;
    double m, t, t2;
    if (!(v > 0)) return -400;
    m = frexp(v, &e);
    if (m < 0.70710678118654752) {
        m *= 2;
        e--;
    }
    t = (m - 1) / (m + 1);
    t2 = t * t;
    return 0.30102999566398120 * e +
           0.86858896380650366 * t * (1 + t2 * (1.0 / 3 + t2 * (1.0 / 5 + t2 * (1.0 / 7 + t2 / 9))));
}

double plot_place(const plot_axis *a, double v)
{
    double low = a->low;
    double high = a->high;
    if (a->scale == PLOT_LOG) {
        low = plot_log10(low);
        high = plot_log10(high);
        v = plot_log10(v);
    }
    return high > low ? (v - low) / (high - low) : 0.5;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Ends for n values that are finite (and positive on a log axis). */
static void fit_axis(plot_axis *a, const double *v, size_t n)
{
    double low = (double)INFINITY;
    double high = -(double)INFINITY;
    if (a->scale == PLOT_LABELS) {
        a->low = -0.5;
        a->high = a->n_labels ? (double)a->n_labels - 0.5 : 0.5;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(v[i]) || (a->scale == PLOT_LOG && v[i] <= 0)) continue;
        if (v[i] < low) low = v[i];
        if (v[i] > high) high = v[i];
    }
    if (low > high) low = high = 1;
    if (low == high) {
        if (a->scale == PLOT_LOG) {
            low /= 2;
            high *= 2;
        } else {
            double d = low == 0 ? 1 : fabs(low) * 0.1;
            low -= d;
            high += d;
        }
    }
    a->low = low;
    a->high = high;
}

/* A few terrible results must not press all others into one line: when the worst lies more than ten times
 * as far from the best as three quarters of them do, the frame ends at four times that distance. */
static void cut_outliers(plot *p, int worse)
{
    double *v = hpo_alloc_array(p->n, sizeof *v);
    size_t n = 0;
    double best, quarter, worst;
    if (!v) return; /* then it is drawn in full */
    for (size_t i = 0; i < p->n; i++)
        if (isfinite(p->py[i])) v[n++] = p->py[i] * worse;
    if (n >= 10) {
        qsort(v, n, sizeof *v, by_value);
        best = v[0];
        quarter = v[n * 3 / 4];
        worst = v[n - 1];
        if (worst - best > 10 * (quarter - best) && quarter > best) {
            double end = best + 4 * (quarter - best);
            if (worse > 0)
                p->y.high = end;
            else
                p->y.low = -end;
        }
    }
    hpo_free(v);
}

void plot_fit(plot *p, int worse)
{
    fit_axis(&p->x, p->px, p->n);
    fit_axis(&p->y, p->py, p->n);
    if (p->y.scale == PLOT_LINEAR && worse) cut_outliers(p, worse);
    p->n_outside = 0;
    for (size_t i = 0; i < p->n; i++) {
        double y = plot_place(&p->y, p->py[i]);
        p->n_outside += !(y >= 0 && y <= 1);
    }
}

static double power10(int k)
{
    double v = 1;
    for (; k > 0; k--)
        v *= 10;
    for (; k < 0; k++)
        v /= 10;
    return v;
}

static size_t log_ticks(const plot_axis *a, size_t most, double v[16])
{
    int from = (int)ceil(plot_log10(a->low) - 1e-9);
    int to = (int)floor(plot_log10(a->high) + 1e-9);
    int step = 1;
    size_t n = 0;
    while ((size_t)(to - from) / (size_t)step + 1 > most)
        step++;
    for (int k = from; k <= to && n < 16; k += step)
        v[n++] = power10(k);
    if (n >= 2) return n;
    v[0] = a->low; /* less than two decades in sight */
    v[1] = a->high;
    return 2;
}

size_t plot_ticks(const plot_axis *a, size_t most, double v[16])
{
    static const double steps[] = {1, 2, 5, 10};
    double span = a->high - a->low;
    double unit;
    size_t n = 0;
    if (most > 16) most = 16;
    if (most < 2) most = 2;
    if (a->scale == PLOT_LABELS) {
        size_t step = 1;
        while (a->n_labels / step > most)
            step++;
        for (size_t i = 0; i < a->n_labels && n < 16; i += step)
            v[n++] = (double)i;
        return n;
    }
    if (a->scale == PLOT_LOG) return log_ticks(a, most, v);
    unit = power10((int)floor(plot_log10(span / (double)most)));
    for (size_t i = 0; i < CLI_COUNT(steps); i++) {
        double step = unit * steps[i];
        double first = ceil(a->low / step - 1e-9);
        double last = floor(a->high / step + 1e-9);
        if (last - first + 1 > (double)most) continue;
        for (double k = first; k <= last && n < 16; k++)
            v[n++] = k * step;
        break;
    }
    return n;
}
