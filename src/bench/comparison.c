/* SPDX-License-Identifier: Apache-2.0 */
/* bench/comparison.c - reads stored runs into contests: which methods met where, and their regret over time.
 *
 * One pass over the rows turns each run into a step curve of plain values (a step only where the value
 * changes), then each contest gets its scale and the curves become normalised regrets. */
#include "bench/comparison.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "bench/front.h"
#include "math/stats.h"

hpo_comparison_options hpo_comparison_options_init(void)
{
    return (hpo_comparison_options){.alpha = 0.05, .level = 0.95, .rounds = 1000, .seed = 1, .points = 60};
}

void *hpo_comparison_room(hpo_comparison *c, size_t n, size_t size)
{
    void *p = hpo_arena_alloc(&c->memory, n > 0 ? n : 1, size);
    if (p != NULL) memset(p, 0, (n > 0 ? n : 1) * size);
    return p;
}

/* ---- who met where ---------------------------------------------------------------------------------- */

typedef struct builder {
    hpo_comparison *c;
    const hpo_comparison_source *source;
    const hpo_problem_info **problem_of; /* by run; NULL: not wanted */
    size_t *contest_of, *method_of;      /* by run */
    double **decisions;                  /* by method, growing */
    size_t *n_decisions, *cap_decisions;
} builder;

static int suite_bit(const char *word, uint32_t *bit)
{
    static const char *const words[] = {
#define SUITE_WORD(name, text) text,
        HPO_SUITE_LIST(SUITE_WORD)
#undef SUITE_WORD
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i], word) == 0) {
            *bit = (uint32_t)1 << i;
            return 1;
        }
    return 0;
}

static const hpo_problem_info *find_problem(const hpo_comparison_source *s, const char *name)
{
    for (size_t i = 0; i < s->n_problems; i++)
        if (strcmp(s->problems[i].name, name) == 0) return &s->problems[i];
    return NULL;
}

static hpo_status choose_runs(builder *b, hpo_error *err)
{
    const hpo_comparison_source *s = b->source;
    const char *suite = b->c->options.suite;
    uint32_t bit = 0;
    if (suite != NULL && !suite_bit(suite, &bit))
        return hpo_fail(err, HPO_EINVAL, "suite '%s' does not exist: `hpo bench problems` lists them", suite);
    const hpo_problem_info *p = NULL;
    for (size_t i = 0; i < s->n_runs; i++) {
        const hpo_run_info *r = &s->runs[i];
        if (p == NULL || strcmp(p->name, r->key.problem) != 0) p = find_problem(s, r->key.problem);
        if (p == NULL)
            return hpo_fail(err, HPO_ECORRUPT, "a run names the problem '%s', which is not recorded",
                            r->key.problem);
        if (suite != NULL && (p->suites & bit) == 0 && strcmp(r->suite, suite) != 0) continue;
        b->problem_of[i] = p;
        b->c->n_runs++;
        if (r->error != NULL) b->c->n_failures++;
    }
    if (b->c->n_runs == 0 && suite != NULL)
        return hpo_fail(err, HPO_ENOTFOUND, "no run of the suite '%s' is stored: leave --suite out or run it",
                        suite);
    if (b->c->n_runs == 0)
        return hpo_fail(err, HPO_ENOTFOUND, "no run is stored yet: `hpo bench run` makes some");
    return HPO_OK;
}

static size_t add_contest(hpo_comparison *c, const hpo_run_info *r, const hpo_problem_info *p)
{
    for (size_t i = c->n_contests; i-- > 0;) { /* runs come by problem: mostly the last one */
        const hpo_contest *x = &c->contests[i];
        if (x->problem == p && x->budget == r->key.budget && x->workers == r->key.workers &&
            x->charged == r->key.charged)
            return i;
    }
    c->contests[c->n_contests] = (hpo_contest){
        .problem = p, .budget = r->key.budget, .workers = r->key.workers, .charged = r->key.charged};
    return c->n_contests++;
}

static size_t add_method(hpo_comparison *c, const char *name)
{
    for (size_t i = 0; i < c->n_methods; i++)
        if (strcmp(c->methods[i].name, name) == 0) return i;
    c->methods[c->n_methods].name = name;
    return c->n_methods++;
}

