/* SPDX-License-Identifier: Apache-2.0 */
/* Sequences and designs: published points, the defining stratification properties before and after
 * scrambling, quality against random points, addressing by index, errors. */
#include "math/qmc.h"
#include "math/rng.h"
#include "t.h"

static double *points(size_t n, size_t dims)
{
    double *x = malloc(n * dims * sizeof *x);
    assert_non_null(x);
    return x;
}

static double *sobol_points(size_t n, size_t dims, hpo_scrambling kind, uint64_t seed, uint64_t from)
{
    hpo_error err;
    hpo_sobol *s;
    double *x = points(n, dims);
    assert_ok(hpo_sobol_create(dims, kind, seed, &s, &err), err);
    for (size_t i = 0; i < n; i++)
        hpo_sobol_point(s, from + i, x + i * dims);
    hpo_sobol_free(s);
    return x;
}

static double *random_points(size_t n, size_t dims, uint64_t seed)
{
    double *x = points(n, dims);
    hpo_rng r;
    hpo_rng_init(&r, seed, 0, HPO_RNG_USER);
    hpo_rng_uniforms(&r, x, n * dims);
    return x;
}

/* ---- Sobol' ------------------------------------------------------------------------------------ */

/* scipy 1.10.1: scipy.stats.qmc.Sobol(8, scramble=False, bits=30).random(8), which visits the points in the
 * order of the Gray code i ^ (i >> 1); point g of ours is point i of theirs where g is the Gray code of i. */
static void test_sobol_published_points(void **state)
{
    (void)state;
    static const double gray[8][8] = {
        {0, 0, 0, 0, 0, 0, 0, 0},
        {0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5},
        {0.75, 0.25, 0.25, 0.25, 0.75, 0.75, 0.25, 0.75},
        {0.25, 0.75, 0.75, 0.75, 0.25, 0.25, 0.75, 0.25},
        {0.375, 0.375, 0.625, 0.875, 0.375, 0.125, 0.375, 0.875},
        {0.875, 0.875, 0.125, 0.375, 0.875, 0.625, 0.875, 0.375},
        {0.625, 0.125, 0.875, 0.625, 0.625, 0.875, 0.125, 0.125},
        {0.125, 0.625, 0.375, 0.125, 0.125, 0.375, 0.625, 0.625},
    };
    double *x = sobol_points(8, 8, HPO_SCRAMBLE_NONE, 0, 0);
    for (size_t i = 0; i < 8; i++)
        assert_same_doubles(x + (i ^ (i >> 1)) * 8, gray[i], 8);
    free(x);
    /* dimensions 100, 500, 1000, 1110 of Sobol(1111): the first eight points, Gray order */
    static const size_t dim[4] = {100, 500, 1000, 1110};
    static const double far[4][8] = {
        {0.0, 0.5, 0.25, 0.75, 0.625, 0.125, 0.875, 0.375},
        {0.0, 0.5, 0.25, 0.75, 0.375, 0.875, 0.125, 0.625},
        {0.0, 0.5, 0.25, 0.75, 0.875, 0.375, 0.625, 0.125},
        {0.0, 0.5, 0.75, 0.25, 0.875, 0.375, 0.125, 0.625},
    };
    x = sobol_points(8, HPO_SOBOL_MAX_DIMS, HPO_SCRAMBLE_NONE, 0, 0);
    for (size_t k = 0; k < 4; k++) {
        for (size_t i = 0; i < 8; i++)
            assert_true(x[(i ^ (i >> 1)) * HPO_SOBOL_MAX_DIMS + dim[k]] == far[k][i]);
    }
    free(x);
}

/* Dimension 0 is the van der Corput sequence. */
static void test_sobol_first_dimension(void **state)
{
    (void)state;
    double *x = sobol_points(1000, 3, HPO_SCRAMBLE_NONE, 0, 0);
    for (size_t i = 0; i < 1000; i++)
        assert_true(x[3 * i] == hpo_radical_inverse(i, 2));
    free(x);
}

/* Every block of 2^k points starting at a multiple of 2^k has one point in each of 2^k equal cells, in each
 * dimension. */
