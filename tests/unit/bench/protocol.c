/* SPDX-License-Identifier: Apache-2.0 */
/* The host of the solver protocol against scripted solvers: good ones, slow ones, dying ones, liars. */
#define _XOPEN_SOURCE 700
#include "bench/protocol.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/os.h"
#include "hpo/sampler.h"
#include "t.h"

extern char **environ;

/* ---- problems and solvers ---------------------------------------------------------------------------- */

typedef struct fixture {
    hpo_problem problem;
    hpo_solver_host host;
    hpo_method_setup setup;
    void *self;
    char spec[512], log[512];
    hpo_error err;
} fixture;

static const char ALL[] = "\"UNIFORM_CONTINUOUS\",\"LOG_UNIFORM_CONTINUOUS\",\"UNIFORM_DISCRETE\","
                          "\"LOG_UNIFORM_DISCRETE\",\"CATEGORICAL\",\"MULTI_OBJECTIVE\",\"CONCURRENT\"";

static void make_problem(fixture *f, const char *space)
{
    memset(f, 0, sizeof *f);
    snprintf(f->problem.name, sizeof f->problem.name, "test");
    f->problem.n_objectives = 1;
    f->problem.full_resource = f->problem.min_resource = (double)NAN;
    for (size_t i = 0; i < HPO_BENCH_MAX_OBJECTIVES; i++)
        f->problem.reference_point[i] = (double)NAN;
    assert_ok(hpo_space_parse(space, &f->problem.space, &f->err), f->err);
    assert_ok(hpo_space_freeze(f->problem.space, &f->err), f->err);
    f->host.envp = (const char *const *)environ;
    f->setup = (hpo_method_setup){.problem = &f->problem,
                                  .spec = f->spec,
                                  .seed = UINT64_C(18446744073709551615),
                                  .workers = 1,
                                  .budget = 10,
                                  .timeout = 10,
                                  .host = &f->host};
    snprintf(f->log, sizeof f->log, "%s", t_temp_path("log"));
    (void)remove(f->log);
}

/* A solver that is a shell script: `log` is the file that the test reads, `caps` its capabilities; then
 * `body`. */
static void make_solver(fixture *f, const char *caps, const char *extensions, const char *body)
{
    const char *path = t_temp_path("solver.sh");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\nlog='%s'\n", f->log);
    if (caps)
        fprintf(
            file,
            "echo '{\"type\":\"SOLVER_SPEC_CAST\",\"spec\":{\"name\":\"fake\",\"attrs\":{\"hpo.extensions\":"
            "\"%s\"},\"capabilities\":[%s]}}'\n",
            extensions ? extensions : "", caps);
    fprintf(file, "%s\n", body);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0755), 0);
    snprintf(f->spec, sizeof f->spec, "@%s", path);
}

/* Answers ask number n with the n-th of these lines (the last one for ever); everything it is sent goes to
 * the log. */
static void make_scripted(fixture *f, const char *extensions, const char *const *answers)
{
    char body[4096];
    int n = snprintf(body, sizeof body,
                     "n=0\nwhile read -r line; do\n echo \"$line\" >>\"$log\"\n case $line in\n"
                     " *ASK_CALL*) case $n in\n");
    size_t i = 0;
    for (; answers[i + 1]; i++)
        n += snprintf(body + n, sizeof body - (size_t)n, "%zu) echo '%s';;\n", i, answers[i]);
    n += snprintf(body + n, sizeof body - (size_t)n, "*) echo '%s';;\n", answers[i]);
    snprintf(body + n, sizeof body - (size_t)n,
             " esac; n=$((n+1));;\n *TELL_CALL*) echo '{\"type\":\"TELL_REPLY\"}';;\n"
             " *DROP*) exit 0;;\n esac\ndone");
    make_solver(f, ALL, extensions, body);
}

static void open_good(fixture *f)
{
    assert_ok(hpo_method_solver.open(&f->setup, &f->self, &f->err), f->err);
}

static void close_all(fixture *f)
{
    hpo_method_solver.close(f->self);
    hpo_space_free(f->problem.space);
}

static hpo_status ask(fixture *f, hpo_method_trial *t)
{
    return hpo_method_solver.ask(f->self, 0, t, &f->err);
}

static void tell(fixture *f, hpo_method_trial *t, double y)
{
    hpo_method_result r = {.state = HPO_STATE_COMPLETE, .y = &y, .resource = 1};
    if (!isnan(f->problem.full_resource)) r.resource = t->resource;
    assert_ok(hpo_method_solver.tell(f->self, t, &r, 0, &f->err), f->err);
}

