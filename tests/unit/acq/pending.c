/* SPDX-License-Identifier: Apache-2.0 */
/* acq/pending, noisy, knowledge, entropy: against brute force. */
#include "acq/acquisition.h"

#include "fake.h"
#include "math/rng.h"

enum { DIMS = 2, DRAWS = 200000 };

typedef struct scene {
    hpo_space *space;
    fake f;
    hpo_posterior posterior;
    double pending[2 * DIMS];
    hpo_acq_context context;
} scene;

static void setup(scene *s, double noise)
{
    hpo_error err;
    memset(s, 0, sizeof *s);
    t_rng r = t_rng_create();
    assert_ok(hpo_space_parse("a: 0..1; b: 0..1", &s->space, &err), err);
    assert_ok(hpo_space_freeze(s->space, &err), err);
    fake_init(&s->f, &r, 6, DIMS, noise);
    s->posterior = fake_posterior(&s->f);
    for (int k = 0; k < 2 * DIMS; k++)
        s->pending[k] = t_uniform(&r);
    s->context = (hpo_acq_context){
        .observed = s->f.u, .n_observed = s->f.n, .best = -0.1, .pending = s->pending, .n_pending = 2};
}

static hpo_acq *create(scene *s, const hpo_acq_options *o)
{
    hpo_error err;
    hpo_rng rng;
    hpo_acq *a;
    hpo_rng_init(&rng, 5, 0, HPO_RNG_USER);
    assert_ok(hpo_acq_create(s->space, &s->posterior, o, &s->context, &rng, &a, &err), err);
    return a;
}

/* Lower factor of the posterior covariance of n points. */
static void joint(const fake *f, const double *u, size_t n, double *mean, double *l)
{
    for (size_t i = 0; i < n; i++) {
        mean[i] = fake_mean(f, u + i * DIMS);
        for (size_t j = 0; j <= i; j++) {
            double sum = fake_covariance(f, u + i * DIMS, u + j * DIMS) + (i == j ? 1e-12 : 0);
            for (size_t k = 0; k < j; k++)
                sum -= l[i * n + k] * l[j * n + k];
            l[i * n + j] = i == j ? sqrt(fmax(sum, 1e-20)) : sum / l[j * n + j];
        }
    }
}

/* What x adds to the batch: E max(0, min(best, f(pending)) - f(x)), without noise. */
static void test_fantasies(void **state)
{
    (void)state;
    scene s;
    setup(&s, 1e-9);
    hpo_acq_options o = {.kind = HPO_ACQ_LOG_EI, .pending = HPO_PENDING_FANTASY, .n_samples = 4096};
    hpo_acq *a = create(&s, &o);
    t_rng r = t_rng_create();
    for (int trial = 0; trial < 4; trial++) {
        double u[3 * DIMS], mean[3], l[9], sum = 0, square = 0;
        memcpy(u, s.pending, sizeof s.pending);
        u[4] = t_uniform(&r);
        u[5] = t_uniform(&r);
        joint(&s.f, u, 3, mean, l);
        for (int i = 0; i < DRAWS; i++) {
            double z[3] = {t_normal(&r), t_normal(&r), t_normal(&r)}, f[3];
            for (int j = 0; j < 3; j++) {
                f[j] = mean[j];
                for (int k = 0; k <= j; k++)
                    f[j] += l[j * 3 + k] * z[k];
            }
            double gain = fmax(0, fmin(s.context.best, fmin(f[0], f[1])) - f[2]);
            sum += gain;
            square += gain * gain;
        }
        double expected = sum / DRAWS, error = sqrt((square / DRAWS - expected * expected) / DRAWS);
        assert_near(hpo_exp(hpo_acq_value(a, u + 4, NULL)), expected, 5e-3, 4 * error);
    }
    hpo_acq_free(a);
    hpo_space_free(s.space);
}

/* With noise the fantasy is an observation: the average over refits with draws of y.  The draws are the
 * library's own in number only; both sides are exact means up to Monte-Carlo error. */
