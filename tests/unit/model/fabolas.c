/* SPDX-License-Identifier: Apache-2.0 */
/* model/fabolas: places of resources, costs that are learned on small shares, losses too; what is learned
 * does not depend on who looked in between. */
#include "model/fabolas.h"

#include "t.h"

enum { DIMS = 2, N = 40 };

typedef struct setup {
    hpo_space *space;
    hpo_embed *embed;
    hpo_fabolas *f;
    double u[(N + 4) * DIMS];
} setup;

static void set_up(setup *x)
{
    hpo_error err;
    assert_ok(hpo_space_parse("a: 0..1; b: 0..1", &x->space, &err), err);
    assert_ok(hpo_space_freeze(x->space, &err), err);
    assert_ok(hpo_embed_create(x->space, &x->embed, &err), err);
    assert_ok(hpo_fabolas_create(x->embed, 10, 640, 8, &x->f, &err), err);
    t_rng r = {5};
    for (size_t i = 0; i < (N + 4) * DIMS; i++)
        x->u[i] = t_uniform(&r);
}

static void tear_down(setup *x)
{
    hpo_fabolas_free(x->f);
    hpo_embed_free(x->embed);
    hpo_space_free(x->space);
}

static double loss(const double *u, double resource)
{
    return (u[0] - .3) * (u[0] - .3) + (u[1] - .6) * (u[1] - .6) + (0.3 + 0.2 * u[0]) / sqrt(resource / 10);
}

static double cost(const double *u, double resource)
{
    return (1 + 3 * u[1]) * 1e-3 * pow(resource, 1.7);
}

static double resource_of(size_t i) /* none in full, a quarter at 160 */
{
    return 10 * pow(4, (double)(i % 3)) * (i % 12 == 2 ? 2 : 1);
}

static void add(setup *x, size_t from, size_t to, int costs)
{
    hpo_error err;
    for (size_t i = from; i < to; i++) {
        const double *u = x->u + i * DIMS;
        double r = resource_of(i);
        assert_ok(hpo_fabolas_add(x->f, (int64_t)i, r, loss(u, r), costs ? cost(u, r) : 0, x->u, &err), err);
    }
}

static void test_places(void **state)
{
    (void)state;
    setup x;
    set_up(&x);
    assert_near(hpo_fabolas_place(x.f, 10), 0, 0, 1e-12);
    assert_near(hpo_fabolas_place(x.f, 80), 0.5, 1e-12, 0);
    assert_true(hpo_fabolas_place(x.f, 640) == 1 && hpo_fabolas_place(x.f, 700) == 1);
    assert_true(hpo_fabolas_place(x.f, 1) == 0);
    for (double t = 0; t <= 1; t += 0.125)
        assert_near(hpo_fabolas_place(x.f, hpo_fabolas_resource(x.f, t)), t, 1e-12, 1e-12);
    tear_down(&x);
}

static void test_learns(void **state)
{
    (void)state;
    setup x;
    hpo_error err;
    double before, after, mean[4], var[4];
    set_up(&x);
    assert_status(hpo_fabolas_update(x.f, x.u, NULL, 0, &err), HPO_WAIT);
    add(&x, 0, N, 0);
    assert_ok(hpo_fabolas_update(x.f, x.u, NULL, 0, &err), err);
    assert_false(hpo_fabolas_knows_cost(x.f));
    hpo_fabolas_log_cost(x.f, x.u, 1, 0.5, &before);
    assert_near(before, log(80), 1e-12, 0);
    /* losses in full, from up to a quarter of it: the range of the loss is 1.2 */
    hpo_fidelity_gp_moments(hpo_fabolas_loss(x.f), x.u + N * DIMS, 4, 1, mean, var);
    for (size_t i = 0; i < 4; i++)
        assert_near(hpo_transform_invert(hpo_fidelity_gp_transform(hpo_fabolas_loss(x.f)), mean[i]),
                    loss(x.u + (N + i) * DIMS, 640), 0, 0.08);
    tear_down(&x);
    /* costs */
    set_up(&x);
    add(&x, 0, N, 1);
    assert_ok(hpo_fabolas_update(x.f, x.u, NULL, 0, &err), err);
    assert_true(hpo_fabolas_knows_cost(x.f));
    for (size_t i = 0; i < 4; i++) {
        const double *u = x.u + (N + i) * DIMS;
        hpo_fabolas_log_cost(x.f, u, 1, 1, &after);
        assert_near(after, log(cost(u, 640)), 0, 0.35); /* sixteen times what was seen of most */
        hpo_fabolas_log_cost(x.f, u, 1, 1. / 3, &after);
        assert_near(after, log(cost(u, 40)), 0, 0.1);
    }
    tear_down(&x);
}

