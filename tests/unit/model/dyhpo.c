/* SPDX-License-Identifier: Apache-2.0 */
/* model/deep_gp, model/dyhpo: the gradient against differences, predictions against the chain rule of the
 * likelihood, learning from curves; rows of a study. */
#include "model/dyhpo.h"

#include "model/deep_gp.h"
#include "space/space.h"
#include "t.h"

enum { MOST = 60, DIMS = 3, CURVE = 6 };

static hpo_embed *make_embed(hpo_space **space)
{
    hpo_error err;
    hpo_embed *e;
    assert_ok(hpo_space_parse("a: 0..1; b: 0..1; c: red, green, blue", space, &err), err);
    assert_ok(hpo_space_freeze(*space, &err), err);
    assert_ok(hpo_embed_create(*space, &e, &err), err);
    assert_int_equal(hpo_embed_n_dims(e), DIMS);
    return e;
}

typedef struct table {
    double u[MOST * DIMS], resource[MOST], curve[MOST * CURVE], y[MOST];
    uint32_t length[MOST];
} table;

/* Falling curves of all lengths; what comes next is half of the last step once more: nothing of it can be
 * seen in the configuration. */
static void fill(table *t, t_rng *r, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double y = t_between(r, 0, 2), step = -t_between(r, 0.1, 0.6);
        t->u[i * DIMS] = t_uniform(r);
        t->u[i * DIMS + 1] = t_uniform(r);
        t->u[i * DIMS + 2] = ((double)t_int(r, 0, 2) + 0.5) / 3;
        t->length[i] = (uint32_t)(i % (CURVE + 1));
        t->resource[i] = (double)t->length[i] / CURVE;
        for (size_t k = 0; k < CURVE; k++) {
            t->curve[i * CURVE + k] = k < t->length[i] ? y : (double)NAN; /* not to be read */
            if (k < t->length[i]) y += step;
        }
        t->y[i] = t->length[i] == 0 ? 0.5 : y - step / 2;
    }
}

static hpo_deep_rows rows_of(const table *t, size_t from)
{
    return (hpo_deep_rows){t->u + from * DIMS, t->resource + from, t->curve + from * CURVE, t->length + from};
}

static hpo_deep_gp *make_model(const hpo_embed *e, uint64_t seed)
{
    hpo_error err;
    hpo_deep_gp *m;
    assert_ok(hpo_deep_gp_create(e, CURVE, seed, &m, &err), err);
    return m;
}

static void test_gradient(void **state)
{
    (void)state;
    enum { N = 9 };
    hpo_space *space;
    hpo_embed *e = make_embed(&space);
    t_rng r = t_rng_create();
    static table t;
    for (T_ROUNDS(round, 4)) {
        hpo_deep_gp *m = make_model(e, (uint64_t)round);
        fill(&t, &r, N);
        hpo_deep_rows rows = rows_of(&t, 0);
        assert_true(hpo_deep_gp_condition(m, &rows, t.y, N));
        size_t p = hpo_deep_gp_n_free(m);
        double *theta = calloc(2 * p, sizeof *theta), *g = theta + p, h = 1e-5, most = 0;
        assert_non_null(theta);
        memcpy(theta, hpo_deep_gp_free_parameters(m), p * sizeof *theta);
        for (size_t i = 0; i < p; i++)
            theta[i] += t_between(&r, -0.1, 0.1);
        assert_true(isfinite(hpo_deep_gp_objective(m, theta, g)));
        for (size_t i = 0; i < p; i++)
            most = fmax(most, fabs(g[i]));
        assert_true(most > 0.1);
        for (size_t i = 0; i < p; i++) {
            double keep = theta[i];
            theta[i] = keep + h;
            double up = hpo_deep_gp_objective(m, theta, NULL);
            theta[i] = keep - h;
            double down = hpo_deep_gp_objective(m, theta, NULL);
            theta[i] = keep;
            assert_near(g[i], (up - down) / (2 * h), 1e-5, 1e-6 * most);
        }
        free(theta);
        hpo_deep_gp_free(m);
    }
    hpo_embed_free(e);
    hpo_space_free(space);
}

/* ln p(y_1 .. y_n+1) - ln p(y_1 .. y_n) is the log density of y_n+1 as predicted from the others. */
static void test_predictions(void **state)
{
    (void)state;
    enum { N = 30 };
    hpo_space *space;
    hpo_embed *e = make_embed(&space);
    hpo_deep_gp *m = make_model(e, 3);
    t_rng r = t_rng_create();
    static table t;
    fill(&t, &r, N);
    hpo_deep_rows rows = rows_of(&t, 0);
    double before = 0;
    for (size_t n = 1; n <= N; n++) {
        double mean = 0, var = 1;
        hpo_deep_rows last = rows_of(&t, n - 1);
        if (n > 1) hpo_deep_gp_moments(m, &last, 1, &mean, &var);
        assert_true(hpo_deep_gp_condition(m, &rows, t.y, n));
        double now = hpo_deep_gp_objective(m, hpo_deep_gp_free_parameters(m), NULL), e2 = t.y[n - 1] - mean;
        var += hpo_deep_gp_noise(m);
        assert_near(now - before, 0.5 * (log(6.283185307179586 * var) + e2 * e2 / var), 1e-9, 1e-9);
        before = now;
    }
    hpo_deep_gp_free(m);
    hpo_embed_free(e);
    hpo_space_free(space);
}

