/* SPDX-License-Identifier: Apache-2.0 */
/* Gaussian processes with the hyperparameters given: reference values, appending, replicates, gradients,
 * covariances, what degenerate data do. */
#include "t.h"

#include "gp_fixture.h"
#include "math/linalg.h"

/* ---- reference values
 * -------------------------------------------------------------------------------------- */

static const double FIVE_U[10] = {.1, .2, .4, .9, .6, .3, .8, .7, .95, .05};
static const double FIVE_Y[5] = {1.2, -.3, .5, -1.1, .8};

/* Evidence, moments, leave-one-out and gradients of five points by 40-digit arithmetic (mpmath). */
static void test_five_points(void **state)
{
    (void)state;
    hpo_error err;
    double theta[4] = {log(.3), log(.7), 0, log(.01)}, g[4], prior[4] = {0}, mean, var;
    static const double want_g[4] = {1.0973414858082, -2.3873117499157, 0.62141571655874, 0.024578055318107};
    static const double want_mean[5] = {0.12887430068446, 0.16837140326558, -0.27617282709483,
                                        0.3281232112694, -0.27638943894883};
    static const double want_var[5] = {0.89418319846898, 0.71671677939206, 0.54114812338333, 0.56763259690497,
                                       0.73360681169522};
    fixture f = fixture_create("x: float 0..1\ny: float 0..1\n", HPO_KERNEL_MATERN52);
    assert_ok(hpo_gp_advance(f.gp, FIVE_U, FIVE_Y, NULL, NULL, 5, &err), err);
    assert_ok(hpo_gp_set_theta(f.gp, theta, &err), err);
    hpo_gp_moments(f.gp, (double[]){.5, .5}, 1, &mean, &var);
    assert_near(mean, 0.2327700568316559, 1e-12, 0);
    assert_near(var, 0.1203477871371649, 1e-12, 0);
    double value = hpo_gp_objective(f.gp, theta, g);
    assert_near(hpo_gp_prior_value(f.gp, theta, prior) - value, -7.201755797891527, 1e-12, 0);
    for (size_t i = 0; i < 4; i++)
        assert_near(prior[i] - g[i], want_g[i], 0, 1e-12);
    double loo_mean[5], loo_var[5];
    hpo_gp_loo(f.gp, loo_mean, loo_var);
    assert_matrix_near(loo_mean, want_mean, 1, 5, 0, 1e-13);
    assert_matrix_near(loo_var, want_var, 1, 5, 0, 1e-13);
    size_t at;
    assert_near(hpo_gp_incumbent(f.gp, &at), -1.1 - (-1.1 - want_mean[3]) / want_var[3] * .01, 1e-12, 0);
    assert_int_equal(at, 3);
    fixture_free(&f);
}

/* Three points of one dimension, in closed form. */
static void test_three_points(void **state)
{
    (void)state;
    hpo_error err;
    double theta[3] = {log(.3), 0, log(.01)}, mean, var, noise, prior[3] = {0};
    fixture f = fixture_create("x: float 0..1\n", HPO_KERNEL_SE);
    assert_ok(hpo_gp_advance(f.gp, (double[]){0, .5, 1}, (double[]){1, 0, .5}, NULL, NULL, 3, &err), err);
    assert_ok(hpo_gp_set_theta(f.gp, theta, &err), err);
    hpo_gp_moments(f.gp, (double[]){.25}, 1, &mean, &var);
    hpo_gp_noise_at(f.gp, (double[]){.25}, 1, &noise);
    assert_near(mean, .5028674, 0, 5e-8);
    assert_near(var, .1967758, 0, 5e-8); /* of f alone */
    assert_near(var + noise, .2067758, 0, 5e-8);
    assert_near(hpo_gp_prior_value(f.gp, theta, prior) - hpo_gp_objective(f.gp, theta, NULL), -3.4006128, 0,
                5e-8);
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_five_points),
        cmocka_unit_test(test_three_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
