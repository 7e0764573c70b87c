/* SPDX-License-Identifier: Apache-2.0 */
/* unit/api/fixture.h - studies for tests, on each storage. */
#ifndef FIXTURE_H
#define FIXTURE_H
#include "study/study.h"
#include "t.h"

typedef struct fixture {
    hpo_storage *st;
    hpo_space *space;
    hpo_study *s;
    hpo_error err;
    int64_t t0, now; /* when the study was made; what its clock shows */
} fixture;

static inline int64_t fixture_clock(void *ctx)
{
    return ((const fixture *)ctx)->now;
}

/* url NULL: a fresh file.  The clock stands still at the moment of creation until f->now changes. */
static inline void fixture_open(fixture *f, const char *url, const char *space, const hpo_study_options *o)
{
    static int count;
    char path[64];
    memset(f, 0, sizeof *f);
    if (url == NULL) {
        snprintf(path, sizeof path, "study%d.db", count++);
        url = t_temp_path(path);
    }
    hpo_study_options plain = hpo_study_options_init();
    plain.sampler = "random"; /* these tests are about studies: no model takes part */
    if (o == NULL) o = &plain;
    assert_ok(hpo_storage_open(url, &f->st, &f->err), f->err);
    assert_ok(hpo_space_parse(space, &f->space, &f->err), f->err);
    assert_ok(hpo_study_create(f->st, f->space, o, &f->s, &f->err), f->err);
    f->now = f->t0 = f->s->created_ms;
    hpo_study__set_clock(f->s, fixture_clock, f);
}

static inline void fixture_close(fixture *f)
{
    hpo_study_free(f->s);
    hpo_space_free(f->space);
    hpo_storage_free(f->st);
}

static inline hpo_summary fixture_summary(fixture *f)
{
    hpo_summary q = {.size = sizeof q};
    assert_ok(hpo_study_summary(f->s, &q, &f->err), f->err);
    int64_t sum = 0;
    for (int i = 0; i < HPO_N_STATES; i++) {
        assert_true(q.n_by_state[i] >= 0);
        sum += q.n_by_state[i];
    }
    assert_int_equal(sum, q.n_trials);
    return q;
}

static inline hpo_trial_info fixture_trial(fixture *f, int64_t number)
{
    hpo_trial_info i = {.size = sizeof i};
    assert_ok(hpo_study_sync(f->s, NULL, &f->err), f->err);
    assert_ok(hpo_study_trial(f->s, number, &i, &f->err), f->err);
    return i;
}

static inline hpo_trial *fixture_ask(fixture *f)
{
    hpo_trial *t = NULL;
    assert_ok(hpo_study_ask(f->s, &t, &f->err), f->err);
    return t;
}

static inline void fixture_tell(fixture *f, hpo_trial *t, double y)
{
    assert_ok(hpo_study_tell_value(f->s, t, y, &f->err), f->err);
    hpo_trial_free(t);
}

/* Runs the test on the memory storage and on a file. */
#define ON_EACH_STORAGE(body)                                                                                \
    static void test_##body(void **state)                                                                    \
    {                                                                                                        \
        (void)state;                                                                                         \
        body("mem:");                                                                                        \
        body(NULL);                                                                                          \
    }
#endif
