/* SPDX-License-Identifier: Apache-2.0 */
/* cli/bench_models.c - the part of `hpo bench overhead` that measures samplers which learn: what one ask and
 * tell costs in a study of n finished trials.
 *
 * The n trials are random configurations with the value sum (u_j - 0.3)^2 over the active coordinates, put in
 * as enqueued ones, so that filling costs the same for every sampler.  A few suggestions are then made
 * untimed: the first one reads all n trials.  Then every ask with its tell is timed by itself (processor
 * time: what others do meanwhile is left out, but for their use of the caches), but no more than an eighth of
 * n in one study: a study that grows would not be one of n trials. Studies are begun until there are enough
 * samples. */
#include <string.h>

#include "bench.h"
#include "hpo/sampler.h"

enum { WARM = 3, LEAST = 15, MOST = 301, MAX_DIMS = 64, MAX_COLUMNS = 64 };

static const double LONG_ENOUGH = 2e9; /* nanoseconds */

static const char f10[] =
    "a: 0..1; b: 0..1; c: 0..1; d: 0..1; e: 0..1; f: 0..1; g: 0..1; h: 0..1; i: 0..1; j: 0..1";
static const char f20[] = "a: 0..1; b: 0..1; c: 0..1; d: 0..1; e: 0..1; f: 0..1; g: 0..1; h: 0..1; i: 0..1; "
                          "j: 0..1; k: 0..1; l: 0..1; "
                          "m: 0..1; n: 0..1; o: 0..1; p: 0..1; q: 0..1; r: 0..1; s: 0..1; t: 0..1";

/* Budgets in microseconds for 50, 200, 1000 and 5000 trials; 0: none; n_most: not with more trials. */
static const struct row {
    const char *name, *space, *sampler;
    double budget[4];
    int64_t n_most;
} rows[] = {
    {"tpe/f5", bench_space_f5, "tpe", {0, 0, 20, 60}, 5000},
    {"tpe/f10", f10, "tpe", {0, 0, 1000, 0}, 5000},
    {"tpe/f20", f20, "tpe", {0, 0, 100, 0}, 5000},
    {"tpe/mixed", bench_space_mixed20, "tpe", {0, 0, 100, 0}, 5000},
    {"gp/f5", bench_space_f5, "gp", {1000, 10000, 60000, 0}, 5000},
    {"gp/f10", f10, "gp", {1000, 10000, 60000, 0}, 5000},
    {"gp/mixed", bench_space_mixed20, "gp", {0, 0, 0, 0}, 1000},
    {"forest/f5", bench_space_f5, "forest", {0, 0, 5000, 0}, 5000},
    {"forest/mixed", bench_space_mixed20, "forest", {0, 0, 5000, 0}, 5000},
    {"cqr/mixed", bench_space_mixed20, "cqr", {0, 0, 0, 0}, 1000},
    {"bore/mixed", bench_space_mixed20, "bore", {0, 0, 0, 0}, 5000},
    {"dngo/f10", f10, "dngo", {0, 0, 0, 0}, 5000},
    {"additive/f10", f10, "additive", {0, 0, 0, 0}, 1000},
    {"auto/f5", bench_space_f5, "auto", {0, 0, 0, 0}, 1000},
    {"auto/mixed", bench_space_mixed20, "auto", {0, 0, 0, 0}, 1000},
    {"tpe-optuna5/f5", bench_space_f5, "tpe:mode=optuna5", {0, 0, 0, 0}, 1000},
};
static const int64_t counts[] = {50, 200, 1000, 5000};
/* For one number of trials, n_most, with the first budget. */
static const struct row single[] = {
    {"gp/f10", f10, "gp", {3000}, 100},
    {"gp/f20", f20, "gp", {20000}, 250},
};

