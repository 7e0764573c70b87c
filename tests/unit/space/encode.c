/* SPDX-License-Identifier: Apache-2.0 */
/* Coordinates: decode and encode are inverse, cells are equal, ends are valid, laws are right. */
#include "t.h"

#include "base/alloc.h"
#include "math/rng.h"
#include "space/space.h"

static hpo_space *make(const char *text)
{
    hpo_space *s;
    hpo_error err;
    assert_ok(hpo_space_parse(text, &s, &err), err);
    assert_ok(hpo_space_freeze(s, &err), err);
    return s;
}

/* A coordinate with a bias to the ends, to cell edges and to tiny values. */
static double coordinate(t_rng *r)
{
    switch (t_int(r, 0, 9)) {
    case 0:
        return (double)t_int(r, 0, 1);
    case 1:
        return (double)t_int(r, 0, 12) / 12;
    case 2:
        return ldexp(t_uniform(r), -(int)t_int(r, 0, 60));
    case 3:
        return 1 - ldexp(t_uniform(r), -(int)t_int(r, 0, 52));
    default:
        return t_uniform(r);
    }
}

/* decode(encode(decode(u))) == decode(u), bit for bit, and every decoded value is valid. */
static void check_inverse(const char *text, size_t rounds)
{
    hpo_space *s = make(text);
    size_t nd = hpo_space_n_dims(s), nc = hpo_space_n_columns(s);
    double u[64], v[64], x[64], y[64];
    hpo_error err;
    t_rng r = t_rng_create();
    assert_true(nd <= 64 && nc <= 64);
    for (T_ROUNDS(i, rounds)) {
        for (size_t j = 0; j < nd; j++)
            u[j] = coordinate(&r);
        hpo_space_decode(s, u, x);
        hpo_space_encode(s, x, v);
        for (size_t j = 0; j < nd; j++)
            assert_true(isnan(v[j]) || (v[j] >= 0 && v[j] <= 1));
        hpo_space_decode(s, v, y);
        assert_same_doubles(x, y, nc);
        if (hpo_space_hash(s, x) != hpo_space_hash(s, y)) fail_msg("%s: hashes differ", text);
        if (i % 16 == 0 && hpo_space_validate(s, x, &err) != HPO_OK) fail_msg("%s: %s", text, err.msg);
    }
    hpo_space_free(s);
}

static void test_inverse(void **state)
{
    (void)state;
    check_inverse("a: 0..1; b: -1..1; c: 0.1..0.3; d: 1e6..1000001; e: -1e-9..1e9; f: 3..3.0000001", 300000);
    check_inverse("a: log 1e-5..1; b: log 1e-300..1e300; c: log 0.9..1.1; d: log 1..10; e: log 1e-8..1e-7",
                  300000);
    check_inverse("a: revlog 0..0.999; b: revlog 0.5..0.999999; c: revlog 1..1000; d: logit 0.01..0.99; "
                  "e: logit 1e-6..0.5",
                  300000);
    check_inverse("a: 0..1 step 0.1; b: log 0.01..1 step 0.01; c: -3..3 step 0.7; d: revlog 0..0.9 step 0.1; "
                  "e: 0..1e9 step 1e-6",
                  200000);
    check_inverse("a: int 1..8; b: int log 8..256; c: int log 1..9007199254740992; d: int revlog 1..1000; "
                  "e: int logit 0..100; f: int -9007199254740992..9007199254740992; g: int log 1..100 step 3",
                  200000);
    check_inverse(
        "a: x,y,z; b: ordinal 1,2,4,8,16; c: bool; d: const 3; e: fidelity log 1..81; f: int 0..1000000",
        100000);
    check_inverse("p: perm 6; q: perm a,b,c", 100000);
    check_inverse("m: simplex 5; n: simplex 2; o: simplex a,b,c", 200000);
    check_inverse(
        "f: subset a,b,c,d,e size 2..3; g: subset 4; v: vector 4 log 1e-3..1; w: vector 2 0..1 step 0.25",
        100000);
    check_inverse("x: 0..1; y: (x)..1; z: int 0..(n); n: int 1..9; l: log (x + 0.1)..10; m: 0..0.9 if z > 3; "
                  "k: a,b if active(m) and m > 0.2; d: 0..(m + 1)",
                  200000);
}

/* On the curved scales the inverse holds by construction, without encode's search: the transform of a decoded
 * value leads back to it.  On the log scale it does so with room to spare: decode rounds exp(T) to a grid
 * that is coarser than 8 e, e = 4 M 2^-52, |T| <= M, so 3 e of error besides the rounding of T itself change
 * nothing. */
