/* SPDX-License-Identifier: Apache-2.0 */
/* What holds for every problem of every family that needs no data: the space freezes, names lead back to the
 * problem, the optimum has its value where it is said to lie, nothing drawn at random is better, answers are
 * functions of the query on any number of threads. */
#include "t.h"

#include <pthread.h>

#include "base/alloc.h"
#include "bench/families.h"

enum { DRAWS = 10000, TRAININGS = T_INSTRUMENTED ? 1 : 4, THREADS = 4 };

static hpo_error err;

/* An evaluation is a real training. */
static int trains(const hpo_problem *p)
{
    static const char *const families[] = {"live", "svm", "logistic"};
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (strcmp(p->family->name, families[i]) == 0) return 1;
    return 0;
}

/* Number of random points: less where an evaluation or the dimension is large. */
static size_t draws_for(const hpo_problem *p)
{
    if (trains(p)) return TRAININGS;
    if (p->n_outcomes > 0) return DRAWS; /* few of them are feasible */
    return hpo_space_n_columns(p->space) > 30   ? DRAWS / 100
           : hpo_space_n_columns(p->space) > 10 ? DRAWS / 20
                                                : DRAWS / 5;
}

/* Opens all problems of the families without data and visits them. */
static void for_each(void (*visit)(const hpo_problem *p))
{
    char name[96];
    size_t n = 0;
    for (const hpo_problem_family *const *f = hpo_problem_families; *f != NULL; f++) {
        if ((*f)->needs_data) continue;
        assert_true((*f)->help != NULL && (*f)->reference != NULL);
        for (size_t i = 0; (*f)->list(i, NULL, name, sizeof name); i++, n++) {
            hpo_problem *p;
            assert_ok(hpo_problem_open(name, NULL, &p, &err), err);
            if (p->family != *f) fail_msg("%s belongs to another family, %s", name, p->family->name);
            visit(p);
            hpo_problem_free(p);
        }
    }
    assert_true(n > 400);
}

static hpo_problem_answer answer_at(const hpo_problem *p, const double *x, uint64_t seed, int noise_free)
{
    hpo_problem_query q = {.x = x, .resource = (double)NAN, .seed = seed, .noise_free = noise_free};
    hpo_problem_answer a = {.seconds = 0};
    assert_ok(hpo_problem_evaluate(p, &q, &a, &err), err);
    return a;
}

static int feasible(const hpo_problem *p, const hpo_problem_answer *a, double slack)
{
    for (size_t i = 0; i < p->n_outcomes; i++)
        if (!(a->outcome[i] <= slack)) return 0;
    return !a->failed;
}

static void check_description(const hpo_problem *p)
{
    if (p->n_objectives < 1 || p->n_objectives > HPO_BENCH_MAX_OBJECTIVES)
        fail_msg("%s: objectives", p->name);
    if (p->n_outcomes > HPO_BENCH_MAX_OUTCOMES) fail_msg("%s: outcomes", p->name);
    if (p->budget < 1) fail_msg("%s: budget", p->name);
    if (isnan(p->full_resource) != isnan(p->min_resource)) fail_msg("%s: resource", p->name);
    for (size_t i = 0; i < p->n_objectives; i++)
        assert_non_null(p->objective_names[i]);
    int fidelities = 0;
    for (size_t i = 0; i < hpo_space_n_params(p->space); i++) {
        hpo_param_info info = hpo_param_info_init();
        assert_ok(hpo_space_param(p->space, i, &info, &err), err);
        if (!info.is_fidelity) continue;
        if (fidelities++ == 0) assert_true(info.high == p->full_resource && info.low == p->min_resource);
    }
    if ((fidelities > 0) != !isnan(p->full_resource))
        fail_msg("%s: fidelity without resource, or the reverse", p->name);
}

static void descriptions_are_whole(void **state)
{
    (void)state;
    for_each(check_description);
}

static void check_optimum(const hpo_problem *p)
{
    if (p->best_x == NULL || p->n_objectives > 1) return;
    if (hpo_space_validate(p->space, p->best_x, &err) != HPO_OK) fail_msg("%s: best_x: %s", p->name, err.msg);
    hpo_problem_answer a = answer_at(p, p->best_x, 1, 1);
    if (!feasible(p, &a, 1e-7 * (1 + fabs(p->best[0])))) fail_msg("%s: best_x is infeasible", p->name);
    if (!(fabs(a.y[0] - p->best[0]) <= 1e-9 * (1 + fabs(p->best[0]))))
        fail_msg("%s: %.17g at the optimum, not %.17g", p->name, a.y[0], p->best[0]);
}

static void optima_are_where_they_are_said_to_be(void **state)
{
    (void)state;
    for_each(check_optimum);
}

static void check_unbeaten(const hpo_problem *p)
{
    size_t n = draws_for(p), columns = hpo_space_n_columns(p->space), better_than_worst = 0;
    if (p->n_objectives > 1 || isnan(p->best[0]) || !p->exact_known) return;
    double *x = hpo_alloc_array(n * columns, sizeof *x), first = 0;
    assert_non_null(x);
    assert_ok(hpo_space_sample(p->space, 20, n, x, &err), err);
    for (size_t i = 0; i < n; i++) {
        hpo_problem_answer a = answer_at(p, x + i * columns, i, 1);
        if (!feasible(p, &a, 0)) continue;
        if (isnan(a.y[0])) fail_msg("%s: NaN", p->name);
        if (a.y[0] < p->best[0] - 1e-9 * (1 + fabs(p->best[0])))
            fail_msg("%s: random point %zu has %.17g, better than %.17g", p->name, i, a.y[0], p->best[0]);
        if (i == 0) first = a.y[0];
        better_than_worst += a.y[0] != first;
    }
    if (better_than_worst == 0) fail_msg("%s: no feasible point, or all the same", p->name);
    hpo_free(x);
}

