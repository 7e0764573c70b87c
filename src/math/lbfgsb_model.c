/* SPDX-License-Identifier: Apache-2.0 */
/* math/lbfgsb_model.c - the quadratic model of L-BFGS-B and its minimiser in a box.
 *
 * Compact representation (Byrd, Nocedal & Schnabel 1994):
 *
 *     B = theta I - W M W^T,  W = [Y  theta S],  M^-1 = [ -D   L^T        ]   D = diag(s_i . y_i)
 *                                                       [  L   theta S^T S ]   L_ij = s_i . y_j, i > j
 *
 * Generalised Cauchy point (Byrd, Lu, Nocedal & Zhu 1995, algorithm CP): the first local minimiser of the
 * model along the path that steepest descent takes when it is bent by the bounds.  Slope f' and curvature f''
 * are carried from break to break by
 *
 *     f'  += dt f'' + g_b^2 + theta g_b z_b - g_b w_b . M c,   f'' -= theta g_b^2 + 2 g_b w_b . M p + g_b^2
 * w_b . M w_b
 *
 * Subspace step (the same paper, section 5.1, direct primal method): with r the gradient of the model at the
 * Cauchy point restricted to the free variables F,
 *
 *     d_F = -(r + W_F v / theta) / theta,   (M^-1 - W_F^T W_F / theta) v = W_F^T r
 *
 * which is the paper's (I - M N) v = M W_F^T r times M^-1: symmetric.  The step is projected into the box;
 * when that loses descent it is shortened instead (Morales & Nocedal 2011, ACM TOMS 38(1), section 2). */
#include "math/lbfgsb_model.h"

#include <math.h>
#include <string.h>

#include "math/linalg.h"

/* ---- small dense systems ---------------------------------------------------------------------- */

/* P A = L U in place, partial pivoting by rows; 0 when singular to working precision. */
static int lu_factor(double *a, size_t n, uint8_t *pivot)
{
    double largest = 0.0;
    for (size_t i = 0; i < n * n; i++)
        largest = fmax(largest, fabs(a[i]));
    for (size_t k = 0; k < n; k++) {
        size_t best = k;
        for (size_t i = k + 1; i < n; i++)
            if (fabs(a[i * n + k]) > fabs(a[best * n + k])) best = i;
        pivot[k] = (uint8_t)best;
        for (size_t j = 0; j < n && best != k; j++) {
            double t = a[k * n + j];
            a[k * n + j] = a[best * n + j];
            a[best * n + j] = t;
        }
        double d = a[k * n + k];
        if (!(fabs(d) > 0x1p-1000 * largest) || !isfinite(d)) return 0;
        for (size_t i = k + 1; i < n; i++) {
            double f = a[i * n + k] / d;
            a[i * n + k] = f;
            for (size_t j = k + 1; j < n; j++)
                a[i * n + j] -= f * a[k * n + j];
        }
    }
    return 1;
}

static void lu_solve(const double *a, size_t n, const uint8_t *pivot, double *b)
{
    for (size_t k = 0; k < n; k++) {
        double t = b[pivot[k]];
        b[pivot[k]] = b[k];
        b[k] = t;
    }
    for (size_t i = 1; i < n; i++)
        for (size_t j = 0; j < i; j++)
            b[i] -= a[i * n + j] * b[j];
    for (size_t i = n; i-- > 0;) {
        for (size_t j = i + 1; j < n; j++)
            b[i] -= a[i * n + j] * b[j];
        b[i] /= a[i * n + i];
    }
}

/* ---- the model -------------------------------------------------------------------------------- */

size_t lbfgsb_model_work(size_t n, size_t memory)
{
    return 2 * memory * n + 10 * memory * memory + 12 * memory + 3 * n;
}

