/* SPDX-License-Identifier: Apache-2.0 */
/* base with each allocation failed in turn: HPO_ENOMEM with a text, nothing lost, nothing half done. */
#include "base/alloc.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "base/map.h"
#include "base/os.h"
#include "base/str.h"
#include "t.h"

static hpo_status use_reserve(void *ctx, hpo_error *err)
{
    (void)ctx;
    int *x = NULL;
    size_t cap = 0;
    hpo_status status = HPO_OK;
    for (size_t n = 1; n <= 100 && status == HPO_OK; n++) {
        size_t before = cap;
        status = hpo_reserve(&x, &cap, n, sizeof *x, err);
        if (status != HPO_OK) assert_int_equal(cap, before);
    }
    hpo_free(x);
    return status;
}

static hpo_status use_arena(void *ctx, hpo_error *err)
{
    (void)ctx;
    hpo_arena a = {0};
    hpo_status status = HPO_OK;
    for (int round = 0; round < 3 && status == HPO_OK; round++) {
        for (size_t n = 1; n < 60 && status == HPO_OK; n++) {
            char *p = hpo_arena_alloc(&a, n, 500);
            if (p != NULL)
                memset(p, 1, n * 500);
            else
                status = hpo_fail_memory(err);
        }
        hpo_arena_reset(&a); /* copes without memory for the merged block */
    }
    hpo_arena_fini(&a);
    return status;
}

static hpo_status use_str(void *ctx, hpo_error *err)
{
    (void)ctx;
    hpo_str s = {0};
    for (int i = 0; i < 100; i++) {
        hpo_str_addf(&s, "%d,", i);
        hpo_str_json(&s, "a\"b");
        hpo_str_double(&s, 0.1);
    }
    char *text = NULL;
    HPO_TRY(hpo_str_steal(&s, &text, err));
    assert_contains(text, "99,\"a\\\"b\"0.1");
    hpo_free(text);
    return HPO_OK;
}

static hpo_status use_map(void *ctx, hpo_error *err)
{
    (void)ctx;
    hpo_map m = {0};
    hpo_status status = HPO_OK;
    char key[16];
    int put = 0;
    for (; put < 50 && status == HPO_OK; put++) {
        (void)snprintf(key, sizeof key, "k%d", put);
        status = hpo_map_put(&m, key, put, err);
    }
    if (status != HPO_OK) put--;
    assert_int_equal(m.n, put); /* what was there is still there */
    for (int i = 0; i < put; i++) {
        (void)snprintf(key, sizeof key, "k%d", i);
        assert_int_equal(hpo_map_get(&m, key, -1), i);
    }
    hpo_map_fini(&m);
    return status;
}

static hpo_status use_u64map(void *ctx, hpo_error *err)
{
    (void)ctx;
    hpo_u64map m = {0};
    hpo_status status = HPO_OK;
    int64_t put = 0;
    for (; put < 100 && status == HPO_OK; put++)
        status = hpo_u64map_put(&m, (uint64_t)put, put, err);
    if (status != HPO_OK) put--;
    for (int64_t i = 0; i < put; i++)
        assert_int_equal(hpo_u64map_get(&m, (uint64_t)i, -1), i);
    hpo_u64map_fini(&m);
    return status;
}

static hpo_status use_json(void *ctx, hpo_error *err)
{
    (void)ctx;
    static const char text[] = "{\"a\":[1,2.5,\"a long text that needs room\"],\"b\":{\"c\":null}}";
    struct json_object *o = NULL;
    HPO_TRY(hpo_json_parse(text, sizeof text - 1, "x", &o, err));
    json_object_put(o);
    return HPO_OK;
}

static hpo_status use_yaml(void *ctx, hpo_error *err)
{
    (void)ctx;
    static const char text[] = "a: &x [1, 2.5]\nb: *x\nc: &y {d: *x}\ne: *y\n";
    struct json_object *o = NULL;
    HPO_TRY(hpo_yaml_parse(text, sizeof text - 1, "x", &o, err));
    json_object_put(o);
    return HPO_OK;
}

static hpo_status use_files(void *ctx, hpo_error *err)
{
    const char *path = ctx;
    char *text = NULL;
    size_t n = 0;
    HPO_TRY(hpo_os_write_file(path, "12345", 5, err));
    HPO_TRY(hpo_os_read_file(path, 100, &text, &n, err));
    assert_string_equal(text, "12345");
    hpo_free(text);
    HPO_TRY(hpo_os_mkdirs(t_temp_dir(), err));
    (void)hpo_os_is_network_fs("no/such/file", NULL);
    return HPO_OK;
}

static void test_memory(void **state)
{
    (void)state;
    assert_true(t_oom(use_reserve, NULL) >= 3);
    assert_true(t_oom(use_arena, NULL) >= 3);
    assert_true(t_oom(use_str, NULL) >= 3);
    assert_true(t_oom(use_map, NULL) >= 50);
    assert_true(t_oom(use_u64map, NULL) >= 4);
}

static void test_documents(void **state)
{
    (void)state;
    assert_true(t_oom(use_json, NULL) >= 1);
    assert_true(t_oom(use_yaml, NULL) >= 4);
}

static void test_files(void **state)
{
    (void)state;
    char path[4500];
    (void)snprintf(path, sizeof path, "%s", t_temp_path("file"));
    assert_true(t_oom(use_files, path) >= 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_documents),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
