/* SPDX-License-Identifier: Apache-2.0 */
/* cli/bench_overhead.c - `hpo bench overhead`: ask, report and tell in memory through hpo.h, and the start
 * of the command. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/os.h"
#include "bench.h"
#include "scheduler/registry.h"

enum {
    REPEATS = 401,
    OPS = 100,        /* a repeat: about 50 us, long against the clock's resolution */
    FRESH_MAX = 1000, /* up to so many trials each repeat begins with a new study */
    RUNS = 31,        /* of a whole process */
    RUNNER_TRIALS = 300,
    RUNNER_REPEATS = 5
};

/* One repeat on a study that has n trials; *kept is made on the first call and reused when it is large. */
static hpo_status one_repeat(const char *space, const char *sampler, int64_t n, hpo_study **kept, double *ns,
                             hpo_error *err)
{
    hpo_status rc = HPO_OK;
    if (*kept == NULL) {
        rc = bench_study(NULL, space, sampler, kept, err);
        if (rc == HPO_OK) rc = bench_ask_tell(*kept, n, err);
    }
    double start = bench_now();
    if (rc == HPO_OK) rc = bench_ask_tell(*kept, OPS, err);
    *ns = (bench_now() - start) / OPS;
    if (n <= FRESH_MAX) {
        hpo_study_free(*kept);
        *kept = NULL;
    }
    return rc;
}

/* So that the first line is measured in the same state as the others.  A failure shows again where it is
 * measured. */
static void warm_up(void)
{
    for (size_t i = 0; i < REPEATS; i++) {
        hpo_study *kept = NULL;
        hpo_error err;
        double ns;
        hpo_status rc = one_repeat(bench_space_f5, "random", 0, &kept, &ns, &err);
        hpo_study_free(kept);
        if (rc != HPO_OK) return;
    }
}

static void measure(bench *b, const char *name, const char *space, const char *sampler, int64_t n,
                    double reference)
{
    double samples[REPEATS];
    hpo_study *kept = NULL;
    hpo_error err = {HPO_OK, ""};
    if (!bench_wanted(b, name, n)) return;
    double warm;
    hpo_status rc = one_repeat(space, sampler, n, &kept, &warm, &err);
    for (size_t i = 0; i < REPEATS && rc == HPO_OK; i++)
        rc = one_repeat(space, sampler, n, &kept, &samples[i], &err);
    hpo_study_free(kept);
    if (rc != HPO_OK) {
        bench_fail(b, name, &err);
        return;
    }
    bench_line l = {.name = name, .n = n, .unit = "ns_per_op", .reference = reference};
    bench_summary(samples, REPEATS, &l.value, &l.best);
    bench_print(b, &l);
}

static hpo_status reports(hpo_study *s, hpo_trial *t, int64_t *step, hpo_error *err)
{
    (void)s;
    for (int i = 0; i < OPS; i++) {
        hpo_decision d;
        hpo_status rc = hpo_trial_report(t, (double)++*step, 0.5, &d, err);
        if (rc != HPO_OK) return rc;
    }
    return HPO_OK;
}

static void measure_reports(bench *b, int64_t n)
{
    static const char name[] = "report/none";
    double samples[REPEATS];
    hpo_study *s = NULL;
    hpo_trial *t = NULL;
    int64_t step = 0;
    hpo_error err = {HPO_OK, ""};
    if (!bench_wanted(b, name, n)) return;
    hpo_status rc = bench_study(NULL, bench_space_f5, "random", &s, &err);
    if (rc == HPO_OK) rc = bench_ask_tell(s, n, &err);
    if (rc == HPO_OK) rc = hpo_study_ask(s, &t, &err);
    if (rc == HPO_OK) rc = reports(s, t, &step, &err);
    for (size_t i = 0; i < REPEATS && rc == HPO_OK; i++) {
        double start = bench_now();
        rc = reports(s, t, &step, &err);
        samples[i] = (bench_now() - start) / OPS;
    }
    hpo_trial_free(t);
    hpo_study_free(s);
    if (rc != HPO_OK) {
        bench_fail(b, name, &err);
        return;
    }
    bench_line l = {.name = name, .n = n, .unit = "ns_per_op", .reference = 1000};
    bench_summary(samples, REPEATS, &l.value, &l.best);
    bench_print(b, &l);
}

/* ---- schedulers ---------------------------------------------------------------------------------------- */

/* What a free worker gets: a trial and how far it runs.  A scheduler that hands nothing out begins a new
 * trial, which comes to step 1. */
typedef struct piece {
    int64_t trial;
    double resource;
} piece;

static hpo_status begin(hpo_scheduler *s, int64_t *number, piece *out, hpo_error *err)
{
    hpo_action a = {.kind = HPO_ACT_NEW, .trial = -1, .resource = 1};
    const hpo_sched_ask ask = {.draw = (uint64_t)*number, .number = *number, .may_create = 1, .n_running = 1};
    hpo_status rc = s->ops->next ? s->ops->next(s->state, &ask, &a, err) : HPO_OK;
    *out = (piece){a.kind == HPO_ACT_NEW ? (*number)++ : a.trial, a.resource};
    const hpo_sched_start e = {.kind = a.kind, .trial = out->trial, .parent = -1, .resource = a.resource};
    return rc == HPO_OK && s->ops->start ? s->ops->start(s->state, &e, err) : rc;
}

