/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/freeze_thaw.c - freeze-thaw with a bank of learning curves: whoever is likeliest to beat the best
 * goes on.
 *
 * Trials run in pieces, from level to level (rung.h), and are paused in between.  The bank (model/curves.h)
 * forecasts the end of every curve from its own reports.  By forecasts a free worker is given what maximises
 *
 *     p_i / c_i,   p_i = P(y_i(R) < T),   T = best - 10^v range,   v ~ U(-4, -1),
 *
 * over all paused trials i and a new one; `best` is the best complete value (before there is one: the
 * smallest mean of a forecast), `range` the spread of the study's values (1 in curve units).  The random
 * threshold mixes small sure gains with large unlikely ones, so that there is nothing to tune.  c_i is what
 * the chance is going to cost: a trial that gets to the end with probability p over m more pieces survives
 * each of them with p^(1/m), so the k-th costs its resource times p^((k-1)/m).  (Without it a paused trial
 * with a chance of .1 would be trained to the end before a new one with .05 is looked at for a hundredth of
 * that.)
 *
 * p_i is the acquisition function MFPI-random (Rakotoarison, Adriaensen, Mallik, Garibov, Bergman, Hutter:
 * "In-context freeze-thaw Bayesian optimization", ICML 2024, section 4.2) with its horizon always at the end:
 * what a study is after is the value at R.  There the horizon is random too, and a step has no price.
 *
 * A new trial is forecast as a draw from the trials before it: the expert for its end is normal with the mean
 * and the variance (between and within) of the forecasts of the last NEWEST ones.  So a good sampler is given
 * more new trials than a bad one.
 *
 * That rule alone does not begin well.  Forecasts from one report say little, and the likeliest of a few
 * uncertain trials is trained to the end at once: after two full trainings its regret was .96 where ASHA's
 * was .62, and it had begun 19 trials, ASHA 33.  So the first FIRST_SPENT full trainings' worth of resource
 * go as ASHA would have it (hpo_rungs_best: the best 1/eta of each rung go on, else a new trial begins), and
 * after that a free worker decides so with probability `halving`.  That share is also what is left when
 * forecasts mislead; the rest saves those that begin slowly, which halving stops for good.
 *
 * Randomness is keyed by the number of pieces that have begun. */
#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/dist.h"
#include "math/func.h"
#include "math/rng.h"
#include "scheduler/beliefs.h"
#include "scheduler/builtin.h"
#include "scheduler/rung.h"

enum {
    NEWEST = 32,   /* trials that a new one is like */
    SHORTLIST = 8, /* paused trials whose chances are computed exactly */
};
static const double FIRST_SPENT = 2; /* full trainings' worth that are ASHA's */

typedef struct freeze_thaw_config {
    double eta, min, halving, least;
} freeze_thaw_config;

typedef struct freeze_thaw {
    hpo_levels levels; /* first: hpo_levels_list */
    freeze_thaw_config config;
    uint64_t seed;
    double sign;
    hpo_sched_rows rows;
    hpo_beliefs beliefs;
    double spent; /* resource that reports have come from */
    uint64_t n_pieces;
    double best; /* of complete trials */
    int64_t n_complete;
    hpo_rung *rungs;
} freeze_thaw;

/* ---- begin and end ---------------------------------------------------------------------------------- */

static hpo_status freeze_thaw_init(void *state, const void *config, const hpo_sched_problem *p,
                                   hpo_error *err)
{
    freeze_thaw *s = state;
    s->config = *(const freeze_thaw_config *)config;
    s->seed = p->seed;
    s->sign = p->sign[0];
    s->best = (double)INFINITY;
    HPO_TRY(hpo_levels_init(&s->levels, p, s->config.min, s->config.eta, err));
    s->rungs = hpo_calloc(s->levels.n, sizeof *s->rungs);
    if (s->rungs == NULL) return hpo_fail_memory(err);
    return hpo_beliefs_init(&s->beliefs, p, err);
}

static void freeze_thaw_fini(void *state)
{
    freeze_thaw *s = state;
    hpo_rungs_free(s->rungs, s->levels.n);
    hpo_beliefs_fini(&s->beliefs);
    hpo_sched_rows_fini(&s->rows);
}

static hpo_status need(freeze_thaw *s, int64_t trial, hpo_error *err)
{
    HPO_TRY(hpo_beliefs_need(&s->beliefs, trial, err)); /* first: there is never a row without one */
    return hpo_sched_rows_need(&s->rows, trial, err);
}

/* ---- beliefs ------------------------------------------------------------------------------------------ */

