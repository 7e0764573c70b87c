/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/population.c - population-based training as a fold.
 *
 * n members train beside each other in pieces of `interval`: levels r_k = (k + 1) interval, the last one the
 * fidelity's maximum.  At a level a member's trial is paused.  A free worker takes up the member that has
 * come least far, so that fewer workers than members keep the population together; nobody waits for anybody.
 *
 * When a member is taken up at level k it is compared with all others at what they had there:
 *
 *   score_j(k) = what member j had when it came to level k itself, or else to the highest level below
 *
 * so a member is never judged by others' longer training, and a loser that was replaced still counts as one:
 * at no level more than a part `quantile` of the population is replaced.  Let m be how many members have a
 * score and c = floor(quantile m).  If the member is among the worst c, and a trial may still be created, a
 * clone takes its place: it goes on from the newest checkpoint of one of the best c that can be cloned, drawn
 * at random; these are better than it, have come at least to level k, and still train.  (A member never goes
 * back: the population trains at most n times the maximum.)  Else its trial goes on.  The trial that was
 * replaced stays paused, for good.  A clone that skips levels takes over its parent's scores there.
 *
 * A member whose trial failed is vacant: the next free worker clones one of the best max(c, 1) for it,
 * whatever their level; when nobody has a checkpoint yet it begins anew.  After the last member has come to
 * its end the next population begins, with new trials.
 *
 * Jaderberg, Dalibard, Osindero and others: "Population based training of neural networks",
 * arXiv:1711.09846, Algorithm 1, truncation selection; clones as trials with pointers to checkpoints: Li,
 * Spyra, Perel and others: "A generalized framework for population based training", KDD 2019. */
#include "scheduler/population.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/rng.h"
#include "scheduler/rung.h"

static const double NEARLY = 1e-9, DEFAULT_PIECES = 10;
enum { MOST_LEVELS = 10000 };

/* ---- begin and end ---------------------------------------------------------------------------------- */

double hpo_population_at(const hpo_population *s, int64_t level)
{
    return (size_t)level + 1 >= s->n_levels ? s->high : (double)(level + 1) * s->interval;
}

/* The highest level that a trial at resource r has reached, -1: none. */
static int64_t level_of(const hpo_population *s, double r)
{
    if (r >= s->high * (1 - NEARLY)) return (int64_t)s->n_levels - 1;
    double k = floor(r / s->interval * (1 + NEARLY)) - 1;
    return k < 0 ? -1 : k + 2 > (double)s->n_levels ? (int64_t)s->n_levels - 2 : (int64_t)k;
}

static hpo_status set_levels(hpo_population *s, const hpo_sched_problem *p, hpo_error *err)
{
    double i = s->config.interval;
    if (i == 0) i = p->whole ? ceil(p->high / DEFAULT_PIECES) : p->high / DEFAULT_PIECES;
    if (!(i > 0 && i <= p->high) || i * MOST_LEVELS < p->high)
        return hpo_fail(err, HPO_EINVAL,
                        "interval is %g: must be above 0 and within the fidelity, which ends at %g", i,
                        p->high);
    if (p->whole && i != floor(i))
        return hpo_fail(err, HPO_EINVAL, "interval is %g: the fidelity is an integer, so must it be", i);
    if (i < p->low) i = p->low; /* no piece may end before the fidelity begins */
    s->interval = i;
    s->high = p->high;
    s->n_levels = (size_t)ceil(p->high / i * (1 - NEARLY));
    return HPO_OK;
}

/* "layers+width": marks them. */
static hpo_status read_fixed(hpo_population *s, hpo_error *err)
{
    for (const char *at = s->config.fixed; *at != '\0';) {
        char name[HPO_FIXED_TEXT];
        size_t n = strcspn(at, "+");
        memcpy(name, at, n);
        name[n] = '\0';
        int64_t i = hpo_space_find(s->space, name);
        if (i < 0)
            return hpo_fail(err, HPO_EINVAL, "fixed=%s: there is no parameter '%s'", s->config.fixed, name);
        s->fixed[i] = 1;
        at += n + (at[n] == '+');
    }
    return HPO_OK;
}

