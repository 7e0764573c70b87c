/* SPDX-License-Identifier: Apache-2.0 */
/* acq/shares.c - the acquisitions of FABOLAS, MF-MES and cf-KG: a configuration u and a place t of the
 * resource (model/fabolas.h).
 *
 *     a(u, t) = I(u, t) P(no failure at u) / (c(u, t) + overhead)
 *     FABOLAS:  I = H(p) - E H(p given f(u, t) + noise)
 *     MF-MES:   I = H(y(u, t)) - E H(y(u, t) given the least value of f(., 1)),  y(u, t) = f(u, t) + noise
 *     cf-KG:    I = min_z E f(z, 1) - E min_z E(f(z, 1) given y(u, t)),  z: the places and u
 *
 * p(z): probability that the minimum of f(., 1), the loss in full, is at z, among PLACES places z
 * (minimum.h).  Least values: of MINIMA joint draws of f(., 1) at all points below (max_value.c).
 *
 * Points are DRAWS draws from the prior, the BEST trials, NEAR steps from the first AROUND of them, the
 * maximum of the expected improvement in full, and GROWN steps from all of these, drawn in proportion to that
 * improvement (times P): population Monte Carlo with steps from a tenth to a third of a hundredth, so that
 * the places lie where the minimum may be, however well that is known.  The places z are drawn from them
 * without repetition by the same weights, and u is looked for among all of them: at each level the JUDGED
 * points that promise most per cost are judged by a - by what they explain of the differences between the z,
 * or by r^2 times the information of f(u, 1), r the correlation of y(u, t) and f(u, 1) - and the best pair of
 * all is improved by random steps at its level.  A trial takes part with the levels above what it has
 * reached.
 *
 * Klein, Falkner, Bartels, Hennig & Hutter: "Fast Bayesian optimization of machine learning hyperparameters
 * on large datasets", AISTATS 2017, equation 8 and algorithm 2, where a Markov chain finds the places.
 * Takeno and others, ICML 2020 (max_value.c), equation 1 and algorithm 1, where functions are drawn by random
 * features, and what is told of is f(u, t) itself: where the noise is not small the same level is then asked
 * for again and again, for information that no observation brings. */
#include <math.h>
#include <string.h>

#include "acq/acquisition.h"
#include "acq/minimum.h"
#include "acq/shares_internal.h"
#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "math/rng.h"
#include "space/space.h"

enum {
    PLACES = HPO_SHARES_PLACES,
    DRAWS = HPO_SHARES_DRAWS,
    NEAR = HPO_SHARES_NEAR,
    BEST = HPO_SHARES_BEST,
    GROWN = HPO_SHARES_GROWN,
    POOL = HPO_SHARES_POOL,
    SAMPLES = 512,
    MINIMA = 16,
    AROUND = 8,
    JUDGED = 6,
    STEPS = 16,
    ROUNDS = 3,
    TRIES = 16
};
enum { NEW = -1, BLOCKED = -2 }; /* beside numbers of trials */

/* Point `at` of the pool at a level. */
typedef struct pair {
    size_t at, level;
    int64_t trial;
    double value, gain, cost; /* value: ln a */
} pair;

/* ---- life --------------------------------------------------------------------------------------------- */

static hpo_status open_shares(hpo_shares *s, const hpo_embed *embed, uint64_t seed, hpo_error *err)
{
    size_t n = POOL + 1, d = s->n_dims, z = POOL;
    HPO_TRY(hpo_search_create(embed, seed, &s->search, err));
    s->trial = hpo_alloc_array(n, sizeof *s->trial);
    s->pool = hpo_alloc_array(n * (d + PLACES + 9) + z * (d + z + 1) + 6 * (PLACES + 1) +
                                  hpo_space_n_columns(s->space) + 1,
                              sizeof *s->pool);
    if (s->trial == NULL || s->pool == NULL) return hpo_fail_memory(err);
    s->cov = s->pool + n * d;
    s->log_cost = s->cov + n * PLACES;
    s->score = s->log_cost + n;
    s->places = s->score + 3 * n;
    s->pairs = s->places + z * (d + z + 1);
    s->lines = s->pairs + 5 * n;
    s->x = s->lines + 6 * (PLACES + 1);
    return HPO_OK;
}

