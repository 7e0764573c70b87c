/* SPDX-License-Identifier: Apache-2.0 */
/* Linear algebra against naive loops: bit for bit where the order of the sums is documented (whatever the
 * CPU and the block sizes), identities and known spectra elsewhere. */
#include "math/linalg.h"

#include "math/func.h"
#include "t.h"

static const size_t sizes[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 31, 32, 33, 64, 65, 129, 200};
enum { N_SIZES = sizeof sizes / sizeof *sizes, PAD = 3, LD = 200 + PAD };

static const double MARK = 12345.5;
static double a[LD * LD], b[LD * LD], c[LD * LD], d[LD * LD], e[LD * LD];

static void random_fill(t_rng *rng, double *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        v[i] = t_between(rng, -1, 1);
}

/* Covariance of points on a line, with noise: well conditioned but not diagonal.  What no function may read
 * is NaN, if asked for. */
static void covariance(t_rng *rng, size_t n, size_t ld, int lower_only, double *m)
{
    double x[LD];
    random_fill(rng, x, n);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            double q = (x[i] - x[j]) * (x[i] - x[j]);
            m[i * ld + j] = lower_only && j > i ? (double)NAN : hpo_exp(-8 * q) + (i == j ? 0.05 : 0);
        }
}

static double lanes_dot(const double *x, const double *y, size_t n)
{
    double s[8] = {0};
    for (size_t i = 0; i < n; i++)
        s[i % 8] += x[i] * y[i];
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

static size_t naive_cholesky(double *m, size_t n, size_t ld)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) {
            double s = m[i * ld + j];
            for (size_t k = 0; k < j; k++)
                s -= m[i * ld + k] * m[j * ld + k];
            if (i != j)
                s *= 1 / m[j * ld + j];
            else if (s > 0 && s < HUGE_VAL)
                s = sqrt(s);
            else
                return i + 1;
            m[i * ld + j] = s;
        }
    return 0;
}

static void naive_solve(const double *l, size_t n, size_t ld, double *x)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++)
            x[i] -= l[i * ld + k] * x[k];
        x[i] *= 1 / l[i * ld + i];
    }
}

/* Rows of length n, one after the other. */
static void same_rows(const double *x, const double *y, size_t rows, size_t n, size_t ld)
{
    for (size_t i = 0; i < rows; i++)
        assert_same_doubles(x + i * ld, y + i * ld, n);
}

static void same_lower(const double *x, const double *y, size_t n, size_t ld)
{
    for (size_t i = 0; i < n; i++)
        assert_same_doubles(x + i * ld, y + i * ld, i + 1);
}

static void test_vectors(void **state)
{
    (void)state;
    t_rng rng = t_rng_create();
    for (size_t n = 0; n <= 70; n++) {
        random_fill(&rng, a, n + 1);
        random_fill(&rng, b, n + 1);
        double got = hpo_dot(a, b, n), want = lanes_dot(a, b, n);
        assert_same_doubles(&got, &want, 1);
        memcpy(c, b, (n + 1) * sizeof *c);
        memcpy(d, b, (n + 1) * sizeof *d);
        hpo_axpy(n, 0.7, a, c);
        for (size_t i = 0; i < n; i++)
            d[i] += 0.7 * a[i];
        assert_same_doubles(c, d, n + 1);
    }
    assert_true(hpo_dot(NULL, NULL, 0) == 0);
    a[3] = NAN;
    assert_true(isnan(hpo_dot(a, b, 9)));
}

