/* SPDX-License-Identifier: Apache-2.0 */
/* model/embed.c - features of configurations.  What each kind of axis becomes: embed.h.
 *
 * Kumaraswamy's distribution function w(u) = 1 - (1 - u^a)^b has an infinite slope at 0 for a < 1 and at 1
 * for b < 1; it is therefore evaluated at e + (1 - 2 e) u, e = 1e-6, where it is smooth on all of [0, 1]
 * (Snoek, Swersky, Zemel & Adams 2014, arXiv 1402.0929).  With t = ln(1 - u^a):
 *
 *     w = 1 - e^(b t),   dw/du = a b u^(a-1) e^((b-1) t),
 *     dw/d ln a = a b u^a ln(u) e^((b-1) t),   dw/d ln b = -b t e^(b t).
 *
 * Labels: n one-hot features put all pairs at distance 1, and no fewer than n - 1 can.  Above
 * HPO_EMBED_ONE_HOT labels each label gets a word of so many pseudo-random signs instead: distances are 1
 * within a few percent (a squared distance is 2/m times a Binomial(m, 1/2) number of unequal signs), still
 * Euclidean, and the cost of a kernel no longer grows with the number of labels.
 *
 * Circles: a periodic axis is the circle (sin 2 pi u, cos 2 pi u) (MacKay 1998); a conditional number the arc
 * (sin pi rho w, cos pi rho w) with the origin for "inactive", which has distance 1 from all of the arc. */
#include "model/embed.h"
#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "space/space.h"
#include <math.h>
#include <string.h>

enum { MAX_PLACES = 4096 };

static const double PI = 0x1.921fb54442d18p+1;
static const double SQRT_HALF = 0x1.6a09e667f3bcdp-1;
static const double WARP_EDGE = 1e-6;
static const double DEFAULT_RHO = 0.5;

struct hpo_embed {
    const hpo_space *space;
    hpo_axis *axes;
    hpo_codec
        *codecs; /* per axis: the parameter's, cut out of its surroundings (no condition, first column) */
    uint32_t *axis_of; /* per dimension */
    double *places;
    size_t n_axes, n_dims, n_features, n_places;
    int periodic;
    int plain; /* every feature is its coordinate unless warped */
};

/* ---- axes -------------------------------------------------------------------------------------------- */

static hpo_axis_kind kind_of(const hpo_space *s, const hpo_codec *c)
{
    switch ((hpo_codec_op)c->op) {
    case HPO_CODEC_CELLS:
        return s->params[c->param].kind == HPO_KIND_CATEGORICAL ? HPO_AXIS_LABEL : HPO_AXIS_GRID;
    case HPO_CODEC_PERMUTATION:
        return HPO_AXIS_PERMUTATION;
    case HPO_CODEC_SIMPLEX:
        return HPO_AXIS_SIMPLEX;
    case HPO_CODEC_SUBSET:
        return HPO_AXIS_SUBSET;
    case HPO_CODEC_BOUNDS: /* how many values there are differs from configuration to configuration */
        return HPO_AXIS_REAL;
    default:
        return c->k.discrete ? HPO_AXIS_GRID : HPO_AXIS_REAL;
    }
}

static int is_number(const hpo_axis *a)
{
    return a->kind == HPO_AXIS_REAL || a->kind == HPO_AXIS_GRID;
}

static int is_circle(const hpo_embed *e, const hpo_axis *a)
{
    return is_number(a) && (a->conditional || (e->periodic && a->kind == HPO_AXIS_REAL));
}

static uint32_t count_features(const hpo_embed *e, const hpo_axis *a)
{
    if (is_number(a)) return is_circle(e, a) ? 2 : 1;
    uint32_t n = a->n_values;
    if (a->kind == HPO_AXIS_LABEL && n > HPO_EMBED_ONE_HOT) n = HPO_EMBED_ONE_HOT;
    return n + (a->conditional ? 1 : 0);
}

/* Axes that codec c stands for. */
static size_t axes_of(const hpo_codec *c)
{
    return c->n_dims == 0 ? 0 : c->op == HPO_CODEC_VECTOR ? c->n : 1;
}

static size_t places_of(const hpo_space *s, const hpo_codec *c)
{
    return c->n_dims > 0 && kind_of(s, c) == HPO_AXIS_GRID && c->k.n <= MAX_PLACES ? (size_t)c->k.n : 0;
}

