/* SPDX-License-Identifier: Apache-2.0 */
/* From stored runs to the numbers of a report, worked by hand. */
#include "bench/comparison.h"

#include "t.h"

/* A table of runs in memory: for each run the value recommended after each evaluation (NAN: none). */
enum { MAX_ROWS = 4, MAX_RUNS = 40 };
typedef struct table {
    hpo_problem_info problems[4];
    size_t n_problems;
    hpo_run_info runs[MAX_RUNS];
    double value[MAX_RUNS][MAX_ROWS][2];
    double outcome[MAX_RUNS][MAX_ROWS];
    size_t n_runs;
} table;

static hpo_status table_rows(void *ctx, size_t i, hpo_run_rows **out, hpo_error *err)
{
    const table *t = ctx;
    const hpo_problem_info *p = NULL;
    for (size_t j = 0; j < t->n_problems; j++)
        if (strcmp(t->problems[j].name, t->runs[i].key.problem) == 0) p = &t->problems[j];
    size_t n = (size_t)t->runs[i].n;
    hpo_status rc = hpo_run_rows_create(n, p->n_objectives, p->n_outcomes, 1, out, err);
    if (rc != HPO_OK) return rc;
    hpo_run_rows *r = *out;
    for (size_t j = 0; j < n; j++) {
        int none = isnan(t->value[i][j][0]);
        r->trial[j] = (int64_t)j;
        r->recommended[j] = none ? -1 : (int64_t)j;
        r->resource[j] = 1;
        r->spent[j] = (double)j + 1;
        r->time[j] = 10 * ((double)j + 1);
        r->decision[j] = 0.001 * ((double)j + 1);
        for (size_t m = 0; m < p->n_objectives; m++)
            r->y[j * p->n_objectives + m] = r->recommended_y[j * p->n_objectives + m] = t->value[i][j][m];
        for (size_t k = 0; k < p->n_outcomes; k++)
            r->outcome[j * p->n_outcomes + k] = r->recommended_outcome[j * p->n_outcomes + k] =
                t->outcome[i][j];
    }
    return HPO_OK;
}

static void add_problem(table *t, const char *name, double best, double typical, int exact)
{
    t->problems[t->n_problems++] = (hpo_problem_info){.name = name,
                                                      .suites = 1u << HPO_SUITE_QUICK,
                                                      .n_columns = 1,
                                                      .n_dims = 2,
                                                      .n_objectives = 1,
                                                      .full_resource = NAN,
                                                      .exact_known = 1,
                                                      .best_is_exact = exact,
                                                      .best = {best},
                                                      .typical = typical,
                                                      .best_hypervolume = NAN,
                                                      .budget = MAX_ROWS};
}

static void add_run(table *t, const char *problem, const char *method, uint64_t seed, size_t n,
                    const double *v)
{
    size_t i = t->n_runs++;
    assert_true(i < MAX_RUNS);
    t->runs[i] = (hpo_run_info){.key = {problem, method, seed, MAX_ROWS, 1, 0},
                                .id = (int64_t)i,
                                .suite = "quick",
                                .n = (int64_t)n,
                                .virtual_seconds = 10 * (double)n,
                                .wall_seconds = 0.5};
    for (size_t j = 0; j < n; j++)
        t->value[i][j][0] = v[j];
}

static hpo_comparison *compare(table *t, const hpo_comparison_options *o)
{
    hpo_error err;
    hpo_comparison *c = NULL;
    hpo_comparison_source s = {t->problems, t->n_problems, t->runs, t->n_runs, table_rows, t};
    assert_ok(hpo_comparison_create(&s, o, &c, &err), err);
    return c;
}

