/* SPDX-License-Identifier: Apache-2.0 */
/* base/registry: built-ins first, then what was added; names are unique; many threads may register. */
#include "base/registry.h"

#include "base/alloc.h"
#include "t.h"

typedef struct ops {
    size_t size;
    const char *name;
    int value;
} ops;

static const ops one = {sizeof(ops), "one", 1}, two = {sizeof(ops), "twos", 2};
static const void *const builtin[] = {&one, &two};

static void test_builtin_and_added(void **state)
{
    (void)state;
    hpo_error err;
    hpo_ops_list l = HPO_OPS_LIST("thing", ops, builtin);
    static const ops three = {sizeof(ops), "three-x_1", 3};
    assert_ptr_equal(hpo_ops_at(&l, 0), &one);
    assert_ptr_equal(hpo_ops_at(&l, 1), &two);
    assert_null(hpo_ops_at(&l, 2));
    assert_ok(hpo_ops_add(&l, &three, &err), err);
    assert_ptr_equal(hpo_ops_at(&l, 2), &three);
    assert_null(hpo_ops_at(&l, 3));
    assert_ptr_equal(hpo_ops_find(&l, "three-x_1"), &three);
    assert_null(hpo_ops_find(&l, "three"));
    const void *found;
    assert_ok(hpo_ops_lookup(&l, "twos", &found, &err), err);
    assert_ptr_equal(found, &two);
    assert_fails(hpo_ops_lookup(&l, "tows", &found, &err), HPO_ENOTFOUND, err, "did you mean 'twos'?");
    assert_fails(hpo_ops_lookup(&l, "something else", &found, &err), HPO_ENOTFOUND, err,
                 "known are one, twos, three-x_1");
    assert_null(found);
    hpo_free(l.added);
}

static void test_refused(void **state)
{
    (void)state;
    hpo_error err;
    hpo_ops_list l = HPO_OPS_LIST("thing", ops, builtin);
    const ops again = {sizeof(ops), "one", 0}, old = {sizeof(ops) - 1, "old", 0},
              noname = {sizeof(ops), NULL, 0};
    assert_fails(hpo_ops_add(&l, NULL, &err), HPO_EINVAL, err, "NULL");
    assert_fails(hpo_ops_add(&l, &again, &err), HPO_EEXIST, err, "already registered");
    assert_fails(hpo_ops_add(&l, &old, &err), HPO_EINVAL, err, "size");
    assert_fails(hpo_ops_add(&l, &noname, &err), HPO_EINVAL, err, "name");
    const char *const bad[] = {"",    "Upper", "a b", "a:b",
                               "a,b", "1st",   "-x",  "abcdefghijklmnopqrstuvwxyz012345"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const ops o = {sizeof(ops), bad[i], 0};
        assert_fails(hpo_ops_add(&l, &o, &err), HPO_EINVAL, err, "name");
    }
    assert_null(hpo_ops_at(&l, 2));
}

static void test_no_memory(void **state)
{
    (void)state;
    hpo_error err;
    hpo_ops_list l = HPO_OPS_LIST("thing", ops, builtin);
    const ops o = {sizeof(ops), "more", 0};
    t_alloc_install(1, 1);
    hpo_status rc = hpo_ops_add(&l, &o, &err);
    t_alloc_remove();
    assert_int_equal(rc, HPO_ENOMEM);
    assert_null(hpo_ops_find(&l, "more"));
}

enum { THREADS = 4, EACH = 50 };
static hpo_ops_list shared = HPO_OPS_LIST("thing", ops, builtin);
static ops many[THREADS][EACH];
static char names[THREADS][EACH][16];

static void *add_many(void *arg)
{
    ops *mine = arg;
    for (size_t i = 0; i < EACH; i++) {
        if (hpo_ops_add(&shared, &mine[i], NULL) != HPO_OK) return arg;
        if (hpo_ops_find(&shared, mine[i].name) != &mine[i]) return arg;
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    hpo_thread t[THREADS];
    hpo_error err;
    for (size_t k = 0; k < THREADS; k++) {
        for (size_t i = 0; i < EACH; i++) {
            snprintf(names[k][i], sizeof names[k][i], "t%zu-%zu", k, i);
            many[k][i] = (ops){sizeof(ops), names[k][i], 0};
        }
        assert_ok(hpo_thread_start(&t[k], add_many, many[k], &err), err);
    }
    for (size_t k = 0; k < THREADS; k++)
        hpo_thread_join(t[k]);
    assert_non_null(hpo_ops_at(&shared, 2 + THREADS * EACH - 1));
    assert_null(hpo_ops_at(&shared, 2 + THREADS * EACH));
    hpo_free(shared.added);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_builtin_and_added),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
