/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics of comparisons against published worked examples, closed forms and brute force. */
#include "bench/statistics.h"

#include "math/dist.h"
#include "t.h"

/* ---- Wilcoxon ---- */

/* Two-sided p over all 2^n assignments of signs to the given ranks. */
static double enumerate(const double *rank, size_t n, double smaller)
{
    size_t below = 0;
    for (size_t pattern = 0; pattern < (size_t)1 << n; pattern++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            if (pattern >> i & 1) sum += rank[i];
        below += sum <= smaller;
    }
    return fmin(1, 2 * (double)below / (double)((size_t)1 << n));
}

static void test_wilcoxon_small(void **state)
{
    (void)state;
    hpo_error err;
    hpo_wilcoxon_result w;
    double ranks[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    for (size_t n = 1; n <= 10; n++)
        for (size_t negative = 0; negative < (size_t)1 << n; negative += n < 6 ? 1 : 37) {
            double d[10];
            for (size_t i = 0; i < n; i++)
                d[i] = (negative >> i & 1) ? -ranks[i] * 0.5 : ranks[i] * 0.5;
            assert_ok(hpo_wilcoxon(d, n, HPO_ZEROS_PRATT, &w, &err), err);
            assert_true(w.exact);
            assert_near(w.plus + w.minus, (double)(n * (n + 1)) / 2, 0, 0);
            assert_near(w.p, enumerate(ranks, n, fmin(w.plus, w.minus)), 1e-15, 0);
        }
}

static void test_wilcoxon_ties(void **state)
{
    (void)state;
    hpo_error err;
    hpo_wilcoxon_result w;
    /* |d| 1 1 1 2 3 3 4 -> ranks 2 2 2 4 5.5 5.5 7 */
    const double d[] = {1, -1, 1, 2, -3, 3, 4};
    const double ranks[] = {2, 2, 2, 4, 5.5, 5.5, 7};
    assert_ok(hpo_wilcoxon(d, 7, HPO_ZEROS_PRATT, &w, &err), err);
    assert_near(w.minus, 7.5, 0, 0);
    assert_near(w.plus, 20.5, 0, 0);
    assert_near(w.p, enumerate(ranks, 7, 7.5), 1e-15, 0);
}

static void test_wilcoxon_zeros(void **state)
{
    (void)state;
    hpo_error err;
    hpo_wilcoxon_result w;
    const double d[] = {0, 3, -1, 0, 2, 5, -4};
    /* ranked with the zeros: 1.5 5 3 1.5 4 7 6; without: 3 1 2 5 4 */
    const double with[] = {5, 3, 4, 7, 6};
    const double without[] = {3, 1, 2, 5, 4};
    assert_ok(hpo_wilcoxon(d, 7, HPO_ZEROS_PRATT, &w, &err), err);
    assert_near(w.plus, 16, 0, 0);
    assert_near(w.minus, 9, 0, 0);
    assert_near(w.p, enumerate(with, 5, 9), 1e-15, 0);
    assert_int_equal(w.n_zero, 2);
    assert_ok(hpo_wilcoxon(d, 7, HPO_ZEROS_SPLIT, &w, &err), err);
    assert_near(w.plus, 17.5, 0, 0);
    assert_near(w.minus, 10.5, 0, 0);
    assert_near(w.p, enumerate(with, 5, 9), 1e-15, 0);
    assert_ok(hpo_wilcoxon(d, 7, HPO_ZEROS_DROP, &w, &err), err);
    assert_near(w.plus, 10, 0, 0);
    assert_near(w.minus, 5, 0, 0);
    assert_near(w.p, enumerate(without, 5, 5), 1e-15, 0);
    const double none[] = {0, 0, 0};
    assert_ok(hpo_wilcoxon(none, 3, HPO_ZEROS_PRATT, &w, &err), err);
    assert_near(w.p, 1, 0, 0);
    const double bad[] = {1, NAN};
    assert_fails(hpo_wilcoxon(bad, 2, HPO_ZEROS_PRATT, &w, &err), HPO_EINVAL, err, "difference 1");
}

/* Infinite differences (one method has nothing to recommend) are the largest ones, tied with each other. */
static void test_wilcoxon_infinite(void **state)
{
    (void)state;
    hpo_error err;
    hpo_wilcoxon_result w;
    const double d[] = {INFINITY, INFINITY, -1, 2};
    assert_ok(hpo_wilcoxon(d, 4, HPO_ZEROS_PRATT, &w, &err), err);
    assert_near(w.plus, 9, 0, 0);
    assert_near(w.minus, 1, 0, 0);
}

/* Darwin's Zea mays: heights of cross- and self-fertilised plants (in Fisher, The Design of Experiments,
 * 1935); the sum of the negative ranks is 24, two-sided exact p 0.04126. */
static void test_wilcoxon_darwin(void **state)
{
    (void)state;
    hpo_error err;
    hpo_wilcoxon_result w;
    const double d[] = {6, 8, 14, 16, 23, 24, 28, 29, 41, -48, 49, 56, 60, -67, 75};
    assert_ok(hpo_wilcoxon(d, 15, HPO_ZEROS_PRATT, &w, &err), err);
    assert_near(w.minus, 24, 0, 0);
    assert_near(w.p, 0.041259765625, 1e-15, 0);
}

/* The normal approximation by hand: differences 1..60 of which 20, 40, 60 are negative.  Smaller sum 120,
 * mean 60*61/4 = 915, variance 60*61*121/24 = 18452.5, z = (120 - 915 + .5) / 135.840... */
static void test_wilcoxon_normal(void **state)
{
    (void)state;
    hpo_error err;
    hpo_wilcoxon_result w;
    double d[120];
    for (int i = 0; i < 60; i++)
        d[i] = (i + 1) % 20 == 0 ? -(i + 1) : i + 1;
    assert_ok(hpo_wilcoxon(d, 60, HPO_ZEROS_PRATT, &w, &err), err);
    assert_false(w.exact);
    assert_near(w.minus, 120, 0, 0);
    assert_near(w.p, 2 * hpo_normal_cdf(-794.5 / sqrt(18452.5)), 1e-12, 0);
    /* ties: every size twice.  Variance n(n+1)(2n+1)/24 - sum(t^3 - t)/48 with n = 120, sixty groups of two
     */
    for (int i = 0; i < 60; i++)
        d[60 + i] = i + 1;
    assert_ok(hpo_wilcoxon(d, 120, HPO_ZEROS_PRATT, &w, &err), err);
    double variance = 120.0 * 121 * 241 / 24 - 60 * 6 / 48.0;
    double smaller = 39.5 + 79.5 + 119.5;
    assert_near(w.minus, smaller, 0, 0);
    assert_near(w.p, 2 * hpo_normal_cdf((smaller - 120.0 * 121 / 4 + 0.5) / sqrt(variance)), 1e-12, 0);
}

/* At the border the approximation is near the exact value. */
static void test_wilcoxon_border(void **state)
{
    (void)state;
    hpo_error err;
    hpo_wilcoxon_result a;
    hpo_wilcoxon_result b;
    double d[51];
    for (int i = 0; i < 51; i++)
        d[i] = i % 3 == 0 ? -(i + 1) : i + 1;
    assert_ok(hpo_wilcoxon(d, 50, HPO_ZEROS_PRATT, &a, &err), err);
    assert_ok(hpo_wilcoxon(d, 51, HPO_ZEROS_PRATT, &b, &err), err);
    assert_true(a.exact && !b.exact);
    double z = (fmin(a.plus, a.minus) - 50.0 * 51 / 4 + 0.5) / sqrt(50.0 * 51 * 101 / 24);
    assert_near(a.p, 2 * hpo_normal_cdf(z), 0.02, 0);
}

/* ---- Holm ---- */

/* p .01 .04 .03 .005: sorted .005 .01 .03 .04 times 4 3 2 1 -> .02 .03 .06 .06 (kept monotone) */
static void test_holm(void **state)
{
    (void)state;
    hpo_error err;
    const double p[] = {0.01, NAN, 0.04, 0.03, 0.005};
    double a[5];
    assert_ok(hpo_holm(p, 5, a, &err), err);
    assert_near(a[0], 0.03, 1e-15, 0);
    assert_true(isnan(a[1]));
    assert_near(a[2], 0.06, 1e-15, 0);
    assert_near(a[3], 0.06, 1e-15, 0);
    assert_near(a[4], 0.02, 1e-15, 0);
    const double large[] = {0.6, 0.5};
    assert_ok(hpo_holm(large, 2, a, &err), err);
    assert_near(a[0], 1, 0, 0);
    assert_near(a[1], 1, 0, 0);
}

/* ---- Demsar 2006, table 6: AUC of four variants of C4.5 on 14 data sets ---- */

/* The paper prints three digits; where its ranks tell two equal figures apart, so do the numbers here
 * (voting: .975 before .975). */
static const double demsar[14][4] = {
    {0.763, 0.768, 0.771, 0.798},  {0.599, 0.591, 0.590, 0.569}, {0.954, 0.971, 0.968, 0.967},
    {0.628, 0.661, 0.654, 0.657},  {0.882, 0.888, 0.886, 0.898}, {0.936, 0.931, 0.916, 0.931},
    {0.661, 0.668, 0.609, 0.685},  {0.583, 0.583, 0.563, 0.625}, {0.775, 0.838, 0.866, 0.875},
    {1.000, 1.000, 1.000, 1.000},  {0.940, 0.962, 0.965, 0.962}, {0.619, 0.666, 0.614, 0.669},
    {0.972, 0.981, 0.975, 0.9749}, {0.957, 0.978, 0.946, 0.970},
};

static void test_demsar(void **state)
{
    (void)state;
    hpo_error err;
    double error[14 * 4];
    double rank[4];
    hpo_friedman_result f;
    for (int i = 0; i < 14; i++)
        for (int j = 0; j < 4; j++)
            error[i * 4 + j] = 1 - demsar[i][j];
    /* 1 - x must not tear ties apart or make them */
    for (int i = 0; i < 14; i++)
        for (int j = 0; j < 4; j++)
            for (int k = 0; k < 4; k++)
                assert_true((demsar[i][j] == demsar[i][k]) == (error[i * 4 + j] == error[i * 4 + k]));
    assert_ok(hpo_friedman(error, 14, 4, rank, &f, &err), err);
    assert_near(rank[0], 44.0 / 14, 1e-14, 0); /* 3.143, 2.000, 2.893, 1.964 in the paper */
    assert_near(rank[1], 28.0 / 14, 1e-14, 0);
    assert_near(rank[2], 40.5 / 14, 1e-14, 0);
    assert_near(rank[3], 27.5 / 14, 1e-14, 0);
    assert_near(f.chi2_plain, 9.28, 0, 0.005);
    /* ties: iris, lung cancer, primary tumor 6 each, mushroom 60: 1 - 78/840 */
    assert_near(f.chi2, f.chi2_plain / (1 - 78.0 / 840), 1e-13, 0);
    assert_near(13 * f.chi2_plain / (14 * 3 - f.chi2_plain), 3.69, 0, 0.005); /* the paper's F */
    assert_near(f.f, 13 * f.chi2 / (14 * 3 - f.chi2), 1e-13, 0);
    assert_near(f.p, 1 - hpo_chi2_cdf(f.chi2, 3), 1e-10, 0);
    assert_near(hpo_nemenyi_difference(14, 4, 0.05), 1.25, 0, 0.005);
    assert_near(hpo_nemenyi_difference(14, 4, 0.10), 1.12, 0, 0.005);

    /* section 3.1.3: C4.5 against C4.5+m with zeros split: 93 and 12 */
    double d[14];
    hpo_wilcoxon_result w;
    for (int i = 0; i < 14; i++) /* whole thousandths: the paper's ties stay ties */
        d[i] = floor((demsar[i][1] - demsar[i][0]) * 1000 + 0.5);
    assert_ok(hpo_wilcoxon(d, 14, HPO_ZEROS_SPLIT, &w, &err), err);
    assert_near(w.plus, 93, 0, 0);
    assert_near(w.minus, 12, 0, 0);
    assert_true(w.p < 0.05);
}

/* P(F > f) by hand: with one and b degrees of freedom F is the square of Student's t. */
static void test_friedman_two(void **state)
{
    (void)state;
    hpo_error err;
    const double v[] = {1, 2, 1, 3, 2, 1, 0, 5, 3, 4, 1, 9};
    double rank[2];
    hpo_friedman_result f;
    assert_ok(hpo_friedman(v, 6, 2, rank, &f, &err), err);
    assert_near(rank[0], 7.0 / 6, 1e-15, 0);
    /* k = 2: chi2 = (wins - losses)^2 / n = 16 / 6 */
    assert_near(f.chi2, 16.0 / 6, 1e-14, 0);
    assert_near(f.p, 2 * hpo_normal_cdf(-sqrt(16.0 / 6)), 1e-12, 0);
    assert_near(f.f, 5 * (16.0 / 6) / (6 - 16.0 / 6), 1e-14, 0);
    assert_near(f.p_f, 2 * (1 - hpo_student_cdf(sqrt(f.f), 5)), 1e-12, 0);
    const double equal[] = {1, 1, 1, 2, 2, 2};
    double r3[3];
    assert_ok(hpo_friedman(equal, 2, 3, r3, &f, &err), err);
    assert_near(f.chi2, 0, 0, 0);
    assert_near(f.p, 1, 0, 0);
    /* the same order everywhere: F is infinite */
    const double same[] = {1, 2, 3, 1, 2, 3, 4, 5, 6};
    assert_ok(hpo_friedman(same, 3, 3, r3, &f, &err), err);
    assert_near(f.chi2, 6, 1e-14, 0);
    assert_true(f.p_f < 1e-12);
}

/* Demsar 2006, table 5(a): q / sqrt(2) for two to ten methods. */
static void test_studentised_range(void **state)
{
    (void)state;
    static const double q05[] = {1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164};
    static const double q10[] = {1.645, 2.052, 2.291, 2.459, 2.589, 2.693, 2.780, 2.855, 2.920};
    for (size_t k = 2; k <= 10; k++) {
        assert_near(hpo_studentised_range_quantile(0.95, k) / sqrt(2), q05[k - 2], 0, 1.1e-3);
        assert_near(hpo_studentised_range_quantile(0.90, k) / sqrt(2), q10[k - 2], 0, 1.1e-3);
    }
    for (double q = 0.1; q < 9; q += 0.37) /* two numbers: their difference is normal */
        assert_near(hpo_studentised_range_cdf(q, 2), 1 - 2 * hpo_normal_cdf(-q / sqrt(2)), 1e-13, 1e-15);
    for (size_t k = 2; k <= 60; k += 7) {
        double q = hpo_studentised_range_quantile(0.95, k);
        assert_near(hpo_studentised_range_cdf(q, k), 0.95, 1e-12, 0);
    }
    assert_near(hpo_studentised_range_cdf(60, 5), 1, 1e-13, 0);
    assert_near(hpo_studentised_range_cdf(0, 5), 0, 0, 0);
}

static void test_groups(void **state)
{
    (void)state;
    size_t first[5];
    size_t last[5];
    const double r[] = {1.0, 1.8, 2.1, 3.5, 4.9};
    assert_int_equal(hpo_rank_groups(r, 5, 1.0, first, last), 2);
    assert_true(first[0] == 0 && last[0] == 1 && first[1] == 1 && last[1] == 2);
    assert_int_equal(hpo_rank_groups(r, 5, 1.5, first, last), 3);
    assert_true(first[0] == 0 && last[0] == 2 && first[1] == 2 && last[1] == 3 && first[2] == 3);
    assert_int_equal(hpo_rank_groups(r, 5, 4, first, last), 1);
    assert_true(first[0] == 0 && last[0] == 4);
    assert_int_equal(hpo_rank_groups(r, 5, 0.1, first, last), 0);
}

/* ---- one sample ---- */

/* METHODS, golden values: of {.70 .72 .75 .80} the largest of n; here mirrored to the smallest. */
static void test_best_of(void **state)
{
    (void)state;
    const double x[] = {-0.80, -0.75, -0.72, -0.70};
    assert_near(hpo_best_of(x, 4, 1), -0.7425, 1e-14, 0);
    assert_near(hpo_best_of(x, 4, 2), -0.763125, 1e-14, 0);
    assert_near(hpo_best_of(x, 4, 4), -0.7822266, 0, 5e-8);
    assert_near(hpo_best_of(x, 4, 8), -0.7948769, 0, 5e-8);
    /* one run in four without a result: expected infinite unless it never decides */
    const double y[] = {1, 2, 3, INFINITY};
    assert_true(isinf(hpo_best_of(y, 4, 2)));
}

static void test_bootstrap(void **state)
{
    (void)state;
    hpo_error err;
    enum { ROUNDS = 2000 };
    uint16_t *c = NULL;
    uint16_t *again = NULL;
    double *scratch = calloc(ROUNDS, sizeof *scratch);
    double x[20];
    double low, high;
    assert_ok(hpo_bootstrap_counts(20, ROUNDS, 5, &c, &err), err);
    assert_ok(hpo_bootstrap_counts(20, ROUNDS, 5, &again, &err), err);
    assert_memory_equal(c, again, 20 * ROUNDS * sizeof *c);
    for (size_t b = 0; b < ROUNDS; b++) {
        size_t sum = 0;
        for (size_t i = 0; i < 20; i++)
            sum += c[b * 20 + i];
        assert_int_equal(sum, 20);
    }
    for (int i = 0; i < 20; i++)
        x[i] = i;
    /* the mean of a bootstrap sample has mean 9.5 and variance 33.25 / 20 */
    hpo_bootstrap_interval(x, 20, HPO_CENTRE_MEAN, c, ROUNDS, 0.95, scratch, &low, &high);
    assert_near(low, 9.5 - 1.96 * sqrt(33.25 / 20), 0, 0.25);
    assert_near(high, 9.5 + 1.96 * sqrt(33.25 / 20), 0, 0.25);
    /* median of an odd sample: P(median >= x_i) is binomial (Efron 1979): for n = 5 the chance that it is
     * the smallest value is P(Bin(5, 1/5) >= 3) = 0.05792 */
    hpo_free(c);
    assert_ok(hpo_bootstrap_counts(5, ROUNDS, 6, &c, &err), err);
    hpo_bootstrap_interval(x, 5, HPO_CENTRE_MEDIAN, c, ROUNDS, 0.95, scratch, &low, &high);
    assert_near(low, 0, 0, 0);
    assert_near(high, 4, 0, 0);
    hpo_bootstrap_interval(x, 5, HPO_CENTRE_MEDIAN, c, ROUNDS, 0.80, scratch, &low, &high);
    assert_near(low, 1, 0, 0);
    assert_near(high, 3, 0, 0);
    size_t smallest = 0;
    for (size_t b = 0; b < ROUNDS; b++) {
        hpo_bootstrap_interval(x, 5, HPO_CENTRE_MEDIAN, c + b * 5, 1, 0.95, scratch, &low, &high);
        smallest += low == 0;
    }
    assert_near((double)smallest / ROUNDS, 0.05792, 0, 0.02);
    /* an even sample: the two middle values are averaged; infinite ones are kept */
    const uint16_t even[] = {0, 2, 1, 1};
    hpo_bootstrap_interval(x, 4, HPO_CENTRE_MEDIAN, even, 1, 0.95, scratch, &low, &high);
    assert_near(low, 1.5, 0, 0);
    const double worst[] = {1, INFINITY};
    const uint16_t both[] = {1, 1};
    hpo_bootstrap_interval(worst, 2, HPO_CENTRE_MEDIAN, both, 1, 0.95, scratch, &low, &high);
    assert_true(isinf(low));
    hpo_free(c);
    hpo_free(again);
    assert_fails(hpo_bootstrap_counts(0, 10, 1, &c, &err), HPO_EINVAL, err, "bootstrap");
    free(scratch);
}

static void test_sorted(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    double x[64], copy[64];
    for (size_t n = 0; n <= 64; n++) {
        for (size_t i = 0; i < n; i++)
            copy[i] = x[i] = t_int(&r, 0, 9) == 0 ? (double)INFINITY : (double)t_int(&r, -20, 20);
        hpo_sort_values(x, n);
        for (size_t i = 1; i < n; i++)
            assert_true(x[i - 1] <= x[i]);
        for (size_t i = 0; i < n; i++) { /* the same values as before */
            size_t before = 0, after = 0;
            for (size_t j = 0; j < n; j++) {
                before += copy[j] == copy[i];
                after += x[j] == copy[i];
            }
            assert_int_equal(before, after);
        }
    }
    const double v[] = {1, 2, 4, INFINITY};
    assert_near(hpo_sorted_quantile(v, 4, 0), 1, 0, 0);
    assert_near(hpo_sorted_quantile(v, 4, 0.5), 3, 1e-15, 0);
    assert_near(hpo_sorted_quantile(v, 4, 2.0 / 3), 4, 1e-15, 0);
    assert_true(isinf(hpo_sorted_quantile(v, 4, 0.9)));
    double grid[50];
    assert_int_equal(hpo_log_grid(1, 1000, 4, 0, grid), 4);
    assert_near(grid[1], 10, 1e-12, 0);
    assert_near(grid[3], 1000, 0, 0);
    size_t n = hpo_log_grid(1, 20, 50, 1, grid); /* no more whole numbers than there are */
    assert_int_equal(n, 20);
    for (size_t i = 0; i < n; i++)
        assert_near(grid[i], (double)i + 1, 0, 0);
    assert_int_equal(hpo_log_grid(5, 5, 50, 0, grid), 1);
}

/* ---- curves ---- */

static void test_steps(void **state)
{
    (void)state;
    const double at[] = {1, 2.0000000001, 4};
    const double value[] = {0.8, 0.5, 0.1};
    hpo_stairs s = {3, at, value};
    double out[4];
    assert_true(isinf(hpo_stairs_value(&s, 0.5)));
    assert_near(hpo_stairs_value(&s, 1), 0.8, 0, 0);
    assert_near(hpo_stairs_value(&s, 2), 0.5, 0, 0); /* reached but for rounding */
    assert_near(hpo_stairs_value(&s, 100), 0.1, 0, 0);
    const double grid[] = {0.5, 1, 3, 4};
    hpo_stairs_on_grid(&s, grid, 4, out);
    for (int i = 0; i < 4; i++)
        assert_near(out[i], hpo_stairs_value(&s, grid[i]), 0, 0);
    assert_near(hpo_stairs_reach(&s, 0.5), 2, 1e-9, 0);
    assert_true(isinf(hpo_stairs_reach(&s, 0.05)));
    /* 1*1 + 1*.8 + 2*.5 + 1*.1 over 5 */
    assert_near(hpo_stairs_area(&s, 5), 2.9 / 5, 1e-9, 0);
    const double poor[] = {7, -2, 0.5}; /* cut to [0, 1] */
    hpo_stairs p = {3, at, poor};
    assert_near(hpo_stairs_area(&p, 5), (2 + 0 + 0.5) / 5, 1e-9, 0);
    hpo_stairs none = {0, NULL, NULL};
    assert_near(hpo_stairs_area(&none, 5), 1, 0, 0);
}

static void test_profiles(void **state)
{
    (void)state;
    const double cost[] = {10, 20, INFINITY, 30, 15, 15, INFINITY, INFINITY, INFINITY};
    const double want[] = {1, 2, INFINITY, 2, 1, 1, INFINITY, INFINITY, INFINITY};
    double r[9];
    hpo_performance_ratios(cost, 3, 3, r);
    assert_same_doubles(r, want, 9);
    const double sorted[] = {1, 2, 2, INFINITY};
    assert_near(hpo_share_within(sorted, 4, 0.5), 0, 0, 0);
    assert_near(hpo_share_within(sorted, 4, 1), 0.25, 0, 0);
    assert_near(hpo_share_within(sorted, 4, 2), 0.75, 0, 0);
    assert_near(hpo_share_within(sorted, 4, INFINITY), 0.75, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wilcoxon_small),
        cmocka_unit_test(test_wilcoxon_ties),
        cmocka_unit_test(test_wilcoxon_zeros),
        cmocka_unit_test(test_wilcoxon_infinite),
        cmocka_unit_test(test_wilcoxon_darwin),
        cmocka_unit_test(test_wilcoxon_normal),
        cmocka_unit_test(test_wilcoxon_border),
        cmocka_unit_test(test_holm),
        cmocka_unit_test(test_demsar),
        cmocka_unit_test(test_friedman_two),
        cmocka_unit_test(test_studentised_range),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_best_of),
        cmocka_unit_test(test_bootstrap),
        cmocka_unit_test(test_sorted),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_profiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
