/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/ranking against a sorted array, and the published sizes of scheduler/rung. */
#include "scheduler/rung.h"

#include "hpo/sampler.h"
#include "t.h"

enum { MOST = 300 };

typedef struct entry {
    double value, weight;
    int64_t trial;
    int open;
} entry;

static int in_order(const entry *a, const entry *b)
{
    if (isnan(a->value) || isnan(b->value))
        return isnan(a->value) && isnan(b->value) ? a->trial < b->trial : isnan(b->value);
    return a->value < b->value || (a->value == b->value && a->trial < b->trial);
}

static void insert(entry *list, size_t n, entry e)
{
    size_t i = n;
    for (; i > 0 && in_order(&e, &list[i - 1]); i--)
        list[i] = list[i - 1];
    list[i] = e;
}

static void check(const hpo_ranking *r, const entry *list, size_t n)
{
    hpo_ranked e;
    double sum = 0;
    size_t first = n;
    assert_int_equal(hpo_ranking_size(r), n);
    for (size_t i = 0; i < n; i++) {
        assert_true(hpo_ranking_at(r, i, &e));
        assert_int_equal(e.trial, list[i].trial);
        assert_int_equal(e.rank, i);
        assert_int_equal(e.open, list[i].open);
        assert_int_equal(hpo_ranking_before(r, list[i].value, list[i].trial), i);
        sum += list[i].weight;
        assert_true(fabs(hpo_ranking_weight_of(r, i + 1) - sum) < 1e-9);
        if (list[i].open && first == n) first = i;
    }
    assert_false(hpo_ranking_at(r, n, &e));
    assert_int_equal(hpo_ranking_first_open(r, &e), first < n);
    if (first < n) assert_int_equal(e.rank, first);
}

static void test_against_a_sorted_list(void **state)
{
    (void)state;
    hpo_rng rng;
    hpo_error err;
    hpo_rng_init(&rng, t_rng_create().state, 0, 1000);
    for (int round = 0; round < 20; round++) {
        hpo_ranking r = {0};
        entry list[MOST];
        size_t n = 0;
        for (int64_t trial = 0; trial < MOST; trial++) {
            double v = (double)hpo_rng_below(&rng, 40) - 20;
            if (hpo_rng_below(&rng, 15) == 0) v = (double)NAN;
            entry e = {v, hpo_rng_uniform(&rng), trial, (int)hpo_rng_below(&rng, 2)};
            size_t rank = hpo_ranking_before(&r, e.value, e.trial);
            assert_ok(hpo_ranking_add(&r, e.value, e.trial, e.weight, e.open, &err), err);
            assert_int_equal(hpo_ranking_newest(&r), rank);
            insert(list, n++, e);
            if (hpo_rng_below(&rng, 3) == 0) { /* one goes */
                size_t i = (size_t)hpo_rng_below(&rng, n);
                hpo_ranking_remove(&r, list[i].value, list[i].trial);
                memmove(list + i, list + i + 1, (--n - i) * sizeof *list);
            }
            if (n > 0) { /* one opens or closes */
                size_t i = (size_t)hpo_rng_below(&rng, n);
                list[i].open = !list[i].open;
                hpo_ranking_set_open(&r, list[i].value, list[i].trial, list[i].open);
            }
        }
        check(&r, list, n);
        hpo_ranking_fini(&r);
    }
}

/* Whatever the order of arrival, weights are summed in the same order. */
static void test_same_bits_in_any_order(void **state)
{
    (void)state;
    hpo_ranking a = {0}, b = {0};
    hpo_error err;
    for (int64_t i = 0; i < 200; i++) {
        int64_t j = i * 77 % 200;
        assert_ok(hpo_ranking_add(&a, (double)(i % 13), i, 1.0 / (double)(i + 3), 0, &err), err);
        assert_ok(hpo_ranking_add(&b, (double)(j % 13), j, 1.0 / (double)(j + 3), 0, &err), err);
    }
    for (size_t k = 0; k <= 200; k++) {
        double p = hpo_ranking_weight_of(&a, k), q = hpo_ranking_weight_of(&b, k);
        assert_memory_equal(&p, &q, sizeof p);
    }
    hpo_ranking_fini(&a);
    hpo_ranking_fini(&b);
}

