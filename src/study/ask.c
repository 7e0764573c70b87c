/* SPDX-License-Identifier: Apache-2.0 */
/* study/ask.c - handing out the next trial.
 *
 * One transaction: is the study over or resting; is a budget spent; is somebody waiting (enqueued, given
 * back, or lost by a worker whose lease has ended); does the stopping rule hold; what does the scheduler
 * want; else a new suggestion.
 *
 * A sampler that reads the view computes between two transactions, with only the ask locks held: the first
 * transaction brings the view up to date and fixes the draw number, the second checks that the draw is still
 * the next one, and stores the trial.  If an event in between has changed that, the suggestion is computed
 * again. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "math/rng.h"
#include "study/study.h"

/* Suggestions refused in a row before the study looks for a configuration itself: a random draw fails so
 * often only when fewer than a few per cent of the space are left. */
enum { MAX_REFUSED = 16 };

/* What must happen outside the transaction before the ask can go on. */
typedef enum ask_step { STEP_NONE, STEP_REFRESH, STEP_SLOW, STEP_COMPUTE, STEP_JUDGE } ask_step;

typedef struct ask_state {
    const char *worker;
    hpo_action act; /* what the scheduler wants, and why */
    double lease;
    int slow;      /* the ask locks are held */
    int have;      /* u_ask holds the suggestion for `draw` */
    int none_left; /* ... or the sampler has no further one */
    int64_t first; /* header.next_draw that `refused` counts from */
    int64_t refused;
    size_t begins;    /* level that the suggestion was made for */
    int64_t number;   /* of the trial the suggestion was made for */
    int64_t seq_from; /* what was known */
    int queue_only, new_only;
    int64_t draw_min;
    int64_t take; /* the waiting trial that is wanted, or -1: whichever is next */
    int judged;   /* the stopping rule was asked; s->ruling is its answer */
    ask_step step;
    hpo_trial *trial;
} ask_state;

/* ---- a trial that exists ----------------------------------------------------------------------- */

static void hold(hpo_trial *t, const hpo_trial_record *rec, double lease)
{
    t->number = rec->number;
    t->draw = rec->draw;
    t->parent = hpo_study__cloned_from(rec);
    t->token = rec->token;
    t->attempt = rec->attempt;
    t->lease = lease;
}

static void set_resource(const hpo_study *s, double *x, double resource)
{
    if (s->fidelity_column < 0 || isnan(resource)) return;
    if (s->axes.on)
        hpo_axes_place(&s->axes, resource, x);
    else
        x[s->fidelity_column] = fmin(fmax(resource, s->fidelity_low), s->fidelity_high);
}

/* The worker of this trial is gone for good. */
static hpo_status give_up(hpo_study *s, hpo_study_header *h, hpo_trial_record *rec, int64_t now,
                          hpo_error *err)
{
    hpo_str reason = {0};
    hpo_str_addf(&reason, "lost %d time%s", (int)rec->lost, hpo_plural(rec->lost));
    if (reason.failed) {
        hpo_str_fini(&reason);
        return hpo_fail_memory(err);
    }
    rec->seq = rec->seq_tell = hpo_study__event(h, now);
    hpo_study__count(h, rec->state, HPO_STATE_FAILED);
    rec->state = HPO_STATE_FAILED;
    rec->reason = reason.text;
    rec->ended_ms = now;
    hpo_study__finish(s, h, rec);
    hpo_status status = hpo_fold__tell(s, rec, err); /* first: what rec points to is the storage's */
    if (status == HPO_OK)
        status = s->ops->update_trial(s->store, s->id, rec, HPO_UPDATE_STATE | HPO_UPDATE_RESULT, err);
    hpo_str_fini(&reason);
    return status;
}

int hpo_study__piece_is_done(const hpo_study *s, const hpo_trial_record *t)
{
    return hpo_fold__needed(s) && t->state == HPO_STATE_RUNNING &&
           (t->flags & (HPO_TRIAL_STOP_REQUESTED | HPO_TRIAL_PAUSE_REQUESTED)) == HPO_TRIAL_PAUSE_REQUESTED;
}