static void begin_population(hpo_population *s)
{
    s->n_begun = 0;
    for (size_t m = 0; m < s->n_members; m++)
        s->members[m] = (hpo_member){.trial = -1, .state = HPO_MEMBER_NONE, .level = -1};
    for (size_t i = 0; i < s->n_members * s->n_levels; i++)
        s->value[i] = (double)NAN;
}

hpo_status hpo_population_init(hpo_population *s, const hpo_population_config *c, const hpo_sched_problem *p,
                               hpo_error *err)
{
    s->config = *c;
    s->space = p->space;
    s->seed = p->seed;
    s->n_members = (size_t)c->size;
    s->n_dims = hpo_space_n_dims(p->space);
    HPO_TRY(set_levels(s, p, err));
    s->members = hpo_calloc(s->n_members, sizeof *s->members);
    s->value = hpo_alloc_array(s->n_members * s->n_levels, sizeof *s->value);
    s->order = hpo_alloc_array(s->n_members, sizeof *s->order);
    s->fixed = hpo_calloc(hpo_space_n_params(p->space) + 1, 1);
    s->scratch = hpo_alloc_array(2 * hpo_space_n_columns(p->space) + s->n_dims + 1, sizeof *s->scratch);
    if (s->members == NULL || s->value == NULL || s->order == NULL || s->fixed == NULL || s->scratch == NULL)
        return hpo_fail_memory(err);
    begin_population(s);
    return read_fixed(s, err);
}

void hpo_population_fini(void *state)
{
    hpo_population *s = state;
    hpo_free(s->members);
    hpo_free(s->value);
    hpo_free(s->order);
    hpo_free(s->fixed);
    hpo_free(s->scratch);
    hpo_free(s->trials);
    hpo_free(s->u);
}

/* ---- scores ----------------------------------------------------------------------------------------- */

static double score(const hpo_population *s, size_t m, int64_t level)
{
    const double *v = s->value + m * s->n_levels;
    while (level >= 0 && isnan(v[level]))
        level--;
    return level < 0 ? (double)NAN : v[level];
}

/* Members with a score at `level`, best first, into s->order; ties by their number. */
static size_t rank_members(const hpo_population *s, int64_t level)
{
    size_t n = 0;
    for (size_t m = 0; m < s->n_begun; m++) {
        double v = score(s, m, level);
        if (isnan(v)) continue;
        size_t at = n++;
        for (; at > 0 && score(s, s->order[at - 1], level) > v; at--)
            s->order[at] = s->order[at - 1];
        s->order[at] = m;
    }
    return n;
}

static size_t place_of(const hpo_population *s, size_t n, size_t member)
{
    size_t i = 0;
    while (i < n && s->order[i] != member)
        i++;
    return i;
}

/* ---- what is next ----------------------------------------------------------------------------------- */

typedef struct choice {
    hpo_action_kind kind;
    int64_t member;              /* whose turn it is; -1: none */
    int64_t parent;              /* CLONE: the member cloned */
    size_t rank, parent_rank, n; /* at level */
    int64_t level;
} choice;

static int is_over(const hpo_population *s)
{
    if (s->n_begun < s->n_members) return 0;
    int any_done = 0, any_vacant = 0;
    for (size_t m = 0; m < s->n_members; m++) {
        hpo_member_state state = s->members[m].state;
        if (state == HPO_MEMBER_RUNS || state == HPO_MEMBER_WAITS) return 0;
        any_done |= state == HPO_MEMBER_DONE;
        any_vacant |= state == HPO_MEMBER_VACANT;
    }
    return any_done || !any_vacant;
}

