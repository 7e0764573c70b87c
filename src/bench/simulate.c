/* SPDX-License-Identifier: Apache-2.0 */
/* bench/simulate.c - w asynchronous workers in virtual time.
 *
 * A worker's piece of work runs from a resource to a resource in segments; each segment ends in a report, in
 * the end of the piece, in a failure or in the loss of the worker.  Its length is what the problem says the
 * segment costs.  One binary heap holds the next event of every worker, by (time, worker); workers without
 * work ask in the order of their index after every event.  Nothing depends on real time, unless decisions are
 * charged or a timeout strikes.
 *
 * Accidents are functions of (seed, trial, attempt): stragglers take `factor` times as long; failures and
 * losses happen at half of the piece's resource.  A lost worker is replaced at once, its trial comes back
 * when the lease has run out.  A trial is lost at most twice, so that no study gives it up. */
#include "bench/simulate.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/map.h"
#include "base/os.h"
#include "hpo/sampler.h"

static const double DEFAULT_LEASE = 600;
static const double LEASE_SLACK = 0.002; /* a study counts milliseconds */
static const uint64_t NOISE_STREAM = 0x6E6F697365u;
static const uint32_t ACCIDENT_STREAM = 0xACC1u;
enum { MAX_LOSSES = 2, MAX_MORE = 7 };

typedef enum worker_state {
    IDLE,    /* asks after the next event */
    WORKING, /* until the end of the segment */
    RESTING  /* charged for the decision that ended its last piece */
} worker_state;

typedef enum segment_end { END_REPORT, END_PIECE, END_FAILURE, END_LOSS } segment_end;

typedef struct sim_worker {
    worker_state state;
    hpo_method_trial trial;
    size_t slot;                   /* of the trial in the table */
    double from, at, target, full; /* resources: where the piece began, where it is, where it ends */
    double share; /* that its fidelities other than the first have of their maximum: what a step costs */
    double segment_to, segment_end_time;
    segment_end end;
    hpo_problem_answer answer; /* at segment_to */
    double segment_seconds, cost, reported_cost;
    double stretch;          /* straggler */
    double fail_at, lose_at; /* resources, NaN: not */
    double decision;
    double lease_until;
    uint64_t noise;
} sim_worker;

/* What is known of a trial across its pieces. */
typedef struct sim_trial {
    int64_t number;
    double reached; /* its checkpoint */
    double share;   /* ... was made at */
    int lost;       /* how often */
    int awaited;    /* lost, and not yet handed out again */
    int paused;
    int64_t parent; /* slot of the trial whose checkpoint it began with, -1: none */
    double began;   /* at this resource */
} sim_trial;

typedef struct sim_event {
    double time;
    int32_t worker; /* behind the last one: a timer */
} sim_event;

typedef struct simulation {
    const hpo_problem *p;
    const hpo_simulation *o;
    const hpo_method_ops *ops;
    void *self;
    void (*on_evaluation)(void *ctx, const hpo_evaluation *e);
    void *ctx;
    int32_t n_workers;
    sim_worker *workers;
    sim_event *heap;
    size_t n_heap, cap_heap;
    double now, lease;
    int has_fidelity, over;
    struct {
        size_t column;
        double high;
        int resumable;
    } more[MAX_MORE]; /* fidelities beyond the first */
    size_t n_more;
    int64_t deadline_ns;

    sim_trial *trials;
    double *x, *y, *outcome; /* of the trials, by slot; y NaN: none */
    size_t n_trials, cap_trials, cap_x, cap_y, cap_outcome;
    hpo_problem_piece *past; /* of the trial that is evaluated */
    size_t cap_past;
    hpo_u64map slots; /* number -> slot */
    int64_t n_lost, n_paused, index;
    double spent, reserved; /* full evaluations */

    int64_t incumbent, recommended; /* slots, -1: none */
    double recommended_reached;
    hpo_problem_answer truth; /* of the recommended trial */
} simulation;

