/* SPDX-License-Identifier: Apache-2.0 */
/* model/quantile: coverage at fresh points, uneven noise, order, little data. */
#include "model/quantile.h"

#include "math/rng.h"
#include "space/space.h"
#include "t.h"

enum { MAX_ROWS = 800, LEVELS = 9 };

typedef struct bed {
    hpo_space *space;
    hpo_embed *embed;
    hpo_quantile_model *model;
    hpo_rng rng;
    double u[MAX_ROWS * 3], y[MAX_ROWS];
} bed;

static bed *make(const hpo_quantile_options *options, uint64_t seed)
{
    hpo_error err;
    bed *b = calloc(1, sizeof *b);
    assert_non_null(b);
    assert_ok(hpo_space_parse("x: 0..1; k: a,b,c; z: 0..1", &b->space, &err), err);
    assert_ok(hpo_space_freeze(b->space, &err), err);
    assert_ok(hpo_embed_create(b->space, &b->embed, &err), err);
    assert_ok(hpo_quantile_create(b->embed, options, seed, &b->model, &err), err);
    hpo_rng_init(&b->rng, seed, 0, HPO_RNG_USER);
    return b;
}

static void drop(bed *b)
{
    hpo_quantile_free(b->model);
    hpo_embed_free(b->embed);
    hpo_space_free(b->space);
    free(b);
}

/* A response whose noise is five times as large on the right, and skewed. */
static void draw(bed *b, double *u, double *y)
{
    u[0] = hpo_rng_uniform(&b->rng);
    u[1] = ((double)hpo_rng_below(&b->rng, 3) + 0.5) / 3;
    u[2] = hpo_rng_uniform(&b->rng);
    double e = -log(1 - hpo_rng_uniform(&b->rng));
    *y = sin(4 * u[0]) + (u[1] > 0.5 ? 1 : 0) + (u[0] > 0.5 ? 1 : 0.2) * e;
}

static void learn(bed *b, size_t n)
{
    hpo_error err;
    for (size_t i = 0; i < n; i++)
        draw(b, b->u + i * 3, &b->y[i]);
    assert_ok(hpo_quantile_fit(b->model, b->u, b->y, n, &err), err);
}

/* Over repetitions of data, correction and a fresh point: a pair (q, 1 - q) holds y with the promised
 * probability, within five binomial standard errors; exchangeability asks for no more than that. */
static void covers(void **state)
{
    (void)state;
    enum { REPEATS = 60, POINTS = 20 };
    size_t inside[LEVELS / 2] = {0};
    const hpo_quantile_options o = {.rounds = 10};
    for (uint64_t r = 0; r < REPEATS; r++) {
        bed *b = make(&o, 100 + r);
        learn(b, 120);
        assert_true(isfinite(hpo_quantile_correction(b->model)));
        for (size_t i = 0; i < POINTS; i++) {
            double u[3], y, v[LEVELS];
            draw(b, u, &y);
            hpo_quantile_predict(b->model, u, 1, v);
            for (size_t l = 0; l < LEVELS / 2; l++)
                inside[l] += y >= v[l] && y <= v[LEVELS - 1 - l];
        }
        drop(b);
    }
    /* 18 held-out rows: their order statistics make coverage vary from repeat to repeat by a beta law */
    double held = 18;
    for (size_t l = 0; l < LEVELS / 2; l++) {
        double want = 1 - 2 * (double)(l + 1) / (LEVELS + 1);
        double se = sqrt(want * (1 - want) * (1.0 / (REPEATS * POINTS) + 1 / (REPEATS * (held + 2))));
        double got = (double)inside[l] / (REPEATS * POINTS);
        print_message("# pair %d: %.3f of %.3f\n", (int)l, got, want);
        assert_true(got > want - 5 * se && got < want + 1 / (held + 1) + 5 * se);
    }
}

