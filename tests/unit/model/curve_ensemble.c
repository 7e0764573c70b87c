/* SPDX-License-Identifier: Apache-2.0 */
/* The eleven families against their formulas as printed; forecasts of curves that each of them made; the
 * sampler's posterior where it is known. */
#include "t.h"

#include "math/rng.h"
#include "model/curve_ensemble.h"

static void random_params(t_rng *r, size_t k, double *p)
{
    const hpo_curve_family *f = &hpo_curve_families[k];
    for (size_t i = 0; i < f->n_params; i++)
        p[i] = t_between(r, f->low[i], f->high[i]);
}

/* Table 1 of the paper. */
static void test_formulas(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    size_t dims = 0;
    for (size_t k = 0; k < HPO_CURVE_FAMILIES; k++)
        dims += hpo_curve_families[k].n_params;
    assert_int_equal(dims, 36);
    for (T_ROUNDS(i, 100)) {
        double p[4], x = t_between(&r, 1, 100);
        for (size_t k = 0; k < HPO_CURVE_FAMILIES; k++) {
            random_params(&r, k, p);
            const double want[HPO_CURVE_FAMILIES] = {
                exp(p[0] + p[1] / x + p[2] * log(x)),
                p[0] - p[1] * pow(x, -p[2]),
                log(p[0] * log(x) + p[1]),
                p[0] * pow(x, p[1]) / (pow(p[2], p[1]) + pow(x, p[1])),
                p[0] / (1 + pow(x / exp(p[1]), p[2])),
                p[0] - pow(p[1] * x + p[2], -p[3]),
                p[0] - (p[0] - p[1]) / (1 + pow(p[2] * x, p[3])),
                p[0] - exp(-p[1] * pow(x, p[3]) + p[2]),
                p[0] - (p[0] - p[1]) * exp(-p[2] * pow(x, p[3])),
                p[0] - (p[0] - p[1]) * exp(-pow(p[2] * x, p[3])),
                p[0] - p[1] / log(x + 1),
            };
            assert_near(hpo_curve_family_value(k, p, x), want[k], 1e-9, 1e-12);
        }
    }
}

enum { SAMPLES = 120, MAX = 64 };

static double forecast(hpo_curve_ensemble *e, const double *t, const double *y, size_t n, uint64_t seed,
                       double *low, double *high)
{
    hpo_error err;
    hpo_rng rng;
    double mean[SAMPLES], sd[SAMPLES];
    hpo_rng_init(&rng, seed, 0, HPO_RNG_USER);
    assert_ok(hpo_curve_ensemble_sample(e, t, y, n, &rng, SAMPLES, mean, sd, &err), err);
    *low = hpo_curve_samples_quantile(mean, sd, SAMPLES, 0.05);
    *high = hpo_curve_samples_quantile(mean, sd, SAMPLES, 0.95);
    double median = hpo_curve_samples_quantile(mean, sd, SAMPLES, 0.5);
    assert_near(hpo_curve_samples_below(mean, sd, SAMPLES, median), 0.5, 0, 1e-4);
    return median;
}

/* Curves like those of training, each family, half of each seen. */
static void test_forecasts(void **state)
{
    (void)state;
    hpo_error err;
    hpo_curve_ensemble *e;
    hpo_rng rng;
    static const double p[HPO_CURVE_FAMILIES][4] = {
        {-.3, -2, .02},   {.9, .7, .6},     {.2, 1.3},         {.9, 1.2, 6},
        {.85, 1.5, -1.1}, {.9, .6, 1, .8},  {.9, .1, .1, 1.3}, {.85, .15, -.4, .7},
        {.9, .1, .1, .8}, {.9, .1, .08, 1}, {1, .6},
    };
    assert_ok(hpo_curve_ensemble_create(&e, &err), err);
    hpo_rng_init(&rng, 4, 0, HPO_RNG_USER);
    size_t inside = 0, of = 0, step = T_INSTRUMENTED ? 6 : 1;
    double error = 0, last = 0;
    for (size_t k = 0; k < HPO_CURVE_FAMILIES; k += step) {
        double t[MAX], y[MAX], low, high, end = 1 - hpo_curve_family_value(k, p[k], 100);
        for (size_t i = 0; i < 20; i++) {
            t[i] = .025 * (double)(i + 1);
            y[i] = 1 - hpo_curve_family_value(k, p[k], 1 + 99 * t[i]) + .005 * hpo_rng_normal(&rng);
        }
        double m = forecast(e, t, y, 20, k, &low, &high);
        end += .005 * hpo_rng_normal(&rng);
        error += fabs(m - end);
        last += fabs(y[19] - end);
        inside += low <= end && end <= high;
        of++;
    }
    hpo_curve_ensemble_free(e);
    if (T_INSTRUMENTED) return;
    assert_true(10 * inside >= 8 * of);
    assert_true(error < 0.6 * last && error / (double)of < 0.02);
}

