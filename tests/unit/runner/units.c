/* SPDX-License-Identifier: Apache-2.0 */
/* runner/units, slots, trialdir: durations, sizes, budgets; devices; names of folders. */
#include "hpo/runner.h"
#include "runner/slots.h"
#include "runner/trialdir.h"
#include "t.h"

static void test_durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double want;
    } good[] = {{"90", 90},     {"1.5h", 5400},   {"2min30s", 150}, {"4d", 345600},
                {"100ms", 0.1}, {"1h 30m", 5400}, {"0", 0},         {"1e3", 1000}};
    static const char *const bad[] = {"", "-1", "h", "5 parsecs", "1h30", "inf", "nan", "1hh", "1e999"};
    hpo_error err;
    double v;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_ok(hpo_duration_parse(good[i].text, &v, &err), err);
        assert_near(v, good[i].want, 1e-12, 0);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_fails(hpo_duration_parse(bad[i], &v, &err), HPO_EINVAL, err, "duration");
}

static void test_bytes(void **state)
{
    (void)state;
    hpo_error err;
    int64_t v;
    assert_ok(hpo_bytes_parse("512M", &v, &err), err);
    assert_int_equal(v, (int64_t)512 << 20);
    assert_ok(hpo_bytes_parse("1.5GiB", &v, &err), err);
    assert_int_equal(v, (int64_t)3 << 29);
    assert_ok(hpo_bytes_parse("77", &v, &err), err);
    assert_int_equal(v, 77);
    assert_fails(hpo_bytes_parse("1X", &v, &err), HPO_EINVAL, err, "'1X' is not a size");
    assert_fails(hpo_bytes_parse("-1", &v, &err), HPO_EINVAL, err, "size");
    assert_fails(hpo_bytes_parse("9e30", &v, &err), HPO_EINVAL, err, "size");
}

static void test_budget(void **state)
{
    (void)state;
    hpo_error err;
    hpo_budget b = {.size = sizeof b, .target = (double)NAN, .stagnation = 3};
    assert_ok(hpo_budget_parse("10min, 200trials,target=-0.05,cost=20", &b, &err), err);
    assert_true(b.seconds == 600 && b.trials == 200 && b.target == -0.05 && b.cost == 20 &&
                b.stagnation == 3);
    assert_ok(hpo_budget_parse("time=1h,trials=7,stagnation=50", &b, &err), err);
    assert_true(b.seconds == 3600 && b.trials == 7 && b.stagnation == 50);
    assert_fails(hpo_budget_parse("200", &b, &err), HPO_EINVAL, err, "200trials");
    assert_fails(hpo_budget_parse("1.5trials", &b, &err), HPO_EINVAL, err, "whole number");
    assert_fails(hpo_budget_parse("10min,,", &b, &err), HPO_EINVAL, err, "empty");
    assert_fails(hpo_budget_parse("trails=3", &b, &err), HPO_EINVAL, err, "trails");
    assert_fails(hpo_budget_parse("cost=-1", &b, &err), HPO_EINVAL, err, "cost");
}

static void test_slots(void **state)
{
    (void)state;
    hpo_error err;
    hpo_slots s;
    int a[2], b[2], c[2], d[2], e[2];
    assert_ok(hpo_slots_init(&s, "0, gpu-b", 0.5, &err), err);
    assert_int_equal(hpo_slots_capacity(&s), 4);
    assert_true(hpo_slots_take(&s, a) && hpo_slots_take(&s, b));
    assert_int_equal(a[0], b[0]); /* packed */
    assert_true(hpo_slots_take(&s, c) && hpo_slots_take(&s, d));
    assert_int_not_equal(c[0], a[0]);
    assert_false(hpo_slots_take(&s, e));
    hpo_slots_give(&s, b);
    assert_true(hpo_slots_take(&s, e));
    assert_int_equal(e[0], b[0]);
    hpo_slots_fini(&s);

    assert_ok(hpo_slots_init(&s, "0,1,2", 2, &err), err);
    assert_int_equal(hpo_slots_capacity(&s), 1);
    assert_true(hpo_slots_take(&s, a));
    assert_int_not_equal(a[0], a[1]);
    assert_false(hpo_slots_take(&s, b));
    hpo_slots_fini(&s);

    assert_ok(hpo_slots_init(&s, NULL, 0, &err), err);
    assert_int_equal(hpo_slots_capacity(&s), -1);
    assert_fails(hpo_slots_init(&s, "0", 1.5, &err), HPO_EINVAL, err, "1.5");
    assert_fails(hpo_slots_init(&s, "0,0", 1, &err), HPO_EINVAL, err, "twice");
    assert_fails(hpo_slots_init(&s, "0", 2, &err), HPO_EINVAL, err, "--gpus");
    assert_fails(hpo_slots_init(&s, NULL, 1, &err), HPO_EINVAL, err, "--gpus");
}