/* Li and others, JMLR 18, 2018, Algorithm 1 and Table 1; six levels: Klein and others, arXiv:2003.10865. */
static void test_published_sizes(void **state)
{
    (void)state;
    static const size_t algorithm[] = {5, 8, 15, 34, 81}, table[] = {5, 6, 9, 27, 81},
                        six[] = {6, 9, 18, 41, 98, 243}, r27[] = {4, 6, 12, 27}, r16[] = {5, 5, 7, 10, 16};
    for (size_t s = 0; s < 5; s++) {
        assert_int_equal(hpo_hyperband_size(5, s, 3, 0), algorithm[s]);
        assert_int_equal(hpo_hyperband_size(5, s, 3, 1), table[s]);
        assert_int_equal(hpo_hyperband_size(5, s, 2, 0), r16[s]);
    }
    for (size_t s = 0; s < 6; s++)
        assert_int_equal(hpo_hyperband_size(6, s, 3, 0), six[s]);
    for (size_t s = 0; s < 4; s++)
        assert_int_equal(hpo_hyperband_size(4, s, 3, 0), r27[s]);
}

static void expect_levels(double low, double high, double eta, const double *want, size_t n)
{
    hpo_levels l;
    hpo_error err;
    const hpo_sched_problem p = {.low = low, .high = high, .whole = low == floor(low)};
    assert_ok(hpo_levels_init(&l, &p, 0, eta, &err), err);
    assert_int_equal(l.n, n);
    for (size_t i = 0; i < n; i++)
        assert_true(fabs(l.at[i] - want[i]) <= 1e-9 * want[i]);
}

static void test_levels(void **state)
{
    (void)state;
    const double a[] = {1, 3, 9, 27, 81}, b[] = {1, 3, 9, 27, 81, 200}, c[] = {1, 3, 9, 27, 100},
                 d[] = {1, 2, 4, 8, 16}, e[] = {0.1, 0.3, 1}, f[] = {5};
    expect_levels(1, 81, 3, a, 5);
    expect_levels(1, 200, 3, b, 6);
    expect_levels(1, 100, 3, c, 5); /* 81 says nearly the same as 100 */
    expect_levels(1, 16, 2, d, 5);
    expect_levels(0.1, 1, 3, e, 3);
    expect_levels(5, 5, 3, f, 1);
    hpo_levels l;
    hpo_error err;
    const hpo_sched_problem p = {.low = 1, .high = 81, .whole = 1};
    assert_ok(hpo_levels_init(&l, &p, 0, 3, &err), err);
    assert_int_equal(hpo_levels_find(&l, 0.5), -1);
    assert_int_equal(hpo_levels_find(&l, 8.9), 1);
    assert_int_equal(hpo_levels_find(&l, 9), 2);
    assert_int_equal(hpo_levels_find(&l, 1000), 4);
    assert_fails(hpo_levels_init(&l, &p, 100, 3, &err), HPO_EINVAL, err, "within the fidelity");
}

/* Numbers in reasons are those of printf, but for what lies in the middle between two texts. */
static void test_reasons(void **state)
{
    (void)state;
    char a[64], b[64];
    const double values[] = {0,          1,    -1,       0.5,          123456,           999998.7, 999999.6,
                             1e6,        1e-4, 0.9e-4,   0.0999999999, 9.9999996,        1e300,    -0.0625,
                             3.14159265, 100,  99999.96, (double)NAN,  (double)INFINITY, 2e-310};
    hpo_rng rng;
    hpo_rng_init(&rng, t_rng_create().state, 0, 1000);
    for (int i = 0; i < 10000; i++) {
        size_t n = sizeof values / sizeof values[0];
        double v =
            i < (int)n ? values[i] : (hpo_rng_uniform(&rng) - 0.5) * pow(10, 14 * hpo_rng_uniform(&rng) - 6);
        char *end = hpo_say_real(a, v);
        snprintf(b, sizeof b, "%.6g", v);
        assert_string_equal(a, b);
        assert_true(end == a + strlen(a));
    }
    (void)hpo_rung_say(a, 7, 81, "9");
    assert_string_equal(a, "rank 7 of 81 at rung 9");
    assert_string_equal((hpo_say_count(a, SIZE_MAX), a), (snprintf(b, sizeof b, "%zu", SIZE_MAX), b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_a_sorted_list),
        cmocka_unit_test(test_same_bits_in_any_order),
        cmocka_unit_test(test_published_sizes),
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