/* A long complete curve leaves the noise as the only unknown: its interval is about that of N(value, s^2).
 * (Its 64 reports count as nine.) */
static void test_known_end(void **state)
{
    (void)state;
    hpo_error err;
    hpo_curve_ensemble *e;
    hpo_rng rng;
    double t[MAX], y[MAX], low, high;
    assert_ok(hpo_curve_ensemble_create(&e, &err), err);
    hpo_rng_init(&rng, 6, 0, HPO_RNG_USER);
    for (size_t i = 0; i < MAX; i++) {
        t[i] = (double)(i + 1) / MAX;
        y[i] = .2 + .5 * exp(-5 * t[i]) + .02 * hpo_rng_normal(&rng);
    }
    double m = forecast(e, t, y, MAX, 1, &low, &high);
    assert_near(m, .2 + .5 * exp(-5), 0, .025);
    assert_near(high - low, 2 * 1.645 * .02, .6, 0);
    /* the same draws again */
    double again_low, again_high, again = forecast(e, t, y, MAX, 1, &again_low, &again_high);
    assert_same_doubles(&m, &again, 1);
    /* a curve that only gets worse, and one that stands still */
    for (size_t i = 0; i < 10; i++)
        y[i] = .3 + .01 * (double)i;
    assert_true(isfinite(forecast(e, t, y, 10, 1, &low, &high)));
    for (size_t i = 0; i < 10; i++)
        y[i] = .5;
    m = forecast(e, t, y, 10, 1, &low, &high);
    assert_true(isfinite(m) && m < .52);
    assert_fails(hpo_curve_ensemble_sample(e, t, y, 1, &rng, 1, &m, &low, &err), HPO_EINVAL, err, "reports");
    hpo_curve_ensemble_free(e);
}

/* Of many reports a few are looked at, those at one time among them; they say what all say. */
static void test_dense_reports(void **state)
{
    (void)state;
    enum { N = 3000, EVERY = 60 };
    static double t[N], y[N];
    hpo_error err;
    hpo_curve_ensemble *e;
    double low, high;
    assert_ok(hpo_curve_ensemble_create(&e, &err), err);
    for (size_t i = 0; i < N; i++) {
        t[i] = fmax(.5 * (double)(i + 1) / N, 1. / 1024);
        y[i] = 1 - hpo_curve_family_value(6, (const double[]){.9, .1, .1, 1.3}, 1 + 99 * t[i]);
    }
    double dense = forecast(e, t, y, N, 1, &low, &high);
    double end = 1 - hpo_curve_family_value(6, (const double[]){.9, .1, .1, 1.3}, 100);
    assert_near(dense, end, 0, .03);
    assert_true(low < end && end < high);
    for (size_t i = 0; i < N / EVERY; i++) {
        t[i] = t[(i + 1) * EVERY - 1];
        y[i] = y[(i + 1) * EVERY - 1];
    }
    assert_near(forecast(e, t, y, N / EVERY, 1, &low, &high), dense, 0, .03);
    for (size_t i = 0; i < 100; i++) { /* all at one time */
        t[i] = 1. / 1024;
        y[i] = .7;
    }
    assert_true(isfinite(forecast(e, t, y, 100, 1, &low, &high)));
    hpo_curve_ensemble_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formulas),
        cmocka_unit_test(test_forecasts),
        cmocka_unit_test(test_known_end),
        cmocka_unit_test(test_dense_reports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
