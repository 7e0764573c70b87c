/* SPDX-License-Identifier: Apache-2.0 */
/* model/parzen: published numbers, integrals, and the set kept up to date against the one from scratch. */
#include "model/parzen.h"

#include "math/dist.h"
#include "math/func.h"
#include "math/rng.h"
#include "space/space.h"
#include "t.h"

static const hpo_parzen_width optuna = {HPO_PARZEN_OPTUNA5, 0, 1};
static const hpo_parzen_width plus = {HPO_PARZEN_PLUS, 0.02, 0.5};

static hpo_space *space_of(const char *text)
{
    hpo_error err;
    hpo_space *s;
    assert_ok(hpo_space_parse(text, &s, &err), err);
    assert_ok(hpo_space_freeze(s, &err), err);
    return s;
}

static hpo_parzen_axes *axes_of(const hpo_space *s)
{
    hpo_error err;
    hpo_parzen_axes *a;
    assert_ok(hpo_parzen_axes_create(s, &a, &err), err);
    return a;
}

static hpo_parzen *estimator(const hpo_parzen_axes *a)
{
    hpo_error err;
    uint32_t all[64];
    hpo_parzen *p;
    assert_true(a->n_axes <= 64);
    for (uint32_t i = 0; i < a->n_axes; i++)
        all[i] = i;
    assert_ok(hpo_parzen_create(a, all, a->n_axes, &p, &err), err);
    return p;
}

enum { MAX_ROWS = 200, MAX_DIMS = 24 };

/* n rows drawn from the space's prior. */
static void draw_rows(const hpo_space *s, uint64_t seed, size_t n, double *u, const double **row)
{
    hpo_error err;
    size_t d = hpo_space_n_dims(s);
    hpo_rng rng;
    double x[64], v[MAX_DIMS];
    hpo_rng_init(&rng, seed, 0, HPO_RNG_USER);
    for (size_t i = 0; i < n; i++) {
        assert_ok(hpo_space_draw(s, &rng, v, &err), err);
        hpo_space_decode(s, v, x);
        hpo_space_encode(s, x, u + i * d);
        row[i] = u + i * d;
    }
}

/* ALGORITHMS (ii) 5: Optuna 5's formulas. */
static void test_optuna_numbers(void **state)
{
    (void)state;
    static const double below[] = {.62, .55, .7}, above[] = {.05, .12, .2, .33, .41, .48, .78, .86, .93, .99};
    static const double at[] = {.1, .5, .6, .9};
    static const double want[] = {-1.525155572807, 0.746037597972, 1.414705385137, -0.639910420374};
    hpo_error err;
    hpo_space *s = space_of("x: 0..1");
    hpo_parzen_axes *a = axes_of(s);
    hpo_parzen *l = estimator(a), *g = estimator(a);
    const double *rl[3], *rg[10];
    for (size_t i = 0; i < 3; i++)
        rl[i] = below + i;
    for (size_t i = 0; i < 10; i++)
        rg[i] = above + i;
    assert_ok(hpo_parzen_fit(l, &optuna, rl, NULL, 3, 1, &err), err);
    assert_ok(hpo_parzen_fit(g, &optuna, rg, NULL, 10, 1, &err), err);
    for (size_t i = 0; i < 4; i++)
        assert_near(hpo_parzen_logpdf(l, at + i) - hpo_parzen_logpdf(g, at + i), want[i], 0, 1e-12);
    hpo_parzen_free(l);
    hpo_parzen_free(g);
    hpo_parzen_axes_free(a);
    hpo_space_free(s);
}

