/* SPDX-License-Identifier: Apache-2.0 */
/* Processes weighted by what they say of the values: the scale on which values are a smooth function wins,
 * repeats settle the noise and single values do not, and one process of the blend is the process it claims to
 * be. */
#include "t.h"

#include "gp_fixture.h"

enum { ROWS = 60 };

typedef struct rows {
    double u[ROWS * 2], y[ROWS];
} rows;

static double noise(t_rng *r)
{
    return t_uniform(r) + t_uniform(r) + t_uniform(r) + t_uniform(r) - 2; /* variance 1/3 */
}

/* f in [-2, 2], observed with sd; `repeats` values at a time. */
static void fill(rows *d, t_rng *r, double sd, size_t repeats)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (i % repeats == 0)
            for (size_t k = 0; k < 2; k++)
                d->u[2 * i + k] = t_uniform(r);
        else
            memcpy(d->u + 2 * i, d->u + 2 * i - 2, 2 * sizeof(double));
        d->y[i] = sin(5 * d->u[2 * i]) + cos(4 * d->u[2 * i + 1]) + sd * sqrt(3) * noise(r);
    }
}

static hpo_gp_blend *blend_of(const fixture *f, const rows *d, size_t n)
{
    hpo_gp_blend *b;
    hpo_error err;
    hpo_gp_options o = hpo_gp_defaults();
    assert_ok(hpo_gp_blend_create(f->embed, &o, d->u, d->y, NULL, n, &b, &err), err);
    double sum = 0;
    assert_true(hpo_gp_blend_size(b) >= 1 && hpo_gp_blend_size(b) <= HPO_GP_BLEND_MAX);
    for (size_t k = 0; k < hpo_gp_blend_size(b); k++)
        sum += hpo_gp_blend_weight(b, k);
    assert_near(sum, 1, 1e-12, 0);
    return b;
}

/* Weights by transform; mean and variance of ln n2 in units of the values' sd where the transform is linear.
 */
static void look(hpo_gp_blend *b, double *share, double *mean, double *var)
{
    double square = 0, sum = 0;
    hpo_error err;
    *mean = 0;
    memset(share, 0, HPO_TRANSFORM_AUTO * sizeof *share);
    for (size_t k = 0; k < hpo_gp_blend_size(b); k++) {
        const hpo_gp *gp;
        hpo_gp_summary about;
        assert_ok(hpo_gp_blend_use(b, k, &gp, &err), err);
        hpo_gp_describe(gp, &about);
        double w = hpo_gp_blend_weight(b, k), l = log(about.noise_variance);
        share[hpo_gp_transform(gp)->kind] += w;
        *mean += w * l;
        square += w * l * l;
        sum += w;
    }
    *var = square / sum - *mean * *mean;
}

static void test_scale(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    static rows d;
    double share[HPO_TRANSFORM_AUTO], mean, var;
    fixture f = fixture_create("x: float 0..1\ny: float 0..1\n", HPO_KERNEL_MATERN32);
    fill(&d, &r, 0.01, 1);
    hpo_gp_blend *b = blend_of(&f, &d, ROWS);
    look(b, share, &mean, &var);
    assert_true(share[HPO_TRANSFORM_LOG] < 0.2);
    hpo_gp_blend_free(b);
    for (size_t i = 0; i < ROWS; i++)
        d.y[i] = exp(2 * d.y[i]);
    b = blend_of(&f, &d, ROWS);
    look(b, share, &mean, &var);
    assert_true(share[HPO_TRANSFORM_STANDARD] < 0.1);
    hpo_gp_blend_free(b);
    d.y[5] = 1e9; /* a divergence: half-rank, and nothing else */
    b = blend_of(&f, &d, ROWS);
    look(b, share, &mean, &var);
    assert_near(share[HPO_TRANSFORM_HALF_RANK], 1, 1e-9, 0);
    hpo_gp_blend_free(b);
    fixture_free(&f);
}

