/* SPDX-License-Identifier: Apache-2.0 */
/* Error texts: always one terminated line, cut with dots between characters. */
#include "base/error.h"
#include "base/str.h"
#include "t.h"

static void test_names_and_texts(void **state)
{
    (void)state;
#define CHECK(name, value, text)                                                                             \
    assert_string_equal(hpo_status_name(HPO_##name), #name);                                                 \
    assert_string_equal(hpo_status_text(HPO_##name), text);                                                  \
    assert_int_equal(HPO_##name, value);
    HPO_STATUS_LIST(CHECK)
#undef CHECK
    assert_string_equal(hpo_status_name((hpo_status)99), "?");
    assert_non_null(hpo_status_text((hpo_status)99));
    assert_string_equal(hpo_version(), HPO_VERSION);
    char numbers[32];
    (void)snprintf(numbers, sizeof numbers, "%d.%d.%d", HPO_VERSION_MAJOR, HPO_VERSION_MINOR,
                   HPO_VERSION_PATCH);
    assert_string_equal(numbers, HPO_VERSION);
}

static void test_fail(void **state)
{
    (void)state;
    hpo_error err = {HPO_OK, "old"};
    assert_int_equal(hpo_fail(&err, HPO_EINVAL, "lr: %d is\nnot %s\r", 3, "good"), HPO_EINVAL);
    assert_int_equal(err.code, HPO_EINVAL);
    assert_string_equal(err.msg, "lr: 3 is not good ");
    assert_int_equal(hpo_fail(NULL, HPO_EIO, "nobody reads %d", 1), HPO_EIO);
    assert_fails(hpo_fail_memory(&err), HPO_ENOMEM, err, "memory");
    assert_int_equal(hpo_fail_memory(NULL), HPO_ENOMEM);
}

static void test_long_texts_end_in_dots(void **state)
{
    (void)state;
    hpo_error err;
    char text[2000];
    /* Two-byte characters, shifted by one, so that the cut falls on both halves. */
    for (size_t shift = 0; shift < 4; shift++) {
        memset(text, 'x', shift);
        for (size_t i = shift; i + 2 < sizeof text; i += 2)
            memcpy(text + i, "\xC3\xA9", 2);
        text[sizeof text - 3] = '\0';
        assert_int_equal(hpo_fail(&err, HPO_EINVAL, "%s", text), HPO_EINVAL);
        size_t n = strlen(err.msg);
        assert_true(n < sizeof err.msg && n > sizeof err.msg - 6);
        assert_string_equal(err.msg + n - 3, "...");
        for (size_t i = 0; i < n;) {
            size_t len = hpo_utf8_length(err.msg + i, n - i);
            assert_true(len > 0);
            i += len;
        }
    }
    memset(text, 'y', sizeof text);
    text[sizeof err.msg - 1] = '\0'; /* fits exactly */
    assert_int_equal(hpo_fail(&err, HPO_EINVAL, "%s", text), HPO_EINVAL);
    assert_string_equal(err.msg, text);
}

static void test_prefix(void **state)
{
    (void)state;
    hpo_error err;
    (void)hpo_fail(&err, HPO_EIO, "disk full");
    assert_int_equal(hpo_fail_prefix(&err, HPO_EINVAL, "study '%s'", "a"), HPO_EIO);
    assert_string_equal(err.msg, "study 'a': disk full");
    assert_int_equal(hpo_fail_prefix(NULL, HPO_EBUSY, "x"), HPO_EBUSY);
    for (int i = 0; i < 100; i++)
        (void)hpo_fail_prefix(&err, HPO_EIO, "again and again");
    assert_true(strlen(err.msg) < sizeof err.msg);
}

static hpo_status try_it(hpo_status code, int *reached)
{
    HPO_TRY(code);
    *reached = 1;
    return HPO_OK;
}

static void test_try(void **state)
{
    (void)state;
    int reached = 0;
    assert_status(try_it(HPO_EBUSY, &reached), HPO_EBUSY);
    assert_int_equal(reached, 0);
    assert_status(try_it(HPO_OK, &reached), HPO_OK);
    assert_int_equal(reached, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_and_texts),
        cmocka_unit_test(test_fail),
        cmocka_unit_test(test_long_texts_end_in_dots),
        cmocka_unit_test(test_prefix),
        cmocka_unit_test(test_try),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
