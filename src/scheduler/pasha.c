/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/pasha.c - progressive ASHA: the top rung is opened only when it is needed.
 *
 * ASHA with its top at level 2 (r_min eta^2) to begin with.  When a trial comes to the top rung K, the trials
 * in it are ranked by their values there, pi_K, and by those at rung K - 1, pi_{K-1}.  The rankings agree
 * softly when for every place i the trial pi_K(i) is among those whose value at rung K - 1 differs from that
 * of pi_{K-1}(i) by at most epsilon.  If they do not agree, the next level is opened.
 *
 * epsilon is the noise of the curves: of all pairs of trials in rung K whose curves criss-cross (one is
 * above, below and above again, in the order of steps) the N-th percentile of the distance at the last step
 * that both have reported.  Without such a pair it is 0.
 *
 * A look costs O(m^2 s) for m trials in the top rung with s steps each; it is taken when that rung grows, and
 * m is a few dozen at most: a fuller rung has opened the next one, or the curves agree and its size no longer
 * matters (only the best 64 are compared).
 *
 * Bohdal, Balles, Wistuba, Ermis, Archambeau, Zappella: "PASHA: Efficient HPO and NAS with progressive
 * resource allocation", ICLR 2023, sections 4.1 and 4.2. */
#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/stats.h"
#include "scheduler/asha.h"
#include "scheduler/builtin.h"

enum { FIRST_TOP = 2, MAX_COMPARED = 64 };

/* One point of a curve, chained by trial, newest first. */
typedef struct point {
    double step, value;
    int64_t before;
} point;

typedef struct pasha {
    hpo_asha asha; /* first */
    point *points;
    size_t n_points, cap_points;
    int64_t *newest; /* by trial */
    size_t n_trials, cap_trials;
    double *gaps; /* scratch */
    size_t cap_gaps;
    double epsilon;
} pasha;

static hpo_status pasha_init(void *state, const void *config, const hpo_sched_problem *p, hpo_error *err)
{
    pasha *s = state;
    hpo_asha_config c = *(const hpo_asha_config *)config;
    c.brackets = 1;
    HPO_TRY(hpo_asha_init(&s->asha, &c, p, err));
    if (s->asha.top > FIRST_TOP) s->asha.top = FIRST_TOP;
    return HPO_OK;
}

static void pasha_fini(void *state)
{
    pasha *s = state;
    hpo_asha_fini(&s->asha);
    hpo_free(s->points);
    hpo_free(s->newest);
    hpo_free(s->gaps);
}

static hpo_status keep_point(pasha *s, const hpo_sched_report *r, hpo_error *err)
{
    size_t need = (size_t)r->trial + 1;
    HPO_TRY(hpo_reserve(&s->newest, &s->cap_trials, need, sizeof *s->newest, err));
    for (; s->n_trials < need; s->n_trials++)
        s->newest[s->n_trials] = -1;
    HPO_TRY(hpo_reserve(&s->points, &s->cap_points, s->n_points + 1, sizeof *s->points, err));
    s->points[s->n_points] = (point){r->step, r->y[0], s->newest[r->trial]};
    s->newest[r->trial] = (int64_t)s->n_points++;
    return HPO_OK;
}

/* Walks two curves from their newest common step to the first: counts how often the sign of the difference
 * changes.  1 and the distance at that step when it does so at least twice. */
static int criss_cross(const pasha *s, int64_t a, int64_t b, double *gap)
{
    int64_t i = s->newest[a], j = s->newest[b];
    int sign = 0, changes = 0, seen = 0;
    while (i >= 0 && j >= 0) {
        const point *p = &s->points[i], *q = &s->points[j];
        if (p->step > q->step) {
            i = p->before;
        } else if (q->step > p->step) {
            j = q->before;
        } else {
            double d = p->value - q->value;
            int now = (d > 0) - (d < 0);
            if (!seen) *gap = fabs(d);
            seen = 1;
            changes += now != 0 && sign != 0 && now != sign;
            if (now != 0) sign = now;
            i = p->before;
            j = q->before;
        }
    }
    return changes >= 2;
}