static void test_bandwidths(void **state)
{
    (void)state;
    static const double three[] = {.2, .5, .9}, one[] = {.3}, same[] = {.25, .25, .25, .25};
    double sigma[4];
    hpo_parzen_bandwidths(&optuna, 0, three, 3, sigma);
    assert_near(sigma[0], .3, 1e-15, 0);
    assert_near(sigma[1], .4, 1e-15, 0);
    assert_near(sigma[2], .4, 1e-15, 0);
    hpo_parzen_bandwidths(&optuna, 0, one, 1, sigma); /* alone: the ends are its neighbours */
    assert_near(sigma[0], .7, 1e-15, 0);
    hpo_parzen_bandwidths(&optuna, 0, same, 4, sigma);
    assert_near(sigma[2], 1. / 6, 1e-15, 0);
    const hpo_parzen_width whole = {HPO_PARZEN_PLUS, 0.02, 1};
    hpo_parzen_bandwidths(&whole, 0, three, 3, sigma);
    assert_near(sigma[0], .3, 1e-15, 0);
    assert_near(sigma[1], .3, 1e-15, 0); /* the prior's mean is its neighbour to the right */
    assert_near(sigma[2], .4, 1e-15, 0);
    hpo_parzen_bandwidths(&whole, 0, one, 1, sigma); /* between 0 and 1/2 */
    assert_near(sigma[0], .3, 1e-15, 0);
    hpo_parzen_bandwidths(&whole, 0, same, 4, sigma);
    assert_near(sigma[1], 1. / 36, 1e-15, 0);
    assert_near(sigma[3], .25, 1e-15, 0);
    hpo_parzen_bandwidths(&whole, 0.25, same, 4, sigma); /* half a cell */
    assert_near(sigma[1], .125, 1e-15, 0);
    assert_near(hpo_parzen_narrowest(&optuna, 0, 500), 0.01, 1e-15, 0);
    assert_near(hpo_parzen_narrowest(&whole, 0, 500), 0.02, 1e-15, 0);
}

/* The mass of two intervals is that of both; far out it agrees with the asymptotic tail. */
static void test_log_mass(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    for (T_ROUNDS(i, 2000)) {
        double mu = t_between(&r, -3, 3), sd = hpo_exp(t_between(&r, -4, 1)), a = t_between(&r, 0, 0.9);
        double b = a + t_between(&r, 1e-3, 0.05), c = b + t_between(&r, 1e-3, 0.05);
        double whole = hpo_parzen_log_mass(mu, sd, a, c);
        double parts = hpo_log_add_exp(hpo_parzen_log_mass(mu, sd, a, b), hpo_parzen_log_mass(mu, sd, b, c));
        assert_near(parts, whole, 1e-10, 1e-10);
    }
    /* Phi(-10) - Phi(-11), from the continued fraction of the Mills ratio */
    assert_near(hpo_parzen_log_mass(0, 1, 10, 11), -53.231310225583, 1e-9, 0);
    assert_near(hpo_parzen_log_mass(0, 1, -11, -10), -53.231310225583, 1e-9, 0);
}

/* Integral of exp(logpdf) over coordinate d (from low to high), the others as they are: Simpson. */
static double integral(hpo_parzen *p, double *u, size_t d)
{
    enum { N = 2000 };
    double sum = 0;
    for (size_t i = 0; i <= N; i++) {
        u[d] = (double)i / N;
        sum += hpo_exp(hpo_parzen_logpdf(p, u)) * (i == 0 || i == N ? 1 : i % 2 ? 4 : 2);
    }
    return sum / (3.0 * N);
}

