/* SPDX-License-Identifier: Apache-2.0 */
/* runner/local.c - programs as processes of this machine.
 *
 * Each job is a session of its own (so that a stop reaches everything it started, and nothing of it
 * touches our terminal).  Its standard output and error come through pipes, are handed on and kept in
 * log files of limited size; its metrics are written to a file which is read as it grows.
 *
 * The end of a job: the leader ends -> the rest of its session is killed -> it is reaped -> what is left
 * in the pipes and the metrics file is read -> when nobody of the session is left the EXIT event goes
 * out.  Descendants that left the session (daemons) are adopted and recognised by their environment.
 *
 * One thread, one poll().  A SIGCHLD handler writes into a pipe that poll() watches; the handler that
 * was installed before is put back on close. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/os.h"
#include "base/str.h"
#include "hpo/runner.h"
#include "runner/builtin.h"
#include "runner/process.h"

enum {
    READ_SIZE = 1 << 16,
    READS_A_ROUND = 4,   /* per descriptor, so that a flood does not starve the others */
    READS_AT_END = 1024, /* what can still be in a pipe, many times over */
    TAIL_MS = 50,        /* how often metrics files are looked at */
    MEMORY_MS = 100,     /* how often memory is measured */
    DRAIN_MS = 2000,     /* how long the rest of a session may take to die from SIGKILL */
    STRAYS_MS = 1000
};
static const int64_t never = INT64_MAX;

typedef enum job_stage {
    STAGE_RUNNING,
    STAGE_ASKED,      /* USR1 sent */
    STAGE_TERMINATED, /* TERM sent */
    STAGE_KILLED,
    STAGE_ENDED /* reaped; waiting for the rest of its session */
} job_stage;

typedef struct log_file {
    int pipe, file; /* -1: closed */
    int64_t written, dropped;
    int broken; /* errno of a failed write */
} log_file;

typedef struct local_job {
    int64_t id;
    pid_t pid;
    hpo_limits limits;
    char *dir, *marker; /* marker: "HPO_DIR=..." as in its environment */
    log_file out, err;
    int metrics;
    int64_t metrics_at;
    struct stat metrics_stat;
    job_stage stage;
    int lingered; /* somebody of its session outlived the leader */
    hpo_run_cause cause;
    int64_t started, deadline, escalate, memory_at, drained, orphans_at;
    int status;
    hpo_usage usage;
    double wall;
} local_job;

typedef struct local {
    local_job **jobs;
    size_t n_jobs, cap_jobs;
    struct pollfd *fds;
    size_t cap_fds;
    pid_t *strays; /* killed daemons, to be reaped */
    size_t n_strays, cap_strays;
    hpo_janitor janitor;
    int null_fd, adopted;
    int64_t oom_seen; /* the system's count of out-of-memory kills when last looked at */
    int64_t strays_at;
    struct sigaction old_action;
    hpo_str scratch;
    char buf[READ_SIZE];
} local;

/* The one thing a signal handler can reach: a pipe that every poll() watches.  Made once, kept for ever. */
static int wake_fds[2] = {-1, -1};

static void wake_all(void)
{
    int saved = errno;
    if (wake_fds[1] >= 0) {
        ssize_t ignored = write(wake_fds[1], "", 1); /* full is fine: it wakes as well */
        (void)ignored;
    }
    errno = saved;
}

static void on_child(int sig)
{
    (void)sig;
    wake_all();
}

static void local_wake(void *self)
{
    (void)self;
    wake_all();
}

static int64_t now_ns(void)
{
    return hpo_os_monotonic_ns();
}

static int64_t after(double seconds)
{
    return seconds < 1e9 ? now_ns() + (int64_t)(seconds * 1e9) : never;
}

static void close_fd(int *fd)
{
    if (*fd >= 0) (void)close(*fd);
    *fd = -1;
}

/* ---- open and close -------------------------------------------------------------------------------- */

static void free_job(local_job *j)
{
    close_fd(&j->out.pipe);
    close_fd(&j->out.file);
    close_fd(&j->err.pipe);
    close_fd(&j->err.file);
    close_fd(&j->metrics);
    hpo_free(j->dir);
    hpo_free(j->marker);
    hpo_free(j);
}