static void test_gemv(void **state)
{
    (void)state;
    t_rng rng = t_rng_create();
    for (size_t p = 0; p < N_SIZES; p++) {
        for (size_t q = 0; q < N_SIZES; q++) {
            size_t m = sizes[p], n = sizes[q];
            double x[LD], y[LD], want[LD];
            random_fill(&rng, a, m * LD);
            random_fill(&rng, x, LD);
            y[m] = MARK;
            hpo_gemv(a, m, n, LD, x, y);
            for (size_t i = 0; i < m; i++)
                want[i] = lanes_dot(a + i * LD, x, n);
            assert_same_doubles(y, want, m);
            assert_true(y[m] == MARK);
            y[n] = MARK;
            hpo_gemv_t(a, m, n, LD, x, y);
            for (size_t j = 0; j < n; j++) {
                want[j] = 0;
                for (size_t i = 0; i < m; i++)
                    want[j] += a[i * LD + j] * x[i];
            }
            assert_same_doubles(y, want, n);
            assert_true(y[n] == MARK);
        }
    }
}

static void test_lower_products(void **state)
{
    (void)state;
    t_rng rng = t_rng_create();
    for (size_t p = 0; p < N_SIZES; p++) {
        size_t n = sizes[p];
        double x[LD], y[LD], z[LD], want[LD];
        random_fill(&rng, a, LD * LD);
        random_fill(&rng, x, LD);
        for (size_t i = 0; i < n; i++)
            for (size_t j = i + 1; j < LD; j++)
                a[i * LD + j] = (double)NAN; /* not read */
        y[n] = z[n] = MARK;
        hpo_lower_products(a, n, LD, x, y, z);
        for (size_t i = 0; i < n; i++)
            want[i] = lanes_dot(a + i * LD, x, i + 1);
        assert_same_doubles(y, want, n);
        for (size_t j = 0; j < n; j++) {
            want[j] = 0;
            for (size_t i = j; i < n; i++)
                want[j] += y[i] * a[i * LD + j];
        }
        assert_same_doubles(z, want, n);
        assert_true(y[n] == MARK && z[n] == MARK);
    }
}

static void check_gemm(t_rng *rng, size_t m, size_t n, size_t k)
{
    random_fill(rng, a, m * LD);
    random_fill(rng, b, n * LD);
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < LD; j++)
            c[i * LD + j] = d[i * LD + j] = MARK;
        for (size_t j = 0; j < n; j++) {
            double s = 0;
            for (size_t p = 0; p < k; p++)
                s += a[i * LD + p] * b[j * LD + p];
            d[i * LD + j] = s;
        }
    }
    hpo_gemm_nt(a, LD, b, LD, c, LD, m, n, k);
    same_rows(c, d, m, LD, LD); /* nothing is written beside */
}

static void test_gemm(void **state)
{
    (void)state;
    t_rng rng = t_rng_create();
    for (T_ROUNDS(round, 300))
        check_gemm(&rng, (size_t)t_int(&rng, 0, 40), (size_t)t_int(&rng, 0, 40), (size_t)t_int(&rng, 0, 40));
    for (size_t i = 0; i < N_SIZES; i++)
        check_gemm(&rng, sizes[i], sizes[N_SIZES - 1 - i], 150 + i);
    check_gemm(&rng, 200, 200, 200);
}

static void test_cholesky(void **state)
{
    (void)state;
    t_rng rng = t_rng_create();
    for (size_t p = 0; p < N_SIZES; p++) {
        size_t n = sizes[p];
        covariance(&rng, n, LD, 1, a);
        memcpy(b, a, sizeof b);
        memcpy(c, a, sizeof c);
        assert_int_equal(hpo_cholesky(b, n, LD), 0);
        assert_int_equal(naive_cholesky(c, n, LD), 0);
        same_rows(b, c, n, n, LD); /* the NaNs above the diagonal too */
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j <= i; j++)
                assert_near(lanes_dot(b + i * LD, b + j * LD, j + 1), a[i * LD + j], 1e-13, 1e-14);
        double logdet = 0;
        for (size_t i = 0; i < n; i++)
            logdet += 2 * hpo_log(b[i * LD + i]);
        assert_near(hpo_cholesky_logdet(b, n, LD), logdet, 1e-14, 0);
        /* the same factor row by row; the row may stand where the factor's row goes */
        for (size_t i = 0; i < n; i++) {
            if (i % 2 == 0) memcpy(d + i * LD, a + i * LD, (i + 1) * sizeof *d);
            assert_int_equal(hpo_cholesky_append(d, i, LD, i % 2 == 0 ? d + i * LD : a + i * LD), 0);
        }
        same_lower(d, b, n, LD);
    }
}

