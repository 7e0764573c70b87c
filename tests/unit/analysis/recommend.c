/* SPDX-License-Identifier: Apache-2.0 */
/* Which configuration to use: closed forms, honest intervals, and that the best of many noisy values is no
 * answer. */
#include "analysis/recommend.h"
#include "math/rng.h"
#include "math/stats.h"
#include "t.h"

enum { MOST = 1500 };

typedef struct data {
    hpo_space *space;
    hpo_recommend_data d;
    hpo_error err;
    double u[MOST * 2], y[MOST], sem[MOST], truth[MOST];
    uint64_t hash[MOST];
    int64_t number[MOST];
} data;

static void open_data(data *t)
{
    memset(t, 0, sizeof *t);
    assert_ok(hpo_space_parse("x: 0..1; y: 0..1", &t->space, &t->err), t->err);
    assert_ok(hpo_space_freeze(t->space, &t->err), t->err);
    t->d = (hpo_recommend_data){.space = t->space,
                                .n_dims = 2,
                                .u = t->u,
                                .y = t->y,
                                .sem = t->sem,
                                .hash = t->hash,
                                .number = t->number,
                                .seed = 1};
}

static void close_data(data *t)
{
    hpo_space_free(t->space);
}

static double truth_of(double a, double b)
{
    return (a - 0.3) * (a - 0.3) + 2 * (b - 0.6) * (b - 0.6);
}

static void add(data *t, double a, double b, double y)
{
    size_t i = t->d.n++;
    t->u[2 * i] = a;
    t->u[2 * i + 1] = b;
    t->y[i] = y;
    t->sem[i] = (double)NAN;
    t->truth[i] = truth_of(a, b);
    t->number[i] = (int64_t)i;
    t->hash[i] = i + 1;
    for (size_t j = 0; j < i; j++)
        if (t->u[2 * j] == a && t->u[2 * j + 1] == b) t->hash[i] = t->hash[j];
}

static void sample(data *t, size_t n, double noise, uint64_t seed)
{
    hpo_rng rng;
    hpo_rng_init(&rng, seed, 1, HPO_RNG_USER);
    t->d.n = 0;
    for (size_t i = 0; i < n; i++) {
        double a = hpo_rng_uniform(&rng), b = hpo_rng_uniform(&rng);
        add(t, a, b, truth_of(a, b) + noise * hpo_rng_normal(&rng));
    }
}

static hpo_recommend_result ask(data *t)
{
    hpo_recommend_result r;
    assert_ok(hpo_recommend(&t->d, &r, &t->err), t->err);
    assert_true(r.n_choices > 0 && r.n_choices <= HPO_MAX_CHOICES);
    double p = 0;
    for (size_t i = 0; i < r.n_choices; i++) {
        const hpo_choice *c = &r.choices[i];
        assert_true(c->low <= c->mean + 1e-9 && c->mean <= c->high + 1e-9);
        p += c->p_best;
    }
    assert_near(p, 1, 0, 1e-9);
    return r;
}

static void test_exact_values_speak_for_themselves(void **state)
{
    (void)state;
    static data t;
    open_data(&t);
    hpo_recommend_result r;
    assert_fails(hpo_recommend(&t.d, &r, &t.err), HPO_ENOTFOUND, t.err, "no complete");
    sample(&t, 100, 0, 1);
    size_t best = 0;
    for (size_t i = 1; i < 100; i++)
        if (t.y[i] < t.y[best]) best = i;
    r = ask(&t);
    assert_int_equal(r.method, HPO_RECOMMEND_OBSERVED);
    assert_int_equal(r.noisy, 0);
    assert_int_equal(r.choices[0].row, best);
    assert_int_equal(r.best_row, best);
    assert_near(r.choices[0].mean, t.y[best], 0, 0);
    assert_near(r.optimism, 0, 0, 0);
    for (size_t i = 1; i < r.n_choices; i++)
        assert_true(r.choices[i].mean >= r.choices[i - 1].mean);
    add(&t, t.u[0], t.u[1], t.y[0]); /* a repeat with the same value is no noise */
    assert_int_equal(ask(&t).noisy, 0);
    add(&t, t.u[0], t.u[1], t.y[0] + 1);
    assert_int_equal(ask(&t).noisy, 1);
    close_data(&t);
}

