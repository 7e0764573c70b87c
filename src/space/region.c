/* SPDX-License-Identifier: Apache-2.0 */
/* space/region.c - finds the feasible part of a constrained space when the first draw needs it.
 *
 * All work is done in the cube V = [0,1)^n before the prior, where a draw from the prior is uniform.  First,
 * plain rejection: when at least 1 draw in 50 is feasible nothing else is needed.  Otherwise interval branch
 * and prune (Hansen & Walster 2004), with shaving where needed: the box of the dimensions that constraints
 * depend on is halved again and again, largest volume first, and every half on which interval evaluation
 * proves a constraint false is dropped.  What remains covers the feasible set; uniform draws from the cover,
 * rejected where infeasible, are exactly uniform on it.  When even the cover is too loose (a thin shell in
 * many dimensions), known feasible points seed a Markov chain (chain.c).  A cover without boxes proves that
 * the space is empty; freezing tries that for a millisecond or two, unless it meets a feasible point. */
#include "space/region.h"
#include "base/alloc.h"
#include "base/error.h"
#include <math.h>
#include <string.h>

enum {
    FIRST_TRIES = 2000, /* draws that decide on plain rejection ... */
    FIRST_HITS = 40,    /* ... when so many are feasible */
    MAX_BOXES = 4096,
    MAX_BOX_NUMBERS = 1 << 20, /* bounds of all boxes together */
    FIRST_CHECK = 64,          /* boxes before the cover is tried */
    CHECK_TRIES = 400,         /* draws from the cover after each doubling ... */
    CHECK_HITS = 100,          /* ... that end the refinement when so many are feasible */
    LAST_TRIES = 100000,       /* draws from the final cover ... */
    LAST_HITS = 10,            /* ... that make it good enough */
    SEARCH_NODES = 40000,      /* boxes looked at in the search for feasible points */
    MAX_STATES = 200000,       /* interval evaluations spent on the cover */
    PROOF_TRIES = 100,         /* draws at freezing, before emptiness is tried to be proved ... */
    PROOF_BOXES = 256,         /* ... with so many boxes */
    PROOF_STATES = 1000        /* ... and interval evaluations */
};

/* ---- enclosures ------------------------------------------------------------------------------------ */

/* Values of one coordinate of c over [lo, hi) of V. */
static hpo_range scalar_range(const hpo_space *s, const hpo_codec *c, const hpo_scalar *k, double lo,
                              double hi)
{
    double a = hpo_codec_prior(s, c, lo), b = hpo_codec_prior(s, c, hi > lo ? nextafter(hi, 0) : hi);
    hpo_range r = {hpo_scalar_decode(k, a), hpo_scalar_decode(k, b), 0};
    if (k->discrete || (k->scale == HPO_SCALE_LINEAR && s->params[c->param].prior == HPO_PRIOR_NONE))
        return r;
    double pad =
        1e-11 * fmax(fabs(r.lo), fabs(r.hi)); /* curved scales and quantiles: monotone but for rounding */
    r.lo = fmax(r.lo - pad, k->low);
    r.hi = fmin(r.hi + pad, k->high);
    return r;
}

/* The range of a number whose bounds are ranges themselves: (1-u) L + u H is monotone in L and H. */
static hpo_range dependent_range(const hpo_space *s, const hpo_codec *c, double lo, double hi,
                                 const hpo_range *columns)
{
    const hpo_param *p = &s->params[c->param];
    hpo_range low = p->low_expr ? hpo_expr_interval(p->low_expr, columns) : (hpo_range){p->low, p->low, 0};
    hpo_range high =
        p->high_expr ? hpo_expr_interval(p->high_expr, columns) : (hpo_range){p->high, p->high, 0};
    int is_int = p->kind == HPO_KIND_INT;
    hpo_range r = {HUGE_VAL, -HUGE_VAL, low.unknown || high.unknown};
    if (low.lo > low.hi || high.lo > high.hi) return r;
    if (is_int) {
        low = (hpo_range){ceil(low.lo), ceil(low.hi), low.unknown};
        high = (hpo_range){floor(high.lo), floor(high.hi), high.unknown};
    }
    r.lo = low.lo;
    r.hi = fmax(high.hi, low.hi); /* an empty range decodes to its low bound */
    if (p->scale != HPO_SCALE_LINEAR || (p->step > 0 && !is_int) || p->step > 1 ||
        !isfinite(high.hi - low.lo))
        return r;
    double a = hpo_codec_prior(s, c, lo), b = hpo_codec_prior(s, c, hi), one = is_int ? 1 : 0;
    double least = fmin((1 - a) * low.lo + a * (high.lo + one), (1 - b) * low.lo + b * (high.lo + one));
    double most = fmax((1 - a) * low.hi + a * (high.hi + one), (1 - b) * low.hi + b * (high.hi + one));
    double pad = 1e-11 * fmax(fabs(least), fabs(most));
    least = is_int ? ceil(least - 1 - pad) : least - pad;
    most = is_int ? floor(most + pad) : most + pad;
    r.lo = fmax(r.lo, least);
    r.hi = fmin(r.hi, fmax(most, low.hi));
    return r;
}

