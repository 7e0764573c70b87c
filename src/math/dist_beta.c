/* SPDX-License-Identifier: Apache-2.0 */
/* math/dist_beta.c - incomplete beta function, beta and Student distributions, Dirichlet.
 *
 * I_x(a, b) = x^a y^b / B(a, b) over a continued fraction (modified Lentz), y = 1 - x, for x below the mean,
 * else 1 - I_y(b, a).  The fraction is the even part of DLMF 8.17.22 as Didonato & Morris (1992), "Algorithm
 * 708", ACM TOMS 18(3), equation 9, write it: through a y - b x, which does not cancel, and in half the
 * steps. Internally x and y are both carried, so that neither end loses digits.
 *
 * The factor x^a y^b / B(a, b) = sqrt(a b / (2 pi (a + b))) exp(a l(u) + b l(v) - e(a) - e(b) + e(a + b))
 * with u = (x b - y a)/a, v = (y a - x b)/b (so that 1 + u and 1 + v are x and y relative to the mean), l(u)
 * = log(1 + u) - u, and e the error of Stirling's formula (Loader 2000): large a and b do not cancel.  Far
 * from the mean a log(1 + u) + b log(1 + v) instead.
 *
 * Quantile: Newton's rule in t = log(x / y) on log I = log p (p <= 1/2) or log(1 - I) = log(1 - p), inside a
 * bracket that every step narrows; both are concave in t and their slope is the factor above over the tail.
 *
 * Student: with x = df/(df + t^2), 2 P(T < -|t|) = I_x(df/2, 1/2), A&S 26.7.1.  Above 1e12 degrees of freedom
 * A&S 26.7.8 (its error is of order df^-2).
 *
 * Draws: beta and Dirichlet from gamma draws, in log space for the sake of small shapes: not by inversion.
 *
 * Limits: a, b > 0; cost O(sqrt(max(a, b))) near the mean.  Measured (tests/unit/math/dist.c): 5e-14
 * relative. */
#include <math.h>

#include "math/dist.h"
#include "math/dist_internal.h"
#include "math/func.h"

static const double INV_SQRT_2PI = 0x1.9884533d43651p-2;
static const double EPS = 0x1p-54;
static const double TINY = 1e-300;
static const double NORMAL_DF = 1e12;

/* log(x^a y^b / B(a, b)) without its square-root factor */
static double log_factor(double x, double y, double a, double b)
{
    double w = x * b - y * a, u = w / a, v = -w / b;
    double e = hpo_stirling_error(a + b) - hpo_stirling_error(a) - hpo_stirling_error(b);
    if (fabs(u) < 0.5 && fabs(v) < 0.5) return a * hpo_log1pmx(u) + b * hpo_log1pmx(v) + e;
    double s = a + b; /* log(x s / a): through the ratio that is nearer to 1 */
    double lu = fabs(u) < 0.5 ? hpo_log1p(u) : hpo_log(x) + hpo_log(s / a);
    double lv = fabs(v) < 0.5 ? hpo_log1p(v) : hpo_log(y) + hpo_log(s / b);
    return a * lu + b * lv + e;
}

/* x^a y^b / B(a, b) */
static double factor(double x, double y, double a, double b)
{
    return INV_SQRT_2PI * sqrt(a) * sqrt(b / (a + b)) * hpo_exp(log_factor(x, y, a, b));
}

/* factor / I_x(a, b), for x below the mean; y = 1 - x */
static double fraction(double x, double y, double a, double b)
{
    double lambda = a * y - b * x, c = a / (a + 1.0) * (lambda + 1.0), f, d = 0.0;
    if (fabs(c) < TINY) c = TINY;
    f = c;
    for (double n = 1.0;; n += 1.0) {
        double m = a + 2.0 * n - 1.0, s = n * (b - n) * x / m;
        double alpha = s * ((a + n - 1.0) / m) * (a + b + n - 1.0) * x;
        double beta = n + s + (a + n) / (m + 2.0) * (lambda + 1.0 + n * (1.0 + y));
        d = beta + alpha * d;
        if (fabs(d) < TINY) d = TINY;
        d = 1.0 / d;
        c = beta + alpha / c;
        if (fabs(c) < TINY) c = TINY;
        double step = c * d;
        f *= step;
        if (fabs(step - 1.0) <= 4.0 * EPS || n > 1e9) return f;
    }
}

typedef struct both {
    double p, q;
} both;

