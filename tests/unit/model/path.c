/* SPDX-License-Identifier: Apache-2.0 */
/* Functions drawn from the posterior: their moments over many draws are the posterior's, to the Monte Carlo
 * error; gradients by differences; what a path is at one place, it is everywhere. */
#include "t.h"

#include "math/rng.h"
#include "model/gp.h"
#include "space/space.h"

typedef struct fixture {
    hpo_space *space;
    hpo_embed *embed;
    hpo_gp *gp;
    size_t d;
} fixture;

static void random_rows(const fixture *f, t_rng *r, double *u, size_t n)
{
    double x[32];
    for (size_t i = 0; i < n; i++, u += f->d) {
        for (size_t j = 0; j < f->d; j++)
            u[j] = t_uniform(r);
        hpo_space_decode(f->space, u, x);
        hpo_space_encode(f->space, x, u);
    }
}

/* n rows of a wavy function with some noise (the last one a replicate of the first), hyperparameters fitted;
 * gradients: derivative observations too. */
static fixture open_gp(const char *text, hpo_kernel_family family, size_t n, int gradients)
{
    fixture f;
    hpo_error err;
    static double u[64 * 8], y[64], g[64 * 8];
    hpo_gp_options o = hpo_gp_defaults();
    t_rng r = t_rng_create();
    assert_ok(hpo_space_parse(text, &f.space, &err), err);
    assert_ok(hpo_space_freeze(f.space, &err), err);
    if (family == HPO_KERNEL_PERIODIC)
        assert_ok(hpo_embed_create_periodic(f.space, &f.embed, &err), err);
    else
        assert_ok(hpo_embed_create(f.space, &f.embed, &err), err);
    o.family = family;
    o.transform = HPO_TRANSFORM_STANDARD;
    assert_ok(hpo_gp_create(f.embed, &o, &f.gp, &err), err);
    f.d = hpo_embed_n_dims(f.embed);
    random_rows(&f, &r, u, n);
    memcpy(u + (n - 1) * f.d, u, f.d * sizeof *u);
    for (size_t i = 0; i < n; i++) {
        y[i] = 0.3 * t_uniform(&r);
        for (size_t j = 0; j < f.d; j++) {
            g[i * f.d + j] = i % 3 == 0 ? 4 * cos(4 * u[i * f.d + j] + (double)j) : (double)NAN;
            if (!isnan(u[i * f.d + j])) y[i] += sin(4 * u[i * f.d + j] + (double)j);
        }
    }
    assert_ok(hpo_gp_advance(f.gp, u, y, NULL, gradients ? g : NULL, n, &err), err);
    assert_true(hpo_gp_ready(f.gp));
    return f;
}

static void close_gp(fixture *f)
{
    hpo_gp_free(f->gp);
    hpo_embed_free(f->embed);
    hpo_space_free(f->space);
}

enum { PLACES = 6, PATHS = 3000, FREQUENCIES = 24 };

/* Every path draws its own frequencies: few of them suffice for exact first and second moments. */
static void check_moments(const char *text, hpo_kernel_family family, size_t n, int gradients)
{
    fixture f = open_gp(text, family, n, gradients);
    static double values[PATHS * PLACES];
    double u[PLACES * 8], mean[PLACES], var[PLACES], cov[PLACES], signal;
    hpo_error err;
    hpo_gp_summary about;
    hpo_rng rng;
    t_rng r = t_rng_create();
    r.state += 77;
    random_rows(&f, &r, u, PLACES);
    memcpy(u, hpo_gp_point(f.gp, 1), f.d * sizeof *u); /* an observed configuration */
    hpo_gp_moments(f.gp, u, PLACES, mean, var);
    hpo_gp_describe(f.gp, &about);
    signal = about.signal_variance;
    hpo_rng_init(&rng, 5, family, HPO_RNG_GP);
    for (size_t p = 0; p < PATHS; p++) {
        hpo_gp_path *path;
        assert_ok(hpo_gp_path_draw(f.gp, &rng, FREQUENCIES, &path, &err), err);
        hpo_gp_path_values(path, u, PLACES, values + p * PLACES);
        hpo_gp_path_free(path);
    }
    for (size_t i = 0; i < PLACES; i++) {
        double m = 0, v = 0, fourth = 0;
        for (size_t p = 0; p < PATHS; p++)
            m += values[p * PLACES + i] / PATHS;
        for (size_t p = 0; p < PATHS; p++) {
            double d2 = pow(values[p * PLACES + i] - m, 2);
            v += d2 / PATHS;
            fourth += d2 * d2 / PATHS;
        }
        assert_near(m, mean[i], 0, 4.5 * sqrt(v / PATHS));
        assert_near(v, var[i], 0, 4.5 * sqrt((fourth - v * v) / PATHS) + 1e-9 * signal);
        hpo_gp_covariance(f.gp, u + i * f.d, u, PLACES, cov, NULL);
        for (size_t j = 0; j < i; j++) {
            double c = 0, c2 = 0;
            for (size_t p = 0; p < PATHS; p++) {
                double product = (values[p * PLACES + i] - mean[i]) * (values[p * PLACES + j] - mean[j]);
                c += product / PATHS;
                c2 += product * product / PATHS;
            }
            assert_near(c, cov[j], 0, 4.5 * sqrt((c2 - c * c) / PATHS) + 1e-9 * signal);
        }
    }
    close_gp(&f);
}

static const char numbers[] = "a: 0..1; b: 0..1";
static const char mixed[] = "a: 0..1; m: bool; b: 0..1 if m; c: x,y,z; d: int 1..6";