hpo_status hpo_study__let_go(hpo_study *s, hpo_study_header *h, hpo_trial_record *rec, int64_t now,
                             hpo_error *err)
{
    const hpo_trial_record who = {.number = rec->number, .attempt = rec->attempt};
    rec->seq = rec->seq_tell = hpo_study__event(h, now);
    hpo_study__count(h, rec->state, HPO_STATE_PAUSED);
    rec->state = HPO_STATE_PAUSED;
    rec->token = 0; /* nobody holds it: a late result is refused */
    rec->lease_ms = 0;
    HPO_TRY(hpo_fold__tell(s, rec, err));
    HPO_TRY(s->ops->update_trial(s->store, s->id, rec, HPO_UPDATE_STATE | HPO_UPDATE_LEASE, err));
    return hpo_fold__log(s, h, &who, HPO_LOG_PAUSED, (double)NAN, "its worker was lost after that", now, err);
}

/* Hands out trial `number` once more; no handle when it was lost once too often, or is paused instead. */
static hpo_status claim(hpo_study *s, ask_state *c, hpo_study_header *h, int64_t number, double resource,
                        int64_t now, hpo_error *err)
{
    hpo_trial_record rec;
    uint32_t parts = HPO_UPDATE_STATE | HPO_UPDATE_LEASE;
    HPO_TRY(hpo_study__get(s, number, &rec, err));
    if (hpo_study__piece_is_done(s, &rec)) return hpo_study__let_go(s, h, &rec, now, err);
    rec.lost += rec.state == HPO_STATE_RUNNING;
    if (rec.lost > s->spec.max_retries && rec.state == HPO_STATE_RUNNING)
        return give_up(s, h, &rec, now, err);
    HPO_TRY(hpo_study__take_handle(s, &c->trial, err));
    if (s->shape.n_columns > 0) memcpy(c->trial->x, rec.x, s->shape.n_columns * sizeof *rec.x);
    rec.x = c->trial->x;
    if (!isnan(resource)) {
        set_resource(s, c->trial->x, resource);
        parts |= HPO_UPDATE_CONFIG;
    }
    rec.seq = rec.seq_ask = hpo_study__event(h, now);
    hpo_study__count(h, rec.state, HPO_STATE_RUNNING);
    rec.state = HPO_STATE_RUNNING;
    rec.attempt++;
    rec.flags &=
        ~(HPO_TRIAL_STOP_REQUESTED | HPO_TRIAL_PAUSE_REQUESTED | HPO_TRIAL_CONVERGED | HPO_TRIAL_SETTLED);
    rec.token = hpo_study__token(s, number, rec.attempt);
    rec.started_ms = now;
    rec.seq_tell = 0;
    rec.lease_ms = hpo_study__lease(h, now, c->lease);
    rec.worker = c->worker;
    hold(c->trial, &rec, c->lease);
    HPO_TRY(s->ops->update_trial(s->store, s->id, &rec, parts, err));
    return hpo_fold__piece(s, h, &rec, resource, c->act.reason, now, err);
}

/* ---- a new trial -------------------------------------------------------------------------------- */

static hpo_status insert(hpo_study *s, ask_state *c, hpo_study_header *h, int64_t draw, int64_t parent,
                         uint64_t hash, double resource, const char *checkpoint, int64_t now, hpo_error *err)
{
    int64_t from = c->have ? c->seq_from : h->seq;
    hpo_trial_record rec = {.number = h->next_number++,
                            .draw = draw,
                            .parent = parent,
                            .state = HPO_STATE_RUNNING,
                            .attempt = 1,
                            .hash = hash,
                            .seq_from = from,
                            .created_ms = now,
                            .started_ms = now,
                            .x = c->trial->x,
                            .worker = c->worker,
                            .checkpoint = checkpoint};
    rec.seq = rec.seq_ask = hpo_study__event(h, now);
    rec.token = hpo_study__token(s, rec.number, 1);
    rec.lease_ms = hpo_study__lease(h, now, c->lease);
    hpo_study__count(h, -1, HPO_STATE_RUNNING);
    hold(c->trial, &rec, c->lease);
    HPO_TRY(s->ops->insert_trial(s->store, s->id, &rec, err));
    return hpo_fold__piece(s, h, &rec, resource, c->act.reason, now, err);
}

/* A new trial that goes on from another's checkpoint, with the parameters that the scheduler chose: its
 * parent's, or changed ones.  A row of its own: each stretch of a schedule stands beside its results. */
