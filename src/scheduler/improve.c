/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/improve.c - whoever is expected to improve most goes on, by whatever surrogate (improve.h).
 *
 * Trials run in pieces, from level to level (rung.h), and are paused in between.  A free worker is given what
 * has the largest expected improvement, as the surrogate has it, over all paused trials and new
 * configurations; those are HPO_IMPROVE_DRAWS draws from the prior here, which tell what a new trial is
 * worth.  Which configuration a new one gets is the sampler's business: the sampler of the same name
 * maximises the same.
 *
 * A free worker decides as ASHA does (hpo_rungs_best, else a new trial) with probability `halving`; so it is
 * as long as the model has nothing to learn from, and when no new trial may begin.
 *
 * The surrogate learns at the reports that make it due.  Randomness is keyed by the number of pieces that
 * have begun. */
#include "scheduler/improve.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "acq/acquisition.h"
#include "base/alloc.h"
#include "base/error.h"
#include "math/rng.h"
#include "space/space.h"

/* ---- begin and end ---------------------------------------------------------------------------------- */

hpo_status hpo_improve_init(hpo_improve *s, const hpo_improve_model *ops, const hpo_improve_config *config,
                            const hpo_sched_problem *p, hpo_error *err)
{
    s->ops = ops;
    s->config = *config;
    s->space = p->space;
    s->seed = p->seed;
    s->sign = p->sign[0];
    HPO_TRY(hpo_levels_init(&s->levels, p, s->config.min, s->config.eta, err));
    HPO_TRY(hpo_embed_create(p->space, &s->embed, err));
    s->n_dims = hpo_embed_n_dims(s->embed);
    HPO_TRY(ops->create(s->embed, s->levels.at, s->levels.n, s->seed, &s->model, err));
    s->rungs = hpo_calloc(s->levels.n, sizeof *s->rungs);
    s->draws = hpo_alloc_array(HPO_IMPROVE_DRAWS, (s->n_dims + 2) * sizeof *s->draws);
    return s->rungs == NULL || s->draws == NULL ? hpo_fail_memory(err) : HPO_OK;
}

void hpo_improve_fini(void *state)
{
    hpo_improve *s = state;
    hpo_rungs_free(s->rungs, s->levels.n);
    hpo_free(s->u);
    hpo_free(s->paused);
    hpo_free(s->moments);
    hpo_free(s->draws);
    hpo_sched_rows_fini(&s->rows);
    if (s->ops != NULL) s->ops->free(s->model);
    hpo_embed_free(s->embed);
}

/* ---- events ------------------------------------------------------------------------------------------- */

hpo_status hpo_improve_start(void *state, const hpo_sched_start *e, hpo_error *err)
{
    hpo_improve *s = state;
    size_t i = (size_t)e->trial;
    HPO_TRY(hpo_sched_rows_need(&s->rows, e->trial, err));
    HPO_TRY(hpo_reserve(&s->u, &s->cap_u, s->rows.n * s->n_dims + 1, sizeof *s->u, err));
    HPO_TRY(hpo_reserve(&s->paused, &s->cap_paused, s->rows.n, sizeof *s->paused, err));
    HPO_TRY(hpo_reserve(&s->moments, &s->cap_moments, 3 * s->rows.n, sizeof *s->moments, err));
    if (e->u != NULL) memcpy(s->u + i * s->n_dims, e->u, s->n_dims * sizeof *s->u);
    hpo_rungs_start(s->rungs, &s->rows.row[i], e->trial, e->resource);
    s->n_pieces++;
    return HPO_OK;
}

hpo_status hpo_improve_report(void *state, const hpo_sched_report *r, hpo_sched_answer *out, hpo_error *err)
{
    hpo_improve *s = state;
    HPO_TRY(hpo_sched_rows_need(&s->rows, r->trial, err));
    hpo_sched_row *t = &s->rows.row[r->trial];
    if (hpo_sched_rows_report(t, r)) {
        HPO_TRY(s->ops->report(s->model, (size_t)r->trial, fmin(t->step, t->target), r->y[0], s->u, err));
        HPO_TRY(hpo_rungs_enter(s->rungs, &s->levels, t, r->trial, err));
    }
    if (!(t->step >= t->target * (1 - 1e-9)) || t->target >= s->levels.at[s->levels.n - 1]) return HPO_OK;
    out->decision = HPO_PAUSE;
    if (t->level < 0) return HPO_OK;
    const hpo_ranking *rung = &s->rungs[t->level].ranking;
    (void)hpo_rung_say(out->reason, hpo_ranking_before(rung, t->entry, r->trial) + 1, hpo_ranking_size(rung),
                       s->levels.text[t->level]);
    return HPO_OK;
}

