/* SPDX-License-Identifier: Apache-2.0 */
/* Sampling under constraints: no violation ever, and the uniform law, however small the feasible part. */
#include "t.h"

#include "base/alloc.h"
#include "math/rng.h"
#include "space/space.h"

/* What a first draw would find. */
static hpo_region *region_of(const hpo_space *s)
{
    const hpo_region *r;
    hpo_error err;
    assert_ok(hpo_region_get(s, &r, &err), err);
    return s->region;
}

static hpo_space *make(const char *text)
{
    hpo_space *s;
    hpo_error err;
    assert_ok(hpo_space_parse(text, &s, &err), err);
    assert_ok(hpo_space_freeze(s, &err), err);
    return s;
}

/* Means of the columns of n draws, each of which is checked. */
static void check_draws(const char *text, size_t n, hpo_draw_mode mode, double *mean)
{
    hpo_space *s = make(text);
    hpo_error err;
    size_t nc = hpo_space_n_columns(s);
    double x[32];
    const hpo_region *r = region_of(s);
    if (r->mode != mode) fail_msg("%s: mode %d, share %g", text, (int)r->mode, r->share);
    for (size_t j = 0; j < nc; j++)
        mean[j] = 0;
    for (size_t i = 0; i < n; i++) {
        assert_ok(hpo_space_sample(s, i + 1, 1, x, &err), err);
        assert_ok(hpo_space_validate(s, x, &err), err);
        for (size_t j = 0; j < nc; j++)
            mean[j] += isnan(x[j]) ? 0 : x[j] / (double)n;
    }
    hpo_space_free(s);
}

/* a + b + c <= 1: a tetrahedron, means 1/4. */
static void test_half_space(void **state)
{
    (void)state;
    double m[3];
    check_draws("a: 0..1; b: 0..1; c: 0..1; constraint: a + b + c <= 1", 100000, HPO_DRAW_REJECT, m);
    for (int j = 0; j < 3; j++)
        assert_near(m[j], 0.25, 0, 0.003);
}

/* Order statistics of 8 uniforms (1/40320 of the cube): means k/9. */
static void test_chain_of_orders(void **state)
{
    (void)state;
    double m[8];
    check_draws("a: 0..1; b: 0..1; c: 0..1; d: 0..1; e: 0..1; f: 0..1; g: 0..1; h: 0..1\n"
                "constraint: a < b < c < d < e < f < g < h",
                30000, HPO_DRAW_BOXES, m);
    for (int j = 0; j < 8; j++)
        assert_near(m[j], (j + 1) / 9.0, 0, 0.003);
}

/* The simplex in 7 dimensions (1/5040): means 1/8. */
static void test_corner(void **state)
{
    (void)state;
    double m[7];
    check_draws("a: 0..1; b: 0..1; c: 0..1; d: 0..1; e: 0..1; f: 0..1; g: 0..1\n"
                "constraint: a + b + c + d + e + f + g <= 1",
                50000, HPO_DRAW_BOXES, m);
    for (int j = 0; j < 7; j++)
        assert_near(m[j], 0.125, 0, 0.003);
}

/* A thin ring: uniform angle. */
static void test_shell(void **state)
{
    (void)state;
    hpo_space *s = make("x: -1..1; y: -1..1; constraint: 0.9999 <= x * x + y * y <= 1");
    hpo_error err;
    enum { N = 40000 };
    double x[2], sector[8] = {0};
    double share = region_of(s)->share;
    assert_true(share < 1.2e-4 && share > 5e-5); /* pi/4 * 1e-4 = 7.9e-5 */
    for (uint64_t i = 0; i < N; i++) {
        assert_ok(hpo_space_sample(s, i, 1, x, &err), err);
        assert_true(hpo_space_feasible(s, x));
        sector[(x[0] > 0) + 2 * (x[1] > 0) + 4 * (fabs(x[0]) > fabs(x[1]))] += 1.0 / N;
    }
    for (int k = 0; k < 8; k++)
        assert_near(sector[k], 0.125, 0, 0.012);
    hpo_space_free(s);
}

/* Products on log scales: uniform in the logarithms.  ln a + ln b <= ln 1e-9, both in [1e-5, 1]: a triangle
 * of side 1 decade, centre of gravity at a third. */
static void test_product(void **state)
{
    (void)state;
    hpo_space *s = make("a: log 1e-5..1; b: log 1e-5..1; constraint: a * b <= 1e-9");
    hpo_error err;
    enum { N = 50000 };
    double x[2], mean = 0;
    for (uint64_t i = 0; i < N; i++) {
        assert_ok(hpo_space_sample(s, i, 1, x, &err), err);
        assert_ok(hpo_space_validate(s, x, &err), err);
        mean += (log10(x[0]) + 5) / N;
    }
    assert_near(mean, 1.0 / 3, 0, 0.006);
    hpo_space_free(s);
}

