/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/fabolas.c - FABOLAS: a configuration and the share of the data that it is trained on, chosen
 * together.
 *
 * Each training up to a resource r is an evaluation of its own; nothing is trained further.  Two Gaussian
 * processes over configuration u and place t of the resource (model/fabolas.h) give the loss f(u, t) and the
 * cost c(u, t).  A free worker is given the pair of largest
 *
 *     a(u, t) = [H(p) - E H(p given f(u, t) + noise)] P(no failure at u) / (c(u, t) + overhead),
 *
 * p(z) = probability that the minimum of f(., 1), the loss in full, is at z, among REPRESENTERS places z
 * (acq/minimum.h). These are drawn without repetition in proportion to their expected improvement in full,
 * from draws from the prior, the best trials and points near them.  u is looked for among the same points and
 * t among the levels: for each level the best few by the differences between the z that they explain are
 * judged by a, and the best of all is improved by random steps of shrinking size.  A configuration that was
 * trained before takes part with the levels above its last: it is taken up again, and so is one row of the
 * study.  Trainings under way count as if they had brought what is expected of them.
 *
 * What a user wants in the end is a configuration that was evaluated in full.  The one whose expected loss in
 * full is least is, when it has not been: whenever of what T full evaluations cost fewer than max(full T,
 * log2 T) were in full, and at the end of the budget of trials.  In the paper that is done outside, to the
 * same trials.
 *
 * The first `initial` configurations are the sampler's, on up to OPENING of the smallest levels in turn, and
 * so are those that cannot be evaluated.  Randomness is keyed by the number of pieces that have begun.
 *
 * Klein, Falkner, Bartels, Hennig & Hutter: "Fast Bayesian optimization of machine learning hyperparameters
 * on large datasets", AISTATS 2017, algorithm 2.  Theirs instead: hyperparameters by Markov chains, places by
 * another one. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "acq/acquisition.h"
#include "acq/minimum.h"
#include "acq/search.h"
#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "math/rng.h"
#include "model/fabolas.h"
#include "model/success.h"
#include "scheduler/builtin.h"
#include "scheduler/rung.h"
#include "space/space.h"

enum {
    OPENING = 4,
    REPRESENTERS = 48,
    SAMPLES = 512,
    DRAWS = 80,
    NEAR = 32,
    AROUND = 8, /* best trials that points are near to */
    BEST = 16,  /* ... that may be taken up again */
    GROWN = 64,
    POOL = DRAWS + NEAR + BEST + 1 + GROWN,
    JUDGED = 6, /* a level */
    STEPS = 16,
    ROUNDS = 3,
    TRIES = 16
};

static const double LN_UNLIKELY = -1.3862943611198906; /* ln 1/4 */

typedef struct fabolas_config {
    double eta, min, overhead, full;
    int64_t initial;
} fabolas_config;

/* What a worker could do: evaluate point `at` of the pool at a level. */
typedef struct option_pair {
    size_t at, level;
    int64_t trial; /* that it is, or NEW */
    double value, gain, cost;
} option_pair;

typedef struct fabolas {
    hpo_levels levels; /* first: hpo_levels_list */
    fabolas_config config;
    const hpo_space *space;
    uint64_t seed, n_pieces, n_new, n_events;
    double sign;
    size_t n_dims;
    hpo_sched_rows rows;
    hpo_rung *rungs;
    hpo_embed *embed;
    hpo_fabolas *model;
    hpo_success *success;
    hpo_search *search;
    double *u;       /* by trial */
    uint8_t *status; /* by trial: how its newest piece stands */
    size_t cap_u, cap_status;
    size_t begun[HPO_MAX_LEVELS]; /* pieces, by level */
    size_t n_full, n_failed;
    /* for one decision */
    hpo_fabolas_pending *pending;
    double *mean, *var; /* by trial, in full */
    double *ok_u;       /* rows of the classifier */
    uint8_t *ok;
    size_t cap_pending, cap_mean, cap_ok_u, cap_ok;
    double *block, *pool, *score, *places, *cov, *log_cost, *x;
    int64_t *trial; /* POOL + 1: that a point of the pool is, or NEW, or BLOCKED */
    /* the last decision, good until the next event */
    uint64_t decided_at; /* of n_events, and whether a trial could be made; 0: none */
    hpo_action decided;
    double *decided_u;
} fabolas;

