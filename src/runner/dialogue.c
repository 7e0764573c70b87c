/* SPDX-License-Identifier: Apache-2.0 */
/* runner/dialogue.c - talking to a program line by line.  See dialogue.h.
 *
 * All three descriptors of ours are non-blocking and watched by one poll(), also while we write: a program
 * that says much before it listens cannot lock us up. */
#include "runner/dialogue.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/os.h"
#include "base/str.h"
#include "runner/process.h"

enum {
    READ_SIZE = 1 << 16,
    MAX_LINE = 64 << 20,
    KEPT_WORDS = 4096, /* of standard error */
    SHOWN_WORDS = 240,
    SHOWN_LINES = 3,
    SLICE_MS = 100, /* how often we look whether it lives while nothing comes */
    LAST_MS = 1000  /* between the end of its output and its own */
};

struct hpo_dialogue {
    char *name; /* argv[0], for messages */
    pid_t pid;
    int in, out, err; /* ours; -1: closed */
    int ended, status;
    hpo_str lines; /* what has come, from `next` on not yet handed out */
    size_t next, searched;
    hpo_str words, shown;
    char buf[READ_SIZE];
};

static void close_fd(int *fd)
{
    if (*fd >= 0) (void)close(*fd);
    *fd = -1;
}

/* ---- start ------------------------------------------------------------------------------------------ */

/* Pipes for the three descriptors of the child: its ends in theirs[]. */
static int make_pipes(hpo_dialogue *d, int theirs[3])
{
    int fds[2];
    int rc = hpo_process_pipe(fds);
    if (rc) return rc;
    theirs[0] = fds[0];
    d->in = fds[1];
    if (fcntl(fds[0], F_SETFL, 0) != 0 || fcntl(fds[1], F_SETFL, O_NONBLOCK) != 0) return errno;
    rc = hpo_process_pipe(fds);
    if (rc) return rc;
    d->out = fds[0];
    theirs[1] = fds[1];
    rc = hpo_process_pipe(fds);
    if (rc) return rc;
    d->err = fds[0];
    theirs[2] = fds[1];
    return 0;
}

static int start(hpo_dialogue *d, const char *path, const char *const *argv, const char *const *envp,
                 const char *cwd)
{
    int theirs[4] = {-1, -1, -1, -1};
    const char **shell = NULL;
    size_t n = 0;
    int rc = make_pipes(d, theirs);
    if (rc == 0) {
        theirs[3] = hpo_process_high_fd(open("/dev/null", O_WRONLY | O_CLOEXEC));
        if (theirs[3] < 0) rc = errno;
    }
    while (argv[n])
        n++;
    if (rc == 0) {
        shell = hpo_alloc_array(n + 2, sizeof *shell);
        if (!shell) rc = ENOMEM;
    }
    if (rc == 0) {
        shell[0] = "/bin/sh";
        shell[1] = path;
        for (size_t i = 1; i <= n; i++)
            shell[i + 1] = argv[i];
        hpo_spawn s = {.path = path,
                       .argv = argv,
                       .shell_argv = shell,
                       .envp = envp,
                       .cwd = cwd,
                       .in = theirs[0],
                       .out = theirs[1],
                       .err = theirs[2],
                       .metrics = theirs[3]};
        rc = hpo_process_spawn(&s, &d->pid);
        if (rc) d->pid = -1;
    }
    for (size_t i = 0; i < 4; i++)
        close_fd(&theirs[i]);
    hpo_free(shell);
    return rc;
}

hpo_status hpo_dialogue_open(const char *const *argv, const char *const *envp, const char *cwd,
                             hpo_dialogue **out, hpo_error *err)
{
    char path[4096];
    *out = NULL;
    int rc = hpo_process_find(argv[0], envp, cwd, path, sizeof path);
    if (rc)
        return hpo_fail(err, HPO_ENOTFOUND, "cannot start '%.200s': %s", argv[0],
                        rc == ENOENT ? "there is no such program (is it in PATH?)" : strerror(rc));
    hpo_dialogue *d = hpo_calloc(1, sizeof *d);
    if (!d) return hpo_fail_memory(err);
    d->pid = d->in = d->out = d->err = -1;
    d->name = hpo_strdup(argv[0]);
    rc = d->name ? start(d, path, argv, envp, cwd) : ENOMEM;
    if (rc) {
        hpo_dialogue_close(d, 0);
        return rc == ENOMEM ? hpo_fail_memory(err)
                            : hpo_fail(err, HPO_EIO, "cannot start '%.200s': %s", argv[0], strerror(rc));
    }
    *out = d;
    return HPO_OK;
}