/* ---- the heap ----------------------------------------------------------------------------------- */

static int earlier(sim_event a, sim_event b)
{
    return a.time < b.time || (a.time == b.time && a.worker < b.worker);
}

static hpo_status push(simulation *s, double time, int32_t worker, hpo_error *err)
{
    HPO_TRY(hpo_reserve(&s->heap, &s->cap_heap, s->n_heap + 1, sizeof *s->heap, err));
    sim_event e = {time, worker};
    size_t i = s->n_heap++;
    for (; i > 0 && earlier(e, s->heap[(i - 1) / 2]); i = (i - 1) / 2)
        s->heap[i] = s->heap[(i - 1) / 2];
    s->heap[i] = e;
    return HPO_OK;
}

static sim_event pop(simulation *s)
{
    sim_event first = s->heap[0], last = s->heap[--s->n_heap];
    size_t i = 0;
    for (size_t child = 1; child < s->n_heap; child = 2 * i + 1) {
        if (child + 1 < s->n_heap && earlier(s->heap[child + 1], s->heap[child])) child++;
        if (!earlier(s->heap[child], last)) break;
        s->heap[i] = s->heap[child];
        i = child;
    }
    s->heap[i] = last;
    return first;
}

/* ---- the table of trials ------------------------------------------------------------------------ */

static hpo_status add_trial(simulation *s, const hpo_method_trial *t, size_t *slot, hpo_error *err)
{
    size_t n = hpo_space_n_columns(s->p->space), m = s->p->n_objectives, k = s->p->n_outcomes;
    size_t i = s->n_trials;
    HPO_TRY(hpo_reserve(&s->trials, &s->cap_trials, i + 1, sizeof *s->trials, err));
    HPO_TRY(hpo_reserve(&s->x, &s->cap_x, (i + 1) * n + 1, sizeof *s->x, err));
    HPO_TRY(hpo_reserve(&s->y, &s->cap_y, (i + 1) * m, sizeof *s->y, err));
    HPO_TRY(hpo_reserve(&s->outcome, &s->cap_outcome, (i + 1) * k + 1, sizeof *s->outcome, err));
    HPO_TRY(hpo_u64map_put(&s->slots, (uint64_t)t->number, (int64_t)i, err));
    s->trials[i] = (sim_trial){.number = t->number, .parent = -1, .share = 1};
    for (size_t j = 0; j < m; j++)
        s->y[i * m + j] = (double)NAN;
    s->n_trials++;
    *slot = i;
    return HPO_OK;
}

/* Its values after a piece; failures keep what was there before. */
static void keep_values(simulation *s, const sim_worker *w)
{
    size_t m = s->p->n_objectives, k = s->p->n_outcomes;
    memcpy(s->y + w->slot * m, w->answer.y, m * sizeof(double));
    if (k > 0) memcpy(s->outcome + w->slot * k, w->answer.outcome, k * sizeof(double));
}

/* ---- what is recommended -------------------------------------------------------------------------- */

static int feasible(const simulation *s, size_t slot)
{
    for (size_t i = 0; i < s->p->n_outcomes; i++)
        if (!(s->outcome[slot * s->p->n_outcomes + i] <= 0)) return 0;
    return 1;
}

/* The resource that a trial has reached, on all fidelities. */
static double far(const sim_trial *t)
{
    return t->reached * t->share;
}

/* The best feasible value at the largest resource that any trial has reached; of equals the first. */
static void update_incumbent(simulation *s, size_t slot)
{
    if (s->p->n_objectives != 1 || !feasible(s, slot) || isnan(s->y[slot])) return;
    if (s->incumbent >= 0 && (size_t)s->incumbent != slot) {
        double mine = far(&s->trials[slot]), best = far(&s->trials[s->incumbent]);
        if (mine < best || (mine == best && !(s->y[slot] < s->y[s->incumbent]))) return;
    }
    s->incumbent = (int64_t)slot;
}

