/* SPDX-License-Identifier: Apache-2.0 */
/* Results measured again: the repeats have the problem's noise and mean, whatever the threads. */
#include "bench/recheck.h"

#include "base/alloc.h"
#include "bench/compare.h"
#include "t.h"

enum { SEEDS = 6, REPEATS = 200 };

static hpo_error err;

static hpo_results *run_some(const char *problem, const char *dir)
{
    hpo_problem *p;
    hpo_results *r;
    const char *methods[] = {"random"};
    double budget = 25;
    assert_ok(hpo_problem_open(problem, NULL, &p, &err), err);
    assert_ok(hpo_results_open(dir, 1, &r, &err), err);
    hpo_compare_plan plan = {.problems = &p,
                             .n_problems = 1,
                             .methods = methods,
                             .n_methods = 1,
                             .budgets = &budget,
                             .n_budgets = 1,
                             .n_seeds = SEEDS,
                             .threads = 1};
    assert_ok(hpo_compare(&plan, r, NULL, &err), err);
    hpo_problem_free(p);
    return r;
}

static hpo_recheck *recheck(hpo_results *r, int64_t repeats, int32_t threads)
{
    hpo_recheck *x;
    hpo_recheck_options o = {.repeats = repeats, .threads = threads};
    assert_ok(hpo_recheck_runs(r, &o, &x, &err), err);
    assert_int_equal(x->n, SEEDS);
    return x;
}

/* lr-bowl-noisy: normal noise, standard deviation 0.02. */
static void repeats_have_the_noise_of_the_problem(void **state)
{
    (void)state;
    hpo_results *r = run_some("lr-bowl-noisy", t_temp_path("noisy"));
    hpo_recheck *x = recheck(r, REPEATS, 2);
    for (size_t i = 0; i < x->n; i++) {
        const hpo_recheck_row *row = &x->rows[i];
        assert_true(row->n > 10 && row->n <= 25 && row->repeats > 0 &&
                    row->repeats <= REPEATS); /* some fail */
        assert_near(row->sem, row->sd / sqrt((double)row->repeats), 1e-12, 0);
        if (row->repeats > 100) assert_near(row->sd, 0.02, 0.25, 0); /* five standard errors of it */
        assert_true(row->low <= row->claimed && row->claimed <= row->high);
        assert_true(row->inside >= 0 && row->inside <= row->repeats);
        /* the incumbent, which the run recommended, without noise */
        hpo_run_rows *rows;
        assert_ok(hpo_results_rows(r, row->run->id, 0, &rows, &err), err);
        assert_near(row->told_again, rows->recommended_y[rows->n - 1], 0, 6 * 0.02 / sqrt(REPEATS / 2.0));
        hpo_free(rows);
    }
    hpo_recheck *again = recheck(r, REPEATS, 1);
    for (size_t i = 0; i < x->n; i++) {
        assert_near(again->rows[i].again, x->rows[i].again, 0, 0);
        assert_near(again->rows[i].told_again, x->rows[i].told_again, 0, 0);
        assert_near(again->rows[i].low, x->rows[i].low, 0, 0);
        assert_int_equal(again->rows[i].inside, x->rows[i].inside);
    }
    hpo_str svg = {0};
    hpo_recheck_svg(&svg, x->rows, x->n);
    assert_false(svg.failed);
    assert_non_null(strstr(svg.text, "lr-bowl-noisy"));
    assert_non_null(strstr(svg.text, "</svg>"));
    hpo_str_fini(&svg);
    hpo_recheck_free(again);
    hpo_recheck_free(x);
    hpo_results_free(r);
}

/* Without noise nothing is luck, and the claim is the value. */
static void exact_values_come_again(void **state)
{
    (void)state;
    hpo_results *r = run_some("branin", t_temp_path("exact"));
    hpo_recheck *x = recheck(r, 2, 1);
    for (size_t i = 0; i < x->n; i++) {
        const hpo_recheck_row *row = &x->rows[i];
        assert_near(row->claimed, row->told, 0, 0);
        assert_near(row->again, row->told, 0, 0);
        assert_near(row->told_again, row->told, 0, 0);
        assert_near(row->sd, 0, 0, 0);
        assert_true(row->covered && row->inside == 2);
    }
    hpo_recheck_free(x);
    hpo_results_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repeats_have_the_noise_of_the_problem),
        cmocka_unit_test(exact_values_come_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