static hpo_status insert_clone(hpo_study *s, ask_state *c, hpo_study_header *h, const hpo_action *act,
                               int64_t now, hpo_error *err)
{
    hpo_trial_record parent;
    hpo_str checkpoint = {0};
    HPO_TRY(hpo_study__get(s, act->trial, &parent, err));
    HPO_TRY(hpo_study__take_handle(s, &c->trial, err));
    uint64_t hash = parent.hash;
    double *x = c->trial->x;
    if (s->shape.n_columns > 0) memcpy(x, parent.x, s->shape.n_columns * sizeof *x);
    if (act->changed) {
        hpo_space_decode(s->space, act->u, x);
        if (!hpo_space_feasible(s->space, x))
            return hpo_fail(err, HPO_EUSER, "scheduler '%s' changed trial %lld into a violation: a bug in it",
                            s->spec.scheduler, (long long)act->trial);
        hash = hpo_space_hash(s->space, x);
    }
    const double resource = isnan(act->resource) ? s->fidelity_high : act->resource;
    set_resource(s, x, resource);
    if (parent.checkpoint != NULL) hpo_str_add(&checkpoint, parent.checkpoint);
    hpo_status status = checkpoint.failed
                            ? hpo_fail_memory(err)
                            : insert(s, c, h, -1, act->trial, hash, resource, checkpoint.text, now, err);
    hpo_str_fini(&checkpoint);
    return status;
}

/* Suggestions of samplers outside the contract (a NaN where a coordinate is active, a point outside the cube)
 * must not become configurations outside their bounds. */
static void into_cube(double *u, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(u[i] >= 0 && u[i] <= 1)) u[i] = u[i] > 1 ? 1 : u[i] < 0 ? 0 : isnan(u[i]) ? 0.5 : u[i];
}

hpo_status hpo_ask__sample(hpo_study *s, const hpo_view *view, int64_t draw, double *u, hpo_error *err)
{
    hpo_rng rng;
    hpo_rng_init(&rng, s->seed, (uint64_t)draw, HPO_RNG_SAMPLER);
    if (err) err->msg[0] = '\0';
    hpo_status status =
        s->sampler.ops->ask(s->sampler.state, view, (uint64_t)(draw - s->spec.draw_base), &rng, u, err);
    if (status == HPO_OK) {
        into_cube(u, s->n_dims);
    } else if (status != HPO_DONE &&
               (status > 0 || !err || !err->msg[0])) { /* outside the contract, or silent */
        status = status > 0 ? HPO_EUSER : status;
        return hpo_fail(err, status, "sampler '%s' failed at draw %lld without saying why", s->spec.sampler,
                        (long long)draw);
    }
    return status;
}

/* In a finite space failures count as seen too, else one that always fails would be tried for ever; and with
 * lag the answer must not depend on what has failed so far.  The storage's index leaves failures out, the
 * view has them. */
static int needs_view(hpo_study *s, const hpo_study_header *h)
{
    if (s->history) return 1;
    if (s->spec.noisy || (h->n_by_state[HPO_STATE_FAILED] == 0 && s->spec.lag == 0)) return 0;
    return hpo_suggest__enumerable(s);
}

/* Brings the view to this transaction and leaves the point to be computed outside. */
static hpo_status prepare(hpo_study *s, ask_state *c, const hpo_study_header *h, hpo_error *err)
{
    HPO_TRY(hpo_view__sync(s, h->seq, err));
    if (s->view.lagged) HPO_TRY(hpo_lag__admit(s, h->next_number, err));
    c->number = h->next_number;
    c->begins = hpo_level__begins(s, c->act.resource);
    c->seq_from = s->view.seq;
    c->step = STEP_COMPUTE;
    return HPO_OK;
}

static hpo_status compute(hpo_study *s, ask_state *c, hpo_error *err)
{
    s->view.v.begins = c->begins;
    hpo_status status = hpo_ask__sample(s, &s->view.v, c->first + c->refused, s->u_ask, err);
    c->none_left = status == HPO_DONE;
    c->have = status == HPO_OK || c->none_left;
    return c->have ? HPO_OK : status;
}