/* The member whose turn it is: a vacant one, else the one that has come least far. */
static int64_t whose_turn(const hpo_population *s, int may_create)
{
    int64_t best = -1;
    for (size_t m = 0; m < s->n_begun; m++) {
        const hpo_member *a = &s->members[m];
        if (a->state == HPO_MEMBER_VACANT && may_create) return (int64_t)m;
        if (a->state != HPO_MEMBER_WAITS) continue;
        if (best < 0 || a->level < s->members[best].level) best = (int64_t)m;
    }
    return best;
}

/* One of the best `cut` members of s->order that can be cloned in place of the one whose turn it is, or -1.
 */
static int64_t choose_parent(const hpo_population *s, const choice *c, size_t cut, int64_t number)
{
    hpo_rng rng;
    size_t n = 0;
    int64_t parent = -1;
    int vacant = s->members[c->member].state == HPO_MEMBER_VACANT;
    double own = vacant ? (double)INFINITY : score(s, (size_t)c->member, c->level);
    hpo_rng_init(&rng, s->seed, (uint64_t)number, HPO_RNG_SCHEDULER);
    for (size_t i = 0; i < c->n && n < cut; i++) {
        const hpo_member *a = &s->members[s->order[i]];
        int trains = a->state == HPO_MEMBER_RUNS || a->state == HPO_MEMBER_WAITS;
        if (!trains || a->level < 0 || (!vacant && a->level < c->level)) continue;
        if (!vacant && !(score(s, s->order[i], c->level) < own)) break;
        if (hpo_rng_below(&rng, ++n) == 0) parent = (int64_t)s->order[i]; /* each with probability 1/n */
    }
    return parent;
}

static choice choose(const hpo_population *s, int may_create, int64_t number)
{
    choice c = {.kind = HPO_ACT_WAIT, .member = whose_turn(s, may_create), .parent = -1};
    int over = is_over(s), room = over || s->n_begun < s->n_members;
    if (over || c.member < 0) {
        c.member = -1;
        c.kind = room || !may_create ? HPO_ACT_NEW : HPO_ACT_WAIT;
        return c;
    }
    const hpo_member *m = &s->members[c.member];
    int vacant = m->state == HPO_MEMBER_VACANT;
    c.kind = vacant ? HPO_ACT_NEW : HPO_ACT_RESUME;
    if (room && !vacant && may_create) { /* first the population is made whole */
        c.kind = HPO_ACT_NEW;
        c.member = -1;
        return c;
    }
    c.level = vacant ? (int64_t)s->n_levels - 1 : m->level;
    c.n = rank_members(s, c.level);
    c.rank = place_of(s, c.n, (size_t)c.member);
    size_t cut = (size_t)floor(s->config.quantile * (double)c.n * (1 + NEARLY));
    if (vacant && cut == 0) cut = 1;
    if (may_create && (vacant || (c.rank < c.n && c.rank >= c.n - cut)))
        c.parent = choose_parent(s, &c, cut, number);
    if (c.parent < 0) return c;
    c.kind = HPO_ACT_CLONE;
    c.parent_rank = place_of(s, c.n, (size_t)c.parent);
    return c;
}

static void explain(const hpo_population *s, const choice *c, hpo_action *out)
{
    char at[32];
    int64_t trial = s->members[c->member].trial;
    (void)hpo_resource_text(hpo_population_at(s, c->level), at);
    if (c->kind == HPO_ACT_RESUME)
        (void)snprintf(out->reason, sizeof out->reason, "rank %zu of %zu at %s: goes on", c->rank + 1, c->n,
                       at);
    else if (s->members[c->member].state == HPO_MEMBER_VACANT)
        (void)snprintf(out->reason, sizeof out->reason,
                       "clones trial %lld (rank %zu of %zu) in place of trial %lld, which ended",
                       (long long)s->members[c->parent].trial, c->parent_rank + 1, c->n, (long long)trial);
    else
        (void)snprintf(out->reason, sizeof out->reason,
                       "clones trial %lld (rank %zu of %zu at %s) in place of trial %lld (rank %zu)",
                       (long long)s->members[c->parent].trial, c->parent_rank + 1, c->n, at, (long long)trial,
                       c->rank + 1);
}

