/* SPDX-License-Identifier: Apache-2.0 */
/* math/minimise.c - minimisers without derivatives, a root finder, a slice sampler.
 *
 * Brent (1973), "Algorithms for minimization without derivatives", chapters 4 (zeroin) and 5 (localmin).
 * Nelder & Mead (1965) with the coefficients of Gao & Han (2012), which depend on n: expansion 1 + 2/n,
 * contraction 3/4 - 1/(2n), shrinkage 1 - 1/n; n = 1 takes those of 2.  Points outside the box are moved onto
 * it. Neal (2003), "Slice sampling", Annals of Statistics 31, figures 3 and 5. */
#include "math/minimise.h"

#include <math.h>
#include <string.h>

#include "math/func.h"

static const double EPS = 0x1p-52;

static double clip(double x, double low, double high)
{
    return fmin(fmax(x, low), high);
}

/* ---- one variable ----------------------------------------------------------------------------- */

typedef struct line {
    double (*fn)(void *ctx, double x);
    void *ctx;
    size_t left; /* evaluations */
} line;

static double value_at(line *l, double x)
{
    double f = l->fn(l->ctx, x);
    l->left--;
    return isnan(f) ? HUGE_VAL : f;
}

/* The three lowest points: best x, second w, third v. */
typedef struct triple {
    double x, w, v, fx, fw, fv;
} triple;

static void triple_add(triple *t, double u, double fu)
{
    if (fu <= t->fx) {
        t->v = t->w, t->fv = t->fw;
        t->w = t->x, t->fw = t->fx;
        t->x = u, t->fx = fu;
    } else if (fu <= t->fw || t->w == t->x) {
        t->v = t->w, t->fv = t->fw;
        t->w = u, t->fw = fu;
    } else if (fu <= t->fv || t->v == t->x || t->v == t->w) {
        t->v = u, t->fv = fu;
    }
}

/* Step from t->x to the vertex of the parabola through the three points, 0 when it is not to be trusted:
 * outside (a, b), or not shorter than half of `before`, the step before the last. */
static double parabola_step(const triple *t, double a, double b, double before)
{
    double r = (t->x - t->w) * (t->fx - t->fv), q = (t->x - t->v) * (t->fx - t->fw);
    double p = (t->x - t->v) * q - (t->x - t->w) * r;
    q = 2.0 * (q - r);
    if (q > 0) p = -p;
    q = fabs(q);
    if (fabs(p) < fabs(0.5 * q * before) && p > q * (a - t->x) && p < q * (b - t->x)) return p / q;
    return 0.0; /* also when anything was infinite or NaN */
}

double hpo_brent_minimise(double (*fn)(void *ctx, double x), void *ctx, double a, double b, double tolerance,
                          size_t max_evaluations, double *value)
{
    const double golden = 0.3819660112501051; /* (3 - sqrt 5) / 2 */
    line l = {fn, ctx, max_evaluations > 0 ? max_evaluations : 1};
    double first = a + golden * (b - a), last_step = 0.0, before = 0.0;
    double f = value_at(&l, first);
    triple t = {first, first, first, f, f, f};
    while (l.left > 0) {
        double middle = 0.5 * (a + b), tol = sqrt(EPS) * fabs(t.x) + tolerance / 3.0 + 0x1p-1000, step = 0.0;
        if (fabs(t.x - middle) <= 2.0 * tol - 0.5 * (b - a)) break;
        if (fabs(before) > tol) step = parabola_step(&t, a, b, before);
        if (step != 0) {
            double u = t.x + step;
            before = last_step;
            if (u - a < 2.0 * tol || b - u < 2.0 * tol) step = t.x < middle ? tol : -tol;
        } else {
            before = t.x < middle ? b - t.x : a - t.x;
            step = golden * before;
        }
        last_step = step;
        double u = t.x + (fabs(step) >= tol ? step : copysign(tol, step));
        double fu = value_at(&l, u);
        if (fu <= t.fx) {
            if (u < t.x)
                b = t.x;
            else
                a = t.x;
        } else {
            if (u < t.x)
                a = u;
            else
                b = u;
        }
        triple_add(&t, u, fu);
    }
    if (value != NULL) *value = t.fx;
    return t.x;
}