/* The whole log; free it with hpo_free. */
static char *read_log(const fixture *f)
{
    char *text;
    size_t n;
    hpo_error err;
    assert_ok(hpo_os_read_file(f->log, 1 << 20, &text, &n, &err), err);
    return text;
}

#define REPLY(id, params, step, next)                                                                        \
    "{\"type\":\"ASK_REPLY\",\"trial\":{\"id\":" #id ",\"params\":" params ",\"next_step\":" step            \
    "},\"next_trial_id\":" #next "}"

/* ---- good solvers ------------------------------------------------------------------------------------- */

static void test_ask_and_tell(void **state)
{
    static const char *const answers[] = {REPLY(0, "[0.5, 3, 1]", "1", 1), REPLY(7, "[2e-3,1,0]", "1", 8),
                                          REPLY(8, "[1,5,1]", "1", 9), NULL};
    fixture f;
    hpo_method_trial a, b, c;
    (void)state;
    make_problem(&f, "lr: log 1e-3..1; k: int 1..5; opt: sgd,adam");
    make_scripted(&f, NULL, answers);
    f.setup.workers = 3;
    open_good(&f);
    assert_ok(ask(&f, &a), f.err);
    assert_ok(ask(&f, &b), f.err);
    assert_int_equal(a.number, 0);
    assert_int_equal(b.number, 7);
    assert_int_equal(a.parent, -1);
    assert_true(isnan(a.resource));
    assert_near(a.x[0], 0.5, 1e-14, 0);
    assert_near(a.x[1], 3, 0, 0);
    assert_near(a.x[2], 1, 0, 0);
    tell(&f, &b, 0.25);
    tell(&f, &a, -(double)INFINITY);
    assert_ok(ask(&f, &c), f.err);
    hpo_method_result failed = {.state = HPO_STATE_FAILED};
    assert_ok(hpo_method_solver.tell(f.self, &c, &failed, 0, &f.err), f.err);
    close_all(&f);
    char *log = read_log(&f);
    assert_contains(log, "\"type\":\"ASK_CALL\",\"solver_id\":0,\"next_trial_id\":0}");
    assert_contains(log, "\"next_trial_id\":1}");
    assert_contains(log, "\"next_trial_id\":8}");
    assert_contains(log, "\"trial\":{\"id\":7,\"values\":[0.25],\"current_step\":1}}");
    assert_contains(log, "\"trial\":{\"id\":0,\"values\":[-1.7976931348623157e+308],\"current_step\":1}}");
    assert_contains(log, "\"trial\":{\"id\":8,\"values\":[],\"current_step\":1}}");
    assert_contains(log, "{\"type\":\"DROP_SOLVER_CAST\",\"solver_id\":0}");
    hpo_free(log);
}