hpo_status hpo_population_next(const hpo_population *s, const hpo_sched_ask *ask, hpo_action *out,
                               int64_t *parent, hpo_error *err)
{
    (void)err;
    choice c = choose(s, ask->may_create, ask->number);
    *parent = -1;
    out->kind = c.kind == HPO_ACT_WAIT && ask->n_running == 0 ? HPO_ACT_NEW : c.kind;
    out->resource = hpo_population_at(s, 0);
    if (out->kind != HPO_ACT_RESUME && out->kind != HPO_ACT_CLONE) return HPO_OK;
    const hpo_member *from = &s->members[c.kind == HPO_ACT_CLONE ? c.parent : c.member];
    *parent = c.kind == HPO_ACT_CLONE ? c.parent : -1;
    out->trial = from->trial;
    out->resource = hpo_population_at(s, from->level + 1);
    explain(s, &c, out);
    return HPO_OK;
}

/* ---- events ------------------------------------------------------------------------------------------ */

static hpo_status need(hpo_population *s, int64_t trial, hpo_error *err)
{
    size_t n = (size_t)trial + 1;
    HPO_TRY(hpo_reserve(&s->trials, &s->cap_trials, n, sizeof *s->trials, err));
    HPO_TRY(hpo_reserve(&s->u, &s->cap_u, n * s->n_dims + 1, sizeof *s->u, err));
    for (; s->n_trials < n; s->n_trials++) {
        s->trials[s->n_trials] = (hpo_population_trial){-1, (double)NAN, (double)NAN, s->high};
        for (size_t j = 0; j < s->n_dims; j++)
            s->u[s->n_trials * s->n_dims + j] = (double)NAN;
    }
    return HPO_OK;
}

/* The member that a trial which begins now belongs to, -1: none (one too many, begun by hand). */
static int64_t member_for(hpo_population *s, const hpo_sched_start *e)
{
    choice c = choose(s, 1, e->trial);
    if (e->kind == HPO_ACT_CLONE)
        return c.kind == HPO_ACT_CLONE && s->members[c.parent].trial == e->parent ? c.member : -1;
    if (is_over(s)) begin_population(s);
    if (c.kind == HPO_ACT_NEW && c.member >= 0) return c.member;
    return s->n_begun < s->n_members ? (int64_t)s->n_begun++ : -1;
}

static void join(hpo_population *s, int64_t member, const hpo_sched_start *e)
{
    hpo_member *m = &s->members[member];
    double *v = s->value + (size_t)member * s->n_levels;
    int64_t parent = e->kind == HPO_ACT_CLONE ? s->trials[e->parent].member : -1;
    if (m->trial >= 0) s->trials[m->trial].member = -1;
    int64_t level = parent >= 0 ? s->members[parent].level : -1;
    const double *w = s->value + (size_t)(parent >= 0 ? parent : member) * s->n_levels;
    for (int64_t k = 0; k < (int64_t)s->n_levels; k++)
        if (k > level || k > m->level) v[k] = k > level ? (double)NAN : w[k];
    *m = (hpo_member){.trial = e->trial, .state = HPO_MEMBER_RUNS, .level = level};
    s->trials[e->trial].member = member;
}

