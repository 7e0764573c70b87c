/* SPDX-License-Identifier: Apache-2.0 */
/* acq/shares: what is chosen follows prices, what may not be evaluated never is, and BOCA's point has the
 * least bound. */
#include "acq/shares.h"

#include "math/dist.h"
#include "math/rng.h"
#include "t.h"

enum { N = 16, LEVELS = 4 };

static const double level[LEVELS] = {1, 4, 16, 64};

typedef struct setup {
    hpo_space *space;
    hpo_embed *embed;
    hpo_fabolas *model;
    hpo_shares *shares;
    double u[N], mean[N], var[N], reached[N];
    uint8_t known[N];
} setup;

/* N trials at the smaller levels in turn; cost: resource^power. */
static void set_up(setup *x, const char *text, double power)
{
    hpo_error err;
    assert_ok(hpo_space_parse(text, &x->space, &err), err);
    assert_ok(hpo_space_freeze(x->space, &err), err);
    assert_ok(hpo_embed_create(x->space, &x->embed, &err), err);
    assert_ok(hpo_fabolas_create(x->embed, 1, 64, 4, &x->model, &err), err);
    assert_ok(hpo_shares_create(x->embed, 7, &x->shares, &err), err);
    for (size_t i = 0; i < N; i++) {
        double c = ((double)(i * 7 % N) + 0.5) / N, r = level[i % 3], x_i;
        hpo_space_decode(x->space, &c, &x_i);
        hpo_space_encode(x->space, &x_i, &x->u[i]);
        x->known[i] = 1;
        x->reached[i] = (double)INFINITY;
        double y = (x->u[i] - 0.5) * (x->u[i] - 0.5) + 0.2 / sqrt(r) + 0.01 * sin(40 * x->u[i]);
        assert_ok(hpo_fabolas_add(x->model, (int64_t)i, r, y, pow(r, power), x->u, &err), err);
    }
    assert_ok(hpo_fabolas_update(x->model, x->u, NULL, 0, &err), err);
    hpo_fidelity_gp_moments(hpo_fabolas_loss(x->model), x->u, N, 1, x->mean, x->var);
}

static void tear_down(setup *x)
{
    hpo_shares_free(x->shares);
    hpo_fabolas_free(x->model);
    hpo_embed_free(x->embed);
    hpo_space_free(x->space);
}

static hpo_status choose_by(setup *x, hpo_shares_rule rule, double overhead, double *u, hpo_shares_answer *a)
{
    hpo_error err;
    hpo_rng rng;
    const hpo_shares_question q = {.rule = rule,
                                   .model = x->model,
                                   .level = level,
                                   .n_levels = LEVELS,
                                   .overhead = overhead,
                                   .u = x->u,
                                   .mean = x->mean,
                                   .reached = x->reached,
                                   .known = x->known,
                                   .n = N};
    hpo_rng_init(&rng, 5, 0, HPO_RNG_USER);
    hpo_status rc = hpo_shares_choose(x->shares, &q, &rng, u, a, &err);
    if (rc < 0) fail_msg("%s", err.msg);
    return rc;
}

static const hpo_shares_rule rules[] = {HPO_SHARES_PLACE, HPO_SHARES_VALUE, HPO_SHARES_KNOWLEDGE,
                                        HPO_SHARES_BOUND};

static void prices(hpo_shares_rule rule)
{
    setup x;
    double u, free_u;
    hpo_shares_answer dear, flat;
    set_up(&x, "a: 0..1", 2);
    assert_int_equal(choose_by(&x, rule, 0, &u, &dear), HPO_OK);
    assert_int_equal(choose_by(&x, rule, 1e9, &free_u, &flat), HPO_OK);
    print_message("# dear: level %zu, %.3g nats for %.3g; flat: level %zu, %.3g nats\n", dear.level,
                  dear.gain, dear.cost, flat.level, flat.gain);
    assert_true(dear.trial == -1 && u >= 0 && u <= 1);
    assert_true(dear.level < flat.level && dear.gain <= flat.gain);
    assert_true(dear.gain > 0);
    if (rule == HPO_SHARES_PLACE) assert_true(flat.gain <= flat.entropy);
    /* better than the best in full, per cost */
    assert_true(dear.cost_full > 0 && dear.gain / dear.cost >= dear.gain_full / dear.cost_full);
    tear_down(&x);
}

static void test_prices(void **state)
{
    (void)state;
    prices(HPO_SHARES_PLACE);
    prices(HPO_SHARES_VALUE);
    prices(HPO_SHARES_KNOWLEDGE);
}