static void test_problem_spec(void **state)
{
    static const char *const answers[] = {REPLY(0, "[0]", "1", 1), NULL};
    fixture f;
    hpo_error err;
    struct json_object *m, *problem, *v, *attrs;
    (void)state;
    make_problem(&f, "lr: log 1e-3..1; n: int 2..8 log; drop: 0..0.5 step 0.1; opt: sgd,adam; "
                     "mom: 0..0.9 if opt == sgd; nest: bool; size: ordinal 32,64,128; fix: const 3; "
                     "epochs: fidelity int 1..27; v: vector 2 0..1");
    f.problem.full_resource = 27;
    f.problem.min_resource = 1;
    make_scripted(&f, NULL, answers);
    open_good(&f);
    hpo_method_trial t;
    assert_fails(ask(&f, &t), HPO_EIO, f.err, "has 1 entries where the problem has 9");
    close_all(&f);
    char *log = read_log(&f);
    assert_ok(hpo_json_parse(log, strcspn(log, "\n"), "log", &m, &err), err);
    hpo_free(log);
    assert_true(json_object_object_get_ex(m, "random_seed", &v));
    assert_true(json_object_get_uint64(v) == UINT64_C(18446744073709551615));
    assert_true(json_object_object_get_ex(m, "problem", &problem));
    assert_true(json_object_object_get_ex(problem, "steps", &v));
    assert_int_equal(json_object_get_int(v), 27);
    assert_true(json_object_object_get_ex(problem, "values_domain", &v));
    assert_int_equal(json_object_array_length(v), 1);
    assert_true(json_object_object_get_ex(problem, "params_domain", &v));
    static const char *const vars[] = {
        "{\"name\":\"lr\",\"range\":{\"type\":\"CONTINUOUS\",\"low\":0.001,\"high\":1},"
        "\"distribution\":\"LOG_UNIFORM\",\"constraint\":null}",
        "{\"name\":\"n\",\"range\":{\"type\":\"DISCRETE\",\"low\":2,\"high\":9},"
        "\"distribution\":\"LOG_UNIFORM\",\"constraint\":null}",
        "{\"name\":\"drop\",\"range\":{\"type\":\"DISCRETE\",\"low\":0,\"high\":6},"
        "\"distribution\":\"UNIFORM\",\"constraint\":null,\"opaque\":true}",
        "{\"name\":\"opt\",\"range\":{\"type\":\"CATEGORICAL\",\"choices\":[\"sgd\",\"adam\"]},"
        "\"distribution\":\"UNIFORM\",\"constraint\":null}",
        "{\"name\":\"mom\",\"range\":{\"type\":\"CONTINUOUS\",\"low\":0,\"high\":0.9},"
        "\"distribution\":\"UNIFORM\",\"constraint\":null,\"when\":\"opt == sgd\"}",
        "{\"name\":\"nest\",\"range\":{\"type\":\"CATEGORICAL\",\"choices\":[\"false\",\"true\"]},"
        "\"distribution\":\"UNIFORM\",\"constraint\":null}",
        "{\"name\":\"size\",\"range\":{\"type\":\"DISCRETE\",\"low\":0,\"high\":3},"
        "\"distribution\":\"UNIFORM\",\"constraint\":null,\"labels\":[\"32\",\"64\",\"128\"]}",
        "{\"name\":\"v[0]\",\"range\":{\"type\":\"CONTINUOUS\",\"low\":0,\"high\":1},"
        "\"distribution\":\"UNIFORM\",\"constraint\":null}",
        "{\"name\":\"v[1]\",\"range\":{\"type\":\"CONTINUOUS\",\"low\":0,\"high\":1},"
        "\"distribution\":\"UNIFORM\",\"constraint\":null}",
    };
    assert_int_equal(json_object_array_length(v), 9);
    for (size_t i = 0; i < 9; i++)
        assert_string_equal(
            json_object_to_json_string_ext(json_object_array_get_idx(v, i), JSON_C_TO_STRING_PLAIN), vars[i]);
    assert_true(json_object_object_get_ex(problem, "attrs", &attrs));
    assert_true(json_object_object_get_ex(attrs, "hpo.space", &v));
    hpo_space *back;
    assert_ok(hpo_space_load(json_object_get_string(v), &back, &err), err);
    assert_int_equal(hpo_space_n_columns(back), 11);
    hpo_space_free(back);
    json_object_put(m);
}

static void test_conditions(void **state)
{
    static const char *const answers[] = {REPLY(0, "[0,0.5]", "1", 1), REPLY(1, "[1,0.5]", "1", 2),
                                          REPLY(2, "[1,null]", "1", 3), REPLY(3, "[0,null]", "1", 4), NULL};
    fixture f;
    hpo_method_trial t;
    (void)state;
    make_problem(&f, "opt: sgd,adam; mom: 0..0.9 if opt == sgd");
    make_scripted(&f, NULL, answers);
    open_good(&f);
    assert_ok(ask(&f, &t), f.err);
    assert_near(t.x[1], 0.5, 1e-14, 0);
    tell(&f, &t, 1);
    for (int i = 1; i < 3; i++) { /* a value for an inactive parameter is ignored; null is fine */
        assert_ok(ask(&f, &t), f.err);
        assert_near(t.x[0], 1, 0, 0);
        assert_true(isnan(t.x[1]));
        tell(&f, &t, 1);
    }
    assert_fails(ask(&f, &t), HPO_EIO, f.err, "'mom' is null although it is active (when opt == sgd)");
    close_all(&f);
}

