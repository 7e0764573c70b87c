/* SPDX-License-Identifier: Apache-2.0 */
/* math/lbfgsb.c - L-BFGS-B: limited-memory BFGS in a box.
 *
 * Each iteration minimises the quadratic model within the box (lbfgsb_model.c) and searches the segment to
 * that point and beyond, as far as the box allows, for the strong Wolfe conditions
 *
 *     f(a) <= f(0) + 1e-4 a f'(0),    |f'(a)| <= -0.9 f'(0)
 *
 * by bracketing and safeguarded cubic interpolation (Nocedal & Wright 2006, algorithms 3.5 and 3.6).  Where
 * the values no longer resolve the decrease, the slopes decide: f'(a) <= (2e-4 - 1) f'(0) and f(a) <= f(0) in
 * place of the first condition (Hager & Zhang 2005, "approximate Wolfe").  A value or slope that is not
 * finite bounds the step from above: the search halves towards the last good point.  When the search fails,
 * the model is forgotten once and steepest descent gets a chance. */
#include "math/minimise.h"

#include <math.h>
#include <string.h>

#include "math/lbfgsb_model.h"
#include "math/linalg.h"

static const double DECREASE = 1e-4, CURVATURE = 0.9;
enum { SEARCH_EVALUATIONS = 25 };

/* A point of the line. */
typedef struct place {
    double a, f, slope;
} place;

typedef struct solver {
    hpo_value_fn fn;
    void *ctx;
    size_t n, evaluations, max_evaluations;
    const double *lower, *upper;
    double *x, *g;      /* current point */
    double *d;          /* direction */
    double *trial, *gt; /* the last point evaluated */
    double *best, *gb;  /* the lowest point of this line search that satisfies the decrease */
    double f;
    lbfgsb_model model;
} solver;

static double clip(double x, double low, double high)
{
    return fmin(fmax(x, low), high);
}

static size_t memory_of(size_t memory)
{
    if (memory == 0) return 8;
    return memory < LBFGSB_MEMORY_MAX ? memory : LBFGSB_MEMORY_MAX;
}

size_t hpo_lbfgsb_work(size_t n, size_t memory)
{
    return lbfgsb_model_work(n, memory_of(memory)) + 6 * n;
}

/* x + a d in the box, on the bound when only rounding keeps it off. */
static double along(double x, double a, double d, double low, double high)
{
    double t = x + a * d, slack = 0x1p-51 * (fabs(x) + fabs(t));
    if (d > 0 && high - t <= slack) return high;
    if (d < 0 && t - low <= slack) return low;
    return clip(t, low, high);
}

/* Value and slope at x + a d; a slope of NaN where either is not finite. */
static place evaluate(solver *s, double a)
{
    place p = {a, HUGE_VAL, (double)NAN};
    for (size_t i = 0; i < s->n; i++)
        s->trial[i] = along(s->x[i], a, s->d[i], s->lower[i], s->upper[i]);
    double f = s->fn(s->ctx, s->trial, s->gt);
    s->evaluations++;
    if (!isfinite(f)) return p;
    for (size_t i = 0; i < s->n; i++)
        if (!isfinite(s->gt[i])) return p;
    double slope = hpo_dot(s->gt, s->d, s->n);
    if (isfinite(slope)) p = (place){a, f, slope};
    return p;
}

/* Minimiser of the cubic through two points with slopes (Nocedal & Wright, equation 3.59); NaN when there is
 * none. */
static double cubic(place p, place q)
{
    double u = p.slope + q.slope - 3.0 * (p.f - q.f) / (p.a - q.a), disc = u * u - p.slope * q.slope;
    if (!(disc >= 0)) return (double)NAN;
    double v = copysign(sqrt(disc), q.a - p.a);
    return q.a - (q.a - p.a) * (q.slope + v - u) / (q.slope - p.slope + 2.0 * v);
}

/* The next step of the search: between low and high, or beyond `last` when nothing bounds it yet. */
static double next_step(place low, place previous, place high, int bounded, int stalled)
{
    if (!bounded) {
        double t = cubic(previous, low), width = low.a - previous.a;
        return isnan(t) || t < low.a ? low.a + 4.0 * width
                                     : clip(t, low.a + 1.1 * width, low.a + 9.0 * width);
    }
    double width = high.a - low.a, t = isnan(high.slope) || stalled ? (double)NAN : cubic(low, high);
    if (isnan(t)) return low.a + 0.5 * width;
    double inner = low.a + 0.1 * width, outer = high.a - 0.1 * width;
    return clip(t, fmin(inner, outer), fmax(inner, outer));
}

static void keep_trial(solver *s)
{
    memcpy(s->best, s->trial, s->n * sizeof *s->best);
    memcpy(s->gb, s->gt, s->n * sizeof *s->gb);
}

/* Searches x + a d, 0 < a <= longest, from a = first.  The point found is in best, gb; 0 when there is
 * none. */
