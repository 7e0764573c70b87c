/* SPDX-License-Identifier: Apache-2.0 */
/* Output transforms: closed forms, the likelihood's maximum by brute force, round trips, order, slopes,
 * means, and data that no model should choke on. */
#include "t.h"

#include "math/dist.h"
#include "model/transform.h"
#include <float.h>

enum { N = 60 };

static void fit(hpo_transform *t, hpo_transform_kind kind, const double *y, size_t n)
{
    double *scratch = malloc((3 * n + 1) * sizeof *scratch);
    assert_non_null(scratch);
    hpo_transform_fit(t, kind, y, n, scratch);
    free(scratch);
}

/* Data of several sorts: bell, heavy right tail, decades, ties, both signs. */
enum { SORTS = 6 };
static void data(int sort, t_rng *r, double *y, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double z = hpo_normal_quantile(t_between(r, 0.001, 0.999));
        switch (sort) {
        case 0:
            y[i] = 5 + 2 * z;
            break;
        case 1:
            y[i] = exp(1.5 * z);
            break;
        case 2:
            y[i] = pow(10, 3 * z) - 5;
            break;
        case 3:
            y[i] = floor(z * 2);
            break;
        case 4:
            y[i] = -exp(z) * 1e-9;
            break;
        default:
            y[i] = i < 3 ? 1e6 * (1 + z * z) : z;
        }
    }
}

static void test_standard(void **state)
{
    (void)state;
    double y[] = {1, 2, NAN, 3, 6, INFINITY};
    hpo_transform t;
    fit(&t, HPO_TRANSFORM_STANDARD, y, 6);
    /* mean 3, population variance (4 + 1 + 0 + 9) / 4 */
    assert_near(hpo_transform_apply(&t, 3), 0, 0, 1e-15);
    assert_near(hpo_transform_apply(&t, 6), 3 / sqrt(3.5), 1e-14, 0);
    assert_near(hpo_transform_invert(&t, -1), 3 - sqrt(3.5), 1e-14, 0);
    assert_near(hpo_transform_slope(&t, 100), 1 / sqrt(3.5) / (1 + (97 / sqrt(3.5) - 3 / sqrt(3.5) - 3)),
                1e-13, 0);
    assert_near(hpo_transform_slope(&t, 2), 1 / sqrt(3.5), 1e-14, 0);
    assert_near(hpo_transform_mean(&t, 0.25, 4), 3 + 0.25 * sqrt(3.5), 1e-14, 0);
    assert_near(hpo_transform_sd(&t, 0.25, 0.36), 0.6 * sqrt(3.5), 1e-14, 0);
}

/* Yeo & Johnson (2000), equation 2.1. */
static double yeo_johnson(double l, double x)
{
    if (x >= 0) return l == 0 ? log1p(x) : (pow(1 + x, l) - 1) / l;
    return l == 2 ? -log1p(-x) : -(pow(1 - x, 2 - l) - 1) / (2 - l);
}

