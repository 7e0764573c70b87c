/* SPDX-License-Identifier: Apache-2.0 */
/* Problems with several objectives: known points of the fronts, and the hypervolume of dense fronts. */
#include "bench/problem.h"
#include "t.h"

#include "math/hypervolume.h"

enum { MAX_D = 64, DENSE = 20001 };

static const double pi = 3.14159265358979323846;

static hpo_problem *open_one(const char *name)
{
    hpo_error err;
    hpo_problem *p;
    assert_ok(hpo_problem_open(name, NULL, &p, &err), err);
    return p;
}

static hpo_problem_answer at(const hpo_problem *p, const double *x)
{
    hpo_error err;
    hpo_problem_query q = {.x = x, .resource = (double)NAN};
    hpo_problem_answer a;
    assert_ok(hpo_problem_evaluate(p, &q, &a, &err), err);
    return a;
}

/* ---- points of the fronts ------------------------------------------------------------------------- */

/* Raises y to the power that b_param undoes, with the mean u of the others. */
static double undo_dependence(double y, double u)
{
    const double a = 0.98 / 49.98;
    return pow(y, 1 / (0.02 + 49.98 * (a - (1 - 2 * u) * fabs(floor(0.5 - u) + a))));
}

/* A Pareto-optimal x with positions that follow from a, b in [0, 1]. */
static void optimal_point(const char *name, size_t m, size_t d, double a, double b, double *x)
{
    if (name[0] == 'z') {
        x[0] = a;
        for (size_t i = 1; i < d; i++)
            x[i] = 0;
        return;
    }
    if (name[0] != 'w') {
        double distance = strstr(name, "dtlz6") || strstr(name, "dtlz7") ? 0 : 0.5;
        x[0] = a;
        if (m > 2) x[1] = b;
        for (size_t i = m - 1; i < d; i++)
            x[i] = distance;
        if (strstr(name, "dtlz4")) x[0] = pow(a, 0.01);
        if (strstr(name, "dtlz4") && m > 2) x[1] = pow(b, 0.01);
        return;
    }
    size_t k = 4;
    int which = name[3] - '0';
    for (size_t i = 0; i < k; i++) {
        double v = m == 2 || i < 2 ? a : b;
        if (which == 1) v = pow(v, 50);
        if ((which == 6 || which == 9) && i % 2 == 1) v = 0;
        x[i] = v;
    }
    double sum = 0;
    for (size_t i = 0; i < k; i++)
        sum += x[i];
    for (size_t i = k; i < d; i++) {
        x[i] = which == 8 ? undo_dependence(0.35, sum / (double)i) : 0.35;
        sum += x[i];
    }
    sum = 0.35;
    for (size_t i = d - 1; which == 9 && i-- > k;) {
        x[i] = undo_dependence(0.35, sum / (double)(d - 1 - i));
        sum += x[i];
    }
    for (size_t i = 0; i < d; i++)
        x[i] *= 2 * (double)(i + 1);
}

/* How far f is off the equation of the front. */
static double off_front(const char *name, size_t m, const double *f)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < m; i++)
        sum += f[i], squares += f[i] * f[i];
    if (strcmp(name, "zdt1-d30") == 0 || strcmp(name, "zdt4-d10") == 0) return f[1] - (1 - sqrt(f[0]));
    if (strcmp(name, "zdt2-d30") == 0 || strcmp(name, "zdt6-d10") == 0) return f[1] - (1 - f[0] * f[0]);
    if (strcmp(name, "zdt3-d30") == 0) return f[1] - (1 - sqrt(f[0]) - f[0] * sin(10 * pi * f[0]));
    if (strstr(name, "dtlz1")) return sum - 0.5;
    if (strstr(name, "dtlz7")) return 0; /* by the hypervolume */
    if (strstr(name, "dtlz")) return squares - 1;
    if (name[3] == '3') return m == 2 ? f[0] / 2 + f[1] / 4 - 1 : 0;
    if (name[3] < '3') return 0;
    for (size_t i = 0, n = m; i < n; i++)
        squares += f[i] * f[i] * (1 / (4.0 * (double)((i + 1) * (i + 1))) - 1);
    return squares - 1;
}