/* What came before a clone: the pieces of the trials that it descends from. */
static hpo_status trace(simulation *s, size_t slot, hpo_problem_query *q, hpo_error *err)
{
    size_t n = 0, columns = hpo_space_n_columns(s->p->space);
    for (int64_t t = (int64_t)slot; s->trials[t].parent >= 0; t = s->trials[t].parent)
        n++;
    HPO_TRY(hpo_reserve(&s->past, &s->cap_past, n + 1, sizeof *s->past, err));
    q->past = s->past;
    q->n_past = n;
    for (int64_t t = (int64_t)slot; s->trials[t].parent >= 0; t = s->trials[t].parent)
        s->past[--n] = (hpo_problem_piece){s->x + (size_t)s->trials[t].parent * columns, s->trials[t].began};
    return HPO_OK;
}

/* Values of the recommended trial as the user would meet them: at full resource, without noise where the
 * problem knows that; what was told when that is as good. */
static hpo_status find_truth(simulation *s, size_t slot, uint64_t noise, hpo_error *err)
{
    const hpo_problem *p = s->p;
    size_t m = p->n_objectives, k = p->n_outcomes;
    int full = !s->has_fidelity || far(&s->trials[slot]) >= p->full_resource;
    if (!full || (p->noisy && p->exact_known)) {
        hpo_problem_query q = {.x = s->x + slot * hpo_space_n_columns(p->space),
                               .resource = (double)NAN,
                               .seed = noise,
                               .noise_free = p->exact_known};
        HPO_TRY(trace(s, slot, &q, err));
        HPO_TRY(hpo_problem_evaluate(p, &q, &s->truth, err));
        if (!s->truth.failed) return HPO_OK;
    }
    memcpy(s->truth.y, s->y + slot * m, m * sizeof(double));
    if (k > 0) memcpy(s->truth.outcome, s->outcome + slot * k, k * sizeof(double));
    return HPO_OK;
}

static uint64_t noise_seed(const simulation *s, int64_t number)
{
    uint64_t key[2] = {s->o->seed, (uint64_t)number};
    return hpo_hash_bytes(key, sizeof key, NOISE_STREAM);
}

static hpo_status recommend(simulation *s, hpo_error *err)
{
    if (s->p->n_objectives != 1) return HPO_OK;
    int64_t number = -1, slot = s->incumbent;
    if (s->ops->recommend != NULL) {
        HPO_TRY(s->ops->recommend(s->self, &number, err));
        if (number >= 0) slot = hpo_u64map_get(&s->slots, (uint64_t)number, slot);
    }
    if (slot < 0) return HPO_OK;
    double reached = far(&s->trials[slot]);
    if (slot == s->recommended && reached == s->recommended_reached) return HPO_OK;
    s->recommended = slot;
    s->recommended_reached = reached;
    return find_truth(s, (size_t)slot, noise_seed(s, s->trials[slot].number), err);
}

/* ---- segments -------------------------------------------------------------------------------------- */

/* The next resource at which the piece stops: a rung, an integer, or its end. */
static double next_stop(const simulation *s, const sim_worker *w)
{
    if (!s->has_fidelity || !s->p->resumable || w->trial.quiet || s->ops->report == NULL) return w->target;
    double stop;
    if (s->o->report_every_step) {
        stop = floor(w->at) + 1;
    } else {
        stop = s->p->min_resource > 0 ? s->p->min_resource : s->p->full_resource / 64;
        while (stop <= w->at)
            stop *= 2;
    }
    return stop < w->target ? stop : w->target;
}

/* Part of a segment that has passed when the resource is r. */
static double part(const sim_worker *w, double r)
{
    return w->segment_to > w->at ? (r - w->at) / (w->segment_to - w->at) : 1;
}

static hpo_status schedule(simulation *s, int32_t index, hpo_error *err)
{
    sim_worker *w = &s->workers[index];
    double beat = w->lease_until - s->lease * 2 / 3;
    return push(s, fmin(w->segment_end_time, beat), index, err);
}