void lbfgsb_model_init(lbfgsb_model *m, size_t n, size_t memory, double *work)
{
    m->n = n;
    m->memory = memory;
    m->s = work;
    m->y = m->s + memory * n;
    m->ss = m->y + memory * n;
    m->sy = m->ss + memory * memory;
    m->middle = m->sy + memory * memory;
    m->small = m->middle + 4 * memory * memory;
    m->p = m->small + 4 * memory * memory;
    m->c = m->p + 2 * memory;
    m->w = m->c + 2 * memory;
    m->mc = m->w + 2 * memory;
    m->mp = m->mc + 2 * memory;
    m->mw = m->mp + 2 * memory;
    m->breaks = m->mw + 2 * memory;
    m->order = m->breaks + n;
    m->r = m->order + n;
    lbfgsb_model_reset(m);
}

void lbfgsb_model_reset(lbfgsb_model *m)
{
    m->pairs = 0;
    m->theta = 1.0;
}

static void forget_oldest(lbfgsb_model *m)
{
    size_t n = m->n, k = m->memory;
    m->pairs--;
    memmove(m->s, m->s + n, m->pairs * n * sizeof *m->s);
    memmove(m->y, m->y + n, m->pairs * n * sizeof *m->y);
    for (size_t i = 0; i < m->pairs; i++) {
        memmove(m->ss + i * k, m->ss + (i + 1) * k + 1, m->pairs * sizeof *m->ss);
        memmove(m->sy + i * k, m->sy + (i + 1) * k + 1, m->pairs * sizeof *m->sy);
    }
}

void lbfgsb_model_update(lbfgsb_model *m, const double *s, const double *y)
{
    size_t n = m->n, k = m->memory;
    double sy = hpo_dot(s, y, n), yy = hpo_dot(y, y, n), theta = yy / sy;
    if (!(sy > 0x1p-52 * yy) || !isfinite(theta) || theta < 0x1p-500) return;
    if (m->pairs == k) forget_oldest(m);
    size_t last = m->pairs++;
    memcpy(m->s + last * n, s, n * sizeof *s);
    memcpy(m->y + last * n, y, n * sizeof *y);
    for (size_t i = 0; i <= last; i++) {
        double t = hpo_dot(m->s + i * n, s, n);
        m->ss[i * k + last] = t;
        m->ss[last * k + i] = t;
        m->sy[i * k + last] = hpo_dot(m->s + i * n, y, n);
        m->sy[last * k + i] = hpo_dot(s, m->y + i * n, n);
    }
    m->theta = theta;
}

/* M^-1 into `to`. */
static void middle_matrix(const lbfgsb_model *m, double *to)
{
    size_t q = m->pairs, k = m->memory;
    memset(to, 0, 4 * q * q * sizeof *to);
    for (size_t i = 0; i < q; i++) {
        to[i * 2 * q + i] = -m->sy[i * k + i];
        for (size_t j = 0; j < q; j++) {
            to[(q + i) * 2 * q + q + j] = m->theta * m->ss[i * k + j];
            if (i <= j) continue;
            to[(q + i) * 2 * q + j] = m->sy[i * k + j];
            to[j * 2 * q + q + i] = m->sy[i * k + j];
        }
    }
}

/* Row `i` of W. */
static void w_row(const lbfgsb_model *m, size_t i, double *w)
{
    for (size_t j = 0; j < m->pairs; j++) {
        w[j] = m->y[j * m->n + i];
        w[m->pairs + j] = m->theta * m->s[j * m->n + i];
    }
}

static double small_dot(const double *a, const double *b, size_t n)
{
    double s = 0.0;
    for (size_t i = 0; i < n; i++)
        s += a[i] * b[i];
    return s;
}

static void apply_middle(const lbfgsb_model *m, const double *v, double *out)
{
    memcpy(out, v, 2 * m->pairs * sizeof *out);
    lu_solve(m->middle, 2 * m->pairs, m->pivot, out);
}

/* ---- generalised Cauchy point ------------------------------------------------------------------ */

