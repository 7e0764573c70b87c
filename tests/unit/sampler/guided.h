/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold of every sampler that fits a model and maximises a score of it. */
#ifndef SAMPLER_GUIDED_TEST_H
#define SAMPLER_GUIDED_TEST_H
#include "study.h"

enum { GUIDED_MOST_SEEDS = 9 };

/* Smooth, three of five coordinates matter; best value 0. */
static inline double guided_bowl(const double *x)
{
    return 4 * (x[0] - 0.3) * (x[0] - 0.3) + 2 * fabs(x[1] - 0.8) + (x[2] - 0.5) * (x[2] - 0.5);
}
static const char guided_bowl_space[] = "a: 0..1; b: 0..1; c: 0..1; d: 0..1; e: 0..1";

/* Labels, an integer on a log scale, a parameter of one branch; best value 0. */
static inline double guided_branches(const double *x)
{
    static const double label[] = {0.9, 0.4, 1.3, 0, 0.7, 1.1};
    double size = fabs(log(x[1] / 32) / log(64)), f = label[(int)x[0]] + size;
    return x[2] == 1 ? f + 2 * fabs(x[3] - 0.1) : f + 0.6;
}
static const char guided_branches_space[] =
    "act: p,q,r,s,t,v; units: int 1..256 log; drop: bool; rate: 0..0.5 if drop";

static inline double guided_median(const char *spec, const char *space, study_objective f, size_t n,
                                   size_t seeds)
{
    double best[GUIDED_MOST_SEEDS];
    for (uint64_t seed = 0; seed < seeds; seed++) {
        study *s = study_open(spec, space, NULL, SEED + seed);
        best[seed] = study_run(s, f, n);
        study_close(s);
    }
    qsort(best, seeds, sizeof *best, compare_doubles);
    return best[seeds / 2];
}

/* Median of `seeds` (odd, at most 9) after 60 evaluations: better than random by `factor`, on two problems.
 */
static inline void guided_beats_random(const char *spec, double factor, size_t seeds)
{
    if (T_INSTRUMENTED) { /* here the code only has to run */
        (void)guided_median(spec, guided_bowl_space, guided_bowl, 25, 1);
        (void)guided_median(spec, guided_branches_space, guided_branches, 25, 1);
        return;
    }
    double bowl = guided_median(spec, guided_bowl_space, guided_bowl, 60, seeds);
    double branches = guided_median(spec, guided_branches_space, guided_branches, 60, seeds);
    double random_bowl = guided_median("random", guided_bowl_space, guided_bowl, 60, seeds);
    double random_branches = guided_median("random", guided_branches_space, guided_branches, 60, seeds);
    print_message("# %s: bowl %.4g against %.4g of random, branches %.4g against %.4g\n", spec, bowl,
                  random_bowl, branches, random_branches);
    assert_true(bowl < factor * random_bowl);
    assert_true(branches < factor * random_branches);
}

static inline double guided_failing(const double *x)
{
    return x[2] == 1 && x[3] > 0.3 ? (double)NAN : guided_branches(x);
}

/* The state is a fold of the results: with failures, with running trials, and over the counts at which models
 * are fitted anew. */
static inline void guided_is_a_fold(const char *spec)
{
    static const size_t counts[] = {3, 12, 25, 70, 90};
    study *s = study_open(spec, guided_branches_space, NULL, SEED);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        while (s->view.n_done < counts[i])
            (void)study_run(s, guided_failing, 1);
        study_check_fold(s, spec);
    }
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(study_ask(s), HPO_OK);
        study_pend(s, s->x);
        study_check_fold(s, spec);
    }
    study_close(s);
}

/* Running trials are not proposed again, and are kept away from: with eight of them pending the proposals
 * differ. */
static inline void guided_spreads_pending(const char *spec)
{
    study *s = study_open(spec, guided_bowl_space, NULL, SEED);
    (void)study_run(s, guided_bowl, 20);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(study_ask(s), HPO_OK);
        study_pend(s, s->x);
    }
    for (size_t i = 0; i < 8; i++)
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(s->u_pending + i * 5, s->u_pending + j * 5, 5 * sizeof(double));
    study_close(s);
}

