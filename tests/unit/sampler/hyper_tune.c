/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/hyper_tune: what every sampler with a model must do, and that it heeds the rung that tells the
 * truth. */
#include "resource.h"

static void beats_random(void **state)
{
    (void)state;
    guided_beats_random("hyper-tune:random=0", 0.7, 3);
}

static void is_a_fold(void **state)
{
    (void)state;
    guided_is_a_fold("hyper-tune");
    rungs_is_a_fold("hyper-tune");
}

static void spreads_pending(void **state)
{
    (void)state;
    guided_spreads_pending("hyper-tune");
}

static void survives(void **state)
{
    (void)state;
    guided_survives("hyper-tune");
}

static void lists_finite(void **state)
{
    (void)state;
    guided_lists_finite("hyper-tune");
}

static void explains(void **state)
{
    (void)state;
    guided_explains("hyper-tune:random=0", "\"weights\":[");
}

/* 14 trials have come to the top, where the order is another one than at the lowest rung. */
static void finds_the_end(void **state)
{
    (void)state;
    double distance = rungs_distance("hyper-tune:random=0", 5);
    print_message("# hyper-tune: %.3f from the best configuration\n", distance);
    assert_true(distance < .25);
}

/* A third of 300 is drawn from the prior. */
static void draws_at_random(void **state)
{
    (void)state;
    rungs *r = rungs_open("hyper-tune", SEED);
    t_rng rng = {5};
    int n = 0;
    rungs_fill(r, &rng);
    for (int i = 0; i < 100; i++) {
        char text[1024];
        size_t len = 0;
        hpo_error err;
        study *s = r->s;
        assert_int_equal(study_ask(s), HPO_OK);
        assert_ok(s->sampler.ops->explain(s->sampler.state, &s->view, s->u_asked, text, sizeof text - 1, &len,
                                          &err),
                  err);
        text[len] = '\0';
        n += strstr(text, "\"origin\":\"random\"") != NULL;
    }
    assert_true(n > 30 - 4 * 4.6 && n < 30 + 4 * 4.6);
    rungs_close(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beats_random),  cmocka_unit_test(is_a_fold),       cmocka_unit_test(spreads_pending),
        cmocka_unit_test(survives),      cmocka_unit_test(lists_finite),    cmocka_unit_test(explains),
        cmocka_unit_test(finds_the_end), cmocka_unit_test(draws_at_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
