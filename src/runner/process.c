/* SPDX-License-Identifier: Apache-2.0 */
/* runner/process.c - starting programs quickly.  See process.h.
 *
 * vfork: the child borrows our memory until it executes, so that a start costs the same however large
 * this process is, as with posix_spawn, which cannot set limits, session and working directory.  Between
 * vfork and execve the child makes system calls only, with all signals blocked, and writes nothing but
 * the error number. */
#define _DEFAULT_SOURCE /* vfork, wait4 */
#include "runner/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "base/error.h"
#include "runner/process_child.h"

/* ---- descriptors --------------------------------------------------------------------------------- */

int hpo_process_high_fd(int fd)
{
    if (fd < 0) return fd;
    if (fd > 3) return fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ? -1 : fd;
    int high = fcntl(fd, F_DUPFD_CLOEXEC, 4);
    int saved = errno;
    (void)close(fd);
    errno = saved;
    return high;
}

int hpo_process_pipe(int fds[2])
{
    if (pipe(fds) != 0) return errno;
    fds[0] = hpo_process_high_fd(fds[0]);
    fds[1] = hpo_process_high_fd(fds[1]);
    if (fds[0] >= 0 && fds[1] >= 0 && fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0) return 0;
    int saved = errno;
    if (fds[0] >= 0) (void)close(fds[0]);
    if (fds[1] >= 0) (void)close(fds[1]);
    return saved;
}

/* ---- where a program is ----------------------------------------------------------------------------- */

static int executable(const char *path)
{
    struct stat st;
    if (access(path, X_OK) != 0) return errno;
    if (stat(path, &st) != 0) return errno;
    return S_ISDIR(st.st_mode) ? EISDIR : 0;
}

int hpo_process_find(const char *name, const char *const *envp, const char *cwd, char *path, size_t cap)
{
    const char *search = "/usr/local/bin:/usr/bin:/bin";
    int found = ENOENT;
    if (!name[0]) return ENOENT;
    if (strchr(name, '/')) {
        int n = name[0] == '/' ? snprintf(path, cap, "%s", name) : snprintf(path, cap, "%s/%s", cwd, name);
        if (n < 0 || (size_t)n >= cap) return ENAMETOOLONG;
        return executable(path);
    }
    for (size_t i = 0; envp[i]; i++)
        if (!strncmp(envp[i], "PATH=", 5)) search = envp[i] + 5;
    for (const char *p = search;; p++) {
        size_t len = strcspn(p, ":");
        int n = len == 0      ? snprintf(path, cap, "%s/%s", cwd, name)
                : p[0] == '/' ? snprintf(path, cap, "%.*s/%s", (int)len, p, name)
                              : snprintf(path, cap, "%s/%.*s/%s", cwd, (int)len, p, name);
        if (n > 0 && (size_t)n < cap) {
            int rc = executable(path);
            if (rc == 0) return 0;
            if (rc == EACCES) found = EACCES;
        }
        p += len;
        if (!*p) return found;
    }
}

hpo_status hpo_process_fail(int code, const char *name, const char *cwd, hpo_error *err)
{
    if (code == ENOENT)
        return hpo_fail(err, HPO_EINVAL, "cannot start '%.200s': not found%s (working directory: %.150s)",
                        name, strchr(name, '/') ? "" : " in PATH", cwd);
    if (code == EACCES)
        return hpo_fail(err, HPO_EINVAL,
                        "cannot start '%.200s': not executable: chmod +x it, or name its interpreter", name);
    if (code == EISDIR) return hpo_fail(err, HPO_EINVAL, "cannot start '%.200s': it is a folder", name);
    if (code == E2BIG)
        return hpo_fail(err, HPO_EINVAL, "cannot start '%.200s': its arguments and environment are too long",
                        name);
    if (code == EAGAIN || code == ENOMEM || code == EMFILE || code == ENFILE)
        return hpo_fail(err, HPO_EBUSY, "cannot start '%.200s' now: %s", name, strerror(code));
    return hpo_fail(err, HPO_EINVAL, "cannot start '%.200s': %s", name, strerror(code));
}