static void test_bad_pivots(void **state)
{
    (void)state;
    t_rng rng = t_rng_create();
    static const size_t places[] = {0, 1, 7, 31, 32, 40, 63, 64, 99};
    static const double bad[] = {-1, 0, NAN, HUGE_VAL, -HUGE_VAL};
    for (size_t p = 0; p < sizeof places / sizeof *places; p++) {
        for (size_t v = 0; v < 5; v++) {
            size_t n = 100, k = places[p];
            covariance(&rng, n, LD, 1, a);
            a[k * LD + k] = bad[v];
            memcpy(b, a, sizeof b);
            memcpy(c, a, sizeof c);
            assert_int_equal(hpo_cholesky(b, n, LD), k + 1);
            assert_int_equal(naive_cholesky(c, n, LD), k + 1);
            same_lower(b, c, k, LD); /* what is before it holds */
            assert_int_equal(hpo_cholesky_append(c, k, LD, a + k * LD), k + 1);
        }
    }
    /* a matrix of rank 1 */
    for (size_t i = 0; i < 9; i++)
        for (size_t j = 0; j < 9; j++)
            a[i * LD + j] = 1;
    assert_int_equal(hpo_cholesky(a, 9, LD), 2);
    for (size_t i = 0; i < 9; i++) /* an off-diagonal entry that is not a number shows up in its row */
        for (size_t j = 0; j < 9; j++)
            a[i * LD + j] = i == j ? 2 : i == 5 && j == 1 ? (double)NAN : 0;
    assert_int_equal(hpo_cholesky(a, 9, LD), 6);
}

static void test_solves(void **state)
{
    (void)state;
    t_rng rng = t_rng_create();
    for (size_t p = 0; p < N_SIZES; p++) {
        size_t n = sizes[p];
        double x[LD], y[LD], rhs[LD];
        covariance(&rng, n, LD, 0, a);
        memcpy(b, a, sizeof b);
        assert_int_equal(hpo_cholesky(b, n, LD), 0);
        for (size_t i = 0; i < n; i++)
            for (size_t j = i + 1; j < n; j++)
                b[i * LD + j] = NAN; /* never read */
        random_fill(&rng, rhs, LD);
        memcpy(x, rhs, sizeof x);
        memcpy(y, rhs, sizeof y);
        hpo_solve_lower(b, n, LD, x);
        naive_solve(b, n, LD, y);
        assert_same_doubles(x, y, LD);
        memcpy(x, rhs, sizeof x);
        memcpy(y, rhs, sizeof y);
        hpo_solve_lower_t(b, n, LD, x);
        for (size_t i = n; i-- > 0;) {
            for (size_t k = n; k-- > i + 1;)
                y[i] -= b[k * LD + i] * y[k];
            y[i] *= 1 / b[i * LD + i];
        }
        assert_same_doubles(x, y, LD);
        memcpy(x, rhs, sizeof x);
        hpo_cholesky_solve(b, n, LD, x);
        for (size_t i = 0; i < n; i++)
            assert_near(lanes_dot(a + i * LD, x, n), rhs[i], 1e-11, 1e-11);
        for (size_t m = 0; m <= 67; m = m < 12 ? m + 1 : m + 11) { /* many right-hand sides */
            random_fill(&rng, c, m * LD);
            memcpy(d, c, sizeof d);
            hpo_solve_lower_rows(b, n, LD, c, m, LD);
            for (size_t r = 0; r < m; r++)
                naive_solve(b, n, LD, d + r * LD);
            same_rows(c, d, m, LD, LD);
        }
    }
}

