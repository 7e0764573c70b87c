/* SPDX-License-Identifier: Apache-2.0 */
/* cli/bench_run.c - `hpo bench run` and `problems`: comparisons of methods. */
#include <errno.h>
#include <fnmatch.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/alloc.h"
#include "base/map.h"
#include "base/os.h"
#include "bench.h"
#include "bench/compare.h"

extern char **environ;

static const char DEFAULT_OUT[] = "hpo-bench";

/* An option, else a variable that is not empty. */
static const char *folder(const cli *c, const char *option, const char *variable)
{
    const char *set = getenv(variable);
    return cli_get(c, option, set != NULL && set[0] != '\0' ? set : NULL);
}

static const char *data_folder(const cli *c)
{
    return folder(c, "data", "HPO_BENCH_DATA");
}

/* ---- lists in options ------------------------------------------------------------------------------- */

/* Words of an option, each with its NUL, one after another in `text`. */
typedef struct word_list {
    hpo_str text;
    const char **words;
    size_t n;
} word_list;

static void word_list_free(word_list *l)
{
    hpo_str_fini(&l->text);
    hpo_free(l->words);
}

/* A piece behind a comma that begins with "key=" belongs to the method before it:
 * "sobol:scramble=shift,skip=1". */
static int is_method_option(const char *piece)
{
    size_t n = strcspn(piece, ",:+@/");
    return memchr(piece, '=', n) != NULL;
}

/* All values of the option, split at commas; `methods`: see is_method_option. */
static int read_words(cli *c, const char *option, int methods, word_list *l)
{
    size_t at = 0;
    for (const char *v; (v = cli_next(c, option, &at)) != NULL;) {
        while (*v != '\0') {
            size_t n = strcspn(v, ",");
            while (methods && v[n] == ',' && is_method_option(v + n + 1))
                n += 1 + strcspn(v + n + 1, ",");
            if (n > 0) {
                hpo_str_addn(&l->text, v, n);
                hpo_str_addc(&l->text, '\0');
                l->n++;
            }
            v += n + (v[n] == ',');
        }
    }
    l->words = hpo_alloc_array(l->n + 1, sizeof *l->words);
    if (l->text.failed || l->words == NULL) return cli_fail_memory();
    const char *p = l->text.text;
    for (size_t i = 0; i < l->n; i++, p += strlen(p) + 1)
        l->words[i] = p;
    return CLI_OK;
}

/* ---- the problems that were asked for --------------------------------------------------------------- */

typedef struct problem_list {
    hpo_problem **items;
    size_t n, cap;
} problem_list;

static void problem_list_free(problem_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        hpo_problem_free(l->items[i]);
    hpo_free(l->items);
}

static int add_problem(cli *c, const char *name, problem_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->items[i]->name, name) == 0) return CLI_OK;
    if (hpo_reserve(&l->items, &l->cap, l->n + 1, sizeof(hpo_problem *), &c->err) != HPO_OK)
        return cli_fail(c);
    if (hpo_problem_open(name, data_folder(c), &l->items[l->n], &c->err) != HPO_OK) return cli_fail(c);
    l->n++;
    return CLI_OK;
}

static int find_suite(cli *c, const char *word, hpo_suite *out)
{
    static const char *const WORDS[] = {
#define HPO_SUITE_WORD(name, word) word,
        HPO_SUITE_LIST(HPO_SUITE_WORD)
#undef HPO_SUITE_WORD
    };
    hpo_str all = {0};
    for (size_t i = 0; i < HPO_N_SUITES; i++) {
        if (strcmp(word, WORDS[i]) == 0) {
            *out = (hpo_suite)i;
            hpo_str_fini(&all);
            return CLI_OK;
        }
        hpo_str_addf(&all, "%s%s", i == 0 ? "" : ", ", WORDS[i]);
    }
    int rc =
        cli_usage_error(c, "--suite %s: there is no such suite: choose %s", word, all.failed ? "" : all.text);
    hpo_str_fini(&all);
    return rc;
}

