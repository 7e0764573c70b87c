/* SPDX-License-Identifier: Apache-2.0 */
/* Multi-fidelity functions and learning curves: full fidelity is the function itself, cheap ones are near it,
 * curves do what their kind says. */
#include "problem_helpers.h"

#include "math/stats.h"

static hpo_problem_answer at_resource(const hpo_problem *p, const double *x, double resource)
{
    return answer(p, (hpo_problem_query){.x = x, .resource = resource, .noise_free = 1});
}

static void values_by_hand(void **state)
{
    (void)state;
    hpo_problem *p = open_problem("mf-currin");
    double x[3] = {0.5, 0.5, 27};
    /* 1868.5 / 159.5 (1 - 1/e) */
    assert_near(value_at(p, x), -1868.5 / 159.5 * (1 - exp(-1)), 1e-14, 0);
    hpo_problem_free(p);
    p = open_problem("mf-branin");
    hpo_problem *branin = open_problem("branin");
    double y[3] = {1, 2, 27};
    assert_near(value_at(p, y), value_at(branin, y), 1e-15, 0);
    assert_near(at_resource(p, y, 27).y[0], value_at(branin, y), 1e-15, 0);
    /* z = 1/3 */
    double pi = 3.141592653589793, b = 5.1 / (4 * pi * pi) - 0.02 / 3, c = 5 / pi - 0.2 / 3,
           t = 1 / (8 * pi) + 0.1 / 3;
    assert_near(at_resource(p, y, 9).y[0], pow(2 - b + c - 6, 2) + 10 * (1 - t) * cos(1) + 10, 1e-13, 0);
    assert_near(at_resource(p, y, 9).seconds, 5 + 95 / 9.0, 1e-14, 0);
    hpo_problem_free(p);
    hpo_problem_free(branin);
}

/* Borehole is monotone in each parameter: the optimum is a corner. */
static void the_borehole_is_best_in_a_corner(void **state)
{
    (void)state;
    hpo_problem *p = open_problem("mf-borehole");
    double best = 0, x[9];
    x[8] = 27;
    for (unsigned corner = 0; corner < 256; corner++) {
        for (size_t i = 0; i < 8; i++) {
            hpo_param_info info = hpo_param_info_init();
            assert_ok(hpo_space_param(p->space, i, &info, &err), err);
            x[i] = corner >> i & 1 ? info.high : info.low;
        }
        best = fmin(best, value_at(p, x));
    }
    assert_near(best, p->best[0], 1e-14, 0);
    hpo_problem_free(p);
}

static void cheap_values_tell_something(void **state)
{
    enum { N = 300 };
    static const char *const names[] = {"mf-branin", "mf-hartmann6", "mf-currin", "mf-borehole"};
    static double x[N * 9];
    (void)state;
    for (int k = 0; k < 4; k++) {
        hpo_problem *p = open_problem(names[k]);
        size_t columns = hpo_space_n_columns(p->space);
        double full[N], third[N], least[N];
        assert_ok(hpo_space_sample(p->space, 1, N, x, &err), err);
        for (size_t i = 0; i < N; i++) {
            full[i] = at_resource(p, x + i * columns, 27).y[0];
            third[i] = at_resource(p, x + i * columns, 9).y[0];
            least[i] = at_resource(p, x + i * columns, 1).y[0];
        }
        double near = hpo_correlation(third, full, N), far = hpo_correlation(least, full, N);
        if (!(far > 0.5 && near >= far - 1e-9 && least[0] != full[0]))
            fail_msg("%s: correlations %g at 9, %g at 1", names[k], near, far);
        assert_true(at_resource(p, x, 1).seconds < 0.2 * at_resource(p, x, 27).seconds);
        assert_near(at_resource(p, x, 27).seconds, 100, 1e-14, 0);
        hpo_problem_free(p);
    }
}

/* ---- curves ------------------------------------------------------------------------------------- */

enum { N_CURVES = 300, COLUMNS = 5 };

static void curves_fall_to_their_end(void **state)
{
    static const char *const names[] = {"curves-exp-i01", "curves-power-i02", "curves-cross-i03"};
    static double x[N_CURVES * COLUMNS];
    (void)state;
    for (int k = 0; k < 3; k++) {
        hpo_problem *p = open_problem(names[k]);
        assert_true(p->resumable);
        assert_ok(hpo_space_sample(p->space, 2, N_CURVES, x, &err), err);
        for (size_t i = 0; i < N_CURVES; i++) {
            double before = 0.9;
            for (int r = 1; r <= 81; r++) {
                double y = at_resource(p, x + i * COLUMNS, r).y[0];
                if (!(y <= before)) fail_msg("%s: rises from %g to %g at epoch %d", names[k], before, y, r);
                before = y;
            }
            assert_near(value_at(p, x + i * COLUMNS), before, 0, 0);
            assert_true(before >= p->best[0]);
        }
        hpo_problem_free(p);
    }
}