/* Finds the configuration of a new trial in c->trial->x.  c->step != NONE: come again after that step. */
static hpo_status suggest(hpo_study *s, ask_state *c, hpo_study_header *h, int64_t now, uint64_t *hash,
                          int64_t *draw, hpo_error *err)
{
    int with_view = needs_view(s, h);
    if (with_view && !c->slow) {
        c->step = STEP_SLOW;
        return HPO_OK;
    }
    if (c->first != h->next_draw || (s->view.lagged && c->number != h->next_number)) {
        c->have = 0;
        c->refused = 0;
        c->first = h->next_draw;
    }
    if (c->have && c->begins != hpo_level__begins(s, c->act.resource)) c->have = 0;
    if (with_view && !s->history) HPO_TRY(hpo_view__sync(s, h->seq, err));
    int endless = (s->sampler.ops->caps & HPO_CAP_EXHAUSTS) != 0;
    for (; endless || c->refused < MAX_REFUSED; c->refused++, c->have = 0) {
        hpo_verdict verdict;
        hpo_status status = HPO_OK;
        *draw = c->first + c->refused;
        if (s->history && !c->have) return prepare(s, c, h, err);
        double *u = s->history ? s->u_ask : s->u;
        if (!s->history) status = hpo_ask__sample(s, &s->nothing, *draw, u, err);
        if (status == HPO_DONE || (c->have && c->none_left))
            return hpo_budget__finish(s, h, now, HPO_STOP_REASON_EXHAUSTED, err);
        HPO_TRY(status);
        HPO_TRY(hpo_suggest__judge(s, with_view ? &s->view : NULL, u, c->trial->x, hash, &verdict, err));
        if (verdict == HPO_VERDICT_TAKE) return HPO_OK;
    }
    *draw = c->first + c->refused;
    if (!c->slow) {
        c->step = STEP_SLOW;
        return HPO_OK;
    }
    HPO_TRY(hpo_view__sync(s, h->seq, err));
    hpo_status status = hpo_suggest__fallback(s, (uint64_t)*draw, c->trial->x, hash, err);
    if (status == HPO_DONE) return hpo_budget__finish(s, h, now, HPO_STOP_REASON_EXHAUSTED, err);
    return status;
}

/* A point that the scheduler chose takes no draw; one that may not be evaluated is left to the sampler. */
static hpo_status insert_chosen(hpo_study *s, ask_state *c, hpo_study_header *h, int64_t now, int *done,
                                hpo_error *err)
{
    uint64_t hash = 0;
    hpo_verdict verdict;
    HPO_TRY(hpo_suggest__judge(s, NULL, c->act.u, c->trial->x, &hash, &verdict, err));
    *done = verdict == HPO_VERDICT_TAKE;
    if (!*done) {
        c->act.changed = 0;
        c->act.reason[0] = '\0';
        return HPO_OK;
    }
    set_resource(s, c->trial->x, c->act.resource);
    c->have = 0;
    return insert(s, c, h, -1, -1, hash, c->act.resource, NULL, now, err);
}

static hpo_status insert_new(hpo_study *s, ask_state *c, hpo_study_header *h, double resource, int64_t now,
                             hpo_error *err)
{
    uint64_t hash = 0;
    int64_t draw = 0;
    int done = 0;
    HPO_TRY(hpo_study__take_handle(s, &c->trial, err));
    if (c->act.changed) HPO_TRY(insert_chosen(s, c, h, now, &done, err));
    if (done) return HPO_OK;
    hpo_status status = suggest(s, c, h, now, &hash, &draw, err);
    if (status != HPO_OK || c->step != STEP_NONE) return status;
    set_resource(s, c->trial->x, resource);
    h->next_draw = draw + 1;
    return insert(s, c, h, draw, -1, hash, resource, NULL, now, err);
}

/* ---- the stopping rule ------------------------------------------------------------------------- */

/* Once an ask: the rule is judged on what was finished when it began, outside of the transaction. */
static hpo_status check_rule(hpo_study *s, ask_state *c, hpo_study_header *h, int64_t now, hpo_error *err)
{
    if (s->until == NULL) return HPO_OK;
    if (c->judged) {
        if (!s->ruling.stop) return HPO_OK;
        HPO_TRY(hpo_budget__stop(s, h, now, HPO_STOP_REASON_UNTIL, s->ruling.reason, err));
        return HPO_DONE;
    }
    c->step = c->slow ? STEP_JUDGE : STEP_SLOW;
    if (!c->slow) return HPO_OK;
    HPO_TRY(hpo_view__sync(s, h->seq, err));
    return s->view.lagged ? hpo_lag__admit(s, h->next_number, err) : HPO_OK;
}

static hpo_status judge_rule(hpo_study *s, ask_state *c, hpo_error *err)
{
    hpo_study_header h;
    HPO_TRY(s->ops->read_header(s->store, s->id, &h, err));
    HPO_TRY(hpo_study__judge_until(s, &h, &s->ruling, err));
    c->judged = 1;
    return HPO_OK;
}

/* ---- the order of questions --------------------------------------------------------------------- */

