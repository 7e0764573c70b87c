/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics against published values, brute force and invariants. */
#include "math/stats.h"
#include "t.h"

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    if (isnan(x) || isnan(y)) return isnan(x) - isnan(y);
    return (x > y) - (x < y);
}

/* Values with many ties, or none, or of one kind only. */
static void fill(t_rng *r, double *x, size_t n, int kind)
{
    for (size_t i = 0; i < n; i++) {
        switch (kind) {
        case 0:
            x[i] = t_between(r, -1, 1);
            break;
        case 1:
            x[i] = (double)t_int(r, 0, 5);
            break;
        case 2:
            x[i] = (double)i;
            break;
        case 3:
            x[i] = -(double)i;
            break;
        case 4:
            x[i] = 7;
            break;
        case 5: /* organ pipe */
            x[i] = (double)(i < n / 2 ? i : n - i);
            break;
        default:
            x[i] = t_u64(r) % 8 == 0 ? (double)NAN : t_u64(r) % 8 == 0 ? HUGE_VAL : t_between(r, -1, 1);
        }
    }
}

static void test_sum(void **state)
{
    (void)state;
    assert_true(hpo_sum(NULL, 0) == 0);
    assert_true(isnan(hpo_mean(NULL, 0)) && isnan(hpo_variance((double[]){1}, 1)));
    enum { N = 100000 };
    static double x[N];
    long double exact = 0;
    for (size_t i = 0; i < N; i++) {
        x[i] = 0.1 * (double)(i % 17) + 1e6;
        exact += (long double)x[i];
    }
    assert_near(hpo_sum(x, N), (double)exact, 3e-16, 0);
    double naive = 0;
    for (size_t i = 0; i < N; i++)
        naive += x[i];
    assert_true(fabs((double)((long double)naive - exact)) >
                10 * fabs((double)((long double)hpo_sum(x, N) - exact))); /* why it is pairwise */
    for (size_t n = 0; n < 300; n++)
        assert_near(hpo_sum(x, n), (double)n * 1e6, 1e-5, 0);
    /* numpy: np.var([3, 1, 4, 1, 5, 9, 2, 6], ddof=1) */
    static const double pi[] = {3, 1, 4, 1, 5, 9, 2, 6};
    assert_near(hpo_mean(pi, 8), 3.875, 0, 0);
    assert_near(hpo_variance(pi, 8), 7.553571428571429, 1e-15, 0);
    for (size_t i = 0; i < N; i++)
        x[i] = 1e9 + (double)(i & 1); /* variance 1/4 beside a huge mean */
    assert_near(hpo_variance(x, N), 0.25 * N / (N - 1.0), 1e-12, 0);
    hpo_moments m = {0};
    assert_true(isnan(hpo_moments_variance(&m)));
    for (size_t i = 0; i < N; i++)
        hpo_moments_add(&m, x[i]);
    assert_near(m.mean, 1e9 + 0.5, 1e-15, 0);
    assert_near(hpo_moments_variance(&m), 0.25 * N / (N - 1.0), 1e-9, 0);
}

static void test_quantiles(void **state)
{
    (void)state;
    /* numpy: np.quantile([3, 1, 4, 1, 5, 9, 2, 6], [0, .1, .25, .5, .9, 1]) (type 7 is its default) */
    static const double q[] = {0, 0.1, 0.25, 0.5, 0.9, 1}, want[] = {1, 1, 1.75, 3.5, 6.9, 9};
    for (size_t i = 0; i < 6; i++) {
        double x[] = {3, 1, 4, 1, 5, 9, 2, 6};
        assert_near(hpo_quantile(x, 8, q[i]), want[i], 1e-15, 0);
    }
    assert_true(isnan(hpo_median(NULL, 0)));
    assert_true(isnan(hpo_quantile((double[]){1}, 1, -0.1)) &&
                isnan(hpo_quantile((double[]){1}, 1, (double)NAN)));
    assert_true(hpo_median((double[]){4}, 1) == 4 && hpo_median((double[]){4, 1}, 2) == 2.5);
    assert_true(hpo_median((double[]){HUGE_VAL, HUGE_VAL}, 2) == HUGE_VAL);
    t_rng r = t_rng_create();
    for (T_ROUNDS(i, 4000)) {
        double x[200], y[200];
        size_t n = (size_t)t_int(&r, 1, 200);
        fill(&r, x, n, (int)(i % 7));
        memcpy(y, x, sizeof y);
        qsort(y, n, sizeof *y, ascending);
        double p = i % 3 == 0 ? (double)t_int(&r, 0, 4) / 4 : t_uniform(&r), h = p * (double)(n - 1);
        size_t k = (size_t)h;
        double expect = k + 1 < n && h > (double)k
                            ? y[k] == y[k + 1] ? y[k] : y[k] + (h - (double)k) * (y[k + 1] - y[k])
                            : y[k];
        double got = hpo_quantile(x, n, p);
        assert_true((isnan(got) && isnan(expect)) || got == expect);
        qsort(x, n, sizeof *x, ascending); /* x was only reordered */
        assert_same_doubles(x, y, n);
    }
}

static void test_argsort(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    enum { N = 3000 };
    static double x[N];
    static size_t order[N];
    for (int kind = 0; kind < 7; kind++) {
        for (size_t n = 0; n < N; n = n < 40 ? n + 1 : n * 2) {
            fill(&r, x, n, kind);
            hpo_argsort(x, n, order);
            static unsigned char seen[N];
            memset(seen, 0, sizeof seen);
            for (size_t i = 0; i < n; i++) {
                assert_true(order[i] < n);
                assert_int_equal(seen[order[i]]++, 0);
                if (i == 0) continue;
                double a = x[order[i - 1]], b = x[order[i]];
                assert_true(a <= b || isnan(b));                                            /* NaN last */
                if (a == b || (isnan(a) && isnan(b))) assert_true(order[i - 1] < order[i]); /* stable */
            }
        }
    }
    hpo_argsort((double[]){0.0, -0.0}, 2, order);
    assert_true(order[0] == 0 && order[1] == 1);
}