static void local_close(void *self)
{
    local *l = self;
    for (size_t i = 0; i < l->n_jobs; i++) {
        local_job *j = l->jobs[i];
        if (j->stage != STAGE_ENDED) {
            hpo_usage usage;
            (void)kill(-j->pid, SIGKILL);
            hpo_janitor_remove(&l->janitor, j->pid);
            (void)hpo_process_reap(j->pid, &usage);
        }
        free_job(j);
    }
    for (size_t i = 0; i < l->n_strays; i++)
        (void)waitpid(l->strays[i], NULL, WNOHANG);
    hpo_janitor_close(&l->janitor);
    if (l->adopted == 0) (void)hpo_process_adopt(0);
    (void)sigaction(SIGCHLD, &l->old_action, NULL);
    close_fd(&l->null_fd);
    hpo_free(l->jobs);
    hpo_free(l->fds);
    hpo_free(l->strays);
    hpo_str_fini(&l->scratch);
    hpo_free(l);
}

static hpo_status open_wake_pipe(hpo_error *err)
{
    int fds[2];
    if (wake_fds[0] >= 0) return HPO_OK;
    int rc = hpo_process_pipe(fds);
    if (rc == 0 && fcntl(fds[1], F_SETFL, O_NONBLOCK) != 0) rc = errno;
    if (rc) return hpo_fail(err, HPO_EIO, "local runner: cannot make a pipe: %s", strerror(rc));
    wake_fds[0] = fds[0];
    wake_fds[1] = fds[1];
    return HPO_OK;
}

