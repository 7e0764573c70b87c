/* SPDX-License-Identifier: Apache-2.0 */
/* model/rung_models: which rung is believed, the joint posterior against its formula, a function of the
 * results alone. */
#include "t.h"

#include "math/rng.h"
#include "model/forest.h"
#include "model/rung_models.h"
#include "space/space.h"

enum { D = 2, RUNGS = 4, SEED = 3 };

typedef struct made {
    hpo_space *space;
    hpo_embed *embed;
    hpo_rung_models *m;
} made;

static made make(void)
{
    made w;
    hpo_error err;
    assert_ok(hpo_space_parse("a: 0..1; b: 0..1", &w.space, &err), err);
    assert_ok(hpo_space_freeze(w.space, &err), err);
    assert_ok(hpo_embed_create(w.space, &w.embed, &err), err);
    assert_ok(hpo_rung_models_create(w.embed, RUNGS, SEED, &w.m, &err), err);
    return w;
}

static void unmake(made *w)
{
    hpo_rung_models_free(w->m);
    hpo_embed_free(w->embed);
    hpo_space_free(w->space);
}

static double truth(const double *u)
{
    return (u[0] - .3) * (u[0] - .3) + .5 * u[1];
}

/* Rung 0 has the opposite order, rung 1 the right one, rung 2 a few results of it, rung 3 too few. */
static double seen(size_t rung, const double *u)
{
    return rung == 0 ? 7 - 3 * truth(u) : truth(u) + (double)rung;
}

static void fill(made *w, size_t from, size_t to, t_rng *rng)
{
    static const size_t every[RUNGS] = {1, 1, 5, 20};
    hpo_error err;
    for (size_t i = from; i < to; i++) {
        const double u[D] = {t_uniform(rng), t_uniform(rng)};
        for (size_t r = 0; r < RUNGS; r++)
            if (i % every[r] == 0) assert_ok(hpo_rung_models_add(w->m, r, u, seen(r, u), &err), err);
    }
}

static size_t weigh(made *w, uint64_t draw, double *weights)
{
    size_t reference;
    hpo_error err;
    hpo_rng rng;
    hpo_rng_init(&rng, SEED, draw, HPO_RNG_USER);
    assert_ok(hpo_rung_models_weigh(w->m, &rng, weights, &reference, &err), err);
    return reference;
}

static void believes_the_right_one(void **state)
{
    (void)state;
    made w = make();
    t_rng rng = {4};
    double weights[RUNGS], sum = 0;
    assert_int_equal(weigh(&w, 0, weights), RUNGS);
    fill(&w, 0, 60, &rng);
    assert_int_equal(hpo_rung_models_size(w.m, 2), 12);
    assert_int_equal(weigh(&w, 0, weights), 2); /* rung 3 has three results */
    for (size_t r = 0; r < RUNGS; r++)
        sum += weights[r];
    print_message("# weights %.3f %.3f %.3f %.3f\n", weights[0], weights[1], weights[2], weights[3]);
    assert_near(sum, 1, 1e-12, 0);
    assert_true(weights[0] < .02 && weights[3] == 0);
    assert_true(weights[1] > .8); /* 60 results of the same function against 12 */
    unmake(&w);
}