/* b is the best root so far, [b, c] brackets it, a is the iterate before. */
double hpo_brent_root(double (*fn)(void *ctx, double x), void *ctx, double a, double b, double tolerance,
                      size_t max_evaluations)
{
    double fa = fn(ctx, a), fb = fn(ctx, b), c = a, fc = fa, last = b - a, before = last;
    for (size_t used = 2;; used++) {
        if (fabs(fc) < fabs(fb)) {
            a = b, b = c, c = a;
            fa = fb, fb = fc, fc = fa;
        }
        double tol = 2.0 * EPS * fabs(b) + 0.5 * tolerance, half = 0.5 * (c - b);
        if (fabs(half) <= tol || fb == 0 || used >= max_evaluations || isnan(fb)) return b;
        if (fabs(before) >= tol && fabs(fa) > fabs(fb)) {
            double s = fb / fa, p, q;
            if (a == c) { /* secant */
                p = 2.0 * half * s;
                q = 1.0 - s;
            } else { /* inverse quadratic */
                double u = fa / fc, r = fb / fc;
                p = s * (2.0 * half * u * (u - r) - (b - a) * (r - 1.0));
                q = (u - 1.0) * (r - 1.0) * (s - 1.0);
            }
            if (p > 0) q = -q;
            p = fabs(p);
            int take = 2.0 * p < 3.0 * half * q - fabs(tol * q) && p < fabs(0.5 * before * q);
            before = take ? last : half;
            last = take ? p / q : half;
        } else {
            before = last = half;
        }
        a = b, fa = fb;
        b += fabs(last) > tol ? last : copysign(tol, half);
        fb = fn(ctx, b);
        if ((fb > 0) == (fc > 0)) {
            c = a, fc = fa;
            last = before = b - a;
        }
    }
}

/* ---- Nelder-Mead ------------------------------------------------------------------------------ */

typedef struct simplex {
    hpo_value_fn fn;
    void *ctx;
    size_t n, left; /* evaluations */
    const double *lower, *upper;
    double *vertex; /* n + 1 rows of n coordinates and the value */
    double *centre, *reflected, *other;
} simplex;

static double *vertex(const simplex *s, size_t i)
{
    return s->vertex + i * (s->n + 1);
}

static double simplex_value(simplex *s, const double *x)
{
    double f = s->fn(s->ctx, x, NULL);
    s->left--;
    return isnan(f) ? HUGE_VAL : f;
}

/* Insertion sort by value, stable: the order of equals is part of the algorithm's determinism. */
static void simplex_sort(simplex *s)
{
    size_t n = s->n, row = (n + 1) * sizeof(double);
    for (size_t i = 1; i <= n; i++) {
        size_t j = i;
        while (j > 0 && vertex(s, j - 1)[n] > vertex(s, i)[n])
            j--;
        if (j == i) continue;
        double f = vertex(s, i)[n];
        memcpy(s->other, vertex(s, i), n * sizeof(double));
        memmove(vertex(s, j + 1), vertex(s, j), (i - j) * row);
        memcpy(vertex(s, j), s->other, n * sizeof(double));
        vertex(s, j)[n] = f;
    }
}

/* centre + factor (worst - centre), in the box. */
static double simplex_try(simplex *s, double factor, double *to)
{
    const double *worst = vertex(s, s->n);
    for (size_t j = 0; j < s->n; j++)
        to[j] = clip(s->centre[j] + factor * (worst[j] - s->centre[j]), s->lower[j], s->upper[j]);
    return simplex_value(s, to);
}

static void simplex_replace(simplex *s, const double *x, double f)
{
    memcpy(vertex(s, s->n), x, s->n * sizeof *x);
    vertex(s, s->n)[s->n] = f;
}

static void simplex_build(simplex *s, const double *x, double f, double step)
{
    for (size_t i = 0; i <= s->n; i++) {
        double *v = vertex(s, i);
        if (v != x) memcpy(v, x, s->n * sizeof *v);
        v[s->n] = f;
        if (i == 0) continue;
        size_t j = i - 1;
        v[j] = x[j] + step <= s->upper[j] ? x[j] + step : clip(x[j] - step, s->lower[j], s->upper[j]);
        if (s->left > 0 && v[j] != x[j]) v[s->n] = simplex_value(s, v);
    }
}

/* Values and coordinates agree. */
static int simplex_converged(const simplex *s, double tolerance)
{
    const double *best = vertex(s, 0);
    double spread = vertex(s, s->n)[s->n] - best[s->n], size = 0.0;
    if (!(spread <= tolerance * fmax(1.0, fabs(best[s->n])))) return 0;
    for (size_t i = 1; i <= s->n; i++)
        for (size_t j = 0; j < s->n; j++)
            size = fmax(size, fabs(vertex(s, i)[j] - best[j]) / fmax(1.0, fabs(best[j])));
    return size <= sqrt(tolerance);
}

