/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/dpl: what every sampler with a model must do; its choice is what is best at the end. */
#include "resource.h"

static void beats_random(void **state)
{
    (void)state;
    guided_beats_random("dpl", 0.8, 3);
}

static void is_a_fold(void **state)
{
    (void)state;
    guided_is_a_fold("dpl");
    rungs_is_a_fold("dpl");
}

static void spreads_pending(void **state)
{
    (void)state;
    guided_spreads_pending("dpl");
}

static void survives(void **state)
{
    (void)state;
    guided_survives("dpl");
}

static void lists_finite(void **state)
{
    (void)state;
    guided_lists_finite("dpl");
}

static void explains(void **state)
{
    (void)state;
    guided_explains("dpl", "\"rows\":");
}

/* Values at the end of what it suggests, against those of draws from the prior; and at the first level, where
 * what ends well is behind. */
static void looks_at_the_end(void **state)
{
    (void)state;
    rungs *r = rungs_open("dpl", SEED);
    t_rng rng = {5};
    double chosen = 0, drawn = 0;
    rungs_fill(r, &rng);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(study_ask(r->s), HPO_OK);
        chosen += rungs_curve(r->s->u_asked, 81) / 5;
    }
    for (int i = 0; i < 300; i++)
        drawn += rungs_curve((const double[]){t_uniform(&rng), t_uniform(&rng)}, 81) / 300;
    print_message("# %.3f, %.3f\n", chosen, drawn);
    assert_true(chosen < 0.5 * drawn);
    rungs_close(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beats_random),     cmocka_unit_test(is_a_fold),    cmocka_unit_test(spreads_pending),
        cmocka_unit_test(survives),         cmocka_unit_test(lists_finite), cmocka_unit_test(explains),
        cmocka_unit_test(looks_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