static void simplex_ranges(const hpo_codec *c, const double *bounds, hpo_range *r)
{
    /* Monotone: what is left grows with every coordinate before. */
    double low_left = 1, high_left = 1;
    for (size_t i = 0; i + 1 < c->n; i++) {
        double m = (double)(c->n - 1 - i), pad = 0x1p-40;
        double keep_low = hpo_simplex_keep(bounds[2 * i], m),
               keep_high = hpo_simplex_keep(bounds[2 * i + 1], m);
        r[i] = (hpo_range){fmax(low_left * (1 - keep_high) - pad, 0),
                           fmin(high_left * (1 - keep_low) + pad, 1), 0};
        low_left *= keep_low;
        high_left *= keep_high;
    }
    r[c->n - 1] = (hpo_range){fmax(low_left - 0x1p-40, 0), fmin(high_left + 0x1p-40, 1), 0};
}

static void subset_ranges(const hpo_param *p, const hpo_codec *c, const double *bounds, hpo_range *r)
{
    int free_size = p->min_size == 0 && p->max_size == p->n_items;
    for (size_t i = 0; i < c->n; i++) {
        int can_on = bounds[2 * i + 1] > 0.5, can_off = bounds[2 * i] < 0.5;
        r[i] = free_size ? (hpo_range){can_off ? 0 : 1, can_on ? 1 : 0, 0} : (hpo_range){0, 1, 0};
    }
}

static void codec_ranges(const hpo_space *s, const hpo_codec *c, const double *bounds, hpo_range *columns)
{
    hpo_range *r = columns + c->column;
    const double *b = bounds + 2 * c->dim;
    switch ((hpo_codec_op)c->op) {
    case HPO_CODEC_UNIT:
    case HPO_CODEC_SCALAR:
        r[0] = scalar_range(s, c, &c->k, b[0], b[1]);
        return;
    case HPO_CODEC_CELLS: {
        double lo = floor(hpo_codec_prior(s, c, b[0]) * c->k.n);
        double hi = floor(hpo_codec_prior(s, c, b[1] > b[0] ? nextafter(b[1], 0) : b[1]) * c->k.n);
        r[0] = (hpo_range){fmin(lo, c->k.n - 1), fmin(hi, c->k.n - 1), 0};
        return;
    }
    case HPO_CODEC_FIXED:
        r[0] = (hpo_range){c->k.high, c->k.high, 0};
        return;
    case HPO_CODEC_BOUNDS:
        r[0] = dependent_range(s, c, b[0], b[1], columns);
        return;
    case HPO_CODEC_PERMUTATION:
        for (size_t i = 0; i < c->n; i++)
            r[i] = (hpo_range){0, (double)(c->n - 1), 0};
        return;
    case HPO_CODEC_SIMPLEX:
        simplex_ranges(c, b, r);
        return;
    case HPO_CODEC_SUBSET:
        subset_ranges(&s->params[c->param], c, b, r);
        return;
    case HPO_CODEC_VECTOR:
        for (size_t i = 0; i < c->n; i++)
            r[i] = scalar_range(s, c, &c->k, b[2 * i], b[2 * i + 1]);
        return;
    }
}