/* Inserts into an ascending list without doubles. */
static void add_seed(uint64_t *seeds, size_t *n, uint64_t seed)
{
    size_t i = *n;
    while (i > 0 && seeds[i - 1] > seed)
        i--;
    if (i > 0 && seeds[i - 1] == seed) return;
    memmove(seeds + i + 1, seeds + i, (*n - i) * sizeof *seeds);
    seeds[i] = seed;
    ++*n;
}

static hpo_status list_seeds(builder *b, hpo_error *err)
{
    hpo_comparison *c = b->c;
    size_t n = b->source->n_runs;
    size_t *count = hpo_comparison_room(c, c->n_contests, sizeof *count);
    if (count == NULL) return hpo_fail_memory(err);
    for (size_t i = 0; i < n; i++)
        if (b->problem_of[i] != NULL) count[b->contest_of[i]]++;
    for (size_t k = 0; k < c->n_contests; k++) {
        uint64_t *seeds = hpo_comparison_room(c, count[k] + 1, sizeof *seeds);
        if (seeds == NULL) return hpo_fail_memory(err);
        for (size_t i = 0; i < n; i++)
            if (b->problem_of[i] != NULL && b->contest_of[i] == k)
                add_seed(seeds, &c->contests[k].n_seeds, b->source->runs[i].key.seed);
        c->contests[k].seeds = seeds;
    }
    return HPO_OK;
}

static size_t seed_index(const hpo_contest *k, uint64_t seed)
{
    size_t i = 0;
    while (k->seeds[i] != seed)
        i++;
    return i;
}

/* The problem's name, and budget, workers, charging where several contests are on the same problem. */
static hpo_status label_contests(hpo_comparison *c, hpo_error *err)
{
    for (size_t i = 0; i < c->n_contests; i++) {
        hpo_contest *k = &c->contests[i];
        int budgets = 0, workers = 0, charged = 0;
        for (size_t j = 0; j < c->n_contests; j++) {
            const hpo_contest *o = &c->contests[j];
            if (o->problem != k->problem) continue;
            budgets |= o->budget != k->budget;
            workers |= o->workers != k->workers;
            charged |= o->charged != k->charged;
        }
        hpo_str s = {0};
        hpo_str_add(&s, k->problem->name);
        if (budgets) hpo_str_addf(&s, " budget %.6g", k->budget);
        if (workers) hpo_str_addf(&s, " workers %d", (int)k->workers);
        if (charged) hpo_str_add(&s, k->charged ? " charged" : " free");
        char *label = s.failed ? NULL : hpo_comparison_room(c, s.len + 1, 1);
        if (label != NULL) memcpy(label, s.text, s.len + 1);
        hpo_str_fini(&s);
        if (label == NULL) return hpo_fail_memory(err);
        k->label = label;
    }
    return HPO_OK;
}

static hpo_status arrange(builder *b, hpo_error *err)
{
    hpo_comparison *c = b->c;
    size_t n = b->source->n_runs;
    c->contests = hpo_comparison_room(c, n, sizeof *c->contests);
    c->methods = hpo_comparison_room(c, n, sizeof *c->methods);
    c->failures = hpo_comparison_room(c, c->n_failures, sizeof *c->failures);
    if (c->contests == NULL || c->methods == NULL || c->failures == NULL) return hpo_fail_memory(err);
    size_t failures = 0;
    for (size_t i = 0; i < n; i++) {
        const hpo_run_info *r = &b->source->runs[i];
        if (b->problem_of[i] == NULL) continue;
        b->contest_of[i] = add_contest(c, r, b->problem_of[i]);
        b->method_of[i] = add_method(c, r->key.method);
        if (r->error != NULL) c->failures[failures++] = r;
    }
    HPO_TRY(list_seeds(b, err));
    HPO_TRY(label_contests(c, err));
    for (size_t k = 0; k < c->n_contests; k++) {
        hpo_contest *x = &c->contests[k];
        x->entries = hpo_comparison_room(c, c->n_methods, sizeof *x->entries);
        if (x->entries == NULL) return hpo_fail_memory(err);
        for (size_t m = 0; m < c->n_methods; m++) {
            x->entries[m].runs = hpo_comparison_room(c, x->n_seeds, sizeof *x->entries[m].runs);
            if (x->entries[m].runs == NULL) return hpo_fail_memory(err);
        }
    }
    return HPO_OK;
}