/* What is being trained counts: less is unknown there, nothing is expected otherwise.  And a loss can be
 * corrected. */
static void test_pending(void **state)
{
    (void)state;
    setup x;
    hpo_error err;
    double m1, v1, m2, v2;
    const double *u;
    set_up(&x);
    u = x.u + N * DIMS;
    add(&x, 0, N, 0);
    assert_ok(hpo_fabolas_update(x.f, x.u, NULL, 0, &err), err);
    hpo_fidelity_gp_moments(hpo_fabolas_loss(x.f), u, 1, 1, &m1, &v1);
    m1 = hpo_transform_invert(hpo_fidelity_gp_transform(hpo_fabolas_loss(x.f)), m1);
    const hpo_fabolas_pending p = {N, 640};
    assert_ok(hpo_fabolas_update(x.f, x.u, &p, 1, &err), err);
    hpo_fidelity_gp_moments(hpo_fabolas_loss(x.f), u, 1, 1, &m2, &v2);
    m2 = hpo_transform_invert(hpo_fidelity_gp_transform(hpo_fabolas_loss(x.f)), m2);
    assert_true(v2 < 0.5 * v1);
    assert_near(m2, m1, 0, 0.01);
    hpo_fabolas_correct(x.f, 3, loss(x.u + 3 * DIMS, resource_of(3)) + 0.5);
    assert_ok(hpo_fabolas_update(x.f, x.u, NULL, 0, &err), err);
    hpo_fidelity_gp_moments(hpo_fabolas_loss(x.f), x.u + 3 * DIMS, 1, hpo_fabolas_place(x.f, resource_of(3)),
                            &m2, &v2);
    m2 = hpo_transform_invert(hpo_fidelity_gp_transform(hpo_fabolas_loss(x.f)), m2);
    assert_true(m2 > loss(x.u + 3 * DIMS, resource_of(3)) + 0.1);
    tear_down(&x);
}

static void test_looks_do_not_matter(void **state)
{
    (void)state;
    setup x, y;
    hpo_error err;
    double a[4], b[4], va[4], vb[4];
    set_up(&x);
    set_up(&y);
    for (size_t i = 0; i < N; i++) {
        add(&x, i, i + 1, 1);
        assert_status(hpo_fabolas_update(x.f, x.u, NULL, 0, &err), i < 7 ? HPO_WAIT : HPO_OK);
    }
    hpo_fabolas_correct(x.f, N - 1, 0.7);
    add(&y, 0, N, 1);
    hpo_fabolas_correct(y.f, N - 1, 0.7);
    assert_ok(hpo_fabolas_update(x.f, x.u, NULL, 0, &err), err);
    assert_ok(hpo_fabolas_update(y.f, y.u, NULL, 0, &err), err);
    hpo_fidelity_gp_moments(hpo_fabolas_loss(x.f), x.u + N * DIMS, 4, 1, a, va);
    hpo_fidelity_gp_moments(hpo_fabolas_loss(y.f), y.u + N * DIMS, 4, 1, b, vb);
    assert_same_doubles(a, b, 4);
    assert_same_doubles(va, vb, 4);
    hpo_fabolas_log_cost(x.f, x.u, 4, 1, a);
    hpo_fabolas_log_cost(y.f, y.u, 4, 1, b);
    assert_same_doubles(a, b, 4);
    tear_down(&x);
    tear_down(&y);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_learns),
        cmocka_unit_test(test_pending),
        cmocka_unit_test(test_looks_do_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
