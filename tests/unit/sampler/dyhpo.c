/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/dyhpo: what every sampler with a model must do; its choice is what is best at the lowest level. */
#include "resource.h"

static void beats_random(void **state)
{
    (void)state;
    guided_beats_random("dyhpo", 0.8, 3);
}

static void is_a_fold(void **state)
{
    (void)state;
    guided_is_a_fold("dyhpo");
    rungs_is_a_fold("dyhpo");
}

static void spreads_pending(void **state)
{
    (void)state;
    guided_spreads_pending("dyhpo");
}

static void survives(void **state)
{
    (void)state;
    guided_survives("dyhpo");
}

static void lists_finite(void **state)
{
    (void)state;
    guided_lists_finite("dyhpo");
}

static void explains(void **state)
{
    (void)state;
    guided_explains("dyhpo", "\"rows\":");
}

/* Values at the lowest level of what it suggests, against those of draws from the prior. */
static void looks_one_step_ahead(void **state)
{
    (void)state;
    rungs *r = rungs_open("dyhpo", SEED);
    t_rng rng = {5};
    double chosen = 0, drawn = 0;
    rungs_fill(r, &rng);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(study_ask(r->s), HPO_OK);
        chosen += rungs_curve(r->s->u_asked, 1) / 3;
    }
    for (int i = 0; i < 300; i++)
        drawn += rungs_curve((const double[]){t_uniform(&rng), t_uniform(&rng)}, 1) / 300;
    print_message("# %.3f, %.3f\n", chosen, drawn);
    assert_true(chosen < 0.85 * drawn);
    rungs_close(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beats_random),         cmocka_unit_test(is_a_fold),
        cmocka_unit_test(spreads_pending),      cmocka_unit_test(survives),
        cmocka_unit_test(lists_finite),         cmocka_unit_test(explains),
        cmocka_unit_test(looks_one_step_ahead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
