/* SPDX-License-Identifier: Apache-2.0 */
/* Classical, sparse and constrained problems against values worked out by hand or published. */
#include "problem_helpers.h"

/* Opens, evaluates, closes. */
static double value_of(const char *name, const double *x)
{
    hpo_problem *p = open_problem(name);
    double y = value_at(p, x);
    hpo_problem_free(p);
    return y;
}

static void branin_has_three_optima(void **state)
{
    static const double optima[3][2] = {
        {-3.141592653589793, 12.275}, {3.141592653589793, 2.275}, {9.42477796076938, 2.475}};
    (void)state;
    for (int i = 0; i < 3; i++)
        assert_near(value_of("branin", optima[i]), 0.397887357729738, 1e-13, 0);
    /* (x2 - 6)^2 + 10 (1 - 1/(8 pi)) + 10 at x1 = 0 */
    assert_near(value_of("branin", (double[]){0, 6}), 20 - 10 / (8 * 3.141592653589793), 1e-14, 0);
}

static void published_optima(void **state)
{
    (void)state;
    assert_near(value_of("hartmann3", (double[]){0.114614, 0.555649, 0.852547}), -3.86278214782, 1e-9, 0);
    assert_near(value_of("hartmann6", (double[]){0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573}),
                -3.32236801141, 1e-9, 0);
    /* the second of its two optima */
    assert_near(value_of("six-hump-camel", (double[]){-0.0898420131, 0.7126564030}), -1.03162845348988, 1e-12,
                0);
    assert_near(value_of("styblinski-tang-d02", (double[]){-2.903534, -2.903534}), -39.16616570377 * 2, 1e-10,
                0);
}

static void values_by_hand(void **state)
{
    static const double ones[5] = {1, 1, 1, 1, 1}, zeros[5] = {0}, fives[5] = {5, 5, 5, 5, 5};
    (void)state;
    assert_near(value_of("ackley-d05", ones), 20 - 20 * exp(-0.2), 1e-14, 0);
    assert_near(value_of("rosenbrock-d05", zeros), 4, 0, 0);
    assert_near(value_of("rosenbrock-d02", (double[]){-1, 2}), 104, 1e-15, 0);
    assert_near(value_of("rastrigin-d05", ones), 5, 1e-13, 0);
    assert_near(value_of("styblinski-tang-d05", ones), 5 * (1 - 16 + 5) / 2.0, 1e-15, 0);
    /* Levy at 5: w = 2: sin^2(2 pi) + 4 (1 + 10 sin^2(2 pi + 1)) + 1 */
    assert_near(value_of("levy-d05", fives), 4 * (1 + 10 * sin(1) * sin(1)) + 1, 1e-13, 0);
    double product = 1;
    for (int i = 1; i <= 5; i++)
        product *= cos(5 / sqrt(i));
    assert_near(value_of("griewank-d05", fives), 125 / 4000.0 - product + 1, 1e-13, 0);
}

static void only_few_dimensions_matter(void **state)
{
    static const char *const names[] = {"sparse-branin-d60", "sparse-hartmann6-d60", "sparse-hartmann6-d100",
                                        "sparse-levy10-d200"};
    static const size_t active[] = {2, 6, 6, 10};
    (void)state;
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        hpo_problem *p = open_problem(names[k]);
        size_t d = hpo_space_n_columns(p->space), matter = 0;
        double x[200];
        for (size_t i = 0; i < d; i++)
            x[i] = 0.4 + 0.001 * (double)i;
        double y = value_at(p, x);
        for (size_t i = 0; i < d; i++) {
            double kept = x[i];
            x[i] = 0.9;
            matter += value_at(p, x) != y;
            x[i] = kept;
        }
        assert_int_equal(matter, active[k]);
        hpo_problem_free(p);
    }
    hpo_problem *p = open_problem("sparse-branin-d60");
    double x[60] = {0};
    x[17] = 5.0 / 15, x[40] = 0.4; /* (0, 6) */
    assert_near(value_at(p, x), value_of("branin", (double[]){0, 6}), 1e-13, 0);
    hpo_problem_free(p);
}

