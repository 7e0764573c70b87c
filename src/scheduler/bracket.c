/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/bracket.c - synchronous brackets.
 *
 * A bracket has rungs i = 0, 1, ... with n_i trials at resource r_i.  A rung is decided when all its trials
 * have come to r_i or failed: then the best n_{i+1} of them go on.  Decisions wait, workers do not: one that
 * finds nothing to do in the open brackets, oldest first, begins the next bracket.  A rung whose trials
 * failed promotes as many as are left.
 *
 * From bracket `promoting` on nothing goes on: rung i is filled with n_i new trials that begin at r_i, when
 * rung i - 1 is decided (dehb.c).
 *
 * The budget of trials may end while rung 0 is being filled.  Then it is decided with those that it has, in
 * the same proportion, at least one. */
#include "scheduler/bracket.h"

#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"

typedef struct hpo_bracket {
    size_t rung;                   /* the one that is being filled */
    size_t size, assigned, failed; /* of that rung */
    hpo_rung *rungs; /* as many as its plan has; open in the one before: it goes on, and has not yet been
                        taken up */
    int over;
} bracket;

hpo_status hpo_brackets_init(hpo_brackets *b, size_t n_plans, hpo_error *err)
{
    b->plans = hpo_calloc(n_plans, sizeof *b->plans);
    b->n_plans = n_plans;
    b->promoting = SIZE_MAX;
    return b->plans != NULL ? HPO_OK : hpo_fail_memory(err);
}

void hpo_brackets_fini(void *state)
{
    hpo_brackets *s = state;
    for (size_t j = 0; j < s->n; j++)
        hpo_rungs_free(s->list[j].rungs, s->plans[j % s->n_plans].n);
    hpo_free(s->list);
    hpo_free(s->plans);
    hpo_sched_rows_fini(&s->rows);
}

static const hpo_bracket_plan *plan_of(const hpo_brackets *s, size_t j)
{
    return &s->plans[j % s->n_plans];
}

static int renews(const hpo_brackets *s, size_t j)
{
    return j >= s->promoting;
}

static int same(double a, double b)
{
    return fabs(a - b) <= 1e-9 * fabs(b);
}

/* Results in the rung that is being filled. */
static hpo_ranking *here(const bracket *b)
{
    return &b->rungs[b->rung].ranking;
}

/* Those of the one before. */
static hpo_ranking *from(const bracket *b)
{
    return &b->rungs[b->rung - 1].ranking;
}

/* ---- deciding a rung ----------------------------------------------------------------------------------- */

/* How many of `done` results go on when the rung was planned for `planned` and the next one for `next`. */
static size_t goes_on(size_t done, size_t planned, size_t size, size_t next)
{
    size_t k = next;
    if (size < planned && planned != HPO_BRACKET_OPEN)
        k = (size_t)floor((double)next * (double)size / (double)planned * (1 + 1e-12));
    if (k == 0) k = 1;
    return k < done ? k : done;
}

/* All of the rung's trials have come: the best are opened for the next one. */
static void decide(hpo_brackets *s, size_t j)
{
    bracket *b = &s->list[j];
    const hpo_bracket_plan *p = plan_of(s, j);
    if (b->over || b->assigned < b->size || hpo_ranking_size(here(b)) + b->failed < b->size) return;
    if (b->rung + 1 >= p->n || hpo_ranking_size(here(b)) == 0) {
        b->over = 1;
        while (s->first < s->n && s->list[s->first].over)
            s->first++;
        return;
    }
    size_t k = renews(s, j)
                   ? p->size[b->rung + 1]
                   : goes_on(hpo_ranking_size(here(b)), p->size[b->rung], b->size, p->size[b->rung + 1]);
    hpo_ranked e;
    for (size_t i = 0; i < k && !renews(s, j) && hpo_ranking_at(here(b), i, &e); i++)
        hpo_ranking_set_open(here(b), e.value, e.trial, 1);
    b->rung++;
    b->size = k;
    b->assigned = b->failed = 0;
}

