/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/asha_forecast.c - ASHA that asks how trials will end instead of how they stand.
 *
 * Rungs and pieces are those of asha.c.  But whether a trial of rung k goes on does not follow from its rank
 * there: it follows from the probability that it ends among the best 1/eta of the rung.  The end of each
 * curve is forecast by a bank of curves (model/curves.c) from all that the trial has reported, on higher
 * rungs too: e_i ~ N(mu_i, s_i^2), in curve units.  With k = floor(n / eta) of the n trials of the rung to be
 * kept, t is the value that k of them are expected to end below,
 *
 *     sum_j P(e_j < t) = k,     p_i = P(e_i < t) = Phi(z_i),  z_i = (t - mu_i) / s_i,     so sum_i p_i = k.
 *
 * A paused trial goes on iff fewer than k trials of its rung have a larger z, from the top rung down, the
 * largest z first.  With forecasts that are certain this is ASHA to the letter.  Where curves cross, an early
 * leader whose curve flattens gives its place back, also after it went on: so more trials go on than under
 * ASHA.  Before two different values are known trials go on by rank.  A decision costs O(n) in the trials of
 * the rungs.
 *
 * Asynchronous successive halving: Li and others, MLSys 2020; the forecasts' prior: Rakotoarison, Adriaensen,
 * Mallik and others, ICML 2024, section 4.1. */
#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/dist.h"
#include "scheduler/asha.h"
#include "scheduler/beliefs.h"
#include "scheduler/builtin.h"

static const double LEAST_SD = 1e-4; /* of an end, in curve units: what is told is certain, but for this */

/* The trials that came to a level, in the order in which they came. */
typedef struct crowd {
    int64_t *trial;
    size_t n, cap;
} crowd;

typedef struct asha_forecast {
    hpo_asha asha; /* first: hpo_levels_list, and the ops that are ASHA's */
    hpo_beliefs beliefs;
    crowd crowds[HPO_MAX_LEVELS];
    double *mean, *sd, *z; /* of one crowd, while a decision is made */
    size_t cap_mean, cap_sd, cap_z;
} asha_forecast;

/* ---- begin and end ---------------------------------------------------------------------------------- */

static hpo_status forecast_init(void *state, const void *config, const hpo_sched_problem *p, hpo_error *err)
{
    asha_forecast *s = state;
    hpo_asha_config c = *(const hpo_asha_config *)config;
    c.brackets = 1;
    HPO_TRY(hpo_asha_init(&s->asha, &c, p, err));
    return hpo_beliefs_init(&s->beliefs, p, err);
}

static void forecast_fini(void *state)
{
    asha_forecast *s = state;
    for (size_t k = 0; k < HPO_MAX_LEVELS; k++)
        hpo_free(s->crowds[k].trial);
    hpo_free(s->mean);
    hpo_free(s->sd);
    hpo_free(s->z);
    hpo_beliefs_fini(&s->beliefs);
    hpo_asha_fini(&s->asha);
}

static hpo_status need(asha_forecast *s, int64_t trial, hpo_error *err)
{
    HPO_TRY(hpo_sched_rows_need(&s->asha.rows, trial, err));
    return hpo_beliefs_need(&s->beliefs, trial, err);
}

/* ---- forecasts ---------------------------------------------------------------------------------------- */

/* How a trial is expected to end; 0: nothing is known, or it has failed. */
static int look_ahead(asha_forecast *s, int64_t trial, double *mean, double *sd)
{
    const hpo_belief *e = &s->beliefs.of[trial];
    if (e->failed || hpo_curves_epoch(s->beliefs.curves) == 0) return 0;
    if (!isnan(e->told)) {
        *mean = hpo_curves_to_units(s->beliefs.curves, e->told);
        *sd = LEAST_SD;
        return 1;
    }
    e = hpo_beliefs_end(&s->beliefs, (size_t)trial);
    if (e == NULL) return 0;
    *mean = e->mean;
    *sd = fmax(e->sd, LEAST_SD);
    return 1;
}

