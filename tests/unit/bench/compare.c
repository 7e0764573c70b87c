/* SPDX-License-Identifier: Apache-2.0 */
/* bench/compare, bench/results: runs are paired, repeatable, stored whole or not at all, and never twice;
 * what is written is read back. */
#include "bench/compare.h"
#include "base/os.h"
#include "bench/simulate.h"
#include "math/func.h"
#include "t.h"

/* ---- problems of our own ---------------------------------------------------------------------------- */

static hpo_status bowl_evaluate(const hpo_problem *p, const hpo_problem_query *q, hpo_problem_answer *a,
                                hpo_error *err)
{
    (void)err;
    a->y[0] = (q->x[0] - 0.3) * (q->x[0] - 0.3) + q->x[1] * q->x[1];
    if (p->noisy && !q->noise_free) a->y[0] += 0.1 * hpo_problem_normal(q, 2, 0);
    if (p->n_objectives > 1) a->y[1] = q->x[0];
    if (p->n_outcomes > 0) a->outcome[0] = 0.5 - q->x[1];
    a->seconds = 1 + q->x[0];
    return HPO_OK;
}

static const hpo_problem_family FAMILY = {.name = "bowl", .evaluate = bowl_evaluate};

static hpo_problem *make_problem(const char *name, int noisy, size_t m, size_t k)
{
    hpo_error err;
    hpo_problem *p = test_calloc(1, sizeof *p);
    p->family = &FAMILY;
    snprintf(p->name, sizeof p->name, "%s", name);
    p->n_objectives = m;
    p->n_outcomes = k;
    p->objective_names[0] = "a";
    p->objective_names[1] = "b";
    p->full_resource = p->min_resource = p->typical = p->best_hypervolume = (double)NAN;
    p->noisy = noisy;
    p->exact_known = 1;
    p->best_is_exact = 1;
    p->best[1] = (double)NAN;
    p->reference_point[0] = p->reference_point[1] = 2;
    p->budget = 7;
    p->suites = 1u << HPO_SUITE_QUICK;
    assert_ok(hpo_space_parse("x: 0..1; y: -1..1", &p->space, &err), err);
    assert_ok(hpo_space_freeze(p->space, &err), err);
    return p;
}

static void free_problem(hpo_problem *p)
{
    hpo_space_free(p->space);
    test_free(p);
}

/* ---- helpers ---- */

static hpo_results *open_results(const char *name, int write)
{
    hpo_error err;
    hpo_results *r;
    assert_ok(hpo_results_open(t_temp_path(name), write, &r, &err), err);
    return r;
}

static hpo_compare_progress compare(const hpo_compare_plan *plan, hpo_results *r)
{
    hpo_error err;
    hpo_compare_progress end;
    assert_ok(hpo_compare(plan, r, &end, &err), err);
    return end;
}

static const hpo_run_info *find_run(const hpo_run_info *runs, size_t n, const char *problem,
                                    const char *method, uint64_t seed)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(runs[i].key.problem, problem) == 0 && strcmp(runs[i].key.method, method) == 0 &&
            runs[i].key.seed == seed)
            return &runs[i];
    fail_msg("no run of %s on %s", method, problem);
    return NULL;
}

static void assert_same_rows(hpo_results *a, int64_t id_a, hpo_results *b, int64_t id_b)
{
    hpo_error err;
    hpo_run_rows *p, *q;
    assert_ok(hpo_results_rows(a, id_a, 1, &p, &err), err);
    assert_ok(hpo_results_rows(b, id_b, 1, &q, &err), err);
    assert_int_equal(p->n, q->n);
    assert_memory_equal(p->trial, q->trial, p->n * sizeof *p->trial);
    assert_memory_equal(p->recommended, q->recommended, p->n * sizeof *p->trial);
    assert_same_doubles(p->y, q->y, p->n * p->m);
    assert_same_doubles(p->recommended_y, q->recommended_y, p->n * p->m);
    assert_same_doubles(p->x, q->x, p->n * p->n_columns);
    assert_same_doubles(p->time, q->time, p->n);
    hpo_free(p);
    hpo_free(q);
}