static hpo_status start_segment(simulation *s, int32_t index, double start, hpo_error *err)
{
    sim_worker *w = &s->workers[index];
    hpo_problem_query q = {.x = w->trial.x, .seed = w->noise};
    w->segment_to = next_stop(s, w);
    q.resource = s->has_fidelity ? w->segment_to : (double)NAN;
    q.from = s->has_fidelity && s->p->resumable ? fmin(w->at, w->segment_to) : 0;
    HPO_TRY(trace(s, w->slot, &q, err));
    HPO_TRY(hpo_problem_evaluate(s->p, &q, &w->answer, err));
    if (!(w->answer.seconds >= 0) || isinf(w->answer.seconds))
        return hpo_fail(err, HPO_ENUMERIC,
                        "problem '%s' says that an evaluation takes %g s: a bug of its time model",
                        s->p->name, w->answer.seconds);
    for (size_t i = 0; i < s->p->n_objectives; i++)
        if (isnan(w->answer.y[i])) w->answer.failed = 1;
    w->end = w->segment_to < w->target ? END_REPORT : END_PIECE;
    w->segment_seconds = w->answer.seconds * w->stretch;
    double cut = isnan(w->lose_at) ? w->fail_at : w->lose_at;
    if (cut > w->at && cut <= w->segment_to) {
        w->end = isnan(w->lose_at) ? END_FAILURE : END_LOSS;
        w->segment_seconds *= part(w, cut);
        w->segment_to = cut;
    }
    w->segment_end_time = start + w->segment_seconds;
    return schedule(s, index, err);
}

/* What a stretch of a trial costs, in full evaluations. */
static double in_full(const simulation *s, const sim_worker *w, double resource)
{
    return s->has_fidelity ? resource * w->share / s->p->full_resource : resource;
}

static double share_of(const simulation *s, const double *x)
{
    double share = 1;
    for (size_t i = 0; i < s->n_more; i++)
        share *= x[s->more[i].column] / s->more[i].high;
    return share;
}

/* 1: a checkpoint of x is good for y. */
static int goes_on(const simulation *s, const double *x, const double *y)
{
    for (size_t i = 0; i < s->n_more; i++)
        if (!s->more[i].resumable && x[s->more[i].column] != y[s->more[i].column]) return 0;
    return 1;
}

static hpo_status find_fidelities(simulation *s, hpo_error *err)
{
    int first = 1;
    for (size_t i = 0; s->has_fidelity && i < hpo_space_n_params(s->p->space); i++) {
        hpo_param_info info = {.size = sizeof info};
        HPO_TRY(hpo_space_param(s->p->space, i, &info, err));
        if (info.is_fidelity && !first && s->n_more < MAX_MORE) {
            s->more[s->n_more].column = info.column;
            s->more[s->n_more].high = info.high;
            s->more[s->n_more++].resumable = info.is_fidelity == 2;
        }
        first &= !info.is_fidelity;
    }
    return HPO_OK;
}

static void draw_accidents(const simulation *s, sim_worker *w)
{
    const hpo_simulation *o = s->o;
    double half = w->from + (w->target - w->from) / 2;
    hpo_rng rng;
    hpo_rng_init(&rng, o->seed, (uint64_t)w->trial.number,
                 ACCIDENT_STREAM + (uint32_t)w->trial.attempt * 0x10000u);
    double straggles = hpo_rng_uniform(&rng), fails = hpo_rng_uniform(&rng), lost = hpo_rng_uniform(&rng);
    w->stretch = straggles < o->straggler_rate ? o->straggler_factor : 1;
    w->fail_at = fails < o->failure_rate ? half : (double)NAN;
    int may_lose = s->ops->abandon != NULL && s->trials[w->slot].lost < MAX_LOSSES;
    w->lose_at = may_lose && lost < o->preemption_rate ? half : (double)NAN;
}