static const char *const with_fronts[] = {
    "zdt1-d30",      "zdt2-d30",        "zdt3-d30",        "zdt4-d10",        "zdt6-d10",
    "dtlz1-m02-d06", "dtlz2-m02-d11",   "dtlz3-m02-d11",   "dtlz4-m02-d11",   "dtlz5-m02-d11",
    "dtlz6-m02-d11", "dtlz7-m02-d21",   "wfg1-m02-d24",    "wfg2-m02-d24",    "wfg3-m02-d24",
    "wfg4-m02-d24",  "wfg5-m02-d24",    "wfg6-m02-d24",    "wfg7-m02-d24",    "wfg8-m02-d24",
    "wfg9-m02-d24",  "c1dtlz1-m02-d06", "c1dtlz3-m02-d11", "c2dtlz2-m02-d12",
};

static void known_points_lie_on_the_fronts(void **state)
{
    (void)state;
    static const char *const three[] = {"dtlz1-m03-d07", "dtlz2-m03-d12", "dtlz3-m03-d12", "dtlz4-m03-d12",
                                        "dtlz5-m03-d12", "dtlz6-m03-d12", "wfg4-m03-d24",  "wfg5-m03-d24",
                                        "wfg7-m03-d24",  "wfg8-m03-d24",  "wfg9-m03-d24",  "wfg6-m03-d24"};
    size_t n2 = sizeof with_fronts / sizeof *with_fronts, n3 = sizeof three / sizeof *three;
    for (size_t i = 0; i < n2 + n3; i++) {
        const char *name = i < n2 ? with_fronts[i] : three[i - n2];
        hpo_problem *p = open_one(name);
        for (int k = 0; k <= 20; k++) {
            double x[MAX_D];
            optimal_point(name, p->n_objectives, hpo_space_n_columns(p->space), k / 20.0, (k * 7 % 20) / 20.0,
                          x);
            hpo_problem_answer a = at(p, x);
            double off = off_front(name, p->n_objectives, a.y);
            if (fabs(off) > 1e-7) print_message("# %s at %d: off by %g\n", name, k, off);
            assert_near(off, 0, 0, 1e-7);
        }
        hpo_problem_free(p);
    }
}

/* Hypervolume of the feasible ones of n points of the front (n x 1 or n x n for three objectives). */
static double front_volume(hpo_problem *p, const char *name, size_t n)
{
    size_t m = p->n_objectives, d = hpo_space_n_columns(p->space), across = m == 2 ? 1 : n, kept = 0;
    double *y = calloc(n * across * m, sizeof *y), x[MAX_D], volume;
    hpo_error err;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < across; j++) {
            optimal_point(name, m, d, (double)i / (double)(n - 1),
                          across == 1 ? 0 : (double)j / (double)(n - 1), x);
            hpo_problem_answer a = at(p, x);
            int feasible = 1;
            for (size_t k = 0; k < p->n_outcomes; k++)
                feasible &= a.outcome[k] <= 1e-12;
            if (feasible) memcpy(y + m * kept++, a.y, m * sizeof *y);
        }
    assert_ok(hpo_hypervolume(y, kept, m, p->reference_point, &volume, &err), err);
    free(y);
    return volume;
}

