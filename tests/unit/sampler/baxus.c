/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/baxus: subspaces, how they grow, and what they are for. */
#include "guided.h"
#include "wide.h"

enum { MANY = 100 };

static const char *many_space(char *text, size_t cap)
{
    for (size_t i = 0, at = 0; i < MANY; i++)
        at += (size_t)snprintf(text + at, cap - at, "x%zu: 0..1;", i);
    return text;
}

/* Branin's function in coordinates 17 and 61 of a hundred, less its minimum. */
static double branin(const double *x)
{
    const double pi = 3.14159265358979323846;
    double a = 15 * x[17] - 5, b = 15 * x[61];
    double q = b - 5.1 / (4 * pi * pi) * a * a + 5 / pi * a - 6;
    return q * q + 10 * (1 - 1 / (8 * pi)) * cos(a) + 10 - 0.39788735772973816;
}

/* Distances from the middle that occur among the coordinates: one for each bin. */
static size_t magnitudes(const double *u, size_t d)
{
    double seen[MANY];
    size_t n = 0;
    for (size_t k = 0; k < d; k++) {
        double m = fabs(u[k] - 0.5);
        size_t i = 0;
        while (i < n && fabs(seen[i] - m) > 1e-12)
            i++;
        if (i == n) seen[n++] = m;
    }
    return n;
}

/* Bins by asks: 1, then 4, 16, 20; every coordinate of the first rows is the same distance from the middle,
 * which is what makes the subspaces nested. */
static void grows(void **state)
{
    (void)state;
    char text[512];
    study *s = study_open("baxus:budget=30,shortest=0.35", wide_space(text, sizeof text), NULL, SEED);
    size_t last = 1, stages = 0;
    for (size_t i = 0; i < 70; i++) {
        assert_int_equal(study_ask(s), HPO_OK);
        size_t bins = magnitudes(s->u_asked, WIDE);
        if (i < 5) assert_int_equal(bins, 1);
        assert_true(bins <= (stages == 0 ? 4 : stages == 1 ? 16 : WIDE));
        if (bins > last) stages++;
        if (bins > last) last = bins;
        study_tell(s, s->x, (double)i); /* nothing succeeds */
    }
    assert_int_equal(last, WIDE);
    assert_true(stages >= 2);
    study_close(s);
}

static void stays_in_a_fixed_subspace(void **state)
{
    (void)state;
    char text[512];
    study *s = study_open("baxus:dimensions=3", wide_space(text, sizeof text), NULL, SEED);
    double first[WIDE] = {0};
    size_t with[WIDE] = {0};
    for (size_t i = 0; i < 30; i++) {
        assert_int_equal(study_ask(s), HPO_OK);
        assert_true(magnitudes(s->u_asked, WIDE) <= 3);
        if (i == 0) memcpy(first, s->u_asked, sizeof first);
        for (size_t k = 0; k < WIDE && i > 0; k++) /* what moved together once does so always */
            for (size_t j = 0; j < k; j++)
                if (fabs(fabs(first[k] - 0.5) - fabs(first[j] - 0.5)) < 1e-12)
                    assert_near(fabs(s->u_asked[k] - 0.5), fabs(s->u_asked[j] - 0.5), 0, 1e-12);
        study_tell(s, s->x, wide_few(s->x));
    }
    for (size_t k = 0; k < WIDE; k++) /* bins of 7, 7 and 6 coordinates */
        for (size_t j = 0; j < WIDE; j++)
            with[k] += fabs(fabs(first[k] - 0.5) - fabs(first[j] - 0.5)) < 1e-12;
    for (size_t k = 0; k < WIDE; k++)
        assert_in_range(with[k], 6, 7);
    study_close(s);
}

static double failing(const double *x)
{
    return x[3] > 0.7 ? (double)NAN : wide_bowl(x);
}

static void is_a_fold(void **state)
{
    (void)state;
    char text[512];
    static const char spec[] = "baxus:budget=20,shortest=0.3";
    study *s = study_open(spec, wide_space(text, sizeof text), NULL, SEED);
    for (size_t i = 0; i < 3; i++) {
        (void)study_run(s, failing, 14);
        study_check_fold(s, spec);
    }
    assert_int_equal(study_ask(s), HPO_OK);
    study_pend(s, s->x);
    study_check_fold(s, spec);
    study_close(s);
}

static void spreads_pending(void **state)
{
    (void)state;
    guided_spreads_pending("baxus");
}

static void lists_finite(void **state)
{
    (void)state;
    guided_lists_finite("baxus");
}

static void keeps_constraints(void **state)
{
    (void)state;
    wide_keeps_constraints("baxus");
}

static void survives(void **state)
{
    (void)state;
    guided_survives("baxus:budget=20,shortest=0.3");
}

static double many_median(const char *spec, size_t n)
{
    double best[3];
    char text[2048];
    for (uint64_t seed = 0; seed < 3; seed++) {
        study *s = study_open(spec, many_space(text, sizeof text), NULL, SEED + seed);
        best[seed] = study_run(s, branin, n);
        study_close(s);
    }
    qsort(best, 3, sizeof *best, compare_doubles);
    return best[1];
}

/* Two of a hundred parameters matter: what random subspaces are for. */
static void finds_the_few(void **state)
{
    (void)state;
    if (T_INSTRUMENTED) return;
    double best = many_median("baxus", 70), random = many_median("random", 70);
    print_message("# Branin in 100 dimensions: %.4g against %.4g of random\n", best, random);
    assert_true(best < 0.3 * random);
}

static void explains(void **state)
{
    (void)state;
    char text[512], account[4096];
    size_t n = 0;
    hpo_error err;
    study *s = study_open("baxus", wide_space(text, sizeof text), NULL, SEED);
    (void)study_run(s, wide_bowl, 12);
    assert_int_equal(study_ask(s), HPO_OK);
    assert_ok(
        s->sampler.ops->explain(s->sampler.state, &s->view, s->u_asked, account, sizeof account, &n, &err),
        err);
    assert_true(n < sizeof account);
    account[n] = 0;
    assert_non_null(strstr(account, "\"dimensions\":"));
    assert_non_null(strstr(account, "\"of\":20"));
    study_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows),        cmocka_unit_test(stays_in_a_fixed_subspace),
        cmocka_unit_test(is_a_fold),    cmocka_unit_test(spreads_pending),
        cmocka_unit_test(lists_finite), cmocka_unit_test(finds_the_few),
        cmocka_unit_test(explains),     cmocka_unit_test(keeps_constraints),
        cmocka_unit_test(survives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
