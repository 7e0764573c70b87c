/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/rung.c - see rung.h. */
#include "scheduler/rung.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/dist.h"
#include "math/func.h"
#include "math/rng.h"

/* ---- levels ---------------------------------------------------------------------------------------- */

/* Without a minimum above 0 the lowest rung is this power of eta below the maximum. */
static const double DEFAULT_DEPTH = 4;
static const double NEARLY = 1e-9; /* relative: what counts as the same resource */

static double rounded(const hpo_sched_problem *p, double r)
{
    return p->whole ? floor(r + 0.5) : r;
}

static void write_texts(hpo_levels *l)
{
    for (size_t k = 0; k < l->n; k++)
        (void)snprintf(l->text[k], sizeof l->text[k], "%.6g", l->at[k]);
}

hpo_status hpo_levels_init(hpo_levels *l, const hpo_sched_problem *p, double r_min, double eta,
                           hpo_error *err)
{
    *l = (hpo_levels){.eta = eta};
    double low = r_min > 0 ? r_min : p->low;
    if (!(low > 0)) low = p->high * hpo_pow(eta, -DEFAULT_DEPTH);
    if (r_min > 0 && (r_min < p->low || r_min > p->high))
        return hpo_fail(err, HPO_EINVAL, "min is %g: must lie within the fidelity, %g to %g", r_min, p->low,
                        p->high);
    if (p->whole && low < 1) low = 1;
    const double last = p->high / sqrt(eta) * (1 - NEARLY);
    for (double r = low; r <= last && l->n < HPO_MAX_LEVELS - 1; r *= eta) {
        double at = rounded(p, r);
        if (l->n == 0 || at > l->at[l->n - 1]) l->at[l->n++] = at;
    }
    l->at[l->n++] = p->high;
    write_texts(l);
    return HPO_OK;
}

void hpo_levels_open(hpo_levels *l, double r_min, double eta)
{
    *l = (hpo_levels){.eta = eta};
    for (double r = r_min; l->n < HPO_MAX_LEVELS && r < (double)INFINITY; r *= eta)
        l->at[l->n++] = r;
    write_texts(l);
}

int64_t hpo_levels_find(const hpo_levels *l, double r)
{
    int64_t k = (int64_t)l->n - 1;
    double reach = r + fabs(r) * NEARLY;
    while (k >= 0 && !(l->at[k] <= reach))
        k--;
    return k;
}

size_t hpo_levels_list(const void *state, double *out, size_t cap)
{
    const hpo_levels *l = state;
    for (size_t i = 0; i < l->n && i < cap; i++)
        out[i] = l->at[i];
    return l->n;
}

/* ---- rows ------------------------------------------------------------------------------------------ */

hpo_status hpo_sched_rows_need(hpo_sched_rows *t, int64_t trial, hpo_error *err)
{
    const double nan = (double)NAN;
    size_t need = (size_t)trial + 1;
    HPO_TRY(hpo_reserve(&t->row, &t->cap, need, sizeof *t->row, err));
    for (; t->n < need; t->n++)
        t->row[t->n] = (hpo_sched_row){
            .target = nan, .step = nan, .last = nan, .best = nan, .entry = nan, .level = -1, .bracket = -1};
    return HPO_OK;
}

int hpo_sched_rows_report(hpo_sched_row *row, const hpo_sched_report *r)
{
    row->cost += r->cost;
    if (row->step >= r->step) return 0;
    row->step = r->step;
    row->last = r->y[0];
    if (isnan(r->y[0])) return 1; /* of several objectives; nothing to compare */
    row->n++;
    row->since++;
    row->sum += r->y[0];
    if (!(row->best <= r->y[0])) {
        row->best = r->y[0];
        row->since = 0;
    }
    return 1;
}

void hpo_sched_rows_fini(hpo_sched_rows *t)
{
    hpo_free(t->row);
    *t = (hpo_sched_rows){0};
}

/* ---- rungs that trials are paused at -------------------------------------------------------------- */

hpo_status hpo_rungs_enter(hpo_rung *rungs, const hpo_levels *l, hpo_sched_row *row, int64_t trial,
                           hpo_error *err)
{
    int64_t level = hpo_levels_find(l, fmin(row->step, row->target));
    if (level <= row->level) return HPO_OK;
    row->level = (int32_t)level;
    row->entry = row->last;
    return hpo_ranking_add(&rungs[level].ranking, row->entry, trial, 0, 0, err);
}

