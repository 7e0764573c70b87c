/* SPDX-License-Identifier: Apache-2.0 */
/* space/priors: the same points of the cube with other priors. */
#include "t.h"

#include "base/error.h"
#include "math/rng.h"
#include "space/space.h"

enum { N = 4000 };

static hpo_space *make(const char *text)
{
    hpo_space *s;
    hpo_error err;
    assert_ok(hpo_space_parse(text, &s, &err), err);
    assert_ok(hpo_space_freeze(s, &err), err);
    return s;
}

static hpo_space *with(const hpo_space *s, hpo_priors how)
{
    hpo_space *out;
    hpo_error err;
    assert_ok(hpo_space_with_priors(s, how, &out, &err), err);
    assert_int_equal(hpo_space_n_dims(out), hpo_space_n_dims(s));
    return out;
}

/* Mean of coordinate j of draws. */
static double mean(const hpo_space *s, size_t j)
{
    double sum = 0, u[16];
    hpo_error err;
    for (uint64_t i = 0; i < N; i++) {
        hpo_rng rng;
        hpo_rng_init(&rng, 3, i, HPO_RNG_USER);
        assert_ok(hpo_space_draw(s, &rng, u, &err), err);
        sum += u[j] / N;
    }
    return sum;
}

static void plain_is_uniform(void **state)
{
    (void)state;
    hpo_space *
        s = make("a: 0..1 prior 0.1 high; c: p,q,r weights 8,1,1; b: bool prior true high; n: int 1..9 prior "
                 "normal(2,1); v: vector 2 0..1 prior 0.9 high"),
       *plain = with(s, HPO_PRIORS_PLAIN);
    for (size_t j = 0; j < 6; j++) {
        assert_true(fabs(mean(s, j) - 0.5) > 0.1);
        assert_near(mean(plain, j), 0.5, 0, 4 * sqrt(1 / 12. / N));
    }
    double u[6] = {.3, .1, .9, .2, .8, .4}, x[6], y[6]; /* the same configuration */
    hpo_space_decode(s, u, x);
    hpo_space_decode(plain, u, y);
    assert_same_doubles(x, y, 6);
    hpo_space_free(plain);
    hpo_space_free(s);
}

/* A medium prior is a normal of standard deviation 1/4 and 4 to 1 for labels; declared priors stay. */
static void defaults_are_believed(void **state)
{
    (void)state;
    hpo_space *s = make("a: 0..1 default 0.9; c: p,q,r,'s t' default 's t'; b: bool default false; w: log "
                        "1..100 prior 2 high "
                        "default 90; x: 0..1; h: 0..a default 0.1; o: perm 3"),
              *believed = with(s, HPO_PRIORS_DEFAULTS),
              *same = make("a: 0..1 prior 0.9 medium; c: p,q,r,'s t' prior 's t' "
                           "medium; b: bool prior false medium; w: log 1..100 "
                           "prior 2 high; x: 0..1; h: 0..a; o: perm 3");
    for (size_t j = 0; j < 6; j++)
        assert_true(mean(believed, j) == mean(same, j));
    assert_true(fabs(mean(s, 0) - mean(believed, 0)) > 0.1);
    hpo_space_free(same);
    hpo_space_free(believed);
    hpo_space_free(s);
}

static void keeps_the_space(void **state)
{
    (void)state;
    hpo_error err;
    hpo_space *none = make("a: 0..1; b: 0..1 if a > 0.5"), *s, *plain;
    plain = with(none, HPO_PRIORS_PLAIN);
    assert_ptr_equal(plain, none);
    hpo_space_free(plain);
    hpo_space_free(none);
    assert_ok(hpo_space_parse("a: 0..1 prior 0.9 high; b: 0..1", &s, &err), err);
    assert_ok(hpo_space_add_constraint(s, "a + b <= 0.5", &err), err);
    assert_ok(hpo_space_freeze(s, &err), err);
    plain = with(s, HPO_PRIORS_PLAIN);
    assert_near(mean(plain, 0), 0.5 / 3, 0, 0.01); /* a triangle */
    hpo_space_free(plain);
    hpo_space_free(s);
}

static hpo_status oom_body(void *ctx, hpo_error *err)
{
    hpo_space *out;
    HPO_TRY(hpo_space_with_priors(ctx, HPO_PRIORS_DEFAULTS, &out, err));
    hpo_space_free(out);
    return HPO_OK;
}

static void survives_lack_of_memory(void **state)
{
    (void)state;
    hpo_space *s = make("a: 0..1 default 0.9; c: p,q,r default q");
    assert_true(t_oom(oom_body, s) > 0);
    hpo_space_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_is_uniform),
        cmocka_unit_test(defaults_are_believed),
        cmocka_unit_test(keeps_the_space),
        cmocka_unit_test(survives_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
