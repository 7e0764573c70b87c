/* SPDX-License-Identifier: Apache-2.0 */
/* Several fidelities as one resource: the path, its inverse, the ends of pieces. */
#include "study/axes.h"
#include "math/func.h"
#include "t.h"

static hpo_space *open_axes(const char *text, hpo_axes *a)
{
    hpo_error err;
    hpo_space *space;
    assert_ok(hpo_space_parse(text, &space, &err), err);
    assert_ok(hpo_space_freeze(space, &err), err);
    hpo_axes_init(a, space);
    return space;
}

/* The product of the shares is the resource, and all axes grow by the same power of their range. */
static void test_product_of_shares(void **state)
{
    (void)state;
    hpo_axes a;
    hpo_space *space =
        open_axes("x: 0..1; e: fidelity float 1..16; r: fidelity float 0.01..1; w: fidelity float 2..4", &a);
    double x[4], before[4] = {0};
    assert_true(a.n == 3 && a.full == 16);
    assert_near(a.least, 16.0 / 16 * 0.01 * 0.5, 0, 1e-15);
    for (int k = 0; k <= 40; k++) {
        double t = k / 40.0, r = a.least * hpo_pow(a.full / a.least, t), back;
        hpo_axes_place(&a, r, x);
        assert_near(16 * (x[1] / 16) * x[2] * (x[3] / 4), r, 0, 1e-12 * r);
        assert_near(hpo_axes_cost(&a, x), r, 0, 1e-12 * r);
        assert_near(hpo_log(x[1]) / hpo_log(16), t, 0, 1e-12);
        assert_near(hpo_log(x[2] / 0.01) / hpo_log(100), t, 0, 1e-12);
        assert_near(hpo_log(x[3] / 2) / hpo_log(2), t, 0, 1e-12);
        for (int i = 1; i < 4; i++)
            assert_true(x[i] > before[i]);
        memcpy(before, x, sizeof x);
        assert_true(hpo_axes_resource(&a, x, &back));
        assert_near(back, r, 0, 1e-7 * r);
    }
    assert_true(x[1] == 16 && x[2] == 1 && x[3] == 4); /* the end to the bit */
    assert_false(hpo_axes_below(&a, x));
    hpo_axes_place(&a, a.least / 2, x);
    assert_true(x[1] == 1 && x[2] == 0.01 && x[3] == 2);
    hpo_space_free(space);
}

/* By hand: 1..27 epochs and 100..2700 rows, eta 3: thirds of a factor of sqrt(3) each. */
static void test_whole_numbers(void **state)
{
    (void)state;
    static const double epochs[] = {1, 2, 3, 5, 9, 16, 27}, rows[] = {100, 173, 300, 520, 900, 1559, 2700};
    hpo_axes a;
    hpo_space *space = open_axes("e: fidelity 1..27; r: fidelity 100..2700; x: 0..1", &a);
    char text[64];
    double x[3], r = 27.0 / 729, back;
    assert_near(a.least, r, 0, 1e-15);
    for (size_t k = 0; k < 7; k++, r *= 3) {
        hpo_axes_place(&a, r, x);
        assert_true(x[0] == epochs[k] && x[1] == rows[k]);
        assert_true(hpo_axes_resource(&a, x, &back));
        hpo_axes_place(&a, back, x);
        assert_true(x[0] == epochs[k] && x[1] == rows[k]);
        assert_near(back, r, 0, 0.02 * r);
    }
    x[0] = 27, x[1] = 100;
    assert_false(hpo_axes_resource(&a, x, &back));
    assert_true(hpo_axes_below(&a, x));
    hpo_axes_text(&a, space, x, text, sizeof text);
    assert_string_equal(text, "e 27, r 100");
    hpo_axes_text(&a, space, x, text, 6);
    assert_string_equal(text, "e 27,");
    hpo_space_free(space);
    space = open_axes("e: fidelity 1..3; r: fidelity 10..90 step 20; x: 0..1", &a);
    for (double t = a.least; t <= a.full; t *= 1.05) {
        hpo_axes_place(&a, t, x);
        assert_true(fmod(x[1] - 10, 20) == 0 && x[0] == floor(x[0]));
    }
    hpo_space_free(space);
}

/* Whatever rounding does: what was placed is found, and its resource leads back to it. */
static void test_inverse(void **state)
{
    (void)state;
    t_rng rng = t_rng_create();
    for (size_t round = 0; round < t_rounds(400); round++) {
        char text[200];
        hpo_axes a;
        int64_t e = t_int(&rng, 1, 4), f = e + t_int(&rng, 1, 100), r = t_int(&rng, 1, 9);
        snprintf(text, sizeof text, "e: fidelity %d..%d; r: fidelity %d..%d; w: fidelity float 0.1..%g",
                 (int)e, (int)f, (int)r, (int)(r + t_int(&rng, 1, 5000)), 0.2 + t_uniform(&rng));
        hpo_space *space = open_axes(text, &a);
        double x[3], y[3], at = a.least * hpo_pow(a.full / a.least, t_uniform(&rng)), back;
        hpo_axes_place(&a, at, x);
        assert_true(hpo_axes_resource(&a, x, &back));
        hpo_axes_place(&a, back, y);
        assert_true(x[0] == y[0] && x[1] == y[1]);
        assert_near(y[2], x[2], 0, 1e-6);
        hpo_space_free(space);
    }
}

static void test_pieces(void **state)
{
    (void)state;
    hpo_error err;
    hpo_axes a;
    hpo_pieces p = {0};
    hpo_space *space = open_axes("e: fidelity 1..27; r: fidelity 100..2700; x: 0..1", &a);
    double step = 1, cost = 2;
    assert_false(hpo_pieces_report(&p, 0, &step, &cost));  /* nothing is known of it */
    assert_ok(hpo_pieces_note(&p, &a, 3, 1.0, &err), err); /* 5 epochs of 520 rows */
    assert_true(isnan(hpo_pieces_resource(&p, 2)) && hpo_pieces_resource(&p, 3) == 1);
    step = 4, cost = 2;
    assert_false(hpo_pieces_report(&p, 3, &step, &cost));
    step = 5, cost = 0.5;
    assert_true(hpo_pieces_report(&p, 3, &step, &cost));
    assert_true(step == 1 && cost == 2.5);
    step = 6, cost = 1; /* it winds down */
    assert_true(hpo_pieces_report(&p, 3, &step, &cost));
    assert_true(step == 1 && cost == 1);
    hpo_pieces_fini(&p);
    hpo_space_free(space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_product_of_shares),
        cmocka_unit_test(test_whole_numbers),
        cmocka_unit_test(test_inverse),
        cmocka_unit_test(test_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
