/* SPDX-License-Identifier: Apache-2.0 */
/* drive.h - one worker that does what a scheduler says, for tests that look at a rule. */
#ifndef TESTS_DRIVE_H
#define TESTS_DRIVE_H
#include "scheduler/registry.h"
#include "t.h"

enum { DRIVE_MOST = 1024, DRIVE_DIMS = 8 };

typedef struct drive {
    hpo_scheduler s;
    double high;
    double reached[DRIVE_MOST], target[DRIVE_MOST];
    int state[DRIVE_MOST];
    int64_t n, limit;
    char reason[HPO_REASON_SIZE]; /* of the last action or answer that had one */
    double spent;
    double u[DRIVE_DIMS];                  /* of the next trial; a clone's is written here */
    double point[DRIVE_MOST][DRIVE_DIMS];  /* ... by trial */
    int64_t parent[DRIVE_MOST];
} drive;

static const double drive_sign = 1;

static inline void drive_open_in(drive *d, const char *spec, const hpo_space *space, double low, double high,
                                 int64_t limit)
{
    hpo_error err;
    *d = (drive){.high = high, .limit = limit};
    const hpo_sched_problem p = {
        .space = space, .n_objectives = 1, .sign = &drive_sign, .seed = 7, .low = low, .high = high, .whole = 1};
    assert_ok(hpo_scheduler_open(spec, &p, &d->s, &err), err);
}

static inline void drive_open(drive *d, const char *spec, double low, double high, int64_t limit)
{
    drive_open_in(d, spec, NULL, low, high, limit);
}

static inline hpo_action drive_next(drive *d, int64_t running)
{
    hpo_error err;
    hpo_action a = {.kind = HPO_ACT_NEW, .trial = -1, .resource = (double)NAN, .u = d->u};
    const hpo_sched_ask q = {.draw = (uint64_t)d->n,
                             .number = d->n,
                             .may_create = d->n < d->limit,
                             .n_running = running,
                             .planned = d->limit};
    if (d->s.ops->next != NULL) assert_ok(d->s.ops->next(d->s.state, &q, &a, &err), err);
    if (isnan(a.resource)) a.resource = d->high;
    if (a.reason[0] != '\0') memcpy(d->reason, a.reason, sizeof d->reason);
    return a;
}

/* Begins what `a` says; the trial, or -1: there is nothing left to do. */
static inline int64_t drive_start(drive *d, const hpo_action *a)
{
    hpo_error err;
    if (a->kind == HPO_ACT_WAIT || (a->kind != HPO_ACT_RESUME && d->n >= d->limit)) return -1;
    int64_t t = a->kind == HPO_ACT_RESUME ? a->trial : d->n++;
    if (a->kind != HPO_ACT_RESUME) {
        int same = a->kind == HPO_ACT_CLONE && !a->changed;
        memcpy(d->point[t], same ? d->point[a->trial] : d->u, sizeof d->u);
        d->parent[t] = a->kind == HPO_ACT_CLONE ? a->trial : -1;
        d->reached[t] = a->kind == HPO_ACT_CLONE ? d->reached[a->trial] : 0;
    }
    const hpo_sched_start e = {
        .kind = a->kind, .trial = t, .parent = d->parent[t], .resource = a->resource, .u = d->point[t]};
    d->target[t] = a->resource;
    d->state[t] = HPO_STATE_RUNNING;
    if (d->s.ops->start != NULL) assert_ok(d->s.ops->start(d->s.state, &e, &err), err);
    return t;
}

static inline hpo_sched_answer drive_report(drive *d, int64_t t, double step, double y, double cost)
{
    hpo_error err;
    hpo_sched_answer a = {.decision = HPO_CONTINUE};
    const hpo_sched_report r = {.trial = t, .step = step, .y = &y, .n_objectives = 1, .fold = -1, .cost = cost};
    assert_ok(d->s.ops->report(d->s.state, &r, &a, &err), err);
    if (a.reason[0] != '\0') memcpy(d->reason, a.reason, sizeof d->reason);
    return a;
}

static inline void drive_tell(drive *d, int64_t t, hpo_state state, const double *y)
{
    hpo_error err;
    d->state[t] = (int)state;
    if (d->s.ops->tell != NULL) assert_ok(d->s.ops->tell(d->s.state, t, state, y, &err), err);
}

/* Reports once, at the end of the piece, and tells what follows. */
static inline void drive_piece(drive *d, int64_t t, double y, double cost)
{
    d->spent += d->target[t] - d->reached[t];
    d->reached[t] = d->target[t];
    hpo_sched_answer a = drive_report(d, t, d->target[t], y, cost);
    int full = d->target[t] >= d->high;
    drive_tell(d, t, !full && a.decision == HPO_PAUSE ? HPO_STATE_PAUSED : HPO_STATE_COMPLETE, full ? &y : NULL);
}

static inline void drive_close(drive *d)
{
    hpo_scheduler_close(&d->s);
}
#endif