static void test_noisy_fantasies(void **state)
{
    (void)state;
    enum { REFITS = 4000 };
    scene s;
    setup(&s, 0.2);
    s.context.n_pending = 1;
    hpo_acq_options o = {.kind = HPO_ACQ_LOG_EI, .pending = HPO_PENDING_FANTASY, .n_samples = 4096};
    hpo_acq *a = create(&s, &o);
    t_rng r = t_rng_create();
    double u[DIMS] = {0.45, 0.3}, sum = 0, square = 0;
    double mu = fake_mean(&s.f, s.pending), var = fake_covariance(&s.f, s.pending, s.pending);
    for (int i = 0; i < REFITS; i++) {
        fake g = s.f;
        memcpy(g.u + g.n * DIMS, s.pending, DIMS * sizeof(double));
        g.y[g.n++] = mu + sqrt(var + 0.2) * t_normal(&r);
        fake_fit(&g);
        double m, v, best = fmin(s.context.best, fake_mean(&g, s.pending));
        fake_moments(&g, u, 1, &m, &v);
        double gain = hpo_exp(hpo_acq_log_ei(m, sqrt(v), best, NULL, NULL));
        sum += gain;
        square += gain * gain;
    }
    double expected = sum / REFITS, error = sqrt((square / REFITS - expected * expected) / REFITS);
    assert_near(hpo_exp(hpo_acq_value(a, u, NULL)), expected, 2e-3, 4 * error);
    hpo_acq_free(a);
    hpo_space_free(s.space);
}

/* The believer is the model refitted with the means at the pending points. */
static void test_believer(void **state)
{
    (void)state;
    scene s;
    setup(&s, 0.05);
    fake g = s.f;
    for (int i = 0; i < 2; i++) {
        memcpy(g.u + g.n * DIMS, s.pending + i * DIMS, DIMS * sizeof(double));
        g.y[g.n++] = fake_mean(&s.f, s.pending + i * DIMS);
    }
    fake_fit(&g);
    t_rng r = t_rng_create();
    hpo_acq_options ei = {.kind = HPO_ACQ_LOG_EI, .pending = HPO_PENDING_BELIEVER};
    hpo_acq_options lcb = {.kind = HPO_ACQ_LCB, .pending = HPO_PENDING_FANTASY, .beta = 2};
    hpo_acq *a = create(&s, &ei), *b = create(&s, &lcb);
    double best = fmin(s.context.best, fmin(g.y[g.n - 1], g.y[g.n - 2]));
    for (int i = 0; i < 50; i++) {
        double u[DIMS] = {t_uniform(&r), t_uniform(&r)}, m, v;
        fake_moments(&g, u, 1, &m, &v);
        assert_near(hpo_acq_value(a, u, NULL), hpo_acq_log_ei(m, sqrt(v), best, NULL, NULL), 1e-6, 1e-6);
        assert_near(hpo_acq_value(b, u, NULL), 2 * sqrt(v) - m, 1e-7, 1e-7);
    }
    hpo_acq_free(a);
    hpo_acq_free(b);
    hpo_space_free(s.space);
}

/* Every rule but IGNORE makes a pending point less attractive than it was, and hardly changes one far off. */
static void test_pending_points_repel(void **state)
{
    (void)state;
    static const hpo_acq_kind kinds[] = {HPO_ACQ_LOG_EI, HPO_ACQ_LOG_PI, HPO_ACQ_LCB, HPO_ACQ_KNOWLEDGE};
    scene s;
    setup(&s, 1e-6);
    s.f.length = 0.12;
    fake_fit(&s.f);
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        hpo_acq_options o = {.kind = kinds[k], .pending = HPO_PENDING_IGNORE, .beta = 2};
        hpo_acq *plain = create(&s, &o);
        for (int rule = HPO_PENDING_FANTASY; rule <= HPO_PENDING_PENALTY; rule++) {
            o.pending = (hpo_pending_rule)rule;
            hpo_acq *a = create(&s, &o);
            double drop = hpo_acq_value(plain, s.pending, NULL) - hpo_acq_value(a, s.pending, NULL);
            assert_true(drop > 0.3);
            double far[DIMS] = {s.pending[0] < 0.5 ? 1 : 0, s.pending[1] < 0.5 ? 1 : 0};
            double there = hpo_acq_value(plain, far, NULL) - hpo_acq_value(a, far, NULL);
            assert_true(there < drop);
            hpo_acq_free(a);
        }
        hpo_acq_free(plain);
    }
    hpo_space_free(s.space);
}

