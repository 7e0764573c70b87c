/* SPDX-License-Identifier: Apache-2.0 */
/* runner/local by its interface: output, exit, limits, stops, many at once. */
#define _DEFAULT_SOURCE
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/os.h"
#include "base/str.h"
#include "hpo/runner.h"
#include "t.h"

typedef struct job_seen {
    hpo_str out, err, metrics;
    hpo_run_event exit;
    int ended;
} job_seen;

typedef struct fixture {
    const hpo_runner_ops *ops;
    void *self;
    job_seen jobs[64];
} fixture;

static const char *const env[] = {"PATH=/usr/bin:/bin", NULL};

static void sink(void *ctx, const hpo_run_event *e)
{
    fixture *f = ctx;
    job_seen *j = &f->jobs[e->id];
    assert_false(j->ended); /* EXIT is the last */
    if (e->kind == HPO_RUN_STDOUT) hpo_str_addn(&j->out, e->data, e->n);
    if (e->kind == HPO_RUN_STDERR) hpo_str_addn(&j->err, e->data, e->n);
    if (e->kind == HPO_RUN_METRICS) hpo_str_addn(&j->metrics, e->data, e->n);
    if (e->kind == HPO_RUN_EXIT) {
        j->exit = *e;
        j->ended = 1;
    }
}

static void open_fixture(fixture *f)
{
    hpo_error err;
    *f = (fixture){.ops = hpo_runner_find("local")};
    assert_non_null(f->ops);
    assert_ok(f->ops->open("", &f->self, &err), err);
}

static void close_fixture(fixture *f)
{
    f->ops->close(f->self);
    for (size_t i = 0; i < 64; i++) {
        hpo_str_fini(&f->jobs[i].out);
        hpo_str_fini(&f->jobs[i].err);
        hpo_str_fini(&f->jobs[i].metrics);
    }
}

static hpo_status start(fixture *f, int64_t id, const char *script, hpo_limits limits, hpo_error *err)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    char name[32];
    snprintf(name, sizeof name, "job%d", (int)id);
    const char *dir = t_temp_path(name);
    mkdir(dir, 0777);
    limits.size = sizeof limits;
    hpo_job job = {
        .size = sizeof job, .id = id, .argv = argv, .envp = env, .cwd = dir, .dir = dir, .limits = limits};
    return f->ops->start(f->self, &job, err);
}

static void run_until(fixture *f, int64_t id)
{
    hpo_error err;
    int64_t end = hpo_os_monotonic_ns() + (int64_t)20 * 1000000000;
    while (!f->jobs[id].ended && hpo_os_monotonic_ns() < end)
        assert_ok(f->ops->poll(f->self, 100, sink, f, &err), err);
    assert_true(f->jobs[id].ended);
}

static void test_output(void **state)
{
    (void)state;
    fixture f;
    hpo_error err;
    open_fixture(&f);
    assert_ok(start(&f, 0, "echo out; echo err >&2; echo met >&3; pwd; read x || echo eof; exit 5",
                    (hpo_limits){0}, &err),
              err);
    run_until(&f, 0);
    assert_int_equal(f.jobs[0].exit.cause, HPO_CAUSE_EXIT);
    assert_int_equal(f.jobs[0].exit.code, 5);
    assert_contains(f.jobs[0].out.text, "out\n");
    assert_contains(f.jobs[0].out.text, "/job0\n");
    assert_contains(f.jobs[0].out.text, "eof\n"); /* standard input is empty */
    assert_string_equal(f.jobs[0].err.text, "err\n");
    assert_string_equal(f.jobs[0].metrics.text, "met\n");
    assert_true(f.jobs[0].exit.wall > 0 && f.jobs[0].exit.max_rss > 0);
    close_fixture(&f);
}

static void test_refused(void **state)
{
    (void)state;
    fixture f;
    hpo_error err;
    const char *const argv[] = {"no-such-program-here", NULL};
    const char *dir = t_temp_path("refused");
    mkdir(dir, 0777);
    hpo_job job = {.size = sizeof job, .argv = argv, .envp = env, .cwd = dir, .dir = dir};
    open_fixture(&f);
    assert_fails(f.ops->start(f.self, &job, &err), HPO_EINVAL, err, "not found");
    const char *const data[] = {"./data", NULL};
    FILE *file = fopen(t_temp_path("refused/data"), "w");
    assert_non_null(file);
    fputs("echo plain\n", file);
    fclose(file);
    job.argv = data;
    assert_fails(f.ops->start(f.self, &job, &err), HPO_EINVAL, err, "chmod +x");
    chmod(t_temp_path("refused/data"), 0755);
    assert_ok(f.ops->start(f.self, &job, &err), err); /* no #! line: /bin/sh */
    run_until(&f, 0);
    assert_string_equal(f.jobs[0].out.text, "plain\n");
    job.dir = t_temp_path("refused/none");
    assert_status(f.ops->start(f.self, &job, &err), HPO_EIO);
    close_fixture(&f);
}

