/* SPDX-License-Identifier: Apache-2.0 */
/* The expression of --until: grammar, precedence, messages; the rules that need no model. */
#include "rules.h"

static int holds(rules *r, const char *text, double trials, double seconds, double cost, double best)
{
    hpo_until *u = NULL;
    hpo_ruling out = {0};
    const hpo_until_facts f = {trials, seconds, cost, best};
    assert_ok(hpo_until_open(text, &r->problem, &u, &r->err), r->err);
    assert_ok(hpo_until_judge(u, &r->view, &f, &out, &r->err), r->err);
    hpo_until_free(u);
    assert_true(out.reason[0] != '\0');
    return out.stop;
}

/* All truth tables of three comparisons, against C. */
static void test_logic(void **state)
{
    (void)state;
    rules r;
    rules_open(&r, "x: 0..1");
    for (int bits = 0; bits < 8; bits++) {
        int a = bits & 1, b = bits >> 1 & 1, c = bits >> 2 & 1;
        double t = a, s = b, k = c;
#define HOLDS(text) holds(&r, text, t, s, k, (double)NAN)
        assert_int_equal(HOLDS("trials>=1 or seconds>=1 and cost>=1"), a || (b && c));
        assert_int_equal(HOLDS("(trials >= 1 or seconds >= 1) and cost >= 1"), (a || b) && c);
        assert_int_equal(HOLDS("not trials>0.5 and not (seconds>0.5 or cost>0.5)"), !a && !(b || c));
        assert_int_equal(HOLDS("not not trials > 0"), a);
        assert_int_equal(HOLDS("trials<1 or seconds<=0 or cost < 1"), !a || !b || !c);
#undef HOLDS
    }
    assert_true(holds(&r, "best <= -1e-3", 0, 0, 0, -0.001));
    assert_false(holds(&r, "best <= 5", 0, 0, 0, (double)NAN)); /* not known yet */
    assert_false(holds(&r, "best > 5", 0, 0, 0, (double)NAN));
    rules_close(&r);
}

static void test_messages(void **state)
{
    (void)state;
    rules r;
    hpo_until *u;
    rules_open(&r, "x: 0..1");
    static const struct {
        const char *text, *part;
        hpo_status code;
    } wrong[] = {
        {"", "ends where a rule should stand", HPO_EINVAL},
        {"trials >= 5 or", "ends where a rule should stand", HPO_EINVAL},
        {"(trials >= 5", "a closing parenthesis", HPO_EINVAL},
        {"trials", "ends where a comparison", HPO_EINVAL},
        {"trials == 5", "a comparison (<, <=, >, >=) should stand at '== 5'", HPO_EINVAL},
        {"trials > lots", "a number should stand at 'lots'", HPO_EINVAL},
        {"trials > 5 seconds > 3", "'and', 'or' or the end should stand at 'seconds > 3'", HPO_EINVAL},
        {"stagnatoin", "did you mean 'stagnation'", HPO_ENOTFOUND},
        {"stagnation:trial=3", "did you mean 'trials'", HPO_EINVAL},
        {"stagnation:trials=0", "from 1 to", HPO_EINVAL},
        {"target", "write target:value=", HPO_EINVAL},
        {"trials > nan", "a number", HPO_EINVAL},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_fails(hpo_until_open(wrong[i].text, &r.problem, &u, &r.err), wrong[i].code, r.err,
                     wrong[i].part);
        assert_null(u);
    }
    char deep[512] = "";
    for (int i = 0; i < 100; i++)
        deep[i] = '(';
    assert_fails(hpo_until_open(deep, &r.problem, &u, &r.err), HPO_EINVAL, r.err, "nested");
    char *longer = calloc(1, 8192);
    memset(longer, 'a', 8000);
    assert_fails(hpo_until_open(longer, &r.problem, &u, &r.err), HPO_EINVAL, r.err, "longer than");
    strcpy(longer, "trials>1");
    for (int i = 0; i < 70; i++)
        strcat(longer, " or trials>1");
    assert_fails(hpo_until_open(longer, &r.problem, &u, &r.err), HPO_EINVAL, r.err, "more than");
    free(longer);
    r.problem.n_objectives = 2;
    assert_fails(hpo_until_open("regret", &r.problem, &u, &r.err), HPO_EUNSUPPORTED, r.err,
                 "needs one objective");
    assert_ok(hpo_until_open("trials > 5", &r.problem, &u, &r.err), r.err);
    hpo_until_free(u);
    rules_close(&r);
}

