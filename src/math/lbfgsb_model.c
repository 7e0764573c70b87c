/* SPDX-License-Identifier: Apache-2.0 */
/* math/lbfgsb_model.c - the quadratic model of L-BFGS-B and its minimiser in a box.
 *
 * Compact representation (Byrd, Nocedal & Schnabel 1994):
 *
 *     B = theta I - W M W^T,  W = [Y  theta S],  M^-1 = [ -D   L^T        ]   D = diag(s_i . y_i)
 *                                                       [  L   theta S^T S ]   L_ij = s_i . y_j, i > j
 *
 * M is applied by blocks (the same paper, equation 2.26): with J = theta S^T S + L D^-1 L^T,
 *
 *     M (u, v) = (D^-1 (L^T b - u), b),   J b = v + L D^-1 u
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
 * which is the paper's (I - M N) v = M W_F^T r times M^-1: symmetric.  With H the variables held at bounds
 * its matrix is
 *
 *     [ -A  E^T ]   A = D + Y_F^T Y_F / theta,   C = theta S_H^T S_H,
 *     [  E  C   ]   E_ij = (S_H^T Y_H)_ij for i > j, else -(S_F^T Y_F)_ij
 *
 * sums of what is there, nothing subtracted; A and T = C + E A^-1 E^T are positive definite as long as B is,
 * so that two factors of the size of the memory do.  The step is projected into the box; when that
 * loses descent it is shortened instead (Morales & Nocedal 2011, ACM TOMS 38(1), section 2).
 *
 * Everything runs over pairs, in whole vectors: a pair is a lane, a variable a row. */
#include "math/lbfgsb_model.h"

#include <math.h>
#include <string.h>

#include "hpo/export.h"
#include "math/linalg.h"

/* ---- vectors over pairs ------------------------------------------------------------------------ */

/* y += a x; n: a multiple of HPO_LANES. */
HPO_INLINE void add(size_t n, double a, const double *x, double *restrict y)
{
    for (size_t i = 0; i < n; i += HPO_LANES)
        HPO_KEEP_LOOP for (size_t k = 0; k < HPO_LANES; k++) y[i + k] += a * x[i + k];
}

