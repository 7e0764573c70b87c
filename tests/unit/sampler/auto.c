/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/auto: shares follow the space and the evidence, every member is a fold, nothing is refused. */
#include "study.h"

static double bowl(const double *x)
{
    return (x[0] - 0.3) * (x[0] - 0.3) + 2 * (x[1] - 0.6) * (x[1] - 0.6) + (x[2] - 0.5) * (x[2] - 0.5);
}

static double labelled(const double *x)
{
    return (x[0] - 0.7) * (x[0] - 0.7) + (x[1] == 2 ? 0 : 1);
}

static double failing(const double *x)
{
    return x[0] > 0.5 ? (double)NAN : 1 - x[0];
}

/* The explanation of the last ask, as text. */
static const char *explanation(study *s)
{
    static char text[4096];
    hpo_error err;
    size_t n;
    assert_ok(
        s->sampler.ops->explain(s->sampler.state, &s->view, s->u_asked, text, sizeof text - 1, &n, &err),
        err);
    assert_true(n < sizeof text);
    text[n] = '\0';
    return text;
}

static void learns_and_is_a_fold(void **state)
{
    (void)state;
    study *s = study_open("auto", "a: 0..1; b: 0..1; c: 0..1", NULL, SEED);
    assert_true(study_run(s, bowl, 40) < 1e-4);
    study_check_fold(s, "auto");
    study_close(s);
    s = study_open("auto", "a: 0..1; b: p,q,r,s; c: int 1..9 if b == q", NULL, SEED);
    assert_true(study_run(s, labelled, 50) < 1e-2);
    study_check_fold(s, "auto");
    study_close(s);
}

static void begins_with_a_design(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *space;
        int64_t planned;
        int noisy, size;
    } cases[] = {{"auto", "a: 0..1; b: 0..1; c: 0..1", 200, 0, 24}, /* 8 a dimension */
                 {"auto", "a: 0..1; b: 0..1; c: 0..1", 100, 0, 14}, /* half of what exceeds 24 a dimension */
                 {"auto", "a: 0..1; b: 0..1; c: 0..1", 90, 0, 5},   /* less than 4 a dimension */
                 {"auto", "a: 0..1; b: 0..1; c: 0..1", 10, 0, 5},
                 {"auto", "a: 0..1; b: 0..1; c: 0..1", 0, 0, 5},
                 {"auto", "a: 0..1; b: 0..1; c: 0..1", 200, 1, 5},
                 {"auto:initial=7", "a: 0..1; b: 0..1; c: 0..1", 200, 0, 7},
                 {"auto", "a: 0..1; b: 0..1; c: p,q", 200, 0, 5}};
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        study *s = study_open(cases[k].spec, cases[k].space, NULL, SEED);
        s->view.planned = cases[k].planned;
        s->view.noisy = cases[k].noisy;
        for (int i = 0; i < cases[k].size; i++) {
            assert_int_equal(study_ask(s), HPO_OK);
            assert_contains(explanation(s), "\"member\":\"sobol\",\"shares\":{\"sobol\":1}");
            study_tell(s, s->x, bowl(s->x));
        }
        assert_int_equal(study_ask(s), HPO_OK);
        assert_null(strstr(explanation(s), "sobol"));
        study_close(s);
    }
}

/* How often each member answered in n asks. */
static void count(study *s, study_objective f, size_t n, size_t *gp, size_t *local, size_t *tpe)
{
    *gp = *local = *tpe = 0;
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(study_ask(s), HPO_OK);
        const char *text = explanation(s);
        *gp += strstr(text, "\"member\":\"gp\"") != NULL;
        *local += strstr(text, "\"member\":\"local\"") != NULL;
        *tpe += strstr(text, "\"member\":\"tpe\"") != NULL;
        study_tell(s, s->x, f(s->x));
    }
}

static void shares_are_kept(void **state)
{
    (void)state;
    size_t gp, local, tpe;
    study *s = study_open("auto:gp=0.5,local=0.25,tpe=0.25", "a: 0..1; b: 0..1; c: 0..1", NULL, SEED);
    study_run(s, bowl, 5);
    count(s, bowl, 40, &gp, &local, &tpe);
    assert_in_range(gp, 18, 22); /* the golden ratio spreads them evenly */
    assert_in_range(local, 8, 12);
    assert_in_range(tpe, 8, 12);
    study_close(s);
    s = study_open("auto:gp=0.5,local=0.5,tpe=0,gp_rows=10", "a: 0..1; b: 0..1; c: 0..1", NULL, SEED);
    study_run(s, bowl, 11);
    count(s, bowl, 20, &gp, &local, &tpe);
    assert_int_equal(gp, 0);
    assert_in_range(tpe, 9, 11); /* took over */
    study_close(s);
}

