/* SPDX-License-Identifier: Apache-2.0 */
/* Conditional and combinatorial problems: every branch has its own optimum; enumerated optima are found again
 * by other means. */
#include "problem_helpers.h"

static double from_json(const hpo_problem *p, const char *json)
{
    double x[64];
    assert_ok(hpo_space_config_from_json(p->space, json, x, &err), err);
    return value_at(p, x);
}

static void leaves_of_the_tree(void **state)
{
    (void)state;
    hpo_problem *p = open_problem("jenatton");
    assert_near(from_json(p, "{\"x1\":false,\"x2\":false,\"x4\":0,\"r8\":0}"), 0.1, 1e-15, 0);
    assert_near(from_json(p, "{\"x1\":false,\"x2\":true,\"x5\":0,\"r8\":0}"), 0.2, 1e-15, 0);
    assert_near(from_json(p, "{\"x1\":true,\"x3\":false,\"x6\":0,\"r9\":0}"), 0.3, 1e-15, 0);
    assert_near(from_json(p, "{\"x1\":true,\"x3\":true,\"x7\":0,\"r9\":0}"), 0.4, 1e-15, 0);
    assert_near(from_json(p, "{\"x1\":true,\"x3\":true,\"x7\":-0.5,\"r9\":0.25}"), 0.9, 1e-15, 0);
    hpo_problem_free(p);
    p = open_problem("jenatton-shifted");
    assert_near(from_json(p, "{\"x1\":true,\"x3\":true,\"x7\":-0.18,\"r9\":0.2}"), 0.4, 1e-15, 0);
    assert_near(from_json(p, "{\"x1\":true,\"x3\":true,\"x7\":0.82,\"r9\":0}"), 1.6, 1e-14, 0);
    hpo_problem_free(p);
}

static void branches_of_cash(void **state)
{
    static const struct {
        const char *json;
        double floor;
    } rows[] = {
        {"{\"model\":\"forest\",\"trees\":500,\"features\":0.4,\"leaf\":2}", 0.1},
        {"{\"model\":\"boosting\",\"rate\":0.07,\"rounds\":300,\"depth\":5,\"subsample\":0.8}", 0.08},
        {"{\"model\":\"svm\",\"cost\":20,\"kernel\":\"rbf\",\"gamma\":0.05}", 0.095},
        {"{\"model\":\"svm\",\"cost\":20,\"kernel\":\"poly\",\"gamma\":0.05,\"degree\":3}", 0.115},
        {"{\"model\":\"svm\",\"cost\":20,\"kernel\":\"linear\"}", 0.145},
        {"{\"model\":\"knn\",\"neighbours\":9,\"weights\":\"uniform\"}", 0.17},
        {"{\"model\":\"mlp\",\"lr\":0.003,\"solver\":\"sgd\",\"momentum\":0.9,\"layers\":2,\"units\":128,"
         "\"decay\":0.0001}",
         0.09},
        {"{\"model\":\"mlp\",\"lr\":0.003,\"solver\":\"adam\",\"layers\":2,\"units\":128,\"decay\":0.0001}",
         0.094},
        {"{\"model\":\"linear\",\"penalty\":\"l2\",\"alpha\":0.01}", 0.2},
    };
    (void)state;
    hpo_problem *p = open_problem("cash"), *noisy = open_problem("cash-noisy");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_near(from_json(p, rows[i].json), rows[i].floor, 1e-12, 0);
    double x[64], mean = 0, square = 0;
    enum { N = 4000 };
    assert_ok(hpo_space_config_from_json(p->space, rows[1].json, x, &err), err);
    for (int i = 0; i < N; i++) {
        hpo_problem_query q = {.x = x, .resource = (double)NAN, .seed = (uint64_t)i};
        double e = answer(noisy, q).y[0] - 0.08;
        mean += e / N;
        square += e * e / N;
    }
    assert_near(mean, 0, 0, 4 * 0.01 / sqrt(N));
    assert_near(sqrt(square), 0.01, 0.05, 0);
    hpo_problem_free(p);
    hpo_problem_free(noisy);
}

static void layers_of_the_network(void **state)
{
    (void)state;
    hpo_problem *p = open_problem("network");
    assert_near(
        from_json(p, "{\"layers\":1,\"lr\":0.002,\"optimizer\":\"adam\",\"units1\":128,\"dropout1\":0.1}"),
        0.05 + 0.04 + 0.005, 1e-14, 0);
    assert_near(
        from_json(p, "{\"layers\":1,\"lr\":0.2,\"optimizer\":\"adam\",\"units1\":256,\"dropout1\":0.2}"),
        0.05 + 0.04 + 0.005 + 0.05 * 4 + 0.02 + 0.002, 1e-14, 0);
    hpo_problem_free(p);
}

/* The best value of number i, the rest of x given: the values are a parabola in its transformed coordinate.
 */
static double vertex(const hpo_problem *p, double *x, size_t i)
{
    hpo_param_info info = hpo_param_info_init();
    assert_ok(hpo_space_param(p->space, i, &info, &err), err);
    if (info.kind == HPO_KIND_CATEGORICAL || isnan(x[i])) return x[i];
    int is_log = info.scale == HPO_SCALE_LOG;
    double low = is_log ? log(info.low) : info.low, step = ((is_log ? log(info.high) : info.high) - low) / 2,
           y[3];
    double kept = x[i];
    if (info.kind == HPO_KIND_INT) step = 7;
    for (int k = 0; k < 3; k++) {
        x[i] = is_log ? exp(low + k * step) : low + k * step;
        y[k] = value_at(p, x);
    }
    x[i] = kept;
    double t = low + step + step * (y[0] - y[2]) / (2 * (y[0] - 2 * y[1] + y[2]));
    return is_log ? exp(t) : t;
}

