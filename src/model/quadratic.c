/* SPDX-License-Identifier: Apache-2.0 */
/* model/quadratic.c - quadratic regression around a centre, in its dual form.
 *
 *     q(s) = c + g.s + s^T H s / 2,   prior  c ~ N(0, t0),  g ~ N(0, t1 I),  H_ij ~ N(0, t2)
 *
 * so that Cov(q(s), q(s')) = k(s, s') = t0 + t1 s.s' + t2 (s.s')^2 / 2, and with residual variance r / w_i at
 * row i
 *
 *     a = (K + r W^-1)^-1 y,   c = t0 sum a_i,   g = t1 sum a_i s_i,   H = t2 sum a_i s_i s_i^T.
 *
 * t0, t1 are large against t2: what the rows do not determine goes into small second derivatives, which is
 * the least Frobenius norm interpolation of Powell (2004) as r -> 0, and works with fewer rows than the
 * (n+1)(n+2)/2 coefficients.  r is the best of a short list by leave-one-out error in closed form, so that
 * noise and values that are not quadratic smooth the model instead of bending it.  O(m^3 + m^2 n) for m rows.
 *
 * Reference: Powell, "Least Frobenius norm updating of quadratic models that satisfy interpolation
 * conditions", Math. Program. 100 (2004); Rasmussen & Williams (2006), 5.4.2. */
#include "model/quadratic.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/linalg.h"

static const double prior_constant = 100, prior_gradient = 100, prior_hessian = 4;
static const double residuals[] = {1e-9, 1e-6, 1e-4, 1e-2, 0.1};

struct hpo_quadratic {
    size_t n, m, m_known, cap;
    double center, scale; /* of y */
    double noise;
    double constant, *gradient, *hessian; /* n, n x n */
    double *s;                            /* m x n */
    double *kernel, *factor, *inverse;    /* m x m each */
    double *a, *y, *k;                    /* m each */
};

hpo_status hpo_quadratic_create(size_t n_dims, hpo_quadratic **out, hpo_error *err)
{
    hpo_quadratic *q = hpo_calloc(1, sizeof *q);
    *out = NULL;
    if (q == NULL) return hpo_fail_memory(err);
    q->n = n_dims;
    q->gradient = hpo_alloc_array(n_dims + 1, sizeof(double));
    q->hessian = hpo_alloc_array((n_dims + 1) * (n_dims + 1), sizeof(double));
    if (q->gradient == NULL || q->hessian == NULL) {
        hpo_quadratic_free(q);
        return hpo_fail_memory(err);
    }
    *out = q;
    return HPO_OK;
}

void hpo_quadratic_free(hpo_quadratic *q)
{
    if (q == NULL) return;
    hpo_free(q->gradient);
    hpo_free(q->hessian);
    hpo_free(q->s);
    hpo_free(q->kernel);
    hpo_free(q->factor);
    hpo_free(q->inverse);
    hpo_free(q->a);
    hpo_free(q->y);
    hpo_free(q->k);
    hpo_free(q);
}

static hpo_status reserve(hpo_quadratic *q, size_t m, hpo_error *err)
{
    if (m <= q->cap) return HPO_OK;
    size_t cap = m + m / 2 + 8;
    struct {
        double **p;
        size_t n;
    } arrays[] = {{&q->s, cap * (q->n + 1)},
                  {&q->kernel, cap * cap},
                  {&q->factor, cap * cap},
                  {&q->inverse, cap * cap},
                  {&q->a, cap},
                  {&q->y, cap},
                  {&q->k, cap}};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
        double *p = hpo_realloc_array(*arrays[i].p, arrays[i].n, sizeof(double));
        if (p == NULL) return hpo_fail_memory(err);
        *arrays[i].p = p;
    }
    q->cap = cap;
    return HPO_OK;
}

static double kernel(const hpo_quadratic *q, const double *s, const double *t)
{
    double dot = hpo_dot(s, t, q->n);
    return prior_constant + prior_gradient * dot + prior_hessian / 2 * dot * dot;
}

/* Factor of K + r W^-1 over the first m rows; 0 when it has none. */
static int factorise(hpo_quadratic *q, const double *w, size_t m, double r)
{
    for (size_t i = 0; i < m; i++) {
        memcpy(q->factor + i * m, q->kernel + i * q->m, (i + 1) * sizeof(double));
        q->factor[i * m + i] += r / w[i];
    }
    return hpo_cholesky(q->factor, m, m) == 0;
}