static void test_sums_to_one(void **state)
{
    (void)state;
    static double u[MAX_ROWS * MAX_DIMS];
    static const double *row[MAX_ROWS];
    double v[MAX_DIMS], weight[40];
    hpo_error err;
    for (size_t i = 0; i < 40; i++)
        weight[i] = 0.1 + (double)(i % 7);
    const hpo_parzen_width *rules[] = {&optuna, &plus};
    for (size_t k = 0; k < 2; k++) {
        const hpo_parzen_width *w = rules[k];
        /* a number */
        hpo_space *s = space_of("x: log 1e-3..1");
        hpo_parzen_axes *a = axes_of(s);
        hpo_parzen *p = estimator(a);
        draw_rows(s, 1, 20, u, row);
        assert_ok(hpo_parzen_fit(p, w, row, weight, 20, 1, &err), err);
        assert_near(integral(p, v, 0), 1, 1e-6, 0);
        assert_ok(hpo_parzen_fit(p, w, row, weight, 0, 1, &err), err); /* the prior alone */
        assert_near(integral(p, v, 0), 1, 1e-9, 0);
        hpo_parzen_free(p), hpo_parzen_axes_free(a), hpo_space_free(s);
        /* a prior of the user's */
        s = space_of("x: 0..1 prior normal(0.7, 0.1); c: a,b,c weights 1,2,7");
        a = axes_of(s);
        p = estimator(a);
        draw_rows(s, 2, 10, u, row);
        assert_ok(hpo_parzen_fit(p, w, row, weight, 0, 1, &err), err);
        double sum = 0;
        for (size_t c = 0; c < 3; c++) {
            v[1] = ((double)c + .5) / 3;
            double here = integral(p, v, 0);
            assert_near(here, c == 0 ? .1 : c == 1 ? .2 : .7, 2e-2, 0);
            sum += here;
        }
        assert_near(sum, 1, 2e-2, 0);
        hpo_parzen_free(p), hpo_parzen_axes_free(a), hpo_space_free(s);
        /* integers on a curved scale, an ordinal, labels, an order */
        s = space_of("n: int 1..6 log; o: 1,4,9; c: a,b,c,d; q: perm 3");
        a = axes_of(s);
        p = estimator(a);
        draw_rows(s, 3, 30, u, row);
        assert_ok(hpo_parzen_fit(p, w, row, weight, 30, 1, &err), err);
        static const double orders[6][3] = {{1, 3, 5}, {1, 5, 3}, {3, 1, 5}, {3, 5, 1}, {5, 1, 3}, {5, 3, 1}};
        sum = 0;
        for (uint32_t i = 0; i < 6; i++)
            for (uint32_t o = 0; o < 3; o++)
                for (uint32_t c = 0; c < 4; c++)
                    for (uint32_t q = 0; q < 6; q++) {
                        v[0] = hpo_parzen_coordinate(&a->axis[0], i);
                        v[1] = (o + .5) / 3;
                        v[2] = (c + .5) / 4;
                        for (size_t j = 0; j < 3; j++)
                            v[3 + j] = orders[q][j] / 6;
                        sum += hpo_exp(hpo_parzen_logpdf(p, v));
                    }
        assert_near(sum, 1, 1e-9, 0);
        hpo_parzen_free(p), hpo_parzen_axes_free(a), hpo_space_free(s);
        /* a tree: the density of each branch times its label */
        s = space_of("o: a,b,c; x: 0..1 if o == a; n: int 1..3 if o == b; f: bool if o == b");
        a = axes_of(s);
        p = estimator(a);
        draw_rows(s, 4, 25, u, row);
        assert_ok(hpo_parzen_fit(p, w, row, weight, 25, 1, &err), err);
        for (size_t j = 0; j < 4; j++)
            v[j] = (double)NAN;
        v[0] = .5 / 3;
        sum = integral(p, v, 1);
        v[1] = (double)NAN;
        v[0] = 2.5 / 3;
        sum += hpo_exp(hpo_parzen_logpdf(p, v));
        v[0] = 1.5 / 3;
        for (uint32_t i = 0; i < 6; i++) {
            v[2] = (i / 2 + .5) / 3;
            v[3] = (i % 2 + .5) / 2;
            sum += hpo_exp(hpo_parzen_logpdf(p, v));
        }
        assert_near(sum, 1, 1e-6, 0);
        hpo_parzen_free(p), hpo_parzen_axes_free(a), hpo_space_free(s);
    }
}

static const char *const spaces[] = {
    "x: 0..1",
    "x: 0..1; y: log 1e-5..1; z: -5..5; n: int 1..300; k: int 0..7; c: a,b,c; f: bool",
    "o: a,b,c; x: 0..1 if o == a; y: 0..1 if o == a; n: int 1..30 if o == b; z: 0..1; w: 0..1 if n > 10",
    "q: perm 6; m: simplex 4; s: subset a,b,c,d; x: 0..1",
};
enum { N_SPACES = sizeof spaces / sizeof spaces[0] };