/* Takes up what the method handed out. */
static hpo_status begin_piece(simulation *s, int32_t index, double start, hpo_error *err)
{
    sim_worker *w = &s->workers[index];
    size_t n = hpo_space_n_columns(s->p->space);
    int64_t slot = hpo_u64map_get(&s->slots, (uint64_t)w->trial.number, -1);
    double reached = 0;
    if (slot < 0) {
        HPO_TRY(add_trial(s, &w->trial, &w->slot, err));
        int64_t parent = w->trial.parent >= 0 ? hpo_u64map_get(&s->slots, (uint64_t)w->trial.parent, -1) : -1;
        if (parent >= 0) reached = s->trials[parent].reached;
        s->trials[w->slot].parent = parent;
        s->trials[w->slot].began = reached;
    } else {
        sim_trial *t = &s->trials[slot];
        w->slot = (size_t)slot;
        reached = t->reached;
        s->n_paused -= t->paused;
        s->n_lost -= t->awaited;
        t->paused = t->awaited = 0;
        if (!goes_on(s, s->x + w->slot * n, w->trial.x)) reached = 0;
    }
    w->share = share_of(s, w->trial.x);
    memcpy(s->x + w->slot * n, w->trial.x, n * sizeof(double));
    w->from = s->has_fidelity && s->p->resumable ? reached : 0;
    w->target = 1;
    if (s->has_fidelity) {
        double r = isnan(w->trial.resource) ? s->p->full_resource : w->trial.resource;
        w->target = fmin(fmax(r, s->p->min_resource), s->p->full_resource);
    }
    w->from = fmin(w->from, w->target);
    w->at = w->from;
    w->cost = w->reported_cost = 0;
    w->noise = noise_seed(s, w->trial.number);
    w->lease_until = s->now + s->lease;
    s->reserved += in_full(s, w, w->target - w->from);
    draw_accidents(s, w);
    return start_segment(s, index, start, err);
}

/* ---- the end of a piece ----------------------------------------------------------------------------- */

static void emit(simulation *s, const sim_worker *w, hpo_state state, int has_values)
{
    int64_t r = s->recommended;
    hpo_evaluation e = {.trial = w->trial.number,
                        .index = s->index++,
                        .state = state,
                        .x = s->x + w->slot * hpo_space_n_columns(s->p->space),
                        .resource = w->at * w->share,
                        .spent = s->spent,
                        .time = s->now,
                        .decision_seconds = w->decision,
                        .y = has_values ? w->answer.y : NULL,
                        .outcome = has_values && s->p->n_outcomes > 0 ? w->answer.outcome : NULL,
                        .recommended = r < 0 ? -1 : s->trials[r].number,
                        .recommended_true = r < 0 ? NULL : s->truth.y,
                        .recommended_outcome = r < 0 || s->p->n_outcomes == 0 ? NULL : s->truth.outcome};
    if (s->on_evaluation != NULL) s->on_evaluation(s->ctx, &e);
}

static void account(simulation *s, const sim_worker *w)
{
    s->spent += in_full(s, w, w->at - w->from);
    s->reserved -= in_full(s, w, w->target - w->from);
}

/* The worker is free again; a charged decision keeps it busy for a while. */
static hpo_status release(simulation *s, int32_t index, double decision, hpo_error *err)
{
    sim_worker *w = &s->workers[index];
    w->state = IDLE;
    w->decision = 0;
    if (!s->o->charge_decisions || !(decision > 0)) return HPO_OK;
    w->state = RESTING;
    return push(s, s->now + decision, index, err);
}