/* n: a multiple of HPO_LANES. */
HPO_INLINE double small_dot(const double *a, const double *b, size_t n)
{
    double s[HPO_LANES] = {0};
    for (size_t i = 0; i < n; i += HPO_LANES)
        HPO_KEEP_LOOP for (size_t k = 0; k < HPO_LANES; k++) s[k] += a[i + k] * b[i + k];
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

HPO_INLINE double larger(double a, double b)
{
    return a > b ? a : b;
}

/* NaN stays. */
HPO_INLINE double clip(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

/* ---- small dense systems ----------------------------------------------------------------------- */

/* The symmetric matrix a = U^T G U, U unit upper triangular, G diagonal: in place, q rows of `lanes`, of
 * which what is right of the diagonal is left and the rest becomes 0; 1 / G apart.  0 when a is not positive
 * definite to working precision. */
HPO_INLINE int factor(size_t q, size_t lanes, double *a, double *inverse)
{
    for (size_t k = 0; k < q; k++) {
        double *row = a + k * lanes, d = row[k];
        if (!(d > 0x1p-1000) || !isfinite(d)) return 0;
        inverse[k] = 1 / d;
        for (size_t i = 0; i < lanes; i++)
            row[i] = i > k ? row[i] * inverse[k] : 0;
        for (size_t i = k + 1; i < q; i++)
            add(lanes, -d * row[i], row, a + i * lanes);
    }
    return 1;
}

/* b = U^-T b. */
HPO_INLINE void solve_first(size_t q, size_t lanes, const double *u, double *b)
{
    for (size_t k = 0; k + 1 < q; k++)
        add(lanes, -b[k], u + k * lanes, b);
}

/* b = U^-1 G^-1 b; the newest of each sum comes last, so that sums overlap. */
HPO_INLINE void solve_second(size_t q, size_t lanes, const double *u, const double *inverse, double *b)
{
    for (size_t k = q; k-- > 0;) {
        double t = b[k] * inverse[k];
        for (size_t i = q; i-- > k + 1;)
            t -= u[k * lanes + i] * b[i];
        b[k] = t;
    }
}

/* ---- the model -------------------------------------------------------------------------------- */

static size_t lanes_of(size_t memory)
{
    return (memory + HPO_LANES - 1) / HPO_LANES * HPO_LANES;
}

size_t lbfgsb_model_work(size_t n, size_t memory)
{
    size_t lanes = lanes_of(memory);
    return 2 * lanes * n + 8 * lanes * lanes + 15 * lanes + 3 * n;
}

void lbfgsb_model_init(lbfgsb_model *m, size_t n, size_t memory, double *work)
{
    size_t lanes = lanes_of(memory), square = lanes * lanes;
    *m = (lbfgsb_model){.n = n, .memory = memory, .lanes = lanes};
    m->ys = work;
    m->ss = m->ys + 2 * lanes * n;
    m->low = m->ss + square;
    m->low_t = m->low + square;
    m->j = m->low_t + square;
    m->a = m->j + square;
    m->x = m->a + square;
    m->t = m->x + square;
    m->h = m->t + square;
    m->d = m->h + square;
    m->inverse_d = m->d + lanes;
    m->inverse_j = m->inverse_d + lanes;
    m->p = m->inverse_j + lanes;
    m->c = m->p + 2 * lanes;
    m->w = m->c + 2 * lanes;
    m->mc = m->w + 2 * lanes;
    m->mp = m->mc + 2 * lanes;
    m->mw = m->mp + 2 * lanes;
    m->breaks = m->mw + 2 * lanes;
    m->order = m->breaks + n;
    m->r = m->order + n;
    lbfgsb_model_reset(m);
}

void lbfgsb_model_reset(lbfgsb_model *m)
{
    m->pairs = 0;
    m->theta = 1.0;
    memset(m->ys, 0, 2 * m->lanes * m->n * sizeof *m->ys);
    memset(m->ss, 0, 3 * m->lanes * m->lanes * sizeof *m->ss); /* and low, low_t */
    memset(m->inverse_d, 0, m->lanes * sizeof *m->inverse_d);
}

/* Moves all pairs one place down; the last place becomes 0. */
static void forget_oldest(lbfgsb_model *m)
{
    size_t k = m->lanes, last = --m->pairs;
    for (size_t i = 0; i < 2 * m->n; i++) {
        double *row = m->ys + i * k;
        memmove(row, row + 1, last * sizeof *row);
        row[last] = 0;
    }
    double *squares[] = {m->ss, m->low, m->low_t};
    for (size_t j = 0; j < sizeof squares / sizeof *squares; j++) {
        for (size_t i = 0; i < last; i++) {
            memmove(squares[j] + i * k, squares[j] + (i + 1) * k + 1, last * sizeof **squares);
            squares[j][i * k + last] = 0;
        }
        memset(squares[j] + last * k, 0, k * sizeof **squares);
    }
    memmove(m->d, m->d + 1, last * sizeof *m->d);
}

HPO_DISPATCH static void add_pair(lbfgsb_model *m, const double *s, const double *y)
{
    size_t k = m->lanes, last = m->pairs++;
    double *by_s = m->w; /* (Y^T, S^T) s */
    memset(by_s, 0, 2 * k * sizeof *by_s);
    for (size_t i = 0; i < m->n; i++) {
        double *row = m->ys + 2 * k * i;
        row[last] = y[i];
        row[k + last] = s[i];
        add(2 * k, s[i], row, by_s);
    }
    m->d[last] = by_s[last];
    for (size_t i = 0; i <= last; i++)
        m->ss[i * k + last] = m->ss[last * k + i] = by_s[k + i];
    for (size_t i = 0; i < last; i++)
        m->low[last * k + i] = m->low_t[i * k + last] = by_s[i];
}

void lbfgsb_model_update(lbfgsb_model *m, const double *s, const double *y)
{
    double sy = hpo_dot(s, y, m->n), yy = hpo_dot(y, y, m->n), theta = yy / sy;
    if (!(sy > 0x1p-52 * yy) || !isfinite(theta) || theta < 0x1p-500) return;
    if (m->pairs == m->memory) forget_oldest(m);
    add_pair(m, s, y);
    m->theta = theta;
}

/* 1 / D and the factor of J. */
HPO_INLINE int prepare_middle(lbfgsb_model *m, size_t k)
{
    size_t q = m->pairs;
    for (size_t i = 0; i < q; i++)
        m->inverse_d[i] = 1 / m->d[i];
    for (size_t i = 0; i < q; i++) {
        double *row = m->j + i * k;
        for (size_t j = 0; j < k; j++)
            row[j] = m->theta * m->ss[i * k + j];
        for (size_t j = 0; j < i; j++)
            add(k, m->low[i * k + j] * m->inverse_d[j], m->low_t + j * k, row);
    }
    return factor(q, k, m->j, m->inverse_j);
}

/* Row i of W. */
HPO_INLINE void w_row(const lbfgsb_model *m, size_t k, size_t i, double *w)
{
    const double *row = m->ys + 2 * k * i;
    for (size_t j = 0; j < k; j++) {
        w[j] = row[j];
        w[k + j] = m->theta * row[k + j];
    }
}

/* out = M v. */
HPO_INLINE void apply_middle(const lbfgsb_model *m, size_t k, const double *v, double *out)
{
    size_t q = m->pairs;
    const double *inverse_d = m->inverse_d;
    double *b = out + k;
    memcpy(b, v + k, k * sizeof *b);
    for (size_t j = 0; j + 1 < q; j++)
        add(k, v[j] * inverse_d[j], m->low_t + j * k, b);
    solve_first(q, k, m->j, b);
    solve_second(q, k, m->j, m->inverse_j, b);
    for (size_t j = 0; j < k; j++)
        out[j] = -v[j];
    for (size_t i = 1; i < q; i++)
        add(k, b[i], m->low + i * k, out);
    for (size_t j = 0; j < k; j++)
        out[j] *= inverse_d[j];
}

/* ---- generalised Cauchy point ------------------------------------------------------------------ */

/* Restores the heap (smallest break first; equal ones by index) below place i of n. */
HPO_INLINE void sift(double *order, const double *breaks, size_t i, size_t n)
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
HPO_INLINE size_t find_breaks(lbfgsb_model *m, const double *x, const double *g, const double *lower,
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
HPO_INLINE void cauchy_point(lbfgsb_model *m, size_t k, const double *x, const double *g, const double *lower,
                             const double *upper, double *to)
{
    size_t q = 2 * k, left = find_breaks(m, x, g, lower, upper);
    double slope = 0.0, time = 0.0;
    memcpy(to, x, m->n * sizeof *to);
    memset(m->p, 0, 2 * q * sizeof *m->p); /* and c */
    for (size_t i = 0; i < m->n; i++) {
        if (!(m->breaks[i] > 0)) continue;
        slope -= g[i] * g[i];
        w_row(m, k, i, m->w);
        add(q, -g[i], m->w, m->p);
    }
    apply_middle(m, k, m->p, m->mp);
    double curvature = -m->theta * slope - small_dot(m->p, m->mp, q), least = 0x1p-52 * -m->theta * slope;
    double step = -slope / larger(curvature, least);
    while (left > 0) {
        size_t b = (size_t)m->order[0];
        double dt = m->breaks[b] - time;
        if (!(step >= dt)) break;
        m->order[0] = m->order[--left];
        sift(m->order, m->breaks, 0, left);
        time = m->breaks[b];
        to[b] = g[b] > 0 ? lower[b] : upper[b];
        add(q, dt, m->p, m->c);
        if (left == 0) return;
        double z = to[b] - x[b], gb = g[b];
        w_row(m, k, b, m->w);
        apply_middle(m, k, m->w, m->mw);
        slope += dt * curvature + gb * gb + m->theta * gb * z - gb * small_dot(m->mw, m->c, q);
        curvature -=
            m->theta * gb * gb + 2.0 * gb * small_dot(m->mw, m->p, q) + gb * gb * small_dot(m->w, m->mw, q);
        curvature = larger(curvature, least);
        add(q, gb, m->w, m->p);
        step = -slope / curvature;
    }
    step = larger(step, 0.0);
    time += step;
    for (size_t i = 0; i < left; i++) {
        size_t b = (size_t)m->order[i];
        to[b] = clip(x[b] - time * g[b], lower[b], upper[b]);
    }
    add(q, step, m->p, m->c);
}

/* ---- subspace ---------------------------------------------------------------------------------- */

/* d.B d given W^T d and M W^T d. */
HPO_INLINE double curvature_of(const lbfgsb_model *m, size_t k, const double *d, const double *wd,
                               const double *mwd)
{
    return m->theta * hpo_dot(d, d, m->n) - small_dot(wd, mwd, 2 * k);
}

/* Whether the model is worse at x + d than at the Cauchy point `at`. */
HPO_INLINE int is_worse(lbfgsb_model *m, size_t k, const double *x, const double *g, const double *at,
                        const double *d)
{
    size_t q = 2 * k;
    double *before = m->order; /* free by now */
    memset(m->w, 0, q * sizeof *m->w);
    for (size_t i = 0; i < m->n; i++) {
        before[i] = at[i] - x[i];
        add(q, d[i], m->ys + i * q, m->w);
    }
    for (size_t j = q / 2; j < q; j++)
        m->w[j] *= m->theta;
    apply_middle(m, k, m->w, m->mw);
    return !(hpo_dot(g, d, m->n) + 0.5 * curvature_of(m, k, d, m->w, m->mw) <=
             hpo_dot(g, before, m->n) + 0.5 * curvature_of(m, k, before, m->c, m->mc));
}

/* From the Cauchy point `at` by r (all variables; 0 where not free), projected into the box; where that is
 * worse for the model than the Cauchy point, in a straight line as far as the box allows, which is never
 * worse.  A step that stays inside is the best there is. */
HPO_INLINE void apply_step(lbfgsb_model *m, size_t k, const double *x, const double *g, const double *lower,
                           const double *upper, double *at)
{
    double *d = m->breaks; /* free by now */
    double slope = 0.0, longest = 1.0;
    int inside = 1;
    for (size_t i = 0; i < m->n; i++) {
        double to = at[i] + m->r[i], held = clip(to, lower[i], upper[i]);
        inside &= to == held;
        d[i] = held - x[i];
        slope += d[i] * g[i];
    }
    if (!inside && (!(slope < 0) || is_worse(m, k, x, g, at, d))) {
        for (size_t i = 0; i < m->n; i++) {
            double t = m->r[i], room = t > 0 ? upper[i] - at[i] : lower[i] - at[i];
            if (t != 0 && room / t < longest) longest = room / t;
        }
    }
    for (size_t i = 0; i < m->n; i++)
        at[i] = clip(at[i] + longest * m->r[i], lower[i], upper[i]);
}

/* r of the free variables, A, C (in t) and E^T (in x, a row for each y), W_F^T r in f.  Returns how many are
 * free. */
HPO_INLINE size_t subspace_system(lbfgsb_model *m, size_t k, const double *x, const double *g,
                                  const double *lower, const double *upper, const double *at, double *f)
{
    size_t q = m->pairs, n_free = 0;
    double inverse = 1.0 / m->theta;
    memset(m->a, 0, 4 * k * k * sizeof *m->a); /* and x, t, h */
    memset(f, 0, 2 * k * sizeof *f);
    for (size_t i = 0; i < m->n; i++) {
        const double *y = m->ys + 2 * k * i, *s = y + k;
        m->r[i] = 0.0;
        if (!(at[i] > lower[i] && at[i] < upper[i])) {
            for (size_t j = 0; j < q; j++) {
                add(k, m->theta * s[j], s, m->t + j * k);
                add(k, y[j], s, m->h + j * k);
            }
            continue;
        }
        n_free++;
        w_row(m, k, i, m->w);
        m->r[i] = g[i] + m->theta * (at[i] - x[i]) - small_dot(m->w, m->mc, 2 * k);
        add(2 * k, m->r[i], m->w, f);
        for (size_t j = 0; j < q; j++) {
            add(k, inverse * y[j], y, m->a + j * k);
            add(k, -y[j], s, m->x + j * k);
        }
    }
    for (size_t j = 0; j < q; j++) {
        double *row = m->x + j * k, *held = m->h + j * k;
        m->a[j * k + j] += m->d[j];
        for (size_t i = 0; i < k; i++)
            row[i] = i > j ? held[i] : row[i];
    }
    return n_free;
}

/* (f, f + lanes) = v; 0 when the model is not positive definite there. */
HPO_INLINE int subspace_solve(lbfgsb_model *m, size_t k, double *f)
{
    size_t q = m->pairs;
    double *inverse = m->w, *g = f + k;
    if (!factor(q, k, m->a, inverse)) return 0;
    solve_first(q, k, m->a, f);
    for (size_t j = 0; j < q; j++) { /* x = U^-T E^T, T = C + x^T G^-1 x, g += x^T G^-1 U^-T f */
        const double *row = m->x + j * k;
        for (size_t i = j + 1; i < q; i++)
            add(k, -m->a[j * k + i], row, m->x + i * k);
        for (size_t i = 0; i < q; i++)
            add(k, inverse[j] * row[i], row, m->t + i * k);
        add(k, inverse[j] * f[j], row, g);
    }
    if (!factor(q, k, m->t, inverse + k)) return 0;
    solve_first(q, k, m->t, g);
    solve_second(q, k, m->t, inverse + k, g);
    for (size_t j = 0; j < q; j++)
        f[j] = small_dot(m->x + j * k, g, k) - f[j];
    solve_second(q, k, m->a, inverse, f);
    return 1;
}

HPO_INLINE void subspace_step(lbfgsb_model *m, size_t k, const double *x, const double *g,
                              const double *lower, const double *upper, double *at)
{
    double *v = m->mp, inverse = 1.0 / m->theta;
    apply_middle(m, k, m->c, m->mc);
    /* without either the Cauchy point is a valid answer */
    if (subspace_system(m, k, x, g, lower, upper, at, v) == 0 || !subspace_solve(m, k, v)) return;
    for (size_t i = 0; i < m->n; i++) {
        if (!(at[i] > lower[i] && at[i] < upper[i])) continue;
        w_row(m, k, i, m->w);
        m->r[i] = -inverse * (m->r[i] + inverse * small_dot(m->w, v, 2 * k));
        if (!isfinite(m->r[i])) return;
    }
    apply_step(m, k, x, g, lower, upper, at);
}

HPO_INLINE int minimise(lbfgsb_model *m, size_t k, const double *x, const double *g, const double *lower,
                        const double *upper, double *target)
{
    if (m->pairs > 0 && !prepare_middle(m, k)) return 0;
    cauchy_point(m, k, x, g, lower, upper, target);
    if (m->pairs > 0) subspace_step(m, k, x, g, lower, upper, target);
    for (size_t i = 0; i < m->n; i++)
        if (!isfinite(target[i])) return 0;
    return 1;
}

HPO_DISPATCH static int minimise_here(lbfgsb_model *m, const double *x, const double *g, const double *lower,
                                      const double *upper, double *target)
{
    if (m->lanes == HPO_LANES) /* the usual memory: a row is one vector */
        return minimise(m, HPO_LANES, x, g, lower, upper, target);
    return minimise(m, m->lanes, x, g, lower, upper, target);
}

int lbfgsb_model_minimise(lbfgsb_model *m, const double *x, const double *g, const double *lower,
                          const double *upper, double *target)
{
    return minimise_here(m, x, g, lower, upper, target);
}
