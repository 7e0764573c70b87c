/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/asha_stopping.c - successive halving that only stops trials, with rungs that need no known end.
 *
 * Rungs stand at r_k = r_0 eta^k, k = 0, 1, ..., for as long as trials run: nobody has to say how long that
 * is.  A trial that has come to rung k with value y, as number n there, goes on iff fewer than
 *
 *   floor(n / eta)    when n >= eta
 *   1, or any number  when n <  eta     (first = compete, or continue)
 *
 * values at the rung are below y; else it stops for good.  A report behind several rungs counts for each of
 * them in turn.
 *
 * r_0 may be unknown too.  Then nothing is judged until a trial has run to its end at some step R, and r_0 =
 * max(floor(R / 100), 1).
 *
 * brackets: a trial of bracket b is judged from rung b on.  Of B brackets it joins, as in asha.c, the highest
 * b > 0 that has run, with r_b more steps, at most 1/B of what all have, else 0; all stand in the same rungs.
 * draw: b is drawn by its number with probability proportional to ceil(B eta^s / (s + 1)), s = B - 1 - b, and
 * each bracket has rungs of its own.  With B = 0 there are floor(log_eta(R / r_0)) + 1, where R is the
 * largest resource: the fidelity's, or `max`, or one more than the last step of the first trial that ran to
 * its end.
 *
 * With a fidelity parameter the rungs are the levels of the other schedulers (rung.h), up to its maximum.
 *
 * Stopping: Liaw and others, Ray Tune, arXiv:1807.05118; without an end, and the rules for what is not known:
 * the successive halving and Hyperband pruners of Optuna (Akiba, Sano, Yanase, Ohta, Koyama, KDD 2019);
 * rungs: Li, Jamieson, Rostamizadeh and others, MLSys 2020; brackets: Li and others, JMLR 18, 2018. */
#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "scheduler/builtin.h"
#include "scheduler/rung.h"

typedef struct stopping_config {
    double eta, min, max;
    int64_t skip, bootstrap, brackets;
    int32_t compete, draw;
} stopping_config;

typedef struct stopping {
    hpo_levels levels; /* first: hpo_levels_list; n 0: not known yet */
    stopping_config config;
    uint64_t seed;
    size_t n_brackets;
    hpo_ranking *rungs;           /* n_ladders x levels.n */
    double spent[HPO_MAX_LEVELS]; /* steps that the trials of each bracket have run */
    double longest;               /* last step of a trial that ran to its end; NaN: none has */
    hpo_sched_rows rows;
} stopping;

static const double DEFAULT_SHARE = 100, NEARLY = 1e-9;

/* ---- rungs ------------------------------------------------------------------------------------------- */

static size_t n_ladders(const stopping *s)
{
    return s->config.draw ? s->n_brackets : 1;
}

static hpo_ranking *rung_at(const stopping *s, size_t bracket, size_t level)
{
    return &s->rungs[(s->config.draw ? bracket : 0) * s->levels.n + level];
}

/* The largest resource, as far as it is known. */
static double largest(const stopping *s)
{
    return s->config.max > 0 ? s->config.max : s->longest + 1;
}

static hpo_status make_rungs(stopping *s, hpo_error *err)
{
    hpo_levels *l = &s->levels;
    const stopping_config *c = &s->config;
    double n = (double)c->brackets;
    if (n == 0) n = floor(hpo_log(largest(s) / l->at[0]) / hpo_log(c->eta) * (1 + NEARLY)) + 1;
    s->n_brackets = n < 1 ? 1 : n < (double)l->n ? (size_t)n : l->n;
    s->rungs = hpo_calloc(n_ladders(s) * l->n, sizeof *s->rungs);
    return s->rungs != NULL ? HPO_OK : hpo_fail_memory(err);
}

/* Sets the rungs once all that they follow from is known. */
static hpo_status try_to_begin(stopping *s, hpo_error *err)
{
    const stopping_config *c = &s->config;
    int known = (c->min > 0 && (c->brackets > 0 || c->max > 0)) || !isnan(s->longest);
    if (s->levels.n > 0 || !known) return HPO_OK;
    double low = c->min > 0 ? c->min : fmax(floor(s->longest / DEFAULT_SHARE), 1);
    hpo_levels_open(&s->levels, low, c->eta);
    return make_rungs(s, err);
}

static hpo_status stopping_init(void *state, const void *config, const hpo_sched_problem *p, hpo_error *err)
{
    stopping *s = state;
    s->config = *(const stopping_config *)config;
    s->seed = p->seed;
    s->longest = (double)NAN;
    if (isnan(p->high)) return try_to_begin(s, err);
    s->config.max = p->high;
    HPO_TRY(hpo_levels_init(&s->levels, p, s->config.min, s->config.eta, err));
    return make_rungs(s, err);
}

static void stopping_fini(void *state)
{
    stopping *s = state;
    for (size_t i = 0; s->rungs != NULL && i < n_ladders(s) * s->levels.n; i++)
        hpo_ranking_fini(&s->rungs[i]);
    hpo_free(s->rungs);
    hpo_sched_rows_fini(&s->rows);
}

/* ---- events ------------------------------------------------------------------------------------------ */

/* rank: how many have a smaller value. */
static int may_go_on(const stopping *s, const hpo_ranking *r, size_t rank)
{
    size_t n = hpo_ranking_size(r), keep = hpo_rung_share(n, s->config.eta);
    if ((int64_t)n <= s->config.bootstrap) return 0;
    if ((double)n < s->config.eta) {
        if (!s->config.compete) return 1;
        keep = 1;
    }
    return rank < keep;
}

