/* SPDX-License-Identifier: Apache-2.0 */
/* model/parzen_kernel.c - bandwidths and kernels of Parzen estimators.
 *
 * Bandwidth of observation i: the larger of the gaps to its two neighbours in the sorted list, times a
 * factor, clipped.  Mass of a normal in an interval: a sum of two error functions when the mean is inside; a
 * difference of the logarithms of the nearer tail's distribution function when it is outside.
 *
 * Mallows' law with q = exp(-theta): the expected number of inverted pairs of n items is
 *     E[d] = n q / (1 - q) - sum_{i=1..n} i q^i / (1 - q^i),   log Z = sum_{i=1..n} log((1 - q^i) / (1 - q));
 * repeated insertion draws it exactly: item i of the reference goes to place j <= i of the i placed so far
 * with probability proportional to q^(i - j). */
#include <math.h>
#include <string.h>

#include "math/dist.h"
#include "math/func.h"
#include "model/parzen.h"

static const double SQRT1_2 = 0x1.6a09e667f3bcdp-1;

/* ---- bandwidths ---- */

double hpo_parzen_narrowest(const hpo_parzen_width *w, double step, size_t n)
{
    double m = (double)n + 2;
    if (w->rule == HPO_PARZEN_OPTUNA5) return 1 / (m < 100 ? m : 100);
    return fmin(fmax(fmax(w->floor, 1 / (m * m)), step / 2), 1);
}

static double clip(double gap, double least)
{
    return gap < least ? least : gap > 1 ? 1 : gap;
}

double hpo_parzen_bandwidth(const hpo_parzen_width *w, double least, double left, double mu, double right)
{
    if (left < 0.5 && 0.5 < mu) left = 0.5;
    if (mu <= 0.5 && 0.5 < right) right = 0.5;
    return clip(w->spread * fmax(mu - left, right - mu), least);
}

void hpo_parzen_bandwidths(const hpo_parzen_width *w, double step, const double *mu, size_t n, double *sigma)
{
    double least = hpo_parzen_narrowest(w, step, n);
    for (size_t i = 0; i < n; i++) {
        double left = i > 0 ? mu[i - 1] : 0, right = i + 1 < n ? mu[i + 1] : 1;
        if (w->rule == HPO_PARZEN_PLUS)
            sigma[i] = hpo_parzen_bandwidth(w, least, left, mu[i], right);
        else if (n > 1 && i == 0)
            sigma[i] = clip(right - mu[i], least);
        else if (n > 1 && i + 1 == n)
            sigma[i] = clip(mu[i] - left, least);
        else
            sigma[i] = clip(fmax(mu[i] - left, right - mu[i]), least);
    }
}

/* ---- normal ---- */

double hpo_parzen_log_mass(double mu, double sigma, double a, double b)
{
    double p = (a - mu) / sigma, q = (b - mu) / sigma;
    if (p > 0) return hpo_log_sub_exp(hpo_normal_logcdf(-p), hpo_normal_logcdf(-q));
    if (q < 0) return hpo_log_sub_exp(hpo_normal_logcdf(q), hpo_normal_logcdf(p));
    return hpo_log(0.5 * (hpo_erf(q * SQRT1_2) + hpo_erf(-p * SQRT1_2)));
}

double hpo_parzen_normal_draw(hpo_rng *rng, double mu, double sigma)
{
    for (int i = 0; i < 4; i++) {
        double v = mu + sigma * hpo_rng_normal(rng);
        if (v >= 0 && v <= 1) return v;
    }
    return hpo_truncnorm_draw(rng, mu, sigma, 0, 1);
}

/* ---- labels ---- */

void hpo_parzen_label(size_t n, size_t k, double *same, double *other)
{
    double m = (double)n + 1, whole = 1 + (double)k / m;
    *same = hpo_log((1 / m + 1) / whole);
    *other = hpo_log(1 / m / whole);
}

/* ---- permutations ---- */

static double inverted(size_t n, double theta)
{
    double q = hpo_exp(-theta), sum = (double)n * q / -hpo_expm1(-theta);
    for (size_t i = 1; i <= n; i++) {
        double x = theta * (double)i;
        if (x > 700) break;
        sum -= (double)i * hpo_exp(-x) / -hpo_expm1(-x);
    }
    return sum;
}

double hpo_parzen_mallows(size_t n, double share, double *log_z)
{
    double all = 0.5 * (double)n * ((double)n - 1), low = 1e-9, high = 64, z = 0;
    *log_z = 0;
    if (n < 2) return 0;
    for (int i = 0; i < 60; i++) {
        double middle = 0.5 * (low + high);
        if (inverted(n, middle) > share * all)
            low = middle;
        else
            high = middle;
    }
    double theta = 0.5 * (low + high), one = hpo_log(-hpo_expm1(-theta));
    for (size_t i = 1; i <= n; i++)
        z += hpo_log(-hpo_expm1(-theta * (double)i)) - one;
    *log_z = z;
    return theta;
}

double hpo_parzen_order_share(size_t n_items, size_t n)
{
    size_t m = n > 0 ? n : 1, low = 1;
    while (m / low >= 8)
        low *= 2;
    m = m / low * low;
    double all = 0.5 * (double)n_items * ((double)n_items - 1);
    double share = 0.5 / sqrt((double)m);
    return fmin(fmax(share, 1 / all), 0.49);
}