static void test_steps(void **state)
{
    static const char *const answers[] = {REPLY(0, "[0.5]", "3", 1),  REPLY(1, "[0.25]", "3", 2),
                                          REPLY(0, "[0.5]", "9", 2),  REPLY(1, "[0.25]", "null", 2),
                                          REPLY(1, "[0.25]", "9", 2), NULL};
    fixture f;
    hpo_method_trial a, b, c;
    (void)state;
    make_problem(&f, "x: 0..1; epochs: fidelity int 1..9");
    f.problem.full_resource = 9;
    f.problem.min_resource = 1;
    make_scripted(&f, NULL, answers);
    open_good(&f);
    assert_ok(ask(&f, &a), f.err);
    assert_near(a.resource, 3, 0, 0);
    tell(&f, &a, 1);
    assert_ok(ask(&f, &b), f.err);
    double y = 4;
    hpo_method_result early = {.state = HPO_STATE_STOPPED, .y = &y, .resource = 2};
    assert_ok(hpo_method_solver.tell(f.self, &b, &early, 0, &f.err), f.err);
    assert_ok(ask(&f, &c), f.err); /* taken up again: the same number and configuration, further */
    assert_int_equal(c.number, 0);
    assert_near(c.resource, 9, 0, 0);
    assert_near(c.x[0], 0.5, 1e-14, 0);
    tell(&f, &c, 2);
    assert_fails(ask(&f, &c), HPO_EIO, f.err, "trial 1, which is over"); /* stopped by null, then asked for */
    close_all(&f);
    char *log = read_log(&f);
    assert_contains(log, "\"id\":0,\"values\":[1],\"current_step\":3}");
    assert_contains(log, "\"id\":1,\"values\":[4],\"current_step\":2}");
    assert_contains(log, "\"id\":0,\"values\":[2],\"current_step\":9}");
    hpo_free(log);
}

static void test_constraint(void **state)
{
    static const char *const answers[] = {REPLY(0, "[0.9,0.9]", "1", 1), REPLY(1, "[0.2,0.3]", "1", 2), NULL};
    fixture f;
    hpo_method_trial t;
    hpo_error err;
    (void)state;
    make_problem(&f, "x: 0..1; y: 0..1");
    hpo_space_free(f.problem.space);
    assert_ok(hpo_space_parse("x: 0..1; y: 0..1", &f.problem.space, &err), err);
    assert_ok(hpo_space_add_constraint(f.problem.space, "x + y <= 1", &err), err);
    assert_ok(hpo_space_freeze(f.problem.space, &err), err);
    make_scripted(&f, NULL, answers);
    open_good(&f);
    assert_ok(ask(&f, &t), f.err);
    assert_int_equal(t.number, 1); /* the first was told as impossible, at no cost */
    close_all(&f);
    char *log = read_log(&f);
    assert_contains(log, "\"id\":0,\"values\":[],");
    hpo_free(log);
}

static void test_outcomes_and_status(void **state)
{
    static const char *const answers[] = {
        REPLY(0, "[0.9]", "1", 1), "{\"type\":\"ASK_REPLY\",\"trial\":null,\"status\":\"wait\"}",
        "{\"type\":\"ASK_REPLY\",\"trial\":null,\"status\":\"done\"}", NULL};
    fixture f;
    hpo_method_trial t;
    double y = 1, outcome[2] = {-0.5, 3};
    hpo_method_result r = {.state = HPO_STATE_COMPLETE, .y = &y, .outcome = outcome, .resource = 1};
    (void)state;
    make_problem(&f, "x: 0..1");
    f.problem.n_outcomes = 2;
    make_scripted(&f, "OUTCOMES STRUCTURED", answers);
    open_good(&f);
    assert_ok(ask(&f, &t), f.err);
    assert_ok(hpo_method_solver.tell(f.self, &t, &r, 0, &f.err), f.err);
    assert_int_equal(ask(&f, &t), HPO_WAIT);
    assert_int_equal(ask(&f, &t), HPO_DONE);
    close_all(&f);
    char *log = read_log(&f);
    assert_contains(log, "\"values\":[1],\"current_step\":1,\"outcomes\":[-0.5,3]}");
    hpo_free(log);
}

/* A solver that says much on both outputs before it listens must not lock us up. */
static void test_flood(void **state)
{
    fixture f;
    (void)state;
    make_problem(&f, "x: 0..1");
    make_solver(&f, NULL, NULL,
                "head -c 2000000 /dev/zero | tr '\\0' 'e' >&2\n"
                "printf '{\"type\":\"SOLVER_SPEC_CAST\",\"spec\":{\"name\":\"'\n"
                "head -c 2000000 /dev/zero | tr '\\0' 'n'\n"
                "echo '\",\"capabilities\":[\"UNIFORM_CONTINUOUS\"]}}'\n"
                "while read -r line; do :; done");
    open_good(&f);
    close_all(&f);
}

/* ---- what cannot be done ------------------------------------------------------------------------------ */

