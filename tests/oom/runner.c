/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation of a plan, a pool, a template and of captured metrics failed in turn: HPO_ENOMEM in words,
 * nothing leaked.  The loader's json-c objects are not ours and not counted. */
#include "hpo/runner.h"

#include "base/error.h"
#include "runner/metric.h"
#include "runner/template.h"
#include "t.h"

static const char *const FILE_TEXT =
    "study: {name: digits, objectives: [{name: loss, goal: min}], seed: 1}\n"
    "command: [./t, '--lr={lr}', {if: \"opt == 'sgd'\", args: ['--m={m}']}]\n"
    "params: {lr: {type: float, range: [1e-5, 1], scale: log}, opt: {type: cat, values: [sgd, adam]},\n"
    "         m: {type: float, range: [0, 1], when: \"opt == 'sgd'\"}}\n"
    "outcome_constraints: [{name: mem, max: 10}]\n"
    "search: {sampler: random}\n"
    "budget: {time: 4h, trials: 5}\n"
    "resources: {workers: 2, gpus: '0,1', gpus_per_trial: 1}\n"
    "metric: ['loss=loss: {float}', 'mem=last']\n"
    "env: {A: b}\n";

static hpo_status load_plan(hpo_plan **p, hpo_error *err)
{
    HPO_TRY(hpo_plan_create(p, err));
    return hpo_plan_load(*p, FILE_TEXT, strlen(FILE_TEXT), "study.yaml", err);
}

static hpo_status use_plan(void *ctx, hpo_error *err)
{
    static const char *const words[] = {"./t", "--lr", "{lr:log 1e-5..1}", "--n={n:int 1..9}"};
    hpo_plan *p = NULL, *q = NULL;
    char *text = NULL, *more = NULL;
    (void)ctx;
    hpo_status rc = load_plan(&p, err);
    if (rc == HPO_OK) rc = hpo_plan_describe(p, &text, err);
    if (rc == HPO_OK) rc = hpo_plan_preview(p, "/", "hpo", 2, &more, err);
    if (rc == HPO_OK) rc = hpo_plan_create(&q, err);
    if (rc == HPO_OK) rc = hpo_plan_command(q, words, 4, err);
    if (rc == HPO_OK) rc = hpo_plan_set(q, "budget", "10min,200trials", err);
    if (rc == HPO_OK && hpo_plan_name(q) == NULL) rc = hpo_fail_memory(err);
    hpo_free(text);
    hpo_free(more);
    hpo_plan_free(p);
    hpo_plan_free(q);
    return rc;
}

static hpo_status use_pool(void *ctx, hpo_error *err)
{
    static const char *const env[] = {"PATH=/bin", "HOME=/", NULL};
    hpo_storage *st = NULL;
    hpo_plan *p = NULL;
    hpo_study *s = NULL;
    hpo_pool *pool = NULL;
    hpo_pool_options o = hpo_pool_options_init();
    char *dir = NULL, *command = NULL;
    int32_t existed;
    (void)ctx;
    o.envp = env;
    o.worker = "here:1";
    o.gpus = "0,1";
    o.storage = "mem:";
    hpo_status rc = hpo_storage_open("mem:", &st, err);
    if (rc == HPO_OK) rc = load_plan(&p, err);
    if (rc == HPO_OK) rc = hpo_plan_open(p, st, "/", t_temp_dir(), &s, &existed, err);
    if (rc == HPO_OK) rc = hpo_study_trial_dir(s, 0, &dir, err);
    if (rc == HPO_OK) rc = hpo_study_enqueue(s, "{\"lr\":0.5}", NULL, err);
    if (rc == HPO_OK) rc = hpo_study_trial_command(s, 0, &command, err);
    if (rc == HPO_OK) rc = hpo_pool_create(s, &o, &pool, err);
    hpo_pool_free(pool);
    hpo_free(dir);
    hpo_free(command);
    hpo_study_free(s);
    hpo_plan_free(p);
    hpo_storage_free(st);
    return rc;
}