static void set_open(hpo_rung *rungs, const hpo_sched_row *row, int64_t trial, int open)
{
    if (row->level >= 0) hpo_ranking_set_open(&rungs[row->level].ranking, row->entry, trial, open);
}

void hpo_rungs_start(hpo_rung *rungs, hpo_sched_row *row, int64_t trial, double resource)
{
    set_open(rungs, row, trial, 0);
    if (row->level >= 0) rungs[row->level].promoted += row->target < resource;
    row->target = resource;
    row->running = 1;
    row->paused = 0;
}

void hpo_rungs_tell(hpo_rung *rungs, hpo_sched_row *row, int64_t trial, int paused)
{
    set_open(rungs, row, trial, paused);
    row->running = 0;
    row->paused = paused;
}

int hpo_rungs_best(const hpo_rung *rungs, const hpo_levels *l, int all, hpo_ranked *out, size_t *level)
{
    for (size_t k = l->n - 1; k-- > 0;) {
        const hpo_ranking *r = &rungs[k].ranking;
        if (!hpo_ranking_first_open(r, out) || isnan(out->value)) continue;
        if (!all && out->rank >= hpo_rung_share(hpo_ranking_size(r), l->eta)) continue;
        *level = k;
        return 1;
    }
    return 0;
}

void hpo_rung_promote(const hpo_rung *rung, const hpo_levels *l, const hpo_ranked *e, size_t from, size_t to,
                      hpo_action *out)
{
    out->kind = HPO_ACT_RESUME;
    out->trial = e->trial;
    out->resource = l->at[to];
    (void)snprintf(out->reason, sizeof out->reason, "rank %zu of %zu at rung %s: goes on to %s", e->rank + 1,
                   hpo_ranking_size(&rung->ranking), l->text[from], l->text[to]);
}

void hpo_rungs_free(hpo_rung *rungs, size_t n)
{
    for (size_t i = 0; rungs != NULL && i < n; i++)
        hpo_ranking_fini(&rungs[i].ranking);
    hpo_free(rungs);
}

/* ---- sizes ------------------------------------------------------------------------------------------ */

size_t hpo_rung_share(size_t n, double eta)
{
    return (size_t)floor((double)n / eta * (1 + NEARLY));
}

/* Newton's steps for an increasing function, halving where they leave the bracket. */
double hpo_rung_threshold(const double *mean, const double *sd, size_t n, double expected)
{
    enum { STEPS = 100 };
    static const double FAR = 40, CLOSE = 1e-10, PER_SQRT_2PI = 0.39894228040143267794;
    double low = (double)INFINITY, high = -(double)INFINITY;
    if (!(expected > 0)) return -(double)INFINITY;
    if (!(expected < (double)n)) return (double)INFINITY;
    for (size_t j = 0; j < n; j++) {
        low = fmin(low, mean[j] - FAR * sd[j]);
        high = fmax(high, mean[j] + FAR * sd[j]);
    }
    double t = low + (high - low) * (expected / (double)n);
    for (int step = 0; step < STEPS; step++) {
        double below = 0, slope = 0;
        for (size_t j = 0; j < n; j++) {
            double z = (t - mean[j]) / sd[j];
            below += hpo_normal_cdf(z);
            slope += PER_SQRT_2PI * hpo_exp(-z * z / 2) / sd[j];
        }
        if (fabs(below - expected) <= CLOSE) break;
        if (below < expected)
            low = t;
        else
            high = t;
        t -= (below - expected) / slope;
        if (!(t > low && t < high)) t = low + (high - low) / 2;
        if (!(t > low && t < high)) break; /* nothing lies between */
    }
    return t;
}

size_t hpo_hyperband_size(size_t n_levels, size_t s, double eta, int table)
{
    double brackets = (double)n_levels, power = hpo_pow(eta, (double)s);
    double n = table ? floor(brackets / ((double)s + 1)) * power : brackets / ((double)s + 1) * power;
    return (size_t)(table ? floor(n * (1 + NEARLY)) : ceil(n * (1 - NEARLY)));
}

size_t hpo_bracket_due(const double *spent, const hpo_levels *l, size_t n)
{
    double total = 0;
    for (size_t b = 0; b < n; b++)
        total += spent[b];
    for (size_t b = n; b-- > 1;)
        if ((spent[b] + l->at[b]) * (double)n <= total) return b;
    return 0;
}

