/* SPDX-License-Identifier: Apache-2.0 */
/* acq/acquisition: every kind under every rule for pending trials, with everything that can weigh in: exact
 * gradients, blocks equal to single points, and what each part must be by its definition. */
#include "acq/acquisition.h"

#include "fake.h"
#include "math/dist.h"
#include "math/rng.h"

enum { DIMS = 3, N_KINDS = 9, N_RULES = 5 };
static const char *const kind_names[] = {HPO_ACQ_LABELS};
static const char *const rule_names[] = {HPO_PENDING_LABELS};

static hpo_space *space_of(const char *text)
{
    hpo_space *s;
    hpo_error err;
    assert_ok(hpo_space_parse(text, &s, &err), err);
    assert_ok(hpo_space_freeze(s, &err), err);
    return s;
}

typedef struct scene {
    hpo_space *space;
    hpo_embed *embed;
    hpo_gp *gp; /* real: for sample paths */
    hpo_success *success;
    fake f, cost, outcome[2];
    hpo_posterior posterior, log_cost, outcomes[2];
    double bounds[2], pending[2 * DIMS];
    hpo_acq_context context;
} scene;

static void setup(scene *s)
{
    hpo_error err;
    memset(s, 0, sizeof *s);
    t_rng r = t_rng_create();
    s->space = space_of("a: 0..1 prior 0.3 medium; b: log 1e-4..1 prior normal(0.2,0.3); c: logit 0.01..0.99 "
                        "prior beta(2,3)");
    fake_init(&s->f, &r, 9, DIMS, 0.01);
    fake_init(&s->cost, &r, 5, DIMS, 0.1);
    for (int i = 0; i < 2; i++) {
        fake_init(&s->outcome[i], &r, 6, DIMS, 0.05);
        s->outcomes[i] = fake_posterior(&s->outcome[i]);
        s->bounds[i] = 0.4 + i;
    }
    s->posterior = fake_posterior(&s->f);
    s->log_cost = fake_posterior(&s->cost);
    for (int k = 0; k < 2 * DIMS; k++)
        s->pending[k] = t_uniform(&r);
    assert_ok(hpo_embed_create(s->space, &s->embed, &err), err);
    hpo_gp_options o = hpo_gp_defaults();
    assert_ok(hpo_gp_create(s->embed, &o, &s->gp, &err), err);
    assert_ok(hpo_gp_advance(s->gp, s->f.u, s->f.y, NULL, NULL, s->f.n, &err), err);
    assert_ok(hpo_success_create(s->embed, &s->success, &err), err);
    uint8_t ok[9] = {1, 0, 1, 1, 0, 1, 1, 1, 0};
    assert_ok(hpo_success_fit(s->success, s->f.u, ok, 9, &err), err);
    s->context =
        (hpo_acq_context){.observed = s->f.u, .n_observed = s->f.n, .best = -0.3, .gp = s->gp, .n_told = 9};
}

