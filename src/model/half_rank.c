/* SPDX-License-Identifier: Apache-2.0 */
/* model/half_rank.c - what is worse than the median is only ranked.
 *
 * An observation y above the median m becomes
 *
 *     m - g Phi^-1((r - 1/2) / (2 D)),
 *
 * r = 1 for the largest distinct value above m, D how many of those there are (+ 1/2 when m was observed),
 * and g^2 the mean square of y - m over y <= m: the better half decides how far apart the worse one lies
 * (Song et al. 2024, arXiv 2408.11527, with the sign of minimisation).  When nothing lies below m, g is such
 * that the least worse value stays where it is.  Between observed values the map is piecewise linear, with at
 * most MAX_KNOTS knots spread evenly over the ranks; beyond the last it is logarithmic. */
#include "model/half_rank.h"
#include "math/dist.h"
#include "math/func.h"

enum { MAX_KNOTS = 64 };

/* The segment of knots that holds x: its upper end, n_knots beyond the last. */
static size_t find_knot(const double *knots, size_t n, double x)
{
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (knots[mid] > x)
            hi = mid;
        else
            lo = mid + 1;
    }
    return lo;
}

static double interpolate(const double *from, const double *to, size_t k, double x)
{
    double part = from[k] > from[k - 1] ? hpo_ratio(x, from[k - 1], from[k] - from[k - 1]) : 0;
    if (!isfinite(from[k] - from[k - 1])) part = (x / 2 - from[k - 1] / 2) / (from[k] / 2 - from[k - 1] / 2);
    return to[k - 1] + part * (to[k] - to[k - 1]);
}

double hpo_half_rank_apply(const hpo_transform *t, double y)
{
    size_t n = t->n_knots, k;
    if (n < 2 || y <= t->median) return y;
    k = find_knot(t->knot_x, n, y);
    if (k < n) return interpolate(t->knot_x, t->knot_z, k, y);
    double width = t->knot_x[n - 1] - t->knot_x[n - 2], height = t->knot_z[n - 1] - t->knot_z[n - 2];
    return t->knot_z[n - 1] + height * hpo_log1p(hpo_limit(hpo_ratio(y, t->knot_x[n - 1], width), DBL_MAX));
}

double hpo_half_rank_invert(const hpo_transform *t, double z)
{
    size_t n = t->n_knots, k;
    if (n < 2 || z <= t->median) return z;
    k = find_knot(t->knot_z, n, z);
    if (k < n) return interpolate(t->knot_z, t->knot_x, k, z);
    double width = t->knot_x[n - 1] - t->knot_x[n - 2], height = t->knot_z[n - 1] - t->knot_z[n - 2];
    if (!(height > 0)) return t->knot_x[n - 1];
    return hpo_along(t->knot_x[n - 1], hpo_limit(width, DBL_MAX), hpo_expm1((z - t->knot_z[n - 1]) / height));
}

double hpo_half_rank_slope(const hpo_transform *t, double y)
{
    size_t n = t->n_knots, k;
    if (n < 2 || y < t->median) return 1;
    k = find_knot(t->knot_x, n, y);
    if (k < n) return (t->knot_z[k] - t->knot_z[k - 1]) / (t->knot_x[k] - t->knot_x[k - 1]);
    double width = t->knot_x[n - 1] - t->knot_x[n - 2], height = t->knot_z[n - 1] - t->knot_z[n - 2];
    return height / (width + (y - t->knot_x[n - 1]));
}

/* Root mean square of y - m over y <= m. */
static double good_spread(const double *sorted, size_t n, double m)
{
    double widest = m / 2 - sorted[0] / 2, sum = 0; /* halved: no overflow */
    size_t count = 0;
    if (!(widest > 0)) return 0;
    for (; count < n && sorted[count] <= m; count++) {
        double d = (m / 2 - sorted[count] / 2) / widest;
        sum += d * d;
    }
    return hpo_limit(2 * widest * sqrt(sum / (double)count), DBL_MAX / 64);
}

static double worse_score(size_t from_worst, double d)
{
    return -hpo_normal_quantile(((double)from_worst + 0.5) / (2 * d));
}

/* sorted: the observations, ascending; distinct ones above the median are left at its end. */
void hpo_half_rank_fit(hpo_transform *t, double *sorted, size_t n)
{
    double m = hpo_middle(sorted, n), spread = good_spread(sorted, n, m);
    size_t first = 0, n_worse = 0;
    int observed = 0;
    while (first < n && sorted[first] <= m) {
        observed |= sorted[first] == m;
        first++;
    }
    for (size_t i = first; i < n; i++)
        if (i == first || sorted[i] != sorted[first + n_worse - 1]) sorted[first + n_worse++] = sorted[i];
    t->median = m;
    if (n_worse == 0) return;
    const double *worse = sorted + first;
    double d = (double)n_worse + 0.5 * observed;
    if (!(spread > 0)) spread = hpo_limit(worse[0] - m, DBL_MAX / 64) / worse_score(n_worse - 1, d);
    t->knot_x[0] = t->knot_z[0] = m;
    size_t inner = n_worse < MAX_KNOTS ? n_worse : MAX_KNOTS - 1;
    for (size_t i = 0; i < inner; i++) {
        size_t at = inner == n_worse ? i : i * (n_worse - 1) / (inner - 1);
        t->knot_x[i + 1] = worse[at];
        t->knot_z[i + 1] = hpo_along(m, spread, worse_score(n_worse - 1 - at, d));
    }
    t->n_knots = inner + 1;
}