static void dense_fronts_reach_the_largest_hypervolume(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof with_fronts / sizeof *with_fronts; i++) {
        hpo_problem *p = open_one(with_fronts[i]);
        double v = front_volume(p, with_fronts[i], DENSE), best = p->best_hypervolume;
        if (!(v <= best * (1 + 1e-6)) || v < best * 0.999)
            print_message("# %s: %.9g of %.9g\n", with_fronts[i], v, best);
        assert_true(v <= best * (1 + 1e-6));
        /* WFG9's positions are not spread by our simple points; WFG1 takes the fiftieth root of the distance,
         * so that a rounding error of 1e-16 counts as much as .48 */
        double part = strncmp(with_fronts[i], "wfg9", 4) == 0   ? 0
                      : strncmp(with_fronts[i], "wfg1", 4) == 0 ? 0.95
                                                                : 0.999;
        assert_true(v >= best * part);
        hpo_problem_free(p);
    }
    static const char *const three[] = {"dtlz1-m03-d07", "dtlz2-m03-d12", "dtlz5-m03-d12",
                                        "dtlz6-m03-d12", "wfg4-m03-d24",  "wfg7-m03-d24"};
    for (size_t i = 0; i < sizeof three / sizeof *three; i++) {
        hpo_problem *p = open_one(three[i]);
        double v = front_volume(p, three[i], 200), best = p->best_hypervolume;
        /* what is not dominated, which a large reference point does not hide */
        double box = 1;
        for (size_t k = 0; k < 3; k++)
            box *= p->reference_point[k];
        if (!(v <= best * (1 + 1e-9)) || box - v > (box - best) * 1.05)
            print_message("# %s: %.9g of %.9g in %.9g\n", three[i], v, best, box);
        assert_true(v <= best * (1 + 1e-9) && box - v <= (box - best) * 1.05);
        hpo_problem_free(p);
    }
}

/* The published numbers of Zitzler's and BoTorch's problems. */
static void largest_hypervolumes_are_the_published_ones(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double volume, tolerance;
    } known[] = {
        {"zdt1-d30", 120.6667, 1e-4},
        {"zdt2-d30", 120.3333, 1e-4},
        {"zdt3-d30", 128.77811613, 1e-8},
        {"branin-currin", 59.36011874867746, 0},
        {"branin-currin-disk", 608.4004237022673, 0},
        {"c2dtlz2-m02-d12", 0.3996406303723544, 5e-4}, /* theirs is what NSGA-II reached */
        {"car-side-impact", 484.72654347642793, 0},
        {"vehicle-safety", 246.81607081187002, 0},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        hpo_problem *p = open_one(known[i].name);
        assert_near(p->best_hypervolume, known[i].volume, 1e-15, known[i].tolerance);
        hpo_problem_free(p);
    }
}

/* Values at points where they can be worked out by hand, and Pareto-optimal points from the literature. */
static void hand_worked_values(void **state)
{
    (void)state;
    hpo_problem *p = open_one("bnh");
    hpo_problem_answer a = at(p, (const double[]){1, 2});
    assert_near(a.y[0], 20, 0, 0);
    assert_near(a.y[1], 25, 0, 0);
    assert_near(a.outcome[0], -5, 0, 0);
    assert_near(a.outcome[1], 7.7 - 74, 1e-15, 0);
    hpo_problem_free(p);
    p = open_one("srn");
    a = at(p, (const double[]){-2.5, 2.5});
    assert_near(a.y[0], 24.5, 0, 0);
    assert_near(a.y[1], -24.75, 0, 0);
    assert_near(a.outcome[0], 12.5 - 225, 0, 0);
    assert_near(a.outcome[1], 0, 0, 0);
    hpo_problem_free(p);
    p = open_one("tnk");
    a = at(p, (const double[]){1, 1}); /* atan 1 = pi/4, cos 4 pi = 1 */
    assert_near(a.outcome[0], 1.1 - 2, 1e-12, 0);
    assert_near(a.outcome[1], 0, 0, 1e-15);
    a = at(p, (const double[]){1, 0}); /* cos 8 pi = 1 */
    assert_near(a.outcome[0], 0.1, 1e-12, 0);
    hpo_problem_free(p);
    p = open_one("osy"); /* region AB of Deb 2001: (5, 1, 1..5, 0, 5, 0) */
    a = at(p, (const double[]){5, 1, 5, 0, 5, 0});
    assert_near(a.y[0], -274, 0, 0);
    assert_near(a.y[1], 76, 0, 0);
    for (size_t i = 0; i < 6; i++)
        assert_true(a.outcome[i] <= 0);
    hpo_problem_free(p);
    p = open_one("branin-currin"); /* Branin's minimum at (pi, 2.275) */
    a = at(p, (const double[]){(pi + 5) / 15, 2.275 / 15});
    assert_near(a.y[0], 0.397887357729739, 1e-10, 0);
    a = at(p, (const double[]){0, 0});
    assert_near(a.y[1], 3, 0, 0); /* 60/20 times the limit 1 */
    hpo_problem_free(p);
    p = open_one("branin-currin-disk");
    a = at(p, (const double[]){0.5, 0.5});
    assert_near(a.outcome[0], -50, 0, 0);
    hpo_problem_free(p);
    p = open_one("vehicle-safety"); /* all 1: sums of the coefficients */
    a = at(p, (const double[]){1, 1, 1, 1, 1});
    assert_near(a.y[0], 1661.7078225, 1e-12, 0);
    assert_near(a.y[1], 8.3046, 1e-9, 0);
    assert_near(a.y[2], 0.0708, 1e-9, 0);
    hpo_problem_free(p);
    p = open_one("car-side-impact");
    a = at(p, (const double[]){1, 1, 1, 1, 1, 1, 1});
    assert_near(a.y[0], 29.05001, 1e-12, 0);
    assert_near(a.y[1], 4.03, 1e-12, 0);
    assert_near(a.y[2], 0.5 * (9.23325 + 15.118), 1e-12, 0);
    assert_true(a.y[3] > 0.03); /* pubic force above 4 kN by 0.03 */
    hpo_problem_free(p);
    p = open_one("c3dtlz1-m02-d06");
    a = at(p, (const double[]){0.5, 0.5, 0.5, 0.5, 0.5, 0.5}); /* f = (1/4, 1/4) */
    assert_near(a.outcome[0], 0.25, 1e-12, 0);
    hpo_problem_free(p);
}