static void check_strata_1d(const double *x, size_t n, size_t dims)
{
    unsigned char *seen = malloc(n);
    assert_non_null(seen);
    for (size_t j = 0; j < dims; j++) {
        memset(seen, 0, n);
        for (size_t i = 0; i < n; i++) {
            assert_true(x[i * dims + j] >= 0 && x[i * dims + j] < 1);
            seen[(size_t)(x[i * dims + j] * (double)n)]++;
        }
        for (size_t i = 0; i < n; i++)
            assert_int_equal(seen[i], 1);
    }
    free(seen);
}

/* Smallest t such that all elementary boxes 2^-a x 2^-b with a + b = k - t hold 2^t points. */
static unsigned net_quality(const double *x, size_t stride, unsigned k, size_t p, size_t q)
{
    size_t n = (size_t)1 << k;
    unsigned *count = malloc(n * sizeof *count);
    assert_non_null(count);
    unsigned t = 0;
    for (; t <= k; t++) {
        int good = 1;
        for (unsigned a = 0; a + t <= k && good; a++) {
            unsigned b = k - t - a;
            size_t rows = (size_t)1 << a, cols = (size_t)1 << b;
            memset(count, 0, n * sizeof *count);
            for (size_t i = 0; i < n; i++)
                count[(size_t)(x[i * stride + p] * (double)rows) * cols +
                      (size_t)(x[i * stride + q] * (double)cols)]++;
            for (size_t c = 0; c < rows * cols && good; c++)
                good = count[c] == 1u << t;
        }
        if (good) break;
    }
    free(count);
    return t;
}

static void test_sobol_nets(void **state)
{
    (void)state;
    static const hpo_scrambling kinds[] = {HPO_SCRAMBLE_NONE, HPO_SCRAMBLE_OWEN, HPO_SCRAMBLE_SHIFT};
    enum { D = 8 };
    for (unsigned k = 1; k <= 10; k++) {
        unsigned quality[3][D][D];
        for (int s = 0; s < 3; s++) {
            for (uint64_t block = 0; block < 3; block++) { /* any aligned block, not only the first */
                double *x = sobol_points((size_t)1 << k, D, kinds[s], 77, block << k);
                check_strata_1d(x, (size_t)1 << k, D);
                for (size_t p = 0; block == 0 && p < D; p++) {
                    for (size_t q = 0; q < p; q++)
                        quality[s][p][q] = net_quality(x, D, k, p, q);
                }
                free(x);
            }
        }
        for (size_t p = 0; p < D; p++) {
            for (size_t q = 0; q < p; q++) { /* scrambling keeps the quality of the net */
                assert_int_equal(quality[1][p][q], quality[0][p][q]);
                assert_int_equal(quality[2][p][q], quality[0][p][q]);
                /* Joe & Kuo's criterion: low t in all pairs of early dimensions; a random pair has t near k
                 */
                assert_true(quality[0][p][q] <= 5);
            }
        }
        assert_int_equal(quality[0][1][0], 0); /* the first two dimensions are a (0,2)-sequence */
    }
}

/* Nested uniform scrambling: for a fixed point each bit is flipped with probability 1/2 over the seeds, flips
 * of points that share the leading bits agree, flips of points that differ earlier are independent. */
static void test_owen_scrambling(void **state)
{
    (void)state;
    enum { SEEDS = 4000, BITS = 20 };
    static const uint64_t index[5] = {0, 1, 2, 64, 12345};
    unsigned flips[5][BITS] = {{0}}, joint[BITS] = {0};
    double *plain[5];
    for (int k = 0; k < 5; k++)
        plain[k] = sobol_points(1, 1, HPO_SCRAMBLE_NONE, 0, index[k]);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        uint64_t change[5];
        for (int k = 0; k < 5; k++) {
            double *x = sobol_points(1, 1, HPO_SCRAMBLE_OWEN, seed, index[k]);
            change[k] = (uint64_t)(x[0] * 0x1p53) ^ (uint64_t)(plain[k][0] * 0x1p53);
            for (int b = 0; b < BITS; b++)
                flips[k][b] += (unsigned)(change[k] >> (52 - b)) & 1u;
            free(x);
        }
        /* points 0 and 64 share the first six bits of dimension 0 and differ in the seventh: their first
         * seven flips are equal */
        uint64_t differ = change[0] ^ change[3];
        assert_true(differ >> (53 - 7) == 0);
        for (int b = 0; b < BITS; b++)
            joint[b] += (unsigned)(differ >> (52 - b)) & 1u;
    }
    double bound = 5 * sqrt(0.25 / SEEDS);
    for (int b = 0; b < BITS; b++) {
        for (int k = 0; k < 5; k++)
            assert_near((double)flips[k][b] / SEEDS, 0.5, 0, bound);
        if (b >= 7) assert_near((double)joint[b] / SEEDS, 0.5, 0, bound);
    }
    for (int k = 0; k < 5; k++)
        free(plain[k]);
}