hpo_status hpo_shares_create(const hpo_embed *embed, uint64_t seed, hpo_shares **out, hpo_error *err)
{
    *out = NULL;
    hpo_shares *s = hpo_calloc(1, sizeof *s);
    if (s == NULL) return hpo_fail_memory(err);
    s->embed = embed;
    s->space = hpo_embed_space(embed);
    s->n_dims = hpo_embed_n_dims(embed);
    hpo_status rc = open_shares(s, embed, seed, err);
    if (rc != HPO_OK) {
        hpo_shares_free(s);
        return rc;
    }
    *out = s;
    return HPO_OK;
}

void hpo_shares_free(hpo_shares *s)
{
    if (s == NULL) return;
    hpo_search_free(s->search);
    hpo_free(s->pool);
    hpo_free(s->trial);
    hpo_free(s->known);
    hpo_free(s->level);
    hpo_free(s);
}

size_t hpo_shares_best(const double *mean, size_t n, size_t most, size_t *out)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        double v = mean[i];
        if (isinf(v) || (count == most && !(v < mean[out[count - 1]]))) continue;
        size_t at = count == most ? count - 1 : count++;
        for (; at > 0 && v < mean[out[at - 1]]; at--)
            out[at] = out[at - 1];
        out[at] = i;
    }
    return count;
}

/* ---- points ------------------------------------------------------------------------------------------- */

static double reflect(double v)
{
    if (v < 0) v = -v;
    if (v > 1) v = 2 - v;
    return fmin(fmax(v, 0), 1);
}

/* A feasible point near `from` into out; a draw from the prior where none is found. */
static hpo_status step_from(hpo_shares *s, const double *from, double sd, hpo_rng *rng, double *out,
                            hpo_error *err)
{
    for (int k = 0; k < TRIES; k++) {
        for (size_t j = 0; j < s->n_dims; j++) { /* what was inactive may become active */
            double v = isnan(from[j]) ? hpo_rng_uniform(rng) : from[j];
            int moves = s->n_dims == 1 || hpo_rng_uniform(rng) < 0.7;
            out[j] = moves ? reflect(v + sd * hpo_rng_normal(rng)) : v;
        }
        hpo_space_decode(s->space, out, s->x);
        if (!hpo_space_feasible(s->space, s->x)) continue;
        hpo_space_encode(s->space, s->x, out);
        return HPO_OK;
    }
    return hpo_space_draw(s->space, rng, out, err);
}

static int same(const double *a, const double *b, size_t d)
{
    for (size_t j = 0; j < d; j++)
        if (!(a[j] == b[j] || (isnan(a[j]) && isnan(b[j])))) return 0;
    return 1;
}

/* The trial whose configuration u is. */
static int64_t known(const hpo_shares *s, const double *u)
{
    for (size_t i = 0; i < s->q->n; i++)
        if (s->q->known[i] && same(s->q->u + i * s->n_dims, u, s->n_dims)) return (int64_t)i;
    return NEW;
}

/* The same, or BLOCKED where most trainings fail: its loss there is none that could be had. */
static int64_t standing(const hpo_shares *s, const double *u)
{
    const hpo_success *success = s->q->rule != HPO_SHARES_PLACE ? s->q->success : NULL;
    if (success != NULL && hpo_success_log_probability(success, u, NULL) < HPO_SHARES_UNLIKELY)
        return BLOCKED;
    return known(s, u);
}

static void normalise(hpo_shares *s, double *u)
{
    hpo_space_decode(s->space, u, s->x);
    hpo_space_encode(s->space, s->x, u);
}