void hpo_region_columns(const hpo_space *s, const double *bounds, hpo_range *columns)
{
    for (size_t i = 0; i < s->n_params; i++) {
        const hpo_codec *c = &s->program[i];
        hpo_range on = c->when ? hpo_expr_interval(c->when, columns) : (hpo_range){1, 1, 0};
        int can_on = on.lo <= 1 && on.hi >= 1, can_off = on.unknown || on.lo <= 0;
        if (can_on) codec_ranges(s, c, bounds, columns);
        for (size_t j = 0; j < c->n; j++) {
            hpo_range *r = &columns[c->column + j];
            if (!can_on) *r = (hpo_range){HUGE_VAL, -HUGE_VAL, 1};
            r->unknown |= can_off;
        }
    }
}

/* Is a dependent range never empty (1), always (-1), or perhaps (0), wherever the parameter is active? */
static int range_state(const hpo_space *s, const hpo_codec *c, const hpo_range *columns)
{
    const hpo_param *p = &s->params[c->param];
    hpo_range low = p->low_expr ? hpo_expr_interval(p->low_expr, columns) : (hpo_range){p->low, p->low, 0};
    hpo_range high =
        p->high_expr ? hpo_expr_interval(p->high_expr, columns) : (hpo_range){p->high, p->high, 0};
    if (low.lo > low.hi || high.lo > high.hi) return 1; /* unknown bounds: inactive */
    if (p->kind == HPO_KIND_INT) {
        low.lo = ceil(low.lo);
        low.hi = ceil(low.hi);
        high.lo = floor(high.lo);
        high.hi = floor(high.hi);
    }
    if (low.hi <= high.lo && p->scale == HPO_SCALE_LINEAR && isfinite(high.hi - low.lo)) return 1;
    return low.lo > high.hi && !low.unknown && !high.unknown && !columns[c->column].unknown ? -1 : 0;
}

int hpo_region_state(const hpo_space *s, const double *bounds, hpo_range *columns, size_t *culprit)
{
    int sure = 1;
    hpo_region_columns(s, bounds, columns);
    for (size_t i = 0; i < s->n_constraints; i++) {
        hpo_range r = hpo_expr_interval(s->constraints[i].expr, columns);
        int can_false = r.lo <= 0 && r.hi >= 0, can_hold = r.unknown || (r.lo <= 1 && r.hi >= 1);
        if (can_false) sure = 0;
        if (can_hold) continue;
        *culprit = i;
        return -1;
    }
    for (size_t i = 0; s->has_bounds && i < s->n_params; i++) {
        if (s->program[i].op != HPO_CODEC_BOUNDS) continue;
        int state = range_state(s, &s->program[i], columns);
        if (state < 1) sure = 0;
        if (state >= 0) continue;
        *culprit = s->n_constraints + i;
        return -1;
    }
    return sure;
}

/* ---- which dimensions matter ------------------------------------------------------------------------ */

static void mark_expr(const hpo_space *s, const hpo_expr *e, uint8_t *used);

static void mark_param(const hpo_space *s, size_t i, uint8_t *used)
{
    const hpo_param *p = &s->params[i];
    if (used[i]) return;
    used[i] = 1;
    mark_expr(s, p->when_expr, used);
    mark_expr(s, p->low_expr, used);
    mark_expr(s, p->high_expr, used);
}

static void mark_expr(const hpo_space *s, const hpo_expr *e, uint8_t *used)
{
    for (size_t i = 0; e && i < e->n_params; i++)
        mark_param(s, e->params[i], used);
}

/* Dimensions that decide on feasibility, and the place in the program that each belongs to. */
static void find_dims(const hpo_space *s, uint8_t *used, hpo_region *r, uint32_t *owner)
{
    memset(used, 0, s->n_params);
    for (size_t i = 0; i < s->n_constraints; i++)
        mark_expr(s, s->constraints[i].expr, used);
    for (size_t i = 0; i < s->n_params; i++)
        if (s->params[i].low_expr || s->params[i].high_expr) mark_param(s, i, used);
    r->n_dims = 0;
    for (size_t i = 0; i < s->n_params; i++) {
        const hpo_codec *c = &s->program[i];
        for (size_t j = 0; j < c->n_dims; j++) {
            owner[c->dim + j] = (uint32_t)i;
            if (used[c->param]) r->dims[r->n_dims++] = (uint32_t)(c->dim + j);
        }
    }
}