/* I_x(a, b) and its complement; y = 1 - x */
static both beta_both(double x, double y, double a, double b)
{
    if (x <= 0.0) return (both){0.0, 1.0};
    if (y <= 0.0) return (both){1.0, 0.0};
    /* below the mean; where it is within 1e-6 of 1 (b tiny) the fraction would need thousands of terms */
    if (a * y > b * x && (y > 1e-6 || x * (a + b + 2.0) < a + 1.0)) {
        double p = factor(x, y, a, b) / fraction(x, y, a, b);
        if (p > 1.0) p = 1.0;
        return (both){p, 1.0 - p};
    }
    double q = factor(y, x, b, a) / fraction(y, x, b, a);
    if (q > 1.0) q = 1.0;
    return (both){1.0 - q, q};
}

double hpo_beta_cdf(double x, double a, double b)
{
    if (isnan(x) || !(a > 0.0 && b > 0.0)) return (double)NAN;
    return beta_both(x, 1.0 - x, a, b).p;
}

double hpo_beta_logpdf(double x, double a, double b)
{
    if (isnan(x) || !(a > 0.0 && b > 0.0)) return (double)NAN;
    if (x < 0.0 || x > 1.0) return -HUGE_VAL;
    if (x == 0.0) return a < 1.0 ? HUGE_VAL : a > 1.0 ? -HUGE_VAL : hpo_log(b);
    if (x == 1.0) return b < 1.0 ? HUGE_VAL : b > 1.0 ? -HUGE_VAL : hpo_log(a);
    double y = 1.0 - x;
    return log_factor(x, y, a, b) + hpo_log(INV_SQRT_2PI * sqrt(a) * sqrt(b / (a + b))) - hpo_log(x) -
           hpo_log1p(-x);
}

/* ---- quantile ------------------------------------------------------------------------------- */

typedef struct place {
    double x, y; /* x + y = 1 */
} place;

static place at_logit(double t)
{
    double e = hpo_exp(-fabs(t)), big = 1.0 / (1.0 + e), small = e / (1.0 + e);
    return t < 0 ? (place){small, big} : (place){big, small};
}

static place at_odds(double o)
{
    if (o > 1.0) {
        double i = 1.0 / o;
        return (place){1.0 / (1.0 + i), i / (1.0 + i)};
    }
    return (place){o / (1.0 + o), 1.0 / (1.0 + o)};
}

static double log_beta_times_a(double a, double b)
{
    return hpo_lgamma(a + 1.0) + hpo_lgamma(b) - hpo_lgamma(a + b);
}

/* Start, as logit */
static double start(double p, double a, double b)
{
    if (a > 1.0 && b > 1.0) return hpo_log(a / b) + hpo_normal_quantile(p) * sqrt(1.0 / a + 1.0 / b);
    double left = (hpo_log(p) + log_beta_times_a(a, b)) / a;     /* x^a / (a B) = p */
    double right = (hpo_log1p(-p) + log_beta_times_a(b, a)) / b; /* y^b / (b B) = 1 - p */
    if (left < -1.0) return left;
    if (right < -1.0) return -right;
    return hpo_log(a / b);
}

/* I_x(a, b) = p with 1 - p = q, both given for the sake of the tails */
static place beta_quantile_both(double p, double q, double a, double b)
{
    int lower = p <= q;
    double target = lower ? p : q, lo = 0.0, hi = HUGE_VAL, t = start(p, a, b);
    if (t < -700.0) return (place){hpo_exp(t), 1.0}; /* the series has one term */
    if (t > 700.0) return (place){1.0, hpo_exp(-t)};
    double odds = hpo_exp(t); /* x / y; steps multiply it, so that its logarithm is never rounded */
    for (int i = 0; i < 300; i++) {
        place z = at_odds(odds);
        both v = beta_both(z.x, z.y, a, b);
        double value = lower ? v.p : v.q;
        if ((value > target) == lower) {
            hi = odds;
        } else {
            lo = odds;
        }
        double slope = factor(z.x, z.y, a, b) / value, gap = hpo_log(value / target);
        double step = (lower ? -gap : gap) / slope, next = odds * hpo_exp(step);
        if (next > lo && next < hi) {
            odds = next;
            /* Newton's error is about step^2 times the curvature. */
            if (step * step * (1.0 + sqrt(a) + sqrt(b)) <= 0x1p-56) break;
        } else if (lo == 0.0 || isinf(hi)) {
            odds *= isinf(hi) ? 0x1p10 : 0x1p-10;
            if (odds == 0.0 || isinf(odds)) break;
        } else {
            if (hi - lo <= 0x1p-52 * hi) break;
            odds = hi > 4.0 * lo ? sqrt(lo) * sqrt(hi) : 0.5 * (lo + hi);
        }
    }
    return at_odds(odds);
}