/* ---- comparisons ---- */

static void test_comparison(void **state)
{
    (void)state;
    hpo_error err;
    hpo_problem *problems[] = {make_problem("bowl", 0, 1, 0), make_problem("noisy", 1, 1, 1)};
    const char *methods[] = {"random", "random+none", "sobol:scramble=shift", "nonsense"};
    hpo_compare_plan plan = {.suite = "quick",
                             .problems = problems,
                             .methods = methods,
                             .n_problems = 2,
                             .n_methods = 4,
                             .n_seeds = 3,
                             .threads = 1};
    hpo_results *one = open_results("one", 1), *four = open_results("four", 1);
    hpo_compare_progress end = compare(&plan, one);
    assert_int_equal(end.total, 24);
    assert_int_equal(end.done, 24);
    assert_int_equal(end.failed, 6);
    assert_int_equal(end.evaluations, 2 * 3 * 3 * 7);
    plan.threads = 4;
    compare(&plan, four);

    hpo_run_info *a, *b;
    size_t n, m;
    assert_ok(hpo_results_runs(one, &a, &n, &err), err);
    assert_ok(hpo_results_runs(four, &b, &m, &err), err);
    assert_int_equal(n, 24);
    assert_int_equal(m, 24);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(a[i].key.problem, b[i].key.problem);
        assert_string_equal(a[i].key.method, b[i].key.method);
        assert_int_equal(a[i].key.seed, b[i].key.seed);
        assert_string_equal(a[i].suite, "quick");
        assert_same_rows(one, a[i].id, four, b[i].id); /* however many threads */
        if (strcmp(a[i].key.method, "nonsense") == 0) {
            assert_contains(a[i].error, "nonsense");
            assert_int_equal(a[i].n, 0);
            continue;
        }
        assert_null(a[i].error);
        assert_int_equal(a[i].n, 7); /* the problem's own budget */
        assert_true(a[i].key.budget == 7 && a[i].key.workers == 1 && a[i].key.charged == 0);
        assert_true(a[i].virtual_seconds >= 7 && a[i].virtual_seconds <= 14);
        assert_true(a[i].decision_p50 > 0 && a[i].decision_p99 >= a[i].decision_p50);
        assert_true(a[i].decision_total >= a[i].decision_p99 && a[i].wall_seconds >= a[i].decision_total);
    }
    /* Paired: the same seed gives methods that do the same the same; seeds and problems differ. */
    for (uint64_t s = 0; s < 3; s++)
        assert_same_rows(one, find_run(a, n, "noisy", "random", s)->id, one,
                         find_run(a, n, "noisy", "random+none", s)->id);
    assert_true(hpo_compare_seed("bowl", 0) != hpo_compare_seed("bowl", 1));
    assert_true(hpo_compare_seed("bowl", 0) != hpo_compare_seed("noisy", 0));
    hpo_free(a);
    hpo_free(b);
    hpo_results_free(one);
    hpo_results_free(four);
    free_problem(problems[0]);
    free_problem(problems[1]);
}