/* Share of pairs whose order after 3 epochs is not that of the end. */
static double crossings(const char *name)
{
    static double x[N_CURVES * COLUMNS], early[N_CURVES], late[N_CURVES];
    hpo_problem *p = open_problem(name);
    int crossed = 0;
    assert_ok(hpo_space_sample(p->space, 4, N_CURVES, x, &err), err);
    for (size_t i = 0; i < N_CURVES; i++) {
        early[i] = at_resource(p, x + i * COLUMNS, 3).y[0];
        late[i] = value_at(p, x + i * COLUMNS);
    }
    for (size_t i = 0; i < N_CURVES; i++)
        for (size_t j = 0; j < i; j++)
            crossed += (early[i] < early[j]) != (late[i] < late[j]);
    hpo_problem_free(p);
    return crossed / (0.5 * N_CURVES * (N_CURVES - 1));
}

static void crossing_curves_cross(void **state)
{
    (void)state;
    double calm = crossings("curves-exp-i01"), crossed = crossings("curves-cross-i01");
    if (!(crossed > 1.4 * calm)) fail_msg("crossed %g, calm %g", crossed, calm);
}

static void training_falls_apart(void **state)
{
    (void)state;
    hpo_problem *p = open_problem("curves-diverge-i01");
    double x[COLUMNS];
    memcpy(x, p->best_x, sizeof x);
    x[0] = 4 * p->best_x[0]; /* twice the edge: epoch 1 + 60 / 4 */
    assert_false(at_resource(p, x, 15).failed);
    hpo_problem_answer a = at_resource(p, x, 17);
    assert_true(a.failed);
    assert_near(a.seconds, 16 * (1 + x[1] / 128), 1e-13, 0);
    x[0] = 1.99 * p->best_x[0];
    assert_false(at_resource(p, x, 81).failed);
    hpo_problem_free(p);

    p = open_problem("curves-overfit-i01");
    memcpy(x, p->best_x, sizeof x);
    x[2] = 0;
    assert_true(at_resource(p, x, 81).y[0] > at_resource(p, x, 40).y[0]);
    hpo_problem_free(p);
}

static void time_adds_up(void **state)
{
    (void)state;
    hpo_problem *p = open_problem("curves-power-i01");
    hpo_problem_query q = {.x = p->best_x, .resource = 27, .noise_free = 1};
    double parts = answer(p, q).seconds;
    q.from = 27, q.resource = 81;
    parts += answer(p, q).seconds;
    q.from = 0;
    assert_near(answer(p, q).seconds, parts, 1e-14, 0);
    assert_near(answer(p, q).y[0], p->best[0], 1e-15, 0);
    hpo_problem_free(p);
}

static void noise_shrinks_with_training(void **state)
{
    enum { N = 4000 };
    (void)state;
    hpo_problem *p = open_problem("curves-exp-i01");
    static const double resources[] = {1, 81};
    for (int k = 0; k < 2; k++) {
        double sum = 0, square = 0, y = at_resource(p, p->best_x, resources[k]).y[0];
        for (int i = 0; i < N; i++) {
            hpo_problem_query q = {.x = p->best_x, .resource = resources[k], .seed = (uint64_t)i};
            double e = answer(p, q).y[0] - y;
            sum += e / N;
            square += e * e / N;
        }
        double sd = 0.01 * (1 + 2 * (1 - resources[k] / 81)) * sqrt(1.25);
        assert_near(sum, 0, 0, 4 * sd / sqrt(N));
        assert_near(sqrt(square), sd, 0.05, 0);
    }
    hpo_problem_free(p);
}

/* Good priors are centred near the optimum, bad ones at the far ends; the problem is the same. */
static void test_priors(void **state)
{
    (void)state;
    hpo_problem *plain = open_problem("curves-cross-i02"), *good = open_problem("curves-cross-i02-good"),
                *bad = open_problem("curves-cross-i02-bad");
    enum { N = 2000 };
    static double x[N * 5], z[N * 5];
    double near = 0, far = 0;
    assert_true(plain->best[0] == good->best[0] && plain->best[0] == bad->best[0]);
    assert_ok(hpo_space_sample(good->space, 1, N, x, &err), err);
    assert_ok(hpo_space_sample(bad->space, 1, N, z, &err), err);
    for (int i = 0; i < N; i++) {
        near += fabs(log(x[5 * i] / good->best_x[0])) / N;
        far += fabs(log(z[5 * i] / good->best_x[0])) / N;
    }
    assert_true(near < 0.5 * far);
    assert_ok(hpo_problem_find_typical(plain, &err), err); /* regrets are measured with the same rule */
    assert_ok(hpo_problem_find_typical(bad, &err), err);
    assert_true(plain->typical == bad->typical);
    hpo_problem_free(plain);
    hpo_problem_free(good);
    hpo_problem_free(bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_by_hand),
        cmocka_unit_test(the_borehole_is_best_in_a_corner),
        cmocka_unit_test(cheap_values_tell_something),
        cmocka_unit_test(curves_fall_to_their_end),
        cmocka_unit_test(crossing_curves_cross),
        cmocka_unit_test(training_falls_apart),
        cmocka_unit_test(time_adds_up),
        cmocka_unit_test(test_priors),
        cmocka_unit_test(noise_shrinks_with_training),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
