/* SPDX-License-Identifier: Apache-2.0 */
/* acq/search.c - the maximiser: candidates, starts, climbs, and a point that is new.
 *
 * Starts: the best candidate; for half of the others those of the best 64 with a valley (a lower score half
 * way) between them and each one taken, so that every high peak has one; the rest drawn with probability
 * proportional to exp(score - best score), which for the logarithm of an expected improvement is proportional
 * to the improvement itself, at least 0.3 lengthscales (of at most 0.3) from
 * those taken.  The answer is the best end of a
 * climb that is not excluded, else the best candidate that is not, else what random draws find.  Finite
 * spaces of up to 2048 configurations are scored whole: there the answer is exact and HPO_DONE means that
 * every configuration is excluded. */
#include "acq/search.h"

#include <math.h>
#include <string.h>

#include "acq/search_internal.h"
#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "math/minimise.h"
#include "space/space.h"

enum { STARTS = 6, DRAWS = 4096, COUNT_CHECKS = 1 << 16, RANKED = 64 };
/* Scores have peaks between the points known, however long the lengthscales. */
static const double SPACING = 0.3, LONGEST = 0.3;

/* ---- setting up -------------------------------------------------------------------------------------------
 */

typedef struct lister {
    hpo_search *s;
    size_t cap;
    hpo_status status;
    hpo_error *err;
} lister;

static int list_one(void *ctx, const double *x)
{
    lister *l = ctx;
    hpo_search *s = l->s;
    size_t d = s->n_dims;
    l->status = hpo_reserve(&s->listed, &l->cap, (s->n_listed + 1) * d + 1, sizeof *s->listed, l->err);
    if (l->status != HPO_OK) return 1;
    hpo_space_encode(s->space, x, s->listed + s->n_listed++ * d);
    return 0;
}

static hpo_status list_space(hpo_search *s, hpo_error *err)
{
    if (hpo_space_needs(s->space) & HPO_CAP_CONTINUOUS) return HPO_OK;
    if (!(hpo_space_size(s->space, COUNT_CHECKS) <= HPO_SEARCH_LISTED)) return HPO_OK;
    lister l = {s, 0, HPO_OK, err};
    HPO_TRY(hpo_space_enumerate(s->space, list_one, &l, err));
    s->is_listed = l.status == HPO_OK;
    return l.status;
}

static hpo_status open_search(hpo_search *s, uint64_t seed, hpo_error *err)
{
    size_t d = s->n_dims;
    uint32_t needs = hpo_space_needs(s->space);
    s->constrained = (needs & (HPO_CAP_CONSTRAINTS | HPO_CAP_DEPENDENT)) != 0;
    s->plain = (needs & ~(uint32_t)HPO_CAP_CONTINUOUS) == 0;
    s->x = hpo_alloc_array(s->n_columns + 1, sizeof *s->x);
    s->row = hpo_alloc_array(8 * d + 1, sizeof *s->row);
    s->dim = hpo_alloc_array(d + 1, sizeof *s->dim);
    s->moves = hpo_alloc_array(HPO_SEARCH_MOVES * (d + 1), sizeof *s->moves);
    s->lbfgs = hpo_alloc_array(hpo_lbfgsb_work(d + 1, 8), sizeof *s->lbfgs);
    if (!s->x || !s->row || !s->dim || !s->moves || !s->lbfgs) return hpo_fail_memory(err);
    s->move_value = s->moves + HPO_SEARCH_MOVES * d;
    s->gradient = s->row + d;
    s->z = s->row + 2 * d;
    s->z_low = s->row + 3 * d;
    s->z_high = s->row + 4 * d;
    s->low = s->row + 5 * d;
    s->high = s->row + 6 * d;
    s->scale = s->row + 7 * d;
    if (d > 0 && d <= HPO_SOBOL_MAX_DIMS)
        HPO_TRY(hpo_sobol_create(d, HPO_SCRAMBLE_OWEN, seed, &s->sobol, err));
    return list_space(s, err);
}

hpo_status hpo_search_create(const hpo_embed *embed, uint64_t seed, hpo_search **out, hpo_error *err)
{
    *out = NULL;
    hpo_search *s = hpo_calloc(1, sizeof *s);
    if (s == NULL) return hpo_fail_memory(err);
    s->embed = embed;
    s->space = hpo_embed_space(embed);
    s->n_dims = hpo_embed_n_dims(embed);
    s->n_axes = hpo_embed_n_axes(embed);
    s->n_columns = hpo_space_n_columns(s->space);
    hpo_status status = open_search(s, seed, err);
    if (status == HPO_OK)
        *out = s;
    else
        hpo_search_free(s);
    return status;
}

