/* SPDX-License-Identifier: Apache-2.0 */
/* bench/mo_wfg.c - the WFG problems (Huband, Hingston, Barone & While 2006, "A review of multiobjective test
 * problems and a scalable test problem toolkit").
 *
 * x_i in [0, 2i] becomes y_i = x_i / (2i) in [0, 1].  The first k parameters are positions (k = 4 for two
 * objectives, else 2 (m - 1)), the others distances.  Transformations (b_ bias, s_ shift, r_ reduction) turn
 * y into m numbers t, the last of which is the distance; then
 *
 *     p_i = max(t_m, A_i)(t_i - 1/2) + 1/2 (i < m),   f_i = t_m + 2 i h_i(p)
 *
 * with A_i = 1 (WFG3: 1, 0, 0 ...) and h the shape: convex with mixed (1) or disconnected (2) last objective,
 * linear (3), concave (4-9). */
#include <math.h>
#include <string.h>

#include "bench/make.h"
#include "bench/mo.h"
#include "math/func.h"

static double clip(double y)
{
    return y < 0 ? 0 : y > 1 ? 1 : y;
}

/* ---- transformations of one number ------------------------------------------------------------ */

/* Rises to a on [0, b], stays there on [b, c], rises to 1: the published formula without its differences of
 * floors, so that 0 stays exactly 0. */
static double b_flat(double y, double a, double b, double c)
{
    if (y < b) return a * (y / b);
    return y > c ? a + (1 - a) * (y - c) / (1 - c) : a;
}

/* y to a power between 0.02 and 50 that depends on u. */
static double b_param(double y, double u)
{
    const double a = 0.98 / 49.98, b = 0.02, c = 50;
    double v = a - (1 - 2 * u) * fabs(floor(0.5 - u) + a);
    return clip(hpo_pow(y, b + (c - b) * v));
}

static double s_linear(double y)
{
    const double a = 0.35;
    return clip(fabs(y - a) / fabs(floor(a - y) + a));
}

static double s_decept(double y)
{
    const double a = 0.35, b = 0.001, c = 0.05;
    double left = floor(y - a + b) * (1 - c + (a - b) / b) / (a - b),
           right = floor(a + b - y) * (1 - c + (1 - a - b) / b) / (1 - a - b);
    return clip(1 + (fabs(y - a) - b) * (left + right + 1 / b));
}

static double s_multi(double y, double a, double b)
{
    const double c = 0.35;
    double z = fabs(y - c) / (2 * (floor(c - y) + c));
    return clip((1 + hpo_cos((4 * a + 2) * HPO_PI * (0.5 - z)) + 4 * b * z * z) / (b + 2));
}

/* ---- reductions ------------------------------------------------------------------------------- */

static double mean(const double *y, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += y[i];
    return sum / (double)n;
}

/* With weights 2 (from + i + 1): WFG1. */
static double rising_mean(const double *y, size_t from, size_t n)
{
    double sum = 0, weights = 0;
    for (size_t i = 0; i < n; i++) {
        sum += 2 * (double)(from + i + 1) * y[from + i];
        weights += 2 * (double)(from + i + 1);
    }
    return sum / weights;
}

/* Each number with the a - 1 that follow it (around the end): not separable. */
static double r_nonsep(const double *y, size_t n, size_t a)
{
    double sum = 0, half = ceil((double)a / 2);
    for (size_t j = 0; j < n; j++) {
        sum += y[j];
        for (size_t k = 0; k + 2 <= a; k++)
            sum += fabs(y[j] - y[(1 + j + k) % n]);
    }
    return clip(sum / ((double)n / (double)a * half * (1 + 2 * (double)a - 2 * half)));
}

/* ---- from y to t ------------------------------------------------------------------------------ */

/* The bias that makes a number depend on the others: WFG7 positions on what follows, WFG8 distances on what
 * precedes, WFG9 all on what follows. */
