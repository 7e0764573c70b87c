/* SPDX-License-Identifier: Apache-2.0 */
/* Maps against a plain list; the hash: stored constants, avalanche, no collisions among near keys. */
#include "base/map.h"
#include "base/alloc.h"
#include "t.h"

static void test_text_map(void **state)
{
    (void)state;
    hpo_error err;
    hpo_map m = {0};
    char key[32];
    assert_int_equal(hpo_map_get(&m, "x", -1), -1);
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(key, sizeof key, "param%d", i);
        assert_ok(hpo_map_put(&m, key, i, &err), err);
    }
    memset(key, 0, sizeof key); /* keys are copies */
    assert_int_equal(m.n, 5000);
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(key, sizeof key, "param%d", i);
        assert_int_equal(hpo_map_get(&m, key, -1), i);
        assert_ok(hpo_map_put(&m, key, i + 1, &err), err);
        assert_int_equal(hpo_map_get(&m, key, -1), i + 1);
    }
    assert_int_equal(m.n, 5000);
    assert_int_equal(hpo_map_get(&m, "param", -7), -7);
    assert_ok(hpo_map_put(&m, "", 3, &err), err);
    assert_int_equal(hpo_map_get(&m, "", -1), 3);
    hpo_map_fini(&m);
    assert_int_equal(hpo_map_get(&m, "param1", -1), -1);
}

/* Few distinct keys, so that put, overwrite, remove and re-insert meet in long runs. */
static void test_u64map_against_a_list(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    hpo_error err;
    hpo_u64map m = {0};
    int64_t value[512];
    for (size_t i = 0; i < 512; i++)
        value[i] = -1;
    for (T_ROUNDS(i, 200000)) {
        size_t k = (size_t)t_int(&r, 0, 511);
        uint64_t key = k % 2 == 0 ? k : k * UINT64_C(0x9E3779B97F4A7C15);
        if (t_int(&r, 0, 2) > 0) {
            value[k] = t_int(&r, 0, 1000);
            assert_ok(hpo_u64map_put(&m, key, value[k], &err), err);
        } else {
            value[k] = -1;
            hpo_u64map_remove(&m, key);
        }
        size_t probe = (size_t)t_int(&r, 0, 511);
        uint64_t probe_key = probe % 2 == 0 ? probe : probe * UINT64_C(0x9E3779B97F4A7C15);
        assert_int_equal(hpo_u64map_get(&m, probe_key, -1), value[probe]);
    }
    size_t n = 0;
    for (size_t i = 0; i < 512; i++)
        n += value[i] != -1;
    assert_int_equal(m.n, n);
    assert_true(m.cap <= 1024);
    assert_fails(hpo_u64map_put(&m, 1, INT64_MIN, &err), HPO_EINVAL, err, "reserved");
    hpo_u64map_fini(&m);
    hpo_u64map_remove(&m, 1);
    assert_int_equal(hpo_u64map_get(&m, 1, -1), -1);
}

/* Written down once; stored hashes depend on them, so they may never change. */
static void test_hash_constants(void **state)
{
    (void)state;
    unsigned char bytes[64];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 7 + 1);
    static const struct {
        size_t n;
        uint64_t seed, hash;
    } cases[] = {
        /* from a Python program with exact integers */
        {0, UINT64_C(0), UINT64_C(0xEE2D03BCEAA9232E)},
        {0, UINT64_C(81985529216486895), UINT64_C(0xFBB44BDBC9CF21DA)},
        {1, UINT64_C(0), UINT64_C(0x32C973AB6414DA90)},
        {1, UINT64_C(81985529216486895), UINT64_C(0x8371166E9C860333)},
        {2, UINT64_C(0), UINT64_C(0x9AEF69BF1BA87D78)},
        {2, UINT64_C(81985529216486895), UINT64_C(0xDE124742CA2CB2BB)},
        {3, UINT64_C(0), UINT64_C(0x431C4B01A896A2A3)},
        {3, UINT64_C(81985529216486895), UINT64_C(0xFFEE4CA4987BCEB6)},
        {4, UINT64_C(0), UINT64_C(0x7B55642E427E424C)},
        {4, UINT64_C(81985529216486895), UINT64_C(0xE3A3F3F04A995D78)},
        {7, UINT64_C(0), UINT64_C(0x202FAF096D651E03)},
        {7, UINT64_C(81985529216486895), UINT64_C(0xDB5851236C9031F5)},
        {8, UINT64_C(0), UINT64_C(0x37741BF3E321FBED)},
        {8, UINT64_C(81985529216486895), UINT64_C(0x9FE9D3E01B673699)},
        {15, UINT64_C(0), UINT64_C(0xDCA323760990DBAF)},
        {15, UINT64_C(81985529216486895), UINT64_C(0xC6F45274C3C8881C)},
        {16, UINT64_C(0), UINT64_C(0x3B2D282498034C52)},
        {16, UINT64_C(81985529216486895), UINT64_C(0x2E6F3F7CB61F2627)},
        {17, UINT64_C(0), UINT64_C(0xB389DBA17AB8D2D3)},
        {17, UINT64_C(81985529216486895), UINT64_C(0x079AE988989DB991)},
        {32, UINT64_C(0), UINT64_C(0x55101EDAF3147FC4)},
        {32, UINT64_C(81985529216486895), UINT64_C(0x115BE48DC372108A)},
        {33, UINT64_C(0), UINT64_C(0xC8892D8C23609860)},
        {33, UINT64_C(81985529216486895), UINT64_C(0xC7566697B762F6F7)},
        {64, UINT64_C(0), UINT64_C(0x3BDB3297C9F4B143)},
        {64, UINT64_C(81985529216486895), UINT64_C(0x081C5CF1D7128186)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t h = hpo_hash_bytes(bytes, cases[i].n, cases[i].seed);
        if (h != cases[i].hash)
            fail_msg("{%zu, %llu, UINT64_C(0x%016llX)},", cases[i].n, (unsigned long long)cases[i].seed,
                     (unsigned long long)h);
    }
}