/* Two configurations, no model: James-Stein needs three, so the means stay; sd from the replicates. */
static void test_few_configurations(void **state)
{
    (void)state;
    static data t;
    open_data(&t);
    add(&t, 0.1, 0.1, 5);
    add(&t, 0.1, 0.1, 7);
    add(&t, 0.9, 0.9, 4);
    add(&t, 0.9, 0.9, 10);
    hpo_recommend_result r = ask(&t);
    assert_int_equal(r.method, HPO_RECOMMEND_SHRUNK);
    assert_near(r.noise_sd, sqrt((2 + 18) / 2.0), 1e-12, 0);
    assert_int_equal(r.choices[0].row, 0);
    assert_int_equal(r.best_row, 2); /* 4 is the best single value */
    assert_near(r.choices[0].mean, 6, 1e-12, 0);
    assert_near(r.choices[0].sem, sqrt(10 / 2.0), 1e-12, 0);
    assert_near(r.best_mean, 7, 1e-12, 0);
    assert_near(r.optimism, sqrt(10) * sqrt(2 * log(2)), 1e-9, 0);
    close_data(&t);
}

/* The expected value is close to the truth, its interval covers it, the best value is too good. */
static void test_intervals_and_optimism(void **state)
{
    (void)state;
    static data t;
    size_t covered = 0, of = 0, lucky = 0, rounds = 12;
    double error = 0, curse = 0, noise = 0;
    open_data(&t);
    for (size_t k = 0; k < rounds; k++) {
        sample(&t, 60, 0.15, 100 + k);
        t.d.noisy = 1;
        hpo_recommend_result r = ask(&t);
        assert_int_equal(r.method, HPO_RECOMMEND_GP);
        const hpo_choice *c = &r.choices[0];
        for (size_t i = 0; i < r.n_choices; i++) {
            const hpo_choice *one = &r.choices[i];
            covered += one->low <= t.truth[one->row] && t.truth[one->row] <= one->high;
            of++;
        }
        lucky += t.y[r.best_row] < t.truth[r.best_row];
        error += (c->mean - t.truth[c->row]) / (double)rounds;
        curse += (t.y[r.best_row] - t.truth[r.best_row]) / (double)rounds;
        noise += r.noise_sd / (double)rounds;
    }
    printf("# covered %zu of %zu, bias of the expected value %.3f, of the best value %.3f\n", covered, of,
           error, curse);
    assert_near(noise, 0.15, 0.3, 0);
    assert_true((double)covered > 0.75 * (double)of);
    assert_true(lucky >= 11);
    assert_true(fabs(error) < 0.25 * fabs(curse));
    close_data(&t);
}

/* Not knowing f and not measuring it exactly are two things.  Taking noise for knowledge, by the smallest
 * value, loses: the configuration with the smallest posterior mean is truly better. */
static void test_taking_noise_for_knowledge_loses(void **state)
{
    (void)state;
    enum { SEEDS = 15 };
    static data t;
    double lucky[SEEDS], expected[SEEDS], least[SEEDS];
    open_data(&t);
    t.d.noisy = 1;
    for (size_t k = 0; k < SEEDS; k++) {
        sample(&t, 50, 0.2, 1000 + k);
        hpo_recommend_result r = ask(&t);
        lucky[k] = t.truth[r.best_row];
        expected[k] = t.truth[r.choices[0].row];
        least[k] = HUGE_VAL;
        for (size_t i = 0; i < t.d.n; i++)
            least[k] = fmin(least[k], t.truth[i]);
    }
    double a = hpo_median(lucky, SEEDS), b = hpo_median(expected, SEEDS), c = hpo_median(least, SEEDS);
    printf("# median true value: best measured %.4f, best expected %.4f, best there is %.4f\n", a, b, c);
    assert_true(b < 0.6 * a);
    assert_true(b >= c);
    close_data(&t);
}

/* Eight parameters, 60 trials, none twice, half of the variance noise: what is measured says little of how
 * much of it is noise, and an interval that takes one answer for granted (the most probable one under a prior
 * for small noise) holds in one run of five. */