static void explain(const stopping *s, const hpo_sched_row *t, size_t rank, hpo_sched_answer *out)
{
    const hpo_ranking *r = rung_at(s, (size_t)t->bracket, (size_t)t->level);
    const char *at = s->levels.text[t->level];
    out->decision = HPO_STOP;
    char *end = hpo_rung_say(out->reason, rank + 1, hpo_ranking_size(r), at);
    if (s->config.draw && s->n_brackets > 1)
        (void)hpo_say_count(hpo_say(end, " of bracket "), (size_t)t->bracket);
}

static size_t choose_bracket(const stopping *s, int64_t number)
{
    if (s->config.draw) return hpo_bracket_draw(s->seed, number, s->n_brackets, s->n_brackets, s->config.eta);
    return hpo_bracket_due(s->spent, &s->levels, s->n_brackets);
}

static hpo_status stopping_report(void *state, const hpo_sched_report *r, hpo_sched_answer *out,
                                  hpo_error *err)
{
    stopping *s = state;
    HPO_TRY(hpo_sched_rows_need(&s->rows, r->trial, err));
    hpo_sched_row *t = &s->rows.row[r->trial];
    double before = t->step > 0 ? t->step : 0;
    if (!hpo_sched_rows_report(t, r)) return HPO_OK;
    HPO_TRY(try_to_begin(s, err));
    if (s->levels.n == 0) return HPO_OK;
    if (t->bracket < 0) t->bracket = (int32_t)choose_bracket(s, r->trial);
    s->spent[t->bracket] += t->step - before;
    int32_t reached = (int32_t)hpo_levels_find(&s->levels, t->step);
    for (int32_t k = t->level < 0 ? (int32_t)s->config.skip + t->bracket : t->level + 1; k <= reached; k++) {
        hpo_ranking *rung = rung_at(s, (size_t)t->bracket, (size_t)k);
        HPO_TRY(hpo_ranking_add(rung, t->last, r->trial, 0, 0, err));
        t->level = k;
        size_t rank = hpo_ranking_below(rung, t->last);
        if (may_go_on(s, rung, rank)) continue;
        explain(s, t, rank, out);
        break;
    }
    return HPO_OK;
}

static hpo_status stopping_tell(void *state, int64_t trial, hpo_state end, const double *y, hpo_error *err)
{
    stopping *s = state;
    (void)y;
    HPO_TRY(hpo_sched_rows_need(&s->rows, trial, err));
    if (end == HPO_STATE_COMPLETE) s->longest = fmax(s->longest, s->rows.row[trial].step);
    return HPO_OK;
}

static hpo_status stopping_describe(const void *state, char *buf, size_t cap, size_t *n_out, hpo_error *err)
{
    const stopping *s = state;
    hpo_str o = {0};
    hpo_str_add(&o, "{\"rungs\":[");
    for (size_t b = 0; s->levels.n > 0 && b < n_ladders(s); b++)
        for (size_t k = b; k < s->levels.n; k++) {
            const hpo_ranking *r = rung_at(s, b, k);
            size_t above = k + 1 < s->levels.n ? hpo_ranking_size(rung_at(s, b, k + 1)) : 0;
            if (hpo_ranking_size(r) > 0) hpo_rung_describe(&o, (int64_t)b, s->levels.at[k], r, above);
        }
    hpo_str_add(&o, "]}");
    return hpo_sched_describe_end(&o, buf, cap, n_out, err);
}

static const char *const firsts[] = {"continue", "compete", NULL};
static const hpo_option options[] = {
    {"eta", "keep the best 1/eta at each rung; rungs are a factor eta apart", HPO_OPT_REAL,
     offsetof(stopping_config, eta), 3, 1.2, 100, NULL},
    {"min",
     "step of the lowest rung; 0: the fidelity's minimum, without one a hundredth of the first complete "
     "trial",
     HPO_OPT_REAL, offsetof(stopping_config, min), 0, 0, 1e300, NULL},
    {"max", "the last step, for `brackets=0` without a fidelity; 0: that of the first complete trial",
     HPO_OPT_REAL, offsetof(stopping_config, max), 0, 0, 1e300, NULL},
    {"brackets", "how many brackets, each beginning one rung higher; 0: as many as Hyperband has",
     HPO_OPT_INT, offsetof(stopping_config, brackets), 1, 0, HPO_MAX_LEVELS, NULL},
    {"draw", "draw the bracket of each trial by Hyperband's sizes, and compare within it, as Optuna does",
     HPO_OPT_BOOL, offsetof(stopping_config, draw), 0, 0, 1, NULL},
    {"first", "of fewer than eta at a rung all go on, or only the best so far", HPO_OPT_ENUM,
     offsetof(stopping_config, compete), 0, 0, 1, firsts},
    {"skip", "so many of the lowest rungs are left out", HPO_OPT_INT, offsetof(stopping_config, skip), 0, 0,
     HPO_MAX_LEVELS, NULL},
    {"bootstrap", "the first so many at each rung stop there, to compare with", HPO_OPT_INT,
     offsetof(stopping_config, bootstrap), 0, 0, 1e9, NULL},
};

const hpo_scheduler_ops hpo_scheduler_asha_stopping = {
    .size = sizeof(hpo_scheduler_ops),
    .name = "asha-stopping",
    .help = "ASHA that stops trials and never resumes one: for programs that cannot go on from a checkpoint; "
            "needs no known maximum.",
    .reference =
        "Liaw, Liang, Nishihara and others: Ray Tune, arXiv:1807.05118; without an end: Akiba, Sano, "
        "Yanase, Ohta, Koyama: Optuna, KDD 2019",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .config_size = sizeof(stopping_config),
    .state_size = sizeof(stopping),
    .init = stopping_init,
    .report = stopping_report,
    .tell = stopping_tell,
    .levels = hpo_levels_list,
    .describe = stopping_describe,
    .fini = stopping_fini,
};