/* Restores the heap (smallest break first; equal ones by index) below place i of n. */
static void sift(double *order, const double *breaks, size_t i, size_t n)
{
    for (;;) {
        size_t best = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < n; child++) {
            size_t a = (size_t)order[child], b = (size_t)order[best];
            if (breaks[a] < breaks[b] || (breaks[a] == breaks[b] && a < b)) best = child;
        }
        if (best == i) return;
        double t = order[i];
        order[i] = order[best];
        order[best] = t;
        i = best;
    }
}

/* Where the path of each variable meets its bound; those that move before are put into the heap.  Returns
 * their number. */
static size_t find_breaks(lbfgsb_model *m, const double *x, const double *g, const double *lower,
                          const double *upper)
{
    size_t count = 0;
    for (size_t i = 0; i < m->n; i++) {
        double t = HUGE_VAL;
        if (g[i] < 0) t = (x[i] - upper[i]) / g[i];
        if (g[i] > 0) t = (x[i] - lower[i]) / g[i];
        m->breaks[i] = t > 0 && g[i] != 0 ? t : 0.0;
        if (m->breaks[i] > 0) m->order[count++] = (double)i;
    }
    for (size_t i = count / 2; i-- > 0;)
        sift(m->order, m->breaks, i, count);
    return count;
}

/* The Cauchy point in `to`, W^T (to - x) in m->c. */
static void cauchy_point(lbfgsb_model *m, const double *x, const double *g, const double *lower,
                         const double *upper, double *to)
{
    size_t q = 2 * m->pairs, left = find_breaks(m, x, g, lower, upper);
    double slope = 0.0, time = 0.0;
    memcpy(to, x, m->n * sizeof *to);
    for (size_t j = 0; j < q; j++) {
        m->p[j] = 0.0;
        m->c[j] = 0.0;
    }
    for (size_t i = 0; i < m->n; i++) {
        if (!(m->breaks[i] > 0)) continue;
        slope -= g[i] * g[i];
        w_row(m, i, m->w);
        for (size_t j = 0; j < q; j++)
            m->p[j] -= m->w[j] * g[i];
    }
    apply_middle(m, m->p, m->mp);
    double curvature = -m->theta * slope - small_dot(m->p, m->mp, q), least = 0x1p-52 * -m->theta * slope;
    double step = -slope / fmax(curvature, least);
    while (left > 0) {
        size_t b = (size_t)m->order[0];
        double dt = m->breaks[b] - time;
        if (!(step >= dt)) break;
        m->order[0] = m->order[--left];
        sift(m->order, m->breaks, 0, left);
        time = m->breaks[b];
        to[b] = g[b] > 0 ? lower[b] : upper[b];
        if (left == 0) {
            for (size_t j = 0; j < q; j++)
                m->c[j] += dt * m->p[j];
            return;
        }
        double z = to[b] - x[b], gb = g[b];
        for (size_t j = 0; j < q; j++)
            m->c[j] += dt * m->p[j];
        w_row(m, b, m->w);
        apply_middle(m, m->w, m->mw);
        slope += dt * curvature + gb * gb + m->theta * gb * z - gb * small_dot(m->mw, m->c, q);
        curvature -=
            m->theta * gb * gb + 2.0 * gb * small_dot(m->mw, m->p, q) + gb * gb * small_dot(m->w, m->mw, q);
        curvature = fmax(curvature, least);
        for (size_t j = 0; j < q; j++)
            m->p[j] += gb * m->w[j];
        step = -slope / curvature;
    }
    step = fmax(step, 0.0);
    time += step;
    for (size_t i = 0; i < left; i++) {
        size_t k = (size_t)m->order[i];
        to[k] = fmin(fmax(x[k] - time * g[k], lower[k]), upper[k]);
    }
    for (size_t j = 0; j < q; j++)
        m->c[j] += step * m->p[j];
}

/* ---- subspace ---------------------------------------------------------------------------------- */