/* Members come and go at random; what is left gives the same bits as a set made of it in order, and the
 * density from scratch in double precision. */
static void test_set_is_its_members(void **state)
{
    (void)state;
    static double u[MAX_ROWS * MAX_DIMS], probe[20 * MAX_DIMS];
    static const double *row[MAX_ROWS], *at[20], *left[MAX_ROWS];
    hpo_error err;
    t_rng r = t_rng_create();
    for (size_t k = 0; k < N_SPACES; k++) {
        hpo_space *s = space_of(spaces[k]);
        hpo_parzen_axes *a = axes_of(s);
        hpo_parzen *p = estimator(a);
        hpo_parzen_set *one, *two;
        int in[MAX_ROWS] = {0};
        double weight[MAX_ROWS];
        draw_rows(s, 5, MAX_ROWS, u, row);
        draw_rows(s, 6, 20, probe, at);
        assert_ok(hpo_parzen_set_create(a, &plus, &one, &err), err);
        for (size_t step = 0; step < 600; step++) {
            size_t i = (size_t)t_int(&r, 0, step < 100 ? 9 : MAX_ROWS - 1);
            assert_ok(hpo_parzen_set_reserve(one, hpo_parzen_set_size(one) + 1, &err), err);
            if (in[i])
                hpo_parzen_set_remove(one, (uint32_t)i);
            else
                hpo_parzen_set_add(one, (uint32_t)i, row[i]);
            in[i] = !in[i];
            if (step % 50 != 49) continue;
            size_t n = 0;
            assert_ok(hpo_parzen_set_create(a, &plus, &two, &err), err);
            assert_ok(hpo_parzen_set_reserve(two, MAX_ROWS, &err), err);
            for (size_t j = 0; j < MAX_ROWS; j++)
                if (in[j]) {
                    hpo_parzen_set_add(two, (uint32_t)j, row[j]);
                    weight[n] = 0.2 + (double)(j % 5);
                    left[n++] = row[j];
                }
            assert_int_equal(hpo_parzen_set_size(one), n);
            hpo_parzen_set_weights(one, weight);
            hpo_parzen_set_weights(two, weight);
            assert_ok(hpo_parzen_fit(p, &plus, left, weight, n, 1, &err), err);
            for (size_t j = 0; j < 20; j++) {
                double x = hpo_parzen_set_logpdf(one, at[j]), y = hpo_parzen_set_logpdf(two, at[j]);
                assert_same_doubles(&x, &y, 1);
                double limit = x + t_between(&r, -3, 3), z = hpo_parzen_set_logpdf_until(one, at[j], limit);
                if (fabs(x - limit) > 1e-3) assert_true((z > limit) == (x > limit));
                if (x < limit) assert_near(z, x, 1e-6, 1e-6);
                /* grids of more than 64 values: the middle of a cell stands for it */
                assert_near(x, hpo_parzen_logpdf(p, at[j]), 1e-4, k == 1 ? 2e-3 : 1e-4);
            }
            for (size_t q = 0; q < a->n_axes; q++)
                for (size_t j = 0; j < n; j++) {
                    double x = hpo_parzen_set_bandwidth(one, q, j), y = hpo_parzen_set_bandwidth(two, q, j);
                    assert_same_doubles(&x, &y, 1);
                }
            hpo_parzen_set_weights(one, NULL);
            hpo_parzen_set_free(two);
        }
        hpo_parzen_set_free(one);
        hpo_parzen_free(p);
        hpo_parzen_axes_free(a);
        hpo_space_free(s);
    }
}

