/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/turbo and sampler/trust. */
#include "sampler/trust.h"

#include "guided.h"
#include "wide.h"

static void beats_random(void **state)
{
    (void)state;
    guided_beats_random("turbo", 0.7, 3);
    wide_beats_random("turbo", 0.35);
}

static double failing(const double *x)
{
    return x[2] == 1 && x[3] > 0.3 ? (double)NAN : guided_branches(x);
}

static void check_fold(const char *spec)
{
    study *s = study_open(spec, guided_branches_space, NULL, SEED);
    for (size_t i = 0; i < 3; i++) {
        (void)study_run(s, failing, 12);
        study_check_fold(s, spec);
    }
    assert_int_equal(study_ask(s), HPO_OK);
    study_pend(s, s->x);
    study_check_fold(s, spec);
    study_close(s);
}

/* With failures, a trial in progress, and lives that end. */
static void is_a_fold(void **state)
{
    (void)state;
    check_fold("turbo:patience=1,shortest=0.3");
    check_fold("turbo:patience=2,acquisition=thompson,candidates=64");
}

static void spreads_pending(void **state)
{
    (void)state;
    guided_spreads_pending("turbo");
    guided_spreads_pending("turbo:acquisition=thompson,candidates=64");
}

static void survives(void **state)
{
    (void)state;
    guided_survives("turbo:patience=1,acquisition=thompson,candidates=64");
}

static void lists_finite(void **state)
{
    (void)state;
    guided_lists_finite("turbo");
}

static void keeps_constraints(void **state)
{
    (void)state;
    wide_keeps_constraints("turbo");
    wide_keeps_constraints("turbo:acquisition=thompson,candidates=256");
}

static void explains(void **state)
{
    (void)state;
    guided_explains("turbo", "\"length\":");
}

/* ---- the region ------------------------------------------------------------------------------------------
 */

typedef struct region {
    hpo_space *space;
    hpo_embed *embed;
    hpo_trust trust;
    double u[200], y[100];
    size_t n;
} region;

static void open_region(region *r, size_t patience)
{
    hpo_error err;
    hpo_trust_options o = {.initial = 4,
                           .patience = patience,
                           .candidates = 64,
                           .max_rows = 512,
                           .length = 0.8,
                           .shortest = 0.15};
    memset(r, 0, sizeof *r);
    r->space = space_of("a: 0..1; b: 0..1", NULL);
    assert_ok(hpo_embed_create(r->space, &r->embed, &err), err);
    assert_ok(hpo_trust_init(&r->trust, r->embed, SEED, &o, &err), err);
}

static void close_region(region *r)
{
    hpo_trust_fini(&r->trust);
    hpo_embed_free(r->embed);
    hpo_space_free(r->space);
}

static void add(region *r, double a, double b, double y)
{
    hpo_error err;
    r->u[2 * r->n] = a;
    r->u[2 * r->n + 1] = b;
    r->y[r->n++] = y;
    assert_ok(hpo_trust_fold(&r->trust, r->u, r->y, 1, r->n, &err), err);
}

static void add_opening(region *r)
{
    add(r, 0.1, 0.9, 5);
    add(r, 0.9, 0.9, 7);
    add(r, 0.5, 0.5, 3);
    assert_true(hpo_trust_is_opening(&r->trust, 0));
    assert_false(hpo_trust_is_opening(&r->trust, 1)); /* the one in progress is the last of them */
    add(r, 0.2, 0.1, 6);
    assert_false(hpo_trust_is_opening(&r->trust, 0));
    assert_int_equal(r->trust.center, 2);
}

/* Three successes in a row double the side, up to 1.6; `patience` failures halve it. */
static void grows_and_shrinks(void **state)
{
    (void)state;
    region r;
    open_region(&r, 2);
    add_opening(&r);
    for (int i = 0; i < 3; i++) {
        assert_true(r.trust.length == 0.8);
        add(&r, 0.5 + 0.01 * i, 0.51, 2.9 - 0.1 * i);
        assert_int_equal(r.trust.center, 4 + i);
    }
    assert_true(r.trust.length == 1.6);
    add(&r, 0.5, 0.52, 9); /* one failure, then a success: the count begins again */
    add(&r, 0.53, 0.51, 2);
    add(&r, 0.54, 0.52, 9);
    assert_true(r.trust.length == 1.6);
    add(&r, 0.52, 0.53, (double)NAN); /* a failed trial is a failure */
    assert_true(r.trust.length == 0.8);
    close_region(&r);
}

