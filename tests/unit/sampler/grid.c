/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/grid: levels, order, conditions, constraints, shuffling, limits. */
#include "draws.h"

enum { MAX = 20000 };

static void test_levels_and_order(void **state)
{
    (void)state;
    double x[16 * 3];
    hpo_space *space = space_of("lr: log 1e-4..1; opt: sgd,adam; n: int 2..3", NULL);
    assert_int_equal(draw_configs("grid:points=3", space, SEED, 16, x), 12);
    const double lr[3] = {1e-4, 1e-2, 1};
    for (size_t i = 0; i < 12; i++) { /* the last parameter fastest */
        assert_near(x[i * 3], lr[i / 4], 1e-12, 0);
        assert_true(x[i * 3 + 1] == (double)(i / 2 % 2));
        assert_true(x[i * 3 + 2] == (double)(2 + i % 2));
    }
    assert_int_equal(draw_configs("grid:points=1", space, SEED, 16, x), 4);
    assert_near(x[0], 1e-2, 1e-12, 0);
    hpo_space_free(space);
}

/* Rows as sorted keys: no two equal, and `want` of them. */
static void check_distinct(const hpo_space *space, const char *spec, size_t want)
{
    static double x[MAX * 8];
    static double hash[MAX];
    size_t n = draw_configs(spec, space, SEED, MAX, x), columns = hpo_space_n_columns(space);
    assert_true(columns <= 8);
    assert_int_equal(n, want);
    for (size_t i = 0; i < n; i++) {
        hpo_error err;
        assert_ok(hpo_space_validate(space, x + i * columns, &err), err);
        hash[i] = (double)(hpo_space_hash(space, x + i * columns) >> 11);
    }
    qsort(hash, n, sizeof *hash, compare_doubles);
    for (size_t i = 1; i < n; i++)
        assert_true(hash[i] != hash[i - 1]);
}

static int count_one(void *ctx, const double *x)
{
    (void)x;
    ++*(size_t *)ctx;
    return 0;
}

/* On a finite space the grid is the space. */
static void test_finite_spaces_are_complete(void **state)
{
    (void)state;
    const struct {
        const char *text, *constraint;
        size_t size;
    } rows[] = {
        {"a: x,y,z; b: bool; n: int 0..4", NULL, 30},
        {"a: int 1..64 log; b: 0..1 step 0.1", NULL, 64 * 11},
        {"a: perm 4", NULL, 24},
        {"a: subset p,q,r,s", NULL, 16},
        {"a: subset p,q,r,s size 1..2; b: bool", NULL, 20},
        {"opt: sgd,adam,rms; mom: 0..0.9 step 0.3 if opt == sgd; nest: bool if mom > 0", NULL, 2 + 1 + 3 * 2},
        {"a: int 1..5; b: int 1..a", NULL, 15},
        {"a: int 1..10; b: int 1..10", "a * b <= 20", 0},
        {"b: 1,2,3 if a == 1; a: 0,1,2", NULL, 5},
        {"opt: p,q; k: int 1..5 if opt == p; m: int 1..k", NULL, 16},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        hpo_space *space = space_of(rows[i].text, rows[i].constraint);
        hpo_error err;
        size_t n = 0;
        assert_ok(hpo_space_enumerate(space, count_one, &n, &err), err);
        if (rows[i].size > 0) assert_int_equal(n, rows[i].size);
        check_distinct(space, "grid", n);
        check_distinct(space, "grid:shuffle=yes", n);
        hpo_space_free(space);
    }
}

static void test_conditional_without_duplicates(void **state)
{
    (void)state;
    /* sgd: 5 x 5 lr and momentum; adam: 5 lr x 2 */
    hpo_space *space =
        space_of("lr: log 1e-4..1; opt: sgd,adam; mom: 0..0.9 if opt == sgd; ams: bool if opt == adam", NULL);
    check_distinct(space, "grid", 5 * 5 + 5 * 2);
    check_distinct(space, "grid:shuffle=yes,points=4", 4 * 4 + 4 * 2);
    hpo_space_free(space);
}

static void test_constraints_are_skipped(void **state)
{
    (void)state;
    hpo_space *space = space_of("a: 0..1; b: 0..1", "a + b <= 1");
    check_distinct(space, "grid:points=5", 15); /* the triangle of a 5 x 5 lattice */
    hpo_space_free(space);
    space = space_of("a: 0..1; b: 0..1", "a + b > 0.1 and a + b < 0.2");
    hpo_sampler s;
    hpo_error err;
    assert_fails(hpo_sampler_open("grid:points=3", space, 1, 0, SEED, &s, &err), HPO_EINVAL, err, "no point");
    hpo_space_free(space);
}