/* Discrete tables: every allowed combination equally often. */
static void test_table(void **state)
{
    (void)state;
    hpo_space *s = make("a: int 1..1024; b: int 1..1024; constraint: a * b == 1024");
    hpo_error err;
    enum { N = 55000 };
    double x[2], count[11] = {0};
    for (uint64_t i = 0; i < N; i++) {
        assert_ok(hpo_space_sample(s, i, 1, x, &err), err);
        assert_true(x[0] * x[1] == 1024);
        count[(int)(log2(x[0]) + 0.5)] += 11.0 / N;
    }
    for (int k = 0; k < 11; k++)
        assert_near(count[k], 1, 0, 0.07);
    hpo_space_free(s);
    double m[3];
    check_draws("o: a,b,c,d,e,f,g,h; q: int 0..1000; r: int 0..1000\n"
                "constraint: o == c and q == 17 or o == d and r == q == 33",
                20000, HPO_DRAW_BOXES, m);
    check_draws("a: int 1..10000; b: int 1..10000; constraint: a == b", 20000, HPO_DRAW_BOXES, m);
    assert_near(m[0], 5000.5, 0, 80);
}

static void test_conditional(void **state)
{
    (void)state;
    double m[8];
    check_draws("opt: sgd,adam; mom: 0..0.99 if opt == sgd; lr: log 1e-5..1; constraint: lr * mom < 1e-5\n"
                "constraint: not (opt == adam and lr > 0.0001)",
                100000, HPO_DRAW_REJECT, m);
    check_draws("opt: sgd,adam; mom: 0..1 if opt == sgd; lr: 0..1; b: 0..1; constraint: mom + lr + b < 0.02\n"
                "constraint: opt == sgd",
                50000, HPO_DRAW_BOXES, m);
    for (int j = 1; j < 4; j++)
        assert_near(m[j], 0.005, 0, 1e-4);
}

/* x + y < 0.1 with a prior far away: the law is the prior, restricted.  Compared with rejection by hand. */
static void test_prior(void **state)
{
    (void)state;
    double m[2], want = 0, weight = 0;
    check_draws("x: 0..1 prior 0.9 high; y: 0..1; constraint: x + y < 0.1", 50000, HPO_DRAW_BOXES, m);
    for (int i = 0; i < 100000; i++) { /* density of x times the room for y */
        double x = 0.1 * (i + 0.5) / 100000, w = exp(-0.5 * pow((x - 0.9) / 0.125, 2) + 20) * (0.1 - x);
        want += w * x;
        weight += w;
    }
    assert_near(m[0], want / weight, 0, 5e-4);
}

static void test_structured(void **state)
{
    (void)state;
    double m[12];
    check_draws("m: simplex 5; constraint: m[0] > 0.9; constraint: m[1] > 0.05", 20000, HPO_DRAW_BOXES, m);
    assert_near(m[0], 0.91, 0, 3e-4);
    assert_near(m[1], 0.06, 0, 3e-4);
    check_draws("f: subset a,b,c,d,e,f,g,h,i,j,k,l; constraint: len(f) == 1", 24000, HPO_DRAW_BOXES, m);
    for (int j = 0; j < 12; j++)
        assert_near(m[j], 1.0 / 12, 0, 0.01);
    check_draws("p: perm 5; constraint: p[0] == 3 and p[4] == 1", 20000, HPO_DRAW_REJECT, m);
    check_draws("n: int 1..100; a: int 0..(n // 10); b: (a)..50; constraint: b < a + 0.01", 20000,
                HPO_DRAW_BOXES, m);
}

/* The chain alone, on a set where the truth is known: the order statistics again. */
static void test_chain(void **state)
{
    (void)state;
    hpo_space *s = make("a: 0..1; b: 0..1; c: 0..1; d: 0..1; e: 0..1; f: 0..1; g: 0..1; h: 0..1\n"
                        "constraint: a < b < c < d < e < f < g < h");
    hpo_error err;
    enum { N = 6000 }; /* three standard errors of the middle one are the tolerated 0.006 */
    double x[8], mean[8] = {0}, square[8] = {0};
    assert_true(region_of(s)->n_pool >= 8);
    s->region->mode = HPO_DRAW_CHAIN;
    for (uint64_t i = 0; i < N; i++) {
        assert_ok(hpo_space_sample(s, i, 1, x, &err), err);
        assert_true(hpo_space_feasible(s, x));
        for (int j = 0; j < 8; j++) {
            mean[j] += x[j] / N;
            square[j] += x[j] * x[j] / N;
        }
    }
    for (int j = 0; j < 8; j++) { /* Beta(j+1, 8-j): variance (j+1)(8-j)/810 */
        assert_near(mean[j], (j + 1) / 9.0, 0, 0.006);
        assert_near(square[j] - mean[j] * mean[j], (j + 1) * (8 - j) / 810.0, 0, 0.002);
    }
    hpo_space_free(s);
}

