/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/shares.c - a configuration and the share of the data that it is trained on, chosen together: the
 * engine of fabolas, mf-mes, cf-kg and boca.
 *
 * Each training up to a resource r is an evaluation of its own; nothing is trained further.  Two Gaussian
 * processes over configuration and place of the resource (model/fabolas.h) give loss and cost.  A free worker
 * is given a pair, of a new configuration or one that was trained on less before, by the rule of the
 * scheduler (acq/shares.h).  A configuration is one trial, whatever it is trained on: taken up again, it gets
 * a larger resource.  Trainings under way count as if they had brought what is expected of them.
 *
 * What a user wants in the end is a configuration that was evaluated in full.  The one whose expected loss in
 * full is least is, when it has not been: whenever of what T full evaluations cost fewer than max(full T,
 * log2 T) were in full, and at the end of the budget of trials.  In the paper that is done outside, to the
 * same trials.
 *
 * The first `initial` configurations are the sampler's, on up to OPENING of the smallest levels in turn, and
 * so are those that cannot be evaluated.  Randomness is keyed by the number of pieces that have begun. */
#include "scheduler/shares.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "math/rng.h"
#include "space/space.h"

enum { OPENING = 4 };
static const double OVERHEAD =
    1.0 / 64; /* of the cost of a full evaluation: no smaller one is worth its while */

enum { NOTHING, BEGUN, MEASURED, FULL, FAILED };

/* ---- begin and end ---------------------------------------------------------------------------------- */

static size_t opening_size(const hpo_sharing *s)
{
    size_t n = s->space->n_params + 1;
    if (s->config.initial >= 0) return (size_t)s->config.initial;
    return n < 5 ? 8 : n < 9 ? 2 * n : 18;
}

hpo_status hpo_sharing_init(hpo_sharing *s, const hpo_sharing_config *config, const hpo_sched_problem *p,
                            hpo_error *err)
{
    s->config = *config;
    s->space = p->space;
    s->seed = p->seed;
    s->sign = p->sign[0];
    if (p->n_outcomes > 0)
        return hpo_fail(err, HPO_EUNSUPPORTED,
                        "scheduler '%s' cannot handle measured constraints: choose 'asha' or 'none'",
                        s->name);
    HPO_TRY(hpo_levels_init(&s->levels, p, s->config.min, s->config.eta, err));
    HPO_TRY(hpo_embed_create(p->space, &s->embed, err));
    s->n_dims = hpo_embed_n_dims(s->embed);
    HPO_TRY(hpo_fabolas_create(s->embed, s->levels.at[0], s->levels.at[s->levels.n - 1], opening_size(s),
                               &s->model, err));
    HPO_TRY(hpo_success_create(s->embed, &s->success, err));
    HPO_TRY(hpo_shares_create(s->embed, s->seed, &s->shares, err));
    s->rungs = hpo_calloc(s->levels.n, sizeof *s->rungs);
    s->decided_u = hpo_alloc_array(s->n_dims + 1, sizeof *s->decided_u);
    if (s->rungs == NULL || s->decided_u == NULL) return hpo_fail_memory(err);
    return HPO_OK;
}

void hpo_sharing_fini(void *state)
{
    hpo_sharing *s = state;
    hpo_rungs_free(s->rungs, s->levels.n);
    hpo_free(s->u);
    hpo_free(s->status);
    hpo_free(s->pending);
    hpo_free(s->mean);
    hpo_free(s->ok_u);
    hpo_free(s->ok);
    hpo_free(s->decided_u);
    hpo_sched_rows_fini(&s->rows);
    hpo_shares_free(s->shares);
    hpo_success_free(s->success);
    hpo_fabolas_free(s->model);
    hpo_embed_free(s->embed);
}

/* ---- events ------------------------------------------------------------------------------------------- */

static hpo_status need(hpo_sharing *s, int64_t trial, hpo_error *err)
{
    size_t had = s->rows.n;
    HPO_TRY(hpo_sched_rows_need(&s->rows, trial, err));
    HPO_TRY(hpo_reserve(&s->u, &s->cap_u, s->rows.n * s->n_dims + 1, sizeof *s->u, err));
    HPO_TRY(hpo_reserve(&s->status, &s->cap_status, s->rows.n, sizeof *s->status, err));
    for (size_t i = had; i < s->rows.n; i++)
        s->status[i] = NOTHING;
    return HPO_OK;
}