/* ---- the cover -------------------------------------------------------------------------------------- */

typedef struct cover {
    const hpo_space *s;
    hpo_region *r;
    const uint32_t *owner;
    double *boxes,
        *volume;          /* n boxes as in hpo_region, a heap by volume; settled ones have the sign flipped */
    size_t n, cap, width; /* width: numbers a box = 2 n_dims */
    size_t states;        /* interval evaluations so far ... */
    size_t max_states;    /* ... and allowed */
    double *bounds;       /* 2 x all dimensions: scratch */
    double *v, *x;        /* a point and its configuration: scratch */
    double *pair;         /* two boxes: scratch */
    hpo_range *columns;
    hpo_rng rng;
} cover;

static void swap_boxes(cover *c, size_t i, size_t j)
{
    double t = c->volume[i];
    c->volume[i] = c->volume[j];
    c->volume[j] = t;
    for (size_t k = 0; k < c->width; k++) {
        t = c->boxes[i * c->width + k];
        c->boxes[i * c->width + k] = c->boxes[j * c->width + k];
        c->boxes[j * c->width + k] = t;
    }
}

/* Settled boxes (feasible throughout, or too small to split) carry minus their volume: they sink. */
static void sift_up(cover *c, size_t i)
{
    for (; i > 0 && c->volume[(i - 1) / 2] < c->volume[i]; i = (i - 1) / 2)
        swap_boxes(c, i, (i - 1) / 2);
}

static void sift_down(cover *c, size_t i)
{
    for (;;) {
        size_t m = i, l = 2 * i + 1;
        if (l < c->n && c->volume[l] > c->volume[m]) m = l;
        if (l + 1 < c->n && c->volume[l + 1] > c->volume[m]) m = l + 1;
        if (m == i) return;
        swap_boxes(c, i, m);
        i = m;
    }
}

static double volume_of(const cover *c, const double *box)
{
    double v = 1;
    for (size_t i = 0; i < c->r->n_dims; i++)
        v *= box[2 * i + 1] - box[2 * i];
    return v;
}

static int box_state(cover *c, const double *box, size_t *culprit)
{
    for (size_t i = 0; i < c->s->n_dims; i++) {
        c->bounds[2 * i] = 0;
        c->bounds[2 * i + 1] = 1;
    }
    for (size_t i = 0; i < c->r->n_dims; i++) {
        c->bounds[2 * c->r->dims[i]] = box[2 * i];
        c->bounds[2 * c->r->dims[i] + 1] = box[2 * i + 1];
    }
    c->states++;
    return hpo_region_state(c->s, c->bounds, c->columns, culprit);
}

static void push(cover *c, const double *box, int settled)
{
    double v = volume_of(c, box);
    memcpy(c->boxes + c->n * c->width, box, c->width * sizeof *box);
    c->volume[c->n] = settled ? -v : v;
    sift_up(c, c->n++);
}

static void pop(cover *c, double *box)
{
    memcpy(box, c->boxes, c->width * sizeof *box);
    c->n--;
    if (c->n) {
        swap_boxes(c, 0, c->n);
        sift_down(c, 0);
    }
}

/* A value of coordinate v of dimension dim of a discrete parameter, as a number that grows with v. */
static double level(const hpo_space *s, const hpo_codec *codec, double v)
{
    double u = hpo_codec_prior(s, codec, v);
    if (codec->op == HPO_CODEC_SUBSET) return u >= 0.5;
    if (codec->op == HPO_CODEC_CELLS) return floor(u * codec->k.n);
    return hpo_scalar_decode(&codec->k, u);
}

/* Where to cut [lo, hi) of a dimension; 0 when it cannot be cut usefully. */
static double cut_of(const hpo_space *s, const hpo_codec *codec, double lo, double hi)
{
    double middle = lo + (hi - lo) / 2;
    int discrete = codec->op == HPO_CODEC_CELLS || codec->op == HPO_CODEC_SUBSET ||
                   ((codec->op == HPO_CODEC_SCALAR || codec->op == HPO_CODEC_VECTOR) && codec->k.discrete);
    if (codec->op == HPO_CODEC_PERMUTATION || !(middle > lo && middle < hi)) return 0;
    if (!discrete) return hi - lo > 1e-13 ? middle : 0;
    double a = level(s, codec, lo), b = level(s, codec, nextafter(hi, 0));
    if (a == b) return 0;
    double at = a + (b - a) / 2, left = lo, right = hi; /* level(left) <= at < level(right) */
    for (int i = 0; i < 70; i++) {
        middle = left + (right - left) / 2;
        if (!(middle > left && middle < right)) break;
        if (level(s, codec, middle) > at)
            right = middle;
        else
            left = middle;
    }
    return right < hi ? right : 0;
}

