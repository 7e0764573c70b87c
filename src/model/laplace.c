/* SPDX-License-Identifier: Apache-2.0 */
/* model/laplace.c - Laplace approximation for the probit likelihood.
 *
 * Newton's method in the form that never inverts K (algorithm 3.1): with B = I + W^1/2 K W^1/2, whose
 * eigenvalues are at least 1,
 *
 *     b = W h + grad,  a = b - W^1/2 B^-1 W^1/2 K b,  h = K a,
 *
 * and steps halved while psi = sum log Phi - a'h / 2 falls.  psi is strictly concave: the mode is unique.
 *
 * For z = y f and the hazard r = phi(z) / Phi(z):  d log Phi = r,  d^2 = -r (z + r) = -W,
 * d^3 = r ((z + r)(z + 2 r) - 1). */
#include "model/laplace.h"
#include "math/dist.h"
#include "math/func.h"
#include "math/linalg.h"
#include <math.h>
#include <string.h>

enum { MAX_NEWTON = 50, MAX_HALVINGS = 30 };

static const double TOLERANCE = 1e-12;
static const double SQRT_2_OVER_PI = 0x1.9884533d43651p-1;
static const double SQRT_HALF = 0x1.6a09e667f3bcdp-1;

double hpo_probit_hazard(double z)
{
    /* Phi(z) = phi(z) sqrt(pi / 2) erfcx(-z / sqrt 2): no cancellation in the left tail */
    if (z < 0) return SQRT_2_OVER_PI / hpo_erfcx(-z * SQRT_HALF);
    return hpo_exp(hpo_normal_logpdf(z)) / hpo_normal_cdf(z);
}

/* r (z + r) in (0, 1). */
static double curvature(double z, double r)
{
    double w = r * (z + r);
    return w > 0 ? (w < 1 ? w : 1) : 0;
}

static double log_likelihood(const hpo_laplace *p, const double *h)
{
    double sum = 0;
    for (size_t i = 0; i < p->n; i++)
        sum += hpo_normal_logcdf(p->y[i] * (p->mean + h[i]));
    return sum;
}

static int factorise(hpo_laplace *p)
{
    size_t n = p->n;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++)
            p->l[i * n + j] = p->root_w[i] * p->k[i * n + j] * p->root_w[j];
        p->l[i * n + i] += 1;
    }
    return hpo_cholesky(p->l, n, n) != 0;
}

/* x = W^1/2 B^-1 W^1/2 x */
static void weigh(const hpo_laplace *p, double *x)
{
    for (size_t i = 0; i < p->n; i++)
        x[i] *= p->root_w[i];
    hpo_cholesky_solve(p->l, p->n, p->n, x);
    for (size_t i = 0; i < p->n; i++)
        x[i] *= p->root_w[i];
}

/* Curvatures and the right-hand side b at the present h. */
static int linearise(hpo_laplace *p, double *b)
{
    for (size_t i = 0; i < p->n; i++) {
        double z = p->y[i] * (p->mean + p->h[i]), r = hpo_probit_hazard(z), w = curvature(z, r);
        p->root_w[i] = sqrt(w);
        b[i] = w * p->h[i] + p->y[i] * r;
    }
    return factorise(p);
}

int hpo_laplace_mode(hpo_laplace *p)
{
    size_t n = p->n;
    double *b = p->work, *kb = b + n, *a_new = kb + n, *h_new = a_new + n;
    memset(p->h, 0, n * sizeof *p->h);
    memset(p->a, 0, n * sizeof *p->a);
    double psi = log_likelihood(p, p->h);
    for (int it = 0; it < MAX_NEWTON; it++) {
        if (linearise(p, b)) return 1;
        hpo_gemv(p->k, n, n, n, b, kb);
        weigh(p, kb);
        for (size_t i = 0; i < n; i++)
            a_new[i] = b[i] - kb[i];
        hpo_gemv(p->k, n, n, n, a_new, h_new);
        double before = psi, value = psi, part = 1;
        for (int half = 0; half < MAX_HALVINGS; half++, part *= 0.5) {
            value = log_likelihood(p, h_new) - 0.5 * hpo_dot(a_new, h_new, n);
            if (value >= before) break;
            for (size_t i = 0; i < n; i++) {
                a_new[i] = 0.5 * (a_new[i] + p->a[i]);
                h_new[i] = 0.5 * (h_new[i] + p->h[i]);
            }
        }
        if (!(value >= before)) break; /* at the mode to rounding */
        memcpy(p->a, a_new, n * sizeof *a_new);
        memcpy(p->h, h_new, n * sizeof *h_new);
        psi = value;
        if (psi - before <= TOLERANCE * (1 + fabs(psi))) break;
    }
    if (linearise(p, b)) return 1;
    p->log_evidence = psi - 0.5 * hpo_cholesky_logdet(p->l, n, n);
    return !isfinite(p->log_evidence);
}

void hpo_laplace_weights(const hpo_laplace *p, double *m, double *inverse)
{
    size_t n = p->n;
    double *s = p->work, *ks = s + n;
    hpo_cholesky_inverse(p->l, n, n, inverse, NULL, n);
    for (size_t i = 0; i < n; i++) {
        double z = p->y[i] * (p->mean + p->h[i]), r = hpo_probit_hazard(z), w = p->root_w[i] * p->root_w[i];
        double third = p->y[i] * r * ((z + r) * (z + 2 * r) - 1);
        /* Posterior variance of h_i: B^-1 = I - W^1/2 S W^1/2.  What it loses where w is tiny, the third
         * derivative, as tiny, takes out again. */
        double variance = w > 1e-200 ? (1 - inverse[i * n + i]) / w : 0;
        s[i] = 0.5 * variance * third;
    }
    hpo_gemv(p->k, n, n, n, s, ks);
    weigh(p, ks);
    for (size_t i = 0; i < n; i++)
        s[i] -= ks[i];
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            m[i * n + j] = 0.5 * (p->a[i] * p->a[j] - p->root_w[i] * inverse[i * n + j] * p->root_w[j] +
                                  s[i] * p->a[j] + p->a[i] * s[j]);
}
