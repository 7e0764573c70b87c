/* SPDX-License-Identifier: Apache-2.0 */
/* model/transform.c - output transforms.
 *
 * y -> [half-rank] -> s = (y - center) / scale -> shape f(s) -> z = (f - mean) / sd -> tails.
 *
 *   Yeo-Johnson (2000)  f(s) = ((1 + s)^l - 1) / l for s >= 0, -((1 - s)^(2-l) - 1) / (2 - l) for s < 0,
 *                       logarithms where the exponent is 0.  l maximises the profile likelihood
 *                       -n/2 ln var f(s) + (l - 1) sum sgn(s) ln(1 + |s|) in [-2, 1]: the best of a grid of
 *                       7, then golden section between its neighbours.  l > 1 would press the good end
 * together in favour of the worse one: where most values lie on a plateau and few are good, noise of the
 * plateau would become noise of several times the range at the good end. log                 f(s) = ln s for
 * s >= 1, s - 1 below: center is 0 when all y are positive, else just below the least y; scale is where the
 * logarithm ends, below all data. bilog               f(s) = sgn(s) ln(1 + |s|) (Eriksson & Poloczek 2021,
 * arXiv 2002.08526) half-rank           half_rank.c
 *
 * Ends: where a shape flattens towards an end of the fitted data it goes on beyond it as its tangent there.
 * Its own continuation can be bounded (Yeo-Johnson with l > 2 below, l < 0 above): no value would have the
 * images beyond the bound, and a model that gives them some probability would expect anything.
 *
 * Tails: z more than TAIL beyond what the fitted data reach grows as a logarithm, so that one absurd value
 * told after the fit (1e300) cannot upset a model before the next fit.  Both tails have slope 1 where they
 * begin; the whole map stays strictly increasing. */
#include "model/transform.h"
#include "math/func.h"
#include "math/linalg.h"
#include "model/half_rank.h"
#include <float.h>
#include <math.h>
#include <string.h>

enum { LAMBDA_STEPS = 40 };

static const double LAMBDA_LOW = -2, LAMBDA_HIGH = 1, LAMBDA_GRID = 0.5;
static const double TAIL = 3;
static const double HUGE_Z = 1e300; /* shapes end here */
/* The mean of y in original units believes the inverse up to so many ranges beyond the data. */
static const double MEAN_RANGES = 3;
static const double GROSS = 20;

/* ---- shapes ------------------------------------------------------------------------------------------ */

/* (e^(p t) - 1) / p and its inverse; t where p = 0. */
static double power_of_log(double p, double t)
{
    return p == 0 ? t : hpo_expm1(p * t) / p;
}

static double log_of_power(double p, double f)
{
    if (p == 0) return f;
    return p * f > -1 ? hpo_log1p(p * f) / p : (double)INFINITY;
}

static double shape(const hpo_transform *t, double s)
{
    double log_size;
    switch (t->kind) {
    case HPO_TRANSFORM_YEO_JOHNSON:
    case HPO_TRANSFORM_HALF_RANK:
        log_size = hpo_log1p(fabs(s));
        return hpo_limit(s >= 0 ? power_of_log(t->lambda, log_size) : -power_of_log(2 - t->lambda, log_size),
                         HUGE_Z);
    case HPO_TRANSFORM_LOG:
        return s >= 1 ? hpo_log(s) : s - 1;
    case HPO_TRANSFORM_BILOG:
        log_size = hpo_log1p(fabs(s));
        return s >= 0 ? log_size : -log_size;
    default:
        return s;
    }
}