static void check_grid(double low, double high, hpo_scale scale)
{
    hpo_scalar k;
    t_rng r = t_rng_create();
    assert_true(hpo_scalar_init(&k, low, high, 0, scale, 0));
    double m = fmax(fmax(fabs(k.t_low), fabs(k.t_low + k.t_width)), fmax(1, k.t_width));
    double slack = scale == HPO_SCALE_LOG ? 2 * 4 * m * 0x1p-52 / k.t_width : 0;
    for (T_ROUNDS(i, 50000)) {
        double x = hpo_scalar_decode(&k, t_uniform(&r)), u = hpo_scalar_place(&k, x);
        if (!(x > low && x < high)) continue;
        double near[3] = {u, fmax(u - slack, 0x1p-1000), fmin(u + slack, 1 - 0x1p-53)};
        for (int j = 0; j < 3; j++)
            if (hpo_scalar_decode(&k, near[j]) != x)
                fail_msg("%g..%g on scale %d: %.17g comes back as %.17g (%d)", low, high, (int)scale, x,
                         hpo_scalar_decode(&k, near[j]), j);
    }
}

static void test_grid(void **state)
{
    (void)state;
    static const double logs[][2] = {{1e-5, 1}, {1e-300, 1e300}, {0.9, 1.1},
                                     {1, 10},   {1e-8, 1e-7},    {1e-3, 1e6}};
    for (size_t i = 0; i < sizeof logs / sizeof *logs; i++)
        check_grid(logs[i][0], logs[i][1], HPO_SCALE_LOG);
    check_grid(0, 0.999, HPO_SCALE_REVLOG);
    check_grid(1, 1000, HPO_SCALE_REVLOG);
    check_grid(0.01, 0.99, HPO_SCALE_LOGIT);
    check_grid(1e-6, 0.5, HPO_SCALE_LOGIT);
}

static void test_close(void **state)
{
    (void)state;
    hpo_space *s =
        make("a: 0..1; b: log 1e-5..1; c: revlog 0..0.999; d: logit 0.01..0.99; e: -5..9; m: simplex 4");
    t_rng r = t_rng_create();
    double u[8], v[8], x[16];
    for (T_ROUNDS(i, 100000)) {
        for (size_t j = 0; j < 8; j++)
            u[j] = t_uniform(&r);
        hpo_space_decode(s, u, x);
        hpo_space_encode(s, x, v);
        for (size_t j = 0; j < 5; j++)
            assert_near(v[j], u[j], 0, 1e-12);
        for (size_t j = 5; j < 8; j++)
            assert_near(v[j], u[j], 0, 1e-8);
    }
    hpo_space_free(s);
}

static void test_ends(void **state)
{
    (void)state;
    hpo_space *s =
        make("a: 0.1..0.7; b: log 1e-5..1; c: revlog 0..0.999; d: logit 0.01..0.99; e: int log 8..256; "
             "f: int 1..8; g: x,y,z; h: 0..1 step 0.1; i: int revlog 1..50");
    const double low[] = {0.1, 1e-5, 0, 0.01, 8, 1, 0, 0, 1},
                 high[] = {0.7, 1, 0.999, 0.99, 256, 8, 2, 1, 50};
    double u[9], x[9];
    for (size_t i = 0; i < 9; i++)
        u[i] = 0;
    hpo_space_decode(s, u, x);
    assert_same_doubles(x, low, 9);
    for (size_t i = 0; i < 9; i++)
        u[i] = 1;
    hpo_space_decode(s, u, x);
    assert_same_doubles(x, high, 9);
    hpo_space_free(s);
}

/* Known values of the transforms, from their closed forms. */
static void test_known(void **state)
{
    (void)state;
    hpo_space *s =
        make("a: log 1e-4..1; b: revlog 0..0.99; c: logit 0.1..0.9; d: revlog 1..100; e: int log 1..8; "
             "h: 0..1 step 0.1");
    const double u[] = {0.5, 0.5, 0.5, 0.5, 0.5, 0.35};
    double x[6];
    hpo_space_decode(s, u, x);
    assert_near(x[0], 1e-2, 1e-12, 0);
    assert_near(x[1], 0.9, 1e-12, 0);
    assert_near(x[2], 0.5, 1e-12, 0);
    assert_near(x[3], 91, 1e-12, 0); /* 101 - sqrt(1 * 100) */
    assert_near(x[4], 2, 0, 0);      /* sqrt(0.5 * 8.5) = 2.06 */
    assert_true(x[5] == 0.3);
    hpo_space_free(s);
}