/* ---- watching --------------------------------------------------------------------------------------- */

static int64_t deadline_of(double timeout)
{
    return timeout > 0 && timeout < 1e9 ? hpo_os_monotonic_ns() + (int64_t)(timeout * 1e9) : INT64_MAX;
}

static void keep_words(hpo_dialogue *d, size_t n)
{
    hpo_str_addn(&d->words, d->buf, n);
    if (d->words.failed || d->words.len <= (size_t)2 * KEPT_WORDS) return;
    memmove(d->words.text, d->words.text + d->words.len - KEPT_WORDS, (size_t)KEPT_WORDS + 1);
    d->words.len = KEPT_WORDS;
}

/* Reads what there is from *fd; closes it at its end. */
static void drain(hpo_dialogue *d, int *fd)
{
    while (*fd >= 0) {
        ssize_t n = read(*fd, d->buf, sizeof d->buf);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
        if (n <= 0) {
            close_fd(fd);
            return;
        }
        if (fd == &d->err)
            keep_words(d, (size_t)n);
        else
            hpo_str_addn(&d->lines, d->buf, (size_t)n);
        if ((size_t)n < sizeof d->buf || d->lines.len > MAX_LINE) return;
    }
}

/* Waits for news at most until `until` or a slice; takes in what has come.  writing: also wait for room. */
static void watch(hpo_dialogue *d, int writing, int64_t until)
{
    struct pollfd fds[3] = {{.fd = d->out, .events = POLLIN},
                            {.fd = d->err, .events = POLLIN},
                            {.fd = writing ? d->in : -1, .events = POLLOUT}};
    int64_t left = (until - hpo_os_monotonic_ns()) / 1000000 + 1;
    int ms = left < 0 ? 0 : left > SLICE_MS ? SLICE_MS : (int)left;
    (void)poll(fds, 3, ms);
    drain(d, &d->err);
    drain(d, &d->out);
}

static int has_ended(hpo_dialogue *d)
{
    if (!d->ended && hpo_process_ended(d->pid) != 0) {
        hpo_usage usage;
        (void)kill(-d->pid, SIGKILL); /* the rest of its session, while the number is still its own */
        d->status = hpo_process_reap(d->pid, &usage);
        d->ended = 1;
    }
    return d->ended;
}

/* ---- messages --------------------------------------------------------------------------------------- */

const char *hpo_dialogue_last_words(hpo_dialogue *d)
{
    drain(d, &d->err);
    hpo_str_clear(&d->shown);
    if (d->words.failed || !d->words.len) return "";
    const char *text = d->words.text;
    size_t end = d->words.len;
    while (end && (unsigned char)text[end - 1] <= ' ')
        end--;
    size_t from = end;
    for (int lines = 0; from && end - from < SHOWN_WORDS; from--)
        if (text[from - 1] == '\n' && ++lines == SHOWN_LINES) break;
    for (; from < end; from++) {
        if (text[from] == '\n')
            hpo_str_add(&d->shown, " | ");
        else if ((unsigned char)text[from] >= ' ')
            hpo_str_addc(&d->shown, text[from]);
    }
    return d->shown.failed || !d->shown.len ? "" : d->shown.text;
}

static hpo_status fail_ended(hpo_dialogue *d, hpo_error *err)
{
    int64_t until = hpo_os_monotonic_ns() + (int64_t)LAST_MS * 1000000;
    char how[64];
    while (!has_ended(d) && hpo_os_monotonic_ns() < until)
        hpo_os_sleep_ms(1);
    if (!d->ended)
        (void)snprintf(how, sizeof how, "closed its output");
    else if (WIFSIGNALED(d->status))
        (void)snprintf(how, sizeof how, "was ended by signal %d", WTERMSIG(d->status));
    else
        (void)snprintf(how, sizeof how, "ended with status %d", WEXITSTATUS(d->status));
    const char *words = hpo_dialogue_last_words(d);
    return hpo_fail(err, HPO_EIO, "'%.120s' %s%s%s", d->name, how, words[0] ? ": " : "", words);
}