size_t hpo_bracket_draw(uint64_t seed, int64_t number, size_t n_brackets, size_t n_sizes, double eta)
{
    double total = 0;
    hpo_rng rng;
    for (size_t b = 0; b < n_brackets; b++)
        total += (double)hpo_hyperband_size(n_sizes, n_sizes - 1 - b, eta, 0);
    hpo_rng_init(&rng, seed, (uint64_t)number, HPO_RNG_SCHEDULER);
    double u = hpo_rng_uniform(&rng) * total;
    for (size_t b = 0; b + 1 < n_brackets; b++) {
        u -= (double)hpo_hyperband_size(n_sizes, n_sizes - 1 - b, eta, 0);
        if (u < 0) return b;
    }
    return n_brackets - 1;
}

/* ---- for people -------------------------------------------------------------------------------------- */

const char *hpo_resource_text(double r, char buf[32])
{
    (void)hpo_say_real(buf, r);
    return buf;
}

char *hpo_say(char *at, const char *text)
{
    size_t n = strlen(text);
    memcpy(at, text, n + 1);
    return at + n;
}

char *hpo_say_count(char *at, size_t n)
{
    char digits[24];
    size_t k = sizeof digits - 1;
    digits[k] = '\0';
    do
        digits[--k] = (char)('0' + n % 10);
    while ((n /= 10) > 0);
    return hpo_say(at, digits + k);
}

/* Six significant digits of what lies in [1e-4, 1e6), where %.6g needs no exponent: v 10^k is rounded to a
 * whole number, of which the last k digits stand behind the point.  (A value that lies within an ulp of the
 * middle between two texts may get the other one.) */
char *hpo_say_real(char *at, double v)
{
    double a = fabs(v), scaled = a;
    int k = 0;
    if (!(a >= 1e-4 && a < 999999)) return at + snprintf(at, 32, "%.6g", v);
    for (; scaled < 1e5; k++)
        scaled *= 10;
    uint64_t n = (uint64_t)(scaled + 0.5), unit = 1;
    for (; k > 0 && n % 10 == 0; k--)
        n /= 10;
    for (int i = 0; i < k; i++)
        unit *= 10;
    if (v < 0) *at++ = '-';
    at = hpo_say_count(at, (size_t)(n / unit));
    if (k == 0) return at;
    *at++ = '.';
    for (n %= unit, unit /= 10; unit > 0; n %= unit, unit /= 10)
        *at++ = (char)('0' + n / unit);
    *at = '\0';
    return at;
}

char *hpo_rung_say(char *at, size_t rank, size_t n, const char *rung)
{
    at = hpo_say_count(hpo_say(at, "rank "), rank);
    at = hpo_say_count(hpo_say(at, " of "), n);
    return hpo_say(hpo_say(at, " at rung "), rung);
}

void hpo_rung_describe(hpo_str *s, int64_t bracket, double resource, const hpo_ranking *r, size_t promoted)
{
    hpo_ranked best;
    hpo_str_addf(s, "%s{\"bracket\":%lld,\"resource\":", s->len > 0 && s->text[s->len - 1] == '}' ? "," : "",
                 (long long)bracket);
    hpo_str_json_double(s, resource);
    hpo_str_addf(s, ",\"size\":%zu,\"promoted\":%zu,\"best\":", hpo_ranking_size(r), promoted);
    if (hpo_ranking_at(r, 0, &best)) {
        hpo_str_json_double(s, best.value);
        hpo_str_addf(s, ",\"best_trial\":%lld}", (long long)best.trial);
    } else {
        hpo_str_add(s, "null,\"best_trial\":null}");
    }
}

hpo_status hpo_rungs_describe(const hpo_rung *rungs, const hpo_levels *l, char *buf, size_t cap,
                              size_t *n_out, hpo_error *err)
{
    hpo_str o = {0};
    hpo_str_add(&o, "{\"rungs\":[");
    for (size_t k = 0; k < l->n; k++)
        hpo_rung_describe(&o, 0, l->at[k], &rungs[k].ranking, rungs[k].promoted);
    hpo_str_add(&o, "]}");
    return hpo_sched_describe_end(&o, buf, cap, n_out, err);
}

hpo_status hpo_sched_describe_end(hpo_str *s, char *buf, size_t cap, size_t *n_out, hpo_error *err)
{
    hpo_status status = s->failed ? hpo_fail_memory(err) : HPO_OK;
    *n_out = s->len;
    if (status == HPO_OK) memcpy(buf, s->text, s->len < cap ? s->len : cap);
    hpo_str_fini(s);
    return status;
}