/* Cuts the longest side that can be cut into pair[0], pair[1]; 0: none can. */
static int split(cover *c, const double *box)
{
    size_t best = SIZE_MAX;
    double at = 0, longest = 0;
    for (size_t i = 0; i < c->r->n_dims; i++) {
        double side = box[2 * i + 1] - box[2 * i];
        if (!(side > longest * 1.0000001)) continue;
        double cut = cut_of(c->s, &c->s->program[c->owner[c->r->dims[i]]], box[2 * i], box[2 * i + 1]);
        if (cut == 0) continue;
        best = i;
        at = cut;
        longest = side;
    }
    if (best == SIZE_MAX) return 0;
    memcpy(c->pair, box, c->width * sizeof *box);
    memcpy(c->pair + c->width, box, c->width * sizeof *box);
    c->pair[2 * best + 1] = at;
    c->pair[c->width + 2 * best] = at;
    return 1;
}

/* Cuts off what is provably infeasible at one end of side i, by slabs that grow while they succeed. */
static void shave_end(cover *c, double *box, size_t i, int upper)
{
    size_t culprit;
    double *lo = &box[2 * i], *hi = &box[2 * i + 1], side = *hi - *lo;
    for (double part = side / 2; part > side / 256 && *hi - *lo > 1e-12;) {
        double keep_lo = *lo, keep_hi = *hi;
        if (part >= *hi - *lo) part = (*hi - *lo) / 2;
        if (upper)
            *lo = *hi - part;
        else
            *hi = *lo + part;
        double edge = upper ? *lo : *hi;
        int state = box_state(c, box, &culprit);
        *lo = keep_lo;
        *hi = keep_hi;
        if (state >= 0)
            part /= 4;
        else if (upper)
            *hi = edge;
        else
            *lo = edge;
    }
}

/* Contracts a box towards the feasible set (box consistency): thin shells need it.  Discrete sides stay. */
static void shave(cover *c, double *box)
{
    for (size_t i = 0; i < c->r->n_dims; i++) {
        const hpo_codec *codec = &c->s->program[c->owner[c->r->dims[i]]];
        int continuous =
            codec->op == HPO_CODEC_UNIT || codec->op == HPO_CODEC_SIMPLEX || codec->op == HPO_CODEC_BOUNDS ||
            ((codec->op == HPO_CODEC_SCALAR || codec->op == HPO_CODEC_VECTOR) && !codec->k.discrete);
        if (!continuous) continue;
        shave_end(c, box, i, 0);
        shave_end(c, box, i, 1);
    }
}

/* ---- draws ------------------------------------------------------------------------------------------ */

/* Is the point v of V feasible?  x gets its configuration, u (may be v's own scratch) its coordinates. */
static int test_point(cover *c, const double *v, double *u)
{
    hpo_space_apply_prior(c->s, v, u);
    hpo_space_decode(c->s, u, c->x);
    return hpo_space_feasible(c->s, c->x);
}

static void draw_in_box(cover *c, const double *box)
{
    hpo_rng_uniforms(&c->rng, c->v, c->s->n_dims);
    for (size_t i = 0; i < c->r->n_dims; i++)
        c->v[c->r->dims[i]] = hpo_region_place(box[2 * i], box[2 * i + 1], c->v[c->r->dims[i]]);
}

static void keep_point(cover *c)
{
    if (c->r->n_pool < HPO_POOL)
        memcpy(c->r->pool + c->r->n_pool++ * c->s->n_dims, c->v, c->s->n_dims * sizeof *c->v);
}

/* Fills cumulative volumes; the total. */
static double cumulate(cover *c)
{
    double sum = 0;
    for (size_t i = 0; i < c->n; i++)
        c->r->cumulative[i] = sum += fabs(c->volume[i]);
    return sum;
}