static double full(const hpo_sharing *s)
{
    return s->levels.at[s->levels.n - 1] * (1 - 1e-9);
}

hpo_status hpo_sharing_start(void *state, const hpo_sched_start *e, hpo_error *err)
{
    hpo_sharing *s = state;
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

static void fail(hpo_sharing *s, int64_t trial)
{
    s->n_failed += s->status[trial] != FAILED;
    s->status[trial] = FAILED;
}

/* A training has ended.  cost: of all the trial's pieces, what it takes to come there if they go on from each
 * other; a program that begins anew has spent little on the smaller ones.  0: unknown. */
static hpo_status measure(hpo_sharing *s, int64_t trial, double y, double cost, hpo_error *err)
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

hpo_status hpo_sharing_report(void *state, const hpo_sched_report *r, hpo_sched_answer *out, hpo_error *err)
{
    hpo_sharing *s = state;
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
    (void)hpo_rung_say(out->reason, hpo_ranking_before(rung, t->entry, r->trial) + 1, hpo_ranking_size(rung),
                       s->levels.text[t->level]);
    return HPO_OK;
}

hpo_status hpo_sharing_tell(void *state, int64_t trial, hpo_state end, const double *y, hpo_error *err)
{
    hpo_sharing *s = state;
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

static int is_seen(const hpo_sharing *s, size_t i)
{
    return s->rows.row[i].level >= 0;
}

static hpo_status list_pending(hpo_sharing *s, size_t *n, hpo_error *err)
{
    *n = 0;
    HPO_TRY(hpo_reserve(&s->pending, &s->cap_pending, s->rows.n + 1, sizeof *s->pending, err));
    for (size_t i = 0; i < s->rows.n; i++)
        if (s->rows.row[i].running && s->status[i] == BEGUN)
            s->pending[(*n)++] = (hpo_fabolas_pending){(int64_t)i, s->rows.row[i].target};
    return HPO_OK;
}

/* Learns, and predicts every trial in full; HPO_WAIT: too little is known. */
static hpo_status look(hpo_sharing *s, hpo_error *err)
{
    size_t n, d = s->n_dims;
    HPO_TRY(list_pending(s, &n, err));
    hpo_status rc = hpo_fabolas_update(s->model, s->u, s->pending, n, err);
    if (rc != HPO_OK) return rc;
    HPO_TRY(hpo_reserve(&s->mean, &s->cap_mean, 3 * s->rows.n + 1, sizeof *s->mean, err));
    s->var = s->mean + s->rows.n;
    s->reached = s->var + s->rows.n;
    hpo_fidelity_gp_moments(hpo_fabolas_loss(s->model), s->u, s->rows.n, 1, s->mean, s->var);
    for (size_t i = 0; i < s->rows.n; i++) {
        const hpo_sched_row *t = &s->rows.row[i];
        if (s->status[i] == FAILED || !is_seen(s, i)) s->mean[i] = (double)INFINITY;
        s->reached[i] = t->paused && s->status[i] == MEASURED ? t->target : (double)INFINITY;
    }
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

double hpo_sharing_units(const hpo_sharing *s, double loss)
{
    return s->sign * hpo_transform_invert(hpo_fidelity_gp_transform(hpo_fabolas_loss(s->model)), loss);
}

/* What all pieces have cost, in evaluations in full, at the prices of one configuration. */
static double spent(const hpo_sharing *s, size_t trial)
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

static void in_full(const hpo_sharing *s, int64_t trial, hpo_action *out)
{
    out->kind = HPO_ACT_RESUME;
    out->trial = trial;
    out->resource = s->levels.at[s->levels.n - 1];
}

/* The best trial, when it is paused, is to be evaluated in full if that is due: always, or so that of T
 * evaluations' cost max(share T, log2 T) are in full. */
static void confirm(const hpo_sharing *s, int always, hpo_action *out)
{
    size_t who;
    if (hpo_shares_best(s->mean, s->rows.n, 1, &who) == 0 || !s->rows.row[who].paused) return;
    double before = spent(s, who), after = before + 1, n = (double)s->begun[s->levels.n - 1];
    if (!always && (s->config.full == 0 || n + 1 > fmax(s->config.full * after, hpo_log2(after)))) return;
    in_full(s, (int64_t)who, out);
    (void)snprintf(
        out->reason, sizeof out->reason,
        "evaluated in full, where the least loss is expected of it, %.4g: as yet %g were, for the cost of "
        "%.3g",
        hpo_sharing_units(s, s->mean[who]), n, before);
}

/* ---- a free worker ------------------------------------------------------------------------------------ */

/* What an evaluation costs beside its training. */
static double overhead(const hpo_sharing *s)
{
    double ln_full = 0;
    size_t who = 0;
    if (s->config.overhead >= 0) return s->config.overhead;
    (void)hpo_shares_best(s->mean, s->rows.n, 1, &who);
    hpo_fabolas_log_cost(s->model, s->u + who * s->n_dims, 1, 1, &ln_full);
    return OVERHEAD * hpo_exp(ln_full);
}

void hpo_sharing_say_gain(const hpo_sharing *s, const hpo_shares_answer *a, const char *does, const char *of,
                          char *out, size_t size)
{
    int n = snprintf(out, size, "%s %.3g%s, for a cost of %.4g", does, a->gain, of, a->cost);
    if (a->level + 1 < s->levels.n && a->cost_full > 0 && n > 0 && (size_t)n < size)
        (void)snprintf(out + n, size - (size_t)n, "; in full %.3g for %.4g", a->gain_full, a->cost_full);
}

static hpo_status decide(const hpo_sharing *s, hpo_action *out, hpo_error *err)
{
    hpo_rng rng;
    hpo_shares_answer a;
    const hpo_shares_question q = {.rule = s->rule,
                                   .model = s->model,
                                   .success = s->n_failed > 0 ? s->success : NULL,
                                   .level = s->levels.at,
                                   .n_levels = s->levels.n,
                                   .overhead = overhead(s),
                                   .u = s->u,
                                   .mean = s->mean,
                                   .reached = s->reached,
                                   .known = s->status, /* NOTHING is 0 */
                                   .n = s->rows.n};
    hpo_rng_init(&rng, s->seed, s->n_pieces, HPO_RNG_SCHEDULER);
    hpo_status rc = hpo_shares_choose(s->shares, &q, &rng, out->u, &a, err);
    if (rc != HPO_OK) return rc == HPO_DONE ? HPO_OK : rc; /* the sampler's turn */
    out->resource = s->levels.at[a.level];
    out->changed = a.trial < 0;
    if (a.trial >= 0) {
        out->kind = HPO_ACT_RESUME;
        out->trial = a.trial;
    }
    s->say(s, &a, out->reason, sizeof out->reason);
    return HPO_OK;
}

/* The end: the best is evaluated in full, until it is one that was. */
static hpo_status finish(hpo_sharing *s, const hpo_sched_ask *ask, hpo_action *out, hpo_error *err)
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
static size_t opening_levels(const hpo_sharing *s)
{
    size_t n = 0, below = s->levels.n - 1;
    while (n < OPENING && n < below && (n < 2 || s->levels.at[n] <= s->levels.at[below] / 8))
        n++;
    return n > 0 ? n : 1;
}

static hpo_status choose(hpo_sharing *s, const hpo_sched_ask *ask, hpo_action *out, hpo_error *err)
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
hpo_status hpo_sharing_next(void *state, const hpo_sched_ask *ask, hpo_action *out, hpo_error *err)
{
    hpo_sharing *s = state;
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

hpo_status hpo_sharing_describe(const void *state, char *buf, size_t cap, size_t *n_out, hpo_error *err)
{
    const hpo_sharing *s = state;
    return hpo_rungs_describe(s->rungs, &s->levels, buf, cap, n_out, err);
}

const hpo_option hpo_sharing_options[HPO_SHARING_N_OPTIONS] = {
    {"eta", "levels of the resource are a factor eta apart", HPO_OPT_REAL, offsetof(hpo_sharing_config, eta),
     2, 1.1, 100, NULL},
    {"min", "the least resource; 0: the fidelity's minimum", HPO_OPT_REAL, offsetof(hpo_sharing_config, min),
     0, 0, 1e300, NULL},
    {"overhead", "cost of one evaluation beside its training; -1: 1/64 of a full evaluation's", HPO_OPT_REAL,
     offsetof(hpo_sharing_config, overhead), -1, -1, 1e300, NULL},
    {"full", "share of the cost, at least, that goes to evaluations in full; 0: at the end only",
     HPO_OPT_REAL, offsetof(hpo_sharing_config, full), 0.1, 0, 1, NULL},
    {"initial",
     "configurations of the sampler's before the first model; -1: twice the parameters + 1, between 8 and 18",
     HPO_OPT_INT, offsetof(hpo_sharing_config, initial), -1, -1, 1 << 20, NULL},
};
