/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes of learning curves against their formulas, the bank against dense Gaussian algebra, and what a study
 * of curves must keep to: the order of reports, units, failures. */
#include "t.h"

#include "math/dist.h"
#include "math/linalg.h"
#include "math/rng.h"
#include "math/stats.h"
#include "model/curve_shape.h"
#include "model/curves.h"

/* ---- shapes ----------------------------------------------------------------------------------------- */

static void test_shape_formulas(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    for (T_ROUNDS(i, 200)) {
        double p = pow(10, t_between(&r, 0.01, 3)), t_sat = t_between(&r, 0.05, 3), t = t_sat * t_uniform(&r);
        double a[4] = {t_between(&r, 0.3, 8), t_between(&r, 0.2, 4), exp(t_between(&r, -7, -1)),
                       t_between(&r, 0.5, 4)};
        double l = 1 + a[2];
        const double want[4] = {
            pow((pow(p, 1 / a[0]) - 1) * t / t_sat + 1, -a[0]),
            pow(p, -pow(t / t_sat, a[1])),
            log(l) / log((pow(l, p) - l) * t / t_sat + l),
            1 / (pow(t / t_sat, a[3]) * (p - 1) + 1),
        };
        for (size_t k = 0; k < 4; k++) {
            hpo_curve_shape s = {
                .a = {a[0], a[1], a[2], a[3]}, .saturation = t_sat, .factor = p, .speed = -0.5};
            s.weight[k] = 1;
            assert_near(hpo_curve_shape_value(&s, t), want[k], 1e-6, 0);
            assert_near(hpo_curve_shape_value(&s, t_sat), 1 / p, 1e-9, 0);
            assert_near(hpo_curve_shape_value(&s, 0), 1, 0, 0);
            /* past saturation time runs back at half the speed */
            assert_near(hpo_curve_shape_value(&s, 1.5 * t_sat), hpo_curve_shape_value(&s, 0.75 * t_sat),
                        1e-12, 0);
            assert_near(hpo_curve_shape_value(&s, 9 * t_sat), 1, 0, 0);
        }
    }
}

/* Distance of Kolmogorov and Smirnov from the normal distribution; the 1 % bound is 1.63 / sqrt n. */
static double distance(double *z, size_t n)
{
    size_t *order = malloc(n * sizeof *order);
    double worst = 0;
    hpo_argsort(z, n, order);
    for (size_t i = 0; i < n; i++) {
        double f = hpo_normal_cdf(z[order[i]]);
        worst = fmax(worst, fmax(f - (double)i / (double)n, (double)(i + 1) / (double)n - f));
    }
    free(order);
    return worst;
}

/* Marginals of the prior: ln a ~ N(1, 1), N(0, 1), N(-4, 1), N(.5, .5), the weights' means 1/4. */
static void test_shape_prior(void **state)
{
    (void)state;
    enum { N = 4000 };
    static double z[4][N], unit[3][N];
    double mean[4] = {0}, m[4] = {1, 0, -4, 0.5}, sd[4] = {1, 1, 1, 0.5};
    hpo_rng rng;
    hpo_rng_init(&rng, 5, 0, HPO_RNG_USER);
    for (size_t i = 0; i < N; i++) {
        double u[HPO_CURVE_SHAPE_DIMS], before = 1;
        hpo_curve_shape s;
        hpo_rng_uniforms(&rng, u, HPO_CURVE_SHAPE_DIMS);
        hpo_curve_shape_from(u, &s);
        for (size_t k = 0; k < 4; k++) {
            z[k][i] = (log(s.a[k]) - m[k]) / sd[k];
            mean[k] += s.weight[k] / N;
        }
        unit[0][i] = hpo_normal_quantile(fmin(fmax(log10(s.factor) / 3, 1e-9), 1 - 1e-9));
        unit[1][i] = hpo_normal_quantile(fmin(fmax(exp(s.speed - 1), 1e-9), 1 - 1e-9)); /* 1 - Exp(1) */
        /* Beta(1, 3) */
        unit[2][i] = hpo_normal_quantile(1 - pow(1 - s.weight[0], 3));
        for (double t = 0; t < s.saturation; t += s.saturation / 16) {
            double v = hpo_curve_shape_value(&s, t);
            assert_true(v > 0 && v <= before);
            before = v;
        }
    }
    for (size_t k = 0; k < 4; k++) {
        assert_true(distance(z[k], N) < 1.63 / sqrt(N));
        assert_near(mean[k], 0.25, 0, 0.01);
    }
    for (size_t k = 0; k < 3; k++)
        assert_true(distance(unit[k], N) < 1.63 / sqrt(N));
}