hpo_status hpo_ask__scheduler(hpo_study *s, const hpo_study_header *h, int may_create, hpo_action *act,
                              hpo_error *err)
{
    act->kind = HPO_ACT_NEW;
    act->trial = -1;
    act->resource = (double)NAN;
    act->u = s->u_clone;
    act->changed = 0;
    act->reason[0] = '\0';
    if (s->scheduler.ops->next == NULL) return HPO_OK;
    const hpo_sched_ask ask = {.draw = (uint64_t)h->next_draw,
                               .number = h->next_number,
                               .may_create = may_create,
                               .n_running = h->n_by_state[HPO_STATE_RUNNING],
                               .planned = s->spec.budget.trials};
    HPO_TRY(s->scheduler.ops->next(s->scheduler.state, &ask, act, err));
    if (act->kind == HPO_ACT_WAIT && h->n_by_state[HPO_STATE_RUNNING] == 0 && may_create)
        return hpo_fail(err, HPO_EUSER, "scheduler '%s' waits although nothing runs: a bug in it",
                        s->spec.scheduler);
    return HPO_OK;
}

static hpo_status resume(hpo_study *s, ask_state *c, hpo_study_header *h, const hpo_action *act, int64_t now,
                         hpo_error *err)
{
    hpo_trial_record rec;
    HPO_TRY(hpo_study__get(s, act->trial, &rec, err));
    if (rec.state != HPO_STATE_PAUSED)
        return hpo_fail(err, HPO_EUSER, "scheduler '%s' resumes trial %lld, which is %s: a bug in it",
                        s->spec.scheduler, (long long)act->trial, hpo_state_name((hpo_state)rec.state));
    double resource = isnan(act->resource) ? s->fidelity_high : act->resource;
    return claim(s, c, h, act->trial, s->fidelity_column >= 0 ? resource : (double)NAN, now, err);
}

/* The trial that waits, or was lost, and is next in line; no handle: there is none. */
static hpo_status claim_ready(hpo_study *s, ask_state *c, hpo_study_header *h, int64_t now, hpo_error *err)
{
    int64_t number;
    while (h->n_by_state[HPO_STATE_WAITING] + h->n_by_state[HPO_STATE_RUNNING] > 0) {
        HPO_TRY(s->ops->next_ready(s->store, s->id, now, &number, err));
        if (number < 0) return HPO_OK;
        HPO_TRY(claim(s, c, h, number, (double)NAN, now, err));
        if (c->trial != NULL) return HPO_OK;
    }
    return HPO_OK;
}

static hpo_status from_queue(hpo_study *s, ask_state *c, hpo_study_header *h, int64_t now, hpo_error *err)
{
    HPO_TRY(claim_ready(s, c, h, now, err));
    return c->trial != NULL ? HPO_OK : HPO_DONE;
}

static hpo_status take(hpo_study *s, ask_state *c, hpo_study_header *h, int64_t now, hpo_error *err)
{
    hpo_trial_record rec;
    HPO_TRY(hpo_study__get(s, c->take, &rec, err));
    if (rec.state != HPO_STATE_WAITING)
        return hpo_fail(err, HPO_ESTATE, "trial %lld is %s: only a waiting one is handed out by its number",
                        (long long)c->take, hpo_state_name((hpo_state)rec.state));
    return claim(s, c, h, c->take, (double)NAN, now, err);
}

static hpo_status hand_out(hpo_study *s, ask_state *c, hpo_study_header *h, hpo_error *err)
{
    int64_t now = hpo_study__now(s, h);
    hpo_action *act = &c->act;
    act->reason[0] = '\0';
    if (hpo_fold__needed(s)) HPO_TRY(hpo_fold__sync(s, h, err));
    if (c->take >= 0) return take(s, c, h, now, err);
    if (c->queue_only) return from_queue(s, c, h, now, err);
    if (h->status == HPO_STUDY_STOPPED) return HPO_DONE;
    if (h->status == HPO_STUDY_PAUSED) return HPO_WAIT;
    hpo_stop_reason spent = hpo_budget__spent(s, h, now);
    if (spent != HPO_STOP_REASON_NONE) return hpo_budget__finish(s, h, now, spent, err);
    if (!c->new_only) HPO_TRY(claim_ready(s, c, h, now, err));
    if (c->trial != NULL) return HPO_OK;
    if (h->next_draw < c->draw_min) h->next_draw = c->draw_min;
    HPO_TRY(check_rule(s, c, h, now, err));
    if (c->step != STEP_NONE) return HPO_OK;
    int may_create = hpo_budget__may_create(s, h);
    HPO_TRY(hpo_ask__scheduler(s, h, may_create, act, err));
    if (act->kind == HPO_ACT_RESUME) return resume(s, c, h, act, now, err);
    if (act->kind == HPO_ACT_WAIT && may_create) return HPO_WAIT;
    if (!may_create) return hpo_budget__finish(s, h, now, HPO_STOP_REASON_TRIALS, err);
    if (act->kind == HPO_ACT_CLONE) return insert_clone(s, c, h, act, now, err);
    return insert_new(s, c, h, act->resource, now, err);
}