static void test_limits(void **state)
{
    (void)state;
    fixture f;
    hpo_error err;
    open_fixture(&f);
    assert_ok(start(&f, 0, "sleep 100", (hpo_limits){.wall = 0.2, .grace = 0.2}, &err), err);
    assert_ok(start(&f, 1, "trap '' TERM; while :; do sleep 0.05; done",
                    (hpo_limits){.wall = 0.2, .grace = 0.2}, &err),
              err);
    assert_ok(start(&f, 2, "while :; do :; done", (hpo_limits){.cpu = 1, .grace = 1}, &err), err);
    assert_ok(start(&f, 3, "exec awk 'BEGIN { s = \"0123456789abcdef\"; while (1) s = s s }'",
                    (hpo_limits){.memory = 50 << 20}, &err),
              err);
    assert_ok(start(&f, 4, "yes | head -c 100000", (hpo_limits){.output = 1000}, &err), err);
    for (int64_t i = 0; i < 5; i++)
        run_until(&f, i);
    assert_int_equal(f.jobs[0].exit.cause, HPO_CAUSE_TIME);
    assert_int_equal(f.jobs[0].exit.signal, SIGTERM);
    assert_int_equal(f.jobs[1].exit.cause, HPO_CAUSE_TIME);
    assert_int_equal(f.jobs[1].exit.signal, SIGKILL);
    assert_int_equal(f.jobs[2].exit.cause, HPO_CAUSE_CPU);
    assert_int_equal(f.jobs[3].exit.cause, HPO_CAUSE_MEMORY);
    assert_int_equal(f.jobs[4].exit.cause, HPO_CAUSE_EXIT);
    assert_int_equal(f.jobs[4].out.len, 100000); /* all is handed on */
    assert_int_equal(f.jobs[4].exit.dropped, 99000);
    close_fixture(&f);
}

static void test_stops(void **state)
{
    (void)state;
    fixture f;
    hpo_error err;
    open_fixture(&f);
    assert_ok(start(&f, 0, "trap 'echo got; exit 3' USR1; echo up; while :; do sleep 0.02; done",
                    (hpo_limits){.grace = 9}, &err),
              err);
    assert_ok(start(&f, 1, "trap '' USR1; trap 'exit 4' TERM; echo up; while :; do sleep 0.02; done",
                    (hpo_limits){.grace = 0.2}, &err),
              err);
    assert_ok(start(&f, 2, "trap '' USR1 TERM; echo up; while :; do sleep 0.02; done",
                    (hpo_limits){.grace = 0.1}, &err),
              err);
    assert_ok(start(&f, 3, "kill -STOP $$", (hpo_limits){.grace = 0.1}, &err), err);
    for (int i = 0; i < 3; i++)
        while (!f.jobs[i].out.len)
            assert_ok(f.ops->poll(f.self, 50, sink, &f, &err), err);
    for (int64_t i = 0; i < 4; i++)
        f.ops->stop(f.self, i, HPO_STEP_REQUEST);
    f.ops->stop(f.self, 77, HPO_STEP_KILL); /* unknown: nothing */
    for (int64_t i = 0; i < 4; i++)
        run_until(&f, i);
    for (int i = 0; i < 4; i++)
        assert_int_equal(f.jobs[i].exit.cause, HPO_CAUSE_STOPPED);
    assert_int_equal(f.jobs[0].exit.code, 3);
    assert_contains(f.jobs[0].out.text, "got");
    assert_int_equal(f.jobs[1].exit.code, 4);
    assert_int_equal(f.jobs[2].exit.signal, SIGKILL);
    assert_true(hpo_os_exists(t_temp_path("job0/stop")));
    close_fixture(&f);
}

static void test_many(void **state)
{
    (void)state;
    fixture f;
    hpo_error err;
    open_fixture(&f);
    for (int64_t i = 0; i < 64; i++) {
        char script[64];
        snprintf(script, sizeof script, "sleep 0.0%d; echo %d; exit %d", (int)(i % 7), (int)i, (int)(i % 3));
        assert_ok(start(&f, i, script, (hpo_limits){0}, &err), err);
    }
    for (int64_t i = 0; i < 64; i++) {
        char want[16];
        run_until(&f, i);
        snprintf(want, sizeof want, "%d\n", (int)i);
        assert_string_equal(f.jobs[i].out.text, want);
        assert_int_equal(f.jobs[i].exit.code, i % 3);
    }
    close_fixture(&f);
}

static void test_close_kills(void **state)
{
    (void)state;
    fixture f;
    hpo_error err;
    open_fixture(&f);
    assert_ok(start(&f, 0, "sleep 100 & echo $!; wait", (hpo_limits){0}, &err), err);
    while (!f.jobs[0].out.len)
        assert_ok(f.ops->poll(f.self, 50, sink, &f, &err), err);
    pid_t child = (pid_t)atoi(f.jobs[0].out.text);
    close_fixture(&f);
    int gone = 0;
    for (int i = 0; i < 100 && !gone; i++) {
        char path[64];
        char text[256] = "";
        snprintf(path, sizeof path, "/proc/%d/stat", (int)child);
        FILE *file = fopen(path, "r");
        gone = !file || !fgets(text, sizeof text, file) || strstr(text, ") Z") != NULL;
        if (file) fclose(file);
        hpo_os_sleep_ms(20);
    }
    assert_true(gone);
}

static void test_registry(void **state)
{
    (void)state;
    hpo_error err;
    assert_string_equal(hpo_runner_at(0)->name, "local");
    assert_null(hpo_runner_find("nothing"));
    hpo_runner_ops mine = *hpo_runner_at(0);
    assert_fails(hpo_runner_register(&mine, &err), HPO_EEXIST, err, "local");
    mine.name = "mine";
    mine.poll = NULL;
    assert_fails(hpo_runner_register(&mine, &err), HPO_EINVAL, err, "poll");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_output),   cmocka_unit_test(test_refused), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_stops),    cmocka_unit_test(test_many),    cmocka_unit_test(test_close_kills),
        cmocka_unit_test(test_registry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
