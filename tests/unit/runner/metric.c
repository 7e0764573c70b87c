/* SPDX-License-Identifier: Apache-2.0 */
/* runner/metric, rule: what is read out of a program's output. */
#include "runner/metric.h"

#include "runner/metric_rule.h"
#include "t.h"

typedef struct seen {
    int n;
    double step, value, second, cost;
    int32_t fold;
    char metrics[128];
} seen;

static void on_report(void *ctx, const hpo_report *r)
{
    seen *s = ctx;
    s->n++;
    s->step = r->step;
    s->value = r->values[0];
    s->second = r->n_values > 1 ? r->values[1] : (double)NAN;
    s->cost = r->cost;
    s->fold = r->fold;
    snprintf(s->metrics, sizeof s->metrics, "%s", r->metrics ? r->metrics : "");
}

typedef struct fixture {
    hpo_space *space;
    hpo_objective objectives[2];
    hpo_outcome outcomes[1];
    hpo_metrics m;
    hpo_capture c;
    seen reports;
} fixture;

static void open_fixture(fixture *f, size_t n_objectives, const char *const *rules)
{
    hpo_error err;
    *f = (fixture){.objectives = {{sizeof(hpo_objective), "loss", HPO_MINIMIZE},
                                  {sizeof(hpo_objective), "acc", HPO_MAXIMIZE}},
                   .outcomes = {{sizeof(hpo_outcome), "mem", 3}}};
    assert_ok(hpo_space_parse("lr: 0..1; v: vector 2 0..1", &f->space, &err), err);
    assert_ok(hpo_space_freeze(f->space, &err), err);
    hpo_metrics_init(&f->m, f->space, f->objectives, n_objectives, f->outcomes, 1);
    for (size_t i = 0; rules && rules[i]; i++)
        assert_ok(hpo_metrics_add(&f->m, rules[i], &err), err);
    assert_ok(hpo_capture_init(&f->c, &f->m, &err), err);
}

static void close_fixture(fixture *f)
{
    hpo_capture_fini(&f->c);
    hpo_metrics_fini(&f->m);
    hpo_space_free(f->space);
}

static void feed(fixture *f, hpo_stream s, const char *text)
{
    hpo_capture_feed(&f->c, s, text, strlen(text), on_report, &f->reports);
}

static void test_json(void **state)
{
    (void)state;
    fixture f;
    open_fixture(&f, 1, NULL);
    feed(&f, HPO_STREAM_OUT, "hello\n{\"step\":3,\"loss\":0.41,\"acc\":0.9,\"_cost\":2}\n");
    assert_int_equal(f.reports.n, 1);
    assert_true(f.reports.step == 3 && f.reports.value == 0.41 && f.reports.cost == 2 &&
                f.reports.fold == -1);
    assert_string_equal(f.reports.metrics, "{\"acc\":0.9}");
    feed(&f, HPO_STREAM_OUT, "  {\"lo");
    feed(&f, HPO_STREAM_OUT,
         "ss\": 0.25, \"_cost\":3}  \r\n{\"other\":1}\n[1]\n{\"loss\":}\n{\"loss\":1} x\n");
    feed(&f, HPO_STREAM_ERR, "{\"loss\":7}\n");
    assert_int_equal(f.reports.n, 1);
    hpo_capture_end(&f.c, 0, 1, on_report, &f.reports);
    assert_true(hpo_capture_complete(&f.c));
    assert_true(f.c.values[0] == 0.25 && f.c.cost == 5);
    assert_null(json_object_object_get(f.c.extra, "other")); /* not our line */
    close_fixture(&f);
}