static void test_sobol_quality_and_addressing(void **state)
{
    (void)state;
    for (size_t d = 2; d <= 10; d += 4) {
        double *owen = sobol_points(256, d, HPO_SCRAMBLE_OWEN, 3, 0), *iid = random_points(256, d, 3);
        assert_true(hpo_centered_discrepancy(owen, 256, d) < 0.6 * hpo_centered_discrepancy(iid, 256, d));
        free(owen);
        free(iid);
    }
    /* integral of prod (x_j): scrambled nets beat the Monte Carlo error by far */
    double *x = sobol_points(4096, 5, HPO_SCRAMBLE_OWEN, 9, 0), sum = 0;
    for (size_t i = 0; i < 4096; i++)
        sum += x[5 * i] * x[5 * i + 1] * x[5 * i + 2] * x[5 * i + 3] * x[5 * i + 4];
    assert_near(sum / 4096, 1.0 / 32, 0, 1e-4); /* Monte Carlo: standard deviation 9e-4 */
    free(x);
    /* far indices: distinct, in the cube, not on a grid of 2^-32 */
    hpo_error err;
    hpo_sobol *s;
    double a[3], b[3];
    assert_ok(hpo_sobol_create(3, HPO_SCRAMBLE_OWEN, 1, &s, &err), err);
    hpo_sobol_point(s, ((uint64_t)1 << 40) + 7, a);
    hpo_sobol_point(s, 7, b);
    for (int j = 0; j < 3; j++) {
        assert_true(a[j] >= 0 && a[j] < 1 && a[j] != b[j]);
        assert_true(b[j] * 0x1p32 != floor(b[j] * 0x1p32));
    }
    assert_true(fabs(a[0] - b[0]) < 0x1p-39); /* dimension 0: the 41st bit differs first */
    hpo_sobol_point(s, UINT64_MAX, a);
    hpo_sobol_free(s);
    hpo_sobol_free(NULL);
}

/* ---- Halton, R ----------------------------------------------------------------------------------- */

static void test_halton_values(void **state)
{
    (void)state;
    static const double want[6][2] = {{1. / 2, 1. / 3}, {1. / 4, 2. / 3}, {3. / 4, 1. / 9},
                                      {1. / 8, 4. / 9}, {5. / 8, 7. / 9}, {3. / 8, 2. / 9}};
    hpo_error err;
    hpo_halton *h;
    double x[2];
    assert_ok(hpo_halton_create(2, 0, 0, &h, &err), err);
    for (size_t i = 0; i < 6; i++) {
        hpo_halton_point(h, i + 1, x);
        assert_ulps(x[0], want[i][0], 1);
        assert_ulps(x[1], want[i][1], 1);
    }
    hpo_halton_point(h, 0, x);
    assert_true(x[0] == 0 && x[1] == 0);
    hpo_halton_point(h, UINT64_MAX, x);
    assert_true(x[0] < 1 && x[1] < 1);
    hpo_halton_free(h);
    assert_near(hpo_radical_inverse(1234, 10), 0.4321, 1e-16, 0);
    assert_true(hpo_radical_inverse(5, 0) == 0);
}

/* b^k consecutive points have one point in each of b^k cells, plain or scrambled; and b1^k b2^l points one in
 * each box. */