/* Rows come and go, some change under their id; what is kept gives the bits of a fit from scratch. */
static void test_refit_is_fit(void **state)
{
    (void)state;
    static double u[MAX_ROWS * MAX_DIMS], probe[20 * MAX_DIMS];
    static const double *row[MAX_ROWS], *at[20], *left[MAX_ROWS];
    hpo_error err;
    t_rng r = t_rng_create();
    const hpo_parzen_width *rules[] = {&optuna, &plus};
    for (size_t k = 0; k < 2 * N_SPACES; k++) {
        hpo_space *s = space_of(spaces[k / 2]);
        hpo_parzen_axes *a = axes_of(s);
        hpo_parzen *kept = estimator(a), *fresh = estimator(a);
        int in[MAX_ROWS] = {0};
        double weight[MAX_ROWS];
        int64_t id[MAX_ROWS];
        draw_rows(s, 5, MAX_ROWS, u, row);
        draw_rows(s, 6, 20, probe, at);
        for (size_t step = 0; step < 80; step++) {
            size_t n = 0, changes = (size_t)t_int(&r, 0, 3), reach = step < 20 ? 9 : MAX_ROWS - 1;
            for (size_t c = 0; c < changes; c++)
                in[t_int(&r, 0, (int64_t)reach)] ^= 1;
            if (step % 16 == 15) { /* two rows change places */
                const double *other = row[3];
                row[3] = row[7];
                row[7] = other;
            }
            for (size_t j = 0; j < MAX_ROWS; j++)
                if (in[j]) {
                    weight[n] = 0.2 + (double)((j + step) % 5);
                    id[n] = (int64_t)j - 2;
                    left[n++] = row[j];
                }
            assert_ok(hpo_parzen_refit(kept, rules[k % 2], id, left, weight, n, 1, &err), err);
            assert_ok(hpo_parzen_fit(fresh, rules[k % 2], left, weight, n, 1, &err), err);
            for (size_t j = 0; j < 20; j++) {
                double x = hpo_parzen_logpdf(kept, at[j]), y = hpo_parzen_logpdf(fresh, at[j]);
                assert_same_doubles(&x, &y, 1);
            }
        }
        hpo_parzen_free(kept);
        hpo_parzen_free(fresh);
        hpo_parzen_axes_free(a);
        hpo_space_free(s);
    }
}

/* Draws from a set have its density: the mean of f under both, f an indicator, for each axis. */
static void test_draws_follow_the_density(void **state)
{
    (void)state;
    enum { N = 20000 };
    static double u[10];
    static const double *row[10];
    hpo_error err;
    hpo_space *s = space_of("x: 0..1");
    hpo_parzen_axes *a = axes_of(s);
    hpo_parzen *p = estimator(a);
    hpo_parzen_set *set;
    hpo_rng rng;
    hpo_rng_init(&rng, 7, 0, HPO_RNG_USER);
    draw_rows(s, 8, 10, u, row);
    assert_ok(hpo_parzen_set_create(a, &plus, &set, &err), err);
    assert_ok(hpo_parzen_set_reserve(set, 10, &err), err);
    for (uint32_t i = 0; i < 10; i++)
        hpo_parzen_set_add(set, i, row[i]);
    assert_ok(hpo_parzen_fit(p, &plus, row, NULL, 10, 1, &err), err);
    size_t count[2][10] = {{0}};
    for (size_t i = 0; i < N; i++) {
        double v;
        hpo_parzen_set_draw(set, 0, hpo_parzen_set_pick(set, 0, &rng), &rng, &v);
        assert_true(v >= 0 && v <= 1);
        count[0][v < 1 ? (size_t)(v * 10) : 9]++;
        hpo_parzen_draw(p, &rng, &v);
        count[1][v < 1 ? (size_t)(v * 10) : 9]++;
    }
    for (size_t c = 0; c < 10; c++) {
        double mass = 0;
        for (size_t i = 0; i < 400; i++) {
            double v = (double)c / 10 + ((double)i + .5) / 4000;
            mass += hpo_exp(hpo_parzen_logpdf(p, &v)) / 4000;
        }
        for (size_t k = 0; k < 2; k++)
            assert_near((double)count[k][c] / N, mass, 0, 5 * sqrt(mass * (1 - mass) / N));
    }
    hpo_parzen_set_free(set);
    hpo_parzen_free(p);
    hpo_parzen_axes_free(a);
    hpo_space_free(s);
}

