/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/bohb: densities against their formulas written out, the shares, the sizes of the sets. */
#include "guided.h"

static double field(study *s, const char *name)
{
    char text[1024], key[40];
    size_t n = 0;
    hpo_error err;
    assert_ok(
        s->sampler.ops->explain(s->sampler.state, &s->view, s->u_asked, text, sizeof text - 1, &n, &err),
        err);
    text[n] = '\0';
    snprintf(key, sizeof key, "\"%s\":", name);
    const char *at = strstr(text, key);
    return at == NULL ? (double)NAN : strtod(at + strlen(key), NULL);
}

/* One number and one label of three. */
static double density(double (*row)[2], size_t m, const double *u)
{
    double mean[2] = {0, 0}, h[2], sum = 0;
    for (size_t i = 0; i < m; i++)
        for (int j = 0; j < 2; j++)
            mean[j] += row[i][j] / (double)m;
    for (int j = 0; j < 2; j++) {
        double squares = 0;
        for (size_t i = 0; i < m; i++)
            squares += (row[i][j] - mean[j]) * (row[i][j] - mean[j]) / (double)m;
        h[j] = fmax(1.06 * sqrt(squares) * pow((double)m, -1. / 6), 1e-3);
    }
    h[1] = fmin(h[1], 2. / 3);
    for (size_t i = 0; i < m; i++) {
        double z = (u[0] - row[i][0]) / h[0];
        sum += exp(-z * z / 2) / (h[0] * sqrt(2 * 3.14159265358979323846)) *
               (u[1] == row[i][1] ? 1 - h[1] : h[1] / 2) / (double)m;
    }
    return sum;
}

static void ratio_is_that_of_the_formulas(void **state)
{
    (void)state;
    enum { N = 30, GOOD = 4, BAD = 26 }; /* .15 * 30 = 4 > N_min = 3 */
    static double rows[N][2];
    int modelled = 0;
    study *s = study_open("bohb:candidates=7", "a: 0..1; c: p,q,r", NULL, SEED);
    t_rng rng = {3};
    for (int i = 0; i < N; i++) { /* in the order of their values, so that the sets are known */
        const double x[2] = {t_uniform(&rng), (double)t_int(&rng, 0, 2)};
        rows[i][0] = x[0];
        rows[i][1] = x[1];
        study_tell(s, x, (double)i);
    }
    for (int i = 0; i < 200; i++) {
        assert_int_equal(study_ask(s), HPO_OK);
        double log_ratio = field(s, "log_ratio");
        if (isnan(log_ratio)) continue;
        modelled++;
        assert_near(field(s, "good"), GOOD, 0, 0);
        assert_near(field(s, "bad"), BAD, 0, 0);
        double l = density(rows, GOOD, s->x), g = density(rows + N - BAD, BAD, s->x);
        assert_near(log_ratio, log(l) - log(g), 1e-9, 1e-9);
    }
    assert_true(modelled > 104 && modelled < 162); /* two thirds of 200, four standard deviations */
    study_close(s);
}

/* Fewer than d + 3 results: no model; failed trials are results, the worst ones. */
static void begins_with_enough(void **state)
{
    (void)state;
    study *s = study_open("bohb:random=0", "a: 0..1; b: 0..1", NULL, SEED);
    t_rng rng = {4};
    for (int i = 0; i < 5; i++) {
        const double x[2] = {t_uniform(&rng), t_uniform(&rng)};
        assert_int_equal(study_ask(s), HPO_OK);
        assert_true(isnan(field(s, "log_ratio")) != 0);
        study_tell(s, x, i == 2 ? (double)NAN : x[0]);
    }
    assert_int_equal(study_ask(s), HPO_OK);
    assert_true(field(s, "log_ratio") > -HUGE_VAL);
    assert_near(field(s, "good"), 3, 0, 0);
    assert_near(field(s, "bad"), 3, 0, 0);
    study_close(s);
}

/* What is proposed is on average better than what it was learned from. */
static void proposes_better(void **state)
{
    (void)state;
    enum { N = 60 };
    study *s = study_open("bohb:random=0", guided_bowl_space, NULL, SEED);
    t_rng rng = {8};
    double told = 0, proposed = 0;
    for (int i = 0; i < N; i++) {
        const double x[5] = {t_uniform(&rng), t_uniform(&rng), t_uniform(&rng), t_uniform(&rng),
                             t_uniform(&rng)};
        study_tell(s, x, guided_bowl(x));
        told += guided_bowl(x) / N;
    }
    for (int i = 0; i < N; i++) {
        assert_int_equal(study_ask(s), HPO_OK);
        proposed += guided_bowl(s->x) / N;
    }
    print_message("# bohb: %.4g told on average, %.4g proposed\n", told, proposed);
    assert_true(proposed < 0.5 * told);
    study_close(s);
}

static void is_a_fold(void **state)
{
    (void)state;
    guided_is_a_fold("bohb");
}

static void keeps_constraints(void **state)
{
    (void)state;
    study *s = study_open("bohb:random=0", "a: 0..1; b: 0..1; c: 0..1 if a > 0.5", "a + b <= 0.9", SEED);
    for (int i = 0; i < 60; i++) { /* study_ask looks that it is feasible */
        assert_int_equal(study_ask(s), HPO_OK);
        study_tell(s, s->x, -s->x[0] - s->x[1]);
    }
    study_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ratio_is_that_of_the_formulas),
        cmocka_unit_test(begins_with_enough),
        cmocka_unit_test(proposes_better),
        cmocka_unit_test(is_a_fold),
        cmocka_unit_test(keeps_constraints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
