/* SPDX-License-Identifier: Apache-2.0 */
/* Noise that differs from place to place: found where it is, not found where it is not, and what is gained.
 */
#include "t.h"

#include "math/dist.h"
#include "model/gp.h"
#include "space/space.h"

enum { MOST = 240, D = 2 };

typedef struct fixture {
    hpo_space *space;
    hpo_embed *embed;
} fixture;

static fixture open_space(void)
{
    fixture f;
    hpo_error err;
    assert_ok(hpo_space_parse("a: 0..1; b: 0..1", &f.space, &err), err);
    assert_ok(hpo_space_freeze(f.space, &err), err);
    assert_ok(hpo_embed_create(f.space, &f.embed, &err), err);
    return f;
}

static void close_space(fixture *f)
{
    hpo_embed_free(f->embed);
    hpo_space_free(f->space);
}

static double truth(const double *u)
{
    return sin(3 * u[0]) + 0.5 * cos(4 * u[1]);
}

/* Noise of standard deviation base x e^(growth a). */
static void observe(t_rng *r, double base, double growth, size_t n, double *u, double *y)
{
    for (size_t i = 0; i < n; i++) {
        u[i * D] = t_uniform(r);
        u[i * D + 1] = t_uniform(r);
        y[i] = truth(u + i * D) +
               base * exp(growth * u[i * D]) * hpo_normal_quantile(t_between(r, 1e-6, 1 - 1e-6));
    }
}

static hpo_gp *model(const fixture *f, int heteroscedastic, const double *u, const double *y,
                     const double *se, size_t n)
{
    hpo_gp *gp;
    hpo_error err;
    hpo_gp_options o = hpo_gp_defaults();
    o.transform = HPO_TRANSFORM_STANDARD;
    o.heteroscedastic = heteroscedastic;
    assert_ok(hpo_gp_create(f->embed, &o, &gp, &err), err);
    assert_ok(hpo_gp_advance(gp, u, y, se, NULL, n, &err), err);
    return gp;
}

static int found(const hpo_gp *gp)
{
    hpo_gp_summary s;
    hpo_gp_describe(gp, &s);
    return s.heteroscedastic;
}

/* The same noise everywhere: a false alarm in 1 of 100, and fewer for Bonferroni. */
static void test_level(void **state)
{
    (void)state;
    fixture f = open_space();
    static double u[MOST * D], y[MOST];
    size_t alarms = 0, rounds = 30;
    t_rng r = t_rng_create();
    for (size_t i = 0; i < rounds; i++) {
        observe(&r, 0.3, 0, 32, u, y);
        hpo_gp *gp = model(&f, 1, u, y, NULL, 32);
        alarms += (size_t)found(gp);
        hpo_gp_free(gp);
    }
    assert_true(alarms <= 2);
    close_space(&f);
}

/* Noise that grows tenfold and more along one axis. */
static void test_power(void **state)
{
    (void)state;
    fixture f = open_space();
    static double u[MOST * D], y[MOST];
    size_t hits = 0, rounds = 3;
    t_rng r = t_rng_create();
    for (size_t i = 0; i < rounds; i++) {
        observe(&r, 0.05, 3, 128, u, y);
        hpo_gp *gp = model(&f, 1, u, y, NULL, 128);
        if (found(gp)) {
            double at[] = {0.05, 0.5, 0.95, 0.5}, var[2];
            hpo_gp_noise_at(gp, at, 2, var);
            hits += var[1] > 4 * var[0] && var[1] < 2000 * var[0];
        }
        hpo_gp_free(gp);
    }
    assert_true(hits == rounds);
    close_space(&f);
}

/* Log density of new observations: better with the second process than without. */
static void test_gain(void **state)
{
    (void)state;
    fixture f = open_space();
    static double u[MOST * D], y[MOST], v[MOST * D], w[MOST];
    double gain = 0;
    t_rng r = t_rng_create();
    for (size_t round = 0; round < 2; round++) {
        observe(&r, 0.05, 3, 128, u, y);
        observe(&r, 0.05, 3, MOST, v, w);
        for (int on = 0; on < 2; on++) {
            hpo_gp *gp = model(&f, on, u, y, NULL, 128);
            for (size_t i = 0; i < MOST; i++) {
                double mean, var, noise;
                hpo_gp_moments(gp, v + i * D, 1, &mean, &var);
                hpo_gp_noise_at(gp, v + i * D, 1, &noise);
                double d = hpo_transform_apply(hpo_gp_transform(gp), w[i]) - mean;
                gain += (on ? 1 : -1) * -0.5 * (log(var + noise) + d * d / (var + noise)) / (2 * MOST);
            }
            hpo_gp_free(gp);
        }
    }
    assert_true(gain > 0.1); /* nats an observation */
    close_space(&f);
}

