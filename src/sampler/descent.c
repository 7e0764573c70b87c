/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/descent.c - where a local search stands: a fold over the results.
 *
 * The best trial is the centre c of a box of half-width D.  A better point moves the centre and widens D to
 * twice the step; after `patience` results near the centre that are not better D is multiplied by `shrink`.
 * At `tolerance` the box gets its first width again.
 *
 * A valley is at its floor when eight results in a row near the centre gained, and were worse than it, by
 * less than `flat` of the upper quartile of all results above the best: what is left to be had is not worth a
 * trial while another valley may be deeper.  Then the roots of other valleys are looked into
 * (sampler/valleys.h), and the search goes on in the first that a ridge divides from here.  On the way down
 * the ridge is looked for again every eight results; where there is none it was the same valley, and the
 * search goes back.  When there is no other valley it polishes the best one, and looks around again when a
 * tenth as much is to be had.  A point that somebody else finds far away, better than all valleys, becomes
 * the centre.
 *
 * In rugged places results near the centre differ at every scale: no floor is ever seen, and the box shrinks
 * from scale to scale.  That is intended: on functions with ripples the deepest ripple is found there. */
#include "sampler/descent.h"

#include <math.h>

#include "base/error.h"

enum { WATCH = 8 /* results */ };
static const double widest = 0.5;

hpo_status hpo_descent_init(hpo_descent *s, const hpo_descent_options *options, const hpo_space *space,
                            hpo_error *err)
{
    s->options = options;
    s->center = -1;
    s->width = options->width;
    s->flat = options->flat;
    return hpo_valleys_init(&s->map, space, err);
}

void hpo_descent_fini(hpo_descent *s)
{
    hpo_valleys_fini(&s->map);
}

static const double *row_of(const hpo_view *v, size_t row)
{
    return v->u + row * v->n_dims;
}

static double value_of(const hpo_view *v, size_t row)
{
    return v->y[row * v->n_objectives];
}

static void begin_watch(hpo_descent *s, const hpo_view *v)
{
    s->watched = 0;
    s->spread = 0;
    s->watch_value = value_of(v, (size_t)s->center);
}

static void begin_at(hpo_descent *s, const hpo_view *v, size_t row, double width)
{
    s->center = (int64_t)row;
    s->width = width;
    s->fails = 0;
    begin_watch(s, v);
}

/* The search leaves its valley for the one that `row` stands in. */
static hpo_status go_to(hpo_descent *s, const hpo_view *v, size_t row, hpo_error *err)
{
    HPO_TRY(hpo_valleys_leave(&s->map, (size_t)s->center, s->width, err));
    s->map.root = -1;
    s->doubt = 0;
    s->flat = s->options->flat;
    begin_at(s, v, row, s->options->width);
    return HPO_OK;
}

/* Index of the best valley left. */
static size_t best_left(const hpo_descent *s, const hpo_view *v)
{
    size_t best = 0;
    for (size_t i = 1; i < s->map.n_left; i++)
        if (value_of(v, s->map.left[i].row) < value_of(v, s->map.left[best].row)) best = i;
    return best;
}

static void go_to_best_valley(hpo_descent *s, const hpo_view *v)
{
    size_t best = best_left(s, v);
    if (s->map.n_left == 0 || !(value_of(v, s->map.left[best].row) < value_of(v, (size_t)s->center))) return;
    hpo_valley here = {(size_t)s->center, s->width}, there = s->map.left[best];
    s->map.left[best] = here;
    begin_at(s, v, there.row, there.width);
}

/* The centre stands in a valley that was left before: back to the best one. */
static hpo_status join(hpo_descent *s, const hpo_view *v, hpo_error *err)
{
    size_t best = best_left(s, v);
    hpo_valley there = s->map.left[best];
    HPO_TRY(hpo_valleys_refuse(&s->map, err));
    s->map.left[best] = s->map.left[--s->map.n_left];
    s->flat /= 10;
    begin_at(s, v, there.row, there.width);
    return HPO_OK;
}