static hpo_status end_piece(simulation *s, int32_t index, hpo_state state, double decision, hpo_error *err)
{
    sim_worker *w = &s->workers[index];
    sim_trial *t = &s->trials[w->slot];
    int has_values = state != HPO_STATE_FAILED;
    hpo_method_result r = {.state = state,
                           .y = has_values ? w->answer.y : NULL,
                           .outcome = has_values && s->p->n_outcomes > 0 ? w->answer.outcome : NULL,
                           .resource = w->at,
                           .cost = w->cost};
    HPO_TRY(s->ops->tell(s->self, &w->trial, &r, s->now, err));
    w->state = IDLE;
    account(s, w);
    if (state == HPO_STATE_PAUSED) {
        t->paused = 1;
        s->n_paused++;
    }
    if (has_values) {
        t->reached = w->at;
        t->share = w->share;
        keep_values(s, w);
        update_incumbent(s, w->slot);
    }
    HPO_TRY(recommend(s, err));
    emit(s, w, state, has_values);
    return release(s, index, decision, err);
}

static hpo_status lose(simulation *s, int32_t index, hpo_error *err)
{
    sim_worker *w = &s->workers[index];
    account(s, w);
    s->trials[w->slot].lost++;
    s->trials[w->slot].awaited = 1;
    s->n_lost++;
    w->state = IDLE;
    s->ops->abandon(s->self, &w->trial);
    HPO_TRY(push(s, w->lease_until + LEASE_SLACK, s->n_workers + index, err));
    return release(s, index, 0, err);
}

static double seconds_since(int64_t start_ns)
{
    return (double)(hpo_os_monotonic_ns() - start_ns) * 1e-9;
}

/* A report, at a rung or at the end of the piece, and what follows from the answer. */
static hpo_status make_report(simulation *s, int32_t index, hpo_error *err)
{
    sim_worker *w = &s->workers[index];
    hpo_decision decision = HPO_CONTINUE;
    double seconds = 0;
    if (s->has_fidelity && !w->trial.quiet && s->ops->report != NULL) {
        int64_t start = hpo_os_monotonic_ns();
        HPO_TRY(s->ops->report(s->self, &w->trial, s->now, w->at, w->answer.y, w->cost - w->reported_cost,
                               &decision, err));
        seconds = seconds_since(start);
        w->decision += seconds;
        w->reported_cost = w->cost;
        w->lease_until = s->now + s->lease;
    }
    if (w->end == END_REPORT && decision == HPO_CONTINUE)
        return start_segment(s, index, s->now + (s->o->charge_decisions ? seconds : 0), err);
    /* A program that has reached its last step has ended, whatever the scheduler would have liked. */
    if (s->has_fidelity ? w->at >= s->p->full_resource : 1) decision = HPO_CONTINUE;
    hpo_state state = decision == HPO_PAUSE  ? HPO_STATE_PAUSED
                      : decision == HPO_STOP ? HPO_STATE_STOPPED
                                             : HPO_STATE_COMPLETE;
    return end_piece(s, index, state, seconds, err);
}

static hpo_status end_segment(simulation *s, int32_t index, hpo_error *err)
{
    sim_worker *w = &s->workers[index];
    w->at = fmax(w->at, w->segment_to);
    w->cost += w->segment_seconds;
    if (w->end == END_LOSS) return lose(s, index, err);
    if (w->end == END_FAILURE || w->answer.failed) return end_piece(s, index, HPO_STATE_FAILED, 0, err);
    return make_report(s, index, err);
}

static hpo_status handle(simulation *s, const sim_event *e, hpo_error *err)
{
    if (e->worker >= s->n_workers) return HPO_OK; /* a lease has run out: somebody may ask now */
    sim_worker *w = &s->workers[e->worker];
    if (w->state == RESTING) {
        w->state = IDLE;
        return HPO_OK;
    }
    if (e->time >= w->segment_end_time) return end_segment(s, e->worker, err);
    if (s->ops->renew != NULL) HPO_TRY(s->ops->renew(s->self, &w->trial, s->now, err));
    w->lease_until = s->now + s->lease;
    return schedule(s, e->worker, err);
}

/* ---- asking ----------------------------------------------------------------------------------------- */