hpo_status hpo_population_start(void *state, const hpo_sched_start *e, hpo_error *err)
{
    hpo_population *s = state;
    HPO_TRY(need(s, e->trial > e->parent ? e->trial : e->parent, err));
    if (e->u != NULL && s->n_dims > 0)
        memcpy(s->u + (size_t)e->trial * s->n_dims, e->u, s->n_dims * sizeof *e->u);
    hpo_population_trial *t = &s->trials[e->trial];
    if (e->kind != HPO_ACT_RESUME) {
        int64_t member = member_for(s, e);
        if (member >= 0) join(s, member, e);
    }
    if (t->member < 0) return HPO_OK;
    hpo_member *m = &s->members[t->member];
    m->state = HPO_MEMBER_RUNS;
    t->due = hpo_population_at(s, m->level + 1);
    return HPO_OK;
}

hpo_status hpo_population_report(void *state, const hpo_sched_report *r, hpo_sched_answer *out,
                                 hpo_error *err)
{
    hpo_population *s = state;
    HPO_TRY(need(s, r->trial, err));
    hpo_population_trial *t = &s->trials[r->trial];
    if (!(r->step <= t->step)) { /* not one that was reported before */
        t->step = r->step;
        t->last = r->y[0];
    }
    if (t->member < 0) return HPO_OK;
    hpo_member *m = &s->members[t->member];
    /* Beyond the end of its piece a program only winds down. */
    int64_t level = level_of(s, fmin(t->step, t->due));
    double *v = s->value + (size_t)t->member * s->n_levels;
    if (level > m->level && isnan(v[level])) v[level] = t->last;
    if (!(t->step >= t->due * (1 - NEARLY)) || t->due >= s->high) return HPO_OK;
    char at[32];
    size_t n = rank_members(s, level);
    out->decision = HPO_PAUSE;
    (void)snprintf(out->reason, sizeof out->reason, "rank %zu of %zu at %s",
                   place_of(s, n, (size_t)t->member) + 1, n, hpo_resource_text(t->due, at));
    return HPO_OK;
}

hpo_status hpo_population_tell(void *state, int64_t trial, hpo_state end, const double *y, hpo_error *err)
{
    hpo_population *s = state;
    (void)y;
    HPO_TRY(need(s, trial, err));
    hpo_population_trial *t = &s->trials[trial];
    if (t->member < 0) return HPO_OK;
    hpo_member *m = &s->members[t->member];
    if (end == HPO_STATE_PAUSED) {
        int64_t level = level_of(s, fmin(t->step, t->due));
        m->state = HPO_MEMBER_WAITS;
        if (level > m->level) m->level = level;
    } else if (end == HPO_STATE_COMPLETE) {
        m->state = HPO_MEMBER_DONE;
    } else {
        m->state = HPO_MEMBER_VACANT;
    }
    return HPO_OK;
}

/* ---- for people --------------------------------------------------------------------------------------- */

hpo_status hpo_population_describe(const void *state, char *buf, size_t cap, size_t *n_out, hpo_error *err)
{
    const hpo_population *s = state;
    hpo_str o = {0};
    const char *comma = "";
    hpo_str_add(&o, "{\"rungs\":[");
    for (size_t k = 0; k < s->n_levels; k++) {
        size_t n = 0, beyond = 0, best = 0;
        for (size_t m = 0; m < s->n_begun; m++) {
            const double *v = s->value + m * s->n_levels;
            if (isnan(v[k])) continue;
            if (n++ == 0 || v[k] < s->value[best * s->n_levels + k]) best = m;
            beyond += k + 1 < s->n_levels && !isnan(v[k + 1]);
        }
        if (n == 0) continue;
        hpo_str_addf(&o, "%s{\"bracket\":0,\"resource\":", comma);
        hpo_str_json_double(&o, hpo_population_at(s, (int64_t)k));
        hpo_str_addf(&o, ",\"size\":%zu,\"promoted\":%zu,\"best\":", n, beyond);
        hpo_str_json_double(&o, s->value[best * s->n_levels + k]);
        hpo_str_addf(&o, ",\"best_trial\":%lld}", (long long)s->members[best].trial);
        comma = ",";
    }
    hpo_str_add(&o, "]}");
    return hpo_sched_describe_end(&o, buf, cap, n_out, err);
}