/* ---- one run ------------------------------------------------------------------------------------------ */

static int is_feasible(const double *outcome, size_t k)
{
    for (size_t i = 0; i < k; i++)
        if (!(outcome[i] <= 0)) return 0;
    return 1;
}

static double recommended_value(const hpo_run_rows *r, size_t i)
{
    if (r->recommended[i] < 0 || isnan(r->recommended_y[i])) return (double)INFINITY;
    if (r->k > 0 && !is_feasible(r->recommended_outcome + i * r->k, r->k)) return (double)INFINITY;
    return r->recommended_y[i];
}

/* Minus the hypervolume after each row. */
static hpo_status front_values(const hpo_problem_info *p, const hpo_run_rows *r, double *value,
                               hpo_error *err)
{
    hpo_front front = {.m = r->m, .reference = p->reference_point};
    hpo_status rc = HPO_OK;
    for (size_t i = 0; i < r->n && rc == HPO_OK; i++) {
        const double *y = r->y + i * r->m;
        int counts = !(r->resource[i] < p->full_resource * (1 - 1e-9)); /* true without a fidelity */
        for (size_t j = 0; j < r->m; j++)
            counts = counts && !isnan(y[j]);
        if (counts && is_feasible(r->outcome + i * r->k, r->k)) rc = hpo_front_add(&front, y, err);
        value[i] = -front.hypervolume;
    }
    hpo_front_fini(&front);
    return rc;
}

/* Steps where the value changes. */
static hpo_status make_steps(hpo_comparison *c, const hpo_run_rows *r, const double *value, const double *at,
                             hpo_stairs *out, hpo_error *err)
{
    size_t n = 0;
    double last = (double)INFINITY;
    for (size_t i = 0; i < r->n; i++) {
        n += value[i] != last ? 1 : 0;
        last = value[i];
    }
    double *when = hpo_comparison_room(c, 2 * n, sizeof *when);
    if (when == NULL) return hpo_fail_memory(err);
    double *what = when + n;
    *out = (hpo_stairs){n, when, what};
    last = (double)INFINITY;
    n = 0;
    for (size_t i = 0; i < r->n; i++) {
        if (value[i] == last) continue;
        when[n] = at[i];
        what[n++] = last = value[i];
    }
    return HPO_OK;
}

static hpo_status add_decisions(builder *b, size_t m, const hpo_run_rows *r, hpo_error *err)
{
    HPO_TRY(
        hpo_reserve(&b->decisions[m], &b->cap_decisions[m], b->n_decisions[m] + r->n, sizeof(double), err));
    for (size_t i = 0; i < r->n; i++)
        if (!isnan(r->decision[i])) b->decisions[m][b->n_decisions[m]++] = r->decision[i];
    return HPO_OK;
}