static int may_ask(const simulation *s)
{
    const hpo_simulation *o = s->o;
    if (s->over || (o->max_seconds > 0 && s->now >= o->max_seconds)) return 0;
    if (o->max_resource > 0 && s->spent + s->reserved >= o->max_resource * (1 - 1e-9)) return 0;
    int all_out = o->max_evaluations > 0 && (int64_t)s->n_trials >= o->max_evaluations;
    return !all_out || s->n_lost > 0 || s->n_paused > 0;
}

/* 1 in *got when the worker has work now. */
static hpo_status ask(simulation *s, int32_t index, int *got, hpo_error *err)
{
    sim_worker *w = &s->workers[index];
    int64_t start = hpo_os_monotonic_ns();
    *got = 0;
    hpo_status rc = s->ops->ask(s->self, s->now, &w->trial, err);
    if (rc == HPO_WAIT || rc == HPO_DONE) {
        s->over |= rc == HPO_DONE;
        return HPO_OK;
    }
    HPO_TRY(rc);
    w->state = WORKING; /* from here on the method's handle is ours */
    w->decision = seconds_since(start);
    int is_new = hpo_u64map_get(&s->slots, (uint64_t)w->trial.number, -1) < 0;
    if (is_new && s->o->max_evaluations > 0 && (int64_t)s->n_trials >= s->o->max_evaluations) {
        w->state = IDLE;
        if (s->ops->abandon != NULL) s->ops->abandon(s->self, &w->trial);
        s->over = 1; /* the method goes on where the limit has ended */
        return HPO_OK;
    }
    *got = 1;
    return begin_piece(s, index, s->now + (s->o->charge_decisions ? w->decision : 0), err);
}

static hpo_status ask_all(simulation *s, hpo_error *err)
{
    for (int32_t i = 0, got = 1; i < s->n_workers && got; i++) {
        if (s->workers[i].state != IDLE) continue;
        if (!may_ask(s)) break;
        HPO_TRY(ask(s, i, &got, err));
    }
    return HPO_OK;
}

/* ---- the run ----------------------------------------------------------------------------------------- */

static hpo_status interrupted(const simulation *s, hpo_error *err)
{
    if (s->o->cancel != NULL && atomic_load_explicit(s->o->cancel, memory_order_relaxed))
        return hpo_fail(err, HPO_WAIT, "the run was interrupted");
    if (s->deadline_ns > 0 && hpo_os_monotonic_ns() > s->deadline_ns)
        return hpo_fail(err, HPO_EBUSY, "the run took more than %g s", s->o->wall_timeout);
    return HPO_OK;
}

static hpo_status run(simulation *s, hpo_error *err)
{
    HPO_TRY(ask_all(s, err));
    while (s->n_heap > 0) {
        HPO_TRY(interrupted(s, err));
        sim_event e = pop(s);
        if (s->o->max_seconds > 0 && e.time > s->o->max_seconds) break;
        s->now = e.time;
        HPO_TRY(handle(s, &e, err));
        HPO_TRY(ask_all(s, err));
    }
    return HPO_OK;
}

/* One call may take no longer than the whole run. */
static double call_timeout(const hpo_simulation *o)
{
    if (!(o->wall_timeout > 0)) return o->call_timeout;
    return o->call_timeout > 0 ? fmin(o->call_timeout, o->wall_timeout) : o->wall_timeout;
}