/* The same value from the formula written with the schoolbook product, word by word. */
static uint64_t slow_fold(uint64_t a, uint64_t b)
{
    uint64_t low = 0, high = 0;
    for (int i = 0; i < 64; i++) {
        if ((b >> i & 1) == 0) continue;
        uint64_t add = a << i;
        low += add;
        high += (i != 0 ? a >> (64 - i) : 0) + (low < add);
    }
    return low ^ high;
}

static uint64_t word(const unsigned char *p, int n)
{
    uint64_t v = 0;
    for (int i = n - 1; i >= 0; i--)
        v = v << 8 | p[i];
    return v;
}

static void test_hash_formula(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    const uint64_t pi0 = UINT64_C(0x243F6A8885A308D3), pi1 = UINT64_C(0x13198A2E03707345);
    const uint64_t e0 = UINT64_C(0xB7E151628AED2A6B), e1 = UINT64_C(0xBF7158809CF4F3C7);
    for (T_ROUNDS(i, 2000)) {
        unsigned char b[100];
        size_t n = (size_t)t_int(&r, 0, 100), left = n;
        for (size_t k = 0; k < n; k++)
            b[k] = (unsigned char)t_u64(&r);
        uint64_t seed = t_u64(&r), h = slow_fold(seed ^ e0, n ^ pi0) ^ seed, x = 0, y = 0;
        const unsigned char *p = b;
        for (; left > 16; left -= 16, p += 16)
            h ^= slow_fold(word(p, 8) ^ pi1, word(p + 8, 8) ^ h);
        if (left >= 8) {
            x = word(p, 8);
            y = word(p + left - 8, 8);
        } else if (left >= 4) {
            x = word(p, 4);
            y = word(p + left - 4, 4);
        } else if (left > 0) {
            x = p[0] | (uint64_t)p[left / 2] << 8 | (uint64_t)p[left - 1] << 16;
        }
        h ^= slow_fold(x ^ e1, y ^ h);
        assert_true(hpo_hash_bytes(b, n, seed) == slow_fold(h ^ pi0, e0));
    }
}

/* Each input bit flips each output bit with probability 1/2: over `rounds` inputs the count stays within six
 * standard deviations, for input sizes that take each path. */
static void test_hash_avalanche(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 3, 4, 7, 8, 15, 16, 17, 40};
    enum { ROUNDS = 1000 };
    t_rng r = t_rng_create();
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        size_t n = sizes[s];
        static unsigned flips[320][64];
        memset(flips, 0, sizeof flips);
        for (int round = 0; round < ROUNDS; round++) {
            unsigned char b[40];
            for (size_t k = 0; k < n; k++)
                b[k] = (unsigned char)t_u64(&r);
            uint64_t seed = t_u64(&r), h = hpo_hash_bytes(b, n, seed);
            for (size_t bit = 0; bit < 8 * n; bit++) {
                b[bit / 8] ^= (unsigned char)(1u << bit % 8);
                uint64_t change = h ^ hpo_hash_bytes(b, n, seed);
                b[bit / 8] ^= (unsigned char)(1u << bit % 8);
                for (int out = 0; out < 64; out++)
                    flips[bit][out] += (unsigned)(change >> out & 1);
            }
        }
        for (size_t bit = 0; bit < 8 * n; bit++) {
            for (int out = 0; out < 64; out++)
                assert_near(flips[bit][out], ROUNDS / 2.0, 0, 6 * sqrt(ROUNDS / 4.0));
        }
    }
}

static int compare_u64(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* Rows of doubles as configurations are: a regular grid.  2^18 keys, 2^64 values: a collision has odds 2e-9.
 */
static void test_hash_has_no_collisions_on_grids(void **state)
{
    (void)state;
    enum { N = 1 << 18 };
    uint64_t *h = hpo_alloc_array(N, sizeof *h);
    assert_non_null(h);
    for (size_t i = 0; i < N; i++) {
        const double x[4] = {(double)(i & 63), (double)(i >> 6 & 63) / 64, (double)(i >> 12 & 7),
                             (double)(i >> 15)};
        h[i] = hpo_hash_bytes(x, sizeof x, 0);
    }
    qsort(h, N, sizeof *h, compare_u64);
    for (size_t i = 1; i < N; i++)
        assert_true(h[i] != h[i - 1]);
    hpo_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_map),       cmocka_unit_test(test_u64map_against_a_list),
        cmocka_unit_test(test_hash_constants), cmocka_unit_test(test_hash_formula),
        cmocka_unit_test(test_hash_avalanche), cmocka_unit_test(test_hash_has_no_collisions_on_grids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