/* ---- the bank against dense algebra ----------------------------------------------------------------- */

enum { REPORTS = 5, ALL = REPORTS + 1 };

/* log N(y_1..n; mean, C) and the conditional moments of the last entry. */
static double dense(const double *mean, double *c, const double *y, double *at_mean, double *at_var)
{
    double d[ALL], k[REPORTS];
    for (size_t i = 0; i < REPORTS; i++) {
        d[i] = y[i] - mean[i];
        k[i] = c[REPORTS * ALL + i];
    }
    double own = c[REPORTS * ALL + REPORTS];
    assert_int_equal(hpo_cholesky(c, REPORTS, ALL), 0);
    hpo_solve_lower(c, REPORTS, ALL, d);
    hpo_solve_lower(c, REPORTS, ALL, k);
    *at_mean = mean[REPORTS] + hpo_dot(d, k, REPORTS);
    *at_var = own - hpo_dot(k, k, REPORTS);
    return -0.5 *
           (hpo_dot(d, d, REPORTS) + hpo_cholesky_logdet(c, REPORTS, ALL) + REPORTS * log(2 * acos(-1)));
}

/* All particles of a small bank by joint normal distributions of reports and forecast.  Reports are e^(1/2)
 * apart: each counts in full. */
static void test_dense(void **state)
{
    (void)state;
    hpo_error err;
    hpo_curve_bank *b;
    hpo_curve *c;
    hpo_curve_posterior *p;
    static const double noise[] = {0.004, 0.012, 0.04, 0.13}, length[] = {0, 2, 10};
    const double t[ALL] = {0.05, 0.05 * exp(.6), 0.05 * exp(1.2), 0.05 * exp(1.8), 0.05 * exp(2.4), 0.9};
    const double y[REPORTS] = {0.9, 0.7, 0.66, 0.5, 0.47};
    hpo_curve_prior prior = {.end = 0.3, .end_sd = 0.5, .start = 1.1, .start_sd = 0.3};
    assert_ok(hpo_curve_bank_create(24, 3, &b, &err), err);
    assert_ok(hpo_curve_create(b, &c, &err), err);
    assert_ok(hpo_curve_posterior_create(b, &p, &err), err);
    assert_int_equal(hpo_curve_bank_n_shapes(b), 24);
    double total = 0, sum = 0, square = 0, below = 0, share[24] = {0}, squares = 0;
    for (size_t i = 0; i < 24; i++) {
        double h = hpo_curve_bank_shape(b, i, 1), e = 1 / (.5 * .5), s = 1 / (.3 * .3);
        double l11 = 1 + e * (1 - h) * (1 - h), l12 = e * (1 - h) * h, l22 = s + e * h * h,
               det = l11 * l22 - l12 * l12;
        double u = 0.2 + e * (1 - h) * .3, v = s * 1.1 + e * h * .3;
        double a = (l22 * u - l12 * v) / det, start = (l11 * v - l12 * u) / det;
        for (size_t k = 0; k < 4; k++) {
            double mean[ALL], cov[ALL * ALL], m, var;
            double low = k == 0 ? 0 : hpo_normal_cdf(log(sqrt(noise[k - 1] * noise[k])) + 5);
            double high = k == 3 ? 1 : hpo_normal_cdf(log(sqrt(noise[k] * noise[k + 1])) + 5);
            for (size_t x = 0; x < ALL; x++) {
                double g = hpo_curve_bank_shape(b, i, t[x]);
                mean[x] = a * (1 - g) + start * g;
                for (size_t z = 0; z < ALL; z++) {
                    double f = hpo_curve_bank_shape(b, i, t[z]), l = length[i % 3];
                    double corr = x == z ? 1 : l > 0 ? exp(-fabs(log(t[x] / t[z])) / l) : 0;
                    cov[x * ALL + z] =
                        (l22 * (1 - g) * (1 - f) - l12 * ((1 - g) * f + g * (1 - f)) + l11 * g * f) / det +
                        noise[k] * noise[k] * corr;
                }
            }
            double w = exp(dense(mean, cov, y, &m, &var)) * (high - low) / 24;
            total += w;
            share[i] += w;
            sum += w * m;
            square += w * (var + m * m);
            below += w * hpo_normal_cdf((0.4 - m) / sqrt(var));
        }
    }
    for (size_t i = 0; i < 24; i++)
        squares += share[i] * share[i];
    for (size_t i = 0; i < REPORTS; i++)
        assert_true(hpo_curve_add(c, t[i], y[i]));
    assert_false(hpo_curve_add(c, t[4], 0.1)); /* time does not stand still */
    assert_int_equal(hpo_curve_n(c), REPORTS);
    double mean, var;
    hpo_curve_posterior_set(p, c, &prior);
    hpo_curve_posterior_at(p, 0.9);
    hpo_curve_posterior_moments(p, &mean, &var);
    assert_near(hpo_curve_posterior_evidence(p), log(total), 0, 1e-4);
    assert_near(hpo_curve_posterior_effective(p), total * total / squares, 1e-3, 0);
    assert_near(mean, sum / total, 0, 2e-4); /* particles below 1e-4 of the largest are left out */
    assert_near(sqrt(var), sqrt(square / total - mean * mean), 0, 1e-3);
    assert_near(hpo_curve_posterior_below(p, 0.4), below / total, 0, 1e-3);
    hpo_curve_posterior_free(p);
    hpo_curve_free(c);
    hpo_curve_bank_free(b);
}

