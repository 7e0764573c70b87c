/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/dehb.c - DEHB: Hyperband whose trials are bred by differential evolution.
 *
 * Brackets and their sizes are Hyperband's (Table 1).  The first bracket is successive halving: its trials
 * are the sampler's, the best go on.  In every later one each rung is filled with new trials, which begin
 * there: none goes on from a lower rung, for a configuration that was changed cannot use a checkpoint.  Rungs
 * of a bracket wait for each other, workers do not: one that finds nothing to do begins the next bracket.
 *
 * At each level k a population of NP_k places holds configurations x and their values f, NP_k the size of the
 * largest rung there.  A trial that is to run to level k takes the next place, in turn; if its value is not
 * worse than the one there it moves in.  A new trial for place i of level k is
 *
 *     v = a + F (b - c)                                rand/1
 *     u_j = v_j with probability CR, and for one j at random; else x_ij        bin
 *
 * with a, b, c three different members of the parents: the best n of the level below, n the size of the rung
 * that is being filled; in the first rung of a bracket of its own level.  Fewer than four parents are filled
 * up with members of all levels.  A place that is still empty crosses with a point drawn from the prior.
 * Coordinates of v outside of [0, 1] are uniform.  As long as there are not three members the sampler is
 * asked; so it is when a child violates a constraint or is known already.
 *
 * Mixed spaces: everything happens in the unit cube, where labels and whole numbers are cells.  What differs
 * from the authors' program: members are what was evaluated, that is centres of cells; a coordinate that is
 * not active in a member is uniform, where the program takes the default; the program promotes in all
 * brackets of the first round, the paper in the first bracket only.
 *
 * Awad, Mallik & Hutter: "DEHB: evolutionary hyperband for scalable, robust and efficient hyperparameter
 * optimization", IJCAI 2021, section 4; Storn & Price, J. Global Optimization 11, 1997. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "math/rng.h"
#include "scheduler/bracket.h"
#include "scheduler/builtin.h"

enum { PARENTS = 3, FILLED = 4 };

typedef struct dehb_config {
    double eta, min, factor, crossover;
} dehb_config;

typedef struct member {
    int64_t trial; /* -1: the place is empty */
    double y;
} member;

typedef struct population {
    member *place; /* size */
    size_t size, next;
} population;

typedef struct dehb_trial {
    int32_t level; /* that its piece runs to, -1: none of ours */
    size_t place;
} dehb_trial;

typedef struct dehb {
    hpo_brackets b; /* first */
    const dehb_config *config;
    const hpo_space *space;
    uint64_t seed;
    size_t n_dims;
    population *level; /* b.levels.n */
    dehb_trial *trials;
    double *u; /* n_trials x n_dims */
    size_t n_trials, cap_trials, cap_u;
    int64_t *pool; /* scratch of next: members by trial */
    size_t n_pool, n_members;
    double *target; /* n_dims */
} dehb;

/* ---- begin and end ---------------------------------------------------------------------------------------
 */

static hpo_status make_populations(dehb *s, hpo_error *err)
{
    size_t n = s->b.levels.n;
    s->level = hpo_calloc(n, sizeof *s->level);
    if (s->level == NULL) return hpo_fail_memory(err);
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i < s->b.plans[j].n; i++)
            if (s->b.plans[j].size[i] > s->level[j + i].size) s->level[j + i].size = s->b.plans[j].size[i];
    for (size_t k = 0; k < n; k++) {
        population *p = &s->level[k];
        p->place = hpo_alloc_array(p->size, sizeof *p->place);
        if (p->place == NULL) return hpo_fail_memory(err);
        for (size_t i = 0; i < p->size; i++)
            p->place[i] = (member){-1, (double)INFINITY};
        s->n_members += p->size;
    }
    return HPO_OK;
}

static hpo_status dehb_init(void *state, const void *config, const hpo_sched_problem *p, hpo_error *err)
{
    dehb *s = state;
    s->config = config;
    s->space = p->space;
    s->seed = p->seed;
    s->n_dims = hpo_space_n_dims(p->space);
    HPO_TRY(hpo_hyperband_plans(&s->b, p, s->config->min, s->config->eta, 1, err));
    s->b.promoting = 1;
    HPO_TRY(make_populations(s, err));
    s->pool = hpo_alloc_array(s->n_members + FILLED, sizeof *s->pool);
    s->target = hpo_alloc_array(s->n_dims + 1, sizeof *s->target);
    return s->pool != NULL && s->target != NULL ? HPO_OK : hpo_fail_memory(err);
}