/* The point of largest expected improvement in full. */
static hpo_status most_promising(hpo_shares *s, const double *around, size_t n, double least, hpo_rng *rng,
                                 double *out, hpo_error *err)
{
    hpo_fidelity_slice slice = {hpo_fabolas_loss(s->q->model), 1};
    hpo_posterior p = hpo_fidelity_gp_posterior(&slice);
    const hpo_acq_options kind = {.kind = HPO_ACQ_LOG_EI, .pending = HPO_PENDING_IGNORE};
    const hpo_acq_context context = {.best = least, .success = s->q->success};
    const hpo_search_options o = {.n_uniform = 128, .n_local = 64, .n_starts = 3, .max_iterations = 25};
    hpo_acq *acq = NULL;
    double value;
    HPO_TRY(hpo_acq_create(s->space, &p, &kind, &context, rng, &acq, err));
    const hpo_score score = hpo_acq_score(acq);
    hpo_status rc = hpo_search_maximise(s->search, &score, &o, around, n, NULL, 0, rng, out, &value, err);
    hpo_acq_free(acq);
    return rc;
}

/* ln of EI in full times P, of the first n points of the pool. */
static void promise(hpo_shares *s, size_t n, double least, double *out)
{
    double *mean = s->score, *var = mean + n;
    hpo_fidelity_gp_moments(hpo_fabolas_loss(s->q->model), s->pool, n, 1, mean, var);
    for (size_t i = 0; i < n; i++) {
        out[i] = hpo_acq_log_ei(mean[i], sqrt(var[i]), least, NULL, NULL);
        if (s->q->success == NULL) continue;
        double ok = hpo_success_log_probability(s->q->success, s->pool + i * s->n_dims, NULL);
        out[i] = ok < HPO_SHARES_UNLIKELY ? -(double)INFINITY : out[i] + ok;
    }
}

/* Steps from points of the pool that are drawn in proportion to what they promise: towards the places of one
 * that would be drawn from the whole space so, however small they are. */
static hpo_status grow_pool(hpo_shares *s, double least, hpo_rng *rng, size_t *n, hpo_error *err)
{
    static const double sizes[] = {0.1, 0.03, 0.01, 0.003};
    double *key = s->score + 2 * *n, most = -(double)INFINITY, sum = 0;
    size_t n_parents = *n, d = s->n_dims;
    promise(s, n_parents, least, key);
    for (size_t i = 0; i < n_parents; i++)
        most = fmax(most, key[i]);
    if (isinf(most)) return HPO_OK;
    for (size_t i = 0; i < n_parents; i++) {
        key[i] = hpo_exp(key[i] - most);
        sum += key[i];
    }
    for (size_t k = 0; k < GROWN; k++, (*n)++) {
        double left = sum * hpo_rng_uniform(rng);
        size_t i = 0;
        for (; i + 1 < n_parents && left >= key[i]; i++)
            left -= key[i];
        HPO_TRY(step_from(s, s->pool + i * d, sizes[k % 4], rng, s->pool + *n * d, err));
    }
    return HPO_OK;
}

static hpo_status fill_pool(hpo_shares *s, hpo_rng *rng, size_t *n, hpo_error *err)
{
    const hpo_shares_question *q = s->q;
    static const double sizes[] = {0.15, 0.05, 0.02, 0.01};
    size_t d = s->n_dims, best[BEST], n_best = hpo_shares_best(q->mean, q->n, BEST, best),
           around = n_best < AROUND ? n_best : AROUND;
    double least = n_best > 0 ? q->mean[best[0]] : (double)INFINITY;
    *n = 0;
    for (; *n < DRAWS; (*n)++) {
        HPO_TRY(hpo_space_draw(s->space, rng, s->pool + *n * d, err));
        normalise(s, s->pool + *n * d);
    }
    for (size_t k = 0; around > 0 && k < NEAR; k++, (*n)++)
        HPO_TRY(step_from(s, q->u + best[k % around] * d, sizes[k / around % 4], rng, s->pool + *n * d, err));
    for (size_t k = 0; k < n_best; k++, (*n)++)
        memcpy(s->pool + *n * d, q->u + best[k] * d, d * sizeof *q->u);
    if (n_best > 0) {
        const double *around_these = s->pool + (*n - n_best) * d;
        hpo_status rc = most_promising(s, around_these, around, least, rng, s->pool + *n * d, err);
        if (rc < 0) return rc;
        *n += rc == HPO_OK;
    }
    HPO_TRY(grow_pool(s, least, rng, n, err));
    for (size_t i = 0; i < *n; i++)
        s->trial[i] = standing(s, s->pool + i * d);
    return HPO_OK;
}

