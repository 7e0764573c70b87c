/* SPDX-License-Identifier: Apache-2.0 */
/* The BBOB functions against values of the COCO reference implementation; their noise against its laws. */
#include "t.h"

#include "bench/problem.h"

static hpo_error err;

static hpo_problem *open_problem(const char *name)
{
    hpo_problem *p;
    assert_ok(hpo_problem_open(name, NULL, &p, &err), err);
    return p;
}

static double value_at(const hpo_problem *p, const double *x, uint64_t seed, int noise_free)
{
    hpo_problem_query q = {.x = x, .resource = (double)NAN, .seed = seed, .noise_free = noise_free};
    hpo_problem_answer a;
    assert_ok(hpo_problem_evaluate(p, &q, &a, &err), err);
    return a.y[0];
}

/* Point k of the table: u_i = sin(1 + 7k + 3i + ki), 5 u_i, or a whole number of the range. */
static void golden_point(const hpo_problem *p, int k, double *x)
{
    for (size_t i = 0; i < hpo_space_n_columns(p->space); i++) {
        hpo_param_info info = hpo_param_info_init();
        assert_ok(hpo_space_param(p->space, i, &info, &err), err);
        double u = sin(1 + 7.0 * k + 3.0 * (double)i + k * (double)i);
        x[i] = info.kind == HPO_KIND_FLOAT
                   ? 5 * u
                   : fmin(info.high, info.low + floor((u + 1) / 2 * (info.high - info.low + 1)));
    }
}

static void agrees_with_the_reference(void **state)
{
    (void)state;
    const char *path = t_shared_path("bench/bbob/golden.csv");
    if (path == NULL) T_SKIP("no shared reference data");
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    char line[256], suite[32], id[64];
    int rows = 0;
    assert_non_null(fgets(line, sizeof line, f));
    while (fgets(line, sizeof line, f) != NULL) {
        int d, k, function, instance, digits;
        double fopt, value, x[64];
        assert_int_equal(sscanf(line, "%31[^,],%63[^,],%d,%d,%lf,%lf", suite, id, &d, &k, &fopt, &value), 6);
        assert_int_equal(sscanf(id + strlen(suite), "_f%d_i%d_d%d", &function, &instance, &digits), 3);
        char name[96];
        (void)snprintf(name, sizeof name, "%s-f%02d-i%02d-d%02d", suite, function, instance, d);
        hpo_problem *p = open_problem(name);
        golden_point(p, k, x);
        double got = value_at(p, x, 0, 0);
        if (fabs(got - value) > 1e-9 * fabs(value) || fabs(p->best[0] - fopt) > 1e-9 * fabs(fopt))
            fail_msg("%s, point %d: %.17g instead of %.17g, optimum %.17g instead of %.17g", name, k, got,
                     value, p->best[0], fopt);
        hpo_problem_free(p);
        rows++;
    }
    (void)fclose(f);
    assert_int_equal(rows, 1536);
}

/* Definitions that need no table: the sphere, and the slope, which is linear. */
static void closed_forms(void **state)
{
    (void)state;
    hpo_problem *p = open_problem("bbob-f01-i01-d05");
    double x[5] = {1, 2, 3, 4, 5}, s = 0;
    for (int i = 0; i < 5; i++)
        s += (x[i] - p->best_x[i]) * (x[i] - p->best_x[i]);
    assert_near(value_at(p, x, 0, 0), s + p->best[0], 1e-14, 0);
    assert_near(p->best[0], 79.48, 1e-15, 0); /* the published f_opt of the first instance */
    hpo_problem_free(p);
    p = open_problem("bbob-f05-i02-d05");
    for (int i = 0; i < 5; i++)
        x[i] = 0.5 * p->best_x[i];
    double half = value_at(p, x, 0, 0) - p->best[0];
    for (int i = 0; i < 5; i++)
        x[i] = -p->best_x[i];
    assert_near(value_at(p, x, 0, 0) - p->best[0], 4 * half, 1e-13, 0);
    hpo_problem_free(p);
}

/* Medians and tails of the three kinds of noise, at one point and many seeds. */
static void noise_follows_its_law(void **state)
{
    (void)state;
    enum { N = 20000 };
    double x[5] = {1, -2, 3, 0.5, -1};
    hpo_problem *p = open_problem("bbob-noisy-f107-i01-d05"); /* severe Gaussian: f exp(g) */
    double f = value_at(p, x, 0, 1) - p->best[0], mean = 0, square = 0;
    for (int i = 0; i < N; i++) {
        double g = log((value_at(p, x, (uint64_t)i, 0) - p->best[0] - 1.01e-8) / f);
        mean += g / N;
        square += g * g / N;
    }
    assert_near(mean, 0, 0, 4 / sqrt(N));
    assert_near(square, 1, 0, 4 * sqrt(2.0 / N));
    assert_true(value_at(p, x, 7, 0) == value_at(p, x, 7, 0));
    assert_true(value_at(p, x, 7, 0) != value_at(p, x, 8, 0));
    hpo_problem_free(p);

    p = open_problem("bbob-noisy-f101-i01-d05"); /* moderate: within some percent */
    for (int i = 0; i < 1000; i++)
        assert_near(value_at(p, x, (uint64_t)i, 0) - p->best[0], value_at(p, x, 0, 1) - p->best[0], 0.05, 0);
    hpo_problem_free(p);

    p = open_problem("bbob-noisy-f109-i01-d05"); /* severe Cauchy: 1000 above, one in five scattered */
    f = value_at(p, x, 0, 1);
    int plain = 0;
    for (int i = 0; i < N; i++)
        plain += fabs(value_at(p, x, (uint64_t)i, 0) - f - 1000 - 1.01e-8) < 1e-9;
    assert_near((double)plain / N, 0.8, 0, 4 * sqrt(0.16 / N));
    hpo_problem_free(p);

    p = open_problem("bbob-noisy-f108-i01-d05"); /* severe uniform: u f max(1, (1e9 / f)^(0.69 v)) */
    f = value_at(p, x, 0, 1) - p->best[0];
    int below = 0;
    for (int i = 0; i < N; i++)
        below += value_at(p, x, (uint64_t)i, 0) - p->best[0] < f;
    /* P(u B^v < 1), B = (1e9 / f)^0.69: the integral of B^-v */
    double log_b = 0.69 * log(1e9 / f);
    assert_near((double)below / N, (1 - exp(-log_b)) / log_b, 0, 4 * 0.5 / sqrt(N));
    hpo_problem_free(p);
}

static void refuses_what_does_not_exist(void **state)
{
    (void)state;
    hpo_problem *p;
    assert_fails(hpo_problem_open("bbob-f25-i01-d05", NULL, &p, &err), HPO_EINVAL, err, "1..24");
    assert_fails(hpo_problem_open("bbob-f01-i01-d01", NULL, &p, &err), HPO_EINVAL, err, "dimension 1");
    assert_fails(hpo_problem_open("bbob-mixint-f01-i01-d07", NULL, &p, &err), HPO_EINVAL, err,
                 "multiple of 5");
    assert_fails(hpo_problem_open("bbob-noisy-f99-i01-d05", NULL, &p, &err), HPO_EINVAL, err, "101..130");
    assert_fails(hpo_problem_open("bbob-f1-i01-d05", NULL, &p, &err), HPO_ENOTFOUND, err, "bbob-f01-i01-d05");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_reference),
        cmocka_unit_test(closed_forms),
        cmocka_unit_test(noise_follows_its_law),
        cmocka_unit_test(refuses_what_does_not_exist),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