/* Optimum 2, typical point 12: regret = (value - 2) / 10. */
static void fill_two_methods(table *t)
{
    static const double a[3][4] = {{12, 7, 7, 3}, {22, 7, 4, 4}, {NAN, 12, 12, 2.5}};
    static const double b[3][4] = {{7, 7, 7, 7}, {12, 12, 3, 3}, {7, 7, 4, 3}};
    memset(t, 0, sizeof *t);
    add_problem(t, "bowl", 2, 12, 1);
    for (uint64_t s = 0; s < 3; s++) {
        add_run(t, "bowl", "a", s, 4, a[s]);
        add_run(t, "bowl", "b", s, 4, b[s]);
    }
}

static void test_contest(void **state)
{
    (void)state;
    table t;
    hpo_comparison_options o = hpo_comparison_options_init();
    fill_two_methods(&t);
    o.against = "b";
    hpo_comparison *c = compare(&t, &o);
    assert_int_equal(c->n_contests, 1);
    assert_int_equal(c->n_methods, 2);
    const hpo_contest *k = &c->contests[0];
    assert_string_equal(k->label, "bowl");
    assert_int_equal(k->n_complete, 3);
    assert_int_equal(k->n_budgets, 4);
    /* regrets at the end: a .1 .2 .05, b .5 .1 .1: a wins seeds 0 and 2 */
    assert_string_equal(c->methods[0].name, "a");
    const hpo_entry *a = &k->entries[0];
    const hpo_entry *b = &k->entries[1];
    assert_near(a->median.value, 0.1, 1e-12, 0);
    assert_near(b->median.value, 0.1, 1e-12, 0);
    assert_near(a->mean.value, 0.35 / 3, 1e-12, 0);
    assert_near(a->q25, 0.075, 1e-12, 0);
    assert_near(a->q75, 0.15, 1e-12, 0);
    assert_near(a->value, 3, 1e-12, 0);
    assert_near(a->best_of[0], (0.05 * 5 + 0.1 * 3 + 0.2) / 9, 1e-12, 0);
    assert_true(isnan(a->best_of[1]));
    assert_near(c->methods[0].rank.value, 4.0 / 3, 1e-12, 0);
    assert_near(c->methods[1].rank.value, 5.0 / 3, 1e-12, 0);
    assert_int_equal(c->control, 1);
    assert_int_equal(a->wins, 2);
    assert_int_equal(a->losses, 1);
    /* log10 differences: log(.1/.5) = -.70, log(.2/.1) = .30, log(.05/.1) = -.30: ranks 3, 1.5, 1.5; of the
     * eight sign patterns four have a smaller sum of at most 1.5 */
    assert_near(a->p, 0.75, 1e-12, 0);
    assert_near(a->p_adjusted, 0.75, 1e-12, 0);
    assert_true(isnan(b->p));
    /* area with 1 before the first and above 1: seed 0: (1 + 1 + .5 + .5)/4 = .75; seed 1: (1 + 1 + .5 +
     * .2)/4; seed 2: (1 + 1 + 1 + 1)/4 */
    assert_near(a->area.value, (0.75 + 0.675 + 1) / 3, 1e-12, 0);
    assert_near(c->methods[0].area.value, a->area.value, 1e-12, 0);
    /* curves: after one evaluation 1, 2, none: median 2; by time the same */
    assert_near(a->by_budget[0].value, 2, 1e-12, 0);
    assert_true(isinf(a->by_budget[0].high));
    assert_near(a->by_budget[1].value, 0.5, 1e-12, 0);
    assert_near(k->times[0], 10, 1e-12, 0);
    assert_near(k->times[k->n_times - 1], 40, 1e-12, 0);
    assert_near(a->by_time[k->n_times - 1].value, 0.1, 1e-12, 0);
    assert_true(a->by_budget[3].low <= 0.1 && a->by_budget[3].high >= 0.1);
    /* decisions: 1 2 3 4 ms in each run */
    assert_near(c->methods[0].decision_p50, 0.0025, 1e-12, 0);
    assert_near(c->methods[0].decision_total, 0.03, 1e-12, 0);
    assert_near(c->methods[0].wall, 1.5, 1e-12, 0);
    /* one contest: blocks are seeds */
    assert_false(c->blocks_are_contests);
    assert_int_equal(c->n_blocks, 3);
    assert_near(c->critical_difference, 1.959964 * sqrt(2.0 * 3 / (6 * 3)), 1e-5, 0);
    assert_int_equal(c->n_groups, 1);
    /* ranks over the budget: after one evaluation b is better with every seed (1 against .5, 2 against 1,
     * none) */
    assert_near(c->methods[0].rank_curve[9], 2, 0, 0); /* a quarter */
    assert_near(c->methods[0].rank_curve[39], 4.0 / 3, 1e-12, 0);
    /* runtime distribution at the end (4 evaluations, 2 dimensions): of the 51 targets 10^(-8 t/50) those >=
     * r: r .1: 7, .2: 5, .05: 9, .5: 2 */
    assert_near(c->methods[0].ecdf[c->n_ecdf - 1], (7 + 5 + 9) / 153.0, 1e-12, 0);
    assert_near(c->methods[1].ecdf[c->n_ecdf - 1], (2 + 7 + 7) / 153.0, 1e-12, 0);
    /* profile: the goal is .05 + .1 .95 = .145: a needs 4, never, 4; b never, 3, 4 */
    assert_near(c->methods[0].profile[0], 2.0 / 3, 1e-12, 0);
    assert_near(c->methods[1].profile[0], 2.0 / 3, 1e-12, 0);
    hpo_comparison_free(c);
}

