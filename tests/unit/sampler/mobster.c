/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/mobster: what every sampler with a model must do, and what the models of the resource make of
 * curves that cross. */
#include "resource.h"

static void beats_random(void **state)
{
    (void)state;
    guided_beats_random("mobster", 0.6, 3);
}

static void is_a_fold(void **state)
{
    (void)state;
    guided_is_a_fold("mobster");
    rungs_is_a_fold("mobster");
    rungs_is_a_fold("mobster:model=independent");
    rungs_is_a_fold("mobster:model=tasks");
}

static void spreads_pending(void **state)
{
    (void)state;
    guided_spreads_pending("mobster");
}

static void survives(void **state)
{
    (void)state;
    guided_survives("mobster");
}

static void lists_finite(void **state)
{
    (void)state;
    guided_lists_finite("mobster");
}

static void explains(void **state)
{
    (void)state;
    guided_explains("mobster", "\"levels\":\"joint\"");
}

/* 14 trials have come to the top: every model finds the valley there, also the one that knows only them. */
static void finds_the_end(void **state)
{
    (void)state;
    assert_true(rungs_distance("mobster:model=independent", 3) < .15);
    assert_true(rungs_distance("mobster:model=tasks", 3) < .15);
    assert_true(rungs_distance("mobster:model=tasks,acquire=top", 3) < .15);
    assert_true(rungs_distance("mobster", 3) < .25);
}

static void refuses(void **state)
{
    (void)state;
    hpo_error err;
    hpo_sampler s;
    hpo_space *space = space_of("a: 0..1", NULL);
    assert_fails(hpo_sampler_open("mobster:model=independent,acquire=top", space, 1, 0, 1, &s, &err),
                 HPO_EINVAL, err, "write acquire=bohb");
    hpo_space_free(space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beats_random),  cmocka_unit_test(is_a_fold),    cmocka_unit_test(spreads_pending),
        cmocka_unit_test(survives),      cmocka_unit_test(lists_finite), cmocka_unit_test(explains),
        cmocka_unit_test(finds_the_end), cmocka_unit_test(refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
