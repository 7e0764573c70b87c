/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/gp: solves what a Gaussian process should solve, follows from its rows, and keeps every promise
 * with failures, constraints, conditions, outcomes, costs, noise and trials in progress. */
#include "guided.h"

#include "math/func.h"

/* Median of three seeds. */
static double median_of(const char *spec, const char *space, study_objective f, size_t n)
{
    return guided_median(spec, space, f, n, 3);
}

/* With failures and running trials, before the model, at a cold start, between fits. */
static void test_is_a_fold(void **state)
{
    (void)state;
    static const size_t counts[] = {3, 12, 16, 33};
    study *s = study_open("gp", guided_branches_space, NULL, SEED);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        study_run(s, guided_failing, counts[i] - s->view.n_done);
        study_check_fold(s, "gp");
    }
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(study_ask(s), HPO_OK);
        study_pend(s, s->x);
        study_check_fold(s, "gp");
    }
    study_close(s);
}

static void test_survives(void **state)
{
    (void)state;
    guided_survives("gp");
}

static void test_lists_finite(void **state)
{
    (void)state;
    guided_lists_finite("gp");
}

static void test_beats_random(void **state)
{
    (void)state;
    double gp = median_of("gp", guided_bowl_space, guided_bowl, 35);
    double random = median_of("random", guided_bowl_space, guided_bowl, 35);
    print_message("# bowl after 35: %.3g, random %.3g\n", gp, random);
    assert_true(gp < 0.2 * random);
}