void hpo_search_free(hpo_search *s)
{
    if (s == NULL) return;
    hpo_sobol_free(s->sobol);
    hpo_free(s->listed);
    hpo_free(s->u);
    hpo_free(s->value);
    hpo_free(s->moves);
    hpo_free(s->x);
    hpo_free(s->row);
    hpo_free(s->dim);
    hpo_free(s->lbfgs);
    hpo_free(s);
}

/* ---- starts -----------------------------------------------------------------------------------------------
 */

/* Squared distance in lengthscales. */
static double scaled_distance(const hpo_search *s, const double *u, const double *v)
{
    double sum = 0;
    for (size_t i = 0; i < s->n_axes; i++) {
        const hpo_axis *a = hpo_embed_axis(s->embed, i);
        double l = fmin(hpo_search__length(s, i), LONGEST), part = 0;
        for (size_t k = a->dim; k < a->dim + a->n_dims; k++) {
            double t = u[k] - v[k];
            if (isnan(t))
                part += isnan(u[k]) != isnan(v[k]);
            else
                part += a->kind == HPO_AXIS_LABEL ? fabs(t) > 1e-9 : t * t;
        }
        sum += part / (l * l);
    }
    return sum;
}

static size_t best_of(const double *value, size_t n)
{
    size_t top = 0;
    for (size_t i = 1; i < n; i++)
        if (value[i] > value[top] || isnan(value[top])) top = i;
    return top;
}

/* Index drawn in proportion to exp(value - top); n: all weights are 0. */
static size_t roulette(const hpo_search *s, double top)
{
    double total = 0, sum = 0;
    for (size_t i = 0; i < s->n; i++)
        if (s->value[i] > top - 40) total += hpo_exp(s->value[i] - top);
    double at = hpo_rng_uniform(s->rng) * total;
    for (size_t i = 0; i < s->n; i++) {
        if (!(s->value[i] > top - 40)) continue;
        sum += hpo_exp(s->value[i] - top);
        if (sum > at) return i;
    }
    return s->n;
}

static int is_apart(const hpo_search *s, size_t i, const size_t *start, size_t n)
{
    for (size_t k = 0; k < n; k++)
        if (scaled_distance(s, s->u + i * s->n_dims, s->u + start[k] * s->n_dims) < SPACING * SPACING)
            return 0;
    return 1;
}

/* The RANKED best candidates, best first. */
static size_t rank_candidates(const hpo_search *s, size_t *rank)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        size_t at = n;
        if (!isfinite(s->value[i]) || (n == RANKED && !(s->value[i] > s->value[rank[n - 1]]))) continue;
        if (n == RANKED)
            at--;
        else
            n++;
        for (; at > 0 && s->value[i] > s->value[rank[at - 1]]; at--)
            rank[at] = rank[at - 1];
        rank[at] = i;
    }
    return n;
}

/* 1 when the score half way to each of the n starts is lower than at both ends. */
static int has_valleys(hpo_search *s, size_t i, const size_t *start, size_t n)
{
    size_t d = s->n_dims;
    const double *u = s->u + i * d;
    for (size_t k = 0; k < n; k++) {
        const double *v = s->u + start[k] * d;
        double *middle = s->moves + k * d;
        memcpy(middle, u, d * sizeof *u);
        for (size_t j = 0; j < s->n_axes; j++) {
            const hpo_axis *a = hpo_embed_axis(s->embed, j);
            if (a->kind == HPO_AXIS_REAL && !isnan(u[a->dim]) && !isnan(v[a->dim]))
                middle[a->dim] = 0.5 * (u[a->dim] + v[a->dim]);
        }
    }
    (s->options.scan != NULL ? s->options.scan : s->score->values)(s->score->ctx, s->moves, n, s->move_value);
    for (size_t k = 0; k < n; k++)
        if (!(s->move_value[k] < fmin(s->value[i], s->value[start[k]]))) return 0;
    return 1;
}

static size_t choose_starts(hpo_search *s, size_t *start, size_t want)
{
    size_t n = 0, rank[RANKED], n_ranked = rank_candidates(s, rank), peaks = 1 + (want - 1) / 2;
    if (n_ranked == 0) { /* nothing to choose by */
        if (s->n > 0) start[n++] = 0;
        return n;
    }
    for (size_t i = 0; i < n_ranked && n < peaks && n < want; i++)
        if (n == 0 || has_valleys(s, rank[i], start, n)) start[n++] = rank[i];
    for (size_t attempt = 0; attempt < 4 * want && n < want; attempt++) {
        size_t i = roulette(s, s->value[rank[0]]);
        if (i < s->n && is_apart(s, i, start, n)) start[n++] = i;
    }
    return n;
}

/* ---- the answer
 * --------------------------------------------------------------------------------------------- */