/* Sorting must stay O(n log n) where quicksort with the median of three is quadratic (Musser 1997, section
 * 2). */
static void test_argsort_worst_case(void **state)
{
    (void)state;
    enum { N = 200000 };
    double *x = malloc(N * sizeof *x);
    size_t *order = malloc(N * sizeof *order);
    assert_true(x && order);
    for (size_t i = 0; i < N / 2; i++) { /* median-of-3 killer */
        x[i] = (double)(i % 2 == 0 ? i + 1 : N / 2 + i + (i % 2));
        x[N / 2 + i] = (double)(2 * (i + 1));
    }
    hpo_argsort(x, N, order);
    for (size_t i = 1; i < N; i++)
        assert_true(x[order[i - 1]] <= x[order[i]]);
    (void)hpo_median(x, N);
    free(x);
    free(order);
}

static void test_ranks(void **state)
{
    (void)state;
    size_t order[5];
    double ranks[5];
    hpo_ranks((double[]){3, 1, 4, 1, 5}, 5, order, ranks); /* scipy.stats.rankdata */
    assert_same_doubles(ranks, ((double[]){3, 1.5, 4, 1.5, 5}), 5);
    hpo_ranks((double[]){(double)NAN, 1, (double)NAN, 0, 1}, 5, order, ranks);
    assert_same_doubles(ranks, ((double[]){4.5, 2.5, 4.5, 1, 2.5}), 5);
    t_rng r = t_rng_create();
    for (T_ROUNDS(i, 300)) { /* rank = 1 + smaller + (equal - 1)/2 */
        double x[60], got[60];
        size_t n = (size_t)t_int(&r, 1, 60), idx[60];
        fill(&r, x, n, (int)(i % 6));
        hpo_ranks(x, n, idx, got);
        for (size_t j = 0; j < n; j++) {
            double smaller = 0, equal = 0;
            for (size_t k = 0; k < n; k++) {
                smaller += x[k] < x[j];
                equal += x[k] == x[j];
            }
            assert_true(got[j] == 1 + smaller + (equal - 1) / 2);
        }
    }
}

static void test_correlation(void **state)
{
    (void)state;
    static const double a[] = {1, 2, 3, 4, 5}, b[] = {2, 1, 4, 3, 6};
    assert_near(hpo_correlation(a, b, 5), 0.8219949365267863, 1e-15, 0); /* np.corrcoef */
    assert_near(hpo_correlation(a, a, 5), 1, 1e-15, 0);
    assert_true(isnan(hpo_correlation(a, (double[]){1, 1, 1, 1, 1}, 5)) && isnan(hpo_correlation(a, b, 1)));
}

static int dominated(const double *y, size_t n, size_t m, size_t i)
{
    for (size_t j = 0; j < n; j++) {
        int worse = 0, better = 0, nan = 0;
        for (size_t k = 0; k < m; k++) {
            worse |= y[j * m + k] > y[i * m + k];
            better |= y[j * m + k] < y[i * m + k];
            nan |= isnan(y[j * m + k]);
        }
        if (better && !worse && !nan) return 1;
    }
    return 0;
}

static void test_pareto(void **state)
{
    (void)state;
    /* METHODS: {(1,5),(2,3),(3,4),(4,1),(5,2)}: front {(1,5),(2,3),(4,1)} */
    size_t out[300];
    assert_int_equal(hpo_pareto_front((double[]){1, 5, 2, 3, 3, 4, 4, 1, 5, 2}, 5, 2, out), 3);
    assert_true(out[0] == 0 && out[1] == 1 && out[2] == 3);
    assert_int_equal(hpo_pareto_front((double[]){2, 3, 2, 3, 3, 2}, 3, 2, out), 3); /* duplicates all kept */
    assert_int_equal(hpo_pareto_front((double[]){(double)NAN, 0, 1, 1}, 2, 2, out),
                     1); /* NaN is on no front */
    assert_int_equal(out[0], 1);
    assert_int_equal(hpo_pareto_front(NULL, 0, 2, out), 0);
    t_rng r = t_rng_create();
    for (T_ROUNDS(i, 2000)) {
        double y[300];
        size_t m = 1 + i % 4, n = (size_t)t_int(&r, 1, 70);
        for (size_t k = 0; k < n * m; k++)
            y[k] = i % 2 ? (double)t_int(&r, 0, 6) : t_uniform(&r);
        if (i % 5 == 0) y[t_u64(&r) % (n * m)] = (double)NAN;
        size_t got = hpo_pareto_front(y, n, m, out), want = 0;
        for (size_t j = 0; j < n; j++) {
            int nan = 0;
            for (size_t k = 0; k < m; k++)
                nan |= isnan(y[j * m + k]);
            if (nan || dominated(y, n, m, j)) continue;
            assert_true(want < got);
            assert_int_equal(out[want++], j); /* ascending */
        }
        assert_int_equal(got, want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sum),     cmocka_unit_test(test_quantiles),
        cmocka_unit_test(test_argsort), cmocka_unit_test(test_argsort_worst_case),
        cmocka_unit_test(test_ranks),   cmocka_unit_test(test_correlation),
        cmocka_unit_test(test_pareto),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
