/* SPDX-License-Identifier: Apache-2.0 */
/* bench/drift: the best schedule has its closed form; and population-based training in virtual time finds
 * schedules that beat every constant. */
#include "problem_helpers.h"

#include "bench/simulate.h"

enum { EPOCHS = 81, SEEDS = 10 };

/* With a_t = m / (m + s^2) each epoch 1 / m grows by 1 / s^2.  m_0 and s^2 follow from what one epoch gives:
 * m = s^2 at rate 1, (m_0 + s^2) / 4 at rate 1/2. */
static void test_the_best_schedule(void **state)
{
    (void)state;
    hpo_problem *p = open_problem("drift-i02");
    double x[EPOCHS][2], one[2] = {1, 81}, half[2] = {0.5, 81};
    hpo_problem_piece past[EPOCHS];
    hpo_problem_query q = {.x = one, .resource = 1, .noise_free = 1};
    double variance = 2 * answer(p, q).y[0];
    q.x = half;
    double start = (2 * answer(p, q).y[0] - 0.25 * variance) / 0.25;
    assert_true(start >= 10 && start <= 1000 && variance >= 0.1 && variance <= 10);
    double m = start;
    for (int t = 0; t < EPOCHS; t++) {
        x[t][0] = m / (m + variance);
        x[t][1] = EPOCHS;
        past[t] = (hpo_problem_piece){x[t], t + 1};
        m = m * variance / (m + variance);
    }
    q = (hpo_problem_query){.x = x[EPOCHS - 1],
                            .resource = EPOCHS,
                            .from = EPOCHS - 1,
                            .past = past,
                            .n_past = EPOCHS - 1,
                            .noise_free = 1};
    double best = 0.5 / (1 / start + EPOCHS / variance);
    assert_near(answer(p, q).y[0], best, 1e-12, 0);
    assert_true(best < 0.5 * p->best[0]);
    /* p->best is that of constants: a grid finds none better */
    for (int i = 0; i <= 500; i++) {
        double c[2] = {pow(10, -3.0 * i / 500), EPOCHS};
        assert_true(value_at(p, c) >= p->best[0] * (1 - 1e-12));
    }
    assert_near(value_at(p, p->best_x), p->best[0], 1e-12, 0);
    hpo_problem_free(p);
}

typedef struct outcome {
    double value, spent;
} outcome;

static void note(void *ctx, const hpo_evaluation *e)
{
    outcome *o = ctx;
    if (e->recommended_true != NULL) o->value = e->recommended_true[0];
    o->spent = e->spent;
}

static outcome run(const hpo_problem *p, const char *scheduler, int32_t workers, uint64_t seed,
                   double preempted)
{
    outcome o = {.value = (double)INFINITY};
    const hpo_simulation s = {.workers = workers,
                              .seed = seed,
                              .sampler = "random",
                              .scheduler = scheduler,
                              .max_resource = 10,
                              .preemption_rate = preempted,
                              .lease = 10,
                              .report_every_step = 1};
    assert_ok(hpo_simulate(p, &s, note, &o, &err), err);
    return o;
}

/* Ten full evaluations each; one, four (fewer than members) and ten workers, and workers that are lost.  Ten
 * come to a level at the same moment: all but the last are compared with few. */
static void test_schedules_beat_constants(void **state)
{
    static const struct {
        int32_t workers;
        double preempted;
        int at_least; /* runs below the best constant; measured: 10, 10, 6, 10 */
    } cases[] = {{1, 0, 9}, {4, 0, 9}, {10, 0, 5}, {4, 0.05, 6}};
    (void)state;
    hpo_problem *p = open_problem("drift-i02");
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        int beats_best = 0, beats_asha = 0;
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            outcome pbt = run(p, "pbt:interval=3", cases[c].workers, seed, cases[c].preempted);
            outcome asha = run(p, "asha", cases[c].workers, seed, cases[c].preempted);
            beats_best += pbt.value < p->best[0];
            beats_asha += pbt.value < asha.value;
            assert_true(pbt.spent <= asha.spent + 0.5);
        }
        assert_true(beats_asha >= SEEDS - 1);
        assert_true(beats_best >= cases[c].at_least);
    }
    hpo_problem_free(p);
}

/* The same seed, the same events. */
static void test_is_deterministic(void **state)
{
    (void)state;
    hpo_problem *p = open_problem("drift-i01");
    outcome a = run(p, "pbt", 4, 3, 0), b = run(p, "pbt", 4, 3, 0);
    assert_true(a.value == b.value && a.spent == b.spent);
    hpo_problem_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_best_schedule),
        cmocka_unit_test(test_schedules_beat_constants),
        cmocka_unit_test(test_is_deterministic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
