/* SPDX-License-Identifier: Apache-2.0 */
/* model/forest: fits, the two kinds of variance, the schedule, assumed rows. */
#include "model/forest.h"

#include "math/rng.h"
#include "space/space.h"
#include "t.h"

enum { MAX_DIMS = 32, MAX_ROWS = 1200 };

typedef struct bed {
    hpo_space *space;
    hpo_embed *embed;
    hpo_forest *forest;
    size_t n_dims, n;
    double u[MAX_ROWS * MAX_DIMS], y[MAX_ROWS];
    hpo_rng rng;
} bed;

static bed *make(const char *text, const hpo_forest_options *options)
{
    hpo_error err;
    bed *b = calloc(1, sizeof *b);
    assert_non_null(b);
    assert_ok(hpo_space_parse(text, &b->space, &err), err);
    assert_ok(hpo_space_freeze(b->space, &err), err);
    assert_ok(hpo_embed_create(b->space, &b->embed, &err), err);
    assert_ok(hpo_forest_create(b->embed, options, 7, &b->forest, &err), err);
    b->n_dims = hpo_embed_n_dims(b->embed);
    hpo_rng_init(&b->rng, 5, 0, HPO_RNG_USER);
    return b;
}

static void drop(bed *b)
{
    hpo_forest_free(b->forest);
    hpo_embed_free(b->embed);
    hpo_space_free(b->space);
    free(b);
}

static void draw(bed *b, double *u)
{
    hpo_error err;
    double x[64];
    assert_ok(hpo_space_draw(b->space, &b->rng, u, &err), err);
    hpo_space_decode(b->space, u, x);
    hpo_space_encode(b->space, x, u);
}

static void put(bed *b, const double *u, double y)
{
    hpo_error err;
    memcpy(b->u + b->n * b->n_dims, u, b->n_dims * sizeof *u);
    b->y[b->n++] = y;
    assert_ok(hpo_forest_append(b->forest, u, y, 1, &err), err);
}

static void learn(bed *b, double (*f)(const double *), double noise, size_t n)
{
    hpo_error err;
    double u[MAX_DIMS];
    while (b->n < n) {
        draw(b, u);
        put(b, u, f(u) + noise * hpo_rng_normal(&b->rng));
    }
    assert_ok(hpo_forest_update(b->forest, &err), err);
}

static void predict(const bed *b, const double *u, double *mean, double *var)
{
    hpo_posterior p = hpo_forest_posterior(b->forest);
    p.ops->moments(p.model, u, 1, mean, var);
}

/* Share of the variance of f that predictions explain at fresh points; *epistemic: its mean. */
static double fit_of(bed *b, double (*f)(const double *), double *epistemic)
{
    enum { N = 400 };
    double sum = 0, square = 0, error = 0, u[MAX_DIMS];
    *epistemic = 0;
    for (size_t i = 0; i < N; i++) {
        double m, v;
        draw(b, u);
        predict(b, u, &m, &v);
        double y = f(u);
        sum += y;
        square += y * y;
        error += (y - m) * (y - m);
        *epistemic += v / N;
    }
    return 1 - error / (square - sum * sum / N);
}

static double steps(const double *u)
{
    return (u[0] > 0.5) + 2 * (u[1] > 0.3 && u[2] < 0.6);
}

static double additive(const double *u)
{
    return sin(5 * u[0]) + 2 * u[1] * u[1] + u[2] - 0.5 * u[3];
}

static double branches(const double *u)
{
    return isnan(u[1]) ? 1 : 4 * (u[1] - 0.5) * (u[1] - 0.5);
}

static const char five[] = "a: 0..1; b: 0..1; c: 0..1; d: 0..1; e: 0..1";

static void fits_known_functions(void **state)
{
    (void)state;
    double epistemic;
    bed *b = make(five, NULL);
    learn(b, steps, 0, 300);
    assert_true(fit_of(b, steps, &epistemic) > 0.95);
    drop(b);
    b = make(five, NULL);
    learn(b, additive, 0, 300);
    assert_true(fit_of(b, additive, &epistemic) > 0.85);
    /* what explains most is known to be so */
    double share[5];
    hpo_forest_importance(b->forest, share);
    assert_near(share[0] + share[1] + share[2] + share[3] + share[4], 1, 0, 1e-12);
    assert_true(share[0] > share[2] && share[1] > share[3] && share[4] < 0.05);
    drop(b);
}

