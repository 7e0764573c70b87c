/* SPDX-License-Identifier: Apache-2.0 */
/* base/os.h - clock, files, locks, threads.  With runner/ the only place that meets the system. */
#ifndef BASE_OS_H
#define BASE_OS_H
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include "hpo.h"

int64_t hpo_os_unix_ms(void);      /* wall clock; may jump */
int64_t hpo_os_monotonic_ns(void); /* never goes back */
int64_t hpo_os_thread_ns(void);    /* processor time of this thread */
void hpo_os_sleep_ms(int64_t ms);
/* Fills buf with bytes from the system's generator (seeds of studies whose user gave none). */
HPO_NODISCARD hpo_status hpo_os_random(void *buf, size_t n, hpo_error *err);
int32_t hpo_os_pid(void);
/* "host:pid", truncated to n bytes. */
void hpo_os_worker_name(char *buf, size_t n);
int32_t hpo_os_cpu_count(void);

/* Whole file as text (a NUL is appended, *n excludes it); at most `limit` bytes, else HPO_EINVAL. */
HPO_NODISCARD hpo_status hpo_os_read_file(const char *path, size_t limit, char **out, size_t *n, hpo_error *err);
/* Writes atomically: temporary file beside it, fsync, rename.  The old file survives any failure. */
HPO_NODISCARD hpo_status hpo_os_write_file(const char *path, const void *data, size_t n, hpo_error *err);
HPO_NODISCARD hpo_status hpo_os_mkdirs(const char *path, hpo_error *err);
int hpo_os_exists(const char *path);
/* 1 when `path` (or its folder) lies on a network file system; *kind gets its name ("nfs", "cifs", ...). */
int hpo_os_is_network_fs(const char *path, const char **kind);

/* An advisory lock on a file (flock): exclusive, freed by the kernel when the holder dies.  The handle is
 * for one thread at a time; opening the same path twice gives two competing handles. */
typedef struct hpo_os_lock {
    int fd; /* -1: closed */
} hpo_os_lock;
HPO_NODISCARD hpo_status hpo_os_lock_open(hpo_os_lock *l, const char *path, hpo_error *err);
/* Blocks at most timeout_ms (-1: for ever); HPO_EBUSY on timeout. */
HPO_NODISCARD hpo_status hpo_os_lock_take(hpo_os_lock *l, int64_t timeout_ms, hpo_error *err);
void hpo_os_lock_release(hpo_os_lock *l);
void hpo_os_lock_close(hpo_os_lock *l);

/* Threads: pthreads, so that ThreadSanitizer sees them. */
typedef pthread_mutex_t hpo_mutex;
#define HPO_MUTEX_INIT PTHREAD_MUTEX_INITIALIZER /* for static mutexes; others: hpo_mutex_init */
typedef pthread_t hpo_thread;
HPO_NODISCARD hpo_status hpo_mutex_init(hpo_mutex *m, hpo_error *err);
/* One that its holder may take again. */
HPO_NODISCARD hpo_status hpo_mutex_init_recursive(hpo_mutex *m, hpo_error *err);
void hpo_mutex_lock(hpo_mutex *m);
void hpo_mutex_unlock(hpo_mutex *m);
void hpo_mutex_fini(hpo_mutex *m);
HPO_NODISCARD hpo_status hpo_thread_start(hpo_thread *t, void *(*fn)(void *), void *arg, hpo_error *err);
void hpo_thread_join(hpo_thread t);
#endif