/* Puts the curve of a trial in focus; 0: there is nothing to forecast yet. */
static int focus(const freeze_thaw *s, size_t trial)
{
    hpo_error unused;
    return hpo_curves_focus(s->beliefs.curves, trial, NULL, &unused) == HPO_OK;
}

/* P(end < y), were it normal. */
static double roughly_below(const hpo_belief *b, double y)
{
    return hpo_normal_cdf((y - b->mean) / fmax(b->sd, 1e-9));
}

/* A new trial is like those before it. */
static hpo_curve_prior newcomer(freeze_thaw *s)
{
    hpo_curve_prior p = hpo_curves_prior(s->beliefs.curves);
    double n = 0, sum = 0, squares = 0;
    for (size_t i = s->rows.n; i-- > 0 && n < NEWEST;) {
        const hpo_belief *b = hpo_beliefs_end(&s->beliefs, i);
        if (b == NULL) continue;
        n++;
        sum += b->mean;
        squares += b->mean * b->mean + b->sd * b->sd;
    }
    if (n < 3) return p;
    p.end = sum / n;
    p.end_sd = sqrt(fmax(squares / n - p.end * p.end, 1e-4));
    return p;
}

/* The value to beat, in curve units. */
static double incumbent(freeze_thaw *s)
{
    if (s->n_complete > 0) return hpo_curves_to_units(s->beliefs.curves, s->best);
    double best = (double)INFINITY;
    for (size_t i = 0; i < s->rows.n; i++) {
        const hpo_belief *b = hpo_beliefs_end(&s->beliefs, i);
        if (b != NULL) best = fmin(best, b->mean);
    }
    return best;
}

/* "forecast 0.091 [0.089, 0.093] at the end", with the interval of 90 % of a normal of the same moments. */
static int say_forecast(const freeze_thaw *s, const hpo_belief *b, char *out)
{
    double y = hpo_curves_from_units(s->beliefs.curves, b->mean) * s->sign;
    double a = hpo_curves_from_units(s->beliefs.curves, b->mean - 1.645 * b->sd) * s->sign;
    double c = hpo_curves_from_units(s->beliefs.curves, b->mean + 1.645 * b->sd) * s->sign;
    return snprintf(out, HPO_REASON_SIZE, "forecast %.4g [%.4g, %.4g] at the end", y, fmin(a, c), fmax(a, c));
}

/* ---- events ------------------------------------------------------------------------------------------- */

static hpo_status freeze_thaw_start(void *state, const hpo_sched_start *e, hpo_error *err)
{
    freeze_thaw *s = state;
    HPO_TRY(need(s, e->trial, err));
    hpo_rungs_start(s->rungs, &s->rows.row[e->trial], e->trial, e->resource);
    s->n_pieces++;
    return HPO_OK;
}

static void pause_here(freeze_thaw *s, int64_t trial, hpo_sched_answer *out)
{
    const hpo_belief *b = hpo_beliefs_end(&s->beliefs, (size_t)trial);
    out->decision = HPO_PAUSE;
    if (b == NULL) {
        (void)snprintf(out->reason, sizeof out->reason, "end of the piece: no forecast yet");
        return;
    }
    int n = say_forecast(s, b, out->reason);
    double p = roughly_below(b, incumbent(s));
    (void)snprintf(out->reason + n, sizeof out->reason - (size_t)n, ": probability %.2g of beating the best",
                   p);
}

static hpo_status freeze_thaw_report(void *state, const hpo_sched_report *r, hpo_sched_answer *out,
                                     hpo_error *err)
{
    freeze_thaw *s = state;
    HPO_TRY(need(s, r->trial, err));
    hpo_sched_row *t = &s->rows.row[r->trial];
    double before = fmax(t->step, 0); /* 0 for NaN */
    if (hpo_sched_rows_report(t, r)) {
        s->spent += fmax(t->step, 0) - before;
        HPO_TRY(hpo_beliefs_report(&s->beliefs, r, err));
        HPO_TRY(hpo_rungs_enter(s->rungs, &s->levels, t, r->trial, err));
    }
    if (t->step >= t->target * (1 - 1e-9) && t->target < s->levels.at[s->levels.n - 1])
        pause_here(s, r->trial, out);
    return HPO_OK;
}

static hpo_status freeze_thaw_tell(void *state, int64_t trial, hpo_state end, const double *y, hpo_error *err)
{
    freeze_thaw *s = state;
    HPO_TRY(need(s, trial, err));
    hpo_rungs_tell(s->rungs, &s->rows.row[trial], trial, end == HPO_STATE_PAUSED);
    hpo_beliefs_tell(&s->beliefs, trial, end, y);
    if (end == HPO_STATE_COMPLETE && y != NULL && isfinite(y[0])) {
        s->n_complete++;
        s->best = fmin(s->best, y[0]);
    }
    return HPO_OK;
}