/* Discrete values own the shares of [0,1] that they should. */
static void test_cells(void **state)
{
    (void)state;
    hpo_space *s = make("a: int 1..8; b: x,y,z; c: int log 1..4; d: 0..1 step 0.25");
    enum { N = 240000 };
    double count[4][9] = {{0}}, u[4], x[4];
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < 4; j++)
            u[j] = (i + 0.5) / N;
        hpo_space_decode(s, u, x);
        count[0][(int)x[0]] += 1.0 / N;
        count[1][(int)x[1]] += 1.0 / N;
        count[2][(int)x[2]] += 1.0 / N;
        count[3][(int)(4 * x[3])] += 1.0 / N;
    }
    for (int k = 1; k <= 8; k++)
        assert_near(count[0][k], 1.0 / 8, 0, 1e-5);
    for (int k = 0; k < 3; k++)
        assert_near(count[1][k], 1.0 / 3, 0, 1e-5);
    for (int k = 1; k <= 4; k++)
        assert_near(count[2][k], log((k + 0.5) / (k - 0.5)) / log(4.5 / 0.5), 0, 1e-5);
    for (int k = 0; k < 5; k++)
        assert_near(count[3][k], 1.0 / 5, 0, 1e-5);
    hpo_space_free(s);
}

/* Dirichlet(1,1,1,1): mean 1/4, variance 3/80, entry i has distribution 1 - (1 - t)^3. */
static void test_simplex_law(void **state)
{
    (void)state;
    enum { N = 200000 };
    hpo_space *s = make("m: simplex 4");
    hpo_rng r;
    double u[3], x[4], mean[4] = {0}, square[4] = {0}, below[4] = {0};
    hpo_rng_init(&r, 1, 0, HPO_RNG_USER);
    for (int i = 0; i < N; i++) {
        double sum = 0;
        for (int j = 0; j < 3; j++)
            u[j] = hpo_rng_uniform(&r);
        hpo_space_decode(s, u, x);
        for (int j = 0; j < 4; j++) {
            sum += x[j];
            mean[j] += x[j] / N;
            square[j] += x[j] * x[j] / N;
            below[j] += (x[j] < 0.2) / (double)N;
        }
        assert_true(sum == 1);
    }
    for (int j = 0; j < 4; j++) {
        assert_near(mean[j], 0.25, 0, 0.002);
        assert_near(square[j] - mean[j] * mean[j], 3.0 / 80, 0, 0.001);
        assert_near(below[j], 1 - 0.8 * 0.8 * 0.8, 0, 0.005);
    }
    hpo_space_free(s);
}

static void test_permutation_law(void **state)
{
    (void)state;
    enum { N = 120000 };
    hpo_space *s = make("p: perm 4");
    hpo_rng r;
    double u[4], x[4], count[256] = {0};
    int kinds = 0;
    hpo_rng_init(&r, 2, 0, HPO_RNG_USER);
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < 4; j++)
            u[j] = hpo_rng_uniform(&r);
        hpo_space_decode(s, u, x);
        count[(int)(x[0] + 4 * x[1] + 16 * x[2] + 64 * x[3])] += 24.0 / N;
    }
    for (int i = 0; i < 256; i++) {
        if (count[i] == 0) continue;
        kinds++;
        assert_near(count[i], 1, 0, 0.08);
    }
    assert_int_equal(kinds, 24);
    const double keys[4] = {0.9, 0.1, 0.5, 0.2}, want[4] = {1, 3, 2, 0};
    hpo_space_decode(s, keys, x);
    assert_same_doubles(x, want, 4);
    hpo_space_free(s);
}

static void test_inactive(void **state)
{
    (void)state;
    hpo_space *s =
        make("a: x,y; b: 0..1 if a == x; c: 0..1 if b > 0.5; w: int 0..(n); n: int 1..3 if a == y");
    double u[5] = {0.9, 0.9, 0.9, 0.5, 0.5}, x[5], v[5];
    hpo_space_decode(s, u, x);
    assert_true(x[0] == 1 && isnan(x[1]) && isnan(x[2]) && x[4] == 2 && x[3] == 1);
    u[0] = 0.1;
    hpo_space_decode(s, u, x);
    assert_true(x[0] == 0 && x[1] == 0.9 && x[2] == 0.9 && isnan(x[3]) && isnan(x[4]));
    hpo_space_encode(s, x, v);
    assert_true(isnan(v[3]) && isnan(v[4]) && v[1] == 0.9);
    u[1] = 0.4;
    hpo_space_decode(s, u, x);
    assert_true(isnan(x[2]));
    hpo_space_free(s);
}

