/* SPDX-License-Identifier: Apache-2.0 */
/* cli/logs.c - `hpo logs`: what the program of a trial has printed, as kept in the trial's directory. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/os.h"
#include "hpo/runner.h"
#include "record.h"

static const cli_option logs_options[] = {
    CLI_STUDY_OPTIONS,
    {"follow", 'f', NULL, "go on printing until the trial has ended", 0, NULL},
    {"stdout", 0, NULL, "only the standard output of the program", 0, NULL},
    {"stderr", 0, NULL, "only its standard error", 0, NULL},
    {"tail", 't', "N", "only the last N lines of each", 0, NULL},
};

typedef struct log_file {
    const char *name;
    char path[4096];
    int fd; /* -1: not there (yet) */
    int64_t bytes;
} log_file;

static void open_log(log_file *l)
{
    if (l->fd < 0) l->fd = open(l->path, O_RDONLY | O_CLOEXEC);
}

/* Moves to the start of the last `lines` lines: looks backwards block by block. */
static void seek_tail(log_file *l, int64_t lines)
{
    char buf[4096];
    off_t end = lseek(l->fd, 0, SEEK_END);
    off_t at = end;
    int64_t seen = 0;
    while (at > 0) {
        size_t n = at < (off_t)sizeof buf ? (size_t)at : sizeof buf;
        ssize_t got;
        at -= (off_t)n;
        got = pread(l->fd, buf, n, at);
        if (got <= 0) break;
        for (ssize_t i = got; i-- > 0;) {
            if (buf[i] != '\n' || at + i + 1 == end) continue;
            if (++seen == lines) {
                lseek(l->fd, at + i + 1, SEEK_SET);
                return;
            }
        }
    }
    lseek(l->fd, 0, SEEK_SET);
}

/* Copies what is there; `head` is printed first when several logs are shown.  0: standard output is gone. */
static int copy_log(log_file *l, int head)
{
    char buf[65536];
    ssize_t n;
    if (l->fd < 0) return 1;
    while ((n = read(l->fd, buf, sizeof buf)) > 0) {
        if (head) printf("%s==> %s <==\n", l->bytes ? "\n" : "", l->name);
        head = 0;
        l->bytes += n;
        if (fwrite(buf, 1, (size_t)n, stdout) != (size_t)n) return 0;
    }
    return fflush(stdout) == 0;
}

static int is_running(cli *c, int64_t number, int *running)
{
    hpo_trial_info t = {.size = sizeof t};
    if (hpo_study_trial(c->study, number, &t, &c->err) != HPO_OK) return cli_fail(c);
    *running = t.state == HPO_STATE_RUNNING || t.state == HPO_STATE_WAITING;
    return CLI_OK;
}

static int follow(cli *c, int64_t number, log_file *logs, size_t n)
{
    int running = 1;
    while (running) {
        int rc = is_running(c, number, &running); /* first, so that what was written last is read as well */
        if (rc != CLI_OK) return rc;
        for (size_t i = 0; i < n; i++) {
            open_log(&logs[i]);
            if (!copy_log(&logs[i], 0)) return CLI_OK;
        }
        if (running) hpo_os_sleep_ms(250);
    }
    return CLI_OK;
}

static int run_logs(cli *c)
{
    log_file logs[2] = {{.name = "stdout", .fd = -1}, {.name = "stderr", .fd = -1}};
    log_file *first = logs;
    size_t n = 2;
    int64_t number = 0;
    int64_t lines = 0;
    char *dir = NULL;
    hpo_trial_info t = {.size = sizeof t};
    int rc = cli_expect_args(c, 1, 1);
    if (rc != CLI_OK || (rc = cli_trial_number(c, c->args[0], &number)) != CLI_OK) return rc;
    if ((rc = cli_get_int(c, "tail", 1, INT64_MAX, &lines)) != CLI_OK) return rc;
    if (cli_has(c, "stdout") != cli_has(c, "stderr")) {
        n = 1;
        first = cli_has(c, "stdout") ? &logs[0] : &logs[1];
    }
    if ((rc = cli_open_study(c)) != CLI_OK) return rc;
    if (hpo_study_trial(c->study, number, &t, &c->err) != HPO_OK) return cli_fail(c);
    if (!hpo_study_has_command(c->study))
        return cli_error("trial %" PRId64
                         " has no logs: the study has no command, its trials are asked for and told",
                         number);
    if (hpo_study_trial_dir(c->study, number, &dir, &c->err) != HPO_OK) return cli_fail(c);
    for (size_t i = 0; i < n; i++) {
        snprintf(first[i].path, sizeof first[i].path, "%s/%s", dir, first[i].name);
        open_log(&first[i]);
        if (first[i].fd >= 0 && lines > 0) seek_tail(&first[i], lines);
    }
    if (first[0].fd < 0 && (n == 1 || first[1].fd < 0) && !cli_has(c, "follow"))
        rc = cli_error("trial %" PRId64 " (%s) has no logs in %s: it has not run here, or they were removed",
                       number, hpo_state_name(t.state), dir);
    for (size_t i = 0; i < n && rc == CLI_OK; i++)
        if (!copy_log(&first[i], n > 1)) break;
    if (rc == CLI_OK && cli_has(c, "follow")) rc = follow(c, number, first, n);
    for (size_t i = 0; i < n; i++)
        if (first[i].fd >= 0) close(first[i].fd);
    hpo_free(dir);
    return rc;
}

const cli_command cli_logs = {
    .name = "logs",
    .group = "Look",
    .help = "print what the program of a trial has written",
    .usage = "[-n NAME] TRIAL [-f] [--stdout|--stderr]",
    .words = "@trial",
    .options = logs_options,
    .n_options = CLI_COUNT(logs_options),
    .run = run_logs,
};