static hpo_status local_open(const char *options, void **self, hpo_error *err)
{
    if (options[0])
        return hpo_fail(err, HPO_EINVAL, "local runner: unknown option '%s': it has none", options);
    HPO_TRY(open_wake_pipe(err));
    local *l = hpo_calloc(1, sizeof *l);
    if (!l) return hpo_fail_memory(err);
    l->null_fd = hpo_process_high_fd(open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (l->null_fd < 0) {
        hpo_free(l);
        return hpo_fail(err, HPO_EIO, "local runner: /dev/null: %s", strerror(errno));
    }
    struct sigaction a;
    memset(&a, 0, sizeof a);
    a.sa_handler = on_child;
    a.sa_flags = SA_RESTART | SA_NOCLDSTOP;
    sigemptyset(&a.sa_mask);
    (void)sigaction(SIGCHLD, &a, &l->old_action);
    l->adopted = hpo_process_adopt(1);
    l->oom_seen = hpo_process_oom_count();
    hpo_janitor_open(&l->janitor);
    l->strays_at = after(STRAYS_MS / 1e3);
    *self = l;
    return HPO_OK;
}

/* ---- start ------------------------------------------------------------------------------------------ */

static int open_in(local *l, const char *dir, const char *name, int flags)
{
    hpo_str_clear(&l->scratch);
    hpo_str_add(&l->scratch, dir);
    hpo_str_addc(&l->scratch, '/');
    hpo_str_add(&l->scratch, name);
    if (l->scratch.failed) {
        errno = ENOMEM;
        return -1;
    }
    return hpo_process_high_fd(open(l->scratch.text, flags | O_CREAT | O_CLOEXEC, 0666));
}

/* "HPO_DIR=..." out of envp: how a daemon that left the session is known. */
static const char *marker_of(const char *const *envp)
{
    for (size_t i = 0; envp[i]; i++)
        if (!strncmp(envp[i], "HPO_DIR=", 8)) return envp[i];
    return "";
}

static hpo_status open_logs(local *l, local_job *j, int out[2], int err_pipe[2], hpo_error *err)
{
    int rc = hpo_process_pipe(out);
    if (rc == 0) rc = hpo_process_pipe(err_pipe);
    if (rc) return hpo_fail(err, HPO_EBUSY, "cannot make a pipe: %s", strerror(rc));
    j->out.pipe = out[0];
    j->err.pipe = err_pipe[0];
    j->out.file = open_in(l, j->dir, "stdout", O_WRONLY | O_TRUNC);
    if (j->out.file >= 0) j->err.file = open_in(l, j->dir, "stderr", O_WRONLY | O_TRUNC);
    if (j->err.file >= 0) j->metrics = open_in(l, j->dir, "metrics.jsonl", O_RDWR | O_APPEND | O_TRUNC);
    if (j->metrics < 0 || fstat(j->metrics, &j->metrics_stat) != 0) {
        rc = errno;
        return hpo_fail(err, rc == EMFILE || rc == ENFILE ? HPO_EBUSY : HPO_EIO,
                        "trial directory '%.300s': %s: choose another with --dir", j->dir, strerror(rc));
    }
    return HPO_OK;
}

/* /bin/sh path arguments..., for scripts without a first line that names their interpreter. */
static const char **shell_argv(const char *path, const char *const *argv)
{
    size_t n = 0;
    while (argv[n])
        n++;
    const char **list = hpo_alloc_array(n + 2, sizeof *list);
    if (!list) return NULL;
    list[0] = "/bin/sh";
    list[1] = path;
    for (size_t i = 1; i <= n; i++)
        list[i + 1] = argv[i]; /* with the NULL */
    return list;
}

static hpo_status local_start(void *self, const hpo_job *job, hpo_error *err)
{
    local *l = self;
    char path[4096];
    int out[2] = {-1, -1};
    int err_pipe[2] = {-1, -1};
    const char **shell = NULL;
    HPO_TRY(hpo_reserve(&l->jobs, &l->cap_jobs, l->n_jobs + 1, sizeof *l->jobs, err));
    int rc = hpo_process_find(job->argv[0], job->envp, job->cwd, path, sizeof path);
    if (rc) return hpo_process_fail(rc, job->argv[0], job->cwd, err);
    local_job *j = hpo_calloc(1, sizeof *j);
    if (!j) return hpo_fail_memory(err);
    j->out.pipe = j->out.file = j->err.pipe = j->err.file = j->metrics = -1;
    j->id = job->id;
    j->limits = job->limits;
    j->dir = hpo_strdup(job->dir);
    j->marker = hpo_strdup(marker_of(job->envp));
    shell = shell_argv(path, job->argv);
    hpo_status status = j->dir && j->marker && shell ? HPO_OK : hpo_fail_memory(err);
    if (status == HPO_OK) status = open_logs(l, j, out, err_pipe, err);
    if (status != HPO_OK) goto done;

    j->started = now_ns();
    j->deadline = job->limits.wall > 0 ? after(job->limits.wall) : never;
    j->memory_at = job->limits.memory > 0 ? after(MEMORY_MS / 1e3) : never;
    j->escalate = j->orphans_at = never;
    hpo_spawn spawn = {path,   job->argv,   shell,      job->envp,       job->cwd,         l->null_fd,
                       out[1], err_pipe[1], j->metrics, job->limits.cpu, job->limits.grace};
    rc = hpo_process_spawn(&spawn, &j->pid);
    if (rc) {
        status = hpo_process_fail(rc, job->argv[0], job->cwd, err);
        goto done;
    }
    hpo_janitor_add(&l->janitor, j->pid);
    l->jobs[l->n_jobs++] = j;
    j = NULL;
done:
    close_fd(&out[1]);
    close_fd(&err_pipe[1]);
    hpo_free(shell);
    if (j) free_job(j);
    return status;
}

/* ---- reading ---------------------------------------------------------------------------------------- */

static void emit_data(const local_job *j, hpo_run_event_kind kind, const char *data, size_t n,
                      hpo_run_sink sink, void *ctx)
{
    hpo_run_event e = {.size = sizeof e, .kind = kind, .id = j->id, .data = data, .n = n};
    sink(ctx, &e);
}

/* What the user sees at the end of a log that was cut. */
static void write_cut_note(log_file *log, int64_t limit)
{
    char note[96];
    int n = snprintf(note, sizeof note, "\n[hpo: output beyond %lld bytes was dropped]\n", (long long)limit);
    ssize_t ignored = write(log->file, note, (size_t)n);
    (void)ignored;
}

static void write_log(log_file *log, const char *data, size_t n, int64_t limit)
{
    size_t keep = n;
    if (limit > 0 && log->written + (int64_t)n > limit)
        keep = (size_t)(log->written < limit ? limit - log->written : 0);
    for (size_t at = 0; at < keep && !log->broken;) {
        ssize_t put = write(log->file, data + at, keep - at);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0)
            log->broken = errno;
        else
            at += (size_t)put;
    }
    log->written += (int64_t)keep;
    if (keep == n) return;
    if (!log->dropped && !log->broken) write_cut_note(log, limit);
    log->dropped += (int64_t)(n - keep);
}