/* Share of feasible draws from the cover; ends after `enough`.  c->bounds serves as scratch for u. */
static double try_cover(cover *c, size_t tries, size_t enough, size_t *hits)
{
    double total = cumulate(c);
    size_t t = 0;
    *hits = 0;
    for (; t < tries && *hits < enough; t++) {
        size_t box = hpo_region_pick(c->r->cumulative, c->n, hpo_rng_uniform(&c->rng) * total);
        draw_in_box(c, c->boxes + box * c->width);
        if (!test_point(c, c->v, c->bounds)) continue;
        keep_point(c);
        ++*hits;
    }
    return t ? (double)*hits / (double)t : 0;
}

/* ---- stages ----------------------------------------------------------------------------------------- */

/* Plain rejection: share of feasible draws, and the constraint that fails most. */
static hpo_status first_tries(cover *c, size_t tries, size_t enough, size_t *hits, hpo_error *err)
{
    const hpo_space *s = c->s;
    size_t t = 0, n = s->n_constraints;
    uint32_t *passes = hpo_calloc(n + 1, sizeof *passes);
    if (!passes) return hpo_fail_memory(err);
    *hits = 0;
    for (; t < tries && *hits < enough; t++) {
        hpo_rng_uniforms(&c->rng, c->v, s->n_dims);
        int ok = test_point(c, c->v, c->bounds);
        if (ok) keep_point(c);
        *hits += ok != 0;
        for (size_t i = 0; i < n; i++)
            passes[i] += hpo_expr_eval(s->constraints[i].expr, c->x) != 0;
    }
    c->r->share = (double)*hits / (double)t;
    c->r->hardest = 0;
    for (size_t i = 1; i < n; i++)
        if (passes[i] < passes[c->r->hardest]) c->r->hardest = i;
    c->r->hardest_share = n ? (double)passes[c->r->hardest] / (double)t : 1;
    hpo_free(passes);
    return HPO_OK;
}

static hpo_status fail_empty(const hpo_space *s, size_t culprit, hpo_error *err)
{
    if (culprit < s->n_constraints)
        return hpo_fail(err, HPO_EINVAL,
                        "constraint '%.300s' can never hold within the ranges; relax it or widen them",
                        s->constraints[culprit].text);
    return hpo_fail(err, HPO_EINVAL, "%s: its range is always empty; change its bounds",
                    s->params[s->program[culprit - s->n_constraints].param].name);
}

/* Splits until draws from the cover are good enough (looked at from `check` boxes on) or there is no more
 * room. */
static hpo_status refine(cover *c, size_t check, hpo_error *err)
{
    size_t culprit = 0, hits = 0;
    int shaving = 0;
    double *box = c->pair + 2 * c->width;
    for (size_t i = 0; i < c->r->n_dims; i++) {
        box[2 * i] = 0;
        box[2 * i + 1] = 1;
    }
    int state = box_state(c, box, &culprit);
    if (state < 0) return fail_empty(c->s, culprit, err);
    push(c, box, state > 0);
    for (size_t rounds = 0;
         c->n && c->n + 1 < c->cap && c->volume[0] > 0 && rounds < 4 * MAX_BOXES && c->states < c->max_states;
         rounds++) {
        pop(c, box);
        if (shaving) shave(c, box);
        if (!split(c, box)) {
            push(c, box, 1);
            continue;
        }
        for (int half = 0; half < 2; half++) {
            const double *part = c->pair + (size_t)half * c->width;
            state = box_state(c, part, &culprit);
            if (state >= 0) push(c, part, state > 0);
        }
        if (c->n < check) continue;
        check *= 2;
        if (try_cover(c, CHECK_TRIES, CHECK_HITS, &hits) > 0 && hits >= CHECK_HITS) break;
        shaving = c->n >= 256 && hits < CHECK_TRIES / 50;
    }
    for (size_t i = 0; shaving && i < c->n; i++) {
        if (c->volume[i] <= 0) continue;
        shave(c, c->boxes + i * c->width);
        c->volume[i] = volume_of(c, c->boxes + i * c->width);
    }
    if (c->n) return HPO_OK;
    if (c->s->n_constraints > 1)
        return hpo_fail(err, HPO_EINVAL,
                        "no configuration satisfies all constraints; the hardest is '%.300s'",
                        c->s->constraints[c->r->hardest].text);
    return fail_empty(c->s, culprit, err);
}

