/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/gp with several processes at once (gp_rivals.c). */
#include "guided.h"
#include "wide.h"

/* Three of twenty coordinates matter: the sparse prior is the better guide, and the mixed one follows it. */
static void finds_the_few(void **state)
{
    (void)state;
    enum { N = 32 };
    double random = wide_median("random", wide_few, N), wall = wide_median("gp:prior=wall", wide_few, N);
    double sparse = wide_median("gp:prior=sparse", wide_few, N);
    double mixed = wide_median("gp:prior=mixed", wide_few, N);
    print_message("# three of 20: random %.4g, wall %.4g, sparse %.4g, mixed %.4g\n", random, wall, sparse,
                  mixed);
    assert_true(sparse < wall && sparse < 0.1 * random);
    assert_true(mixed < 0.2 * random);
}

static double failing(const double *x)
{
    return x[2] == 1 && x[3] > 0.3 ? (double)NAN : guided_branches(x);
}

static void is_a_fold(void **state)
{
    (void)state;
    static const size_t counts[] = {4, 14};
    study *s = study_open("gp:prior=mixed", guided_branches_space, NULL, SEED);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        (void)study_run(s, failing, counts[i] - s->view.n_done);
        study_check_fold(s, "gp:prior=mixed");
    }
    assert_int_equal(study_ask(s), HPO_OK);
    study_pend(s, s->x);
    study_check_fold(s, "gp:prior=mixed");
    study_close(s);
}

static void survives(void **state)
{
    (void)state;
    guided_survives("gp:prior=mixed,candidates=32,starts=1");
}

static void explains(void **state)
{
    (void)state;
    guided_explains("gp:prior=mixed", "\"priors\":");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_few),
        cmocka_unit_test(is_a_fold),
        cmocka_unit_test(survives),
        cmocka_unit_test(explains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