static void no_random_point_is_better(void **state)
{
    (void)state;
    for_each(check_unbeaten);
}

/* Regret is measured in units of this difference. */
static void check_typical(const hpo_problem *p)
{
    hpo_problem *own;
    if (p->n_objectives > 1 || hpo_space_n_columns(p->space) > 10) return;
    assert_ok(hpo_problem_open(p->name, NULL, &own, &err), err);
    assert_ok(hpo_problem_find_typical(own, &err), err);
    if (!(own->typical > own->best[0] + 1e-9 * (1 + fabs(own->best[0])) && own->typical < (double)INFINITY))
        fail_msg("%s: typical value %g, best %g", own->name, own->typical, own->best[0]);
    hpo_problem_free(own);
}

static void random_configurations_are_worse(void **state)
{
    (void)state;
    for_each(check_typical);
}

/* ---- threads -------------------------------------------------------------------------------- */

typedef struct job {
    const hpo_problem *p;
    const double *x;
    size_t n;
    double sum; /* of everything answered, in one order */
    int ok;
} job;

static void *evaluate_all(void *arg)
{
    job *j = arg;
    size_t columns = hpo_space_n_columns(j->p->space);
    j->ok = 1;
    for (size_t i = 0; i < j->n; i++) {
        hpo_problem_query q = {.x = j->x + i * columns, .resource = (double)NAN, .seed = i};
        hpo_problem_answer a = {.seconds = 0};
        j->ok &= hpo_problem_evaluate(j->p, &q, &a, NULL) == HPO_OK && a.seconds >= 0;
        j->sum += a.seconds;
        for (size_t k = 0; k < j->p->n_objectives && !a.failed; k++)
            j->sum += a.y[k] / (double)(i + 1);
        for (size_t k = 0; k < j->p->n_outcomes && !a.failed; k++)
            j->sum += a.outcome[k];
    }
    return NULL;
}

static void check_threads(const hpo_problem *p)
{
    enum { POINTS = 50 };
    size_t columns = hpo_space_n_columns(p->space), n = trains(p) ? TRAININGS : POINTS;
    double *x = hpo_alloc_array(POINTS * columns, sizeof *x);
    pthread_t threads[THREADS];
    job jobs[THREADS];
    assert_non_null(x);
    assert_ok(hpo_space_sample(p->space, 3, POINTS, x, &err), err);
    for (int i = 0; i < THREADS; i++) {
        jobs[i] = (job){.p = p, .x = x, .n = n};
        assert_int_equal(pthread_create(&threads[i], NULL, evaluate_all, &jobs[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < THREADS; i++) {
        if (!jobs[i].ok) fail_msg("%s: evaluation failed", p->name);
        assert_same_doubles(&jobs[i].sum, &jobs[0].sum, 1);
    }
    hpo_free(x);
}

static void answers_are_the_same_on_all_threads(void **state)
{
    (void)state;
    for_each(check_threads);
}

static void unknown_names_have_suggestions(void **state)
{
    hpo_problem *p;
    (void)state;
    assert_fails(hpo_problem_open("brannin", NULL, &p, &err), HPO_ENOTFOUND, err, "branin");
    assert_fails(hpo_problem_open("ackley-d1000", NULL, &p, &err), HPO_EINVAL, err, "2..640");
}

static void suites_have_members(void **state)
{
    (void)state;
    static const hpo_suite suites[] = {HPO_SUITE_QUICK,       HPO_SUITE_BBOB,         HPO_SUITE_MIXED,
                                       HPO_SUITE_NOISY,       HPO_SUITE_CONSTRAINED,  HPO_SUITE_HIGHDIM,
                                       HPO_SUITE_CONDITIONAL, HPO_SUITE_MULTIFIDELITY};
    for (size_t i = 0; i < sizeof suites / sizeof *suites; i++) {
        char **names;
        size_t n;
        assert_ok(hpo_problem_names(suites[i], NULL, &names, &n, &err), err);
        assert_true(n > 2);
        hpo_free(names);
    }
}

/* Opening must not leak, nor fall over, when memory runs out. */
static hpo_status open_and_free(void *ctx, hpo_error *e)
{
    hpo_problem *p;
    hpo_status rc = hpo_problem_open(ctx, NULL, &p, e);
    if (rc == HPO_OK) hpo_problem_free(p);
    return rc;
}

static void opening_survives_lack_of_memory(void **state)
{
    static const char *const names[] = {"bbob-f21-i01-d02",
                                        "bbob-mixint-f03-i01-d05",
                                        "bbob-con-f01-i01-d02",
                                        "sparse-branin-d60",
                                        "lr-bowl",
                                        "cash",
                                        "branches-i01",
                                        "tsp-circle-n15",
                                        "mf-currin",
                                        "curves-exp-i01",
                                        "g06",
                                        "digits-mlp-many",
                                        "logistic-digits"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "%s", names[i]);
        (void)t_oom(open_and_free, name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptions_are_whole),
        cmocka_unit_test(optima_are_where_they_are_said_to_be),
        cmocka_unit_test(no_random_point_is_better),
        cmocka_unit_test(random_configurations_are_worse),
        cmocka_unit_test(answers_are_the_same_on_all_threads),
        cmocka_unit_test(unknown_names_have_suggestions),
        cmocka_unit_test(suites_have_members),
        cmocka_unit_test(opening_survives_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