static void test_inverse(void **state)
{
    (void)state;
    t_rng rng = t_rng_create();
    for (size_t p = 0; p < N_SIZES; p++) {
        size_t n = sizes[p];
        covariance(&rng, n, LD, 0, a);
        memcpy(b, a, sizeof b);
        assert_int_equal(hpo_cholesky(b, n, LD), 0);
        for (size_t i = 0; i < n; i++)
            for (size_t j = i + 1; j < n; j++)
                b[i * LD + j] = NAN;
        for (size_t i = 0; i < LD * LD; i++)
            c[i] = d[i] = e[i] = MARK;
        hpo_cholesky_inverse(b, n, LD, c, d, LD);
        hpo_cholesky_inverse(b, n, LD, e, NULL, LD);
        same_rows(c, e, LD, LD, LD);
        for (size_t i = 0; i < LD * LD; i++)
            e[i] = MARK;
        static double work[LD * LD];
        hpo_lower_inverse(b, n, LD, e, LD, work);
        for (size_t i = 0; i < n; i++) {
            same_rows(e + i * LD, d + i * LD, 1, i + 1, LD);
            for (size_t j = i + 1; j < LD; j++)
                assert_true(e[i * LD + j] == MARK);
        }
        for (size_t i = 0; i < n; i++) {
            assert_true(c[i * LD + n] == MARK && d[i * LD + n] == MARK);
            for (size_t j = 0; j < n; j++) {
                assert_near(lanes_dot(a + i * LD, c + j * LD, n), i == j ? 1 : 0, 0, 1e-11);
                assert_true(c[i * LD + j] == c[j * LD + i]);
                double s = 0; /* L times its inverse */
                for (size_t k = 0; k <= i; k++)
                    s += b[i * LD + k] * d[k * LD + j];
                assert_near(s, i == j ? 1 : 0, 0, 1e-12);
                if (j > i) assert_true(d[i * LD + j] == 0);
            }
        }
    }
}

static void test_updates(void **state)
{
    (void)state;
    t_rng rng = t_rng_create();
    for (size_t p = 0; p < N_SIZES; p++) {
        size_t n = sizes[p];
        double x[LD], work[LD];
        covariance(&rng, n, LD, 0, a);
        memcpy(b, a, sizeof b);
        assert_int_equal(hpo_cholesky(b, n, LD), 0);
        memcpy(c, b, sizeof c);
        random_fill(&rng, x, LD);
        memcpy(work, x, sizeof work);
        hpo_cholesky_update(c, n, LD, work);
        memcpy(d, a, sizeof d);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j <= i; j++)
                d[i * LD + j] += x[i] * x[j];
        assert_int_equal(naive_cholesky(d, n, LD), 0);
        for (size_t i = 0; i < n; i++)
            assert_matrix_near(c + i * LD, d + i * LD, 1, i + 1, 1e-12, 1e-12);
        memcpy(work, x, sizeof work);
        assert_int_equal(hpo_cholesky_downdate(c, n, LD, work), 0);
        for (size_t i = 0; i < n; i++)
            assert_matrix_near(c + i * LD, b + i * LD, 1, i + 1, 1e-10, 1e-10);
        if (n == 0) continue;
        /* a downdate that leaves nothing: A - (row of L) twice over */
        memset(work, 0, sizeof work);
        work[n / 2] = 3;
        assert_int_equal(hpo_cholesky_downdate(c, n, LD, work), n / 2 + 1);
        /* zero vector: nothing changes */
        memcpy(c, b, sizeof c);
        memset(work, 0, sizeof work);
        hpo_cholesky_update(c, n, LD, work);
        same_lower(c, b, n, LD);
    }
}