/* Each leaf's optimum follows from parabolas; the cheapest of all leaves that 300 draws meet is the optimum.
 */
static void random_trees_have_their_optimum(void **state)
{
    enum { N = 300, MAX_COLUMNS = 64 };
    static double x[N * MAX_COLUMNS];
    size_t most = 0;
    (void)state;
    for (int instance = 1; instance <= 20; instance++) {
        char name[32];
        (void)snprintf(name, sizeof name, "branches-i%02d", instance);
        hpo_problem *p = open_problem(name);
        size_t columns = hpo_space_n_columns(p->space);
        double least = (double)INFINITY;
        assert_true(columns <= MAX_COLUMNS);
        most = columns > most ? columns : most;
        assert_ok(hpo_space_sample(p->space, 9, N, x, &err), err);
        for (size_t k = 0; k < N; k++) {
            double *row = x + k * columns, best[MAX_COLUMNS];
            for (size_t i = 0; i < columns; i++)
                best[i] = vertex(p, row, i);
            assert_ok(hpo_space_validate(p->space, row, &err), err);
            least = fmin(least, value_at(p, best));
        }
        assert_near(least, p->best[0], 1e-12, 0);
        hpo_problem_free(p);
    }
    assert_true(most > 20);
}

/* All arrangements of x[k..] by exchanging, another order than that of the problem itself. */
static double best_arrangement(const hpo_problem *p, double *x, size_t k, size_t n)
{
    if (k == n) return value_at(p, x);
    double best = (double)INFINITY;
    for (size_t i = k; i < n; i++) {
        double kept = x[k];
        x[k] = x[i], x[i] = kept;
        best = fmin(best, best_arrangement(p, x, k + 1, n));
        kept = x[k];
        x[k] = x[i], x[i] = kept;
    }
    return best;
}

static void permutations_by_enumeration(void **state)
{
    static const char *const names[] = {"tsp-n08", "qap-n08", "flowshop-n08"};
    (void)state;
    for (int k = 0; k < 3; k++) {
        hpo_problem *p = open_problem(names[k]);
        double x[8] = {0, 1, 2, 3, 4, 5, 6, 7};
        double best = best_arrangement(p, x, 0, 8);
        assert_same_doubles(&best, p->best, 1);
        hpo_problem_free(p);
    }
}

static void subsets_by_enumeration(void **state)
{
    static const char *const names[] = {"knapsack-n14", "qubo-n14"};
    (void)state;
    for (int k = 0; k < 2; k++) {
        hpo_problem *p = open_problem(names[k]);
        double best = (double)INFINITY, x[14];
        for (unsigned bits = 0; bits < 1u << 14; bits++) {
            for (unsigned i = 0; i < 14; i++)
                x[i] = bits >> (13 - i) & 1;
            best = fmin(best, value_at(p, x));
        }
        assert_same_doubles(&best, p->best, 1);
        hpo_problem_free(p);
    }
}

/* No exchange of two edges shortens the tour: it has no crossing, and of cities on a circle there is only one
 * tour without. */
static void the_circle_has_no_crossing(void **state)
{
    enum { N = 15 };
    (void)state;
    hpo_problem *p = open_problem("tsp-circle-n15");
    for (size_t i = 0; i < N; i++)
        for (size_t j = i + 2; j < N; j++) {
            double x[N];
            for (size_t k = 0; k < N; k++)
                x[k] = p->best_x[k > i && k <= j ? i + 1 + j - k : k];
            double y = value_at(p, x);
            if (j - i < N - 1)
                assert_true(y > p->best[0]);
            else
                assert_near(y, p->best[0], 1e-14, 0); /* the same tour backwards */
        }
    assert_true(p->best[0] < 2 * 3.141592653589793);
    hpo_problem_free(p);
}

/* Every step from c towards a point of the simplex goes up. */
static void mixtures_rise_from_their_optimum(void **state)
{
    (void)state;
    hpo_problem *p = open_problem("mixture-d08");
    double draws[500 * 8];
    int idle = 0;
    assert_ok(hpo_space_sample(p->space, 5, 500, draws, &err), err);
    for (size_t i = 0; i < 8; i++)
        idle += p->best_x[i] == 0;
    assert_int_equal(idle, 2);
    for (size_t k = 0; k < 500; k++) {
        double before = 0;
        for (int step = 1; step <= 10; step++) {
            double x[8];
            for (size_t i = 0; i < 8; i++)
                x[i] = p->best_x[i] + 0.1 * step * (draws[8 * k + i] - p->best_x[i]);
            double y = value_at(p, x);
            assert_true(y > before);
            before = y;
        }
    }
    hpo_problem_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_of_the_tree),          cmocka_unit_test(branches_of_cash),
        cmocka_unit_test(layers_of_the_network),       cmocka_unit_test(random_trees_have_their_optimum),
        cmocka_unit_test(permutations_by_enumeration), cmocka_unit_test(subsets_by_enumeration),
        cmocka_unit_test(the_circle_has_no_crossing),  cmocka_unit_test(mixtures_rise_from_their_optimum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
