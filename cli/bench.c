/* SPDX-License-Identifier: Apache-2.0 */
/* cli/bench.c - `hpo bench`: what the library costs on this machine, beside what it should cost.
 *
 * Each line is measured many times; the median is shown, and the least disturbed repeat beside it, because
 * other programs only ever add time.  Samplers that learn are measured in processor time (bench_models.c). */
#include "bench.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/os.h"
#include "hpo/storage.h"
#include "storage/registry.h"

extern char **environ;

const char bench_space_f5[] = "x0: 0..1; x1: -5..10; x2: log 1e-5..1; x3: 0..100; x4: log 1..1000";

const char bench_space_mixed20[] =
    "lr: log 1e-5..1; wd: log 1e-8..1e-2; batch: int 8..512 log; epochs: int 1..100; opt: "
    "sgd,adam,rmsprop,lamb;"
    "mom: 0..0.99 if opt == sgd; nesterov: bool if opt == sgd and mom > 0.1; beta1: 0.5..0.999 if opt in "
    "[adam, lamb];"
    "beta2: 0.9..0.9999 if opt in [adam, lamb]; rho: 0.8..0.99 if opt == rmsprop; layers: int 1..4; width1: "
    "int 16..1024 log;"
    "width2: int 16..1024 log if layers >= 2; width3: int 16..1024 log if layers >= 3; width4: int 16..1024 "
    "log if layers >= 4;"
    "act: relu,gelu,tanh; drop: 0..0.5 step 0.05; sched: const,cosine,step; warm: 0..0.2 if sched == cosine;"
    "gamma: 0.1..0.9 if sched == step";

double bench_now(void)
{
    return (double)hpo_os_monotonic_ns();
}

