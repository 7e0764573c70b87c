/* SPDX-License-Identifier: Apache-2.0 */
/* acq/joint: the variance of a normal distribution that is cut off, by integration; the value, by a surrogate
 * that was given the minimum as one more observation. */
#include "acq/internal.h"

#include "fake.h"
#include "math/rng.h"

/* Mean and variance of N(0, 1) above g, by Simpson's rule over 40 lengths of decay. */
static double cut_variance(double g)
{
    enum { N = 40000 };
    double low = fmax(g, -12), reach = g > 1 ? 40 / g : 14 - low, sum[3] = {0};
    for (int i = 0; i <= N; i++) {
        double t = reach * i / N, x = low + t, w = i == 0 || i == N ? 1 : i % 2 ? 4 : 2;
        double p = w * exp(-0.5 * (x * x - low * low)); /* relative to the edge */
        sum[0] += p;
        sum[1] += p * t;
        sum[2] += p * t * t;
    }
    double mean = sum[1] / sum[0];
    return sum[2] / sum[0] - mean * mean;
}

static void test_cut_variance(void **state)
{
    (void)state;
    static const double places[] = {-40, -6, -2, -0.5, 0, 0.5, 1, 3, 8, 20, 49, 51, 80};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        double g = places[i], rest, slope, e = 1e-4 * fmax(1, fabs(g));
        double v = hpo_acq_cut_variance(g, &rest, &slope);
        assert_near(v, cut_variance(g), 1e-6, 1e-9);
        assert_near(v + rest, 1, 0, 1e-12);
        double numeric =
            (hpo_acq_cut_variance(g + e, NULL, NULL) - hpo_acq_cut_variance(g - e, NULL, NULL)) / (2 * e);
        if (fabs(g - 50) > 2 * e) assert_near(slope, numeric, 1e-4, 1e-7);
    }
    /* half a normal distribution: 1 - 2 / pi */
    assert_near(hpo_acq_cut_variance(0, NULL, NULL), 1 - 2 / 3.14159265358979323846, 1e-14, 0);
    double below = hpo_acq_cut_variance(50, NULL, NULL),
           above = hpo_acq_cut_variance(nextafter(50, 51), NULL, NULL);
    assert_near(below, above, 1e-8, 0);
}

static void test_value(void **state)
{
    (void)state;
    enum { D = 2, N = 7 };
    const double noise = 1e-8; /* of the surrogate; as little is added to what is conditioned on */
    t_rng r = t_rng_create();
    hpo_error err;
    hpo_space *space;
    hpo_embed *embed;
    hpo_gp *gp;
    hpo_acq *a;
    hpo_rng rng;
    fake f, more;
    assert_ok(hpo_space_parse("a: 0..1; b: 0..1", &space, &err), err);
    assert_ok(hpo_space_freeze(space, &err), err);
    assert_ok(hpo_embed_create(space, &embed, &err), err);
    fake_init(&f, &r, N, D, noise);
    hpo_gp_options o = hpo_gp_defaults();
    assert_ok(hpo_gp_create(embed, &o, &gp, &err), err); /* functions are drawn from this one */
    assert_ok(hpo_gp_advance(gp, f.u, f.y, NULL, NULL, N, &err), err);
    hpo_posterior posterior = fake_posterior(&f);
    double pending[D] = {0.91, 0.13};
    for (int with = 0; with < 2; with++) {
        hpo_acq_options options = {.kind = HPO_ACQ_JOINT, .n_samples = 5, .pending = HPO_PENDING_BELIEVER};
        hpo_acq_context context = {.observed = f.u,
                                   .n_observed = N,
                                   .best = 0,
                                   .gp = gp,
                                   .pending = pending,
                                   .n_pending = (size_t)with};
        hpo_rng_init(&rng, 5, 0, HPO_RNG_USER);
        assert_ok(hpo_acq_create(space, &posterior, &options, &context, &rng, &a, &err), err);
        assert_int_equal(a->n_minima, 5);
        for (int k = 0; k < 20; k++) {
            double u[D] = {t_uniform(&r), t_uniform(&r)}, value = hpo_acq_value(a, u, NULL), sum = 0;
            fake base = f;
            if (with) { /* came in at its mean */
                memcpy(base.u + base.n * D, pending, sizeof pending);
                base.y[base.n++] = fake_mean(&f, pending);
                fake_fit(&base);
            }
            double before = fake_covariance(&base, u, u) + 2 * noise;
            for (size_t i = 0; i < a->n_minima; i++) {
                more = base;
                memcpy(more.u + more.n * D, a->minimum_at + i * D, D * sizeof *u);
                more.y[more.n++] = a->minima[i];
                fake_fit(&more);
                double mean = fake_mean(&more, u), sd = sqrt(fake_covariance(&more, u, u));
                double after = sd * sd * cut_variance((a->minima[i] - mean) / sd) + 2 * noise;
                sum += 0.5 * log(before / after);
            }
            assert_near(exp(value), sum / 5, 2e-3, 1e-6);
        }
        hpo_acq_free(a);
    }
    hpo_gp_free(gp);
    hpo_embed_free(embed);
    hpo_space_free(space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cut_variance), cmocka_unit_test(test_value)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