enum { NOTHING, BEGUN, MEASURED, FULL, FAILED };
enum { NEW = -1, BLOCKED = -2 };

/* ---- begin and end ---------------------------------------------------------------------------------- */

static size_t opening_size(const fabolas *s)
{
    size_t n = s->space->n_params + 1;
    if (s->config.initial >= 0) return (size_t)s->config.initial;
    return n < 5 ? 8 : n < 9 ? 2 * n : 18;
}

static hpo_status fabolas_init(void *state, const void *config, const hpo_sched_problem *p, hpo_error *err)
{
    fabolas *s = state;
    s->config = *(const fabolas_config *)config;
    s->space = p->space;
    s->seed = p->seed;
    s->sign = p->sign[0];
    if (p->n_outcomes > 0)
        return hpo_fail(err, HPO_EUNSUPPORTED,
                        "scheduler 'fabolas' cannot handle measured constraints: choose 'asha' or 'none'");
    HPO_TRY(hpo_levels_init(&s->levels, p, s->config.min, s->config.eta, err));
    HPO_TRY(hpo_embed_create(p->space, &s->embed, err));
    s->n_dims = hpo_embed_n_dims(s->embed);
    HPO_TRY(hpo_fabolas_create(s->embed, s->levels.at[0], s->levels.at[s->levels.n - 1], opening_size(s),
                               &s->model, err));
    HPO_TRY(hpo_success_create(s->embed, &s->success, err));
    HPO_TRY(hpo_search_create(s->embed, s->seed, &s->search, err));
    size_t n = POOL + 1, d = s->n_dims, z = REPRESENTERS;
    s->rungs = hpo_calloc(s->levels.n, sizeof *s->rungs);
    s->trial = hpo_alloc_array(n, sizeof *s->trial);
    s->block = hpo_alloc_array(n * (d + z + 4) + z * (d + z + 1) + hpo_space_n_columns(p->space) + d + 1,
                               sizeof *s->block);
    if (s->rungs == NULL || s->trial == NULL || s->block == NULL) return hpo_fail_memory(err);
    s->pool = s->block;
    s->cov = s->pool + n * d;
    s->log_cost = s->cov + n * z;
    s->score = s->log_cost + n;
    s->places = s->score + 3 * n; /* z rows, their means and covariances */
    s->decided_u = s->places + z * (d + z + 1);
    s->x = s->decided_u + d;
    return HPO_OK;
}

static void fabolas_fini(void *state)
{
    fabolas *s = state;
    for (size_t i = 0; s->rungs != NULL && i < s->levels.n; i++)
        hpo_ranking_fini(&s->rungs[i].ranking);
    hpo_free(s->rungs);
    hpo_free(s->u);
    hpo_free(s->status);
    hpo_free(s->pending);
    hpo_free(s->mean);
    hpo_free(s->ok_u);
    hpo_free(s->ok);
    hpo_free(s->block);
    hpo_free(s->trial);
    hpo_sched_rows_fini(&s->rows);
    hpo_search_free(s->search);
    hpo_success_free(s->success);
    hpo_fabolas_free(s->model);
    hpo_embed_free(s->embed);
}

/* ---- events ------------------------------------------------------------------------------------------- */

static hpo_status need(fabolas *s, int64_t trial, hpo_error *err)
{
    size_t had = s->rows.n;
    HPO_TRY(hpo_sched_rows_need(&s->rows, trial, err));
    HPO_TRY(hpo_reserve(&s->u, &s->cap_u, s->rows.n * s->n_dims + 1, sizeof *s->u, err));
    HPO_TRY(hpo_reserve(&s->status, &s->cap_status, s->rows.n, sizeof *s->status, err));
    for (size_t i = had; i < s->rows.n; i++)
        s->status[i] = NOTHING;
    return HPO_OK;
}

static double full(const fabolas *s)
{
    return s->levels.at[s->levels.n - 1] * (1 - 1e-9);
}