static double unshape(const hpo_transform *t, double f)
{
    double s;
    switch (t->kind) {
    case HPO_TRANSFORM_YEO_JOHNSON:
    case HPO_TRANSFORM_HALF_RANK:
        s = hpo_expm1(f >= 0 ? log_of_power(t->lambda, f) : log_of_power(2 - t->lambda, -f));
        return hpo_limit(f >= 0 ? s : -s, HUGE_Z);
    case HPO_TRANSFORM_LOG:
        return hpo_limit(f >= 0 ? hpo_exp(f) : f + 1, HUGE_Z);
    case HPO_TRANSFORM_BILOG:
        s = hpo_expm1(fabs(f));
        return hpo_limit(f >= 0 ? s : -s, HUGE_Z);
    default:
        return f;
    }
}

static double shape_slope(const hpo_transform *t, double s)
{
    double log_size = hpo_log1p(fabs(s));
    switch (t->kind) {
    case HPO_TRANSFORM_YEO_JOHNSON:
    case HPO_TRANSFORM_HALF_RANK:
        return hpo_exp((s >= 0 ? t->lambda - 1 : 1 - t->lambda) * log_size);
    case HPO_TRANSFORM_LOG:
        return s >= 1 ? 1 / s : 1;
    case HPO_TRANSFORM_BILOG:
        return 1 / (1 + fabs(s));
    default:
        return 1;
    }
}

/* ---- order -------------------------------------------------------------------------------------------- */

/* Ascending; Shell's method with the gaps of Ciura (2001), continued by 9/4. */
static void sort(double *x, size_t n)
{
    static const size_t gaps[] = {1,    4,    10,    23,    57,     132,    301,    701,    1750,
                                  3937, 8858, 19930, 44842, 100894, 227011, 510774, 1149241};
    for (size_t g = sizeof gaps / sizeof *gaps; g-- > 0;) {
        size_t gap = gaps[g];
        for (size_t i = gap; i < n; i++) {
            double v = x[i];
            size_t j = i;
            for (; j >= gap && x[j - gap] > v; j -= gap)
                x[j] = x[j - gap];
            x[j] = v;
        }
    }
}

double hpo_middle(const double *sorted, size_t n)
{
    return n % 2 ? sorted[n / 2] : sorted[n / 2 - 1] / 2 + sorted[n / 2] / 2;
}

/* ---- standardising ----------------------------------------------------------------------------------- */