static void test_metrics_stream(void **state)
{
    (void)state;
    fixture f;
    open_fixture(&f, 2, NULL);
    feed(&f, HPO_STREAM_METRICS, "{\"note\":\"n\"}\n{\"loss\":\"nan\"}\n{\"step\":1,\"acc\":2}");
    assert_string_equal(hpo_capture_missing(&f.c), "acc");
    hpo_capture_end(&f.c, 0, 1, on_report, &f.reports); /* the last line has no newline */
    assert_int_equal(f.reports.n, 1);
    assert_true(isnan(f.reports.value) && f.reports.second == 2);
    assert_null(hpo_capture_missing(&f.c));
    assert_true(isnan(f.c.values[0]) && f.c.values[1] == 2);
    assert_string_equal(json_object_get_string(json_object_object_get(f.c.extra, "note")), "n");
    close_fixture(&f);
}

static void test_reserved(void **state)
{
    (void)state;
    fixture f;
    open_fixture(&f, 1, NULL);
    feed(&f, HPO_STREAM_OUT,
         "{\"_sem\":0.5,\"_constraint\":{\"mem\":-1},\"_grad\":{\"lr\":2,\"v\":[3,null],\"x\":1}}\n");
    assert_true(f.c.has_sem && f.c.sems[0] == 0.5);
    assert_true(f.c.has_outcome && f.c.outcomes[0] == 2); /* slack plus max */
    assert_true(f.c.has_gradient && f.c.gradient[0] == 2 && f.c.gradient[1] == 3 && isnan(f.c.gradient[2]));
    feed(&f, HPO_STREAM_OUT, "{\"mem\":9}\n{\"_status\":\"infeasible\",\"_reason\":\"too\\nwide\"}\n");
    assert_true(f.c.outcomes[0] == 9);
    assert_int_equal(f.c.said, HPO_SAID_INFEASIBLE);
    assert_string_equal(f.c.reason, "too wide");
    assert_false(hpo_capture_complete(&f.c));
    close_fixture(&f);
}

static void test_folds(void **state)
{
    (void)state;
    fixture f;
    open_fixture(&f, 1, NULL);
    for (int k = 0; k < 4; k++) {
        char line[96];
        snprintf(line, sizeof line, "{\"_fold\":%d,\"loss\":9}\n{\"_fold\":%d,\"loss\":%d}\n", k, k, k);
        feed(&f, HPO_STREAM_OUT, line);
    }
    assert_int_equal(f.reports.n, 8);
    assert_int_equal(f.reports.fold, 3);
    hpo_capture_end(&f.c, 0, 1, on_report, &f.reports);
    assert_true(f.c.values[0] == 1.5);
    /* sd of 0,1,2,3 is sqrt(5/3); the standard error of their mean half of it */
    assert_near(f.c.sems[0], sqrt(5.0 / 3) / 2, 1e-14, 0);
    close_fixture(&f);
}

static void test_patterns(void **state)
{
    (void)state;
    static const char *const rules[] = {"loss=epoch {step} val loss:{float}", "speed={float} it/s",
                                        "acc=re:acc=([0-9.]+)%", NULL};
    fixture f;
    open_fixture(&f, 1, rules);
    feed(&f, HPO_STREAM_ERR,
         "10%\r epoch  1 val   loss:  0.5 \repoch 2 val loss:-1e-3x\n 12.5 it/s acc=7% acc=81.5%\n");
    assert_int_equal(f.reports.n, 2);
    assert_true(f.reports.step == 2 && f.reports.value == -1e-3);
    assert_true(f.c.values[0] == -1e-3);
    assert_true(json_object_get_double(json_object_object_get(f.c.extra, "speed")) == 12.5);
    assert_true(json_object_get_double(json_object_object_get(f.c.extra, "acc")) == 81.5);
    feed(&f, HPO_STREAM_ERR, "epoch 3 val loss: nano\nepoch 4 val loss: nan\n");
    assert_true(isnan(f.c.values[0]));
    assert_int_equal(f.reports.n, 3);
    close_fixture(&f);
}