hpo_status hpo_improve_tell(void *state, int64_t trial, hpo_state end, const double *y, hpo_error *err)
{
    hpo_improve *s = state;
    (void)y;
    HPO_TRY(hpo_sched_rows_need(&s->rows, trial, err));
    s->n_complete += end == HPO_STATE_COMPLETE;
    hpo_rungs_tell(s->rungs, &s->rows.row[trial], trial, end == HPO_STATE_PAUSED);
    return HPO_OK;
}

/* ---- a free worker ----------------------------------------------------------------------------------- */

/* As ASHA; all: whoever has come furthest goes on. */
static void halve(const hpo_improve *s, int all, hpo_action *out)
{
    hpo_ranked e;
    size_t level;
    if (hpo_rungs_best(s->rungs, &s->levels, all, &e, &level))
        hpo_rung_promote(&s->rungs[level], &s->levels, &e, level, level + 1, out);
}

/* The largest log EI of n predictions, and whose it is. */
static double largest(const double *mean, const double *var, const double *best, size_t best_step, size_t n,
                      size_t *who)
{
    double most = -(double)INFINITY;
    for (size_t i = 0; i < n; i++) {
        double v = hpo_acq_log_ei(mean[i], sqrt(var[i]), best[i * best_step], NULL, NULL);
        if (i > 0 && !(v > most)) continue;
        most = v;
        *who = i;
    }
    return most;
}

static double worth_of_new(const hpo_improve *s, hpo_rng *rng, hpo_error *err)
{
    size_t who = 0;
    double *mean = s->draws + HPO_IMPROVE_DRAWS * s->n_dims, *var = mean + HPO_IMPROVE_DRAWS,
           best = s->ops->best(s->model);
    hpo_posterior p = s->ops->fresh(s->model);
    size_t n = 0;
    while (n < HPO_IMPROVE_DRAWS && hpo_space_draw(s->space, rng, s->draws + n * s->n_dims, err) == HPO_OK)
        n++;
    p.ops->moments(p.model, s->draws, n, mean, var);
    return largest(mean, var, &best, 0, n, &who);
}

static void decide(hpo_improve *s, hpo_rng *rng, hpo_action *out, hpo_error *err)
{
    size_t n = 0, who = 0;
    for (size_t i = 0; i < s->rows.n; i++) {
        const hpo_sched_row *t = &s->rows.row[i];
        if (t->paused && t->level >= 0 && (size_t)t->level + 1 < s->levels.n && isfinite(t->last))
            s->paused[n++] = (uint32_t)i;
    }
    double *mean = s->moments, *var = mean + n, *best = var + n, fresh = worth_of_new(s, rng, err);
    s->ops->next(s->model, s->u, s->paused, n, mean, var, best);
    double most = largest(mean, var, best, 1, n, &who);
    if (n == 0 || !(most > fresh)) return;
    out->kind = HPO_ACT_RESUME;
    out->trial = (int64_t)s->paused[who];
    out->resource = s->levels.at[s->rows.row[out->trial].level + 1];
    const hpo_transform *t = s->ops->transform(s->model);
    (void)snprintf(out->reason, sizeof out->reason,
                   "expected %.4g at %.6g, best %s %.4g: log improvement %.3g, a new trial's %.3g",
                   s->sign * hpo_transform_invert(t, mean[who]),
                   s->ops->at_end ? s->levels.at[s->levels.n - 1] : out->resource, s->ops->rivals,
                   s->sign * hpo_transform_invert(t, best[who]), most, fresh);
}

hpo_status hpo_improve_next(void *state, const hpo_sched_ask *ask, hpo_action *out, hpo_error *err)
{
    hpo_improve *s = state;
    hpo_rng rng;
    out->resource = s->levels.at[0];
    hpo_rng_init(&rng, s->seed, s->n_pieces, HPO_RNG_SCHEDULER);
    if (!ask->may_create) {
        halve(s, 0, out);
        if (out->kind == HPO_ACT_NEW && ask->n_running == 0 && s->n_complete == 0) halve(s, 1, out);
    } else if (hpo_rng_uniform(&rng) < s->config.halving || !s->ops->update(s->model, s->u)) {
        halve(s, 0, out);
    } else {
        decide(s, &rng, out, err);
    }
    return HPO_OK;
}

/* ---- for people -------------------------------------------------------------------------------------- */

hpo_status hpo_improve_describe(const void *state, char *buf, size_t cap, size_t *n_out, hpo_error *err)
{
    const hpo_improve *s = state;
    return hpo_rungs_describe(s->rungs, &s->levels, buf, cap, n_out, err);
}
