/* SPDX-License-Identifier: Apache-2.0 */
/* acq/shares: what is chosen follows prices, and what may not be evaluated never is. */
#include "acq/shares.h"

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

static hpo_status choose(setup *x, double overhead, double *u, hpo_shares_answer *a)
{
    hpo_error err;
    hpo_rng rng;
    const hpo_shares_question q = {.model = x->model,
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

static void test_prices(void **state)
{
    (void)state;
    setup x;
    double u, free_u;
    hpo_shares_answer dear, flat;
    set_up(&x, "a: 0..1", 2);
    assert_int_equal(choose(&x, 0, &u, &dear), HPO_OK);
    assert_int_equal(choose(&x, 1e9, &free_u, &flat), HPO_OK);
    print_message("# dear: level %zu, %.3g nats for %.3g; flat: level %zu, %.3g nats\n", dear.level,
                  dear.gain, dear.cost, flat.level, flat.gain);
    assert_true(dear.trial == -1 && u >= 0 && u <= 1);
    assert_true(dear.level < flat.level && dear.gain <= flat.gain);
    assert_true(flat.gain <= flat.entropy && dear.gain > 0);
    /* better than the best in full, per cost */
    assert_true(dear.cost_full > 0 && dear.gain / dear.cost >= dear.gain_full / dear.cost_full);
    tear_down(&x);
}

/* A space of four: all are trials, so that one is trained on more, or nothing is left to do. */
static void test_known(void **state)
{
    (void)state;
    setup x;
    double u = 0.123;
    hpo_shares_answer a;
    set_up(&x, "a: 0..3 step 1", 1);
    assert_int_equal(choose(&x, 0, &u, &a), HPO_DONE);
    for (size_t i = 0; i < N; i++)
        x.reached[i] = 16;
    assert_int_equal(choose(&x, 0, &u, &a), HPO_OK);
    assert_true(a.trial >= 0 && a.trial < N && a.level == 3 && u == 0.123);
    /* one that is not known: a new one */
    for (size_t i = 0; i < N; i++) {
        x.reached[i] = (double)INFINITY;
        x.known[i] = x.u[i] != x.u[0];
    }
    assert_int_equal(choose(&x, 0, &u, &a), HPO_OK);
    assert_true(a.trial == -1 && u == x.u[0]);
    tear_down(&x);
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
        cmocka_unit_test(test_prices),
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_best),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