static void test_moments(void **state)
{
    (void)state;
    check_moments(numbers, HPO_KERNEL_MATERN32, 8, 0);
    check_moments(numbers, HPO_KERNEL_MATERN52, 8, 0);
    check_moments(numbers, HPO_KERNEL_SE, 8, 0);
    check_moments(numbers, HPO_KERNEL_PERIODIC, 8, 0);
    check_moments(numbers, HPO_KERNEL_LINEAR, 8, 0);
    check_moments(mixed, HPO_KERNEL_MATERN32, 14, 0);
}

static void test_moments_with_gradients(void **state)
{
    (void)state;
    check_moments(numbers, HPO_KERNEL_MATERN52, 6, 1);
}

static void check_gradient(const char *text, hpo_kernel_family family, int gradients)
{
    fixture f = open_gp(text, family, 14, gradients);
    hpo_error err;
    hpo_rng rng;
    hpo_gp_path *path;
    t_rng r = t_rng_create();
    hpo_rng_init(&rng, 6, family, HPO_RNG_GP);
    assert_ok(hpo_gp_path_draw(f.gp, &rng, 200, &path, &err), err);
    for (size_t round = 0; round < 20; round++) {
        double u[8], g[8], value;
        random_rows(&f, &r, u, 1);
        value = hpo_gp_path_value(path, u, g);
        assert_near(value, hpo_gp_path_value(path, u, NULL), 1e-12, 1e-12);
        for (size_t j = 0; j < f.d; j++) {
            const hpo_axis *a = hpo_embed_axis(f.embed, hpo_embed_axis_of(f.embed, j));
            if (a->kind != HPO_AXIS_REAL || isnan(u[j])) {
                assert_true(g[j] == 0);
                continue;
            }
            double x = u[j], h = 1e-6;
            u[j] = x + h;
            double up = hpo_gp_path_value(path, u, NULL);
            u[j] = x - h;
            double down = hpo_gp_path_value(path, u, NULL);
            u[j] = x;
            assert_near(g[j], (up - down) / (2 * h), 1e-4, 1e-4);
        }
    }
    hpo_gp_path_free(path);
    close_gp(&f);
}

static void test_gradient(void **state)
{
    (void)state;
    for (int family = HPO_KERNEL_MATERN32; family <= HPO_KERNEL_LINEAR; family++) {
        check_gradient(numbers, (hpo_kernel_family)family, 0);
        check_gradient(mixed, (hpo_kernel_family)family, 0);
    }
    check_gradient(numbers, HPO_KERNEL_MATERN52, 1);
}

/* The same stream gives the same function; the next draw another one. */
static void test_streams(void **state)
{
    (void)state;
    fixture f = open_gp(mixed, HPO_KERNEL_MATERN32, 14, 0);
    hpo_error err;
    hpo_rng a, b;
    hpo_gp_path *p, *q, *other;
    double u[8 * 5], x[8], y[8], z[8];
    t_rng r = t_rng_create();
    hpo_rng_init(&a, 9, 1, HPO_RNG_GP);
    b = a;
    random_rows(&f, &r, u, 8);
    assert_ok(hpo_gp_path_draw(f.gp, &a, 0, &p, &err), err);
    assert_ok(hpo_gp_path_draw(f.gp, &b, 0, &q, &err), err);
    assert_ok(hpo_gp_path_draw(f.gp, &b, 0, &other, &err), err);
    hpo_gp_path_values(p, u, 8, x);
    hpo_gp_path_values(q, u, 8, y);
    hpo_gp_path_values(other, u, 8, z);
    assert_same_doubles(x, y, 8);
    for (size_t i = 0; i < 8; i++)
        assert_true(x[i] != z[i]);
    hpo_gp_path_free(p);
    hpo_gp_path_free(q);
    hpo_gp_path_free(other);
    close_gp(&f);
}

static hpo_status draw(void *ctx, hpo_error *err)
{
    hpo_rng rng;
    hpo_gp_path *p;
    hpo_rng_init(&rng, 9, 1, HPO_RNG_GP);
    hpo_status s = hpo_gp_path_draw(ctx, &rng, 100, &p, err);
    hpo_gp_path_free(p);
    return s;
}

static void test_refusals(void **state)
{
    (void)state;
    fixture f = open_gp(numbers, HPO_KERNEL_MATERN32, 8, 0);
    hpo_error err;
    hpo_rng rng;
    hpo_gp_path *p;
    hpo_rng_init(&rng, 1, 1, HPO_RNG_GP);
    assert_fails(hpo_gp_path_draw(f.gp, &rng, 1000000, &p, &err), HPO_EINVAL, err, "at most");
    assert_null(p);
    assert_true(t_oom(draw, f.gp) == 2);
    hpo_gp *empty;
    assert_ok(hpo_gp_create(f.embed, NULL, &empty, &err), err);
    assert_fails(hpo_gp_path_draw(empty, &rng, 100, &p, &err), HPO_EINVAL, err, "at least 2");
    hpo_gp_free(empty);
    hpo_gp_options o = hpo_gp_defaults();
    o.family = HPO_KERNEL_PERIODIC;
    assert_fails(hpo_gp_create(f.embed, &o, &empty, &err), HPO_EINVAL, err, "circles");
    close_gp(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moments),  cmocka_unit_test(test_moments_with_gradients),
        cmocka_unit_test(test_gradient), cmocka_unit_test(test_streams),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
