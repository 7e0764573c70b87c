/* SPDX-License-Identifier: Apache-2.0 */
/* study/axes.c - see axes.h. */
#include "study/axes.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"

static const double NEARLY = 1e-9; /* relative: what counts as the same */
static const double INSIDE = 0.999;

void hpo_axes_init(hpo_axes *a, const hpo_space *space)
{
    *a = (hpo_axes){.n = hpo_space_n_fidelities(space), .least = (double)NAN, .full = (double)NAN};
    for (size_t i = 0; i < a->n; i++) {
        size_t param = hpo_space_fidelity(space, i);
        const hpo_param *p = &space->params[param];
        double step = p->step > 0 ? p->step : p->kind == HPO_KIND_INT ? 1 : 0;
        a->axis[i] = (struct hpo_axis){param, p->column, p->low, p->high, step};
    }
    if (a->n == 0) return;
    a->least = a->full = a->axis[0].high;
    for (size_t i = 0; i < a->n; i++)
        a->least *= a->axis[i].low / a->axis[i].high;
}

/* ---- the path --------------------------------------------------------------------------------------- */

static double on_axis(const struct hpo_axis *k, double t)
{
    if (t <= 0) return k->low;
    if (t >= 1) return k->high;
    double v = k->low * hpo_exp(t * hpo_log(k->high / k->low));
    if (k->step > 0) v = k->low + floor((v - k->low) / k->step + 0.5) * k->step;
    return fmin(fmax(v, k->low), k->high);
}

static double place_of(const hpo_axes *a, double resource)
{
    if (resource >= a->full * (1 - NEARLY)) return 1;
    if (!(resource > a->least)) return 0;
    return hpo_log(resource / a->least) / hpo_log(a->full / a->least);
}

void hpo_axes_place(const hpo_axes *a, double resource, double *x)
{
    double t = place_of(a, resource);
    for (size_t i = 0; i < a->n; i++)
        x[a->axis[i].column] = on_axis(&a->axis[i], t);
}

/* Where on the path an axis has the value v, which may lie outside of its range. */
static double when(const struct hpo_axis *k, double v)
{
    return v <= k->low ? 0 : v >= k->high ? 1 : hpo_log(v / k->low) / hpo_log(k->high / k->low);
}

int hpo_axes_resource(const hpo_axes *a, const double *x, double *resource)
{
    double from = 0, to = 1;
    *resource = a->full;
    if (!hpo_axes_below(a, x)) return 1;
    for (size_t i = 0; i < a->n; i++) {
        const struct hpo_axis *k = &a->axis[i];
        double v = x[k->column], slack = k->step > 0 ? k->step / 2 : v * NEARLY;
        from = fmax(from, when(k, v - slack));
        to = fmin(to, when(k, v + slack));
    }
    if (!(from <= to)) return 0;
    *resource = a->least * hpo_exp((from + INSIDE * (to - from)) * hpo_log(a->full / a->least));
    return 1;
}

double hpo_axes_cost(const hpo_axes *a, const double *x)
{
    double r = a->full;
    for (size_t i = 0; i < a->n; i++)
        r *= x[a->axis[i].column] / a->axis[i].high;
    return r;
}

int hpo_axes_below(const hpo_axes *a, const double *x)
{
    for (size_t i = 0; i < a->n; i++)
        if (x[a->axis[i].column] < a->axis[i].high) return 1;
    return 0;
}

void hpo_axes_text(const hpo_axes *a, const hpo_space *space, const double *x, char *out, size_t cap)
{
    size_t at = 0;
    if (cap > 0) out[0] = '\0';
    for (size_t i = 0; i < a->n && at < cap; i++) {
        int n = snprintf(out + at, cap - at, "%s%.60s %.6g", i > 0 ? ", " : "",
                         space->params[a->axis[i].param].name, x[a->axis[i].column]);
        at += n > 0 ? (size_t)n : cap;
    }
}

/* ---- pieces ------------------------------------------------------------------------------------------ */

hpo_status hpo_pieces_note(hpo_pieces *p, const hpo_axes *a, int64_t trial, double resource, hpo_error *err)
{
    size_t need = (size_t)trial + 1;
    HPO_TRY(hpo_reserve(&p->end, &p->cap, need, sizeof *p->end, err));
    for (; p->n < need; p->n++)
        p->end[p->n] = (struct hpo_piece_end){(double)NAN, (double)NAN, 0};
    p->end[trial] = (struct hpo_piece_end){resource, on_axis(&a->axis[0], place_of(a, resource)), 0};
    return HPO_OK;
}

double hpo_pieces_resource(const hpo_pieces *p, int64_t trial)
{
    return (size_t)trial < p->n ? p->end[trial].resource : (double)NAN;
}

int hpo_pieces_report(hpo_pieces *p, int64_t trial, double *step, double *cost)
{
    if ((size_t)trial >= p->n) return 0;
    struct hpo_piece_end *e = &p->end[trial];
    if (!(*step >= e->step * (1 - NEARLY))) {
        e->cost += *cost;
        return 0;
    }
    *step = e->resource;
    *cost += e->cost;
    e->cost = 0;
    return 1;
}

void hpo_pieces_fini(hpo_pieces *p)
{
    hpo_free(p->end);
    *p = (hpo_pieces){0};
}
