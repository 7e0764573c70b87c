/* SPDX-License-Identifier: Apache-2.0 */
/* probe.h - a sampler and a scheduler for tests that notice every difference in what they are shown.
 *
 * The sampler "probe" folds each told row into a running hash, and its suggestion is a function of that hash,
 * of every number in the view, of the draw and of the stream: two studies that suggest the same points have
 * shown it the same bits.  It also checks that the view is consistent. */
#ifndef PROBE_H
#define PROBE_H
#include "base/map.h"
#include "hpo/sampler.h"
#include "hpo/scheduler.h"
#include "study/study.h"
#include "t.h"

typedef struct probe_state {
    uint64_t hash;
    size_t n_told;
} probe_state;

static inline uint64_t probe_mix(uint64_t h, const void *data, size_t n)
{
    return n == 0 || data == NULL ? h : hpo_hash_bytes(data, n, h);
}

/* NaNs hash alike. */
static inline uint64_t probe_mix_doubles(uint64_t h, const double *x, size_t n)
{
    for (size_t i = 0; x != NULL && i < n; i++) {
        double v = isnan(x[i]) ? -12345.0 : x[i];
        h = hpo_hash_bytes(&v, sizeof v, h);
    }
    return h;
}

static inline uint64_t probe_row(uint64_t h, const hpo_view *v, size_t i)
{
    h = probe_mix_doubles(h, v->u + i * v->n_dims, v->n_dims);
    h = probe_mix_doubles(h, v->y + i * v->n_objectives, v->n_objectives);
    h = probe_mix_doubles(h, v->sem + i * v->n_objectives, v->n_objectives);
    if (v->n_outcomes > 0) h = probe_mix_doubles(h, v->outcome + i * v->n_outcomes, v->n_outcomes);
    if (v->gradient != NULL) h = probe_mix_doubles(h, v->gradient + i * v->n_dims, v->n_dims);
    h = probe_mix_doubles(h, v->cost + i, 1);
    h = probe_mix(h, v->state + i, 1);
    return probe_mix(h, v->number + i, sizeof v->number[i]);
}

static inline uint64_t probe_reports(uint64_t h, const hpo_view *v)
{
    h = probe_mix(h, v->report_trial, v->n_reports * sizeof *v->report_trial);
    h = probe_mix_doubles(h, v->report_step, v->n_reports);
    h = probe_mix_doubles(h, v->report_value, v->n_reports * v->n_objectives);
    return probe_mix(h, v->report_fold, v->n_reports * sizeof *v->report_fold);
}

static inline hpo_status probe_tell(void *state, const hpo_view *view, size_t row, hpo_error *err)
{
    probe_state *s = state;
    (void)err;
    assert_int_equal(row, s->n_told);
    assert_int_equal(view->n_done, row + 1);
    s->n_told++;
    s->hash = probe_row(s->hash, view, row);
    s->hash = probe_reports(s->hash, view);
    return HPO_OK;
}

static inline hpo_status probe_ask(void *state, const hpo_view *view, uint64_t draw, hpo_rng *rng,
                                   double *u_out, hpo_error *err)
{
    probe_state *s = state;
    uint64_t h = s->hash;
    (void)err;
    assert_int_equal(view->n_done, s->n_told);
    for (size_t i = 0; i < view->n_done; i++)
        h = probe_row(h, view, i);
    for (size_t i = 1; i < view->n_pending; i++)
        assert_true(view->number_pending[i - 1] < view->number_pending[i]);
    h = probe_mix_doubles(h, view->u_pending, view->n_pending * view->n_dims);
    h = probe_mix(h, view->number_pending, view->n_pending * sizeof *view->number_pending);
    h = probe_reports(h, view);
    h = probe_mix(h, &draw, sizeof draw);
    for (size_t i = 0; i < view->n_dims; i++) {
        uint64_t r = hpo_rng_u64(rng);
        h = probe_mix(h, &r, sizeof r);
        u_out[i] = (double)(h >> 11) * 0x1p-53;
    }
    return HPO_OK;
}

static const hpo_sampler_ops PROBE = {
    .size = sizeof(hpo_sampler_ops),
    .name = "probe",
    .help = "Notices every difference in what it is shown.",
    .reference = "none",
    .caps = HPO_CAP_DISCRETE | HPO_CAP_CONDITIONAL | HPO_CAP_CONSTRAINTS | HPO_CAP_STRUCTURED |
            HPO_CAP_MULTI_OBJECTIVE | HPO_CAP_OUTCOMES | HPO_CAP_HISTORY | HPO_CAP_CONTINUOUS |
            HPO_CAP_DEPENDENT,
    .state_size = sizeof(probe_state),
    .ask = probe_ask,
    .tell = probe_tell,
};

/* The scheduler "chronicle" hashes all it is fed and lets everything go on. */
static inline hpo_status chronicle_report(void *state, const hpo_sched_report *r, hpo_sched_answer *out,
                                          hpo_error *err)
{
    uint64_t *h = state;
    (void)err, (void)out;
    *h = probe_mix(*h, &r->trial, sizeof r->trial);
    *h = probe_mix_doubles(*h, &r->step, 1);
    *h = probe_mix_doubles(*h, r->y, r->n_objectives);
    return HPO_OK;
}

static inline hpo_status chronicle_tell(void *state, int64_t trial, hpo_state end, const double *y,
                                        hpo_error *err)
{
    uint64_t *h = state;
    int32_t e = (int32_t)end;
    (void)err;
    *h = probe_mix(*h, &trial, sizeof trial);
    *h = probe_mix(*h, &e, sizeof e);
    *h = probe_mix_doubles(*h, y, y != NULL);
    return HPO_OK;
}

static const hpo_scheduler_ops CHRONICLE = {.size = sizeof CHRONICLE,
                                            .name = "chronicle",
                                            .help = "Writes down what it is fed.",
                                            .reference = "none",
                                            .state_size = sizeof(uint64_t),
                                            .report = chronicle_report,
                                            .tell = chronicle_tell};

/* What the chronicle of this handle says after all that is stored. */
static inline uint64_t chronicle_of(hpo_study *s)
{
    hpo_error err;
    hpo_study_header h;
    assert_ok(hpo_study__begin(s, &h, &err), err);
    assert_ok(hpo_fold__sync(s, &h, &err), err);
    s->ops->rollback(s->store, s->id);
    return *(const uint64_t *)s->scheduler.state;
}

static inline void probe_register(void)
{
    hpo_error err;
    assert_ok(hpo_sampler_register(&PROBE, &err), err);
    assert_ok(hpo_scheduler_register(&CHRONICLE, &err), err);
}
#endif
