/* SPDX-License-Identifier: Apache-2.0 */
/* Random streams: published vectors of the block function, the layout of key and counter, exact uniformity.
 */
#include "math/rng.h"
#include "t.h"

/* Random123 (Salmon et al. 2011), file kat_vectors, lines "philox4x32 10". */
static void test_known_answers(void **state)
{
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], want[4];
    } kat[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof kat / sizeof kat[0]; i++) {
        hpo_rng r = {{kat[i].key[0], kat[i].key[1]}, {0}, {0}, 4};
        memcpy(r.counter, kat[i].counter, sizeof r.counter);
        assert_true(hpo_rng_u64(&r) == ((uint64_t)kat[i].want[1] << 32 | kat[i].want[0]));
        assert_true(hpo_rng_u64(&r) == ((uint64_t)kat[i].want[3] << 32 | kat[i].want[2]));
    }
}

/* key = seed, counter = {block, purpose, index}: the documented layout. */
static void test_layout(void **state)
{
    (void)state;
    hpo_rng a, b = {{0x89abcdefu, 0x01234567u}, {0, 42, 0x76543210u, 0xfedcba98u}, {0}, 4};
    hpo_rng_init(&a, 0x0123456789abcdefu, 0xfedcba9876543210u, 42);
    for (int i = 0; i < 100; i++)
        assert_true(hpo_rng_u64(&a) == hpo_rng_u64(&b));
    assert_int_equal(a.counter[0], 50);
    /* the block number carries into the high bits of the purpose word */
    a.counter[0] = 0xffffffffu;
    a.used = 4;
    hpo_rng_u64(&a);
    assert_int_equal(a.counter[0], 0);
    assert_int_equal(a.counter[1], 42 + (1u << 20));
}

/* Streams that differ in one bit of seed, index or purpose have nothing in common. */
static void test_streams_differ(void **state)
{
    (void)state;
    hpo_rng base, r[129 + 20];
    size_t n = 0;
    hpo_rng_init(&base, 5, 6, 7);
    uint64_t first = hpo_rng_u64(&base);
    for (int k = 0; k < 64; k++) {
        hpo_rng_init(&r[n++], 5 ^ (uint64_t)1 << k, 6, 7);
        hpo_rng_init(&r[n++], 5, 6 ^ (uint64_t)1 << k, 7);
    }
    for (int k = 0; k < 20; k++)
        hpo_rng_init(&r[n++], 5, 6, 7 ^ 1u << k);
    unsigned flips = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t d = hpo_rng_u64(&r[i]) ^ first;
        assert_true(d != 0);
        for (; d; d &= d - 1)
            flips++;
    }
    assert_near((double)flips / (64.0 * (double)n), 0.5, 0, 0.03); /* 6 standard deviations */
}

static void test_bulk_equals_single(void **state)
{
    (void)state;
    for (size_t skip = 0; skip < 3; skip++) {
        for (size_t n = 0; n < 9; n++) {
            hpo_rng a, b;
            double x[10] = {0}, y[10] = {0};
            hpo_rng_init(&a, 1, n, HPO_RNG_USER);
            for (size_t i = 0; i < skip; i++)
                hpo_rng_u64(&a);
            b = a;
            hpo_rng_uniforms(&a, x, n);
            for (size_t i = 0; i < n; i++)
                y[i] = hpo_rng_uniform(&b);
            x[n] = hpo_rng_uniform(&a); /* and they go on alike */
            y[n] = hpo_rng_uniform(&b);
            assert_same_doubles(x, y, n + 1);
        }
    }
}

static double chi2(const unsigned *count, size_t cells, double expected)
{
    double s = 0;
    for (size_t i = 0; i < cells; i++)
        s += ((double)count[i] - expected) * ((double)count[i] - expected) / expected;
    return s;
}

static void test_uniform(void **state)
{
    (void)state;
    hpo_rng r;
    hpo_rng_init(&r, 11, 0, HPO_RNG_USER);
    unsigned count[100] = {0};
    enum { N = 200000 };
    double sum = 0, lag = 0, last = 0.5;
    for (int i = 0; i < N; i++) {
        double u = hpo_rng_uniform(&r);
        assert_true(u >= 0.0 && u < 1.0);
        assert_true(u * 0x1p53 == floor(u * 0x1p53)); /* 53 bits */
        count[(int)(u * 100)]++;
        sum += u;
        lag += (u - 0.5) * (last - 0.5);
        last = u;
    }
    assert_true(chi2(count, 100, N / 100.0) < 181.0); /* 99 degrees of freedom, p = 1e-6 */
    assert_near(sum / N, 0.5, 0, 5 * 0.2887 / sqrt(N));
    assert_near(12 * lag / N, 0, 0, 5 / sqrt(N));
}