/* Looks for another valley among the first n rows; where there is none, the best one is polished. */
static hpo_status look_around(hpo_descent *s, const hpo_view *v, size_t n, int afresh, hpo_error *err)
{
    HPO_TRY(hpo_valleys_look(&s->map, v, n, (size_t)s->center, afresh, err));
    if (s->map.root < 0) {
        s->flat /= 10;
        go_to_best_valley(s, v);
    } else if (s->map.sure) {
        return go_to(s, v, (size_t)s->map.root, err);
    }
    return HPO_OK;
}

/* A result nearer to a valley that was left than to the centre, and not in the box. */
static hpo_status tell_elsewhere(hpo_descent *s, const hpo_view *v, size_t row, hpo_valley *valley,
                                 double apart, hpo_error *err)
{
    double best = value_of(v, (size_t)s->center), y = value_of(v, row);
    if (!(y < value_of(v, valley->row))) return HPO_OK;
    for (size_t i = 0; i < s->map.n_left; i++)
        best = fmin(best, value_of(v, s->map.left[i].row));
    if (y < best && apart >= 4 * valley->width) return go_to(s, v, row, err);
    valley->row = row;
    return HPO_OK;
}

static void tell_better(hpo_descent *s, const hpo_view *v, size_t row, double step)
{
    if (step > 2 * s->width) { /* somebody else found it: begin there afresh */
        s->map.root = -1;
        s->doubt = 0;
        begin_at(s, v, row, fmax(s->width, s->options->width));
        return;
    }
    s->center = (int64_t)row;
    s->fails = 0;
    s->watched++;
    s->width = fmin(fmax(s->width, 2 * step), widest);
}

static hpo_status tell_worse(hpo_descent *s, const hpo_view *v, size_t row, hpo_error *err)
{
    double y = value_of(v, row), center = value_of(v, (size_t)s->center), height;
    int64_t patience = s->options->patience >= 0 ? s->options->patience
                       : s->map.n_numeric > 8    ? (int64_t)(s->map.n_numeric / 2)
                                                 : 4;
    s->watched++;
    s->spread = isnan(y) ? (double)INFINITY : fmax(s->spread, y - center);
    if (++s->fails > patience) {
        s->fails = 0;
        s->width *= s->options->shrink;
        if (s->width < s->options->tolerance) s->width = s->options->width;
    }
    if (s->watched < WATCH) return HPO_OK;
    HPO_TRY(hpo_valleys_height(&s->map, v, row + 1, &height, err));
    int floor = fmax(s->watch_value - center, s->spread) < s->flat * height;
    begin_watch(s, v);
    if (s->map.root >= 0) return HPO_OK;
    if (floor) return look_around(s, v, row + 1, 1, err);
    s->doubt = s->map.n_left > 0 && value_of(v, s->map.left[best_left(s, v)].row) <= center;
    if (s->doubt) hpo_valleys_doubt(&s->map, v, row + 1, (size_t)s->center);
    s->doubt = s->map.root >= 0;
    return HPO_OK;
}

hpo_status hpo_descent_tell(hpo_descent *s, const hpo_view *view, size_t row, hpo_error *err)
{
    double y = value_of(view, row), apart;
    if (s->center < 0) {
        if (!isnan(y)) begin_at(s, view, row, s->options->width);
        return HPO_OK;
    }
    if (s->map.root >= 0) {
        int ridge = hpo_valleys_judge(&s->map, view, row), doubt = s->doubt;
        if (ridge != 0) s->doubt = 0;
        if (ridge > 0 && !doubt) return go_to(s, view, (size_t)s->map.root, err);
        if (ridge > 0) s->map.root = -1;
        if (ridge < 0 && doubt) return join(s, view, err);
        if (ridge < 0) {
            HPO_TRY(hpo_valleys_refuse(&s->map, err));
            HPO_TRY(look_around(s, view, row + 1, 0, err));
        }
    }
    const double *u = row_of(view, row);
    double step = hpo_valleys_distance(&s->map, u, row_of(view, (size_t)s->center));
    size_t k = hpo_valleys_nearest(&s->map, view, u, &apart);
    if (k < s->map.n_left && apart < step && step > s->width)
        return tell_elsewhere(s, view, row, &s->map.left[k], apart, err);
    if (y < value_of(view, (size_t)s->center)) {
        tell_better(s, view, row, step);
        return HPO_OK;
    }
    return step <= 1.5 * s->width ? tell_worse(s, view, row, err) : HPO_OK;
}