/* ---- a free worker --------------------------------------------------------------------------------------
 */

typedef struct contest {
    double threshold;
    size_t trial[SHORTLIST]; /* paused ones, roughly the best, best first */
    double rate[SHORTLIST];
    size_t n;
} contest;

/* What a trial at resource `at` is going to cost that reaches the end with probability p, when it survives
 * each of its pieces with the same probability. */
static double price(const freeze_thaw *s, double at, double p)
{
    const hpo_levels *l = &s->levels;
    size_t first = (size_t)(hpo_levels_find(l, at) + 1), m = l->n - first;
    double survive = m > 0 ? hpo_pow(fmax(p, 1e-9), 1 / (double)m) : 1, alive = 1, sum = 0;
    for (size_t k = first; k < l->n; k++, alive *= survive) {
        sum += alive * (l->at[k] - at);
        at = l->at[k];
    }
    return fmax(sum, 1e-9 * l->at[l->n - 1]);
}

static void enlist(contest *c, size_t trial, double rate)
{
    size_t at = c->n;
    if (at == SHORTLIST && !(rate > c->rate[at - 1])) return;
    if (at == SHORTLIST)
        at--;
    else
        c->n++;
    for (; at > 0 && rate > c->rate[at - 1]; at--) {
        c->rate[at] = c->rate[at - 1];
        c->trial[at] = c->trial[at - 1];
    }
    c->rate[at] = rate;
    c->trial[at] = trial;
}

static void enlist_paused(freeze_thaw *s, contest *c)
{
    for (size_t i = 0; i < s->rows.n; i++) {
        const hpo_belief *b = s->rows.row[i].paused ? hpo_beliefs_end(&s->beliefs, i) : NULL;
        if (b == NULL) continue;
        double p = roughly_below(b, c->threshold);
        enlist(c, i, p / price(s, s->rows.row[i].target, p));
    }
}

/* P(the curve in focus ends below the threshold), and the same for its price; at: where it stands. */
static double chance(const freeze_thaw *s, const contest *c, double at, double *rate)
{
    double p = hpo_curves_below(s->beliefs.curves, s->levels.at[s->levels.n - 1],
                                hpo_curves_from_units(s->beliefs.curves, c->threshold));
    *rate = p / price(s, at, p);
    return p;
}

/* A new trial's. */
static double chance_of_new(freeze_thaw *s, const contest *c, double *rate)
{
    hpo_error unused;
    hpo_curve_prior prior = newcomer(s);
    *rate = 0;
    return hpo_curves_focus(s->beliefs.curves, SIZE_MAX, &prior, &unused) == HPO_OK ? chance(s, c, 0, rate)
                                                                                    : 0;
}

/* The best of the shortlist; SIZE_MAX: nobody is paused. */
static size_t best_paused(const freeze_thaw *s, const contest *c, double *p, double *rate)
{
    size_t best = SIZE_MAX;
    *rate = -1;
    for (size_t k = 0; k < c->n; k++) {
        double r, q;
        if (!focus(s, c->trial[k])) continue;
        q = chance(s, c, s->rows.row[c->trial[k]].target, &r);
        if (!(r > *rate)) continue;
        *rate = r;
        *p = q;
        best = c->trial[k];
    }
    return best;
}

/* Where nothing can be forecast: the paused trial of least value. */
static size_t least_paused(const freeze_thaw *s)
{
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < s->rows.n; i++)
        if (s->rows.row[i].paused && !s->beliefs.of[i].failed && !isnan(s->rows.row[i].last) &&
            (best == SIZE_MAX || s->rows.row[i].last < s->rows.row[best].last))
            best = i;
    return best;
}

static size_t next_level(const freeze_thaw *s, size_t trial)
{
    size_t k = (size_t)(hpo_levels_find(&s->levels, s->rows.row[trial].target) + 1), last = s->levels.n - 1;
    return k < last ? k : last;
}

static void resume(const freeze_thaw *s, size_t trial, hpo_action *out)
{
    out->kind = HPO_ACT_RESUME;
    out->trial = (int64_t)trial;
    out->resource = s->levels.at[next_level(s, trial)];
}

/* As ASHA. */
static void halve(const freeze_thaw *s, hpo_action *out)
{
    hpo_ranked e;
    size_t level;
    if (hpo_rungs_best(s->rungs, &s->levels, 0, &e, &level))
        hpo_rung_promote(&s->rungs[level], &s->levels, &e, level, next_level(s, (size_t)e.trial), out);
}

