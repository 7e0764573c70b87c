/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/asha.c - asynchronous successive halving (ASHA).
 *
 * Rungs k = 0 .. K at resources r_k hold the values of all trials that got there.  A trial runs to r_0 and is
 * paused.  A free worker looks from the top rung down for the best paused trial among the best floor(n_k /
 * eta) of its rung, and takes it on to r_{k+1}; if there is none it begins a new trial.  Nobody waits.
 *
 * by cost: trials of a rung in order of their values have costs c_1, c_2, ...; number i may be promoted iff
 * c_1 + ... + c_i <= (c_1 + ... + c_n) / eta, so that the best trials get a share of what was spent, not of
 * how many they are.
 *
 * brackets: a trial of bracket b begins at r_b, and stands in the rungs from there on beside those of the
 * others: where low rungs mislead, it shows against those that came up through them.  A new trial joins the
 * highest bracket b > 0 that has spent, with the piece to come, at most 1/B of what all B brackets have, else
 * bracket 0.  So each gets the same resource, as in Hyperband, and the dear ones do not come first.  draw: it
 * is drawn in proportion to the number of configurations that the bracket would begin with in Hyperband, as
 * published; a full training may then be among the first (docs/benchmarks.md has both).
 *
 * Li, Jamieson, Rostamizadeh, Gonina, Ben-tzur, Hardt, Recht, Talwalkar: "A system for massively parallel
 * hyperparameter tuning", MLSys 2020, Algorithm 2; brackets: after Klein, Tiao, Lienart, Archambeau, Seeger,
 * arXiv:2003.10865, section 3.1; cost: as in Syne Tune, AutoML 2022. */
#include "scheduler/asha.h"

#include <math.h>

#include "base/alloc.h"
#include "base/error.h"
#include "scheduler/builtin.h"

/* ---- begin and end ---------------------------------------------------------------------------------- */

hpo_status hpo_asha_init(hpo_asha *s, const hpo_asha_config *c, const hpo_sched_problem *p, hpo_error *err)
{
    s->config = *c;
    s->seed = p->seed;
    s->sign = p->sign != NULL ? p->sign[0] : 1;
    HPO_TRY(hpo_levels_init(&s->levels, p, c->min, c->eta, err));
    s->top = s->levels.n - 1;
    s->n_brackets = c->brackets > 0 && (size_t)c->brackets < s->levels.n ? (size_t)c->brackets : s->levels.n;
    s->rungs = hpo_calloc(s->levels.n, sizeof *s->rungs);
    return s->rungs != NULL ? HPO_OK : hpo_fail_memory(err);
}

void hpo_asha_fini(void *state)
{
    hpo_asha *s = state;
    hpo_rungs_free(s->rungs, s->levels.n);
    hpo_sched_rows_fini(&s->rows);
}

static hpo_status asha_init(void *state, const void *config, const hpo_sched_problem *p, hpo_error *err)
{
    return hpo_asha_init(state, config, p, err);
}

/* ---- events ------------------------------------------------------------------------------------------ */

/* The rung that a trial stands in, or NULL. */
static hpo_rung *rung_of(const hpo_asha *s, const hpo_sched_row *t)
{
    return t->level < 0 ? NULL : &s->rungs[t->level];
}

hpo_status hpo_asha_start(void *state, const hpo_sched_start *e, hpo_error *err)
{
    hpo_asha *s = state;
    HPO_TRY(hpo_sched_rows_need(&s->rows, e->trial, err));
    hpo_sched_row *t = &s->rows.row[e->trial];
    int64_t level = hpo_levels_find(&s->levels, e->resource);
    if (t->bracket < 0) /* one that was enqueued at a resource of its own belongs to the first */
        t->bracket = level >= 0 && (size_t)level < s->n_brackets ? (int32_t)level : 0;
    if (!(t->target >= e->resource)) /* else it was lost, and runs the same piece again */
        s->spent[t->bracket] += e->resource - (t->target > 0 ? t->target : 0);
    hpo_rung *rung = rung_of(s, t);
    if (rung != NULL) {
        hpo_ranking_set_open(&rung->ranking, t->entry, e->trial, 0);
        rung->promoted += level > t->level && t->target < e->resource;
    }
    t->target = e->resource;
    t->running = 1;
    t->paused = 0;
    return HPO_OK;
}

/* The trial has come to a level above the one that it stands in. */
static hpo_status enter(hpo_asha *s, int64_t trial, size_t level, hpo_error *err)
{
    hpo_sched_row *t = &s->rows.row[trial];
    hpo_rung *rung = &s->rungs[level];
    HPO_TRY(hpo_ranking_add(&rung->ranking, t->last, trial, s->by_cost ? t->cost : 0, 0, err));
    t->level = (int32_t)level;
    t->entry = t->last;
    return HPO_OK;
}

/* entered: just now, so that its rank is known. */
static void answer(const hpo_asha *s, const hpo_sched_row *t, int64_t trial, int entered,
                   hpo_sched_answer *out)
{
    if (!(t->step >= t->target * (1 - 1e-9)) || t->target >= s->levels.at[s->levels.n - 1]) return;
    out->decision = HPO_PAUSE;
    const hpo_rung *rung = rung_of(s, t);
    if (rung == NULL) return;
    const hpo_ranking *r = &rung->ranking;
    size_t rank = entered ? hpo_ranking_newest(r) : hpo_ranking_before(r, t->entry, trial);
    (void)hpo_rung_say(out->reason, rank + 1, hpo_ranking_size(r), s->levels.text[t->level]);
}

