/* SPDX-License-Identifier: Apache-2.0 */
/* base/os_posix.c - clock, files, locks and threads on POSIX systems. */
#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"

/* strerror is not thread-safe, strerror_r has two incompatible forms: ask for the POSIX one by our
 * feature macro (no _GNU_SOURCE). */
static const char *reason(int code, char buf[128])
{
    if (strerror_r(code, buf, 128) != 0) (void)snprintf(buf, 128, "error %d", code);
    return buf;
}

static hpo_status fail_errno(hpo_error *err, const char *verb, const char *path)
{
    int code = errno;
    char buf[128];
    if (code == ENOMEM) return hpo_fail_memory(err);
    return hpo_fail(err, code == ENOENT ? HPO_ENOTFOUND : HPO_EIO, "cannot %s '%s': %s", verb, path,
                    reason(code, buf));
}

/* ---- clock --------------------------------------------------------------------------------- */

int64_t hpo_os_unix_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t hpo_os_monotonic_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t hpo_os_thread_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void sleep_ns(int64_t ns)
{
    struct timespec t = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    while (nanosleep(&t, &t) != 0 && errno == EINTR) {
    }
}

void hpo_os_sleep_ms(int64_t ms)
{
    if (ms > 0) sleep_ns(ms < INT64_MAX / 1000000 ? ms * 1000000 : INT64_MAX);
}

/* ---- process ------------------------------------------------------------------------------- */

hpo_status hpo_os_random(void *buf, size_t n, hpo_error *err)
{
    /* The device, not getrandom(): the same on every POSIX system, and seeds are wanted once a study. */
    static const char path[] = "/dev/urandom";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail_errno(err, "open", path);
    hpo_status status = HPO_OK;
    unsigned char *p = buf;
    while (n > 0) {
        ssize_t got = read(fd, p, n);
        if (got > 0) {
            p += got;
            n -= (size_t)got;
        } else if (got == 0 || errno != EINTR) {
            if (got == 0) errno = EIO;
            status = fail_errno(err, "read", path);
            break;
        }
    }
    (void)close(fd);
    return status;
}

int32_t hpo_os_pid(void)
{
    return (int32_t)getpid();
}

void hpo_os_worker_name(char *buf, size_t n)
{
    char host[128];
    if (n == 0) return;
    if (gethostname(host, sizeof host) != 0) memcpy(host, "localhost", sizeof "localhost");
    host[sizeof host - 1] = '\0';
    (void)snprintf(buf, n, "%s:%d", host, (int)getpid());
}

int32_t hpo_os_cpu_count(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n >= 1 && n < INT32_MAX ? (int32_t)n : 1;
}

/* ---- files --------------------------------------------------------------------------------- */

hpo_status hpo_os_read_file(const char *path, size_t limit, char **out, size_t *n, hpo_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail_errno(err, "open", path);
    hpo_status status = HPO_OK;
    char *text = NULL;
    size_t len = 0, cap = 0;
    /* Not by st_size: pipes and /proc files have none. */
    for (;;) {
        status = hpo_reserve(&text, &cap, len + 4096, 1, err);
        if (status != HPO_OK) break;
        ssize_t got = read(fd, text + len, cap - len - 1);
        if (got == 0) break;
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            status = fail_errno(err, "read", path);
            break;
        }
        len += (size_t)got;
        if (len > limit) {
            status = hpo_fail(err, HPO_EINVAL, "'%s' is larger than the %zu bytes allowed here", path, limit);
            break;
        }
    }
    (void)close(fd);
    if (status != HPO_OK) {
        hpo_free(text);
        return status;
    }
    text[len] = '\0';
    *out = text;
    *n = len;
    return HPO_OK;
}

static int write_all(int fd, const unsigned char *p, size_t n)
{
    while (n > 0) {
        ssize_t put = write(fd, p, n);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return -1;
        p += put;
        n -= (size_t)put;
    }
    return 0;
}

/* Makes the rename itself durable; a file system that cannot sync a folder is no error. */
static void sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder =
        slash == NULL ? hpo_strdup(".") : hpo_strndup(path, slash == path ? 1 : (size_t)(slash - path));
    if (folder == NULL) return;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        (void)close(fd);
    }
    hpo_free(folder);
}

hpo_status hpo_os_write_file(const char *path, const void *data, size_t n, hpo_error *err)
{
    hpo_str temporary = {0};
    char *name = NULL;
    int fd = -1;
    hpo_status status = HPO_OK;
    hpo_str_addf(&temporary, "%s.tmp.%d.%lld", path, (int)getpid(), (long long)hpo_os_monotonic_ns());
    HPO_TRY(hpo_str_steal(&temporary, &name, err));
    fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) {
        status = fail_errno(err, "create", name);
        goto done;
    }
    if (write_all(fd, data, n) != 0 || fsync(fd) != 0) {
        status = fail_errno(err, "write", name);
        (void)close(fd);
    } else if (close(fd) != 0) {
        status = fail_errno(err, "close", name);
    } else if (rename(name, path) != 0) {
        status = fail_errno(err, "replace", path);
    } else {
        sync_folder(path);
    }
    if (status != HPO_OK) (void)unlink(name);
done:
    hpo_free(name);
    return status;
}

hpo_status hpo_os_mkdirs(const char *path, hpo_error *err)
{
    char *copy = hpo_strdup(path);
    if (copy == NULL) return hpo_fail_memory(err);
    hpo_status status = HPO_OK;
    for (char *p = copy; *p != '\0' && status == HPO_OK;) {
        p += strspn(p, "/");
        p += strcspn(p, "/");
        char separator = *p;
        *p = '\0';
        struct stat st;
        if (mkdir(copy, 0777) != 0 && !(errno == EEXIST && stat(copy, &st) == 0 && S_ISDIR(st.st_mode)))
            status = fail_errno(err, "make folder", copy);
        *p = separator;
    }
    hpo_free(copy);
    return status;
}

