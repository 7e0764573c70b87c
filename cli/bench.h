/* SPDX-License-Identifier: Apache-2.0 */
/* cli/bench.h - what the benchmarks of `hpo bench` share. */
#ifndef CLI_BENCH_H
#define CLI_BENCH_H
#include <math.h>

#include "cli.h"

/* Words of --suite, for completion. */
#define CLI_BENCH_SUITES                                                                                     \
    "quick bbob mixed conditional noisy hpo multifidelity multiobjective constrained highdim"

#define BENCH_NONE ((double)NAN) /* no budget, no second figure */

typedef struct bench {
    cli *c;
    int json, failed;
    const char *only; /* run what has this in its name, or NULL */
    int64_t max_n;    /* leave out larger ones */
    char folder[512]; /* temporary, for files */
    cli_table *table; /* NULL with --json */
} bench;

/* One result.  `unit` is also the key in JSON. */
typedef struct bench_line {
    const char *name; /* sampler/space or storage/operation */
    int64_t n;        /* trials already there */
    const char *unit; /* "ns_per_op", "seconds", "ratio", "bytes" */
    double value;     /* median over the repeats */
    double best;      /* the least disturbed repeat; NaN: measured once */
    double reference; /* the budget; NaN: none set */
    int more_is_better;
} bench_line;
void bench_print(bench *b, const bench_line *line);

/* Whether --only and --max-n let it run. */
int bench_wanted(const bench *b, const char *name, int64_t n);
/* Median and smallest of n samples (reorders them). */
void bench_summary(double *samples, size_t n, double *median, double *least);
/* Nanoseconds of a monotonic clock. */
double bench_now(void);
/* Nanoseconds of processor time of this thread: what other programs do meanwhile is left out. */
double bench_cpu(void);
/* What asking for it takes: a system call, in some guests a microsecond. */
double bench_cpu_cost(void);
/* Reports err for a benchmark and marks the run as failed. */
void bench_fail(bench *b, const char *name, const hpo_error *err);

/* Runs this program (words: its arguments, ending in NULL) with its output thrown away; nanoseconds from
 * before the start to after its end, or -1 when it cannot be run or fails. */
double bench_spawn(const char *program, const char *const *words);
/* The path of this program; 0 when the system does not tell. */
int bench_self(char *path, size_t n);

/* A study on `st` (NULL: memory) with a space from text. */
HPO_NODISCARD hpo_status bench_study(hpo_storage *st, const char *space, const char *sampler, hpo_study **out,
                                     hpo_error *err);
/* n times ask and tell. */
HPO_NODISCARD hpo_status bench_ask_tell(hpo_study *s, int64_t n, hpo_error *err);
/* Appends n finished trials to the stored study "bench" in transactions of many trials, through the
 * storage's own interface. */
HPO_NODISCARD hpo_status bench_fill(const char *url, int64_t n, hpo_error *err);

/* Five floats. */
extern const char bench_space_f5[];
/* Twenty parameters: floats, log floats, integers, categories, conditions over one and two parents. */
extern const char bench_space_mixed20[];

void bench_overhead(bench *b);
/* The part of it with samplers that learn. */
void bench_models(bench *b);
void bench_storage(bench *b);

/* What a results file says, as tables, or with --json a line for each method on each problem; exit status. */
struct hpo_results;
int bench_report_print(cli *c, struct hpo_results *r);

/* Subcommands of their own; exit status. */
int bench_run(cli *c);
int bench_problems(cli *c);
int bench_report(cli *c);
int bench_recheck(cli *c);
int bench_forecast(cli *c);
int bench_solver(cli *c);
/* The folder of adapters when none was named, or NULL (bench_solver.c). */
const char *bench_adapters(char folder[4096]);
#endif