static void the_bowl_ends_at_a_cliff(void **state)
{
    enum { N = 5000 };
    (void)state;
    hpo_problem *p = open_problem("lr-bowl"), *noisy = open_problem("lr-bowl-noisy");
    double x[3] = {0.0499, 0.9, 1e-4};
    hpo_problem_query q = {.x = x, .resource = (double)NAN};
    assert_false(answer(p, q).failed);
    x[0] = 0.0501;
    hpo_problem_answer a = answer(p, q);
    assert_true(a.failed && a.seconds == 0.1);
    x[1] = 0; /* without momentum the same rate is far from the edge */
    assert_false(answer(p, q).failed);
    /* half-way between the edges in log s: every second run fails */
    x[0] = sqrt(0.25 * 0.5) * 0.1, x[1] = 0.9;
    int failed = 0, n = 0;
    double mean = 0, square = 0, y = value_at(p, x);
    for (int i = 0; i < N; i++) {
        q.seed = (uint64_t)i;
        a = answer(noisy, q);
        failed += a.failed;
        if (a.failed) continue;
        n++;
        mean += a.y[0] - y;
        square += (a.y[0] - y) * (a.y[0] - y);
    }
    assert_near((double)failed / N, 0.5, 0, 4 * 0.5 / sqrt(N));
    assert_near(mean / n, 0, 0, 4 * 0.02 / sqrt(n));
    assert_near(sqrt(square / n), 0.02, 0.05, 0);
    hpo_problem_free(p);
    hpo_problem_free(noisy);
}

/* The optimum lies on the boundary, and what lies beyond is better. */
static void linear_constraints_are_active(void **state)
{
    static const char *const names[] = {"bbob-con-f01-i01-d05", "bbob-con-f03-i01-d05",
                                        "bbob-con-f15-i01-d10", "bbob-con-f08-i02-d20"};
    (void)state;
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        hpo_problem *p = open_problem(names[k]);
        size_t d = hpo_space_n_columns(p->space);
        double x[20], normal[20], origin[20] = {0};
        hpo_problem_query q = {.x = p->best_x, .resource = (double)NAN};
        assert_near(answer(p, q).outcome[0], 0, 0, 1e-12);
        q.x = origin;
        hpo_problem_answer at_origin = answer(p, q);
        for (size_t i = 0; i < p->n_outcomes; i++)
            assert_true(at_origin.outcome[i] <= 0);
        /* one step against the normal, which the first outcome shows */
        for (size_t i = 0; i < d; i++) {
            memcpy(x, p->best_x, d * sizeof *x);
            x[i] += 1;
            q.x = x;
            normal[i] = -answer(p, q).outcome[0];
        }
        for (size_t i = 0; i < d; i++)
            x[i] = p->best_x[i] - normal[i];
        assert_near(answer(p, q).outcome[0], 1, 1e-12, 0);
        assert_true(answer(p, q).y[0] < -0.5);
        hpo_problem_free(p);
    }
}

static void designs_have_published_optima(void **state)
{
    /* as printed in the literature, with fewer digits than ours */
    static const struct {
        const char *name;
        double value;
        size_t n_active;
    } rows[] = {{"g04", -30665.5387, 2},          {"g06", -6961.8139, 2},
                {"g08", -0.0958250, 0},           {"g09", 680.6300574, 2},
                {"welded-beam", 1.724852, 4},     {"tension-spring", 0.0126652, 2},
                {"pressure-vessel", 6059.7143, 2}};
    (void)state;
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        hpo_problem *p = open_problem(rows[k].name);
        assert_near(p->best[0], rows[k].value, 5e-6, 0);
        hpo_problem_query q = {.x = p->best_x, .resource = (double)NAN};
        hpo_problem_answer a = answer(p, q);
        size_t active = 0;
        for (size_t i = 0; i < p->n_outcomes; i++)
            active += fabs(a.outcome[i]) < 1e-9;
        assert_int_equal(active, rows[k].n_active);
        hpo_problem_free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(branin_has_three_optima),
        cmocka_unit_test(published_optima),
        cmocka_unit_test(values_by_hand),
        cmocka_unit_test(only_few_dimensions_matter),
        cmocka_unit_test(the_bowl_ends_at_a_cliff),
        cmocka_unit_test(linear_constraints_are_active),
        cmocka_unit_test(designs_have_published_optima),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