static hpo_status fail_timeout(hpo_dialogue *d, double timeout, const char *what, hpo_error *err)
{
    const char *words = hpo_dialogue_last_words(d);
    return hpo_fail(err, HPO_EIO, "'%.120s' %s within %g s%s%s", d->name, what, timeout,
                    words[0] ? "; its last words: " : "", words);
}

/* ---- lines ------------------------------------------------------------------------------------------ */

/* write() that never raises SIGPIPE, whatever the process does with that signal. */
static ssize_t write_quietly(int fd, const char *text, size_t n)
{
    sigset_t pipe_only, old, pending;
    int before, caught;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    sigpending(&pending);
    before = sigismember(&pending, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &pipe_only, &old);
    ssize_t written = write(fd, text, n);
    int saved = errno;
    if (written < 0 && saved == EPIPE && before != 1) {
        sigpending(&pending);
        if (sigismember(&pending, SIGPIPE) == 1) (void)sigwait(&pipe_only, &caught);
    }
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    errno = saved;
    return written;
}

hpo_status hpo_dialogue_send(hpo_dialogue *d, const char *text, size_t n, double timeout, hpo_error *err)
{
    int64_t until = deadline_of(timeout);
    while (n) {
        ssize_t written = d->in < 0 ? -1 : write_quietly(d->in, text, n);
        if (written > 0) {
            text += written;
            n -= (size_t)written;
            continue;
        }
        if (d->in < 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
            close_fd(&d->in);
            return fail_ended(d, err);
        }
        if (hpo_os_monotonic_ns() >= until) return fail_timeout(d, timeout, "did not listen", err);
        if (has_ended(d)) return fail_ended(d, err);
        watch(d, 1, until);
    }
    return HPO_OK;
}

hpo_status hpo_dialogue_receive(hpo_dialogue *d, double timeout, const char **line, size_t *n, hpo_error *err)
{
    int64_t until = deadline_of(timeout);
    if (d->next) { /* the line handed out last is over */
        memmove(d->lines.text, d->lines.text + d->next, d->lines.len - d->next + 1);
        d->lines.len -= d->next;
        d->next = d->searched = 0;
    }
    for (int last = 0;;) {
        if (d->lines.failed) return hpo_fail_memory(err);
        char *end = d->lines.len > d->searched
                        ? memchr(d->lines.text + d->searched, '\n', d->lines.len - d->searched)
                        : NULL;
        if (end) {
            *end = '\0';
            *line = d->lines.text;
            *n = (size_t)(end - d->lines.text);
            d->next = *n + 1;
            return HPO_OK;
        }
        d->searched = d->lines.len;
        if (d->lines.len > MAX_LINE)
            return hpo_fail(err, HPO_EIO, "'%.120s' sent a line of more than 64 MiB", d->name);
        if (d->out < 0 || last) return fail_ended(d, err);
        if (hpo_os_monotonic_ns() >= until) return fail_timeout(d, timeout, "did not answer", err);
        last = has_ended(d); /* then one more look at what it had written */
        watch(d, 0, last ? 0 : until);
    }
}

/* ---- end -------------------------------------------------------------------------------------------- */

void hpo_dialogue_close(hpo_dialogue *d, double grace)
{
    if (!d) return;
    close_fd(&d->in);
    if (d->pid > 0 && !d->ended) {
        int64_t until = hpo_os_monotonic_ns() + (int64_t)(grace * 1e9);
        for (int64_t ms = 1; !has_ended(d) && hpo_os_monotonic_ns() < until; ms = ms < 16 ? 2 * ms : 16) {
            hpo_os_sleep_ms(ms);
            drain(d, &d->out); /* a full pipe must not keep it from ending */
            drain(d, &d->err);
            hpo_str_clear(&d->lines);
        }
        if (!d->ended) {
            hpo_usage usage;
            (void)kill(-d->pid, SIGKILL);
            (void)hpo_process_reap(d->pid, &usage);
        }
    }
    close_fd(&d->out);
    close_fd(&d->err);
    hpo_str_fini(&d->lines);
    hpo_str_fini(&d->words);
    hpo_str_fini(&d->shown);
    hpo_free(d->name);
    hpo_free(d);
}