static void fill_places(const hpo_codec *c, double *places)
{
    const hpo_scalar *k = &c->k;
    for (size_t i = 0; (double)i < k->n; i++) {
        double at = (double)i;
        if (c->op == HPO_CODEC_CELLS)
            places[i] = (at + 0.5) / k->n;
        else if (at >= k->n - 1)
            places[i] = hpo_scalar_encode(k, k->high);
        else
            places[i] = hpo_scalar_encode(k, k->per != 0 ? (k->first + at * k->each) / k->per
                                                         : k->low + at * k->step);
    }
}

/* 1 when some configuration leaves it inactive: by its condition, or because a bound reads such a parameter.
 * Parents come before children in the program. */
static uint8_t may_be_inactive(const hpo_space *s, const hpo_codec *c, const uint8_t *conditional)
{
    const hpo_param *p = &s->params[c->param];
    const hpo_expr *bounds[2] = {p->low_expr, p->high_expr};
    if (c->when) return 1;
    for (size_t b = 0; b < 2; b++)
        for (size_t i = 0; bounds[b] && i < bounds[b]->n_params; i++)
            if (conditional[bounds[b]->params[i]]) return 1;
    return 0;
}

static void add_axes(hpo_embed *e, const hpo_codec *c, uint8_t conditional)
{
    size_t n = axes_of(c), n_places = places_of(e->space, c);
    double *places = n_places ? e->places + e->n_places : NULL;
    if (places) fill_places(c, places);
    e->n_places += n_places;
    for (size_t i = 0; i < n; i++) {
        hpo_axis *a = &e->axes[e->n_axes];
        *a = (hpo_axis){.kind = kind_of(e->space, c),
                        .dim = c->dim + (uint32_t)i,
                        .n_dims = c->op == HPO_CODEC_VECTOR ? 1 : c->n_dims,
                        .param = c->param,
                        .feature = (uint32_t)e->n_features,
                        .group = (uint32_t)e->n_axes,
                        .conditional = conditional,
                        .places = places};
        if (a->kind == HPO_AXIS_GRID || a->kind == HPO_AXIS_LABEL)
            a->n_values = c->k.n < (double)UINT32_MAX ? (uint32_t)c->k.n : UINT32_MAX;
        else if (a->kind != HPO_AXIS_REAL)
            a->n_values = c->n;
        a->n_features = count_features(e, a);
        e->n_features += a->n_features;
        hpo_codec *own = &e->codecs[e->n_axes];
        *own = *c;
        own->when = NULL;
        own->dim = own->column = 0;
        for (size_t j = 0; j < a->n_dims; j++)
            e->axis_of[a->dim + j] = (uint32_t)e->n_axes;
        if (!is_number(a) || a->n_features != 1) e->plain = 0;
        e->n_axes++;
    }
}

static hpo_status build(hpo_embed *e, hpo_error *err)
{
    const hpo_space *s = e->space;
    size_t n_axes = 0, n_places = 0;
    hpo_status status = HPO_OK;
    uint8_t *conditional = hpo_calloc(s->n_params, 1);
    if (!conditional) return hpo_fail_memory(err);
    for (size_t i = 0; i < s->n_params; i++) {
        const hpo_codec *c = &s->program[i];
        conditional[c->param] = may_be_inactive(s, c, conditional);
        n_axes += axes_of(c);
        n_places += places_of(s, c);
    }
    e->n_dims = s->n_dims;
    e->axes = hpo_calloc(n_axes, sizeof *e->axes);
    e->codecs = hpo_calloc(n_axes, sizeof *e->codecs);
    e->axis_of = hpo_calloc(s->n_dims, sizeof *e->axis_of);
    e->places = hpo_alloc_array(n_places, sizeof *e->places);
    if (!e->axes || !e->codecs || !e->axis_of || !e->places) {
        status = hpo_fail_memory(err);
        goto done;
    }
    e->plain = 1;
    for (size_t i = 0; i < s->n_params; i++) /* as declared: axes in the order of their dimensions */
        add_axes(e, &s->program[s->position[i]], conditional[i]);
done:
    hpo_free(conditional);
    return status;
}

static hpo_status create(const hpo_space *space, int periodic, hpo_embed **out, hpo_error *err)
{
    *out = NULL;
    if (!space || !space->frozen)
        return hpo_fail(err, HPO_EINVAL, "an embedding needs a frozen space; call hpo_space_freeze first");
    hpo_embed *e = hpo_calloc(1, sizeof *e);
    if (!e) return hpo_fail_memory(err);
    e->space = space;
    e->periodic = periodic;
    hpo_status status = build(e, err);
    if (status != HPO_OK) {
        hpo_embed_free(e);
        return status;
    }
    *out = e;
    return HPO_OK;
}