/* Mallows' law: Z by enumeration, and the mean distance of exact draws. */
static void test_permutations(void **state)
{
    (void)state;
    enum { N = 20000 };
    hpo_space *s = space_of("q: perm 5");
    hpo_parzen_axes *a = axes_of(s);
    const hpo_parzen_axis *x = &a->axis[0];
    double log_z, middle[5] = {.3, .1, .9, .5, .7}, v[5], sum = 0;
    double theta = hpo_parzen_mallows(5, 0.2, &log_z);
    uint64_t here[1], there[1];
    uint32_t work[10];
    hpo_rng rng;
    assert_int_equal(x->kind, HPO_PARZEN_ORDER);
    assert_int_equal(x->n_pairs, 10);
    /* inversions of 5 items: 1, 4, 9, 15, 20, 22, 20, 15, 9, 4, 1 (Mahonian numbers) */
    static const double mahonian[] = {1, 4, 9, 15, 20, 22, 20, 15, 9, 4, 1};
    double z = 0, mean = 0;
    for (int d = 0; d <= 10; d++) {
        z += mahonian[d] * hpo_exp(-theta * d);
        mean += d * mahonian[d] * hpo_exp(-theta * d);
    }
    assert_near(log_z, hpo_log(z), 1e-9, 0);
    assert_near(mean / z, 2, 1e-9, 0);
    hpo_rng_init(&rng, 9, 0, HPO_RNG_USER);
    hpo_parzen_order_bits(x, middle, here);
    for (size_t i = 0; i < N; i++) {
        hpo_parzen_order_draw(x, middle, theta, &rng, work, v);
        hpo_parzen_order_bits(x, v, there);
        sum += hpo_parzen_order_distance(x, here, there);
    }
    assert_near(sum / N, 2, 0, 0.06);
    hpo_parzen_axes_free(a);
    hpo_space_free(s);
    /* many items: distances from a sample of pairs */
    s = space_of("q: perm 200");
    a = axes_of(s);
    static double up[200], down[200];
    static uint64_t p[32], q[32];
    for (size_t i = 0; i < 200; i++)
        up[i] = down[199 - i] = ((double)i + .5) / 200;
    assert_int_equal(a->axis[0].words, 32);
    hpo_parzen_order_bits(&a->axis[0], up, p);
    hpo_parzen_order_bits(&a->axis[0], down, q);
    assert_near(hpo_parzen_order_distance(&a->axis[0], p, q), 19900, 1e-12, 0);
    hpo_parzen_axes_free(a);
    hpo_space_free(s);
}

static hpo_status oom_body(void *ctx, hpo_error *err)
{
    hpo_parzen_axes *a = NULL;
    hpo_parzen_set *set = NULL;
    const hpo_space *s = ctx;
    double u[MAX_DIMS], x[64];
    hpo_status rc = hpo_parzen_axes_create(s, &a, err);
    if (rc == HPO_OK) rc = hpo_parzen_set_create(a, &plus, &set, err);
    hpo_space_default(s, x);
    hpo_space_encode(s, x, u);
    for (uint32_t i = 0; i < 40 && rc == HPO_OK; i++) {
        rc = hpo_parzen_set_reserve(set, i + 1, err);
        if (rc == HPO_OK) hpo_parzen_set_add(set, i, u);
        if (rc != HPO_OK) (void)hpo_parzen_set_logpdf(set, u); /* what was there still is */
    }
    hpo_parzen_set_free(set);
    hpo_parzen_axes_free(a);
    return rc;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    hpo_space *s = space_of(spaces[3]);
    assert_true(t_oom(oom_body, s) > 5);
    hpo_space_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_optuna_numbers),
        cmocka_unit_test(test_bandwidths),
        cmocka_unit_test(test_log_mass),
        cmocka_unit_test(test_sums_to_one),
        cmocka_unit_test(test_set_is_its_members),
        cmocka_unit_test(test_refit_is_fit),
        cmocka_unit_test(test_draws_follow_the_density),
        cmocka_unit_test(test_permutations),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