static void test_halton_strata(void **state)
{
    (void)state;
    static const size_t base[6] = {2, 3, 5, 7, 11, 13};
    for (int scrambled = 0; scrambled < 2; scrambled++) {
        hpo_error err;
        hpo_halton *h;
        assert_ok(hpo_halton_create(6, scrambled, 5, &h, &err), err);
        for (size_t j = 0; j < 6; j++) {
            for (uint64_t start = 0; start < 3; start++) {
                size_t n = base[j] * base[j] * base[j];
                unsigned char *seen = calloc(n, 1);
                assert_non_null(seen);
                for (size_t i = 0; i < n; i++) {
                    double x[6];
                    hpo_halton_point(h, start * n + i, x);
                    size_t cell = (size_t)(x[j] * (double)n + 1e-9); /* i/n is not exact for odd n */
                    assert_true(cell < n && x[j] >= 0 && x[j] < 1);
                    seen[cell]++;
                }
                for (size_t i = 0; i < n; i++)
                    assert_int_equal(seen[i], 1);
                free(seen);
            }
        }
        unsigned box[8 * 9] = {0};
        for (size_t i = 0; i < 72; i++) {
            double x[6];
            hpo_halton_point(h, i, x);
            box[(size_t)(x[0] * 8 + 1e-9) * 9 + (size_t)(x[1] * 9 + 1e-9)]++;
        }
        for (size_t i = 0; i < 72; i++)
            assert_int_equal(box[i], 1);
        hpo_halton_free(h);
    }
}

/* Plain Halton in high bases is a diagonal line for the first points; scrambling breaks it. */
static void test_halton_scrambling_breaks_correlation(void **state)
{
    (void)state;
    enum { D = 40, N = 100 };
    double worst[2];
    for (int scrambled = 0; scrambled < 2; scrambled++) {
        hpo_error err;
        hpo_halton *h;
        static double x[N * D];
        assert_ok(hpo_halton_create(D, scrambled, 8, &h, &err), err);
        for (size_t i = 0; i < N; i++)
            hpo_halton_point(h, i + 1, x + i * D);
        hpo_halton_free(h);
        worst[scrambled] = 0;
        for (size_t p = D - 10; p < D; p++) {
            for (size_t q = D - 10; q < p; q++) {
                double a = 0, b = 0, c = 0, ma = 0, mb = 0;
                for (size_t i = 0; i < N; i++) {
                    ma += x[i * D + p] / N;
                    mb += x[i * D + q] / N;
                }
                for (size_t i = 0; i < N; i++) {
                    a += (x[i * D + p] - ma) * (x[i * D + p] - ma);
                    b += (x[i * D + q] - mb) * (x[i * D + q] - mb);
                    c += (x[i * D + p] - ma) * (x[i * D + q] - mb);
                }
                if (fabs(c) / sqrt(a * b) > worst[scrambled]) worst[scrambled] = fabs(c) / sqrt(a * b);
            }
        }
    }
    assert_true(worst[0] > 0.9);
    assert_true(worst[1] < 0.6);
}

/* Over the seeds every scrambled coordinate is uniform, also those of point 0, whose digits are all zero. */
static void test_halton_scrambling_is_uniform(void **state)
{
    (void)state;
    enum { SEEDS = 2000, D = 8 };
    double sum[2][D] = {{0}}, square[2][D] = {{0}};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        hpo_error err;
        hpo_halton *h;
        double x[D];
        assert_ok(hpo_halton_create(D, 1, seed, &h, &err), err);
        for (uint64_t k = 0; k < 2; k++) {
            hpo_halton_point(h, k * 123456789, x);
            for (int j = 0; j < D; j++) {
                sum[k][j] += x[j] / SEEDS;
                square[k][j] += x[j] * x[j] / SEEDS;
            }
        }
        hpo_halton_free(h);
    }
    for (int k = 0; k < 2; k++) {
        for (int j = 0; j < D; j++) {
            assert_near(sum[k][j], 0.5, 0, 5 * sqrt(1.0 / 12 / SEEDS));
            assert_near(square[k][j], 1.0 / 3, 0, 5 * sqrt(4.0 / 45 / SEEDS));
        }
    }
}