void hpo_parzen_order_bits(const hpo_parzen_axis *a, const double *u, uint64_t *bits)
{
    memset(bits, 0, a->words * sizeof *bits);
    for (size_t i = 0; i < a->n_pairs; i++)
        if (u[a->pair[2 * i]] < u[a->pair[2 * i + 1]]) bits[i / 64] |= UINT64_C(1) << (i % 64);
}

static unsigned count_bits(uint64_t x)
{
    x -= (x >> 1) & UINT64_C(0x5555555555555555);
    x = (x & UINT64_C(0x3333333333333333)) + ((x >> 2) & UINT64_C(0x3333333333333333));
    x = (x + (x >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (unsigned)((x * UINT64_C(0x0101010101010101)) >> 56);
}

double hpo_parzen_order_distance(const hpo_parzen_axis *a, const uint64_t *x, const uint64_t *y)
{
    unsigned d = 0;
    for (size_t i = 0; i < a->words; i++)
        d += count_bits(x[i] ^ y[i]);
    double n = a->n_values, all = 0.5 * n * (n - 1);
    return a->n_pairs > 0 ? d * (all / a->n_pairs) : 0;
}

void hpo_parzen_order_draw(const hpo_parzen_axis *a, const double *around, double theta, hpo_rng *rng,
                           uint32_t *work, double *u)
{
    size_t n = a->n_values;
    uint32_t *list = work, *reference = work + n;
    for (uint32_t i = 0; i < n; i++) { /* items by key: insertion, equal keys by number */
        size_t j = i;
        for (; j > 0 && around[reference[j - 1]] > around[i]; j--)
            reference[j] = reference[j - 1];
        reference[j] = i;
    }
    for (size_t i = 0; i < n; i++) {
        /* places back from the end: k with probability proportional to q^k, k = 0..i */
        double v = hpo_rng_uniform(rng);
        size_t k = (size_t)(v * (double)(i + 1));
        if (theta > 1e-8) {
            double whole = -hpo_expm1(-theta * (double)(i + 1));
            k = (size_t)(hpo_log1p(-v * whole) / -theta);
        }
        if (k > i) k = i;
        memmove(list + i - k + 1, list + i - k, k * sizeof *list);
        list[i - k] = reference[i];
    }
    for (size_t i = 0; i < n; i++)
        u[list[i]] = ((double)i + 0.5) / (double)n;
}

/* ---- the prior ---- */

double hpo_parzen_prior_log(const hpo_parzen_axis *a, const double *u)
{
    static const double log_sqrt_2pi = 0x1.d67f1c864beb5p-1, log_mass = -0x1.eb7a27583ce33p-1;
    double z;
    switch (a->kind) {
    case HPO_PARZEN_LABEL:
    case HPO_PARZEN_GRID:
        return a->prior != NULL ? a->prior[hpo_parzen_value(a, u[0])] : a->log_uniform;
    case HPO_PARZEN_ORDER:
        return a->log_uniform;
    case HPO_PARZEN_REAL:
        break;
    }
    if (a->prior != NULL) {
        double i = floor(u[0] * HPO_PARZEN_PRIOR);
        return a->prior[!(i > 0) ? 0 : i >= HPO_PARZEN_PRIOR ? HPO_PARZEN_PRIOR - 1 : (size_t)i];
    }
    z = u[0] - 0.5;
    return -0.5 * z * z - log_sqrt_2pi - log_mass;
}

void hpo_parzen_prior_draw(const hpo_parzen_axis *a, hpo_rng *rng, double *u)
{
    if (a->kind == HPO_PARZEN_ORDER) {
        size_t n = a->n_values;
        for (size_t i = 0; i < n; i++)
            u[i] = ((double)i + 0.5) / (double)n;
        for (size_t i = n; i > 1; i--) {
            size_t j = (size_t)hpo_rng_below(rng, i);
            double t = u[i - 1];
            u[i - 1] = u[j];
            u[j] = t;
        }
        return;
    }
    double v = hpo_rng_uniform(rng);
    if (a->prior_quantile != NULL) {
        double at = floor(v * HPO_PARZEN_PRIOR);
        size_t i = (size_t)at;
        double p = a->prior_quantile[i], q = a->prior_quantile[i + 1];
        v = p + (v * HPO_PARZEN_PRIOR - at) * (q - p);
        if (a->kind == HPO_PARZEN_LABEL) { /* between two labels a straight line would cross all others */
            size_t k = 0;
            double left = hpo_rng_uniform(rng);
            while (k + 1 < a->n_values && (left -= hpo_exp(a->prior[k])) >= 0)
                k++;
            v = hpo_parzen_coordinate(a, (uint32_t)k);
        }
    } else if (a->kind != HPO_PARZEN_LABEL) {
        v = hpo_truncnorm_quantile(v, 0.5, 1, 0, 1);
    }
    u[0] = a->kind == HPO_PARZEN_REAL ? v : hpo_parzen_coordinate(a, hpo_parzen_value(a, v));
}