static hpo_status estimate_noise(pasha *s, const int64_t *trials, size_t n, hpo_error *err)
{
    size_t m = 0;
    HPO_TRY(hpo_reserve(&s->gaps, &s->cap_gaps, n * n / 2 + 1, sizeof *s->gaps, err));
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            m += (size_t)criss_cross(s, trials[i], trials[j], &s->gaps[m]);
    if (m > 0) s->epsilon = hpo_quantile(s->gaps, m, s->asha.config.quantile);
    return HPO_OK;
}

/* The value of a trial at a level: its first point there. */
static double value_at(const pasha *s, int64_t trial, double resource)
{
    double v = (double)NAN;
    for (int64_t i = s->newest[trial]; i >= 0 && s->points[i].step >= resource * (1 - 1e-9);
         i = s->points[i].before)
        v = s->points[i].value;
    return v;
}

typedef struct placed {
    double value;
    size_t index;
} placed;

static int by_value(const void *a, const void *b)
{
    const placed *p = a, *q = b;
    return p->value != q->value ? (p->value > q->value) - (p->value < q->value)
                                : (p->index > q->index) - (p->index < q->index);
}

/* trials: in the order of the top rung. */
static int agrees(const pasha *s, const int64_t *trials, size_t n)
{
    placed below[MAX_COMPARED];
    double before[MAX_COMPARED];
    for (size_t i = 0; i < n; i++) {
        before[i] = value_at(s, trials[i], s->asha.levels.at[s->asha.top - 1]);
        below[i] = (placed){before[i], i};
    }
    qsort(below, n, sizeof *below, by_value);
    for (size_t i = 0; i < n; i++)
        if (fabs(before[i] - below[i].value) > s->epsilon) return 0;
    return 1;
}

static hpo_status look_at_top(pasha *s, hpo_error *err)
{
    const hpo_ranking *top = &s->asha.rungs[s->asha.top].ranking;
    int64_t trials[MAX_COMPARED];
    size_t n = 0;
    hpo_ranked e;
    while (n < MAX_COMPARED && hpo_ranking_at(top, n, &e))
        trials[n++] = e.trial;
    if (n < 2) return HPO_OK;
    HPO_TRY(estimate_noise(s, trials, n, err));
    s->asha.top += !agrees(s, trials, n);
    return HPO_OK;
}

static hpo_status pasha_report(void *state, const hpo_sched_report *r, hpo_sched_answer *out, hpo_error *err)
{
    pasha *s = state;
    HPO_TRY(hpo_sched_rows_need(&s->asha.rows, r->trial, err));
    const hpo_sched_row *t = &s->asha.rows.row[r->trial];
    int32_t level = t->level;
    if (!(t->step >= r->step) && !isnan(r->y[0])) HPO_TRY(keep_point(s, r, err));
    HPO_TRY(hpo_asha_report(&s->asha, r, out, err));
    t = &s->asha.rows.row[r->trial]; /* the rows may have moved */
    int at_top = t->level > level && (size_t)t->level == s->asha.top && s->asha.top + 1 < s->asha.levels.n;
    return at_top ? look_at_top(s, err) : HPO_OK;
}

static const hpo_option options[] = {
    HPO_ASHA_ETA,
    HPO_ASHA_MIN,
    {"quantile", "of the distances of curves that criss-cross: differences up to it are noise", HPO_OPT_REAL,
     offsetof(hpo_asha_config, quantile), 0.9, 0, 1, NULL},
    HPO_ASHA_FINISH,
};

const hpo_scheduler_ops hpo_scheduler_pasha = {
    .size = sizeof(hpo_scheduler_ops),
    .name = "pasha",
    .help =
        "ASHA that opens higher rungs only when the ranking of the best trials is not settled yet: for large "
        "maxima, when a short training tells the best.",
    .reference = "Bohdal, Balles, Wistuba, Ermis, Archambeau, Zappella: PASHA, ICLR 2023",
    .caps = HPO_SCHED_NEEDS_FIDELITY | HPO_SCHED_PAUSES,
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .config_size = sizeof(hpo_asha_config),
    .state_size = sizeof(pasha),
    .init = pasha_init,
    .start = hpo_asha_start,
    .report = pasha_report,
    .tell = hpo_asha_tell,
    .next = hpo_asha_next,
    .levels = hpo_levels_list,
    .describe = hpo_asha_describe,
    .fini = pasha_fini,
};
