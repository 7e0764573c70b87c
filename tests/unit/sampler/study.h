/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of samplers that learn share: a study without a study, that is, a sampler and the view that
 * grows with each result, so that nothing but the sampler is under test. */
#ifndef SAMPLER_STUDY_H
#define SAMPLER_STUDY_H
#include "draws.h"
#include "space/space.h"

enum { STUDY_ROWS = 600, STUDY_DIMS = 100, STUDY_COLUMNS = 100, STUDY_PENDING = 16 };

typedef struct study {
    hpo_space *space;
    hpo_sampler sampler;
    uint64_t seed, draw;
    hpo_view view;
    double u[STUDY_ROWS * STUDY_DIMS], y[STUDY_ROWS], sem[STUDY_ROWS], cost[STUDY_ROWS];
    double u_pending[STUDY_PENDING * STUDY_DIMS], u_asked[STUDY_DIMS], x[STUDY_COLUMNS];
    uint8_t state[STUDY_ROWS];
    int64_t number[STUDY_ROWS], number_pending[STUDY_PENDING];
} study;

/* Smaller is better; NaN: the trial failed. */
typedef double (*study_objective)(const double *x);

static inline study *study_open(const char *spec, const char *space, const char *constraint, uint64_t seed)
{
    study *s = calloc(1, sizeof *s);
    assert_non_null(s);
    s->space = space_of(space, constraint);
    s->seed = seed;
    open_sampler(spec, s->space, seed, &s->sampler);
    s->view = (hpo_view){.size = sizeof s->view,
                         .n_dims = hpo_space_n_dims(s->space),
                         .n_objectives = 1,
                         .u = s->u,
                         .y = s->y,
                         .sem = s->sem,
                         .cost = s->cost,
                         .state = s->state,
                         .number = s->number,
                         .u_pending = s->u_pending,
                         .number_pending = s->number_pending};
    assert_true(s->view.n_dims <= STUDY_DIMS && hpo_space_n_columns(s->space) <= STUDY_COLUMNS);
    return s;
}

static inline void study_close(study *s)
{
    hpo_sampler_close(&s->sampler);
    hpo_space_free(s->space);
    free(s);
}

/* The next point, in s->u_asked (unit cube) and s->x (own units); always valid. */
static inline hpo_status study_ask(study *s)
{
    hpo_rng rng;
    hpo_error err = {HPO_OK, ""};
    hpo_rng_init(&rng, s->seed, s->draw, HPO_RNG_SAMPLER);
    hpo_status rc = s->sampler.ops->ask(s->sampler.state, &s->view, s->draw, &rng, s->u_asked, &err);
    if (rc < 0) fail_msg("draw %d: %s", (int)s->draw, err.msg);
    s->draw++;
    if (rc != HPO_OK) return rc;
    hpo_space_decode(s->space, s->u_asked, s->x);
    assert_true(hpo_space_feasible(s->space, s->x));
    return rc;
}

/* A result at configuration x (own units). */
static inline void study_tell(study *s, const double *x, double y)
{
    hpo_error err;
    size_t row = s->view.n_done++;
    assert_true(row < STUDY_ROWS);
    hpo_space_encode(s->space, x, s->u + row * s->view.n_dims);
    s->y[row] = y;
    s->sem[row] = (double)NAN;
    s->state[row] = isnan(y) ? HPO_STATE_FAILED : HPO_STATE_COMPLETE;
    s->number[row] = (int64_t)row;
    if (s->sampler.ops->tell != NULL) {
        hpo_view v = s->view;
        v.n_pending = 0;
        assert_ok(s->sampler.ops->tell(s->sampler.state, &v, row, &err), err);
    }
}

/* Marks the configuration x as running. */
static inline void study_pend(study *s, const double *x)
{
    assert_true(s->view.n_pending < STUDY_PENDING);
    hpo_space_encode(s->space, x, s->u_pending + s->view.n_pending * s->view.n_dims);
    s->number_pending[s->view.n_pending] = (int64_t)(STUDY_ROWS + s->view.n_pending);
    s->view.n_pending++;
}

/* n rounds of ask, evaluate, tell; returns the best value seen. */
static inline double study_run(study *s, study_objective f, size_t n)
{
    double best = (double)INFINITY;
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(study_ask(s), HPO_OK);
        double y = f(s->x);
        study_tell(s, s->x, y);
        if (y < best) best = y;
    }
    return best;
}

/* A fresh sampler that is told the same rows asks for the same point, to the bit: the state is a fold. */
static inline void study_check_fold(study *s, const char *spec)
{
    hpo_error err;
    hpo_rng rng;
    hpo_sampler fresh;
    double u[STUDY_DIMS];
    open_sampler(spec, s->space, s->seed, &fresh);
    for (size_t i = 0; i < s->view.n_done && fresh.ops->tell != NULL; i++) {
        hpo_view v = s->view;
        v.n_done = i + 1;
        v.n_pending = 0;
        assert_ok(fresh.ops->tell(fresh.state, &v, i, &err), err);
    }
    hpo_rng_init(&rng, s->seed, s->draw, HPO_RNG_SAMPLER);
    assert_ok(fresh.ops->ask(fresh.state, &s->view, s->draw, &rng, u, &err), err);
    assert_int_equal(study_ask(s), HPO_OK);
    assert_same_doubles(u, s->u_asked, s->view.n_dims);
    hpo_sampler_close(&fresh);
}
#endif