static void test_remove(void **state)
{
    (void)state;
    t_rng rng = t_rng_create();
    for (size_t p = 0; p < N_SIZES; p++) {
        size_t n = sizes[p];
        double work[LD];
        if (n == 0) continue;
        covariance(&rng, n, LD, 0, a);
        memcpy(b, a, sizeof b);
        assert_int_equal(hpo_cholesky(b, n, LD), 0);
        size_t places[] = {0, n / 3, n / 2, n - 1};
        for (size_t q = 0; q < 4; q++) {
            size_t k = places[q];
            memcpy(c, b, sizeof c);
            hpo_cholesky_remove(c, n, LD, k, work);
            for (size_t i = 0; i < n - 1; i++)
                for (size_t j = 0; j <= i; j++)
                    d[i * LD + j] = a[(i + (i >= k)) * LD + j + (j >= k)];
            assert_int_equal(naive_cholesky(d, n - 1, LD), 0);
            for (size_t i = 0; i < n - 1; i++)
                assert_matrix_near(c + i * LD, d + i * LD, 1, i + 1, 1e-12, 1e-12);
            same_lower(c, d, k, LD); /* the rows before stay what they were */
        }
    }
}

/* ---- eigenvalues ---- */

/* A v = lambda v, orthonormal rows, ascending values. */
static void check_eigen(const double *m, size_t n, const double *values, const double *v)
{
    double norm = 1e-300;
    for (size_t i = 0; i < n * LD; i++)
        if (i % LD < n) norm = fmax(norm, fabs(m[i]));
    for (size_t i = 0; i < n; i++) {
        if (i > 0) assert_true(values[i - 1] <= values[i]);
        for (size_t j = 0; j < n; j++) {
            assert_near(lanes_dot(v + i * n, v + j * n, n), i == j ? 1 : 0, 0, 1e-13 * (double)n);
            assert_near(lanes_dot(m + j * LD, v + i * n, n) / norm, values[i] * v[i * n + j] / norm, 0,
                        1e-14 * (double)n);
        }
    }
}

static void test_eigen(void **state)
{
    (void)state;
    t_rng rng = t_rng_create();
    double values[LD], work[LD];
    for (size_t p = 0; p < N_SIZES; p++) {
        size_t n = sizes[p];
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j <= i; j++)
                a[i * LD + j] = a[j * LD + i] = t_between(&rng, -1, 1);
        memcpy(b, a, sizeof b);
        assert_int_equal(hpo_symmetric_eigen(b, n, LD, values, c, work), 0);
        check_eigen(a, n, values, c);
        /* second difference matrix: 2 - 2 cos(k pi / (n + 1)) */
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++)
                a[i * LD + j] = i == j ? 2 : i + 1 == j || j + 1 == i ? -1 : 0;
        memcpy(b, a, sizeof b);
        assert_int_equal(hpo_symmetric_eigen(b, n, LD, values, c, work), 0);
        check_eigen(a, n, values, c);
        for (size_t i = 0; i < n; i++)
            assert_near(values[i], 2 - 2 * hpo_cos((double)(i + 1) * 3.141592653589793 / (double)(n + 1)), 0,
                        1e-14 * (double)(n + 4));
        /* ones: n and n - 1 zeros; the vector of n is constant */
        for (size_t i = 0; i < n * LD; i++)
            a[i] = 1;
        memcpy(b, a, sizeof b);
        assert_int_equal(hpo_symmetric_eigen(b, n, LD, values, c, work), 0);
        check_eigen(a, n, values, c);
        if (n > 0) assert_near(values[n - 1], (double)n, 1e-13, 0);
        /* zero, and a diagonal, which comes back sorted */
        for (size_t i = 0; i < n * LD; i++)
            a[i] = 0;
        memcpy(b, a, sizeof b);
        assert_int_equal(hpo_symmetric_eigen(b, n, LD, values, c, work), 0);
        check_eigen(a, n, values, c);
        for (size_t i = 0; i < n; i++)
            b[i * LD + i] = (double)(i * 7 % n) - 3;
        assert_int_equal(hpo_symmetric_eigen(b, n, LD, values, c, work), 0);
        for (size_t i = 1; i < n; i++)
            assert_true(values[i - 1] <= values[i]);
    }
    /* only the lower triangle is read; graded matrices; scales near the ends of the range */
    for (int scale = -280; scale <= 280; scale += 140) {
        double f = hpo_pow(10, scale);
        for (size_t i = 0; i < 20; i++)
            for (size_t j = 0; j < 20; j++)
                a[i * LD + j] = f * hpo_exp(-(double)(i + j)) * (i == j ? 2 : 1);
        memcpy(b, a, sizeof b);
        for (size_t i = 0; i < 20; i++)
            for (size_t j = i + 1; j < 20; j++)
                b[i * LD + j] = NAN;
        assert_int_equal(hpo_symmetric_eigen(b, 20, LD, values, c, work), 0);
        check_eigen(a, 20, values, c);
    }
    a[LD] = NAN;
    assert_int_equal(hpo_symmetric_eigen(a, 2, LD, values, c, work), 1);
}

