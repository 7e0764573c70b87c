/* SPDX-License-Identifier: Apache-2.0 */
#include "math/hypervolume.h"
#include "t.h"

static double volume(const double *points, size_t n, size_t m, const double *ref)
{
    double v;
    hpo_error err;
    assert_ok(hpo_hypervolume(points, n, m, ref, &v, &err), err);
    return v;
}

/* Union of boxes by inclusion and exclusion: 2^n terms. */
static double by_subsets(const double *points, size_t n, size_t m, const double *ref)
{
    double sum = 0;
    for (unsigned subset = 1; subset < 1u << n; subset++) {
        double v = 1;
        int odd = 0;
        for (size_t i = 0; i < n; i++)
            odd ^= subset >> i & 1u ? 1 : 0;
        for (size_t j = 0; j < m; j++) {
            double side = HUGE_VAL;
            for (size_t i = 0; i < n; i++)
                if (subset >> i & 1u) side = fmin(side, ref[j] - points[i * m + j]);
            v *= fmax(side, 0);
        }
        sum += odd ? v : -v;
    }
    return sum;
}

/* moocore's documented example; a hand-worked one (METHODS, "Pareto"); a single box. */
static void published_values(void **state)
{
    (void)state;
    const double a[] = {5, 5, 4, 6, 2, 7, 7, 4}, ref10[] = {10, 10};
    assert_near(volume(a, 4, 2, ref10), 38, 0, 0);
    const double b[] = {1, 5, 2, 3, 3, 4, 4, 1, 5, 2}, ref6[] = {6, 6};
    assert_near(volume(b, 5, 2, ref6), 17, 0, 0);
    const double c[] = {1, 2, 3, 4, 5}, ref[] = {3, 5, 7, 9, 11};
    for (size_t m = 1; m <= 5; m++) {
        double want = 1;
        for (size_t j = 0; j < m; j++)
            want *= ref[j] - c[j];
        assert_near(volume(c, 1, m, ref), want, 1e-15, 0);
    }
}

static void equals_inclusion_and_exclusion(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    for (T_ROUNDS(round, 600)) {
        size_t m = (size_t)t_int(&r, 1, 7), n = (size_t)t_int(&r, 1, 9);
        double points[9 * 7], ref[7];
        int coarse = t_int(&r, 0, 1) == 0; /* many ties and duplicates */
        for (size_t i = 0; i < n * m; i++)
            points[i] = coarse ? (double)t_int(&r, 0, 4) : t_between(&r, 0, 4.5);
        for (size_t j = 0; j < m; j++)
            ref[j] = t_between(&r, 3, 5);
        assert_near(volume(points, n, m, ref), by_subsets(points, n, m, ref), 1e-9, 1e-9);
    }
}

/* One more objective in which all are alike scales the volume: ties the three algorithms together at sizes
 * that inclusion and exclusion cannot reach. */
static void a_constant_objective_scales(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    enum { N = 60 };
    for (T_ROUNDS(round, 20)) {
        for (size_t m = 2; m <= 4; m++) {
            double points[N * 5], more[N * 5];
            const double ref[] = {1, 1, 1, 1, 1};
            for (size_t i = 0; i < N * m; i++)
                points[i] = t_uniform(&r);
            for (size_t at = 0; at <= m; at++) {
                for (size_t i = 0; i < N; i++)
                    for (size_t j = 0, k = 0; j <= m; j++)
                        more[i * (m + 1) + j] = j == at ? 0.25 : points[i * m + k++];
                assert_near(volume(more, N, m + 1, ref), 0.75 * volume(points, N, m, ref), 1e-12, 0);
            }
        }
    }
}

static void what_is_not_below_adds_nothing(void **state)
{
    (void)state;
    const double ref[] = {1, 1, 1, 1};
    const double p[] = {0.5, 0.5, 0.5, 0.5, 1, 0, 0, 0, (double)NAN, 0, 0, 0, 2, 0, 0, 0, 0.5, 0.5, 0.5, 0.5};
    assert_near(volume(p, 5, 4, ref), 0.0625, 0, 0);
    assert_near(volume(p + 4, 3, 4, ref), 0, 0, 0);
    assert_near(volume(NULL, 0, 4, ref), 0, 0, 0);
    double v;
    hpo_error err;
    assert_fails(hpo_hypervolume(p, 1, 33, ref, &v, &err), HPO_EINVAL, err, "objectives");
}

/* A dense front of the sphere in three objectives: 1 - pi/6 in the limit. */
static void many_points(void **state)
{
    (void)state;
    enum { N = 100 };
    double *p = calloc(N * N * 3, sizeof *p), ref[] = {1, 1, 1};
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j++) {
            double a = 1.5707963267948966 * (double)i / (N - 1), b = 1.5707963267948966 * (double)j / (N - 1);
            double *q = p + 3 * (i * N + j);
            q[0] = cos(a) * cos(b), q[1] = cos(a) * sin(b), q[2] = sin(a);
        }
    double v = volume(p, N * N, 3, ref), limit = 1 - 0.52359877559829887;
    assert_true(v < limit);
    assert_near(v, limit, 0, 0.02);
    free(p);
}

static hpo_status body(void *ctx, hpo_error *err)
{
    const double p[] = {1, 2, 3, 4, 4, 3, 2, 1}, ref[] = {5, 5, 5, 5};
    double v;
    (void)ctx;
    return hpo_hypervolume(p, 2, 4, ref, &v, err);
}

static void copes_without_memory(void **state)
{
    (void)state;
    (void)t_oom(body, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_values),
        cmocka_unit_test(equals_inclusion_and_exclusion),
        cmocka_unit_test(a_constant_objective_scales),
        cmocka_unit_test(what_is_not_below_adds_nothing),
        cmocka_unit_test(many_points),
        cmocka_unit_test(copes_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