static void refuse(fixture *f, const char *part)
{
    assert_fails(hpo_method_solver.open(&f->setup, &f->self, &f->err), HPO_EUNSUPPORTED, f->err, part);
    assert_contains(f->err.msg, "not applicable");
    assert_null(f->self);
    hpo_space_free(f->problem.space);
}

static void test_capabilities(void **state)
{
    static const struct {
        const char *space, *caps, *missing;
    } rows[] = {
        {"x: 0..1", "\"CATEGORICAL\"", "(UNIFORM_CONTINUOUS)"},
        {"x: log 1..2", "\"UNIFORM_CONTINUOUS\"", "(LOG_UNIFORM_CONTINUOUS)"},
        {"x: int 1..5", "\"UNIFORM_CONTINUOUS\"", "(UNIFORM_DISCRETE)"},
        {"x: int 1..5 log", "\"UNIFORM_DISCRETE\"", "(LOG_UNIFORM_DISCRETE)"},
        {"x: a,b", "\"UNIFORM_DISCRETE\"", "(CATEGORICAL)"},
        {"x: perm 4", NULL, "(STRUCTURED)"},
        {"x: simplex 3", NULL, "(STRUCTURED)"},
        {"x: subset a,b,c", NULL, "(STRUCTURED)"},
    };
    fixture f;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        make_problem(&f, rows[i].space);
        make_solver(&f, rows[i].caps ? rows[i].caps : ALL, NULL, "while read -r line; do :; done");
        refuse(&f, rows[i].missing);
    }
    make_problem(&f, "x: 0..1");
    make_solver(&f, "\"UNIFORM_CONTINUOUS\"", NULL, "cat >/dev/null");
    f.setup.workers = 2;
    refuse(&f, "several workers");
    make_problem(&f, "x: 0..1");
    make_solver(&f, "\"UNIFORM_CONTINUOUS\"", NULL, "cat >/dev/null");
    f.problem.n_objectives = 2;
    refuse(&f, "several objectives");
    make_problem(&f, "x: 0..1");
    make_solver(&f, ALL, NULL, "cat >/dev/null");
    f.problem.n_outcomes = 1;
    refuse(&f, "measured constraints");
    make_problem(&f, "x: const 3");
    make_solver(&f, ALL, NULL, "cat >/dev/null");
    refuse(&f, "no parameter to search");
    make_problem(&f, "x: 0..1");
    make_solver(&f, NULL, NULL,
                "echo '{\"type\":\"ERROR_REPLY\",\"kind\":\"UNSUPPORTED\",\"message\":\"odd\"}'");
    refuse(&f, "odd");
}

static void test_unavailable(void **state)
{
    fixture f;
    (void)state;
    make_problem(&f, "x: 0..1");
    make_solver(&f, NULL, NULL,
                "echo '{\"type\":\"ERROR_REPLY\",\"kind\":\"UNAVAILABLE\",\"message\":\"no skopt\"}'");
    assert_fails(hpo_method_solver.open(&f.setup, &f.self, &f.err), HPO_ENOTFOUND, f.err,
                 "not available: no skopt");
    snprintf(f.spec, sizeof f.spec, "@%s", t_temp_path("missing/solver"));
    assert_fails(hpo_method_solver.open(&f.setup, &f.self, &f.err), HPO_ENOTFOUND, f.err, "not available");
    snprintf(f.spec, sizeof f.spec, "@tpe");
    assert_fails(hpo_method_solver.open(&f.setup, &f.self, &f.err), HPO_ENOTFOUND, f.err, "--adapters DIR");
    f.setup.host = NULL;
    assert_fails(hpo_method_solver.open(&f.setup, &f.self, &f.err), HPO_ENOTFOUND, f.err, "--adapters DIR");
    hpo_space_free(f.problem.space);
}

static void test_registry(void **state)
{
    hpo_words argv = {0};
    hpo_error err;
    (void)state;
    const char *dir = t_temp_dir();
    static const char text[] =
        "{\"tpe\":{\"help\":\"parzen\",\"command\":[\"py\",\"{dir}/a.py\",\"-x\"]},\"bad\":{}}";
    assert_ok(hpo_os_write_file(t_temp_path("solvers.json"), text, strlen(text), &err), err);
    assert_ok(hpo_solver_command("@tpe  --seed 4", dir, &argv, &err), err);
    assert_int_equal(argv.n, 5);
    assert_string_equal(hpo_words_at(&argv, 1), t_temp_path("a.py"));
    assert_string_equal(hpo_words_at(&argv, 4), "4");
    assert_ok(hpo_solver_command("@./x.py a", dir, &argv, &err), err);
    assert_int_equal(argv.n, 2);
    assert_string_equal(hpo_words_at(&argv, 0), "./x.py");
    assert_fails(hpo_solver_command("@tpf", dir, &argv, &err), HPO_ENOTFOUND, err, "nearest is @tpe");
    assert_fails(hpo_solver_command("@bad", dir, &argv, &err), HPO_EINVAL, err, "\"command\"");
    assert_fails(hpo_solver_command("@ ", dir, &argv, &err), HPO_EINVAL, err, "names no solver");
    assert_ok(hpo_solver_list(dir, &argv, &err), err);
    assert_int_equal(argv.n, 2);
    assert_string_equal(hpo_words_at(&argv, 0), "tpe\tparzen");
    hpo_words_fini(&argv);
}