static void test_noise_without_repeats(void **state)
{
    (void)state;
    enum { D = 8, ROWS = 60, SEEDS = 20 };
    static double u[ROWS * D], y[ROWS], sem[ROWS], truth[ROWS];
    uint64_t hash[ROWS];
    int64_t number[ROWS];
    hpo_space *space;
    hpo_error err;
    size_t covered = 0, wide = 0;
    if (T_INSTRUMENTED) return;
    assert_ok(hpo_space_parse("a: 0..1; b: 0..1; c: 0..1; d: 0..1; e: 0..1; f: 0..1; g: 0..1; h: 0..1",
                              &space, &err),
              err);
    assert_ok(hpo_space_freeze(space, &err), err);
    for (size_t k = 0; k < SEEDS; k++) {
        hpo_rng rng;
        hpo_rng_init(&rng, 50 + k, 1, HPO_RNG_USER);
        for (size_t i = 0; i < ROWS; i++) {
            truth[i] = 0;
            for (size_t j = 0; j < D; j++) {
                u[i * D + j] = hpo_rng_uniform(&rng);
                truth[i] += (u[i * D + j] - 0.4) * (u[i * D + j] - 0.4);
            }
            y[i] = truth[i] + 0.25 * hpo_rng_normal(&rng);
            sem[i] = (double)NAN;
            number[i] = (int64_t)i;
            hash[i] = i + 1;
        }
        hpo_recommend_data d = {.space = space,
                                .n = ROWS,
                                .n_dims = D,
                                .u = u,
                                .y = y,
                                .sem = sem,
                                .hash = hash,
                                .number = number,
                                .noisy = 1,
                                .seed = k};
        hpo_recommend_result r;
        assert_ok(hpo_recommend(&d, &r, &err), err);
        const hpo_choice *c = &r.choices[0];
        covered += c->low <= truth[c->row] && truth[c->row] <= c->high;
        wide += c->high - c->low > 1.5; /* all values lie within two */
    }
    printf("# %zu of %d intervals hold, %zu are useless\n", covered, SEEDS, wide);
    assert_true(covered >= 15);
    assert_true(wide == 0);
    hpo_space_free(space);
}

/* 17 trials of the problem lr-bowl-noisy (learning rate, momentum, weight decay; random search, seed 5): all
 * but two lie on a plateau.  What is expected of the best must not be less than anything measured by several
 * times the range. */
static void test_plateau(void **state)
{
    (void)state;
    enum { ROWS = 17 };
    static const double rows[ROWS][4] = {
        {0.257, 0.986, 0.504, 1.7794}, {0.286, 0.718, 0.226, 2.2858}, {0.276, 0.927, 0.271, 2.1323},
        {0.208, 0.958, 0.974, 2.3630}, {0.078, 0.564, 0.194, 2.3593}, {0.287, 0.336, 0.553, 2.3248},
        {0.009, 0.973, 0.853, 2.4306}, {0.131, 0.474, 0.298, 2.3227}, {0.704, 0.013, 0.219, 0.2901},
        {0.055, 0.987, 0.079, 2.3852}, {0.218, 0.918, 0.928, 2.3970}, {0.226, 0.018, 0.149, 2.3351},
        {0.266, 0.602, 0.165, 2.3093}, {0.686, 0.264, 0.428, 0.2378}, {0.129, 0.914, 0.568, 2.3271},
        {0.171, 0.989, 0.051, 2.2046}, {0.032, 0.019, 0.067, 2.4053}};
    double u[ROWS * 3], y[ROWS], sem[ROWS];
    uint64_t hash[ROWS];
    int64_t number[ROWS];
    hpo_space *space;
    hpo_error err;
    hpo_recommend_result r;
    assert_ok(hpo_space_parse("lr: 0..1; mom: 0..1; wd: 0..1", &space, &err), err);
    assert_ok(hpo_space_freeze(space, &err), err);
    for (size_t i = 0; i < ROWS; i++) {
        memcpy(u + 3 * i, rows[i], 3 * sizeof *u);
        y[i] = rows[i][3];
        sem[i] = (double)NAN;
        hash[i] = i + 1;
        number[i] = (int64_t)i;
    }
    hpo_recommend_data d = {.space = space,
                            .n = ROWS,
                            .n_dims = 3,
                            .u = u,
                            .y = y,
                            .sem = sem,
                            .hash = hash,
                            .number = number,
                            .noisy = 1};
    assert_ok(hpo_recommend(&d, &r, &err), err);
    const hpo_choice *c = &r.choices[0];
    printf("# expect %.3f [%.3f, %.3f], noise %.3f\n", c->mean, c->low, c->high, r.noise_sd);
    assert_int_equal(c->row, 13);
    assert_true(c->mean > 0.1 && c->mean < 0.5);
    assert_true(c->low > -0.5 && c->high < 1.2);
    assert_true(r.noise_sd < 0.5);
    hpo_space_free(space);
}