static void test_explains(void **state)
{
    (void)state;
    study *s = study_open("gp", guided_branches_space, NULL, SEED);
    char text[4096];
    size_t n = 0;
    hpo_error err;
    study_run(s, guided_branches, 8);
    assert_int_equal(study_ask(s), HPO_OK);
    assert_ok(
        s->sampler.ops->explain(s->sampler.state, &s->view, s->u_asked, text, sizeof text - 1, &n, &err),
        err);
    text[n] = 0;
    static const char *const parts[] = {"\"model\":\"gp\"",
                                        "\"origin\":\"model\"",
                                        "\"kernel\":\"matern32\"",
                                        "\"lengthscales\":{\"act\":",
                                        "\"acquisition\":\"ei\"",
                                        "\"mean\":",
                                        "\"sd\":"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        assert_contains(text, parts[i]);
    study_close(s);
}

/* ---- optimisation ------------------------------------------------------------------------------------- */

static double branin(const double *x)
{
    const double pi = 3.14159265358979323846;
    double a = x[1] - 5.1 / (4 * pi * pi) * x[0] * x[0] + 5 / pi * x[0] - 6;
    return a * a + 10 * (1 - 1 / (8 * pi)) * hpo_cos(x[0]) + 10;
}

static void test_branin(void **state)
{
    (void)state;
    double best = guided_median("gp", "x: -5..10; y: 0..15", branin, 40, 7) - 0.397887357729738;
    print_message("# branin after 40: %.3g\n", best);
    assert_true(best < 1e-4);
}

/* A learning-rate bowl that explodes: most of the range fails outright, the rest spans six decades. */
static double cliff(const double *x)
{
    double lr = hpo_log10(x[0]) + 2.5, wd = hpo_log10(x[1]) + 4;
    if (x[0] > 0.3) return (double)NAN;
    return x[0] > 0.05 ? 1e6 * x[0] : lr * lr + 0.1 * wd * wd;
}

static void test_cliff(void **state)
{
    (void)state;
    static const char space[] = "lr: log 1e-5..10; wd: log 1e-6..1e-2";
    assert_true(median_of("gp", space, cliff, 30) < 1e-2);
    study *s = study_open("gp", space, NULL, SEED);
    study_run(s, cliff, 20);
    size_t failed = 0;
    for (int i = 0; i < 15; i++) {
        study_run(s, cliff, 1);
        failed += isnan(s->y[s->view.n_done - 1]) ? 1 : 0;
    }
    print_message("# cliff: %zu of 15 failed\n", failed);
    assert_true(failed <= 2); /* a quarter of the space */
    study_close(s);
}

/* The best feasible value lies on the border; every proposal is checked in study_ask. */
static double corner(const double *x)
{
    return -x[0] - 2 * x[1] + (x[2] == 1 ? 0.3 : 0);
}

static void test_constraint(void **state)
{
    (void)state;
    study *s = study_open("gp", "a: 0..1; b: 0..1; slow: bool", "a * a + b * b <= 1", SEED);
    double best = study_run(s, corner, 40);
    assert_true(best < -sqrt(5) + 0.02);
    study_close(s);
}

/* Three branches with parameters of their own; the best one is not the first to look good. */
static double branches(const double *x)
{
    if (x[0] == 0) return 0.5 + fabs(x[1] - 0.5);
    if (x[0] == 1) return 4 * (x[2] - 0.83) * (x[2] - 0.83) + 0.5 * fabs(x[3] - 20) / 20;
    return 0.7 + 0.1 * fabs(x[4] - 7);
}

static void test_conditional(void **state)
{
    (void)state;
    double best = median_of("gp",
                            "opt: sgd,adam,tree; mom: 0..0.99 if opt == sgd; beta: 0..1 if opt == adam; "
                            "warm: int 0..100 if opt == adam; depth: int 1..10 if opt == tree",
                            branches, 35);
    print_message("# branches after 35: %.3g\n", best);
    assert_true(best < 0.01);
}

static double orders(const double *x)
{
    static const double want[5] = {3, 1, 4, 0, 2}, mix[3] = {0.6, 0.3, 0.1};
    double loss = 0;
    for (int i = 0; i < 5; i++)
        loss += fabs(x[i] - want[i]) / 5;
    for (int i = 0; i < 3; i++)
        loss += fabs(x[5 + i] - mix[i]);
    return loss + (x[8] != 1) + (x[9] != 0) + (x[10] != 1);
}

static void test_structured(void **state)
{
    (void)state;
    static const char space[] = "order: perm 5; mix: simplex 3; some: subset a,b,c";
    double gp = median_of("gp", space, orders, 30), random = median_of("random", space, orders, 30);
    print_message("# structured after 30: %.3g, random %.3g\n", gp, random);
    assert_true(gp < 0.6 * random);
}

/* ---- promises -------------------------------------------------------------------------------------------
 */

static void test_never_repeats(void **state)
{
    (void)state;
    study *s = study_open("gp", "n: int 1..6; k: int 1..7; a: x,y,z", NULL, SEED);
    for (size_t i = 0; i < 60; i++) {
        assert_int_equal(study_ask(s), HPO_OK);
        study_tell(s, s->x, fabs(s->x[0] - 3) + fabs(s->x[1] - 4) + s->x[2]);
    }
    size_t n = s->view.n_done, d = s->view.n_dims, twice = 0;
    for (size_t i = 10; i < n; i++) /* the design may: the study asks again then */
        for (size_t j = 0; j < i; j++)
            twice += memcmp(s->u + i * d, s->u + j * d, d * sizeof(double)) == 0;
    assert_int_equal(twice, 0);
    study_close(s);
}

static double nearest_pending(const study *s)
{
    double least = HUGE_VAL;
    for (size_t i = 0; i < s->view.n_pending; i++)
        for (size_t j = 0; j < i; j++) {
            double r = 0;
            for (size_t k = 0; k < s->view.n_dims; k++) {
                double t = s->u_pending[i * s->view.n_dims + k] - s->u_pending[j * s->view.n_dims + k];
                r += t * t;
            }
            least = fmin(least, sqrt(r));
        }
    return least;
}

/* Five workers ask while nothing comes back: under every rule that looks at them they spread out. */
static void test_pending(void **state)
{
    (void)state;
    static const char *const specs[] = {"gp", "gp:pending=believer", "gp:pending=penalty", "gp:pending=pe",
                                        "gp:acquisition=thompson"};
    for (size_t k = 0; k < sizeof specs / sizeof *specs; k++) {
        study *s = study_open(specs[k], "x: -5..10; y: 0..15", NULL, SEED);
        study_run(s, branin, 15);
        for (int i = 0; i < 5; i++) {
            assert_int_equal(study_ask(s), HPO_OK);
            study_pend(s, s->x);
        }
        print_message("# %s: nearest pair %.3g\n", specs[k], nearest_pending(s));
        assert_true(nearest_pending(s) > 1e-3);
        study_close(s);
    }
}

/* Every acquisition, every other option, with costs and a prior: valid proposals, and an account of each. */
static void test_every_option(void **state)
{
    (void)state;
    static const char *const acquisitions[] = {"ei", "pi", "lcb", "thompson", "mes", "kg", "nei", "pbgi"};
    static const char *const more[] = {"pending=fantasy,cost=per",  "pending=believer,beta=0",
                                       "pending=penalty,warp=yes",  "pending=pe,kernel=auto",
                                       "pending=ignore,prior=dim",  "cost=cooled,noise=varying",
                                       "kernel=se,transform=bilog", "prior=sparse,failures=no"};
    for (size_t a = 0; a < 8; a++) {
        char spec[128], text[2048];
        size_t n;
        hpo_error err;
        snprintf(spec, sizeof spec, "gp:acquisition=%s,%s", acquisitions[a], more[a]);
        study *s =
            study_open(spec, "a: 0..1 prior 0.7 low; n: int 1..9; o: x,y,z; b: 0..1 if o == x", NULL, SEED);
        s->view.planned = 50;
        for (size_t i = 0; i < 8; i++) {
            assert_int_equal(study_ask(s), HPO_OK);
            s->cost[s->view.n_done] = 1 + s->x[1];
            study_tell(s, s->x, i % 5 == 4 ? (double)NAN : fabs(s->x[0] - 0.4) + s->x[1] / 9);
            if (i == 6) study_pend(s, s->x);
        }
        assert_int_equal(study_ask(s), HPO_OK);
        assert_ok(
            s->sampler.ops->explain(s->sampler.state, &s->view, s->u_asked, text, sizeof text, &n, &err),
            err);
        study_close(s);
    }
}

/* With cost = e^(4 x0) and the two ends equally good, improvement per cost looks at the cheap end. */
static void test_cost(void **state)
{
    (void)state;
    double mean[2];
    for (int k = 0; k < 2; k++) {
        study *s = study_open(k ? "gp:cost=per" : "gp", "a: 0..1; b: 0..1", NULL, SEED);
        mean[k] = 0;
        for (int i = 0; i < 30; i++) {
            assert_int_equal(study_ask(s), HPO_OK);
            double x = s->x[0];
            s->cost[s->view.n_done] = hpo_exp(4 * x);
            study_tell(s, s->x, hpo_sin(12 * x) + (s->x[1] - 0.5) * (s->x[1] - 0.5));
            mean[k] += i < 10 ? 0 : x / 20;
        }
        study_close(s);
    }
    assert_true(mean[1] < mean[0] - 0.05);
}

/* Noise larger than the signal: configurations are tried again, in a study that was declared noisy alone, and
 * there in most cases (what 60 values say of their noise is a matter of luck). */
static void test_noise(void **state)
{
    (void)state;
    size_t repeated = 0;
    for (int run = 0; run < 10; run++) {
        int noisy = run > 0;
        t_rng r = t_rng_create();
        study *s = study_open("gp", "a: 0..1; b: 0..1", NULL, SEED + (uint64_t)run);
        s->view.noisy = noisy;
        for (int i = 0; i < 60; i++) {
            assert_int_equal(study_ask(s), HPO_OK);
            double z = t_uniform(&r) + t_uniform(&r) + t_uniform(&r) - 1.5;
            study_tell(s, s->x, 0.3 * fabs(s->x[0] - 0.3) + 2 * z);
        }
        size_t twice = 0;
        for (size_t i = 0; i < s->view.n_done; i++)
            for (size_t j = 0; j < i; j++)
                twice += memcmp(s->u + 2 * i, s->u + 2 * j, 2 * sizeof(double)) == 0;
        assert_true(noisy || twice == 0);
        repeated += noisy && twice > 0;
        study_close(s);
    }
    assert_true(repeated >= 3);
}

/* Two measured constraints; the unconstrained optimum breaks one. */
static void test_outcomes(void **state)
{
    (void)state;
    enum { N = 45 };
    hpo_space *space = space_of("a: 0..1; b: 0..1", NULL);
    hpo_sampler sampler;
    hpo_error err;
    double u[2 * N], y[N], sem[N], cost[N] = {0}, outcome[2 * N], best = HUGE_VAL;
    uint8_t ends[N];
    int64_t number[N];
    assert_ok(hpo_sampler_open("gp", space, 1, 2, SEED, &sampler, &err), err);
    hpo_view view = {.size = sizeof view,
                     .n_dims = 2,
                     .n_objectives = 1,
                     .n_outcomes = 2,
                     .u = u,
                     .y = y,
                     .sem = sem,
                     .outcome = outcome,
                     .cost = cost,
                     .state = ends,
                     .number = number};
    size_t late = 0;
    for (size_t i = 0; i < N; i++) {
        hpo_rng rng;
        double v[2], x[2];
        hpo_rng_init(&rng, SEED, i, HPO_RNG_SAMPLER);
        assert_ok(sampler.ops->ask(sampler.state, &view, i, &rng, v, &err), err);
        hpo_space_decode(space, v, x);
        hpo_space_encode(space, x, u + 2 * i);
        y[i] = (x[0] - 0.9) * (x[0] - 0.9) + (x[1] - 0.9) * (x[1] - 0.9);
        outcome[2 * i] = x[0] + x[1] - 1;         /* a + b <= 1 */
        outcome[2 * i + 1] = 100 * (x[0] - 0.45); /* a <= 0.45 */
        sem[i] = (double)NAN;
        ends[i] = HPO_STATE_COMPLETE;
        number[i] = (int64_t)i;
        view.n_done = i + 1;
        int ok = outcome[2 * i] <= 0 && outcome[2 * i + 1] <= 0;
        if (ok) best = fmin(best, y[i]);
        late += i >= N / 2 && ok;
    }
    print_message("# constrained: %.4g, %zu of the last %d feasible\n", best, late, N - N / 2);
    assert_true(best < 0.3250 + 0.004); /* at (0.45, 0.55): .2025 + .1225 */
    assert_true(late >= 2); /* the optimum is in a corner of the feasible set: three of four sides are not */
    hpo_sampler_close(&sampler);
    hpo_space_free(space);
}

/* A study with so many running trials that fantasies give way to the believer, and more than fit anywhere. */
static void test_small_budget(void **state)
{
    (void)state;
    study *s = study_open("gp", "a: 0..1; b: 0..1; c: 0..1; d: 0..1; e: 0..1; f: 0..1", NULL, SEED);
    char text[2048];
    size_t n;
    hpo_error err;
    s->view.planned = 20; /* a fifth: 4 for the opening instead of 7 */
    for (int i = 0; i < 4; i++) {
        assert_int_equal(study_ask(s), HPO_OK);
        study_tell(s, s->x, fabs(s->x[0] - 0.4));
    }
    assert_int_equal(study_ask(s), HPO_OK);
    assert_ok(s->sampler.ops->explain(s->sampler.state, &s->view, s->u_asked, text, sizeof text, &n, &err),
              err);
    assert_contains(text, "\"origin\":\"model\"");
    study_close(s);
}

static void test_quality(void **state)
{
    (void)state;
    double best = median_of("gp:quality=4", "x: -5..10; y: 0..15", branin, 18) - 0.397887357729738;
    print_message("# branin after 18, 4 samples: %.3g\n", best);
    assert_true(best < 1);
    study *s = study_open("gp:quality=4", guided_branches_space, NULL, SEED);
    study_run(s, guided_failing, 9);
    study_check_fold(s, "gp:quality=4");
    study_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_a_fold),     cmocka_unit_test(test_survives),
        cmocka_unit_test(test_lists_finite),  cmocka_unit_test(test_beats_random),
        cmocka_unit_test(test_explains),      cmocka_unit_test(test_branin),
        cmocka_unit_test(test_cliff),         cmocka_unit_test(test_constraint),
        cmocka_unit_test(test_conditional),   cmocka_unit_test(test_structured),
        cmocka_unit_test(test_never_repeats), cmocka_unit_test(test_pending),
        cmocka_unit_test(test_every_option),  cmocka_unit_test(test_cost),
        cmocka_unit_test(test_noise),         cmocka_unit_test(test_outcomes),
        cmocka_unit_test(test_small_budget),  cmocka_unit_test(test_quality),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