hpo_status hpo_embed_create(const hpo_space *space, hpo_embed **out, hpo_error *err)
{
    return create(space, 0, out, err);
}

hpo_status hpo_embed_create_periodic(const hpo_space *space, hpo_embed **out, hpo_error *err)
{
    return create(space, 1, out, err);
}

void hpo_embed_free(hpo_embed *e)
{
    if (!e) return;
    hpo_free(e->axes);
    hpo_free(e->codecs);
    hpo_free(e->axis_of);
    hpo_free(e->places);
    hpo_free(e);
}

const hpo_space *hpo_embed_space(const hpo_embed *e)
{
    return e->space;
}

size_t hpo_embed_n_dims(const hpo_embed *e)
{
    return e->n_dims;
}

size_t hpo_embed_n_features(const hpo_embed *e)
{
    return e->n_features;
}

size_t hpo_embed_n_axes(const hpo_embed *e)
{
    return e->n_axes;
}

const hpo_axis *hpo_embed_axis(const hpo_embed *e, size_t i)
{
    return &e->axes[i];
}

size_t hpo_embed_axis_of(const hpo_embed *e, size_t dim)
{
    return e->axis_of[dim];
}

int hpo_embed_periodic(const hpo_embed *e)
{
    return e->periodic;
}

/* ---- numbers ----------------------------------------------------------------------------------------- */

typedef struct warped {
    double w, du, dlog_a, dlog_b;
} warped;

static warped warp(const hpo_embed_shape *shape, size_t axis, double u)
{
    if (!shape || !shape->warp_a || !shape->warp_b) return (warped){.w = u, .du = 1};
    double a = shape->warp_a[axis], b = shape->warp_b[axis];
    double v = WARP_EDGE + (1 - 2 * WARP_EDGE) * (u > 0 ? (u < 1 ? u : 1) : 0);
    double log_v = hpo_log(v), log_va = a * log_v, t = hpo_log1mexp(log_va);
    double dv = a * b * hpo_exp(log_va - log_v + (b - 1) * t);
    return (warped){.w = -hpo_expm1(b * t),
                    .du = (1 - 2 * WARP_EDGE) * dv,
                    .dlog_a = dv * v * log_v,
                    .dlog_b = -b * t * hpo_exp(b * t)};
}

/* w alone: what predictions need. */
static double warp_value(const hpo_embed_shape *shape, size_t axis, double u)
{
    if (!shape || !shape->warp_a || !shape->warp_b) return u;
    double v = WARP_EDGE + (1 - 2 * WARP_EDGE) * (u > 0 ? (u < 1 ? u : 1) : 0);
    return -hpo_expm1(shape->warp_b[axis] * hpo_log1mexp(shape->warp_a[axis] * hpo_log(v)));
}

/* Radians for w = 1. */
static double turn(const hpo_embed *e, const hpo_embed_shape *shape, size_t axis)
{
    if (e->periodic && e->axes[axis].kind == HPO_AXIS_REAL) return 2 * PI;
    return PI * (shape && shape->rho ? shape->rho[axis] : DEFAULT_RHO);
}

/* ---- features ---------------------------------------------------------------------------------------- */