/* The bound is the least on a fine grid; the level is the cheapest whose spread is above its threshold. */
static void test_bound(void **state)
{
    (void)state;
    enum { GRID = 2000 };
    setup x;
    double u, least = (double)INFINITY, mean, var;
    hpo_shares_answer a;
    set_up(&x, "a: 0..1", 2);
    assert_int_equal(choose_by(&x, HPO_SHARES_BOUND, 0, &u, &a), HPO_OK);
    const hpo_fidelity_gp *gp = hpo_fabolas_loss(x.model);
    /* one axis: beta = ln(2 n / l + 1) / 2 */
    double width = sqrt(0.5 * log(2 * N * exp(-hpo_fidelity_gp_theta(gp)[0]) + 1));
    for (int i = 0; i <= GRID; i++) {
        double at = (double)i / GRID;
        hpo_fidelity_gp_moments(gp, &at, 1, 1, &mean, &var);
        least = fmin(least, mean - width * sqrt(var));
    }
    hpo_fidelity_gp_moments(gp, &u, 1, 1, &mean, &var);
    assert_near(a.bound, mean - width * sqrt(var), 0, 1e-9);
    assert_true(a.trial == -1 && a.bound <= least + 1e-4);
    double most = hpo_boca_gap(hpo_fidelity_gp_prior(gp, 1, 1), hpo_fidelity_gp_prior(gp, 0, 1),
                               hpo_fidelity_gp_prior(gp, 0, 0));
    for (size_t k = 0; k < LEVELS; k++) {
        double t = hpo_fabolas_place(x.model, level[k]), own = hpo_fidelity_gp_prior(gp, t, t), cost[2];
        double gap = hpo_boca_gap(hpo_fidelity_gp_prior(gp, 1, 1), hpo_fidelity_gp_prior(gp, t, 1), own);
        hpo_fidelity_gp_moments(gp, &u, 1, t, &mean, &var);
        hpo_fabolas_log_cost(x.model, &u, 1, t, &cost[0]);
        hpo_fabolas_log_cost(x.model, &u, 1, 1, &cost[1]);
        double gamma = sqrt(own) * gap * exp((cost[0] - cost[1]) / 4); /* 1 / (1 + 1 + 2) */
        int qualifies = k + 1 == LEVELS || (sqrt(var) > gamma && gap > most / width);
        assert_int_equal(qualifies, k == a.level);
        if (!qualifies) continue;
        assert_near(a.threshold, gamma, 1e-9, 1e-12);
        assert_near(a.sd, sqrt(var), 1e-9, 1e-12);
        break;
    }
    tear_down(&x);
}

/* The gain is that of all outcomes over a fine grid, but for what lies between the places. */
static void test_knowledge(void **state)
{
    (void)state;
    enum { GRID = 400, OUTCOMES = 400 };
    static double grid[GRID + 1], mean[GRID + 1], var[GRID + 1], cov[GRID + 1];
    hpo_error err;
    setup x;
    double u, m, v, least = (double)INFINITY, after = 0;
    hpo_shares_answer a;
    set_up(&x, "a: 0..1", 2);
    assert_int_equal(choose_by(&x, HPO_SHARES_KNOWLEDGE, 0, &u, &a), HPO_OK);
    const hpo_fidelity_gp *gp = hpo_fabolas_loss(x.model);
    for (int i = 0; i <= GRID; i++)
        grid[i] = (double)i / GRID;
    hpo_fidelity_gp_moments(gp, grid, GRID + 1, 1, mean, var);
    assert_ok(hpo_fidelity_gp_between(gp, &u, 1, hpo_fabolas_place(x.model, level[a.level]), grid, GRID + 1,
                                      1, &m, &v, cov, &err),
              err);
    double sd = sqrt(v + hpo_fidelity_gp_noise(gp));
    for (int i = 0; i <= GRID; i++)
        least = fmin(least, mean[i]);
    for (int q = 0; q < OUTCOMES; q++) {
        double z = hpo_normal_quantile((q + 0.5) / OUTCOMES), low = (double)INFINITY;
        for (int i = 0; i <= GRID; i++)
            low = fmin(low, mean[i] + cov[i] / sd * z);
        after += low / OUTCOMES;
    }
    print_message("# gain %.5f, of all %.5f\n", a.gain, least - after);
    assert_near(a.gain, least - after, 0.1, 0);
    tear_down(&x);
}

/* A space of four: all are trials, so that one is trained on more, or nothing is left to do. */
static void knows(hpo_shares_rule rule)
{
    setup x;
    double u = 0.123;
    hpo_shares_answer a;
    set_up(&x, "a: 0..3 step 1", 1);
    assert_int_equal(choose_by(&x, rule, 0, &u, &a), HPO_DONE);
    for (size_t i = 0; i < N; i++)
        x.reached[i] = 16;
    assert_int_equal(choose_by(&x, rule, 0, &u, &a), HPO_OK);
    assert_true(a.trial >= 0 && a.trial < N && a.level == 3 && u == 0.123);
    /* the best is not known: a new one */
    size_t best;
    assert_int_equal(hpo_shares_best(x.mean, N, 1, &best), 1);
    for (size_t i = 0; i < N; i++) {
        x.reached[i] = (double)INFINITY;
        x.known[i] = x.u[i] != x.u[best];
    }
    assert_int_equal(choose_by(&x, rule, 0, &u, &a), HPO_OK);
    assert_true(a.trial == -1 && u == x.u[best]);
    tear_down(&x);
}

static void test_known(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof rules / sizeof rules[0]; k++)
        knows(rules[k]);
}

static void test_best(void **state)
{
    (void)state;
    const double mean[] = {3, (double)INFINITY, 1, 2, 1};
    size_t out[5];
    assert_int_equal(hpo_shares_best(mean, 5, 3, out), 3);
    assert_true(out[0] == 2 && out[1] == 4 && out[2] == 3);
    assert_int_equal(hpo_shares_best(mean, 5, 5, out), 4);
    assert_int_equal(hpo_shares_best(mean + 1, 1, 5, out), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prices), cmocka_unit_test(test_bound), cmocka_unit_test(test_knowledge),
        cmocka_unit_test(test_known),  cmocka_unit_test(test_best),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