double hpo_beta_quantile(double p, double a, double b)
{
    if (!(p >= 0.0 && p <= 1.0) || !(a > 0.0 && b > 0.0)) return (double)NAN;
    if (p == 0.0 || p == 1.0) return p;
    return beta_quantile_both(p, 1.0 - p, a, b).x;
}

double hpo_beta_draw(hpo_rng *r, double a, double b)
{
    double ga = hpo_log_gamma_draw(r, a), gb = hpo_log_gamma_draw(r, b);
    return at_logit(ga - gb).x;
}

/* ---- Student -------------------------------------------------------------------------------- */

double hpo_student_cdf(double t, double df)
{
    if (isnan(t) || !(df > 0.0)) return (double)NAN;
    if (isinf(t)) return t > 0 ? 1.0 : 0.0;
    if (df > NORMAL_DF) {
        double z = isinf(df) ? t : t * (1.0 - 0.25 / df) / sqrt(1.0 + 0.5 * t * t / df);
        return hpo_normal_cdf(z);
    }
    /* x = df/(df + t^2) without overflow; far out the first term of the series, which needs log x only */
    double s = fabs(t) / sqrt(df), x, y;
    if (s > 1e100) {
        double tail = 0.5 * hpo_exp(-df * hpo_log(s) - log_beta_times_a(0.5 * df, 0.5));
        return t < 0 ? tail : 1.0 - tail;
    }
    if (s > 1.0) {
        double i = 1.0 / s;
        x = i * i / (1.0 + i * i);
        y = 1.0 / (1.0 + i * i);
    } else {
        x = 1.0 / (1.0 + s * s);
        y = s * s / (1.0 + s * s);
    }
    double tail = 0.5 * beta_both(x, y, 0.5 * df, 0.5).p;
    return t < 0 ? tail : 1.0 - tail;
}

double hpo_student_quantile(double p, double df)
{
    if (!(p >= 0.0 && p <= 1.0) || !(df > 0.0)) return (double)NAN;
    if (p == 0.0) return -HUGE_VAL;
    if (p == 1.0) return HUGE_VAL;
    if (df > NORMAL_DF) {
        double z = hpo_normal_quantile(p);
        return isinf(df) ? z : z + z * (z * z + 1.0) / (4.0 * df); /* Cornish & Fisher */
    }
    double centre = p - 0.5, tail = centre < 0 ? p : 1.0 - p;
    if (centre == 0.0) return 0.0;
    double logx = (hpo_log(2.0 * tail) + log_beta_times_a(0.5 * df, 0.5)) / (0.5 * df), t;
    if (logx < -100.0) { /* the series has one term */
        t = sqrt(df) * hpo_exp(-0.5 * logx);
    } else {
        place z = beta_quantile_both(2.0 * tail, 2.0 * fabs(centre), 0.5 * df, 0.5);
        t = sqrt(df) * sqrt(z.y) / sqrt(z.x);
    }
    return centre < 0 ? -t : t;
}

/* ---- Dirichlet, exponential, discrete ---------------------------------------------------------- */

void hpo_dirichlet_draw(hpo_rng *r, const double *alpha, size_t n, double *out)
{
    double high = -HUGE_VAL, sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        out[i] = hpo_log_gamma_draw(r, alpha[i]);
        if (out[i] > high) high = out[i];
    }
    for (size_t i = 0; i < n; i++) {
        out[i] = hpo_exp(out[i] - high);
        sum += out[i];
    }
    for (size_t i = 0; i < n; i++)
        out[i] /= sum;
}

double hpo_dirichlet_logpdf(const double *x, const double *alpha, size_t n)
{
    double total = 0.0, l = 0.0;
    for (size_t i = 0; i < n; i++) {
        total += alpha[i];
        l -= hpo_lgamma(alpha[i]);
        if (alpha[i] != 1.0) l += (alpha[i] - 1.0) * hpo_log(x[i]);
    }
    return l + hpo_lgamma(total);
}

double hpo_exponential_quantile(double p)
{
    return -hpo_log1p(-p);
}

size_t hpo_discrete_quantile(double p, const double *w, size_t n)
{
    double total = 0.0, sum = 0.0;
    for (size_t i = 0; i < n; i++)
        total += w[i];
    double target = p * total;
    size_t last = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(w[i] > 0.0)) continue;
        last = i;
        sum += w[i];
        if (target < sum) return i;
    }
    return last; /* p = 1, or rounding */
}