static hpo_status read_run(builder *b, size_t i, hpo_error *err)
{
    hpo_comparison *c = b->c;
    const hpo_run_info *info = &b->source->runs[i];
    hpo_contest *k = &c->contests[b->contest_of[i]];
    hpo_standing *m = &c->methods[b->method_of[i]];
    hpo_entry *e = &k->entries[b->method_of[i]];
    hpo_contender_run *run = &e->runs[seed_index(k, info->key.seed)];
    hpo_run_rows *rows = NULL;
    double *value = NULL;
    hpo_status rc = b->source->rows(b->source->ctx, i, &rows, err);
    if (rc != HPO_OK) return rc;
    value = hpo_alloc_array(rows->n + 1, sizeof *value);
    if (value == NULL) {
        rc = hpo_fail_memory(err);
        goto done;
    }
    if (rows->m > 1) {
        rc = front_values(k->problem, rows, value, err);
        if (rc != HPO_OK) goto done;
    } else {
        for (size_t j = 0; j < rows->n; j++)
            value[j] = recommended_value(rows, j);
    }
    run->info = info;
    rc = make_steps(c, rows, value, rows->spent, &run->spent, err);
    if (rc == HPO_OK) rc = make_steps(c, rows, value, rows->time, &run->time, err);
    if (rc == HPO_OK) rc = add_decisions(b, b->method_of[i], rows, err);
    if (rc != HPO_OK) goto done;
    e->n_runs++;
    e->n_failed += info->error != NULL ? 1 : 0;
    m->n_runs++;
    m->n_failed += info->error != NULL ? 1 : 0;
    m->n_evaluations += info->n;
    if (!isnan(info->wall_seconds)) m->wall += info->wall_seconds;
    if (!isnan(info->virtual_seconds)) m->virtual_time += info->virtual_seconds;
done:
    hpo_free(value);
    hpo_free(rows);
    return rc;
}

static void sum_decisions(builder *b)
{
    for (size_t m = 0; m < b->c->n_methods; m++) {
        hpo_standing *s = &b->c->methods[m];
        size_t n = b->n_decisions[m];
        s->decision_total = hpo_sum(b->decisions[m], n);
        s->decision_mean = hpo_mean(b->decisions[m], n);
        s->decision_p50 = n > 0 ? hpo_quantile(b->decisions[m], n, 0.5) : (double)NAN;
        s->decision_p99 = n > 0 ? hpo_quantile(b->decisions[m], n, 0.99) : (double)NAN;
    }
}

/* ---- scale ------------------------------------------------------------------------------------------- */

/* Smallest finite value of all steps; infinite: none. */
static double smallest_value(const hpo_comparison *c, const hpo_contest *k)
{
    double best = (double)INFINITY;
    for (size_t m = 0; m < c->n_methods; m++)
        for (size_t s = 0; s < k->n_seeds; s++)
            for (size_t i = 0; i < k->entries[m].runs[s].spent.n; i++)
                best = fmin(best, k->entries[m].runs[s].spent.value[i]);
    return best;
}

/* Median over the runs of the first value. */
static hpo_status first_value(const hpo_comparison *c, const hpo_contest *k, double *out, hpo_error *err)
{
    double *v = hpo_alloc_array(c->n_methods * k->n_seeds, sizeof *v);
    size_t n = 0;
    if (v == NULL) return hpo_fail_memory(err);
    for (size_t m = 0; m < c->n_methods; m++)
        for (size_t s = 0; s < k->n_seeds; s++)
            if (k->entries[m].runs[s].spent.n > 0) v[n++] = k->entries[m].runs[s].spent.value[0];
    *out = n > 0 ? hpo_median(v, n) : (double)NAN;
    hpo_free(v);
    return HPO_OK;
}

static hpo_status find_scale(const hpo_comparison *c, hpo_contest *k, hpo_error *err)
{
    const hpo_problem_info *p = k->problem;
    int several = p->n_objectives > 1;
    double seen = smallest_value(c, k);
    k->best = several ? -p->best_hypervolume : p->best[0];
    k->typical = several ? 0 : p->typical; /* the hypervolume of nothing */
    k->best_known = !isnan(k->best);
    k->typical_known = !isnan(k->typical);
    if (!k->best_known) k->best = isinf(seen) ? 0 : seen;
    if (seen < k->best && (several || !p->best_is_exact)) {
        k->best = seen;
        k->best_beaten = 1;
    }
    if (!k->typical_known) HPO_TRY(first_value(c, k, &k->typical, err));
    if (!(k->typical - k->best > 0) || isinf(k->typical)) { /* a scale must have a length */
        k->typical = k->best + 1;
        k->typical_known = 0;
    }
    return HPO_OK;
}

static void normalise_steps(const hpo_contest *k, const hpo_stairs *s)
{
    double *v = (double *)(uintptr_t)s->value; /* ours, not const yet */
    for (size_t i = 0; i < s->n; i++)
        v[i] = isinf(v[i]) ? (double)INFINITY : fmax(0, (v[i] - k->best) / (k->typical - k->best));
}