static void name_is(const char *study, const char *want)
{
    hpo_str s = {0};
    hpo_trialdir_name(&s, study);
    if (strncmp(s.text, want, strlen(want)) != 0) fail_msg("'%s' became '%s', not '%s'", study, s.text, want);
    assert_true(strspn(s.text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == s.len);
    assert_true(s.len > 0 && s.len <= 80);
    hpo_str_fini(&s);
}

static void test_folder_names(void **state)
{
    (void)state;
    char longest[500];
    name_is("digits-2.1_x", "digits-2.1_x");
    name_is("../../etc", "_.._.._etc-");
    name_is("a/b", "a_b-");
    name_is("a:b", "a_b-");
    name_is("con", "_con-");
    name_is("COM1.txt", "_COM1.txt-");
    name_is("end.", "end_-");
    name_is("", "-");
    name_is("-x", "_-x-");
    memset(longest, 'y', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    name_is(longest, "yyyy");
    hpo_str a = {0}, b = {0}; /* different names, different folders */
    hpo_trialdir_name(&a, "a/b");
    hpo_trialdir_name(&b, "a:b");
    assert_string_not_equal(a.text, b.text);
    hpo_str_fini(&a);
    hpo_str_fini(&b);
}

static void test_env_masks(void **state)
{
    (void)state;
    static const char *const env[] = {"PATH=/bin",
                                      "AWS_SECRET_ACCESS_KEY=x1",
                                      "my_token=x2",
                                      "DB_PASSWORD=x3",
                                      "URL=postgresql://me:x4@host/db",
                                      "HPO_PARAM_KEY=5",
                                      "TWO=a\nb",
                                      NULL};
    hpo_str s = {0};
    hpo_trialdir_env(&s, env);
    assert_string_equal(s.text, "PATH=/bin\nAWS_SECRET_ACCESS_KEY=***\nmy_token=***\nDB_PASSWORD=***\n"
                                "URL=postgresql://me:***@host/db\nHPO_PARAM_KEY=5\nTWO=a\\nb\n");
    hpo_str_fini(&s);
}

static void test_attempts(void **state)
{
    (void)state;
    hpo_error err;
    const char *dir = t_temp_path("trials/st/0");
    hpo_str tail = {0};
    assert_ok(hpo_trialdir_make(dir, 1, &err), err);
    assert_ok(hpo_trialdir_write(dir, "stdout", "1\n2\n3\n", 6, &err), err);
    assert_ok(hpo_trialdir_write(dir, "stop", "", 0, &err), err);
    assert_false(hpo_trialdir_has_checkpoint(dir));
    assert_ok(hpo_trialdir_write(dir, "ckpt/model", "x", 1, &err), err);
    assert_true(hpo_trialdir_has_checkpoint(dir));
    hpo_trialdir_tail(&tail, dir, "stdout", 2);
    assert_string_equal(tail.text, "2\n3\n");
    hpo_str_clear(&tail);
    assert_ok(hpo_trialdir_make(dir, 2, &err), err);
    hpo_trialdir_tail(&tail, dir, "stdout.1", 9);
    assert_string_equal(tail.text, "1\n2\n3\n");
    hpo_str_clear(&tail);
    hpo_trialdir_tail(&tail, dir, "stdout", 9);
    hpo_trialdir_tail(&tail, dir, "stop", 9);
    assert_int_equal(tail.len, 0);
    assert_true(hpo_trialdir_has_checkpoint(dir)); /* survives */
    hpo_str_fini(&tail);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations),    cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_budget),       cmocka_unit_test(test_slots),
        cmocka_unit_test(test_folder_names), cmocka_unit_test(test_env_masks),
        cmocka_unit_test(test_attempts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