/* Epistemic variance shrinks with rows; the noise does not. */
static void variances_are_apart(void **state)
{
    (void)state;
    double few, many;
    bed *b = make(five, NULL);
    learn(b, steps, 0.3, 60);
    (void)fit_of(b, steps, &few);
    learn(b, steps, 0.3, 1000);
    (void)fit_of(b, steps, &many);
    assert_true(many < 0.4 * few);
    assert_near(hpo_forest_noise(b->forest), 0.09, 0.45, 0);
    double u[MAX_DIMS], v;
    hpo_posterior p = hpo_forest_posterior(b->forest);
    draw(b, u);
    p.ops->noise(p.model, u, 1, &v);
    assert_near(v, 0.09, 0.6, 0);
    drop(b);
}

/* Data in one corner only: far away more is unknown than among them. */
static void unknown_grows_away_from_data(void **state)
{
    (void)state;
    bed *b = make("x: 0..1; y: 0..1; k: a,b,c", NULL);
    hpo_error err;
    for (size_t i = 0; i < 80; i++) {
        double u[] = {0.3 * hpo_rng_uniform(&b->rng), 0.3 * hpo_rng_uniform(&b->rng),
                      i % 2 ? 0.5 / 3 : 1.5 / 3};
        put(b, u, sin(9 * u[0]) + u[1] + u[2]);
    }
    assert_ok(hpo_forest_update(b->forest, &err), err);
    double near[] = {0.15, 0.15, 0.5 / 3}, off[] = {0.6, 0.15, 0.5 / 3}, far[] = {0.95, 0.95, 0.5 / 3};
    double other[] = {0.15, 0.15, 2.5 / 3}, m, v[4];
    predict(b, near, &m, &v[0]);
    predict(b, off, &m, &v[1]);
    predict(b, far, &m, &v[2]);
    predict(b, other, &m, &v[3]);
    assert_true(v[1] > 1.5 * v[0] && v[2] > v[1] && v[3] > v[0]);
    drop(b);
}

static void check_same(bed *a, bed *b)
{
    enum { N = 40 };
    double u[N * MAX_DIMS], m[2][N], v[2][N];
    hpo_posterior p = hpo_forest_posterior(a->forest), q = hpo_forest_posterior(b->forest);
    hpo_forest_check c, d;
    hpo_error err;
    for (size_t i = 0; i < N; i++)
        draw(a, u + i * a->n_dims);
    p.ops->moments(p.model, u, N, m[0], v[0]);
    q.ops->moments(q.model, u, N, m[1], v[1]);
    assert_same_doubles(m[0], m[1], N);
    assert_same_doubles(v[0], v[1], N);
    assert_ok(hpo_forest_check_rows(a->forest, &c, &err), err);
    assert_ok(hpo_forest_check_rows(b->forest, &d, &err), err);
    assert_same_doubles(&c.log_score, &d.log_score, 3);
}

/* Row by row and at once: the same bits, at every count around the changes of the schedule. */
static void increments_equal_scratch(void **state)
{
    (void)state;
    static const char text[] = "a: 0..1; k: p,q,r,s; on: bool; z: int 1..50 if on";
    bed *step = make(text, NULL);
    size_t counts[] = {5, 15, 16, 17, 31, 32, 33, 39, 40, 100, 255, 256, 257, 300};
    for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
        hpo_error err;
        double u[MAX_DIMS];
        while (step->n < counts[c]) {
            draw(step, u);
            put(step, u, u[0] + (isnan(u[3]) ? 0 : u[3] * u[3]) + 0.1 * hpo_rng_normal(&step->rng));
            assert_ok(hpo_forest_update(step->forest, &err), err);
        }
        bed *once = make(text, NULL);
        for (size_t i = 0; i < step->n; i++)
            put(once, step->u + i * step->n_dims, step->y[i]);
        assert_ok(hpo_forest_update(once->forest, &err), err);
        check_same(step, once);
        /* cleared and told again */
        hpo_forest_clear(once->forest);
        once->n = 0;
        for (size_t i = 0; i < step->n; i++)
            put(once, step->u + i * step->n_dims, step->y[i]);
        assert_ok(hpo_forest_update(once->forest, &err), err);
        check_same(step, once);
        drop(once);
    }
    drop(step);
}

/* Assumed rows pull predictions to their value, make their place known, and leave no trace. */
static void assumed_rows_leave_no_trace(void **state)
{
    (void)state;
    hpo_error err;
    bed *a = make(five, NULL), *b = make(five, NULL);
    learn(a, additive, 0.1, 90);
    learn(b, additive, 0.1, 90);
    double u[] = {0.9, 0.1, 0.9, 0.1, 0.5}, m[3], v[3];
    predict(b, u, &m[0], &v[0]);
    assert_ok(hpo_forest_assume(b->forest, u, m[0], &err), err);
    predict(b, u, &m[1], &v[1]);
    assert_near(m[1], m[0], 0, 0.1 * sqrt(v[0]));
    assert_true(v[1] < v[0]);
    for (size_t i = 0; i < 5; i++)
        assert_ok(hpo_forest_assume(b->forest, u, m[0] + 5, &err), err);
    predict(b, u, &m[2], &v[2]);
    assert_true(m[2] > m[0] + 2);
    hpo_forest_retract(b->forest);
    check_same(a, b);
    drop(a);
    drop(b);
}