static void dehb_fini(void *state)
{
    dehb *s = state;
    for (size_t k = 0; s->level != NULL && k < s->b.levels.n; k++)
        hpo_free(s->level[k].place);
    hpo_free(s->level);
    hpo_free(s->trials);
    hpo_free(s->u);
    hpo_free(s->pool);
    hpo_free(s->target);
    hpo_brackets_fini(&s->b);
}

/* ---- events ----------------------------------------------------------------------------------------------
 */

static hpo_status dehb_start(void *state, const hpo_sched_start *e, hpo_error *err)
{
    dehb *s = state;
    size_t need = (size_t)e->trial + 1, d = s->n_dims;
    HPO_TRY(hpo_brackets_start(state, e, err));
    HPO_TRY(hpo_reserve(&s->trials, &s->cap_trials, need, sizeof *s->trials, err));
    HPO_TRY(hpo_reserve(&s->u, &s->cap_u, need * d + 1, sizeof *s->u, err));
    for (; s->n_trials < need; s->n_trials++)
        s->trials[s->n_trials].level = -1;
    int64_t k = hpo_levels_find(&s->b.levels, e->resource);
    dehb_trial *t = &s->trials[e->trial];
    if (s->b.rows.row[e->trial].bracket < 0 || k <= t->level)
        return HPO_OK; /* a user's, or the same piece again */
    if (d > 0) memcpy(s->u + (size_t)e->trial * d, e->u, d * sizeof *s->u);
    t->level = (int32_t)k;
    t->place = s->level[k].next;
    s->level[k].next = (t->place + 1) % s->level[k].size;
    return HPO_OK;
}

static hpo_status dehb_tell(void *state, int64_t trial, hpo_state end, const double *y, hpo_error *err)
{
    dehb *s = state;
    HPO_TRY(hpo_brackets_tell(state, trial, end, y, err));
    if ((size_t)trial >= s->n_trials || s->trials[trial].level < 0) return HPO_OK;
    const hpo_sched_row *row = &s->b.rows.row[trial];
    const dehb_trial *t = &s->trials[trial];
    int good = end == HPO_STATE_PAUSED || end == HPO_STATE_COMPLETE;
    member *place = &s->level[t->level].place[t->place];
    if (good && row->last <= place->y) *place = (member){trial, row->last};
    return HPO_OK;
}

/* ---- a free worker ----------------------------------------------------------------------------------------
 */

/* The n best members of a level, best first. */
static void choose_parents(dehb *s, size_t level, size_t n)
{
    const population *p = &s->level[level];
    s->n_pool = 0;
    for (size_t i = 0; i < p->size; i++) {
        const member *m = &p->place[i];
        if (m->trial < 0) continue;
        size_t at = s->n_pool < n ? s->n_pool++ : n;
        for (; at > 0; at--) { /* pool holds places until all are in */
            const member *before = &p->place[s->pool[at - 1]];
            if (before->y < m->y || (before->y == m->y && before->trial < m->trial)) break;
            if (at < n) s->pool[at] = s->pool[at - 1];
        }
        if (at < n) s->pool[at] = (int64_t)i;
    }
    for (size_t i = 0; i < s->n_pool; i++)
        s->pool[i] = p->place[s->pool[i]].trial;
}

static int is_parent(const dehb *s, int64_t trial)
{
    for (size_t i = 0; i < s->n_pool; i++)
        if (s->pool[i] == trial) return 1;
    return 0;
}

/* Members of all levels, at random, until there are FILLED parents or no more. */
static void fill_up(dehb *s, hpo_rng *rng)
{
    while (s->n_pool < FILLED) {
        size_t n = 0;
        int64_t chosen = -1;
        for (size_t k = 0; k < s->b.levels.n; k++)
            for (size_t i = 0; i < s->level[k].size; i++) {
                int64_t trial = s->level[k].place[i].trial;
                if (trial < 0 || is_parent(s, trial)) continue;
                if (hpo_rng_below(rng, ++n) == 0) chosen = trial; /* each of the n so far alike */
            }
        if (chosen < 0) return;
        s->pool[s->n_pool++] = chosen;
    }
}