/* The model's change from x to x + d: g.d + d.B d / 2. */
static double model_change(lbfgsb_model *m, const double *g, const double *d)
{
    size_t q = m->pairs, n = m->n;
    for (size_t j = 0; j < q; j++) {
        m->w[j] = hpo_dot(m->y + j * n, d, n);
        m->w[q + j] = m->theta * hpo_dot(m->s + j * n, d, n);
    }
    apply_middle(m, m->w, m->mw);
    return hpo_dot(g, d, n) + 0.5 * (m->theta * hpo_dot(d, d, n) - small_dot(m->w, m->mw, 2 * q));
}

/* From the Cauchy point `at` by r (all variables; 0 where not free), projected into the box; where that is
 * worse for the model than the Cauchy point, in a straight line as far as the box allows, which is never
 * worse. */
static void apply_step(lbfgsb_model *m, const double *x, const double *g, const double *lower,
                       const double *upper, double *at)
{
    double *d = m->breaks; /* free by now */
    double slope = 0.0, longest = 1.0;
    for (size_t i = 0; i < m->n; i++)
        d[i] = at[i] - x[i];
    double cauchy = model_change(m, g, d);
    for (size_t i = 0; i < m->n; i++) {
        d[i] = fmin(fmax(at[i] + m->r[i], lower[i]), upper[i]) - x[i];
        slope += d[i] * g[i];
    }
    if (!(slope < 0 && model_change(m, g, d) <= cauchy)) {
        for (size_t i = 0; i < m->n; i++) {
            double t = m->r[i], room = t > 0 ? upper[i] - at[i] : lower[i] - at[i];
            if (t != 0 && room / t < longest) longest = room / t;
        }
    }
    for (size_t i = 0; i < m->n; i++)
        at[i] = fmin(fmax(at[i] + longest * m->r[i], lower[i]), upper[i]);
}

static void subspace_step(lbfgsb_model *m, const double *x, const double *g, const double *lower,
                          const double *upper, double *at)
{
    size_t q = 2 * m->pairs, n_free = 0;
    double *v = m->mp, inverse = 1.0 / m->theta;
    uint8_t pivot[2 * LBFGSB_MEMORY_MAX];
    apply_middle(m, m->c, m->mc);
    middle_matrix(m, m->small);
    memset(v, 0, q * sizeof *v);
    for (size_t i = 0; i < m->n; i++) {
        m->r[i] = 0.0;
        if (!(at[i] > lower[i] && at[i] < upper[i])) continue;
        n_free++;
        w_row(m, i, m->w);
        m->r[i] = g[i] + m->theta * (at[i] - x[i]) - small_dot(m->w, m->mc, q);
        for (size_t j = 0; j < q; j++) {
            double f = m->w[j] * inverse;
            v[j] += m->w[j] * m->r[i];
            for (size_t k = 0; k < q; k++)
                m->small[j * q + k] -= f * m->w[k];
        }
    }
    if (n_free == 0 || !lu_factor(m->small, q, pivot)) return; /* the Cauchy point is a valid answer */
    lu_solve(m->small, q, pivot, v);
    for (size_t i = 0; i < m->n; i++) {
        if (!(at[i] > lower[i] && at[i] < upper[i])) continue;
        w_row(m, i, m->w);
        m->r[i] = -inverse * (m->r[i] + inverse * small_dot(m->w, v, q));
        if (!isfinite(m->r[i])) return;
    }
    apply_step(m, x, g, lower, upper, at);
}

int lbfgsb_model_minimise(lbfgsb_model *m, const double *x, const double *g, const double *lower,
                          const double *upper, double *target)
{
    if (m->pairs > 0) {
        middle_matrix(m, m->middle);
        if (!lu_factor(m->middle, 2 * m->pairs, m->pivot)) return 0;
    }
    cauchy_point(m, x, g, lower, upper, target);
    if (m->pairs > 0) subspace_step(m, x, g, lower, upper, target);
    for (size_t i = 0; i < m->n; i++)
        if (!isfinite(target[i])) return 0;
    return 1;
}