/* A run that ended in an error keeps what it had and is listed; a run that is not there is counted and its
 * seed left out of ranks. */
static void test_failures(void **state)
{
    (void)state;
    table t;
    hpo_comparison_options o = hpo_comparison_options_init();
    const double v[] = {4, 4, 4, 4};
    fill_two_methods(&t);
    t.runs[0].error = "the solver ended with status 1";
    t.runs[0].n = 2;
    t.runs[2].error = "the solver did not start";
    t.runs[2].n = 0;
    add_run(&t, "bowl", "b", 3, 4, v);
    hpo_comparison *c = compare(&t, &o);
    const hpo_contest *k = &c->contests[0];
    assert_int_equal(c->n_failures, 2);
    assert_string_equal(c->failures[1]->error, "the solver did not start");
    assert_int_equal(k->n_seeds, 4);
    assert_int_equal(k->n_complete, 3);
    size_t a = strcmp(c->methods[0].name, "a") == 0 ? 0 : 1;
    assert_int_equal(a, 0); /* ranks 1.5, 2, 1 against 1.5, 1, 2: equal, so by name */
    assert_int_equal(c->methods[a].n_missing, 1);
    assert_int_equal(c->methods[a].n_failed, 2);
    assert_near(k->entries[a].runs[0].end, 0.5, 1e-12, 0);
    assert_true(isinf(k->entries[a].runs[1].end));
    assert_true(isinf(k->entries[a].mean.value));
    assert_int_equal(k->entries[1 - a].n_runs, 4);
    hpo_comparison_free(c);
}

/* Equal results, also those that differ only below the floor of regrets: nobody wins. */
static void test_ties(void **state)
{
    (void)state;
    static const double v[4] = {12, 7, 7, 2};
    static const double w[4] = {12, 7, 7, 2 + 5e-8};
    table t;
    hpo_comparison_options o = hpo_comparison_options_init();
    memset(&t, 0, sizeof t);
    add_problem(&t, "bowl", 2, 12, 1);
    for (uint64_t s = 0; s < 3; s++) {
        add_run(&t, "bowl", "a", s, 4, v);
        add_run(&t, "bowl", "b", s, 4, s == 0 ? v : w);
    }
    hpo_comparison *c = compare(&t, &o);
    const hpo_entry *b = &c->contests[0].entries[1];
    assert_int_equal(b->wins, 0);
    assert_int_equal(b->losses, 0);
    assert_near(b->p, 1, 0, 0);
    assert_near(b->mean_rank, 1.5, 1e-15, 0);
    assert_near(c->methods[1].p_seeds, 1, 0, 0);
    hpo_comparison_free(c);
}

