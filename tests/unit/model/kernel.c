/* SPDX-License-Identifier: Apache-2.0 */
/* Covariance functions: closed forms, tails, derivatives, exact zeros, strides. */
#include "t.h"

#include "math/linalg.h"
#include "model/kernel.h"

static const hpo_kernel_family families[] = {HPO_KERNEL_MATERN32, HPO_KERNEL_MATERN52, HPO_KERNEL_SE,
                                             HPO_KERNEL_PERIODIC};
enum { N_FAMILIES = sizeof families / sizeof *families };

static double closed_form(hpo_kernel_family family, double q)
{
    double s;
    switch (family) {
    case HPO_KERNEL_MATERN32:
        s = sqrt(3 * q);
        return (1 + s) * exp(-s);
    case HPO_KERNEL_MATERN52:
        s = sqrt(5 * q);
        return (1 + s + 5 * q / 3) * exp(-s);
    default:
        return exp(-q / 2);
    }
}

static void test_radial(void **state)
{
    (void)state;
    double q[500], m[500], dm[500], up[500], down[500];
    for (size_t f = 0; f < N_FAMILIES; f++) {
        for (size_t i = 0; i < 500; i++)
            q[i] = i == 0 ? 0 : exp(((double)i - 400) / 20);
        hpo_kernel_radial(families[f], q, 500, m, dm);
        assert_true(m[0] == 1);
        for (size_t i = 0; i < 500; i++) {
            assert_near(m[i], closed_form(families[f], q[i]), 2e-14, 1e-300);
            up[i] = q[i] * (1 + 1e-5);
            down[i] = q[i] * (1 - 1e-5);
        }
        hpo_kernel_radial(families[f], up, 500, up, NULL);
        hpo_kernel_radial(families[f], down, 500, down, NULL);
        for (size_t i = 150; i < 500; i++) /* smaller q: the difference drowns in rounding */
            assert_near(dm[i], (up[i] - down[i]) / (2e-5 * q[i]), 1e-5, 1e-12);
        assert_near(dm[0],
                    families[f] == HPO_KERNEL_MATERN32   ? -1.5
                    : families[f] == HPO_KERNEL_MATERN52 ? -5.0 / 6
                                                         : -0.5,
                    1e-15, 0);
        /* either result over the input */
        memcpy(up, q, sizeof q);
        hpo_kernel_radial(families[f], up, 500, up, down);
        assert_same_doubles(up, m, 500);
        assert_same_doubles(down, dm, 500);
        memcpy(up, q, sizeof q);
        hpo_kernel_radial(families[f], up, 500, down, up);
        assert_same_doubles(down, m, 500);
        assert_same_doubles(up, dm, 500);
    }
}

static void test_tails(void **state)
{
    (void)state;
    double q[] = {1e5, 1e7, 1e30, 1e308, INFINITY}, m[5], dm[5], nan = NAN, x;
    for (size_t f = 0; f < N_FAMILIES; f++) {
        hpo_kernel_radial(families[f], q, 5, m, dm);
        for (size_t i = 0; i < 5; i++) {
            assert_true(m[i] >= 0 && m[i] < 1e-200);
            assert_true(dm[i] <= 0 && dm[i] > -1e-200);
        }
        hpo_kernel_radial(families[f], &nan, 1, &x, NULL);
        assert_true(isnan(x)); /* a mistake upstream stays visible */
    }
}

static void fill(t_rng *r, double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = t_between(r, -1, 1);
}

/* All shapes around the tile sizes, against the definition; what lies outside stays as it is. */
static void test_distances(void **state)
{
    (void)state;
    enum { MOST = 70, K = 7 };
    static double a[MOST * K], b[MOST * K], out[MOST * (MOST + 3)];
    t_rng r = t_rng_create();
    fill(&r, a, MOST * K);
    fill(&r, b, MOST * K);
    static const size_t sizes[] = {1, 2, 3, 4, 5, 31, 32, 33, 64, 70};
    for (size_t s = 0; s < 10; s++)
        for (size_t t = 0; t < 10; t++)
            for (size_t k = 0; k <= K; k += 3) {
                size_t m = sizes[s], n = sizes[t], ld = n + 3;
                for (size_t i = 0; i < m * ld; i++)
                    out[i] = -7;
                hpo_kernel_distances(a, m, b, n, k, out, ld);
                for (size_t i = 0; i < m; i++) {
                    for (size_t j = 0; j < n; j++) {
                        double want = 0;
                        for (size_t f = 0; f < k; f++)
                            want += (a[i * k + f] - b[j * k + f]) * (a[i * k + f] - b[j * k + f]);
                        assert_true(out[i * ld + j] == want);
                    }
                    for (size_t j = n; j < ld; j++)
                        assert_true(out[i * ld + j] == -7);
                }
            }
}

