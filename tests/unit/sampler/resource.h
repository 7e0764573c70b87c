/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of samplers that model the resource share: a view as a scheduler that pauses trials makes it. */
#ifndef SAMPLER_RESOURCE_TEST_H
#define SAMPLER_RESOURCE_TEST_H
#include "guided.h"

enum { RUNGS_TRIALS = 200, RUNGS_REPORTS = 4000, RUNGS_LEVELS = 5 };

typedef struct rungs {
    study *s;
    size_t n_trials, n_reports;
    double u[RUNGS_TRIALS * 2], step[RUNGS_REPORTS], value[RUNGS_REPORTS];
    int64_t trial[RUNGS_REPORTS];
} rungs;

static const double rungs_level[RUNGS_LEVELS] = {1, 3, 9, 27, 81};

static inline rungs *rungs_open(const char *spec, uint64_t seed)
{
    rungs *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->s = study_open(spec, "a: 0..1; b: 0..1", NULL, seed);
    return r;
}

static inline void rungs_close(rungs *r)
{
    study_close(r->s);
    free(r);
}

static inline void rungs_show(rungs *r)
{
    hpo_view *v = &r->s->view;
    v->n_trials = r->n_trials;
    v->u_trial = r->u;
    v->n_levels = RUNGS_LEVELS;
    v->level = rungs_level;
    v->n_reports = r->n_reports;
    v->report_trial = r->trial;
    v->report_step = r->step;
    v->report_value = r->value;
}

/* Slow learners end best: a, b near .7, .3 ends at 0; a small a makes a fast and bad start. */
static inline double rungs_curve(const double *u, double step)
{
    double end = 2 * (u[0] - .7) * (u[0] - .7) + (u[1] - .3) * (u[1] - .3);
    return end + 1.5 * exp(-step / (1 + 25 * u[0]));
}

/* A trial of configuration u, trained up to `to`, with a report at each level on the way and at the end. */
static inline void rungs_train(rungs *r, const double *u, double to)
{
    size_t t = r->n_trials++;
    assert_true(t < RUNGS_TRIALS);
    r->u[2 * t] = u[0];
    r->u[2 * t + 1] = u[1];
    for (double step = 1; step <= to; step += step < 9 ? 1 : 9) {
        assert_true(r->n_reports < RUNGS_REPORTS);
        r->trial[r->n_reports] = (int64_t)t;
        r->step[r->n_reports] = step;
        r->value[r->n_reports++] = rungs_curve(u, step);
    }
    rungs_show(r);
}

/* 40 trials that were paused at the first level and 15 that ran to the end. */
static inline void rungs_fill(rungs *r, t_rng *rng)
{
    for (int i = 0; i < 55; i++) {
        const double u[2] = {t_uniform(rng), t_uniform(rng)};
        rungs_train(r, u, i % 4 == 0 ? 81 : i % 4 == 1 ? 9 : 1);
    }
}

/* Reports at once or one by one, with asks in between: the same suggestion. */
static inline void rungs_is_a_fold(const char *spec)
{
    rungs *all = rungs_open(spec, SEED), *step = rungs_open(spec, SEED);
    t_rng rng = {11};
    rungs_fill(all, &rng);
    memcpy(step->u, all->u, sizeof step->u);
    memcpy(step->step, all->step, sizeof step->step);
    memcpy(step->value, all->value, sizeof step->value);
    memcpy(step->trial, all->trial, sizeof step->trial);
    size_t stride = T_INSTRUMENTED ? 150 : 7;
    for (size_t n = 0; n <= all->n_reports; n += stride) {
        step->n_reports = n;
        step->n_trials = n == 0 ? 0 : (size_t)step->trial[n - 1] + 1;
        rungs_show(step);
        step->s->draw = 99;
        assert_int_equal(study_ask(step->s), HPO_OK);
    }
    step->n_reports = all->n_reports;
    step->n_trials = all->n_trials;
    rungs_show(step);
    all->s->draw = step->s->draw = 200;
    assert_int_equal(study_ask(all->s), HPO_OK);
    assert_int_equal(study_ask(step->s), HPO_OK);
    assert_same_doubles(all->s->u_asked, step->s->u_asked, 2);
    rungs_close(all);
    rungs_close(step);
}

/* Mean distance from the best configuration of `n` suggestions. */
static inline double rungs_distance(const char *spec, int n)
{
    rungs *r = rungs_open(spec, SEED);
    t_rng rng = {5};
    double sum = 0;
    rungs_fill(r, &rng);
    for (int i = 0; i < n; i++) {
        assert_int_equal(study_ask(r->s), HPO_OK);
        sum += hypot(r->s->u_asked[0] - .7, r->s->u_asked[1] - .3) / n;
    }
    rungs_close(r);
    return sum;
}
#endif