/* When no new trial may begin: who is worth it, and if nobody is complete, the likeliest to the end. */
static void finish(freeze_thaw *s, const contest *c, int alone, hpo_action *out)
{
    double p = 0, rate;
    size_t best = best_paused(s, c, &p, &rate);
    int last_call = alone && s->n_complete == 0;
    if (best == SIZE_MAX && last_call) best = least_paused(s);
    if (best == SIZE_MAX || !(p >= s->config.least || last_call)) return;
    resume(s, best, out);
    int n = s->beliefs.of[best].n > 0 ? say_forecast(s, &s->beliefs.of[best], out->reason) : 0;
    (void)snprintf(out->reason + n, sizeof out->reason - (size_t)n,
                   "%sthe trials are spent, probability %.2g of a new best: goes on to %.6g",
                   n > 0 ? "; " : "", p, out->resource);
}

static hpo_status freeze_thaw_next(void *state, const hpo_sched_ask *ask, hpo_action *out, hpo_error *err)
{
    freeze_thaw *s = state;
    hpo_rng rng;
    (void)err;
    out->resource = s->levels.at[0];
    hpo_rng_init(&rng, s->seed, s->n_pieces, HPO_RNG_SCHEDULER);
    int early =
        s->spent < FIRST_SPENT * s->levels.at[s->levels.n - 1] || hpo_curves_epoch(s->beliefs.curves) == 0;
    if (ask->may_create && (hpo_rng_uniform(&rng) < s->config.halving || early)) {
        halve(s, out);
        return HPO_OK;
    }
    contest c = {.threshold = incumbent(s) - hpo_pow(10, -4 + 3 * hpo_rng_uniform(&rng))};
    if (hpo_curves_epoch(s->beliefs.curves) > 0) enlist_paused(s, &c);
    if (!ask->may_create) {
        finish(s, &c, ask->n_running == 0, out);
        return HPO_OK;
    }
    double p = 0, rate, rate_new, p_new = chance_of_new(s, &c, &rate_new);
    size_t best = best_paused(s, &c, &p, &rate);
    if (best == SIZE_MAX || !(rate > rate_new)) return HPO_OK;
    resume(s, best, out);
    int n = say_forecast(s, &s->beliefs.of[best], out->reason);
    (void)snprintf(out->reason + n, sizeof out->reason - (size_t)n,
                   ": probability %.2g of a new best, a new trial's %.2g; goes on to %.6g", p, p_new,
                   out->resource);
    return HPO_OK;
}

/* ---- for people -----------------------------------------------------------------------------------------
 */

static hpo_status freeze_thaw_describe(const void *state, char *buf, size_t cap, size_t *n_out,
                                       hpo_error *err)
{
    const freeze_thaw *s = state;
    return hpo_rungs_describe(s->rungs, &s->levels, buf, cap, n_out, err);
}

static const hpo_option options[] = {
    {"eta", "a piece goes on to eta times the resource", HPO_OPT_REAL, offsetof(freeze_thaw_config, eta), 3,
     1.1, 100, NULL},
    {"min", "resource of the first piece; 0: the fidelity's minimum", HPO_OPT_REAL,
     offsetof(freeze_thaw_config, min), 0, 0, 1e300, NULL},
    {"halving", "share of decisions that are ASHA's; all are before two full trainings are spent",
     HPO_OPT_REAL, offsetof(freeze_thaw_config, halving), 0.5, 0, 1, NULL},
    {"least", "when the trials are spent, those go on that beat the best with at least this probability",
     HPO_OPT_REAL, offsetof(freeze_thaw_config, least), 0.05, 0, 1, NULL},
};

const hpo_scheduler_ops hpo_scheduler_freeze_thaw = {
    .size = sizeof(hpo_scheduler_ops),
    .name = "freeze-thaw",
    .help = "Forecasts every learning curve and goes on with the trial that most probably beats the best, or "
            "begins a new one; for programs that report often.",
    .reference = "Swersky, Snoek & Adams, arXiv 1406.3896; decision: Rakotoarison, Adriaensen, Mallik and "
                 "others, arXiv 2404.16795, section 4.2",
    .caps = HPO_SCHED_NEEDS_FIDELITY | HPO_SCHED_PAUSES | HPO_SCHED_ALONG,
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .config_size = sizeof(freeze_thaw_config),
    .state_size = sizeof(freeze_thaw),
    .init = freeze_thaw_init,
    .start = freeze_thaw_start,
    .report = freeze_thaw_report,
    .tell = freeze_thaw_tell,
    .next = freeze_thaw_next,
    .levels = hpo_levels_list,
    .describe = freeze_thaw_describe,
    .fini = freeze_thaw_fini,
};