static hpo_status fabolas_start(void *state, const hpo_sched_start *e, hpo_error *err)
{
    fabolas *s = state;
    size_t i = (size_t)e->trial;
    HPO_TRY(need(s, e->trial, err));
    if (e->u != NULL) memcpy(s->u + i * s->n_dims, e->u, s->n_dims * sizeof *s->u);
    hpo_rungs_start(s->rungs, &s->rows.row[i], e->trial, e->resource);
    int64_t level = hpo_levels_find(&s->levels, e->resource);
    s->begun[level < 0 ? 0 : level]++;
    s->n_events++;
    s->n_pieces++;
    s->n_new += e->kind != HPO_ACT_RESUME;
    s->status[i] = BEGUN;
    return HPO_OK;
}

static void fail(fabolas *s, int64_t trial)
{
    s->n_failed += s->status[trial] != FAILED;
    s->status[trial] = FAILED;
}

/* A training has ended.  cost: of all the trial's pieces, what it takes to come there if they go on from each
 * other; a program that begins anew has spent little on the smaller ones.  0: unknown. */
static hpo_status measure(fabolas *s, int64_t trial, double y, double cost, hpo_error *err)
{
    hpo_sched_row *t = &s->rows.row[trial];
    int in_full = t->target >= full(s);
    if (!isfinite(y)) {
        fail(s, trial);
        return HPO_OK;
    }
    HPO_TRY(hpo_fabolas_add(s->model, trial, t->target, y, cost, s->u, err));
    s->status[trial] = in_full ? FULL : MEASURED;
    s->n_full += (size_t)in_full;
    t->step = t->target; /* also when it is told without a report */
    t->last = y;
    return hpo_rungs_enter(s->rungs, &s->levels, t, trial, err);
}

static hpo_status fabolas_report(void *state, const hpo_sched_report *r, hpo_sched_answer *out,
                                 hpo_error *err)
{
    fabolas *s = state;
    HPO_TRY(need(s, r->trial, err));
    hpo_sched_row *t = &s->rows.row[r->trial];
    int fresh = hpo_sched_rows_report(t, r);
    s->n_events++;
    if (!(t->step >= t->target * (1 - 1e-9))) return HPO_OK;
    if (fresh && s->status[r->trial] == BEGUN) HPO_TRY(measure(s, r->trial, r->y[0], t->cost, err));
    if (t->target >= full(s)) return HPO_OK;
    out->decision = HPO_PAUSE;
    if (t->level < 0) return HPO_OK;
    const hpo_ranking *rung = &s->rungs[t->level].ranking;
    (void)snprintf(out->reason, sizeof out->reason, "rank %zu of %zu at rung %s",
                   hpo_ranking_before(rung, t->entry, r->trial) + 1, hpo_ranking_size(rung),
                   s->levels.text[t->level]);
    return HPO_OK;
}

static hpo_status fabolas_tell(void *state, int64_t trial, hpo_state end, const double *y, hpo_error *err)
{
    fabolas *s = state;
    HPO_TRY(need(s, trial, err));
    const uint8_t status = s->status[trial];
    s->n_events++;
    if (end == HPO_STATE_COMPLETE && y != NULL && isfinite(y[0])) {
        if (status == FULL)
            hpo_fabolas_correct(s->model, trial, y[0]); /* the value at the maximum is what is told */
        else if (status == BEGUN)
            HPO_TRY(measure(s, trial, y[0], 0, err));
    } else if (end != HPO_STATE_PAUSED && end != HPO_STATE_STOPPED) {
        fail(s, trial);
    }
    hpo_rungs_tell(s->rungs, &s->rows.row[trial], trial, end == HPO_STATE_PAUSED);
    return HPO_OK;
}

/* ---- trials and what is expected of them in full ---------------------------------------------------- */

static int is_seen(const fabolas *s, size_t i)
{
    return s->rows.row[i].level >= 0;
}

