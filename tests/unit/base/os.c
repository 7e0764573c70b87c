/* SPDX-License-Identifier: Apache-2.0 */
/* Clock, files, locks between threads and processes. */
#include "base/os.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "t.h"

static void test_clock(void **state)
{
    (void)state;
    int64_t unix_ms = hpo_os_unix_ms(), start = hpo_os_monotonic_ns();
    assert_true(unix_ms > INT64_C(1577836800000)); /* after 2020 */
    hpo_os_sleep_ms(20);
    hpo_os_sleep_ms(0);
    hpo_os_sleep_ms(-5);
    int64_t slept = hpo_os_monotonic_ns() - start;
    assert_true(slept >= INT64_C(20000000) && slept < INT64_C(5000000000));
}

static void test_process(void **state)
{
    (void)state;
    hpo_error err;
    char name[64], small[4], want[32];
    unsigned char a[32] = {0}, b[32] = {0};
    assert_int_equal(hpo_os_pid(), getpid());
    assert_true(hpo_os_cpu_count() >= 1);
    hpo_os_worker_name(name, sizeof name);
    (void)snprintf(want, sizeof want, ":%d", (int)getpid());
    assert_contains(name, want);
    hpo_os_worker_name(small, sizeof small);
    assert_int_equal(strlen(small), 3);
    assert_ok(hpo_os_random(a, sizeof a, &err), err);
    assert_ok(hpo_os_random(b, sizeof b, &err), err);
    assert_memory_not_equal(a, b, sizeof a);
}

static void test_files(void **state)
{
    (void)state;
    hpo_error err;
    char *text = NULL;
    size_t n = 99;
    const char *path = t_temp_path("file");
    assert_false(hpo_os_exists(path));
    assert_fails(hpo_os_read_file(path, 100, &text, &n, &err), HPO_ENOTFOUND, err, path);
    assert_ok(hpo_os_write_file(path, "one\0two", 7, &err), err);
    assert_true(hpo_os_exists(path));
    assert_ok(hpo_os_read_file(path, 7, &text, &n, &err), err);
    assert_int_equal(n, 7);
    assert_memory_equal(text, "one\0two", 8); /* a NUL is appended */
    hpo_free(text);
    assert_fails(hpo_os_read_file(path, 6, &text, &n, &err), HPO_EINVAL, err, "larger than the 6 bytes");
    assert_ok(hpo_os_write_file(path, "", 0, &err), err);
    assert_ok(hpo_os_read_file(path, 0, &text, &n, &err), err);
    assert_int_equal(n, 0);
    assert_string_equal(text, "");
    hpo_free(text);
    size_t big = 3000000;
    char *data = malloc(big);
    assert_non_null(data);
    for (size_t i = 0; i < big; i++)
        data[i] = (char)(i * 31 >> 3);
    assert_ok(hpo_os_write_file(path, data, big, &err), err);
    assert_ok(hpo_os_read_file(path, big, &text, &n, &err), err);
    assert_int_equal(n, big);
    assert_memory_equal(text, data, big);
    hpo_free(text);
    free(data);
    assert_fails(hpo_os_read_file(t_temp_dir(), 100, &text, &n, &err), HPO_EIO, err, "cannot read");
    assert_fails(hpo_os_write_file(t_temp_path("no/such/folder"), "x", 1, &err), HPO_ENOTFOUND, err,
                 "no/such/folder");
}

static size_t entries(const char *folder)
{
    char command[5000], line[64] = "";
    (void)snprintf(command, sizeof command, "ls -A '%s' | wc -l", folder);
    FILE *p = popen(command, "r");
    assert_non_null(p);
    assert_non_null(fgets(line, sizeof line, p));
    (void)pclose(p);
    return strtoul(line, NULL, 10);
}

static void test_failed_write_leaves_the_old_file(void **state)
{
    (void)state;
    hpo_error err;
    char *text = NULL;
    size_t n = 0;
    assert_ok(hpo_os_mkdirs(t_temp_path("kept/target"), &err), err);
    const char *path = t_temp_path("kept/file"), *folder = t_temp_path("kept");
    assert_ok(hpo_os_write_file(path, "old", 3, &err), err);
    /* rename onto a folder fails after the temporary file was written: nothing stays behind */
    assert_fails(hpo_os_write_file(t_temp_path("kept/target"), "new", 3, &err), HPO_EIO, err, "target");
    assert_int_equal(entries(folder), 2);
    assert_ok(hpo_os_read_file(path, 100, &text, &n, &err), err);
    assert_string_equal(text, "old");
    hpo_free(text);
    if (geteuid() == 0) return; /* root writes everywhere */
    assert_int_equal(chmod(folder, 0500), 0);
    assert_fails(hpo_os_write_file(path, "new", 3, &err), HPO_EIO, err, "denied");
    assert_int_equal(chmod(folder, 0700), 0);
}

static void test_mkdirs(void **state)
{
    (void)state;
    hpo_error err;
    const char *path = t_temp_path("a/b//c/");
    assert_ok(hpo_os_mkdirs(path, &err), err);
    assert_ok(hpo_os_mkdirs(path, &err), err);
    assert_true(hpo_os_exists(path));
    assert_ok(hpo_os_mkdirs("/", &err), err);
    const char *file = t_temp_path("plain");
    assert_ok(hpo_os_write_file(file, "x", 1, &err), err);
    assert_fails(hpo_os_mkdirs(file, &err), HPO_EIO, err, "plain");
    assert_fails(hpo_os_mkdirs(t_temp_path("plain/sub"), &err), HPO_EIO, err, "plain");
}