/* 1 / var = sum theta / var_r, mean = var sum theta mean_r / var_r, over forests made here. */
static void joint_is_the_formula(void **state)
{
    (void)state;
    enum { N = 32 };
    hpo_error err;
    made w = make();
    double theta[RUNGS], u[2 * N][D];
    t_rng rng = {9};
    for (size_t i = 0; i < 2 * N; i++)
        for (size_t j = 0; j < D; j++)
            u[i][j] = t_uniform(&rng);
    for (size_t i = 0; i < N; i++) { /* two rungs, both noisy, so that both are believed */
        assert_ok(hpo_rung_models_add(w.m, 0, u[i], truth(u[i]) + .3 * t_uniform(&rng), &err), err);
        assert_ok(hpo_rung_models_add(w.m, 1, u[N + i], truth(u[N + i]) + .3 * t_uniform(&rng), &err), err);
    }
    assert_int_equal(weigh(&w, 1, theta), 1);
    print_message("# weights %.3f %.3f\n", theta[0], theta[1]);
    assert_true(theta[0] > .05 && theta[1] > .05);
    hpo_forest *f[2];
    t_rng again = {9};
    for (size_t i = 0; i < 2 * N * D; i++)
        (void)t_uniform(&again);
    double y[2][N];
    for (size_t i = 0; i < N; i++) {
        y[0][i] = truth(u[i]) + .3 * t_uniform(&again);
        y[1][i] = truth(u[N + i]) + .3 * t_uniform(&again);
    }
    for (size_t r = 0; r < 2; r++) {
        const hpo_forest_options o = {.n_trees = 32, .far = -1};
        hpo_transform t;
        double scratch[3 * N];
        assert_ok(hpo_forest_create(w.embed, &o, SEED, &f[r], &err), err);
        hpo_transform_fit(&t, HPO_TRANSFORM_AUTO, y[r], N, scratch);
        for (size_t i = 0; i < N; i++)
            assert_ok(hpo_forest_append(f[r], u[r * N + i], hpo_transform_apply(&t, y[r][i]), 1, &err), err);
        assert_ok(hpo_forest_update(f[r], &err), err);
    }
    hpo_posterior joint = hpo_rung_models_posterior(w.m);
    for (int i = 0; i < 100; i++) {
        const double v[D] = {t_uniform(&rng), t_uniform(&rng)};
        double mean, var, m[2], s[2], top = 0, precision = 0;
        joint.ops->moments(joint.model, v, 1, &mean, &var);
        for (size_t r = 0; r < 2; r++) {
            hpo_posterior p = hpo_forest_posterior(f[r]);
            p.ops->moments(p.model, v, 1, &m[r], &s[r]);
            precision += theta[r] / s[r];
            top += theta[r] * m[r] / s[r];
        }
        assert_near(var, 1 / precision, 1e-9, 0);
        assert_near(mean, top / precision, 1e-7, 1e-9);
    }
    hpo_forest_free(f[0]);
    hpo_forest_free(f[1]);
    unmake(&w);
}

/* Weighing on the way, and trials that are assumed, leave nothing behind. */
static void is_a_fold(void **state)
{
    (void)state;
    made a = make(), b = make();
    t_rng p = {6}, q = {6};
    double at_once[RUNGS], steps[RUNGS], m[2], v[2];
    const double u[D] = {.2, .9};
    hpo_error err;
    fill(&a, 0, 50, &p);
    for (size_t i = 0; i < 50; i += 7) {
        fill(&b, i, i + 7 < 50 ? i + 7 : 50, &q);
        (void)weigh(&b, i, steps);
        assert_ok(hpo_rung_models_assume(b.m, u, &err), err);
    }
    assert_int_equal(weigh(&a, 9, at_once), weigh(&b, 9, steps));
    assert_same_doubles(at_once, steps, RUNGS);
    hpo_posterior x = hpo_rung_models_posterior(a.m), y = hpo_rung_models_posterior(b.m);
    x.ops->moments(x.model, u, 1, &m[0], &v[0]);
    y.ops->moments(y.model, u, 1, &m[1], &v[1]);
    assert_same_doubles(&m[0], &m[1], 1);
    assert_same_doubles(&v[0], &v[1], 1);
    assert_ok(hpo_rung_models_assume(b.m, u, &err), err);
    y.ops->moments(y.model, u, 1, &m[1], &v[1]);
    assert_true(v[1] < v[0]); /* there is less to learn where a trial runs */
    unmake(&a);
    unmake(&b);
}

/* Equal values everywhere. */
static void survives(void **state)
{
    (void)state;
    made w = make();
    t_rng rng = {2};
    double weights[RUNGS], mean, var;
    hpo_error err;
    for (int i = 0; i < 20; i++) {
        const double u[D] = {t_uniform(&rng), t_uniform(&rng)};
        for (size_t r = 0; r < RUNGS; r++)
            assert_ok(hpo_rung_models_add(w.m, r, u, 3, &err), err);
    }
    assert_int_equal(weigh(&w, 0, weights), RUNGS - 1);
    hpo_posterior p = hpo_rung_models_posterior(w.m);
    p.ops->moments(p.model, (const double[D]){.5, .5}, 1, &mean, &var);
    assert_true(isfinite(mean) && var > 0 && isfinite(var));
    unmake(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(believes_the_right_one),
        cmocka_unit_test(joint_is_the_formula),
        cmocka_unit_test(is_a_fold),
        cmocka_unit_test(survives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
