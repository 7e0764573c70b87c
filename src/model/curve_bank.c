/* SPDX-License-Identifier: Apache-2.0 */
/* model/curve_bank.c - curve-bank freeze-thaw: importance weights over B shapes drawn once, everything else
 * in closed form.
 *
 * Shapes g_b, b < B, come from curve_shape.c at scrambled Sobol' points.  A curve is
 *
 *     y(t) = phi_b(t)' beta + r(t),  phi_b = (1 - g_b, g_b),  beta = (A, S): asymptote and start,
 *
 * with residuals r of standard deviation s_k, k < K, either independent or, as real curves wander, an
 * Ornstein-Uhlenbeck process in ln t: corr(r(t), r(t')) = exp(-|ln t / t'| / L_c), c = b mod 3, L = 0, 2, 10.
 * The last of these makes "it stays where it is" one of the hypotheses.
 *
 * Prior of beta: a product of experts on A, on S and on the final value E = y(1) = h' beta, h = phi_b(1):
 *     Lambda_0 = diag(1/s_A^2, 1/s_S^2) + h h' / s_E^2.
 * That process is Markov, so reports are whitened one at a time: with rho = exp(-ln(t_i / t_{i-1}) / L) and
 * v = 1 - rho^2, x~ = (x_i - rho x_{i-1}) / sqrt v for x = y and phi.  The sums S = sum phi~ phi~',
 * R = sum phi~ y~, Y = sum y~^2 per shape are all there is to keep, O(B) a report, whatever s_k and the prior
 * are.  Weights (Rao-Blackwellised importance sampling; constant 2 pi left out), w = lambda / s_k^2:
 *
 *     Lambda = Lambda_0 + w S,  eta = eta_0 + w R,  Q = eta' Lambda^-1 eta
 *     ln weight_bk = ln p_k - lambda (n ln s_k + 1/2 sum ln v) - 1/2 ln(|Lambda| / |Lambda_0|)
 *                    - 1/2 (w Y + Q_0 - Q)
 *
 * lambda <= 1 is the power of the likelihood.  No bank holds the true curve, and a shape that fits the
 * reports to the last digit says little about what comes; with lambda = 1, 90 % intervals held 74 % of the
 * final values of real curves.  So reports count as if there were at most 1 + ln(t_n / t_1) / 0.5 of them:
 * two for each e-fold of time, however densely a program reports (power posteriors: Gruenwald 2012).
 *
 * and the forecast is a mixture of normals, psi = phi(t) - rho phi(t_n), rho over ln(t / t_n):
 *
 *     mean rho y_n + psi' Lambda^-1 eta,  variance psi' Lambda^-1 psi + s_k^2 (1 - rho^2).
 *
 * ln s_k has the masses of N(-5, 1) between the levels' geometric means (the noise of the same prior). */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/dist.h"
#include "math/func.h"
#include "math/qmc.h"
#include "model/curve_bank_internal.h"
#include "model/curve_shape.h"

enum {
    SHAPES = 768,
    TIMES = 161 /* of the table, even in ln t */
};

const double hpo_curve_noise[HPO_CURVE_LEVELS] = {0.004, 0.012, 0.04, 0.13};
static const double LENGTH[HPO_CURVE_CLASSES] = {0, 2, 10};

/* ---- the bank --------------------------------------------------------------------------------------- */

static size_t whole_blocks(size_t n)
{
    return (n + HPO_CURVE_BLOCK - 1) / HPO_CURVE_BLOCK * HPO_CURVE_BLOCK;
}

static void fill_table(hpo_curve_bank *b, const hpo_sobol *s)
{
    double u[HPO_CURVE_SHAPE_DIMS];
    for (size_t i = 0; i < b->n; i++) {
        hpo_curve_shape shape;
        hpo_sobol_point(s, i, u);
        hpo_curve_shape_from(u, &shape);
        for (size_t k = 0; k < TIMES; k++) {
            double t = hpo_exp(hpo_log(HPO_CURVE_FIRST) * (1 - (double)k / (TIMES - 1)));
            b->table[k * b->n + i] = hpo_curve_shape_value(&shape, t);
        }
    }
    for (size_t k = 0; k < HPO_CURVE_LEVELS; k++) {
        double low = k == 0 ? -HUGE_VAL : 0.5 * hpo_log(hpo_curve_noise[k - 1] * hpo_curve_noise[k]);
        double high =
            k + 1 == HPO_CURVE_LEVELS ? HUGE_VAL : 0.5 * hpo_log(hpo_curve_noise[k] * hpo_curve_noise[k + 1]);
        b->log_prior[k] = hpo_log((hpo_normal_cdf(high + 5) - hpo_normal_cdf(low + 5)) / (double)b->n);
    }
}

hpo_status hpo_curve_bank_create(size_t n_shapes, uint64_t seed, hpo_curve_bank **out, hpo_error *err)
{
    hpo_sobol *sobol = NULL;
    *out = NULL;
    if (n_shapes > 65536)
        return hpo_fail(err, HPO_EINVAL, "n_shapes must be at most 65536, not %zu", n_shapes);
    hpo_curve_bank *b = hpo_calloc(1, sizeof *b);
    if (b == NULL) return hpo_fail_memory(err);
    b->n = whole_blocks(n_shapes == 0 ? SHAPES : n_shapes);
    b->table = hpo_alloc_array(TIMES * b->n, sizeof *b->table);
    hpo_status s = b->table == NULL
                       ? hpo_fail_memory(err)
                       : hpo_sobol_create(HPO_CURVE_SHAPE_DIMS, HPO_SCRAMBLE_OWEN, seed, &sobol, err);
    if (s != HPO_OK) {
        hpo_curve_bank_free(b);
        return s;
    }
    b->last = b->table + (TIMES - 1) * b->n;
    fill_table(b, sobol);
    hpo_sobol_free(sobol);
    *out = b;
    return HPO_OK;
}