int hpo_os_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

int hpo_os_is_network_fs(const char *path, const char **kind)
{
    /* Numbers of linux/magic.h and of statfs(2). */
    static const struct {
        uint32_t magic;
        const char *name;
    } table[] = {
        {0x6969u, "nfs"},          {0xFF534D42u, "cifs"},   {0xFE534D42u, "smb2"},   {0x517Bu, "smb"},
        {0x564Cu, "ncp"},          {0x73757245u, "coda"},   {0x5346414Fu, "afs"},    {0x6B414653u, "afs"},
        {0x00C36400u, "ceph"},     {0x0BD00BD0u, "lustre"}, {0x01021997u, "9p"},     {0x47504653u, "gpfs"},
        {0x01161970u, "gfs2"},     {0x7461636Fu, "ocfs2"},  {0x19830326u, "beegfs"}, {0xAAD7AAEAu, "panfs"},
        {0x20030528u, "orangefs"},
    };
    struct statfs fs;
    int found = statfs(path, &fs) == 0;
    if (!found) {
        const char *slash = strrchr(path, '/');
        char *folder =
            slash == NULL ? hpo_strdup(".") : hpo_strndup(path, slash == path ? 1 : (size_t)(slash - path));
        if (folder == NULL) return 0;
        found = statfs(folder, &fs) == 0;
        hpo_free(folder);
    }
    if (!found) return 0;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if ((uint32_t)fs.f_type != table[i].magic) continue;
        if (kind != NULL) *kind = table[i].name;
        return 1;
    }
    return 0;
}

/* ---- locks --------------------------------------------------------------------------------- */

hpo_status hpo_os_lock_open(hpo_os_lock *l, const char *path, hpo_error *err)
{
    l->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    return l->fd >= 0 ? HPO_OK : fail_errno(err, "open lock file", path);
}

hpo_status hpo_os_lock_take(hpo_os_lock *l, int64_t timeout_ms, hpo_error *err)
{
    char buf[128];
    if (timeout_ms < 0) {
        while (flock(l->fd, LOCK_EX) != 0) {
            if (errno != EINTR) return hpo_fail(err, HPO_EIO, "cannot lock: %s", reason(errno, buf));
        }
        return HPO_OK;
    }
    /* Polls: a blocking flock can be bounded only by signals, which belong to the program.  The pauses
     * grow from 20 us to 1 ms and are jittered by clock and process, so that waiters do not march in step. */
    int64_t start = hpo_os_monotonic_ns(), pause_ns = 20000;
    uint64_t mix = (uint64_t)start ^ (uint64_t)getpid() << 32;
    for (;;) {
        if (flock(l->fd, LOCK_EX | LOCK_NB) == 0) return HPO_OK;
        if (errno == EINTR) continue;
        if (errno != EWOULDBLOCK) return hpo_fail(err, HPO_EIO, "cannot lock: %s", reason(errno, buf));
        int64_t waited = hpo_os_monotonic_ns() - start;
        if (waited / 1000000 >= timeout_ms)
            return hpo_fail(err, HPO_EBUSY, "another process held the lock for more than %lld ms",
                            (long long)timeout_ms);
        mix = mix * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407); /* Knuth's MMIX */
        sleep_ns(pause_ns / 2 + (int64_t)((mix >> 33) % (uint64_t)pause_ns) / 2);
        if (pause_ns < 1000000) pause_ns = pause_ns * 3 / 2 < 1000000 ? pause_ns * 3 / 2 : 1000000;
    }
}

void hpo_os_lock_release(hpo_os_lock *l)
{
    while (flock(l->fd, LOCK_UN) != 0 && errno == EINTR) {
    }
}

void hpo_os_lock_close(hpo_os_lock *l)
{
    if (l->fd >= 0) (void)close(l->fd);
    l->fd = -1;
}

/* ---- threads ------------------------------------------------------------------------------- */

hpo_status hpo_mutex_init(hpo_mutex *m, hpo_error *err)
{
    char buf[128];
    int code = pthread_mutex_init(m, NULL);
    return code == 0 ? HPO_OK : hpo_fail(err, HPO_ENOMEM, "cannot make a mutex: %s", reason(code, buf));
}

hpo_status hpo_mutex_init_recursive(hpo_mutex *m, hpo_error *err)
{
    char buf[128];
    pthread_mutexattr_t attributes;
    int code = pthread_mutexattr_init(&attributes);
    if (code == 0) {
        code = pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
        if (code == 0) code = pthread_mutex_init(m, &attributes);
        (void)pthread_mutexattr_destroy(&attributes);
    }
    return code == 0 ? HPO_OK : hpo_fail(err, HPO_ENOMEM, "cannot make a mutex: %s", reason(code, buf));
}

void hpo_mutex_lock(hpo_mutex *m)
{
    (void)pthread_mutex_lock(m);
}

void hpo_mutex_unlock(hpo_mutex *m)
{
    (void)pthread_mutex_unlock(m);
}

void hpo_mutex_fini(hpo_mutex *m)
{
    (void)pthread_mutex_destroy(m);
}

hpo_status hpo_thread_start(hpo_thread *t, void *(*fn)(void *), void *arg, hpo_error *err)
{
    char buf[128];
    int code = pthread_create(t, NULL, fn, arg);
    return code == 0 ? HPO_OK : hpo_fail(err, HPO_EIO, "cannot start a thread: %s", reason(code, buf));
}

void hpo_thread_join(hpo_thread t)
{
    (void)pthread_join(t, NULL);
}
