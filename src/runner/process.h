/* SPDX-License-Identifier: Apache-2.0 */
/* runner/process.h - the system calls of the local runner: starting a program, looking at its family,
 * and the janitor that ends programs when we are killed. */
#ifndef RUNNER_PROCESS_H
#define RUNNER_PROCESS_H
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "hpo.h"

typedef struct hpo_spawn {
    const char *path; /* what to execute */
    const char *const *argv;
    const char *const *shell_argv; /* for a script without #!: /bin/sh, path, arguments */
    const char *const *envp;
    const char *cwd;
    int in, out, err, metrics; /* become 0, 1, 2, 3; all above 3 */
    double cpu, grace;         /* seconds of processor time; 0: no limit */
} hpo_spawn;

/* Starts it as the leader of its own session.  0, or errno of what failed. */
int hpo_process_spawn(const hpo_spawn *s, pid_t *pid);
/* Where execvp would find `name`, given envp's PATH and the working directory; 0 or errno. */
int hpo_process_find(const char *name, const char *const *envp, const char *cwd, char *path, size_t cap);
/* Why a program could not be started: `code` of find or spawn in words. */
hpo_status hpo_process_fail(int code, const char *name, const char *cwd, hpo_error *err);
/* A pipe: both ends close-on-exec and above 3, the reading end non-blocking.  0 or errno. */
int hpo_process_pipe(int fds[2]);
/* The same descriptor above 3, close-on-exec; -1 and the old one closed on failure. */
int hpo_process_high_fd(int fd);

/* 1 when `pid` has ended and waits to be reaped (it stays so), 0 when it runs, -1 when it is not ours. */
int hpo_process_ended(pid_t pid);
typedef struct hpo_usage {
    double user, system;
    int64_t max_rss; /* bytes */
} hpo_usage;
/* Reaps an ended process: the wait status. */
int hpo_process_reap(pid_t pid, hpo_usage *usage);

/* Memory of a process and its descendants in bytes: resident, or when `exact` the proportional share of
 * shared pages.  0: unknown. */
int64_t hpo_process_memory(pid_t pid, int exact);
/* Processes killed by the system for lack of memory since boot; -1: unknown. */
int64_t hpo_process_oom_count(void);
/* Adopt orphaned descendants (Linux); returns the setting before, -1: not possible. */
int hpo_process_adopt(int on);
/* Calls visit for every child of the calling thread; nonzero ends. */
void hpo_process_children(int (*visit)(void *ctx, pid_t pid), void *ctx);
/* 1 when the environment of pid holds exactly `entry` ("NAME=value"). */
int hpo_process_has_env(pid_t pid, const char *entry);

/* The janitor: a small process that waits for us to die and then kills the sessions it was told of. */
typedef struct hpo_janitor {
    int fd; /* -1: none */
    pid_t pid;
} hpo_janitor;
void hpo_janitor_open(hpo_janitor *j); /* without one (no process left) everything else still works */
void hpo_janitor_add(hpo_janitor *j, pid_t session);
void hpo_janitor_remove(hpo_janitor *j, pid_t session);
void hpo_janitor_close(hpo_janitor *j);
#endif