void hpo_curve_bank_free(hpo_curve_bank *b)
{
    if (b == NULL) return;
    hpo_free(b->table);
    hpo_free(b);
}

size_t hpo_curve_bank_n_shapes(const hpo_curve_bank *b)
{
    return b->n;
}

double hpo_curve_bank_first(void)
{
    return HPO_CURVE_FIRST;
}

/* Place of t in the table: row and how far to the next. */
static size_t locate(double t, double *part)
{
    double x = t > HPO_CURVE_FIRST ? (1 - hpo_log(t) / hpo_log(HPO_CURVE_FIRST)) * (TIMES - 1) : 0;
    size_t row = x < TIMES - 2 ? (size_t)x : TIMES - 2;
    *part = fmin(x - (double)row, 1);
    return row;
}

HPO_DISPATCH static void interpolate(const double *a, const double *b, double part, size_t n,
                                     double *restrict out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = a[i] + part * (b[i] - a[i]);
}

void hpo_curve_shapes_at(const hpo_curve_bank *b, double t, double *out)
{
    double part;
    const double *row = b->table + locate(t, &part) * b->n;
    interpolate(row, row + b->n, part, b->n, out);
}

double hpo_curve_bank_shape(const hpo_curve_bank *b, size_t i, double t)
{
    double part;
    const double *at = b->table + locate(t, &part) * b->n + i;
    return at[0] + part * (at[b->n] - at[0]);
}

hpo_curve_prior hpo_curve_prior_default(void)
{
    return (hpo_curve_prior){.end = 0.4, .end_sd = 0.4, .start = 0.9, .start_sd = 0.4};
}

/* ---- one curve -------------------------------------------------------------------------------------- */

hpo_status hpo_curve_create(const hpo_curve_bank *b, hpo_curve **out, hpo_error *err)
{
    hpo_curve *c = *out = hpo_calloc(1, sizeof *c);
    if (c == NULL) return hpo_fail_memory(err);
    c->bank = b;
    c->sums = hpo_calloc((HPO_CURVE_SUMS + 2) * b->n, sizeof *c->sums);
    if (c->sums == NULL) {
        hpo_free(c);
        *out = NULL;
        return hpo_fail_memory(err);
    }
    c->g = c->sums + HPO_CURVE_SUMS * b->n;
    c->g_next = c->g + b->n;
    return HPO_OK;
}

void hpo_curve_free(hpo_curve *c)
{
    if (c == NULL) return;
    hpo_free(c->sums);
    hpo_free(c);
}

void hpo_curve_reset(hpo_curve *c)
{
    memset(c->sums, 0, HPO_CURVE_SUMS * c->bank->n * sizeof *c->sums);
    memset(c->log_v, 0, sizeof c->log_v);
    c->n = 0;
    c->t = c->y = 0;
}

size_t hpo_curve_n(const hpo_curve *c)
{
    return c->n;
}

/* Correlation of residuals at two times, by class. */
double hpo_curve_correlation(size_t kind, double t, double before)
{
    return kind == 0 ? 0 : hpo_exp(-hpo_log(t / before) / LENGTH[kind]);
}

/* One whitened report into the sums; scale, rho: of one block. */
HPO_DISPATCH static void add_report(size_t n, const double *restrict g, const double *restrict before,
                                    const double *rho, const double *scale, double y, double y_before,
                                    double *restrict sums)
{
    double *s11 = sums, *s12 = s11 + n, *s22 = s12 + n, *r1 = s22 + n, *r2 = r1 + n, *yy = r2 + n;
    for (size_t j = 0; j < n; j += HPO_CURVE_BLOCK)
        HPO_KEEP_LOOP for (size_t k = 0; k < HPO_CURVE_BLOCK; k++)
        {
            size_t i = j + k;
            double c = scale[k], p = rho[k];
            double two = c * (g[i] - p * before[i]), one = c * (1 - p) - two, v = c * (y - p * y_before);
            s11[i] += one * one;
            s12[i] += one * two;
            s22[i] += two * two;
            r1[i] += one * v;
            r2[i] += two * v;
            yy[i] += v * v;
        }
}

int hpo_curve_add(hpo_curve *c, double t, double y)
{
    const hpo_curve_bank *b = c->bank;
    double rho[HPO_CURVE_BLOCK] = {0}, scale[HPO_CURVE_BLOCK];
    t = fmin(fmax(t, HPO_CURVE_FIRST), 1);
    if (c->n > 0 && !(t > c->t)) return 0;
    for (size_t i = 0; i < HPO_CURVE_BLOCK; i++) {
        rho[i] = c->n > 0 ? hpo_curve_correlation(i % HPO_CURVE_CLASSES, t, c->t) : 0;
        double v = 1 - rho[i] * rho[i];
        scale[i] = 1 / sqrt(v);
        if (i < HPO_CURVE_CLASSES) c->log_v[i] += hpo_log(v);
    }
    hpo_curve_shapes_at(b, t, c->g_next);
    add_report(b->n, c->g_next, c->g, rho, scale, y, c->y, c->sums);
    double *swap = c->g;
    c->g = c->g_next;
    c->g_next = swap;
    if (c->n == 0) c->first = t;
    c->t = t;
    c->y = y;
    c->n++;
    return 1;
}
