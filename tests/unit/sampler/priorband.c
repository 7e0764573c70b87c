/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/priorband: the paper's shares written out by hand, when the incumbent takes part, and what the
 * three sources draw. */
#include "resource.h"

static const double PI = 3.14159265358979323846;

static void account(study *s, char text[1024])
{
    size_t n = 0;
    hpo_error err;
    assert_ok(s->sampler.ops->explain(s->sampler.state, &s->view, s->u_asked, text, 1023, &n, &err), err);
    text[n] = '\0';
}

static double share(study *s, const char *source)
{
    char text[1024], key[40];
    account(s, text);
    snprintf(key, sizeof key, "\"%s\":", source);
    const char *at = strstr(strstr(text, "\"shares\""), key);
    assert_non_null(at);
    return strtod(at + strlen(key), NULL);
}

static int comes_from(study *s, const char *source)
{
    char text[1024], key[40];
    account(s, text);
    snprintf(key, sizeof key, "\"origin\":\"%s\"", source);
    return strstr(text, key) != NULL;
}

static rungs *rungs_in(const char *space)
{
    rungs *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->s = study_open("priorband", space, NULL, SEED);
    return r;
}

/* 1/2, 1/4, 1/10, 1/28 uniform, the rest from the prior; and so often they come. */
static void shares_by_rung(void **state)
{
    (void)state;
    static const double uniform[] = {1. / 2, 1. / 4, 1. / 10, 1. / 28};
    enum { N = 400 };
    rungs *r = rungs_in("a: 0..1 prior 0.2 high; b: 0..1");
    rungs_show(r);
    for (size_t k = 0; k < 4; k++) {
        int n = 0;
        r->s->view.begins = k;
        for (int i = 0; i < N; i++) {
            assert_int_equal(study_ask(r->s), HPO_OK);
            n += comes_from(r->s, "space");
        }
        assert_near(share(r->s, "space"), uniform[k], 1e-15, 0);
        assert_near(share(r->s, "prior"), 1 - uniform[k], 1e-15, 0);
        assert_near(share(r->s, "incumbent"), 0, 0, 0);
        assert_true(fabs(n - N * uniform[k]) < 4 * sqrt(N * uniform[k] * (1 - uniform[k])));
    }
    rungs_close(r);
}

/* One bracket of levels 1, 3, 9, 27, 81: 81 + 27 x 2 + 9 x 6 + 3 x 18 + 54 = 297, three full trials are 243.
 */
static void begins_after_a_bracket(void **state)
{
    (void)state;
    rungs *r = rungs_in("a: 0..1; b: 0..1");
    const double u[2] = {.4, .6};
    for (int i = 0; i < 3; i++)
        rungs_train(r, u, 81);
    for (int i = 0; i < 53; i++)
        rungs_train(r, u, 1);
    assert_int_equal(study_ask(r->s), HPO_OK);
    assert_near(share(r->s, "incumbent"), 0, 0, 0);
    rungs_train(r, u, 1);
    assert_int_equal(study_ask(r->s), HPO_OK);
    assert_true(share(r->s, "incumbent") > 0);
    rungs_close(r);
    r = rungs_in("a: 0..1; b: 0..1"); /* the same resource without a full trial */
    for (int i = 0; i < 20; i++)
        rungs_train(r, u, 27);
    assert_int_equal(study_ask(r->s), HPO_OK);
    assert_near(share(r->s, "incumbent"), 0, 0, 0);
    rungs_close(r);
}

static double normal(double z)
{
    return exp(-z * z / 2) / sqrt(2 * PI);
}

static double cdf(double z)
{
    return erfc(-z / sqrt(2)) / 2;
}

/* Normal of standard deviation sd around m, cut to [0, 1]. */
static double cut(double x, double m, double sd)
{
    return normal((x - m) / sd) / sd / (cdf((1 - m) / sd) - cdf(-m / sd));
}

/* Six full trials: the highest rung with eta of them is the top, whose best two count, 2 to 1. */
static void shares_by_density(void **state)
{
    (void)state;
    static const double a[6] = {.70, .15, .95, .40, .62, .05}, b[6] = {.30, .35, .90, .10, .45, .70};
    rungs *r = rungs_in("a: 0..1 prior 0.2 medium; b: 0..1");
    size_t order[6] = {0, 1, 2, 3, 4, 5};
    for (size_t i = 0; i < 6; i++) {
        const double u[2] = {a[i], b[i]};
        rungs_train(r, u, 81);
    }
    for (size_t i = 0; i < 6; i++)
        for (size_t j = 0; j + 1 < 6; j++) {
            double u[2] = {a[order[j]], b[order[j]]}, v[2] = {a[order[j + 1]], b[order[j + 1]]};
            if (rungs_curve(u, 81) <= rungs_curve(v, 81)) continue;
            size_t swap = order[j];
            order[j] = order[j + 1];
            order[j + 1] = swap;
        }
    size_t first = order[0], second = order[1];
    double prior = 2 * cut(a[first], .2, .25) + cut(a[second], .2, .25);
    double best = 2 * cut(a[first], a[first], .25) * cut(b[first], b[first], .25) +
                  cut(a[second], a[first], .25) * cut(b[second], b[first], .25);
    for (size_t k = 0; k < 3; k++) {
        double rest = 1 - 1 / (1 + pow(3, (double)k));
        r->s->view.begins = k;
        assert_int_equal(study_ask(r->s), HPO_OK);
        assert_near(share(r->s, "space"), 1 - rest, 1e-15, 0);
        assert_near(share(r->s, "prior"), rest * prior / (prior + best), 1e-12, 0);
        assert_near(share(r->s, "incumbent"), rest * best / (prior + best), 1e-12, 0);
    }
    rungs_close(r);
}