/* Quantiles invert probabilities; the expected improvement is the integral of the distribution function. */
static void test_mixture(void **state)
{
    (void)state;
    hpo_error err;
    hpo_curve_bank *b;
    hpo_curve *c;
    hpo_curve_posterior *p;
    hpo_curve_prior prior = hpo_curve_prior_default();
    assert_ok(hpo_curve_bank_create(0, 3, &b, &err), err);
    assert_ok(hpo_curve_create(b, &c, &err), err);
    assert_ok(hpo_curve_posterior_create(b, &p, &err), err);
    for (size_t n = 0; n < 12; n++) {
        if (n > 0) assert_true(hpo_curve_add(c, 0.02 * (double)n, 0.3 + 0.6 * exp(-0.3 * (double)n)));
        hpo_curve_posterior_set(p, n > 0 ? c : NULL, &prior);
        hpo_curve_posterior_at(p, 1);
        for (double q = 0.01; q < 1; q += 0.07)
            assert_near(hpo_curve_posterior_below(p, hpo_curve_posterior_quantile(p, q)), q, 0, 1e-5);
        double sum = 0, step = 0.002, latent, mean, var, all;
        for (size_t i = 0; i < 3200; i++)
            sum += step * hpo_curve_posterior_below(p, 0.4 - step * ((double)i + 0.5));
        assert_near(hpo_curve_posterior_improvement(p, 0.4), sum, 1e-3, 1e-5);
        hpo_curve_posterior_latent(p, &latent, &var);
        hpo_curve_posterior_moments(p, &mean, &all);
        assert_near(latent, mean, 1e-12, 0);
        assert_true(var <= all);
    }
    hpo_curve_posterior_free(p);
    hpo_curve_free(c);
    hpo_curve_bank_free(b);
}