hpo_status hpo_asha_report(void *state, const hpo_sched_report *r, hpo_sched_answer *out, hpo_error *err)
{
    hpo_asha *s = state;
    HPO_TRY(hpo_sched_rows_need(&s->rows, r->trial, err));
    hpo_sched_row *t = &s->rows.row[r->trial];
    int is_new = hpo_sched_rows_report(t, r);
    if (t->bracket < 0) t->bracket = 0;
    /* Beyond the end of its piece a program only winds down. */
    int64_t level = hpo_levels_find(&s->levels, fmin(t->step, t->target));
    int enters = is_new && level > t->level && level >= t->bracket;
    if (enters) HPO_TRY(enter(s, r->trial, (size_t)level, err));
    answer(s, t, r->trial, enters, out);
    return HPO_OK;
}

hpo_status hpo_asha_tell(void *state, int64_t trial, hpo_state end, const double *y, hpo_error *err)
{
    hpo_asha *s = state;
    (void)y;
    HPO_TRY(hpo_sched_rows_need(&s->rows, trial, err));
    hpo_sched_row *t = &s->rows.row[trial];
    hpo_rung *rung = rung_of(s, t);
    t->running = 0;
    t->paused = end == HPO_STATE_PAUSED;
    s->n_complete += end == HPO_STATE_COMPLETE;
    if (rung != NULL) hpo_ranking_set_open(&rung->ranking, t->entry, trial, t->paused);
    return HPO_OK;
}

/* ---- a free worker ------------------------------------------------------------------------------------ */

static int promotable(const hpo_asha *s, const hpo_rung *rung, const hpo_ranked *e)
{
    const hpo_ranking *r = &rung->ranking;
    if (s->delayed && rung->promoted >= hpo_rung_share(hpo_ranking_size(r), s->config.eta)) return 0;
    if (!s->by_cost) return e->rank < hpo_rung_share(hpo_ranking_size(r), s->config.eta);
    return hpo_ranking_weight_of(r, e->rank + 1) <= hpo_ranking_weight(r) / s->config.eta;
}

/* From the top down, the first trial that may (all: the first that could) go on. */
static int find_promotion(const hpo_asha *s, int all, hpo_action *out)
{
    for (size_t k = s->levels.n - 1; k-- > 0;) {
        if (!all && k >= s->top) continue;
        const hpo_rung *rung = &s->rungs[k];
        hpo_ranked e;
        if (!hpo_ranking_first_open(&rung->ranking, &e) || isnan(e.value)) continue;
        if (!all && !promotable(s, rung, &e)) continue;
        hpo_rung_promote(rung, &s->levels, &e, k, all ? s->levels.n - 1 : k + 1, out);
        return 1;
    }
    return 0;
}

/* The bracket of a new trial. */
static size_t choose_bracket(const hpo_asha *s, int64_t number)
{
    if (s->config.draw) return hpo_bracket_draw(s->seed, number, s->n_brackets, s->levels.n, s->config.eta);
    return hpo_bracket_due(s->spent, &s->levels, s->n_brackets);
}

hpo_status hpo_asha_next(void *state, const hpo_sched_ask *ask, hpo_action *out, hpo_error *err)
{
    const hpo_asha *s = state;
    (void)err;
    if (find_promotion(s, 0, out)) return HPO_OK;
    int last_call = !ask->may_create && ask->n_running == 0 && s->n_complete == 0;
    if (s->config.finish && last_call && find_promotion(s, 1, out)) return HPO_OK;
    out->resource = s->levels.at[choose_bracket(s, ask->number)];
    return HPO_OK;
}

hpo_status hpo_asha_describe(const void *state, char *buf, size_t cap, size_t *n_out, hpo_error *err)
{
    const hpo_asha *s = state;
    return hpo_rungs_describe(s->rungs, &s->levels, buf, cap, n_out, err);
}

static const hpo_option options[] = {
    HPO_ASHA_ETA,
    HPO_ASHA_MIN,
    HPO_ASHA_BRACKETS,
    HPO_ASHA_FINISH,
};

const hpo_scheduler_ops hpo_scheduler_asha = {
    .size = sizeof(hpo_scheduler_ops),
    .name = "asha",
    .help = "Asynchronous successive halving: the best 1/eta of each rung go on, nobody waits; the first "
            "choice for many workers.",
    .reference = "Li, Jamieson, Rostamizadeh and others: A system for massively parallel hyperparameter "
                 "tuning, MLSys 2020, Algorithm 2",
    .caps = HPO_SCHED_NEEDS_FIDELITY | HPO_SCHED_PAUSES,
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .config_size = sizeof(hpo_asha_config),
    .state_size = sizeof(hpo_asha),
    .init = asha_init,
    .start = hpo_asha_start,
    .report = hpo_asha_report,
    .tell = hpo_asha_tell,
    .next = hpo_asha_next,
    .levels = hpo_levels_list,
    .describe = hpo_asha_describe,
    .fini = hpo_asha_fini,
};