static void test_noise(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    static rows d;
    double share[HPO_TRANSFORM_AUTO], mean, var, spread = 0;
    fixture f = fixture_create("x: float 0..1\ny: float 0..1\n", HPO_KERNEL_MATERN32);
    fill(&d, &r, 0.3, 3);
    hpo_gp_blend *b = blend_of(&f, &d, ROWS);
    look(b, share, &mean, &var);
    hpo_gp_blend_free(b);
    double m = 0;
    for (size_t i = 0; i < ROWS; i++)
        m += d.y[i] / ROWS;
    for (size_t i = 0; i < ROWS; i++)
        spread += (d.y[i] - m) * (d.y[i] - m) / ROWS;
    assert_near(mean, log(0.09 / spread), 0, 0.7); /* 40 degrees of freedom, and a little of the transform */
    double settled = var;
    fill(&d, &r, 0.3, 1); /* nothing repeated: more is possible */
    b = blend_of(&f, &d, ROWS / 3);
    look(b, share, &mean, &var);
    hpo_gp_blend_free(b);
    assert_true(settled < 0.5 && var > settled);
    fixture_free(&f);
}

/* A process with the blend's hyperparameters and transform, made by hand, predicts the same. */
static void test_parts(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    static rows d;
    hpo_error err;
    fixture f = fixture_create("x: float 0..1\ny: float 0..1\n", HPO_KERNEL_MATERN32);
    fill(&d, &r, 0.2, 2);
    hpo_gp_blend *b = blend_of(&f, &d, ROWS);
    for (size_t k = 0; k < hpo_gp_blend_size(b); k += 3) {
        const hpo_gp *gp;
        hpo_gp *other;
        hpo_gp_options o = hpo_gp_defaults();
        double theta[4], l[2], u[2] = {t_uniform(&r), t_uniform(&r)}, mean[2], var[2];
        hpo_gp_summary about;
        assert_ok(hpo_gp_blend_use(b, k, &gp, &err), err);
        hpo_gp_describe(gp, &about);
        hpo_gp_lengthscales(gp, l);
        assert_ok(hpo_gp_create(f.embed, &o, &other, &err), err);
        hpo_gp_hold(other, 1);
        hpo_gp_fix_transform(other, hpo_gp_transform(gp));
        assert_ok(hpo_gp_advance(other, d.u, d.y, NULL, NULL, ROWS, &err), err);
        for (size_t j = 0; j < 2; j++)
            theta[j] = log(l[j]);
        theta[2] = log(about.signal_variance);
        theta[3] = log(about.noise_variance);
        assert_ok(hpo_gp_set_theta(other, theta, &err), err);
        hpo_gp_moments(gp, u, 1, &mean[0], &var[0]);
        hpo_gp_moments(other, u, 1, &mean[1], &var[1]);
        assert_near(mean[0], mean[1], 1e-9, 1e-9);
        assert_near(var[0], var[1], 1e-7, 1e-12);
        hpo_gp_free(other);
    }
    hpo_gp_blend_free(b);
    fixture_free(&f);
}

static void test_too_little(void **state)
{
    (void)state;
    hpo_gp_blend *b;
    hpo_error err;
    fixture f = fixture_create("x: float 0..1\ny: float 0..1\n", HPO_KERNEL_MATERN32);
    double u[6] = {0, 0, 0.5, 0.5, 1, 1}, y[3] = {NAN, NAN, 1};
    assert_fails(hpo_gp_blend_create(f.embed, NULL, u, y, NULL, 3, &b, &err), HPO_ENUMERIC, err, "3");
    assert_null(b);
    y[0] = y[1] = 1; /* a constant */
    assert_ok(hpo_gp_blend_create(f.embed, NULL, u, y, NULL, 3, &b, &err), err);
    hpo_gp_blend_free(b);
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scale),
        cmocka_unit_test(test_noise),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_too_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