static void test_network_fs(void **state)
{
    (void)state;
    const char *kind = "unset";
    assert_false(hpo_os_is_network_fs("/proc/self/status", &kind));
    assert_string_equal(kind, "unset");
    assert_false(hpo_os_is_network_fs("/proc/no-such-file", NULL));
    assert_false(hpo_os_is_network_fs("no/such/folder/file", NULL));
}

static void test_lock_excludes(void **state)
{
    (void)state;
    hpo_error err;
    hpo_os_lock a, b;
    const char *path = t_temp_path("lock");
    assert_ok(hpo_os_lock_open(&a, path, &err), err);
    assert_ok(hpo_os_lock_open(&b, path, &err), err);
    assert_true(fcntl(a.fd, F_GETFD) & FD_CLOEXEC);
    assert_ok(hpo_os_lock_take(&a, -1, &err), err);
    assert_fails(hpo_os_lock_take(&b, 0, &err), HPO_EBUSY, err, "0 ms");
    int64_t start = hpo_os_monotonic_ns();
    assert_fails(hpo_os_lock_take(&b, 30, &err), HPO_EBUSY, err, "30 ms");
    int64_t waited = hpo_os_monotonic_ns() - start;
    assert_true(waited >= 30000000 && waited < INT64_C(5000000000));
    hpo_os_lock_release(&a);
    assert_ok(hpo_os_lock_take(&b, 0, &err), err);
    assert_fails(hpo_os_lock_take(&a, 0, &err), HPO_EBUSY, err, "0 ms");
    hpo_os_lock_close(&b); /* closing lets go */
    assert_int_equal(b.fd, -1);
    assert_ok(hpo_os_lock_take(&a, 0, &err), err);
    hpo_os_lock_close(&a);
    hpo_os_lock_close(&a);
    assert_fails(hpo_os_lock_open(&a, t_temp_path("no/lock"), &err), HPO_ENOTFOUND, err, "no/lock");
}

/* Children add 1 to a number in a file, each addition under the lock; one child dies holding it. */
static void test_lock_between_processes(void **state)
{
    (void)state;
    enum { CHILDREN = 6, ADDITIONS = 200 };
    hpo_error err;
    const char *lock_path = t_temp_path("counter.lock"), *path = t_temp_path("counter");
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    int64_t count = 0;
    assert_int_equal(pwrite(fd, &count, sizeof count, 0), sizeof count);
    pid_t pids[CHILDREN];
    for (int c = 0; c < CHILDREN; c++) {
        pids[c] = fork();
        if (pids[c] != 0) continue;
        hpo_os_lock l;
        int good = hpo_os_lock_open(&l, lock_path, NULL) == HPO_OK;
        for (int i = 0; i < ADDITIONS && good; i++) {
            good = hpo_os_lock_take(&l, c % 2 == 0 ? -1 : 60000, NULL) == HPO_OK &&
                   pread(fd, &count, sizeof count, 0) == sizeof count;
            count++;
            good = good && pwrite(fd, &count, sizeof count, 0) == sizeof count;
            if (c == 0 && i == ADDITIONS - 1) _exit(0); /* still holding the lock */
            hpo_os_lock_release(&l);
        }
        _exit(good ? 0 : 1);
    }
    for (int c = 0; c < CHILDREN; c++) {
        int status = -1;
        assert_int_equal(waitpid(pids[c], &status, 0), pids[c]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    assert_int_equal(pread(fd, &count, sizeof count, 0), sizeof count);
    assert_int_equal(count, CHILDREN * ADDITIONS);
    hpo_os_lock l;
    assert_ok(hpo_os_lock_open(&l, lock_path, &err), err);
    assert_ok(hpo_os_lock_take(&l, 0, &err), err);
    hpo_os_lock_close(&l);
    (void)close(fd);
}

typedef struct shared {
    hpo_mutex mutex;
    int64_t sum;
} shared;

static void *add_many(void *arg)
{
    shared *s = arg;
    for (int i = 0; i < 20000; i++) {
        hpo_mutex_lock(&s->mutex);
        s->sum++;
        hpo_mutex_unlock(&s->mutex);
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    hpo_error err;
    shared s = {.sum = 0};
    hpo_thread threads[4];
    assert_ok(hpo_mutex_init(&s.mutex, &err), err);
    for (int i = 0; i < 4; i++)
        assert_ok(hpo_thread_start(&threads[i], add_many, &s, &err), err);
    for (int i = 0; i < 4; i++)
        hpo_thread_join(threads[i]);
    assert_int_equal(s.sum, 80000);
    hpo_mutex_fini(&s.mutex);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clock),         cmocka_unit_test(test_process),
        cmocka_unit_test(test_files),         cmocka_unit_test(test_failed_write_leaves_the_old_file),
        cmocka_unit_test(test_mkdirs),        cmocka_unit_test(test_network_fs),
        cmocka_unit_test(test_lock_excludes), cmocka_unit_test(test_lock_between_processes),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