static hpo_status list_pending(fabolas *s, size_t *n, hpo_error *err)
{
    *n = 0;
    HPO_TRY(hpo_reserve(&s->pending, &s->cap_pending, s->rows.n + 1, sizeof *s->pending, err));
    for (size_t i = 0; i < s->rows.n; i++)
        if (s->rows.row[i].running && s->status[i] == BEGUN)
            s->pending[(*n)++] = (hpo_fabolas_pending){(int64_t)i, s->rows.row[i].target};
    return HPO_OK;
}

/* Learns, and predicts every trial in full; HPO_WAIT: too little is known. */
static hpo_status look(fabolas *s, hpo_error *err)
{
    size_t n, d = s->n_dims;
    HPO_TRY(list_pending(s, &n, err));
    hpo_status rc = hpo_fabolas_update(s->model, s->u, s->pending, n, err);
    if (rc != HPO_OK) return rc;
    HPO_TRY(hpo_reserve(&s->mean, &s->cap_mean, 2 * s->rows.n + 1, sizeof *s->mean, err));
    s->var = s->mean + s->rows.n;
    hpo_fidelity_gp_moments(hpo_fabolas_loss(s->model), s->u, s->rows.n, 1, s->mean, s->var);
    for (size_t i = 0; i < s->rows.n; i++)
        if (s->status[i] == FAILED || !is_seen(s, i)) s->mean[i] = (double)INFINITY;
    if (s->n_failed == 0) return HPO_OK;
    HPO_TRY(hpo_reserve(&s->ok_u, &s->cap_ok_u, s->rows.n * d + 1, sizeof *s->ok_u, err));
    HPO_TRY(hpo_reserve(&s->ok, &s->cap_ok, s->rows.n, sizeof *s->ok, err));
    n = 0;
    for (size_t i = 0; i < s->rows.n; i++) {
        if (s->status[i] != FAILED && !is_seen(s, i)) continue;
        memcpy(s->ok_u + n * d, s->u + i * d, d * sizeof *s->u);
        s->ok[n++] = s->status[i] != FAILED;
    }
    return hpo_success_fit(s->success, s->ok_u, s->ok, n, err);
}

/* The trials of least expected loss in full, best first. */
static size_t best_trials(const fabolas *s, size_t most, size_t *out)
{
    size_t n = 0;
    for (size_t i = 0; i < s->rows.n; i++) {
        double v = s->mean[i];
        if (isinf(v) || (n == most && !(v < s->mean[out[n - 1]]))) continue;
        size_t at = n == most ? n - 1 : n++;
        for (; at > 0 && v < s->mean[out[at - 1]]; at--)
            out[at] = out[at - 1];
        out[at] = i;
    }
    return n;
}

static double in_units(const fabolas *s, double mean)
{
    return s->sign * hpo_transform_invert(hpo_fidelity_gp_transform(hpo_fabolas_loss(s->model)), mean);
}

/* What all pieces have cost, in evaluations in full, at the prices of one configuration. */
static double spent(const fabolas *s, size_t trial)
{
    double all = 0, cost = 1;
    for (size_t k = 0; k < s->levels.n; k++) {
        double place = hpo_fabolas_place(s->model, s->levels.at[k]);
        hpo_fabolas_log_cost(s->model, s->u + trial * s->n_dims, 1, place, &cost);
        cost = hpo_exp(cost);
        all += (double)s->begun[k] * cost;
    }
    return all / cost;
}

static void in_full(const fabolas *s, int64_t trial, hpo_action *out)
{
    out->kind = HPO_ACT_RESUME;
    out->trial = trial;
    out->resource = s->levels.at[s->levels.n - 1];
}

/* The best trial, when it is paused, is to be evaluated in full if that is due: always, or so that of T
 * evaluations' cost max(share T, log2 T) are in full. */
static void confirm(const fabolas *s, int always, hpo_action *out)
{
    size_t who;
    if (best_trials(s, 1, &who) == 0 || !s->rows.row[who].paused) return;
    double before = spent(s, who), after = before + 1, n = (double)s->begun[s->levels.n - 1];
    if (!always && (s->config.full == 0 || n + 1 > fmax(s->config.full * after, hpo_log2(after)))) return;
    in_full(s, (int64_t)who, out);
    (void)snprintf(
        out->reason, sizeof out->reason,
        "evaluated in full, where the least loss is expected of it, %.4g: as yet %g were, for the cost of "
        "%.3g",
        in_units(s, s->mean[who]), n, before);
}