double bench_cpu(void)
{
    struct timespec t = {0, 0};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

double bench_cpu_cost(void)
{
    double least = HUGE_VAL;
    for (int i = 0; i < 1000; i++) {
        double start = bench_cpu();
        least = fmin(least, bench_cpu() - start);
    }
    return least;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void bench_summary(double *samples, size_t n, double *median, double *least)
{
    qsort(samples, n, sizeof *samples, compare_doubles);
    *median = n % 2 ? samples[n / 2] : (samples[n / 2 - 1] + samples[n / 2]) / 2;
    *least = samples[0];
}

int bench_wanted(const bench *b, const char *name, int64_t n)
{
    return n <= b->max_n && (b->only == NULL || strstr(name, b->only) != NULL);
}

void bench_fail(bench *b, const char *name, const hpo_error *err)
{
    cli_error("%s: %s", name, err->msg);
    b->failed = 1;
}

/* ---- output ------------------------------------------------------------------------------------- */

static void print_json(const bench_line *l)
{
    hpo_str s = {0};
    hpo_str_add(&s, "{\"name\":");
    hpo_str_json(&s, l->name);
    hpo_str_addf(&s, ",\"n\":%lld,\"%s\":", (long long)l->n, l->unit);
    hpo_str_json_double(&s, l->value);
    hpo_str_add(&s, ",\"min\":");
    hpo_str_json_double(&s, l->best);
    hpo_str_add(&s, ",\"reference\":");
    hpo_str_json_double(&s, l->reference);
    hpo_str_add(&s, "}\n");
    if (!s.failed) fputs(s.text, stdout);
    fflush(stdout); /* a long run is watched line by line */
    hpo_str_fini(&s);
}

/* "1.25 us" for times, plain numbers for the rest. */
static const char *quantity(const char *unit, double v, char buf[48])
{
    double ns = strcmp(unit, "seconds") == 0 ? v * 1e9 : v;
    if (isnan(v)) return strcpy(buf, "-");
    if (strcmp(unit, "ratio") == 0) {
        snprintf(buf, 48, "%.2f", v);
    } else if (strcmp(unit, "bytes") == 0) {
        snprintf(buf, 48, "%.0f B", v);
    } else {
        static const char *const units[] = {"ns", "us", "ms", "s"};
        size_t k = 0;
        for (; k < 3 && ns >= 1000; k++)
            ns /= 1000;
        snprintf(buf, 48, "%.3g %s", ns, units[k]);
    }
    return buf;
}

void bench_print(bench *b, const bench_line *l)
{
    char buf[48];
    if (b->json) {
        print_json(l);
        return;
    }
    int good =
        isnan(l->reference) || (l->more_is_better ? l->value >= l->reference : l->value <= l->reference);
    cli_table_cell(b->table, l->name);
    cli_table_int(b->table, l->n);
    cli_table_cell(b->table, quantity(l->unit, l->value, buf));
    cli_table_cell(b->table, quantity(l->unit, l->best, buf));
    cli_table_cell(b->table, quantity(l->unit, l->reference, buf));
    cli_table_cell(b->table, isnan(l->reference) ? "" : good ? "yes" : "NO");
}

/* ---- other processes ---------------------------------------------------------------------------- */

int bench_self(char *path, size_t n)
{
    ssize_t got = readlink("/proc/self/exe", path, n - 1);
    if (got <= 0) return 0;
    path[got] = '\0';
    return 1;
}

double bench_spawn(const char *program, const char *const *words)
{
    char *argv[24];
    size_t n = 0;
    argv[n++] = (char *)(uintptr_t)program;
    for (; *words != NULL && n + 1 < CLI_COUNT(argv); words++)
        argv[n++] = (char *)(uintptr_t)*words;
    argv[n] = NULL;
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions) != 0) return -1;
    int bad = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (!bad) bad = posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
    pid_t child = -1;
    double start = bench_now();
    if (!bad) bad = posix_spawn(&child, program, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (bad) return -1;
    int status = 0;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return -1;
    double took = bench_now() - start;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? took : -1;
}

/* ---- studies ------------------------------------------------------------------------------------ */

hpo_status bench_study(hpo_storage *st, const char *space_text, const char *sampler, hpo_study **out,
                       hpo_error *err)
{
    hpo_space *space = NULL;
    hpo_status rc = hpo_space_parse(space_text, &space, err);
    if (rc != HPO_OK) return rc;
    hpo_study_options o = hpo_study_options_init();
    o.name = "bench";
    o.seed = 1;
    o.sampler = sampler;
    o.reuse = 1;
    rc = hpo_study_create(st, space, &o, out, err);
    hpo_space_free(space);
    return rc;
}

hpo_status bench_ask_tell(hpo_study *s, int64_t n, hpo_error *err)
{
    for (int64_t i = 0; i < n; i++) {
        hpo_trial *t = NULL;
        hpo_status rc = hpo_study_ask(s, &t, err);
        if (rc != HPO_OK) return rc;
        rc = hpo_study_tell_value(s, t, hpo_trial_x(t)[0], err);
        hpo_trial_free(t);
        if (rc != HPO_OK) return rc;
    }
    return HPO_OK;
}

enum { FILL_BATCH = 20000 };

static void fill_record(hpo_trial_record *t, hpo_study_header *h, double *x, size_t n_columns, double *y)
{
    int64_t i = h->next_number++;
    for (size_t j = 0; j < n_columns; j++)
        x[j] = (double)((i * 7919 + (int64_t)j * 104729) % 1000003) / 1000003.0;
    *y = x[0];
    h->seq += 2;
    h->next_draw++;
    h->n_by_state[HPO_STATE_COMPLETE]++;
    *t = (hpo_trial_record){.number = i,
                            .draw = i,
                            .parent = -1,
                            .state = HPO_STATE_COMPLETE,
                            .attempt = 1,
                            .token = (uint64_t)i * 0x9E3779B97F4A7C15u,
                            .hash = (uint64_t)(i + 1) * 0xD1B54A32D192ED03u,
                            .seq = h->seq,
                            .seq_ask = h->seq - 1,
                            .seq_from = h->seq - 2,
                            .seq_tell = h->seq,
                            .created_ms = h->last_ms,
                            .started_ms = h->last_ms,
                            .ended_ms = h->last_ms,
                            .lease_ms = h->last_ms,
                            .x = x,
                            .y = y};
    if (h->best_number < 0 || *y < h->best_value) {
        h->best_number = i;
        h->best_value = *y;
        h->since_best = 0;
    } else {
        h->since_best++;
    }
}

static hpo_status fill_batch(const hpo_storage_ops *ops, void *self, int64_t study, size_t n_columns,
                             double *x, int64_t n, hpo_error *err)
{
    hpo_study_header h;
    hpo_status rc = ops->begin(self, study, &h, err);
    if (rc != HPO_OK) return rc;
    for (int64_t i = 0; i < n && rc == HPO_OK; i++) {
        hpo_trial_record t;
        double y;
        fill_record(&t, &h, x, n_columns, &y);
        rc = ops->insert_trial(self, study, &t, err);
    }
    if (rc == HPO_OK) return ops->commit(self, study, &h, err);
    ops->rollback(self, study);
    return rc;
}

hpo_status bench_fill(const char *url, int64_t n, hpo_error *err)
{
    const hpo_storage_ops *ops;
    const char *rest;
    void *self = NULL;
    hpo_study_record r;
    hpo_status rc = hpo_storage_resolve(url, &ops, &rest, err);
    if (rc != HPO_OK) return rc;
    rc = ops->open(rest, &self, err);
    if (rc != HPO_OK) return rc;
    rc = ops->load_study(self, "bench", &r, err);
    if (rc != HPO_OK) goto close;
    double *x = hpo_alloc_array(r.shape.n_columns, sizeof *x);
    if (x == NULL) {
        rc = HPO_ENOMEM;
        goto record;
    }
    while (n > 0 && rc == HPO_OK) {
        int64_t batch = n < FILL_BATCH ? n : FILL_BATCH;
        rc = fill_batch(ops, self, r.id, r.shape.n_columns, x, batch, err);
        n -= batch;
    }
    hpo_free(x);
record:
    ops->free_study(self, &r);
close:
    ops->close(self);
    return rc;
}

/* ---- the command ---------------------------------------------------------------------------------- */

static const cli_option options[] = {
    CLI_JSON_OPTION,
    {"only", 0, "TEXT", "run only benchmarks with this in their name", 0, NULL},
    {"max-n", 0, "N", "leave out those with more trials; default 1000000", 0, NULL},
    {"dir", 0, "DIR", "where temporary files go (the disk that is measured); default: here", 0, "@file"},
    /* run, problems, report */
    {"suite", 0, "NAME", "the problems of one suite", 0, CLI_BENCH_SUITES},
    {"problems", 0, "NAMES", "problems, separated by commas; * and ? fit any", CLI_REPEAT, NULL},
    {"methods", 'm', "SPECS", "what is compared: samplers, SAMPLER+SCHEDULER, @SOLVER; separated by commas",
     CLI_REPEAT, "@sampler"},
    {"seeds", 0, "N", "runs of each method on each problem; default 10", 0, NULL},
    {"first-seed", 0, "N", "the first of them; default 0", 0, NULL},
    {"budget", 'b', "N", "full evaluations a run, or a list; default: each problem's own", CLI_REPEAT, NULL},
    {"workers", 'w', "N", "workers at the same time in virtual time, or a list; default 1", CLI_REPEAT, NULL},
    {"out", 'o', "DIR", "where results are kept; default: hpo-bench", 0, "@file"},
    {"data", 0, "DIR", "folder of benchmark data; default: $HPO_BENCH_DATA", 0, "@file"},
    {"adapters", 0, "DIR", "folder with solvers.json; default: $HPO_BENCH_ADAPTERS", 0, "@file"},
    {"jobs", 'j', "N", "runs at the same time; default: as many as there are cores", 0, NULL},
    {"charge-decisions", 0, NULL, "time that a method takes to decide counts as virtual time", 0, NULL},
    {"every-step", 0, NULL, "report at every step of the fidelity, not at 1, 2, 4, ...", 0, NULL},
    {"retry", 0, NULL, "run again what ended in an error", 0, NULL},
    {"timeout", 0, "TIME", "real time that one run may take; default: no limit", 0, NULL},
    {"answer-timeout", 0, "TIME", "real time that a solver may take to answer; default 1min", 0, NULL},
    {"failure-rate", 0, "P", "share of evaluations that fail half-way", 0, NULL},
    {"preemption-rate", 0, "P", "share of evaluations whose worker is lost half-way", 0, NULL},
    {"straggler-rate", 0, "P", "share of evaluations that take longer", 0, NULL},
    {"straggler-factor", 0, "F", "how much longer; default 5", 0, NULL},
    {"csv", 0, NULL, "also write DIR/evaluations.csv; report: and summary.csv, curves.csv", 0, NULL},
    /* report */
    {"against", 0, "METHOD", "test the others against this one; default: the best mean rank", 0, NULL},
    {"level", 0, "P", "level of tests and critical differences; default 0.05", 0, NULL},
    {"html", 0, "FILE", "report: write one page with pictures and every number", 0, "@file"},
    {"svg-dir", 0, "DIR", "report, recheck: write every picture as a file", 0, "@file"},
    {"repeats", 'r', "R", "recheck: evaluations of each configuration; default 20", 0, NULL},
    {"ensemble", 0, "N", "forecast: N curves a problem by the parametric ensemble too (slow); default 0", 0,
     NULL},
    {"title", 0, "TEXT", "report: title of the page", 0, NULL},
    {"commit", 0, "TEXT", "report: state the commit that was measured", 0, NULL},
    {"machine", 0, "TEXT", "report: describe the machine", 0, NULL},
    {"date", 0, "TEXT", "report: state a date", 0, NULL},
    {"sampler", 0, "SPEC", "solver: what answers on standard input and output", 0, "@sampler"},
};

/* Everything in a folder of ours, then the folder itself; 0 when something stays. */
static int remove_tree(const char *path)
{
    int good = 1;
    struct dirent *entry;
    DIR *d = opendir(path);
    if (d == NULL) return 0;
    while ((entry = readdir(d)) != NULL) {
        hpo_str inner = {0};
        struct stat st;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        hpo_str_addf(&inner, "%s/%s", path, entry->d_name);
        if (inner.failed || lstat(inner.text, &st) != 0)
            good = 0;
        else
            good = (S_ISDIR(st.st_mode) ? remove_tree(inner.text) : unlink(inner.text) == 0) && good;
        hpo_str_fini(&inner);
    }
    closedir(d);
    return rmdir(path) == 0 && good;
}

static void remove_folder(const bench *b)
{
    if (!remove_tree(b->folder)) cli_note("%s could not be removed", b->folder);
}

static int measure(cli *c)
{
    bench b = {.c = c, .json = cli_has(c, "json"), .only = cli_get(c, "only", NULL), .max_n = 1000000};
    int rc = cli_expect_args(c, 1, 1);
    if (rc == CLI_OK) rc = cli_get_int(c, "max-n", 0, INT64_MAX, &b.max_n);
    if (rc != CLI_OK) return rc;
    int overhead = strcmp(c->args[0], "overhead") == 0;

    const char *dir = cli_get(c, "dir", ".");
    if (strlen(dir) > sizeof b.folder - 32) return cli_usage_error(c, "--dir: the path is too long");
    snprintf(b.folder, sizeof b.folder, "%s/hpo-bench-XXXXXX", dir);
    if (mkdtemp(b.folder) == NULL)
        return cli_error("--dir %s: no folder can be made there: %s", dir, strerror(errno));
    static const char *const heads[] = {"benchmark", "n", "median", "best", "budget", "met"};
    if (!b.json) {
        b.table = cli_table_new(CLI_COUNT(heads), heads);
        if (b.table == NULL) {
            remove_folder(&b);
            return cli_fail_memory();
        }
    }
    if (overhead)
        bench_overhead(&b);
    else
        bench_storage(&b);
    remove_folder(&b);
    if (!b.json) rc = cli_table_print(c, b.table, stdout);
    return b.failed ? CLI_FAIL : rc;
}

static int run_bench(cli *c)
{
    static const struct {
        const char *word;
        int (*run)(cli *c);
    } PARTS[] = {
        {"run", bench_run},       {"problems", bench_problems}, {"report", bench_report},
        {"solver", bench_solver}, {"recheck", bench_recheck},   {"forecast", bench_forecast},
        {"overhead", measure},    {"storage", measure},
    };
    hpo_str all = {0};
    for (size_t i = 0; i < CLI_COUNT(PARTS); i++) {
        if (c->n_args > 0 && strcmp(c->args[0], PARTS[i].word) == 0) {
            hpo_str_fini(&all);
            return PARTS[i].run(c);
        }
        hpo_str_addf(&all, "%s%s", i == 0 ? "" : ", ", PARTS[i].word);
    }
    int rc = c->n_args == 0 ? cli_expect_args(c, 1, 1)
                            : cli_usage_error(c, "unknown benchmark '%s': choose %s", c->args[0],
                                              all.failed ? "" : all.text);
    hpo_str_fini(&all);
    return rc;
}

const cli_command cli_bench = {
    .name = "bench",
    .group = "Tools",
    .help = "compare samplers on benchmark problems; measure what the library costs",
    .usage = "run|problems|report|recheck|forecast|solver|overhead|storage [OPTION]... [DIR]",
    .about =
        "`run` compares methods on problems whose optimum is known, in virtual time: every method with every "
        "problem, seed, budget and number of workers, in parallel. A method is a sampler with its options, "
        "`sobol:scramble=shift`, a sampler and a scheduler, `random+SCHEDULER:key=value`, or a solver in "
        "another program, `@NAME` or `@PATH`. Results go to results.sqlite in the folder --out, one row an "
        "evaluation; what "
        "is there already is not run again, so an interrupted comparison goes on with the same command. A "
        "method that fails is listed with its error. `report` shows what DIR (default hpo-bench) holds, with "
        "tests and intervals, and writes it as CSV, pictures and an HTML page; `problems` lists the "
        "problems. `recheck` evaluates the configuration that each run would recommend again, with fresh "
        "seeds, "
        "and compares with what is expected of it: its interval (what is not known), the noise of one "
        "measurement, and the luck of the best single value. `forecast` stops learning curves of the suite "
        "multifidelity early and compares forecasts of their ends with the truth. `solver` is the other "
        "side: a sampler that "
        "answers on standard input and output, for "
        "kurobako or another host (docs/solver-protocol.md).\n\n"
        "`overhead` measures ask, report and tell in memory, the start of the command, and what running a "
        "program costs beside the program itself. `storage` "
        "measures "
        "SQLite: trials a second beside a bare loop of prepared statements with the same transactions, "
        "opening and "
        "reading, size per trial, and 1, 8 and 64 processes on one file.\n\n"
        "Each line shows the median of many repeats, the least disturbed one, and the budget. With "
        "--json it is one "
        "object a line: {\"name\":...,\"n\":...,\"ns_per_op\":...,\"min\":...,\"reference\":...}, n "
        "being the number of "
        "trials already there; other units are seconds, ratio and bytes.",
    .words = "run problems report recheck forecast solver overhead storage",
    .options = options,
    .n_options = CLI_COUNT(options),
    .run = run_bench,
};
