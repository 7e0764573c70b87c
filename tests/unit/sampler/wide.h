/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold of samplers for many parameters. */
#ifndef SAMPLER_WIDE_H
#define SAMPLER_WIDE_H
#include "study.h"

enum { WIDE = 20 };

static inline const char *wide_space(char *text, size_t cap)
{
    for (size_t i = 0, at = 0; i < WIDE; i++)
        at += (size_t)snprintf(text + at, cap - at, "x%zu: 0..1;", i);
    return text;
}

/* A bowl in 20 dimensions, best point off the centre in every one; best value 0. */
static inline double wide_bowl(const double *x)
{
    double sum = 0;
    for (int i = 0; i < WIDE; i++) {
        double d = x[i] - (i % 3 == 0 ? 0.2 : i % 3 == 1 ? 0.7 : 0.45);
        sum += (1 + i % 4) * d * d;
    }
    return sum;
}

/* Three of 20 coordinates matter; best value 0. */
static inline double wide_few(const double *x)
{
    double a = x[3] - 0.2, b = x[9] - 0.85, c = x[14] - 0.4;
    return a * a + b * b + 2 * c * c + fabs(a * b);
}

static inline double wide_median(const char *spec, study_objective f, size_t n)
{
    double best[3];
    char text[512];
    for (uint64_t seed = 0; seed < 3; seed++) {
        study *s = study_open(spec, wide_space(text, sizeof text), NULL, SEED + seed);
        best[seed] = study_run(s, f, n);
        study_close(s);
    }
    qsort(best, 3, sizeof *best, compare_doubles);
    return best[1];
}

/* Median of three seeds after 45 evaluations of the bowl. */
static inline void wide_beats_random(const char *spec, double factor)
{
    double best = wide_median(spec, wide_bowl, 45), random = wide_median("random", wide_bowl, 45);
    print_message("# %s: bowl of 20 %.4g against %.4g of random\n", spec, best, random);
    assert_true(best < factor * random);
}

/* study_ask fails the test at a violation. */
static inline void wide_keeps_constraints(const char *spec)
{
    study *s = study_open(spec, "a: 0..1; b: 0..1; c: 0..1; n: int 1..30; k: p,q,r",
                          "a + b <= 1 and n * c <= 12", SEED);
    for (size_t i = 0; i < 40; i++) {
        assert_int_equal(study_ask(s), HPO_OK);
        study_tell(s, s->x, (1 - s->x[0]) * (1 - s->x[1]) - 0.1 * s->x[2] * s->x[3]);
    }
    study_close(s);
}
#endif
