/* SPDX-License-Identifier: Apache-2.0 */
/* runner/family.c - a program's descendants, and the janitor.  See process.h.
 *
 * Linux tells what is needed under /proc.  Elsewhere the functions answer "unknown": sessions are still
 * ended by their process group, only memory limits and daemons that left their session need /proc. */
#define _DEFAULT_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "runner/process.h"

enum { MAX_DEPTH = 64, MAX_FAMILY = 100000 };

/* At most cap - 1 bytes of a file, terminated; the number of bytes, 0 on failure. */
static size_t read_small(const char *path, char *buf, size_t cap)
{
    size_t n = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    while (n + 1 < cap) {
        ssize_t got = read(fd, buf + n, cap - 1 - n);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        n += (size_t)got;
    }
    (void)close(fd);
    buf[n] = '\0';
    return n;
}

/* Visits the pids in a `children` file; 1 when visit ended it. */
static int visit_children(const char *path, int (*visit)(void *ctx, pid_t pid), void *ctx)
{
    char buf[16384];
    size_t n = read_small(path, buf, sizeof buf);
    for (char *p = buf, *end; n && *p; p = end) {
        long pid = strtol(p, &end, 10);
        if (end == p) break;
        if (pid > 0 && visit(ctx, (pid_t)pid)) return 1;
        while (*end == ' ')
            end++;
    }
    return 0;
}

void hpo_process_children(int (*visit)(void *ctx, pid_t pid), void *ctx)
{
    DIR *d = opendir("/proc/self/task");
    struct dirent *e;
    if (!d) return;
    while ((e = readdir(d)) != NULL) {
        char path[320];
        if (e->d_name[0] == '.') continue;
        (void)snprintf(path, sizeof path, "/proc/self/task/%s/children", e->d_name);
        if (visit_children(path, visit, ctx)) break;
    }
    (void)closedir(d);
}

/* ---- memory ----------------------------------------------------------------------------------------- */

static int64_t own_memory(pid_t pid, int exact)
{
    char path[64];
    char buf[2048];
    if (exact) {
        (void)snprintf(path, sizeof path, "/proc/%ld/smaps_rollup", (long)pid);
        if (read_small(path, buf, sizeof buf)) {
            const char *line = strstr(buf, "\nPss:");
            if (line) return (int64_t)strtoll(line + 5, NULL, 10) * 1024;
        }
    }
    (void)snprintf(path, sizeof path, "/proc/%ld/statm", (long)pid);
    if (!read_small(path, buf, sizeof buf)) return 0;
    const char *second = strchr(buf, ' ');
    return second ? (int64_t)strtoll(second, NULL, 10) * (int64_t)sysconf(_SC_PAGESIZE) : 0;
}

typedef struct memory_walk {
    int64_t total;
    int depth, seen, exact;
} memory_walk;

static int add_memory(void *ctx, pid_t pid)
{
    memory_walk *w = ctx;
    char path[320];
    if (++w->seen > MAX_FAMILY || w->depth >= MAX_DEPTH) return 1;
    w->total += own_memory(pid, w->exact);
    (void)snprintf(path, sizeof path, "/proc/%ld/task", (long)pid);
    DIR *d = opendir(path);
    struct dirent *e;
    if (!d) return 0;
    w->depth++;
    while ((e = readdir(d)) != NULL) {
        if (e->d_name[0] == '.') continue;
        (void)snprintf(path, sizeof path, "/proc/%ld/task/%.20s/children", (long)pid, e->d_name);
        if (visit_children(path, add_memory, w)) break;
    }
    w->depth--;
    (void)closedir(d);
    return 0;
}

int64_t hpo_process_memory(pid_t pid, int exact)
{
    memory_walk w = {0, 0, 0, exact};
    (void)add_memory(&w, pid);
    return w.total;
}

int64_t hpo_process_oom_count(void)
{
    char buf[16384];
    if (!read_small("/proc/vmstat", buf, sizeof buf)) return -1;
    const char *line = strstr(buf, "\noom_kill ");
    return line ? (int64_t)strtoll(line + 10, NULL, 10) : -1;
}

/* ---- orphans ---------------------------------------------------------------------------------------- */

int hpo_process_adopt(int on)
{
#ifdef __linux__
    int before = 0;
    if (prctl(PR_GET_CHILD_SUBREAPER, &before) != 0) return -1;
    if (prctl(PR_SET_CHILD_SUBREAPER, on) != 0) return -1;
    return before;
#else
    (void)on;
    return -1;
#endif
}

int hpo_process_has_env(pid_t pid, const char *entry)
{
    char path[64];
    char buf[4096];
    size_t len = strlen(entry);
    size_t matched = 0; /* bytes of entry matched so far; SIZE_MAX: skip to the next text */
    int found = 0;
    (void)snprintf(path, sizeof path, "/proc/%ld/environ", (long)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    for (ssize_t got; !found && (got = read(fd, buf, sizeof buf)) > 0;) {
        for (ssize_t i = 0; i < got && !found; i++) {
            if (!buf[i]) {
                found = matched == len;
                matched = 0;
            } else if (matched != SIZE_MAX) {
                matched = matched < len && entry[matched] == buf[i] ? matched + 1 : SIZE_MAX;
            }
        }
    }
    (void)close(fd);
    return found;
}

/* ---- janitor ---------------------------------------------------------------------------------------- */

enum { JANITOR_MAX = 4096 };

/* Runs in the forked process: async-signal-safe calls only. */
static void janitor_main(int fd)
{
    pid_t live[JANITOR_MAX];
    size_t n = 0;
    int32_t message;
    sigset_t all;
    sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, NULL); /* it ends when we end, not before */
    (void)setsid();
    for (;;) {
        ssize_t got = read(fd, &message, sizeof message);
        if (got < 0 && errno == EINTR) continue;
        if (got != (ssize_t)sizeof message) break;
        if (message > 0 && n < JANITOR_MAX) {
            live[n++] = (pid_t)message;
            continue;
        }
        for (size_t i = 0; i < n; i++)
            if (live[i] == (pid_t)-message) {
                live[i] = live[--n];
                break;
            }
    }
    for (size_t i = 0; i < n; i++)
        (void)kill(-live[i], SIGKILL);
    _exit(0);
}

void hpo_janitor_open(hpo_janitor *j)
{
    int fds[2];
    j->fd = -1;
    j->pid = -1;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) return; /* no SIGPIPE if it was killed */
    fds[0] = hpo_process_high_fd(fds[0]);
    fds[1] = hpo_process_high_fd(fds[1]);
    if (fds[0] >= 0 && fds[1] >= 0) j->pid = fork();
    if (j->pid == 0) {
        (void)close(fds[1]);
        janitor_main(fds[0]);
    }
    if (fds[0] >= 0) (void)close(fds[0]);
    if (j->pid > 0)
        j->fd = fds[1];
    else if (fds[1] >= 0)
        (void)close(fds[1]);
}

static void janitor_say(hpo_janitor *j, int32_t message)
{
    if (j->fd < 0) return;
    while (send(j->fd, &message, sizeof message, MSG_NOSIGNAL) < 0 && errno == EINTR)
        continue;
}

void hpo_janitor_add(hpo_janitor *j, pid_t session)
{
    janitor_say(j, (int32_t)session);
}

void hpo_janitor_remove(hpo_janitor *j, pid_t session)
{
    janitor_say(j, -(int32_t)session);
}

void hpo_janitor_close(hpo_janitor *j)
{
    if (j->fd < 0) return;
    (void)close(j->fd);
    while (waitpid(j->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    j->fd = -1;
    j->pid = -1;
}