/* What a run's rows say: the recommended point is the best feasible one told, shown without noise. */
static void test_recommendation(void **state)
{
    (void)state;
    hpo_error err;
    hpo_problem *problem = make_problem("noisy", 1, 1, 1);
    const char *methods[] = {"random"};
    const double budgets[] = {30, 50};
    const int32_t workers[] = {1, 4};
    hpo_compare_plan plan = {.problems = &problem,
                             .methods = methods,
                             .budgets = budgets,
                             .workers = workers,
                             .n_problems = 1,
                             .n_methods = 1,
                             .n_budgets = 2,
                             .n_workers = 2,
                             .n_seeds = 1};
    hpo_results *r = open_results("recommended", 1);
    assert_int_equal(compare(&plan, r).done, 4);
    hpo_run_info *runs;
    hpo_run_rows *rows;
    size_t n;
    assert_ok(hpo_results_runs(r, &runs, &n, &err), err);
    assert_int_equal(n, 4);
    for (size_t j = 0; j < n; j++) {
        double best = HUGE_VAL, exact = (double)NAN;
        assert_ok(hpo_results_rows(r, runs[j].id, 1, &rows, &err), err);
        assert_int_equal(rows->n, (size_t)runs[j].key.budget);
        for (size_t i = 0; i < rows->n; i++) {
            const double *x = rows->x + 2 * i;
            double truth = (x[0] - 0.3) * (x[0] - 0.3) + x[1] * x[1];
            assert_near(rows->outcome[i], 0.5 - x[1], 0, 1e-15);
            assert_true(rows->y[i] != truth);
            if (rows->outcome[i] <= 0 && rows->y[i] < best) {
                best = rows->y[i];
                exact = truth;
                assert_int_equal(rows->recommended[i], rows->trial[i]);
            }
            assert_same_doubles(&rows->recommended_y[i], &exact, 1);
        }
        hpo_free(rows);
    }
    hpo_free(runs);
    hpo_results_free(r);
    free_problem(problem);
}

/* ---- going on ---- */

typedef struct canceller {
    atomic_int cancel;
    int64_t after;
} canceller;

static void cancel_after(void *ctx, const hpo_compare_progress *p)
{
    canceller *c = ctx;
    if (p->done >= c->after) atomic_store(&c->cancel, 1);
}

static int64_t count(hpo_results *r)
{
    hpo_error err;
    hpo_run_info *runs;
    size_t n;
    assert_ok(hpo_results_runs(r, &runs, &n, &err), err);
    for (size_t i = 0; i < n; i++) {
        hpo_run_rows *rows; /* checks that all rows are there */
        assert_ok(hpo_results_rows(r, runs[i].id, 0, &rows, &err), err);
        assert_null(rows->x);
        hpo_free(rows);
    }
    hpo_free(runs);
    return (int64_t)n;
}

static void test_interrupted_and_resumed(void **state)
{
    (void)state;
    hpo_error err;
    hpo_problem *problem = make_problem("bowl", 0, 1, 0);
    const char *methods[] = {"random", "halton"};
    canceller c = {.cancel = 0, .after = 3};
    hpo_compare_progress end;
    hpo_compare_plan plan = {.problems = &problem,
                             .methods = methods,
                             .n_problems = 1,
                             .n_methods = 2,
                             .n_seeds = 5,
                             .threads = 2,
                             .cancel = &c.cancel,
                             .progress = cancel_after,
                             .ctx = &c};
    hpo_results *r = open_results("resumed", 1), *whole = open_results("whole", 1);
    assert_fails(hpo_compare(&plan, r, &end, &err), HPO_WAIT, err, "interrupted");
    assert_in_range(end.done, 3, 4);
    assert_int_equal(count(r), end.done);
    hpo_results_free(r);
    /* The same command in a new process. */
    r = open_results("resumed", 1);
    int64_t before = end.done;
    atomic_store(&c.cancel, 0);
    c.after = INT64_MAX;
    end = compare(&plan, r);
    assert_int_equal(end.skipped, before);
    assert_int_equal(end.done, 10 - before);
    assert_int_equal(count(r), 10);
    compare(&plan, whole);
    hpo_run_info *a, *b;
    size_t n, m;
    assert_ok(hpo_results_runs(r, &a, &n, &err), err);
    assert_ok(hpo_results_runs(whole, &b, &m, &err), err);
    assert_int_equal(n, m);
    for (size_t i = 0; i < n; i++)
        assert_same_rows(r, a[i].id, whole, b[i].id);
    hpo_free(a);
    hpo_free(b);
    end = compare(&plan, r);
    assert_int_equal(end.done, 0);
    assert_int_equal(end.skipped, 10);
    hpo_results_free(r);
    hpo_results_free(whole);
    free_problem(problem);
}

