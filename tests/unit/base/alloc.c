/* SPDX-License-Identifier: Apache-2.0 */
/* Memory and arenas: checked sizes, hooks, growth, alignment, no allocation in the steady state. */
#include "base/alloc.h"
#include "base/arena.h"
#include "base/error.h"
#include "t.h"

static void test_sizes_are_checked(void **state)
{
    (void)state;
    assert_null(hpo_alloc_array(SIZE_MAX / 2, 3));
    assert_null(hpo_alloc_array(SIZE_MAX, SIZE_MAX));
    assert_null(hpo_calloc((size_t)1 << 62, 8));
    assert_null(hpo_alloc(SIZE_MAX));
    char *p = hpo_alloc(4);
    assert_null(hpo_realloc_array(p, SIZE_MAX / 4, 8));
    memcpy(p, "abc", 4); /* survived the failed call */
    hpo_free(p);
}

static void test_zero_bytes_is_a_pointer(void **state)
{
    (void)state;
    void *p = hpo_alloc(0), *q = hpo_calloc(0, 8);
    assert_non_null(p);
    assert_non_null(q);
    assert_ptr_not_equal(p, q);
    hpo_free(p);
    hpo_free(q);
    hpo_free(NULL);
}

static void test_calloc_is_zeroed(void **state)
{
    (void)state;
    for (size_t n = 1; n < 300; n++) {
        unsigned char *p = hpo_calloc(n, 3);
        assert_non_null(p);
        for (size_t i = 0; i < 3 * n; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xAA, 3 * n);
        hpo_free(p);
    }
}

static void test_copies(void **state)
{
    (void)state;
    char *a = hpo_strdup("lr"), *b = hpo_strndup("momentum", 3), *c = hpo_strndup("x\0y", 3);
    assert_string_equal(a, "lr");
    assert_string_equal(b, "mom");
    assert_string_equal(c, "x");
    hpo_free(a);
    hpo_free(b);
    hpo_free(c);
}

static void test_hooks_see_everything(void **state)
{
    (void)state;
    t_alloc_install(0, 0);
    void *p = hpo_alloc(10), *q = hpo_calloc(2, 5);
    assert_int_equal(t_alloc_live(), 2);
    p = hpo_realloc_array(p, 100, 1);
    assert_int_equal(t_alloc_live(), 2);
    hpo_free(p);
    hpo_free(q);
    assert_int_equal(t_alloc_live(), 0);
    assert_int_equal(t_alloc_count(), 3);
    t_alloc_install(1, 0);
    assert_null(hpo_alloc(1));
    t_alloc_remove();
    /* A struct smaller than ours (an older program's) is not believed. */
    hpo_allocator small = {sizeof small - 1, NULL, NULL, NULL, NULL};
    hpo_set_allocator(&small);
    p = hpo_alloc(1);
    assert_non_null(p);
    hpo_free(p);
    hpo_set_allocator(NULL);
}

static void test_reserve(void **state)
{
    (void)state;
    hpo_error err = {HPO_OK, ""};
    double *x = NULL;
    size_t cap = 0, grown = 0;
    for (size_t n = 1; n <= 10000; n++) {
        size_t before = cap;
        assert_ok(hpo_reserve(&x, &cap, n, sizeof *x, &err), err);
        assert_true(cap >= n);
        grown += cap != before;
        x[n - 1] = (double)n;
    }
    assert_true(grown < 25); /* geometric */
    for (size_t n = 1; n <= 10000; n++)
        assert_true(x[n - 1] == (double)n);
    double *before = x;
    size_t cap_before = cap;
    assert_fails(hpo_reserve(&x, &cap, SIZE_MAX / 2, sizeof *x, &err), HPO_ENOMEM, err, "memory");
    assert_ptr_equal(x, before);
    assert_int_equal(cap, cap_before);
    hpo_free(x);
}

static void test_arena_alignment_and_separation(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    hpo_arena a = {0};
    for (int round = 0; round < 5; round++) {
        unsigned char *p[200];
        size_t n[200];
        for (size_t i = 0; i < 200; i++) {
            n[i] = (size_t)t_int(&r, 0, 3000);
            p[i] = hpo_arena_alloc(&a, n[i], 1);
            assert_non_null(p[i]);
            assert_int_equal((uintptr_t)p[i] % 64, 0);
            memset(p[i], (int)i, n[i]);
        }
        for (size_t i = 0; i < 200; i++) {
            for (size_t j = 0; j < n[i]; j++)
                assert_int_equal(p[i][j], (unsigned char)i);
        }
        hpo_arena_reset(&a);
        assert_int_equal(a.used, 0);
    }
    hpo_arena_fini(&a);
    assert_null(a.first);
    hpo_arena_fini(&a);
}

static void test_arena_steady_state_allocates_nothing(void **state)
{
    (void)state;
    t_alloc_install(0, 0);
    hpo_arena a = {0};
    size_t after_two = 0;
    for (int round = 0; round < 100; round++) {
        for (size_t i = 1; i < 50; i++)
            assert_non_null(hpo_arena_alloc(&a, i, 100));
        hpo_arena_reset(&a);
        if (round == 1) after_two = t_alloc_count();
    }
    assert_int_equal(t_alloc_count(), after_two);
    assert_int_equal(t_alloc_live(), 1); /* one block of the peak's size */
    hpo_arena_fini(&a);
    assert_int_equal(t_alloc_live(), 0);
    t_alloc_remove();
}

static void test_arena_refuses_huge(void **state)
{
    (void)state;
    hpo_arena a = {0};
    assert_null(hpo_arena_alloc(&a, SIZE_MAX, 1));
    assert_null(hpo_arena_alloc(&a, SIZE_MAX / 2, 4));
    assert_null(hpo_arena_alloc(&a, (size_t)PTRDIFF_MAX - 64, 1));
    hpo_arena_reset(&a);
    assert_non_null(hpo_arena_alloc(&a, 0, 8));
    hpo_arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes_are_checked),
        cmocka_unit_test(test_zero_bytes_is_a_pointer),
        cmocka_unit_test(test_calloc_is_zeroed),
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_hooks_see_everything),
        cmocka_unit_test(test_reserve),
        cmocka_unit_test(test_arena_alignment_and_separation),
        cmocka_unit_test(test_arena_steady_state_allocates_nothing),
        cmocka_unit_test(test_arena_refuses_huge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
