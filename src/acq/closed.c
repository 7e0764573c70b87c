/* SPDX-License-Identifier: Apache-2.0 */
/* acq/closed.c - acquisition functions of one normal distribution N(mean, s^2), with derivatives.
 *
 * With z = (best - mean) / s, phi and Phi the standard normal density and distribution function, and
 * h(z) = phi(z) + z Phi(z), h' = Phi:
 *
 *   expected improvement   EI = s h(z);   d ln EI / d mean = -(Phi/h) / s,   d ln EI / d s = (phi/h) / s
 *   probability of impr.   PI = Phi(z);   d ln PI / d mean = -(phi/Phi) / s, d ln PI / d s = -z (phi/Phi) / s
 *
 * (The derivative by s is usually written (1 - z Phi/h) / s; 1 - z Phi/h = phi/h needs no subtraction.)
 *
 * h for z << 0.  With Mills' ratio m = Phi/phi = sqrt(pi/2) erfcx(-z/sqrt 2),
 *     h = phi (1 + z m),   1 + z m = S(z) / z^2,   S = 1 - 3/z^2 + 15/z^4 - 105/z^6 + ...
 * 1 + z m loses eps z^2, so it serves from -25 up and S, whose first term left out is below 1e-17 there,
 * below.  ln h = -z^2/2 - ln sqrt(2 pi) + ln(1 + z m) holds to 1e-15 relative as far as z^2 is finite.
 *
 * Max-value entropy search, for one sampled minimum f and g = (mean - f) / s:
 *     t(g) = g l / 2 - ln Phi(g),  l = phi(g)/Phi(g),   t' = -(l/2) (1 + g (g + l)).
 * For g << 0 both terms grow like g^2/2 with opposite signs: g (g + l) = S/(g m), and
 *     t = S/(2 g m) - ln(erfcx(-g/sqrt 2) / 2).
 * For g >> 0, t = phi(g) (g/(2 Phi) + m(-g) (1 + Q/2 + ...)) is kept as a logarithm, Q = Phi(-g).
 *
 * Pandora's box index: the g with s h((g - mean)/s) = lambda c.  ln h is increasing and concave, so Newton's
 * rule on ln h(z) = ln(lambda c / s) climbs monotonically from the second step on.  dg/dmean = 1,
 * dg/ds = -phi/Phi.
 *
 * Knowledge gradient: E max_j (a_j + b_j Z) - max_j a_j.  With the lines of the upper envelope in order of
 * slope and c_i the crossing of i and i+1,
 *     sum_i (b_{i+1} - b_i) h(-|c_i|).
 *
 * References: Jones, Schonlau & Welch (1998); Ament et al. (2023), arXiv 2310.20708, for logarithms and
 * tails; Kushner (1964); Srinivas et al. (2010); Wang & Jegelka (2017), eq. 6; Xie et al. (2024), arXiv
 * 2406.20062; Huang et al. (2006), eq. 12; Frazier, Powell & Dayanik (2009), algorithm 1. */
#include "acq/closed.h"

#include <math.h>

#include "acq/acquisition.h"
#include "math/dist.h"
#include "math/func.h"

static const double HALF_LOG_2PI = 0.91893853320467274178;
static const double INV_SQRT_2PI = 0.39894228040143267794;
static const double SQRT_HALF_PI = 1.2533141373155002512;
static const double SQRT_2_OVER_PI = 0.79788456080286535588;
static const double INV_SQRT2 = 0.70710678118654752440;
static const double TAIL = -25.0;

/* S(z) - 1 for z <= TAIL: sum_k (-1)^k (2k+1)!! / z^2k. */
static double tail_series(double z)
{
    static const double c[] = {-3.0,     15.0,       -105.0,     945.0,        -10395.0,
                               135135.0, -2027025.0, 34459425.0, -654729075.0, 13749310575.0};
    double w = 1.0 / (z * z), s = 0.0;
    for (size_t i = sizeof c / sizeof c[0]; i-- > 0;)
        s = (s + c[i]) * w;
    return s;
}

/* Mills' ratio Phi(z) / phi(z), z <= 0. */
static double mills(double z)
{
    return SQRT_HALF_PI * hpo_erfcx(-z * INV_SQRT2);
}

double hpo_acq__log_h(double z, double *phi_over_h, double *cdf_over_h)
{
    if (z > -1.0) {
        double phi = INV_SQRT_2PI * hpo_exp(-0.5 * z * z), cdf = hpo_normal_cdf(z), h = phi + z * cdf;
        *phi_over_h = phi / h;
        *cdf_over_h = cdf / h;
        return hpo_log(h);
    }
    double m = mills(z), left, log_left; /* left: h / phi = 1 + z m */
    if (z > TAIL) {
        left = 1.0 + z * m;
        log_left = hpo_log(left);
    } else {
        double s = tail_series(z);
        left = (1.0 + s) / (z * z);
        log_left = hpo_log1p(s) - 2.0 * hpo_log(-z);
    }
    *phi_over_h = 1.0 / left;
    *cdf_over_h = m / left;
    return -0.5 * z * z - HALF_LOG_2PI + log_left;
}