static hpo_status set_scale(hpo_comparison *c, hpo_error *err)
{
    for (size_t i = 0; i < c->n_contests; i++) {
        hpo_contest *k = &c->contests[i];
        HPO_TRY(find_scale(c, k, err));
        for (size_t m = 0; m < c->n_methods; m++)
            for (size_t s = 0; s < k->n_seeds; s++) {
                normalise_steps(k, &k->entries[m].runs[s].spent);
                normalise_steps(k, &k->entries[m].runs[s].time);
            }
    }
    return HPO_OK;
}

/* ---- all together -------------------------------------------------------------------------------------- */

static hpo_status build(builder *b, hpo_error *err)
{
    hpo_comparison *c = b->c;
    size_t n = b->source->n_runs;
    b->problem_of = hpo_comparison_room(c, n, sizeof(void *));
    b->contest_of = hpo_comparison_room(c, n, sizeof(size_t));
    b->method_of = hpo_comparison_room(c, n, sizeof(size_t));
    if (b->problem_of == NULL || b->contest_of == NULL || b->method_of == NULL) return hpo_fail_memory(err);
    HPO_TRY(choose_runs(b, err));
    HPO_TRY(arrange(b, err));
    b->decisions = hpo_comparison_room(c, c->n_methods, sizeof(double *));
    b->n_decisions = hpo_comparison_room(c, 2 * c->n_methods, sizeof(size_t));
    if (b->decisions == NULL || b->n_decisions == NULL) return hpo_fail_memory(err);
    b->cap_decisions = b->n_decisions + c->n_methods;
    for (size_t i = 0; i < n; i++)
        if (b->problem_of[i] != NULL) HPO_TRY(read_run(b, i, err));
    sum_decisions(b);
    HPO_TRY(set_scale(c, err));
    return hpo_comparison_compute(c, err);
}

hpo_status hpo_comparison_create(const hpo_comparison_source *source, const hpo_comparison_options *options,
                                 hpo_comparison **out, hpo_error *err)
{
    *out = NULL;
    hpo_comparison *c = hpo_calloc(1, sizeof *c);
    if (c == NULL) return hpo_fail_memory(err);
    c->options = *options;
    builder b = {.c = c, .source = source};
    hpo_status rc = build(&b, err);
    if (b.decisions != NULL)
        for (size_t m = 0; m < c->n_methods; m++)
            hpo_free(b.decisions[m]);
    if (rc == HPO_OK)
        *out = c;
    else
        hpo_comparison_free(c);
    return rc;
}

typedef struct stored {
    hpo_results *r;
    const hpo_run_info *runs;
} stored;

static hpo_status stored_rows(void *ctx, size_t i, hpo_run_rows **out, hpo_error *err)
{
    const stored *s = ctx;
    return hpo_results_rows(s->r, s->runs[i].id, 0, out, err);
}

hpo_status hpo_comparison_load(hpo_results *r, const hpo_comparison_options *options, hpo_comparison **out,
                               hpo_error *err)
{
    hpo_problem_info *problems = NULL;
    hpo_run_info *runs = NULL;
    size_t n_problems = 0;
    size_t n_runs = 0;
    *out = NULL;
    hpo_status rc = hpo_results_problems(r, &problems, &n_problems, err);
    if (rc == HPO_OK) rc = hpo_results_runs(r, &runs, &n_runs, err);
    if (rc == HPO_OK) {
        stored s = {r, runs};
        hpo_comparison_source source = {problems, n_problems, runs, n_runs, stored_rows, &s};
        rc = hpo_comparison_create(&source, options, out, err);
    }
    if (rc != HPO_OK) {
        hpo_free(problems);
        hpo_free(runs);
        return rc;
    }
    (*out)->owned_problems = problems;
    (*out)->owned_runs = runs;
    return HPO_OK;
}

void hpo_comparison_free(hpo_comparison *c)
{
    if (c == NULL) return;
    hpo_arena_fini(&c->memory);
    hpo_free(c->owned_problems);
    hpo_free(c->owned_runs);
    hpo_free(c);
}