/* Every problem of the suite (HPO_N_SUITES: of all) whose name fits the pattern. */
static int add_matching(cli *c, hpo_suite suite, const char *pattern, problem_list *l)
{
    char **names;
    size_t n;
    int rc = CLI_OK;
    if (hpo_problem_names(suite, data_folder(c), &names, &n, &c->err) != HPO_OK) return cli_fail(c);
    for (size_t i = 0; i < n && rc == CLI_OK; i++)
        if (pattern == NULL || fnmatch(pattern, names[i], 0) == 0) rc = add_problem(c, names[i], l);
    hpo_free(names);
    return rc;
}

static int add_suite(cli *c, const char *word, problem_list *l)
{
    hpo_suite suite = HPO_N_SUITES;
    size_t before = l->n;
    int rc = find_suite(c, word, &suite);
    if (rc == CLI_OK) rc = add_matching(c, suite, NULL, l);
    if (rc != CLI_OK || l->n > before) return rc;
    return cli_error("suite '%s' has no problem%s", word,
                     data_folder(c) == NULL ? ": its problems need --data DIR or HPO_BENCH_DATA" : "");
}

static int open_problems(cli *c, problem_list *l)
{
    word_list w = {0};
    int rc = read_words(c, "problems", 0, &w);
    const char *suite = cli_get(c, "suite", NULL);
    if (rc == CLI_OK && suite != NULL) rc = add_suite(c, suite, l);
    for (size_t i = 0; i < w.n && rc == CLI_OK; i++) {
        size_t before = l->n;
        if (strpbrk(w.words[i], "*?[") == NULL)
            rc = add_problem(c, w.words[i], l);
        else
            rc = add_matching(c, HPO_N_SUITES, w.words[i], l);
        if (rc == CLI_OK && l->n == before && strpbrk(w.words[i], "*?[") != NULL)
            rc = cli_error("--problems %s: no problem fits: see `hpo bench problems`", w.words[i]);
    }
    word_list_free(&w);
    return rc;
}

/* ---- hpo bench problems ------------------------------------------------------------------------------ */

static void add_suites(hpo_str *s, uint32_t bits, const char *before, const char *between, const char *after)
{
    static const char *const WORDS[] = {
#define HPO_SUITE_WORD(name, word) word,
        HPO_SUITE_LIST(HPO_SUITE_WORD)
#undef HPO_SUITE_WORD
    };
    int any = 0;
    for (size_t i = 0; i < HPO_N_SUITES; i++) {
        if (!(bits & 1u << i)) continue;
        hpo_str_addf(s, "%s%s%s%s", any ? between : "", before, WORDS[i], after);
        any = 1;
    }
}

static void add_member(hpo_str *s, const char *key, double v)
{
    hpo_str_addf(s, ",\"%s\":", key);
    hpo_str_json_double(s, v);
}

static int problem_json(cli *c, const hpo_problem *p)
{
    hpo_str s = {0};
    char *space;
    if (hpo_space_to_json(p->space, &space, &c->err) != HPO_OK) return cli_fail(c);
    hpo_str_add(&s, "{\"name\":");
    hpo_str_json(&s, p->name);
    hpo_str_add(&s, ",\"family\":");
    hpo_str_json(&s, p->family->name);
    hpo_str_add(&s, ",\"suites\":[");
    add_suites(&s, p->suites, "\"", ",", "\"");
    hpo_str_addf(&s,
                 "],\"parameters\":%zu,\"dimensions\":%zu,\"objectives\":%zu,\"outcomes\":%zu,\"noisy\":%s",
                 hpo_space_n_params(p->space), hpo_space_n_dims(p->space), p->n_objectives, p->n_outcomes,
                 p->noisy ? "true" : "false");
    add_member(&s, "min_resource", p->min_resource);
    add_member(&s, "full_resource", p->full_resource);
    add_member(&s, "best", p->n_objectives == 1 ? p->best[0] : (double)NAN);
    hpo_str_addf(&s, ",\"best_is_exact\":%s", p->best_is_exact ? "true" : "false");
    add_member(&s, "best_hypervolume", p->best_hypervolume);
    hpo_str_addf(&s, ",\"budget\":%lld,\"space\":%s}\n", (long long)p->budget, space);
    hpo_free(space);
    int rc = s.failed ? cli_fail_memory() : CLI_OK;
    if (rc == CLI_OK) fputs(s.text, stdout);
    hpo_str_fini(&s);
    return rc;
}