static void teardown(scene *s)
{
    hpo_success_free(s->success);
    hpo_gp_free(s->gp);
    hpo_embed_free(s->embed);
    hpo_space_free(s->space);
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

static void check_gradient(hpo_acq *a, t_rng *r, const char *what, const char *rule)
{
    for (int i = 0; i < 12; i++) {
        double u[DIMS], g[DIMS], block[2 * DIMS];
        for (int k = 0; k < DIMS; k++)
            u[k] = t_between(r, 0.02, 0.98);
        double value = hpo_acq_value(a, u, g), plain = hpo_acq_value(a, u, NULL), out[2];
        if (!isfinite(value)) fail_msg("%s, %s: value %g", what, rule, value);
        assert_near(value, plain, 1e-12, 1e-12);
        memcpy(block, u, sizeof u);
        memcpy(block + DIMS, u, sizeof u);
        hpo_acq_values(a, block, 2, out);
        assert_near(out[0], value, 1e-12, 1e-12);
        assert_true(out[0] == out[1]);
        for (int k = 0; k < DIMS; k++) {
            const double e = 1e-5;
            double at = u[k];
            u[k] = at + e;
            double up = hpo_acq_value(a, u, NULL);
            u[k] = at - e;
            double down = hpo_acq_value(a, u, NULL);
            u[k] = at;
            double numeric = (up - down) / (2 * e);
            if (!(fabs(g[k] - numeric) <= 2e-4 * (fabs(numeric) + fabs(value)) + 1e-4))
                fail_msg("%s, %s: d/du[%d] = %.9g, by differences %.9g (value %g)", what, rule, k, g[k],
                         numeric, value);
        }
    }
}

static void test_gradients(void **state)
{
    (void)state;
    scene s;
    setup(&s);
    t_rng r = t_rng_create();
    for (int kind = 0; kind < N_KINDS; kind++)
        for (int rule = 0; rule < N_RULES; rule++) {
            s.context.pending = s.pending;
            s.context.n_pending = 2;
            hpo_acq_options o = {.kind = (hpo_acq_kind)kind,
                                 .pending = (hpo_pending_rule)rule,
                                 .lambda = 0.01,
                                 .n_samples = 16};
            hpo_acq *a = create(&s, &o);
            assert_true(hpo_acq_has_gradient(a));
            check_gradient(a, &r, kind_names[kind], rule_names[rule]);
            hpo_acq_free(a);
        }
    teardown(&s);
}

/* Everything at once. */
static void test_gradients_of_weights(void **state)
{
    (void)state;
    scene s;
    setup(&s);
    t_rng r = t_rng_create();
    s.context.success = s.success;
    s.context.log_cost = &s.log_cost;
    s.context.outcomes = s.outcomes;
    s.context.outcome_bound = s.bounds;
    s.context.n_outcomes = 2;
    s.context.prior_exponent = 0.7;
    for (int kind = 0; kind < N_KINDS; kind++) {
        hpo_acq_options o = {
            .kind = (hpo_acq_kind)kind, .cost_exponent = 0.6, .lambda = 0.05, .augmented = 1, .n_samples = 8};
        hpo_acq *a = create(&s, &o);
        check_gradient(a, &r, kind_names[kind], "all weights");
        hpo_acq_free(a);
    }
    teardown(&s);
}

static void test_parts(void **state)
{
    (void)state;
    scene s;
    setup(&s);
    double u[DIMS] = {0.4, 0.6, 0.2}, mean, var, m, v, expected;
    fake_moments(&s.f, u, 1, &mean, &var);
    hpo_acq_options o = {.kind = HPO_ACQ_LOG_EI};
    hpo_acq *a = create(&s, &o);
    double ei = hpo_acq_value(a, u, NULL);
    assert_near(ei, hpo_acq_log_ei(mean, sqrt(var), -0.3, NULL, NULL), 1e-14, 0);
    hpo_acq_free(a);

    /* EI per cost^0.5 */
    s.context.log_cost = &s.log_cost;
    o.cost_exponent = 0.5;
    a = create(&s, &o);
    fake_moments(&s.cost, u, 1, &m, &v);
    assert_near(hpo_acq_value(a, u, NULL), ei - 0.5 * m, 1e-13, 0);
    hpo_acq_free(a);
    o.cost_exponent = 0;

    /* constrained */
    s.context.outcomes = s.outcomes;
    s.context.outcome_bound = s.bounds;
    s.context.n_outcomes = 2;
    a = create(&s, &o);
    expected = ei;
    for (int i = 0; i < 2; i++) {
        fake_moments(&s.outcome[i], u, 1, &m, &v);
        expected += hpo_normal_logcdf((s.bounds[i] - m) / sqrt(v));
    }
    assert_near(hpo_acq_value(a, u, NULL), expected, 1e-13, 0);
    hpo_acq_free(a);
    /* nothing feasible known: only feasibility counts */
    s.context.best = HUGE_VAL;
    a = create(&s, &o);
    assert_near(hpo_acq_value(a, u, NULL), expected - ei, 1e-12, 0);
    hpo_acq_free(a);
    s.context.best = -0.3;
    s.context.n_outcomes = 0;

    /* chance of success */
    s.context.success = s.success;
    a = create(&s, &o);
    assert_near(hpo_acq_value(a, u, NULL), ei + hpo_success_log_probability(s.success, u, NULL), 1e-13, 0);
    hpo_acq_free(a);
    s.context.success = NULL;

    /* LCB with a number and with the schedule sqrt((2 + d/2) ln t + ln(100 pi^2)) */
    o.kind = HPO_ACQ_LCB;
    o.beta = 1.8;
    a = create(&s, &o);
    assert_near(hpo_acq_value(a, u, NULL), 1.8 * sqrt(var) - mean, 1e-14, 0);
    hpo_acq_free(a);
    o.beta = 0;
    a = create(&s, &o);
    double beta = sqrt((2 + DIMS / 2.0) * hpo_log(9) + hpo_log(9.869604401089358 / 0.01));
    assert_near(hpo_acq_value(a, u, NULL), beta * sqrt(var) - mean, 1e-13, 0);
    hpo_acq_free(a);

    /* PBGI with a cost model: the definition */
    o.kind = HPO_ACQ_PBGI;
    o.lambda = 0.02;
    a = create(&s, &o);
    double g = -hpo_acq_value(a, u, NULL);
    fake_moments(&s.cost, u, 1, &m, &v);
    assert_near(hpo_acq_log_ei(mean, sqrt(var), g, NULL, NULL), hpo_log(0.02) + m, 1e-12, 1e-12);
    hpo_acq_free(a);
    teardown(&s);
}

/* The prior as a density: it integrates to 1 over the cube, and enters as exponent x ln density. */
static void test_prior(void **state)
{
    (void)state;
    scene s;
    setup(&s);
    hpo_acq_options o = {.kind = HPO_ACQ_LOG_EI};
    hpo_acq *plain = create(&s, &o);
    s.context.prior_exponent = 0.25;
    hpo_acq *weighted = create(&s, &o);
    for (int axis = 0; axis < DIMS; axis++) {
        enum { STEPS = 4000 };
        double sum = 0, rest = 0;
        /* the joint density is a product: integrate one axis, divide by the others at their middle */
        double middle[DIMS] = {0.5, 0.5, 0.5};
        double at_middle =
            (hpo_acq_value(weighted, middle, NULL) - hpo_acq_value(plain, middle, NULL)) / 0.25;
        (void)rest;
        for (int i = 0; i < STEPS; i++) {
            double u[DIMS] = {0.5, 0.5, 0.5};
            u[axis] = (i + 0.5) / STEPS;
            sum += hpo_exp((hpo_acq_value(weighted, u, NULL) - hpo_acq_value(plain, u, NULL)) / 0.25 -
                           at_middle) /
                   STEPS;
        }
        /* sum = 1 / p_axis(0.5) */
        double expected =
            axis == 0   ? hpo_exp(-hpo_truncnorm_logpdf(0.5, 0.3, 0.25, 0, 1))
            : axis == 2 ? hpo_exp(-hpo_beta_logpdf(0.5, 2, 3))
                        : hpo_exp(-hpo_truncnorm_logpdf(0.01, 0.2, 0.3, 1e-4, 1)) / (0.01 * hpo_log(1e4));
        assert_near(sum, expected, 2e-3, 0);
    }
    hpo_acq_free(plain);
    hpo_acq_free(weighted);
    teardown(&s);
}

/* The exponent is multiplied, not added: as beta / n goes to 0 the prior fades. */
static void test_prior_fades(void **state)
{
    (void)state;
    scene s;
    setup(&s);
    hpo_acq_options o = {.kind = HPO_ACQ_LOG_EI};
    hpo_acq *plain = create(&s, &o);
    double u[DIMS] = {0.9, 0.1, 0.9}, base = hpo_acq_value(plain, u, NULL), last = 0;
    for (int n = 1; n < 1000000; n *= 10) {
        s.context.prior_exponent = 10.0 / n;
        hpo_acq *a = create(&s, &o);
        double shift = hpo_acq_value(a, u, NULL) - base;
        if (n > 1) assert_near(shift, last / 10, 1e-9, 1e-12);
        last = shift;
        hpo_acq_free(a);
    }
    assert_near(last, 0, 0, 2e-3);
    hpo_acq_free(plain);
    teardown(&s);
}

/* A Thompson sample is the negative of a path; two from different streams differ, the same is the same. */
static void test_thompson(void **state)
{
    (void)state;
    scene s;
    setup(&s);
    hpo_acq_options o = {.kind = HPO_ACQ_THOMPSON};
    hpo_acq *a = create(&s, &o), *b = create(&s, &o);
    hpo_error err;
    hpo_rng rng;
    hpo_acq *c;
    hpo_rng_init(&rng, 6, 0, HPO_RNG_USER);
    assert_ok(hpo_acq_create(s.space, &s.posterior, &o, &s.context, &rng, &c, &err), err);
    double u[DIMS] = {0.4, 0.6, 0.2};
    assert_true(hpo_acq_value(a, u, NULL) == hpo_acq_value(b, u, NULL));
    assert_true(hpo_acq_value(a, u, NULL) != hpo_acq_value(c, u, NULL));
    hpo_acq_free(a);
    hpo_acq_free(b);
    hpo_acq_free(c);
    teardown(&s);
}

/* A surrogate without gradients, covariances and noise serves what needs none of them, and says so else. */
static void test_bare_surrogate(void **state)
{
    (void)state;
    scene s;
    setup(&s);
    static const hpo_posterior_ops bare = {.moments = fake_moments};
    s.posterior.ops = &bare;
    s.context.gp = NULL;
    s.context.pending = s.pending;
    s.context.n_pending = 2;
    hpo_rng rng;
    hpo_error err;
    hpo_acq *a = NULL;
    hpo_rng_init(&rng, 5, 0, HPO_RNG_USER);
    hpo_acq_options o = {.kind = HPO_ACQ_LOG_EI, .pending = HPO_PENDING_PENALTY};
    assert_ok(hpo_acq_create(s.space, &s.posterior, &o, &s.context, &rng, &a, &err), err);
    double u[DIMS] = {0.4, 0.6, 0.2};
    assert_true(isfinite(hpo_acq_value(a, u, NULL)) && !hpo_acq_has_gradient(a));
    hpo_acq_free(a);
    o.pending = HPO_PENDING_FANTASY;
    assert_fails(hpo_acq_create(s.space, &s.posterior, &o, &s.context, &rng, &a, &err), HPO_EUNSUPPORTED, err,
                 "pending=penalty");
    assert_null(a);
    o = (hpo_acq_options){.kind = HPO_ACQ_MES, .pending = HPO_PENDING_IGNORE};
    assert_fails(hpo_acq_create(s.space, &s.posterior, &o, &s.context, &rng, &a, &err), HPO_EUNSUPPORTED, err,
                 "ei");
    o.kind = HPO_ACQ_PBGI;
    assert_fails(hpo_acq_create(s.space, &s.posterior, &o, &s.context, &rng, &a, &err), HPO_EINVAL, err,
                 "lambda");
    teardown(&s);
}

typedef struct oom_case {
    scene *s;
    hpo_acq_options o;
} oom_case;

static hpo_status body(void *ctx, hpo_error *err)
{
    oom_case *c = ctx;
    hpo_rng rng;
    hpo_acq *a = NULL;
    hpo_rng_init(&rng, 5, 0, HPO_RNG_USER);
    hpo_status rc = hpo_acq_create(c->s->space, &c->s->posterior, &c->o, &c->s->context, &rng, &a, err);
    hpo_acq_free(a);
    return rc;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    scene s;
    setup(&s);
    s.context.pending = s.pending;
    s.context.n_pending = 2;
    s.context.prior_exponent = 1;
    for (int kind = 0; kind < N_KINDS; kind++)
        for (int rule = 0; rule < N_RULES; rule++) {
            oom_case c = {
                &s,
                {.kind = (hpo_acq_kind)kind, .pending = (hpo_pending_rule)rule, .lambda = 1, .n_samples = 2}};
            assert_true(t_oom(body, &c) > 2);
        }
    teardown(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients),      cmocka_unit_test(test_gradients_of_weights),
        cmocka_unit_test(test_parts),          cmocka_unit_test(test_prior),
        cmocka_unit_test(test_prior_fades),    cmocka_unit_test(test_thompson),
        cmocka_unit_test(test_bare_surrogate), cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