/* ---- elementwise ---- */

typedef struct pair {
    double (*one)(double);
    void (*many)(const double *, size_t, double *);
} pair;

static double root(double x)
{
    return sqrt(x);
}

static void check_array(const pair *f, const double *x, size_t n)
{
    static double want[2000], got[2000];
    for (size_t i = 0; i < n; i++)
        want[i] = f->one(x[i]);
    got[n] = MARK;
    f->many(x, n, got);
    assert_same_doubles(got, want, n);
    assert_true(got[n] == MARK);
    memcpy(got, x, n * sizeof *got);
    f->many(got, n, got); /* in place */
    assert_same_doubles(got, want, n);
}

static void test_arrays(void **state)
{
    (void)state;
    static const pair functions[] = {{hpo_exp, hpo_exp_n}, {hpo_log, hpo_log_n}, {root, hpo_sqrt_n}};
    static const double corners[] = {
        0,      -0.0,    1,       707,       -707,      708.5,    -708.5,
        709.79, -745.14, -746,    1e300,     -1e300,    5e-324,   2.2250738585072014e-308,
        1e-310, 0.707,   1.41421, 706.99999, -706.9999, 1.797e308};
    static double x[2000];
    t_rng rng = t_rng_create();
    for (size_t f = 0; f < 3; f++) {
        for (T_ROUNDS(round, 100)) {
            size_t n = (size_t)t_int(&rng, 0, round % 4 == 0 ? 1999 : 140);
            for (size_t i = 0; i < n; i++) {
                double u = t_between(&rng, -1, 1);
                if (f == 0)
                    x[i] = round % 3 == 0 ? u : round % 3 == 1 ? 700 * u : 760 * u;
                else
                    x[i] = round % 3 == 0 ? 1 + 0.99 * u : round % 3 == 1 ? hpo_exp(700 * u) : u;
            }
            check_array(&functions[f], x, n);
            for (size_t i = 0; i < n; i++)
                x[i] = t_odd_double(&rng);
            check_array(&functions[f], x, n);
        }
        size_t n = sizeof corners / sizeof *corners;
        check_array(&functions[f], corners, n);
        for (size_t i = 0; i < n; i++) { /* each alone, so that the fast way is not closed by the others */
            for (size_t j = 0; j < 64; j++)
                x[j] = corners[i];
            check_array(&functions[f], x, 64);
        }
        for (size_t at = 0; at < 130; at++) { /* a stranger among ordinary ones */
            for (size_t j = 0; j < 130; j++)
                x[j] = 0.5 + 0.01 * (double)j;
            x[at] = at % 3 == 0 ? (double)NAN : at % 3 == 1 ? HUGE_VAL : -HUGE_VAL;
            check_array(&functions[f], x, 130);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),        cmocka_unit_test(test_gemv),
        cmocka_unit_test(test_lower_products), cmocka_unit_test(test_gemm),
        cmocka_unit_test(test_cholesky),       cmocka_unit_test(test_bad_pivots),
        cmocka_unit_test(test_solves),         cmocka_unit_test(test_inverse),
        cmocka_unit_test(test_updates),        cmocka_unit_test(test_remove),
        cmocka_unit_test(test_eigen),          cmocka_unit_test(test_arrays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