static int search(solver *s, double slope, double first, double longest, double *value)
{
    place zero = {0.0, s->f, slope}, low = zero, previous = zero, high = {0.0, 0.0, (double)NAN};
    int bounded = 0, stalled = 0;
    double a = fmin(first, longest), width = HUGE_VAL;
    for (int i = 0; i < SEARCH_EVALUATIONS && s->evaluations < s->max_evaluations; i++) {
        place t = evaluate(s, a);
        int decrease = t.f <= zero.f + DECREASE * a * slope ||
                       (t.f <= zero.f && t.slope <= (2.0 * DECREASE - 1.0) * slope);
        if (isnan(t.slope) || !decrease || (low.a > 0 && t.f >= low.f)) {
            high = t;
            bounded = 1;
        } else {
            keep_trial(s);
            *value = t.f;
            if (fabs(t.slope) <= -CURVATURE * slope) return 1;
            if (!bounded && a >= longest && t.slope < 0) return 1; /* the box ends the search */
            if (bounded ? t.slope * (high.a - low.a) >= 0 : t.slope >= 0) {
                high = low;
                bounded = 1;
            }
            previous = low;
            low = t;
        }
        if (bounded) {
            double w = fabs(high.a - low.a);
            if (!(w > 0x1p-50 * fmax(fabs(high.a), fabs(low.a)))) break;
            stalled = w > 0.66 * width;
            width = w;
        }
        a = fmin(next_step(low, previous, high, bounded, stalled), longest);
    }
    return low.a > 0;
}

/* The largest entry of x - clip(x - g). */
static double projected_gradient(const solver *s)
{
    double most = 0.0;
    for (size_t i = 0; i < s->n; i++)
        most = fmax(most, fabs(s->x[i] - clip(s->x[i] - s->g[i], s->lower[i], s->upper[i])));
    return most;
}

/* How far along d the box reaches. */
static double reach(const solver *s)
{
    double longest = 1e10;
    for (size_t i = 0; i < s->n; i++) {
        double room = s->d[i] > 0 ? s->upper[i] - s->x[i] : s->lower[i] - s->x[i];
        if (s->d[i] != 0 && room / s->d[i] < longest) longest = room / s->d[i];
    }
    return fmax(longest, 1.0); /* the target itself lies in the box: less is rounding */
}

/* One iteration.  1: moved; 0: no step lowers the value.  *scale: size of the decrease that was hoped for. */
static int step(solver *s, double *decrease, double *hoped)
{
    for (int attempt = 0; attempt < 2; attempt++) {
        int fresh = s->model.pairs == 0;
        double value = s->f, slope = 0.0, length = 0.0;
        if (lbfgsb_model_minimise(&s->model, s->x, s->g, s->lower, s->upper, s->trial)) {
            for (size_t i = 0; i < s->n; i++)
                s->d[i] = s->trial[i] - s->x[i];
            slope = hpo_dot(s->d, s->g, s->n);
            length = sqrt(hpo_dot(s->d, s->d, s->n));
        }
        *hoped = -slope;
        /* Without a model the length of the gradient says nothing: a step of length 1 at most. */
        if (slope < 0 && search(s, slope, fresh ? fmin(1.0, 1.0 / length) : 1.0, reach(s), &value)) {
            for (size_t i = 0; i < s->n; i++) {
                s->d[i] = s->best[i] - s->x[i];
                s->gt[i] = s->gb[i] - s->g[i];
            }
            lbfgsb_model_update(&s->model, s->d, s->gt);
            memcpy(s->x, s->best, s->n * sizeof *s->x);
            memcpy(s->g, s->gb, s->n * sizeof *s->g);
            *decrease = s->f - value;
            s->f = value;
            return 1;
        }
        if (fresh || s->evaluations >= s->max_evaluations) return 0;
        lbfgsb_model_reset(&s->model);
    }
    return 0;
}

void hpo_lbfgsb(hpo_value_fn fn, void *ctx, size_t n, const double *lower, const double *upper, double *x,
                const hpo_lbfgsb_options *options, double *work, hpo_lbfgsb_result *result)
{
    hpo_lbfgsb_options o = {0};
    if (options != NULL) o = *options;
    if (o.max_iterations == 0) o.max_iterations = 100;
    if (o.max_evaluations == 0) o.max_evaluations = 3 * o.max_iterations + 20;
    if (o.gradient_tolerance == 0) o.gradient_tolerance = 1e-6;
    if (o.value_tolerance == 0) o.value_tolerance = 1e-12;
    size_t memory = memory_of(o.memory);
    solver s = {.fn = fn,
                .ctx = ctx,
                .n = n,
                .max_evaluations = o.max_evaluations,
                .lower = lower,
                .upper = upper,
                .x = x};
    s.g = work;
    s.d = s.g + n;
    s.trial = s.d + n;
    s.gt = s.trial + n;
    s.best = s.gt + n;
    s.gb = s.best + n;
    lbfgsb_model_init(&s.model, n, memory, s.gb + n);
    memset(s.d, 0, n * sizeof *s.d);
    for (size_t i = 0; i < n; i++)
        x[i] = clip(x[i], lower[i], upper[i]);
    place start = evaluate(&s, 0.0);
    *result = (hpo_lbfgsb_result){HUGE_VAL, HUGE_VAL, 0, 1, 0};
    if (isnan(start.slope)) return; /* nowhere to go from here */
    memcpy(s.g, s.gt, n * sizeof *s.g);
    s.f = start.f;
    for (;;) {
        double decrease = 0.0, hoped = 0.0, size = fmax(fabs(s.f), 1.0);
        result->projected_gradient = projected_gradient(&s);
        result->converged = result->projected_gradient <= o.gradient_tolerance;
        if (result->converged || result->iterations >= o.max_iterations || s.evaluations >= s.max_evaluations)
            break;
        if (!step(&s, &decrease, &hoped)) {
            result->converged = s.evaluations < s.max_evaluations && hoped <= o.value_tolerance * size;
            break;
        }
        result->iterations++;
        if (decrease <= o.value_tolerance * fmax(size, fabs(s.f))) {
            result->projected_gradient = projected_gradient(&s);
            result->converged = 1;
            break;
        }
    }
    result->value = s.f;
    result->evaluations = s.evaluations;
}