/* ---- points ------------------------------------------------------------------------------------------- */

static double reflect(double v)
{
    if (v < 0) v = -v;
    if (v > 1) v = 2 - v;
    return fmin(fmax(v, 0), 1);
}

/* A feasible point near `from` into out; a draw from the prior where none is found. */
static hpo_status step_from(fabolas *s, const double *from, double sd, hpo_rng *rng, double *out,
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
static int64_t known(const fabolas *s, const double *u)
{
    for (size_t i = 0; i < s->rows.n; i++)
        if (s->status[i] != NOTHING && same(s->u + i * s->n_dims, u, s->n_dims)) return (int64_t)i;
    return NEW;
}

static void normalise(fabolas *s, double *u)
{
    hpo_space_decode(s->space, u, s->x);
    hpo_space_encode(s->space, s->x, u);
}

static void values(void *ctx, const double *u, size_t m, double *out)
{
    hpo_acq_values(ctx, u, m, out);
}

static double gradient(void *ctx, const double *u, double *out)
{
    return hpo_acq_value(ctx, u, out);
}

/* The point of largest expected improvement in full. */
static hpo_status most_promising(fabolas *s, const double *around, size_t n, double least, hpo_rng *rng,
                                 double *out, hpo_error *err)
{
    hpo_fidelity_slice slice = {hpo_fabolas_loss(s->model), 1};
    hpo_posterior p = hpo_fidelity_gp_posterior(&slice);
    const hpo_acq_options kind = {.kind = HPO_ACQ_LOG_EI, .pending = HPO_PENDING_IGNORE};
    const hpo_acq_context context = {.best = least, .success = s->n_failed > 0 ? s->success : NULL};
    const hpo_search_options o = {.n_uniform = 128, .n_local = 64, .n_starts = 3, .max_iterations = 25};
    hpo_acq *acq = NULL;
    double value;
    HPO_TRY(hpo_acq_create(s->space, &p, &kind, &context, rng, &acq, err));
    const hpo_score score = {acq, values, hpo_acq_has_gradient(acq) ? gradient : NULL};
    hpo_status rc = hpo_search_maximise(s->search, &score, &o, around, n, NULL, 0, rng, out, &value, err);
    hpo_acq_free(acq);
    return rc;
}

/* ln of EI in full times P, of the first n points of the pool. */
static void promise(fabolas *s, size_t n, double least, double *out)
{
    double *mean = s->score, *var = mean + n;
    hpo_fidelity_gp_moments(hpo_fabolas_loss(s->model), s->pool, n, 1, mean, var);
    for (size_t i = 0; i < n; i++) {
        out[i] = hpo_acq_log_ei(mean[i], sqrt(var[i]), least, NULL, NULL);
        if (s->n_failed == 0) continue;
        double ok = hpo_success_log_probability(s->success, s->pool + i * s->n_dims, NULL);
        out[i] = ok < LN_UNLIKELY ? -(double)INFINITY : out[i] + ok;
    }
}

/* Steps from points of the pool that are drawn in proportion to what they promise: towards the places of one
 * that would be drawn from the whole space so, however small they are. */
static hpo_status grow_pool(fabolas *s, double least, hpo_rng *rng, size_t *n, hpo_error *err)
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

static hpo_status fill_pool(fabolas *s, hpo_rng *rng, size_t *n, hpo_error *err)
{
    static const double sizes[] = {0.15, 0.05, 0.02, 0.01};
    size_t d = s->n_dims, best[BEST], n_best = best_trials(s, BEST, best),
           around = n_best < AROUND ? n_best : AROUND;
    double least = n_best > 0 ? s->mean[best[0]] : (double)INFINITY;
    *n = 0;
    for (; *n < DRAWS; (*n)++) {
        HPO_TRY(hpo_space_draw(s->space, rng, s->pool + *n * d, err));
        normalise(s, s->pool + *n * d);
    }
    for (size_t k = 0; around > 0 && k < NEAR; k++, (*n)++)
        HPO_TRY(step_from(s, s->u + best[k % around] * d, sizes[k / around % 4], rng, s->pool + *n * d, err));
    for (size_t k = 0; k < n_best; k++, (*n)++)
        memcpy(s->pool + *n * d, s->u + best[k] * d, d * sizeof *s->u);
    if (n_best > 0) {
        const double *around_these = s->pool + (*n - n_best) * d;
        hpo_status rc = most_promising(s, around_these, around, least, rng, s->pool + *n * d, err);
        if (rc < 0) return rc;
        *n += rc == HPO_OK;
    }
    HPO_TRY(grow_pool(s, least, rng, n, err));
    for (size_t i = 0; i < *n; i++)
        s->trial[i] = known(s, s->pool + i * d);
    return HPO_OK;
}

/* Draws the places without repetition, in proportion to what they promise: the largest of its logarithm plus
 * a Gumbel variable.  Where most will fail nothing is looked for, else what can never be known would be asked
 * for again and again, since a failure is cheap. */
static size_t choose_places(fabolas *s, size_t n, hpo_rng *rng)
{
    size_t d = s->n_dims, count = 0, best;
    double *key = s->score + 2 * n, least = (double)INFINITY;
    if (best_trials(s, 1, &best) > 0) least = s->mean[best];
    promise(s, n, least, key);
    for (size_t i = 0; i < n; i++)
        key[i] -= hpo_log(-hpo_log(hpo_rng_uniform(rng) + 0x1p-54));
    while (count < REPRESENTERS && count < n) {
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
    hpo_minimum *minimum;
    size_t n_places;
    option_pair best, best_full;
} decision;

static double total_cost(const fabolas *s, double log_cost)
{
    return hpo_exp(log_cost) + s->config.overhead;
}

/* a of one point of the pool at one level. */
static void judge(fabolas *s, decision *d, size_t at, size_t level, const double *cov, double var,
                  double log_cost)
{
    option_pair o = {.at = at, .level = level, .trial = s->trial[at]};
    double noise = hpo_fidelity_gp_noise(hpo_fabolas_loss(s->model));
    o.gain = hpo_minimum_gain(d->minimum, cov, var + noise);
    o.cost = total_cost(s, log_cost);
    o.value = o.gain > 0 ? hpo_log(o.gain) - hpo_log(o.cost) : -(double)INFINITY;
    if (s->n_failed > 0) o.value += hpo_success_log_probability(s->success, s->pool + at * s->n_dims, NULL);
    if (o.value > d->best.value) d->best = o;
    if (level + 1 == s->levels.n && o.value > d->best_full.value) d->best_full = o;
}

static int may_be(const fabolas *s, size_t at, size_t level)
{
    int64_t t = s->trial[at];
    if (t < 0) return t == NEW;
    const hpo_sched_row *row = &s->rows.row[t];
    return row->paused && s->status[t] == MEASURED && s->levels.at[level] > row->target * (1 + 1e-9);
}

/* The first n points of the pool at one level; at most `most` of them are judged. */
static hpo_status judge_level(fabolas *s, decision *d, size_t n, size_t level, size_t most, hpo_error *err)
{
    const hpo_fidelity_gp *gp = hpo_fabolas_loss(s->model);
    double place = hpo_fabolas_place(s->model, s->levels.at[level]), noise = hpo_fidelity_gp_noise(gp);
    double *mean = s->score, *var = mean + n, *key = var + n, *cost = s->log_cost;
    HPO_TRY(
        hpo_fidelity_gp_between(gp, s->pool, n, place, s->places, d->n_places, 1, mean, var, s->cov, err));
    hpo_fabolas_log_cost(s->model, s->pool, n, place, cost);
    for (size_t i = 0; i < n; i++)
        key[i] = may_be(s, i, level)
                     ? hpo_minimum_explained(d->minimum, s->cov + i * d->n_places, var[i] + noise) /
                           total_cost(s, cost[i])
                     : -1;
    for (size_t k = 0; k < most; k++) {
        size_t top = 0;
        for (size_t i = 1; i < n; i++)
            if (key[i] > key[top]) top = i;
        if (key[top] < 0) break;
        judge(s, d, top, level, s->cov + top * d->n_places, var[top], cost[top]);
        key[top] = -1;
    }
    return HPO_OK;
}

/* Random steps from the best pair, if it is new: at its level. */
static hpo_status improve(fabolas *s, decision *d, hpo_rng *rng, hpo_error *err)
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
            s->trial[k] = known(s, s->pool + k * w) == NEW ? NEW : BLOCKED; /* the others were judged */
        }
        HPO_TRY(judge_level(s, d, STEPS, d->best.level, STEPS, err));
    }
    return HPO_OK;
}