/* ---- what goes wrong ----------------------------------------------------------------------------------- */

static void fail_open(fixture *f, const char *part)
{
    assert_fails(hpo_method_solver.open(&f->setup, &f->self, &f->err), HPO_EIO, f->err, part);
    assert_contains(f->err.msg, "solver: "); /* says who it was */
    assert_null(strchr(f->err.msg, '\n'));
    hpo_space_free(f->problem.space);
}

static void test_no_good_start(void **state)
{
    fixture f;
    (void)state;
    make_problem(&f, "x: 0..1");
    make_solver(&f, NULL, NULL, "echo one >&2; echo two >&2; exit 3");
    fail_open(&f, "ended with status 3: one | two");
    make_problem(&f, "x: 0..1");
    make_solver(&f, NULL, NULL, "kill -9 $$");
    fail_open(&f, "signal 9");
    make_problem(&f, "x: 0..1");
    make_solver(&f, NULL, NULL, "echo; echo hello; sleep 5");
    fail_open(&f, "sent 'hello', which is no message");
    make_problem(&f, "x: 0..1");
    make_solver(&f, NULL, NULL, "echo '{\"type\":\"TELL_REPLY\"}'; sleep 5");
    fail_open(&f, "sent TELL_REPLY where SOLVER_SPEC_CAST was due");
    make_problem(&f, "x: 0..1");
    make_solver(&f, NULL, NULL, "echo '{\"type\":\"SOLVER_SPEC_CAST\"}'; sleep 5");
    fail_open(&f, "without \"spec\"");
}

/* It is given up in time, and nobody of its session stays. */
static void test_slow(void **state)
{
    fixture f;
    (void)state;
    make_problem(&f, "x: 0..1");
    make_solver(&f, NULL, NULL, "echo thinking >&2; sleep 100 & echo $! >\"$log\"; sleep 100");
    f.setup.timeout = 0.5;
    int64_t start = hpo_os_monotonic_ns();
    fail_open(&f, "did not answer within 0.5 s; its last words: thinking");
    assert_true((double)(hpo_os_monotonic_ns() - start) < 3e9);
    char *log = read_log(&f);
    pid_t grandchild = (pid_t)atol(log);
    hpo_free(log);
    assert_true(grandchild > 1);
    int gone = 0;
    for (int i = 0; i < 200 && !gone; i++) {
        char path[64], line[256] = "";
        snprintf(path, sizeof path, "/proc/%ld/stat", (long)grandchild);
        FILE *file = fopen(path, "r");
        if (file) {
            if (!fgets(line, sizeof line, file)) line[0] = '\0';
            fclose(file);
        }
        gone = (kill(grandchild, 0) != 0 && errno == ESRCH) || strstr(line, ") Z") != NULL;
        if (!gone) hpo_os_sleep_ms(10);
    }
    assert_true(gone);
}

static void test_dies_later(void **state)
{
    fixture f;
    hpo_method_trial t;
    (void)state;
    make_problem(&f, "x: 0..1");
    make_solver(&f, ALL, NULL,
                "read -r line; read -r line; echo 'Traceback' >&2; echo 'KeyError: 7' >&2; exit 1");
    open_good(&f);
    assert_fails(ask(&f, &t), HPO_EIO, f.err, "ended with status 1: Traceback | KeyError: 7");
    assert_fails(ask(&f, &t), HPO_EIO, f.err, "ended with status 1"); /* and writing to it harms nobody */
    close_all(&f);
    make_problem(&f, "x: 0..1");
    make_solver(&f, ALL, NULL, "read -r line; exec <&-; exec >&-; sleep 100");
    open_good(&f);
    assert_fails(ask(&f, &t), HPO_EIO, f.err, "closed its output");
    close_all(&f);
}