static void test_failures_are_kept_and_can_be_retried(void **state)
{
    (void)state;
    hpo_problem *problem = make_problem("bowl", 0, 1, 0);
    const char *methods[] = {"nonsense"};
    hpo_compare_plan plan = {
        .problems = &problem, .methods = methods, .n_problems = 1, .n_methods = 1, .n_seeds = 2};
    hpo_results *r = open_results("failed", 1);
    assert_int_equal(compare(&plan, r).failed, 2);
    assert_int_equal(compare(&plan, r).skipped, 2);
    plan.retry = 1;
    assert_int_equal(compare(&plan, r).failed, 2);
    assert_int_equal(count(r), 2); /* replaced, not added */
    hpo_error err;
    plan.failure_rate = 0.5; /* not in the key: another folder */
    assert_fails(hpo_compare(&plan, r, NULL, &err), HPO_EINVAL, err, "failures 0.5");
    hpo_results_free(r);
    free_problem(problem);
}

/* ---- the file ---- */

static void test_rows_are_read_back(void **state)
{
    (void)state;
    hpo_error err;
    t_rng rng = t_rng_create();
    hpo_problem *p = make_problem("two \"objectives\", quoted", 0, 2, 2);
    hpo_results *r = open_results("rows", 1);
    assert_ok(hpo_results_add_problem(r, p, &err), err);
    assert_ok(hpo_results_add_problem(r, p, &err), err);
    hpo_run_rows *rows, *back;
    assert_ok(hpo_run_rows_create(50, 2, 2, 2, &rows, &err), err);
    double *columns[] = {rows->resource, rows->spent, rows->time, rows->decision};
    for (size_t i = 0; i < 50; i++) {
        rows->trial[i] = t_int(&rng, 0, INT64_MAX);
        rows->state[i] = (int32_t)t_int(&rng, 0, HPO_N_STATES - 1);
        for (size_t j = 0; j < 4; j++)
            columns[j][i] = t_odd_double(&rng);
        for (size_t j = 0; j < 2; j++) {
            rows->y[2 * i + j] = i % 7 == 0 ? (double)NAN : i % 5 == 0 ? -HUGE_VAL : t_odd_double(&rng);
            rows->outcome[2 * i + j] = j == 0 ? (double)NAN : t_odd_double(&rng);
            rows->x[2 * i + j] = i % 3 == 0 ? (double)NAN : t_odd_double(&rng);
        }
    }
    hpo_run_info info = {.key = {p->name, "m", 7, 100, 3, 1}, .suite = "", .n = 50, .decision_p50 = 0.25};
    assert_ok(hpo_results_add(r, &info, rows, &err), err);
    hpo_results_free(r);

    r = open_results("rows", 0);
    hpo_run_info *runs;
    hpo_problem_info *problems;
    size_t n;
    int found;
    assert_ok(hpo_results_find(r, &info.key, &found, &err), err);
    assert_int_equal(found, 1);
    info.key.seed = 8;
    assert_ok(hpo_results_find(r, &info.key, &found, &err), err);
    assert_int_equal(found, 0);
    assert_ok(hpo_results_problems(r, &problems, &n, &err), err);
    assert_int_equal(n, 1);
    assert_string_equal(problems[0].name, p->name);
    assert_true(problems[0].best[0] == 0 && isnan(problems[0].best[1]) && isnan(problems[0].typical));
    assert_true(problems[0].reference_point[1] == 2 && isnan(problems[0].reference_point[2]));
    assert_int_equal(problems[0].n_dims, 2);
    hpo_free(problems);
    assert_ok(hpo_results_runs(r, &runs, &n, &err), err);
    assert_int_equal(n, 1);
    assert_int_equal(runs[0].key.seed, 7);
    assert_true(runs[0].decision_p50 == 0.25);
    assert_ok(hpo_results_rows(r, runs[0].id, 1, &back, &err), err);
    assert_memory_equal(back->trial, rows->trial, 50 * sizeof *rows->trial);
    assert_memory_equal(back->state, rows->state, 50 * sizeof *rows->state);
    assert_same_doubles(back->resource, rows->resource, 50);
    assert_same_doubles(back->decision, rows->decision, 50);
    assert_same_doubles(back->y, rows->y, 100);
    assert_same_doubles(back->outcome, rows->outcome, 100);
    assert_same_doubles(back->x, rows->x, 100);
    hpo_free(back);
    hpo_free(rows);
    hpo_free(runs);

    char *csv;
    size_t length, lines = 0;
    assert_ok(hpo_results_export_csv(r, t_temp_path("rows.csv"), &err), err);
    assert_ok(hpo_os_read_file(t_temp_path("rows.csv"), 1 << 20, &csv, &length, &err), err);
    for (size_t i = 0; i < length; i++)
        lines += csv[i] == '\n';
    assert_int_equal(lines, 51);
    assert_contains(csv, "time,decision_seconds,y0,y1,outcome0,outcome1,recommended,");
    assert_contains(csv, "\n\"two \"\"objectives\"\", quoted\",,m,7,100,3,1,0,");
    hpo_free(csv);
    hpo_results_free(r);
    free_problem(p);
}