static void act(const fabolas *s, const decision *d, hpo_action *out)
{
    const option_pair *b = &d->best, *f = &d->best_full;
    out->resource = s->levels.at[b->level];
    if (b->trial >= 0) {
        out->kind = HPO_ACT_RESUME;
        out->trial = b->trial;
    } else {
        memcpy(out->u, s->pool + b->at * s->n_dims, s->n_dims * sizeof *out->u);
        out->changed = 1;
    }
    int n = snprintf(out->reason, sizeof out->reason,
                     "tells %.3g of %.3g nats of where the minimum is, for a cost of %.4g", b->gain,
                     hpo_minimum_entropy(d->minimum), b->cost);
    if (b->level + 1 < s->levels.n && isfinite(f->value) && n > 0)
        (void)snprintf(out->reason + n, sizeof out->reason - (size_t)n, "; in full %.3g for %.4g", f->gain,
                       f->cost);
}

static hpo_status decide(fabolas *s, hpo_action *out, hpo_error *err)
{
    size_t n;
    hpo_rng rng;
    decision d = {.best.value = -(double)INFINITY, .best_full.value = -(double)INFINITY};
    const hpo_fidelity_gp *gp = hpo_fabolas_loss(s->model);
    double *mean = s->places + REPRESENTERS * s->n_dims, *cov = mean + REPRESENTERS;
    hpo_rng_init(&rng, s->seed, s->n_pieces, HPO_RNG_SCHEDULER);
    HPO_TRY(fill_pool(s, &rng, &n, err));
    d.n_places = choose_places(s, n, &rng);
    if (d.n_places < 2) return HPO_OK;
    HPO_TRY(hpo_fidelity_gp_joint(gp, s->places, d.n_places, 1, mean, cov, err));
    hpo_status rc = hpo_minimum_create(mean, cov, d.n_places, SAMPLES, &rng, &d.minimum, err);
    if (rc == HPO_ENUMERIC) return HPO_OK; /* the sampler's turn */
    for (size_t k = 0; k < s->levels.n && rc == HPO_OK; k++)
        rc = judge_level(s, &d, n, k, JUDGED, err);
    if (rc == HPO_OK && d.best.value > -(double)INFINITY) {
        rc = improve(s, &d, &rng, err);
        if (rc == HPO_OK) act(s, &d, out);
    }
    hpo_minimum_free(d.minimum);
    return rc;
}