static void read_log(local *l, const local_job *j, log_file *log, hpo_run_event_kind kind, int reads,
                     hpo_run_sink sink, void *ctx)
{
    while (log->pipe >= 0 && reads-- > 0) {
        ssize_t got = read(log->pipe, l->buf, sizeof l->buf);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
        if (got <= 0) {
            close_fd(&log->pipe);
            return;
        }
        write_log(log, l->buf, (size_t)got, j->limits.output);
        emit_data(j, kind, l->buf, (size_t)got, sink, ctx);
        if (got < (ssize_t)sizeof l->buf) return; /* most likely empty; poll() tells */
    }
}

static void read_metrics_fd(local *l, local_job *j, int fd, hpo_run_sink sink, void *ctx)
{
    for (;;) {
        ssize_t got = pread(fd, l->buf, sizeof l->buf, (off_t)j->metrics_at);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return;
        j->metrics_at += got;
        emit_data(j, HPO_RUN_METRICS, l->buf, (size_t)got, sink, ctx);
    }
}

static void read_metrics(local *l, local_job *j, hpo_run_sink sink, void *ctx)
{
    struct stat st;
    if (fstat(j->metrics, &st) != 0) return;
    if (st.st_size < j->metrics_at) j->metrics_at = 0; /* the program began the file anew */
    if (st.st_size > j->metrics_at) read_metrics_fd(l, j, j->metrics, sink, ctx);
}

