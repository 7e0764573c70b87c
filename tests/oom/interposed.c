/* SPDX-License-Identifier: Apache-2.0 */
/* The readers with the allocations of json-c and libyaml failed in turn, which do not pass through our hooks:
 * this program replaces malloc itself (glibc; not under sanitisers, which do the same). */
#include <errno.h>

#include "base/json.h"
#include "t.h"

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

static size_t countdown; /* 0: never fail.  HPO_API below: libraries must see these functions */
static int hit;

static int must_fail(void)
{
    if (countdown == 0 || --countdown != 0) return 0;
    hit = 1;
    errno = ENOMEM;
    return 1;
}

HPO_API void *malloc(size_t n)
{
    return must_fail() ? NULL : __libc_malloc(n);
}

HPO_API void *calloc(size_t n, size_t size)
{
    return must_fail() ? NULL : __libc_calloc(n, size);
}

HPO_API void *realloc(void *p, size_t n)
{
    return must_fail() ? NULL : __libc_realloc(p, n);
}

typedef hpo_status (*reader)(const char *text, size_t n, const char *what, struct json_object **out,
                             hpo_error *err);

static void fail_each(reader read, const char *text)
{
    for (size_t n = 1;; n++) {
        hpo_error err = {HPO_OK, ""};
        struct json_object *o = NULL;
        hit = 0;
        countdown = n;
        hpo_status status = read(text, strlen(text), "x", &o, &err);
        countdown = 0;
        if (status == HPO_OK) {
            json_object_put(o);
        } else {
            if (status != HPO_ENOMEM) fail_msg("allocation %zu: %s: %s", n, hpo_status_name(status), err.msg);
            assert_null(o);
        }
        if (!hit) {
            assert_int_equal(status, HPO_OK);
            assert_true(n > 10);
            return;
        }
    }
}

static void test_json(void **state)
{
    (void)state;
    fail_each(hpo_json_parse, "{\"a\":[1,2.5,true,\"a text that is long enough to need memory of its own\"],"
                              "\"b\":{\"c\":null,\"d\":18446744073709551615},\"e\":NaN}");
}

static void test_yaml(void **state)
{
    (void)state;
    fail_each(hpo_yaml_parse, "a: &x [1, 2.5, true, a text that is long enough to need memory of its own]\n"
                              "b: *x\nc: &y {d: *x, e: 0x10, f: ~}\ng: |\n  block\n  text\nh: .inf\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_json), cmocka_unit_test(test_yaml)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