static void test_normal(void **state)
{
    (void)state;
    hpo_rng r;
    hpo_rng_init(&r, 12, 0, HPO_RNG_USER);
    enum { N = 200000 };
    double m1 = 0, m2 = 0, m3 = 0, m4 = 0;
    unsigned outside = 0;
    for (int i = 0; i < N; i++) {
        double z = hpo_rng_normal(&r);
        assert_true(fabs(z) < 8.3);
        m1 += z;
        m2 += z * z;
        m3 += z * z * z;
        m4 += z * z * z * z;
        outside += fabs(z) > 1.959963984540054;
    }
    assert_near(m1 / N, 0, 0, 5 / sqrt(N));
    assert_near(m2 / N, 1, 0, 5 * sqrt(2.0 / N));
    assert_near(m3 / N, 0, 0, 5 * sqrt(15.0 / N));
    assert_near(m4 / N, 3, 0, 5 * sqrt(96.0 / N));
    assert_near((double)outside / N, 0.05, 0, 5 * sqrt(0.05 * 0.95 / N));
    /* one number each: a normal advances the stream as one uniform does */
    hpo_rng a, b;
    hpo_rng_init(&a, 1, 2, 3);
    b = a;
    hpo_rng_normal(&a);
    hpo_rng_u64(&b);
    assert_true(hpo_rng_u64(&a) == hpo_rng_u64(&b));
}

/* Rejection makes the draws exactly uniform; n = 3 * 2^62 would show a 2:1:1 bias at once without it. */
static void test_below(void **state)
{
    (void)state;
    hpo_rng r;
    hpo_rng_init(&r, 13, 0, HPO_RNG_USER);
    unsigned count[10] = {0};
    enum { N = 100000 };
    for (int i = 0; i < N; i++)
        count[hpo_rng_below(&r, 10)]++;
    assert_true(chi2(count, 10, N / 10.0) < 45.0); /* 9 degrees of freedom, p = 1e-6 */
    uint64_t n = (uint64_t)3 << 62;
    memset(count, 0, sizeof count);
    for (int i = 0; i < N; i++) {
        uint64_t v = hpo_rng_below(&r, n);
        assert_true(v < n);
        count[v % 3]++; /* the bias of multiply-shift without rejection sits in the residues */
    }
    assert_true(chi2(count, 3, N / 3.0) < 27.7);
    for (int i = 0; i < 100; i++)
        assert_int_equal(hpo_rng_below(&r, 1), 0);
    uint64_t high = 0;
    for (int i = 0; i < 100; i++)
        high |= hpo_rng_below(&r, UINT64_MAX);
    assert_true(high >> 60 == 15);
}

static void test_permutation(void **state)
{
    (void)state;
    hpo_rng r;
    hpo_rng_init(&r, 14, 0, HPO_RNG_USER);
    unsigned count[24] = {0};
    enum { N = 48000 };
    for (int k = 0; k < N; k++) {
        uint32_t p[4], code = 0;
        hpo_rng_permutation(&r, 4, p);
        unsigned seen = 0;
        for (int i = 0; i < 4; i++)
            seen |= 1u << p[i];
        assert_int_equal(seen, 15);
        for (uint32_t i = 0; i < 4; i++) { /* Lehmer code */
            uint32_t smaller = 0;
            for (uint32_t j = i + 1; j < 4; j++)
                smaller += p[j] < p[i];
            code = code * (4 - i) + smaller;
        }
        count[code]++;
    }
    assert_true(chi2(count, 24, N / 24.0) < 70.0); /* 23 degrees of freedom, p = 1e-6 */
    hpo_rng_permutation(&r, 0, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers),  cmocka_unit_test(test_layout),
        cmocka_unit_test(test_streams_differ), cmocka_unit_test(test_bulk_equals_single),
        cmocka_unit_test(test_uniform),        cmocka_unit_test(test_normal),
        cmocka_unit_test(test_below),          cmocka_unit_test(test_permutation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