/* ---- a free worker ------------------------------------------------------------------------------------ */

/* The end: the best is evaluated in full, until it is one that was. */
static hpo_status finish(fabolas *s, const hpo_sched_ask *ask, hpo_action *out, hpo_error *err)
{
    hpo_ranked e;
    size_t level;
    hpo_status rc = look(s, err);
    if (rc == HPO_OK) confirm(s, 1, out);
    if (rc != HPO_WAIT) return rc;
    if (ask->n_running > 0 || s->n_full > 0 || !hpo_rungs_best(s->rungs, &s->levels, 1, &e, &level))
        return HPO_OK;
    in_full(s, e.trial, out);
    (void)snprintf(out->reason, sizeof out->reason, "evaluated in full: the best of rung %s, and none was",
                   s->levels.text[level]);
    return HPO_OK;
}

/* The smallest levels, up to an eighth of the maximum, and two at least below it. */
static size_t opening_levels(const fabolas *s)
{
    size_t n = 0, below = s->levels.n - 1;
    while (n < OPENING && n < below && (n < 2 || s->levels.at[n] <= s->levels.at[below] / 8))
        n++;
    return n > 0 ? n : 1;
}

static hpo_status choose(fabolas *s, const hpo_sched_ask *ask, hpo_action *out, hpo_error *err)
{
    out->resource = s->levels.at[s->n_new % opening_levels(s)];
    if (!ask->may_create) return finish(s, ask, out, err);
    if (hpo_fabolas_size(s->model) < opening_size(s) || s->n_dims == 0) return HPO_OK;
    hpo_status rc = look(s, err);
    if (rc != HPO_OK) return rc == HPO_WAIT ? HPO_OK : rc;
    confirm(s, 0, out);
    return out->kind == HPO_ACT_RESUME ? HPO_OK : decide(s, out, err);
}