static double value_of(const hpo_space *space, const double *x)
{
    double u[MAX_DIMS], sum = 0;
    hpo_space_encode(space, x, u);
    for (size_t j = 0; j < hpo_space_n_dims(space); j++)
        if (!isnan(u[j])) sum += (u[j] - 0.3) * (u[j] - 0.3);
    return sum;
}

static hpo_status one(hpo_study *s, const hpo_space *space, double *ns, hpo_error *err)
{
    hpo_trial *t = NULL;
    double start = bench_cpu();
    hpo_status rc = hpo_study_ask(s, &t, err);
    if (rc != HPO_OK) return rc;
    double asked = bench_cpu(), value = value_of(space, hpo_trial_x(t)), again = bench_cpu();
    rc = hpo_study_tell_value(s, t, value, err);
    *ns = bench_cpu() - again + asked - start;
    hpo_trial_free(t);
    return rc;
}

static hpo_status fill(hpo_study *s, const hpo_space *space, int64_t n, hpo_error *err)
{
    double x[MAX_COLUMNS], ns;
    for (int64_t i = 0; i < n; i++) {
        char *text = NULL;
        int64_t number;
        hpo_status rc = hpo_space_sample(space, (uint64_t)i, 1, x, err);
        if (rc == HPO_OK) rc = hpo_space_config_to_json(space, x, &text, err);
        if (rc == HPO_OK) rc = hpo_study_enqueue(s, text, &number, err);
        hpo_free(text);
        if (rc == HPO_OK) rc = one(s, space, &ns, err);
        if (rc != HPO_OK) return rc;
    }
    return HPO_OK;
}

/* One study of n trials, and up to `most` suggestions for it. */
static hpo_status round_of(const struct row *r, int64_t n, size_t most, double *samples, size_t *taken,
                           double *total, hpo_error *err)
{
    double ns;
    hpo_study *s = NULL;
    hpo_status rc = bench_study(NULL, r->space, r->sampler, &s, err);
    const hpo_space *space = rc == HPO_OK ? hpo_study_space(s) : NULL;
    if (rc == HPO_OK) rc = fill(s, space, n, err);
    for (size_t i = 0; i < WARM && rc == HPO_OK; i++)
        rc = one(s, space, &ns, err);
    for (size_t i = 0; i < most && *taken < MOST && rc == HPO_OK; i++) {
        rc = one(s, space, &samples[*taken], err);
        *total += samples[(*taken)++];
        if (*taken >= LEAST && *total >= LONG_ENOUGH) break;
    }
    hpo_study_free(s);
    return rc;
}

static void measure(bench *b, const struct row *r, int64_t trials, double budget)
{
    double samples[MOST], total = 0;
    size_t n = 0, most = trials / 8 > LEAST ? (size_t)trials / 8 : LEAST;
    hpo_error err = {HPO_OK, ""};
    hpo_status rc = HPO_OK;
    if (trials > r->n_most || !bench_wanted(b, r->name, trials)) return;
    while (rc == HPO_OK && n < MOST && (n < LEAST || total < LONG_ENOUGH))
        rc = round_of(r, trials, most, samples, &n, &total, &err);
    if (rc != HPO_OK) {
        bench_fail(b, r->name, &err);
        return;
    }
    bench_line l = {.name = r->name,
                    .n = trials,
                    .unit = "ns_per_op",
                    .reference = budget > 0 ? 1000 * budget : BENCH_NONE};
    bench_summary(samples, n, &l.value, &l.best);
    double clock = 2 * bench_cpu_cost();
    l.value = fmax(0, l.value - clock);
    l.best = fmax(0, l.best - clock);
    bench_print(b, &l);
}

void bench_models(bench *b)
{
    for (size_t i = 0; i < CLI_COUNT(rows); i++)
        for (size_t k = 0; k < CLI_COUNT(counts); k++)
            measure(b, &rows[i], counts[k], rows[i].budget[k]);
    for (size_t i = 0; i < CLI_COUNT(single); i++)
        measure(b, &single[i], single[i].n_most, single[i].budget[0]);
}
