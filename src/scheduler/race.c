/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/race.c - see race.h.
 *
 * The signed-rank test.  Ranks r_i of |d_i|, ties shared, zeros included; T = sum of r_i over d_i > 0, plus
 * half of the ranks of the zeros.  Under the hypothesis each nonzero d_i has either sign with probability
 * 1/2, so T - zeros/2 is a sum of independent r_i b_i, b_i in {0, 1}.  The ranks are multiples of 1/2: the
 * distribution of 2 T is found by adding one rank after the other.  Beyond 25 differences T is taken as
 * normal with mean sum r_i / 2 and variance sum r_i^2 / 4.
 *
 * Wilcoxon: "Individual comparisons by ranking methods", Biometrics Bulletin 1, 1945; zeros: Pratt, JASA 54,
 * 1959. */
#include "scheduler/race.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/dist.h"
#include "math/stats.h"

enum { EXACT = 25, EXACT_SUMS = EXACT * (EXACT + 1) + 1 };

void hpo_race_init(hpo_race *r)
{
    *r = (hpo_race){.best = -1};
}

void hpo_race_fini(hpo_race *r)
{
    hpo_free(r->value);
    hpo_free(r->sum);
    hpo_free(r->count);
    hpo_u64map_fini(&r->index);
}

/* More columns: rows move apart, from the last one on. */
static hpo_status widen(hpo_race *r, size_t cap, hpo_error *err)
{
    size_t old = r->cap_instances;
    HPO_TRY(hpo_reserve(&r->value, &r->cap_value, r->n_trials * cap + 1, sizeof *r->value, err));
    for (size_t i = r->n_trials; i-- > 0;) {
        memmove(r->value + i * cap, r->value + i * old, old * sizeof *r->value);
        for (size_t k = old; k < cap; k++)
            r->value[i * cap + k] = (double)NAN;
    }
    r->cap_instances = cap;
    return HPO_OK;
}

static hpo_status need_trial(hpo_race *r, int64_t trial, hpo_error *err)
{
    size_t need = (size_t)trial + 1;
    HPO_TRY(hpo_reserve(&r->sum, &r->cap_sum, need, sizeof *r->sum, err));
    HPO_TRY(hpo_reserve(&r->count, &r->cap_count, need, sizeof *r->count, err));
    HPO_TRY(hpo_reserve(&r->value, &r->cap_value, need * r->cap_instances + 1, sizeof *r->value, err));
    for (; r->n_trials < need; r->n_trials++) {
        r->sum[r->n_trials] = 0;
        r->count[r->n_trials] = 0;
        for (size_t k = 0; k < r->cap_instances; k++)
            r->value[r->n_trials * r->cap_instances + k] = (double)NAN;
    }
    return HPO_OK;
}

static hpo_status find_instance(hpo_race *r, const hpo_sched_report *report, size_t *out, hpo_error *err)
{
    double instance = report->fold >= 0 ? (double)report->fold : report->step;
    uint64_t key;
    if (instance == 0) instance = 0;
    memcpy(&key, &instance, sizeof key);
    int64_t i = hpo_u64map_get(&r->index, key, -1);
    if (i < 0) {
        if (r->n_instances == r->cap_instances) HPO_TRY(widen(r, 2 * r->cap_instances + 8, err));
        HPO_TRY(hpo_u64map_put(&r->index, key, (int64_t)r->n_instances, err));
        i = (int64_t)r->n_instances++;
    }
    *out = (size_t)i;
    return HPO_OK;
}

hpo_status hpo_race_add(hpo_race *r, const hpo_sched_report *report, int *is_new, hpo_error *err)
{
    size_t i;
    *is_new = 0;
    HPO_TRY(need_trial(r, report->trial, err));
    HPO_TRY(find_instance(r, report, &i, err));
    double *cell = r->value + (size_t)report->trial * r->cap_instances + i;
    if (!isnan(*cell) || isnan(report->y[0])) return HPO_OK;
    *cell = report->y[0];
    r->sum[report->trial] += report->y[0];
    r->count[report->trial]++;
    *is_new = 1;
    return HPO_OK;
}

double hpo_race_mean(const hpo_race *r, int64_t trial)
{
    return r->sum[trial] / (double)r->count[trial];
}

void hpo_race_complete(hpo_race *r, int64_t trial)
{
    if ((uint64_t)trial >= r->n_trials || r->count[trial] == 0) return; /* it has reported nothing */
    if (r->best < 0 || hpo_race_mean(r, trial) < hpo_race_mean(r, r->best)) r->best = trial;
}

/* P(sum of 2 r_i b_i >= at), doubled: 2 r_i are whole. */
static double exact_tail(const double *ranks, size_t n, double at)
{
    double p[EXACT_SUMS] = {1};
    size_t top = 0;
    for (size_t i = 0; i < n; i++) {
        size_t r = (size_t)(2 * ranks[i] + 0.5);
        for (size_t s = top + 1; s-- > 0;) {
            double half = p[s] / 2;
            p[s] = half;
            p[s + r] += half; /* s + r was zero or has been halved already */
        }
        top += r;
    }
    double tail = 0;
    for (size_t s = top + 1; s-- > 0 && (double)s >= at - 0.25;)
        tail += p[s];
    return tail;
}

double hpo_signed_rank_p(const double *d, size_t n, double *scratch)
{
    double *size = scratch, *ranks = scratch + n, *nonzero = scratch + 2 * n;
    size_t *order = (size_t *)(void *)(scratch + 3 * n);
    double t = 0, mean = 0, variance = 0;
    size_t m = 0;
    if (n == 0) return 1;
    for (size_t i = 0; i < n; i++)
        size[i] = fabs(d[i]);
    hpo_ranks(size, n, order, ranks);
    for (size_t i = 0; i < n; i++) {
        if (d[i] == 0) continue;
        t += d[i] > 0 ? ranks[i] : 0;
        mean += ranks[i] / 2;
        variance += ranks[i] * ranks[i] / 4;
        nonzero[m++] = ranks[i];
    }
    if (m == 0) return 1; /* T cannot be anything else */
    if (n <= EXACT) return exact_tail(nonzero, m, 2 * t);
    return hpo_normal_cdf((mean - t) / sqrt(variance));
}