/* Local penalisation by its formula, where the slope bound is known: at distance 0 it is ln Phi of how far
 * the mean there is from the best. */
static void test_penalty_bounds(void **state)
{
    (void)state;
    scene s;
    setup(&s, 1e-6);
    s.context.n_pending = 1;
    hpo_acq_options o = {.kind = HPO_ACQ_LOG_EI, .pending = HPO_PENDING_IGNORE};
    hpo_acq *plain = create(&s, &o);
    o.pending = HPO_PENDING_PENALTY;
    hpo_acq *a = create(&s, &o);
    double m, v, last = -HUGE_VAL;
    fake_moments(&s.f, s.pending, 1, &m, &v);
    double z = -fmax(m - s.context.best, 0) / sqrt(v);
    double at = hpo_acq_value(a, s.pending, NULL) - hpo_acq_value(plain, s.pending, NULL);
    assert_near(at, hpo_acq_log_pi(0, 1, z, NULL, NULL), 1e-9, 1e-9);
    for (double t = 0; t < 0.5; t += 0.01) { /* ln of a chance, rising with distance */
        double u[DIMS] = {s.pending[0] < 0.5 ? s.pending[0] + t : s.pending[0] - t, s.pending[1]};
        double pen = hpo_acq_value(a, u, NULL) - hpo_acq_value(plain, u, NULL);
        assert_true(pen <= 1e-12 && pen >= last - 1e-9);
        last = pen;
    }
    hpo_acq_free(plain);
    hpo_acq_free(a);
    hpo_space_free(s.space);
}

/* Pure exploration: inside the region the conditional sd, far outside negative. */
static void test_exploration(void **state)
{
    (void)state;
    scene s;
    setup(&s, 0.01);
    hpo_acq_options o = {.kind = HPO_ACQ_LCB, .pending = HPO_PENDING_PE, .beta = 1.8};
    hpo_acq *a = create(&s, &o);
    fake g = s.f;
    for (int i = 0; i < 2; i++, g.n++)
        memcpy(g.u + g.n * DIMS, s.pending + i * DIMS, DIMS * sizeof(double));
    fake_fit(&g);
    double level = HUGE_VAL;
    for (size_t i = 0; i < g.n; i++)
        level = fmin(level, fake_mean(&s.f, g.u + i * DIMS));
    t_rng r = t_rng_create();
    int inside = 0, outside = 0;
    for (int i = 0; i < 300; i++) {
        double u[DIMS] = {t_uniform(&r), t_uniform(&r)}, m, v, mc, vc;
        fake_moments(&s.f, u, 1, &m, &v);
        fake_moments(&g, u, 1, &mc, &vc);
        double excess = m - 1.8 * sqrt(v) - level;
        excess > 0 ? outside++ : inside++;
        assert_near(hpo_acq_value(a, u, NULL), sqrt(vc) - 10 * fmax(excess, 0), 1e-6, 1e-6);
    }
    assert_true(inside > 10 && outside > 10);
    hpo_acq_free(a);
    hpo_space_free(s.space);
}