/* Draws at most `most` places without repetition, in proportion to what they promise: the largest of its
 * logarithm plus a Gumbel variable.  Where most will fail nothing is looked for, else what can never be known
 * would be asked for again and again, since a failure is cheap. */
static size_t choose_places(hpo_shares *s, size_t n, size_t most, hpo_rng *rng)
{
    const hpo_shares_question *q = s->q;
    size_t d = s->n_dims, count = 0, best;
    double *key = s->score + 2 * n, least = (double)INFINITY;
    if (hpo_shares_best(q->mean, q->n, 1, &best) > 0) least = q->mean[best];
    promise(s, n, least, key);
    for (size_t i = 0; i < n; i++)
        key[i] -= hpo_log(-hpo_log(hpo_rng_uniform(rng) + 0x1p-54));
    while (count < most && count < n) {
        size_t top = 0;
        for (size_t i = 1; i < n; i++)
            if (key[i] > key[top]) top = i;
        if (isinf(key[top])) break;
        key[top] = -(double)INFINITY;
        int twice = 0;
        for (size_t k = 0; k < count && !twice; k++)
            twice = same(s->places + k * d, s->pool + top * d, d);
        if (!twice) memcpy(s->places + count++ * d, s->pool + top * d, d * sizeof *s->pool);
    }
    return count;
}

/* ---- a decision --------------------------------------------------------------------------------------- */

typedef struct decision {
    hpo_minimum *minimum; /* PLACE, VALUE */
    size_t n_places;
    double *mean;         /* of the places in full */
    double least[MINIMA]; /* values of the minimum; VALUE */
    pair best, best_full;
} decision;

double hpo_shares__cost(const hpo_shares *s, double log_cost)
{
    return hpo_exp(log_cost) + s->q->overhead;
}

/* The moments of points of the pool at one level, and in full and the covariances of both (not PLACE);
 * covariances with the places in full (not VALUE). */
typedef struct view {
    size_t n, level;
    double noise;
    double *var, *with_places;
    double *mean_full, *var_full, *cov;
} view;

static hpo_status look(const hpo_shares *s, const decision *d, size_t n, size_t level, view *v,
                       hpo_error *err)
{
    const hpo_fidelity_gp *gp = hpo_fabolas_loss(s->q->model);
    double place = hpo_fabolas_place(s->q->model, s->q->level[level]), *mean = s->score, *var = mean + n;
    *v =
        (view){.n = n, .level = level, .noise = hpo_fidelity_gp_noise(gp), .var = var, .with_places = s->cov};
    if (s->q->rule != HPO_SHARES_PLACE) {
        v->var = s->pairs + n;
        v->mean_full = v->var + n;
        v->var_full = v->mean_full + n;
        v->cov = v->var_full + n;
        HPO_TRY(hpo_fidelity_gp_pairs(gp, s->pool, n, place, 1, s->pairs, err));
    }
    if (s->q->rule == HPO_SHARES_VALUE) return HPO_OK;
    return hpo_fidelity_gp_between(gp, s->pool, n, place, s->places, d->n_places, 1, mean, var, s->cov, err);
}

/* Of y(u, t) and f(u, 1), point i. */
static double correlation(const view *v, size_t i)
{
    return fmin(fabs(v->cov[i]) / sqrt((v->var[i] + v->noise) * v->var_full[i]), 1);
}

