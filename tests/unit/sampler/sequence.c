/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/sequence: the n-th feasible point, how much of the sequence is looked at, and the window of 4096.
 */
#include "sampler/sequence.h"

#include "draws.h"

/* Point i is (i + 1/2) / 2^20 in the first coordinate; calls are counted. */
typedef struct fake {
    hpo_sequence sequence;
    uint64_t calls;
} fake;

static hpo_status fake_point(void *state, uint64_t index, double *v, hpo_error *err)
{
    fake *f = state;
    f->calls++;
    (void)err;
    if (index == 1 << 19) return HPO_ENOMEM;
    v[0] = ((double)index + 0.5) / (1 << 20);
    return HPO_OK;
}

static uint64_t index_of(double u)
{
    return (uint64_t)(u * (1 << 20));
}

static uint64_t ask_index(fake *f, uint64_t draw)
{
    hpo_rng rng;
    hpo_error err;
    double u = -1;
    hpo_rng_init(&rng, SEED, draw, HPO_RNG_SAMPLER);
    assert_ok(hpo_sequence_ask(&f->sequence, draw, &rng, &u, &err), err);
    return index_of(u);
}

static void open_fake(fake *f, const hpo_space *space)
{
    hpo_error err;
    memset(f, 0, sizeof *f);
    assert_ok(hpo_sequence_init(&f->sequence, space, fake_point, &err), err);
}

static void test_without_constraints(void **state)
{
    (void)state;
    fake f;
    hpo_space *space = space_of("x: 0..1", NULL);
    open_fake(&f, space);
    const uint64_t draws[] = {0, 7, 3, 3, 1000000};
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(ask_index(&f, draws[i]), draws[i]);
    assert_int_equal(f.calls, 5);
    hpo_sequence_fini(&f.sequence);
    hpo_space_free(space);
}

/* Ascending draws never look at a point twice, a repeated draw looks at its own again, a jump back starts
 * anew. */
static void test_cursor(void **state)
{
    (void)state;
    fake f;
    hpo_space *space = space_of("x: 0..1048576", "floor(x) % 3 == 2"); /* feasible: points 2, 5, 8 ... */
    open_fake(&f, space);
    for (uint64_t n = 0; n < 100; n++)
        assert_int_equal(ask_index(&f, n), 3 * n + 2);
    assert_int_equal(f.calls, 300);
    assert_int_equal(ask_index(&f, 99), 299);
    assert_int_equal(f.calls, 303);
    assert_int_equal(ask_index(&f, 100), 302);
    assert_int_equal(f.calls, 306);
    assert_int_equal(ask_index(&f, 10), 32);
    assert_int_equal(f.calls, 306 + 33);
    assert_int_equal(ask_index(&f, 9), 29);
    assert_int_equal(ask_index(&f, 8), 26);
    assert_int_equal(ask_index(&f, 200), 602);
    hpo_sequence_fini(&f.sequence);
    hpo_space_free(space);
}

/* Points 0..4999 are infeasible: draw 0 finds none among 4096 and is made in another way, draw 1 goes on
 * behind them. */
static void test_window(void **state)
{
    (void)state;
    fake f;
    hpo_space *space = space_of("x: 0..1048576", "x >= 5000");
    open_fake(&f, space);
    uint64_t first = ask_index(&f, 0);
    assert_true(first >= 5000);
    assert_int_equal(f.calls, HPO_SEQUENCE_TRIES);
    assert_int_equal(ask_index(&f, 1), 5000);
    assert_int_equal(ask_index(&f, 2), 5001);
    assert_int_equal(ask_index(&f, 0), first);
    assert_int_equal(ask_index(&f, 2), 5001);
    hpo_sequence_fini(&f.sequence);
    hpo_space_free(space);
}

static void test_failure_of_a_point(void **state)
{
    (void)state;
    fake f;
    hpo_rng rng;
    double u;
    hpo_space *space = space_of("x: 0..1", NULL);
    open_fake(&f, space);
    hpo_rng_init(&rng, SEED, 0, HPO_RNG_SAMPLER);
    assert_status(hpo_sequence_ask(&f.sequence, 1 << 19, &rng, &u, NULL), HPO_ENOMEM);
    hpo_sequence_fini(&f.sequence);
    hpo_space_free(space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_constraints),
        cmocka_unit_test(test_cursor),
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_failure_of_a_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
