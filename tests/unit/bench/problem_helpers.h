/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of synthetic problems share. */
#ifndef PROBLEM_HELPERS_H
#define PROBLEM_HELPERS_H
#include "t.h"

#include "bench/problem.h"

static hpo_error err;

static inline hpo_problem *open_problem(const char *name)
{
    hpo_problem *p;
    assert_ok(hpo_problem_open(name, NULL, &p, &err), err);
    return p;
}

static inline hpo_problem_answer answer(const hpo_problem *p, hpo_problem_query q)
{
    hpo_problem_answer a = {.seconds = 0};
    assert_ok(hpo_problem_evaluate(p, &q, &a, &err), err);
    return a;
}

/* Noise-free, at full resource. */
static inline double value_at(const hpo_problem *p, const double *x)
{
    return answer(p, (hpo_problem_query){.x = x, .resource = (double)NAN, .noise_free = 1}).y[0];
}
#endif