/* Noisy EI: draws of all true values, the incumbent of each, EI of x jointly. */
static void test_noisy_ei(void **state)
{
    (void)state;
    scene s;
    setup(&s, 0.3);
    hpo_acq_options o = {.kind = HPO_ACQ_NOISY_EI, .pending = HPO_PENDING_FANTASY, .n_samples = 4096};
    hpo_acq *a = create(&s, &o);
    t_rng r = t_rng_create();
    for (int trial = 0; trial < 3; trial++) {
        enum { P = 9 }; /* 6 observed, 2 pending, x */
        double u[P * DIMS], mean[P], l[P * P] = {0}, sum = 0, square = 0;
        memcpy(u, s.f.u, 6 * DIMS * sizeof(double));
        memcpy(u + 6 * DIMS, s.pending, sizeof s.pending);
        do { /* where brute force has something to count */
            u[8 * DIMS] = t_uniform(&r);
            u[8 * DIMS + 1] = t_uniform(&r);
        } while (hpo_acq_value(a, u + 8 * DIMS, NULL) < -5);
        joint(&s.f, u, P, mean, l);
        for (int i = 0; i < DRAWS; i++) {
            double z[P], f = 0, best = HUGE_VAL;
            for (int j = 0; j < P; j++) {
                z[j] = t_normal(&r);
                f = mean[j];
                for (int k = 0; k <= j; k++)
                    f += l[j * P + k] * z[k];
                if (j + 1 < P) best = fmin(best, f);
            }
            sum += fmax(0, best - f);
            square += fmax(0, best - f) * fmax(0, best - f);
        }
        double expected = sum / DRAWS, error = sqrt((square / DRAWS - expected * expected) / DRAWS);
        assert_near(hpo_exp(hpo_acq_value(a, u + 8 * DIMS, NULL)), expected, 1e-2, 4 * error);
    }
    hpo_acq_free(a);
    hpo_space_free(s.space);
}

/* Knowledge gradient: refit with y at x drawn from its predictive distribution; how much lower is the least
 * mean over observed points and x? */
static void test_knowledge(void **state)
{
    (void)state;
    enum { REFITS = 20000 };
    scene s;
    setup(&s, 0.2);
    s.context.n_pending = 0;
    hpo_acq_options o = {.kind = HPO_ACQ_KNOWLEDGE};
    hpo_acq *a = create(&s, &o);
    t_rng r = t_rng_create();
    for (int trial = 0; trial < 2; trial++) {
        double u[DIMS] = {t_uniform(&r), t_uniform(&r)}, sum = 0, square = 0, before = HUGE_VAL;
        double mu = fake_mean(&s.f, u), var = fake_covariance(&s.f, u, u);
        for (size_t i = 0; i < s.f.n; i++)
            before = fmin(before, fake_mean(&s.f, s.f.u + i * DIMS));
        before = fmin(before, mu);
        fake g = s.f;
        memcpy(g.u + g.n * DIMS, u, sizeof u);
        g.n++;
        fake_fit(&g); /* the inverse does not depend on y */
        for (int i = 0; i < REFITS; i++) {
            g.y[g.n - 1] = mu + sqrt(var + 0.2) * t_normal(&r);
            double after = HUGE_VAL;
            for (size_t j = 0; j < g.n; j++)
                after = fmin(after, fake_mean(&g, g.u + j * DIMS));
            sum += before - after;
            square += (before - after) * (before - after);
        }
        double expected = sum / REFITS, error = sqrt((square / REFITS - expected * expected) / REFITS);
        assert_near(hpo_exp(hpo_acq_value(a, u, NULL)), expected, 1e-3, 4 * error);
    }
    hpo_acq_free(a);
    hpo_space_free(s.space);
}

/* Two pending trials at the same point, and one at an observed point: no harm. */
static void test_duplicates(void **state)
{
    (void)state;
    scene s;
    setup(&s, 1e-9);
    memcpy(s.pending + DIMS, s.pending, DIMS * sizeof(double));
    memcpy(s.pending, s.f.u, DIMS * sizeof(double));
    for (int rule = 0; rule < 5; rule++) {
        hpo_acq_options o = {.kind = HPO_ACQ_LOG_EI, .pending = (hpo_pending_rule)rule};
        hpo_acq *a = create(&s, &o);
        double u[DIMS] = {0.4, 0.9}, g[DIMS];
        assert_true(isfinite(hpo_acq_value(a, u, g)) && isfinite(g[0]) && isfinite(g[1]));
        assert_true(hpo_acq_value(a, s.pending, g) < HUGE_VAL);
        hpo_acq_free(a);
    }
    hpo_space_free(s.space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fantasies),      cmocka_unit_test(test_noisy_fantasies),
        cmocka_unit_test(test_believer),       cmocka_unit_test(test_pending_points_repel),
        cmocka_unit_test(test_penalty_bounds), cmocka_unit_test(test_exploration),
        cmocka_unit_test(test_noisy_ei),       cmocka_unit_test(test_knowledge),
        cmocka_unit_test(test_duplicates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