/* ---- a study of curves ------------------------------------------------------------------------------ */

static double made_up(size_t trial, double r, double scale, double shift)
{
    double end = 0.1 + 0.05 * (double)(trial % 7), tau = 5 + (double)(trial % 3) * 10;
    return shift + scale * (end + (0.9 - end) * exp(-r / tau) + 0.01 * sin((double)trial + 3 * r));
}

static hpo_curves *study(size_t n, double scale, double shift)
{
    hpo_error err;
    hpo_curves *c;
    assert_ok(hpo_curves_create(81, 9, &c, &err), err);
    for (size_t i = 0; i < n; i++)
        for (size_t r = 1; r <= (i % 4 == 0 ? 81u : 27u); r++)
            assert_ok(hpo_curves_report(c, i, (double)r, made_up(i, (double)r, scale, shift), &err), err);
    return c;
}

/* Units of the user do not matter; what was freed and folded again is the same to the bit. */
static void test_study(void **state)
{
    (void)state;
    hpo_error err;
    hpo_curves *c = study(12, 1, 0), *d = study(12, 1000, -70);
    hpo_curves_forecast f, g, again;
    for (size_t i = 0; i < 13; i++) { /* 12: not begun */
        assert_ok(hpo_curves_focus(c, i, NULL, &err), err);
        hpo_curves_forecast_at(c, 81, &f);
        assert_ok(hpo_curves_focus(d, i, NULL, &err), err);
        hpo_curves_forecast_at(d, 81, &g);
        assert_near(g.median, 1000 * f.median - 70, 1e-6, 1e-3);
        assert_near(g.low, 1000 * f.low - 70, 1e-6, 1e-3);
        assert_true(f.low <= f.median && f.median <= f.high);
        hpo_curves_close(c, i);
        assert_ok(hpo_curves_focus(c, i, NULL, &err), err);
        hpo_curves_forecast_at(c, 81, &again);
        assert_same_doubles(&f.low, &again.low, 1);
        assert_same_doubles(&f.evidence, &again.evidence, 1);
        double median = hpo_curves_quantile(c, 81, 0.5);
        assert_near(median, f.median, 1e-12, 0);
        if (i % 4 != 0) /* the end of a complete curve is where it was seen: an atom */
            assert_near(hpo_curves_below(c, 81, median), 0.5, 0, 1e-4);
    }
    /* a complete curve is known */
    assert_ok(hpo_curves_focus(c, 0, NULL, &err), err);
    hpo_curves_forecast_at(c, 81, &f);
    assert_true(f.low < made_up(0, 81, 1, 0) && made_up(0, 81, 1, 0) < f.high && f.high - f.low < 0.12);
    /* a good one of 27 epochs beats a bad one; more is known than of one that has not begun */
    assert_ok(hpo_curves_focus(c, 7, NULL, &err), err);
    double good = hpo_curves_below(c, 81, 0.25);
    assert_ok(hpo_curves_focus(c, 6, NULL, &err), err);
    double bad = hpo_curves_below(c, 81, 0.25);
    assert_true(good > 0.8 && bad < 0.2);
    hpo_curves_free(c);
    hpo_curves_free(d);
}