/* OPS workers begin, report the end of their pieces and let go.  The processor time of the reports alone, per
 * report: what a decision costs without the study around it. */
static hpo_status one_batch(hpo_scheduler *s, int64_t *number, double *ns, hpo_error *err)
{
    piece pieces[OPS];
    hpo_sched_answer answers[OPS];
    hpo_status rc = HPO_OK;
    for (size_t i = 0; i < OPS && rc == HPO_OK; i++)
        rc = begin(s, number, &pieces[i], err);
    double start = (double)hpo_os_thread_ns();
    for (size_t i = 0; i < OPS && rc == HPO_OK; i++) {
        /* a multiplicative sequence: no order that would be kind to a tree */
        double y = (double)((uint64_t)pieces[i].trial * UINT64_C(0x9E3779B97F4A7C15) >> 11) * 0x1p-53;
        const hpo_sched_report r = {.trial = pieces[i].trial,
                                    .step = pieces[i].resource,
                                    .y = &y,
                                    .n_objectives = 1,
                                    .fold = -1,
                                    .cost = 1};
        answers[i] = (hpo_sched_answer){.decision = HPO_CONTINUE};
        rc = s->ops->report(s->state, &r, &answers[i], err);
    }
    *ns = ((double)hpo_os_thread_ns() - start) / OPS;
    for (size_t i = 0; i < OPS && rc == HPO_OK && s->ops->tell; i++) {
        hpo_state end = answers[i].decision == HPO_PAUSE ? HPO_STATE_PAUSED : HPO_STATE_STOPPED;
        rc = s->ops->tell(s->state, pieces[i].trial, end, NULL, err);
    }
    return rc;
}

/* A free worker's question, asked OPS times. */
static hpo_status ask_batch(hpo_scheduler *s, int64_t number, double *ns, hpo_error *err)
{
    hpo_status rc = HPO_OK;
    double start = (double)hpo_os_thread_ns();
    for (int i = 0; i < OPS && rc == HPO_OK; i++) {
        hpo_action a = {.kind = HPO_ACT_NEW, .trial = -1, .resource = (double)NAN};
        const hpo_sched_ask ask = {
            .draw = (uint64_t)(number + i), .number = number + i, .may_create = 1, .n_running = 1};
        rc = s->ops->next(s->state, &ask, &a, err);
    }
    *ns = ((double)hpo_os_thread_ns() - start) / OPS;
    return rc;
}

static void measure_scheduler(bench *b, const char *scheduler, int64_t n, int asks)
{
    char name[64];
    double samples[REPEATS], ignored;
    hpo_scheduler s = {0};
    hpo_error err = {HPO_OK, ""};
    static const double sign = 1;
    const hpo_sched_problem problem = {
        .n_objectives = 1, .sign = &sign, .seed = 1, .low = 1, .high = 81, .whole = 1};
    snprintf(name, sizeof name, "scheduler/%s%s", scheduler, asks ? "/next" : "");
    if (!bench_wanted(b, name, n)) return;
    int64_t number = 0;
    hpo_status rc = hpo_scheduler_open(scheduler, &problem, &s, &err);
    while (number < n && rc == HPO_OK)
        rc = one_batch(&s, &number, &ignored, &err);
    for (size_t i = 0; i < REPEATS && rc == HPO_OK; i++) {
        rc = asks ? ask_batch(&s, number, &samples[i], &err) : one_batch(&s, &number, &samples[i], &err);
        if (n > FRESH_MAX || rc != HPO_OK || asks) continue;
        hpo_scheduler_close(&s);
        rc = hpo_scheduler_open(scheduler, &problem, &s, &err);
        for (number = 0; number < n && rc == HPO_OK;)
            rc = one_batch(&s, &number, &ignored, &err);
    }
    hpo_scheduler_close(&s);
    if (rc != HPO_OK) {
        bench_fail(b, name, &err);
        return;
    }
    bench_line l = {.name = name, .n = n, .unit = "ns_per_op", .reference = 1000};
    bench_summary(samples, REPEATS, &l.value, &l.best);
    bench_print(b, &l);
}

static void measure_schedulers(bench *b)
{
    static const char *const names[] = {"asha",      "asha-stopping", "asha-cost", "hyperband-async",
                                        "hyperband", "median",        "percentile"};
    static const int64_t counts[] = {0, 1000, 100000};
    for (size_t i = 0; i < CLI_COUNT(names); i++)
        for (size_t k = 0; k < CLI_COUNT(counts); k++)
            measure_scheduler(b, names[i], counts[k], 0);
    measure_scheduler(b, "asha", 100000, 1);
    measure_scheduler(b, "hyperband", 100000, 1);
}