static void problem_row(cli_table *t, const hpo_problem *p)
{
    char buf[32], more[32], fidelity[80] = "-";
    hpo_str suites = {0};
    if (!isnan(p->full_resource))
        snprintf(fidelity, sizeof fidelity, "%s..%s", cli_number_text(p->min_resource, buf),
                 cli_number_text(p->full_resource, more));
    add_suites(&suites, p->suites, "", ",", "");
    cli_table_cell(t, p->name);
    cli_table_int(t, (int64_t)hpo_space_n_params(p->space));
    cli_table_int(t, (int64_t)hpo_space_n_dims(p->space));
    cli_table_cell(t, fidelity);
    cli_table_int(t, (int64_t)p->n_objectives);
    cli_table_int(t, (int64_t)p->n_outcomes);
    cli_table_cell(t, p->noisy ? "yes" : "no");
    cli_table_int(t, p->budget);
    cli_table_number(t, p->n_objectives == 1 ? p->best[0] : p->best_hypervolume);
    cli_table_cell(t, suites.text);
    hpo_str_fini(&suites);
}

int bench_problems(cli *c)
{
    static const char *const HEADS[] = {"problem",  "params", "dims",   "fidelity", "objectives",
                                        "outcomes", "noise",  "budget", "best",     "suites"};
    problem_list l = {0};
    cli_table *t = NULL;
    int rc = cli_expect_args(c, 1, 1);
    if (rc == CLI_OK && cli_get(c, "suite", NULL) == NULL && cli_get(c, "problems", NULL) == NULL)
        rc = add_matching(c, HPO_N_SUITES, NULL, &l);
    else if (rc == CLI_OK)
        rc = open_problems(c, &l);
    if (rc == CLI_OK && !cli_has(c, "json")) {
        t = cli_table_new(CLI_COUNT(HEADS), HEADS);
        if (t == NULL) rc = cli_fail_memory();
    }
    for (size_t i = 0; i < l.n && rc == CLI_OK; i++) {
        if (t == NULL)
            rc = problem_json(c, l.items[i]);
        else
            problem_row(t, l.items[i]);
    }
    if (t != NULL && rc == CLI_OK) rc = cli_table_print(c, t, stdout);
    problem_list_free(&l);
    return rc;
}

/* ---- progress and interruption ------------------------------------------------------------------------ */

static atomic_int interrupted;

static void on_signal(int sig)
{
    (void)sig;
    atomic_store(&interrupted, 1); /* the handler is gone then: a second signal ends the program at once */
}

static void watch_signals(void)
{
    struct sigaction a;
    memset(&a, 0, sizeof a);
    a.sa_handler = on_signal;
    a.sa_flags = (int)SA_RESETHAND;
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
    sigaction(SIGHUP, &a, NULL);
}

enum { MAX_SHOWN = 32 };

typedef struct run_progress {
    cli *c;
    int64_t drawn_at; /* ns */
    int drawn;
    uint64_t shown[MAX_SHOWN]; /* hashes of errors that were shown; the same one is not shown twice */
    size_t n_shown;
} run_progress;