static void depend(int which, double *y, size_t k, size_t n)
{
    double sum = 0;
    if (which == 8) {
        for (size_t i = 0; i < k; i++)
            sum += y[i];
        for (size_t i = k; i < n; i++) {
            double before = y[i];
            y[i] = b_param(before, sum / (double)i);
            sum += before;
        }
        return;
    }
    size_t end = which == 7 ? k : n - 1;
    for (size_t i = n; i-- > 0;) {
        double before = y[i];
        if (i < end) y[i] = b_param(before, sum / (double)(n - 1 - i));
        sum += before;
    }
}

static void shift(int which, double *y, size_t k, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (which == 4)
            y[i] = s_multi(y[i], 30, 10);
        else if (which == 5 || (which == 9 && i < k))
            y[i] = s_decept(y[i]);
        else if (which == 9)
            y[i] = s_multi(y[i], 30, 95);
        else if (i >= k)
            y[i] = s_linear(y[i]);
    }
}

/* Reduces y to m numbers. */
static void reduce(int which, double *y, size_t k, size_t n, size_t m, double *t)
{
    size_t group = k / (m - 1), l = n - k;
    if (which == 1)
        for (size_t i = 0; i < n; i++)
            y[i] = hpo_pow(i < k ? y[i] : b_flat(y[i], 0.8, 0.75, 0.85), 0.02);
    if (which == 2 || which == 3) { /* distances in pairs */
        l /= 2;
        for (size_t i = 0; i < l; i++)
            y[k + i] = r_nonsep(y + k + 2 * i, 2, 2);
    }
    for (size_t i = 0; i < m; i++) {
        size_t from = i + 1 < m ? i * group : k, count = i + 1 < m ? group : l;
        if (which == 1)
            t[i] = rising_mean(y, from, count);
        else if (which == 6 || which == 9)
            t[i] = r_nonsep(y + from, count, count);
        else
            t[i] = mean(y + from, count);
    }
}

/* ---- shapes ----------------------------------------------------------------------------------- */

/* h_i: a product of m - i factors, times one more for i > 1. */
static void shape(int which, const double *p, size_t m, double *h)
{
    double product = 1;
    for (size_t i = m; i-- > 1;) {
        double q = p[m - 1 - i], sine = hpo_sin(q * HPO_PI / 2), cosine = hpo_cos(q * HPO_PI / 2);
        h[i] = product * (which <= 2 ? 1 - sine : which == 3 ? 1 - q : cosine);
        product *= which <= 2 ? 1 - cosine : which == 3 ? q : sine;
    }
    h[0] = product;
    if (which == 1) h[m - 1] = 1 - p[0] - hpo_cos(10 * HPO_PI * p[0] + HPO_PI / 2) / (10 * HPO_PI);
    if (which == 2) {
        double wave = hpo_cos(5 * HPO_PI * p[0]);
        h[m - 1] = 1 - p[0] * wave * wave;
    }
}

void hpo_mo_wfg(const mo_shape *s, const double *x, double *f, double *c)
{
    double y[HPO_BENCH_MAX_DIM], t[HPO_BENCH_MAX_OBJECTIVES], h[HPO_BENCH_MAX_OBJECTIVES];
    size_t m = s->m, n = s->d, k = m == 2 ? 4 : 2 * (m - 1);
    (void)c;
    for (size_t i = 0; i < n; i++)
        y[i] = clip(x[i] / (2 * (double)(i + 1)));
    if (s->which >= 7) depend(s->which, y, k, n);
    shift(s->which, y, k, n);
    reduce(s->which, y, k, n, m, t);
    for (size_t i = 0; i + 1 < m; i++)
        t[i] = fmax(t[m - 1], s->which == 3 && i > 0 ? 0 : 1) * (t[i] - 0.5) + 0.5;
    shape(s->which, t, m, h);
    for (size_t i = 0; i < m; i++)
        f[i] = t[m - 1] + 2 * (double)(i + 1) * h[i];
}