/* The program may have replaced the file (written beside it, then renamed): read that one as well. */
static void read_replaced_metrics(local *l, local_job *j, hpo_run_sink sink, void *ctx)
{
    struct stat st;
    hpo_str_clear(&l->scratch);
    hpo_str_add(&l->scratch, j->dir);
    hpo_str_add(&l->scratch, "/metrics.jsonl");
    if (l->scratch.failed || stat(l->scratch.text, &st) != 0 || !S_ISREG(st.st_mode)) return;
    if (st.st_ino == j->metrics_stat.st_ino && st.st_dev == j->metrics_stat.st_dev) return;
    int fd = open(l->scratch.text, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    j->metrics_at = 0;
    read_metrics_fd(l, j, fd, sink, ctx);
    (void)close(fd);
}

/* ---- stopping --------------------------------------------------------------------------------------- */

static void make_stop_file(local *l, const local_job *j)
{
    int fd = open_in(l, j->dir, "stop", O_WRONLY);
    if (fd >= 0) (void)close(fd);
}

/* Goes to a stage; stages are never gone back. */
static void advance(local *l, local_job *j, job_stage stage)
{
    if (stage <= j->stage || j->stage == STAGE_ENDED) return;
    if (j->stage == STAGE_RUNNING && stage < STAGE_KILLED) make_stop_file(l, j);
    j->stage = stage;
    j->escalate = stage == STAGE_KILLED ? never : after(j->limits.grace);
    int sig = stage == STAGE_ASKED ? SIGUSR1 : stage == STAGE_TERMINATED ? SIGTERM : SIGKILL;
    (void)kill(-j->pid, sig);
    if (sig == SIGTERM) (void)kill(-j->pid, SIGCONT); /* a stopped process would not see it */
}

static void set_cause(local_job *j, hpo_run_cause cause)
{
    if (j->cause == HPO_CAUSE_EXIT) j->cause = cause;
}

static void local_stop(void *self, int64_t id, hpo_stop_step step)
{
    local *l = self;
    for (size_t i = 0; i < l->n_jobs; i++) {
        local_job *j = l->jobs[i];
        if (j->id != id || j->stage == STAGE_ENDED) continue;
        set_cause(j, HPO_CAUSE_STOPPED);
        advance(l, j,
                step == HPO_STEP_REQUEST     ? STAGE_ASKED
                : step == HPO_STEP_TERMINATE ? STAGE_TERMINATED
                                             : STAGE_KILLED);
    }
}

static void check_memory(local *l, local_job *j)
{
    j->memory_at = after(MEMORY_MS / 1e3);
    if (hpo_process_memory(j->pid, 0) <= j->limits.memory) return;
    /* Shared pages were counted once a process: ask again, exactly, before killing for it. */
    if (hpo_process_memory(j->pid, 1) <= j->limits.memory) return;
    set_cause(j, HPO_CAUSE_MEMORY);
    advance(l, j, STAGE_KILLED);
}

static void check_timers(local *l, local_job *j, int64_t now)
{
    if (j->stage == STAGE_ENDED) return;
    if (now >= j->deadline) {
        j->deadline = never;
        set_cause(j, HPO_CAUSE_TIME);
        advance(l, j, STAGE_TERMINATED);
    }
    if (now >= j->escalate) advance(l, j, j->stage == STAGE_ASKED ? STAGE_TERMINATED : STAGE_KILLED);
    if (now >= j->memory_at && j->stage != STAGE_KILLED) check_memory(l, j);
}

/* ---- ends ------------------------------------------------------------------------------------------- */

typedef struct stray_search {
    local *l;
    const char *marker; /* of the job that ended */
} stray_search;

static int visit_child(void *ctx, pid_t pid)
{
    const stray_search *s = ctx;
    local *l = s->l;
    if (pid == l->janitor.pid) return 0;
    for (size_t i = 0; i < l->n_jobs; i++)
        if (l->jobs[i]->pid == pid) return 0;
    for (size_t i = 0; i < l->n_strays; i++)
        if (l->strays[i] == pid) return 0;
    if (!hpo_process_has_env(pid, s->marker)) return 0;
    if (hpo_reserve(&l->strays, &l->cap_strays, l->n_strays + 1, sizeof *l->strays, NULL) != HPO_OK) return 1;
    (void)kill(pid, SIGKILL);
    l->strays[l->n_strays++] = pid;
    return 0;
}

/* Kills daemons of a job that ended: processes that left its session and were adopted by us. */
static void kill_strays(local *l, const local_job *j)
{
    stray_search s = {l, j->marker};
    if (l->adopted < 0 || !j->marker[0]) return;
    hpo_process_children(visit_child, &s);
}

static void reap_strays(local *l)
{
    for (size_t i = 0; i < l->n_strays;) {
        if (waitpid(l->strays[i], NULL, WNOHANG) != 0)
            l->strays[i] = l->strays[--l->n_strays];
        else
            i++;
    }
}

/* 1 when the system has killed something for lack of memory since this was last asked. */
static int oom_happened(local *l)
{
    int64_t count = hpo_process_oom_count();
    int grew = count > l->oom_seen;
    l->oom_seen = count;
    return grew;
}

/* The leader has ended: nothing of it may go on. */
static void leader_ended(local *l, local_job *j)
{
    (void)kill(-j->pid, SIGKILL); /* before the reaping, while the number is surely still theirs */
    hpo_janitor_remove(&l->janitor, j->pid);
    j->status = hpo_process_reap(j->pid, &j->usage);
    j->wall = (double)(now_ns() - j->started) * 1e-9;
    if (j->cause == HPO_CAUSE_EXIT && WIFSIGNALED(j->status)) {
        int sig = WTERMSIG(j->status);
        double cpu = j->usage.user + j->usage.system;
        if (sig == SIGXCPU || (sig == SIGKILL && j->limits.cpu > 0 && cpu >= j->limits.cpu))
            j->cause = HPO_CAUSE_CPU;
        else
            j->cause = sig == SIGKILL && oom_happened(l) ? HPO_CAUSE_OOM : HPO_CAUSE_SIGNAL;
    }
    j->stage = STAGE_ENDED;
    j->drained = after(DRAIN_MS / 1e3);
    kill_strays(l, j);
}

/* 1 once nobody of the session is left. */
static int session_empty(const local_job *j)
{
    while (waitpid(-j->pid, NULL, WNOHANG) > 0)
        continue; /* adopted ones */
    return kill(-j->pid, 0) != 0 && errno == ESRCH;
}

static void emit_exit(const local_job *j, hpo_run_sink sink, void *ctx)
{
    hpo_run_event e = {.size = sizeof e, .kind = HPO_RUN_EXIT, .id = j->id, .cause = j->cause};
    e.code = WIFEXITED(j->status) ? WEXITSTATUS(j->status) : -1;
    e.signal = WIFSIGNALED(j->status) ? WTERMSIG(j->status) : 0;
    e.wall = j->wall;
    e.user = j->usage.user;
    e.system = j->usage.system;
    e.max_rss = j->usage.max_rss;
    e.dropped = j->out.dropped + j->err.dropped;
    sink(ctx, &e);
}

/* 1 when the job is over and its EXIT was handed out. */
static int check_end(local *l, local_job *j, hpo_run_sink sink, void *ctx)
{
    if (j->stage != STAGE_ENDED) {
        if (hpo_process_ended(j->pid) == 0) return 0;
        leader_ended(l, j);
    }
    if ((!session_empty(j) || l->n_strays) && now_ns() < j->drained) {
        j->lingered = 1;
        reap_strays(l);
        return 0;
    }
    read_log(l, j, &j->out, HPO_RUN_STDOUT, READS_AT_END, sink, ctx);
    read_log(l, j, &j->err, HPO_RUN_STDERR, READS_AT_END, sink, ctx);
    read_metrics(l, j, sink, ctx);
    read_replaced_metrics(l, j, sink, ctx);
    if (j->lingered || l->n_strays)
        kill_strays(l, j); /* those that appeared when their parents were killed */
    emit_exit(j, sink, ctx);
    return 1;
}

/* ---- the loop --------------------------------------------------------------------------------------- */

static int64_t earliest(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Milliseconds until something is due, at most `timeout`. */
static int wait_time(const local *l, int64_t timeout)
{
    int64_t now = now_ns();
    int64_t due = timeout < 0 ? never : now + timeout * 1000000;
    for (size_t i = 0; i < l->n_jobs; i++) {
        const local_job *j = l->jobs[i];
        int64_t tick = j->stage == STAGE_ENDED ? 2 : TAIL_MS;
        due = earliest(due, now + tick * 1000000);
        if (j->stage == STAGE_ENDED) continue;
        due = earliest(due, earliest(j->deadline, earliest(j->escalate, j->memory_at)));
    }
    if (l->n_strays) due = earliest(due, l->strays_at);
    if (due == never) return -1;
    int64_t ms = (due - now + 999999) / 1000000;
    return ms < 0 ? 0 : ms > 60000 ? 60000 : (int)ms;
}

static hpo_status wait_for_events(local *l, int64_t timeout, hpo_error *err)
{
    size_t n = 0;
    HPO_TRY(hpo_reserve(&l->fds, &l->cap_fds, 1 + 2 * l->n_jobs, sizeof *l->fds, err));
    l->fds[n++] = (struct pollfd){.fd = wake_fds[0], .events = POLLIN};
    for (size_t i = 0; i < l->n_jobs; i++) {
        const local_job *j = l->jobs[i];
        if (j->out.pipe >= 0) l->fds[n++] = (struct pollfd){.fd = j->out.pipe, .events = POLLIN};
        if (j->err.pipe >= 0) l->fds[n++] = (struct pollfd){.fd = j->err.pipe, .events = POLLIN};
    }
    if (poll(l->fds, (nfds_t)n, wait_time(l, timeout)) < 0 && errno != EINTR)
        return hpo_fail(err, HPO_EIO, "local runner: poll: %s", strerror(errno));
    char drop[256];
    while (read(wake_fds[0], drop, sizeof drop) == (ssize_t)sizeof drop)
        continue;
    return HPO_OK;
}

static hpo_status local_poll(void *self, int64_t timeout_ms, hpo_run_sink sink, void *ctx, hpo_error *err)
{
    local *l = self;
    HPO_TRY(wait_for_events(l, timeout_ms, err));
    int64_t now = now_ns();
    for (size_t i = 0; i < l->n_jobs;) {
        local_job *j = l->jobs[i];
        if (j->stage != STAGE_ENDED) {
            read_log(l, j, &j->out, HPO_RUN_STDOUT, READS_A_ROUND, sink, ctx);
            read_log(l, j, &j->err, HPO_RUN_STDERR, READS_A_ROUND, sink, ctx);
            read_metrics(l, j, sink, ctx);
        }
        check_timers(l, j, now);
        if (check_end(l, j, sink, ctx)) {
            l->jobs[i] = l->jobs[--l->n_jobs];
            free_job(j);
        } else {
            i++;
        }
    }
    if (now >= l->strays_at) {
        l->strays_at = after(STRAYS_MS / 1e3);
        reap_strays(l);
    }
    return HPO_OK;
}

const hpo_runner_ops hpo_runner_local = {
    .size = sizeof(hpo_runner_ops),
    .name = "local",
    .help = "programs as processes of this machine",
    .open = local_open,
    .close = local_close,
    .start = local_start,
    .poll = local_poll,
    .stop = local_stop,
    .wake = local_wake,
};
