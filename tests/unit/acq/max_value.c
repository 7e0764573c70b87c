/* SPDX-License-Identifier: Apache-2.0 */
/* acq/max_value: information of a correlated observation, against two nested integrals of the joint density
 * that know neither Phi nor the rotation, against draws, and against the closed form that it becomes. */
#include "acq/acquisition.h"

#include "math/rng.h"
#include "t.h"

/* ln of p(x, y), unit variances, correlation r. */
static double log_density(double x, double y, double r)
{
    double c = 1 - r * r;
    return -(x * x - 2 * r * x * y + y * y) / (2 * c) - log(2 * acos(-1) * sqrt(c));
}

/* H(x) - H(x given y >= -z): Simpson's rule from the cut on. */
static double brute(double z, double r)
{
    enum { N = 1200 };
    const double high = 9, dx = 2 * high / N, low = -z, dy = (fmax(low, 0) + high - low) / N;
    double mass = 0, sum = 0; /* of p(x, y >= low), and of p ln p */
    for (int i = 0; i <= N; i++) {
        double x = -high + i * dx, p = 0;
        for (int k = 0; k <= N; k++)
            p += (k == 0 || k == N ? 1 : k % 2 ? 4 : 2) * dy / 3 * exp(log_density(x, low + k * dy, r));
        mass += p * dx;
        if (p > 0) sum += p * log(p) * dx;
    }
    double given = -(sum / mass - log(mass));
    return 0.5 * log(2 * acos(-1) * exp(1)) - given;
}

static void test_integrals(void **state)
{
    (void)state;
    static const double zs[] = {-2, -0.5, 0, 1, 2.5}, rs[] = {0.1, 0.5, -0.8, 0.95};
    for (size_t i = 0; i < sizeof zs / sizeof zs[0]; i++)
        for (size_t k = 0; k < sizeof rs / sizeof rs[0]; k++) {
            if (T_INSTRUMENTED && (i + k) % 4 != 0) continue;
            /* mean 3, sd 0.5, and the minimum z of them below */
            double least = 3 - 0.5 * zs[i], value = hpo_acq_mes_correlated(3, 0.5, rs[k], &least, 1);
            assert_near(value, brute(zs[i], rs[k]), 0, 1e-8);
        }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The same entropy from draws of both, with the nearest-neighbour distances of sorted values (Vasicek). */
static void test_draws(void **state)
{
    (void)state;
    enum { N = 40000, M = 100 };
    static double x[N];
    const double z = 0.3, r = 0.9;
    hpo_rng rng;
    size_t n = 0;
    double sum = 0;
    hpo_rng_init(&rng, 3, 0, HPO_RNG_USER);
    while (n < N) {
        double y = hpo_rng_normal(&rng), e = hpo_rng_normal(&rng);
        if (y >= -z) x[n++] = r * y + sqrt(1 - r * r) * e;
    }
    qsort(x, N, sizeof *x, by_value);
    for (size_t i = 0; i < N; i++) {
        size_t low = i < M ? 0 : i - M, high = i + M < N ? i + M : N - 1;
        sum += log((x[high] - x[low]) * N / (double)(high - low));
    }
    double least = -z, value = hpo_acq_mes_correlated(0, 1, r, &least, 1);
    assert_near(value, 0.5 * log(2 * acos(-1) * exp(1)) - sum / N, 0, 0.02);
}

static void test_limits(void **state)
{
    (void)state;
    static const double minima[] = {-1, 0.2, 0.5};
    double full = hpo_acq_mes(0.4, 0.7, minima, 3, NULL, NULL), before = 0;
    assert_true(hpo_acq_mes_correlated(0.4, 0.7, 1, minima, 3) == full);
    assert_true(hpo_acq_mes_correlated(0.4, 0.7, -1, minima, 3) == full);
    assert_near(hpo_acq_mes_correlated(0.4, 0.7, 1 - 1e-12, minima, 3), full, 0, 1e-6);
    assert_near(hpo_acq_mes_correlated(0.4, 0.7, 0, minima, 3), 0, 0, 1e-10);
    for (int i = 1; i <= 10; i++) { /* more is told by what is closer */
        double value = hpo_acq_mes_correlated(0.4, 0.7, 0.1 * i, minima, 3);
        assert_true(value > before && value <= full * (1 + 1e-12));
        assert_true(value == hpo_acq_mes_correlated(0.4, 0.7, -0.1 * i, minima, 3));
        before = value;
    }
    for (int i = -40; i <= 40; i++) { /* far tails */
        double least = -i, value = hpo_acq_mes_correlated(0, 1, 0.7, &least, 1),
               most = hpo_acq_mes(0, 1, &least, 1, NULL, NULL);
        assert_true(isfinite(value) && value >= 0 && value <= most * (1 + 1e-9));
        if (i > 8 && i < 36) assert_near(value / most, 0.49, 0, 0.02); /* r^2 of the leading term */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integrals),
        cmocka_unit_test(test_draws),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