static void test_learns_from_curves(void **state)
{
    (void)state;
    enum { N = 40 };
    hpo_space *space;
    hpo_embed *e = make_embed(&space);
    hpo_deep_gp *m = make_model(e, 1), *again = make_model(e, 1);
    t_rng r = {12};
    static table t;
    double mean[MOST - N], var[MOST - N], squares = 0, all = 0;
    fill(&t, &r, MOST);
    hpo_deep_rows rows = rows_of(&t, 0), rest = rows_of(&t, N);
    assert_true(hpo_deep_gp_condition(m, &rows, t.y, N) && hpo_deep_gp_condition(again, &rows, t.y, N));
    double before = hpo_deep_gp_objective(m, hpo_deep_gp_free_parameters(m), NULL);
    assert_true(hpo_deep_gp_train(m, 300) && hpo_deep_gp_train(again, 300));
    assert_true(hpo_deep_gp_objective(m, hpo_deep_gp_free_parameters(m), NULL) < before - 10);
    assert_same_doubles(hpo_deep_gp_free_parameters(m), hpo_deep_gp_free_parameters(again),
                        hpo_deep_gp_n_free(m));
    hpo_deep_gp_moments(m, &rest, MOST - N, mean, var);
    for (size_t i = 0; i < MOST - N; i++) {
        squares += (mean[i] - t.y[N + i]) * (mean[i] - t.y[N + i]);
        all += t.y[N + i] * t.y[N + i];
        assert_true(var[i] > 0);
    }
    print_message("# unexplained: %.3f\n", squares / all);
    assert_true(squares < 0.3 * all);
    hpo_deep_gp_free(m);
    hpo_deep_gp_free(again);
    hpo_embed_free(e);
    hpo_space_free(space);
}

/* ---- rows of a study ----------------------------------------------------------------------------------- */

static const double levels[4] = {1, 3, 9, 27};

static void test_rows(void **state)
{
    (void)state;
    hpo_space *space;
    hpo_error err;
    hpo_embed *e = make_embed(&space);
    hpo_dyhpo *k;
    double u[300 * DIMS];
    t_rng r = {4};
    for (size_t i = 0; i < 300; i++) {
        u[i * DIMS] = t_uniform(&r);
        u[i * DIMS + 1] = t_uniform(&r);
        u[i * DIMS + 2] = 0.5;
    }
    assert_ok(hpo_dyhpo_create(e, levels, 4, 1, &k, &err), err);
    assert_int_equal(hpo_dyhpo_update(k, u), 0);
    for (size_t t = 0; t < 8; t++) /* within a level nothing new; 3 is jumped over */
        for (double step = 1; step <= (t < 2 ? 12 : 2); step += step == 2 ? 8 : 1)
            assert_ok(hpo_dyhpo_report(k, t, step, u[t * DIMS] + 1 / step, u, &err), err);
    assert_true(hpo_dyhpo_update(k, u));
    assert_int_equal(hpo_dyhpo_n_rows(k), 8 + 2);
    const hpo_transform *tr = hpo_dyhpo_transform(k);
    double least = fmin(u[0], u[DIMS]) + 0.1;
    assert_near(hpo_transform_invert(tr, hpo_dyhpo_best(k, 2)), least, 1e-9, 1e-9);
    assert_near(hpo_transform_invert(tr, hpo_dyhpo_best(k, 3)), least, 1e-9, 1e-9); /* nobody: of all */
    assert_near(hpo_transform_invert(tr, hpo_dyhpo_lowest(k, 5)), u[5 * DIMS] + 1, 1e-9, 1e-9);
    /* a failed trial is no row, now or later */
    assert_ok(hpo_dyhpo_report(k, 1, 27, (double)INFINITY, u, &err), err);
    assert_ok(hpo_dyhpo_report(k, 1, 27, 0, u, &err), err);
    assert_true(hpo_dyhpo_update(k, u));
    assert_int_equal(hpo_dyhpo_n_rows(k), 8);
    assert_true(isinf(hpo_dyhpo_lowest(k, 1)));
    /* what runs counts at its expected value, which stays */
    double mean[2], var[2], mean2[2], var2[2];
    hpo_posterior p = hpo_dyhpo_posterior(k);
    p.ops->moments(p.model, u + 200 * DIMS, 2, mean, var);
    assert_true(hpo_dyhpo_believe(k, u + 200 * DIMS, 2));
    assert_int_equal(hpo_dyhpo_n_rows(k), 10);
    p.ops->moments(p.model, u + 200 * DIMS, 2, mean2, var2);
    assert_near(mean2[1], mean[1], 1e-3, 1e-3);
    assert_true(var2[1] < var[1]);
    /* of many rows the highest levels are all there */
    size_t n = T_INSTRUMENTED ? 190 : 300;
    for (size_t t = 8; t < n; t++)
        for (size_t j = 0; j < (t % 30 == 0 ? 4u : 1u); j++)
            assert_ok(hpo_dyhpo_report(k, t, levels[j], u[t * DIMS] + 1 / levels[j], u, &err), err);
    assert_true(hpo_dyhpo_update(k, u));
    assert_int_equal(hpo_dyhpo_n_rows(k), 168);
    /* and the next values of trials come out as they must */
    const uint32_t who[2] = {20, 2};
    double best[2];
    hpo_dyhpo_next(k, u, who, 2, mean, var, best);
    for (int i = 0; i < 2; i++) {
        assert_near(best[i], hpo_dyhpo_best(k, 1), 0, 0);
        assert_near(hpo_transform_invert(hpo_dyhpo_transform(k), mean[i]), u[who[i] * DIMS] + 1. / 3, 0, 0.3);
    }
    hpo_dyhpo_free(k);
    hpo_embed_free(e);
    hpo_space_free(space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradient),
        cmocka_unit_test(test_predictions),
        cmocka_unit_test(test_learns_from_curves),
        cmocka_unit_test(test_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