/* By how much an observation of point i lowers the least mean in full of the places and of the point itself.
 */
static double knowledge(const hpo_shares *s, const decision *d, const view *v, size_t i)
{
    size_t n = d->n_places;
    double *a = s->lines, *b = a + n + 1, sd = sqrt(v->var[i] + v->noise);
    for (size_t j = 0; j < n; j++) {
        a[j] = -d->mean[j];
        b[j] = -v->with_places[i * n + j] / sd;
    }
    a[n] = -v->mean_full[i];
    b[n] = -v->cov[i] / sd;
    return hpo_acq_knowledge(a, b, n + 1, b + n + 1);
}

/* What point i tells; a rough measure of it. */
static double gain(const hpo_shares *s, const decision *d, const view *v, size_t i)
{
    if (s->q->rule == HPO_SHARES_KNOWLEDGE) return knowledge(s, d, v, i);
    if (s->q->rule == HPO_SHARES_PLACE)
        return hpo_minimum_gain(d->minimum, v->with_places + i * d->n_places, v->var[i] + v->noise);
    return hpo_acq_mes_correlated(v->mean_full[i], sqrt(v->var_full[i]), correlation(v, i), d->least, MINIMA);
}

static double promised(const hpo_shares *s, const decision *d, const view *v, size_t i)
{
    if (s->q->rule == HPO_SHARES_KNOWLEDGE) return knowledge(s, d, v, i);
    if (s->q->rule == HPO_SHARES_PLACE)
        return hpo_minimum_explained(d->minimum, v->with_places + i * d->n_places, v->var[i] + v->noise);
    double r = correlation(v, i);
    return r * r * hpo_acq_mes(v->mean_full[i], sqrt(v->var_full[i]), d->least, MINIMA, NULL, NULL);
}

/* a of one point of the pool. */
static void judge(hpo_shares *s, decision *d, const view *v, size_t at)
{
    pair o = {.at = at, .level = v->level, .trial = s->trial[at]};
    o.gain = gain(s, d, v, at);
    o.cost = hpo_shares__cost(s, s->log_cost[at]);
    o.value = o.gain > 0 ? hpo_log(o.gain) - hpo_log(o.cost) : -(double)INFINITY;
    if (s->q->success != NULL)
        o.value += hpo_success_log_probability(s->q->success, s->pool + at * s->n_dims, NULL);
    if (o.value > d->best.value) d->best = o;
    if (v->level + 1 == s->q->n_levels && o.value > d->best_full.value) d->best_full = o;
}

static int may_be(const hpo_shares *s, size_t at, size_t level)
{
    int64_t t = s->trial[at];
    if (t < 0) return t == NEW;
    return s->q->level[level] > s->q->reached[t] * (1 + 1e-9);
}

/* The first n points of the pool at one level; at most `most` of them are judged. */
static hpo_status judge_level(hpo_shares *s, decision *d, size_t n, size_t level, size_t most, hpo_error *err)
{
    view v;
    double *key = s->score + 2 * n;
    HPO_TRY(look(s, d, n, level, &v, err));
    hpo_fabolas_log_cost(s->q->model, s->pool, n, hpo_fabolas_place(s->q->model, s->q->level[level]),
                         s->log_cost);
    for (size_t i = 0; i < n; i++)
        key[i] = may_be(s, i, level) ? promised(s, d, &v, i) / hpo_shares__cost(s, s->log_cost[i]) : -1;
    for (size_t k = 0; k < most; k++) {
        size_t top = 0;
        for (size_t i = 1; i < n; i++)
            if (key[i] > key[top]) top = i;
        if (key[top] < 0) break;
        judge(s, d, &v, top);
        key[top] = -1;
    }
    return HPO_OK;
}

