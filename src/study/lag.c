/* SPDX-License-Identifier: Apache-2.0 */
/* study/lag.c - the view of a study with lag k: suggestion n knows exactly the trials below n - k + 1.
 *
 * Up to k workers then get the same suggestions whatever the order in which their trials end: the k - 1
 * newest ones are shown as pending even when they are finished, and a suggestion waits for older ones that
 * are not.
 *
 * Rows stand at their trial's number.  Rows below n_told were let in; place[i] is 1 when trial i has its
 * result. Reports wait in `held`, chained by trial, until their trial is let in. */
#include "base/alloc.h"
#include "base/error.h"
#include "study/study.h"

static hpo_status reserve_trials(hpo_study *s, int64_t number, hpo_error *err)
{
    hpo_study_view *w = &s->view;
    size_t need = (size_t)number + 1;
    HPO_TRY(hpo_view__reserve(s, w, need, err));
    HPO_TRY(hpo_reserve(&w->place, &w->cap_place, need, sizeof *w->place, err));
    HPO_TRY(hpo_reserve(&w->held_last, &w->cap_held_last, need, sizeof *w->held_last, err));
    for (; w->n_place < need; w->n_place++) {
        w->place[w->n_place] = 0;
        w->held_last[w->n_place] = -1;
        w->number[w->n_place] = (int64_t)w->n_place;
        w->seq_tell[w->n_place] = 0;
    }
    w->n_rows = w->n_place;
    return HPO_OK;
}

hpo_status hpo_lag__trial(hpo_study *s, const hpo_trial_record *t, hpo_error *err)
{
    hpo_study_view *w = &s->view;
    HPO_TRY(reserve_trials(s, t->number, err));
    size_t row = (size_t)t->number;
    int ended = hpo_view__is_end(t->state);
    if (row < w->n_told && (!ended || w->seq_tell[row] != t->seq_tell)) w->dirty = 1;
    if (row < w->n_told) return HPO_OK;
    w->place[row] = ended;
    return hpo_view__write(s, w, row, t, err);
}

hpo_status hpo_lag__report(hpo_study *s, const hpo_report_record *r, hpo_error *err)
{
    hpo_study_view *w = &s->view;
    size_t i = w->held.n;
    HPO_TRY(reserve_trials(s, r->trial, err));
    HPO_TRY(hpo_reserve(&w->held_previous, &w->cap_held_previous, i + 1, sizeof *w->held_previous, err));
    HPO_TRY(hpo_view__add_report(&w->held, s->shape.n_objectives, r, err));
    w->held_previous[i] = w->held_last[r->trial];
    w->held_last[r->trial] = (int64_t)i;
    return HPO_OK;
}

/* Copies the held reports of one trial, oldest first: the chain is reversed on the way out and back. */
static hpo_status release_reports(hpo_study *s, size_t trial, hpo_error *err)
{
    hpo_study_view *w = &s->view;
    size_t m = s->shape.n_objectives;
    int64_t forward = -1;
    for (int64_t i = w->held_last[trial]; i >= 0;) {
        int64_t previous = w->held_previous[i];
        w->held_previous[i] = forward;
        forward = i;
        i = previous;
    }
    w->held_last[trial] = -1;
    for (int64_t i = forward; i >= 0; i = w->held_previous[i]) {
        const struct hpo_report_columns *h = &w->held;
        hpo_report_record r = {.trial = h->trial[i],
                               .seq = h->seq[i],
                               .step = h->step[i],
                               .fold = h->fold[i],
                               .y = h->value + (size_t)i * m};
        HPO_TRY(hpo_view__add_report(&w->reports, m, &r, err));
    }
    return HPO_OK;
}

hpo_status hpo_lag__admit(hpo_study *s, int64_t number, hpo_error *err)
{
    hpo_study_view *w = &s->view;
    int64_t known = number - s->spec.lag + 1; /* trials 0 .. known - 1 */
    while ((int64_t)w->n_told < known) {
        if (w->n_told >= w->n_place || !w->place[w->n_told]) return HPO_WAIT;
        hpo_status status = release_reports(s, w->n_told, err);
        if (status == HPO_OK) status = hpo_view__tell_next(s, w, err);
        if (status != HPO_OK) {
            w->dirty = 1;
            return status;
        }
    }
    w->n_pending = (size_t)number - w->n_told;
    hpo_view__publish(s, w, w->n_told);
    return HPO_OK;
}