/* An infeasible recommendation is none. */
static void test_infeasible(void **state)
{
    (void)state;
    table t;
    hpo_comparison_options o = hpo_comparison_options_init();
    fill_two_methods(&t);
    t.problems[0].n_outcomes = 1;
    for (size_t i = 0; i < t.n_runs; i++)
        for (size_t j = 0; j < MAX_ROWS; j++)
            t.outcome[i][j] = -1;
    t.outcome[0][3] = 0.1; /* a, seed 0: the last one */
    t.outcome[0][2] = 0;   /* the border is feasible */
    hpo_comparison *c = compare(&t, &o);
    size_t a = strcmp(c->methods[0].name, "a") == 0 ? 0 : 1;
    assert_true(isinf(c->contests[0].entries[a].runs[0].end));
    assert_near(hpo_stairs_value(&c->contests[0].entries[a].runs[0].spent, 3), 0.5, 1e-12, 0);
    hpo_comparison_free(c);
}

/* Nothing known of the problem: the scale comes from the results; a best-known value may be beaten, an exact
 * optimum not. */
static void test_scale(void **state)
{
    (void)state;
    table t;
    hpo_comparison_options o = hpo_comparison_options_init();
    fill_two_methods(&t);
    t.problems[0].best[0] = NAN;
    t.problems[0].typical = NAN;
    hpo_comparison *c = compare(&t, &o);
    assert_near(c->contests[0].best, 2.5, 0, 0);
    assert_near(c->contests[0].typical, 12, 0, 0); /* first values 7 7 12 12 12 22 */
    assert_false(c->contests[0].best_known || c->contests[0].typical_known);
    hpo_comparison_free(c);
    fill_two_methods(&t);
    t.problems[0].best[0] = 4;
    t.problems[0].best_is_exact = 0;
    c = compare(&t, &o);
    assert_near(c->contests[0].best, 2.5, 0, 0);
    assert_true(c->contests[0].best_beaten);
    hpo_comparison_free(c);
    t.problems[0].best_is_exact = 1;
    c = compare(&t, &o);
    assert_near(c->contests[0].best, 4, 0, 0);
    assert_near(c->contests[0].entries[0].sorted[0], 0, 0, 0);
    hpo_comparison_free(c);
}

/* Two objectives: the hypervolume of METHODS' golden front, point by point, with the worst first. */
static void test_front(void **state)
{
    (void)state;
    static const double y[4][2] = {{7, 0}, {1, 5}, {2, 3}, {4, 1}};
    table t;
    hpo_comparison_options o = hpo_comparison_options_init();
    memset(&t, 0, sizeof t);
    add_problem(&t, "front", 0, 0, 1);
    t.problems[0].n_objectives = 2;
    t.problems[0].reference_point[0] = t.problems[0].reference_point[1] = 6;
    t.problems[0].best_hypervolume = 20;
    add_run(&t, "front", "a", 0, 4, y[0]);
    memcpy(t.value[0], y, sizeof y);
    hpo_comparison *c = compare(&t, &o);
    const hpo_contender_run *r = &c->contests[0].entries[0].runs[0];
    assert_near(hpo_stairs_value(&r->spent, 1), 1, 0, 0);
    assert_near(hpo_stairs_value(&r->spent, 2), 1 - 5.0 / 20, 1e-15, 0);
    assert_near(hpo_stairs_value(&r->spent, 3), 1 - 13.0 / 20, 1e-15, 0);
    assert_near(r->end, 1 - 17.0 / 20, 1e-15, 0);
    assert_near(c->contests[0].entries[0].value, 17, 1e-12, 0);
    hpo_comparison_free(c);
}