static void test_rseq(void **state)
{
    (void)state;
    hpo_error err;
    hpo_rseq *r;
    double x[3];
    /* d = 1: the golden ratio; d = 2: the plastic number 1.32471795724474602596 (Roberts 2018) */
    assert_ok(hpo_rseq_create(1, 0, 0, &r, &err), err);
    for (uint64_t i = 0; i < 1000; i++) {
        hpo_rseq_point(r, i, x);
        long double want = 0.5L + (long double)i * 0.618033988749894848204586834365638118L;
        assert_near(x[0], (double)(want - floorl(want)), 0, 2e-16);
    }
    hpo_rseq_free(r);
    assert_ok(hpo_rseq_create(2, 0, 0, &r, &err), err);
    hpo_rseq_point(r, 1, x);
    assert_near(x[0] + 0.5, 0.754877666246692760049508896358532, 2e-16, 0);
    assert_near(x[1] + 0.5, 0.569840290998053265911399958119574, 2e-16, 0);
    hpo_rseq_free(r);
    /* no drift: point 2^40 + 1 is point 2^40 plus alpha, to the last bit */
    assert_ok(hpo_rseq_create(3, 4, 1, &r, &err), err);
    double y[3], first[3], second[3];
    hpo_rseq_point(r, 0, first);
    hpo_rseq_point(r, 1, second);
    hpo_rseq_point(r, (uint64_t)1 << 40, x);
    hpo_rseq_point(r, ((uint64_t)1 << 40) + 1, y);
    for (int j = 0; j < 3; j++) {
        double a = second[j] - first[j], b = y[j] - x[j];
        if (a < 0) a += 1;
        if (b < 0) b += 1;
        assert_near(a, b, 0, 3e-16);
    }
    hpo_rseq_free(r);
    /* alpha solves its equation: phi^(d+1) = phi + 1 */
    for (size_t d = 1; d <= 1024; d *= 4) {
        double *p = points(2, d);
        assert_ok(hpo_rseq_create(d, 0, 0, &r, &err), err);
        hpo_rseq_point(r, 1, p);
        double alpha = p[0] - 0.5;
        if (alpha < 0) alpha += 1;
        assert_near(pow(alpha, (double)d) + pow(alpha, (double)d + 1), 1, 0, 1e-12);
        hpo_rseq_free(r);
        free(p);
    }
    double *seq = points(256, 2), *iid = random_points(256, 2, 6);
    assert_ok(hpo_rseq_create(2, 0, 0, &r, &err), err);
    for (size_t i = 0; i < 256; i++)
        hpo_rseq_point(r, i, seq + 2 * i);
    hpo_rseq_free(r);
    assert_true(hpo_centered_discrepancy(seq, 256, 2) < 0.5 * hpo_centered_discrepancy(iid, 256, 2));
    assert_true(hpo_min_distance(seq, 256, 2) > 3 * hpo_min_distance(iid, 256, 2));
    free(seq);
    free(iid);
}

/* ---- Latin hypercubes ------------------------------------------------------------------------------ */

static void test_lhs_is_latin(void **state)
{
    (void)state;
    static const size_t sizes[][2] = {{1, 1}, {1, 5}, {2, 2}, {3, 1}, {10, 4}, {97, 3}, {1000, 2}};
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        size_t n = sizes[k][0], d = sizes[k][1];
        double *x = points(n, d), *y = points(n, d);
        for (int kind = HPO_LHS_PLAIN; kind <= HPO_LHS_OPTIMIZED; kind++) {
            hpo_error err;
            assert_ok(hpo_lhs((hpo_lhs_kind)kind, n, d, 3, x, &err), err);
            check_strata_1d(x, n, d);
            for (size_t i = 0; kind == HPO_LHS_CENTERED && i < n * d; i++) {
                double place = x[i] * (double)n;
                assert_near(place - floor(place), 0.5, 0, 1e-9);
            }
            assert_ok(hpo_lhs((hpo_lhs_kind)kind, n, d, 3, y, &err), err);
            assert_same_doubles(x, y, n * d); /* a function of the seed */
            assert_ok(hpo_lhs((hpo_lhs_kind)kind, n, d, 4, y, &err), err);
            if (n > 2 && d > 1) assert_true(memcmp(x, y, n * d * sizeof *x) != 0);
        }
        free(x);
        free(y);
    }
}

static void test_lhs_improvement(void **state)
{
    (void)state;
    static const size_t sizes[][2] = {{10, 2}, {30, 3}, {50, 5}, {100, 10}};
    for (size_t k = 0; k < 4; k++) {
        size_t n = sizes[k][0], d = sizes[k][1];
        double *x = points(n, d), mean[4] = {0};
        for (uint64_t seed = 0; seed < 5; seed++) {
            for (int kind = 0; kind < 4; kind++) {
                hpo_error err;
                assert_ok(hpo_lhs((hpo_lhs_kind)kind, n, d, seed, x, &err), err);
                mean[kind] += hpo_min_distance(x, n, d) / 5;
            }
        }
        print_message("# n %zu d %zu: smallest distance plain %.3f maximin %.3f annealed %.3f\n", n, d,
                      mean[0], mean[2], mean[3]);
        assert_true(mean[2] > 1.4 * mean[0]);
        assert_true(mean[3] > 1.4 * mean[0]);
        free(x);
    }
}