static void standardise(double *x, size_t n)
{
    double mean = 0, var = 0;
    for (size_t i = 0; i < n; i++)
        mean += x[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        var += (x[i] - mean) * (x[i] - mean) / (double)n;
    for (size_t i = 0; i < n; i++)
        x[i] = (x[i] - mean) / sqrt(var);
}

static double likelihood(double l, const double *s, size_t n)
{
    double mean = 0, var = 0, jacobian = 0;
    for (size_t i = 0; i < n; i++)
        mean += yeo_johnson(l, s[i]) / (double)n;
    for (size_t i = 0; i < n; i++) {
        double d = yeo_johnson(l, s[i]) - mean;
        var += d * d / (double)n;
        jacobian += (s[i] >= 0 ? 1 : -1) * log(1 + fabs(s[i]));
    }
    return -0.5 * (double)n * log(var) + (l - 1) * jacobian;
}

static void test_yeo_johnson(void **state)
{
    (void)state;
    static const double lambdas[] = {-2, -0.5, 0, 0.5, 1, 1.5, 2, 2.5, 4, 1e-9};
    hpo_transform t = {
        .kind = HPO_TRANSFORM_YEO_JOHNSON, .scale = 1, .sd = 1, .z_min = -1e300, .z_max = 1e300};
    for (size_t i = 0; i < sizeof lambdas / sizeof *lambdas; i++) {
        t.lambda = lambdas[i];
        double reference = lambdas[i] == 1e-9 ? 0 : lambdas[i];
        for (double x = -6; x < 6; x += 0.37) {
            assert_near(hpo_transform_apply(&t, x), yeo_johnson(reference, x), 1e-8, 1e-15);
            if (lambdas[i] != 1e-9)
                assert_near(hpo_transform_apply(&t, x), yeo_johnson(reference, x), 1e-13, 1e-15);
        }
    }
}

static void test_likelihood(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    double y[N], s[N];
    for (int sort = 0; sort < SORTS; sort++)
        for (size_t n = 5; n <= N; n += 11) {
            hpo_transform t;
            data(sort, &r, y, n);
            fit(&t, HPO_TRANSFORM_YEO_JOHNSON, y, n);
            memcpy(s, y, n * sizeof *s);
            standardise(s, n);
            double best = -INFINITY, at = 0;
            for (int i = 0; i <= 3000; i++) {
                double l = -2 + i / 1000.0, v = likelihood(l, s, n);
                if (v > best) {
                    best = v;
                    at = l;
                }
            }
            assert_true(t.lambda >= -2 && t.lambda <= 1);
            /* the maximum, and where it is unless the top is flat */
            assert_true(likelihood(t.lambda, s, n) > best - 1e-6 * (1 + fabs(best)));
            double near_by = likelihood(at > 0 ? at - 0.1 : at + 0.1, s, n);
            if (near_by < best - 0.01) assert_near(t.lambda, at, 0, 0.01);
        }
    /* data that are Yeo-Johnson of a normal have nearly that lambda */
    static double big[4000];
    for (size_t i = 0; i < 4000; i++)
        big[i] = exp(hpo_normal_quantile(((double)i + 0.5) / 4000)); /* log-normal: concave, lambda below 0 */
    hpo_transform t;
    fit(&t, HPO_TRANSFORM_YEO_JOHNSON, big, 4000);
    assert_true(t.lambda < 0);
    for (size_t i = 0; i < 4000; i++)
        big[i] = hpo_normal_quantile(((double)i + 0.5) / 4000);
    fit(&t, HPO_TRANSFORM_YEO_JOHNSON, big, 4000);
    assert_near(t.lambda, 1, 0, 1e-3);
}

static void test_standardised(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    double y[N];
    for (int kind = 0; kind <= HPO_TRANSFORM_AUTO; kind++)
        for (int sort = 0; sort < SORTS; sort++) {
            hpo_transform t;
            double mean = 0, var = 0;
            data(sort, &r, y, N);
            fit(&t, (hpo_transform_kind)kind, y, N);
            for (size_t i = 0; i < N; i++)
                mean += hpo_transform_apply(&t, y[i]) / N;
            for (size_t i = 0; i < N; i++)
                var += pow(hpo_transform_apply(&t, y[i]) - mean, 2) / N;
            assert_near(mean, 0, 0, 1e-9);
            assert_near(var, 1, 1e-9, 0);
        }
}

/* Increasing, inverse, slope: inside the data, between and beyond. */
static void test_map(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    double y[N];
    for (int kind = 0; kind <= HPO_TRANSFORM_AUTO; kind++)
        for (int sort = 0; sort < SORTS; sort++) {
            hpo_transform t;
            data(sort, &r, y, N);
            fit(&t, (hpo_transform_kind)kind, y, N);
            double before = -INFINITY, range = t.y_max - t.y_min, h = 1e-5 * range;
            for (double part = -2; part < 3; part += 0.00917) {
                double x = t.y_min + part * range, z = hpo_transform_apply(&t, x);
                assert_true(isfinite(z) && z >= before);
                if (part < 1.5) assert_true(z > before);
                before = z;
                double slope = hpo_transform_slope(&t, x);
                assert_true(slope > 0 && isfinite(slope));
                double back = hpo_transform_invert(&t, z);
                /* as well as the slope lets z hold it */
                assert_near(back, x, 1e-9, 1e-11 * range + 1e-13 * (1 + fabs(z)) / slope);
                double up = hpo_transform_apply(&t, x + h), down = hpo_transform_apply(&t, x - h);
                /* kinks: one-sided slopes differ, and so does the difference quotient */
                double a = hpo_transform_slope(&t, x - h), b = hpo_transform_slope(&t, x + h);
                if (fabs(a - b) < 1e-3 * (a + b))
                    assert_near((up - down) / (2 * h), slope, 2e-3, 1e-8 / range);
            }
            assert_true(hpo_transform_apply(&t, 1e300) > hpo_transform_apply(&t, t.y_max));
            assert_true(hpo_transform_apply(&t, -1e300) < hpo_transform_apply(&t, t.y_min));
        }
}

/* Far observations told after the fit stay moderate. */
static void test_tails(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    double y[N];
    for (int kind = 0; kind <= HPO_TRANSFORM_AUTO; kind++)
        for (int sort = 0; sort < SORTS; sort++) {
            static const double far[] = {1e6, 1e20, 1e300, DBL_MAX, INFINITY};
            hpo_transform t;
            data(sort, &r, y, N);
            fit(&t, (hpo_transform_kind)kind, y, N);
            for (size_t i = 0; i < 5; i++)
                for (int sign = -1; sign <= 1; sign += 2) {
                    double z = hpo_transform_apply(&t, sign * far[i]), v = hpo_transform_invert(&t, z);
                    double slope = hpo_transform_slope(&t, sign * far[i]);
                    assert_true(fabs(z) < 3000);
                    assert_true(isfinite(v));
                    assert_true(slope >= 0 && !isnan(slope));
                }
            assert_true(isnan(hpo_transform_apply(&t, NAN)));
            for (double z = -1e3; z <= 1e3; z += 50) {
                assert_true(isfinite(hpo_transform_invert(&t, z)));
                assert_true(isfinite(hpo_transform_mean(&t, z, 10)));
            }
        }
}

/* Where a shape flattens it goes on as its tangent: no image without a value, no mean that a tail decides. */
static void test_ends(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    double y[N];
    for (int kind = 0; kind <= HPO_TRANSFORM_AUTO; kind++)
        for (int sort = 0; sort < SORTS; sort++) {
            hpo_transform t;
            data(sort, &r, y, N);
            fit(&t, (hpo_transform_kind)kind, y, N);
            double range = t.y_max - t.y_min, z[2] = {t.z_min, t.z_max};
            for (int end = 0; end < 2; end++) {
                double slope = end ? t.slope_high : t.slope_low, at = end ? t.y_max : t.y_min;
                double out = end ? 1 : -1;
                assert_near(hpo_transform_apply(&t, hpo_transform_invert(&t, z[end] - 0.5 * out)),
                            z[end] - 0.5 * out, 1e-9, 1e-9);
                if (!(slope > 0)) continue;
                double h = 1e-3 / slope; /* a straight line, as steep as the shape was */
                double one = hpo_transform_apply(&t, at + out * h) - hpo_transform_apply(&t, at);
                double two =
                    hpo_transform_apply(&t, at + 2 * out * h) - hpo_transform_apply(&t, at + out * h);
                assert_near(one, out * 1e-3, 1e-6, 1e-9);
                assert_near(two, out * 1e-3, 1e-6, 1e-9);
                assert_near(hpo_transform_slope(&t, at + out * h), slope, 1e-12, 0);
                assert_near(hpo_transform_invert(&t, hpo_transform_apply(&t, at + out * h)), at + out * h,
                            1e-9, 1e-9 * range);
            }
        }
    /* most on a plateau, few good: the good end is not pressed together */
    for (size_t i = 0; i < N; i++)
        y[i] = i < 3 ? 0.2 + 0.3 * (double)i : 2.3 + 0.1 * t_uniform(&r);
    hpo_transform t;
    fit(&t, HPO_TRANSFORM_AUTO, y, N);
    double low = hpo_transform_apply(&t, 0.2);
    assert_true(hpo_transform_slope(&t, 0.2) >= hpo_transform_slope(&t, 2.3));
    assert_true(hpo_transform_mean(&t, low, 0.25) > 0.2 - 1 && hpo_transform_mean(&t, low, 0.25) < 0.2 + 1);
}

/* Song et al. 2024: m - g Phi^-1((r - 1/2) / (2 D)). */
static void test_half_rank(void **state)
{
    (void)state;
    double y[] = {0, 1, 2, 5, 100, 100, 1e9};
    hpo_transform t;
    fit(&t, HPO_TRANSFORM_HALF_RANK, y, 7);
    /* median 5, observed: D = 2 + 1/2; g^2 over y <= 5: (25 + 16 + 9 + 0) / 4 */
    double g = sqrt(12.5);
    assert_near(t.median, 5, 0, 0);
    assert_int_equal(t.n_knots, 3);
    assert_near(t.knot_z[0], 5, 1e-15, 0);
    assert_near(t.knot_z[1], 5 - g * hpo_normal_quantile(1.5 / 5), 1e-14, 0);
    assert_near(t.knot_z[2], 5 - g * hpo_normal_quantile(0.5 / 5), 1e-14, 0);
    /* better than the median: their distances stay in proportion before Yeo-Johnson */
    t.lambda = 1;
    double a = hpo_transform_apply(&t, 0), b = hpo_transform_apply(&t, 2), c = hpo_transform_apply(&t, 5);
    assert_near((b - a) / (c - b), 2.0 / 3, 1e-12, 0);
    /* nothing below the median: the least worse value stays where it is */
    double flat[] = {3, 3, 3, 3, 4, 50, 6000};
    fit(&t, HPO_TRANSFORM_HALF_RANK, flat, 7);
    assert_near(t.knot_z[1], 4, 1e-14, 0);
    assert_true(t.knot_z[3] > t.knot_z[2] && t.knot_z[3] < 20);
}

static void test_auto(void **state)
{
    (void)state;
    double y[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    hpo_transform t;
    fit(&t, HPO_TRANSFORM_AUTO, y, 10);
    assert_int_equal(t.kind, HPO_TRANSFORM_YEO_JOHNSON);
    y[9] = 4.5 + 20 * 4.5 - 1; /* median 4.5, least 0 */
    fit(&t, HPO_TRANSFORM_AUTO, y, 10);
    assert_int_equal(t.kind, HPO_TRANSFORM_YEO_JOHNSON);
    y[9] += 2;
    fit(&t, HPO_TRANSFORM_AUTO, y, 10);
    assert_int_equal(t.kind, HPO_TRANSFORM_HALF_RANK);
    /* one divergent trial does not squeeze the others into a point */
    y[9] = 1e30;
    fit(&t, HPO_TRANSFORM_AUTO, y, 10);
    assert_true(hpo_transform_apply(&t, 1) - hpo_transform_apply(&t, 0) > 0.1);
}

static void test_log(void **state)
{
    (void)state;
    double y[] = {1e-6, 1e-4, 1e-2, 1, 100};
    hpo_transform t;
    fit(&t, HPO_TRANSFORM_LOG, y, 5);
    double sd = log(100) * sqrt(2); /* -2 -1 0 1 2 decades of 100 */
    for (size_t i = 0; i < 5; i++)
        assert_near(hpo_transform_apply(&t, y[i]), ((double)i - 2) * log(100) / sd, 1e-12, 1e-13);
    assert_true(hpo_transform_apply(&t, 0) < hpo_transform_apply(&t, 1e-9));
    double mixed[] = {-3, -2, 0, 10, 1000};
    fit(&t, HPO_TRANSFORM_LOG, mixed, 5);
    /* low - (median - low) / 10 */
    double zero = hpo_transform_apply(&t, -3), one = hpo_transform_apply(&t, -2),
           ten = hpo_transform_apply(&t, 10);
    assert_near((one - zero) / (ten - zero), log(1.3 / 0.3) / log(13.3 / 0.3), 1e-12, 0);
}

static void test_bilog(void **state)
{
    (void)state;
    double y[] = {-4, -1, 0, 1, 4};
    hpo_transform t;
    fit(&t, HPO_TRANSFORM_BILOG, y, 5);
    double s = sqrt(34.0 / 5), a = hpo_transform_apply(&t, 1), b = hpo_transform_apply(&t, 4);
    assert_near(a / b, log1p(1 / s) / log1p(4 / s), 1e-13, 0);
    assert_near(hpo_transform_apply(&t, -4), -b, 1e-14, 0);
}

/* Constants, nothing, one, two points, failures, extremes: always finite, always increasing. */
static void test_odd_data(void **state)
{
    (void)state;
    static const double sets[][6] = {{0, 0, 0, 0, 0, 0},
                                     {7, 7, 7, 7, 7, 7},
                                     {NAN, NAN, NAN, NAN, NAN, NAN},
                                     {NAN, 3, NAN, NAN, NAN, NAN},
                                     {1, 2, NAN, NAN, NAN, NAN},
                                     {1e300, -1e300, 0, 1, 2, 3},
                                     {DBL_MAX, -DBL_MAX, 0, 1, 2, DBL_MAX},
                                     {5e-324, 0, 1e-320, 0, 0, 0},
                                     {1, 1 + DBL_EPSILON, 1, 1, 1, 1},
                                     {1e300, 1, 1, 1, 1, 1},
                                     {1e15, 1e15 + 1, 1e15 + 2, 1e15, 1e15, 1e15},
                                     {INFINITY, 1, 2, -INFINITY, 3, 4},
                                     {DBL_MAX, DBL_MAX / 2, 1, 2, 3, 4},
                                     {-DBL_MAX, 1, 2, 3, 4, 5},
                                     {0, 1, 1, 1, 1, 1}};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        for (size_t n = 0; n <= 6; n++)
            for (int kind = 0; kind <= HPO_TRANSFORM_AUTO; kind++) {
                hpo_transform t;
                fit(&t, (hpo_transform_kind)kind, sets[i], n);
                for (size_t j = 0; j < n; j++) {
                    if (!isfinite(sets[i][j])) continue;
                    double z = hpo_transform_apply(&t, sets[i][j]);
                    if (!(fabs(z) < 10) || !isfinite(hpo_transform_invert(&t, z)) ||
                        !isfinite(hpo_transform_mean(&t, z, 0.5)) ||
                        !(hpo_transform_slope(&t, sets[i][j]) >= 0))
                        fail_msg("set %zu, n %zu, kind %d, y %g: z %g, back %g, mean %g, slope %g", i, n,
                                 kind, sets[i][j], z, hpo_transform_invert(&t, z),
                                 hpo_transform_mean(&t, z, 0.5), hpo_transform_slope(&t, sets[i][j]));
                    for (size_t k = 0; k < n; k++)
                        if (sets[i][k] < sets[i][j]) assert_true(hpo_transform_apply(&t, sets[i][k]) <= z);
                }
            }
    hpo_transform t;
    double same[] = {7, 7, 7};
    fit(&t, HPO_TRANSFORM_AUTO, same, 3);
    assert_near(hpo_transform_apply(&t, 9), 2, 0, 0);
    assert_near(hpo_transform_invert(&t, -1), 6, 0, 0);
}

/* The mean: of a log-normal in closed form, and by quadrature with many points elsewhere. */
static void test_mean(void **state)
{
    (void)state;
    double y[] = {0.01, 0.1, 1, 10, 100};
    hpo_transform t;
    fit(&t, HPO_TRANSFORM_LOG, y, 5);
    double unit = t.sd;
    for (double sd = 0; sd < 0.25; sd += 0.05) {
        assert_near(hpo_transform_mean(&t, 0, sd * sd), exp(unit * unit * sd * sd / 2), 1e-7, 0);
        assert_near(hpo_transform_sd(&t, 0, sd * sd), sinh(unit * sd), 1e-13, 1e-15);
    }
    t_rng r = t_rng_create();
    double v[N];
    for (int kind = 0; kind < HPO_TRANSFORM_AUTO; kind++) {
        data(1, &r, v, N);
        fit(&t, (hpo_transform_kind)kind, v, N);
        double sum = 0, reach = 3 * (t.y_max - t.y_min);
        for (size_t i = 0; i < 20000; i++) {
            double z = hpo_normal_quantile(((double)i + 0.5) / 20000),
                   at = hpo_transform_invert(&t, -0.3 + 0.3 * z);
            sum += fmin(fmax(at, t.y_min - reach), t.y_max + reach) / 20000;
        }
        assert_near(hpo_transform_mean(&t, -0.3, 0.09), sum, kind == HPO_TRANSFORM_HALF_RANK ? 0.03 : 1e-3,
                    0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_standard),   cmocka_unit_test(test_yeo_johnson),
        cmocka_unit_test(test_likelihood), cmocka_unit_test(test_standardised),
        cmocka_unit_test(test_map),        cmocka_unit_test(test_tails),
        cmocka_unit_test(test_half_rank),  cmocka_unit_test(test_auto),
        cmocka_unit_test(test_log),        cmocka_unit_test(test_bilog),
        cmocka_unit_test(test_odd_data),   cmocka_unit_test(test_mean),
        cmocka_unit_test(test_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