/* Several contests: blocks of the Friedman test are contests; the same problem twice gets two labels. */
static void test_several(void **state)
{
    (void)state;
    static const char *const names[] = {"p", "q", "r"};
    table t;
    hpo_comparison_options o = hpo_comparison_options_init();
    memset(&t, 0, sizeof t);
    for (size_t p = 0; p < 3; p++) {
        add_problem(&t, names[p], 0, 1, 1);
        for (uint64_t s = 0; s < 2; s++) {
            const double good[] = {0.1, 0.1, 0.1, 0.1};
            const double poor[] = {0.2, 0.2, 0.2, 0.2};
            add_run(&t, names[p], "good", s, 4, good);
            add_run(&t, names[p], "poor", s, 4, poor);
        }
    }
    t.problems[2].suites = 1u << HPO_SUITE_BBOB;
    for (size_t i = 0; i < t.n_runs; i++)
        if (strcmp(t.runs[i].key.problem, "r") == 0) t.runs[i].suite = "bbob";
    hpo_comparison *c = compare(&t, &o);
    assert_int_equal(c->n_contests, 3);
    assert_true(c->blocks_are_contests);
    assert_int_equal(c->n_blocks, 3);
    assert_near(c->methods[0].block_rank, 1, 0, 0);
    assert_near(c->methods[1].p_seeds, 2.0 / 64, 1e-15, 0);   /* six pairs, all one way */
    assert_near(c->methods[1].p_contests, 2.0 / 8, 1e-15, 0); /* three */
    assert_int_equal(c->methods[1].losses, 6);
    /* Holm over the three contests: p = 1/2 each */
    assert_near(c->contests[0].entries[1].p, 0.5, 1e-15, 0);
    assert_near(c->contests[0].entries[1].p_adjusted, 1, 0, 0);
    hpo_comparison_free(c);

    o.suite = "bbob";
    c = compare(&t, &o);
    assert_int_equal(c->n_contests, 1);
    assert_string_equal(c->contests[0].label, "r");
    hpo_comparison_free(c);

    hpo_error err;
    hpo_comparison_source s = {t.problems, t.n_problems, t.runs, t.n_runs, table_rows, &t};
    o.suite = "nosuch";
    assert_fails(hpo_comparison_create(&s, &o, &c, &err), HPO_EINVAL, err, "nosuch");
    o.suite = "hpo";
    assert_fails(hpo_comparison_create(&s, &o, &c, &err), HPO_ENOTFOUND, err, "hpo");
    o.suite = NULL;
    o.against = "nobody";
    assert_fails(hpo_comparison_create(&s, &o, &c, &err), HPO_ENOTFOUND, err, "nobody");
    t.runs[0].key.workers = 4;
    t.runs[1].key.workers = 4;
    o.against = NULL;
    c = compare(&t, &o);
    assert_int_equal(c->n_contests, 4);
    assert_string_equal(c->contests[0].label, "p workers 4");
    assert_string_equal(c->contests[1].label, "p workers 1");
    assert_string_equal(c->contests[2].label, "q");
    hpo_comparison_free(c);
}

static hpo_status build_once(void *ctx, hpo_error *err)
{
    table *t = ctx;
    hpo_comparison *c = NULL;
    hpo_comparison_options o = hpo_comparison_options_init();
    hpo_comparison_source s = {t->problems, t->n_problems, t->runs, t->n_runs, table_rows, t};
    o.rounds = 10;
    hpo_status rc = hpo_comparison_create(&s, &o, &c, err);
    hpo_comparison_free(c);
    return rc;
}

static void test_memory(void **state)
{
    (void)state;
    table t;
    fill_two_methods(&t);
    t_oom(build_once, &t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contest),    cmocka_unit_test(test_failures), cmocka_unit_test(test_ties),
        cmocka_unit_test(test_infeasible), cmocka_unit_test(test_scale),    cmocka_unit_test(test_front),
        cmocka_unit_test(test_several),    cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