/* A sphere's shell in 5 dimensions, 3e-5 of the cube: still no violation, still balanced. */
static void test_thin(void **state)
{
    (void)state;
    hpo_space *s = make("v: -1..1; w: -1..1; x: -1..1; y: -1..1; z: -1..1\n"
                        "constraint: 0.9999 <= v * v + w * w + x * x + y * y + z * z <= 1");
    hpo_error err;
    enum { N = 300 };
    double x[5], mean[5] = {0};
    for (uint64_t i = 0; i < N; i++) {
        assert_ok(hpo_space_sample(s, i, 1, x, &err), err);
        assert_ok(hpo_space_validate(s, x, &err), err);
        for (int j = 0; j < 5; j++)
            mean[j] += x[j] / N;
    }
    for (int j = 0; j < 5; j++)
        assert_near(mean[j], 0, 0, 4 * sqrt(0.2 / N));
    hpo_space_free(s);
}

static void test_empty(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
    } rows[] = {
        {"x: 0..1; y: 0..1; constraint: x + y > 3", "'x + y > 3' can never hold"},
        {"x: 0..1; y: 0..1; constraint: x > 0.7; constraint: x < 0.3",
         "no configuration satisfies all constraints"},
        {"n: int 0..10; a: int 11..(n)", "a: its range is always empty"},
        {"a: x,y,z; b: x,y; constraint: a == z; constraint: a == b", "no configuration satisfies"},
    };
    hpo_error err;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hpo_space *s;
        assert_ok(hpo_space_parse(rows[i].text, &s, &err), err);
        assert_fails(hpo_space_freeze(s, &err), HPO_EINVAL, err, rows[i].part);
        hpo_space_free(s);
    }
    /* empty, but not provably so: freezing works, drawing says what is hardest */
    hpo_space *s = make("x: 0..1; y: 0..1; z: 0..1; constraint: x > y; constraint: y > z; constraint: z > x");
    double x[3];
    assert_fails(hpo_space_sample(s, 1, 1, x, &err), HPO_EINVAL, err, "hardest to satisfy");
    hpo_space_free(s);
}

/* hpo_space_draw: same stream, same point; coordinates of inactive parameters are NaN. */
static void test_draw(void **state)
{
    (void)state;
    hpo_space *s = make("a: x,y; b: 0..1 if a == x; c: 0..1; constraint: b + c < 1.5");
    hpo_error err;
    double u[3], v[3], x[3];
    for (uint64_t i = 0; i < 1000; i++) {
        hpo_rng r, q;
        hpo_rng_init(&r, 9, i, HPO_RNG_USER);
        q = r;
        assert_ok(hpo_space_draw(s, &r, u, &err), err);
        assert_ok(hpo_space_draw(s, &q, v, &err), err);
        assert_same_doubles(u, v, 3);
        hpo_space_decode(s, u, x);
        assert_true(hpo_space_feasible(s, x));
        assert_true(isnan(u[1]) == (x[0] == 1));
    }
    hpo_space_free(s);
}

typedef struct drawer {
    const hpo_space *s;
    uint64_t first;
    double x[200][5];
    hpo_status status;
} drawer;

static void *draw_some(void *ctx)
{
    drawer *d = ctx;
    for (uint64_t i = 0; i < 200 && d->status == HPO_OK; i++)
        d->status = hpo_space_sample(d->s, d->first + i, 1, d->x[i], NULL);
    return NULL;
}

/* The region is found when the first draw needs it, by one thread while the others wait; the draws are those
 * of a space whose region was there before, and a space that is only opened never pays. */
static void test_lazy(void **state)
{
    (void)state;
    static const char text[] = "v: -1..1; w: -1..1; x: -1..1; y: -1..1; z: -1..1\n"
                               "constraint: 0.999 <= v * v + w * w + x * x + y * y + z * z <= 1";
    static drawer d[4];
    hpo_thread threads[4];
    hpo_error err;
    hpo_space *s = make(text), *ready = make(text);
    double x[5];
    assert_int_equal(atomic_load(&s->region->built), 0);
    (void)region_of(ready);
    assert_int_equal(atomic_load(&ready->region->built), 1);
    for (uint64_t k = 0; k < 4; k++) {
        d[k] = (drawer){.s = s, .first = 200 * k};
        assert_ok(hpo_thread_start(&threads[k], draw_some, &d[k], &err), err);
    }
    for (int k = 0; k < 4; k++)
        hpo_thread_join(threads[k]);
    for (uint64_t i = 0; i < 800; i++) {
        assert_int_equal(d[i / 200].status, HPO_OK);
        assert_ok(hpo_space_sample(ready, i, 1, x, &err), err);
        assert_same_doubles(d[i / 200].x[i % 200], x, 5);
    }
    hpo_space_free(s);
    hpo_space_free(ready);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_half_space),  cmocka_unit_test(test_chain_of_orders),
        cmocka_unit_test(test_corner),      cmocka_unit_test(test_shell),
        cmocka_unit_test(test_product),     cmocka_unit_test(test_table),
        cmocka_unit_test(test_conditional), cmocka_unit_test(test_prior),
        cmocka_unit_test(test_structured),  cmocka_unit_test(test_chain),
        cmocka_unit_test(test_thin),        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_draw),        cmocka_unit_test(test_lazy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