static void test_the_file_is_guarded(void **state)
{
    (void)state;
    hpo_error err;
    hpo_problem *p = make_problem("bowl", 0, 1, 0);
    hpo_results *r = open_results("guarded", 1), *other;
    char *text;
    assert_fails(hpo_results_open(t_temp_path("guarded"), 1, &other, &err), HPO_EBUSY, err, "guarded");
    assert_ok(hpo_results_open(t_temp_path("guarded"), 0, &other, &err), err); /* reading is fine */
    assert_ok(hpo_results_set_meta(r, "key", "one", &err), err);
    assert_ok(hpo_results_set_meta(r, "key", "two", &err), err);
    assert_ok(hpo_results_get_meta(other, "key", &text, &err), err);
    assert_string_equal(text, "two");
    hpo_free(text);
    assert_ok(hpo_results_get_meta(other, "none", &text, &err), err);
    assert_null(text);
    hpo_results_free(other);
    assert_ok(hpo_results_add_problem(r, p, &err), err);
    p->best[0] = 1;
    assert_fails(hpo_results_add_problem(r, p, &err), HPO_EINVAL, err, "bowl");
    hpo_run_info info = {.key = {"unknown", "m", 0, 1, 1, 0}, .suite = ""};
    assert_fails(hpo_results_add(r, &info, NULL, &err), HPO_ENOTFOUND, err, "unknown");
    assert_ok(hpo_results_set_meta(r, "schema", "2", &err), err);
    hpo_results_free(r);
    assert_fails(hpo_results_open(t_temp_path("guarded"), 0, &other, &err), HPO_EUNSUPPORTED, err,
                 "schema 2");
    assert_fails(hpo_results_open(t_temp_path("absent"), 0, &other, &err), HPO_ENOTFOUND, err, "absent");
    free_problem(p);
}

static hpo_status compare_once(void *ctx, hpo_error *err)
{
    const char *methods[] = {"random"};
    hpo_compare_plan plan = {.problems = ctx,
                             .methods = methods,
                             .n_problems = 1,
                             .n_methods = 1,
                             .n_seeds = 1,
                             .threads = 1,
                             .retry = 1};
    hpo_results *r = NULL;
    hpo_status rc = hpo_results_open(t_temp_path("memory"), 1, &r, err);
    if (rc == HPO_OK) rc = hpo_compare(&plan, r, NULL, err);
    hpo_results_free(r);
    return rc;
}

static void test_memory(void **state)
{
    (void)state;
    hpo_problem *p = make_problem("bowl", 0, 1, 0);
    p->typical = 1; /* known: the search for it has its own test */
    assert_true(t_oom(compare_once, &p) > 10);
    free_problem(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comparison),
        cmocka_unit_test(test_recommendation),
        cmocka_unit_test(test_interrupted_and_resumed),
        cmocka_unit_test(test_failures_are_kept_and_can_be_retried),
        cmocka_unit_test(test_rows_are_read_back),
        cmocka_unit_test(test_the_file_is_guarded),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