/* Errors that differ in nothing but the seed are one: all are stored, the first is shown. */
static void show_error(run_progress *r, const hpo_compare_progress *p)
{
    uint64_t h = hpo_hash_bytes(p->method, strlen(p->method), 0);
    h = hpo_hash_bytes(p->error, strlen(p->error), h);
    for (size_t i = 0; i < r->n_shown; i++)
        if (r->shown[i] == h) return;
    if (r->n_shown == MAX_SHOWN) return;
    r->shown[r->n_shown++] = h;
    if (r->drawn) fputs("\r\033[K", stderr);
    cli_note("%s on %s, seed %llu: %s", p->method, p->problem, (unsigned long long)p->seed, p->error);
}

static void show_progress(void *ctx, const hpo_compare_progress *p)
{
    run_progress *r = ctx;
    int64_t now = hpo_os_monotonic_ns(), ended = p->done + p->skipped;
    char left[32];
    if (p->error != NULL) show_error(r, p);
    if (!r->c->tty_err || (r->drawn && now - r->drawn_at < 100000000 && p->error == NULL)) return;
    r->drawn_at = now;
    r->drawn = 1;
    if (p->problem == NULL) {
        fputs("\r\033[Kpreparing the problems", stderr);
    } else {
        double rest = p->done > 0 ? p->seconds * (double)(p->total - ended) / (double)p->done : (double)NAN;
        fprintf(stderr, "\r\033[K%lld of %lld run%s, %lld failed, %s left, %s on %.40s", (long long)ended,
                (long long)p->total, hpo_plural(p->total), (long long)p->failed,
                isnan(rest) ? "?" : cli_duration_text(rest, left), p->method, p->problem);
    }
    fflush(stderr);
}

/* ---- hpo bench run ---- */

typedef struct run_numbers {
    double *budgets;
    int32_t *workers;
} run_numbers;

static int read_numbers(cli *c, const char *option, double max, double **out, size_t *n)
{
    word_list w = {0};
    int rc = read_words(c, option, 0, &w);
    *out = NULL;
    *n = 0;
    if (rc == CLI_OK && w.n > 0) {
        *out = hpo_alloc_array(w.n, sizeof **out);
        if (*out == NULL) rc = cli_fail_memory();
    }
    for (size_t i = 0; i < w.n && rc == CLI_OK && *out != NULL; i++) {
        if (!hpo_parse_double(w.words[i], &(*out)[i]) || !((*out)[i] >= 1 && (*out)[i] <= max))
            rc = cli_usage_error(c, "--%s %s: must be numbers in 1..%g, separated by commas", option,
                                 w.words[i], max);
    }
    *n = w.n;
    word_list_free(&w);
    return rc;
}

static int read_plan(cli *c, hpo_compare_plan *p, run_numbers *numbers)
{
    double *workers = NULL;
    int64_t threads = 0;
    p->n_seeds = 10;
    int rc = cli_get_int(c, "seeds", 1, 1000000, &p->n_seeds);
    if (rc == CLI_OK) rc = cli_get_int(c, "first-seed", 0, INT64_MAX / 2, &p->first_seed);
    if (rc == CLI_OK) rc = cli_get_int(c, "jobs", 1, 1024, &threads);
    if (rc == CLI_OK) rc = cli_get_duration(c, "timeout", &p->run_timeout);
    if (rc == CLI_OK) rc = cli_get_duration(c, "answer-timeout", &p->call_timeout);
    if (rc == CLI_OK) rc = cli_get_double(c, "failure-rate", &p->failure_rate);
    if (rc == CLI_OK) rc = cli_get_double(c, "preemption-rate", &p->preemption_rate);
    if (rc == CLI_OK) rc = cli_get_double(c, "straggler-rate", &p->straggler_rate);
    p->straggler_factor = 5;
    if (rc == CLI_OK) rc = cli_get_double(c, "straggler-factor", &p->straggler_factor);
    if (rc == CLI_OK) rc = read_numbers(c, "budget", 1e9, &numbers->budgets, &p->n_budgets);
    if (rc == CLI_OK) rc = read_numbers(c, "workers", 1e5, &workers, &p->n_workers);
    if (rc == CLI_OK && p->n_workers > 0) {
        numbers->workers = hpo_alloc_array(p->n_workers, sizeof *numbers->workers);
        if (numbers->workers == NULL) rc = cli_fail_memory();
        for (size_t i = 0; i < p->n_workers && numbers->workers != NULL; i++)
            numbers->workers[i] = (int32_t)workers[i];
    }
    hpo_free(workers);
    const struct {
        const char *name;
        double value;
    } rates[] = {{"failure-rate", p->failure_rate},
                 {"preemption-rate", p->preemption_rate},
                 {"straggler-rate", p->straggler_rate}};
    for (size_t i = 0; i < CLI_COUNT(rates) && rc == CLI_OK; i++)
        if (!(rates[i].value >= 0 && rates[i].value <= 1))
            rc = cli_usage_error(c, "--%s %g: must be in 0..1", rates[i].name, rates[i].value);
    if (rc == CLI_OK && !(p->straggler_factor > 0))
        rc = cli_usage_error(c, "--straggler-factor %g: must be positive", p->straggler_factor);
    p->suite = cli_get(c, "suite", NULL);
    p->budgets = numbers->budgets;
    p->workers = numbers->workers;
    p->threads = (int32_t)threads;
    p->charge_decisions = cli_has(c, "charge-decisions");
    p->every_step = cli_has(c, "every-step");
    p->retry = cli_has(c, "retry");
    p->data = data_folder(c);
    return rc;
}