/* Depth-first bisection into the cover, trying points on the way, until one is feasible.  *nodes counts. */
static int search_point(cover *c, double *stack, size_t depth_cap, size_t *nodes)
{
    size_t culprit;
    while (*nodes < SEARCH_NODES) {
        size_t depth = 1, from = hpo_region_pick(c->r->cumulative, c->n,
                                                 hpo_rng_uniform(&c->rng) * c->r->cumulative[c->n - 1]);
        memcpy(stack, c->boxes + from * c->width, c->width * sizeof *stack);
        for (size_t steps = 0; depth > 0 && steps < 400; steps++) {
            double *top = stack + --depth * c->width;
            for (int i = 0; i < 4; i++) {
                draw_in_box(c, top);
                if (test_point(c, c->v, c->bounds)) {
                    keep_point(c);
                    return 1;
                }
            }
            if (!split(c, top)) continue;
            int first = (int)hpo_rng_below(&c->rng, 2);
            for (int half = 0; half < 2 && depth < depth_cap; half++) {
                const double *part = c->pair + (size_t)(half == first) * c->width;
                if (box_state(c, part, &culprit) >= 0)
                    memcpy(stack + depth++ * c->width, part, c->width * sizeof *part);
            }
            *nodes += 2;
        }
        ++*nodes;
    }
    return 0;
}

static hpo_status find_start(cover *c, hpo_error *err)
{
    const size_t depth_cap = 1000;
    double *stack = hpo_alloc_array(depth_cap + 2, c->width * sizeof *stack);
    if (!stack) return hpo_fail_memory(err);
    (void)cumulate(c);
    size_t nodes = 0;
    while (c->r->n_pool < HPO_POOL && search_point(c, stack, depth_cap, &nodes))
        continue;
    hpo_free(stack);
    c->r->mode = c->r->n_pool ? HPO_DRAW_CHAIN : HPO_DRAW_NONE;
    return HPO_OK;
}

static hpo_status build(cover *c, hpo_error *err)
{
    hpo_region *r = c->r;
    size_t hits = 0;
    HPO_TRY(first_tries(c, FIRST_TRIES, FIRST_HITS, &hits, err));
    if (hits >= FIRST_HITS || r->n_dims == 0) {
        r->mode = hits ? HPO_DRAW_REJECT : HPO_DRAW_NONE;
        return HPO_OK;
    }
    HPO_TRY(refine(c, FIRST_CHECK, err));
    double share = try_cover(c, LAST_TRIES, 20 * LAST_HITS, &hits);
    r->share = share * cumulate(c);
    r->n_boxes = c->n;
    r->mode = HPO_DRAW_BOXES;
    if (hits >= LAST_HITS) return HPO_OK;
    r->mode = HPO_DRAW_CHAIN;
    if (r->n_pool < HPO_POOL) HPO_TRY(find_start(c, err));
    if (r->mode == HPO_DRAW_CHAIN) hpo_chain_spread(c->s, r, &c->rng, c->x, c->bounds);
    return HPO_OK;
}