static void test_measures(void **state)
{
    (void)state;
    /* scipy: sqrt(scipy.stats.qmc.discrepancy(x, method='CD')) */
    static const double x[] = {0.1, 0.2, 0.5, 0.9, 0.8, 0.4, 0.3, 0.6};
    assert_near(hpo_centered_discrepancy(x, 4, 2), 0.1620913665532833, 1e-13, 0);
    assert_near(hpo_min_distance(x, 4, 2), sqrt(0.2 * 0.2 + 0.3 * 0.3), 1e-15, 0);
    assert_true(isinf(hpo_min_distance(x, 1, 2)) && isnan(hpo_centered_discrepancy(x, 0, 2)));
    /* one point in the middle of the unit interval: CD^2 = 1/12 */
    assert_near(hpo_centered_discrepancy((const double[]){0.5}, 1, 1), sqrt(1.0 / 12), 1e-14, 0);
}

/* ---- failures ---------------------------------------------------------------------------------------- */

static void test_errors(void **state)
{
    (void)state;
    hpo_error err;
    hpo_sobol *s = (hpo_sobol *)1;
    hpo_halton *h = (hpo_halton *)1;
    hpo_rseq *r = (hpo_rseq *)1;
    double x[4];
    assert_fails(hpo_sobol_create(0, HPO_SCRAMBLE_NONE, 0, &s, &err), HPO_EINVAL, err, "0 dimensions");
    assert_null(s);
    assert_fails(hpo_sobol_create(1112, HPO_SCRAMBLE_NONE, 0, &s, &err), HPO_EINVAL, err, "1..1111");
    assert_fails(hpo_halton_create(1025, 0, 0, &h, &err), HPO_EINVAL, err, "1..1024");
    assert_null(h);
    assert_fails(hpo_rseq_create(0, 0, 0, &r, &err), HPO_EINVAL, err, "dimensions");
    assert_null(r);
    assert_fails(hpo_lhs(HPO_LHS_PLAIN, 0, 2, 0, x, &err), HPO_EINVAL, err, "0 points");
    assert_fails(hpo_lhs(HPO_LHS_PLAIN, 2, 0, 0, x, &err), HPO_EINVAL, err, "0 dimensions");
    assert_fails(hpo_lhs((hpo_lhs_kind)9, 2, 2, 0, x, &err), HPO_EINVAL, err, "kind 9");
}

static hpo_status everything(void *ctx, hpo_error *err)
{
    (void)ctx;
    hpo_sobol *s = NULL;
    hpo_halton *h = NULL;
    hpo_rseq *r = NULL;
    double x[20];
    hpo_status st = hpo_sobol_create(4, HPO_SCRAMBLE_OWEN, 1, &s, err);
    if (st == HPO_OK) st = hpo_halton_create(4, 1, 1, &h, err);
    if (st == HPO_OK) st = hpo_rseq_create(4, 1, 1, &r, err);
    if (st == HPO_OK) st = hpo_lhs(HPO_LHS_OPTIMIZED, 5, 4, 1, x, err);
    hpo_sobol_free(s);
    hpo_halton_free(h);
    hpo_rseq_free(r);
    return st;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    assert_true(t_oom(everything, NULL) >= 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sobol_published_points),
        cmocka_unit_test(test_sobol_first_dimension),
        cmocka_unit_test(test_sobol_nets),
        cmocka_unit_test(test_owen_scrambling),
        cmocka_unit_test(test_sobol_quality_and_addressing),
        cmocka_unit_test(test_halton_values),
        cmocka_unit_test(test_halton_strata),
        cmocka_unit_test(test_halton_scrambling_breaks_correlation),
        cmocka_unit_test(test_halton_scrambling_is_uniform),
        cmocka_unit_test(test_rseq),
        cmocka_unit_test(test_lhs_is_latin),
        cmocka_unit_test(test_lhs_improvement),
        cmocka_unit_test(test_measures),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