void hpo_search__consider(hpo_search *s, const double *u, double value)
{
    if (isnan(value) || (s->found && !(value > s->answer_value)) || hpo_search__excluded(s, u)) return;
    memcpy(s->answer, u, s->n_dims * sizeof *u);
    s->answer_value = value;
    s->found = 1;
}

/* 1 when the scores of candidates are not those of their normal forms. */
static int is_rough(const hpo_search *s)
{
    return s->plain || s->options.scan != NULL;
}

static hpo_status whole_list(hpo_search *s, hpo_error *err)
{
    HPO_TRY(hpo_reserve(&s->value, &s->cap_value, s->n_listed + 1, sizeof *s->value, err));
    if (s->n_listed > 0) s->score->values(s->score->ctx, s->listed, s->n_listed, s->value);
    for (int anywhere = 0; anywhere < 2 && !s->found; anywhere++)
        for (size_t i = 0; i < s->n_listed; i++)
            if (anywhere || hpo_search__inside(s, s->listed + i * s->n_dims))
                hpo_search__consider(s, s->listed + i * s->n_dims,
                                     isnan(s->value[i]) ? -HUGE_VAL : s->value[i]);
    return s->found ? HPO_OK : HPO_DONE;
}

/* Where climbs end at known points, or nothing is to climb: the best of the other candidates, by and by. */
static void other_candidates(hpo_search *s)
{
    for (size_t left = s->n; left > 0 && !s->found; left--) {
        size_t i = best_of(s->value, s->n);
        if (isnan(s->value[i])) return;
        double *u = s->u + i * s->n_dims, value = s->value[i];
        s->value[i] = (double)NAN;
        if (!hpo_search__normalise(s, u)) continue;
        if (is_rough(s)) s->score->values(s->score->ctx, u, 1, &value);
        hpo_search__consider(s, u, value);
    }
}

static hpo_status random_points(hpo_search *s, hpo_error *err)
{
    for (size_t i = 0; i < DRAWS && !s->found; i++) {
        HPO_TRY(hpo_space_draw(s->space, s->rng, s->moves, err));
        hpo_space_decode(s->space, s->moves, s->x);
        hpo_space_encode(s->space, s->x, s->moves);
        if (hpo_search__excluded(s, s->moves)) continue;
        s->score->values(s->score->ctx, s->moves, 1, s->move_value);
        hpo_search__consider(s, s->moves, isnan(s->move_value[0]) ? -HUGE_VAL : s->move_value[0]);
    }
    return HPO_OK;
}

static hpo_status search_all(hpo_search *s, hpo_error *err)
{
    size_t start[HPO_SEARCH_MAX_STARTS], want = s->options.n_starts ? s->options.n_starts : STARTS;
    size_t d = s->n_dims;
    if (s->is_listed) return whole_list(s, err);
    HPO_TRY(hpo_search__candidates(s, err));
    size_t n = s->options.flat
                   ? 0
                   : choose_starts(s, start, want < HPO_SEARCH_MAX_STARTS ? want : HPO_SEARCH_MAX_STARTS);
    double *u = s->u + s->n * d; /* one row is always left */
    for (size_t i = 0; i < n; i++) {
        double value = s->value[start[i]];
        memcpy(u, s->u + start[i] * d, d * sizeof *u);
        if (!hpo_search__normalise(s, u)) continue;
        if (is_rough(s)) s->score->values(s->score->ctx, u, 1, &value);
        hpo_search__climb(s, u, &value);
        if (s->score->gradient == NULL) hpo_search__wander(s, u, &value);
        hpo_search__consider(s, u, value);
    }
    if (s->constrained && s->score->gradient != NULL && s->found) {
        double value = s->answer_value;
        memcpy(u, s->answer, d * sizeof *u);
        hpo_search__wander(s, u, &value);
        hpo_search__consider(s, u, value);
    }
    if (!s->found) other_candidates(s);
    if (!s->found) HPO_TRY(random_points(s, err));
    return s->found ? HPO_OK : HPO_DONE;
}

hpo_status hpo_search_maximise(hpo_search *s, const hpo_score *score, const hpo_search_options *options,
                               const double *best, size_t n_best, const double *exclude, size_t n_exclude,
                               hpo_rng *rng, double *u_out, double *value, hpo_error *err)
{
    s->score = score;
    s->options = *options;
    s->best = best;
    s->n_best = n_best;
    s->exclude = exclude;
    s->n_exclude = exclude != NULL ? n_exclude : 0;
    s->rng = rng;
    s->answer = u_out;
    s->answer_value = -HUGE_VAL;
    s->found = 0;
    hpo_status status = search_all(s, err);
    if (value != NULL) *value = s->answer_value;
    return status;
}