static void simplex_iterate(simplex *s)
{
    size_t n = s->n;
    double k = n > 2 ? (double)n : 2.0;
    double expand = 1.0 + 2.0 / k, contract = 0.75 - 0.5 / k, shrink = 1.0 - 1.0 / k;
    double best = vertex(s, 0)[n], second = vertex(s, n - 1)[n], worst = vertex(s, n)[n];
    memset(s->centre, 0, n * sizeof *s->centre);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            s->centre[j] += vertex(s, i)[j] / (double)n;
    double fr = simplex_try(s, -1.0, s->reflected), f2 = HUGE_VAL;
    if (fr < best && s->left > 0) {
        f2 = simplex_try(s, -expand, s->other);
        if (f2 < fr)
            simplex_replace(s, s->other, f2);
        else
            simplex_replace(s, s->reflected, fr);
        return;
    }
    if (fr < second) {
        simplex_replace(s, s->reflected, fr);
        return;
    }
    if (s->left > 0) f2 = simplex_try(s, fr < worst ? -contract : contract, s->other);
    if (f2 < worst && f2 <= fr) {
        simplex_replace(s, s->other, f2);
        return;
    }
    for (size_t i = 1; i <= n && s->left > 0; i++) {
        double *v = vertex(s, i);
        for (size_t j = 0; j < n; j++)
            v[j] = vertex(s, 0)[j] + shrink * (v[j] - vertex(s, 0)[j]);
        v[n] = simplex_value(s, v);
    }
}

double hpo_nelder_mead(hpo_value_fn fn, void *ctx, size_t n, const double *lower, const double *upper,
                       double *x, double step, size_t max_evaluations, double tolerance, double *work)
{
    simplex s = {fn, ctx, n, max_evaluations > 0 ? max_evaluations : 1, lower, upper, work, NULL, NULL, NULL};
    s.centre = work + (n + 1) * (n + 1);
    s.reflected = s.centre + n;
    s.other = s.reflected + n;
    double *start = s.other + n, before = HUGE_VAL;
    for (size_t i = 0; i < n; i++)
        x[i] = clip(x[i], lower[i], upper[i]);
    double f = simplex_value(&s, x);
    if (n == 0) return f;
    /* A simplex can go flat, above all on the faces of the box: a fresh one around the result must agree. */
    while (s.left > 0) {
        memcpy(start, x, n * sizeof *x);
        simplex_build(&s, start, f, step);
        simplex_sort(&s);
        while (s.left > 0 && !simplex_converged(&s, tolerance)) {
            simplex_iterate(&s);
            simplex_sort(&s);
        }
        if (!(vertex(&s, 0)[n] < f)) break;
        before = f;
        f = vertex(&s, 0)[n];
        memcpy(x, vertex(&s, 0), n * sizeof *x);
        if (before - f <= tolerance * fmax(1.0, fabs(f))) break;
        step *= 0.5;
    }
    return f;
}

/* ---- slice sampling --------------------------------------------------------------------------- */

enum { STEPS_OUT = 64, SHRINKS = 200 };

static double density(hpo_value_fn fn, void *ctx, const double *x)
{
    double lp = fn(ctx, x, NULL);
    return isnan(lp) ? -HUGE_VAL : lp;
}

void hpo_slice_sweep(hpo_value_fn log_density, void *ctx, size_t n, const double *lower, const double *upper,
                     const double *width, hpo_rng *rng, double *x, double *logp)
{
    for (size_t i = 0; i < n; i++) {
        if (!(lower[i] < upper[i])) continue;
        double old = x[i], level = *logp + hpo_log(1.0 - hpo_rng_uniform(rng));
        double left = old - width[i] * hpo_rng_uniform(rng), right = left + width[i];
        size_t out_left = hpo_rng_below(rng, STEPS_OUT), out_right = STEPS_OUT - 1 - out_left;
        if (isnan(level)) level = -HUGE_VAL;
        for (; out_left > 0 && left > lower[i]; out_left--, left -= width[i]) {
            x[i] = left;
            if (!(density(log_density, ctx, x) > level)) break;
        }
        for (; out_right > 0 && right < upper[i]; out_right--, right += width[i]) {
            x[i] = right;
            if (!(density(log_density, ctx, x) > level)) break;
        }
        left = fmax(left, lower[i]);
        right = fmin(right, upper[i]);
        x[i] = old;
        for (int k = 0; k < SHRINKS; k++) {
            double t = left + (right - left) * hpo_rng_uniform(rng);
            x[i] = t;
            double lp = density(log_density, ctx, x);
            if (lp > level || (lp == level && lp > -HUGE_VAL)) {
                *logp = lp;
                break;
            }
            x[i] = old; /* stays so when the interval has closed on it */
            if (t < old)
                left = t;
            else
                right = t;
        }
    }
}