/* Writes the scores of a rung's trials to s->z, minus infinity where nothing is known; returns how many are
 * to be kept. Room for them is made where trials join the crowd (see enter). */
static size_t judge(asha_forecast *s, size_t level)
{
    const crowd *c = &s->crowds[level];
    size_t n = 0, keep = hpo_rung_share(c->n, s->asha.config.eta);
    if (keep == 0) keep = 1; /* nobody goes on yet, but for the last that is called */
    for (size_t i = 0; i < c->n; i++) {
        int known = look_ahead(s, c->trial[i], &s->mean[n], &s->sd[n]);
        s->z[i] = known ? 0 : -(double)INFINITY;
        n += (size_t)known;
    }
    double t = hpo_rung_threshold(s->mean, s->sd, n, (double)keep);
    for (size_t i = c->n; i-- > 0;) {
        if (isinf(s->z[i])) continue;
        n--;
        s->z[i] = (t - s->mean[n]) / s->sd[n];
    }
    return keep;
}

/* Does member i of a crowd stand before member j? */
static int stands_before(const asha_forecast *s, const crowd *c, size_t i, size_t j)
{
    return s->z[i] > s->z[j] || (s->z[i] == s->z[j] && c->trial[i] < c->trial[j]);
}

static size_t rank_of(const asha_forecast *s, const crowd *c, size_t i)
{
    size_t rank = 0;
    for (size_t j = 0; j < c->n; j++)
        rank += (size_t)stands_before(s, c, j, i);
    return rank;
}

static void say(const asha_forecast *s, size_t level, size_t i, size_t keep, const char *more, char *out)
{
    (void)snprintf(out, HPO_REASON_SIZE, "probability %.2g of ending among the best %zu of %zu at rung %s%s",
                   hpo_normal_cdf(s->z[i]), keep, s->crowds[level].n, s->asha.levels.text[level], more);
}

/* ---- events ------------------------------------------------------------------------------------------- */

static hpo_status forecast_start(void *state, const hpo_sched_start *e, hpo_error *err)
{
    asha_forecast *s = state;
    HPO_TRY(need(s, e->trial, err));
    return hpo_asha_start(&s->asha, e, err);
}

static hpo_status enter(asha_forecast *s, int64_t trial, size_t level, hpo_error *err)
{
    crowd *c = &s->crowds[level];
    HPO_TRY(hpo_reserve(&c->trial, &c->cap, c->n + 1, sizeof *c->trial, err));
    HPO_TRY(hpo_reserve(&s->z, &s->cap_z, c->n + 1, sizeof *s->z, err));
    HPO_TRY(hpo_reserve(&s->mean, &s->cap_mean, c->n + 1, sizeof *s->mean, err));
    HPO_TRY(hpo_reserve(&s->sd, &s->cap_sd, c->n + 1, sizeof *s->sd, err));
    c->trial[c->n++] = trial;
    return HPO_OK;
}

static void explain(asha_forecast *s, int64_t trial, size_t level, hpo_sched_answer *out)
{
    const crowd *c = &s->crowds[level];
    size_t i = 0;
    if (hpo_curves_epoch(s->beliefs.curves) == 0) return; /* ASHA has said the rank */
    while (i < c->n && c->trial[i] != trial)
        i++;
    if (i == c->n) return;
    size_t keep = judge(s, level);
    say(s, level, i, keep, "", out->reason);
}

static hpo_status forecast_report(void *state, const hpo_sched_report *r, hpo_sched_answer *out,
                                  hpo_error *err)
{
    asha_forecast *s = state;
    HPO_TRY(need(s, r->trial, err));
    const hpo_sched_row *t = &s->asha.rows.row[r->trial];
    int32_t level = t->level;
    if (!(t->step >= r->step)) HPO_TRY(hpo_beliefs_report(&s->beliefs, r, err));
    HPO_TRY(hpo_asha_report(&s->asha, r, out, err));
    if (t->level > level) HPO_TRY(enter(s, r->trial, (size_t)t->level, err));
    if (out->decision == HPO_PAUSE && t->level >= 0) explain(s, r->trial, (size_t)t->level, out);
    return HPO_OK;
}

