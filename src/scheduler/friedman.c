/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/friedman.c - F-race: a trial stops when a rank test over common instances says that it is worse.
 *
 * When trial t has had k >= `first` instances, the m trials that have had all of these compete.  On instance
 * i they have ranks r_ij, ties shared; R_j = sum_i r_ij, A = sum_ij r_ij^2, C = k m (m + 1)^2 / 4. Friedman's
 * statistic F = (m - 1) (sum_j R_j^2 - k^2 m (m + 1)^2 / 4) / (A - C) is chi-squared with m - 1 degrees of
 * freedom when all are alike.  If it is significant at level alpha, t stops when R_t - min_j R_j > t_{1 -
 * alpha/2, (k-1)(m-1)} sqrt(2 (k A - sum_j R_j^2) / ((k - 1) (m - 1))). Two trials are compared with the
 * signed-rank test (race.c) instead.
 *
 * A report costs O(k m log m); the MOST best by mean compete when there are more.
 *
 * Birattari, Stuetzle, Paquete, Varrentrapp: "A racing algorithm for configuring metaheuristics", GECCO 2002;
 * Lopez-Ibanez, Dubois-Lacoste, Perez Caceres, Birattari, Stuetzle: "The irace package", Operations Research
 * Perspectives 3, 2016; Conover: Practical Nonparametric Statistics, 3rd ed., 1999, section 5.8. */
#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/dist.h"
#include "math/stats.h"
#include "scheduler/builtin.h"
#include "scheduler/race.h"

enum { MOST = 128 };

typedef struct friedman_config {
    double alpha;
    int64_t first;
} friedman_config;

typedef struct friedman {
    friedman_config config;
    hpo_race race;
    hpo_ranking means; /* of trials with at least `first` instances; weight: their number */
    double *scratch;
    size_t cap;
} friedman;

static hpo_status friedman_init(void *state, const void *config, const hpo_sched_problem *p, hpo_error *err)
{
    friedman *s = state;
    (void)p, (void)err;
    s->config = *(const friedman_config *)config;
    hpo_race_init(&s->race);
    return HPO_OK;
}

static int has_all(const hpo_race *r, int64_t trial, const double *wanted)
{
    const double *row = hpo_race_row(r, trial);
    for (size_t i = 0; i < r->n_instances; i++)
        if (!isnan(wanted[i]) && isnan(row[i])) return 0;
    return 1;
}

/* The competitors, trial t first. */
static size_t gather(const friedman *s, int64_t t, int64_t out[MOST])
{
    const double *wanted = hpo_race_row(&s->race, t);
    size_t m = 1;
    hpo_ranked e;
    out[0] = t;
    for (size_t i = 0; m < MOST && hpo_ranking_at(&s->means, i, &e); i++)
        if (e.trial != t && s->race.count[e.trial] >= s->race.count[t] && has_all(&s->race, e.trial, wanted))
            out[m++] = e.trial;
    return m;
}

/* Two are left: the other is better on the paired test. */
static int loses_pair(friedman *s, int64_t t, int64_t other, size_t *n, double *p)
{
    const double *a = hpo_race_row(&s->race, t), *b = hpo_race_row(&s->race, other);
    *n = 0;
    for (size_t i = 0; i < s->race.n_instances; i++)
        if (!isnan(a[i]) && !isnan(b[i])) s->scratch[(*n)++] = a[i] - b[i];
    *p = hpo_signed_rank_p(s->scratch, *n, s->scratch + s->race.n_instances);
    return *p < s->config.alpha / 2;
}

/* Ranks of the m competitors on every instance of trial t; sums into R, squares into *A. */
static size_t rank_all(friedman *s, const int64_t *trials, size_t m, double R[MOST], double *A)
{
    double values[MOST], ranks[MOST];
    size_t order[MOST], k = 0;
    const double *wanted = hpo_race_row(&s->race, trials[0]);
    *A = 0;
    for (size_t j = 0; j < m; j++)
        R[j] = 0;
    for (size_t i = 0; i < s->race.n_instances; i++) {
        if (isnan(wanted[i])) continue;
        for (size_t j = 0; j < m; j++)
            values[j] = hpo_race_row(&s->race, trials[j])[i];
        hpo_ranks(values, m, order, ranks);
        for (size_t j = 0; j < m; j++) {
            R[j] += ranks[j];
            *A += ranks[j] * ranks[j];
        }
        k++;
    }
    return k;
}

