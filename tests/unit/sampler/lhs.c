/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/lhs: every block is a Latin hypercube, blocks differ, kinds and limits. */
#include "draws.h"

#include "math/qmc.h"

enum { DIMS = 4, ROWS = 10, BLOCKS = 3 };
static const char space_text[] = "a: 0..1; b: 0..1; c: 0..1; d: 0..1";

static void check_latin(const double *u, size_t n)
{
    for (size_t j = 0; j < DIMS; j++) {
        int seen[64] = {0};
        for (size_t i = 0; i < n; i++)
            assert_int_equal(seen[(size_t)(u[i * DIMS + j] * (double)n)]++, 0);
    }
}

static void test_blocks_are_latin(void **state)
{
    (void)state;
    double u[ROWS * BLOCKS * DIMS];
    const char *const kinds[] = {"plain", "centered", "maximin", "optimized"};
    hpo_space *space = space_of(space_text, NULL);
    for (size_t k = 0; k < 4; k++) {
        char spec[64];
        snprintf(spec, sizeof spec, "lhs:n=10,kind=%s", kinds[k]);
        assert_int_equal(draw_points(spec, space, SEED, ROWS * BLOCKS, u), ROWS * BLOCKS);
        for (size_t b = 0; b < BLOCKS; b++)
            check_latin(u + b * ROWS * DIMS, ROWS);
        assert_memory_not_equal(u, u + ROWS * DIMS, ROWS * DIMS * sizeof *u);
        if (k == 1) /* the middle of a tenth: 0.05, 0.15 ... */
            for (size_t i = 0; i < ROWS * DIMS; i++)
                assert_near(u[i] * ROWS - floor(u[i] * ROWS), 0.5, 0, 1e-9);
    }
    hpo_space_free(space);
}

static void test_default_block(void **state)
{
    (void)state;
    double u[16 * DIMS];
    hpo_space *space = space_of(space_text, NULL);
    assert_int_equal(draw_points("lhs", space, SEED, 16, u), 16);
    check_latin(u, 16);
    hpo_space_free(space);
}

static void test_searching_kinds_spread_points(void **state)
{
    (void)state;
    enum { N = 20, SEEDS = 8 };
    static double u[N * DIMS];
    double sum[3] = {0};
    const char *const specs[] = {"lhs:n=20", "lhs:n=20,kind=maximin", "lhs:n=20,kind=optimized"};
    hpo_space *space = space_of(space_text, NULL);
    for (size_t k = 0; k < 3; k++)
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            draw_points(specs[k], space, seed, N, u);
            sum[k] += hpo_min_distance(u, N, DIMS);
        }
    assert_true(sum[1] > 1.3 * sum[0]);
    assert_true(sum[2] > 1.3 * sum[0]);
    hpo_space_free(space);
}

static void test_constraint_skips_rows(void **state)
{
    (void)state;
    double all[40 * DIMS], u[12 * DIMS];
    hpo_space *free_space = space_of(space_text, NULL), *space = space_of(space_text, "a + b < 1");
    draw_points("lhs:n=8", free_space, SEED, 40, all);
    draw_points("lhs:n=8", space, SEED, 12, u);
    size_t n = 0;
    for (size_t i = 0; i < 40 && n < 12; i++)
        if (all[i * DIMS] + all[i * DIMS + 1] < 1) assert_same_doubles(u + n++ * DIMS, all + i * DIMS, DIMS);
    assert_int_equal(n, 12);
    hpo_space_free(free_space);
    hpo_space_free(space);
}

static void test_limit_of_searching_kinds(void **state)
{
    (void)state;
    hpo_space *space = space_of(space_text, NULL);
    hpo_sampler s;
    hpo_error err;
    assert_fails(hpo_sampler_open("lhs:n=501,kind=optimized", space, 1, 0, SEED, &s, &err), HPO_EINVAL, err,
                 "n=501");
    assert_fails(hpo_sampler_open("lhs:n=501,kind=maximin", space, 1, 0, SEED, &s, &err), HPO_EINVAL, err,
                 "maximin");
    assert_ok(hpo_sampler_open("lhs:n=501", space, 1, 0, SEED, &s, &err), err);
    hpo_sampler_close(&s);
    hpo_space_free(space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_are_latin),
        cmocka_unit_test(test_default_block),
        cmocka_unit_test(test_searching_kinds_spread_points),
        cmocka_unit_test(test_constraint_skips_rows),
        cmocka_unit_test(test_limit_of_searching_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