/* One transaction.  It may end without a trial because something must be done outside of it first (c->step).
 */
static hpo_status attempt(hpo_study *s, ask_state *c, hpo_error *err)
{
    hpo_study_header h;
    c->step = STEP_NONE;
    c->trial = NULL;
    HPO_TRY(hpo_study__begin(s, &h, err));
    int64_t seq = h.seq;
    hpo_status status = HPO_OK;
    if (!(c->lease > 0)) c->lease = s->spec.lease;
    if (h.texts_seq != s->texts_seq)
        c->step = STEP_REFRESH;
    else
        status = hand_out(s, c, &h, err);
    int given = status == HPO_OK && c->step == STEP_NONE;
    if (status >= 0 && h.seq != seq) {
        hpo_status rc = s->ops->commit(s->store, s->id, &h, err);
        if (rc != HPO_OK) {
            status = rc;
            given = 0;
        }
    } else {
        s->ops->rollback(s->store, s->id);
    }
    hpo_fold__close(s, &h, status < 0 ? status : HPO_OK);
    if (!given && c->trial != NULL) {
        hpo_study__return_handle(s, c->trial);
        c->trial = NULL;
    }
    return status;
}

/* ---- locks --------------------------------------------------------------------------------------- */

static hpo_status attempt_all(hpo_study *s, ask_state *c, hpo_error *err)
{
    hpo_mutex_lock(&s->lock);
    if (s->history && !c->slow && !c->queue_only) {
        hpo_mutex_unlock(&s->lock);
        c->step = STEP_SLOW;
        return HPO_OK;
    }
    hpo_status status = attempt(s, c, err);
    while (status == HPO_OK && (c->step == STEP_COMPUTE || c->step == STEP_JUDGE)) {
        hpo_mutex_unlock(&s->lock);
        status = c->step == STEP_JUDGE ? judge_rule(s, c, err) : compute(s, c, err);
        hpo_mutex_lock(&s->lock);
        if (status == HPO_OK) status = attempt(s, c, err);
    }
    hpo_mutex_unlock(&s->lock);
    return status;
}

/* The first look at a long history takes a while: it is taken before anything is locked for others. */
static hpo_status catch_up(hpo_study *s, hpo_error *err)
{
    hpo_study_header h;
    HPO_TRY(s->ops->read_header(s->store, s->id, &h, err));
    return hpo_view__sync(s, h.seq, err);
}

static hpo_status attempt_slow(hpo_study *s, ask_state *c, hpo_error *err)
{
    hpo_mutex_lock(&s->ask_lock);
    hpo_status status = s->ops->lock_ask != NULL ? s->ops->lock_ask(s->store, s->id, err) : HPO_OK;
    if (status == HPO_OK) {
        status = catch_up(s, err);
        if (status == HPO_OK) status = attempt_all(s, c, err);
        if (s->ops->lock_ask != NULL) s->ops->unlock_ask(s->store, s->id);
    }
    hpo_mutex_unlock(&s->ask_lock);
    return status;
}

hpo_status hpo_study__ask(hpo_study *s, const hpo_ask_options *o, int64_t number, hpo_trial **out,
                          hpo_error *err)
{
    ask_state c = {.worker = o->worker,
                   .lease = o->lease,
                   .queue_only = o->queue_only || number >= 0,
                   .new_only = o->new_only,
                   .draw_min = o->draw_min,
                   .take = number,
                   .first = -1};
    for (;;) {
        hpo_status status = c.slow ? attempt_slow(s, &c, err) : attempt_all(s, &c, err);
        if (status != HPO_OK || c.step == STEP_NONE) {
            *out = c.trial;
            return status;
        }
        c.slow |= c.step == STEP_SLOW;
        if (c.step == STEP_REFRESH) {
            HPO_TRY(hpo_study__refresh(s, err));
            c.have = 0;
            c.judged = 0;
            c.first = -1;
        }
    }
}
