/* SPDX-License-Identifier: Apache-2.0 */
/* cli/work.c - running a pool from the command line: signals, devices, and what is said at the end. */
#include <dirent.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "record.h"
#include "runner/slots.h"
#include "work.h"

extern char **environ;

/* ---- signals --------------------------------------------------------------------------------------- */

/* A handler can reach nothing else. */
static hpo_pool *volatile signal_pool;
static volatile sig_atomic_t signal_seen; /* the last one */

static void say(const char *text)
{
    ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
    (void)ignored;
}

static void on_signal(int sig)
{
    static const char *const words[] = {
        "",
        "\nhpo: no new trials; the running ones may end (again: stop them; a third time: kill them)\n",
        "\nhpo: stopping the running trials, they go back to the queue (again: kill them)\n",
        "\nhpo: killing the running trials, they go back to the queue\n",
    };
    int level;
    if (!signal_pool) return;
    signal_seen = sig;
    level = hpo_pool_interrupt(signal_pool);
    if (sig != SIGINT && level < 2) level = hpo_pool_interrupt(signal_pool);
    say(words[level]);
}

static void catch_signals(hpo_pool *pool)
{
    struct sigaction a = {0};
    a.sa_handler = on_signal;
    a.sa_flags = SA_RESTART;
    signal_pool = pool;
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
    sigaction(SIGHUP, &a, NULL);
}

static void release_signals(void)
{
    struct sigaction a = {0};
    a.sa_handler = SIG_DFL;
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
    sigaction(SIGHUP, &a, NULL);
    signal_pool = NULL;
}

/* ---- devices --------------------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
    int x = *(const int *)a;
    int y = *(const int *)b;
    return x < y ? -1 : x > y;
}

/* "0,1,..." for /dev/nvidia0, /dev/nvidia1 ... */
static void find_devices(hpo_str *s)
{
    int numbers[256];
    size_t n = 0;
    DIR *d = opendir("/dev");
    struct dirent *e;
    while (d && n < CLI_COUNT(numbers) && (e = readdir(d)) != NULL) {
        int64_t number;
        if (!strncmp(e->d_name, "nvidia", 6) && hpo_parse_int(e->d_name + 6, &number) && number >= 0 &&
            number < 4096)
            numbers[n++] = (int)number;
    }
    if (d) closedir(d);
    qsort(numbers, n, sizeof numbers[0], by_number);
    for (size_t i = 0; i < n; i++)
        hpo_str_addf(s, "%s%d", i ? "," : "", numbers[i]);
}

/* ---- the end ---------------------------------------------------------------------------------------- */

static void print_ended(const hpo_summary *sum)
{
    if (sum->status == HPO_STUDY_STOPPED) {
        printf("ended: %s", hpo_stop_reason_name(sum->stop_reason));
        if (sum->stop_text && *sum->stop_text) printf(" (%s)", sum->stop_text);
        putchar('\n');
    } else {
        puts(sum->status == HPO_STUDY_PAUSED ? "the study is paused"
                                             : "the study goes on: run the same command again");
    }
}

static void print_counts(const hpo_summary *sum)
{
    int first = 1;
    printf("study %s: ", sum->name);
    for (int i = 0; i < HPO_N_STATES; i++) {
        if (!sum->n_by_state[i]) continue;
        printf("%s%" PRId64 " %s", first ? "" : ", ", sum->n_by_state[i], hpo_state_name((hpo_state)i));
        first = 0;
    }
    puts(first ? "no trials" : "");
}

/* One of the best trials: values, parameters, the command that repeats it and where its files are. */
static int print_trial(cli *c, hpo_study *study, int64_t number, int several)
{
    hpo_summary sum = {.size = sizeof sum};
    hpo_trial_info t = {.size = sizeof t};
    hpo_str params = {0};
    char *command = NULL;
    char *dir = NULL;
    char buf[32];
    int rc = CLI_OK;
    if (hpo_study_summary(study, &sum, &c->err) != HPO_OK ||
        hpo_study_trial(study, number, &t, &c->err) != HPO_OK)
        return cli_fail(c);
    printf("%s:", several ? "on the front" : "best");
    for (size_t i = 0; i < sum.n_objectives && t.values; i++) {
        (void)hpo_double_text(t.values[i], buf);
        printf("%s %s = %s", i ? "," : "", sum.objectives[i].name, buf);
    }
    printf(" (trial %" PRId64 ")\n", number);
    if (cli_params_text(&params, hpo_study_space(study), t.x, &c->err) == HPO_OK && !params.failed)
        printf("  parameters: %s\n", params.text ? params.text : "");
    if (hpo_study_trial_command(study, number, &command, &c->err) == HPO_OK)
        printf("  command: %s\n", command);
    if (hpo_study_trial_dir(study, number, &dir, &c->err) == HPO_OK) printf("  directory: %s\n", dir);
    hpo_str_fini(&params);
    hpo_free(command);
    hpo_free(dir);
    return rc;
}

static int print_best(cli *c, hpo_study *study, int *found)
{
    enum { SHOWN = 5 };
    int64_t numbers[SHOWN];
    size_t n = 0;
    hpo_status st = hpo_study_best(study, numbers, SHOWN, &n, &c->err);
    *found = st == HPO_OK && n > 0;
    if (!*found) return st == HPO_OK || st == HPO_ENOTFOUND ? CLI_OK : cli_fail(c);
    for (size_t i = 0; i < n && i < SHOWN; i++) {
        int rc = print_trial(c, study, numbers[i], n > 1);
        if (rc != CLI_OK) return rc;
    }
    if (n > SHOWN) printf("and %zu more: `hpo best`\n", n - SHOWN);
    return CLI_OK;
}