/* ---- start ------------------------------------------------------------------------------------------ */

int hpo_process_spawn(const hpo_spawn *s, pid_t *pid)
{
    sigset_t all;
    sigset_t old;
    volatile int failed = 0;
    pid_t parent = getpid();
    sigfillset(&all);
    int rc = pthread_sigmask(SIG_SETMASK, &all, &old);
    if (rc) return rc;
    pid_t child = vfork();
    if (child == 0) hpo_process_child(s, parent, &failed);
    rc = child < 0 ? errno : failed;
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc && child > 0) (void)waitpid(child, NULL, 0);
    *pid = child;
    return rc;
}

/* ---- end -------------------------------------------------------------------------------------------- */

int hpo_process_ended(pid_t pid)
{
    siginfo_t info;
    info.si_pid = 0;
    int rc;
    do {
        rc = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT);
    } while (rc != 0 && errno == EINTR);
    if (rc != 0) return -1;
    return info.si_pid == pid;
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec * 1e-6;
}

int hpo_process_reap(pid_t pid, hpo_usage *usage)
{
    struct rusage r;
    int status = 0;
    memset(&r, 0, sizeof r);
    while (wait4(pid, &status, 0, &r) < 0 && errno == EINTR)
        continue;
    usage->user = seconds(r.ru_utime);
    usage->system = seconds(r.ru_stime);
#ifdef __APPLE__
    usage->max_rss = (int64_t)r.ru_maxrss;
#else
    usage->max_rss = (int64_t)r.ru_maxrss * 1024;
#endif
    return status;
}

/* ---- the child -------------------------------------------------------------------------------------- */

static void fail_child(volatile int *failed)
{
    *failed = errno ? errno : EINVAL;
    _exit(127);
}

static void limit_cpu(double cpu, double grace)
{
    struct rlimit r;
    double hard = ceil(cpu) + ceil(grace) + 1;
    if (getrlimit(RLIMIT_CPU, &r) != 0) return;
    if (r.rlim_max == RLIM_INFINITY || (double)r.rlim_max > hard) r.rlim_max = (rlim_t)hard;
    r.rlim_cur = (rlim_t)ceil(cpu);
    if (r.rlim_cur > r.rlim_max) r.rlim_cur = r.rlim_max;
    (void)setrlimit(RLIMIT_CPU, &r);
}

/* Handlers that this process may have installed must not run in borrowed memory; the two ignored signals
 * of ours must not stay ignored in the program. */
static void default_signals(void)
{
    static const int list[] = {SIGINT,  SIGTERM, SIGHUP,  SIGQUIT,   SIGUSR1, SIGUSR2,
                               SIGCHLD, SIGALRM, SIGTSTP, SIGCONT,   SIGTTIN, SIGTTOU,
                               SIGPIPE, SIGXFSZ, SIGXCPU, SIGVTALRM, SIGPROF};
    struct sigaction a;
    sigset_t none;
    memset(&a, 0, sizeof a);
    a.sa_handler = SIG_DFL;
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
        (void)sigaction(list[i], &a, NULL);
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

void hpo_process_child(const hpo_spawn *s, pid_t parent, volatile int *failed)
{
    (void)setsid();
#ifdef __linux__
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
    if (getppid() != parent) fail_child(failed); /* it died before the line above */
    if (dup2(s->in, 0) < 0 || dup2(s->out, 1) < 0 || dup2(s->err, 2) < 0 || dup2(s->metrics, 3) < 0)
        fail_child(failed);
    if (chdir(s->cwd) != 0) fail_child(failed);
    if (s->cpu > 0) limit_cpu(s->cpu, s->grace);
    default_signals();
    /* execve takes char *const[] for historical reasons and changes nothing. */
    union {
        const char *const *in;
        char *const *out;
    } argv = {s->argv}, envp = {s->envp}, shell = {s->shell_argv};
    (void)execve(s->path, argv.out, envp.out);
    if (errno == ENOEXEC) (void)execve("/bin/sh", shell.out, envp.out);
    fail_child(failed);
}