/* Options that change where or how fast, not what. */
static int changes_nothing(const char *name)
{
    static const char *const NAMES[] = {"out", "data", "adapters", "json", "jobs", "retry", "csv"};
    for (size_t i = 0; i < CLI_COUNT(NAMES); i++)
        if (strcmp(name, NAMES[i]) == 0) return 1;
    return 0;
}

static void add_command(const cli *c, hpo_str *s)
{
    hpo_str_add(s, "hpo bench run");
    for (size_t i = 0; i < c->n_given; i++) {
        const cli_given *g = &c->given[i];
        const char *name = c->command->options[g->option].name;
        if (changes_nothing(name)) continue;
        hpo_str_addf(s, " --%s", name);
        if (g->value != NULL) hpo_str_addf(s, " '%s'", g->value);
    }
}

/* All commands that wrote to this file, in order, each once. */
static hpo_status record_command(cli *c, hpo_results *r)
{
    hpo_str all = {0}, mine = {0};
    char *before = NULL;
    hpo_status rc = hpo_results_get_meta(r, "command", &before, &c->err);
    add_command(c, &mine);
    if (before != NULL) hpo_str_addf(&all, "%s; ", before);
    if (!mine.failed) hpo_str_add(&all, mine.text);
    int known = before != NULL && !mine.failed && strstr(before, mine.text) != NULL;
    if (rc == HPO_OK && !known && !all.failed && !mine.failed)
        rc = hpo_results_set_meta(r, "command", all.text, &c->err);
    hpo_free(before);
    hpo_str_fini(&all);
    hpo_str_fini(&mine);
    return rc;
}

static int record_origin(cli *c, hpo_results *r)
{
    struct utsname u;
    hpo_str s = {0};
    char buf[32];
    if (uname(&u) != 0) memset(&u, 0, sizeof u);
    hpo_str_addf(&s, "%s %s, %s, %d core%s", u.sysname, u.release, u.machine, (int)hpo_os_cpu_count(),
                 hpo_plural((int64_t)hpo_os_cpu_count()));
    hpo_status rc = hpo_results_set_meta(r, "machine", s.failed ? "?" : s.text, &c->err);
    hpo_str_fini(&s);
    if (rc == HPO_OK) rc = record_command(c, r);
    if (rc == HPO_OK) rc = hpo_results_set_meta(r, "version", hpo_version(), &c->err);
    if (rc == HPO_OK) rc = hpo_results_set_meta(r, "finished", cli_utc_text(hpo_os_unix_ms(), buf), &c->err);
    return rc == HPO_OK ? CLI_OK : cli_fail(c);
}