/* Sum of weighted squared leave-one-out errors with residual variance r; infinite when it cannot be had. */
static double leave_one_out(hpo_quadratic *q, const double *w, size_t m, double r)
{
    if (!factorise(q, w, m, r)) return (double)INFINITY;
    memcpy(q->a, q->y, m * sizeof(double));
    hpo_cholesky_solve(q->factor, m, m, q->a);
    hpo_cholesky_inverse(q->factor, m, m, q->inverse, NULL, m);
    double sum = 0;
    for (size_t i = 0; i < m; i++) {
        double e = q->a[i] / q->inverse[i * m + i];
        sum += w[i] * e * e;
    }
    return isfinite(sum) ? sum : (double)INFINITY;
}

static void collect(hpo_quadratic *q, size_t m)
{
    size_t n = q->n;
    q->constant = 0;
    memset(q->gradient, 0, n * sizeof(double));
    memset(q->hessian, 0, n * n * sizeof(double));
    for (size_t i = 0; i < m; i++) {
        const double *s = q->s + i * n;
        q->constant += prior_constant * q->a[i];
        hpo_axpy(n, prior_gradient * q->a[i], s, q->gradient);
        for (size_t j = 0; j < n; j++)
            hpo_axpy(n, prior_hessian * q->a[i] * s[j], s, q->hessian + j * n);
    }
}

static void standardise(hpo_quadratic *q, const double *y, const double *w, size_t m)
{
    double sum = 0, weight = 0, square = 0;
    for (size_t i = 0; i < m; i++) {
        sum += w[i] * y[i];
        weight += w[i];
    }
    q->center = sum / weight;
    for (size_t i = 0; i < m; i++)
        square += w[i] * (y[i] - q->center) * (y[i] - q->center);
    q->scale = sqrt(square / weight);
    if (!(q->scale > 0) || !isfinite(q->scale)) q->scale = 1;
    for (size_t i = 0; i < m; i++)
        q->y[i] = (y[i] - q->center) / q->scale;
}

hpo_status hpo_quadratic_fit(hpo_quadratic *q, const double *s, const double *y, const double *w,
                             size_t m_known, size_t m, hpo_error *err)
{
    HPO_TRY(reserve(q, m, err));
    q->m = m;
    q->m_known = m_known;
    memcpy(q->s, s, m * q->n * sizeof(double));
    standardise(q, y, w, m_known);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j <= i; j++)
            q->kernel[i * m + j] = kernel(q, s + i * q->n, s + j * q->n);
    double best = (double)INFINITY;
    q->noise = residuals[sizeof residuals / sizeof residuals[0] - 1];
    for (size_t i = 0; i < sizeof residuals / sizeof residuals[0]; i++) {
        double loss = leave_one_out(q, w, m_known, residuals[i]);
        if (!(loss < best)) continue;
        best = loss;
        q->noise = residuals[i];
    }
    if (!factorise(q, w, m_known, q->noise))
        return hpo_fail(err, HPO_EINVAL, "quadratic model: the %zu points have no factorisation", m_known);
    memcpy(q->a, q->y, m_known * sizeof(double));
    hpo_cholesky_solve(q->factor, m_known, m_known, q->a);
    collect(q, m_known);
    if (m > m_known && !factorise(q, w, m, q->noise))
        return hpo_fail(err, HPO_EINVAL, "quadratic model: the %zu points have no factorisation", m);
    return HPO_OK;
}

double hpo_quadratic_value(const hpo_quadratic *q, const double *s, double *gradient)
{
    double value = q->constant;
    for (size_t j = 0; j < q->n; j++) {
        double hs = hpo_dot(q->hessian + j * q->n, s, q->n);
        value += (q->gradient[j] + hs / 2) * s[j];
        if (gradient != NULL) gradient[j] = (q->gradient[j] + hs) * q->scale;
    }
    return q->center + q->scale * value;
}

double hpo_quadratic_variance(hpo_quadratic *q, const double *s)
{
    for (size_t i = 0; i < q->m; i++)
        q->k[i] = kernel(q, q->s + i * q->n, s);
    hpo_solve_lower(q->factor, q->m, q->m, q->k);
    double v = kernel(q, s, s) - hpo_dot(q->k, q->k, q->m);
    return v > 0 ? v : 0;
}

double hpo_quadratic_noise(const hpo_quadratic *q)
{
    return q->noise;
}