/* Nothing random dominates more than the largest hypervolume, and values stay finite. */
static void random_points_stay_below(void **state)
{
    (void)state;
    char **names;
    size_t n, seen = 0;
    hpo_error err;
    assert_ok(hpo_problem_names(HPO_N_SUITES, NULL, &names, &n, &err), err);
    enum { POINTS = 400 };
    for (size_t i = 0; i < n; i++) {
        hpo_problem *p = open_one(names[i]);
        if (strcmp(p->family->name, "multiobjective") == 0) {
            size_t m = p->n_objectives, columns = hpo_space_n_columns(p->space), kept = 0;
            double *x = calloc(POINTS * columns, sizeof *x), *y = calloc(POINTS * m, sizeof *y), v;
            assert_ok(hpo_space_sample(p->space, 5, POINTS, x, &err), err);
            for (size_t k = 0; k < POINTS; k++) {
                hpo_problem_answer a = at(p, x + k * columns);
                int feasible = 1;
                for (size_t j = 0; j < m; j++)
                    assert_true(isfinite(a.y[j]));
                for (size_t j = 0; j < p->n_outcomes; j++)
                    feasible &= a.outcome[j] <= 0;
                if (feasible) memcpy(y + m * kept++, a.y, m * sizeof *y);
            }
            assert_ok(hpo_hypervolume(y, kept, m, p->reference_point, &v, &err), err);
            if (v > p->best_hypervolume) print_message("# %s: %g\n", names[i], v);
            assert_false(v > p->best_hypervolume);
            seen++;
            free(x);
            free(y);
        }
        hpo_problem_free(p);
    }
    assert_true(seen >= 50);
    hpo_free(names);
}

static void refuses_impossible_sizes(void **state)
{
    (void)state;
    hpo_error err;
    hpo_problem *p;
    assert_fails(hpo_problem_open("dtlz2-m13-d20", NULL, &p, &err), HPO_EINVAL, err, "objectives");
    assert_fails(hpo_problem_open("dtlz2-m03-d02", NULL, &p, &err), HPO_EINVAL, err, "dimension");
    assert_fails(hpo_problem_open("wfg2-m02-d23", NULL, &p, &err), HPO_EINVAL, err, "pairs");
    assert_fails(hpo_problem_open("zdt5-d10", NULL, &p, &err), HPO_ENOTFOUND, err, "zdt");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_points_lie_on_the_fronts),
        cmocka_unit_test(dense_fronts_reach_the_largest_hypervolume),
        cmocka_unit_test(largest_hypervolumes_are_the_published_ones),
        cmocka_unit_test(hand_worked_values),
        cmocka_unit_test(random_points_stay_below),
        cmocka_unit_test(refuses_impossible_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