static hpo_status use_template(void *ctx, hpo_error *err)
{
    static const char *const specials[HPO_N_SPECIALS] = {"7", "/d", "/d/ckpt", "42", "st", "2"};
    static const char *const words[] = {"./t",     "--lr", "{lr:log 1e-5..1}", "--o={o:'x y',z}",
                                        "{trial}", "{{"};
    hpo_space *s = NULL;
    hpo_words defined = {0}, argv = {0};
    hpo_template t = {0};
    hpo_str file = {0};
    double x[8];
    (void)ctx;
    hpo_status rc = hpo_space_create(&s, err);
    for (size_t i = 0; i < sizeof words / sizeof words[0] && rc == HPO_OK; i++)
        rc = hpo_template_define(words[i], s, &defined, err);
    if (rc == HPO_OK) rc = hpo_template_define_file("a={lr}\nb={n:int 1..9}", s, "f", &file, err);
    if (rc == HPO_OK) rc = hpo_space_freeze(s, err);
    for (size_t i = 0; i < defined.n && rc == HPO_OK; i++)
        rc = hpo_template_add(&t, s, hpo_words_at(&defined, i), i == 2 ? "lr > 0" : NULL, err);
    if (rc == HPO_OK) rc = hpo_space_sample(s, 1, 1, x, err);
    if (rc == HPO_OK) rc = hpo_template_render(&t, s, x, specials, &argv, err);
    hpo_template_fini(&t);
    hpo_words_fini(&defined);
    hpo_words_fini(&argv);
    hpo_str_fini(&file);
    hpo_space_free(s);
    return rc;
}

static void ignore(void *ctx, const hpo_report *r)
{
    (void)ctx, (void)r;
}

static hpo_status use_metrics(void *ctx, hpo_error *err)
{
    static const hpo_objective objectives[] = {{sizeof(hpo_objective), "loss", HPO_MINIMIZE}};
    static const char out[] = "loss: 0.5\nepoch 3 acc 0.7\n";
    static const char lines[] =
        "{\"step\":1,\"loss\":0.4,\"other\":[1]}\n{\"_fold\":2,\"loss\":0.1}\n{\"loss\":1";
    const hpo_space *space = ctx;
    hpo_metrics m;
    hpo_capture c = {0};
    hpo_metrics_init(&m, space, objectives, 1, NULL, 0);
    hpo_status rc = hpo_metrics_add(&m, "loss=loss: {float}", err);
    if (rc == HPO_OK) rc = hpo_metrics_add(&m, "acc=re:acc ([0-9.]+)", err);
    if (rc == HPO_OK) rc = hpo_metrics_add_file(&m, "loss=out.json:a.b", err);
    if (rc == HPO_OK) rc = hpo_capture_init(&c, &m, err);
    if (rc == HPO_OK) {
        hpo_capture_feed(&c, HPO_STREAM_OUT, out, sizeof out - 1, ignore, NULL);
        hpo_capture_feed(&c, HPO_STREAM_METRICS, lines, sizeof lines - 1, ignore, NULL);
        hpo_capture_end(&c, 0, 1, ignore, NULL);
        rc = c.status == HPO_ENOMEM ? hpo_fail_memory(err) : c.status;
        hpo_capture_fini(&c);
    }
    hpo_metrics_fini(&m);
    return rc;
}

static void test_plans(void **state)
{
    (void)state;
    (void)t_temp_dir();
    assert_true(t_oom(use_plan, NULL) > 50);
}

static void test_pools(void **state)
{
    (void)state;
    (void)t_temp_dir();
    assert_true(t_oom(use_pool, NULL) > 50);
}

static void test_templates_and_metrics(void **state)
{
    hpo_space *s = NULL;
    hpo_error err;
    (void)state;
    assert_true(t_oom(use_template, NULL) > 20);
    assert_ok(hpo_space_parse("lr: 0..1; v: vector 2 0..1", &s, &err), err);
    assert_ok(hpo_space_freeze(s, &err), err);
    assert_true(t_oom(use_metrics, s) > 10);
    hpo_space_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plans),
        cmocka_unit_test(test_pools),
        cmocka_unit_test(test_templates_and_metrics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