/* Empties a region and gives it and the cover room for so many boxes. */
static hpo_status open_cover(const hpo_space *s, hpo_region *r, size_t max_boxes, cover *c, hpo_error *err)
{
    uint8_t *used = hpo_alloc_array(s->n_params, 1);
    uint32_t *owner = hpo_alloc_array(s->n_dims + 1, sizeof *owner);
    *c = (cover){.s = s, .r = r, .owner = owner, .max_states = MAX_STATES};
    r->dims = hpo_alloc_array(s->n_dims + 1, sizeof *r->dims);
    r->n_pool = r->n_boxes = 0;
    r->share = 1;
    hpo_rng_init(&c->rng, UINT64_C(0x5ace), UINT64_MAX, HPO_RNG_SPACE);
    if (used && owner && r->dims) {
        find_dims(s, used, r, owner);
        c->width = 2 * r->n_dims;
        c->cap = c->width ? MAX_BOX_NUMBERS / c->width : 1;
        c->cap = c->cap > max_boxes ? max_boxes : c->cap < 16 ? 16 : c->cap;
        c->boxes = r->boxes = hpo_alloc_array(c->cap * c->width + 1, sizeof(double));
        c->volume = hpo_alloc_array(c->cap, sizeof(double));
        c->bounds = hpo_alloc_array(4 * s->n_dims + 2 * s->n_columns + 2, sizeof(double));
        c->v = hpo_alloc_array(s->n_dims + 1, sizeof(double));
        c->x = hpo_alloc_array(s->n_columns + 1, sizeof(double));
        c->pair = hpo_alloc_array(3 * c->width + 1, sizeof(double));
        c->columns = hpo_alloc_array(s->n_columns + 1, sizeof *c->columns);
        r->cumulative = hpo_alloc_array(c->cap, sizeof(double));
        r->pool = hpo_alloc_array(HPO_POOL * s->n_dims + 1, sizeof(double));
    }
    hpo_free(used);
    return c->boxes && c->volume && c->bounds && c->v && c->x && c->pair && c->columns && r->cumulative &&
                   r->pool
               ? HPO_OK
               : hpo_fail_memory(err);
}

static void close_cover(cover *c)
{
    hpo_free((void *)(uintptr_t)c->owner);
    hpo_free(c->volume);
    hpo_free(c->bounds);
    hpo_free(c->v);
    hpo_free(c->x);
    hpo_free(c->pair);
    hpo_free(c->columns);
}

static void forget(hpo_region *r)
{
    hpo_free(r->dims);
    hpo_free(r->boxes);
    hpo_free(r->cumulative);
    hpo_free(r->pool);
    r->dims = NULL;
    r->boxes = r->cumulative = r->pool = NULL;
}

/* Fails only when nothing is feasible for sure. */
static hpo_status prove(cover *c, hpo_error *err)
{
    size_t hits = 0;
    HPO_TRY(first_tries(c, PROOF_TRIES, 1, &hits, err));
    if (hits > 0) return HPO_OK;
    if (c->r->n_dims == 0) return fail_empty(c->s, c->r->hardest, err);
    c->max_states = PROOF_STATES;
    return refine(c, SIZE_MAX, err);
}

static hpo_status find(const hpo_space *s, hpo_region *r, hpo_error *err)
{
    cover c;
    hpo_status status = open_cover(s, r, MAX_BOXES, &c, err);
    if (status == HPO_OK) status = build(&c, err);
    close_cover(&c);
    if (status == HPO_EINVAL) { /* proved to be empty after all: drawing says so */
        r->mode = HPO_DRAW_NONE;
        status = HPO_OK;
    }
    if (status != HPO_OK) forget(r);
    return status;
}

hpo_status hpo_region_get(const hpo_space *s, const hpo_region **out, hpo_error *err)
{
    hpo_region *r = s->region;
    hpo_status status = HPO_OK;
    *out = r;
    if (atomic_load_explicit(&r->built, memory_order_acquire)) return HPO_OK;
    hpo_mutex_lock(&r->lock);
    if (!atomic_load_explicit(&r->built, memory_order_relaxed)) {
        status = find(s, r, err);
        if (status == HPO_OK) atomic_store_explicit(&r->built, 1, memory_order_release);
    }
    hpo_mutex_unlock(&r->lock);
    return status;
}

hpo_status hpo_region_open(hpo_space *s, hpo_error *err)
{
    cover c;
    hpo_region *r = hpo_calloc(1, sizeof *r);
    if (!r) return hpo_fail_memory(err);
    hpo_status status = hpo_mutex_init(&r->lock, err);
    if (status != HPO_OK) {
        hpo_free(r);
        return status;
    }
    s->region = r;
    r->mode = HPO_DRAW_FREE;
    r->share = 1;
    int constrained = s->n_constraints > 0 || s->has_bounds;
    atomic_init(&r->built, !constrained);
    if (!constrained) return HPO_OK;
    status = open_cover(s, r, PROOF_BOXES, &c, err);
    if (status == HPO_OK) status = prove(&c, err);
    close_cover(&c);
    forget(r);
    return status;
}

void hpo_region_close(hpo_region *r)
{
    if (!r) return;
    forget(r);
    hpo_mutex_fini(&r->lock);
    hpo_free(r);
}