/* What happens far from the region says nothing about it, unless it is better: then the centre moves. */
static void ignores_what_is_far(void **state)
{
    (void)state;
    region r;
    open_region(&r, 2);
    add_opening(&r);
    add(&r, 0.5, 0.51, 9);
    add(&r, 0.51, 0.5, 9);
    add(&r, 0.5, 0.49, 9);
    add(&r, 0.49, 0.49, 9);
    assert_true(r.trust.length == 0.2);
    for (int i = 0; i < 5; i++)
        add(&r, 0.99, 0.05 * i, 9);
    assert_true(r.trust.length == 0.2 && r.trust.n_lives == 0);
    add(&r, 0.95, 0.05, 1);
    assert_int_equal(r.trust.center, r.n - 1);
    assert_true(r.trust.length == 0.2 && r.trust.successes == 0);
    close_region(&r);
}

/* Below the shortest side another life begins, with nothing carried over. */
static void restarts(void **state)
{
    (void)state;
    region r;
    open_region(&r, 1);
    add_opening(&r);
    add(&r, 0.5, 0.51, 9);
    add(&r, 0.51, 0.5, 9);
    assert_int_equal(r.trust.n_lives, 0);
    add(&r, 0.5, 0.49, 9);
    assert_int_equal(r.trust.n_lives, 1);
    assert_int_equal(r.trust.first, r.n);
    assert_true(r.trust.length == 0.8 && hpo_trust_is_opening(&r.trust, 0));
    add(&r, 0.1, 0.1, 50); /* the best of the new life, however bad */
    assert_int_equal(r.trust.center, r.n - 1);
    close_region(&r);
}

/* The same state whether rows come one at a time or all at once; fewer rows: from the start. */
static void folds(void **state)
{
    (void)state;
    region one, all;
    hpo_error err;
    hpo_rng rng;
    hpo_rng_init(&rng, SEED, 0, HPO_RNG_USER);
    open_region(&one, 1);
    open_region(&all, 1);
    for (size_t i = 0; i < 40; i++) {
        double a = hpo_rng_uniform(&rng), b = hpo_rng_uniform(&rng);
        add(&one, a, b, i % 7 == 3 ? (double)NAN : fabs(a - 0.3) + fabs(b - 0.6));
    }
    assert_ok(hpo_trust_fold(&all.trust, one.u, one.y, 1, 40, &err), err);
    assert_true(one.trust.n_lives > 0);
    assert_int_equal(one.trust.center, all.trust.center);
    assert_int_equal(one.trust.n_lives, all.trust.n_lives);
    assert_int_equal(one.trust.failures, all.trust.failures);
    assert_same_doubles(one.trust.half, all.trust.half, 2);
    assert_ok(hpo_trust_fold(&all.trust, one.u, one.y, 1, 2, &err), err);
    assert_int_equal(all.trust.n_rows, 2);
    assert_ok(hpo_trust_fold(&all.trust, one.u, one.y, 1, 40, &err), err);
    assert_same_doubles(one.trust.half, all.trust.half, 2);
    close_region(&one);
    close_region(&all);
}

/* Every proposal lies in the region. */
static void stays_inside(void **state)
{
    (void)state;
    region r;
    hpo_error err;
    hpo_rng rng;
    double u[2];
    open_region(&r, 2);
    add_opening(&r);
    add(&r, 0.5, 0.51, 9);
    add(&r, 0.51, 0.5, 9);
    for (uint64_t i = 0; i < 20; i++) {
        hpo_rng_init(&rng, SEED, i, HPO_RNG_SAMPLER);
        assert_ok(hpo_trust_propose(&r.trust, r.u, r.u, r.n, NULL, 0, &rng, u, &err), err);
        for (size_t k = 0; k < 2; k++)
            assert_true(fabs(u[k] - 0.5) <= r.trust.half[k] + 1e-9);
    }
    close_region(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beats_random),
        cmocka_unit_test(is_a_fold),
        cmocka_unit_test(spreads_pending),
        cmocka_unit_test(survives),
        cmocka_unit_test(lists_finite),
        cmocka_unit_test(keeps_constraints),
        cmocka_unit_test(explains),
        cmocka_unit_test(grows_and_shrinks),
        cmocka_unit_test(ignores_what_is_far),
        cmocka_unit_test(restarts),
        cmocka_unit_test(folds),
        cmocka_unit_test(stays_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