double hpo_acq_log_h(double z)
{
    double p, c;
    return hpo_acq__log_h(z, &p, &c);
}

double hpo_acq__hazard(double z)
{
    if (z < 0.0) return SQRT_2_OVER_PI / hpo_erfcx(-z * INV_SQRT2);
    return INV_SQRT_2PI * hpo_exp(-0.5 * z * z) / hpo_normal_cdf(z);
}

static void put(double *to, double value)
{
    if (to != NULL) *to = value;
}

double hpo_acq_log_ei(double mean, double sd, double best, double *d_mean, double *d_sd)
{
    if (!(sd > 0.0)) { /* nothing is unknown */
        put(d_mean, best > mean ? -1.0 / (best - mean) : 0.0);
        put(d_sd, 0.0);
        return best > mean ? hpo_log(best - mean) : -HUGE_VAL;
    }
    double p, c, log_h = hpo_acq__log_h((best - mean) / sd, &p, &c);
    put(d_mean, -c / sd);
    put(d_sd, p / sd);
    return log_h + hpo_log(sd);
}

double hpo_acq_log_pi(double mean, double sd, double best, double *d_mean, double *d_sd)
{
    if (!(sd > 0.0)) {
        put(d_mean, 0.0);
        put(d_sd, 0.0);
        return best > mean ? 0.0 : -HUGE_VAL;
    }
    double z = (best - mean) / sd, r = hpo_acq__hazard(z);
    put(d_mean, -r / sd);
    put(d_sd, -z * r / sd);
    return hpo_normal_logcdf(z);
}

double hpo_acq_lcb(double mean, double sd, double beta, double *d_mean, double *d_sd)
{
    put(d_mean, -1.0);
    put(d_sd, beta);
    return beta * sd - mean;
}

/* ---- entropy ---------------------------------------------------------------------------------------- */

/* ln t(g) and d ln t / d g. */
static double log_entropy(double g, double *slope)
{
    if (g < 0.0) {
        double e = hpo_erfcx(-g * INV_SQRT2), m = SQRT_HALF_PI * e, l = 1.0 / m, t, d;
        if (g > TAIL) {
            double bracket = g * (g + l);
            t = 0.5 * bracket - hpo_log(0.5 * e);
            d = -0.5 * l * (1.0 + bracket);
        } else { /* 1 + g (g + l) = (S (1 + 1/g^2) - 1) / (g m) */
            double s = tail_series(g), w = 1.0 / (g * g);
            t = (1.0 + s) / (2.0 * g * m) - hpo_log(0.5 * e);
            d = -0.5 * l * (s + w + s * w) / (g * m);
        }
        *slope = d / t;
        return hpo_log(t);
    }
    /* 1 - Phi = Q = phi m(-g); -ln(1 - Q) / phi */
    double m = mills(-g), phi = INV_SQRT_2PI * hpo_exp(-0.5 * g * g), q = phi * m, cdf = 1.0 - q;
    double minus_log = q > 1e-8 ? -hpo_log1p(-q) / phi : m * (1.0 + 0.5 * q);
    double left = 0.5 * g / cdf + minus_log, l = phi / cdf;
    *slope = -(1.0 + g * (g + l)) / (2.0 * cdf * left);
    return -0.5 * g * g - HALF_LOG_2PI + hpo_log(left);
}

double hpo_acq_log_mes(double mean, double sd, const double *minima, size_t n, double *d_mean, double *d_sd)
{
    double top = -HUGE_VAL, sum = 0.0, dm = 0.0, ds = 0.0;
    for (size_t i = 0; i < n; i++) { /* a running log-sum-exp: sums are relative to `top` */
        double g = (mean - minima[i]) / sd, slope, t = log_entropy(g, &slope);
        if (t > top) {
            double shrink = hpo_exp(top - t);
            sum *= shrink;
            dm *= shrink;
            ds *= shrink;
            top = t;
        }
        double w = hpo_exp(t - top);
        sum += w;
        dm += w * slope / sd;
        ds -= w * slope * g / sd;
    }
    put(d_mean, dm / sum);
    put(d_sd, ds / sum);
    return top + hpo_log(sum / (double)n);
}

double hpo_acq_mes(double mean, double sd, const double *minima, size_t n, double *d_mean, double *d_sd)
{
    double value = hpo_exp(hpo_acq_log_mes(mean, sd, minima, n, d_mean, d_sd));
    if (d_mean != NULL) *d_mean *= value;
    if (d_sd != NULL) *d_sd *= value;
    return value;
}

/* ---- Gittins index ------------------------------------------------------------------------------------ */

/* z with ln h(z) = t. */
static double invert_log_h(double t)
{
    /* h(z) is z for z >> 0 and phi(z) / z^2 for z << 0 */
    double z = t > 1.0 ? hpo_exp(t) : t > -2.0 ? t + 0.5 : -sqrt(-2.0 * (t + 1.0));
    for (int i = 0; i < 64; i++) {
        double p, c, f = hpo_acq__log_h(z, &p, &c) - t, step = f / c;
        double next = z - step;
        if (next == z || !isfinite(next)) break;
        z = next;
        if (fabs(f) <= 2e-16 * fmax(1.0, fabs(t))) break;
    }
    return z;
}