/* Reported standard errors count as noise, and a value without any is trusted more. */
static void test_standard_errors(void **state)
{
    (void)state;
    static data t;
    open_data(&t);
    sample(&t, 40, 0.05, 7);
    for (size_t i = 0; i < t.d.n; i++)
        t.sem[i] = 0.05;
    hpo_recommend_result r = ask(&t);
    assert_int_equal(r.noisy, 1);
    assert_int_equal(r.method, HPO_RECOMMEND_GP);
    assert_near(r.noise_sd, 0.05, 1e-9, 0);
    assert_near(r.choices[0].sem, 0.05, 1e-9, 0);
    close_data(&t);
}

/* The first trial is as good as any: P(better) says so; a far worse one is told apart. */
static void test_better_than_the_first(void **state)
{
    (void)state;
    static data t;
    open_data(&t);
    t.d.noisy = 1;
    add(&t, 0.95, 0.05, truth_of(0.95, 0.05));
    hpo_rng rng;
    hpo_rng_init(&rng, 3, 3, HPO_RNG_USER);
    for (int i = 0; i < 100; i++) {
        double a = hpo_rng_uniform(&rng), b = hpo_rng_uniform(&rng);
        add(&t, a, b, truth_of(a, b) + 0.1 * hpo_rng_normal(&rng));
    }
    assert_true(ask(&t).p_better > 0.99);
    t.u[0] = 0.32; /* a default that is nearly the optimum */
    t.u[1] = 0.58;
    t.y[0] = 0;
    hpo_recommend_result r = ask(&t);
    printf("# first expected %.3g, recommended %.3g, P(better) %.3g\n", r.first_mean, r.choices[0].mean,
           r.p_better);
    assert_true(isnan(r.p_better) || r.p_better < 0.95);
    close_data(&t);
}

/* Many trials: the forest, within a second; the same question, the same answer. */
static void test_many_trials(void **state)
{
    (void)state;
    static data t;
    open_data(&t);
    t.d.noisy = 1;
    hpo_rng rng;
    hpo_rng_init(&rng, 5, 5, HPO_RNG_USER);
    for (size_t i = 0; i < MOST; i++) {
        double a = hpo_rng_uniform(&rng), b = hpo_rng_uniform(&rng);
        t.u[2 * i] = a;
        t.u[2 * i + 1] = b;
        t.y[i] = truth_of(a, b) + 0.2 * hpo_rng_normal(&rng);
        t.sem[i] = (double)NAN;
        t.hash[i] = i + 1;
        t.number[i] = (int64_t)i;
        t.truth[i] = truth_of(a, b);
    }
    t.d.n = MOST;
    hpo_recommend_result r = ask(&t), again = ask(&t);
    assert_int_equal(r.method, HPO_RECOMMEND_FOREST);
    assert_memory_equal(&r.choices, &again.choices, sizeof r.choices);
    printf("# true value of the recommended %.4f, of the best measured %.4f\n", t.truth[r.choices[0].row],
           t.truth[r.best_row]);
    assert_true(t.truth[r.choices[0].row] < 0.05);
    close_data(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact_values_speak_for_themselves),
        cmocka_unit_test(test_few_configurations),
        cmocka_unit_test(test_intervals_and_optimism),
        cmocka_unit_test(test_taking_noise_for_knowledge_loses),
        cmocka_unit_test(test_noise_without_repeats),
        cmocka_unit_test(test_plateau),
        cmocka_unit_test(test_standard_errors),
        cmocka_unit_test(test_better_than_the_first),
        cmocka_unit_test(test_many_trials),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