static void test_stagnation(void **state)
{
    (void)state;
    rules r;
    rules_open(&r, "x: 0..1");
    assert_false(rules_judge(&r, "stagnation:trials=1").stop); /* nothing yet is no stagnation */
    static const double y[] = {(double)NAN, 5, 4, 4, 4.5, (double)NAN, 3.95, 9};
    for (size_t i = 0; i < 8; i++)
        rules_add(&r, &(double){0.5}, y[i]);
    assert_true(rules_judge(&r, "stagnation:trials=1").stop);
    assert_false(rules_judge(&r, "stagnation:trials=2").stop); /* 3.95 was one */
    assert_true(rules_judge(&r, "stagnation:trials=5,eps=0.1").stop);
    assert_false(rules_judge(&r, "stagnation:trials=6,eps=0.1").stop);
    assert_true(rules_judge(&r, "stagnation:trials=5,relative=0.05").stop);
    assert_contains(rules_judge(&r, "stagnation:trials=5").reason,
                    "1 finished trials without improvement (limit 5)");
    r.state[6] = HPO_STATE_STOPPED; /* measured at less than full resource */
    assert_true(rules_judge(&r, "stagnation:trials=5").stop);
    rules_close(&r);
}

/* Small steps that add up to an improvement count as one. */
static void test_stagnation_adds_up(void **state)
{
    (void)state;
    rules r;
    rules_open(&r, "x: 0..1");
    for (int i = 0; i < 40; i++)
        rules_add(&r, &(double){0.5}, -0.04 * i);
    assert_false(rules_judge(&r, "stagnation:trials=5,eps=0.1").stop);
    rules_close(&r);
}

static void test_target(void **state)
{
    (void)state;
    rules r;
    rules_open(&r, "x: 0..1");
    rules_add(&r, &(double){0.5}, -0.9);
    assert_true(rules_judge(&r, "target:value=-0.9").stop);
    assert_false(rules_judge(&r, "target:value=-0.91").stop);
    r.problem.sign = -1; /* maximise: the value was 0.9 */
    assert_true(rules_judge(&r, "target:value=0.9").stop);
    hpo_ruling not_yet = rules_judge(&r, "target:value=0.95");
    assert_false(not_yet.stop);
    assert_string_equal(not_yet.reason, "the best value 0.9 of trial 0 has not reached the target 0.95");
    rules_close(&r);
}

/* Dear rules judge at their own multiples; what is cheap is judged first and may settle it. */
static void test_restart_and_multiples(void **state)
{
    (void)state;
    rules r;
    hpo_until *u;
    hpo_ruling q;
    hpo_str s = {0};
    rules_open(&r, "x: 0..1");
    rules_search(&r, 23, 0, 1);
    const hpo_until_facts f = {23, 1, 2, 0.5};
    assert_ok(hpo_until_open("regret:every=5 or stagnation:trials=500 or trials>=23", &r.problem, &u, &r.err),
              r.err);
    assert_ok(hpo_until_judge(u, &r.view, &f, &q, &r.err), r.err);
    assert_true(q.stop);
    assert_string_equal(q.reason, "trials is 23, >= 23");
    assert_ok(hpo_until_describe(u, &r.view, &f, &s, &r.err), r.err);
    assert_contains(s.text, "{\"rule\":\"regret:every=5\",\"holds\":false,\"at\":20,");
    assert_contains(s.text, "{\"rule\":\"stagnation:trials=500\",\"holds\":false,\"at\":23,");
    assert_contains(s.text, "{\"rule\":\"trials >= 23\",\"holds\":true,\"at\":23,");
    /* rows that were seen change: after a restart they are read again */
    r.view.n_done = 3;
    for (int i = 0; i < 3; i++)
        r.y[i] = 3 - i;
    assert_ok(hpo_until_restart(u, &r.err), r.err);
    hpo_str_clear(&s);
    assert_ok(hpo_until_describe(u, &r.view, &f, &s, &r.err), r.err);
    assert_contains(s.text, "\"at\":3,\"reason\":\"0 finished trials without improvement (limit 500)\"");
    hpo_str_fini(&s);
    hpo_until_free(u);
    rules_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logic),      cmocka_unit_test(test_messages),
        cmocka_unit_test(test_stagnation), cmocka_unit_test(test_stagnation_adds_up),
        cmocka_unit_test(test_target),     cmocka_unit_test(test_restart_and_multiples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