static void test_bad_answers(void **state)
{
    static const struct {
        const char *answer, *part;
    } rows[] = {
        {"{\"type\":\"TELL_REPLY\"}", "sent TELL_REPLY where ASK_REPLY was due"},
        {"{\"type\":\"ERROR_REPLY\",\"kind\":\"BUG\",\"message\":\"oh no\"}",
         "reports an error (BUG): oh no"},
        {"{\"type\":\"ERROR_REPLY\",\"kind\":\"BUG\"}", "gave no reason"},
        {"{\"type\":\"ASK_REPLY\",\"next_trial_id\":1}", "without \"trial\""},
        {"{\"type\":\"ASK_REPLY\",\"trial\":3,\"next_trial_id\":1}", "is no object"},
        {REPLY(-1, "[0.5,1]", "1", 1), "without \"id\""},
        {REPLY(0, "[0.5,1]", "1", 0), "next_trial_id 0 with trial 0"},
        {REPLY(5, "[0.5,1]", "1", 3), "next_trial_id 3 with trial 5"},
        {REPLY(0, "[0.5,1]", "2", 1), "step 2 of trial 0; the last one is 1"},
        {REPLY(0, "[0.5,1]", "1.5", 1), "without \"next_step\""},
        {REPLY(0, "[0.5,1,2]", "1", 1), "has 3 entries where the problem has 2 variables"},
        {REPLY(0, "[0.5]", "1", 1), "has 1 entries"},
        {REPLY(0, "{}", "1", 1), "not an array"},
        {REPLY(0, "[\"a\",1]", "1", 1), "entry 0 of \"params\" is neither"},
        {REPLY(0, "[1.5,1]", "1", 1), "'x': 1.5 is not in 0..1"},
        {REPLY(0, "[0.5,4]", "1", 1), "'k': 4 is not in 1..3, whole numbers only"},
        {REPLY(0, "[0.5,1.5]", "1", 1), "'k': 1.5 is not in"},
        {REPLY(0, "[0.5,null]", "1", 1), "'k' is null although it is active"},
        {"not json", "sent 'not json', which is no message"},
        {"[]", "which is no message"},
        {"{\"type\":7}", "which is no message"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *const answers[] = {rows[i].answer, NULL};
        fixture f;
        hpo_method_trial t;
        make_problem(&f, "x: 0..1; k: int 1..3");
        make_scripted(&f, NULL, answers);
        open_good(&f);
        assert_true(ask(&f, &t) < 0);
        assert_contains(f.err.msg, rows[i].part);
        assert_contains(f.err.msg, "solver: ");
        close_all(&f);
    }
}

static void test_wrong_ids(void **state)
{
    static const char *const busy[] = {REPLY(0, "[0.5]", "1", 1), REPLY(0, "[0.5]", "1", 1), NULL};
    static const char *const unknown[] = {REPLY(4, "[0.5]", "1", 5), REPLY(2, "[0.5]", "1", 5), NULL};
    static const char *const back[] = {REPLY(0, "[0.5]", "3", 1), REPLY(0, "[0.5]", "3", 1), NULL};
    static const char *const changed[] = {REPLY(0, "[0.5]", "3", 1), REPLY(0, "[0.6]", "9", 1), NULL};
    static const struct {
        const char *const *answers;
        int told;
        const char *part;
    } rows[] = {{busy, 0, "still being evaluated"},
                {unknown, 1, "never proposed"},
                {back, 1, "at step 3 already"},
                {changed, 1, "changed the parameters of trial 0"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fixture f;
        hpo_method_trial t;
        make_problem(&f, "x: 0..1; epochs: fidelity int 1..9");
        f.problem.full_resource = 9;
        f.problem.min_resource = 1;
        make_scripted(&f, NULL, rows[i].answers);
        f.setup.workers = 2;
        open_good(&f);
        assert_ok(ask(&f, &t), f.err);
        if (rows[i].told) tell(&f, &t, 1);
        assert_fails(ask(&f, &t), HPO_EIO, f.err, rows[i].part);
        close_all(&f);
    }
}

static void test_useless_for_ever(void **state)
{
    static const char *const answers[] = {REPLY(0, "[0.5]", "null", 1), NULL};
    fixture f;
    hpo_method_trial t;
    (void)state;
    make_problem(&f, "x: 0..1");
    make_scripted(&f, NULL, answers);
    open_good(&f);
    assert_fails(ask(&f, &t), HPO_EIO, f.err, "10000 answers in a row");
    close_all(&f);
}

/* ---- between configurations and variables -------------------------------------------------------------- */

static void test_wire_round_trip(void **state)
{
    static const char *const spaces[] = {
        "a: -5..10; b: log 1e-5..1; c: 0..0.99 revlog; d: 0.01..0.99 logit; e: 0..0.5 step 0.05",
        "a: int 1..8; b: int 8..512 log; c: int 0..100 step 10; d: bool; e: x,y,z; f: ordinal 1,2,4,8; g: "
        "const 7",
        "opt: sgd,adam; mom: 0..0.9 if opt == sgd; nest: bool if opt == sgd and mom > 0.3; b: 0.5..0.9 if "
        "opt == adam",
        "n: int 1..4; w: int 1..n; v: 0..n",
        "p: perm 6; s: simplex 4; t: subset a,b,c,d; x: vector 3 log 1e-3..1; y: 0..1",
        "lr: log 1e-4..1; epochs: fidelity int 1..81; z: int 4..64 log step 4",
    };
    (void)state;
    for (size_t k = 0; k < sizeof spaces / sizeof spaces[0]; k++) {
        hpo_space *s;
        hpo_wire *w;
        hpo_error err;
        double x[64 * 16], vars[32], back[32];
        assert_ok(hpo_space_parse(spaces[k], &s, &err), err);
        assert_ok(hpo_space_freeze(s, &err), err);
        assert_ok(hpo_wire_create(s, &w, &err), err);
        size_t n = hpo_space_n_columns(s);
        assert_true(n <= 32);
        for (uint64_t seed = 0; seed < 20; seed++) {
            assert_ok(hpo_space_sample(s, seed, 16, x, &err), err);
            for (size_t i = 0; i < 16; i++) {
                hpo_wire_from_x(w, x + i * n, vars);
                assert_ok(hpo_wire_to_x(w, vars, back, &err), err);
                assert_same_doubles(back, x + i * n, n);
            }
        }
        hpo_wire_free(w);
        hpo_space_free(s);
    }
}

static void test_wire_edges(void **state)
{
    hpo_space *s;
    hpo_wire *w;
    hpo_error err;
    double x[8];
    (void)state;
    assert_ok(hpo_space_parse("a: log 1e-5..0.1; p: perm 3; e: 0..0.5 step 0.1", &s, &err), err);
    assert_ok(hpo_space_freeze(s, &err), err);
    assert_ok(hpo_wire_create(s, &w, &err), err);
    const double rounded[] = {0.1 * (1 + 1e-15), 2, 0, 1, 5}, twice[] = {0.1, 2, 2, 1, 5},
                 half[] = {0.1, 2, (double)NAN, 1, 5}, step[] = {0.1, 0, 1, 2, 6};
    assert_ok(hpo_wire_to_x(w, rounded, x, &err), err); /* exp(log(0.1)) may come out above 0.1 */
    assert_near(x[0], 0.1, 0, 0);
    assert_near(x[1], 2, 0, 0);
    assert_near(x[4], 0.5, 0, 0);
    assert_fails(hpo_wire_to_x(w, twice, x, &err), HPO_EINVAL, err, "p");
    assert_fails(hpo_wire_to_x(w, half, x, &err), HPO_EINVAL, err, "1 of its 3 entries are null");
    assert_fails(hpo_wire_to_x(w, step, x, &err), HPO_EINVAL, err, "'e': 6 is not in 0..5");
    assert_true(hpo_wire_below_end(w, 0, 0.1) < 0.1);
    assert_near(hpo_wire_below_end(w, 4, 5), 5, 0, 0);
    hpo_wire_free(w);
    hpo_space_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ask_and_tell),    cmocka_unit_test(test_problem_spec),
        cmocka_unit_test(test_conditions),      cmocka_unit_test(test_steps),
        cmocka_unit_test(test_constraint),      cmocka_unit_test(test_outcomes_and_status),
        cmocka_unit_test(test_flood),           cmocka_unit_test(test_capabilities),
        cmocka_unit_test(test_unavailable),     cmocka_unit_test(test_registry),
        cmocka_unit_test(test_no_good_start),   cmocka_unit_test(test_slow),
        cmocka_unit_test(test_dies_later),      cmocka_unit_test(test_bad_answers),
        cmocka_unit_test(test_wrong_ids),       cmocka_unit_test(test_useless_for_ever),
        cmocka_unit_test(test_wire_round_trip), cmocka_unit_test(test_wire_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