static void test_trouble(void **state)
{
    (void)state;
    hpo_error err;
    hpo_curves *c;
    hpo_curves_forecast f;
    assert_fails(hpo_curves_create(0, 1, &c, &err), HPO_EINVAL, err, "max_resource");
    assert_ok(hpo_curves_create(10, 1, &c, &err), err);
    assert_fails(hpo_curves_focus(c, 0, NULL, &err), HPO_EINVAL, err, "two different values");
    assert_ok(hpo_curves_report(c, 0, 1, 5, &err), err);
    assert_ok(hpo_curves_report(c, 0, 1, 3, &err), err); /* not beyond: nothing */
    assert_ok(hpo_curves_report(c, 0, 2, 5, &err), err);
    assert_int_equal(hpo_curves_n_reports(c, 0), 2);
    assert_fails(hpo_curves_focus(c, 0, NULL, &err), HPO_EINVAL, err, "two different values");
    assert_ok(hpo_curves_report(c, 1, 0, 1e300, &err), err);
    assert_ok(hpo_curves_report(c, 2, 0, -1e300, &err), err);
    assert_ok(hpo_curves_report(c, 3, 1, INFINITY, &err), err);
    assert_fails(hpo_curves_focus(c, 3, NULL, &err), HPO_EINVAL, err, "failed");
    for (size_t i = 0; i < 5; i++) {
        if (i == 3) continue;
        assert_ok(hpo_curves_focus(c, i, NULL, &err), err);
        hpo_curves_forecast_at(c, 10, &f);
        assert_true(isfinite(f.median) && f.low <= f.high);
    }
    assert_fails(hpo_curves_report(c, 0, -1, 3, &err), HPO_EINVAL, err, "resource");
    hpo_curves_free(c);
}

/* 90 % intervals hold curves drawn from the prior at least so often, and not always. */
static void test_calibration(void **state)
{
    (void)state;
    hpo_error err;
    hpo_rng rng;
    hpo_curves *c = study(4, 1, 0);
    size_t inside = 0, n = T_INSTRUMENTED ? 30 : 400;
    hpo_rng_init(&rng, 17, 0, HPO_RNG_USER);
    for (size_t i = 0; i < n; i++) {
        double u[HPO_CURVE_SHAPE_DIMS], noise = exp(-5 + hpo_rng_normal(&rng)), y = 0;
        hpo_curve_shape s;
        hpo_curves_forecast f;
        hpo_rng_uniforms(&rng, u, HPO_CURVE_SHAPE_DIMS);
        hpo_curve_shape_from(u, &s);
        hpo_curve_prior prior = hpo_curves_prior(c);
        double start = prior.start + prior.start_sd * hpo_rng_normal(&rng), a = -1,
               g = hpo_curve_shape_value(&s, 1);
        while (a < 0) /* ends within what is plausible */
            a = prior.end + prior.end_sd * hpo_rng_normal(&rng);
        for (size_t r = 1; r <= 81; r++) {
            double h = hpo_curve_shape_value(&s, (double)r / 81), share = g < 0.9 ? (h - g) / (1 - g) : h;
            y = a + (start - a) * share + noise * hpo_rng_normal(&rng);
            if (r <= 20)
                assert_ok(hpo_curves_report(c, 10 + i, (double)r, hpo_curves_from_units(c, y), &err), err);
        }
        assert_ok(hpo_curves_focus(c, 10 + i, NULL, &err), err);
        hpo_curves_forecast_at(c, 81, &f);
        inside += hpo_curves_to_units(c, f.low) <= y && y <= hpo_curves_to_units(c, f.high);
        hpo_curves_close(c, 10 + i);
    }
    if (!T_INSTRUMENTED) assert_in_range(inside, 340, 396);
    hpo_curves_free(c);
}

static hpo_status without_memory(void *ctx, hpo_error *err)
{
    (void)ctx;
    hpo_curves *c;
    hpo_status s = hpo_curves_create(9, 1, &c, err);
    if (s != HPO_OK) return s;
    for (size_t i = 0; s == HPO_OK && i < 40; i++)
        s = hpo_curves_report(c, i % 3, 1 + (double)(i / 3), 1 / (1 + (double)i), err);
    if (s == HPO_OK) s = hpo_curves_focus(c, 1, NULL, err);
    hpo_curves_free(c);
    return s;
}

static void test_memory(void **state)
{
    (void)state;
    t_oom(without_memory, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shape_formulas), cmocka_unit_test(test_shape_prior),
        cmocka_unit_test(test_dense),          cmocka_unit_test(test_mixture),
        cmocka_unit_test(test_study),          cmocka_unit_test(test_trouble),
        cmocka_unit_test(test_calibration),    cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