static int print_json(cli *c, hpo_study *study, int *found)
{
    hpo_summary sum = {.size = sizeof sum};
    hpo_str s = {0};
    int64_t number;
    size_t n = 0;
    *found = hpo_study_best(study, &number, 1, &n, &c->err) == HPO_OK && n > 0;
    if (hpo_study_summary(study, &sum, &c->err) != HPO_OK ||
        cli_summary_json(&s, study, &sum, &c->err) != HPO_OK) {
        hpo_str_fini(&s);
        return cli_fail(c);
    }
    if (!s.failed) puts(s.text);
    hpo_str_fini(&s);
    return CLI_OK;
}

/* What came out, and the exit status that says so. */
static int conclude(cli *c, hpo_study *study, hpo_status ended)
{
    hpo_summary sum = {.size = sizeof sum};
    int found = 0;
    int rc;
    if (hpo_study_summary(study, &sum, &c->err) != HPO_OK) return cli_fail(c);
    int64_t n_failed = sum.n_by_state[HPO_STATE_FAILED];
    hpo_study_status status = sum.status;
    hpo_stop_reason reason = sum.stop_reason;
    if (cli_has(c, "json") || cli_has(c, "jsonl")) {
        rc = print_json(c, study, &found);
    } else {
        print_counts(&sum);
        print_ended(&sum);
        rc = print_best(c, study, &found);
    }
    if (rc != CLI_OK) return rc;
    if (signal_seen) return cli_work_interrupted();
    if (status == HPO_STUDY_STOPPED && reason == HPO_STOP_REASON_ABORT) return CLI_FAIL;
    if (ended == HPO_DONE && !found) {
        cli_note("no trial has a feasible result: `hpo show` and `hpo logs` tell why%s",
                 n_failed
                     ? "; `hpo retry --failed` and then the same command try them again, a larger -b others"
                     : "");
        return CLI_INFEASIBLE;
    }
    return CLI_OK;
}

/* An address that a program in another folder can use as well. */
static void absolute_storage(const cli *c, hpo_str *s)
{
    const char *url = cli_storage_url(c);
    char cwd[4096];
    const char *path = cli_url_path(url);
    if (path && path[0] != '/' && getcwd(cwd, sizeof cwd))
        hpo_str_addf(s, "%s%s/%s", path == url ? "" : "sqlite:", cwd, path);
    else
        hpo_str_add(s, url);
}

/* The devices to hand out: as given, as the environment says, or as found (in `found`). */
static const char *devices_of(const cli_work *w, hpo_str *found)
{
    const char *gpus = w->gpus ? w->gpus : getenv("CUDA_VISIBLE_DEVICES");
    if (gpus) return gpus;
    find_devices(found);
    return found->text;
}

int cli_work_check(cli *c, const cli_work *w)
{
    hpo_str found = {0};
    hpo_slots slots = {0};
    if (!(w->gpus_per_trial > 0)) return CLI_OK;
    hpo_status st = hpo_slots_init(&slots, devices_of(w, &found), w->gpus_per_trial, &c->err);
    hpo_slots_fini(&slots);
    hpo_str_fini(&found);
    if (st == HPO_OK) return CLI_OK;
    int rc = cli_fail(c);
    return st == HPO_EINVAL ? CLI_USAGE : rc;
}

int cli_work_interrupted(void)
{
    if (!signal_seen) return CLI_OK;
    return signal_seen == SIGINT ? CLI_INTERRUPTED : 128 + (int)signal_seen;
}

/* The pool alone; *st says how it ended. */
static int run_pool(cli *c, hpo_study *study, const cli_work *w, int queue_only, int64_t max_trials,
                    hpo_status *ended)
{
    hpo_pool_options o = hpo_pool_options_init();
    hpo_pool *pool = NULL;
    hpo_str devices = {0};
    hpo_str storage = {0};
    hpo_status st;
    o.queue_only = queue_only;
    o.max_trials = max_trials;
    cli_progress *progress = cli_progress_new(c, study);
    if (!progress) return cli_fail_memory();
    o.workers = w->workers;
    o.gpus_per_trial = w->gpus_per_trial;
    o.gpus = devices_of(w, &devices);
    absolute_storage(c, &storage);
    o.storage = storage.text;
    o.envp = (const char *const *)environ;
    o.reclaim = 1;
    o.on_event = cli_progress_event;
    o.ctx = progress;
    st = hpo_pool_create(study, &o, &pool, &c->err);
    if (st == HPO_OK) {
        catch_signals(pool);
        st = hpo_pool_run(pool, &c->err);
        release_signals();
        cli_progress_clear(progress);
    }
    hpo_pool_free(pool);
    cli_progress_free(progress);
    hpo_str_fini(&devices);
    hpo_str_fini(&storage);
    *ended = st;
    if (st >= 0) return CLI_OK;
    int rc = cli_fail(c);
    return st == HPO_EINVAL && !pool ? CLI_USAGE : rc;
}

int cli_work_queue(cli *c, hpo_study *study, const cli_work *w)
{
    hpo_status ended = HPO_OK;
    return run_pool(c, study, w, 1, 0, &ended);
}

int cli_work_run(cli *c, hpo_study *study, const cli_work *w)
{
    int64_t max_trials = 0;
    hpo_status ended = HPO_OK;
    int rc = cli_get_int(c, "max-trials", 1, INT64_MAX, &max_trials);
    if (rc == CLI_OK) rc = run_pool(c, study, w, 0, max_trials, &ended);
    return rc == CLI_OK ? conclude(c, study, ended) : rc;
}