static void judge(friedman *s, const int64_t *trials, size_t m, hpo_sched_answer *out)
{
    double R[MOST], A, squares = 0, best = (double)INFINITY;
    size_t winner = 0, k = rank_all(s, trials, m, R, &A);
    double dm = (double)m, dk = (double)k, C = dk * dm * (dm + 1) * (dm + 1) / 4;
    for (size_t j = 0; j < m; j++) {
        squares += R[j] * R[j];
        if (R[j] < best) best = R[winner = j];
    }
    if (!(A > C) || k < 2) return; /* all ties */
    double F = (dm - 1) * (squares - dk * C) / (A - C);
    if (!(F > hpo_chi2_quantile(1 - s->config.alpha, dm - 1))) return;
    double df = (dk - 1) * (dm - 1);
    double far =
        hpo_student_quantile(1 - s->config.alpha / 2, df) * sqrt(fmax(0, 2 * (dk * A - squares) / df));
    if (!(R[0] - best > far)) return;
    out->decision = HPO_STOP;
    (void)snprintf(out->reason, sizeof out->reason,
                   "mean rank %.3g of %zu trials on %zu instances, trial %lld has %.3g (Friedman's test)",
                   R[0] / dk, m, k, (long long)trials[winner], best / dk);
}

static hpo_status friedman_report(void *state, const hpo_sched_report *r, hpo_sched_answer *out,
                                  hpo_error *err)
{
    friedman *s = state;
    int64_t trials[MOST];
    int is_new;
    int64_t n = (size_t)r->trial < s->race.n_trials ? s->race.count[r->trial] : 0;
    double old = n > 0 ? hpo_race_mean(&s->race, r->trial) : 0;
    HPO_TRY(hpo_race_add(&s->race, r, &is_new, err));
    if (!is_new) return HPO_OK;
    if (n >= s->config.first) hpo_ranking_remove(&s->means, old, r->trial);
    if (++n < s->config.first) return HPO_OK;
    HPO_TRY(hpo_ranking_add(&s->means, hpo_race_mean(&s->race, r->trial), r->trial, 0, 0, err));
    HPO_TRY(hpo_reserve(&s->scratch, &s->cap, 5 * s->race.n_instances, sizeof *s->scratch, err));
    size_t m = gather(s, r->trial, trials), common;
    double p;
    if (m > 2) {
        judge(s, trials, m, out);
    } else if (m == 2 && loses_pair(s, r->trial, trials[1], &common, &p)) {
        out->decision = HPO_STOP;
        (void)snprintf(out->reason, sizeof out->reason,
                       "worse than trial %lld on %zu common instances (signed-rank test, p = %.3g)",
                       (long long)trials[1], common, p);
    }
    return HPO_OK;
}

static void friedman_fini(void *state)
{
    friedman *s = state;
    hpo_race_fini(&s->race);
    hpo_ranking_fini(&s->means);
    hpo_free(s->scratch);
}

static const hpo_option options[] = {
    {"alpha", "level of significance", HPO_OPT_REAL, offsetof(friedman_config, alpha), 0.05, 1e-6, 0.5, NULL},
    {"first", "not before so many instances", HPO_OPT_INT, offsetof(friedman_config, first), 5, 2, 1e9, NULL},
};

const hpo_scheduler_ops hpo_scheduler_friedman = {
    .size = sizeof(hpo_scheduler_ops),
    .name = "friedman",
    .help = "Races over instances by ranks, as irace does: stops a trial that Friedman's test and its "
            "post-hoc test "
            "find worse than the best.",
    .reference =
        "Birattari, Stuetzle, Paquete, Varrentrapp: A racing algorithm for configuring metaheuristics, GECCO "
        "2002; Lopez-Ibanez and others: The irace package, 2016",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .config_size = sizeof(friedman_config),
    .state_size = sizeof(friedman),
    .init = friedman_init,
    .report = friedman_report,
    .fini = friedman_fini,
};