/* Returns the median; BENCH_NONE when it was not measured. */
static double measure_process(bench *b, const char *name, int64_t n, const char *program,
                              const char *const *words, double reference)
{
    double samples[RUNS];
    hpo_error err = {HPO_EIO, "the program could not be run"};
    if (!bench_wanted(b, name, n)) return BENCH_NONE;
    for (size_t i = 0; i <= RUNS; i++) { /* the first one warms up */
        double ns = bench_spawn(program, words);
        if (ns < 0) {
            bench_fail(b, name, &err);
            return BENCH_NONE;
        }
        if (i > 0) samples[i - 1] = ns;
    }
    bench_line l = {.name = name, .n = n, .unit = "ns_per_op", .reference = reference};
    bench_summary(samples, RUNS, &l.value, &l.best);
    bench_print(b, &l);
    return l.value;
}

/* `hpo run` of a program that does nothing: nanoseconds a trial beside the cost of that program. */
static void measure_runner(bench *b, const char *self, double own)
{
    static const char name[] = "runner/true";
    double samples[RUNNER_REPEATS];
    char path[600], trials[600], study[32], budget[32];
    hpo_error err = {HPO_EIO, "hpo run failed"};
    if (!bench_wanted(b, name, 0)) return;
    snprintf(path, sizeof path, "%s/run.db", b->folder);
    snprintf(trials, sizeof trials, "%s/trials", b->folder);
    snprintf(budget, sizeof budget, "%dtrials", (int)RUNNER_TRIALS);
    for (size_t i = 0; i < RUNNER_REPEATS; i++) {
        snprintf(study, sizeof study, "run-%zu", i);
        const char *const words[] = {"run",  "-n", study,       "--storage", path,   "--dir",
                                     trials, "-m", "exit",      "-b",        budget, "-j",
                                     "1",    "--", "/bin/true", "{x:0..1}",  NULL};
        double ns = bench_spawn(self, words);
        if (ns < 0) {
            bench_fail(b, name, &err);
            return;
        }
        samples[i] = ns / RUNNER_TRIALS - own;
    }
    bench_line l = {.name = name, .unit = "ns_per_op", .reference = 2e6};
    bench_summary(samples, RUNNER_REPEATS, &l.value, &l.best);
    bench_print(b, &l);
}

static void measure_ask(bench *b, const char *self, int64_t n)
{
    static const char name[] = "process/ask";
    char path[600];
    hpo_storage *st = NULL;
    hpo_study *s = NULL;
    hpo_error err = {HPO_OK, ""};
    if (!bench_wanted(b, name, n)) return;
    snprintf(path, sizeof path, "%s/ask.db", b->folder);
    hpo_status rc = hpo_storage_open(path, &st, &err);
    if (rc == HPO_OK) rc = bench_study(st, bench_space_f5, "random", &s, &err);
    hpo_study_free(s);
    hpo_storage_free(st);
    if (rc == HPO_OK) rc = bench_fill(path, n, &err);
    if (rc != HPO_OK) {
        bench_fail(b, name, &err);
        return;
    }
    const char *const words[] = {"ask", "--storage", path, "-n", "bench", "--json", NULL};
    (void)measure_process(b, name, n, self, words, 20e6);
}

void bench_overhead(bench *b)
{
    static const int64_t counts[] = {0, 1000, 100000};
    static const struct {
        const char *name, *space, *sampler;
        double reference;
    } rows[] = {
        {"random/f5", bench_space_f5, "random", 500},
        {"sobol/f5", bench_space_f5, "sobol", 500},
        {"halton/f5", bench_space_f5, "halton", BENCH_NONE},
        {"rsequence/f5", bench_space_f5, "rsequence", BENCH_NONE},
        {"lhs/f5", bench_space_f5, "lhs", BENCH_NONE},
        {"grid/f5", bench_space_f5, "grid:points=12,force=yes", BENCH_NONE},
        {"random/mixed20", bench_space_mixed20, "random", 5000},
        {"sobol/mixed20", bench_space_mixed20, "sobol", 5000},
    };
    warm_up();
    for (size_t i = 0; i < CLI_COUNT(rows); i++)
        for (size_t k = 0; k < CLI_COUNT(counts); k++)
            measure(b, rows[i].name, rows[i].space, rows[i].sampler, counts[k], rows[i].reference);
    bench_models(b);
    measure_reports(b, 0);
    measure_reports(b, 100000);
    measure_schedulers(b);

    char self[512];
    if (!bench_self(self, sizeof self)) {
        cli_note("process/...: left out: this system does not tell the path of a running program");
        return;
    }
    const char *const version[] = {"--version", NULL}, *const nothing[] = {NULL};
    /* what any process costs here */
    double own = measure_process(b, "process/true", 0, "/bin/true", nothing, BENCH_NONE);
    (void)measure_process(b, "process/version", 0, self, version, 5e6);
    measure_ask(b, self, 100000);
    measure_runner(b, self, isnan(own) ? 0 : own); /* with --only the program's own cost is left in */
}
