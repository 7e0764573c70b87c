/* SPDX-License-Identifier: Apache-2.0 */
/* Wrong calls of the public functions of spaces: an error in words or a neutral answer, never a crash. */
#include "t.h"

#include <math.h>

#include "base/alloc.h"
#include "hpo.h"

static void wants_error(hpo_status status, const hpo_error *err)
{
    assert_int_equal(status, HPO_EINVAL);
    assert_non_null(strstr(err->msg, "NULL"));
}

static void test_null(void **state)
{
    (void)state;
    hpo_error e;
    hpo_space *s = NULL, *other = NULL;
    char *text = NULL;
    const char *name = NULL;
    double x[2] = {0.5, 0};
    const char *labels[] = {"a", NULL};
    hpo_param_info info;
    hpo_param_info_init_sized(NULL, sizeof info);
    wants_error(hpo_space_create(NULL, &e), &e);
    wants_error(hpo_space_parse(NULL, &other, &e), &e);
    wants_error(hpo_space_parse("x: 0..1", NULL, &e), &e);
    wants_error(hpo_space_load(NULL, &other, &e), &e);
    wants_error(hpo_space_load("{}", NULL, &e), &e);
    assert_int_equal(hpo_space_parse(NULL, NULL, NULL), HPO_EINVAL);

    assert_ok(hpo_space_parse("x: 0..1; c: a,b", &s, &e), e);
    wants_error(hpo_space_add(NULL, "y", "0..1", &e), &e);
    wants_error(hpo_space_add(s, NULL, "0..1", &e), &e);
    wants_error(hpo_space_add(s, "y", NULL, &e), &e);
    wants_error(hpo_space_add_float(NULL, "y", 0, 1, HPO_SCALE_LINEAR, &e), &e);
    wants_error(hpo_space_add_float(s, NULL, 0, 1, HPO_SCALE_LINEAR, &e), &e);
    wants_error(hpo_space_add_int(s, NULL, 0, 1, HPO_SCALE_LINEAR, &e), &e);
    wants_error(hpo_space_add_categorical(s, "y", NULL, 2, &e), &e);
    wants_error(hpo_space_add_categorical(s, "y", labels, 2, &e), &e);
    wants_error(hpo_space_add_constraint(s, NULL, &e), &e);
    wants_error(hpo_space_add_derived(s, "y", NULL, &e), &e);
    wants_error(hpo_space_add_derived(s, NULL, "x", &e), &e);
    wants_error(hpo_space_freeze(NULL, &e), &e);
    assert_ok(hpo_space_freeze(s, &e), e);

    wants_error(hpo_space_param(s, 0, NULL, &e), &e);
    wants_error(hpo_space_sample(s, 1, 1, NULL, &e), &e);
    wants_error(hpo_space_sample(NULL, 1, 1, x, &e), &e);
    wants_error(hpo_space_validate(s, NULL, &e), &e);
    wants_error(hpo_space_to_json(s, NULL, &e), &e);
    wants_error(hpo_space_to_json(NULL, &text, &e), &e);
    wants_error(hpo_space_lint(s, NULL, &e), &e);
    wants_error(hpo_space_lint(NULL, &text, &e), &e);
    wants_error(hpo_space_diff(s, NULL, &text, &e), &e);
    wants_error(hpo_space_diff(s, s, NULL, &e), &e);
    wants_error(hpo_space_config_to_json(s, NULL, &text, &e), &e);
    wants_error(hpo_space_config_from_json(s, NULL, x, &e), &e);
    wants_error(hpo_space_value_text(s, x, 0, NULL, &e), &e);
    wants_error(hpo_space_value_text(NULL, x, 0, &text, &e), &e);
    wants_error(hpo_space_derived_text(s, x, 0, &name, NULL, &e), &e);
    assert_null(text);

    assert_int_equal(hpo_space_n_params(NULL), 0);
    assert_int_equal(hpo_space_n_columns(NULL), 0);
    assert_int_equal(hpo_space_n_dims(NULL), 0);
    assert_int_equal(hpo_space_n_derived(NULL), 0);
    assert_int_equal(hpo_space_find(NULL, "x"), -1);
    assert_int_equal(hpo_space_find(s, NULL), -1);
    assert_int_equal(hpo_space_hash(NULL, x), 0);
    assert_true(isnan(hpo_space_size(NULL, 10)));
    hpo_space_free(NULL);
    hpo_space_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_null)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