static hpo_status open_method(simulation *s, hpo_error *err)
{
    const hpo_simulation *o = s->o;
    char *spec = NULL;
    if (o->method == NULL) {
        const char *sampler = o->sampler != NULL ? o->sampler : "random";
        size_t n = strlen(sampler), m = o->scheduler != NULL ? strlen(o->scheduler) : 0;
        spec = hpo_alloc(n + m + 2);
        if (spec == NULL) return hpo_fail_memory(err);
        memcpy(spec, sampler, n + 1);
        if (m > 0) {
            spec[n] = '+';
            memcpy(spec + n + 1, o->scheduler, m + 1);
        }
    }
    hpo_method_setup setup = {.problem = s->p,
                              .spec = spec != NULL ? spec : o->method,
                              .seed = o->seed,
                              .workers = o->workers,
                              .budget = o->max_resource > 0 ? o->max_resource : (double)o->max_evaluations,
                              .max_trials = o->max_evaluations,
                              .every_step = o->report_every_step,
                              .lag = o->lag,
                              .lease = s->lease,
                              .timeout = call_timeout(o),
                              .data = o->data,
                              .host = o->host};
    s->ops = o->ops != NULL ? o->ops : hpo_method_for(setup.spec);
    hpo_status rc = s->ops->open(&setup, &s->self, err);
    hpo_free(spec);
    return rc;
}

static hpo_status check(const hpo_simulation *o, hpo_error *err)
{
    if (o->workers < 1 || o->workers > 100000)
        return hpo_fail(err, HPO_EINVAL, "workers is %d: must be in 1..100000", (int)o->workers);
    if (!(o->max_evaluations > 0 || o->max_resource > 0 || o->max_seconds > 0))
        return hpo_fail(err, HPO_EINVAL,
                        "the simulation would never end: set max_evaluations, max_resource or max_seconds");
    const struct {
        const char *name;
        double value;
    } rates[] = {{"straggler_rate", o->straggler_rate},
                 {"failure_rate", o->failure_rate},
                 {"preemption_rate", o->preemption_rate}};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
        if (!(rates[i].value >= 0 && rates[i].value <= 1))
            return hpo_fail(err, HPO_EINVAL, "%s is %g: must be in 0..1", rates[i].name, rates[i].value);
    if (o->straggler_rate > 0 && !(o->straggler_factor > 0))
        return hpo_fail(err, HPO_EINVAL, "straggler_factor is %g: must be positive", o->straggler_factor);
    return HPO_OK;
}

static void finish(simulation *s)
{
    for (int32_t i = 0; i < s->n_workers && s->self != NULL; i++)
        if (s->workers[i].state == WORKING && s->ops->abandon != NULL)
            s->ops->abandon(s->self, &s->workers[i].trial);
    if (s->self != NULL) s->ops->close(s->self);
    hpo_free(s->workers);
    hpo_free(s->heap);
    hpo_free(s->trials);
    hpo_free(s->past);
    hpo_free(s->x);
    hpo_free(s->y);
    hpo_free(s->outcome);
    hpo_u64map_fini(&s->slots);
}

hpo_status hpo_simulate(const hpo_problem *p, const hpo_simulation *options,
                        void (*on_evaluation)(void *ctx, const hpo_evaluation *e), void *ctx, hpo_error *err)
{
    HPO_TRY(check(options, err));
    simulation s = {.p = p,
                    .o = options,
                    .on_evaluation = on_evaluation,
                    .ctx = ctx,
                    .n_workers = options->workers,
                    .has_fidelity = !isnan(p->full_resource),
                    .incumbent = -1,
                    .recommended = -1,
                    .recommended_reached = (double)NAN};
    /* Without losses nobody needs leases, and long trials no renewals. */
    s.lease = !(options->preemption_rate > 0) ? (double)INFINITY
              : options->lease > 0            ? options->lease
                                              : DEFAULT_LEASE;
    if (options->wall_timeout > 0)
        s.deadline_ns = hpo_os_monotonic_ns() + (int64_t)(fmin(options->wall_timeout, 1e9) * 1e9);
    s.workers = hpo_calloc((size_t)options->workers, sizeof *s.workers);
    hpo_status rc = s.workers == NULL ? hpo_fail_memory(err) : find_fidelities(&s, err);
    if (rc == HPO_OK) rc = open_method(&s, err);
    if (rc == HPO_OK) rc = run(&s, err);
    finish(&s);
    return rc;
}