static int export_csv(cli *c, hpo_results *r, const char *out)
{
    hpo_str path = {0};
    hpo_str_addf(&path, "%s/evaluations.csv", out);
    hpo_status rc = path.failed ? HPO_ENOMEM : hpo_results_export_csv(r, path.text, &c->err);
    hpo_str_fini(&path);
    return rc == HPO_OK ? CLI_OK : rc == HPO_ENOMEM ? cli_fail_memory() : cli_fail(c);
}

static int run_plan(cli *c, hpo_compare_plan *p, hpo_results *r, const char *out)
{
    run_progress progress = {.c = c};
    hpo_compare_progress end;
    char took[32];
    watch_signals();
    int rc = record_origin(c, r);
    if (rc != CLI_OK) return rc;
    p->progress = show_progress;
    p->ctx = &progress;
    p->cancel = &interrupted;
    hpo_status status = hpo_compare(p, r, &end, &c->err);
    p->progress = NULL;
    p->ctx = NULL;
    if (progress.drawn) fputs("\r\033[K", stderr);
    if (status == HPO_WAIT) {
        cli_note("interrupted after %lld of %lld run%s: the same command goes on from there",
                 (long long)end.done + (long long)end.skipped, (long long)end.total, hpo_plural(end.total));
        return CLI_INTERRUPTED;
    }
    if (status != HPO_OK) return cli_fail(c);
    rc = record_origin(c, r);
    if (rc == CLI_OK && cli_has(c, "csv")) rc = export_csv(c, r, out);
    cli_note("%lld run%s in %s (%lld already there, %lld failed), %lld evaluation%s: %s/results.sqlite",
             (long long)end.done, hpo_plural(end.done), cli_duration_text(end.seconds, took),
             (long long)end.skipped, (long long)end.failed, (long long)end.evaluations,
             hpo_plural(end.evaluations), out);
    return rc;
}

int bench_run(cli *c)
{
    const char *out = cli_get(c, "out", DEFAULT_OUT);
    problem_list problems = {0};
    word_list methods = {0};
    run_numbers numbers = {0};
    hpo_compare_plan plan = {0};
    hpo_results *r = NULL;
    hpo_solver_host host = {folder(c, "adapters", "HPO_BENCH_ADAPTERS"), (const char *const *)environ};
    char adapters[4096];
    if (host.adapters == NULL) host.adapters = bench_adapters(adapters);
    if (c->n_args == 2)
        return cli_usage_error(c, "'%s' is one word too many: --out names the folder for results",
                               c->args[1]);
    int rc = cli_expect_args(c, 1, 1);
    if (rc == CLI_OK && cli_get(c, "suite", NULL) == NULL && cli_get(c, "problems", NULL) == NULL)
        rc = cli_usage_error(c, "nothing to run on: give --suite NAME or --problems A,B,...");
    if (rc == CLI_OK) rc = read_words(c, "methods", 1, &methods);
    if (rc == CLI_OK && methods.n == 0) rc = cli_usage_error(c, "nothing to compare: give --methods A,B,...");
    if (rc == CLI_OK) rc = read_plan(c, &plan, &numbers);
    if (rc == CLI_OK) rc = open_problems(c, &problems);
    if (rc == CLI_OK && hpo_results_open(out, 1, &r, &c->err) != HPO_OK) rc = cli_fail(c);
    if (rc == CLI_OK) {
        plan.problems = problems.items;
        plan.n_problems = problems.n;
        plan.methods = methods.words;
        plan.n_methods = methods.n;
        plan.host = &host;
        rc = run_plan(c, &plan, r, out);
    }
    if (rc == CLI_OK) rc = bench_report_print(c, r);
    hpo_results_free(r);
    problem_list_free(&problems);
    word_list_free(&methods);
    hpo_free(numbers.budgets);
    hpo_free(numbers.workers);
    return rc;
}