/* What follows from the same events is kept: a study may ask twice for one trial. */
static hpo_status fabolas_next(void *state, const hpo_sched_ask *ask, hpo_action *out, hpo_error *err)
{
    fabolas *s = state;
    const uint64_t now = 2 * s->n_events + 1 + (ask->may_create != 0);
    double *u = out->u;
    if (s->decided_at != now) {
        HPO_TRY(choose(s, ask, out, err));
        s->decided = *out;
        if (out->changed) memcpy(s->decided_u, u, s->n_dims * sizeof *u);
        s->decided_at = now;
        return HPO_OK;
    }
    *out = s->decided;
    out->u = u;
    if (out->changed) memcpy(u, s->decided_u, s->n_dims * sizeof *u);
    return HPO_OK;
}

/* ---- for people -------------------------------------------------------------------------------------- */

static hpo_status fabolas_describe(const void *state, char *buf, size_t cap, size_t *n_out, hpo_error *err)
{
    const fabolas *s = state;
    hpo_str o = {0};
    hpo_str_add(&o, "{\"rungs\":[");
    for (size_t k = 0; k < s->levels.n; k++)
        hpo_rung_describe(&o, 0, s->levels.at[k], &s->rungs[k].ranking, s->rungs[k].promoted);
    hpo_str_add(&o, "]}");
    return hpo_sched_describe_end(&o, buf, cap, n_out, err);
}

static const hpo_option options[] = {
    {"eta", "levels of the resource are a factor eta apart", HPO_OPT_REAL, offsetof(fabolas_config, eta), 2,
     1.1, 100, NULL},
    {"min", "the least resource; 0: the fidelity's minimum", HPO_OPT_REAL, offsetof(fabolas_config, min), 0,
     0, 1e300, NULL},
    {"overhead", "cost of one evaluation beside its training, in the unit of costs", HPO_OPT_REAL,
     offsetof(fabolas_config, overhead), 0, 0, 1e300, NULL},
    {"full", "share of the cost, at least, that goes to evaluations in full; 0: at the end only",
     HPO_OPT_REAL, offsetof(fabolas_config, full), 0.1, 0, 1, NULL},
    {"initial",
     "configurations of the sampler's before the first model; -1: twice the parameters + 1, between 8 and 18",
     HPO_OPT_INT, offsetof(fabolas_config, initial), -1, -1, 1 << 20, NULL},
};

const hpo_scheduler_ops hpo_scheduler_fabolas = {
    .size = sizeof(hpo_scheduler_ops),
    .name = "fabolas",
    .help =
        "Chooses configuration and resource together, by what they tell of the minimum in full per cost: for "
        "programs that train on a share of the data.",
    .reference = "Klein, Falkner, Bartels, Hennig & Hutter: Fast Bayesian optimization of machine learning "
                 "hyperparameters on large datasets, AISTATS 2017, algorithm 2",
    .caps = HPO_SCHED_NEEDS_FIDELITY | HPO_SCHED_PAUSES | HPO_SCHED_POINTS,
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .config_size = sizeof(fabolas_config),
    .state_size = sizeof(fabolas),
    .init = fabolas_init,
    .start = fabolas_start,
    .report = fabolas_report,
    .tell = fabolas_tell,
    .next = fabolas_next,
    .levels = hpo_levels_list,
    .describe = fabolas_describe,
    .fini = fabolas_fini,
};