static void test_equal_rows(void **state)
{
    (void)state;
    double a[3 * 5], d[9];
    t_rng r = t_rng_create();
    for (T_ROUNDS(round, 200)) {
        for (size_t i = 0; i < 15; i++)
            a[i] = i < 5 ? t_between(&r, -1e8, 1e8) : a[i - 5];
        a[14] = nextafter(a[14], INFINITY); /* the next row there is: not 0 */
        hpo_kernel_distances(a, 3, a, 3, 5, d, 3);
        assert_true(d[0] == 0 && d[1] == 0 && d[4] == 0 && d[8] == 0 && d[2] > 0 && d[5] > 0);
    }
}

static void test_covariances(void **state)
{
    (void)state;
    enum { M = 9, N = 40, K = 5 };
    static double a[M * K], b[N * K], out[M * N], gram[N * N];
    t_rng r = t_rng_create();
    fill(&r, a, M * K);
    fill(&r, b, N * K);
    for (size_t f = 0; f <= N_FAMILIES; f++) {
        hpo_kernel_family family = f < N_FAMILIES ? families[f] : HPO_KERNEL_LINEAR;
        hpo_kernel_cross(family, 2.5, a, M, b, N, K, out, N);
        for (size_t i = 0; i < M; i++)
            for (size_t j = 0; j < N; j++) {
                double q = 0, dot = 0;
                for (size_t c = 0; c < K; c++) {
                    q += pow(a[i * K + c] - b[j * K + c], 2);
                    dot += a[i * K + c] * b[j * K + c];
                }
                assert_near(out[i * N + j],
                            2.5 * (family == HPO_KERNEL_LINEAR ? 1 + dot : closed_form(family, q)), 1e-13,
                            1e-14);
            }
        for (size_t i = 0; i < N * N; i++)
            gram[i] = -7;
        hpo_kernel_gram(family, 2.5, b, N, K, gram, N);
        for (size_t i = 0; i < N; i++) {
            double row[N];
            hpo_kernel_cross(family, 2.5, b + i * K, 1, b, N, K, row, N);
            assert_same_doubles(row, gram + i * N, i + 1);
            if (family != HPO_KERNEL_LINEAR) assert_true(gram[i * N + i] == 2.5);
            for (size_t j = i + 1; j < N; j++)
                assert_true(gram[i * N + j] == -7);
        }
    }
}

static void test_gradient(void **state)
{
    (void)state;
    enum { N = 200, K = 6 };
    static double a[K], b[N * K], k[N], dk[N * K], up[N], down[N];
    t_rng r = t_rng_create();
    fill(&r, a, K);
    fill(&r, b, N * K);
    for (size_t c = 0; c < K; c++)
        b[3 * K + c] = a[c]; /* on top of a row: no division by a distance of 0 */
    for (size_t f = 0; f <= N_FAMILIES; f++) {
        hpo_kernel_family family = f < N_FAMILIES ? families[f] : HPO_KERNEL_LINEAR;
        hpo_kernel_cross_gradient(family, 1.7, a, b, N, K, k, dk);
        hpo_kernel_cross(family, 1.7, a, 1, b, N, K, up, N);
        for (size_t i = 0; i < N; i++)
            assert_near(k[i], up[i], 1e-15, 0);
        for (size_t c = 0; c < K; c++) {
            double at = a[c], h = 1e-6;
            a[c] = at + h;
            hpo_kernel_cross(family, 1.7, a, 1, b, N, K, up, N);
            a[c] = at - h;
            hpo_kernel_cross(family, 1.7, a, 1, b, N, K, down, N);
            a[c] = at;
            for (size_t i = 0; i < N; i++)
                assert_near(dk[i * K + c], (up[i] - down[i]) / (2 * h), 1e-6, 1e-6);
            if (family != HPO_KERNEL_LINEAR) assert_true(dk[3 * K + c] == 0);
        }
    }
}

/* Positive definite on random and on equally spaced points, also nearly equal ones. */
static void test_definite(void **state)
{
    (void)state;
    enum { N = 30, K = 3 };
    static double a[N * K], gram[N * N], values[N], vectors[N * N], work[2 * N];
    t_rng r = t_rng_create();
    for (size_t f = 0; f <= N_FAMILIES; f++)
        for (size_t layout = 0; layout < 3; layout++) {
            hpo_kernel_family family = f < N_FAMILIES ? families[f] : HPO_KERNEL_LINEAR;
            for (size_t i = 0; i < N * K; i++) {
                size_t row = i / K;
                a[i] = layout == 0   ? t_between(&r, 0, 3)
                       : layout == 1 ? (double)row / N
                                     : 1 + 1e-9 * (double)i;
            }
            hpo_kernel_cross(family, 1, a, N, a, N, K, gram, N);
            assert_int_equal(hpo_symmetric_eigen(gram, N, N, values, vectors, work), 0);
            assert_true(values[0] >= -1e-12 * values[N - 1]);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_radial),      cmocka_unit_test(test_tails),
        cmocka_unit_test(test_distances),   cmocka_unit_test(test_equal_rows),
        cmocka_unit_test(test_covariances), cmocka_unit_test(test_gradient),
        cmocka_unit_test(test_definite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
