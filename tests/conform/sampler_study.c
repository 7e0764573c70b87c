/* SPDX-License-Identifier: Apache-2.0 */
/* Every registered sampler at work in a study, through hpo.h: no configuration twice, enqueued trials in
 * between, the same trials after opening the study again, and the end of a grid. */
#include "sampler/registry.h"
#include "t.h"

enum { TRIALS = 40, MAX_COLUMNS = 16 };

static const char mixed[] = "lr: log 1e-5..1; n: int 1..64; opt: sgd,adam; mom: 0..0.99 if opt == sgd";

static hpo_study *make_study(hpo_storage *st, const char *space_text, const char *sampler, int64_t trials)
{
    hpo_error err;
    hpo_space *space;
    hpo_study *s;
    assert_ok(hpo_space_parse(space_text, &space, &err), err);
    hpo_study_options o = hpo_study_options_init();
    o.seed = 3;
    o.sampler = sampler;
    o.budget.trials = trials;
    assert_ok(hpo_study_create(st, space, &o, &s, &err), err);
    hpo_space_free(space);
    return s;
}

/* Asks and tells once; HPO_DONE ends.  The configuration is copied to x. */
static hpo_status step(hpo_study *s, double *x)
{
    hpo_error err;
    hpo_trial *t = NULL;
    hpo_status rc = hpo_study_ask(s, &t, &err);
    if (rc == HPO_DONE) return rc;
    assert_ok(rc, err);
    memcpy(x, hpo_trial_x(t), hpo_space_n_columns(hpo_study_space(s)) * sizeof *x);
    assert_ok(hpo_space_validate(hpo_study_space(s), x, &err), err);
    assert_ok(hpo_study_tell_value(s, t, x[0], &err), err);
    hpo_trial_free(t);
    return HPO_OK;
}

static void check_distinct(const hpo_space *space, const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            assert_true(hpo_space_hash(space, x + i * MAX_COLUMNS) !=
                        hpo_space_hash(space, x + j * MAX_COLUMNS));
}

static void test_trials_are_distinct(void **state)
{
    (void)state;
    const hpo_sampler_ops *ops;
    for (size_t i = 0; (ops = hpo_sampler_at(i)) != NULL; i++) {
        static double x[TRIALS * MAX_COLUMNS];
        hpo_study *s = make_study(NULL, mixed, ops->name, TRIALS);
        size_t n = 0;
        hpo_error err;
        while (n < TRIALS && step(s, x + n * MAX_COLUMNS) == HPO_OK) {
            n++;
            if (n % 10 == 0 && n < TRIALS) { /* a user's own points in between */
                char json[64];
                snprintf(json, sizeof json, "{\"lr\":%g,\"n\":5,\"opt\":\"adam\"}", 0.01 * (double)n);
                assert_ok(hpo_study_enqueue(s, json, NULL, &err), err);
            }
        }
        assert_int_equal(n, TRIALS);
        check_distinct(hpo_study_space(s), x, n);
        assert_int_equal(step(s, x), HPO_DONE);
        hpo_study_free(s);
    }
}

/* Closing and opening the study before every trial changes nothing.  A chain of networks is sampled anew from
 * the first fit on each time: fewer trials. */
static void test_resume(void **state)
{
    (void)state;
    const hpo_sampler_ops *ops;
    for (size_t i = 0; (ops = hpo_sampler_at(i)) != NULL; i++) {
        static double a[TRIALS * MAX_COLUMNS], b[TRIALS * MAX_COLUMNS];
        char name[64];
        const size_t n = strcmp(ops->name, "lcnet") == 0 ? 16 : TRIALS;
        hpo_error err;
        hpo_storage *st;
        hpo_study *s = make_study(NULL, mixed, ops->name, TRIALS);
        for (size_t k = 0; k < n; k++)
            assert_int_equal(step(s, a + k * MAX_COLUMNS), HPO_OK);
        hpo_study_free(s);
        snprintf(name, sizeof name, "%s.db", ops->name);
        const char *path = t_temp_path(name);
        assert_ok(hpo_storage_open(path, &st, &err), err);
        hpo_study_free(make_study(st, mixed, ops->name, TRIALS));
        for (size_t k = 0; k < n; k++) {
            assert_ok(hpo_study_open(st, NULL, &s, &err), err);
            assert_int_equal(step(s, b + k * MAX_COLUMNS), HPO_OK);
            hpo_study_free(s);
            assert_same_doubles(a + k * MAX_COLUMNS, b + k * MAX_COLUMNS, 4);
        }
        hpo_storage_free(st);
    }
}

/* A grid of 12 points with two of them enqueued: each point once, then DONE with the reason. */
static void test_grid_ends(void **state)
{
    (void)state;
    static const char text[] = "a: x,y,z; b: 0..1";
    const char *const specs[] = {"grid:points=4", "grid:points=4,shuffle=yes"};
    for (size_t i = 0; i < 2; i++) {
        double x[13 * MAX_COLUMNS];
        hpo_error err;
        hpo_study *s = make_study(NULL, text, specs[i], 0);
        assert_ok(hpo_study_enqueue(s, "{\"a\":\"y\",\"b\":1}", NULL, &err), err);
        size_t n = 0;
        hpo_status rc = HPO_OK;
        for (; n < 13 && rc == HPO_OK; n += rc == HPO_OK) {
            if (n == 5)
                assert_ok(hpo_study_enqueue(s, "{\"a\":\"x\",\"b\":0.5}", NULL, &err),
                          err); /* no grid point */
            rc = step(s, x + n * MAX_COLUMNS);
        }
        assert_int_equal(rc == HPO_OK ? step(s, x) : rc, HPO_DONE);
        assert_int_equal(n, 13);
        check_distinct(hpo_study_space(s), x, n);
        hpo_summary sum = {.size = sizeof sum};
        assert_ok(hpo_study_summary(s, &sum, &err), err);
        assert_int_equal(sum.stop_reason, HPO_STOP_REASON_EXHAUSTED);
        hpo_study_free(s);
    }
}

/* Most of a grid was tried by hand: the rest follows, and nothing that is no grid point. */
static void test_grid_after_many_known(void **state)
{
    (void)state;
    enum { POINTS = 50, KNOWN = 40 };
    double want[POINTS * MAX_COLUMNS], got[POINTS * MAX_COLUMNS];
    hpo_error err;
    hpo_study *plain = make_study(NULL, "a: 0..1", "grid:points=50", 0);
    hpo_study *s = make_study(NULL, "a: 0..1", "grid:points=50", 0);
    for (size_t i = 0; i < POINTS; i++)
        assert_int_equal(step(plain, want + i * MAX_COLUMNS), HPO_OK);
    for (size_t i = 0; i < KNOWN; i++) {
        char json[64];
        (void)snprintf(json, sizeof json, "{\"a\":%.17g}", want[i * MAX_COLUMNS]);
        assert_ok(hpo_study_enqueue(s, json, NULL, &err), err);
    }
    for (size_t i = 0; i < POINTS; i++) {
        assert_int_equal(step(s, got + i * MAX_COLUMNS), HPO_OK);
        assert_same_doubles(got + i * MAX_COLUMNS, want + i * MAX_COLUMNS, 1);
    }
    assert_int_equal(step(s, got), HPO_DONE);
    hpo_study_free(plain);
    hpo_study_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trials_are_distinct),
        cmocka_unit_test(test_resume),
        cmocka_unit_test(test_grid_ends),
        cmocka_unit_test(test_grid_after_many_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