static void test_hash(void **state)
{
    (void)state;
    hpo_space *s = make("a: -1..1; e: fidelity 1..9; c: x,y; b: 0..1 if c == y");
    double x[4] = {0, 9, 0, HPO_UNKNOWN}, y[4] = {-0.0, 3, 0, -HPO_UNKNOWN};
    assert_true(hpo_space_hash(s, x) == hpo_space_hash(s, y));
    y[0] = 1e-300;
    assert_false(hpo_space_hash(s, x) == hpo_space_hash(s, y));
    double swapped[4] = {0, 9, HPO_UNKNOWN, 0}; /* place matters */
    assert_false(hpo_space_hash(s, x) == hpo_space_hash(s, swapped));
    /* The definition, written out a second time: it is stored, so it can never change. */
    uint64_t h = UINT64_C(0x9e3779b97f4a7c15);
    const uint64_t words[3] = {0, 0, UINT64_C(0x7ff8000000000000)};
    for (int pass = 0; pass < 4; pass++) {
        uint64_t k = pass < 3 ? h ^ words[pass] : h;
        k ^= k >> 33;
        k *= UINT64_C(0xff51afd7ed558ccd);
        k ^= k >> 33;
        k *= UINT64_C(0xc4ceb9fe1a85ec53);
        k ^= k >> 33;
        h = pass < 3 ? k + UINT64_C(0x9e3779b97f4a7c15) : k;
    }
    assert_true(hpo_space_hash(s, x) == h);
    hpo_space_free(s);
    /* Further fidelities count as little: the same three values, the same hash. */
    s = make("f: fidelity 1..3; a: -1..1; e: fidelity 1..9; c: x,y; b: 0..1 if c == y; g: fidelity 1..2");
    const double many[6] = {2, 0, 9, 0, HPO_UNKNOWN, 1};
    assert_true(hpo_space_hash(s, many) == h);
    hpo_space_free(s);
}

/* Laws of priors: weights exactly, the others by their quantiles. */
static void test_priors(void **state)
{
    (void)state;
    hpo_space *s =
        make("a: 0..1 prior 0.3 high; b: x,y,z weights 1,0,3; c: x,y,z prior y medium; "
             "d: 0..10 prior normal(2,1); e: 0..1 prior beta(1,3); f: log 1e-4..1 prior 1e-2 medium; "
             "g: int 0..10 prior 5 low; h: bool prior true high; i: ordinal 1,2,3 prior 2 high; "
             "v: vector 2 0..1 prior 0.5 high");
    enum { N = 100000 };
    double u[11], x[11], mean[11] = {0}, count[3] = {0}, centre[3] = {0};
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < 11; j++)
            u[j] = (i + 0.5) / N;
        hpo_space_apply_prior(s, u, u);
        for (int j = 0; j < 11; j++)
            assert_true(u[j] >= 0 && u[j] <= 1);
        hpo_space_decode(s, u, x);
        for (int j = 0; j < 11; j++)
            mean[j] += x[j] / N;
        count[(int)x[1]] += 1.0 / N;
        centre[(int)x[2]] += 1.0 / N;
    }
    assert_near(mean[0], 0.3033, 0, 0.005); /* truncation at 0 is 2.4 sd away */
    assert_near(count[0], 0.25, 0, 1e-4);
    assert_near(count[1], 0, 0, 0);
    assert_near(count[2], 0.75, 0, 1e-4);
    assert_near(centre[1], 4.0 / 6, 0, 1e-4);
    assert_near(mean[3], 2.055, 0, 0.01); /* mean of a normal cut at -2 sd: 2 + phi(2)/Phi(2) */
    assert_near(mean[4], 0.25, 0, 1e-3);
    assert_near(mean[6], 5, 0, 0.01);
    assert_near(mean[7], 8.0 / 9, 0, 1e-3);
    assert_near(mean[8], 1, 0, 0.01);
    assert_near(mean[9], 0.5, 0, 0.01);
    hpo_space_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inverse),     cmocka_unit_test(test_grid),
        cmocka_unit_test(test_close),       cmocka_unit_test(test_ends),
        cmocka_unit_test(test_known),       cmocka_unit_test(test_cells),
        cmocka_unit_test(test_simplex_law), cmocka_unit_test(test_permutation_law),
        cmocka_unit_test(test_inactive),    cmocka_unit_test(test_hash),
        cmocka_unit_test(test_priors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