static void test_rules_refused(void **state)
{
    (void)state;
    fixture f;
    hpo_error err;
    open_fixture(&f, 2, NULL);
    assert_fails(hpo_metrics_add(&f.m, "last", &err), HPO_EINVAL, err, "say which");
    assert_fails(hpo_metrics_add(&f.m, "loss={float}", &err), HPO_EINVAL, err, "loss=last");
    assert_fails(hpo_metrics_add(&f.m, "loss=val: x", &err), HPO_EINVAL, err, "exactly once");
    assert_fails(hpo_metrics_add(&f.m, "loss=re:[", &err), HPO_EINVAL, err, "regular expression");
    assert_fails(hpo_metrics_add(&f.m, "loss=re:x", &err), HPO_EINVAL, err, "parentheses");
    assert_fails(hpo_metrics_add_file(&f.m, "loss=:k", &err), HPO_EINVAL, err, "FILE:KEY");
    close_fixture(&f);
}

static void test_last_exit_time(void **state)
{
    (void)state;
    static const char *const last[] = {"last", "t=time", "e=exit", NULL};
    static const struct {
        const char *line;
        double want;
    } lines[] = {{"acc 93.5%", 93.5},   {"v2 = 3", 3},        {"took 5s", 5},
                 {"x=1e-3, y=.5", 0.5}, {"3 files in f1", 3}, {"-7", -7}};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        fixture f;
        open_fixture(&f, 1, last);
        feed(&f, HPO_STREAM_OUT, "0\n");
        feed(&f, HPO_STREAM_OUT, lines[i].line);
        feed(&f, HPO_STREAM_OUT, "\n\nno digits here\n");
        hpo_capture_end(&f.c, 4, 2.5, on_report, &f.reports);
        assert_true(f.c.values[0] == lines[i].want);
        assert_true(json_object_get_double(json_object_object_get(f.c.extra, "t")) == 2.5);
        assert_true(json_object_get_double(json_object_object_get(f.c.extra, "e")) == 4);
        close_fixture(&f);
    }
}

static void test_file(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":{\"b\":[1,2,{\"c\":0.5}]}}";
    fixture f;
    hpo_error err;
    open_fixture(&f, 1, NULL);
    assert_ok(hpo_metrics_add_file(&f.m, "out.json:a.b.-1.c", &err), err);
    assert_ok(hpo_metrics_add_file(&f.m, "mem={dir}/o.json:a.x", &err), err);
    assert_ok(hpo_capture_file(&f.c, 0, text, sizeof text - 1, &err), err);
    assert_true(f.c.values[0] == 0.5);
    assert_fails(hpo_capture_file(&f.c, 1, text, sizeof text - 1, &err), HPO_ENOTFOUND, err, "a.x");
    assert_status(hpo_capture_file(&f.c, 0, "{", 1, &err), HPO_EINVAL);
    close_fixture(&f);
}

static void test_long_and_binary(void **state)
{
    (void)state;
    fixture f;
    char *big = malloc(300000);
    assert_non_null(big);
    open_fixture(&f, 1, NULL);
    memset(big, 'x', 300000);
    memcpy(big, "{\"loss\":1,\"s\":\"", 15);
    memcpy(big + 299996, "\"}\n", 3);
    hpo_capture_feed(&f.c, HPO_STREAM_OUT, big, 299999, on_report, &f.reports); /* too long to be a report */
    assert_false(hpo_capture_complete(&f.c));
    hpo_capture_feed(&f.c, HPO_STREAM_OUT, "\0{\"loss\":2}\n\xff\xfe{\"loss\":3}\n", 25, on_report,
                     &f.reports);
    assert_false(hpo_capture_complete(&f.c));
    feed(&f, HPO_STREAM_OUT, "{\"loss\":4}\n");
    assert_true(f.c.values[0] == 4);
    free(big);
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_metrics_stream),
        cmocka_unit_test(test_reserved),
        cmocka_unit_test(test_folds),
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_rules_refused),
        cmocka_unit_test(test_last_exit_time),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_long_and_binary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