double hpo_acq_pbgi(double mean, double sd, double lambda_cost, double *d_mean, double *d_sd)
{
    double z = invert_log_h(hpo_log(lambda_cost) - hpo_log(sd));
    put(d_mean, -1.0);
    put(d_sd, hpo_acq__hazard(z));
    return -(mean + sd * z);
}

double hpo_acq_log_augment(double sd, double noise_sd, double *d_sd)
{
    if (!(noise_sd > 0.0)) {
        put(d_sd, 0.0);
        return 0.0;
    }
    /* 1 - sigma / R = s^2 / (R (R + sigma)) */
    double r = sqrt(sd * sd + noise_sd * noise_sd);
    put(d_sd, 2.0 / sd - sd / (r * r) - sd / (r * (r + noise_sd)));
    return 2.0 * hpo_log(sd) - hpo_log(r) - hpo_log(r + noise_sd);
}

/* ---- knowledge gradient ---------------------------------------------------------------------------------
 */

/* Heap sort of line indices (kept as doubles) by slope, then height, then index. */
static int line_before(const double *a, const double *b, double i, double j)
{
    size_t p = (size_t)i, q = (size_t)j;
    if (b[p] != b[q]) return b[p] < b[q];
    if (a[p] != a[q]) return a[p] < a[q];
    return p < q;
}

static void sift(const double *a, const double *b, double *order, size_t root, size_t n)
{
    for (;;) {
        size_t child = 2 * root + 1;
        if (child >= n) return;
        if (child + 1 < n && line_before(a, b, order[child], order[child + 1])) child++;
        if (!line_before(a, b, order[root], order[child])) return;
        double t = order[root];
        order[root] = order[child];
        order[child] = t;
        root = child;
    }
}

static void sort_lines(const double *a, const double *b, double *order, size_t m)
{
    for (size_t i = m / 2; i-- > 0;)
        sift(a, b, order, i, m);
    for (size_t n = m; n-- > 1;) {
        double t = order[0];
        order[0] = order[n];
        order[n] = t;
        sift(a, b, order, 0, n);
    }
}

/* The envelope: order[0..k-1] lines by slope, cross[i] where line i is overtaken by line i + 1. */
static size_t envelope(const double *a, const double *b, size_t m, double *order, double *cross)
{
    for (size_t i = 0; i < m; i++)
        order[i] = (double)i;
    sort_lines(a, b, order, m);
    size_t k = 0;
    for (size_t i = 0; i < m; i++) {
        size_t line = (size_t)order[i];
        if (isnan(a[line]) || isnan(b[line])) continue;
        if (k > 0 && b[(size_t)order[k - 1]] == b[line]) k--; /* parallel: the higher comes later */
        double c = 0.0;
        while (k > 0) {
            size_t top = (size_t)order[k - 1];
            c = (a[top] - a[line]) / (b[line] - b[top]);
            if (k == 1 || c > cross[k - 2]) break;
            k--;
        }
        if (k > 0) cross[k - 1] = c;
        order[k++] = (double)line;
    }
    return k;
}

double hpo_acq_log_knowledge(const double *a, const double *b, size_t m, double *d_a, double *d_b,
                             double *work)
{
    double *order = work, *cross = work + m, *term = work + 2 * m, *ratio = work + 3 * m;
    size_t k = envelope(a, b, m, order, cross);
    for (size_t i = 0; i < m && d_a != NULL; i++)
        d_a[i] = d_b[i] = 0.0;
    if (k < 2) return -HUGE_VAL; /* one line is on top everywhere: nothing to learn */
    double top = -HUGE_VAL, sum = 0.0;
    for (size_t i = 0; i + 1 < k; i++) {
        double p, gap = b[(size_t)order[i + 1]] - b[(size_t)order[i]];
        term[i] = hpo_acq__log_h(-fabs(cross[i]), &p, &ratio[i]) + hpo_log(gap);
        if (term[i] > top) top = term[i];
    }
    for (size_t i = 0; i + 1 < k; i++)
        sum += hpo_exp(term[i] - top);
    for (size_t i = 0; i + 1 < k && d_a != NULL && top > -HUGE_VAL; i++) {
        size_t lo = (size_t)order[i], hi = (size_t)order[i + 1];
        double gap = b[hi] - b[lo], w = hpo_exp(term[i] - top) / sum / gap;
        double by_a = cross[i] > 0.0 ? w * ratio[i] : -w * ratio[i]; /* sign(c) Phi(-|c|) */
        double by_gap = w * (1.0 + fabs(cross[i]) * ratio[i]);       /* phi(c) = h + |c| Phi(-|c|) */
        d_a[hi] += by_a;
        d_a[lo] -= by_a;
        d_b[hi] += by_gap;
        d_b[lo] -= by_gap;
    }
    return top > -HUGE_VAL ? top + hpo_log(sum) : top;
}

double hpo_acq_knowledge(const double *a, const double *b, size_t m, double *work)
{
    return hpo_exp(hpo_acq_log_knowledge(a, b, m, NULL, NULL, work));
}