static hpo_status forecast_tell(void *state, int64_t trial, hpo_state end, const double *y, hpo_error *err)
{
    asha_forecast *s = state;
    HPO_TRY(need(s, trial, err));
    hpo_beliefs_tell(&s->beliefs, trial, end, y);
    return hpo_asha_tell(&s->asha, trial, end, y, err);
}

/* ---- a free worker --------------------------------------------------------------------------------------
 */

/* The paused member of the rung that stands first, SIZE_MAX: there is none. */
static size_t best_paused(const asha_forecast *s, size_t level)
{
    const crowd *c = &s->crowds[level];
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < c->n; i++) {
        const hpo_sched_row *t = &s->asha.rows.row[c->trial[i]];
        if (!t->paused || t->level != (int32_t)level) continue;
        if (s->z[i] == -(double)INFINITY) continue;
        if (best == SIZE_MAX || stands_before(s, c, i, best)) best = i;
    }
    return best;
}

/* all: the budget of trials is spent and none is complete: somebody has to run to the end. */
static int find_promotion(asha_forecast *s, int all, hpo_action *out)
{
    const hpo_levels *l = &s->asha.levels;
    for (size_t k = l->n - 1; k-- > 0;) {
        const crowd *c = &s->crowds[k];
        if (!all && hpo_rung_share(c->n, l->eta) == 0) continue;
        size_t keep = judge(s, k), i = best_paused(s, k), to = all ? l->n - 1 : k + 1;
        if (i == SIZE_MAX || (!all && rank_of(s, c, i) >= keep)) continue;
        char more[48];
        (void)snprintf(more, sizeof more, ": goes on to %s", l->text[to]);
        out->kind = HPO_ACT_RESUME;
        out->trial = c->trial[i];
        out->resource = l->at[to];
        say(s, k, i, keep, more, out->reason);
        return 1;
    }
    return 0;
}

static hpo_status forecast_next(void *state, const hpo_sched_ask *ask, hpo_action *out, hpo_error *err)
{
    asha_forecast *s = state;
    if (hpo_curves_epoch(s->beliefs.curves) == 0) return hpo_asha_next(&s->asha, ask, out, err);
    if (find_promotion(s, 0, out)) return HPO_OK;
    int last_call = !ask->may_create && ask->n_running == 0 && s->asha.n_complete == 0;
    if (s->asha.config.finish && last_call && find_promotion(s, 1, out)) return HPO_OK;
    out->resource = s->asha.levels.at[0];
    return HPO_OK;
}

static const hpo_option options[] = {
    HPO_ASHA_ETA,
    HPO_ASHA_MIN,
    HPO_ASHA_FINISH,
};

const hpo_scheduler_ops hpo_scheduler_asha_forecast = {
    .size = sizeof(hpo_scheduler_ops),
    .name = "asha-forecast",
    .help = "ASHA by forecasts: those go on that probably end among the best 1/eta of their rung, not those "
            "that lead there; for programs that report often and curves that cross.",
    .reference =
        "Li and others, MLSys 2020; forecasts with the prior of Rakotoarison, Adriaensen, Mallik and "
        "others, arXiv 2404.16795, section 4.1",
    .caps = HPO_SCHED_NEEDS_FIDELITY | HPO_SCHED_PAUSES,
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .config_size = sizeof(hpo_asha_config),
    .state_size = sizeof(asha_forecast),
    .init = forecast_init,
    .start = forecast_start,
    .report = forecast_report,
    .tell = forecast_tell,
    .next = forecast_next,
    .levels = hpo_levels_list,
    .describe = hpo_asha_describe,
    .fini = forecast_fini,
};