static void local_search_gains_by_a_wide_opening(void **state)
{
    (void)state;
    size_t gp, local, tpe;
    study *s = study_open("auto", "a: 0..1; b: 0..1; c: 0..1", NULL, SEED);
    s->view.planned = 200;
    study_run(s, bowl, 24);
    count(s, bowl, 20, &gp, &local, &tpe);
    assert_in_range(local, 14, 16);
    study_close(s);
    s = study_open("auto", "a: 0..1; b: 0..1; c: 0..1", NULL, SEED);
    study_run(s, bowl, 24);
    count(s, bowl, 20, &gp, &local, &tpe);
    assert_in_range(local, 1, 3);
    count(s, bowl, 2, &gp, &local, &tpe);
    count(s, bowl, 20, &gp, &local, &tpe); /* from 15 results a dimension on */
    assert_in_range(local, 9, 11);
    study_close(s);
}

static double noise(const double *x)
{
    return fmod(fabs(x[0] * 12345.678 + x[1] * 98765.432 + x[2] * 4567.89), 1);
}

static void evidence_moves_shares(void **state)
{
    (void)state;
    study *smooth = study_open("auto", "a: 0..1; b: 0..1; c: p,q,r", NULL, SEED);
    study *rough = study_open("auto", "a: 0..1; b: 0..1; c: p,q,r", NULL, SEED);
    size_t gp[2], local, tpe[2];
    study_run(smooth, bowl, 15);
    study_run(rough, noise, 15);
    count(smooth, bowl, 30, &gp[0], &local, &tpe[0]);
    count(rough, noise, 30, &gp[1], &local, &tpe[1]);
    assert_true(gp[1] < gp[0] && tpe[1] > tpe[0]);
    study_close(smooth);
    study_close(rough);
    rough = study_open("auto", "a: 0..1; b: 0..1; c: 0..1", NULL, SEED); /* not among numbers */
    study_run(rough, noise, 15);
    count(rough, noise, 30, &gp[1], &local, &tpe[1]);
    assert_int_equal(tpe[1], 0);
    study_close(rough);
}

/* Asks of n that the trust region answers, in a study with d numbers, from the 24th on. */
static size_t asks_of_region(size_t d, study_objective f, size_t n)
{
    char space[20 * 16] = "";
    size_t count = 0;
    for (size_t i = 0; i < d; i++)
        snprintf(space + strlen(space), sizeof space - strlen(space), "%sx%zu: 0..1", i > 0 ? "; " : "", i);
    study *s = study_open("auto", space, NULL, SEED);
    study_run(s, f, 24);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(study_ask(s), HPO_OK);
        count += strstr(explanation(s), "\"member\":\"turbo\"") != NULL;
        study_tell(s, s->x, f(s->x));
    }
    study_close(s);
    return count;
}

static void region_comes_in_with_dimensions(void **state)
{
    (void)state;
    size_t half = asks_of_region(15, bowl, 40);
    size_t all = asks_of_region(20, bowl, 40);
    assert_int_equal(asks_of_region(10, bowl, 10), 0);
    assert_in_range(half, 2, 7); /* 0.15 of them, less what is not foretold */
    assert_in_range(all, 5, 13);
    assert_true(asks_of_region(20, noise, 40) < all);
}

static void takes_every_problem(void **state)
{
    (void)state;
    study *s =
        study_open("auto", "a: 0..1; b: 0..1", "a + b <= 1", SEED); /* asserts feasibility of each point */
    study_run(s, failing, 30);
    study_close(s);
    s = study_open("auto", "p: permutation x,y,z; q: simplex u,v,w; r: subset i,j,k", NULL, SEED);
    study_run(s, failing, 30);
    study_close(s);
    s = study_open("auto", "a: 0..1", NULL, SEED); /* everything fails: still proposals */
    for (int i = 0; i < 20; i++) {
        assert_int_equal(study_ask(s), HPO_OK);
        study_tell(s, s->x, (double)NAN);
    }
    study_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_and_is_a_fold),  cmocka_unit_test(begins_with_a_design),
        cmocka_unit_test(shares_are_kept),       cmocka_unit_test(local_search_gains_by_a_wide_opening),
        cmocka_unit_test(evidence_moves_shares), cmocka_unit_test(region_comes_in_with_dimensions),
        cmocka_unit_test(takes_every_problem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