/* A branch that is inactive half of the time is one question. */
static void inactive_rows_have_a_side(void **state)
{
    (void)state;
    double epistemic;
    bed *b = make("on: bool; x: 0..1 if on", NULL);
    learn(b, branches, 0, 150);
    assert_true(fit_of(b, branches, &epistemic) > 0.97);
    double u[] = {0.25, (double)NAN}, m, v;
    predict(b, u, &m, &v);
    assert_near(m, 1, 0, 0.05);
    drop(b);
}

/* Rows left out tell how good predictions are: the error they show is near that at fresh points. */
static void left_out_rows_are_honest(void **state)
{
    (void)state;
    double epistemic;
    hpo_error err;
    hpo_forest_check c;
    bed *b = make(five, NULL);
    learn(b, additive, 0, 10);
    assert_ok(hpo_forest_check_rows(b->forest, &c, &err), err);
    assert_true(c.n == 0 && isnan(c.rank));
    learn(b, additive, 0, 250);
    assert_ok(hpo_forest_check_rows(b->forest, &c, &err), err);
    assert_true(c.n > 200 && c.rank > 0.8);
    double all = 0, mean = 0;
    for (size_t i = 0; i < b->n; i++)
        mean += b->y[i] / (double)b->n;
    for (size_t i = 0; i < b->n; i++)
        all += (b->y[i] - mean) * (b->y[i] - mean) / (double)b->n;
    assert_near(c.mse / all, 1 - fit_of(b, additive, &epistemic), 0.6, 0.02);
    drop(b);
    /* nothing to learn: no rank correlation */
    b = make(five, NULL);
    for (size_t i = 0; i < 250; i++) {
        double u[MAX_DIMS];
        draw(b, u);
        put(b, u, hpo_rng_normal(&b->rng));
    }
    assert_ok(hpo_forest_update(b->forest, &err), err);
    assert_ok(hpo_forest_check_rows(b->forest, &c, &err), err);
    assert_true(fabs(c.rank) < 0.25 && c.log_score < -1.2);
    drop(b);
}

/* 0, 1, 2 rows, equal responses, duplicates, huge responses, a space without dimensions. */
static void survives_little_and_odd_data(void **state)
{
    (void)state;
    double u[MAX_DIMS], m, v;
    hpo_error err;
    bed *b = make(five, NULL);
    draw(b, u);
    assert_ok(hpo_forest_update(b->forest, &err), err);
    predict(b, u, &m, &v);
    assert_true(m == 0 && isfinite(v) && v > 0);
    for (size_t i = 0; i < 40; i++) {
        put(b, u, i < 20 ? 2 : i % 2 ? 1e300 : -1e300);
        if (i % 3 == 0) draw(b, u);
        assert_ok(hpo_forest_update(b->forest, &err), err);
        predict(b, u, &m, &v);
        assert_true(isfinite(m) && isfinite(v) && v > 0);
        if (i < 20) assert_near(m, 2, 0, 1e-12);
    }
    drop(b);
    b = make("a: const 1", NULL);
    put(b, u, 1);
    put(b, u, 2);
    assert_ok(hpo_forest_update(b->forest, &err), err);
    predict(b, u, &m, &v);
    assert_near(m, 1.5, 0, 1e-12);
    drop(b);
}

/* A row of weight 3 counts as three rows. */
static void weights_count(void **state)
{
    (void)state;
    hpo_error err;
    bed *b = make("k: a,b", NULL);
    double u[] = {0.25}, m, v;
    for (size_t i = 0; i < 30; i++)
        assert_ok(hpo_forest_append(b->forest, u, i < 15 ? 0 : 1, i < 15 ? 3 : 1, &err), err);
    assert_ok(hpo_forest_update(b->forest, &err), err);
    predict(b, u, &m, &v);
    /* a tree that leaves the one block out knows nothing and says 0 */
    assert_near(m, 0.25 * 7 / 8, 0, 0.01);
    drop(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fits_known_functions),
        cmocka_unit_test(variances_are_apart),
        cmocka_unit_test(unknown_grows_away_from_data),
        cmocka_unit_test(increments_equal_scratch),
        cmocka_unit_test(assumed_rows_leave_no_trace),
        cmocka_unit_test(inactive_rows_have_a_side),
        cmocka_unit_test(left_out_rows_are_honest),
        cmocka_unit_test(survives_little_and_odd_data),
        cmocka_unit_test(weights_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