/* Random steps from the best pair, if it is new: at its level. */
static hpo_status improve(hpo_shares *s, decision *d, hpo_rng *rng, hpo_error *err)
{
    static const double sizes[ROUNDS] = {0.1, 0.03, 0.01};
    size_t w = s->n_dims;
    double *best = s->pool + POOL * w;
    if (d->best.trial != NEW) return HPO_OK;
    for (size_t round = 0; round < ROUNDS; round++) {
        memcpy(best, s->pool + d->best.at * w, w * sizeof *best);
        d->best.at = POOL;
        for (size_t k = 0; k < STEPS; k++) {
            HPO_TRY(step_from(s, best, sizes[round], rng, s->pool + k * w, err));
            s->trial[k] = standing(s, s->pool + k * w) == NEW ? NEW : BLOCKED; /* the others were judged */
        }
        HPO_TRY(judge_level(s, d, STEPS, d->best.level, STEPS, err));
    }
    return HPO_OK;
}

static hpo_status judge_all(hpo_shares *s, decision *d, size_t n, hpo_rng *rng, hpo_error *err)
{
    hpo_status rc = HPO_OK;
    for (size_t k = 0; k < s->q->n_levels && rc == HPO_OK; k++)
        rc = judge_level(s, d, n, k, JUDGED, err);
    if (rc != HPO_OK) return rc;
    return d->best.value > -(double)INFINITY ? improve(s, d, rng, err) : HPO_DONE;
}

/* Where the minimum in full may be, and how low. */
static hpo_status draw_minima(hpo_shares *s, decision *d, size_t n, hpo_rng *rng, hpo_error *err)
{
    int value = s->q->rule == HPO_SHARES_VALUE;
    double *mean = s->places + POOL * s->n_dims, *cov = mean + POOL;
    d->n_places = choose_places(s, n, value ? POOL : PLACES, rng);
    d->mean = mean;
    if (d->n_places < 2) return HPO_DONE;
    if (s->q->rule == HPO_SHARES_KNOWLEDGE) {
        hpo_fidelity_gp_moments(hpo_fabolas_loss(s->q->model), s->places, d->n_places, 1, mean, cov);
        return HPO_OK;
    }
    HPO_TRY(hpo_fidelity_gp_joint(hpo_fabolas_loss(s->q->model), s->places, d->n_places, 1, mean, cov, err));
    hpo_status rc =
        hpo_minimum_create(mean, cov, d->n_places, value ? MINIMA : SAMPLES, rng, &d->minimum, err);
    if (rc == HPO_OK && value) hpo_minimum_values(d->minimum, d->least);
    return rc == HPO_ENUMERIC ? HPO_DONE : rc;
}

hpo_status hpo_shares_choose(hpo_shares *s, const hpo_shares_question *q, hpo_rng *rng, double *u_out,
                             hpo_shares_answer *out, hpo_error *err)
{
    size_t n;
    decision d = {.best.value = -(double)INFINITY, .best_full.value = -(double)INFINITY};
    s->q = q;
    if (q->rule == HPO_SHARES_BOUND) return hpo_shares__bound(s, rng, u_out, out, err);
    HPO_TRY(fill_pool(s, rng, &n, err));
    hpo_status rc = draw_minima(s, &d, n, rng, err);
    if (rc == HPO_OK) rc = judge_all(s, &d, n, rng, err);
    if (rc == HPO_OK) {
        const int in_full = isfinite(d.best_full.value);
        *out = (hpo_shares_answer){.level = d.best.level,
                                   .trial = d.best.trial,
                                   .gain = d.best.gain,
                                   .cost = d.best.cost,
                                   .entropy = d.minimum != NULL ? hpo_minimum_entropy(d.minimum) : 0,
                                   .gain_full = in_full ? d.best_full.gain : 0,
                                   .cost_full = in_full ? d.best_full.cost : 0};
        if (out->trial == NEW) memcpy(u_out, s->pool + d.best.at * s->n_dims, s->n_dims * sizeof *u_out);
    }
    hpo_minimum_free(d.minimum);
    return rc;
}
