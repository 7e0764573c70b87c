/* SPDX-License-Identifier: Apache-2.0 */
/* model/gp_anchor: the same numbers as moments, gradient and covariance, for every kind of axis, before there
 * are data and after, with few anchors and many. */
#include "model/gp.h"

#include "base/alloc.h"
#include "math/rng.h"
#include "t.h"

enum { POINTS = 40, MOST = 20, MAX_DIMS = 8 };

static void random_points(const hpo_space *space, uint64_t seed, size_t n, double *u)
{
    hpo_error err;
    hpo_rng rng;
    hpo_rng_init(&rng, seed, 0, HPO_RNG_USER);
    for (size_t i = 0; i < n; i++)
        assert_ok(hpo_space_draw(space, &rng, u + i * hpo_space_n_dims(space), &err), err);
}

static void check(const hpo_gp *gp, const hpo_space *space, size_t r)
{
    size_t d = hpo_space_n_dims(space);
    const hpo_posterior_ops *ops = &hpo_gp_posterior_ops;
    double v[MOST * MAX_DIMS], u[POINTS * MAX_DIMS], mean[POINTS], var[POINTS], m[POINTS], s[POINTS];
    double cov[POINTS * MOST], dmean[MAX_DIMS], dvar[MAX_DIMS], dcov[MOST * MAX_DIMS];
    double want[MOST], dm[MAX_DIMS], dv[MAX_DIMS], dw[MOST * MAX_DIMS];
    random_points(space, 1, r, v);
    random_points(space, 2, POINTS, u);
    void *a = ops->anchor(gp, v, r);
    assert_non_null(a);
    ops->anchored(gp, a, u, POINTS, mean, var, cov);
    ops->moments(gp, u, POINTS, m, s);
    assert_same_doubles(mean, m, POINTS);
    assert_same_doubles(var, s, POINTS);
    for (size_t i = 0; i < POINTS; i++) {
        ops->covariance(gp, u + i * d, v, r, want, dw);
        assert_matrix_near(cov + i * r, want, 1, r, 1e-8, 1e-8);
        ops->anchored_gradient(gp, a, u + i * d, mean, var, dmean, dvar, cov, dcov);
        ops->gradient(gp, u + i * d, m, s, dm, dv);
        assert_same_doubles(dmean, dm, d);
        assert_same_doubles(dvar, dv, d);
        assert_matrix_near(cov, want, 1, r, 1e-8, 1e-8);
        assert_matrix_near(dcov, dw, r, d, 1e-7, 1e-7);
        ops->anchored(gp, a, u, POINTS, mean, var, cov); /* the rows that follow */
    }
    hpo_free(a);
}

static void test_same_numbers(void **state)
{
    (void)state;
    static const char *const spaces[] = {"a: 0..1; b: 0..1; c: 0..1",
                                         "a: 0..1; n: int 1..9; o: x,y,z; b: 0..1 if o == x; k: bool",
                                         "p: perm 3; q: simplex 3; a: 0..1"};
    for (size_t k = 0; k < 3; k++) {
        hpo_error err;
        hpo_space *space;
        hpo_embed *embed;
        hpo_gp *gp;
        double u[POINTS * MAX_DIMS], y[POINTS];
        assert_ok(hpo_space_parse(spaces[k], &space, &err), err);
        assert_ok(hpo_space_freeze(space, &err), err);
        assert_ok(hpo_embed_create(space, &embed, &err), err);
        for (int family = HPO_KERNEL_MATERN32; family <= HPO_KERNEL_LINEAR; family++) {
            hpo_gp_options o = hpo_gp_defaults();
            o.family = (hpo_kernel_family)family;
            if (family == HPO_KERNEL_PERIODIC) continue;
            assert_ok(hpo_gp_create(embed, &o, &gp, &err), err);
            random_points(space, 3, POINTS, u);
            for (size_t i = 0; i < POINTS; i++)
                y[i] = (u[i * hpo_space_n_dims(space)] - 0.3) * (double)(i % 7);
            assert_ok(hpo_gp_advance(gp, u, y, NULL, NULL, POINTS, &err), err);
            check(gp, space, 1);
            check(gp, space, MOST);
            hpo_gp_free(gp);
        }
        hpo_embed_free(embed);
        hpo_space_free(space);
    }
}

/* Before there is a model: the prior's moments and no covariance. */
static void test_no_data(void **state)
{
    (void)state;
    hpo_error err;
    hpo_space *space;
    hpo_embed *embed;
    hpo_gp *gp;
    double u[2] = {0.1, 0.2}, v[4] = {0.1, 0.2, 0.3, 0.4}, mean, var, cov[2] = {9, 9}, dm[2], dv[2], dc[4];
    assert_ok(hpo_space_parse("a: 0..1; b: 0..1", &space, &err), err);
    assert_ok(hpo_space_freeze(space, &err), err);
    assert_ok(hpo_embed_create(space, &embed, &err), err);
    hpo_gp_options o = hpo_gp_defaults();
    assert_ok(hpo_gp_create(embed, &o, &gp, &err), err);
    void *a = hpo_gp_posterior_ops.anchor(gp, v, 2);
    assert_non_null(a);
    hpo_gp_posterior_ops.anchored(gp, a, u, 1, &mean, &var, cov);
    assert_true(mean == 0 && var > 0 && cov[0] == 0 && cov[1] == 0);
    hpo_gp_posterior_ops.anchored_gradient(gp, a, u, &mean, &var, dm, dv, cov, dc);
    assert_true(mean == 0 && var > 0 && cov[0] == 0 && dc[3] == 0);
    hpo_free(a);
    hpo_gp_free(gp);
    hpo_embed_free(embed);
    hpo_space_free(space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_numbers), cmocka_unit_test(test_no_data)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
