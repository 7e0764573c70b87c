/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of single samplers share: a space from text, and n draws as a matrix. */
#ifndef DRAWS_H
#define DRAWS_H
#include "math/rng.h"
#include "sampler/registry.h"
#include "t.h"

enum { SEED = 20260101 };

static inline hpo_space *space_of(const char *text, const char *constraint)
{
    hpo_error err;
    hpo_space *s;
    assert_ok(hpo_space_parse(text, &s, &err), err);
    if (constraint != NULL) assert_ok(hpo_space_add_constraint(s, constraint, &err), err);
    assert_ok(hpo_space_freeze(s, &err), err);
    return s;
}

static inline void open_sampler(const char *spec, const hpo_space *space, uint64_t seed, hpo_sampler *s)
{
    hpo_error err;
    assert_ok(hpo_sampler_open(spec, space, 1, 0, seed, s, &err), err);
}

static inline hpo_status ask(hpo_sampler *s, uint64_t seed, uint64_t draw, double *u)
{
    const hpo_view view = {.size = sizeof view, .n_objectives = 1};
    hpo_rng rng;
    hpo_error err = {HPO_OK, ""};
    hpo_rng_init(&rng, seed, draw, HPO_RNG_SAMPLER);
    hpo_status rc = s->ops->ask(s->state, &view, draw, &rng, u, &err);
    if (rc < 0) fail_msg("draw %d: %s", (int)draw, err.msg);
    return rc;
}

/* n draws, n x n_dims; returns how many there were before HPO_DONE. */
static inline size_t draw_points(const char *spec, const hpo_space *space, uint64_t seed, size_t n, double *u)
{
    hpo_sampler s;
    size_t i = 0, dims = hpo_space_n_dims(space);
    open_sampler(spec, space, seed, &s);
    while (i < n && ask(&s, seed, i, u + i * dims) == HPO_OK)
        i++;
    hpo_sampler_close(&s);
    return i;
}

/* The same as configurations, n x n_columns. */
static inline size_t draw_configs(const char *spec, const hpo_space *space, uint64_t seed, size_t n,
                                  double *x)
{
    hpo_sampler s;
    size_t i = 0;
    double u[64];
    open_sampler(spec, space, seed, &s);
    for (; i < n && ask(&s, seed, i, u) == HPO_OK; i++)
        hpo_space_decode(space, u, x + i * hpo_space_n_columns(space));
    hpo_sampler_close(&s);
    return i;
}

static inline int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Kolmogorov-Smirnov distance of column j of u (n x dims) from the uniform distribution. */
static inline double ks_uniform(const double *u, size_t n, size_t dims, size_t j)
{
    double *v = malloc(n * sizeof *v), worst = 0;
    assert_non_null(v);
    for (size_t i = 0; i < n; i++)
        v[i] = u[i * dims + j];
    qsort(v, n, sizeof *v, compare_doubles);
    for (size_t i = 0; i < n; i++)
        worst = fmax(worst, fmax(v[i] - (double)i / (double)n, (double)(i + 1) / (double)n - v[i]));
    free(v);
    return worst;
}
#endif