/* ---- events ---------------------------------------------------------------------------------------------
 */

/* The oldest bracket with a free place for a new trial; n: a new bracket. */
static size_t bracket_for_new(const hpo_brackets *s)
{
    for (size_t j = s->first; j < s->n; j++)
        if (!s->list[j].over && (s->list[j].rung == 0 || renews(s, j)) &&
            s->list[j].assigned < s->list[j].size)
            return j;
    return s->n;
}

void hpo_brackets_find(const hpo_brackets *s, hpo_brackets_opening *out)
{
    size_t j = bracket_for_new(s);
    *out = (hpo_brackets_opening){j, j < s->n ? s->list[j].rung : 0, 0};
    out->size = j < s->n ? s->list[j].size : plan_of(s, j)->size[0];
}

static double opening_resource(const hpo_brackets *s)
{
    hpo_brackets_opening at;
    hpo_brackets_find(s, &at);
    return plan_of(s, at.bracket)->resource[at.rung];
}

static hpo_status take_new(hpo_brackets *s, int64_t trial, double resource, hpo_error *err)
{
    size_t j = bracket_for_new(s);
    if (!same(resource, opening_resource(s))) return HPO_OK; /* enqueued with a resource of its own */
    if (j == s->n) {
        HPO_TRY(hpo_reserve(&s->list, &s->cap, s->n + 1, sizeof *s->list, err));
        hpo_rung *rungs = hpo_calloc(plan_of(s, j)->n, sizeof *rungs);
        if (rungs == NULL) return hpo_fail_memory(err);
        s->list[s->n++] = (bracket){.size = plan_of(s, j)->size[0], .rungs = rungs};
    }
    s->list[j].assigned++;
    s->rows.row[trial].bracket = (int32_t)j;
    return HPO_OK;
}

static void take_up(hpo_brackets *s, hpo_sched_row *t, int64_t trial, double resource)
{
    size_t j = (size_t)t->bracket;
    bracket *b = &s->list[j];
    if (b->rung == 0 && same(resource, plan_of(s, j)->resource[1]) && b->assigned < b->size) {
        b->size = b->assigned; /* the trials ran out: next() has decided */
        decide(s, j);
        b = &s->list[j];
    }
    if (b->rung == 0 || !same(resource, plan_of(s, j)->resource[b->rung])) return;
    hpo_ranking_set_open(from(b), t->entry, trial, 0);
    b->rungs[b->rung - 1].promoted++;
    b->assigned++;
}

hpo_status hpo_brackets_start(void *state, const hpo_sched_start *e, hpo_error *err)
{
    hpo_brackets *s = state;
    HPO_TRY(hpo_sched_rows_need(&s->rows, e->trial, err));
    hpo_sched_row *t = &s->rows.row[e->trial];
    int again = t->target >= e->resource; /* lost or requeued: the same piece once more */
    t->target = e->resource;
    t->running = 1;
    if (again) return HPO_OK;
    if (e->kind == HPO_ACT_NEW) return take_new(s, e->trial, e->resource, err);
    if (t->bracket >= 0) take_up(s, t, e->trial, e->resource);
    return HPO_OK;
}

hpo_status hpo_brackets_report(void *state, const hpo_sched_report *r, hpo_sched_answer *out, hpo_error *err)
{
    hpo_brackets *s = state;
    char at[32];
    HPO_TRY(hpo_sched_rows_need(&s->rows, r->trial, err));
    hpo_sched_row *t = &s->rows.row[r->trial];
    (void)hpo_sched_rows_report(t, r);
    if (t->bracket < 0 || !(t->step >= t->target * (1 - 1e-9))) return HPO_OK;
    const bracket *b = &s->list[t->bracket];
    if (b->rung + 1 >= plan_of(s, (size_t)t->bracket)->n) return HPO_OK; /* its last piece */
    out->decision = HPO_PAUSE;
    size_t rank = hpo_ranking_before(here(b), t->last, r->trial) + 1, n = hpo_ranking_size(here(b)) + 1;
    char *end = hpo_rung_say(out->reason, rank, n, hpo_resource_text(t->target, at));
    end = hpo_say_count(hpo_say(end, " of bracket "), (size_t)t->bracket);
    end = hpo_say(end, ", which waits for ");
    end = hpo_say_count(end, b->size == HPO_BRACKET_OPEN ? 0 : b->size - n - b->failed);
    (void)hpo_say(end, " more");
    return HPO_OK;
}