/* Bits of label i that decide its signs: splitmix64 (Steele, Lea & Flood 2014) of (label, word). */
static uint64_t label_bits(uint64_t label, uint64_t word)
{
    uint64_t x = (label * HPO_EMBED_ONE_HOT + word + 1) * UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

static void label_features(const hpo_axis *a, double u, double *z)
{
    double n = a->n_values, cell = floor(u * n);
    size_t label = cell > 0 ? (size_t)(cell < n ? cell : n - 1) : 0;
    if (a->n_values <= HPO_EMBED_ONE_HOT) {
        for (size_t i = 0; i < a->n_values; i++)
            z[i] = 0;
        z[label] = SQRT_HALF;
        return;
    }
    double size = 1 / sqrt(2.0 * HPO_EMBED_ONE_HOT);
    for (size_t i = 0; i < HPO_EMBED_ONE_HOT; i += 64) {
        uint64_t bits = label_bits(label, i / 64);
        for (size_t j = 0; j < 64; j++)
            z[i + j] = bits >> j & 1 ? size : -size;
    }
}

/* Permutation, simplex, subset: by the same rules as decode, so that the model sees what will be run. */
static void item_features(const hpo_embed *e, size_t axis, const double *u, double *z)
{
    const hpo_axis *a = &e->axes[axis];
    double x[HPO_MAX_ITEMS], n = a->n_values;
    size_t items = a->n_values;
    hpo_codec_decode(e->space, &e->codecs[axis], u, x);
    if (a->kind == HPO_AXIS_PERMUTATION) {
        /* Identity and its reverse differ most: sum (n - 1 - 2 i)^2 = n (n^2 - 1) / 3. */
        double scale = 1 / sqrt(n * (n * n - 1) / 3);
        for (size_t i = 0; i < items; i++)
            z[(size_t)x[i]] = (double)i * scale;
    } else if (a->kind == HPO_AXIS_SIMPLEX) {
        for (size_t i = 0; i < items; i++)
            z[i] = sqrt(x[i] > 0 ? x[i] : 0) * SQRT_HALF;
    } else {
        double scale = 1 / sqrt(n);
        for (size_t i = 0; i < items; i++)
            z[i] = x[i] != 0 ? scale : 0;
    }
}

static void axis_features(const hpo_embed *e, const hpo_embed_shape *shape, size_t axis, const double *u,
                          double *z)
{
    const hpo_axis *a = &e->axes[axis];
    if (isnan(u[0])) {
        for (size_t i = 0; i < a->n_features; i++)
            z[i] = 0;
        return;
    }
    if (is_number(a)) {
        double w = warp_value(shape, axis, u[0]);
        if (a->n_features == 1) {
            z[0] = w;
            return;
        }
        double angle = turn(e, shape, axis) * w;
        z[0] = hpo_sin(angle);
        z[1] = hpo_cos(angle);
        return;
    }
    if (a->kind == HPO_AXIS_LABEL)
        label_features(a, u[0], z);
    else
        item_features(e, axis, u, z);
    if (a->conditional) z[a->n_features - 1] = 1;
}

void hpo_embed_features(const hpo_embed *e, const hpo_embed_shape *shape, const double *u, size_t m,
                        double *z)
{
    if (e->plain && (!shape || !shape->warp_a || !shape->warp_b)) {
        for (size_t i = 0; i < m * e->n_dims; i++)
            z[i] = isnan(u[i]) ? 0 : u[i];
        return;
    }
    for (size_t i = 0; i < m; i++, u += e->n_dims, z += e->n_features)
        for (size_t j = 0; j < e->n_axes; j++)
            axis_features(e, shape, j, u + e->axes[j].dim, z + e->axes[j].feature);
}

/* ---- derivatives ------------------------------------------------------------------------------------- */

void hpo_embed_pull(const hpo_embed *e, const hpo_embed_shape *shape, const double *u, const double *dz,
                    double *du)
{
    for (size_t j = 0; j < e->n_axes; j++) {
        const hpo_axis *a = &e->axes[j];
        const double *g = dz + a->feature;
        if (a->kind != HPO_AXIS_REAL || isnan(u[a->dim])) continue;
        warped w = warp(shape, j, u[a->dim]);
        if (a->n_features == 1) {
            du[a->dim] += g[0] * w.du;
            continue;
        }
        double t = turn(e, shape, j);
        du[a->dim] += (g[0] * hpo_cos(t * w.w) - g[1] * hpo_sin(t * w.w)) * t * w.du;
    }
}

void hpo_embed_shape_derivatives(const hpo_embed *e, const hpo_embed_shape *shape, size_t axis,
                                 const double *u, double *d_log_a, double *d_log_b, double *d_rho)
{
    const hpo_axis *a = &e->axes[axis];
    double v = u[a->dim];
    for (size_t i = 0; i < a->n_features; i++)
        d_log_a[i] = d_log_b[i] = d_rho[i] = 0;
    if (!is_number(a) || isnan(v)) return;
    warped w = warp(shape, axis, v);
    if (a->n_features == 1) {
        d_log_a[0] = w.dlog_a;
        d_log_b[0] = w.dlog_b;
        return;
    }
    double t = turn(e, shape, axis), s = hpo_sin(t * w.w), c = hpo_cos(t * w.w);
    d_log_a[0] = c * t * w.dlog_a;
    d_log_a[1] = -s * t * w.dlog_a;
    d_log_b[0] = c * t * w.dlog_b;
    d_log_b[1] = -s * t * w.dlog_b;
    if (e->periodic && a->kind == HPO_AXIS_REAL) return;
    d_rho[0] = c * PI * w.w;
    d_rho[1] = -s * PI * w.w;
}