/* Nothing to learn from: no value, one value, equal values, absurd values. */
static inline void guided_survives(const char *spec)
{
    static const double odd[] = {1e300, -1e300, 0, 1e-300, 5, 5, 5, 1e18};
    for (size_t kind = 0; kind < 4; kind++) {
        study *s = study_open(spec, guided_branches_space, NULL, SEED);
        for (size_t i = 0; i < 30; i++) {
            assert_int_equal(study_ask(s), HPO_OK);
            double y = kind == 0   ? (double)NAN
                       : kind == 1 ? (i == 7 ? 1 : (double)NAN)
                       : kind == 2 ? 3
                                   : odd[i % 8];
            study_tell(s, s->x, y);
        }
        study_close(s);
    }
}

/* A finite space to its end: no configuration twice while others are left. */
static inline void guided_lists_finite(const char *spec)
{
    study *s = study_open(spec, "a: p,q,r; n: int 1..4", NULL, SEED);
    uint64_t seen[12];
    size_t fresh = 0;
    for (size_t i = 0; i < 11; i++) {
        assert_int_equal(study_ask(s), HPO_OK);
        uint64_t h = hpo_space_hash(s->space, s->x);
        size_t j = 0;
        while (j < fresh && seen[j] != h)
            j++;
        if (j == fresh) seen[fresh++] = h;
        study_tell(s, s->x, s->x[0] + s->x[1]);
    }
    assert_true(fresh >= 9); /* the opening and draws from the prior may repeat: the study asks again */
    study_close(s);
}

/* The optimum lies on the border of a measured constraint, a + b >= 1: after forty trials a model that heeds it
 * proposes feasible points more often than not, and near the optimum. */
static inline void guided_heeds_outcomes(const char *spec)
{
    enum { N = 70 };
    static double u[3 * N], y[N], sem[N], cost[N], outcome[N];
    static uint8_t ends[N];
    static int64_t number[N];
    hpo_space *space = space_of("a: 0..1; b: 0..1; c: p,q", NULL);
    hpo_sampler sampler;
    hpo_error err;
    double best = HUGE_VAL;
    size_t late = 0, n = T_INSTRUMENTED ? 25 : N;
    assert_ok(hpo_sampler_open(spec, space, 1, 1, SEED, &sampler, &err), err);
    hpo_view view = {.size = sizeof view, .n_dims = 3, .n_objectives = 1, .n_outcomes = 1, .u = u, .y = y,
                     .sem = sem, .outcome = outcome, .cost = cost, .state = ends, .number = number};
    for (size_t i = 0; i < n; i++) {
        hpo_rng rng;
        double v[3], x[3];
        hpo_rng_init(&rng, SEED, i, HPO_RNG_SAMPLER);
        assert_ok(sampler.ops->ask(sampler.state, &view, i, &rng, v, &err), err);
        hpo_space_decode(space, v, x);
        hpo_space_encode(space, x, u + 3 * i);
        y[i] = x[0] + x[1] + x[2];
        outcome[i] = 1 - x[0] - x[1];
        sem[i] = (double)NAN;
        ends[i] = i % 2 == 0 && outcome[i] > 0 ? HPO_STATE_INFEASIBLE : HPO_STATE_COMPLETE;
        number[i] = (int64_t)i;
        view.n_done = i + 1;
        if (outcome[i] <= 0) best = fmin(best, y[i]);
        late += i >= 40 && outcome[i] <= 0;
    }
    hpo_sampler_close(&sampler);
    hpo_space_free(space);
    if (T_INSTRUMENTED) return;
    print_message("# %s, constrained: %.4g (1 is best), %zu of the last 30 feasible\n", spec, best, late);
    assert_true(best < 1.06);
    assert_true(late >= 10);
}

/* The account is one JSON object that names the model. */
static inline void guided_explains(const char *spec, const char *part)
{
    study *s = study_open(spec, guided_branches_space, NULL, SEED);
    char text[4096];
    size_t n = 0;
    hpo_error err;
    (void)study_run(s, guided_branches, 25);
    assert_int_equal(study_ask(s), HPO_OK);
    const hpo_sampler_ops *ops = s->sampler.ops;
    assert_ok(ops->explain(s->sampler.state, &s->view, s->u_asked, text, sizeof text, &n, &err), err);
    assert_true(n > 0 && n < sizeof text);
    assert_contains(text, "\"model\":");
    assert_contains(text, part);
    study_close(s);
}
#endif