/* Replicates show the noise directly: few places, each many times. */
static void test_replicates(void **state)
{
    (void)state;
    fixture f = open_space();
    static double u[MOST * D], y[MOST];
    t_rng r = t_rng_create();
    observe(&r, 0, 0, 24, u, y);
    for (size_t i = 24; i < 192; i++)
        memcpy(u + i * D, u + (i % 24) * D, D * sizeof *u);
    for (size_t i = 0; i < 192; i++)
        y[i] = truth(u + i * D) +
               (u[i * D + 1] > 0.5 ? 0.4 : 0.04) * hpo_normal_quantile(t_between(&r, 1e-6, 1 - 1e-6));
    hpo_gp *gp = model(&f, 1, u, y, NULL, 192);
    assert_true(found(gp));
    double at[] = {0.5, 0.1, 0.5, 0.9}, var[2];
    hpo_gp_noise_at(gp, at, 2, var);
    assert_true(var[1] > 4 * var[0]);
    hpo_gp_free(gp);
    close_space(&f);
}

/* Off by default, with standard errors reported, and below 20 rows. */
static void test_off(void **state)
{
    (void)state;
    fixture f = open_space();
    static double u[MOST * D], y[MOST], se[MOST];
    t_rng r = t_rng_create();
    observe(&r, 0.05, 3, 64, u, y);
    for (size_t i = 0; i < 64; i++)
        se[i] = 0.05 * exp(3 * u[i * D]);
    hpo_gp *gp = model(&f, 0, u, y, NULL, 64);
    assert_false(found(gp));
    hpo_gp_free(gp);
    gp = model(&f, 1, u, y, se, 64);
    assert_false(found(gp));
    hpo_gp_free(gp);
    gp = model(&f, 1, u, y, NULL, 19);
    assert_false(found(gp));
    hpo_gp_free(gp);
    close_space(&f);
}

/* Row by row or all at once: the same model. */
static void test_replay(void **state)
{
    (void)state;
    fixture f = open_space();
    hpo_error err;
    static double u[MOST * D], y[MOST];
    t_rng r = t_rng_create();
    observe(&r, 0.02, 4, 60, u, y);
    hpo_gp *slow = model(&f, 1, u, y, NULL, 0);
    for (size_t n = 1; n <= 60; n++)
        assert_ok(hpo_gp_advance(slow, u, y, NULL, NULL, n, &err), err);
    hpo_gp *quick = model(&f, 1, u, y, NULL, 60);
    assert_true(found(quick));
    double at[] = {0.3, 0.6, 0.8, 0.2}, a[6], b[6];
    hpo_gp_moments(slow, at, 2, a, a + 2);
    hpo_gp_noise_at(slow, at, 2, a + 4);
    hpo_gp_moments(quick, at, 2, b, b + 2);
    hpo_gp_noise_at(quick, at, 2, b + 4);
    assert_same_doubles(a, b, 6);
    hpo_gp_free(slow);
    hpo_gp_free(quick);
    close_space(&f);
}

typedef struct setting {
    const fixture *f;
    const double *u, *y;
    int found;
} setting;

static hpo_status body(void *ctx, hpo_error *err)
{
    setting *t = ctx;
    hpo_gp *gp;
    hpo_gp_options o = hpo_gp_defaults();
    o.transform = HPO_TRANSFORM_STANDARD;
    o.heteroscedastic = 1;
    hpo_status s = hpo_gp_create(t->f->embed, &o, &gp, err);
    if (s == HPO_OK) s = hpo_gp_advance(gp, t->u, t->y, NULL, NULL, 32, err);
    t->found = s == HPO_OK && found(gp);
    hpo_gp_free(gp);
    return s;
}

static void test_memory(void **state)
{
    (void)state;
    fixture f = open_space();
    static double u[MOST * D], y[MOST];
    t_rng r = t_rng_create();
    observe(&r, 0.01, 0, 32, u, y);
    for (size_t i = 0; i < 32; i++) /* every other row: nothing but noise in one half */
        y[i] = u[i * D] < 0.5 ? 0.001 * (double)(i % 5) : i % 2 ? 1 + u[i * D] : -1 - u[i * D];
    setting t = {&f, u, y, 0};
    assert_true(t_oom(body, &t) >= 20);
    assert_true(t.found);
    close_space(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_level),      cmocka_unit_test(test_power), cmocka_unit_test(test_gain),
        cmocka_unit_test(test_replicates), cmocka_unit_test(test_off),   cmocka_unit_test(test_replay),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