/* Without correction few rows give intervals that are too narrow; that is what it is for. */
static void correction_matters(void **state)
{
    (void)state;
    size_t inside[2] = {0};
    for (int corrected = 0; corrected < 2; corrected++)
        for (uint64_t r = 0; r < 20; r++) {
            hpo_quantile_options o = {.held_out = corrected ? 0.25 : -1, .rounds = 60, .rate = 0.3};
            bed *b = make(&o, 500 + r);
            learn(b, 60);
            for (size_t i = 0; i < 40; i++) {
                double u[3], y, v[LEVELS];
                draw(b, u, &y);
                hpo_quantile_predict(b->model, u, 1, v);
                inside[corrected] += y >= v[0] && y <= v[LEVELS - 1];
            }
            drop(b);
        }
    assert_true((double)inside[0] < 0.75 * 800); /* 0.8 was asked for */
    assert_true((double)inside[1] > 0.75 * 800);
}

/* Median and spread follow the truth: quantile of e at level q is -ln(1 - q). */
static void follows_uneven_noise(void **state)
{
    (void)state;
    bed *b = make(NULL, 3);
    learn(b, 700);
    const double *level = hpo_quantile_levels(b->model);
    for (size_t side = 0; side < 2; side++) {
        double u[] = {side ? 0.75 : 0.25, 0.5 / 3, 0.5}, v[LEVELS], scale = side ? 1 : 0.2;
        hpo_quantile_predict(b->model, u, 1, v);
        for (size_t l = 0; l < LEVELS; l++) {
            if (l > 0) assert_true(v[l] >= v[l - 1]);
            double truth = sin(4 * u[0]) - scale * log(1 - level[l]);
            assert_near(v[l], truth, 0, 0.2 + 0.4 * scale);
        }
        double width = v[LEVELS - 1] - v[0];
        assert_true(side ? width > 1.2 : width < 0.9);
    }
    drop(b);
}

static void interpolates_between_levels(void **state)
{
    (void)state;
    bed *b = make(NULL, 1);
    const double v[LEVELS] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    assert_int_equal(hpo_quantile_n_levels(b->model), LEVELS);
    assert_near(hpo_quantile_between(b->model, v, 0.5), 5, 0, 1e-12);
    assert_near(hpo_quantile_between(b->model, v, 0.25), 2.5, 0, 1e-12);
    assert_near(hpo_quantile_between(b->model, v, 0), 1, 0, 0);
    assert_near(hpo_quantile_between(b->model, v, 1), 9, 0, 0);
    drop(b);
}

static void is_a_function_of_the_data(void **state)
{
    (void)state;
    bed *a = make(NULL, 4), *b = make(NULL, 4);
    hpo_error err;
    double v[2][LEVELS];
    learn(a, 200);
    learn(b, 50);
    assert_ok(hpo_quantile_fit(b->model, a->u, a->y, 200, &err), err);
    hpo_quantile_predict(a->model, a->u, 1, v[0]);
    hpo_quantile_predict(b->model, a->u, 1, v[1]);
    assert_same_doubles(v[0], v[1], LEVELS);
    drop(a);
    drop(b);
}

static void survives_little_data(void **state)
{
    (void)state;
    bed *b = make(NULL, 4);
    hpo_error err;
    double v[LEVELS];
    hpo_quantile_predict(b->model, b->u, 1, v);
    for (size_t n = 0; n < 40; n += n < 5 ? 1 : 7) {
        for (size_t i = 0; i < n; i++) {
            draw(b, b->u + i * 3, &b->y[i]);
            if (n == 5) b->y[i] = 2;
        }
        assert_ok(hpo_quantile_fit(b->model, b->u, b->y, n, &err), err);
        hpo_quantile_predict(b->model, b->u, 1, v);
        for (size_t l = 0; l < LEVELS; l++)
            assert_true(isfinite(v[l]));
        if (n == 5) assert_near(v[4], 2, 0, 1e-12);
    }
    drop(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(covers),
        cmocka_unit_test(correction_matters),
        cmocka_unit_test(follows_uneven_noise),
        cmocka_unit_test(interpolates_between_levels),
        cmocka_unit_test(is_a_function_of_the_data),
        cmocka_unit_test(survives_little_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
