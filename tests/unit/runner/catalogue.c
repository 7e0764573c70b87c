/* SPDX-License-Identifier: Apache-2.0 */
/* The catalogue of the four registries: every entry has a name and a complete description in JSON. */
#include "base/json.h"
#include "hpo/runner.h"
#include "sampler/registry.h"
#include "t.h"

static void test_every_entry_is_described(void **state)
{
    (void)state;
    static const hpo_registry ALL[] = {HPO_SAMPLERS, HPO_SCHEDULERS, HPO_STORAGES, HPO_RUNNERS};
    for (int k = 0; k < 4; k++) {
        size_t n = 0;
        for (const char *name; (name = hpo_registry_name(ALL[k], n)) != NULL; n++) {
            hpo_error err;
            char *text;
            struct json_object *o;
            const char *string = NULL;
            struct json_object *options = NULL, *caps = NULL;
            assert_ok(hpo_registry_describe(ALL[k], name, &text, &err), err);
            assert_null(strchr(text, '\n'));
            assert_ok(hpo_json_parse(text, strlen(text), name, &o, &err), err);
            assert_ok(hpo_json_get_string(o, name, "name", &string, &err), err);
            assert_string_equal(string, name);
            string = NULL;
            assert_ok(hpo_json_get_string(o, name, "help", &string, &err), err);
            assert_true(string != NULL && strlen(string) > 10);
            assert_ok(hpo_json_get_array(o, name, "options", &options, &err), err);
            assert_ok(hpo_json_get_array(o, name, "capabilities", &caps, &err), err);
            assert_non_null(options);
            assert_non_null(caps);
            json_object_put(o);
            hpo_free(text);
        }
        assert_true(n > 0);
    }
}

/* The options in the description are the rows of the table, with defaults in words where they are words. */
static void test_options_are_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; hpo_sampler_at(i) != NULL; i++) {
        const hpo_sampler_ops *ops = hpo_sampler_at(i);
        hpo_error err;
        char *text;
        struct json_object *o, *options = NULL;
        assert_ok(hpo_registry_describe(HPO_SAMPLERS, ops->name, &text, &err), err);
        assert_ok(hpo_json_parse(text, strlen(text), ops->name, &o, &err), err);
        assert_ok(hpo_json_get_array(o, ops->name, "options", &options, &err), err);
        assert_int_equal(json_object_array_length(options), ops->n_options);
        for (size_t k = 0; k < ops->n_options; k++) {
            struct json_object *one = json_object_array_get_idx(options, k);
            const hpo_option *row = &ops->options[k];
            const char *string = NULL;
            assert_ok(hpo_json_get_string(one, "option", "name", &string, &err), err);
            assert_string_equal(string, row->name);
            if (row->type == HPO_OPT_INT || row->type == HPO_OPT_REAL) {
                double low = 0;
                assert_ok(hpo_json_get_double(one, "option", "min", &low, &err), err);
                assert_near(low, row->min, 0, 0);
            }
            if (row->type == HPO_OPT_ENUM) {
                assert_ok(hpo_json_get_string(one, "option", "default", &string, &err), err);
                assert_string_equal(string, row->labels[(size_t)row->def]);
            }
        }
        json_object_put(o);
        hpo_free(text);
    }
}

static void test_unknown_names_are_refused(void **state)
{
    (void)state;
    hpo_error err;
    char *text = NULL;
    assert_fails(hpo_registry_describe(HPO_SAMPLERS, "no-such", &text, &err), HPO_ENOTFOUND, err, "random");
    assert_null(text);
    assert_fails(hpo_registry_describe((hpo_registry)9, "x", &text, &err), HPO_EINVAL, err, "9");
    assert_fails(hpo_registry_describe(HPO_STORAGES, NULL, &text, &err), HPO_EINVAL, err, "NULL");
    assert_null(hpo_registry_name((hpo_registry)9, 0));
    assert_null(hpo_registry_name(HPO_SAMPLERS, 1000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_entry_is_described),
        cmocka_unit_test(test_options_are_the_table),
        cmocka_unit_test(test_unknown_names_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