/* Mean and standard deviation (of the population), whatever the magnitude; 0 deviation for a constant. */
static void moments(const double *x, size_t n, double *mean, double *sd)
{
    double low = x[0], high = x[0], sum = 0, squares = 0;
    for (size_t i = 1; i < n; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    double centre = low / 2 + high / 2, half = high / 2 - low / 2;
    *mean = centre;
    *sd = 0;
    if (!(half > 0)) return;
    for (size_t i = 0; i < n; i++)
        sum += hpo_ratio(x[i], centre, half);
    double average = sum / (double)n;
    for (size_t i = 0; i < n; i++) {
        double d = hpo_ratio(x[i], centre, half) - average;
        squares += d * d;
    }
    *mean = centre + half * average;
    *sd = half * sqrt(squares / (double)n);
}

/* ---- Yeo-Johnson's lambda ---------------------------------------------------------------------------- */

typedef struct likelihood {
    const double *signed_log; /* sgn(s) ln(1 + |s|) */
    double *work;
    size_t n;
    double jacobian; /* their sum */
} likelihood;

/* e^(p t) - 1 over p through the array exponential; its rounding error 1e-16 / |p| is of no account. */
static double profile(const likelihood *c, double lambda)
{
    double mean, sd;
    for (size_t i = 0; i < c->n; i++) {
        double v = c->signed_log[i];
        c->work[i] = v >= 0 ? lambda * v : -(2 - lambda) * v;
    }
    hpo_exp_n(c->work, c->n, c->work);
    for (size_t i = 0; i < c->n; i++) {
        double v = c->signed_log[i], p = v >= 0 ? lambda : 2 - lambda;
        if (fabs(p) < 1e-7)
            c->work[i] = v + 0.5 * p * v * fabs(v);
        else
            c->work[i] = (v >= 0 ? c->work[i] - 1 : 1 - c->work[i]) / p;
    }
    moments(c->work, c->n, &mean, &sd);
    if (!(sd > 0)) return (double)-INFINITY;
    return -(double)c->n * hpo_log(sd) + (lambda - 1) * c->jacobian;
}

static double golden(const likelihood *c, double a, double b)
{
    const double part = 0x1.3c6ef372fe95p-1; /* (sqrt 5 - 1) / 2 */
    double x = b - part * (b - a), y = a + part * (b - a);
    double fx = profile(c, x), fy = profile(c, y);
    for (int i = 0; i < LAMBDA_STEPS && b - a > 1e-7; i++) {
        if (fx >= fy) {
            b = y;
            y = x;
            fy = fx;
            x = b - part * (b - a);
            fx = profile(c, x);
        } else {
            a = x;
            x = y;
            fx = fy;
            y = a + part * (b - a);
            fy = profile(c, y);
        }
    }
    return fx >= fy ? x : y;
}

/* s: standardised, replaced by its signed logarithms. */
static double fit_lambda(double *s, size_t n, double *work)
{
    likelihood c = {.signed_log = s, .work = work, .n = n};
    double best = 1, most;
    if (n < 4) return 1; /* two or three points are standardised to much the same by every lambda */
    for (size_t i = 0; i < n; i++) {
        double v = hpo_log1p(fabs(s[i]));
        s[i] = s[i] >= 0 ? v : -v;
        c.jacobian += s[i];
    }
    most = profile(&c, best);
    for (double lambda = LAMBDA_LOW; lambda <= LAMBDA_HIGH; lambda += LAMBDA_GRID) {
        double value = profile(&c, lambda);
        if (!(value > most)) continue;
        most = value;
        best = lambda;
    }
    double a = best - LAMBDA_GRID, b = best + LAMBDA_GRID;
    double found = golden(&c, a > LAMBDA_LOW ? a : LAMBDA_LOW, b < LAMBDA_HIGH ? b : LAMBDA_HIGH);
    return profile(&c, found) > most ? found : best;
}

/* ---- fitting ----------------------------------------------------------------------------------------- */

static hpo_transform_kind resolve(hpo_transform_kind kind, const double *sorted, size_t n)
{
    if (kind != HPO_TRANSFORM_AUTO) return kind;
    double low = sorted[0] / 2, high = sorted[n - 1] / 2, m = hpo_middle(sorted, n) / 2;
    return (high - m) / GROSS > m - low ? HPO_TRANSFORM_HALF_RANK : HPO_TRANSFORM_YEO_JOHNSON;
}

/* Where the logarithm starts: see the top. */
static void fit_log(hpo_transform *t, const double *sorted, size_t n)
{
    double low = sorted[0], gap = hpo_middle(sorted, n) - low;
    if (low > 0) {
        t->center = 0;
        t->scale = low * 1e-3;
    } else {
        if (!(gap > 0)) gap = sorted[n - 1] / 2 - low / 2;
        gap = hpo_limit(gap, DBL_MAX / 4) * 0.1;
        t->center = hpo_limit(low - gap, DBL_MAX);
        t->scale = gap * 0.5;
    }
    if (!(t->scale >= DBL_MIN)) t->scale = DBL_MIN;
    t->shift = t->center;
}

static double raw(const hpo_transform *t, double y)
{
    if (t->kind == HPO_TRANSFORM_HALF_RANK) y = hpo_half_rank_apply(t, y);
    return shape(t, hpo_limit(hpo_ratio(y, t->center, t->scale), HUGE_Z));
}

static double raw_slope(const hpo_transform *t, double y)
{
    double slope = 1;
    if (t->kind == HPO_TRANSFORM_HALF_RANK) {
        slope = hpo_half_rank_slope(t, y);
        y = hpo_half_rank_apply(t, y);
    }
    slope *= shape_slope(t, hpo_limit(hpo_ratio(y, t->center, t->scale), HUGE_Z));
    return hpo_limit(slope / t->scale / t->sd, DBL_MAX);
}

/* Whether the shape flattens beyond an end of the data. */
static int flattens(const hpo_transform *t, int above)
{
    switch (t->kind) {
    case HPO_TRANSFORM_YEO_JOHNSON:
        return above ? t->lambda < 1 : t->lambda > 1;
    case HPO_TRANSFORM_HALF_RANK:
        return above || t->lambda > 1;
    case HPO_TRANSFORM_LOG:
        return above;
    case HPO_TRANSFORM_BILOG:
        return 1;
    default:
        return 0;
    }
}

static void fit_ends(hpo_transform *t)
{
    double low = raw_slope(t, t->y_min), high = raw_slope(t, t->y_max);
    if (flattens(t, 0) && low > DBL_MIN) t->slope_low = low;
    if (flattens(t, 1) && high > DBL_MIN) t->slope_high = high;
}

void hpo_transform_fit(hpo_transform *t, hpo_transform_kind kind, const double *y, size_t n, double *scratch)
{
    double *a = scratch, *b = scratch + n, *work = scratch + 2 * n;
    size_t m = 0;
    memset(t, 0, sizeof *t);
    t->scale = t->sd = t->lambda = 1;
    t->z_min = -HUGE_Z;
    t->z_max = HUGE_Z;
    t->y_min = -DBL_MAX;
    t->y_max = DBL_MAX;
    for (size_t i = 0; i < n; i++)
        if (isfinite(y[i])) a[m++] = y[i];
    if (m > 0) t->center = a[0];
    memcpy(b, a, m * sizeof *b);
    sort(b, m);
    if (m < 2 || !(b[m - 1] / 2 - b[0] / 2 > 0)) return;
    t->y_min = b[0];
    t->y_max = b[m - 1];
    t->kind = resolve(kind, b, m);
    if (t->kind == HPO_TRANSFORM_LOG) fit_log(t, b, m);
    if (t->kind == HPO_TRANSFORM_HALF_RANK) {
        hpo_half_rank_fit(t, b, m);
        for (size_t i = 0; i < m; i++)
            a[i] = hpo_half_rank_apply(t, a[i]);
    }
    if (t->kind != HPO_TRANSFORM_LOG) moments(a, m, &t->center, &t->scale);
    if (!(t->scale > 0)) t->scale = 1;
    for (size_t i = 0; i < m; i++)
        b[i] = hpo_limit(hpo_ratio(a[i], t->center, t->scale), HUGE_Z);
    memcpy(a, b, m * sizeof *a);
    if (t->kind == HPO_TRANSFORM_YEO_JOHNSON || t->kind == HPO_TRANSFORM_HALF_RANK)
        t->lambda = fit_lambda(b, m, work);
    for (size_t i = 0; i < m; i++)
        a[i] = shape(t, a[i]);
    moments(a, m, &t->mean, &t->sd);
    if (!(t->sd > 0)) t->sd = 1;
    t->z_min = (raw(t, t->y_min) - t->mean) / t->sd - TAIL;
    t->z_max = (raw(t, t->y_max) - t->mean) / t->sd + TAIL;
    fit_ends(t);
}

/* ---- use --------------------------------------------------------------------------------------------- */

/* Images of the ends of the data. */
static double low_end(const hpo_transform *t)
{
    return t->z_min + TAIL;
}

static double high_end(const hpo_transform *t)
{
    return t->z_max - TAIL;
}

static double before_tails(const hpo_transform *t, double y)
{
    y = hpo_limit(y, DBL_MAX);
    if (y < t->y_min && t->slope_low > 0)
        return low_end(t) + hpo_limit(2 * t->slope_low * (y / 2 - t->y_min / 2), HUGE_Z);
    if (y > t->y_max && t->slope_high > 0)
        return high_end(t) + hpo_limit(2 * t->slope_high * (y / 2 - t->y_max / 2), HUGE_Z);
    return hpo_limit((raw(t, y) - t->mean) / t->sd, HUGE_Z);
}

double hpo_transform_apply(const hpo_transform *t, double y)
{
    double z = before_tails(t, y);
    if (z > t->z_max) return t->z_max + hpo_log1p(z - t->z_max);
    if (z < t->z_min) return t->z_min - hpo_log1p(t->z_min - z);
    return z;
}

double hpo_transform_invert(const hpo_transform *t, double z)
{
    if (z > t->z_max) z = hpo_limit(t->z_max + hpo_expm1(z - t->z_max), HUGE_Z);
    if (z < t->z_min) z = hpo_limit(t->z_min - hpo_expm1(t->z_min - z), HUGE_Z);
    if (t->slope_low > 0 && z < low_end(t)) return hpo_along(t->y_min, 1 / t->slope_low, z - low_end(t));
    if (t->slope_high > 0 && z > high_end(t)) return hpo_along(t->y_max, 1 / t->slope_high, z - high_end(t));
    double y = hpo_along(t->center, t->scale, unshape(t, hpo_along(t->mean, t->sd, z)));
    return t->kind == HPO_TRANSFORM_HALF_RANK ? hpo_half_rank_invert(t, y) : y;
}

double hpo_transform_slope(const hpo_transform *t, double y)
{
    double z = before_tails(t, y), v = hpo_limit(y, DBL_MAX), slope;
    if (v < t->y_min && t->slope_low > 0)
        slope = t->slope_low;
    else if (v > t->y_max && t->slope_high > 0)
        slope = t->slope_high;
    else
        slope = raw_slope(t, v);
    if (z > t->z_max) slope /= 1 + (z - t->z_max);
    if (z < t->z_min) slope /= 1 + (t->z_min - z);
    return slope;
}

double hpo_transform_sd(const hpo_transform *t, double mean, double var)
{
    double sd = sqrt(var);
    return (hpo_transform_invert(t, mean + sd) - hpo_transform_invert(t, mean - sd)) / 2;
}

double hpo_transform_mean(const hpo_transform *t, double mean, double var)
{
    /* Roots x >= 0 of the Hermite polynomial He_21 and weights n! / (n He_20(x))^2: exact for polynomials of
     * degree 41 under the standard normal law (Abramowitz & Stegun 25.4.46). */
    static const double rule[11][2] = {{0, 0.27026018357287707},
                                       {0.67804569244064403, 0.21533371569505969},
                                       {1.3597658232112303, 0.10839228562641944},
                                       {2.0491024682571627, 0.033952729786542835},
                                       {2.7505929810523731, 0.0064396970514087769},
                                       {3.4698466904753763, 0.00070804779548153647},
                                       {4.2143439816884214, 0.000042192347425516757},
                                       {4.9949639447820252, 0.0000012253548361482535},
                                       {5.8293820073044714, 1.4506612844930866e-8},
                                       {6.7514447187174608, 4.9753686041217240e-11},
                                       {7.8493828951138220, 2.0989912195656767e-14}};
    double sd = var > 0 ? sqrt(var) : 0, sum = 0;
    if (t->kind == HPO_TRANSFORM_STANDARD || sd == 0) return hpo_transform_invert(t, mean);
    double reach = hpo_limit(MEAN_RANGES * (t->y_max - t->y_min), DBL_MAX);
    double low = hpo_limit(t->y_min - reach, DBL_MAX), high = hpo_limit(t->y_max + reach, DBL_MAX);
    for (size_t i = 11; i-- > 0;) {
        double above = hpo_transform_invert(t, mean + sd * rule[i][0]);
        double below = hpo_transform_invert(t, mean - sd * rule[i][0]);
        above = above > high ? high : above < low ? low : above;
        below = below > high ? high : below < low ? low : below;
        sum += i == 0 ? rule[i][1] * above : rule[i][1] * above + rule[i][1] * below;
    }
    return sum;
}