hpo_status hpo_brackets_tell(void *state, int64_t trial, hpo_state end, const double *y, hpo_error *err)
{
    hpo_brackets *s = state;
    HPO_TRY(hpo_sched_rows_need(&s->rows, trial, err));
    hpo_sched_row *t = &s->rows.row[trial];
    if (!t->running || t->bracket < 0) return HPO_OK;
    t->running = 0;
    bracket *b = &s->list[t->bracket];
    int good = end == HPO_STATE_PAUSED || end == HPO_STATE_COMPLETE;
    if (y != NULL && good) t->last = y[0];
    if (good && !isnan(t->last)) {
        t->entry = t->last;
        t->level = (int32_t)b->rung;
        HPO_TRY(hpo_ranking_add(here(b), t->entry, trial, 0, 0, err));
    } else {
        b->failed++;
    }
    decide(s, (size_t)t->bracket);
    return HPO_OK;
}

/* ---- a free worker ----------------------------------------------------------------------------------------
 */

static void go_on(const hpo_ranked *e, size_t n, double from, double to, size_t j, hpo_action *out)
{
    char at[32], goal[32];
    out->kind = HPO_ACT_RESUME;
    out->trial = e->trial;
    out->resource = to;
    (void)snprintf(out->reason, sizeof out->reason,
                   "rank %zu of %zu at rung %s of bracket %zu: goes on to %s", e->rank + 1, n,
                   hpo_resource_text(from, at), j, hpo_resource_text(to, goal));
}

hpo_status hpo_brackets_next(void *state, const hpo_sched_ask *ask, hpo_action *out, hpo_error *err)
{
    const hpo_brackets *s = state;
    (void)err;
    for (size_t j = s->first; j < s->n; j++) {
        const bracket *b = &s->list[j];
        const hpo_bracket_plan *p = plan_of(s, j);
        hpo_ranked e;
        if (b->over) continue;
        if (b->rung > 0 && hpo_ranking_first_open(from(b), &e)) {
            go_on(&e, hpo_ranking_size(from(b)), p->resource[b->rung - 1], p->resource[b->rung], j, out);
            return HPO_OK;
        }
        int starved = !ask->may_create && !renews(s, j) && b->rung == 0 && b->assigned < b->size &&
                      p->n > 1 && hpo_ranking_size(here(b)) + b->failed == b->assigned;
        if (starved && hpo_ranking_at(here(b), 0, &e)) {
            go_on(&e, hpo_ranking_size(here(b)), p->resource[0], p->resource[1], j, out);
            return HPO_OK;
        }
    }
    out->resource = opening_resource(s);
    return HPO_OK;
}

/* Of the last round of brackets, and of those before that are open. */
hpo_status hpo_brackets_describe(const void *state, char *buf, size_t cap, size_t *n_out, hpo_error *err)
{
    const hpo_brackets *s = state;
    hpo_str o = {0};
    size_t last = s->n > s->n_plans ? s->n - s->n_plans : 0;
    hpo_str_add(&o, "{\"rungs\":[");
    for (size_t j = s->first < last ? s->first : last; j < s->n; j++) {
        const bracket *b = &s->list[j];
        const hpo_bracket_plan *p = plan_of(s, j);
        if (b->over && j < last) continue;
        for (size_t i = 0; i <= b->rung; i++)
            hpo_rung_describe(&o, (int64_t)j, p->resource[i], &b->rungs[i].ranking, b->rungs[i].promoted);
    }
    hpo_str_add(&o, "]}");
    return hpo_sched_describe_end(&o, buf, cap, n_out, err);
}