static double coordinate(const dehb *s, int64_t trial, size_t j, hpo_rng *rng)
{
    double u = s->u[(size_t)trial * s->n_dims + j];
    return isnan(u) ? hpo_rng_uniform(rng) : u;
}

static void breed(dehb *s, hpo_rng *rng, double *u)
{
    int64_t parent[PARENTS];
    size_t one = (size_t)hpo_rng_below(rng, s->n_dims);
    for (size_t i = 0; i < PARENTS; i++) { /* three different ones */
        size_t k = (size_t)hpo_rng_below(rng, s->n_pool);
        parent[i] = s->pool[k];
        s->pool[k] = s->pool[--s->n_pool];
    }
    for (size_t j = 0; j < s->n_dims; j++) {
        double a = coordinate(s, parent[0], j, rng), b = coordinate(s, parent[1], j, rng),
               c = coordinate(s, parent[2], j, rng), v = a + s->config->factor * (b - c);
        int cross = hpo_rng_uniform(rng) < s->config->crossover || j == one;
        if (!(v >= 0 && v <= 1)) v = hpo_rng_uniform(rng);
        u[j] = cross ? v : isnan(s->target[j]) ? hpo_rng_uniform(rng) : s->target[j];
    }
}

static hpo_status dehb_next(void *state, const hpo_sched_ask *ask, hpo_action *out, hpo_error *err)
{
    dehb *s = state;
    hpo_brackets_opening at;
    HPO_TRY(hpo_brackets_next(state, ask, out, err));
    if (out->kind != HPO_ACT_NEW || s->n_dims == 0) return HPO_OK;
    hpo_brackets_find(&s->b, &at);
    if (at.bracket < s->b.promoting) return HPO_OK;
    hpo_rng rng;
    hpo_rng_init(&rng, s->seed, (uint64_t)ask->number, HPO_RNG_SCHEDULER);
    size_t level = at.bracket % s->b.n_plans + at.rung;
    choose_parents(s, at.rung > 0 ? level - 1 : level, at.size);
    fill_up(s, &rng);
    if (s->n_pool < PARENTS) return HPO_OK;
    const member *place = &s->level[level].place[s->level[level].next];
    if (place->trial >= 0)
        memcpy(s->target, s->u + (size_t)place->trial * s->n_dims, s->n_dims * sizeof *s->target);
    else
        HPO_TRY(hpo_space_draw(s->space, &rng, s->target, err));
    (void)snprintf(out->reason, sizeof out->reason, "bred from %zu parents for place %zu of rung %s",
                   s->n_pool, s->level[level].next, s->b.levels.text[level]);
    breed(s, &rng, out->u);
    out->changed = 1;
    return HPO_OK;
}

static const hpo_option options[] = {
    {"eta", "keep the best 1/eta at each rung; rungs are a factor eta apart", HPO_OPT_REAL,
     offsetof(dehb_config, eta), 3, 1.2, 100, NULL},
    {"min", "resource of the lowest rung; 0: the fidelity's minimum", HPO_OPT_REAL,
     offsetof(dehb_config, min), 0, 0, 1e300, NULL},
    {"factor", "F: how far a child stands from its first parent, in differences of the two others",
     HPO_OPT_REAL, offsetof(dehb_config, factor), 0.5, 0, 2, NULL},
    {"crossover", "CR: probability with which a coordinate is the mutant's", HPO_OPT_REAL,
     offsetof(dehb_config, crossover), 0.5, 0, 1, NULL},
};

const hpo_scheduler_ops hpo_scheduler_dehb = {
    .size = sizeof(hpo_scheduler_ops),
    .name = "dehb",
    .help = "Hyperband whose brackets after the first are bred by differential evolution from the best of "
            "the rung "
            "below; for many parameters, labels and cheap trials.",
    .reference = "Awad, Mallik & Hutter: DEHB: evolutionary hyperband for scalable, robust and efficient "
                 "hyperparameter optimization, IJCAI 2021, section 4",
    .caps = HPO_SCHED_NEEDS_FIDELITY | HPO_SCHED_PAUSES | HPO_SCHED_POINTS,
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .config_size = sizeof(dehb_config),
    .state_size = sizeof(dehb),
    .init = dehb_init,
    .start = dehb_start,
    .report = hpo_brackets_report,
    .tell = dehb_tell,
    .next = dehb_next,
    .levels = hpo_levels_list,
    .describe = hpo_brackets_describe,
    .fini = dehb_fini,
};