/* A simplex of 3 parts with 5 levels: the lattice of all k/4, C(6,2) = 15 points. */
static void test_simplex_and_vector(void **state)
{
    (void)state;
    double x[40 * 3];
    hpo_space *space = space_of("mix: simplex 3", NULL);
    assert_int_equal(draw_configs("grid", space, SEED, 40, x), 15);
    for (size_t i = 0; i < 15; i++) {
        assert_near(x[i * 3] + x[i * 3 + 1] + x[i * 3 + 2], 1, 0, 1e-9);
        for (size_t j = 0; j < 3; j++)
            assert_near(x[i * 3 + j] * 4, floor(x[i * 3 + j] * 4 + 0.5), 0, 1e-6);
    }
    hpo_space_free(space);
    space = space_of("v: vector 3 0..1", NULL);
    check_distinct(space, "grid:points=3", 27);
    hpo_space_free(space);
}

/* Same rows in another order, which depends on the seed; no axis is finished before the others begin. */
static void test_shuffle(void **state)
{
    (void)state;
    enum { N = 441 };
    static double plain[N * 2], mixed[N * 2], other[N * 2];
    hpo_space *space = space_of("a: 0..1; b: 0..1", NULL);
    assert_int_equal(draw_configs("grid:points=21", space, SEED, N, plain), N);
    assert_int_equal(draw_configs("grid:points=21,shuffle=yes", space, SEED, N, mixed), N);
    assert_int_equal(draw_configs("grid:points=21,shuffle=yes", space, SEED + 1, N, other), N);
    assert_memory_not_equal(mixed, plain, sizeof plain);
    assert_memory_not_equal(mixed, other, sizeof other);
    check_distinct(space, "grid:points=21,shuffle=yes", N);
    double mean = 0;
    for (size_t i = 0; i < N / 4; i++)
        mean += mixed[i * 2] / (N / 4);
    assert_near(mean, 0.5, 0, 4 * 0.303 / sqrt(N / 4.0));
    hpo_space_free(space);
}

static void test_limit(void **state)
{
    (void)state;
    hpo_error err;
    hpo_sampler s;
    hpo_space *space = space_of("a: 0..1; b: 0..1; c: 0..1; d: 0..1; e: 0..1; f: 0..1", NULL);
    assert_fails(hpo_sampler_open("grid", space, 1, 0, SEED, &s, &err), HPO_EINVAL, err, "15625 points");
    assert_contains(err.msg, "force=yes");
    assert_ok(hpo_sampler_open("grid:points=4", space, 1, 0, SEED, &s, &err), err);
    hpo_sampler_close(&s);
    check_distinct(space, "grid:force=yes", 15625);
    assert_fails(hpo_sampler_open("grid:points=1000000,force=yes", space, 1, 0, SEED, &s, &err),
                 HPO_EUNSUPPORTED, err, "cannot be numbered");
    hpo_space_free(space);
    space = space_of("a: 0..1; b: 0..1; c: 0..1; d: 0..1; e: 0..1; f: 0..1; g: bool", "a > 0 or g");
    assert_fails(hpo_sampler_open("grid", space, 1, 0, SEED, &s, &err), HPO_EINVAL, err,
                 "more than 10000 points");
    hpo_space_free(space);
    space = space_of("a: 0..1; b: 0..1; c: 0..1", "abs(a - b) + abs(b - c) < 1e-9");
    assert_fails(hpo_sampler_open("grid:points=200", space, 1, 0, SEED, &s, &err), HPO_EINVAL, err,
                 "product");
    assert_ok(hpo_sampler_open("grid:points=100", space, 1, 0, SEED, &s, &err), err);
    hpo_sampler_close(&s);
    hpo_space_free(space);
}

static void test_done_stays_done(void **state)
{
    (void)state;
    double u[2];
    hpo_space *space = space_of("a: bool; b: bool", NULL);
    hpo_sampler s;
    open_sampler("grid", space, SEED, &s);
    assert_int_equal(ask(&s, SEED, 3, u), HPO_OK);
    assert_int_equal(ask(&s, SEED, 4, u), HPO_DONE);
    assert_int_equal(ask(&s, SEED, UINT64_MAX, u), HPO_DONE);
    assert_int_equal(ask(&s, SEED, 0, u), HPO_OK);
    hpo_sampler_close(&s);
    hpo_space_free(space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels_and_order),
        cmocka_unit_test(test_finite_spaces_are_complete),
        cmocka_unit_test(test_conditional_without_duplicates),
        cmocka_unit_test(test_constraints_are_skipped),
        cmocka_unit_test(test_simplex_and_vector),
        cmocka_unit_test(test_shuffle),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_done_stays_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