/* Labels: the centre 4 times as likely as each of three others, 4/7 and 1/7 against 1/4: densities 16/7 and
 * 4/7. A default without a prior is one of medium confidence. */
static void labels_and_defaults(void **state)
{
    (void)state;
    study *s = study_open("priorband:eta=2", "c: p,q,r,s default r", NULL, SEED);
    const double x[4][1] = {{0}, {0}, {2}, {1}};
    for (int i = 0; i < 4; i++)
        study_tell(s, x[i], (double)i); /* one level: the best two are p, p */
    assert_int_equal(study_ask(s), HPO_OK);
    double prior = 3 * 4. / 7, best = 3 * 16. / 7;
    assert_near(share(s, "space"), 0.5, 0, 0);
    assert_near(share(s, "prior"), 0.5 * prior / (prior + best), 1e-14, 0);
    int n = 0, near = 0;
    for (int i = 0; i < 2000; i++) {
        assert_int_equal(study_ask(s), HPO_OK);
        if (comes_from(s, "incumbent")) assert_true(s->x[0] != 0);
        if (!comes_from(s, "prior")) continue;
        n++;
        near += s->x[0] == 2;
    }
    assert_true(fabs(near - n * 4. / 7) < 4 * sqrt(n * 12. / 49));
    study_close(s);
}

/* Each source draws what it is named after, and the uniform one pays no heed to the prior. */
static void sources(void **state)
{
    (void)state;
    enum { N = 3000 };
    rungs *r = rungs_in("a: 0..1 prior 0.55 high; b: 0..1");
    const double top[2] = {.7, .3}, other[2] = {.1, .8};
    rungs_train(r, top, 81);
    for (int i = 0; i < 4; i++)
        rungs_train(r, other, 81);
    double space = 0, prior = 0, moved = 0, same = 0, n[3] = {0}, all[3] = {0};
    for (int i = 0; i < N; i++) {
        assert_int_equal(study_ask(r->s), HPO_OK);
        const double *u = r->s->u_asked;
        if (comes_from(r->s, "space")) {
            space += u[0];
            n[0]++;
        } else if (comes_from(r->s, "prior")) {
            prior += u[0];
            n[1]++;
        } else {
            n[2]++;
            assert_true(u[0] != .7 || u[1] != .3);
            same += u[0] == .7;
            if (u[0] != .7) {
                moved += (u[0] - .7) * (u[0] - .7);
                all[2]++;
            }
        }
    }
    assert_true(n[0] > 300 && n[1] > 50 && n[2] > 300);
    assert_true(fabs(space / n[0] - .5) < 4 * sqrt(1 / 12. / n[0]));
    double sd = .125, mass = cdf(.45 / sd) - cdf(-.55 / sd);
    double mean = .55 + sd * (normal(-.55 / sd) - normal(.45 / sd)) / mass;
    assert_true(fabs(prior / n[1] - mean) < 4 * sd / sqrt(n[1]));
    /* one third of the changed ones keep a: (a kept, b changed), of (1/4, 1/4, 1/4) */
    assert_true(fabs(same - n[2] / 3) < 4 * sqrt(n[2] * 2 / 9.));
    double square = 0, step = 1e-4; /* of the cut normal, by quadrature */
    for (double x = step / 2; x < 1; x += step)
        square += step * cut(x, .7, .25) * (x - .7) * (x - .7);
    assert_near(moved / all[2], square, 0, 0.01);
    rungs_close(r);
}

static void is_a_fold(void **state)
{
    (void)state;
    guided_is_a_fold("priorband");
    rungs_is_a_fold("priorband");
}

static void survives(void **state)
{
    (void)state;
    guided_survives("priorband");
}

static void keeps_constraints(void **state)
{
    (void)state;
    study *s =
        study_open("priorband",
                   "a: 0..1 prior 0.4 high; b: 0..1 default 0.3; c: 0..1 if a > 0.5; d: bool prior true "
                   "high; o: perm 4; m: subset x,y,z; t: simplex 3",
                   "a + b <= 0.9", SEED);
    for (int i = 0; i < 200; i++) { /* study_ask looks that it is feasible */
        assert_int_equal(study_ask(s), HPO_OK);
        study_tell(s, s->x, -s->x[0] - s->x[1]);
    }
    study_close(s);
}

/* With a prior at the optimum better than without; misled by one at the other end, it still finds it. */
static void uses_the_prior(void **state)
{
    (void)state;
    static const char
        good[] = "a: 0..1 prior 0.3 high; b: 0..1 prior 0.8 high; c: 0..1 prior 0.5 high; d: 0..1; e: 0..1",
        bad[] = "a: 0..1 prior 1 high; b: 0..1 prior 0 high; c: 0..1 prior 1 high; d: 0..1; e: 0..1";
    double with = guided_median("priorband", good, guided_bowl, 60, 9),
           none = guided_median("priorband", guided_bowl_space, guided_bowl, 60, 9),
           misled = guided_median("priorband", bad, guided_bowl, 60, 9),
           random = guided_median("random", bad, guided_bowl, 60, 9);
    print_message("# priorband: prior %.4g, none %.4g, misleading %.4g (random with that prior %.4g)\n", with,
                  none, misled, random);
    assert_true(with < 0.5 * none);
    assert_true(misled < 0.5 * random);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_by_rung),    cmocka_unit_test(begins_after_a_bracket),
        cmocka_unit_test(shares_by_density), cmocka_unit_test(labels_and_defaults),
        cmocka_unit_test(sources),           cmocka_unit_test(is_a_fold),
        cmocka_unit_test(survives),          cmocka_unit_test(keeps_constraints),
        cmocka_unit_test(uses_the_prior),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
